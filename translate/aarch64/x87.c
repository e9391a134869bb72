/* x87 instructions -> AArch64 code; x87.h has the representation.
 *
 * A run is a straight stretch of instructions within which x9 does not change: the offset of ST(0) from it
 * is known while translating (e->x87.pushed), T may hold ST(0), and C1 may be known to be 0. It begins with a
 * check that the unit is live and that no access within the run meets an empty register, no push a full one;
 * if not, the interpreter executes all of it. At its end (settle) memory, x9 and x12 are brought up to date. */
#include "translate/aarch64/x87.h"

#include "core/fp.h"
#include "decode/decode.h"
#include "translate/aarch64/insn.h"

enum { T = A64_X87_T, TE = A64_X87_TE, P = A64_X87_P, LOST = A64_X87_LOST, PE = A64_X87_PE,
       B = 2, BE = 3, PUSHED_MAX = 7, SW_C1_BIT = 9 };
#define SIGN (UINT64_C(1) << 63)
#define FPU(field) offsetof(struct cpu, fpu.field)

/* ---- what is executed rarely, behind the code ---- */

enum cold_kind {
    COLD_START, /* the check at the begin of a run failed */
    COLD_REST,  /* cw is not the usual one: the interpreter executes the rest of the run */
    COLD_OFF,   /* the same at its end: the state goes to cpu->fpu */
    COLD_TIE,   /* a double's rounding: exact, or a tie */
};
struct cold {
    uint32_t at, back, end; /* end: of the run */
    uint16_t index, last;   /* instructions that the interpreter executes */
    uint8_t kind, form, form_end, need, room;
    struct a64_x87_state state;
};
static struct cold colds[TRANSLATE_INSN_MAX * 2];
static unsigned ncolds, first_cold; /* of the run */

/* The branch just emitted at `at` leads there. */
static struct cold *cold(struct emit *e, uint8_t *at, enum cold_kind kind)
{
    struct cold *c = &colds[ncolds++];
    *c = (struct cold){.at = (uint32_t)(at - e->tr->code), .back = emit_off(e), .index = (uint16_t)e->index,
                       .kind = (uint8_t)kind, .form = e->form, .state = e->x87};
    return c;
}

/* ---- T and the slots ---- */

static int at_st(const struct emit *e, unsigned i)
{
    return 16 * ((int)i - e->x87.pushed);
}

static void ldp(struct emit *e, unsigned sig, unsigned i)
{
    a64_must(a64_ldst_pair(e, A64_LDP_X, sig, sig + 1, P, at_st(e, i), A64_PAIR));
}

static void stp(struct emit *e, unsigned sig, unsigned i)
{
    a64_must(a64_ldst_pair(e, A64_STP_X, sig, sig + 1, P, at_st(e, i), A64_PAIR));
}

static void want_t(struct emit *e)
{
    if (!e->x87.cached)
        ldp(e, T, 0);
    e->x87.cached = true;
}

/* T is in memory, too. */
static void flush_t(struct emit *e)
{
    if (e->x87.dirty)
        stp(e, T, 0);
    e->x87.dirty = false;
}

static void drop_t(struct emit *e)
{
    flush_t(e);
    e->x87.cached = false;
}

static void t_is_new(struct emit *e)
{
    e->x87.cached = e->x87.dirty = true;
}

static void pop(struct emit *e)
{
    e->x87.pushed--;
    e->x87.cached = e->x87.dirty = false;
}

/* ST(i) -> register pair d. */
static void get_st(struct emit *e, unsigned d, unsigned i)
{
    if (i || !e->x87.cached) {
        ldp(e, d, i);
    } else {
        a64_mov(e, A64_X, d, T);
        a64_mov(e, A64_X, d + 1, TE);
    }
}

static void add_to_p(struct emit *e, int bytes)
{
    if (bytes > 0)
        a64_must(a64_add_imm(e, A64_X, P, P, (unsigned)bytes));
    else if (bytes < 0)
        a64_must(a64_sub_imm(e, A64_X, P, P, (unsigned)-bytes));
}

static void check_cw(struct emit *e, enum cold_kind kind)
{
    a64_cpu_load(e, A64_LDRH, A64_TMP0, FPU(cw));
    a64_const(e, A64_TMP1, 0xf3f);
    a64_and(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1);
    a64_must(a64_sub_imm(e, A64_W, A64_TMP0, A64_TMP0, 0x33f));
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_TMP0, 0));
    cold(e, at, kind);
}

