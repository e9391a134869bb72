/* modify_ldt, set_thread_area, get_thread_area: every flag combination and error; what the
 * descriptors are to LAR, LSL, VERR, VERW and to segment loads. */
#include <asm/ldt.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf jb;
static volatile int f_sig, f_trap, f_err;

static void on_fault(int sig, siginfo_t *si, void *ctx)
{
    ucontext_t *uc = ctx;
    __asm__ volatile("mov %0, %%es; mov %0, %%ds" : : "r"(0x2b));
    f_sig = sig;
    f_trap = uc->uc_mcontext.gregs[REG_TRAPNO];
    f_err = uc->uc_mcontext.gregs[REG_ERR];
    siglongjmp(jb, 1);
}

static void catch(void)
{
    static char stack[32768];
    stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigaltstack(&ss, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGILL, &sa, NULL);
    sigaction(SIGTRAP, &sa, NULL);
}

static int modify(int func, void *p, unsigned long n)
{
    long r = syscall(SYS_modify_ldt, func, p, n);
    return r < 0 ? -errno : r;
}

static struct user_desc desc(unsigned n, unsigned base, unsigned limit, unsigned flags)
{
    struct user_desc d = {.entry_number = n, .base_addr = base, .limit = limit};
    memcpy((char *)&d + 12, &flags, 4);
    return d;
}

static void print_entry(unsigned n)
{
    uint64_t t[512] = {0};
    int r = modify(0, t, sizeof t);
    printf(" [%d] %016llx", r, (unsigned long long)t[n]);
}

static void queries(unsigned sel)
{
    unsigned lar = 0xdead, lsl = 0xdead;
    unsigned char zl, zs, zr, zw;
    __asm__ volatile("lar %2, %0; setz %1" : "+r"(lar), "=q"(zl) : "r"(sel));
    __asm__ volatile("lsl %2, %0; setz %1" : "+r"(lsl), "=q"(zs) : "r"(sel));
    __asm__ volatile("verr %w1; setz %0" : "=q"(zr) : "r"(sel));
    __asm__ volatile("verw %w1; setz %0" : "=q"(zw) : "r"(sel));
    printf(" lar %d %08x lsl %d %08x verr %d verw %d", zl, zl ? lar : 0, zs, zs ? lsl : 0, zr, zw);
}

