/* The native process of lockstep: start, step, wait, memory. */
#include "runtime/native.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"

enum { INT3 = 0xcc, RUN_SECONDS = 10,
       PTRACE_SYSEMU_ = 31, /* go on to the next system call and do not make it */
       PTRACE_GETSIGMASK_ = 0x420a, PTRACE_SETSIGMASK_ = 0x420b };

static int open_proc(int pid, const char *name, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    return open(path, flags | O_CLOEXEC);
}

void native_reopen(struct native *n)
{
    if (n->mem_fd >= 0)
        close(n->mem_fd);
    if (n->pagemap_fd >= 0)
        close(n->pagemap_fd);
    n->mem_fd = open_proc(n->pid, "mem", O_RDWR);
    n->pagemap_fd = open_proc(n->pid, "pagemap", O_RDONLY);
}

static _Noreturn void child(const char *path, char **argv, char **envp, int report)
{
    personality(ADDR_NO_RANDOMIZE);
    int e = 0;
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL)) {
        e = errno;
    } else {
        raise(SIGSTOP);
        execve(path, argv, envp);
        e = errno;
    }
    ssize_t w = write(report, &e, sizeof e);
    _exit(w == sizeof e ? 127 : 126);
}

static const char *exec_error(int err, int *code)
{
    static char text[128];
    *code = err == ENOENT ? 127 : 126;
    if (err == ENOEXEC)
        return "this kernel does not run i386 programs, --lockstep needs that";
    if (err == ENOENT)
        return "its interpreter is not on this host, --lockstep needs that (or a chroot)";
    snprintf(text, sizeof text, "cannot be run natively, --lockstep needs that: %s", strerror(err));
    return text;
}

const char *native_start(struct native *n, const char *path, char **argv, char **envp, int *code)
{
    struct native_event e;
    int report[2], err = 0;
    *n = (struct native){.mem_fd = -1, .pagemap_fd = -1};
    *code = 126;
    if (!host_native_possible())
        return "--lockstep: this host does not run i386 programs natively";
    if (pipe2(report, O_CLOEXEC))
        return strerror(errno);
    n->pid = fork();
    if (n->pid < 0)
        return strerror(errno);
    if (!n->pid)
        child(path, argv, envp, report[1]);
    close(report[1]);
    native_wait(n, &e);
    if (e.kind == NATIVE_SIGNAL) {
        ptrace(PTRACE_SETOPTIONS, n->pid, NULL, (void *)(PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL));
        ptrace(PTRACE_CONT, n->pid, NULL, NULL);
        native_wait(n, &e);
    }
    ssize_t got = e.kind == NATIVE_EXEC ? 0 : read(report[0], &err, sizeof err);
    close(report[0]);
    if (got == sizeof err)
        return exec_error(err, code);
    if (e.kind != NATIVE_EXEC)
        return "the native program died at its start";
    native_step(n, 0);
    native_wait(n, &e);
    native_reopen(n);
    struct cpu cpu;
    if (e.kind != NATIVE_STEPPED || !host_native_get(n->pid, &cpu))
        return "not an i386 program";
    if (n->mem_fd < 0)
        return "--lockstep: /proc is not mounted";
    return NULL;
}

static void resume(struct native *n, enum __ptrace_request how, int sig)
{
    ptrace(how, n->pid, NULL, (void *)(long)sig); /* if it is gone, the wait will tell */
}

void native_step(struct native *n, int sig)
{
    resume(n, PTRACE_SINGLESTEP, sig);
}

int native_siginfo(const struct native *n)
{
    siginfo_t si;
    return ptrace(PTRACE_GETSIGINFO, n->pid, NULL, &si) ? 0 : si.si_code;
}

void native_unblock_trap(struct native *n)
{
    uint64_t mask, trap = UINT64_C(1) << (SIGTRAP - 1);
    if (ptrace((enum __ptrace_request)PTRACE_GETSIGMASK_, n->pid, (void *)sizeof mask, &mask) ||
        !(mask & trap))
        return;
    mask &= ~trap;
    ptrace((enum __ptrace_request)PTRACE_SETSIGMASK_, n->pid, (void *)sizeof mask, &mask);
}

static void describe_stop(struct native *n, struct native_event *e)
{
    int sig = WSTOPSIG(n->status);
    siginfo_t si;
    if (n->status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8)) {
        e->kind = NATIVE_EXEC;
    } else if (sig == SIGTRAP) {
        e->kind = NATIVE_STEPPED;
        e->sig = sig;
    } else {
        e->kind = NATIVE_SIGNAL;
        e->sig = sig;
        if (ptrace(PTRACE_GETSIGINFO, n->pid, NULL, &si)) {
            e->sig = 0; /* a group stop: nothing to pass on */
        } else {
            e->code = si.si_code;
            e->addr = (gaddr)(uintptr_t)si.si_addr;
        }
    }
}