static void settle_registers(struct emit *e)
{
    drop_t(e);
    if (e->x87.c1_zero)
        a64_mov(e, A64_X, LOST, A64_ZR);
    add_to_p(e, at_st(e, 0));
    e->x87.pushed = 0;
    e->x87.c1_zero = false;
}

/* For the last instruction pointers: as the interpreter's note() keeps them. */
static void store_note(struct emit *e)
{
    const struct insn *in = e->x87.noted[0], *mem = e->x87.noted[1];
    if (!in)
        return;
    uint64_t fop = (in->opcode & 7u) << 8 | in->modrm, note = in->eip | fop << 32;
    if (mem)
        note |= UINT64_C(1) << A64_X87_NOTE_MEM | (uint64_t)mem->seg << (A64_X87_NOTE_MEM + 1);
    a64_const64(e, A64_TMP0, note);
    a64_cpu_store(e, A64_STR_X, A64_TMP0, offsetof(struct cpu, host.x87_image) + 8);
}

/* The operand pointer, if no later instruction of the run has one; not before the access. */
static void note_address(struct emit *e, const struct insn *in, const struct a64_mem *m)
{
    unsigned base = m->base;
    if (e->index != e->x87.last_mem)
        return;
    if (m->disp) {
        if (!a64_add_imm(e, A64_W, A64_TARGET, base, (uint32_t)m->disp) &&
            !a64_sub_imm(e, A64_W, A64_TARGET, base, -(uint32_t)m->disp)) {
            a64_const(e, A64_TARGET, (uint32_t)m->disp);
            a64_add(e, A64_W, A64_TARGET, A64_TARGET, base);
        }
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
    if (!e->x87.on)
        return;
    settle_registers(e);
    store_note(e);
    if (e->x87.cw_changed)
        check_cw(e, COLD_OFF);
    for (unsigned i = first_cold; i < ncolds; i++) {
        colds[i].end = emit_off(e);
        colds[i].last = (uint16_t)last;
        colds[i].form_end = e->form;
    }
    e->x87 = (struct a64_x87_state){0};
}

/* ---- runs ---- */

struct effect {
    uint8_t need;  /* registers that must be full */
    uint8_t push, pops;
};

static bool mem_ok(const struct emit *e, const struct insn *in)
{
    if ((in->flags & INSN_ADDR16) || in->seg == SEG_FS)
        return false;
    if (in->seg == SEG_GS)
        return e->tr->mode & MODE_GS_PLAIN;
    return in->seg != SEG_CS || !(in->o[0].access & ACCESS_W);
}

static bool is_mem(const struct insn *in)
{
    return in->nopnd && in->o[0].kind == OPND_MEM;
}

static unsigned pops_of(unsigned op)
{
    switch (op) {
    case OP_FADDP: case OP_FMULP: case OP_FSUBP: case OP_FSUBRP: case OP_FDIVP: case OP_FDIVRP:
    case OP_FSTP: case OP_FISTP: case OP_FISTTP: case OP_FCOMP: case OP_FUCOMP: case OP_FICOMP:
    case OP_FCOMIP: case OP_FUCOMIP: return 1;
    case OP_FCOMPP: case OP_FUCOMPP: return 2;
    default: return 0;
    }
}

/* What a64_x87 has code for: its effect on the stack. */
static bool effect_of(const struct emit *e, const struct insn *in, struct effect *f)
{
    *f = (struct effect){.pops = (uint8_t)pops_of(in->op)};
    if (is_mem(in) && (!mem_ok(e, in) || in->o[0].size > 10))
        return false;
    switch (in->op) {
    case OP_FLD: case OP_FILD: case OP_FLD1: case OP_FLDL2T: case OP_FLDL2E: case OP_FLDPI: case OP_FLDLG2:
    case OP_FLDLN2: case OP_FLDZ:
        f->push = 1;
        f->need = in->op == OP_FLD && !is_mem(in) ? in->o[0].reg + 1u : 0;
        return true;
    case OP_FNSTSW: case OP_FLDCW: case OP_FWAIT: return true;
    case OP_FST: case OP_FSTP:
        f->need = is_mem(in) ? 1 : in->o[0].reg + 1u;
        return true;
    case OP_FIST: case OP_FISTP: case OP_FISTTP: case OP_FSQRT: case OP_FRNDINT: case OP_FCHS: case OP_FABS:
    case OP_FTST: case OP_FIADD: case OP_FIMUL: case OP_FISUB: case OP_FISUBR: case OP_FIDIV: case OP_FIDIVR:
    case OP_FICOM: case OP_FICOMP: f->need = 1; return true;
    case OP_FADD: case OP_FMUL: case OP_FSUB: case OP_FSUBR: case OP_FDIV: case OP_FDIVR:
    case OP_FADDP: case OP_FMULP: case OP_FSUBP: case OP_FSUBRP: case OP_FDIVP: case OP_FDIVRP:
    case OP_FCOM: case OP_FCOMP: case OP_FCOMPP: case OP_FUCOM: case OP_FUCOMP: case OP_FUCOMPP:
    case OP_FCOMI: case OP_FCOMIP: case OP_FUCOMI: case OP_FUCOMIP: case OP_FXCH:
        f->need = 1;
        for (unsigned i = 0; i < in->nopnd; i++)
            if (in->o[i].kind == OPND_ST && in->o[i].reg >= f->need)
                f->need = in->o[i].reg + 1u;
        if (!in->nopnd)
            f->need = 2;
        return true;
    default: return false;
    }
}

/* Control instructions are not. */
static bool is_noted(unsigned op)
{
    return op != OP_FNSTSW && op != OP_FLDCW && op != OP_FWAIT;
}

/* pushed behind the instruction; false if that is more than a run can have. */
static bool follow(const struct effect *f, int *pushed)
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
        struct effect f;
        if (i > e->index && (a64_is_leader(e, i) || tr->insn[i - 1].in->next != in->eip))
            break;
        if (in->flags & INSN_END)
            break;
        bool known = effect_of(e, in, &f);
        if (!known && decode_op_class(in->op) == CLASS_X87 && in->op != OP_FNSTCW)
            break;
        if (!known)
            continue;
        int before = pushed;
        if (f.need - before > 8 || !follow(&f, &pushed)) /* check_stack can ask for no more */
            break;
        last = i;
        if (is_noted(in->op) && is_mem(in))
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
    struct cold *c = cold(e, at, COLD_START);
    c->need = (uint8_t)run_need;
    c->room = (uint8_t)run_room;
}

