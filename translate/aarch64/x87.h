/* The x87 unit in translated code. While it is "live" its registers are slots in a buffer of the thread's: a
 * significand and a word with sign and exponent that need no unpacking. Only the usual state can be live:
 * cw rounds to nearest with 64 or 53 bits and masks all exceptions, and the full registers are st[8 - depth] to
 * st[7]. So neither TOP nor tags are kept: x9 points to ST(0)'s slot, behind the last if all are empty; it
 * is A64_X87_OFF if cpu->fpu holds the state.
 *
 * With 53 bits x9 has a bit set in its top byte, which addresses ignore.
 *
 * A slot's word (bit 63: sign) is one of
 *   normal   exponent + A64_X87_BIAS in 0..0xfff, the significand's top bit set: 2^-1022 to 2^3073
 *   zero     0, significand 0
 *   special  A64_X87_SPECIAL; bits 32-46 the exponent of the 80-bit format, bit 47 the significand's top bit,
 *            which is clear in the significand: infinities, NaNs, denormals, whatever else
 * While MMX registers are live they are d8-d15, and x9 is A64_X87_MMX; x12 tells what of cpu->fpu is older: bits
 * 0-7 those registers, any bit top and tags (mmx.c).
 * The eight bytes at CPU_X87_NOTE tell what the last run's last instruction was, 0 if cpu->fpu does: bits 0-31
 * its address, 32-42 its opcode; bit 43: there was a memory operand, whose segment register is bits 44-46.
 *
 * With --x87=double a slot is a double, and the integer that FILD made it of: as long as that, rounded, is the
 * double, its 64 bits are the value. x12 is not used.
 *
 * Leaf routines (x87_leaf_*.S) compute T = T op b, T in x10, x11 and b in x2, x3 (word second), and leave NZCV alone.
 * What they cannot do is reported by A64_X87_SLOW_BIT of w11, with T in x0, x1: the interpreter does it. */
#ifndef XRUN_TRANSLATE_AARCH64_X87_H
#define XRUN_TRANSLATE_AARCH64_X87_H

#define A64_X87_BIAS 1022
#define A64_X87_SPECIAL 0x13fe
#define A64_X87_SPECIAL_BIT 12
#define A64_X87_SLOW_BIT 13
#define A64_X87_OFF 0x180
#define A64_X87_MMX 0x181 /* to all that looks for slots the same */
#define A64_X87_MMX_BIT 0
#define A64_X87_BEGUN_BIT 63 /* of x12 */
#define A64_MM0 8 /* d8 */
#define A64_X87_PC53_BIT 56 /* of x9 */
#define A64_X87_NOTE_MEM 43
/* The first slot's address, modulo 512: so bits 7 and 8 tell whether an address is of a slot. */
#define A64_X87_ALIGN 0x80

#ifndef __ASSEMBLER__

#include "core/cpu.h"

enum a64_x87_reg {
    A64_X87_P = 9,     /* x9 */
    A64_X87_T = 10,    /* x10, x11: where translated code keeps ST(0) */
    A64_X87_TE = 11,
    A64_X87_LOST = 12, /* x12: bit 63 is C1 */
    A64_X87_PE = 13,   /* x13: not 0: PE */
};

/* Leaf routines, BL. */
#define A64_X87_LEAVES(X) X(add) X(sub) X(subr) X(mul) X(div) X(divr) X(sqrt) X(cmp) X(xam) X(rint) X(to_int) \
    X(from_int) X(from_float) X(to_float) X(from_f80) X(to_f80) X(load) X(reload) X(leave) X(mmx_load) X(load_ymm) \
    X(double_from_f80) X(double_to_f80) X(double_to_int) X(double_rint) X(double_codes) X(double_xam)
#define X(name) extern const char a64_x87_##name[];
A64_X87_LEAVES(X)
#undef X

#endif
#endif
