/* A product of matrices of doubles. */
#include <stdio.h>

#include "size.h"

enum { N = 300 };
static double a[N][N], b[N][N], c[N][N];

int main(int argc, char **argv)
{
    int rows = size(argc, argv, 16 * N);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            a[i][j] = i + j * 0.5, b[i][j] = i - j * 0.25;
    for (int row = 0; row < rows; row++)
        for (int j = 0; j < N; j++) {
            int i = row % N;
            double s = 0;
            for (int k = 0; k < N; k++)
                s += a[i][k] * b[k][j];
            c[i][j] = s;
        }
    printf("%g\n", c[N / 2][N / 3]);
    return 0;
}
