/* The AArch64 translator's x87 arithmetic against core/fp: results, PE and C1 of random and edge-case
 * operands; what is left to the interpreter must be something unusual, and leave the operand alone. */
#include <stdlib.h>
#include <string.h>

#include "core/fp.h"
#include "tests/unit/random.h"
#include "tests/unit/test.h"
#include "translate/aarch64/x87.h"

struct regs {
    uint64_t x0, x1, x2, x3, x4, x5, x10, x11, x12, x13, nzcv, x9;
    struct cpu *cpu;
};

static void call(const void *leaf, struct regs *r)
{
    register struct regs *p __asm__("x19") = r;
    register const void *f __asm__("x20") = leaf;
    __asm__ volatile("ldp x0, x1, [x19]\n"
                     "ldp x2, x3, [x19, #16]\n"
                     "ldp x10, x11, [x19, #48]\n"
                     "ldp x12, x13, [x19, #64]\n"
                     "ldr x9, [x19, #80]\n"
                     "msr nzcv, x9\n"
                     "ldp x9, x21, [x19, #88]\n"
                     "mov x22, x27\n"
                     "mov x27, x21\n"
                     "blr x20\n"
                     "mov x27, x22\n"
                     "str x9, [x19, #88]\n"
                     "mrs x9, nzcv\n"
                     "stp x0, x1, [x19]\n"
                     "stp x4, x5, [x19, #32]\n"
                     "stp x10, x11, [x19, #48]\n"
                     "stp x12, x13, [x19, #64]\n"
                     "str x9, [x19, #80]\n"
                     : : "r"(p), "r"(f)
                     : "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x16", "x17", "x21", "x22", "x30", "v0", "cc", "memory");
}

#define TOP_BIT (UINT64_C(1) << 63)
enum { SE_BIAS = 16383 - A64_X87_BIAS };

/* A slot's word lies where the register's sign and exponent do. */
static uint64_t word(const struct f80 *r)
{
    uint64_t w;
    memcpy(&w, &r->se, 8);
    return w;
}

static struct f80 slot(struct f80 v)
{
    uint64_t e = v.se & 0x7fff, top = v.sig >> 63, w = (uint64_t)(v.se >> 15) << 63;
    if (top && e - SE_BIAS < 0x1000)
        w |= e - SE_BIAS;
    else if (e || v.sig)
        w |= A64_X87_SPECIAL | e << 32 | top << 47;
    if (w >> A64_X87_SPECIAL_BIT & 1)
        v.sig &= ~TOP_BIT;
    memcpy(&v.se, &w, 8);
    return v;
}

static struct f80 from_slot(uint64_t sig, uint64_t w)
{
    uint64_t e = w & 0xfff;
    if (w >> A64_X87_SPECIAL_BIT & 1) {
        e = w >> 32 & 0x7fff;
        sig |= (w >> 47 & 1) << 63;
    } else if (sig) {
        e += SE_BIAS;
    }
    return (struct f80){sig, (uint16_t)((w >> 63) << 15 | e)};
}

static bool same(struct f80 a, struct f80 b) { return a.sig == b.sig && a.se == b.se; }
static bool special(struct f80 v) { return word(&v) >> A64_X87_SPECIAL_BIT & 1; }

/* ---- operands ---- */

static uint64_t random_sig(void)
{
    const uint64_t top = UINT64_C(1) << 63;
    switch (below(8)) {
    case 0: return top;
    case 1: return UINT64_MAX - below(4);
    case 2: return top | below(4);
    case 3: return top | rng64() << below(64);
    case 4: return top | (rng64() & ~UINT64_C(0x7ff));
    case 5: return UINT64_MAX << below(64);
    default: return top | rng64();
    }
}

