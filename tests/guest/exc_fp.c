/* Unmasked x87 exceptions (#MF at the next waiting instruction) and SSE exceptions (#XM): codes,
 * where they are reported, what a non-waiting instruction sees, what the handler finds in the frame,
 * and what its changes do. */
#include <fenv.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

static sigjmp_buf jb;
static uintptr_t code;
static const double one = 1, zero = 0, big = 1e300, tiny = 1e-300, three = 3, minus = -1;
static const uint64_t snan = 0x7ff0000000000001ull, denormal = 1;
static uint32_t mxcsr;
static volatile int fix; /* repair in the handler and return */

struct fp32 {
    uint32_t cw, sw, tag, ip, cs, dp, ds;
    uint8_t st[80];
    uint16_t status, magic;
    uint16_t fcw, fsw;
    uint8_t ftw, r;
    uint16_t fop;
    uint32_t fip;
    uint16_t fcs, r2;
    uint32_t fdp;
    uint16_t fds, r3;
    uint32_t mxcsr, mask;
};

static void handler(int sig, siginfo_t *i, void *u)
{
    ucontext_t *uc = u;
    greg_t *g = uc->uc_mcontext.gregs;
    struct fp32 *f = (void *)uc->uc_mcontext.fpregs;
    printf("sig %d code %d addr c+%ld trapno %d err %x eip c+%ld\n  cw %x sw %x tag %x ip c+%ld op %x "
           "fx: cw %x sw %x tag %x ip c+%ld op %x mxcsr %x efl %x\n",
           sig, i->si_code, (long)((uintptr_t)i->si_addr - code), (int)g[REG_TRAPNO],
           (unsigned)g[REG_ERR], (long)(g[REG_EIP] - code), f->cw & 0xffff, f->sw & 0xffff,
           f->tag & 0xffff, (long)(f->ip - code), f->cs >> 16 & 0x7ff, f->fcw, f->fsw, f->ftw,
           (long)(f->fip - code), f->fop, f->mxcsr, (unsigned)g[REG_EFL] & 0x10000);
    unsigned short sw, cw;
    __asm__ volatile("fnstsw %0; fnstcw %1" : "=m"(sw), "=m"(cw));
    uint32_t mx;
    __asm__ volatile("stmxcsr %0" : "=m"(mx));
    printf("  in the handler: sw %x cw %x mxcsr %x\n", sw, cw, mx);
    if (!fix)
        siglongjmp(jb, 1);
    f->sw &= ~0xff;
    f->fsw &= ~0xff;
    f->cw |= 0x3f;
    f->fcw |= 0x3f;
    f->mxcsr = 0x1f80;
}

static void clean(unsigned cw, uint32_t mx)
{
    unsigned short c = (unsigned short)cw;
    __asm__ volatile("fninit; fldcw %0; ldmxcsr %1" : : "m"(c), "m"(mx));
}

#define RUN(name, cw, mx, text)                                                                     \
    do {                                                                                           \
        __asm__ volatile("movl $1f,%0; 1:" : "=m"(code));                                          \
        printf("%s: ", name);                                                                      \
        if (!sigsetjmp(jb, 1)) {                                                                   \
            clean(cw, mx);                                                                         \
            unsigned short sw_;                                                                    \
            uint32_t mx_;                                                                          \
            __asm__ volatile("movl $1f,%0; 1:\n" text                                              \
                             "\nfnstsw %1; stmxcsr %2; fninit\n"                                   \
                             : "=m"(code), "=m"(sw_), "=m"(mx_)                                    \
                             : "m"(one), "m"(zero), "m"(big), "m"(tiny), "m"(three), "m"(minus),   \
                               "m"(snan), "m"(denormal), "m"(buf)                                  \
                             : "eax", "memory");                                   \
            printf("went on, sw %x mxcsr %x\n", sw_, mx_);                                         \
        }                                                                                          \
        clean(0x37f, 0x1f80);                                                                      \
    } while (0)
#define ONE "%3"
#define ZERO "%4"
#define BIG "%5"
#define TINY "%6"
#define THREE "%7"
#define MINUS "%8"
#define SNAN "%9"
#define DENORMAL "%10"
#define BUF "%11"

