/* Flags behind a return: translators leave them out where the caller reads none. Functions that return with
 * flags made in different ways are called from callers that read them and from some that do not, are returned
 * from to where no call was, and fault on their way out. The stack lies across 2 GiB, so that additions to esp
 * overflow. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { STATUS = 0x8d5, AF = 0x10, SIZE = 0x10000, PAGE = 0x1000, TIMES = 400 };
#define MID 0x80000000u

uint32_t value, saved_esp, flags_seen;

/* NAME, the mask of its flags, what it does */
#define FUNCTIONS(F) \
    F(add_12, STATUS, "sub $12, %esp; mov $1, %eax; add $12, %esp; ret") \
    F(add_16, STATUS, "sub $16, %esp; mov $1, %eax; add $16, %esp; ret") \
    F(add_pops, STATUS, "push %edi; push %esi; push %ebx; sub $0x1c, %esp; mov value, %ebx; add $0x1c, %esp; " \
      "mov %ebx, %eax; pop %ebx; pop %esi; pop %edi; ret") \
    F(add_wide, STATUS, "sub $0x4010, %esp; mov $1, %eax; add $0x4010, %esp; movzbl value, %edx; ret") \
    F(add_negative, STATUS, "add $-16, %esp; mov $1, %eax; lea 16(%esp), %esp; ret") \
    F(add_load, STATUS, "push %ecx; add $4, %esp; mov -4(%esp), %edx; ret") \
    F(add_frame, STATUS, "push %ebp; mov %esp, %ebp; sub $8, %esp; add $8, %esp; leave; ret") \
    F(add_bytes, STATUS, "sub $3, %esp; add $3, %esp; pop %edx; push %edx; ret") \
    F(zero, STATUS & ~AF, "push %ebx; xor %eax, %eax; pop %ebx; ret") \
    F(zero_moved, STATUS & ~AF, "xor %eax, %eax; mov value, %eax; ret") \
    F(minus_same, STATUS, "mov value, %eax; sub %eax, %eax; ret") \
    F(result_and, STATUS & ~AF, "push %esi; mov value, %eax; and $0x80000ff0, %eax; pop %esi; ret") \
    F(result_or, STATUS & ~AF, "mov value, %edx; or value, %edx; mov $1, %eax; ret") \
    F(result_xor, STATUS & ~AF, "mov value, %edx; xor $0x55, %edx; ret") \
    F(result_test, STATUS & ~AF, "mov value, %eax; test %eax, %eax; ret") \
    F(result_gone, STATUS & ~AF, "mov value, %eax; test %eax, %eax; mov $7, %al; ret") \
    F(result_popped, STATUS & ~AF, "push %ebx; mov value, %ebx; or %ebx, %ebx; pop %ebx; ret") \
    F(compared, STATUS, "mov value, %eax; cmp $0x12345, %eax; ret") \
    F(added, STATUS, "mov value, %eax; add $0x7fffff00, %eax; ret") \
    F(counted, STATUS, "mov value, %eax; cmp $99, %eax; inc %eax; ret") \
    F(joined, STATUS & ~AF, "mov value, %eax; test $1, %al; jz 1f; mov $2, %eax; 1: ret") \
    F(bare, STATUS, "mov $1, %eax; ret") \
    F(through, STATUS, "call add_12; ret") \
    F(through_bare, STATUS, "mov value, %eax; cmp $77, %eax; call bare; mov $3, %eax; ret")
