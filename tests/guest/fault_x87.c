/* Faults of instructions between those of x87 and MMX: the frame shows the unit's state, the handler starts with a
 * new one, and sigreturn brings the old one back. In loops, so that all of it is translated. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

enum { ROUNDS = 40 };

/* What the frame shows, and what the handler and the code behind it have. */
struct seen {
    int sig;
    uint32_t sw, tag;
    uint64_t st0;
    uint16_t own, then;
    double value;
};
static struct seen seen;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    const struct _libc_fpstate *f = uc->uc_mcontext.fpregs;
    (void)info;
    __asm__ volatile("fldpi\n\tfnstsw %0\n\tfstp %%st(0)" : "=a"(seen.own));
    seen.sig = sig;
    seen.sw = f->sw & 0xffff;
    seen.tag = f->tag & 0xffff;
    memcpy(&seen.st0, &f->_st[0], sizeof seen.st0);
    uc->uc_mcontext.gregs[REG_EIP] = uc->uc_mcontext.gregs[REG_EDI];
}

/* One round of a case; only what differs from the first is said again. */
static void say(const char *name, struct seen *first)
{
    if (!memcmp(&seen, first, sizeof seen))
        return;
    printf("%s: signal %d sw %04x tag %04x st0 %016llx, handler %04x, then %04x %.17g\n", name,
           seen.sig, seen.sw, seen.tag, (unsigned long long)seen.st0, seen.own, seen.then,
           seen.value);
    *first = seen;
}

/* `insn` faults behind instructions of the unit; edi is where to go on. */
#define CASE(name, before, insn)                                                                  \
    static void name(void)                                                                        \
    {                                                                                             \
        static struct seen first;                                                                 \
        memset(&seen, 0, sizeof seen);                                                            \
        __asm__ volatile("fninit\n\tmovl $1f, %%edi\n\t" before "\n\t" insn "\n1:\n\t"            \
                         "fnstsw %%ax\n\tfstpl %1\n\tfninit"                                      \
                         : "=&a"(seen.then), "=m"(seen.value)                                     \
                         : "d"(0x10)                                                              \
                         : "ecx", "esi", "edi", "ebx", "memory", "cc");                           \
        say(#name, &first);                                                                       \
    }
#define X87 "fld1\n\tfldl2t\n\tfucom %%st(5)"
#define CLEAR(n) "pxor %%mm" #n ", %%mm" #n "\n\t"
#define MMX                                                                                       \
    CLEAR(1) CLEAR(2) CLEAR(3) CLEAR(4) CLEAR(5) CLEAR(6) CLEAR(7)                                \
    "movl $0x12345678, %%ecx\n\tmovd %%ecx, %%mm0\n\tpaddd %%mm0, %%mm0"

CASE(hlt, X87, "hlt")
CASE(invd, X87, "invd")
CASE(in, X87, "in $3, %%al")
CASE(cli, X87, "cli")
CASE(cr0, X87, "movl %%cr0, %%eax")
CASE(undefined, X87, "ud2")
CASE(load, X87, "movl (%%edx), %%eax")
CASE(bit, X87, "movl $77, %%ecx\n\tbtl %%ecx, (%%edx)")
CASE(exchange, X87, "movl %%edx, %%esi\n\tlock cmpxchg8b (%%esi)")
CASE(segment, X87, "movl $0, %%ecx\n\tmovw %%cx, %%fs\n\tmovl %%fs:(%%edx), %%eax")
CASE(aam, X87, "aam $0")
CASE(divide, X87, "xorl %%ecx, %%ecx\n\tdivl %%ecx")
CASE(mmx_cli, MMX, "cli")
CASE(mmx_bit, MMX, "movl $77, %%ecx\n\tbtl %%ecx, (%%edx)")

int main(void)
{
    static void (*const cases[])(void) = {hlt, invd, in, cli, cr0, undefined, load, bit, exchange,
                                          segment, aam, divide, mmx_cli, mmx_bit};
    static const int sigs[] = {SIGSEGV, SIGILL, SIGFPE};
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    for (unsigned i = 0; i < sizeof sigs / sizeof sigs[0]; i++)
        sigaction(sigs[i], &sa, NULL);
    for (unsigned i = 0; i < ROUNDS; i++)
        for (unsigned k = 0; k < sizeof cases / sizeof cases[0]; k++)
            cases[k]();
    return 0;
}
