/* Segments in use: limits, expand-down, 16-bit code and stacks, far transfers, execution up to and
 * past the limit of the code segment, addresses that wrap at 4 GiB. */
#include <asm/ldt.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { CODE32 = 0x45, CODE16 = 0x44, DATA = 0x41, RDONLY = 0x49, DOWN = 0x43, DATA16 = 0x40, DOWN16 = 0x42, PAGES = 0x10 };

static sigjmp_buf jb;
static volatile struct { int sig, trap, err; unsigned addr, eip, esp, cs, ss, eax; } f;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
    greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;
    f.sig = sig;
    f.trap = g[REG_TRAPNO];
    f.err = g[REG_ERR];
    f.addr = (unsigned)si->si_addr;
    f.eip = g[REG_EIP];
    f.esp = g[REG_ESP];
    f.cs = g[REG_CS];
    f.ss = g[REG_SS];
    f.eax = g[REG_EAX];
    siglongjmp(jb, 1);
}

static unsigned set(unsigned n, unsigned base, unsigned limit, unsigned flags)
{
    struct user_desc d = {.entry_number = n, .base_addr = base, .limit = limit};
    memcpy((char *)&d + 12, &flags, 4);
    if (syscall(SYS_modify_ldt, 0x11, &d, sizeof d) < 0)
        perror("modify_ldt");
    return n << 3 | 7;
}

/* Runs the statement; what happened to it. */
#define TRY(stmt)                                                                                  \
    do {                                                                                           \
        f.sig = 0;                                                                                 \
        if (!sigsetjmp(jb, 1)) {                                                                   \
            stmt;                                                                                  \
        }                                                                                          \
        if (f.sig)                                                                                 \
            printf(" %d/%d/%x", f.sig, f.trap, f.err);                                             \
        else                                                                                       \
            printf(" ok");                                                                         \
    } while (0)

#define FS_LOAD(insn, off, ...)                                                                    \
    TRY(__asm__ volatile("mov %w0, %%fs\n\t" insn : : "r"(sel), "r"(off) : "eax", "memory"))

static void offsets(unsigned sel, const unsigned *off, int n)
{
    for (int i = 0; i < n; i++) {
        unsigned o = off[i];
        printf("  %08x: r1", o);
        FS_LOAD("movb %%fs:(%1), %%al", o);
        printf(" r2");
        FS_LOAD("movw %%fs:(%1), %%ax", o);
        printf(" r4");
        FS_LOAD("movl %%fs:(%1), %%eax", o);
        printf(" r8");
        FS_LOAD("movq %%fs:(%1), %%mm0\n\temms", o);
        printf(" r16");
        FS_LOAD("movups %%fs:(%1), %%xmm0", o);
        printf(" w1");
        FS_LOAD("movb %%al, %%fs:(%1)", o);
        printf(" w4");
        FS_LOAD("movl %%eax, %%fs:(%1)", o);
        printf(" rmw");
        FS_LOAD("lock addl $0, %%fs:(%1)", o);
        printf("\n");
    }
}

static void limits(char *buf)
{
    static const unsigned at[] = {0, 0xf0, 0xf8, 0xfb, 0xfc, 0xfd, 0xfe, 0xff, 0x100, 0xfffffffe, 0xffffffff};
    static const unsigned down[] = {0, 0xfe, 0xff, 0x100, 0x101, 0xfff, 0xfffc, 0xfffd, 0xffff, 0x10000};
    printf("limit 0xff\n");
    offsets(set(1, (unsigned)buf, 0xff, DATA), at, 11);
    printf("limit 0xff, read-only\n");
    offsets(set(1, (unsigned)buf, 0xff, RDONLY), at + 5, 3);
    printf("limit 0xff, code\n");
    offsets(set(1, (unsigned)buf, 0xff, CODE32), at + 5, 3);
    printf("limit 0xff, 16-bit data\n");
    offsets(set(1, (unsigned)buf, 0xff, DATA16), at + 5, 4);
    printf("limit 0 pages\n");
    offsets(set(1, (unsigned)buf, 0, DATA | PAGES), (unsigned[]){0xffc, 0xffd, 0xfff, 0x1000}, 4);
    printf("expand-down, limit 0xff\n");
    offsets(set(1, (unsigned)buf, 0xff, DOWN), down, 10);
    printf("expand-down, 16-bit, limit 0xff\n");
    offsets(set(1, (unsigned)buf, 0xff, DOWN16), down, 10);
    printf("expand-down, limit 0 pages\n");
    offsets(set(1, (unsigned)buf, 0, DOWN | PAGES), down + 3, 4);
    printf("expand-down, limit 4 GiB: nothing\n");
    offsets(set(1, 0, 0xfffff, DOWN | PAGES), (unsigned[]){(unsigned)buf, 0xffffffff}, 2);
}

