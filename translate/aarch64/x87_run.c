/* Runs of x87 instructions (x87_emit.h): their begin and end, ST(0) in T, ways to the interpreter, what is
 * executed rarely. */
#include "decode/decode.h"
#include "translate/aarch64/x87_emit.h"

enum { PUSHED_MAX = 7 };

static struct x87_cold colds[TRANSLATE_INSN_MAX * 2];
static unsigned ncolds, first_cold; /* of the run */

struct x87_cold *x87_cold(struct emit *e, uint8_t *at, enum x87_cold_kind kind)
{
    struct x87_cold *c = &colds[ncolds++];
    *c = (struct x87_cold){.at = (uint32_t)(at - e->tr->code), .back = emit_off(e), .index = (uint16_t)e->index,
                       .kind = (uint8_t)kind, .form = e->form, .state = e->x87};
    return c;
}

/* ---- T and the slots ---- */

int x87_at(const struct emit *e, unsigned i)
{
    return 16 * ((int)i - e->x87.pushed);
}

void x87_get_pair(struct emit *e, unsigned sig, unsigned i)
{
    a64_must(a64_ldst_pair(e, A64_LDP_X, sig, sig + 1, P, x87_at(e, i), A64_PAIR));
}

void x87_put_pair(struct emit *e, unsigned sig, unsigned i)
{
    a64_must(a64_ldst_pair(e, A64_STP_X, sig, sig + 1, P, x87_at(e, i), A64_PAIR));
}

void x87_want_t(struct emit *e)
{
    if (!e->x87.cached)
        x87_get_pair(e, T, 0);
    e->x87.cached = true;
}

void x87_flush_t(struct emit *e)
{
    if (e->x87.dirty)
        x87_put_pair(e, T, 0);
    e->x87.dirty = false;
}

void x87_drop_t(struct emit *e)
{
    x87_flush_t(e);
    e->x87.cached = false;
}

void x87_t_is_new(struct emit *e)
{
    e->x87.cached = e->x87.dirty = true;
}

void x87_pop(struct emit *e)
{
    x87_drop_t(e); /* FNSAVE shows empty registers, too */
    e->x87.pushed--;
}

static void add_to_p(struct emit *e, int bytes)
{
    if (bytes > 0)
        a64_must(a64_add_imm(e, A64_X, P, P, (unsigned)bytes));
    else if (bytes < 0)
        a64_must(a64_sub_imm(e, A64_X, P, P, (unsigned)-bytes));
}

static void check_cw(struct emit *e, enum x87_cold_kind kind)
{
    a64_cpu_load(e, A64_LDRH, A64_TMP0, FPU(cw));
    a64_const(e, A64_TMP1, a64_x87_double() ? 0xc3f : 0xe3f);
    a64_and(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1);
    a64_must(a64_sub_imm(e, A64_W, A64_TMP0, A64_TMP0, a64_x87_double() ? 0x3f : 0x23f));
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_TMP0, 0));
    x87_cold(e, at, kind);
}

static void settle_registers(struct emit *e)
{
    if (a64_x87_double())
        x87_double_flush(e);
    else
        x87_drop_t(e);
    if (e->x87.c1_zero && !a64_x87_double())
        a64_mov(e, A64_X, LOST, A64_ZR);
    add_to_p(e, x87_at(e, 0));
    e->x87.pushed = 0;
    e->x87.c1_zero = false;
}

/* For the last instruction pointers: as the interpreter's note() keeps them. */
static void store_note(struct emit *e)
{
    const struct insn *in = e->x87.noted[0], *mem = e->x87.noted[1];
    if (!in || a64_x87_double())
        return;
    uint64_t fop = (in->opcode & 7u) << 8 | in->modrm, note = in->eip | fop << 32;
    if (mem)
        note |= UINT64_C(1) << A64_X87_NOTE_MEM | (uint64_t)mem->seg << (A64_X87_NOTE_MEM + 1);
    a64_const64(e, A64_TMP0, note);
    a64_cpu_store(e, A64_STR_X, A64_TMP0, offsetof(struct cpu, host.x87_image) + 8);
}

