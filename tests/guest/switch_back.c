/* An interpreter's loop with one switch, to which each of its operations jumps back: what a
 * translator may lay out several times. Faults at every place of the switch behind every operation,
 * signals while it runs, and the switch's own code changed while it is hot. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

enum {
    PAGE = 4096,
    FAR = 65536,
    BAD = 0x1000,
    CF = 1,
    PF = 4,
    AF = 16,
    ZF = 64,
    SF = 128,
    OF = 2048,
    ALL = CF | PF | AF | ZF | SF | OF
};
enum { INC, SUB, MUL, DEEP, STORE, ADC, LESS, END, OPS };

/* esi: byte code, edi: a word of data, ebx: accumulator, ebp: how many operations. */
struct regs {
    uint32_t ebx, esi, edi, ebp;
};
void run(struct regs *r, void *table);
extern uint8_t head[], head_load[], head_step[], head_data[], head_jump[], code_from[], code_to[];
asm(".section .xcode, \"awx\", @progbits\n.p2align 12\n"
    "code_from: run: push %ebx; push %esi; push %edi; push %ebp\n"
    "mov 24(%esp), %edx; mov 20(%esp), %eax; xor %ecx, %ecx\n"
    "mov (%eax), %ebx; mov 4(%eax), %esi; mov 8(%eax), %edi; mov 12(%eax), %ebp\n"
    "head: inc %ebp\n"
    "head_load: movzbl (%esi), %eax\n"
    "cmp $7, %al\n"
    "ja op_end\n"
    "head_step: lea 1(%esi), %esi\n"
    "head_data: mov (%edi), %ecx\n"
    "head_jump: jmp *(%edx, %eax, 4)\n"
    "op_inc: inc %ebx; jmp head\n"
    "op_sub: sub %ecx, %ebx; jmp head\n"
    "op_mul: imul $33, %ebx, %ebx; xor %ecx, %ebx; jmp head\n"
    "op_deep: push %ebx; push %ecx; add $3, %ebx; add $8, %esp; jmp head\n"
    "op_store: mov %ebx, (%edi); jmp head\n"
    "op_adc: add %ecx, %ebx; adc $0, %ebx; jmp head\n"
    "op_less: cmp %ecx, %ebx; jl 1f; dec %ebx; jmp head\n1: rol $3, %ebx; jmp head\n"
    "op_end: mov 20(%esp), %eax\n"
    "mov %ebx, (%eax); mov %esi, 4(%eax); mov %edi, 8(%eax); mov %ebp, 12(%eax)\n"
    "pop %ebp; pop %edi; pop %esi; pop %ebx; ret\n"
    ".p2align 12\ncode_to: .previous\n");
extern uint8_t op_inc[], op_sub[], op_mul[], op_deep[], op_store[], op_adc[], op_less[], op_end[];

static void *table[OPS] = {op_inc, op_sub, op_mul, op_deep, op_store, op_adc, op_less, op_end};
static uint8_t *code;  /* a page before memory that cannot be read */
static uint32_t *data; /* likewise */
static struct {
    uint32_t at, eax, ecx, ebx, esi, ebp, flags;
} seen;
static unsigned faults;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
    greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;
    (void)sig, (void)si;
    faults++;
    seen.at = (uint32_t)g[REG_EIP];
    if (seen.at != BAD)
        seen.at -= (uint32_t)head;
    seen.eax = (uint32_t)g[REG_EAX];
    seen.ecx = (uint32_t)g[REG_ECX];
    seen.ebx = (uint32_t)g[REG_EBX];
    seen.esi = (uint32_t)g[REG_ESI] - (uint32_t)code;
    seen.ebp = (uint32_t)g[REG_EBP];
    seen.flags = (uint32_t)g[REG_EFL] & ALL;
    g[REG_EIP] = (greg_t)op_end;
}

static volatile sig_atomic_t ticks;
static uint32_t outside;
static void on_tick(int sig, siginfo_t *si, void *ctx)
{
    uint32_t eip = (uint32_t)((ucontext_t *)ctx)->uc_mcontext.gregs[REG_EIP];
    (void)sig, (void)si;
    ticks++;
    outside += eip < 0x10000;
}

static void print(const char *what, unsigned op)
{
    printf("%s behind %u: at %x, eax %x ecx %x ebx %x esi %x ebp %x flags %x, %u faults\n", what,
           op, seen.at, seen.eax, seen.ecx, seen.ebx, seen.esi, seen.ebp, seen.flags, faults);
}

/* 3,000 operations of all kinds in an order that hardly repeats. */
static struct regs work(unsigned end)
{
    struct regs r = {12345, (uint32_t)code, (uint32_t)data, 0};
    uint32_t x = 1;
    for (unsigned i = 0; i < end; i++) {
        x = x * 1103515245 + 12345;
        code[i] = (uint8_t)((x >> 16) % END);
    }
    data[0] = 77;
    code[end] = END;
    run(&r, table);
    return r;
}

static void fault_at(const char *what, unsigned op, int kind)
{
    struct regs r = {99 + op, (uint32_t)(code + PAGE - 4), (uint32_t)data, 0};
    void *broken[OPS];
    memcpy(broken, table, sizeof broken);
    memset(code + PAGE - 4, (int)op, 4);
    faults = 0;
    memset(&seen, 0, sizeof seen);
    if (kind == 1)
        code[PAGE - 2] = 0xff; /* leaves */
    if (kind == 2)
        r.edi = (uint32_t)data + PAGE - (op == STORE ? 0 : 3);
    if (kind == 3) {
        code[PAGE - 1] = op == INC ? SUB : INC;
        broken[code[PAGE - 1]] = (void *)BAD;
    }
    run(&r, broken);
    print(what, op);
    printf("  left with ebx %x ebp %u\n", r.ebx, r.ebp);
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    uint8_t *m = mmap(NULL, 5 * FAR, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    m += -(uintptr_t)m % FAR;
    mprotect(m + FAR, FAR, PROT_NONE);
    mprotect(m + 3 * FAR, FAR, PROT_NONE);
    code = m + FAR - PAGE;
    data = (uint32_t *)(m + 3 * FAR - PAGE);
    sigaction(SIGSEGV, &sa, NULL);
    for (int hot = 0; hot < 2; hot++) {
        for (unsigned op = 0; op < END; op++) {
            fault_at("the byte code ends", op, 0);
            fault_at("an unknown operation", op, 1);
            fault_at("no data", op, 2);
            fault_at("a bad target", op, 3);
        }
        for (int i = 0; i < 200; i++)
            work(3000);
    }
    struct regs r = work(3000);
    printf("%x after %u\n", r.ebx, r.ebp);

    sa.sa_sigaction = on_tick;
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    unsigned wrong = 0;
    for (int i = 0; i < 300 || ticks < 50; i++) {
        struct regs now = work(3000);
        wrong += now.ebx != r.ebx || now.ebp != r.ebp;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    printf("%u wrong, %u strange places\n", wrong, outside);

    mprotect(code_from, (size_t)(code_to - code_from), PROT_READ | PROT_WRITE | PROT_EXEC);
    for (int i = 0; i < 6; i++) {
        head_step[2] = (uint8_t)(1 + i % 2); /* one operation, or every other one */
        r = work(3000);
        printf("step %d: %x after %u\n", 1 + i % 2, r.ebx, r.ebp);
        for (int k = 0; k < 50; k++)
            work(3000);
    }
    return 0;
}
