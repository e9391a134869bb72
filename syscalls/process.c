/* Processes: creation, execution, waiting, identity, limits, scheduling, prctl. */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/siginfo.h"
#include "core/log.h"
#include "syscalls/priv.h"
#include "syscalls/trace.h"

/* ---- creation ---- */

SYSCALL(fork)
{
    struct clone_request rq = {.exit_signal = SIGCHLD};
    return runtime_hooks.clone(c->t, &rq);
}

SYSCALL(vfork)
{
    struct clone_request rq = {.exit_signal = SIGCHLD, .flags = CLONE_VM | CLONE_VFORK};
    return runtime_hooks.clone(c->t, &rq);
}

SYSCALL(clone) /* flags, stack, ptid, tls, ctid */
{
    struct clone_request rq = {.flags = c->a[0] & ~0xffu, .exit_signal = c->a[0] & 0xff,
                               .stack = c->a[1], .ptid = c->a[2], .pidfd = c->a[2],
                               .tls = c->a[3], .ctid = c->a[4]};
    return runtime_hooks.clone(c->t, &rq);
}

/* struct clone_args, the same for every architecture. Sizes of its first, second, third version. */
struct guest_clone_args {
    uint64_t flags, pidfd, ctid, ptid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size,
        cgroup;
};
enum { CLONE_ARGS_V0 = 64, CLONE_ARGS_V2 = 88, SET_TID_MAX = 32 };

/* Are the bytes behind the part of a structure that xrun knows zero? 0 or -errno. */
static int check_zero(uint32_t a, uint32_t n)
{
    uint8_t b;
    for (uint32_t i = 0; i < n; i++)
        if (mem_read(&b, a + i, 1))
            return -EFAULT;
        else if (b)
            return -E2BIG;
    return 0;
}

static int read_clone_args(struct guest_clone_args *a, uint32_t at, uint32_t size)
{
    if (size > GUEST_PAGE_SIZE)
        return -E2BIG;
    if (size < CLONE_ARGS_V0)
        return -EINVAL;
    int r = size > sizeof *a ? check_zero(at + (uint32_t)sizeof *a, size - (uint32_t)sizeof *a) : 0;
    if (r)
        return r;
    memset(a, 0, sizeof *a);
    if (mem_read(a, at, size < sizeof *a ? size : sizeof *a))
        return -EFAULT;
    if (a->set_tid_size > SET_TID_MAX || !a->set_tid != !a->set_tid_size || a->exit_signal > 64)
        return -EINVAL;
    if ((a->flags & CLONE_INTO_CGROUP) && (a->cgroup > INT32_MAX || size < CLONE_ARGS_V2))
        return -EINVAL;
    return 0;
}

/* clone3_args_valid of kernel/fork.c. */
static bool clone_args_valid(const struct guest_clone_args *a)
{
    const uint64_t known = 0xffffff00u | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP | CLONE_NEWTIME;
    if (a->flags & (~known | CLONE_DETACHED))
        return false;
    if ((a->flags & CLONE_SIGHAND) && (a->flags & CLONE_CLEAR_SIGHAND))
        return false;
    if ((a->flags & (CLONE_THREAD | CLONE_PARENT)) && a->exit_signal)
        return false;
    return !a->stack == !a->stack_size;
}

SYSCALL(clone3)
{
    struct guest_clone_args a;
    int r = read_clone_args(&a, c->a[0], c->a[1]);
    if (r)
        return r;
    struct clone_request rq = {.flags = a.flags, .exit_signal = (uint32_t)a.exit_signal,
                               .stack = a.stack ? (uint32_t)(a.stack + a.stack_size) : 0,
                               .ptid = (uint32_t)a.ptid, .ctid = (uint32_t)a.ctid,
                               .pidfd = (uint32_t)a.pidfd, .cgroup = (int)a.cgroup,
                               .tls = (uint32_t)a.tls, .set_tid_size = (uint32_t)a.set_tid_size};
    if (a.set_tid_size && mem_read(rq.set_tid, (uint32_t)a.set_tid, a.set_tid_size * 4))
        return -EFAULT;
    return clone_args_valid(&a) ? runtime_hooks.clone(c->t, &rq) : -EINVAL;
}

