/* Debug registers: what PTRACE_POKEUSER accepts, what meets breakpoints and watchpoints, DR6, EFLAGS.RF, steps,
 * who inherits them, and that they stay when the tracer has gone. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define DR(n) (offsetof(struct user, u_debugreg) + 4 * (n))
#define STRING(x) #x
enum { EXEC, WRITE, IO, ACCESS, L1 = 0, L2 = 4, L8 = 8, L4 = 12 };
#define DR7(n, kind) (1u << 2 * (n) | (unsigned)(kind) << (16 + 4 * (n)))

unsigned char area[512] __attribute__((aligned(64)));
unsigned char other[64] __attribute__((aligned(64)));
static char stack[65536];

static int poke(pid_t p, int n, unsigned v)
{
    return syscall(SYS_ptrace, PTRACE_POKEUSER, p, DR(n), v) < 0 ? -errno : 0;
}

static unsigned peek(pid_t p, int n)
{
    unsigned v = 0xdeadbeef;
    syscall(SYS_ptrace, PTRACE_PEEKUSER, p, DR(n), &v);
    return v;
}

/* ---- what is executed under breakpoints: each is between two labels ---- */

#define CODE(name, text) \
    __asm__(".globl c_" name "\nc_" name ":\n" text "\nhlt\n.globl e_" name "\ne_" name ":\n")
#define CODES \
    X(mov_store, "movl %eax, area+4") X(mov_load, "movl area+4, %eax") X(byte_in, "movb %al, area+6") \
    X(byte_before, "movb %al, area+3") X(byte_behind, "movb %al, area+8") X(word_over, "movw %ax, area+3") \
    X(dword_over, "movl %eax, area+7") X(rmw, "addl %eax, area+4") X(cmp, "cmpl %eax, area+4") \
    X(xchg, "xchgl %eax, area+4") X(cmpxchg_fails, "movl $77, %eax; cmpxchgl %ecx, area+4") \
    X(cmpxchg8b, "movl $77, %eax; cmpxchg8b area") X(lea, "leal area+4, %eax") X(nop, "nopl area+4") \
    X(prefetch, "prefetcht0 area+4") X(push_mem, "pushl area+4; popl %eax") \
    X(pop_mem, "pushl %eax; popl area+4") X(push, "movl $area+8, %esp; pushl %eax; popl %ecx") \
    X(pusha, "movl $area+32, %esp; pusha; popa") X(enter, "movl $area+8, %esp; enter $4, $0; leave") \
    X(call, "movl $area+8, %esp; call 1f; 1: popl %eax") X(ret, "movl $area+4, %esp; movl $1f, area+4; ret; 1: nop") \
    X(xlat, "movl $area, %ebx; movl $5, %eax; xlatb") X(bt_reg, "movl $40, %eax; btl %eax, area") \
    X(bts_mem, "btsl $3, area+4") X(movs, "movl $area, %esi; movl $other, %edi; movl $10, %ecx; rep movsb") \
    X(movs_to, "movl $other, %esi; movl $area, %edi; movl $3, %ecx; rep movsl") \
    X(movs_down, "std; movl $other+9, %esi; movl $area+9, %edi; movl $10, %ecx; rep movsb; cld") \
    X(stos, "movl $area, %edi; movl $4, %ecx; rep stosw") X(lods, "movl $area, %esi; movl $3, %ecx; rep lodsl") \
    X(scas, "movl $area, %edi; movl $10, %ecx; movb $1, %al; repne scasb") \
    X(cmps, "movl $area, %esi; movl $area+64, %edi; movl $10, %ecx; repe cmpsb") \
    X(cmps_other, "movl $other, %esi; movl $area, %edi; movl $10, %ecx; repe cmpsb") \
    X(none, "movl $area+4, %edi; xorl %ecx, %ecx; rep stosb") X(fld, "fldl area; fstp %st") \
    X(fst, "fld1; fstpt area") X(fild, "fildq area+4; fstp %st") X(fnstcw, "fnstcw area+4") \
    X(fldcw, "movw $0x37f, area+4; fldcw area+4") X(fnstenv, "fnstenv area; fldenv area") \
    X(fnsave, "fnsave area; frstor area") X(fxsave, "fxsave area; fxrstor area") X(movaps, "movaps %xmm0, area") \
    X(movss, "movss area+4, %xmm0") X(addpd, "xorpd %xmm0, %xmm0; addpd area, %xmm0") X(movhps, "movhps %xmm0, area+4") \
    X(maskmov, "movl $area, %edi; pcmpeqd %xmm1, %xmm1; maskmovdqu %xmm1, %xmm0") X(maskmov_none, "movl $area, %edi; pxor %xmm1, %xmm1; maskmovdqu %xmm1, %xmm0") \
    X(maskmov_mm, "movl $area, %edi; movl $0x808000, %eax; movd %eax, %mm1; psllq $8, %mm1; maskmovq %mm1, %mm0; emms") X(pinsrw, "pinsrw $1, area+4, %xmm0") \
    X(movsx, "movsbl area+5, %eax") X(setc, "setc area+4") X(cmov, "cmpl %eax, %eax; cmovne area+4, %eax") \
    X(bound, "movl $0x7fffffff, area+8; movl $0, area+4; boundl %eax, area+4") X(jmp_mem, "movl $1f, area+4; jmp *area+4; 1: nop") \
    X(call_mem, "movl $1f, area+4; call *area+4; 1: popl %eax") X(les, "movw %ds, area+8; lesl area+4, %eax") \
    X(mov_ss, "movw %ss, area+4; movw area+4, %ss; nop; nop") X(sgdt, "stmxcsr area+4; ldmxcsr area+4") \
    X(movbe, "bswap %eax; movnti %eax, area+4") X(lock, "lock incl area+4") X(xadd, "xaddl %eax, area+4") \
    X(mul, "mull area+4") X(shld, "shldl $3, %eax, area+4") X(addr16, "movl %eax, %ds:area+4") \
    X(sib, "movl $area, %ebx; movl $1, %ecx; movl (%ebx,%ecx,4), %edx") X(nops, "nop; nop; nop")

