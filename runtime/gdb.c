/* The requests of gdb's remote serial protocol, and the loop that answers them. */
#include "runtime/gdb.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "core/options.h"

enum { ACTIONS_MAX = 64, FD_MIN = 1010, LOOK_MS = 200 };
enum after { STAY, LEAVE, RUN }; /* what follows from a request: gdb ends, a new program is to run */

static LARGE_BSS struct gdb_conn conn; /* gdb_serve() initializes it */
static LARGE_BSS struct gdb_text reply;
static int listener = -1;
static bool telling;     /* non-stop: gdb has been told of a stop and not asked for the next yet */
static bool exit_wanted; /* when gdb leaves */
static char *socket_path;

static void ok(void) { gdb_put(&reply, "OK"); }
static void error(int e) { gdb_put(&reply, "E%02x", e & 0xff); }

/* What `s` is behind the word, NULL if it does not begin with it. */
static const char *after_word(const char *s, const char *word)
{
    size_t n = strlen(word);
    return strncmp(s, word, n) ? NULL : s + n;
}

/* "pPID.TID", "TID", "-1" or "0" for any: both -1 or 0 if they are. */
static bool thread_id(const char **s, int *pid, int *tid)
{
    uint64_t v;
    *pid = *tid = 0;
    if (gdb_skip(s, 'p')) {
        if (gdb_skip(s, '-')) {
            *pid = -1;
            return gdb_skip(s, '1');
        }
        if (!gdb_number(s, &v))
            return false;
        *pid = (int)v;
        if (!gdb_skip(s, '.')) {
            *tid = -1;
            return true;
        }
    }
    if (gdb_skip(s, '-')) {
        *tid = -1;
        return gdb_skip(s, '1');
    }
    if (!gdb_number(s, &v))
        return false;
    *tid = (int)v;
    return true;
}

/* ---- memory ---- */

static uint32_t to_page_end(gaddr a, uint64_t len)
{
    uint32_t rest = GUEST_PAGE_SIZE - (a & GUEST_PAGE_MASK);
    return len < rest ? (uint32_t)len : rest;
}

/* The current thread, or if that runs another one of its process. */
static struct trace_block *memory_block(void)
{
    const struct gdb_thread *g = gdb.current;
    if (g && !g->stopped)
        g = gdb_stopped_thread(g->proc);
    return g ? g->b : NULL;
}

/* The bytes, NULL: there are none. */
static const uint8_t *peek(gaddr a, uint32_t n)
{
    struct trace_block *b = memory_block();
    return b && tracer_ask(b, TRACE_PEEK, a, n) >= 0 ? b->buf : NULL;
}

/* As much as there is from `addr` on. */
static void read_memory(const char *s)
{
    uint64_t addr, len;
    if (!gdb_number(&s, &addr) || !gdb_skip(&s, ',') || !gdb_number(&s, &len)) {
        error(1);
        return;
    }
    if (len > GDB_PACKET / 2)
        len = GDB_PACKET / 2;
    while (len) {
        uint32_t n = to_page_end((gaddr)addr, len);
        const uint8_t *bytes = addr >> 32 ? NULL : peek((gaddr)addr, n);
        if (!bytes)
            break;
        gdb_put_hex(&reply, bytes, n);
        addr += n;
        len -= n;
    }
    if (!reply.n && len)
        error(14);
}

static bool write_bytes(uint64_t addr, const uint8_t *p, size_t len)
{
    struct trace_block *b = memory_block();
    while (len) {
        uint32_t n = to_page_end((gaddr)addr, len);
        if (addr >> 32 || !b)
            return false;
        memcpy(b->buf, p, n);
        if (tracer_ask(b, TRACE_POKE, (gaddr)addr, n) < 0)
            return false;
        addr += n;
        p += n;
        len -= n;
    }
    return true;
}

/* M has hexadecimal data, X binary. */
static void write_memory(const char *s, size_t n, bool hex)
{
    static LARGE_BSS uint8_t data[GDB_PACKET];
    const char *start = s;
    uint64_t addr, len;
    bool good = gdb_number(&s, &addr) && gdb_skip(&s, ',') && gdb_number(&s, &len) && gdb_skip(&s, ':');
    size_t rest = good ? n - (size_t)(s - start) : 0;
    if (!good || len > sizeof data || (hex ? gdb_unhex(s, data, len) : rest) != len) {
        error(1);
        return;
    }
    if (!hex)
        memcpy(data, s, len);
    if (write_bytes(addr, data, len))
        ok();
    else
        error(14);
}

