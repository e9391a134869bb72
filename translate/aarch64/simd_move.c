/* Moves, inserts, extracts, masks to general registers. */
#include "translate/aarch64/simd.h"
#include "translate/aarch64/stubs.h"

/* ---- whole registers and their low parts ---- */

static void move_all(struct emit *e, const struct insn *in)
{
    if (in->o[0].kind == OPND_MEM) {
        simd_store(e, in, run_read(e, in->o[1].reg));
    } else if (in->o[1].kind == OPND_MEM) {
        simd_load(e, in, run_write(e, in->o[0].reg, 16));
    } else if (in->o[0].reg != in->o[1].reg && !run_share(e, in->o[0].reg, in->o[1].reg) &&
               ((in->flags & INSN_UNALIGNED_OK) || !run_rename(e, in->o[0].reg, in->o[1].reg))) {
        unsigned from = run_read(e, in->o[1].reg);
        a64_v_mov(e, run_write(e, in->o[0].reg, run_width(in->o[1].reg)), from);
    }
}

static void merge_low(struct emit *e, const struct insn *in, unsigned bytes)
{
    unsigned from = run_read_low(e, in->o[1].reg, bytes);
    if (simd_first(in) == in->o[0].reg && in->o[0].reg == in->o[1].reg)
        return;
    if (simd_first(in) == in->o[0].reg && run_insert(e, in->o[0].reg, bytes, from))
        return;
    unsigned to = simd_write_low(e, in, bytes);
    a64_fmov(e, bytes == 8 ? A64_D : A64_S, to, from);
    simd_merge(e, in, bytes, to);
}

static void move_scalar(struct emit *e, const struct insn *in) /* MOVSS MOVSD */
{
    if (in->o[0].kind == OPND_MEM)
        simd_store(e, in, run_read_low(e, in->o[1].reg, in->o[0].size));
    else if (in->o[1].kind == OPND_MEM && !simd_load_repeated(e, in))
        simd_load(e, in, run_write(e, in->o[0].reg, in->o[1].size));
    else if (in->o[1].kind != OPND_MEM)
        merge_low(e, in, in->op == OP_MOVSD ? 8 : 4);
}

static void move_mm(struct emit *e, const struct insn *in)
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    simd_mmx_begin(e);
    if (s->kind == OPND_MEM)
        simd_load(e, in, simd_mmx_write(e, d->reg)); /* if it faults the register stays */
    else if (s->kind == OPND_GPR)
        a64_fmov_from_gpr(e, A64_W, simd_mmx_write(e, d->reg), a64_gpr(s->reg));
    else if (d->kind == OPND_MEM)
        simd_store(e, in, simd_mmx_read(s->reg));
    else if (d->kind == OPND_GPR)
        a64_fmov_to_gpr(e, A64_W, a64_gpr(d->reg), simd_mmx_read(s->reg));
    else if (d->kind == OPND_XMM) /* MOVQ2DQ */
        a64_fmov(e, A64_D, run_write(e, d->reg, 8), simd_mmx_read(s->reg));
    else /* MOVDQ2Q, or of an MMX register */
        a64_fmov(e, A64_D, simd_mmx_write(e, d->reg),
                 s->kind == OPND_XMM ? run_read_low(e, s->reg, 8) : simd_mmx_read(s->reg));
    simd_mmx_end(e);
}

static void move_d_q(struct emit *e, const struct insn *in) /* MOVD MOVQ */
{
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    if (d->kind == OPND_MM || s->kind == OPND_MM) {
        move_mm(e, in);
    } else if (d->kind == OPND_MEM) {
        simd_store(e, in, run_read_low(e, s->reg, d->size));
    } else if (d->kind == OPND_GPR) {
        a64_fmov_to_gpr(e, A64_W, a64_gpr(d->reg), run_read_low(e, s->reg, 4));
    } else if (s->kind == OPND_MEM) {
        if (!simd_load_repeated(e, in))
            simd_load(e, in, run_write(e, d->reg, s->size));
    } else if (s->kind == OPND_GPR) {
        a64_fmov_from_gpr(e, A64_W, run_write(e, d->reg, 4), a64_gpr(s->reg));
    } else {
        unsigned from = run_read_low(e, s->reg, 8);
        a64_fmov(e, A64_D, run_write(e, d->reg, 8), from);
    }
}

