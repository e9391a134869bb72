/* x87: stack discipline, exceptions, and every instruction on top of core/fp.
 * Rules (SDM vol. 1 ch. 8): a waiting instruction first reports a pending unmasked exception
 * (#MF). Unmasked IE, ZE, DE leave operands and stack as they were; unmasked OE, UE with a
 * register destination deliver the bias-adjusted result, with a memory destination store nothing. */
#include "core/fp.h"
#include "core/mem.h"
#include "core/x87state.h"
#include "interp/operand.h"

enum { SW_C0 = 0x100, SW_C1 = 0x200, SW_C2 = 0x400, SW_C3 = 0x4000, SW_ES = 0x80,
       SW_CC = SW_C0 | SW_C1 | SW_C2 | SW_C3 };
enum { PRE = FP_IE | FP_DE | FP_ZE, RANGE = FP_OE | FP_UE };

static const struct f80 indefinite = {UINT64_C(0xc000000000000000), 0xffff};

static inline struct f80 *st(struct cpu *c, unsigned i)
{
    return &c->fpu.st[(c->fpu.top + i) & 7];
}

static inline bool st_empty(const struct cpu *c, unsigned i)
{
    return c->fpu.empty >> ((c->fpu.top + i) & 7) & 1;
}

static inline void set_full(struct cpu *c, unsigned i)
{
    c->fpu.empty &= (uint8_t)~(1u << ((c->fpu.top + i) & 7));
}

static inline void pop(struct cpu *c)
{
    c->fpu.empty |= (uint8_t)(1u << c->fpu.top);
    c->fpu.top = (c->fpu.top + 1) & 7;
}

static inline void push(struct cpu *c, struct f80 v)
{
    c->fpu.top = (c->fpu.top - 1) & 7;
    c->fpu.st[c->fpu.top] = v;
    c->fpu.empty &= (uint8_t)~(1u << c->fpu.top);
}

/* Every waiting instruction begins with this. */
static inline void begin(struct cpu *c, const struct insn *in)
{
    c->cur = in;
    if (unlikely(c->fpu.sw & SW_ES))
        cpu_fault(c, TRAP_MF, 0, 0);
}

/* Last instruction pointers, for those that are not control instructions: offsets and selectors. */
static inline void note(struct cpu *c, const struct insn *in)
{
    c->fpu.fip = in->eip - c->seg_base[SEG_CS];
    c->fpu.fcs = c->sel[SEG_CS];
    c->fpu.fop = (uint16_t)((in->opcode & 7) << 8 | in->modrm);
}

static inline void note_mem(struct cpu *c, const struct insn *in, gaddr a)
{
    note(c, in);
    c->fpu.fdp = a - c->seg_base[in->seg];
    c->fpu.fds = c->sel[in->seg];
}

static inline struct fp_env env(const struct cpu *c)
{
    static const uint8_t prec[4] = {24, 64, 53, 64};
    uint16_t cw = c->fpu.cw;
    return (struct fp_env){.round = cw >> 10 & 3, .mask = cw & FP_ALL, .prec = prec[cw >> 8 & 3]};
}

/* Adds exceptions to the status word, sets C1. True if an unmasked pre-exception forbids the
 * result. */
static bool commit(struct cpu *c, const struct fp_env *e)
{
    struct x87 *f = &c->fpu;
    unsigned flags = e->flags & FP_ALL;
    bool blocked = flags & ~e->mask & PRE, c1 = e->c1 && !blocked;
    if (unlikely(blocked)) /* the operation has not been done: nothing was rounded */
        flags &= PRE;
    f->sw = (uint16_t)((f->sw & ~SW_C1) | flags | (c1 ? SW_C1 : 0));
    if (unlikely(flags & ~e->mask))
        x87_update_es(f);
    return blocked;
}

/* Stack fault: C1 1 overflow, 0 underflow. True if masked: the indefinite is the result. */
static bool stack_fault(struct cpu *c, bool over)
{
    struct x87 *f = &c->fpu;
    f->sw = (uint16_t)((f->sw & ~SW_C1) | FP_IE | FP_SF | (over ? SW_C1 : 0));
    x87_update_es(f);
    return f->cw & FP_IE;
}

/* ---- loads ---- */

static void push_checked(struct cpu *c, struct f80 v, const struct fp_env *e)
{
    if (!st_empty(c, 7)) {
        if (stack_fault(c, true))
            push(c, indefinite);
        return;
    }
    commit(c, e);
    if (!(e->flags & ~e->mask & FP_IE)) /* a denormal is loaded even if DE is unmasked */
        push(c, v);
}

static struct f80 load80(gaddr a)
{
    struct f80 v = {ld64(a), 0};
    v.se = ld16(a + 8);
    return v;
}

