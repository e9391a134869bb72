/* x87 transcendentals. The result is computed to 113 bits by the C library's _Float128 functions
 * (available on both hosts) and rounded once to 64, which makes it correctly rounded but for about
 * one in 2^48 cases; hardware is within 1 ulp of that and differs between vendors. */

#include <string.h>

#include "core/fp.h"

/* Declared here: <math.h> has macros that collide with the names of fp.h. */
_Float128 sinf128(_Float128), cosf128(_Float128), tanf128(_Float128);
_Float128 atan2f128(_Float128, _Float128), log2f128(_Float128), log1pf128(_Float128);
_Float128 expm1f128(_Float128), ldexpf128(_Float128, int);

#define LN2 0.693147180559945309417232121458176568075500134360255254120680F128
#define LOG2E 1.442695040888963407359924681001892137426645954152985934135449F128

typedef unsigned __int128 u128;

static _Float128 to128(struct f80 a)
{
    _Float128 r = (_Float128)a.sig;
    int e = (a.se & 0x7fff ? a.se & 0x7fff : 1) - 16383 - 63;
    r = ldexpf128(r, e);
    return a.se >> 15 ? -r : r;
}

/* Rounds to 80 bits under the environment (inexact unless exact); through fp_scale80/fp_add80,
 * which know about ranges and masks. */
static struct f80 from128(_Float128 v, struct fp_env *e)
{
    u128 b;
    memcpy(&b, &v, 16);
    bool sign = b >> 127;
    int ex = (int)(b >> 112) & 0x7fff;
    u128 frac = b & (((u128)1 << 112) - 1);
    if (!ex && !frac)
        return (struct f80){0, (uint16_t)(sign << 15)};
    if (ex == 0x7fff)
        return (struct f80){UINT64_C(1) << 63, (uint16_t)(sign << 15 | 0x7fff)};
    /* 113 bits as a sum of a 64-bit high part and a low part: one rounded addition */
    u128 sig = ex ? frac | (u128)1 << 112 : frac;
    struct fp_env exact = {.mask = FP_ALL, .prec = 64};
    uint8_t prec = e->prec;
    struct f80 hi = fp_cvt_i64_to_80((int64_t)(sig >> 50));
    struct f80 lo = fp_cvt_i64_to_80((int64_t)(sig & (((u128)1 << 50) - 1)));
    struct f80 shift = fp_cvt_i64_to_80(50 + (ex ? ex : 1) - 16383 - 112);
    struct f80 shift_lo = fp_cvt_i64_to_80((ex ? ex : 1) - 16383 - 112);
    hi = fp_scale80(hi, shift, &exact);
    lo = fp_scale80(lo, shift_lo, &exact);
    if (sign)
        hi.se ^= 0x8000, lo.se ^= 0x8000;
    if (!(lo.sig))
        lo = (struct f80){0, hi.se & 0x8000};
    e->prec = 64;
    struct f80 r = fp_add80(hi, lo, e);
    e->prec = prec;
    e->flags &= (uint8_t)~FP_DE;
    return r;
}

enum kind { K_ZERO, K_NUM, K_INF, K_NAN };

static enum kind kind(struct f80 a)
{
    if ((a.se & 0x7fff) == 0x7fff)
        return a.sig << 1 ? K_NAN : a.sig >> 63 ? K_INF : K_NAN;
    if ((a.se & 0x7fff) && !(a.sig >> 63))
        return K_NAN; /* unsupported */
    return a.sig ? K_NUM : K_ZERO;
}

static bool denormal(struct f80 a) { return !(a.se & 0x7fff) && a.sig; }

/* The NaN rules of any binary operation serve for these too. */
static struct f80 nan_result(struct f80 a, struct f80 b, struct fp_env *e)
{
    return fp_add80(a, b, e);
}

static struct f80 invalid(struct fp_env *e)
{
    e->flags |= FP_IE;
    return (struct f80){UINT64_C(0xc000000000000000), 0xffff};
}

static struct f80 one_operand(struct f80 a, struct fp_env *e, _Float128 (*fn)(_Float128))
{
    e->c1 = 0;
    if (kind(a) == K_NAN)
        return nan_result(a, a, e);
    if (denormal(a))
        e->flags |= FP_DE;
    uint8_t flags = e->flags;
    struct f80 r = from128(fn(to128(a)), e);
    e->flags |= flags | FP_PE;
    return r;
}

struct f80 fp_sin(struct f80 a, struct fp_env *e)
{
    if (kind(a) == K_ZERO)
        return a;
    return kind(a) == K_INF ? invalid(e) : one_operand(a, e, sinf128);
}

struct f80 fp_cos(struct f80 a, struct fp_env *e)
{
    if (kind(a) == K_ZERO)
        return (struct f80){UINT64_C(1) << 63, 0x3fff};
    return kind(a) == K_INF ? invalid(e) : one_operand(a, e, cosf128);
}

