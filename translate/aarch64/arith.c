/* Addition, subtraction, comparison. */
#include "translate/aarch64/int.h"

void a64_add_constant(struct emit *e, bool sub, bool flags, unsigned d, unsigned a, uint32_t imm)
{
    enum a64_arith plus = flags ? A64_ADDS : A64_ADD, minus = flags ? A64_SUBS : A64_SUB;
    /* the carry of + imm is that of - (-imm), but for 0 */
    if (a != A64_ZR && (flags || d != A64_ZR)) {
        if (a64_arith_imm(e, sub ? minus : plus, A64_W, d, a, imm))
            return;
        if (a64_arith_imm(e, sub ? plus : minus, A64_W, d, a, -imm))
            return;
    }
    struct a64_val v = {true, imm, 0};
    unsigned r = a64_val_reg(e, &v);
    a64_arith_sh(e, sub ? minus : plus, A64_W, d, a, r, A64_LSL, 0);
}

/* d = a +- b in 32 bits, with or without flags. `how`: 0 add, 1 sub, + WITH_CARRY. */
static void arith(struct emit *e, unsigned how, bool flags, unsigned d, unsigned a,
                  const struct a64_val *b)
{
    static const uint32_t carry[2][2] = {{A64_ADC, A64_ADCS}, {A64_SBC, A64_SBCS}};
    bool sub = how & 1;
    if (how & WITH_CARRY)
        a64_rrr(e, carry[sub][flags], A64_W, d, a, a64_val_reg(e, b));
    else if (b->is_imm)
        a64_add_constant(e, sub, flags, d, a, b->imm);
    else
        a64_arith_sh(e, sub ? (flags ? A64_SUBS : A64_SUB) : (flags ? A64_ADDS : A64_ADD), A64_W, d,
                     a, b->reg, A64_LSL, 0);
    if (flags)
        e->form = sub ? FORM_SUB : FORM_ADD;
}

void a64_note_result(struct emit *e, unsigned r, unsigned old, bool sub)
{
    a64_logic_sh(e, sub ? A64_EON : A64_ORR, A64_X, A64_PF, r, old, A64_LSL, 32);
}

static bool adds_no_nibble(const struct a64_val *b)
{
    return b->is_imm && !(b->imm & 15);
}

/* Of the sum or difference w`r` of anything and a constant: one instruction, if there is one. */
static bool note_constant(struct emit *e, bool sub, unsigned r, uint32_t imm)
{
    uint64_t nibble = sub ? ~imm & 15 : imm & 15, mask = nibble << 32;
    if (sub) /* there was a borrow if ~result is less than the constant */
        return a64_eor_imm(e, A64_X, A64_PF, r, ~mask);
    return a64_orr_imm(e, A64_X, A64_PF, r, mask);
}

/* The same with a carry in. w15 is the exclusive-or of the operands: that of all three has AF. */
static void note_with_carry(struct emit *e, unsigned r)
{
    a64_eor(e, A64_W, A64_TMP8, A64_TMP8, r);
    a64_ubfx(e, A64_W, A64_TMP8, A64_TMP8, 4, 1);
    a64_eor_sh(e, A64_W, A64_PF, r, r, A64_LSL, 4); /* bits 4-7 have the parity of all */
    a64_must(a64_and_imm(e, A64_W, A64_PF, A64_PF, 0xf0));
    a64_orr_sh(e, A64_X, A64_PF, A64_PF, A64_TMP8, A64_LSL, 32);
}