/* ---- halves ---- */

static void move_low(struct emit *e, const struct insn *in) /* MOVLPS MOVLPD */
{
    if (in->o[0].kind == OPND_MEM) {
        simd_store(e, in, run_read_low(e, in->o[1].reg, 8));
        return;
    }
    unsigned to = simd_write_low(e, in, 8);
    simd_load(e, in, to);
    simd_merge(e, in, 8, to);
}

static void move_high(struct emit *e, const struct insn *in) /* MOVHPS MOVHPD, MOVLHPS */
{
    if (in->o[0].kind == OPND_MEM) {
        a64_dup(e, A64_D1, V0, run_read(e, in->o[1].reg), 1);
        simd_store(e, in, V0);
        return;
    }
    unsigned from = simd_source_low(e, in, V0, 8), a = run_read_low(e, simd_first(in), 8);
    a64_v3(e, A64_V_ZIP1, A64_2D, run_write(e, in->o[0].reg, 16), a, from);
}

static void move_high_to_low(struct emit *e, const struct insn *in) /* MOVHLPS */
{
    unsigned from = run_read(e, in->o[1].reg), to = simd_write_low(e, in, 8);
    a64_dup(e, A64_D1, to, from, 1);
    simd_merge(e, in, 8, to);
}

/* ---- elements ---- */

static enum a64_arr element(const struct insn *in)
{
    switch (in->op) {
    case OP_PINSRB: case OP_PEXTRB: return A64_16B;
    case OP_PINSRW: case OP_PEXTRW: return A64_8H;
    default: return A64_4S;
    }
}

static unsigned element_index(const struct insn *in, bool mm)
{
    return in->imm & ((mm ? 8u : 16u) / (1u << a64_elem(element(in))) - 1);
}

static void put_element(struct emit *e, const struct insn *in, unsigned d, unsigned i)
{
    if (in->o[1].kind == OPND_GPR)
        a64_ins_gpr(e, element(in), d, i, a64_gpr(in->o[1].reg));
    else
        a64_ins(e, element(in), d, i, V0, 0);
}

static void insert(struct emit *e, const struct insn *in) /* PINSRx */
{
    bool mm = in->o[0].kind == OPND_MM;
    unsigned x = in->o[0].reg, i = element_index(in, mm);
    if (mm)
        simd_mmx_begin(e);
    if (in->o[1].kind == OPND_MEM)
        simd_load(e, in, V0);
    if (mm) {
        put_element(e, in, simd_mmx_write(e, x), i);
        simd_mmx_end(e);
        return;
    }
    unsigned a = run_read(e, simd_first(in)), d = run_write(e, x, 16);
    if (d != a)
        a64_v_mov(e, d, a);
    put_element(e, in, d, i);
}

static void extract(struct emit *e, const struct insn *in) /* PEXTRx EXTRACTPS */
{
    static const enum a64_arr scalar[] = {A64_B1, A64_H1, A64_S1};
    bool mm = in->o[1].kind == OPND_MM;
    unsigned from, i = element_index(in, mm);
    if (mm) {
        simd_mmx_begin(e);
        from = simd_mmx_read(in->o[1].reg);
    } else {
        from = run_read(e, in->o[1].reg);
    }
    if (in->o[0].kind == OPND_MEM) {
        a64_dup(e, scalar[a64_elem(element(in))], V1, from, i);
        simd_store(e, in, V1);
    } else {
        a64_umov(e, element(in), a64_gpr(in->o[0].reg), from, i);
    }
    if (mm)
        simd_mmx_end(e);
}

/* ---- masks ---- */