static struct f80 operand(const struct f80 *near)
{
    struct f80 v;
    memset(&v, 0, sizeof v);
    v.sig = random_sig();
    unsigned e = 16383 - 30 + below(60);
    switch (below(24)) {
    case 0: v.sig = 0, e = 0; break;
    case 1: e = below(2) ? 0x7fff : 0; break;
    case 2: e = below(0x8000), v.sig = rng64(); break;
    case 3: e = below(0x8000); break;
    case 4: e = 16383 - 1022 + below(4) - 2; break;
    case 5: e = 16383 + 3073 + below(4) - 2; break;
    case 6: e = 16383 - 1022 + below(4096); break;
    case 7: v.sig = 0, e = below(2) ? 0x7fff : below(0x8000); break;
    default:
        if (near && below(2))
            e = (near->se & 0x7fff) + below(140) - 70;
        if (near && !below(16))
            v.sig = near->sig;
        if (near && !below(4))
            e = near->se & 0x7fff;
    }
    v.se = (uint16_t)((e & 0x7fff) | (rng() & 0x8000));
    return v;
}

static unsigned long failures, slow_cases;

static void fail(const char *what, struct f80 a, struct f80 b, struct f80 want, struct f80 got, uint64_t c1)
{
    if (failures++ < 20)
        printf("%s %04x:%016llx %04x:%016llx: want %04x:%016llx got %04x:%016llx lost %llx\n", what, a.se,
               (unsigned long long)a.sig, b.se, (unsigned long long)b.sig, want.se,
               (unsigned long long)want.sig, got.se, (unsigned long long)got.sig, (unsigned long long)c1);
}

static struct regs start(struct f80 a, struct f80 b)
{
    struct f80 s = slot(a), t = slot(b);
    return (struct regs){.x2 = t.sig, .x3 = word(&t), .x10 = s.sig, .x11 = word(&s),
                         .x12 = rng64(), .nzcv = rng() & 0xf0000000u};
}

/* ---- operations on the stack ---- */

typedef struct f80 (*binary)(struct f80 a, struct f80 b, struct fp_env *e);
static struct f80 subr(struct f80 a, struct f80 b, struct fp_env *e) { return fp_sub80(b, a, e); }
static struct f80 divr(struct f80 a, struct f80 b, struct fp_env *e) { return fp_div80(b, a, e); }
static struct f80 root(struct f80 a, struct f80 b, struct fp_env *e)
{
    (void)b;
    return fp_sqrt80(a, e);
}

static const struct {
    const char *name, *leaf;
    binary fn;
} ops[] = {
    {"add", a64_x87_add, fp_add80}, {"sub", a64_x87_sub, fp_sub80}, {"subr", a64_x87_subr, subr},
    {"mul", a64_x87_mul, fp_mul80}, {"div", a64_x87_div, fp_div80}, {"divr", a64_x87_divr, divr},
    {"sqrt", a64_x87_sqrt, root},
};

static void one_op(unsigned op, struct f80 a, struct f80 b, uint8_t prec)
{
    struct regs r = start(a, b), before = r;
    struct fp_env e = {.mask = FP_ALL, .prec = prec};
    r.x9 = prec == 53 ? UINT64_C(1) << A64_X87_PC53_BIT : 0;
    struct f80 want = ops[op].fn(a, b, &e), s = slot(a), t = slot(b);
    call(ops[op].leaf, &r);
    bool ok = r.nzcv == before.nzcv;
    if (r.x11 >> A64_X87_SLOW_BIT & 1) {
        uint64_t flip = ops[op].leaf == a64_x87_subr ? UINT64_C(1) << 63 : 0;
        ok &= special(s) || special(t) || (e.flags & (FP_IE | FP_ZE));
        ok &= r.x0 == before.x10 && r.x1 == (before.x11 ^ flip) && r.x13 == 0;
        slow_cases++;
        if (!ok)
            fail(ops[op].name, a, b, want, s, r.x11);
        return;
    }
    struct f80 got = from_slot(r.x10, r.x11);
    ok &= same(got, want) && same(slot(want), (struct f80){.sig = r.x10, .se = (uint16_t)r.x11});
    ok &= e.flags == (r.x13 ? FP_PE : 0) && r.x12 >> 63 == e.c1;
    if (!ok)
        fail(ops[op].name, a, b, want, got, r.x12);
}

