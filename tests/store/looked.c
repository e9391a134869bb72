/* Flags that a function reads (READS), or writes before anybody reads them, in a page of its own. Nothing else
 * differs between the two programs. */
#include <stdio.h>

__asm__(".p2align 12\n"
        "callee:\n"
#ifdef READS
        "pushfl\n"
        "popl %eax\n"
        "nop\n"
        "nop\n"
        "nop\n"
        "nop\n"
#else
        "cmpl %eax, %eax\n"
        "xorl %eax, %eax\n"
        "nop\n"
        "nop\n"
#endif
        "ret\n"
        ".p2align 12\n"
        "caller:\n"
        "movl 4(%esp), %eax\n"
        "addl 8(%esp), %eax\n"
        "call callee\n"
        "ret\n"
        ".p2align 12\n");
unsigned caller(unsigned a, unsigned b);

int main(void)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < 1000; i++)
        sum += caller(i * 0x12345678, i) & 0x8d5;
    printf("%x\n", sum);
    return 0;
}
