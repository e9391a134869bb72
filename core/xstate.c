/* The XSAVE area; see xstate.h. */
#include "core/xstate.h"

#include <string.h>

#include "core/x87state.h"

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

static bool all_zero(const union xmm *v)
{
    uint64_t any = 0;
    for (unsigned i = 0; i < 8; i++)
        any |= v[i].q[0] | v[i].q[1];
    return !any;
}

uint32_t xstate_in_use(const struct cpu *c)
{
    return (x87_is_init(c) ? 0 : XSTATE_X87) | (all_zero(c->xmm) ? 0 : XSTATE_SSE) |
           (all_zero(c->ymmh) ? 0 : XSTATE_AVX);
}

void xstate_save(const struct cpu *c, uint8_t *area, uint32_t components)
{
    uint8_t fx[512];
    x87_save_fxsave(c, fx);
    if (components & XSTATE_X87) {
        memcpy(area, fx, 24);
        memcpy(area + 32, fx + 32, 128);
    }
    if (components & XSTATE_SSE)
        memcpy(area + 160, fx + 160, 128);
    if (components & (XSTATE_SSE | XSTATE_AVX)) /* MXCSR and its mask */
        memcpy(area + 24, fx + 24, 8);
    if (components & XSTATE_AVX)
        memcpy(area + XSTATE_AVX_AT, c->ymmh, sizeof c->ymmh);
}

void xstate_load(struct cpu *c, const uint8_t *area, uint32_t load, uint32_t init)
{
    union xmm xmm[8];
    uint32_t mxcsr = c->mxcsr;
    memcpy(xmm, c->xmm, sizeof xmm);
    if (load & XSTATE_X87)
        x87_load_fxsave(c, area);
    else if (init & XSTATE_X87)
        init_x87(&c->fpu);
    if (load & XSTATE_SSE)
        memcpy(c->xmm, area + 160, sizeof xmm);
    else if (init & XSTATE_SSE)
        memset(c->xmm, 0, sizeof xmm);
    else
        memcpy(c->xmm, xmm, sizeof xmm);
    if (load & XSTATE_AVX)
        memcpy(c->ymmh, area + XSTATE_AVX_AT, sizeof c->ymmh);
    else if (init & XSTATE_AVX)
        memset(c->ymmh, 0, sizeof c->ymmh);
    c->mxcsr = mxcsr;
}
