/* Comparison of slots, conversions from and to other formats; see x87_leaf.h. */
#include "translate/aarch64/x87_leaf.h"

        slow_exit

/* ---- comparison: w5 = 0 less, 1 equal, 2 greater ---- */

        leaf    cmp
        orr     x4, x11, x3
        tbnz    w4, #SPECIAL, slow
        orr     x4, x10, x2
        mov     w5, #1
        cbz     x4, 3f
        eor     x4, x11, x3
        tbnz    x4, #63, 2f
        mrs     x17, nzcv
        cmp     w11, w3
        b.ne    1f
        cmp     x10, x2
1:      cset    w5, hi
        cinc    w5, w5, hs
        msr     nzcv, x17
        tbz     x11, #63, 3f
        mov     w4, #2
        sub     w5, w4, w5
        ret
2:      lsr     x5, x3, #63
        lsl     w5, w5, #1
3:      ret

/* ---- C3, C2, C0 of the status word: what T is; C1 is its sign ---- */

        leaf    xam
        mov     w5, #0x4000
        tbnz    w11, #SPECIAL, 2f
        cbz     x10, 1f
        mov     w5, #0x400
1:      add     x0, x27, #CPU_FPU
        ldrh    w4, [x0, #FPU_SW]
        mov     w6, #0x4700
        bic     w4, w4, w6
        orr     w4, w4, w5
        strh    w4, [x0, #FPU_SW]
        and     x12, x11, #SIGN
        ret
2:      ubfx    x4, x11, #32, #15
        mov     w5, #0x4400                     /* a denormal number */
        cbz     w4, 1b
        mov     w5, #0
        tbz     x11, #47, 1b
        eor     w4, w4, #0x7fff
        mov     w5, #0x400
        cbnz    w4, 1b
        mov     w5, #0x500
        cbz     x10, 1b
        mov     w5, #0x100
        b       1b

/* ---- integers ---- */

/* x5 = |T| as an integer by the rounding mode in w3; x4 = 0 if exact, else bit 63: rounded up. To
 * \large if it is 2^63 or more. T is no special and not 0. */
        .macro  integer large
        sub     w6, w11, #BIAS
        tbnz    w6, #31, 1f
        sub     w7, w6, #63
        tbz     w7, #31, \large
        neg     w7, w7
        add     w6, w6, #1
        lsr     x5, x10, x7
        lsl     x4, x10, x6
        b       2f
1:      mov     x5, #0
        add     w6, w6, #1
        mov     x4, x10
        cbz     w6, 2f
        mov     x4, #1
2:      cbz     x4, 6f
        cbz     w3, 3f
        lsr     w6, w3, #1
        and     w7, w6, w3                      /* to zero: never up */
        eor     x6, x6, x11, lsr #63
        bic     x6, x6, x7
        b       5f
3:      lsr     x6, x4, #63
        lsl     x7, x4, #1
        cbnz    x7, 5f
        and     x6, x6, x5
5:      add     x5, x5, x6
        mov     x4, #1
        orr     x4, x4, x6, lsl #63
6:
        .endm

/* x5 = T as a signed integer of w2 bits by the rounding mode in w3; x4 is for x12, x13. */
        leaf    to_int
        tbnz    w11, #SPECIAL, slow
        mov     x5, #0
        mov     x4, #0
        cbz     x10, 8f
        integer slow
        tbz     x11, #63, 7f
        neg     x5, x5
        b       9f
7:      tbnz    x5, #63, slow
9:      neg     w6, w2
        lsl     x7, x5, x6
        asr     x7, x7, x6
        sub     x7, x7, x5
        cbnz    x7, slow
8:      ret

/* T = T as an integer, by the rounding mode in w3. */
        leaf    rint
        tbnz    w11, #SPECIAL, slow
        mov     x4, #0
        cbz     x10, 8f
        integer 8f
        mov     x10, x5
        and     x11, x11, #SIGN
        cbz     x5, 8f
        clz     x6, x5
        lsl     x10, x5, x6
        mov     w7, #BIAS + 63
        sub     w7, w7, w6
        orr     x11, x11, x7
8:      mov     x12, x4
        orr     x13, x13, x4
        ret

/* T = x0, signed. */
        leaf    from_int
        and     x11, x0, #SIGN
        asr     x1, x0, #63
        eor     x0, x0, x1
        sub     x10, x0, x1
        cbz     x10, 1f
        clz     x1, x10
        lsl     x10, x10, x1
        mov     w0, #BIAS + 63
        sub     w0, w0, w1
        orr     x11, x11, x0
1:      ret

/* T = the float in w0; x11's SLOW_BIT if that is neither normal nor 0. */
        leaf    from_float
        ubfx    w1, w0, #23, #8
        lsl     x10, x0, #40
        lsr     w2, w0, #31
        lsl     x11, x2, #63
        add     w2, w1, #1
        and     w2, w2, #0xfe
        cbz     w2, 1f
        orr     x10, x10, #SIGN
        add     w1, w1, #BIAS - 127
        orr     x11, x11, x1
        ret
1:      lsl     x10, x10, #1
        orr     x1, x1, x10
        cbnz    x1, slow
        mov     x10, #0
        ret

/* w5 = T as a float; x4 is for x12, x13. */
        leaf    to_float
        lsr     x7, x10, #40
        lsr     x5, x11, #63
        cbz     x10, 3f
        sub     w6, w11, #BIAS - 126            /* the exponent's field - 1; the top bit adds 1 */
        sub     w1, w6, #0xfd
        tbz     w1, #31, slow                   /* perhaps an overflow, or a special */
        tbnz    w6, #31, slow
        lsl     x4, x10, #24
        add     w7, w7, w6, lsl #23
        lsl     x6, x4, #1
        cbz     x6, 2f
1:      add     x7, x7, x4, lsr #63
        orr     w5, w7, w5, lsl #31
        ret
2:      cbz     x4, 1b
        tbnz    w7, #0, 1b
        mov     x4, #1                          /* a tie, not rounded up */
        b       1b
3:      tbnz    w11, #SPECIAL, slow
        mov     x4, #0
        lsl     w5, w5, #31
        ret

/* T = the 80-bit number x0, w1. */
        leaf    from_f80
        and     w2, w1, #0x7fff
        lsr     x11, x1, #15
        lsl     x11, x11, #63
        mov     x10, x0
        mov     w3, #16383 - BIAS
        sub     w3, w2, w3
        lsr     w4, w3, #SPECIAL
        cbnz    w4, 1f
        tbz     x0, #63, 1f
        orr     x11, x11, x3
        ret
1:      orr     x4, x0, x2
        cbz     x4, 2f
        orr     x11, x11, x2, lsl #32
        lsr     x4, x0, #63
        orr     x11, x11, x4, lsl #47
        mov     w4, #A64_X87_SPECIAL
        orr     x11, x11, x4
        and     x10, x10, #~SIGN
2:      ret

/* x5, w4 = T as an 80-bit number. */
        leaf    to_f80
        and     w4, w11, #0xfff
        lsr     x6, x11, #63
        mov     x5, x10
        tbnz    w11, #SPECIAL, 2f
        cbz     x10, 1f
        mov     w7, #16383 - BIAS
        add     w4, w4, w7
1:      orr     w4, w4, w6, lsl #15
        ret
2:      ubfx    x4, x11, #32, #15
        lsr     x7, x11, #47
        bfi     x5, x7, #63, #1
        b       1b

        .section .note.GNU-stack,"",@progbits
