/* Who runs and why it stopped. All-stop: as soon as something happens that gdb wants to know all threads are
 * stopped. What else happens meanwhile is kept in the blocks of the threads concerned and told when gdb lets
 * them go on. Non-stop: only the thread concerned stops, and gdb is told of one after the other. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/lock.h"
#include "core/log.h"
#include "core/options.h"
#include "runtime/gdb.h"
#include "runtime/host.h"
#include "runtime/runtime.h"

enum { STOP_TRIES = 100, STOP_MS = 50 };

struct gdb_server gdb;
static sigset_t mask_before;
static struct sigaction int_before, quit_before;

/* ---- signals' numbers ---- */

/* gdb's number of signal i of Linux; 143: it has none. */
static const uint8_t gdb_signals[32] = {
    [SIGHUP] = 1, [SIGINT] = 2, [SIGQUIT] = 3, [SIGILL] = 4, [SIGTRAP] = 5, [SIGABRT] = 6,
    [SIGBUS] = 10, [SIGFPE] = 8, [SIGKILL] = 9, [SIGUSR1] = 30, [SIGSEGV] = 11, [SIGUSR2] = 31,
    [SIGPIPE] = 13, [SIGALRM] = 14, [SIGTERM] = 15, [16] = 143, [SIGCHLD] = 20, [SIGCONT] = 19,
    [SIGSTOP] = 17, [SIGTSTP] = 18, [SIGTTIN] = 21, [SIGTTOU] = 22, [SIGURG] = 16, [SIGXCPU] = 24,
    [SIGXFSZ] = 25, [SIGVTALRM] = 26, [SIGPROF] = 27, [SIGWINCH] = 28, [SIGIO] = 23, [SIGPWR] = 32,
    [SIGSYS] = 12,
};
enum { GDB_RT_33 = 45, GDB_RT_32 = 77, GDB_RT_64 = 78, GDB_UNKNOWN = 143 };

int gdb_signal_to(int host)
{
    if (host > 0 && host < 32)
        return gdb_signals[host];
    return host == 32 ? GDB_RT_32 : host == 64 ? GDB_RT_64 : host > 32 && host < 64 ? GDB_RT_33 + host - 33
                                                                                   : GDB_UNKNOWN;
}

int gdb_signal_from(unsigned gdbs)
{
    for (int i = 1; i <= NSIG_GUEST && gdbs && gdbs != GDB_UNKNOWN; i++)
        if (gdb_signal_to(i) == (int)gdbs)
            return i;
    return 0;
}

/* ---- waiting ---- */

static void on_token(int sig, siginfo_t *info, void *context)
{
    (void)context;
    if (sig == SIGTRAP)
        trace_is_token(info);
}

/* Tokens come only while the server waits. */
void gdb_run_init(void)
{
    sigset_t tokens;
    struct sigaction sa = {.sa_sigaction = on_token, .sa_flags = SA_SIGINFO};
    struct process *p = process_new();
    p->pid = getpid();
    gdb.self = thread_first(p);
    thread_self = gdb.self;
    sigaction(SIGTRAP, &sa, NULL);
    sigaction(SIGCHLD, &sa, NULL);
    sa = (struct sigaction){.sa_handler = SIG_IGN};
    sigaction(SIGINT, &sa, &int_before); /* of the terminal: it is for the program */
    sigaction(SIGQUIT, &sa, &quit_before);
    sigaction(SIGPIPE, &sa, NULL);
    sigemptyset(&tokens);
    sigaddset(&tokens, SIGTRAP);
    sigaddset(&tokens, SIGCHLD);
    sigprocmask(SIG_BLOCK, &tokens, &mask_before);
}

bool gdb_wait(const struct gdb_conn *c, int ms)
{
    struct pollfd p = {.fd = c ? c->in : -1, .events = POLLIN};
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
    sigset_t open = mask_before;
    sigdelset(&open, SIGTRAP);
    sigdelset(&open, SIGCHLD);
    return ppoll(&p, 1, ms < 0 ? NULL : &ts, &open) > 0;
}

/* ---- lists ---- */

