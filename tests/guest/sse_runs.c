/* Random sequences of MMX and SSE instructions on values that make exceptions: results, MXCSR, flags,
 * stores. With arguments KIND NUMBER: shows the bytes of one sequence and every result of it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SEQUENCES = 120, INPUTS = 14, AREA = 256 };

struct op {
    uint8_t prefix, map, opcode; /* map 0: 0F, 1: 0F 38, 2: 0F 3A */
    uint8_t imm;                 /* 0: none; else a mask for it */
    uint8_t size;                /* of a memory operand; 0: none */
    uint8_t form;
};
enum { F_XX, F_STORE, F_TO_GPR, F_FROM_GPR, F_REG_ONLY, F_SHIFT, F_GPR, F_MEM_ONLY };

#define P66 0x66
#define FOUR(op) {0, 0, op, 0, 16, 0}, {P66, 0, op, 0, 16, 0}, {0xf3, 0, op, 0, 4, 0}, {0xf2, 0, op, 0, 8, 0}
#define SCALAR(op) {0xf3, 0, op, 0, 4, 0}, {0xf2, 0, op, 0, 8, 0}

static const struct op scalar[] = {
    SCALAR(0x58), SCALAR(0x59), SCALAR(0x5c), SCALAR(0x5e), SCALAR(0x58), SCALAR(0x59), SCALAR(0x5c),
    SCALAR(0x51), SCALAR(0x5d), SCALAR(0x5f), {0xf3, 0, 0x5a, 0, 4, 0}, {0xf2, 0, 0x5a, 0, 8, 0},
    SCALAR(0x10), SCALAR(0x10), {P66, 0, 0x28, 0, 16, 0}, {0, 0, 0x28, 0, 16, 0},
    {0xf2, 0, 0x11, 0, 8, F_STORE}, {0xf3, 0, 0x11, 0, 4, F_STORE},
    {0, 0, 0x2e, 0, 4, 0}, {P66, 0, 0x2e, 0, 8, 0}, {0, 0, 0x2f, 0, 4, 0}, {P66, 0, 0x2f, 0, 8, 0},
    {0xf3, 0, 0x2c, 0, 4, F_TO_GPR}, {0xf2, 0, 0x2c, 0, 8, F_TO_GPR}, {0xf3, 0, 0x2d, 0, 4, F_TO_GPR},
    {0xf2, 0, 0x2d, 0, 8, F_TO_GPR}, {0xf3, 0, 0x2a, 0, 4, F_FROM_GPR}, {0xf2, 0, 0x2a, 0, 4, F_FROM_GPR},
    {0xf2, 0, 0xc2, 7, 8, 0}, {0xf3, 0, 0xc2, 7, 4, 0}, {P66, 2, 0x0a, 15, 4, 0},
    {P66, 2, 0x0b, 15, 8, 0}, {P66, 0, 0xef, 0, 0, F_REG_ONLY}, {P66, 0, 0x54, 0, 16, 0},
    {P66, 0, 0x57, 0, 16, 0}, {P66, 0, 0x14, 0, 16, 0}, {0xf3, 0, 0x7e, 0, 8, 0}, {0, 0, 0, 0, 0, F_GPR},
};
static const struct op packed[] = {
    FOUR(0x58), FOUR(0x59), FOUR(0x5c), FOUR(0x5e), FOUR(0x51), FOUR(0x5d), FOUR(0x5f),
    {P66, 0, 0x7c, 0, 16, 0}, {0xf2, 0, 0x7c, 0, 16, 0}, {P66, 0, 0x7d, 0, 16, 0},
    {0xf2, 0, 0x7d, 0, 16, 0}, {P66, 0, 0xd0, 0, 16, 0}, {0xf2, 0, 0xd0, 0, 16, 0},
    {0, 0, 0xc2, 7, 16, 0}, {P66, 0, 0xc2, 7, 16, 0}, {0, 0, 0x5a, 0, 8, 0}, {P66, 0, 0x5a, 0, 16, 0},
    {0, 0, 0x5b, 0, 16, 0}, {P66, 0, 0x5b, 0, 16, 0}, {0xf3, 0, 0x5b, 0, 16, 0},
    {0xf3, 0, 0xe6, 0, 8, 0}, {0xf2, 0, 0xe6, 0, 16, 0}, {P66, 0, 0xe6, 0, 16, 0},
    {P66, 2, 0x08, 15, 16, 0}, {P66, 2, 0x09, 15, 16, 0}, {0, 0, 0xc6, 255, 16, 0},
    {P66, 0, 0xc6, 3, 16, 0}, {0, 0, 0x14, 0, 16, 0}, {0, 0, 0x15, 0, 16, 0}, {P66, 0, 0x15, 0, 16, 0},
    {0, 0, 0x28, 0, 16, 0}, {0, 0, 0x28, 0, 16, 0}, {0, 0, 0x10, 0, 16, 0}, {P66, 0, 0x29, 0, 16, F_STORE},
    {0, 0, 0x11, 0, 16, F_STORE}, {0, 0, 0x12, 0, 8, 0}, {0, 0, 0x16, 0, 8, 0},
    {P66, 0, 0x13, 0, 8, F_STORE}, {P66, 0, 0x17, 0, 8, F_STORE}, {0xf2, 0, 0x12, 0, 8, 0},
    {0xf3, 0, 0x12, 0, 16, 0}, {0xf3, 0, 0x16, 0, 16, 0}, {0, 0, 0x50, 0, 0, F_TO_GPR},
    {P66, 0, 0x50, 0, 0, F_TO_GPR}, {P66, 2, 0x21, 255, 4, 0}, {P66, 2, 0x0c, 15, 16, 0},
    {P66, 2, 0x0d, 3, 16, 0}, {P66, 1, 0x14, 0, 16, 0}, {P66, 1, 0x15, 0, 16, 0},
};
#define I(op) {P66, 0, op, 0, 16, 0}
#define I38(op) {P66, 1, op, 0, 16, 0}
static const struct op integer[] = {
    I(0x60), I(0x61), I(0x62), I(0x63), I(0x64), I(0x65), I(0x66), I(0x67), I(0x68), I(0x69), I(0x6a),
    I(0x6b), I(0x6c), I(0x6d), I(0x6f), I(0x74), I(0x75), I(0x76), I(0xd1), I(0xd2), I(0xd3), I(0xd4),
    I(0xd5), I(0xd8), I(0xd9), I(0xda), I(0xdb), I(0xdc), I(0xdd), I(0xde), I(0xdf), I(0xe0), I(0xe1),
    I(0xe2), I(0xe3), I(0xe4), I(0xe5), I(0xe8), I(0xe9), I(0xea), I(0xeb), I(0xec), I(0xed), I(0xee),
    I(0xef), I(0xf1), I(0xf2), I(0xf3), I(0xf4), I(0xf5), I(0xf6), I(0xf8), I(0xf9), I(0xfa), I(0xfb),
    I(0xfc), I(0xfd), I(0xfe), I38(0x00), I38(0x01), I38(0x02), I38(0x03), I38(0x04), I38(0x05),
    I38(0x06), I38(0x07), I38(0x08), I38(0x09), I38(0x0a), I38(0x0b), I38(0x10), I38(0x1c), I38(0x1d),
    I38(0x1e), {P66, 1, 0x20, 0, 8, 0}, {P66, 1, 0x21, 0, 4, 0}, {P66, 1, 0x22, 0, 2, 0},
    {P66, 1, 0x23, 0, 8, 0}, {P66, 1, 0x24, 0, 4, 0}, {P66, 1, 0x25, 0, 8, 0}, I38(0x28), I38(0x29),
    I38(0x2b), {P66, 1, 0x30, 0, 8, 0}, {P66, 1, 0x31, 0, 4, 0}, {P66, 1, 0x32, 0, 2, 0},
    {P66, 1, 0x33, 0, 8, 0}, {P66, 1, 0x34, 0, 4, 0}, {P66, 1, 0x35, 0, 8, 0}, I38(0x37), I38(0x38),
    I38(0x39), I38(0x3a), I38(0x3b), I38(0x3c), I38(0x3d), I38(0x3e), I38(0x3f), I38(0x40), I38(0x41),
    I38(0x17), {P66, 0, 0x70, 255, 16, 0}, {0xf2, 0, 0x70, 255, 16, 0}, {0xf3, 0, 0x70, 255, 16, 0},
    {P66, 2, 0x0e, 255, 16, 0}, {P66, 2, 0x0f, 63, 16, 0}, {P66, 2, 0x42, 7, 16, 0},
    {P66, 0, 0xd7, 0, 0, F_TO_GPR}, {P66, 0, 0x7e, 0, 4, F_STORE}, {P66, 0, 0xd6, 0, 8, F_STORE},
    {P66, 0, 0x7f, 0, 16, F_STORE}, {0xf3, 0, 0x7f, 0, 16, F_STORE}, {P66, 0, 0x6e, 0, 4, F_FROM_GPR},
    {P66, 0, 0xc4, 7, 2, F_FROM_GPR}, {P66, 2, 0x20, 15, 1, F_FROM_GPR}, {P66, 2, 0x22, 3, 4, F_FROM_GPR},
    {P66, 2, 0x14, 15, 1, F_STORE}, {P66, 2, 0x15, 7, 2, F_STORE}, {P66, 2, 0x16, 3, 4, F_STORE},
    {P66, 0, 0xc5, 7, 0, F_TO_GPR}, {P66, 0, 0x71, 31, 0, F_SHIFT}, {P66, 0, 0x72, 63, 0, F_SHIFT},
    {P66, 0, 0x73, 127, 0, F_SHIFT}, {P66, 0, 0xe7, 0, 16, F_STORE}, {0, 0, 0, 0, 0, F_GPR},
};
#define M(op) {0, 0, op, 0, 8, 0}
static const struct op mmx[] = {
    M(0x60 + 3), M(0x64), M(0x65), M(0x66), M(0x67), M(0x68), M(0x69), M(0x6a), M(0x6b), M(0x6f), M(0x74),
    M(0x75), M(0x76), M(0xd1), M(0xd2), M(0xd3), M(0xd4), M(0xd5), M(0xd8), M(0xd9), M(0xda), M(0xdb),
    M(0xdc), M(0xdd), M(0xde), M(0xdf), M(0xe0), M(0xe1), M(0xe2), M(0xe3), M(0xe4), M(0xe5), M(0xe8),
    M(0xe9), M(0xea), M(0xeb), M(0xec), M(0xed), M(0xee), M(0xef), M(0xf1), M(0xf2), M(0xf3), M(0xf4),
    M(0xf5), M(0xf6), M(0xf8), M(0xf9), M(0xfa), M(0xfb), M(0xfc), M(0xfd), M(0xfe),
    {0, 0, 0x60, 0, 4, 0}, {0, 0, 0x61, 0, 4, 0}, {0, 0, 0x62, 0, 4, 0},
    {0, 1, 0x00, 0, 8, 0}, {0, 1, 0x01, 0, 8, 0}, {0, 1, 0x02, 0, 8, 0}, {0, 1, 0x03, 0, 8, 0},
    {0, 1, 0x04, 0, 8, 0}, {0, 1, 0x05, 0, 8, 0}, {0, 1, 0x06, 0, 8, 0}, {0, 1, 0x07, 0, 8, 0},
    {0, 1, 0x08, 0, 8, 0}, {0, 1, 0x09, 0, 8, 0}, {0, 1, 0x0a, 0, 8, 0}, {0, 1, 0x0b, 0, 8, 0},
    {0, 1, 0x1c, 0, 8, 0}, {0, 1, 0x1d, 0, 8, 0}, {0, 1, 0x1e, 0, 8, 0}, {0, 0, 0x70, 255, 8, 0},
    {0, 2, 0x0f, 31, 8, 0}, {0, 0, 0xd7, 0, 0, F_TO_GPR}, {0, 0, 0x7e, 0, 4, F_STORE},
    {0, 0, 0x7f, 0, 8, F_STORE}, {0, 0, 0x6e, 0, 4, F_FROM_GPR}, {0, 0, 0xc4, 3, 2, F_FROM_GPR},
    {0, 0, 0xc5, 3, 0, F_TO_GPR}, {0, 0, 0x71, 31, 0, F_SHIFT}, {0, 0, 0x72, 63, 0, F_SHIFT},
    {0, 0, 0x73, 127, 0, F_SHIFT}, {0xf3, 0, 0xd6, 0, 0, F_REG_ONLY}, {0xf2, 0, 0xd6, 0, 0, F_REG_ONLY},
    {0, 0, 0x2a, 0, 8, 0}, {0, 0, 0x2c, 0, 8, 0}, {P66, 0, 0x2d, 0, 0, F_REG_ONLY},
};

