/* The Mandelbrot set. */
#include <stdio.h>

#include "size.h"

int main(int argc, char **argv)
{
    int in = 0, lines = size(argc, argv, 1000);
    for (int y = 0; y < lines; y++)
        for (int x = 0; x < 1000; x++) {
            double cr = x / 500.0 - 1.5, ci = y / 500.0 - 1.0, zr = 0, zi = 0;
            int i = 0;
            for (; i < 200 && zr * zr + zi * zi < 4; i++) {
                double t = zr * zr - zi * zi + cr;
                zi = 2 * zr * zi + ci;
                zr = t;
            }
            in += i == 200;
        }
    printf("%d\n", in);
    return 0;
}
