/* Pushes and pops that follow each other, calls and returns among them, where the second or the first one
 * faults: registers and eip in the frame, and what happens when the handler has mended it. */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static char *area;
uint32_t out[8]; /* named by the assembly */
static unsigned faults;
extern char here_push[], here_pop[], here_call[], here_ret[], ret_to[];
static const char *start;

static void handler(int sig, siginfo_t *si, void *uc)
{
    greg_t *r = ((ucontext_t *)uc)->uc_mcontext.gregs;
    (void)sig;
    printf("  fault at %+d, address %+d: esp %+d eax %x ebx %x ecx %x edx %x\n",
           (int)((const char *)(uintptr_t)r[REG_EIP] - start), (int)((char *)si->si_addr - area - 4096),
           (int)((char *)(uintptr_t)r[REG_ESP] - area - 4096), (unsigned)r[REG_EAX],
           (unsigned)r[REG_EBX], (unsigned)r[REG_ECX], (unsigned)r[REG_EDX]);
    faults++;
    mprotect(area, 8192, PROT_READ | PROT_WRITE);
}

/* esp = where, the instructions, and the registers behind them. */
#define RUN(label, code)                                                                           \
    static void run_##label(char *where)                                                           \
    {                                                                                              \
        start = here_##label;                                                                      \
        asm volatile("pushl %%ebp\n pushl %%ebx\n movl %%esp, %%ebp\n movl %0, %%esp\n"            \
                     "movl $0x11, %%eax\n movl $0x22, %%ebx\n movl $0x33, %%ecx\n"                 \
                     "movl $0x44, %%edx\n"                                                         \
                     ".globl here_" #label "\n here_" #label ":\n" code                            \
                     "movl %%eax, out\n movl %%ebx, out+4\n movl %%ecx, out+8\n"                   \
                     "movl %%edx, out+12\n movl %%esp, out+16\n"                                   \
                     "movl %%ebp, %%esp\n popl %%ebx\n popl %%ebp\n"                               \
                     : : "S"(where) : "eax", "ecx", "edx", "memory");                              \
    }
RUN(push, "pushl %%eax\n pushl %%ebx\n pushl $0x55\n pushl $0\n pushl %%ecx\n")
RUN(pop, "popl %%eax\n popl %%ebx\n popl %%eax\n popl %%ecx\n popl %%edx\n")
RUN(call, "pushl %%eax\n pushl $7\n pushl %%edx\n call 1f\n jmp 2f\n 1: popl %%ecx\n subl $2f, %%ecx\n"
          "popl %%edx\n 2:\n")
RUN(ret, "popl %%eax\n popl %%ebx\n popl %%ecx\n ret\n .globl ret_to\n ret_to:\n")

static void fill(bool returns, int at)
{
    uint32_t *w = (uint32_t *)(void *)(area + 4096);
    for (int i = -16; i < 16; i++)
        w[i] = 0x1000u + (unsigned)i;
    if (returns)
        memcpy(area + 4096 + at + 12, &(uint32_t){(uint32_t)(uintptr_t)ret_to}, 4);
}

/* esp begins `at` bytes from the border between the pages, of which the one at `off` is not there. */
static void once(const char *name, void (*f)(char *), int at, int off)
{
    uint32_t *w = (uint32_t *)(void *)(area + 4096);
    mprotect(area, 8192, PROT_READ | PROT_WRITE);
    fill(f == run_ret, at);
    for (int i = 0; i < 40; i++) /* often enough to be translated */
        f(area + 4096 + at);
    fill(f == run_ret, at);
    mprotect(area + off, 4096, PROT_NONE);
    printf("%s at %d\n", name, at);
    f(area + 4096 + at);
    mprotect(area, 8192, PROT_READ | PROT_WRITE);
    printf("  behind: eax %x ebx %x ecx %x edx %x esp %+d\n", out[0], out[1], out[2], out[3],
           (int)((char *)(uintptr_t)out[4] - area - 4096));
    for (int i = -8; i < 8; i++)
        if (w[i] != 0x1000u + (unsigned)i && w[i] < 0x1000)
            printf("  [%d] = %x\n", i * 4, w[i]);
}

int main(void)
{
    static char stack[65536];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    setvbuf(stdout, NULL, _IONBF, 0);
    sigaltstack(&ss, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int at = 0; at <= 20; at += 2)
        once("push", run_push, at, 0);
    for (int at = -20; at <= 0; at += 2)
        once("pop", run_pop, at, 4096);
    for (int at = 0; at <= 16; at += 4)
        once("push and call", run_call, at, 0);
    for (int at = -16; at <= 0; at += 4)
        once("pop and return", run_ret, at, 4096);
    printf("%u faults\n", faults);
    return 0;
}
