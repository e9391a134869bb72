/* Moves: MOV MOVZX MOVSX LEA XCHG CMOVCC SETCC BSWAP MOVBE XADD CMPXCHG CMPXCHG8B XLAT LAHF SAHF
 * CBW CWDE CWD CDQ MOVNTI. */
#include "interp/alu.h"
#include "interp/int.h"
#include "interp/operand.h"

#define MOVES(B)                                                                                   \
    HANDLER(mov##B##_rr)                                                                           \
    {                                                                                              \
        *r##B(cpu, in->o[0].reg) = *r##B(cpu, in->o[1].reg);                                       \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(mov##B##_ri)                                                                           \
    {                                                                                              \
        *r##B(cpu, in->o[0].reg) = (uint##B##_t)in->imm;                                           \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(mov##B##_rm)                                                                           \
    {                                                                                              \
        *r##B(cpu, in->o[0].reg) = ld##B(ea(cpu, in, B / 8, false));                               \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(mov##B##_mr)                                                                           \
    {                                                                                              \
        st##B(ea(cpu, in, B / 8, true), *r##B(cpu, in->o[1].reg));                                 \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(mov##B##_mi)                                                                           \
    {                                                                                              \
        st##B(ea(cpu, in, B / 8, true), (uint##B##_t)in->imm);                                     \
        NEXT;                                                                                      \
    }
MOVES(8)
MOVES(16)
MOVES(32)

/* MOV r32, [base + disp] without index or segment: the commonest load and store. */
HANDLER(mov32_load_base)
{
    cpu->cur = in;
    cpu->gpr[in->o[0].reg] = ld32(cpu->gpr[in->base] + in->disp);
    NEXT;
}

HANDLER(mov32_store_base)
{
    cpu->cur = in;
    st32(cpu->gpr[in->base] + in->disp, cpu->gpr[in->o[1].reg]);
    NEXT;
}

HANDLER(mov_from_seg) /* a 32-bit register gets the selector zero-extended, memory 16 bits */
{
    uint32_t v = cpu->sel[in->o[1].reg];
    if (in->o[0].kind == OPND_MEM)
        st16(ea(cpu, in, 2, true), (uint16_t)v);
    else if (in->opsize == 2)
        *r16(cpu, in->o[0].reg) = (uint16_t)v;
    else
        *r32(cpu, in->o[0].reg) = v;
    NEXT;
}

HANDLER(mov_to_seg)
{
    uint32_t sel = in->o[1].kind == OPND_MEM ? ld16(ea(cpu, in, 2, false))
                                              : *r16(cpu, in->o[1].reg);
    cpu->cur = in;
    if (in->o[0].reg == SEG_CS)
        cpu_fault_ud(cpu);
    int vec = cpu_load_seg(cpu, in->o[0].reg, (uint16_t)sel);
    if (vec)
        cpu_fault(cpu, (enum trap)vec, sel & 0xfffc, 0);
    return interp_next_mode(cpu, in);
}

HANDLER(mov_privileged) /* control and debug registers */
{
    cpu->cur = in;
    cpu_fault_gp(cpu, 0);
}

#define EXTEND(name, D, S, cast)                                                                   \
    HANDLER(name##_r)                                                                              \
    {                                                                                              \
        *r##D(cpu, in->o[0].reg) = (uint##D##_t)(cast)*r##S(cpu, in->o[1].reg);                    \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(name##_m)                                                                              \
    {                                                                                              \
        *r##D(cpu, in->o[0].reg) = (uint##D##_t)(cast)ld##S(ea(cpu, in, S / 8, false));            \
        NEXT;                                                                                      \
    }
EXTEND(movzx32_8, 32, 8, uint8_t)
EXTEND(movzx32_16, 32, 16, uint16_t)
EXTEND(movzx16_8, 16, 8, uint8_t)
EXTEND(movsx32_8, 32, 8, int8_t)
EXTEND(movsx32_16, 32, 16, int16_t)
EXTEND(movsx16_8, 16, 8, int8_t)
EXTEND(movx16_16, 16, 16, uint16_t)

HANDLER(lea32)
{
    *r32(cpu, in->o[0].reg) = ea_offset(cpu, in);
    NEXT;
}

HANDLER(lea16)
{
    *r16(cpu, in->o[0].reg) = (uint16_t)ea_offset(cpu, in);
    NEXT;
}

HANDLER(lea_base_disp)
{
    cpu->gpr[in->o[0].reg] = cpu->gpr[in->base] + in->disp;
    NEXT;
}

HANDLER(xchg_rr)
{
    unsigned size = in->o[0].size;
    uint32_t a = reg_read(cpu, in->o[0].reg, size), b = reg_read(cpu, in->o[1].reg, size);
    reg_write(cpu, in->o[0].reg, size, b);
    reg_write(cpu, in->o[1].reg, size, a);
    NEXT;
}

HANDLER(xchg_mem) /* always locked */
{
    unsigned size = in->o[0].size;
    unsigned reg = in->o[0].kind == OPND_MEM ? in->o[1].reg : in->o[0].reg;
    gaddr a = ea(cpu, in, size, true);
    uint32_t new = reg_read(cpu, reg, size), old = mem_load(a, size), seen;
    while ((seen = (uint32_t)atomic_cas(a, old, new, size)) != old)
        old = seen;
    reg_write(cpu, reg, size, old);
    NEXT;
}

HANDLER(op_cmov) /* the source is read, and may fault, whatever the condition */
{
    uint32_t v = opnd_read(cpu, in, 1);
    if (cond(cpu, in->cc))
        reg_write(cpu, in->o[0].reg, in->o[0].size, v);
    NEXT;
}

HANDLER(op_setcc)
{
    opnd_write(cpu, in, 0, cond(cpu, in->cc));
    NEXT;
}

HANDLER(op_bswap)
{
    uint32_t *p = r32(cpu, in->o[0].reg);
    if (in->opsize == 2)
        *r16(cpu, in->o[0].reg) = 0; /* undefined; hardware clears it */
    else
        *p = __builtin_bswap32(*p);
    NEXT;
}

HANDLER(op_movbe)
{
    uint32_t v = opnd_read(cpu, in, 1);
    opnd_write(cpu, in, 0, in->o[0].size == 2 ? __builtin_bswap16((uint16_t)v) : __builtin_bswap32(v));
    NEXT;
}

static uint32_t alu_sized(struct cpu *c, uint32_t a, uint32_t b, unsigned size, bool sub)
{
    if (sub)
        return size == 4 ? alu_SUB(c, a, b, 32) : size == 2 ? alu_SUB(c, a, b, 16)
                                                            : alu_SUB(c, a, b, 8);
    return size == 4 ? alu_ADD(c, a, b, 32) : size == 2 ? alu_ADD(c, a, b, 16)
                                                        : alu_ADD(c, a, b, 8);
}

HANDLER(op_xadd)
{
    struct rmw m;
    unsigned size = in->o[0].size;
    uint32_t b = reg_read(cpu, in->o[1].reg, size);
    if (in->o[0].kind == OPND_GPR) {
        uint32_t a = reg_read(cpu, in->o[0].reg, size);
        reg_write(cpu, in->o[1].reg, size, a);
        reg_write(cpu, in->o[0].reg, size, alu_sized(cpu, a, b, size, false));
        NEXT;
    }
    do
        rmw_begin(cpu, in, &m);
    while (!rmw_end(cpu, in, &m, m.old + b));
    alu_sized(cpu, m.old, b, size, false);
    reg_write(cpu, in->o[1].reg, size, m.old);
    NEXT;
}

HANDLER(op_cmpxchg) /* memory is always written, with the old value if it differs */
{
    struct rmw m;
    unsigned size = in->o[0].size;
    uint32_t acc = reg_read(cpu, REG_EAX, size), src = reg_read(cpu, in->o[1].reg, size);
    do
        rmw_begin(cpu, in, &m);
    while (!rmw_end(cpu, in, &m, m.old == acc ? src : m.old));
    alu_sized(cpu, acc, m.old, size, true);
    if (m.old != acc)
        reg_write(cpu, REG_EAX, size, m.old);
    NEXT;
}

HANDLER(op_cmpxchg8b) /* always written, too */
{
    gaddr a = ea(cpu, in, 8, true);
    uint64_t old = (uint64_t)cpu->gpr[REG_EDX] << 32 | cpu->gpr[REG_EAX];
    uint64_t val = (uint64_t)cpu->gpr[REG_ECX] << 32 | cpu->gpr[REG_EBX];
    uint64_t seen = ld64(a), now;
    if (in->flags & INSN_LOCK)
        for (; (now = atomic_cas(a, seen, seen == old ? val : seen, 8)) != seen; seen = now)
            ;
    else
        st64(a, seen == old ? val : seen);
    uint32_t st = flags_get_status(cpu) & ~(uint32_t)EFL_ZF;
    flags_set_status(cpu, st | (seen == old ? EFL_ZF : 0));
    if (seen != old) {
        cpu->gpr[REG_EAX] = (uint32_t)seen;
        cpu->gpr[REG_EDX] = (uint32_t)(seen >> 32);
    }
    NEXT;
}

HANDLER(op_xlat)
{
    cpu->cur = in;
    uint32_t off = cpu->gpr[REG_EBX] + *r8(cpu, 0);
    if (in->flags & INSN_ADDR16)
        off &= 0xffff;
    gaddr a = in->flags & INSN_SEG_CHECK ? ea_checked(cpu, in->seg, off, 1, false) : off;
    *r8(cpu, 0) = ld8(a);
    NEXT;
}

HANDLER(op_lahf)
{
    *r8(cpu, 4) = (uint8_t)((flags_get_status(cpu) & 0xd5) | 2);
    NEXT;
}

HANDLER(op_sahf)
{
    uint32_t of = flags_get_status(cpu) & EFL_OF;
    flags_set_status(cpu, (*r8(cpu, 4) & 0xd5u) | of);
    NEXT;
}

HANDLER(op_cbw) { *r16(cpu, REG_EAX) = (uint16_t)(int8_t)cpu->gpr[REG_EAX]; NEXT; }
HANDLER(op_cwde) { cpu->gpr[REG_EAX] = (uint32_t)(int16_t)cpu->gpr[REG_EAX]; NEXT; }
HANDLER(op_cwd) { *r16(cpu, REG_EDX) = (uint16_t)((int16_t)cpu->gpr[REG_EAX] >> 15); NEXT; }
HANDLER(op_cdq) { cpu->gpr[REG_EDX] = (uint32_t)((int32_t)cpu->gpr[REG_EAX] >> 31); NEXT; }

static insn_fn bind_plain_mov(const struct insn *in)
{
    static const insn_fn table[3][5] = {
        {mov8_rr, mov8_ri, mov8_rm, mov8_mr, mov8_mi},
        {mov16_rr, mov16_ri, mov16_rm, mov16_mr, mov16_mi},
        {mov32_rr, mov32_ri, mov32_rm, mov32_mr, mov32_mi},
    };
    const struct opnd *d = &in->o[0], *s = &in->o[1];
    if (d->kind == OPND_SEG)
        return mov_to_seg;
    if (s->kind == OPND_SEG)
        return mov_from_seg;
    if (d->kind >= OPND_CR || s->kind >= OPND_CR)
        return mov_privileged;
    bool simple = in->index == REG_ZERO && !(in->flags & (INSN_SEG_CHECK | INSN_ADDR16));
    if (d->size == 4 && simple && s->kind == OPND_MEM)
        return mov32_load_base;
    if (d->size == 4 && simple && d->kind == OPND_MEM && s->kind == OPND_GPR)
        return mov32_store_base;
    unsigned form = d->kind == OPND_MEM ? (s->kind == OPND_IMM ? 4 : 3)
                                        : s->kind == OPND_IMM ? 1 : s->kind == OPND_MEM ? 2 : 0;
    return table[d->size == 4 ? 2 : d->size - 1][form];
}

static insn_fn bind_extend(const struct insn *in)
{
    bool m = in->o[1].kind == OPND_MEM, sx = in->op == OP_MOVSX;
    if (in->o[0].size == 4 && in->o[1].size == 1)
        return sx ? (m ? movsx32_8_m : movsx32_8_r) : (m ? movzx32_8_m : movzx32_8_r);
    if (in->o[0].size == 4)
        return sx ? (m ? movsx32_16_m : movsx32_16_r) : (m ? movzx32_16_m : movzx32_16_r);
    if (in->o[1].size == 1)
        return sx ? (m ? movsx16_8_m : movsx16_8_r) : (m ? movzx16_8_m : movzx16_8_r);
    return m ? movx16_16_m : movx16_16_r;
}

insn_fn bind_mov(const struct insn *in)
{
    switch (in->op) {
    case OP_MOV: return bind_plain_mov(in);
    case OP_MOVNTI: return mov32_mr;
    case OP_MOVZX: case OP_MOVSX: return bind_extend(in);
    case OP_LEA:
        if (in->o[0].size == 2)
            return lea16;
        return in->index == REG_ZERO && !(in->flags & INSN_ADDR16) ? lea_base_disp : lea32;
    case OP_XCHG:
        return in->o[0].kind == OPND_MEM || in->o[1].kind == OPND_MEM ? xchg_mem : xchg_rr;
    case OP_CMOVCC: return op_cmov;
    case OP_SETCC: return op_setcc;
    case OP_BSWAP: return op_bswap;
    case OP_MOVBE: return op_movbe;
    case OP_XADD: return op_xadd;
    case OP_CMPXCHG: return op_cmpxchg;
    case OP_CMPXCHG8B: return op_cmpxchg8b;
    case OP_XLAT: return op_xlat;
    case OP_LAHF: return op_lahf;
    case OP_SAHF: return op_sahf;
    case OP_CBW: return op_cbw;
    case OP_CWDE: return op_cwde;
    case OP_CWD: return op_cwd;
    case OP_CDQ: return op_cdq;
    default: return NULL;
    }
}
