/* AND, OR, XOR, TEST; single bits; counting zeros; flags themselves. */
#include "translate/aarch64/int.h"

/* ---- logic ---- */

static void logic(struct emit *e, enum a64_logic op, unsigned d, unsigned a,
                  const struct a64_val *b)
{
    if (b->is_imm && a64_logic_imm(e, op, A64_W, d, a, b->imm))
        return;
    a64_logic_sh(e, op, A64_W, d, a, a64_val_reg(e, b), A64_LSL, 0);
}

/* AND and TEST set the flags by themselves: C is 0. */
static void and_flags(struct emit *e, unsigned d, unsigned a, const struct a64_val *b,
                      unsigned live)
{
    unsigned to = d == A64_ZR ? (unsigned)A64_PF : d;
    if ((live & (NEED_P | NEED_A)) && (live & NEED_C) && to != A64_PF) {
        logic(e, A64_AND, to, a, b);
        a64_result_flags(e, to, live);
        return;
    }
    if (live & (NEED_P | NEED_A)) {
        logic(e, live & NEED_NZCV ? A64_ANDS : A64_AND, to, a, b);
        if (to != A64_PF)
            a64_mov(e, A64_W, A64_PF, to);
    } else if (live & NEED_NZCV) {
        logic(e, A64_ANDS, d, a, b);
    } else if (d != A64_ZR) {
        logic(e, A64_AND, d, a, b);
    }
    if (live & NEED_NZCV)
        e->form = FORM_ADD;
}

static void logic_flags(struct emit *e, enum a64_logic op, unsigned d, unsigned a,
                        const struct a64_val *b, unsigned live)
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
    a64_result_flags(e, d, live);
}

bool a64_op_logic(struct emit *e, const struct insn *in, enum a64_logic op)
{
    unsigned live = a64_live(e);
    struct a64_operands x;
    if (!a64_get_operands(e, in, &x))
        return false;
    if (x.size == 4 && !x.mem_dest) {
        logic_flags(e, op, host_gpr(&in->o[0]), x.a, &x.b, live);
        return true;
    }
    logic(e, op, A64_TMP2, x.a, &x.b);
    if (x.mem_dest)
        a64_store(e, store_of(x.size), A64_TMP2, &x.m);
    else
        a64_put(e, &in->o[0], A64_TMP2);
    if (x.size == 4)
        a64_result_flags(e, A64_TMP2, live);
    else
        a64_narrow_result_flags(e, A64_TMP2, x.size, live);
    return true;
}

/* Of bits 8-15 where they are, if N does not matter. */
static bool test_high8(struct emit *e, const struct insn *in, unsigned live)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    bool imm = s->kind == OPND_IMM;
    struct a64_val v = {true, (imm ? in->imm & 0xff : 0xff) << 8, 0};
    if (live & ~(unsigned)(NEED_Z | NEED_C) || !is_high8(d) ||
        !(imm || (is_high8(s) && s->reg == d->reg)))
        return false;
    if (!a64_fuse_bit(e, host_gpr(d), v.imm))
        and_flags(e, A64_ZR, host_gpr(d), &v, live);
    return true;
}

bool a64_op_test(struct emit *e, const struct insn *in)
{
    unsigned live = a64_live(e);
    struct a64_operands x;
    if (live && test_high8(e, in, live))
        return true;
    if (!a64_get_operands(e, in, &x))
        return false;
    if (!live)
        return true;
    bool same =
        !x.b.is_imm && (x.b.reg == x.a || (is_high8(&in->o[0]) && in->o[1].kind == OPND_GPR &&
                                           in->o[0].reg == in->o[1].reg));
    if (x.size == 4 && same) {
        a64_result_flags(e, x.a, live);
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
        a64_narrow_result_flags(e, r, x.size, live);
    }
    return true;
}

/* ---- bits ---- */

