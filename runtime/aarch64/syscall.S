/* host_safe_syscall(pending, nr, a..f): makes the call unless *pending is set. A signal handler
 * that finds the pc in [start, end) moves it to abort: the call has then not been made, or has been
 * interrupted so that it may be made again. */
        .text
        .globl  host_safe_syscall, host_safe_syscall_start, host_safe_syscall_end
        .globl  host_safe_syscall_abort, host_safe_syscall_insn
        .type   host_safe_syscall, %function
host_safe_syscall:
        mov     x9, x0
        mov     x8, x1
        mov     x0, x2
        mov     x1, x3
        mov     x2, x4
        mov     x3, x5
        mov     x4, x6
        mov     x5, x7
host_safe_syscall_start:
        ldr     w10, [x9]
        cbnz    w10, host_safe_syscall_abort
host_safe_syscall_insn:
        svc     #0
host_safe_syscall_end:
        ret
host_safe_syscall_abort:
        mov     x0, #-512               /* -SAFE_RESTART */
        ret
        .size   host_safe_syscall, .-host_safe_syscall

/* host_clone3(args, size, fn, arg): the child calls fn(arg) on its own stack. */
        .globl  host_clone3
        .type   host_clone3, %function
host_clone3:
        mov     x9, x2
        mov     x10, x3
        mov     x8, #435
        svc     #0
        cbz     x0, 1f
        ret
1:      mov     x29, xzr
        mov     x0, x10
        blr     x9
        mov     x8, #93                 /* exit */
        svc     #0
        .size   host_clone3, .-host_clone3

        .section .note.GNU-stack,"",@progbits
