/* What of the AArch64 encoder is more than a form: immediates that not every value has, addressing
 * modes, branch distances. Manual: Arm ARM (DDI 0487), DecodeBitMasks, AdvSIMDExpandImm. */
#include "translate/aarch64/emit.h"

static uint64_t low_ones(unsigned n) { return n < 64 ? (UINT64_C(1) << n) - 1 : ~UINT64_C(0); }

bool a64_bitmask(unsigned sf, uint64_t imm, uint32_t *field)
{
    if (sf == A64_W)
        imm = (imm & UINT32_MAX) | imm << 32;
    if (imm + 1 <= 1)
        return false;
    unsigned size = 64; /* of the element that repeats */
    while (size > 2 && ((imm ^ imm >> size / 2) & low_ones(size / 2)) == 0)
        size /= 2;
    uint64_t elem = imm & low_ones(size);
    unsigned ones = (unsigned)__builtin_popcountll(elem), rotate;
    if (elem & 1)
        rotate = ones - (unsigned)__builtin_ctzll(~elem); /* ones at the top end */
    else
        rotate = size - (unsigned)__builtin_ctzll(elem);
    uint64_t run = low_ones(ones);
    if (rotate)
        run = (run >> rotate | run << (size - rotate)) & low_ones(size);
    if (run != elem)
        return false;
    *field = (size == 64) << 12 | rotate << 6 | (-2 * size & 63) | (ones - 1);
    return true;
}

bool a64_logic_imm(struct emit *e, enum a64_logic op, unsigned sf, A64_DN, uint64_t imm)
{
    const uint32_t inverted = 1u << 21;
    uint32_t field;
    if (!a64_bitmask(sf, op & inverted ? ~imm : imm, &field))
        return false;
    e32(e, ((op & ~inverted) + 0x08000000) | a64_sfbit(sf) | field << 10 | a64_rd_n(d, n));
    return true;
}

/* ---- Constants ---- */

static unsigned half(uint64_t v, unsigned i) { return v >> 16 * i & 0xffff; }
static uint64_t with_half(uint64_t v, unsigned i, uint64_t h)
{
    return (v & ~(UINT64_C(0xffff) << 16 * i)) | h << 16 * i;
}

/* MOVZ (skip 0) or MOVN (skip 0xffff) and MOVKs for the halves that are not `skip`. */
static unsigned mov_halves(struct emit *e, unsigned sf, unsigned d, uint64_t imm, unsigned skip)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 2u << sf; i++) {
        unsigned h = half(imm, i);
        if (h == skip)
            continue;
        if (n++)
            a64_movw(e, A64_MOVK, sf, d, h, 16 * i);
        else
            a64_movw(e, skip ? A64_MOVN : A64_MOVZ, sf, d, h ^ skip, 16 * i);
    }
    return n;
}

/* By one instruction, if possible; those of 32 bits clear the upper half. */
static bool mov_one(struct emit *e, unsigned d, uint64_t imm)
{
    for (unsigned i = 0; i < 4; i++) {
        if (imm == with_half(0, i, half(imm, i)))
            return a64_movw(e, A64_MOVZ, A64_X, d, half(imm, i), 16 * i), true;
        if (~imm == with_half(0, i, half(~imm, i)))
            return a64_movw(e, A64_MOVN, A64_X, d, half(~imm, i), 16 * i), true;
    }
    if (imm > UINT32_MAX)
        return a64_orr_imm(e, A64_X, d, A64_ZR, imm);
    for (unsigned i = 0; i < 2; i++)
        if ((imm ^ UINT32_MAX) == with_half(0, i, half(~imm, i)))
            return a64_movw(e, A64_MOVN, A64_W, d, half(~imm, i), 16 * i), true;
    return a64_orr_imm(e, A64_W, d, A64_ZR, imm) || a64_orr_imm(e, A64_X, d, A64_ZR, imm);
}

/* Makes v by one instruction, which gives imm, and `patches` MOVKs. What helps as the half to be
 * patched: all zeros, all ones or another half of v. */
static bool mov_patched(struct emit *e, unsigned d, uint64_t v, uint64_t imm, unsigned from,
                        unsigned patches)
{
    if (!patches) {
        if (!mov_one(e, d, imm))
            return false;
        for (unsigned i = 0; i < 4; i++)
            if (half(v, i) != half(imm, i))
                a64_movw(e, A64_MOVK, A64_X, d, half(v, i), 16 * i);
        return true;
    }
    for (unsigned i = from; i < 4; i++) {
        for (unsigned k = 0; k < 6; k++) {
            unsigned h = k < 4 ? half(v, k) : k == 4 ? 0 : 0xffff;
            if (h != half(v, i) && mov_patched(e, d, v, with_half(imm, i, h), i + 1, patches - 1))
                return true;
        }
    }
    return false;
}

