/* Locks as robust futexes: see lock.h. The list of those that a thread holds is the kernel's business
 * alone; it is brought up to date before and after each step, so that it is right at any instruction. */
#include "core/lock.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/log.h"

/* struct robust_list_head of the kernel. */
struct held {
    struct lock_link *first;
    long futex_offset;
    struct lock_link *pending; /* being taken or released */
};

static __thread struct {
    struct held held;
    uint32_t tid;
} self;

bool lock_company;

static void barrier(void) { __asm__ volatile("" ::: "memory"); }

static struct lock_link *list_end(void) { return (struct lock_link *)(void *)&self.held.first; }

void lock_task_begins(void)
{
    self.held = (struct held){.first = list_end(),
                              .futex_offset = (long)offsetof(struct lock, word) - (long)offsetof(struct lock, link)};
    self.tid = (uint32_t)syscall(SYS_gettid);
    syscall(SYS_set_robust_list, &self.held, sizeof self.held); /* qemu-user has none: no harm */
}

static uint32_t exchange(uint32_t *word, uint32_t old, uint32_t new)
{
    __atomic_compare_exchange_n(word, &old, new, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
    return old; /* what was there */
}

/* What the kernel wakes up for a dead holder is not private. */
static void wait_for(uint32_t *word, uint32_t seen)
{
    syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0);
}

/* Gives the word as it was when it was taken. */
static uint32_t take_slowly(struct lock *l, uint32_t v)
{
    for (;;) {
        if (!(v & FUTEX_TID_MASK)) { /* free, or its holder died; others may wait, too */
            uint32_t now = exchange(&l->word, v, self.tid | FUTEX_WAITERS);
            if (now == v)
                return v;
            v = now;
            continue;
        }
        if (!(v & FUTEX_WAITERS)) {
            uint32_t now = exchange(&l->word, v, v | FUTEX_WAITERS);
            if (now != v) {
                v = now;
                continue;
            }
            v |= FUTEX_WAITERS;
        }
        wait_for(&l->word, v);
        v = __atomic_load_n(&l->word, __ATOMIC_RELAXED);
    }
}

static void begin(struct lock *l)
{
    if (unlikely(!self.tid))
        lock_task_begins();
    self.held.pending = &l->link;
    barrier();
}

static void now_held(struct lock *l)
{
    l->link.next = self.held.first;
    barrier();
    self.held.first = &l->link;
    barrier();
    self.held.pending = NULL;
}

bool lock_hold(struct lock *l)
{
    begin(l);
    uint32_t v = exchange(&l->word, 0, self.tid);
    if (unlikely(v))
        v = take_slowly(l, v);
    now_held(l);
    return v & FUTEX_OWNER_DIED;
}

bool lock_try(struct lock *l)
{
    begin(l);
    uint32_t v = __atomic_load_n(&l->word, __ATOMIC_RELAXED);
    bool got = !(v & FUTEX_TID_MASK) &&
               exchange(&l->word, v, self.tid | (v & FUTEX_WAITERS)) == v;
    if (got)
        now_held(l);
    else
        self.held.pending = NULL;
    return got;
}

void lock_let_go(struct lock *l)
{
    struct lock_link **q = &self.held.first;
    self.held.pending = &l->link;
    barrier();
    while (*q != &l->link && *q != list_end())
        q = &(*q)->next;
    if (*q == &l->link)
        *q = l->link.next;
    barrier();
    if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) & FUTEX_WAITERS)
        syscall(SYS_futex, &l->word, FUTEX_WAKE, 1, NULL, NULL, 0);
    barrier();
    self.held.pending = NULL;
}

bool lock_orphaned(const struct lock *l)
{
    return __atomic_load_n(&l->word, __ATOMIC_ACQUIRE) & FUTEX_OWNER_DIED;
}
