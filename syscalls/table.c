/* The table, the generic calls, dispatch and --syscalls. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/options.h"
#include "syscalls/priv.h"

struct host_row {
    int nr;         /* host number; -1: not a HOST row */
    bool blocking;
};

const struct sys_row syscalls_table[] = {
#define SYS(nr, name, args, level, note) [nr] = {#name, sys_##name, args, level, note},
#define HOST(nr, name, args, hostname) [nr] = {#name, NULL, args, SYS_EXACT, NULL},
#define HOSTB(nr, name, args, hostname) [nr] = {#name, NULL, args, SYS_EXACT, NULL},
#define NYI(nr, name, args, reason) [nr] = {#name, NULL, args, SYS_REFUSED, reason},
#include "syscalls/table.def"
#undef SYS
#undef HOST
#undef HOSTB
#undef NYI
};
const unsigned syscalls_count = ARRAY_SIZE(syscalls_table);

static const struct host_row host_rows[] = {
#define SYS(nr, name, args, level, note) [nr] = {-1, false},
#define HOST(nr, name, args, hostname) [nr] = {SYS_##hostname, false},
#define HOSTB(nr, name, args, hostname) [nr] = {SYS_##hostname, true},
#define NYI(nr, name, args, reason) [nr] = {-1, false},
#include "syscalls/table.def"
#undef SYS
#undef HOST
#undef HOSTB
#undef NYI
};


int64_t restartable(long r)
{
    switch (r) {
    case -SAFE_RESTART: return SYSRET_RESTART_NOINTR; /* the signal came before the call */
    case -SAFE_AGAIN: return SYSRET_RESTART;
    case -EINTR: return thread_self->cpu.pending ? SYSRET_RESTART_NOHAND : -EINTR;
    default: return r;
    }
}

/* /proc/PID/exe, which leads to xrun on the host, becomes what it leads to for the guest, if that is
 * there. */
static void follow_exe(char path[PATH_MAX])
{
    char exe[PATH_MAX], host[PATH_MAX];
    size_t len = strlen(path);
    if (likely(strncmp(path, "/proc/", 6)) || strcmp(path + len - 4, "/exe"))
        return;
    int n = proc_readlink(thread_self, AT_FDCWD, path, exe, sizeof exe - 1);
    if (n <= 0)
        return;
    exe[n] = 0;
    if (!path_to_host(exe, host, true, false) && !access(host, F_OK))
        strcpy(path, exe);
}

const char *host_path(uint32_t a, char buf[PATH_MAX], int how)
{
    char path[PATH_MAX];
    if (mem_read_str(path, a, sizeof path) < 0)
        return mem_host(a);
    if (how & PATH_FOLLOW)
        follow_exe(path);
    if (path_to_host(path, buf, how & PATH_FOLLOW, how & PATH_CREATE))
        return mem_host(a);
    return buf;
}

enum { OUT_MAX = 256, PATHS_MAX = 2 };

/* How the path argument at *p, guest argument g, is to be looked up: at-flags behind it may say
 * otherwise than its letter. */
static int path_how(const struct sysctx *c, const char *p, unsigned g)
{
    if (*p == 'c')
        return PATH_CREATE;
    int how = *p == 'f' ? PATH_FOLLOW : 0;
    for (p++, g++; *p && g < 6; p++) {
        if (*p == 'a' && c->a[g] & AT_SYMLINK_NOFOLLOW)
            how &= ~PATH_FOLLOW;
        if (*p == 'a' && c->a[g] & AT_SYMLINK_FOLLOW)
            how |= PATH_FOLLOW;
        g += !strchr("@0RL", *p);
    }
    return how;
}

