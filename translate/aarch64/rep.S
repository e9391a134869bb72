/* Repeated string instructions, both ways: called by BL from translated code, on its registers. esi, edi
 * and ecx are exact whenever memory is accessed: a fault has the interpreter go on from there. NZCV
 * stays. Each returns with ecx != 0 if a signal wants in (and a64_rep_cmps and _scas with w0 = 1).
 * Scratch: x0-x7, x16, v0, v1. */
#include "translate/aarch64/offsets.h"

ecx     .req    w20
xcx     .req    x20
esi     .req    w25
xsi     .req    x25
edi     .req    w26
xdi     .req    x26

        .section a64_leaf, "ax", @progbits
        .balign 16

        .macro  if_backwards label
        ldr     w0, [x27, #CPU_EFLAGS]
        tbnz    w0, #10, \label                /* DF */
        .endm

/* Copies elements of \size bytes. Those whose places lie less than a chunk apart go singly. */
        .macro  rep_movs name, log2, size, ld, st
        .globl  \name
\name:
        if_backwards 6f
        sub     w1, edi, esi
        neg     w2, w1
        lsr     w1, w1, #6
        lsr     w2, w2, #6
        cbz     w1, 3f
        cbz     w2, 3f
1:      lsl     x0, xcx, #\log2
        lsr     x0, x0, #6
        cbz     x0, 2f
        ldp     q0, q1, [xsi]
        ldp     q2, q3, [xsi, #32]
        stp     q0, q1, [xdi]
        stp     q2, q3, [xdi, #32]
        add     esi, esi, #64
        add     edi, edi, #64
        sub     ecx, ecx, #(64 / \size)
        ldr     w1, [x27, #CPU_PENDING]
        cbz     w1, 1b
        ret
2:      lsl     x0, xcx, #\log2
        lsr     x0, x0, #4
        cbz     x0, 3f
        ldr     q0, [xsi]
        str     q0, [xdi]
        add     esi, esi, #16
        add     edi, edi, #16
        sub     ecx, ecx, #(16 / \size)
        b       2b
3:      cbz     ecx, 5f
4:      \ld     w0, [xsi]
        \st     w0, [xdi]
        add     esi, esi, #\size
        add     edi, edi, #\size
        sub     ecx, ecx, #1
        tbz     ecx, #8, 3b                     /* now and then */
        ldr     w1, [x27, #CPU_PENDING]
        cbz     w1, 3b
5:      ret

6:      sub     w1, edi, esi
        neg     w2, w1
        lsr     w1, w1, #6
        lsr     w2, w2, #6
        cbz     w1, 8f
        cbz     w2, 8f
7:      lsl     x0, xcx, #\log2
        lsr     x0, x0, #6
        cbz     x0, 8f
        sub     x1, xsi, #(64 - \size)
        sub     x2, xdi, #(64 - \size)
        ldp     q0, q1, [x1]
        ldp     q2, q3, [x1, #32]
        stp     q2, q3, [x2, #32]
        stp     q0, q1, [x2]
        sub     esi, esi, #64
        sub     edi, edi, #64
        sub     ecx, ecx, #(64 / \size)
        ldr     w1, [x27, #CPU_PENDING]
        cbz     w1, 7b
        ret
8:      cbz     ecx, 5b
        \ld     w0, [xsi]
        \st     w0, [xdi]
        sub     esi, esi, #\size
        sub     edi, edi, #\size
        sub     ecx, ecx, #1
        tbz     ecx, #8, 8b
        ldr     w1, [x27, #CPU_PENDING]
        cbz     w1, 8b
        ret
        .endm

        .macro  rep_stos name, log2, size, st, lanes
        .globl  \name
\name:
        dup     v0.\lanes, w19
        if_backwards 6f
1:      lsl     x0, xcx, #\log2
        lsr     x0, x0, #6
        cbz     x0, 3f
        stp     q0, q0, [xdi]
        stp     q0, q0, [xdi, #32]
        add     edi, edi, #64
        sub     ecx, ecx, #(64 / \size)
        ldr     w1, [x27, #CPU_PENDING]
        cbz     w1, 1b
        ret
3:      cbz     ecx, 5f
        \st     w19, [xdi]
        add     edi, edi, #\size
        sub     ecx, ecx, #1
        b       3b
5:      ret

6:      lsl     x0, xcx, #\log2
        lsr     x0, x0, #6
        cbz     x0, 8f
        sub     x2, xdi, #(64 - \size)
        stp     q0, q0, [x2, #32]
        stp     q0, q0, [x2]
        sub     edi, edi, #64
        sub     ecx, ecx, #(64 / \size)
        ldr     w1, [x27, #CPU_PENDING]
        cbz     w1, 6b
        ret
8:      cbz     ecx, 5b
        \st     w19, [xdi]
        sub     edi, edi, #\size
        sub     ecx, ecx, #1
        b       8b
        .endm

/* CMPS, SCAS while the elements are equal (\until is cbnz) or different (cbz): w1 and w2 are the last two.
 * SCAS is given w1, an element of eax, zero-extended. ecx is not 0 to begin with. */
        .macro  rep_compare name, scas, size, ld, until
        .globl  \name
\name:
        if_backwards 4f
        mov     w0, #0
        compare_loop add, \scas, \size, \ld, \until
4:      mov     w0, #0
        compare_loop sub, \scas, \size, \ld, \until
        .endm

        .macro  compare_loop step, scas, size, ld, until
1:      \ld     w2, [xdi]
        .ifeq   \scas
        \ld     w1, [xsi]
        \step     esi, esi, #\size
        .endif
        \step     edi, edi, #\size
        sub     ecx, ecx, #1
        eor     w3, w1, w2
        \until  w3, 2f
        cbz     ecx, 2f
        tbz     ecx, #8, 1b
        ldr     w3, [x27, #CPU_PENDING]
        cbz     w3, 1b
        mov     w0, #1
2:      ret
        .endm

        rep_movs a64_rep_movs1, 0, 1, ldrb, strb
        rep_movs a64_rep_movs2, 1, 2, ldrh, strh
        rep_movs a64_rep_movs4, 2, 4, ldr, str
        rep_stos a64_rep_stos1, 0, 1, strb, 16b
        rep_stos a64_rep_stos2, 1, 2, strh, 8h
        rep_stos a64_rep_stos4, 2, 4, str, 4s
        rep_compare a64_repe_cmps1, 0, 1, ldrb, cbnz
        rep_compare a64_repe_cmps2, 0, 2, ldrh, cbnz
        rep_compare a64_repe_cmps4, 0, 4, ldr, cbnz
        rep_compare a64_repne_cmps1, 0, 1, ldrb, cbz
        rep_compare a64_repne_cmps2, 0, 2, ldrh, cbz
        rep_compare a64_repne_cmps4, 0, 4, ldr, cbz
        rep_compare a64_repe_scas1, 1, 1, ldrb, cbnz
        rep_compare a64_repe_scas2, 1, 2, ldrh, cbnz
        rep_compare a64_repe_scas4, 1, 4, ldr, cbnz
        rep_compare a64_repne_scas1, 1, 1, ldrb, cbz
        rep_compare a64_repne_scas2, 1, 2, ldrh, cbz
        rep_compare a64_repne_scas4, 1, 4, ldr, cbz
        .section .note.GNU-stack,"",@progbits