static void start(struct emit *e)
{
    first_cold = ncolds;
    unsigned last_mem = UINT16_MAX, last = survey(e, &run_need, &run_room, &last_mem);
    check_stack(e, run_need, run_room, start_failed);
    for (unsigned i = first_cold; i < ncolds; i++)
        colds[i].back = emit_off(e);
    e->x87 = (struct a64_x87_state){.on = true, .last = (uint16_t)last, .last_mem = (uint16_t)last_mem};
    e->x87_off = false;
}

/* ---- ways to the interpreter ---- */

static void slow(struct emit *e, uint8_t *at, enum a64_x87_way way)
{
    e->x87.way = (uint8_t)way;
    a64_slow(e, at);
    e->x87.way = X87_PLAIN;
}

/* A leaf routine; `way`: X87_LEAF or X87_LEAF_NEG. */
static void leaf(struct emit *e, const char *routine, enum a64_x87_way way)
{
    a64_call(e, routine);
    uint8_t *at = e->p;
    a64_must(a64_tbnz(e, TE, A64_X87_SLOW_BIT, 0));
    slow(e, at, way);
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
    e->x87 = (struct a64_x87_state){0};
}

/* Back to the state that code expects behind it. (What has a slow path cannot make the state an unusual one.) */
void a64_x87_slow_end(struct emit *e, const struct a64_x87_state *s)
{
    if (!s->on)
        return;
    a64_call(e, a64_x87_load);
    e->x87 = *s;
    add_to_p(e, -at_st(e, 0));
    if (s->cached)
        ldp(e, T, 0);
    e->x87 = (struct a64_x87_state){0};
}

/* ---- operands ---- */

