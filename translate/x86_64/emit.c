/* x86-64 instruction encoding (Intel SDM vol. 2 ch. 2): prefixes, REX, ModRM, SIB, displacement. */
#include "translate/x86_64/emit.h"

static bool prefixes(struct emit *e, struct x64_op op, bool addr32, unsigned rex)
{
    if (op.lock)
        e8(e, op.lock);
    if (addr32)
        e8(e, 0x67);
    if (op.p66)
        e8(e, op.p66);
    if (op.rep)
        e8(e, op.rep);
    rex |= op.w ? 8 : 0;
    if (rex) {
        if (op.high8)
            return false;
        e8(e, 0x40 | rex);
    }
    if (op.map != MAP_1)
        e8(e, 0x0f);
    if (op.map == MAP_0F38)
        e8(e, 0x38);
    if (op.map == MAP_0F3A)
        e8(e, 0x3a);
    e8(e, op.opcode);
    return true;
}

bool x64_rr(struct emit *e, struct x64_op op, unsigned reg, unsigned rm)
{
    if (!prefixes(e, op, false, (reg & 8) >> 1 | rm >> 3))
        return false;
    e8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
    return true;
}

/* Of R, X and B. */
static unsigned rex_bits(unsigned reg, struct x64_mem m)
{
    return (reg & 8) >> 1 | (m.index != X64_NONE ? (m.index & 8) >> 2 : 0) |
           (m.base != X64_NONE ? m.base >> 3 : 0);
}

/* ModRM, SIB, displacement; not one of 8 bits where that counts in larger units. */
static void operands(struct emit *e, unsigned reg, struct x64_mem m, bool disp8)
{
    bool has_index = m.index != X64_NONE;
    unsigned r = (reg & 7) << 3;
    if (m.base == X64_NONE) { /* [disp32] or [index << scale + disp32] */
        e8(e, r | 4);
        e8(e, (unsigned)m.scale << 6 | (has_index ? (m.index & 7u) << 3 : 0x20) | 5);
        e32(e, (uint32_t)m.disp);
        return;
    }
    bool sib = has_index || (m.base & 7) == 4;
    unsigned mod = m.disp == 0 && (m.base & 7) != 5 ? 0 : disp8 && m.disp == (int8_t)m.disp ? 1 : 2;
    e8(e, mod << 6 | r | (sib ? 4 : m.base & 7u));
    if (sib)
        e8(e, (unsigned)m.scale << 6 | (has_index ? (m.index & 7u) << 3 : 0x20) | (m.base & 7u));
    if (mod == 1)
        e8(e, (uint8_t)m.disp);
    else if (mod == 2)
        e32(e, (uint32_t)m.disp);
}

bool x64_rm(struct emit *e, struct x64_op op, unsigned reg, struct x64_mem m)
{
    if (!prefixes(e, op, m.addr32, rex_bits(reg, m)))
        return false;
    operands(e, reg, m, true);
    return true;
}

/* The registers' high bits are inverted in a VEX prefix; two bytes do where only R and the first map are
 * needed. */
static void vex_prefix(struct emit *e, struct x64_vex v, unsigned rex)
{
    unsigned tail = (~v.vvvv & 15u) << 3 | v.l << 2 | v.pp;
    if (v.map == 1 && !v.w && !(rex & 3)) {
        e8(e, 0xc5);
        e8(e, (~rex & 4) << 5 | tail);
    } else {
        e8(e, 0xc4);
        e8(e, (~rex & 7) << 5 | v.map);
        e8(e, (unsigned)v.w << 7 | tail);
    }
    e8(e, v.opcode);
}

void x64_vex_rr(struct emit *e, struct x64_vex v, unsigned reg, unsigned rm)
{
    vex_prefix(e, v, (reg & 8) >> 1 | rm >> 3);
    e8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void x64_vex_rm(struct emit *e, struct x64_vex v, unsigned reg, struct x64_mem m)
{
    if (m.addr32)
        e8(e, 0x67);
    vex_prefix(e, v, rex_bits(reg, m));
    operands(e, reg, m, true);
}

void x64_vex_none(struct emit *e, struct x64_vex v)
{
    vex_prefix(e, v, 0);
}

/* High bits of registers are inverted here, too; of vector registers only the first eight are used. */
static void evex_prefix(struct emit *e, struct x64_evex v, unsigned rex)
{
    e8(e, 0x62);
    e8(e, (~rex & 7) << 5 | 0x10 | v.map);
    e8(e, (unsigned)v.w << 7 | (~v.vvvv & 15u) << 3 | 4 | v.pp);
    e8(e, (v.masking & 0xf7u) | 8);
    e8(e, v.opcode);
}

void x64_evex_rr(struct emit *e, struct x64_evex v, unsigned reg, unsigned rm)
{
    evex_prefix(e, v, (reg & 8) >> 1 | rm >> 3);
    e8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

void x64_evex_rm(struct emit *e, struct x64_evex v, unsigned reg, struct x64_mem m)
{
    if (m.addr32)
        e8(e, 0x67);
    evex_prefix(e, v, rex_bits(reg, m));
    operands(e, reg, m, false);
}

static struct x64_op op1(unsigned opcode)
{
    return (struct x64_op){.opcode = (uint8_t)opcode};
}
static struct x64_op op1w(unsigned opcode)
{
    return (struct x64_op){.opcode = (uint8_t)opcode, .w = 1};
}

void x64_mov_rr(struct emit *e, unsigned dst, unsigned src) { x64_rr(e, op1(0x8b), dst, src); }
void x64_load(struct emit *e, unsigned dst, struct x64_mem m) { x64_rm(e, op1(0x8b), dst, m); }
void x64_load64(struct emit *e, unsigned dst, struct x64_mem m) { x64_rm(e, op1w(0x8b), dst, m); }
void x64_store(struct emit *e, struct x64_mem m, unsigned src) { x64_rm(e, op1(0x89), src, m); }
void x64_store64(struct emit *e, struct x64_mem m, unsigned src) { x64_rm(e, op1w(0x89), src, m); }
void x64_lea(struct emit *e, unsigned dst, struct x64_mem m) { x64_rm(e, op1(0x8d), dst, m); }
void x64_lea64(struct emit *e, unsigned dst, struct x64_mem m) { x64_rm(e, op1w(0x8d), dst, m); }

void x64_store_imm(struct emit *e, struct x64_mem m, uint32_t imm)
{
    x64_rm(e, op1(0xc7), 0, m);
    e32(e, imm);
}

void x64_mov_ri(struct emit *e, unsigned dst, uint32_t imm)
{
    if (dst & 8)
        e8(e, 0x41);
    e8(e, 0xb8 | (dst & 7));
    e32(e, imm);
}

void x64_rel32(struct emit *e, const void *target)
{
    struct translation *t = e->tr;
    t->reloc[t->relocs++] = (struct tr_reloc){.at = emit_off(e), .kind = X64_REL32,
                                              .value = (uintptr_t)target};
    e32(e, 0);
}
