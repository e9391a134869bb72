/* Futex operations: results and errors, wake counts, requeue, bitsets, timeouts, priority
 * inheritance, robust lists. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile uint32_t f1, f2, order;
static volatile int waiting, woken;

static long fx(volatile void *a, int op, uint32_t v, const void *t, volatile void *b, uint32_t v3)
{
    long r = syscall(SYS_futex, a, op, v, t, b, v3);
    return r < 0 ? -errno : r;
}

static struct timespec ms(int n) { return (struct timespec){n / 1000, n % 1000 * 1000000}; }

static void errors(void)
{
    struct timespec bad = {0, 1000000000}, neg = {-1, 0}, t = ms(1);
    char *m = (char *)&f1 + 1, *ro = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    f1 = 5;
    printf("wait: value %ld misaligned %ld null %ld kernel %ld timeout %ld bad %ld negative %ld pointer %ld\n",
           fx(&f1, FUTEX_WAIT, 4, 0, 0, 0), fx(m, FUTEX_WAIT, 5, 0, 0, 0), fx(NULL, FUTEX_WAIT, 5, 0, 0, 0),
           fx((void *)0xfffff000, FUTEX_WAIT, 5, 0, 0, 0), fx(&f1, FUTEX_WAIT, 5, &t, 0, 0), fx(&f1, FUTEX_WAIT, 5, &bad, 0, 0),
           fx(&f1, FUTEX_WAIT, 5, &neg, 0, 0), fx(&f1, FUTEX_WAIT, 5, (void *)1, 0, 0));
    printf("bitset: zero %ld past %ld realtime %ld private %ld wake zero %ld\n", fx(&f1, FUTEX_WAIT_BITSET, 5, &t, 0, 0),
           fx(&f1, FUTEX_WAIT_BITSET, 5, &t, 0, 1), fx(&f1, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 5, &t, 0, 1),
           fx(&f1, FUTEX_WAIT_BITSET_PRIVATE, 5, &t, 0, 1), fx(&f1, FUTEX_WAKE_BITSET, 1, 0, 0, 0));
    printf("wake: nobody %ld null %ld misaligned %ld negative %ld\n", fx(&f1, FUTEX_WAKE, 1, 0, 0, 0), fx(NULL, FUTEX_WAKE, 1, 0, 0, 0),
           fx(m, FUTEX_WAKE, 1, 0, 0, 0), fx(&f1, FUTEX_WAKE, -1, 0, 0, 0));
    printf("requeue: %ld negative %ld %ld cmp other %ld cmp same %ld misaligned %ld null %ld\n", fx(&f1, FUTEX_REQUEUE, 1, (void *)1, &f2, 0),
           fx(&f1, FUTEX_REQUEUE, -1, (void *)1, &f2, 0), fx(&f1, FUTEX_REQUEUE, 1, (void *)-1, &f2, 0),
           fx(&f1, FUTEX_CMP_REQUEUE, 1, (void *)1, &f2, 4), fx(&f1, FUTEX_CMP_REQUEUE, 1, (void *)1, &f2, 5),
           fx(&f1, FUTEX_REQUEUE, 1, (void *)1, (char *)&f2 + 2, 0), fx(&f1, FUTEX_REQUEUE, 1, (void *)1, NULL, 0));
    printf("wake_op:");
    for (int op = 0; op < 8; op++)
        for (int cmp = 0; cmp < 8; cmp += 3) {
            f2 = 6;
            long r = fx(&f1, FUTEX_WAKE_OP, 1, (void *)1, &f2, FUTEX_OP(op, 3, cmp, 6));
            printf(" %ld/%x", r, f2);
        }
    f2 = 1;
    printf(" shift %ld", fx(&f1, FUTEX_WAKE_OP, 1, (void *)1, &f2, FUTEX_OP(FUTEX_OP_OPARG_SHIFT | FUTEX_OP_OR, 31, 0, 0)));
    printf("/%x read-only %ld null %ld\n", f2, fx(&f1, FUTEX_WAKE_OP, 1, (void *)1, ro, FUTEX_OP(0, 3, 0, 0)),
           fx(&f1, FUTEX_WAKE_OP, 1, (void *)1, NULL, FUTEX_OP(0, 3, 0, 0)));
    printf("unknown:");
    for (int op = 14; op < 20; op++)
        printf(" %ld", fx(&f1, op, 0, 0, 0, 0));
    printf(" fd %ld realtime on others: wake %ld wait %ld requeue %ld lock_pi %ld\n", fx(&f1, FUTEX_FD, 0, 0, 0, 0),
           fx(&f1, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, 0, 0, 0), fx(&f1, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 4, 0, 0, 0),
           fx(&f1, FUTEX_REQUEUE | FUTEX_CLOCK_REALTIME, 1, (void *)1, &f2, 0), fx(&f1, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, &bad, 0, 0));
    long long t64[2] = {0, 1000000}, t64bad[2] = {0, 0x1000000000ll | 1000000000};
    printf("time64: %d", (int)syscall(422, &f1, FUTEX_WAIT, 5, t64, 0, 0) < 0 ? errno : 0);
    printf(" %d\n", (int)syscall(422, &f1, FUTEX_WAIT, 5, t64bad, 0, 0) < 0 ? errno : 0);
}

static void *waiter(void *arg)
{
    unsigned bits = (unsigned)(intptr_t)arg;
    __sync_fetch_and_add(&waiting, 1);
    long r = bits ? fx(&f1, FUTEX_WAIT_BITSET, 0, 0, 0, bits) : fx(&f1, FUTEX_WAIT, 0, 0, 0, 0);
    __sync_fetch_and_add(&woken, r == 0);
    return NULL;
}

/* Until n threads sleep in the kernel: a wake would find them. */
static void start_waiters(pthread_t *t, int n, unsigned bits)
{
    waiting = woken = 0;
    f1 = f2 = 0;
    for (int i = 0; i < n; i++)
        pthread_create(&t[i], NULL, waiter, (void *)(intptr_t)bits);
    while (waiting < n || fx(&f1, FUTEX_CMP_REQUEUE, 0, (void *)100, &f1, 0) < n)
        usleep(1000);
}

