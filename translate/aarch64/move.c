/* Moves, extensions, the stack. */
#include "translate/aarch64/int.h"

/* From a segment register. */
static bool mov_selector(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0];
    struct a64_mem m;
    if (d->kind == OPND_MEM && !a64_mem_indexed(e, in, 1, &m))
        return false;
    a64_cpu_load(e, A64_LDRH, A64_TMP0, offsetof(struct cpu, sel) + 2u * in->o[1].reg);
    if (d->kind == OPND_MEM)
        a64_store(e, A64_STRH, A64_TMP0, &m);
    else if (in->opsize == 2)
        a64_bfi(e, A64_W, host_gpr(d), A64_TMP0, 0, 16);
    else
        a64_mov(e, A64_W, host_gpr(d), A64_TMP0);
    return true;
}

bool a64_op_mov(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1], *mem = a64_mem_opnd(in);
    struct a64_mem m;
    if (s->kind == OPND_SEG)
        return mov_selector(e, in);
    if (!a64_plain_kinds(in) || (mem && !a64_mem_indexed(e, in, log2_of(mem->size), &m)))
        return false;
    if (d->kind == OPND_MEM) {
        struct a64_val v = {s->kind == OPND_IMM, in->imm, 0};
        if (d->size < 4)
            v.imm &= (1u << 8 * d->size) - 1;
        if (!v.is_imm)
            v.reg = a64_low_bits(e, s, A64_TMP0);
        a64_store(e, store_of(d->size), a64_val_reg(e, &v), &m);
    } else if (s->kind == OPND_IMM) {
        if (d->size == 4) {
            a64_const(e, host_gpr(d), in->imm);
        } else {
            a64_const(e, A64_TMP0, in->imm & ((1u << 8 * d->size) - 1));
            a64_put(e, d, A64_TMP0);
        }
    } else if (s->kind == OPND_MEM) {
        unsigned t = d->size == 4 ? host_gpr(d) : (unsigned)A64_TMP0;
        a64_load(e, load_zx(d->size), t, &m);
        a64_put(e, d, t);
    } else {
        a64_put(e, d, a64_low_bits(e, s, A64_TMP0));
    }
    return true;
}

bool a64_op_movx(struct emit *e, const struct insn *in, bool sign)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    unsigned t = d->size == 4 ? host_gpr(d) : (unsigned)A64_TMP0;
    struct a64_mem m;
    if (!a64_plain_kinds(in))
        return false;
    if (s->kind == OPND_MEM) {
        if (!a64_mem_indexed(e, in, log2_of(s->size), &m))
            return false;
        a64_load(e, sign ? load_sx(s->size) : load_zx(s->size), t, &m);
    } else {
        a64_bf_get(e, sign ? A64_SBFM : A64_UBFM, A64_W, t, host_gpr(s), is_high8(s) ? 8 : 0,
                   8u * s->size);
    }
    a64_put(e, d, t);
    return true;
}

bool a64_op_lea(struct emit *e, const struct insn *in)
{
    unsigned d = host_gpr(&in->o[0]);
    bool wide = in->opsize == 4;
    if (in->flags & INSN_ADDR16)
        return false;
    unsigned t = wide ? d : (unsigned)A64_TMP0;
    uint32_t disp = in->disp;
    unsigned base = in->base != REG_ZERO ? a64_gpr(in->base) : A64_NONE;
    if (in->index != REG_ZERO) {
        unsigned index = a64_gpr(in->index);
        if (base != A64_NONE)
            a64_add_sh(e, A64_W, t, base, index, A64_LSL, in->scale);
        else
            a64_lsl_imm(e, A64_W, t, index, in->scale);
        base = t;
    }
    if (base == A64_NONE)
        a64_const(e, t, disp);
    else if (disp)
        a64_add_constant(e, false, false, t, base, disp);
    else if (base != t)
        a64_mov(e, A64_W, t, base);
    a64_put(e, &in->o[0], t);
    return true;
}

