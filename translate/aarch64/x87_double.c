/* --x87=double: x87 instructions on doubles. Within a run ST(i) is in one of d8-d15 once it has been used:
 * FXCH, FLD and FSTP of registers that are used mostly cost nothing. The slots hold the others, and all
 * between runs. Of FILD's integers the slots keep all 64 bits, for FISTP. */
#include "translate/aarch64/x87_emit.h"

enum { V0, V1 };

/* ---- registers ---- */

static unsigned index_of(const struct a64_x87_state *s, unsigned i)
{
    return (i - (unsigned)s->pushed) & 7;
}

static unsigned bit_of(const struct emit *e, unsigned i)
{
    return 1u << index_of(&e->x87, i);
}

static unsigned reg_of(const struct emit *e, unsigned i)
{
    return X87_D0 + e->x87.reg[index_of(&e->x87, i)];
}

/* The register that holds ST(i). */
static unsigned get(struct emit *e, unsigned i)
{
    unsigned r = reg_of(e, i);
    if (!(e->x87.have & bit_of(e, i)))
        a64_must(a64_ldst(e, A64_LDR_D, r, P, x87_at(e, i)));
    e->x87.have |= (uint8_t)bit_of(e, i);
    return r;
}

/* The register that ST(i) will be in: it gets a new value. */
static unsigned put(struct emit *e, unsigned i)
{
    e->x87.have |= (uint8_t)bit_of(e, i);
    e->x87.changed |= (uint8_t)bit_of(e, i);
    e->x87.ints &= (uint8_t)~bit_of(e, i);
    return reg_of(e, i);
}

static unsigned push(struct emit *e)
{
    e->x87.pushed++;
    return put(e, 0);
}

static void pop(struct emit *e)
{
    unsigned stay = ~bit_of(e, 0);
    e->x87.have &= (uint8_t)stay;
    e->x87.changed &= (uint8_t)stay;
    e->x87.ints &= (uint8_t)stay;
    e->x87.pushed--;
}

static void swap_registers(struct emit *e, unsigned i)
{
    uint8_t *a = &e->x87.reg[index_of(&e->x87, 0)], *b = &e->x87.reg[index_of(&e->x87, i)], t = *a;
    *a = *b;
    *b = t;
}

/* ---- FILD's integers: behind the doubles in the slots ---- */

static void load_int(struct emit *e, unsigned r, unsigned i)
{
    a64_must(a64_ldst(e, A64_LDR_X, r, P, x87_at(e, i) + 8));
}

static void store_int(struct emit *e, unsigned r, unsigned i)
{
    a64_must(a64_ldst(e, A64_STR_X, r, P, x87_at(e, i) + 8));
}

static bool is_int(const struct emit *e, unsigned i)
{
    return e->x87.ints & bit_of(e, i);
}

/* ST(to) has become what ST(from) is. */
static void copy_int(struct emit *e, unsigned to, unsigned from)
{
    if (!is_int(e, from))
        return;
    load_int(e, A64_TMP0, from);
    store_int(e, A64_TMP0, to);
    e->x87.ints |= (uint8_t)bit_of(e, to);
}

/* ---- the run ---- */

void x87_double_start(struct a64_x87_state *s)
{
    for (unsigned i = 0; i < 8; i++)
        s->reg[i] = (uint8_t)i;
}

void x87_double_flush(struct emit *e)
{
    for (unsigned i = 0; i < 8; i++)
        if (e->x87.changed & bit_of(e, i))
            a64_must(a64_ldst(e, A64_STR_D, reg_of(e, i), P, x87_at(e, i)));
    e->x87.changed = 0;
}

void x87_double_reload(struct emit *e)
{
    for (unsigned i = 0; i < 8; i++)
        if (e->x87.have & bit_of(e, i))
            a64_must(a64_ldst(e, A64_LDR_D, reg_of(e, i), P, x87_at(e, i)));
}

/* ---- contexts: bits 0, 1 are the flags' form; 2-9 `changed`; 10-13 `pushed`; from 14 on the number of the
 * permutation `reg` ---- */

static unsigned rank_of(const uint8_t reg[8])
{
    unsigned rank = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned less = 0;
        for (unsigned j = i + 1; j < 8; j++)
            less += reg[j] < reg[i];
        rank = rank * (8 - i) + less;
    }
    return rank;
}

