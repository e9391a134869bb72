/* Records what the processor's x87 unit makes of the operations of core/fp: an i386 program that
 * prints the rows of tests/unit/fp_cases.h. Build with an i386 compiler, run on x86 hardware:
 *   i686-linux-gnu-gcc -O1 -static -o /tmp/fp tests/unit/record/fp.c && /tmp/fp >tests/unit/fp_cases.h */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct real { uint64_t sig; uint16_t se; } __attribute__((packed));

/* x is ST(0), y is ST(1); `after` leaves the result in ST(0). */
#define OP(name, insn, after)                                                                      \
    static uint16_t do_##name(uint16_t cw, struct real x, struct real y, struct real *r)           \
    {                                                                                              \
        uint16_t sw;                                                                               \
        __asm__ volatile("fninit\n\tfldt %3\n\tfldt %2\n\tfldcw %4\n\t" insn "\n\tfnstsw %1\n\t"   \
                         "fnclex\n\t" after "\n\tfstpt %0\n\tfninit"      \
                         : "=m"(*r), "=m"(sw) : "m"(x), "m"(y), "m"(cw));                          \
        return sw;                                                                                 \
    }
OP(add, "fadd %%st(1),%%st", "")
OP(sub, "fsub %%st(1),%%st", "")
OP(mul, "fmul %%st(1),%%st", "")
OP(div, "fdiv %%st(1),%%st", "")
OP(sqrt, "fsqrt", "")
OP(rint, "frndint", "")
OP(scale, "fscale", "")
OP(rem, "fprem", "")
OP(rem1, "fprem1", "")
OP(sin, "fsin", "")
OP(cos, "fcos", "")
OP(tan, "fptan", "fstp %%st(0)")
OP(patan, "fpatan", "")
OP(f2xm1, "f2xm1", "")
OP(yl2x, "fyl2x", "")
OP(yl2xp1, "fyl2xp1", "")

#define ONE UINT64_C(0x8000000000000000)
static const struct real arith[] = {
    {0, 0}, {0, 0x8000}, {ONE, 0x3fff}, {ONE, 0xbfff}, {ONE + 1, 0x3fff}, {~UINT64_C(0), 0x3ffe},
    {UINT64_C(0xc90fdaa22168c235), 0x4000}, {UINT64_C(0xaaaaaaaaaaaaaaab), 0xbffd}, {ONE, 0x403e},
    {~UINT64_C(0), 0x7ffe}, {ONE, 1}, {1, 0}, {ONE - 1, 0x8000}, {ONE, 0}, {ONE, 0x7fff},
    {ONE, 0xffff}, {ONE | 5, 0x7fff}, {UINT64_C(0xc000000000000009), 0xffff}, {1, 0x3fff},
    {UINT64_C(0xd3c21bcecceda100), 0x404e}};
static const struct real trans[] = {
    {0, 0}, {0, 0x8000}, {ONE, 0x3fff}, {ONE, 0xbfff}, {ONE, 0x3ffe}, {ONE, 0xbffd},
    {UINT64_C(0xc90fdaa22168c235), 0x4000}, {UINT64_C(0xc90fdaa22168c235), 0x3fff},
    {UINT64_C(0xc90fdaa22168c234), 0xc03d}, {UINT64_C(0xaaaaaaaaaaaaaaab), 0x3ffc}, {ONE, 0x400b},
    {UINT64_C(0xd3c21bcecceda100), 0x4038}, {ONE, 0x3fc0}, {ONE, 1}, {1, 0}, {ONE - 1, 0x8000},
    {ONE, 0x7fff}, {ONE, 0xffff}, {ONE | 5, 0x7fff}, {1, 0x3fff}};
/* masked, nearest; masked, up, 53 bits; truncating, underflow unmasked */
static const uint16_t cws[] = {0x37f, 0xa7f, 0xf6f};

#define N(a) (sizeof(a) / sizeof *(a))
typedef uint16_t (*op_fn)(uint16_t cw, struct real x, struct real y, struct real *r);

static void rows(const char *name, op_fn fn, const struct real *v, unsigned n, int two)
{
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = 0; j < (two ? n : 1); j++) {
            if (two && (i * 5 + j * 3) % (v == arith ? 4 : 2))
                continue; /* enough of them */
            uint16_t cw = cws[(i * 7 + j * 3) % N(cws)];
            struct real x = v[i], y = two ? v[j] : v[2], r;
            uint16_t sw = fn(cw, x, y, &r);
            printf("X(%s, 0x%x, 0x%x, 0x%llx, 0x%x, 0x%llx, 0x%x, 0x%llx, 0x%x)\n",
                   name, cw, x.se, (unsigned long long)x.sig, y.se, (unsigned long long)y.sig, r.se,
                   (unsigned long long)r.sig, sw & 0x473f);
        }
}

int main(void)
{
    puts("/* op, control word, ST(0), ST(1), result, status word: as hardware gives them. Written\n"
         " * by tests/unit/record/fp.c. */");
#define ROWS(name, set, two) rows(#name, do_##name, set, N(set), two)
    ROWS(add, arith, 1), ROWS(sub, arith, 1), ROWS(mul, arith, 1), ROWS(div, arith, 1);
    ROWS(sqrt, arith, 0), ROWS(rint, arith, 0), ROWS(scale, arith, 1);
    ROWS(rem, arith, 1), ROWS(rem1, arith, 1);
    ROWS(sin, trans, 0), ROWS(cos, trans, 0), ROWS(tan, trans, 0), ROWS(f2xm1, trans, 0);
    ROWS(patan, trans, 1), ROWS(yl2x, trans, 1), ROWS(yl2xp1, trans, 1);
    return 0;
}
