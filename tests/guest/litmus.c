/* Litmus tests of the x86 memory model (total store order): only outcomes that it forbids are
 * counted. Each thread walks through N independent instances of a test; results are looked at when
 * all have finished. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { N = 1200, ROUNDS = 8, THREADS = 4, STEPS = 6 };

struct cell { volatile int v; int pad[15]; } __attribute__((aligned(64)));
static struct cell *X, *Y;
static int (*R)[8];
static pthread_barrier_t *bar;
static int *met;

#define ST(p, n) __asm__ volatile("movl %1, %0" : "=m"(p) : "i"(n) : "memory")
#define LD(r, p) __asm__ volatile("movl %1, %0" : "=r"(r) : "m"(p) : "memory")
#define FENCE() __asm__ volatile("mfence" : : : "memory")
#define XCHG(p, n)                                                                                 \
    do {                                                                                           \
        int t_ = n;                                                                                \
        __asm__ volatile("xchgl %0, %1" : "+r"(t_), "+m"(p) : : "memory");                         \
    } while (0)
#define LOCKED() __asm__ volatile("lock orl $0, (%%esp)" : : : "memory", "cc")

#define x X[i].v
#define y Y[i].v
#define P(name, n) static void name##_##n(int i, int *r)
#define BAD(name) static int name##_bad(int i, const int *r)

P(MP, 0) { ST(x, 1); ST(y, 1); }
P(MP, 1) { LD(r[0], y); LD(r[1], x); }
BAD(MP) { return r[0] == 1 && r[1] == 0; }

P(LB, 0) { LD(r[0], x); ST(y, 1); }
P(LB, 1) { LD(r[1], y); ST(x, 1); }
BAD(LB) { return r[0] == 1 && r[1] == 1; }

P(SBf, 0) { ST(x, 1); FENCE(); LD(r[0], y); }
P(SBf, 1) { ST(y, 1); FENCE(); LD(r[1], x); }
BAD(SBf) { return r[0] == 0 && r[1] == 0; }

P(SBx, 0) { XCHG(x, 1); LD(r[0], y); }
P(SBx, 1) { XCHG(y, 1); LD(r[1], x); }
BAD(SBx) { return r[0] == 0 && r[1] == 0; }

P(SBl, 0) { ST(x, 1); LOCKED(); LD(r[0], y); }
P(SBl, 1) { ST(y, 1); LOCKED(); LD(r[1], x); }
BAD(SBl) { return r[0] == 0 && r[1] == 0; }

/* the store itself is locked; a locked instruction between, which does not store, or crosses 16 bytes */
#define XADD(p) do { int t_ = 1; __asm__ volatile("lock xaddl %0, %1" : "+r"(t_), "+m"(p) : : "memory", "cc"); } while (0)
#define CAS_FAILS(r, p) do { r = 5; __asm__ volatile("lock cmpxchgl %2, %1" : "+a"(r), "+m"(p) : "r"(7) : "memory", "cc"); } while (0)
#define CAS8_FAILS(p) do { int a_ = 5, d_ = 5; __asm__ volatile("lock cmpxchg8b %2" : "+a"(a_), "+d"(d_), "+m"(p) : "b"(1), "c"(1) : "memory", "cc"); } while (0)
#define SPLIT(c) __asm__ volatile("lock addl $0, 14(%0)" : : "r"(&(c)) : "memory", "cc")

P(SBa, 0) { XADD(x); LD(r[0], y); }
P(SBa, 1) { XADD(y); LD(r[1], x); }
BAD(SBa) { return r[0] == 0 && r[1] == 0; }

P(SBc, 0) { ST(x, 1); CAS_FAILS(r[2], R[i][4]); LD(r[0], y); }
P(SBc, 1) { ST(y, 1); CAS8_FAILS(R[i][6]); LD(r[1], x); }
BAD(SBc) { return r[0] == 0 && r[1] == 0; }

P(SBd, 0) { ST(x, 1); CAS_FAILS(r[0], y); } /* what reads is locked */
P(SBd, 1) { ST(y, 1); CAS_FAILS(r[1], x); }
BAD(SBd) { return r[0] == 0 && r[1] == 0; }

P(SBs, 0) { ST(x, 1); SPLIT(X[i]); LD(r[0], y); }
P(SBs, 1) { ST(y, 1); SPLIT(Y[i]); LD(r[1], x); }
BAD(SBs) { return r[0] == 0 && r[1] == 0; }

P(W22, 0) { ST(x, 1); ST(y, 2); } /* 2+2W */
P(W22, 1) { ST(y, 1); ST(x, 2); }
BAD(W22) { return x == 1 && y == 1; }

