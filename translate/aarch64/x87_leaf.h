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

/* x9 and x2 from cpu->fpu (x0); to \bad if the full registers are not one above the other. Clobbers x1, x3. */
        .macro  find_slots bad
        ldrb    w1, [x0, #FPU_TOP]
        ldrb    w2, [x0, #FPU_EMPTY]
        cbnz    w1, 1f
        cbz     w2, 1f
        mov     w1, #8
1:      mov     w3, #1
        lsl     w3, w3, w1
        sub     w3, w3, #1
        sub     w3, w3, w2
        cbnz    w3, \bad
        ldr     x2, [x27, #CPU_X87]
        add     x9, x2, x1, lsl #4
        ldrh    w13, [x0, #FPU_SW]
        and     x13, x13, #0x20                 /* PE */
        .endm

/* The reverse, with PE; x2 = the first slot, w3 = the status word. Clobbers x1, x4. */
        .macro  save_depth
        ldr     x2, [x27, #CPU_X87]
        sub     x1, x9, x2
        lsr     w1, w1, #4
        and     w3, w1, #7
        strb    w3, [x0, #FPU_TOP]
        mov     w3, #1
        lsl     w3, w3, w1
        sub     w3, w3, #1
        strb    w3, [x0, #FPU_EMPTY]
        ldrh    w3, [x0, #FPU_SW]
        orr     w4, w3, #0x20
        cbz     x13, 1f
        mov     w3, w4
1:      strh    w3, [x0, #FPU_SW]
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