struct gdb_process *gdb_find_process(int pid)
{
    struct gdb_process *p = gdb.processes;
    while (p && (pid > 0 ? p->pid != pid : p->parent != 0))
        p = p->next;
    return p;
}

/* The end of such a one may come without a word. */
bool gdb_any_attached(void)
{
    bool any = false;
    for (const struct gdb_process *p = gdb.processes; p; p = p->next)
        any |= p->attached;
    return any;
}

struct gdb_thread *gdb_find_thread(int pid, int tid)
{
    struct gdb_thread *g = gdb.threads;
    while (g && ((pid > 0 ? g->proc->pid != pid : g->proc->parent) || (tid > 0 && g->tid != tid)))
        g = g->next;
    return g;
}

static struct gdb_process *process_add(int pid)
{
    struct gdb_process **end = &gdb.processes, *p = xcalloc(1, sizeof *p);
    while (*end)
        end = &(*end)->next;
    p->pid = pid;
    return *end = p;
}

static void thread_remove(struct gdb_thread *g)
{
    struct gdb_thread **p = &gdb.threads;
    while (*p != g)
        p = &(*p)->next;
    *p = g->next;
    if (gdb.current == g)
        gdb.current = NULL;
    free(g);
}

static void process_remove(struct gdb_process *p)
{
    struct gdb_process **q = &gdb.processes;
    for (struct gdb_thread *g = gdb.threads, *next; g; g = next) {
        next = g->next;
        if (g->proc == p)
            thread_remove(g);
    }
    while (*q != p)
        q = &(*q)->next;
    *q = p->next;
    free(p);
}

/* Tracees of a process that is gone or not gdb's any more; with `but` all of its others. */
static void drop_tracees(int pid, int but)
{
    lock_take(&tracees_lock);
    for (struct tracee *x = tracees, *next; x; x = next) {
        next = x->next;
        if (x->b->pid == pid && x->b->tid != but)
            tracee_drop(x);
    }
    lock_release(&tracees_lock);
}

static struct tracee *find_tracee(int tid)
{
    struct tracee *x = tracees;
    while (x && x->b->tid != tid)
        x = x->next;
    return x;
}

static void thread_add(struct trace_block *b)
{
    struct gdb_thread **end = &gdb.threads, *g = xcalloc(1, sizeof *g);
    struct gdb_process *p = gdb.processes;
    while (p && p->pid != b->pid)
        p = p->next;
    bool thread = p != NULL;
    if (!p) {
        p = process_add(b->pid);
        p->parent = -1; /* until the event says whose child it is */
    }
    while (*end)
        end = &(*end)->next;
    *end = g;
    g->proc = p;
    g->b = b;
    g->tid = b->tid;
    g->asked = true; /* as who made it told it */
    g->resumed = thread && (gdb.running || gdb.non_stop);
}

/* The list has the newest first; gdb numbers threads in the order in which it hears of them. */
static void add_new_threads(struct tracee *x)
{
    struct gdb_thread *g = gdb.threads;
    if (!x)
        return;
    add_new_threads(x->next);
    while (g && g->tid != x->b->tid)
        g = g->next;
    if (!g && x->b->state != TRACE_GONE)
        thread_add(x->b);
}

/* Blocks come and go with tracees. */
static void synchronize(void)
{
    for (struct gdb_thread *g = gdb.threads, *next; g; g = next) {
        const struct tracee *x = find_tracee(g->tid);
        next = g->next;
        if (x)
            g->b = x->b;
        else
            thread_remove(g);
    }
    add_new_threads(tracees);
}

/* ---- letting go on ---- */

static void send_breaks(struct gdb_process *p, struct gdb_thread *g)
{
    memcpy(g->b->buf, p->breaks, p->nbreaks * sizeof p->breaks[0]);
    tracer_ask(g->b, TRACE_SET_BREAKS, 0, p->nbreaks);
    memcpy(g->b->buf, p->watches, p->nwatches * sizeof p->watches[0]);
    tracer_ask(g->b, TRACE_SET_WATCHES, 0, p->nwatches);
    p->dirty = false;
}

