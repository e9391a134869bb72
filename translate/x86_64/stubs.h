/* What translated code shares, in stubs.S. Most are not C functions: registers as the comments there say. */
#ifndef XRUN_TRANSLATE_X86_64_STUBS_H
#define XRUN_TRANSLATE_X86_64_STUBS_H

#include "core/types.h"

extern char x64_stubs_start[], x64_stubs_end[];
extern char x64_exit_direct[];   /* called by the stub of an exit */
extern char x64_exit_insn[];     /* r8: instruction to interpret next */
extern char x64_interp[];        /* r8: instruction to interpret, r9: where to go on */
extern char x64_load_x87[];      /* r9: where to go on; brings the guest's x87 state into the unit */
extern char x64_load_ymm[];      /* the same for the upper halves of the ymm registers */
extern char x64_load_zmm[];      /* for the zmm and k registers, with the upper halves of ymm */
extern char x64_return_miss[];   /* r8: guest address; the mirrored return led elsewhere */
extern char x64_return_miss_rcx[]; /* the same, with rcx in r9 */
extern char x64_look_up[];       /* r8: guest address that the table does not have at its place */
extern char x64_leave[];         /* leaves with cpu->eip and cpu->exit as they are */

/* These two are C functions. */
struct cpu;
/* One AVX-512 instruction for the interpreter, with the guest's registers; `code` finds its operand at r8. The
 * flags behind it. */
uint32_t x64_call_alone(struct cpu *cpu, const uint8_t *code, gaddr a);
/* XSAVEs AVX-512's components with 1, 2, 3 at their beginnings. */
void x64_save_marks(uint64_t *area);

#endif
