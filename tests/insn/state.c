/* States and operands: random, edge values, and whatever the operation needs to get somewhere:
 * addresses in the windows or across the edge of a page, selectors, far pointers, branch targets.
 */
#include "tests/insn/state.h"

#include <string.h>

#include "core/xstate.h"
#include "decode/decode.h"

/* ---- random numbers ---- */

static uint64_t rng;
static uint64_t rnd64(void) /* xorshift64*, deterministic by form and seed */
{
    rng ^= rng >> 12, rng ^= rng << 25, rng ^= rng >> 27;
    return rng * UINT64_C(2685821657736338717);
}
static uint32_t rnd(uint32_t n) { return (uint32_t)(rnd64() >> 33) % n; }
static bool percent(uint32_t n) { return rnd(100) < n; }

static uint32_t edge32(void)
{
    static const uint32_t v[] = {
        0,          1,          2,          0xffffffff, 0xfffffffe, 0x7fffffff, 0x80000000,
        0x80000001, 0x7fff,     0x8000,     0xffff,     0x10000,    0x7f,       0x80,
        0xff,       0x100,      31,         32,         33,         0x3f800000, 0x7f800000,
        0xff800000, 0x7fc00000, 0x7f800001, 0x00800000, 0x007fffff, 0x00000001, 0x4f000000,
        0xcf000000, 0x3f000000, 0x40490fdb};
    return rnd(2) ? v[rnd(ARRAY_SIZE(v))] : (uint32_t)rnd64();
}

static uint64_t edge64(void)
{
    static const uint64_t v[] = {0,
                                 UINT64_C(0x8000000000000000),
                                 UINT64_C(0x3ff0000000000000),
                                 UINT64_C(0x7ff0000000000000),
                                 UINT64_C(0xfff0000000000000),
                                 UINT64_C(0x7ff8000000000000),
                                 UINT64_C(0x7ff0000000000001),
                                 UINT64_C(0x0010000000000000),
                                 UINT64_C(0x000fffffffffffff),
                                 1,
                                 UINT64_C(0x7fefffffffffffff),
                                 UINT64_C(0x41e0000000000000),
                                 UINT64_C(0xc1e0000000000000),
                                 UINT64_C(0x43e0000000000000),
                                 UINT64_C(0x3fe0000000000000),
                                 UINT64_C(0x4000000000000000),
                                 ~UINT64_C(0),
                                 UINT64_C(0x3810000000000000),
                                 UINT64_C(0x36a0000000000000),
                                 UINT64_C(0x47efffffe0000000)};
    switch (rnd(4)) {
    case 0: return v[rnd(ARRAY_SIZE(v))];
    case 1: return (uint64_t)edge32() << 32 | edge32();
    case 2: return (UINT64_C(1023 - 32) + rnd(64)) << 52 | (rnd64() >> 12) | (uint64_t)rnd(2) << 63;
    default: return rnd64();
    }
}

static void put_f80(uint8_t *p)
{
    static const struct {
        uint16_t se;
        uint64_t sig;
    } v[] = {{0, 0},
             {0x8000, 0},
             {0x3fff, UINT64_C(1) << 63},
             {0x7fff, UINT64_C(1) << 63},
             {0xffff, UINT64_C(1) << 63},
             {0x7fff, UINT64_C(3) << 62},
             {0xffff, UINT64_C(3) << 62},
             {0x7fff, UINT64_C(0x8000000000000001)},
             {0x7fff, UINT64_C(0xa000000000000000)},
             {0, 1},
             {0, UINT64_C(1) << 63},
             {0, UINT64_C(0x7fffffffffffffff)},
             {1, UINT64_C(1) << 63},
             {0x7ffe, ~UINT64_C(0)},
             {0x3fff, 1},
             {0x7fff, 0},
             {0x403e, UINT64_C(1) << 63},
             {0x403d, ~UINT64_C(0)},
             {0x3ffe, UINT64_C(1) << 63},
             {0x4000, UINT64_C(0xc90fdaa22168c235)},
             {0x3f81, UINT64_C(1) << 63},
             {0x3c01, ~UINT64_C(0)},
             {0xbfff, UINT64_C(1) << 63}};
    uint16_t se;
    uint64_t sig;
    if (rnd(2)) {
        unsigned i = rnd(ARRAY_SIZE(v));
        se = v[i].se, sig = v[i].sig;
    } else {
        se = (uint16_t)((rnd(3) ? 0x3fff - 70 + rnd(140) : rnd(0x8000)) | rnd(2) << 15);
        sig = rnd64() | UINT64_C(1) << 63;
        if (!rnd(4))
            sig &= ~UINT64_C(0) << rnd(60);
    }
    memcpy(p, &sig, 8);
    memcpy(p + 8, &se, 2);
}

/* ---- segments ---- */

uint32_t state_segment_base(uint16_t sel)
{
    static const uint32_t bases[] = {
#define X(name, base, limit, bits) base,
        CASE_SEGMENTS(X)
#undef X
    };
    if ((sel | 3) == SEL_TLS)
        return bases[SEGM_TLS];
    if (sel & 4)
        return (sel >> 3) < SEGM_TLS ? bases[sel >> 3] : 0;
    return 0;
}

