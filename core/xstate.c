/* The XSAVE area; see xstate.h. */
#include "core/xstate.h"

#include <stddef.h>
#include <string.h>

#include "core/cpuid.h"
#include "core/x87state.h"

const struct xstate_part xstate_parts[XSTATE_PARTS] = {
    {XSTATE_AVX, 256, 128, offsetof(struct cpu, ymmh)},
    {XSTATE_K, 64, 64, offsetof(struct cpu, k)},
    {XSTATE_ZMM, 512, 256, offsetof(struct cpu, zmmh)},
    {XSTATE_ZMM16, 1024, 0, 0},
};
static uint16_t part_at[XSTATE_PARTS] = {XSTATE_AVX_AT, 832, 896, 1408};

void xstate_set_layout(const uint16_t at[XSTATE_PARTS - 1])
{
    memcpy(part_at + 1, at, (XSTATE_PARTS - 1) * sizeof *at);
}

uint32_t xstate_at(unsigned i)
{
    return part_at[i];
}

uint32_t xstate_compact_at(unsigned i, uint64_t components)
{
    uint32_t at = XSTATE_HEADER_AT + XSTATE_HEADER_SIZE;
    for (unsigned k = 0; k < i; k++)
        at += components & xstate_parts[k].component ? xstate_parts[k].size : 0u;
    return at;
}

uint32_t xstate_end(uint64_t components)
{
    uint32_t end = XSTATE_HEADER_AT + XSTATE_HEADER_SIZE;
    for (unsigned i = 0; i < XSTATE_PARTS; i++)
        if (components & xstate_parts[i].component)
            end = part_at[i] + xstate_parts[i].size;
    return end;
}

uint32_t xstate_size(void)
{
    return xstate_end(cpuid_xcr0());
}

static void init_x87(struct x87 *f)
{
    memset(f, 0, sizeof *f);
    f->cw = 0x37f;
    f->empty = 0xff;
}

static bool x87_is_init(const struct cpu *c)
{
    struct x87 init;
    const struct x87 *f = &c->fpu;
    bool same = true;
    init_x87(&init);
    for (unsigned i = 0; i < 8; i++)
        same &= !f->st[i].sig && !f->st[i].se;
    return same && f->cw == init.cw && !f->sw && !f->top && f->empty == init.empty && !f->fop &&
           !f->fip && !f->fdp && !f->fcs && !f->fds;
}

static bool all_zero(const void *p, size_t n)
{
    const uint64_t *q = p;
    uint64_t any = 0;
    for (size_t i = 0; i < n / sizeof *q; i++)
        any |= q[i];
    return !any;
}

uint32_t xstate_in_use(const struct cpu *c)
{
    uint32_t used = (x87_is_init(c) ? 0 : XSTATE_X87) |
                    (all_zero(c->xmm, sizeof c->xmm) ? 0 : XSTATE_SSE) |
                    (all_zero(c->ymmh, sizeof c->ymmh) ? 0 : XSTATE_AVX);
    if (c->zmm_used)
        used |= (all_zero(c->k, sizeof c->k) ? 0 : XSTATE_K) |
                (all_zero(c->zmmh, sizeof c->zmmh) ? 0 : XSTATE_ZMM);
    return used;
}

void xstate_save(const struct cpu *c, uint8_t *area, uint32_t components)
{
    if (components & XSTATE_X87)
        x87_save_fx(c, area);
    if (components & XSTATE_SSE)
        memcpy(area + 160, c->xmm, sizeof c->xmm);
    if (components & (XSTATE_SSE | XSTATE_AVX))
        x87_save_mxcsr(c, area);
    for (unsigned i = 0; i < XSTATE_PARTS; i++)
        if (components & xstate_parts[i].component)
            memcpy(area + part_at[i], (const uint8_t *)c + xstate_parts[i].field,
                   xstate_parts[i].held);
}

void xstate_load(struct cpu *c, const uint8_t *area, uint32_t load, uint32_t init)
{
    if (load & XSTATE_X87)
        x87_load_fx(c, area);
    else if (init & XSTATE_X87)
        init_x87(&c->fpu);
    if (load & XSTATE_SSE)
        memcpy(c->xmm, area + 160, sizeof c->xmm);
    else if (init & XSTATE_SSE)
        memset(c->xmm, 0, sizeof c->xmm);
    for (unsigned i = 0; i < XSTATE_PARTS; i++) {
        const struct xstate_part *p = &xstate_parts[i];
        if (load & p->component)
            memcpy((uint8_t *)c + p->field, area + part_at[i], p->held);
        else if (init & p->component)
            memset((uint8_t *)c + p->field, 0, p->held);
    }
    c->zmm_used |= load & XSTATE_AVX512;
}
