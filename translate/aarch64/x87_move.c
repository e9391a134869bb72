/* x87 loads, stores, control words. */
#include "translate/aarch64/x87_emit.h"

enum { SW_C1_BIT = 9 };

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
    x87_slow(e, at, way);
    a64_must(a64_sub_imm(e, A64_X, d + 1, d + 1, 1));
    a64_lsl_imm(e, A64_X, d, A64_TMP0, 11);
    a64_must(a64_orr_imm(e, A64_X, d, d, SIGN));
}

void x87_load_mem(struct emit *e, const struct insn *in, enum a64_ldst op, unsigned log2)
{
    struct a64_mem m;
    a64_must(a64_mem(e, in, log2, &m));
    a64_load(e, op, A64_TMP0, &m);
    x87_note_address(e, in, &m);
}

struct a64_mem x87_mem_f80(struct emit *e, const struct insn *in, struct a64_mem *se)
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

void x87_load_t(struct emit *e, const struct insn *in)
{
    unsigned size = in->o[0].size;
    x87_drop_t(e);
    if (x87_is_int(in->op)) {
        x87_load_mem(e, in, size == 2 ? A64_LDRSH_X : size == 4 ? A64_LDRSW : A64_LDR_X,
                 size == 2 ? 1 : size == 4 ? 2 : 3);
        a64_call(e, a64_x87_from_int);
    } else if (size == 10) {
        struct a64_mem se, m = x87_mem_f80(e, in, &se);
        a64_load(e, A64_LDR_X, A64_TMP0, &m);
        a64_load(e, A64_LDRH, A64_TMP1, &se);
        x87_note_address(e, in, &m);
        a64_call(e, a64_x87_from_f80);
    } else if (size == 4) {
        x87_load_mem(e, in, A64_LDR_W, 2);
        x87_leaf(e, a64_x87_from_float, X87_PLAIN);
    } else {
        x87_load_mem(e, in, A64_LDR_X, 3);
        unpack_double(e, T);
    }
}

/* ST(i) -> register pair d. */
static void get_st(struct emit *e, unsigned d, unsigned i)
{
    if (i || !e->x87.cached) {
        x87_get_pair(e, d, i);
    } else {
        a64_mov(e, A64_X, d, T);
        a64_mov(e, A64_X, d + 1, TE);
    }
}

bool x87_operands(struct emit *e, const struct insn *in)
{
    if (x87_is_mem(in) && (x87_is_int(in->op) || in->o[0].size == 4)) {
        x87_load_t(e, in);
        x87_get_pair(e, B, 0);
        return true;
    }
    x87_want_t(e);
    if (x87_is_mem(in)) {
        x87_load_mem(e, in, A64_LDR_X, 3);
        unpack_double(e, B);
    } else {
        get_st(e, B, x87_other(in));
    }
    return false;
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

void x87_push(struct emit *e, const struct insn *in)
{
    if (x87_is_mem(in)) {
        x87_load_t(e, in);
    } else if (in->op == OP_FLD) {
        x87_want_t(e);
        x87_flush_t(e);
        if (in->o[0].reg)
            x87_get_pair(e, T, in->o[0].reg);
    } else {
        if (in->op != OP_FLD1 && in->op != OP_FLDZ)
            x87_want_cw(e);
        x87_drop_t(e);
        constant(e, in->op);
    }
    e->x87.pushed++;
    e->x87.c1_zero = true;
    x87_t_is_new(e);
}

void x87_exchange(struct emit *e, const struct insn *in)
{
    unsigned i = in->o[in->nopnd - 1].reg;
    e->x87.c1_zero = true;
    if (!i)
        return;
    x87_want_t(e);
    x87_get_pair(e, A64_TMP0, i);
    x87_put_pair(e, T, i);
    a64_mov(e, A64_X, T, A64_TMP0);
    a64_mov(e, A64_X, TE, A64_TMP1);
    x87_t_is_new(e);
}

void x87_move_if(struct emit *e, const struct insn *in)
{
    enum a64_cond c = a64_cond_of(e, in->cc);
    x87_want_t(e);
    get_st(e, B, in->o[1].reg);
    a64_csel(e, A64_X, T, B, T, c);
    a64_csel(e, A64_X, TE, BE, TE, c);
    x87_t_is_new(e);
}

/* ---- stores ---- */

void x87_rounding(struct emit *e)
{
    if (e->x87.cw_changed) {
        a64_cpu_load(e, A64_LDRH, A64_TMP3, FPU(cw));
        a64_ubfx(e, A64_W, A64_TMP3, A64_TMP3, 10, 2);
    } else {
        a64_mov(e, A64_W, A64_TMP3, A64_ZR);
    }
}

static void store_double(struct emit *e, const struct insn *in)
{
    struct a64_mem m;
    a64_must(a64_mem(e, in, 3, &m));
    a64_must(a64_add_imm(e, A64_W, A64_TMP0, TE, 3)); /* from 2^1023 on: perhaps an overflow */
    a64_lsr_imm(e, A64_W, A64_TMP0, A64_TMP0, 11);
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_TMP0, 0));
    x87_slow(e, at, X87_PLAIN);
    a64_lsr_imm(e, A64_X, A64_TMP1, T, 11);
    a64_lsl_imm(e, A64_X, LOST, T, 53);
    a64_add_sh(e, A64_X, A64_TMP1, A64_TMP1, TE, A64_LSL, 52); /* the top bit adds 1 */
    a64_lsl_imm(e, A64_X, A64_TMP0, LOST, 1);
    at = e->p;
    a64_must(a64_cbz(e, A64_X, A64_TMP0, 0));
    struct x87_cold *c = x87_cold(e, at, COLD_TIE);
    a64_add_sh(e, A64_X, A64_TMP1, A64_TMP1, LOST, A64_LSR, 63);
    c->back = emit_off(e);
    a64_must(a64_and_imm(e, A64_X, A64_TMP0, TE, SIGN));
    a64_orr(e, A64_X, A64_TMP1, A64_TMP1, A64_TMP0);
    a64_store(e, A64_STR_X, A64_TMP1, &m);
    x87_note_address(e, in, &m);
    a64_orr(e, A64_X, PE, PE, LOST);
}

