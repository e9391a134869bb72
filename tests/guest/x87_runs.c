/* Random sequences of x87 instructions, executed until they are translated: registers, status, tags and
 * what was stored after each, as hashes. Usual operands mostly, but zeros, denormals, infinities, NaNs, numbers
 * of the 80-bit format's whole range, stack overflow and underflow, other rounding and precision, too. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SEQUENCES = 700, LENGTH = 40, ROUNDS = 12, CODE = 4096, SLOTS = 32, BATCH = 50 };

static uint64_t state = 12345;
static uint32_t rnd(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}
static uint32_t below(uint32_t n) { return rnd() % n; }

static struct {
    uint64_t in[SLOTS]; /* doubles */
    uint64_t out[SLOTS];
    uint16_t cw[4];
    uint32_t flags;
    uint8_t big[SLOTS][16]; /* 80-bit numbers to begin with */
} data;
static uint8_t image[108];
static uint8_t *code, *p;

static void b1(unsigned v) { *p++ = (uint8_t)v; }
static void b2(unsigned a, unsigned b) { b1(a), b1(b); }
static void b4(uint32_t v)
{
    memcpy(p, &v, 4);
    p += 4;
}
/* An opcode with a memory operand: absolute, or [ebx + disp32] with ebx = the address of data. */
static void mem(unsigned opcode, unsigned reg, const void *at)
{
    uint32_t a = (uint32_t)(uintptr_t)at;
    b1(opcode);
    if (below(2)) {
        b1(reg << 3 | 5);
        b4(a);
    } else {
        b1(0x80 | reg << 3 | 3);
        b4(a - (uint32_t)(uintptr_t)&data);
    }
}
static const void *in(void) { return &data.in[below(SLOTS)]; }
static const void *out(void) { return &data.out[below(SLOTS)]; }

static int depth;

static void load(void)
{
    switch (below(12)) {
    case 0: b2(0xd9, 0xe8); break;                                  /* fld1 */
    case 1: b2(0xd9, 0xee); break;                                  /* fldz */
    case 2: b2(0xd9, 0xe9 + below(5)); break;
    case 3: mem(0xd9, 0, in()); break;                              /* float */
    case 4: mem(0xdf, 0, in()); break;                              /* int16 */
    case 5: mem(0xdb, 0, in()); break;
    case 6: mem(0xdf, 5, in()); break;
    case 7: mem(0xdb, 5, data.big[below(SLOTS)]); break;            /* 80 bits */
    case 8: b2(0xd9, 0xc0 + below(depth ? (unsigned)depth : 8)); break;
    default: mem(0xdd, 0, in()); break;
    }
    depth++;
}

static void store(void)
{
    static const uint8_t forms[][2] = {{0xd9, 2}, {0xd9, 3}, {0xdd, 2}, {0xdd, 3}, {0xdd, 2}, {0xdd, 3}, {0xdf, 2},
                                       {0xdf, 3}, {0xdb, 2}, {0xdb, 3}, {0xdf, 7}, {0xdb, 1}, {0xdd, 1}, {0xdf, 1},
                                       {0xdb, 7}};
    unsigned f = below(20);
    if (f >= 15) {
        b2(0xdd, (f & 1 ? 0xd8 : 0xd0) + below(3)); /* fstp, fst st(i) */
        depth -= f & 1;
        return;
    }
    mem(forms[f][0], forms[f][1], f == 14 ? data.big[below(SLOTS)] : out());
    depth -= forms[f][1] != 2;
}

static void arithmetic(void)
{
    static const uint8_t ops[] = {0, 1, 4, 5, 6, 7, 0, 1, 4, 5};
    unsigned op = ops[below(10)], i = below(depth > 1 && below(16) ? (unsigned)depth : 8);
    switch (below(8)) {
    case 0: mem(0xd8, op, in()); break;
    case 1: mem(below(2) ? 0xda : 0xde, op, in()); break;
    case 2: case 3: mem(0xdc, op, in()); break;
    case 4: b2(0xd8, 0xc0 | op << 3 | i); break;
    case 5: b2(0xdc, 0xc0 | op << 3 | i); break;
    default:
        b2(0xde, 0xc0 | op << 3 | (below(4) ? 1 : i));
        depth--;
    }
}

