/* Floating point: arithmetic, comparisons, conversions. The host computes with FZ set, so that a denormal
 * operand or result shows in FPSR, as all does that makes a difference to x86 (see simd.h). Operands
 * come in the guest's order: of two quiet NaNs both take the first. */
#include "translate/aarch64/simd.h"
#include "translate/aarch64/stubs.h"

typedef void (*fp_fn)(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes);

static enum a64_ft ft_of(unsigned bytes) { return bytes == 8 ? A64_D : A64_S; }
static enum a64_arr scalar_of(unsigned bytes) { return bytes == 8 ? A64_D1 : A64_S1; }
static enum a64_arr packed_of(unsigned bytes) { return bytes == 8 ? A64_2D : A64_4S; }

/* ---- operands: `bytes` is the element's size ---- */

struct pair { unsigned a, b; };

static struct pair low_pair(struct emit *e, const struct insn *in, unsigned bytes)
{
    struct pair p;
    p.b = simd_source_low(e, in, V1, bytes);
    p.a = run_read_low(e, simd_first(in), bytes);
    if (in->o[1].kind == OPND_XMM)
        p.b = run_read_low(e, in->o[1].reg, bytes);
    return p;
}

static struct pair whole_pair(struct emit *e, const struct insn *in)
{
    struct pair p;
    p.b = simd_source(e, in, V1);
    p.a = run_read(e, simd_first(in));
    return p;
}

void simd_put_low(struct emit *e, const struct insn *in, unsigned v, unsigned bytes)
{
    if (simd_first(in) == in->o[0].reg && run_insert(e, in->o[0].reg, bytes, v))
        return;
    unsigned to = simd_write_low(e, in, bytes);
    if (to != v)
        a64_fmov(e, ft_of(bytes), to, v);
    simd_merge(e, in, bytes, to);
}

/* Where the host's instruction puts the low element; then put_result. With FEAT_AFP it keeps what else is in that
 * register or, if it has two operands, in the first. */
static unsigned low_result(struct emit *e, const struct insn *in, unsigned bytes, bool two)
{
    unsigned x = in->o[0].reg;
    if (!e->afp)
        return simd_write_low(e, in, bytes);
    if (e->exact && simd_first(in) == x)
        return run_modify(e, x, bytes);
    return e->exact && two ? run_write(e, x, 16) : (unsigned)V7;
}

static void put_result(struct emit *e, const struct insn *in, unsigned bytes, unsigned v)
{
    if (!e->afp)
        simd_merge(e, in, bytes, v);
    else if (v == V7)
        simd_put_low(e, in, v, bytes);
}

/* ---- arithmetic ---- */

static void scalar(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    run_computes(0);
    struct pair p = low_pair(e, in, bytes);
    unsigned to = low_result(e, in, bytes, true);
    a64_fp2(e, (enum a64_fp2)op, ft_of(bytes), to, p.a, p.b);
    put_result(e, in, bytes, to);
}

static void packed(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    run_computes(0);
    struct pair p = whole_pair(e, in);
    a64_v3f(e, (enum a64_v3f)op, packed_of(bytes), run_write(e, in->o[0].reg, 16), p.a, p.b);
}

static void scalar_root(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    run_computes(0);
    unsigned b = simd_source_low(e, in, V1, bytes);
    unsigned to = low_result(e, in, bytes, false);
    a64_fsqrt(e, ft_of(bytes), to, b);
    put_result(e, in, bytes, to);
}

static void packed_root(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    run_computes(0);
    unsigned b = simd_source(e, in, V1);
    a64_v2f(e, A64_V_FSQRT, packed_of(bytes), run_write(e, in->o[0].reg, 16), b);
}

/* v`d` = the second operand if they are unordered or equal: min is b > a ? a : b. */
static void select_by_order(struct emit *e, enum a64_arr arr, bool max, unsigned d, struct pair p)
{
    unsigned mask = d == p.a || d == p.b ? (unsigned)V3 : d;
    a64_v3f(e, A64_V_FCMGT, arr, mask, max ? p.a : p.b, max ? p.b : p.a);
    simd_select(e, d, mask, p.a, p.b);
}

static void scalar_min_max(struct emit *e, const struct insn *in, uint32_t max, unsigned bytes)
{
    if (e->afp) {
        scalar(e, in, max ? A64_FMAX : A64_FMIN, bytes);
        return;
    }
    run_computes(BY_FPSR_IDC);
    select_by_order(e, scalar_of(bytes), max, V3, low_pair(e, in, bytes));
    simd_put_low(e, in, V3, bytes);
}

