/* Flags that returns and indirect jumps owe (live.h): of an ADD to esp, from esp; of a logic operation,
 * from its result; of a sum or difference, from that and operand 1. */
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
    /* In the value's place, of a sum or difference: */
    SUM = 1 << 27,
    A_AT = VALUE_AT, /* the register with the result; */
    MINUS = 1 << 10, IS_IMM = 1 << 11,
    B_AT = 12,       /* operand 1, a register or a constant */
    B_MAX = (1 << 15) - 1,
};
static_assert(B_AT + 15 == 27 && A_AT + 3 == 10, "no bit is used twice");
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

/* The same of sums and differences. */
static int32_t owed_by_sum(const struct insn *in, unsigned written, unsigned words)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    bool imm = s->kind == OPND_IMM;
    uint32_t b = imm ? in->imm : s->reg;
    if ((in->op != OP_ADD && in->op != OP_SUB) || !is_gpr32(d) || (in->flags & INSN_LOCK) ||
        d->reg == REG_ESP || (written >> d->reg & 1))
        return 0;
    if (imm ? b > B_MAX : !is_gpr32(s) || b == d->reg || b == REG_ESP || (written >> b & 1))
        return 0;
    return (int32_t)(SUM | b << B_AT | (imm ? IS_IMM : 0) | (in->op == OP_SUB ? MINUS : 0) |
                     (uint32_t)d->reg << A_AT | words << WORDS_AT | FORM_OWED);
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
            if (!owed)
                owed = owed_by_sum(in, written, words);
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
static uint32_t bytes_popped(int32_t owed)
{
    return 4 * ((uint32_t)owed >> WORDS_AT & WORDS_MAX);
}
static unsigned a_of(int32_t owed) { return (unsigned)owed >> A_AT & 7; }
static unsigned b_of(int32_t owed) { return (unsigned)owed >> B_AT & B_MAX; }

static void pay_sum(struct emit *e, int32_t owed)
{
    bool minus = owed & MINUS;
    unsigned a = a64_gpr(a_of(owed)), b = A64_TMP8;
    if (owed & IS_IMM)
        a64_movw(e, A64_MOVZ, A64_W, A64_TMP8, b_of(owed), 0);
    else
        b = a64_gpr(b_of(owed));
    if (minus) {
        a64_add(e, A64_W, A64_TMP1, a, b);
        a64_cmp(e, A64_W, A64_TMP1, b);
    } else {
        a64_sub(e, A64_W, A64_TMP1, a, b);
        a64_cmn(e, A64_W, A64_TMP1, b);
    }
    a64_note_result(e, a, A64_TMP1, minus);
    e->form = minus ? FORM_SUB : FORM_ADD;
    a64_settle_flags(e, NEED_ALL);
}

void a64_pay(struct emit *e, int32_t owed, uint32_t popped)
{
    uint32_t value = value_of(owed);
    if (owed & SUM) {
        pay_sum(e, owed);
        return;
    }
    if (owed & RESULT) {
        if (value == NO_REG)
            a64_mov(e, A64_W, A64_PF, A64_ZR);
        a64_result_flags(e, value == NO_REG ? (unsigned)A64_PF : a64_gpr(value), NEED_ALL);
        return;
    }
    a64_add_constant(e, true, false, A64_PF, A64_ESP, bytes_popped(owed) + popped);
    a64_add_constant(e, true, false, A64_TMP1, A64_PF, value);
    a64_add_constant(e, false, true, A64_ZR, A64_TMP1, value);
    a64_note_result(e, A64_PF, A64_TMP1, false);
    e->form = FORM_ADD;
    a64_settle_flags(e, NEED_ALL);
}

uint32_t a64_pay_context(unsigned long long *x, int owed)
{
    enum { N = 31, Z = 30, C = 29, V = 28 };
    uint32_t value = value_of(owed), result, old, carry = 0;
    if (owed & SUM) {
        result = (uint32_t)x[a64_gpr(a_of(owed))];
        value = owed & IS_IMM ? b_of(owed) : (uint32_t)x[a64_gpr(b_of(owed))];
        old = owed & MINUS ? result + value : result - value;
        carry = owed & MINUS ? old < value : result < value;
    } else if (owed & RESULT) {
        result = old = value == NO_REG ? 0 : (uint32_t)x[a64_gpr(value)];
        value = 0;
    } else {
        result = (uint32_t)x[A64_ESP] - bytes_popped(owed);
        old = result - value;
        carry = result < value;
    }
    bool minus = owed & SUM && owed & MINUS;
    x[A64_PF] = result;
    if (minus)
        x[A64_PF] = ~(result ^ (unsigned long long)old << 32);
    else if (!(owed & RESULT))
        x[A64_PF] |= (unsigned long long)old << 32;
    uint32_t overflow = (old ^ result) & ((minus ? old : result) ^ value);
    return (result >> 31) << N | (uint32_t)!result << Z | (uint32_t)!carry << C |
           (overflow >> 31) << V;
}
