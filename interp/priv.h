/* What the interpreter's own files share: threading macros, operand access, addresses. */
#ifndef XRUN_INTERP_PRIV_H
#define XRUN_INTERP_PRIV_H

#include <string.h>

#include "core/cpu.h"
#include "core/flags.h"
#include "core/guestmem.h"
#include "core/mem.h"
#include "interp/interp.h"

/* Per class: the function for `in`, or NULL if not implemented. */
insn_fn interp_bind_int(const struct insn *in);
insn_fn interp_bind_string(const struct insn *in);
insn_fn interp_bind_system(const struct insn *in);
insn_fn interp_bind_xsave(const struct insn *in);
insn_fn interp_bind_x87(const struct insn *in);
insn_fn interp_bind_mmx(const struct insn *in);
insn_fn interp_bind_sse(const struct insn *in);
insn_fn interp_bind_avx(const struct insn *in);
insn_fn interp_bind_avx512(const struct insn *in);

#define HANDLER(name) static const struct insn *name(struct cpu *cpu, const struct insn *in)

/* Go on with the following instruction: a sibling call at -O2. */
#ifdef XRUN_NO_TAILCALL
#define NEXT return (void)cpu, in + 1
#else
#define NEXT return in[1].fn(cpu, in + 1)
#endif

/* A handler with local variables whose address escapes: with them in its frame the compiler could
 * not make NEXT a sibling call, and the host stack would grow with every instruction
 * (tests/lint/tailcalls.sh). The body returns with DONE. */
#define BODY(name)                                                                                 \
    static __attribute__((noinline)) void name##_body(struct cpu *cpu, const struct insn *in);     \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        name##_body(cpu, in);                                                                      \
        NEXT;                                                                                      \
    }                                                                                              \
    static void name##_body(struct cpu *cpu, const struct insn *in)
#define DONE return

/* A direct edge of the block's last instruction. */
static inline const struct insn *interp_jump(struct cpu *cpu, const struct insn *in, int slot,
                                             gaddr target)
{
    struct insn_links *l = (struct insn_links *)(uintptr_t)(in + 1);
    const struct insn *n = __atomic_load_n(&l->to[slot], __ATOMIC_RELAXED);
    cpu->eip = target;
    cpu->insn_count += l->n;
    if (likely(n && !cpu->pending)) {
#ifdef XRUN_NO_TAILCALL
        return n;
#else
        return n->fn(cpu, n);
#endif
    }
    cpu->exit_links = l;
    cpu->exit_slot = (uint8_t)slot;
    cpu->exit = EXIT_BRANCH;
    return NULL;
}

static inline unsigned jump_cache_index(gaddr eip)
{
    return (eip ^ eip >> JUMP_CACHE_BITS) & (JUMP_CACHE_SIZE - 1);
}

/* An indirect jump of the block's last instruction. */
static inline const struct insn *interp_jump_indirect(struct cpu *cpu, const struct insn *in,
                                                      gaddr target)
{
    const struct insn_links *l = (const struct insn_links *)(in + 1);
    const struct jump_cache_entry *e = &cpu->jump_cache[jump_cache_index(target)];
    cpu->eip = target;
    cpu->insn_count += l->n;
    const struct insn *n = __atomic_load_n(&e->first, __ATOMIC_RELAXED);
    if (likely(e->eip == target && e->mode == cpu->mode && n && !cpu->pending)) {
#ifdef XRUN_NO_TAILCALL
        return n;
#else
        return n->fn(cpu, n);
#endif
    }
    cpu->exit_links = NULL;
    cpu->exit = EXIT_BRANCH;
    return NULL;
}

/* Leaves the interpreter for a reason that the dispatcher handles; eip must be set. */
static inline const struct insn *interp_exit(struct cpu *cpu, const struct insn *in,
                                             enum cpu_exit why)
{
    cpu->insn_count += ((const struct insn_links *)(in + 1))->n;
    cpu->exit_links = NULL;
    cpu->exit = (uint8_t)why;
    return NULL;
}

/* After a segment register was loaded: what follows may belong to another mode, so no edge may be
 * kept. */
static inline const struct insn *interp_next_mode(struct cpu *cpu, const struct insn *in)
{
    cpu->eip = in->next;
    return interp_exit(cpu, in, EXIT_BRANCH);
}

