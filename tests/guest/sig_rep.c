/* Signals in the middle of repeated string instructions: the registers in the frame are those between
 * two elements, and the instruction goes on afterwards as if nothing had happened. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

enum { SIZE = 2 << 20 };
static uint8_t *a, *b;
uintptr_t at; /* the instruction under test */
static volatile int signals, middle, wrong;
static int size, kind; /* kind: 0 edi moves, 1 esi, 2 both */

static void handler(int sig, siginfo_t *i, void *u)
{
    const greg_t *g = ((ucontext_t *)u)->uc_mcontext.gregs;
    signals++;
    if ((uintptr_t)g[REG_EIP] != at)
        return;
    uint32_t done = SIZE - (uint32_t)g[REG_ECX] * size;
    if (!g[REG_ECX] || done == 0)
        return;
    middle++;
    if (kind != 1 && (uint32_t)g[REG_EDI] - (uint32_t)b != done)
        wrong++;
    if (kind != 0 && (uint32_t)g[REG_ESI] - (uint32_t)a != done)
        wrong++;
    if (b[done] == 0x77 && kind == 0 && done < SIZE) /* not yet written */
        wrong++;
}

#define RUN(name, insn, sz, k)                                                                      \
    do {                                                                                           \
        signals = middle = wrong = 0;                                                              \
        size = sz, kind = k;                                                                       \
        int bad = 0;                                                                               \
        for (int n = 0; n < 20000 && (middle < 2 || signals < 5); n++) {                            \
            uint32_t c = SIZE / sz, si = (uint32_t)a, di = (uint32_t)b, ax = 0x77777777;           \
            if (kind == 0)                                                                         \
                memset(b, 0, SIZE);                                                                \
            __asm__ volatile("movl $1f,at; cmp %%eax,%%eax; 1: " insn "; movl $0,at"               \
                             : "+c"(c), "+S"(si), "+D"(di), "+a"(ax)                               \
                             :                                                                     \
                             : "memory", "cc");                                                    \
            if (c || (kind != 1 && di != (uint32_t)b + SIZE) || (kind != 0 && si != (uint32_t)a + SIZE)) \
                bad++;                                                                             \
            if (kind == 0 && (b[0] != 0x77 || b[SIZE - 1] != 0x77 || b[SIZE / 2] != 0x77))         \
                bad++;                                                                             \
        }                                                                                          \
        printf("%s: signals %d, in the middle %d, wrong frames %d, wrong ends %d\n", name,         \
               signals >= 5, middle >= 2, wrong, bad);                                             \
    } while (0)

int main(void)
{
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct itimerval it = {{0, 15000}, {0, 15000}};
    a = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    b = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(a, 0, SIZE);
    memset(b, 0, SIZE);
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    RUN("stosb", "rep stosb", 1, 0);
    RUN("stosl", "rep stosl", 4, 0);
    RUN("lodsb", "rep lodsb", 1, 1);
    RUN("movsb", "rep movsb", 1, 2);
    RUN("movsl", "rep movsl", 4, 2);
    memset(a, 0, SIZE);
    memset(b, 0, SIZE);
    RUN("cmpsb", "repe cmpsb", 1, 2);
    RUN("cmpsl", "repe cmpsl", 4, 2);
    memset(b, 0x11, SIZE);
    kind = 0;
    return 0;
}