void native_wait(struct native *n, struct native_event *e)
{
    *e = (struct native_event){0};
    while (waitpid(n->pid, &n->status, __WALL) < 0)
        if (errno != EINTR)
            log_die(126, "--lockstep: the native process is lost: %s", strerror(errno));
    if (WIFEXITED(n->status)) {
        e->kind = NATIVE_EXITED;
        e->status = WEXITSTATUS(n->status);
    } else if (WIFSIGNALED(n->status)) {
        e->kind = NATIVE_KILLED;
        e->sig = WTERMSIG(n->status);
    } else {
        describe_stop(n, e);
    }
}

/* False if no breakpoint can be set there. */
static bool run_to(struct native *n, gaddr to, struct native_event *e)
{
    uint8_t old, bp = INT3;
    struct cpu cpu;
    if (native_read(n, to, &old, 1) != 1 || native_write(n, to, &bp, 1) != 1)
        return false;
    resume(n, PTRACE_CONT, 0);
    native_wait(n, e);
    if (e->kind == NATIVE_EXITED || e->kind == NATIVE_KILLED)
        return true;
    native_write(n, to, &old, 1);
    if (e->kind == NATIVE_STEPPED && host_native_get(n->pid, &cpu) && cpu.eip == to + 1) {
        cpu.eip = to;
        host_native_set(n->pid, &cpu);
    }
    return true;
}

void native_run_to(struct native *n, gaddr to, struct native_event *e)
{
    if (run_to(n, to, e))
        return;
    native_step(n, 0);
    native_wait(n, e);
}

/* A process that has gone astray may never stop by itself. */
static volatile int watched_pid;

static void on_alarm(int sig)
{
    (void)sig;
    if (watched_pid)
        kill(watched_pid, SIGSTOP);
}

static void watch(int pid)
{
    struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    if (pid)
        sigaction(SIGALRM, &sa, NULL);
    watched_pid = pid;
    alarm(pid ? RUN_SECONDS : 0);
}

bool native_run_times(struct native *n, gaddr to, uint32_t times, struct native_event *e)
{
    struct cpu cpu;
    bool ok = host_native_break(n->pid, to);
    *e = (struct native_event){.kind = NATIVE_STEPPED};
    watch(n->pid);
    while (ok && times--) {
        resume(n, (enum __ptrace_request)PTRACE_SYSEMU_, 0);
        native_wait(n, e);
        ok = e->kind == NATIVE_STEPPED && host_native_get(n->pid, &cpu) && cpu.eip == to;
    }
    watch(0);
    if (e->kind != NATIVE_EXITED && e->kind != NATIVE_KILLED)
        host_native_no_break(n->pid);
    return ok;
}

void native_leave_syscall(struct native *n, struct native_event *e)
{
    *e = (struct native_event){.kind = NATIVE_STEPPED};
    if (native_siginfo(n) != SIGTRAP) /* what ptrace_notify gives as si_code */
        return;
    native_step(n, 0);
    native_wait(n, e);
}

void native_settle_flags(struct native *n, struct native_event *e)
{
    struct cpu cpu;
    *e = (struct native_event){.kind = NATIVE_STEPPED};
    if (host_native_get(n->pid, &cpu) && host_native_set(n->pid, &cpu))
        run_to(n, cpu.eip, e); /* to where it is: being resumed without a step is what counts */
}

void native_detach(struct native *n, struct native_event *e)
{
    ptrace(PTRACE_DETACH, n->pid, NULL, NULL);
    do
        native_wait(n, e);
    while (e->kind != NATIVE_EXITED && e->kind != NATIVE_KILLED);
}

void native_kill(struct native *n)
{
    int status;
    kill(n->pid, SIGKILL);
    waitpid(n->pid, &status, __WALL);
}

size_t native_read(const struct native *n, gaddr a, void *buf, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t r = pread(n->mem_fd, (char *)buf + done, len - done, (off_t)((uint64_t)a + done));
        if (r <= 0)
            break;
        done += (size_t)r;
    }
    return done;
}

size_t native_write(const struct native *n, gaddr a, const void *buf, size_t len)
{
    ssize_t r = pwrite(n->mem_fd, buf, len, (off_t)a);
    return r < 0 ? 0 : (size_t)r;
}