/* w`to` = w`r` as BTS, BTR, BTC change a bit: number `n`, or w`number` if that is not -1. */
static void change_bit(struct emit *e, unsigned op, unsigned to, unsigned r, int number, unsigned n)
{
    enum a64_logic how = op == OP_BTS ? A64_ORR : op == OP_BTR ? A64_BIC : A64_EOR;
    if (number >= 0) {
        a64_const(e, A64_TMP4, 1);
        a64_lslv(e, A64_W, A64_TMP4, A64_TMP4, (unsigned)number);
        a64_logic_sh(e, how, A64_W, to, r, A64_TMP4, A64_LSL, 0);
    } else if (how == A64_BIC) {
        a64_must(a64_and_imm(e, A64_W, to, r, ~(1u << n)));
    } else {
        a64_must(a64_logic_imm(e, how, A64_W, to, r, 1u << n));
    }
}

/* CF = bit n of w`r`. */
static void carry_of_bit(struct emit *e, unsigned r, unsigned n)
{
    if (e->form == FORM_FCMP)
        a64_settle_flags(e, a64_live(e));
    a64_set_c_bit(e, r, n);
}

/* The operand in memory any distance away. */
static bool bt_far(struct emit *e, const struct insn *in)
{
    unsigned log2 = in->o[0].size == 2 ? 4 : 5, n = a64_gpr(in->o[1].reg);
    enum a64_ldst load = log2 == 4 ? A64_LDRH : A64_LDR_W, store = log2 == 4 ? A64_STRH : A64_STR_W;
    struct a64_mem m = a64_at(A64_ADDR, 0);
    int base = in->seg == SEG_FS ? -1 : a64_whole_addr(e, in); /* not checked so far away */
    if (base < 0)
        return false;
    a64_bit_string(e, n, (unsigned)base, log2);
    a64_load(e, load, A64_TMP0, &m);
    a64_ubfx(e, A64_W, A64_TMP1, n, 0, log2);
    if (in->op != OP_BT) {
        change_bit(e, in->op, A64_TMP2, A64_TMP0, A64_TMP1, 0);
        a64_store(e, store, A64_TMP2, &m);
    }
    if (!(a64_live(e) & NEED_C))
        return true;
    a64_lsrv(e, A64_W, A64_TMP3, A64_TMP0, A64_TMP1);
    if (in->op != OP_BT || !a64_fuse_carry(e, A64_TMP3, 0))
        carry_of_bit(e, A64_TMP3, 0);
    return true;
}

/* BT, BTS, BTR, BTC. */
bool a64_op_bt(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    unsigned live = a64_live(e), size = d->size;
    struct a64_operands x;
    if (d->kind == OPND_MEM && s->kind == OPND_GPR)
        return bt_far(e, in);
    if (!a64_get_operands(e, in, &x))
        return false;
    bool known = s->kind == OPND_IMM, direct = size == 4 && !x.mem_dest;
    unsigned n = in->imm & (8 * size - 1), r = x.a, to = direct ? host_gpr(d) : (unsigned)A64_TMP2;
    unsigned number = x.b.reg;
    if (in->op == OP_BT && known && a64_fuse_carry(e, r, n))
        return true;
    if (!known && size == 2) {
        a64_ubfx(e, A64_W, A64_TMP1, number, 0, 4);
        number = A64_TMP1;
    }
    unsigned bit = A64_TMP3;
    if (live & NEED_C) {
        if (!known)
            a64_lsrv(e, A64_W, A64_TMP3, r, number);
        else if (in->op != OP_BT) /* the register changes before */
            a64_lsr_imm(e, A64_W, A64_TMP3, r, n);
        else
            bit = r;
        if (in->op == OP_BT && !known && a64_fuse_carry(e, A64_TMP3, 0))
            return true;
    }
    if (in->op != OP_BT) {
        change_bit(e, in->op, to, r, known ? -1 : (int)number, n);
        if (x.mem_dest)
            a64_store(e, store_of(size), to, &x.m);
        else
            a64_put(e, d, to);
    }
    if (live & NEED_C)
        carry_of_bit(e, bit, bit == r && known ? n : 0);
    return true;
}

/* ZF = Z, the others are as they are in x`old`. */
static void zero_flag_only(struct emit *e, unsigned old)
{
    a64_cset(e, A64_W, A64_STUB, A64_EQ);
    a64_bfi(e, A64_X, old, A64_STUB, 30, 1);
    a64_msr(e, A64_NZCV, old);
}

/* The register with operand 1, zero-extended: A64_TMP0 if it was loaded or is one of 16 bits.
 * -1: nothing emitted. */
