/* Kinds of errors that an interpreter or translator makes, one row each: which operation, which
 * part of the result, in cases that end how. The harness must notice every one. */
#include "tests/insn/mutate.h"

#include <string.h>

#include "decode/decode.h"
#include "tests/insn/intel.h"
#include "tests/insn/state.h"

enum field {
    M_GPR,      /* arg: register; lowest bit */
    M_GPR_TOP,  /* highest bit */
    M_DST,      /* operand 0, a register: lowest bit */
    M_DST_TOP,  /* its highest bit within the operand size */
    M_DST_ABOVE,/* what is above an 8- or 16-bit result */
    M_FLAG,     /* arg: mask of EFLAGS */
    M_EIP,      /* arg: added to eip */
    M_FALLS,    /* eip as if a branch were not taken */
    M_ESP,      /* arg: added to esp */
    M_COUNT,    /* ecx one too many */
    M_MEM,      /* first byte of the memory operand */
    M_MEM_LAST, /* its last byte */
    M_NO_STORE, /* the memory operand as before */
    M_STACK,    /* the word at the new top of the stack */
    M_EDI_MEM,  /* the byte at the destination of a string */
    M_STRAY,    /* something elsewhere in memory */
    M_TRAP,     /* arg: vector instead */
    M_DONE,     /* a fault that does not happen */
    M_ERR,      /* arg: bits of the error code */
    M_CR2,      /* arg: added to the fault's address */
    M_SEL,      /* arg: segment register */
    M_FX,       /* arg: byte of the FXSAVE image, lowest bit */
    M_ST,       /* arg: stack register, lowest bit of the significand */
    M_NOTE,     /* arg: byte of the FNSTENV image behind an x87 operation */
    M_XMM,      /* arg: byte of operand 0 */
    M_YMMH,     /* arg: byte of operand 0's upper half */
    M_MM,       /* operand 0's lowest bit */
    M_ZMMH,     /* arg: byte of what is above operand 0's 256 bits */
    M_K,        /* arg: k register */
};