unsigned a64_mov_imm32(struct emit *e, unsigned d, uint32_t imm)
{
    if (mov_one(e, d, imm))
        return 1;
    return mov_halves(e, A64_W, d, imm, 0);
}

unsigned a64_mov_imm64(struct emit *e, unsigned d, uint64_t imm)
{
    if (imm <= UINT32_MAX)
        return a64_mov_imm32(e, d, (uint32_t)imm);
    unsigned zeros = 0, ones = 0;
    for (unsigned i = 0; i < 4; i++) {
        zeros += half(imm, i) == 0;
        ones += half(imm, i) == 0xffff;
    }
    unsigned best = 4 - (zeros > ones ? zeros : ones);
    for (unsigned patches = 0; patches == 0 || patches + 1 < best; patches++)
        if (mov_patched(e, d, imm, imm, 0, patches))
            return patches + 1;
    return mov_halves(e, A64_X, d, imm, ones > zeros ? 0xffff : 0);
}

/* ---- Loads and stores ---- */

bool a64_ldst(struct emit *e, enum a64_ldst op, unsigned t, unsigned n, int64_t disp)
{
    unsigned s = a64_ldst_scale(op);
    if (disp < 0 || disp >> s >= 4096 || disp & ((1 << s) - 1))
        return a64_ldst_index(e, op, t, n, disp, A64_UNSCALED);
    e32(e, op | 0x39000000 | (uint32_t)(disp >> s) << 10 | a64_rd_n(t, n));
    return true;
}

bool a64_ldst_pair(struct emit *e, enum a64_pair op, unsigned t, unsigned t2, unsigned n,
                   int64_t disp, enum a64_pair_index how)
{
    unsigned s = a64_pair_scale(op);
    if (disp & ((1 << s) - 1) || disp >> s < -64 || disp >> s >= 64)
        return false;
    e32(e, op | how | ((uint32_t)(disp >> s) & 127) << 15 | t2 << 10 | a64_rd_n(t, n));
    return true;
}

/* Single structure: the element's number is spread over Q, S and the size field. */
static void ldst1_elem(struct emit *e, uint32_t op, enum a64_arr arr, unsigned t, unsigned i,
                       unsigned n)
{
    static const uint16_t opcode[] = {0x0000, 0x4000, 0x8000, 0x8400};
    unsigned s = a64_elem(arr), where = i << s; /* Q:S:size */
    xassert(i < 16u >> s);
    e32(e, op | opcode[s] | where >> 3 << 30 | (where & 7) << 10 | a64_rd_n(t, n));
}
void a64_ld1_elem(struct emit *e, enum a64_arr arr, unsigned t, unsigned i, unsigned n)
{
    ldst1_elem(e, 0x0d400000, arr, t, i, n);
}
void a64_st1_elem(struct emit *e, enum a64_arr arr, unsigned t, unsigned i, unsigned n)
{
    ldst1_elem(e, 0x0d000000, arr, t, i, n);
}

/* ---- Branches ---- */

/* Instructions with a distance: what it counts and where it is. ADR and ADRP have 21 bits in two
 * fields. */
static const struct branch_form {
    uint32_t mask, value;
    uint8_t unit_log2, bits, at;
} branch_forms[] = {
    {0x7c000000, 0x14000000, 2, 26, 0}, /* B, BL */
    {0xff000010, 0x54000000, 2, 19, 5}, /* B.cond */
    {0x7e000000, 0x34000000, 2, 19, 5}, /* CBZ, CBNZ */
    {0x7e000000, 0x36000000, 2, 14, 5}, /* TBZ, TBNZ */
    {0x3b000000, 0x18000000, 2, 19, 5}, /* LDR literal */
    {0x1f000000, 0x10000000, 0, 21, 5}, /* ADR, ADRP */
};

static const struct branch_form *branch_form(uint32_t word)
{
    for (size_t i = 0; i < ARRAY_SIZE(branch_forms); i++)
        if ((word & branch_forms[i].mask) == branch_forms[i].value)
            return &branch_forms[i];
    xassert(!"an instruction with a distance");
    return NULL;
}

