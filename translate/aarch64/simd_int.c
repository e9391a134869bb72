/* Integer, logic and shuffle operations: the MMX and SSE forms of one are the same code, on 8 or 16
 * bytes. Temporaries: v0-v2 belong to the caller, v3-v7 and the integer ones to the operation. */
#include "translate/aarch64/simd_lanes.h"

#include "decode/decode.h"

static void v3(struct emit *e, uint32_t op, enum a64_arr arr, unsigned d, unsigned n, unsigned m)
{
    a64_v3(e, (enum a64_v3)op, arr, d, n, m);
}

/* ---- by shape ---- */

static void plain(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    v3(e, op, sized(l, arr), l->d, l->a, l->b);
}

static void reversed(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    v3(e, op, sized(l, arr), l->d, l->b, l->a);
}

static void unary(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    a64_v2(e, (enum a64_v2)op, sized(l, arr), l->d, l->b);
}

/* Even and odd elements of both operands, then an operation on them. */
static void pairs(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    arr = sized(l, arr);
    v3(e, A64_V_UZP1, arr, V3, l->a, l->b);
    v3(e, A64_V_UZP2, arr, V4, l->a, l->b);
    v3(e, op, arr, l->d, V3, V4);
}

/* Narrowing with saturation: `arr` is the result's. */
static void pack(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    if (!l->q) {
        v3(e, A64_V_ZIP1, A64_2D, V3, l->a, l->b);
        a64_v2(e, (enum a64_v2)op, low(arr), l->d, V3);
        return;
    }
    unsigned d = l->d == l->b ? V3 : l->d;
    a64_v2(e, (enum a64_v2)op, low(arr), d, l->a);
    a64_v2(e, (enum a64_v2)op, arr, d, l->b);
    if (d != l->d)
        a64_v_mov(e, l->d, d);
}

/* Products of twice the size: the lower ones to v3, the upper ones to v4. */
static void products(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    v3(e, op, low(arr), V3, l->a, l->b);
    if (l->q)
        v3(e, op, arr, V4, l->a, l->b);
}

static void high_half(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    products(e, l, op, arr);
    if (l->q)
        v3(e, A64_V_UZP2, arr, l->d, V3, V4);
    else
        a64_vshr(e, A64_VI_SHRN, low(arr), l->d, V3, 16);
}

static void rounded_high_half(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    products(e, l, op, arr);
    a64_vshr(e, A64_VI_RSHRN, low(arr), l->d, V3, 15);
    if (l->q)
        a64_vshr(e, A64_VI_RSHRN, arr, l->d, V4, 15);
}

static void multiply_add(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    products(e, l, op, arr);
    v3(e, A64_V_ADDP, A64_4S, l->d, V3, l->q ? V4 : V3);
}

static void multiply_even(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    a64_v2(e, A64_V_XTN, A64_2S, V3, l->a);
    a64_v2(e, A64_V_XTN, A64_2S, V4, l->b);
    v3(e, op, low(arr), l->d, V3, V4);
}

static void multiply_add_bytes(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)op;
    for (unsigned half = 0; half <= l->q; half++) {
        enum a64_arr from = half ? A64_16B : A64_8B;
        a64_uxtl(e, from, V3 + half, l->a);
        a64_sxtl(e, from, V5, l->b);
        v3(e, A64_V_MUL, A64_8H, V3 + half, V3 + half, V5);
    }
    unsigned upper = l->q ? V4 : V3;
    v3(e, A64_V_UZP1, arr, V5, V3, upper);
    v3(e, A64_V_UZP2, arr, V6, V3, upper);
    v3(e, A64_V_SQADD, arr, l->d, V5, V6);
}

static void sum_of_differences(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    arr = sized(l, arr);
    v3(e, op, arr, V3, l->a, l->b);
    a64_v2(e, A64_V_UADDLP, arr, V3, V3);
    a64_v2(e, A64_V_UADDLP, sized(l, A64_8H), V3, V3);
    a64_v2(e, A64_V_UADDLP, sized(l, A64_4S), l->d, V3);
}

