/* Where stubs.S finds the fields of struct cpu and struct insn; checked in host.c. */
#ifndef XRUN_TRANSLATE_AARCH64_OFFSETS_H
#define XRUN_TRANSLATE_AARCH64_OFFSETS_H

#define CPU_GPR 0
#define CPU_EIP 36
#define CPU_CC_RES 40
#define CPU_CC_AUX 44
#define CPU_EFLAGS 48
#define CPU_PENDING 84
#define CPU_EXIT_LINKS 96
#define CPU_EXIT 106
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
#define CPU_MXCSR 384
#define CPU_XMM 400
#define CPU_HOST_SP 528
#define CPU_RET_SP 536
#define CPU_RET_TOP 544
#define CPU_ALL 568
#define CPU_EXIT_CODE 600
#define CPU_X87 608
#define CPU_X87_NOTE 616
#define CPU_FP_BITS 724
#define INSN_FN 0
#define INSN_EIP 8
#define INSN_NEXT 12
#define INSN_CODE (-8) /* the code pointer before a block's first instruction */
#define EXIT_BRANCH_VALUE 0
#define EFL_DF_BIT 10

#endif
