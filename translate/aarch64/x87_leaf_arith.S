/* Arithmetic on slots, rounded to nearest with 64 bits; see x87_leaf.h. */
#include "translate/aarch64/x87_leaf.h"

        slow_exit

/* ---- precision control: 53 bits ---- */

/* Every result is rounded to 64 bits first; x12 tells on which side of it the exact one is. */
        .macro  done
        tbnz    x9, #A64_X87_PC53_BIT, round_53
        ret
        .endm

/* x10 is rounded to 53 bits and may become 0, for a carry. To \exact if it has no more. */
        .macro  to_53 exact
        and     x6, x10, #0x7ff
        cbz     x6, \exact
        orr     x13, x13, x6
        neg     x8, x12
        asr     x7, x12, #63
        orr     x7, x7, x8, lsr #63             /* 1, 0, -1: there is more, nothing more, or less */
        add     x7, x7, x6, lsl #2
        ubfx    x8, x10, #11, #1                /* a tie: to even */
        add     x7, x7, x8
        sub     x7, x7, #0x1, lsl #12
        sub     x7, x7, #1
        mvn     x7, x7
        lsr     x7, x7, #63                     /* up */
        lsl     x12, x7, #63
        and     x10, x10, #~0x7ff
        add     x10, x10, x7, lsl #11
        .endm

round_53:
        cbz     x10, 1f
        tbnz    w11, #SPECIAL, far_53
        to_53   1f
        cbnz    x10, 1f
        mov     x10, #SIGN
        add     x11, x11, #1
        mov     w8, w11
        tbnz    w11, #SPECIAL, far_out
1:      ret
far_53: /* from far_out */
        orr     x10, x10, #SIGN
        to_53   2f
        ubfx    x8, x11, #32, #15
        mov     w6, #16383 - BIAS
        sub     w8, w8, w6
        cbnz    x10, settle
        mov     x10, #SIGN
        add     w8, w8, #1
        b       settle
2:      and     x10, x10, #~SIGN
        ret

/* ---- results that need more than the usual rounding; sign in x11 ---- */

round_rare: /* x12 is 0 or a half */
        cbz     x12, 1f
        orr     x13, x13, #SIGN
        and     x6, x10, #1
        mov     x12, #1
        bfi     x12, x6, #63, #1
        add     x10, x10, x6
        cbz     x10, round_carry
1:      done
round_carry: /* rounding up made it 2^64 */
        mov     x10, #SIGN
        add     x11, x11, #1
        mov     w8, w11
        tbnz    w11, #SPECIAL, far_out
        done

round_far: /* E in w8, perhaps out of range */
        lsl     x6, x12, #1
        cbz     x6, 1f
        lsr     x6, x12, #63
        b       2f
1:      cbz     x12, settle
        and     x6, x10, #1
        mov     x12, #1
        bfi     x12, x6, #63, #1
2:      orr     x13, x13, #SIGN
        add     x10, x10, x6
        cbnz    x10, settle
        mov     x10, #SIGN
        add     w8, w8, #1
        b       settle

normalize: /* exact; x12 = 0 */
        clz     x6, x10
        lsl     x10, x10, x6
        sub     w8, w11, w6
settle: /* E in w8 */
        lsr     w6, w8, #SPECIAL
        cbnz    w6, far_out
        and     x11, x11, #SIGN
        orr     x11, x11, x8
        done
far_out: /* a slot of the special kind, well within the range of 80 bits */
        mov     w6, #16383 - BIAS
        add     w6, w6, w8
        and     x11, x11, #SIGN
        orr     x11, x11, x6, lsl #32
        orr     x11, x11, #1 << 47
        mov     w6, #A64_X87_SPECIAL
        orr     x11, x11, x6
        and     x10, x10, #~SIGN
        done