static const struct mutation {
    uint16_t op;
    uint8_t field, when; /* when: the trap that ends the case; TRAP_BP: it is completed */
    uint32_t arg;
} mutations[] = {
    {OP_ADD, M_DST, TRAP_BP, 0},
    {OP_ADD, M_DST_TOP, TRAP_BP, 0},
    {OP_ADD, M_DST_ABOVE, TRAP_BP, 0},
    {OP_ADD, M_FLAG, TRAP_BP, EFL_CF},
    {OP_ADD, M_FLAG, TRAP_BP, EFL_AF},
    {OP_ADD, M_FLAG, TRAP_BP, EFL_PF},
    {OP_ADD, M_FLAG, TRAP_PF, EFL_ZF},
    {OP_ADD, M_NO_STORE, TRAP_BP, 0},
    {OP_ADD, M_ERR, TRAP_PF, PF_ERR_WRITE},
    {OP_ADC, M_FLAG, TRAP_BP, EFL_OF},
    {OP_SBB, M_FLAG, TRAP_BP, EFL_SF},
    {OP_AND, M_FLAG, TRAP_BP, EFL_CF},
    {OP_CMP, M_FLAG, TRAP_BP, EFL_ZF},
    {OP_INC, M_FLAG, TRAP_BP, EFL_CF},
    {OP_SHL, M_FLAG, TRAP_BP, EFL_CF},
    {OP_SHRD, M_DST, TRAP_BP, 0},
    {OP_ROL, M_FLAG, TRAP_BP, EFL_ZF},
    {OP_IMUL, M_FLAG, TRAP_BP, EFL_CF},
    {OP_MUL, M_GPR, TRAP_BP, REG_EDX},
    {OP_DIV, M_GPR_TOP, TRAP_DE, REG_EAX},
    {OP_DIV, M_TRAP, TRAP_DE, TRAP_GP},
    {OP_BSF, M_FLAG, TRAP_BP, EFL_ZF},
    {OP_BTS, M_FLAG, TRAP_BP, EFL_CF},
    {OP_DAA, M_GPR, TRAP_BP, REG_EAX},
    {OP_AAA, M_FLAG, TRAP_BP, EFL_AF},
    {OP_MOV, M_DST_ABOVE, TRAP_BP, 0},
    {OP_MOV, M_MEM, TRAP_BP, 0},
    {OP_MOV, M_MEM_LAST, TRAP_BP, 0},
    {OP_MOV, M_STRAY, TRAP_BP, 0},
    {OP_MOV, M_CR2, TRAP_PF, 1},
    {OP_MOV, M_ERR, TRAP_PF, PF_ERR_PRESENT},
    {OP_MOV, M_ERR, TRAP_GP, 8},
    {OP_MOV, M_TRAP, TRAP_SS, TRAP_GP},
    {OP_MOV, M_TRAP, TRAP_NP, TRAP_GP},
    {OP_MOV, M_DONE, TRAP_PF, 0},
    {OP_MOV, M_SEL, TRAP_BP, SEG_ES},
    {OP_MOV, M_SEL, TRAP_BP, SEG_GS},
    {OP_MOVZX, M_DST_TOP, TRAP_BP, 0},
    {OP_LEA, M_DST, TRAP_BP, 0},
    {OP_XCHG, M_NO_STORE, TRAP_BP, 0},
    {OP_CMPXCHG, M_NO_STORE, TRAP_BP, 0},
    {OP_CMPXCHG8B, M_MEM_LAST, TRAP_BP, 0},
    {OP_PUSH, M_ESP, TRAP_BP, 2},
    {OP_PUSH, M_STACK, TRAP_BP, 0},
    {OP_POP, M_ESP, TRAP_PF, 4},
    {OP_PUSHA, M_STACK, TRAP_BP, 0},
    {OP_POPA, M_GPR, TRAP_PF, REG_EDI},
    {OP_ENTER, M_GPR, TRAP_BP, REG_EBP},
    {OP_LEAVE, M_ESP, TRAP_BP, 4},
    {OP_JMP, M_EIP, TRAP_BP, 1},
    {OP_JCC, M_FALLS, TRAP_BP, 0},
    {OP_LOOP, M_COUNT, TRAP_BP, 0},
    {OP_JCXZ, M_FALLS, TRAP_BP, 0},
    {OP_CALL, M_STACK, TRAP_BP, 0},
    {OP_CALL, M_SEL, TRAP_BP, SEG_CS},
    {OP_RET, M_ESP, TRAP_BP, 4},
    {OP_RET, M_EIP, TRAP_BP, 0x10000},
    {OP_IRET, M_FLAG, TRAP_BP, EFL_NT},
    {OP_POPF, M_FLAG, TRAP_BP, EFL_ID},
    {OP_POPF, M_FLAG, TRAP_BP, EFL_AC},
    {OP_PUSHF, M_STACK, TRAP_BP, 0},
    {OP_STD, M_FLAG, TRAP_BP, EFL_DF},
    {OP_MOVS, M_COUNT, TRAP_PF, 0},
    {OP_MOVS, M_EDI_MEM, TRAP_BP, 0},
    {OP_CMPS, M_FLAG, TRAP_BP, EFL_CF},
    {OP_SCAS, M_GPR, TRAP_BP, REG_EDI},
    {OP_BOUND, M_TRAP, TRAP_BR, TRAP_OF},
    {OP_INT, M_ERR, TRAP_GP, 2},
    {OP_INTO, M_EIP, TRAP_OF, 1},
    {OP_INT3, M_EIP, TRAP_BP, 1},
    {OP_LES, M_SEL, TRAP_BP, SEG_ES},
    {OP_LAR, M_FLAG, TRAP_BP, EFL_ZF},
    {OP_LSL, M_DST, TRAP_BP, 0},
    {OP_MOVQ, M_TRAP, TRAP_AC, TRAP_GP},
    {OP_MULX, M_DST, TRAP_BP, 0},
    {OP_FADD, M_ST, TRAP_BP, 0},
    {OP_FADD, M_FX, TRAP_BP, 2 /* IE */},
    {OP_FADD, M_FX, TRAP_BP, 4 /* tags */},
    {OP_FADD, M_NOTE, TRAP_BP, 12 /* FIP */},
    {OP_FADD, M_NOTE, TRAP_BP, 16 /* FCS */},
    {OP_FADD, M_NOTE, TRAP_BP, 18 /* FOP */},
    {OP_FADD, M_NOTE, TRAP_BP, 20 /* FDP */},
    {OP_FADD, M_NOTE, TRAP_BP, 24 /* FDS */},
    {OP_FADD, M_DONE, TRAP_MF, 0},
    {OP_FLD, M_FX, TRAP_BP, 3 /* C0 */},
    {OP_FISTP, M_MEM, TRAP_BP, 0},
    {OP_FSIN, M_FX, TRAP_BP, 0 /* control word */},
    {OP_PADDB, M_MM, TRAP_BP, 0},
    {OP_PADDB, M_XMM, TRAP_BP, 15},
    {OP_ADDPS, M_XMM, TRAP_BP, 0},
    {OP_ADDPS, M_FX, TRAP_BP, 24 /* MXCSR.IE */},
    {OP_ADDSD, M_XMM, TRAP_BP, 8},
    {OP_DIVPS, M_TRAP, TRAP_XM, TRAP_UD},
    {OP_MOVAPS, M_TRAP, TRAP_GP, TRAP_SS},
    {OP_MOVUPS, M_MEM_LAST, TRAP_BP, 0},
    {OP_CVTPS2PI, M_FX, TRAP_BP, 4 /* tags */},
    {OP_PCMPISTRI, M_GPR, TRAP_BP, REG_ECX},
    {OP_ADDPS, M_YMMH, TRAP_BP, 3 /* SSE leaves it */},
    {OP_VPADDB, M_YMMH, TRAP_BP, 15},
    {OP_VADDSS, M_XMM, TRAP_BP, 4},
    {OP_VADDPS, M_FX, TRAP_BP, 24 /* MXCSR.IE */},
    {OP_VADDPS, M_TRAP, TRAP_XM, TRAP_UD},
    {OP_VFMADD132PD, M_XMM, TRAP_BP, 0},
    {OP_VMOVAPS, M_TRAP, TRAP_GP, TRAP_SS},
    {OP_VMOVUPS, M_MEM_LAST, TRAP_BP, 0},
    {OP_VMASKMOVPS, M_DONE, TRAP_PF, 0},
    {OP_VPGATHERDD, M_CR2, TRAP_PF, 4},
    {OP_VPGATHERDD, M_XMM, TRAP_PF, 0},
    {OP_VCVTPS2PH, M_MEM, TRAP_BP, 0},
    {OP_XSAVE, M_MEM, TRAP_BP, 0},
    {OP_XRSTOR, M_FX, TRAP_BP, 160},
    {OP_EVEX, M_XMM, TRAP_BP, 0},
    {OP_EVEX, M_ZMMH, TRAP_BP, 31},
    {OP_EVEX, M_K, TRAP_BP, 3},
    {OP_EVEX, M_FX, TRAP_XM, 24 /* MXCSR.IE */},
    {OP_EVEX, M_TRAP, TRAP_XM, TRAP_UD},
    {OP_EVEX, M_MEM, TRAP_BP, 0},
    {OP_EVEX, M_DONE, TRAP_PF, 0},
    {OP_EVEX_PACKED, M_ZMMH, TRAP_BP, 0},
    {OP_EVEX_GATHER, M_K, TRAP_PF, 1},
    {OP_EVEX_SCATTER, M_K, TRAP_BP, 7},
    {OP_OPMASK, M_K, TRAP_BP, 0},
    {OP_OPMASK, M_FLAG, TRAP_BP, EFL_ZF},
    {OP_VPADDB, M_ZMMH, TRAP_BP, 0 /* VEX clears it */},
    {OP_ADDPS, M_ZMMH, TRAP_BP, 0 /* SSE leaves it */},
    {OP_XRSTOR, M_K, TRAP_BP, 2},
};

