/* What the translators of all hosts share. */
#include "translate/translate.h"

#include <assert.h>
#include <string.h>

#include "translate/offsets.h"

#define AT(field, offset) static_assert(offsetof(struct cpu, field) == (offset), #field)
AT(gpr, CPU_GPR);
AT(eip, CPU_EIP);
AT(cc_res, CPU_CC_RES);
AT(cc_aux, CPU_CC_AUX);
AT(eflags, CPU_EFLAGS);
AT(pending, CPU_PENDING);
AT(exit_links, CPU_EXIT_LINKS);
AT(exit, CPU_EXIT);
AT(mxcsr, CPU_MXCSR);
AT(xmm, CPU_XMM);
AT(host.sp, CPU_HOST_SP);
AT(host.ret_sp, CPU_RET_SP);
AT(host.ret_top, CPU_RET_TOP);
AT(host.table, CPU_TABLE);
AT(host.lines, CPU_LINES);
AT(host.going_to, CPU_GOING_TO);
AT(host.exit_code, CPU_EXIT_CODE);
static_assert(offsetof(struct insn, fn) == INSN_FN && offsetof(struct insn, eip) == INSN_EIP &&
                  offsetof(struct insn, next) == INSN_NEXT, "struct insn");
static_assert((int)EXIT_BRANCH == EXIT_BRANCH_VALUE, "values");

bool translate_narrow, translate_all_flags;

int translate_find(const struct translation *tr, gaddr eip)
{
    unsigned lo = 0, hi = tr->n;
    if (!hi || eip < tr->insn[0].in->eip || eip > tr->insn[hi - 1].in->eip)
        return -1;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (tr->insn[mid].in->eip < eip)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < tr->n && tr->insn[lo].in->eip == eip ? (int)lo : -1;
}

/* The first time is a change, and so is the second of a function that is bound when it is first called. */
enum { MOVED_MAX = 2 };

gaddr translate_guess(const struct insn *in)
{
    const struct insn_links *l = (const struct insn_links *)(in + 1);
    return __atomic_load_n(&l->moved, __ATOMIC_RELAXED) <= MOVED_MAX
               ? __atomic_load_n(&l->led_to, __ATOMIC_RELAXED) : 0;
}

unsigned translate_counts(const struct insn *in)
{
    return ((const struct insn_links *)(in + 1))->n;
}

static bool writes_mem(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM && (in->o[i].access & ACCESS_W))
            return true;
    return false;
}

bool translate_segment_ok(const struct insn *in, unsigned mode)
{
    switch (in->seg) {
    case SEG_FS: return false;
    case SEG_GS: return mode & MODE_GS_PLAIN;
    case SEG_CS: return !writes_mem(in);
    default: return true;
    }
}

/* Of near jumps and calls in 32-bit code. */
static bool target_ok(const struct insn *in, unsigned mode)
{
    const struct opnd *o = &in->o[0];
    return o->kind == OPND_REL || o->kind == OPND_GPR ||
           (o->kind == OPND_MEM && o->size == 4 && translate_segment_ok(in, mode));
}

bool translate_handles(const struct insn *in, unsigned mode)
{
    if (!(in->flags & INSN_END))
        return true;
    if (in->opsize != 4 || (in->flags & INSN_ADDR16))
        return false;
    switch (in->op) {
    case OP_RET: return (in->opcode & 0xf8) != 0xc8; /* else far */
    case OP_CALL: case OP_JMP: return target_ok(in, mode);
    case OP_JCC: case OP_JCXZ: case OP_LOOP: case OP_LOOPE: case OP_LOOPNE: return true;
    default: return false;
    }
}

/* The same for a successor of instruction i, which is mostly the one behind it. */
static void lead_from(const struct translation *tr, unsigned i, gaddr eip, bool *leader)
{
    if (i + 1 < tr->n && tr->insn[i + 1].in->eip == eip)
        leader[i + 1] = true;
    else
        translate_lead(tr, eip, leader);
}

void translate_lead(const struct translation *tr, gaddr eip, bool *leader)
{
    int i = translate_find(tr, eip);
    if (i >= 0)
        leader[i] = true;
}

void translate_find_leaders(const struct translation *tr, bool *leader)
{
    memset(leader, 0, tr->n);
    for (unsigned i = 0; i < tr->n; i++) {
        const struct insn *in = tr->insn[i].in;
        leader[i] |= tr->insn[i].entry;
        if ((in->flags & INSN_END) || (i + 1 < tr->n && in->next != tr->insn[i + 1].in->eip))
            lead_from(tr, i, in->next, leader);
        if ((in->flags & INSN_END) && in->o[0].kind == OPND_REL)
            translate_lead(tr, in->imm, leader);
    }
}
