/* Runs cases on the processor itself: an i386 program, started by the driver with a shared mapping
 * on descriptor 3; reads a count from stdin, executes that many cases, answers one byte.
 * Every case ends in a signal (the int3 behind the instruction, or its fault), whose frame holds
 * the complete state. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/insn/case.h"

static struct test_case *cases;
static struct case_state *volatile out;
static sigjmp_buf back;
volatile struct { uint32_t gpr[8], eflags, eip; } load_state; /* addressed absolutely below: -no-pie */

static void on_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    greg_t *g = uc->uc_mcontext.gregs;
    static const int order[8] = {REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI};
    struct case_state *o = out;
    (void)sig, (void)info;
    for (int i = 0; i < 8; i++)
        o->gpr[i] = (uint32_t)g[order[i]];
    o->eflags = (uint32_t)g[REG_EFL];
    o->eip = (uint32_t)g[REG_EIP];
    o->trap = (uint32_t)g[REG_TRAPNO];
    o->err = (uint32_t)g[REG_ERR];
    o->cr2 = (uint32_t)uc->uc_mcontext.cr2;
    memcpy(o->fx, (char *)uc->uc_mcontext.fpregs + 112, 512);
    siglongjmp(back, 1);
}

static void run(struct test_case *c)
{
    memcpy((void *)CASE_WINDOW, c->in.mem, CASE_WINDOW_SIZE);
    memset((void *)CASE_EIP, 0xcc, 32);
    memcpy((void *)CASE_EIP, c->code, c->len);
    memcpy((void *)load_state.gpr, c->in.gpr, sizeof load_state.gpr);
    load_state.eflags = c->in.eflags;
    load_state.eip = CASE_EIP;
    out = &c->out;
    if (!sigsetjmp(back, 0))
        __asm__ volatile("fxrstor (%0)\n\t"
                         "pushl load_state+32\n\tpopf\n\t"
                         "movl load_state+0, %%eax\n\tmovl load_state+4, %%ecx\n\tmovl load_state+8, %%edx\n\t"
                         "movl load_state+12, %%ebx\n\tmovl load_state+16, %%esp\n\tmovl load_state+20, %%ebp\n\t"
                         "movl load_state+24, %%esi\n\tmovl load_state+28, %%edi\n\t"
                         "jmp *load_state+36"
                         : : "r"(c->in.fx) : "memory");
    uint32_t mxcsr = 0x1f80;
    __asm__ volatile("fninit\n\tldmxcsr %0\n\tcld" : : "m"(mxcsr));
    memcpy(c->out.mem, (void *)CASE_WINDOW, CASE_WINDOW_SIZE);
}

int main(void)
{
    static char stack[65536];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    static const int sigs[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    sigaltstack(&ss, NULL);
    for (unsigned i = 0; i < 5; i++)
        sigaction(sigs[i], &sa, NULL);
    cases = mmap(NULL, CASE_BATCH * sizeof *cases, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0);
    int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    if (cases == MAP_FAILED || mmap((void *)CASE_DATA, 0x3000, prot, flags, -1, 0) == MAP_FAILED ||
        mmap((void *)CASE_CODE, 0x1000, prot | PROT_EXEC, flags, -1, 0) == MAP_FAILED)
        return 1;
    memset((void *)CASE_CODE, 0xcc, 0x1000);
    uint32_t n;
    while (read(0, &n, 4) == 4) {
        for (uint32_t i = 0; i < n; i++)
            run(&cases[i]);
        write(1, "k", 1);
    }
    return 0;
}
