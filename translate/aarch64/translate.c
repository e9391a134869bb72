/* A region of instructions -> AArch64 code, in one pass. Behind the code come what is executed rarely
 * (ways out of the region, ways to the interpreter) and the constants. A guest call is a BL that pushes
 * the pair of return addresses, guest's and host's; a guest return pops it and compares. */
#include "translate/translate.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "decode/decode.h"
#include "translate/aarch64/int.h"
#include "translate/aarch64/live.h"
#include "translate/aarch64/offsets.h"
#include "translate/aarch64/priv.h"
#include "translate/aarch64/simd.h"
#include "translate/aarch64/stubs.h"
#include "translate/aarch64/x87.h"

enum { ROOM_PER_INSN = 512, COLD_PER_INSN = 96 };

/* A branch within the region. */
struct fix {
    uint32_t at;
    uint16_t index;
};
/* A branch out of the region, whose stub follows the code. */
struct leave {
    gaddr target;
    uint32_t at;
    bool cond;
};
/* A load of a constant from behind the code. */
struct literal {
    uint32_t at;
    uint64_t value;
    /* value: from FALLBACK on an index; of PAIR the host's (offset) and the guest's return address */
    enum { LIT_32, LIT_64, LIT_PAIR, LIT_PAIR_FLAGS, LIT_FALLBACK, LIT_INSN, LIT_EXIT } kind;
};
/* The way to the interpreter of one instruction, or of several up to that one. */
struct slow {
    uint32_t at, back;
    uint16_t index, first;
    uint8_t form, form_back;
    uint8_t how; /* 0: at once; BY_FPSR... */
    struct a64_x87_state x87, x87_back;
};

static struct fix fixes[TRANSLATE_INSN_MAX * 3];
static struct leave leaves[TRANSLATE_INSN_MAX * 2];
static struct literal literals[TRANSLATE_INSN_MAX * 8];
static struct slow slows[TRANSLATE_INSN_MAX * 4];
static unsigned nfixes, nleaves, nliterals, nslows;
static uint16_t fallback_of[TRANSLATE_INSN_MAX]; /* number in tr->fallback + 1 */
static bool short_branches; /* TBZ reaches everything */
/* Branches of returns to what is not mirrored, what their flags follow from, */
static struct miss {
    uint32_t at, popped;
    int32_t owed;
    uint8_t form; /* or else what C means */
} misses[TRANSLATE_INSN_MAX];
static unsigned nmisses;
/* Branches of indirect jumps that owe flags, to where they are made. */
static struct due {
    uint32_t at;
    int32_t owed;
} dues[TRANSLATE_INSN_MAX];
static unsigned ndues;

/* ---- what is translated ---- */

bool translate_available(void)
{
    return true;
}

/* ---- constants ---- */

static void load_literal(struct emit *e, enum a64_literal op, unsigned t, unsigned kind, uint64_t value)
{
    literals[nliterals++] = (struct literal){emit_off(e), value, kind};
    a64_must(a64_ldr_lit(e, op, t, 0));
}

void a64_const(struct emit *e, unsigned d, uint32_t imm)
{
    uint8_t *at = e->p;
    if (a64_mov_imm32(e, d, imm) == 1)
        return;
    e->p = at;
    load_literal(e, A64_LIT_LDR_W, d, LIT_32, imm);
}

void a64_const64(struct emit *e, unsigned d, uint64_t imm)
{
    load_literal(e, A64_LIT_LDR_X, d, LIT_64, imm);
}

/* ---- jumps ---- */

static void fix_to(struct emit *e, unsigned index)
{
    fixes[nfixes++] = (struct fix){emit_off(e), (uint16_t)index};
}

static bool next_is(const struct emit *e, gaddr eip)
{
    return e->index + 1 < e->tr->n && e->tr->insn[e->index + 1].in->eip == eip;
}

/* The branch that comes next leads to the guest's eip. */
static void leads_to(struct emit *e, gaddr eip, bool cond)
{
    const struct insn *in = e->tr->insn[e->index].in;
    bool known = (in->flags & INSN_END) && in->o[0].kind == OPND_REL && in->imm == eip;
    int to = known ? a64_flow[e->index].target : translate_find(e->tr, eip);
    if (to >= 0)
        fix_to(e, (unsigned)to);
    else
        leaves[nleaves++] = (struct leave){eip, emit_off(e), cond};
}

/* Goes on at `eip`: by falling through if that is what comes next. */
static void go_on(struct emit *e, gaddr eip)
{
    if (next_is(e, eip))
        return;
    leads_to(e, eip, false);
    a64_must(a64_b(e, 0));
}

/* ---- calls and returns ---- */

static void far_branch(struct emit *e, bool link, const void *to)
{
    struct translation *tr = e->tr;
    tr->reloc[tr->relocs++] = (struct tr_reloc){emit_off(e), A64_RELOC_BRANCH, TR_IMAGE, (uintptr_t)to};
    a64_must(link ? a64_bl(e, 0) : a64_b(e, 0));
}

void a64_call(struct emit *e, const void *routine)
{
    far_branch(e, true, routine);
}

