/* qsort with a callback; a hash table of strings; string functions of the C library. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "size.h"

enum { N = 1200000, BUCKETS = 1 << 14 };
static int a[N];
static char names[N / 8][12];
static int head[BUCKETS], next[N / 8];

static int cmp(const void *x, const void *y)
{
    int p = *(const int *)x, q = *(const int *)y;
    return (p > q) - (p < q);
}

static unsigned hash(const char *s)
{
    unsigned h = 5381;
    while (*s)
        h = h * 33 ^ (unsigned char)*s++;
    return h & (BUCKETS - 1);
}

int main(int argc, char **argv)
{
    unsigned seed = 1, sum = 0;
    int n = size(argc, argv, N);
    for (int i = 0; i < n; i++)
        a[i] = (int)((seed = seed * 1103515245 + 12345) >> 8);
    qsort(a, n, sizeof *a, cmp);
    memset(head, -1, sizeof head);
    for (int i = 0; i < n / 8; i++) {
        snprintf(names[i], sizeof names[i], "k%d", a[i * 8] & 0xfffff);
        unsigned h = hash(names[i]);
        next[i] = head[h];
        head[h] = i;
    }
    for (int r = 0; r < 12; r++)
        for (int i = 0; i < n / 8; i++)
            for (int j = head[hash(names[i])]; j >= 0; j = next[j])
                sum += !strcmp(names[j], names[i]) + strlen(names[j]);
    printf("%d %u\n", a[n / 2], sum);
    return 0;
}
