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

bool x64_rm(struct emit *e, struct x64_op op, unsigned reg, struct x64_mem m)
{
    bool has_base = m.base != X64_NONE, has_index = m.index != X64_NONE;
    unsigned rex = (reg & 8) >> 1 | (has_index ? (m.index & 8) >> 2 : 0) | (has_base ? m.base >> 3 : 0);
    if (!prefixes(e, op, m.addr32, rex))
        return false;
    unsigned r = (reg & 7) << 3;
    if (!has_base) { /* [disp32] or [index << scale + disp32] */
        e8(e, r | 4);
        e8(e, (unsigned)m.scale << 6 | (has_index ? (m.index & 7u) << 3 : 0x20) | 5);
        e32(e, (uint32_t)m.disp);
        return true;
    }
    bool sib = has_index || (m.base & 7) == 4;
    unsigned mod = m.disp == 0 && (m.base & 7) != 5 ? 0 : m.disp == (int8_t)m.disp ? 1 : 2;
    e8(e, mod << 6 | r | (sib ? 4 : m.base & 7u));
    if (sib)
        e8(e, (unsigned)m.scale << 6 | (has_index ? (m.index & 7u) << 3 : 0x20) | (m.base & 7u));
    if (mod == 1)
        e8(e, (uint8_t)m.disp);
    else if (mod == 2)
        e32(e, (uint32_t)m.disp);
    return true;
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

void x64_mov_ri64(struct emit *e, unsigned dst, uint64_t imm)
{
    e8(e, 0x48 | dst >> 3);
    e8(e, 0xb8 | (dst & 7));
    e64(e, imm);
}

void x64_rel32(struct emit *e, const void *target)
{
    struct translation *t = e->tr;
    t->reloc[t->relocs++] = (struct tr_reloc){.at = emit_off(e), .kind = X64_REL32,
                                              .value = (uintptr_t)target};
    e32(e, 0);
}
