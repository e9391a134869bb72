/* One guest integer instruction that does not transfer control -> host code. */
#include "translate/aarch64/insn.h"

#include "decode/decode.h"

/* ---- operands ---- */

static unsigned log2_of(unsigned size)
{
    return size == 1 ? 0 : size == 2 ? 1 : 2;
}

static enum a64_ldst load_zx(unsigned size)
{
    return size == 1 ? A64_LDRB : size == 2 ? A64_LDRH : A64_LDR_W;
}

static enum a64_ldst load_sx(unsigned size)
{
    return size == 1 ? A64_LDRSB_W : size == 2 ? A64_LDRSH_W : A64_LDR_W;
}

static enum a64_ldst store_of(unsigned size)
{
    return size == 1 ? A64_STRB : size == 2 ? A64_STRH : A64_STR_W;
}

static bool is_high8(const struct opnd *o)
{
    return o->kind == OPND_GPR && o->size == 1 && o->reg >= 4;
}

static unsigned host_gpr(const struct opnd *o)
{
    return a64_gpr(o->size == 1 ? o->reg & 3u : o->reg);
}

/* A register with the operand in its low bits, whatever is above; `tmp` if one is needed. */
static unsigned low_bits(struct emit *e, const struct opnd *o, unsigned tmp)
{
    if (!is_high8(o))
        return host_gpr(o);
    a64_ubfx(e, A64_W, tmp, host_gpr(o), 8, 8);
    return tmp;
}

static unsigned zero_extended(struct emit *e, const struct opnd *o, unsigned tmp)
{
    unsigned r = low_bits(e, o, tmp);
    if (o->size == 4 || r == tmp)
        return r;
    if (o->size == 1)
        a64_uxtb(e, A64_W, tmp, r);
    else
        a64_uxth(e, A64_W, tmp, r);
    return tmp;
}

/* The operand's register = the low bits of r. */
static void put(struct emit *e, const struct opnd *o, unsigned r)
{
    unsigned d = host_gpr(o);
    if (o->size == 4) {
        if (d != r)
            a64_mov(e, A64_W, d, r);
    } else {
        a64_bfi(e, A64_W, d, r, is_high8(o) ? 8 : 0, o->size * 8u);
    }
}

static const struct opnd *mem_opnd(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM)
            return &in->o[i];
    return NULL;
}

static bool plain_kinds(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind != OPND_GPR && in->o[i].kind != OPND_MEM && in->o[i].kind != OPND_IMM)
            return false;
    return true;
}

/* The register with a source of 4 bytes: `tmp` if it was loaded. -1: nothing emitted. */
static int source32(struct emit *e, const struct insn *in, const struct opnd *s, unsigned tmp)
{
    struct a64_mem m;
    if (s->kind != OPND_MEM)
        return (int)host_gpr(s);
    if (!a64_mem(e, in, 2, &m))
        return -1;
    a64_load(e, A64_LDR_W, tmp, &m);
    return (int)tmp;
}

/* ---- flags ---- */

/* Sets C (as CF, FORM_ADD) to a bit of w`n`; N, Z, V stay. */
static void set_c_bit(struct emit *e, unsigned n, unsigned bit)
{
    if (a64_has.flagm) {
        a64_rmif(e, n, (bit + 63) & 63, 2);
    } else {
        a64_mrs(e, A64_STUB, A64_NZCV);
        a64_lsr_imm(e, A64_X, A64_TARGET, n, bit);
        a64_bfi(e, A64_X, A64_STUB, A64_TARGET, 29, 1);
        a64_msr(e, A64_NZCV, A64_STUB);
    }
    e->form = FORM_ADD;
}

static void set_v_bit(struct emit *e, unsigned n, unsigned bit)
{
    if (a64_has.flagm) {
        a64_rmif(e, n, bit, 1);
        return;
    }
    a64_mrs(e, A64_STUB, A64_NZCV);
    a64_lsr_imm(e, A64_X, A64_TARGET, n, bit);
    a64_bfi(e, A64_X, A64_STUB, A64_TARGET, 28, 1);
    a64_msr(e, A64_NZCV, A64_STUB);
}

/* The flags of the 32-bit result in w`r` as logic operations set them; r is left in peace until the
 * next instruction has been emitted. */
static void result_flags(struct emit *e, unsigned r, unsigned live)
{
    if (live & (NEED_P | NEED_A))
        a64_mov(e, A64_W, A64_PF, r);
    if (live & NEED_A)
        a64_mov(e, A64_W, A64_AF, A64_PF);
    if (!(live & NEED_NZCV) || a64_fuse_result(e, r))
        return;
    a64_must(a64_cmp_imm(e, A64_W, r, 0));
    e->form = FORM_SUB;
}

/* The same of a result of 8 or 16 bits, whatever is above. */
static void narrow_result_flags(struct emit *e, unsigned r, unsigned size, unsigned live)
{
    if (live & (NEED_P | NEED_A))
        a64_mov(e, A64_W, A64_PF, r);
    if (live & NEED_A)
        a64_mov(e, A64_W, A64_AF, A64_PF);
    if (!(live & NEED_NZCV))
        return;
    a64_adds_sh(e, A64_W, A64_ZR, A64_ZR, r, A64_LSL, 32 - 8 * size);
    e->form = FORM_ADD;
}

/* ---- addition and subtraction ---- */

struct val { /* a register's low bits, or a constant */
    bool is_imm;
    uint32_t imm;
    unsigned reg;
};

static unsigned val_reg(struct emit *e, const struct val *v, unsigned tmp)
{
    if (!v->is_imm)
        return v->reg;
    if (!v->imm)
        return A64_ZR;
    a64_const(e, tmp, v->imm);
    return tmp;
}

static void add_sub_imm(struct emit *e, bool sub, bool flags, unsigned d, unsigned a, uint32_t imm)
{
    enum a64_arith plus = flags ? A64_ADDS : A64_ADD, minus = flags ? A64_SUBS : A64_SUB;
    /* the carry of + imm is that of - (-imm), but for 0 */
    if (a != A64_ZR && (flags || d != A64_ZR)) {
        if (a64_arith_imm(e, sub ? minus : plus, A64_W, d, a, imm))
            return;
        if (a64_arith_imm(e, sub ? plus : minus, A64_W, d, a, -imm))
            return;
    }
    struct val v = {true, imm, 0};
    unsigned r = val_reg(e, &v, A64_TMP7);
    a64_arith_sh(e, sub ? minus : plus, A64_W, d, a, r, A64_LSL, 0);
}

enum { WITH_CARRY = 2 };