/* Address of a 10-byte operand, which is accessed as 8 and 2 bytes. */
static gaddr ea_10(struct cpu *c, const struct insn *in, bool write)
{
    gaddr a = ea(c, in, 8, write);
    if (unlikely(in->flags & INSN_SEG_CHECK)) {
        if (write)
            probe_write(a, 8);
        else
            ld64(a);
        ea_plus(c, in, 8, 2, write);
    }
    return a;
}

/* The memory operand as an 80-bit number: float, double or (int_op) integer. */
static struct f80 load_operand(struct cpu *c, const struct insn *in, bool int_op, struct fp_env *e)
{
    bool fld = in->op == OP_FLD;
    unsigned size = in->o[0].size;
    gaddr a = size == 10 ? ea_10(c, in, false) : ea(c, in, size, false);
    struct f80 v;
    if (int_op)
        v = fp_cvt_i64_to_80(size == 2 ? (int16_t)ld16(a)
                             : size == 4 ? (int32_t)ld32(a) : (int64_t)ld64(a));
    else if (size == 4)
        v = fld ? fp_cvt32_to_80(ld32(a), e) : fp_widen32(ld32(a), e);
    else if (size == 8)
        v = fld ? fp_cvt64_to_80(ld64(a), e) : fp_widen64(ld64(a), e);
    else
        v = load80(a);
    note_mem(c, in, a);
    return v;
}

BODY(op_fld)
{
    begin(cpu, in);
    struct fp_env e = env(cpu);
    if (in->o[0].kind == OPND_MEM) {
        push_checked(cpu, load_operand(cpu, in, false, &e), &e);
        DONE;
    }
    note(cpu, in);
    if (st_empty(cpu, in->o[0].reg)) {
        if (stack_fault(cpu, false))
            push(cpu, indefinite);
        DONE;
    }
    push_checked(cpu, *st(cpu, in->o[0].reg), &e);
    DONE;
}

BODY(op_fild)
{
    begin(cpu, in);
    struct fp_env e = env(cpu);
    push_checked(cpu, load_operand(cpu, in, true, &e), &e);
    DONE;
}

BODY(op_fbld)
{
    uint8_t b[10];
    begin(cpu, in);
    struct fp_env e = env(cpu);
    gaddr a = ea_10(cpu, in, false);
    for (unsigned i = 0; i < 10; i++)
        b[i] = ld8(a + i);
    note_mem(cpu, in, a);
    push_checked(cpu, fp_from_bcd(b), &e);
    DONE;
}

/* Constants: chopped or rounded by RC (SDM vol. 2, FLD1...): to nearest; the last bit changes
 * downwards for some when rounding down or to zero, upwards for FLDL2T when rounding up. */
BODY(op_fldconst)
{
    static const struct { uint16_t op; uint16_t se; uint64_t sig; int8_t down, up; } k[] = {
        {OP_FLD1, 0x3fff, UINT64_C(0x8000000000000000), 0, 0},
        {OP_FLDL2T, 0x4000, UINT64_C(0xd49a784bcd1b8afe), 0, 1},
        {OP_FLDL2E, 0x3fff, UINT64_C(0xb8aa3b295c17f0bc), -1, 0},
        {OP_FLDPI, 0x4000, UINT64_C(0xc90fdaa22168c235), -1, 0},
        {OP_FLDLG2, 0x3ffd, UINT64_C(0x9a209a84fbcff799), -1, 0},
        {OP_FLDLN2, 0x3ffe, UINT64_C(0xb17217f7d1cf79ac), -1, 0},
        {OP_FLDZ, 0, 0, 0, 0},
    };
    begin(cpu, in);
    note(cpu, in);
    struct fp_env e = env(cpu);
    for (size_t i = 0; i < ARRAY_SIZE(k); i++) {
        if (k[i].op != in->op)
            continue;
        struct f80 v = {k[i].sig, k[i].se};
        if (e.round == FP_DOWN || e.round == FP_ZERO)
            v.sig += (uint64_t)(int64_t)k[i].down;
        else if (e.round == FP_UP)
            v.sig += (uint64_t)(int64_t)k[i].up;
        push_checked(cpu, v, &e);
    }
    DONE;
}

/* ---- stores ---- */

static void store80(gaddr a, struct f80 v)
{
    st16(a + 8, v.se); /* the end first: a fault there leaves all */
    st64(a, v.sig);
}

/* After a store to memory: exceptions, pop. */
static void finish_store(struct cpu *c, const struct fp_env *e, bool pops)
{
    struct fp_env f = *e;
    if (f.flags & ~f.mask & RANGE) { /* nothing was stored, so nothing was rounded */
        f.flags &= (uint8_t)~FP_PE;
        f.c1 = 0;
    }
    bool blocked = commit(c, &f) || (f.flags & ~f.mask & RANGE);
    if (pops && !blocked)
        pop(c);
}

