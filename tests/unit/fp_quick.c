/* core/fp_quick.c against the C library's 113-bit functions: results that it is sure of are within 2^-88 of theirs,
 * and it is sure of nearly all. */
#include <string.h>

#include "core/fp_quick.h"
#include "tests/unit/random.h"
#include "tests/unit/test.h"

_Float128 sinf128(_Float128), cosf128(_Float128), atan2f128(_Float128, _Float128), log2f128(_Float128);
_Float128 log1pf128(_Float128), expm1f128(_Float128), ldexpf128(_Float128, int), fabsf128(_Float128);

#define LN2 0.693147180559945309417232121458176568075500134360255254120680F128

static unsigned long tried, unsure, failures;

static _Float128 value(struct fp_mant m) { return ldexpf128((_Float128)m.sig, m.exp - 63); }

static struct fp_mant number(int least, int most)
{
    struct fp_mant m = {rng64() | UINT64_C(1) << 63, least + (int)below((unsigned)(most - least + 1))};
    switch (below(6)) {
    case 0: m.sig &= UINT64_MAX << below(64); m.sig |= UINT64_C(1) << 63; break;
    case 1: m.sig |= UINT64_MAX >> 1 << below(64); break;
    default: break;
    }
    return m;
}

static void compare(const char *what, bool sure, struct fp_near r, _Float128 want, struct fp_mant x, struct fp_mant y)
{
    tried++;
    if (!sure) {
        unsure++;
        return;
    }
    _Float128 got = ldexpf128((_Float128)r.sig, r.exp - 127);
    got = r.sign ? -got : got;
    if (fabsf128(got - want) <= fabsf128(want) * 0x1p-88F128 && r.sig >> 127)
        return;
    if (failures++ < 10)
        printf("%s %016llx %d, %016llx %d: got %.25g want %.25g\n", what, (unsigned long long)x.sig, x.exp,
               (unsigned long long)y.sig, y.exp, (double)got, (double)want);
}

int main(void)
{
    for (unsigned i = 0; i < 60000; i++) {
        struct fp_near r = {0, 0, false};
        struct fp_mant x = number(-12, -1), y = number(-20, 20);
        bool minus = below(2), sure;
        sure = fp_quick_exp(x, minus, &r);
        compare("exp", sure, r, expm1f128((minus ? -value(x) : value(x)) * LN2), x, x);
        x = number(-40, -2);
        sure = fp_quick_log1(x, minus, y, &r);
        compare("log1", sure, r, value(y) * log1pf128(minus ? -value(x) : value(x)) / LN2, x, y);
        x = below(2) ? number(-2, 1) : number(-5000, 5000);
        if (x.sig << 1) {
            sure = fp_quick_log(x, y, &r);
            _Float128 v = value(x), log = x.exp == 0 || x.exp == -1 ? log1pf128(v - 1) / LN2 : log2f128(v);
            compare("log", sure, r, value(y) * log, x, y);
        }
        x = number(-9, 9);
        minus = below(2);
        sure = fp_quick_atan(x, y, minus, &r);
        compare("atan", sure, r, atan2f128(value(y), minus ? -value(x) : value(x)), x, y);
        x = number(-30, -2);
        sure = fp_quick_sin_small(x, &r);
        compare("small", sure, r, sinf128(value(x)), x, x);
        u128 angle = ((u128)rng64() << 64 | rng64()) >> 16 << 15; /* 113 bits for the library */
        if (angle >> 126 >= 3)
            angle >>= 1;
        _Float128 v = ldexpf128((_Float128)angle, -128);
        if (v > 0.78F128)
            continue;
        sure = fp_quick_sin(angle, &r);
        compare("sin", sure, r, sinf128(v), x, x);
        sure = fp_quick_cos(angle, &r);
        compare("cos", sure, r, cosf128(v), x, x);
    }
    CHECK(failures == 0);
    CHECK(unsure < tried / 50);
    printf("unsure %lu of %lu\n", unsure, tried);
    FINISH();
}
