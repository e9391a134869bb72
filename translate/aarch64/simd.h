/* MMX and SSE: what the files that write code for them share.
 *
 * Floating-point results are those of x86, bit by bit, and the sticky exceptions in cpu->mxcsr stay
 * complete, unless one of a few bits of FPSR gets set (docs/ARCHITECTURE.md says why). The bits are not
 * looked at after each instruction but once after a run of them. Until then what the run must not
 * lose -- a register that was read before it was written -- stays where it is, the new value goes to
 * a copy; after the look the copies become the registers. If a bit is set the interpreter executes
 * the whole run instead.
 *
 * With FEAT_AFP (FPCR has AH and NEP) results, NaNs and denormals included, are x86's and so are FPSR's bits, which
 * need not be looked at then (e->exact), unless exceptions may trap (e->afp alone). Instructions that write the
 * low part of a register keep the rest.
 *
 * So within a run the value of an xmm register is where run_read says, and goes where run_write says.
 * A run is a piece of straight code; one store in it, and additions to general registers, come at its end.
 * Only its start is a place where the guest's state is complete: faults in it go back there. */
#ifndef XRUN_TRANSLATE_AARCH64_SIMD_H
#define XRUN_TRANSLATE_AARCH64_SIMD_H

#include "translate/aarch64/insn.h"

/* What to look for in FPSR, with two addresses' low bits above, as the immediate of an AND: all six
 * exceptions; or, while PE is set anyway, all but IXC, with QC. QC is set to get the closer look of
 * a64_slow_fpsr if IXC matters after all; and by saturation, which does not matter. */
#define FPSR_ALL 0xffff
#define FPSR_BUT_IXC 0x8f8f8f8f

enum { V0, V1, V2, V3, V4, V5, V6, V7 }; /* temporaries */

/* Registers have numbers: 0-7 are xmm0-7, from SIMD_UPPER on the upper halves of ymm0-7, from SIMD_TEMP on v0-v7. */
enum { SIMD_UPPER = 8, SIMD_REGS = 16, SIMD_TEMP = 16 };

/* The vector register that holds all of xmm`x`; or at least its low 4 or 8 bytes. */
unsigned run_read(struct emit *e, unsigned x);
unsigned run_read_low(struct emit *e, unsigned x, unsigned bytes);
/* The register that becomes xmm`x`: all of it is to be written, by an instruction that may still read what
 * run_read said. `width`: only so many low bytes may be other than zero (16: all). */
unsigned run_write(struct emit *e, unsigned x, unsigned width);
/* The register that becomes the low 4 or 8 bytes of xmm`x`, the others stay: to be written by an
 * instruction that clears the rest of it. Then run_merge, with that register. */
unsigned run_write_low(struct emit *e, unsigned x, unsigned bytes);
void run_merge(struct emit *e, unsigned x, unsigned bytes, unsigned from);
/* xmm`x` gets the value of another without code; false: that cannot be done. */
bool run_share(struct emit *e, unsigned x, unsigned from);
/* The same for the current instruction, a copy: the next one gets a third operand; nothing is to be done now. */
bool run_rename(const struct emit *e, unsigned x, unsigned from);
/* It becomes 0. */
void run_zero(struct emit *e, unsigned x);
/* What has been written to it may be a NaN that is not x86's: the run looks whether it is one. The value that
 * is about to be written to it is a NaN if the one that is there is: that needs no look. */
void run_may_be_nan(unsigned x, enum a64_arr arr);
void run_keeps_nan(unsigned x, enum a64_arr arr);
/* Before anything else of an instruction that computes something that FPSR must be asked about; `how` for
 * a64_slow_fpsr. */
void run_computes(unsigned how);
/* The run is left to the interpreter unless w`w` is 0. */
void run_slow_unless_zero(struct emit *e, unsigned w);
/* Ends the run: looks at FPSR, writes the copies back. */
void run_settle(struct emit *e);

/* Instead of both, with e->exact: the register to be written by a floating-point instruction, which keeps the rest. */
unsigned run_modify(struct emit *e, unsigned x, unsigned bytes);
/* Copies the low 4 or 8 bytes of a register, by one instruction; false: that is not possible. */
bool run_insert(struct emit *e, unsigned x, unsigned bytes, unsigned from);

/* Only so many low bytes of xmm`x` may be other than zero, as far as is known. */
unsigned run_width(unsigned x);

/* ---- Operands ----
 * Those of SSE instructions, and of VEX instructions made one for each half (avx.c): operand 3 is the register that
 * is the first source, if it is not operand 0; the instruction has INSN_UNALIGNED_OK. */
