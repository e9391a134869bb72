/* For evex.commands: the zmm and k registers, if the processor has them. */
#include <cpuid.h>
#include <stdint.h>
#include <stdio.h>

static uint32_t in[16], out[16];
static uint64_t mask = 0x8877665544332211, masks;

static void look(void)
{
}

static int is_here(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 16 & 1) && (b >> 30 & 1);
}

int main(void)
{
    if (!is_here()) {
        look();
        puts("not here");
        return 0;
    }
    for (int i = 0; i < 16; i++)
        in[i] = 0x1000 + i;
    __asm__ volatile("vmovdqu32 %0, %%zmm3\n\tkmovq %1, %%k2" :: "m"(in), "m"(mask));
    look();
    __asm__ volatile("vmovdqu32 %%zmm3, %0\n\tkmovq %%k2, %1" : "=m"(out), "=m"(masks));
    printf("%x %x %x %x %llx\n", out[0], out[4], out[8], out[15], (unsigned long long)masks);
    return 0;
}
