/* Which memory an instruction writes, known from its operands and the registers before it. */
#ifndef XRUN_RUNTIME_EFFECTS_H
#define XRUN_RUNTIME_EFFECTS_H

#include "decode/insn.h"

enum { EFFECTS_STORES_MAX = 16 /* elements of a scatter */ };
struct store {
    gaddr addr;
    uint32_t len;
};

/* Fills out[] with the ranges that executing `in` may write; returns how many. */
unsigned effects_stores(const struct cpu *before, const struct insn *in,
                        struct store out[EFFECTS_STORES_MAX]);
/* The same for what it may read; an implicit stack operand included. */
unsigned effects_loads(const struct cpu *before, const struct insn *in,
                       struct store out[EFFECTS_STORES_MAX]);
/* Is byte `offset` of the store one that processors fill differently (x87 pointers, reserved)? */
bool effects_unspecified(const struct insn *in, uint32_t offset);
/* The bytes that a memory operand reads, {0, 0} if there is none. */
struct store effects_operand(const struct cpu *before, const struct insn *in);

#endif
