/* The arithmetic of ADD..CMP, INC, DEC and friends on a constant width, flags included. */
#ifndef XRUN_INTERP_ALU_H
#define XRUN_INTERP_ALU_H

#include "interp/priv.h"

#define ALU static inline __attribute__((always_inline)) uint32_t

ALU alu_ADD(struct cpu *c, uint32_t a, uint32_t b, int bits)
{
    uint32_t r = a + b;
    flags_add(c, a, b, r, bits);
    return r;
}
ALU alu_ADC(struct cpu *c, uint32_t a, uint32_t b, int bits)
{
    uint32_t r = a + b + flag_cf(c);
    flags_add(c, a, b, r, bits);
    return r;
}
ALU alu_SUB(struct cpu *c, uint32_t a, uint32_t b, int bits)
{
    uint32_t r = a - b;
    flags_sub(c, a, b, r, bits);
    return r;
}
ALU alu_SBB(struct cpu *c, uint32_t a, uint32_t b, int bits)
{
    uint32_t r = a - b - flag_cf(c);
    flags_sub(c, a, b, r, bits);
    return r;
}
ALU alu_CMP(struct cpu *c, uint32_t a, uint32_t b, int bits) { return alu_SUB(c, a, b, bits); }
ALU alu_AND(struct cpu *c, uint32_t a, uint32_t b, int bits)
{
    flags_logic(c, a & b, bits);
    return a & b;
}
ALU alu_TEST(struct cpu *c, uint32_t a, uint32_t b, int bits) { return alu_AND(c, a, b, bits); }
ALU alu_OR(struct cpu *c, uint32_t a, uint32_t b, int bits)
{
    flags_logic(c, a | b, bits);
    return a | b;
}
ALU alu_XOR(struct cpu *c, uint32_t a, uint32_t b, int bits)
{
    flags_logic(c, a ^ b, bits);
    return a ^ b;
}
ALU alu_INC(struct cpu *c, uint32_t a, int bits)
{
    bool cf = flag_cf(c);
    uint32_t r = alu_ADD(c, a, 1, bits);
    flags_set_cf(c, cf);
    return r;
}
ALU alu_DEC(struct cpu *c, uint32_t a, int bits)
{
    bool cf = flag_cf(c);
    uint32_t r = alu_SUB(c, a, 1, bits);
    flags_set_cf(c, cf);
    return r;
}
ALU alu_NEG(struct cpu *c, uint32_t a, int bits) { return alu_SUB(c, 0, a, bits); }

#endif