static void packed_min_max(struct emit *e, const struct insn *in, uint32_t max, unsigned bytes)
{
    if (e->afp) {
        packed(e, in, max ? A64_V_FMAX : A64_V_FMIN, bytes);
        return;
    }
    run_computes(BY_FPSR_IDC);
    struct pair p = whole_pair(e, in);
    select_by_order(e, packed_of(bytes), max, run_write(e, in->o[0].reg, 16), p);
}

static void horizontal_sub(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    enum a64_arr arr = packed_of(bytes);
    run_computes(0);
    struct pair p = whole_pair(e, in);
    a64_v3(e, A64_V_UZP1, arr, V3, p.a, p.b);
    a64_v3(e, A64_V_UZP2, arr, V4, p.a, p.b);
    a64_v3f(e, A64_V_FSUB, arr, run_write(e, in->o[0].reg, 16), V3, V4);
}

void simd_negate(struct emit *e, enum a64_arr arr, unsigned d, unsigned n)
{
    if (a64_has.ah_fneg) {
        a64_v2f(e, A64_V_FNEG, arr, d, n);
        return;
    }
    a64_mrs(e, A64_TMP1, A64_FPSR);
    a64_v3f(e, A64_V_FCMEQ, arr, V7, n, n);
    a64_msr(e, A64_FPSR, A64_TMP1);
    a64_vshl(e, A64_VI_SHL, arr, V7, V7, arr == A64_2D ? 63 : 31);
    a64_v3(e, A64_V_EOR, A64_16B, d, n, V7);
}

static void add_sub(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    enum a64_arr arr = packed_of(bytes);
    run_computes(0);
    struct pair p = whole_pair(e, in);
    if (e->afp) {
        simd_negate(e, arr, V3, p.b);
        for (unsigned i = 1; i < 16 / bytes; i += 2)
            a64_ins(e, arr, V3, i, p.b, i);
        a64_v3f(e, A64_V_FADD, arr, run_write(e, in->o[0].reg, 16), p.a, V3);
        return;
    }
    a64_v3f(e, A64_V_FSUB, arr, V3, p.a, p.b);
    a64_v3f(e, A64_V_FADD, arr, V4, p.a, p.b);
    a64_ins(e, arr, V4, 0, V3, 0);
    if (bytes == 4)
        a64_ins(e, arr, V4, 2, V3, 2);
    a64_v_mov(e, run_write(e, in->o[0].reg, 16), V4);
}

/* Elements of v that `keep` does not name become 0. */
static void clear_elements(struct emit *e, enum a64_arr arr, unsigned v, unsigned keep)
{
    for (unsigned i = 0; i < 16u >> a64_elem(arr); i++)
        if (!(keep >> i & 1))
            a64_ins_gpr(e, arr, v, i, A64_ZR);
}

static void dot_product(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    enum a64_arr arr = packed_of(bytes);
    unsigned all = bytes == 8 ? 3 : 15, take = in->imm >> 4 & all;
    run_computes(0);
    struct pair p = whole_pair(e, in);
    if (take != all) { /* they raise nothing */
        a64_v_mov(e, V3, p.a);
        a64_v_mov(e, V4, p.b);
        clear_elements(e, arr, V3, take);
        clear_elements(e, arr, V4, take);
        p = (struct pair){V3, V4};
    }
    a64_v3f(e, A64_V_FMUL, arr, V3, p.a, p.b);
    for (unsigned n = bytes; n < 16; n *= 2)
        a64_v3f(e, A64_V_FADDP, arr, V3, V3, V3);
    clear_elements(e, arr, V3, in->imm & all);
    a64_v_mov(e, run_write(e, in->o[0].reg, 16), V3);
}

/* ---- approximations: the exact value, rounded to 12 bits (interp/simd_float.c) ---- */