/* Base and offset that sum to more than 4 GiB. */
static void wrap(char *buf)
{
    unsigned v, sel = set(1, (unsigned)buf + 0x100, 0xfffff, DATA | PAGES);
    buf[0] = 'w';
    TRY(__asm__ volatile("mov %w1, %%fs; movzbl %%fs:(%2), %0" : "=r"(v) : "r"(sel), "r"(0xffffff00)));
    printf(" base + offset wraps: %c", v);
    sel = set(1, 0xfffff000, 0xfffff, DATA | PAGES);
    TRY(__asm__ volatile("mov %w1, %%fs; movzbl %%fs:(%2), %0" : "=r"(v) : "r"(sel), "r"((unsigned)buf + 0x1000)));
    printf(" %c\nflat:", v);
    for (unsigned a = 0xfffffff0; a; a += a < 0xfffffffc ? 4 : 1) {
        printf(" %x", a);
        TRY(__asm__ volatile("movb (%0), %%al" : : "r"(a) : "eax"));
        TRY(__asm__ volatile("movw (%0), %%ax" : : "r"(a) : "eax"));
        TRY(__asm__ volatile("movl (%0), %%eax" : : "r"(a) : "eax"));
        TRY(__asm__ volatile("movups (%0), %%xmm0" : : "r"(a)));
        TRY(__asm__ volatile("movl %%eax, (%0)" : : "r"(a) : "memory"));
    }
    printf("\nfs with base 1:");
    sel = set(1, 1, 0xfffff, DATA | PAGES);
    for (unsigned a = 0xfffffffa; a; a++) {
        printf(" %x", a);
        TRY(__asm__ volatile("mov %w0, %%fs; movb %%fs:(%1), %%al" : : "r"(sel), "r"(a) : "eax"));
        if (f.sig)
            printf("@%x", f.addr);
        TRY(__asm__ volatile("mov %w0, %%fs; movl %%fs:(%1), %%eax" : : "r"(sel), "r"(a) : "eax"));
        if (f.sig)
            printf("@%x", f.addr);
    }
    printf("\n");
}

/* ---- stacks ---- */

static unsigned saved_esp;
static void stack_limits(char *buf)
{
    unsigned sel = set(2, (unsigned)buf, 0x7ff, DATA);
    static const unsigned sp[] = {0, 1, 2, 3, 4, 6, 8, 0x7fc, 0x7fd, 0x7fe, 0x800, 0x802, 0x804, 0x806};
    for (int i = 0; i < 14; i++) {
        printf(" esp %x: push", sp[i]);
#define ON_STACK(code)                                                                             \
    TRY(__asm__ volatile("mov %%esp, %0; mov %w1, %%ss; mov %2, %%esp; " code                      \
                         "; mov %3, %%ss; mov %0, %%esp"                                           \
                         : "+m"(saved_esp) : "r"(sel), "r"(sp[i]), "r"(0x2b) : "eax", "memory"));  \
    if (f.sig)                                                                                     \
        printf("(esp %x ss %x)", f.esp, f.ss)
        ON_STACK("push %%eax");
        printf(" pushw");
        ON_STACK("pushw %%ax");
        printf(" pop");
        ON_STACK("pop %%eax");
        printf(" call");
        ON_STACK("call 1f; 1: ");
        printf(" mov");
        ON_STACK("mov -4(%%esp), %%eax");
        printf("\n");
    }
}