/* A double in x0 -> pair d. */
static void unpack_double(struct emit *e, unsigned d)
{
    a64_must(a64_and_imm(e, A64_X, d + 1, A64_TMP0, SIGN));
    a64_bfxil(e, A64_X, d + 1, A64_TMP0, 52, 11);
    a64_must(a64_add_imm(e, A64_W, A64_TMP1, d + 1, 1));
    a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_TMP1, 0x7fe));
    uint8_t *at = e->p;
    a64_must(a64_cbz(e, A64_W, A64_TMP1, 0));
    unsigned way = d == T ? X87_LOAD_T : X87_LOAD_B;
    e->x87.resume = emit_off(e) + 12;
    slow(e, at, way);
    a64_must(a64_sub_imm(e, A64_X, d + 1, d + 1, 1));
    a64_lsl_imm(e, A64_X, d, A64_TMP0, 11);
    a64_must(a64_orr_imm(e, A64_X, d, d, SIGN));
}

static void load_mem(struct emit *e, const struct insn *in, enum a64_ldst op, unsigned log2)
{
    struct a64_mem m;
    a64_must(a64_mem(e, in, log2, &m));
    a64_load(e, op, A64_TMP0, &m);
    note_address(e, in, &m);
}

/* An 80-bit operand: the significand; *se: sign and exponent. */
static struct a64_mem mem_f80(struct emit *e, const struct insn *in, struct a64_mem *se)
{
    int32_t disp;
    int base = a64_addr(e, in, 0, 8, &disp);
    xassert(base >= 0);
    if (!a64_disp_ok_unscaled(disp) || !a64_disp_ok_unscaled(disp + 8)) {
        a64_must(a64_add_imm(e, A64_W, A64_ADDR, (unsigned)base, (uint32_t)disp)); /* below 4096 */
        base = A64_ADDR;
        disp = 0;
    }
    *se = a64_at((unsigned)base, disp + 8);
    return a64_at((unsigned)base, disp);
}

static bool is_int(unsigned op)
{
    switch (op) {
    case OP_FILD: case OP_FIADD: case OP_FIMUL: case OP_FISUB: case OP_FISUBR: case OP_FIDIV: case OP_FIDIVR:
    case OP_FICOM: case OP_FICOMP: return true;
    default: return false;
    }
}

/* The memory operand -> T, which is in memory before. */
static void load_t(struct emit *e, const struct insn *in)
{
    unsigned size = in->o[0].size;
    drop_t(e);
    if (is_int(in->op)) {
        load_mem(e, in, size == 2 ? A64_LDRSH_X : size == 4 ? A64_LDRSW : A64_LDR_X,
                 size == 2 ? 1 : size == 4 ? 2 : 3);
        a64_call(e, a64_x87_from_int);
    } else if (size == 10) {
        struct a64_mem se, m = mem_f80(e, in, &se);
        a64_load(e, A64_LDR_X, A64_TMP0, &m);
        a64_load(e, A64_LDRH, A64_TMP1, &se);
        note_address(e, in, &m);
        a64_call(e, a64_x87_from_f80);
    } else if (size == 4) {
        load_mem(e, in, A64_LDR_W, 2);
        leaf(e, a64_x87_from_float, X87_PLAIN);
    } else {
        load_mem(e, in, A64_LDR_X, 3);
        unpack_double(e, T);
    }
}

/* ST(0) is in T and the other operand in B, or the other way round; true if so. */
static bool operands(struct emit *e, const struct insn *in)
{
    if (is_mem(in) && (is_int(in->op) || in->o[0].size == 4)) {
        load_t(e, in);
        ldp(e, B, 0);
        return true;
    }
    want_t(e);
    if (is_mem(in)) {
        load_mem(e, in, A64_LDR_X, 3);
        unpack_double(e, B);
    } else {
        unsigned i = in->nopnd == 2 ? (in->o[0].reg ? in->o[0].reg : in->o[1].reg)
                     : in->nopnd ? in->o[0].reg : 1;
        get_st(e, B, i);
    }
    return false;
}

/* The usual rounding is needed now. */
static void want_cw(struct emit *e)
{
    if (!e->x87.cw_changed)
        return;
    check_cw(e, COLD_REST);
    e->x87.cw_changed = false;
}

/* ---- arithmetic ---- */

enum arith { ADD, SUB, SUBR, MUL, DIV, DIVR };

static enum arith arith_of(unsigned op)
{
    switch (op) {
    case OP_FADD: case OP_FADDP: case OP_FIADD: return ADD;
    case OP_FSUB: case OP_FSUBP: case OP_FISUB: return SUB;
    case OP_FSUBR: case OP_FSUBRP: case OP_FISUBR: return SUBR;
    case OP_FMUL: case OP_FMULP: case OP_FIMUL: return MUL;
    case OP_FDIV: case OP_FDIVP: case OP_FIDIV: return DIV;
    default: return DIVR;
    }
}