#define KIND(name, length) {#name, name, sizeof name / sizeof *name, length}
static const struct kind {
    const char *name;
    const struct op *ops;
    unsigned n, length;
} kinds[] = {
    KIND(scalar, 12), KIND(packed, 8), KIND(integer, 8), KIND(mmx, 8), {"one_scalar", scalar, sizeof scalar / sizeof *scalar, 1},
    {"mixed", NULL, 0, 14},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static uint32_t seed = 1;
static uint32_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}
static unsigned below(unsigned n) { return (unsigned)((uint64_t)rnd() * n >> 32); }

/* ---- code ---- */

static uint8_t *p;
static void put(uint32_t v, unsigned n)
{
    memcpy(p, &v, n);
    p += n;
}

/* ModRM with a memory operand: [base + disp8], base EBX (values) or ESI (stores). */
static void put_mem(unsigned reg, unsigned base, unsigned size)
{
    unsigned step = size == 16 ? 16 : size;
    put(0x40 | reg << 3 | base, 1);
    put(below(96 / step) * step, 1);
}

static void put_op(const struct op *o, unsigned regs)
{
    static const uint8_t gprs[] = {0, 1, 2, 7};
    unsigned reg = below(regs), rm = below(regs), gpr = gprs[below(4)];
    if (o->form == F_GPR) { /* MOV r32, imm; ADD r32, imm8; LEA */
        unsigned how = below(3);
        if (how == 0) {
            put(0xb8 | gpr, 1);
            put(rnd(), 4);
        } else {
            put(how == 1 ? 0x83 : 0x8d, 1);
            put(how == 1 ? 0xc0 | gpr : 0x40 | gpr << 3 | gprs[below(4)], 1);
            put(below(128), 1);
        }
        return;
    }
    if (o->prefix)
        put(o->prefix, 1);
    put(0x0f, 1);
    if (o->map)
        put(o->map == 1 ? 0x38 : 0x3a, 1);
    put(o->opcode, 1);
    bool mem = o->size && below(3) == 0;
    switch (o->form) {
    case F_STORE: put_mem(reg, 6, o->size); break;
    case F_TO_GPR:
        if (mem)
            put_mem(gpr, 3, o->size);
        else
            put(0xc0 | gpr << 3 | rm, 1);
        break;
    case F_FROM_GPR:
        if (mem)
            put_mem(reg, 3, o->size);
        else
            put(0xc0 | reg << 3 | gpr, 1);
        break;
    case F_SHIFT: {
        static const uint8_t digits[] = {2, 4, 6}, quad[] = {2, 6, 3, 7};
        unsigned digit = o->opcode == 0x73 ? quad[below(o->prefix ? 4 : 2)] : digits[below(3)];
        if (o->opcode == 0x73 && !o->prefix)
            digit = digit == 3 ? 2 : digit;
        if (o->opcode == 0x73 && o->prefix == 0 && digit == 7)
            digit = 6;
        put(0xc0 | digit << 3 | rm, 1);
        break;
    }
    case F_REG_ONLY: put(0xc0 | reg << 3 | (below(2) ? reg : rm), 1); break;
    default:
        if (mem)
            put_mem(reg, 3, o->size);
        else
            put(0xc0 | reg << 3 | rm, 1);
        break;
    }
    if (o->imm)
        put(rnd() & o->imm, 1);
}

