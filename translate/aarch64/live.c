/* Which flags are read behind each instruction of a region, and behind it. */
#include "translate/aarch64/live.h"

#include "core/breaks.h"
#include "core/mem.h"
#include "decode/decode.h"

/* Instructions outside the region that are looked at: in a row; for one answer. */
enum { PEEK_MAX = 8, PEEK_ALL = 24, PASSES_MAX = 16 };
struct peek {
    struct translation *tr;
    unsigned left;
};

struct a64_flow a64_flow[TRANSLATE_INSN_MAX];
bool a64_leader[TRANSLATE_INSN_MAX], a64_joined[TRANSLATE_INSN_MAX];
uint8_t a64_live_in[TRANSLATE_INSN_MAX], a64_live_out[TRANSLATE_INSN_MAX];

unsigned a64_live(const struct emit *e) { return a64_live_out[e->index]; }

bool a64_is_leader(const struct emit *e, unsigned i)
{
    (void)e;
    return a64_leader[i];
}

/* Flags that the instruction at i wants to be there: in what it reads, or a fault shows. */
static unsigned wants(const struct translation *tr, unsigned i)
{
    const struct insn *in = tr->insn[i].in;
    bool shows = tr->all_flags && translate_may_fault(in) && !translate_flags_follow(tr, i, a64_leader);
    return shows ? NEED_ALL : a64_reads(in);
}

/* What must be there before an instruction for `out` to be there behind it. */
static unsigned before(unsigned reads, unsigned kills, unsigned out)
{
    unsigned live = out & ~kills;
    if ((out & NEED_LT & ~kills) && (kills & (NEED_N | NEED_V)))
        live |= (NEED_N | NEED_V) & ~kills;
    return live | reads;
}

/* The instruction there can be relied on: the guest cannot write it, and all else that changes it
 * is told to the runtime, for the page is marked as one with code; no debugger wants to see the
 * state before it. */
static bool can_peek(gaddr eip)
{
    enum { INSN_BYTES = 15, WANTED = PAGE_MAPPED | PAGE_X | PAGE_CODE };
    unsigned first = mem_page_flags(eip), last = mem_page_flags(eip + INSN_BYTES - 1);
    return !breaks_at(eip) && (first & (WANTED | PAGE_W | PAGE_FOREIGN)) == WANTED &&
           (last & (WANTED | PAGE_W | PAGE_FOREIGN)) == WANTED;
}

/* Relies on the bytes [from, end). False: no room to say so. */
static bool look_at(struct translation *tr, gaddr from, gaddr end)
{
    struct tr_range *last = tr->looks ? &tr->looked[tr->looks - 1] : NULL;
    if (last && last->end == from && end - last->from <= GUEST_PAGE_SIZE)
        last->end = end;
    else if (tr->looks < TRANSLATE_LOOKS_MAX)
        tr->looked[tr->looks++] = (struct tr_range){from, end};
    else
        return false;
    return true;
}

/* The code there may be looked at, is an instruction, and this relies on it from now on. */
static bool next_insn(struct peek *k, gaddr eip, struct insn *in)
{
    if (!k->left || !can_peek(eip) || decode_insn(eip, k->tr->mode, in) != DECODE_OK ||
        !look_at(k->tr, eip, eip + in->len))
        return false;
    k->left--;
    return true;
}

/* What is called loads a register with its return address and returns. */
static bool is_thunk_code(struct peek *k, gaddr eip)
{
    struct insn mov, ret;
    return next_insn(k, eip, &mov) && mov.op == OP_MOV && mov.o[0].kind == OPND_GPR &&
           mov.o[0].reg != REG_ESP && next_insn(k, mov.next, &ret) && ret.op == OP_RET &&
           !ret.nopnd && translate_handles(&ret, k->tr->mode);
}

/* Flags that code outside the region may read: its first instructions tell, on each way. */
static unsigned peek(struct peek *k, gaddr eip)
{
    struct insn in;
    uint8_t reads[PEEK_MAX], kills[PEEK_MAX];
    unsigned n = 0, known = 0, live = NEED_ALL;
    while (n < PEEK_MAX && known != NEED_ALL && next_insn(k, eip, &in)) {
        bool shows = k->tr->all_flags && translate_may_fault(&in);
        reads[n] = (uint8_t)(shows ? NEED_ALL : a64_reads(&in));
        kills[n] = (uint8_t)a64_kills(&in);
        known |= reads[n] | kills[n];
        n++;
        bool end = in.flags & INSN_END, jump = in.op == OP_JMP || in.op == OP_CALL;
        if (end && (in.o[0].kind != OPND_REL || !translate_handles(&in, k->tr->mode)))
            break;
        if (end && !jump) {
            live = peek(k, in.next);
            if (live != NEED_ALL)
                live |= peek(k, in.imm);
            break;
        }
        bool back = in.op == OP_CALL && is_thunk_code(k, in.imm);
        eip = end && !back ? in.imm : in.next;
    }
    while (n-- > 0)
        live = before(reads[n], kills[n], live);
    return live;
}

static gaddr peeked_at[64]; /* answers of this region, */
static uint8_t peeked[64];  /* with this bit */
enum { PEEKED = 0x20 };
static_assert(NEED_ALL + PEEKED == (NEED_ALL ^ PEEKED) && NEED_ALL <= UINT8_MAX,
              "a byte holds both");