bool mutate_needs_avx512(unsigned i)
{
    const struct mutation *m = &mutations[i];
    return m->field == M_ZMMH || m->field == M_K || decode_op_class(m->op) == CLASS_AVX512;
}

bool mutate_hidden_on_intel(unsigned i)
{
    enum { POINTERS = 12 }; /* in the image of FNSTENV */
    const struct mutation *m = &mutations[i];
    return m->when == TRAP_BP ? m->field == M_NOTE && m->arg >= POINTERS : intel_own_faults((enum op)m->op);
}

unsigned mutate_count(void) { return ARRAY_SIZE(mutations); }
enum op mutate_op(unsigned i) { return (enum op)mutations[i].op; }

const char *mutate_name(unsigned i)
{
    static char name[64];
    const struct mutation *m = &mutations[i];
    snprintf(name, sizeof name, "%s field %u trap %u arg %x", decode_op_name((enum op)m->op),
             m->field, m->when, m->arg);
    return name;
}

static uint8_t *window_byte(struct case_state *s, uint32_t linear)
{
    return state_window(s, linear, 1);
}

static void flip(uint8_t *p)
{
    if (p)
        *p ^= 1;
}

static void spoil_operand(const struct mutation *m, const struct insn *in, struct case_state *s)
{
    unsigned size = in->o[0].size, reg = in->o[0].reg;
    bool ymm = in->o[0].kind == OPND_YMM || in->o[0].kind == OPND_ZMM;
    if ((in->o[0].kind == OPND_XMM || ymm) && m->field == M_ZMMH)
        s->zmmh[reg][m->arg] ^= 1;
    if ((in->o[0].kind == OPND_XMM || ymm) && m->field == M_XMM)
        s->fx[160 + 16 * reg + m->arg] ^= 1;
    if ((in->o[0].kind == OPND_XMM || ymm) && m->field == M_YMMH)
        s->ymmh[reg][m->arg] ^= 1;
    if (in->o[0].kind == OPND_MM && m->field == M_MM) {
        unsigned top = (s->fx[3] >> 3) & 7;
        s->fx[32 + 16 * ((reg - top) & 7)] ^= 1;
    }
    if (in->o[0].kind != OPND_GPR)
        return;
    unsigned shift = size == 1 && reg >= 4 ? 8 : 0, r = size == 1 ? reg & 3 : reg;
    if (m->field == M_DST)
        s->gpr[r] ^= 1u << shift;
    else if (m->field == M_DST_TOP)
        s->gpr[r] ^= 1u << (shift + size * 8 - 1);
    else if (m->field == M_DST_ABOVE && size < 4)
        s->gpr[r] ^= 1u << 31;
}