/* d = a +- b in 32 bits, with or without flags. `how`: 0 add, 1 sub, + WITH_CARRY. */
static void arith(struct emit *e, unsigned how, bool flags, unsigned d, unsigned a, const struct val *b)
{
    static const uint32_t carry[2][2] = {{A64_ADC, A64_ADCS}, {A64_SBC, A64_SBCS}};
    bool sub = how & 1;
    if (how & WITH_CARRY)
        a64_rrr(e, carry[sub][flags], A64_W, d, a, val_reg(e, b, A64_TMP7));
    else if (b->is_imm)
        add_sub_imm(e, sub, flags, d, a, b->imm);
    else
        a64_arith_sh(e, sub ? (flags ? A64_SUBS : A64_SUB) : (flags ? A64_ADDS : A64_ADD), A64_W, d,
                     a, b->reg, A64_LSL, 0);
    if (flags)
        e->form = sub ? FORM_SUB : FORM_ADD;
}

/* What AF follows from: the operands, exclusive-or. */
static void note_operands(struct emit *e, unsigned a, const struct val *b)
{
    if (!b->is_imm)
        a64_eor(e, A64_W, A64_AF, a, b->reg);
    else if (b->imm & 16)
        a64_must(a64_eor_imm(e, A64_W, A64_AF, a, 16));
    else
        a64_mov(e, A64_W, A64_AF, a);
}

/* d = a +- b and the flags of that (32 bits). d may be A64_ZR. */
static void arith_flags(struct emit *e, unsigned how, unsigned d, unsigned a, const struct val *b,
                        unsigned live)
{
    if (live & NEED_A)
        note_operands(e, a, b);
    if (live & (NEED_P | NEED_A)) {
        unsigned to = d == A64_ZR ? (unsigned)A64_PF : d;
        arith(e, how, live & NEED_NZCV, to, a, b);
        if (to != A64_PF)
            a64_mov(e, A64_W, A64_PF, to);
    } else if (d != A64_ZR || (live & NEED_NZCV)) {
        arith(e, how, live & NEED_NZCV, d, a, b);
    }
}

/* The same on 8 or 16 bits: moved to the top of the word. The result is in the top of w`d`. */
static void narrow_flags(struct emit *e, bool sub, unsigned size, unsigned d, unsigned a,
                         const struct val *b, unsigned live)
{
    unsigned by = 32 - 8 * size, top = A64_ZR;
    if (live & NEED_A)
        note_operands(e, a, b);
    if (a != A64_ZR) {
        a64_lsl_imm(e, A64_W, A64_TMP6, a, by);
        top = A64_TMP6;
    }
    if (d == A64_ZR && (live & (NEED_P | NEED_A)))
        d = A64_TMP6;
    enum a64_arith op = sub ? A64_SUBS : A64_ADDS;
    if (b->is_imm) {
        struct val v = {true, b->imm << by, 0};
        a64_arith_sh(e, op, A64_W, d, top, val_reg(e, &v, A64_TMP7), A64_LSL, 0);
    } else {
        a64_arith_sh(e, op, A64_W, d, top, b->reg, A64_LSL, by);
    }
    e->form = sub ? FORM_SUB : FORM_ADD;
    if (live & (NEED_P | NEED_A))
        a64_lsr_imm(e, A64_W, A64_PF, d, by);
}

/* C must survive what sets the other flags: INC, DEC. */
static void keep_c_begin(struct emit *e, unsigned tmp)
{
    a64_cset(e, A64_W, tmp, A64_CS);
}

static void keep_c_end(struct emit *e, unsigned tmp, uint8_t form)
{
    set_c_bit(e, tmp, 0);
    e->form = form;
}

struct operands { /* of a two-operand instruction */
    struct a64_mem m;
    bool mem_dest;
    unsigned size, a;
    struct val b;
};

/* Loads and names the operands: a (TMP0 if loaded) and b (TMP1). False: nothing emitted. */
static bool get_operands(struct emit *e, const struct insn *in, struct operands *x)
{
    const struct opnd *d = &in->o[0], *mem = mem_opnd(in);
    x->size = d->size;
    x->mem_dest = d->kind == OPND_MEM;
    if (!plain_kinds(in) || (in->flags & INSN_LOCK) || (mem && !a64_mem(e, in, log2_of(mem->size), &x->m)))
        return false;
    if (x->mem_dest) {
        a64_load(e, load_zx(x->size), A64_TMP0, &x->m);
        x->a = A64_TMP0;
    } else {
        x->a = low_bits(e, d, A64_TMP0);
    }
    const struct opnd *s = &in->o[1];
    x->b = (struct val){true, in->imm, 0};
    if (in->nopnd < 2)
        return true;
    if (s->kind == OPND_MEM) {
        a64_load(e, load_zx(s->size), A64_TMP1, &x->m);
        x->b = (struct val){false, 0, A64_TMP1};
    } else if (s->kind == OPND_GPR) {
        x->b = (struct val){false, 0, low_bits(e, s, A64_TMP1)};
    } else if (x->size < 4) {
        x->b.imm &= (1u << 8 * x->size) - 1;
    }
    return true;
}

static void add_sub(struct emit *e, const struct insn *in, unsigned how, const struct operands *x,
                    unsigned live)
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
        put(e, &in->o[0], A64_TMP2);
    } else {
        unsigned by = 32 - 8 * x->size;
        narrow_flags(e, how & 1, x->size, A64_TMP2, x->a, &x->b, live);
        if (is_high8(&in->o[0])) {
            a64_lsr_imm(e, A64_W, A64_TMP2, A64_TMP2, by);
            put(e, &in->o[0], A64_TMP2);
        } else {
            a64_bfxil(e, A64_W, host_gpr(&in->o[0]), A64_TMP2, by, 8 * x->size);
        }
    }
}

static bool op_add_sub(struct emit *e, const struct insn *in, unsigned how)
{
    struct operands x;
    enum a64_form form = how & 1 ? FORM_SUB : FORM_ADD;
    bool flip = (how & WITH_CARRY) && e->form != form; /* it could not be done before */
    if (((how & WITH_CARRY) && in->o[0].size != 4) || (flip && in->o[0].kind == OPND_MEM) ||
        !get_operands(e, in, &x))
        return false;
    if (flip)
        a64_want_form(e, form);
    add_sub(e, in, how, &x, a64_live(e));
    return true;
}

