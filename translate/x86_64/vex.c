/* VEX instructions: the same, encoded anew. Vector registers keep their numbers; a general register
 * may be esp, which lives elsewhere, and W, which 32-bit code ignores with general registers, must not
 * become an operand of 64 bits. */
#include "decode/decode.h"
#include "translate/x86_64/insn.h"
#include "translate/x86_64/ops.h"

struct raw {
    struct x64_vex v;
    const uint8_t *imm;
    unsigned imm_len;
};

static struct raw parse(const struct tr_insn *t)
{
    struct raw r = {.v.map = 1};
    const uint8_t *p = t->raw;
    while (*p != 0xc4 && *p != 0xc5) /* segments, address size */
        p++;
    unsigned b = p[1];
    if (*p++ == 0xc4) {
        r.v.map = b & 31;
        b = *++p;
        r.v.w = (uint8_t)(b >> 7);
    }
    r.v.vvvv = ~b >> 3 & 7;
    r.v.l = b >> 2 & 1;
    r.v.pp = b & 3;
    r.v.opcode = p[1];
    p += 2;
    if (t->in->modrm_off)
        p += 1 + x64_modrm_tail(p);
    r.imm = p;
    r.imm_len = (unsigned)(t->raw + t->in->len - p);
    return r;
}

/* W would make an operand 64 bits wide. */
static bool w_widens(const struct insn *in)
{
    switch (in->op) {
    case OP_VMOVD: case OP_VCVTSI2SS: case OP_VCVTSI2SD: case OP_VPCMPESTRI: case OP_VPCMPESTRM:
        return true;
    default:
        for (unsigned i = 0; i < in->nopnd; i++)
            if (in->o[i].kind == OPND_GPR)
                return true;
        return false;
    }
}

/* A gather's index is a vector register, so the base must do without the other one. */
bool x64_gather_mem(struct emit *e, const struct insn *in, struct x64_mem *m)
{
    struct insn base = *in;
    base.index = REG_ZERO;
    if (in->seg >= SEG_FS || !x64_guest_mem(e, &base, m))
        return false;
    m->index = in->index;
    m->scale = in->scale;
    m->addr32 = true;
    return true;
}

static void put_imm(struct emit *e, const struct insn *in, const struct raw *r)
{
    bool names_register = in->nopnd == 4 && in->o[3].kind != OPND_IMM; /* bit 7 is ignored */
    if (r->imm_len)
        e8(e, names_register ? r->imm[0] & 0x7fu : r->imm[0]);
}

bool x64_uses_ymm(const struct insn *in)
{
    return decode_op_class(in->op) == CLASS_AVX && x64_how(in->op) == HOW_VEX;
}

bool x64_vex_insn(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    struct raw r = parse(t);
    unsigned reg = in->modrm >> 3 & 7, rm = in->modrm & 7;
    if (decode_op_class(in->op) != CLASS_AVX) /* BMI: a general register */
        r.v.vvvv = (uint8_t)x64_gpr(r.v.vvvv);
    if (w_widens(in))
        r.v.w = 0;
    if (!in->modrm_off) {
        x64_vex_none(e, r.v);
        return true;
    }
    if (in->flags & INSN_REG_GPR)
        reg = x64_gpr(reg);
    if (in->modrm >> 6 == 3) {
        if (in->op == OP_VMASKMOVDQU) {
            if (in->seg >= SEG_FS || in->seg == SEG_CS || (in->flags & INSN_ADDR16))
                return false;
            e8(e, 0x67); /* stores at edi */
        }
        x64_vex_rr(e, r.v, reg, in->flags & INSN_RM_GPR ? x64_gpr(rm) : rm);
    } else {
        struct x64_mem m;
        if (!(in->flags & INSN_VSIB ? x64_gather_mem(e, in, &m) : x64_guest_mem(e, in, &m)))
            return false;
        x64_vex_rm(e, r.v, reg, m);
    }
    put_imm(e, in, &r);
    return true;
}
