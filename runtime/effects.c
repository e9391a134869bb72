/* What an instruction writes; see effects.h. */
#include "runtime/effects.h"

#include "decode/decode.h"
#include "interp/interp.h"
#include "interp/priv.h"

enum { FXSAVE_BYTES = 512, LARGE = 255 };

static bool is_string(const struct insn *in)
{
    return decode_op_class((enum op)in->op) == CLASS_STRING;
}

static bool bit_offset_in_register(const struct insn *in)
{
    return (in->op == OP_BT || in->op == OP_BTS || in->op == OP_BTR || in->op == OP_BTC) && in->o[1].kind == OPND_GPR;
}

static gaddr operand_address(const struct cpu *before, const struct insn *in)
{
    uint32_t off = ea_offset(before, in);
    if (in->flags & INSN_VSIB) /* reads only, at several places: the base */
        off = before->gpr[in->base] + in->disp;
    if (in->op == OP_POP && in->base == REG_ESP) /* computed after the increment */
        off += in->opsize;
    if (bit_offset_in_register(in)) {
        uint32_t r = before->gpr[in->o[1].reg];
        off += in->opsize == 4 ? (uint32_t)((int32_t)r >> 5) * 4
                               : (uint32_t)((int16_t)r >> 4) * 2;
        if (in->flags & INSN_ADDR16)
            off &= 0xffff;
    }
    return off + before->seg_base[in->seg];
}

/* How many bytes it pushes. */
static uint32_t pushed(const struct insn *in)
{
    switch (in->op) {
    case OP_PUSH: case OP_PUSHF: return in->opsize;
    case OP_PUSHA: return 8u * in->opsize;
    case OP_CALL: /* far: an offset and a selector */
        return in->o[0].kind == OPND_FAR ||
               (in->o[0].kind == OPND_MEM && in->o[0].size == in->opsize + 2u) ? 2u * in->opsize
                                                                               : in->opsize;
    case OP_ENTER: return in->opsize * (1u + (in->imm2 & 31)) + in->imm;
    default: return 0;
    }
}

/* What a string instruction accesses through esi or edi. */
static struct store string_area(const struct cpu *before, const struct insn *in, enum gpr through,
                                enum segreg seg)
{
    uint32_t size = in->o[0].size, mask = in->flags & INSN_ADDR16 ? 0xffff : ~0u;
    uint32_t n = in->flags & (INSN_REP | INSN_REPNE) ? before->gpr[REG_ECX] & mask : 1;
    gaddr to = (before->gpr[through] & mask) + before->seg_base[seg];
    return (struct store){before->eflags & EFL_DF ? to - (n - 1) * size : to, n * size};
}

static struct store string_store(const struct cpu *before, const struct insn *in)
{
    return string_area(before, in, REG_EDI, SEG_ES);
}

static uint32_t operand_size(const struct insn *in, const struct opnd *o)
{
    if (o->size != LARGE)
        return o->size;
    return in->op == OP_FXSAVE || in->op == OP_FXRSTOR ? FXSAVE_BYTES : 0;
}

/* From the first byte that the mask, the last operand, selects to the last. */
static struct store masked_store(const struct cpu *before, const struct insn *in)
{
    const struct opnd *o = &in->o[in->nopnd - 1];
    union xmm m = {.q = {0, 0}};
    uint32_t first = 0, end = 16;
    if (o->kind == OPND_MM)
        m.q[0] = before->fpu.st[o->reg].sig;
    else
        m = before->xmm[o->reg];
    while (end && !(m.b[end - 1] & 0x80))
        end--;
    while (first < end && !(m.b[first] & 0x80))
        first++;
    return (struct store){before->gpr[REG_EDI] + before->seg_base[in->seg] + first, end - first};
}

static bool accesses_memory(const struct insn *in, unsigned access)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM)
            return in->o[i].access & access;
    return false;
}

/* What an AVX-512 instruction accesses of its memory operand. */
static unsigned masked_accesses(const struct cpu *before, const struct insn *in, unsigned access,
                                struct store out[EFFECTS_STORES_MAX])
{
    unsigned n = 0;
    if (!accesses_memory(in, access))
        return 0;
    if (!(in->flags & INSN_VSIB)) {
        struct interp_range r = interp_masked_range(before, in);
        if (r.from < r.to)
            out[n++] = (struct store){operand_address(before, in) + r.from, r.to - r.from};
        return n;
    }
    for (unsigned i = 0; i < interp_elements(in); i++)
        if (before->k[in->evex[2] & 7] >> i & 1)
            out[n++] = (struct store){interp_element_offset(before, in, i) + before->seg_base[in->seg],
                                      in->element};
    return n;
}

