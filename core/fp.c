/* The floating-point engine: every format is unpacked to sign, exponent and a 64-bit significand,
 * operated on with 128-bit integers, and rounded once by pack(). See fp.h for the contract. */
#include "core/fp.h"


typedef unsigned __int128 u128;

enum cls { ZERO, NUM, INF, QNAN, SNAN, BAD /* unsupported 80-bit encoding */ };

struct num {
    uint8_t cls;
    bool sign, denormal;
    int32_t exp;  /* of the leading bit, unbiased */
    uint64_t sig; /* leading bit at 63 for NUM; the fraction, left-aligned, for NaNs */
};

/* A destination: precision, exponent range, and for which family of rules. */
struct fmt {
    int prec, emin, emax;
    bool x87;
};
static const struct fmt F32 = {24, -126, 127, false}, F64 = {53, -1022, 1023, false};
static struct fmt f80_fmt(const struct fp_env *e) { return (struct fmt){e->prec, -16382, 16383, true}; }

static const struct f80 indefinite80 = {UINT64_C(0xc000000000000000), 0xffff};
enum { DEFAULT_NAN32 = (int)0xffc00000 };
#define DEFAULT_NAN64 UINT64_C(0xfff8000000000000)
enum { BIAS_ADJUST = 24576 };

/* ---- unpacking ---- */

static struct num unpack_bits(bool sign, int e, int emax, uint64_t frac, int bias)
{
    struct num n = {.sign = sign, .sig = frac};
    if (e == emax) {
        n.cls = !frac ? INF : frac >> 63 ? QNAN : SNAN;
    } else if (e) {
        n.cls = NUM;
        n.sig = UINT64_C(1) << 63 | frac >> 1;
        n.exp = e - bias;
    } else if (frac) {
        int z = __builtin_clzll(frac);
        n.cls = NUM;
        n.denormal = true;
        n.sig = frac << z;
        n.exp = 1 - bias - 1 - z;
    }
    return n;
}

static struct num unpack32(uint32_t v, const struct fp_env *e)
{
    struct num n = unpack_bits(v >> 31, v >> 23 & 255, 255, (uint64_t)v << 41, 127);
    if (n.denormal && e->daz)
        n = (struct num){.cls = ZERO, .sign = n.sign};
    return n;
}

static struct num unpack64(uint64_t v, const struct fp_env *e)
{
    struct num n = unpack_bits(v >> 63, v >> 52 & 2047, 2047, v << 12, 1023);
    if (n.denormal && e->daz)
        n = (struct num){.cls = ZERO, .sign = n.sign};
    return n;
}

static struct num unpack80(struct f80 v)
{
    int e = v.se & 0x7fff;
    struct num n = {.sign = v.se >> 15, .sig = v.sig};
    if (e && !(v.sig >> 63)) {
        n.cls = BAD;
    } else if (e == 0x7fff) {
        n.sig = v.sig << 1;
        n.cls = !n.sig ? INF : n.sig >> 63 ? QNAN : SNAN;
    } else if (!e && !v.sig) {
        n.cls = ZERO;
    } else if (!e) {
        int z = __builtin_clzll(v.sig);
        n.cls = NUM;
        n.denormal = true; /* pseudo-denormals too */
        n.sig = v.sig << z;
        n.exp = -16382 - z;
    } else {
        n.cls = NUM;
        n.exp = e - 16383;
    }
    return n;
}

/* ---- rounding ---- */

/* Should |value| grow by one unit? rest is what is cut off, left-aligned in 64 bits. */
static bool round_up(int mode, bool sign, bool odd, uint64_t rest)
{
    switch (mode) {
    case FP_NEAREST: return rest > UINT64_C(1) << 63 || (rest == UINT64_C(1) << 63 && odd);
    case FP_DOWN: return sign && rest;
    case FP_UP: return !sign && rest;
    default: return false;
    }
}

/* Rounds sig (and lo below it) to prec bits; *carry if it became 2^64. Sets inexact and up. */
static uint64_t round_sig(uint64_t sig, uint64_t lo, int prec, int mode, bool sign, bool *carry,
                          bool *inexact, bool *up)
{
    int cut = 64 - prec;
    uint64_t rest = cut ? sig << prec | (lo ? (lo >> cut) | 1 : 0) : lo;
    if (cut && lo && !(lo >> cut))
        rest |= 1;
    uint64_t unit = UINT64_C(1) << cut, r = cut ? sig & ~(unit - 1) : sig;
    *inexact = rest != 0;
    *up = round_up(mode, sign, r & unit, rest);
    *carry = false;
    if (*up) {
        r += unit;
        *carry = r == 0;
    }
    return r;
}

/* sig:lo shifted right by n, the bits lost collected in the lowest bit of lo. */
static void shift_right(uint64_t *sig, uint64_t *lo, int n)
{
    if (n <= 0)
        return;
    u128 v = (u128)*sig << 64 | *lo;
    if (n > 127) {
        v = v != 0;
    } else {
        bool lost = (v & (((u128)1 << n) - 1)) != 0;
        v = v >> n | lost;
    }
    *sig = (uint64_t)(v >> 64);
    *lo = (uint64_t)v;
}

/* A rounded number: exp of the leading bit, or denormal with exp == emin and sig's top bit 0. */
struct rounded {
    bool inf, zero;
    int exp;
    uint64_t sig;
};

