/* memcpy, memset, strlen, strchr, memcmp on sizes from a few bytes to beyond the caches. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "size.h"

int main(int argc, char **argv)
{
    enum { BIG = 4 << 20 };
    char *a = malloc(BIG + 64), *b = malloc(BIG + 64);
    unsigned sum = 0, seed = 1;
    int rounds = size(argc, argv, 100);
    memset(a, 'a', BIG);
    for (int r = 0; r < rounds; r++) {
        memcpy(b, a, BIG);
        memset(a + r, 'b' + (r & 15), BIG / 2);
        sum += (unsigned char)b[r * 4099] + !memcmp(a, b, BIG);
    }
    for (int r = 0; r < rounds * 120000; r++) {
        seed = seed * 1664525 + 1013904223;
        unsigned n = seed >> 26, at = seed >> 8 & 0xfff;
        memcpy(b + at, a + n, n);
        b[at + n] = 0;
        sum += strlen(b + at) + (strchr(b + at, 'q') != NULL);
    }
    printf("%u\n", sum);
    return 0;
}
