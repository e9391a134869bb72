/* CPUID: one row per model, after dumps of the real CPU of that name. A bit for an instruction set
 * is shown only if the interpreter executes all of it.
 * Bits of system features (paging, machine checks, ...) say nothing that a program at CPL 3 could
 * try, so they are what the real CPU shows. Leaves: SDM vol. 2, CPUID. */
#include "core/cpuid.h"

#include <stdio.h>
#include <string.h>

#include "core/xstate.h"

#define BIT(n) (UINT32_C(1) << (n))

enum { /* leaf 1 edx */
    D_FPU, D_VME, D_DE, D_PSE, D_TSC, D_MSR, D_PAE, D_MCE, D_CX8, D_APIC, D_SEP = 11, D_MTRR,
    D_PGE, D_MCA, D_CMOV, D_PAT, D_PSE36, D_CLFSH = 19, D_MMX = 23, D_FXSR, D_SSE, D_SSE2, D_SS,
};
enum { /* leaf 1 ecx */
    C_SSE3 = 0, C_PCLMUL = 1, C_SSSE3 = 9, C_FMA = 12, C_SSE41 = 19, C_SSE42 = 20, C_MOVBE = 22,
    C_POPCNT = 23, C_AES = 25, C_XSAVE = 26, C_OSXSAVE = 27, C_AVX = 28, C_F16C = 29, C_RDRAND = 30,
};
enum { /* leaf 7 ebx */
    B7_BMI1 = 3, B7_AVX2 = 5, B7_BMI2 = 8, B7_ERMS = 9, B7_RDSEED = 18, B7_ADX = 19,
    B7_CLFLUSHOPT = 23, B7_CLWB = 24, B7_SHA = 29,
};
enum { C7_GFNI = 8, C7_VAES = 9, C7_VPCLMULQDQ = 10, C7_RDPID = 22 }; /* leaf 7 ecx */
enum { E1C_LAHF = 0, E1C_LZCNT = 5, E1C_PREFETCHW = 8 }; /* leaf 0x80000001 ecx */
enum { E1D_RDTSCP = 27 };                  /* leaf 0x80000001 edx */

/* In no row: AVX-512 (cpuid_show_avx512), CMPXCHG16B (64-bit only), MONITOR, TSX, PKU. */
#define D_486 BIT(D_FPU)
#define D_P5 (D_486 | BIT(D_VME) | BIT(D_DE) | BIT(D_PSE) | BIT(D_TSC) | BIT(D_MSR) | \
              BIT(D_MCE) | BIT(D_CX8))
#define D_P6 (D_P5 | BIT(D_PAE) | BIT(D_SEP) | BIT(D_MTRR) | BIT(D_PGE) | BIT(D_MCA) | \
              BIT(D_CMOV) | BIT(D_PAT) | BIT(D_PSE36) | BIT(D_MMX) | BIT(D_FXSR) | BIT(D_SSE))
#define D_P4 (D_P6 | BIT(D_APIC) | BIT(D_CLFSH) | BIT(D_SSE2) | BIT(D_SS))
#define C_CORE2 (BIT(C_SSE3) | BIT(C_SSSE3))
#define C_NEHALEM (C_CORE2 | BIT(C_SSE41) | BIT(C_SSE42) | BIT(C_POPCNT))
#define C_AVX_ALL (BIT(C_XSAVE) | BIT(C_OSXSAVE) | BIT(C_AVX) | BIT(C_FMA) | BIT(C_F16C))
#define C_HASWELL (C_NEHALEM | BIT(C_MOVBE) | BIT(C_RDRAND) | BIT(C_AES) | BIT(C_PCLMUL) | C_AVX_ALL)
#define B7_HASWELL (BIT(B7_BMI1) | BIT(B7_BMI2) | BIT(B7_ERMS) | BIT(B7_AVX2))
#define B7_MAX (B7_HASWELL | BIT(B7_RDSEED) | BIT(B7_ADX) | BIT(B7_CLFLUSHOPT) | \
                BIT(B7_CLWB) | BIT(B7_SHA))
#define C7_MAX (BIT(C7_RDPID) | BIT(C7_GFNI) | BIT(C7_VAES) | BIT(C7_VPCLMULQDQ))