static struct rounded overflow(const struct fmt *f, bool sign, int exp, uint64_t sig, bool inexact,
                               struct fp_env *e)
{
    e->flags |= FP_OE;
    if (!(e->mask & FP_OE)) {
        if (inexact)
            e->flags |= FP_PE;
        if (f->x87 && exp - BIAS_ADJUST > f->emax) { /* FSCALE can go beyond even that */
            e->flags |= FP_PE;
            e->c1 = 1;
            return (struct rounded){.inf = true};
        }
        return (struct rounded){.exp = exp - BIAS_ADJUST, .sig = sig};
    }
    e->flags |= FP_PE;
    bool inf = e->round == FP_NEAREST || e->round == (sign ? FP_DOWN : FP_UP);
    e->c1 = inf;
    if (inf)
        return (struct rounded){.inf = true};
    return (struct rounded){.exp = f->emax, .sig = ~UINT64_C(0) << (64 - f->prec)};
}

static struct rounded do_round(const struct fmt *f, bool sign, int exp, uint64_t sig, uint64_t lo,
                               struct fp_env *e)
{
    bool carry, inexact, up;
    uint64_t r = round_sig(sig, lo, f->prec, e->round, sign, &carry, &inexact, &up);
    int rexp = exp + carry;
    if (carry)
        r = UINT64_C(1) << 63;
    e->c1 = up;
    if (rexp > f->emax)
        return overflow(f, sign, rexp, r, inexact, e);
    if (rexp >= f->emin && exp >= f->emin) {
        if (inexact)
            e->flags |= FP_PE;
        return (struct rounded){.exp = rexp, .sig = r};
    }
    bool tiny = rexp < f->emin; /* detected after rounding with unbounded exponent */
    if (tiny && !(e->mask & FP_UE)) {
        e->flags |= FP_UE;
        if (inexact)
            e->flags |= FP_PE;
        if (f->x87 && rexp + BIAS_ADJUST < f->emin) {
            e->flags |= FP_PE;
            e->c1 = 0;
            return (struct rounded){.zero = true};
        }
        return (struct rounded){.exp = rexp + BIAS_ADJUST, .sig = r};
    }
    if (tiny && e->ftz && (e->mask & FP_UE) && !f->x87) {
        e->flags |= FP_UE | FP_PE;
        e->c1 = 0;
        return (struct rounded){.zero = true};
    }
    shift_right(&sig, &lo, f->emin - exp);
    r = round_sig(sig, lo, f->prec, e->round, sign, &carry, &inexact, &up);
    e->c1 = up;
    if (inexact)
        e->flags |= FP_PE | (tiny ? FP_UE : 0);
    if (!r && !carry)
        return (struct rounded){.zero = true};
    return (struct rounded){.exp = f->emin, .sig = r};
}

/* ---- packing ---- */

static uint32_t put32(bool sign, struct rounded r)
{
    uint32_t s = (uint32_t)sign << 31;
    if (r.inf)
        return s | 0x7f800000;
    if (r.zero)
        return s;
    uint32_t frac = (uint32_t)(r.sig >> 40);
    return s | (r.sig >> 63 ? (uint32_t)(r.exp + 127) << 23 : 0) | (frac & 0x7fffff);
}

static uint64_t put64(bool sign, struct rounded r)
{
    uint64_t s = (uint64_t)sign << 63;
    if (r.inf)
        return s | UINT64_C(0x7ff) << 52;
    if (r.zero)
        return s;
    return s | (r.sig >> 63 ? (uint64_t)(r.exp + 1023) << 52 : 0) |
           (r.sig >> 11 & ((UINT64_C(1) << 52) - 1));
}

static struct f80 put80(bool sign, struct rounded r)
{
    uint16_t s = (uint16_t)(sign << 15);
    if (r.inf)
        return (struct f80){UINT64_C(1) << 63, (uint16_t)(s | 0x7fff)};
    if (r.zero)
        return (struct f80){0, s};
    return (struct f80){r.sig, (uint16_t)(s | (r.sig >> 63 ? (r.exp + 16383) & 0x7fff : 0))};
}

/* ---- the arithmetic, format-free ---- */

/* What an operation yields before rounding. */
struct result {
    uint8_t cls; /* ZERO NUM INF, or QNAN: invalid operation */
    bool sign;
    int exp;
    uint64_t sig, lo;
};

static struct result invalid(struct fp_env *e)
{
    e->flags |= FP_IE;
    return (struct result){.cls = QNAN};
}

static struct result normalized(bool sign, int exp, u128 v) /* v's bit 126 weighs 2^exp */
{
    if (!v)
        return (struct result){.cls = ZERO, .sign = sign};
    uint64_t hi = (uint64_t)(v >> 64);
    int z = hi ? __builtin_clzll(hi) : 64 + __builtin_clzll((uint64_t)v);
    v <<= z;
    return (struct result){NUM, sign, exp + 1 - z, (uint64_t)(v >> 64), (uint64_t)v};
}

static struct result add_num(struct num a, struct num b, struct fp_env *e)
{
    if (a.cls == INF || b.cls == INF) {
        if (a.cls == INF && b.cls == INF && a.sign != b.sign)
            return invalid(e);
        return (struct result){.cls = INF, .sign = a.cls == INF ? a.sign : b.sign};
    }
    if (a.cls == ZERO && b.cls == ZERO)
        return (struct result){.cls = ZERO,
                               .sign = a.sign == b.sign ? a.sign : e->round == FP_DOWN};
    if (a.cls == ZERO)
        return (struct result){NUM, b.sign, b.exp, b.sig, 0};
    if (b.cls == ZERO)
        return (struct result){NUM, a.sign, a.exp, a.sig, 0};
    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        struct num t = a;
        a = b;
        b = t;
    }
    uint64_t blo = 0, bhi = b.sig;
    int d = a.exp - b.exp;
    u128 x = (u128)a.sig << 63, y;
    if (d > 126) {
        y = 1;
    } else {
        y = (u128)bhi << 63 | blo;
        bool lost = (y & (((u128)1 << d) - 1)) != 0;
        y = y >> d | lost;
    }
    if (a.sign == b.sign)
        return normalized(a.sign, a.exp, x + y);
    if (x == y)
        return (struct result){.cls = ZERO, .sign = e->round == FP_DOWN};
    return normalized(a.sign, a.exp, x - y);
}

