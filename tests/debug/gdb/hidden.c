/* Reads its own code while there are breakpoints in it. */
#include <stdio.h>

int f(int x)
{
    return x * 3 + 1;
}

static unsigned sum_code(unsigned s)
{
    for (const unsigned char *p = (const void *)f; p < (const unsigned char *)sum_code; p++)
        s = s * 31 + *p;
    return s;
}

int main(void)
{
    int r = 0;
    unsigned before = sum_code(0);
    for (int i = 0; i < 100; i++)
        r += f(i);
    printf("%d %d\n", r, sum_code(0) == before);
    printf("%u\n", before);
    return 0;
}
