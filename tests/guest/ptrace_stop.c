/* ptrace: stops, registers, memory, single steps, signals of a traced child. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>
#include "state.h"
#include <elf.h>

static int pid, st;

static int pt(int request, void *addr, void *data)
{
    long r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(SYS_ptrace), "b"(request), "c"(pid), "d"(addr), "S"(data) : "memory");
    return r;
}

/* Where things of the program are depends on the C library. */
#define PROGRAM(v) ((v) > 0x08000000 && (v) < 0x09000000 ? 0xadd : (v))

static void show(const char *what)
{
    struct user_regs_struct r;
    siginfo_t si;
    memset(&r, 0, sizeof r);
    memset(&si, 0, sizeof si);
    int e = pt(PTRACE_GETREGS, 0, &r), e2 = pt(PTRACE_GETSIGINFO, 0, &si);
    int restart = r.eax >= -516 && r.eax <= -512;
    printf("%s: %x regs %d eax %s%lx orig %ld ebx %lx cs %lx ss %lx info %d: %d %d %d from %d\n", what, st, e,
           restart ? "restart " : "", restart ? 0 : r.eax == pid ? 0x1d : r.eax == getpid() ? 0x1e : PROGRAM(r.eax), r.orig_eax, r.ebx == pid ? 0x1d : PROGRAM(r.ebx), r.xcs, r.xss, e2,
           si.si_signo, si.si_errno, si.si_code, si.si_pid == pid ? 1 : si.si_pid == getpid() ? 2 : si.si_pid ? 3 : 0);
}

static void next(int request, int sig, const char *what)
{
    int r = pt(request, 0, (void *)sig);
    if (r)
        printf("request %d: %d\n", request, r);
    waitpid(pid, &st, 0);
    if (WIFSTOPPED(st))
        show(what);
    else
        printf("%s: %x\n", what, st);
}

static void start(void (*fn)(void))
{
    fflush(stdout);
    pid = fork();
    if (!pid) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0))
            _exit(99);
        raise(SIGSTOP);
        fn();
        _exit(7);
    }
    waitpid(pid, &st, 0);
    show("started");
}

static void peek(void *to, unsigned long from, int n)
{
    for (int i = 0; i < n; i += 4)
        pt(PTRACE_PEEKDATA, (void *)(from + i), (char *)to + i);
}

static volatile int hits;
static void handler(int s) { hits++; }

static unsigned long reg(int offset)
{
    unsigned long v = 0xdeadbeef;
    int r = pt(PTRACE_PEEKUSER, (void *)offset, &v);
    return r ? r : v;
}
#define REG(name) reg(offsetof(struct user_regs_struct, name))
static int set_reg(int offset, unsigned long v) { return pt(PTRACE_POKEUSER, (void *)offset, (void *)v); }
#define SET(name, v) set_reg(offsetof(struct user_regs_struct, name), v)

/* ---- single steps ---- */

extern char code_start[], code_end[], trap_here[], loop_here[];
static void code(void)
{
    __asm__ volatile("xor %%ecx, %%ecx\n int3\n.globl code_start\ncode_start:\n"
                     "mov $5, %%eax\n xor %%ecx, %%ecx\n push %%eax\n pop %%ecx\n xor %%edx, %%edx\n"
                     "1: dec %%ecx\n jnz 1b\n mov $20, %%eax\n int $0x80\n nop\n"
                     "mov $3, %%ecx\n mov $hits, %%edi\n mov $1, %%ebx\n sub $12, %%esp\n mov %%esp, %%edi\n rep stosl\n add $12, %%esp\n"
                     "xor %%eax, %%eax\n pushf\n pop %%eax\n and $0x100, %%eax\n mov %%ds, %%eax\n mov %%eax, %%ds\n call 2f\n 2: pop %%eax\n"
                     ".globl code_end\ncode_end:\n nop\n" ::: "eax", "ebx", "ecx", "edx", "edi", "memory", "cc");
}