#define X(name, text) CODE(#name, text);
CODES
#undef X
#define X(name, text) extern char c_##name[], e_##name[];
CODES
#undef X
static const struct code { const char *name; char *start, *end; } codes[] = {
#define X(name, text) {#name, c_##name, e_##name},
    CODES
#undef X
};
enum { NCODES = sizeof codes / sizeof codes[0] };

/* ---- the tracer's side ---- */

static void show(pid_t p, const char *start, int st)
{
    struct user_regs_struct r;
    siginfo_t i;
    ptrace(PTRACE_GETREGS, p, 0, &r);
    ptrace(PTRACE_GETSIGINFO, p, 0, &i);
    printf(" [%d code %d at %ld", WSTOPSIG(st), i.si_code, r.eip - (long)start);
    if ((long)i.si_addr != r.eip)
        printf(" not %ld", (long)i.si_addr - (long)start);
    printf(" ecx %ld dr6 %x%s%s]", r.ecx > -100 && r.ecx < 1000 ? r.ecx : -1, peek(p, 6), r.eflags & 0x10000 ? " RF" : "",
           r.eflags & 0x100 ? " TF" : "");
}

static pid_t tracee(void)
{
    int st;
    pid_t p = fork();
    if (!p) {
        area[0] = other[0] = 0; /* a page fault on the way would leave RF set */
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        _exit(1);
    }
    waitpid(p, &st, 0);
    return p;
}

/* Lets the tracee execute a piece of code; all stops until its HLT. */
static void run(pid_t p, const struct code *c, int request)
{
    struct user_regs_struct r, saved;
    int st, n = 0;
    ptrace(PTRACE_GETREGS, p, 0, &saved);
    r = saved;
    r.eip = (long)c->start;
    r.eax = 1;
    r.ecx = 5;
    r.orig_eax = -1;
    ptrace(PTRACE_SETREGS, p, 0, &r);
    do {
        ptrace(request, p, 0, 0);
        waitpid(p, &st, 0);
        if (!WIFSTOPPED(st) || WSTOPSIG(st) != SIGTRAP)
            break;
        show(p, c->start, st);
    } while (++n < 20);
    if (!WIFSTOPPED(st) || WSTOPSIG(st) != SIGSEGV)
        printf(" status %x", st);
    ptrace(PTRACE_SETREGS, p, 0, &saved);
}

static void finish(pid_t p)
{
    int st;
    kill(p, SIGKILL);
    waitpid(p, &st, 0);
}