static int source_of_count(struct emit *e, const struct insn *in)
{
    const struct opnd *s = &in->o[1];
    struct a64_mem m;
    if (s->size == 4)
        return a64_source32(e, in, s, A64_TMP0);
    if (s->kind != OPND_MEM)
        return (int)a64_zero_extended(e, s, A64_TMP0);
    if (!a64_mem_indexed(e, in, 1, &m))
        return -1;
    a64_load(e, A64_LDRH, A64_TMP0, &m);
    return A64_TMP0;
}

bool a64_op_bsf(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0];
    unsigned live = a64_live(e), to = host_gpr(d);
    bool bsr = in->op == OP_BSR, others = live & NEED_NZCV & ~(unsigned)NEED_Z;
    int src = source_of_count(e, in);
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
    if (others) /* they stay */
        a64_mrs(e, A64_TMP3, A64_NZCV);
    a64_must(a64_cmp_imm(e, A64_W, r, 0)); /* 0: the destination stays */
    if (d->size == 2) {
        a64_csel(e, A64_W, A64_TMP1, A64_TMP1, to, A64_NE);
        a64_put(e, d, A64_TMP1);
    } else {
        a64_csel(e, A64_W, to, A64_TMP1, to, A64_NE);
    }
    if (others)
        zero_flag_only(e, A64_TMP3);
    else
        e->form = FORM_SUB;
    return true;
}

bool a64_op_count_zeros(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0];
    unsigned live = a64_live(e) & (NEED_Z | NEED_C); /* the others are undefined */
    unsigned to = d->size == 4 ? host_gpr(d) : (unsigned)A64_TMP2;
    int src = source_of_count(e, in);
    if (src < 0)
        return false;
    unsigned r = (unsigned)src;
    if (d->size == 2 && in->op == OP_TZCNT)
        a64_must(a64_orr_imm(e, A64_W, A64_TMP0, r, 1u << 16));
    else if (d->size == 2)
        a64_lsl_imm(e, A64_W, A64_TMP0, r, 16);
    if (d->size == 2)
        r = A64_TMP0;
    if (d->size == 2 && in->op != OP_TZCNT)
        a64_must(a64_orr_imm(e, A64_W, r, r, 1u << 15));
    if (in->op == OP_TZCNT) {
        a64_rbit(e, A64_W, A64_TMP1, r);
        r = A64_TMP1;
    }
    a64_clz(e, A64_W, to, r);
    if (d->size == 2)
        a64_put(e, d, to);
    if (live) { /* CF: 32 or 16, ZF: 0 */
        a64_must(a64_cmp_imm(e, A64_W, to, 0));
        e->form = FORM_SUB;
        if (live & NEED_C)
            a64_set_c_bit(e, to, d->size == 4 ? 5 : 4);
    }
    return true;
}

bool a64_op_crc32(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    unsigned crc = host_gpr(d), v = A64_TMP0;
    struct a64_mem m;
    if (!a64_has.crc32 || d->size != 4)
        return false;
    if (s->kind != OPND_MEM) {
        v = a64_low_bits(e, s, v);
    } else {
        if (!a64_mem(e, in, log2_of(s->size), &m))
            return false;
        a64_load(e, load_zx(s->size), v, &m);
    }
    if (s->size == 1)
        a64_crc32cb(e, crc, crc, v);
    else if (s->size == 2)
        a64_crc32ch(e, crc, crc, v);
    else
        a64_crc32cw(e, crc, crc, v);
    return true;
}

/* ---- flags themselves ---- */

bool a64_op_carry(struct emit *e, const struct insn *in)
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

bool a64_op_direction(struct emit *e, const struct insn *in)
{
    a64_cpu_load(e, A64_LDR_W, A64_TMP0, offsetof(struct cpu, eflags));
    if (in->op == OP_STD)
        a64_must(a64_orr_imm(e, A64_W, A64_TMP0, A64_TMP0, EFL_DF));
    else
        a64_must(a64_and_imm(e, A64_W, A64_TMP0, A64_TMP0, ~(uint32_t)EFL_DF));
    a64_cpu_store(e, A64_STR_W, A64_TMP0, offsetof(struct cpu, eflags));
    return true;
}