static void steps(void)
{
    start(code);
    next(PTRACE_CONT, 0, "int3");
    for (int i = 0; i < 60 && WIFSTOPPED(st); i++) {
        unsigned long eip = REG(eip);
        siginfo_t si;
        pt(PTRACE_GETSIGINFO, 0, &si);
        printf("step %d at %lx: eax %lx ecx %lx flags %lx code %d addr %d sig %d\n", i, eip - (unsigned long)code_start, REG(eax) == pid ? 0x1d : eip == (unsigned long)code_end ? 0 : REG(eax),
               REG(ecx), REG(eflags) & 0x841, si.si_code, (unsigned long)si.si_addr == eip, si.si_signo);
        if (eip == (unsigned long)code_end)
            break;
        pt(PTRACE_SINGLESTEP, 0, 0);
        waitpid(pid, &st, 0);
    }
    next(PTRACE_CONT, 0, "end");
}

/* ---- system calls ---- */

static int raw(int nr, int a, int b)
{
    int r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b) : "memory");
    return r;
}

static volatile int results[8];
static void calls(void)
{
    results[0] = raw(SYS_getpid, 11, 12);
    results[1] = raw(SYS_dup2, 1, 1);
    results[2] = raw(9999, 1, 2);
    results[3] = raw(SYS_getuid32, 1, 2);
    results[4] = raw(SYS_getpid, 1, 2);
    results[5] = raw(SYS_close, 555, 2);
    raw(SYS_kill, getpid(), SIGUSR2);
}

static void show_results(void)
{
    for (int i = 0; i < 6; i++) {
        long v = 0;
        pt(PTRACE_PEEKDATA, (void *)&results[i], &v);
        printf(" %ld", v == pid ? 29 : v);
    }
    printf("\n");
}

static void syscalls(int good)
{
    struct __ptrace_syscall_info si;
    start(calls);
    pt(PTRACE_SETOPTIONS, 0, (void *)(good ? PTRACE_O_TRACESYSGOOD : 0));
    for (int i = 0; i < 12; i++) {
        next(PTRACE_SYSCALL, 0, i & 1 ? "exit" : "entry");
        memset(&si, 0, sizeof si);
        int n = pt(PTRACE_GET_SYSCALL_INFO, (void *)sizeof si, &si);
        printf(" info %d op %d arch %x", n, si.op, si.arch);
        if (si.op == PTRACE_SYSCALL_INFO_ENTRY)
            printf(" nr %lld %llx %llx\n", si.entry.nr, si.entry.args[0], si.entry.args[1]);
        else
            printf(" %lld %d\n", si.exit.rval == pid ? 29 : si.exit.rval == getpid() ? 30 : si.exit.rval, si.exit.is_error);
        unsigned long msg = 77;
        int r = pt(PTRACE_GETEVENTMSG, 0, &msg);
        printf(" message %d %ld\n", r, msg);
        if (!good && i == 0)
            SET(orig_eax, SYS_getppid); /* another call */
        if (!good && i == 2)
            SET(orig_eax, -1), SET(eax, 1234); /* none */
        if (!good && i == 4)
            SET(orig_eax, SYS_dup2), SET(ebx, 1), SET(ecx, 1);
        if (!good && i == 7)
            SET(eax, 4321);
    }
    next(PTRACE_CONT, 0, "signal");
    long v = 0;
    pt(PTRACE_PEEKDATA, (void *)&results[0], &v);
    if (good)
        show_results();
    else
        printf("parent's id %d\n", v == getpid());
    next(PTRACE_CONT, 0, "end");
}

static void emulated(void)
{
    start(calls);
    for (int i = 0; i < 4; i++) {
        next(31, 0, "sysemu");
        SET(eax, 100 + i);
    }
    next(32, 0, "sysemu step");
    next(32, 0, "sysemu step");
    next(PTRACE_SYSCALL, 0, "syscall");
    next(PTRACE_SYSCALL, 0, "syscall");
    next(PTRACE_CONT, 0, "cont");
    show_results();
    next(PTRACE_KILL, 0, "killed");
}

/* ---- signals ---- */

static void signals_child(void)
{
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    setpgid(0, 0); /* not orphaned: SIGTSTP stops it */
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGUSR2);
    raise(SIGWINCH);
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGHUP);
    sigprocmask(SIG_BLOCK, &s, NULL);
    raise(SIGHUP);
    raise(SIGUSR1);
    sigprocmask(SIG_UNBLOCK, &s, NULL);
    *(volatile int *)16 = 1;
    raise(SIGTSTP);
    __asm__ volatile("ud2");
}

