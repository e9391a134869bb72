/* What leaf routines on slots share (x87.h). T in x10, x11 and b in x2, x3; x12 = bits cut off, left-aligned,
 * bit 63 set if the result was rounded up (C1); x13 collects those (PE). Clobber x0-x8, x16, x17. NZCV
 * stays. E is the exponent with its bias, in the low half of the word. */
#ifndef XRUN_TRANSLATE_AARCH64_X87_LEAF_H
#define XRUN_TRANSLATE_AARCH64_X87_LEAF_H

#include "translate/aarch64/offsets.h"
#include "translate/aarch64/x87.h"

#define SIGN 0x8000000000000000
#define BIAS A64_X87_BIAS
#define SPECIAL A64_X87_SPECIAL_BIT

        .section a64_leaf, "ax", %progbits
        .macro  leaf name
        .balign 16
        .globl  a64_x87_\name
        .type   a64_x87_\name, %function
a64_x87_\name:
        .endm

/* The interpreter does it: x10, x11 are T. */
        .macro  slow_exit
slow:
        mov     x0, x10
        mov     x1, x11
        mov     x11, #1 << A64_X87_SLOW_BIT
        ret
        .endm

#endif