/* Of code outside the region. */
static unsigned live_outside(struct translation *tr, gaddr eip)
{
    unsigned h = (eip ^ eip >> 6) & 63, looks = tr->looks;
    if (peeked_at[h] != eip || !peeked[h]) {
        peeked_at[h] = eip;
        struct peek k = {tr, PEEK_ALL};
        peeked[h] = (uint8_t)(PEEKED | peek(&k, eip));
        if ((peeked[h] & NEED_ALL) == NEED_ALL)
            tr->looks = looks;
    }
    return peeked[h] & NEED_ALL;
}

/* The instruction at eip, to which i leads; -1: it is outside the region, *outside are flags it may
 * read. */
static int16_t edge(struct translation *tr, unsigned i, gaddr eip, uint8_t *outside)
{
    bool falls = i + 1 < tr->n && tr->insn[i + 1].in->eip == eip;
    int to = falls ? (int)i + 1 : translate_find(tr, eip);
    if (to < 0)
        *outside |= (uint8_t)live_outside(tr, eip);
    return (int16_t)to;
}

bool a64_is_thunk(const struct translation *tr, unsigned i)
{
    return tr->insn[i].thunk;
}

static void find_flow(struct translation *tr, unsigned i)
{
    const struct insn *in = tr->insn[i].in;
    struct a64_flow *f = &a64_flow[i];
    bool end = in->flags & INSN_END, known = in->o[0].kind == OPND_REL;
    *f = (struct a64_flow){-1, -1, -1, (uint8_t)wants(tr, i), (uint8_t)a64_kills(in), 0, 0};
    if (a64_is_thunk(tr, i)) {
        f->next = edge(tr, i, in->next, &f->outside);
        return;
    }
    bool handled = !end || translate_handles(in, tr->mode);
    if (in->op == OP_CALL)
        translate_lead(tr, in->next, a64_joined);
    if (handled && in->op == OP_CALL && !tr->all_flags) /* else all returns have made them */
        f->landing = edge(tr, i, in->next, &f->returned);
    if (!handled || (end && !known)) {
        bool can_owe = in->op == OP_RET || (in->op == OP_JMP && tr->n <= A64_SHORT);
        bool owes = handled && can_owe && !tr->all_flags && a64_find_owed(tr, i);
        f->outside = owes ? 0 : NEED_ALL;
        return;
    }
    if (!end || (in->op != OP_JMP && in->op != OP_CALL))
        f->next = edge(tr, i, in->next, &f->outside);
    if (end)
        f->target = edge(tr, i, in->imm, &f->outside);
}

static unsigned live_behind(const struct a64_flow *f)
{
    return f->outside | (f->next >= 0 ? a64_live_in[f->next] : 0u) |
           (f->target >= 0 ? a64_live_in[f->target] : 0u);
}

/* Backwards, from instruction `from` on. */
static void live_pass(unsigned from)
{
    for (unsigned i = from + 1; i-- > 0;) {
        a64_live_out[i] = (uint8_t)live_behind(&a64_flow[i]);
        a64_live_in[i] = (uint8_t)before(a64_flow[i].reads, a64_flow[i].kills, a64_live_out[i]);
    }
}

unsigned a64_live_at_landing(unsigned i)
{
    const struct a64_flow *f = &a64_flow[i];
    return f->returned | (f->landing >= 0 ? a64_live_in[f->landing] : 0u);
}

void a64_find_live(struct translation *tr)
{
    static uint16_t back[TRANSLATE_INSN_MAX]; /* instructions that lead back, in order */
    unsigned backs = 0;
    translate_find_leaders(tr, a64_leader);
    memset(a64_joined, 0, tr->n * sizeof a64_joined[0]);
    tr->looks = 0;
    memset(a64_live_in, 0, tr->n);
    memset(peeked, 0, sizeof peeked);
    memset(a64_owed, 0, tr->n * sizeof a64_owed[0]);
    for (unsigned i = 0; i < tr->n; i++) {
        find_flow(tr, i);
        struct a64_flow *f = &a64_flow[i];
        if (f->next >= 0 && f->next != (int)i + 1)
            a64_joined[f->next] = true;
        if (f->target >= 0)
            a64_joined[f->target] = true;
        if (f->landing >= 0)
            a64_joined[f->landing] = true;
        if (i + 1 < tr->n && f->next != (int)i + 1)
            a64_joined[i + 1] = true;
        if ((a64_flow[i].target >= 0 && a64_flow[i].target <= (int)i) ||
            (a64_flow[i].next >= 0 && a64_flow[i].next <= (int)i))
            back[backs++] = (uint16_t)i;
    }
    live_pass(tr->n - 1);
    for (unsigned pass = 0, k = backs; k-- > 0;) {
        if (live_behind(&a64_flow[back[k]]) == a64_live_out[back[k]])
            continue;
        if (++pass == PASSES_MAX) {
            memset(a64_live_in, NEED_ALL, tr->n);
            memset(a64_live_out, NEED_ALL, tr->n);
            return;
        }
        live_pass(back[k]);
        k = backs;
    }
}
