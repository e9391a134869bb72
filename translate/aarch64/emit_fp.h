/* Part of emit.h: floating-point and vector instructions. The vector instructions are few classes;
 * each has one function, an enum of operations made from lists, and takes an arrangement. */
#ifndef XRUN_TRANSLATE_AARCH64_EMIT_FP_H
#define XRUN_TRANSLATE_AARCH64_EMIT_FP_H

#include "translate/aarch64/emit.h"

/* Bits of FPSR. */
enum { FPSR_IOC = 1, FPSR_DZC = 2, FPSR_OFC = 4, FPSR_UFC = 8, FPSR_IXC = 16, FPSR_IDC = 128 };

/* ---- Scalar floating point ---- */
enum a64_ft { A64_S, A64_D, A64_H = 3 };

/* name(e, ft, d, n) */
#define A64_LIST_FP1(X) \
    X(FMOV, fmov, 0x1e204000) X(FABS, fabs, 0x1e20c000) X(FNEG, fneg, 0x1e214000) \
    X(FSQRT, fsqrt, 0x1e21c000) X(FRINTN, frintn, 0x1e244000) X(FRINTP, frintp, 0x1e24c000) \
    X(FRINTM, frintm, 0x1e254000) X(FRINTZ, frintz, 0x1e25c000) X(FRINTA, frinta, 0x1e264000) \
    X(FRINTX, frintx, 0x1e274000) X(FRINTI, frinti, 0x1e27c000)
/* FEAT_FRINTTS: round to integers that fit, like the above for S and D */
#define A64_LIST_FP1_TS(X) \
    X(FRINT32Z, frint32z, 0x1e284000) X(FRINT32X, frint32x, 0x1e28c000) \
    X(FRINT64Z, frint64z, 0x1e294000) X(FRINT64X, frint64x, 0x1e29c000)
/* name(e, ft, d, n, m) */
#define A64_LIST_FP2(X) \
    X(FMUL, fmul, 0x1e200800) X(FDIV, fdiv, 0x1e201800) X(FADD, fadd, 0x1e202800) \
    X(FSUB, fsub, 0x1e203800) X(FMAX, fmax, 0x1e204800) X(FMIN, fmin, 0x1e205800) \
    X(FMAXNM, fmaxnm, 0x1e206800) X(FMINNM, fminnm, 0x1e207800) X(FNMUL, fnmul, 0x1e208800)
/* d = a +- n * m in one rounding */
#define A64_LIST_FP3(X) \
    X(FMADD, fmadd, 0x1f000000) X(FMSUB, fmsub, 0x1f008000) X(FNMADD, fnmadd, 0x1f200000) \
    X(FNMSUB, fnmsub, 0x1f208000)
/* to a general register: name(e, sf, ft, d, n) */
#define A64_LIST_FP_TO_INT(X) \
    X(FCVTNS, fcvtns, 0x1e200000) X(FCVTNU, fcvtnu, 0x1e210000) X(FCVTAS, fcvtas, 0x1e240000) \
    X(FCVTAU, fcvtau, 0x1e250000) X(FCVTPS, fcvtps, 0x1e280000) X(FCVTPU, fcvtpu, 0x1e290000) \
    X(FCVTMS, fcvtms, 0x1e300000) X(FCVTMU, fcvtmu, 0x1e310000) X(FCVTZS, fcvtzs, 0x1e380000) \
    X(FCVTZU, fcvtzu, 0x1e390000)
/* from a general register: name(e, sf, ft, d, n) */
#define A64_LIST_INT_TO_FP(X) X(SCVTF, scvtf, 0x1e220000) X(UCVTF, ucvtf, 0x1e230000)

#define X(NAME, name, bits) A64_##NAME = bits,
enum a64_fp1 { A64_LIST_FP1(X) A64_LIST_FP1_TS(X) };
enum a64_fp2 { A64_LIST_FP2(X) };
enum a64_fp_int { A64_LIST_FP_TO_INT(X) A64_LIST_INT_TO_FP(X) };
enum a64_fp3 { A64_LIST_FP3(X) };
#undef X
A64_FORM(fp1, op | ft << 22 | a64_rd_n(d, n), enum a64_fp1 op, enum a64_ft ft, A64_DN)
A64_FORM(fp2, op | ft << 22 | a64_rd_nm(d, n, m), enum a64_fp2 op, enum a64_ft ft, A64_DNM)
A64_FORM(fp3, op | ft << 22 | a << 10 | a64_rd_nm(d, n, m), enum a64_fp3 op, enum a64_ft ft,
         A64_DNM, unsigned a)
