/* Operands in memory. A guest address is a host address; registers that hold one are zero-
 * extended. base + displacement and base + index are not cut to 32 bits: what leaves the 4 GiB
 * faults, as nothing is mapped for 16 GiB above (the host's kernel fills its address space from the
 * top) and nothing below 0. Then the interpreter does it exactly, and the instruction is translated
 * anew with an address that is cut (a64_was_misaligned). An index, and a base that is added to a
 * constant address, count as signed, for loops that count up to 0.
 *
 * Order, where others may see the memory: a load comes before whatever follows it, a store after
 * whatever precedes it; that is all of x86's order, as Arm's stores reach all other processors
 * at once. LDAPR and STLR say just this, but fault if misaligned (with FEAT_LSE2: if they cross
 * 16 bytes); an instruction that did is translated anew with a plain access and a barrier. As
 * loads are always followed by something that orders them, a store's barrier only has to order
 * it behind other stores. */
#include "decode/decode.h"
#include "translate/aarch64/int.h"

struct a64_mem a64_at(unsigned base, int32_t disp)
{
    return (struct a64_mem){.base = base, .index = A64_NONE, .disp = disp};
}

/* ---- addresses ---- */

/* What loads with order and without can encode, or none, which costs an addition, not both. */
static bool disp_ok(const struct emit *e, int64_t disp, unsigned log2)
{
    if (log2 == LOG2_PAIR)
        return !(disp & 15) && disp >= -1024 && disp <= 1024;
    if (a64_fences(e))
        return a64_disp_ok_unscaled(disp);
    return a64_disp_ok_unscaled(disp) ||
           (disp >= 0 && disp >> log2 < 4096 && !(disp & ((1 << log2) - 1)));
}

void a64_add_disp(struct emit *e, unsigned d, unsigned n, uint32_t disp)
{
    if (a64_add_imm(e, A64_W, d, n, disp) || a64_sub_imm(e, A64_W, d, n, -disp))
        return;
    unsigned t = n == d ? A64_STUB : d;
    a64_const(e, t, disp);
    a64_add(e, A64_W, d, n, t);
}

void a64_bit_string(struct emit *e, unsigned number, unsigned base, unsigned log2)
{
    a64_sbfx(e, A64_W, A64_TMP3, number, log2, (1u << log2) - log2);
    a64_add_sh(e, A64_W, A64_ADDR, base, A64_TMP3, A64_LSL, log2 - 3);
}

/* A64_ADDR = n + disp, but for a part of disp that is left to the access: returned. */
static int32_t add_most(struct emit *e, unsigned n, uint32_t disp, unsigned log2, unsigned room)
{
    uint32_t low = disp & 4095, high = disp - low;
    bool shared = low && disp_ok(e, low, log2) && disp_ok(e, (int64_t)low + room, log2);
    if (shared && !a64_was_misaligned(e) &&
        (a64_add_imm(e, A64_W, A64_ADDR, n, high) || a64_sub_imm(e, A64_W, A64_ADDR, n, -high))) {
        a64_addr_hold(e, n, A64_NONE, 0, high);
        return (int32_t)low;
    }
    a64_add_disp(e, A64_ADDR, n, disp);
    a64_addr_hold(e, n, A64_NONE, 0, disp);
    return 0;
}

void a64_addr_make(struct emit *e, unsigned base, unsigned index, unsigned scale, uint32_t disp)
{
    uint32_t left = disp;
    if (base != A64_ADDR && a64_addr_held(e, base, index, scale, &left) && !left)
        return;
    unsigned to = base == A64_NONE ? (unsigned)A64_ADDR : base;
    if (base == A64_NONE)
        a64_const(e, A64_ADDR, disp);
    else if (disp || index == A64_NONE)
        a64_add_disp(e, A64_ADDR, base, disp);
    if (index != A64_NONE)
        a64_add_sh(e, A64_W, A64_ADDR, disp ? (unsigned)A64_ADDR : to, index, A64_LSL, scale);
    a64_addr_hold(e, base, index, scale, disp);
}

