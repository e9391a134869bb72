/* VEX moves: whole registers, halves, broadcasts; masked and gathered. Masks to general registers, tests. */
#include "translate/aarch64/avx.h"

/* ---- whole registers and halves ---- */

static void move_whole(struct emit *e, const struct insn *in)
{
    if (in->o[0].kind == OPND_MEM) {
        struct halves v = avx_read(e, in, 1);
        if (avx_is_ymm(&in->o[1]))
            simd_store_pair(e, in, v.lo, v.hi);
        else
            simd_store(e, in, v.lo);
    } else if (in->o[1].kind == OPND_MEM && avx_is_ymm(&in->o[0])) {
        unsigned lo = run_write(e, avx_half(&in->o[0], 0), 16);
        simd_load_pair(e, in, &in->o[1], lo, run_write(e, avx_half(&in->o[0], 1), 16));
    } else if (in->o[1].kind == OPND_MEM) {
        simd_load(e, in, run_write(e, in->o[0].reg, 16));
        avx_clear_upper(e, in);
    } else {
        unsigned width = run_width(in->o[1].reg);
        struct halves v = avx_read(e, in, 1);
        bool same = in->o[0].reg == in->o[1].reg;
        if (!same && !run_share(e, in->o[0].reg, in->o[1].reg))
            a64_v_mov(e, run_write(e, in->o[0].reg, width), v.lo);
        if (!avx_is_ymm(&in->o[0]))
            avx_clear_upper(e, in);
        else if (!same)
            a64_v_mov(e, run_write(e, avx_half(&in->o[0], 1), 16), v.hi);
    }
}

static void broadcast(struct emit *e, const struct insn *in, enum a64_arr arr)
{
    unsigned x = in->o[0].reg, lo, hi;
    if (in->o[1].kind == OPND_MEM) {
        lo = run_write(e, x, 16);
        simd_load_repeating(e, in, arr, lo);
    } else {
        unsigned s = run_read(e, in->o[1].reg);
        lo = run_write(e, x, 16);
        a64_dup(e, arr, lo, s, 0);
    }
    if (!avx_is_ymm(&in->o[0])) {
        avx_clear_upper(e, in);
        return;
    }
    hi = run_write(e, x + SIMD_UPPER, 16);
    a64_v_mov(e, hi, lo);
}

static void broadcast_b(struct emit *e, const struct insn *in) { broadcast(e, in, A64_16B); }
static void broadcast_w(struct emit *e, const struct insn *in) { broadcast(e, in, A64_8H); }
static void broadcast_d(struct emit *e, const struct insn *in) { broadcast(e, in, A64_4S); }
static void broadcast_q(struct emit *e, const struct insn *in) { broadcast(e, in, A64_2D); }

static void broadcast_128(struct emit *e, const struct insn *in)
{
    unsigned x = in->o[0].reg, lo = run_write(e, x, 16);
    simd_load(e, in, lo);
    a64_v_mov(e, run_write(e, x + SIMD_UPPER, 16), lo);
}

static void insert_128(struct emit *e, const struct insn *in)
{
    unsigned at = in->imm & 1;
    avx_read(e, in, 2);
    unsigned b = avx_number(in, 2, 0), a = avx_number(in, 1, !at);
    avx_put(e, in, at ? a : b, at ? b : a);
}

static void extract_128(struct emit *e, const struct insn *in)
{
    unsigned from = avx_half(&in->o[1], in->imm & 1);
    if (in->o[0].kind == OPND_MEM)
        simd_store(e, in, run_read(e, from));
    else
        avx_put(e, in, from, AVX_ZERO);
}

static unsigned selected(const struct insn *in, unsigned how)
{
    return how & 8 ? AVX_ZERO : avx_number(in, how & 2 ? 2 : 1, how & 1);
}

static void permute_128(struct emit *e, const struct insn *in)
{
    if (in->o[2].kind == OPND_MEM)
        avx_read(e, in, 2);
    avx_put(e, in, selected(in, in->imm), selected(in, in->imm >> 4));
}

/* ---- masks and tests ---- */

static void byte_mask(struct emit *e, const struct insn *in)
{
    struct halves v = avx_read(e, in, 1);
    a64_const64(e, A64_TMP0, UINT64_C(0x8040201008040201)); /* a bit for each byte */
    a64_dup_gpr(e, A64_2D, V5, A64_TMP0);
    a64_v2(e, A64_VZ_CMLT, A64_16B, V3, v.lo);
    a64_v2(e, A64_VZ_CMLT, A64_16B, V4, v.hi);
    a64_v3(e, A64_V_AND, A64_16B, V3, V3, V5);
    a64_v3(e, A64_V_AND, A64_16B, V4, V4, V5);
    a64_v3(e, A64_V_ADDP, A64_16B, V3, V3, V4);
    a64_v3(e, A64_V_ADDP, A64_16B, V3, V3, V3);
    a64_v3(e, A64_V_ADDP, A64_16B, V3, V3, V3);
    a64_fmov_to_gpr(e, A64_W, a64_gpr(in->o[0].reg), V3);
}