#define LOAD(reg)                                                                                  \
    static void load_##reg(unsigned sel)                                                           \
    {                                                                                              \
        unsigned old;                                                                              \
        __asm__ volatile("mov %%" #reg ", %0" : "=r"(old));                                        \
        f_sig = 0;                                                                                 \
        if (!sigsetjmp(jb, 1))                                                                     \
            __asm__ volatile("mov %0, %%" #reg "\n\tmov %1, %%" #reg : : "r"(sel), "r"(old));      \
        if (f_sig)                                                                                 \
            printf(" " #reg " %d/%d/%x", f_sig, f_trap, f_err);                                    \
        else                                                                                       \
            printf(" " #reg " ok");                                                                \
    }
LOAD(ds)
LOAD(es)
LOAD(fs)
LOAD(ss)

static void loads(unsigned sel)
{
    load_ds(sel);
    load_es(sel);
    load_fs(sel);
    load_ss(sel);
}

static void far_jump(unsigned sel)
{
    struct { uint32_t off; uint16_t sel; } __attribute__((packed)) p = {0, sel};
    f_sig = 0;
    if (!sigsetjmp(jb, 1))
        __asm__ volatile("movl $1f, %0\n\tljmp *%0\n1:\tljmp $0x23, $2f\n2:" : "+m"(p) : : "memory");
    if (f_sig)
        printf(" cs %d/%d/%x", f_sig, f_trap, f_err);
    else
        printf(" cs ok");
}

static void write_table(int func)
{
    printf("func %#x\n", func);
    for (unsigned flags = 0; flags < 128; flags++) {
        struct user_desc d = desc(3, 0x12345678, 0xabcde, flags);
        modify(0x11, &(struct user_desc){.entry_number = 3, .read_exec_only = 1, .seg_not_present = 1}, 16);
        printf(" %02x: %d", flags, modify(func, &d, sizeof d));
        print_entry(3);
        queries(3 << 3 | 7);
        printf("\n");
    }
}

static void loads_table(void)
{
    for (unsigned flags = 0; flags < 64; flags++) {
        struct user_desc d = desc(4, 0, 0xfffff, flags | 16);
        if (modify(0x11, &d, sizeof d))
            continue;
        printf(" load %02x:", flags | 16);
        for (unsigned rpl = 0; rpl < 4; rpl += 3) {
            loads(4 << 3 | 4 | rpl);
            if (flags & 1)
                far_jump(4 << 3 | 4 | rpl);
        }
        printf("\n");
    }
}

static void errors(void)
{
    struct user_desc d = desc(0, 1, 1, 1);
    char big[256];
    printf("no table: %d", modify(0, big, sizeof big));
    modify(1, &d, sizeof d);
    memset(big, 0x55, sizeof big);
    printf("; one entry: %d", modify(0, big, 20));
    printf(", then %02x %02x\n", (unsigned char)big[19], (unsigned char)big[20]);
    printf("errors:");
    for (int f = -1; f < 0x13; f++)
        printf(" %x:%d", f, f == 0 || f == 2 ? 0 : modify(f, &d, sizeof d));
    printf("\nsizes:");
    for (int n = 0; n < 20; n++)
        printf(" %d/%d", modify(1, &d, n), modify(0x11, &d, n));
    printf("\nbad pointer: %d %d %d %d\n", modify(1, NULL, 16), modify(0x11, (void *)0xfffffff0, 16),
           modify(0, NULL, 16), modify(2, NULL, 16));
    printf("NULL with length 0: %d %d\n", modify(0, NULL, 0), modify(2, NULL, 0));
    static const unsigned n[] = {8191, 8192, 0xffffffff, 0x10000};
    for (int i = 0; i < 4; i++) {
        d = desc(n[i], 0, 0, 1);
        printf("entry %u: %d\n", n[i], modify(1, &d, 16));
    }
    memset(big, 0x55, sizeof big);
    printf("read 7: %d", modify(0, big, 7));
    for (int i = 0; i < 8; i++)
        printf(" %02x", (unsigned char)big[i]);
    memset(big, 0x55, sizeof big);
    printf("\ndefault 5: %d", modify(2, big, 5));
    for (int i = 0; i < 8; i++)
        printf(" %02x", (unsigned char)big[i]);
    printf("\ndefault 300: %d\n", modify(2, big, 300));
    static char all[70000];
    memset(all, 0x55, sizeof all);
    int r = modify(0, all, sizeof all);
    printf("read all: %d, then %02x %02x\n", r, (unsigned char)all[65535], (unsigned char)all[65536]);
}

static void clears(void)
{
    static const struct { unsigned base, limit, flags; } v[] = {
        {0, 0, 0}, {0, 0, 0x28}, {0, 0, 0x08}, {0, 0, 0x20}, {0, 0, 0x68}, {0, 0, 0x29}, {1, 0, 0x28},
        {0, 1, 0}, {0, 0, 0x40}, {0, 0, 1}, {0, 0, 0x80}, {0, 0, 0xa8}, {0, 0, 0xffffff00},
    };
    for (int f = 1; f <= 0x11; f += 0x10)
        for (unsigned i = 0; i < sizeof v / sizeof *v; i++) {
            struct user_desc d = desc(5, 0x1000, 0xfff, 0x51);
            modify(0x11, &d, 16);
            d = desc(5, v[i].base, v[i].limit, v[i].flags);
            printf("clear %x %u %u %x: %d", f, v[i].base, v[i].limit, v[i].flags, modify(f, &d, 16));
            print_entry(5);
            printf("\n");
        }
}

/* ---- set_thread_area ---- */

static int area(int nr, struct user_desc *d)
{
    return syscall(nr, d) < 0 ? -errno : 0;
}

static void thread_areas(void)
{
    struct user_desc d;
    unsigned raw[4];
    printf("numbers:");
    for (int n = -3; n < 20; n++) {
        d = desc(n, 0x1000, 0xfffff, 0x51);
        if (n == -1)
            continue;
        printf(" %d:%d", n, n == 12 ? 0 : area(SYS_set_thread_area, &d));
        d = desc(n, 0, 0, 0);
        printf("/%d", area(SYS_get_thread_area, &d));
    }
    printf("\n");
    for (int n = 13; n < 15; n++) {
        d = desc(n, 0, 0, 0);
        area(SYS_set_thread_area, &d);
    }
    for (int i = 0; i < 3; i++) {
        d = desc(-1, 0x2000 + i, 0xfffff, 0x51);
        int r = area(SYS_set_thread_area, &d);
        printf("free: %d entry %d\n", r, d.entry_number);
    }
    for (unsigned flags = 0; flags < 256; flags++) {
        d = desc(14, 0x12345678, 0xabcde, 0x51);
        area(SYS_set_thread_area, &d);
        d = desc(14, 0x12345678, 0xabcde, flags);
        int r = area(SYS_set_thread_area, &d);
        d = desc(14, 0, 0, 0);
        int g = area(SYS_get_thread_area, &d);
        memcpy(raw, &d, sizeof raw);
        printf(" area %02x: %d %d %x %x %x %x", flags, r, g, raw[0], raw[1], raw[2], raw[3]);
        queries(14 << 3 | 3);
        printf("\n");
    }
    static const struct { unsigned base, limit, flags; } v[] = {
        {0, 0, 0}, {0, 0, 0x28}, {0, 0, 0x08}, {0, 0, 0x20}, {0, 0, 0x29}, {1, 0, 0x28}, {0, 1, 0},
        {0, 0, 0x80}, {0, 0, 0xa8}, {0, 0, 1},
    };
    for (unsigned i = 0; i < sizeof v / sizeof *v; i++) {
        d = desc(14, 0x12345678, 0xabcde, 0x51);
        area(SYS_set_thread_area, &d);
        d = desc(14, v[i].base, v[i].limit, v[i].flags);
        int r = area(SYS_set_thread_area, &d);
        d = desc(14, 0, 0, 0);
        int g = area(SYS_get_thread_area, &d);
        memcpy(raw, &d, sizeof raw);
        printf(" empty %u %u %x: %d %d %x %x %x %x", v[i].base, v[i].limit, v[i].flags, r, g, raw[0], raw[1], raw[2], raw[3]);
        queries(14 << 3 | 3);
        loads(14 << 3 | 3);
        printf("\n");
    }
    printf("bad: %d %d %d\n", area(SYS_set_thread_area, NULL), area(SYS_get_thread_area, NULL),
           area(SYS_set_thread_area, (void *)0xfffffffc));
    struct user_desc *ro = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    d = desc(14, 0, 0, 0);
    area(SYS_set_thread_area, &d);
    *ro = desc(-1, 0x1000, 0xfffff, 0x51);
    mprotect(ro, 4096, PROT_READ);
    printf("read-only: %d", area(SYS_set_thread_area, ro));
    d = desc(14, 0, 0, 0);
    area(SYS_get_thread_area, &d);
    printf(" then base %x\n", d.base_addr);
}

/* All selectors of the GDT and around: which of them exist shows in LAR. */
static void all_selectors(void)
{
    for (unsigned n = 0; n < 20; n++)
        for (unsigned rpl = 0; rpl < 4; rpl += 3) {
            unsigned sel = n << 3 | rpl;
            if (n == 15) { /* its limit holds the CPU's number */
                unsigned lar = 0;
                unsigned char z;
                __asm__ volatile("lar %2, %0; setz %1" : "+r"(lar), "=q"(z) : "r"(sel));
                printf("sel %x lar %d %08x", sel, z, z ? lar : 0);
            } else {
                printf("sel %x", sel);
                queries(sel);
            }
            loads(sel);
            far_jump(sel);
            printf("\n");
        }
    for (unsigned sel = 0; sel < 65536; sel += 4099) {
        printf("sel %x", sel);
        queries(sel);
        loads(sel);
        printf("\n");
    }
}

/* The selector stays loaded in fs (or es) while the descriptor changes. */
static unsigned while_loaded(int fs, unsigned sel, struct user_desc *d, unsigned *now)
{
    unsigned v = 0;
    if (fs)
        __asm__ volatile("mov %w2, %%fs; int $0x80; mov %%fs, %1; mov %w2, %%fs; mov %%fs:0, %b0"
                         : "=a"(v), "=&S"(*now) : "D"(sel), "a"(SYS_modify_ldt), "b"(0x11), "c"(d), "d"(16) : "memory");
    else
        __asm__ volatile("mov %w2, %%es; int $0x80; mov %%es, %1; push $0x2b; pop %%es"
                         : "=a"(v), "=&S"(*now) : "D"(sel), "a"(SYS_modify_ldt), "b"(0x11), "c"(d), "d"(16) : "memory");
    return v & 0xff;
}

static void stale(void)
{
    struct user_desc d = desc(6, (unsigned)"segment", 6, 1), e;
    unsigned sel = 6 << 3 | 7, now, v;
    modify(0x11, &d, 16);
    e = desc(6, (unsigned)"other", 4, 1);
    v = while_loaded(1, sel, &e, &now);
    printf("changed: %c fs %x", v, now);
    v = while_loaded(0, sel, &d, &now);
    printf(" es %x", now);
    e = desc(6, 0, 0, 0x28);
    while_loaded(0, sel, &e, &now);
    printf(" es after clearing %x\n", now);
    d = desc(7, 0x1000, 0xfff, 0x51);
    modify(0x11, &d, 16);
    if (!fork()) { /* the child has a copy */
        printf("child:");
        print_entry(7);
        d = desc(7, 0x2000, 0xfff, 0x51);
        modify(0x11, &d, 16);
        print_entry(7);
        printf("\n");
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    printf("parent:");
    print_entry(7);
    printf("\n");
}

int main(void)
{
    uint16_t sldt1, sldt2;
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    catch();
    __asm__ volatile("sldt %0" : "=r"(sldt1));
    errors();
    write_table(1);
    write_table(0x11);
    clears();
    loads_table();
    thread_areas();
    all_selectors();
    fflush(stdout);
    stale();
    __asm__ volatile("sldt %0" : "=r"(sldt2));
    printf("sldt %x %x\n", sldt1, sldt2);
    printf("vm86: %ld", (long)syscall(SYS_vm86old, 0));
    printf(" %d", errno);
    printf(" %ld %d\n", (long)syscall(SYS_vm86, 0, 0), errno);
    return 0;
}
