/* VEX instructions that SSE has not: permutations, shifts of each element by its own count; extensions, which cross
 * halves. */
#include "translate/aarch64/avx.h"

/* ---- by an immediate ---- */

/* Both halves of operand 0 by picks (simd_shuffle4) from a and b, of which it may be one. */
static void put_picked(struct emit *e, const struct insn *in, unsigned a, unsigned b, const uint8_t lo[4],
                       const uint8_t hi[4])
{
    simd_shuffle4(e, V6, a, b, lo);
    simd_shuffle4(e, run_write(e, avx_half(&in->o[0], 1), 16), a, b, hi);
    a64_v_mov(e, run_write(e, in->o[0].reg, 16), V6);
}

static void permute_qwords(struct emit *e, const struct insn *in) /* VPERMQ VPERMPD */
{
    struct halves s = avx_read(e, in, 1);
    uint8_t pick[8];
    for (unsigned i = 0; i < 8; i++)
        pick[i] = (uint8_t)((in->imm >> (i & 6) & 3) * 2 + (i & 1));
    put_picked(e, in, s.lo, s.hi, pick, pick + 4);
}

static void permute_in_half_imm(struct emit *e, const struct insn *in)
{
    struct halves s = avx_read(e, in, 1);
    bool pd = in->op == OP_VPERMILPD;
    for (unsigned half = 0; half <= avx_is_ymm(&in->o[0]); half++) {
        uint8_t pick[4];
        unsigned from = half ? s.hi : s.lo, imm = pd ? in->imm >> 2 * half : in->imm;
        for (unsigned i = 0; i < 4; i++)
            pick[i] = (uint8_t)(pd ? (imm >> (i >> 1) & 1) * 2 + (i & 1) : imm >> 2 * i & 3);
        simd_shuffle4(e, run_write(e, avx_half(&in->o[0], half), 16), from, from, pick);
    }
    if (!avx_is_ymm(&in->o[0]))
        avx_clear_upper(e, in);
}

static void blend_dwords(struct emit *e, const struct insn *in) /* VPBLENDD */
{
    struct halves b = avx_read(e, in, 2), a = avx_read(e, in, 1);
    for (unsigned half = 0; half <= avx_is_ymm(&in->o[0]); half++) {
        uint8_t pick[4];
        for (unsigned i = 0; i < 4; i++)
            pick[i] = (uint8_t)(i + (in->imm >> (i + 4 * half) & 1 ? 4 : 0));
        simd_shuffle4(e, run_write(e, avx_half(&in->o[0], half), 16), half ? a.hi : a.lo, half ? b.hi : b.lo, pick);
    }
    if (!avx_is_ymm(&in->o[0]))
        avx_clear_upper(e, in);
}

/* ---- by a register ---- */

/* v`d` = indices of bytes from those of 32-bit elements in v`n`, of which `bits` count. v6, v7: constants. */
static void table_constants(struct emit *e)
{
    a64_vimm(e, true, 0, 14, V6, 4); /* 4 in each byte */
    a64_const(e, A64_TMP0, 0x03020100);
    a64_dup_gpr(e, A64_4S, V7, A64_TMP0);
}

static void byte_indices(struct emit *e, unsigned d, unsigned n, unsigned mask)
{
    a64_vimm_s(e, A64_MOVI, true, V5, mask, 0);
    a64_v3(e, A64_V_AND, A64_16B, V5, V5, n);
    a64_v3(e, A64_V_MUL, A64_4S, V5, V5, V6);
    a64_v3(e, A64_V_ADD, A64_16B, d, V5, V7);
}

static void permute_dwords(struct emit *e, const struct insn *in) /* VPERMD VPERMPS: indices, then data */
{
    struct halves s = avx_read(e, in, 2), i = avx_read(e, in, 1);
    if (s.lo != V0) {
        a64_v_mov(e, V0, s.lo);
        a64_v_mov(e, V1, s.hi);
    }
    table_constants(e);
    byte_indices(e, V3, i.lo, 7);
    byte_indices(e, V4, i.hi, 7);
    a64_tbl(e, true, run_write(e, in->o[0].reg, 16), V0, 2, V3);
    a64_tbl(e, true, run_write(e, avx_half(&in->o[0], 1), 16), V0, 2, V4);
}

static void permute_in_half(struct emit *e, const struct insn *in)
{
    struct halves c = avx_read(e, in, 2), s = avx_read(e, in, 1);
    bool pd = in->op == OP_VPERMILPD;
    if (!pd)
        table_constants(e);
    for (unsigned half = 0; half <= avx_is_ymm(&in->o[0]); half++) {
        unsigned from = half ? s.hi : s.lo, by = half ? c.hi : c.lo;
        if (pd) {
            a64_vshl(e, A64_VI_SHL, A64_2D, V3, by, 62);
            a64_v2(e, A64_VZ_CMLT, A64_2D, V3, V3);
            a64_dup(e, A64_2D, V4, from, 0);
            a64_dup(e, A64_2D, V5, from, 1);
            a64_v3(e, A64_V_BSL, A64_16B, V3, V5, V4);
            a64_v_mov(e, run_write(e, avx_half(&in->o[0], half), 16), V3);
        } else {
            byte_indices(e, V3, by, 3);
            a64_tbl(e, true, run_write(e, avx_half(&in->o[0], half), 16), from, 1, V3);
        }
    }
    if (!avx_is_ymm(&in->o[0]))
        avx_clear_upper(e, in);
}

