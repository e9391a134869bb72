/* PCMPESTRI and PCMPISTRI of bytes. v0 = the first operand, v1 = the second, w2 = the immediate; w0 and w1 = eax and
 * edx, or as a64_string_lengths leaves them. One routine for each way to compare. They return the index in w0, and
 * NZCV, C = !CF; clobber x0-x6, v0-v7. */
        .section a64_leaf, "ax", @progbits

        .macro  leaf name
        .balign 16
        .globl  a64_string_\name
a64_string_\name:
        .endm

        /* \x\r = bytes of v\r before the first that is 0 */
        .macro  implicit r
        cmeq    v2.16b, v\r\().16b, #0
        shrn    v2.8b, v2.8h, #4                /* four bits for each byte */
        fmov    x\r, d2
        rbit    x\r, x\r
        clz     x\r, x\r
        lsr     w\r, w\r, #2
        .endm

        /* w\r = its absolute value, at most 16 */
        .macro  explicit r
        cmp     w\r, #0
        cneg    w\r, w\r, lt
        cmp     w\r, #16
        csel    w\r, w\r, w3, lo
        .endm

        /* v7 = 0, 1, 2...; v6, v5: bytes of the second and the first operand that count */
        .macro  begin
        mov     w3, #16
        explicit 0
        explicit 1
        ldr     q7, numbers
        dup     v6.16b, w1
        dup     v5.16b, w0
        cmhi    v6.16b, v6.16b, v7.16b
        cmhi    v5.16b, v5.16b, v7.16b
        .endm

        leaf    lengths
        implicit 0
        implicit 1
        ret

        .balign 16
numbers:
        .byte   0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15

        leaf    any
        begin
        movi    v2.16b, #0
        mov     w3, w0
        cbz     w3, valid
1:      dup     v3.16b, v0.b[0]
        cmeq    v3.16b, v3.16b, v1.16b
        orr     v2.16b, v2.16b, v3.16b
        ext     v0.16b, v0.16b, v0.16b, #1
        sub     w3, w3, #1
        cbnz    w3, 1b
valid:  and     v2.16b, v2.16b, v6.16b
        b       finish

        leaf    ranges
        begin
        movi    v2.16b, #0
        tbz     w2, #1, 2f                      /* signed bytes */
        movi    v3.16b, #0x80
        eor     v0.16b, v0.16b, v3.16b
        eor     v1.16b, v1.16b, v3.16b
2:      lsr     w3, w0, #1
        cbz     w3, valid
1:      dup     v3.16b, v0.b[0]
        dup     v4.16b, v0.b[1]
        cmhs    v3.16b, v1.16b, v3.16b
        cmhs    v4.16b, v4.16b, v1.16b
        and     v3.16b, v3.16b, v4.16b
        orr     v2.16b, v2.16b, v3.16b
        ext     v0.16b, v0.16b, v0.16b, #2
        sub     w3, w3, #1
        cbnz    w3, 1b
        b       valid

        leaf    each
        begin
        cmeq    v2.16b, v0.16b, v1.16b
        and     v3.16b, v5.16b, v6.16b
        and     v2.16b, v2.16b, v3.16b
        orr     v3.16b, v5.16b, v6.16b
        orn     v2.16b, v2.16b, v3.16b          /* behind the end of both */
        b       finish

        leaf    ordered
        begin
        movi    v2.2d, #0xffffffffffffffff
        movi    v5.2d, #0xffffffffffffffff
        mov     w3, w0
        cbz     w3, finish
1:      sub     w3, w3, #1                      /* from its last byte on: the rest matches from the next byte on, */
        dup     v3.16b, w3
        tbl     v3.16b, {v0.16b}, v3.16b
        cmeq    v3.16b, v3.16b, v1.16b
        and     v3.16b, v3.16b, v6.16b
        ext     v2.16b, v2.16b, v5.16b, #1      /* or is beyond the register */
        and     v2.16b, v2.16b, v3.16b
        cbnz    w3, 1b

finish: tbz     w2, #4, 2f
        tbz     w2, #5, 1f
        eor     v2.16b, v2.16b, v6.16b
        b       2f
1:      mvn     v2.16b, v2.16b
2:      shrn    v3.8b, v2.8h, #4
        fmov    x3, d3
        cmp     x3, #0
        cset    w6, eq                          /* !CF */
        tbnz    w2, #6, 3f
        rbit    x4, x3
        clz     x4, x4
        lsr     w4, w4, #2
        b       4f
3:      clz     x4, x3
        lsr     w4, w4, #2
        mov     w5, #15
        sub     w4, w5, w4
        add     w4, w4, w6
        add     w4, w4, w6, lsl #4              /* none: 15 - 16 + 1 + 16 */
4:      lsr     w5, w0, #4
        lsl     w5, w5, #31
        lsr     w0, w1, #4
        orr     w5, w5, w0, lsl #30
        eor     w5, w5, #0xc0000000             /* SF, ZF: shorter than 16 */
        orr     w5, w5, w6, lsl #29
        and     w6, w3, #1
        orr     w5, w5, w6, lsl #28             /* OF */
        msr     nzcv, x5
        mov     w0, w4
        ret

        .section .note.GNU-stack,"",@progbits