struct f80 fp_tan(struct f80 a, struct fp_env *e)
{
    if (kind(a) == K_ZERO)
        return a;
    return kind(a) == K_INF ? invalid(e) : one_operand(a, e, tanf128);
}

static _Float128 exp2m1(_Float128 x) { return expm1f128(x * LN2); }

struct f80 fp_f2xm1(struct f80 a, struct fp_env *e)
{
    e->c1 = 0;
    if (kind(a) == K_ZERO)
        return a;
    if (kind(a) == K_INF)
        return a.se >> 15 ? (struct f80){UINT64_C(1) << 63, 0xbfff} : a;
    if (kind(a) == K_NUM && (a.se & 0x7fff) >= 0x3fff) { /* |a| >= 1: undefined but for +-1 */
        if (a.sig == UINT64_C(1) << 63 && (a.se & 0x7fff) == 0x3fff)
            return a.se >> 15 ? (struct f80){UINT64_C(1) << 63, 0xbffe} : a;
        return a;
    }
    return one_operand(a, e, exp2m1);
}

static struct f80 signed_inf(bool sign)
{
    return (struct f80){UINT64_C(1) << 63, (uint16_t)(sign << 15 | 0x7fff)};
}

static struct f80 signed_zero(bool sign) { return (struct f80){0, (uint16_t)(sign << 15)}; }

/* y * l, where l = log2 of something, already known finite and non-zero. */
static struct f80 scaled_log(_Float128 l, struct f80 y, struct fp_env *e)
{
    uint8_t flags = e->flags;
    struct f80 r = from128(to128(y) * l, e);
    e->flags |= flags | FP_PE;
    return r;
}

struct f80 fp_yl2x(struct f80 x, struct f80 y, struct fp_env *e)
{
    e->c1 = 0;
    enum kind kx = kind(x), ky = kind(y);
    bool sy = y.se >> 15;
    if (kx == K_NAN || ky == K_NAN)
        return nan_result(y, x, e);
    if (kx != K_ZERO && (x.se >> 15))
        return invalid(e);
    if (kx == K_ZERO) {
        if (ky == K_ZERO)
            return invalid(e);
        if (ky != K_INF)
            e->flags |= FP_ZE;
        return signed_inf(!sy);
    }
    bool one = x.se == 0x3fff && x.sig == UINT64_C(1) << 63;
    if (kx == K_INF)
        return ky == K_ZERO ? invalid(e) : signed_inf(sy);
    bool below = x.se < 0x3fff;
    if (ky == K_INF)
        return one ? invalid(e) : signed_inf(sy ^ below);
    if (denormal(x) || denormal(y))
        e->flags |= FP_DE;
    if (one || ky == K_ZERO)
        return signed_zero(one ? sy : sy ^ below);
    _Float128 l = log2f128(to128(x));
    if (x.sig == UINT64_C(1) << 63) { /* a power of two: exact logarithm */
        uint8_t flags = e->flags;
        struct f80 r = from128(to128(y) * l, e);
        e->flags |= flags;
        return r;
    }
    return scaled_log(l, y, e);
}

struct f80 fp_yl2xp1(struct f80 x, struct f80 y, struct fp_env *e)
{
    e->c1 = 0;
    enum kind kx = kind(x), ky = kind(y);
    bool s = (x.se ^ y.se) >> 15;
    if (kx == K_NAN || ky == K_NAN)
        return nan_result(y, x, e);
    if (kx == K_ZERO)
        return ky == K_INF ? invalid(e) : signed_zero(s);
    if (kx == K_INF)
        return (x.se >> 15) || ky == K_ZERO ? invalid(e) : signed_inf(y.se >> 15);
    if (ky == K_INF)
        return signed_inf(s);
    if (denormal(x) || denormal(y))
        e->flags |= FP_DE;
    if (ky == K_ZERO)
        return signed_zero(s);
    _Float128 v = to128(x);
    if (v <= -1)
        return invalid(e);
    return scaled_log(log1pf128(v) * LOG2E, y, e);
}

struct f80 fp_patan(struct f80 x, struct f80 y, struct fp_env *e)
{
    e->c1 = 0;
    enum kind kx = kind(x), ky = kind(y);
    if (kx == K_NAN || ky == K_NAN)
        return nan_result(y, x, e);
    if (denormal(x) || denormal(y))
        e->flags |= FP_DE;
    if (ky == K_ZERO && !(x.se >> 15))
        return y;
    if (kx == K_INF && ky != K_INF && !(x.se >> 15))
        return signed_zero(y.se >> 15);
    _Float128 a = kx == K_INF ? __builtin_inff128() : to128(x);
    _Float128 b = ky == K_INF ? __builtin_inff128() : to128(y);
    if (kx == K_INF && (x.se >> 15))
        a = -a;
    if (ky == K_INF && (y.se >> 15))
        b = -b;
    uint8_t flags = e->flags;
    struct f80 r = from128(atan2f128(b, a), e);
    e->flags |= flags | FP_PE;
    return r;
}
