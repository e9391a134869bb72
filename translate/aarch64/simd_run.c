/* Runs of MMX/SSE instructions (see simd.h), their operands, and a64_simd. */
#include "translate/aarch64/simd.h"

#include "decode/decode.h"

enum { RUN_MAX = 32, INTS_MAX = 4, DELAYED_MAX = 12, BASES_MAX = 2, ALIGNED_MAX = 4, COPIES = 8 };

/* What of a register has been done in the run: nothing, read first (its register must stay as it
 * is until the run is settled), or written first (the run executed again writes it again). */
enum state { UNTOUCHED, LIVE, DEFINED };
/* Where its value is: its register; the copy; the low 8 bytes in `low`, the others in `rest`; the
 * low 4 bytes in the copy, the others in its register; it is 0, and nowhere. */
enum where { IN_PLACE, IN_COPY, LOW8, LOW4, ZERO };

static struct {
    bool open, exact; /* e->exact */
    bool afp;
    bool pending;    /* FPSR is to be asked */
    uint8_t how;     /* of a64_slow_fpsr */
    bool cut;        /* ends with the current instruction */
    uint16_t ints[DELAYED_MAX]; /* instructions on general registers: they are emitted at its end, */
    unsigned nints;
    uint32_t adds[REG_ZERO + 1]; /* and will add this */
    struct { bool is, aligned; unsigned v, upper /* of 32 bytes */; struct insn in; } store; /* emitted behind the look at FPSR */
    unsigned done; /* this instruction has been done with a former one */
    struct { unsigned index, x, from; } renamed; /* in this one x is another register yet */
    unsigned start, next; /* first instruction; the one that joins next */
    uint8_t bases[BASES_MAX]; /* general registers that must be aligned: looked at with FPSR */
    unsigned nbases;
    uint8_t state[SIMD_REGS], where[SIMD_REGS];
    uint8_t copy[SIMD_REGS]; /* the register of its copy, 0: it has none */
    uint8_t copies;          /* taken, by bits */
    uint8_t low[SIMD_REGS];  /* its copy, or another's, or a register that stays as it is */
    uint8_t rest[SIMD_REGS]; /* a register that stays as it is */
    uint8_t nan[SIMD_REGS];  /* 1 + arrangement: must be looked at for NaNs */
    uint8_t *slow[2 * RUN_MAX + 1]; /* branches to the slow path: two of an instruction at most */
    uint8_t slow_how[2 * RUN_MAX + 1]; /* as of a64_slow_page */
    unsigned slows;
    /* what is known before instruction `known`: */
    unsigned known;
    uint8_t width[SIMD_REGS]; /* bytes of the value from there on are zero */
    /* addresses that are multiples of mask + 1; low: disp & mask */
    struct place { uint8_t base, index, scale, low, mask; } aligned[ALIGNED_MAX];
    unsigned naligned;
} run;

static unsigned home(unsigned x) { return x < SIMD_UPPER ? a64_xmm(x) : A64_YMMH0 + x - SIMD_UPPER; }

/* The register of its copy; an xmm register's is the one of its number if that is free. */
static unsigned copy_of(unsigned x)
{
    unsigned i = x % SIMD_UPPER;
    if (run.copy[x])
        return run.copy[x];
    if (x >= SIMD_UPPER || run.copies >> i & 1)
        i = (unsigned)__builtin_ctz(~(unsigned)run.copies);
    xassert(i < COPIES); /* room_for_copies() */
    run.copies |= (uint8_t)(1 << i);
    run.copy[x] = (uint8_t)(A64_COPY0 + i);
    return run.copy[x];
}

static unsigned held_in(unsigned x)
{
    switch (run.where[x]) {
    case IN_PLACE: return home(x);
    case LOW8: return run.low[x];
    default: return run.copy[x];
    }
}

/* ---- values ---- */

/* The register is to be written: what is to be stored moves elsewhere. */
static void save_stored(struct emit *e, unsigned v)
{
    if (!run.store.is || !v || run.store.v != v)
        return;
    a64_v_mov(e, V2, v);
    run.store.v = V2;
}

/* The copy of xmm`x` is to be written: values whose low half is there get it themselves. (Their own copies
 * are nobody else's.) */