/* ---- breakpoints ---- */

static void set_break(struct gdb_process *p, gaddr at, uint8_t kind, bool insert)
{
    unsigned i = 0;
    while (i < p->nbreaks && p->breaks[i] != at)
        i++;
    if (i == BREAKS_MAX || (insert && i == p->nbreaks && !peek(at, 1))) {
        error(14);
        return;
    }
    if (i == p->nbreaks && insert) {
        p->breaks[i] = at;
        p->break_kind[i] = 0;
        p->nbreaks++;
    }
    if (i < p->nbreaks) {
        p->break_kind[i] = (uint8_t)(insert ? p->break_kind[i] | kind : p->break_kind[i] & ~kind);
        if (!p->break_kind[i]) {
            p->nbreaks--;
            p->breaks[i] = p->breaks[p->nbreaks];
            p->break_kind[i] = p->break_kind[p->nbreaks];
        }
    }
    p->dirty = true;
    ok();
}

static void set_watch(struct gdb_process *p, struct watch w, bool insert)
{
    unsigned i = 0;
    while (i < p->nwatches && memcmp(&p->watches[i], &w, sizeof w))
        i++;
    if (insert && i == WATCHES_MAX) {
        error(28);
        return;
    }
    if (insert && i == p->nwatches)
        p->watches[p->nwatches++] = w;
    else if (!insert && i < p->nwatches)
        p->watches[i] = p->watches[--p->nwatches];
    p->dirty = true;
    ok();
}

/* Ztype,addr,kind and z. */
static void breakpoint(const char *s, bool insert)
{
    uint64_t type, addr, kind;
    if (!gdb_number(&s, &type) || !gdb_skip(&s, ',') || !gdb_number(&s, &addr) ||
        !gdb_skip(&s, ',') || !gdb_number(&s, &kind) || !gdb.current || addr >> 32) {
        error(1);
        return;
    }
    struct gdb_process *p = gdb.current->proc;
    if (type <= 1)
        set_break(p, (gaddr)addr, (uint8_t)(1 << type), insert);
    else if (type <= 4 && kind && kind <= UINT32_MAX)
        set_watch(p, (struct watch){(gaddr)addr, (uint32_t)kind, (uint32_t)type}, insert);
    if (gdb.non_stop && p->dirty) /* some may run already */
        gdb_settle_breaks(p);
}

/* ---- going on ---- */

static bool parse_action(const char **s, struct gdb_action *a)
{
    uint64_t v = 0, w = 0;
    char what = **s;
    *a = (struct gdb_action){.pid = -1, .tid = -1};
    if (!what || !strchr("cCsSrt", what))
        return false;
    ++*s;
    a->what = what == 'C' ? 'c' : what == 'S' ? 's' : what;
    if (what == 'C' || what == 'S') {
        if (!gdb_number(s, &v))
            return false;
        a->sig = gdb_signal_from((unsigned)v);
    } else if (what == 'r') {
        if (!gdb_number(s, &v) || !gdb_skip(s, ',') || !gdb_number(s, &w))
            return false;
        a->start = (uint32_t)v;
        a->end = (uint32_t)w;
    }
    return !gdb_skip(s, ':') || thread_id(s, &a->pid, &a->tid);
}

static void vcont(const char *s)
{
    struct gdb_action a[ACTIONS_MAX];
    unsigned n = 0;
    while (gdb_skip(&s, ';') && n < ACTIONS_MAX) {
        if (!parse_action(&s, &a[n++])) {
            error(1);
            return;
        }
    }
    if (!n || *s) {
        error(1);
        return;
    }
    gdb_resume(a, n);
    if (gdb.non_stop)
        ok();
}

/* c, s, C and S of clients without vCont: others stand still if one was chosen by Hc, which gdb does to
 * step. */
static void old_resume(const char *s)
{
    struct gdb_action a;
    if (!gdb.current || gdb.non_stop || !parse_action(&s, &a)) {
        error(1);
        return;
    }
    if (a.what == 's' || a.sig) {
        a.pid = gdb.current->proc->pid;
        a.tid = gdb.current->tid;
    }
    gdb_resume(&a, 1);
}