/* One that a data segment register (or SS) can hold. */
static uint16_t data_selector(bool ss)
{
    static const uint16_t writable[] = {SEL(DATA32), SEL(DATA16), SEL(DOWN32), SEL(DOWN16),
                                        SEL(SHORT),  SEL(HIGH),   SEL_DATA,    SEL_TLS};
    static const uint16_t other[] = {
        SEL(DATA_RO), SEL(CODE16), SEL(CODE32), SEL(FLAT_CODE), SEL_CODE, 0, 3};
    if (ss)
        return writable[rnd(ARRAY_SIZE(writable))];
    return percent(70) ? writable[rnd(ARRAY_SIZE(writable))] : other[rnd(ARRAY_SIZE(other))];
}

/* Any selector at all, but those whose descriptors depend on the processor number (0x78) or are
 * 64-bit code (0x30), which a far transfer would enter. */
static uint16_t any_selector(void)
{
    static const uint16_t v[] = {0,      1,
                                 2,      3,
                                 0x08,   0x10,
                                 0x18,   0x20,
                                 0x22,   0x23,
                                 0x28,   0x2a,
                                 0x2b,   0x40,
                                 0x43,   0x50,
                                 0x63,   0x60,
                                 0x6b,   0x73,
                                 0x80,   0x83,
                                 0xffff, 0xfff8,
                                 0xfffc, SEGM_COUNT << 3 | 7,
                                 0x87};
    if (percent(60))
        return (uint16_t)(rnd(SEGM_COUNT) << 3 | (percent(80) ? 7 : 4 | rnd(4)));
    return v[rnd(ARRAY_SIZE(v))];
}

static void make_segments(struct case_state *s, unsigned mode)
{
    for (unsigned i = 0; i < 6; i++)
        s->sel[i] = SEL_DATA;
    s->sel[SEG_CS] = mode & MODE_CODE16 ? SEL(CODE16) : SEL_CODE;
    s->sel[SEG_FS] = data_selector(false), s->sel[SEG_GS] = data_selector(false);
    s->eip = mode & MODE_CODE16 ? CASE_EIP : CASE_CODE + CASE_EIP;
    if (mode & MODE_CODE16 ? percent(20) : percent(80))
        return;
    if (!(mode & MODE_CODE16) && percent(25))
        s->sel[SEG_CS] = SEL(CODE32), s->eip = CASE_EIP;
    if (percent(30)) {
        for (unsigned i = 0; i < 6; i++)
            if (i != SEG_CS)
                s->sel[i] = i == SEG_SS ? data_selector(true) : data_selector(false);
    } else { /* one based segment for all */
        uint16_t sel = percent(60) ? SEL(DATA32) : SEL(DATA16);
        for (unsigned i = 0; i < 4; i++)
            if (i != SEG_CS)
                s->sel[i] = sel;
    }
}

/* ---- addresses ---- */

/* A linear address for an operand of n bytes. */
static uint32_t target(unsigned n)
{
    uint32_t r = rnd(100);
    if (r < 78) {
        uint32_t room = n < CASE_W0_SIZE ? CASE_W0_SIZE - n : 0;
        uint32_t off =
            64 + (n > 200 ? rnd(room > 64 ? (room - 64) / 16 + 1 : 1) * 16 : rnd(22) * 16);
        if (!rnd(4) && n <= 200)
            off += rnd(16);
        return CASE_WINDOW + (n > 200 && rnd(2) ? rnd((room / 16) + 1) * 16 : off);
    }
    if (r < 84)
        return CASE_DATA + 0x3000 - (n > 1 && rnd(4) ? 1 + rnd(n - 1) : rnd(2) * n);
    if (r < 89)
        return CASE_DATA + 0x5000 - (n > 1 && rnd(4) ? 1 + rnd(n - 1) : rnd(2) * n);
    if (r < 92)
        return CASE_RO + rnd(0x1000 / 16) * 16 + (rnd(2) ? 0 : rnd(16));
    if (r < 94)
        return CASE_DATA + 0x6000 - (rnd(2) ? rnd(n + 1) : 0);
    if (r < 96)
        return 0 - rnd(n + 4);
    if (r < 97)
        return rnd(0x2000);
    return edge32();
}

static uint32_t window(uint32_t from, uint32_t to) { return CASE_WINDOW + from + rnd(to - from); }

/* Offset of a linear address in a segment. */
static uint32_t offset(const struct case_state *s, unsigned seg, uint32_t linear)
{
    return linear - state_segment_base(s->sel[seg]);
}

/* An offset in the code segment to branch to: int3s, the code's surroundings, nothing, data. */
static uint32_t branch_target(const struct case_state *s)
{
    uint32_t base = state_segment_base(s->sel[SEG_CS]);
    switch (rnd(8)) {
    case 0: return edge32();
    case 1: return CASE_DATA + 0x1800 - base;
    case 2: return rnd(0x10000);
    case 3: return CASE_CODE + rnd(0x1000) + 0x100 - base;
    default: return CASE_CODE + 0x40 + rnd(0x600) - base;
    }
}

/* ---- the instruction ---- */

enum { NO_DISP = 0xff };

struct encoding {
    unsigned len;             /* bytes up to what is left to chance (immediates) */
    unsigned disp, disp_size; /* where the displacement is */
};

