/* Faults among SSE instructions: the signal frame shows the registers, MXCSR and eip as they were
 * before the very instruction, whatever was computed before it. */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

struct fpstate { /* with the FXSAVE image behind the 112 bytes of FSAVE */
    uint32_t fsave[28];
    uint8_t fx[512];
};

static sigjmp_buf back;
static uint8_t *area, *start; /* a page, and a page that is not there */

static void on_fault(int sig, siginfo_t *si, void *p)
{
    ucontext_t *uc = p;
    const struct fpstate *f = (const void *)uc->uc_mcontext.fpregs;
    const uint32_t *x = (const void *)(f->fx + 160);
    uint32_t mxcsr;
    memcpy(&mxcsr, f->fx + 24, 4);
    printf("  signal %d code %d trap %d at +%d mxcsr %x eax %x\n", sig, si->si_code,
           (int)uc->uc_mcontext.gregs[REG_TRAPNO],
           (int)((uint8_t *)uc->uc_mcontext.gregs[REG_EIP] - start), mxcsr,
           (unsigned)uc->uc_mcontext.gregs[REG_EAX]);
    for (int i = 0; i < 3; i++)
        printf("  xmm%d %08x %08x %08x %08x\n", i, x[4 * i + 3], x[4 * i + 2], x[4 * i + 1], x[4 * i]);
    siglongjmp(back, 1);
}

struct values { double v[12]; } __attribute__((aligned(16)));

#define CASE(name, text)                                                                          \
    static void name(const struct values *v, uint32_t mxcsr, const void *where)                    \
    {                                                                                              \
        __asm__ volatile("movl $1f, %3\n ldmxcsr %1\n movupd (%0), %%xmm0\n movupd 16(%0), %%xmm1\n" \
                         "movupd 32(%0), %%xmm2\n mov $5, %%eax\n jmp 1f\n 1:\n" text \
                         : : "S"(v), "m"(mxcsr), "D"(where), "m"(start) : "eax", "memory");        \
    }
CASE(load, "addsd %%xmm1, %%xmm0\n mulsd %%xmm0, %%xmm1\n movsd (%%edi), %%xmm2\n addsd %%xmm1, %%xmm2\n")
CASE(store, "subsd %%xmm1, %%xmm0\n movapd %%xmm0, %%xmm2\n movsd %%xmm0, (%%edi)\n")
CASE(operand, "divsd %%xmm1, %%xmm0\n sqrtsd %%xmm0, %%xmm1\n inc %%eax\n addsd (%%edi), %%xmm0\n")
CASE(packed, "mulpd %%xmm1, %%xmm0\n addpd %%xmm2, %%xmm0\n subpd (%%edi), %%xmm0\n")
CASE(unaligned, "addpd %%xmm0, %%xmm1\n mulpd 8(%%esi), %%xmm1\n")
CASE(unaligned_store, "addpd %%xmm0, %%xmm1\n movaps %%xmm1, 8(%%esi)\n")
CASE(later, "subsd %%xmm1, %%xmm0\n movsd %%xmm0, (%%edi)\n mulsd %%xmm0, %%xmm0\n inc %%eax\n addsd %%xmm0, %%xmm1\n"
            "movapd %%xmm1, %%xmm2\n cmp $3, %%eax\n")
CASE(moved, "mulsd %%xmm1, %%xmm0\n sub $24, %%edi\n inc %%eax\n addsd 24(%%edi), %%xmm0\n add $24, %%edi\n")
CASE(moved_store, "mulsd %%xmm1, %%xmm0\n sub $24, %%edi\n movsd %%xmm0, 24(%%edi)\n sqrtsd %%xmm0, %%xmm1\n"
                  "add $24, %%edi\n addsd %%xmm1, %%xmm2\n")
CASE(inside, "mulsd %%xmm1, %%xmm0\n sub $24, %%edi\n movsd %%xmm0, 8(%%edi)\n addsd %%xmm1, %%xmm0\n inc %%eax\n"
             "mulsd (%%edi), %%xmm1\n add $24, %%edi\n addsd -16(%%edi), %%xmm0\n subsd (%%edi), %%xmm1\n")
CASE(compare, "mulsd %%xmm1, %%xmm0\n comisd (%%edi), %%xmm0\n")
CASE(arithmetic, "mulsd %%xmm2, %%xmm0\n addsd %%xmm1, %%xmm0\n divsd %%xmm1, %%xmm2\n sqrtsd %%xmm0, %%xmm1\n"
                 "cvtsd2si %%xmm2, %%eax\n comisd %%xmm0, %%xmm2\n cvtsd2ss %%xmm1, %%xmm2\n")

static const struct {
    const char *name;
    void (*run)(const struct values *, uint32_t, const void *);
} cases[] = {
#define C(name) {#name, name}
    C(load), C(store), C(operand), C(packed), C(unaligned), C(unaligned_store), C(later),
    C(moved), C(moved_store), C(inside), C(compare), C(arithmetic),
};

int main(void)
{
    static const struct values values[] = {
        {{1, 2, 3, 4, 5, 6, 7, 8}},
        {{1e308, -1e308, 1e308, 1e308, __builtin_inf(), 0, 1, 1}},
        {{__builtin_inf(), 0, -__builtin_inf(), 0, 4e-320, 1, 1, 1}},
        {{4e-320, 1, 3, 1e-300, 1e-300, 0, 1, 1}},
        {{-4, -4, 0, 0, 0, 0, 1, 1}},
    };
    static const uint32_t mxcsr[] = {0x1f80, 0x1fa0, 0x9fc0, 0x1f00, 0x1d80, 0x1e80, 0x0f80};
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGFPE, &sa, NULL);
    area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(area + 4096, 4096);
    for (int round = 0; round < 3; round++) /* first interpreted, later perhaps not */
        for (unsigned c = 0; c < sizeof cases / sizeof *cases; c++)
            for (unsigned v = 0; v < sizeof values / sizeof *values; v++)
                for (unsigned m = 0; m < sizeof mxcsr / sizeof *mxcsr; m++) {
                    printf("%s %u %x\n", cases[c].name, v, mxcsr[m]);
                    if (!sigsetjmp(back, 1)) {
                        cases[c].run(&values[v], mxcsr[m], area + 4096);
                        puts("  no fault");
                    }
                }
    return 0;
}
