/* Where xrun begins when it is linked statically: the pages that relocation writes to are made by one system
 * call instead of a fault each (mapping all of the text so costs more than its faults), then the C library
 * starts it. Nothing is relocated yet, and it does not matter if the kernel is too old to do it. */
        .text
        .globl  xrun_start
        .type   xrun_start, @function
xrun_start:
        movq    %rdx, %r8               /* for the C library */
        leaq    __init_array_start(%rip), %rdi  /* the first page that relocation writes to */
        andq    $-4096, %rdi
        leaq    __bss_start(%rip), %rsi
        addq    $4095, %rsi
        andq    $-4096, %rsi
        subq    %rdi, %rsi
        movl    $23, %edx               /* MADV_POPULATE_WRITE */
        movl    $28, %eax               /* madvise */
        syscall
        movq    %r8, %rdx
        jmp     _start
        .size   xrun_start, .-xrun_start
        .section .note.GNU-stack,"",@progbits