/* v3 from b; MXCSR is not asked and stays. */
static void approximate(struct emit *e, unsigned b, bool root)
{
    if (e->afp) { /* denormal numbers are zero, whatever MXCSR says */
        a64_mrs(e, A64_TMP2, A64_FPCR);
        a64_const(e, A64_TMP0, 1 << 24);
        a64_msr(e, A64_FPCR, A64_TMP0);
    }
    a64_mrs(e, A64_TMP1, A64_FPSR);
    a64_const(e, A64_TMP0, 0x3f800000);
    a64_dup_gpr(e, A64_4S, V3, A64_TMP0);
    if (root)
        a64_v2f(e, A64_V_FSQRT, A64_4S, V4, b);
    a64_v3f(e, A64_V_FDIV, A64_4S, V3, V3, root ? (unsigned)V4 : b);
    a64_v3f(e, A64_V_FCMEQ, A64_4S, V4, V3, V3);
    a64_v3f(e, A64_V_FCMEQ, A64_4S, V5, b, b);
    a64_msr(e, A64_FPSR, A64_TMP1);
    if (e->afp)
        a64_msr(e, A64_FPCR, A64_TMP2);
    a64_vimm_s(e, A64_MOVI, true, V6, 4, 8);
    a64_v3(e, A64_V_ADD, A64_4S, V3, V3, V6);
    a64_vimm_s(e, A64_BICI, true, V3, 0xff, 0);
    a64_vimm_s(e, A64_BICI, true, V3, 7, 8);
    a64_const(e, A64_TMP0, 0xffc00000); /* of a negative number */
    a64_dup_gpr(e, A64_4S, V6, A64_TMP0);
    a64_v_mov(e, V7, b);
    a64_vimm_s(e, A64_ORRI, true, V7, 0x40, 16); /* of a NaN */
    a64_v3(e, A64_V_BSL, A64_16B, V5, V6, V7);
    a64_v3(e, A64_V_BIF, A64_16B, V3, V5, V4);
}

/* The host rounds as MXCSR says. */
static void only_to_nearest(struct emit *e)
{
    if (e->afp)
        return;
    a64_cpu_load(e, A64_LDR_W, A64_TMP0, offsetof(struct cpu, mxcsr));
    a64_must(a64_and_imm(e, A64_W, A64_TMP0, A64_TMP0, 0x6000));
    run_slow_unless_zero(e, A64_TMP0);
}

static void scalar_approximation(struct emit *e, const struct insn *in, uint32_t root, unsigned bytes)
{
    only_to_nearest(e);
    approximate(e, simd_source_low(e, in, V1, bytes), root);
    simd_put_low(e, in, V3, bytes);
}

static void packed_approximation(struct emit *e, const struct insn *in, uint32_t root, unsigned bytes)
{
    (void)bytes;
    only_to_nearest(e);
    approximate(e, simd_source(e, in, V1), root);
    a64_v_mov(e, run_write(e, in->o[0].reg, 16), V3);
}

/* ---- MXCSR: between runs its exceptions are complete in the cpu ---- */

/* Those in FPSR: the order of MXCSR is IE DE ZE OE UE PE. */
static void add_exceptions(struct emit *e, unsigned w)
{
    static const struct { uint8_t from, bits, to; } parts[] = {{0, 1, 0}, {1, 4, 2}, {7, 1, 1}};
    a64_mrs(e, A64_TMP1, A64_FPSR);
    for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
        a64_ubfx(e, A64_W, A64_TMP2, A64_TMP1, parts[i].from, parts[i].bits);
        a64_orr_sh(e, A64_W, w, w, A64_TMP2, A64_LSL, parts[i].to);
    }
}

bool simd_control(struct emit *e, const struct insn *in)
{
    struct a64_mem m;
    if (!a64_mem(e, in, 2, &m))
        return false;
    if (e->afp && !e->exact)
        return false;
    if (in->op == OP_STMXCSR) {
        a64_cpu_load(e, A64_LDR_W, A64_TMP0, offsetof(struct cpu, mxcsr));
        if (e->exact)
            add_exceptions(e, A64_TMP0);
        a64_store(e, A64_STR_W, A64_TMP0, &m);
        return true;
    }
    a64_load(e, A64_LDR_W, A64_TMP0, &m);
    a64_lsr_imm(e, A64_W, A64_TMP1, A64_TMP0, 16);
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_TMP1, 0)); /* reserved bits */
    a64_slow(e, at);
    if (e->exact) {
        a64_mvn(e, A64_W, A64_TMP1, A64_TMP0);
        a64_must(a64_and_imm(e, A64_W, A64_TMP1, A64_TMP1, 0x1f80));
        at = e->p;
        a64_must(a64_cbnz(e, A64_W, A64_TMP1, 0)); /* exceptions that trap */
        a64_slow(e, at);
    }
    a64_cpu_store(e, A64_STR_W, A64_TMP0, offsetof(struct cpu, mxcsr));
    a64_call(e, a64_new_mxcsr);
    return true;
}