static void compare(void)
{
    unsigned i = below(depth > 1 ? (unsigned)depth : 2);
    switch (below(9)) {
    case 0: b2(0xd9, 0xe4); break;               /* ftst */
    case 1: b2(0xd8, 0xd0 + i); break;
    case 2: b2(0xdd, 0xe0 + i); break;
    case 3: mem(0xdc, 2, in()); break;
    case 4: mem(0xd8, 2, in()); break;
    case 5: mem(0xda, 2, in()); break;
    case 6: b2(0xd9, 0xe5); break;               /* fxam */
    default:
        b2(below(2) ? 0xdb : 0xdf, (below(2) ? 0xe8 : 0xf0) + i);
        if (p[-2] == 0xdf)
            depth--;
        b1(0x9c), b1(0x58);                      /* pushf; pop eax */
        b1(0x25), b4(0x8d5);
        b2(0x01, 0x05), b4((uint32_t)(uintptr_t)&data.flags); /* add [flags], eax */
        return;
    }
    if (below(2)) {
        b2(0xdf, 0xe0); /* fnstsw ax */
        b1(0x0f), b2(0xb7, 0xc0);
        b2(0x01, 0x05), b4((uint32_t)(uintptr_t)&data.flags);
    } else {
        mem(0xdd, 7, out());
    }
}

static void other(void)
{
    switch (below(14)) {
    case 12: b2(0x83, 0xf9), b1(below(100)); /* cmp ecx, n; fcmov */
    case 13: b2(below(2) ? 0xda : 0xdb, 0xc0 + 8 * below(4) + below(depth > 1 ? (unsigned)depth : 2)); break;
    case 0: b2(0xd9, 0xe0); break; /* fchs */
    case 1: b2(0xd9, 0xe1); break; /* fabs */
    case 2: b2(0xd9, 0xfa); break; /* fsqrt */
    case 3: b2(0xd9, 0xfc); break; /* frndint */
    case 4: b1(0x9b); break;
    case 5: b2(0x83, 0xc1), b1(below(100)); break;                 /* add ecx, n */
    case 6: b2(0x39, 0xc8), b2(0x72, 0x00); break;                 /* cmp eax, ecx; jb +0 */
    case 7: b2(0xeb, 0x00); break;
    case 8: mem(0xd9, 7, out()); break;                            /* fnstcw */
    case 9:
        if (!below(4))
            mem(0xd9, 5, &data.cw[below(4)]);                       /* fldcw */
        break;
    default: b2(0xd9, 0xc8 + below(depth > 1 ? (unsigned)depth : 2)); break; /* fxch */
    }
}

static void sequence(void)
{
    p = code;
    depth = 0;
    b2(0x53, 0xbb), b4((uint32_t)(uintptr_t)&data); /* push ebx; mov ebx, data */
    b2(0xb9, 0), p--, b4(5);                        /* mov ecx, 5 */
    b2(0x31, 0xc0);
    b2(0xdb, 0xe3);                                 /* fninit */
    for (unsigned i = 0; i < LENGTH; i++) {
        unsigned what = below(20);
    again:
        if (depth < 2 && what >= 4 && below(30))
            what = 0;
        if (depth > 6 && what < 5 && below(30)) {
            what = 6;
            goto again;
        }
        if (what < 5)
            load();
        else if (what < 8)
            store();
        else if (what < 15)
            arithmetic();
        else if (what < 17)
            compare();
        else
            other();
        if (depth < 0)
            depth = 0;
        if (depth > 8)
            depth = 8;
    }
    b2(0xdd, 0x35), b4((uint32_t)(uintptr_t)image); /* fnsave */
    b2(0x5b, 0xc3);
}

