/* VEX instructions. Those that SSE has too are written by its functions, once for each half: as an SSE
 * instruction whose registers have numbers up to 15 (simd.h). */
#include "translate/aarch64/avx.h"

#include <stdlib.h>

#include "decode/decode.h"

/* ---- the operations of SSE ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(decode_op_name(*(const uint16_t *)a), decode_op_name(*(const uint16_t *)b));
}

/* VNAME -> NAME */
static void find_sse_names(uint16_t *sse)
{
    static uint16_t sorted[OP_COUNT];
    unsigned n = 0;
    for (unsigned op = 0; op < OP_COUNT; op++)
        if (decode_op_class((enum op)op) == CLASS_SSE || decode_op_class((enum op)op) == CLASS_MMX)
            sorted[n++] = (uint16_t)op;
    qsort(sorted, n, sizeof sorted[0], by_name);
    for (unsigned op = 0; op < OP_COUNT; op++) {
        const char *name = decode_op_name((enum op)op);
        sse[op] = (uint16_t)op;
        if (decode_op_class((enum op)op) != CLASS_AVX || name[0] != 'V')
            continue;
        for (unsigned low = 0, high = n; low < high;) {
            unsigned mid = (low + high) / 2;
            int order = strcmp(name + 1, decode_op_name((enum op)sorted[mid]));
            if (!order)
                sse[op] = sorted[mid];
            low = order > 0 ? mid + 1 : low;
            high = order > 0 ? high : mid;
            if (!order)
                break;
        }
    }
}

unsigned avx_as_sse(unsigned op)
{
    static uint16_t sse[OP_COUNT];
    if (decode_op_class((enum op)op) != CLASS_AVX)
        return op;
    if (!sse[OP_VADDPS])
        find_sse_names(sse);
    return sse[op];
}

static bool shifts(unsigned op)
{
    switch (op) {
    case OP_PSLLW: case OP_PSLLD: case OP_PSLLQ: case OP_PSRLW: case OP_PSRLD: case OP_PSRLQ: case OP_PSRAW:
    case OP_PSRAD: case OP_PSLLDQ: case OP_PSRLDQ: return true;
    default: return false;
    }
}

/* How far the upper half's part of the immediate is above the lower's. */
static unsigned imm_shift(unsigned op)
{
    switch (op) {
    case OP_SHUFPD: case OP_BLENDPD: return 2;
    case OP_BLENDPS: return 4;
    case OP_MPSADBW: return 3;
    default: return 0;
    }
}

static bool is_register(const struct opnd *o)
{
    return o->kind == OPND_XMM || o->kind == OPND_YMM;
}

static struct opnd as_xmm(const struct opnd *o)
{
    return is_register(o) ? (struct opnd){OPND_XMM, o->reg, 16, o->access} : *o;
}

/* The instruction of SSE for the lower half. */
static struct insn lower(const struct insn *in)
{
    struct insn s = *in;
    bool two = in->nopnd > 2 && (in->o[2].kind != OPND_IMM || shifts(avx_as_sse(in->op)));
    s.op = (uint16_t)avx_as_sse(in->op);
    s.flags |= INSN_UNALIGNED_OK;
    s.o[0] = as_xmm(&in->o[0]);
    s.o[1] = as_xmm(&in->o[two ? 2 : 1]);
    s.o[2] = two && in->nopnd > 3 ? as_xmm(&in->o[3]) : (struct opnd){.kind = OPND_NONE}; /* a mask */
    s.o[3] = two ? as_xmm(&in->o[1]) : (struct opnd){.kind = OPND_NONE};
    s.nopnd = 2;
    return s;
}

static struct insn upper(const struct insn *in, const struct insn *low)
{
    struct insn s = *low;
    bool count = shifts(s.op) && s.o[1].kind == OPND_XMM;
    for (unsigned i = 0; i < 4; i++)
        if (s.o[i].kind == OPND_XMM && !(i == 1 && count))
            s.o[i].reg += SIMD_UPPER;
    s.imm = (in->imm & 0xff) >> imm_shift(s.op);
    return s;
}

static void write_sse(struct emit *e, const struct insn *s)
{
    if (simd_move_supported(s))
        simd_move(e, s);
    else if (simd_int_supported(s))
        simd_int(e, s);
    else
        simd_fp(e, s);
}

/* An operand in memory is loaded first. */
static void in_register(struct emit *e, const struct insn *in, struct insn *low, struct insn *high)
{
    const struct opnd *o = &in->o[in->nopnd > 2 && in->o[2].kind == OPND_MEM ? 2 : 1];
    if (o->size == 32)
        simd_load_pair(e, in, o, V0, V1);
    else
        simd_load_operand(e, in, o, V0); /* a count of shifts */
    low->o[1] = high->o[1] = (struct opnd){OPND_XMM, SIMD_TEMP + V0, 16, ACCESS_R};
    if (o->size == 32)
        high->o[1].reg = SIMD_TEMP + V1;
}

