/* Numbers of thousands of digits: a factorial, and its square. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "size.h"

enum { LIMBS = 4096 };
static uint32_t a[LIMBS], b[2 * LIMBS];

/* a[0..n) *= x; the new n. */
static int times(uint32_t *p, int n, uint32_t x)
{
    uint64_t carry = 0;
    for (int i = 0; i < n; i++) {
        carry += (uint64_t)p[i] * x;
        p[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        p[n++] = (uint32_t)carry;
    return n;
}

static void square(uint32_t *to, const uint32_t *p, int n)
{
    memset(to, 0, 2 * n * sizeof *to);
    for (int i = 0; i < n; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < n; j++) {
            carry += (uint64_t)p[i] * p[j] + to[i + j];
            to[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        to[i + n] = (uint32_t)carry;
    }
}

static int add(uint32_t *to, const uint32_t *p, int n)
{
    uint64_t sum = 0;
    for (int i = 0; i < n; i++) {
        sum += (uint64_t)to[i] + p[i];
        to[i] = (uint32_t)sum;
        sum >>= 32;
    }
    return (int)sum;
}

int main(int argc, char **argv)
{
    int of = size(argc, argv, 10000), n = 1;
    uint32_t sum = 0;
    a[0] = 1;
    for (int i = 2; i <= of; i++)
        n = times(a, n, (uint32_t)i);
    for (int i = 0; i < 20; i++) {
        square(b, a, n);
        add(a, b + n, n);
    }
    for (int i = 0; i < 2 * n; i++)
        sum = sum * 31 + b[i];
    printf("%d limbs, %08x\n", n, sum);
    return 0;
}
