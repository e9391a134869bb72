/* Choosing what is translated together. */
#include "runtime/region.h"

#include "decode/decode.h"
#include "interp/interp.h"

#include <stdlib.h>
#include <string.h>

enum { SEEN_BITS = 10, SEEN = 1 << SEEN_BITS };

LARGE_BSS struct region region;
static uint16_t seen[SEEN]; /* hash of eip -> index in region.insn + 1 */
static uint16_t first[REGION_BLOCKS + 1]; /* where each member's instructions begin, and the end */

static unsigned seen_slot(gaddr eip)
{
    unsigned h = (eip * 0x9e3779b1u) >> (32 - SEEN_BITS);
    while (seen[h] && region.insn[seen[h] - 1].in->eip != eip)
        h = (h + 1) & (SEEN - 1);
    return h;
}

/* Position-independent code learns its address by calls of functions of two instructions: the one
 * that loads a register with the return address. NULL if `in` is no such call. */
static const struct insn *thunk(const struct insn *in, unsigned mode)
{
    if (in->op != OP_CALL || in->o[0].kind != OPND_REL)
        return NULL;
    static struct insn decoded[8][2]; /* of code from the store; by register: more of one are alike */
    const struct block *b = cache_find(in->imm, mode);
    if (!b || (b->light ? b->end - b->key.eip != 4 : b->n != 2))
        return NULL;
    const struct insn *mov = &b->insn[0], *ret = &b->insn[1];
    if (b->light) {
        struct insn *d = decoded[block_raw(b)[1] >> 3 & 7];
        decode_bytes(block_raw(b), 3, in->imm, mode, &d[0]);
        decode_bytes(block_raw(b) + 3, 1, in->imm + 3, mode, &d[1]);
        mov = &d[0], ret = &d[1];
    }
    bool loads = mov->op == OP_MOV && mov->o[0].kind == OPND_GPR && mov->o[0].size == 4 &&
                 mov->o[0].reg != REG_ESP && mov->o[1].kind == OPND_MEM && mov->base == REG_ESP &&
                 mov->index == REG_ZERO && !mov->disp && mov->seg == SEG_SS;
    return loads && ret->op == OP_RET && ret->opcode == 0xc3 && ret->opsize == 4 ? mov : NULL;
}

/* Adds the block's instructions up to the first that is there already. False: no room. */
static bool add_block(struct block *b)
{
    const uint8_t *raw = block_raw(b);
    unsigned old = region.n;
    for (unsigned i = 0; i < b->n; i++) {
        const struct insn *in = &b->insn[i];
        if (in->op == OP_END_BLOCK) /* no instruction: its address is that of the next */
            break;
        unsigned slot = seen_slot(in->eip);
        if (seen[slot]) {
            region.insn[seen[slot] - 1].entry |= i == 0;
            break;
        }
        if (region.n == TRANSLATE_INSN_MAX) {
            while (region.n > old) /* newest first, so that the probe sequences stay whole */
                seen[seen_slot(region.insn[--region.n].in->eip)] = 0;
            return false;
        }
        region.insn[region.n] = (struct tr_insn){in, raw, i == 0, thunk(in, b->key.mode)};
        seen[slot] = (uint16_t)++region.n;
        raw += in->len;
    }
    first[region.members] = (uint16_t)old;
    region.member[region.members++] = b;
    first[region.members] = (uint16_t)region.n;
    return true;
}

/* A block can be a member if it can be entered: then its unit is retired together with it. */
static bool wanted(const struct block *b)
{
    if (!b || b->unit || region.members == REGION_BLOCKS || b->insn[0].op == OP_CHECK_CODE ||
        !translate_handles(&b->insn[0], b->key.mode))
        return false;
    for (unsigned i = 0; i < region.members; i++)
        if (region.member[i] == b)
            return false;
    return true;
}

static bool add(struct block *b)
{
    return !wanted(b) || add_block(b);
}

/* The block this edge leads to; NULL if it was never executed. The interpreter may not have gone
 * this way itself: translated code links its own edges. */
