/* Random sequences of MMX instructions, mixed with x87 ones, jumps and faults: what FNSAVE and the signal frame
 * show of registers, their upper 16 bits, TOP and tags. With an argument NUMBER: shows one sequence. */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { SEQUENCES = 1500, GROUP = 100, LENGTH = 14, VALUES = 128 };

static uint32_t seed = 1;
static uint32_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed;
}
static unsigned below(unsigned n) { return (unsigned)((uint64_t)rnd() * n >> 32); }

/* ---- code: EBX values, EDI a page that is not there, ESI where to save ---- */

static uint8_t *p;
static void put(unsigned n, const uint8_t *bytes)
{
    memcpy(p, bytes, n);
    p += n;
}
#define PUT(...) put(sizeof (uint8_t[]){__VA_ARGS__}, (uint8_t[]){__VA_ARGS__})

static uint8_t regs(void) { return (uint8_t)(0xc0 | below(64)); }
static uint8_t place(void) { return (uint8_t)(below(VALUES / 8) * 8); }

static void put_mmx(void)
{
    static const uint8_t ops[] = {0xfc, 0xfd, 0xfe, 0xd4, 0xef, 0xdb, 0xeb, 0xd5, 0xe5, 0x60, 0x63, 0x6f, 0x74, 0xf5, 0xd1, 0xdf};
    switch (below(8)) {
    case 0: PUT(0x0f, 0x6f, 0x43 | below(8) << 3, place()); break;        /* MOVQ mm, [ebx + n] */
    case 1: PUT(0x0f, 0x6e, 0xc0 | below(8) << 3); break;                 /* MOVD mm, eax */
    case 2: PUT(0x0f, 0x7e, 0xc0 | below(8) << 3); break;                 /* MOVD eax, mm */
    case 3: PUT(0x0f, 0x73, 0xd0 | below(8), (uint8_t)below(70)); break;  /* PSRLQ mm, n */
    case 4: PUT(0x0f, ops[below(sizeof ops)], 0x43 | below(8) << 3, place()); break;
    default: PUT(0x0f, ops[below(sizeof ops)], regs()); break;
    }
}

static void put_x87(void)
{
    static const uint8_t constants[] = {0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee};
    unsigned i = below(8);
    switch (below(10)) {
    case 0: PUT(0xd9, constants[below(7)]); break;
    case 1: PUT(0xdd, 0x43, place()); break;      /* FLD [ebx + n] */
    case 2: PUT(0xd9, 0xc8 | i); break;           /* FXCH */
    case 3: PUT(0xdd, 0xd8 | i); break;           /* FSTP ST(i) */
    case 4: PUT(0xdd, 0xc0 | i); break;           /* FFREE */
    case 5: PUT(0xd9, 0xf6 + below(2)); break;    /* FDECSTP FINCSTP */
    case 6: PUT(0xd8, 0xc0 | i); break;           /* FADD */
    case 7: PUT(0xd9, 0xe0); break;               /* FCHS */
    case 8: PUT(0xdf, 0xe0); break;               /* FNSTSW AX */
    default: PUT(0xdb, 0xe3); break;              /* FNINIT */
    }
}

static void put_other(void)
{
    switch (below(9)) {
    case 0: PUT(0x0f, 0x77); break;                                       /* EMMS */
    case 1: PUT(0xeb, 0x00); break;                                       /* JMP to the next */
    case 2: PUT(0x01, 0xc0, 0x74, 0x00); break;                           /* ADD, JZ likewise */
    case 3: PUT(0x40); break;
    case 4: PUT(0x0f, 0x58, regs()); break;                               /* ADDPS */
    case 5: PUT(0xd7); break;                                             /* XLAT */
    case 6: PUT(0x0f, 0x2a, regs()); break;                               /* CVTPI2PS xmm, mm */
    case 7: PUT(0x0f, 0x2c, regs()); break;                               /* CVTTPS2PI mm, xmm */
    default: PUT(0x0f, below(2) ? 0x6f : 0x7f, 0x07 | below(8) << 3); break; /* MOVQ that faults */
    }
}

