/* See fp_quick.h. Each function takes from a table what a number nearby gives, and a polynomial for the
 * difference, less than 2^-6.8. A fraction is a u128 in units of 2^-128, a "one" in units of 2^-127. Tables
 * are filled when they are first looked at, by the C library's 113-bit functions. */
#include "core/fp_quick.h"

#include <stdatomic.h>

_Float128 sinf128(_Float128), cosf128(_Float128), atanf128(_Float128), log2f128(_Float128);
_Float128 expm1f128(_Float128);

typedef __int128 i128;

#define U128(high, low) ((u128)(high) << 64 | (low))
#define ONE ((u128)1 << 127)
#define LN2 U128(0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af)   /* a fraction */
#define LN2_F128 0.693147180559945309417232121458176568075500134360255254120680F128
#define LOG2E U128(0xb8aa3b295c17f0bb, 0xbe87fed0691d3e88) /* a one */
#define PI U128(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1)    /* units of 2^-126 */

/* a * b / 2^128, less up to 3. */
static inline u128 high(u128 a, u128 b)
{
    uint64_t a1 = (uint64_t)(a >> 64), b1 = (uint64_t)(b >> 64);
    return (u128)a1 * b1 + ((u128)a1 * (uint64_t)b >> 64) + ((u128)(uint64_t)a * b1 >> 64);
}

static inline uint64_t high64(uint64_t a, uint64_t b)
{
    return (uint64_t)((u128)a * b >> 64);
}

static inline int zeros(u128 v)
{
    return v >> 64 ? __builtin_clzll((uint64_t)(v >> 64)) : 64 + __builtin_clzll((uint64_t)v);
}

/* v * 2^(exp - 127) if that is far enough from all numbers of 65 bits. */
static bool near(bool sign, u128 v, int exp, struct fp_near *r)
{
    enum { UNSURE = 40 };
    if (!v)
        return false;
    int z = zeros(v);
    *r = (struct fp_near){v << z, exp - z, sign};
    return (((uint64_t)r->sig + (UINT64_C(1) << UNSURE)) & INT64_MAX) >> (UNSURE + 1);
}

/* sum of c[i] * x^i, or with alternating signs: c[n - 1] to c[wide] to 64 bits. x: a fraction; c and the result:
 * ones. */
static u128 polynomial(u128 x, bool alternate, const u128 *c, unsigned n, unsigned wide)
{
    uint64_t x1 = (uint64_t)(x >> 64), p1 = (uint64_t)(c[n - 1] >> 64);
    unsigned i = n - 1;
    while (i-- > wide)
        p1 = (uint64_t)(c[i] >> 64) + (alternate ? -high64(x1, p1) : high64(x1, p1));
    u128 p = (u128)p1 << 64;
    for (i++; i-- > 0;)
        p = c[i] + (alternate ? -high(x, p) : high(x, p));
    return p;
}

/* ---- tables ---- */

struct entry {
    _Atomic bool known;
    i128 value;
};

/* f(arg) in units of 2^-(scale), from the table. */
static i128 look_up(struct entry *e, _Float128 (*f)(_Float128), _Float128 arg, int scale)
{
    if (!atomic_load_explicit(&e->known, memory_order_acquire)) {
        e->value = (i128)(f(arg) * (_Float128)((u128)1 << scale));
        atomic_store_explicit(&e->known, true, memory_order_release);
    }
    return e->value;
}

/* ---- logarithms ---- */

enum { M_BITS = 72 };

/* log2(1 + x), x negated if `minus`, for x = rest * 2^(k - 128) with the top bit set: units of 2^(k - 126). */
static u128 log_near_one(u128 rest, int k, bool minus)
{
    static const u128 c[] = {ONE, ONE / 2, ONE / 3, ONE / 4, ONE / 5, ONE / 6, ONE / 7, ONE / 8, ONE / 9, ONE / 10,
                             ONE / 11, ONE / 12, ONE / 13, ONE / 14, ONE / 15, ONE / 16};
    u128 x = k > -128 ? rest >> -k : 0;
    return high(high(rest, polynomial(x, !minus, c, 16, 6)), LOG2E);
}

/* y times log * 2^(exp - 127). */
static bool times(struct fp_mant y, bool sign, u128 log, int exp, struct fp_near *r)
{
    if (!log)
        return false;
    int z = zeros(log);
    return near(sign, high(log << z, (u128)y.sig << 64), exp - z + y.exp + 1, r);
}