static inline uint32_t *r32(struct cpu *c, unsigned r) { return &c->gpr[r]; }
static inline uint16_t *r16(struct cpu *c, unsigned r) { return (uint16_t *)&c->gpr[r]; }
static inline uint8_t *r8(struct cpu *c, unsigned r)
{
    return (uint8_t *)&c->gpr[r & 3] + (r >> 2);
}

/* Linear address with segment limit and null checks; raises #GP or #SS. `off` is the offset,
 * already wrapped; `size` in bytes; used when INSN_SEG_CHECK is set. */
gaddr ea_checked(struct cpu *cpu, enum segreg seg, uint32_t off, uint32_t size, bool write);
/* The segment allows that access. */
bool ea_allowed(const struct cpu *cpu, enum segreg seg, uint32_t off, uint32_t size, bool write);

/* Offset of the memory operand within its segment. */
static inline uint32_t ea_offset(const struct cpu *c, const struct insn *in)
{
    uint32_t off = c->gpr[in->base] + (c->gpr[in->index] << in->scale) + in->disp;
    return unlikely(in->flags & INSN_ADDR16) ? off & 0xffff : off;
}

/* Linear address of the memory operand for an access of `size` bytes. Sets cpu->cur. */
static inline gaddr ea(struct cpu *c, const struct insn *in, uint32_t size, bool write)
{
    c->cur = in;
    uint32_t off = ea_offset(c, in);
    if (unlikely(in->flags & INSN_SEG_CHECK))
        return ea_checked(c, in->seg, off, size, write);
    return off + c->seg_base[in->seg];
}

/* Linear address of a part, `size` bytes at `delta` in the memory operand: operands of several
 * parts are checked and accessed one by one. */
static inline gaddr ea_plus(struct cpu *c, const struct insn *in, uint32_t delta, uint32_t size,
                            bool write)
{
    uint32_t off = ea_offset(c, in) + delta;
    if (in->flags & INSN_ADDR16)
        off &= 0xffff;
    c->cur = in;
    if (unlikely(in->flags & INSN_SEG_CHECK))
        return ea_checked(c, in->seg, off, size, write);
    return off + c->seg_base[in->seg];
}

/* Linear address of a stack access of `size` bytes at esp + delta (16-bit stacks wrap). Sets
 * cpu->cur. */
static inline gaddr ea_stack(struct cpu *c, const struct insn *in, int32_t delta, uint32_t size,
                             bool write)
{
    c->cur = in;
    uint32_t sp = c->gpr[REG_ESP] + (uint32_t)delta;
    if (unlikely(c->mode & (MODE_SEGS | MODE_STACK16))) {
        if (c->mode & MODE_STACK16)
            sp &= 0xffff;
        return ea_checked(c, SEG_SS, sp, size, write);
    }
    return sp;
}

/* Faults if n bytes at `a` cannot be written, before anything else happens; on the second of two
 * pages at its first byte, as hardware does. */
static inline void probe_write(gaddr a, unsigned n)
{
    gaddr last = (a + n - 1) & ~(gaddr)GUEST_PAGE_MASK;
    if (!(mem_page_flags(a) & PAGE_W))
        st8(a, 0);
    if (last > a && !(mem_page_flags(last) & PAGE_W))
        st8(last, 0);
}

/* Adds to esp, or to sp on a 16-bit stack. */
static inline void stack_add(struct cpu *c, int32_t delta)
{
    if (unlikely(c->mode & MODE_STACK16))
        *r16(c, REG_ESP) = (uint16_t)(*r16(c, REG_ESP) + delta);
    else
        c->gpr[REG_ESP] += (uint32_t)delta;
}

/* Evaluates condition code 0..15 (SDM vol. 2 appendix B). */
static inline bool cond(const struct cpu *c, unsigned cc)
{
    bool v;
    switch (cc >> 1) {
    case 0: v = flag_of(c); break;
    case 1: v = flag_cf(c); break;
    case 2: v = flag_zf(c); break;
    case 3: v = flag_cf(c) || flag_zf(c); break;
    case 4: v = flag_sf(c); break;
    case 5: v = flag_pf(c); break;
    case 6: v = flag_sf(c) != flag_of(c); break;
    default: v = flag_zf(c) || flag_sf(c) != flag_of(c); break;
    }
    return v ^ (cc & 1);
}

#endif
