/* How each operation is translated on this host. */
#ifndef XRUN_TRANSLATE_X86_64_OPS_H
#define XRUN_TRANSLATE_X86_64_OPS_H

#include "decode/insn.h"

enum x64_how {
    HOW_INTERP, /* the interpreter's function for this one instruction */
    HOW_DIRECT, /* the same instruction, encoded for this host */
    HOW_STRING, /* the same, through esi, edi, ecx */
    HOW_VEX,    /* the same, with a VEX prefix */
    HOW_EVEX,   /* the same, of AVX-512 */
    HOW_MOV, HOW_LEA, HOW_PUSH, HOW_POP, HOW_LEAVE, HOW_NOP, HOW_XLAT,
    HOW_CALL, HOW_RET, HOW_JMP, HOW_JCC, HOW_LOOP,
};

/* By operation and host; the same for the whole run. */
enum x64_how x64_how(unsigned op);
bool x64_host_avx512(void);
/* Its extensions that have been tried, as CPUID shows them: leaf 7's ebx and ecx, eax of subleaf 1. */
void x64_avx512_bits(uint32_t bits[3]);

/* Where a mirrored return arrives code reads the byte [r13 * 2 - 1 + where the guest returned to - where it should],
 * with r13 the table of targets: the last byte of a page if that is 0, else in 4 GiB of nothing. */
extern bool x64_guarded;

#endif
