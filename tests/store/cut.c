/* Cuts off a file, then executes code that has not run yet. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

int main(int argc, char **argv)
{
    static int v[2000];
    if (argc > 1)
        truncate(argv[1], 0);
    for (int i = 0; i < 2000; i++)
        v[i] = i * 1000003 % 2003;
    qsort(v, 2000, sizeof *v, compare);
    printf("%d %.3f\n", v[1], v[1999] / 3.0);
    return 0;
}
