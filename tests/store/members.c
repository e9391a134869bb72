/* A loop over two pages, which is entered in the first only: what lies in the second is part of the same
 * translation. It faults there, and it is changed there. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

__asm__(".p2align 12\n"
        "turn:\n"
        "movl 4(%esp), %ecx\n"
        "movl 8(%esp), %edx\n"
        "xorl %eax, %eax\n"
        "call 1f\n"
        "ret\n"
        "1: jmp 2f\n"
        ".p2align 12\n"
        "second:\n"
        "2: addl (%edx), %eax\n"
        "decl %ecx\n"
        "jnz 1b\n"
        "ret\n"
        ".p2align 12\n");
int turn(unsigned times, const unsigned *p);
extern uint8_t second[];
static sigjmp_buf jb;

static void on_segv(int sig, siginfo_t *si, void *arg)
{
    const greg_t *r = ((ucontext_t *)arg)->uc_mcontext.gregs;
    printf("signal %d at second + %d, address %p: eax %d ecx %d\n", sig,
           (int)((uint8_t *)(uintptr_t)r[REG_EIP] - second), si->si_addr, r[REG_EAX], r[REG_ECX]);
    siglongjmp(jb, 1);
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
    unsigned sum = 0, one = 1;
    sigaction(SIGSEGV, &sa, NULL);
    for (int i = 0; i < 50; i++)
        sum += turn(1000, &one);
    printf("%u\n", sum);
    if (!sigsetjmp(jb, 1))
        turn(1000, (const unsigned *)16);
    mprotect(second, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    second[0] = 0x2b; /* subl */
    printf("%d\n", turn(1000, &one));
    return 0;
}
