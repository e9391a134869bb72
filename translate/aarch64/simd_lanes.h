/* What the files share that write integer operations on all elements (simd_int.c has the table). */
#ifndef XRUN_TRANSLATE_AARCH64_SIMD_LANES_H
#define XRUN_TRANSLATE_AARCH64_SIMD_LANES_H

#include "translate/aarch64/simd.h"

/* What an operation works on. d may be a or b: it is written last. */
struct lanes {
    const struct insn *in;
    unsigned d, a, b, mask;
    bool q;       /* 16 bytes */
    uint32_t imm; /* unsigned, 8 bits */
};

typedef void (*lanes_fn)(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr);

/* The arrangement of the operation for its size: rows have that for 16 bytes. */
static inline enum a64_arr sized(const struct lanes *l, enum a64_arr arr)
{
    return (enum a64_arr)(l->q || arr == A64_2D ? arr : arr & ~1u);
}
static inline enum a64_arr low(enum a64_arr arr) { return (enum a64_arr)(arr & ~1u); }

static inline void simd_set_all(struct emit *e, unsigned d, bool ones)
{
    a64_must(a64_vmov_imm(e, true, d, ones ? ~UINT64_C(0) : 0));
}

/* simd_crypto.c. True of other operations, too. */
bool simd_crypto_available(unsigned op);
void simd_aes(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr);
void simd_aes_key(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr);
void simd_carryless(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr);
void simd_sha1(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr);
void simd_sha256(struct emit *e, const struct lanes *l, uint32_t op, enum a64_arr arr);

#endif
