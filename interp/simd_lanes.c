/* Integer, logic and shuffle operations on 8 or 16 bytes. */
#include "interp/simd.h"

#define LANES(name) static void name(union xmm *d, const union xmm *s, unsigned n, \
                                     __attribute__((unused)) uint32_t imm)

/* Element-wise: T is the element type, F the field, expression of a (old d) and b (s). */
#define MAP(name, T, F, expr)                                                                      \
    LANES(name)                                                                                    \
    {                                                                                              \
        for (unsigned i = 0; i < n / sizeof(T); i++) {                                             \
            T a = (T)d->F[i], b = (T)s->F[i];                                                      \
            (void)a;                                                                               \
            d->F[i] = (__typeof__(d->F[i]))(expr);                                                 \
        }                                                                                          \
    }

static int32_t clamp(int32_t v, int32_t lo, int32_t hi) { return v < lo ? lo : v > hi ? hi : v; }
#define SB(v) clamp(v, -128, 127)
#define SW(v) clamp(v, -32768, 32767)
#define UB(v) clamp(v, 0, 255)
#define UW(v) clamp(v, 0, 65535)

MAP(PADDB, uint8_t, b, a + b) MAP(PADDW, uint16_t, w, a + b) MAP(PADDD, uint32_t, d, a + b)
MAP(PADDQ, uint64_t, q, a + b)
MAP(PSUBB, uint8_t, b, a - b) MAP(PSUBW, uint16_t, w, a - b) MAP(PSUBD, uint32_t, d, a - b)
MAP(PSUBQ, uint64_t, q, a - b)
MAP(PADDSB, int8_t, b, SB(a + b)) MAP(PADDSW, int16_t, w, SW(a + b))
MAP(PADDUSB, uint8_t, b, UB(a + b)) MAP(PADDUSW, uint16_t, w, UW(a + b))
MAP(PSUBSB, int8_t, b, SB(a - b)) MAP(PSUBSW, int16_t, w, SW(a - b))
MAP(PSUBUSB, uint8_t, b, UB(a - b)) MAP(PSUBUSW, uint16_t, w, UW(a - b))
MAP(PAND, uint64_t, q, a & b) MAP(PANDN, uint64_t, q, ~a & b) MAP(POR, uint64_t, q, a | b)
MAP(PXOR, uint64_t, q, a ^ b)
MAP(PCMPEQB, uint8_t, b, a == b ? 0xff : 0) MAP(PCMPEQW, uint16_t, w, a == b ? 0xffff : 0)
MAP(PCMPEQD, uint32_t, d, a == b ? ~0u : 0) MAP(PCMPEQQ, uint64_t, q, a == b ? UINT64_MAX : 0)
MAP(PCMPGTB, int8_t, b, a > b ? 0xff : 0) MAP(PCMPGTW, int16_t, w, a > b ? 0xffff : 0)
MAP(PCMPGTD, int32_t, d, a > b ? ~0u : 0) MAP(PCMPGTQ, int64_t, q, a > b ? UINT64_MAX : 0)
MAP(PMULLW, int16_t, w, a * b) MAP(PMULHW, int16_t, w, a * b >> 16)
MAP(PMULHUW, uint16_t, w, (uint32_t)a * b >> 16) MAP(PMULLD, uint32_t, d, a * b)
MAP(PMULHRSW, int16_t, w, ((a * b >> 14) + 1) >> 1)
MAP(PMULUDQ, uint64_t, q, (a & UINT32_MAX) * (b & UINT32_MAX))
MAP(PMULDQ, int64_t, q, (int64_t)(int32_t)a * (int32_t)b)
MAP(PAVGB, uint8_t, b, (a + b + 1) >> 1) MAP(PAVGW, uint16_t, w, (a + b + 1) >> 1)
MAP(PMINUB, uint8_t, b, a < b ? a : b) MAP(PMAXUB, uint8_t, b, a > b ? a : b)
MAP(PMINSB, int8_t, b, a < b ? a : b) MAP(PMAXSB, int8_t, b, a > b ? a : b)
MAP(PMINSW, int16_t, w, a < b ? a : b) MAP(PMAXSW, int16_t, w, a > b ? a : b)
MAP(PMINUW, uint16_t, w, a < b ? a : b) MAP(PMAXUW, uint16_t, w, a > b ? a : b)
MAP(PMINSD, int32_t, d, a < b ? a : b) MAP(PMAXSD, int32_t, d, a > b ? a : b)
MAP(PMINUD, uint32_t, d, a < b ? a : b) MAP(PMAXUD, uint32_t, d, a > b ? a : b)
MAP(PABSB, int8_t, b, b < 0 ? -b : b) MAP(PABSW, int16_t, w, b < 0 ? -b : b)
MAP(PABSD, int32_t, d, b < 0 ? -(uint32_t)b : (uint32_t)b)
MAP(PSIGNB, int8_t, b, b < 0 ? -a : b ? a : 0) MAP(PSIGNW, int16_t, w, b < 0 ? -a : b ? a : 0)
MAP(PSIGND, int32_t, d, b < 0 ? -(uint32_t)a : b ? (uint32_t)a : 0)