static bool store_blocked(const struct fp_env *e)
{
    return e->flags & ~e->mask & (PRE | RANGE);
}

BODY(op_fst_mem)
{
    unsigned size = in->o[0].size;
    begin(cpu, in);
    struct fp_env e = env(cpu);
    gaddr a = size == 10 ? ea_10(cpu, in, true) : ea(cpu, in, size, true);
    probe_write(a, size);
    struct f80 v = *st(cpu, 0);
    bool under = st_empty(cpu, 0);
    if (under) {
        if (!(cpu->fpu.cw & FP_IE)) {
            stack_fault(cpu, false);
            note_mem(cpu, in, a);
            DONE;
        }
        v = indefinite;
    }
    if (size == 4) {
        uint32_t r = fp_cvt80_to_32(v, &e);
        if (!store_blocked(&e))
            st32(a, r);
    } else if (size == 8) {
        uint64_t r = fp_cvt80_to_64(v, &e);
        if (!store_blocked(&e))
            st64(a, r);
    } else {
        store80(a, v);
    }
    note_mem(cpu, in, a);
    if (under) {
        stack_fault(cpu, false);
        if (in->op == OP_FSTP)
            pop(cpu);
        DONE;
    }
    finish_store(cpu, &e, in->op == OP_FSTP);
    DONE;
}

BODY(op_fst_reg)
{
    begin(cpu, in);
    note(cpu, in);
    unsigned i = in->o[0].reg;
    bool pops = in->op != OP_FST;
    if (in->op == OP_FSTPNCE) { /* copies value and tag, raises nothing */
        bool empty = st_empty(cpu, 0);
        *st(cpu, i) = *st(cpu, 0);
        set_full(cpu, i);
        if (empty)
            cpu->fpu.empty |= (uint8_t)(1u << ((cpu->fpu.top + i) & 7));
        pop(cpu);
        DONE;
    }
    if (st_empty(cpu, 0)) {
        if (!stack_fault(cpu, false))
            DONE;
        *st(cpu, i) = indefinite;
    } else {
        cpu->fpu.sw &= (uint16_t)~SW_C1;
        *st(cpu, i) = *st(cpu, 0);
    }
    set_full(cpu, i);
    if (pops)
        pop(cpu);
    DONE;
}

BODY(op_fist) /* FIST FISTP FISTTP */
{
    unsigned size = in->o[0].size;
    begin(cpu, in);
    struct fp_env e = env(cpu);
    gaddr a = ea(cpu, in, size, true);
    probe_write(a, size);
    bool under = st_empty(cpu, 0);
    struct f80 v = under ? indefinite : *st(cpu, 0);
    int round = in->op == OP_FISTTP ? FP_ZERO : e.round;
    if (under && !(cpu->fpu.cw & FP_IE)) {
        stack_fault(cpu, false);
        note_mem(cpu, in, a);
        DONE;
    }
    if (size == 2) {
        int16_t r = fp_cvt80_to_i16(v, round, &e);
        if (!store_blocked(&e))
            st16(a, (uint16_t)r);
    } else if (size == 4) {
        int32_t r = fp_cvt80_to_i32(v, round, &e);
        if (!store_blocked(&e))
            st32(a, (uint32_t)r);
    } else {
        int64_t r = fp_cvt80_to_i64(v, round, &e);
        if (!store_blocked(&e))
            st64(a, (uint64_t)r);
    }
    note_mem(cpu, in, a);
    if (under) {
        stack_fault(cpu, false);
        if (in->op != OP_FIST)
            pop(cpu);
        DONE;
    }
    finish_store(cpu, &e, in->op != OP_FIST);
    DONE;
}

BODY(op_fbstp)
{
    uint8_t b[10];
    begin(cpu, in);
    struct fp_env e = env(cpu);
    gaddr a = ea_10(cpu, in, true);
    probe_write(a, 10);
    bool under = st_empty(cpu, 0);
    if (under && !(cpu->fpu.cw & FP_IE)) {
        stack_fault(cpu, false);
        note_mem(cpu, in, a);
        DONE;
    }
    fp_to_bcd(under ? indefinite : *st(cpu, 0), b, &e);
    if (!store_blocked(&e))
        for (unsigned i = 10; i-- > 0;)
            st8(a + i, b[i]);
    note_mem(cpu, in, a);
    if (under) {
        stack_fault(cpu, false);
        pop(cpu);
        DONE;
    }
    finish_store(cpu, &e, true);
    DONE;
}

/* ---- arithmetic ---- */

typedef struct f80 (*fp80_fn)(struct f80 a, struct f80 b, struct fp_env *e);

