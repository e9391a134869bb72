/* The register map of the AArch64 host. The guest's general registers keep their order in the
 * callee-saved w19..w26, always zero-extended, so a C function called from a leaf stub leaves
 * them alone; its xmm registers are whole vector registers. SF, ZF, CF and OF live in NZCV; PF and
 * AF are computed only when read, from a register that holds what they follow from. */
#ifndef XRUN_REGALLOC_AARCH64_H
#define XRUN_REGALLOC_AARCH64_H

#include "core/cpu.h"

enum a64_reg {
    /* Free within the code of one guest instruction; arguments of C functions. */
    A64_TMP0, A64_TMP1, A64_TMP2, A64_TMP3, A64_TMP4, A64_TMP5, A64_TMP6, A64_TMP7,
    A64_ADDR,        /* x8: address of the memory operand; scratch where there is none */
    A64_KEEP0,       /* x9-x13: the x87 unit's (translate/aarch64/x87.h), everywhere in translated code; */
    A64_KEEP1,       /* gone after a call of C */
    A64_KEEP2,
    A64_KEEP3,
    A64_KEEP4,
    A64_PF,          /* x14: what PF and AF follow from (translate/aarch64/insn.h) */
    A64_TMP8,        /* x15: as A64_TMP0 */
    A64_TARGET,      /* x16: target of indirect jumps, argument of stubs (br x16 may enter bti c) */
    A64_STUB,        /* x17: scratch of stubs and of veneers to far targets */
    A64_PLATFORM,    /* x18: the platform's, never touched */
    A64_EAX, A64_ECX, A64_EDX, A64_EBX, A64_ESP, A64_EBP, A64_ESI, A64_EDI, /* w19-w26 */
    A64_CPU,         /* x27: struct cpu */
    A64_TABLE,       /* x28: cpu->host.table, guest address -> code */
    A64_TABLE_BASE,  /* x29: what entries of the table are relative to */
    A64_LR,          /* x30: return address of bl; scratch between calls */
    A64_SP = 31,     /* the stack of (guest, host) return address pairs, 16 bytes each */
    A64_ZR = 31,     /* the same number, by operand position */
};

enum a64_vreg {
    /* v0-v7: free within one guest instruction; arguments of C functions. v8-v15: only their low
     * halves survive calls of C. d8-d15: mm0-mm7 while they are live (x9 tells), registers of an x87 run
     * with --x87=double. */
    A64_VTMP0, A64_VTMP1, A64_VTMP2, A64_VTMP3, A64_VTMP4, A64_VTMP5, A64_VTMP6, A64_VTMP7,
    A64_YMMH0 = 8,   /* v8-v15: the upper halves of ymm0-ymm7 while cpu->host.ymm_live says so */
    A64_XMM0 = 16,   /* v16-v23: xmm0-xmm7 */
    A64_COPY0 = 24,  /* v24-v31: new values of xmm0-xmm7, and of upper halves, within a run (translate/aarch64/simd.h) */
};

static inline unsigned a64_gpr(unsigned guest) { return A64_EAX + guest; }
static inline unsigned a64_xmm(unsigned guest) { return A64_XMM0 + guest; }

_Static_assert(REG_EAX == 0 && REG_EDI == 7 && A64_EDI == 26 && A64_LR == 30,
               "guest registers are in w19-w26 in the guest's order");

#endif