static void arith(struct emit *e, const struct insn *in)
{
    static const char *const routine[] = {a64_x87_add, a64_x87_sub, a64_x87_subr,
                                          a64_x87_mul, a64_x87_div, a64_x87_divr};
    static const uint8_t reversed[] = {ADD, SUBR, SUB, MUL, DIVR, DIV};
    enum arith op = arith_of(in->op);
    unsigned dest = is_mem(in) ? 0 : in->o[0].reg;
    want_cw(e);
    if (operands(e, in) || dest)
        op = reversed[op];
    if (dest && !pops_of(in->op))
        flush_t(e);
    leaf(e, routine[op], op == SUBR ? X87_LEAF_NEG : X87_LEAF);
    e->x87.c1_zero = false;
    if (!dest) {
        t_is_new(e);
        if (pops_of(in->op))
            pop(e);
    } else if (pops_of(in->op) && dest == 1) {
        pop(e);
        t_is_new(e);
    } else {
        stp(e, T, dest);
        e->x87.cached = false;
        if (pops_of(in->op))
            pop(e);
    }
}

static void unary(struct emit *e, const struct insn *in)
{
    switch (in->op) {
    case OP_FCHS:
        want_t(e);
        a64_must(a64_eor_imm(e, A64_X, TE, TE, SIGN));
        e->x87.c1_zero = true;
        break;
    case OP_FABS:
        want_t(e);
        a64_must(a64_and_imm(e, A64_X, TE, TE, ~SIGN));
        e->x87.c1_zero = true;
        break;
    case OP_FSQRT:
        want_cw(e);
        want_t(e);
        leaf(e, a64_x87_sqrt, X87_LEAF);
        e->x87.c1_zero = false;
        break;
    default: /* FRNDINT */
        want_t(e);
        if (e->x87.cw_changed) {
            a64_cpu_load(e, A64_LDRH, A64_TMP3, FPU(cw));
            a64_ubfx(e, A64_W, A64_TMP3, A64_TMP3, 10, 2);
        } else {
            a64_mov(e, A64_W, A64_TMP3, A64_ZR);
        }
        leaf(e, a64_x87_rint, X87_LEAF);
        e->x87.c1_zero = false;
        break;
    }
    t_is_new(e);
}

/* ---- loads ---- */

static void constant(struct emit *e, unsigned op)
{
    static const struct { uint16_t op; uint16_t se; uint64_t sig; } k[] = {
        {OP_FLD1, 0x3fff, UINT64_C(0x8000000000000000)}, {OP_FLDL2T, 0x4000, UINT64_C(0xd49a784bcd1b8afe)},
        {OP_FLDL2E, 0x3fff, UINT64_C(0xb8aa3b295c17f0bc)}, {OP_FLDPI, 0x4000, UINT64_C(0xc90fdaa22168c235)},
        {OP_FLDLG2, 0x3ffd, UINT64_C(0x9a209a84fbcff799)}, {OP_FLDLN2, 0x3ffe, UINT64_C(0xb17217f7d1cf79ac)},
    };
    a64_mov(e, A64_X, T, A64_ZR);
    a64_mov(e, A64_X, TE, A64_ZR);
    for (size_t i = 0; i < ARRAY_SIZE(k); i++)
        if (k[i].op == op) {
            e->p -= 8;
            if (k[i].sig == SIGN)
                a64_mov_imm64(e, T, SIGN);
            else
                a64_const64(e, T, k[i].sig);
            a64_mov_imm32(e, TE, k[i].se - (16383u - A64_X87_BIAS));
        }
}

static void load(struct emit *e, const struct insn *in)
{
    if (is_mem(in)) {
        load_t(e, in);
    } else if (in->op == OP_FLD) {
        want_t(e);
        flush_t(e);
        if (in->o[0].reg)
            ldp(e, T, in->o[0].reg);
    } else {
        if (in->op != OP_FLD1 && in->op != OP_FLDZ)
            want_cw(e);
        drop_t(e);
        constant(e, in->op);
    }
    e->x87.pushed++;
    e->x87.c1_zero = true;
    t_is_new(e);
}