/* ---- processes ---- */

static void kill_all(void)
{
    while (gdb.processes)
        gdb_kill(gdb.processes);
}

static void leave_all(void)
{
    while (gdb.processes)
        gdb_detach(gdb.processes);
}

static void kill_one(const char *s)
{
    uint64_t pid;
    struct gdb_process *p = gdb_number(&s, &pid) && pid ? gdb_find_process((int)pid) : NULL;
    if (p) {
        gdb_kill(p);
        ok();
    } else {
        error(3);
    }
}

static enum after detach(const char *s)
{
    uint64_t pid;
    if (!gdb_skip(&s, ';')) {
        leave_all();
        ok();
    } else {
        struct gdb_process *p = gdb_number(&s, &pid) && pid ? gdb_find_process((int)pid) : NULL;
        if (!p) {
            error(3);
            return STAY;
        }
        gdb_detach(p);
        ok();
    }
    return gdb.processes || gdb.extended ? STAY : LEAVE;
}

/* vRun;FILE;ARGUMENT... Without a file the one that ran last. */
static enum after run(const char *s)
{
    enum { ARGS_MAX = 512 };
    uint8_t text[GDB_PACKET];
    char **argv = xcalloc(ARGS_MAX + 1, sizeof *argv);
    for (int n = 0; *s == ';' && n < ARGS_MAX; n++) {
        size_t k = gdb_unhex(++s, text, sizeof text - 1);
        text[k] = 0;
        argv[n] = k || n ? xstrdup((char *)text) : gdb.argv[0];
        s += strcspn(s, ";");
    }
    if (!argv[0] || gdb.processes) {
        free(argv);
        error(1);
        return STAY;
    }
    gdb.argv = argv;
    return RUN;
}

/* vAttach;PID */
static void attach(const char *s)
{
    uint64_t pid;
    if (!gdb_number(&s, &pid) || !pid || pid > INT32_MAX || gdb_attach((int)pid)) {
        error(1);
        return;
    }
    if (gdb.non_stop)
        ok();
    else
        gdb_report_current(&reply);
}

/* ---- what the next program starts with ---- */

/* Hexadecimal digits as a new string. */
static char *hex_string(const char *s)
{
    char *text = xmalloc(strlen(s) / 2 + 1);
    text[gdb_unhex(s, (uint8_t *)text, strlen(s) / 2)] = 0;
    return text;
}

/* Its environment is this process's, which needs none itself any more. */
static void set_environment(const char *s)
{
    char *text = hex_string(s), *value = strchr(text, '=');
    if (value)
        *value++ = 0;
    if (setenv(text, value ? value : "", 1))
        error(errno);
    else
        ok();
    free(text);
}

static void unset_environment(const char *s)
{
    char *name = hex_string(s);
    unsetenv(name);
    free(name);
    ok();
}

static char **first_environment;
extern char **environ;

static void keep_environment(void)
{
    size_t n = 0;
    while (environ[n])
        n++;
    first_environment = xmalloc((n + 1) * sizeof *environ);
    memcpy(first_environment, environ, (n + 1) * sizeof *environ);
}

static void reset_environment(void)
{
    clearenv();
    for (char **e = first_environment; *e; e++)
        putenv(*e);
    ok();
}

static char *directory; /* of the next program; NULL: this one's */

static void set_directory(const char *s)
{
    free(directory);
    directory = *s ? hex_string(s) : NULL;
    ok();
}

/* In the child. */
static void enter_directory(void)
{
    if (directory && chdir(directory))
        log_die(127, "%s: %s", directory, strerror(errno));
}

/* ---- threads ---- */

static void choose(const char *s)
{
    int pid, tid;
    char op = *s ? *s++ : 0;
    if (!thread_id(&s, &pid, &tid)) {
        error(1);
        return;
    }
    struct gdb_thread *g = gdb_find_thread(pid, tid);
    bool stays = gdb.current && pid <= 0 && tid <= 0;
    if (!g) {
        error(3);
        return;
    }
    if (op == 'g' && !stays)
        gdb.current = g;
    ok();
}

static void is_alive(const char *s)
{
    int pid, tid;
    if (thread_id(&s, &pid, &tid) && gdb_find_thread(pid, tid))
        ok();
    else
        error(3);
}

