/* Ways into and out of translated code. Register map: regalloc/x86_64.h; offsets.h. While translated
 * code runs, rsp is the stack of host return addresses; xrun's own is in the cpu.
 *
 * A signal that interrupts anything between x64_stubs_start and x64_stubs_end finds the guest's state
 * in motion: its handler steps on until an instruction boundary is reached or xrun's C code. */
#include "translate/x86_64/offsets.h"

        .text

        .macro  push_callee_saved
        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        subq    $8, %rsp
        .endm

        .macro  pop_callee_saved
        addq    $8, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbp
        popq    %rbx
        .endm

        .macro  load_gpr
        movl    CPU_GPR(%r14), %eax
        movl    CPU_GPR+4(%r14), %ecx
        movl    CPU_GPR+8(%r14), %edx
        movl    CPU_GPR+12(%r14), %ebx
        movl    CPU_GPR+16(%r14), %r15d
        movl    CPU_GPR+20(%r14), %ebp
        movl    CPU_GPR+24(%r14), %esi
        movl    CPU_GPR+28(%r14), %edi
        .endm

        .macro  save_gpr_but_eax
        movl    %ecx, CPU_GPR+4(%r14)
        movl    %edx, CPU_GPR+8(%r14)
        movl    %ebx, CPU_GPR+12(%r14)
        movl    %r15d, CPU_GPR+16(%r14)
        movl    %ebp, CPU_GPR+20(%r14)
        movl    %esi, CPU_GPR+24(%r14)
        movl    %edi, CPU_GPR+28(%r14)
        .endm

        .macro  load_xmm
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        movaps  CPU_XMM+16*\i(%r14), %xmm\i
        .endr
        .endm

        .macro  save_xmm
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        movaps  %xmm\i, CPU_XMM+16*\i(%r14)
        .endr
        .endm

        .macro  load_ymmh
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        vinsertf128 $1, CPU_YMMH+16*\i(%r14), %ymm\i, %ymm\i
        .endr
        .endm

        .macro  save_ymmh
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        vextractf128 $1, %ymm\i, CPU_YMMH+16*\i(%r14)
        .endr
        .endm

/* The guest's registers -> cpu; then xrun's stack and floating-point environment. Keeps r8, r9. */
        .macro  save_state
        movl    %eax, CPU_GPR(%r14)
        lahf
        seto    %al
        save_gpr_but_eax
        movq    %rsp, CPU_RET_SP(%r14)
        movq    CPU_HOST_SP(%r14), %rsp
        pushfq
        popq    %rcx
        andl    $EFL_DF_BIT, %ecx
        andl    $~EFL_DF_BIT, CPU_EFLAGS(%r14)
        orl     %ecx, CPU_EFLAGS(%r14)
        cld
        save_xmm
        cmpl    $0, CPU_YMM_LIVE(%r14)
        je      8f
        save_ymmh
        cmpl    $0, CPU_ZMM_LIVE(%r14)
        je      7f
        call    save_zmm
7:      vzeroupper
        movl    $0, CPU_YMM_LIVE(%r14)
8:      stmxcsr CPU_MXCSR(%r14)
        ldmxcsr x64_mxcsr(%rip)
        /* ah SF ZF - AF - PF - CF, al OF -> lazy flags (core/flags.h) */
        movzbl  %ah, %ecx
        movzbl  %al, %eax
        movl    %ecx, %edx
        notl    %edx
        shrl    $6, %edx
        andl    $1, %edx
        movl    %edx, CPU_CC_RES(%r14)
        movl    %ecx, %esi
        andl    $1, %esi
        xorl    %esi, %eax
        shll    $31, %esi
        shll    $30, %eax
        orl     %esi, %eax
        movl    %ecx, %esi
        shrl    $1, %esi
        andl    $8, %esi
        orl     %esi, %eax
        movl    %ecx, %esi
        shrl    $4, %esi
        xorl    %ecx, %esi
        andl    $4, %esi
        shll    $6, %esi
        orl     %esi, %eax
        shrl    $7, %ecx
        orl     %ecx, %eax
        movl    %eax, CPU_CC_AUX(%r14)
        .endm

/* The x87 unit's state -> cpu->fpu, if it holds the guest's. rbx, rbp survive. */
        .macro  save_x87
        cmpl    $0, CPU_X87_LIVE(%r14)
        je      9f
        fnsave  CPU_X87_IMAGE(%r14)
        movl    $0, CPU_X87_LIVE(%r14)
        movq    %r14, %rdi
        call    x64_x87_store