/* ---- multiplication ---- */

        leaf    mul
        umulh   x4, x10, x2
        mul     x12, x10, x2
        add     x11, x11, x3
        tbz     x4, #63, 1f
        sub     x11, x11, #BIAS - 1
        tbnz    w11, #SPECIAL, mul_out
        lsl     x6, x12, #1
        cbz     x6, mul_rare
        orr     x13, x13, x6
        add     x10, x4, x12, lsr #63           /* x4 <= 2^64 - 2 */
        done
1:      sub     x11, x11, #BIAS
        extr    x4, x4, x12, #63
        lsl     x12, x12, #1
        tbnz    w11, #SPECIAL, mul_out_shifted
        lsl     x6, x12, #1
        cbz     x6, mul_rare
        add     x4, x4, x12, lsr #63
        tbz     x4, #63, mul_carry              /* 2^64, or two specials */
        orr     x13, x13, x6
        mov     x10, x4
        done
mul_rare:
        tbz     x4, #63, mul_zero
        mov     x10, x4
        b       round_rare
mul_carry:
        and     x6, x10, x2
        tbz     x6, #63, mul_slow
        orr     x13, x13, #SIGN
        b       round_carry
mul_zero: /* 0, or very small: of two specials */
        orr     x7, x4, x12
        cbnz    x7, mul_slow
        add     x6, x11, #BIAS
        sub     x6, x6, x3
        orr     x7, x6, x3
        tbnz    w7, #SPECIAL, mul_slow
        and     x11, x11, #SIGN
        mov     x10, #0
        done
mul_slow: /* x11 is the sum less BIAS */
        add     x11, x11, #BIAS
        sub     x11, x11, x3
        b       slow
mul_out:
        add     x11, x11, #BIAS - 1
        sub     w8, w11, #BIAS - 1
        b       1f
mul_out_shifted:
        add     x11, x11, #BIAS
        sub     w8, w11, #BIAS
1:      sub     x6, x11, x3
        orr     x7, x6, x3
        tbnz    w7, #SPECIAL, 2f
        orr     x7, x4, x12
        mov     x10, x4
        cbnz    x7, round_far
        and     x11, x11, #SIGN
        done
2:      mov     x11, x6
        b       slow

/* ---- addition ---- */

/* x\bs, w\be: the operand with the larger exponent; x\ss: the other's significand; w\d: the difference
 * of the exponents; w\m: its negative. x5 bit 63: the signs differ. T stays until no special is seen. */
        .macro  add_ordered bs, be, ss, d, m, swapped
        lsr     w6, w\d, #6
        cbnz    w6, 7f
        lsl     x12, x\ss, x\m
        lsr     x6, x\ss, x\d
        .if     \swapped
        mov     x11, x\be
        .endif
        tbnz    x5, #63, 3f
        add     x10, x\bs, x6
        tbz     x10, #63, 2f
1:      lsl     x6, x12, #1
        cbz     x6, round_rare
        orr     x13, x13, x6
        add     x10, x10, x12, lsr #63
        cbz     x10, round_carry
        done
2:      extr    x12, x10, x12, #1               /* a carry; the bit shifted out is 0 */
        lsr     x10, x10, #1
        orr     x10, x10, #SIGN
        add     x11, x11, #1
        tbnz    w11, #SPECIAL, add_out
        lsl     x6, x12, #1
        cbz     x6, round_rare
        orr     x13, x13, x6
        add     x10, x10, x12, lsr #63          /* not 2^64 */
        done
3:      cbz     x12, 6f
        sub     x10, x\bs, x6
        sub     x10, x10, #1
        neg     x12, x12
        tbnz    x10, #63, 1b
4:      tbz     x10, #62, sub_many
        extr    x10, x10, x12, #63
        lsl     x12, x12, #1
        cbz     w11, sub_out
        sub     x11, x11, #1
        b       1b
5:      tbnz    x10, #63, 1b
        b       4b
6:      sub     x10, x\bs, x6                   /* exact */
        tbz     x10, #63, normalize
        done
