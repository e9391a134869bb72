/* x87 transcendentals. A result is computed to 113 bits by the C library's _Float128 functions
 * (available on both hosts), scaled so that no intermediate leaves their range, and rounded once
 * to 64 bits: correctly rounded but for about one in 2^48 cases. (Most are decided by fp_quick.c, with the same
 * result.) Hardware is within 1 ulp of that
 * and differs between vendors. Special operands, exceptions and the range reduction with a
 * 66-bit pi (SDM vol. 1 section 8.3.8) are as measured on hardware. */

#include <string.h>

#include "core/fp_quick.h"

/* Declared here: <math.h> has macros that collide with the names of fp.h. */
_Float128 sinf128(_Float128), cosf128(_Float128), tanf128(_Float128);
_Float128 atan2f128(_Float128, _Float128), log2f128(_Float128), log1pf128(_Float128);
_Float128 expm1f128(_Float128), ldexpf128(_Float128, int);

#define LN2 0.693147180559945309417232121458176568075500134360255254120680F128
#define LOG2E 1.442695040888963407359924681001892137426645954152985934135449F128

/* pi in units of 2^-64, rounded to 66 bits as processors have it. */
#define PI66 ((u128)3 << 64 | UINT64_C(0x243f6a8885a308d3))

/* Below 2^TINY the terms after the first of a series are lost in 113 bits. */
enum { TINY = -53 };

/* A number m * 2^exp with |m| in [1, 2). */
struct scaled {
    _Float128 m;
    int exp;
};

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
static bool negative(struct f80 a) { return a.se >> 15; }

/* A number that is not zero. */
static struct scaled unpack(struct f80 a)
{
    int z = __builtin_clzll(a.sig), e = a.se & 0x7fff;
    _Float128 m = ldexpf128((_Float128)(a.sig << z), -63);
    return (struct scaled){negative(a) ? -m : m, (e ? e : 1) - 16383 - z};
}

static _Float128 value(struct scaled a) { return ldexpf128(a.m, a.exp); }

/* Any finite number that is not zero and far from the ends of the range of _Float128. */
static struct scaled normal(_Float128 v, int exp)
{
    u128 b;
    memcpy(&b, &v, 16);
    int e = (int)(b >> 112) & 0x7fff;
    b = (b & ~((u128)0x7fff << 112)) | (u128)16383 << 112;
    memcpy(&v, &b, 16);
    return (struct scaled){v, exp + e - 16383};
}

/* Rounds a to 64 bits. delta: the true magnitude is a.m * (1 + delta), |delta| < 2^-60; 0: a is
 * good to 113 bits and has been rounded itself; exact: it has not. */
static struct f80 finish(struct scaled a, double delta, bool exact, struct fp_env *e)
{
    u128 b;
    memcpy(&b, &a.m, 16);
    bool sign = b >> 127;
    u128 sig = (b << 16 >> 1 | (u128)1 << 127) >> 1; /* a guard bit above, for the carry */
    double units = delta * 0x1p126;
    if (delta > 0)
        sig += units < 1 ? 1 : (uint64_t)units;
    else if (delta < 0)
        sig -= units > -1 ? 1 : (uint64_t)-units;
    else if (!exact)
        sig |= 1;
    int z = sig >> 127 ? -1 : sig >> 126 ? 0 : 1;
    sig <<= z + 1;
    return fp_round80(sign, a.exp - z, (uint64_t)(sig >> 64), (uint64_t)sig, e);
}

static struct fp_mant mantissa(struct f80 a)
{
    int z = __builtin_clzll(a.sig), e = a.se & 0x7fff;
    return (struct fp_mant){a.sig << z, (e ? e : 1) - 16383 - z};
}

static struct f80 finish_near(struct fp_near n, bool negate, struct fp_env *e)
{
    return fp_round80(n.sign ^ negate, n.exp, (uint64_t)(n.sig >> 64), (uint64_t)n.sig | 1, e);
}

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