/* ---- comparisons ---- */

/* v`d` = all ones where VEX's predicate 8..15 (EQ or unordered, NGE, NGT, FALSE and their negations) holds. */
static void compare_by_upper(struct emit *e, enum a64_arr arr, unsigned predicate, unsigned d, struct pair p)
{
    switch (predicate & 3) {
    case 0:
        a64_v3f(e, A64_V_FCMGT, arr, V3, p.a, p.b);
        a64_v3f(e, A64_V_FCMGT, arr, V4, p.b, p.a);
        a64_v3(e, A64_V_ORR, A64_16B, d, V3, V4);
        break;
    case 1: a64_v3f(e, A64_V_FCMGE, arr, d, p.a, p.b); break;
    case 2: a64_v3f(e, A64_V_FCMGT, arr, d, p.a, p.b); break;
    default:
        a64_v3f(e, A64_V_FCMEQ, arr, V3, p.a, p.b); /* for the exceptions */
        a64_must(a64_vmov_imm(e, true, d, UINT64_MAX));
        break;
    }
    if (!(predicate & 4))
        a64_v2(e, A64_V_NOT, A64_16B, d, d);
}

/* v`d` = all ones where predicate 0..7 (EQ LT LE UNORD and their negations) holds. With 16 added quiet NaNs are
 * invalid operands of those of which they are none, which FCMGE sees to; and none of the others, where
 * the interpreter finds that out. */
static void compare_by(struct emit *e, enum a64_arr arr, unsigned predicate, unsigned d, struct pair p)
{
    unsigned kind = predicate & 3;
    if (predicate & 16 && (kind == 0 || kind == 3))
        a64_v3f(e, A64_V_FCMGE, arr, V3, p.a, p.b);
    if (predicate & 8) {
        compare_by_upper(e, arr, predicate, d, p);
        return;
    }
    switch (kind) {
    case 0: a64_v3f(e, A64_V_FCMEQ, arr, d, p.a, p.b); break;
    case 1: a64_v3f(e, A64_V_FCMGT, arr, d, p.b, p.a); break;
    case 2: a64_v3f(e, A64_V_FCMGE, arr, d, p.b, p.a); break;
    default:
        a64_v3f(e, A64_V_FCMEQ, arr, V3, p.a, p.a);
        a64_v3f(e, A64_V_FCMEQ, arr, V4, p.b, p.b);
        a64_v3(e, A64_V_AND, A64_16B, d, V3, V4);
        predicate ^= 4;
        break;
    }
    if (predicate & 4)
        a64_v2(e, A64_V_NOT, A64_16B, d, d);
}

/* Without looking back exceptions must be the right ones: those of the comparison that is meant first, then none. */
static void compare_exactly(struct emit *e, enum a64_arr arr, unsigned predicate, unsigned d, struct pair p)
{
    unsigned kind = predicate & 3;
    bool quiet = (kind == 0 || kind == 3) == !(predicate & 16);
    bool as_is = predicate < 8 ? kind != 3 || p.a == p.b : (predicate & 3) - 1 < 2;
    if (!e->exact || (as_is && !(predicate & 16))) {
        compare_by(e, arr, predicate, d, p);
        return;
    }
    a64_v3f(e, quiet ? A64_V_FCMEQ : A64_V_FCMGE, arr, V3, p.a, p.b);
    a64_mrs(e, A64_TMP1, A64_FPSR);
    compare_by(e, arr, predicate & 15, d, p);
    a64_msr(e, A64_FPSR, A64_TMP1);
}

static unsigned predicate_of(const struct insn *in)
{
    return in->imm & (in->flags & INSN_UNALIGNED_OK ? 31 : 7); /* VEX has more */
}

static void scalar_compare(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    run_computes(0);
    compare_exactly(e, scalar_of(bytes), predicate_of(in), V3, low_pair(e, in, bytes));
    simd_put_low(e, in, V3, bytes);
}

static void packed_compare(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    run_computes(0);
    struct pair p = whole_pair(e, in);
    compare_exactly(e, packed_of(bytes), predicate_of(in), run_write(e, in->o[0].reg, 16), p);
}