static struct result mul_num(struct num a, struct num b, struct fp_env *e)
{
    bool sign = a.sign ^ b.sign;
    if (a.cls == INF || b.cls == INF)
        return a.cls == ZERO || b.cls == ZERO ? invalid(e)
                                              : (struct result){.cls = INF, .sign = sign};
    if (a.cls == ZERO || b.cls == ZERO)
        return (struct result){.cls = ZERO, .sign = sign};
    return normalized(sign, a.exp + b.exp, (u128)a.sig * b.sig);
}

/* x * y + z. The product has at most 106 significant bits in 128, so that shifting it right by one
 * makes room for a carry and loses nothing; whichever term is far below the other needs only its
 * sticky bit. */
static struct result fma_num(struct num x, struct num y, struct num z, struct fp_env *e)
{
    bool sign = x.sign ^ y.sign;
    if (x.cls == INF || y.cls == INF) {
        if (x.cls == ZERO || y.cls == ZERO || (z.cls == INF && z.sign != sign))
            return invalid(e);
        return (struct result){.cls = INF, .sign = sign};
    }
    if (z.cls == INF)
        return (struct result){.cls = INF, .sign = z.sign};
    if (x.cls == ZERO || y.cls == ZERO) {
        if (z.cls == ZERO)
            return (struct result){.cls = ZERO,
                                   .sign = sign == z.sign ? sign : e->round == FP_DOWN};
        return (struct result){NUM, z.sign, z.exp, z.sig, 0};
    }
    if (z.cls == ZERO)
        return normalized(sign, x.exp + y.exp, (u128)x.sig * y.sig);
    uint64_t hi = (uint64_t)((u128)x.sig * y.sig >> 65), lo = (uint64_t)((u128)x.sig * y.sig >> 1);
    uint64_t zhi = z.sig >> 2, zlo = z.sig << 62;
    int exp = x.exp + y.exp; /* of bit 125 in both */
    shift_right(&zhi, &zlo, exp - z.exp);
    shift_right(&hi, &lo, z.exp - exp);
    if (z.exp > exp)
        exp = z.exp;
    u128 p = (u128)hi << 64 | lo, q = (u128)zhi << 64 | zlo;
    if (sign == z.sign)
        return normalized(sign, exp + 1, p + q);
    if (p == q)
        return (struct result){.cls = ZERO, .sign = e->round == FP_DOWN};
    return p > q ? normalized(sign, exp + 1, p - q) : normalized(z.sign, exp + 1, q - p);
}

static struct result div_num(struct num a, struct num b, struct fp_env *e)
{
    bool sign = a.sign ^ b.sign;
    if (a.cls == INF)
        return b.cls == INF ? invalid(e) : (struct result){.cls = INF, .sign = sign};
    if (b.cls == INF)
        return (struct result){.cls = ZERO, .sign = sign};
    if (b.cls == ZERO) {
        if (a.cls == ZERO)
            return invalid(e);
        e->flags |= FP_ZE;
        return (struct result){.cls = INF, .sign = sign};
    }
    if (a.cls == ZERO)
        return (struct result){.cls = ZERO, .sign = sign};
    bool less = a.sig < b.sig;
    u128 n = (u128)a.sig << (less ? 64 : 63);
    uint64_t q = (uint64_t)(n / b.sig), r = (uint64_t)(n % b.sig);
    u128 m = (u128)r << 64;
    uint64_t lo = (uint64_t)(m / b.sig) | (m % b.sig != 0);
    return (struct result){NUM, sign, a.exp - b.exp - less, q, lo};
}

static uint64_t isqrt(u128 m) /* m >= 2^126 */
{
    double guess = __builtin_sqrt((double)m);
    uint64_t r = guess >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)guess;
    for (int i = 0; i < 2; i++) {
        u128 next = ((u128)r + m / r) >> 1;
        r = next >> 64 ? UINT64_MAX : (uint64_t)next;
    }
    while ((u128)r * r > m)
        r--;
    while (r != UINT64_MAX && (u128)(r + 1) * (r + 1) <= m)
        r++;
    return r;
}

static struct result sqrt_num(struct num a, struct fp_env *e)
{
    if (a.cls == ZERO)
        return (struct result){.cls = ZERO, .sign = a.sign};
    if (a.sign)
        return invalid(e);
    if (a.cls == INF)
        return (struct result){.cls = INF};
    int k = (a.exp - 126) & 1 ? 64 : 63;
    u128 m = (u128)a.sig << k;
    uint64_t r = isqrt(m);
    u128 rest = m - (u128)r * r;
    uint64_t lo = (rest > r ? UINT64_C(1) << 63 : 0) | (rest != 0);
    return (struct result){NUM, false, (a.exp - 63 - k) / 2 + 63, r, lo};
}

static bool is_nan(struct num a) { return a.cls == QNAN || a.cls == SNAN; }

/* Flags for operand classes. True if a NaN (or unsupported encoding) decides the result. */
static bool operands(struct num a, struct num b, struct fp_env *e)
{
    if (a.cls == SNAN || b.cls == SNAN || a.cls == BAD || b.cls == BAD)
        e->flags |= FP_IE;
    return is_nan(a) || is_nan(b) || a.cls == BAD || b.cls == BAD;
}

static void denormals(struct num a, struct num b, struct fp_env *e)
{
    if (a.denormal || b.denormal)
        e->flags |= FP_DE;
}

/* ---- binary32 and binary64 ---- */

