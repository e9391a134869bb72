/* Runs of MMX/SSE instructions (see simd.h), their operands, and a64_simd. */
#include "translate/aarch64/simd.h"

#include "decode/decode.h"

enum { XMMS = 8, RUN_MAX = 32, INTS_MAX = 4, DELAYED_MAX = 12, BASES_MAX = 2, ALIGNED_MAX = 4 };

/* What of an xmm register has been done in the run: nothing, read first (its register must stay as it
 * is until the run is settled), or written first (the run executed again writes it again). */
enum state { UNTOUCHED, LIVE, DEFINED };
/* Where its value is: its register; the copy; the low 8 bytes in `low`, the others in `rest`; the
 * low 4 bytes in the copy, the others in its register. */
enum where { IN_PLACE, IN_COPY, LOW8, LOW4 };

static struct {
    bool open;
    bool pending;    /* FPSR is to be asked */
    uint8_t how;     /* of a64_slow_fpsr */
    bool cut;        /* ends with the current instruction */
    uint16_t ints[DELAYED_MAX]; /* instructions on general registers: they are emitted at its end, */
    unsigned nints;
    uint32_t adds[REG_ZERO + 1]; /* and will add this */
    struct { bool is; unsigned v; struct insn in; } store; /* emitted behind the look at FPSR */
    unsigned done; /* this instruction has been done with a former one */
    unsigned start, next; /* first instruction; the one that joins next */
    uint8_t bases[BASES_MAX]; /* general registers that must be aligned: looked at with FPSR */
    unsigned nbases;
    uint8_t state[XMMS], where[XMMS];
    uint8_t low[XMMS];  /* its copy, or another's, or a register that stays as it is */
    uint8_t rest[XMMS]; /* a register that stays as it is */
    uint8_t *slow[RUN_MAX + 1]; /* branches to the slow path */
    unsigned slows;
    /* what is known before instruction `known`: */
    unsigned known;
    uint8_t width[XMMS]; /* bytes of the value from there on are zero */
    struct place { uint8_t base, index, scale, low; } aligned[ALIGNED_MAX]; /* addresses, low: disp & 15 */
    unsigned naligned;
} run;

static unsigned copy_of(unsigned x) { return A64_COPY0 + x; }

static unsigned held_in(unsigned x)
{
    switch (run.where[x]) {
    case IN_PLACE: return a64_xmm(x);
    case LOW8: return run.low[x];
    default: return copy_of(x);
    }
}

/* ---- values ---- */

/* The register is to be written: what is to be stored moves elsewhere. */
static void save_stored(struct emit *e, unsigned v)
{
    if (!run.store.is || run.store.v != v)
        return;
    a64_v_mov(e, V2, v);
    run.store.v = V2;
}

/* The copy of xmm`x` is to be written: values whose low half is there get it themselves. (Their own copies
 * are nobody else's.) */
static void unshare(struct emit *e, unsigned x)
{
    save_stored(e, copy_of(x));
    for (unsigned y = 0; y < XMMS; y++)
        if (y != x && run.where[y] == LOW8 && run.low[y] == copy_of(x)) {
            save_stored(e, copy_of(y));
            a64_fmov(e, A64_D, copy_of(y), copy_of(x));
            run.low[y] = (uint8_t)copy_of(y);
        }
}

static void own_low(struct emit *e, unsigned x)
{
    if (run.where[x] != LOW8 || run.low[x] == copy_of(x))
        return;
    save_stored(e, copy_of(x));
    a64_fmov(e, A64_D, copy_of(x), run.low[x]);
    run.low[x] = (uint8_t)copy_of(x);
}

static void into_copy(struct emit *e, unsigned x)
{
    unsigned c = copy_of(x);
    if (run.where[x] == LOW8 && run.low[x] == run.rest[x]) {
        save_stored(e, c);
        a64_v_mov(e, c, run.rest[x]);
    } else {
        own_low(e, x);
        if (run.where[x] == LOW4)
            a64_ins(e, A64_4S, c, 1, a64_xmm(x), 1);
        a64_ins(e, A64_2D, c, 1, run.where[x] == LOW8 ? run.rest[x] : a64_xmm(x), 1);
    }
    run.where[x] = IN_COPY;
}