static void signals(void)
{
    long v = 0;
    siginfo_t si;
    unsigned long long mask = 0;
    start(signals_child);
    next(PTRACE_CONT, 0, "usr1");
    next(PTRACE_CONT, SIGUSR1, "usr1 again");
    pt(PTRACE_PEEKDATA, (void *)&hits, &v);
    printf("hits %ld\n", v);
    next(PTRACE_CONT, 0, "usr2, ignored");
    pt(PTRACE_PEEKDATA, (void *)&hits, &v);
    printf("hits %ld\n", v);
    next(PTRACE_CONT, SIGUSR2, "winch");
    next(PTRACE_CONT, SIGWINCH, "usr1");
    int r = pt(PTRACE_GETSIGMASK, (void *)8, &mask);
    printf("mask %d %llx, %d\n", r, mask, pt(PTRACE_GETSIGMASK, (void *)4, &mask));
    next(PTRACE_SINGLESTEP, SIGUSR1, "into the handler");
    printf("in handler %d\n", REG(eip) == (unsigned long)handler);
    next(PTRACE_CONT, 0, "hup");
    next(PTRACE_CONT, 0, "segv");
    pt(PTRACE_GETSIGINFO, 0, &si);
    printf("addr %p\n", si.si_addr);
    unsigned char insn[8];
    peek(insn, REG(eip), 8);
    SET(eip, REG(eip) + (insn[0] == 0xc7 ? insn[1] == 5 ? 10 : 6 : 0));
    printf("instruction %x\n", insn[0]);
    next(PTRACE_CONT, 0, "tstp");
    next(PTRACE_CONT, SIGTSTP, "group stop");
    next(PTRACE_CONT, 0, "ill");
    si.si_signo = SIGFPE;
    si.si_code = 77;
    printf("set %d", pt(PTRACE_SETSIGINFO, 0, &si));
    memset(&si, 0, sizeof si);
    r = pt(PTRACE_GETSIGINFO, 0, &si);
    printf(" %d: %d %d\n", r, si.si_signo, si.si_code);
    next(PTRACE_CONT, SIGTERM, "end by another");
}

static volatile int *slept;
static void sleeps(void)
{
    struct timespec ts = {2, 0};
    signal(SIGUSR1, handler);
    results[0] = nanosleep(&ts, NULL);
    results[1] = errno;
    *slept = 1;
    pause();
}

static void interrupted(void)
{
    slept = mmap(NULL, sizeof *slept, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    start(sleeps);
    pt(PTRACE_CONT, 0, 0);
    wait_state(pid, pid, "SZ");
    kill(pid, SIGWINCH);
    waitpid(pid, &st, 0);
    show("in a sleep");
    pt(PTRACE_CONT, 0, 0); /* goes on sleeping */
    while (!*slept)
        usleep(1000);
    wait_state(pid, pid, "SZ");
    kill(pid, SIGUSR1);
    waitpid(pid, &st, 0);
    show("in pause");
    long v = 1;
    pt(PTRACE_PEEKDATA, (void *)&results[0], &v);
    printf("the sleep gave %ld\n", v);
    next(PTRACE_CONT, SIGUSR1, "end");
}

/* Calls that fail or that last for ever, with a signal behind the place where the tracer sees them begin. */
static void failing(void)
{
    static const struct { int sec, nsec; } times[] = {{0, -1}, {0, 2000000000}, {-1, 0}};
    signal(SIGUSR1, handler);
    syscall(SYS_nanosleep, NULL, NULL);
    for (int i = 0; i < 3; i++)
        syscall(SYS_nanosleep, &times[i], NULL);
    syscall(267 /* clock_nanosleep */, 1, 0, NULL, NULL);
}

static void begun(void)
{
    start(failing);
    next(PTRACE_SYSCALL, 0, "action");
    next(PTRACE_SYSCALL, 0, "done");
    for (int i = 0; i < 5; i++) {
        next(PTRACE_SYSCALL, 0, "sleep");
        kill(pid, SIGUSR1);
        next(PTRACE_SYSCALL, 0, "failed");
        next(PTRACE_SYSCALL, 0, "signal");
    }
    next(PTRACE_CONT, 0, "end");
}

static void waits(void)
{
    static const long long times[][2] = {{10000000000, 5}, {INT64_MAX / 2, 999999999}, {INT64_MAX, 0}};
    signal(SIGUSR1, handler);
    for (int i = 0; i < 3; i++) {
        syscall(422 /* futex_time64 */, &hits, 0, 0, times[i], NULL, 0);
        hits = 0;
    }
}

static void for_ever(void)
{
    start(waits);
    pt(PTRACE_CONT, 0, 0);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 2; k++) { /* the second time in restart_syscall */
            wait_state(pid, pid, "SZ");
            kill(pid, SIGWINCH);
            waitpid(pid, &st, 0);
            show("in a long wait");
            pt(PTRACE_CONT, 0, 0);
        }
        wait_state(pid, pid, "SZ");
        kill(pid, SIGUSR1);
        waitpid(pid, &st, 0);
        show("interrupted");
        pt(PTRACE_CONT, 0, (void *)SIGUSR1);
    }
    waitpid(pid, &st, 0);
    printf("end: %x\n", st);
}

