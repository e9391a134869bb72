/* Written, read and executed where a debugger watches. */
#include <stdio.h>

static volatile int a = 1, b, array[4];

static void target(int i)
{
    b += i;
}

int main(void)
{
    target(1);
    a = 2;
    b = a + 1;
    array[2]++;
    array[1] = array[2];
    target(2);
    a = 2;
    for (int i = 0; i < 3; i++)
        a += i;
    printf("%d %d\n", a, b);
    return 0;
}