/* The address's register part, A64_NONE if there is none; what is left of the displacement goes to
 * *disp. */
static unsigned address(struct emit *e, const struct insn *in, uint32_t *disp)
{
    bool gs = in->seg == SEG_GS;
    unsigned base = in->base != REG_ZERO ? a64_gpr(in->base) : A64_NONE;
    *disp = in->disp;
    if (gs) {
        a64_cpu_load(e, A64_LDR_W, A64_STUB, offsetof(struct cpu, seg_base) + 4 * SEG_GS);
        if (base == A64_NONE) {
            base = A64_STUB;
        } else {
            a64_add(e, A64_W, A64_ADDR, A64_STUB, base);
            base = A64_ADDR;
        }
    }
    if (in->index != REG_ZERO) {
        unsigned index = a64_gpr(in->index);
        if (base != A64_NONE) {
            a64_addr_make(e, base, index, in->scale, 0);
        } else if (in->scale || *disp) {
            a64_addr_make(e, A64_NONE, index, in->scale, *disp);
            *disp = 0;
        } else {
            return index;
        }
        return A64_ADDR;
    }
    return base;
}

/* A64_ADDR = the address of what the instruction accesses by fs; the interpreter does it if the segment does not reach
 * so far (Wine's is one page). -1: nothing emitted. */
static int fs_address(struct emit *e, const struct insn *in)
{
    const struct opnd *mem = a64_mem_opnd(in);
    bool can_be_slow = decode_op_class(in->op) == CLASS_INT && !(in->flags & INSN_END);
    if (!mem || !can_be_slow)
        return -1;
    a64_addr_make(e, in->base != REG_ZERO ? a64_gpr(in->base) : (unsigned)A64_NONE,
                  in->index != REG_ZERO ? a64_gpr(in->index) : (unsigned)A64_NONE, in->scale, in->disp);
    a64_cpu_load(e, A64_LDR_X, A64_STUB, offsetof(struct cpu, fs_reach));
    a64_sub(e, A64_X, A64_STUB, A64_STUB, A64_ADDR);
    a64_must(a64_sub_imm(e, A64_X, A64_STUB, A64_STUB, mem->size));
    a64_lsr_imm(e, A64_X, A64_STUB, A64_STUB, 63);
    uint8_t *beyond = e->p;
    a64_must(a64_cbnz(e, A64_W, A64_STUB, 0));
    a64_slow(e, beyond);
    a64_cpu_load(e, A64_LDR_W, A64_STUB, offsetof(struct cpu, seg_base) + 4 * SEG_FS);
    a64_add(e, A64_W, A64_ADDR, A64_STUB, A64_ADDR);
    return A64_ADDR;
}

static bool fits(const struct emit *e, uint32_t disp, unsigned log2, unsigned room)
{
    return disp_ok(e, (int32_t)disp, log2) && disp_ok(e, (int64_t)(int32_t)disp + room, log2) &&
           !(disp && a64_was_misaligned(e));
}

int a64_addr(struct emit *e, const struct insn *in, unsigned log2, unsigned room, int32_t *disp)
{
    *disp = 0;
    if (in->seg == SEG_FS && !(in->flags & INSN_ADDR16))
        return fs_address(e, in);
    if ((in->flags & INSN_ADDR16) || !translate_segment_ok(in, e->tr->mode))
        return -1;
    uint32_t d;
    unsigned base = address(e, in, &d);
    *disp = (int32_t)d;
    if (base != A64_NONE && fits(e, d, log2, room))
        return (int)base;
    uint32_t left = d;
    bool held = base != A64_ADDR && a64_addr_held(e, base, A64_NONE, 0, &left);
    if (held && fits(e, left, log2, room)) {
        *disp = (int32_t)left;
    } else if (base == A64_NONE) {
        a64_addr_make(e, base, A64_NONE, 0, d);
        *disp = 0;
    } else {
        *disp = add_most(e, base, d, log2, room);
    }
    return A64_ADDR;
}

