/* --abi-stress: makes values large that programs must not take for small, to test the programs. Set once at start.
 * What each mode does is described in xrun(1). */
#ifndef XRUN_CORE_STRESS_H
#define XRUN_CORE_STRESS_H

#include <time.h>

#include "core/types.h"

enum stress {
    STRESS_Y2038 = 1,    /* the real-time clock and all times of files are 2^29 seconds ahead */
    STRESS_INO64 = 2,    /* inode numbers do not fit in 32 bits */
    STRESS_OFF64 = 4,    /* to calls without 64-bit offsets files that are not empty are larger than 2 GiB */
    STRESS_HIGHADDR = 8, /* position-independent programs and the heap lie high too */
};
extern uint32_t stress;

/* Sets `stress` by a list of names. False if *bad is none. */
bool stress_parse(const char *list, const char **bad);

enum { STRESS_SECONDS = 1 << 29 };
#define STRESS_INO (1ull << 40)
#define STRESS_PROGRAM 0xb0000000u
#define STRESS_HEAP 0xc0000000u

/* A time of the real-time clock as the guest sees it, and back. */
static inline int64_t stress_time(int64_t seconds)
{
    return seconds + (unlikely(stress & STRESS_Y2038) ? STRESS_SECONDS : 0);
}
static inline int64_t stress_untime(int64_t seconds)
{
    return seconds - (unlikely(stress & STRESS_Y2038) ? STRESS_SECONDS : 0);
}
/* An absolute time for the host, of whatever clock: those that count from the start are not that far. */
static inline void stress_deadline(struct timespec *ts)
{
    enum { IN_2017 = 1500000000 };
    if (unlikely(stress & STRESS_Y2038) && ts->tv_sec >= IN_2017)
        ts->tv_sec -= STRESS_SECONDS;
}

static inline uint64_t stress_ino(uint64_t ino)
{
    return unlikely(stress & STRESS_INO64) && ino ? ino | STRESS_INO : ino;
}

#endif