LANES(PMADDWD)
{
    for (unsigned i = 0; i < n / 4; i++)
        d->d[i] = (uint32_t)((int16_t)d->w[2 * i] * (int16_t)s->w[2 * i]) +
                  (uint32_t)((int16_t)d->w[2 * i + 1] * (int16_t)s->w[2 * i + 1]);
}
LANES(PMADDUBSW)
{
    for (unsigned i = 0; i < n / 2; i++)
        d->w[i] = (uint16_t)SW(d->b[2 * i] * (int8_t)s->b[2 * i] +
                               d->b[2 * i + 1] * (int8_t)s->b[2 * i + 1]);
}
LANES(PSADBW)
{
    for (unsigned k = 0; k < n / 8; k++) {
        unsigned sum = 0;
        for (unsigned i = 8 * k; i < 8 * k + 8; i++)
            sum += (unsigned)(d->b[i] > s->b[i] ? d->b[i] - s->b[i] : s->b[i] - d->b[i]);
        d->q[k] = sum;
    }
}

/* Horizontal: pairs of d, then pairs of s. */
#define HORIZONTAL(name, T, F, expr)                                                               \
    LANES(name)                                                                                    \
    {                                                                                              \
        union xmm r = *d;                                                                          \
        unsigned h = n / sizeof(T) / 2;                                                            \
        for (unsigned i = 0; i < h; i++) {                                                         \
            T a = (T)d->F[2 * i], b = (T)d->F[2 * i + 1];                                          \
            r.F[i] = (__typeof__(r.F[i]))(expr);                                                   \
            a = (T)s->F[2 * i], b = (T)s->F[2 * i + 1];                                            \
            r.F[h + i] = (__typeof__(r.F[i]))(expr);                                               \
        }                                                                                          \
        *d = r;                                                                                    \
    }
HORIZONTAL(PHADDW, int16_t, w, a + b) HORIZONTAL(PHADDD, uint32_t, d, a + b)
HORIZONTAL(PHADDSW, int16_t, w, SW(a + b)) HORIZONTAL(PHSUBW, int16_t, w, a - b)
HORIZONTAL(PHSUBD, uint32_t, d, a - b) HORIZONTAL(PHSUBSW, int16_t, w, SW(a - b))

#define PACK(name, T, F, G, sat)                                                                   \
    LANES(name)                                                                                    \
    {                                                                                              \
        union xmm r = *d;                                                                          \
        unsigned h = n / sizeof(T);                                                                \
        for (unsigned i = 0; i < h; i++) {                                                         \
            r.G[i] = (__typeof__(r.G[i]))sat((T)d->F[i]);                                          \
            r.G[h + i] = (__typeof__(r.G[i]))sat((T)s->F[i]);                                      \
        }                                                                                          \
        *d = r;                                                                                    \
    }