#define SSE_NAN(B, ctype, quiet)                                                                   \
    static ctype nan##B(ctype a, struct num x, ctype b) { return (is_nan(x) ? a : b) | (quiet); }  \
    static ctype finish##B(struct result r, struct fp_env *e)                                      \
    {                                                                                              \
        if (r.cls == QNAN)                                                                         \
            return (ctype)DEFAULT_NAN##B;                                                          \
        if (r.cls != NUM)                                                                          \
            return put##B(r.sign, (struct rounded){.inf = r.cls == INF, .zero = r.cls == ZERO});   \
        return put##B(r.sign, do_round(&F##B, r.sign, r.exp, r.sig, r.lo, e));                     \
    }
SSE_NAN(32, uint32_t, 0x00400000u)
SSE_NAN(64, uint64_t, UINT64_C(0x0008000000000000))

/* The invalid operation has priority over the denormal operand. */
#define SSE_BINARY(name, B, ctype, op, flip)                                                       \
    static ctype soft_##name##B(ctype a, ctype b, struct fp_env *e)                                \
    {                                                                                              \
        struct num x = unpack##B(a, e), y = unpack##B(b, e);                                       \
        if (operands(x, y, e))                                                                     \
            return nan##B(a, x, b);                                                                \
        y.sign ^= flip;                                                                            \
        uint8_t before = e->flags;                                                                 \
        e->flags = 0;                                                                              \
        struct result r = op(x, y, e);                                                             \
        if (!(e->flags & (FP_IE | FP_ZE)))                                                         \
            denormals(x, y, e);                                                                    \
        e->flags |= before;                                                                        \
        return finish##B(r, e);                                                                    \
    }

/* Host arithmetic gives the same bits if rounding is to nearest, inexact is already sticky, and
 * result and operands are normal and far from the ends of the range. */
static inline bool safe32(uint32_t v) { return ((v >> 23) & 255) - 32u < 190u; }
static inline bool safe64(uint64_t v) { return ((v >> 52) & 2047) - 200u < 1600u; }
static inline bool fast_ok(const struct fp_env *e) { return e->round == FP_NEAREST && (e->flags & FP_PE); }

#define FAST(name, B, ctype, ftype, expr, op, flip)                                                \
    SSE_BINARY(name, B, ctype, op, flip)                                                           \
    ctype fp_##name##B(ctype a, ctype b, struct fp_env *e)                                         \
    {                                                                                              \
        if (fast_ok(e) && safe##B(a) && safe##B(b)) {                                              \
            union { ctype i; ftype f; } x = {a}, y = {b}, r;                                       \
            r.f = x.f expr y.f;                                                                    \
            if (safe##B(r.i))                                                                      \
                return r.i;                                                                        \
        }                                                                                          \
        return soft_##name##B(a, b, e);                                                            \
    }
FAST(add, 32, uint32_t, float, +, add_num, false)
FAST(sub, 32, uint32_t, float, -, add_num, true)
FAST(mul, 32, uint32_t, float, *, mul_num, false)
FAST(div, 32, uint32_t, float, /, div_num, false)
FAST(add, 64, uint64_t, double, +, add_num, false)
FAST(sub, 64, uint64_t, double, -, add_num, true)
FAST(mul, 64, uint64_t, double, *, mul_num, false)
FAST(div, 64, uint64_t, double, /, div_num, false)

/* The first NaN of the factors and the addend, in the order of the arguments, is the result. */
#define SSE_FMA(B, ctype)                                                                          \
    ctype fp_fma##B(ctype a, ctype b, ctype c, bool negate_product, bool negate_addend,            \
                    struct fp_env *e)                                                              \
    {                                                                                              \
        struct num x = unpack##B(a, e), y = unpack##B(b, e), z = unpack##B(c, e);                  \
        if (operands(x, y, e) | operands(z, z, e))                                                 \
            return is_nan(x) || is_nan(y) ? nan##B(a, x, b) : nan##B(c, z, c);                     \
        x.sign ^= negate_product;                                                                  \
        z.sign ^= negate_addend;                                                                   \
        uint8_t before = e->flags;                                                                 \
        e->flags = 0;                                                                              \
        struct result r = fma_num(x, y, z, e);                                                     \
        if (!(e->flags & FP_IE)) {                                                                 \
            denormals(x, y, e);                                                                    \
            denormals(z, z, e);                                                                    \
        }                                                                                          \
        e->flags |= before;                                                                        \
        return finish##B(r, e);                                                                    \
    }
SSE_FMA(32, uint32_t)
SSE_FMA(64, uint64_t)

