/* Repeated string instructions in both directions: all element sizes, counts and distances around those that
 * are done in larger pieces; and faults in the middle. */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

static uint8_t *area;
static uint32_t sum;

static void add(uint32_t v) { sum = (sum << 5 | sum >> 27) ^ v; }

struct regs {
    uint32_t eax, ecx, esi, edi, flags;
};

#define OPERATION(name, text)                                                                        \
    static __attribute__((noinline)) void name(struct regs *r, int back)                           \
    {                                                                                              \
        __asm__ volatile("test %5, %5\n jz 1f\n std\n 1: cmpl $1, %5\n " text "\n pushf\n pop %4\n cld" \
                         : "+a"(r->eax), "+c"(r->ecx), "+S"(r->esi), "+D"(r->edi), "=d"(r->flags)   \
                         : "b"(back) : "memory", "cc");                                            \
    }
#define SIZES(name, text) OPERATION(name##1, text "b") OPERATION(name##2, text "w") OPERATION(name##4, text "l")
SIZES(movs, "rep movs")
SIZES(stos, "rep stos")
SIZES(cmpse, "repe cmps")
SIZES(cmpsne, "repne cmps")
SIZES(scase, "repe scas")
SIZES(scasne, "repne scas")

#define ROW(name) {#name, {name##1, name##2, name##4}}
static const struct {
    const char *name;
    void (*f[3])(struct regs *, int);
} rows[] = {ROW(movs), ROW(stos), ROW(cmpse), ROW(cmpsne), ROW(scase), ROW(scasne)};

enum { SIZE = 0x3000 };

static void fill(unsigned kind)
{
    for (unsigned i = 0; i < SIZE; i++)
        area[i] = kind ? (uint8_t)(i * 7 + (i >> 6)) : 0x5a;
}

static void run(unsigned row, unsigned log2, int back, uint32_t count, uint32_t from, uint32_t to)
{
    struct regs r = {0x5a5a5a5a, count, from, to, 0};
    rows[row].f[log2](&r, back);
    add(r.ecx);
    add(r.esi - (uint32_t)area);
    add(r.edi - (uint32_t)area);
    add(r.flags & 0x8d5);
    for (unsigned i = 0; i < SIZE; i += 64) {
        uint32_t v = 0;
        for (unsigned k = 0; k < 64; k += 4)
            v = v * 31 + *(uint32_t *)(area + i + k);
        add(v);
    }
}

static sigjmp_buf env;

static void handler(int sig, siginfo_t *info, void *uc)
{
    greg_t *g = ((ucontext_t *)uc)->uc_mcontext.gregs;
    (void)sig;
    add((uint32_t)info->si_addr - (uint32_t)area);
    add(g[REG_ECX]);
    add(g[REG_ESI] - (uint32_t)area);
    add(g[REG_EDI] - (uint32_t)area);
    __asm__ volatile("cld");
    siglongjmp(env, 1);
}

int main(void)
{
    static const int distances[] = {1, 2, 4, 7, 60, 63, 64, 65, 100, 128, 1000};
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_NODEFER};
    area = (uint8_t *)mmap(NULL, SIZE + 0x2000, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 0x1000;
    mprotect(area, SIZE, PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &sa, NULL);
    for (unsigned row = 0; row < sizeof rows / sizeof *rows; row++) {
        sum = 0;
        for (unsigned log2 = 0; log2 < 3; log2++) {
            for (int back = 0; back < 2; back++) {
                for (unsigned i = 0; i < 2 * sizeof distances / sizeof *distances; i++) {
                    int d = i & 1 ? -distances[i / 2] : distances[i / 2];
                    uint32_t middle = (uint32_t)area + SIZE / 2;
                    fill(i & 2);
                    area[SIZE / 2 + 37 - 74 * back] ^= 0x11;
                    run(row, log2, back, 3 + i * 11 + (i == 7 ? 300 : 0), middle, middle + (uint32_t)d);
                }
                for (unsigned k = 0; k < 6; k++) { /* to behind an end */
                    uint32_t edge = (uint32_t)area + (back ? 200 + k * 13 : SIZE - 200 - k * 13);
                    uint32_t other = (uint32_t)area + SIZE / 2;
                    fill(0);
                    if (!sigsetjmp(env, 1))
                        run(row, log2, back, 1000, k & 1 ? edge : other, k & 1 ? other : edge);
                }
            }
        }
        printf("%s %08x\n", rows[row].name, sum);
    }
    return 0;
}