/* The function and whether operands are exchanged, by operation. */
static fp80_fn arith_of(unsigned op, bool *reverse)
{
    *reverse = false;
    switch (op) {
    case OP_FADD: case OP_FADDP: case OP_FIADD: return fp_add80;
    case OP_FMUL: case OP_FMULP: case OP_FIMUL: return fp_mul80;
    case OP_FSUBR: case OP_FSUBRP: case OP_FISUBR: *reverse = true; /* fall through */
    case OP_FSUB: case OP_FSUBP: case OP_FISUB: return fp_sub80;
    case OP_FDIVR: case OP_FDIVRP: case OP_FIDIVR: *reverse = true; /* fall through */
    default: return fp_div80;
    }
}

/* dest = dest op src, with the stack and exception rules. True if the result was delivered. */
static bool is_nan(struct f80 a)
{
    return ((a.se & 0x7fff) == 0x7fff && a.sig << 1) || ((a.se & 0x7fff) && !(a.sig >> 63));
}

/* e->flags may hold DE or IE of loading src: a NaN, an invalid operation or a division by zero
 * hides the former. */
static bool arith(struct cpu *c, unsigned op, unsigned dest, struct f80 src, bool src_empty,
                  struct fp_env *e)
{
    uint8_t load = e->flags;
    e->flags = 0;
    bool reverse;
    fp80_fn fn = arith_of(op, &reverse);
    if (st_empty(c, dest) || src_empty) {
        if (!stack_fault(c, false))
            return false;
        *st(c, dest) = indefinite;
        set_full(c, dest);
        return true;
    }
    struct f80 d = *st(c, dest), r = reverse ? fn(src, d, e) : fn(d, src, e);
    e->flags |= load & FP_IE;
    if (!(e->flags & (FP_IE | FP_ZE)) && !is_nan(d) && !is_nan(src))
        e->flags |= load & FP_DE;
    if (commit(c, e))
        return false;
    *st(c, dest) = r;
    return true;
}

BODY(op_arith_mem)
{
    begin(cpu, in);
    struct fp_env e = env(cpu);
    bool int_op = in->op == OP_FIADD || in->op == OP_FIMUL || in->op == OP_FISUB ||
                  in->op == OP_FISUBR || in->op == OP_FIDIV || in->op == OP_FIDIVR;
    struct f80 v = load_operand(cpu, in, int_op, &e);
    if (st_empty(cpu, 0))
        e.flags = 0;
    arith(cpu, in->op, 0, v, false, &e);
    DONE;
}

static bool arith_pops(unsigned op)
{
    return op == OP_FADDP || op == OP_FMULP || op == OP_FSUBP || op == OP_FSUBRP ||
           op == OP_FDIVP || op == OP_FDIVRP;
}

BODY(op_arith_reg)
{
    begin(cpu, in);
    note(cpu, in);
    struct fp_env e = env(cpu);
    unsigned d = in->o[0].reg, s = in->o[1].reg;
    if (arith(cpu, in->op, d, *st(cpu, s), st_empty(cpu, s), &e) && arith_pops(in->op))
        pop(cpu);
    DONE;
}

/* ST(0) = f(ST(0)). */
#define UNARY(name, expr)                                                                          \
    BODY(name)                                                                                  \
    {                                                                                              \
        begin(cpu, in);                                                                            \
        note(cpu, in);                                                                             \
        struct fp_env e = env(cpu);                                                                \
        if (st_empty(cpu, 0)) {                                                                    \
            if (stack_fault(cpu, false)) {                                                         \
                *st(cpu, 0) = indefinite;                                                          \
                set_full(cpu, 0);                                                                  \
            }                                                                                      \
            DONE;                                                                                  \
        }                                                                                          \
        struct f80 a = *st(cpu, 0), r = expr;                                                      \
        if (!commit(cpu, &e))                                                                      \
            *st(cpu, 0) = r;                                                                       \
        DONE;                                                                                      \
    }
UNARY(op_fsqrt, fp_sqrt80(a, &e))
UNARY(op_frndint, fp_rint80(a, &e))
UNARY(op_fchs, ((struct f80){a.sig, a.se ^ 0x8000}))
UNARY(op_fabs, ((struct f80){a.sig, a.se & 0x7fff}))
UNARY(op_f2xm1, fp_f2xm1(a, &e))

BODY(op_fscale)
{
    begin(cpu, in);
    note(cpu, in);
    struct fp_env e = env(cpu);
    if (st_empty(cpu, 0) || st_empty(cpu, 1)) {
        if (stack_fault(cpu, false)) {
            *st(cpu, 0) = indefinite;
            set_full(cpu, 0);
        }
        DONE;
    }
    struct f80 r = fp_scale80(*st(cpu, 0), *st(cpu, 1), &e);
    if (!commit(cpu, &e))
        *st(cpu, 0) = r;
    DONE;
}