SYSCALL(exit)
{
    runtime_hooks.exit_thread(c->t, (int)c->a[0]);
}
SYSCALL(exit_group)
{
    runtime_hooks.exit_group(c->t, (int)c->a[0]);
}

/* ---- execution ---- */

enum { ARG_MAX_BYTES = 6 << 20, ARG_STRING_MAX = 131072 };

static void free_strings(char **v)
{
    for (size_t i = 0; v && v[i]; i++)
        free(v[i]);
    free(v);
}

/* A host copy of an array of 32-bit string pointers. 0 or -errno. */
static int copy_strings(uint32_t a, char ***out, size_t *bytes)
{
    size_t n = 0, cap = 16;
    char **v = xcalloc(cap, sizeof *v);
    char *buf = xmalloc(ARG_STRING_MAX);
    int r = 0;
    for (; a && !r; a += 4) {
        uint32_t s;
        if (mem_read32(a, &s)) {
            r = -EFAULT;
            break;
        }
        if (!s)
            break;
        int len = mem_read_str(buf, s, ARG_STRING_MAX);
        if (len < 0) {
            r = len == -EFAULT ? -EFAULT : -E2BIG;
            break;
        }
        *bytes += (size_t)len + 5;
        if (*bytes > ARG_MAX_BYTES)
            r = -E2BIG;
        if (n + 2 > cap)
            v = xrealloc(v, (cap *= 2) * sizeof *v);
        v[n++] = xstrdup(buf);
        v[n] = NULL;
    }
    free(buf);
    *out = v;
    return r;
}

static int64_t do_exec(struct sysctx *c, int dirfd, uint32_t path, uint32_t argv, uint32_t envp,
                       int flags)
{
    char name[PATH_MAX], host[PATH_MAX], **av = NULL, **ev = NULL;
    size_t bytes = 0;
    int n = mem_read_str(name, path, sizeof name);
    if (!n && !(flags & AT_EMPTY_PATH))
        return -ENOENT;
    int64_t r = n < 0 ? n : copy_strings(argv, &av, &bytes);
    if (!r)
        r = copy_strings(envp, &ev, &bytes);
    if (r == -EFAULT || n < 0) /* what is wrong with the file comes first; this cannot succeed */
        r = HC(SYS_execveat, dirfd, host_path(path, host, PATH_FOLLOW), BAD_PTR, BAD_PTR, flags, 0);
    else if (!r)
        r = runtime_hooks.exec(c->t, dirfd, name, av, ev, flags);
    free_strings(av);
    free_strings(ev);
    return r;
}

SYSCALL(execve) { return do_exec(c, AT_FDCWD, c->a[0], c->a[1], c->a[2], 0); }
SYSCALL(execveat)
{
    return do_exec(c, (int)c->a[0], c->a[1], c->a[2], c->a[3], (int)c->a[4]);
}

/* ---- waiting ---- */

static int put_rusage(uint32_t a, const struct rusage *u)
{
    struct i386_rusage g = {{(int32_t)u->ru_utime.tv_sec, (int32_t)u->ru_utime.tv_usec},
                            {(int32_t)u->ru_stime.tv_sec, (int32_t)u->ru_stime.tv_usec}, {0}};
    const long *v = &u->ru_maxrss;
    for (int i = 0; i < 14; i++)
        g.v[i] = (int32_t)v[i];
    return mem_write(a, &g, sizeof g);
}

static int64_t wait_traced(int pid, int *status, int options, struct rusage *u)
{
    const int known = WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL;
    siginfo_t info;
    if (options & ~known)
        return -EINVAL;
    int type = pid == -1 ? P_ALL : pid > 0 ? P_PID : P_PGID;
    int64_t r = tracer_wait(thread_self, type, pid > 0 ? pid : pid == -1 ? 0 : -pid,
                            options | WEXITED, &info, u);
    if (r > 0)
        *status = trace_wait_status(&info);
    return r;
}

static int64_t do_wait4(uint32_t pid, uint32_t status, uint32_t options, uint32_t usage)
{
    struct rusage u;
    int st = 0;
    int64_t r = tracer_active(thread_self) ? wait_traced((int)pid, &st, (int)options, &u)
                                           : HCB(SYS_wait4, s32(pid), &st, s32(options), &u, 0, 0);
    if (r > 0 && status && mem_write(status, &st, 4))
        return -EFAULT;
    if (r > 0 && usage && put_rusage(usage, &u))
        return -EFAULT;
    return r;
}