static void permutation(unsigned rank, uint8_t reg[8])
{
    for (unsigned i = 8; i-- > 0;) {
        reg[i] = (uint8_t)(rank % (8 - i));
        rank /= 8 - i;
        for (unsigned j = i + 1; j < 8; j++)
            reg[j] = (uint8_t)(reg[j] + (reg[j] >= reg[i]));
    }
}

int x87_double_adjust(const struct a64_x87_state *s)
{
    return s->changed << 2 | (s->pushed & 15) << 10 | (int)(rank_of(s->reg) << 14);
}

void x87_double_settle_context(unsigned long long *x, const void *v, int adjust)
{
    struct a64_x87_state s = {.pushed = (int8_t)((adjust >> 10 & 7) - (adjust >> 10 & 8)),
                              .changed = (uint8_t)(adjust >> 2)};
    permutation((unsigned)adjust >> 14, s.reg);
    for (unsigned i = 0; i < 8; i++)
        if (s.changed >> index_of(&s, i) & 1)
            memcpy((void *)(uintptr_t)(x[P] + 16 * (uint64_t)(int64_t)((int)i - s.pushed)),
                   (const uint8_t *)v + 16 * (X87_D0 + s.reg[index_of(&s, i)]), 8);
    x[P] -= 16 * (uint64_t)(int64_t)s.pushed;
}

/* ---- loads ---- */

/* The memory operand as a double in d`v`; FILD of 64 bits leaves the integer in x0. */
static void load_mem(struct emit *e, const struct insn *in, unsigned v)
{
    static const enum a64_ldst ints[] = {[2] = A64_LDRSH_W, [4] = A64_LDR_W, [8] = A64_LDR_X};
    unsigned size = in->o[0].size;
    struct a64_mem m, se;
    if (x87_is_int(in->op)) {
        x87_load_mem(e, in, ints[size], (unsigned)__builtin_ctz(size));
        a64_scvtf(e, size == 8 ? A64_X : A64_W, A64_D, v, A64_TMP0);
    } else if (size == 10) {
        m = x87_mem_f80(e, in, &se);
        a64_load(e, A64_LDR_X, A64_TMP0, &m);
        a64_load(e, A64_LDRH, A64_TMP1, &se);
        a64_call(e, a64_x87_double_from_f80);
        a64_fmov(e, A64_D, v, V0);
    } else {
        a64_must(a64_mem(e, in, size == 8 ? 3 : 2, &m));
        a64_load(e, size == 8 ? A64_LDR_D : A64_LDR_S, v, &m);
        if (size == 4)
            a64_fcvt(e, A64_D, A64_S, v, v);
    }
}

static void constant(struct emit *e, unsigned op, unsigned d)
{
    static const struct { uint16_t op; double value; } k[] = {
        {OP_FLD1, 1}, {OP_FLDL2T, 0x1.a934f0979a371p+1}, {OP_FLDL2E, 0x1.71547652b82fep+0},
        {OP_FLDPI, 0x1.921fb54442d18p+1}, {OP_FLDLG2, 0x1.34413509f79ffp-2}, {OP_FLDLN2, 0x1.62e42fefa39efp-1},
    };
    for (size_t i = 0; i < ARRAY_SIZE(k); i++) {
        uint64_t bits;
        if (k[i].op != op || a64_fmov_imm(e, A64_D, d, k[i].value))
            continue;
        memcpy(&bits, &k[i].value, sizeof bits);
        a64_const64(e, A64_TMP0, bits);
        a64_fmov_from_gpr(e, A64_X, d, A64_TMP0);
    }
    if (op == OP_FLDZ)
        a64_fmov_from_gpr(e, A64_X, d, A64_ZR);
}

/* The next instruction computes ST(0) from registers: it can take a copy from where it is. (It cannot fault,
 * so nobody sees that the copy has not been made.) */
static bool next_takes(const struct emit *e)
{
    unsigned i = e->index + 1;
    if (i > e->x87.last || e->x87.cw_changed)
        return false;
    const struct insn *in = e->tr->insn[i].in;
    switch (in->op) {
    case OP_FADD: case OP_FMUL: case OP_FSUB: case OP_FSUBR: case OP_FDIV: case OP_FDIVR:
        return !x87_is_mem(in) && !in->o[0].reg;
    case OP_FCHS: case OP_FABS: case OP_FSQRT: return true;
    default: return false;
    }
}