/* Builds the host arguments of a HOST row as its letters say, makes the call. */
static int64_t host_call(const struct sysctx *c, const char *args, const struct host_row *h)
{
    char paths[PATHS_MAX][PATH_MAX];
    long v[6] = {0};
    int n = 0, np = 0;
    unsigned g = 0;
    for (const char *p = args; *p && n < 6; p++, n++) {
        uint32_t a = g < 6 ? c->a[g] : 0;
        switch (*p) {
        case '@': v[n] = AT_FDCWD; continue;
        case '0': v[n] = 0; continue;
        case 'R': v[n] = AT_REMOVEDIR; continue;
        case 'L': v[n] = AT_SYMLINK_NOFOLLOW; continue;
        case 'd': v[n] = (int32_t)a; break;
        case 'X': v[n] = open_flags_to_host(a); break;
        case 'f': case 'F': case 'c':
            v[n] = (long)host_path(a, paths[np++], path_how(c, p, g));
            break;
        case 'o':
            mem_prepare_write(a, OUT_MAX);
            v[n] = (long)a;
            break;
        case 'W':
            mem_prepare_write(a, c->a[g + 1]);
            v[n] = (long)a;
            break;
        default: v[n] = (long)a; break;
        }
        g++;
    }
    if (h->blocking)
        return HCB(h->nr, v[0], v[1], v[2], v[3], v[4], v[5]);
    return HC(h->nr, v[0], v[1], v[2], v[3], v[4], v[5]);
}

static int64_t make_call(struct sysctx *c)
{
    const struct sys_row *row = c->nr < syscalls_count ? &syscalls_table[c->nr] : NULL;
    if (!row || !row->name) {
        log_event("system call %u: unknown number", c->nr);
        return -ENOSYS;
    }
    if (unlikely(opt.kernel) && kernel_lacks(c->nr))
        return -ENOSYS;
    if (row->fn)
        return row->fn(c);
    if (host_rows[c->nr].nr >= 0 && row->level != SYS_REFUSED)
        return host_call(c, row->args, &host_rows[c->nr]);
    log_event("system call %s (%u) refused: %s", row->name, c->nr, row->note);
    return -ENOSYS;
}

/* Another thread is ending the process: the host is about to kill this one, which must not go on
 * with what it was woken by. */
static _Noreturn void wait_for_the_end(void)
{
    for (;;)
        HC(SYS_ppoll, NULL, 0, NULL, NULL, 0, 0);
}

void sysctx_load(struct sysctx *c)
{
    static const uint8_t regs[] = {REG_EBX, REG_ECX, REG_EDX, REG_ESI, REG_EDI, REG_EBP};
    c->nr = c->t->orig_eax;
    for (int i = 0; i < 6; i++)
        c->a[i] = c->t->cpu.gpr[regs[i]];
}

/* The vDSO's functions that ask for time make no system call on hardware. */
bool made_in_vdso(const struct sysctx *c)
{
    const struct process *p = c->t->proc;
    gaddr at = c->t->cpu.eip - p->vdso;
    return at < GUEST_PAGE_SIZE && c->t->cpu.eip != p->vdso_sysenter_return &&
           !vdso_sigreturn_call(c);
}

/* What is to be done before the call; false if it is not to be made, its result is *r. */
static bool work_before(struct sysctx *c, int64_t *r)
{
    struct thread *t = c->t;
    if (made_in_vdso(c))
        return true;
    if ((t->syscall_work & WORK_DISPATCH) && user_dispatch(c)) {
        *r = SYSRET_DONE;
        return false;
    }
    if (t->syscall_work & WORK_TRACE) {
        bool made = runtime_hooks.trace_entry(t);
        sysctx_load(c);
        *r = SYSRET_DONE;
        if (!made)
            return false;
    }
    return !(t->syscall_work & (WORK_SECCOMP | WORK_NO_PRIVS)) || seccomp_allows(c, r);
}

int64_t syscalls_dispatch(struct sysctx *c)
{
    int64_t r;
    uint32_t work = c->t->syscall_work;
    bool made = likely(!work) || work_before(c, &r);
    if (made)
        r = make_call(c);
    if (unlikely(work))
        c->t->trace_in_call = false;
    if (!made)
        return r;
    if (unlikely(__atomic_load_n(&c->t->proc->ending, __ATOMIC_SEQ_CST)))
        wait_for_the_end();
    return r;
}

void syscalls_print_table(void)
{
    static const char *const level[] = {"exact", "approximated", "refused"};
    for (unsigned i = 0; i < syscalls_count; i++) {
        const struct sys_row *r = &syscalls_table[i];
        if (r->name)
            printf("%3u  %-28s %-12s %s\n", i, r->name, level[r->level], r->note ? r->note : "");
    }
}