SYSCALL(wait4) { return do_wait4(c->a[0], c->a[1], c->a[2], c->a[3]); }
SYSCALL(waitpid) { return do_wait4(c->a[0], c->a[1], c->a[2], 0); }

SYSCALL(waitid)
{
    siginfo_t info;
    struct rusage u;
    memset(&info, 0, sizeof info);
    int64_t r;
    if (tracer_active(c->t) && c->a[0] <= P_PGID) {
        r = tracer_wait(c->t, (int)c->a[0], (int)c->a[1], (int)c->a[3], &info, &u);
        r = r > 0 ? 0 : r;
    } else {
        r = HCB(SYS_waitid, s32(c->a[0]), s32(c->a[1]), &info, s32(c->a[3]), &u, 0);
    }
    if (!r && c->a[4] && info.si_signo && put_rusage(c->a[4], &u))
        return -EFAULT;
    /* the first six fields are written whatever the result, the others never */
    int32_t v[6] = {info.si_signo, 0, info.si_code, info.si_pid, (int32_t)info.si_uid,
                    info.si_status};
    return c->a[2] && mem_write(c->a[2], v, sizeof v) ? -EFAULT : r;
}

SYSCALL(getrusage)
{
    struct rusage u;
    int64_t r = HC(SYS_getrusage, s32(c->a[0]), &u, 0, 0, 0, 0);
    return r ? r : put_rusage(c->a[1], &u);
}

/* ---- identity: 16-bit forms ---- */

static long id16(uint32_t v) { return (v & 0xffff) == 0xffff ? -1 : (long)(v & 0xffff); }

SYSCALL(getuid) { (void)c; return low16(getuid()); }
SYSCALL(geteuid) { (void)c; return low16(geteuid()); }
SYSCALL(getgid) { (void)c; return low16(getgid()); }
SYSCALL(getegid) { (void)c; return low16(getegid()); }
SYSCALL(setuid) { return HC(SYS_setuid, id16(c->a[0]), 0, 0, 0, 0, 0); }
SYSCALL(setgid) { return HC(SYS_setgid, id16(c->a[0]), 0, 0, 0, 0, 0); }
SYSCALL(setfsuid) { return HC(SYS_setfsuid, id16(c->a[0]), 0, 0, 0, 0, 0); }
SYSCALL(setfsgid) { return HC(SYS_setfsgid, id16(c->a[0]), 0, 0, 0, 0, 0); }
SYSCALL(setreuid) { return HC(SYS_setreuid, id16(c->a[0]), id16(c->a[1]), 0, 0, 0, 0); }
SYSCALL(setregid) { return HC(SYS_setregid, id16(c->a[0]), id16(c->a[1]), 0, 0, 0, 0); }
SYSCALL(setresuid)
{
    return HC(SYS_setresuid, id16(c->a[0]), id16(c->a[1]), id16(c->a[2]), 0, 0, 0);
}
SYSCALL(setresgid)
{
    return HC(SYS_setresgid, id16(c->a[0]), id16(c->a[1]), id16(c->a[2]), 0, 0, 0);
}

static int64_t get_three(struct sysctx *c, long nr)
{
    uint32_t v[3];
    int64_t r = HC(nr, &v[0], &v[1], &v[2], 0, 0, 0);
    for (int i = 0; i < 3 && !r; i++) {
        uint16_t x = (uint16_t)low16(v[i]);
        r = mem_write(c->a[i], &x, 2);
    }
    return r;
}
SYSCALL(getresuid) { return get_three(c, SYS_getresuid); }
SYSCALL(getresgid) { return get_three(c, SYS_getresgid); }

bool has_capability(int cap)
{
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    return HC(SYS_capget, &h, d, 0, 0, 0, 0) == 0 && (d[cap / 32].effective >> (cap % 32) & 1);
}

enum { NGROUPS = 65536 };

