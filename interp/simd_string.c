/* SSE4.2 string comparison, AES, carry-less multiplication, GFNI, SHA (SDM vol. 2; FIPS 180-4, 197). */
#include "interp/simd.h"

#include <pthread.h>

#include "decode/decode.h"

/* ---- PCMPxSTRx ---- */

enum { UNITS_SIGNED = 2, AGG_SHIFT = 2, NEG_SHIFT = 4, MSB_INDEX = 0x40 };

static int32_t unit(const union xmm *v, unsigned i, uint32_t imm)
{
    if (imm & 1)
        return imm & UNITS_SIGNED ? (int16_t)v->w[i] : v->w[i];
    return imm & UNITS_SIGNED ? (int8_t)v->b[i] : v->b[i];
}

static unsigned implicit_length(const union xmm *v, uint32_t imm)
{
    unsigned n = imm & 1 ? 8 : 16, i = 0;
    while (i < n && unit(v, i, imm & 1))
        i++;
    return i;
}

static unsigned explicit_length(uint32_t r, uint32_t imm)
{
    unsigned n = imm & 1 ? 8 : 16;
    int32_t s = (int32_t)r;
    uint32_t a = s < 0 ? -(uint32_t)s : (uint32_t)s;
    return a > n ? n : a;
}

/* IntRes1: bit j for element j of b. */
static uint32_t aggregate(const union xmm *a, const union xmm *b, unsigned la, unsigned lb,
                          uint32_t imm)
{
    unsigned n = imm & 1 ? 8 : 16;
    uint32_t r = 0;
    for (unsigned j = 0; j < n; j++) {
        bool v = false;
        switch (imm >> AGG_SHIFT & 3) {
        case 0: /* equal any */
            for (unsigned i = 0; i < la && j < lb; i++)
                v |= unit(a, i, imm) == unit(b, j, imm);
            break;
        case 1: /* ranges */
            for (unsigned i = 0; i + 1 < la && j < lb; i += 2)
                v |= unit(b, j, imm) >= unit(a, i, imm) && unit(b, j, imm) <= unit(a, i + 1, imm);
            break;
        case 2: /* equal each */
            v = j < la && j < lb ? unit(a, j, imm) == unit(b, j, imm) : j >= la && j >= lb;
            break;
        default: /* equal ordered */
            v = true;
            for (unsigned i = 0; i < n - j && i < la; i++)
                v &= j + i < lb && unit(a, i, imm) == unit(b, j + i, imm);
            break;
        }
        r |= (uint32_t)v << j;
    }
    return r;
}

HANDLER(op_pcmpstr)
{
    cpu->cur = in;
    union xmm b = simd_read(cpu, in, 1, true), a = cpu->xmm[in->o[0].reg];
    uint32_t imm = in->imm;
    unsigned op = in->op;
    bool vex = decode_op_class(op) == CLASS_AVX;
    bool explicit = op == OP_PCMPESTRI || op == OP_PCMPESTRM || op == OP_VPCMPESTRI ||
                    op == OP_VPCMPESTRM;
    bool index = op == OP_PCMPESTRI || op == OP_PCMPISTRI || op == OP_VPCMPESTRI ||
                 op == OP_VPCMPISTRI;
    unsigned n = imm & 1 ? 8 : 16;
    unsigned la = explicit ? explicit_length(cpu->gpr[REG_EAX], imm) : implicit_length(&a, imm);
    unsigned lb = explicit ? explicit_length(cpu->gpr[REG_EDX], imm) : implicit_length(&b, imm);
    uint32_t r = aggregate(&a, &b, la, lb, imm), all = (1u << n) - 1;
    if ((imm >> NEG_SHIFT & 3) == 1)
        r ^= all;
    else if ((imm >> NEG_SHIFT & 3) == 3)
        r ^= lb >= n ? all : (1u << lb) - 1;
    if (index) {
        cpu->gpr[REG_ECX] = !r ? n : imm & MSB_INDEX ? 31u - (uint32_t)__builtin_clz(r)
                                                     : (uint32_t)__builtin_ctz(r);
    } else {
        union xmm m = {.q = {r, 0}};
        if (imm & MSB_INDEX)
            for (unsigned i = 0; i < n; i++) {
                if (imm & 1)
                    m.w[i] = r >> i & 1 ? 0xffff : 0;
                else
                    m.b[i] = r >> i & 1 ? 0xff : 0;
            }
        cpu->xmm[0] = m;
        if (vex)
            cpu->ymmh[0] = cpu->zmmh[0][0] = cpu->zmmh[0][1] = (union xmm){.q = {0, 0}};
    }
    flags_set_status(cpu, (r ? EFL_CF : 0) | (lb < n ? EFL_ZF : 0) | (la < n ? EFL_SF : 0) |
                              (r & 1 ? EFL_OF : 0));
    NEXT;
}