/* Values that the code on another stack leaves, and what it needs. */
unsigned out[4], save_sp, save_bp, my_pid;
#define ON_SS(sel, code)                                                                           \
    __asm__ volatile("mov %%esp, save_sp; mov %%ebp, save_bp; mov %w0, %%ss; " code                 \
                     "; mov $0x2b, %%edx; mov %%edx, %%ss; mov save_sp, %%esp; mov save_bp, %%ebp" \
                     : : "S"(sel) : "eax", "ebx", "ecx", "edx", "edi", "memory")

static void stack16(char *buf)
{
    unsigned sel = set(3, (unsigned)buf, 0xffff, DATA16);
    memset(buf, 0, 0x10000);
    ON_SS(sel, "mov $0x12340000, %%esp; push $0x11223344; mov %%esp, out; pushw $0x5566; mov %%esp, out+4;"
               "mov $20, %%eax; int $0x80; mov %%esp, out+8");
    printf("16-bit stack: esp %x %x after int %x words %04x %04x %04x\n", out[0], out[1], out[2], *(uint16_t *)(buf + 0xfffc),
           *(uint16_t *)(buf + 0xfffe), *(uint16_t *)buf);
    ON_SS(sel, "mov $0x1234fffa, %%esp; pop %%eax; mov %%eax, out; popw %%ax; mov %%esp, out+4");
    printf("pop to the end: %x esp %x\n", out[0], out[1]);
    ON_SS(sel, "mov $0x43210100, %%esp; mov $0xaaaa8000, %%ebp; enter $16, $0; mov %%ebp, out; leave; mov %%esp, out+4");
    printf("enter, leave: ebp %x esp %x\n", out[0], out[1]);
    ON_SS(sel, "mov $0x43210100, %%esp; call 1f; jmp 2f; 1: mov %%esp, out; ret $8; 2: mov %%esp, out+4");
    printf("call, ret 8: %x %x\n", out[0], out[1]);
    ON_SS(sel, "mov $0x43210020, %%esp; mov $0x99, %%eax; pusha; mov %%esp, out");
    printf("pusha: esp %x eax there %x\n", out[0], *(unsigned *)(buf + 0x1c));
}

static void on_usr1(int s, siginfo_t *si, void *ctx)
{
    greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;
    unsigned ss, esp;
    __asm__ volatile("mov %%ss, %0; mov %%esp, %1" : "=r"(ss), "=r"(esp));
    printf("handler: frame ss %x esp %x cs %x, own ss %x\n", g[REG_SS], g[REG_ESP], g[REG_CS], ss);
    g[REG_EAX] = 0x1234;
}