BODY(op_fprem)
{
    begin(cpu, in);
    note(cpu, in);
    struct fp_env e = env(cpu);
    if (st_empty(cpu, 0) || st_empty(cpu, 1)) {
        cpu->fpu.sw &= (uint16_t)~SW_C2;
        if (stack_fault(cpu, false)) {
            *st(cpu, 0) = indefinite;
            set_full(cpu, 0);
        }
        DONE;
    }
    uint64_t q;
    bool done;
    struct f80 r = fp_rem80(*st(cpu, 0), *st(cpu, 1), in->op == OP_FPREM1, &q, &done, &e);
    bool blocked = commit(cpu, &e);
    cpu->fpu.sw &= (uint16_t)~(is_nan(r) || blocked ? SW_C1 | SW_C2 : SW_CC);
    if (!blocked && is_nan(r))
        *st(cpu, 0) = r;
    else if (!blocked) {
        cpu->fpu.sw |= (uint16_t)((done ? 0 : SW_C2) | (q & 1 ? SW_C1 : 0) | (q & 2 ? SW_C3 : 0) |
                                  (q & 4 ? SW_C0 : 0));
        *st(cpu, 0) = r;
    }
    DONE;
}

/* FYL2X FYL2XP1 FPATAN: ST(1) = f(ST(0), ST(1)), pop. */
BODY(op_two_pop)
{
    begin(cpu, in);
    note(cpu, in);
    struct fp_env e = env(cpu);
    struct f80 r = indefinite, x = *st(cpu, 0), y = *st(cpu, 1);
    if (st_empty(cpu, 0) || st_empty(cpu, 1)) {
        if (!stack_fault(cpu, false))
            DONE;
        set_full(cpu, 1);
    } else {
        r = in->op == OP_FYL2X ? fp_yl2x(x, y, &e)
            : in->op == OP_FYL2XP1 ? fp_yl2xp1(x, y, &e) : fp_patan(x, y, &e);
        if (commit(cpu, &e))
            DONE;
    }
    *st(cpu, 1) = r;
    pop(cpu);
    DONE;
}

BODY(op_fxtract)
{
    begin(cpu, in);
    note(cpu, in);
    struct fp_env e = env(cpu);
    struct f80 ex = indefinite, sig = indefinite;
    if (st_empty(cpu, 0) || !st_empty(cpu, 7)) {
        if (!stack_fault(cpu, !st_empty(cpu, 0)))
            DONE;
        set_full(cpu, 0);
    } else {
        fp_xtract80(*st(cpu, 0), &ex, &sig, &e);
        if (commit(cpu, &e))
            DONE;
    }
    *st(cpu, 0) = ex;
    push(cpu, sig);
    DONE;
}

/* |ST(0)| >= 2^63: C2 = 1 and nothing happens. */
static bool out_of_range(struct f80 a)
{
    unsigned e = a.se & 0x7fff;
    return e >= 0x3fff + 63 && e != 0x7fff && (a.sig >> 63);
}

BODY(op_trig) /* FSIN FCOS FSINCOS FPTAN */
{
    begin(cpu, in);
    note(cpu, in);
    struct fp_env e = env(cpu);
    bool two = in->op == OP_FSINCOS || in->op == OP_FPTAN;
    cpu->fpu.sw &= (uint16_t)~SW_C2;
    if (st_empty(cpu, 0) || (two && !st_empty(cpu, 7))) {
        if (!stack_fault(cpu, !st_empty(cpu, 0)))
            DONE;
        *st(cpu, 0) = indefinite;
        set_full(cpu, 0);
        if (two)
            push(cpu, indefinite);
        DONE;
    }
    struct f80 a = *st(cpu, 0), r, second = {UINT64_C(1) << 63, 0x3fff};
    if (out_of_range(a)) {
        cpu->fpu.sw = (uint16_t)((cpu->fpu.sw & ~SW_C1) | SW_C2);
        DONE;
    }
    if (in->op == OP_FSINCOS) /* first: C1 is the sine's */
        second = fp_cos(a, &e);
    r = in->op == OP_FCOS ? fp_cos(a, &e) : in->op == OP_FPTAN ? fp_tan(a, &e) : fp_sin(a, &e);
    if (commit(cpu, &e))
        DONE;
    *st(cpu, 0) = r;
    if (two)
        push(cpu, in->op == OP_FPTAN && (e.flags & FP_IE || (r.se & 0x7fff) == 0x7fff) ? r : second);
    DONE;
}

/* ---- comparisons ---- */

static void set_cc(struct cpu *c, enum fp_cmp r)
{
    uint16_t cc = r == FP_UNORD ? SW_C0 | SW_C2 | SW_C3 : r == FP_LT ? SW_C0 : r == FP_EQ ? SW_C3 : 0;
    c->fpu.sw = (uint16_t)((c->fpu.sw & ~(SW_C0 | SW_C2 | SW_C3)) | cc);
}