/* Where a region with AVX instructions is entered, and behind its calls: v8-v15 become the upper halves of ymm0-7. */
static void look_for_ymm(struct emit *e)
{
    a64_cpu_load(e, A64_LDR_W, A64_TMP0, offsetof(struct cpu, host.ymm_live));
    a64_must(a64_cbnz(e, A64_W, A64_TMP0, 8));
    far_branch(e, true, a64_x87_load_ymm);
}

static void push_return(struct emit *e, gaddr next)
{
    a64_const(e, A64_TMP0, next);
    a64_push(e, A64_TMP0);
}

enum { STORES = 2 }; /* between the load of the pair and what follows */

/* The guest's return address, and the pair of it and the host's, which is behind the BL or BLR that follows at
 * once (after `between` instructions). */
static void push_returns(struct emit *e, gaddr next, unsigned between)
{
    bool flags = a64_live_at_landing(e->index);
    if (!a64_fences(e) && !e->paired) {
        uint64_t back = emit_off(e) + 4u * (1 + STORES + between + 1);
        load_literal(e, A64_LIT_LDR_Q, A64_VTMP0, flags ? LIT_PAIR_FLAGS : LIT_PAIR,
                     back << 32 | next);
        a64_must(a64_ldst_index(e, A64_STR_S, A64_VTMP0, A64_ESP, -4, A64_PRE));
        a64_must(a64_ldst_index(e, A64_STR_Q, A64_VTMP0, A64_SP, -16, A64_PRE));
        return;
    }
    if (!e->paired)
        push_return(e, next);
    if (flags)
        a64_must(a64_orr_imm(e, A64_X, A64_TMP0, A64_TMP0, UINT64_C(1) << A64_PAIR_FLAGS_BIT));
    a64_must(a64_adr(e, A64_TMP1, 4 * (3 + between)));
    a64_must(a64_ldst_pair(e, A64_STP_X, A64_TMP0, A64_TMP1, A64_SP, -16, A64_PAIR_PRE));
}

/* x17 = code of the guest address in w16. */
static void look_up(struct emit *e)
{
    if (translate_narrow) /* as if the entry were empty */
        a64_mov(e, A64_X, A64_STUB, A64_ZR);
    else
        a64_ldst_reg(e, A64_LDRSW, A64_STUB, A64_TABLE, A64_TARGET, A64_UXTW, true);
    a64_add(e, A64_X, A64_STUB, A64_STUB, A64_TABLE_BASE);
}

/* w16 = operand of an indirect jump or call. */
static void indirect_target(struct emit *e, const struct insn *in)
{
    struct a64_mem m;
    if (in->o[0].kind == OPND_GPR) {
        a64_mov(e, A64_W, A64_TARGET, a64_gpr(in->o[0].reg));
    } else {
        a64_must(a64_mem_indexed(e, in, 2, &m));
        a64_load(e, A64_LDR_W, A64_TARGET, &m);
    }
}

void a64_count(struct emit *e, int n)
{
    if (!e->tr->count || !n)
        return;
    a64_cpu_load(e, A64_LDR_X, A64_STUB, offsetof(struct cpu, insn_count));
    if (n > 0)
        a64_must(a64_add_imm(e, A64_X, A64_STUB, A64_STUB, (unsigned)n));
    else
        a64_must(a64_sub_imm(e, A64_X, A64_STUB, A64_STUB, (unsigned)-n));
    a64_cpu_store(e, A64_STR_X, A64_STUB, offsetof(struct cpu, insn_count));
}

/* The callee's two instructions instead of the call. */
static void call_thunk(struct emit *e, const struct tr_insn *t)
{
    struct translation *tr = e->tr;
    struct a64_mem m = a64_at(A64_ESP, -4);
    a64_const(e, A64_TMP0, t->in->next);
    a64_store(e, A64_STR_W, A64_TMP0, &m);
    a64_mov(e, A64_W, a64_gpr(t->thunk->o[0].reg), A64_TMP0);
    unsigned i = 0;
    while (i < tr->copies && tr->copied[i] != t->in->imm)
        i++;
    if (i == tr->copies)
        tr->copied[tr->copies++] = t->in->imm;
    a64_count(e, 2);
    go_on(e, t->in->next);
}

static void call(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    if (a64_is_thunk(e->tr, e->index)) {
        call_thunk(e, t);
        return;
    }
    if (in->o[0].kind == OPND_REL) {
        if (in->imm == in->next) { /* only to learn eip */
            if (!e->paired)
                push_return(e, in->next);
            go_on(e, in->next);
            return;
        }
        push_returns(e, in->next, 0);
        leads_to(e, in->imm, false);
        a64_must(a64_bl(e, 0));
        if (e->ymm)
            look_for_ymm(e);
    } else {
        indirect_target(e, in);
        push_returns(e, in->next, 2);
        look_up(e);
        a64_blr(e, A64_STUB);
        if (e->ymm)
            look_for_ymm(e);
    }
    go_on(e, in->next);
}

