/* What an instruction writes; see effects.h. */
#include "runtime/effects.h"

#include "decode/decode.h"
#include "interp/priv.h"

enum { FXSAVE_BYTES = 512, LARGE = 255 };

static bool is_string(const struct insn *in)
{
    return decode_op_class((enum op)in->op) == CLASS_STRING;
}

static bool bit_offset_in_register(const struct insn *in)
{
    return (in->op == OP_BTS || in->op == OP_BTR || in->op == OP_BTC) && in->o[1].kind == OPND_GPR;
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

static struct store string_store(const struct cpu *before, const struct insn *in)
{
    uint32_t size = in->o[0].size, mask = in->flags & INSN_ADDR16 ? 0xffff : ~0u;
    uint32_t n = in->flags & (INSN_REP | INSN_REPNE) ? before->gpr[REG_ECX] & mask : 1;
    gaddr to = (before->gpr[REG_EDI] & mask) + before->seg_base[SEG_ES];
    return (struct store){before->eflags & EFL_DF ? to - (n - 1) * size : to, n * size};
}

static uint32_t operand_size(const struct insn *in, const struct opnd *o)
{
    if (o->size != LARGE)
        return o->size;
    return in->op == OP_FXSAVE || in->op == OP_FXRSTOR ? FXSAVE_BYTES : 0;
}

unsigned effects_stores(const struct cpu *before, const struct insn *in,
                        struct store out[EFFECTS_STORES_MAX])
{
    unsigned n = 0;
    uint32_t push = pushed(in);
    if (is_string(in)) {
        if (in->op == OP_MOVS || in->op == OP_STOS)
            out[n++] = string_store(before, in);
        return n;
    }
    if (in->op == OP_MASKMOVQ || in->op == OP_MASKMOVDQU || in->op == OP_VMASKMOVDQU) {
        out[n++] = (struct store){before->gpr[REG_EDI] + before->seg_base[in->seg],
                                  in->op == OP_MASKMOVQ ? 8 : 16};
        return n;
    }
    for (unsigned i = 0; i < in->nopnd && !n; i++)
        if (in->o[i].kind == OPND_MEM && (in->o[i].access & ACCESS_W))
            out[n++] = (struct store){operand_address(before, in), operand_size(in, &in->o[i])};
    if (push)
        out[n++] = (struct store){before->gpr[REG_ESP] - push + before->seg_base[SEG_SS], push};
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