static void compare_to_flags(struct emit *e, const struct insn *in, uint32_t quiet, unsigned bytes)
{
    bool first = !e->index && !e->exact; /* flags of the region itself are dead, but these come from outside */
    run_computes(first ? NZCV_IN_TMP3 : 0);
    struct pair p = low_pair(e, in, bytes);
    if (first)
        a64_mrs(e, A64_TMP3, A64_NZCV);
    if (quiet)
        a64_fcmp(e, ft_of(bytes), p.a, p.b);
    else
        a64_fcmpe(e, ft_of(bytes), p.a, p.b);
    run_settle(e);
    e->form = FORM_FCMP;
}

/* ---- conversions ---- */

static void to_gpr(struct emit *e, const struct insn *in, uint32_t chop, unsigned bytes)
{
    run_computes(0);
    unsigned v = simd_source_low(e, in, V1, bytes);
    if (e->afp) { /* what does not fit becomes INT32_MIN, as with x86 */
        a64_fp1(e, chop ? A64_FRINT32Z : A64_FRINT32X, ft_of(bytes), V3, v);
        run_settle(e);
        a64_fcvtzs(e, A64_W, ft_of(bytes), a64_gpr(in->o[0].reg), V3);
        return;
    }
    if (!chop) {
        a64_frintx(e, ft_of(bytes), V3, v);
        v = V3;
    }
    a64_fcvtzs(e, A64_W, ft_of(bytes), A64_TMP4, v);
    run_settle(e);
    a64_mov(e, A64_W, a64_gpr(in->o[0].reg), A64_TMP4);
}

static void from_gpr(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    if (bytes == 4) /* to double it is exact */
        run_computes(0);
    unsigned w = simd_source_w(e, in, A64_TMP0), to = low_result(e, in, bytes, false);
    a64_scvtf(e, A64_W, ft_of(bytes), to, w);
    put_result(e, in, bytes, to);
}

/* `bytes` is the result's size. */
static void scalar_size(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    run_computes(0);
    unsigned b = simd_source_low(e, in, V1, 12 - bytes);
    unsigned to = low_result(e, in, bytes, false);
    a64_fcvt(e, ft_of(bytes), ft_of(12 - bytes), to, b);
    put_result(e, in, bytes, to);
}

static void packed_size(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    run_computes(0);
    unsigned b = bytes == 8 ? simd_source_low(e, in, V1, 8) : simd_source(e, in, V1);
    unsigned to = run_write(e, in->o[0].reg, bytes == 8 ? 16 : 8);
    if (bytes == 8)
        a64_fcvtl(e, A64_2S, to, b);
    else
        a64_fcvtn(e, A64_2S, to, b);
}

static void ints_to_packed(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    if (bytes == 8) {
        a64_sxtl(e, A64_2S, V3, simd_source_low(e, in, V1, 8));
        a64_v2f(e, A64_V_SCVTF, A64_2D, run_write(e, in->o[0].reg, 16), V3);
        return;
    }
    run_computes(0);
    unsigned b = simd_source(e, in, V1);
    a64_v2f(e, A64_V_SCVTF, A64_4S, run_write(e, in->o[0].reg, 16), b);
}

void simd_round_to_ints(struct emit *e, enum a64_arr arr, bool chop, unsigned d, unsigned n)
{
    a64_v2f(e, chop ? A64_V_FRINT32Z : A64_V_FRINT32X, arr, d, n);
    a64_v2f(e, A64_V_FCVTZS, arr, d, d);
}

/* One by one: only so what does not fit 32 bits is noticed. */
static void two_doubles_to_ints(struct emit *e, unsigned d, unsigned n)
{
    a64_dup(e, A64_D1, V4, n, 1);
    a64_fcvtzs(e, A64_W, A64_D, A64_TMP0, n);
    a64_fcvtzs(e, A64_W, A64_D, A64_TMP1, V4);
    a64_fmov_from_gpr(e, A64_W, d, A64_TMP0);
    a64_ins_gpr(e, A64_4S, d, 1, A64_TMP1);
}

