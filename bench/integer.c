/* Integer mix: sorting with callbacks, a hash, a sieve, a recursive function, a list. */
#include <stdio.h>
#include <stdlib.h>

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

int main(void)
{
    enum { N = 2000000 };
    unsigned *a = malloc(N * sizeof *a), s = 1, h = 2166136261u, primes = 0;
    static unsigned char sieve[8000000];
    struct node *list = NULL;
    for (int i = 0; i < N; i++) {
        s = s * 1664525 + 1013904223;
        a[i] = s;
        h = (h ^ (s & 255)) * 16777619;
    }
    qsort(a, N, sizeof *a, cmp);
    for (unsigned i = 2; i < sizeof sieve; i++) {
        if (sieve[i])
            continue;
        primes++;
        for (unsigned k = 2 * i; k < sizeof sieve; k += i)
            sieve[k] = 1;
    }
    for (unsigned i = 0; i < 300000; i++) {
        struct node *n = malloc(sizeof *n);
        n->v = a[i];
        n->next = list;
        list = n;
    }
    for (int r = 0; r < 20; r++)
        for (struct node *n = list; n; n = n->next)
            h += n->v;
    printf("%u %u %u\n", h, primes, fib(34));
    return 0;
}
