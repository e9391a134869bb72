/* Double arithmetic (x87 as gcc compiles it by default): planetary orbits. */
#include <math.h>
#include <stdio.h>

#include "size.h"

struct body { double x[3], v[3], m; };

int main(int argc, char **argv)
{
    int steps = size(argc, argv, 1500000);
    static struct body b[5] = {
        {{0, 0, 0}, {0, 0, 0}, 39.47}, {{4.84, -1.16, -0.10}, {0.6, 2.81, -0.02}, 0.037},
        {{8.34, 4.12, -0.4}, {-1.01, 1.82, 0.008}, 0.011}, {{12.89, -15.11, -0.22}, {1.08, 0.86, -0.01}, 0.0017},
        {{15.37, -25.9, 0.179}, {0.97, 0.59, -0.034}, 0.002}};
    for (int step = 0; step < steps; step++) {
        for (int i = 0; i < 5; i++)
            for (int j = i + 1; j < 5; j++) {
                double d[3], r2 = 0;
                for (int k = 0; k < 3; k++)
                    d[k] = b[i].x[k] - b[j].x[k], r2 += d[k] * d[k];
                double mag = 0.001 / (r2 * sqrt(r2));
                for (int k = 0; k < 3; k++)
                    b[i].v[k] -= d[k] * b[j].m * mag, b[j].v[k] += d[k] * b[i].m * mag;
            }
        for (int i = 0; i < 5; i++)
            for (int k = 0; k < 3; k++)
                b[i].x[k] += 0.001 * b[i].v[k];
    }
    printf("%.9f\n", b[0].x[0]);
    return 0;
}
