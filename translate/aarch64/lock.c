/* What reads and writes memory at once. A locked instruction is a full barrier on x86, whether
 * or not it stores: an LSE instruction with acquire and release is one, too, if it stores; a
 * pair of exclusive accesses with these needs a DMB behind it. All of them fault if the operand
 * is misaligned (some only if it crosses 16 bytes): then the interpreter executes the
 * instruction, from the second time on without asking. While nobody else sees the memory the
 * same is done by loads and stores. */
#include "translate/aarch64/int.h"

#define OLD ((unsigned)A64_TMP0) /* what was in memory */
#define SRC ((unsigned)A64_TMP1) /* operand 1, if it is in no register as it is */
#define NEW ((unsigned)A64_TMP2) /* what goes to memory */
#define OPERAND ((unsigned)A64_TMP4)

/* The operand in memory. */
struct place {
    enum a64_size size;
    bool shared;
    unsigned addr;    /* the register with its address; */
    struct a64_mem m; /* or this, if not shared */
};

/* What LSE has an instruction for comes first. */
enum way { ADD, CLEAR, EOR, SET, SWAP, LSE_WAYS, NEGATE = LSE_WAYS, ADD_CARRY, SUB_CARRY };

static enum a64_size size_of(const struct opnd *o)
{
    return (enum a64_size)__builtin_ctz(o->size);
}

/* A register with operand 1 in its low bits; SRC if it is in none. */
static unsigned source(struct emit *e, const struct insn *in)
{
    if (in->o[1].kind != OPND_IMM)
        return a64_low_bits(e, &in->o[1], SRC);
    if (!in->imm)
        return A64_ZR;
    a64_const(e, SRC, in->imm);
    return SRC;
}

/* CF = bit of w`n`; no other flag changes. */
static void carry_flag(struct emit *e, unsigned n, unsigned bit)
{
    if (!(a64_live(e) & NEED_C))
        return;
    if (e->form == FORM_FCMP)
        a64_settle_flags(e, a64_live(e));
    a64_set_c_bit(e, n, bit);
}

/* False, nothing emitted: not for translated code. */
static bool place_of(struct emit *e, const struct insn *in, struct place *p)
{
    p->shared = e->tr->ordered;
    p->size = size_of(&in->o[in->o[0].kind != OPND_MEM]);
    if (!p->shared)
        return a64_mem_indexed(e, in, p->size, &p->m);
    int addr = a64_was_misaligned(e) ? -1 : a64_whole_addr(e, in);
    p->addr = (unsigned)addr;
    return addr >= 0;
}

/* ---- one change of memory ---- */

static void load(struct emit *e, const struct place *p)
{
    static const enum a64_ldst ops[] = {A64_LDRB, A64_LDRH, A64_LDR_W, A64_LDR_X};
    if (p->shared)
        a64_ldaxr(e, p->size, OLD, p->addr);
    else
        a64_load(e, ops[p->size], OLD, &p->m);
}

static void store(struct emit *e, const struct place *p, unsigned r, const uint8_t *again)
{
    static const enum a64_ldst ops[] = {A64_STRB, A64_STRH, A64_STR_W, A64_STR_X};
    if (!p->shared) {
        a64_store(e, ops[p->size], r, &p->m);
        return;
    }
    a64_stlxr(e, p->size, A64_TMP3, r, p->addr);
    a64_must(a64_cbnz(e, A64_W, A64_TMP3, again - e->p));
    a64_dmb_ish(e);
}

/* w`d` = w`n` changed by w`s`. */
static void change(struct emit *e, enum way way, unsigned d, unsigned n, unsigned s)
{
    switch (way) {
    case ADD: a64_add(e, A64_W, d, n, s); break;
    case CLEAR: a64_bic(e, A64_W, d, n, s); break;
    case EOR: a64_eor(e, A64_W, d, n, s); break;
    case SET: a64_orr(e, A64_W, d, n, s); break;
    case NEGATE: a64_neg(e, A64_W, d, n); break;
    case ADD_CARRY: a64_adc(e, A64_W, d, n, s); break;
    case SUB_CARRY: a64_sbc(e, A64_W, d, n, s); break;
    case SWAP: break;
    }
}