PACK(PACKSSWB, int16_t, w, b, SB) PACK(PACKUSWB, int16_t, w, b, UB)
PACK(PACKSSDW, int32_t, d, w, SW) PACK(PACKUSDW, int32_t, d, w, UW)

#define UNPACK(name, F, size, high)                                                                \
    LANES(name)                                                                                    \
    {                                                                                              \
        union xmm r = *d;                                                                          \
        unsigned h = n / size / 2;                                                                 \
        for (unsigned i = 0; i < h; i++) {                                                         \
            r.F[2 * i] = d->F[i + (high ? h : 0)];                                                 \
            r.F[2 * i + 1] = s->F[i + (high ? h : 0)];                                             \
        }                                                                                          \
        *d = r;                                                                                    \
    }
UNPACK(PUNPCKLBW, b, 1, 0) UNPACK(PUNPCKHBW, b, 1, 1) UNPACK(PUNPCKLWD, w, 2, 0)
UNPACK(PUNPCKHWD, w, 2, 1) UNPACK(PUNPCKLDQ, d, 4, 0) UNPACK(PUNPCKHDQ, d, 4, 1)
UNPACK(PUNPCKLQDQ, q, 8, 0) UNPACK(PUNPCKHQDQ, q, 8, 1)

/* Shifts: the count is the low 64 bits of s (an immediate is put there). */
#define SHIFT(name, T, F, bits, expr, big)                                                         \
    LANES(name)                                                                                    \
    {                                                                                              \
        uint64_t c = s->q[0];                                                                      \
        for (unsigned i = 0; i < n / sizeof(T); i++) {                                             \
            T a = (T)d->F[i];                                                                      \
            d->F[i] = (__typeof__(d->F[i]))(c < bits ? (expr) : (big));                            \
        }                                                                                          \
    }
SHIFT(PSLLW, uint16_t, w, 16, a << c, 0) SHIFT(PSLLD, uint32_t, d, 32, a << c, 0)
SHIFT(PSLLQ, uint64_t, q, 64, a << c, 0)
SHIFT(PSRLW, uint16_t, w, 16, a >> c, 0) SHIFT(PSRLD, uint32_t, d, 32, a >> c, 0)
SHIFT(PSRLQ, uint64_t, q, 64, a >> c, 0)
SHIFT(PSRAW, int16_t, w, 16, a >> c, a < 0 ? -1 : 0) SHIFT(PSRAD, int32_t, d, 32, a >> c, a < 0 ? -1 : 0)

LANES(PSLLDQ)
{
    union xmm r = {.q = {0, 0}};
    for (unsigned i = 0; i < n; i++)
        r.b[i] = i >= s->q[0] ? d->b[i - s->q[0]] : 0;
    *d = r;
}
LANES(PSRLDQ)
{
    union xmm r = {.q = {0, 0}};
    for (unsigned i = 0; i < n; i++)
        r.b[i] = i + s->q[0] < n ? d->b[i + s->q[0]] : 0;
    *d = r;
}
LANES(PALIGNR)
{
    union xmm r = *d;
    for (unsigned i = 0; i < n; i++) {
        unsigned k = i + imm;
        r.b[i] = k < n ? s->b[k] : k < 2 * n ? d->b[k - n] : 0;
    }
    *d = r;
}
LANES(PSHUFB)
{
    union xmm r = *d;
    for (unsigned i = 0; i < n; i++)
        r.b[i] = s->b[i] & 0x80 ? 0 : d->b[s->b[i] & (n - 1)];
    *d = r;
}
LANES(PSHUFD)
{
    (void)n;
    union xmm r;
    for (unsigned i = 0; i < 4; i++)
        r.d[i] = s->d[imm >> 2 * i & 3];
    *d = r;
}
static void shuffle_words(union xmm *d, const union xmm *s, uint32_t imm, unsigned base)
{
    union xmm r = *s;
    for (unsigned i = 0; i < 4; i++)
        r.w[base + i] = s->w[base + (imm >> 2 * i & 3)];
    *d = r;
}
LANES(PSHUFW) { (void)n; shuffle_words(d, s, imm, 0); }
LANES(PSHUFLW) { (void)n; shuffle_words(d, s, imm, 0); }
LANES(PSHUFHW) { (void)n; shuffle_words(d, s, imm, 4); }
LANES(SHUFPS)
{
    (void)n;
    union xmm r = {.d = {d->d[imm & 3], d->d[imm >> 2 & 3], s->d[imm >> 4 & 3], s->d[imm >> 6 & 3]}};
    *d = r;
}
LANES(SHUFPD)
{
    (void)n;
    union xmm r = {.q = {d->q[imm & 1], s->q[imm >> 1 & 1]}};
    *d = r;
}