P(S, 0) { ST(x, 2); ST(y, 1); }
P(S, 1) { LD(r[0], y); ST(x, 1); }
BAD(S) { return r[0] == 1 && x == 2; }

P(RW, 0) { ST(x, 1); ST(y, 1); } /* R with a fence */
P(RW, 1) { ST(y, 2); FENCE(); LD(r[0], x); }
BAD(RW) { return y == 2 && r[0] == 0; }

P(Rx, 0) { ST(x, 1); ST(y, 1); }
P(Rx, 1) { XCHG(y, 2); LD(r[0], x); }
BAD(Rx) { return y == 2 && r[0] == 0; }

P(Rl, 0) { ST(x, 1); ST(y, 1); }
P(Rl, 1) { ST(y, 2); LOCKED(); LD(r[0], x); }
BAD(Rl) { return y == 2 && r[0] == 0; }

P(IRIW, 0) { ST(x, 1); }
P(IRIW, 1) { ST(y, 1); }
P(IRIW, 2) { LD(r[0], x); LD(r[1], y); }
P(IRIW, 3) { LD(r[2], y); LD(r[3], x); }
BAD(IRIW) { return r[0] == 1 && r[1] == 0 && r[2] == 1 && r[3] == 0; }

P(WRC, 0) { ST(x, 1); }
P(WRC, 1) { LD(r[0], x); ST(y, 1); }
P(WRC, 2) { LD(r[1], y); LD(r[2], x); }
BAD(WRC) { return r[0] == 1 && r[1] == 1 && r[2] == 0; }

P(CoRR, 0) { ST(x, 1); ST(x, 2); }
P(CoRR, 1) { LD(r[0], x); LD(r[1], x); }
P(CoRR, 2) { LD(r[2], x); LD(r[3], x); }
BAD(CoRR) { return r[0] > r[1] || r[2] > r[3] || x != 2; }

/* a thread sees its own stores first, but all see one order of the stores (n6, n7 are allowed) */
P(n5, 0) { ST(x, 1); LD(r[0], x); }
P(n5, 1) { ST(x, 2); LD(r[1], x); }
BAD(n5) { return r[0] == 2 && r[1] == 1; }

/* message passing by other means: string stores, SSE, x87, byte in the middle of a word */
P(MPs, 0)
{
    void *d = (void *)&x;
    int c = 16;
    __asm__ volatile("rep stosl" : "+D"(d), "+c"(c) : "a"(1) : "memory");
    ST(y, 1);
}
P(MPs, 1) { LD(r[0], y); LD(r[1], X[i].pad[14]); }
BAD(MPs) { return r[0] == 1 && r[1] == 0; }

P(MPc, 0) { ST(x, 1); ST(X[i].pad[14], 1); ST(y, 1); }
P(MPc, 1)
{
    int buf[16], c = 16;
    const void *s = (void *)&x;
    void *d = buf;
    LD(r[0], y);
    __asm__ volatile("rep movsl" : "+S"(s), "+D"(d), "+c"(c) : : "memory");
    r[1] = buf[0] & buf[15];
}
BAD(MPc) { return r[0] == 1 && r[1] == 0; }

P(MPm, 0) { __asm__ volatile("movd %2, %%mm0; movq %%mm0, %0; emms; movl $1, %1" : "=m"(x), "=m"(y) : "r"(1) : "memory"); }
P(MPm, 1) { long long q; LD(r[0], y); __asm__ volatile("fildll %1; fistpll %0" : "=m"(q) : "m"(x)); r[1] = q; }
BAD(MPm) { return r[0] == 1 && r[1] == 0; }

P(MPu, 0) { __asm__ volatile("movl $0x1010101, 5(%0)" : : "r"(&x) : "memory"); ST(y, 1); } /* misaligned */
P(MPu, 1) { LD(r[0], y); __asm__ volatile("movl 5(%1), %0" : "=r"(r[1]) : "r"(&x) : "memory"); }
BAD(MPu) { return r[0] == 1 && r[1] != 0x1010101; }

P(MPp, 0) { __asm__ volatile("movl %%esp, %%eax; leal 64(%0), %%esp; pushl $1; movl %%eax, %%esp" : : "r"(&x) : "eax", "memory"); ST(y, 1); }
P(MPp, 1) { LD(r[0], y); __asm__ volatile("movl %%esp, %%eax; leal 60(%1), %%esp; popl %0; movl %%eax, %%esp" : "=&d"(r[1]) : "c"(&x) : "eax", "memory"); }
BAD(MPp) { return r[0] == 1 && r[1] == 0; }