#define SSE_REST(B, ctype, signbit)                                                                \
    ctype fp_sqrt##B(ctype a, struct fp_env *e)                                                    \
    {                                                                                              \
        struct num x = unpack##B(a, e);                                                            \
        if (operands(x, x, e))                                                                     \
            return nan##B(a, x, a);                                                                \
        uint8_t before = e->flags;                                                                 \
        e->flags = 0;                                                                              \
        struct result r = sqrt_num(x, e);                                                          \
        if (!(e->flags & FP_IE))                                                                   \
            denormals(x, x, e);                                                                    \
        e->flags |= before;                                                                        \
        return finish##B(r, e);                                                                    \
    }                                                                                              \
    enum fp_cmp fp_cmp##B(ctype a, ctype b, bool quiet, struct fp_env *e)                          \
    {                                                                                              \
        struct num x = unpack##B(a, e), y = unpack##B(b, e);                                       \
        return compare(x, y, quiet, e);                                                            \
    }                                                                                              \
    static ctype zap##B(ctype a, const struct fp_env *e)                                           \
    {                                                                                              \
        return e->daz && unpack##B(a, e).cls == ZERO ? a & (ctype)(signbit) : a;                   \
    }                                                                                              \
    ctype fp_min##B(ctype a, ctype b, struct fp_env *e)                                            \
    {                                                                                              \
        return fp_cmp##B(a, b, false, e) == FP_LT ? zap##B(a, e) : zap##B(b, e);                   \
    }                                                                                              \
    ctype fp_max##B(ctype a, ctype b, struct fp_env *e)                                            \
    {                                                                                              \
        return fp_cmp##B(a, b, false, e) == FP_GT ? zap##B(a, e) : zap##B(b, e);                   \
    }                                                                                              \
    ctype fp_rint##B(ctype a, int round, bool inexact, struct fp_env *e)                           \
    {                                                                                              \
        struct num x = unpack##B(a, e);                                                            \
        if (operands(x, x, e))                                                                     \
            return nan##B(a, x, a);                                                                \
        if (x.cls == ZERO || x.cls == INF)                                                         \
            return x.cls == ZERO ? a & (ctype)(signbit) : a;                                       \
        bool ix;                                                                                   \
        uint64_t v = to_int(x, round, &ix);                                                        \
        if (x.exp >= 63)                                                                           \
            return a;                                                                              \
        if (ix && inexact)                                                                         \
            e->flags |= FP_PE;                                                                     \
        struct fp_env exact = {.mask = FP_ALL, .prec = 64};                                        \
        struct result r = from_int(x.sign, v);                                                     \
        return finish##B(r, &exact);                                                               \
    }

static enum fp_cmp compare(struct num x, struct num y, bool quiet, struct fp_env *e)
{
    if (is_nan(x) || is_nan(y) || x.cls == BAD || y.cls == BAD) {
        if (!quiet || x.cls == SNAN || y.cls == SNAN || x.cls == BAD || y.cls == BAD)
            e->flags |= FP_IE;
        return FP_UNORD;
    }
    denormals(x, y, e);
    if (x.cls == ZERO && y.cls == ZERO)
        return FP_EQ;
    if (x.sign != y.sign && !(x.cls == ZERO) && !(y.cls == ZERO))
        return x.sign ? FP_LT : FP_GT;
    if (x.cls == ZERO)
        return y.sign ? FP_GT : FP_LT;
    if (y.cls == ZERO)
        return x.sign ? FP_LT : FP_GT;
    int m;
    if (x.cls == INF || y.cls == INF)
        m = (x.cls == INF) - (y.cls == INF);
    else if (x.exp != y.exp)
        m = x.exp < y.exp ? -1 : 1;
    else
        m = (x.sig > y.sig) - (x.sig < y.sig);
    return (enum fp_cmp)(x.sign ? -m : m);
}

/* |x| as an integer under `round` (sign considered); x.exp < 63. For larger, the caller checks. */
static uint64_t to_int(struct num x, int round, bool *inexact)
{
    *inexact = false;
    if (x.cls == ZERO)
        return 0;
    if (x.exp >= 64)
        return 0;
    uint64_t v = x.exp < 0 ? 0 : x.sig >> (63 - x.exp), rest;
    if (x.exp < -1)
        rest = 1;
    else if (x.exp == -1)
        rest = x.sig; /* leading bit is the half */
    else
        rest = x.exp == 63 ? 0 : x.sig << (x.exp + 1);
    *inexact = rest != 0;
    return v + round_up(round, x.sign, v & 1, rest);
}

static struct result from_int(bool sign, uint64_t v)
{
    if (!v)
        return (struct result){.cls = ZERO, .sign = sign};
    int z = __builtin_clzll(v);
    return (struct result){NUM, sign, 63 - z, v << z, 0};
}

SSE_REST(32, uint32_t, 0x80000000u)
SSE_REST(64, uint64_t, UINT64_C(0x8000000000000000))

/* ---- conversions of the SSE family ---- */

uint64_t fp_cvt32_to_64(uint32_t a, struct fp_env *e)
{
    struct num x = unpack32(a, e);
    if (operands(x, x, e))
        return (uint64_t)(a >> 31) << 63 | UINT64_C(0x7ff8) << 48 |
               (uint64_t)(a & 0x7fffff) << 29;
    denormals(x, x, e);
    return finish64((struct result){x.cls, x.sign, x.exp, x.sig, 0}, e);
}

uint32_t fp_cvt64_to_32(uint64_t a, struct fp_env *e)
{
    struct num x = unpack64(a, e);
    if (operands(x, x, e))
        return (uint32_t)(a >> 63) << 31 | 0x7fc00000u | (uint32_t)(a >> 29 & 0x7fffff);
    denormals(x, x, e);
    return finish32((struct result){x.cls, x.sign, x.exp, x.sig, 0}, e);
}

uint32_t fp_cvt16_to_32(uint16_t a, struct fp_env *e)
{
    struct num x = unpack_bits(a >> 15, a >> 10 & 31, 31, (uint64_t)a << 54, 15);
    if (operands(x, x, e))
        return (uint32_t)(a >> 15) << 31 | 0x7fc00000u | (uint32_t)(a & 0x3ff) << 13;
    return finish32((struct result){x.cls, x.sign, x.exp, x.sig, 0}, e);
}

uint16_t fp_cvt32_to_16(uint32_t a, struct fp_env *e)
{
    static const struct fmt f16 = {11, -14, 15, false};
    struct num x = unpack32(a, e);
    uint16_t sign = (uint16_t)(a >> 31 << 15);
    if (operands(x, x, e))
        return (uint16_t)(sign | 0x7e00 | (a >> 13 & 0x3ff));
    denormals(x, x, e);
    if (x.cls != NUM)
        return (uint16_t)(sign | (x.cls == INF ? 0x7c00 : 0));
    struct rounded r = do_round(&f16, x.sign, x.exp, x.sig, 0, e);
    if (r.inf || r.zero)
        return (uint16_t)(sign | (r.inf ? 0x7c00 : 0));
    return (uint16_t)(sign | (r.sig >> 63 ? (r.exp + 15) << 10 : 0) | (r.sig >> 53 & 0x3ff));
}