int main(void)
{
    static double buf[16];
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    setvbuf(stdout, NULL, _IONBF, 0);
    sigaction(SIGFPE, &sa, NULL);

    for (fix = 0; fix < 2; fix++) {
        printf("-- fix %d\n", fix);
        RUN("x87 invalid", 0x37e, 0x1f80, "fldl " MINUS "; fsqrt; nop; fwait; nop");
        RUN("x87 stack overflow", 0x37e, 0x1f80,
            "fldz; fldz; fldz; fldz; fldz; fldz; fldz; fldz; fldz; nop; fldz");
        RUN("x87 stack underflow", 0x37e, 0x1f80, "fadd %%st(1),%%st; nop; fnop");
        RUN("x87 denormal", 0x37d, 0x1f80, "fldl " ONE "; faddl " DENORMAL "; fldz");
        RUN("x87 zero divide", 0x37b, 0x1f80, "fldl " ONE "; fdivl " ZERO "; nop; fldl " ONE);
        RUN("x87 overflow", 0x277, 0x1f80, "fldl " BIG "; fmull " BIG "; fstpl " BUF "; fwait");
        RUN("x87 underflow", 0x26f, 0x1f80, "fldl " TINY "; fmull " TINY "; fstpl " BUF "; fwait");
        RUN("x87 precision", 0x35f, 0x1f80, "fldl " ONE "; fdivl " THREE "; nop; fwait");
        RUN("x87 signalling", 0x37e, 0x1f80, "fldl " SNAN "; fwait");
        RUN("x87 all, masked late", 0x37f, 0x1f80,
            "fldl " ONE "; fdivl " ZERO "; movw $0x340,%%ax; push %%eax; fldcw (%%esp); pop %%eax; nop; fwait");
        RUN("x87 non-waiting", 0x37b, 0x1f80,
            "fldl " ONE "; fdivl " ZERO "; fnstsw %%ax; fnclex; fwait");
        RUN("x87 fninit", 0x37b, 0x1f80, "fldl " ONE "; fdivl " ZERO "; fninit; fwait");
        RUN("x87 fstsw", 0x37b, 0x1f80, "fldl " ONE "; fdivl " ZERO "; nop; fstsw %%ax");
        RUN("x87 pending, mmx", 0x37b, 0x1f80, "fldl " ONE "; fdivl " ZERO "; pxor %%mm0,%%mm0; emms");
        RUN("x87 pending, sse", 0x37b, 0x1f80, "fldl " ONE "; fdivl " ZERO "; xorps %%xmm0,%%xmm0; fnclex");
        RUN("x87 pending, cvtpi2ps", 0x37b, 0x1f80,
            "fldl " ONE "; fdivl " ZERO "; cvtpi2ps %%mm0,%%xmm0; fnclex");
        RUN("x87 pending, fxsave", 0x37b, 0x1f80,
            "fldl " ONE "; fdivl " ZERO "; fnstenv " BUF "; fnclex; fldenv " BUF "; nop; fwait");
        RUN("sse invalid", 0x37f, 0x1f00, "movsd " MINUS ",%%xmm0; sqrtsd %%xmm0,%%xmm0");
        RUN("sse denormal", 0x37f, 0x1e80, "movsd " ONE ",%%xmm0; addsd " DENORMAL ",%%xmm0");
        RUN("sse zero divide", 0x37f, 0x1d80, "movsd " ONE ",%%xmm0; divsd " ZERO ",%%xmm0");
        RUN("sse overflow", 0x37f, 0x1b80, "movsd " BIG ",%%xmm0; mulsd %%xmm0,%%xmm0");
        RUN("sse underflow", 0x37f, 0x1780, "movsd " TINY ",%%xmm0; mulsd %%xmm0,%%xmm0");
        RUN("sse precision", 0x37f, 0x0f80, "movsd " ONE ",%%xmm0; divsd " THREE ",%%xmm0");
        RUN("sse comis", 0x37f, 0x1f00, "movsd " SNAN ",%%xmm0; comisd %%xmm0,%%xmm0");
        RUN("sse cvt", 0x37f, 0x1f00, "movsd " BIG ",%%xmm0; cvttsd2si %%xmm0,%%eax");
        RUN("sse flags set, then unmasked", 0x37f, 0x003f, "movsd " ONE ",%%xmm0; addsd %%xmm0,%%xmm0");
        RUN("sse several", 0x37f, 0x1000, "movsd " BIG ",%%xmm0; mulsd %%xmm0,%%xmm0");
    }
    return 0;
}