/* y * log2(m * 2^e), m in units of 2^-M_BITS and between 0.5 and 1.5. */
static bool scaled_log(u128 m, int e, struct fp_mant y, struct fp_near *r)
{
    static struct entry table[193];
    unsigned j = ((unsigned)(m >> (M_BITS - 8)) + 1) / 2; /* m is about j / 128, */
    unsigned inverse = (32768 + j / 2) / j;               /* 1 / m inverse / 256 */
    u128 product = m * inverse, one = (u128)1 << (M_BITS + 8), log = 0;
    bool minus = product < one;
    u128 rest = minus ? one - product : product - one; /* m inverse / 256 = 1 + rest / one */
    int k = 0;
    if (rest) {
        int z = zeros(rest);
        k = 128 - (M_BITS + 8) - z;
        log = log_near_one(rest << z, k, minus);
    }
    if (!e && inverse == 256)
        return times(y, minus, log, k + 1, r);
    log = k > -114 ? log >> (14 - k) : 0; /* units of 2^-112 */
    i128 sum = ((i128)e << 112) - (look_up(&table[j], log2f128, inverse / 256.0F128, 126) >> 14);
    sum += minus ? -(i128)log : (i128)log;
    return times(y, sum < 0, (u128)(sum < 0 ? -sum : sum), 15, r);
}

bool fp_quick_log(struct fp_mant x, struct fp_mant y, struct fp_near *r)
{
    bool upper = x.sig > UINT64_C(0xb504f333f9de6484); /* the square root of 2 */
    return scaled_log((u128)x.sig << (M_BITS - 63 - upper), x.exp + upper, y, r);
}

bool fp_quick_log1(struct fp_mant x, bool minus, struct fp_mant y, struct fp_near *r)
{
    if (x.exp > -2)
        return false;
    if (x.exp < -8)
        return times(y, minus, log_near_one((u128)x.sig << 64, x.exp + 1, minus), x.exp + 2, r);
    u128 one = (u128)1 << M_BITS, v = (u128)x.sig << (M_BITS - 63) >> -x.exp;
    return scaled_log(minus ? one - v : one + v, 0, y, r);
}

/* ---- exponential ---- */

bool fp_quick_exp(struct fp_mant x, bool minus, struct fp_near *r)
{
    static struct entry table[129];
    static const u128 c[] = {ONE, ONE / 2, ONE / 6, ONE / 24, ONE / 120, ONE / 720, ONE / 5040, ONE / 40320,
                             ONE / 362880, ONE / 3628800, ONE / 39916800};
    if (x.exp < -120)
        return false;
    if (x.exp < -8) {
        int k = x.exp + 1;
        u128 z = high((u128)x.sig << 64, LN2);
        return near(minus, high(z, polynomial(z >> -k, minus, c, 11, 5)), k, r);
    }
    u128 v = (u128)x.sig << (65 + x.exp);
    int i = (int)((v >> 121) + 1) / 2;
    i128 d = (i128)(v - ((u128)(unsigned)i << 122));
    bool down = (d < 0) != minus;
    u128 z = high((u128)(d < 0 ? -d : d), LN2), e = high(z, polynomial(z, down, c, 11, 5));
    i = minus ? -i : i;
    i128 g = look_up(&table[64 + i], expm1f128, i / 64.0F128 * LN2_F128, 126);
    i128 ge = (i128)(high((u128)(g + ((i128)1 << 126)), e) << 1); /* units of 2^-126 */
    g += down ? -ge : ge;
    return near(g < 0, (u128)(g < 0 ? -g : g), 1, r);
}

/* ---- trigonometry ---- */

/* sin of a number d 2^k (a fraction), whose square is u; units of 2^(k - 127). */
static u128 sine(u128 d, u128 u)
{
    static const u128 c[] = {ONE, ONE / 6, ONE / 120, ONE / 5040, ONE / 362880, ONE / 39916800, ONE / 6227020800};
    return high(d, polynomial(u, true, c, 7, 3));
}

static u128 cosine(u128 u)
{
    static const u128 c[] = {ONE, ONE / 2, ONE / 24, ONE / 720, ONE / 40320, ONE / 3628800, ONE / 479001600};
    return polynomial(u, true, c, 7, 3);
}

