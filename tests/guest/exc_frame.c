/* Signal frames byte by byte: sigframe and rt_sigframe with what the handler's registers are, and
 * what a handler's changes to every part of the frame do at sigreturn, invalid ones included. */
#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char alt[65536];

struct sc {
    uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, trapno, err, eip, cs, eflags,
        esp_at_signal, ss, fpstate, oldmask, cr2;
};
struct fp {
    uint32_t cw, sw, tag, ip, cs, dp, ds;
    uint8_t st[8][10];
    uint16_t status, magic;
    uint16_t fcw, fsw;
    uint8_t ftw, pad;
    uint16_t fop;
    uint64_t rip, rdp;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t fst[8][16], xmm[8][16];
};
struct frame {
    uint32_t pretcode, sig;
    struct sc sc;
    uint8_t unused[624];
    uint32_t extramask;
    uint8_t retcode[8];
};
struct rtframe {
    uint32_t pretcode, sig, pinfo, puc;
    uint8_t info[128];
    uint32_t flags, link, ss_sp, ss_flags, ss_size;
    struct sc sc;
    uint32_t mask[2];
    uint8_t retcode[8];
};

struct { uint32_t esp, eax, ecx, edx, efl, ds, es, fs, gs, ss, cs, cw, sw; } entry;
void (*c_handler)(uint32_t esp);
__asm__(".text\n.globl handler\nhandler:\n"
        "mov %eax,entry+4; mov %ecx,entry+8; mov %edx,entry+12; mov %esp,entry\n"
        "pushf; pop entry+16; mov %ds,entry+20; mov %es,entry+24; mov %fs,entry+28; mov %gs,entry+32\n"
        "mov %ss,entry+36; mov %cs,entry+40; fnstcw entry+44; fnstsw entry+48\n"
        "mov saved_gs,%eax; mov %eax,%gs\n" /* the C library needs it */
        "mov %esp,%esi; and $-16,%esp; sub $12,%esp; push %esi; call *c_handler; mov %esi,%esp; ret\n"
        ".globl handler_end\nhandler_end:");
void handler(void);

/* What is in the registers when the snippet is left: ring[0..]: edi esi ebp esp ebx edx ecx eax, efl, ds,
 * es, fs, gs, then FSAVE of x87, xmm1, mxcsr. */
uint32_t after[16];
uint8_t after_fp[108], after_xmm[16], set_xmm[16];
uint32_t after_mxcsr, saved_esp, saved_gs, where, fs_in = 0;
double st_in[2] = {1.5, -2.25};
__asm__(".text\n.globl snippet\nsnippet: pusha; mov %esp,saved_esp\n"
        "fninit; fldl st_in; fldl st_in+8; movups set_xmm,%xmm1\n"
        "mov $0x1111,%eax; mov fs_in,%ebx; mov %ebx,%fs; mov $20,%eax; int $0x80; mov %eax,%ebx\n"
        "mov $0x2222,%edx; mov $0x3333,%esi; mov $0x4444,%edi; mov $0x5555,%ebp; mov $37,%eax; mov $10,%ecx\n"
        "cmp %eax,%eax; std; stc; movl $1f,where; int $0x80; 1: nop\n"
        "snip_out: nop; mov %edi,after; mov %esi,after+4; mov %ebp,after+8; mov %esp,after+12\n"
        "mov %ebx,after+16; mov %edx,after+20; mov %ecx,after+24; mov %eax,after+28\n"
        "push %ds; mov $0x2b,%eax; mov %eax,%ds; pop after+36\n"
        "mov %es,after+40; mov %fs,after+44; mov %gs,after+48; mov saved_esp,%esp; pushf; pop after+32\n"
        "fnsave after_fp; fninit; movups %xmm1,after_xmm; stmxcsr after_mxcsr; ldmxcsr ok_mxcsr\n"
        "mov saved_gs,%eax; mov %eax,%gs; mov %ds,%eax; mov %eax,%es; cld; mov saved_esp,%esp; popa; ret\n"
        ".data\nok_mxcsr: .long 0x1f80\n.text\n");
void snippet(void);
extern const char snip_out[];

static uint32_t base_esp; /* esp in the snippet */