static void exchange(struct emit *e, const struct insn *in)
{
    unsigned i = in->o[in->nopnd - 1].reg;
    e->x87.c1_zero = true;
    if (!i)
        return;
    want_t(e);
    ldp(e, A64_TMP0, i);
    stp(e, T, i);
    a64_mov(e, A64_X, T, A64_TMP0);
    a64_mov(e, A64_X, TE, A64_TMP1);
    t_is_new(e);
}

/* ---- stores ---- */

static void store_double(struct emit *e, const struct insn *in)
{
    struct a64_mem m;
    a64_must(a64_mem(e, in, 3, &m));
    a64_must(a64_add_imm(e, A64_W, A64_TMP0, TE, 3)); /* from 2^1023 on: perhaps an overflow */
    a64_lsr_imm(e, A64_W, A64_TMP0, A64_TMP0, 11);
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_TMP0, 0));
    slow(e, at, X87_PLAIN);
    a64_lsr_imm(e, A64_X, A64_TMP1, T, 11);
    a64_lsl_imm(e, A64_X, LOST, T, 53);
    a64_add_sh(e, A64_X, A64_TMP1, A64_TMP1, TE, A64_LSL, 52); /* the top bit adds 1 */
    a64_lsl_imm(e, A64_X, A64_TMP0, LOST, 1);
    at = e->p;
    a64_must(a64_cbz(e, A64_X, A64_TMP0, 0));
    struct cold *c = cold(e, at, COLD_TIE);
    a64_add_sh(e, A64_X, A64_TMP1, A64_TMP1, LOST, A64_LSR, 63);
    c->back = emit_off(e);
    a64_must(a64_and_imm(e, A64_X, A64_TMP0, TE, SIGN));
    a64_orr(e, A64_X, A64_TMP1, A64_TMP1, A64_TMP0);
    a64_store(e, A64_STR_X, A64_TMP1, &m);
    note_address(e, in, &m);
    a64_orr(e, A64_X, PE, PE, LOST);
}

/* What the leaf routine left in x5 and x4. */
static void store_converted(struct emit *e, const struct insn *in, enum a64_ldst op, unsigned log2)
{
    struct a64_mem m;
    a64_must(a64_mem(e, in, log2, &m));
    a64_store(e, op, A64_TMP5, &m);
    note_address(e, in, &m);
    a64_mov(e, A64_X, LOST, A64_TMP4);
    a64_orr(e, A64_X, PE, PE, A64_TMP4);
}

static void store_register(struct emit *e, unsigned i, bool pops)
{
    e->x87.c1_zero = true;
    if (i)
        want_t(e);
    if (pops && i == 1) { /* that is ST(0) behind the pop */
        e->x87.pushed--;
        t_is_new(e);
        return;
    }
    if (i)
        stp(e, T, i);
    if (pops)
        pop(e);
}

static void store_f80(struct emit *e, const struct insn *in)
{
    a64_call(e, a64_x87_to_f80);
    struct a64_mem se, m = mem_f80(e, in, &se);
    a64_store(e, A64_STRH, A64_TMP4, &se);
    a64_store(e, A64_STR_X, A64_TMP5, &m);
    note_address(e, in, &m);
    e->x87.c1_zero = true;
    pop(e);
}

static void store(struct emit *e, const struct insn *in)
{
    if (!is_mem(in)) {
        store_register(e, in->o[0].reg, in->op == OP_FSTP);
        return;
    }
    want_t(e);
    if (in->o[0].size == 10) {
        store_f80(e, in);
        return;
    }
    want_cw(e);
    if (in->o[0].size == 8) {
        store_double(e, in);
    } else {
        leaf(e, a64_x87_to_float, X87_LEAF);
        store_converted(e, in, A64_STR_W, 2);
    }
    e->x87.c1_zero = false;
    if (in->op == OP_FSTP)
        pop(e);
}

static void store_int(struct emit *e, const struct insn *in)
{
    unsigned size = in->o[0].size;
    want_t(e);
    a64_mov_imm32(e, A64_TMP2, 8 * size);
    if (in->op == OP_FISTTP) {
        a64_mov_imm32(e, A64_TMP3, FP_ZERO);
    } else if (e->x87.cw_changed) {
        a64_cpu_load(e, A64_LDRH, A64_TMP3, FPU(cw));
        a64_ubfx(e, A64_W, A64_TMP3, A64_TMP3, 10, 2);
    } else {
        a64_mov(e, A64_W, A64_TMP3, A64_ZR);
    }
    leaf(e, a64_x87_to_int, X87_LEAF);
    store_converted(e, in, size == 2 ? A64_STRH : size == 4 ? A64_STR_W : A64_STR_X,
                    size == 2 ? 1 : size == 4 ? 2 : 3);
    e->x87.c1_zero = false;
    if (in->op != OP_FIST)
        pop(e);
}

