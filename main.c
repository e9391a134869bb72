/* xrun: the command. Options, load, run. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cpuid.h"
#include "core/hostmap.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "core/path.h"
#include "core/session.h"
#include "core/stress.h"
#include "elfload/check.h"
#include "elfload/elfload.h"
#include "runtime/gdb.h"
#include "runtime/lockstep.h"
#include "runtime/ptrace.h"
#include "runtime/runtime.h"
#include "runtime/store.h"
#include "syscalls/syscalls.h"

#ifndef PR_GET_MDWE
#define PR_GET_MDWE 66
#endif

extern char **environ;

static void limits_init(struct process *p)
{
    static const int which[] = {RLIMIT_AS, RLIMIT_STACK, RLIMIT_DATA};
    uint64_t *const to[] = {p->rlim_as, p->rlim_stack, p->rlim_data};
    for (int i = 0; i < 3; i++) {
        struct rlimit l;
        if (getrlimit(which[i], &l))
            l.rlim_cur = l.rlim_max = RLIM_INFINITY;
        to[i][0] = l.rlim_cur;
        to[i][1] = l.rlim_max;
    }
    const char *s = opt.limits;
    for (int i = 0; s && i < 6; i++) {
        char *end;
        to[i / 2][i % 2] = strtoull(s, &end, 16);
        s = end + (*end == ',');
    }
    struct rlimit l;
    const rlim_t usual = 8 << 20;
    if (opt.limits && !getrlimit(RLIMIT_STACK, &l) && l.rlim_cur < usual) { /* the guest's, for execve's sake */
        l.rlim_cur = l.rlim_max < usual ? l.rlim_max : usual;
        setrlimit(RLIMIT_STACK, &l);
    }
}

static struct thread *first_thread(void)
{
    struct process *p = process_new();
    p->pid = getpid();
    limits_init(p);
    p->personality = opt.personality ? opt.personality : process_host_personality();
    process_self = p;
    return thread_first(p);
}

/* Looks `name` up as execvp does; the guest path to run, malloc'ed. */
static char *find_program(const char *name)
{
    char host[PATH_MAX];
    if (strchr(name, '/'))
        return xstrdup(name);
    if (!*name)
        log_die(127, "the program's name is empty");
    const char *path = getenv("PATH");
    if (!path)
        path = "/bin:/usr/bin";
    while (*path) {
        size_t n = strcspn(path, ":");
        size_t size = n + strlen(name) + 3;
        char *full = xmalloc(size);
        snprintf(full, size, "%.*s/%s", n ? (int)n : 1, n ? path : ".", name);
        struct stat st;
        if (!path_to_host(full, host, true, false) && !access(host, X_OK) && !stat(host, &st) &&
            S_ISREG(st.st_mode))
            return full;
        free(full);
        path += n + (path[n] == ':');
    }
    log_die(127, "%s: not found in PATH", name);
}

static char **guest_argv(const char *path, char **rest)
{
    int n = 0;
    while (rest[n])
        n++;
    char **v = xcalloc((size_t)n + 1, sizeof *v);
    for (int i = 0; i < n; i++)
        v[i] = rest[i];
    if (opt.argv0)
        v[0] = xstrdup(opt.argv0);
    else if (!n)
        v[0] = xstrdup(path);
    return v;
}

/* `path` is what was to be loaded: `name`, or the interpreter of that script. */
static _Noreturn void fail(const char *name, const char *path, struct elfload_error *e)
{
    if (strcmp(name, path))
        elfload_blame(e, path);
    if (opt.child && e->late) { /* the guest's execve has succeeded */
        log_user("%s: %s", name, e->reason);
        signal_die(thread_self, SIGSEGV);
    }
    log_die(e->err == ENOENT ? 127 : 126, "%s: %s", name, e->reason);
}