static void one_cmp(struct f80 a, struct f80 b)
{
    struct regs r = start(a, b), before = r;
    struct fp_env e = {.mask = FP_ALL, .prec = 64};
    enum fp_cmp want = fp_cmp80(a, b, true, &e);
    call(a64_x87_cmp, &r);
    bool ok = r.nzcv == before.nzcv;
    if (r.x11 >> A64_X87_SLOW_BIT & 1)
        ok &= (special(slot(a)) || special(slot(b))) && r.x0 == before.x10 && r.x1 == before.x11;
    else
        ok &= (int)r.x5 - 1 == (int)want && r.x10 == before.x10 && r.x11 == before.x11;
    if (!ok)
        fail("cmp", a, b, a, b, r.x5);
}

/* ---- integers, single precision ---- */

static void one_to_int(struct f80 a, unsigned bits, unsigned round)
{
    struct regs r = start(a, a), before = r;
    r.x2 = bits, r.x3 = round;
    struct fp_env e = {.mask = FP_ALL, .prec = 64};
    int64_t want = bits == 16 ? fp_cvt80_to_i16(a, (int)round, &e)
                   : bits == 32 ? fp_cvt80_to_i32(a, (int)round, &e)
                                : fp_cvt80_to_i64(a, (int)round, &e);
    call(a64_x87_to_int, &r);
    bool ok = r.nzcv == before.nzcv;
    if (r.x11 >> A64_X87_SLOW_BIT & 1)
        ok &= (special(slot(a)) || (e.flags & FP_IE) || want == INT64_MIN) && r.x0 == before.x10 &&
              r.x1 == before.x11;
    else
        ok &= (int64_t)r.x5 == want && e.flags == (r.x4 ? FP_PE : 0) && r.x4 >> 63 == e.c1 &&
              r.x10 == before.x10 && r.x11 == before.x11;
    if (!ok)
        fail("to_int", a, (struct f80){bits, (uint16_t)round}, (struct f80){(uint64_t)want, 0},
             (struct f80){r.x5, 0}, r.x4);
}

static void one_rint(struct f80 a, unsigned round)
{
    struct regs r = start(a, a);
    r.x3 = round;
    struct fp_env e = {.mask = FP_ALL, .prec = 64, .round = (uint8_t)round};
    struct f80 want = fp_rint80(a, &e);
    call(a64_x87_rint, &r);
    if (r.x11 >> A64_X87_SLOW_BIT & 1) {
        if (!special(slot(a)))
            fail("rint", a, a, want, a, r.x12);
        return;
    }
    struct f80 got = from_slot(r.x10, r.x11);
    if (!same(got, want) || e.flags != (r.x13 ? FP_PE : 0) || r.x12 >> 63 != e.c1)
        fail("rint", a, (struct f80){round, 0}, want, got, r.x12);
}

static void one_from_int(int64_t v)
{
    struct regs r = {.x0 = (uint64_t)v};
    struct f80 want = fp_cvt_i64_to_80(v);
    call(a64_x87_from_int, &r);
    struct f80 got = from_slot(r.x10, r.x11);
    if (!same(got, want))
        fail("from_int", want, want, want, got, 0);
}

static void one_float(uint32_t v)
{
    struct regs r = {.x0 = v};
    struct fp_env e = {.mask = FP_ALL, .prec = 64};
    struct f80 want = fp_cvt32_to_80(v, &e);
    call(a64_x87_from_float, &r);
    unsigned ex = v >> 23 & 255;
    bool usual = !(v << 1) || ex - 1 < 254;
    struct f80 got = from_slot(r.x10, r.x11);
    if (usual ? !same(got, want) : !(r.x11 >> A64_X87_SLOW_BIT & 1))
        fail("from_float", (struct f80){v, 0}, want, want, got, 0);
}

static void one_to_float(struct f80 a)
{
    struct regs r = start(a, a), before = r;
    struct fp_env e = {.mask = FP_ALL, .prec = 64};
    uint32_t want = fp_cvt80_to_32(a, &e);
    call(a64_x87_to_float, &r);
    bool ok;
    if (r.x11 >> A64_X87_SLOW_BIT & 1) {
        unsigned ex = want >> 23 & 255;
        ok = (special(slot(a)) || ex < 2 || ex > 253) && r.x0 == before.x10 && r.x1 == before.x11;
    } else {
        ok = r.x5 == want && e.flags == (r.x4 ? FP_PE : 0) && r.x4 >> 63 == e.c1;
    }
    if (!ok)
        fail("to_float", a, a, (struct f80){want, 0}, (struct f80){r.x5, 0}, r.x4);
}