static void settle_breaks(void)
{
    for (struct gdb_thread *g = gdb.threads; g; g = g->next)
        if (g->proc->dirty && g->stopped)
            send_breaks(g->proc, g);
}

static bool has_break(const struct gdb_process *p, gaddr at)
{
    for (unsigned i = 0; i < p->nbreaks; i++)
        if (p->breaks[i] == at)
            return true;
    return false;
}

static uint32_t event_of(const struct trace_block *b)
{
    return b->kind == TRACE_EVENT ? b->code >> 8 : 0;
}

/* What the tracer's call to go on would not deliver where the thread stands is sent, so it comes later; not
 * to be told again. */
static int signal_now(struct gdb_thread *g, int sig)
{
    if (!sig || g->b->kind == TRACE_SIGNAL)
        return sig;
    g->sent = sig;
    host_syscall(SYS_tgkill, g->proc->pid, g->tid, sig, 0, 0, 0);
    return 0;
}

static void go_on(struct gdb_thread *g, int sig)
{
    struct trace_block *b = g->b;
    enum trace_mode mode =
        g->step ? TRACE_STEP : g->proc->catch_calls ? TRACE_SYSCALL : TRACE_CONT;
    b->range_start = g->range_start;
    b->range_end = g->range_end;
    b->over = g->step && !has_break(g->proc, gdb_pc(g));
    g->in_vfork = event_of(b) == PTRACE_EVENT_VFORK;
    sig = signal_now(g, sig ? sig : g->quiet_sig);
    g->quiet_sig = 0;
    g->event = g->interrupted = g->stop_wanted = g->halted = false;
    if (!g->asked)
        __atomic_and_fetch(&b->want, ~(uint32_t)TRACE_WANT_INTERRUPT, __ATOMIC_ACQ_REL);
    b->reported = 0;
    g->stopped = false;
    tracer_ask(b, TRACE_RESUME, mode, (uint32_t)sig);
}

static const struct gdb_action *action_for(const struct gdb_thread *g, const struct gdb_action *a,
                                           unsigned n)
{
    for (; n; n--, a++)
        if ((a->pid <= 0 || a->pid == g->proc->pid) && (a->tid <= 0 || a->tid == g->tid))
            return a;
    return NULL;
}

/* A breakpoint that was met but not told, and that is no longer there. */
static bool event_is_void(struct gdb_thread *g)
{
    return g->b->reason == TRACE_AT_BREAKPOINT && !has_break(g->proc, gdb_pc(g));
}

static void set_action(struct gdb_thread *g, const struct gdb_action *x)
{
    g->resumed = true;
    g->step = x->what != 'c';
    g->range_start = x->start;
    g->range_end = x->end;
}

static void ask_to_stop(struct gdb_thread *g)
{
    if (g->stopped || g->asked)
        return;
    g->asked = true;
    __atomic_or_fetch(&g->b->want, (uint32_t)TRACE_WANT_INTERRUPT, __ATOMIC_ACQ_REL);
    trace_send(g->b->pid, g->b->tid, TRACE_LOOK, 0);
}

/* Who has news that gdb does not know stays, and so does who runs. */
static void resume_one(struct gdb_thread *g, const struct gdb_action *x)
{
    if (x->what == 't' && g->resumed && !g->event) {
        g->stop_wanted = true;
        g->event = g->halted = g->stopped; /* it may be for a look at its memory */
        ask_to_stop(g);
    } else if (x->what != 't' && g->stopped && !g->resumed) {
        set_action(g, x);
        go_on(g, x->sig);
    }
}

static void resume_each(const struct gdb_action *a, unsigned n)
{
    for (struct gdb_thread *g = gdb.threads, *next; g; g = next) {
        const struct gdb_action *x = g->proc->parent ? NULL : action_for(g, a, n);
        next = g->next;
        if (x)
            resume_one(g, x);
    }
}