#define EXTEND(name, T, F, U, G)                                                                   \
    LANES(name)                                                                                    \
    {                                                                                              \
        union xmm r;                                                                               \
        (void)n;                                                                                   \
        for (unsigned i = 0; i < 16 / sizeof(U); i++)                                              \
            r.G[i] = (U)(T)s->F[i];                                                                \
        *d = r;                                                                                    \
    }
EXTEND(PMOVSXBW, int8_t, b, uint16_t, w) EXTEND(PMOVSXBD, int8_t, b, uint32_t, d)
EXTEND(PMOVSXBQ, int8_t, b, uint64_t, q) EXTEND(PMOVSXWD, int16_t, w, uint32_t, d)
EXTEND(PMOVSXWQ, int16_t, w, uint64_t, q) EXTEND(PMOVSXDQ, int32_t, d, uint64_t, q)
EXTEND(PMOVZXBW, uint8_t, b, uint16_t, w) EXTEND(PMOVZXBD, uint8_t, b, uint32_t, d)
EXTEND(PMOVZXBQ, uint8_t, b, uint64_t, q) EXTEND(PMOVZXWD, uint16_t, w, uint32_t, d)
EXTEND(PMOVZXWQ, uint16_t, w, uint64_t, q) EXTEND(PMOVZXDQ, uint32_t, d, uint64_t, q)

LANES(PBLENDW)
{
    (void)n;
    for (unsigned i = 0; i < 8; i++)
        if (imm >> i & 1)
            d->w[i] = s->w[i];
}
LANES(BLENDPS)
{
    (void)n;
    for (unsigned i = 0; i < 4; i++)
        if (imm >> i & 1)
            d->d[i] = s->d[i];
}
LANES(BLENDPD)
{
    (void)n;
    for (unsigned i = 0; i < 2; i++)
        if (imm >> i & 1)
            d->q[i] = s->q[i];
}
LANES(MPSADBW)
{
    (void)n;
    union xmm r;
    unsigned db = imm & 4, sb = (imm & 3) * 4;
    for (unsigned i = 0; i < 8; i++) {
        unsigned sum = 0;
        for (unsigned k = 0; k < 4; k++) {
            int x = d->b[db + i + k] - s->b[sb + k];
            sum += (unsigned)(x < 0 ? -x : x);
        }
        r.w[i] = (uint16_t)sum;
    }
    *d = r;
}
LANES(PHMINPOSUW)
{
    (void)n;
    unsigned at = 0;
    for (unsigned i = 1; i < 8; i++)
        if (s->w[i] < s->w[at])
            at = i;
    union xmm r = {.w = {s->w[at], (uint16_t)at}};
    *d = r;
}
LANES(INSERTPS)
{
    (void)n;
    /* from memory there is one element, and the source select is ignored: see op_insertps */
    d->d[imm >> 4 & 3] = s->d[imm >> 6 & 3];
    for (unsigned i = 0; i < 4; i++)
        if (imm >> i & 1)
            d->d[i] = 0;
}
LANES(MOVSHDUP)
{
    (void)n;
    union xmm r = {.d = {s->d[1], s->d[1], s->d[3], s->d[3]}};
    *d = r;
}
LANES(MOVSLDUP)
{
    (void)n;
    union xmm r = {.d = {s->d[0], s->d[0], s->d[2], s->d[2]}};
    *d = r;
}
LANES(MOVDDUP)
{
    (void)n;
    d->q[0] = d->q[1] = s->q[0];
}

