/* Shifts and rotates, double shifts, and the BMI2 forms without flags. Counts are taken modulo 32
 * (SDM vol. 2); a masked count of zero changes nothing at all. */
#include "interp/int.h"
#include "interp/operand.h"

/* AF is undefined; AMD CPUs set it. */
static inline void shift_flags(struct cpu *c, uint32_t r, bool cf, bool of, unsigned bits)
{
    c->cc_res = (uint32_t)((int32_t)(r << (32 - bits)) >> (32 - bits));
    c->cc_aux = (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30 | CCA_AF;
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

/* SHLD/SHRD shift the pair a:b (b:a). 16-bit counts above 16, where the manuals leave the result
 * undefined, rotate b and clear CF, as AMD CPUs do. */
static uint32_t shift_pair(struct cpu *c, uint32_t a, uint32_t b, unsigned n, unsigned bits,
                           bool left)
{
    bool over = n > bits;
    uint64_t low = left ? b : a, high = left ? a : b, third = over ? b : a, v;
    uint32_t r;
    bool cf;
    if (bits == 32) {
        v = high << 32 | low;
        r = left ? (uint32_t)(v << n >> 32) : (uint32_t)(v >> n);
        cf = left ? v >> (64 - n) & 1 : v >> (n - 1) & 1;
    } else if (left) {
        v = third << 32 | b << 16 | b;
        r = (uint32_t)(v << n >> 32) & 0xffff;
        cf = !over && v >> (48 - n) & 1;
    } else {
        v = (uint64_t)b << 32 | b << 16 | third;
        r = (uint32_t)(v >> n) & 0xffff;
        cf = !over && v >> (n - 1) & 1;
    }
    bool of = msb(r, bits) ^ msb(r << 1, bits);
    if (left)
        of = n < bits ? cf ^ msb(r, bits) : cf;
    shift_flags(c, r, cf, of, bits);
    return r;
}

HANDLER(op_shxd)
{
    struct rmw m;
    unsigned bits = in->o[0].size * 8u;
    unsigned n = (in->o[2].kind == OPND_GPR ? cpu->gpr[REG_ECX] : in->imm) & 31;
    uint32_t a = rmw_begin(cpu, in, &m), b = reg_read(cpu, in->o[1].reg, in->o[1].size);
    if (in->o[0].kind == OPND_MEM)
        mem_store(m.a, in->o[0].size, a); /* a write fault comes before the flags change */
    if (n)
        rmw_end(cpu, in, &m, shift_pair(cpu, a, b, n, bits, in->op == OP_SHLD));
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