static void ret(struct emit *e, const struct insn *in)
{
    unsigned more = in->nopnd ? in->imm & 0xffff : 0;
    if (!e->paired)
        a64_pop(e, A64_TARGET);
    if (more && !a64_add_imm(e, A64_W, A64_ESP, A64_ESP, more)) {
        a64_const(e, A64_TMP0, more);
        a64_add(e, A64_W, A64_ESP, A64_ESP, A64_TMP0);
    }
    int32_t owed = a64_owed[e->index];
    if (!owed && e->form == FORM_SUB && translate_return_jumps(e->tr, e->index, a64_leader)) {
        look_up(e);
        a64_br(e, A64_STUB);
        return;
    }
    a64_must(a64_ldst_pair(e, A64_LDP_X, A64_TMP0, A64_LR, A64_SP, 16, A64_PAIR_POST));
    /* what the pair says of flags matters if they are not there */
    unsigned sf = owed || e->form != FORM_SUB ? A64_X : A64_W;
    a64_eor(e, sf, A64_TMP0, A64_TMP0, A64_TARGET);
    misses[nmisses++] = (struct miss){emit_off(e), 4 + more, owed, e->form};
    a64_must(a64_cbnz(e, sf, A64_TMP0, 0));
    a64_ret(e);
}

static void jmp(struct emit *e, const struct insn *in)
{
    if (in->o[0].kind == OPND_REL) {
        go_on(e, in->imm);
        return;
    }
    indirect_target(e, in);
    look_up(e);
    if (a64_owed[e->index]) { /* the target may read flags */
        dues[ndues++] = (struct due){emit_off(e), a64_owed[e->index]};
        a64_must(a64_tbnz(e, A64_STUB, A64_READS_FLAGS, 0));
    }
    a64_br(e, A64_STUB);
}

/* ---- conditional jumps ---- */

static bool is_next_jcc(const struct emit *e, unsigned cc)
{
    unsigned i = e->index + 1;
    if (i >= e->tr->n || a64_leader[i])
        return false;
    const struct insn *in = e->tr->insn[e->index].in, *j = e->tr->insn[i].in;
    return j->op == OP_JCC && j->eip == in->next && (j->cc & 14) == cc && translate_handles(j, e->tr->mode) &&
           !(a64_live_out[i] & a64_kills(in));
}

static bool fuse(struct emit *e, unsigned kind, unsigned r, unsigned bit, bool sense)
{
    bool has_slow_path = e->tr->insn[e->index].in->seg == SEG_FS;
    if ((kind == FUSE_BIT && !short_branches) || has_slow_path)
        return false;
    e->fused = (struct a64_fused){(uint8_t)kind, (uint8_t)r, (uint8_t)bit, sense};
    return true;
}

bool a64_fuse_sum(struct emit *e, unsigned r)
{
    if (is_next_jcc(e, 4))
        return fuse(e, FUSE_ZERO, r, 0, true);
    return is_next_jcc(e, 8) && fuse(e, FUSE_BIT, r, 31, true);
}

bool a64_fuse_result(struct emit *e, unsigned r)
{
    return a64_fuse_sum(e, r) || (is_next_jcc(e, 12) && fuse(e, FUSE_BIT, r, 31, true));
}

bool a64_fuse_bit(struct emit *e, unsigned r, uint32_t mask)
{
    return mask && !(mask & (mask - 1)) && is_next_jcc(e, 4) &&
           fuse(e, FUSE_BIT, r, (unsigned)__builtin_ctz(mask), false);
}

bool a64_fuse_carry(struct emit *e, unsigned r, unsigned bit)
{
    return is_next_jcc(e, 2) && fuse(e, FUSE_BIT, r, bit, true);
}

void a64_condition(struct emit *e, unsigned d, unsigned cc)
{
    enum a64_cond c = a64_cond_of(e, cc);
    if (c != A64_AL) {
        a64_cset(e, A64_W, d, c);
        return;
    }
    a64_get_odd_parity(e, d);
    if (!(cc & 1))
        a64_must(a64_eor_imm(e, A64_W, d, d, 1));
    a64_must(a64_and_imm(e, A64_W, d, d, 1));
}

/* Whether the form has the condition, or A64_PF. */
static bool has_condition(const struct emit *e, unsigned cc)
{
    return a64_cond_of(e, cc) != A64_AL || ((cc & 14) == 10 && e->form != FORM_FCMP);
}

/* A jump to eip if the condition holds. */
static void jump_if(struct emit *e, unsigned cc, gaddr eip)
{
    struct a64_fused f = e->fused;
    enum a64_cond c = a64_cond_of(e, cc);
    bool yes = !(cc & 1);
    if (!f.kind && c == A64_AL) { /* PF */
        a64_get_odd_parity(e, A64_TMP0);
        if (short_branches) {
            f = (struct a64_fused){FUSE_BIT, A64_TMP0, 0, false};
        } else {
            a64_must(a64_and_imm(e, A64_W, A64_TMP0, A64_TMP0, 1));
            f = (struct a64_fused){FUSE_ZERO, A64_TMP0, 0, true};
        }
    }
    leads_to(e, eip, true);
    if (f.kind == FUSE_ZERO)
        a64_must(yes ? a64_cbz(e, A64_W, f.reg, 0) : a64_cbnz(e, A64_W, f.reg, 0));
    else if (f.kind == FUSE_BIT)
        a64_must(yes == f.sense ? a64_tbnz(e, f.reg, f.bit, 0) : a64_tbz(e, f.reg, f.bit, 0));
    else
        a64_must(a64_bcond(e, c, 0));
}