static bool op_inc_dec(struct emit *e, const struct insn *in, bool dec)
{
    struct operands x;
    unsigned live = a64_live(e) & ~(unsigned)NEED_C;
    bool keep = (a64_live(e) & NEED_C) && (live & NEED_NZCV);
    if (!get_operands(e, in, &x))
        return false;
    x.b = (struct val){true, 1, 0};
    uint8_t form = e->form;
    if (x.size == 4 && !x.mem_dest && !(live & (NEED_P | NEED_A)) &&
        a64_fuse_sum(e, host_gpr(&in->o[0]))) {
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

static bool op_neg(struct emit *e, const struct insn *in)
{
    struct operands x;
    if (!get_operands(e, in, &x))
        return false;
    x.b = (struct val){false, 0, x.a};
    x.a = A64_ZR;
    add_sub(e, in, 1, &x, a64_live(e));
    return true;
}

static bool op_not(struct emit *e, const struct insn *in)
{
    struct operands x;
    if (!get_operands(e, in, &x))
        return false;
    a64_mvn(e, A64_W, A64_TMP2, x.a);
    if (x.mem_dest)
        a64_store(e, store_of(x.size), A64_TMP2, &x.m);
    else
        put(e, &in->o[0], A64_TMP2);
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
        if (!a64_mem(e, in, log2_of(size), &m))
            return false;
        a64_load(e, zero && imm ? load_zx(size) : load_sx(size), A64_TMP0, &m);
    } else {
        a64_bf_get(e, zero && imm ? A64_UBFM : A64_SBFM, A64_W, A64_TMP0, host_gpr(&in->o[0]),
                   is_high8(&in->o[0]) ? 8 : 0, 8 * size);
    }
    struct val v = {true, zero && imm ? imm : (uint32_t)simm, 0};
    if (!imm && !(live & (NEED_P | NEED_A)) && a64_fuse_result(e, A64_TMP0))
        return true;
    arith_flags(e, 1, A64_ZR, A64_TMP0, &v, live);
    return true;
}

void a64_compare(struct emit *e, unsigned size, unsigned a, unsigned b)
{
    struct val v = {false, 0, b};
    unsigned live = a64_live(e);
    if (size == 4)
        arith_flags(e, 1, A64_ZR, a, &v, live);
    else if (live)
        narrow_flags(e, true, size, A64_ZR, a, &v, live);
}

static bool op_cmp(struct emit *e, const struct insn *in)
{
    unsigned live = a64_live(e);
    struct operands x;
    if (in->o[0].size < 4 && in->o[1].kind == OPND_IMM && narrow_cmp_imm(e, in, live))
        return true;
    if (!get_operands(e, in, &x))
        return false;
    if (x.size < 4) {
        if (live)
            narrow_flags(e, true, x.size, A64_ZR, x.a, &x.b, live);
        return true;
    }
    if (x.b.is_imm && !x.b.imm && !(live & (NEED_P | NEED_A)) && a64_fuse_result(e, x.a))
        return true;
    arith_flags(e, 1, A64_ZR, x.a, &x.b, live);
    return true;
}

/* ---- logic ---- */

static void logic(struct emit *e, enum a64_logic op, unsigned d, unsigned a, const struct val *b)
{
    if (b->is_imm && a64_logic_imm(e, op, A64_W, d, a, b->imm))
        return;
    a64_logic_sh(e, op, A64_W, d, a, val_reg(e, b, A64_TMP7), A64_LSL, 0);
}

/* AND and TEST set the flags by themselves: C is 0. */
static void and_flags(struct emit *e, unsigned d, unsigned a, const struct val *b, unsigned live)
{
    if (live & (NEED_P | NEED_A)) {
        unsigned to = d == A64_ZR ? (unsigned)A64_PF : d;
        logic(e, live & NEED_NZCV ? A64_ANDS : A64_AND, to, a, b);
        if (to != A64_PF)
            a64_mov(e, A64_W, A64_PF, to);
        if (live & NEED_A)
            a64_mov(e, A64_W, A64_AF, A64_PF);
    } else if (live & NEED_NZCV) {
        logic(e, A64_ANDS, d, a, b);
    } else if (d != A64_ZR) {
        logic(e, A64_AND, d, a, b);
    }
    if (live & NEED_NZCV)
        e->form = FORM_ADD;
}

static void logic_flags(struct emit *e, enum a64_logic op, unsigned d, unsigned a, const struct val *b,
                        unsigned live)
{
    if (op == A64_AND) {
        and_flags(e, d, a, b, live);
        return;
    }
    bool same = op == A64_EOR && !b->is_imm && a == b->reg;
    if (same)
        a64_mov(e, A64_W, d, A64_ZR);
    else
        logic(e, op, d, a, b);
    result_flags(e, d, live);
}

static bool op_logic(struct emit *e, const struct insn *in, enum a64_logic op)
{
    unsigned live = a64_live(e);
    struct operands x;
    if (!get_operands(e, in, &x))
        return false;
    if (x.size == 4 && !x.mem_dest) {
        logic_flags(e, op, host_gpr(&in->o[0]), x.a, &x.b, live);
        return true;
    }
    logic(e, op, A64_TMP2, x.a, &x.b);
    if (x.mem_dest)
        a64_store(e, store_of(x.size), A64_TMP2, &x.m);
    else
        put(e, &in->o[0], A64_TMP2);
    if (x.size == 4)
        result_flags(e, A64_TMP2, live);
    else
        narrow_result_flags(e, A64_TMP2, x.size, live);
    return true;
}

static bool op_test(struct emit *e, const struct insn *in)
{
    unsigned live = a64_live(e);
    struct operands x;
    if (!get_operands(e, in, &x))
        return false;
    if (!live)
        return true;
    bool same = !x.b.is_imm && (x.b.reg == x.a || (is_high8(&in->o[0]) && in->o[1].kind == OPND_GPR &&
                                                   in->o[0].reg == in->o[1].reg));
    if (x.size == 4 && same) {
        result_flags(e, x.a, live);
    } else if (x.size == 4) {
        if (x.b.is_imm && !(live & (NEED_P | NEED_A)) && a64_fuse_bit(e, x.a, x.b.imm))
            return true;
        and_flags(e, A64_ZR, x.a, &x.b, live);
    } else {
        if (x.b.is_imm && !(live & ~(unsigned)(NEED_Z | NEED_C))) { /* N does not matter */
            if (!a64_fuse_bit(e, x.a, x.b.imm))
                and_flags(e, A64_ZR, x.a, &x.b, live);
            return true;
        }
        unsigned r = x.a;
        if (!same) {
            logic(e, A64_AND, A64_TMP2, x.a, &x.b);
            r = A64_TMP2;
        }
        narrow_result_flags(e, r, x.size, live);
    }
    return true;
}

/* ---- moves ---- */

static bool op_mov(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1], *mem = mem_opnd(in);
    struct a64_mem m;
    if (!plain_kinds(in) || (mem && !a64_mem(e, in, log2_of(mem->size), &m)))
        return false;
    if (d->kind == OPND_MEM) {
        struct val v = {s->kind == OPND_IMM, in->imm, 0};
        if (d->size < 4)
            v.imm &= (1u << 8 * d->size) - 1;
        if (!v.is_imm)
            v.reg = low_bits(e, s, A64_TMP0);
        a64_store(e, store_of(d->size), val_reg(e, &v, A64_TMP0), &m);
    } else if (s->kind == OPND_IMM) {
        if (d->size == 4) {
            a64_const(e, host_gpr(d), in->imm);
        } else {
            a64_const(e, A64_TMP0, in->imm & ((1u << 8 * d->size) - 1));
            put(e, d, A64_TMP0);
        }
    } else if (s->kind == OPND_MEM) {
        unsigned t = d->size == 4 ? host_gpr(d) : (unsigned)A64_TMP0;
        a64_load(e, load_zx(d->size), t, &m);
        put(e, d, t);
    } else {
        put(e, d, low_bits(e, s, A64_TMP0));
    }
    return true;
}

