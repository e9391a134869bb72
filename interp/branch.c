/* JMP Jcc CALL RET LOOP JCXZ, near and far, IRET. Return addresses on the stack are offsets in the
 * code segment; eip here is linear. With a 16-bit operand size the offset is cut to 16 bits. */
#include "core/log.h"
#include "core/thread.h"
#include "interp/int.h"
#include "interp/operand.h"

/* Offset in the code segment -> linear; #GP if it is beyond the segment's limit. */
static gaddr code_linear_checked(struct cpu *c, const struct insn *in, uint32_t off)
{
    if (off > c->seg[SEG_CS].limit) {
        c->cur = in;
        cpu_fault_gp(c, 0);
    }
    return off + c->seg_base[SEG_CS];
}

static inline gaddr code_linear(struct cpu *c, const struct insn *in, uint32_t off)
{
    if (in->opsize == 2)
        off &= 0xffff;
    return likely(!(c->mode & MODE_SEGS)) ? off : code_linear_checked(c, in, off);
}

/* Target of a relative branch: decoded for a code segment that begins at 0. */
static inline gaddr rel_target(struct cpu *c, const struct insn *in)
{
    if (likely(!(c->mode & MODE_SEGS)))
        return in->imm;
    return code_linear(c, in, in->imm - c->seg_base[SEG_CS]);
}