static struct f80 one(bool sign)
{
    return (struct f80){UINT64_C(1) << 63, (uint16_t)(sign << 15 | 0x3fff)};
}

static struct f80 signed_inf(bool sign)
{
    return (struct f80){UINT64_C(1) << 63, (uint16_t)(sign << 15 | 0x7fff)};
}

static struct f80 signed_zero(bool sign) { return (struct f80){0, (uint16_t)(sign << 15)}; }

/* ---- trigonometric functions ---- */

/* x / PI66, which is less than 2^62, and the rest. */
static unsigned quadrant_of(u128 x, u128 *rest)
{
    u128 q = x / PI66;
    *rest = x - q * PI66;
    return (unsigned)q;
}

/* a = quadrant * pi/2 + r with |r| <= pi/4; |a| < 2^63. Exact for the 66-bit pi. */
static struct scaled reduce(struct f80 a, unsigned *quadrant)
{
    struct scaled r = unpack(a);
    *quadrant = 0;
    if (r.exp < -1)
        return r;
    u128 rest; /* units of 2^-65 */
    unsigned q = quadrant_of((u128)a.sig << (r.exp + 2), &rest);
    bool sign = negative(a);
    if (rest > PI66 / 2) {
        rest = PI66 - rest;
        sign = !sign;
        q++;
    }
    *quadrant = (negative(a) ? -q : q) & 3;
    _Float128 v = (_Float128)rest;
    return normal(sign ? -v : v, -65);
}

static double square(struct scaled r)
{
    double m = (double)r.m;
    return m * m * (r.exp < -200 ? 0 : __builtin_ldexp(1, 2 * r.exp)) + 0x1p-500;
}

static struct f80 sin_reduced(struct scaled r, bool negate, struct fp_env *e)
{
    struct scaled s = r.exp < TINY ? r : normal(sinf128(value(r)), 0);
    double delta = r.exp < TINY ? -square(r) / 6 : 0;
    s.m = negate ? -s.m : s.m;
    return finish(s, delta, false, e);
}

static struct f80 cos_reduced(struct scaled r, bool negate, struct fp_env *e)
{
    struct scaled s = r.exp < TINY ? (struct scaled){1, 0} : normal(cosf128(value(r)), 0);
    double delta = r.exp < TINY ? -square(r) / 2 : 0;
    s.m = negate ? -s.m : s.m;
    return finish(s, delta, false, e);
}

/* True if the operand decides the result by its class alone. */
static bool special(struct f80 a, bool sine, struct f80 *result, struct fp_env *e)
{
    e->c1 = 0;
    switch (kind(a)) {
    case K_NAN: *result = nan_result(a, a, e); return true;
    case K_INF: *result = invalid(e); return true;
    case K_ZERO: *result = sine ? a : one(false); return true;
    default: break;
    }
    if (denormal(a))
        e->flags |= FP_DE;
    return false;
}

/* By fp_quick.c; false: it cannot tell. The same reduction. */
static bool quick_trig(struct f80 a, bool cosine, struct f80 *v, struct fp_env *e)
{
    struct fp_mant m = mantissa(a);
    struct fp_near r;
    bool sign = negative(a);
    if (m.exp < -1) {
        u128 x = m.exp > -65 ? (u128)m.sig << (65 + m.exp) : 0;
        if (!(cosine ? fp_quick_cos(x, &r) : fp_quick_sin_small(m, &r)))
            return false;
        *v = finish_near(r, sign && !cosine, e);
        return true;
    }
    u128 x = (u128)m.sig << (m.exp + 2), rest;
    unsigned q = quadrant_of(x, &rest);
    if (rest > PI66 / 2) {
        rest = PI66 - rest;
        sign = !sign;
        q++;
    }
    q = (negative(a) ? -q : q) & 3;
    if (cosine)
        q++;
    if (!(q & 1 ? fp_quick_cos(rest << 63, &r) : fp_quick_sin(rest << 63, &r)))
        return false;
    *v = finish_near(r, (q & 1 ? false : sign) ^ (q >> 1 & 1), e);
    return true;
}

