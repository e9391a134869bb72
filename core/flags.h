/* Lazy arithmetic flags. The last result is kept sign-extended in cc_res, what else is needed in
 * cc_aux: bit 31 CF, bit 30 CF^OF, bit 3 AF, bits 8-15 a parity delta (PF is the even parity of
 * res ^ delta), bit 0 a sign delta (SF is res bit 31 ^ delta). ZF is cc_res == 0. */
#ifndef XRUN_CORE_FLAGS_H
#define XRUN_CORE_FLAGS_H

#include "core/cpu.h"

enum { CCA_CF = 1u << 31, CCA_PO = 1u << 30, CCA_AF = 1u << 3, CCA_SFD = 1u };

static inline bool flag_cf(const struct cpu *c) { return c->cc_aux >> 31; }
static inline bool flag_zf(const struct cpu *c) { return c->cc_res == 0; }
static inline bool flag_sf(const struct cpu *c) { return (c->cc_res >> 31) ^ (c->cc_aux & 1); }
static inline bool flag_of(const struct cpu *c) { return (c->cc_aux ^ c->cc_aux << 1) >> 31; }
static inline bool flag_af(const struct cpu *c) { return c->cc_aux >> 3 & 1; }
static inline bool flag_pf(const struct cpu *c)
{
    uint32_t b = (c->cc_res ^ c->cc_aux >> 8) & 0xff;
    b ^= b >> 4;
    return 0x9669 >> (b & 15) & 1;
}

/* Sets flags after r = a + b (+ carry in) on `bits` = 8, 16 or 32; operands zero-extended. */
static inline void flags_add(struct cpu *c, uint32_t a, uint32_t b, uint32_t r, int bits)
{
    uint32_t cout = (a & b) | ((a | b) & ~r);
    c->cc_aux = ((cout << (32 - bits)) & (CCA_CF | CCA_PO)) | (cout & CCA_AF);
    c->cc_res = (uint32_t)((int32_t)(r << (32 - bits)) >> (32 - bits));
}

/* Sets flags after r = a - b (- borrow in). */
static inline void flags_sub(struct cpu *c, uint32_t a, uint32_t b, uint32_t r, int bits)
{
    uint32_t bout = (~a & b) | (~(a ^ b) & r);
    c->cc_aux = ((bout << (32 - bits)) & (CCA_CF | CCA_PO)) | (bout & CCA_AF);
    c->cc_res = (uint32_t)((int32_t)(r << (32 - bits)) >> (32 - bits));
}

/* AND, OR, XOR, TEST: CF = OF = AF = 0. */
static inline void flags_logic(struct cpu *c, uint32_t r, int bits)
{
    c->cc_aux = 0;
    c->cc_res = (uint32_t)((int32_t)(r << (32 - bits)) >> (32 - bits));
}

static inline void flags_set_cf(struct cpu *c, bool cf)
{
    bool of = flag_of(c);
    c->cc_aux = (c->cc_aux & ~(CCA_CF | CCA_PO)) | (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30;
}

static inline void flags_set_cf_of(struct cpu *c, bool cf, bool of)
{
    c->cc_aux = (c->cc_aux & ~(CCA_CF | CCA_PO)) | (uint32_t)cf << 31 | (uint32_t)(cf ^ of) << 30;
}

/* The six status flags in EFLAGS positions. */
static inline uint32_t flags_get_status(const struct cpu *c)
{
    return (uint32_t)flag_cf(c) | (uint32_t)flag_pf(c) << 2 | (uint32_t)flag_af(c) << 4 |
           (uint32_t)flag_zf(c) << 6 | (uint32_t)flag_sf(c) << 7 | (uint32_t)flag_of(c) << 11;
}

/* Sets the six status flags from EFLAGS positions; other bits of `v` are ignored. */
static inline void flags_set_status(struct cpu *c, uint32_t v)
{
    uint32_t cf = v & 1, of = v >> 11 & 1, zf = v >> 6 & 1, pf = v >> 2 & 1;
    c->cc_res = !zf;
    c->cc_aux = cf << 31 | (cf ^ of) << 30 | (v >> 4 & 1) << 3 | (zf != pf) << 8 | (v >> 7 & 1);
}

/* The whole EFLAGS as PUSHF or a signal frame shows it. */
static inline uint32_t cpu_get_eflags(const struct cpu *c)
{
    return c->eflags | flags_get_status(c);
}

#endif