static void print_sc(const struct sc *s)
{
    printf(" gs %x fs %x es %x ds %x cs %x ss %x\n", s->gs == saved_gs ? 1 : s->gs, s->fs, s->es, s->ds,
           s->cs, s->ss);
    printf(" edi %x esi %x ebp %x esp %d ebx %d edx %x ecx %x eax %x\n", s->edi, s->esi, s->ebp,
           (int)(s->esp - base_esp), s->ebx == getpid(), s->edx, s->ecx, s->eax);
    printf(" trapno %x err %x eip %d eflags %x esp_at_signal %d oldmask %x cr2 %x\n", s->trapno, s->err,
           (int)(s->eip - where), s->eflags, (int)(s->esp_at_signal - base_esp), s->oldmask, s->cr2);
}

static void hex(const char *t, const uint8_t *p, int n)
{
    printf(" %s", t);
    while (n--)
        printf("%02x", *p++);
}

static void print_fp(const struct fp *f)
{
    printf(" fsave cw %x sw %x tag %x ip %d cs %x dp %d ds %x status %x magic %x\n", f->cw, f->sw,
           f->tag, f->ip ? 1 : 0, f->cs, f->dp == (uint32_t)(st_in + 1), f->ds, f->status, f->magic);
    printf(" fxsave cw %x sw %x tag %x mxcsr %x", f->fcw, f->fsw, f->ftw, f->mxcsr);
    hex("st0 ", f->st[0], 10);
    hex("st1 ", f->st[1], 10);
    hex("fx ", f->fst[0], 16);
    hex("xmm1 ", f->xmm[1], 16);
    printf("\n");
}

static void print_entry(uint32_t top)
{
    printf(" entry: eax %x edx %d ecx %d efl %x ds %x es %x fs %x ss %x cs %x cw %x sw %x esp&15 %d\n",
           entry.eax, (int)(entry.edx ? entry.edx - top : 0), (int)(entry.ecx ? entry.ecx - top : 0),
           entry.efl, entry.ds & 0xffff, entry.es & 0xffff, entry.fs & 0xffff, entry.ss & 0xffff,
           entry.cs & 0xffff, entry.cw & 0xffff, entry.sw & 0xffff, (int)(entry.esp & 15));
}

static void dump_old(uint32_t esp)
{
    struct frame *f = (void *)esp;
    print_entry(esp);
    base_esp = saved_esp;
    printf(" sig %x extramask %x fpstate-frame %d fpstate&63 %d retcode", f->sig, f->extramask,
           (int)(f->sc.fpstate - esp), (int)(f->sc.fpstate & 63));
    hex("", f->retcode, 8);
    hex("at pretcode ", (void *)f->pretcode, 8);
    printf("\n");
    print_sc(&f->sc);
    print_fp((void *)f->sc.fpstate);
}

static void dump_rt(uint32_t esp)
{
    struct rtframe *f = (void *)esp;
    print_entry(esp);
    base_esp = saved_esp;
    printf(" sig %x pinfo %d puc %d fpstate-frame %d retcode", f->sig, (int)(f->pinfo - esp),
           (int)(f->puc - esp), (int)(f->sc.fpstate - esp));
    hex("", f->retcode, 8);
    hex("at pretcode ", (void *)f->pretcode, 7);
    printf("\n flags %x link %x stack %x %x %x mask %x %x info %x %x %x pid %d uid %x rest %x\n",
           f->flags & ~1, f->link, f->ss_sp == (uint32_t)alt, f->ss_flags, f->ss_size, f->mask[0], f->mask[1],
           *(uint32_t *)f->info, *(uint32_t *)(f->info + 4), *(uint32_t *)(f->info + 8),
           *(uint32_t *)(f->info + 12) == getpid(), *(uint32_t *)(f->info + 16),
           *(uint32_t *)(f->info + 20));
    print_sc(&f->sc);
    print_fp((void *)f->sc.fpstate);
}

static void set_action(int sig, uint32_t flags, uint32_t restorer, uint64_t mask)
{
    struct { uint32_t h, flags, restorer; uint64_t mask; } __attribute__((packed))
        k = {(uint32_t)handler, flags, restorer, mask};
    syscall(SYS_rt_sigaction, sig, &k, NULL, 8);
}