/* PID of a client that knows several processes, else none. */
static void is_attached(const char *s)
{
    uint64_t pid;
    const struct gdb_process *p = gdb.current ? gdb.current->proc : NULL;
    if (gdb_skip(&s, ':') && gdb_number(&s, &pid))
        p = gdb_find_process((int)pid);
    gdb_put(&reply, p && p->attached ? "1" : "0");
}

static void list_threads(void)
{
    char sep = 'm';
    for (const struct gdb_thread *g = gdb.threads; g; g = g->next) {
        if (g->proc->parent)
            continue;
        gdb_put(&reply, "%c", sep);
        gdb_put_thread(&reply, g);
        sep = ',';
    }
    if (sep == 'm')
        gdb_put(&reply, "l");
}

/* ---- registers ---- */

static void one_register(const char *s, bool write)
{
    uint64_t n;
    bool good = gdb.current && gdb_number(&s, &n);
    if (write)
        good = good && gdb_skip(&s, '=') && gdb_set_reg(gdb.current, (unsigned)n, s);
    else
        good = good && gdb_get_reg(gdb.current, (unsigned)n, &reply);
    if (!good)
        error(1);
    else if (write)
        ok();
}

/* THREAD,OFFSET,LINKMAP */
static void tls_address(const char *s)
{
    int pid, tid;
    uint64_t offset, lm;
    gaddr base;
    if (thread_id(&s, &pid, &tid) && gdb_skip(&s, ',') && gdb_number(&s, &offset) &&
        gdb_skip(&s, ',') && gdb_number(&s, &lm) &&
        gdb_tls_base(gdb_find_thread(pid, tid), (gaddr)lm, &base))
        gdb_put(&reply, "%x", base + (uint32_t)offset);
    else
        error(1);
}

/* ---- settings ---- */

static void supported(const char *s)
{
    gdb.multiprocess = strstr(s, "multiprocess+");
    gdb.fork_events = gdb.multiprocess && strstr(s, ";fork-events+");
    gdb.vfork_events = gdb.multiprocess && strstr(s, "vfork-events+");
    gdb.exec_events = strstr(s, "exec-events+");
    gdb.no_resumed = strstr(s, "no-resumed+");
    gdb_set_options();
    gdb_put(&reply, "PacketSize=%x;QPassSignals+;QCatchSyscalls+;qXfer:features:read+;"
                    "qXfer:auxv:read+;qXfer:exec-file:read+;qXfer:threads:read+;"
                    "qXfer:siginfo:read+;qXfer:siginfo:write+;QStartNoAckMode+;multiprocess+;"
                    "fork-events+;vfork-events+;exec-events+;vContSupported+;swbreak+;hwbreak+;"
                    "no-resumed+;QNonStop+;QDisableRandomization+;QEnvironmentHexEncoded+;"
                    "QEnvironmentUnset+;QEnvironmentReset+;QSetWorkingDir+", GDB_PACKET);
}

static void pass_signals(const char *s)
{
    uint64_t v;
    gdb.pass = 0;
    while (gdb_number(&s, &v)) {
        int sig = gdb_signal_from((unsigned)v);
        if (sig && sig < NSIG_GUEST)
            gdb.pass |= UINT64_C(1) << sig;
        if (!gdb_skip(&s, ';'))
            break;
    }
    ok();
}

/* "0", "1" or "1;NUMBER;..." */
static void catch_calls(const char *s)
{
    struct gdb_process *p = gdb.current ? gdb.current->proc : NULL;
    uint64_t v;
    if (!p) {
        error(3);
        return;
    }
    memset(p->calls, 0, sizeof p->calls);
    p->catch_calls = *s == '0' ? 0 : s[0] && s[1] == ';' ? 1 : 2;
    for (s += *s != 0; gdb_skip(&s, ';') && gdb_number(&s, &v);)
        if (v / 8 < sizeof p->calls)
            p->calls[v / 8] |= (uint8_t)(1u << v % 8);
    ok();
}

static void set_non_stop(const char *s)
{
    if (strcmp(s, "0") && strcmp(s, "1")) {
        error(1);
        return;
    }
    gdb_set_non_stop(*s == '1');
    ok();
}

/* Nothing is at random places. */
static void disable_randomization(const char *s)
{
    if (!strcmp(s, "1"))
        ok();
    else
        gdb_put(&reply, "E.xrun does not randomize");
}

