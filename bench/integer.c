/* Integer mix: sorting with callbacks, a hash, a sieve, a recursive function, a list. */
#include <stdio.h>
#include <stdlib.h>

#include "size.h"

static int cmp(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return x < y ? -1 : x > y;
}

static unsigned fib(unsigned n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

struct node {
    struct node *next;
    unsigned v;
};

int main(int argc, char **argv)
{
    unsigned n = (unsigned)size(argc, argv, 2000000);
    unsigned *a = malloc(n * sizeof *a), s = 1, h = 2166136261u, primes = 0;
    static unsigned char sieve[8000000];
    struct node *list = NULL;
    for (unsigned i = 0; i < n; i++) {
        s = s * 1664525 + 1013904223;
        a[i] = s;
        h = (h ^ (s & 255)) * 16777619;
    }
    qsort(a, n, sizeof *a, cmp);
    unsigned numbers = n * 4;
    for (unsigned i = 2; i < numbers; i++) {
        if (sieve[i])
            continue;
        primes++;
        for (unsigned k = 2 * i; k < numbers; k += i)
            sieve[k] = 1;
    }
    for (unsigned i = 0; i < n / 8; i++) {
        struct node *new = malloc(sizeof *new);
        new->v = a[i];
        new->next = list;
        list = new;
    }
    for (int r = 0; r < 20; r++)
        for (struct node *p = list; p; p = p->next)
            h += p->v;
    printf("%u %u %u\n", h, primes, fib(34));
    return 0;
}