static const struct model {
    const char *name;
    uint32_t max_leaf, max_ext; /* max_ext 0: no extended leaves */
    uint32_t signature;         /* leaf 1 eax */
    uint32_t edx, ecx;          /* leaf 1 */
    uint32_t ebx7, ecx7;        /* leaf 7 */
    uint32_t ext_ecx, ext_edx;  /* leaf 0x80000001 */
    struct cpuid_regs leaf2;
    const char *brand;
} models[] = {
    {"486", 1, 0, 0x0480, D_486, 0, 0, 0, 0, 0, {0}, ""},
    {"pentium", 1, 0, 0x0524, D_P5, 0, 0, 0, 0, 0, {0}, ""},
    {"pentium3", 2, 0, 0x0683, D_P6, 0, 0, 0, 0, 0, {0x03020101, 0, 0, 0x0c040882}, ""},
    {"pentium4", 2, 0x80000004, 0x0f29, D_P4, 0, 0, 0, 0, 0, {0x665b5001, 0, 0, 0x007b7040},
     "Intel(R) Pentium(R) 4 CPU 2.80GHz"},
    {"core2", 10, 0x80000008, 0x06fb, D_P4, C_CORE2, 0, 0, BIT(E1C_LAHF), 0,
     {0x05b0b101, 0x005657f0, 0, 0x2cb43049}, "Intel(R) Core(TM)2 CPU"},
    {"nehalem", 11, 0x80000008, 0x106a5, D_P4, C_NEHALEM, 0, 0, BIT(E1C_LAHF), BIT(E1D_RDTSCP),
     {0x55035a01, 0x00f0b2e4, 0, 0x09ca212c}, "Intel(R) Core(TM) i7 CPU"},
    {"haswell", 13, 0x80000008, 0x306c3, D_P4, C_HASWELL, B7_HASWELL, 0,
     BIT(E1C_LAHF) | BIT(E1C_LZCNT), BIT(E1D_RDTSCP), {0x76036301, 0x00f0b5ff, 0, 0x00c10000},
     "Intel(R) Core(TM) i7-4770 CPU"},
    {"max", 13, 0x80000008, 0x306c3, D_P4, C_HASWELL, B7_MAX, C7_MAX,
     BIT(E1C_LAHF) | BIT(E1C_LZCNT) | BIT(E1C_PREFETCHW), BIT(E1D_RDTSCP),
     {0x76036301, 0x00f0b5ff, 0, 0x00c10000}, "xrun virtual i686"},
};

static const struct model *cur = &models[ARRAY_SIZE(models) - 1];
static struct cpuid_avx512 avx512;

void cpuid_hide(enum cpuid_feature f)
{
    static const struct {
        uint32_t ecx, ebx7, ecx7;
    } bits[] = {
        [CPUID_PCLMULQDQ] = {BIT(C_PCLMUL), 0, BIT(C7_VPCLMULQDQ)},
        [CPUID_AES] = {BIT(C_AES), 0, BIT(C7_VAES)},
        [CPUID_AVX] = {C_AVX_ALL, BIT(B7_AVX2), BIT(C7_VAES) | BIT(C7_VPCLMULQDQ)},
        [CPUID_SHA] = {0, BIT(B7_SHA), 0},
        [CPUID_GFNI] = {0, 0, BIT(C7_GFNI)},
        [CPUID_VAES] = {0, 0, BIT(C7_VAES)},
        [CPUID_VPCLMULQDQ] = {0, 0, BIT(C7_VPCLMULQDQ)},
    };
    static struct model less;
    less = *cur;
    less.ecx &= ~bits[f].ecx;
    less.ebx7 &= ~bits[f].ebx7;
    less.ecx7 &= ~bits[f].ecx7;
    cur = &less;
}

void cpuid_show_avx512(const struct cpuid_avx512 *bits)
{
    if (cur->ebx7 & BIT(B7_AVX2))
        avx512 = *bits;
}

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

uint64_t cpuid_xcr0(void)
{
    if (!(cur->ecx & BIT(C_OSXSAVE)))
        return 0;
    return avx512.ebx7 ? XSTATE_ALL | XSTATE_AVX512 : XSTATE_ALL;
}