static uint64_t number(void)
{
    double d;
    uint64_t v;
    switch (below(16)) {
    case 0: return (uint64_t)below(2) << 63;
    case 1: return (uint64_t)rnd() << 32 | rnd() << 1;
    case 2: return (uint64_t)below(5) | (uint64_t)below(2) << 63 | (uint64_t)below(2) * 0x7ff0000000000000u;
    case 3: return (uint64_t)((int64_t)rnd() - 0x40000000) >> below(30);
    case 4: d = (double)(below(2000)) - 1000; break;
    case 5: d = ((double)below(2000) - 1000) * 1e290 * (double)below(2000); break;
    default: d = ((double)rnd() - 0x40000000) / (double)(1 + rnd()) * (double)(1 << below(20)); break;
    }
    memcpy(&v, &d, 8);
    return v;
}

static void fill(void)
{
    static const uint16_t cws[] = {0x37f, 0x77f, 0xb7f, 0xf7f, 0x27f, 0x7f, 0x37f, 0x37f};
    memset(&data, 0, sizeof data);
    for (int i = 0; i < SLOTS; i++) {
        data.in[i] = number();
        uint64_t sig = (uint64_t)rnd() << 33 ^ (uint64_t)rnd() << 8 ^ rnd();
        uint16_t se = (uint16_t)(below(4) ? 0x3fff - 60 + below(120) : below(0x10000));
        sig |= (uint64_t)!!below(8) << 63;
        memcpy(data.big[i], &sig, 8);
        memcpy(data.big[i] + 8, &se, 2);
    }
    data.cw[0] = 0x37f;
    for (int i = 1; i < 4; i++)
        data.cw[i] = cws[below(8)];
}

static uint64_t hash;
static void add(const void *at, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        hash = (hash ^ ((const uint8_t *)at)[i]) * 0x100000001b3u;
}

/* Registers that are empty count, too. */
static void note(void)
{
    add(image, 2), add(image + 4, 2), add(image + 8, 2);
    add(image + 28, 80);
    add(data.out, sizeof data.out);
    add(data.big, sizeof data.big);
    add(&data.flags, 4);
}

int main(int argc, char **argv)
{
    int only = argc > 1 ? atoi(argv[1]) : -1;
    code = mmap(NULL, CODE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < SEQUENCES; i++) {
        state = (uint64_t)i * 7919 + 1;
        fill();
        mprotect(code, CODE, PROT_READ | PROT_WRITE);
        sequence();
        mprotect(code, CODE, PROT_READ | PROT_EXEC);
        if (only >= 0 && i != only && only < SEQUENCES)
            continue;
        for (int k = 0; k < ROUNDS; k++) {
            ((void (*)(void))(uintptr_t)code)();
            note();
            if (only >= 0)
                printf("%d.%d %016llx cw %02x%02x sw %02x%02x tag %02x%02x flags %x\n", i, k,
                       (unsigned long long)hash, image[1], image[0], image[5], image[4], image[9], image[8], data.flags);
            if (only >= 0 && only < SEQUENCES)
                hash = 0;
        }
        if (only >= 0 && only < SEQUENCES) {
            fwrite(code, 1, (size_t)(p - code), stderr);
            for (int r = 0; r < 8; r++)
                printf("st%d %02x%02x:%016llx\n", r, image[28 + 10 * r + 9], image[28 + 10 * r + 8],
                       *(unsigned long long *)(image + 28 + 10 * r));
            for (int r = 0; r < SLOTS; r++)
                printf("out %d %016llx\n", r, (unsigned long long)data.out[r]);
        }
        if (i % BATCH == BATCH - 1)
            printf("%d: %016llx\n", i + 1, (unsigned long long)hash);
    }
    return 0;
}