static void jcc(struct emit *e, const struct insn *in)
{
    if (next_is(e, in->imm) && !next_is(e, in->next)) {
        jump_if(e, (in->cc & 15) ^ 1, in->next);
        return;
    }
    jump_if(e, in->cc & 15, in->imm);
    go_on(e, in->next);
}

static void loop(struct emit *e, const struct insn *in)
{
    uint8_t *done = NULL;
    if (in->op == OP_JCXZ) {
        leads_to(e, in->imm, true);
        a64_must(a64_cbz(e, A64_W, A64_ECX, 0));
        go_on(e, in->next);
        return;
    }
    a64_must(a64_sub_imm(e, A64_W, A64_ECX, A64_ECX, 1));
    if (in->op != OP_LOOP) {
        done = e->p;
        a64_must(a64_cbz(e, A64_W, A64_ECX, 0));
        leads_to(e, in->imm, true);
        a64_must(a64_bcond(e, in->op == OP_LOOPE ? A64_EQ : A64_NE, 0));
        a64_must(a64_here(e, done));
    } else {
        leads_to(e, in->imm, true);
        a64_must(a64_cbnz(e, A64_W, A64_ECX, 0));
    }
    go_on(e, in->next);
}

/* ---- instructions ---- */

void a64_slow_run(struct emit *e, uint8_t *at, unsigned first)
{
    slows[nslows++] = (struct slow){(uint32_t)(at - e->tr->code), 0, (uint16_t)e->index,
                                    (uint16_t)first, e->form, 0, 0, e->x87, e->x87};
}

void a64_slow_fpsr(struct emit *e, uint8_t *at, unsigned first, unsigned how)
{
    a64_slow_run(e, at, first);
    slows[nslows - 1].how = (uint8_t)(how | BY_FPSR);
}

void a64_slow_page(struct emit *e, uint8_t *at, unsigned first, unsigned how)
{
    a64_slow_run(e, at, first);
    slows[nslows - 1].how = (uint8_t)how;
}

void a64_slow(struct emit *e, uint8_t *at)
{
    a64_slow_run(e, at, e->index);
}

static void call_interpreter(struct emit *e, unsigned i)
{
    struct translation *tr = e->tr;
    if (!fallback_of[i]) {
        tr->fallback[tr->fallbacks++] = tr->insn[i].in;
        fallback_of[i] = (uint16_t)tr->fallbacks;
    }
    load_literal(e, A64_LIT_LDR_X, A64_TARGET, LIT_FALLBACK, fallback_of[i] - 1u);
    far_branch(e, true, a64_interp);
}

/* By the interpreter's function; code goes on behind. */
static void interpret(struct emit *e)
{
    a64_settle_flags(e, a64_live_in[e->index]);
    call_interpreter(e, e->index);
}

/* Left to the interpreter for good: it may change what comes next. */
static void leave_at(struct emit *e)
{
    a64_count(e, -(int)translate_counts(e->tr->insn[e->index].in));
    load_literal(e, A64_LIT_LDR_X, A64_TARGET, LIT_INSN, e->index);
    far_branch(e, false, a64_exit_insn);
}

static void transfer(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    switch (in->op) {
    case OP_CALL: call(e, t); break;
    case OP_RET: ret(e, in); break;
    case OP_JMP: jmp(e, in); break;
    case OP_JCC: jcc(e, in); break;
    default: loop(e, in); break;
    }
    e->form = FORM_SUB;
}

/* Brings the flags into the form that the instruction wants, before it begins. */
static void prepare(struct emit *e, const struct insn *in)
{
    /* settled when it misses */
    bool is_return = in->op == OP_RET && translate_handles(in, e->tr->mode) && !e->tr->all_flags;
    if (a64_leader[e->index]) /* FORM_SUB */
        return;
    switch (in->op) {
    case OP_ADC: a64_want_form(e, FORM_ADD); break;
    case OP_SBB: a64_want_form(e, FORM_SUB); break;
    case OP_JCC:
        if (e->fused.kind)
            break;
        if (a64_live_out[e->index] || !has_condition(e, in->cc))
            a64_settle_flags(e, a64_live_in[e->index]);
        break;
    case OP_PUSHF: case OP_LAHF: case OP_SAHF:
    case OP_CMPS: case OP_SCAS: case OP_MOVS: case OP_STOS: /* perhaps they change nothing, and are a loop */
        a64_settle_flags(e, a64_live_in[e->index]);
        break;
    case OP_SETCC: case OP_CMOVCC: case OP_FCMOVCC:
        if (!has_condition(e, in->cc))
            a64_settle_flags(e, a64_live_in[e->index]);
        break;
    default:
        if (decode_op_class(in->op) == CLASS_X87 && !(in->fl_read | in->fl_write))
            break;
        if (((in->flags & INSN_END) && !is_return) || e->form == FORM_FCMP)
            a64_settle_flags(e, a64_live_in[e->index]);
        break;
    }
}

