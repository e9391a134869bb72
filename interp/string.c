/* MOVS CMPS STOS LODS SCAS, alone and repeated. ecx, esi, edi are current after every element, so a
 * fault or a signal leaves a state that resumes at the instruction. Runs of MOVS and STOS that
 * cannot overlap go through memmove/memset a page at a time. INS and OUTS need I/O privilege. */
#include "interp/alu.h"
#include "interp/int.h"
#include "interp/operand.h"

enum { POLL_MASK = 0xfff }; /* look for signals every so many elements */

static inline uint32_t addr_mask(const struct insn *in)
{
    return in->flags & INSN_ADDR16 ? 0xffff : ~0u;
}

static inline uint32_t get(const struct cpu *c, const struct insn *in, unsigned r)
{
    return c->gpr[r] & addr_mask(in);
}

static inline void advance(struct cpu *c, const struct insn *in, unsigned r, uint32_t by)
{
    if (in->flags & INSN_ADDR16)
        *r16(c, r) = (uint16_t)(*r16(c, r) + by);
    else
        c->gpr[r] += by;
}

static inline gaddr src(struct cpu *c, const struct insn *in, unsigned size)
{
    uint32_t off = get(c, in, REG_ESI);
    return in->flags & INSN_SEG_CHECK ? ea_checked(c, in->seg, off, size, false)
                                      : off + c->seg_base[in->seg];
}

static inline gaddr dst(struct cpu *c, const struct insn *in, unsigned size, bool write)
{
    uint32_t off = get(c, in, REG_EDI);
    return unlikely(c->mode & MODE_SEGS) ? ea_checked(c, SEG_ES, off, size, write) : off;
}

static void compare(struct cpu *c, uint32_t a, uint32_t b, unsigned size)
{
    if (size == 4)
        alu_SUB(c, a, b, 32);
    else if (size == 2)
        alu_SUB(c, a, b, 16);
    else
        alu_SUB(c, a, b, 8);
}

/* One element; registers move after the accesses. */
static inline void element(struct cpu *c, const struct insn *in, unsigned size, uint32_t step)
{
    uint32_t a, b;
    switch (in->op) {
    case OP_MOVS:
        a = mem_load(src(c, in, size), size);
        mem_store(dst(c, in, size, true), size, a);
        advance(c, in, REG_ESI, step);
        advance(c, in, REG_EDI, step);
        break;
    case OP_STOS:
        mem_store(dst(c, in, size, true), size, reg_read(c, REG_EAX, size));
        advance(c, in, REG_EDI, step);
        break;
    case OP_LODS:
        a = mem_load(src(c, in, size), size);
        reg_write(c, REG_EAX, size, a);
        advance(c, in, REG_ESI, step);
        break;
    case OP_CMPS:
        if ((in->flags & INSN_REP) && size == 1) /* the order shows in faults; as AMD CPUs do it */
            ld8(src(c, in, size));
        b = mem_load(dst(c, in, size, false), size);
        a = mem_load(src(c, in, size), size);
        compare(c, a, b, size);
        advance(c, in, REG_ESI, step);
        advance(c, in, REG_EDI, step);
        break;
    default: /* SCAS */
        b = mem_load(dst(c, in, size, false), size);
        compare(c, reg_read(c, REG_EAX, size), b, size);
        advance(c, in, REG_EDI, step);
        break;
    }
}

static uint32_t count(const struct cpu *c, const struct insn *in)
{
    return get(c, in, REG_ECX);
}

/* How many elements a bulk copy or fill may take at once: up to the page ends. 0: go singly. */
static uint32_t bulk_count(struct cpu *c, const struct insn *in, unsigned size)
{
    if ((in->op != OP_MOVS && in->op != OP_STOS) || (c->eflags & EFL_DF) ||
        (in->flags & (INSN_ADDR16 | INSN_SEG_CHECK)) || (c->mode & MODE_SEGS))
        return 0;
    uint32_t d = c->gpr[REG_EDI], n = (GUEST_PAGE_SIZE - (d & GUEST_PAGE_MASK)) / size;
    if (in->op == OP_MOVS) {
        uint32_t s = c->gpr[REG_ESI], m = (GUEST_PAGE_SIZE - (s & GUEST_PAGE_MASK)) / size;
        if (d - s < GUEST_PAGE_SIZE) /* overlap that propagates */
            return 0;
        if (m < n)
            n = m;
    }
    return n < c->gpr[REG_ECX] ? n : c->gpr[REG_ECX];
}

/* The first and last byte are touched before anything is copied: pages fault as a whole. */
static void bulk(struct cpu *c, const struct insn *in, unsigned size, uint32_t n)
{
    uint32_t bytes = n * size;
    gaddr d = c->gpr[REG_EDI];
    void *hd = (void *)(uintptr_t)d;
    if (in->op == OP_MOVS) {
        gaddr s = c->gpr[REG_ESI];
        ld8(s);
        st8(d, ld8(s));
        memmove(hd, (const void *)(uintptr_t)s, bytes);
        c->gpr[REG_ESI] += bytes;
    } else {
        uint32_t v = c->gpr[REG_EAX];
        st8(d, (uint8_t)v);
        if (size == 1 || (size == 4 && v == (v & 0xff) * 0x01010101u)) {
            memset(hd, (int)(v & 0xff), bytes);
        } else {
            for (uint32_t i = 0; i < n; i++)
                mem_store(d + i * size, size, v);
        }
    }
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* the copy's loads before later ones */
    c->gpr[REG_EDI] += bytes;
    c->gpr[REG_ECX] -= n;
}

HANDLER(string_once)
{
    unsigned size = in->o[0].size;
    cpu->cur = in;
    element(cpu, in, size, cpu->eflags & EFL_DF ? -size : size);
    NEXT;
}

HANDLER(string_rep)
{
    unsigned size = in->o[0].size;
    uint32_t step = cpu->eflags & EFL_DF ? -size : size;
    bool compares = in->op == OP_CMPS || in->op == OP_SCAS;
    bool want_zf = in->flags & INSN_REP;
    bool single = cpu->eflags & EFL_TF; /* #DB after every element */
    cpu->cur = in;
    for (uint32_t done = 1; count(cpu, in); done++) {
        uint32_t n = single ? 0 : bulk_count(cpu, in, size);
        if (n > 4) {
            bulk(cpu, in, size, n);
        } else {
            element(cpu, in, size, step);
            advance(cpu, in, REG_ECX, -1u);
            if (compares && flag_zf(cpu) != want_zf)
                break;
        }
        bool poll = n > 4 || (done & POLL_MASK) == 0;
        if ((single || (poll && cpu->pending)) && count(cpu, in)) {
            cpu->eip = in->eip;
            cpu->exit_links = NULL;
            cpu->exit = EXIT_BRANCH;
            return NULL;
        }
    }
    NEXT;
}

HANDLER(op_io) /* IOPL is 0: INS and OUTS fault, even with a count of zero */
{
    cpu->cur = in;
    cpu_fault_gp(cpu, 0);
}

insn_fn interp_bind_string(const struct insn *in)
{
    switch (in->op) {
    case OP_MOVS: case OP_STOS: case OP_LODS: case OP_CMPS: case OP_SCAS:
        return in->flags & (INSN_REP | INSN_REPNE) ? string_rep : string_once;
    case OP_INS: case OP_OUTS: return op_io;
    default: return NULL;
    }
}
