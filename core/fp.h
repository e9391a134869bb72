/* IEEE arithmetic bit-exact with x86 hardware: binary32, binary64 (SSE rules) and 80-bit extended
 * (x87 rules). Pure functions of their operands and of struct fp_env; no host floating-point
 * state is relied on (fast paths may use the host's double arithmetic where the result is
 * provably the same). Values are raw bit patterns.
 * NaN rules. SSE: a result NaN is the first operand if that is a NaN, else the second, quieted;
 * default NaN negative quiet. x87: the NaN with the larger significand (SDM vol. 1 table 4-7). */
#ifndef XRUN_CORE_FP_H
#define XRUN_CORE_FP_H

#include "core/cpu.h"

/* Exception bits: the same positions in the x87 status word and MXCSR; masks likewise (cw bits
 * 0-5, MXCSR bits 7-12 shifted down). */
enum { FP_IE = 1, FP_DE = 2, FP_ZE = 4, FP_OE = 8, FP_UE = 16, FP_PE = 32, FP_ALL = 63,
       FP_SF = 64 /* x87 stack fault, with IE */ };
enum fp_round { FP_NEAREST, FP_DOWN, FP_UP, FP_ZERO }; /* RC encoding of cw and MXCSR */

struct fp_env {
    uint8_t round;    /* enum fp_round */
    uint8_t flags;    /* sticky, OR-ed by each operation */
    uint8_t mask;     /* masked exceptions; an unmasked OE/UE changes the delivered x87 result */
    uint8_t daz, ftz; /* MXCSR */
    uint8_t prec;     /* x87 precision control: 24, 53 or 64 */
    uint8_t c1;       /* x87: set to 1 if the last result was rounded up in magnitude */
};

/* Result of a comparison. */
enum fp_cmp { FP_LT = -1, FP_EQ = 0, FP_GT = 1, FP_UNORD = 2 };

uint32_t fp_add32(uint32_t a, uint32_t b, struct fp_env *e);
uint32_t fp_sub32(uint32_t a, uint32_t b, struct fp_env *e);
uint32_t fp_mul32(uint32_t a, uint32_t b, struct fp_env *e);
uint32_t fp_div32(uint32_t a, uint32_t b, struct fp_env *e);
uint32_t fp_sqrt32(uint32_t a, struct fp_env *e);
uint32_t fp_min32(uint32_t a, uint32_t b, struct fp_env *e); /* MINSS: b if unordered or both 0 */
uint32_t fp_max32(uint32_t a, uint32_t b, struct fp_env *e);
uint32_t fp_rint32(uint32_t a, int round, bool inexact, struct fp_env *e); /* ROUNDSS */
uint64_t fp_add64(uint64_t a, uint64_t b, struct fp_env *e);
uint64_t fp_sub64(uint64_t a, uint64_t b, struct fp_env *e);
uint64_t fp_mul64(uint64_t a, uint64_t b, struct fp_env *e);
uint64_t fp_div64(uint64_t a, uint64_t b, struct fp_env *e);
uint64_t fp_sqrt64(uint64_t a, struct fp_env *e);
uint64_t fp_min64(uint64_t a, uint64_t b, struct fp_env *e);
uint64_t fp_max64(uint64_t a, uint64_t b, struct fp_env *e);
uint64_t fp_rint64(uint64_t a, int round, bool inexact, struct fp_env *e);
/* a * b + c with one rounding; product and addend negated first if asked (a NaN keeps its sign). */
uint32_t fp_fma32(uint32_t a, uint32_t b, uint32_t c, bool negate_product, bool negate_addend,
                  struct fp_env *e);
uint64_t fp_fma64(uint64_t a, uint64_t b, uint64_t c, bool negate_product, bool negate_addend,
                  struct fp_env *e);
/* quiet: only a signaling NaN raises IE (UCOMISS, FUCOM). DE is raised as hardware does. */
enum fp_cmp fp_cmp32(uint32_t a, uint32_t b, bool quiet, struct fp_env *e);
enum fp_cmp fp_cmp64(uint64_t a, uint64_t b, bool quiet, struct fp_env *e);