static void join(pthread_t *t, int n)
{
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    printf(" woken %d\n", woken);
}

static void waking(void)
{
    pthread_t t[6];
    start_waiters(t, 6, 0);
    printf("wake %ld", fx(&f1, FUTEX_WAKE, 2, 0, 0, 0));
    printf(" requeue %ld", fx(&f1, FUTEX_REQUEUE, 1, (void *)2, &f2, 0));
    printf(" there %ld", fx(&f2, FUTEX_WAKE, 10, 0, 0, 0));
    printf(" cmp_requeue %ld", fx(&f1, FUTEX_CMP_REQUEUE, 0, (void *)5, &f2, 0));
    printf(" there %ld here %ld", fx(&f2, FUTEX_WAKE, 10, 0, 0, 0), fx(&f1, FUTEX_WAKE, 10, 0, 0, 0));
    join(t, 6);
    start_waiters(t, 4, 0);
    f2 = 0;
    printf("wake_op %ld", fx(&f2, FUTEX_WAKE_OP, 1, (void *)3, &f1, FUTEX_OP(FUTEX_OP_ADD, 7, FUTEX_OP_CMP_EQ, 0)));
    printf(" value %d rest %ld", f1, fx(&f1, FUTEX_WAKE, 10, 0, 0, 0));
    join(t, 4);
    start_waiters(t, 3, 6);
    printf("bitset 8: %ld 4: %ld all: %ld", fx(&f1, FUTEX_WAKE_BITSET, 1, 0, 0, 8), fx(&f1, FUTEX_WAKE_BITSET, 1, 0, 0, 4),
           fx(&f1, FUTEX_WAKE, 10, 0, 0, 0));
    join(t, 3);
}

/* ---- priority inheritance ---- */

static volatile uint32_t pi;
static void *pi_thread(void *arg)
{
    long r = fx(&pi, FUTEX_LOCK_PI, 0, 0, 0, 0);
    order = order * 10 + (r == 0);
    fx(&pi, FUTEX_UNLOCK_PI, 0, 0, 0, 0);
    return NULL;
}

static void *die_holding(void *arg)
{
    fx(&pi, FUTEX_LOCK_PI, 0, 0, 0, 0);
    return NULL;
}