#define DEFINE(name, mask, text) \
    __asm__(".pushsection .text\n" #name ": " text "\n.popsection"); \
    void name(void);
FUNCTIONS(DEFINE)
#define ROW(name, mask, text) {#name, name, mask},
static const struct { const char *name; void (*f)(void); uint32_t mask; } functions[] = {FUNCTIONS(ROW)};

/* On another stack: the flags behind a call, behind a jump with a return address, and none. */
static uint32_t read_called(void (*f)(void), uint32_t esp)
{
    uint32_t flags;
    __asm__ volatile("mov %%esp, saved_esp; mov %2, %%esp; cmp $5, %2; call *%1; pushf; pop %0; mov saved_esp, %%esp"
                     : "=&S"(flags), "+b"(f) : "D"(esp) : "eax", "ecx", "edx", "memory", "cc");
    return flags;
}

static uint32_t read_jumped(void (*f)(void), uint32_t esp)
{
    uint32_t flags;
    __asm__ volatile("mov %%esp, saved_esp; mov %2, %%esp; cmp $5, %2; push $1f; jmp *%1; 1: pushf; pop %0;"
                     "mov saved_esp, %%esp"
                     : "=&S"(flags) : "b"(f), "D"(esp) : "eax", "ecx", "edx", "memory", "cc");
    return flags;
}

static uint32_t read_condition(void (*f)(void), uint32_t esp)
{
    uint32_t c;
    __asm__ volatile("mov %%esp, saved_esp; mov %2, %%esp; cmp $5, %2; call *%1; mov $0, %0; adc %0, %0; "
                     "mov saved_esp, %%esp"
                     : "=&S"(c) : "b"(f), "D"(esp) : "eax", "ecx", "edx", "memory", "cc");
    return c;
}

static void read_nothing(void (*f)(void), uint32_t esp)
{
    __asm__ volatile("mov %%esp, saved_esp; mov %1, %%esp; call *%0; mov saved_esp, %%esp; xor %%eax, %%eax"
                     : : "b"(f), "D"(esp) : "eax", "ecx", "edx", "esi", "memory", "cc");
}

static uint32_t mix(uint32_t h, uint32_t v) { return (h ^ v) * 0x01000193; }

static void calls(unsigned k)
{
    uint32_t h = 0, h2 = 0, mask = functions[k].mask;
    for (unsigned i = 0; i < TIMES; i++) {
        uint32_t esp = MID + 4 * (i % 9) - (i % 2 ? 0 : 0x400);
        value = i * 0x9e3779b9u >> (i % 3 ? 0 : 15);
        for (int n = 0; n < 3; n++)
            read_nothing(functions[k].f, esp);
        h = mix(h, read_called(functions[k].f, esp) & mask);
        h = mix(h, read_condition(functions[k].f, esp));
        h2 = mix(h2, read_jumped(functions[k].f, esp) & mask);
    }
    printf("%-14s %08x %08x\n", functions[k].name, h, h2);
}

/* ---- the way out faults ---- */

uint32_t protection;
__asm__(".pushsection .text\n"
        "way_out: sub $20, %esp; mov $125, %eax; mov $0x80000000, %ebx; mov $0x1000, %ecx; mov protection, %edx;"
        "int $0x80; add $12, %esp; pop %ebx; mov %ebx, %eax; pop %edx; ret\n" /* mprotect */
        ".popsection");
void way_out(void);

static void on_fault(int sig, siginfo_t *info, void *context)
{
    const greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    flags_seen = mix(flags_seen, (uint32_t)r[REG_EFL] & STATUS);
    flags_seen = mix(flags_seen, (uint32_t)r[REG_EIP] - (uint32_t)(uintptr_t)way_out);
    flags_seen = mix(flags_seen, (uint32_t)r[REG_ESP] + (uint32_t)sig);
    mprotect((void *)((uintptr_t)info->si_addr & -(uintptr_t)PAGE), PAGE, PROT_READ | PROT_WRITE);
}

/* `inside` of the three words that are popped lie before the page at 2 GiB, which is not there then. */
static uint32_t leave(unsigned inside, bool fault)
{
    protection = fault ? PROT_NONE : PROT_READ | PROT_WRITE;
    return read_called(way_out, MID + 12 - 4 * inside);
}

int main(void)
{
    stack_t alt = {.ss_sp = (void *)0x60000000, .ss_size = SIZE};
    struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    void *stack = (void *)(uintptr_t)(MID - SIZE / 2);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    if (mmap(alt.ss_sp, SIZE, PROT_READ | PROT_WRITE, flags, -1, 0) != alt.ss_sp ||
        mmap(stack, SIZE, PROT_READ | PROT_WRITE, flags, -1, 0) != stack || sigaltstack(&alt, NULL))
        return 1;
    sigaction(SIGSEGV, &act, NULL);
    for (unsigned k = 0; k < sizeof functions / sizeof functions[0]; k++)
        calls(k);
    for (unsigned inside = 0; inside < 3; inside++) {
        uint32_t h = 0;
        flags_seen = 0;
        for (unsigned i = 0; i < TIMES; i++)
            h = mix(h, leave(inside, i % 8 == 7) & STATUS);
        printf("way out %u: %08x, faults %08x\n", inside, h, flags_seen);
    }
    return 0;
}