static void sign_mask(struct emit *e, const struct insn *in)
{
    struct halves v = avx_read(e, in, 1);
    unsigned d = a64_gpr(in->o[0].reg);
    bool two = in->op == OP_VMOVMSKPD;
    simd_sign_mask(e, A64_TMP1, v.hi, two);
    simd_sign_mask(e, d, v.lo, two);
    a64_orr_sh(e, A64_W, d, d, A64_TMP1, A64_LSL, two ? 2 : 4);
}

/* Not of the sources: of what is left of them by the operation. */
static void test_part(struct emit *e, enum a64_v3 op, unsigned d, struct halves b, struct halves a, bool ymm)
{
    a64_v3(e, op, A64_16B, d, b.lo, a.lo);
    if (!ymm)
        return;
    a64_v3(e, op, A64_16B, V5, b.hi, a.hi);
    a64_v3(e, A64_V_ORR, A64_16B, d, d, V5);
}

static void test(struct emit *e, const struct insn *in) /* VPTEST; VTESTPS VTESTPD: of signs */
{
    struct halves b = avx_read(e, in, 1), a = avx_read(e, in, 0);
    bool ymm = avx_is_ymm(&in->o[0]);
    test_part(e, A64_V_AND, V3, b, a, ymm);
    test_part(e, A64_V_BIC, V4, b, a, ymm);
    for (unsigned v = V3; v <= V4 && in->op != OP_VPTEST; v++)
        a64_v2(e, A64_VZ_CMLT, in->op == OP_VTESTPS ? A64_4S : A64_2D, v, v);
    simd_test_flags(e);
}

/* ---- masked ---- */

static enum a64_arr masked_arr(unsigned op)
{
    return op == OP_VMASKMOVPS || op == OP_VPMASKMOVD ? A64_4S : A64_2D;
}

/* All is loaded; if that faults, the interpreter loads what is wanted. */
static void masked_load(struct emit *e, const struct insn *in)
{
    enum a64_arr arr = masked_arr(in->op);
    struct halves v = avx_read(e, in, 2), m = avx_read(e, in, 1);
    a64_v2(e, A64_VZ_CMLT, arr, V3, m.lo);
    if (avx_is_ymm(&in->o[0]))
        a64_v2(e, A64_VZ_CMLT, arr, V4, m.hi);
    a64_v3(e, A64_V_AND, A64_16B, run_write(e, in->o[0].reg, 16), v.lo, V3);
    if (avx_is_ymm(&in->o[0]))
        a64_v3(e, A64_V_AND, A64_16B, run_write(e, avx_half(&in->o[0], 1), 16), v.hi, V4);
    else
        avx_clear_upper(e, in);
}

/* w`d` = a bit for each element whose sign bit is set. Clobbers A64_TMP0, A64_TMP1. */
static void element_mask(struct emit *e, unsigned d, struct halves m, bool two, bool ymm)
{
    simd_sign_mask(e, d, m.lo, two);
    if (!ymm)
        return;
    simd_sign_mask(e, A64_TMP1, m.hi, two);
    a64_orr_sh(e, A64_W, d, d, A64_TMP1, A64_LSL, two ? 2 : 4);
}

/* Element by element, within one page: so the first one faults or none. */
static void masked_store(struct emit *e, const struct insn *in)
{
    enum a64_arr arr = masked_arr(in->op);
    struct halves m = avx_read(e, in, 1), v = avx_read(e, in, 2);
    bool ymm = avx_is_ymm(&in->o[2]);
    unsigned per_half = arr == A64_2D ? 2 : 4, bytes = 16 / per_half, base = simd_one_page(e, in);
    element_mask(e, A64_TMP2, m, arr == A64_2D, ymm);
    a64_mov(e, A64_X, A64_TMP3, base);
    if (a64_fences(e))
        a64_dmb_ishst(e);
    for (unsigned i = 0; i < (ymm ? 2 : 1) * per_half; i++) {
        uint8_t *skip = e->p;
        a64_must(a64_tbz(e, A64_TMP2, i, 0));
        a64_st1_elem(e, arr, i < per_half ? v.lo : v.hi, i % per_half, A64_TMP3);
        a64_must(a64_here(e, skip));
        a64_must(a64_add_imm(e, A64_X, A64_TMP3, A64_TMP3, bytes));
    }
}

/* ---- gathers ---- */

static bool wide_index(unsigned op)
{
    return op == OP_VGATHERQPS || op == OP_VGATHERQPD || op == OP_VPGATHERQD || op == OP_VPGATHERQQ;
}

