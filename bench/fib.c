/* Calls and returns. */
#include <stdio.h>

#include "size.h"

__attribute__((noinline, optimize("no-optimize-sibling-calls", "no-inline"))) static int fib(int n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

int main(int argc, char **argv)
{
    printf("%d\n", fib(size(argc, argv, 40)));
    return 0;
}
