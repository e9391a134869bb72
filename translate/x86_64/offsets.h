/* What only this host's assembly needs to know of struct cpu; checked in host.c. */
#ifndef XRUN_TRANSLATE_X86_64_OFFSETS_H
#define XRUN_TRANSLATE_X86_64_OFFSETS_H

#include "translate/offsets.h"

#define CPU_X87_LIVE 560
#define CPU_X87_IMAGE 592
#define CPU_YMM_LIVE 704
#define CPU_YMMH 720
#define CPU_ZMMH 848
#define CPU_K 1104
#define CPU_ZMM_USED 1168
#define CPU_ZMM_LIVE 1172
#define EFL_DF_BIT 0x400

#endif