/* ---- the whole state ---- */

static struct f80 buffer[32 + 8] __attribute__((aligned(512)));

static void one_state(void)
{
    static struct cpu cpu, after;
    static const uint16_t cws[] = {0x37f, 0x37f, 0x37f, 0x33f, 0x137f, 0x27f, 0x77f, 0x37e, 0x35f};
    struct f80 *slots = buffer + A64_X87_ALIGN / 16;
    memcpy(cpu.host.x87_image, &slots, sizeof slots);
    for (unsigned i = 0; i < 8; i++)
        cpu.fpu.st[i] = operand(i ? &cpu.fpu.st[i - 1] : NULL);
    unsigned at = below(9);
    cpu.fpu.top = at & 7;
    cpu.fpu.empty = (uint8_t)((1u << at) - 1) ^ (uint8_t)(below(4) ? 0 : 1u << below(8));
    cpu.fpu.cw = cws[below(9)];
    cpu.fpu.sw = rng() & 0x477f;
    bool all = !cpu.fpu.top && (cpu.fpu.empty == 0 || cpu.fpu.empty == 0xff);
    bool usual = (cpu.fpu.cw & 0xe3f) == 0x23f &&
                 (all || cpu.fpu.empty == (uint8_t)((1u << cpu.fpu.top) - 1));
    struct regs r = {.cpu = &cpu, .nzcv = rng() & 0xf0000000u};
    call(a64_x87_load, &r);
    bool ok = usual == (r.x9 != A64_X87_OFF);
    if (usual && ok) {
        for (unsigned i = 0; i < 8; i++) {
            struct f80 want = slot(cpu.fpu.st[i]);
            ok &= slots[i].sig == want.sig && word(&slots[i]) == word(&want);
        }
        ok &= r.x9 == ((uintptr_t)(slots + (all && cpu.fpu.empty ? 8 : cpu.fpu.top)) |
                       (cpu.fpu.cw & 0x100 ? 0 : UINT64_C(1) << A64_X87_PC53_BIT));
        after = cpu;
        memset(&after.fpu.st, 0, sizeof after.fpu.st);
        after.fpu.top = after.fpu.empty = 255;
        after.fpu.sw ^= 0x200;
        after.fpu.sw &= (uint16_t)~FP_PE;
        r.cpu = &after;
        call(a64_x87_leave, &r);
        ok &= r.x9 == A64_X87_OFF;
        for (unsigned i = 0; i < 8; i++)
            ok &= same(after.fpu.st[i], cpu.fpu.st[i]);
        ok &= after.fpu.top == cpu.fpu.top && after.fpu.empty == cpu.fpu.empty && after.fpu.sw == cpu.fpu.sw;
    }
    if (!ok)
        fail("state", cpu.fpu.st[0], after.fpu.st[0], (struct f80){cpu.fpu.cw, cpu.fpu.empty},
             (struct f80){after.fpu.sw, cpu.fpu.sw}, r.x9);
}

int main(int argc, char **argv)
{
    unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 0) : 300000;
    for (unsigned long i = 0; i < n; i++) {
        struct f80 a = operand(NULL), b = operand(&a);
        for (unsigned op = 0; op < sizeof ops / sizeof ops[0]; op++)
            one_op(op, a, b, below(2) ? 64 : 53);
        one_cmp(a, b);
        one_state();
        a.se = (uint16_t)((a.se & 0x8000) | (below(4) ? 16383 - 3 + below(70) : a.se & 0x7fff));
        one_to_int(a, 16u << below(3), below(4));
        one_rint(a, below(4));
        one_from_int((int64_t)(rng64() >> below(64)) * (below(2) ? -1 : 1));
        one_float(below(8) ? rng() : (rng() & 0x80000000u) | (rng() & 0x7fffff) * below(2));
        a.se = (uint16_t)((a.se & 0x8000) | (16383 - 160 + below(320)));
        one_to_float(a);
    }
    one_from_int(INT64_MIN);
    one_from_int(0);
    CHECK(failures == 0);
    CHECK(slow_cases > 0);
    FINISH();
}
