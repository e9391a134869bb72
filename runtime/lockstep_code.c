/* --lockstep-code: translated code against the interpreter, in one process and on every host. Each
 * time the dispatcher enters a unit, the interpreter goes first and notes what memory it writes to;
 * all that is taken back, the unit's code runs until it leaves, and is taken back, too; then the
 * interpreter executes as many instructions as the code has counted, and both results must agree.
 * Units are not led into each other meanwhile, so that each of them ends here. What the interpreter
 * did not foresee (it stops at instructions whose result is not determined, and where memory is
 * shared) is not compared. Nothing is while there are several threads. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "decode/decode.h"
#include "runtime/code.h"
#include "runtime/dump.h"
#include "runtime/lockstep_priv.h"
#include "runtime/runtime.h"
#include "translate/translate.h"

enum {
    AHEAD_MAX = 1 << 16, /* instructions interpreted ahead, */
    OUTSIDE_MAX = 8,     /* of them outside the unit */
    UNCOUNTED_MAX = 64,
    PEEK_MAX = 64,
    STORES_MAX = 1 << 16, BYTES_MAX = 4 << 20, LENGTH_MAX = 1 << 16,
};

struct kept {
    gaddr addr;
    uint32_t len, at; /* in old[] and new[] */
};

static struct lockstep ls;
static LARGE_BSS struct kept kept[STORES_MAX];
static unsigned nkept;
static uint32_t nbytes;
static LARGE_BSS uint8_t old[BYTES_MAX], new[BYTES_MAX]; /* before; as the unit's code left it */
static uint64_t compared, passed_over;

/* ---- memory ---- */

static bool is_private(const struct store *s)
{
    for (gaddr a = s->addr & ~(gaddr)GUEST_PAGE_MASK; a - s->addr < s->len || a <= s->addr;
         a += GUEST_PAGE_SIZE)
        if (mem_page_flags(a) & (PAGE_FOREIGN | PAGE_CODE))
            return false;
    return true;
}

static bool keep(const struct store *s)
{
    if (!s->len)
        return true;
    if (s->len > LENGTH_MAX || nkept == STORES_MAX || nbytes + s->len > BYTES_MAX ||
        s->addr + (s->len - 1) < s->addr || !mem_check(s->addr, s->len, PROT_READ | PROT_WRITE) ||
        !is_private(s))
        return false;
    kept[nkept++] = (struct kept){s->addr, s->len, nbytes};
    memcpy(old + nbytes, mem_host(s->addr), s->len);
    nbytes += s->len;
    return true;
}

static void put_back(unsigned from)
{
    for (unsigned i = nkept; i-- > from;)
        memcpy(mem_host(kept[i].addr), old + kept[i].at, kept[i].len);
}

static void note_code(void)
{
    for (unsigned i = 0; i < nkept; i++)
        memcpy(new + kept[i].at, mem_host(kept[i].addr), kept[i].len);
}

/* Where the two differ; NULL: nowhere. */
static const struct kept *different_memory(void)
{
    for (unsigned i = 0; i < nkept; i++)
        if (memcmp(new + kept[i].at, mem_host(kept[i].addr), kept[i].len))
            return &kept[i];
    return NULL;
}

/* ---- the interpreter ahead ---- */

static bool reads_foreign(const struct cpu *cpu, const struct insn *in)
{
    struct store s = effects_operand(cpu, in);
    if (!s.len || s.len > LENGTH_MAX)
        return s.len;
    return (mem_page_flags(s.addr) | mem_page_flags(s.addr + s.len - 1)) & PAGE_FOREIGN;
}

/* One instruction; false, and nothing done, if it is not one to be compared. */
static bool advance(void)
{
    struct cpu *cpu = &ls.t->cpu;
    const struct insn *in = lockstep_fetch(&ls);
    struct store s[EFFECTS_STORES_MAX];
    unsigned before = nkept, n;
    uint32_t before_bytes = nbytes;
    if (lockstep_special(in) || reads_foreign(cpu, in))
        return false;
    n = effects_stores(cpu, in, s);
    bool ok = true;
    for (unsigned i = 0; i < n && ok; i++)
        ok = keep(&s[i]);
    ls.before = *cpu;
    if (ok && !lockstep_execute(&ls, in))
        return true;
    *cpu = ls.before;
    put_back(before);
    nkept = before;
    nbytes = before_bytes;
    return false;
}

/* How many instructions from here on can be compared. */
static unsigned look_ahead(const struct unit *u)
{
    unsigned n = 0, outside = 0;
    nkept = nbytes = 0;
    while (n < AHEAD_MAX && outside < OUTSIDE_MAX && !ls.t->cpu.pending && advance()) {
        n++;
        outside += !unit_insn(u, ls.t->cpu.eip);
    }
    return n;
}