/* What is nearest of the table's 64ths; the rest. */
static unsigned nearest(u128 x, u128 *d, bool *minus)
{
    unsigned i = ((unsigned)(x >> 121) + 1) / 2;
    u128 at = (u128)i << 122;
    *minus = x < at;
    *d = *minus ? at - x : x - at;
    return i;
}

static struct entry sines[52], cosines[52];
static u128 table_sin(unsigned i) { return (u128)look_up(&sines[i], sinf128, i / 64.0F128, 126) << 1; }
static u128 table_cos(unsigned i) { return (u128)look_up(&cosines[i], cosf128, i / 64.0F128, 126) << 1; }

bool fp_quick_sin_small(struct fp_mant x, struct fp_near *r)
{
    if (x.exp >= -7)
        return fp_quick_sin((u128)x.sig << (65 + x.exp), r);
    if (x.exp < -60)
        return false;
    int k = x.exp + 1;
    u128 d = (u128)x.sig << 64, v = d >> -k;
    return near(false, sine(d, high(v, v)), k, r);
}

bool fp_quick_sin(u128 x, struct fp_near *r)
{
    u128 d;
    bool minus;
    unsigned i = nearest(x, &d, &minus);
    u128 u = high(d, d);
    if (!i) {
        int z = zeros(x | 1);
        return near(false, sine(x << z, u), -z, r);
    }
    u128 a = high(table_sin(i), cosine(u)), b = high(table_cos(i), sine(d, u));
    return near(false, minus ? a - b : a + b, 1, r);
}

bool fp_quick_cos(u128 x, struct fp_near *r)
{
    u128 d;
    bool minus;
    unsigned i = nearest(x, &d, &minus);
    u128 u = high(d, d);
    if (!i)
        return near(false, cosine(u), 0, r);
    u128 a = high(table_cos(i), cosine(u)), b = high(table_sin(i), sine(d, u));
    return near(false, minus ? a + b : a - b, 1, r);
}

/* y / x of significands, between a half and 2, in units of 2^-127. */
static u128 ratio(uint64_t y, uint64_t x)
{
    u128 n = (u128)y << 63;
    uint64_t q = (uint64_t)(n / x), rest = (uint64_t)n - q * x;
    return (u128)q << 64 | (uint64_t)(((u128)rest << 64) / x);
}

/* atan(y / x), y <= x: units of 2^(*k - 127). */
static u128 first_octant(struct fp_mant x, struct fp_mant y, int *k)
{
    static struct entry table[65];
    static const u128 c[] = {ONE, ONE / 3, ONE / 5, ONE / 7, ONE / 9, ONE / 11, ONE / 13, ONE / 15};
    int down = x.exp - y.exp;
    *k = 0;
    if (down >= 8) {
        *k = 1 - down;
        u128 d = ratio(y.sig, x.sig), v = d >> -*k;
        return high(d, polynomial(high(v, v), true, c, 8, 3));
    }
    /* atan(y / x) = atan(i / 64) + atan((64 y - i x) / (64 x + i y)) */
    u128 b = (u128)x.sig << down;
    unsigned i = (unsigned)(64 * ((double)y.sig / (double)b) + 0.5);
    u128 n = (u128)y.sig << 6, m = b * i, den = (b << 6) + (u128)y.sig * i;
    bool minus = n < m;
    n = (minus ? m - n : n - m) << 50;
    u128 q = n / den, rest = n - q * den, d = (q << 50 | (rest << 50) / den) << 28;
    u128 a = high(d, polynomial(high(d, d), true, c, 8, 3));
    u128 at = (u128)look_up(&table[i], atanf128, i / 64.0F128, 126) << 1;
    return minus ? at - a : at + a;
}

bool fp_quick_atan(struct fp_mant x, struct fp_mant y, bool left, struct fp_near *r)
{
    bool steep = y.exp > x.exp || (y.exp == x.exp && y.sig > x.sig);
    int k, far = steep ? y.exp - x.exp : x.exp - y.exp;
    if (far > 40)
        return false;
    u128 a = steep ? first_octant(y, x, &k) : first_octant(x, y, &k);
    if (!steep && !left)
        return near(false, a, k, r);
    a >>= 1 - k; /* units of 2^-126 */
    if (steep)
        a = PI / 2 - a;
    return near(false, left ? PI - a : a, 1, r);
}