static void pi_locks(void)
{
    pthread_t t[2];
    struct timespec abs;
    pi = 0;
    printf("pi: lock %ld", fx(&pi, FUTEX_LOCK_PI, 0, 0, 0, 0));
    printf(" owner %d again %ld try %ld", (pi & FUTEX_TID_MASK) == (uint32_t)syscall(SYS_gettid), fx(&pi, FUTEX_LOCK_PI, 0, 0, 0, 0),
           fx(&pi, FUTEX_TRYLOCK_PI, 0, 0, 0, 0));
    order = 0;
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, pi_thread, NULL);
    while (!(pi & FUTEX_WAITERS))
        usleep(1000);
    printf(" unlock %ld", fx(&pi, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    printf(" both %d left %x unlock not owned %ld\n", order, pi, fx(&pi, FUTEX_UNLOCK_PI, 0, 0, 0, 0));
    pi = 0x3ffffff0; /* a thread that does not exist */
    printf("pi: owner missing %ld", fx(&pi, FUTEX_LOCK_PI, 0, 0, 0, 0));
    pi = 0;
    pthread_create(&t[0], NULL, die_holding, NULL);
    pthread_join(t[0], NULL);
    usleep(30000);
    printf(" dead %x lock %ld", !!(pi & FUTEX_OWNER_DIED), fx(&pi, FUTEX_LOCK_PI, 0, 0, 0, 0));
    pi = getppid();
    clock_gettime(CLOCK_REALTIME, &abs);
    abs.tv_nsec += 2000000;
    abs.tv_sec += abs.tv_nsec / 1000000000;
    abs.tv_nsec %= 1000000000;
    printf(" timeout %ld", fx(&pi, FUTEX_LOCK_PI, 0, &abs, 0, 0));
    clock_gettime(CLOCK_MONOTONIC, &abs);
    printf(" lock_pi2 %ld\n", fx(&pi, 13, 0, &abs, 0, 0));
}

static void pi_mutexes(void)
{
    pthread_mutexattr_t a;
    static pthread_mutex_t m;
    static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
    pthread_mutexattr_settype(&a, PTHREAD_MUTEX_ERRORCHECK);
    printf("pi mutex %d", pthread_mutex_init(&m, &a));
    printf(" %d %d", pthread_mutex_lock(&m), pthread_mutex_lock(&m));
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    printf(" cond %d", pthread_cond_timedwait(&c, &m, &t));
    printf(" %d %d\n", pthread_mutex_unlock(&m), pthread_mutex_unlock(&m));
}

/* ---- robust lists ---- */

struct robust { pthread_mutex_t m; int state; };
static void *lock_and_end(void *arg)
{
    pthread_mutex_lock(arg);
    return NULL;
}

static void robust_init(pthread_mutex_t *m, int protocol)
{
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setprotocol(&a, protocol);
    pthread_mutex_init(m, &a);
}

static void robust_case(const char *what, int protocol, int how)
{
    struct robust *r = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_t t;
    robust_init(&r->m, protocol);
    if (how == 0) {
        pthread_create(&t, NULL, lock_and_end, &r->m);
        pthread_join(t, NULL);
    } else {
        pid_t pid = fork();
        if (!pid) {
            if (how == 4) { /* held by another thread than the one that ends the process */
                pthread_create(&t, NULL, (void *(*)(void *))lock_and_end, &r->m);
                pthread_join(t, NULL);
            }
            pthread_mutex_lock(&r->m);
            if (how == 2)
                abort();
            if (how == 3)
                execl("/bin/true", "true", NULL);
            _exit(0);
        }
        waitpid(pid, NULL, 0);
    }
    int e = pthread_mutex_lock(&r->m);
    printf("%s: lock %s", what, strerror(e));
    if (e == EOWNERDEAD)
        printf(" consistent %d unlock %d", pthread_mutex_consistent(&r->m), pthread_mutex_unlock(&r->m));
    printf(" again %d\n", pthread_mutex_trylock(&r->m));
}

/* A waiter sleeps on the lock while its owner ends. */
static pthread_mutex_t rm;
static void *wait_robust(void *arg)
{
    return (void *)(intptr_t)pthread_mutex_lock(&rm);
}
static volatile int held;
static void *hold_and_end(void *arg)
{
    pthread_mutex_lock(&rm);
    held = 1;
    while (held)
        usleep(1000);
    return NULL;
}

static void robust_waiter(void)
{
    pthread_t o, w;
    void *r;
    robust_init(&rm, PTHREAD_PRIO_NONE);
    pthread_create(&o, NULL, hold_and_end, NULL);
    while (!held)
        usleep(1000);
    pthread_create(&w, NULL, wait_robust, NULL);
    while (!(rm.__data.__lock & FUTEX_WAITERS))
        usleep(1000);
    held = 0;
    pthread_join(o, NULL);
    pthread_join(w, &r);
    printf("waiter of a dead owner: %s\n", strerror((int)(intptr_t)r));
}

static void robust_calls(void)
{
    uint32_t head, len;
    static uint32_t list[3];
    printf("set_robust_list: 11 %d 12 %d 24 %d\n", syscall(SYS_set_robust_list, list, 11) ? errno : 0, 0,
           syscall(SYS_set_robust_list, list, 24) ? errno : 0);
    int r = syscall(SYS_get_robust_list, 0, &head, &len);
    printf("get_robust_list: %d head %d len %u", r, head != 0, len);
    r = syscall(SYS_get_robust_list, getpid(), &head, &len);
    printf(" own pid %d", r);
    errno = 0;
    r = syscall(SYS_get_robust_list, 0x3ffffff0, &head, &len);
    printf(" missing %d %d", r, errno);
    r = syscall(SYS_get_robust_list, 0, NULL, &len);
    printf(" null %d %d\n", r, errno);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    errors();
    waking();
    pi_locks();
    pi_mutexes();
    robust_case("robust, thread ends", PTHREAD_PRIO_NONE, 0);
    robust_case("robust, process exits", PTHREAD_PRIO_NONE, 1);
    robust_case("robust, process aborts", PTHREAD_PRIO_NONE, 2);
    robust_case("robust, process execs", PTHREAD_PRIO_NONE, 3);
    robust_case("robust, held by another thread", PTHREAD_PRIO_NONE, 4);
    robust_case("robust pi, thread ends", PTHREAD_PRIO_INHERIT, 0);
    robust_case("robust pi, process exits", PTHREAD_PRIO_INHERIT, 1);
    robust_case("robust pi, process aborts", PTHREAD_PRIO_INHERIT, 2);
    robust_waiter();
    robust_calls();
    return 0;
}