/* The register to read ST(0) from, by an instruction that writes it. */
static unsigned take(struct emit *e)
{
    unsigned r = e->x87.copied ? e->x87.copied : get(e, 0);
    e->x87.copied = 0;
    return r;
}

static void load(struct emit *e, const struct insn *in)
{
    if (x87_is_mem(in)) {
        /* what is pushed is in a register that no other has: it may be written before the access */
        e->x87.pushed++;
        unsigned d = reg_of(e, 0);
        e->x87.pushed--;
        load_mem(e, in, d);
        push(e);
        if (x87_is_int(in->op) && in->o[0].size == 8) {
            store_int(e, A64_TMP0, 0);
            e->x87.ints |= (uint8_t)bit_of(e, 0);
        }
    } else if (in->op == OP_FLD) {
        unsigned from = get(e, in->o[0].reg), to = push(e);
        if (next_takes(e))
            e->x87.copied = (uint8_t)from;
        else
            a64_fmov(e, A64_D, to, from);
        copy_int(e, 0, in->o[0].reg + 1);
    } else {
        constant(e, in->op, push(e));
    }
}

static void exchange(struct emit *e, const struct insn *in)
{
    unsigned i = in->o[in->nopnd - 1].reg;
    if (!i)
        return;
    get(e, 0);
    get(e, i);
    bool a = is_int(e, 0), b = is_int(e, i);
    if (a || b) {
        load_int(e, A64_TMP0, 0);
        load_int(e, A64_TMP1, i);
        store_int(e, A64_TMP0, i);
        store_int(e, A64_TMP1, 0);
    }
    swap_registers(e, i);
    put(e, 0);
    put(e, i);
    e->x87.ints |= (uint8_t)((a ? bit_of(e, i) : 0) | (b ? bit_of(e, 0) : 0));
}

static void move_if(struct emit *e, const struct insn *in)
{
    unsigned from = get(e, in->o[1].reg), old = get(e, 0);
    a64_fcsel(e, A64_D, put(e, 0), from, old, a64_cond_of(e, in->cc));
}

/* ---- stores ---- */

static void store_register(struct emit *e, unsigned i, bool pops)
{
    unsigned from = i ? get(e, 0) : 0;
    if (i && pops) {
        swap_registers(e, i);
        put(e, i);
        copy_int(e, i, 0);
    } else if (i) {
        a64_fmov(e, A64_D, put(e, i), from);
        copy_int(e, i, 0);
    }
    if (pops)
        pop(e);
}

static void store_mem(struct emit *e, const struct insn *in)
{
    unsigned size = in->o[0].size, from = get(e, 0);
    struct a64_mem m, se;
    if (size == 10) {
        a64_fmov(e, A64_D, V0, from);
        a64_call(e, a64_x87_double_to_f80);
        m = x87_mem_f80(e, in, &se);
        a64_store(e, A64_STRH, 6, &se);
        a64_store(e, A64_STR_X, A64_TMP5, &m);
    } else {
        if (size == 4)
            x87_want_cw(e);
        a64_must(a64_mem(e, in, size == 8 ? 3 : 2, &m));
        if (size == 4)
            a64_fcvt(e, A64_S, A64_D, V0, from);
        a64_store(e, size == 8 ? A64_STR_D : A64_STR_S, size == 8 ? from : V0, &m);
    }
    if (in->op == OP_FSTP)
        pop(e);
}

static void store_as_int(struct emit *e, const struct insn *in)
{
    static const enum a64_ldst stores[] = {[2] = A64_STRH, [4] = A64_STR_W, [8] = A64_STR_X};
    unsigned size = in->o[0].size, from = get(e, 0);
    struct a64_mem m;
    a64_fmov(e, A64_D, V0, from);
    a64_mov_imm32(e, A64_TMP2, 8 * size);
    if (in->op == OP_FISTTP)
        a64_mov_imm32(e, A64_TMP3, FP_ZERO);
    else
        x87_rounding(e);
    load_int(e, 8, 0);
    x87_leaf(e, a64_x87_double_to_int, X87_PLAIN);
    a64_must(a64_mem(e, in, (unsigned)__builtin_ctz(size), &m));
    a64_store(e, stores[size], A64_TMP5, &m);
    if (in->op != OP_FIST)
        pop(e);
}

