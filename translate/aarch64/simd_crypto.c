/* AES, carry-less multiplication, SHA, by the host's instructions for them. */
#include "translate/aarch64/simd_lanes.h"

bool simd_crypto_available(unsigned op)
{
    switch (op) {
    case OP_AESENC: case OP_AESENCLAST: case OP_AESDEC: case OP_AESDECLAST: case OP_AESIMC: case OP_AESKEYGENASSIST:
        return a64_has.aes;
    case OP_PCLMULQDQ: return a64_has.pmull;
    case OP_SHA1NEXTE: case OP_SHA1RNDS4: return a64_has.sha1;
    case OP_SHA256MSG1: case OP_SHA256MSG2: case OP_SHA256RNDS2: return a64_has.sha2;
    default: return true;
    }
}

/* ---- AES ---- */

void simd_aes(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)arr;
    bool decrypt = op == OP_AESDEC || op == OP_AESDECLAST;
    if (op == OP_AESIMC) {
        a64_aesimc(e, l->d, l->b);
        return;
    }
    simd_set_all(e, V3, false);
    a64_v_mov(e, V4, l->a);
    if (decrypt)
        a64_aesd(e, V4, V3);
    else
        a64_aese(e, V4, V3);
    if (op == OP_AESENC)
        a64_aesmc(e, V4, V4);
    else if (op == OP_AESDEC)
        a64_aesimc(e, V4, V4);
    a64_v3(e, A64_V_EOR, A64_16B, l->d, V4, l->b);
}

/* AESE moves bytes between columns: all of them are the same here. */
void simd_aes_key(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)op, (void)arr;
    simd_set_all(e, V5, false);
    a64_dup(e, A64_4S, V3, l->b, 1);
    a64_dup(e, A64_4S, V4, l->b, 3);
    a64_aese(e, V3, V5);
    a64_aese(e, V4, V5);
    a64_v3(e, A64_V_ZIP1, A64_2D, V3, V3, V4);
    a64_vshr(e, A64_VI_USHR, A64_4S, V4, V3, 8);
    a64_vshl(e, A64_VI_SLI, A64_4S, V4, V3, 24);
    if (l->imm) {
        a64_vimm_s(e, A64_MOVI, true, V5, l->imm, 0);
        a64_v3(e, A64_V_EOR, A64_16B, V4, V4, V5);
    }
    a64_v3(e, A64_V_TRN1, A64_4S, l->d, V3, V4);
}

void simd_carryless(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    (void)arr;
    unsigned a = l->a, b = l->b;
    bool upper = (l->imm & 0x11) == 0x11;
    if (!upper && (l->imm & 1)) {
        a64_dup(e, A64_2D, V3, a, 1);
        a = V3;
    }
    if (!upper && (l->imm & 0x10)) {
        a64_dup(e, A64_2D, V4, b, 1);
        b = V4;
    }
    a64_v3(e, (enum a64_v3)op, upper ? A64_2D : A64_1D, l->d, a, b);
}

/* The register for an operation that changes a. */
static unsigned begin_in_place(struct emit *e, const struct lanes *l)
{
    if (l->d == l->a && l->d != l->b)
        return l->d;
    a64_v_mov(e, V3, l->a);
    return V3;
}

static void end_in_place(struct emit *e, const struct lanes *l, unsigned d)
{
    if (d != l->d)
        a64_v_mov(e, l->d, d);
}

/* ---- SHA: x86 has A, and the first word, in the highest element ---- */

static void reverse(struct emit *e, unsigned d, unsigned n)
{
    a64_v2(e, A64_V_REV64, A64_4S, d, n);
    a64_ext(e, true, d, d, d, 8);
}

/* v: rotated by 1 to the left, v4 */
static void rotate_1(struct emit *e, unsigned d, unsigned v)
{
    a64_v3(e, A64_V_ADD, A64_4S, d, v, v);
    a64_vshr(e, A64_VI_SRI, A64_4S, d, v, 31);
}

static void sha1_rounds(struct emit *e, const struct lanes *l)
{
    static const uint32_t k[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    unsigned part = l->imm & 3;
    reverse(e, V3, l->a);
    reverse(e, V4, l->b); /* E is in its first word, */
    a64_const(e, A64_TMP0, k[part]);
    a64_dup_gpr(e, A64_4S, V5, A64_TMP0);
    a64_v3(e, A64_V_ADD, A64_4S, V4, V4, V5);
    simd_set_all(e, V5, false); /* so not here */
    if (part == 0)
        a64_sha1c(e, V3, V5, V4);
    else if (part == 2)
        a64_sha1m(e, V3, V5, V4);
    else
        a64_sha1p(e, V3, V5, V4);
    reverse(e, l->d, V3);
}

void simd_sha1(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    switch (op) {
    case OP_SHA1RNDS4: sha1_rounds(e, l); break;
    case OP_SHA1NEXTE:
        a64_dup(e, A64_S1, V3, l->a, 3);
        a64_sha1h(e, V3, V3);
        simd_set_all(e, V4, false);
        a64_ext(e, true, V3, V4, V3, 4);
        a64_v3(e, A64_V_ADD, arr, l->d, l->b, V3);
        break;
    case OP_SHA1MSG1:
        a64_ext(e, true, V3, l->b, l->a, 8);
        a64_v3(e, A64_V_EOR, A64_16B, l->d, l->a, V3);
        break;
    default: /* SHA1MSG2: the last word depends on the first one made */
        simd_set_all(e, V3, false);
        a64_ext(e, true, V3, V3, l->b, 12);
        a64_v3(e, A64_V_EOR, A64_16B, V3, V3, l->a);
        rotate_1(e, V4, V3);
        a64_dup(e, A64_S1, V5, V4, 3);
        rotate_1(e, V6, V5);
        a64_v3(e, A64_V_EOR, A64_16B, l->d, V4, V6);
        break;
    }
}

/* Two rounds: of the four that the host's instructions do the third and fourth element are the state
 * between. */
static void sha256_rounds(struct emit *e, const struct lanes *l)
{
    a64_v2(e, A64_V_REV64, A64_4S, V3, l->b);
    a64_v2(e, A64_V_REV64, A64_4S, V4, l->a);
    a64_v3(e, A64_V_ZIP2, A64_2D, V5, V3, V4); /* ABCD */
    a64_v3(e, A64_V_ZIP1, A64_2D, V4, V3, V4); /* EFGH */
    a64_v_mov(e, V3, V5);
    a64_sha256h(e, V3, V4, l->mask);
    a64_sha256h2(e, V4, V5, l->mask);
    a64_v3(e, A64_V_ZIP2, A64_2D, V3, V4, V3);
    a64_v2(e, A64_V_REV64, A64_4S, l->d, V3);
}

void simd_sha256(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr)
{
    unsigned d;
    (void)arr;
    switch (op) {
    case OP_SHA256RNDS2: sha256_rounds(e, l); break;
    case OP_SHA256MSG1:
        d = begin_in_place(e, l);
        a64_sha256su0(e, d, l->b);
        end_in_place(e, l, d);
        break;
    default: /* SHA256MSG2: that word W[t-7] has been added */
        simd_set_all(e, V4, false);
        a64_v_mov(e, V5, l->b);
        a64_ins_gpr(e, A64_4S, V5, 0, A64_ZR);
        d = begin_in_place(e, l);
        a64_sha256su1(e, d, V4, V5);
        end_in_place(e, l, d);
        break;
    }
}
