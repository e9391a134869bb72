/* The gdb server (--gdbserver): a process of its own, the program's parent, that speaks gdb's remote serial
 * protocol and traces the program as a tracer among xruns does (syscalls/trace.h). It never runs guest code.
 * gdb.c has the requests, gdbpacket.c the framing, gdbrun.c who runs and why it stopped, gdbregs.c the
 * registers, gdbxfer.c objects and files, gdbtls.c thread-local variables. One thread; nothing here is called by others but gdb_serve. */
#ifndef XRUN_RUNTIME_GDB_H
#define XRUN_RUNTIME_GDB_H

#include "core/breaks.h"
#include "syscalls/trace.h"

/* Serves gdb at `where` (PORT, HOST:PORT, a path or "-"). The program is argv, that of process `attach` if that
 * is not 0, or none until gdb says which. Returns in each child that is to run a program: its arguments. Ends the process
 * as the program ended; without one, never but by gdb's wish. */
char **gdb_serve(const char *where, char **argv, int attach);

/* ---- gdbpacket.c ---- */

enum { GDB_PACKET = 16384 }; /* bytes of a packet's contents */

struct gdb_text { /* a reply being made; what does not fit is cut off and noted */
    char p[GDB_PACKET + 1];
    size_t n;
    bool cut;
};

struct gdb_conn {
    int in, out;             /* -1: nobody there */
    bool no_ack;
    size_t n, raw_n;
    char raw[2 * GDB_PACKET + 8]; /* received and not looked at yet */
    char last[2 * GDB_PACKET + 8];
    size_t last_n;           /* the reply sent last */
};

enum gdb_input { GDB_NOTHING, GDB_A_PACKET, GDB_INTERRUPT };

