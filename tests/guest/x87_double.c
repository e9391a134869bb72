/* What --x87=double promises: copies by FILD and FISTP are exact, doubles go through 80 bits and back, integers
 * round by the control word, comparisons and faults are exact; arithmetic is right to about 52 bits.
 * xrun options: --x87=double --hot=1 */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static uint64_t seed = 88172645463325252ULL;
static uint64_t rng(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return seed;
}

static uint64_t integer(void)
{
    static const uint64_t edges[] = {0, 1, -1ULL, 1ULL << 53, (1ULL << 53) + 1, 1ULL << 63, ~0ULL >> 1, -(1ULL << 53) - 1};
    return rng() % 4 ? rng() >> rng() % 64 : edges[rng() % 8];
}

/* ---- copies ---- */

static unsigned copies(void)
{
    unsigned bad = 0;
    for (int i = 0; i < 400; i++) {
        uint64_t a[4], b[4], c[2];
        char f80[16];
        for (int k = 0; k < 4; k++)
            a[k] = integer();
        __asm__ volatile("fildll (%0)\n fildll 8(%0)\n fildll 16(%0)\n fildll 24(%0)\n"
                         "fistpll 24(%1)\n fistpll 16(%1)\n fistpll 8(%1)\n fistpll (%1)\n" : : "r"(a), "r"(b) : "memory");
        bad += !!memcmp(a, b, sizeof a);
        __asm__ volatile("fildll (%0)\n fildll 8(%0)\n fxch\n fistpll (%1)\n fistpll 8(%1)\n"
                         : : "r"(a), "r"(b) : "memory");
        bad += !!memcmp(a, b, 16);
        __asm__ volatile("fildll (%0)\n fildll 8(%0)\n fld1\n fxch %%st(2)\n jmp 1f\n 1: fistpll (%1)\n fistpll 8(%1)\n"
                         "fstp %%st(0)\n fildll 16(%0)\n fld %%st(0)\n fldz\n fstp %%st(2)\n fistpll 16(%1)\n"
                         "fstp %%st(0)\n" : : "r"(a), "r"(b) : "memory");
        bad += a[0] != b[0] || a[1] != b[1] || a[2] != b[2];
        __asm__ volatile("fildll (%0)\n jmp 1f\n 1: fildll 8(%0)\n fnsave %2\n frstor %2\n fistpll 8(%1)\n fistpll (%1)\n"
                         : : "r"(a), "r"(b), "m"(*(char(*)[108])malloc(108)) : "memory");
        bad += a[0] != b[0] || a[1] != b[1];
        double d = i % 5 ? (double)(int64_t)a[0] / 3 : ldexp(1, -1030 - i / 10), e;
        __asm__ volatile("fldl %2\n fstpt %1\n fldt %1\n fstpl %0\n" : "=m"(e), "=m"(f80) : "m"(d));
        bad += memcmp(&d, &e, 8) != 0;
        __asm__ volatile("fldl (%0)\n fstpl (%1)\n" : : "r"(&d), "r"(c) : "memory");
        bad += memcmp(&d, c, 8) != 0;
    }
    return bad;
}

/* ---- to integers ---- */

static void integers(void)
{
    static const double v[] = {0, -0.0, 0.5, 1.5, -2.5, 2.6, -0.4, 32767.5, 32768, -32769, 2147483647.5, -2147483649.0, 4e9,
                               9.2e18, 9.3e18, -9223372036854775808.0, 1e300, -1e300, INFINITY, NAN};
    for (unsigned rc = 0; rc < 4; rc++)
        for (unsigned i = 0; i < sizeof v / sizeof *v; i++) {
            uint16_t old, cw, a, sw;
            uint32_t b;
            uint64_t c, t;
            double r;
            __asm__ volatile("fnstcw %0" : "=m"(old));
            cw = (old & ~0xc00) | rc << 10;
            __asm__ volatile("fldl %6\n fldcw %7\n fists %0\n fistl %1\n fld %%st(0)\n fistpll %2\n fld %%st(0)\n frndint\n"
                             "fstpl %3\n fisttpll %4\n fldcw %8\n fnstsw %5\n"
                             : "=m"(a), "=m"(b), "=m"(c), "=m"(r), "=m"(t), "=m"(sw) : "m"(v[i]), "m"(cw), "m"(old));
            printf("%u %g: %04x %08x %016llx %016llx %g top %u\n", rc, v[i], a, b, (unsigned long long)c,
                   (unsigned long long)t, r, sw >> 11 & 7);
        }
}

/* ---- comparisons ---- */

static void comparisons(void)
{
    static const double v[] = {0, -0.0, 1, -1, 1e-300, INFINITY, -INFINITY, NAN};
    for (unsigned i = 0; i < 8; i++)
        for (unsigned j = 0; j < 8; j++) {
            uint16_t s[3];
            uint8_t f[3];
            __asm__ volatile("fldl %7\n fldl %6\n fucom\n fnstsw %0\n ftst\n fnstsw %1\n fcoml %7\n fnstsw %2\n"
                             "fucomi %%st(1)\n setb %3\n sete %4\n setp %5\n fcompp\n"
                             : "=m"(s[0]), "=m"(s[1]), "=m"(s[2]), "=m"(f[0]), "=m"(f[1]), "=m"(f[2])
                             : "m"(v[i]), "m"(v[j]) : "cc");
            printf("%g %g: %04x %04x %04x %u%u%u\n", v[i], v[j], s[0] & 0x4700, s[1] & 0x4700, s[2] & 0x4700,
                   f[0], f[1], f[2]);
        }
}