/* ---- pairs ----
 * Two pushes or pops that follow each other (the return address of a call or return included) are one
 * access. Faults exactly: base and memory are as they were, so the interpreter executes the first
 * and, if that does not fault, the second. */

static bool pushes_value(const struct insn *in)
{
    const struct opnd *o = &in->o[0];
    return in->op == OP_PUSH && in->opsize == 4 &&
           (o->kind == OPND_IMM || (o->kind == OPND_GPR && o->reg != REG_ESP));
}

static bool pops_register(const struct insn *in)
{
    return in->op == OP_POP && in->opsize == 4 && in->o[0].kind == OPND_GPR && in->o[0].reg != REG_ESP;
}

/* `tmp`, if it is a return address. */
static unsigned pushed_value(struct emit *e, const struct insn *in, unsigned tmp)
{
    if (in->op != OP_CALL && in->o[0].kind == OPND_GPR)
        return a64_gpr(in->o[0].reg);
    struct a64_val v = {true, in->imm, 0};
    if (in->op != OP_CALL)
        return a64_val_reg(e, &v);
    a64_const(e, tmp, in->next);
    return tmp;
}

static unsigned stored_value(struct emit *e, const struct insn *in)
{
    struct a64_val v = {in->o[1].kind == OPND_IMM, in->imm, 0};
    if (!v.is_imm)
        v.reg = a64_gpr(in->o[1].reg);
    return a64_val_reg(e, &v);
}

static bool push_two(struct emit *e, const struct insn *a, const struct insn *b)
{
    bool calls = b->op == OP_CALL && b->o[0].kind == OPND_REL && translate_handles(b, e->tr->mode) &&
                 !a64_is_thunk(e->tr, e->index + 1);
    if (!pushes_value(a) || !(calls || pushes_value(b)))
        return false;
    unsigned high = pushed_value(e, a, A64_TMP1), low = pushed_value(e, b, A64_TMP0);
    a64_must(a64_ldst_pair(e, A64_STP_W, low, high, A64_ESP, -8, A64_PAIR_PRE));
    return true;
}

static bool pop_two(struct emit *e, const struct insn *a, const struct insn *b)
{
    bool returns = b->op == OP_RET && translate_handles(b, e->tr->mode);
    if (!pops_register(a) || !(returns || (pops_register(b) && a->o[0].reg != b->o[0].reg)))
        return false;
    unsigned low = a64_gpr(a->o[0].reg), high = returns ? A64_TARGET : a64_gpr(b->o[0].reg);
    a64_must(a64_ldst_pair(e, A64_LDP_W, low, high, A64_ESP, 8, A64_PAIR_POST));
    return true;
}

/* A move of 4 bytes to or from memory, at base + displacement. */
static bool moves_word(const struct emit *e, const struct insn *in, bool load)
{
    const struct opnd *mem = &in->o[load], *other = &in->o[!load];
    if (in->op != OP_MOV || mem->kind != OPND_MEM || mem->size != 4 || in->base == REG_ZERO ||
        in->index != REG_ZERO || in->flags & (INSN_ADDR16 | INSN_MISALIGNED))
        return false;
    return (other->kind == OPND_GPR || (other->kind == OPND_IMM && !load)) && in->seg < SEG_FS &&
           translate_segment_ok(in, e->tr->mode);
}

/* Stores only upwards: should the upper one fault, the lower one has been done. */
static bool move_two(struct emit *e, const struct insn *a, const struct insn *b)
{
    bool load = a->o[0].kind == OPND_GPR;
    if (!moves_word(e, a, load) || !moves_word(e, b, load) || a->base != b->base)
        return false;
    bool up = b->disp == a->disp + 4, down = load && a->disp == b->disp + 4;
    int32_t low = (int32_t)(up ? a->disp : b->disp);
    if (!(up || down) || low < -256 || low > 252 || low % 4)
        return false;
    if (load && (a->o[0].reg == a->base || a->o[0].reg == b->o[0].reg))
        return false;
    unsigned x = load ? a64_gpr(a->o[0].reg) : stored_value(e, a);
    unsigned y = load ? a64_gpr(b->o[0].reg) : stored_value(e, b);
    a64_must(a64_ldst_pair(e, load ? A64_LDP_W : A64_STP_W, up ? x : y, up ? y : x,
                           a64_gpr(a->base), low, A64_PAIR));
    return true;
}

/* The current instruction and the next one, of which then only the rest remains to be done. */
static bool pair(struct emit *e, const struct insn *in)
{
    unsigned i = e->index + 1;
    if (a64_fences(e) || e->x87.on || !next_is(e, in->next) || a64_leader[i])
        return false;
    const struct insn *next = e->tr->insn[i].in;
    e->paired = push_two(e, in, next) || pop_two(e, in, next) || move_two(e, in, next);
    return e->paired;
}