static void values(void)
{
    pid_t p = tracee();
    unsigned a = (unsigned)(long)area;
    printf("fresh: %x %x\n", peek(p, 6), peek(p, 7));
    for (int n = 0; n < 8; n++)
        printf("dr%d = 0: %d\n", n, poke(p, n, 0));
    static const struct { int n; unsigned v, area; } t[] = {
        {0, 1, 1}, {7, DR7(0, EXEC)}, {7, DR7(0, EXEC | L4)}, {7, DR7(0, IO)}, {7, DR7(1, WRITE | L4)},
        {1, 1, 1}, {1, 2, 1}, {1, 4, 1}, {7, 1u << 20}, {7, DR7(1, WRITE | L8)}, {1, 8, 1}, {7, DR7(1, ACCESS | L8)},
        {1, 12, 1}, {7, DR7(1, ACCESS | L8) | DR7(2, WRITE)}, {2, 0xffffffff}, {7, DR7(2, WRITE | L2)}, {2, 0xfffffffe},
        {7, 2u << 24}, {7, DR7(2, WRITE) | 0xff00fc00}, {7, 8}, {7, 0x300}, {3, 0xfffffffd}, {7, DR7(3, EXEC)},
        {7, 0x80}, {7, 0}, {6, 0}, {6, 0xffffffff}, {6, 0x4001}, {4, 1}, {5, 1}, {0, 0xfffff000}, {7, DR7(0, ACCESS)},
    };
    for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
        int r = poke(p, t[i].n, t[i].v + (t[i].area ? a : 0));
        printf("%d %x: %d;", t[i].n, t[i].v, r);
        for (int n = 0; n < 8; n++)
            printf(" %x", peek(p, n) - (n < 4 && peek(p, n) >= a && peek(p, n) < a + 64 ? a : 0));
        printf("\n");
    }
    errno = 0;
    printf("beyond: %d\n", poke(p, 8, 1));
    finish(p);
}

static void accesses(unsigned kind, const char *name, int request)
{
    for (int i = 0; i < NCODES; i++) {
        pid_t p = tracee();
        poke(p, 1, (unsigned)(long)area + 4);
        poke(p, 7, DR7(1, kind));
        printf("%s %s:", name, codes[i].name);
        run(p, &codes[i], request);
        printf("\n");
        finish(p);
    }
}

static void both(void)
{
    const struct code *c = codes;
    while (strcmp(c->name, "pop_mem"))
        c++;
    pid_t p = tracee();
    poke(p, 0, (unsigned)(long)c->start + 1);
    poke(p, 1, (unsigned)(long)area + 4);
    poke(p, 2, (unsigned)(long)area + 5);
    poke(p, 3, (unsigned)(long)c->start + 1);
    poke(p, 7, DR7(0, EXEC) | DR7(1, WRITE) | DR7(2, ACCESS) | DR7(3, EXEC));
    printf("execution and access:");
    run(p, c, PTRACE_CONT);
    printf("\nin steps:");
    run(p, c, PTRACE_SINGLESTEP);
    printf("\n");
    poke(p, 7, DR7(0, EXEC));
    poke(p, 0, (unsigned)(long)c->start);
    printf("at the start:");
    run(p, c, PTRACE_CONT);
    printf("\nin steps:");
    run(p, c, PTRACE_SINGLESTEP);
    struct user_regs_struct r;
    ptrace(PTRACE_GETREGS, p, 0, &r);
    r.eflags |= 0x10000;
    ptrace(PTRACE_SETREGS, p, 0, &r);
    printf("\nwith RF:");
    run(p, c, PTRACE_CONT);
    printf("\n");
    finish(p);
}

/* ---- the program's own view: its handler, who inherits ---- */

static volatile int caught;
__attribute__((noinline, noclone)) static void target(void) { __asm__ volatile("nop\n nop"); }

static void handler(int sig, siginfo_t *i, void *context)
{
    const greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    printf("handler: code %d, %s, flags %x, trap %d error %d\n", i->si_code,
           (long)i->si_addr == g[REG_EIP] ? "address is eip" : "other address", g[REG_EFL] & 0x10100, g[REG_TRAPNO], g[REG_ERR]);
    fflush(stdout);
    caught++;
}

static volatile int ended;
static int thread(void *arg)
{
    target();
    area[0] = 1;
    ended = 1;
    syscall(SYS_exit, 0);
    return 0;
}

static void body(void)
{
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    int st, fds[2];
    raise(SIGSTOP);
    sigaction(SIGTRAP, &sa, NULL);
    target();
    area[0] = 2;
    target();
    pipe(fds);
    write(fds[1], "x", 1);
    read(fds[0], area, 1); /* the kernel's accesses are none */
    printf("caught %d\n", caught);
    fflush(stdout);
    if (!fork()) {
        target();
        area[0] = 3;
        _exit(caught != 3);
    }
    wait(&st);
    printf("child: %x\n", st);
    fflush(stdout);
    clone(thread, stack + sizeof stack, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, NULL);
    while (!ended)
        usleep(1000);
    printf("caught %d\n", caught);
    fflush(stdout);
}

static int next_stop(pid_t *p)
{
    int st;
    *p = waitpid(-1, &st, __WALL);
    return *p > 0 ? st : -1;
}