bool a64_op_xchg(struct emit *e, const struct insn *in)
{
    const struct opnd *a = &in->o[0], *b = &in->o[1];
    if (a->kind != OPND_GPR || b->kind != OPND_GPR)
        return a64_lock(e, in);
    if (a->size == 4) {
        a64_mov(e, A64_W, A64_TMP0, host_gpr(a));
        a64_mov(e, A64_W, host_gpr(a), host_gpr(b));
        a64_mov(e, A64_W, host_gpr(b), A64_TMP0);
        return true;
    }
    unsigned x = a64_zero_extended(e, a, A64_TMP0), y = a64_zero_extended(e, b, A64_TMP1);
    a64_put(e, a, y);
    a64_put(e, b, x);
    return true;
}

bool a64_op_xlat(struct emit *e, const struct insn *in)
{
    struct a64_mem m = a64_at(A64_ADDR, 0);
    if (in->flags & (INSN_ADDR16 | INSN_SEG_CHECK))
        return false;
    a64_add_ext(e, A64_W, A64_ADDR, A64_EBX, A64_EAX, A64_UXTB, 0);
    a64_load(e, A64_LDRB, A64_TMP0, &m);
    a64_bfi(e, A64_W, A64_EAX, A64_TMP0, 0, 8);
    return true;
}

bool a64_op_cbw(struct emit *e, const struct insn *in)
{
    unsigned eax = A64_EAX, edx = A64_EDX;
    switch (in->op) {
    case OP_CBW:
        a64_sxtb(e, A64_W, A64_TMP0, eax);
        a64_bfi(e, A64_W, eax, A64_TMP0, 0, 16);
        break;
    case OP_CWDE: a64_sxth(e, A64_W, eax, eax); break;
    case OP_CWD:
        a64_sbfx(e, A64_W, A64_TMP0, eax, 15, 1);
        a64_bfi(e, A64_W, edx, A64_TMP0, 0, 16);
        break;
    default: a64_asr_imm(e, A64_W, edx, eax, 31); break;
    }
    return true;
}

bool a64_op_bswap(struct emit *e, const struct insn *in)
{
    unsigned d = host_gpr(&in->o[0]);
    if (in->opsize != 4)
        return false;
    a64_rev(e, A64_W, d, d);
    return true;
}

bool a64_op_movbe(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *mem = a64_mem_opnd(in);
    struct a64_mem m;
    if (!mem || !a64_mem_indexed(e, in, log2_of(mem->size), &m))
        return false;
    if (d->kind == OPND_GPR)
        a64_load(e, load_zx(d->size), A64_TMP0, &m);
    unsigned s = d->kind == OPND_GPR ? (unsigned)A64_TMP0 : host_gpr(&in->o[1]);
    if (mem->size == 4)
        a64_rev(e, A64_W, A64_TMP0, s);
    else
        a64_rev16(e, A64_W, A64_TMP0, s);
    if (d->kind == OPND_GPR)
        a64_put(e, d, A64_TMP0);
    else
        a64_store(e, store_of(mem->size), A64_TMP0, &m);
    return true;
}

/* ---- conditions ---- */

bool a64_op_setcc(struct emit *e, const struct insn *in)
{
    struct a64_mem m;
    if (in->o[0].kind == OPND_MEM && !a64_mem_indexed(e, in, 0, &m))
        return false;
    a64_condition(e, A64_TMP0, in->cc);
    if (in->o[0].kind == OPND_MEM)
        a64_store(e, A64_STRB, A64_TMP0, &m);
    else
        a64_put(e, &in->o[0], A64_TMP0);
    return true;
}

bool a64_op_cmov(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    unsigned r = host_gpr(s), to = host_gpr(d);
    struct a64_mem m;
    if (s->kind == OPND_MEM) {
        if (!a64_mem_indexed(e, in, log2_of(s->size), &m))
            return false;
        a64_load(e, load_zx(s->size), A64_TMP1, &m);
        r = A64_TMP1;
    }
    unsigned t = d->size == 4 ? to : (unsigned)A64_TMP2;
    enum a64_cond c = a64_cond_of(e, in->cc);
    if (c != A64_AL) {
        a64_csel(e, A64_W, t, r, to, c);
    } else { /* a mask, as flags must stay */
        a64_condition(e, A64_TMP0, in->cc);
        a64_neg(e, A64_W, A64_TMP0, A64_TMP0);
        a64_eor(e, A64_W, A64_TMP3, r, to);
        a64_and(e, A64_W, A64_TMP3, A64_TMP3, A64_TMP0);
        a64_eor(e, A64_W, t, to, A64_TMP3);
    }
    a64_put(e, d, t);
    return true;
}