static unsigned put_modrm32(uint8_t *b, unsigned reg, struct encoding *e)
{
    unsigned n = 0, mod = rnd(10) < 4 ? 1 : rnd(3), rm = rnd(8);
    if (rnd(3) == 0)
        rm = 4;
    b[n++] = (uint8_t)(mod << 6 | reg << 3 | rm);
    unsigned size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    if (rm == 4) {
        unsigned base = rnd(8), index = rnd(5) ? rnd(8) : 4;
        b[n++] = (uint8_t)(rnd(4) << 6 | index << 3 | base);
        if (!mod && base == 5)
            size = 4;
    } else if (!mod && rm == 5) {
        size = 4;
    }
    e->disp = n, e->disp_size = size;
    return n + size;
}

static unsigned put_modrm16(uint8_t *b, unsigned reg, struct encoding *e)
{
    unsigned mod = rnd(3), rm = rnd(8);
    b[0] = (uint8_t)(mod << 6 | reg << 3 | rm);
    e->disp = 1;
    e->disp_size = mod == 1 ? 1 : mod == 2 || rm == 6 ? 2 : 0;
    return 1 + e->disp_size;
}

static bool addr16(const struct form *f)
{
    bool small = f->mode & MODE_CODE16;
    for (unsigned i = 0; i < f->nprefix; i++)
        if (f->prefix[i] == 0x67)
            small = !small;
    return small;
}

/* Emulated by the kernel, which miscounts segment prefixes if there are several or a last one
 * behind two others. */
static bool is_umip(unsigned op)
{
    return op == OP_SGDT || op == OP_SIDT || op == OP_SLDT || op == OP_STR || op == OP_SMSW;
}

static unsigned choose_reg(const struct form *f)
{
    unsigned reg;
    do
        reg = rnd(8);
    while (!(f->regs >> reg & 1));
    return reg;
}

/* Chooses what is left open of the three-byte VEX prefix that ends at b[n]; sometimes the one of two
 * bytes. */
static unsigned choose_vex(uint8_t *b, unsigned n, bool any)
{
    b[n - 1] = (uint8_t)((b[n - 1] & 0x87) | (8 | rnd(8)) << 3);
    if (any ? rnd(2) : percent(15))
        b[n - 1] ^= rnd(2) ? 0x80 : 4; /* W, L: another form if they matter */
    if (percent(10)) /* B and the top bit of vvvv name registers that 32-bit code has not */
        *(rnd(2) ? &b[n - 2] : &b[n - 1]) ^= rnd(2) ? 0x20 : 0x40;
    if (b[n - 2] == 0xe1 && !(b[n - 1] & 0x80) && rnd(2)) {
        b[n - 3] = 0xc5;
        b[n - 2] = b[n - 1] | 0x80;
        return n - 1;
    }
    return n;
}

static struct encoding emit(const struct form *f, uint8_t *b)
{
    static const uint8_t segs[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65};
    struct encoding e = {0, 0, 0};
    unsigned n = 0;
    for (int i = 0; i < CASE_CODE_MAX; i++)
        b[i] = (uint8_t)rnd64();
    bool vex = form_is_vex(f);
    if (percent(15))
        b[n++] = segs[rnd(6)];
    for (unsigned i = 0; i < f->nprefix; i++)
        b[n++] = f->prefix[i];
    if (percent(4) && !is_umip(f->in.op))
        b[n++] = f->nprefix && rnd(2) ? f->prefix[f->nprefix - 1] : segs[rnd(6)];
    for (unsigned i = 0; i < f->nmap; i++)
        b[n++] = f->map[i];
    if (vex)
        n = choose_vex(b, n, f->kind == FORM_UD);
    b[n++] = f->op;
    unsigned reg = choose_reg(f);
    if (f->mem) {
        struct encoding m = {0, 0, 0};
        unsigned len = addr16(f) ? put_modrm16(b + n, reg, &m) : put_modrm32(b + n, reg, &m);
        e.disp = n + m.disp, e.disp_size = m.disp_size;
        n += len;
    } else if (f->in.modrm) {
        b[n++] = (uint8_t)(0xc0 | reg << 3 | (f->rm ? f->rm : rnd(8)));
    }
    e.len = n;
    return e;
}

static int memory_operand(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM)
            return (int)i;
    return -1;
}

static unsigned operand_bytes(const struct insn *in)
{
    switch (in->op) {
    case OP_FNSTENV:
    case OP_FLDENV: return in->opsize == 2 ? 14 : 28;
    case OP_FNSAVE:
    case OP_FRSTOR: return in->opsize == 2 ? 94 : 108;
    case OP_FXSAVE:
    case OP_FXRSTOR: return 512;
    case OP_XSAVE:
    case OP_XSAVEC:
    case OP_XSAVEOPT:
    case OP_XRSTOR: return XSTATE_WRITTEN;
    case OP_BOUND: return in->opsize * 2;
    default: {
        int m = memory_operand(in);
        return m < 0 || !in->o[m].size ? 1 : in->o[m].size;
    }
    }
}

static uint32_t effective(const struct insn *in, const struct case_state *s)
{
    uint32_t base = in->base == REG_ZERO ? 0 : s->gpr[in->base];
    uint32_t index = in->index == REG_ZERO || (in->flags & INSN_VSIB) ? 0 : s->gpr[in->index];
    uint32_t a = base + (index << in->scale) + in->disp;
    return in->flags & INSN_ADDR16 ? a & 0xffff : a;
}

bool state_transcendental(unsigned op)
{
    return op == OP_FSIN || op == OP_FCOS || op == OP_FSINCOS || op == OP_FPTAN ||
           op == OP_FPATAN || op == OP_F2XM1 || op == OP_FYL2X || op == OP_FYL2XP1;
}

