/* Runs of MMX/SSE instructions (see simd.h), their operands, and a64_simd. */
#include "translate/aarch64/simd.h"

#include "decode/decode.h"

enum { XMMS = 8, RUN_MAX = 32 };

/* What of an xmm register has been done in the run: nothing, read first (its register must stay as it
 * is until the run is settled), or written first (the run executed again writes it again). */
enum state { UNTOUCHED, LIVE, DEFINED };
/* Where its value is: its register; the copy; the copy has the low 8 or 4 bytes of it. */
enum where { IN_PLACE, IN_COPY, LOW8, LOW4 };

static struct {
    bool open;
    bool pending;    /* FPSR is to be asked */
    uint8_t how;     /* of a64_slow_fpsr */
    bool computes;   /* the current instruction may raise an exception */
    bool cut;        /* ends with the current instruction */
    unsigned start, last;
    uint8_t state[XMMS], where[XMMS];
    uint8_t *slow[RUN_MAX + 1]; /* branches to the slow path */
    unsigned slows;
    unsigned known;  /* the instruction before which `width` is true */
    uint8_t width[XMMS]; /* bytes of the value from there on are zero */
} run;

static unsigned copy_of(unsigned x) { return A64_COPY0 + x; }

static unsigned held_in(unsigned x)
{
    return run.where[x] == IN_PLACE ? a64_xmm(x) : copy_of(x);
}

/* ---- values ---- */

/* Brings the parts of a value together. */
static void complete(struct emit *e, unsigned x)
{
    unsigned v = a64_xmm(x), c = copy_of(x);
    enum where w = run.where[x];
    if (w != LOW8 && w != LOW4)
        return;
    if (run.state[x] == DEFINED) {
        a64_ins(e, w == LOW8 ? A64_2D : A64_4S, v, 0, c, 0);
        run.where[x] = IN_PLACE;
        return;
    }
    if (w == LOW4)
        a64_ins(e, A64_4S, c, 1, v, 1);
    a64_ins(e, A64_2D, c, 1, v, 1);
    run.where[x] = IN_COPY;
}

unsigned run_read(struct emit *e, unsigned x)
{
    if (run.state[x] == UNTOUCHED)
        run.state[x] = LIVE;
    complete(e, x);
    return held_in(x);
}

unsigned run_read_low(struct emit *e, unsigned x, unsigned bytes)
{
    if (run.where[x] == LOW4 && bytes > 4)
        return run_read(e, x);
    if (run.state[x] == UNTOUCHED)
        run.state[x] = LIVE;
    return held_in(x);
}

unsigned run_write(struct emit *e, unsigned x, unsigned width)
{
    (void)e;
    run.width[x] = (uint8_t)width;
    if (run.state[x] == UNTOUCHED) /* an exception leaves the register as it was */
        run.state[x] = run.computes ? LIVE : DEFINED;
    if (run.state[x] == LIVE && run.pending) {
        run.where[x] = IN_COPY;
        return copy_of(x);
    }
    if (run.state[x] == LIVE)
        run.cut = true;
    run.where[x] = IN_PLACE;
    return a64_xmm(x);
}

unsigned run_write_low(struct emit *e, unsigned x, unsigned bytes)
{
    if (run.width[x] <= bytes)
        return run_write(e, x, bytes);
    if (run.state[x] == UNTOUCHED)
        run.state[x] = LIVE;
    if (!run.pending || run.where[x] == IN_COPY || (run.where[x] == LOW8 && bytes < 8))
        return V7;
    return copy_of(x);
}

void run_merge(struct emit *e, unsigned x, unsigned bytes, unsigned from)
{
    enum a64_arr arr = bytes == 8 ? A64_2D : A64_4S;
    if (run.width[x] <= bytes)
        return;
    if (from == copy_of(x) && run.where[x] != IN_COPY) {
        run.where[x] = bytes == 8 ? LOW8 : LOW4;
        return;
    }
    a64_ins(e, arr, held_in(x), 0, from, 0);
    if (run.where[x] == IN_PLACE && run.state[x] == LIVE)
        run.cut = true;
}