bool a64_mem(struct emit *e, const struct insn *in, unsigned log2, struct a64_mem *m)
{
    *m = a64_at(0, 0);
    int base = a64_addr(e, in, log2, 0, &m->disp);
    m->base = (unsigned)base;
    return base >= 0;
}

/* A displacement that is the address of something rather than the offset in it. */
static bool is_address(uint32_t disp)
{
    return disp >= 4u << 20 && disp <= INT32_MAX;
}

bool a64_mem_indexed(struct emit *e, const struct insn *in, unsigned log2, struct a64_mem *m)
{
    bool has_base = in->base != REG_ZERO, has_index = in->index != REG_ZERO;
    unsigned pointer = has_base ? a64_gpr(in->base) : (unsigned)A64_ADDR;
    bool scaled = has_index && in->scale;
    if (a64_fences(e) || a64_was_misaligned(e) || in->seg >= SEG_FS || (in->flags & INSN_ADDR16) ||
        (scaled && in->scale != log2) || !translate_segment_ok(in, e->tr->mode))
        return a64_mem(e, in, log2, m);
    if (has_index) {
        if (has_base ? in->disp && disp_ok(e, (int32_t)in->disp, log2) : !in->disp)
            return a64_mem(e, in, log2, m);
        if (!has_base || in->disp)
            a64_addr_make(e, has_base ? pointer : (unsigned)A64_NONE, A64_NONE, 0, in->disp);
        if (in->disp)
            pointer = A64_ADDR;
    } else {
        if (!has_base || !is_address(in->disp))
            return a64_mem(e, in, log2, m);
        a64_addr_make(e, A64_NONE, A64_NONE, 0, in->disp);
        pointer = A64_ADDR;
    }
    unsigned index = a64_gpr(has_index ? in->index : in->base);
    *m = (struct a64_mem){.base = pointer, .index = index, .ext = A64_SXTW, .scaled = scaled};
    return true;
}

int a64_whole_addr(struct emit *e, const struct insn *in)
{
    int32_t disp;
    int base = a64_addr(e, in, 0, 0, &disp);
    if (base < 0 || !disp)
        return base;
    a64_add_disp(e, A64_ADDR, (unsigned)base, (uint32_t)disp);
    return A64_ADDR;
}

/* ---- order ---- */

bool a64_fences(const struct emit *e)
{
    return e->tr->ordered && !a64_tso;
}

bool a64_was_misaligned(const struct emit *e)
{
    return e->tr->insn[e->index].in->flags & INSN_MISALIGNED;
}

/* For accesses without displacement. */
static unsigned just_base(struct emit *e, const struct a64_mem *m)
{
    if (!m->disp)
        return m->base;
    if (!a64_add_imm(e, A64_W, A64_LR, m->base, (uint32_t)m->disp))
        a64_must(a64_sub_imm(e, A64_W, A64_LR, m->base, -(uint32_t)m->disp));
    return A64_LR;
}

enum { OPC_LOAD_SX64 = 2, OPC_LOAD_SX32 = 3 };

static void load_acquire(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m)
{
    unsigned size = op >> 30, opc = op >> 22 & 3;
    if (a64_has.lrcpc2) {
        a64_must(a64_ldst_rcpc2(e, A64_RCPC2_OF(op), t, m->base, m->disp));
        return;
    }
    a64_ldapr(e, (enum a64_size)size, t, just_base(e, m));
    if (opc == OPC_LOAD_SX64 || opc == OPC_LOAD_SX32)
        a64_bf_get(e, A64_SBFM, opc == OPC_LOAD_SX64, t, t, 0, 8u << size);
}