static void print_after(void)
{
    printf(" after: edi %x esi %x ebp %x esp %d ebx %x edx %x ecx %x eax %x efl %x ds %x es %x fs %x gs %x\n",
           after[0], after[1], after[2], (int)(after[3] - saved_esp), after[4] == getpid() ? 1 : after[4],
           after[5], after[6], after[7], after[8] & ~0x200000, after[9] & 0xffff, after[10] & 0xffff,
           after[11] & 0xffff, (after[12] & 0xffff) == saved_gs ? 1 : after[12] & 0xffff);
    printf(" cw %x sw %x tag %x ip %x cs/op %x dp %x ds %x mxcsr %x", *(uint16_t *)after_fp,
           *(uint16_t *)(after_fp + 4), *(uint16_t *)(after_fp + 8), *(uint32_t *)(after_fp + 12) != 0,
           *(uint32_t *)(after_fp + 16), *(uint32_t *)(after_fp + 20) != 0,
           *(uint16_t *)(after_fp + 24), after_mxcsr);
    hex("st0 ", after_fp + 28, 10);
    hex("st1 ", after_fp + 38, 10);
    hex("xmm1 ", after_xmm, 16);
    printf("\n");
}

static int edit;
static const char *const edits[] = {
    "nothing", "general registers", "eip, esp", "eflags all set", "eflags all clear", "selectors 0x2b",
    "selectors null", "selectors bad", "selectors from the LDT", "rpl 0", "fsave x87", "fxsave x87",
    "xmm, mxcsr", "mxcsr invalid", "fsave control, tag", "fpstate null", "fpstate unmapped",
    "cs null", "cs data", "cs bad", "ss null", "ss code", "ss read-only", "ss not present", "cs not present",
    "mask", "esp unmapped", "xmm8 area", "eip unmapped", "cr2, trapno, err",
    "selectors null, of any privilege", "the same, cs bad", "eip beyond cs", "cs bad, ss from the LDT",
    "cs bad, fpstate unmapped"};

static void do_edit(uint32_t esp)
{
    struct frame *f = (void *)esp;
    struct sc *s = &f->sc;
    struct fp *p = (void *)s->fpstate;
    switch (edit) {
    case 1: s->edi = 1, s->esi = 2, s->ebp = 3, s->ebx = 4, s->edx = 5, s->ecx = 6, s->eax = 7; break;
    case 2: s->eip = (uint32_t)snip_out, s->esp -= 64; s->esp_at_signal = 0; break;
    case 3: s->eflags = 0xffffffff & ~0x40100; break;
    case 4: s->eflags = 0; break;
    case 5: s->fs = s->es = s->ds = 0x2b; break;
    case 6: s->fs = s->es = s->gs = 0; break;
    case 7: s->fs = 0x1234, s->es = 0x18, s->gs = 0x7ff7; break;
    case 8: s->fs = s->es = 7; break;
    case 9: s->cs = 0x20, s->ss = 0x28, s->fs = s->es = 0x28; break;
    case 10: memset(p->st[0], 0x41, 10); memset(p->st[1], 0x42, 10); break;
    case 11: memset(p->fst[0], 0x43, 10); p->fcw = 0x27f; p->fsw = 0; p->ftw = 0xff; p->fop = 0x123; break;
    case 12: memset(p->xmm[1], 0x44, 16); p->mxcsr = 0x9fc0; break;
    case 13: p->mxcsr = 0x10000; break;
    case 14: p->cw = 0x27f; p->sw = 0x7800; p->tag = 0x5555; p->ip = 0x1234; p->cs = 0x5670023; p->dp = 0x77; break;
    case 15: s->fpstate = 0; break;
    case 16: s->fpstate = 16; break;
    case 17: s->cs = 0; break;
    case 18: s->cs = 0x2b; break;
    case 19: s->cs = 0x1237; break;
    case 20: s->ss = 0; break;
    case 21: s->ss = 0x23; break;
    case 22: s->ss = 0x0f; break;
    case 23: s->ss = 0x17; break;
    case 24: s->cs = 0x1f; break;
    case 25: s->oldmask = 0xffffffff; f->extramask = 0xffffffff; break;
    case 26: s->esp = 0x100, s->eip = (uint32_t)snip_out; break;
    case 27: memset((uint8_t *)p + 112 + 288, 0x55, 128); break;
    case 28: s->eip = 0x40; break;
    case 29: s->cr2 = 1, s->trapno = 2, s->err = 3; break;
    case 30: s->fs = 1, s->es = 2, s->gs = 3; break;
    case 31: s->fs = 1, s->es = 2, s->cs = 0x1237; break;
    case 32: s->cs = 0x27; break;
    case 33: s->cs = 0x1237, s->ss = 7; break;
    case 34: s->cs = 0x1237, s->fpstate = 16; break;
    }
    s->eflags |= 0; /* the frame is used by sigreturn, not by C */
    __asm__ volatile("" ::: "memory");
}

