/* The XSAVE area in its standard form (SDM vol. 1 ch. 13): the FXSAVE image, a header, then the parts that
 * later extensions added. Used by XSAVE and its like, by signal frames, ptrace and core files. */
#ifndef XRUN_CORE_XSTATE_H
#define XRUN_CORE_XSTATE_H

#include "core/cpu.h"

/* Components; K is k0-7, ZMM the upper halves of zmm0-15, ZMM16 the registers that only 64-bit code has. */
enum { XSTATE_X87 = 1, XSTATE_SSE = 2, XSTATE_AVX = 4, XSTATE_K = 32, XSTATE_ZMM = 64,
       XSTATE_ZMM16 = 128, XSTATE_AVX512 = XSTATE_K | XSTATE_ZMM | XSTATE_ZMM16,
       XSTATE_ALL = 7 /* without AVX-512 */ };
enum { XSTATE_HEADER_AT = 512, XSTATE_HEADER_SIZE = 64, XSTATE_AVX_AT = 576,
       XSTATE_SIZE = 832, XSTATE_MAX = 3072 /* without and with AVX-512 */,
       XSTATE_WRITTEN = 704 /* by 32-bit code, without AVX-512: it has 8 of the 16 registers */ };

/* The components behind the header, in order of their numbers. */
struct xstate_part {
    uint32_t component;
    uint16_t size;
    uint16_t held;  /* the bytes that 32-bit code sees: it has 8 of the 16 registers, */
    uint16_t field; /* which are here in struct cpu */
};
enum { XSTATE_PARTS = 4 };
extern const struct xstate_part xstate_parts[XSTATE_PARTS];
/* Where part i is in the standard form, */
uint32_t xstate_at(unsigned i);
/* or in the compacted one with these components. */
uint32_t xstate_compact_at(unsigned i, uint64_t components);
/* The size of the standard form with these components; of all that the model has. */
uint32_t xstate_end(uint64_t components);
uint32_t xstate_size(void);
/* Where the host has parts 1 to 3, which differs between vendors. */
void xstate_set_layout(const uint16_t at[XSTATE_PARTS - 1]);

/* The components that are not in their initial state. */
uint32_t xstate_in_use(const struct cpu *c);
/* Writes the parts of `area` that belong to the components: not the header. */
void xstate_save(const struct cpu *c, uint8_t *area, uint32_t components);
/* Loads the components of `load` from `area`, gives those of `init` their initial state. MXCSR, which
 * belongs to none of them, is left alone. */
void xstate_load(struct cpu *c, const uint8_t *area, uint32_t load, uint32_t init);

#endif
