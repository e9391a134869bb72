/* Locks that survive their holder. Processes that share memory (clone with CLONE_VM) can be killed one by
 * one, anywhere; then the host's kernel hands over what the dead one held (its robust futexes), and who
 * gets it is told, to mend what the lock protects. Not recursive. A thread holds them in any order. */
#ifndef XRUN_CORE_LOCK_H
#define XRUN_CORE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/types.h"

struct lock {
    uint32_t word;                                /* a futex: tid of the holder and FUTEX_* bits */
    struct lock_link { struct lock_link *next; } link; /* of the locks that the holder has */
};

/* Somebody else may execute in this memory. Until it is set there is nobody to exclude, and a lock is taken and
 * released without a trace; so it is set, for good, before the other begins, by who holds no lock. */
extern bool lock_company;

/* Whatever lock_company says: true, the last holder died with it. */
bool lock_hold(struct lock *l);
void lock_let_go(struct lock *l);
/* False: somebody has it. */
bool lock_try(struct lock *l);
/* The holder died, and nobody has taken it since. */
bool lock_orphaned(const struct lock *l);
/* Before its first lock a task that did not come from pthread_create says who it is: the child of a fork,
 * and who runs on another's thread-local storage, at the beginning; its owner when that one has gone. */
void lock_task_begins(void);

/* True: the last holder died with it. */
static inline bool lock_take(struct lock *l)
{
    if (unlikely(lock_company))
        return lock_hold(l);
    __asm__ volatile("" ::: "memory");
    return false;
}

static inline void lock_release(struct lock *l)
{
    __asm__ volatile("" ::: "memory");
    if (unlikely(__atomic_load_n(&l->word, __ATOMIC_RELAXED)))
        lock_let_go(l);
}

#endif