static inline unsigned simd_first(const struct insn *in)
{
    return in->o[3].kind == OPND_XMM ? in->o[3].reg : in->o[0].reg;
}
/* run_write_low and run_merge of operand 0, whose other bytes become those of the first source. */
unsigned simd_write_low(struct emit *e, const struct insn *in, unsigned bytes);
void simd_merge(struct emit *e, const struct insn *in, unsigned bytes, unsigned from);
/* The low element of v becomes that of operand 0. */
void simd_put_low(struct emit *e, const struct insn *in, unsigned v, unsigned bytes);
/* Operand 1, all of it, zero-filled, in a vector register: an xmm register's, or `tmp`. Memory of 16 bytes
 * must be aligned where the instruction insists, else the slow path is taken. */
unsigned simd_source(struct emit *e, const struct insn *in, unsigned tmp);
/* The low `bytes` of it. */
unsigned simd_source_low(struct emit *e, const struct insn *in, unsigned tmp, unsigned bytes);
/* Operand 1 from memory; operand 0 to memory: at the end of a run that asks FPSR, so v must not be a temporary
 * then. */
void simd_load(struct emit *e, const struct insn *in, unsigned v);
void simd_store(struct emit *e, const struct insn *in, unsigned v);
void simd_load_operand(struct emit *e, const struct insn *in, const struct opnd *o, unsigned v);
/* An operand of 32 bytes. */
void simd_load_pair(struct emit *e, const struct insn *in, const struct opnd *o, unsigned lo, unsigned hi);
void simd_store_pair(struct emit *e, const struct insn *in, unsigned lo, unsigned hi);
/* A register with the whole address of operand 0, memory which is known then to lie in one page; of an instruction that
 * stands alone. */
unsigned simd_one_page(struct emit *e, const struct insn *in);
/* All elements = operand 1, memory. */
void simd_load_repeating(struct emit *e, const struct insn *in, enum a64_arr arr, unsigned v);
/* The same as simd_load into operand 0, with the instruction behind it that repeats the lowest element in all
 * others; false: there is none. */
bool simd_load_repeated(struct emit *e, const struct insn *in);
/* Operand 1, a general register or 4 bytes of memory, in a w register: its own, or `tmp`. */
unsigned simd_source_w(struct emit *e, const struct insn *in, unsigned tmp);

/* ---- Instructions by kind: whether it can be done, and doing it ---- */
bool simd_int_supported(const struct insn *in);
void simd_int(struct emit *e, const struct insn *in);
bool simd_fp_supported(const struct insn *in);
void simd_fp(struct emit *e, const struct insn *in);
bool simd_move_supported(const struct insn *in);
void simd_move(struct emit *e, const struct insn *in);

/* v`d` = -n, but NaNs stay what they are, as those of an operand that is subtracted. With e->afp. Clobbers v7. */
void simd_negate(struct emit *e, enum a64_arr arr, unsigned d, unsigned n);
/* v`d` = the elements of n as integers of their size, or INT32_MIN if they do not fit 32 bits. With e->afp. */
void simd_round_to_ints(struct emit *e, enum a64_arr arr, bool chop, unsigned d, unsigned n);
/* w`d` = the sign bits of v's 4 or 2 elements. */
void simd_sign_mask(struct emit *e, unsigned d, unsigned v, bool two);
/* PCMPESTRI, PCMPISTRI and theirs of VEX: they write ecx. */
bool simd_compares_strings(unsigned op);
/* ZF: v3 is 0; CF: v4 is; the other flags are clear. */
void simd_test_flags(struct emit *e);

/* v`d` = a where the mask's bits are set, else b. d is a or b, or the mask. */
void simd_select(struct emit *e, unsigned d, unsigned mask, unsigned a, unsigned b);

/* ---- VEX (avx.c) ---- */
bool avx_supported(const struct insn *in);
void avx_insn(struct emit *e, const struct insn *in);
/* The operation of SSE that it does for each half; `op` itself if there is none. */
unsigned avx_as_sse(unsigned op);
bool avx_must_be_aligned(unsigned op);
bool avx_stands_alone(const struct insn *in);
/* The region's AVX instructions are written as code: not with others that want v8-v15. */
bool avx_in_region(const struct translation *tr);

/* LDMXCSR, STMXCSR; false: there is no code for it. */
bool simd_control(struct emit *e, const struct insn *in);

/* ---- MMX (mmx.c) ---- */
/* Before anything else of an instruction that uses MMX registers; behind all of it. */
void simd_mmx_begin(struct emit *e);
void simd_mmx_end(struct emit *e);
/* The vector register that is mm`r`, in its low half; the other one may be anything. */
unsigned simd_mmx_read(unsigned r);
/* The same, to be written: behind the instruction's last access to memory and last branch to a slow path. */
unsigned simd_mmx_write(struct emit *e, unsigned r);
void simd_mmx_empty(struct emit *e); /* EMMS */

/* d = four elements, each chosen from a (0-3), b (4-7) or zero (8). d may be a or b. */
enum { SHUFFLE_ZERO = 8 };
void simd_shuffle4(struct emit *e, unsigned d, unsigned a, unsigned b, const uint8_t pick[4]);

#endif