static bool op_movx(struct emit *e, const struct insn *in, bool sign)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    unsigned t = d->size == 4 ? host_gpr(d) : (unsigned)A64_TMP0;
    struct a64_mem m;
    if (!plain_kinds(in))
        return false;
    if (s->kind == OPND_MEM) {
        if (!a64_mem(e, in, log2_of(s->size), &m))
            return false;
        a64_load(e, sign ? load_sx(s->size) : load_zx(s->size), t, &m);
    } else {
        a64_bf_get(e, sign ? A64_SBFM : A64_UBFM, A64_W, t, host_gpr(s), is_high8(s) ? 8 : 0,
                   8u * s->size);
    }
    put(e, d, t);
    return true;
}

static bool op_lea(struct emit *e, const struct insn *in)
{
    unsigned d = host_gpr(&in->o[0]);
    bool wide = in->opsize == 4;
    if (in->flags & INSN_ADDR16)
        return false;
    unsigned t = wide ? d : (unsigned)A64_TMP0;
    uint32_t disp = in->disp;
    unsigned base = in->base != REG_ZERO ? a64_gpr(in->base) : A64_NONE;
    if (in->index != REG_ZERO) {
        unsigned index = a64_gpr(in->index);
        if (base != A64_NONE)
            a64_add_sh(e, A64_W, t, base, index, A64_LSL, in->scale);
        else
            a64_lsl_imm(e, A64_W, t, index, in->scale);
        base = t;
    }
    if (base == A64_NONE)
        a64_const(e, t, disp);
    else if (disp)
        add_sub_imm(e, false, false, t, base, disp);
    else if (base != t)
        a64_mov(e, A64_W, t, base);
    put(e, &in->o[0], t);
    return true;
}

static bool op_xchg(struct emit *e, const struct insn *in)
{
    const struct opnd *a = &in->o[0], *b = &in->o[1];
    if (a->kind != OPND_GPR || b->kind != OPND_GPR)
        return false; /* locked */
    if (a->size == 4) {
        a64_mov(e, A64_W, A64_TMP0, host_gpr(a));
        a64_mov(e, A64_W, host_gpr(a), host_gpr(b));
        a64_mov(e, A64_W, host_gpr(b), A64_TMP0);
        return true;
    }
    unsigned x = zero_extended(e, a, A64_TMP0), y = zero_extended(e, b, A64_TMP1);
    put(e, a, y);
    put(e, b, x);
    return true;
}

static bool op_cbw(struct emit *e, const struct insn *in)
{
    unsigned eax = A64_EAX, edx = A64_EDX;
    switch (in->op) {
    case OP_CBW:
        a64_sxtb(e, A64_W, A64_TMP0, eax);
        a64_bfi(e, A64_W, eax, A64_TMP0, 0, 16);
        break;
    case OP_CWDE: a64_sxth(e, A64_W, eax, eax); break;
    case OP_CWD:
        a64_sbfx(e, A64_W, A64_TMP0, eax, 15, 1);
        a64_bfi(e, A64_W, edx, A64_TMP0, 0, 16);
        break;
    default: a64_asr_imm(e, A64_W, edx, eax, 31); break;
    }
    return true;
}

static bool op_bswap(struct emit *e, const struct insn *in)
{
    unsigned d = host_gpr(&in->o[0]);
    if (in->opsize != 4)
        return false;
    a64_rev(e, A64_W, d, d);
    return true;
}

static bool op_movbe(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *mem = mem_opnd(in);
    struct a64_mem m;
    if (!mem || !a64_mem(e, in, log2_of(mem->size), &m))
        return false;
    if (d->kind == OPND_GPR)
        a64_load(e, load_zx(d->size), A64_TMP0, &m);
    unsigned s = d->kind == OPND_GPR ? (unsigned)A64_TMP0 : host_gpr(&in->o[1]);
    if (mem->size == 4)
        a64_rev(e, A64_W, A64_TMP0, s);
    else
        a64_rev16(e, A64_W, A64_TMP0, s);
    if (d->kind == OPND_GPR)
        put(e, d, A64_TMP0);
    else
        a64_store(e, store_of(mem->size), A64_TMP0, &m);
    return true;
}

/* ---- conditions ---- */

static bool op_setcc(struct emit *e, const struct insn *in)
{
    struct a64_mem m;
    if (in->o[0].kind == OPND_MEM && !a64_mem(e, in, 0, &m))
        return false;
    a64_condition(e, A64_TMP0, in->cc);
    if (in->o[0].kind == OPND_MEM)
        a64_store(e, A64_STRB, A64_TMP0, &m);
    else
        put(e, &in->o[0], A64_TMP0);
    return true;
}

static bool op_cmov(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    unsigned r = host_gpr(s), to = host_gpr(d);
    struct a64_mem m;
    if (s->kind == OPND_MEM) {
        if (!a64_mem(e, in, log2_of(s->size), &m))
            return false;
        a64_load(e, load_zx(s->size), A64_TMP1, &m);
        r = A64_TMP1;
    }
    unsigned t = d->size == 4 ? to : (unsigned)A64_TMP2;
    enum a64_cond c = a64_cond_of(e, in->cc);
    if (c != A64_AL) {
        a64_csel(e, A64_W, t, r, to, c);
    } else { /* a mask, as flags must stay */
        a64_condition(e, A64_TMP0, in->cc);
        a64_neg(e, A64_W, A64_TMP0, A64_TMP0);
        a64_eor(e, A64_W, A64_TMP3, r, to);
        a64_and(e, A64_W, A64_TMP3, A64_TMP3, A64_TMP0);
        a64_eor(e, A64_W, t, to, A64_TMP3);
    }
    put(e, d, t);
    return true;
}