typedef bool (*emit_fn)(struct emit *, const struct tr_insn *);

static bool try(struct emit *e, const struct tr_insn *t, emit_fn f)
{
    struct emit start = *e;
    unsigned lits = nliterals, n = nslows;
    if (f(e, t)) {
        for (unsigned i = n; i < nslows; i++) {
            slows[i].back = emit_off(e);
            slows[i].form_back = e->form;
            slows[i].x87_back = e->x87;
        }
        return true;
    }
    *e = start;
    nliterals = lits;
    nslows = n;
    return false;
}

static void insn(struct emit *e, const struct tr_insn *t)
{
    static const emit_fn writers[] = {a64_int, a64_string, a64_simd, a64_x87};
    const struct insn *in = t->in;
    if (a64_simd_delays(e))
        return;
    if (!a64_simd_joins(e))
        a64_count(e, 1);
    if (in->flags & INSN_END) {
        if (translate_handles(in, e->tr->mode))
            transfer(e, t);
        else
            leave_at(e);
        e->fused.kind = FUSE_NONE;
        e->paired = false;
        return;
    }
    bool done = e->paired;
    if (done)
        e->paired = false;
    else
        done = pair(e, in);
    for (unsigned i = 0; i < ARRAY_SIZE(writers) && !done; i++)
        done = try(e, t, writers[i]);
    if (!done) {
        a64_x87_settle(e, e->index - 1);
        interpret(e);
    }
    if (e->index >= e->x87.last)
        a64_x87_settle(e, e->index);
    if (!next_is(e, in->next) || a64_leader[e->index + 1])
        a64_settle_flags(e, a64_live_out[e->index]);
    go_on(e, in->next);
}

/* ---- behind the code ---- */

static void point(struct emit *e, uint32_t at, uint32_t to)
{
    if (!a64_retarget(e->tr->code + at, (int64_t)to - at))
        e->failed = true;
}

static void exit_stub(struct emit *e, const struct leave *l)
{
    struct translation *tr = e->tr;
    struct tr_exit *x = &tr->exit[tr->exits];
    x->target = l->target;
    x->patch = l->at;
    if (l->cond) { /* the condition reaches only so far */
        x->patch = emit_off(e);
        point(e, l->at, x->patch);
        a64_must(a64_b(e, 4));
    }
    x->stub = emit_off(e);
    if (!l->cond)
        point(e, l->at, x->stub);
    load_literal(e, A64_LIT_LDR_X, A64_TARGET, LIT_EXIT, tr->exits++);
    far_branch(e, false, a64_exit_direct);
}

static void unsettle_fcmp(struct emit *e)
{
    if (a64_has.flagm2) {
        a64_xaflag(e);
        return;
    }
    a64_cset(e, A64_W, A64_TMP0, A64_CS);
    a64_cset(e, A64_W, A64_TMP1, A64_EQ);
    a64_orr(e, A64_W, A64_TMP2, A64_TMP0, A64_TMP1);  /* C: not less */
    a64_and(e, A64_W, A64_TMP3, A64_TMP0, A64_TMP1);  /* Z: equal */
    a64_bic(e, A64_W, A64_TMP4, A64_TMP1, A64_TMP0);  /* V: unordered */
    a64_must(a64_eor_imm(e, A64_W, A64_TMP5, A64_TMP2, 1)); /* N: less */
    a64_lsl_imm(e, A64_W, A64_TMP4, A64_TMP4, 28);
    a64_orr_sh(e, A64_W, A64_TMP4, A64_TMP4, A64_TMP2, A64_LSL, 29);
    a64_orr_sh(e, A64_W, A64_TMP4, A64_TMP4, A64_TMP3, A64_LSL, 30);
    a64_orr_sh(e, A64_W, A64_TMP4, A64_TMP4, A64_TMP5, A64_LSL, 31);
    a64_msr(e, A64_NZCV, A64_TMP4);
}

static void unsettle(struct emit *e, uint8_t form)
{
    if (form == FORM_ADD)
        a64_flip_c(e);
    else if (form == FORM_FCMP)
        unsettle_fcmp(e);
}

/* From settled flags to the form that is expected behind them. */
static void interpret_all(struct emit *e, unsigned first, unsigned last, uint8_t form_back)
{
    for (unsigned i = first; i <= last; i++) {
        a64_count(e, i > first);
        call_interpreter(e, i);
    }
    unsettle(e, form_back);
}

void a64_interpret_run(struct emit *e, unsigned first, unsigned last, unsigned counted, uint8_t form_back,
                       uint32_t back)
{
    a64_settle_flags(e, a64_live_in[first]);
    interpret_all(e, first, last, form_back);
    a64_count(e, (int)counted - (int)last);
    a64_must(a64_b(e, (int64_t)back - emit_off(e)));
}

static void slow_stub(struct emit *e, const struct slow *s)
{
    e->index = s->index;
    e->form = s->form;
    a64_x87_slow_begin(e, &s->x87);
    a64_settle_flags(e, a64_live_in[s->first] | a64_live_in[s->index]);
    interpret_all(e, s->first, s->index, s->form_back);
    a64_x87_slow_end(e, &s->x87_back);
    a64_must(a64_b(e, (int64_t)s->back - emit_off(e)));
}