/* Of four bytes at once, from 8 places on. */
static void sums_of_differences(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr) /* MPSADBW */
{
    (void)op;
    unsigned first = l->imm & 4, four = 4 * (l->imm & 3);
    for (unsigned k = 0; k < 4; k++) {
        unsigned a = l->a;
        if (first + k) {
            a64_ext(e, true, V4, a, a, first + k);
            a = V4;
        }
        a64_dup(e, low(arr), V5, l->b, four + k);
        v3(e, k ? A64_V_UABAL : A64_V_UABDL, low(arr), V3, a, V5);
    }
    a64_v_mov(e, l->d, V3);
}

/* The least word and the first place of it: the least of all words with their places below. */
static void minimum_and_place(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr) /* PHMINPOSUW */
{
    (void)op;
    a64_const64(e, A64_TMP0, UINT64_C(0x0003000200010000));
    a64_fmov_from_gpr(e, A64_X, V3, A64_TMP0);
    a64_vimm_h(e, A64_MOVI, true, V4, 4, 0);
    v3(e, A64_V_ADD, arr, V4, V4, V3);
    v3(e, A64_V_ZIP1, arr, V3, V3, l->b);
    a64_ext(e, true, V5, l->b, l->b, 8);
    v3(e, A64_V_ZIP1, arr, V4, V4, V5);
    v3(e, A64_V_UMIN, A64_4S, V3, V3, V4);
    a64_v2(e, A64_V_UMINV, A64_4S, V3, V3);
    a64_v2(e, A64_V_REV32, arr, l->d, V3);
}

static void copy_sign(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)op;
    arr = sized(l, arr);
    a64_v2(e, A64_VZ_CMLT, arr, V3, l->b);
    a64_v2(e, A64_VZ_CMEQ, arr, V4, l->b);
    v3(e, A64_V_EOR, A64_16B, V5, l->a, V3);
    v3(e, A64_V_SUB, arr, V5, V5, V3);
    v3(e, A64_V_BIC, A64_16B, l->d, V5, V4);
}

/* ---- shifts: op is that by a register, imm_op that by an immediate ---- */

enum { LEFT, RIGHT, ARITHMETIC };

static void shift_imm(struct emit *e, const struct lanes *l, uint32_t how, enum a64_arr arr)
{
    unsigned bits = 8u << a64_elem(arr), n = l->imm;
    if (how == ARITHMETIC && n >= bits)
        n = bits - 1;
    if (n >= bits) {
        simd_set_all(e, l->d, false);
        return;
    }
    arr = sized(l, arr);
    if (!n)
        a64_v_mov(e, l->d, l->a);
    else if (how == LEFT)
        a64_vshl(e, A64_VI_SHL, arr, l->d, l->a, n);
    else
        a64_vshr(e, how == RIGHT ? A64_VI_USHR : A64_VI_SSHR, arr, l->d, l->a, n);
}

/* The count is 64 bits wide; all above 64 do the same. */
static void shift(struct emit *e, const struct lanes *l, uint32_t how, enum a64_arr arr)
{
    if (l->in->o[1].kind == OPND_IMM) {
        shift_imm(e, l, how, arr);
        return;
    }
    a64_v2(e, A64_V_UQXTN, A64_2S, V3, l->b);
    a64_vimm_s(e, A64_MOVI, false, V4, 64, 0);
    v3(e, A64_V_UMIN, A64_2S, V3, V3, V4);
    a64_dup(e, A64_16B, V3, V3, 0);
    if (how != LEFT)
        a64_v2(e, A64_V_NEG, A64_16B, V3, V3);
    v3(e, how == ARITHMETIC ? A64_V_SSHL : A64_V_USHL, sized(l, arr), l->d, l->a, V3);
}

static void shift_bytes(struct emit *e, const struct lanes *l, uint32_t how, enum a64_arr arr)
{
    (void)arr;
    unsigned n = l->imm;
    if (n >= 16) {
        simd_set_all(e, l->d, false);
    } else if (!n) {
        a64_v_mov(e, l->d, l->a);
    } else {
        simd_set_all(e, V3, false);
        if (how == LEFT)
            a64_ext(e, true, l->d, V3, l->a, 16 - n);
        else
            a64_ext(e, true, l->d, l->a, V3, n);
    }
}

