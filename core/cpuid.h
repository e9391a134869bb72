/* The CPU the guest sees. A feature bit is set only if xrun executes all of its instructions. */
#ifndef XRUN_CORE_CPUID_H
#define XRUN_CORE_CPUID_H

#include "core/types.h"

struct cpuid_regs { uint32_t eax, ebx, ecx, edx; };

/* Chooses the model by name (NULL: max). False if unknown. */
bool cpuid_select(const char *model);
/* Hides instructions that the model has, and what needs them. */
enum cpuid_feature {
    CPUID_PCLMULQDQ, CPUID_AES, CPUID_AVX, CPUID_SHA, CPUID_GFNI, CPUID_VAES, CPUID_VPCLMULQDQ,
};
void cpuid_hide(enum cpuid_feature f);
/* What leaf 7 says of AVX-512 (ebx, ecx, and eax of subleaf 1), which no model has by itself: shown in
 * addition, with its state. */
struct cpuid_avx512 { uint32_t ebx7, ecx7, eax71; };
void cpuid_show_avx512(const struct cpuid_avx512 *bits);
/* The state components that XSAVE manages; 0 if the model has no XSAVE. */
uint64_t cpuid_xcr0(void);
/* CPUID with eax=leaf, ecx=subleaf. */
struct cpuid_regs cpuid_query(uint32_t leaf, uint32_t subleaf);
/* CPUID.1:EDX, the value of AT_HWCAP. */
uint32_t cpuid_hwcap(void);
const char *cpuid_model_names(void); /* "486, pentium, ..." for messages */

#endif
