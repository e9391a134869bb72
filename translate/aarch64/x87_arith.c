/* x87 arithmetic and comparisons. */
#include "translate/aarch64/x87_emit.h"

/* ---- arithmetic ---- */

enum x87_arith_op x87_arith_of(unsigned op)
{
    switch (op) {
    case OP_FADD: case OP_FADDP: case OP_FIADD: return X87_ADD;
    case OP_FSUB: case OP_FSUBP: case OP_FISUB: return X87_SUB;
    case OP_FSUBR: case OP_FSUBRP: case OP_FISUBR: return X87_SUBR;
    case OP_FMUL: case OP_FMULP: case OP_FIMUL: return X87_MUL;
    case OP_FDIV: case OP_FDIVP: case OP_FIDIV: return X87_DIV;
    default: return X87_DIVR;
    }
}

void x87_arith(struct emit *e, const struct insn *in)
{
    static const char *const routine[] = {a64_x87_add, a64_x87_sub, a64_x87_subr,
                                          a64_x87_mul, a64_x87_div, a64_x87_divr};
    static const uint8_t reversed[] = {X87_ADD, X87_SUBR, X87_SUB, X87_MUL, X87_DIVR, X87_DIV};
    enum x87_arith_op op = x87_arith_of(in->op);
    unsigned dest = x87_is_mem(in) ? 0 : in->o[0].reg;
    x87_want_cw(e);
    if (x87_operands(e, in) || dest)
        op = reversed[op];
    if (dest)
        x87_flush_t(e);
    x87_leaf(e, routine[op], op == X87_SUBR ? X87_LEAF_NEG : X87_LEAF);
    e->x87.c1_zero = false;
    if (!dest) {
        x87_t_is_new(e);
        if (x87_pops(in->op))
            x87_pop(e);
    } else if (x87_pops(in->op) && dest == 1) {
        e->x87.pushed--;
        x87_t_is_new(e);
    } else {
        x87_put_pair(e, T, dest);
        e->x87.cached = e->x87.dirty = false;
        if (x87_pops(in->op))
            x87_pop(e);
    }
}

void x87_unary(struct emit *e, const struct insn *in)
{
    switch (in->op) {
    case OP_FCHS:
        x87_want_t(e);
        a64_must(a64_eor_imm(e, A64_X, TE, TE, SIGN));
        e->x87.c1_zero = true;
        break;
    case OP_FABS:
        x87_want_t(e);
        a64_must(a64_and_imm(e, A64_X, TE, TE, ~SIGN));
        e->x87.c1_zero = true;
        break;
    case OP_FSQRT:
        x87_want_cw(e);
        x87_want_t(e);
        x87_leaf(e, a64_x87_sqrt, X87_LEAF);
        e->x87.c1_zero = false;
        break;
    default: /* FRNDINT */
        x87_want_t(e);
        x87_rounding(e);
        x87_leaf(e, a64_x87_rint, X87_LEAF);
        e->x87.c1_zero = false;
        break;
    }
    x87_t_is_new(e);
}

/* ---- comparisons ---- */

bool x87_to_eflags(unsigned op)
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

void x87_compare(struct emit *e, const struct insn *in)
{
    bool swapped = false;
    if (in->op == OP_FTST) {
        x87_want_t(e);
        a64_mov(e, A64_X, B, A64_ZR);
        a64_mov(e, A64_X, BE, A64_ZR);
    } else {
        swapped = x87_operands(e, in);
    }
    x87_leaf(e, a64_x87_cmp, X87_LEAF);
    if (swapped) {
        a64_mov_imm32(e, A64_TMP0, 2);
        a64_sub(e, A64_W, A64_TMP5, A64_TMP0, A64_TMP5);
    }
    if (x87_to_eflags(in->op)) {
        a64_must(a64_cmp_imm(e, A64_W, A64_TMP5, 1));
        e->form = FORM_FCMP;
    } else {
        condition_codes(e);
    }
    for (unsigned n = x87_pops(in->op); n > 0; n--)
        x87_pop(e);
}

void x87_examine(struct emit *e)
{
    x87_want_t(e);
    a64_call(e, a64_x87_xam);
    e->x87.c1_zero = false;
}
