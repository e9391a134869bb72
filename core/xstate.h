/* The XSAVE area in its standard form (SDM vol. 1 ch. 13): the FXSAVE image, a header, the upper halves
 * of the YMM registers. Used by XSAVE and its like and by signal frames. */
#ifndef XRUN_CORE_XSTATE_H
#define XRUN_CORE_XSTATE_H

#include "core/cpu.h"

enum { XSTATE_X87 = 1, XSTATE_SSE = 2, XSTATE_AVX = 4, XSTATE_ALL = 7 };
enum { XSTATE_HEADER_AT = 512, XSTATE_HEADER_SIZE = 64, XSTATE_AVX_AT = 576, XSTATE_SIZE = 832,
       XSTATE_WRITTEN = 704 /* by 32-bit code: it has 8 of the 16 registers */ };

/* The components that are not in their initial state. */
uint32_t xstate_in_use(const struct cpu *c);
/* Writes the parts of `area` that belong to the components: not the header. */
void xstate_save(const struct cpu *c, uint8_t *area, uint32_t components);
/* Loads the components of `load` from `area`, gives those of `init` their initial state. MXCSR, which
 * belongs to none of them, is left alone. */
void xstate_load(struct cpu *c, const uint8_t *area, uint32_t load, uint32_t init);

#endif