static void spoil_memory(const struct mutation *m, const struct test_case *c, const struct insn *in,
                         struct case_state *s)
{
    unsigned size = 0;
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM)
            size = in->o[i].size;
    uint32_t a = state_operand_address(c, in);
    uint8_t *p = window_byte(s, a), *last = window_byte(s, a + size - 1);
    if (!size || !p || !last || last < p)
        return;
    if (m->field == M_NO_STORE)
        memcpy(p, c->in.mem + (p - s->mem), size);
    else
        flip(m->field == M_MEM ? p : last);
}

static void spoil_fault(const struct mutation *m, const struct test_case *c, const struct insn *in,
                        struct case_state *s)
{
    switch (m->field) {
    case M_TRAP: s->trap = m->arg; break;
    case M_DONE: s->trap = TRAP_BP, s->eip = c->in.eip + in->len; break;
    case M_ERR: s->err ^= m->arg; break;
    default: s->cr2 += m->arg; break;
    }
}

void mutate_apply(unsigned i, const struct test_case *c, const struct insn *in,
                  struct case_state *s)
{
    const struct mutation *m = &mutations[i];
    uint32_t ss = state_segment_base(s->sel[SEG_SS]);
    if (in->op != m->op || s->trap != m->when)
        return;
    switch ((enum field)m->field) {
    case M_GPR: s->gpr[m->arg] ^= 1; break;
    case M_GPR_TOP: s->gpr[m->arg] ^= 1u << 31; break;
    case M_DST: case M_DST_TOP: case M_DST_ABOVE: case M_XMM: case M_YMMH: case M_MM: case M_ZMMH:
        spoil_operand(m, in, s);
        break;
    case M_FLAG: s->eflags ^= m->arg; break;
    case M_EIP: s->eip += m->arg; break;
    case M_FALLS: s->eip = c->in.eip + in->len; break;
    case M_ESP: s->gpr[REG_ESP] += m->arg; break;
    case M_COUNT: s->gpr[REG_ECX]++; break;
    case M_MEM: case M_MEM_LAST: case M_NO_STORE: spoil_memory(m, c, in, s); break;
    case M_STACK: flip(window_byte(s, s->gpr[REG_ESP] + ss)); break;
    case M_EDI_MEM:
        flip(window_byte(s, s->gpr[REG_EDI] + state_segment_base(s->sel[SEG_ES])));
        break;
    case M_STRAY: s->stray ^= 1; break;
    case M_TRAP: case M_DONE: case M_ERR: case M_CR2: spoil_fault(m, c, in, s); break;
    case M_K: s->k[m->arg] ^= 1; break;
    case M_SEL: s->sel[m->arg] ^= 8; break;
    case M_FX: s->fx[m->arg] ^= 1; break;
    case M_ST: s->fx[32 + 16 * m->arg] ^= 1; break;
    case M_NOTE:
        if (c->len > in->len)
            s->mem[CASE_NOTE - CASE_WINDOW + m->arg] ^= 1;
        break;
    }
}
