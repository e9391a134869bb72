/* Debug registers; rules of arch/x86/kernel/ptrace.c and hw_breakpoint.c for a 32-bit tracer. */
#include "runtime/debugreg.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/breaks.h"
#include "core/log.h"
#include "runtime/effects.h"
#include "runtime/ptrace.h"

enum { SLOTS = 4, DR6_FIXED = 0xffff0ff0, DR6_STEP = 0x4000 };
enum { TYPE_EXEC, TYPE_WRITE, TYPE_IO, TYPE_ACCESS };

static struct lock exec_lock;
static struct thread *with_exec; /* all that have had breakpoints for execution */

static const uint8_t bytes_of[] = {1, 2, 8, 4}; /* by the length's code */

uint32_t debugreg_get(const struct thread *t, unsigned n)
{
    const struct debug_regs *d = &t->debug;
    return n < SLOTS ? d->slot[n].addr : n == 6 ? d->dr6 ^ DR6_FIXED : n == 7 ? d->dr7 : 0;
}

/* ---- setting ---- */

static bool valid(const struct debug_slot *s)
{
    if (s->type == TYPE_EXEC)
        return s->len == 0;
    return s->type != TYPE_IO && !(s->addr & (bytes_of[s->len] - 1u));
}

static void settle(struct debug_regs *d)
{
    d->exec = d->data = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct debug_slot *s = &d->slot[i];
        unsigned bit = s->enabled << i;
        if (s->type == TYPE_EXEC)
            d->exec |= (uint8_t)bit;
        else
            d->data |= (uint8_t)bit;
    }
}

static unsigned put_exec(const struct debug_regs *d, gaddr *at)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        if (d->exec >> i & 1)
            at[n++] = d->slot[i].addr;
    return n;
}

/* Code is the same for all threads, of all processes in this memory: blocks end where any of them has a
 * breakpoint. */
static void share_exec(void)
{
    unsigned n = 0;
    for (const struct thread *t = with_exec; t; t = t->debug.next)
        n += SLOTS;
    gaddr *at = xmalloc((n + 1) * sizeof *at);
    n = 0;
    for (const struct thread *t = with_exec; t; t = t->debug.next)
        n += put_exec(&t->debug, at + n);
    breaks_set(BREAKS_REGISTERS, at, n, ptrace_break_changed);
    free(at);
}

/* Until its end, though it may have none any more. */
static void list(struct thread *t)
{
    lock_take(&exec_lock);
    if (!t->debug.listed) {
        t->debug.listed = true;
        t->debug.next = with_exec;
        with_exec = t;
    }
    share_exec();
    lock_release(&exec_lock);
}

void debugreg_end(struct thread *t)
{
    if (likely(!t->debug.listed))
        return;
    lock_take(&exec_lock);
    struct thread **o = &with_exec;
    while (*o && *o != t)
        o = &(*o)->debug.next;
    if (*o) /* else it was listed in the parent of a fork */
        *o = t->debug.next;
    share_exec();
    lock_release(&exec_lock);
}

static int set_address(struct debug_slot *s, gaddr addr)
{
    struct debug_slot new = s->used ? *s : (struct debug_slot){.used = true, .type = TYPE_WRITE};
    new.addr = addr;
    if (!valid(&new))
        return -EINVAL;
    *s = new;
    return 0;
}

static int set_control(struct debug_slot *s, uint32_t dr7, unsigned i)
{
    bool enabled = dr7 >> 2 * i & 3;
    struct debug_slot new = {.used = true, .enabled = enabled, .addr = s->addr,
                             .type = dr7 >> (16 + 4 * i) & 3, .len = dr7 >> (18 + 4 * i) & 3};
    if (!s->used && !enabled)
        return 0;
    if (!valid(&new))
        return -EINVAL;
    *s = new;
    return 0;
}

