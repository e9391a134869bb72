#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

volatile int sum;

__attribute__((noinline)) void inner(int x)
{
    sum += x;
}

int main(int argc, char **argv)
{
    if (argc > 2)
        close(2);
    printf("%d\n", (int)getpid());
    fflush(stdout);
    for (int n = atoi(argv[1]); n > 0; n--)
        for (int i = 0; i < 50; i++)
            inner(i);
    return 0;
}