7:      tbnz    w\be, #SPECIAL, slow
        .if     \swapped
        mov     x11, x\be
        .endif
        sub     w8, w\d, #64
        cbz     x\ss, 9f
        lsr     w6, w8, #6
        mov     x12, #1
        cbnz    w6, 8f
        lsr     x12, x\ss, x8
        lsl     x6, x12, x8
        sub     x6, x6, x\ss
        cbz     x6, 8f
        orr     x12, x12, #1
8:      mov     x10, x\bs
        tbz     x5, #63, 1b
        sub     x10, x10, #1
        neg     x12, x12
        b       5b
9:      mov     x10, x\bs
        mov     x12, #0
        done
        .endm

        leaf    subr
        eor     x11, x11, #SIGN                 /* so it is in x1 if the interpreter must do it */
        b       a64_x87_add
        leaf    sub
        eor     x3, x3, #SIGN
        leaf    add
        sub     w4, w11, w3
        eor     x5, x11, x3
        neg     w7, w4
        tbnz    w4, #31, add_swapped
        cbz     w4, add_equal
        add_ordered 10, 11, 2, 4, 7, 0
add_swapped:
        add_ordered 2, 3, 10, 7, 4, 1
add_out:
        mov     w8, w11
        b       round_far
sub_out:
        mov     w8, #-1
        b       round_far
sub_many: /* the exponents differ by 1, what is left is exact */
        cbz     x10, 1f
        clz     x6, x10
        neg     x7, x6
        lsl     x10, x10, x6
        lsr     x7, x12, x7
        orr     x10, x10, x7
        mov     x12, #0
        sub     w8, w11, w6
        b       settle
1:      mov     x10, #SIGN
        mov     x12, #0
        sub     w8, w11, #64
        b       settle
add_equal:
        tbnz    w11, #SPECIAL, slow
        cbz     w11, 4f
1:      tbnz    x5, #63, 2f
        add     x10, x10, x2
        lsl     x12, x10, #63
        lsr     x10, x10, #1
        orr     x10, x10, #SIGN
        add     x11, x11, #1
        tbnz    w11, #SPECIAL, add_out
        b       round_rare
2:      sub     x4, x10, x2
        mov     x12, #0
        cbz     x4, 5f
        mov     x10, x4
        tbz     x4, #63, normalize
        neg     x10, x4
        mov     x11, x3
        b       normalize
4:      cbz     x10, 6f
        cbnz    x2, 1b
        mov     x12, #0
        done
5:      mov     x10, #0                         /* x - x = +0 */
        mov     x11, #0
        done
6:      mov     x12, #0
        cbz     x2, 7f
        mov     x10, x2
        mov     x11, x3
        done
7:      and     x11, x11, x3                    /* 0 + 0: negative if both are */
        done

/* ---- division ---- */

/* One digit of 32 bits: \q = (x\h:\un) / x5, w\un the next 32 bits of the numerator; x\h = remainder.
 * x8 and x16 are the divisor's halves. Clobbers x1, x2. */
        .macro  digit q, h, un
        udiv    \q, \h, x8
        msub    x1, \q, x8, \h
1:      lsr     x2, \q, #32
        cbnz    x2, 2f
        mul     x2, \q, x16
        add     x7, \un, x1, lsl #32
        cmp     x2, x7
        b.ls    3f
2:      sub     \q, \q, #1
        add     x1, x1, x8
        lsr     x2, x1, #32
        cbz     x2, 1b
3:      add     \h, \un, \h, lsl #32
        msub    \h, \q, x5, \h
        .endm

        leaf    divr
        orr     x4, x11, x3
        tbnz    w4, #SPECIAL, slow
        cbz     x10, slow
        mov     x5, x10
        sub     w8, w3, w11
        eor     x11, x11, x3
        mov     x10, x2
        b       div_numbers
        leaf    div
        orr     x4, x11, x3
        tbnz    w4, #SPECIAL, slow
        cbz     x2, slow
        mov     x5, x2
        sub     w8, w11, w3
        eor     x11, x11, x3
