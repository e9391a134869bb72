/* --strace: lines in strace's own format. A call's line begins when it is made and ends when it
 * returns; what comes in between from another thread or process leaves it "<unfinished ...>", to be
 * "resumed". Which line is open is known to all processes through the session. */
#include "syscalls/strace.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi/siginfo.h"
#include "core/clock.h"
#include "core/options.h"
#include "core/session.h"

enum { RESULT_COLUMN = 40 };

void strace_add(struct line *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int k = vsnprintf(l->b + l->n, sizeof l->b - l->n - 2, fmt, ap);
    va_end(ap);
    if (k > 0)
        l->n += (size_t)k;
    if (l->n > sizeof l->b - 3)
        l->n = sizeof l->b - 3;
}

void strace_add_quoted(struct line *l, const uint8_t *s, size_t n, bool more)
{
    static const char plain[] = "\t\n\v\f\r", letter[] = "tnvfr";
    strace_add(l, "\"");
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = s[i];
        const char *p = ch ? strchr(plain, ch) : NULL;
        bool digit = i + 1 < n && s[i + 1] >= '0' && s[i + 1] <= '9';
        if (p)
            strace_add(l, "\\%c", letter[p - plain]);
        else if (ch == '"' || ch == '\\')
            strace_add(l, "\\%c", ch);
        else if (ch < 32 || ch > 126)
            strace_add(l, digit ? "\\%03o" : "\\%o", ch);
        else
            strace_add(l, "%c", ch);
    }
    strace_add(l, more ? "\"..." : "\"");
}

/* ---- lines of several threads ---- */

static void write_out(const char *s, size_t n)
{
    log_write(log_fd(), s, n);
}

static void add_time(struct line *l)
{
    struct timespec ts;
    struct tm tm;
    char text[16];
    if (!opt.strace_time)
        return;
    clock_gettime(CLOCK_REALTIME, &ts);
    localtime_r(&ts.tv_sec, &tm);
    strftime(text, sizeof text, "%T", &tm);
    if (opt.strace_time >= 3)
        strace_add(l, "%lld.%06ld ", (long long)ts.tv_sec, ts.tv_nsec / 1000);
    else if (opt.strace_time == 2)
        strace_add(l, "%s.%06ld ", text, ts.tv_nsec / 1000);
    else
        strace_add(l, "%s ", text);
}

/* Who writes: always in a file, on a terminal only when there are several. */
static void begin(struct line *l, int tid)
{
    l->n = 0;
    if (opt.log_file)
        strace_add(l, "%-5d ", tid);
    else if (session->tasks > 1)
        strace_add(l, "[pid %5d] ", tid);
    add_time(l);
}

/* Ends the line that another has left open. */
static void interrupt(void)
{
    static const char text[] = " <unfinished ...>\n";
    if (session->open_tid)
        write_out(text, sizeof text - 1);
    session->open_tid = 0;
}

static void finish(struct line *l)
{
    l->b[l->n++] = '\n';
    write_out(l->b, l->n);
}

/* ---- calls ---- */

/* socketcall and ipc print as the call they stand for. False if they stand for none. */
static bool unpack_socketcall(const struct sysctx *c, struct sysctx *k, const char **name)
{
    static const char *const names[] = {
        "", "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername",
        "socketpair", "send", "recv", "sendto", "recvfrom", "shutdown", "setsockopt",
        "getsockopt", "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg"};
    static const uint8_t words[] = {0, 3, 3, 3, 2, 3, 3, 3, 4, 4, 4, 6, 6, 2, 5, 5, 3, 3, 4, 5, 4};
    uint32_t call = c->a[0];
    if (!call || call >= ARRAY_SIZE(names) || mem_read(k->a, c->a[1], words[call] * 4u))
        return false;
    *name = names[call];
    return true;
}

