/* What is left of CLASS_INT: flag bits, hints, fences; and the table of the integer binders. */
#include "interp/int.h"
#include "interp/operand.h"

HANDLER(op_nop) { NEXT; }
HANDLER(op_clc) { flags_set_cf(cpu, false); NEXT; }
HANDLER(op_stc) { flags_set_cf(cpu, true); NEXT; }
HANDLER(op_cmc) { flags_set_cf(cpu, !flag_cf(cpu)); NEXT; }
HANDLER(op_cld) { cpu->eflags &= ~(uint32_t)EFL_DF; NEXT; }
HANDLER(op_std) { cpu->eflags |= EFL_DF; NEXT; }

HANDLER(op_fence)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    NEXT;
}

HANDLER(op_ud)
{
    cpu->cur = in;
    cpu_fault_ud(cpu);
}

insn_fn bind_misc(const struct insn *in)
{
    switch (in->op) {
    case OP_NOP: case OP_PAUSE: return op_nop;
    case OP_LFENCE: case OP_MFENCE: case OP_SFENCE: return op_fence;
    case OP_CLC: return op_clc;
    case OP_STC: return op_stc;
    case OP_CMC: return op_cmc;
    case OP_CLD: return op_cld;
    case OP_STD: return op_std;
    case OP_UD0: case OP_UD1: case OP_UD2: case OP_RSM: return op_ud;
    default: return NULL;
    }
}

insn_fn interp_bind_int(const struct insn *in)
{
    static insn_fn (*const binders[])(const struct insn *) = {
        bind_alu, bind_mov, bind_stack, bind_shift, bind_muldiv,
        bind_bit, bind_branch, bind_bcd, bind_misc,
    };
    static uint8_t binder_of[OP_COUNT]; /* number + 1 of the one that knows the operation */
    unsigned known = __atomic_load_n(&binder_of[in->op], __ATOMIC_RELAXED);
    insn_fn fn = known ? binders[known - 1](in) : NULL;
    if (likely(fn))
        return fn;
    for (uint8_t i = 0; i < ARRAY_SIZE(binders); i++) {
        fn = binders[i](in);
        if (!fn)
            continue;
        __atomic_store_n(&binder_of[in->op], i + 1, __ATOMIC_RELAXED);
        return fn;
    }
    return NULL;
}