static void say(const char *text)
{
    gdb_put_hex(&reply, text, strlen(text));
}

/* gdb's command monitor, its words in hexadecimal. */
static void monitor(const char *s)
{
    char *command = hex_string(s);
    if (!strcmp(command, "help"))
        say("help      this list\n"
            "version   of xrun\n"
            "exit      ends the server when gdb leaves, whatever runs\n");
    else if (!strcmp(command, "version"))
        say("xrun " XRUN_VERSION "\n");
    else if (!strcmp(command, "exit"))
        exit_wanted = true;
    else
        say("unknown command; try: monitor help\n");
    if (!reply.n)
        ok();
    free(command);
}

static void question(const char *s, size_t n)
{
    const char *rest;
    if ((rest = after_word(s, "qSupported"))) {
        supported(rest);
    } else if ((rest = after_word(s, "qXfer:"))) {
        gdb_xfer(rest, n - 6, &reply);
    } else if (!strcmp(s, "qC")) {
        if (gdb.current) {
            gdb_put(&reply, "QC");
            gdb_put_thread(&reply, gdb.current);
        }
    } else if (!strcmp(s, "qfThreadInfo")) {
        list_threads();
    } else if (!strcmp(s, "qsThreadInfo")) {
        gdb_put(&reply, "l");
    } else if ((rest = after_word(s, "qAttached"))) {
        is_attached(rest);
    } else if ((rest = after_word(s, "qRcmd,"))) {
        monitor(rest);
    } else if ((rest = after_word(s, "qSymbol:"))) {
        gdb_symbol(rest, &reply);
    } else if ((rest = after_word(s, "qGetTLSAddr:"))) {
        tls_address(rest);
    } else if (!strcmp(s, "QStartNoAckMode")) {
        ok();
    } else if ((rest = after_word(s, "QNonStop:"))) {
        set_non_stop(rest);
    } else if ((rest = after_word(s, "QDisableRandomization:"))) {
        disable_randomization(rest);
    } else if ((rest = after_word(s, "QEnvironmentHexEncoded:"))) {
        set_environment(rest);
    } else if ((rest = after_word(s, "QEnvironmentUnset:"))) {
        unset_environment(rest);
    } else if (!strcmp(s, "QEnvironmentReset")) {
        reset_environment();
    } else if ((rest = after_word(s, "QSetWorkingDir:"))) {
        set_directory(rest);
    } else if ((rest = after_word(s, "QPassSignals:"))) {
        pass_signals(rest);
    } else if ((rest = after_word(s, "QCatchSyscalls:"))) {
        catch_calls(rest);
    }
}

/* gdb has taken in what it was told last. */
static void tell_next(void)
{
    if (!gdb_report_next(&reply)) {
        ok();
        telling = false;
    }
}

/* "?" of a client in non-stop mode: why each thread stands still, one after the other. */
static void tell_all(void)
{
    gdb_report_again();
    telling = true;
    tell_next();
}

static enum after v_request(const char *s, size_t n)
{
    const char *rest;
    if (!strcmp(s, "vCont?"))
        gdb_put(&reply, "vCont;c;C;s;S;r;t");
    else if ((rest = after_word(s, "vCont")))
        vcont(rest);
    else if ((rest = after_word(s, "vFile:")))
        gdb_file(rest, n - 6, &reply);
    else if ((rest = after_word(s, "vKill;")))
        kill_one(rest);
    else if ((rest = after_word(s, "vAttach;")))
        attach(rest);
    else if ((rest = after_word(s, "vRun")))
        return run(rest);
    else if (!strcmp(s, "vStopped"))
        tell_next();
    else if (!strcmp(s, "vCtrlC")) {
        gdb_interrupt();
        ok();
    }
    return STAY;
}

