/* Random numbers of the unit tests: the same on every host. Each test seeds rng_state, per case where any
 * case can be repeated alone. */
#ifndef XRUN_TESTS_UNIT_RANDOM_H
#define XRUN_TESTS_UNIT_RANDOM_H

#include <stdint.h>

static uint64_t rng_state = 1;

static uint64_t rng64(void)
{
    rng_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = rng_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline uint32_t rng(void)
{
    return (uint32_t)rng64();
}

static inline uint32_t below(uint32_t n)
{
    return rng() % n;
}

#endif
