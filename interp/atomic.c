/* Compare-and-swap on guest memory; see atomic.h. */
#include "interp/atomic.h"

#include <pthread.h>
#include <string.h>

#include "core/guestmem.h"

static pthread_mutex_t split_lock = PTHREAD_MUTEX_INITIALIZER;

#define CAS(type)                                                                                  \
    {                                                                                              \
        type expect = (type)old;                                                                   \
        __atomic_compare_exchange_n((type *)(uintptr_t)a, &expect, (type)val, false,               \
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                           \
        return expect;                                                                             \
    }

static uint64_t cas(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    switch (size) {
    case 1: CAS(uint8_t)
    case 2: CAS(uint16_t)
    case 4: CAS(uint32_t)
    default: CAS(uint64_t)
    }
}

static void probe_write(gaddr a)
{
    __atomic_fetch_or((uint8_t *)(uintptr_t)a, 0, __ATOMIC_SEQ_CST);
}

static uint64_t cas_in_word(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    gaddr word = a & ~7u;
    unsigned shift = (a & 7) * 8;
    uint64_t mask = ((UINT64_C(1) << size * 8) - 1) << shift;
    probe_write(a); /* so that a fault names the right address */
    uint64_t cur = __atomic_load_n((uint64_t *)(uintptr_t)word, __ATOMIC_SEQ_CST);
    for (;;) {
        if (((cur & mask) >> shift) != old)
            return (cur & mask) >> shift;
        uint64_t seen = cas(word, cur, (cur & ~mask) | val << shift, 8);
        if (seen == cur)
            return old;
        cur = seen;
    }
}

static uint64_t cas_split(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    uint64_t cur = 0;
    probe_write(a); /* fault, if at all, before the lock is taken */
    probe_write(a + size - 1);
    pthread_mutex_lock(&split_lock);
    memcpy(&cur, (const void *)(uintptr_t)a, size);
    if (cur == old)
        memcpy((void *)(uintptr_t)a, &val, size);
    pthread_mutex_unlock(&split_lock);
    return cur;
}

static uint64_t cas_any(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    if (XRUN_HOST_TSO || !(a & (size - 1)))
        return cas(a, old, val, size);
    return (a & 7) + size <= 8 ? cas_in_word(a, old, val, size) : cas_split(a, old, val, size);
}

uint64_t atomic_cas(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    if (XRUN_HOST_TSO)
        return cas_any(a, old, val, size);
    /* A locked operation is a full fence on x86, whether it stores or not; elsewhere it may let
     * earlier stores and later loads pass each other. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint64_t seen = cas_any(a, old, val, size);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return seen;
}
