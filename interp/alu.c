/* ADD OR ADC SBB AND SUB XOR CMP TEST, INC DEC NEG NOT: a function per width and operand form. */
#include "interp/alu.h"
#include "interp/int.h"
#include "interp/operand.h"

/* Forms: rr, ri, rm (register destination), mr, mi (memory destination), lr, li (LOCKed). W is 1
 * if the result is written. */
#define FORMS(OP, B, W)                                                                            \
    HANDLER(OP##B##_rr)                                                                            \
    {                                                                                              \
        uint32_t r = alu_##OP(cpu, *r##B(cpu, in->o[0].reg), *r##B(cpu, in->o[1].reg), B);         \
        if (W)                                                                                     \
            *r##B(cpu, in->o[0].reg) = (uint##B##_t)r;                                             \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(OP##B##_ri)                                                                            \
    {                                                                                              \
        uint32_t r = alu_##OP(cpu, *r##B(cpu, in->o[0].reg), (uint##B##_t)in->imm, B);             \
        if (W)                                                                                     \
            *r##B(cpu, in->o[0].reg) = (uint##B##_t)r;                                             \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(OP##B##_rm)                                                                            \
    {                                                                                              \
        uint32_t b = ld##B(ea(cpu, in, B / 8, false));                                             \
        uint32_t r = alu_##OP(cpu, *r##B(cpu, in->o[0].reg), b, B);                                \
        if (W)                                                                                     \
            *r##B(cpu, in->o[0].reg) = (uint##B##_t)r;                                             \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(OP##B##_mr)                                                                            \
    {                                                                                              \
        gaddr m = ea(cpu, in, B / 8, W);                                                           \
        struct flags_save s = flags_save(cpu);                                                     \
        uint32_t a = ld##B(m);                                                                     \
        uint32_t r = alu_##OP(cpu, a, *r##B(cpu, in->o[1].reg), B);                                \
        if (W)                                                                                     \
            store_or_restore##B(cpu, m, (uint##B##_t)r, s);                                        \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(OP##B##_mi)                                                                            \
    {                                                                                              \
        gaddr m = ea(cpu, in, B / 8, W);                                                           \
        struct flags_save s = flags_save(cpu);                                                     \
        uint32_t a = ld##B(m);                                                                     \
        uint32_t r = alu_##OP(cpu, a, (uint##B##_t)in->imm, B);                                    \
        if (W)                                                                                     \
            store_or_restore##B(cpu, m, (uint##B##_t)r, s);                                        \
        NEXT;                                                                                      \
    }

#define LOCKED(OP, B)                                                                              \
    HANDLER(OP##B##_lock)                                                                          \
    {                                                                                              \
        gaddr m = ea(cpu, in, B / 8, true);                                                        \
        uint32_t b = in->o[1].kind == OPND_IMM ? (uint##B##_t)in->imm : *r##B(cpu, in->o[1].reg);  \
        struct flags_save s = flags_save(cpu);                                                     \
        uint32_t a = ld##B(m), seen;                                                               \
        for (;;) {                                                                                 \
            uint32_t r = (uint##B##_t)alu_##OP(cpu, a, b, B);                                      \
            struct flags_save after = flags_save(cpu);                                             \
            flags_restore(cpu, s);                                                                 \
            seen = (uint32_t)atomic_cas(m, a, r, B / 8);                                           \
            if (seen == a) {                                                                       \
                flags_restore(cpu, after);                                                         \
                break;                                                                             \
            }                                                                                      \
            a = seen;                                                                              \
        }                                                                                          \
        NEXT;                                                                                      \
    }

/* The store of a read-modify-write may fault after the flags are computed: they are put back
 * before it and set after it. */
struct flags_save { uint32_t res, aux; };
static inline struct flags_save flags_save(const struct cpu *c)
{
    return (struct flags_save){c->cc_res, c->cc_aux};
}
static inline void flags_restore(struct cpu *c, struct flags_save s)
{
    c->cc_res = s.res;
    c->cc_aux = s.aux;
}
#define STORE(B)                                                                                   \
    static inline void store_or_restore##B(struct cpu *c, gaddr m, uint##B##_t v,                  \
                                           struct flags_save s)                                    \
    {                                                                                              \
        struct flags_save after = flags_save(c);                                                   \
        flags_restore(c, s);                                                                       \
        st##B(m, v);                                                                               \
        flags_restore(c, after);                                                                   \
    }
STORE(8)
STORE(16)
STORE(32)

#define ALL(OP, W) FORMS(OP, 8, W) FORMS(OP, 16, W) FORMS(OP, 32, W)
#define ALL_LOCKED(OP) LOCKED(OP, 8) LOCKED(OP, 16) LOCKED(OP, 32)
ALL(ADD, 1) ALL(OR, 1) ALL(ADC, 1) ALL(SBB, 1) ALL(AND, 1) ALL(SUB, 1) ALL(XOR, 1)
ALL(CMP, 0) ALL(TEST, 0)
ALL_LOCKED(ADD) ALL_LOCKED(OR) ALL_LOCKED(ADC) ALL_LOCKED(SBB) ALL_LOCKED(AND) ALL_LOCKED(SUB)
ALL_LOCKED(XOR)

#define UNARY(OP, B)                                                                               \
    HANDLER(OP##B##_r)                                                                             \
    {                                                                                              \
        uint##B##_t *p = r##B(cpu, in->o[0].reg);                                                  \
        *p = (uint##B##_t)alu_##OP(cpu, *p, B);                                                    \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(OP##B##_m)                                                                             \
    {                                                                                              \
        gaddr m = ea(cpu, in, B / 8, true);                                                        \
        struct flags_save s = flags_save(cpu);                                                     \
        uint32_t a = ld##B(m);                                                                     \
        uint32_t r = alu_##OP(cpu, a, B);                                                          \
        store_or_restore##B(cpu, m, (uint##B##_t)r, s);                                            \
        NEXT;                                                                                      \
    }                                                                                              \
    HANDLER(OP##B##_lock)                                                                          \
    {                                                                                              \
        gaddr m = ea(cpu, in, B / 8, true);                                                        \
        struct flags_save s = flags_save(cpu);                                                     \
        uint32_t a = ld##B(m), seen;                                                               \
        for (;;) {                                                                                 \
            uint32_t r = (uint##B##_t)alu_##OP(cpu, a, B);                                         \
            struct flags_save after = flags_save(cpu);                                             \
            flags_restore(cpu, s);                                                                 \
            seen = (uint32_t)atomic_cas(m, a, r, B / 8);                                           \
            if (seen == a) {                                                                       \
                flags_restore(cpu, after);                                                         \
                break;                                                                             \
            }                                                                                      \
            a = seen;                                                                              \
        }                                                                                          \
        NEXT;                                                                                      \
    }
#define ALL_UNARY(OP) UNARY(OP, 8) UNARY(OP, 16) UNARY(OP, 32)
ALL_UNARY(INC) ALL_UNARY(DEC) ALL_UNARY(NEG)

HANDLER(op_not)
{
    struct rmw m;
    do
        rmw_begin(cpu, in, &m);
    while (!rmw_end(cpu, in, &m, ~m.old));
    NEXT;
}

enum form { RR, RI, RM, MR, MI, FORM_COUNT };

#define ROW(OP, B) {OP##B##_rr, OP##B##_ri, OP##B##_rm, OP##B##_mr, OP##B##_mi}
#define ROWS(OP) {ROW(OP, 8), ROW(OP, 16), ROW(OP, 32)}
#define LOCKS(OP) {OP##8_lock, OP##16_lock, OP##32_lock}
#define UROWS(OP)                                                                                  \
    {{OP##8_r, OP##8_m, OP##8_lock}, {OP##16_r, OP##16_m, OP##16_lock},                            \
     {OP##32_r, OP##32_m, OP##32_lock}}

static const struct {
    uint16_t op;
    insn_fn fn[3][FORM_COUNT];
    insn_fn locked[3];
} binary[] = {
    {OP_ADD, ROWS(ADD), LOCKS(ADD)}, {OP_OR, ROWS(OR), LOCKS(OR)},
    {OP_ADC, ROWS(ADC), LOCKS(ADC)}, {OP_SBB, ROWS(SBB), LOCKS(SBB)},
    {OP_AND, ROWS(AND), LOCKS(AND)}, {OP_SUB, ROWS(SUB), LOCKS(SUB)},
    {OP_XOR, ROWS(XOR), LOCKS(XOR)}, {OP_CMP, ROWS(CMP), {NULL}},
    {OP_TEST, ROWS(TEST), {NULL}},
};
static const struct {
    uint16_t op;
    insn_fn fn[3][3];
} unary[] = {{OP_INC, UROWS(INC)}, {OP_DEC, UROWS(DEC)}, {OP_NEG, UROWS(NEG)}};

insn_fn bind_alu(const struct insn *in)
{
    unsigned w = in->o[0].size == 4 ? 2 : in->o[0].size - 1u;
    bool mem = in->o[0].kind == OPND_MEM;
    for (size_t i = 0; i < ARRAY_SIZE(binary); i++) {
        if (binary[i].op != in->op)
            continue;
        if (in->flags & INSN_LOCK)
            return binary[i].locked[w];
        enum form f = mem ? (in->o[1].kind == OPND_IMM ? MI : MR)
                          : (in->o[1].kind == OPND_IMM ? RI : in->o[1].kind == OPND_MEM ? RM : RR);
        return binary[i].fn[w][f];
    }
    for (size_t i = 0; i < ARRAY_SIZE(unary); i++)
        if (unary[i].op == in->op)
            return unary[i].fn[w][!mem ? 0 : in->flags & INSN_LOCK ? 2 : 1];
    return in->op == OP_NOT ? op_not : NULL;
}
