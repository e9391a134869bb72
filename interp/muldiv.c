/* MUL IMUL DIV IDIV MULX. Flags other than CF and OF are undefined after a multiplication, all six
 * after a division: as on AMD CPUs, the first stay, and a division sets AF and clears PF ZF SF. */
#include "interp/int.h"
#include "interp/operand.h"

HANDLER(op_mul)
{
    unsigned size = in->o[0].size;
    uint32_t b = opnd_read(cpu, in, 0);
    bool high;
    if (size == 1) {
        uint32_t r = *r8(cpu, 0) * b;
        *r16(cpu, REG_EAX) = (uint16_t)r;
        high = r >> 8;
    } else if (size == 2) {
        uint32_t r = *r16(cpu, REG_EAX) * b;
        *r16(cpu, REG_EAX) = (uint16_t)r;
        *r16(cpu, REG_EDX) = (uint16_t)(r >> 16);
        high = r >> 16;
    } else {
        uint64_t r = (uint64_t)cpu->gpr[REG_EAX] * b;
        cpu->gpr[REG_EAX] = (uint32_t)r;
        cpu->gpr[REG_EDX] = (uint32_t)(r >> 32);
        high = r >> 32;
    }
    flags_set_cf_of(cpu, high, high);
    NEXT;
}

static int64_t sext(uint32_t v, unsigned size)
{
    return size == 4 ? (int32_t)v : size == 2 ? (int16_t)v : (int8_t)v;
}

HANDLER(op_imul1)
{
    unsigned size = in->o[0].size;
    int64_t b = sext(opnd_read(cpu, in, 0), size);
    int64_t r = sext(cpu->gpr[REG_EAX], size) * b;
    bool of = r != sext((uint32_t)r, size);
    if (size == 1) {
        *r16(cpu, REG_EAX) = (uint16_t)r;
    } else if (size == 2) {
        *r16(cpu, REG_EAX) = (uint16_t)r;
        *r16(cpu, REG_EDX) = (uint16_t)(r >> 16);
    } else {
        cpu->gpr[REG_EAX] = (uint32_t)r;
        cpu->gpr[REG_EDX] = (uint32_t)(r >> 32);
    }
    flags_set_cf_of(cpu, of, of);
    NEXT;
}

HANDLER(op_imul2) /* two operands, or three with an immediate */
{
    unsigned size = in->o[0].size;
    int64_t a = sext(opnd_read(cpu, in, 1), size);
    int64_t b = sext(in->nopnd == 3 ? in->imm : reg_read(cpu, in->o[0].reg, size), size);
    int64_t r = a * b;
    bool of = r != sext((uint32_t)r, size);
    reg_write(cpu, in->o[0].reg, size, (uint32_t)r);
    flags_set_cf_of(cpu, of, of);
    NEXT;
}

static _Noreturn void divide_error(struct cpu *cpu, const struct insn *in)
{
    cpu->cur = in;
    cpu_fault(cpu, TRAP_DE, 0, 0);
}

static void division_flags(struct cpu *c)
{
    c->cc_res = 1; /* ZF and SF clear; PF clear: odd parity */
    c->cc_aux = (c->cc_aux & (CCA_CF | CCA_PO)) | CCA_AF;
}

HANDLER(op_div)
{
    unsigned size = in->o[0].size;
    uint64_t d = opnd_read(cpu, in, 0), n;
    if (size == 1)
        n = *r16(cpu, REG_EAX);
    else if (size == 2)
        n = (uint32_t)*r16(cpu, REG_EDX) << 16 | *r16(cpu, REG_EAX);
    else
        n = (uint64_t)cpu->gpr[REG_EDX] << 32 | cpu->gpr[REG_EAX];
    if (!d || (n / d) >> size * 8)
        divide_error(cpu, in);
    uint64_t q = n / d, r = n % d;
    if (size == 1) {
        *r16(cpu, REG_EAX) = (uint16_t)(q | r << 8);
    } else {
        reg_write(cpu, REG_EAX, size, (uint32_t)q);
        reg_write(cpu, REG_EDX, size, (uint32_t)r);
    }
    division_flags(cpu);
    NEXT;
}

HANDLER(op_idiv)
{
    unsigned size = in->o[0].size;
    int64_t d = sext(opnd_read(cpu, in, 0), size), n;
    if (size == 1)
        n = (int16_t)cpu->gpr[REG_EAX];
    else if (size == 2)
        n = (int32_t)((uint32_t)*r16(cpu, REG_EDX) << 16 | *r16(cpu, REG_EAX));
    else
        n = (int64_t)((uint64_t)cpu->gpr[REG_EDX] << 32 | cpu->gpr[REG_EAX]);
    if (!d || (d == -1 && n == INT64_MIN))
        divide_error(cpu, in);
    int64_t q = n / d, r = n % d;
    if (q != sext((uint32_t)q, size))
        divide_error(cpu, in);
    if (size == 1) {
        *r16(cpu, REG_EAX) = (uint16_t)((q & 0xff) | (r & 0xff) << 8);
    } else {
        reg_write(cpu, REG_EAX, size, (uint32_t)q);
        reg_write(cpu, REG_EDX, size, (uint32_t)r);
    }
    division_flags(cpu);
    NEXT;
}

HANDLER(op_mulx)
{
    uint64_t r = (uint64_t)cpu->gpr[REG_EDX] * opnd_read(cpu, in, 2);
    cpu->gpr[in->o[1].reg] = (uint32_t)r;
    cpu->gpr[in->o[0].reg] = (uint32_t)(r >> 32);
    NEXT;
}

insn_fn bind_muldiv(const struct insn *in)
{
    switch (in->op) {
    case OP_MUL: return op_mul;
    /* the one-operand form has the implicit accumulator among its visible operands or none */
    case OP_IMUL: return (in->opcode == 0xf6 || in->opcode == 0xf7) ? op_imul1 : op_imul2;
    case OP_DIV: return op_div;
    case OP_IDIV: return op_idiv;
    case OP_MULX: return op_mulx;
    default: return NULL;
    }
}