/* What DR7 would have to be for the slots to be as they are. */
static uint32_t control_of(const struct debug_regs *d)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        if (d->slot[i].enabled)
            v |= 2u << 2 * i | (uint32_t)(d->slot[i].len << 2 | d->slot[i].type) << (16 + 4 * i);
    return v;
}

/* If one cannot be as wanted all are what they were, but those that were not enabled. */
static int set_dr7(struct debug_regs *d, uint32_t v)
{
    uint32_t old = control_of(d);
    int r = 0;
    for (unsigned i = 0; i < SLOTS && !r; i++)
        r = set_control(&d->slot[i], v, i);
    for (unsigned i = 0; i < SLOTS && r; i++)
        set_control(&d->slot[i], old, i);
    if (!r)
        d->dr7 = v;
    return r;
}

int debugreg_set(struct thread *t, unsigned n, uint32_t v)
{
    struct debug_regs *d = &t->debug;
    bool had_exec = d->exec;
    int r = 0;
    if (n < SLOTS)
        r = set_address(&d->slot[n], v);
    else if (n == 6)
        d->dr6 = v ^ DR6_FIXED;
    else if (n == 7)
        r = set_dr7(d, v);
    else
        r = -EIO;
    settle(d);
    if (had_exec || d->exec)
        list(t);
    return r;
}

void debugreg_forget(struct thread *t)
{
    memset(t->debug.slot, 0, sizeof t->debug.slot);
    settle(&t->debug);
    t->debug.listed = false;
    with_exec = NULL;
    exec_lock = (struct lock){0};
    if (breaks_any)
        breaks_set(BREAKS_REGISTERS, NULL, 0, ptrace_break_changed);
}

/* ---- being met ---- */

unsigned debugreg_at_eip(const struct thread *t)
{
    const struct debug_regs *d = &t->debug;
    unsigned hits = 0;
    if (likely(!d->exec) || (t->cpu.eflags & EFL_RF))
        return 0;
    for (unsigned i = 0; i < SLOTS; i++)
        if ((d->exec >> i & 1) && d->slot[i].addr == t->cpu.eip)
            hits |= 1u << i;
    return hits;
}

/* Those that an access of this range meets. */
static unsigned met(const struct debug_regs *d, const struct store *s, bool write)
{
    unsigned hits = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct debug_slot *w = &d->slot[i];
        /* as distances, for both may wrap */
        bool inside = s->addr - w->addr < bytes_of[w->len] || w->addr - s->addr < s->len;
        if ((d->data >> i & 1) && (write || w->type == TYPE_ACCESS) && s->len && inside)
            hits |= 1u << i;
    }
    return hits;
}

static unsigned met_by(const struct thread *t, const struct insn *in)
{
    struct store s[EFFECTS_STORES_MAX];
    unsigned hits = 0, n = effects_stores(&t->cpu, in, s);
    for (unsigned i = 0; i < n; i++)
        hits |= met(&t->debug, &s[i], true);
    n = effects_loads(&t->cpu, in, s);
    for (unsigned i = 0; i < n; i++)
        hits |= met(&t->debug, &s[i], false);
    return hits;
}

unsigned debugreg_accessed(const struct thread *t, const struct insn *in, bool *one)
{
    unsigned hits = likely(!t->debug.data) ? 0 : met_by(t, in);
    if (!hits || !(in->flags & (INSN_REP | INSN_REPNE)))
        return hits;
    struct insn once = *in;
    once.flags &= (uint16_t)~(INSN_REP | INSN_REPNE);
    *one = true;
    return met_by(t, &once);
}

int debugreg_raise(struct thread *t, bool by_insn)
{
    struct debug_regs *d = &t->debug;
    bool stepped = !by_insn && (d->stepped || !d->hits);
    d->dr6 = d->hits | (stepped ? DR6_STEP : 0u);
    int code = by_insn ? TRAP_BRKPT : stepped ? TRAP_TRACE : TRAP_HWBKPT;
    d->hits = 0;
    d->stepped = false;
    return code;
}