/* ---- arithmetic ---- */

static void arith(struct emit *e, const struct insn *in)
{
    static const enum a64_fp2 ops[] = {A64_FADD, A64_FSUB, A64_FSUB, A64_FMUL, A64_FDIV, A64_FDIV};
    enum x87_arith_op op = x87_arith_of(in->op);
    unsigned dest = x87_is_mem(in) ? 0 : in->o[0].reg, other = V0;
    x87_want_cw(e);
    if (x87_is_mem(in))
        load_mem(e, in, V0);
    else if (dest || x87_other(in))
        other = get(e, dest ? 0 : x87_other(in));
    unsigned a = dest ? get(e, dest) : take(e), b = !x87_is_mem(in) && !dest && !x87_other(in) ? a : other;
    unsigned d = put(e, dest);
    if (op == X87_SUBR || op == X87_DIVR)
        a64_fp2(e, ops[op], A64_D, d, b, a);
    else
        a64_fp2(e, ops[op], A64_D, d, a, b);
    if (x87_pops(in->op))
        pop(e);
}

static void unary(struct emit *e, const struct insn *in)
{
    if (in->op == OP_FSQRT)
        x87_want_cw(e);
    unsigned a = take(e), d = put(e, 0);
    switch (in->op) {
    case OP_FCHS: a64_fneg(e, A64_D, d, a); break;
    case OP_FABS: a64_fabs(e, A64_D, d, a); break;
    case OP_FSQRT: a64_fsqrt(e, A64_D, d, a); break;
    default: /* FRNDINT */
        if (!e->x87.cw_changed) {
            a64_frintn(e, A64_D, d, a);
            break;
        }
        x87_rounding(e);
        a64_fmov(e, A64_D, V0, a);
        a64_call(e, a64_x87_double_rint);
        a64_fmov(e, A64_D, d, V0);
        break;
    }
}

/* ---- comparisons ---- */

static void compare(struct emit *e, const struct insn *in)
{
    unsigned a, b = V1;
    if (in->op == OP_FTST)
        a64_fmov_from_gpr(e, A64_X, V1, A64_ZR);
    else if (x87_is_mem(in))
        load_mem(e, in, V1);
    else
        b = get(e, x87_other(in));
    a = get(e, 0);
    if (x87_to_eflags(in->op)) {
        a64_fcmp(e, A64_D, a, b);
        e->form = FORM_FCMP;
    } else {
        a64_fmov(e, A64_D, V0, a);
        if (b != V1)
            a64_fmov(e, A64_D, V1, b);
        a64_call(e, a64_x87_double_codes);
    }
    for (unsigned n = x87_pops(in->op); n > 0; n--)
        pop(e);
}

void x87_double(struct emit *e, const struct insn *in)
{
    e->x87.c1_zero = true;
    switch (in->op) {
    case OP_FLD: case OP_FILD: case OP_FLD1: case OP_FLDL2T: case OP_FLDL2E: case OP_FLDPI: case OP_FLDLG2:
    case OP_FLDLN2: case OP_FLDZ: load(e, in); break;
    case OP_FST: case OP_FSTP:
        if (x87_is_mem(in))
            store_mem(e, in);
        else
            store_register(e, in->o[0].reg, in->op == OP_FSTP);
        break;
    case OP_FIST: case OP_FISTP: case OP_FISTTP: store_as_int(e, in); break;
    case OP_FCHS: case OP_FABS: case OP_FSQRT: case OP_FRNDINT: unary(e, in); break;
    case OP_FXCH: exchange(e, in); break;
    case OP_FCMOVCC: move_if(e, in); break;
    case OP_FXAM:
        a64_fmov(e, A64_D, V0, get(e, 0));
        a64_call(e, a64_x87_double_xam);
        e->x87.c1_zero = false; /* it is in memory */
        break;
    case OP_FTST: case OP_FCOM: case OP_FCOMP: case OP_FCOMPP: case OP_FUCOM: case OP_FUCOMP: case OP_FUCOMPP:
    case OP_FICOM: case OP_FICOMP: case OP_FCOMI: case OP_FCOMIP: case OP_FUCOMI: case OP_FUCOMIP:
        compare(e, in);
        break;
    default: arith(e, in); break;
    }
}