/* ---- shifts ---- */

/* v3 = the counts, none above the element's bits, negative to the right. */
static void counts(struct emit *e, enum a64_arr arr, unsigned n, bool right)
{
    if (arr == A64_4S) {
        a64_vimm_s(e, A64_MOVI, true, V4, 32, 0);
        a64_v3(e, A64_V_UMIN, A64_4S, V3, n, V4);
    } else {
        a64_v2(e, A64_V_UQXTN, A64_2S, V3, n);
        a64_vimm_s(e, A64_MOVI, true, V4, 64, 0);
        a64_v3(e, A64_V_UMIN, A64_2S, V3, V3, V4);
        a64_uxtl(e, A64_2S, V3, V3);
    }
    if (right)
        a64_v2(e, A64_V_NEG, arr, V3, V3);
}

static void shift_each(struct emit *e, const struct insn *in)
{
    enum a64_arr arr = in->op == OP_VPSLLVQ || in->op == OP_VPSRLVQ ? A64_2D : A64_4S;
    bool right = in->op != OP_VPSLLVD && in->op != OP_VPSLLVQ;
    struct halves n = avx_read(e, in, 2), s = avx_read(e, in, 1);
    for (unsigned half = 0; half <= avx_is_ymm(&in->o[0]); half++) {
        counts(e, arr, half ? n.hi : n.lo, right);
        a64_v3(e, in->op == OP_VPSRAVD ? A64_V_SSHL : A64_V_USHL, arr,
               run_write(e, avx_half(&in->o[0], half), 16), half ? s.hi : s.lo, V3);
    }
    if (!avx_is_ymm(&in->o[0]))
        avx_clear_upper(e, in);
}

/* ---- extensions to 32 bytes ---- */

static void longer(struct emit *e, bool sign, enum a64_arr arr, unsigned d, unsigned n)
{
    if (sign)
        a64_sxtl(e, arr, d, n);
    else
        a64_uxtl(e, arr, d, n);
}

static void extend(struct emit *e, const struct insn *in)
{
    static const struct { uint16_t op; uint8_t arr, times; bool sign; } rows[] = {
#define R(name, arr, times) {OP_VPMOVSX##name, arr, times, true}, {OP_VPMOVZX##name, arr, times, false},
        R(BW, A64_8B, 1) R(BD, A64_8B, 2) R(BQ, A64_8B, 3) R(WD, A64_4H, 1) R(WQ, A64_4H, 2) R(DQ, A64_2S, 1)
#undef R
    };
    unsigned i = 0, from = avx_read(e, in, 1).lo;
    while (rows[i].op != in->op)
        i++;
    unsigned arr = rows[i].arr;
    for (unsigned k = 1; k < rows[i].times; k++, arr += 2, from = V3)
        longer(e, rows[i].sign, (enum a64_arr)arr, V3, from);
    longer(e, rows[i].sign, (enum a64_arr)(arr | 1), run_write(e, avx_half(&in->o[0], 1), 16), from);
    longer(e, rows[i].sign, (enum a64_arr)arr, run_write(e, in->o[0].reg, 16), from);
}

avx_fn avx_choose_shuffle(const struct insn *in)
{
    switch (in->op) {
    case OP_VPERMQ: case OP_VPERMPD: return permute_qwords;
    case OP_VPERMILPS: case OP_VPERMILPD:
        return in->o[2].kind == OPND_IMM ? permute_in_half_imm : permute_in_half;
    case OP_VPBLENDD: return blend_dwords;
    case OP_VPERMD: case OP_VPERMPS: return permute_dwords;
    case OP_VPSLLVD: case OP_VPSLLVQ: case OP_VPSRLVD: case OP_VPSRLVQ: case OP_VPSRAVD: return shift_each;
    case OP_VPMOVSXBW: case OP_VPMOVSXBD: case OP_VPMOVSXBQ: case OP_VPMOVSXWD: case OP_VPMOVSXWQ:
    case OP_VPMOVSXDQ: case OP_VPMOVZXBW: case OP_VPMOVZXBD: case OP_VPMOVZXBQ: case OP_VPMOVZXWD:
    case OP_VPMOVZXWQ: case OP_VPMOVZXDQ: return avx_is_ymm(&in->o[0]) ? extend : NULL;
    default: return NULL;
    }
}
