/* Leaf routines of --x87=double (x87.h): a slot is a double and the integer that FILD put there. Arguments in
 * d0, d1; clobber x0-x8, x16, x17, v0, v1. NZCV stays. */
#include "translate/aarch64/x87_leaf.h"

#define SE_BIAS (16383 - 1023)
#define NORMAL_MAX 0x7ff
#define QUIET 0x0008000000000000

/* x5 = the 80-bit number x4, w3 as a double, rounded to nearest. Clobbers x1, x3, x4, x6, x7. */
        .macro  to_double
        and     w6, w3, #0x7fff
        lsr     w3, w3, #15
        mov     x5, #0
        tbz     x4, #63, 5f                     /* 0, or nothing that a double can be */
        mov     w7, #SE_BIAS
        eor     w1, w6, #0x7fff
        sub     w6, w6, w7
        cbz     w1, 4f
        sub     w7, w6, #NORMAL_MAX
        tbz     w7, #31, 3f
        sub     x7, x6, #1
        mov     w1, #11
        tbz     w7, #31, 1f
        mov     w1, #12                         /* a denormal number */
        sub     w1, w1, w6
        mov     x7, #0
        lsr     w6, w1, #6
        cbnz    w6, 5f
1:      lsr     x5, x4, x1
        neg     w1, w1
        lsl     x4, x4, x1                      /* what is cut off */
        lsr     x6, x4, #63
        lsl     x4, x4, #1
        cbnz    x4, 2f
        and     x6, x6, x5                      /* a tie: to even */
2:      add     x5, x5, x6
        add     x5, x5, x7, lsl #52
        b       5f
4:      lsl     x5, x4, #1
        lsr     x5, x5, #12
        cbz     x5, 3f
        orr     x5, x5, #QUIET
3:      orr     x5, x5, #0x7ff0000000000000
5:      orr     x5, x5, x3, lsl #63
        .endm

/* x5, w6 = the double x4 as an 80-bit number. Clobbers x7. */
        .macro  from_double
        ubfx    x6, x4, #52, #11
        lsl     x5, x4, #11
        orr     x5, x5, #SIGN
        cbz     x6, 1f
        mov     w7, #SE_BIAS
        add     w7, w7, w6
        add     w6, w6, #1
        tbz     w6, #11, 2f
        mov     w7, #0x7fff                     /* infinity, NaN */
        b       2f
1:      mov     w7, #0
        lsl     x5, x4, #12
        cbz     x5, 2f
        clz     x6, x5
        lsl     x5, x5, x6
        mov     w7, #SE_BIAS
        sub     w7, w7, w6
2:      lsr     x6, x4, #63
        orr     w6, w7, w6, lsl #15
        .endm

/* w\t = 0 if the double d0, x4 is the integer x8 rounded. Clobbers v1. */
        .macro  is_not_int t
        scvtf   d1, x8
        fmov    \t, d1
        eor     \t, \t, x4
        .endm

        /* d0 = the 80-bit number x0, w1. */
        leaf    double_from_f80
        mov     x4, x0
        mov     w3, w1
        to_double
        fmov    d0, x5
        ret

        /* x5, w6 = d0 as an 80-bit number. */
        leaf    double_to_f80
        fmov    x4, d0
        from_double
        ret

        /* x5 = d0 as a signed integer of w2 bits by the rounding mode in w3; x8: what FILD put into its slot.
         * x11: A64_X87_SLOW_BIT if it is none. */
        leaf    double_to_int
        mov     x11, #0
        fmov    x4, d0
        cbz     w3, 1f
        sub     w5, w3, #2
        cbz     w5, 2f
        tbz     w5, #31, 3f
        fcvtms  x5, d0
        b       4f
1:      fcvtns  x5, d0
        b       4f
2:      fcvtps  x5, d0
        b       4f
3:      fcvtzs  x5, d0
4:      cbz     x5, 7f
        asr     x6, x5, #52
        add     x6, x6, #1
        lsr     x6, x6, #1
        cbz     x6, 5f
        is_not_int x6                           /* of more than 53 bits */
        cbnz    x6, 5f
        mov     x5, x8
        b       6f
5:      eor     x6, x5, #0x7fffffffffffffff
        cbz     x6, 8f
        eor     x6, x5, #SIGN
        cbz     x6, 8f
6:      neg     w6, w2
        lsl     x7, x5, x6
        asr     x7, x7, x6
        eor     x7, x7, x5
        cbnz    x7, 8f
        ret