bool a64_reach(uint32_t word, int64_t dist, uint32_t *out)
{
    const struct branch_form *f = branch_form(word);
    int64_t n = dist >> f->unit_log2, limit = INT64_C(1) << (f->bits - 1);
    if (n < -limit || n >= limit || dist & ((1 << f->unit_log2) - 1))
        return false;
    uint32_t mask = (uint32_t)low_ones(f->bits), v = (uint32_t)n & mask;
    if (f->bits == 21)
        *out = (word & 0x9f00001f) | (v & 3) << 29 | v >> 2 << 5;
    else
        *out = (word & ~(mask << f->at)) | v << f->at;
    return true;
}

bool a64_retarget(uint8_t *at, int64_t dist)
{
    uint32_t *word = (uint32_t *)(void *)at, w;
    if (!a64_reach(*word, dist, &w))
        return false;
    __atomic_store_n(word, w, __ATOMIC_RELEASE);
    return true;
}

/* ---- Vector and floating-point immediates ---- */

bool a64_fp_imm8(uint64_t b, unsigned *imm8)
{
    /* sign, NOT(b), b eight times, cd efgh, zeros */
    unsigned exp = b >> 54 & 0x1ff; /* upper nine bits of the exponent */
    if (b & low_ones(48) || (exp != 0x100 && exp != 0x0ff))
        return false;
    *imm8 = (unsigned)(b >> 63 << 7 | (exp & 1) << 6 | (b >> 48 & 0x3f));
    return true;
}

bool a64_fmov_imm(struct emit *e, enum a64_ft ft, unsigned d, double value)
{
    uint64_t b;
    unsigned imm8;
    memcpy(&b, &value, 8);
    if (!a64_fp_imm8(b, &imm8))
        return false;
    e32(e, 0x1e201000 | ft << 22 | imm8 << 13 | d);
    return true;
}

/* A 32-bit element: one byte that is not 0, shifted, with zeros or ones behind it. */
static bool vmov_imm_s(struct emit *e, bool q, unsigned op, unsigned d, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        if (!(v & ~(0xffu << 8 * i))) {
            a64_vimm(e, q, op, 2 * i, d, v >> 8 * i);
            return true;
        }
    }
    for (unsigned i = 1; i < 3; i++) {
        if ((v & low_ones(8 * i)) == low_ones(8 * i) && !(v >> 8 * i >> 8)) {
            a64_vimm(e, q, op, 11 + i, d, v >> 8 * i);
            return true;
        }
    }
    return false;
}

static bool vmov_imm_h(struct emit *e, bool q, unsigned op, unsigned d, unsigned v)
{
    if (v & 0xff && v >> 8)
        return false;
    a64_vimm(e, q, op, v >> 8 ? 10 : 8, d, v >> 8 ? v >> 8 : v);
    return true;
}

/* FMOV of singles or doubles. */
static bool vmov_imm_fp(struct emit *e, bool q, unsigned d, uint64_t v, bool repeats)
{
    unsigned imm8;
    uint64_t s = v & UINT32_MAX, exp = s >> 25 & 0x3f; /* upper six bits of a single's exponent */
    if (repeats && !(s & low_ones(19)) && (exp == 0x20 || exp == 0x1f)) {
        a64_vimm(e, q, 0, 15, d, (unsigned)(s >> 31 << 7 | (exp & 1) << 6 | (s >> 19 & 0x3f)));
        return true;
    }
    if (!q || !a64_fp_imm8(v, &imm8))
        return false;
    a64_vimm(e, q, 1, 15, d, imm8);
    return true;
}

bool a64_vmov_imm(struct emit *e, bool q, unsigned d, uint64_t v)
{
    unsigned imm8 = 0;
    bool bytes = true; /* all 00 or ff */
    for (unsigned i = 0; i < 8; i++) {
        unsigned b = v >> 8 * i & 0xff;
        bytes = bytes && (b == 0 || b == 0xff);
        imm8 |= (b & 1) << i;
    }
    if (bytes) {
        a64_vimm(e, q, 1, 14, d, imm8);
        return true;
    }
    bool repeats = v >> 32 == (v & UINT32_MAX);
    if (repeats) {
        uint32_t s = (uint32_t)v;
        if (s == (s & 0xff) * 0x01010101u) {
            a64_vimm(e, q, 0, 14, d, s & 0xff);
            return true;
        }
        if (s >> 16 == (s & 0xffff) &&
            (vmov_imm_h(e, q, 0, d, s & 0xffff) || vmov_imm_h(e, q, 1, d, ~s & 0xffff)))
            return true;
        if (vmov_imm_s(e, q, 0, d, s) || vmov_imm_s(e, q, 1, d, ~s))
            return true;
    }
    return vmov_imm_fp(e, q, d, v, repeats);
}