static bool unpack_ipc(const struct sysctx *c, struct sysctx *k, const char **name)
{
    static const struct { uint8_t call; const char *name; uint8_t arg[4]; } calls[] = {
        {1, "semop", {1, 4, 2}}, {2, "semget", {1, 2, 3}}, {4, "semtimedop", {1, 4, 2, 5}},
        {11, "msgsnd", {1, 4, 2, 3}}, {13, "msgget", {1, 2}}, {21, "shmat", {1, 4, 2}},
        {3, "semctl", {1, 2, 3, 4}}, {12, "msgrcv", {4, 4, 2, 3}}, {14, "msgctl", {1, 2, 4}},
        {22, "shmdt", {4}}, {23, "shmget", {1, 2, 3}}, {24, "shmctl", {1, 2, 4}}};
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
        if (c->a[0] == calls[i].call) {
            for (int j = 0; j < 4; j++)
                k->a[j] = calls[i].arg[j] ? c->a[calls[i].arg[j]] : 0;
            *name = calls[i].name;
            return true;
        }
    return false;
}

static unsigned number_of(const char *name)
{
    for (unsigned i = 0; i < syscalls_count; i++)
        if (syscalls_table[i].name && !strcmp(syscalls_table[i].name, name))
            return i;
    return syscalls_count;
}

/* The letters of table.def as types. */
static void add_by_letters(struct call *k, const char *letters)
{
    static const char *const type[128] = {
        ['d'] = "dirfd", ['u'] = "u", ['x'] = "x", ['p'] = "p", ['o'] = "p", ['W'] = "p",
        ['s'] = "str", ['f'] = "path", ['F'] = "path", ['c'] = "path", ['X'] = "open", ['a'] = "|at"};
    k->g = 0;
    for (const char *p = letters; *p && k->g < 6; p++) {
        if (strchr("@0RL", *p))
            continue;
        strace_add(k->l, k->g ? ", " : "");
        strace_add_value(k, type[(uint8_t)*p & 127] ? type[(uint8_t)*p & 127] : "x", k->c->a[k->g]);
        k->g++;
    }
}

struct named {
    struct sysctx c;
    const char *name;
    const struct call_format *f;
};

static struct named name_call(const struct sysctx *c)
{
    struct named n = {.c = *c};
    const struct sys_row *r = c->nr < syscalls_count ? &syscalls_table[c->nr] : NULL;
    struct sysctx inner = {.t = c->t, .nr = c->nr};
    n.name = r ? r->name : NULL;
    if ((c->nr == 102 && unpack_socketcall(c, &inner, &n.name)) ||
        (c->nr == 117 && unpack_ipc(c, &inner, &n.name))) {
        unsigned nr = number_of(n.name);
        inner.nr = nr < syscalls_count ? nr : c->nr;
        n.c = inner;
    }
    n.f = n.name ? strace_format(n.name) : NULL;
    return n;
}

static void add_part(struct call *k, const struct named *n, bool before)
{
    if (n->f)
        strace_add_args(k, n->f->args, before);
    else if (before && n->name)
        add_by_letters(k, syscalls_table[n->c.nr].args);
    else if (before)
        for (int i = 0; i < 6; i++)
            strace_add(k->l, "%s%#x", i ? ", " : "", n->c.a[i]);
}

void strace_enter(const struct sysctx *c)
{
    struct named n = name_call(c);
    struct line l;
    if (opt.strace_count || !strace_wanted(n.name) || made_in_vdso(c))
        return;
    session_lock();
    interrupt();
    begin(&l, c->t->tid);
    if (n.name)
        strace_add(&l, "%s(", n.name);
    else
        strace_add(&l, "syscall_%#x(", c->nr);
    struct call k = {.l = &l, .c = &n.c};
    add_part(&k, &n, true);
    if (n.name && !strncmp(n.name, "exit", 4)) {
        strace_add(&l, ")%*s = ?", l.n + 1 < RESULT_COLUMN ? (int)(RESULT_COLUMN - 1 - l.n) - 1 : 0, "");
        finish(&l);
    } else {
        write_out(l.b, l.n);
        session->open_tid = c->t->tid;
        session->open_column = (int)l.n;
    }
    session_unlock();
}