static void put_sequence(const struct kind *k)
{
    unsigned n = 1 + below(k->length), regs = 2 + below(4);
    for (unsigned i = 0; i < n; i++) {
        const struct kind *from = k->ops ? k : &kinds[below(4)];
        put_op(&from->ops[below(from->n)], regs);
    }
    put(0xc3, 1);
}

/* ---- values ---- */

static uint64_t value64(void)
{
    static const uint64_t special[] = {
        0, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000,
        0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000123, 0x7ff0000000000001,
        0xfff4000000000000, 1, 0x800fffffffffffff, 0x0010000000000000, 0x0010000000000001,
        0x7fefffffffffffff, 0x41e0000000000000, 0xc1e0000000200000, 0x4330000000000001,
        0x3fe0000000000000, 0x380fffffffffffff, 0x36a0000000000000, 0x47efffffffffffff,
    };
    unsigned how = below(8);
    uint64_t v = (uint64_t)rnd() << 32 | rnd();
    if (how < 3)
        return special[below(sizeof special / sizeof *special)];
    if (how < 6) /* of moderate size */
        return (v & 0x800fffffffffffff) | (uint64_t)(1000 + below(50)) << 52;
    double d = (int)(rnd() & 0xffff) - 0x8000;
    memcpy(&v, &d, 8);
    return v;
}