9:
        .endm

        .macro  load_zmmh_k
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        vinserti64x4 $1, CPU_ZMMH+32*\i(%r14), %zmm\i, %zmm\i
        kmovq   CPU_K+8*\i(%r14), %k\i
        .endr
        .endm

        .macro  save_zmmh_k
        .irp    i, 0, 1, 2, 3, 4, 5, 6, 7
        vextracti64x4 $1, %zmm\i, CPU_ZMMH+32*\i(%r14)
        kmovq   %k\i, CPU_K+8*\i(%r14)
        .endr
        .endm

/* const struct insn *translate_enter(struct cpu *, const struct insn *): an insn_fn. */
        .globl  translate_enter
        .type   translate_enter, @function
translate_enter:
        push_callee_saved
        movq    %rdi, %r14
        movq    %rsp, CPU_HOST_SP(%r14)

        .globl  x64_stubs_start
x64_stubs_start:
        cmpl    $0, CPU_PENDING(%r14)
        jne     return_null
        movq    INSN_CODE(%rsi), %r11

load_state: /* cpu -> the guest's registers; goes to r11 */
        ldmxcsr CPU_MXCSR(%r14)
        load_xmm
        movq    CPU_TABLE(%r14), %r13
        leaq    x64_look_up(%rip), %r12
        movq    CPU_RET_SP(%r14), %rsp
        testl   $EFL_DF_BIT, CPU_EFLAGS(%r14)
        jz      1f
        std
1:      movl    CPU_CC_AUX(%r14), %ecx
        movl    CPU_CC_RES(%r14), %eax
        movl    %ecx, %edx
        shrl    $8, %edx
        xorl    %eax, %edx
        testb   %dl, %dl
        setp    %bl
        movzbl  %bl, %ebx
        shll    $2, %ebx                /* PF */
        testl   %eax, %eax
        setz    %dl
        movzbl  %dl, %edx
        shll    $6, %edx
        orl     %edx, %ebx              /* ZF */
        shrl    $31, %eax
        xorl    %ecx, %eax
        andl    $1, %eax
        shll    $7, %eax
        orl     %eax, %ebx              /* SF */
        movl    %ecx, %eax
        andl    $8, %eax
        leal    (%rbx,%rax,2), %ebx     /* AF */
        movl    %ecx, %eax
        shrl    $31, %eax
        orl     %eax, %ebx              /* CF */
        leal    (%rcx,%rcx), %eax
        xorl    %ecx, %eax
        shrl    $31, %eax               /* OF, by an addition that overflows */
        movb    %bl, %ah
        addb    $0x7f, %al
        sahf
        load_gpr
        jmp     *%r11

        .globl  x64_exit_direct
x64_exit_direct:
        popq    %r8
        save_state
        movq    %r8, %rbx
        save_x87
        movq    %r14, %rdi
        movq    %rbx, %rsi
        pop_callee_saved
        jmp     translate_exit_stub

        /* The table is large and sparse, so it is read only where it has something: nowhere, if it is narrow. Flags
         * are the guest's: nothing here changes them. */
        .globl  x64_look_up
x64_look_up:
        movq    %rcx, %r11
        movq    CPU_LINES(%r14), %r10
        movq    %r8, CPU_GOING_TO(%r14)
        movl    CPU_GOING_TO+1(%r14), %ecx      /* r8 >> 8 */
        movzbl  (%r10,%rcx), %ecx
        jrcxz   1f
        movl    (%r13,%r8,4), %ecx
        jrcxz   1f
        movslq  %ecx, %r9
        movq    %r11, %rcx
        leaq    (%r9,%r12), %r9
        jmp     *%r9
1:      movq    %r11, %rcx

table_miss:
        save_state
        movl    %r8d, %ebx
        save_x87
        movq    %r14, %rdi
        movl    %ebx, %esi
        pop_callee_saved
        jmp     translate_exit_indirect

        .globl  x64_return_miss_rcx
x64_return_miss_rcx:
        movq    %r9, %rcx
        .globl  x64_return_miss
x64_return_miss:
        movq    CPU_RET_TOP(%r14), %rsp
        jmp     x64_look_up

        .globl  x64_exit_insn