/* OLD = what is there, which is changed by w`s` (not NEW). */
static void fetch(struct emit *e, enum way way, const struct place *p, unsigned s)
{
    static const enum a64_atomic ops[LSE_WAYS] = {
        [ADD] = A64_LDADD, [CLEAR] = A64_LDCLR, [EOR] = A64_LDEOR, [SET] = A64_LDSET,
        [SWAP] = A64_SWP};
    if (p->shared && a64_has.lse && way < LSE_WAYS) {
        a64_atomic(e, ops[way], p->size, A64_ACQ_REL, s, OLD, p->addr);
        return;
    }
    const uint8_t *again = e->p;
    load(e, p);
    change(e, way, NEW, OLD, s);
    store(e, p, way == SWAP ? s : NEW, again);
}

/* Bits of OLD that differ from x`expect`, in x`d`. */
static void difference(struct emit *e, const struct place *p, unsigned d, unsigned expect)
{
    a64_eor(e, A64_X, d, OLD, expect);
    if (p->size < A64_SIZE_W)
        a64_must(a64_and_imm(e, A64_W, d, d, (1u << (8 << p->size)) - 1));
}

static void compare_and_swap(struct emit *e, const struct place *p, unsigned expect, unsigned s)
{
    a64_mov(e, A64_X, OLD, expect);
    a64_cas(e, p->size, A64_ACQ_REL, OLD, s, p->addr);
}

/* OLD = what is there; if that is x`expect` it becomes x`s`. */
static void exchange_if_equal(struct emit *e, const struct place *p, unsigned expect, unsigned s)
{
    uint8_t *stored;
    if (p->shared && a64_has.lse) {
        compare_and_swap(e, p, expect, s);
        difference(e, p, NEW, expect);
        stored = e->p; /* else it is no barrier: once more, behind one */
        a64_must(a64_cbz(e, A64_X, NEW, 0));
        a64_dmb_ish(e);
        compare_and_swap(e, p, expect, s);
        a64_must(a64_here(e, stored));
        return;
    }
    const uint8_t *again = e->p;
    load(e, p);
    difference(e, p, A64_TMP3, expect);
    a64_mov(e, A64_X, NEW, OLD);
    a64_must(a64_cbnz(e, A64_X, A64_TMP3, 8));
    a64_mov(e, A64_X, NEW, s);
    store(e, p, NEW, again);
}

/* ---- instructions ---- */

static bool op_sum(struct emit *e, const struct insn *in)
{
    struct place p;
    enum way way = in->op == OP_NEG ? NEGATE : ADD;
    unsigned src = A64_ZR, s = OPERAND;
    if (!place_of(e, in, &p))
        return false;
    bool minus_imm = in->op == OP_SUB && in->o[1].kind == OPND_IMM;
    if (in->nopnd == 2 && !minus_imm)
        src = source(e, in);
    if (way == ADD && (in->nopnd == 1 || minus_imm))
        a64_const(e, s, in->op == OP_INC ? 1 : in->op == OP_DEC ? UINT32_MAX : -in->imm);
    else if (in->op == OP_SUB)
        a64_neg(e, A64_W, s, src);
    else
        s = src;
    fetch(e, way, &p, s);
    a64_sum_flags(e, in, OLD, src);
    if (in->op == OP_XADD)
        a64_put(e, &in->o[1], OLD);
    return true;
}

static bool op_sum_carry(struct emit *e, const struct insn *in)
{
    bool sub = in->op == OP_SBB;
    struct place p;
    if (in->o[0].size != 4 || e->form != (sub ? FORM_SUB : FORM_ADD) || !place_of(e, in, &p))
        return false;
    unsigned src = source(e, in);
    fetch(e, sub ? SUB_CARRY : ADD_CARRY, &p, src);
    a64_sum_flags(e, in, OLD, src);
    return true;
}

static bool op_logic(struct emit *e, const struct insn *in)
{
    struct place p;
    enum way way = in->op == OP_AND ? CLEAR : in->op == OP_OR ? SET : EOR;
    if (!place_of(e, in, &p))
        return false;
    unsigned s = SRC;
    if (in->op == OP_NOT) {
        a64_const(e, s, UINT32_MAX);
    } else if (in->op == OP_AND && in->o[1].kind == OPND_IMM) {
        a64_const(e, s, ~in->imm);
    } else if (in->op == OP_AND) {
        a64_mvn(e, A64_W, s, source(e, in));
    } else {
        s = source(e, in);
    }
    fetch(e, way, &p, s);
    if (in->op != OP_NOT && a64_live(e)) {
        change(e, way, NEW, OLD, s);
        if (in->o[0].size == 4)
            a64_result_flags(e, NEW, a64_live(e));
        else
            a64_narrow_result_flags(e, NEW, in->o[0].size, a64_live(e));
    }
    return true;
}