/* Which kind of restart a call asks for: the kernel's four. */
static const char *restart_text(const char *name, int64_t ret)
{
    static const char *const nohand[] = {"pause", "rt_sigsuspend", "sigsuspend", "_newselect", "select",
                                         "pselect6", "pselect6_time64", "ppoll", "ppoll_time64"};
    for (size_t i = 0; name && i < ARRAY_SIZE(nohand); i++)
        if (!strcmp(name, nohand[i]))
            return "ERESTARTNOHAND (To be restarted if no handler)";
    if (ret == SYSRET_RESTART_BLOCK)
        return "ERESTART_RESTARTBLOCK (Interrupted by signal)";
    if (ret == SYSRET_RESTART_NOINTR)
        return "ERESTARTNOINTR (To be restarted)";
    return "ERESTARTSYS (To be restarted if SA_RESTART is set)";
}

static void poll_note(struct call *k)
{
    struct line l = {.n = 0};
    struct i386_pollfd p;
    if (k->ret == 0)
        snprintf(k->note, sizeof k->note, "Timeout");
    if (k->ret <= 0)
        return;
    const char *sep = "";
    for (uint32_t i = 0; i < k->c->a[1] && !mem_read(&p, k->c->a[0] + i * 8, sizeof p); i++)
        if (p.revents) {
            strace_add(&l, "%s{fd=%d, revents=", sep, p.fd);
            strace_add_set(&l, "poll", (uint16_t)p.revents);
            strace_add(&l, "}");
            sep = ", ";
        }
    l.b[l.n] = 0;
    snprintf(k->note, sizeof k->note, "[%.*s]", (int)sizeof k->note - 3, l.b);
}

static void select_note(struct call *k)
{
    static const char *const names[] = {"in", "out", "except"};
    struct line l = {.n = 0}, *was = k->l;
    const char *sep = "";
    bool keeps = strncmp(syscalls_table[k->c->nr].name, "pselect", 7) != 0;
    if (k->ret == 0)
        snprintf(k->note, sizeof k->note, "Timeout");
    if (k->ret <= 0)
        return;
    k->l = &l;
    for (int i = 0; i < 3; i++) {
        size_t at = l.n;
        if (!k->c->a[1 + i])
            continue;
        strace_add(&l, "%s%s ", sep, names[i]);
        strace_add_value(k, "fdset", k->c->a[1 + i]);
        if (l.n > 2 && l.b[l.n - 2] == '[')
            l.n = at; /* nothing in it */
        else
            sep = ", ";
    }
    if (k->c->a[4] && keeps) {
        strace_add(&l, "%sleft ", sep);
        strace_add_value(k, "*timeval", k->c->a[4]);
    } else if (k->c->a[4]) {
        strace_add(&l, "%sleft ", sep);
        strace_add_value(k, strstr(syscalls_table[k->c->nr].name, "64") ? "*timespec64" : "*timespec", k->c->a[4]);
    }
    k->l = was;
    l.b[l.n] = 0;
    snprintf(k->note, sizeof k->note, "%.*s", (int)sizeof k->note - 1, l.b);
}

static void note_signal(struct call *k)
{
    struct line l = {.n = 0};
    strace_add_signal(&l, (uint32_t)k->ret);
    l.b[l.n] = 0;
    snprintf(k->note, sizeof k->note, "%.32s", l.b);
}

/* What strace says behind some results. */
static void result_note(struct call *k, char kind)
{
    uint32_t v;
    const char *name = NULL;
    switch (kind) {
    case 'p': poll_note(k); return;
    case 'S': select_note(k); return;
    case 't': strace_add_date(k->note, sizeof k->note, k->ret, 0); return;
    case 'a':
        if (k->ret == 0 && !mem_read32(k->c->a[0], &v))
            snprintf(k->note, sizeof k->note, "entry_number=%u", v);
        return;
    case 's':
        if (k->ret > 0)
            note_signal(k);
        return;
    case 'h': name = strace_one_name("sched", (uint32_t)k->ret); break;
    case 'N': name = strace_one_name("persona", (uint32_t)k->ret); break;
    case 'g': name = k->ret == 0 ? "SIG_DFL" : k->ret == 1 ? "SIG_IGN" : NULL; break;
    case 'P':
        if (k->c->a[0] == 3 /* PR_GET_DUMPABLE */)
            name = k->ret == 1 ? "SUID_DUMP_USER" : k->ret == 0 ? "SUID_DUMP_DISABLE" : NULL;
        break;
    default: return;
    }
    if (name)
        snprintf(k->note, sizeof k->note, "%s", name);
}

