/* PUSH POP PUSHA POPA ENTER LEAVE. esp moves only after the access has succeeded. */
#include "interp/int.h"
#include "interp/operand.h"

static inline void push(struct cpu *c, const struct insn *in, uint32_t v)
{
    unsigned size = in->opsize;
    mem_store(ea_stack(c, in, -(int32_t)size, size, true), size, v);
    stack_add(c, -(int32_t)size);
}

HANDLER(push_r32)
{
    uint32_t v = cpu->gpr[in->o[0].reg];
    st32(ea_stack(cpu, in, -4, 4, true), v);
    stack_add(cpu, -4);
    NEXT;
}

HANDLER(push_any)
{
    push(cpu, in, opnd_read(cpu, in, 0));
    NEXT;
}

HANDLER(push_seg) /* zero-extended, as AMD and older Intel CPUs do; newer ones store 16 bits */
{
    push(cpu, in, cpu->sel[in->o[0].reg]);
    NEXT;
}

HANDLER(pop_r32)
{
    uint32_t v = ld32(ea_stack(cpu, in, 0, 4, false));
    stack_add(cpu, 4);
    cpu->gpr[in->o[0].reg] = v;
    NEXT;
}

HANDLER(pop_r16)
{
    uint16_t v = ld16(ea_stack(cpu, in, 0, 2, false));
    stack_add(cpu, 2);
    *r16(cpu, in->o[0].reg) = v;
    NEXT;
}

HANDLER(pop_mem) /* the address is computed with the incremented esp */
{
    unsigned size = in->opsize;
    uint32_t v = mem_load(ea_stack(cpu, in, 0, size, false), size), esp = cpu->gpr[REG_ESP];
    stack_add(cpu, (int32_t)size);
    uint32_t off = ea_offset(cpu, in), after = cpu->gpr[REG_ESP];
    cpu->gpr[REG_ESP] = esp; /* as before the instruction, should the store fault */
    bool check = in->flags & INSN_SEG_CHECK || in->seg == SEG_CS /* not writable */;
    gaddr a = check ? ea_checked(cpu, in->seg, off, size, true) : off + cpu->seg_base[in->seg];
    mem_store(a, size, v);
    cpu->gpr[REG_ESP] = after;
    NEXT;
}

HANDLER(pop_seg)
{
    unsigned size = in->opsize;
    uint32_t sel = mem_load(ea_stack(cpu, in, 0, size, false), size) & 0xffff;
    uint32_t esp = cpu->gpr[REG_ESP];
    bool stack16 = cpu->mode & MODE_STACK16;
    int vec = cpu_load_seg(cpu, in->o[0].reg, (uint16_t)sel);
    if (vec)
        cpu_fault(cpu, (enum trap)vec, sel & 0xfffc, 0);
    if (stack16)
        *r16(cpu, REG_ESP) = (uint16_t)(esp + size);
    else
        cpu->gpr[REG_ESP] = esp + size;
    return interp_next_mode(cpu, in);
}

HANDLER(op_pusha)
{
    int32_t size = in->opsize;
    for (int i = 0; i < 8; i++) /* the slots written before a fault stay written */
        mem_store(ea_stack(cpu, in, -(i + 1) * size, (uint32_t)size, true), (unsigned)size,
                  cpu->gpr[i]);
    stack_add(cpu, -8 * size);
    NEXT;
}

HANDLER(op_popa) /* registers loaded before a fault stay loaded */
{
    int32_t size = in->opsize;
    for (int i = 0; i < 8; i++) {
        uint32_t v = mem_load(ea_stack(cpu, in, i * size, (uint32_t)size, false), (unsigned)size);
        if (7 - i != REG_ESP)
            reg_write(cpu, (unsigned)(7 - i), (unsigned)size, v);
    }
    stack_add(cpu, 8 * size);
    NEXT;
}

HANDLER(op_enter)
{
    int32_t size = in->opsize, below = -size;
    uint32_t level = in->imm2 & 31, ebp = cpu->gpr[REG_EBP];
    mem_store(ea_stack(cpu, in, below, (uint32_t)size, true), (unsigned)size, ebp);
    uint32_t esp = cpu->gpr[REG_ESP], frame = esp + (uint32_t)below;
    if (cpu->mode & MODE_STACK16)
        frame = (esp & 0xffff0000) | (frame & 0xffff);
    for (uint32_t i = 1; i < level; i++) {
        int32_t from = (int32_t)(ebp - cpu->gpr[REG_ESP]) - (int32_t)i * size;
        uint32_t v = mem_load(ea_stack(cpu, in, from, (uint32_t)size, false), (unsigned)size);
        below -= size;
        mem_store(ea_stack(cpu, in, below, (uint32_t)size, true), (unsigned)size, v);
    }
    if (level) {
        below -= size;
        mem_store(ea_stack(cpu, in, below, (uint32_t)size, true), (unsigned)size, frame);
    }
    below -= (int32_t)in->imm;
    probe_write(ea_stack(cpu, in, below, (uint32_t)size, true), (unsigned)size); /* the new top must be writable */
    reg_write(cpu, REG_EBP, (unsigned)size, frame);
    stack_add(cpu, below);
    NEXT;
}

HANDLER(op_leave)
{
    int32_t size = in->opsize;
    int32_t delta = (int32_t)(cpu->gpr[REG_EBP] - cpu->gpr[REG_ESP]);
    uint32_t v = mem_load(ea_stack(cpu, in, delta, (uint32_t)size, false), (unsigned)size);
    stack_add(cpu, delta + size);
    reg_write(cpu, REG_EBP, (unsigned)size, v);
    NEXT;
}

insn_fn bind_stack(const struct insn *in)
{
    const struct opnd *o = &in->o[0];
    switch (in->op) {
    case OP_PUSH:
        if (o->kind == OPND_SEG)
            return push_seg;
        return o->kind == OPND_GPR && in->opsize == 4 ? push_r32 : push_any;
    case OP_POP:
        if (o->kind == OPND_SEG)
            return pop_seg;
        return o->kind == OPND_MEM ? pop_mem : in->opsize == 4 ? pop_r32 : pop_r16;
    case OP_PUSHA: return op_pusha;
    case OP_POPA: return op_popa;
    case OP_ENTER: return op_enter;
    case OP_LEAVE: return op_leave;
    default: return NULL;
    }
}