div_numbers: /* x10 / x5, the exponents' difference in w8, the sign in x11 */
        mov     x12, #0
        cbz     x10, div_zero
        mrs     x17, nzcv
        add     w0, w8, #BIAS
        mov     x3, #0
        cmp     x10, x5
        b.lo    1f
        lsl     x3, x10, #31                    /* the numerator's next 32 bits */
        and     x3, x3, #0x80000000
        lsr     x10, x10, #1
        b       2f
1:      sub     w0, w0, #1
2:      lsr     x8, x5, #32
        and     x16, x5, #0xffffffff
        digit   x4, x10, x3
        mov     x3, #0
        digit   x6, x10, x3
        add     x4, x6, x4, lsl #32
        orr     x13, x13, x10
        sub     x6, x5, x10
        cmp     x10, x6
        cset    x6, hi                          /* never equal */
        orr     x7, x10, x10, lsl #1
        extr    x12, x6, x7, #1
        msr     nzcv, x17
        mov     w8, w0
        add     x10, x4, x6
        cbnz    x10, settle
        mov     x10, #SIGN
        add     w8, w8, #1
        b       settle
div_zero:
        and     x11, x11, #SIGN
        done

/* ---- square root ---- */

        leaf    sqrt
        tbnz    w11, #SPECIAL, slow
        cbz     x10, 6f
        tbnz    x11, #63, slow
        mrs     x17, nzcv
        mrs     x16, fpsr
        mov     x2, #0                          /* x1:x2 = the significand << 63 or 64 */
        mov     x1, x10
        tbnz    w11, #0, 1f
        lsl     x2, x10, #63
        lsr     x1, x10, #1
1:      lsr     w11, w11, #1
        add     w11, w11, #BIAS / 2
        ucvtf   d0, x1
        fsqrt   d0, d0
        fcvtzu  x10, d0, #32                    /* off by 2^12 at most */
        umulh   x4, x10, x10
        mul     x5, x10, x10
        subs    x5, x2, x5
        sbc     x4, x1, x4
        extr    x5, x4, x5, #14
        lsr     x6, x10, #13
        sdiv    x5, x5, x6
        add     x10, x10, x5
        lsr     x6, x10, #62
        cbnz    x6, 2f
        mov     x10, #-1                        /* beyond 2^64 */
2:      umulh   x4, x10, x10
        mul     x5, x10, x10
        subs    x5, x2, x5                      /* x4:x5 = the rest */
        sbc     x4, x1, x4
3:      tbz     x4, #63, 4f
        sub     x10, x10, #1                    /* rest += 2 root + 1 */
        adds    x5, x5, x10, lsl #1
        lsr     x6, x10, #63
        adc     x4, x4, x6
        adds    x5, x5, #1
        adc     x4, x4, xzr
        b       3b
4:      lsl     x7, x10, #1                     /* x6:x7 = 2 root */
        lsr     x6, x10, #63
        cmp     x7, x5
        sbcs    xzr, x6, x4
        b.hs    5f
        add     x10, x10, #1                    /* rest -= 2 root + 1 */
        mvn     x7, x7
        mvn     x6, x6
        adds    x5, x5, x7
        adc     x4, x4, x6
        b       4b
5:      orr     x6, x4, x5
        orr     x13, x13, x6
        cmp     x10, x5
        sbcs    xzr, xzr, x4                    /* the rest is larger than the root */
        cset    x7, lo
        orr     x6, x6, x6, lsl #1
        extr    x12, x7, x6, #1
        msr     nzcv, x17
        msr     fpsr, x16
        add     x10, x10, x7
        cbz     x10, round_carry
        done
6:      mov     x12, #0
        done

        .section .note.GNU-stack,"",@progbits
