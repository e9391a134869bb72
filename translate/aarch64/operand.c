/* Operands of integer instructions. */
#include "translate/aarch64/int.h"

unsigned a64_low_bits(struct emit *e, const struct opnd *o, unsigned tmp)
{
    if (!is_high8(o))
        return host_gpr(o);
    a64_ubfx(e, A64_W, tmp, host_gpr(o), 8, 8);
    return tmp;
}

unsigned a64_zero_extended(struct emit *e, const struct opnd *o, unsigned tmp)
{
    unsigned r = a64_low_bits(e, o, tmp);
    if (o->size == 4 || r == tmp)
        return r;
    if (o->size == 1)
        a64_uxtb(e, A64_W, tmp, r);
    else
        a64_uxth(e, A64_W, tmp, r);
    return tmp;
}

void a64_put(struct emit *e, const struct opnd *o, unsigned r)
{
    unsigned d = host_gpr(o);
    if (o->size == 4) {
        if (d != r)
            a64_mov(e, A64_W, d, r);
    } else {
        a64_bfi(e, A64_W, d, r, is_high8(o) ? 8 : 0, o->size * 8u);
    }
}

const struct opnd *a64_mem_opnd(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM)
            return &in->o[i];
    return NULL;
}

bool a64_plain_kinds(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind != OPND_GPR && in->o[i].kind != OPND_MEM && in->o[i].kind != OPND_IMM)
            return false;
    return true;
}

int a64_source32(struct emit *e, const struct insn *in, const struct opnd *s, unsigned tmp)
{
    struct a64_mem m;
    if (s->kind != OPND_MEM)
        return (int)host_gpr(s);
    if (!a64_mem_indexed(e, in, 2, &m))
        return -1;
    a64_load(e, A64_LDR_W, tmp, &m);
    return (int)tmp;
}

unsigned a64_val_reg(struct emit *e, const struct a64_val *v)
{
    return !v->is_imm ? v->reg : v->imm ? a64_hold(e, v->imm) : (unsigned)A64_ZR;
}

bool a64_get_operands(struct emit *e, const struct insn *in, struct a64_operands *x)
{
    const struct opnd *d = &in->o[0], *mem = a64_mem_opnd(in);
    x->size = d->size;
    x->mem_dest = d->kind == OPND_MEM;
    if (!a64_plain_kinds(in) || (mem && !a64_mem_indexed(e, in, log2_of(mem->size), &x->m)))
        return false;
    if (x->mem_dest) {
        a64_load(e, load_zx(x->size), A64_TMP0, &x->m);
        x->a = A64_TMP0;
    } else {
        x->a = a64_low_bits(e, d, A64_TMP0);
    }
    const struct opnd *s = &in->o[1];
    x->b = (struct a64_val){true, in->imm, 0};
    if (in->nopnd < 2)
        return true;
    if (s->kind == OPND_MEM) {
        a64_load(e, load_zx(s->size), A64_TMP1, &x->m);
        x->b = (struct a64_val){false, 0, A64_TMP1};
    } else if (s->kind == OPND_GPR) {
        x->b = (struct a64_val){false, 0, a64_low_bits(e, s, A64_TMP1)};
    } else if (x->size < 4) {
        x->b.imm &= (1u << 8 * x->size) - 1;
    }
    return true;
}