/* ---- comparisons ---- */

static bool to_eflags(unsigned op)
{
    return op == OP_FCOMI || op == OP_FCOMIP || op == OP_FUCOMI || op == OP_FUCOMIP;
}

/* C3, C2, C0 of the status word from w5: 0 less, 1 equal, 2 greater. */
static void condition_codes(struct emit *e)
{
    a64_mov_imm64(e, A64_TMP0, 0x100 | 0x4000 << 16);
    a64_lsl_imm(e, A64_W, A64_TMP5, A64_TMP5, 4);
    a64_lsrv(e, A64_X, A64_TMP0, A64_TMP0, A64_TMP5);
    a64_uxth(e, A64_W, A64_TMP0, A64_TMP0);
    a64_cpu_load(e, A64_LDRH, A64_TMP1, FPU(sw));
    a64_const(e, A64_TMP2, 0x4500);
    a64_bic(e, A64_W, A64_TMP1, A64_TMP1, A64_TMP2);
    a64_orr(e, A64_W, A64_TMP1, A64_TMP1, A64_TMP0);
    a64_cpu_store(e, A64_STRH, A64_TMP1, FPU(sw));
    e->x87.c1_zero = true;
}

static void compare(struct emit *e, const struct insn *in)
{
    bool swapped = false;
    if (in->op == OP_FTST) {
        want_t(e);
        a64_mov(e, A64_X, B, A64_ZR);
        a64_mov(e, A64_X, BE, A64_ZR);
    } else {
        swapped = operands(e, in);
    }
    leaf(e, a64_x87_cmp, X87_LEAF);
    if (swapped) {
        a64_mov_imm32(e, A64_TMP0, 2);
        a64_sub(e, A64_W, A64_TMP5, A64_TMP0, A64_TMP5);
    }
    if (to_eflags(in->op)) {
        a64_must(a64_cmp_imm(e, A64_W, A64_TMP5, 1));
        e->form = FORM_FCMP;
    } else {
        condition_codes(e);
    }
    for (unsigned n = pops_of(in->op); n > 0; n--)
        pop(e);
}

/* ---- control ---- */

static void load_cw(struct emit *e, const struct insn *in)
{
    load_mem(e, in, A64_LDRH, 1);
    a64_mvn(e, A64_W, A64_TMP1, A64_TMP0);
    a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_TMP1, FP_ALL));
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_TMP1, 0)); /* exceptions are not masked */
    cold(e, at, COLD_REST);
    a64_const(e, A64_TMP1, 0x1f7f);
    a64_and(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1);
    a64_must(a64_orr_imm(e, A64_W, A64_TMP0, A64_TMP0, 0x40));
    a64_cpu_store(e, A64_STRH, A64_TMP0, FPU(cw));
    e->x87.cw_changed = true;
}

static void store_sw(struct emit *e, const struct insn *in)
{
    a64_cpu_load(e, A64_LDRH, A64_TMP0, FPU(sw));
    if (e->x87.c1_zero) {
        a64_must(a64_and_imm(e, A64_W, A64_TMP0, A64_TMP0, ~(1u << SW_C1_BIT)));
    } else {
        a64_lsr_imm(e, A64_X, A64_TMP1, LOST, 63);
        a64_bfi(e, A64_W, A64_TMP0, A64_TMP1, SW_C1_BIT, 1);
    }
    a64_neg(e, A64_X, A64_TMP1, PE);
    a64_orr(e, A64_X, A64_TMP1, A64_TMP1, PE);
    a64_lsr_imm(e, A64_X, A64_TMP1, A64_TMP1, 63);
    a64_orr_sh(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1, A64_LSL, 5);
    a64_lsr_imm(e, A64_X, A64_TMP1, P, 4);
    if (e->x87.pushed > 0)
        a64_must(a64_sub_imm(e, A64_W, A64_TMP1, A64_TMP1, (unsigned)e->x87.pushed));
    else
        a64_must(a64_add_imm(e, A64_W, A64_TMP1, A64_TMP1, (unsigned)-e->x87.pushed));
    a64_bfi(e, A64_W, A64_TMP0, A64_TMP1, 11, 3);
    if (is_mem(in)) {
        struct a64_mem m;
        a64_must(a64_mem(e, in, 1, &m));
        a64_store(e, A64_STRH, A64_TMP0, &m);
    } else {
        a64_bfi(e, A64_W, A64_EAX, A64_TMP0, 0, 16);
    }
}

