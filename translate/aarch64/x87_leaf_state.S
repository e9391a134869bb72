/* cpu->fpu -> slots and back; x27: the cpu; clobber x0-x8, too. See x87_leaf.h. */
#include "translate/aarch64/x87_leaf.h"

        /* \op mm\r <-> its place; x0: the registers in the cpu. */
        .macro  mm op, r
        .irp    d, 8, 9, 10, 11, 12, 13, 14, 15
        .if     \d - A64_MM0 == \r
        \op    d\d, [x0, #16 * \r]
        .endif
        .endr
        .endm

        /* MMX registers, which are live, -> cpu->fpu; x9 is A64_X87_OFF. */
        .macro  mmx_to_cpu
        mov     x9, #A64_X87_OFF
        cbz     x12, 1f                         /* no instruction has been executed with them */
        add     x0, x27, #CPU_FPU
        mov     w1, #0xffff
        .irp    r, 0, 1, 2, 3, 4, 5, 6, 7
        tbz     w12, #\r, 2f
        mm      str, \r
        strh    w1, [x0, #16 * \r + 8]
2:
        .endr
        strh    wzr, [x0, #FPU_TOP]             /* and `empty` */
1:
        .endm

        /* x9, x12, x13 from cpu->fpu; x9 is A64_X87_OFF if its state is not the usual one. */
        leaf    load
        ldr     w0, [x27, #CPU_X87_DOUBLE]
        cbnz    w0, a64_x87_double_load
        add     x0, x27, #CPU_FPU
        mov     x9, #A64_X87_OFF
        ldrh    w1, [x0, #FPU_CW]
        mov     w2, #0xe3f                      /* rounding, precision (64 or 53 bits), masks */
        and     w1, w1, w2
        sub     w1, w1, #0x23f
        cbnz    w1, 4f
to_slots:
        find_slots 4f
        ldrh    w12, [x0, #FPU_SW]
        lsl     x12, x12, #63 - 9               /* C1 */
        mov     w8, #16383 - BIAS
        mov     w7, #8
2:      ldr     x4, [x0], #8
        ldrh    w3, [x0], #8
        and     w5, w3, #0x7fff
        lsr     w3, w3, #15
        lsl     x3, x3, #63
        sub     w6, w5, w8
        lsr     w1, w6, #SPECIAL
        cbnz    w1, 5f
        tbz     x4, #63, 5f
        orr     x3, x3, x6
3:      stp     x4, x3, [x2], #16
        sub     w7, w7, #1
        cbnz    w7, 2b
        ldrh    w1, [x0, #FPU_CW - 128]
        tbnz    w1, #8, 4f
        orr     x9, x9, #1 << A64_X87_PC53_BIT
4:      ret
5:      orr     x1, x4, x5
        cbz     x1, 3b
        orr     x3, x3, x5, lsl #32
        lsr     x1, x4, #63
        orr     x3, x3, x1, lsl #47
        mov     w1, #A64_X87_SPECIAL
        orr     x3, x3, x1
        and     x4, x4, #~SIGN
        b       3b

        /* The reverse, if live; x9 is A64_X87_OFF. */
        leaf    leave
        tbnz    w9, #A64_X87_MMX_BIT, mmx_leave
        sub     x0, x9, #A64_X87_OFF
        cbz     x0, 5f
        ldr     w0, [x27, #CPU_X87_DOUBLE]
        cbnz    w0, a64_x87_double_leave
        add     x0, x27, #CPU_FPU
        ldr     x1, [x27, #CPU_X87_NOTE]
        cbz     x1, 1f
        str     xzr, [x27, #CPU_X87_NOTE]
        str     w1, [x0, #FPU_FIP]
        ubfx    x2, x1, #32, #11
        strh    w2, [x0, #FPU_FOP]
        add     x3, x27, #CPU_SEL
        ldrh    w2, [x3, #2]                    /* SEG_CS */
        strh    w2, [x0, #FPU_FCS]
        tbz     x1, #A64_X87_NOTE_MEM, 1f
        ubfx    x2, x1, #A64_X87_NOTE_MEM + 1, #3
        ldrh    w2, [x3, x2, lsl #1]
        strh    w2, [x0, #FPU_FDS]
1:
        save_depth
        lsr     x4, x12, #63
        bfi     w3, w4, #9, #1                  /* C1 */
        strh    w3, [x0, #FPU_SW]
        mov     w8, #16383 - BIAS
        mov     w7, #8
2:      ldp     x4, x3, [x2], #16
        and     x5, x3, #0xfff
        lsr     x6, x3, #63
        tbnz    w3, #SPECIAL, 4f
        cbz     x4, 3f
        add     w5, w5, w8
3:      orr     w5, w5, w6, lsl #15
        str     x4, [x0], #8
        strh    w5, [x0], #8
        sub     w7, w7, #1
        cbnz    w7, 2b
        mov     x9, #A64_X87_OFF
5:      ret
4:      ubfx    x5, x3, #32, #15
        lsr     x1, x3, #47
        bfi     x4, x1, #63, #1
        b       3b

        /* load whatever cw is, in the middle of a run. */
        leaf    reload
        ldr     w0, [x27, #CPU_X87_DOUBLE]
        cbnz    w0, a64_x87_double_reload
        add     x0, x27, #CPU_FPU
        mov     x9, #A64_X87_OFF
        b       to_slots

        /* MMX registers (mmx.c); x9 was A64_X87_OFF. */
        leaf    mmx_load
        ldr     w0, [x27, #CPU_YMM_LIVE]
        cbz     w0, 1f
        str     wzr, [x27, #CPU_YMM_LIVE]
        ymm     stp
1:
        add     x0, x27, #CPU_FPU
        .irp    r, 0, 1, 2, 3, 4, 5, 6, 7
        mm      ldr, \r
        .endr
        mov     x12, #0
        mov     x9, #A64_X87_MMX
        ret

mmx_leave:
        mmx_to_cpu
        ret

        /* The upper halves of ymm0-7 become live in v8-v15, and stay so while translated code runs, until MMX registers
         * do. */
        leaf    load_ymm
        tbz     w9, #A64_X87_MMX_BIT, 9f
        mmx_to_cpu
9:      ymm     ldp
        mov     w0, #1
        str     w0, [x27, #CPU_YMM_LIVE]
        ret

        .section .note.GNU-stack,"",@progbits