static void set_eflags(struct cpu *c, enum fp_cmp r)
{
    flags_set_status(c, r == FP_UNORD ? EFL_ZF | EFL_PF | EFL_CF
                        : r == FP_LT ? EFL_CF : r == FP_EQ ? EFL_ZF : 0);
}

/* Compares ST(0) with b: condition codes are set even if an unmasked exception is raised. True if
 * the instruction may pop. */
static bool compare(struct cpu *c, struct f80 b, bool empty, bool quiet, bool to_eflags,
                    struct fp_env *e)
{
    enum fp_cmp r = FP_UNORD;
    uint16_t c1 = c->fpu.sw & SW_C1;
    bool go;
    if (st_empty(c, 0) || empty) {
        go = stack_fault(c, false);
    } else {
        uint8_t load = e->flags;
        e->flags = 0;
        r = fp_cmp80(*st(c, 0), b, quiet, e);
        e->flags |= load & FP_IE;
        if (!(e->flags & FP_IE) && r != FP_UNORD)
            e->flags |= load & FP_DE;
        e->c1 = 0;
        go = !commit(c, e);
        if (to_eflags)
            c->fpu.sw |= c1; /* left alone */
    }
    if (to_eflags)
        set_eflags(c, r);
    else
        set_cc(c, r);
    return go;
}

BODY(op_fcom)
{
    begin(cpu, in);
    struct fp_env e = env(cpu);
    bool quiet = in->op == OP_FUCOM || in->op == OP_FUCOMP || in->op == OP_FUCOMPP;
    int pops = in->op == OP_FCOMPP || in->op == OP_FUCOMPP ? 2
               : in->op == OP_FCOMP || in->op == OP_FUCOMP || in->op == OP_FICOMP ? 1 : 0;
    struct f80 b;
    bool empty = false;
    if (in->nopnd && in->o[0].kind == OPND_MEM) {
        b = load_operand(cpu, in, in->op == OP_FICOM || in->op == OP_FICOMP, &e);
        if (st_empty(cpu, 0))
            e.flags = 0;
    } else if (in->op == OP_FTST) {
        note(cpu, in);
        b = (struct f80){0, 0};
    } else {
        unsigned i = in->nopnd ? in->o[in->nopnd - 1].reg : 1;
        note(cpu, in);
        b = *st(cpu, i);
        empty = st_empty(cpu, i);
    }
    if (compare(cpu, b, empty, quiet, false, &e))
        while (pops--)
            pop(cpu);
    DONE;
}

BODY(op_fcomi)
{
    begin(cpu, in);
    note(cpu, in);
    struct fp_env e = env(cpu);
    unsigned i = in->o[1].reg;
    bool quiet = in->op == OP_FUCOMI || in->op == OP_FUCOMIP;
    if (compare(cpu, *st(cpu, i), st_empty(cpu, i), quiet, true, &e) &&
        (in->op == OP_FCOMIP || in->op == OP_FUCOMIP))
        pop(cpu);
    DONE;
}

BODY(op_fxam)
{
    begin(cpu, in);
    note(cpu, in);
    struct f80 a = *st(cpu, 0);
    unsigned e = a.se & 0x7fff;
    uint16_t cc;
    if (st_empty(cpu, 0))
        cc = SW_C3 | SW_C0;
    else if (e && !(a.sig >> 63))
        cc = 0; /* unsupported */
    else if (e == 0x7fff)
        cc = a.sig << 1 ? SW_C0 : SW_C2 | SW_C0;
    else if (e)
        cc = SW_C2;
    else
        cc = a.sig ? SW_C3 | SW_C2 : SW_C3;
    cpu->fpu.sw = (uint16_t)((cpu->fpu.sw & ~SW_CC) | cc | (a.se >> 15 ? SW_C1 : 0));
    DONE;
}

/* ---- moves within the stack ---- */

BODY(op_fxch)
{
    begin(cpu, in);
    note(cpu, in);
    unsigned i = in->o[in->nopnd - 1].reg;
    if (st_empty(cpu, 0) || st_empty(cpu, i)) {
        if (!stack_fault(cpu, false))
            DONE;
        if (st_empty(cpu, 0))
            *st(cpu, 0) = indefinite;
        if (st_empty(cpu, i))
            *st(cpu, i) = indefinite;
        set_full(cpu, 0);
        set_full(cpu, i);
    } else {
        cpu->fpu.sw &= (uint16_t)~SW_C1;
    }
    struct f80 t = *st(cpu, 0);
    *st(cpu, 0) = *st(cpu, i);
    *st(cpu, i) = t;
    DONE;
}