void run_computes(unsigned how)
{
    run.pending = run.computes = true;
    run.how |= (uint8_t)how;
}

unsigned run_width(unsigned x) { return run.width[x]; }

/* ---- the run ---- */


static void begin(unsigned index)
{
    run.open = true;
    run.pending = run.cut = false;
    run.start = index;
    run.slows = run.how = 0;
    memset(run.state, UNTOUCHED, sizeof run.state);
    memset(run.where, IN_PLACE, sizeof run.where);
}

static void look(struct emit *e)
{
    a64_mrs(e, A64_TMP0, A64_FPSR);
    a64_must(a64_and_imm(e, A64_W, A64_TMP0, A64_TMP0, FPSR_LOOK));
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_TMP0, 0));
    a64_slow_fpsr(e, at, run.start, run.how);
}

static void write_back(struct emit *e)
{
    for (unsigned x = 0; x < XMMS; x++) {
        if (run.where[x] == IN_COPY)
            a64_v_mov(e, a64_xmm(x), copy_of(x));
        else if (run.where[x] != IN_PLACE)
            a64_ins(e, run.where[x] == LOW8 ? A64_2D : A64_4S, a64_xmm(x), 0, copy_of(x), 0);
    }
}

void run_settle(struct emit *e)
{
    if (run.pending)
        look(e);
    write_back(e);
    for (unsigned i = 0; i < run.slows; i++)
        a64_slow_run(e, run.slow[i], run.start);
    /* the run is one piece: what happens in it happens at its first instruction */
    for (unsigned i = run.start + 1; i <= e->index; i++)
        e->tr->off[i] = emit_off(e);
    begin(e->index + 1);
    run.open = false;
}

/* ---- operands ---- */

static bool must_be_aligned(const struct insn *in, const struct opnd *o)
{
    if (o->size != 16)
        return false;
    switch (in->op) {
    case OP_MOVUPS: case OP_MOVUPD: case OP_MOVDQU: case OP_LDDQU: return false;
    default: return true;
    }
}

/* The slow path executes the whole run, wherever in it the branch is. */
static void slow_unless_zero(struct emit *e, unsigned w)
{
    run.slow[run.slows++] = e->p;
    a64_must(a64_cbnz(e, A64_W, w, 0));
}

static void check_alignment(struct emit *e, unsigned base, int32_t disp)
{
    unsigned n = base;
    if (disp & 15) {
        a64_must(a64_add_imm(e, A64_W, A64_TMP0, n, (unsigned)disp & 15));
        n = A64_TMP0;
    }
    a64_must(a64_and_imm(e, A64_W, A64_TMP0, n, 15));
    slow_unless_zero(e, A64_TMP0);
}

static struct a64_mem memory(struct emit *e, const struct insn *in, const struct opnd *o)
{
    unsigned log2 = (unsigned)__builtin_ctz(o->size);
    bool absolute = in->base == REG_ZERO && in->index == REG_ZERO && in->seg != SEG_GS;
    struct a64_mem m;
    a64_must(a64_mem(e, in, log2, &m));
    if (must_be_aligned(in, o) && !(absolute && !(in->disp & 15)))
        check_alignment(e, m.base, m.disp);
    return m;
}

void simd_load(struct emit *e, const struct insn *in, unsigned v)
{
    static const enum a64_ldst ops[] = {A64_LDR_B, A64_LDR_H, A64_LDR_S, A64_LDR_D, A64_LDR_Q};
    struct a64_mem m = memory(e, in, &in->o[1]);
    a64_load(e, ops[__builtin_ctz(in->o[1].size)], v, &m);
}

void simd_store(struct emit *e, const struct insn *in, unsigned v)
{
    static const enum a64_ldst ops[] = {A64_STR_B, A64_STR_H, A64_STR_S, A64_STR_D, A64_STR_Q};
    struct a64_mem m = memory(e, in, &in->o[0]);
    a64_store(e, ops[__builtin_ctz(in->o[0].size)], v, &m);
}