/* All elements are wanted, or the interpreter does it. */
static void all_or_slow(struct emit *e, enum a64_arr arr, struct halves m, unsigned n)
{
    unsigned all = (1u << n) - 1;
    element_mask(e, A64_TMP2, m, arr == A64_2D, n * (1u << a64_elem(arr)) > 16);
    if (n * (1u << a64_elem(arr)) < 16) /* the rest of the mask does not matter */
        a64_must(a64_and_imm(e, A64_W, A64_TMP2, A64_TMP2, all));
    a64_must(a64_eor_imm(e, A64_W, A64_TMP2, A64_TMP2, all));
    uint8_t *at = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_TMP2, 0));
    a64_slow(e, at);
}

/* w`A64_ADDR` = what is the same for all elements. */
static void gather_base(struct emit *e, const struct insn *in)
{
    a64_const(e, A64_ADDR, in->disp);
    if (in->base != REG_ZERO)
        a64_add(e, A64_W, A64_ADDR, A64_ADDR, a64_gpr(in->base));
    if (in->seg == SEG_GS) {
        a64_cpu_load(e, A64_LDR_W, A64_TMP0, offsetof(struct cpu, seg_base) + 4 * SEG_GS);
        a64_add(e, A64_W, A64_ADDR, A64_ADDR, A64_TMP0);
    }
}

static void put_gathered(struct emit *e, unsigned x, bool both)
{
    a64_v_mov(e, run_write(e, x, 16), V0);
    if (both)
        a64_v_mov(e, run_write(e, x + SIMD_UPPER, 16), V1);
    else
        run_zero(e, x + SIMD_UPPER);
}

static void gather(struct emit *e, const struct insn *in)
{
    enum a64_arr arr = in->o[1].size == 4 ? A64_4S : A64_2D, by = wide_index(in->op) ? A64_2D : A64_4S;
    unsigned size = in->o[1].size, room = (avx_is_ymm(&in->o[0]) ? 32 : 16) / size, indices = in->imm2 >> a64_elem(by);
    unsigned n = indices < room ? indices : room, x = in->o[0].reg, m = in->o[2].reg;
    all_or_slow(e, arr, avx_read(e, in, 2), n);
    gather_base(e, in);
    for (unsigned i = 0; i < n; i++) {
        unsigned per_index = 16u >> a64_elem(by), per_half = 16 / size;
        a64_umov(e, A64_4S, A64_TMP1, run_read(e, in->index + SIMD_UPPER * (i / per_index)),
                 i % per_index << (by == A64_2D));
        a64_add_sh(e, A64_W, A64_TMP1, A64_ADDR, A64_TMP1, A64_LSL, in->scale);
        a64_ld1_elem(e, arr, i < per_half ? V0 : V1, i % per_half, A64_TMP1);
    }
    if (a64_fences(e))
        a64_dmb_ishld(e);
    if (n * size == 8)
        a64_fmov(e, A64_D, V0, V0);
    put_gathered(e, x, n * size > 16);
    run_zero(e, m);
    run_zero(e, m + SIMD_UPPER);
}

/* ---- the list ---- */

avx_fn avx_choose_move(const struct insn *in)
{
    bool from_ymm = avx_is_ymm(&in->o[1]);
    switch (in->op) {
    case OP_VMOVAPS: case OP_VMOVAPD: case OP_VMOVDQA: case OP_VMOVNTPS: case OP_VMOVNTPD: case OP_VMOVNTDQ:
    case OP_VMOVNTDQA: case OP_VMOVUPS: case OP_VMOVUPD: case OP_VMOVDQU: case OP_VLDDQU: return move_whole;
    case OP_VPBROADCASTB: return broadcast_b;
    case OP_VPBROADCASTW: return broadcast_w;
    case OP_VBROADCASTSS: case OP_VPBROADCASTD: return broadcast_d;
    case OP_VBROADCASTSD: case OP_VPBROADCASTQ: return broadcast_q;
    case OP_VBROADCASTF128: case OP_VBROADCASTI128: return broadcast_128;
    case OP_VINSERTF128: case OP_VINSERTI128: return insert_128;
    case OP_VEXTRACTF128: case OP_VEXTRACTI128: return extract_128;
    case OP_VPERM2F128: case OP_VPERM2I128: return permute_128;
    case OP_VPMOVMSKB: return from_ymm ? byte_mask : NULL;
    case OP_VMOVMSKPS: case OP_VMOVMSKPD: return from_ymm ? sign_mask : NULL;
    case OP_VPTEST: case OP_VTESTPS: case OP_VTESTPD: return test;
    case OP_VMASKMOVPS: case OP_VMASKMOVPD: case OP_VPMASKMOVD: case OP_VPMASKMOVQ:
        return in->o[0].kind == OPND_MEM ? masked_store : masked_load;
    case OP_VGATHERDPS: case OP_VGATHERDPD: case OP_VGATHERQPS: case OP_VGATHERQPD: case OP_VPGATHERDD:
    case OP_VPGATHERDQ: case OP_VPGATHERQD: case OP_VPGATHERQQ: return gather;
    default: return NULL;
    }
}