/* ---- shifts ---- */

/* CF and OF of a rotated or shifted value by n > 0; `a` as it was, `r` the result. */
static void shift_c(struct emit *e, unsigned op, unsigned a, unsigned r, unsigned n, unsigned bits,
                    unsigned live)
{
    switch (op) {
    case OP_SHL: set_c_bit(e, a, bits - n); break;
    case OP_SHR: case OP_SAR: set_c_bit(e, a, n - 1); break;
    case OP_ROL: set_c_bit(e, r, 0); break;
    default: set_c_bit(e, r, bits - 1); break;
    }
    if (!(live & (NEED_V | NEED_LT)) || n != 1)
        return;
    switch (op) {
    case OP_SHR: set_v_bit(e, a, bits - 1); break;
    case OP_SAR: break; /* 0 */
    case OP_ROR: /* the two upper bits of the result */
        a64_eor_sh(e, A64_W, A64_TMP5, r, r, A64_LSL, 1);
        set_v_bit(e, A64_TMP5, bits - 1);
        break;
    case OP_ROL: /* the upper bit and CF */
        a64_eor_sh(e, A64_W, A64_TMP5, r, r, A64_LSL, bits - 1);
        set_v_bit(e, A64_TMP5, bits - 1);
        break;
    default: /* SHL: the two upper bits of what was */
        a64_eor_sh(e, A64_W, A64_TMP5, a, a, A64_LSL, 1);
        set_v_bit(e, A64_TMP5, bits - 1);
        break;
    }
}

static void shift32(struct emit *e, unsigned op, unsigned d, unsigned a, unsigned n)
{
    switch (op) {
    case OP_SHL: a64_lsl_imm(e, A64_W, d, a, n); break;
    case OP_SHR: a64_lsr_imm(e, A64_W, d, a, n); break;
    case OP_SAR: a64_asr_imm(e, A64_W, d, a, n); break;
    case OP_ROL: a64_ror_imm(e, A64_W, d, a, 32 - n); break;
    default: a64_ror_imm(e, A64_W, d, a, n); break;
    }
}

/* On `bits` = 8 or 16 by n < bits: the low bits of d. */
static void shift_narrow(struct emit *e, unsigned op, unsigned d, unsigned a, unsigned n, unsigned bits)
{
    switch (op) {
    case OP_SHL: a64_lsl_imm(e, A64_W, d, a, n); break;
    case OP_SHR: a64_ubfx(e, A64_W, d, a, n, bits - n); break;
    case OP_SAR: a64_sbfx(e, A64_W, d, a, n, bits - n); break;
    default: /* rotations: of the value twice */
        a64_ubfx(e, A64_W, d, a, 0, bits);
        a64_orr_sh(e, A64_W, d, d, d, A64_LSL, bits);
        a64_lsr_imm(e, A64_W, d, d, op == OP_ROL ? bits - n : n);
        break;
    }
}

static bool is_rotation(unsigned op)
{
    return op == OP_ROL || op == OP_ROR;
}

static bool shift_imm(struct emit *e, const struct insn *in, unsigned n)
{
    unsigned op = in->op, kills = a64_kills(in), size = in->o[0].size, bits = 8 * size;
    unsigned live = a64_live(e) & (kills | (kills & NEED_V ? NEED_LT : 0));
    struct operands x;
    if ((size < 4 && n >= bits) || (!n && in->o[0].kind == OPND_MEM) || !get_operands(e, in, &x))
        return false; /* by 0 memory is written all the same */
    if (!n)
        return true;
    bool c = live & (NEED_C | NEED_V | (n == 1 ? NEED_LT : 0));
    if (size == 4 && op == OP_SHL && !x.mem_dest && c && !is_rotation(op)) {
        unsigned d = host_gpr(&in->o[0]), from = x.a; /* by doubling, which gives all flags */
        if (n > 1) {
            a64_lsl_imm(e, A64_W, A64_TMP2, from, n - 1);
            from = A64_TMP2;
        }
        a64_adds(e, A64_W, d, from, from);
        e->form = FORM_ADD;
        if (live & (NEED_P | NEED_A))
            a64_mov(e, A64_W, A64_PF, d);
        return true;
    }
    unsigned a = x.a, d = size == 4 && !x.mem_dest ? host_gpr(&in->o[0]) : (unsigned)A64_TMP2;
    if (c && !x.mem_dest && a == host_gpr(&in->o[0])) {
        a64_mov(e, A64_W, A64_TMP0, a);
        a = A64_TMP0;
    }
    if (size == 4)
        shift32(e, op, d, a, n);
    else
        shift_narrow(e, op, d, a, n, bits);
    if (x.mem_dest)
        a64_store(e, store_of(size), d, &x.m);
    else
        put(e, &in->o[0], d);
    if (is_rotation(op)) {
        if (c)
            a64_want_form(e, FORM_ADD);
    } else if (size == 4 && !c) {
        result_flags(e, d, live);
    } else if (size == 4) {
        if (live & (NEED_P | NEED_A))
            a64_mov(e, A64_W, A64_PF, d);
        a64_must(a64_cmp_imm(e, A64_W, d, 0));
    } else {
        narrow_result_flags(e, d, size, live);
    }
    if (c)
        shift_c(e, op, a, d, n, bits, live);
    return true;
}

static bool shift_cl_dead(struct emit *e, const struct insn *in)
{
    unsigned op = in->op, size = in->o[0].size;
    struct operands x;
    if ((size < 4 && (op != OP_SHL && op != OP_SHR && op != OP_SAR)) || !get_operands(e, in, &x))
        return false;
    unsigned d = size == 4 && !x.mem_dest ? host_gpr(&in->o[0]) : (unsigned)A64_TMP2, a = x.a;
    if (size < 4 && op != OP_SHL) { /* counts up to 31 push in zeros or the sign */
        a64_bf_get(e, op == OP_SHR ? A64_UBFM : A64_SBFM, A64_W, A64_TMP0, a, 0, 8 * size);
        a = A64_TMP0;
    }
    switch (op) {
    case OP_SHL: a64_lslv(e, A64_W, d, a, A64_ECX); break;
    case OP_SHR: a64_lsrv(e, A64_W, d, a, A64_ECX); break;
    case OP_SAR: a64_asrv(e, A64_W, d, a, A64_ECX); break;
    case OP_ROR: a64_rorv(e, A64_W, d, a, A64_ECX); break;
    default:
        a64_neg(e, A64_W, A64_TMP3, A64_ECX);
        a64_rorv(e, A64_W, d, a, A64_TMP3);
        break;
    }
    if (x.mem_dest)
        a64_store(e, store_of(size), d, &x.m);
    else
        put(e, &in->o[0], d);
    return true;
}

