/* Alignment checking: with EFLAGS.AC set, which instructions raise #AC at which misalignment.
 * Each snippet runs with ebx = esi = edi = a 64-byte aligned buffer plus 0, 1, 2, 4, 8. */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static sigjmp_buf jb;
static int verbose;
static uintptr_t code;

static void handler(int sig, siginfo_t *i, void *u)
{
    const greg_t *g = ((ucontext_t *)u)->uc_mcontext.gregs;
    unsigned now;
    __asm__ volatile("pushf; pop %0\n pushf; andl $~0x40000,(%%esp); popf" : "=r"(now));
    if (verbose)
        printf("sig %d code %d addr %x trapno %d err %x eip c+%d efl %x ac in handler %x\n", sig,
               i->si_code, (unsigned)(uintptr_t)i->si_addr, (int)g[REG_TRAPNO], (unsigned)g[REG_ERR],
               (int)(g[REG_EIP] - code), (unsigned)g[REG_EFL] & 0x50000, now & 0x40000);
    siglongjmp(jb, g[REG_TRAPNO] ? g[REG_TRAPNO] : 1);
}

#define LIST                                                                                        \
    X(movb, '0', "movb (%ebx),%al")                                                                \
    X(movw, '0', "movw (%ebx),%ax")                                                                \
    X(movl, '0', "movl (%ebx),%eax")                                                               \
    X(movl_store, '0', "movl %eax,(%ebx)")                                                         \
    X(movw_store, '0', "movw %ax,(%ebx)")                                                          \
    X(movl_es, '0', "movl %es:(%ebx),%eax")\
    X(movzwl, '0', "movzwl (%ebx),%eax")                                                           \
    X(movsbl, '0', "movsbl (%ebx),%eax")                                                           \
    X(addl, '0', "addl %eax,(%ebx)")                                                               \
    X(cmpl, '0', "cmpl $0,(%ebx)")                                                                 \
    X(testw, '0', "testw $1,(%ebx)")                                                               \
    X(incw, '0', "incw (%ebx)")                                                                    \
    X(shll, '0', "shll $1,(%ebx)")                                                                 \
    X(shld, '0', "shld $1,%eax,(%ebx)")                                                            \
    X(imul, '0', "imull (%ebx),%eax")                                                              \
    X(mull, '0', "mull (%ebx)")                                                                    \
    X(divw, 'd', "xor %edx,%edx; divw (%ebx)")                                                       \
    X(btl, '0', "btl $3,(%ebx)")                                                                   \
    X(btsl_reg, '0', "mov $37,%eax; btsl %eax,(%ebx)")                                             \
    X(btw_reg, '0', "mov $17,%eax; btw %ax,(%ebx)")                                                \
    X(bsf, '0', "bsf (%ebx),%eax")                                                                 \
    X(xchg, '0', "xchg %eax,(%ebx)")                                                               \
    X(lock_xadd, '0', "lock xadd %eax,(%ebx)")                                                     \
    X(cmpxchg, '0', "cmpxchg %ecx,(%ebx)")                                                         \
    X(lock_cmpxchg16, '0', "lock cmpxchg %cx,(%ebx)")                                              \
    X(cmpxchg8b, '0', "push %ebx; cmpxchg8b (%edi); pop %ebx")                                     \
    X(lock_cmpxchg8b, '0', "lock cmpxchg8b (%edi)")                                                \
    X(setc, '0', "setc (%ebx)")                                                                    \
    X(cmov, '0', "cmovc (%ebx),%eax")                                                              \
    X(xlat, '0', "xlat")                                                                           \
    X(lea, '0', "lea (%ebx),%eax")                                                                 \
    X(movbe, '0', "movbe (%ebx),%eax")                                                             \
    X(movnti, '0', "movnti %eax,(%ebx)")                                                           \
    X(crc32, '0', "crc32l (%ebx),%eax")                                                            \
    X(popcnt, '0', "popcntw (%ebx),%ax")                                                           \
    X(bound, 'd', "bound %ecx,(%ebx)")                                                             \
    X(boundw, '0', "boundw %cx,(%ebx)")                                                            \
    X(arpl, '0', "arpl %ax,(%ebx)")                                                                \
    X(lar, '0', "lar (%ebx),%eax")                                                                 \
    X(verr, '0', "verr (%ebx)")                                                                    \
    X(mov_sreg, '0', "movw %ds,(%ebx)")                                                            \
    X(mov_to_es, 's', "mov (%ebx),%es")                                                            \
    X(les, 'p', "les (%ebx),%eax")                                                                 \
    X(lesw, 'w', "lesw (%ebx),%ax")                                                                \
    X(sgdt, '0', "sgdt (%ebx)")                                                                    \
    X(sldt, '0', "sldt (%ebx)")                                                                    \
    X(push, '0', "mov %ebx,%esp; push %eax")                                                       \
    X(pushw, '0', "mov %ebx,%esp; pushw %ax")                                                      \
    X(push_mem, '0', "push (%ebx)")                                                                \
    X(push_es, '0', "mov %ebx,%esp; push %es")                                                     \
    X(pop, '0', "mov %ebx,%esp; pop %eax")                                                         \
    X(popw, '0', "mov %ebx,%esp; popw %ax")                                                        \
    X(pop_mem, '0', "push %eax; pop (%ebx)")                                                       \
    X(pop_fs, '0', "mov %ebx,%esp; pop %fs")                                                       \
    X(pusha, '0', "mov %ebx,%esp; pusha")                                                          \
    X(popa, '0', "mov %ebx,%esp; popa; mov $0x55,%eax")                                            \
    X(pushf, '0', "mov %ebx,%esp; pushf")                                                          \
    X(popf, '0', "mov %ebx,%esp; popf")                                                            \
    X(call, '0', "mov %ebx,%esp; call 1f; 1: nop")                                                 \
    X(call_mem, 'j', "call *(%ebx)")                                                               \
    X(jmp_mem, 'j', "jmp *(%ebx)")                                                                 \
    X(ret, 'j', "mov %ebx,%esp; ret")                                                              \
    X(lret, 'j', "mov %ebx,%esp; lret")                                                            \
    X(ljmp_mem, 'j', "ljmp *(%ebx)")                                                               \
    X(lcall, '0', "mov %ebx,%esp; lcall $0x23,$1f; 1: nop")                                        \
    X(iret, 'j', "mov %ebx,%esp; iret")                                                            \
    X(enter, '0', "mov %ebx,%esp; enter $0,$0")                                                    \
    X(leave, '0', "mov %ebx,%ebp; leave; nop")                                                     \
    X(movsb, '0', "movsb")                                                                         \
    X(movsw, '0', "movsw")                                                                         \
    X(movsl, '0', "movsl")                                                                         \
    X(rep_movsl, '0', "mov $2,%ecx; rep movsl")                                                    \
    X(rep_movsw, '0', "mov $2,%ecx; rep movsw")                                                    \
    X(rep_movsb, '0', "mov $9,%ecx; rep movsb")                                                    \
    X(stosl, '0', "stosl")                                                                         \
    X(rep_stosw, '0', "mov $3,%ecx; rep stosw")                                                    \
    X(rep_stosl, '0', "mov $3,%ecx; rep stosl")                                                    \
    X(rep_stosl_0, '0', "mov $0,%ecx; rep stosl")                                                  \
    X(lodsl, '0', "lodsl")                                                                         \
    X(scasw, '0', "scasw")                                                                         \
    X(cmpsl, '0', "cmpsl")                                                                         \
    X(fldcw, 'f', "fldcw (%ebx)")                                                                  \
    X(fnstcw, '0', "fnstcw (%ebx)")                                                                \
    X(fnstsw, '0', "fnstsw (%ebx)")                                                                \
    X(flds, '0', "flds (%ebx)")                                                                    \
    X(fldl, '0', "fldl (%ebx)")                                                                    \
    X(fldt, '0', "fldt (%ebx)")                                                                    \
    X(fstps, '0', "fldz; fstps (%ebx)")                                                            \
    X(fstpl, '0', "fldz; fstpl (%ebx)")                                                            \
    X(fstpt, '0', "fldz; fstpt (%ebx)")                                                            \
    X(fadds, '0', "fldz; fadds (%ebx)")                                                            \
    X(faddl, '0', "fldz; faddl (%ebx)")                                                            \
    X(filds, '0', "filds (%ebx)")                                                                  \
    X(fildl, '0', "fildl (%ebx)")                                                                  \
    X(fildll, '0', "fildll (%ebx)")                                                                \
    X(fistps, '0', "fldz; fistps (%ebx)")                                                          \
    X(fistpll, '0', "fldz; fistpll (%ebx)")                                                        \
    X(fbld, '0', "fbld (%ebx)")                                                                    \
    X(fbstp, '0', "fldz; fbstp (%ebx)")                                                            \
    X(fnstenv, '0', "fnstenv (%ebx)")                                                              \
    X(fnstenvw, '0', ".byte 0x66; fnstenv (%ebx)")                                                 \
    X(fldenv, 'f', "fldenv (%ebx)")                                                                \
    X(fnsave, '0', "fnsave (%ebx)")                                                                \
    X(frstor, 'f', "frstor (%ebx)")                                                                \
    X(fxsave, '0', "fxsave (%ebx)")                                                                \
    X(fxrstor, '0', "fxrstor (%ebx)")                                                              \
    X(ldmxcsr, 'm', "ldmxcsr (%ebx)")                                                              \
    X(stmxcsr, '0', "stmxcsr (%ebx)")                                                              \
    X(movd_mm, '0', "movd (%ebx),%mm0")                                                            \
    X(movq_mm, '0', "movq (%ebx),%mm0")                                                            \
    X(movq_mm_st, '0', "movq %mm0,(%ebx)")                                                         \
    X(movntq, '0', "movntq %mm0,(%ebx)")                                                           \
    X(paddb_mm, '0', "paddb (%ebx),%mm0")                                                          \
    X(punpcklbw_mm, '0', "punpcklbw (%ebx),%mm0")                                                  \
    X(punpckhbw_mm, '0', "punpckhbw (%ebx),%mm0")                                                  \
    X(pinsrw_mm, '0', "pinsrw $1,(%ebx),%mm0")                                                     \
    X(pshufw, '0', "pshufw $1,(%ebx),%mm0")                                                        \
    X(maskmovq, '0', "maskmovq %mm1,%mm0")                                                         \
    X(movss, '0', "movss (%ebx),%xmm0")                                                            \
    X(movss_st, '0', "movss %xmm0,(%ebx)")                                                         \
    X(movsd, '0', "movsd (%ebx),%xmm0")                                                            \
    X(movsd_st, '0', "movsd %xmm0,(%ebx)")                                                         \
    X(movd_x, '0', "movd (%ebx),%xmm0")                                                            \
    X(movq_x, '0', "movq (%ebx),%xmm0")                                                            \
    X(movq_x_st, '0', "movq %xmm0,(%ebx)")                                                         \
    X(movlps, '0', "movlps (%ebx),%xmm0")                                                          \
    X(movhpd_st, '0', "movhpd %xmm0,(%ebx)")                                                       \
    X(movups, '0', "movups (%ebx),%xmm0")                                                          \
    X(movups_st, '0', "movups %xmm0,(%ebx)")                                                       \
    X(movdqu, '0', "movdqu (%ebx),%xmm0")                                                          \
    X(lddqu, '0', "lddqu (%ebx),%xmm0")                                                            \
    X(movaps, '0', "movaps (%ebx),%xmm0")                                                          \
    X(movntps, '0', "movntps %xmm0,(%ebx)")                                                        \
    X(addps, '0', "addps (%ebx),%xmm0")                                                            \
    X(addss, '0', "addss (%ebx),%xmm0")                                                            \
    X(addsd, '0', "addsd (%ebx),%xmm0")                                                            \
    X(comisd, '0', "comisd (%ebx),%xmm0")                                                          \
    X(cvtsi2sd, '0', "cvtsi2sdl (%ebx),%xmm0")                                                     \
    X(cvtpi2ps, '0', "cvtpi2ps (%ebx),%xmm0")                                                      \
    X(cvtps2pd, '0', "cvtps2pd (%ebx),%xmm0")                                                      \
    X(cvtdq2pd, '0', "cvtdq2pd (%ebx),%xmm0")                                                      \
    X(cvtss2sd, '0', "cvtss2sd (%ebx),%xmm0")                                                      \
    X(movddup, '0', "movddup (%ebx),%xmm0")                                                        \
    X(pmovzxbw, '0', "pmovzxbw (%ebx),%xmm0")                                                      \
    X(pmovsxbd, '0', "pmovsxbd (%ebx),%xmm0")                                                      \
    X(pmovzxbq, '0', "pmovzxbq (%ebx),%xmm0")                                                      \
    X(pinsrd, '0', "pinsrd $1,(%ebx),%xmm0")                                                       \
    X(pextrw, '0', "pextrw $1,%xmm0,(%ebx)")                                                       \
    X(pextrd, '0', "pextrd $1,%xmm0,(%ebx)")                                                       \
    X(insertps, '0', "insertps $0,(%ebx),%xmm0")                                                   \
    X(extractps, '0', "extractps $0,%xmm0,(%ebx)")                                                 \
    X(roundsd, '0', "roundsd $0,(%ebx),%xmm0")                                                     \
    X(pcmpistri, '0', "pcmpistri $0,(%ebx),%xmm0")                                                 \
    X(maskmovdqu, '0', "maskmovdqu %xmm1,%xmm0")                                                   \
    X(aesenc, '0', "aesenc (%ebx),%xmm0")                                                          \
    X(pshufb, '0', "pshufb (%ebx),%xmm0")                                                          \
    X(prefetch, '0', "prefetcht0 (%ebx)")                                                          \
    X(clflush, '0', "clflush (%ebx)")                                                              \
    X(andn, '0', "andn (%ebx),%eax,%ecx")                                                          \
    X(bextr, '0', "bextr %eax,(%ebx),%ecx")                                                        \
    X(nopl, '0', "nopl (%ebx)")                                                                    \
    X(int80, '0', "mov $20,%eax; lea 1(%ebx),%esp; int $0x80")                                     \
    X(past_top, '0', "movl 0xfffffffe,%eax")                                                       \
    X(unmapped, '0', "movl 1,%eax")                                                                \
    X(limit_and_align, '0', "push $0x0f; pop %es; movl %es:1,%eax")