/* d = a +- b and the flags of that, AF included; d is not A64_ZR, and not A64_PF if it is an operand. */
static void arith_all(struct emit *e, unsigned how, unsigned d, unsigned a, const struct a64_val *b,
                      bool nzcv)
{
    bool sub = how & 1;
    unsigned operand = a;
    if (how & WITH_CARRY) {
        a64_eor(e, A64_W, A64_TMP8, a, a64_val_reg(e, b));
        arith(e, how, nzcv, d, a, b);
        note_with_carry(e, d);
        return;
    }
    bool only_result = adds_no_nibble(b) || (sub && !b->is_imm && b->reg == a);
    struct emit trial = *e;
    if (!sub && !b->is_imm && a == d)
        operand = b->reg;
    bool lost = !only_result && operand == d && !(b->is_imm && note_constant(&trial, sub, d, b->imm));
    if (lost)
        a64_mov(e, A64_W, A64_TMP8, a);
    arith(e, how, nzcv, d, a, b);
    if (only_result && d != A64_PF)
        a64_mov(e, A64_W, A64_PF, d);
    else if (lost)
        a64_note_result(e, d, A64_TMP8, sub);
    else if (!only_result && (operand != d || !note_constant(e, sub, d, b->imm)))
        a64_note_result(e, d, operand, sub);
}

/* d = a +- b and the flags of that (32 bits). d may be A64_ZR. */
static void arith_flags(struct emit *e, unsigned how, unsigned d, unsigned a,
                        const struct a64_val *b, unsigned live)
{
    unsigned to = d == A64_ZR ? (unsigned)A64_PF : d;
    if (live & NEED_A) {
        arith_all(e, how, to, a, b, live & NEED_NZCV);
    } else if (live & NEED_P) {
        arith(e, how, live & NEED_NZCV, to, a, b);
        if (to != A64_PF)
            a64_mov(e, A64_W, A64_PF, to);
    } else if (d != A64_ZR || (live & NEED_NZCV)) {
        arith(e, how, live & NEED_NZCV, d, a, b);
    }
}

/* The same on 8 or 16 bits: moved to the top of the word. The result is in the top of w`d`. */
static void narrow_flags(struct emit *e, bool sub, unsigned size, unsigned d, unsigned a,
                         const struct a64_val *b, unsigned live)
{
    unsigned by = 32 - 8 * size, top = A64_ZR;
    if (a != A64_ZR) {
        a64_lsl_imm(e, A64_W, A64_TMP6, a, by);
        top = A64_TMP6;
    }
    if (d == A64_ZR && (live & (NEED_P | NEED_A)))
        d = A64_TMP6;
    enum a64_arith op = sub ? A64_SUBS : A64_ADDS;
    if (b->is_imm) {
        struct a64_val v = {true, b->imm << by, 0};
        a64_arith_sh(e, op, A64_W, d, top, a64_val_reg(e, &v), A64_LSL, 0);
    } else {
        a64_arith_sh(e, op, A64_W, d, top, b->reg, A64_LSL, by);
    }
    e->form = sub ? FORM_SUB : FORM_ADD;
    if (live & (NEED_P | NEED_A))
        a64_lsr_imm(e, A64_W, A64_PF, d, by);
    if ((live & NEED_A) && !adds_no_nibble(b))
        a64_note_result(e, A64_PF, a, sub);
}

/* C must survive what sets the other flags: INC, DEC. Those of 8 and 16 bits set them for PF or AF alone, too. */
static bool keeps_c(const struct emit *e, unsigned size, unsigned live)
{
    return (a64_live(e) & NEED_C) && (live & (size == 4 ? NEED_NZCV : NEED_ALL));
}

static void keep_c_begin(struct emit *e, unsigned tmp) { a64_cset(e, A64_W, tmp, A64_CS); }

static void keep_c_end(struct emit *e, unsigned tmp, uint8_t form)
{
    a64_set_c_bit(e, tmp, 0);
    e->form = form;
}