/* ---- the stack ---- */

bool a64_op_push(struct emit *e, const struct insn *in)
{
    const struct opnd *o = &in->o[0];
    unsigned r = A64_TMP0;
    struct a64_mem m;
    if (in->opsize != 4 ||
        (o->kind != OPND_GPR && o->kind != OPND_IMM && o->kind != OPND_MEM && o->kind != OPND_SEG))
        return false;
    if (o->kind == OPND_SEG) {
        a64_cpu_load(e, A64_LDRH, A64_TMP0, offsetof(struct cpu, sel) + 2u * o->reg);
    } else if (o->kind == OPND_IMM) {
        struct a64_val v = {true, in->imm, 0};
        r = a64_val_reg(e, &v);
    } else if (o->kind == OPND_MEM) {
        if (!a64_mem_indexed(e, in, 2, &m))
            return false;
        a64_load(e, A64_LDR_W, A64_TMP0, &m);
    } else if (o->reg == REG_ESP) {
        a64_mov(e, A64_W, A64_TMP0, A64_ESP);
    } else {
        r = host_gpr(o);
    }
    a64_push(e, r);
    return true;
}

/* The address is the one with what esp is then. */
static bool pop_mem(struct emit *e, const struct insn *in)
{
    struct insn after = *in;
    struct a64_mem m, top = a64_at(A64_ESP, 0);
    if (in->base == REG_ESP)
        after.disp += 4;
    if (!a64_mem_indexed(e, &after, 2, &m))
        return false;
    a64_load(e, A64_LDR_W, A64_TMP0, &top);
    a64_store(e, A64_STR_W, A64_TMP0, &m);
    a64_must(a64_add_imm(e, A64_W, A64_ESP, A64_ESP, 4));
    return true;
}

bool a64_op_pop(struct emit *e, const struct insn *in)
{
    const struct opnd *o = &in->o[0];
    struct a64_mem top = a64_at(A64_ESP, 0);
    if (in->opsize == 4 && o->kind == OPND_MEM)
        return pop_mem(e, in);
    if (in->opsize != 4 || o->kind != OPND_GPR)
        return false;
    if (o->reg == REG_ESP)
        a64_load(e, A64_LDR_W, A64_ESP, &top);
    else
        a64_pop(e, host_gpr(o));
    return true;
}

/* Without levels. The new top must be writable. */
bool a64_op_enter(struct emit *e, const struct insn *in)
{
    struct a64_mem frame = a64_at(A64_ESP, -4), top = a64_at(A64_ADDR, 0);
    if (in->opsize != 4 || (in->imm2 & 31) || e->tr->ordered)
        return false;
    a64_add_constant(e, true, false, A64_ADDR, A64_ESP, in->imm + 4);
    a64_store(e, A64_STR_W, A64_EBP, &frame);
    if (in->imm) {
        a64_load(e, A64_LDR_W, A64_TMP0, &top);
        a64_store(e, A64_STR_W, A64_TMP0, &top);
    }
    a64_must(a64_sub_imm(e, A64_W, A64_EBP, A64_ESP, 4));
    a64_mov(e, A64_W, A64_ESP, A64_ADDR);
    return true;
}

bool a64_op_leave(struct emit *e, const struct insn *in)
{
    struct a64_mem m = a64_at(A64_EBP, 0);
    if (in->opsize != 4)
        return false;
    a64_load(e, A64_LDR_W, A64_TMP0, &m);
    a64_must(a64_add_imm(e, A64_W, A64_ESP, A64_EBP, 4));
    a64_mov(e, A64_W, A64_EBP, A64_TMP0);
    return true;
}