static struct result from_i64(int64_t v)
{
    return from_int(v < 0, v < 0 ? -(uint64_t)v : (uint64_t)v);
}

uint32_t fp_cvt_i32_to_32(int32_t a, struct fp_env *e) { return finish32(from_i64(a), e); }
uint64_t fp_cvt_i32_to_64(int32_t a, struct fp_env *e) { return finish64(from_i64(a), e); }

/* To a signed integer of `bits`; out of range or NaN: the most negative, with IE. */
static int64_t to_signed(struct num x, int bits, int round, struct fp_env *e)
{
    int64_t bad = -(INT64_C(1) << (bits - 1));
    uint64_t limit = UINT64_C(1) << (bits - 1);
    bool inexact;
    if (is_nan(x) || x.cls == INF || x.cls == BAD || (x.cls == NUM && x.exp > 63)) {
        e->flags |= FP_IE;
        return bad;
    }
    uint64_t v = to_int(x, round, &inexact);
    if (x.sign ? v > limit : v >= limit) {
        e->flags |= FP_IE;
        return bad;
    }
    if (inexact)
        e->flags |= FP_PE;
    if (inexact)
        e->c1 = v != (x.exp < 0 ? 0 : x.sig >> (63 - x.exp));
    return x.sign ? (int64_t)-v : (int64_t)v;
}

int32_t fp_cvt32_to_i32(uint32_t a, int round, struct fp_env *e)
{
    return (int32_t)to_signed(unpack32(a, e), 32, round, e);
}
int32_t fp_cvt64_to_i32(uint64_t a, int round, struct fp_env *e)
{
    return (int32_t)to_signed(unpack64(a, e), 32, round, e);
}

/* ---- 80-bit ---- */

static struct f80 finish80(struct result r, struct fp_env *e)
{
    if (r.cls == QNAN)
        return indefinite80;
    if (r.cls != NUM)
        return put80(r.sign, (struct rounded){.inf = r.cls == INF, .zero = r.cls == ZERO});
    struct fmt f = f80_fmt(e);
    return put80(r.sign, do_round(&f, r.sign, r.exp, r.sig, r.lo, e));
}

struct f80 fp_round80(bool sign, int exp, uint64_t sig, uint64_t lo, struct fp_env *e)
{
    struct fmt f = {64, -16382, 16383, true};
    return put80(sign, do_round(&f, sign, exp, sig, lo, e));
}

/* SDM vol. 1 table 4-7: of two NaNs the larger significand; equal: the positive one. */
static struct f80 nan80(struct f80 a, struct num x, struct f80 b, struct num y)
{
    if (x.cls == BAD || y.cls == BAD)
        return indefinite80;
    const uint64_t q = UINT64_C(1) << 62;
    if (!is_nan(y) || (is_nan(x) && x.cls == SNAN && y.cls == SNAN &&
                       (a.sig > b.sig || (a.sig == b.sig && a.se < b.se))))
        return (struct f80){a.sig | q, a.se};
    if (!is_nan(x))
        return (struct f80){b.sig | q, b.se};
    if (x.cls == SNAN && y.cls == SNAN)
        return (struct f80){b.sig | q, b.se};
    if (x.cls == SNAN)
        return (struct f80){b.sig | q, b.se};
    if (y.cls == SNAN)
        return (struct f80){a.sig | q, a.se};
    if (a.sig != b.sig)
        return a.sig > b.sig ? a : b;
    return a.se < b.se ? a : b;
}

#define X87_BINARY(name, op, flip)                                                                 \
    struct f80 fp_##name##80(struct f80 a, struct f80 b, struct fp_env *e)                         \
    {                                                                                              \
        struct num x = unpack80(a), y = unpack80(b);                                               \
        e->c1 = 0;                                                                                 \
        if (operands(x, y, e))                                                                     \
            return nan80(a, x, b, y);                                                              \
        y.sign ^= flip;                                                                            \
        uint8_t before = e->flags;                                                                 \
        e->flags = 0;                                                                              \
        struct result r = op(x, y, e);                                                             \
        if (!(e->flags & (FP_IE | FP_ZE)))                                                                   \
            denormals(x, y, e);                                                                    \
        e->flags |= before;                                                                        \
        return finish80(r, e);                                                                     \
    }
X87_BINARY(add, add_num, false)
X87_BINARY(sub, add_num, true)
X87_BINARY(mul, mul_num, false)
X87_BINARY(div, div_num, false)

struct f80 fp_sqrt80(struct f80 a, struct fp_env *e)
{
    struct num x = unpack80(a);
    e->c1 = 0;
    if (operands(x, x, e))
        return nan80(a, x, a, x);
    uint8_t before = e->flags;
    e->flags = 0;
    struct result r = sqrt_num(x, e);
    if (!(e->flags & FP_IE))
        denormals(x, x, e);
    e->flags |= before;
    return finish80(r, e);
}

struct f80 fp_rint80(struct f80 a, struct fp_env *e)
{
    struct num x = unpack80(a);
    bool inexact;
    e->c1 = 0;
    if (operands(x, x, e))
        return nan80(a, x, a, x);
    denormals(x, x, e);
    if (x.cls != NUM || x.exp >= 63)
        return a;
    uint64_t v = to_int(x, e->round, &inexact);
    if (inexact) {
        e->flags |= FP_PE;
        e->c1 = v != (x.exp < 0 ? 0 : x.sig >> (63 - x.exp));
    }
    struct fp_env exact = {.mask = FP_ALL, .prec = 64};
    return finish80(from_int(x.sign, v), &exact);
}

