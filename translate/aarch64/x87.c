/* x87 instructions -> AArch64 code: which there is code for, and who writes it. */
#include "translate/aarch64/x87_emit.h"

static bool mem_ok(const struct emit *e, const struct insn *in)
{
    if ((in->flags & INSN_ADDR16) || in->seg == SEG_FS)
        return false;
    if (in->seg == SEG_GS)
        return e->tr->mode & MODE_GS_PLAIN;
    return in->seg != SEG_CS || !(in->o[0].access & ACCESS_W);
}

bool x87_is_mem(const struct insn *in)
{
    return in->nopnd && in->o[0].kind == OPND_MEM;
}

unsigned x87_pops(unsigned op)
{
    switch (op) {
    case OP_FADDP: case OP_FMULP: case OP_FSUBP: case OP_FSUBRP: case OP_FDIVP: case OP_FDIVRP:
    case OP_FSTP: case OP_FISTP: case OP_FISTTP: case OP_FCOMP: case OP_FUCOMP: case OP_FICOMP:
    case OP_FCOMIP: case OP_FUCOMIP: return 1;
    case OP_FCOMPP: case OP_FUCOMPP: return 2;
    default: return 0;
    }
}

unsigned x87_other(const struct insn *in)
{
    if (in->nopnd == 2)
        return in->o[0].reg ? in->o[0].reg : in->o[1].reg;
    return in->nopnd ? in->o[0].reg : 1;
}

bool x87_is_int(unsigned op)
{
    switch (op) {
    case OP_FILD: case OP_FIADD: case OP_FIMUL: case OP_FISUB: case OP_FISUBR: case OP_FIDIV: case OP_FIDIVR:
    case OP_FICOM: case OP_FICOMP: return true;
    default: return false;
    }
}

bool x87_effect_of(const struct emit *e, const struct insn *in, struct x87_effect *f)
{
    *f = (struct x87_effect){.pops = (uint8_t)x87_pops(in->op)};
    if (x87_is_mem(in) && (!mem_ok(e, in) || in->o[0].size > 10))
        return false;
    switch (in->op) {
    case OP_FLD: case OP_FILD: case OP_FLD1: case OP_FLDL2T: case OP_FLDL2E: case OP_FLDPI: case OP_FLDLG2:
    case OP_FLDLN2: case OP_FLDZ:
        f->push = 1;
        f->need = in->op == OP_FLD && !x87_is_mem(in) ? in->o[0].reg + 1u : 0;
        return true;
    case OP_FNSTSW: case OP_FLDCW: case OP_FWAIT: return true;
    case OP_FST: case OP_FSTP:
        f->need = x87_is_mem(in) ? 1 : in->o[0].reg + 1u;
        return true;
    case OP_FIST: case OP_FISTP: case OP_FISTTP: case OP_FSQRT: case OP_FRNDINT: case OP_FCHS: case OP_FABS:
    case OP_FXAM: case OP_FTST: case OP_FIADD: case OP_FIMUL: case OP_FISUB: case OP_FISUBR: case OP_FIDIV:
    case OP_FIDIVR: case OP_FICOM: case OP_FICOMP: f->need = 1; return true;
    case OP_FADD: case OP_FMUL: case OP_FSUB: case OP_FSUBR: case OP_FDIV: case OP_FDIVR:
    case OP_FADDP: case OP_FMULP: case OP_FSUBP: case OP_FSUBRP: case OP_FDIVP: case OP_FDIVRP:
    case OP_FCOM: case OP_FCOMP: case OP_FCOMPP: case OP_FUCOM: case OP_FUCOMP: case OP_FUCOMPP:
    case OP_FCOMI: case OP_FCOMIP: case OP_FUCOMI: case OP_FUCOMIP: case OP_FXCH:
        f->need = 1;
        for (unsigned i = 0; i < in->nopnd; i++)
            if (in->o[i].kind == OPND_ST && in->o[i].reg >= f->need)
                f->need = in->o[i].reg + 1u;
        if (!in->nopnd)
            f->need = 2;
        return true;
    case OP_FCMOVCC:
        f->need = in->o[1].reg + 1u;
        return (in->cc & 14) != 10; /* not by PF */
    default: return false;
    }
}

bool x87_is_noted(unsigned op)
{
    return op != OP_FNSTSW && op != OP_FLDCW && op != OP_FWAIT;
}

/* ---- writing them ---- */

static void emit_insn(struct emit *e, const struct insn *in)
{
    if (a64_x87_double() && x87_is_noted(in->op)) {
        x87_double(e, in);
        return;
    }
    switch (in->op) {
    case OP_FLD: case OP_FILD: case OP_FLD1: case OP_FLDL2T: case OP_FLDL2E: case OP_FLDPI: case OP_FLDLG2:
    case OP_FLDLN2: case OP_FLDZ: x87_push(e, in); break;
    case OP_FST: case OP_FSTP: x87_store(e, in); break;
    case OP_FIST: case OP_FISTP: case OP_FISTTP: x87_store_int(e, in); break;
    case OP_FCHS: case OP_FABS: case OP_FSQRT: case OP_FRNDINT: x87_unary(e, in); break;
    case OP_FXCH: x87_exchange(e, in); break;
    case OP_FCMOVCC: x87_move_if(e, in); break;
    case OP_FXAM: x87_examine(e); break;
    case OP_FNSTSW: x87_store_sw(e, in); break;
    case OP_FLDCW: x87_load_cw(e, in); break;
    case OP_FWAIT: break;
    case OP_FTST: case OP_FCOM: case OP_FCOMP: case OP_FCOMPP: case OP_FUCOM: case OP_FUCOMP: case OP_FUCOMPP:
    case OP_FICOM: case OP_FICOMP: case OP_FCOMI: case OP_FCOMIP: case OP_FUCOMI: case OP_FUCOMIP:
        x87_compare(e, in);
        break;
    default: x87_arith(e, in); break;
    }
}

bool a64_x87(struct emit *e, const struct tr_insn *t)
{
    struct x87_effect f;
    if (t->in->op == OP_FNSTCW && mem_ok(e, t->in)) {
        x87_store_cw(e, t->in);
        return true;
    }
    if (!x87_effect_of(e, t->in, &f))
        return false;
    if (!e->x87.on)
        x87_start(e);
    emit_insn(e, t->in);
    if (x87_is_noted(t->in->op)) {
        e->x87.noted[0] = t->in;
        if (x87_is_mem(t->in))
            e->x87.noted[1] = t->in;
    }
    return true;
}