/* By CL with flags wanted: the last step by one shows CF, and nothing changes for a count of 0. */
static bool shift_cl(struct emit *e, const struct insn *in, unsigned live)
{
    unsigned op = in->op, d = host_gpr(&in->o[0]);
    if (in->o[0].size != 4 || in->o[0].kind != OPND_GPR || is_rotation(op))
        return false;
    a64_settle_flags(e, NEED_ALL);
    a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_ECX, 31));
    uint8_t *none = e->p;
    a64_must(a64_cbz(e, A64_W, A64_TMP1, 0));
    a64_must(a64_sub_imm(e, A64_W, A64_TMP1, A64_TMP1, 1));
    if (op == OP_SHL) {
        a64_lslv(e, A64_W, A64_TMP2, d, A64_TMP1);
        a64_adds(e, A64_W, d, A64_TMP2, A64_TMP2);
        e->form = FORM_ADD;
    } else {
        a64_rrr(e, op == OP_SHR ? A64_LSRV : A64_ASRV, A64_W, A64_TMP2, d, A64_TMP1);
        shift32(e, op, d, A64_TMP2, 1);
        a64_must(a64_cmp_imm(e, A64_W, d, 0));
        if (op == OP_SHR && (live & (NEED_V | NEED_LT)))
            set_v_bit(e, A64_TMP2, 31);
        if (live & NEED_C)
            set_c_bit(e, A64_TMP2, 0);
    }
    if (live & (NEED_P | NEED_A))
        a64_mov(e, A64_W, A64_PF, d);
    a64_settle_flags(e, live);
    a64_must(a64_here(e, none));
    return true;
}

static bool op_shift(struct emit *e, const struct insn *in)
{
    unsigned live = a64_live(e);
    if (in->nopnd == 1 || in->o[1].kind == OPND_IMM)
        return shift_imm(e, in, in->nopnd == 1 ? 1 : in->imm & 31);
    if (in->o[1].kind != OPND_GPR)
        return false;
    if (!(live & (is_rotation(in->op) ? NEED_C | NEED_V | NEED_LT : NEED_ALL)))
        return shift_cl_dead(e, in);
    return shift_cl(e, in, live);
}

/* SHLD, SHRD by a constant. */
static bool op_shift_double(struct emit *e, const struct insn *in)
{
    unsigned n = in->imm & 31, live = a64_live(e) & a64_kills(in);
    struct operands x;
    if (in->nopnd != 3 || in->o[2].kind != OPND_IMM || in->o[0].size != 4 ||
        (!n && in->o[0].kind == OPND_MEM) || !get_operands(e, in, &x))
        return false;
    if (!n)
        return true;
    bool left = in->op == OP_SHLD;
    unsigned d = x.mem_dest ? (unsigned)A64_TMP2 : host_gpr(&in->o[0]), a = x.a;
    if (live && d == a) {
        a64_mov(e, A64_W, A64_TMP0, a);
        a = A64_TMP0;
    }
    if (left)
        a64_extr(e, A64_W, d, a, x.b.reg, 32 - n);
    else
        a64_extr(e, A64_W, d, x.b.reg, a, n);
    if (x.mem_dest)
        a64_store(e, A64_STR_W, d, &x.m);
    if (!live)
        return true;
    if (live & (NEED_P | NEED_A))
        a64_mov(e, A64_W, A64_PF, d);
    a64_must(a64_cmp_imm(e, A64_W, d, 0));
    if (n == 1 && (live & (NEED_V | NEED_LT))) { /* the sign changed */
        a64_eor(e, A64_W, A64_TMP5, a, d);
        set_v_bit(e, A64_TMP5, 31);
    }
    set_c_bit(e, a, left ? 32 - n : n - 1);
    return true;
}

/* ---- the stack ---- */

static bool op_push(struct emit *e, const struct insn *in)
{
    const struct opnd *o = &in->o[0];
    unsigned r = A64_TMP0;
    struct a64_mem m;
    if (in->opsize != 4 || (o->kind != OPND_GPR && o->kind != OPND_IMM && o->kind != OPND_MEM))
        return false;
    if (o->kind == OPND_IMM) {
        struct val v = {true, in->imm, 0};
        r = val_reg(e, &v, A64_TMP0);
    } else if (o->kind == OPND_MEM) {
        if (!a64_mem(e, in, 2, &m))
            return false;
        a64_load(e, A64_LDR_W, A64_TMP0, &m);
    } else if (o->reg == REG_ESP) {
        a64_mov(e, A64_W, A64_TMP0, A64_ESP);
    } else {
        r = host_gpr(o);
    }
    a64_push(e, r);
    return true;
}

static bool op_pop(struct emit *e, const struct insn *in)
{
    const struct opnd *o = &in->o[0];
    if (in->opsize != 4 || o->kind != OPND_GPR || o->reg == REG_ESP)
        return false;
    a64_pop(e, host_gpr(o));
    return true;
}

static bool op_leave(struct emit *e, const struct insn *in)
{
    struct a64_mem m = a64_at(A64_EBP, 0);
    if (in->opsize != 4)
        return false;
    a64_load(e, A64_LDR_W, A64_TMP0, &m);
    a64_must(a64_add_imm(e, A64_W, A64_ESP, A64_EBP, 4));
    a64_mov(e, A64_W, A64_EBP, A64_TMP0);
    return true;
}

/* ---- multiplication and division ---- */

/* CF = OF = "the upper half matters", which NE says; the other flags are undefined. */
static void overflow_flags(struct emit *e)
{
    a64_ccmp(e, A64_W, A64_ZR, A64_ZR, 1, A64_EQ);
    e->form = FORM_SUB;
}

