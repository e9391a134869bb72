/* Flags as bits of a word: PUSHF, LAHF, SAHF; SALC. */
#include "translate/aarch64/int.h"

/* w0 = SF, ZF, AF, PF and CF in their places; w3 = NZCV. The form must be FORM_SUB. */
static void get_status(struct emit *e)
{
    a64_mrs(e, A64_TMP3, A64_NZCV);
    a64_get_odd_parity(e, A64_TMP1);
    a64_must(a64_eor_imm(e, A64_W, A64_TMP1, A64_TMP1, 1));
    a64_cset(e, A64_W, A64_TMP0, a64_cond_of(e, 2));
    a64_bfi(e, A64_W, A64_TMP0, A64_TMP1, __builtin_ctz(EFL_PF), 1);
    a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_PF, 15));
    a64_ubfx(e, A64_X, A64_TMP2, A64_PF, 32, 4);
    a64_sub(e, A64_W, A64_TMP1, A64_TMP1, A64_TMP2);
    a64_lsr_imm(e, A64_W, A64_TMP1, A64_TMP1, 31);
    a64_bfi(e, A64_W, A64_TMP0, A64_TMP1, __builtin_ctz(EFL_AF), 1);
    a64_lsr_imm(e, A64_W, A64_TMP1, A64_TMP3, 30);
    a64_bfi(e, A64_W, A64_TMP0, A64_TMP1, __builtin_ctz(EFL_ZF), 2);
}

bool a64_op_pushf(struct emit *e, const struct insn *in)
{
    if (in->opsize != 4)
        return false;
    get_status(e);
    a64_lsr_imm(e, A64_W, A64_TMP1, A64_TMP3, 28);
    a64_bfi(e, A64_W, A64_TMP0, A64_TMP1, __builtin_ctz(EFL_OF), 1);
    a64_cpu_load(e, A64_LDR_W, A64_TMP1, offsetof(struct cpu, eflags));
    a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_TMP1, ~(uint32_t)(EFL_VM | EFL_RF)));
    a64_orr(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1);
    a64_push(e, A64_TMP0);
    return true;
}

bool a64_op_lahf(struct emit *e, const struct insn *in)
{
    (void)in;
    get_status(e);
    a64_must(a64_orr_imm(e, A64_W, A64_TMP0, A64_TMP0, EFL_FIXED1));
    a64_bfi(e, A64_W, A64_EAX, A64_TMP0, 8, 8);
    return true;
}

/* OF stays. */
bool a64_op_sahf(struct emit *e, const struct insn *in)
{
    unsigned live = a64_live(e);
    (void)in;
    if (live & NEED_NZCV) {
        a64_mrs(e, A64_TMP3, A64_NZCV);
        a64_ubfx(e, A64_W, A64_TMP0, A64_EAX, 8 + __builtin_ctz(EFL_ZF), 2);
        a64_bfi(e, A64_W, A64_TMP3, A64_TMP0, 30, 2);
        a64_mvn(e, A64_W, A64_TMP0, A64_EAX);
        a64_lsr_imm(e, A64_W, A64_TMP0, A64_TMP0, 8);
        a64_bfi(e, A64_W, A64_TMP3, A64_TMP0, 29, 1);
        a64_msr(e, A64_NZCV, A64_TMP3);
    }
    if (live & (NEED_P | NEED_A)) {
        a64_mvn(e, A64_W, A64_PF, A64_EAX);
        a64_must(a64_and_imm(e, A64_W, A64_PF, A64_PF, EFL_PF << 8));
        a64_lsr_imm(e, A64_W, A64_PF, A64_PF, 8 + __builtin_ctz(EFL_PF) - 4);
        a64_ubfx(e, A64_W, A64_TMP0, A64_EAX, 8 + __builtin_ctz(EFL_AF), 1);
        a64_orr_sh(e, A64_X, A64_PF, A64_PF, A64_TMP0, A64_LSL, 32);
    }
    return true;
}

bool a64_op_salc(struct emit *e, const struct insn *in)
{
    (void)in;
    a64_csetm(e, A64_W, A64_TMP0, a64_cond_of(e, 2));
    a64_bfi(e, A64_W, A64_EAX, A64_TMP0, 0, 8);
    return true;
}