/* Variables that steer this xrun only are not the guest's: a child xrun gets them as options. */
static void open_log(void)
{
    if (!opt.strace && (opt.strace_count || opt.strace_spent || opt.strace_time))
        opt.strace = "all";
    if (!opt.log_file && !opt.log_fd && (opt.profile || opt.count)) {
        /* which is printed when the guest may have closed its own */
        int kept = dup(log_fd());
        if (kept >= 0)
            log_set_fd(options_fd_above(kept, 900));
    }
    if (!opt.log_file || opt.log_fd)
        return;
    int trunc = opt.strace && !opt.session_fd ? O_TRUNC : 0; /* as strace does */
    int fd = open(opt.log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | trunc, 0666);
    if (fd < 0)
        log_die(126, "%s: %s", opt.log_file, strerror(errno));
    log_set_fd(options_fd_above(fd, 900));
}

static void say_check(void *arg, const char *kind, bool missing, const char *text)
{
    bool *in_root = arg;
    *in_root |= missing && strcmp(kind, "program") != 0;
    printf("%-12s %s%s\n", kind, missing ? "MISSING: " : "", text);
}

/* --abi-check. Exit status 1 if something is missing. */
static int check_program(const char *name)
{
    char *path = find_program(name), *script = xstrdup(path), *none = NULL;
    char **gargv = guest_argv(path, &none);
    struct elfload_error e = {0};
    bool in_root = false; /* what is missing may be in a root */
    unsigned n = 1;
    bool bad = elfload_script(&path, &gargv, script, &e), same = !strcmp(path, script);
    if (!same && !bad)
        printf("%-12s is run by %s\n", "script", path);
    if (!same && bad)
        say_check(&in_root, "program", true, e.reason);
    else
        n = elfcheck_program(path, say_check, &in_root);
    if (!n)
        printf("%-12s nothing is missing\n", "result");
    else
        printf("%-12s %u missing%s\n", "result", n,
               in_root ? "; an i386 root made by `xrun-root DIR` and used with `xrun -L DIR` has "
                         "the usual libraries" : "");
    free(path);
    free(script);
    free(gargv);
    return n != 0;
}

static void start_trace(void)
{
    const char *bad;
    if (opt.strace && !strace_check_set(&bad))
        log_die(126, "--strace: %s: no such system call or class of them", bad);
    if (opt.abi_report && strcmp(opt.abi_report, "text") && strcmp(opt.abi_report, "json"))
        log_die(126, "--abi-report=%s: text or json", opt.abi_report);
    if (opt.abi_stress && !stress_parse(opt.abi_stress, &bad))
        log_die(126, "--abi-stress: %s: y2038, ino64, off64 or highaddr", bad);
    if (opt.strace || opt.abi_report)
        session_init();
    if (opt.abi_report)
        session_at_end = report_print;
}

static void set_comm(const char *path)
{
    const char *base = strrchr(path, '/');
    prctl(PR_SET_NAME, base ? base + 1 : path, 0, 0, 0);
}

/* Others see the guest's arguments and environment in /proc, not xrun's (ps, pgrep -f, init systems). */
static void show_as_guest(const struct process *p)
{
    uint64_t brk = (uint64_t)host_syscall(SYS_brk, 0, 0, 0, 0, 0, 0);
    struct prctl_mm_map m = {
        .start_code = p->start_code, .end_code = p->end_code, .start_data = p->end_code,
        .end_data = p->end_code, .start_brk = brk, .brk = brk, .start_stack = p->start_stack,
        .arg_start = p->arg_start, .arg_end = p->arg_end, .env_start = p->env_start,
        .env_end = p->env_end, .exe_fd = UINT32_MAX};
    prctl(PR_SET_MM, PR_SET_MM_MAP, &m, sizeof m, 0);
}

static void print_about(void)
{
    if (opt.help)
        options_help();
    else if (opt.version)
        printf("xrun %s\n", XRUN_VERSION);
    else
        syscalls_print_table();
}

/* The exit status of what has printed to standard output. */
static int printed(int status)
{
    if (fflush(stdout) || ferror(stdout))
        log_die(126, "standard output: %s", strerror(errno));
    return status;
}

