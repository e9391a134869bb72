/* A constant and an address on both sides of the end, and of the begin, of x87 code, which cannot
 * begin as usual once all registers are full. */
#include <stdio.h>

static struct {
    int first, second;
    char pad[0x12344];
    int third;
    float f;
    double d;
} s;

__attribute__((noinline)) static int beyond_end(void)
{
    int r;
    asm volatile("jmp 1f\n"
                 "1: fld1\n"
                 "movl $0x12345678, (%1)\n"
                 "fchs\n"
                 "movl $0x12345678, 4(%1)\n"
                 "movl 4(%1), %0\n"
                 "addl 0x1234c(%1), %0\n"
                 : "=&r"(r)
                 : "r"(&s)
                 : "memory");
    return r;
}

__attribute__((noinline)) static int beyond_begin(double *sum)
{
    int r;
    asm volatile("jmp 1f\n"
                 "1: movl 0x1234c(%1), %0\n"
                 "flds 0x12350(%1)\n"
                 "faddl 0x12354(%1)\n"
                 "fstpl (%2)\n"
                 "emms\n"
                 : "=&r"(r)
                 : "r"(&s), "r"(sum)
                 : "memory");
    return r;
}

int main(void)
{
    double sum = 0;
    int bad = 0;
    if ((char *)&s.third - (char *)&s != 0x1234c || (char *)&s.d - (char *)&s != 0x12354)
        return 1;
    asm volatile("fninit");
    for (s.third = 0; s.third < 200; s.third++)
        bad += beyond_end() != 0x12345678 + s.third || s.first != 0x12345678;
    asm volatile("fninit");
    printf("end: %d wrong\n", bad);
    for (s.third = bad = 0; s.third < 200; s.third++) {
        s.f = 2 * s.third;
        s.d = 3 * s.third;
        bad += beyond_begin(&sum) != s.third || sum != 5 * s.third;
    }
    printf("begin: %d wrong\n", bad);
    return 0;
}