uint32_t state_operand_address(const struct test_case *c, const struct insn *in)
{
    return effective(in, &c->in) + state_segment_base(c->in.sel[in->seg]);
}

uint8_t *state_window(struct case_state *s, uint32_t linear, uint32_t n)
{
    static const struct {
        uint32_t at, size, image;
    } w[] = {{CASE_W0, CASE_W0_SIZE, 0},
             {CASE_W1, CASE_W1_SIZE, CASE_W0_SIZE},
             {CASE_W2, CASE_W2_SIZE, CASE_W0_SIZE + CASE_W1_SIZE}};
    for (unsigned i = 0; i < 3; i++) {
        uint32_t off = linear - CASE_DATA - w[i].at;
        if (off < w[i].size && n <= w[i].size - off)
            return s->mem + w[i].image + off;
    }
    return NULL;
}

static bool is_xsave(const struct insn *in)
{
    return in->op == OP_XSAVE || in->op == OP_XSAVEC || in->op == OP_XRSTOR;
}

/* Makes the operand's address what is wanted: by its displacement, or else by its base. */
static void aim(struct test_case *c, struct insn *in, const struct encoding *e, unsigned mode)
{
    struct case_state *s = &c->in;
    uint32_t at = target(operand_bytes(in));
    if (is_xsave(in) && percent(95))
        at &= ~63u;
    uint32_t want = offset(s, in->seg, at), delta = want - effective(in, s);
    if (in->op == OP_POP && in->base == REG_ESP) /* computed after the pop */
        delta -= in->opsize;
    if (e->disp_size >= 2) {
        uint32_t d = in->disp + delta;
        memcpy(c->code + e->disp, &d, e->disp_size);
        decode_bytes(c->code, sizeof c->code, CASE_CODE + CASE_EIP, mode, in);
    } else if (in->base != REG_ZERO && (in->base != in->index || in->flags & INSN_VSIB)) {
        if (in->flags & INSN_ADDR16)
            s->gpr[in->base] =
                (s->gpr[in->base] & 0xffff0000) | ((s->gpr[in->base] + delta) & 0xffff);
        else
            s->gpr[in->base] += delta;
    }
}

static bool is_bit_test(const struct insn *in)
{
    return (in->op == OP_BT || in->op == OP_BTS || in->op == OP_BTR || in->op == OP_BTC) &&
           in->o[1].kind == OPND_GPR;
}

/* Address of the operand's first byte in the window's image, or NULL. */
static uint8_t *operand_image(struct case_state *s, const struct insn *in, unsigned n)
{
    return state_window(s, effective(in, s) + state_segment_base(s->sel[in->seg]), n);
}

static uint8_t *stack_image(struct case_state *s, unsigned n)
{
    uint32_t a = s->gpr[REG_ESP];
    if (s->sel[SEG_SS] == SEL(DATA16) || s->sel[SEG_SS] == SEL(DOWN16))
        a &= 0xffff;
    return state_window(s, a + state_segment_base(s->sel[SEG_SS]), n);
}

/* ---- the state ---- */

static void make_fpu(struct case_state *s, const struct insn *in)
{
    uint16_t cw =
        (uint16_t)(0x40 | (rnd(4) ? 0x3f : rnd(64)) | rnd(4) << 10 | (rnd(2) ? 3 : rnd(4)) << 8);
    if ((cw >> 8 & 3) == 1)
        cw |= 0x300;
    uint16_t sw = (uint16_t)(rnd(8) << 11 | (rnd(4) ? 0 : (rnd(16) << 8 & 0x4700)));
    if (percent(6)) /* sticky exceptions, pending if unmasked */
        sw |= rnd(128);
    memcpy(s->fx, &cw, 2);
    memcpy(s->fx + 2, &sw, 2);
    bool x87 = decode_op_class(in->op) == CLASS_X87;
    s->fx[4] = (x87 || decode_op_class(in->op) == CLASS_MMX) && !rnd(6) ? (uint8_t)rnd64()
               : rnd(3)                                                 ? 0xff
                                                                        : 0x7f;
    if (in->op == OP_FXTRACT || in->op == OP_FLD || in->op == OP_FILD || in->op == OP_FBLD ||
        in->op == OP_FPTAN || in->op == OP_FSINCOS || (in->op >= OP_FLD1 && in->op <= OP_FLDZ))
        s->fx[4] = rnd(4) ? (uint8_t) ~(1u << (((sw >> 11) - 1u) & 7)) : 0xff;
    uint64_t pointers[2] = {rnd64() & UINT64_C(0x0000ffffffffffff),
                            rnd64() & UINT64_C(0x0000ffffffffffff)};
    uint16_t fop = (uint16_t)rnd(0x800);
    memcpy(s->fx + 6, &fop, 2);
    memcpy(s->fx + 8, pointers, 16);
    uint32_t mx = (rnd(4) ? 0x1f80 : rnd(64) << 7) | rnd(4) << 13 | (rnd(4) ? 0 : 0x40) |
                  (rnd(4) ? 0 : 0x8000) | (rnd(2) ? 0 : 0x20);
    memcpy(s->fx + 24, &mx, 4);
    for (unsigned i = 0; i < 8; i++)
        put_f80(s->fx + 32 + 16 * i);
    for (unsigned i = 0; i < 128; i += 8) {
        uint64_t v = edge64();
        memcpy(s->fx + 160 + i, &v, 8);
    }
}