/* Back behind the branch unless FPSR has a bit that matters, or a store crosses the end of a page. */
static void look_closely(struct emit *e, const struct slow *s)
{
    point(e, s->at, emit_off(e));
    if (s->how & (PAGE_END_16 | PAGE_END_32)) {
        a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_TMP0, s->how - 1u));
        a64_must(a64_cbz(e, A64_W, A64_TMP1, (int64_t)s->at + 4 - emit_off(e)));
        return;
    }
    a64_cpu_load(e, A64_LDR_W, A64_TMP1, offsetof(struct cpu, host.fp_bits));
    if (s->how & BY_FPSR_IDC)
        a64_must(a64_orr_imm(e, A64_W, A64_TMP1, A64_TMP1, FPSR_IDC));
    a64_and(e, A64_W, A64_TMP1, A64_TMP0, A64_TMP1);
    if (s->how & LOW_BITS) {
        a64_ubfx(e, A64_W, A64_TMP2, A64_TMP0, 8, 12);
        a64_orr(e, A64_W, A64_TMP1, A64_TMP1, A64_TMP2);
    }
    a64_must(a64_cbz(e, A64_W, A64_TMP1, (int64_t)s->at + 4 - emit_off(e)));
    if (s->how & NZCV_IN_TMP3)
        a64_msr(e, A64_NZCV, A64_TMP3);
}

static void slow_stubs(struct emit *e)
{
    for (unsigned i = 0; i < nslows; i++) {
        bool again = i > 0 && slows[i].index == slows[i - 1].index && !slows[i].x87.on;
        if (slows[i].how)
            look_closely(e, &slows[i]);
        if (!again)
            e->slow_at = emit_off(e);
        if (!slows[i].how)
            point(e, slows[i].at, e->slow_at);
        else if (again)
            a64_must(a64_b(e, (int64_t)e->slow_at - emit_off(e)));
        if (!again)
            slow_stub(e, &slows[i]);
    }
}

/* Behind the last instruction, where traps may stand: what goes back to a caller that wants the flags
 * jumps to an address that only the run knows. Returns with nothing to make share one way. */
static void return_misses(struct emit *e)
{
    uint32_t shared = 0;
    for (unsigned i = 0; i < nmisses; i++) {
        const struct miss *m = &misses[i];
        bool plain = !m->owed && m->form == FORM_SUB;
        point(e, m->at, plain && shared ? shared : emit_off(e));
        if (plain && shared)
            continue;
        if (plain) {
            shared = emit_off(e);
            far_branch(e, false, a64_return_miss);
            continue;
        }
        e->form = m->form;
        if (m->owed)
            a64_pay(e, m->owed, m->popped);
        else
            a64_settle_flags(e, NEED_ALL);
        a64_must(a64_eor_imm(e, A64_X, A64_TMP0, A64_TMP0, UINT64_C(1) << A64_PAIR_FLAGS_BIT));
        a64_must(a64_cbz(e, A64_X, A64_TMP0, 8));
        far_branch(e, false, a64_return_miss);
        a64_ret(e);
    }
}

/* The flags that an indirect jump owes, for code that may read them. */
static void pay_dues(struct emit *e)
{
    for (unsigned i = 0; i < ndues; i++) {
        point(e, dues[i].at, emit_off(e));
        a64_pay(e, dues[i].owed, 0);
        look_up(e); /* it may be gone */
        a64_must(a64_b(e, (int64_t)dues[i].at + 4 - emit_off(e)));
    }
}

/* Equal constants of 32 bits that are near each other are there once. */
static void put_literals(struct emit *e)
{
    struct translation *tr = e->tr;
    static uint32_t place[ARRAY_SIZE(literals)];
    if (emit_off(e) % 8)
        a64_nop(e);
    for (unsigned i = 0; i < nliterals; i++) {
        const struct literal *l = &literals[i];
        if (l->kind == LIT_32)
            continue;
        place[i] = emit_off(e);
        if (l->kind == LIT_EXIT)
            tr->exit[l->value].stub_id = place[i];
        if (l->kind == LIT_FALLBACK || l->kind == LIT_INSN)
            tr->reloc[tr->relocs++] = (struct tr_reloc){
                place[i], A64_RELOC_ADDRESS, l->kind == LIT_INSN ? TR_INSN : TR_FALLBACK, l->value};
        if (l->kind == LIT_PAIR || l->kind == LIT_PAIR_FLAGS) {
            e64(e, (uint32_t)l->value | (uint64_t)(l->kind == LIT_PAIR_FLAGS) << A64_PAIR_FLAGS_BIT);
            tr->reloc[tr->relocs++] =
                (struct tr_reloc){emit_off(e), A64_RELOC_ADDRESS, TR_CODE, l->value >> 32};
        }
        e64(e, l->kind == LIT_64 ? l->value : 0);
    }
    for (unsigned i = 0; i < nliterals; i++) {
        const struct literal *l = &literals[i];
        if (l->kind != LIT_32)
            continue;
        unsigned k = i > 16 ? i - 16 : 0;
        while (k < i && !(literals[k].kind == LIT_32 && literals[k].value == l->value))
            k++;
        place[i] = k < i ? place[k] : emit_off(e);
        if (k == i)
            e32(e, (uint32_t)l->value);
    }
    for (unsigned i = 0; i < nliterals; i++)
        point(e, literals[i].at, place[i]);
}