static void lanes(struct emit *e, const struct insn *in)
{
    struct insn low = lower(in), high = upper(in, &low);
    if (!avx_is_ymm(&in->o[0])) {
        write_sse(e, &low);
        if (in->o[0].kind == OPND_XMM && in->o[0].access & ACCESS_W)
            avx_clear_upper(e, in);
        return;
    }
    if (low.o[1].kind == OPND_MEM)
        in_register(e, in, &low, &high);
    write_sse(e, &high); /* first: the lower half may be the count */
    write_sse(e, &low);
}

/* ---- operands ---- */

struct halves avx_read(struct emit *e, const struct insn *in, unsigned n)
{
    const struct opnd *o = &in->o[n];
    struct halves h = {V0, V1};
    if (is_register(o)) {
        h.lo = run_read(e, avx_half(o, 0));
        if (avx_is_ymm(o))
            h.hi = run_read(e, avx_half(o, 1));
    } else if (o->size == 32) {
        simd_load_pair(e, in, o, V0, V1);
    } else {
        simd_load_operand(e, in, o, V0);
    }
    return h;
}

static void put_half(struct emit *e, unsigned x, unsigned from)
{
    if (from == AVX_ZERO) {
        run_zero(e, x);
    } else if (from != x) {
        unsigned v = run_read(e, from);
        a64_v_mov(e, run_write(e, x, 16), v);
    }
}

void avx_put(struct emit *e, const struct insn *in, unsigned lo, unsigned hi)
{
    unsigned x = in->o[0].reg, y = x + SIMD_UPPER;
    if (lo == y && hi == x) {
        a64_v_mov(e, V5, run_read(e, hi));
        hi = SIMD_TEMP + V5;
    }
    if (lo == y) {
        put_half(e, x, lo);
        put_half(e, y, hi);
    } else {
        put_half(e, y, hi);
        put_half(e, x, lo);
    }
}

void avx_clear_upper(struct emit *e, const struct insn *in)
{
    run_zero(e, in->o[0].reg + SIMD_UPPER);
}

/* ---- all of them ---- */

static void zero_upper(struct emit *e, const struct insn *in)
{
    for (unsigned x = 0; x < SIMD_UPPER; x++) {
        run_zero(e, x + SIMD_UPPER);
        if (in->op == OP_VZEROALL)
            run_zero(e, x);
    }
}

static avx_fn choose(const struct insn *in)
{
    if (in->op == OP_VZEROUPPER || in->op == OP_VZEROALL)
        return zero_upper;
    if (in->op == OP_VPCMPESTRM || in->op == OP_VPCMPISTRM) /* they write xmm0 */
        return NULL;
    avx_fn f = avx_choose_move(in);
    if (!f)
        f = avx_choose_shuffle(in);
    if (!f)
        f = avx_choose_fp(in);
    if (f || avx_as_sse(in->op) == in->op)
        return f;
    struct insn s = lower(in);
    return simd_move_supported(&s) || simd_int_supported(&s) || simd_fp_supported(&s) ? lanes : NULL;
}

bool avx_supported(const struct insn *in) { return choose(in) != NULL; }
void avx_insn(struct emit *e, const struct insn *in) { choose(in)(e, in); }

bool avx_must_be_aligned(unsigned op)
{
    switch (op) {
    case OP_VMOVAPS: case OP_VMOVAPD: case OP_VMOVDQA: case OP_VMOVNTPS: case OP_VMOVNTPD: case OP_VMOVNTDQ:
    case OP_VMOVNTDQA: return true;
    default: return false;
    }
}

bool avx_stands_alone(const struct insn *in)
{
    switch (in->op) {
    case OP_VPTEST: case OP_VTESTPS: case OP_VTESTPD: case OP_VGATHERDPS: case OP_VGATHERDPD:
    case OP_VGATHERQPS: case OP_VGATHERQPD: case OP_VPGATHERDD: case OP_VPGATHERDQ: case OP_VPGATHERQD:
    case OP_VPGATHERQQ: case OP_VPCMPESTRI: case OP_VPCMPISTRI: return true;
    default: return false;
    }
}

bool avx_in_region(const struct translation *tr)
{
    bool any = false;
    for (unsigned i = 0; i < tr->n; i++) {
        const struct insn *in = tr->insn[i].in;
        any |= decode_op_class(in->op) == CLASS_AVX;
        for (unsigned k = 0; k < in->nopnd; k++)
            if (in->o[k].kind == OPND_MM)
                return false;
    }
    return any && !a64_x87_double();
}