/* ---- registers and memory ---- */

static void fp_child(void)
{
    static const double d[4] = {1.5, -2.25, 3e300, 0};
    static const float f[4] = {1, 2, 3, 4};
    __asm__ volatile("fldl (%0)\n fldl 8(%0)\n movups (%1), %%xmm3\n int3\n"
                     "fstpl (%2)\n fstpl 8(%2)\n movups %%xmm3, 16(%2)\n int3\n" ::"r"(d), "r"(f), "r"(results) : "memory");
}

static void dump(const char *what, const unsigned char *p, int n)
{
    printf("%s:", what);
    for (int i = 0; i < n; i++)
        printf(" %02x", p[i]);
    printf("\n");
}

static void floating(void)
{
    struct user_fpregs_struct f;
    struct user_fpxregs_struct x;
    double v[4];
    start(fp_child);
    next(PTRACE_CONT, 0, "int3");
    memset(&f, 0, sizeof f);
    printf("fp %d size %d\n", pt(PTRACE_GETFPREGS, 0, &f), (int)sizeof f);
    printf("cwd %lx swd %lx twd %lx\n", f.cwd, f.swd, f.twd);
    dump("st", (unsigned char *)f.st_space, 20);
    printf("fpx %d\n", pt(PTRACE_GETFPXREGS, 0, &x));
    printf("cwd %x swd %x twd %x mxcsr %lx\n", x.cwd, x.swd, x.twd, x.mxcsr);
    dump("xmm3", (unsigned char *)x.xmm_space + 48, 16);
    x.xmm_space[12] = 0x12345678;
    printf("set %d\n", pt(PTRACE_SETFPXREGS, 0, &x));
    x.mxcsr = 0xffffffff;
    printf("bad mxcsr %d\n", pt(PTRACE_SETFPXREGS, 0, &x));
    pt(PTRACE_GETFPREGS, 0, &f);
    f.st_space[2] = 0xc0004001;
    printf("set %d\n", pt(PTRACE_SETFPREGS, 0, &f));
    next(PTRACE_CONT, 0, "int3");
    peek(v, (unsigned long)results, 32);
    printf("%g %g", v[0], v[1]);
    dump("", (unsigned char *)(v + 2), 16);
    struct iovec s = {&f, sizeof f};
    printf("regset fp %d %d", pt(PTRACE_GETREGSET, (void *)NT_PRFPREG, &s), (int)s.iov_len);
    s = (struct iovec){&x, 600};
    printf(", fpx %d", pt(PTRACE_GETREGSET, (void *)0x46e62b7f, &s));
    printf(" %d", (int)s.iov_len);
    struct user_regs_struct r;
    s = (struct iovec){&r, sizeof r};
    printf(", general %d", pt(PTRACE_GETREGSET, (void *)NT_PRSTATUS, &s));
    printf(" %d cs %lx", (int)s.iov_len, r.xcs);
    s.iov_len = 8;
    printf(", part %d", pt(PTRACE_GETREGSET, (void *)NT_PRSTATUS, &s));
    printf(" %d", (int)s.iov_len);
    s.iov_len = 7;
    printf(", odd %d", pt(PTRACE_GETREGSET, (void *)NT_PRSTATUS, &s));
    printf(", unknown %d, unreadable %d\n", pt(PTRACE_GETREGSET, (void *)0x999, &s), pt(PTRACE_GETREGSET, (void *)NT_PRSTATUS, (void *)16));
    unsigned desc[12];
    printf("area %d", pt(PTRACE_GET_THREAD_AREA, (void *)12, desc));
    printf(" entry %d limit %x flags %x, %d %d %d\n", desc[0], desc[2], desc[3] & 0x7f, pt(PTRACE_GET_THREAD_AREA, (void *)3, desc),
           pt(PTRACE_GET_THREAD_AREA, (void *)-1, desc), pt(PTRACE_GET_THREAD_AREA, (void *)12, (void *)16));
    desc[0] = 13, desc[1] = 0x1000, desc[2] = 0xfffff, desc[3] = 0x51;
    printf("set %d", pt(PTRACE_SET_THREAD_AREA, (void *)13, desc));
    printf(" %d", pt(PTRACE_GET_THREAD_AREA, (void *)13, desc));
    printf(" %d %x %x %x\n", desc[0], desc[1], desc[2], desc[3] & 0x7f);
    s = (struct iovec){desc, 48};
    printf("tls %d", pt(PTRACE_GETREGSET, (void *)0x200, &s));
    printf(" %d: %d %d %x %d\n", (int)s.iov_len, desc[0], desc[4], desc[5], desc[8]);
    kill(pid, SIGKILL);
    waitpid(pid, &st, 0);
    printf("killed %x\n", st);
}

