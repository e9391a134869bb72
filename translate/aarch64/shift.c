/* Shifts and rotations. */
#include "translate/aarch64/int.h"

/* CF and OF of a rotated or shifted value by n > 0; `a` as it was, `r` the result. */
static void shift_c(struct emit *e, unsigned op, unsigned a, unsigned r, unsigned n, unsigned bits,
                    unsigned live)
{
    switch (op) {
    case OP_SHL: a64_set_c_bit(e, a, bits - n); break;
    case OP_SHR:
    case OP_SAR: a64_set_c_bit(e, a, n - 1); break;
    case OP_ROL: a64_set_c_bit(e, r, 0); break;
    default: a64_set_c_bit(e, r, bits - 1); break;
    }
    if (!(live & (NEED_V | NEED_LT)) || n != 1)
        return;
    switch (op) {
    case OP_SHR: a64_set_v_bit(e, a, bits - 1); break;
    case OP_SAR: break; /* 0 */
    case OP_ROR:        /* the two upper bits of the result */
        a64_eor_sh(e, A64_W, A64_TMP5, r, r, A64_LSL, 1);
        a64_set_v_bit(e, A64_TMP5, bits - 1);
        break;
    case OP_ROL: /* the upper bit and CF */
        a64_eor_sh(e, A64_W, A64_TMP5, r, r, A64_LSL, bits - 1);
        a64_set_v_bit(e, A64_TMP5, bits - 1);
        break;
    default: /* SHL: the two upper bits of what was */
        a64_eor_sh(e, A64_W, A64_TMP5, a, a, A64_LSL, 1);
        a64_set_v_bit(e, A64_TMP5, bits - 1);
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
static void shift_narrow(struct emit *e, unsigned op, unsigned d, unsigned a, unsigned n,
                         unsigned bits)
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

static bool is_rotation(unsigned op) { return op == OP_ROL || op == OP_ROR; }

static bool shift_imm(struct emit *e, const struct insn *in, unsigned n)
{
    unsigned op = in->op, kills = a64_kills(in), size = in->o[0].size, bits = 8 * size;
    unsigned live = a64_live(e) & (kills | (kills & NEED_V ? NEED_LT : 0));
    struct a64_operands x;
    if ((size < 4 && n >= bits) || (!n && in->o[0].kind == OPND_MEM) ||
        !a64_get_operands(e, in, &x))
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
        a64_put(e, &in->o[0], d);
    if (is_rotation(op)) {
        if (c)
            a64_want_form(e, FORM_ADD);
    } else if (size == 4 && !c) {
        a64_result_flags(e, d, live);
    } else if (size == 4) {
        a64_must(a64_subs_imm(e, A64_W, live & (NEED_P | NEED_A) ? A64_PF : A64_ZR, d, 0));
    } else {
        a64_narrow_result_flags(e, d, size, live);
    }
    if (c)
        shift_c(e, op, a, d, n, bits, live);
    return true;
}

static bool shift_cl_dead(struct emit *e, const struct insn *in)
{
    unsigned op = in->op, size = in->o[0].size;
    struct a64_operands x;
    if ((size < 4 && (op != OP_SHL && op != OP_SHR && op != OP_SAR)) ||
        !a64_get_operands(e, in, &x))
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
        a64_put(e, &in->o[0], d);
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
            a64_set_v_bit(e, A64_TMP2, 31);
        if (live & NEED_C)
            a64_set_c_bit(e, A64_TMP2, 0);
    }
    if (live & (NEED_P | NEED_A))
        a64_mov(e, A64_W, A64_PF, d);
    a64_settle_flags(e, live);
    a64_must(a64_here(e, none));
    return true;
}

/* ---- every form ----
 * On a register of 64 bits, where what is shifted out is still to be seen. */

struct wide {
    unsigned op, bits, n; /* n: the count if `known`, */
    bool known;           /* else w3 is the count modulo 32, w4 the one to shift by */
};
#define WIDE_COUNT ((unsigned)A64_TMP3)
#define WIDE_BY ((unsigned)A64_TMP4)

static bool through_carry(unsigned op) { return op == OP_RCL || op == OP_RCR; }

/* x`d` = x`a` shifted by the count. */
static void wide_shift(struct emit *e, const struct wide *w, bool left, unsigned d, unsigned a)
{
    if (!w->known)
        a64_rrr(e, left ? A64_LSLV : A64_LSRV, A64_X, d, a, WIDE_BY);
    else if (left)
        a64_lsl_imm(e, A64_X, d, a, w->n);
    else
        a64_lsr_imm(e, A64_X, d, a, w->n);
}

/* The count of a rotation of `size` bits: less than that. */
static void reduce_count(struct emit *e, struct wide *w, unsigned size)
{
    if (w->known) {
        w->n %= size;
        return;
    }
    if (size == 9 || size == 17) {
        a64_const(e, A64_TMP5, size);
        a64_udiv(e, A64_W, A64_TMP6, WIDE_COUNT, A64_TMP5);
        a64_msub(e, A64_W, WIDE_BY, A64_TMP6, A64_TMP5, WIDE_COUNT);
    } else if (size < 32) {
        a64_must(a64_and_imm(e, A64_W, WIDE_BY, WIDE_COUNT, size - 1));
    }
}

/* x2 = x`v`, of `size` bits, rotated. */
static void wide_rotate(struct emit *e, const struct wide *w, unsigned size, bool left, unsigned v)
{
    struct wide back = *w;
    back.n = size - w->n;
    wide_shift(e, w, left, A64_TMP2, v);
    if (!w->known) {
        a64_const(e, A64_TMP5, size);
        a64_sub(e, A64_W, WIDE_BY, A64_TMP5, WIDE_BY);
    }
    wide_shift(e, &back, !left, A64_TMP5, v);
    a64_orr(e, A64_X, A64_TMP2, A64_TMP2, A64_TMP5);
}

/* x2 = what becomes of w`a`, zero-extended; for SHL and rotations through CF with bits above. */
static void wide_result(struct emit *e, struct wide *w, unsigned a)
{
    if (through_carry(w->op)) {
        enum a64_cond c = a64_cond_of(e, 2);
        a64_cset(e, A64_W, A64_TMP6, c);
        a64_orr_sh(e, A64_X, A64_TMP0, a, A64_TMP6, A64_LSL, w->bits);
        reduce_count(e, w, w->bits + 1);
        wide_rotate(e, w, w->bits + 1, w->op == OP_RCL, A64_TMP0);
    } else if (is_rotation(w->op)) {
        reduce_count(e, w, w->bits);
        wide_rotate(e, w, w->bits, w->op == OP_ROL, a);
    } else if (w->op == OP_SAR) {
        a64_bf_get(e, A64_SBFM, A64_X, A64_TMP0, a, 0, w->bits);
        if (w->known)
            a64_asr_imm(e, A64_X, A64_TMP2, A64_TMP0, w->n);
        else
            a64_asrv(e, A64_X, A64_TMP2, A64_TMP0, WIDE_BY);
    } else {
        wide_shift(e, w, w->op == OP_SHL, A64_TMP2, a);
    }
}

/* C and V from w0, which is what was shifted (sign-extended for SAR), and x2, the result. */
static void wide_carry(struct emit *e, const struct wide *w, unsigned live)
{
    unsigned top = w->bits - 1, carry = w->bits, sign = top;
    unsigned r = A64_TMP2;
    if (w->op == OP_SHR || w->op == OP_SAR) {
        struct wide last = *w; /* but one */
        last.n--;
        if (!w->known)
            a64_must(a64_sub_imm(e, A64_W, WIDE_BY, WIDE_BY, 1));
        r = A64_TMP5;
        wide_shift(e, &last, false, r, A64_TMP0);
        carry = 0;
    } else if (w->op == OP_ROL || w->op == OP_ROR) {
        carry = w->op == OP_ROL ? 0 : top;
    }
    a64_set_c_bit(e, r, carry);
    if (!(live & (NEED_V | NEED_LT)) || w->op == OP_SAR) /* 0 */
        return;
    if (w->op == OP_ROL) /* the upper bit and CF */
        a64_eor_sh(e, A64_X, A64_TMP6, r, r, A64_LSL, top);
    else if (w->op != OP_SHR) /* two neighbours */
        a64_eor_sh(e, A64_X, A64_TMP6, r, r, A64_LSL, 1);
    if (w->op == OP_SHL || w->op == OP_RCL)
        sign = w->bits; /* CF and the upper one */
    a64_set_v_bit(e, w->op == OP_SHR ? r : (unsigned)A64_TMP6, sign);
}

static void wide_flags(struct emit *e, const struct wide *w, unsigned live)
{
    if (!is_rotation(w->op) && !through_carry(w->op))
        a64_narrow_result_flags(e, A64_TMP2, w->bits / 8, live | NEED_C);
    else if (e->form == FORM_FCMP)
        a64_settle_flags(e, live);
    if (live & (NEED_C | NEED_V | NEED_LT))
        wide_carry(e, w, live);
}

/* RCL and RCR of a register of 32 bits by one. */
static void rotate_carry_1(struct emit *e, const struct insn *in, unsigned live)
{
    struct wide w = {in->op, 32, 1, true};
    unsigned d = host_gpr(&in->o[0]);
    bool left = in->op == OP_RCL;
    if (left && !(live & (NEED_Z | NEED_N | NEED_LT))) {
        a64_want_form(e, FORM_ADD);
        a64_rrr(e, live ? A64_ADCS : A64_ADC, A64_W, d, d, d);
        return;
    }
    a64_cset(e, A64_W, A64_TMP6, a64_cond_of(e, 2));
    if (!live) {
        a64_extr(e, A64_W, d, A64_TMP6, d, 1);
        return;
    }
    a64_orr_sh(e, A64_X, A64_TMP0, d, A64_TMP6, A64_LSL, 32);
    wide_rotate(e, &w, 33, left, A64_TMP0);
    a64_mov(e, A64_W, d, A64_TMP2);
    wide_flags(e, &w, live);
}

static bool shift_wide(struct emit *e, const struct insn *in, unsigned live)
{
    const struct opnd *d = &in->o[0];
    struct wide w = {in->op, 8u * d->size, in->nopnd == 1 ? 1 : in->imm & 31,
                     in->nopnd == 1 || in->o[1].kind == OPND_IMM};
    struct a64_operands x;
    if (!a64_get_operands(e, in, &x))
        return false;
    if (d->kind == OPND_GPR) {
        a64_bf_get(e, A64_UBFM, A64_W, A64_TMP0, host_gpr(d), is_high8(d) ? 8 : 0, w.bits);
        x.a = A64_TMP0;
    }
    bool any = !w.known || w.n;
    if (!w.known) {
        a64_must(a64_and_imm(e, A64_W, WIDE_COUNT, A64_ECX, 31));
        a64_mov(e, A64_W, WIDE_BY, WIDE_COUNT);
    }
    if (any)
        wide_result(e, &w, A64_TMP0);
    if (x.mem_dest)
        a64_store(e, store_of(d->size), any ? A64_TMP2 : A64_TMP0, &x.m);
    else
        a64_put(e, d, any ? A64_TMP2 : A64_TMP0);
    if (!any || !live)
        return true;
    if (w.known) {
        wide_flags(e, &w, live);
        return true;
    }
    a64_settle_flags(e, live);
    uint8_t *none = e->p;
    a64_must(a64_cbz(e, A64_W, WIDE_COUNT, 0));
    wide_flags(e, &w, live);
    a64_settle_flags(e, live);
    a64_must(a64_here(e, none));
    return true;
}

bool a64_op_shift(struct emit *e, const struct insn *in)
{
    unsigned live = a64_live(e);
    if (through_carry(in->op)) {
        bool one = in->nopnd == 1 || (in->o[1].kind == OPND_IMM && (in->imm & 31) == 1);
        live = live & (NEED_C | NEED_V | NEED_LT) ? live : 0;
        if (!one || in->o[0].kind != OPND_GPR || in->o[0].size != 4)
            return shift_wide(e, in, live);
        rotate_carry_1(e, in, live);
        return true;
    }
    if (in->nopnd == 1 || in->o[1].kind == OPND_IMM)
        return shift_imm(e, in, in->nopnd == 1 ? 1 : in->imm & 31) || shift_wide(e, in, live);
    if (in->o[1].kind != OPND_GPR)
        return false;
    unsigned wanted = live & (is_rotation(in->op) ? NEED_C | NEED_V | NEED_LT : NEED_ALL);
    if (!wanted)
        return shift_cl_dead(e, in) || shift_wide(e, in, 0);
    return shift_cl(e, in, live) || shift_wide(e, in, live);
}

/* SHLD, SHRD by CL: shifts of both registers as one. */
static bool shift_double_cl(struct emit *e, const struct insn *in)
{
    struct a64_operands x;
    unsigned live = a64_live(e);
    bool left = in->op == OP_SHLD, mem = in->o[0].kind == OPND_MEM;
    uint8_t *none = NULL;
    if (in->o[0].size != 4 || (mem && live) || !a64_get_operands(e, in, &x))
        return false;
    unsigned d = x.a, s = x.b.reg;
    if (live)
        a64_settle_flags(e, live);
    a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_ECX, 31));
    if (live) { /* nothing changes for a count of 0; else the last step by one shows CF */
        none = e->p;
        a64_must(a64_cbz(e, A64_W, A64_TMP1, 0));
        a64_must(a64_sub_imm(e, A64_W, A64_TMP1, A64_TMP1, 1));
    }
    a64_orr_sh(e, A64_X, A64_TMP2, left ? s : d, left ? d : s, A64_LSL, 32);
    a64_rrr(e, left ? A64_LSLV : A64_LSRV, A64_X, A64_TMP2, A64_TMP2, A64_TMP1);
    if (live)
        a64_mov(e, A64_W, A64_TMP4, d);
    if (left)
        a64_lsr_imm(e, A64_X, d, A64_TMP2, live ? 31 : 32);
    else if (live)
        a64_lsr_imm(e, A64_X, d, A64_TMP2, 1);
    if (live || !left)
        a64_mov(e, A64_W, d, live ? d : (unsigned)A64_TMP2);
    if (mem)
        a64_store(e, A64_STR_W, d, &x.m);
    if (!live)
        return true;
    a64_must(a64_subs_imm(e, A64_W, live & (NEED_P | NEED_A) ? A64_PF : A64_ZR, d, 0));
    if (live & (NEED_V | NEED_LT)) { /* of a count of 1: the sign changed */
        a64_eor(e, A64_W, A64_TMP4, A64_TMP4, d);
        a64_set_v_bit(e, A64_TMP4, 31);
    }
    a64_set_c_bit(e, A64_TMP2, left ? 63 : 0);
    a64_settle_flags(e, live);
    a64_must(a64_here(e, none));
    return true;
}

/* SHLD, SHRD by a constant. */
bool a64_op_shift_double(struct emit *e, const struct insn *in)
{
    unsigned n = in->imm & 31, live = a64_live(e) & a64_kills(in);
    struct a64_operands x;
    if (in->nopnd == 3 && in->o[2].kind == OPND_GPR)
        return shift_double_cl(e, in);
    if (in->nopnd != 3 || in->o[2].kind != OPND_IMM || in->o[0].size != 4 ||
        (!n && in->o[0].kind == OPND_MEM) || !a64_get_operands(e, in, &x))
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
    a64_must(a64_subs_imm(e, A64_W, live & (NEED_P | NEED_A) ? A64_PF : A64_ZR, d, 0));
    if (n == 1 && (live & (NEED_V | NEED_LT))) { /* the sign changed */
        a64_eor(e, A64_W, A64_TMP5, a, d);
        a64_set_v_bit(e, A64_TMP5, 31);
    }
    a64_set_c_bit(e, a, left ? 32 - n : n - 1);
    return true;
}
