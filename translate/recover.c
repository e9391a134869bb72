/* Status flags that code did not make because they are overwritten before they are read, found again where
 * the guest's state is looked at before that happens: from the registers, if the instruction that should have
 * made them is before that place in the same straight piece of code and its operands are still there. */
#include "core/flags.h"
#include "decode/decode.h"
#include "translate/translate.h"

enum { ALL_GPRS = 0xff, UNKNOWN = 0x100 };

static bool is_gpr(const struct opnd *o) { return o->kind == OPND_GPR; }
static unsigned number(const struct opnd *o) { return o->size == 1 ? o->reg & 3u : o->reg; }

static bool same_register(const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    return is_gpr(d) && is_gpr(s) && number(d) == number(s);
}

/* ---- what instructions without effect on flags do ---- */

/* How far a PUSH or POP of a register or constant moves esp; 0: it is neither, or more than that. */
static int moves_esp(const struct insn *in)
{
    const struct opnd *o = &in->o[0];
    bool pops_esp = in->op == OP_POP && is_gpr(o) && o->reg == REG_ESP;
    if (in->opsize != 4 || pops_esp)
        return 0;
    return in->op == OP_PUSH ? -4 : in->op == OP_POP ? 4 : 0;
}

/* The set of general registers that the instruction writes, apart from what moves_esp() says; UNKNOWN: it may be
 * any. */
static unsigned writes(const struct insn *in)
{
    unsigned w = 0;
    switch (decode_op_class(in->op)) {
    case CLASS_INT: break;
    case CLASS_X87: case CLASS_MMX: case CLASS_SSE: case CLASS_AVX:
        for (unsigned i = 0; i < in->nopnd; i++)
            w |= is_gpr(&in->o[i]) ? 1u << number(&in->o[i]) : 0;
        return w;
    default: return UNKNOWN;
    }
    switch (in->op) {
    case OP_NOP: case OP_PUSH: case OP_POP: break;
    case OP_CDQ: case OP_CWD: w = 1u << REG_EDX; break;
    case OP_CBW: case OP_CWDE: case OP_LAHF: w = 1u << REG_EAX; break;
    case OP_MOV: case OP_MOVZX: case OP_MOVSX: case OP_LEA: case OP_SETCC: case OP_CMOVCC: case OP_NOT:
    case OP_BSWAP: case OP_XCHG: case OP_MOVBE: case OP_MOVNTI: break;
    default: return UNKNOWN;
    }
    if (in->op == OP_PUSH || (in->op == OP_POP && in->o[0].kind == OPND_MEM))
        return moves_esp(in) ? w : UNKNOWN;
    if (in->op == OP_POP && !moves_esp(in))
        return UNKNOWN;
    for (unsigned i = 0; i < in->nopnd; i++)
        w |= is_gpr(&in->o[i]) && (in->o[i].access & ACCESS_W) ? 1u << number(&in->o[i]) : 0;
    return w;
}

/* What the instruction may have changed already when it faults. */
static unsigned partly_writes(const struct insn *in)
{
    bool repeated = in->flags & (INSN_REP | INSN_REPNE);
    if (decode_op_class(in->op) != CLASS_STRING || !repeated)
        return 0;
    return in->op == OP_CMPS || in->op == OP_SCAS ? UNKNOWN : ALL_GPRS;
}

/* ---- what makes flags ---- */

static bool there(const struct opnd *o, unsigned lost)
{
    return o->kind == OPND_IMM || (is_gpr(o) && !(lost >> number(o) & 1));
}

/* The flags of this instruction follow from registers but those of the set `lost`. */
static bool follows(const struct insn *in, unsigned lost)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    if (in->flags & INSN_LOCK)
        return false;
    switch (in->op) {
    case OP_CMP: case OP_TEST: return there(d, lost) && there(s, lost);
    case OP_SUB:
    case OP_XOR:
        if (same_register(in) && d->reg == s->reg)
            return true;
        if (in->op == OP_XOR)
            return there(d, lost);
        /* fall through */
    case OP_ADD: return there(d, lost) && there(s, lost) && !same_register(in);
    case OP_AND: case OP_OR: case OP_NEG: return there(d, lost);
    default: return false;
    }
}

bool translate_trace_from(struct translate_trace *t, const struct insn *at)
{
    *t = (struct translate_trace){.lost = partly_writes(at)};
    return t->lost != UNKNOWN;
}

enum trace_found translate_trace_back(struct translate_trace *t, const struct insn *in)
{
    enum { STEPS_MAX = 16 };
    if (in->fl_write) {
        t->writer = in;
        return follows(in, t->lost) ? TRACE_FOUND : TRACE_LOST;
    }
    unsigned w = writes(in);
    t->popped += moves_esp(in);
    t->lost |= w;
    if (w == UNKNOWN || (in->flags & INSN_END) || ++t->steps == STEPS_MAX)
        return TRACE_LOST;
    return TRACE_ON;
}

/* Whether instruction `i` is reached only from the one before it. */
static bool follows_one(const struct translation *tr, unsigned i, const bool *leader)
{
    return i > 0 && !leader[i] && tr->insn[i - 1].in->next == tr->insn[i].in->eip;
}