static sigjmp_buf jb;
static void segv(int sig, siginfo_t *i, void *u)
{
    struct sc *s = (void *)((uint8_t *)u + 20);
    __asm__ volatile("mov %0,%%gs" : : "r"(saved_gs));
    printf(" sig %d code %d addr %x trapno %x err %x cs %x ss %x es %x fs %x eip %d eax %x efl %x\n", sig,
           i->si_code, (uint32_t)i->si_addr, s->trapno, s->err, s->cs, s->ss, s->es & 0xffff, s->fs & 0xffff,
           s->eip - where < 64 ? (int)(s->eip - where) : (int)s->eip == 0x40 ? 0x40 : -1, s->eax,
           s->eflags & 0x10001);
    siglongjmp(jb, 1);
}

static void ldt(unsigned n, unsigned contents, int ro, int np, unsigned pages)
{
    struct user_desc d = {.entry_number = n, .limit = pages - 1, .limit_in_pages = 1, .seg_32bit = 1,
                          .contents = contents, .read_exec_only = ro, .seg_not_present = np, .useable = 1};
    syscall(SYS_modify_ldt, 0x11, &d, sizeof d);
}

int main(void)
{
    stack_t st = {.ss_sp = alt, .ss_size = sizeof alt};
    setvbuf(stdout, NULL, _IONBF, 0);
    sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL); /* frames show it, and execve keeps it */
    __asm__ volatile("mov %%gs,%0" : "=r"(saved_gs));
    saved_gs &= 0xffff;
    ldt(0, 0, 0, 0, 1 << 20);
    ldt(1, 0, 1, 0, 1 << 20);
    ldt(2, 0, 0, 1, 1 << 20);
    ldt(3, 2, 0, 1, 1 << 20);
    ldt(4, 2, 0, 0, 1);
    memset(set_xmm, 0x99, 16);

    c_handler = dump_old;
    printf("old frame\n");
    set_action(SIGUSR1, 0, 0, 0x123400000000ull);
    snippet();
    print_after();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, 40);
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf("old frame, signals blocked\n");
    snippet();
    print_after();
    c_handler = dump_rt;
    printf("rt frame\n");
    set_action(SIGUSR1, SA_SIGINFO, 0, 0);
    snippet();
    print_after();
    sigprocmask(SIG_UNBLOCK, &set, NULL);

    struct sigaction sa = {.sa_sigaction = segv, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaltstack(&st, NULL);
    printf("rt frame, alternate stack\n");
    snippet();
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    set_action(SIGUSR1, 0, 0, 0);
    c_handler = do_edit;
    for (edit = 0; edit < (int)(sizeof edits / sizeof *edits); edit++) {
        printf("%s\n", edits[edit]);
        memset(after, 0, sizeof after);
        if (!sigsetjmp(jb, 1)) {
            snippet();
            print_after();
        }
        __asm__ volatile("cld; fninit; ldmxcsr ok_mxcsr; push %ds; pop %es");
        sigprocmask(SIG_SETMASK, NULL, &set);
        if (edit == 25)
            printf(" mask %d %d %d %d\n", sigismember(&set, 1), sigismember(&set, SIGKILL),
                   sigismember(&set, SIGSTOP), sigismember(&set, 60));
        sigemptyset(&set);
        sigprocmask(SIG_SETMASK, &set, NULL);
    }
    return 0;
}
