/* AVX where translators stumble: accesses at a page's end that fault must change neither memory nor registers; masked
 * accesses and gathers fault for wanted elements only; which NaN FMA chooses; MMX registers in turn with ymm registers;
 * BMI's flags before jumps. Everything in loops, so that it is translated.
 * xrun options: --cpu=max */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, ROUNDS = 300 };
static uint8_t *area;     /* two pages, then one that may be read, then none */
static sigjmp_buf back;
static volatile uint32_t fault_at;
static uint32_t hash = 1;

static void mix(const void *p, unsigned n)
{
    const uint8_t *b = p;
    while (n--)
        hash = hash * 16777619 ^ *b++;
}

static void on_fault(int sig, siginfo_t *i, void *uc)
{
    fault_at = (uint32_t)(uintptr_t)i->si_addr - (uint32_t)(uintptr_t)area;
    siglongjmp(back, 1);
}

static uint32_t before[8] = {1, 2, 3, 4, 5, 6, 7, 8}, after[8];

/* A load to ymm1 that may fault; the register and the place of the fault. */
static void load_at(uint8_t *p)
{
    fault_at = 0;
    __asm__ volatile("vmovdqu %0, %%ymm1" :: "m"(before));
    if (!sigsetjmp(back, 1))
        __asm__ volatile("vmovdqu (%0), %%ymm1" :: "r"(p) : "memory");
    __asm__ volatile("vmovdqu %%ymm1, %0" : "=m"(after));
    mix(after, 32);
    mix((void *)&fault_at, 4);
}

static void store_at(uint8_t *p, int how)
{
    fault_at = 0;
    __asm__ volatile("vmovdqu %0, %%ymm1" :: "m"(before));
    if (!sigsetjmp(back, 1)) {
        if (how == 0)
            __asm__ volatile("vmovdqu %%ymm1, (%0)" :: "r"(p) : "memory");
        else if (how == 1)
            __asm__ volatile("vmovups %%xmm1, (%0)" :: "r"(p) : "memory");
        else /* computed in the same run */
            __asm__ volatile("vaddps %%ymm1, %%ymm1, %%ymm2\n\tvmovups %%ymm2, (%0)" :: "r"(p) : "memory");
    }
    mix((void *)&fault_at, 4);
    mix(area + PAGE - 64, 128);
    mix(area + 2 * PAGE - 64, 64);
}

static void pages(void)
{
    for (unsigned n = 0; n < ROUNDS; n++) {
        memset(area, n, 2 * PAGE);
        for (int at = -40; at < 8; at += 8) {
            load_at(area + 3 * PAGE + at + n % 8);
            store_at(area + 2 * PAGE + at + n % 8, n % 3);
            store_at(area + PAGE + at + n % 8, n % 3);
        }
    }
    printf("pages %08x\n", hash);
}

/* Elements by a mask at the end of what can be read or written. */
static void masked(void)
{
    for (unsigned n = 0; n < ROUNDS; n++) {
        uint32_t mask[8];
        for (unsigned i = 0; i < 8; i++)
            mask[i] = n >> i & 1 ? 0x80000000 | i : i;
        for (int at = -32; at <= 0; at += 4) {
            fault_at = 0;
            if (!sigsetjmp(back, 1))
                __asm__ volatile("vmovdqu %1, %%ymm1\n\tvpmaskmovd (%2), %%ymm1, %%ymm2\n\tvmovdqu %%ymm2, %0"
                                 : "=m"(after) : "m"(mask), "r"(area + 3 * PAGE + at));
            mix(after, 32);
            mix(fault_at ? "f" : "-", 1);
            fault_at = 0;
            memset(area + 2 * PAGE - 40, n, 40);
            if (!sigsetjmp(back, 1))
                __asm__ volatile("vmovdqu %0, %%ymm1\n\tvmovdqu %1, %%ymm2\n\tvmaskmovps %%ymm2, %%ymm1, (%2)"
                                 :: "m"(mask), "m"(before), "r"(area + 2 * PAGE + at) : "memory");
            mix(area + 2 * PAGE - 40, 40);
            mix(fault_at ? "f" : "-", 1);
        }
    }
    printf("masked %08x\n", hash);
}

/* A fault leaves what has been loaded, and what is still to be. */
static void gathers(void)
{
    uint32_t index[8], mask[8], d[8], m[8];
    for (unsigned n = 0; n < ROUNDS; n++) {
        for (unsigned i = 0; i < 8; i++) {
            index[i] = (n * 7 + i * 13) % 64;
            mask[i] = n % 3 == 2 && (n >> i & 1) ? 0 : 0xffffffff;
        }
        if (n % 4 == 3)
            index[n / 4 % 8] = 1000;
        fault_at = 0;
        __asm__ volatile("vmovdqu %0, %%ymm1\n\tvmovdqu %1, %%ymm2\n\tvmovdqu %2, %%ymm3"
                         :: "m"(index), "m"(mask), "m"(before));
        if (!sigsetjmp(back, 1))
            __asm__ volatile("vpgatherdd %%ymm2, (%0,%%ymm1,4), %%ymm3" :: "r"(area + 3 * PAGE - 256) : "memory");
        __asm__ volatile("vmovdqu %%ymm3, %0\n\tvmovdqu %%ymm2, %1" : "=m"(d), "=m"(m));
        mix(d, 32);
        mix(m, 32);
        mix((void *)&fault_at, 4);
    }
    printf("gathers %08x\n", hash);
}