void gdb_resume(const struct gdb_action *a, unsigned n)
{
    unsigned resumed = 0, plain_steps = 0;
    bool told = false;
    if (gdb.non_stop) {
        resume_each(a, n);
        return;
    }
    for (struct gdb_thread *g = gdb.threads; g; g = g->next) {
        const struct gdb_action *x = g->proc->parent ? NULL : action_for(g, a, n);
        g->resumed = x != NULL;
        if (!x)
            continue;
        if (g->event && event_is_void(g))
            g->event = false;
        told |= g->event;
        set_action(g, x);
        resumed++;
        plain_steps += x->what == 's';
    }
    gdb.running = true;
    if (told)
        return; /* that comes first */
    if (resumed != 1 || !plain_steps) /* else: a step over a breakpoint, which will be back */
        settle_breaks();
    for (struct gdb_thread *g = gdb.threads, *next; g; g = next) {
        next = g->next;
        const struct gdb_action *x = g->resumed && g->stopped ? action_for(g, a, n) : NULL;
        if (x)
            go_on(g, x->sig);
    }
}

/* ---- what has happened ---- */

static bool call_caught(const struct gdb_thread *g)
{
    const struct gdb_process *p = g->proc;
    uint32_t core[REGI_COUNT];
    if (p->catch_calls != 1)
        return p->catch_calls;
    if (tracer_ask(g->b, TRACE_GET_REGS, 0, 0) < 0)
        return false;
    memcpy(core, g->b->buf, sizeof core);
    uint32_t nr = core[REGI_ORIG_EAX];
    return nr / 8 < sizeof p->calls && p->calls[nr / 8] >> nr % 8 & 1;
}

static bool signal_is_news(struct gdb_thread *g)
{
    const struct trace_block *b = g->b;
    int sig = (int)b->code;
    if (b->reason)
        return true;
    if (sig == g->sent) {
        g->sent = 0;
        g->quiet_sig = sig;
        return false;
    }
    if (sig == SIGTRAP && g->step && gdb_pc(g) - g->range_start < g->range_end - g->range_start)
        return false;
    if (sig != SIGTRAP && gdb.pass >> sig & 1) {
        g->quiet_sig = sig;
        return false;
    }
    return true;
}

/* The child waits for gdb's word, with its parent's breakpoints. */
static void note_child(const struct gdb_thread *g)
{
    for (struct gdb_process *p = gdb.processes; p; p = p->next) {
        if (p->pid != (int)g->b->message || p->parent != -1)
            continue;
        p->parent = g->proc->pid;
        memcpy(p->breaks, g->proc->breaks, sizeof p->breaks);
        memcpy(p->break_kind, g->proc->break_kind, sizeof p->break_kind);
        memcpy(p->watches, g->proc->watches, sizeof p->watches);
        p->attached = g->proc->attached;
        memcpy(p->tls_symbols, g->proc->tls_symbols, sizeof p->tls_symbols);
        p->nbreaks = g->proc->nbreaks;
        p->nwatches = g->proc->nwatches;
        p->dirty = true;
    }
}

/* A child that is neither a thread nor what gdb calls a fork. */
static void let_go(uint64_t pid)
{
    for (struct gdb_process *p = gdb.processes; p; p = p->next)
        if (p->pid == (int)pid && p->parent == -1)
            p->parent = -2;
}

static void note_exec(struct gdb_thread *g)
{
    struct gdb_process *p = g->proc;
    drop_tracees(p->pid, g->tid);
    p->nbreaks = p->nwatches = 0;
    p->dirty = false;
    memset(p->tls_symbols, 0, sizeof p->tls_symbols);
    for (struct gdb_thread *o = gdb.threads, *next; o; o = next) {
        next = o->next;
        if (o != g && o->proc == p)
            thread_remove(o);
    }
}

static bool event_is_news(struct gdb_thread *g)
{
    switch (event_of(g->b)) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK: note_child(g); return true;
    case PTRACE_EVENT_CLONE: let_go(g->b->message); return false;
    case PTRACE_EVENT_EXEC: note_exec(g); return gdb.exec_events;
    case PTRACE_EVENT_VFORK_DONE: return true;
    case 0: return g->step;
    default: return false;
    }
}