/* ---- arithmetic ---- */

static int near(double got, double want, double scale)
{
    return fabs(got - want) <= fabs(scale) * 0x1p-50;
}

static unsigned arithmetic(void)
{
    unsigned bad = 0;
    for (int i = 0; i < 300; i++) {
        double a = (double)(int64_t)rng() / 1e15, b = (double)(int64_t)rng() / 1e16 + 1e-3, r[8];
        float f = (float)b;
        int n = (int)rng() | 1;
        __asm__ volatile("fldl %1\n fldl %2\n fld %%st(1)\n fadd %%st(1), %%st\n fstpl (%0)\n fld %%st(1)\n fsub %%st(1), %%st\n"
                         "fstpl 8(%0)\n fld %%st(0)\n fmul %%st(2), %%st\n fstpl 16(%0)\n fld %%st(1)\n fdiv %%st(1), %%st\n"
                         "fstpl 24(%0)\n fxch\n fsubr %%st, %%st(1)\n fxch\n fstpl 32(%0)\n fabs\n fsqrt\n fchs\n fmuls %3\n"
                         "fstpl 40(%0)\n fldl %1\n fimull %4\n fstl 48(%0)\n fdivl %2\n fld %%st(0)\n fadd %%st, %%st(1)\n"
                         "fsubp\n fstpl 56(%0)\n"
                         : : "r"(r), "m"(a), "m"(b), "m"(f), "m"(n) : "memory");
        bad += !near(r[0], a + b, fabs(a) + fabs(b)) + !near(r[1], a - b, fabs(a) + fabs(b)) + !near(r[2], a * b, a * b) +
               !near(r[3], a / b, a / b) + !near(fabs(r[4]), fabs(a - b), fabs(a) + fabs(b)) +
               !near(r[5], -sqrt(fabs(a)) * f, r[5]) + !near(r[6], a * n, a * n) + !near(fabs(r[7]), fabs(a * n / b), 2 * r[7]);
        double s = sin(a), x = exp(-fabs(b) / 1e4), l = log(fabs(a) + 1), p = pow(fabs(b), 0.3);
        bad += !near(s * s + cos(a) * cos(a), 1, 4) + !near(log(x), -fabs(b) / 1e4, 64) + !near(exp(l), fabs(a) + 1, 1024 * (fabs(a) + 1)) +
               !near(pow(p, 1 / 0.3), fabs(b), 1024 * b);
        long double e = a;
        e = e * 3 + sinl(e) - fmodl(e, 7);
        bad += !near((double)e, a * 3 + sin(a) - fmod(a, 7), 64 * (fabs(a) + 8));
    }
    return bad;
}

/* ---- a fault among them: the registers in the frame ---- */

static sigjmp_buf back;
static void on_fault(int sig, siginfo_t *si, void *p)
{
    const ucontext_t *uc = p;
    const struct _libc_fpstate *f = uc->uc_mcontext.fpregs;
    printf("  signal %d tag %lx top %lu\n", sig, f->tag & 0xffff, f->sw >> 11 & 7);
    for (int i = 0; i < 8; i++)
        if ((f->tag >> 2 * ((f->sw >> 11) + i & 7) & 3) != 3)
            printf("  st%d %04x %04x%04x%04x%04x\n", i, f->_st[i].exponent, f->_st[i].significand[3], f->_st[i].significand[2],
               f->_st[i].significand[1], f->_st[i].significand[0]);
    siglongjmp(back, 1);
}

static void faults(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(area + 4096, 4096);
    sigaction(SIGSEGV, &sa, NULL);
    double v = 3;
    uint64_t big = 0x123456789abcdef1;
    for (int i = 0; i < 4; i++) {
        if (!sigsetjmp(back, 1))
            __asm__ volatile("fninit\n fldl %0\n fld1\n fldz\n fldpi\n fstp %%st(0)\n fld %%st(2)\n fadd %%st(2), %%st\n"
                             "fxch %%st(3)\n fildll %2\n fxch %%st(2)\n faddl (%1)\n" : : "m"(v), "r"(area + 4096), "m"(big));
        if (!sigsetjmp(back, 1))
            __asm__ volatile("fninit\n fldl %0\n fld1\n fadd %%st(1), %%st\n jmp 1f\n 1: fxch\n fchs\n faddp\n fildll %2\n"
                             "fistl (%1)\n" : : "m"(v), "r"(area + 4096), "m"(big));
    }
    __asm__ volatile("fninit");
}

int main(void)
{
    printf("copies: %u wrong\n", copies());
    integers();
    comparisons();
    printf("arithmetic: %u wrong\n", arithmetic());
    faults();
    return 0;
}