/* SSE conversions; integers out of range give the integer indefinite and IE. */
uint64_t fp_cvt32_to_64(uint32_t a, struct fp_env *e);
uint32_t fp_cvt64_to_32(uint64_t a, struct fp_env *e);
uint32_t fp_cvt16_to_32(uint16_t a, struct fp_env *e);
uint16_t fp_cvt32_to_16(uint32_t a, struct fp_env *e); /* e->ftz must be 0 */
uint32_t fp_cvt_i32_to_32(int32_t a, struct fp_env *e);
uint64_t fp_cvt_i32_to_64(int32_t a, struct fp_env *e);
int32_t fp_cvt32_to_i32(uint32_t a, int round, struct fp_env *e);
int32_t fp_cvt64_to_i32(uint64_t a, int round, struct fp_env *e);

/* 80-bit. Arithmetic rounds to e->prec; pseudo-denormals, unnormals, pseudo-NaNs and
 * pseudo-infinities are treated as the 80387 and later do. */
struct f80 fp_add80(struct f80 a, struct f80 b, struct fp_env *e);
struct f80 fp_sub80(struct f80 a, struct f80 b, struct fp_env *e);
struct f80 fp_mul80(struct f80 a, struct f80 b, struct fp_env *e);
struct f80 fp_div80(struct f80 a, struct f80 b, struct fp_env *e);
struct f80 fp_sqrt80(struct f80 a, struct fp_env *e);
struct f80 fp_rint80(struct f80 a, struct fp_env *e);                 /* FRNDINT */
struct f80 fp_scale80(struct f80 a, struct f80 b, struct fp_env *e);  /* FSCALE */
/* FPREM (ieee = false), FPREM1: partial remainder; *quotient gets the low bits, *done C2 = 0. */
struct f80 fp_rem80(struct f80 a, struct f80 b, bool ieee, uint64_t *quotient, bool *done,
                    struct fp_env *e);
void fp_xtract80(struct f80 a, struct f80 *exp, struct f80 *sig, struct fp_env *e);
enum fp_cmp fp_cmp80(struct f80 a, struct f80 b, bool quiet, struct fp_env *e);
struct f80 fp_cvt32_to_80(uint32_t a, struct fp_env *e);
struct f80 fp_cvt64_to_80(uint64_t a, struct fp_env *e);
/* The same for an arithmetic operand: a signaling NaN stays one, for the operation to see. */
struct f80 fp_widen32(uint32_t a, struct fp_env *e);
struct f80 fp_widen64(uint64_t a, struct fp_env *e);
uint32_t fp_cvt80_to_32(struct f80 a, struct fp_env *e);
uint64_t fp_cvt80_to_64(struct f80 a, struct fp_env *e);
struct f80 fp_cvt_i64_to_80(int64_t a);
int16_t fp_cvt80_to_i16(struct f80 a, int round, struct fp_env *e);
int32_t fp_cvt80_to_i32(struct f80 a, int round, struct fp_env *e);
int64_t fp_cvt80_to_i64(struct f80 a, int round, struct fp_env *e);
/* Packed BCD, 10 bytes little-endian. */
struct f80 fp_from_bcd(const uint8_t b[10]);
void fp_to_bcd(struct f80 a, uint8_t b[10], struct fp_env *e);
/* Rounds sig.lo * 2^(exp - 63), sig's top bit set, to 64 bits whatever e->prec: for results that
 * were computed elsewhere; lo's last bit stands for all below it. */
struct f80 fp_round80(bool sign, int exp, uint64_t sig, uint64_t lo, struct fp_env *e);
/* Transcendentals; the argument ranges and C2 of the instruction are the caller's business. */
struct f80 fp_f2xm1(struct f80 a, struct fp_env *e);
struct f80 fp_yl2x(struct f80 x, struct f80 y, struct fp_env *e);
struct f80 fp_yl2xp1(struct f80 x, struct f80 y, struct fp_env *e);
struct f80 fp_patan(struct f80 x, struct f80 y, struct fp_env *e);
struct f80 fp_sin(struct f80 a, struct fp_env *e);
struct f80 fp_cos(struct f80 a, struct fp_env *e);
struct f80 fp_tan(struct f80 a, struct fp_env *e);

#endif
