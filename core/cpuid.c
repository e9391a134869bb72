/* CPUID: one row per model. The features of `max` are exactly those whose instructions the
 * interpreter executes; older models show fewer. */
#include "core/cpuid.h"

#include <stdio.h>
#include <string.h>

enum { /* leaf 1 edx */
    D_FPU = 1 << 0, D_TSC = 1 << 4, D_CX8 = 1 << 8, D_SEP = 1 << 11, D_CMOV = 1 << 15,
    D_CLFSH = 1 << 19, D_MMX = 1 << 23, D_FXSR = 1 << 24, D_SSE = 1 << 25, D_SSE2 = 1 << 26,
};
enum { /* leaf 1 ecx */
    C_SSE3 = 1 << 0, C_PCLMUL = 1 << 1, C_SSSE3 = 1 << 9, C_SSE41 = 1 << 19, C_SSE42 = 1 << 20,
    C_MOVBE = 1 << 22, C_POPCNT = 1 << 23, C_AES = 1 << 25, C_RDRAND = 1 << 30,
};

#define D_P5 (D_FPU | D_TSC | D_CX8)
#define D_PIII (D_P5 | D_SEP | D_CMOV | D_MMX | D_FXSR | D_SSE)
#define D_P4 (D_PIII | D_CLFSH | D_SSE2)
#define C_CORE2 (C_SSE3 | C_SSSE3)
#define C_NEHALEM (C_CORE2 | C_SSE41 | C_SSE42 | C_POPCNT)
#define C_MAX (C_NEHALEM | C_MOVBE | C_RDRAND)

static const struct model {
    const char *name;
    uint32_t signature; /* leaf 1 eax */
    uint32_t edx, ecx;
    uint32_t max_leaf;
    const char *brand;
} models[] = {
    {"486", 0x0435, D_FPU, 0, 1, "xrun 486"},
    {"pentium", 0x0524, D_P5, 0, 1, "xrun Pentium"},
    {"pentium3", 0x0683, D_PIII, 0, 2, "xrun Pentium III"},
    {"pentium4", 0x0f29, D_P4, 0, 2, "xrun Pentium 4"},
    {"core2", 0x06fb, D_P4, C_CORE2, 4, "xrun Core 2"},
    {"nehalem", 0x106a5, D_P4, C_NEHALEM, 7, "xrun Nehalem"},
    {"haswell", 0x306c3, D_P4, C_MAX, 7, "xrun Haswell"},
    {"max", 0x306c3, D_P4, C_MAX, 7, "xrun"},
};

static const struct model *cur = &models[ARRAY_SIZE(models) - 1];

bool cpuid_select(const char *name)
{
    if (!name)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        if (!strcmp(models[i].name, name)) {
            cur = &models[i];
            return true;
        }
    return false;
}

const char *cpuid_model_names(void)
{
    static char buf[128];
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(models); i++)
        n += (size_t)snprintf(buf + n, sizeof buf - n, "%s%s", i ? ", " : "", models[i].name);
    return buf;
}

uint32_t cpuid_hwcap(void)
{
    return cur->edx;
}

static struct cpuid_regs text(const char *s, unsigned part)
{
    char buf[48] = {0};
    struct cpuid_regs r;
    strncpy(buf, s, sizeof buf - 1);
    memcpy(&r, buf + part * 16, 16);
    return r;
}

struct cpuid_regs cpuid_query(uint32_t leaf, uint32_t subleaf)
{
    (void)subleaf;
    if (leaf < 0x80000000 && leaf > cur->max_leaf)
        leaf = cur->max_leaf;
    switch (leaf) {
    case 0:
        return (struct cpuid_regs){cur->max_leaf, 0x756e6547, 0x6c65746e, 0x49656e69};
    case 1:
        return (struct cpuid_regs){cur->signature, cur->edx & D_CLFSH ? 8 << 8 : 0, cur->ecx,
                                   cur->edx};
    case 2: return (struct cpuid_regs){0x665b5001, 0, 0, 0x007a7000};
    case 0x80000000: return (struct cpuid_regs){0x80000004, 0, 0, 0};
    case 0x80000002: case 0x80000003: case 0x80000004:
        return text(cur->brand, leaf - 0x80000002);
    default: return (struct cpuid_regs){0, 0, 0, 0};
    }
}