/* ---- both ---- */

/* Why the unit's code was left. */
enum left { LEFT, LEFT_FOR, /* an instruction that it leaves to the interpreter */ LEFT_BY_FAULT };

/* *n: how many instructions it has executed. */
static enum left run_unit(const struct insn *first, uint64_t *n)
{
    struct thread *t = ls.t;
    const struct insn *next = NULL;
    uint64_t before = t->cpu.insn_count;
    translate_reset_stack(&t->cpu);
    int why = sigsetjmp(t->trap_jb, 0);
    if (why) {
        t->running = 0;
        code_interrupted(&t->cpu);
        *n = t->cpu.insn_count - before;
        t->cpu.exit = why == JB_REDO ? EXIT_REDO : EXIT_TRAP;
        t->cpu.eip = t->cpu.cur->eip;
        return LEFT_BY_FAULT;
    }
    t->running = 1;
    __asm__ volatile("" ::: "memory");
    next = translate_enter(&t->cpu, first);
    __asm__ volatile("" ::: "memory");
    t->running = 0;
    *n = t->cpu.insn_count - before;
    if (next) { /* which is counted as if the interpreter had done with its block */
        *n += translate_counts(next) - 1;
        return LEFT_FOR;
    }
    return t->cpu.exit == EXIT_BRANCH ? LEFT : LEFT_BY_FAULT;
}

/* Executes n instructions, and some more up to where the code has left: a slow path may execute
 * several that it does not count. Returns the flags that are undefined then. */
static uint32_t interpret(uint64_t n, uint64_t max)
{
    uint32_t undefined = 0;
    if (max > n + UNCOUNTED_MAX)
        max = n + UNCOUNTED_MAX;
    for (ls.taken = 0; ls.taken < max; ls.taken++) {
        const struct insn *in = lockstep_fetch(&ls);
        if (ls.taken >= n && in->eip == ls.other.eip)
            break;
        ls.history[ls.taken % LOCKSTEP_HISTORY] = in->eip;
        ls.before = ls.t->cpu;
        if (lockstep_execute(&ls, in))
            break;
        while (ls.t->cpu.eip == in->eip && ls.t->cpu.pending) /* a signal between repetitions */
            lockstep_execute(&ls, in);
        undefined &= ~flb_to_eflags(in->fl_write);
        undefined |= flb_to_eflags(in->fl_undef);
    }
    return undefined;
}

static void show_memory(const struct kept *k)
{
    char text[2][3 * 16 + 1];
    uint32_t n = k->len < 16 ? k->len : 16;
    for (uint32_t i = 0; i < n; i++) {
        snprintf(text[0] + 3 * i, 4, " %02x", new[k->at + i]);
        snprintf(text[1] + 3 * i, 4, " %02x", ((const uint8_t *)mem_host(k->addr))[i]);
    }
    log_user("  [%08x] translated %s", k->addr, text[0]);
    log_user("  [%08x] interpreted%s", k->addr, text[1]);
}

static _Noreturn void different(const struct unit *u, const struct cpu *start,
                                const struct lockstep_diff *d, const struct kept *k)
{
    log_user("lockstep: difference in the unit entered at %08x, after %llu instructions of it "
             "(%llu entries compared)", start->eip, (unsigned long long)ls.taken,
             (unsigned long long)compared);
    for (unsigned i = LOCKSTEP_HISTORY; i-- > 0;)
        if (ls.taken > i)
            log_user("  executed %08x", ls.history[(ls.taken - 1 - i) % LOCKSTEP_HISTORY]);
    if (k)
        show_memory(k);
    lockstep_print(start, "translated", &ls.other, "interpreted", &ls.t->cpu, d);
    dump_unit_code(u, start->mode);
    exit(LOCKSTEP_DIFFERENT);
}

/* A call of what only loads a register with its return address. */
static bool is_thunk(const struct insn *call)
{
    struct insn mov, ret;
    return call->op == OP_CALL && decode_insn(call->imm, ls.t->cpu.mode, &mov) == DECODE_OK &&
           mov.op == OP_MOV && decode_insn(mov.next, ls.t->cpu.mode, &ret) == DECODE_OK &&
           ret.op == OP_RET;
}