unsigned simd_source_w(struct emit *e, const struct insn *in, unsigned tmp)
{
    if (in->o[1].kind == OPND_GPR)
        return a64_gpr(in->o[1].reg);
    struct a64_mem m = memory(e, in, &in->o[1]);
    a64_load(e, A64_LDR_W, tmp, &m);
    return tmp;
}

unsigned simd_source(struct emit *e, const struct insn *in, unsigned tmp)
{
    if (in->o[1].kind == OPND_XMM)
        return run_read(e, in->o[1].reg);
    simd_load(e, in, tmp);
    return tmp;
}

unsigned simd_source_low(struct emit *e, const struct insn *in, unsigned tmp, unsigned bytes)
{
    if (in->o[1].kind == OPND_XMM)
        return run_read_low(e, in->o[1].reg, bytes);
    simd_load(e, in, tmp);
    return tmp;
}

/* ---- instructions ---- */

static bool has_kind(const struct insn *in, unsigned kind)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == kind)
            return true;
    return false;
}

static bool memory_ok(const struct emit *e, const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++) {
        if (in->o[i].kind != OPND_MEM)
            continue;
        if ((in->flags & INSN_ADDR16) || in->seg == SEG_FS ||
            (in->seg == SEG_GS && !(e->tr->mode & MODE_GS_PLAIN)) ||
            (in->seg == SEG_CS && in->o[i].access & ACCESS_W))
            return false;
    }
    return true;
}

enum part { PART_NONE, PART_INT, PART_FP, PART_MOVE };

static enum part part_of(const struct emit *e, const struct insn *in)
{
    enum op_class class = decode_op_class(in->op);
    if ((class != CLASS_SSE && class != CLASS_MMX) || !memory_ok(e, in))
        return PART_NONE;
    return simd_move_supported(in) ? PART_MOVE : simd_int_supported(in) ? PART_INT
           : simd_fp_supported(in) ? PART_FP : PART_NONE;
}

/* Changes other things than xmm registers: the run must be settled before. (Comparisons and conversions to
 * general registers settle it themselves.) */
static bool stands_alone(const struct insn *in)
{
    const struct opnd *d = &in->o[0];
    if (has_kind(in, OPND_MM) || in->op == OP_EMMS || in->op == OP_PTEST)
        return true;
    if (d->kind == OPND_MEM)
        return true;
    if (d->kind != OPND_GPR)
        return false;
    switch (in->op) {
    case OP_CVTSS2SI: case OP_CVTTSS2SI: case OP_CVTSD2SI: case OP_CVTTSD2SI: return false;
    default: return true;
    }
}

static bool next_joins(const struct emit *e)
{
    const struct translation *tr = e->tr;
    unsigned next = e->index + 1;
    if (tr->count || run.cut || next >= tr->n || next - run.start >= RUN_MAX)
        return false;
    const struct insn *in = tr->insn[next].in;
    return in->eip == tr->insn[e->index].in->next && !a64_is_leader(e, next) &&
           part_of(e, in) != PART_NONE && !stands_alone(in);
}

/* What is known of the upper parts of registers holds as long as only instructions that do not write
 * them come, one behind the other. */
static void update_known(const struct emit *e)
{
    bool keep = run.known <= e->index && e->index && !a64_is_leader(e, e->index);
    for (unsigned i = run.known; keep && i < e->index; i++) {
        const struct insn *in = e->tr->insn[i].in;
        keep = !a64_is_leader(e, i) && !(in->flags & INSN_END) && !has_kind(in, OPND_XMM) &&
               decode_op_class(in->op) <= CLASS_STRING && in->next == e->tr->insn[i + 1].in->eip;
    }
    if (!keep)
        memset(run.width, 16, sizeof run.width);
    run.known = e->index + 1;
}

bool a64_simd(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    enum part part = part_of(e, in);
    if (part == PART_NONE)
        return false;
    update_known(e);
    if (!run.open || run.last + 1 != e->index)
        begin(e->index);
    run.last = e->index;
    run.computes = false;
    if (part == PART_INT)
        simd_int(e, in);
    else if (part == PART_FP)
        simd_fp(e, in);
    else
        simd_move(e, in);
    if (run.open && !next_joins(e))
        run_settle(e);
    return true;
}