/* A thread has stopped: does gdb want to know? */
static bool is_news(struct gdb_thread *g)
{
    switch ((enum trace_kind)g->b->kind) {
    case TRACE_SIGNAL: return signal_is_news(g);
    case TRACE_CALL_ENTRY:
    case TRACE_CALL_EXIT: return call_caught(g);
    case TRACE_EVENT: return event_is_news(g);
    case TRACE_GROUP:
        if ((g->b->code & 0xff) != SIGTRAP) /* by a signal's default action */
            return true;
        g->interrupted = gdb.interrupt && g->asked;
        return g->interrupted || g->stop_wanted;
    case TRACE_SECCOMP: break;
    }
    return false;
}

static void process_ended(int pid, int status)
{
    struct gdb_process *p = gdb.processes;
    while (p && p->pid != pid)
        p = p->next;
    if (pid == gdb.first_pid)
        gdb.exit_status = status;
    drop_tracees(pid, 0);
    if (!p)
        return;
    p->ended = true;
    p->status = status;
    if (p->parent) /* gdb never knew it */
        process_remove(p);
}

static void note(int id, const siginfo_t *info)
{
    struct gdb_thread *g = gdb.threads;
    while (g && g->tid != id)
        g = g->next;
    if (info->si_code != CLD_TRAPPED && (!g || g->proc->pid == id)) {
        process_ended(id, trace_wait_status(info));
    } else if (g && info->si_code == CLD_TRAPPED) {
        g->stopped = true;
        g->in_vfork = false;
        g->event = is_news(g);
        g->asked = false;
        gdb.interrupt &= !g->interrupted;
    }
    synchronize();
}

static bool collect(void)
{
    siginfo_t info;
    struct rusage usage;
    int64_t id;
    tracer_attend(gdb.self);
    synchronize();
    while ((id = tracer_wait(gdb.self, P_ALL, 0, WEXITED | WNOHANG | __WALL, &info, &usage)) > 0)
        note((int)id, &info);
    for (const struct gdb_thread *g = gdb.threads; g; g = g->next)
        if (g->event && g->resumed)
            return true;
    for (const struct gdb_process *p = gdb.processes; p; p = p->next)
        if (p->ended)
            return true;
    return false;
}

/* Does anything that gdb wants to run do so, or end? */
static bool any_resumed(void)
{
    for (const struct gdb_thread *g = gdb.threads; g; g = g->next)
        if (g->resumed)
            return true;
    return false;
}

/* What gdb does not want to know of goes on. */
static void release_silent(void)
{
    for (struct gdb_thread *g = gdb.threads; g; g = g->next)
        if (g->proc->parent == -2 && g->stopped) {
            gdb_detach(g->proc);
            break;
        }
    for (struct gdb_thread *g = gdb.threads, *next; g; g = next) {
        next = g->next;
        if (g->resumed && g->stopped && !g->event)
            go_on(g, 0);
    }
}

bool gdb_collect(void)
{
    bool news = collect();
    if (gdb.non_stop || (gdb.running && !news))
        release_silent();
    return news || (gdb.running && !any_resumed());
}

/* ---- stopping ---- */

void gdb_interrupt(void)
{
    gdb.interrupt = true;
    for (struct gdb_thread *g = gdb.threads; g; g = g->next)
        if (g->resumed && !g->in_vfork)
            ask_to_stop(g);
}

/* All threads of a process, NULL: of all. A parent of a vfork cannot stop while it waits. */
static void stop_threads(const struct gdb_process *p)
{
    for (int i = 0; i < STOP_TRIES; i++) {
        bool all = true;
        for (struct gdb_thread *g = gdb.threads; g; g = g->next) {
            if (g->in_vfork || g->proc->ended || (p && g->proc != p))
                continue;
            ask_to_stop(g);
            all &= g->stopped;
        }
        if (all)
            break;
        gdb_wait(NULL, STOP_MS);
        collect();
    }
}

void gdb_stop_all(void)
{
    stop_threads(NULL);
    for (struct gdb_thread *g = gdb.threads; g; g = g->next)
        g->resumed &= g->event;
    gdb.running = gdb.interrupt = false;
}