BODY(op_fcmov)
{
    begin(cpu, in);
    note(cpu, in);
    unsigned i = in->o[1].reg;
    if (st_empty(cpu, 0) || st_empty(cpu, i)) {
        if (stack_fault(cpu, false)) {
            *st(cpu, 0) = indefinite; /* whatever the condition */
            set_full(cpu, 0);
        }
        DONE;
    }
    if (cond(cpu, in->cc))
        *st(cpu, 0) = *st(cpu, i);
    DONE;
}

BODY(op_ffree)
{
    begin(cpu, in);
    note(cpu, in);
    cpu->fpu.empty |= (uint8_t)(1u << ((cpu->fpu.top + in->o[0].reg) & 7));
    cpu->fpu.sw &= (uint16_t)~SW_C1;
    if (in->op == OP_FFREEP)
        pop(cpu);
    DONE;
}

BODY(op_fincdec)
{
    begin(cpu, in);
    note(cpu, in);
    cpu->fpu.top = (cpu->fpu.top + (in->op == OP_FINCSTP ? 1 : 7)) & 7;
    cpu->fpu.sw &= (uint16_t)~SW_C1;
    DONE;
}

/* ---- control ---- */

BODY(op_fwait)
{
    begin(cpu, in);
    DONE;
}

BODY(op_fnop) /* FENI, FDISI, FSETPM do nothing at all */
{
    if (in->opcode != 0xd9)
        DONE;
    begin(cpu, in);
    note(cpu, in);
    DONE;
}

static void init(struct x87 *f)
{
    f->cw = 0x37f;
    f->sw = 0;
    f->top = 0;
    f->empty = 0xff;
    f->fip = f->fdp = 0;
    f->fop = f->fcs = f->fds = 0;
}

BODY(op_fninit)
{
    (void)in;
    init(&cpu->fpu);
    DONE;
}

BODY(op_fnclex)
{
    (void)in;
    cpu->fpu.sw &= SW_CC;
    DONE;
}

BODY(op_fldcw)
{
    begin(cpu, in);
    cpu->fpu.cw = (uint16_t)((ld16(ea(cpu, in, 2, false)) & 0x1f7f) | 0x40);
    x87_update_es(&cpu->fpu);
    DONE;
}

BODY(op_fnstcw)
{
    st16(ea(cpu, in, 2, true), cpu->fpu.cw);
    DONE;
}

BODY(op_fnstsw)
{
    uint16_t sw = (uint16_t)(cpu->fpu.sw | cpu->fpu.top << 11);
    if (in->o[0].kind == OPND_MEM)
        st16(ea(cpu, in, 2, true), sw);
    else
        *r16(cpu, REG_EAX) = sw;
    DONE;
}

static void touch(gaddr a, unsigned n, bool write)
{
    if (write)
        probe_write(a, n);
    else
        mem_load(a, n);
}

/* Address of an environment or state of n bytes: the first word and the last byte are checked and
 * touched before the rest. */
static gaddr ea_area(struct cpu *c, const struct insn *in, unsigned n, bool write)
{
    gaddr a = ea(c, in, in->opsize, write);
    touch(a, in->opsize, write);
    ea_plus(c, in, n - in->opsize, in->opsize, write);
    touch(a + n - 1, 1, write);
    return ea(c, in, n, write);
}

/* FXSAVE's image: its ends are checked, and touched last byte first, before what is between. */
static gaddr ea_fx(struct cpu *c, const struct insn *in, bool write)
{
    uint32_t off = ea_offset(c, in);
    if (c->mode & MODE_AC) /* #AC comes before the segment's protection */
        ea(c, in, 4, false);
    gaddr a = ea(c, in, 4, write);
    if (a & 15)
        cpu_fault(c, in->seg == SEG_SS && off > UINT32_MAX - 3 ? TRAP_SS : TRAP_GP, 0, 0);
    touch(ea_plus(c, in, 508, 4, write) + 3, 1, write);
    touch(a, 4, write);
    return ea(c, in, 512, write);
}

static void copy_out(gaddr a, const uint8_t *p, unsigned n)
{
    probe_write(a, n);
    for (unsigned i = 0; i < n; i++)
        st8(a + i, p[i]);
}

static void copy_in(uint8_t *p, gaddr a, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        p[i] = ld8(a + i);
}

BODY(op_fnstenv)
{
    uint8_t b[28];
    unsigned n = in->opsize == 2 ? 14 : 28;
    x87_save_env(cpu, b, in->opsize);
    copy_out(ea_area(cpu, in, n, true), b, n);
    cpu->fpu.cw |= FP_ALL; /* all exceptions masked afterwards */
    x87_update_es(&cpu->fpu);
    DONE;
}