static bool op_mul(struct emit *e, const struct insn *in)
{
    unsigned live = a64_live(e) & a64_kills(in);
    const struct opnd *s = &in->o[in->nopnd == 1 ? 0 : 1];
    bool one = in->nopnd == 1, is_signed = in->op == OP_IMUL;
    int src = s->size == 4 && plain_kinds(in) ? source32(e, in, s, A64_TMP0) : -1;
    if (src < 0)
        return false;
    unsigned r = (unsigned)src, a = one ? (unsigned)A64_EAX : host_gpr(&in->o[0]), d = a;
    if (in->nopnd == 3) {
        a64_const(e, A64_TMP1, in->imm);
        a = A64_TMP1;
    }
    if (!one && !(live & (NEED_C | NEED_V | NEED_LT))) {
        a64_mul(e, A64_W, d, a, r);
        return true;
    }
    if (is_signed)
        a64_smull(e, A64_TMP2, a, r);
    else
        a64_umull(e, A64_TMP2, a, r);
    a64_mov(e, A64_W, d, A64_TMP2);
    if (one)
        a64_lsr_imm(e, A64_X, A64_EDX, A64_TMP2, 32);
    if (live & (NEED_P | NEED_A))
        a64_mov(e, A64_W, A64_PF, d);
    if (live & NEED_NZCV) {
        if (is_signed)
            a64_subs_ext(e, A64_X, A64_ZR, A64_TMP2, A64_TMP2, A64_SXTW, 0);
        else
            a64_must(a64_cmp_imm(e, A64_W, A64_EDX, 0));
        overflow_flags(e);
    }
    return true;
}

static bool op_mul8(struct emit *e, const struct insn *in)
{
    if (in->nopnd != 1 || in->o[0].size != 1 || (a64_live(e) & a64_kills(in)))
        return false;
    const struct opnd *s = &in->o[0];
    struct a64_mem m;
    bool sx = in->op == OP_IMUL;
    if (s->kind == OPND_MEM) {
        if (!a64_mem(e, in, 0, &m))
            return false;
        a64_load(e, sx ? A64_LDRSB_W : A64_LDRB, A64_TMP0, &m);
    } else {
        a64_bf_get(e, sx ? A64_SBFM : A64_UBFM, A64_W, A64_TMP0, host_gpr(s), is_high8(s) ? 8 : 0, 8);
    }
    a64_bf_get(e, sx ? A64_SBFM : A64_UBFM, A64_W, A64_TMP1, A64_EAX, 0, 8);
    a64_mul(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1);
    a64_bfi(e, A64_W, A64_EAX, A64_TMP0, 0, 16);
    return true;
}

static void slow_if_zero(struct emit *e, unsigned sf, unsigned r)
{
    uint8_t *at = e->p;
    a64_must(a64_cbz(e, sf, r, 0));
    a64_slow(e, at);
}

static void slow_unless_zero(struct emit *e, unsigned sf, unsigned r)
{
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, sf, r, 0));
    a64_slow(e, at);
}

/* The instruction before, if control can come only from there. */
static const struct insn *before(const struct emit *e)
{
    return a64_is_leader(e, e->index) || !e->index ? NULL : e->tr->insn[e->index - 1].in;
}

static bool edx_is_zero(const struct insn *p)
{
    if (!p || p->nopnd != 2 || p->o[0].kind != OPND_GPR || p->o[0].size != 4 || p->o[0].reg != REG_EDX)
        return false;
    return (p->op == OP_XOR && p->o[1].kind == OPND_GPR && p->o[1].reg == REG_EDX) ||
           (p->op == OP_MOV && p->o[1].kind == OPND_IMM && !p->imm);
}

static bool op_div(struct emit *e, const struct insn *in)
{
    const struct opnd *s = &in->o[0];
    const struct insn *p = before(e);
    int src = s->size == 4 && plain_kinds(in) ? source32(e, in, s, A64_TMP1) : -1;
    if (src < 0)
        return false;
    unsigned r = (unsigned)src, q = A64_TMP2;
    if (in->op == OP_DIV && edx_is_zero(p)) {
        slow_if_zero(e, A64_W, r);
        a64_udiv(e, A64_W, q, A64_EAX, r);
    } else if (in->op == OP_DIV) {
        uint8_t *at;
        a64_sub(e, A64_X, A64_TMP3, A64_EDX, r); /* below: the quotient fits, and r is not 0 */
        at = e->p;
        a64_must(a64_tbz(e, A64_TMP3, 63, 0));
        a64_slow(e, at);
        a64_orr_sh(e, A64_X, A64_TMP0, A64_EAX, A64_EDX, A64_LSL, 32);
        a64_udiv(e, A64_X, q, A64_TMP0, r);
    } else if (p && p->op == OP_CDQ) {
        a64_must(a64_add_imm(e, A64_W, A64_TMP3, r, 1)); /* 0 and -1 */
        a64_lsr_imm(e, A64_W, A64_TMP3, A64_TMP3, 1);
        slow_if_zero(e, A64_W, A64_TMP3);
        a64_sdiv(e, A64_W, q, A64_EAX, r);
    } else {
        a64_orr_sh(e, A64_X, A64_TMP0, A64_EAX, A64_EDX, A64_LSL, 32);
        a64_sxtw(e, A64_TMP4, r);
        slow_if_zero(e, A64_W, r);
        a64_sdiv(e, A64_X, q, A64_TMP0, A64_TMP4);
        a64_sxtw(e, A64_TMP3, q);
        a64_sub(e, A64_X, A64_TMP3, A64_TMP3, q);
        slow_unless_zero(e, A64_X, A64_TMP3);
    }
    a64_msub(e, A64_W, A64_EDX, q, r, A64_EAX);
    a64_mov(e, A64_W, A64_EAX, q);
    return true;
}

/* ---- bits ---- */

/* BT, BTS, BTR, BTC of a register, or of memory with a constant. */
static bool op_bt(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    unsigned live = a64_live(e), size = d->size;
    struct operands x;
    if ((d->kind == OPND_MEM && s->kind != OPND_IMM) || size == 2 || !get_operands(e, in, &x))
        return false;
    bool known = s->kind == OPND_IMM;
    unsigned n = in->imm & 31, r = x.a, to = x.mem_dest ? (unsigned)A64_TMP2 : host_gpr(d);
    if (in->op == OP_BT && known && a64_fuse_carry(e, r, n))
        return true;
    unsigned bit = A64_TMP3;
    if (live & NEED_C) {
        if (!known)
            a64_lsrv(e, A64_W, A64_TMP3, r, x.b.reg);
        else if (in->op != OP_BT) /* the register changes before */
            a64_lsr_imm(e, A64_W, A64_TMP3, r, n);
        else
            bit = r;
        if (in->op == OP_BT && !known && a64_fuse_carry(e, A64_TMP3, 0))
            return true;
    }
    if (in->op != OP_BT) {
        enum a64_logic op = in->op == OP_BTS ? A64_ORR : in->op == OP_BTR ? A64_BIC : A64_EOR;
        if (known && op == A64_BIC) {
            a64_must(a64_and_imm(e, A64_W, to, r, ~(1u << n)));
        } else if (known) {
            a64_must(a64_logic_imm(e, op, A64_W, to, r, 1u << n));
        } else {
            a64_const(e, A64_TMP4, 1);
            a64_lslv(e, A64_W, A64_TMP4, A64_TMP4, x.b.reg);
            a64_logic_sh(e, op, A64_W, to, r, A64_TMP4, A64_LSL, 0);
        }
        if (x.mem_dest)
            a64_store(e, A64_STR_W, to, &x.m);
    }
    if (live & NEED_C) {
        if (e->form == FORM_FCMP)
            a64_settle_flags(e, live);
        set_c_bit(e, bit, bit == r && known ? n : 0);
    }
    return true;
}