/* ---- while threads run ---- */

/* Who does not run for gdb's sake at all is better than who does. */
static struct gdb_thread *best_stopped(const struct gdb_process *p)
{
    struct gdb_thread *best = NULL;
    for (struct gdb_thread *g = gdb.threads; g; g = g->next)
        if (g->proc == p && g->stopped && (!best || !g->resumed))
            best = g;
    return best;
}

struct gdb_thread *gdb_stopped_thread(struct gdb_process *p)
{
    struct gdb_thread *found = best_stopped(p);
    for (int i = 0; i < STOP_TRIES && !found && gdb.non_stop && !p->ended; i++) {
        for (struct gdb_thread *g = gdb.threads; g; g = g->next)
            if (g->proc == p && !g->in_vfork) {
                ask_to_stop(g);
                break;
            }
        gdb_wait(NULL, STOP_MS);
        collect();
        found = best_stopped(p);
    }
    return found;
}

void gdb_settle_breaks(struct gdb_process *p)
{
    struct gdb_thread *g = gdb_stopped_thread(p);
    if (g)
        send_breaks(p, g);
}

void gdb_set_non_stop(bool on)
{
    gdb.non_stop = on;
    if (!on)
        gdb_stop_all();
}

/* ---- reports ---- */

void gdb_put_thread(struct gdb_text *t, const struct gdb_thread *g)
{
    if (gdb.multiprocess)
        gdb_put(t, "p%x.%x", (unsigned)g->proc->pid, (unsigned)g->tid);
    else
        gdb_put(t, "%x", (unsigned)g->tid);
}

static const char *watch_name(const struct gdb_thread *g)
{
    for (unsigned i = 0; i < g->proc->nwatches; i++)
        if (g->proc->watches[i].addr == g->b->watched)
            return g->proc->watches[i].kind == WATCH_WRITE  ? "watch"
                   : g->proc->watches[i].kind == WATCH_READ ? "rwatch" : "awatch";
    return "watch";
}

static bool is_hardware(const struct gdb_process *p, gaddr pc)
{
    for (unsigned i = 0; i < p->nbreaks; i++)
        if (p->breaks[i] == pc)
            return !(p->break_kind[i] & 1);
    return false;
}

static void put_event(struct gdb_text *t, const struct gdb_thread *g)
{
    char path[4096], proc[64];
    unsigned event = event_of(g->b);
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
        unsigned child = (unsigned)g->b->message;
        gdb_put(t, "%s:p%x.%x;", event == PTRACE_EVENT_FORK ? "fork" : "vfork", child, child);
    } else if (event == PTRACE_EVENT_VFORK_DONE) {
        gdb_put(t, "vforkdone:;");
    } else if (event == PTRACE_EVENT_EXEC) {
        snprintf(proc, sizeof proc, "/proc/%d/exe", g->proc->pid);
        int n = tracer_read_exe(proc, path, sizeof path);
        gdb_put(t, "exec:");
        gdb_put_hex(t, path, n > 0 ? (size_t)n : 0);
        gdb_put(t, ";");
    }
}

/* ebp, esp and eip spare gdb a question. */
static void put_frame(struct gdb_text *t, struct gdb_thread *g)
{
    static const unsigned regs[] = {5, 4, 8};
    for (size_t i = 0; i < ARRAY_SIZE(regs); i++) {
        gdb_put(t, "%02x:", regs[i]);
        gdb_get_reg(g, regs[i], t);
        gdb_put(t, ";");
    }
}