/* What the leaf routine left in x5 and x4. */
static void store_converted(struct emit *e, const struct insn *in, enum a64_ldst op, unsigned log2)
{
    struct a64_mem m;
    a64_must(a64_mem(e, in, log2, &m));
    a64_store(e, op, A64_TMP5, &m);
    x87_note_address(e, in, &m);
    a64_mov(e, A64_X, LOST, A64_TMP4);
    a64_orr(e, A64_X, PE, PE, A64_TMP4);
}

static void store_register(struct emit *e, unsigned i, bool pops)
{
    e->x87.c1_zero = true;
    if (i)
        x87_want_t(e);
    if (pops && i == 1) { /* that is ST(0) behind the pop */
        x87_flush_t(e);
        e->x87.pushed--;
        x87_t_is_new(e);
        return;
    }
    if (i)
        x87_put_pair(e, T, i);
    if (pops)
        x87_pop(e);
}

static void store_f80(struct emit *e, const struct insn *in)
{
    a64_call(e, a64_x87_to_f80);
    struct a64_mem se, m = x87_mem_f80(e, in, &se);
    a64_store(e, A64_STRH, A64_TMP4, &se);
    a64_store(e, A64_STR_X, A64_TMP5, &m);
    x87_note_address(e, in, &m);
    e->x87.c1_zero = true;
    x87_pop(e);
}

void x87_store(struct emit *e, const struct insn *in)
{
    if (!x87_is_mem(in)) {
        store_register(e, in->o[0].reg, in->op == OP_FSTP);
        return;
    }
    x87_want_t(e);
    if (in->o[0].size == 10) {
        store_f80(e, in);
        return;
    }
    x87_want_cw(e);
    if (in->o[0].size == 8) {
        store_double(e, in);
    } else {
        x87_leaf(e, a64_x87_to_float, X87_LEAF);
        store_converted(e, in, A64_STR_W, 2);
    }
    e->x87.c1_zero = false;
    if (in->op == OP_FSTP)
        x87_pop(e);
}

void x87_store_int(struct emit *e, const struct insn *in)
{
    unsigned size = in->o[0].size;
    x87_want_t(e);
    a64_mov_imm32(e, A64_TMP2, 8 * size);
    if (in->op == OP_FISTTP)
        a64_mov_imm32(e, A64_TMP3, FP_ZERO);
    else
        x87_rounding(e);
    x87_leaf(e, a64_x87_to_int, X87_LEAF);
    store_converted(e, in, size == 2 ? A64_STRH : size == 4 ? A64_STR_W : A64_STR_X,
                    size == 2 ? 1 : size == 4 ? 2 : 3);
    e->x87.c1_zero = false;
    if (in->op != OP_FIST)
        x87_pop(e);
}

/* ---- control ---- */

void x87_load_cw(struct emit *e, const struct insn *in)
{
    x87_load_mem(e, in, A64_LDRH, 1);
    a64_mvn(e, A64_W, A64_TMP1, A64_TMP0);
    a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_TMP1, FP_ALL));
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_TMP1, 0)); /* exceptions are not masked */
    x87_cold(e, at, COLD_REST);
    a64_const(e, A64_TMP1, 0x1f7f);
    a64_and(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1);
    a64_must(a64_orr_imm(e, A64_W, A64_TMP0, A64_TMP0, 0x40));
    a64_cpu_store(e, A64_STRH, A64_TMP0, FPU(cw));
    if (!a64_x87_double()) {
        a64_mvn(e, A64_W, A64_TMP0, A64_TMP0);
        a64_lsr_imm(e, A64_W, A64_TMP0, A64_TMP0, 8);
        a64_bfi(e, A64_X, P, A64_TMP0, A64_X87_PC53_BIT, 1);
    }
    e->x87.cw_changed = true;
}

void x87_store_sw(struct emit *e, const struct insn *in)
{
    a64_cpu_load(e, A64_LDRH, A64_TMP0, FPU(sw));
    if (e->x87.c1_zero) {
        a64_must(a64_and_imm(e, A64_W, A64_TMP0, A64_TMP0, ~(1u << SW_C1_BIT)));
    } else if (!a64_x87_double()) { /* else it is what the interpreter left */
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
    if (x87_is_mem(in)) {
        struct a64_mem m;
        a64_must(a64_mem(e, in, 1, &m));
        a64_store(e, A64_STRH, A64_TMP0, &m);
    } else {
        a64_bfi(e, A64_W, A64_EAX, A64_TMP0, 0, 16);
    }
}

void x87_store_cw(struct emit *e, const struct insn *in)
{
    struct a64_mem m;
    a64_must(a64_mem(e, in, 1, &m));
    a64_cpu_load(e, A64_LDRH, A64_TMP0, FPU(cw));
    a64_store(e, A64_STRH, A64_TMP0, &m);
}
