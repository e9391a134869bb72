/* Code that relied on what a function in another page does with flags; that page can be written to in
 * the second run (an argument), and comes to read the flags. */
#include <stdio.h>
#include <stdint.h>
#include <sys/mman.h>

__asm__(".p2align 12\n"
        ".globl callee\n"
        "callee:\n"
        "cmpl %eax, %eax\n"
        "xorl %eax, %eax\n"
        "ret\n"
        ".p2align 12\n"
        "caller:\n"
        "movl 12(%esp), %ecx\n"
        "movl 4(%esp), %eax\n"
        "addl 8(%esp), %eax\n"
        "movl $0x9090589c, %eax\n" /* pushfl; popl %eax; nop; nop */
        "movl %eax, (%ecx)\n"
        "call callee\n"
        "ret\n"
        ".p2align 12\n");
extern uint8_t callee[];
unsigned caller(unsigned a, unsigned b, void *to);

int main(int argc, char **argv)
{
    unsigned sum = 0, nowhere;
    if (argc > 1)
        mprotect(callee, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    for (unsigned i = 0; i < 1000; i++)
        sum += caller(-i, 1, &nowhere);
    sum += caller(-1, 1, argc > 1 ? (void *)callee : &nowhere) & 0x8d5;
    printf("%x\n", sum);
    return 0;
}
