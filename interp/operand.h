/* Generic operand access, for operations that are not worth a function per form. */
#ifndef XRUN_INTERP_OPERAND_H
#define XRUN_INTERP_OPERAND_H

#include "interp/atomic.h"
#include "interp/priv.h"

static inline uint32_t reg_read(struct cpu *c, unsigned r, unsigned size)
{
    return size == 4 ? *r32(c, r) : size == 2 ? *r16(c, r) : *r8(c, r);
}

static inline void reg_write(struct cpu *c, unsigned r, unsigned size, uint32_t v)
{
    if (size == 4)
        *r32(c, r) = v;
    else if (size == 2)
        *r16(c, r) = (uint16_t)v;
    else
        *r8(c, r) = (uint8_t)v;
}

static inline uint32_t mem_load(gaddr a, unsigned size)
{
    return size == 4 ? ld32(a) : size == 2 ? ld16(a) : ld8(a);
}

static inline void mem_store(gaddr a, unsigned size, uint32_t v)
{
    if (size == 4)
        st32(a, v);
    else if (size == 2)
        st16(a, (uint16_t)v);
    else
        st8(a, (uint8_t)v);
}

/* The value of operand n. */
static inline uint32_t opnd_read(struct cpu *c, const struct insn *in, unsigned n)
{
    const struct opnd *o = &in->o[n];
    switch (o->kind) {
    case OPND_GPR: return reg_read(c, o->reg, o->size);
    case OPND_MEM: return mem_load(ea(c, in, o->size, false), o->size);
    case OPND_SEG: return c->sel[o->reg];
    default: return in->imm;
    }
}

static inline void opnd_write(struct cpu *c, const struct insn *in, unsigned n, uint32_t v)
{
    const struct opnd *o = &in->o[n];
    if (o->kind == OPND_GPR)
        reg_write(c, o->reg, o->size, v);
    else
        mem_store(ea(c, in, o->size, true), o->size, v);
}

/* A read-modify-write destination (operand 0): read with rmw_begin, written with rmw_end, which
 * returns false if a LOCKed store lost a race and the operation must be computed again. A memory
 * destination faults as a write even if the value does not change. */
struct rmw {
    gaddr a;
    uint32_t old;
};

static inline uint32_t rmw_begin(struct cpu *c, const struct insn *in, struct rmw *m)
{
    const struct opnd *o = &in->o[0];
    m->a = 0;
    if (o->kind == OPND_GPR)
        return m->old = reg_read(c, o->reg, o->size);
    m->a = ea(c, in, o->size, true);
    return m->old = mem_load(m->a, o->size);
}

static inline bool rmw_end(struct cpu *c, const struct insn *in, struct rmw *m, uint32_t v)
{
    const struct opnd *o = &in->o[0];
    if (o->kind == OPND_GPR) {
        reg_write(c, o->reg, o->size, v);
    } else if (in->flags & INSN_LOCK) {
        uint32_t mask = o->size == 4 ? ~0u : (1u << o->size * 8) - 1;
        return atomic_cas(m->a, m->old, v & mask, o->size) == m->old;
    } else {
        mem_store(m->a, o->size, v);
    }
    return true;
}

#endif
