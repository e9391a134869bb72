/* Conversions between MMX and SSE registers among other MMX instructions, of values that fit and others. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const float values[] = {0, 1.5f, -2.5f, 3e9f, -2147483648.0f, 2147483520.0f, 1e-40f, 0.49999997f, -1e30f};
enum { N = sizeof values / sizeof values[0], ROUNDS = 60 };
static uint32_t hash = 1;

static void add(const void *p, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        hash = hash * 31 + ((const uint8_t *)p)[i];
}

static void one(const float *f, const double *d, const int32_t *n)
{
    static _Alignas(16) uint8_t out[5][16];
    uint8_t image[108];
    uint32_t csr = 0x1f80, after;
    __asm__ volatile("ldmxcsr %6\n"
                     "movq %4, %%mm0; movq %%mm0, %%mm2; paddd %%mm0, %%mm2\n"
                     "xorps %%xmm0, %%xmm0; movlps %2, %%xmm0; cvtps2pi %%xmm0, %%mm1; paddd %%mm0, %%mm1; cvttps2pi %2, %%mm3\n"
                     "movupd %3, %%xmm1; cvtpd2pi %%xmm1, %%mm4; cvttpd2pi %%xmm1, %%mm5; pxor %%mm4, %%mm5\n"
                     "cvtpi2ps %%mm2, %%xmm1; cvtpi2pd %%mm3, %%xmm2; cvtpi2ps %4, %%xmm0; movq2dq %%mm5, %%xmm3\n"
                     "movups %%xmm0, (%0); movups %%xmm1, 16(%0); movups %%xmm2, 32(%0); movups %%xmm3, 48(%0)\n"
                     "movq %%mm1, 64(%0); movq %%mm4, 72(%0)\n"
                     "stmxcsr %1; fnsave %5; fninit"
                     : : "r"(out), "m"(after), "m"(*(const float(*)[2])f), "m"(*(const double(*)[2])d),
                       "m"(*(const int32_t(*)[2])n), "m"(image), "m"(csr) : "memory");
    add(out, sizeof out);
    add(&after, sizeof after);
    add(image + 4, 2); /* the status word; the registers written */
    add(image + 28, 6 * 10);
}

int main(void)
{
    for (unsigned r = 0; r < ROUNDS; r++)
        for (unsigned i = 0; i < N; i++) {
            float f[2] = {values[i], values[(i + r) % N]};
            double d[2] = {values[(i + r) % N] * 1.1, values[i]};
            int32_t n[2] = {(int32_t)(r * 16777259u), (int32_t)(i * 1234567891u)};
            one(f, d, n);
            if (r % 20 == 0)
                printf("%u %u: %08x\n", r, i, hash);
        }
    return 0;
}