static void make_upper_halves(struct case_state *s)
{
    for (unsigned i = 0; i < sizeof s->ymmh; i += 8) {
        uint64_t v = edge64();
        memcpy(&s->ymmh[0][0] + i, &v, 8);
    }
}

static void make_avx512(struct case_state *s)
{
    for (unsigned i = 0; i < sizeof s->zmmh; i += 8) {
        uint64_t v = edge64();
        memcpy(&s->zmmh[0][0] + i, &v, 8);
    }
    for (unsigned i = 0; i < 8; i++)
        s->k[i] = rnd(8) ? rnd64() >> (rnd(2) ? 0 : rnd(64)) : rnd(2) ? UINT64_MAX : 0;
}

static void make_memory(struct case_state *s)
{
    for (unsigned i = 0; i < CASE_MEM_SIZE; i += 8) {
        uint64_t v = rnd(3) ? edge64() : (uint64_t)edge32() << 32 | edge32();
        memcpy(s->mem + i, &v, 8);
    }
    put_f80(s->mem + rnd(CASE_W0_SIZE / 16) * 16);
}

static void make_registers(struct case_state *s, const struct insn *in)
{
    for (int i = 0; i < 8; i++)
        s->gpr[i] = edge32();
    bool rep = in->flags & (INSN_REP | INSN_REPNE);
    if (rep && decode_op_class(in->op) == CLASS_STRING)
        s->gpr[REG_ECX] = percent(85) ? rnd(12) : rnd(600);
    else if (rnd(2))
        s->gpr[REG_ECX] = rnd(70);
    s->gpr[REG_ESP] =
        offset(s, SEG_SS,
               percent(90) ? CASE_WINDOW + 224 + rnd(32) * 4 + (percent(90) ? 0 : rnd(4))
                           : target(4 * in->opsize));
    s->eflags = 0x202 | (uint32_t)(rnd64() & 0x8d5) | (rnd(4) ? 0 : EFL_DF) |
                (percent(90) ? 0 : EFL_NT) | (percent(90) ? 0 : EFL_ID) |
                (percent(94) ? 0 : EFL_AC);
}

static void high_garbage(uint32_t *r) { *r = (*r & 0xffff) | (uint32_t)rnd64() << 16; }

/* Pointers of string operations and other implicit operands. */
static void aim_implicit(struct case_state *s, const struct insn *in, unsigned mode)
{
    bool small = in->flags & INSN_ADDR16;
    unsigned size = in->o[0].size;
    uint32_t *r = s->gpr;
    switch (in->op) {
    case OP_MASKMOVQ:
    case OP_MASKMOVDQU:
    case OP_VMASKMOVDQU:
        r[REG_EDI] = offset(s, in->seg,
                            percent(85) ? window(64, 500) : target(in->op == OP_MASKMOVQ ? 8 : 16));
        if (small && percent(50))
            high_garbage(&r[REG_EDI]);
        break;
    case OP_XLAT:
        r[REG_EBX] = offset(s, in->seg, window(0, 300));
        if (percent(10))
            r[REG_EBX] = offset(s, in->seg, target(1)) - (r[REG_EAX] & 0xff);
        break;
    case OP_LEAVE:
    case OP_ENTER:
        r[REG_EBP] = offset(s, SEG_SS, percent(88) ? window(250, 600) : target(2 * in->opsize));
        if (in->op == OP_ENTER && percent(20))
            r[REG_ESP] = offset(s, SEG_SS, target(64));
        break;
    default:
        if (decode_op_class(in->op) != CLASS_STRING)
            return;
        {
            unsigned n = size * (percent(90) ? 1 : 4);
            r[REG_ESI] = offset(s, in->seg, percent(80) ? window(100, 500) : target(n));
            r[REG_EDI] = offset(s, SEG_ES, percent(80) ? window(100, 500) : target(n));
            if (percent(15)) /* overlapping */
                r[REG_EDI] = r[REG_ESI] + rnd(33) - 16;
            if (in->op == OP_CMPS && percent(50))
                for (unsigned i = 0; i + 8 <= CASE_W0_SIZE; i += 8) /* runs of equal elements */
                    memset(s->mem + i, rnd(8) ? 0x11 : (int)rnd(256), 8);
            if (in->op == OP_SCAS && percent(60))
                for (unsigned i = 0; i + 4 <= CASE_W0_SIZE; i += 4)
                    memcpy(s->mem + i,
                           rnd(6) ? (const void *)&r[REG_EAX] : (const void *)&r[rnd(8)], 4);
            if (small)
                high_garbage(&r[REG_ESI]), high_garbage(&r[REG_EDI]), high_garbage(&r[REG_ECX]);
        }
    }
    (void)mode;
}

static void put(uint8_t *p, uint32_t v, unsigned size)
{
    if (p)
        memcpy(p, &v, size);
}

/* A far pointer's parts, for transfers or loads. */
static void far_parts(struct case_state *s, uint16_t *sel, uint32_t *off, bool transfer)
{
    *sel = any_selector();
    if (transfer && percent(60)) {
        static const uint16_t code[] = {SEL_CODE,    SEL(FLAT_CODE), SEL(CODE16),
                                        SEL(CODE32), SEL(CODE_XO),   SEL(CODE_SHORT)};
        *sel = code[rnd(ARRAY_SIZE(code))];
    }
    struct case_state to = *s;
    to.sel[SEG_CS] = *sel;
    *off = branch_target(&to);
}