/* Brings the parts of a value together. */
static void complete(struct emit *e, unsigned x)
{
    enum where w = run.where[x];
    if (w != LOW8 && w != LOW4)
        return;
    if (run.state[x] == DEFINED) {
        a64_ins(e, w == LOW8 ? A64_2D : A64_4S, a64_xmm(x), 0, copy_of(x), 0);
        run.where[x] = IN_PLACE;
    } else {
        into_copy(e, x);
    }
}

bool run_share(struct emit *e, unsigned x, unsigned from)
{
    if (!run.pending || (run.where[from] != IN_PLACE && run.where[from] != LOW8) ||
        (run.where[from] == LOW8 && run.low[from] != copy_of(from)))
        return false;
    unshare(e, x);
    run.low[x] = (uint8_t)held_in(from);
    run.rest[x] = run.where[from] == LOW8 ? run.rest[from] : (uint8_t)a64_xmm(from);
    run.where[x] = LOW8;
    run.state[x] = run.state[from] = LIVE; /* their registers stay as they are */
    run.width[x] = run.width[from];
    return true;
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
    run.width[x] = (uint8_t)width;
    if (run.state[x] == UNTOUCHED) /* if an exception is found, the register is as it was */
        run.state[x] = run.pending ? LIVE : DEFINED;
    if (run.state[x] == LIVE && run.pending) {
        unshare(e, x);
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
    unshare(e, x);
    return copy_of(x);
}

void run_merge(struct emit *e, unsigned x, unsigned bytes, unsigned from)
{
    enum a64_arr arr = bytes == 8 ? A64_2D : A64_4S;
    if (run.width[x] <= bytes)
        return;
    if (from == copy_of(x) && run.where[x] != IN_COPY) {
        if (run.where[x] != LOW8)
            run.rest[x] = (uint8_t)a64_xmm(x);
        run.low[x] = (uint8_t)from;
        run.where[x] = bytes == 8 ? LOW8 : LOW4;
        return;
    }
    unshare(e, x);
    own_low(e, x);
    a64_ins(e, arr, held_in(x), 0, from, 0);
    if (run.where[x] == IN_PLACE && run.state[x] == LIVE)
        run.cut = true;
}

void run_computes(unsigned how)
{
    run.pending = true;
    run.how |= (uint8_t)how;
}

unsigned run_width(unsigned x) { return run.width[x]; }

/* ---- the run ---- */


static void begin(unsigned index)
{
    run.open = true;
    run.pending = run.cut = run.store.is = false;
    run.start = index;
    run.slows = run.how = run.nbases = run.nints = run.done = 0;
    memset(run.adds, 0, sizeof run.adds);
    memset(run.state, UNTOUCHED, sizeof run.state);
    memset(run.where, IN_PLACE, sizeof run.where);
}

static void look(struct emit *e)
{
    bool inexact = e->tr->inexact;
    a64_mrs(e, A64_TMP0, A64_FPSR);
    for (unsigned i = 0; i < run.nbases; i++)
        a64_bfi(e, A64_W, A64_TMP0, a64_gpr(run.bases[i]), 8 + (inexact ? 8 : 4) * i, 4);
    a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_TMP0, inexact ? FPSR_BUT_IXC : FPSR_ALL));
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_TMP1, 0));
    a64_slow_fpsr(e, at, run.start, run.how | (run.nbases ? LOW_BITS : 0));
}

static void write_back(struct emit *e)
{
    for (unsigned x = 0; x < XMMS; x++) /* before registers change */
        if (run.where[x] == LOW8 && run.rest[x] != a64_xmm(x))
            into_copy(e, x);
    for (unsigned x = 0; x < XMMS; x++) {
        if (run.where[x] == IN_COPY)
            a64_v_mov(e, a64_xmm(x), copy_of(x));
        else if (run.where[x] != IN_PLACE)
            a64_ins(e, run.where[x] == LOW8 ? A64_2D : A64_4S, a64_xmm(x), 0, held_in(x), 0);
    }
}

