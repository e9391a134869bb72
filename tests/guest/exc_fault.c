/* Synchronous exceptions: signal, code, address, trap number, error code, cr2 and eip as the handler
 * sees them. Addresses are printed relative to the snippet (c+), to a page (p+) or absolute. */
#include <asm/ldt.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf jb;
static uintptr_t code;
uintptr_t page; /* two read-write pages, one unmapped behind */
uintptr_t ro, none, nx, eof;

static const char *rel(uintptr_t a, char *b)
{
    if (a - code < 64)
        sprintf(b, "c+%u", (unsigned)(a - code));
    else if (a - page < 0x4000)
        sprintf(b, "p+%x", (unsigned)(a - page));
    else if (a - ro < 0x1000)
        sprintf(b, "ro+%x", (unsigned)(a - ro));
    else if (a - none < 0x1000)
        sprintf(b, "none+%x", (unsigned)(a - none));
    else if (a - nx < 0x1000)
        sprintf(b, "nx+%x", (unsigned)(a - nx));
    else if (a - eof < 0x3000)
        sprintf(b, "eof+%x", (unsigned)(a - eof));
    else
        sprintf(b, "%x", (unsigned)a);
    return b;
}

static void handler(int sig, siginfo_t *i, void *u)
{
    const greg_t *g = ((ucontext_t *)u)->uc_mcontext.gregs;
    char a[32], e[32], c[32], r[32];
    bool pf = g[REG_TRAPNO] == 14;
    printf("sig %d code %d errno %d addr %s trapno %d err %x cr2 %s eip %s eax %s efl %x\n", sig,
           i->si_code, i->si_errno, rel((uintptr_t)i->si_addr, a), (int)g[REG_TRAPNO],
           (unsigned)g[REG_ERR], pf ? rel(((ucontext_t *)u)->uc_mcontext.cr2, c) : "-",
           rel(g[REG_EIP], e), rel(g[REG_EAX], r), (unsigned)g[REG_EFL] & 0x54700);
    siglongjmp(jb, 1);
}

