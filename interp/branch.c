/* JMP Jcc CALL RET LOOP JCXZ, near and far, IRET. Return addresses on the stack are offsets in the
 * code segment; eip here is linear. With a 16-bit operand size the offset is cut to 16 bits. */
#include "interp/int.h"
#include "interp/operand.h"

/* Offset in the code segment -> linear. */
static inline gaddr code_linear(const struct cpu *c, const struct insn *in, uint32_t off)
{
    return (in->opsize == 2 ? off & 0xffff : off) + c->seg_base[SEG_CS];
}

/* Target of a relative branch: decoded for a code segment that begins at 0. */
static inline gaddr rel_target(const struct cpu *c, const struct insn *in)
{
    if (likely(!c->seg_base[SEG_CS] || in->opsize == 4))
        return in->imm;
    uint32_t base = c->seg_base[SEG_CS];
    return base + ((in->imm - (base & 0xffff)) & 0xffff);
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

HANDLER(jmp_ind)
{
    return interp_jump_indirect(cpu, in, code_linear(cpu, in, opnd_read(cpu, in, 0)));
}

static inline void push_return(struct cpu *c, const struct insn *in)
{
    unsigned size = in->opsize;
    mem_store(ea_stack(c, in, -(int32_t)size, size, true), size, in->next - c->seg_base[SEG_CS]);
    stack_add(c, -(int32_t)size);
}

HANDLER(call_rel)
{
    push_return(cpu, in);
    return interp_jump(cpu, in, 0, rel_target(cpu, in));
}

HANDLER(call_ind)
{
    uint32_t off = opnd_read(cpu, in, 0);
    push_return(cpu, in);
    return interp_jump_indirect(cpu, in, code_linear(cpu, in, off));
}

HANDLER(ret_near)
{
    unsigned size = in->opsize;
    uint32_t off = mem_load(ea_stack(cpu, in, 0, size, false), size);
    stack_add(cpu, (int32_t)(size + (in->nopnd ? in->imm & 0xffff : 0)));
    return interp_jump_indirect(cpu, in, code_linear(cpu, in, off));
}

HANDLER(op_loop)
{
    bool small = in->flags & INSN_ADDR16;
    uint32_t n = small ? --*r16(cpu, REG_ECX) : --cpu->gpr[REG_ECX];
    bool take = n && (in->op == OP_LOOP || flag_zf(cpu) == (in->op == OP_LOOPE));
    return take ? interp_jump(cpu, in, 1, rel_target(cpu, in)) : interp_jump(cpu, in, 0, in->next);
}

HANDLER(op_jcxz)
{
    uint32_t n = in->flags & INSN_ADDR16 ? *r16(cpu, REG_ECX) : cpu->gpr[REG_ECX];
    return n ? interp_jump(cpu, in, 0, in->next) : interp_jump(cpu, in, 1, rel_target(cpu, in));
}

/* ---- far ---- */

static void load_cs_or_fault(struct cpu *c, const struct insn *in, uint16_t sel)
{
    c->cur = in;
    int vec = cpu_load_cs(c, sel);
    if (vec)
        cpu_fault(c, (enum trap)vec, sel & 0xfffcu, 0);
}

/* The far pointer operand: selector and offset. */
static uint16_t far_pointer(struct cpu *c, const struct insn *in, uint32_t *off)
{
    if (in->o[0].kind == OPND_FAR) {
        *off = in->imm;
        return in->imm2;
    }
    unsigned size = in->opsize;
    gaddr a = ea(c, in, size + 2, false);
    *off = mem_load(a, size);
    return ld16(a + size);
}

static const struct insn *far_go(struct cpu *c, const struct insn *in, uint32_t off)
{
    c->eip = (in->opsize == 2 ? off & 0xffff : off) + c->seg_base[SEG_CS];
    return interp_exit(c, in, EXIT_BRANCH);
}

HANDLER(jmp_far)
{
    uint32_t off;
    uint16_t sel = far_pointer(cpu, in, &off);
    load_cs_or_fault(cpu, in, sel);
    return far_go(cpu, in, off);
}

HANDLER(call_far)
{
    uint32_t off, ret = in->next - cpu->seg_base[SEG_CS];
    int32_t size = in->opsize;
    uint16_t sel = far_pointer(cpu, in, &off), old_sel = cpu->sel[SEG_CS];
    struct seg_cache old = cpu->seg[SEG_CS];
    load_cs_or_fault(cpu, in, sel);
    struct seg_cache new = cpu->seg[SEG_CS];
    uint16_t new_sel = cpu->sel[SEG_CS];
    cpu->seg[SEG_CS] = old; /* until the stores have succeeded */
    cpu->sel[SEG_CS] = old_sel;
    cpu_update_mode(cpu);
    mem_store(ea_stack(cpu, in, -2 * size, (uint32_t)size, true), (unsigned)size, ret);
    mem_store(ea_stack(cpu, in, -size, (uint32_t)size, true), (unsigned)size, old_sel);
    stack_add(cpu, -2 * size);
    cpu->seg[SEG_CS] = new;
    cpu->sel[SEG_CS] = new_sel;
    cpu_update_mode(cpu);
    return far_go(cpu, in, off);
}

HANDLER(ret_far)
{
    int32_t size = in->opsize;
    uint32_t off = mem_load(ea_stack(cpu, in, 0, (uint32_t)size, false), (unsigned)size);
    uint32_t sel = mem_load(ea_stack(cpu, in, size, (uint32_t)size, false), (unsigned)size);
    if ((sel & 3) != 3)
        cpu_fault_gp(cpu, sel & 0xfffc);
    load_cs_or_fault(cpu, in, (uint16_t)sel);
    stack_add(cpu, 2 * size + (int32_t)(in->nopnd ? in->imm & 0xffff : 0));
    return far_go(cpu, in, off);
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
    if ((v[1] & 3) != 3)
        cpu_fault_gp(cpu, v[1] & 0xfffc);
    load_cs_or_fault(cpu, in, (uint16_t)v[1]);
    stack_add(cpu, 3 * size);
    uint32_t change = size == 2 ? IRET_FLAGS & 0xffff : IRET_FLAGS | EFL_RF;
    cpu->eflags = (cpu->eflags & ~(change & ~(uint32_t)EFL_STATUS)) |
                  (v[2] & change & ~(uint32_t)(EFL_STATUS | EFL_RF));
    flags_set_status(cpu, v[2]);
    return far_go(cpu, in, v[0]);
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