static void report_thread(struct gdb_text *t, struct gdb_thread *g)
{
    const struct trace_block *b = g->b;
    int sig = g->interrupted ? SIGINT : b->kind == TRACE_SIGNAL ? (int)b->code : SIGTRAP;
    if (b->kind == TRACE_GROUP && !g->interrupted) /* or stopped for another's sake */
        sig = (b->code & 0xff) == SIGTRAP ? 0 : (int)(b->code & 0xff);
    if (g->halted)
        sig = 0;
    gdb_put(t, "T%02x", sig ? (unsigned)gdb_signal_to(sig) : 0);
    put_event(t, g);
    if (g->halted)
        ;
    else if (b->kind == TRACE_CALL_ENTRY || b->kind == TRACE_CALL_EXIT) {
        uint32_t core[REGI_COUNT] = {0};
        if (tracer_ask(g->b, TRACE_GET_REGS, 0, 0) >= 0)
            memcpy(core, b->buf, sizeof core);
        gdb_put(t, "%s:%x;", b->kind == TRACE_CALL_ENTRY ? "syscall_entry" : "syscall_return",
                core[REGI_ORIG_EAX]);
    }
    if (b->kind == TRACE_SIGNAL && b->reason == TRACE_AT_WATCHPOINT)
        gdb_put(t, "%s:%x;", watch_name(g), b->watched);
    if (b->kind == TRACE_SIGNAL && b->reason == TRACE_AT_BREAKPOINT)
        gdb_put(t, "%s:;", is_hardware(g->proc, gdb_pc(g)) ? "hwbreak" : "swbreak");
    gdb_put(t, "thread:");
    gdb_put_thread(t, g);
    gdb_put(t, ";");
    put_frame(t, g);
}

static void report_end(struct gdb_text *t, struct gdb_process *p)
{
    bool killed = p->status & 0x7f;
    gdb_put(t, "%c%02x", killed ? 'X' : 'W',
            killed ? (unsigned)gdb_signal_to(p->status & 0x7f) : (unsigned)p->status >> 8);
    if (gdb.multiprocess)
        gdb_put(t, ";process:%x", (unsigned)p->pid);
    process_remove(p);
}

void gdb_report_current(struct gdb_text *t)
{
    if (!gdb.current || !gdb.current->stopped)
        gdb.current = gdb_find_thread(0, 0);
    if (gdb.current)
        report_thread(t, gdb.current);
    else
        gdb_put(t, "W00");
}

static bool report_event(struct gdb_text *t)
{
    for (struct gdb_thread *g = gdb.threads; g; g = g->next) {
        if (!g->event || !g->stopped || !g->resumed)
            continue;
        if (!gdb.non_stop)
            gdb.current = g;
        for (struct gdb_process *p = gdb.processes; p; p = p->next)
            if (p->parent == g->proc->pid) /* gdb learns of it now */
                p->parent = 0;
        report_thread(t, g);
        g->event = g->interrupted = g->stop_wanted = g->halted = false;
        g->resumed &= !gdb.non_stop;
        return true;
    }
    for (struct gdb_process *p = gdb.processes; p; p = p->next)
        if (p->ended) {
            report_end(t, p);
            return true;
        }
    return false;
}

void gdb_report(struct gdb_text *t)
{
    gdb_stop_all();
    if (!report_event(t))
        gdb_put(t, gdb.no_resumed ? "N" : "W00");
}

bool gdb_report_next(struct gdb_text *t)
{
    collect();
    return report_event(t);
}

void gdb_report_again(void)
{
    for (struct gdb_thread *g = gdb.threads; g; g = g->next)
        if (g->stopped && !g->proc->parent)
            g->event = g->resumed = true;
}

/* ---- beginning and end ---- */