static void align(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)op, (void)arr;
    unsigned size = l->q ? 16 : 8, n = l->imm;
    if (n >= 2 * size) {
        simd_set_all(e, l->d, false);
    } else if (n < size) {
        a64_ext(e, l->q, l->d, l->b, l->a, n);
    } else {
        simd_set_all(e, V3, false);
        a64_ext(e, l->q, l->d, l->a, V3, n - size);
    }
}

/* ---- shuffles ---- */

static void shuffle_bytes(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)op, (void)arr;
    a64_must(a64_vmov_imm(e, true, V3, UINT64_C(0x0101010101010101) * (l->q ? 0x8f : 0x87)));
    v3(e, A64_V_AND, A64_16B, V3, V3, l->b);
    a64_tbl(e, l->q, l->d, l->a, 1, V3);
}

/* Four elements at once: one instruction gets as many of them right as it can, others are put in. */
enum { BY_V3_4S, BY_V3_2D, BY_EXT, BY_DUP, BY_REV };
static const struct { uint16_t pick; uint8_t how; uint32_t op; } patterns[] = {
    /* hexadecimal digits: elements 3, 2, 1, 0 with a = 0-3, b = 4-7; or a and b change places */
    {0x3210, BY_V3_4S, 0}, /* a itself */
    {0x5140, BY_V3_4S, A64_V_ZIP1}, {0x7362, BY_V3_4S, A64_V_ZIP2}, {0x6420, BY_V3_4S, A64_V_UZP1},
    {0x7531, BY_V3_4S, A64_V_UZP2}, {0x6240, BY_V3_4S, A64_V_TRN1}, {0x7351, BY_V3_4S, A64_V_TRN2},
    {0x5410, BY_V3_2D, A64_V_ZIP1}, {0x7632, BY_V3_2D, A64_V_ZIP2}, {0x4321, BY_EXT, 4},
    {0x5432, BY_EXT, 8}, {0x6543, BY_EXT, 12}, {0x0000, BY_DUP, 0}, {0x1111, BY_DUP, 1},
    {0x2222, BY_DUP, 2}, {0x3333, BY_DUP, 3}, {0x2301, BY_REV, 0},
};

static unsigned picked(uint16_t pick, unsigned i, bool swap)
{
    return (pick >> 4 * i & 7) ^ (swap ? 4u : 0u);
}

static void shuffle_once(struct emit *e, unsigned how, uint32_t op, unsigned d, unsigned n, unsigned m)
{
    switch (how) {
    case BY_V3_4S:
        if (op)
            v3(e, op, A64_4S, d, n, m);
        else if (d != n)
            a64_v_mov(e, d, n);
        break;
    case BY_V3_2D: v3(e, op, A64_2D, d, n, m); break;
    case BY_EXT: a64_ext(e, true, d, n, m, op); break;
    case BY_DUP: a64_dup(e, A64_4S, d, n, op); break;
    default: a64_v2(e, A64_V_REV64, A64_4S, d, n); break;
    }
}

/* How many instructions it takes from that pattern. */
static unsigned missing(uint16_t pattern, bool swap, bool same, const uint8_t pick[4])
{
    unsigned n = 0, mask = same ? 3 : 7;
    for (unsigned i = 0; i < 4; i++)
        n += pick[i] == SHUFFLE_ZERO || (picked(pattern, i, swap) & mask) != (pick[i] & mask);
    return n;
}

void simd_shuffle4(struct emit *e, unsigned d, unsigned a, unsigned b, const uint8_t pick[4])
{
    unsigned best = 0, best_n = 5;
    bool swap = false, same = a == b;
    for (unsigned k = 0; k < 2 * ARRAY_SIZE(patterns) && best_n; k++) {
        unsigned n = missing(patterns[k / 2].pick, k & 1, same, pick);
        if (n < best_n)
            best_n = n, best = k / 2, swap = k & 1;
    }
    bool in_place = !best_n || (d != a && d != b);
    unsigned r = in_place ? d : V3;
    shuffle_once(e, patterns[best].how, patterns[best].op, r, swap ? b : a, swap ? a : b);
    for (unsigned i = 0; i < 4; i++) {
        unsigned want = pick[i];
        if (want == SHUFFLE_ZERO)
            a64_ins_gpr(e, A64_4S, r, i, A64_ZR);
        else if ((picked(patterns[best].pick, i, swap) ^ want) & (same ? 3 : 7))
            a64_ins(e, A64_4S, r, i, want & 4 ? b : a, want & 3);
    }
    if (!in_place)
        a64_v_mov(e, d, r);
}

