/* The x87 transcendentals' usual cases in integer arithmetic of 128 bits: good to about 90 bits, which
 * decides the rounding to 64 bits but for one in some millions. Otherwise, and for operands that are very
 * large or small, they return false: fp_trans.c then computes to 113 bits, with the same result. */
#ifndef XRUN_CORE_FP_QUICK_H
#define XRUN_CORE_FP_QUICK_H

#include "core/fp.h"

typedef unsigned __int128 u128;

/* sig * 2^(exp - 127), the top bit of sig set; not exact. */
struct fp_near {
    u128 sig;
    int exp;
    bool sign;
};
/* A positive number sig * 2^(exp - 63), the top bit of sig set. */
struct fp_mant {
    uint64_t sig;
    int exp;
};

/* y * log2(x), x not a power of two; y * log2(1 + x), x negated if `minus`. */
bool fp_quick_log(struct fp_mant x, struct fp_mant y, struct fp_near *r);
bool fp_quick_log1(struct fp_mant x, bool minus, struct fp_mant y, struct fp_near *r);
/* 2^x - 1, x < 1, negated if `minus`. */
bool fp_quick_exp(struct fp_mant x, bool minus, struct fp_near *r);
/* The angle of (x, y), x negated if `left`: 0 to pi. */
bool fp_quick_atan(struct fp_mant x, struct fp_mant y, bool left, struct fp_near *r);
/* sin or cos of x * 2^-128, which is at most pi/4, or of a number that is less than 2^-1. */
bool fp_quick_sin(u128 x, struct fp_near *r);
bool fp_quick_sin_small(struct fp_mant x, struct fp_near *r);
bool fp_quick_cos(u128 x, struct fp_near *r);

#endif