static const char text[] = "read-only text of some length";
static int answer(void) { return 41; }
static void memory_child(void)
{
    int sum = 0;
    for (int i = 0; i < 3000; i++)
        sum += ((int (*volatile)(void))answer)();
    results[0] = sum;
    raise(SIGUSR1);
    results[1] = ((int (*volatile)(void))answer)();
    raise(SIGUSR1);
}

static void memory(void)
{
    long v = 0;
    start(memory_child);
    printf("peek %d", pt(PTRACE_PEEKTEXT, (void *)text, &v));
    printf(" %lx\n", v);
    printf("poke text %d", pt(PTRACE_POKETEXT, (void *)text, (void *)0x41424344));
    pt(PTRACE_PEEKTEXT, (void *)text, &v);
    printf(" %lx, ours %c\n", v, text[0]);
    printf("unmapped: %d %d, kernel's: %d, bad result: %d\n", pt(PTRACE_PEEKTEXT, (void *)16, &v), pt(PTRACE_POKETEXT, (void *)16, 0),
           pt(PTRACE_PEEKTEXT, (void *)0xfffffffc, &v), pt(PTRACE_PEEKTEXT, (void *)text, (void *)16));
    printf("across pages: %d\n", pt(PTRACE_PEEKTEXT, (void *)(((unsigned long)text & ~4095ul) + 4094), &v));
    next(PTRACE_CONT, 0, "computed");
    pt(PTRACE_PEEKDATA, (void *)&results[0], &v);
    printf("sum %ld\n", v);
    pt(PTRACE_POKETEXT, (void *)answer, (void *)0x00002bb8); /* mov eax, 43; ret: code that has run */
    pt(PTRACE_POKETEXT, (char *)answer + 4, (void *)0xc3c3c300);
    next(PTRACE_CONT, 0, "computed again");
    pt(PTRACE_PEEKDATA, (void *)&results[1], &v);
    printf("answer %ld, ours %d\n", v, answer());
    printf("breakpoint %d\n", pt(PTRACE_POKETEXT, (void *)answer, (void *)0xcccccccc));
    next(PTRACE_KILL, 0, "killed");
}

