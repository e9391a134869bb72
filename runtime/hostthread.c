/* The host threads that carry the guest's. All that uses the C library's list of threads and their stacks
 * is done under a lock of our own here: a process that shares this memory can be killed in the midst of
 * it, and a fork may come; the library's lock alone would stay held. So threads are not detached (their
 * end would use the list at any time): who has ended is put on a list, and joined by who starts the next. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/single_threaded.h>

#include "core/lock.h"
#include "core/log.h"
#include "runtime/host.h"
#include "runtime/runtime.h"

struct host_thread {
    pthread_t id;
    void (*fn)(void *);
    void *arg;
    struct host_thread *next; /* that has ended */
};

static struct lock lock_;
static struct host_thread *ended;

/* ---- what a killed process left ---- */

/* The C library's: locks that it holds while a thread is made or joined, and the lists behind one of them
 * (nptl), which a static library lets us see. An element is put in and taken out so that `next` is right
 * at any time, `prev` may not be. */
struct list {
    struct list *next, *prev;
};
extern pthread_mutex_t _dl_load_tls_lock __attribute__((weak)); /* only read under it */
extern int _dl_stack_cache_lock __attribute__((weak));
extern struct list _dl_stack_used __attribute__((weak));
extern struct list _dl_stack_user __attribute__((weak));
extern struct list _dl_stack_cache __attribute__((weak));

static void mend_list(struct list *head)
{
    struct list *e = head;
    do {
        e->next->prev = e;
        e = e->next;
    } while (e != head);
}

static void mend(void)
{
    if (&_dl_load_tls_lock)
        _dl_load_tls_lock = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    if (!&_dl_stack_cache_lock)
        return;
    mend_list(&_dl_stack_used);
    mend_list(&_dl_stack_user);
    mend_list(&_dl_stack_cache);
    __atomic_store_n(&_dl_stack_cache_lock, 0, __ATOMIC_RELEASE);
}

static void lock(void)
{
    if (unlikely(lock_take(&lock_)))
        mend();
}

/* ---- threads ---- */

static void put_ended(struct host_thread *h)
{
    h->next = __atomic_load_n(&ended, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&ended, &h->next, h, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

static void *carry(void *arg)
{
    struct host_thread *h = arg;
    h->id = pthread_self();
    h->fn(h->arg);
    put_ended(h);
    return NULL;
}

/* Who is still at its last instructions (or was stopped there) is left for the next time. */
static void join_ended(void)
{
    struct host_thread *h = __atomic_exchange_n(&ended, NULL, __ATOMIC_ACQUIRE), *next;
    for (; h; h = next) {
        next = h->next;
        if (pthread_tryjoin_np(h->id, NULL))
            put_ended(h);
        else
            free(h);
    }
}

static void *do_nothing(void *arg)
{
    return arg;
}

/* The host's C library, making its first thread, takes a signal for itself and unblocks two. So it
 * makes one for nothing while there is nobody to send that signal, then it is the guest's again. */
static int prepare(const pthread_attr_t *attr)
{
    enum { HOST_SIGSETXID = 33 };
    pthread_t id;
    uint64_t old;
    int e = pthread_create(&id, attr, do_nothing, NULL);
    if (e)
        return e;
    pthread_join(id, NULL);
    signal_block_all(&old);
    signal_action_changed(HOST_SIGSETXID);
    return 0;
}

int host_thread_start(void (*fn)(void *), void *arg)
{
    pthread_attr_t attr;
    struct host_thread *h = xcalloc(1, sizeof *h);
    uint64_t old;
    h->fn = fn;
    h->arg = arg;
    lock_company = true;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, CLONE_HOST_STACK);
    int e = __libc_single_threaded ? prepare(&attr) : 0;
    lock();
    join_ended();
    signal_block_everything(&old); /* for the thread, until it knows whose it is */
    if (!e)
        e = pthread_create(&h->id, &attr, carry, h);
    signal_restore(old);
    lock_release(&lock_);
    pthread_attr_destroy(&attr);
    if (e)
        free(h);
    return -e;
}

void host_threads_keep(void)
{
    lock();
}

void host_threads_go_on(void)
{
    lock_release(&lock_);
}

void host_threads_forked(void)
{
    lock_ = (struct lock){0};
    ended = NULL; /* they are not here: their stacks are lost, or given back by fork(3) */
}
