/* fs in loops, as programs use it that keep their thread's data there: a segment of one page, loads, stores, what
 * reads and writes at once, comparisons, addresses with registers, and what lies beyond its limit. */
#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ROUNDS = 300 };
static sigjmp_buf back;
static volatile int trap, faults;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
    (void)sig, (void)si;
    trap = ((ucontext_t *)ctx)->uc_mcontext.gregs[REG_TRAPNO];
    faults++;
    siglongjmp(back, 1);
}

static void set_fs(unsigned n, void *base, unsigned limit)
{
    struct user_desc d = {.entry_number = n, .base_addr = (unsigned)base, .limit = limit, .seg_32bit = 1, .useable = 1};
    if (syscall(SYS_modify_ldt, 0x11, &d, sizeof d) < 0)
        perror("modify_ldt");
    __asm__ volatile("mov %0, %%fs" : : "r"(n << 3 | 7));
}

/* A chain of handlers at 0, a counter at 16, a table at 64: `less` is how often a comparison said so. */
static unsigned work(unsigned from, unsigned to, unsigned *less)
{
    unsigned sum = 0, n = 0;
    for (unsigned i = from; i < to; i++) {
        unsigned v;
        __asm__ volatile("pushl %%fs:0\n\t"
                         "movl %%esp, %%fs:0\n\t"
                         "popl %%fs:0\n\t"
                         "addl $3, %%fs:16\n\t"
                         "incb %%fs:20\n\t"
                         "movzwl %%fs:64(,%3,4), %0\n\t"
                         "cmpl $150, %%fs:64(,%3,4)\n\t"
                         "jae 1f\n\t"
                         "incl %1\n"
                         "1:\tcmpl $0, %%fs:(%4,%3,4)\n\t"
                         "je 2f\n\t"
                         "addl %%fs:16, %2\n\t"
                         "xchgl %2, %%fs:24\n\t"
                         "xchgl %2, %%fs:24\n\t"
                         "lock xaddl %0, %%fs:28\n\t"
                         "addl %0, %2\n"
                         "2:"
                         : "=&r"(v), "+&r"(n), "+&r"(sum)
                         : "r"(i), "r"(64)
                         : "memory", "cc");
    }
    *less += n;
    return sum;
}

/* Loads at all places around the limit: where the first fails. */
static unsigned edge(unsigned from, unsigned to)
{
    volatile unsigned at = from;
    if (sigsetjmp(back, 1))
        return at;
    for (; at < to; at++) {
        unsigned v;
        __asm__ volatile("movl %%fs:(%1), %0" : "=r"(v) : "r"(at));
    }
    return at;
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    unsigned *page = mmap(NULL, 2 << 12, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), less = 0;
    for (int i = 0; i < ROUNDS; i++)
        page[16 + i] = (unsigned)i * 7 % 301;
    set_fs(0, page, 4095);
    printf("%u\n", work(0, ROUNDS, &less));
    printf("less %u, chain %x, counter %u, byte %u, %u\n", less, page[0], page[4], page[5] & 255, page[7]);
    for (int i = 0; i < 20; i++)
        edge(0xf00, 0x1000);
    printf("edge %x, trap %d, %d faults\n", edge(0xf00, 0x1000), trap, faults);
    set_fs(1, page + 512, 0x7f); /* the same code with another segment */
    printf("edge %x, %x\n", edge(0, 0x1000), edge(0x7d, 0x1000));
    set_fs(2, page, 0xfffff);
    printf("edge %x\n", edge(0x1f00, 0x1ffd));
    __asm__ volatile("mov %0, %%fs" : : "r"(0));
    printf("none %x, trap %d\n", edge(0, 16), trap);
    set_fs(0, page, 4095);
    if (!sigsetjmp(back, 1))
        printf("%u\n", work(900, 1200, &less));
    printf("less %u, counter %u, trap %d\n", less, page[4], trap);
    return 0;
}