void gdb_after_fork(void)
{
    lock_task_begins();
    tracer_forked();
    sigaction(SIGINT, &int_before, NULL);
    sigaction(SIGQUIT, &quit_before, NULL);
    signal(SIGTRAP, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

static uint32_t options(const struct gdb_process *p)
{
    return (p->attached ? 0 : PTRACE_O_EXITKILL) | PTRACE_O_TRACECLONE | PTRACE_O_TRACESYSGOOD |
           (gdb.fork_events ? PTRACE_O_TRACEFORK : 0) |
           (gdb.vfork_events ? PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE : 0) | PTRACE_O_TRACEEXEC;
}

void gdb_set_options(void)
{
    for (struct gdb_thread *g = gdb.threads; g; g = g->next)
        g->b->options = options(g->proc);
}

int gdb_start(char **argv)
{
    int fd;
    struct trace_block *b = trace_block_new(&fd);
    if (!b)
        log_die(126, "no memory for the program");
    b->tracer_pid = b->tracer_tid = getpid();
    gdb.argv = argv;
    int pid = fork();
    if (pid < 0)
        log_die(126, "fork: %s", strerror(errno));
    if (!pid) {
        opt.trace_fd = (uint32_t)fd;
        return 0;
    }
    b->pid = b->tid = pid;
    close(fd);
    tracer_adopt(b, getpid());
    struct gdb_process *p = process_add(pid);
    synchronize();
    if (!gdb.first_pid)
        gdb.first_pid = pid;
    struct gdb_thread *g = gdb_find_thread(pid, pid);
    while (!p->ended && !g->stopped) {
        collect();
        if (!p->ended && !g->stopped)
            gdb_wait(NULL, 1000);
    }
    if (p->ended) {
        process_remove(p);
        return -1;
    }
    g->b->seized = 1;
    g->b->options = options(p);
    g->event = false;
    gdb.current = g;
    return pid;
}

/* The threads of which `known` tells that are not traced yet: how many there were. */
static int attach_others(struct gdb_process *p, const struct gdb_thread *known)
{
    int tids[TRACE_DATA / sizeof(int)], n, all = 0;
    for (uint32_t skip = 0; (n = (int)tracer_ask(known->b, TRACE_GET_THREADS, skip, 0)) > 0; skip += (uint32_t)n) {
        memcpy(tids, known->b->buf, (size_t)n * sizeof tids[0]);
        for (int i = 0; i < n; i++)
            if (!find_tracee(tids[i]) && !tracer_attach(gdb.self, tids[i], options(p)))
                all++;
    }
    return all;
}

/* Unlike children of traced programs they were not told to. */
static void stop_attached(struct gdb_process *p)
{
    synchronize();
    for (struct gdb_thread *g = gdb.threads; g; g = g->next)
        if (g->proc == p && !g->stopped)
            g->asked = false;
    stop_threads(p);
}

int gdb_attach(int pid)
{
    for (const struct gdb_process *o = gdb.processes; o; o = o->next)
        if (o->pid == pid)
            return -EPERM;
    struct gdb_process *p = process_add(pid);
    p->attached = true;
    int r = tracer_attach(gdb.self, pid, options(p));
    if (r) {
        process_remove(p);
        return r;
    }
    const struct gdb_thread *known;
    do { /* until no new ones have come meanwhile */
        stop_attached(p);
        known = best_stopped(p);
    } while (known && attach_others(p, known));
    if (!known) { /* it has ended, or does not stop */
        gdb_detach(p);
        return -ESRCH;
    }
    for (struct gdb_thread *g = gdb.threads; g; g = g->next)
        if (g->proc == p)
            g->event = g->resumed = gdb.non_stop;
    gdb.current = gdb_find_thread(pid, 0);
    return 0;
}

void gdb_detach(struct gdb_process *p)
{
    p->nbreaks = p->nwatches = 0;
    stop_threads(p);
    for (struct gdb_thread *g = gdb.threads; g; g = g->next) {
        if (g->proc != p)
            continue;
        if (g->stopped) {
            send_breaks(p, g);
            tracer_ask(g->b, TRACE_DETACH, TRACE_CONT, (uint32_t)g->quiet_sig);
        } else { /* waits for its child */
            g->b->options &= ~(uint32_t)PTRACE_O_EXITKILL;
            __atomic_or_fetch(&g->b->want, (uint32_t)TRACE_WANT_DETACH, __ATOMIC_ACQ_REL);
            trace_send(g->b->pid, g->b->tid, TRACE_LOOK, 0);
        }
    }
    drop_tracees(p->pid, 0);
    process_remove(p);
}

void gdb_kill(struct gdb_process *p)
{
    int status, pid = p->pid;
    kill(pid, SIGKILL);
    if (waitpid(pid, &status, __WALL) == pid && pid == gdb.first_pid)
        gdb.exit_status = status;
    drop_tracees(pid, 0);
    process_remove(p);
}
