/* Flags at indirect jumps: the code that is reached reads them, or not, whatever made them before. */
#include <stdint.h>
#include <stdio.h>

/* NAME: calls code that executes the instructions and jumps to `to`, with a in ecx, b in edx. */
#define TEST(name, insns, jump) \
    uint32_t name(void (*to)(void), uint32_t a, uint32_t b); \
    __asm__(".text; .balign 16\n" #name ":\n" \
            "push %ebx; push %esi\n" \
            "mov 12(%esp), %ebx; mov 16(%esp), %ecx; mov 20(%esp), %edx\n" \
            "lea -4(%esp), %esi\n" \
            "call 1f; pop %esi; pop %ebx; ret\n" \
            ".balign 16; 1: " insns "; " jump "\n");
#define LIST(X) \
    X(add, ALL, "add %edx, %ecx", "jmp *%ebx") \
    X(add_imm, ALL, "add $0x7ffe, %ecx", "jmp *%ebx") \
    X(add_one, ALL, "add $1, %ecx", "jmp *16(%esi)") \
    X(add_far, ALL, "add $0x12345678, %ecx", "jmp *%ebx") \
    X(add_self, ALL, "add %ecx, %ecx", "jmp *%ebx") \
    X(sub, ALL, "sub %edx, %ecx", "jmp *%ebx") \
    X(sub_imm, ALL, "sub $16, %ecx", "jmp *%ebx") \
    X(sub_self, ALL, "sub %ecx, %ecx", "jmp *%ebx") \
    X(target_sum, ALL, "sub %edx, %ebx; add %edx, %ebx", "jmp *%ebx") \
    X(target_difference, ALL, "add %edx, %ebx; sub %edx, %ebx", "jmp *%ebx") \
    X(and, LOGIC, "and %edx, %ecx", "jmp *%ebx") \
    X(test, LOGIC, "test %ecx, %ecx", "jmp *%ebx") \
    X(xor_self, LOGIC, "xor %ecx, %ecx", "jmp *%ebx") \
    X(cmp, ALL, "cmp %edx, %ecx", "jmp *%ebx") \
    X(result_lost, ALL, "add %edx, %ecx; mov $5, %ecx", "jmp *%ebx") \
    X(operand_lost, ALL, "sub %edx, %ecx; mov (%esi), %edx", "jmp *%ebx") \
    X(others_between, ALL, "add %edx, %ecx; mov 16(%esi), %eax; movzx %al, %edx; mov %ebx, %eax", "jmp *%eax") \
    X(loads_between, ALL, "add %edx, %ecx; mov (%esi), %eax; movzx %cl, %eax", "jmp *%ebx") \
    X(inc, ALL, "stc; inc %ecx", "jmp *%ebx") \
    X(byte, ALL, "add %dl, %cl", "jmp *%ebx") \
    X(byte_counted, ALL, "add %edx, %ecx; incb %dh; setp %dl; adc %edx, %ecx", "jmp *%ebx") \
    X(word_counted, ALL, "add %edx, %ecx; lock decw 24(%esi); setp %dl; adc %edx, %ecx", "jmp *%ebx")
#define X(name, mask, insns, jump) TEST(f_##name, insns, jump)
LIST(X)
#undef X

void reads(void), reads_later(void), passes(void), writes(void);
__asm__(".balign 16; reads: pushf; pop %eax; ret\n"
        "reads_later: mov $1, %ecx; mov $2, %edx; pushf; pop %eax; ret\n"
        ".balign 16; passes: lea reads, %eax; jmp *%eax\n"
        ".balign 16; writes: xor %eax, %eax; lahf; ret\n");

enum { ALL = 0x8d5, LOGIC = ALL & ~0x10 /* AF is undefined */, ROUNDS = 400 };
static const uint32_t edges[] = {0, 1, 15, 16, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0};

static void hash(const char *name, uint32_t f(void (*)(void), uint32_t, uint32_t), uint32_t mask)
{
    void (*const to[])(void) = {reads, writes, reads_later, passes};
    uint32_t h = 1, seed = 7, a, b;
    for (unsigned i = 0; i < ROUNDS; i++) {
        a = seed = seed * 1664525 + 1013904223;
        b = seed = seed * 1664525 + 1013904223;
        if (i % 3 == 0) {
            a = edges[i / 3 % 8];
            b = edges[i / 24 % 8];
        }
        h = h * 31 + (f(to[i & 3], a, b) & mask);
    }
    printf("%s %08x\n", name, h);
}

int main(void)
{
#define X(name, mask, insns, jump) hash(#name, f_##name, mask);
    LIST(X)
    return 0;
}