/* Flags that the instructions from there on write before anything reads them, on each way. */
static unsigned dead_from(gaddr eip, unsigned *left)
{
    enum { ALL = FLB_CF | FLB_PF | FLB_AF | FLB_ZF | FLB_SF | FLB_OF };
    struct insn in;
    unsigned dead = 0, read = 0;
    while ((dead | read) != ALL && *left && decode_insn(eip, ls.t->cpu.mode, &in) == DECODE_OK) {
        --*left;
        read |= translate_reads(&in);
        dead |= ((in.fl_write & ~in.fl_read) | translate_overwrites(&in)) & ~read;
        bool known = in.o[0].kind == OPND_REL, jump = in.op == OP_JMP || in.op == OP_CALL;
        if ((in.flags & INSN_END) && !known)
            break;
        if ((in.flags & INSN_END) && !jump)
            return dead | (dead_from(in.next, left) & dead_from(in.imm, left) & ~read);
        eip = known && !is_thunk(&in) ? in.imm : in.next;
    }
    return dead;
}

/* Flags that are written before anything reads them: a translator may look ahead, too, and leave
 * them as they are. */
static uint32_t dead_flags(void)
{
    unsigned left = PEEK_MAX;
    return flb_to_eflags((uint8_t)dead_from(ls.t->cpu.eip, &left));
}

/* What an x87 register holds that is empty shows only in FSAVE's image; a translator need not keep
 * it. */
static void forget_empty(void)
{
    const struct x87 *f = &ls.t->cpu.fpu;
    for (int i = 0; i < 8; i++)
        if (f->empty & ls.other.fpu.empty & 1 << i)
            ls.other.fpu.st[i] = f->st[i];
}

/* The two have arrived; the interpreter's state is in the thread. */
static void compare(const struct unit *u, const struct cpu *start, uint32_t undefined)
{
    struct lockstep_diff d;
    ls.steps = ++compared;
    bool unseen = ls.spoil == SPOIL_FLAG && ((undefined | dead_flags()) & EFL_CF);
    if (ls.spoil != SPOIL_NONE && !unseen)
        lockstep_spoil(&ls, nkept ? &kept[0].addr : NULL);
    const struct kept *k = different_memory();
    if (lockstep_compare(&ls.other, &ls.t->cpu, LOCKSTEP_FLAGS & ~undefined, true, &d) && !k)
        return;
    undefined |= dead_flags();
    forget_empty();
    if (!lockstep_compare(&ls.other, &ls.t->cpu, LOCKSTEP_FLAGS & ~undefined, true, &d) || k)
        different(u, start, &d, k);
}

/* The code has faulted at the instruction that the interpreter has come to: so must that. */
static void fault(const struct unit *u, const struct cpu *start)
{
    const struct cpu_trap *a = &ls.other.trap, *b = &ls.t->cpu.trap;
    struct lockstep_diff none = {0};
    if (!lockstep_execute(&ls, lockstep_fetch(&ls)) || a->vec != b->vec || a->err != b->err ||
        (a->vec == TRAP_PF && a->addr != b->addr))
        different(u, start, &none, NULL);
}

/* Has the interpreter do the n instructions that the unit's code has done from `start` on; max:
 * what has been looked at. */
static void repeat(const struct unit *u, const struct cpu *start, uint64_t n, uint64_t max)
{
    struct cpu *cpu = &ls.t->cpu;
    ls.other = *cpu;
    note_code();
    put_back(0);
    *cpu = *start;
    uint32_t undefined = interpret(n, max);
    if (ls.other.exit == EXIT_TRAP)
        fault(u, start);
    compare(u, start, undefined);
    cpu->exit = ls.other.exit;
}

void lockstep_code_run(struct thread *t, const struct insn *first)
{
    struct cpu *cpu = &t->cpu;
    const struct unit *u = block_of(first)->unit;
    sigjmp_buf dispatcher;
    memcpy(&dispatcher, &t->trap_jb, sizeof dispatcher);
    if (!ls.code) {
        ls.code = lockstep_code_new();
        lockstep_parse_spoil(&ls, opt.lockstep_break);
    }
    ls.t = t;
    struct cpu start = *cpu;
    unsigned ahead = look_ahead(u);
    put_back(0);
    *cpu = start;
    bool signal = signal_captured(t); /* it is not in `start`: the code would not end for it */
    cpu->pending |= signal;
    uint64_t n = 0;
    enum left left = signal ? LEFT : run_unit(first, &n);
    if (left == LEFT_FOR || signal) /* else what the last system call left there */
        cpu->exit = EXIT_BRANCH;
    if (block_of(first)->unit == u && n <= ahead && !signal && !cpu->pending)
        repeat(u, &start, n, ahead);
    else
        passed_over++;
    memcpy(&t->trap_jb, &dispatcher, sizeof dispatcher);
    cpu->insn_count = start.insn_count + n;
    cpu->exit_links = NULL;
    cpu->host.exit_code = NULL;
    cpu->pending = 1; /* what came meanwhile */
}

void lockstep_code_print(void)
{
    log_user("lockstep: %llu entries of units compared, no difference (%llu passed over)",
             (unsigned long long)compared, (unsigned long long)passed_over);
}