static void add_sub(struct emit *e, const struct insn *in, unsigned how,
                    const struct a64_operands *x, unsigned live)
{
    bool flags = live & (NEED_ALL);
    if (x->mem_dest) {
        arith(e, how, false, A64_TMP2, x->a, &x->b);
        a64_store(e, store_of(x->size), A64_TMP2, &x->m);
        if (flags && x->size == 4)
            arith_flags(e, how, A64_ZR, x->a, &x->b, live);
        else if (flags)
            narrow_flags(e, how & 1, x->size, A64_ZR, x->a, &x->b, live);
    } else if (x->size == 4) {
        arith_flags(e, how, host_gpr(&in->o[0]), x->a, &x->b, live);
    } else if (!flags) {
        arith(e, how, false, A64_TMP2, x->a, &x->b);
        a64_put(e, &in->o[0], A64_TMP2);
    } else {
        unsigned by = 32 - 8 * x->size;
        narrow_flags(e, how & 1, x->size, A64_TMP2, x->a, &x->b, live);
        if (is_high8(&in->o[0])) {
            a64_lsr_imm(e, A64_W, A64_TMP2, A64_TMP2, by);
            a64_put(e, &in->o[0], A64_TMP2);
        } else {
            a64_bfxil(e, A64_W, host_gpr(&in->o[0]), A64_TMP2, by, 8 * x->size);
        }
    }
}

bool a64_op_add_sub(struct emit *e, const struct insn *in, unsigned how)
{
    struct a64_operands x;
    enum a64_form form = how & 1 ? FORM_SUB : FORM_ADD;
    bool flip = (how & WITH_CARRY) && e->form != form; /* it could not be done before */
    bool narrow = in->o[0].size != 4;
    if ((how & WITH_CARRY) && narrow && (a64_live(e) & NEED_ALL))
        return false;
    if ((flip && in->o[0].kind == OPND_MEM) || !a64_get_operands(e, in, &x))
        return false;
    if (flip)
        a64_want_form(e, form);
    add_sub(e, in, how, &x, a64_live(e));
    return true;
}

bool a64_op_inc_dec(struct emit *e, const struct insn *in, bool dec)
{
    struct a64_operands x;
    unsigned live = a64_live(e) & ~(unsigned)NEED_C;
    bool keep = keeps_c(e, in->o[0].size, live);
    if (!a64_get_operands(e, in, &x))
        return false;
    x.b = (struct a64_val){true, 1, 0};
    uint8_t form = e->form;
    if (x.size == 4 && !x.mem_dest && !(live & (NEED_P | NEED_A)) &&
        a64_fuse_sum(e, host_gpr(&in->o[0]))) {
        if (a64_live(e) & NEED_C) /* JCC does not look at the flags' form */
            a64_want_form(e, FORM_SUB);
        arith(e, dec, false, host_gpr(&in->o[0]), x.a, &x.b);
        return true;
    }
    if (keep)
        keep_c_begin(e, A64_TMP5);
    add_sub(e, in, dec, &x, live);
    if (keep)
        keep_c_end(e, A64_TMP5, form);
    else if (!(live & NEED_NZCV))
        e->form = form;
    return true;
}

bool a64_op_neg(struct emit *e, const struct insn *in)
{
    struct a64_operands x;
    if (!a64_get_operands(e, in, &x))
        return false;
    x.b = (struct a64_val){false, 0, x.a};
    x.a = A64_ZR;
    add_sub(e, in, 1, &x, a64_live(e));
    return true;
}

bool a64_op_not(struct emit *e, const struct insn *in)
{
    struct a64_operands x;
    if (!a64_get_operands(e, in, &x))
        return false;
    bool direct = x.size == 4 && !x.mem_dest;
    a64_mvn(e, A64_W, direct ? x.a : (unsigned)A64_TMP2, x.a);
    if (direct)
        return true;
    if (x.mem_dest)
        a64_store(e, store_of(x.size), A64_TMP2, &x.m);
    else
        a64_put(e, &in->o[0], A64_TMP2);
    return true;
}