static void unshare(struct emit *e, unsigned x)
{
    unsigned c = run.copy[x];
    save_stored(e, c);
    for (unsigned y = 0; c && y < SIMD_UPPER; y++)
        if (y != x && run.where[y] == LOW8 && run.low[y] == c) {
            save_stored(e, copy_of(y));
            a64_fmov(e, A64_D, copy_of(y), c);
            run.low[y] = (uint8_t)copy_of(y);
        }
}

static void own_low(struct emit *e, unsigned x)
{
    if (run.where[x] != LOW8 || run.low[x] == run.copy[x])
        return;
    save_stored(e, run.copy[x]);
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
            a64_ins(e, A64_4S, c, 1, home(x), 1);
        a64_ins(e, A64_2D, c, 1, run.where[x] == LOW8 ? run.rest[x] : home(x), 1);
    }
    run.where[x] = IN_COPY;
}

/* Brings the parts of a value together. */
static void complete(struct emit *e, unsigned x)
{
    enum where w = run.where[x];
    if (w == ZERO) {
        a64_must(a64_vmov_imm(e, true, copy_of(x), 0));
        run.where[x] = IN_COPY;
        return;
    }
    if (w != LOW8 && w != LOW4)
        return;
    if (run.state[x] == DEFINED) {
        a64_ins(e, w == LOW8 ? A64_2D : A64_4S, home(x), 0, run.copy[x], 0);
        run.where[x] = IN_PLACE;
    } else {
        into_copy(e, x);
    }
}

bool run_share(struct emit *e, unsigned x, unsigned from)
{
    if (!run.pending || run.nan[x] || (run.where[from] != IN_PLACE && run.where[from] != LOW8) ||
        (run.where[from] == LOW8 && run.low[from] != run.copy[from]))
        return false;
    unshare(e, x);
    run.low[x] = (uint8_t)held_in(from);
    run.rest[x] = run.where[from] == LOW8 ? run.rest[from] : (uint8_t)home(from);
    run.where[x] = LOW8;
    run.state[x] = run.state[from] = LIVE; /* their registers stay as they are */
    run.width[x] = run.width[from];
    return true;
}

unsigned run_read(struct emit *e, unsigned x)
{
    if (x >= SIMD_TEMP)
        return x - SIMD_TEMP;
    if (run.state[x] == UNTOUCHED)
        run.state[x] = LIVE;
    complete(e, x);
    return held_in(x);
}

unsigned run_read_low(struct emit *e, unsigned x, unsigned bytes)
{
    if (x >= SIMD_TEMP || run.where[x] == ZERO || (run.where[x] == LOW4 && bytes > 4))
        return run_read(e, x);
    if (run.state[x] == UNTOUCHED)
        run.state[x] = LIVE;
    return held_in(x);
}

/* A NaN raises IOC now, before its register is written. */
static void look_for_nan(struct emit *e, unsigned x)
{
    if (run.nan[x])
        a64_v3f(e, A64_V_FCMGE, (enum a64_arr)(run.nan[x] - 1), V3, held_in(x), held_in(x));
    run.nan[x] = 0;
}

/* In all registers: two at a time. */
static void look_for_nans(struct emit *e)
{
    unsigned first = SIMD_REGS;
    for (unsigned x = 0; x < SIMD_REGS; x++) {
        if (!run.nan[x])
            continue;
        if (first == SIMD_REGS || run.nan[first] != run.nan[x]) {
            if (first != SIMD_REGS)
                look_for_nan(e, first);
            first = x;
            continue;
        }
        a64_v3f(e, A64_V_FCMGE, (enum a64_arr)(run.nan[x] - 1), V3, held_in(first), held_in(x));
        run.nan[first] = run.nan[x] = 0;
        first = SIMD_REGS;
    }
    if (first != SIMD_REGS)
        look_for_nan(e, first);
}

void run_may_be_nan(unsigned x, enum a64_arr arr)
{
    if (run.afp)
        return;
    run.nan[x] = (uint8_t)(arr + 1);
}

void run_keeps_nan(unsigned x, enum a64_arr arr)
{
    if (run.nan[x] == arr + 1)
        run.nan[x] = 0;
}

unsigned run_write(struct emit *e, unsigned x, unsigned width)
{
    look_for_nan(e, x);
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
    return home(x);
}

