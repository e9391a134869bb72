/* FMA3: one rounding. The digits name the operands, in the order of the instruction, that are
 * multiplied (first two) and added. */
#include "interp/avx.h"

enum { NEG_PRODUCT = 1, NEG_ADDEND = 2, ALTERNATE = 4 /* the addend's sign alternates */,
       SCALAR = 8, DOUBLE = 16 };

static const struct row {
    uint16_t order; /* 132 213 231; 0: not an FMA */
    uint8_t flags;
} rows[OP_COUNT] = {
#define ONE(name, n, type, f) [OP_V##name##n##type] = {n, f},
#define ORDERS(name, type, f)                                                                      \
    ONE(name, 132, type, f) ONE(name, 213, type, f) ONE(name, 231, type, f)
#define PACKED(name, f) ORDERS(name, PS, f) ORDERS(name, PD, (f) | DOUBLE)
#define ALL(name, f)                                                                               \
    PACKED(name, f) ORDERS(name, SS, (f) | SCALAR) ORDERS(name, SD, (f) | SCALAR | DOUBLE)
    ALL(FMADD, 0)
    ALL(FMSUB, NEG_ADDEND)
    ALL(FNMADD, NEG_PRODUCT)
    ALL(FNMSUB, NEG_PRODUCT | NEG_ADDEND)
    PACKED(FMADDSUB, ALTERNATE | NEG_ADDEND)
    PACKED(FMSUBADD, ALTERNATE)
#undef ONE
#undef ORDERS
#undef PACKED
#undef ALL
};

BODY(fused)
{
    cpu->cur = in;
    const struct row *r = &rows[in->op];
    struct fp_env e = simd_env(cpu);
    union ymm o[3] = {avx_read(cpu, in, 0), avx_read(cpu, in, 1), avx_read(cpu, in, 2)};
    const union ymm *x = &o[r->order / 100 - 1], *y = &o[r->order / 10 % 10 - 1],
                    *z = &o[r->order % 10 - 1];
    union ymm d = o[0];
    unsigned n = r->flags & SCALAR ? 1 : avx_bytes(&in->o[0]) / (r->flags & DOUBLE ? 8 : 4);
    for (unsigned i = 0; i < n; i++) {
        bool product = r->flags & NEG_PRODUCT, addend = r->flags & NEG_ADDEND;
        if (r->flags & ALTERNATE)
            addend ^= i & 1;
        if (r->flags & DOUBLE)
            d.q[i] = fp_fma64(x->q[i], y->q[i], z->q[i], product, addend, &e);
        else
            d.d[i] = fp_fma32(x->d[i], y->d[i], z->d[i], product, addend, &e);
    }
    simd_commit(cpu, in, &e);
    avx_write(cpu, in, &d);
    DONE;
}

insn_fn avx_bind_fma(const struct insn *in)
{
    return rows[in->op].order ? fused : NULL;
}
