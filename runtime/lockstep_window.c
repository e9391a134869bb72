/* Lockstep in stretches: xrun interprets some hundred instructions, keeping what it overwrites; the
 * native process runs to the same place with one breakpoint; then registers and all written lines
 * of memory must agree. If they do not, both are put back to the start, and the single steps that
 * follow find the instruction. A stretch ends where it has not been before (so that the breakpoint
 * is hit once), in tight loops where it has been least often. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "core/log.h"
#include "core/mem.h"
#include "decode/decode.h"
#include "runtime/lockstep_priv.h"

enum {
    WINDOW_MIN = 256, WINDOW_MAX = 4096, /* instructions */
    WINDOW_TINY = 3,                     /* fewer are better stepped */
    VISIT_BITS = 13,
    LINE = 64, LINE_BITS = 13, LINES_MAX = 512,
    UNDO_MAX = 16384, UNDO_BYTES = 1 << 20, STORE_MAX = 65536,
};

struct visit {
    gaddr eip;
    uint32_t serial, count;
};
struct undo {
    gaddr addr;
    uint32_t len, at; /* old bytes in window.old */
};

struct window {
    struct cpu start;
    uint64_t start_steps;
    uint32_t serial;
    struct visit visit[1 << VISIT_BITS];
    struct undo undo[UNDO_MAX];
    uint32_t nundo, nold;
    uint8_t old[UNDO_BYTES];
    gaddr line[LINES_MAX]; /* written, each once */
    uint32_t nline;
    struct { gaddr line; uint32_t serial; } seen[1 << LINE_BITS];
    uint32_t undefined; /* flags that are undefined at the end */
};

struct window *lockstep_window_new(void)
{
    return xcalloc(1, sizeof(struct window));
}

/* ---- bookkeeping ---- */

static struct visit *visit_of(struct window *w, gaddr eip)
{
    uint32_t i = (eip * 2654435761u) >> (32 - VISIT_BITS);
    struct visit *v;
    for (;; i++) {
        v = &w->visit[i & ((1 << VISIT_BITS) - 1)];
        if (v->serial != w->serial) {
            *v = (struct visit){eip, w->serial, 0};
            return v;
        }
        if (v->eip == eip)
            return v;
    }
}

/* False if there is no room. */
static bool add_line(struct window *w, gaddr line)
{
    for (uint32_t i = (line * 2654435761u) >> (32 - LINE_BITS);; i++) {
        uint32_t k = i & ((1 << LINE_BITS) - 1);
        if (w->seen[k].serial == w->serial && w->seen[k].line == line)
            return true;
        if (w->seen[k].serial == w->serial)
            continue;
        if (w->nline == LINES_MAX)
            return false;
        w->seen[k].serial = w->serial;
        w->seen[k].line = line;
        w->line[w->nline++] = line;
        return true;
    }
}

/* Keeps the bytes of a store that is about to happen. False: no room, or memory that cannot be
 * written. */
static bool keep(struct window *w, const struct store *s)
{
    if (!s->len)
        return true;
    if (s->len > STORE_MAX || w->nundo == UNDO_MAX || w->nold + s->len > UNDO_BYTES ||
        s->addr + (s->len - 1) < s->addr || !mem_check(s->addr, s->len, PROT_READ | PROT_WRITE))
        return false;
    for (gaddr a = s->addr & ~(gaddr)(LINE - 1); a <= s->addr + (s->len - 1); a += LINE) {
        if (!add_line(w, a))
            return false;
        if (a > UINT32_MAX - LINE)
            break;
    }
    memcpy(w->old + w->nold, mem_host(s->addr), s->len);
    w->undo[w->nundo++] = (struct undo){s->addr, s->len, w->nold};
    w->nold += s->len;
    return true;
}

/* Takes back the stores from number `from` on. */
static void undo(struct window *w, uint32_t from)
{
    while (w->nundo > from) {
        const struct undo *u = &w->undo[--w->nundo];
        memcpy(mem_host(u->addr), w->old + u->at, u->len);
        w->nold = u->at;
    }
}

/* ---- xrun's part ---- */

/* Does it use memory that others write to? */
static bool uses_shared(struct lockstep *ls, const struct insn *in)
{
    if (ls->mirror.any_shared && decode_op_class((enum op)in->op) == CLASS_STRING)
        return true;
    if (!ls->mirror.any_shared && !ls->rseq.len)
        return false;
    struct store s = effects_operand(&ls->t->cpu, in);
    if (!s.len)
        return false;
    if (s.addr + s.len > ls->rseq.addr && s.addr < ls->rseq.addr + ls->rseq.len)
        return true;
    const struct mirror_area *a = ls->mirror.any_shared ? mirror_find(&ls->mirror, s.addr) : NULL;
    return a && a->shared;
}

