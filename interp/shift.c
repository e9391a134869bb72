/* Shifts and rotates, double shifts, and the BMI2 forms without flags. Counts are taken modulo 32
 * (SDM vol. 2); a masked count of zero changes nothing at all. */
#include "interp/int.h"
#include "interp/operand.h"

static inline void shift_flags(struct cpu *c, uint32_t r, bool cf, bool of, unsigned bits)
{
    c->cc_res = (uint32_t)((int32_t)(r << (32 - bits)) >> (32 - bits));
    c->cc_aux = (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30;
}

static inline uint32_t mask_of(unsigned bits) { return bits == 32 ? ~0u : (1u << bits) - 1; }
static inline bool msb(uint32_t v, unsigned bits) { return v >> (bits - 1) & 1; }

/* Each computes a shift by n (1..31) on `bits` and sets the flags in *c. */

static inline uint32_t do_SHL(struct cpu *c, uint32_t a, unsigned n, unsigned bits)
{
    uint64_t v = (uint64_t)a << n;
    uint32_t r = (uint32_t)v & mask_of(bits);
    bool cf = v >> bits & 1;
    shift_flags(c, r, cf, cf ^ msb(r, bits), bits);
    return r;
}

static inline uint32_t do_SHR(struct cpu *c, uint32_t a, unsigned n, unsigned bits)
{
    uint32_t before = (uint32_t)((uint64_t)a >> (n - 1)), r = before >> 1;
    shift_flags(c, r, before & 1, msb(before, bits), bits);
    return r;
}

static inline uint32_t do_SAR(struct cpu *c, uint32_t a, unsigned n, unsigned bits)
{
    int32_t s = (int32_t)(a << (32 - bits)) >> (32 - bits);
    int32_t before = s >> (n - 1);
    uint32_t r = (uint32_t)(before >> 1) & mask_of(bits);
    shift_flags(c, r, before & 1, false, bits);
    return r;
}

static inline uint32_t do_ROL(struct cpu *c, uint32_t a, unsigned n, unsigned bits)
{
    n &= bits - 1;
    uint32_t r = n ? (a << n | a >> (bits - n)) & mask_of(bits) : a;
    flags_set_cf_of(c, r & 1, (r & 1) ^ msb(r, bits));
    return r;
}

static inline uint32_t do_ROR(struct cpu *c, uint32_t a, unsigned n, unsigned bits)
{
    n &= bits - 1;
    uint32_t r = n ? (a >> n | a << (bits - n)) & mask_of(bits) : a;
    flags_set_cf_of(c, msb(r, bits), msb(r, bits) ^ (r >> (bits - 2) & 1));
    return r;
}

static inline uint32_t do_RCL(struct cpu *c, uint32_t a, unsigned n, unsigned bits)
{
    n %= bits + 1;
    uint64_t v = (uint64_t)flag_cf(c) << bits | a;
    if (n)
        v = v << n | v >> (bits + 1 - n);
    uint32_t r = (uint32_t)v & mask_of(bits);
    bool cf = v >> bits & 1;
    flags_set_cf_of(c, cf, cf ^ msb(r, bits));
    return r;
}

static inline uint32_t do_RCR(struct cpu *c, uint32_t a, unsigned n, unsigned bits)
{
    n %= bits + 1;
    uint64_t v = (uint64_t)flag_cf(c) << bits | a;
    if (n)
        v = v >> n | v << (bits + 1 - n);
    uint32_t r = (uint32_t)v & mask_of(bits);
    flags_set_cf_of(c, v >> bits & 1, msb(r, bits) ^ (r >> (bits - 2) & 1));
    return r;
}

#define SHIFT(OP)                                                                                  \
    HANDLER(op_##OP)                                                                               \
    {                                                                                              \
        struct rmw m;                                                                              \
        unsigned bits = in->o[0].size * 8u;                                                        \
        unsigned n = (in->o[1].kind == OPND_GPR ? cpu->gpr[REG_ECX] : in->imm) & 31;               \
        uint32_t a = rmw_begin(cpu, in, &m);                                                       \
        if (!n) {                                                                                  \
            if (in->o[0].kind == OPND_MEM)                                                         \
                mem_store(m.a, in->o[0].size, a);                                                  \
            NEXT;                                                                                  \
        }                                                                                          \
        if (in->o[0].kind == OPND_MEM)                                                             \
            mem_store(m.a, in->o[0].size, a); /* a write fault comes before the flags change */    \
        rmw_end(cpu, in, &m, do_##OP(cpu, a, n, bits));                                            \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(OP##32_ri)                                                                             \
    {                                                                                              \
        uint32_t *p = r32(cpu, in->o[0].reg);                                                      \
        *p = do_##OP(cpu, *p, in->imm & 31, 32);                                                   \
        NEXT;                                                                                      \
    }
SHIFT(SHL) SHIFT(SHR) SHIFT(SAR) SHIFT(ROL) SHIFT(ROR) SHIFT(RCL) SHIFT(RCR)

/* SHLD/SHRD. 16-bit counts above 16 are undefined; computed as hardware's 32-bit rotation of the
 * pair gives. */
HANDLER(op_shxd)
{
    struct rmw m;
    bool left = in->op == OP_SHLD;
    unsigned bits = in->o[0].size * 8u;
    unsigned n = (in->o[2].kind == OPND_GPR ? cpu->gpr[REG_ECX] : in->imm) & 31;
    uint32_t a = rmw_begin(cpu, in, &m), b = reg_read(cpu, in->o[1].reg, in->o[1].size), r;
    if (in->o[0].kind == OPND_MEM)
        mem_store(m.a, in->o[0].size, a);
    if (!n)
        NEXT;
    bool cf;
    if (bits == 32) {
        r = left ? a << n | b >> (32 - n) : a >> n | b << (32 - n);
        cf = left ? a >> (32 - n) & 1 : a >> (n - 1) & 1;
    } else if (left) {
        uint64_t v = (uint64_t)a << 32 | b << 16 | a;
        r = (uint32_t)(v << n >> 32) & 0xffff;
        cf = v >> (48 - n) & 1;
    } else {
        uint64_t v = (uint64_t)a << 32 | (uint64_t)b << 16 | a;
        r = (uint32_t)(v >> n) & 0xffff;
        cf = v >> (n - 1) & 1;
    }
    shift_flags(cpu, r, cf, msb(r, bits) ^ msb(a, bits), bits);
    rmw_end(cpu, in, &m, r);
    NEXT;
}

HANDLER(op_bmi_shift) /* SHLX SHRX SARX: count in o[2]; RORX: immediate. No flags. */
{
    uint32_t a = opnd_read(cpu, in, 1);
    unsigned n = (in->op == OP_RORX ? in->imm : cpu->gpr[in->o[2].reg]) & 31;
    uint32_t r;
    switch (in->op) {
    case OP_SHLX: r = a << n; break;
    case OP_SHRX: r = a >> n; break;
    case OP_SARX: r = (uint32_t)((int32_t)a >> n); break;
    default: r = n ? a >> n | a << (32 - n) : a; break;
    }
    cpu->gpr[in->o[0].reg] = r;
    NEXT;
}

insn_fn bind_shift(const struct insn *in)
{
    bool fast = in->o[0].kind == OPND_GPR && in->o[0].size == 4 && in->o[1].kind == OPND_IMM &&
                (in->imm & 31);
    switch (in->op) {
    case OP_SHL: return fast ? SHL32_ri : op_SHL;
    case OP_SHR: return fast ? SHR32_ri : op_SHR;
    case OP_SAR: return fast ? SAR32_ri : op_SAR;
    case OP_ROL: return fast ? ROL32_ri : op_ROL;
    case OP_ROR: return fast ? ROR32_ri : op_ROR;
    case OP_RCL: return fast ? RCL32_ri : op_RCL;
    case OP_RCR: return fast ? RCR32_ri : op_RCR;
    case OP_SHLD: case OP_SHRD: return op_shxd;
    case OP_SHLX: case OP_SHRX: case OP_SARX: case OP_RORX: return op_bmi_shift;
    default: return NULL;
    }
}