#define JCC(n)                                                                                     \
    HANDLER(jcc_##n)                                                                               \
    {                                                                                              \
        if (cond(cpu, n))                                                                          \
            return interp_jump(cpu, in, 1, rel_target(cpu, in));                                   \
        return interp_jump(cpu, in, 0, in->next);                                                  \
    }
JCC(0) JCC(1) JCC(2) JCC(3) JCC(4) JCC(5) JCC(6) JCC(7)
JCC(8) JCC(9) JCC(10) JCC(11) JCC(12) JCC(13) JCC(14) JCC(15)

HANDLER(jmp_rel)
{
    return interp_jump(cpu, in, 0, rel_target(cpu, in));
}

uint64_t interp_ways[INTERP_WAYS];

static void note_way(gaddr from, gaddr to)
{
    static unsigned next;
    unsigned k = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % INTERP_WAYS;
    __atomic_store_n(&interp_ways[k], (uint64_t)from << 32 | to, __ATOMIC_RELAXED);
}

/* Notes where a jump led, for the translator. */
static inline gaddr noted(const struct insn *in, gaddr target)
{
    struct insn_links *l = (struct insn_links *)(uintptr_t)(in + 1);
    if (__atomic_load_n(&l->led_to, __ATOMIC_RELAXED) != target) {
        note_way(in->eip, target);
        __atomic_store_n(&l->led_to, target, __ATOMIC_RELAXED);
        __atomic_store_n(&l->moved, l->moved + 1, __ATOMIC_RELAXED);
    }
    return target;
}

HANDLER(jmp_ind)
{
    gaddr target = code_linear(cpu, in, opnd_read(cpu, in, 0));
    return interp_jump_indirect(cpu, in, noted(in, target));
}

/* Stores the return address and gives the target of a call. That the stack is writable is checked
 * before the target's offset is, but nothing is stored if that is beyond the limit. */
static inline gaddr call_to(struct cpu *c, const struct insn *in, uint32_t off)
{
    unsigned size = in->opsize;
    gaddr a = ea_stack(c, in, -(int32_t)size, size, true), target = off;
    if (unlikely(c->mode & MODE_SEGS)) {
        probe_write(a, size);
        target = code_linear(c, in, off);
    } else if (size == 2) {
        target = off & 0xffff;
    }
    mem_store(a, size, in->next - c->seg_base[SEG_CS]);
    stack_add(c, -(int32_t)size);
    return target;
}

/* Translated code mirrors calls and returns on a stack of its own, which knows nothing of this one: what is there
 * would not be found to be wrong before a later return comes to it. */
static inline void unmirror(struct cpu *cpu)
{
    cpu->host.ret_sp = cpu->host.ret_top;
}

HANDLER(call_rel)
{
    unmirror(cpu);
    return interp_jump(cpu, in, 0, call_to(cpu, in, in->imm - cpu->seg_base[SEG_CS]));
}

HANDLER(call_ind)
{
    unmirror(cpu);
    return interp_jump_indirect(cpu, in, call_to(cpu, in, opnd_read(cpu, in, 0)));
}

HANDLER(ret_near)
{
    unmirror(cpu);
    unsigned size = in->opsize;
    uint32_t off = mem_load(ea_stack(cpu, in, 0, size, false), size);
    gaddr target = code_linear(cpu, in, off);
    stack_add(cpu, (int32_t)(size + (in->nopnd ? in->imm & 0xffff : 0)));
    return interp_jump_indirect(cpu, in, target);
}

HANDLER(op_loop)
{
    bool small = in->flags & INSN_ADDR16;
    uint32_t n = (small ? *r16(cpu, REG_ECX) : cpu->gpr[REG_ECX]) - 1;
    bool take = (small ? n & 0xffff : n) &&
                (in->op == OP_LOOP || flag_zf(cpu) == (in->op == OP_LOOPE));
    gaddr target = take ? rel_target(cpu, in) : in->next;
    reg_write(cpu, REG_ECX, small ? 2 : 4, n);
    return interp_jump(cpu, in, take, target);
}

HANDLER(op_jcxz)
{
    uint32_t n = in->flags & INSN_ADDR16 ? *r16(cpu, REG_ECX) : cpu->gpr[REG_ECX];
    return n ? interp_jump(cpu, in, 0, in->next) : interp_jump(cpu, in, 1, rel_target(cpu, in));
}

/* ---- far ---- */

/* The code segment, saved while a far transfer may still fault. */
struct cs_save {
    struct seg_cache seg;
    uint16_t sel;
};

static struct cs_save cs_get(const struct cpu *c)
{
    return (struct cs_save){c->seg[SEG_CS], c->sel[SEG_CS]};
}

static void cs_put(struct cpu *c, const struct cs_save *s)
{
    c->seg[SEG_CS] = s->seg;
    c->sel[SEG_CS] = s->sel;
    cpu_update_mode(c);
}

/* 64-bit code, which the x86-64 kernel's GDT offers to everybody: the processor would go on at
 * `off` in another instruction set, which xrun does not have. */
static _Noreturn void enter_64bit(struct cpu *c, uint32_t off)
{
    log_event("jump to 64-bit code at %08x: not supported", off);
    c->trap = (struct cpu_trap){.vec = TRAP_UD, .addr = c->trap.addr};
    c->eip = off;
    siglongjmp(c->thread->trap_jb, 1);
}

static bool is_64bit(const struct cpu *c, uint16_t sel)
{
    struct seg_cache d;
    const uint16_t code_long = SEGATTR_P | 0x18 | SEGATTR_L, bits = code_long | SEGATTR_DB;
    return cpu_find_desc(c, sel, &d) && (d.attr & bits) == code_long;
}

/* What CS becomes by a transfer to sel. Faults, with CS as before, if it cannot. */
static struct cs_save far_segment(struct cpu *c, const struct insn *in, uint16_t sel, uint32_t off)
{
    struct cs_save old = cs_get(c);
    c->cur = in;
    int vec = cpu_load_cs(c, sel);
    if (vec && is_64bit(c, sel))
        enter_64bit(c, off);
    if (vec)
        cpu_fault(c, (enum trap)vec, sel & 0xfffcu, 0);
    struct cs_save new = cs_get(c);
    cs_put(c, &old);
    return new;
}

static void far_limit(struct cpu *c, const struct insn *in, const struct cs_save *to, uint32_t off)
{
    c->cur = in;
    if ((in->opsize == 2 ? off & 0xffff : off) > to->seg.limit)
        cpu_fault_gp(c, 0);
}

static struct cs_save far_check(struct cpu *c, const struct insn *in, uint16_t sel, uint32_t off)
{
    struct cs_save to = far_segment(c, in, sel, off);
    far_limit(c, in, &to, off);
    return to;
}

/* The far pointer operand: selector and offset. */
static uint16_t far_pointer(struct cpu *c, const struct insn *in, uint32_t *off)
{
    if (in->o[0].kind == OPND_FAR) {
        *off = in->imm;
        return in->imm2;
    }
    unsigned size = in->opsize;
    *off = mem_load(ea(c, in, size, false), size);
    return ld16(ea_plus(c, in, size, 2, false));
}

static const struct insn *far_go(struct cpu *c, const struct insn *in, const struct cs_save *to,
                                 uint32_t off)
{
    cs_put(c, to);
    c->eip = (in->opsize == 2 ? off & 0xffff : off) + c->seg_base[SEG_CS];
    return interp_exit(c, in, EXIT_BRANCH);
}

HANDLER(jmp_far)
{
    uint32_t off;
    uint16_t sel = far_pointer(cpu, in, &off);
    struct cs_save to = far_check(cpu, in, sel, off);
    return far_go(cpu, in, &to, off);
}

HANDLER(call_far) /* the return address is stored before the limit is checked */
{
    uint32_t off, ret = in->next - cpu->seg_base[SEG_CS];
    int32_t size = in->opsize;
    uint16_t sel = far_pointer(cpu, in, &off);
    struct cs_save to = far_segment(cpu, in, sel, off);
    mem_store(ea_stack(cpu, in, -size, (uint32_t)size, true), (unsigned)size, cpu->sel[SEG_CS]);
    mem_store(ea_stack(cpu, in, -2 * size, (uint32_t)size, true), (unsigned)size, ret);
    far_limit(cpu, in, &to, off);
    stack_add(cpu, -2 * size);
    return far_go(cpu, in, &to, off);
}

HANDLER(ret_far)
{
    int32_t size = in->opsize;
    uint32_t sel = mem_load(ea_stack(cpu, in, size, (uint32_t)size, false), (unsigned)size);
    uint32_t off = mem_load(ea_stack(cpu, in, 0, (uint32_t)size, false), (unsigned)size);
    int32_t release = in->nopnd ? (int32_t)(in->imm & 0xffff) : 0;
    if ((sel & 3) != 3) { /* would be another privilege level: new ss and esp are read before the check */
        mem_load(ea_stack(cpu, in, 3 * size + release, (uint32_t)size, false), (unsigned)size);
        mem_load(ea_stack(cpu, in, 2 * size + release, (uint32_t)size, false), (unsigned)size);
        cpu_fault_gp(cpu, sel & 0xfffc);
    }
    struct cs_save to = far_check(cpu, in, (uint16_t)sel, off);
    stack_add(cpu, 2 * size + release);
    return far_go(cpu, in, &to, off);
}

enum { IRET_FLAGS = EFL_STATUS | EFL_TF | EFL_DF | EFL_NT | EFL_AC | EFL_ID };

HANDLER(op_iret)
{
    int32_t size = in->opsize;
    uint32_t v[3];
    if (cpu->eflags & EFL_NT) {
        cpu->cur = in;
        cpu_fault_gp(cpu, 0);
    }
    for (int i = 2; i >= 0; i--)
        v[i] = mem_load(ea_stack(cpu, in, i * size, (uint32_t)size, false), (unsigned)size);
    if ((v[1] & 3) != 3) { /* as RET */
        mem_load(ea_stack(cpu, in, 4 * size, (uint32_t)size, false), (unsigned)size);
        cpu_fault_gp(cpu, v[1] & 0xfffc);
    }
    struct cs_save to = far_check(cpu, in, (uint16_t)v[1], v[0]);
    stack_add(cpu, 3 * size);
    uint32_t change = size == 2 ? IRET_FLAGS & 0xffff : IRET_FLAGS | EFL_RF;
    cpu->eflags = (cpu->eflags & ~(change & ~(uint32_t)EFL_STATUS)) |
                  (v[2] & change & ~(uint32_t)(EFL_STATUS | EFL_RF));
    flags_set_status(cpu, v[2]);
    cpu_update_mode(cpu); /* AC may have changed */
    return far_go(cpu, in, &to, v[0]);
}

insn_fn bind_branch(const struct insn *in)
{
    static const insn_fn jcc[16] = {jcc_0, jcc_1, jcc_2,  jcc_3,  jcc_4,  jcc_5,  jcc_6,  jcc_7,
                                    jcc_8, jcc_9, jcc_10, jcc_11, jcc_12, jcc_13, jcc_14, jcc_15};
    const struct opnd *o = &in->o[0];
    bool far = o->kind == OPND_FAR || (o->kind == OPND_MEM && o->size == in->opsize + 2);
    switch (in->op) {
    case OP_JCC: return jcc[in->cc & 15];
    case OP_JMP: return far ? jmp_far : o->kind == OPND_REL ? jmp_rel : jmp_ind;
    case OP_CALL: return far ? call_far : o->kind == OPND_REL ? call_rel : call_ind;
    case OP_RET: return (in->opcode & 0xf8) == 0xc8 ? ret_far : ret_near;
    case OP_LOOP: case OP_LOOPE: case OP_LOOPNE: return op_loop;
    case OP_JCXZ: return op_jcxz;
    case OP_IRET: return op_iret;
    default: return NULL;
    }
}
