/* Indirect calls and jumps of every form to odd places, many times: which flags the callee finds, what faults where,
 * with what on the stack; and code that changes between the calls. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { CODE = 0x50000000, DATA = 0x51000000, STRIDE = 32, ROUNDS = 60, CHANGED = 20, STATUS = 0x8d5 };
enum { BY_REG, BY_MEM, BY_STACK, BY_INDEX, BY_JMP, BY_RET, FORMS };
static const char *const form_names[FORMS] = {"reg", "mem", "stack", "index", "jmp", "ret"};
static const uint32_t targets[] = {
    0, 1, 0x400, 0x1000, CODE, CODE + STRIDE, CODE + 0xfff, CODE + 0x1fff, CODE + 0x2000, DATA, 0x7fffffff, 0x80000000,
    0xc0000000, 0xffffe000, 0xfffff000, 0xfffffff0, 0xffffffff,
};

static sigjmp_buf back;
static char fault[128];
uint32_t esp_before, where[4];
volatile uint32_t flags_found;

static void on_fault(int sig, siginfo_t *si, void *v)
{
    const greg_t *g = ((ucontext_t *)v)->uc_mcontext.gregs;
    snprintf(fault, sizeof fault, "signal %d eip %x esp %d addr %x flags %x", sig, (unsigned)g[REG_EIP],
             (int)(esp_before - (uint32_t)g[REG_ESP]), (unsigned)(uintptr_t)si->si_addr, (unsigned)g[REG_EFL] & STATUS);
    siglongjmp(back, 1);
}

/* Flags are those of 3 - 5. */
static __attribute__((noinline)) void go(unsigned form, uint32_t to)
{
    where[1] = to;
#define GO(text, ...) __asm__ volatile("mov %%esp, esp_before\n\t" text : : "a"(3), ##__VA_ARGS__ : "edx", "cc", "memory")
    switch (form) {
    case BY_REG: GO("cmp $5, %%eax\n\tcall *%%ecx", "c"(to)); break;
    case BY_MEM: GO("cmp $5, %%eax\n\tcall *where+4"); break;
    case BY_STACK: GO("push %%ecx\n\tcmp $5, %%eax\n\tcall *(%%esp)\n\tpop %%ecx", "c"(to)); break;
    case BY_INDEX: GO("cmp $5, %%eax\n\tcall *-4(%%ecx,%%ebx,4)", "c"(where), "b"(2)); break;
    case BY_JMP: GO("push $1f\n\tcmp $5, %%eax\n\tjmp *%%ecx\n1:", "c"(to)); break;
    case BY_RET: GO("push $1f\n\tpush %%ecx\n\tcmp $5, %%eax\n\tret\n1:", "c"(to)); break;
    }
}

static void try(unsigned form, uint32_t to, int shown)
{
    flags_found = 0;
    if (!sigsetjmp(back, 1)) {
        go(form, to);
        snprintf(fault, sizeof fault, "finds flags %x", (unsigned)flags_found & STATUS);
    }
    if (shown)
        printf("%s %x: %s\n", form_names[form], (unsigned)to, fault);
}

int main(void)
{
    static uint8_t callee[] = {0x9c, 0x8f, 0x05, 0, 0, 0, 0, 0xc3}; /* PUSHF; POP flags_found; RET */
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGILL, &sa, NULL);
    uint8_t *code = mmap((void *)CODE, 0x2000, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    uint8_t *data = mmap((void *)DATA, 0x1000, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    uint32_t at = (uint32_t)(uintptr_t)&flags_found;
    memcpy(callee + 3, &at, 4);
    memcpy(data, callee, sizeof callee);
    memset(code, 0x90, 0x2000);
    memcpy(code, callee, sizeof callee);
    memcpy(code + STRIDE, callee, sizeof callee);
    memcpy(code + 0x1000, callee, sizeof callee); /* behind a NOP at the end of the page before */
    for (int round = 0; round < ROUNDS; round++) {
        code[STRIDE] = round == CHANGED ? 0x50 : 0x9c; /* PUSH eax instead of PUSHF */
        for (unsigned form = 0; form < FORMS; form++)
            for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++)
                if (round != CHANGED || targets[i] == CODE + STRIDE)
                    try(form, targets[i], round == 0 || round == CHANGED || round == ROUNDS - 1);
    }
    return 0;
}
