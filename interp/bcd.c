/* Decimal adjustment: DAA DAS AAA AAS AAM AAD SALC. The pseudo code of SDM vol. 2. */
#include "interp/alu.h"
#include "interp/int.h"
#include "interp/operand.h"

static void szp(struct cpu *c, uint8_t r, bool cf, bool af)
{
    flags_logic(c, r, 8);
    uint32_t st = flags_get_status(c);
    flags_set_status(c, st | (cf ? EFL_CF : 0) | (af ? EFL_AF : 0));
}

HANDLER(op_daa_das)
{
    uint8_t *al = r8(cpu, 0), old = *al;
    bool cf = flag_cf(cpu), af = flag_af(cpu), sub = in->op == OP_DAS, carry = false;
    uint8_t v = old;
    if ((old & 15) > 9 || af) {
        carry = cf || (sub ? old < 6 : old > 0xf9);
        v = (uint8_t)(sub ? v - 6 : v + 6);
        af = true;
    }
    if (old > 0x99 || cf) {
        v = (uint8_t)(sub ? v - 0x60 : v + 0x60);
        carry = true;
    } else if (!sub) {
        carry = false;
    }
    *al = v;
    szp(cpu, v, carry, af);
    /* OF, undefined, as of the addition (old + d = v) or subtraction (v + d = old): d < 0x80 */
    flags_set_cf_of(cpu, carry, (sub ? old & ~v : ~old & v) & 0x80);
    NEXT;
}

HANDLER(op_aaa_aas)
{
    uint16_t *ax = r16(cpu, REG_EAX);
    bool adjust = (*ax & 15) > 9 || flag_af(cpu);
    if (adjust)
        *ax = (uint16_t)(in->op == OP_AAA ? *ax + 0x106 : *ax - 0x106);
    *ax &= 0xff0f;
    szp(cpu, (uint8_t)*ax, adjust, adjust);
    NEXT;
}

HANDLER(op_aam)
{
    uint8_t al = *r8(cpu, 0), base = (uint8_t)in->imm;
    if (!base) {
        cpu->cur = in;
        cpu_fault(cpu, TRAP_DE, 0, 0);
    }
    *r16(cpu, REG_EAX) = (uint16_t)((al / base) << 8 | al % base);
    szp(cpu, al % base, false, false);
    NEXT;
}

HANDLER(op_aad)
{
    uint8_t product = (uint8_t)(*r8(cpu, 4) * (uint8_t)in->imm);
    *r16(cpu, REG_EAX) = (uint8_t)alu_ADD(cpu, *r8(cpu, 0), product, 8);
    NEXT;
}

HANDLER(op_salc)
{
    *r8(cpu, 0) = flag_cf(cpu) ? 0xff : 0;
    NEXT;
}

insn_fn bind_bcd(const struct insn *in)
{
    switch (in->op) {
    case OP_DAA: case OP_DAS: return op_daa_das;
    case OP_AAA: case OP_AAS: return op_aaa_aas;
    case OP_AAM: return op_aam;
    case OP_AAD: return op_aad;
    case OP_SALC: return op_salc;
    default: return NULL;
    }
}
