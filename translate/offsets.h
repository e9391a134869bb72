/* Where every host's assembly finds the fields of struct cpu and struct insn; checked in region.c. */
#ifndef XRUN_TRANSLATE_OFFSETS_H
#define XRUN_TRANSLATE_OFFSETS_H

#define CPU_GPR 0
#define CPU_EIP 36
#define CPU_CC_RES 40
#define CPU_CC_AUX 44
#define CPU_EFLAGS 48
#define CPU_PENDING 84
#define CPU_EXIT_LINKS 96
#define CPU_EXIT 106
#define CPU_MXCSR 384
#define CPU_XMM 400
#define CPU_HOST_SP 528
#define CPU_RET_SP 536
#define CPU_RET_TOP 544
#define CPU_TABLE 552
#define CPU_LINES 568
#define CPU_GOING_TO 576
#define CPU_EXIT_CODE 584
#define INSN_FN 0
#define INSN_EIP 8
#define INSN_NEXT 12
#define INSN_CODE (-8) /* the code pointer before a block's first instruction */
#define EXIT_BRANCH_VALUE 0

#endif