lane_fn simd_lane(unsigned op)
{
    switch (op) {
#define R(name) case OP_##name: return name;
    R(PADDB) R(PADDW) R(PADDD) R(PADDQ) R(PSUBB) R(PSUBW) R(PSUBD) R(PSUBQ)
    R(PADDSB) R(PADDSW) R(PADDUSB) R(PADDUSW) R(PSUBSB) R(PSUBSW) R(PSUBUSB) R(PSUBUSW)
    R(PAND) R(PANDN) R(POR) R(PXOR) R(PCMPEQB) R(PCMPEQW) R(PCMPEQD) R(PCMPEQQ)
    R(PCMPGTB) R(PCMPGTW) R(PCMPGTD) R(PCMPGTQ) R(PMULLW) R(PMULHW) R(PMULHUW) R(PMULLD)
    R(PMULHRSW) R(PMULUDQ) R(PMULDQ) R(PAVGB) R(PAVGW) R(PMINUB) R(PMAXUB) R(PMINSB) R(PMAXSB)
    R(PMINSW) R(PMAXSW) R(PMINUW) R(PMAXUW) R(PMINSD) R(PMAXSD) R(PMINUD) R(PMAXUD)
    R(PABSB) R(PABSW) R(PABSD) R(PSIGNB) R(PSIGNW) R(PSIGND) R(PMADDWD) R(PMADDUBSW) R(PSADBW)
    R(PHADDW) R(PHADDD) R(PHADDSW) R(PHSUBW) R(PHSUBD) R(PHSUBSW)
    R(PACKSSWB) R(PACKUSWB) R(PACKSSDW) R(PACKUSDW)
    R(PUNPCKLBW) R(PUNPCKHBW) R(PUNPCKLWD) R(PUNPCKHWD) R(PUNPCKLDQ) R(PUNPCKHDQ)
    R(PUNPCKLQDQ) R(PUNPCKHQDQ) R(PSLLW) R(PSLLD) R(PSLLQ) R(PSRLW) R(PSRLD) R(PSRLQ)
    R(PSRAW) R(PSRAD) R(PSLLDQ) R(PSRLDQ) R(PALIGNR) R(PSHUFB) R(PSHUFD) R(PSHUFW)
    R(PSHUFLW) R(PSHUFHW) R(SHUFPS) R(SHUFPD)
    R(PMOVSXBW) R(PMOVSXBD) R(PMOVSXBQ) R(PMOVSXWD) R(PMOVSXWQ) R(PMOVSXDQ)
    R(PMOVZXBW) R(PMOVZXBD) R(PMOVZXBQ) R(PMOVZXWD) R(PMOVZXWQ) R(PMOVZXDQ)
    R(PBLENDW) R(BLENDPS) R(BLENDPD) R(MPSADBW) R(PHMINPOSUW) R(INSERTPS)
    R(MOVSHDUP) R(MOVSLDUP) R(MOVDDUP)
#undef R
    case OP_ANDPS: case OP_ANDPD: return PAND;
    case OP_ANDNPS: case OP_ANDNPD: return PANDN;
    case OP_ORPS: case OP_ORPD: return POR;
    case OP_XORPS: case OP_XORPD: return PXOR;
    case OP_UNPCKLPS: return PUNPCKLDQ;
    case OP_UNPCKHPS: return PUNPCKHDQ;
    case OP_UNPCKLPD: return PUNPCKLQDQ;
    case OP_UNPCKHPD: return PUNPCKHQDQ;
    default: return NULL;
    }
}