static void put_sequence(void)
{
    unsigned n = 2 + below(LENGTH), kind = below(3);
    PUT(0xd9, 0xee, 0xd9, 0xe8, 0x31, 0xc0); /* FLDZ, FLD1, XOR eax, eax */
    for (unsigned i = 0; i < n; i++) {
        unsigned what = below(12);
        if (what < 2)
            put_other();
        else if (kind == 0 || what < (kind == 1 ? 11 : 7))
            put_mmx();
        else
            put_x87();
    }
    PUT(0xdd, 0x36, 0xc3); /* FNSAVE [esi], RET */
}

/* ---- running it ---- */

extern void enter(const uint8_t *code, const void *values, void *save, void *nothing);
__asm__(".text\n"
        "enter: push %ebx\n push %esi\n push %edi\n fninit\n"
        "mov 20(%esp), %ebx\n mov 24(%esp), %esi\n mov 28(%esp), %edi\n"
        "movups (%ebx), %xmm0\n movups %xmm0, %xmm1\n movups %xmm0, %xmm2\n movups %xmm0, %xmm3\n"
        "movups %xmm0, %xmm4\n movups %xmm0, %xmm5\n movups %xmm0, %xmm6\n movups %xmm0, %xmm7\n"
        "call *16(%esp)\n fninit\n pop %edi\n pop %esi\n pop %ebx\n ret\n");

struct save { uint32_t cw, sw, tag, pointers[4]; uint8_t st[80]; };

static struct save saved;
static sigjmp_buf back;
static int at;

/* Intel's processors reset TOP and tags before they store to a page that is not there, AMD's do not. */
static void forget_top(struct save *s)
{
    unsigned top = s->sw >> 11 & 7, first = 8 - top;
    uint8_t st[80];
    memcpy(st, s->st + 10 * (first % 8), 10 * (8 - first % 8));
    memcpy(st + 10 * (8 - first % 8), s->st, 10 * (first % 8));
    memcpy(s->st, st, sizeof st);
    s->sw &= ~(7u << 11);
    s->tag = 0;
}

static void on_fault(int sig, siginfo_t *si, void *v)
{
    ucontext_t *uc = v;
    memcpy(&saved, uc->uc_mcontext.fpregs, sizeof saved);
    at = (int)uc->uc_mcontext.gregs[REG_EIP];
    if (((uint8_t *)at)[1] == 0x7f)
        forget_top(&saved);
    siglongjmp(back, 1);
}

static uint32_t hash(uint32_t h, const void *from, size_t n)
{
    for (const uint8_t *b = from; n--; b++)
        h = (h ^ *b) * 16777619;
    return h;
}

static void show(const uint8_t *code)
{
    for (const uint8_t *b = code; b < p; b++)
        printf("%02x ", *b);
    printf("\nat %d sw %04x tag %04x\n", at, saved.sw & 0xffff, saved.tag & 0xffff);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t m;
        uint16_t e;
        memcpy(&m, saved.st + 10 * i, 8);
        memcpy(&e, saved.st + 10 * i + 8, 2);
        printf("st%u %04x %016llx\n", i, e, (unsigned long long)m);
    }
}

int main(int argc, char **argv)
{
    static uint8_t values[512];
    uint8_t *code = mmap(NULL, 1 << 19, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    int only = argc > 1 ? atoi(argv[1]) : -1;
    uint32_t h = 2166136261u;
    sigaction(SIGSEGV, &sa, NULL);
    for (unsigned i = 0; i < sizeof values / 4; i++) {
        uint32_t v = i % 2 ? 0x3f800000 + below(0x3000000) : rnd();
        memcpy(values + 4 * i, &v, 4);
    }
    p = code;
    for (int i = 0; i < SEQUENCES; i++) {
        uint8_t *start = p;
        put_sequence();
        for (volatile int round = 0; round < 2; round++) {
            memset(&saved, 0, sizeof saved);
            at = 0;
            if (!sigsetjmp(back, 1))
                enter(start, values, &saved, nothing);
            else
                at -= (int)start;
            memset(saved.pointers, 0, sizeof saved.pointers);
            saved.cw &= 0xffff, saved.sw &= 0xffff, saved.tag &= 0xffff;
            h = hash(hash(h, &at, sizeof at), &saved, sizeof saved);
        }
        if (i == only)
            show(start);
        if (only < 0 && i % GROUP == GROUP - 1)
            printf("%d %08x\n", i + 1 - GROUP, h);
    }
    return 0;
}