static enum after handle(const char *s, size_t n)
{
    switch (s[0]) {
    case '?':
        if (gdb.non_stop)
            tell_all();
        else
            gdb_report_current(&reply);
        break;
    case '!': gdb.extended = true; ok(); break;
    case 'c': case 'C': case 's': case 'S': old_resume(s); break;
    case 'D': return detach(s + 1);
    case 'g':
        if (!gdb_get_regs(gdb.current, &reply))
            error(1);
        break;
    case 'G':
        if (gdb.current && gdb_set_regs(gdb.current, s + 1))
            ok();
        else
            error(1);
        break;
    case 'H': choose(s + 1); break;
    case 'k':
        kill_all();
        return gdb.extended ? STAY : LEAVE;
    case 'm': read_memory(s + 1); break;
    case 'M': case 'X': write_memory(s + 1, n - 1, s[0] == 'M'); break;
    case 'p': one_register(s + 1, false); break;
    case 'P': one_register(s + 1, true); break;
    case 'R':
        kill_all();
        return RUN;
    case 'T': is_alive(s + 1); break;
    case 'v': return v_request(s, n);
    case 'z': case 'Z': breakpoint(s + 1, s[0] == 'Z'); break;
    case 'q': case 'Q': question(s, n); break;
    }
    return STAY;
}

/* ---- the connection ---- */

/* The program must not read what gdb sends. */
static void use_stdio(void)
{
    conn.in = options_fd_above(dup(0), FD_MIN);
    conn.out = options_fd_above(dup(1), FD_MIN);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0)
        log_die(126, "--gdbserver: %s", strerror(errno));
    close(null);
}

static int listen_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct stat st;
    if (strlen(path) >= sizeof a.sun_path)
        log_die(126, "--gdbserver=%s: name too long", path);
    strcpy(a.sun_path, path);
    if (!lstat(path, &st)) {
        if (!S_ISSOCK(st.st_mode))
            log_die(126, "--gdbserver=%s: is a file; a port or a socket's path goes here", path);
        unlink(path);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t mask = umask(077); /* who may connect may do what the user may */
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1))
        log_die(126, "--gdbserver=%s: %s", path, strerror(errno));
    umask(mask);
    socket_path = xstrdup(path);
    return fd;
}

/* PORT or HOST:PORT; without a host only from this machine. */
static int listen_tcp(const char *where)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof a;
    const char *colon = strrchr(where, ':'), *port = colon ? colon + 1 : where;
    char host[64] = "", *end;
    int one = 1;
    unsigned long n = strtoul(port, &end, 10);
    if (colon && (size_t)(colon - where) < sizeof host)
        memcpy(host, where, (size_t)(colon - where));
    bool good = *port >= '0' && *port <= '9' && !*end && n < 65536;
    if (good && colon && colon == where)
        a.sin_addr.s_addr = htonl(INADDR_ANY);
    else if (good && colon && strcmp(host, "localhost"))
        good = inet_pton(AF_INET, host, &a.sin_addr) == 1;
    if (!good)
        log_die(126, "--gdbserver=%s: a port, ADDRESS:PORT, a path with a slash or -", where);
    a.sin_port = htons((uint16_t)n);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 1) ||
        getsockname(fd, (struct sockaddr *)&a, &size))
        log_die(126, "--gdbserver=%s: %s", where, strerror(errno));
    log_user("listening on port %d", ntohs(a.sin_port));
    return fd;
}

static void listen_at(const char *where)
{
    if (!strcmp(where, "-")) {
        use_stdio();
        return;
    }
    listener = options_fd_above(strchr(where, '/') ? listen_unix(where) : listen_tcp(where), FD_MIN);
}