P(MPv, 0) { __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, 16(%0)" : : "r"(&x) : "memory"); ST(y, 1); }
P(MPv, 1) { LD(r[0], y); __asm__ volatile("movdqa 16(%1), %%xmm0; pmovmskb %%xmm0, %0" : "=r"(r[1]) : "r"(&x) : "memory"); }
BAD(MPv) { return r[0] == 1 && r[1] != 0xffff; }

P(MPd, 0) { __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movq %%xmm0, 16(%0); movss %%xmm0, %1" : : "r"(&x), "m"(y) : "memory"); }
P(MPd, 1) { __asm__ volatile("movss %2, %%xmm1; movsd 16(%3), %%xmm0; movd %%xmm1, %0; pmovmskb %%xmm0, %1" : "=r"(r[0]), "=r"(r[1]) : "m"(y), "r"(&x) : "memory"); }
BAD(MPd) { return r[0] == -1 && r[1] != 0xff; }

P(MPw, 0) { __asm__ volatile("movl $0x1010101, 14(%0)" : : "r"(&x) : "memory"); ST(y, 1); } /* over a border of 16 bytes */
P(MPw, 1) { LD(r[0], y); __asm__ volatile("movl 14(%1), %0" : "=r"(r[1]) : "r"(&x) : "memory"); }
BAD(MPw) { return r[0] == 1 && r[1] != 0x1010101; }

/* two pushes, or pops, in a row; the second word is the flag */
P(MPt, 0) { __asm__ volatile("movl %%esp, %%eax; leal 8(%0), %%esp; pushl $1; pushl $1; movl %%eax, %%esp" : : "r"(&x) : "eax", "memory"); }
P(MPt, 1) { __asm__ volatile("movl %%esp, %%eax; leal (%2), %%esp; popl %0; popl %1; movl %%eax, %%esp" : "=&d"(r[0]), "=&S"(r[1]) : "c"(&x) : "eax", "memory"); }
BAD(MPt) { return r[0] == 1 && r[1] == 0; }

/* a byte, then a word of two; a store past the caches and its fence */
P(MPb, 0) { __asm__ volatile("movb $1, %0; movw $1, %1" : "=m"(x), "=m"(y) : : "memory"); }
P(MPb, 1) { __asm__ volatile("movzwl %2, %0; movsbl %3, %1" : "=&r"(r[0]), "=r"(r[1]) : "m"(y), "m"(x) : "memory"); }
BAD(MPb) { return r[0] == 1 && r[1] == 0; }

P(MPn, 0) { __asm__ volatile("movnti %2, %0; sfence; movl $1, %1" : "=m"(x), "=m"(y) : "r"(1) : "memory"); }
P(MPn, 1) { LD(r[0], y); LD(r[1], x); }
BAD(MPn) { return r[0] == 1 && r[1] == 0; }

/* stores and loads of SSE around a fence; other locked instructions */
P(SBv, 0) { __asm__ volatile("movd %2, %%xmm0; movss %%xmm0, %1; mfence; movss %3, %%xmm1; movd %%xmm1, %0" : "=r"(r[0]), "=m"(x) : "r"(1), "m"(y) : "memory"); }
P(SBv, 1) { __asm__ volatile("movd %2, %%xmm0; movss %%xmm0, %1; mfence; movss %3, %%xmm1; movd %%xmm1, %0" : "=r"(r[1]), "=m"(y) : "r"(1), "m"(x) : "memory"); }
BAD(SBv) { return r[0] == 0 && r[1] == 0; }

P(SBo, 0) { __asm__ volatile("lock btsl $0, %1; movl %2, %0" : "=r"(r[0]), "+m"(x) : "m"(y) : "memory", "cc"); }
P(SBo, 1) { __asm__ volatile("lock incb %1; movl %2, %0" : "=r"(r[1]), "+m"(y) : "m"(x) : "memory", "cc"); }
BAD(SBo) { return r[0] == 0 && r[1] == 0; }

P(SBn, 0) { __asm__ volatile("lock notl %1; movl %2, %0" : "=r"(r[0]), "+m"(x) : "m"(y) : "memory", "cc"); }
P(SBn, 1) { __asm__ volatile("stc; lock adcl $0, %1; movl %2, %0" : "=r"(r[1]), "+m"(y) : "m"(x) : "memory", "cc"); }
BAD(SBn) { return r[0] == 0 && r[1] == 0; }

/* aligned accesses are atomic: no mixture is ever seen */
P(ATOM, 0) { ST(x, -1); ST(x, 0x12345678); ST(x, -1); }
P(ATOM, 1) { LD(r[0], x); LD(r[1], x); }
BAD(ATOM)
{
    for (int k = 0; k < 2; k++)
        if (r[k] != 0 && r[k] != -1 && r[k] != 0x12345678)
            return 1;
    return 0;
}

P(ATO8, 0) { __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movq %%xmm0, (%0); pxor %%xmm0, %%xmm0; movq %%xmm0, (%0); fld1; fchs; fistpll (%0)" : : "r"(&x) : "memory"); }
P(ATO8, 1) { int b[2]; __asm__ volatile("movq (%0), %%xmm0; movq %%xmm0, %1" : : "r"(&x), "m"(b) : "memory"); r[0] = b[0]; r[1] = b[1]; }
BAD(ATO8) { return r[0] != r[1]; }

typedef void (*proc)(int, int *);
static const struct test { const char *name; int n; proc p[THREADS]; int (*bad)(int, const int *); } tests[] = {
#define T2(t) {#t, 2, {t##_0, t##_1}, t##_bad}
#define T3(t) {#t, 3, {t##_0, t##_1, t##_2}, t##_bad}
#define T4(t) {#t, 4, {t##_0, t##_1, t##_2, t##_3}, t##_bad}
    T2(MP), T2(LB), T2(SBf), T2(SBx), T2(SBl), T2(SBa), T2(SBc), T2(SBd),
    T2(SBs), T2(W22), T2(S), T2(RW), T2(Rx), T2(Rl), T4(IRIW), T3(WRC), T3(CoRR),
    T2(n5), T2(MPs), T2(MPc), T2(MPm), T2(MPu), T2(MPp), T2(MPv), T2(MPd), T2(MPw),
    T2(MPt), T2(MPb), T2(MPn), T2(SBv), T2(SBo), T2(SBn), T2(ATOM), T2(ATO8),
};
#undef x
#undef y
enum { TESTS = sizeof tests / sizeof *tests };
static int *bad;

/* Those who walk wait for each other every few steps: waking up takes longer than a walk, and only who is
 * at the same instance at the same time can see anything. On a machine that has no processors for them they
 * no longer do after some time. */
enum { PATIENCE = 40 };
static time_t began;
static void meet(int all)
{
    __atomic_fetch_add(met, 1, __ATOMIC_SEQ_CST);
    for (int n = 1; __atomic_load_n(met, __ATOMIC_SEQ_CST) < all; n++) {
        if (n % 4096)
            continue;
        if (time(NULL) > began + PATIENCE)
            break;
        sched_yield();
    }
}

static void *walk(void *arg)
{
    int me = (int)(long)arg, meetings = 0;
    for (int t = 0; t < TESTS; t++)
        for (int k = 0; k < ROUNDS; k++) {
            if (me == 0) {
                memset(X, 0, N * sizeof *X);
                memset(Y, 0, N * sizeof *Y);
                memset(R, 0, N * sizeof *R);
            }
            pthread_barrier_wait(bar);
            for (int i = 0; i < N; i++) {
                if (i % STEPS == 0)
                    meetings += tests[t].n;
                if (me >= tests[t].n)
                    continue;
                if (i % STEPS == 0)
                    meet(meetings);
                tests[t].p[me](i, R[i]);
            }
            pthread_barrier_wait(bar);
            if (me == 0)
                for (int i = 0; i < N; i++)
                    bad[t] += tests[t].bad(i, R[i]);
        }
    return NULL;
}

static void report(const char *what)
{
    printf("%s:", what);
    for (int t = 0; t < TESTS; t++) {
        printf(" %s %d", tests[t].name, bad[t]);
        bad[t] = 0;
    }
    printf("\n");
}

static void *shared(size_t n)
{
    return mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

int main(void)
{
    pthread_t t[THREADS];
    pthread_barrierattr_t a;
    X = shared(N * sizeof *X);
    Y = shared(N * sizeof *Y);
    R = shared(N * sizeof *R);
    bad = shared(4096);
    met = bad + TESTS;
    bar = shared(4096);
    pthread_barrierattr_init(&a);
    pthread_barrierattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(bar, &a, THREADS);
    setvbuf(stdout, NULL, _IOLBF, 0);
    began = time(NULL);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, walk, (void *)i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    report("threads");
    *met = 0;
    began = time(NULL);
    for (long i = 1; i < THREADS; i++)
        if (!fork()) {
            walk((void *)i);
            _exit(0);
        }
    walk(0);
    while (wait(NULL) > 0)
        ;
    report("processes");
    return 0;
}