static uint32_t value32(void)
{
    static const uint32_t special[] = {
        0, 0x80000000, 0x3f800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00123, 0x7f800001,
        0xffa00000, 1, 0x807fffff, 0x00800000, 0x7f7fffff, 0x4f000000, 0xcf000000, 0x00800001, 0x3f000000,
    };
    unsigned how = below(8);
    uint32_t v = rnd();
    if (how < 3)
        return special[below(sizeof special / sizeof *special)];
    if (how < 6)
        return (v & 0x807fffff) | (110 + below(40)) << 23;
    float f = (float)((int)(rnd() & 0xffff) - 0x8000);
    memcpy(&v, &f, 4);
    return v;
}

struct state {
    uint8_t xmm[8][16];
    uint8_t mm[8][8];
    uint32_t gpr[8]; /* eax ecx edx edi, flags, mxcsr in and out */
    uint8_t values[AREA] __attribute__((aligned(16)));
    uint8_t stores[AREA] __attribute__((aligned(16)));
} __attribute__((aligned(16)));

/* Mostly values that go through without exceptions, in half of the cases. */
static void fill(uint8_t *to, unsigned n, bool tame)
{
    for (unsigned i = 0; i < n; i += 8) {
        uint64_t v = value64();
        uint32_t s[2] = {value32(), value32()};
        if (tame) {
            double d = 1 + below(1000) / 16.0;
            float f = 1 + below(1000) / 16.0f;
            memcpy(&v, &d, 8);
            memcpy(s, &f, 4);
            memcpy(s + 1, &f, 4);
        }
        memcpy(to + i, below(2) ? (void *)&v : (void *)s, 8);
    }
}