/* One instruction, if it is of the kind that a stretch may hold. */
static bool advance(struct lockstep *ls)
{
    struct window *w = ls->window;
    struct cpu *cpu = &ls->t->cpu;
    const struct insn *in = lockstep_fetch(ls);
    struct store s[EFFECTS_STORES_MAX];
    uint32_t nundo = w->nundo;
    if (lockstep_special(in) || uses_shared(ls, in))
        return false;
    unsigned n = effects_stores(cpu, in, s);
    for (unsigned i = 0; i < n; i++)
        if (!keep(w, &s[i])) {
            undo(w, nundo);
            return false;
        }
    ls->before = *cpu;
    ls->history[ls->steps % LOCKSTEP_HISTORY] = in->eip;
    if (lockstep_execute(ls, in)) {
        undo(w, nundo);
        *cpu = ls->before;
        return false;
    }
    ls->steps++;
    lockstep_spoil_insn(ls, in);
    uint32_t undefined = flb_to_eflags(in->fl_undef);
    w->undefined = (w->undefined & ~flb_to_eflags(in->fl_write)) | undefined;
    visit_of(w, in->eip)->count++;
    return true;
}

/* How often a place may have been passed for a stretch of n instructions to end there. */
static uint32_t passes_allowed(unsigned n)
{
    return n < WINDOW_MIN ? 0 : (n - WINDOW_MIN) / 256;
}

static unsigned interpret(struct lockstep *ls)
{
    struct window *w = ls->window;
    unsigned n = 0;
    w->start = ls->t->cpu;
    w->start_steps = ls->steps;
    w->serial++;
    w->nundo = w->nold = w->nline = 0;
    w->undefined = 0;
    while (n < WINDOW_MAX && advance(ls)) {
        n++;
        if (n >= WINDOW_MIN && visit_of(w, ls->t->cpu.eip)->count <= passes_allowed(n))
            break;
    }
    return n;
}

/* ---- the native part ---- */

/* Puts both sides back to the start. */
static void put_back(struct lockstep *ls)
{
    struct window *w = ls->window;
    struct native_event e;
    native_leave_syscall(&ls->native, &e);
    lockstep_gone(ls, &e);
    undo(w, 0);
    ls->t->cpu = w->start;
    ls->steps = w->start_steps;
    mirror_put_back(&ls->mirror);
    if (!host_native_restore(ls->native.pid, &w->start))
        lockstep_stop(ls, "its registers cannot be set");
}

/* Runs the native process to where xrun is. The breakpoint is met even before the first
 * instruction: if the stretch ends where it began, that one is stepped. */
static bool run_native(struct lockstep *ls, struct native_event *e)
{
    struct window *w = ls->window;
    gaddr to = ls->t->cpu.eip;
    uint32_t times = visit_of(w, to)->count + 1;
    if (w->start.eip == to) {
        native_step(&ls->native, 0);
        native_wait(&ls->native, e);
        if (e->kind != NATIVE_STEPPED)
            return false;
        times--;
    }
    return native_run_times(&ls->native, to, times, e);
}

static bool memory_agrees(struct lockstep *ls)
{
    struct window *w = ls->window;
    static LARGE_BSS uint8_t theirs[LINES_MAX * LINE];
    struct iovec remote[LINES_MAX], local = {theirs, (size_t)w->nline * LINE};
    lockstep_refresh_rseq(ls);
    for (uint32_t i = 0; i < w->nline; i++)
        remote[i] = (struct iovec){mem_host(w->line[i]), LINE};
    if (w->nline && process_vm_readv(ls->native.pid, &local, 1, remote, w->nline, 0) !=
                        (ssize_t)local.iov_len)
        return false;
    for (uint32_t i = 0; i < w->nline; i++)
        if (memcmp(theirs + (size_t)i * LINE, mem_host(w->line[i]), LINE))
            return false;
    return true;
}

static bool agrees(struct lockstep *ls)
{
    struct lockstep_diff d;
    int pid = ls->native.pid;
    if (!host_native_get(pid, &ls->other) || !host_native_get_fp(pid, &ls->other))
        lockstep_stop(ls, "its registers cannot be read");
    return lockstep_compare(&ls->other, &ls->t->cpu, LOCKSTEP_FLAGS & ~ls->window->undefined, true,
                            &d) &&
           memory_agrees(ls);
}

/* A signal of others, not the fault of an instruction nor our own stop of one gone astray. */
static bool is_signal(const struct native_event *e)
{
    return e->kind == NATIVE_SIGNAL && !lockstep_is_fault(e) && e->sig != SIGSTOP;
}

bool lockstep_window(struct lockstep *ls)
{
    struct native_event e;
    unsigned n = interpret(ls);
    if (n < WINDOW_TINY) {
        undo(ls->window, 0);
        ls->t->cpu = ls->window->start;
        ls->steps = ls->window->start_steps;
        ls->single_until = ls->steps + n + 1;
        return false;
    }
    if (run_native(ls, &e) && agrees(ls)) {
        if (ls->window->undefined)
            flags_set_status(&ls->t->cpu, cpu_get_eflags(&ls->other));
        return true;
    }
    lockstep_gone(ls, &e);
    put_back(ls);
    ls->single_until = ls->steps + n + 1;
    if (is_signal(&e)) { /* it may as well come here */
        ls->single_until = 0;
        lockstep_deliver(ls, &e);
    }
    return true;
}