static void user(void)
{
    struct user_regs_struct r;
    start(code);
    next(PTRACE_CONT, 0, "int3");
    printf("peek %lx %lx %lx %d %d %d\n", REG(xcs), reg(offsetof(struct user, start_code)), reg(280), (int)reg(284), (int)reg(288), (int)reg(2));
    printf("segments: %d %d %d %d %d %d\n", SET(xcs, 0), SET(xss, 0), SET(xds, 0), SET(xes, 0x2b), SET(xfs, 0x28), SET(xcs, 0x20));
    printf("ds %lx es %lx fs %lx cs %lx\n", REG(xds), REG(xes), REG(xfs), REG(xcs));
    SET(xds, 0x2b);
    printf("eflags %d", SET(eflags, 0xffffffff));
    printf(" %lx", REG(eflags));
    SET(eflags, 0);
    printf(" %lx\n", REG(eflags));
    printf("other %d %d %d\n", SET(eax, 5), set_reg(offsetof(struct user, start_code), 5), set_reg(285, 1));
    pt(PTRACE_GETREGS, 0, &r);
    r.ecx = 0x1111;
    r.orig_eax = -1;
    printf("setregs %d", pt(PTRACE_SETREGS, 0, &r));
    r.xfs = 0x28;
    printf(" %d", pt(PTRACE_SETREGS, 0, &r));
    printf(" ecx %lx\n", REG(ecx));
    printf("dr0 %lx %d", reg(252), set_reg(252, 0x1000));
    printf(" %lx, dr4 %d dr7 %lx\n", reg(252), set_reg(252 + 16, 1), reg(252 + 28));
    printf("bad: cont with 65: %d, options %d, request %d %d\n", pt(PTRACE_CONT, 0, (void *)65), pt(PTRACE_SETOPTIONS, 0, (void *)0x1000),
           pt(999, 0, 0), pt(0x4300, 0, 0));
    printf("listen %d interrupt %d\n", pt(PTRACE_LISTEN, 0, 0), pt(PTRACE_INTERRUPT, 0, 0));
    printf("detach %d\n", pt(PTRACE_DETACH, 0, (void *)SIGTERM));
    waitpid(pid, &st, 0);
    printf("end %x\n", st);
}

static void strangers(void)
{
    int ready[2];
    pipe(ready);
    pid = 1 << 22;
    printf("nobody: %d %d %d\n", pt(PTRACE_ATTACH, 0, 0), pt(PTRACE_CONT, 0, 0), pt(PTRACE_KILL, 0, 0));
    pid = getpid();
    printf("self: %d %d\n", pt(PTRACE_ATTACH, 0, 0), pt(PTRACE_PEEKTEXT, (void *)text, &st));
    pid = fork();
    if (!pid) {
        pause();
        _exit(0);
    }
    printf("a child that is not traced: %d %d\n", pt(PTRACE_CONT, 0, 0), pt(PTRACE_SINGLESTEP, 0, 0));
    kill(pid, SIGKILL);
    waitpid(pid, &st, 0);
    pid = fork();
    if (!pid) {
        int a = ptrace(PTRACE_TRACEME, 0, 0, 0), b = ptrace(PTRACE_TRACEME, 0, 0, 0);
        _exit(a * 16 + (b && errno == EPERM));
    }
    waitpid(pid, &st, 0);
    printf("traceme twice %x\n", st);
    fflush(stdout);
    pid = fork();
    if (!pid) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        write(ready[1], "x", 1);
        for (;;)
            ;
    }
    read(ready[0], &st, 1);
    printf("running: %d %d\n", pt(PTRACE_CONT, 0, 0), pt(PTRACE_GETSIGINFO, 0, &st));
    printf("wait %d\n", waitpid(pid, &st, WNOHANG));
    kill(pid, SIGUSR1);
    siginfo_t si;
    memset(&si, 0, sizeof si);
    int r = waitid(P_PID, pid, &si, WSTOPPED | WEXITED | WNOWAIT);
    printf("waitid %d: %d %d %x %d\n", r, si.si_signo, si.si_code, si.si_status, si.si_pid == pid);
    r = waitid(P_ALL, 0, &si, WSTOPPED | WEXITED);
    printf("waitid %d: %d %d %x %d\n", r, si.si_signo, si.si_code, si.si_status, si.si_pid == pid);
    printf("again %d\n", waitpid(-1, &st, WNOHANG));
    kill(pid, SIGKILL);
    r = waitid(P_ALL, 0, &si, WEXITED);
    printf("waitid %d: %d %d %x %d\n", r, si.si_signo, si.si_code, si.si_status, si.si_pid == pid);
    printf("none %d %d\n", waitpid(-1, &st, 0), errno);
}

int main(void)
{
    setbuf(stdout, NULL);
    steps();
    syscalls(1);
    syscalls(0);
    emulated();
    signals();
    interrupted();
    begun();
    for_ever();
    floating();
    memory();
    user();
    strangers();
    return 0;
}
