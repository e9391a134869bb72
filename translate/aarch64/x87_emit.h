/* What the files that write code for x87 instructions share (x87.h has the representation).
 *
 * A run is a straight stretch of instructions within which x9 does not change: the offset of ST(0) from it
 * is known while translating (e->x87.pushed), T may hold ST(0), and C1 may be known to be 0. It begins with a
 * check that the unit is live and that no access within the run meets an empty register, no push a full one;
 * if not, the interpreter executes all of it. At its end (settle) memory, x9 and x12 are brought up to date. */
#ifndef XRUN_TRANSLATE_AARCH64_X87_EMIT_H
#define XRUN_TRANSLATE_AARCH64_X87_EMIT_H

#include "core/fp.h"
#include "translate/aarch64/insn.h"
#include "translate/aarch64/x87.h"

enum { T = A64_X87_T, TE = A64_X87_TE, P = A64_X87_P, LOST = A64_X87_LOST, PE = A64_X87_PE,
       B = 2, BE = 3 };
#define SIGN (UINT64_C(1) << 63)
#define FPU(field) offsetof(struct cpu, fpu.field)

/* ---- What an instruction is (x87.c) ---- */
struct x87_effect {
    uint8_t need;  /* registers that must be full */
    uint8_t push, pops;
};
/* What a64_x87 has code for within a run: its effect on the stack. */
bool x87_effect_of(const struct emit *e, const struct insn *in, struct x87_effect *f);
unsigned x87_pops(unsigned op);
bool x87_is_mem(const struct insn *in);
/* FILD, FIADD...: the operand in memory is an integer. */
bool x87_is_int(unsigned op);
/* The last instruction pointers tell of it: all but control instructions. */
bool x87_is_noted(unsigned op);

/* ---- Runs (x87_run.c) ---- */
enum x87_cold_kind {
    COLD_START, /* the check at the begin of a run failed */
    COLD_REST,  /* cw is not the usual one: the interpreter executes the rest of the run */
    COLD_OFF,   /* the same at its end: the state goes to cpu->fpu */
    COLD_TIE,   /* a double's rounding: exact, or a tie */
    COLD_MMX,   /* MMX registers are not live */
};
struct x87_cold {
    uint32_t at, back, end; /* end: of the run */
    uint16_t index, last;   /* instructions that the interpreter executes */
    uint16_t counted;       /* at `end` instructions up to this have been counted */
    uint8_t kind, form, form_end, need, room;
    struct a64_x87_state state;
};
/* The branch just emitted at `at` leads to what is executed rarely, behind the code. */
struct x87_cold *x87_cold(struct emit *e, uint8_t *at, enum x87_cold_kind kind);
void x87_start(struct emit *e);
/* The branch just emitted at `at` leads to the interpreter, for the current instruction. */
void x87_slow(struct emit *e, uint8_t *at, enum a64_x87_way way);
/* A leaf routine; `way`: X87_LEAF or X87_LEAF_NEG. */
void x87_leaf(struct emit *e, const char *routine, enum a64_x87_way way);
/* The usual rounding is needed now. */
void x87_want_cw(struct emit *e);
/* The operand pointer, if no later instruction of the run has one; not before the access. */
void x87_note_address(struct emit *e, const struct insn *in, const struct a64_mem *m);

/* ---- T and the slots (x87_run.c) ---- */
int x87_at(const struct emit *e, unsigned i); /* ST(i)'s slot, from x9 */
void x87_get_pair(struct emit *e, unsigned sig, unsigned i);
void x87_put_pair(struct emit *e, unsigned sig, unsigned i);
void x87_want_t(struct emit *e);
void x87_flush_t(struct emit *e); /* T is in memory, too */
void x87_drop_t(struct emit *e);
void x87_t_is_new(struct emit *e);
void x87_pop(struct emit *e);

/* ---- --x87=double (x87_double.c): registers in d8-d15 within a run ---- */
enum { X87_D0 = 8 };
void x87_double(struct emit *e, const struct insn *in);
void x87_double_start(struct a64_x87_state *s);
void x87_double_flush(struct emit *e);  /* what is only in registers goes to the slots */
void x87_double_reload(struct emit *e); /* what was in registers comes back */
int x87_double_adjust(const struct a64_x87_state *s);
void x87_double_settle_context(unsigned long long *x, const void *v, int adjust);

/* ---- MMX (mmx.c) ---- */
bool x87_is_mmx(const struct insn *in); /* EMMS, too */
void x87_mmx_note(struct emit *e); /* x12 tells of what the run has done */
void x87_mmx_cold(struct emit *e, const struct x87_cold *c);

/* ---- Instructions ---- */
/* x87_move.c: the memory operand to x0, tells of it. */
void x87_load_mem(struct emit *e, const struct insn *in, enum a64_ldst op, unsigned log2);
/* An 80-bit operand: the significand; *se: sign and exponent. */
struct a64_mem x87_mem_f80(struct emit *e, const struct insn *in, struct a64_mem *se);
/* w3 = the rounding mode. */
void x87_rounding(struct emit *e);
/* The memory operand to T, which is in memory before. */
void x87_load_t(struct emit *e, const struct insn *in);
/* ST(0) is in T and the other operand in B, or the other way round; true if so. */
bool x87_operands(struct emit *e, const struct insn *in);
void x87_push(struct emit *e, const struct insn *in);
void x87_exchange(struct emit *e, const struct insn *in);
void x87_move_if(struct emit *e, const struct insn *in);
void x87_store(struct emit *e, const struct insn *in);
void x87_store_int(struct emit *e, const struct insn *in);
void x87_load_cw(struct emit *e, const struct insn *in);
void x87_store_sw(struct emit *e, const struct insn *in);
void x87_store_cw(struct emit *e, const struct insn *in);
/* x87_arith.c */
enum x87_arith_op { X87_ADD, X87_SUB, X87_SUBR, X87_MUL, X87_DIV, X87_DIVR };
enum x87_arith_op x87_arith_of(unsigned op);
bool x87_to_eflags(unsigned op); /* comparisons that do not write the status word */
/* The register other than ST(0), or other than the destination, of arithmetic and comparisons. */
unsigned x87_other(const struct insn *in);
void x87_arith(struct emit *e, const struct insn *in);
void x87_unary(struct emit *e, const struct insn *in);
void x87_compare(struct emit *e, const struct insn *in);
void x87_examine(struct emit *e);

#endif
