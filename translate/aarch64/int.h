/* What the files share that write code for integer instructions. */
#ifndef XRUN_TRANSLATE_AARCH64_INT_H
#define XRUN_TRANSLATE_AARCH64_INT_H

#include "translate/aarch64/insn.h"

/* ---- Operands ---- */
static inline unsigned log2_of(unsigned size)
{
    return size == 1 ? 0 : size == 2 ? 1 : 2;
}

static inline enum a64_ldst load_zx(unsigned size)
{
    return size == 1 ? A64_LDRB : size == 2 ? A64_LDRH : A64_LDR_W;
}

static inline enum a64_ldst load_sx(unsigned size)
{
    return size == 1 ? A64_LDRSB_W : size == 2 ? A64_LDRSH_W : A64_LDR_W;
}

static inline enum a64_ldst store_of(unsigned size)
{
    return size == 1 ? A64_STRB : size == 2 ? A64_STRH : A64_STR_W;
}

static inline bool is_high8(const struct opnd *o)
{
    return o->kind == OPND_GPR && o->size == 1 && o->reg >= 4;
}

static inline unsigned host_gpr(const struct opnd *o)
{
    return a64_gpr(o->size == 1 ? o->reg & 3u : o->reg);
}

/* A register with the operand in its low bits, whatever is above; `tmp` if one is needed. */
unsigned a64_low_bits(struct emit *e, const struct opnd *o, unsigned tmp);
unsigned a64_zero_extended(struct emit *e, const struct opnd *o, unsigned tmp);
/* The operand's register = the low bits of r. */
void a64_put(struct emit *e, const struct opnd *o, unsigned r);
/* NULL if there is none. */
const struct opnd *a64_mem_opnd(const struct insn *in);
/* General registers, memory, constants only. */
bool a64_plain_kinds(const struct insn *in);
/* The register with a source of 4 bytes: `tmp` if it was loaded. -1: nothing emitted. */
int a64_source32(struct emit *e, const struct insn *in, const struct opnd *s, unsigned tmp);

struct a64_val { /* a register's low bits, or a constant */
    bool is_imm;
    uint32_t imm;
    unsigned reg;
};
/* A register that holds it, for now (a64_hold). */
unsigned a64_val_reg(struct emit *e, const struct a64_val *v);

struct a64_operands { /* of a two-operand instruction */
    struct a64_mem m;
    bool mem_dest;
    unsigned size, a;
    struct a64_val b;
};
/* Loads and names the operands: a (TMP0 if loaded) and b (TMP1). False: nothing emitted. */
bool a64_get_operands(struct emit *e, const struct insn *in, struct a64_operands *x);

/* ---- Flags ---- */
/* Sets C (as CF, FORM_ADD) to a bit of w`n`; N, Z, V stay. The same of V. */
void a64_set_c_bit(struct emit *e, unsigned n, unsigned bit);
void a64_set_v_bit(struct emit *e, unsigned n, unsigned bit);
/* The flags of the 32-bit result in w`r` as logic operations set them; r is left in peace until the
 * next instruction has been emitted. */
void a64_result_flags(struct emit *e, unsigned r, unsigned live);
/* The same of a result of 8 or 16 bits, whatever is above. */
void a64_narrow_result_flags(struct emit *e, unsigned r, unsigned size, unsigned live);
/* Of an instruction that adds to operand 0, subtracts from it, counts or negates it: its flags, w`old` being
 * what operand 0 was and w`src` operand 1 (unless that is a constant). */
void a64_sum_flags(struct emit *e, const struct insn *in, unsigned old, unsigned src);
/* PF and AF of the sum or difference w`r`, w`old` being operand 0. */
void a64_note_result(struct emit *e, unsigned r, unsigned old, bool sub);
/* w`d` = w`a` +- imm, with or without flags. */
void a64_add_constant(struct emit *e, bool sub, bool flags, unsigned d, unsigned a, uint32_t imm);

/* ---- Instructions, as a64_int ---- */
enum { WITH_CARRY = 2 };
/* `how`: 0 add, 1 sub, + WITH_CARRY. */
bool a64_op_add_sub(struct emit *e, const struct insn *in, unsigned how);
bool a64_op_inc_dec(struct emit *e, const struct insn *in, bool dec);
bool a64_op_logic(struct emit *e, const struct insn *in, enum a64_logic op);
bool a64_op_movx(struct emit *e, const struct insn *in, bool sign);

#define A64_LIST_OPS(X) \
    X(neg) X(not) X(cmp) X(test) X(mov) X(lea) X(xchg) X(cbw) X(bswap) X(movbe) X(setcc) X(cmov) \
    X(push) X(pop) X(leave) X(shift) X(shift_double) X(mul) X(mul8) X(div) X(bt) X(bsf) \
    X(crc32) X(count_zeros) X(carry) X(direction) X(bmi_logic) X(bmi_lowest) X(bmi_zero_high) X(bmi_extract) \
    X(bmi_shift) X(bmi_multiply) X(bmi_scatter) X(popcnt) X(xlat) X(enter) \
    X(aam) X(aad) X(pushf) X(lahf) X(sahf) X(salc)
#define X(name) bool a64_op_##name(struct emit *e, const struct insn *in);
A64_LIST_OPS(X)
#undef X

#endif