static void add_result(struct call *k, const struct named *n)
{
    struct line *l = k->l;
    char kind = n->f ? n->f->result : 'd';
    int64_t ret = k->ret;
    if (sysret_restarts(ret)) {
        strace_add(l, " = ? %s", restart_text(n->name, ret));
    } else if (ret < 0 && ret >= -4095) {
        strace_add(l, " = -1 %s (%s)", strerrorname_np((int)-ret), strerror((int)-ret));
    } else {
        result_note(k, kind);
        bool flags = !strncmp(k->note, "flags ", 6) || kind == 'g';
        if (kind == 'x' || flags || (n->name && !strncmp(n->name, "fcntl", 5) && *k->note && k->note[0] != 'S'))
            strace_add(l, " = %#x", (uint32_t)ret);
        else if (kind == 'o')
            strace_add(l, " = %#03o", (unsigned)ret);
        else
            strace_add(l, " = %u", (uint32_t)ret);
    }
    if (*k->note)
        strace_add(l, " (%s)", k->note);
}

uint64_t strace_clock(void)
{
    return opt.strace_spent || opt.strace_count ? clock_ns(opt.strace_count ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC) : 0;
}

void strace_count_call(const struct sysctx *c, int64_t ret, uint64_t spent)
{
    struct session_count *n = &session->count[c->nr < SESSION_CALLS ? c->nr : SESSION_CALLS - 1];
    __atomic_fetch_add(&n->calls, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&n->nanoseconds, spent, __ATOMIC_RELAXED);
    if (ret < 0)
        __atomic_fetch_add(&n->errors, 1, __ATOMIC_RELAXED);
}

/* The beginning of a line that goes on with a call begun earlier. */
static void resume(struct line *l, int tid, const char *name)
{
    if (session->open_tid == tid) {
        session->open_tid = 0;
        l->n = 0;
        return;
    }
    interrupt();
    session->open_column = 0;
    begin(l, tid);
    strace_add(l, "<... %s resumed>", name ? name : "syscall");
}

bool strace_born(const char *name, int64_t ret)
{
    return !ret && name && (!strncmp(name, "clone", 5) || strstr(name, "fork"));
}

void strace_exit(const struct sysctx *c, int64_t ret, uint64_t since)
{
    struct named n = name_call(c);
    uint64_t spent = since ? strace_clock() - since : 0;
    struct line l;
    if (!strace_wanted(n.name) || strace_born(n.name, ret) || (made_in_vdso(c) && ret != SYSRET_DONE))
        return;
    if (opt.strace_count) {
        strace_count_call(c, ret, spent);
        return;
    }
    if (ret == SYSRET_DONE) /* sigreturn: what the call returns is what was in eax */
        ret = (int32_t)c->t->cpu.gpr[REG_EAX];
    session_lock();
    resume(&l, c->t->tid, n.name);
    struct call k = {.l = &l, .c = &n.c, .ret = ret, .done = true};
    add_part(&k, &n, false);
    size_t column = (size_t)session->open_column + l.n + 1;
    strace_add(&l, ")%*s", column < RESULT_COLUMN - 1 ? (int)(RESULT_COLUMN - 1 - column) : 0, "");
    add_result(&k, &n);
    if (opt.strace_spent)
        strace_add(&l, " <%llu.%06llu>", (unsigned long long)(spent / 1000000000),
                   (unsigned long long)(spent / 1000 % 1000000));
    session->open_column = 0;
    finish(&l);
    session_unlock();
}