static bool is_far(const struct insn *in)
{
    return in->o[0].kind == OPND_FAR ||
           ((in->op == OP_CALL || in->op == OP_JMP) && in->o[0].size == in->opsize + 2);
}

/* The components that the instructions and headers of cases name. */
static uint32_t components(void)
{
    return forms_avx512() ? XSTATE_ALL | XSTATE_AVX512 : XSTATE_ALL;
}

/* Mostly a header that is accepted. */
static void help_xsave(struct case_state *s, const struct insn *in)
{
    uint8_t *p = operand_image(s, in, XSTATE_WRITTEN);
    uint64_t h[8] = {rnd(8)};
    uint32_t mxcsr = rnd(0x10000);
    if (forms_avx512() && rnd(2))
        h[0] |= rnd64() & XSTATE_AVX512;
    if (in->base != REG_EAX && in->index != REG_EAX)
        s->gpr[REG_EAX] &= components();
    if (in->base != REG_EDX && in->index != REG_EDX)
        s->gpr[REG_EDX] = 0;
    if (!p || percent(5))
        return;
    if (percent(30))
        h[1] = UINT64_C(1) << 63 | (percent(80) ? h[0] : 0) | rnd(8) |
               (forms_avx512() && rnd(2) ? rnd64() & XSTATE_AVX512 : 0);
    if (percent(10))
        h[rnd(8)] |= UINT64_C(1) << rnd(5) << (rnd(4) ? 0 : 59);
    memcpy(p + XSTATE_HEADER_AT, h, sizeof h);
    if (percent(90))
        memcpy(p + 24, &mxcsr, 4);
}

/* What makes special operations succeed now and then. */
static void help(struct test_case *c, struct insn *in, const struct encoding *e, unsigned mode)
{
    struct case_state *s = &c->in;
    uint16_t sel;
    uint32_t off;
    unsigned size = in->opsize;
    int m = memory_operand(in);
    uint8_t *p =
        m >= 0 && decode_op_class(in->op) != CLASS_STRING ? operand_image(s, in, 16) : NULL;
    (void)e;
    switch (in->op) {
    case OP_BT:
    case OP_BTS:
    case OP_BTR:
    case OP_BTC:
        if (m >= 0 && is_bit_test(in) && in->o[1].reg != in->base && in->o[1].reg != in->index)
            s->gpr[in->o[1].reg] = percent(10) ? s->gpr[in->o[1].reg] : rnd(1024) - 256;
        break;
    case OP_CMPXCHG8B:
        if (p && rnd(2))
            memcpy(&s->gpr[REG_EAX], p, 4), memcpy(&s->gpr[REG_EDX], p + 4, 4);
        break;
    case OP_CMPXCHG:
        if (p && rnd(2) && in->base != REG_EAX && in->index != REG_EAX)
            memcpy(&s->gpr[REG_EAX], p, in->o[0].size);
        break;
    case OP_BOUND:
        if (p && rnd(2)) {
            uint32_t v = s->gpr[in->o[0].reg];
            put(p, v - rnd(3), size), put(p + size, v + rnd(3) - rnd(2), size);
        }
        break;
    case OP_LDS:
    case OP_LES:
    case OP_LFS:
    case OP_LGS:
    case OP_LSS:
        if (p)
            put(p + size, any_selector(), 2);
        break;
    case OP_MOV:
    case OP_LAR:
    case OP_LSL:
    case OP_VERR:
    case OP_VERW:
    case OP_ARPL:
        if (in->op == OP_MOV && in->o[0].kind != OPND_SEG)
            break;
        sel = any_selector();
        m = in->op == OP_VERR || in->op == OP_VERW || in->op == OP_ARPL ? 0 : 1;
        if (in->o[m].kind == OPND_MEM)
            put(p, sel, 2);
        else if (percent(90))
            s->gpr[in->o[m].reg & 7] = (s->gpr[in->o[m].reg & 7] & 0xffff0000) | sel;
        break;
    case OP_POP:
        if (in->o[0].kind == OPND_SEG)
            put(stack_image(s, 8), any_selector(), 2);
        break;
    case OP_JMP:
    case OP_CALL:
        if (is_far(in)) {
            far_parts(s, &sel, &off, true);
            if (in->o[0].kind == OPND_FAR) {
                memcpy(c->code + in->len - 2, &sel, 2),
                    memcpy(c->code + in->len - 2 - size, &off, size);
                decode_bytes(c->code, sizeof c->code, CASE_CODE + CASE_EIP, mode, in);
            } else {
                put(p, off, size), put(p ? p + size : NULL, sel, 2);
            }
        } else if (in->o[0].kind == OPND_MEM) {
            put(p, branch_target(s), size);
        } else if (in->o[0].kind == OPND_GPR) {
            s->gpr[in->o[0].reg] = branch_target(s);
        }
        break;
    case OP_RET:
    case OP_IRET: {
        uint8_t *t = stack_image(s, 16);
        off = branch_target(s);
        if ((in->opcode & 0xf8) == 0xc8) {
            far_parts(s, &sel, &off, true);
            if (t && percent(95))
                put(t + size, (percent(80) ? 0 : (uint32_t)rnd64() << 16) | sel, size);
        }
        if (t && percent(95))
            put(t, off, size);
        if (in->op == OP_IRET)
            s->eflags &= ~(percent(80) ? (uint32_t)EFL_NT : 0);
        break;
    }
    case OP_XSAVE:
    case OP_XSAVEC:
    case OP_XRSTOR: help_xsave(s, in); break;
    case OP_PUSHF:
    case OP_POPF:
        if ((s->gpr[REG_ESP] + state_segment_base(s->sel[SEG_SS])) % 4 == 0 && rnd(2))
            s->eflags |= EFL_AC;
        break;
    default: break;
    }
    if (in->nopnd && in->o[0].kind == OPND_REL && in->len >= 5 && rnd(4)) {
        uint32_t base = state_segment_base(s->sel[SEG_CS]);
        uint32_t rel = branch_target(s) - (in->next - base);
        memcpy(c->code + in->len - 4, &rel, 4);
        decode_bytes(c->code, sizeof c->code, CASE_CODE + CASE_EIP, mode, in);
    }
}

