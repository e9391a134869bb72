/* Accesses of every kind to memory that others see, aligned at first, then not: across 8, 16 and 64 bytes and
 * pages, each place again and again. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static uint32_t sum;

static void mix(uint32_t v)
{
    sum = (sum << 5 | sum >> 27) ^ v;
    sum *= 0x9e3779b1u;
}

struct regs { uint32_t a, c, d; };
/* With the operand at edi, another at esi (aligned in the same way); ebx is spare. */
#define CASE(name, text)                                                                           \
    static void name(void *p, void *q, struct regs *r)                                             \
    {                                                                                              \
        uint32_t b = 0;                                                                            \
        __asm__ volatile(text                                                                      \
                         : "+a"(r->a), "+b"(b), "+c"(r->c), "+d"(r->d), "+D"(p), "+S"(q) : : "memory", "cc"); \
    }
CASE(mov32, "movl (%%edi), %%eax; movl %%ecx, 4(%%edi)")
CASE(mov16, "movw 2(%%edi), %%ax; movw %%cx, 5(%%edi)")
CASE(far, "movl -3000(%%edi), %%eax; movl %%ecx, -3000(%%edi); movw 2900(%%edi), %%cx")
CASE(indexed, "movl $3, %%ebx; movl (%%edi,%%ebx,4), %%eax; movl %%ecx, -8(%%edi,%%ebx,4)")
CASE(extend, "movswl (%%edi), %%eax; movzwl 2(%%edi), %%ecx; movsbl 4(%%edi), %%edx")
CASE(rmw, "addl %%ecx, (%%edi); sbbl $5, 4(%%edi); incw 8(%%edi); adcl (%%esi), %%eax; shll $3, (%%esi)")
CASE(stack, "movl %%esp, %%ebx; leal 16(%%edi), %%esp; pushl %%eax; pushl $77; pushl (%%esi); popl %%ecx; popl %%edx; movl %%ebx, %%esp")
CASE(call, "movl %%esp, %%ebx; leal 16(%%edi), %%esp; call 1f; jmp 2f; 1: popl %%edx; pushl %%edx; ret; 2: xorl %%edx, %%edx; movl %%edx, 12(%%edi); movl %%ebx, %%esp")
CASE(frame, "movl %%esp, %%ebx; pushl %%ebp; movl %%esp, %%edx; leal 24(%%edi), %%esp; pushl %%eax; movl %%esp, %%ebp; pushl %%ecx; leave; movl %%ebp, %%ecx; movl %%edx, %%esp; popl %%ebp; xorl %%edx, %%edx")
CASE(x87, "movl $3, 4(%%edi); fildl (%%edi); fildll (%%edi); faddp; fstpl (%%edi); fldl (%%edi); fstps 8(%%edi); fldt 16(%%esi); fstpt 16(%%edi); flds 8(%%edi); fistpll (%%edi)")
CASE(scalar, "movl $0x40000000, 4(%%edi); movsd (%%edi), %%xmm0; addsd (%%edi), %%xmm0; movsd %%xmm0, 8(%%edi); cvtsi2ss 4(%%esi), %%xmm1; mulss %%xmm1, %%xmm1; movss %%xmm1, (%%edi)")
CASE(vector, "movdqu (%%edi), %%xmm0; movups (%%esi), %%xmm1; pxor %%xmm1, %%xmm0; movdqu %%xmm0, 16(%%edi); movq 3(%%edi), %%xmm2; movq %%xmm2, 40(%%edi); movd %%xmm2, 48(%%edi)")
CASE(mmx, "movq (%%edi), %%mm0; paddw 8(%%edi), %%mm0; movq %%mm0, 16(%%edi); emms")
CASE(strings, "movl $7, %%ecx; cld; rep movsl; movl $5, %%ecx; rep stosw; lodsl; stosl; scasl; movsw; cmpsl")

static const struct { const char *name; void (*fn)(void *, void *, struct regs *); } cases[] = {
#define C(name) {#name, name},
    C(mov32) C(mov16) C(far) C(indexed) C(extend) C(rmw) C(stack) C(call) C(frame) C(x87) C(scalar) C(vector) C(mmx) C(strings)
};

static void fill(uint32_t *p, uint32_t seed)
{
    for (int i = 0; i < 48; i++)
        p[i] = seed = seed * 1103515245 + 12345;
}

int main(void)
{
    static const int at[] = {64, 64, 68, 72, 76, 65, 66, 67, 70, 77, 79, 125, 127, 4060, 4085, 4093, 64};
    enum { PLACES = sizeof at / sizeof *at, BASE = 4096 };
    unsigned char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        sum = 1;
        for (int k = 0; k < PLACES * 12; k++) {
            unsigned char *a = p + BASE + at[k / 12];
            uint32_t image[48], image2[48];
            struct regs r = {k * 0x1234567, ~k * 0x3456789, k};
            fill(image, k), fill(image2, k + 1000);
            memcpy(a - 32, image, sizeof image);
            memcpy(a - 32 + 512, image2, sizeof image2);
            memcpy(a - 3004, image, 16);
            cases[i].fn(a, a + 512, &r);
            memcpy(image, a - 32, sizeof image);
            memcpy(image2, a - 32 + 512, sizeof image2);
            mix(r.a), mix(r.c), mix(r.d);
            for (int n = 0; n < 48; n++)
                mix(image[n]), mix(image2[n]);
        }
        printf("%s %08x\n", cases[i].name, sum);
    }
    return 0;
}