SYSCALL(getgroups)
{
    if (s32(c->a[0]) < 0)
        return -EINVAL;
    uint32_t *v = xcalloc(NGROUPS, 4);
    int64_t n = HC(SYS_getgroups, c->a[0] ? NGROUPS : 0, v, 0, 0, 0, 0);
    if (n > 0 && c->a[0]) {
        if ((int32_t)c->a[0] < n)
            n = -EINVAL;
        for (int64_t i = 0; i < n; i++) {
            uint16_t x = (uint16_t)low16(v[i]);
            if (mem_write(c->a[1] + (uint32_t)i * 2, &x, 2))
                n = -EFAULT;
        }
    }
    free(v);
    return n;
}

SYSCALL(setgroups)
{
    uint32_t n = c->a[0];
    if (n > NGROUPS)
        return HC(SYS_setgroups, s32(n), BAD_PTR, 0, 0, 0, 0);
    uint32_t *v = xcalloc(n + 1, 4);
    bool bad = false;
    for (uint32_t i = 0; i < n && !bad; i++) {
        uint16_t x = 0;
        bad = mem_read(&x, c->a[1] + i * 2, 2);
        v[i] = (uint32_t)id16(x);
    }
    int64_t r = HC(SYS_setgroups, n, bad ? BAD_PTR : v, 0, 0, 0, 0);
    free(v);
    return r;
}

SYSCALL(getpgrp) { (void)c; return HC(SYS_getpgid, 0, 0, 0, 0, 0, 0); }
SYSCALL(gettid) { return c->t->tid; }
SYSCALL(set_tid_address)
{
    c->t->clear_child_tid = c->a[0];
    return c->t->host_clears_tid ? HC(SYS_set_tid_address, c->a[0], 0, 0, 0, 0, 0) : c->t->tid;
}

SYSCALL(nice)
{
    errno = 0;
    int64_t now = 20 - HC(SYS_getpriority, PRIO_PROCESS, 0, 0, 0, 0, 0);
    int64_t want = now + s32(c->a[0]);
    want = want > 19 ? 19 : want < -20 ? -20 : want;
    int64_t r = HC(SYS_setpriority, PRIO_PROCESS, 0, want, 0, 0, 0);
    return r == -EACCES ? -EPERM : r;
}

/* ---- limits ---- */

/* Limits that bound the guest, not xrun, are kept here. NULL: the host's. */
static uint64_t *own_limit(struct process *p, uint32_t which)
{
    switch (which) {
    case RLIMIT_AS: return p->rlim_as;
    case RLIMIT_STACK: return p->rlim_stack;
    case RLIMIT_DATA: return p->rlim_data;
    default: return NULL;
    }
}

static int64_t get_limit(struct sysctx *c, uint32_t which, struct rlimit *l)
{
    uint64_t *own = own_limit(c->t->proc, which);
    if (!own)
        return HC(SYS_prlimit64, 0, which, 0, l, 0, 0);
    l->rlim_cur = own[0];
    l->rlim_max = own[1];
    return 0;
}

static int64_t set_limit(struct sysctx *c, uint32_t which, const struct rlimit *l)
{
    uint64_t *own = own_limit(c->t->proc, which);
    if (!own) {
        int64_t r = HC(SYS_prlimit64, 0, which, l, 0, 0, 0);
        log_limit_changed();
        return r;
    }
    if (l->rlim_cur > l->rlim_max)
        return -EINVAL;
    if (l->rlim_max > own[1] && geteuid())
        return -EPERM;
    own[0] = l->rlim_cur;
    own[1] = l->rlim_max;
    return 0;
}

static int64_t limit32(struct sysctx *c, uint32_t infinity)
{
    struct rlimit l;
    int64_t r = get_limit(c, c->a[0], &l);
    struct i386_rlimit g = {l.rlim_cur > infinity ? infinity : (uint32_t)l.rlim_cur,
                            l.rlim_max > infinity ? infinity : (uint32_t)l.rlim_max};
    return r ? r : mem_write(c->a[1], &g, sizeof g);
}

SYSCALL(getrlimit) { return limit32(c, 0x7fffffff); }
SYSCALL(ugetrlimit) { return limit32(c, 0xffffffff); }
SYSCALL(setrlimit)
{
    struct i386_rlimit g;
    if (mem_read(&g, c->a[1], sizeof g))
        return -EFAULT;
    struct rlimit l = {g.cur == 0xffffffff ? RLIM_INFINITY : g.cur,
                       g.max == 0xffffffff ? RLIM_INFINITY : g.max};
    return set_limit(c, c->a[0], &l);
}