/* A snippet runs with eax = 0x11, edx = 0, ecx = 0, ebx = &page's value, esi = ro. */
#define SNIP(name, text)                                                                            \
    extern const char name[];                                                                      \
    __asm__(".text\n" #name ":\n" text "\nret\n");

#define LIST                                                                                       \
    X(div_zero, "div %ecx")                                                                        \
    X(div_zero8, "div %cl")                                                                        \
    X(idiv_over, "mov $0x80000000,%eax; cdq; mov $-1,%ecx; idiv %ecx")                             \
    X(idiv_over8, "mov $0x4000,%eax; mov $2,%cl; idiv %cl")                                        \
    X(div_over16, "mov $1,%dx; mov $1,%cx; div %cx")                                               \
    X(aam_zero, ".byte 0xd4,0")                                                                    \
    X(div_mem, "divl 4(%ebx)")                                                                     \
    X(int_1, "nop; int $1; nop")                                                                   \
    X(int3, "nop; int3; nop")                                                                      \
    X(int_3, "nop; .byte 0xcd,3; nop")                                                             \
    X(int_4, "nop; .byte 0xcd,4; nop")                                                             \
    X(into_set, "mov $0x7fffffff,%eax; inc %eax; into; nop")                                       \
    X(into_clear, "xor %eax,%eax; into; hlt")                                                      \
    X(int_0, "int $0")                                                                             \
    X(int_2, "int $2")                                                                             \
    X(int_8, "int $8")                                                                             \
    X(int_13, "int $13")                                                                           \
    X(int_14, "int $14")                                                                           \
    X(int_20, "int $0x20")                                                                         \
    X(int_7f, "int $0x7f")                                                                         \
    X(int_81, "int $0x81")                                                                         \
    X(int_ff, "int $0xff")                                                                         \
    X(bound_low, "mov $-1,%eax; bound %eax,(%ebx)")                                                \
    X(bound_high, "mov $100000,%eax; bound %eax,(%ebx)")                                           \
    X(bound_ok, "xor %eax,%eax; bound %eax,(%ebx); hlt")                                           \
    X(bound_fault, "bound %eax,0x1ffc(%ebx)")                                                      \
    X(ud2, "nop; ud2")                                                                             \
    X(ud1, ".byte 0x0f,0xb9,0xc0")                                                                 \
    X(ud0, ".byte 0x0f,0xff,0xc0")                                                                 \
    X(lock_reg, ".byte 0xf0,0x01,0xc0")                                                            \
    X(lock_nop, ".byte 0xf0,0x90")                                                                 \
    X(lea_reg, ".byte 0x8d,0xc0")                                                                  \
    X(mov_cs, ".byte 0x8e,0xc8")                                                                   \
    X(bad_0f0a, ".byte 0x0f,0x0a")                                                                 \
    X(bad_d6ff, ".byte 0xff,0xff")                                                                 \
    X(mov_cr8, "mov %cr4,%eax")                                                                    \
    X(mov_cr1, ".byte 0x0f,0x20,0xc8")                                                             \
    X(mov_dr7, "mov %dr7,%eax")                                                                    \
    X(too_long, ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90")\
    X(hlt, "nop; hlt")                                                                             \
    X(cli, "cli")                                                                                  \
    X(sti, "sti")                                                                                  \
    X(in_dx, "in %dx,%al")                                                                         \
    X(out_imm, "out %al,$0x80")                                                                    \
    X(insb, "insb")                                                                                \
    X(rep_outsb, "mov $2,%ecx; rep outsb")                                                         \
    X(rdmsr, "rdmsr")                                                                              \
    X(rdpmc, "rdpmc")                                                                              \
    X(wbinvd, "wbinvd")                                                                            \
    X(lgdt, "lgdt (%ebx)")                                                                         \
    X(ltr, "ltr %ax")                                                                              \
    X(clts, "clts")                                                                                \
    X(mov_ds_bad, "mov $0x1234,%eax; mov %eax,%ds")                                                \
    X(mov_ds_kernel, "mov $0x10,%eax; mov %eax,%ds")                                               \
    X(mov_es_ldt, "mov $0x7ff7,%eax; mov %eax,%es")                                                \
    X(mov_ss_null, "xor %eax,%eax; mov %eax,%ss")                                                  \
    X(mov_ss_code, "mov $0x23,%eax; mov %eax,%ss")                                                 \
    X(mov_ss_rpl, "mov $0x28,%eax; mov %eax,%ss")                                                  \
    X(pop_fs_bad, "push $0x4567; pop %fs")                                                         \
    X(mov_gs_np, "mov $0x0f,%eax; mov %eax,%gs")                                                   \
    X(mov_ss_np, "mov $0x0f,%eax; mov %eax,%ss")                                                   \
    X(null_ds, "xor %eax,%eax; mov %eax,%es; movl %es:(%ebx),%eax")                                \
    X(ldt_limit, "mov $0x17,%eax; mov %eax,%es; movl %es:0xffd,%eax")                              \
    X(ldt_limit_ok, "mov $0x17,%eax; mov %eax,%es; movl %es:0xffc,%eax; push $0x2b; pop %es; hlt") \
    X(ldt_ro, "mov $0x1f,%eax; mov %eax,%es; movl %eax,%es:0")                                     \
    X(ss_limit, "mov $0x17,%eax; mov %esp,%ecx; mov %eax,%ss; mov $0x2000,%esp; push %eax")        \
    X(ss_limit_mem, "mov $0x17,%eax; mov %eax,%ss; mov 0x1000(%ebp),%eax")                         \
    X(ljmp_null, "ljmp $0,$0")                                                                     \
    X(ljmp_data, "ljmp $0x2b,$0")                                                                  \
    X(ljmp_bad, "ljmp $0x1233,$0")                                                                 \
    X(ljmp_np, "ljmp $0x27,$0")                                                                    \
    X(ljmp_limit, "ljmp $0x2f,$0x1000")                                                            \
    X(lret_bad, "push $0x1233; push $0; lret")                                                     \
    X(iret_bad, "pushf; push $0x1233; push $0; iret")                                              \
    X(iret_np, "pushf; push $0x27; push $0; iret")                                                 \
    X(lcall_bad, "lcall $0x1233,$0")                                                               \
    X(movaps, "movaps 8(%ebx),%xmm0")                                                              \
    X(movaps_st, "movaps %xmm0,4(%ebx)")                                                           \
    X(paddd_mem, "paddd 8(%ebx),%xmm0")                                                            \
    X(movdqu_ok, "movdqu 1(%ebx),%xmm0; hlt")                                                      \
    X(movaps_un, "movaps 0x2008(%ebx),%xmm0")                                                      \
    X(ldmxcsr_bad, "movl $0x10000,(%ebx); ldmxcsr (%ebx)")                                         \
    X(fxsave_un, "fxsave 8(%ebx)")                                                                 \
    X(fxrstor_bad, "fxsave (%ebx); movl $0x10000,24(%ebx); fxrstor (%ebx)")                        \
    X(wrap_load, "movl 0xfffffffe,%eax")                                                           \
    X(wrap_store, "movl %eax,0xfffffffd")                                                          \
    X(wrap_stack, "mov $0xffffffff,%ebp; movl (%ebp),%eax")                                        \
    X(wrap_stack2, "mov $-2,%ebp; movw (%ebp),%ax; movl (%ebp),%eax")                              \
    X(wrap_push, "mov %esp,%ecx; mov $2,%esp; push %eax")                                          \
    X(top_load, "movl 0xfffffffc,%eax")                                                            \
    X(top_store, "movl %eax,0xffffe000")                                                           \
    X(kernel_load, "movl 0xc0000000,%eax")                                                         \
    X(null_load, "movl 0,%eax")                                                                    \
    X(null_store, "movl %eax,0x20")                                                                \
    X(null_rmw, "addl %eax,0x30")                                                                  \
    X(null_jump, "jmp *%ecx")                                                                      \
    X(null_call, "call *%ecx")                                                                     \
    X(top_jump, "mov $0xfffffff0,%eax; jmp *%eax")                                                 \
    X(ro_load, "movl (%esi),%eax; hlt")                                                            \
    X(ro_store, "movl %eax,4(%esi)")                                                               \
    X(ro_rmw, "lock incl 8(%esi)")                                                                 \
    X(ro_xchg, "xchg %eax,8(%esi)")                                                                \
    X(ro_cmpxchg, "cmpxchg %ecx,16(%esi)")                                                         \
    X(none_load, "mov none,%ecx; movl 8(%ecx),%eax")                                               \
    X(none_store, "mov none,%ecx; movb %al,0xfff(%ecx)")                                           \
    X(none_jump, "mov none,%ecx; jmp *%ecx")                                                       \
    X(nx_jump, "mov nx,%ecx; add $5,%ecx; jmp *%ecx")                                              \
    X(nx_call, "mov nx,%ecx; call *%ecx")                                                          \
    X(nx_ret, "push nx; ret")                                                                      \
    X(cross_load, "movl 0x1ffe(%ebx),%eax")                                                        \
    X(cross_store, "movl %eax,0x1ffd(%ebx)")                                                       \
    X(cross_movdqu, "movdqu %xmm0,0x1ff8(%ebx)")                                                   \
    X(cross_jump, "lea 0x1fff(%ebx),%eax; movb $0x0f,(%eax); jmp *%eax")                           \
    X(rep_movs, "mov %ebx,%esi; lea 0x1ff0(%ebx),%edi; mov $10,%ecx; rep movsl")                   \
    X(rep_stos, "lea 0x1ff8(%ebx),%edi; mov $10,%ecx; rep stosl")                                  \
    X(push_fault, "lea 0x2004(%ebx),%esp; push %eax; push %eax")                                   \
    X(push_cross, "lea 0x2002(%ebx),%esp; push %eax")                                              \
    X(pop_seg_cross, "lea 0x1ffe(%ebx),%esp; pop %fs")                                             \
    X(call_fault, "mov $0x20,%esp; call 1f; 1: nop")                                               \
    X(ret_fault, "mov $0x20,%esp; ret")                                                            \
    X(popa_fault, "mov $0x20,%esp; popa")                                                          \
    X(enter_fault, "mov $0x20,%esp; enter $0,$0")                                                  \
    X(eof_load, "mov eof,%ecx; movl 0x1004(%ecx),%eax")                                            \
    X(eof_store, "mov eof,%ecx; movl %eax,0x1008(%ecx)")                                           \
    X(eof_rmw, "mov eof,%ecx; addl %eax,0x1008(%ecx)")                                             \
    X(eof_jump, "mov eof,%ecx; add $0x1010,%ecx; jmp *%ecx")                                       \
    X(eof_cross, "mov eof,%ecx; movl 0xffe(%ecx),%eax")

#define X(n, t) SNIP(s_##n, t)
LIST
#undef X
static const struct { const char *name, *code; } list[] = {
#define X(n, t) {#n, s_##n},
    LIST
#undef X
};

static void run(const char *fn)
{
    code = (uintptr_t)fn;
    memset((void *)page, 0, 0x2000);
    if (sigsetjmp(jb, 1) == 0) {
        __asm__ volatile("push %%ebp; mov %%esp,%%ebp; call *%%edi; pop %%ebp"
                         :
                         : "a"(0x11), "d"(0), "c"(0), "b"(page), "D"(fn), "S"(ro)
                         : "memory", "cc");
        printf("no fault\n");
    }
}

static void ldt(unsigned n, unsigned contents, unsigned base, unsigned limit, int ro_, int np)
{
    struct user_desc d = {.entry_number = n, .base_addr = base, .limit = limit, .seg_32bit = 1,
                          .contents = contents, .read_exec_only = ro_, .seg_not_present = np,
                          .useable = 1};
    if (syscall(SYS_modify_ldt, 0x11, &d, sizeof d))
        perror("modify_ldt");
}

static uintptr_t place(uintptr_t at, size_t size, int prot, int flags, int fd)
{
    return (uintptr_t)mmap((void *)at, size, prot, flags | MAP_FIXED, fd, 0);
}

/* Every area with an unmapped page behind it. */
static void maps(void)
{
    char name[] = "/tmp/exc_faultXXXXXX";
    int fd = mkstemp(name), priv = MAP_PRIVATE | MAP_ANONYMOUS;
    unlink(name);
    ftruncate(fd, 100);
    uintptr_t a = (uintptr_t)mmap(NULL, 0x10000, PROT_NONE, priv, -1, 0);
    munmap((void *)a, 0x10000);
    page = place(a, 0x2000, PROT_READ | PROT_WRITE, priv, -1);
    ro = place(a + 0x5000, 0x1000, PROT_READ, priv, -1);
    none = place(a + 0x7000, 0x1000, PROT_NONE, priv, -1);
    nx = place(a + 0x9000, 0x1000, PROT_READ | PROT_WRITE, priv, -1);
    memset((void *)nx, 0x90, 0x1000);
    eof = place(a + 0xb000, 0x2000, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, fd);
}

int main(void)
{
    static char alt[65536];
    stack_t st = {.ss_sp = alt, .ss_size = sizeof alt};
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    setvbuf(stdout, NULL, _IONBF, 0);
    maps();
    ldt(1, 0, 0, 0xfff, 0, 1);           /* 0x0f: data, not present */
    ldt(2, 0, page, 0xfff, 0, 0);        /* 0x17: data, 4 KiB */
    ldt(3, 0, page, 0xfff, 1, 0);        /* 0x1f: read-only data */
    ldt(4, 2, 0, 0xfff, 0, 1);           /* 0x27: code, not present */
    ldt(5, 2, (unsigned)page, 0xfff, 0, 0); /* 0x2f: code, 4 KiB */
    sigaltstack(&st, NULL);
    for (int s = 1; s < 32; s++)
        if (s == SIGSEGV || s == SIGBUS || s == SIGILL || s == SIGFPE || s == SIGTRAP)
            sigaction(s, &sa, NULL);
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
        printf("%-13s ", list[i].name);
        run(list[i].code);
    }
    return 0;
}