struct f80 fp_sin(struct f80 a, struct fp_env *e)
{
    struct f80 v;
    unsigned q;
    if (special(a, true, &v, e) || quick_trig(a, false, &v, e))
        return v;
    struct scaled r = reduce(a, &q);
    return q & 1 ? cos_reduced(r, q & 2, e) : sin_reduced(r, q & 2, e);
}

struct f80 fp_cos(struct f80 a, struct fp_env *e)
{
    struct f80 v;
    unsigned q;
    if (special(a, false, &v, e) || quick_trig(a, true, &v, e))
        return v;
    struct scaled r = reduce(a, &q);
    return q & 1 ? sin_reduced(r, !(q & 2), e) : cos_reduced(r, q & 2, e);
}

struct f80 fp_tan(struct f80 a, struct fp_env *e)
{
    struct f80 v;
    unsigned q;
    if (special(a, true, &v, e))
        return v;
    struct scaled r = reduce(a, &q);
    bool tiny = r.exp < TINY;
    struct scaled t = tiny ? r : normal(tanf128(value(r)), 0);
    double delta = tiny ? square(r) / 3 : 0;
    if (q & 1) { /* -cot */
        t = normal(-1 / t.m, -t.exp);
        delta = -delta;
    }
    return finish(t, delta, false, e);
}

struct f80 fp_patan(struct f80 x, struct f80 y, struct fp_env *e)
{
    e->c1 = 0;
    enum kind kx = kind(x), ky = kind(y);
    if (kx == K_NAN || ky == K_NAN)
        return nan_result(y, x, e);
    if (denormal(x) || denormal(y))
        e->flags |= FP_DE;
    if (ky == K_ZERO && !negative(x))
        return y;
    if (kx == K_INF && ky != K_INF && !negative(x))
        return signed_zero(negative(y));
    if (kx == K_NUM && ky == K_NUM) {
        struct fp_near n;
        if (fp_quick_atan(mantissa(x), mantissa(y), negative(x), &n))
            return finish_near(n, negative(y), e);
        struct scaled a = unpack(x), b = unpack(y);
        int d = b.exp - a.exp;
        if (d < TINY && !negative(x)) {
            struct scaled r = normal(b.m / a.m, d);
            return finish(r, -square(r) / 3, false, e);
        }
        /* beyond this the quotient no longer matters but to be there */
        d = d > 200 ? 200 : d < -200 ? -200 : d;
        return finish(normal(atan2f128(ldexpf128(b.m, d), a.m), 0), 0, false, e);
    }
    _Float128 a = kx == K_ZERO ? 0 : kx == K_INF ? __builtin_inff128() : 1;
    _Float128 b = ky == K_ZERO ? 0 : ky == K_INF ? __builtin_inff128() : 1;
    _Float128 v = atan2f128(negative(y) ? -b : b, negative(x) ? -a : a);
    return finish(normal(v, 0), 0, false, e);
}

/* ---- exponential and logarithms ---- */

struct f80 fp_f2xm1(struct f80 a, struct fp_env *e)
{
    e->c1 = 0;
    switch (kind(a)) {
    case K_NAN: return nan_result(a, a, e);
    case K_INF: return negative(a) ? one(true) : a;
    case K_ZERO: return a;
    default: break;
    }
    struct scaled x = unpack(a);
    if (denormal(a))
        e->flags |= FP_DE;
    if (x.exp >= 0) { /* outside -1..1, undefined by the manuals */
        e->flags |= FP_PE;
        if (a.sig == UINT64_C(1) << 63 && a.se == 0xbfff)
            return (struct f80){UINT64_C(1) << 63, 0xbffe};
        return a;
    }
    struct fp_near n;
    if (fp_quick_exp(mantissa(a), negative(a), &n))
        return finish_near(n, false, e);
    if (x.exp < -120)
        return finish(normal(x.m * LN2, x.exp), 0, false, e);
    return finish(normal(expm1f128(value(x) * LN2), 0), 0, false, e);
}