SYSCALL(prlimit64)
{
    struct rlimit l, old;
    bool self = !c->a[0] || (int)c->a[0] == c->t->proc->pid;
    if (c->a[2] && mem_read(&l, c->a[2], sizeof l))
        return -EFAULT;
    int64_t r;
    if (self && own_limit(c->t->proc, c->a[1])) {
        r = get_limit(c, c->a[1], &old);
        if (!r && c->a[2])
            r = set_limit(c, c->a[1], &l);
    } else {
        r = HC(SYS_prlimit64, s32(c->a[0]), c->a[1], c->a[2] ? &l : NULL, c->a[3] ? &old : NULL, 0,
               0);
        log_limit_changed();
    }
    return r || !c->a[3] ? r : mem_write(c->a[3], &old, sizeof old);
}

/* ---- scheduling ---- */

enum { CPU_MASK_BYTES = 1024 };

SYSCALL(sched_setaffinity)
{
    uint8_t m[CPU_MASK_BYTES] = {0};
    int64_t size = HC(SYS_sched_getaffinity, 0, sizeof m, m, 0, 0, 0); /* of the kernel's mask */
    memset(m, 0, sizeof m);
    uint32_t n = c->a[1] < size ? (c->a[1] + 3) & ~3u : (uint32_t)size;
    if (size < 0 || mem_read(m, c->a[2], n))
        return -EFAULT;
    return HC(SYS_sched_setaffinity, s32(c->a[0]), sizeof m, m, 0, 0, 0);
}

SYSCALL(sched_getaffinity)
{
    uint8_t m[CPU_MASK_BYTES] = {0};
    if ((c->a[1] & 3) || c->a[1] * 8 < (uint32_t)get_nprocs_conf())
        return -EINVAL;
    int64_t n = HC(SYS_sched_getaffinity, s32(c->a[0]), sizeof m, m, 0, 0, 0);
    if (n < 0)
        return n;
    if (n > c->a[1])
        n = c->a[1];
    return mem_write(c->a[2], m, (size_t)n) ? -EFAULT : n;
}

static int64_t rr_interval(struct sysctx *c, bool t64)
{
    struct timespec ts;
    int64_t r = HC(SYS_sched_rr_get_interval, s32(c->a[0]), &ts, 0, 0, 0, 0);
    return r ? r : put_timespec(c->a[1], t64, &ts);
}
SYSCALL(sched_rr_get_interval) { return rr_interval(c, false); }
SYSCALL(sched_rr_get_interval_time64) { return rr_interval(c, true); }

/* ---- personality ---- */

uint32_t process_host_personality(void)
{
    int p = personality(0xffffffff);
    return p < 0 ? 0 : (uint32_t)p;
}

void process_pass_personality(uint32_t persona, bool all)
{
    const uint32_t own = READ_IMPLIES_EXEC | STICKY_TIMEOUTS | MMAP_PAGE_ZERO;
    persona &= all ? UINT32_MAX : ~own;
    if (personality(persona) < 0) /* no PER_LINUX32 where AArch64 runs no 32-bit programs */
        personality(persona & ~(uint32_t)PER_MASK);
}

SYSCALL(personality)
{
    uint32_t old = c->t->proc->personality;
    if (c->a[0] != 0xffffffff) {
        c->t->proc->personality = c->a[0];
        process_pass_personality(c->a[0], false);
        if (!c->t->proc->memory_parent) /* it is not the parent's, whose memory this is */
            mem_personality(c->a[0]);
    }
    return old;
}

/* ---- descriptors of processes ---- */

bool pidfd_is_own(uint32_t fd)
{
    enum { OWN_LEADER = -20000 /* PIDFD_SELF_THREAD_GROUP */, OWN_THREAD = -10000 };
    char name[64];
    struct lines l;
    int pid = -1;
    if ((int)fd == OWN_LEADER || (int)fd == OWN_THREAD)
        return true;
    snprintf(name, sizeof name, "/proc/self/fdinfo/%d", (int)fd);
    if (!lines_open(&l, name))
        return false;
    for (char *line; (line = lines_next(&l));)
        sscanf(line, "Pid: %d", &pid);
    return pid == getpid() || (pid > 0 && !HC(SYS_tgkill, getpid(), pid, 0, 0, 0, 0)); /* a thread */
}