void x87_note_address(struct emit *e, const struct insn *in, const struct a64_mem *m)
{
    unsigned base = m->base;
    if (e->index != e->x87.last_mem || a64_x87_double())
        return;
    if (m->disp) {
        a64_add_disp(e, A64_TARGET, base, (uint32_t)m->disp);
        base = A64_TARGET;
    }
    if (in->seg == SEG_GS) {
        a64_cpu_load(e, A64_LDR_W, A64_STUB, offsetof(struct cpu, seg_base) + 4 * SEG_GS);
        a64_sub(e, A64_W, A64_TARGET, base, A64_STUB);
        base = A64_TARGET;
    }
    a64_cpu_store(e, A64_STR_W, base, FPU(fdp));
}

void a64_x87_settle(struct emit *e, unsigned last)
{
    if (e->x87.mmx) {
        x87_mmx_note(e);
        e->x87 = (struct a64_x87_state){0};
    }
    if (!e->x87.on)
        return;
    settle_registers(e);
    store_note(e);
    if (e->x87.cw_changed)
        check_cw(e, COLD_OFF);
    for (unsigned i = first_cold; i < ncolds; i++) {
        colds[i].end = emit_off(e);
        colds[i].last = (uint16_t)last;
        colds[i].counted = (uint16_t)e->index;
        colds[i].form_end = e->form;
    }
    e->x87 = (struct a64_x87_state){0};
    a64_memo_forget(e); /* the interpreter comes back here */
}

static bool follow(const struct x87_effect *f, int *pushed)
{
    int after = *pushed + f->push - f->pops;
    if (after > PUSHED_MAX || after < -PUSHED_MAX)
        return false;
    *pushed = after;
    return true;
}

/* How many registers the run from the current instruction on wants full and empty; its last instruction. */
static unsigned survey(const struct emit *e, unsigned *need, unsigned *room, unsigned *last_mem)
{
    const struct translation *tr = e->tr;
    int pushed = 0, most = 0, least = 0;
    unsigned last = e->index;
    for (unsigned i = e->index; i < tr->n; i++) {
        const struct insn *in = tr->insn[i].in;
        struct x87_effect f;
        if (i > e->index && (a64_is_leader(e, i) || tr->insn[i - 1].in->next != in->eip))
            break;
        if ((in->flags & INSN_END) || x87_is_mmx(in))
            break;
        bool known = x87_effect_of(e, in, &f);
        if (!known && decode_op_class(in->op) == CLASS_X87 && in->op != OP_FNSTCW)
            break;
        if (!known)
            continue;
        int before = pushed;
        if (f.need - before > 8 || !follow(&f, &pushed)) /* check_stack can ask for no more */
            break;
        last = i;
        if (x87_is_noted(in->op) && x87_is_mem(in))
            *last_mem = i;
        if (f.need && f.need - before > least)
            least = f.need - before;
        if (pushed > most)
            most = pushed;
    }
    *need = (unsigned)least;
    *room = (unsigned)most;
    return last;
}

/* Branches to `c` (NULL: a new one) unless `need` registers are full and `room` are empty. Bits 7 and 8
 * of x9 tell: see A64_X87_ALIGN. */
static void check_stack(struct emit *e, unsigned need, unsigned room, void (*bad)(struct emit *, uint8_t *))
{
    uint8_t *at;
    if (need) {
        if (need > 1)
            a64_must(a64_add_imm(e, A64_X, A64_TMP0, P, 16 * (need - 1)));
        at = e->p;
        a64_must(a64_tbnz(e, need > 1 ? (unsigned)A64_TMP0 : (unsigned)P, 8, 0));
        bad(e, at);
    }
    if (room) {
        a64_must(a64_sub_imm(e, A64_X, A64_TMP0, P, 16 * room));
        at = e->p;
        a64_must(a64_tbz(e, A64_TMP0, 7, 0));
        bad(e, at);
    }
    if (!need && !room) {
        a64_lsr_imm(e, A64_X, A64_TMP0, P, 9);
        at = e->p;
        a64_must(a64_cbz(e, A64_X, A64_TMP0, 0));
        bad(e, at);
    }
}