/* What comes next can be entered where flags are read, or not (A64_READS_FLAGS). */
static void align_entry(struct emit *e, bool reads)
{
    if ((emit_off(e) >> A64_READS_FLAGS & 1) != reads)
        a64_nop(e);
}

/* Where to enter, if that is not the instruction's code itself. */
static void special_entries(struct emit *e)
{
    struct translation *tr = e->tr;
    for (unsigned i = 0; i < tr->n; i++) {
        if (!tr->insn[i].entry)
            continue;
        uint8_t *start = e->p;
        align_entry(e, a64_live_in[i]);
        uint32_t at = emit_off(e);
        bool reads = a64_live_in[i], odd = tr->off[i] >> A64_READS_FLAGS & 1;
        if (e->ymm)
            look_for_ymm(e);
        if (!a64_memo_restore(e, i) && !e->ymm && (odd || !reads)) {
            e->p = start;
            continue;
        }
        tr->entry[i] = at;
        a64_must(a64_b(e, (int64_t)tr->off[i] - emit_off(e)));
    }
}

/* ---- the region ---- */

static bool pass(struct translation *tr)
{
    struct emit e = {.tr = tr, .p = tr->code, .end = tr->code + TRANSLATE_BYTES_MAX, .ymm = avx_in_region(tr),
                     .afp = a64_afp(), .exact = a64_afp() && !tr->unmasked};
    nfixes = nleaves = nliterals = nslows = nmisses = ndues = 0;
    memset(fallback_of, 0, sizeof fallback_of);
    a64_x87_begin(&e);
    a64_simd_begin();
    a64_memo_begin(&e);
    tr->relocs = tr->exits = tr->fallbacks = tr->copies = 0;
    for (unsigned i = 0; i < tr->n; i++) {
        if (e.end - e.p < ROOM_PER_INSN + (ptrdiff_t)tr->n * COLD_PER_INSN)
            return false;
        e.index = i;
        bool falls = i && (a64_flow[i - 1].next == (int)i || tr->insn[i - 1].in->op == OP_CALL);
        if (tr->insn[i].entry && !falls)
            align_entry(&e, a64_live_in[i]);
        a64_memo_enter(&e);
        prepare(&e, tr->insn[i].in);
        tr->off[i] = tr->entry[i] = emit_off(&e);
        bool stale = e.fused.kind || e.paired;
        tr->adjust[i] = stale ? TRANSLATE_STALE : a64_owed[i] ? a64_owed[i] : e.form | a64_x87_adjust(&e);
        unsigned slow = nslows;
        insn(&e, &tr->insn[i]);
        a64_memo_end(&e, nslows > slow);
    }
    e.memo.cold = true;
    return_misses(&e);
    tr->cold = tr->off[tr->n] = emit_off(&e);
    for (unsigned i = 0; i < nfixes; i++)
        if (!a64_retarget(tr->code + fixes[i].at, (int64_t)tr->off[fixes[i].index] - fixes[i].at))
            return false;
    for (unsigned i = 0; i < nleaves; i++)
        exit_stub(&e, &leaves[i]);
    a64_x87_cold(&e);
    special_entries(&e);
    pay_dues(&e);
    slow_stubs(&e);
    put_literals(&e);
    tr->size = emit_off(&e);
    return !e.failed;
}

bool translate_region(struct translation *tr)
{
    a64_find_live(tr);
    short_branches = tr->n <= A64_SHORT;
    return pass(tr);
}

/* ---- putting it in place ---- */

void translate_reloc(uint8_t *at, unsigned kind, uint64_t value)
{
    enum { REACH = 1 << 25, BITS = 2 * REACH - 1 }; /* in instructions */
    int64_t n = (int64_t)(value - (uintptr_t)at) >> 2;
    if (kind == A64_RELOC_BRANCH) {
        a64_must(n >= -REACH && n < REACH);
        *(uint32_t *)(void *)at = (*(uint32_t *)(void *)at & ~(uint32_t)BITS) | ((uint32_t)n & BITS);
    } else {
        memcpy(at, &value, sizeof value);
    }
}

void translate_flush_icache(const uint8_t *from, const uint8_t *to)
{
    __builtin___clear_cache((char *)(uintptr_t)from, (char *)(uintptr_t)to);
}

/* The caches are right; but a processor that guessed the jump may have fetched the old instructions from them
 * long before, and executes them unless it synchronizes. The kernel can have each of them do so. */
void translate_sync_cores(void)
{
    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
}

void translate_patch(uint8_t *field, const uint8_t *target)
{
    a64_must(a64_retarget(field, target - field));
    translate_flush_icache(field, field + 4);
}

unsigned translate_code_align(void)
{
    return 4;
}
