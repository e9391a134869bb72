/* One guest integer instruction that does not transfer control -> host code. */
#include "translate/aarch64/int.h"
#include "translate/aarch64/simd.h"

static bool op_nop(const struct insn *in)
{
    return in->op == OP_NOP || in->op == OP_PAUSE;
}

bool a64_int(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    if ((in->flags & INSN_LOCK) && e->tr->ordered)
        return a64_lock(e, in);
    switch (in->op) {
    case OP_MOV: return a64_op_mov(e, in);
    case OP_MOVZX: return a64_op_movx(e, in, false);
    case OP_MOVSX: return a64_op_movx(e, in, true);
    case OP_LEA: return a64_op_lea(e, in);
    case OP_ADD: return a64_op_add_sub(e, in, 0);
    case OP_SUB: return a64_op_add_sub(e, in, 1);
    case OP_ADC: return a64_op_add_sub(e, in, WITH_CARRY);
    case OP_SBB: return a64_op_add_sub(e, in, 1 | WITH_CARRY);
    case OP_INC: return a64_op_inc_dec(e, in, false);
    case OP_DEC: return a64_op_inc_dec(e, in, true);
    case OP_NEG: return a64_op_neg(e, in);
    case OP_NOT: return a64_op_not(e, in);
    case OP_CMP: return a64_op_cmp(e, in);
    case OP_AND: return a64_op_logic(e, in, A64_AND);
    case OP_OR: return a64_op_logic(e, in, A64_ORR);
    case OP_XOR: return a64_op_logic(e, in, A64_EOR);
    case OP_TEST: return a64_op_test(e, in);
    case OP_SHL: case OP_SHR: case OP_SAR: case OP_ROL: case OP_ROR: case OP_RCL:
    case OP_RCR: return a64_op_shift(e, in);
    case OP_SHLD: case OP_SHRD: return a64_op_shift_double(e, in);
    case OP_PUSH: return a64_op_push(e, in);
    case OP_POP: return a64_op_pop(e, in);
    case OP_LEAVE: return a64_op_leave(e, in);
    case OP_XCHG: return a64_op_xchg(e, in);
    case OP_XADD: case OP_CMPXCHG: case OP_CMPXCHG8B: case OP_MFENCE: case OP_LFENCE: case OP_SFENCE:
        return a64_lock(e, in);
    case OP_CBW: case OP_CWDE: case OP_CWD: case OP_CDQ: return a64_op_cbw(e, in);
    case OP_BSWAP: return a64_op_bswap(e, in);
    case OP_MOVBE: return a64_op_movbe(e, in);
    case OP_SETCC: return a64_op_setcc(e, in);
    case OP_CMOVCC: return a64_op_cmov(e, in);
    case OP_IMUL: case OP_MUL: return a64_op_mul(e, in) || a64_op_mul8(e, in);
    case OP_DIV: case OP_IDIV: return a64_op_div(e, in);
    case OP_BT: case OP_BTS: case OP_BTR: case OP_BTC: return a64_op_bt(e, in);
    case OP_BSF: case OP_BSR: return a64_op_bsf(e, in);
    case OP_CRC32: return a64_op_crc32(e, in);
    case OP_LDMXCSR: case OP_STMXCSR: return simd_control(e, in);
    case OP_TZCNT: case OP_LZCNT: return a64_op_count_zeros(e, in);
    case OP_POPCNT: return a64_op_popcnt(e, in);
    case OP_ANDN: return a64_op_bmi_logic(e, in);
    case OP_BLSI: case OP_BLSMSK: case OP_BLSR: return a64_op_bmi_lowest(e, in);
    case OP_BZHI: return a64_op_bmi_zero_high(e, in);
    case OP_BEXTR: return a64_op_bmi_extract(e, in);
    case OP_SHLX: case OP_SHRX: case OP_SARX: case OP_RORX: return a64_op_bmi_shift(e, in);
    case OP_MULX: return a64_op_bmi_multiply(e, in);
    case OP_PDEP: case OP_PEXT: return a64_op_bmi_scatter(e, in);
    case OP_CLC: case OP_STC: case OP_CMC: return a64_op_carry(e, in);
    case OP_CLD: case OP_STD: return a64_op_direction(e, in);
    case OP_XLAT: return a64_op_xlat(e, in);
    case OP_ENTER: return a64_op_enter(e, in);
    case OP_AAM: return a64_op_aam(e, in);
    case OP_AAD: return a64_op_aad(e, in);
    case OP_PUSHF: return a64_op_pushf(e, in);
    case OP_LAHF: return a64_op_lahf(e, in);
    case OP_SAHF: return a64_op_sahf(e, in);
    case OP_SALC: return a64_op_salc(e, in);
    default: return op_nop(in);
    }
}
