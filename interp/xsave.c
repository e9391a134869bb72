/* XSAVE, XSAVEC, XSAVEOPT, XRSTOR, XGETBV (SDM vol. 1 ch. 13): #UD if the model shows no XSAVE. */
#include "core/cpuid.h"
#include "core/x87state.h"
#include "core/xstate.h"
#include "interp/priv.h"

enum { MXCSR_INIT = 0x1f80 };

static uint64_t requested(const struct cpu *c)
{
    return ((uint64_t)c->gpr[REG_EDX] << 32 | c->gpr[REG_EAX]) & cpuid_xcr0();
}

static void touch(gaddr a, bool write)
{
    if (write)
        probe_write(a, 1);
    else
        (void)ld8(a);
}

/* The area's address, of which the first byte is touched: aligned to 64 bytes, or #GP. */
static gaddr area(struct cpu *c, const struct insn *in, bool write)
{
    c->cur = in;
    if (!cpuid_xcr0())
        cpu_fault_ud(c);
    if ((ea_offset(c, in) + c->seg_base[in->seg]) & 63)
        cpu_fault_gp(c, 0);
    gaddr a = ea(c, in, 4, write);
    touch(a, write);
    return a;
}

/* The last byte comes before what is between. */
static void area_end(struct cpu *c, const struct insn *in, uint32_t size, bool write)
{
    touch(ea_plus(c, in, size - 4, 4, write) + 3, write);
    ea(c, in, size, write);
}

static void put(gaddr a, const uint8_t *p, unsigned n)
{
    for (unsigned i = 0; i < n; i += 8) {
        uint64_t v;
        memcpy(&v, p + i, 8);
        st64(a + i, v);
    }
}

static void get(uint8_t *p, gaddr a, unsigned n)
{
    for (unsigned i = 0; i < n; i += 8) {
        uint64_t v = ld64(a + i);
        memcpy(p + i, &v, 8);
    }
}

/* Where part i is in an area with this XCOMP_BV; 0: in its standard form. */
static uint32_t part_at(unsigned i, uint64_t xcomp)
{
    return xcomp ? xstate_compact_at(i, xcomp) : xstate_at(i);
}

static uint32_t area_size(uint64_t components, uint64_t xcomp)
{
    return xcomp ? xstate_compact_at(XSTATE_PARTS, xcomp) : xstate_end(components);
}

BODY(xsave)
{
    gaddr a = area(cpu, in, true);
    uint8_t b[XSTATE_MAX];
    bool compact = in->op == OP_XSAVEC;
    uint32_t want = (uint32_t)requested(cpu), used = xstate_in_use(cpu);
    uint64_t xcomp = compact ? (uint64_t)1 << 63 | want : 0;
    area_end(cpu, in, area_size(want, xcomp), true);
    if (compact && cpu->mxcsr != MXCSR_INIT)
        used |= XSTATE_SSE;
    used &= want;
    uint32_t parts = in->op == OP_XSAVE ? want : used;
    uint64_t bv = compact ? used : (ld64(a + XSTATE_HEADER_AT) & ~(uint64_t)want) | used;
    xstate_save(cpu, b, parts);
    if (parts & XSTATE_X87) {
        put(a, b, 24);
        put(a + 32, b + 32, 128);
    }
    if (compact ? used & XSTATE_SSE : want & (XSTATE_SSE | XSTATE_AVX)) {
        x87_save_mxcsr(cpu, b);
        put(a + 24, b + 24, 8);
    }
    if (parts & XSTATE_SSE)
        put(a + 160, b + 160, 128);
    for (unsigned i = 0; i < XSTATE_PARTS; i++)
        if (parts & xstate_parts[i].component)
            put(a + part_at(i, xcomp), b + xstate_at(i), xstate_parts[i].held);
    st64(a + XSTATE_HEADER_AT, bv);
    if (compact)
        st64(a + XSTATE_HEADER_AT + 8, xcomp);
    DONE;
}

/* The header is one that XRSTOR accepts. */
static bool header_ok(const uint64_t h[8])
{
    uint64_t rest = h[2] | h[3] | h[4] | h[5] | h[6] | h[7];
    if (h[1] >> 63)
        return !(h[1] << 1 >> 1 & ~cpuid_xcr0()) && !(h[0] & ~h[1]) && !rest;
    return !(h[0] & ~cpuid_xcr0()) && !h[1] && !h[2];
}

BODY(xrstor)
{
    gaddr a = area(cpu, in, false);
    uint8_t b[XSTATE_MAX];
    uint64_t h[8];
    uint32_t want = (uint32_t)requested(cpu), mxcsr;
    get((uint8_t *)h, ea_plus(cpu, in, XSTATE_HEADER_AT, sizeof h, false), sizeof h);
    if (!header_ok(h))
        cpu_fault_gp(cpu, 0);
    area_end(cpu, in, area_size(want, h[1]), false);
    uint32_t load = want & (uint32_t)h[0], init = want & ~load;
    get(b, a, load & XSTATE_X87 ? 160 : 32);
    if (load & XSTATE_SSE)
        get(b + 160, a + 160, 128);
    for (unsigned i = 0; i < XSTATE_PARTS; i++)
        if (load & xstate_parts[i].component)
            get(b + xstate_at(i), a + part_at(i, h[1]), xstate_parts[i].held);
    memcpy(&mxcsr, b + 24, 4);
    bool compact = h[1] >> 63; /* then MXCSR belongs to the SSE component */
    bool takes_mxcsr = want & (compact ? XSTATE_SSE : XSTATE_SSE | XSTATE_AVX);
    if (compact && !(load & XSTATE_SSE))
        mxcsr = MXCSR_INIT;
    if (takes_mxcsr && mxcsr & 0xffff0000u)
        cpu_fault_gp(cpu, 0);
    xstate_load(cpu, b, load, init);
    if (takes_mxcsr)
        cpu->mxcsr = mxcsr;
    DONE;
}

HANDLER(xgetbv)
{
    cpu->cur = in;
    if (!cpuid_xcr0())
        cpu_fault_ud(cpu);
    if (cpu->gpr[REG_ECX] > 1)
        cpu_fault_gp(cpu, 0);
    cpu->gpr[REG_EAX] = cpu->gpr[REG_ECX] ? xstate_in_use(cpu) : (uint32_t)cpuid_xcr0();
    cpu->gpr[REG_EDX] = 0;
    NEXT;
}

HANDLER(xsetbv) /* privileged */
{
    cpu->cur = in;
    if (!cpuid_xcr0())
        cpu_fault_ud(cpu);
    cpu_fault_gp(cpu, 0);
}

insn_fn interp_bind_xsave(const struct insn *in)
{
    switch (in->op) {
    case OP_XSAVE: case OP_XSAVEC: case OP_XSAVEOPT: return xsave;
    case OP_XRSTOR: return xrstor;
    case OP_XGETBV: return xgetbv;
    case OP_XSETBV: return xsetbv;
    default: return NULL;
    }
}