/* The sign bits of 8 bytes meet in one byte. */
static void byte_signs(struct emit *e, unsigned v)
{
    a64_vshr(e, A64_VI_USHR, A64_16B, V3, v, 7);
    a64_vshr(e, A64_VI_USRA, A64_8H, V3, V3, 7);
    a64_vshr(e, A64_VI_USRA, A64_4S, V3, V3, 14);
    a64_vshr(e, A64_VI_USRA, A64_2D, V3, V3, 28);
}

static void byte_mask(struct emit *e, const struct insn *in) /* PMOVMSKB */
{
    unsigned d = a64_gpr(in->o[0].reg);
    if (in->o[1].kind == OPND_MM) {
        simd_mmx_begin(e);
        byte_signs(e, simd_mmx_read(in->o[1].reg));
        a64_umov(e, A64_16B, d, V3, 0);
        simd_mmx_end(e);
        return;
    }
    byte_signs(e, run_read(e, in->o[1].reg));
    a64_ins(e, A64_16B, V3, 1, V3, 8);
    a64_umov(e, A64_8H, d, V3, 0);
}

void simd_sign_mask(struct emit *e, unsigned d, unsigned v, bool two)
{
    if (two) {
        a64_vshr(e, A64_VI_USHR, A64_2D, V3, v, 63);
    } else {
        a64_vshr(e, A64_VI_USHR, A64_4S, V3, v, 31);
        a64_vshr(e, A64_VI_USRA, A64_2D, V3, V3, 31);
    }
    a64_umov(e, A64_4S, A64_TMP0, V3, 2);
    a64_umov(e, A64_4S, d, V3, 0);
    a64_orr_sh(e, A64_W, d, d, A64_TMP0, A64_LSL, two ? 1 : 2);
    if (!two)
        a64_must(a64_and_imm(e, A64_W, d, d, 15));
}

static void sign_mask(struct emit *e, const struct insn *in) /* MOVMSKPS MOVMSKPD */
{
    simd_sign_mask(e, a64_gpr(in->o[0].reg), run_read(e, in->o[1].reg), in->op == OP_MOVMSKPD);
}

/* Of NZCV. */
static bool wants_only(const struct emit *e, unsigned flag)
{
    return !(a64_live(e) & NEED_NZCV & ~flag);
}

/* ZF: no bit of both; CF: no bit of the source alone. The others become 0. */
static void test(struct emit *e, const struct insn *in) /* PTEST */
{
    unsigned b = simd_source(e, in, V0), a = run_read(e, in->o[0].reg);
    if (!wants_only(e, NEED_C))
        a64_v3(e, A64_V_AND, A64_16B, V3, b, a);
    if (!wants_only(e, NEED_Z))
        a64_v3(e, A64_V_BIC, A64_16B, V4, b, a);
    simd_test_flags(e);
}

/* If only ZF or only CF is wanted. */
static void test_one(struct emit *e, unsigned v, bool carry)
{
    a64_v3(e, A64_V_UMAXP, A64_4S, v, v, v);
    a64_fmov_to_gpr(e, A64_X, A64_TMP0, v);
    a64_must(a64_cmp_imm(e, A64_X, A64_TMP0, carry));
}

static void test_both(struct emit *e)
{
    a64_v3(e, A64_V_UMAXP, A64_4S, V3, V3, V4); /* two words for each */
    a64_v3(e, A64_V_UMAXP, A64_4S, V3, V3, V3);
    a64_fmov_to_gpr(e, A64_X, A64_TMP0, V3);
    a64_lsr_imm(e, A64_X, A64_TMP1, A64_TMP0, 32);
    a64_cmp(e, A64_W, A64_TMP1, A64_ZR);
    a64_cset(e, A64_W, A64_TMP1, A64_NE); /* !CF, as C holds it */
    a64_cmp(e, A64_W, A64_TMP0, A64_ZR);
    a64_cset(e, A64_W, A64_TMP0, A64_EQ);
    a64_lsl_imm(e, A64_W, A64_TMP0, A64_TMP0, 30);
    a64_orr_sh(e, A64_W, A64_TMP0, A64_TMP0, A64_TMP1, A64_LSL, 29);
    a64_msr(e, A64_NZCV, A64_TMP0);
}

