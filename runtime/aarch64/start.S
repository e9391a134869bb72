/* Where xrun begins when it is linked statically: the pages that relocation writes to are made by one system
 * call instead of a fault each (mapping all of the text so costs more than its faults), then the C library
 * starts it. Nothing is relocated yet, and it does not matter if the kernel is too old to do it. */
        .text
        .globl  xrun_start
        .type   xrun_start, %function
xrun_start:
        mov     x9, x0                  /* for the C library */
        adrp    x0, __init_array_start  /* the first page that relocation writes to */
        adrp    x1, __bss_start + 4095
        sub     x1, x1, x0
        mov     x2, #23                 /* MADV_POPULATE_WRITE */
        mov     x8, #233                /* madvise */
        svc     #0
        mov     x0, x9
        b       _start
        .size   xrun_start, .-xrun_start
        .section .note.GNU-stack,"",@progbits