static void take_connection(void)
{
    int one = 1;
    struct gdb_conn wait = {.in = listener};
    do {
        gdb_wait(&wait, -1);
        conn.in = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    } while (conn.in < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (conn.in < 0)
        log_die(126, "--gdbserver: %s", strerror(errno));
    conn.out = conn.in = options_fd_above(conn.in, FD_MIN);
    setsockopt(conn.in, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    conn.raw_n = conn.last_n = 0;
    conn.no_ack = false;
    telling = false;
    gdb_set_non_stop(false); /* and stop: another gdb may have left it running */
}

static void close_connection(void)
{
    if (conn.in >= 0)
        close(conn.in);
    if (conn.out >= 0 && conn.out != conn.in)
        close(conn.out);
    conn.in = conn.out = -1;
    gdb_files_close();
}

/* In a child, which goes on as an xrun without a debugger. */
static void close_all(void)
{
    close_connection();
    if (listener >= 0)
        close(listener);
}

/* ---- the loop ---- */

static void send_reply(void)
{
    gdb_send(&conn, &reply);
}

static void begin_reply(void)
{
    reply.n = 0;
    reply.cut = false;
    reply.p[0] = 0;
}

static bool waits(const char *s)
{
    return s[0] && (strchr("cCsS", s[0]) || after_word(s, "vCont;"));
}

/* What gdb has asked for so far. */
static enum after answer(void)
{
    static LARGE_BSS char packet[GDB_PACKET + 1];
    size_t n;
    for (;;) {
        enum gdb_input what = gdb_next(&conn, packet, &n);
        if (what == GDB_NOTHING)
            return STAY;
        if (what == GDB_INTERRUPT) {
            if (gdb.running)
                gdb_interrupt();
            continue;
        }
        if (gdb.running) /* gdb has nothing to ask until it is told of a stop */
            continue;
        begin_reply();
        enum after next = handle(packet, n);
        if (next == RUN)
            return RUN;
        if (!(waits(packet) && gdb.running) && packet[0] != 'k')
            send_reply();
        if (!strcmp(packet, "QStartNoAckMode"))
            conn.no_ack = true;
        if (next == LEAVE)
            return LEAVE;
    }
}

static void notify(void)
{
    begin_reply();
    gdb_put(&reply, "Stop:");
    telling = gdb_report_next(&reply);
    if (telling)
        gdb_notify(&conn, &reply);
}

/* Until gdb leaves or a new program is to run. */
static enum after serve(void)
{
    for (;;) {
        bool news = gdb_collect();
        if (gdb.running && news) {
            begin_reply();
            gdb_report(&reply);
            send_reply();
        } else if (gdb.non_stop && news && !telling) {
            notify();
        }
        enum after next = answer();
        if (next != STAY)
            return next;
        if ((gdb.running || (gdb.non_stop && !telling)) && gdb_collect())
            continue;
        if (gdb_wait(&conn, gdb_any_attached() ? LOOK_MS : -1) && !gdb_receive(&conn))
            return LEAVE;
    }
}

/* Programs that gdb has left are waited for; then this process ends as the first one did. */
static _Noreturn void end(void)
{
    struct rlimit none = {0, 0};
    int status = 0;
    if (socket_path)
        unlink(socket_path);
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno != EINTR)
            break;
        if (pid == gdb.first_pid)
            gdb.exit_status = status;
    }
    int sig = gdb.exit_status & 0x7f;
    if (sig) {
        setrlimit(RLIMIT_CORE, &none);
        signal(sig, SIG_DFL);
        raise(sig);
    }
    _exit(sig ? 128 + sig : gdb.exit_status >> 8);
}

/* gdb is gone: another one may come, if it can, and if there is a program or one may be started. */
static bool may_come_back(bool without_program)
{
    if (listener >= 0 && !exit_wanted)
        return gdb.processes || without_program;
    while (gdb.processes) {
        if (gdb.processes->attached)
            gdb_detach(gdb.processes);
        else
            gdb_kill(gdb.processes);
    }
    return false;
}

static bool start(void)
{
    int pid = gdb_start(gdb.argv);
    if (!pid) {
        close_all();
        gdb_after_fork();
        enter_directory();
        return true;
    }
    return false;
}

/* The program that gdb finds. True in its process. */
static bool begin(int attach)
{
    if (attach) {
        int r = gdb_attach(attach);
        if (r)
            log_die(126, "--attach=%d: %s", attach,
                    r == -EPERM && !trace_same_program(attach) ? "not a program that xrun runs" : strerror(-r));
        return false;
    }
    if (gdb.argv[0] && start())
        return true;
    if (gdb.argv[0] && !gdb.processes) /* it could not be started */
        end();
    return false;
}

char **gdb_serve(const char *where, char **argv, int attach)
{
    bool none = !argv[0] && !attach;
    gdb.argv = argv;
    conn.in = conn.out = -1;
    gdb_run_init();
    keep_environment();
    listen_at(where);
    if (begin(attach))
        return gdb.argv;
    for (;;) {
        enum after next;
        if (conn.in < 0)
            take_connection();
        while ((next = serve()) == RUN) {
            if (start())
                return gdb.argv;
            begin_reply();
            gdb_report_current(&reply);
            send_reply();
        }
        bool gone = conn.in >= 0 && (gdb.processes || none);
        close_connection();
        if (!gone || !may_come_back(none))
            end();
    }
}