static unsigned run_need, run_room;

static void start_failed(struct emit *e, uint8_t *at)
{
    struct x87_cold *c = x87_cold(e, at, COLD_START);
    c->need = (uint8_t)run_need;
    c->room = (uint8_t)run_room;
}

void x87_start(struct emit *e)
{
    a64_x87_settle(e, e->index - 1);
    first_cold = ncolds;
    unsigned last_mem = UINT16_MAX, last = survey(e, &run_need, &run_room, &last_mem);
    check_stack(e, run_need, run_room, start_failed);
    for (unsigned i = first_cold; i < ncolds; i++)
        colds[i].back = emit_off(e);
    a64_memo_forget(e); /* what makes the registers live comes back here */
    e->x87 = (struct a64_x87_state){.on = true, .last = (uint16_t)last, .last_mem = (uint16_t)last_mem};
    if (a64_x87_double())
        x87_double_start(&e->x87);
}

/* ---- ways to the interpreter ---- */

void x87_slow(struct emit *e, uint8_t *at, enum a64_x87_way way)
{
    e->x87.way = (uint8_t)way;
    a64_slow(e, at);
    e->x87.way = X87_PLAIN;
}

void x87_leaf(struct emit *e, const char *routine, enum a64_x87_way way)
{
    a64_call(e, routine);
    uint8_t *at = e->p;
    a64_must(a64_tbnz(e, TE, A64_X87_SLOW_BIT, 0));
    x87_slow(e, at, way);
}

/* Begin of a slow path: what the state was goes to cpu->fpu with a64_interp. */
void a64_x87_slow_begin(struct emit *e, const struct a64_x87_state *s)
{
    uint8_t *special;
    e->x87 = *s;
    switch (s->way) {
    case X87_LEAF_NEG:
        a64_must(a64_eor_imm(e, A64_X, A64_TMP1, A64_TMP1, SIGN)); /* fall through */
    case X87_LEAF:
        if (s->dirty) {
            a64_mov(e, A64_X, T, A64_TMP0);
            a64_mov(e, A64_X, TE, A64_TMP1);
        }
        break;
    case X87_LOAD_T:
    case X87_LOAD_B: /* a double in x0: 0 is no reason */
        a64_lsl_imm(e, A64_X, A64_TMP1, A64_TMP0, 1);
        special = e->p;
        a64_must(a64_cbnz(e, A64_X, A64_TMP1, 0));
        a64_mov(e, A64_X, s->way == X87_LOAD_T ? T : B, A64_ZR);
        a64_must(a64_b(e, (int64_t)s->resume - emit_off(e)));
        a64_must(a64_here(e, special));
        break;
    default: break;
    }
    if (s->on)
        settle_registers(e);
    else if (s->mmx)
        x87_mmx_note(e);
    e->x87 = (struct a64_x87_state){0};
}

/* Back to the state that code expects behind it. (What has a slow path does not make the state an unusual one, but cw
 * may be.) */
void a64_x87_slow_end(struct emit *e, const struct a64_x87_state *s)
{
    if (s->mmx)
        a64_call(e, a64_x87_mmx_load);
    if (!s->on)
        return;
    a64_call(e, a64_x87_reload);
    e->x87 = *s;
    add_to_p(e, -x87_at(e, 0));
    if (a64_x87_double())
        x87_double_reload(e);
    else if (s->cached)
        x87_get_pair(e, T, 0);
    e->x87 = (struct a64_x87_state){0};
}

void x87_want_cw(struct emit *e)
{
    if (!e->x87.cw_changed)
        return;
    check_cw(e, COLD_REST);
    e->x87.cw_changed = false;
}

