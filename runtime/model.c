/* The processor that programs see unless they are given one by name. */
#include "core/cpuid.h"
#include "core/xstate.h"
#include "interp/interp.h"
#include "runtime/runtime.h"
#include "translate/translate.h"

/* Programs use what CPUID shows because it is quick, and fall back on other instructions; so what the
 * interpreter would execute one by one is not shown. */
void model_hide_slow(void)
{
    static const struct {
        uint8_t feature;
        uint16_t op;
    } rows[] = {
        {CPUID_PCLMULQDQ, OP_PCLMULQDQ}, {CPUID_AES, OP_AESENC}, {CPUID_AVX, OP_VADDPS},
        {CPUID_SHA, OP_SHA256RNDS2}, {CPUID_GFNI, OP_GF2P8MULB}, {CPUID_VAES, OP_VAESENC},
        {CPUID_VPCLMULQDQ, OP_VPCLMULQDQ},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (!translate_direct(rows[i].op))
            cpuid_hide((enum cpuid_feature)rows[i].feature);
}

void model_show_avx512(void)
{
    struct cpuid_avx512 bits;
    uint16_t at[XSTATE_PARTS - 1];
    if (!translate_avx512(&bits, at))
        return;
    xstate_set_layout(at);
    interp_run_alone = translate_run_alone;
    cpuid_show_avx512(&bits);
}
