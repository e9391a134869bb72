/* host_safe_syscall(pending, nr, a..f): makes the call unless *pending is set. A signal handler
 * that finds the pc in [start, end) moves it to abort: the call has then not been made. */
        .text
        .globl  host_safe_syscall, host_safe_syscall_start, host_safe_syscall_end
        .globl  host_safe_syscall_abort
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
host_safe_syscall_start:
        cmpl    $0, (%rbx)
        jne     host_safe_syscall_abort
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

        .section .note.GNU-stack,"",@progbits