/* Hardware reports even an exact logarithm as inexact, and as an underflow when it is tiny. */
static struct f80 finish_log(struct f80 r, struct fp_env *e)
{
    e->flags |= FP_PE;
    if (!(r.se & 0x7fff))
        e->flags |= FP_UE;
    return r;
}

/* y * log2(x), x positive and not 1. */
static struct f80 scaled_log(struct scaled a, struct f80 y, struct fp_env *e)
{
    struct scaled b = unpack(y);
    bool exact = a.m == 1; /* a power of two */
    _Float128 l = exact                          ? a.exp
                  : a.exp == 0 || a.exp == -1 ? log1pf128(value(a) - 1) * LOG2E
                                              : log2f128(value(a));
    return finish_log(finish(normal(b.m * l, b.exp), 0, exact, e), e);
}

struct f80 fp_yl2x(struct f80 x, struct f80 y, struct fp_env *e)
{
    e->c1 = 0;
    enum kind kx = kind(x), ky = kind(y);
    bool sy = negative(y);
    if (kx == K_NAN || ky == K_NAN)
        return nan_result(y, x, e);
    if (kx != K_ZERO && negative(x))
        return invalid(e);
    if (kx == K_ZERO) {
        if (ky == K_ZERO)
            return invalid(e);
        if (ky != K_INF)
            e->flags |= FP_ZE;
        return signed_inf(!sy);
    }
    bool is_one = x.se == 0x3fff && x.sig == UINT64_C(1) << 63, below = x.se < 0x3fff;
    if ((kx == K_INF && ky == K_ZERO) || (ky == K_INF && is_one))
        return invalid(e);
    if (denormal(x) || denormal(y))
        e->flags |= FP_DE;
    if (kx == K_INF)
        return signed_inf(sy);
    if (ky == K_INF)
        return signed_inf(sy ^ below);
    if (is_one || ky == K_ZERO)
        return signed_zero(is_one ? sy : sy ^ below);
    struct fp_mant m = mantissa(x);
    struct fp_near n;
    if (m.sig << 1 && fp_quick_log(m, mantissa(y), &n))
        return finish_log(finish_near(n, sy, e), e);
    return scaled_log(unpack(x), y, e);
}

struct f80 fp_yl2xp1(struct f80 x, struct f80 y, struct fp_env *e)
{
    e->c1 = 0;
    enum kind kx = kind(x), ky = kind(y);
    bool s = negative(x) ^ negative(y);
    if (kx == K_NAN || ky == K_NAN)
        return nan_result(y, x, e);
    if ((kx == K_ZERO && ky == K_INF) || (kx == K_INF && (negative(x) || ky == K_ZERO)))
        return invalid(e);
    if (denormal(x) || denormal(y))
        e->flags |= FP_DE;
    if (kx == K_INF)
        return signed_inf(negative(y));
    if (ky == K_INF)
        return signed_inf(s);
    if (kx == K_ZERO || ky == K_ZERO)
        return signed_zero(s);
    struct scaled a = unpack(x), b = unpack(y);
    if (a.exp >= 0 && a.m < 0) { /* outside the domain, undefined by the manuals */
        e->flags |= FP_PE;
        return x;
    }
    if (a.exp < -120)
        return finish(normal(b.m * a.m * LOG2E, b.exp + a.exp), 0, false, e);
    struct fp_near n;
    if (fp_quick_log1(mantissa(x), negative(x), mantissa(y), &n))
        return finish_log(finish_near(n, negative(y), e), e);
    if (a.exp < -48) /* 1 + x would not be exact */
        return finish(normal(b.m * (log1pf128(value(a)) * LOG2E), b.exp), 0, false, e);
    return scaled_log(normal(1 + value(a), 0), y, e);
}