static void shuffle_dwords(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)arr;
    uint8_t pick[4];
    for (unsigned i = 0; i < 4; i++) {
        unsigned two = l->imm >> 2 * i & 3;
        switch (op) {
        case OP_PSHUFD: pick[i] = (uint8_t)two; break;
        case OP_SHUFPS: pick[i] = (uint8_t)(two + (i & 2 ? 4 : 0)); break;
        case OP_SHUFPD:
            pick[i] = (uint8_t)((l->imm >> (i >> 1) & 1) * 2 + (i & 1) + (i & 2 ? 4 : 0));
            break;
        case OP_BLENDPS: pick[i] = (uint8_t)(i + (l->imm >> i & 1 ? 4 : 0)); break;
        case OP_BLENDPD: pick[i] = (uint8_t)(i + (l->imm >> (i >> 1) & 1 ? 4 : 0)); break;
        case OP_MOVSLDUP: pick[i] = (uint8_t)(i & 2); break;
        default: pick[i] = (uint8_t)(i | 1); break; /* MOVSHDUP */
        }
    }
    bool one = op == OP_PSHUFD || op == OP_MOVSLDUP || op == OP_MOVSHDUP;
    simd_shuffle4(e, l->d, one ? l->b : l->a, l->b, pick);
}

/* Four words from `base` on. */
static void shuffle_words(struct emit *e, const struct lanes *l, uint32_t base, enum a64_arr arr)
{
    unsigned r = l->d == l->b ? V3 : l->d;
    a64_v_mov(e, r, l->b);
    for (unsigned i = 0; i < 4; i++)
        if ((l->imm >> 2 * i & 3) != i)
            a64_ins(e, arr, r, base + i, l->b, base + (l->imm >> 2 * i & 3));
    if (r != l->d)
        a64_v_mov(e, l->d, r);
}

static void blend_words(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)op;
    bool most = __builtin_popcount(l->imm) > 4;
    unsigned from = most ? l->a : l->b, to = most ? l->b : l->a, imm = most ? ~l->imm : l->imm;
    unsigned r = l->d == from ? V3 : l->d;
    if (r != to)
        a64_v_mov(e, r, to);
    for (unsigned i = 0; i < 8; i++)
        if (imm >> i & 1)
            a64_ins(e, arr, r, i, from, i);
    if (r != l->d)
        a64_v_mov(e, l->d, r);
}

void simd_select(struct emit *e, unsigned d, unsigned mask, unsigned a, unsigned b)
{
    if (d == b)
        a64_v3(e, A64_V_BIT, A64_16B, d, a, mask);
    else if (d == a)
        a64_v3(e, A64_V_BIF, A64_16B, d, b, mask);
    else
        a64_v3(e, A64_V_BSL, A64_16B, d, a, b);
}

/* The mask is the sign bits of xmm0, or of a fourth operand. */
static void blend_by_mask(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)op;
    unsigned mask = l->d == l->a || l->d == l->b ? (unsigned)V3 : l->d;
    a64_v2(e, A64_VZ_CMLT, arr, mask, l->mask);
    simd_select(e, l->d, mask, l->b, l->a);
}

static void extend(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    unsigned from = l->b;
    for (arr = low(arr); op & 3; op--, arr = (enum a64_arr)(arr + 2)) {
        if (op & 4)
            a64_uxtl(e, arr, l->d, from);
        else
            a64_sxtl(e, arr, l->d, from);
        from = l->d;
    }
}

static void duplicate_low(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)op;
    a64_dup(e, arr, l->d, l->b, 0);
}

static void insert_single(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)op, (void)arr;
    uint8_t pick[4] = {0, 1, 2, 3};
    bool mem = l->in->o[1].kind == OPND_MEM;
    pick[l->imm >> 4 & 3] = (uint8_t)(4 + (mem ? 0 : l->imm >> 6 & 3));
    for (unsigned i = 0; i < 4; i++)
        if (l->imm >> i & 1)
            pick[i] = SHUFFLE_ZERO;
    simd_shuffle4(e, l->d, l->a, l->b, pick);
}