x64_exit_insn:
        save_state
        movq    %r8, %rbx
        save_x87
        movl    INSN_EIP(%rbx), %eax
        movl    %eax, CPU_EIP(%r14)
        movq    %rbx, %rax
        pop_callee_saved
        ret

        /* A function that faults does not come back: all state must be in the cpu. */
        .globl  x64_interp
x64_interp:
        save_state
        movq    %r8, %rbx
        movq    %r9, %rbp
        save_x87
        movq    %r14, %rdi
        movq    %rbx, %rsi
        call    *INSN_FN(%rsi)
        testq   %rax, %rax                      /* interrupted: eip is set */
        je      return_null
        cmpl    $0, CPU_PENDING(%r14)
        jne     1f
        movq    %rbp, %r11
        jmp     load_state
1:      movl    INSN_NEXT(%rbx), %eax
        movl    %eax, CPU_EIP(%r14)
        jmp     return_null

        .globl  x64_load_x87
x64_load_x87:
        save_state
        movq    %r9, %rbp
        movq    %r14, %rdi
        call    x64_x87_load
        frstor  CPU_X87_IMAGE(%r14)
        movl    $1, CPU_X87_LIVE(%r14)
        movq    %rbp, %r11
        jmp     load_state

        /* These touch no flags. The k registers and bits 256-511 come along once they were used: a VEX
         * instruction would clear them. */
        .globl  x64_load_ymm
x64_load_ymm:
        load_ymmh
        movq    %rcx, %r10
        movl    CPU_ZMM_USED(%r14), %ecx
        jrcxz   1f
        movq    %r10, %rcx
        jmp     2f
1:      movq    %r10, %rcx
        movl    $1, CPU_YMM_LIVE(%r14)
        jmp     *%r9

        .globl  x64_load_zmm
x64_load_zmm:
        movq    %rcx, %r10
        movl    CPU_YMM_LIVE(%r14), %ecx
        jrcxz   1f
        movq    %r10, %rcx
        jmp     2f
1:      movq    %r10, %rcx
        load_ymmh
2:      load_zmmh_k
        movl    $1, CPU_YMM_LIVE(%r14)
        movl    $1, CPU_ZMM_LIVE(%r14)
        movl    $1, CPU_ZMM_USED(%r14)
        jmp     *%r9

save_zmm:
        save_zmmh_k
        movl    $0, CPU_ZMM_LIVE(%r14)
        ret

        .globl  x64_leave
x64_leave:
        save_state
        save_x87
        jmp     1f

return_null:
        movb    $EXIT_BRANCH_VALUE, CPU_EXIT(%r14)
1:      movq    $0, CPU_EXIT_LINKS(%r14)
        movq    $0, CPU_EXIT_CODE(%r14)
        xorl    %eax, %eax
        pop_callee_saved
        ret
        .globl  x64_stubs_end
x64_stubs_end:
        .size   translate_enter, .-translate_enter

/* To a signal this is C code: the state in the cpu changes only behind the instruction. */
        .globl  x64_call_alone
        .type   x64_call_alone, @function
x64_call_alone:
        push_callee_saved
        movq    %rdi, %r14
        movq    %rsi, %r11
        movl    %edx, %r8d
        ldmxcsr CPU_MXCSR(%r14)
        load_xmm
        load_ymmh
        load_zmmh_k
        load_gpr
        call    *%r11
        movl    %eax, CPU_GPR(%r14)
        save_gpr_but_eax
        pushfq
        popq    %rax
        save_xmm
        save_ymmh
        save_zmmh_k
        vzeroupper
        stmxcsr CPU_MXCSR(%r14)
        ldmxcsr x64_mxcsr(%rip)
        pop_callee_saved
        ret
        .size   x64_call_alone, .-x64_call_alone

        .globl  x64_save_marks
        .type   x64_save_marks, @function
x64_save_marks:
        movl    $1, %eax
        kmovq   %rax, %k0
        movl    $2, %eax
        vpbroadcastq %rax, %zmm0
        movl    $3, %eax
        vpbroadcastq %rax, %zmm16
        movl    $0xe0, %eax
        xorl    %edx, %edx
        xsave   (%rdi)
        kxorq   %k0, %k0, %k0
        vpxorq  %zmm16, %zmm16, %zmm16
        vzeroupper
        ret
        .size   x64_save_marks, .-x64_save_marks

        .section .rodata
        .balign 4
x64_mxcsr:
        .long   0x1f80
        .section .note.GNU-stack,"",@progbits
