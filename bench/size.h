/* How much a benchmark does: its first argument, or what it usually does. */
#ifndef BENCH_SIZE_H
#define BENCH_SIZE_H

#include <stdlib.h>

static inline int size(int argc, char **argv, int usual)
{
    return argc > 1 ? atoi(argv[1]) : usual;
}

#endif