static bool op_bsf(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    unsigned live = a64_live(e), to = host_gpr(d);
    bool bsr = in->op == OP_BSR;
    bool fits = d->size == 4 && !(live & NEED_ALL & ~(unsigned)NEED_Z);
    int src = fits ? source32(e, in, s, A64_TMP0) : -1;
    if (src < 0)
        return false;
    unsigned r = (unsigned)src;
    if (bsr) {
        a64_clz(e, A64_W, A64_TMP1, r);
        a64_must(a64_eor_imm(e, A64_W, A64_TMP1, A64_TMP1, 31));
    } else {
        a64_rbit(e, A64_W, A64_TMP1, r);
        a64_clz(e, A64_W, A64_TMP1, A64_TMP1);
    }
    a64_must(a64_cmp_imm(e, A64_W, r, 0)); /* 0: the destination stays */
    a64_csel(e, A64_W, to, A64_TMP1, to, A64_NE);
    e->form = FORM_SUB;
    return true;
}

static bool op_count_zeros(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    unsigned live = a64_live(e), to = host_gpr(d);
    bool fits = d->size == 4 && !(live & NEED_ALL & ~(unsigned)(NEED_Z | NEED_C));
    int src = fits ? source32(e, in, s, A64_TMP0) : -1;
    if (src < 0)
        return false;
    unsigned r = (unsigned)src;
    if (in->op == OP_TZCNT) {
        a64_rbit(e, A64_W, A64_TMP1, r);
        r = A64_TMP1;
    }
    a64_clz(e, A64_W, to, r);
    if (live) { /* CF: 32, ZF: 0 */
        a64_must(a64_cmp_imm(e, A64_W, to, 0));
        a64_lsr_imm(e, A64_W, A64_TMP2, to, 5);
        if (live & NEED_C)
            set_c_bit(e, A64_TMP2, 0);
        else
            e->form = FORM_SUB;
    }
    return true;
}

/* ---- flags themselves ---- */

static bool op_carry(struct emit *e, const struct insn *in)
{
    if (e->form == FORM_FCMP)
        a64_settle_flags(e, a64_live(e) | NEED_C);
    if (in->op == OP_CMC) {
        e->form = e->form == FORM_SUB ? FORM_ADD : FORM_SUB;
        return true;
    }
    if (!(a64_live(e) & NEED_C))
        return true;
    if (a64_has.flagm) { /* C = 0 */
        a64_rmif(e, A64_ZR, 0, 2);
    } else {
        a64_mrs(e, A64_STUB, A64_NZCV);
        a64_must(a64_and_imm(e, A64_X, A64_STUB, A64_STUB, ~(UINT64_C(1) << 29)));
        a64_msr(e, A64_NZCV, A64_STUB);
    }
    e->form = in->op == OP_CLC ? FORM_ADD : FORM_SUB;
    return true;
}

static bool op_direction(struct emit *e, const struct insn *in)
{
    a64_cpu_load(e, A64_LDR_W, A64_TMP0, offsetof(struct cpu, eflags));
    if (in->op == OP_STD)
        a64_must(a64_orr_imm(e, A64_W, A64_TMP0, A64_TMP0, EFL_DF));
    else
        a64_must(a64_and_imm(e, A64_W, A64_TMP0, A64_TMP0, ~(uint32_t)EFL_DF));
    a64_cpu_store(e, A64_STR_W, A64_TMP0, offsetof(struct cpu, eflags));
    return true;
}

static bool op_nop(const struct insn *in)
{
    return in->op == OP_NOP || in->op == OP_PAUSE;
}

bool a64_int(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    switch (in->op) {
    case OP_MOV: return op_mov(e, in);
    case OP_MOVZX: return op_movx(e, in, false);
    case OP_MOVSX: return op_movx(e, in, true);
    case OP_LEA: return op_lea(e, in);
    case OP_ADD: return op_add_sub(e, in, 0);
    case OP_SUB: return op_add_sub(e, in, 1);
    case OP_ADC: return op_add_sub(e, in, WITH_CARRY);
    case OP_SBB: return op_add_sub(e, in, 1 | WITH_CARRY);
    case OP_INC: return op_inc_dec(e, in, false);
    case OP_DEC: return op_inc_dec(e, in, true);
    case OP_NEG: return op_neg(e, in);
    case OP_NOT: return op_not(e, in);
    case OP_CMP: return op_cmp(e, in);
    case OP_AND: return op_logic(e, in, A64_AND);
    case OP_OR: return op_logic(e, in, A64_ORR);
    case OP_XOR: return op_logic(e, in, A64_EOR);
    case OP_TEST: return op_test(e, in);
    case OP_SHL: case OP_SHR: case OP_SAR: case OP_ROL: case OP_ROR: return op_shift(e, in);
    case OP_SHLD: case OP_SHRD: return op_shift_double(e, in);
    case OP_PUSH: return op_push(e, in);
    case OP_POP: return op_pop(e, in);
    case OP_LEAVE: return op_leave(e, in);
    case OP_XCHG: return op_xchg(e, in);
    case OP_CBW: case OP_CWDE: case OP_CWD: case OP_CDQ: return op_cbw(e, in);
    case OP_BSWAP: return op_bswap(e, in);
    case OP_MOVBE: return op_movbe(e, in);
    case OP_SETCC: return op_setcc(e, in);
    case OP_CMOVCC: return op_cmov(e, in);
    case OP_IMUL: case OP_MUL: return op_mul(e, in) || op_mul8(e, in);
    case OP_DIV: case OP_IDIV: return op_div(e, in);
    case OP_BT: case OP_BTS: case OP_BTR: case OP_BTC: return op_bt(e, in);
    case OP_BSF: case OP_BSR: return op_bsf(e, in);
    case OP_TZCNT: case OP_LZCNT: return op_count_zeros(e, in);
    case OP_CLC: case OP_STC: case OP_CMC: return op_carry(e, in);
    case OP_CLD: case OP_STD: return op_direction(e, in);
    default: return op_nop(in);
    }
}