static void make_input(struct state *s)
{
    static const uint32_t mxcsr[] = {0x1f80, 0x1f80, 0x1f80, 0x1fa0, 0x1fa0, 0x1fbf, 0x1fa0,
                                     0x3f80, 0x5fa0, 0x7fa0, 0x9fc0, 0x9fe0, 0x1fc0, 0x9fa0};
    bool tame = below(3) == 0;
    memset(s, 0, sizeof *s);
    fill(s->xmm[0], sizeof s->xmm, tame);
    fill(s->mm[0], sizeof s->mm, tame);
    fill(s->values, sizeof s->values, tame);
    for (unsigned i = 0; i < 4; i++)
        s->gpr[i] = below(2) ? rnd() : below(200);
    s->gpr[4] = 0x202 | (rnd() & 0x8d5);
    s->gpr[5] = mxcsr[below(sizeof mxcsr / sizeof *mxcsr)];
}

/* Loads the state, calls the sequence, keeps the state. */
extern void enter(struct state *s, const uint8_t *code);
__asm__(".text\n"
        "enter: push %ebx\n push %esi\n push %edi\n push %ebp\n"
        "mov 20(%esp), %ebp\n mov 24(%esp), %eax\n push %eax\n"
        "movaps (%ebp), %xmm0\n movaps 16(%ebp), %xmm1\n movaps 32(%ebp), %xmm2\n"
        "movaps 48(%ebp), %xmm3\n movaps 64(%ebp), %xmm4\n movaps 80(%ebp), %xmm5\n"
        "movaps 96(%ebp), %xmm6\n movaps 112(%ebp), %xmm7\n"
        "movq 128(%ebp), %mm0\n movq 136(%ebp), %mm1\n movq 144(%ebp), %mm2\n movq 152(%ebp), %mm3\n"
        "movq 160(%ebp), %mm4\n movq 168(%ebp), %mm5\n movq 176(%ebp), %mm6\n movq 184(%ebp), %mm7\n"
        "ldmxcsr 212(%ebp)\n lea 224(%ebp), %ebx\n lea 480(%ebp), %esi\n"
        "mov 200(%ebp), %edx\n mov 196(%ebp), %ecx\n mov 204(%ebp), %edi\n"
        "push 208(%ebp)\n mov 192(%ebp), %eax\n popf\n"
        "call *(%esp)\n"
        "mov %eax, 192(%ebp)\n mov %ecx, 196(%ebp)\n mov %edx, 200(%ebp)\n mov %edi, 204(%ebp)\n"
        "pushf\n pop 208(%ebp)\n stmxcsr 212(%ebp)\n movl $0x1f80, (%esp)\n ldmxcsr (%esp)\n"
        "movaps %xmm0, (%ebp)\n movaps %xmm1, 16(%ebp)\n movaps %xmm2, 32(%ebp)\n"
        "movaps %xmm3, 48(%ebp)\n movaps %xmm4, 64(%ebp)\n movaps %xmm5, 80(%ebp)\n"
        "movaps %xmm6, 96(%ebp)\n movaps %xmm7, 112(%ebp)\n"
        "movq %mm0, 128(%ebp)\n movq %mm1, 136(%ebp)\n movq %mm2, 144(%ebp)\n movq %mm3, 152(%ebp)\n"
        "movq %mm4, 160(%ebp)\n movq %mm5, 168(%ebp)\n movq %mm6, 176(%ebp)\n movq %mm7, 184(%ebp)\n"
        "emms\n add $4, %esp\n pop %ebp\n pop %edi\n pop %esi\n pop %ebx\n ret\n");