/* A comparison of less than 32 bits with a constant: in 32 bits if the flags wanted allow. */
static bool narrow_cmp_imm(struct emit *e, const struct insn *in, unsigned live)
{
    unsigned size = in->o[0].size;
    uint32_t imm = in->imm & ((1u << 8 * size) - 1);
    int32_t simm = size == 1 ? (int8_t)imm : (int16_t)imm;
    bool sign = !imm || !(live & ~(unsigned)(NEED_Z | NEED_LT | NEED_P | NEED_A));
    bool zero = !(live & ~(unsigned)(NEED_Z | NEED_C | NEED_P | NEED_A));
    struct a64_mem m;
    if (!sign && !zero)
        return false;
    if (in->o[0].kind == OPND_MEM) {
        if (!a64_mem_indexed(e, in, log2_of(size), &m))
            return false;
        a64_load(e, zero && imm ? load_zx(size) : load_sx(size), A64_TMP0, &m);
    } else {
        a64_bf_get(e, zero && imm ? A64_UBFM : A64_SBFM, A64_W, A64_TMP0, host_gpr(&in->o[0]),
                   is_high8(&in->o[0]) ? 8 : 0, 8 * size);
    }
    struct a64_val v = {true, zero && imm ? imm : (uint32_t)simm, 0};
    if (!imm && !(live & (NEED_P | NEED_A)) && a64_fuse_result(e, A64_TMP0))
        return true;
    arith_flags(e, 1, A64_ZR, A64_TMP0, &v, live);
    return true;
}

void a64_compare(struct emit *e, unsigned size, unsigned a, unsigned b)
{
    struct a64_val v = {false, 0, b};
    unsigned live = a64_live(e);
    if (size == 4)
        arith_flags(e, 1, A64_ZR, a, &v, live);
    else if (live)
        narrow_flags(e, true, size, A64_ZR, a, &v, live);
}

bool a64_op_cmp(struct emit *e, const struct insn *in)
{
    unsigned live = a64_live(e);
    struct a64_operands x;
    if (in->o[0].size < 4 && in->o[1].kind == OPND_IMM && narrow_cmp_imm(e, in, live))
        return true;
    if (!a64_get_operands(e, in, &x))
        return false;
    if (x.size < 4) {
        bool of_zero_extended = x.mem_dest && !x.b.is_imm && !(live & ~(unsigned)(NEED_Z | NEED_C));
        if (live && of_zero_extended) {
            a64_subs_ext(e, A64_W, A64_ZR, x.a, x.b.reg, x.size == 1 ? A64_UXTB : A64_UXTH, 0);
            e->form = FORM_SUB;
        } else if (live)
            narrow_flags(e, true, x.size, A64_ZR, x.a, &x.b, live);
        return true;
    }
    if (x.b.is_imm && !x.b.imm && !(live & (NEED_P | NEED_A)) && a64_fuse_result(e, x.a))
        return true;
    arith_flags(e, 1, A64_ZR, x.a, &x.b, live);
    return true;
}

/* ---- for lock.c ---- */

static unsigned sum_how(const struct insn *in)
{
    switch (in->op) {
    case OP_ADC: return WITH_CARRY;
    case OP_SBB: return 1 | WITH_CARRY;
    case OP_ADD: case OP_INC: case OP_XADD: return 0;
    default: return 1;
    }
}

void a64_sum_flags(struct emit *e, const struct insn *in, unsigned old, unsigned src)
{
    bool counts = in->op == OP_INC || in->op == OP_DEC;
    unsigned live = a64_live(e) & (counts ? ~(unsigned)NEED_C : NEED_ALL), size = in->o[0].size;
    bool keep = counts && keeps_c(e, size, live);
    uint8_t form = e->form;
    struct a64_val v = {false, 0, src};
    if (in->op == OP_NEG) {
        v.reg = old;
        old = A64_ZR;
    } else if (counts) {
        v = (struct a64_val){true, 1, 0};
    } else if (in->o[1].kind == OPND_IMM) {
        v = (struct a64_val){true, size == 4 ? in->imm : in->imm & ((1u << 8 * size) - 1), 0};
    }
    if (keep)
        keep_c_begin(e, A64_TMP5);
    if (size == 4)
        arith_flags(e, sum_how(in), A64_ZR, old, &v, live);
    else if (live)
        narrow_flags(e, sum_how(in) & 1, size, A64_ZR, old, &v, live);
    if (keep)
        keep_c_end(e, A64_TMP5, form);
    else if (counts && !(live & NEED_NZCV))
        e->form = form;
}