unsigned effects_stores(const struct cpu *before, const struct insn *in,
                        struct store out[EFFECTS_STORES_MAX])
{
    unsigned n = 0;
    uint32_t push = pushed(in);
    if (decode_op_class(in->op) == CLASS_AVX512)
        return masked_accesses(before, in, ACCESS_W, out);
    if (is_string(in)) {
        if (in->op == OP_MOVS || in->op == OP_STOS)
            out[n++] = string_store(before, in);
        return n;
    }
    if (in->op == OP_MASKMOVQ || in->op == OP_MASKMOVDQU || in->op == OP_VMASKMOVDQU) {
        out[n++] = masked_store(before, in);
        return n;
    }
    for (unsigned i = 0; i < in->nopnd && !n; i++)
        if (in->o[i].kind == OPND_MEM && (in->o[i].access & ACCESS_W))
            out[n++] = (struct store){operand_address(before, in), operand_size(in, &in->o[i])};
    if (push)
        out[n++] = (struct store){before->gpr[REG_ESP] - push + before->seg_base[SEG_SS], push};
    return n;
}

/* How many bytes it pops. */
static uint32_t popped(const struct insn *in)
{
    switch (in->op) {
    case OP_POP: case OP_POPF: case OP_RET: return in->opsize;
    case OP_POPA: return 8u * in->opsize;
    case OP_IRET: return 3u * in->opsize;
    default: return 0;
    }
}

static unsigned string_loads(const struct cpu *before, const struct insn *in,
                             struct store out[EFFECTS_STORES_MAX])
{
    unsigned n = 0;
    if (in->op == OP_MOVS || in->op == OP_LODS || in->op == OP_CMPS)
        out[n++] = string_area(before, in, REG_ESI, in->seg);
    if (in->op == OP_SCAS || in->op == OP_CMPS)
        out[n++] = string_area(before, in, REG_EDI, SEG_ES);
    return n;
}

unsigned effects_loads(const struct cpu *before, const struct insn *in,
                       struct store out[EFFECTS_STORES_MAX])
{
    unsigned n = 0;
    uint32_t pop = popped(in);
    if (decode_op_class(in->op) == CLASS_AVX512)
        return masked_accesses(before, in, ACCESS_R, out);
    if (is_string(in))
        return string_loads(before, in, out);
    if (in->op == OP_LEA || in->op == OP_NOP)
        return 0;
    if (in->op == OP_XLAT) {
        uint32_t off = before->gpr[REG_EBX] + (before->gpr[REG_EAX] & 0xff);
        out[n++] = (struct store){(in->flags & INSN_ADDR16 ? off & 0xffff : off) + before->seg_base[in->seg], 1};
        return n;
    }
    for (unsigned i = 0; i < in->nopnd && !n; i++)
        if (in->o[i].kind == OPND_MEM && (in->o[i].access & ACCESS_R))
            out[n++] = (struct store){operand_address(before, in), operand_size(in, &in->o[i])};
    if (in->op == OP_LEAVE)
        out[n++] = (struct store){before->gpr[REG_EBP] + before->seg_base[SEG_SS], in->opsize};
    else if (pop)
        out[n++] = (struct store){before->gpr[REG_ESP] + before->seg_base[SEG_SS], pop};
    return n;
}

bool effects_unspecified(const struct insn *in, uint32_t offset)
{
    switch (in->op) {
    case OP_FNSTENV: case OP_FNSAVE:
        return in->opsize == 2 ? offset >= 6 && offset < 14 : offset >= 12 && offset < 28;
    case OP_FXSAVE:
        return (offset >= 5 && offset < 24) || (offset >= 28 && offset < 32) || offset >= 288 ||
               (offset >= 32 && offset < 160 && (offset & 15) > 9);
    default:
        return false;
    }
}

struct store effects_operand(const struct cpu *before, const struct insn *in)
{
    if (!is_string(in))
        for (unsigned i = 0; i < in->nopnd; i++)
            if (in->o[i].kind == OPND_MEM && in->op != OP_LEA)
                return (struct store){operand_address(before, in), operand_size(in, &in->o[i])};
    return (struct store){0, 0};
}