bool translate_flags_follow(const struct translation *tr, unsigned i, const bool *leader)
{
    struct translate_trace t;
    enum trace_found found = TRACE_ON;
    if (!translate_trace_from(&t, tr->insn[i].in))
        return false;
    while (found == TRACE_ON) {
        if (!follows_one(tr, i, leader))
            return false;
        found = translate_trace_back(&t, tr->insn[--i].in);
    }
    return found == TRACE_FOUND;
}

/* ---- returns that are jumps ---- */

bool translate_return_jumps(const struct translation *tr, unsigned i, const bool *leader)
{
    enum { STEPS_MAX = 8 };
    int slot = 0; /* where what it will pop is, from esp */
    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        if (!follows_one(tr, i, leader))
            return false;
        const struct insn *in = tr->insn[--i].in;
        int by = moves_esp(in);
        bool stores = in->op == OP_MOV || in->op == OP_XCHG;
        if (in->op == OP_PUSH && by && !slot)
            return true;
        for (unsigned k = 0; k < in->nopnd; k++)
            if (stores && in->o[k].kind == OPND_MEM && (in->o[k].access & ACCESS_W) && in->o[k].size == 4 &&
                in->base == REG_ESP && in->index == REG_ZERO && (int)in->disp == slot)
                return true;
        unsigned w = writes(in);
        if (w == UNKNOWN || w >> REG_ESP & 1 || (in->flags & INSN_END))
            return false;
        slot += by;
    }
    return false;
}

/* The operand, with anything above its size. */
static uint32_t value(const struct cpu *cpu, const struct insn *in, const struct opnd *o, int popped)
{
    if (!is_gpr(o))
        return in->imm;
    uint32_t v = cpu->gpr[number(o)] - (number(o) == REG_ESP ? (uint32_t)popped : 0);
    return o->size == 1 && o->reg >= 4 ? v >> 8 : v;
}

void translate_trace_flags(struct cpu *cpu, const struct translate_trace *t)
{
    const struct insn *in = t->writer;
    int bits = 8 * in->o[0].size;
    uint32_t mask = in->o[0].size == 4 ? UINT32_MAX : (1u << bits) - 1;
    uint32_t d = value(cpu, in, &in->o[0], t->popped) & mask;
    uint32_t s = in->nopnd > 1 ? value(cpu, in, &in->o[1], t->popped) & mask : 0;
    bool zero = (in->op == OP_XOR || in->op == OP_SUB) && same_register(in) &&
                in->o[0].reg == in->o[1].reg;
    if (zero)
        d = 0;
    switch (in->op) {
    case OP_CMP: flags_sub(cpu, d, s, (d - s) & mask, bits); break;
    case OP_ADD: flags_add(cpu, (d - s) & mask, s, d, bits); break;
    case OP_SUB:
        if (zero)
            flags_logic(cpu, 0, bits);
        else
            flags_sub(cpu, (d + s) & mask, s, d, bits);
        break;
    case OP_NEG: flags_sub(cpu, 0, -d & mask, d, bits); break;
    case OP_TEST: flags_logic(cpu, d & s, bits); break;
    default: flags_logic(cpu, d, bits); break;
    }
}

/* ---- whether it matters ---- */

/* A count of 0, which only the run of the program knows or which the instruction says, changes
 * nothing. */
static bool count_may_be_zero(const struct insn *in)
{
    for (unsigned i = in->nopnd; i-- > 1;)
        if (in->o[i].kind == OPND_IMM)
            return !(in->imm & 31);
        else if (is_gpr(&in->o[i]) && in->o[i].size == 1)
            return true;
    return in->nopnd != 1; /* by one */
}

unsigned translate_reads(const struct insn *in)
{
    switch (in->op) {
    case OP_SHL: case OP_SHR: case OP_SAR: case OP_ROL: case OP_ROR: case OP_SHLD: case OP_SHRD: return 0;
    case OP_RCL: case OP_RCR: return FLB_CF;
    default: return in->fl_read;
    }
}

unsigned translate_overwrites(const struct insn *in)
{
    switch (in->op) {
    case OP_SHL: case OP_SHR: case OP_SAR: case OP_ROL: case OP_ROR: case OP_RCL: case OP_RCR:
    case OP_SHLD: case OP_SHRD: return count_may_be_zero(in) ? 0 : in->fl_write;
    case OP_CMPS: case OP_SCAS: return in->flags & (INSN_REP | INSN_REPNE) ? 0 : in->fl_write;
    case OP_BSF: case OP_BSR: case OP_BT: case OP_BTC: case OP_BTR: case OP_BTS:
        return in->fl_write & (uint8_t)~in->fl_undef; /* those stay */
    default: return in->fl_write;
    }
}

bool translate_may_fault(const struct insn *in)
{
    if (in->op == OP_LEA || in->op == OP_NOP)
        return false;
    if (decode_op_class(in->op) != CLASS_INT)
        return true; /* with exceptions unmasked, for one */
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind != OPND_GPR && in->o[i].kind != OPND_IMM && in->o[i].kind != OPND_REL)
            return true;
    switch (in->op) {
    case OP_PUSH: case OP_POP: case OP_PUSHA: case OP_POPA: case OP_PUSHF: case OP_POPF: case OP_RET:
    case OP_CALL: case OP_LEAVE: case OP_ENTER: case OP_DIV: case OP_IDIV: case OP_AAM: case OP_XLAT: return true;
    default: return false;
    }
}