/* ---- the table ---- */

enum { NO_A = 1, MASK = 2 /* by xmm0 */ };
struct row {
    uint16_t op;
    uint8_t arr, flags;
    lanes_fn fn;
    uint32_t arg;
};
#define B A64_16B
#define H A64_8H
#define S A64_4S
#define D A64_2D
#define V(op) A64_V_##op
static const struct row rows[] = {
#define R(op, fn, arg, arr) {OP_##op, arr, 0, fn, arg},
    R(PADDB, plain, V(ADD), B) R(PADDW, plain, V(ADD), H) R(PADDD, plain, V(ADD), S)
    R(PSUBB, plain, V(SUB), B) R(PSUBW, plain, V(SUB), H) R(PSUBD, plain, V(SUB), S)
    R(PADDSB, plain, V(SQADD), B) R(PADDSW, plain, V(SQADD), H) R(PADDUSB, plain, V(UQADD), B)
    R(PADDUSW, plain, V(UQADD), H) R(PSUBSB, plain, V(SQSUB), B) R(PSUBSW, plain, V(SQSUB), H)
    R(PSUBUSB, plain, V(UQSUB), B) R(PSUBUSW, plain, V(UQSUB), H)
    R(PAND, plain, V(AND), B) R(PANDN, reversed, V(BIC), B) R(POR, plain, V(ORR), B)
    R(PXOR, plain, V(EOR), B)
    R(PCMPEQB, plain, V(CMEQ), B) R(PCMPEQW, plain, V(CMEQ), H) R(PCMPEQD, plain, V(CMEQ), S)
    R(PCMPGTB, plain, V(CMGT), B) R(PCMPGTW, plain, V(CMGT), H) R(PCMPGTD, plain, V(CMGT), S)
    R(PMULLW, plain, V(MUL), H) R(PAVGB, plain, V(URHADD), B) R(PAVGW, plain, V(URHADD), H)
    R(PMINUB, plain, V(UMIN), B) R(PMAXUB, plain, V(UMAX), B) R(PMINSW, plain, V(SMIN), H)
    R(PMAXSW, plain, V(SMAX), H)
    R(PMULHW, high_half, V(SMULL), H) R(PMULHUW, high_half, V(UMULL), H)
    R(PMULHRSW, rounded_high_half, V(SMULL), H) R(PMADDWD, multiply_add, V(SMULL), H)
    R(PMADDUBSW, multiply_add_bytes, 0, H) R(PMULUDQ, multiply_even, V(UMULL), S)
    R(PSADBW, sum_of_differences, V(UABD), B)
    R(PSIGNB, copy_sign, 0, B) R(PSIGNW, copy_sign, 0, H) R(PSIGND, copy_sign, 0, S)
    R(PHADDW, plain, V(ADDP), H) R(PHADDD, plain, V(ADDP), S) R(PHADDSW, pairs, V(SQADD), H)
    R(PHSUBW, pairs, V(SUB), H) R(PHSUBD, pairs, V(SUB), S) R(PHSUBSW, pairs, V(SQSUB), H)
    R(PACKSSWB, pack, V(SQXTN), B) R(PACKUSWB, pack, V(SQXTUN), B) R(PACKSSDW, pack, V(SQXTN), H)
    R(PUNPCKLBW, plain, V(ZIP1), B) R(PUNPCKHBW, plain, V(ZIP2), B) R(PUNPCKLWD, plain, V(ZIP1), H)
    R(PUNPCKHWD, plain, V(ZIP2), H) R(PUNPCKLDQ, plain, V(ZIP1), S) R(PUNPCKHDQ, plain, V(ZIP2), S)
    R(PSLLW, shift, LEFT, H) R(PSLLD, shift, LEFT, S) R(PSLLQ, shift, LEFT, D)
    R(PSRLW, shift, RIGHT, H) R(PSRLD, shift, RIGHT, S) R(PSRLQ, shift, RIGHT, D)
    R(PSRAW, shift, ARITHMETIC, H) R(PSRAD, shift, ARITHMETIC, S)
    R(PSHUFB, shuffle_bytes, 0, B) R(PALIGNR, align, 0, B)
    R(PADDQ, plain, V(ADD), D) R(PSUBQ, plain, V(SUB), D)
    R(PCMPEQQ, plain, V(CMEQ), D) R(PCMPGTQ, plain, V(CMGT), D)
    R(PMULLD, plain, V(MUL), S) R(PMULDQ, multiply_even, V(SMULL), S)
    R(PMINSB, plain, V(SMIN), B) R(PMAXSB, plain, V(SMAX), B) R(PMINUW, plain, V(UMIN), H)
    R(PMAXUW, plain, V(UMAX), H) R(PMINSD, plain, V(SMIN), S) R(PMAXSD, plain, V(SMAX), S)
    R(PMINUD, plain, V(UMIN), S) R(PMAXUD, plain, V(UMAX), S) R(PACKUSDW, pack, V(SQXTUN), H)
    R(PUNPCKLQDQ, plain, V(ZIP1), D) R(PUNPCKHQDQ, plain, V(ZIP2), D)
    R(UNPCKLPS, plain, V(ZIP1), S) R(UNPCKHPS, plain, V(ZIP2), S)
    R(UNPCKLPD, plain, V(ZIP1), D) R(UNPCKHPD, plain, V(ZIP2), D)
    R(ANDPS, plain, V(AND), B) R(ANDPD, plain, V(AND), B) R(ANDNPS, reversed, V(BIC), B)
    R(ANDNPD, reversed, V(BIC), B) R(ORPS, plain, V(ORR), B) R(ORPD, plain, V(ORR), B)
    R(XORPS, plain, V(EOR), B) R(XORPD, plain, V(EOR), B)
    R(PSLLDQ, shift_bytes, LEFT, B) R(PSRLDQ, shift_bytes, RIGHT, B)
    R(SHUFPS, shuffle_dwords, OP_SHUFPS, S) R(SHUFPD, shuffle_dwords, OP_SHUFPD, S)
    R(BLENDPS, shuffle_dwords, OP_BLENDPS, S) R(BLENDPD, shuffle_dwords, OP_BLENDPD, S)
    R(PBLENDW, blend_words, 0, H) R(INSERTPS, insert_single, 0, S)
    R(AESENC, simd_aes, OP_AESENC, B) R(AESENCLAST, simd_aes, OP_AESENCLAST, B) R(AESDEC, simd_aes, OP_AESDEC, B)
    R(AESDECLAST, simd_aes, OP_AESDECLAST, B) R(PCLMULQDQ, simd_carryless, V(PMULL), D)
    R(MPSADBW, sums_of_differences, 0, B)
    R(SHA1MSG1, simd_sha1, OP_SHA1MSG1, S) R(SHA1MSG2, simd_sha1, OP_SHA1MSG2, S)
    R(SHA1NEXTE, simd_sha1, OP_SHA1NEXTE, S) R(SHA1RNDS4, simd_sha1, OP_SHA1RNDS4, S)
    R(SHA256MSG1, simd_sha256, OP_SHA256MSG1, S) R(SHA256MSG2, simd_sha256, OP_SHA256MSG2, S)
#undef R
#define R(op, fn, arg, arr) {OP_##op, arr, MASK, fn, arg},
    R(PBLENDVB, blend_by_mask, 0, B) R(BLENDVPS, blend_by_mask, 0, S) R(BLENDVPD, blend_by_mask, 0, D)
    R(SHA256RNDS2, simd_sha256, OP_SHA256RNDS2, S)
#undef R
#define R(op, fn, arg, arr) {OP_##op, arr, NO_A, fn, arg},
    R(AESKEYGENASSIST, simd_aes_key, 0, B) R(PHMINPOSUW, minimum_and_place, 0, H)
    R(PABSB, unary, V(ABS), B) R(PABSW, unary, V(ABS), H) R(PABSD, unary, V(ABS), S)
    R(PSHUFW, shuffle_words, 0, H) R(PSHUFD, shuffle_dwords, OP_PSHUFD, S)
    R(MOVSLDUP, shuffle_dwords, OP_MOVSLDUP, S)
    R(MOVSHDUP, shuffle_dwords, OP_MOVSHDUP, S) R(MOVDDUP, duplicate_low, 0, D)
    R(PSHUFLW, shuffle_words, 0, H) R(PSHUFHW, shuffle_words, 4, H) R(AESIMC, simd_aes, OP_AESIMC, B)
    R(PMOVSXBW, extend, 1, B) R(PMOVSXBD, extend, 2, B) R(PMOVSXBQ, extend, 3, B)
    R(PMOVSXWD, extend, 1, H) R(PMOVSXWQ, extend, 2, H) R(PMOVSXDQ, extend, 1, S)
    R(PMOVZXBW, extend, 5, B) R(PMOVZXBD, extend, 6, B) R(PMOVZXBQ, extend, 7, B)
    R(PMOVZXWD, extend, 5, H) R(PMOVZXWQ, extend, 6, H) R(PMOVZXDQ, extend, 5, S)
#undef R
};
#undef B
#undef H
#undef S
#undef D
#undef V

