/* The largest singular value of an infinite matrix: divisions of doubles in nested loops. */
#include <math.h>
#include <stdio.h>

#include "size.h"

enum { N = 600 };
static double u[N], v[N], w[N];

static double at(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

static void times(const double *x, double *y, int transposed)
{
    for (int i = 0; i < N; i++) {
        double s = 0;
        for (int j = 0; j < N; j++)
            s += (transposed ? at(j, i) : at(i, j)) * x[j];
        y[i] = s;
    }
}

int main(int argc, char **argv)
{
    int rounds = size(argc, argv, 150);
    double uv = 0, vv = 0;
    for (int i = 0; i < N; i++)
        u[i] = 1;
    for (int i = 0; i < rounds; i++) {
        times(u, w, 0);
        times(w, v, 1);
        times(v, w, 0);
        times(w, u, 1);
    }
    for (int i = 0; i < N; i++)
        uv += u[i] * v[i], vv += v[i] * v[i];
    printf("%.9f\n", sqrt(uv / vv));
    return 0;
}