enum fp_cmp fp_cmp80(struct f80 a, struct f80 b, bool quiet, struct fp_env *e)
{
    return compare(unpack80(a), unpack80(b), quiet, e);
}

struct f80 fp_scale80(struct f80 a, struct f80 b, struct fp_env *e)
{
    struct num x = unpack80(a), y = unpack80(b);
    e->c1 = 0;
    if (operands(x, y, e))
        return nan80(a, x, b, y);
    if (y.cls == INF) {
        if ((x.cls == ZERO && !y.sign) || (x.cls == INF && y.sign)) {
            e->flags |= FP_IE;
            return indefinite80;
        }
        denormals(x, y, e);
        return put80(x.sign, (struct rounded){.inf = !y.sign, .zero = y.sign});
    }
    denormals(x, y, e);
    if (x.cls != NUM)
        return a;
    int n = 0;
    if (y.cls == NUM && y.exp >= 0)
        n = y.exp > 16 ? 0x10000 : (int)(y.sig >> (63 - y.exp));
    return fp_round80(x.sign, x.exp + (y.sign ? -n : n), x.sig, 0, e);
}

void fp_xtract80(struct f80 a, struct f80 *exp, struct f80 *sig, struct fp_env *e)
{
    struct num x = unpack80(a);
    e->c1 = 0;
    if (operands(x, x, e)) {
        *exp = *sig = nan80(a, x, a, x);
        return;
    }
    if (x.cls == ZERO) {
        e->flags |= FP_ZE;
        *sig = a;
        *exp = (struct f80){UINT64_C(1) << 63, 0xffff};
        return;
    }
    if (x.cls == INF) {
        *sig = a;
        *exp = (struct f80){UINT64_C(1) << 63, 0x7fff};
        return;
    }
    denormals(x, x, e);
    *exp = fp_cvt_i64_to_80(x.exp);
    *sig = (struct f80){x.sig, (uint16_t)(x.sign << 15 | 16383)};
}

struct f80 fp_rem80(struct f80 a, struct f80 b, bool ieee, uint64_t *quotient, bool *done,
                    struct fp_env *e)
{
    struct num x = unpack80(a), y = unpack80(b);
    *quotient = 0;
    *done = true;
    e->c1 = 0;
    if (operands(x, y, e))
        return nan80(a, x, b, y);
    if (x.cls == INF || y.cls == ZERO) {
        e->flags |= FP_IE;
        return indefinite80;
    }
    denormals(x, y, e);
    if (x.cls == ZERO)
        return a;
    int d = y.cls == INF ? -0x10000 : x.exp - y.exp;
    uint64_t r = x.sig, q = 0;
    struct fp_env exact = {.mask = e->mask, .prec = 64};
    if (d < (ieee ? -1 : 0))
        return fp_round80(x.sign, x.exp, x.sig, 0, e);
    int n = d;
    if (d > 63) { /* reduce the exponent difference by 32..63 and report incomplete */
        n = 32 + (d & 31);
        *done = false;
    }
    bool top = false; /* the 65th bit of the running remainder */
    for (int i = 0; i <= n; i++) {
        q <<= 1;
        if (top || r >= y.sig) {
            r -= y.sig;
            q |= 1;
        }
        if (i < n) {
            top = r >> 63;
            r <<= 1;
        }
    }
    int rexp = *done ? y.exp : x.exp - n;
    if (d < 0) { /* FPREM1 with |a| between |b|/2 and |b| */
        r = x.sig;
        rexp = x.exp;
        q = 0;
    }
    bool sign = x.sign;
    if (ieee && *done) { /* nearest: compare 2r with b */
        u128 twice = d < 0 ? (u128)x.sig : (u128)r << 1;
        if (d < 0 ? x.sig > y.sig : (twice > y.sig || (twice == y.sig && (q & 1)))) {
            u128 diff = d < 0 ? ((u128)y.sig << 1) - x.sig : (u128)y.sig - r;
            q++;
            sign = !sign;
            *quotient = q;
            struct f80 out = finish80(normalized(sign, rexp, diff << 63), &exact);
            e->flags |= exact.flags;
            return out;
        }
    }
    *quotient = *done ? q : 0;
    struct result res = normalized(sign, rexp, (u128)r << 63);
    if (res.cls == ZERO)
        res.sign = x.sign;
    struct f80 out = finish80(res, &exact);
    e->flags |= exact.flags;
    return out;
}

struct f80 fp_cvt32_to_80(uint32_t a, struct fp_env *e)
{
    unsigned ex = a >> 23 & 255;
    if (likely(ex - 1 < 254)) { /* normal: always exact */
        e->c1 = 0;
        return (struct f80){UINT64_C(1) << 63 | (uint64_t)(a & 0x7fffff) << 40,
                            (uint16_t)((a >> 31) << 15 | (ex + 16383 - 127))};
    }
    struct num x = unpack_bits(a >> 31, a >> 23 & 255, 255, (uint64_t)a << 41, 127);
    e->c1 = 0;
    if (operands(x, x, e))
        return (struct f80){UINT64_C(3) << 62 | (uint64_t)(a & 0x7fffff) << 40,
                            (uint16_t)((a >> 31) << 15 | 0x7fff)};
    denormals(x, x, e);
    struct fp_env exact = {.mask = FP_ALL, .prec = 64};
    return finish80((struct result){x.cls, x.sign, x.exp, x.sig, 0}, &exact);
}