/* ---- signals and ends ---- */

static void event(int tid, struct line *text)
{
    struct line l;
    if (opt.strace_count)
        return;
    session_lock();
    interrupt();
    begin(&l, tid);
    text->b[text->n] = 0;
    strace_add(&l, "%s", text->b);
    finish(&l);
    session_unlock();
}

void strace_signal(const struct thread *t, int sig, const siginfo_t *info)
{
    struct line l = {.n = 0};
    uint8_t si[I386_SIGINFO_SIZE];
    abi_siginfo_to_guest(si, info);
    strace_add(&l, "--- ");
    strace_add_signal(&l, (uint32_t)sig);
    strace_add(&l, " ");
    strace_add_siginfo(&l, si);
    strace_add(&l, " ---");
    event(t->tid, &l);
}

void strace_stopped(const struct thread *t, int sig)
{
    struct line l = {.n = 0};
    strace_add(&l, "--- stopped by ");
    strace_add_signal(&l, (uint32_t)sig);
    strace_add(&l, " ---");
    event(t->tid, &l);
}

/* A call of another thread that the end of the process cuts off. */
static void cut_off(const struct thread *t)
{
    struct sysctx c = {.nr = t->orig_eax};
    const struct sys_row *r = c.nr < syscalls_count ? &syscalls_table[c.nr] : NULL;
    struct line l = {.n = 0};
    if (!r || !r->name || t == thread_self || !strace_wanted(r->name))
        return;
    const struct call_format *f = strace_format(r->name);
    strace_add(&l, "<... %s resumed>%s)", r->name, f && strchr(f->args, '>') ? " <unfinished ...>" : "");
    strace_add(&l, " = ?");
    event(t->tid, &l);
}

/* The process that began it all prints the sums. */
static void last_words(const struct thread *t)
{
    session_task(-1);
    if (t->tid != session->root)
        return;
    if (opt.strace_count)
        strace_summary();
    if (session_at_end)
        session_at_end();
}

void strace_exited(const struct thread *t, int status)
{
    struct line l = {.n = 0};
    if (opt.strace) {
        cut_off(t);
        strace_add(&l, "+++ exited with %d +++", status & 0xff);
        event(t->tid, &l);
    }
    last_words(t);
}

void strace_killed(const struct thread *t, int sig, bool core)
{
    struct line l = {.n = 0};
    if (opt.strace) {
        strace_add(&l, "+++ killed by ");
        strace_add_signal(&l, (uint32_t)sig);
        strace_add(&l, core ? " (core dumped) +++" : " +++");
        event(t->tid, &l);
    }
    last_words(t);
}

/* The program runs: execve has returned in the new one. For the first there was no execve that
 * could be seen, so its line is made up as strace's is. */
void strace_program(const struct thread *t, const char *path, char **argv, char **envp)
{
    struct line l;
    unsigned vars = 0;
    if (opt.strace_count || !strace_wanted("execve"))
        return;
    session_lock();
    if (opt.child) {
        resume(&l, t->tid, "execve");
    } else {
        begin(&l, t->tid);
        strace_add(&l, "execve(");
        strace_add_quoted(&l, (const uint8_t *)path, strlen(path), false);
        strace_add(&l, ", [");
        for (int i = 0; argv[i]; i++) {
            size_t n = strlen(argv[i]), max = opt.strace_strings;
            strace_add(&l, i ? ", " : "");
            strace_add_quoted(&l, (const uint8_t *)argv[i], n < max ? n : max, n > max);
        }
        while (envp[vars])
            vars++;
        strace_add(&l, "], %p /* %u var%s */", (void *)envp, vars, vars == 1 ? "" : "s");
    }
    size_t column = (size_t)session->open_column + l.n + 1;
    strace_add(&l, ")%*s = 0", column < RESULT_COLUMN - 1 ? (int)(RESULT_COLUMN - 1 - column) : 0, "");
    session->open_column = 0;
    finish(&l);
    session_unlock();
}