void gdb_put(struct gdb_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gdb_put_hex(struct gdb_text *t, const void *bytes, size_t n);
/* Binary; how much of it fits when escaped is returned. */
size_t gdb_put_binary(struct gdb_text *t, const uint8_t *bytes, size_t n);
/* The hexadecimal number at *s, which is moved behind it; false: there is none. */
bool gdb_number(const char **s, uint64_t *v);
/* Moves *s behind character `c`; false: something else is there. */
bool gdb_skip(const char **s, char c);
/* Pairs of hexadecimal digits, `max` bytes at most: how many bytes. */
size_t gdb_unhex(const char *s, uint8_t *out, size_t max);

/* What there is in what was received: a packet's contents, terminated, escapes undone, to `packet`
 * (GDB_PACKET + 1 bytes), its length to *n. */
enum gdb_input gdb_next(struct gdb_conn *c, char *packet, size_t *n);
/* Reads what has come; false: the other side is gone, or is no gdb. */
bool gdb_receive(struct gdb_conn *c);
void gdb_send(struct gdb_conn *c, const struct gdb_text *t);
/* What gdb has not asked for. */
void gdb_notify(struct gdb_conn *c, const struct gdb_text *t);

/* ---- gdbrun.c ---- */

enum { GDB_TLS_SYMBOLS = 2 };

struct gdb_process {
    struct gdb_process *next;
    int pid;
    int parent;              /* forked by it (-1: not known yet) and gdb has not been told; -2: gdb will never
                              * be; else 0 */
    bool attached;           /* not started here: it goes on when the server ends */
    bool ended;              /* and gdb has not been told */
    int status;              /* of wait(2) */
    gaddr breaks[BREAKS_MAX];
    uint8_t break_kind[BREAKS_MAX]; /* bits: 1 software, 2 hardware */
    unsigned nbreaks, nwatches;
    struct watch watches[WATCHES_MAX];
    bool dirty;              /* the process does not have them yet */
    uint8_t catch_calls;     /* 1: those of `calls`, 2: all */
    uint8_t calls[64];
    gaddr tls_symbols[GDB_TLS_SYMBOLS]; /* what gdb has found of those that gdbtls.c asks for; 0: nothing */
};

struct gdb_thread {
    struct gdb_thread *next;
    struct gdb_process *proc;
    struct trace_block *b;
    int tid;
    bool stopped;
    bool event;              /* stopped by what gdb has not been told */
    bool interrupted;        /* by gdb's wish */
    bool asked;              /* was told to stop */
    bool stop_wanted;        /* by gdb, of this thread alone (vCont;t) */
    bool halted;             /* so, and it stood still already for what gdb need not know */
    bool resumed;            /* gdb wants it to run, */
    bool step;               /* instruction by instruction */
    uint32_t range_start, range_end; /* and on in this range */
    bool in_vfork;           /* it waits for its child */
    int sent;                /* a signal on its way that gdb wants it to have; 0: none */
    int quiet_sig;           /* it is about to get it, which gdb need not know */
};

struct gdb_server {
    struct thread *self;
    struct gdb_process *processes;
    struct gdb_thread *threads;
    struct gdb_thread *current; /* NULL: none */
    bool running;            /* gdb waits for something to happen */
    bool interrupt;          /* gdb asked for it */
    bool non_stop;           /* each thread stops and goes on by itself; never `running` then */
    uint64_t pass;           /* signals that gdb need not be told of */
    bool multiprocess, extended, fork_events, vfork_events, exec_events, no_resumed;
    int first_pid, exit_status; /* the first program started here ended so */
    char **argv;             /* of the program started last */
};
extern struct gdb_server gdb;

struct gdb_action {
    int pid, tid;            /* -1: all */
    char what;               /* c, s, r, t */
    int sig;
    uint32_t start, end;
};

void gdb_run_init(void);
/* A new child that is to run argv, stopped before its first instruction. 0 in the child; its pid; -1: it has
 * ended already. */
int gdb_start(char **argv);
/* Takes a running process over and stops it. 0 or -errno. */
int gdb_attach(int pid);
void gdb_after_fork(void);
/* gdb has told what it understands. */
void gdb_set_options(void);
/* Takes note of what has happened; true if there is something to report. */
bool gdb_collect(void);
void gdb_stop_all(void);
/* Stops everything and tells why. */
void gdb_report(struct gdb_text *t);
/* Why the current thread stopped, again. */
void gdb_report_current(struct gdb_text *t);
/* Non-stop: why one more thread stopped, or that a process ended; false: gdb knows all. */
bool gdb_report_next(struct gdb_text *t);
/* Non-stop: all threads that stand still are to be told of once more. */
void gdb_report_again(void);
void gdb_set_non_stop(bool on);
/* A stopped thread of the process, which is stopped for that if need be; NULL: it cannot be. */
struct gdb_thread *gdb_stopped_thread(struct gdb_process *p);
/* Tells the process of its breakpoints at once. */
void gdb_settle_breaks(struct gdb_process *p);
/* Lets threads go on; the first action that fits a thread is its. */
void gdb_resume(const struct gdb_action *a, unsigned n);
void gdb_interrupt(void);
void gdb_detach(struct gdb_process *p);
void gdb_kill(struct gdb_process *p);
bool gdb_any_attached(void);
struct gdb_process *gdb_find_process(int pid);
struct gdb_thread *gdb_find_thread(int pid, int tid); /* 0, -1: any */
/* Waits for a token or the end of a child, or for input of `c` (may be NULL); in milliseconds, -1: for
 * ever. True if there is input. */
bool gdb_wait(const struct gdb_conn *c, int ms);
void gdb_put_thread(struct gdb_text *t, const struct gdb_thread *g);
int gdb_signal_to(int host);   /* gdb's number of a signal */
int gdb_signal_from(unsigned gdbs); /* 0: none */

/* ---- gdbregs.c ---- */
void gdb_target_xml(struct gdb_text *t);
/* All registers or one; false: they cannot be had. */
bool gdb_get_regs(struct gdb_thread *g, struct gdb_text *t);
bool gdb_get_reg(struct gdb_thread *g, unsigned n, struct gdb_text *t);
bool gdb_set_regs(struct gdb_thread *g, const char *hex);
bool gdb_set_reg(struct gdb_thread *g, unsigned n, const char *hex);
uint32_t gdb_pc(struct gdb_thread *g);

/* ---- gdbxfer.c ---- */
/* qXfer:OBJECT:..., what follows the first colon. */
void gdb_xfer(const char *s, size_t n, struct gdb_text *t);
/* vFile:OPERATION:... */
void gdb_file(const char *s, size_t n, struct gdb_text *t);
void gdb_files_close(void);

/* ---- gdbtls.c ---- */
/* qSymbol:, what follows: gdb offers to look symbols up, or has done so. */
void gdb_symbol(const char *s, struct gdb_text *t);
/* Where the thread has the thread-local variables of the module with this link map. */
bool gdb_tls_base(struct gdb_thread *g, gaddr lm, gaddr *base);

#endif
