/* Floating point as scientific programs of the seventies used it: simple arithmetic on variables and
 * arrays, conditional jumps, integers, procedure calls, elementary functions. */
#include <math.h>
#include <stdio.h>

#include "size.h"

#define NOINLINE __attribute__((noinline))
static double e[4], t = 0.499975, t2 = 2.0;

NOINLINE static void on_array(double *a)
{
    for (int i = 0; i < 6; i++) {
        a[0] = (a[0] + a[1] + a[2] - a[3]) * t;
        a[1] = (a[0] + a[1] - a[2] + a[3]) * t;
        a[2] = (a[0] - a[1] + a[2] + a[3]) * t;
        a[3] = (-a[0] + a[1] + a[2] + a[3]) / t2;
    }
}

NOINLINE static void on_scalars(double x, double y, double *z)
{
    x = t * (x + y);
    y = t * (x + y);
    *z = (x + y) / t2;
}

NOINLINE static void shuffle(int i, int j, int k)
{
    e[i] = e[j];
    e[j] = e[k];
    e[k] = e[i];
}

int main(int argc, char **argv)
{
    double x = 0.2, y = 0.3, z = 0;
    int j = 1, k = 2, l = 3, rounds = size(argc, argv, 50000);
    e[0] = 1, e[1] = e[2] = e[3] = -1;
    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < 14; i++)
            on_array(e);
        for (int i = 0; i < 345; i++) {
            j = j == 1 ? 2 : 3;
            j = j > 2 ? 0 : 1;
            j = j < 1 ? 1 : 0;
        }
        for (int i = 0; i < 210; i++) {
            j = j * (k - j) * (l - k);
            k = l * k - (l - j) * k;
            l = (l - k) * (k + j);
            e[(l - 2) & 3] = j + k + l;
            e[(k - 2) & 3] = j * k * l;
            j = 1, k = 2, l = 3;
        }
        for (int i = 0; i < 8; i++) {
            x = t * atan(t2 * sin(x) * cos(x) / (cos(x + y) + cos(x - y) - 1.0));
            y = t * atan(t2 * sin(y) * cos(y) / (cos(x + y) + cos(x - y) - 1.0));
        }
        for (int i = 0; i < 90; i++)
            on_scalars(1.0, x, &z);
        for (int i = 0; i < 60; i++)
            shuffle(1, 2, 3);
        double w = 0.75;
        for (int i = 0; i < 9; i++)
            w = sqrt(exp(log(w) / 0.50025));
        z += w;
    }
    printf("%.10g %.10g %.10g %.10g %d\n", x, y, z, e[0], j);
    return 0;
}