/* Could the case reach what the helper itself has mapped? Segment bases are 0, CASE_DATA or 2 GiB
 * above that. */
static bool near_helper(uint32_t a)
{
    enum { MARGIN = 0x20000 };
    for (unsigned i = 0; i < 3; i++) {
        uint32_t base = i ? CASE_DATA + (i - 1) * 0x80000000u : 0;
        if (a + base - (CASE_HELPER - MARGIN) < CASE_HELPER_END - CASE_HELPER + 2 * MARGIN)
            return true;
    }
    return false;
}

/* Doubleword i of a gather's index register. */
static uint8_t *index_part(struct case_state *s, const struct insn *in, unsigned i)
{
    return i < 4   ? s->fx + 160 + 16 * in->index + 4 * i
           : i < 8 ? s->ymmh[in->index] + 4 * (i - 4)
                   : s->zmmh[in->index] + 4 * (i - 8);
}

static unsigned index_parts(const struct insn *in)
{
    return decode_op_class(in->op) == CLASS_AVX512 ? 16 : 8;
}

/* Indices of a gather, bytes from the base or something else. */
static void make_indices(struct case_state *s, const struct insn *in)
{
    for (unsigned i = 0; i < index_parts(in); i++) {
        uint32_t v = percent(92) ? (uint32_t)((int32_t)(rnd(256) - 128) >> in->scale)
                                 : target(8) >> in->scale;
        if (percent(98))
            memcpy(index_part(s, in, i), &v, 4);
    }
}

static bool near_helper_by_index(const struct insn *in, struct case_state *s)
{
    for (unsigned i = 0; i < index_parts(in); i++) {
        uint32_t v;
        memcpy(&v, index_part(s, in, i), 4);
        if (near_helper(effective(in, s) + (v << in->scale)))
            return true;
    }
    return false;
}

static bool harmless(const struct insn *in, struct case_state *s)
{
    for (unsigned i = 0; i < 8; i++)
        if (near_helper(s->gpr[i]))
            return false;
    if (is_xsave(in) && (s->gpr[REG_EDX] || s->gpr[REG_EAX] & ~components()))
        return false; /* components that not every model has */
    if (in->flags & INSN_VSIB && near_helper_by_index(in, s))
        return false;
    if (memory_operand(in) >= 0) {
        uint32_t a = effective(in, s);
        if (near_helper(a))
            return false;
        if (is_bit_test(in) && near_helper(a + (uint32_t)((int32_t)s->gpr[in->o[1].reg] >> 3)))
            return false;
    }
    return true;
}

/* Behind an x87 operation: its pointers, with what is not visible in a signal frame. */
static void append_note(struct test_case *c, const struct insn *in, unsigned mode)
{
    static const uint8_t fnstenv32[] = {
        0xd9, 0x35, CASE_NOTE & 255, CASE_NOTE >> 8 & 255, CASE_NOTE >> 16 & 255, CASE_NOTE >> 24};
    if (decode_op_class(in->op) != CLASS_X87 || mode || c->in.sel[SEG_DS] != SEL_DATA || rnd(2))
        return;
    memcpy(c->code + in->len, fnstenv32, sizeof fnstenv32);
    c->len += sizeof fnstenv32;
}

static bool make_insn(struct test_case *c, const struct form *f, struct insn *in)
{
    struct encoding e = emit(f, c->code);
    if (decode_bytes(c->code, sizeof c->code, CASE_CODE + CASE_EIP, f->mode, in) != DECODE_OK ||
        !forms_same(in, &f->in) || forms_left_out(in))
        return false;
    make_segments(&c->in, f->mode);
    make_registers(&c->in, in);
    make_memory(&c->in);
    make_fpu(&c->in, in);
    aim_implicit(&c->in, in, f->mode);
    if (f->mem && memory_operand(in) >= 0)
        aim(c, in, &e, f->mode);
    else if (memory_operand(in) >= 0 && in->base == REG_ZERO &&
             decode_op_class(in->op) != CLASS_STRING) {
        uint32_t a = offset(&c->in, in->seg, target(operand_bytes(in))); /* MOV with an address */
        memcpy(c->code + in->len - (in->flags & INSN_ADDR16 ? 2 : 4), &a,
               in->flags & INSN_ADDR16 ? 2 : 4);
        decode_bytes(c->code, sizeof c->code, CASE_CODE + CASE_EIP, f->mode, in);
    }
    make_upper_halves(&c->in);
    help(c, in, &e, f->mode);
    if (in->flags & INSN_VSIB)
        make_indices(&c->in, in);
    return forms_same(in, &f->in) && !forms_left_out(in) && harmless(in, &c->in);
}

