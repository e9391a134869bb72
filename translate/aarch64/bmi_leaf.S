/* PDEP and PEXT, bit by bit of the mask: w0 = source, w1 = mask; w2 = result. Clobber x0-x4; NZCV stays. */
        .section a64_leaf, "ax", @progbits

        .balign 16
        .globl  a64_pdep
a64_pdep:
        mov     w2, #0
        cbz     w1, 2f
1:      neg     w3, w1
        and     w3, w3, w1                      /* the mask's lowest bit */
        eor     w1, w1, w3
        sbfx    w4, w0, #0, #1
        lsr     w0, w0, #1
        and     w4, w4, w3
        orr     w2, w2, w4
        cbnz    w1, 1b
2:      ret

        .balign 16
        .globl  a64_pext
a64_pext:
        mov     w2, #0
        mov     w4, #0                          /* minus how many */
        cbz     w1, 2f
1:      rbit    w3, w1
        clz     w3, w3                          /* where the mask's lowest bit is */
        lsr     w3, w0, w3
        extr    w2, w3, w2, #1                  /* comes in at the top */
        sub     w3, w1, #1
        and     w1, w1, w3
        sub     w4, w4, #1
        cbnz    w1, 1b
        lsr     w2, w2, w4
2:      ret

        .section .note.GNU-stack,"",@progbits