BODY(op_fldenv)
{
    uint8_t b[28];
    begin(cpu, in);
    unsigned n = in->opsize == 2 ? 14 : 28;
    copy_in(b, ea_area(cpu, in, n, false), n);
    x87_load_env(cpu, b, in->opsize);
    DONE;
}

BODY(op_fnsave)
{
    uint8_t b[108];
    unsigned n = in->opsize == 2 ? 94 : 108;
    x87_save_fsave(cpu, b, in->opsize);
    copy_out(ea_area(cpu, in, n, true), b, n);
    init(&cpu->fpu);
    DONE;
}

BODY(op_frstor)
{
    uint8_t b[108];
    begin(cpu, in);
    unsigned n = in->opsize == 2 ? 94 : 108;
    copy_in(b, ea_area(cpu, in, n, false), n);
    x87_load_fsave(cpu, b, in->opsize);
    DONE;
}

BODY(op_fxsave)
{
    uint8_t b[512];
    gaddr a = ea_fx(cpu, in, true);
    x87_save_fxsave(cpu, b);
    copy_out(a, b, 288);
    DONE;
}

BODY(op_fxrstor)
{
    uint8_t b[512];
    gaddr a = ea_fx(cpu, in, false);
    uint32_t mxcsr;
    copy_in(b, a, 288);
    memcpy(&mxcsr, b + 24, 4);
    if (mxcsr & 0xffff0000u)
        cpu_fault_gp(cpu, 0);
    x87_load_fxsave(cpu, b);
    DONE;
}

insn_fn interp_bind_x87(const struct insn *in)
{
    bool mem = in->nopnd && in->o[0].kind == OPND_MEM;
    switch (in->op) {
    case OP_FLD: return op_fld;
    case OP_FILD: return op_fild;
    case OP_FBLD: return op_fbld;
    case OP_FLD1: case OP_FLDL2T: case OP_FLDL2E: case OP_FLDPI: case OP_FLDLG2: case OP_FLDLN2:
    case OP_FLDZ: return op_fldconst;
    case OP_FST: case OP_FSTP: return mem ? op_fst_mem : op_fst_reg;
    case OP_FSTPNCE: return op_fst_reg;
    case OP_FIST: case OP_FISTP: case OP_FISTTP: return op_fist;
    case OP_FBSTP: return op_fbstp;
    case OP_FADD: case OP_FMUL: case OP_FSUB: case OP_FSUBR: case OP_FDIV: case OP_FDIVR:
    case OP_FADDP: case OP_FMULP: case OP_FSUBP: case OP_FSUBRP: case OP_FDIVP: case OP_FDIVRP:
    case OP_FIADD: case OP_FIMUL: case OP_FISUB: case OP_FISUBR: case OP_FIDIV: case OP_FIDIVR:
        return mem ? op_arith_mem : op_arith_reg;
    case OP_FSQRT: return op_fsqrt;
    case OP_FRNDINT: return op_frndint;
    case OP_FCHS: return op_fchs;
    case OP_FABS: return op_fabs;
    case OP_F2XM1: return op_f2xm1;
    case OP_FSCALE: return op_fscale;
    case OP_FPREM: case OP_FPREM1: return op_fprem;
    case OP_FYL2X: case OP_FYL2XP1: case OP_FPATAN: return op_two_pop;
    case OP_FXTRACT: return op_fxtract;
    case OP_FSIN: case OP_FCOS: case OP_FSINCOS: case OP_FPTAN: return op_trig;
    case OP_FCOM: case OP_FCOMP: case OP_FCOMPP: case OP_FUCOM: case OP_FUCOMP: case OP_FUCOMPP:
    case OP_FICOM: case OP_FICOMP: case OP_FTST: return op_fcom;
    case OP_FCOMI: case OP_FCOMIP: case OP_FUCOMI: case OP_FUCOMIP: return op_fcomi;
    case OP_FXAM: return op_fxam;
    case OP_FXCH: return op_fxch;
    case OP_FCMOVCC: return op_fcmov;
    case OP_FFREE: case OP_FFREEP: return op_ffree;
    case OP_FINCSTP: case OP_FDECSTP: return op_fincdec;
    case OP_FWAIT: return op_fwait;
    case OP_FNOP: return op_fnop;
    case OP_FNINIT: return op_fninit;
    case OP_FNCLEX: return op_fnclex;
    case OP_FLDCW: return op_fldcw;
    case OP_FNSTCW: return op_fnstcw;
    case OP_FNSTSW: return op_fnstsw;
    case OP_FNSTENV: return op_fnstenv;
    case OP_FLDENV: return op_fldenv;
    case OP_FNSAVE: return op_fnsave;
    case OP_FRSTOR: return op_frstor;
    case OP_FXSAVE: return op_fxsave;
    case OP_FXRSTOR: return op_fxrstor;
    default: return NULL;
    }
}
