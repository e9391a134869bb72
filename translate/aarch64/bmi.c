/* BMI1, BMI2, POPCNT. Those that set flags set them by the result, but for CF; PF and AF are undefined. */
#include "translate/aarch64/bmi.h"

#include "translate/aarch64/int.h"

/* Both sources in registers, memory in A64_TMP0; false: nothing emitted. */
static bool two_sources(struct emit *e, const struct insn *in, unsigned *a, unsigned *b)
{
    int x = a64_source32(e, in, &in->o[1], A64_TMP0);
    int y = x < 0 ? -1 : a64_source32(e, in, &in->o[2], A64_TMP0);
    *a = (unsigned)x;
    *b = (unsigned)y;
    return y >= 0;
}

/* w`d` = w`A64_TMP1`, CF = bit 0 of w`A64_TMP2`, the others by the result. */
static void put(struct emit *e, unsigned d, unsigned live)
{
    a64_mov(e, A64_W, d, A64_TMP1);
    a64_result_flags(e, d, live);
    if (live & NEED_C)
        a64_set_c_bit(e, A64_TMP2, 0);
}

bool a64_op_bmi_logic(struct emit *e, const struct insn *in) /* ANDN */
{
    unsigned a, b, d = a64_gpr(in->o[0].reg);
    if (!two_sources(e, in, &a, &b))
        return false;
    a64_bic(e, A64_W, d, b, a);
    a64_result_flags(e, d, a64_live(e));
    return true;
}

bool a64_op_bmi_lowest(struct emit *e, const struct insn *in) /* BLSI BLSMSK BLSR */
{
    unsigned live = a64_live(e);
    int src = a64_source32(e, in, &in->o[1], A64_TMP0);
    if (src < 0)
        return false;
    unsigned a = (unsigned)src;
    if (live & NEED_C) { /* whether it is 0, or BLSI is not */
        a64_clz(e, A64_W, A64_TMP2, a);
        a64_lsr_imm(e, A64_W, A64_TMP2, A64_TMP2, 5);
        if (in->op == OP_BLSI)
            a64_must(a64_eor_imm(e, A64_W, A64_TMP2, A64_TMP2, 1));
    }
    if (in->op == OP_BLSI)
        a64_sub(e, A64_W, A64_TMP1, A64_ZR, a);
    else
        a64_must(a64_sub_imm(e, A64_W, A64_TMP1, a, 1));
    if (in->op == OP_BLSMSK)
        a64_eor(e, A64_W, A64_TMP1, A64_TMP1, a);
    else
        a64_and(e, A64_W, A64_TMP1, A64_TMP1, a);
    put(e, a64_gpr(in->o[0].reg), live);
    return true;
}

static void test_bits(struct emit *e, unsigned r, uint32_t bits)
{
    a64_must(a64_logic_imm(e, A64_ANDS, A64_W, A64_ZR, r, bits));
}

bool a64_op_bmi_zero_high(struct emit *e, const struct insn *in) /* BZHI */
{
    unsigned live = a64_live(e), a, b;
    if (!two_sources(e, in, &a, &b))
        return false;
    a64_movw(e, A64_MOVN, A64_W, A64_TMP1, 0, 0);
    a64_lslv(e, A64_W, A64_TMP1, A64_TMP1, b);
    a64_bic(e, A64_W, A64_TMP1, a, A64_TMP1);
    test_bits(e, b, 0xe0); /* 32 and more: nothing */
    a64_csel(e, A64_W, A64_TMP1, A64_TMP1, a, A64_EQ);
    if (live & NEED_C)
        a64_cset(e, A64_W, A64_TMP2, A64_NE);
    e->form = FORM_SUB;
    put(e, a64_gpr(in->o[0].reg), live);
    return true;
}

bool a64_op_bmi_extract(struct emit *e, const struct insn *in) /* BEXTR */
{
    unsigned live = a64_live(e), a, b, d = a64_gpr(in->o[0].reg);
    if (!two_sources(e, in, &a, &b))
        return false;
    a64_lsrv(e, A64_X, A64_TMP1, a, b); /* by less than 64 */
    test_bits(e, b, 0xc0);
    a64_csel(e, A64_W, A64_TMP1, A64_TMP1, A64_ZR, A64_EQ);
    a64_lsr_imm(e, A64_W, A64_TMP3, b, 8);
    a64_movw(e, A64_MOVN, A64_X, A64_TMP2, 0, 0);
    a64_lslv(e, A64_X, A64_TMP2, A64_TMP2, A64_TMP3);
    test_bits(e, b, 0xc000);
    a64_csel(e, A64_W, A64_TMP2, A64_TMP2, A64_ZR, A64_EQ);
    a64_bic(e, A64_W, d, A64_TMP1, A64_TMP2);
    e->form = FORM_SUB;
    a64_result_flags(e, d, live);
    return true;
}

bool a64_op_bmi_shift(struct emit *e, const struct insn *in) /* SHLX SHRX SARX RORX: no flags */
{
    unsigned d = a64_gpr(in->o[0].reg);
    int src = a64_source32(e, in, &in->o[1], A64_TMP0);
    if (src < 0)
        return false;
    unsigned a = (unsigned)src, n = in->op == OP_RORX ? 0 : a64_gpr(in->o[2].reg);
    switch (in->op) {
    case OP_SHLX: a64_lslv(e, A64_W, d, a, n); break;
    case OP_SHRX: a64_lsrv(e, A64_W, d, a, n); break;
    case OP_SARX: a64_asrv(e, A64_W, d, a, n); break;
    default: a64_ror_imm(e, A64_W, d, a, in->imm & 31); break;
    }
    return true;
}

bool a64_op_bmi_multiply(struct emit *e, const struct insn *in) /* MULX: no flags */
{
    int src = a64_source32(e, in, &in->o[2], A64_TMP0);
    if (src < 0)
        return false;
    a64_umull(e, A64_TMP1, A64_EDX, (unsigned)src);
    a64_mov(e, A64_W, a64_gpr(in->o[1].reg), A64_TMP1);
    a64_lsr_imm(e, A64_X, a64_gpr(in->o[0].reg), A64_TMP1, 32);
    return true;
}

bool a64_op_bmi_scatter(struct emit *e, const struct insn *in) /* PDEP PEXT: no flags */
{
    unsigned a, b;
    if (!two_sources(e, in, &a, &b))
        return false;
    a64_mov(e, A64_W, A64_TMP1, b);
    if (a != A64_TMP0)
        a64_mov(e, A64_W, A64_TMP0, a);
    a64_call(e, in->op == OP_PDEP ? a64_pdep : a64_pext);
    a64_mov(e, A64_W, a64_gpr(in->o[0].reg), A64_TMP2);
    return true;
}

bool a64_op_popcnt(struct emit *e, const struct insn *in) /* all flags but ZF are clear */
{
    unsigned live = a64_live(e), d = a64_gpr(in->o[0].reg);
    int src = in->o[0].size == 4 ? a64_source32(e, in, &in->o[1], A64_TMP0) : -1;
    if (src < 0)
        return false;
    a64_fmov_from_gpr(e, A64_W, A64_VTMP0, (unsigned)src);
    a64_v2(e, A64_V_CNT, A64_8B, A64_VTMP0, A64_VTMP0);
    a64_v2(e, A64_V_ADDV, A64_8B, A64_VTMP0, A64_VTMP0);
    a64_fmov_to_gpr(e, A64_W, d, A64_VTMP0);
    if (live & (NEED_P | NEED_A))
        a64_const(e, A64_PF, 1);
    a64_result_flags(e, d, live & ~(unsigned)(NEED_P | NEED_A));
    return true;
}