unsigned run_modify(struct emit *e, unsigned x, unsigned bytes)
{
    unsigned v = run_read(e, x);
    if (run.width[x] < bytes)
        run.width[x] = (uint8_t)bytes;
    if (run.where[x] == IN_PLACE)
        run.cut = true;
    return v;
}

void run_zero(struct emit *e, unsigned x)
{
    if (!run.width[x])
        return;
    look_for_nan(e, x);
    run.width[x] = 0;
    run.where[x] = ZERO; /* until the run's end: its register stays as it is */
}

unsigned run_write_low(struct emit *e, unsigned x, unsigned bytes)
{
    if (run.width[x] <= bytes)
        return run_write(e, x, bytes);
    if (run.state[x] == UNTOUCHED)
        run.state[x] = LIVE;
    look_for_nan(e, x);
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
    if (from == run.copy[x] && run.where[x] != IN_COPY) {
        if (run.where[x] != LOW8)
            run.rest[x] = (uint8_t)home(x);
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

bool run_insert(struct emit *e, unsigned x, unsigned bytes, unsigned from)
{
    if (run.pending || run.width[x] <= bytes)
        return false;
    if (run.state[x] == UNTOUCHED)
        run.state[x] = LIVE;
    run_merge(e, x, bytes, from);
    return true;
}

unsigned simd_write_low(struct emit *e, const struct insn *in, unsigned bytes)
{
    unsigned x = in->o[0].reg, first = simd_first(in);
    if (first == x)
        return run_write_low(e, x, bytes);
    if (run_width(first) <= bytes)
        return run_write(e, x, bytes);
    return run_share(e, x, first) ? run_write_low(e, x, bytes) : V7;
}

void simd_merge(struct emit *e, const struct insn *in, unsigned bytes, unsigned from)
{
    unsigned x = in->o[0].reg, first = simd_first(in);
    if (first == x || from != V7) {
        run_merge(e, x, bytes, from);
        return;
    }
    unsigned rest = run_read(e, first), to = run_write(e, x, 16);
    if (to != rest)
        a64_v_mov(e, to, rest);
    a64_ins(e, bytes == 8 ? A64_2D : A64_4S, to, 0, from, 0);
}

void run_computes(unsigned how)
{
    if (run.exact)
        return;
    run.pending = true;
    run.how |= (uint8_t)how;
}

unsigned run_width(unsigned x) { return x < SIMD_TEMP ? run.width[x] : 16; }

/* ---- the run ---- */


static void begin(const struct emit *e, unsigned index)
{
    run.open = true;
    run.exact = e->exact;
    run.afp = e->afp;
    run.pending = run.cut = run.store.is = false;
    run.start = index;
    run.slows = run.how = run.nbases = run.nints = run.done = run.copies = run.renamed.index = 0;
    memset(run.adds, 0, sizeof run.adds);
    memset(run.state, UNTOUCHED, sizeof run.state);
    memset(run.where, IN_PLACE, sizeof run.where);
    memset(run.copy, 0, sizeof run.copy);
    memset(run.nan, 0, sizeof run.nan);
}

static void look(struct emit *e)
{
    bool inexact = e->tr->inexact;
    look_for_nans(e);
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
    for (unsigned x = 0; x < SIMD_UPPER; x++) /* before registers change */
        if (run.where[x] == LOW8 && run.rest[x] != home(x))
            into_copy(e, x);
    for (unsigned x = 0; x < SIMD_REGS; x++) {
        if (run.where[x] == IN_COPY)
            a64_v_mov(e, home(x), run.copy[x]);
        else if (run.where[x] == ZERO)
            a64_must(a64_vmov_imm(e, true, home(x), 0));
        else if (run.where[x] != IN_PLACE)
            a64_ins(e, run.where[x] == LOW8 ? A64_2D : A64_4S, home(x), 0, held_in(x), 0);
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
    a64_count(e, (int)(e->index - run.start));
    for (unsigned i = 0; i < run.slows; i++)
        a64_slow_page(e, run.slow[i], run.start, run.slow_how[i]);
    /* the run is one piece: what happens in it happens at its first instruction */
    for (unsigned i = run.start + 1; i <= e->index; i++)
        e->tr->off[i] = emit_off(e);
    begin(e, e->index + 1);
    run.open = false;
}

/* ---- operands ---- */

static bool must_be_aligned(const struct insn *in, const struct opnd *o)
{
    if (decode_op_class(in->op) == CLASS_AVX)
        return avx_must_be_aligned(in->op);
    if (o->size != 16 || (in->flags & INSN_UNALIGNED_OK))
        return false;
    switch (in->op) {
    case OP_MOVUPS: case OP_MOVUPD: case OP_MOVDQU: case OP_LDDQU: case OP_SHA1RNDS4: case OP_SHA1NEXTE:
    case OP_SHA1MSG1: case OP_SHA1MSG2: case OP_SHA256RNDS2: case OP_SHA256MSG1: case OP_SHA256MSG2:
    case OP_PCMPESTRI: case OP_PCMPISTRI: return false;
    default: return true;
    }
}

/* The slow path executes the whole run, wherever in it the branch is. */
void run_slow_unless_zero(struct emit *e, unsigned w)
{
    run.slow_how[run.slows] = 0;
    run.slow[run.slows++] = e->p;
    a64_must(a64_cbnz(e, A64_W, w, 0));
}

/* ---- alignment ---- */

static struct place place_of(const struct insn *in, unsigned mask)
{
    return (struct place){in->base, in->index, in->scale, (uint8_t)(in->disp & mask), (uint8_t)mask};
}

static bool known_aligned(const struct insn *in, unsigned mask)
{
    struct place p = place_of(in, mask);
    if (in->seg == SEG_GS)
        return false;
    if (p.base == REG_ZERO && p.index == REG_ZERO)
        return !p.low;
    for (unsigned i = 0; i < run.naligned; i++)
        if (!memcmp(&run.aligned[i], &p, sizeof p))
            return true;
    return false;
}

static void now_aligned(const struct insn *in, unsigned mask)
{
    if (in->seg == SEG_GS)
        return;
    unsigned i = run.naligned < ALIGNED_MAX ? run.naligned++ : 0;
    run.aligned[i] = place_of(in, mask);
}

/* That was added to a general register. */
static void forget_alignment(unsigned gpr, uint32_t added)
{
    unsigned n = 0;
    for (unsigned i = 0; i < run.naligned; i++)
        if ((run.aligned[i].base != gpr && run.aligned[i].index != gpr) || !(added & run.aligned[i].mask))
            run.aligned[n++] = run.aligned[i];
    run.naligned = n;
}

/* A load of a run that will look at FPSR can leave the check to that: it has no effect before. */
static bool check_later(const struct insn *in, const struct opnd *o)
{
    if (!run.pending || o->size != 16 || o->access & ACCESS_W || in->index != REG_ZERO || in->base == REG_ZERO ||
        in->seg == SEG_GS || (in->disp & 15) || run.nbases == BASES_MAX)
        return false;
    run.bases[run.nbases++] = in->base;
    return true;
}

static void check_alignment(struct emit *e, const struct insn *in, const struct insn *at,
                            const struct opnd *o, const struct a64_mem *m)
{
    unsigned n = m->base, mask = o->size - 1u;
    if (known_aligned(in, mask))
        return;
    now_aligned(in, mask);
    if (check_later(at, o))
        return;
    if ((unsigned)m->disp & mask) {
        a64_must(a64_add_imm(e, A64_W, A64_TMP0, n, (unsigned)m->disp & mask));
        n = A64_TMP0;
    }
    a64_must(a64_and_imm(e, A64_W, A64_TMP0, n, mask));
    run_slow_unless_zero(e, A64_TMP0);
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

void simd_load_operand(struct emit *e, const struct insn *in, const struct opnd *o, unsigned v)
{
    static const enum a64_ldst ops[] = {A64_LDR_B, A64_LDR_H, A64_LDR_S, A64_LDR_D, A64_LDR_Q};
    struct a64_mem m = memory(e, in, o);
    a64_load(e, ops[__builtin_ctz(o->size)], v, &m);
}

void simd_load(struct emit *e, const struct insn *in, unsigned v)
{
    simd_load_operand(e, in, &in->o[1], v);
}

void simd_load_repeating(struct emit *e, const struct insn *in, enum a64_arr arr, unsigned v)
{
    static const enum a64_ldst ops[] = {A64_LDR_B, A64_LDR_H, A64_LDR_S, A64_LDR_D};
    struct a64_mem m = memory(e, in, &in->o[1]);
    if (m.index == A64_NONE && !m.disp && !a64_fences(e)) {
        a64_ld1r(e, arr, v, m.base);
        return;
    }
    a64_load(e, ops[a64_elem(arr)], v, &m);
    a64_dup(e, arr, v, v, 0);
}

/* A store that touches two pages must not change the first one if the second cannot be written. Looks whether it
 * begins in the last bytes of a page; whether it really crosses its end, the slow path does. */
static void check_one_page(struct emit *e, unsigned base, int32_t disp, unsigned bytes)
{
    a64_add_disp(e, A64_TMP0, base, (uint32_t)disp + bytes);
    a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_TMP0, 0x1000 - bytes));
    run.slow_how[run.slows] = bytes == 16 ? PAGE_END_16 : PAGE_END_32;
    run.slow[run.slows++] = e->p;
    a64_must(a64_cbz(e, A64_W, A64_TMP1, 0));
}

/* ---- 32 bytes ---- */

static unsigned pair_address(struct emit *e, const struct insn *in, const struct opnd *o, int32_t *disp)
{
    struct insn at = with(in, run.adds);
    int base = a64_addr(e, &at, LOG2_PAIR, 16, disp);
    xassert(base >= 0);
    if (must_be_aligned(in, o)) {
        struct a64_mem m = a64_at((unsigned)base, *disp);
        check_alignment(e, in, &at, o, &m);
    }
    return (unsigned)base;
}

/* A guest's register must not have changed when the other half's page is not there: it is looked at before. */
static void touch_last(struct emit *e, unsigned base, int32_t disp)
{
    if (a64_ldst(e, A64_LDRB, A64_ZR, base, disp + 31))
        return;
    a64_const(e, A64_TMP0, (uint32_t)disp + 31);
    a64_ldst_reg(e, A64_LDRB, A64_ZR, base, A64_TMP0, A64_SXTW, false);
}

void simd_load_pair(struct emit *e, const struct insn *in, const struct opnd *o, unsigned lo, unsigned hi)
{
    int32_t disp;
    unsigned base = pair_address(e, in, o, &disp);
    if (lo != V0 && !run.pending && !must_be_aligned(in, o) && !known_aligned(in, 31))
        touch_last(e, base, disp);
    a64_must(a64_ldst_pair(e, A64_LDP_Q, lo, hi, base, disp, A64_PAIR));
    if (a64_fences(e))
        a64_dmb_ishld(e);
}

unsigned simd_one_page(struct emit *e, const struct insn *in)
{
    int base = a64_whole_addr(e, in);
    xassert(base >= 0);
    check_one_page(e, (unsigned)base, 0, in->o[0].size);
    return (unsigned)base;
}

static void store_pair(struct emit *e, const struct insn *in, unsigned lo, unsigned hi, bool aligned)
{
    int32_t disp;
    unsigned base = pair_address(e, in, &in->o[0], &disp);
    if (!must_be_aligned(in, &in->o[0]) && !aligned)
        check_one_page(e, base, disp, 32);
    if (a64_fences(e))
        a64_dmb_ishst(e);
    a64_must(a64_ldst_pair(e, A64_STP_Q, lo, hi, base, disp, A64_PAIR));
}

static void wait_to_store(const struct insn *in, unsigned v, unsigned upper);

void simd_store_pair(struct emit *e, const struct insn *in, unsigned lo, unsigned hi)
{
    if (run.pending)
        wait_to_store(in, lo, hi);
    else
        store_pair(e, in, lo, hi, known_aligned(in, 31));
}

static const enum a64_ldst store_ops[] = {A64_STR_B, A64_STR_H, A64_STR_S, A64_STR_D, A64_STR_Q};

static void keep(unsigned v)
{
    for (unsigned x = 0; x < SIMD_REGS; x++)
        if (home(x) == v)
            run.state[x] = LIVE;
}

/* Behind the look at FPSR; until then v stays as it is. Nothing follows 32 bytes, or a temporary. */
static void wait_to_store(const struct insn *in, unsigned v, unsigned upper)
{
    run.store.is = true;
    run.store.v = v;
    run.store.upper = upper;
    run.store.aligned = known_aligned(in, in->o[0].size - 1u);
    run.store.in = with(in, run.adds);
    keep(v);
    keep(upper);
    run.cut |= upper || v <= V7;
}

/* Those of SSE do without. */
static bool checks_page(const struct insn *in)
{
    bool vex = decode_op_class(in->op) == CLASS_AVX || in->flags & INSN_UNALIGNED_OK;
    return vex && in->o[0].size == 16 && !must_be_aligned(in, &in->o[0]);
}

void simd_store(struct emit *e, const struct insn *in, unsigned v)
{
    unsigned log2 = (unsigned)__builtin_ctz(in->o[0].size);
    if (run.pending) {
        wait_to_store(in, v, 0);
        return;
    }
    struct a64_mem m = memory(e, in, &in->o[0]);
    if (checks_page(in) && !known_aligned(in, 15))
        check_one_page(e, m.base, m.disp, 16);
    a64_store(e, store_ops[log2], v, &m);
}

static void store_delayed(struct emit *e)
{
    unsigned log2 = (unsigned)__builtin_ctz(run.store.in.o[0].size);
    struct a64_mem m;
    if (log2 == 5) {
        memset(run.adds, 0, sizeof run.adds); /* the instruction has them */
        store_pair(e, &run.store.in, run.store.v, run.store.upper, run.store.aligned);
        return;
    }
    a64_must(a64_mem(e, &run.store.in, log2, &m));
    if (checks_page(&run.store.in) && !run.store.aligned)
        check_one_page(e, m.base, m.disp, 16);
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

enum part { PART_NONE, PART_INT, PART_FP, PART_MOVE, PART_AVX };

static enum part part_of(const struct emit *e, const struct insn *in)
{
    enum op_class class = decode_op_class(in->op);
    if (class == CLASS_AVX)
        return e->ymm && memory_ok(e, in) && avx_supported(in) ? PART_AVX : PART_NONE;
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
    if (has_kind(in, OPND_MM) || in->op == OP_EMMS || in->op == OP_PTEST || simd_compares_strings(in->op) ||
        avx_stands_alone(in))
        return true;
    if (d->kind == OPND_MEM)
        return true;
    if (d->kind != OPND_GPR)
        return false;
    switch (avx_as_sse(in->op)) {
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
    switch (avx_as_sse(in->op)) {
    case OP_MOVSS: case OP_MOVSD: case OP_MOVUPS: case OP_MOVUPD: case OP_MOVDQU: case OP_MOVLPS: case OP_MOVLPD:
        return true;
    case OP_MOVD: case OP_MOVQ: return in->o[1].kind == OPND_XMM;
    default: return in->op == OP_VEXTRACTF128 || in->op == OP_VEXTRACTI128;
    }
}

/* It reads nothing of what the store writes. */
static bool apart_from_store(const struct insn *in)
{
    const struct insn *st = &run.store.in;
    uint32_t above = in->disp - st->disp, size = 0;
    for (unsigned i = 1; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM)
            size = in->o[i].size;
    return in->base == st->base && in->index == st->index && in->scale == st->scale && in->seg == st->seg &&
           above >= st->o[0].size && above <= -size;
}

static bool compares(unsigned op)
{
    op = avx_as_sse(op);
    return op == OP_COMISS || op == OP_COMISD || op == OP_UCOMISS || op == OP_UCOMISD;
}

static bool names(const struct insn *in, unsigned from, unsigned to, unsigned x)
{
    for (unsigned i = from; i < to; i++)
        if ((in->o[i].kind == OPND_XMM && in->o[i].reg == x) ||
            (in->o[i].kind == OPND_YMM && in->o[i].reg == x % SIMD_UPPER))
            return true;
    return false;
}

/* For what the instruction writes, and for values that will get copies of their own. */
static bool room_for_copies(const struct insn *in)
{
    unsigned n = (unsigned)__builtin_popcount(run.copies);
    for (unsigned x = 0; x < SIMD_REGS; x++)
        n += !run.copy[x] && (run.where[x] == LOW8 || names(in, 0, 1, x) ||
                              (run.where[x] == ZERO && names(in, 0, in->nopnd, x)));
    return n <= COPIES;
}

/* Whether it can join the run behind instructions that add so much to general registers. */
static bool can_join(const struct emit *e, const struct insn *in, const uint32_t *adds)
{
    if (part_of(e, in) == PART_NONE || !room_for_copies(in))
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
    if (run.cut)
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
        a64_memo_forget(e);
        return false;
    }
    a64_ld1r(e, bytes == 8 ? A64_2D : A64_4S, run_write(e, x, 16), m.base);
    run.done = next;
    return true;
}

/* Has a form with three operands which costs no more. */
static bool takes_third(const struct emit *e, const struct insn *in, unsigned x)
{
    const struct opnd *d = &in->o[0];
    if (decode_op_class(in->op) == CLASS_AVX || d->kind != OPND_XMM || d->reg != x || !(d->access & ACCESS_R) ||
        (in->nopnd != 2 && in->o[2].kind != OPND_IMM))
        return false;
    switch (in->op) {
    case OP_PBLENDVB: case OP_BLENDVPS: case OP_BLENDVPD: return false;
    case OP_ADDSS: case OP_SUBSS: case OP_MULSS: case OP_DIVSS: case OP_MINSS: case OP_MAXSS:
    case OP_ADDSD: case OP_SUBSD: case OP_MULSD: case OP_DIVSD: case OP_MINSD: case OP_MAXSD:
    case OP_ADDPS: case OP_SUBPS: case OP_MULPS: case OP_DIVPS: case OP_MINPS: case OP_MAXPS:
    case OP_ADDPD: case OP_SUBPD: case OP_MULPD: case OP_DIVPD: case OP_MINPD: case OP_MAXPD: return e->exact;
    default: return part_of(e, in) == PART_INT;
    }
}

bool run_rename(const struct emit *e, unsigned x, unsigned from)
{
    unsigned next = run.pending ? 0 : joining(e, false);
    if (!next || !takes_third(e, e->tr->insn[next].in, x))
        return false;
    run.renamed.index = next;
    run.renamed.x = x;
    run.renamed.from = from;
    return true;
}

static struct insn with_third(const struct insn *in)
{
    struct insn s = *in;
    s.o[3] = (struct opnd){OPND_XMM, (uint8_t)run.renamed.from, 16, ACCESS_R};
    if (s.o[1].kind == OPND_XMM && s.o[1].reg == run.renamed.x)
        s.o[1].reg = (uint8_t)run.renamed.from;
    return s;
}

bool a64_simd_joins(const struct emit *e)
{
    return run.open && e->index > run.start && e->index <= run.next;
}

bool a64_simd_delays(const struct emit *e)
{
    return a64_simd_joins(e) && e->index < run.next;
}

/* ---- what is known ---- */

static void forget(void)
{
    memset(run.width, 16, sizeof run.width);
    run.naligned = 0;
}

void a64_simd_begin(void)
{
    run.open = false;
    run.known = 0;
    forget();
}

/* Facts hold as long as only instructions come that do not touch what they are about, one behind the
 * other. */
static void update_known(const struct emit *e)
{
    if (run.known > e->index) /* it is emitted anew */
        forget();
    for (unsigned i = run.known; i < e->index; i++) {
        const struct insn *in = e->tr->insn[i].in;
        uint32_t adds;
        if ((i && !follows(e, i)) || (in->flags & INSN_END) || has_kind(in, OPND_XMM) ||
            decode_op_class(in->op) > CLASS_STRING)
            forget();
        else if (!plain_int(in, &adds))
            run.naligned = 0;
        else
            forget_alignment(in->o[0].reg, adds);
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
        begin(e, e->index);
    struct insn third;
    if (run.renamed.index && run.renamed.index == e->index) {
        third = with_third(in);
        in = &third;
    }
    if (run.done && run.done == e->index)
        ; /* already */
    else if (part == PART_INT)
        simd_int(e, in);
    else if (part == PART_FP)
        simd_fp(e, in);
    else if (part == PART_AVX)
        avx_insn(e, in);
    else
        simd_move(e, in);
    if (in->o[0].kind == OPND_GPR)
        forget_alignment(in->o[0].reg, 1);
    if (simd_compares_strings(in->op))
        forget_alignment(REG_ECX, 1);
    if (run.open && ((stands_alone(in) && !run.store.is) || !(run.next = joining(e, true))))
        run_settle(e);
    return true;
}
