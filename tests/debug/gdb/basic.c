/* Calls, locals, globals of several types, x87 and SSE values: what a debugger shows and changes. */
#include <stdio.h>
#include <string.h>

struct point { int x, y; const char *name; double w; } points[2] = {{1, 2, "one", 0.5}, {3, 4, "two", 2}};
int counter, changes;
float vector[4] = {1, 2.5f, -3, 4e10f};
long double wide = 1.25L;
char from[64] = "the quick brown fox", to[64];

__attribute__((noinline)) int add(int a, int b)
{
    counter += b;
    return a + b;
}

__attribute__((noinline)) double half(double v)
{
    return v / 2;
}

__attribute__((noinline)) int depth(int n)
{
    if (!n)
        return counter;
    return 1 + depth(n - 1);
}

__attribute__((noinline)) void copy(void)
{
    void *d = to, *s = from;
    unsigned n = 20;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
}

__attribute__((noinline)) void sse(void)
{
    __asm__ volatile("movups %0, %%xmm5\n\taddps %%xmm5, %%xmm5\n\tnop" : : "m"(vector));
}

__attribute__((noinline)) void x87(void)
{
    __asm__ volatile("fldt %0\n\tfldpi\n\tnop\n\tfstp %%st\n\tfstp %%st" : : "m"(wide));
}

int main(int argc, char **argv)
{
    int sum = 0;
    for (int i = 0; i < 6; i++)
        sum = add(sum, i);
    points[1].w = half(points[1].w);
    sum += depth(4);
    copy();
    sse();
    x87();
    changes = 1;
    changes = 1;
    changes = 2;
    printf("%d %d %s %d %s\n", argc, sum, to, changes, argv[1]);
    return sum & 31;
}