static struct cpuid_regs regs(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    return (struct cpuid_regs){a, b, c, d};
}

static struct cpuid_regs brand(unsigned part)
{
    char buf[48] = {0};
    struct cpuid_regs r;
    snprintf(buf, sizeof buf, "%s", cur->brand);
    memcpy(&r, buf + part * 16, sizeof r);
    return r;
}

/* Leaf 4: L1 data and code, L2, L3, each private to the one core shown. */
static struct cpuid_regs cache(uint32_t subleaf)
{
    static const struct { uint8_t type, level; uint16_t ways; uint32_t sets; } c[] = {
        {1, 1, 8, 64}, {2, 1, 8, 64}, {3, 2, 8, 512}, {3, 3, 16, 8192}};
    if (subleaf >= ARRAY_SIZE(c))
        return regs(0, 0, 0, 0);
    return regs((uint32_t)c[subleaf].level << 5 | c[subleaf].type | 1 << 8,
                (c[subleaf].ways - 1u) << 22 | 63, c[subleaf].sets - 1, 0);
}

/* Leaf 0xD: the components of the XSAVE area. */
static struct cpuid_regs xstate(uint32_t subleaf)
{
    enum { XSAVEOPT = 1, XSAVEC = 2, XGETBV1 = 4 };
    const uint32_t xcr0 = (uint32_t)cpuid_xcr0();
    if (!xcr0)
        return regs(0, 0, 0, 0);
    if (subleaf == 0)
        return regs(xcr0, xstate_size(), xstate_size(), 0);
    if (subleaf == 1)
        return cur->ecx7 ? regs(XSAVEOPT | XSAVEC | XGETBV1, xstate_compact_at(XSTATE_PARTS, xcr0), 0, 0)
                         : regs(XSAVEOPT, 0, 0, 0);
    for (unsigned i = 0; i < XSTATE_PARTS; i++)
        if (subleaf < 32 && xcr0 & BIT(subleaf) & xstate_parts[i].component)
            return regs(xstate_parts[i].size, xstate_at(i), 0, 0);
    return regs(0, 0, 0, 0);
}

/* Extensions; subleaf 1 only for AVX-512's sake. */
static struct cpuid_regs features(uint32_t subleaf)
{
    if (subleaf)
        return regs(subleaf == 1 ? avx512.eax71 : 0, 0, 0, 0);
    return regs(avx512.eax71 ? 1 : 0, cur->ebx7 | avx512.ebx7, cur->ecx7 | avx512.ecx7, 0);
}

static struct cpuid_regs extended(uint32_t leaf)
{
    switch (leaf) {
    case 0x80000000: return regs(cur->max_ext, 0, 0, 0);
    case 0x80000001: return regs(0, 0, cur->ext_ecx, cur->ext_edx);
    case 0x80000002: case 0x80000003: case 0x80000004: return brand(leaf - 0x80000002);
    case 0x80000006: return regs(0, 0, 0x01006040, 0); /* L2: 256 KiB, 8 ways, 64-byte lines */
    case 0x80000007: return regs(0, 0, 0, 1 << 8);     /* the TSC runs at a constant rate */
    case 0x80000008: return regs(0x2028, 0, 0, 0);     /* 40 physical, 32 linear address bits */
    default: return regs(0, 0, 0, 0);
    }
}

struct cpuid_regs cpuid_query(uint32_t leaf, uint32_t subleaf)
{
    if (leaf >= 0x80000000 && leaf <= cur->max_ext)
        return extended(leaf);
    if (leaf > cur->max_leaf) /* as Intel CPUs: the data of the highest basic leaf */
        leaf = cur->max_leaf;
    switch (leaf) {
    case 0: return regs(cur->max_leaf, 0x756e6547, 0x6c65746e, 0x49656e69); /* GenuineIntel */
    case 1:
        return regs(cur->signature, cur->edx & BIT(D_CLFSH) ? 8 << 8 | 1 << 16 : 0,
                    cur->ecx, cur->edx);
    case 2: return cur->leaf2;
    case 4: return cache(subleaf);
    case 7: return features(subleaf);
    case 13: return xstate(subleaf);
    default: return regs(0, 0, 0, 0);
    }
}
