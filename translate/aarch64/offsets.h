/* What only this host's assembly needs to know of struct cpu; checked in host.c. */
#ifndef XRUN_TRANSLATE_AARCH64_OFFSETS_H
#define XRUN_TRANSLATE_AARCH64_OFFSETS_H

#include "translate/offsets.h"

#define CPU_FPU 232
#define FPU_TOP 128
#define FPU_EMPTY 129
#define FPU_CW 130
#define FPU_SW 132
#define FPU_FOP 134
#define FPU_FIP 136
#define FPU_FCS 144
#define FPU_FDS 146
#define CPU_SEL 144
#define CPU_X87 592
#define CPU_X87_NOTE 600
#define CPU_X87_DOUBLE 608
#define CPU_AFP 612
#define CPU_YMM_LIVE 704
#define CPU_FP_BITS 708
#define CPU_YMMH 720
#define A64_PAIR_FLAGS_BIT 32 /* of a pair's first word: see live.h */

#ifdef __ASSEMBLER__
/* v8-v15 <-> cpu->ymmh */
        .macro  ymm op
        \op     q8, q9, [x27, #CPU_YMMH]
        \op     q10, q11, [x27, #CPU_YMMH + 32]
        \op     q12, q13, [x27, #CPU_YMMH + 64]
        \op     q14, q15, [x27, #CPU_YMMH + 96]
        .endm
#endif

#endif