static const struct row *row_of(unsigned op)
{
    static uint8_t index[OP_COUNT]; /* 1 + row */
    if (!index[rows[0].op])
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
            index[rows[i].op] = (uint8_t)(i + 1);
    return index[op] ? &rows[index[op] - 1] : NULL;
}
_Static_assert(ARRAY_SIZE(rows) < 255, "the index of rows is of bytes");

bool simd_int_supported(const struct insn *in)
{
    return row_of(in->op) && simd_crypto_available(in->op);
}

/* ---- MMX ---- */

static void mmx(struct emit *e, const struct insn *in, const struct row *row)
{
    const struct opnd *o = in->o;
    struct lanes l = {.in = in, .imm = in->imm & 0xff};
    simd_mmx_begin(e);
    l.b = V1;
    if (o[1].kind == OPND_MEM)
        simd_load(e, in, V1);
    else if (o[1].kind == OPND_MM)
        l.b = simd_mmx_read(o[1].reg);
    l.a = simd_mmx_read(o[0].reg);
    l.d = simd_mmx_write(e, o[0].reg);
    row->fn(e, &l, row->arg, (enum a64_arr)row->arr);
    simd_mmx_end(e);
}

/* ---- SSE ---- */

/* x ^ x, x - x, x == x: what x was does not matter. */
static bool constant_result(const struct insn *in, bool *ones)
{
    if (in->o[0].kind != OPND_XMM || in->o[1].kind != OPND_XMM || simd_first(in) != in->o[1].reg)
        return false;
    *ones = false;
    switch (in->op) {
    case OP_PXOR: case OP_XORPS: case OP_XORPD: case OP_PSUBB: case OP_PSUBW: case OP_PSUBD:
    case OP_PSUBQ: case OP_PCMPGTB: case OP_PCMPGTW: case OP_PCMPGTD: case OP_PCMPGTQ: return true;
    case OP_PCMPEQB: case OP_PCMPEQW: case OP_PCMPEQD: case OP_PCMPEQQ: *ones = true; return true;
    default: return false;
    }
}

void simd_int(struct emit *e, const struct insn *in)
{
    const struct row *row = row_of(in->op);
    unsigned x = in->o[0].reg;
    bool ones;
    if (in->o[0].kind == OPND_MM) {
        mmx(e, in, row);
        return;
    }
    if (constant_result(in, &ones)) {
        simd_set_all(e, run_write(e, x, ones ? 16 : 0), ones);
        return;
    }
    struct lanes l = {.in = in, .q = true, .imm = in->imm & 0xff};
    if (in->o[1].kind != OPND_IMM)
        l.b = simd_source(e, in, V1);
    if (!(row->flags & NO_A))
        l.a = run_read(e, simd_first(in));
    if (row->flags & MASK)
        l.mask = run_read(e, in->o[2].kind == OPND_XMM ? in->o[2].reg : 0);
    if (in->o[1].kind == OPND_XMM) /* the first read may have moved it */
        l.b = run_read(e, in->o[1].reg);
    l.d = run_write(e, x, 16);
    row->fn(e, &l, row->arg, (enum a64_arr)row->arr);
}
