/* Floating point with SSE2: matrix product, Mandelbrot set. */
#include <stdio.h>

enum { N = 220 };
static double a[N][N], b[N][N], c[N][N];

__attribute__((target("sse2"))) static int mandel(void)
{
    int in = 0;
    for (int y = 0; y < 300; y++)
        for (int x = 0; x < 300; x++) {
            double cr = x / 150.0 - 1.5, ci = y / 150.0 - 1.0, zr = 0, zi = 0;
            int i = 0;
            for (; i < 60 && zr * zr + zi * zi < 4; i++) {
                double t = zr * zr - zi * zi + cr;
                zi = 2 * zr * zi + ci;
                zr = t;
            }
            in += i == 60;
        }
    return in;
}

int main(void)
{
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            a[i][j] = i + j * 0.5, b[i][j] = i - j * 0.25;
    for (int r = 0; r < 4; r++)
        for (int i = 0; i < N; i++)
            for (int j = 0; j < N; j++) {
                double s = 0;
                for (int k = 0; k < N; k++)
                    s += a[i][k] * b[k][j];
                c[i][j] = s;
            }
    printf("%g %d\n", c[N / 2][N / 3], mandel());
    return 0;
}