insn_fn simd_bind_string(const struct insn *in)
{
    switch (in->op) {
    case OP_PCMPESTRI: case OP_PCMPESTRM: case OP_PCMPISTRI: case OP_PCMPISTRM:
    case OP_VPCMPESTRI: case OP_VPCMPESTRM: case OP_VPCMPISTRI: case OP_VPCMPISTRM:
        return op_pcmpstr;
    default: return NULL;
    }
}

/* ---- AES ---- */

static uint8_t xtime(uint8_t x) { return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1b : 0)); }

static uint8_t gmul(uint8_t a, uint8_t b)
{
    uint8_t r = 0;
    for (; b; b >>= 1, a = xtime(a))
        if (b & 1)
            r ^= a;
    return r;
}

static uint8_t sbox[256], inv_sbox[256], inverse[256];
static uint8_t times[16][256]; /* products, for MixColumns */

/* The S-box from its definition: inverse in GF(2^8), then the affine map. */
static void make_sbox(void)
{
    for (unsigned x = 0; x < 256; x++) {
        for (unsigned k = 0; k < 16; k++)
            times[k][x] = gmul((uint8_t)x, (uint8_t)k);
        uint8_t inv = 0;
        for (unsigned y = 1; y < 256 && x && !inv; y++)
            if (gmul((uint8_t)x, (uint8_t)y) == 1)
                inv = (uint8_t)y;
        inverse[x] = inv;
        uint8_t s = 0x63;
        for (unsigned k = 0; k < 5; k++)
            s ^= (uint8_t)(inv << k | inv >> (8 - k));
        sbox[x] = s;
        inv_sbox[s] = (uint8_t)x;
    }
}

static const uint8_t *aes_box(bool decrypt)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_sbox);
    return decrypt ? inv_sbox : sbox;
}

static union xmm shift_sub(const union xmm *v, const uint8_t *box, int dir)
{
    union xmm r;
    for (int c = 0; c < 4; c++)
        for (int row = 0; row < 4; row++)
            r.b[4 * c + row] = box[v->b[4 * ((c + dir * row + 4) & 3) + row]];
    return r;
}

static union xmm mix(const union xmm *v, const uint8_t k[4])
{
    union xmm r;
    aes_box(false); /* makes the tables */
    for (int c = 0; c < 4; c++)
        for (int row = 0; row < 4; row++) {
            uint8_t x = 0;
            for (int i = 0; i < 4; i++)
                x ^= times[k[(i - row + 4) & 3]][v->b[4 * c + i]];
            r.b[4 * c + row] = x;
        }
    return r;
}

static const uint8_t mix_k[4] = {2, 3, 1, 1}, inv_mix_k[4] = {14, 11, 13, 9};

#define LANES(name) static void name(union xmm *d, const union xmm *s,                            \
                                     __attribute__((unused)) unsigned n,                           \
                                     __attribute__((unused)) uint32_t imm)

static void add_key(union xmm *d, union xmm v, const union xmm *key)
{
    d->q[0] = v.q[0] ^ key->q[0];
    d->q[1] = v.q[1] ^ key->q[1];
}
LANES(AESENC)
{
    union xmm v = shift_sub(d, aes_box(false), 1);
    add_key(d, mix(&v, mix_k), s);
}
LANES(AESENCLAST) { add_key(d, shift_sub(d, aes_box(false), 1), s); }
LANES(AESDEC)
{
    union xmm v = shift_sub(d, aes_box(true), -1);
    add_key(d, mix(&v, inv_mix_k), s);
}
LANES(AESDECLAST) { add_key(d, shift_sub(d, aes_box(true), -1), s); }
LANES(AESIMC) { *d = mix(s, inv_mix_k); }
static uint32_t sub_word(uint32_t w)
{
    return aes_box(false)[w & 255] | (uint32_t)aes_box(false)[w >> 8 & 255] << 8 | (uint32_t)aes_box(false)[w >> 16 & 255] << 16 |
           (uint32_t)aes_box(false)[w >> 24] << 24;
}
static uint32_t ror32(uint32_t v, unsigned n) { return v >> n | v << (32 - n); }
LANES(AESKEYGENASSIST)
{
    uint32_t a = sub_word(s->d[1]), b = sub_word(s->d[3]);
    union xmm r = {.d = {a, ror32(a, 8) ^ imm, b, ror32(b, 8) ^ imm}};
    *d = r;
}

LANES(PCLMULQDQ)
{
    uint64_t a = d->q[imm & 1], b = s->q[imm >> 4 & 1], lo = 0, hi = 0;
    for (unsigned i = 0; i < 64; i++)
        if (b >> i & 1) {
            lo ^= a << i;
            hi ^= i ? a >> (64 - i) : 0;
        }
    d->q[0] = lo;
    d->q[1] = hi;
}

/* ---- GFNI: the field of AES ---- */

LANES(GF2P8MULB)
{
    for (unsigned i = 0; i < 16; i++)
        d->b[i] = gmul(d->b[i], s->b[i]);
}