void simd_test_flags(struct emit *e)
{
    unsigned live = a64_live(e);
    if (wants_only(e, NEED_Z))
        test_one(e, V3, false);
    else if (wants_only(e, NEED_C))
        test_one(e, V4, true);
    else
        test_both(e);
    if (live & (NEED_P | NEED_A))
        a64_movw(e, A64_MOVZ, A64_W, A64_PF, 1, 0);
    e->form = FORM_SUB;
}

bool simd_compares_strings(unsigned op)
{
    op = avx_as_sse(op);
    return op == OP_PCMPESTRI || op == OP_PCMPISTRI;
}

static void compare_strings(struct emit *e, const struct insn *in) /* PCMPESTRI PCMPISTRI, of bytes */
{
    const char *const routine[] = {a64_string_any, a64_string_ranges, a64_string_each, a64_string_ordered};
    unsigned b = simd_source(e, in, V1);
    if (b != V1)
        a64_v_mov(e, V1, b);
    a64_v_mov(e, V0, run_read(e, in->o[0].reg));
    if (in->op == OP_PCMPESTRI) {
        a64_mov(e, A64_W, A64_TMP0, a64_gpr(REG_EAX));
        a64_mov(e, A64_W, A64_TMP1, a64_gpr(REG_EDX));
    } else {
        a64_call(e, a64_string_lengths);
    }
    a64_const(e, A64_TMP2, in->imm & 0xff);
    a64_call(e, routine[in->imm >> 2 & 3]);
    a64_mov(e, A64_W, a64_gpr(REG_ECX), A64_TMP0);
    a64_movw(e, A64_MOVZ, A64_W, A64_PF, 1, 0);
    e->form = FORM_SUB;
}

static void empty(struct emit *e, const struct insn *in) /* EMMS */
{
    (void)in;
    simd_mmx_empty(e);
}

/* ---- the list ---- */

typedef void (*move_fn)(struct emit *e, const struct insn *in);

static move_fn choose(unsigned op)
{
    switch (op) {
    case OP_MOVAPS: case OP_MOVAPD: case OP_MOVDQA: case OP_MOVNTPS: case OP_MOVNTPD:
    case OP_MOVNTDQ: case OP_MOVNTDQA: case OP_MOVUPS: case OP_MOVUPD: case OP_MOVDQU:
    case OP_LDDQU: return move_all;
    case OP_MOVSS: case OP_MOVSD: return move_scalar;
    case OP_MOVD: case OP_MOVQ: return move_d_q;
    case OP_MOVNTQ: case OP_MOVQ2DQ: case OP_MOVDQ2Q: return move_mm;
    case OP_MOVLPS: case OP_MOVLPD: return move_low;
    case OP_MOVHPS: case OP_MOVHPD: case OP_MOVLHPS: return move_high;
    case OP_MOVHLPS: return move_high_to_low;
    case OP_PINSRB: case OP_PINSRW: case OP_PINSRD: return insert;
    case OP_PEXTRB: case OP_PEXTRW: case OP_PEXTRD: case OP_EXTRACTPS: return extract;
    case OP_PMOVMSKB: return byte_mask;
    case OP_MOVMSKPS: case OP_MOVMSKPD: return sign_mask;
    case OP_PTEST: return test;
    case OP_PCMPESTRI: case OP_PCMPISTRI: return compare_strings;
    case OP_EMMS: return empty;
    default: return NULL;
    }
}

bool simd_move_supported(const struct insn *in)
{
    return choose(in->op) && !(simd_compares_strings(in->op) && in->imm & 1 /* words */);
}

void simd_move(struct emit *e, const struct insn *in) { choose(in->op)(e, in); }