static void signal_on_stack16(char *buf)
{
    static char alt[16384];
    stack_t st = {.ss_sp = alt, .ss_size = sizeof alt}, off = {.ss_flags = SS_DISABLE};
    struct sigaction sa = {.sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    unsigned sel = set(3, (unsigned)buf, 0xffff, DATA16);
    sigaltstack(&st, NULL);
    sigaction(SIGUSR1, &sa, NULL);
    my_pid = getpid();
    ON_SS(sel, "mov $0x56788000, %%esp; mov $37, %%eax; mov my_pid, %%ebx; mov $10, %%ecx; int $0x80;"
               "mov %%esp, out; mov %%eax, out+4; mov %%ss, out+8");
    printf("after the signal: esp %x eax %x ss %x\n", out[0], out[1], out[2]);
}

/* ---- code ---- */

static struct { uint32_t off; uint16_t sel; } __attribute__((packed)) target;

static unsigned far_call(unsigned sel, unsigned off)
{
    unsigned r = 0;
    target.off = off;
    target.sel = sel;
    f.sig = 0;
    if (!sigsetjmp(jb, 1))
        __asm__ volatile("lcall *%1" : "=a"(r) : "m"(target), "0"(0) : "ecx", "edx", "edi", "memory");
    return r;
}

static void report(const char *what, unsigned base, unsigned r)
{
    if (f.sig)
        printf("%s: %d/%d/%x eip %x cs %x eax %x\n", what, f.sig, f.trap, f.err,
               f.cs == 0x23 ? 0 : f.eip, f.cs, f.eax);
    else
        printf("%s: %x\n", what, r);
}

static void code(unsigned char *c)
{
    static const unsigned char ret32[] = {0xb8, 0x78, 0x56, 0x34, 0x12, 0xcb};
    static const unsigned char ret16[] = {0xb8, 0x78, 0x56, /* mov ax */
                                          0x05, 0x11, 0x11, /* add ax */
                                          0x50, 0x59,       /* push ax, pop cx */
                                          0x66, 0xc1, 0xe0, 0x10, /* shl eax, 16 */
                                          0x89, 0xc8,       /* mov ax, cx */
                                          0xe8, 0x02, 0x00, /* call +2 */
                                          0x66, 0xcb,       /* retfd */
                                          0x40, 0xc3};      /* inc ax, ret */
    unsigned base = (unsigned)c, sel;
    memcpy(c, ret32, sizeof ret32);
    sel = set(4, base, 0xfff, CODE32);
    report("code segment with a base", base, far_call(sel, 0));
    memcpy(c + 0x100, ret16, sizeof ret16);
    report("16-bit code", base, far_call(set(5, base, 0xfff, CODE16), 0x100));
    report("beyond the limit", base, far_call(set(4, base, 0xff, CODE32), 0x100));
    report("data segment", base, far_call(set(4, base, 0xfff, DATA), 0));
    report("not present", base, far_call(set(4, base, 0xfff, CODE32 | 0x20), 0));
    report("execute-only", base, far_call(set(4, base, 0xfff, CODE32 | 8), 0));
    /* reads through cs */
    static const unsigned char rdcs[] = {0x2e, 0xa1, 0, 0, 0, 0, 0xcb};
    memcpy(c + 0x200, rdcs, sizeof rdcs);
    report("reads cs:0", base, far_call(set(4, base, 0xfff, CODE32), 0x200));
    report("reads cs:0, execute-only", base, far_call(set(4, base, 0xfff, CODE32 | 8), 0x200));
    static const unsigned char wrcs[] = {0x2e, 0xa3, 0, 0, 0, 0, 0xcb};
    memcpy(c + 0x200, wrcs, sizeof wrcs);
    report("writes cs:0", base, far_call(set(4, base, 0xfff, CODE32), 0x200));
    /* up to the limit and past it */
    memset(c + 0x300, 0x90, 0x100);
    c[0x310] = 0xcb;
    for (unsigned lim = 0x30e; lim < 0x312; lim++)
        report("nops and a return, limits 30e..", base, far_call(set(4, base, lim, CODE32), 0x300));
    memcpy(c + 0x310, ret32, sizeof ret32);
    for (unsigned lim = 0x30f; lim < 0x317; lim++)
        report("long instruction at the limit", base, far_call(set(4, base, lim, CODE32), 0x300));
    static const unsigned char jmps[] = {0xb8, 1, 0, 0, 0, 0xeb, 0x79}; /* jmp +0x79 */
    memcpy(c + 0x400, jmps, sizeof jmps);
    c[0x480] = 0xcb;
    report("jump to the limit", base, far_call(set(4, base, 0x480, CODE32), 0x400));
    report("jump past the limit", base, far_call(set(4, base, 0x47f, CODE32), 0x400));
    static const unsigned char calls[] = {0xb8, 1, 0, 0, 0, 0xe8, 0x76, 0, 0, 0, 0xcb};
    memcpy(c + 0x400, calls, sizeof calls);
    c[0x480] = 0xc3;
    report("call to the limit", base, far_call(set(4, base, 0x480, CODE32), 0x400));
    report("call past the limit", base, far_call(set(4, base, 0x47f, CODE32), 0x400));
    static const unsigned char jind[] = {0xb8, 0x80, 4, 0, 0, 0xff, 0xe0};
    memcpy(c + 0x400, jind, sizeof jind);
    report("indirect jump past the limit", base, far_call(set(4, base, 0x47f, CODE32), 0x400));
    static const unsigned char rets[] = {0x68, 0x80, 4, 0, 0, 0xc3};
    memcpy(c + 0x400, rets, sizeof rets);
    report("return past the limit", base, far_call(set(4, base, 0x47f, CODE32), 0x400));
    static const unsigned char jcc[] = {0x31, 0xc0, 0x74, 0x7c, 0xcb};
    memcpy(c + 0x400, jcc, sizeof jcc);
    report("conditional jump past the limit", base, far_call(set(4, base, 0x47f, CODE32), 0x400));
    /* 16-bit: ip wraps or not */
    memset(c + 0xfff0, 0x90, 16);
    c[0xffff] = 0x90;
    memcpy(c, (unsigned char[]){0xb8, 0x44, 0x33, 0x66, 0xcb}, 5);
    report("16-bit code runs past 64 KiB", base, far_call(set(4, base, 0xffff, CODE16), 0xfff8));
    c[0xfffe] = 0xeb, c[0xffff] = 0x00; /* jmp +0: target 0x10000 & 0xffff */
    report("16-bit jump over 64 KiB", base, far_call(set(4, base, 0xffff, CODE16), 0xfff8));
    /* far jumps between segments and a far return with another size */
    static const unsigned char hop[] = {0xea, 0x20, 5, 0, 0, 0x2f, 0};
    memcpy(c + 0x500, hop, sizeof hop);
    memcpy(c + 0x520, ret16, sizeof ret16);
    set(4, base, 0xfff, CODE32);
    report("32-bit to 16-bit", base, far_call(4 << 3 | 7, 0x500));
    static const unsigned char lsls[] = {0x0f, 0x03, 0xc1, 0xcb}; /* lsl eax, ecx: ecx left by the caller */
    (void)lsls;
}

static void string_ops(char *buf)
{
    unsigned sel = set(6, (unsigned)buf, 0x1f, DATA), ecx, edi, esi;
    memset(buf, 'x', 64);
    f.sig = 0;
    static volatile unsigned left;
    for (unsigned n = 30; n <= 40; n += 5) {
        printf("stos %u:", n);
        TRY(__asm__ volatile("push %%es; mov %w2, %%es; cld; rep stosb; pop %%es" : "=&c"(ecx), "=&D"(edi) : "r"(sel), "0"(n), "1"(0), "a"('0' + n % 10) : "memory"));
        printf(" %.34s\n", buf);
    }
    printf("movs from fs:");
    TRY(__asm__ volatile("mov %w3, %%fs; rep movsl %%fs:(%%esi), %%es:(%%edi)" : "=&c"(ecx), "=&D"(edi), "=&S"(esi) : "r"(sel), "0"(8), "1"(buf + 100), "2"(0) : "memory"));
    printf(" %.8s", buf + 100);
    TRY(__asm__ volatile("mov %w3, %%fs; rep movsl %%fs:(%%esi), %%es:(%%edi)" : "=&c"(ecx), "=&D"(edi), "=&S"(esi) : "r"(sel), "0"(8), "1"(buf + 100), "2"(1) : "memory"));
    printf("\n");
    unsigned v;
    TRY(__asm__ volatile("push %%ds; mov %w1, %%ds; mov 0x1c, %0; pop %%ds" : "=&a"(v) : "r"(sel) : "memory"));
    TRY(__asm__ volatile("push %%ds; mov %w1, %%ds; mov 0x1d, %0; pop %%ds" : "=&a"(v) : "r"(sel) : "memory"));
    TRY(__asm__ volatile("push %%ds; mov %w1, %%ds; mov 0x1d, %0; pop %%ds" : "=&a"(v) : "r"(0) : "memory"));
    printf(" through ds\n");
    struct { uint32_t off; uint16_t s; } __attribute__((packed)) p = {0x11, sel};
    unsigned o, s;
    __asm__ volatile("lfs %2, %0; mov %%fs, %1" : "=r"(o), "=r"(s) : "m"(p));
    printf("lfs %x %x\n", o, s);
    p.s = 6 << 3 | 4 | 3 | 0x1000;
    TRY(__asm__ volatile("lfs %1, %0" : "=r"(o) : "m"(p)));
    printf(" lfs bad\n");
}

int main(void)
{
    static char stack[32768];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    char *buf = mmap((void *)0x20000000, 0x21000, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    sigaltstack(&ss, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGILL, &sa, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    limits(buf);
    wrap(buf);
    stack_limits(buf);
    string_ops(buf);
    code((unsigned char *)buf);
    stack16(buf);
    signal_on_stack16(buf);
    return 0;
}
