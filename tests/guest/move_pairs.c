/* Two moves of neighbouring words, of which one faults: what is done, and where. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { PAGE = 4096, ROUNDS = 40 };

/* NAME: the two moves, with edx pointing to the lower word's place. */
#define LIST(X) \
    X(load_up, "mov (%edx), %eax", "mov 4(%edx), %ecx") \
    X(load_down, "mov 4(%edx), %eax", "mov (%edx), %ecx") \
    X(load_base, "mov (%edx), %eax", "mov 4(%edx), %edx") \
    X(load_base_first, "mov (%edx), %edx", "mov 4(%edx), %eax") \
    X(load_same, "mov (%edx), %eax", "mov 4(%edx), %eax") \
    X(store_up, "mov %eax, (%edx)", "mov %ecx, 4(%edx)") \
    X(store_down, "mov %eax, 4(%edx)", "mov %ecx, (%edx)") \
    X(store_constants, "movl $0x12345678, (%edx)", "movl $0x87654321, 4(%edx)") \
    X(store_zero, "movl $0, (%edx)", "mov %eax, 4(%edx)") \
    X(store_base, "mov %edx, (%edx)", "mov %eax, 4(%edx)")
#define X(name, first, second) \
    extern const char name[], name##_end[]; \
    __asm__(".text; .balign 16; " #name ": " first "; " second "; " #name "_end: ret\n");
LIST(X)
#undef X

static const char *start, *end;
static uint32_t regs[3];
static int at;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info;
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    at = (int)((uintptr_t)g[REG_EIP] - (uintptr_t)start);
    g[REG_EIP] = (greg_t)(uintptr_t)end;
}

static void run(const char *code, char *p)
{
    __asm__ volatile("call *%3" : "=a"(regs[0]), "=c"(regs[1]), "=d"(regs[2])
                     : "r"(code), "0"(0x1111), "1"(0x2222), "2"(p) : "memory");
}

static void test(const char *name, char *pages, unsigned from)
{
    char *p = pages + from;
    uint32_t words[2];
    at = -1;
    memset(pages + PAGE - 8, 0x55, 8);
    *(uint32_t *)(pages + PAGE - 8) = (uint32_t)(uintptr_t)(pages + PAGE - 8);
    run(start, p);
    memcpy(words, pages + PAGE - 8, 8);
    for (unsigned i = 0; i < 3; i++) /* where the pages are is no matter */
        if (regs[i] - (uint32_t)(uintptr_t)pages < 2 * PAGE)
            regs[i] -= (uint32_t)(uintptr_t)pages;
    for (unsigned i = 0; i < 2; i++)
        if (words[i] - (uint32_t)(uintptr_t)pages < 2 * PAGE)
            words[i] -= (uint32_t)(uintptr_t)pages;
    printf("%s %u: fault %d, %x %x %x, %x %x\n", name, from, at, regs[0], regs[1], regs[2], words[0], words[1]);
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *fine = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + PAGE, PAGE, PROT_NONE);
    sigaction(SIGSEGV, &sa, NULL);
    for (unsigned i = 0; i < ROUNDS; i++) { /* until they are translated */
        *(uint32_t *)fine = (uint32_t)(uintptr_t)fine;
#define X(name, first, second) run(name, fine);
        LIST(X)
#undef X
    }
#define X(name, first, second) \
    start = name; \
    end = name##_end; \
    test(#name, pages, PAGE - 8); \
    test(#name, pages, PAGE - 4);
    LIST(X)
    return 0;
}