static void store_delayed(struct emit *e);

/* The instructions on general registers. */
static void catch_up(struct emit *e)
{
    unsigned index = e->index;
    for (unsigned i = 0; i < run.nints; i++) {
        e->index = run.ints[i];
        a64_must(a64_int(e, &e->tr->insn[e->index]));
    }
    e->index = index;
}

void run_settle(struct emit *e)
{
    if (run.pending)
        look(e);
    if (run.store.is)
        store_delayed(e);
    write_back(e);
    catch_up(e);
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

/* ---- alignment ---- */

static struct place place_of(const struct insn *in)
{
    return (struct place){in->base, in->index, in->scale, in->disp & 15};
}

static bool known_aligned(const struct insn *in)
{
    struct place p = place_of(in);
    if (in->seg == SEG_GS)
        return false;
    if (p.base == REG_ZERO && p.index == REG_ZERO)
        return !p.low;
    for (unsigned i = 0; i < run.naligned; i++)
        if (!memcmp(&run.aligned[i], &p, sizeof p))
            return true;
    return false;
}

static void now_aligned(const struct insn *in)
{
    if (in->seg == SEG_GS)
        return;
    unsigned i = run.naligned < ALIGNED_MAX ? run.naligned++ : 0;
    run.aligned[i] = place_of(in);
}

/* A general register was changed, by a multiple of 16 or not. */
static void forget_alignment(unsigned gpr)
{
    unsigned n = 0;
    for (unsigned i = 0; i < run.naligned; i++)
        if (run.aligned[i].base != gpr && run.aligned[i].index != gpr)
            run.aligned[n++] = run.aligned[i];
    run.naligned = n;
}

/* A load of a run that will look at FPSR can leave the check to that: it has no effect before. */
static bool check_later(const struct insn *in, const struct opnd *o)
{
    if (!run.pending || o->access & ACCESS_W || in->index != REG_ZERO || in->base == REG_ZERO ||
        in->seg == SEG_GS || (in->disp & 15) || run.nbases == BASES_MAX)
        return false;
    run.bases[run.nbases++] = in->base;
    return true;
}

static void check_alignment(struct emit *e, const struct insn *in, const struct insn *at,
                            const struct opnd *o, const struct a64_mem *m)
{
    unsigned n = m->base;
    if (known_aligned(in))
        return;
    now_aligned(in);
    if (check_later(at, o))
        return;
    if (m->disp & 15) {
        a64_must(a64_add_imm(e, A64_W, A64_TMP0, n, (unsigned)m->disp & 15));
        n = A64_TMP0;
    }
    a64_must(a64_and_imm(e, A64_W, A64_TMP0, n, 15));
    slow_unless_zero(e, A64_TMP0);
}

/* With addresses from registers as they are before the run's additions to them. */
static struct insn with(const struct insn *in, const uint32_t *adds)
{
    struct insn at = *in;
    at.disp += adds[in->base] + (adds[in->index] << in->scale);
    return at;
}

static struct a64_mem memory(struct emit *e, const struct insn *in, const struct opnd *o)
{
    unsigned log2 = (unsigned)__builtin_ctz(o->size);
    struct insn at = with(in, run.adds);
    struct a64_mem m;
    a64_must(a64_mem(e, &at, log2, &m));
    if (must_be_aligned(in, o))
        check_alignment(e, in, &at, o, &m);
    return m;
}

void simd_load(struct emit *e, const struct insn *in, unsigned v)
{
    static const enum a64_ldst ops[] = {A64_LDR_B, A64_LDR_H, A64_LDR_S, A64_LDR_D, A64_LDR_Q};
    struct a64_mem m = memory(e, in, &in->o[1]);
    a64_load(e, ops[__builtin_ctz(in->o[1].size)], v, &m);
}

static const enum a64_ldst store_ops[] = {A64_STR_B, A64_STR_H, A64_STR_S, A64_STR_D, A64_STR_Q};

void simd_store(struct emit *e, const struct insn *in, unsigned v)
{
    unsigned log2 = (unsigned)__builtin_ctz(in->o[0].size);
    if (run.pending) { /* behind the look at FPSR; until then v stays as it is */
        run.store.is = true;
        run.store.v = v;
        run.store.in = with(in, run.adds);
        if (v - a64_xmm(0) < XMMS)
            run.state[v - a64_xmm(0)] = LIVE;
        return;
    }
    struct a64_mem m = memory(e, in, &in->o[0]);
    a64_store(e, store_ops[log2], v, &m);
}

static void store_delayed(struct emit *e)
{
    unsigned log2 = (unsigned)__builtin_ctz(run.store.in.o[0].size);
    struct a64_mem m;
    a64_must(a64_mem(e, &run.store.in, log2, &m));
    a64_store(e, store_ops[log2], run.store.v, &m);
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

/* An operation on general registers that translated code does without a slow path, and that a run can delay;
 * what it adds to its register. */
static bool plain_int(const struct insn *in, uint32_t *adds)
{
    bool imm = in->nopnd == 2 && in->o[1].kind == OPND_IMM;
    *adds = 0;
    if (in->o[0].kind != OPND_GPR || in->o[0].size != 4)
        return false;
    switch (in->op) {
    case OP_INC: *adds = 1; return true;
    case OP_DEC: *adds = ~0u; return true;
    case OP_ADD: *adds = in->imm; return imm;
    case OP_SUB: *adds = -in->imm; return imm;
    case OP_LEA:
        *adds = in->disp;
        return in->opsize == 4 && !(in->flags & INSN_ADDR16) && in->base == in->o[0].reg &&
               in->index == REG_ZERO;
    case OP_CMP: case OP_TEST: return imm || (in->nopnd == 2 && in->o[1].kind == OPND_GPR);
    default: return false;
    }
}

static bool follows(const struct emit *e, unsigned i)
{
    return i < e->tr->n && !a64_is_leader(e, i) && e->tr->insn[i].in->eip == e->tr->insn[i - 1].in->next;
}

/* A store that may wait for the look at FPSR: it is repeated with the run if it faults, so it is the only one. */
static bool can_wait(const struct emit *e, const struct insn *in)
{
    if (e->tr->ordered || !run.pending || run.store.is || must_be_aligned(in, &in->o[0]))
        return false;
    switch (in->op) {
    case OP_MOVSS: case OP_MOVSD: case OP_MOVUPS: case OP_MOVUPD: case OP_MOVDQU: case OP_MOVLPS: case OP_MOVLPD:
        return true;
    case OP_MOVD: case OP_MOVQ: return in->o[1].kind == OPND_XMM;
    default: return false;
    }
}

/* It reads nothing of what the store writes. */
static bool apart_from_store(const struct insn *in)
{
    const struct insn *st = &run.store.in;
    uint32_t above = in->disp - st->disp;
    return in->base == st->base && in->index == st->index && in->scale == st->scale && in->seg == st->seg &&
           above >= st->o[0].size && above <= -(uint32_t)in->o[1].size;
}

static bool compares(unsigned op)
{
    return op == OP_COMISS || op == OP_COMISD || op == OP_UCOMISS || op == OP_UCOMISD;
}

/* Whether it can join the run behind instructions that add so much to general registers. */
static bool can_join(const struct emit *e, const struct insn *in, const uint32_t *adds)
{
    if (part_of(e, in) == PART_NONE)
        return false;
    if (in->o[0].kind == OPND_MEM)
        return can_wait(e, in);
    for (unsigned i = 1; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_GPR && adds[in->o[i].reg])
            return false;
    if (stands_alone(in) || (run.store.is && compares(in->op))) /* the store could still fault */
        return false;
    struct insn at = with(in, adds);
    return !run.store.is || !has_kind(in, OPND_MEM) || apart_from_store(&at);
}

/* The instruction that joins the run, perhaps behind some on general registers, which are delayed to its end.
 * 0: none. */
static unsigned joining(const struct emit *e, bool now)
{
    uint32_t adds[REG_ZERO + 1];
    unsigned n = run.nints;
    memcpy(adds, run.adds, sizeof adds);
    if (e->tr->count || run.cut)
        return 0;
    for (unsigned i = e->index + 1; i <= e->index + INTS_MAX + 1; i++) {
        const struct insn *in = follows(e, i) ? e->tr->insn[i].in : NULL;
        uint32_t more;
        if (!in || i - run.start >= RUN_MAX)
            return 0;
        if (can_join(e, in, adds)) {
            if (now) {
                run.nints = n;
                memcpy(run.adds, adds, sizeof adds);
            }
            return i;
        }
        if (!plain_int(in, &more) || n == DELAYED_MAX)
            return 0;
        run.ints[n++] = (uint16_t)i;
        if (in->op != OP_CMP && in->op != OP_TEST)
            adds[in->o[0].reg] += more;
    }
    return 0;
}

/* Copies the lowest element, of so many bytes, to all others of the register. */
static bool repeats(const struct insn *in, unsigned x, unsigned bytes)
{
    if (in->o[0].reg != x || in->o[1].kind != OPND_XMM || in->o[1].reg != x)
        return false;
    switch (in->op) {
    case OP_UNPCKLPD: case OP_PUNPCKLQDQ: return bytes == 8;
    case OP_SHUFPS: case OP_PSHUFD: return bytes == 4 && !(in->imm & 0xff);
    default: return false;
    }
}

bool simd_load_repeated(struct emit *e, const struct insn *in)
{
    unsigned x = in->o[0].reg, bytes = in->o[1].size;
    uint8_t *at = e->p;
    unsigned next = run.state[x] != LIVE || run.pending ? joining(e, false) : 0;
    if (!next || e->tr->ordered || in->disp + run.adds[in->base] || in->seg == SEG_GS ||
        !repeats(e->tr->insn[next].in, x, bytes))
        return false;
    struct a64_mem m = memory(e, in, &in->o[1]);
    if (m.index != A64_NONE || m.disp) {
        e->p = at;
        return false;
    }
    a64_ld1r(e, bytes == 8 ? A64_2D : A64_4S, run_write(e, x, 16), m.base);
    run.done = next;
    return true;
}

bool a64_simd_delays(const struct emit *e)
{
    return run.open && e->index > run.start && e->index < run.next;
}

/* ---- what is known ---- */

static void forget(void)
{
    memset(run.width, 16, sizeof run.width);
    run.naligned = 0;
}

/* Facts hold as long as only instructions come that do not touch what they are about, one behind the
 * other. */
static void update_known(const struct emit *e)
{
    if (run.known > e->index || !e->index)
        forget();
    for (unsigned i = run.known; i < e->index; i++) {
        const struct insn *in = e->tr->insn[i].in;
        uint32_t adds;
        if ((i && !follows(e, i)) || (in->flags & INSN_END) || has_kind(in, OPND_XMM) ||
            decode_op_class(in->op) > CLASS_STRING)
            forget();
        else if (!plain_int(in, &adds))
            run.naligned = 0;
        else if (adds & 15)
            forget_alignment(in->o[0].reg);
    }
    if (e->index && !follows(e, e->index))
        forget();
    run.known = e->index + 1;
}

bool a64_simd(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    enum part part = part_of(e, in);
    if (part == PART_NONE)
        return false;
    update_known(e);
    if (!run.open || run.next != e->index)
        begin(e->index);
    if (run.done && run.done == e->index)
        ; /* already */
    else if (part == PART_INT)
        simd_int(e, in);
    else if (part == PART_FP)
        simd_fp(e, in);
    else
        simd_move(e, in);
    if (in->o[0].kind == OPND_GPR)
        forget_alignment(in->o[0].reg);
    if (run.open && ((stands_alone(in) && !run.store.is) || !(run.next = joining(e, true))))
        run_settle(e);
    return true;
}