static uint32_t hash(uint32_t h, const void *from, size_t n)
{
    for (const uint8_t *b = from; n--; b++)
        h = (h ^ *b) * 16777619;
    return h;
}

static void show(const struct state *s)
{
    for (unsigned i = 0; i < 8; i++) {
        const uint32_t *d = (const void *)s->xmm[i];
        const uint32_t *m = (const void *)s->mm[i];
        printf("x%u %08x:%08x:%08x:%08x m %08x:%08x g %08x\n", i, d[3], d[2], d[1], d[0], m[1], m[0],
               s->gpr[i]);
    }
}

int main(int argc, char **argv)
{
    static struct state s;
    uint8_t *code = mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int only = argc > 2 ? atoi(argv[2]) : -1;
    for (unsigned k = 0; k < KINDS; k++) {
        static uint8_t *at[SEQUENCES + 1];
        uint32_t h = 2166136261u;
        if (argc > 1 && strcmp(argv[1], kinds[k].name))
            continue;
        seed = 12345 + k;
        p = code;
        for (unsigned i = 0; i < SEQUENCES; i++) {
            at[i] = p;
            put_sequence(&kinds[k]);
            p = code + ((p - code) + 15) / 16 * 16;
        }
        at[SEQUENCES] = p;
        for (unsigned i = 0; i < SEQUENCES; i++) {
            seed = 777 * i + k + 1;
            if (only == (int)i)
                for (uint8_t *b = at[i]; b < at[i + 1]; b++)
                    printf("%02x%s", *b, b + 1 == at[i + 1] ? "\n" : " ");
            for (unsigned n = 0; n < INPUTS; n++) {
                make_input(&s);
                if (only == (int)i)
                    printf("input %u\n", n), show(&s);
                enter(&s, at[i]);
                s.gpr[4] &= 0x8d5;
                h = hash(h, &s, sizeof s);
                if (only == (int)i)
                    show(&s);
            }
            if (only == -2 || i % 20 == 19)
                printf("%s %u: %08x\n", kinds[k].name, i, h);
        }
    }
    return 0;
}
