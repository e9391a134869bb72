/* Ways into and out of translated code. Register map: regalloc/aarch64.h; offsets.h. While translated
 * code runs, sp is the stack of return addresses, pairs (guest's, host's); xrun's own is in the cpu.
 * NZCV holds N = SF, Z = ZF, C = !CF, V = OF. */
#include "translate/aarch64/offsets.h"
#include "translate/aarch64/x87.h"

        .text
        .balign 64
        .globl  a64_stubs_start
a64_stubs_start:

/* FPCR, FPSR <-> MXCSR. With FEAT_AFP, until a thread unmasks exceptions, FPSR has those that are not in the cpu's
 * sticky bits yet; CPU_FP_BITS is 0 then. Else they are complete in the cpu. */
        .macro  save_fpenv
        ldr     w9, [x27, #CPU_FP_BITS]
        cbnz    w9, 8f
        ldr     w9, [x27, #CPU_MXCSR]
        mrs     x10, fpsr
        and     w11, w10, #1                    /* IE */
        orr     w9, w9, w11
        ubfx    w11, w10, #1, #4                /* ZE OE UE PE */
        orr     w9, w9, w11, lsl #2
        ubfx    w11, w10, #7, #1                /* DE */
        orr     w9, w9, w11, lsl #1
        str     w9, [x27, #CPU_MXCSR]
8:      msr     fpcr, xzr
        .endm

/* Clobbers four registers. Goes to \unmasked if that has changed: code of before does not look at FPSR. */
        .macro  load_fpenv unmasked, p=9, q=10, r=11, s=12
        ldr     w\p, [x27, #CPU_MXCSR]
        ubfx    w\q, w\p, #13, #2                /* the two middle modes are swapped */
        rbit    w\q, w\q
        lsr     w\q, w\q, #8
        ldr     w\r, [x27, #CPU_AFP]
        cbnz    w\r, 5f
        orr     w\q, w\q, #1 << 24              /* FZ: denormal numbers show in FPSR */
        msr     fpcr, x\q
        /* bits of FPSR that matter: IOC, UFC; IDC unless DAZ; and what is not sticky yet, or not masked */
        and     w\q, w\p, w\p, lsr #7
        lsr     w\q, w\q, #1
        mov     w\r, #0x16                      /* DZC, OFC, IXC */
        and     w\q, w\q, w\r
        ubfx    w\r, w\p, #6, #1
        orr     w\q, w\q, w\r, lsl #7
        mov     w\r, #0x9f
        bic     w\q, w\r, w\q
        b       6f
5:      mvn     w\s, w\p, lsr #7                /* what is not masked */
        ubfx    w\r, w\p, #15, #1
        orr     w\r, w\r, w\s, lsr #4           /* FZ: flush to zero; or to notice whatever is tiny */
        bfi     w\q, w\r, #24, #1
        bfxil   w\q, w\p, #6, #1                /* FIZ: denormal operands are zero */
        orr     w\q, w\q, #6                    /* AH, NEP */
        msr     fpcr, x\q
        and     w\q, w\s, #0x3f
        .ifnb   \unmasked
        adrp    x\r, translate_unmasked
        ldrb    w\r, [x\r, #:lo12:translate_unmasked]
        orr     w\q, w\q, w\r
        .endif
        cbz     w\q, 7f                         /* nothing matters */
        and     w\p, w\p, w\p, lsr #7
        mvn     w\s, w\p                        /* but what is sticky and masked */
        and     w\q, w\s, #1
        ubfx    w\r, w\s, #2, #4
        orr     w\q, w\q, w\r, lsl #1
        ubfx    w\r, w\s, #1, #1
        orr     w\q, w\q, w\r, lsl #7
7:      ldr     w\r, [x27, #CPU_FP_BITS]
        .ifnb   \unmasked
        cbnz    w\r, 6f
        str     w\q, [x27, #CPU_FP_BITS]
        cbnz    w\q, \unmasked
        .endif
6:      str     w\q, [x27, #CPU_FP_BITS]
        lsl     w\q, w\q, #23                   /* IXC -> QC: then everybody looks closely (simd.h) */
        and     w\q, w\q, #0x08000000
        msr     fpsr, x\q
        .endm

/* The guest's registers -> cpu; then xrun's stack and floating-point control. Keeps x16, x17, x30. */
        .macro  save_state
        stp     w19, w20, [x27, #CPU_GPR]
        stp     w21, w22, [x27, #CPU_GPR + 8]
        stp     w23, w24, [x27, #CPU_GPR + 16]
        stp     w25, w26, [x27, #CPU_GPR + 24]
        mov     x26, x30
        bl      a64_x87_leave
        mov     x30, x26
        ldr     x10, [x27, #CPU_HOST_SP]
        mov     x9, sp
        str     x9, [x27, #CPU_RET_SP]
        mov     sp, x10
        stp     q16, q17, [x27, #CPU_XMM]
        stp     q18, q19, [x27, #CPU_XMM + 32]
        stp     q20, q21, [x27, #CPU_XMM + 64]
        stp     q22, q23, [x27, #CPU_XMM + 96]
        ldr     w9, [x27, #CPU_YMM_LIVE]
        cbz     w9, 7f
        ymm     stp
7:
        /* -> lazy flags (core/flags.h): res is 0 or 1 by ZF; the rest in aux */
        mrs     x9, nzcv
        mvn     w10, w9
        ubfx    w11, w10, #29, #1               /* CF */
        ubfx    w10, w10, #30, #1               /* res */
        eor     w12, w11, w9, lsr #28
        lsl     w13, w11, #31
        bfi     w13, w12, #30, #1               /* CF ^ OF */
        and     w12, w14, #15
        ubfx    x15, x14, #32, #4
        sub     w12, w12, w15
        lsr     w12, w12, #31
        orr     w13, w13, w12, lsl #3           /* AF */
        eor     w12, w14, w10
        bfi     w13, w12, #8, #8                /* what makes the parity */
        orr     w13, w13, w9, lsr #31           /* SF */
        stp     w10, w13, [x27, #CPU_CC_RES]
        save_fpenv
        .endm

        .macro  pop_callee_saved
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     x29, x30, [sp], #160
        .endm

/* const struct insn *translate_enter(struct cpu *, const struct insn *): an insn_fn. */
        .globl  translate_enter
        .type   translate_enter, @function
translate_enter:
        stp     x29, x30, [sp, #-160]!
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        mov     x27, x0
        mov     x9, sp
        str     x9, [x27, #CPU_HOST_SP]
        dmb     ishld                           /* INSN_CODE is older than the INSN_FN that led here */
        ldr     x16, [x1, #INSN_CODE]

        .globl  a64_load_start
a64_load_start:
        ldr     w9, [x27, #CPU_PENDING]
        cbnz    w9, return_null

load_state: /* cpu -> the guest's registers; goes to x16 */
        load_fpenv now_unmasked
        ldp     q16, q17, [x27, #CPU_XMM]
        ldp     q18, q19, [x27, #CPU_XMM + 32]
        ldp     q20, q21, [x27, #CPU_XMM + 64]
        ldp     q22, q23, [x27, #CPU_XMM + 96]
        ldr     w9, [x27, #CPU_YMM_LIVE]
        cbz     w9, 7f
        ymm     ldp
7:
        ldr     x28, [x27, #CPU_TABLE]
        adr     x29, a64_look_up
        ldr     x9, [x27, #CPU_RET_SP]
        mov     sp, x9
        ldp     w9, w10, [x27, #CPU_CC_RES]
        eor     w14, w9, w10, lsr #8
        eor     w14, w14, w14, lsl #4           /* bits 4-7 have the parity of all: PF */
        and     w14, w14, #0xf0
        ubfx    w15, w10, #3, #1
        orr     x14, x14, x15, lsl #32          /* AF */
        cmp     w9, #0
        cset    w11, eq
        lsl     w11, w11, #30                   /* Z */
        eor     w12, w10, w9, lsr #31
        bfi     w11, w12, #31, #1               /* N */
        eor     w12, w10, w10, lsl #1
        lsr     w12, w12, #31
        bfi     w11, w12, #28, #1               /* V */
        mvn     w12, w10
        lsr     w12, w12, #31
        bfi     w11, w12, #29, #1               /* C */
        msr     nzcv, x11
        ldp     w19, w20, [x27, #CPU_GPR]
        ldp     w21, w22, [x27, #CPU_GPR + 8]
        ldp     w23, w24, [x27, #CPU_GPR + 16]
        ldp     w25, w26, [x27, #CPU_GPR + 24]
        mov     x9, #A64_X87_OFF
        br      x16
        .globl  a64_load_end
a64_load_end:

now_unmasked:
        msr     fpcr, xzr
        bl      translate_now_unmasked
        b       return_null

        .globl  a64_exit_direct
a64_exit_direct:
        save_state
        mov     x0, x27
        mov     x1, x16
        pop_callee_saved
        b       translate_exit_direct

        .globl  a64_return_miss
a64_return_miss:
        ldr     w17, [x27, #CPU_PENDING]
        cbnz    w17, a64_look_up
        ldr     x17, [x27, #CPU_RET_TOP]
        mov     sp, x17
        cbz     x28, a64_look_up                /* translate_narrow */
        ldrsw   x17, [x28, w16, uxtw #2]
        add     x17, x17, x29
        br      x17
        .globl  a64_return_miss_end
a64_return_miss_end:

        .balign 16
        nop                                     /* A64_READS_FLAGS is set in the address */
        .globl  a64_look_up
a64_look_up:
        save_state
        mov     x0, x27
        mov     w1, w16
        pop_callee_saved
        b       translate_exit_indirect

        .globl  a64_exit_insn
a64_exit_insn:
        save_state
        ldr     w9, [x16, #INSN_EIP]
        str     w9, [x27, #CPU_EIP]
        mov     x0, x16
        pop_callee_saved
        ret

        .globl  a64_interp
a64_interp:
        save_state
        mov     x19, x16
        mov     x20, x30
        mov     x0, x27
        mov     x1, x16
        ldr     x9, [x16, #INSN_FN]
        blr     x9
        cbz     x0, return_null                 /* interrupted: eip is set */
        ldr     w9, [x19, #INSN_NEXT]
        str     w9, [x27, #CPU_EIP]
        mov     x16, x20
        b       a64_load_start

        .globl  a64_leave
a64_leave:
        save_state
        b       1f
return_null:
        strb    wzr, [x27, #CPU_EXIT]           /* EXIT_BRANCH */
1:      str     xzr, [x27, #CPU_EXIT_LINKS]
        str     xzr, [x27, #CPU_EXIT_CODE]
        mov     x0, #0
        pop_callee_saved
        ret
        .size   translate_enter, .-translate_enter

        .globl  a64_stubs_end
a64_stubs_end:

        .section a64_leaf, "ax", %progbits
        .balign 16
        .globl  a64_new_mxcsr
        .type   a64_new_mxcsr, %function
a64_new_mxcsr:
        load_fpenv , 0, 1, 2, 3
        ret

        .section .note.GNU-stack,"",@progbits
