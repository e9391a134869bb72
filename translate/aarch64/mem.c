/* Operands in memory. A guest address is a host address; registers that hold one are zero-extended.
 * base + displacement is not cut to 32 bits: what leaves the 4 GiB faults, and the interpreter does
 * it exactly. Anything with an index is computed in 32 bits. */
#include "translate/aarch64/insn.h"

struct a64_mem a64_at(unsigned base, int32_t disp)
{
    return (struct a64_mem){.base = base, .index = A64_NONE, .disp = disp};
}

/* ---- addresses ---- */

static bool disp_ok(int64_t disp, unsigned log2)
{
    return a64_disp_ok_unscaled(disp) ||
           (disp >= 0 && disp >> log2 < 4096 && !(disp & ((1 << log2) - 1)));
}

/* A64_ADDR = n + disp, in 32 bits. */
static void add_disp(struct emit *e, unsigned n, uint32_t disp)
{
    if (a64_add_imm(e, A64_W, A64_ADDR, n, disp) || a64_sub_imm(e, A64_W, A64_ADDR, n, -disp))
        return;
    unsigned t = n == A64_ADDR ? A64_STUB : A64_ADDR;
    a64_const(e, t, disp);
    a64_add(e, A64_W, A64_ADDR, n, t);
}

/* The address's register part; what is left of the displacement goes to *disp. */
static unsigned address(struct emit *e, const struct insn *in, uint32_t *disp)
{
    bool gs = in->seg == SEG_GS;
    unsigned base = in->base != REG_ZERO ? a64_gpr(in->base) : A64_NONE;
    *disp = in->disp;
    if (gs) {
        a64_cpu_load(e, A64_LDR_W, A64_STUB, offsetof(struct cpu, seg_base) + 4 * SEG_GS);
        if (base == A64_NONE) {
            base = A64_STUB;
        } else {
            a64_add(e, A64_W, A64_ADDR, A64_STUB, base);
            base = A64_ADDR;
        }
    }
    if (in->index != REG_ZERO) {
        unsigned index = a64_gpr(in->index);
        if (base != A64_NONE) {
            a64_add_sh(e, A64_W, A64_ADDR, base, index, A64_LSL, in->scale);
        } else if (in->scale || *disp) {
            a64_const(e, A64_ADDR, *disp);
            a64_add_sh(e, A64_W, A64_ADDR, A64_ADDR, index, A64_LSL, in->scale);
            *disp = 0;
        } else {
            return index;
        }
        return A64_ADDR;
    }
    if (base == A64_NONE) {
        a64_const(e, A64_ADDR, *disp);
        *disp = 0;
        return A64_ADDR;
    }
    return base;
}

int a64_addr(struct emit *e, const struct insn *in, unsigned log2, unsigned room, int32_t *disp)
{
    if ((in->flags & INSN_ADDR16) || !translate_segment_ok(in, e->tr->mode))
        return -1;
    uint32_t d;
    unsigned base = address(e, in, &d);
    if (!disp_ok((int32_t)d, log2) || !disp_ok((int64_t)(int32_t)d + room, log2)) {
        add_disp(e, base, d);
        base = A64_ADDR;
        d = 0;
    }
    *disp = (int32_t)d;
    return (int)base;
}

bool a64_mem(struct emit *e, const struct insn *in, unsigned log2, struct a64_mem *m)
{
    *m = a64_at(0, 0);
    int base = a64_addr(e, in, log2, 0, &m->disp);
    m->base = (unsigned)base;
    return base >= 0;
}

/* ---- accesses ---- */

static void access(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m)
{
    if (m->index != A64_NONE)
        a64_ldst_reg(e, op, t, m->base, m->index, m->ext, m->scaled);
    else
        a64_must(a64_ldst(e, op, t, m->base, m->disp));
}

void a64_load(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m)
{
    access(e, op, t, m);
    if (e->tr->ordered)
        a64_dmb_ishld(e);
}

void a64_store(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m)
{
    if (e->tr->ordered)
        a64_dmb_ish(e);
    access(e, op, t, m);
}

void a64_cpu_load(struct emit *e, enum a64_ldst op, unsigned t, size_t offset)
{
    a64_must(a64_ldst(e, op, t, A64_CPU, (int64_t)offset));
}

void a64_cpu_store(struct emit *e, enum a64_ldst op, unsigned t, size_t offset)
{
    a64_must(a64_ldst(e, op, t, A64_CPU, (int64_t)offset));
}

void a64_push(struct emit *e, unsigned r)
{
    if (e->tr->ordered)
        a64_dmb_ish(e);
    a64_must(a64_ldst_index(e, A64_STR_W, r, A64_ESP, -4, A64_PRE));
}

void a64_pop(struct emit *e, unsigned r)
{
    a64_must(a64_ldst_index(e, A64_LDR_W, r, A64_ESP, 4, A64_POST));
    if (e->tr->ordered)
        a64_dmb_ishld(e);
}