A64_FORM(fp_int, op | a64_sfbit(sf) | ft << 22 | a64_rd_n(d, n), enum a64_fp_int op, unsigned sf,
         enum a64_ft ft, A64_DN)
#define X(NAME, name, bits) \
    A64_ALIAS(void, name, a64_fp1(e, A64_##NAME, ft, d, n), enum a64_ft ft, A64_DN)
A64_LIST_FP1(X)
A64_LIST_FP1_TS(X)
#undef X
#define X(NAME, name, bits) \
    A64_ALIAS(void, name, a64_fp2(e, A64_##NAME, ft, d, n, m), enum a64_ft ft, A64_DNM)
A64_LIST_FP2(X)
#undef X
#define X(NAME, name, bits) \
    A64_ALIAS(void, name, a64_fp_int(e, A64_##NAME, sf, ft, d, n), unsigned sf, enum a64_ft ft, \
              A64_DN)
A64_LIST_FP_TO_INT(X)
A64_LIST_INT_TO_FP(X)
#undef X
A64_FORM(fcvt, 0x1e224000 | from << 22 | to << 15 | a64_rd_n(d, n), enum a64_ft to,
         enum a64_ft from, A64_DN)
/* FEAT_JSCVT: double -> int32 modulo 2^32; Z: it was exact */
A64_FORM(fjcvtzs, 0x1e7e0000 | a64_rd_n(d, n), A64_DN)
A64_FORM(fcmp, 0x1e202000 | ft << 22 | a64_rd_nm(0, n, m), enum a64_ft ft, unsigned n, unsigned m)
A64_FORM(fcmpe, 0x1e202010 | ft << 22 | a64_rd_nm(0, n, m), enum a64_ft ft, unsigned n, unsigned m)
A64_FORM(fcmp_zero, 0x1e202008 | ft << 22 | n << 5, enum a64_ft ft, unsigned n)
A64_FORM(fcmpe_zero, 0x1e202018 | ft << 22 | n << 5, enum a64_ft ft, unsigned n)
A64_CHECKED(fccmp, nzcv < 16, 0x1e200400 | ft << 22 | c << 12 | a64_rd_nm(nzcv, n, m),
            enum a64_ft ft, unsigned n, unsigned m, unsigned nzcv, enum a64_cond c)
A64_FORM(fcsel, 0x1e200c00 | ft << 22 | c << 12 | a64_rd_nm(d, n, m), enum a64_ft ft, A64_DNM,
         enum a64_cond c)
/* Bits between registers: s <-> w (A64_W), d <-> x (A64_X), upper half v.d[1] <-> x. */
A64_FORM(fmov_to_gpr, 0x1e260000 | a64_sfbit(sf) | sf << 22 | a64_rd_n(d, n), unsigned sf, A64_DN)
A64_FORM(fmov_from_gpr, 0x1e270000 | a64_sfbit(sf) | sf << 22 | a64_rd_n(d, n), unsigned sf,
         A64_DN)
A64_FORM(fmov_top_to_gpr, 0x9eae0000 | a64_rd_n(d, n), A64_DN)
A64_FORM(fmov_top_from_gpr, 0x9eaf0000 | a64_rd_n(d, n), A64_DN)
/* The 8-bit immediate: sign, 3-bit exponent, 4-bit fraction. False if the double is none. */
A64_TRY a64_fp_imm8(uint64_t double_bits, unsigned *imm8);
A64_TRY a64_fmov_imm(struct emit *e, enum a64_ft ft, unsigned d, double value);

/* ---- Arrangements: bit 0 is Q, bits 1-2 log2 of the element's bytes, bit 3 scalar ---- */
enum a64_arr {
    A64_8B, A64_16B, A64_4H, A64_8H, A64_2S, A64_4S, A64_1D, A64_2D,
    A64_B1 = 8, A64_H1 = 10, A64_S1 = 12, A64_D1 = 14,
};
static inline unsigned a64_elem(enum a64_arr a) { return a >> 1 & 3; }
static inline uint32_t a64_qbit(enum a64_arr a) { return (a & 1) << 30 | (a & 8 ? 0x50000000 : 0); }
static inline uint32_t a64_arrbits(enum a64_arr a) { return a64_qbit(a) | a64_elem(a) << 22; }
/* The size bit of floating-point operations: S or D. */
static inline uint32_t a64_arrbits_fp(enum a64_arr a) { return a64_qbit(a) | (a & 2) << 21; }

/* Rows: name, encoding, element sizes that exist: of vectors (1 B, 2 H, 4 S, 8 2D, 16 1D) and of
 * scalars (1 B, 2 H, 4 S, 8 D). They are kept in the register fields of the enumerator. */
enum { A64_ROW_MASK = 0x1ff };
#define A64_ROW(bits, vectors, scalars) ((bits) | (vectors) | (scalars) << 5)
static inline bool a64_arr_ok(uint32_t op, enum a64_arr a)
{
    return op >> (a & 8 ? 5 + a64_elem(a) : a == A64_1D ? 4 : a64_elem(a)) & 1;
}
static inline uint32_t a64_row(uint32_t op, enum a64_arr a)
{
    xassert(a64_arr_ok(op, a));
    return op & ~(uint32_t)A64_ROW_MASK;
}

/* Same arrangement for all operands; the logical ones are of bytes (A64_8B, A64_16B). */
#define A64_LIST_V3(X) \
    X(SHADD, 0x0e200400, 7, 0) X(SQADD, 0x0e200c00, 15, 15) X(SRHADD, 0x0e201400, 7, 0) \
    X(SHSUB, 0x0e202400, 7, 0) X(SQSUB, 0x0e202c00, 15, 15) X(CMGT, 0x0e203400, 15, 8) \
    X(CMGE, 0x0e203c00, 15, 8) X(SSHL, 0x0e204400, 15, 8) X(SQSHL, 0x0e204c00, 15, 15) \
    X(SRSHL, 0x0e205400, 15, 8) X(SQRSHL, 0x0e205c00, 15, 15) X(SMAX, 0x0e206400, 7, 0) \
    X(SMIN, 0x0e206c00, 7, 0) X(SABD, 0x0e207400, 7, 0) X(SABA, 0x0e207c00, 7, 0) \
    X(ADD, 0x0e208400, 15, 8) X(CMTST, 0x0e208c00, 15, 8) X(MLA, 0x0e209400, 7, 0) \
    X(MUL, 0x0e209c00, 7, 0) X(SMAXP, 0x0e20a400, 7, 0) X(SMINP, 0x0e20ac00, 7, 0) \
    X(SQDMULH, 0x0e20b400, 6, 6) X(ADDP, 0x0e20bc00, 15, 0) X(UHADD, 0x2e200400, 7, 0) \
    X(UQADD, 0x2e200c00, 15, 15) X(URHADD, 0x2e201400, 7, 0) X(UHSUB, 0x2e202400, 7, 0) \
    X(UQSUB, 0x2e202c00, 15, 15) X(CMHI, 0x2e203400, 15, 8) X(CMHS, 0x2e203c00, 15, 8) \
    X(USHL, 0x2e204400, 15, 8) X(UQSHL, 0x2e204c00, 15, 15) X(URSHL, 0x2e205400, 15, 8) \
    X(UQRSHL, 0x2e205c00, 15, 15) X(UMAX, 0x2e206400, 7, 0) X(UMIN, 0x2e206c00, 7, 0) \
    X(UABD, 0x2e207400, 7, 0) X(UABA, 0x2e207c00, 7, 0) X(SUB, 0x2e208400, 15, 8) \
    X(CMEQ, 0x2e208c00, 15, 8) X(MLS, 0x2e209400, 7, 0) X(PMUL, 0x2e209c00, 1, 0) \
    X(UMAXP, 0x2e20a400, 7, 0) X(UMINP, 0x2e20ac00, 7, 0) X(SQRDMULH, 0x2e20b400, 6, 6) \
    X(AND, 0x0e201c00, 1, 0) X(BIC, 0x0e601c00, 1, 0) X(ORR, 0x0ea01c00, 1, 0) \
    X(ORN, 0x0ee01c00, 1, 0) X(EOR, 0x2e201c00, 1, 0) X(BSL, 0x2e601c00, 1, 0) \
    X(BIT, 0x2ea01c00, 1, 0) X(BIF, 0x2ee01c00, 1, 0) X(UZP1, 0x0e001800, 15, 0) \
    X(TRN1, 0x0e002800, 15, 0) X(ZIP1, 0x0e003800, 15, 0) X(UZP2, 0x0e005800, 15, 0) \
    X(TRN2, 0x0e006800, 15, 0) X(ZIP2, 0x0e007800, 15, 0)
/* Long: d has elements of twice the size; the arrangement is that of n and m, Q selects their
 * upper halves (the "2" forms). PMULL of D: needs the crypto extension. */
#define A64_LIST_V3_LONG(X) \
    X(SADDL, 0x0e200000, 7, 0) X(SSUBL, 0x0e202000, 7, 0) X(SABAL, 0x0e205000, 7, 0) \
    X(SABDL, 0x0e207000, 7, 0) X(SMLAL, 0x0e208000, 7, 0) X(SQDMLAL, 0x0e209000, 6, 0) \
    X(SMLSL, 0x0e20a000, 7, 0) X(SMULL, 0x0e20c000, 7, 0) X(SQDMULL, 0x0e20d000, 6, 0) \
    X(PMULL, 0x0e20e000, 25, 0) X(UADDL, 0x2e200000, 7, 0) X(USUBL, 0x2e202000, 7, 0) \
    X(UABAL, 0x2e205000, 7, 0) X(UABDL, 0x2e207000, 7, 0) X(UMLAL, 0x2e208000, 7, 0) \
    X(UMLSL, 0x2e20a000, 7, 0) X(UMULL, 0x2e20c000, 7, 0)
/* Wide: n as d; the arrangement is m's. Narrow: the arrangement is d's. */
#define A64_LIST_V3_WIDE(X) \
    X(SADDW, 0x0e201000, 7, 0) X(SSUBW, 0x0e203000, 7, 0) X(UADDW, 0x2e201000, 7, 0) \
    X(USUBW, 0x2e203000, 7, 0)
#define A64_LIST_V3_NARROW(X) \
    X(ADDHN, 0x0e204000, 7, 0) X(SUBHN, 0x0e206000, 7, 0) X(RADDHN, 0x2e204000, 7, 0) \
    X(RSUBHN, 0x2e206000, 7, 0)
#define A64_LIST_V3F(X) \
    X(FMAXNM, 0x0e20c400, 12, 0) X(FMLA, 0x0e20cc00, 12, 0) X(FADD, 0x0e20d400, 12, 0) \
    X(FMULX, 0x0e20dc00, 12, 12) X(FCMEQ, 0x0e20e400, 12, 12) X(FMAX, 0x0e20f400, 12, 0) \
    X(FRECPS, 0x0e20fc00, 12, 12) X(FMINNM, 0x0ea0c400, 12, 0) X(FMLS, 0x0ea0cc00, 12, 0) \
    X(FSUB, 0x0ea0d400, 12, 0) X(FMIN, 0x0ea0f400, 12, 0) X(FRSQRTS, 0x0ea0fc00, 12, 12) \
    X(FMAXNMP, 0x2e20c400, 12, 0) X(FADDP, 0x2e20d400, 12, 0) X(FMUL, 0x2e20dc00, 12, 0) \
    X(FCMGE, 0x2e20e400, 12, 12) X(FACGE, 0x2e20ec00, 12, 12) X(FMAXP, 0x2e20f400, 12, 0) \
    X(FDIV, 0x2e20fc00, 12, 0) X(FMINNMP, 0x2ea0c400, 12, 0) X(FABD, 0x2ea0d400, 12, 12) \
    X(FCMGT, 0x2ea0e400, 12, 12) X(FACGT, 0x2ea0ec00, 12, 12) X(FMINP, 0x2ea0f400, 12, 0)

#define X(NAME, bits, vec, sc) A64_V_##NAME = A64_ROW(bits, vec, sc),
enum a64_v3 {
    A64_LIST_V3(X) A64_LIST_V3_LONG(X) A64_LIST_V3_WIDE(X) A64_LIST_V3_NARROW(X)
};
enum a64_v3f { A64_LIST_V3F(X) };
#undef X
A64_FORM(v3, a64_row(op, arr) | a64_arrbits(arr) | a64_rd_nm(d, n, m),
         enum a64_v3 op, enum a64_arr arr, A64_DNM)
A64_FORM(v3f, a64_row(op, arr) | a64_arrbits_fp(arr) | a64_rd_nm(d, n, m),
         enum a64_v3f op, enum a64_arr arr, A64_DNM)
A64_ALIAS(void, v_mov, a64_v3(e, A64_V_ORR, A64_16B, d, n, n), A64_DN)

/* ---- Two registers ---- */
#define A64_LIST_V2(X) \
    X(REV64, 0x0e200800, 7, 0) X(REV16, 0x0e201800, 1, 0) X(CLS, 0x0e204800, 7, 0) \
    X(CNT, 0x0e205800, 1, 0) X(SQABS, 0x0e207800, 15, 15) X(ABS, 0x0e20b800, 15, 8) \
    X(REV32, 0x2e200800, 3, 0) X(CLZ, 0x2e204800, 7, 0) X(SQNEG, 0x2e207800, 15, 15) \
    X(NEG, 0x2e20b800, 15, 8) X(NOT, 0x2e205800, 1, 0) X(RBIT, 0x2e605800, 1, 0)
/* Pairs of n's elements added to twice the size: the arrangement is n's. */
#define A64_LIST_V2_PAIR(X) \
    X(SADDLP, 0x0e202800, 7, 0) X(SADALP, 0x0e206800, 7, 0) X(UADDLP, 0x2e202800, 7, 0) \
    X(UADALP, 0x2e206800, 7, 0)
/* To half the size: the arrangement is d's, Q writes its upper half (the "2" forms). */
#define A64_LIST_V2_NARROW(X) \
    X(XTN, 0x0e212800, 7, 0) X(SQXTN, 0x0e214800, 7, 7) X(SQXTUN, 0x2e212800, 7, 7) \
    X(UQXTN, 0x2e214800, 7, 7)
/* All elements of n into one: the arrangement is n's. LONG: d's element is twice the size. */
#define A64_LIST_V2_ACROSS(X) \
    X(ADDV, 0x0e31b800, 7, 0) X(SMAXV, 0x0e30a800, 7, 0) X(SMINV, 0x0e31a800, 7, 0) \
    X(UMAXV, 0x2e30a800, 7, 0) X(UMINV, 0x2e31a800, 7, 0)
#define A64_LIST_V2_ACROSS_LONG(X) X(SADDLV, 0x0e303800, 7, 0) X(UADDLV, 0x2e303800, 7, 0)
/* Comparisons with zero, integer and floating-point */
#define A64_LIST_V2_ZERO(X) \
    X(CMGT, 0x0e208800, 15, 8) X(CMEQ, 0x0e209800, 15, 8) X(CMLT, 0x0e20a800, 15, 8) \
    X(CMGE, 0x2e208800, 15, 8) X(CMLE, 0x2e209800, 15, 8)
#define A64_LIST_V2F_ZERO(X) \
    X(FCMGT, 0x0ea0c800, 12, 12) X(FCMEQ, 0x0ea0d800, 12, 12) X(FCMLT, 0x0ea0e800, 12, 12) \
    X(FCMGE, 0x2ea0c800, 12, 12) X(FCMLE, 0x2ea0d800, 12, 12)
#define A64_LIST_V2F(X) \
    X(FRINTN, 0x0e218800, 12, 0) X(FRINTM, 0x0e219800, 12, 0) X(FRINTP, 0x0ea18800, 12, 0) \
    X(FRINTZ, 0x0ea19800, 12, 0) X(FRINTA, 0x2e218800, 12, 0) X(FRINTX, 0x2e219800, 12, 0) \
    X(FRINTI, 0x2ea19800, 12, 0) X(FCVTNS, 0x0e21a800, 12, 12) X(FCVTMS, 0x0e21b800, 12, 12) \
    X(FCVTAS, 0x0e21c800, 12, 12) X(SCVTF, 0x0e21d800, 12, 12) X(FCVTPS, 0x0ea1a800, 12, 12) \
    X(FCVTZS, 0x0ea1b800, 12, 12) X(FCVTNU, 0x2e21a800, 12, 12) X(FCVTMU, 0x2e21b800, 12, 12) \
    X(FCVTAU, 0x2e21c800, 12, 12) X(UCVTF, 0x2e21d800, 12, 12) X(FCVTPU, 0x2ea1a800, 12, 12) \
    X(FCVTZU, 0x2ea1b800, 12, 12) X(FRECPE, 0x0ea1d800, 12, 12) X(FRSQRTE, 0x2ea1d800, 12, 12) \
    X(FABS, 0x0ea0f800, 12, 0) X(FNEG, 0x2ea0f800, 12, 0) X(FSQRT, 0x2ea1f800, 12, 0) \
    X(FRINT32Z, 0x0e21e800, 12, 0) X(FRINT32X, 0x2e21e800, 12, 0) X(FRINT64Z, 0x0e21f800, 12, 0) \
    X(FRINT64X, 0x2e21f800, 12, 0)

#define X(NAME, bits, vec, sc) A64_V_##NAME = A64_ROW(bits, vec, sc),
enum a64_v2 {
    A64_LIST_V2(X) A64_LIST_V2_PAIR(X) A64_LIST_V2_NARROW(X) A64_LIST_V2_ACROSS(X)
    A64_LIST_V2_ACROSS_LONG(X)
#undef X
#define X(NAME, bits, vec, sc) A64_VZ_##NAME = A64_ROW(bits, vec, sc),
    A64_LIST_V2_ZERO(X)
};
enum a64_v2f {
    A64_LIST_V2F_ZERO(X)
#undef X
#define X(NAME, bits, vec, sc) A64_V_##NAME = A64_ROW(bits, vec, sc),
    A64_LIST_V2F(X)
};
#undef X
A64_FORM(v2, a64_row(op, arr) | a64_arrbits(arr) | a64_rd_n(d, n),
         enum a64_v2 op, enum a64_arr arr, A64_DN)
A64_FORM(v2f, a64_row(op, arr) | a64_arrbits_fp(arr) | a64_rd_n(d, n),
         enum a64_v2f op, enum a64_arr arr, A64_DN)
/* Conversions between sizes: FCVTL(2), FCVTN(2), FCVTXN(2); the arrangement is the narrow operand's
 * (4H, 8H, 2S, 4S). */
#define A64_LIST_V2F_SIZE(X) \
    X(fcvtl, 0x0e217800, 6) X(fcvtn, 0x0e216800, 6) X(fcvtxn, 0x2e216800, 4)
#define X(name, bits, sizes) \
    A64_CHECKED(name, arr >= A64_4H && arr <= A64_4S, \
                bits | a64_qbit(arr) | (a64_elem(arr) - 1) << 22 | a64_rd_n(d, n), \
                enum a64_arr arr, A64_DN)
A64_LIST_V2F_SIZE(X)
#undef X
/* A pair's two elements into one scalar. */
A64_FORM(addp_scalar, 0x5ef1b800 | a64_rd_n(d, n), A64_DN)
A64_FORM(faddp_scalar, 0x7e30d800 | ft << 22 | a64_rd_n(d, n), enum a64_ft ft, A64_DN)

/* ---- Shifts by immediate ---- */
/* Right, by 1..element size. */
#define A64_LIST_VSHR(X) \
    X(SSHR, 0x0f000400, 15, 8) X(SSRA, 0x0f001400, 15, 8) X(SRSHR, 0x0f002400, 15, 8) \
    X(SRSRA, 0x0f003400, 15, 8) X(USHR, 0x2f000400, 15, 8) X(USRA, 0x2f001400, 15, 8) \
    X(URSHR, 0x2f002400, 15, 8) X(URSRA, 0x2f003400, 15, 8) X(SRI, 0x2f004400, 15, 8)
/* Right to half the size: the arrangement is d's. */
#define A64_LIST_VSHR_NARROW(X) \
    X(SHRN, 0x0f008400, 7, 0) X(RSHRN, 0x0f008c00, 7, 0) X(SQSHRN, 0x0f009400, 7, 7) \
    X(SQRSHRN, 0x0f009c00, 7, 7) X(SQSHRUN, 0x2f008400, 7, 7) X(SQRSHRUN, 0x2f008c00, 7, 7) \
    X(UQSHRN, 0x2f009400, 7, 7) X(UQRSHRN, 0x2f009c00, 7, 7)
/* Left, by 0..element size - 1. */
#define A64_LIST_VSHL(X) \
    X(SHL, 0x0f005400, 15, 8) X(SLI, 0x2f005400, 15, 8) X(SQSHL, 0x0f007400, 15, 15) \
    X(SQSHLU, 0x2f006400, 15, 15) X(UQSHL, 0x2f007400, 15, 15)
/* Left to twice the size: the arrangement is n's. By 0: SXTL, UXTL. */
#define A64_LIST_VSHL_LONG(X) X(SSHLL, 0x0f00a400, 7, 0) X(USHLL, 0x2f00a400, 7, 0)
#define X(NAME, bits, vec, sc) A64_VI_##NAME = A64_ROW(bits, vec, sc),
enum a64_vshr { A64_LIST_VSHR(X) A64_LIST_VSHR_NARROW(X) };
enum a64_vshl { A64_LIST_VSHL(X) A64_LIST_VSHL_LONG(X) };
#undef X
static inline void a64_vshr(struct emit *e, enum a64_vshr op, enum a64_arr arr, A64_DN, unsigned by)
{
    unsigned bits = 8u << a64_elem(arr);
    xassert(by >= 1 && by <= bits);
    e32(e, a64_row(op, arr) | a64_qbit(arr) | (2 * bits - by) << 16 | a64_rd_n(d, n));
}
static inline void a64_vshl(struct emit *e, enum a64_vshl op, enum a64_arr arr, A64_DN, unsigned by)
{
    unsigned bits = 8u << a64_elem(arr);
    xassert(by < bits);
    e32(e, a64_row(op, arr) | a64_qbit(arr) | (bits + by) << 16 | a64_rd_n(d, n));
}
A64_ALIAS(void, sxtl, a64_vshl(e, A64_VI_SSHLL, arr, d, n, 0), enum a64_arr arr, A64_DN)
A64_ALIAS(void, uxtl, a64_vshl(e, A64_VI_USHLL, arr, d, n, 0), enum a64_arr arr, A64_DN)

/* ---- Elements ---- */
static inline uint32_t a64_imm5(enum a64_arr arr, unsigned i)
{
    xassert(i < 16u >> a64_elem(arr));
    return (2 * i + 1) << a64_elem(arr) << 16;
}
/* All of d (or the scalar d, arr A64_B1...) = n's element i */
A64_FORM(dup, 0x0e000400 | a64_qbit(arr) | a64_imm5(arr, i) | a64_rd_n(d, n), enum a64_arr arr,
         A64_DN, unsigned i)
A64_FORM(dup_gpr, 0x0e000c00 | a64_qbit(arr) | a64_imm5(arr, 0) | a64_rd_n(d, n), enum a64_arr arr,
         A64_DN)
/* Here only arr's element size counts. Element i of d = element j of n, or a general register */
A64_CHECKED(ins, j < 16u >> a64_elem(arr),
            0x6e000400 | a64_imm5(arr, i) | j << a64_elem(arr) << 11 | a64_rd_n(d, n),
            enum a64_arr arr, unsigned d, unsigned i, unsigned n, unsigned j)
A64_FORM(ins_gpr, 0x4e001c00 | a64_imm5(arr, i) | a64_rd_n(d, n), enum a64_arr arr, unsigned d,
         unsigned i, unsigned n)
/* General register = element i, zero- or sign-extended (to 32 or 64 bits) */
A64_FORM(umov,
         0x0e003c00 | (a64_elem(arr) == 3 ? 1u << 30 : 0) | a64_imm5(arr, i) | a64_rd_n(d, n),
         enum a64_arr arr, A64_DN, unsigned i)
A64_CHECKED(smov, a64_elem(arr) < 2 + sf,
            0x0e002c00 | sf << 30 | a64_imm5(arr, i) | a64_rd_n(d, n), unsigned sf,
            enum a64_arr arr, A64_DN, unsigned i)
/* d = bytes i.. of n, then of m; q: 16 bytes */
A64_CHECKED(ext, i < 8u << q, 0x2e000000 | (uint32_t)q << 30 | i << 11 | a64_rd_nm(d, n, m),
            bool q, A64_DNM, unsigned i)
/* Table of `regs` registers from n on; m: indices */
A64_CHECKED(tbl, regs - 1 < 4,
            0x0e000000 | (uint32_t)q << 30 | (regs - 1) << 13 | a64_rd_nm(d, n, m), bool q, A64_DN,
            unsigned regs, unsigned m)
A64_CHECKED(tbx, regs - 1 < 4,
            0x0e001000 | (uint32_t)q << 30 | (regs - 1) << 13 | a64_rd_nm(d, n, m), bool q, A64_DN,
            unsigned regs, unsigned m)
A64_FORM(ld1r, 0x0d40c000 | (arr & 1) << 30 | a64_elem(arr) << 10 | a64_rd_n(t, n),
         enum a64_arr arr, unsigned t, unsigned n)
/* Element i of t <-> memory at [n] */
void a64_ld1_elem(struct emit *e, enum a64_arr arr, unsigned t, unsigned i, unsigned n);
void a64_st1_elem(struct emit *e, enum a64_arr arr, unsigned t, unsigned i, unsigned n);

/* ---- Vector immediates: cmode as the manual's table of modified immediates ---- */
A64_CHECKED(vimm, cmode < 16 && imm8 < 256,
            0x0f000400 | (uint32_t)q << 30 | op << 29 | cmode << 12 | (imm8 >> 5) << 16 |
                (imm8 & 31) << 5 | d,
            bool q, unsigned op, unsigned cmode, unsigned d, unsigned imm8)
/* MOVI or MVNI of 32-bit (shift 0, 8, 16, 24) or 16-bit elements (0, 8), ORR and BIC likewise */
enum a64_vimm { A64_MOVI = 0, A64_MVNI = 16, A64_ORRI = 1, A64_BICI = 17 };
static inline void a64_vimm_s(struct emit *e, enum a64_vimm op, bool q, unsigned d, unsigned imm8,
                              unsigned lsl)
{
    xassert(lsl % 8 == 0 && lsl < 32);
    a64_vimm(e, q, op >> 4, lsl / 4 | (op & 1), d, imm8);
}
static inline void a64_vimm_h(struct emit *e, enum a64_vimm op, bool q, unsigned d, unsigned imm8,
                              unsigned lsl)
{
    xassert(lsl % 8 == 0 && lsl < 16);
    a64_vimm(e, q, op >> 4, 8 | lsl / 4 | (op & 1), d, imm8);
}
/* Every 64 bits of d = pattern by one MOVI, MVNI or FMOV; false if there is none. */
A64_TRY a64_vmov_imm(struct emit *e, bool q, unsigned d, uint64_t pattern);

/* ---- Cryptographic extensions: name(e, d, n), name(e, d, n, m); columns: operands' forms ---- */
#define A64_LIST_CRYPTO2(X) \
    X(aese, 0x4e284800, V16B, V16B) X(aesd, 0x4e285800, V16B, V16B) \
    X(aesmc, 0x4e286800, V16B, V16B) X(aesimc, 0x4e287800, V16B, V16B) X(sha1h, 0x5e280800, S, S) \
    X(sha1su1, 0x5e281800, V4S, V4S) X(sha256su0, 0x5e282800, V4S, V4S)
#define A64_LIST_CRYPTO3(X) \
    X(sha1c, 0x5e000000, Q, S, V4S) X(sha1p, 0x5e001000, Q, S, V4S) \
    X(sha1m, 0x5e002000, Q, S, V4S) X(sha1su0, 0x5e003000, V4S, V4S, V4S) \
    X(sha256h, 0x5e004000, Q, Q, V4S) X(sha256h2, 0x5e005000, Q, Q, V4S) \
    X(sha256su1, 0x5e006000, V4S, V4S, V4S)
#define X(name, bits, ...) A64_FORM(name, bits | a64_rd_n(d, n), A64_DN)
A64_LIST_CRYPTO2(X)
#undef X
#define X(name, bits, ...) A64_FORM(name, bits | a64_rd_nm(d, n, m), A64_DNM)
A64_LIST_CRYPTO3(X)
#undef X

#endif