/* Signals but SIGSTOP go to the program. */
static void followed(void)
{
    pid_t p = fork(), q;
    int st;
    if (!p) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        body();
        target();
        execl("/proc/self/exe", "hwbreak", "exec", NULL);
    }
    waitpid(p, &st, 0);
    ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEEXEC);
    poke(p, 0, (unsigned)(long)target);
    poke(p, 2, (unsigned)(long)area);
    poke(p, 7, DR7(0, EXEC) | DR7(2, WRITE));
    ptrace(PTRACE_CONT, p, 0, 0);
    while ((st = next_stop(&q)) >= 0) {
        int sig = WIFSTOPPED(st) ? WSTOPSIG(st) : 0;
        if (!WIFSTOPPED(st))
            continue;
        if (q != p && sig == SIGSTOP)
            printf("new: %x %x %x %x\n", peek(q, 0), peek(q, 2), peek(q, 6), peek(q, 7));
        if (st >> 16 == PTRACE_EVENT_EXEC)
            printf("exec: %x %x %x %x\n", peek(q, 0), peek(q, 2), peek(q, 6), peek(q, 7));
        fflush(stdout);
        ptrace(PTRACE_CONT, q, 0, sig == SIGSTOP || st >> 16 ? 0 : sig);
    }
}

/* wine's server sets them like this. */
static void left(void)
{
    pid_t p = fork();
    int st;
    if (!p) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        body();
        _exit(7);
    }
    waitpid(p, &st, 0);
    poke(p, 0, (unsigned)(long)target);
    poke(p, 2, (unsigned)(long)area);
    poke(p, 7, DR7(0, EXEC) | DR7(2, WRITE));
    ptrace(PTRACE_DETACH, p, 0, 0);
    waitpid(p, &st, 0);
    printf("left: %x\n", st);
}

__attribute__((noinline, noclone)) static void target_2(void) { __asm__ volatile("nop\n nop\n nop"); }

static int sibling(void *arg)
{
    target();
    target_2();
    _exit(3);
}

/* Two processes in one memory: what one's registers are set to, and its end, leave the other its breakpoints. */
static void shared(void)
{
    pid_t p = fork(), q = 0;
    int st;
    if (!p) {
        struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        sigaction(SIGTRAP, &sa, NULL);
        raise(SIGSTOP);
        target();
        clone(sibling, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
        for (int i = 0; i < 2; i++) { /* while it lives, and when it has ended */
            raise(SIGSTOP);
            target();
            target_2();
        }
        _exit(4);
    }
    waitpid(p, &st, 0);
    ptrace(PTRACE_SETOPTIONS, p, 0, PTRACE_O_TRACEFORK);
    poke(p, 0, (unsigned)(long)target);
    poke(p, 7, DR7(0, EXEC));
    for (int stops = 0; stops < 2;) {
        int sig = WSTOPSIG(st);
        ptrace(PTRACE_CONT, p, 0, sig == SIGSTOP || st >> 16 ? 0 : sig);
        waitpid(p, &st, 0);
        if (st >> 16)
            ptrace(PTRACE_GETEVENTMSG, p, 0, &q);
        if (st >> 16 || WSTOPSIG(st) != SIGSTOP)
            continue;
        if (!stops++) {
            waitpid(q, &st, __WALL);
            poke(q, 0, (unsigned)(long)target_2);
            poke(q, 7, DR7(0, EXEC));
        } else {
            ptrace(PTRACE_CONT, q, 0, 0);
            while (waitpid(q, &st, __WALL) == q && WIFSTOPPED(st)) {
                printf("sibling: %x\n", st);
                ptrace(PTRACE_CONT, q, 0, WSTOPSIG(st));
            }
            printf("sibling ended: %x\n", st);
            fflush(stdout);
        }
    }
    do
        ptrace(PTRACE_CONT, p, 0, WSTOPSIG(st) == SIGTRAP ? SIGTRAP : 0);
    while (waitpid(p, &st, 0) == p && WIFSTOPPED(st));
    printf("shared: %x\n", st);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        target();
        area[0] = 5;
        printf("new program: nothing happened\n");
        return 0;
    }
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    values();
    fflush(stdout);
    accesses(WRITE | L4, "write", PTRACE_CONT);
    fflush(stdout);
    accesses(ACCESS | L4, "access", PTRACE_CONT);
    fflush(stdout);
    accesses(ACCESS | L1, "byte, steps", PTRACE_SINGLESTEP);
    fflush(stdout);
    both();
    fflush(stdout);
    followed();
    fflush(stdout);
    left();
    fflush(stdout);
    shared();
    return 0;
}