static bool make_undefined(struct test_case *c, const struct form *f, uint32_t seed,
                           struct insn *in)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->nprefix; i++)
        c->code[n++] = f->prefix[i];
    for (unsigned i = 0; i < f->nmap; i++)
        c->code[n++] = f->map[i];
    if (form_is_vex(f))
        n = choose_vex(c->code, n, true);
    c->code[n++] = f->op;
    c->code[n] = (uint8_t)(seed * 37 + f->op * 11);
    enum decode_status st =
        decode_bytes(c->code, sizeof c->code, CASE_CODE + CASE_EIP, f->mode, in);
    struct insn probe = *in;
    make_segments(&c->in, f->mode);
    make_registers(&c->in, &probe);
    c->in.eflags &= ~(uint32_t)(EFL_AC | EFL_NT);
    make_memory(&c->in);
    make_fpu(&c->in, &probe);
    make_upper_halves(&c->in);
    for (unsigned i = 0; i < 8; i++)
        if (near_helper(c->in.gpr[i]))
            c->in.gpr[i] = CASE_WINDOW;
    c->len = n + 8;
    if (st == DECODE_OK && in->op != OP_UNSUPPORTED)
        return false;
    return forms_refused(c->code, sizeof c->code, f->mode);
}

/* ---- AVX-512 ---- */

static struct encoding emit_evex(const struct form *f, uint8_t *b)
{
    static const uint8_t segs[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65}, odd[] = {0x66, 0xf0, 0xf2, 0xf3};
    struct encoding e = {0, 0, 0};
    unsigned n = 0, reg = rnd(8);
    struct form small = *f;
    for (int i = 0; i < CASE_CODE_MAX; i++)
        b[i] = (uint8_t)rnd64();
    if (percent(15))
        b[n++] = segs[rnd(6)];
    if (percent(15))
        small.prefix[small.nprefix++] = b[n++] = 0x67;
    if (percent(2))
        b[n++] = odd[rnd(4)];
    b[n++] = 0x62;
    b[n++] = 0xf0 | f->map[0];
    b[n++] = (uint8_t)(f->map[1] | 4 | (rnd(2) ? 15 : 8 | rnd(8)) << 3);
    b[n++] = (uint8_t)(8 | (percent(97) ? rnd(3) : 3) << 5 | (percent(20) ? 0x10 : 0) |
                       (percent(25) ? 0x80 : 0) | (percent(60) ? rnd(8) : 0));
    if (percent(8)) /* bits that 32-bit code does not use, or must not change */
        b[n - 1 - rnd(3)] ^= (uint8_t)(1u << (2 + rnd(4)));
    b[n++] = f->op;
    if (f->mem) {
        struct encoding m = {0, 0, 0};
        unsigned len;
        do
            len = addr16(&small) ? put_modrm16(b + n, reg, &m) : put_modrm32(b + n, reg, &m);
        while (f->vsib && !addr16(&small) && (b[n] & 7) != 4 && percent(95));
        e.disp = n + m.disp, e.disp_size = m.disp_size;
        n += len;
    } else {
        b[n++] = (uint8_t)(0xc0 | reg << 3 | rnd(8));
    }
    e.len = n;
    return e;
}

/* An instruction or, if the decoder says so, an undefined one. */
static bool make_evex(struct test_case *c, const struct form *f, struct insn *in)
{
    struct encoding e = emit_evex(f, c->code);
    bool ok = decode_bytes(c->code, sizeof c->code, CASE_CODE + CASE_EIP, f->mode, in) == DECODE_OK;
    if (ok && in->op == OP_UNSUPPORTED)
        return false;
    if (f->map[1] == 0x83 && (f->op == 0x2a || f->op == 0x7b)) /* VCVTSI2SD: W is for 64-bit code, */
        return false;                                        /* and only then there is rounding */
    make_segments(&c->in, f->mode);
    make_registers(&c->in, in);
    make_memory(&c->in);
    make_fpu(&c->in, in);
    make_upper_halves(&c->in);
    make_avx512(&c->in);
    if (ok && memory_operand(in) >= 0)
        aim(c, in, &e, f->mode);
    if (ok && in->flags & INSN_VSIB)
        make_indices(&c->in, in);
    c->len = ok ? in->len : e.len + 5;
    return harmless(in, &c->in);
}

bool state_make_case(struct test_case *c, unsigned form, uint32_t seed, struct insn *in)
{
    const struct form *f = &forms[form];
    bool ok = true;
    memset(c, 0, sizeof *c);
    c->form = form;
    c->seed = seed;
    rng = UINT64_C(0x9e3779b97f4a7c15) * (form_key(f) + 1) ^
          UINT64_C(0xbf58476d1ce4e5b9) * (seed + 1);
    rnd64();
    if (f->kind == FORM_EVEX) {
        ok = make_evex(c, f, in);
    } else if (f->kind == FORM_UD) {
        ok = make_undefined(c, f, seed, in);
    } else {
        while (!make_insn(c, f, in)) /* another register or displacement may be another form */
            ;
        c->len = in->len;
        append_note(c, in, f->mode);
        if (forms_avx512())
            make_avx512(&c->in);
    }
    memset(c->code + c->len, 0xcc, sizeof c->code - c->len);
    return ok;
}