/* ---- contexts, cold code ---- */

void a64_x87_begin(struct emit *e)
{
    e->x87 = (struct a64_x87_state){0};
    ncolds = 0;
}

int a64_x87_adjust(const struct emit *e)
{
    const struct a64_x87_state *s = &e->x87;
    if (s->mmx)
        return s->begun << 2 | s->written << 3;
    if (a64_x87_double())
        return s->on ? x87_double_adjust(s) : 0;
    return s->on ? s->dirty << 2 | s->c1_zero << 3 | s->pushed * 16 : 0;
}

void a64_x87_settle_context(unsigned long long *x, const void *v, int adjust)
{
    if (x[P] == A64_X87_MMX) {
        x[LOST] |= (uint64_t)(adjust >> 2 & 1) << A64_X87_BEGUN_BIT | (adjust >> 3 & 0xff);
        return;
    }
    if (a64_x87_double()) {
        x87_double_settle_context(x, v, adjust);
        return;
    }
    uint64_t slot = x[P] - (uint64_t)(int64_t)((adjust >> 4) * 16);
    if (adjust & 4)
        memcpy((void *)(uintptr_t)slot, &x[T], 16);
    if (adjust & 8)
        x[LOST] = 0;
    x[P] = slot;
}

static void back_to(struct emit *e, uint32_t off)
{
    a64_must(a64_b(e, (int64_t)off - emit_off(e)));
}

static uint8_t *start_bad[2];
static unsigned nstart_bad;
static void bad_again(struct emit *e, uint8_t *at)
{
    (void)e;
    start_bad[nstart_bad++] = at;
}

static void cold_start(struct emit *e, const struct x87_cold *c)
{
    a64_lsr_imm(e, A64_X, A64_TMP0, P, 9);
    uint8_t *live = e->p;
    a64_must(a64_cbnz(e, A64_X, A64_TMP0, 0));
    a64_call(e, a64_x87_leave); /* MMX */
    a64_call(e, a64_x87_load);
    nstart_bad = 0;
    check_stack(e, c->need, c->room, bad_again);
    back_to(e, c->back);
    for (unsigned i = 0; i < nstart_bad; i++)
        a64_must(a64_here(e, start_bad[i]));
    a64_must(a64_here(e, live));
    a64_interpret_run(e, c->index, c->last, c->counted, c->form_end, c->end);
}

static void cold_tie(struct emit *e, const struct x87_cold *c)
{
    uint8_t *exact = e->p;
    a64_must(a64_cbz(e, A64_X, LOST, 0));
    a64_must(a64_orr_imm(e, A64_X, PE, PE, SIGN));
    a64_must(a64_and_imm(e, A64_X, A64_TMP0, A64_TMP1, 1));
    a64_add(e, A64_X, A64_TMP1, A64_TMP1, A64_TMP0);
    a64_lsl_imm(e, A64_X, LOST, A64_TMP0, 63);
    a64_must(a64_here(e, exact));
    back_to(e, c->back);
}

void a64_x87_cold(struct emit *e)
{
    for (unsigned i = 0; i < ncolds; i++) {
        const struct x87_cold *c = &colds[i];
        if (!a64_retarget(e->tr->code + c->at, (int64_t)emit_off(e) - c->at))
            e->failed = true;
        e->index = c->index;
        e->form = c->form;
        e->x87 = c->state;
        switch ((enum x87_cold_kind)c->kind) {
        case COLD_START: cold_start(e, c); break;
        case COLD_REST:
            settle_registers(e);
            a64_interpret_run(e, c->index, c->last, c->counted, c->form_end, c->end);
            break;
        case COLD_OFF:
            a64_call(e, a64_x87_leave);
            back_to(e, c->back);
            break;
        case COLD_MMX: x87_mmx_cold(e, c); break;
        default: cold_tie(e, c); break;
        }
    }
    e->x87 = (struct a64_x87_state){0};
}