struct f80 fp_cvt64_to_80(uint64_t a, struct fp_env *e)
{
    unsigned ex = (unsigned)(a >> 52) & 2047;
    if (likely(ex - 1 < 2046)) {
        e->c1 = 0;
        return (struct f80){UINT64_C(1) << 63 | (a << 11 & INT64_MAX),
                            (uint16_t)((a >> 63) << 15 | (ex + 16383 - 1023))};
    }
    struct num x = unpack_bits(a >> 63, a >> 52 & 2047, 2047, a << 12, 1023);
    e->c1 = 0;
    if (operands(x, x, e))
        return (struct f80){UINT64_C(3) << 62 | a << 11, (uint16_t)((a >> 63) << 15 | 0x7fff)};
    denormals(x, x, e);
    struct fp_env exact = {.mask = FP_ALL, .prec = 64};
    return finish80((struct result){x.cls, x.sign, x.exp, x.sig, 0}, &exact);
}

struct f80 fp_widen32(uint32_t a, struct fp_env *e)
{
    if ((a & 0x7fffffff) > 0x7f800000)
        return (struct f80){UINT64_C(1) << 63 | (uint64_t)(a & 0x7fffff) << 40,
                            (uint16_t)((a >> 31) << 15 | 0x7fff)};
    return fp_cvt32_to_80(a, e);
}

struct f80 fp_widen64(uint64_t a, struct fp_env *e)
{
    if ((a & INT64_MAX) > UINT64_C(0x7ff) << 52)
        return (struct f80){UINT64_C(1) << 63 | (a << 11 & INT64_MAX),
                            (uint16_t)((a >> 63) << 15 | 0x7fff)};
    return fp_cvt64_to_80(a, e);
}

/* Storing to memory never raises DE; x87 masks decide about tiny results. */
uint32_t fp_cvt80_to_32(struct f80 a, struct fp_env *e)
{
    struct num x = unpack80(a);
    e->c1 = 0;
    if (operands(x, x, e))
        return x.cls == BAD ? 0xffc00000u
                            : (uint32_t)(a.se >> 15) << 31 | 0x7fc00000u |
                                  (uint32_t)(a.sig >> 40 & 0x7fffff);
    return finish32((struct result){x.cls, x.sign, x.exp, x.sig, 0}, e);
}

uint64_t fp_cvt80_to_64(struct f80 a, struct fp_env *e)
{
    struct num x = unpack80(a);
    e->c1 = 0;
    if (operands(x, x, e))
        return x.cls == BAD ? DEFAULT_NAN64
                            : (uint64_t)(a.se >> 15) << 63 | UINT64_C(0x7ff8) << 48 |
                                  (a.sig >> 11 & ((UINT64_C(1) << 52) - 1));
    return finish64((struct result){x.cls, x.sign, x.exp, x.sig, 0}, e);
}

struct f80 fp_cvt_i64_to_80(int64_t a)
{
    struct fp_env exact = {.mask = FP_ALL, .prec = 64};
    return finish80(from_i64(a), &exact);
}

int16_t fp_cvt80_to_i16(struct f80 a, int round, struct fp_env *e)
{
    e->c1 = 0;
    return (int16_t)to_signed(unpack80(a), 16, round, e);
}
int32_t fp_cvt80_to_i32(struct f80 a, int round, struct fp_env *e)
{
    e->c1 = 0;
    return (int32_t)to_signed(unpack80(a), 32, round, e);
}
int64_t fp_cvt80_to_i64(struct f80 a, int round, struct fp_env *e)
{
    e->c1 = 0;
    struct num x = unpack80(a);
    if (x.cls == NUM && x.exp == 63 && x.sign && x.sig == UINT64_C(1) << 63)
        return INT64_MIN;
    if (is_nan(x) || x.cls == INF || x.cls == BAD || (x.cls == NUM && x.exp >= 63)) {
        e->flags |= FP_IE;
        return INT64_MIN;
    }
    bool inexact;
    uint64_t v = to_int(x, round, &inexact);
    if (v >> 63 && !(x.sign && v == UINT64_C(1) << 63)) {
        e->flags |= FP_IE;
        return INT64_MIN;
    }
    if (inexact) {
        e->flags |= FP_PE;
        e->c1 = v != (x.exp < 0 ? 0 : x.sig >> (63 - x.exp));
    }
    return x.sign ? (int64_t)-v : (int64_t)v;
}

/* ---- packed decimal ---- */

struct f80 fp_from_bcd(const uint8_t b[10])
{
    uint64_t v = 0;
    for (int i = 8; i >= 0; i--)
        v = v * 100 + (b[i] >> 4) * 10u + (b[i] & 15);
    struct fp_env exact = {.mask = FP_ALL, .prec = 64};
    return finish80(from_int(b[9] >> 7, v), &exact);
}

void fp_to_bcd(struct f80 a, uint8_t b[10], struct fp_env *e)
{
    struct num x = unpack80(a);
    uint64_t v = 0;
    bool inexact = false;
    e->c1 = 0;
    bool bad = is_nan(x) || x.cls == INF || x.cls == BAD || (x.cls == NUM && x.exp > 60);
    if (!bad)
        v = to_int(x, e->round, &inexact);
    if (bad || v > UINT64_C(999999999999999999)) {
        static const uint8_t indefinite[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff};
        e->flags |= FP_IE;
        __builtin_memcpy(b, indefinite, 10);
        return;
    }
    if (inexact) {
        e->flags |= FP_PE;
        e->c1 = v != (x.exp < 0 ? 0 : x.sig >> (63 - x.exp));
    }
    for (int i = 0; i < 9; i++, v /= 100)
        b[i] = (uint8_t)(v / 10 % 10 << 4 | v % 10);
    b[9] = (uint8_t)(x.sign << 7);
}