int main(int argc, char **argv)
{
    bool by_kernel = argc >= 3 && binfmt_started();
    int i = options_parse(by_kernel ? 1 : argc, argv);
    if (i < 0)
        return 126;
    if (by_kernel) { /* xrun PATH ARGV0 ARGUMENT... */
        i = 2;
        opt.argv0 = argv[2];
        opt.execfn = (const char *)getauxval(AT_EXECFN); /* a script's, if it is one */
    }
    const char *program = by_kernel ? argv[1] : i < argc ? argv[i] : opt.store_clean ? "" : NULL;
    if (program && !options_config(program))
        return 126;
    if (opt.help || opt.version || opt.syscalls) {
        print_about();
        return printed(0);
    }
    if (opt.binfmt)
        return printed(binfmt_command(opt.binfmt));
    if (opt.store_clean)
        return printed(store_clean());
    if (opt.attach && (!opt.gdbserver || i < argc))
        log_die(126, "--attach goes with -g and without a program");
    if (i >= argc && !opt.gdbserver)
        log_die(126, "no program given (see xrun --help)");
    if (opt.kernel && (*opt.kernel < '1' || *opt.kernel > '9'))
        log_die(126, "--kernel=%s: a version such as 2.6.32", opt.kernel);
    if (opt.x87 && strcmp(opt.x87, "exact") && strcmp(opt.x87, "double"))
        log_die(126, "--x87=%s: choose exact or double", opt.x87);
    if (opt.fault_flags && strcmp(opt.fault_flags, "exact") && strcmp(opt.fault_flags, "stale"))
        log_die(126, "--fault-flags=%s: choose exact or stale", opt.fault_flags);
    if (opt.host_without && !translate_without(opt.host_without))
        log_die(126, "--host-without=%s: there is no such feature", opt.host_without);
    if (!cpuid_select(opt.cpu))
        log_die(126, "--cpu=%s: unknown model; choose one of %s", opt.cpu, cpuid_model_names());
    if (!opt.cpu)
        model_hide_slow();
    if (!opt.cpu || !strcmp(opt.cpu, "max"))
        model_show_avx512();
    if (!host_page_init(opt.host_page))
        log_die(126, "pages of %ld bytes: xrun needs 4096, 16384 or 65536", opt.host_page ? (long)opt.host_page : sysconf(_SC_PAGESIZE));
    int r = path_init();
    if (r)
        log_die(126, "--sysroot=%s: %s", opt.sysroot, strerror(-r));
    if (opt.abi_check)
        return printed(check_program(argv[i]));
    open_log();
    start_trace();
    exec_init(argv);
    char **rest = opt.gdbserver ? gdb_serve(opt.gdbserver, argv + i, (int)opt.attach) : argv + i;
    struct thread *t = first_thread();
    thread_self = t;
    if (opt.seccomp_fd)
        seccomp_load(t, (int)opt.seccomp_fd);
    runtime_init();
    r = mem_init();
    if (r)
        log_die(126, "cannot reserve the low 4 GiB of the address space: %s", strerror(-r));
    int mdwe = prctl(PR_GET_MDWE, 0, 0, 0, 0);
    mem_mdwe = opt.mdwe ? opt.mdwe : mdwe > 0 ? (uint32_t)mdwe : 0;
    signal_init();
    if (opt.trace_fd)
        ptrace_exec_load(t, (int)opt.trace_fd);
    cache_thread_add(t);

    char *path = by_kernel ? xstrdup(binfmt_program(argv[1])) : find_program(rest[0]);
    char *execfn = xstrdup(opt.execfn ? opt.execfn : path), *name = xstrdup(path);
    char **gargv = guest_argv(path, rest);
    struct elfload_error e = {0};
    if (elfload_script(&path, &gargv, execfn, &e))
        fail(name, name, &e);
    char host[PATH_MAX];
    if (path_to_host(path, host, true, false))
        log_die(126, "%s: name too long", path);
    if (opt.lockstep || opt.lockstep_fast) {
        if (elfload_check(host, &e))
            fail(name, path, &e);
        lockstep_run(t, host, gargv, environ);
    }
    if (elfload_load(t, host, execfn, gargv, environ, &e))
        fail(name, path, &e);
    free(name);
    if (opt.exec_fd)
        close((int)opt.exec_fd);
    if (!t->trace) /* units on disk know nothing of breakpoints */
        store_init(t->proc->exe);
    set_comm(execfn);
    show_as_guest(t->proc);
    if (opt.abi_report)
        report_program(path);
    if (opt.strace)
        strace_program(t, execfn, gargv, environ);
    if (t->trace)
        ptrace_exec_done(t);
    dispatch_run(t);
}
