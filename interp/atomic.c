/* Compare-and-swap on guest memory; see atomic.h. */
#include "interp/atomic.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/guestmem.h"

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

#if XRUN_HOST_TSO

uint64_t atomic_cas(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    return cas(a, old, val, size);
}

void atomic_init(void)
{
}

#else

typedef unsigned __int128 u128;

static void probe_write(gaddr a)
{
    __atomic_fetch_or((uint8_t *)(uintptr_t)a, 0, __ATOMIC_SEQ_CST);
}

static u128 ones(unsigned bytes)
{
    return ((u128)1 << bytes * 8) - 1;
}

/* [a, a + size) lies in one aligned block of 16 bytes. */
static uint64_t cas_in_block(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    u128 *block = (u128 *)(uintptr_t)(a & ~15u);
    unsigned shift = (a & 15) * 8;
    u128 mask = ones(size) << shift, cur;
    probe_write(a); /* so that a fault names the right address */
    memcpy(&cur, block, sizeof cur);
    for (;;) {
        uint64_t there = (uint64_t)((cur & mask) >> shift);
        u128 next = there == old ? (cur & ~mask) | (u128)val << shift : cur;
        u128 seen = __sync_val_compare_and_swap(block, cur, next);
        if (seen == cur) /* it was read as a whole */
            return there;
        cur = seen;
    }
}

/* ---- split locks ---- */

enum { STEAL_AFTER = 1 << 16 }; /* the owner was killed, or left by a fault */

static uint32_t *split_owner; /* thread id, 0: free; in memory that children share */

static void split_lock(void)
{
    uint32_t me = (uint32_t)gettid();
    for (unsigned n = 0;; n++) {
        uint32_t seen = 0;
        if (__atomic_compare_exchange_n(split_owner, &seen, me, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED) ||
            seen == me)
            return;
        if (n > STEAL_AFTER &&
            __atomic_compare_exchange_n(split_owner, &seen, me, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return;
        sched_yield();
    }
}

static void split_unlock(void)
{
    __atomic_store_n(split_owner, 0, __ATOMIC_RELEASE);
}

/* One of the two aligned words that a split operand lies in. */
struct half {
    uint64_t *word;
    uint64_t mask;      /* of the operand's bytes in it */
    uint64_t was, next; /* contents */
};

static bool half_store(const struct half *h)
{
    uint64_t expect = h->was;
    return __atomic_compare_exchange_n(h->word, &expect, h->next, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* Takes the operand's bytes back, if nobody has stored others meanwhile. */
static void half_undo(const struct half *h)
{
    uint64_t cur = h->next;
    while ((cur & h->mask) == (h->next & h->mask) &&
           !__atomic_compare_exchange_n(h->word, &cur, (cur & ~h->mask) | (h->was & h->mask), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        ;
}

static uint64_t cas_split(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    gaddr at = a & ~7u;
    unsigned shift = (a & 7) * 8;
    u128 mask = ones(size) << shift;
    struct half lo = {.word = (uint64_t *)(uintptr_t)at, .mask = (uint64_t)mask};
    struct half hi = {.word = lo.word + 1, .mask = (uint64_t)(mask >> 64)};
    uint64_t there;
    probe_write(a); /* fault, if at all, before the lock is taken */
    probe_write(a + size - 1);
    split_lock();
    for (;;) {
        lo.was = __atomic_load_n(lo.word, __ATOMIC_SEQ_CST);
        hi.was = __atomic_load_n(hi.word, __ATOMIC_SEQ_CST);
        u128 cur = (u128)hi.was << 64 | lo.was;
        there = (uint64_t)((cur & mask) >> shift);
        if (there != old)
            break;
        cur = (cur & ~mask) | (u128)val << shift;
        lo.next = (uint64_t)cur;
        hi.next = (uint64_t)(cur >> 64);
        if (!half_store(&lo))
            continue;
        if (half_store(&hi))
            break;
        half_undo(&lo);
    }
    split_unlock();
    return there;
}

/* A locked operation is a full fence on x86, whether it stores or not; elsewhere it may let earlier
 * stores and later loads pass each other. */
uint64_t atomic_cas(gaddr a, uint64_t old, uint64_t val, unsigned size)
{
    uint64_t seen;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (!(a & (size - 1)))
        seen = cas(a, old, val, size);
    else
        seen = (a & 15) + size <= 16 ? cas_in_block(a, old, val, size) : cas_split(a, old, val, size);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return seen;
}

void atomic_init(void)
{
    static uint32_t own;
    void *p = mmap(NULL, GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    split_owner = p == MAP_FAILED ? &own : p;
}

#endif