#define FMA(name) \
    __asm__ volatile("vmovdqu %1, %%ymm1\n\tvmovdqu %2, %%ymm2\n\tvmovdqu %3, %%ymm3\n\t" \
                     name "ps %%ymm3, %%ymm2, %%ymm1\n\tvmovdqu %%ymm1, %0\n\t" \
                     : "=m"(after) : "m"(v[0]), "m"(v[1]), "m"(v[2])); \
    mix(after, 32); \
    __asm__ volatile("vmovdqu %1, %%ymm1\n\tvmovdqu %2, %%ymm2\n\tvmovdqu %3, %%ymm3\n\t" \
                     name "sd %%xmm3, %%xmm2, %%xmm1\n\tvmovdqu %%ymm1, %0\n\t" \
                     : "=m"(after) : "m"(v[0]), "m"(v[1]), "m"(v[2])); \
    mix(after, 32);

static void fma(void)
{
    static const uint32_t odd[] = {0x3f800000, 0x7fc00001, 0xffc00002, 0x7f800003, 0xff800000, 0x7f800000, 0, 0x80000000,
                                   0x00000001, 0x7f7fffff, 0xbf8ccccd, 0x00800000};
    uint32_t v[3][8], csr;
    for (unsigned n = 0; n < ROUNDS * 4; n++) {
        for (unsigned k = 0; k < 24; k++)
            v[k / 8][k % 8] = odd[(n * 5 + k * (n / 12 + 1) * 7 + (k >> 3) * n) % 12];
        FMA("vfmadd132") FMA("vfmadd213") FMA("vfmadd231") FMA("vfmsub231") FMA("vfnmadd132") FMA("vfnmsub213")
        __asm__ volatile("vfmaddsub213ps %ymm3, %ymm2, %ymm1\n\tvfmsubadd132pd %ymm1, %ymm2, %ymm3");
        __asm__ volatile("vmovdqu %%ymm3, %0\n\tvstmxcsr %1" : "=m"(after), "=m"(csr));
        mix(after, 32);
        mix(&csr, 4);
        csr = 0x1f80;
        __asm__ volatile("vldmxcsr %0" :: "m"(csr));
    }
    printf("fma %08x\n", hash);
}

static __attribute__((noinline)) void with_mmx(uint64_t *p)
{
    __asm__ volatile("movq (%0), %%mm0\n\tpaddb 8(%0), %%mm0\n\tmovq %%mm0, (%0)\n\tpxor %%mm0, %%mm7\n\t"
                     "movq %%mm7, 8(%0)" :: "r"(p) : "memory");
}

static void turns(void)
{
    uint64_t q[2] = {0x0123456789abcdef, 0xfedcba9876543210};
    __asm__ volatile("vmovdqu %0, %%ymm5" :: "m"(before));
    for (unsigned n = 0; n < ROUNDS * 10; n++) {
        __asm__ volatile("vpaddd %ymm5, %ymm5, %ymm4\n\tvpxor %ymm4, %ymm5, %ymm5");
        with_mmx(q);
        __asm__ volatile("vpsrld $1, %ymm5, %ymm6\n\tvpsubd %ymm6, %ymm5, %ymm5");
        if (n % 7 == 0)
            __asm__ volatile("emms");
    }
    __asm__ volatile("emms\n\tvmovdqu %%ymm5, %0" : "=m"(after));
    mix(after, 32);
    mix(q, 16);
    printf("turns %08x\n", hash);
}

#define JUMP(insn, jump) \
    { \
        uint32_t r, t = 0; \
        __asm__ volatile(insn "\n\t" jump " 1f\n\tincl %1\n1:" : "=&r"(r), "+r"(t) : "r"(a), "r"(b) : "cc"); \
        hash = (hash ^ r) * 31 + t; \
    }
#define JUMPS(insn) JUMP(insn, "jz") JUMP(insn, "jnc") JUMP(insn, "js") JUMP(insn, "jbe") JUMP(insn, "jle") JUMP(insn, "jo")

static void bmi(void)
{
    uint32_t a = 0, b = 1;
    for (unsigned n = 0; n < ROUNDS * 4; n++) {
        a = n % 5 ? a * 1664525 + 1013904223 : n % 3 << 31;
        b = n % 7 ? a >> 5 ^ n : n;
        JUMPS("andn %2, %3, %0") JUMPS("blsi %2, %0") JUMPS("blsr %2, %0") JUMPS("blsmsk %2, %0")
        JUMPS("bzhi %3, %2, %0") JUMPS("popcnt %2, %0") JUMP("bextr %3, %2, %0", "jz")
        JUMP("cmp %2, %3\n\tpdep %2, %3, %0", "jbe") JUMP("cmp %2, %3\n\tpext %2, %3, %0", "jl")
        JUMP("cmp %2, %3\n\tshlx %2, %3, %0", "ja") JUMP("cmp %2, %3\n\tsarx %2, %3, %0", "jge")
        JUMP("cmp %2, %3\n\trorx $13, %2, %0", "jp")
    }
    printf("bmi %08x\n", hash);
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &sa, NULL);
    area = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < 3 * PAGE; i++)
        area[i] = (uint8_t)(i * 11);
    mprotect(area + 2 * PAGE, PAGE, PROT_READ);
    mprotect(area + 3 * PAGE, PAGE, PROT_NONE);
    pages();
    masked();
    gathers();
    fma();
    turns();
    bmi();
    return 0;
}