static bool op_bit(struct emit *e, const struct insn *in)
{
    unsigned log2 = size_of(&in->o[0]) + 3u, number = SRC; /* of bits in the operand */
    bool known = in->o[1].kind == OPND_IMM;
    unsigned bit = in->imm & ((1u << log2) - 1);
    struct place p;
    if (!place_of(e, in, &p))
        return false;
    if (known) {
        a64_const(e, OPERAND, 1u << bit);
    } else { /* any distance away */
        unsigned n = a64_gpr(in->o[1].reg);
        a64_bit_string(e, n, p.addr, log2);
        p.addr = A64_ADDR;
        a64_ubfx(e, A64_W, number, n, 0, log2);
        a64_const(e, OPERAND, 1);
        a64_lslv(e, A64_W, OPERAND, OPERAND, number);
    }
    fetch(e, in->op == OP_BTS ? SET : in->op == OP_BTR ? CLEAR : EOR, &p, OPERAND);
    if (known) {
        carry_flag(e, OLD, bit);
    } else if (a64_live(e) & NEED_C) {
        a64_lsrv(e, A64_W, OLD, OLD, number);
        carry_flag(e, OLD, 0);
    }
    return true;
}

static bool op_xchg(struct emit *e, const struct insn *in)
{
    const struct opnd *o = &in->o[in->o[0].kind == OPND_MEM];
    struct place p;
    if (!place_of(e, in, &p))
        return false;
    fetch(e, SWAP, &p, a64_low_bits(e, o, SRC));
    a64_put(e, o, OLD);
    return true;
}

static bool op_cmpxchg(struct emit *e, const struct insn *in)
{
    const struct opnd acc = {.kind = OPND_GPR, .reg = REG_EAX, .size = in->o[0].size};
    struct place p;
    if (!place_of(e, in, &p))
        return false;
    exchange_if_equal(e, &p, A64_EAX, source(e, in));
    a64_compare(e, in->o[0].size, A64_EAX, OLD);
    a64_put(e, &acc, OLD);
    return true;
}

/* ZF = x`a` == x`b`; no other flag changes. */
static void zero_flag(struct emit *e, unsigned a, unsigned b)
{
    unsigned live = a64_live(e);
    if (live & (NEED_NZCV & ~(unsigned)NEED_Z)) {
        a64_mrs(e, A64_TMP3, A64_NZCV);
        a64_cmp(e, A64_X, a, b);
        a64_cset(e, A64_W, A64_TMP5, A64_EQ);
        a64_bfi(e, A64_X, A64_TMP3, A64_TMP5, 30, 1);
        a64_msr(e, A64_NZCV, A64_TMP3);
    } else if (live & NEED_Z) {
        a64_cmp(e, A64_X, a, b);
        e->form = FORM_SUB;
    }
}

static bool op_cmpxchg8b(struct emit *e, const struct insn *in)
{
    struct place p;
    if (!place_of(e, in, &p))
        return false;
    a64_orr_sh(e, A64_X, OPERAND, A64_EAX, A64_EDX, A64_LSL, 32);
    a64_orr_sh(e, A64_X, SRC, A64_EBX, A64_ECX, A64_LSL, 32);
    exchange_if_equal(e, &p, OPERAND, SRC);
    zero_flag(e, OLD, OPERAND);
    a64_mov(e, A64_W, A64_EAX, OLD);
    a64_lsr_imm(e, A64_X, A64_EDX, OLD, 32);
    return true;
}

bool a64_lock(struct emit *e, const struct insn *in)
{
    if (in->op == OP_MFENCE && e->tr->ordered)
        a64_dmb_ish(e);
    if (in->op == OP_MFENCE || in->op == OP_LFENCE || in->op == OP_SFENCE)
        return true;
    if (in->o[0].kind != OPND_MEM && (in->op != OP_XCHG || in->o[1].kind != OPND_MEM))
        return false;
    switch (in->op) {
    case OP_ADD: case OP_SUB: case OP_INC: case OP_DEC: case OP_NEG: case OP_XADD:
        return op_sum(e, in);
    case OP_ADC: case OP_SBB: return op_sum_carry(e, in);
    case OP_AND: case OP_OR: case OP_XOR: case OP_NOT: return op_logic(e, in);
    case OP_BTS: case OP_BTR: case OP_BTC: return op_bit(e, in);
    case OP_XCHG: return op_xchg(e, in);
    case OP_CMPXCHG: return op_cmpxchg(e, in);
    case OP_CMPXCHG8B: return op_cmpxchg8b(e, in);
    default: return false;
    }
}
