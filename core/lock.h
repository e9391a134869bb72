/* Locks that survive their holder. Processes that share memory (clone with CLONE_VM) can be killed one by
 * one, anywhere; then the host's kernel hands over what the dead one held (its robust futexes), and who
 * gets it is told, to mend what the lock protects. Not recursive. A thread holds them in any order. */
#ifndef XRUN_CORE_LOCK_H
#define XRUN_CORE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct lock {
    uint32_t word;                                /* a futex: tid of the holder and FUTEX_* bits */
    struct lock_link { struct lock_link *next; } link; /* of the locks that the holder has */
};

/* True: the last holder died with it. */
bool lock_take(struct lock *l);
/* False: somebody has it. */
bool lock_try(struct lock *l);
void lock_release(struct lock *l);
/* The holder died, and nobody has taken it since. */
bool lock_orphaned(const struct lock *l);
/* Before its first lock a task that did not come from pthread_create says who it is: the child of a fork,
 * and who runs on another's thread-local storage, at the beginning; its owner when that one has gone. */
void lock_task_begins(void);

#endif
