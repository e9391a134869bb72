/* A return that leads elsewhere than behind the last call keeps the flags, whatever is done with them behind that
 * call. */
#include <stdint.h>
#include <stdio.h>

uint32_t value;

/* Returns to a place of its own with the flags of a comparison and of an addition, and shows both. */
__asm__(".pushsection .text\n"
        "jumps: mov value, %eax; cmp $0x80000003, %eax; push $1f; ret\n"
        "1: pushf; mov value, %ecx; add $0x7fffff00, %ecx; push $2f; ret\n"
        "2: pushf; pop %edx; pop %eax; ret\n"
        /* its caller's flags are overwritten at once */
        "called: push %ebx; call jumps; xor %ecx, %ecx; mov %eax, %ebx; xor %edx, %ebx; mov %ebx, %eax; pop %ebx; ret\n"
        /* between the two: it returns by a jump into the middle of what was called */
        "around: push %ebx; push $3f; mov value, %eax; neg %eax; jmp 4f; 3: pushf; pop %eax; pop %ebx; ret\n"
        "through: call around; test %eax, %eax; ret\n"
        "4: mov $5, %ecx; ret\n"
        ".popsection");
uint32_t called(void), through(void);

int main(void)
{
    uint32_t sum[2] = {0};
    for (uint32_t i = 0; i < 4000; i++) {
        value = i % 5 == 0 ? 0x80000000u + i % 7 : i * 0x9e3779b9u;
        sum[0] = sum[0] * 31 + (called() & 0x8d5);
        sum[1] = sum[1] * 31 + (through() & 0x8d5);
    }
    printf("%08x %08x\n", sum[0], sum[1]);
    return 0;
}