static void packed_to_ints(struct emit *e, const struct insn *in, uint32_t chop, unsigned bytes)
{
    run_computes(0);
    unsigned b = simd_source(e, in, V1);
    if (e->afp) {
        unsigned d = run_write(e, in->o[0].reg, bytes == 4 ? 16 : 8);
        simd_round_to_ints(e, packed_of(bytes), chop, d, b);
        if (bytes == 8)
            a64_v2(e, A64_V_XTN, A64_2S, d, d);
        return;
    }
    if (!chop) {
        a64_v2f(e, A64_V_FRINTX, packed_of(bytes), V3, b);
        b = V3;
    }
    if (bytes == 4) {
        a64_v2f(e, A64_V_FCVTZS, A64_4S, run_write(e, in->o[0].reg, 16), b);
        return;
    }
    two_doubles_to_ints(e, run_write(e, in->o[0].reg, 8), b);
}

/* ---- from and to MMX registers ---- */

/* From memory they leave the x87 state alone. */
static void from_mmx(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    bool mm = in->o[1].kind == OPND_MM;
    unsigned s = mm ? simd_mmx_read(in->o[1].reg) : (unsigned)V1;
    (void)op;
    if (mm)
        simd_mmx_begin(e);
    if (bytes == 4)
        run_computes(0);
    if (!mm)
        simd_load(e, in, V1);
    if (bytes == 4) {
        unsigned to = simd_write_low(e, in, 8);
        a64_v2f(e, A64_V_SCVTF, A64_2S, to, s);
        simd_merge(e, in, 8, to);
    } else {
        a64_sxtl(e, A64_2S, V3, s);
        a64_v2f(e, A64_V_SCVTF, A64_2D, run_write(e, in->o[0].reg, 16), V3);
    }
    if (!mm)
        return;
    run_settle(e);
    simd_mmx_end(e);
}

static void to_mmx(struct emit *e, const struct insn *in, uint32_t chop, unsigned bytes)
{
    enum a64_arr arr = bytes == 4 ? A64_2S : A64_2D;
    simd_mmx_begin(e);
    run_computes(0);
    unsigned b = bytes == 4 ? simd_source_low(e, in, V1, 8) : simd_source(e, in, V1);
    if (e->afp) {
        simd_round_to_ints(e, arr, chop, V3, b);
        if (bytes == 8)
            a64_v2(e, A64_V_XTN, A64_2S, V3, V3);
    } else {
        if (!chop)
            a64_v2f(e, A64_V_FRINTX, arr, V3, b);
        unsigned whole = chop ? b : (unsigned)V3;
        if (bytes == 4)
            a64_v2f(e, A64_V_FCVTZS, A64_2S, V3, whole);
        else
            two_doubles_to_ints(e, V3, whole);
    }
    run_settle(e);
    a64_fmov(e, A64_D, simd_mmx_write(e, in->o[0].reg), V3);
    simd_mmx_end(e);
}

/* ---- rounding to an integer ---- */

enum { ROUND_CURRENT = 4, ROUND_EXACT = 8 };

static const enum a64_fp1 scalar_round[] = {A64_FRINTN, A64_FRINTM, A64_FRINTP, A64_FRINTZ};
static const enum a64_v2f packed_round[] = {A64_V_FRINTN, A64_V_FRINTM, A64_V_FRINTP, A64_V_FRINTZ};

/* By the current mode, inexact raised or not: FRINTX, FRINTI. With a mode of its own FRINTX is only
 * there for the exception. */
static void round_scalar(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    uint32_t imm = in->imm;
    run_computes(0);
    unsigned b = simd_source_low(e, in, V1, bytes);
    enum a64_fp1 how = imm & ROUND_EXACT ? A64_FRINTI : A64_FRINTX;
    if (!(imm & ROUND_CURRENT)) {
        if (how == A64_FRINTX)
            a64_frintx(e, ft_of(bytes), V3, b);
        how = scalar_round[imm & 3];
    }
    unsigned to = low_result(e, in, bytes, false);
    a64_fp1(e, how, ft_of(bytes), to, b);
    put_result(e, in, bytes, to);
}

static void round_packed(struct emit *e, const struct insn *in, uint32_t op, unsigned bytes)
{
    (void)op;
    uint32_t imm = in->imm;
    enum a64_arr arr = packed_of(bytes);
    run_computes(0);
    unsigned b = simd_source(e, in, V1);
    enum a64_v2f how = imm & ROUND_EXACT ? A64_V_FRINTI : A64_V_FRINTX;
    if (!(imm & ROUND_CURRENT)) {
        if (how == A64_V_FRINTX)
            a64_v2f(e, A64_V_FRINTX, arr, V3, b);
        how = packed_round[imm & 3];
    }
    a64_v2f(e, how, arr, run_write(e, in->o[0].reg, 16), b);
}

