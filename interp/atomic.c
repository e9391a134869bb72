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

static uint64_t cas_in_word(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    uint64_t *w = (uint64_t *)(uintptr_t)(a & ~7u);
    unsigned shift = (a & 7) * 8;
    uint64_t mask = ((UINT64_C(1) << size * 8) - 1) << shift;
    __atomic_fetch_or((uint8_t *)(uintptr_t)a, 0, __ATOMIC_SEQ_CST); /* fault at the right address */
    uint64_t cur = __atomic_load_n(w, __ATOMIC_SEQ_CST);
    for (;;) {
        if (((cur & mask) >> shift) != old)
            return (cur & mask) >> shift;
        uint64_t next = (cur & ~mask) | val << shift;
        if (__atomic_compare_exchange_n(w, &cur, next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return old;
    }
}

static uint64_t cas_split(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    uint64_t cur = 0;
    uint8_t *p = (uint8_t *)(uintptr_t)a;
    __atomic_fetch_or(p, 0, __ATOMIC_SEQ_CST); /* fault, if at all, before the lock is taken */
    __atomic_fetch_or(p + size - 1, 0, __ATOMIC_SEQ_CST);
    pthread_mutex_lock(&split_lock);
    memcpy(&cur, (const void *)(uintptr_t)a, size);
    if (cur == old)
        memcpy((void *)(uintptr_t)a, &val, size);
    pthread_mutex_unlock(&split_lock);
    return cur;
}

uint64_t atomic_cas(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    if (a & (size - 1)) {
        if ((a & 7) + size <= 8)
            return cas_in_word(a, old, val, size);
        return cas_split(a, old, val, size);
    }
    switch (size) {
    case 1: CAS(uint8_t)
    case 2: CAS(uint16_t)
    case 4: CAS(uint32_t)
    default: CAS(uint64_t)
    }
}
