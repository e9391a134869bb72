/* Code segments with a limit: a block that lies within it runs as any other; one that reaches
 * beyond is executed instruction by instruction, until the one that does not fit faults. Such
 * blocks are not linked, so that every one of them passes here: neither what follows a block nor
 * the segment of an address is part of its identity. */
#include "core/flags.h"
#include "interp/priv.h"
#include "runtime/runtime.h"

/* Offset in the code segment of the last byte that `in` needs to have fetched. */
static uint32_t last_offset(const struct cpu *c, const struct insn *in)
{
    gaddr last = in->op == OP_FETCH_FAULT ? in->imm : in->eip + in->len - (in->len != 0);
    return last - c->seg_base[SEG_CS];
}

static const struct insn *last_of_block(const struct insn *in)
{
    while (!(in->flags & INSN_END))
        in++;
    return in->op == OP_END_BLOCK ? in - 1 : in;
}

const struct insn *limit_lookup(struct thread *t)
{
    struct cpu *c = &t->cpu;
    uint32_t limit = c->seg[SEG_CS].limit;
    c->exit_links = NULL;
    if (c->eip - c->seg_base[SEG_CS] <= limit) {
        const struct insn *first = cache_lookup(t);
        c->jump_cache[jump_cache_index(c->eip)].first = NULL;
        if (last_offset(c, last_of_block(first)) <= limit)
            return first;
        first = cache_step(t);
        if (last_offset(c, first) <= limit)
            return first;
    }
    c->trap = (struct cpu_trap){.vec = TRAP_GP, .addr = c->trap.addr};
    c->exit = EXIT_TRAP;
    return NULL;
}
