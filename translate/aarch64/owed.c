/* Flags that returns owe (live.h): of an ADD to esp, from esp; of a logic operation, from its
 * result. */
#include "translate/aarch64/int.h"
#include "translate/aarch64/live.h"

/* In a64_owed, above FORM_OWED: how many words have been popped since an addition to esp; a
 * constant that was added to esp, or (RESULT) the guest's register with the result, NO_REG if that
 * is 0. */
enum {
    WORDS_AT = 2,
    WORDS_MAX = 15,
    RESULT = 1 << 6,
    VALUE_AT = 7,
    VALUE_MAX = (1 << 20) - 1,
    NO_REG = 8,
};
static_assert(1 << WORDS_AT == 4, "runtime/side.c has a short form for +4");

int32_t a64_owed[TRANSLATE_INSN_MAX];

/* ---- finding them ---- */

static bool is_gpr32(const struct opnd *o) { return o->kind == OPND_GPR && o->size == 4; }

/* The flags of this instruction can be found later in registers but those of the set `written`. */
static int32_t owed_by(const struct insn *in, unsigned written, unsigned words)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    unsigned value = d->reg;
    bool same = is_gpr32(d) && is_gpr32(s) && d->reg == s->reg;
    if (!is_gpr32(d) || (in->flags & INSN_LOCK))
        return 0;
    if (in->op == OP_ADD && d->reg == REG_ESP && s->kind == OPND_IMM && in->imm <= VALUE_MAX)
        return (int32_t)(in->imm << VALUE_AT | words << WORDS_AT | FORM_OWED);
    if (same && (in->op == OP_XOR || in->op == OP_SUB))
        value = NO_REG;
    else if (d->reg == REG_ESP || (written >> d->reg & 1) ||
             !(in->op == OP_AND || in->op == OP_OR || in->op == OP_XOR ||
               (in->op == OP_TEST && same)))
        return 0;
    return (int32_t)(value << VALUE_AT | RESULT | words << WORDS_AT | FORM_OWED);
}

/* What may stand between: it reads and writes no flags, the code for it never asks the interpreter,
 * and it leaves esp alone but for the word it pops. */
static bool may_stand_between(const struct insn *in, unsigned mode)
{
    const struct opnd *d = &in->o[0];
    if (d->kind == OPND_GPR && d->reg == REG_ESP && d->size != 1)
        return false;
    switch (in->op) {
    case OP_POP: return is_gpr32(d) && in->opsize == 4;
    case OP_MOV:
    case OP_MOVZX:
    case OP_MOVSX:
        return a64_plain_kinds(in) && !(in->flags & INSN_ADDR16) &&
               (!a64_mem_opnd(in) || translate_segment_ok(in, mode));
    case OP_LEA: return !(in->flags & INSN_ADDR16);
    case OP_NOP: return true;
    default: return false;
    }
}

bool a64_find_owed(const struct translation *tr, unsigned ret)
{
    unsigned written = 0, words = 0, i = ret;
    int32_t owed = 0;
    while (!owed) {
        if (i == 0 || a64_leader[i] || tr->insn[i - 1].in->next != tr->insn[i].in->eip)
            return false;
        const struct insn *in = tr->insn[--i].in;
        if (in->fl_write) {
            owed = owed_by(in, written, words);
            break;
        }
        if (!may_stand_between(in, tr->mode))
            return false;
        if (in->o[0].kind == OPND_GPR)
            written |= 1u << (in->o[0].size == 1 ? in->o[0].reg & 3 : in->o[0].reg);
        words += in->op == OP_POP;
        if (words > WORDS_MAX)
            return false;
    }
    if (!owed)
        return false;
    for (unsigned k = ret; k > i; k--) {
        a64_owed[k] = owed;
        owed -= tr->insn[k - 1].in->op == OP_POP ? 1 << WORDS_AT : 0;
    }
    return true;
}

/* ---- making them ---- */

static uint32_t value_of(int32_t owed) { return (uint32_t)owed >> VALUE_AT; }
static uint32_t bytes_popped(int32_t owed) { return 4 * ((uint32_t)owed >> WORDS_AT & WORDS_MAX); }

void a64_pay(struct emit *e, int32_t owed, uint32_t popped)
{
    uint32_t value = value_of(owed);
    if (owed & RESULT) {
        a64_mov(e, A64_W, A64_PF, value == NO_REG ? (unsigned)A64_ZR : a64_gpr(value));
        a64_mov(e, A64_W, A64_AF, A64_PF);
        a64_must(a64_cmp_imm(e, A64_W, A64_PF, 0));
        e->form = FORM_SUB;
        return;
    }
    a64_add_constant(e, true, false, A64_PF, A64_ESP, bytes_popped(owed) + popped);
    a64_add_constant(e, true, false, A64_TMP1, A64_PF, value);
    a64_add_constant(e, false, true, A64_ZR, A64_TMP1, value);
    if (value & 16)
        a64_must(a64_eor_imm(e, A64_W, A64_AF, A64_TMP1, 16));
    else
        a64_mov(e, A64_W, A64_AF, A64_TMP1);
    e->form = FORM_ADD;
    a64_settle_flags(e, NEED_ALL);
}

uint32_t a64_pay_context(unsigned long long *x, int owed)
{
    enum { N = 31, Z = 30, C = 29, V = 28 };
    uint32_t value = value_of(owed), result, old, carry = 0;
    if (owed & RESULT) {
        result = old = value == NO_REG ? 0 : (uint32_t)x[a64_gpr(value)];
        value = 0;
    } else {
        result = (uint32_t)x[A64_ESP] - bytes_popped(owed);
        old = result - value;
        carry = result < value;
    }
    x[A64_PF] = result;
    x[A64_AF] = old ^ value;
    uint32_t overflow = (old ^ result) & (value ^ result);
    return (result >> 31) << N | (uint32_t)!result << Z | (uint32_t)!carry << C |
           (overflow >> 31) << V;
}