static struct block *successor(const struct block *b, int slot, gaddr eip)
{
    struct block *to = block_to(b, slot);
    return to ? to : cache_find(eip, b->key.mode);
}

/* The targets of an indirect jump, as far as they are known: if it is a switch's they are neighbours. */
static bool add_ways(const struct block *b, const struct insn *in)
{
    enum { NEAR = 16 << 10 };
    for (unsigned i = 0; i < INTERP_WAYS; i++) {
        uint64_t way = __atomic_load_n(&interp_ways[i], __ATOMIC_RELAXED);
        gaddr to = (gaddr)way;
        if (way >> 32 == in->eip && to - in->eip + NEAR < 2 * NEAR &&
            !add(cache_find(to, b->key.mode)))
            return false;
    }
    return true;
}

/* Known successors that have been executed; `calls`: of calls, too. */
static bool add_successors(const struct block *b, bool calls)
{
    const struct insn *in = &b->insn[b->n - 1];
    switch (in->op) {
    case OP_JCC: case OP_JCXZ: case OP_LOOP: case OP_LOOPE: case OP_LOOPNE:
        return add(successor(b, 0, in->next)) && add(successor(b, 1, in->imm));
    case OP_JMP:
        return in->o[0].kind == OPND_REL ? add(successor(b, 0, in->imm)) : add_ways(b, in);
    case OP_END_BLOCK: return add(successor(b, 0, in->next));
    case OP_CALL:
        return add(cache_find(in->next, b->key.mode)) &&
               (!calls || in->o[0].kind != OPND_REL || add(cache_find(in->imm, b->key.mode)));
    default: return true;
    }
}

static int by_eip(const void *a, const void *b)
{
    gaddr x = ((const struct tr_insn *)a)->in->eip, y = ((const struct tr_insn *)b)->in->eip;
    return x < y ? -1 : x > y;
}

/* The members' instructions follow each other in memory, so it is enough to sort the members; unless
 * one begins within an instruction of another. */
static void sort(void)
{
    static LARGE_BSS struct tr_insn sorted[TRANSLATE_INSN_MAX];
    uint16_t order[REGION_BLOCKS];
    unsigned n = 0, done = 0;
    for (unsigned m = 0; m < region.members; m++) {
        if (first[m] == first[m + 1])
            continue;
        unsigned k = n++;
        for (; k && by_eip(&region.insn[first[order[k - 1]]], &region.insn[first[m]]) > 0; k--)
            order[k] = order[k - 1];
        order[k] = (uint16_t)m;
    }
    bool whole = true;
    for (unsigned k = 0; k < n; k++) {
        const struct tr_insn *t = &region.insn[first[order[k]]];
        unsigned count = first[order[k] + 1] - first[order[k]];
        whole &= !done || by_eip(&sorted[done - 1], t) < 0;
        memcpy(&sorted[done], t, count * sizeof *t);
        done += count;
    }
    memcpy(region.insn, sorted, done * sizeof sorted[0]);
    if (!whole)
        qsort(region.insn, region.n, sizeof region.insn[0], by_eip);
}

/* Places behind calls: nobody goes there directly, but they are about to be executed. */
static unsigned find_missing(gaddr *missing, unsigned max)
{
    unsigned n = 0;
    for (unsigned i = 0; i < region.members && n < max; i++) {
        const struct block *b = region.member[i];
        const struct insn *last = &b->insn[b->n - 1];
        if (last->op == OP_CALL && !cache_find(last->next, b->key.mode))
            missing[n++] = last->next;
    }
    return n;
}

static void choose(struct block *b, bool calls)
{
    region.n = region.members = 0;
    memset(seen, 0, sizeof seen);
    add(b);
    for (unsigned i = 0; i < region.members && add_successors(region.member[i], calls); i++)
        ;
    sort();
}

unsigned region_choose(struct block *b, gaddr *missing, unsigned max)
{
    choose(b, false);
    return find_missing(missing, max);
}

void region_choose_cold(struct block *b)
{
    choose(b, true);
}