#define X(n, k, t) extern const char s_##n[];                                                         \
    __asm__(".text\n s_" #n ":\n" t "\n jmp snip_end\n");
LIST
#undef X
static const struct { const char *name, *code; char kind; } list[] = {
#define X(n, k, t) {#n, s_##n, k},
    LIST
#undef X
};

uintptr_t saved_esp;
__asm__(".text\n .globl snip_end\n snip_end: mov saved_esp,%esp; pushf; andl $~0x40000,(%esp); popf\n"
        "push %ds; pop %es; mov 4(%esp),%ebx; pop %ebp; pop %ebx; pop %esi; pop %edi; ret\n"
        ".globl snip_run\n snip_run: push %edi; push %esi; push %ebx; push %ebp\n"
        "mov 20(%esp),%eax; mov 24(%esp),%ebx; mov %esp,saved_esp\n"
        "mov %ebx,%esi; mov %ebx,%edi; mov %ebx,%ebp; xor %ecx,%ecx; xor %edx,%edx\n"
        "mov %esp,%edx; pushf; orl $0x40000,(%esp); popf; xchg %eax,%edx; xor %eax,%eax; jmp *%edx\n");
void snip_run(const char *code, char *at);

extern const char snip_end[];

/* What the instruction finds in memory. */
static void fill(char *at, char kind)
{
    uint32_t w[3] = {0};
    switch (kind) {
    case 'j': w[0] = (uint32_t)snip_end, w[1] = 0x23, w[2] = 0x40202; break;
    case 's': w[0] = 0x2b; break;
    case 'p': w[1] = 0x2b; break;
    case 'w': w[0] = 0x2b0000; break;
    case 'f': w[0] = 0x37f; break;
    case 'm': w[0] = 0x1f80; break;
    case 'd': w[0] = 3; break;
    }
    memcpy(at, w, sizeof w);
}

int main(void)
{
    static char area[8192] __attribute__((aligned(4096)));
    static char alt[65536];
    static const int off[] = {0, 1, 2, 4, 8};
    stack_t st = {.ss_sp = alt, .ss_size = sizeof alt};
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    setvbuf(stdout, NULL, _IONBF, 0);
    sigaltstack(&st, NULL);
    sigaction(SIGBUS, &sa, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGILL, &sa, NULL);
    for (unsigned i = 0; i < sizeof list / sizeof *list; i++) {
        printf("%-15s", list[i].name);
        for (unsigned k = 0; k < 5; k++) {
            memset(area, 0, sizeof area);
            code = (uintptr_t)list[i].code;
            fill(area + 4096 - 1024 + off[k], list[i].kind);
            int r = sigsetjmp(jb, 1);
            if (!r)
                snip_run(list[i].code, area + 4096 - 1024 + off[k]);
            __asm__ volatile("push %ds; pop %es; fninit; emms; cld");
            printf(" %s", !r ? "-" : r == 17 ? "ac" : r == 13 ? "gp" : r == 14 ? "pf" : r == 12 ? "ss" : "?");
        }
        printf("\n");
    }
    verbose = 1;
    code = (uintptr_t)s_movl;
    if (!sigsetjmp(jb, 1))
        snip_run(s_movl, area + 1);
    return 0;
}
