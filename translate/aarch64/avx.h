/* VEX instructions: what avx*.c share. A register's halves are written one after the other; an operation that
 * crosses them must read all of its sources' halves before it writes the lower one. */
#ifndef XRUN_TRANSLATE_AARCH64_AVX_H
#define XRUN_TRANSLATE_AARCH64_AVX_H

#include "translate/aarch64/simd.h"

typedef void (*avx_fn)(struct emit *e, const struct insn *in);

/* The host registers of both halves. */
struct halves { unsigned lo, hi; };

static inline bool avx_is_ymm(const struct opnd *o) { return o->kind == OPND_YMM; }
/* The number (simd.h) of half 0 or 1 of a register operand. */
static inline unsigned avx_half(const struct opnd *o, unsigned half) { return o->reg + SIMD_UPPER * half; }

/* Operand n; memory in v0 and v1. `hi` only of 32 bytes. */
struct halves avx_read(struct emit *e, const struct insn *in, unsigned n);
/* The number (simd.h) of a half of operand n, once it has been read. */
static inline unsigned avx_number(const struct insn *in, unsigned n, unsigned half)
{
    return in->o[n].kind == OPND_MEM ? SIMD_TEMP + half : avx_half(&in->o[n], half);
}
/* Operand 0 = these, by their numbers. Clobbers v5. */
enum { AVX_ZERO = 255 };
void avx_put(struct emit *e, const struct insn *in, unsigned lo, unsigned hi);
/* The upper half of operand 0 becomes 0. */
void avx_clear_upper(struct emit *e, const struct insn *in);

/* What writes the operation, NULL: nothing. Each file has some. */
avx_fn avx_choose_move(const struct insn *in);
avx_fn avx_choose_shuffle(const struct insn *in);
avx_fn avx_choose_fp(const struct insn *in);

#endif