static void store_release(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m)
{
    if (a64_has.lrcpc2)
        a64_must(a64_ldst_rcpc2(e, A64_RCPC2_OF(op), t, m->base, m->disp));
    else
        a64_stlr(e, (enum a64_size)(op >> 30), t, just_base(e, m));
}

/* Vector registers of 4 and 8 bytes pass through a general one; A64_LR may hold the address. */
static bool by_gpr(enum a64_ldst op, const struct a64_mem *m)
{
    bool word = op == A64_LDR_S || op == A64_STR_S || op == A64_LDR_D || op == A64_STR_D;
    return word && (a64_has.lrcpc2 || !m->disp);
}

static enum a64_ldst gpr_form(enum a64_ldst op)
{
    return (enum a64_ldst)(op & ~A64_LDST_VECTOR);
}

static bool ordered_load(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m)
{
    if (!a64_has.lrcpc || m->index != A64_NONE || a64_was_misaligned(e))
        return false;
    if (!(op & A64_LDST_VECTOR)) {
        load_acquire(e, op, t, m);
        return true;
    }
    if (!by_gpr(op, m))
        return false;
    load_acquire(e, gpr_form(op), A64_LR, m);
    a64_fmov_from_gpr(e, op == A64_LDR_D, t, A64_LR);
    return true;
}

static bool ordered_store(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m)
{
    if (m->index != A64_NONE || a64_was_misaligned(e))
        return false;
    if (!(op & A64_LDST_VECTOR)) {
        store_release(e, op, t, m);
        return true;
    }
    if (!by_gpr(op, m))
        return false;
    a64_fmov_to_gpr(e, op == A64_STR_D, A64_LR, t);
    store_release(e, gpr_form(op), A64_LR, m);
    return true;
}

/* ---- accesses ---- */

static void access(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m)
{
    if (m->index != A64_NONE)
        a64_ldst_reg(e, op, t, m->base, m->index, m->ext, m->scaled);
    else
        a64_must(a64_ldst(e, op, t, m->base, m->disp));
}

void a64_load(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m)
{
    if (a64_fences(e) && ordered_load(e, op, t, m))
        return;
    access(e, op, t, m);
    if (a64_fences(e))
        a64_dmb_ishld(e);
}

void a64_store(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m)
{
    if (a64_fences(e) && ordered_store(e, op, t, m))
        return;
    if (a64_fences(e))
        a64_dmb_ishst(e);
    access(e, op, t, m);
}

void a64_cpu_load(struct emit *e, enum a64_ldst op, unsigned t, size_t offset)
{
    a64_must(a64_ldst(e, op, t, A64_CPU, (int64_t)offset));
}

void a64_cpu_store(struct emit *e, enum a64_ldst op, unsigned t, size_t offset)
{
    a64_must(a64_ldst(e, op, t, A64_CPU, (int64_t)offset));
}

void a64_push(struct emit *e, unsigned r)
{
    if (a64_fences(e) && a64_has.lrcpc2 && !a64_was_misaligned(e)) {
        a64_must(a64_ldst_rcpc2(e, A64_STLUR_W, r, A64_ESP, -4));
        a64_must(a64_sub_imm(e, A64_W, A64_ESP, A64_ESP, 4));
        return;
    }
    if (a64_fences(e))
        a64_dmb_ishst(e);
    a64_must(a64_ldst_index(e, A64_STR_W, r, A64_ESP, -4, A64_PRE));
}

void a64_pop(struct emit *e, unsigned r)
{
    if (a64_fences(e) && a64_has.lrcpc && !a64_was_misaligned(e)) {
        a64_ldapr(e, A64_SIZE_W, r, A64_ESP);
        a64_must(a64_add_imm(e, A64_W, A64_ESP, A64_ESP, 4));
        return;
    }
    a64_must(a64_ldst_index(e, A64_LDR_W, r, A64_ESP, 4, A64_POST));
    if (a64_fences(e))
        a64_dmb_ishld(e);
}