/* ---- the table ---- */

struct row {
    uint16_t op;
    uint8_t bytes;
    fp_fn fn;
    uint32_t arg;
};
#define ARITH(name, NAME) \
    {OP_##NAME##SS, 4, scalar, A64_F##NAME}, {OP_##NAME##SD, 8, scalar, A64_F##NAME}, \
    {OP_##NAME##PS, 4, packed, A64_V_F##NAME}, {OP_##NAME##PD, 8, packed, A64_V_F##NAME},
#define FOUR(NAME, one, all, arg) \
    {OP_##NAME##SS, 4, one, arg}, {OP_##NAME##SD, 8, one, arg}, {OP_##NAME##PS, 4, all, arg}, \
    {OP_##NAME##PD, 8, all, arg},
static const struct row rows[] = {
    ARITH(add, ADD) ARITH(sub, SUB) ARITH(mul, MUL) ARITH(div, DIV)
    FOUR(SQRT, scalar_root, packed_root, 0) FOUR(MIN, scalar_min_max, packed_min_max, false)
    FOUR(MAX, scalar_min_max, packed_min_max, true) FOUR(CMP, scalar_compare, packed_compare, 0)
    FOUR(ROUND, round_scalar, round_packed, 0)
    {OP_DPPS, 4, dot_product, 0}, {OP_DPPD, 8, dot_product, 0},
    {OP_RCPSS, 4, scalar_approximation, false}, {OP_RCPPS, 4, packed_approximation, false},
    {OP_RSQRTSS, 4, scalar_approximation, true}, {OP_RSQRTPS, 4, packed_approximation, true},
    {OP_HADDPS, 4, packed, A64_V_FADDP}, {OP_HADDPD, 8, packed, A64_V_FADDP},
    {OP_HSUBPS, 4, horizontal_sub, 0}, {OP_HSUBPD, 8, horizontal_sub, 0},
    {OP_ADDSUBPS, 4, add_sub, 0}, {OP_ADDSUBPD, 8, add_sub, 0},
    {OP_COMISS, 4, compare_to_flags, false}, {OP_COMISD, 8, compare_to_flags, false},
    {OP_UCOMISS, 4, compare_to_flags, true}, {OP_UCOMISD, 8, compare_to_flags, true},
    {OP_CVTSS2SI, 4, to_gpr, false}, {OP_CVTSD2SI, 8, to_gpr, false},
    {OP_CVTTSS2SI, 4, to_gpr, true}, {OP_CVTTSD2SI, 8, to_gpr, true},
    {OP_CVTSI2SS, 4, from_gpr, 0}, {OP_CVTSI2SD, 8, from_gpr, 0},
    {OP_CVTSD2SS, 4, scalar_size, 0}, {OP_CVTSS2SD, 8, scalar_size, 0},
    {OP_CVTPD2PS, 4, packed_size, 0}, {OP_CVTPS2PD, 8, packed_size, 0},
    {OP_CVTDQ2PS, 4, ints_to_packed, 0}, {OP_CVTDQ2PD, 8, ints_to_packed, 0},
    {OP_CVTPS2DQ, 4, packed_to_ints, false}, {OP_CVTPD2DQ, 8, packed_to_ints, false},
    {OP_CVTPI2PS, 4, from_mmx, 0}, {OP_CVTPI2PD, 8, from_mmx, 0},
    {OP_CVTPS2PI, 4, to_mmx, false}, {OP_CVTPD2PI, 8, to_mmx, false},
    {OP_CVTTPS2PI, 4, to_mmx, true}, {OP_CVTTPD2PI, 8, to_mmx, true},
    {OP_CVTTPS2DQ, 4, packed_to_ints, true}, {OP_CVTTPD2DQ, 8, packed_to_ints, true},
};
#undef ARITH
#undef FOUR

static const struct row *row_of(unsigned op)
{
    static uint8_t index[OP_COUNT]; /* 1 + row */
    if (!index[rows[0].op])
        for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
            index[rows[i].op] = (uint8_t)(i + 1);
    return index[op] ? &rows[index[op] - 1] : NULL;
}

bool simd_fp_supported(const struct insn *in) { return row_of(in->op) != NULL; }

void simd_fp(struct emit *e, const struct insn *in)
{
    const struct row *row = row_of(in->op);
    row->fn(e, in, row->arg, row->bytes);
}