/* The 8x8 bit matrix of the quadword, whose byte 7 - i gives bit i, times x, plus imm. */
static uint8_t affine(const uint8_t *matrix, uint8_t x, uint32_t imm)
{
    uint8_t r = 0;
    for (unsigned i = 0; i < 8; i++)
        r |= (uint8_t)(__builtin_parity(matrix[7 - i] & x) << i);
    return (uint8_t)(r ^ imm);
}

LANES(GF2P8AFFINEQB)
{
    for (unsigned i = 0; i < 16; i++)
        d->b[i] = affine(s->b + (i & 8), d->b[i], imm);
}

LANES(GF2P8AFFINEINVQB)
{
    aes_box(false); /* makes the table of inverses */
    for (unsigned i = 0; i < 16; i++)
        d->b[i] = affine(s->b + (i & 8), inverse[d->b[i]], imm);
}

/* ---- SHA: elements are numbered from the top, as the manual's A..H ---- */

static uint32_t rol32(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }

LANES(SHA1NEXTE) { uint32_t t = rol32(d->d[3], 30); *d = *s; d->d[3] += t; }
LANES(SHA1MSG1)
{
    union xmm r = {.d = {s->d[2] ^ d->d[0], s->d[3] ^ d->d[1], d->d[0] ^ d->d[2], d->d[1] ^ d->d[3]}};
    *d = r;
}
LANES(SHA1MSG2)
{
    uint32_t w16 = rol32(d->d[3] ^ s->d[2], 1), w17 = rol32(d->d[2] ^ s->d[1], 1);
    uint32_t w18 = rol32(d->d[1] ^ s->d[0], 1), w19 = rol32(d->d[0] ^ w16, 1);
    union xmm r = {.d = {w19, w18, w17, w16}};
    *d = r;
}
static uint32_t sha1_f(uint32_t k, uint32_t b, uint32_t c, uint32_t e)
{
    return k == 0 ? (b & c) ^ (~b & e) : k == 2 ? (b & c) ^ (b & e) ^ (c & e) : b ^ c ^ e;
}
LANES(SHA1RNDS4)
{
    static const uint32_t ks[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32_t a = d->d[3], b = d->d[2], c = d->d[1], dd = d->d[0], e = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t t = sha1_f(imm & 3, b, c, dd) + rol32(a, 5) + s->d[3 - i] + e + ks[imm & 3];
        e = dd, dd = c, c = rol32(b, 30), b = a, a = t;
    }
    union xmm r = {.d = {dd, c, b, a}};
    *d = r;
}
static uint32_t small0(uint32_t w) { return ror32(w, 7) ^ ror32(w, 18) ^ w >> 3; }
static uint32_t small1(uint32_t w) { return ror32(w, 17) ^ ror32(w, 19) ^ w >> 10; }
LANES(SHA256MSG1)
{
    union xmm r = {.d = {d->d[0] + small0(d->d[1]), d->d[1] + small0(d->d[2]),
                         d->d[2] + small0(d->d[3]), d->d[3] + small0(s->d[0])}};
    *d = r;
}
LANES(SHA256MSG2)
{
    uint32_t w16 = d->d[0] + small1(s->d[2]), w17 = d->d[1] + small1(s->d[3]);
    union xmm r = {.d = {w16, w17, d->d[2] + small1(w16), d->d[3] + small1(w17)}};
    *d = r;
}
LANES(SHA256RNDS2) /* s[0]: A B E F; d: C D G H; s[1]: the round keys plus message */
{
    uint32_t a = s->d[3], b = s->d[2], c = d->d[3], dd = d->d[2];
    uint32_t e = s->d[1], f = s->d[0], g = d->d[1], h = d->d[0];
    for (int i = 0; i < 2; i++) {
        uint32_t t1 = h + (ror32(e, 6) ^ ror32(e, 11) ^ ror32(e, 25)) + ((e & f) ^ (~e & g)) + s[1].d[i];
        uint32_t t2 = (ror32(a, 2) ^ ror32(a, 13) ^ ror32(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = dd + t1, dd = c, c = b, b = a, a = t1 + t2;
    }
    union xmm r = {.d = {f, e, b, a}};
    *d = r;
}

lane_fn simd_crypto(unsigned op)
{
    switch (op) {
#define R(name) case OP_##name: return name;
    R(AESENC) R(AESENCLAST) R(AESDEC) R(AESDECLAST) R(AESIMC) R(AESKEYGENASSIST) R(PCLMULQDQ)
    R(GF2P8MULB) R(GF2P8AFFINEQB) R(GF2P8AFFINEINVQB)
    R(SHA1NEXTE) R(SHA1MSG1) R(SHA1MSG2) R(SHA1RNDS4) R(SHA256MSG1) R(SHA256MSG2) R(SHA256RNDS2)
#undef R
    default: return NULL;
    }
}
