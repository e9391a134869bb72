/* Images of the x87/SSE state; see x87state.h. */
#include "core/x87state.h"

#include <string.h>

static void w16(uint8_t *p, unsigned v) { p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8); }
static void w32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static uint16_t g16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t g32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

/* 0 valid, 1 zero, 2 special, 3 empty. */
static unsigned tag_of(const struct x87 *f, unsigned i)
{
    const struct f80 *r = &f->st[i];
    unsigned e = r->se & 0x7fff;
    if (f->empty >> i & 1)
        return 3;
    if (e == 0x7fff || (e == 0 && r->sig) || (e && !(r->sig >> 63)))
        return 2;
    return e == 0 ? 1 : 0;
}

uint16_t x87_tag_word(const struct x87 *f)
{
    unsigned t = 0;
    for (unsigned i = 0; i < 8; i++)
        t |= tag_of(f, i) << 2 * i;
    return (uint16_t)t;
}

static uint16_t full_sw(const struct x87 *f) { return (uint16_t)(f->sw | f->top << 11); }

static void load_sw(struct x87 *f, uint16_t sw)
{
    f->top = sw >> 11 & 7;
    f->sw = sw & (uint16_t)~0x3800;
}

void x87_save_env(const struct cpu *c, uint8_t *p, int size)
{
    const struct x87 *f = &c->fpu;
    if (size == 2) {
        w16(p, f->cw), w16(p + 2, full_sw(f)), w16(p + 4, x87_tag_word(f));
        w16(p + 6, f->fip), w16(p + 8, f->fcs), w16(p + 10, f->fdp), w16(p + 12, f->fds);
        return;
    }
    w32(p, 0xffff0000u | f->cw);
    w32(p + 4, 0xffff0000u | full_sw(f));
    w32(p + 8, 0xffff0000u | x87_tag_word(f));
    w32(p + 12, f->fip);
    w32(p + 16, f->fcs | (uint32_t)(f->fop & 0x7ff) << 16);
    w32(p + 20, f->fdp);
    w32(p + 24, 0xffff0000u | f->fds);
}

void x87_load_env(struct cpu *c, const uint8_t *p, int size)
{
    struct x87 *f = &c->fpu;
    unsigned step = size == 2 ? 2 : 4;
    f->cw = (uint16_t)((g16(p) & 0x1f7f) | 0x40);
    load_sw(f, g16(p + step));
    uint16_t tags = g16(p + 2 * step);
    f->empty = 0;
    for (unsigned i = 0; i < 8; i++)
        if ((tags >> 2 * i & 3) == 3)
            f->empty |= (uint8_t)(1 << i);
    if (size == 2) {
        f->fip = g16(p + 6), f->fcs = g16(p + 8), f->fdp = g16(p + 10), f->fds = g16(p + 12);
        f->fop = 0;
    } else {
        f->fip = g32(p + 12), f->fcs = g16(p + 16), f->fop = g16(p + 18) & 0x7ff;
        f->fdp = g32(p + 20), f->fds = g16(p + 24);
    }
    x87_update_es(f);
}

void x87_save_fsave(const struct cpu *c, uint8_t *p, int size)
{
    x87_save_env(c, p, size);
    p += size == 2 ? 14 : 28;
    for (unsigned i = 0; i < 8; i++, p += 10) {
        const struct f80 *r = &c->fpu.st[(c->fpu.top + i) & 7];
        memcpy(p, &r->sig, 8);
        w16(p + 8, r->se);
    }
}

void x87_load_fsave(struct cpu *c, const uint8_t *p, int size)
{
    x87_load_env(c, p, size);
    p += size == 2 ? 14 : 28;
    for (unsigned i = 0; i < 8; i++, p += 10) {
        struct f80 *r = &c->fpu.st[(c->fpu.top + i) & 7];
        memcpy(&r->sig, p, 8);
        r->se = g16(p + 8);
    }
}

void x87_save_fx(const struct cpu *c, uint8_t p[160])
{
    const struct x87 *f = &c->fpu;
    memset(p, 0, 24);
    w16(p, f->cw), w16(p + 2, full_sw(f));
    p[4] = (uint8_t)~f->empty;
    if (f->sw & 0x80) { /* AMD processors show the pointers only of a pending exception */
        w16(p + 6, f->fop);
        w32(p + 8, f->fip), w16(p + 12, f->fcs);
        w32(p + 16, f->fdp), w16(p + 20, f->fds);
    }
    for (unsigned i = 0; i < 8; i++) {
        const struct f80 *r = &f->st[(f->top + i) & 7];
        uint64_t high = r->se;
        memcpy(p + 32 + i * 16, &r->sig, 8);
        memcpy(p + 40 + i * 16, &high, 8);
    }
}

void x87_save_mxcsr(const struct cpu *c, uint8_t p[32])
{
    w32(p + 24, c->mxcsr), w32(p + 28, 0xffff);
}

void x87_save_fxsave(const struct cpu *c, uint8_t p[512])
{
    x87_save_fx(c, p);
    x87_save_mxcsr(c, p);
    memcpy(p + 160, c->xmm, 128);
}

void x87_load_fx(struct cpu *c, const uint8_t p[160])
{
    struct x87 *f = &c->fpu;
    f->cw = (uint16_t)((g16(p) & 0x1f7f) | 0x40);
    load_sw(f, g16(p + 2));
    f->empty = (uint8_t)~p[4];
    f->fop = g16(p + 6) & 0x7ff;
    f->fip = g32(p + 8), f->fcs = g16(p + 12);
    f->fdp = g32(p + 16), f->fds = g16(p + 20);
    for (unsigned i = 0; i < 8; i++) {
        struct f80 *r = &f->st[(f->top + i) & 7];
        memcpy(&r->sig, p + 32 + i * 16, 8);
        r->se = g16(p + 40 + i * 16);
    }
    x87_update_es(f);
}

void x87_load_fxsave(struct cpu *c, const uint8_t p[512])
{
    x87_load_fx(c, p);
    c->mxcsr = g32(p + 24) & 0xffff;
    memcpy(c->xmm, p + 160, 128);
}