static void store_cw(struct emit *e, const struct insn *in)
{
    struct a64_mem m;
    a64_must(a64_mem(e, in, 1, &m));
    a64_cpu_load(e, A64_LDRH, A64_TMP0, FPU(cw));
    a64_store(e, A64_STRH, A64_TMP0, &m);
}

static void emit_insn(struct emit *e, const struct insn *in)
{
    switch (in->op) {
    case OP_FLD: case OP_FILD: case OP_FLD1: case OP_FLDL2T: case OP_FLDL2E: case OP_FLDPI: case OP_FLDLG2:
    case OP_FLDLN2: case OP_FLDZ: load(e, in); break;
    case OP_FST: case OP_FSTP: store(e, in); break;
    case OP_FIST: case OP_FISTP: case OP_FISTTP: store_int(e, in); break;
    case OP_FCHS: case OP_FABS: case OP_FSQRT: case OP_FRNDINT: unary(e, in); break;
    case OP_FXCH: exchange(e, in); break;
    case OP_FNSTSW: store_sw(e, in); break;
    case OP_FLDCW: load_cw(e, in); break;
    case OP_FWAIT: break;
    case OP_FTST: case OP_FCOM: case OP_FCOMP: case OP_FCOMPP: case OP_FUCOM: case OP_FUCOMP: case OP_FUCOMPP:
    case OP_FICOM: case OP_FICOMP: case OP_FCOMI: case OP_FCOMIP: case OP_FUCOMI: case OP_FUCOMIP:
        compare(e, in);
        break;
    default: arith(e, in); break;
    }
}

bool a64_x87(struct emit *e, const struct tr_insn *t)
{
    struct effect f;
    if (t->in->op == OP_FNSTCW && mem_ok(e, t->in)) {
        store_cw(e, t->in);
        return true;
    }
    if (!effect_of(e, t->in, &f))
        return false;
    if (!e->x87.on)
        start(e);
    emit_insn(e, t->in);
    if (is_noted(t->in->op)) {
        e->x87.noted[0] = t->in;
        if (is_mem(t->in))
            e->x87.noted[1] = t->in;
    }
    return true;
}

/* ---- MMX ---- */

void a64_x87_off(struct emit *e)
{
    a64_x87_settle(e, e->index - 1);
    if (!e->x87_off)
        a64_call(e, a64_x87_leave);
    e->x87_off = true;
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
    return s->on ? s->dirty << 2 | s->c1_zero << 3 | s->pushed * 16 : 0;
}

void a64_x87_settle_context(unsigned long long *x, int adjust)
{
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

static void cold_start(struct emit *e, const struct cold *c)
{
    a64_must(a64_sub_imm(e, A64_X, A64_TMP0, P, A64_X87_OFF));
    uint8_t *live = e->p;
    a64_must(a64_cbnz(e, A64_X, A64_TMP0, 0));
    a64_call(e, a64_x87_load);
    nstart_bad = 0;
    check_stack(e, c->need, c->room, bad_again);
    back_to(e, c->back);
    for (unsigned i = 0; i < nstart_bad; i++)
        a64_must(a64_here(e, start_bad[i]));
    a64_must(a64_here(e, live));
    a64_interpret_run(e, c->index, c->last, c->form_end, c->end);
}

static void cold_tie(struct emit *e, const struct cold *c)
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
        const struct cold *c = &colds[i];
        if (!a64_retarget(e->tr->code + c->at, (int64_t)emit_off(e) - c->at))
            e->failed = true;
        e->index = c->index;
        e->form = c->form;
        e->x87 = c->state;
        switch ((enum cold_kind)c->kind) {
        case COLD_START: cold_start(e, c); break;
        case COLD_REST:
            settle_registers(e);
            a64_interpret_run(e, c->index, c->last, c->form_end, c->end);
            break;
        case COLD_OFF:
            a64_call(e, a64_x87_leave);
            back_to(e, c->back);
            break;
        default: cold_tie(e, c); break;
        }
    }
    e->x87 = (struct a64_x87_state){0};
}