7:      ubfx    x6, x4, #52, #11                /* less than 1, or a NaN */
        add     w6, w6, #1
        tbnz    w6, #11, 8f
        ret
8:      mov     x11, #1 << A64_X87_SLOW_BIT
        ret

        /* d0 = d0 as an integer, by the rounding mode in w3. */
        leaf    double_rint
        cbz     w3, 1f
        sub     w5, w3, #2
        cbz     w5, 2f
        tbz     w5, #31, 3f
        frintm  d0, d0
        ret
1:      frintn  d0, d0
        ret
2:      frintp  d0, d0
        ret
3:      frintz  d0, d0
        ret

        /* C3, C2, C0 of the status word: d0 compared with d1. */
        leaf    double_codes
        mrs     x17, nzcv
        fcmp    d0, d1
        cset    w4, lt                          /* or unordered */
        cset    w5, eq
        cset    w6, vs
        msr     nzcv, x17
        orr     w5, w5, w6
        orr     w4, w4, w6, lsl #2
        orr     w4, w4, w5, lsl #6
        add     x0, x27, #CPU_FPU
        ldrh    w5, [x0, #FPU_SW]
        mov     w6, #0x4700                     /* C1 is 0 */
        bic     w5, w5, w6
        orr     w5, w5, w4, lsl #8
        strh    w5, [x0, #FPU_SW]
        ret

        /* C3 to C0 of the status word: what d0 is. */
        leaf    double_xam
        fmov    x4, d0
        lsr     x7, x4, #63
        lsl     x4, x4, #1
        mov     w5, #0x4000
        cbz     x4, 1f
        lsr     x6, x4, #53
        add     w6, w6, #1
        mov     w5, #0x400
        tbz     w6, #11, 1f
        lsl     x4, x4, #11
        mov     w5, #0x500
        cbz     x4, 1f
        mov     w5, #0x100
1:      orr     w5, w5, w7, lsl #9
        add     x0, x27, #CPU_FPU
        ldrh    w4, [x0, #FPU_SW]
        mov     w6, #0x4700
        bic     w4, w4, w6
        orr     w4, w4, w5
        strh    w4, [x0, #FPU_SW]
        ret

        /* cpu->fpu -> slots: a64_x87_load. Also when MXCSR rounds otherwise than to nearest it stays there. */
        leaf    double_load
        add     x0, x27, #CPU_FPU
        mov     x9, #A64_X87_OFF
        ldrh    w1, [x0, #FPU_CW]
        mov     w2, #0xc3f                      /* rounding, masks; any precision */
        and     w1, w1, w2
        sub     w1, w1, #0x3f
        cbnz    w1, 9f
        ldr     w1, [x27, #CPU_MXCSR]
        and     w1, w1, #0x6000
        cbnz    w1, 9f
to_slots:
        find_slots 9f
        mov     x12, #0
        mov     w11, #8
6:      ldr     x4, [x0], #8
        ldrh    w3, [x0], #8
        mov     x8, #0
        and     w6, w3, #0x7fff                 /* an integer of up to 63 bits? */
        mov     w7, #16383 + 62
        sub     w6, w7, w6
        lsr     w7, w6, #6
        cbnz    w7, 7f
        add     w6, w6, #1
        lsr     x8, x4, x6
        tbz     w3, #15, 7f
        neg     x8, x8
7:      to_double
        stp     x5, x8, [x2], #16
        sub     w11, w11, #1
        cbnz    w11, 6b
9:      ret

        /* The reverse: a64_x87_leave, if live. */
        leaf    double_leave
        add     x0, x27, #CPU_FPU
        save_depth
        mrs     x10, fpsr
        mov     w11, #8
3:      ldp     x4, x8, [x2], #16
        from_double
        cbz     x8, 5f
        is_not_int x7
        cbnz    x7, 5f
        asr     x7, x8, #63
        eor     x5, x8, x7
        sub     x5, x5, x7
        clz     x7, x5
        lsl     x5, x5, x7
        and     w6, w6, #0x8000
        add     w6, w6, #0x4000                 /* 16383 + 63 */
        add     w6, w6, #62
        sub     w6, w6, w7
5:      str     x5, [x0], #8
        strh    w6, [x0], #8
        sub     w11, w11, #1
        cbnz    w11, 3b
        msr     fpsr, x10
        mov     x9, #A64_X87_OFF
        ret

        leaf    double_reload
        add     x0, x27, #CPU_FPU
        mov     x9, #A64_X87_OFF
        b       to_slots

        .section .note.GNU-stack,"",@progbits
