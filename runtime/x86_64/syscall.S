/* host_safe_syscall(pending, nr, a..f): makes the call unless *pending is set. A signal handler
 * that finds the pc in [start, end) moves it to abort: the call has then not been made, or has been
 * interrupted so that it may be made again; SYSCALL leaves the address behind it in rcx. */
        .text
        .globl  host_safe_syscall, host_safe_syscall_start, host_safe_syscall_end
        .globl  host_safe_syscall_abort, host_safe_syscall_insn
        .type   host_safe_syscall, @function
host_safe_syscall:
        push    %rbx
        mov     %rdi, %rbx
        mov     %rsi, %rax
        mov     %rdx, %rdi
        mov     %rcx, %rsi
        mov     %r8, %rdx
        mov     %r9, %r10
        mov     16(%rsp), %r8
        mov     24(%rsp), %r9
        xor     %ecx, %ecx
host_safe_syscall_start:
        cmpl    $0, (%rbx)
        jne     host_safe_syscall_abort
host_safe_syscall_insn:
        syscall
host_safe_syscall_end:
        pop     %rbx
        ret
host_safe_syscall_abort:
        mov     $-512, %rax             /* -SAFE_RESTART */
        pop     %rbx
        ret
        .size   host_safe_syscall, .-host_safe_syscall

        .globl  host_sigreturn_stub
host_sigreturn_stub:
        mov     $15, %eax               /* rt_sigreturn */
        syscall

/* host_clone3(args, size, fn, arg): the child calls fn(arg) on its own stack. */
        .globl  host_clone3
        .type   host_clone3, @function
host_clone3:
        mov     %rdx, %r8
        mov     %rcx, %r9
        mov     $435, %eax
        syscall
        test    %rax, %rax
        jz      1f
        ret
1:      xor     %ebp, %ebp
        mov     %r9, %rdi
        call    *%r8
        mov     %eax, %edi
        mov     $60, %eax               /* exit */
        syscall
        .size   host_clone3, .-host_clone3

        .section .note.GNU-stack,"",@progbits
