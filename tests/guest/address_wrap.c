/* Addresses that only cutting them to 32 bits makes valid: base, index and displacement of all sizes and signs,
 * in loops so that they are translated, and with addresses that change from valid as they are to such. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static uint8_t *low, *high; /* memory at the lowest and highest addresses there are */
static uint32_t sum;

static void add(uint32_t v) { sum = (sum << 5 | sum >> 27) ^ v; }

/* Each form of access with the sum of its registers at `to`, base being `base`. */
#define INDEXED(name, scale, insn, type)                                                             \
    static __attribute__((noinline)) uint32_t name(uint32_t base, uint32_t index)                   \
    {                                                                                               \
        uint32_t v = 0x81;                                                                          \
        __asm__ volatile(insn " (%1,%2," #scale "), %" type "0" : "+q"(v) : "r"(base), "r"(index)   \
                         : "memory", "cc");                                                         \
        return v;                                                                                   \
    }
INDEXED(load4_1, 1, "movl", "")
INDEXED(load4_4, 4, "movl", "")
INDEXED(load1_1, 1, "movzbl", "")
INDEXED(load2_2, 2, "movswl", "")
INDEXED(load4_8, 8, "movl", "")
INDEXED(load1_2, 2, "movsbl", "")
INDEXED(add4_4, 4, "addl", "")
INDEXED(cmp4_4, 4, "adcl", "")

#define STORED(name, text)                                                                          \
    static __attribute__((noinline)) uint32_t name(uint32_t base, uint32_t index)                   \
    {                                                                                               \
        __asm__ volatile(text : : "r"(base), "r"(index), "q"(base + index) : "memory", "cc");       \
        return 0;                                                                                   \
    }
STORED(store4_4, "movl %2, (%0,%1,4)")
STORED(store1_1, "movb %b2, (%0,%1)")
STORED(inc4_4, "incl (%0,%1,4)")
STORED(not1_1, "notb (%0,%1)")
STORED(xchg2_2, "push %2; xchgw %w2, (%0,%1,2); pop %2")

#define DISPLACED(name, text)                                                                       \
    static __attribute__((noinline)) uint32_t name(uint32_t base, uint32_t index)                   \
    {                                                                                               \
        uint32_t v = base;                                                                          \
        __asm__ volatile(text : "+q"(v) : "r"(base), "r"(index) : "memory", "cc");                  \
        return v;                                                                                   \
    }
DISPLACED(plus_small, "movl 0x40(%1,%2,4), %0")
DISPLACED(plus_large, "movl 0x12345678(%1,%2,4), %0")
DISPLACED(plus_negative, "movl -0x12345678(%1,%2,4), %0")
DISPLACED(no_base, "movl 0x23450000(,%2,4), %0")
DISPLACED(no_base_high, "movl 0xf2340000(,%2,4), %0")
DISPLACED(no_index, "movl 0x23450000(%2), %0")
DISPLACED(no_index_high, "movl 0xe2340000(%2), %0")
DISPLACED(no_index_small, "movl 0x1234(%2), %0")
DISPLACED(no_index_negative, "movl -0x1234(%2), %0")
DISPLACED(no_index_odd, "movl -0x123(%2), %0")

static const struct form {
    const char *name;
    uint32_t (*f)(uint32_t, uint32_t);
    unsigned scale; /* of index */
    uint32_t disp;
    int has_base;
} forms[] = {
    {"load4_1", load4_1, 1, 0, 1}, {"load4_4", load4_4, 4, 0, 1}, {"load1_1", load1_1, 1, 0, 1},
    {"load2_2", load2_2, 2, 0, 1}, {"load4_8", load4_8, 8, 0, 1}, {"load1_2", load1_2, 2, 0, 1},
    {"add4_4", add4_4, 4, 0, 1}, {"adc4_4", cmp4_4, 4, 0, 1}, {"store4_4", store4_4, 4, 0, 1},
    {"store1_1", store1_1, 1, 0, 1}, {"inc4_4", inc4_4, 4, 0, 1}, {"not1_1", not1_1, 1, 0, 1},
    {"xchg2_2", xchg2_2, 2, 0, 1}, {"plus_small", plus_small, 4, 0x40, 1},
    {"plus_large", plus_large, 4, 0x12345678, 1}, {"plus_negative", plus_negative, 4, -0x12345678u, 1},
    {"no_base", no_base, 4, 0x23450000, 0}, {"no_base_high", no_base_high, 4, 0xf2340000, 0},
    {"no_index", no_index, 1, 0x23450000, 0}, {"no_index_high", no_index_high, 1, 0xe2340000, 0},
    {"no_index_small", no_index_small, 1, 0x1234, 0},
    {"no_index_negative", no_index_negative, 1, -0x1234u, 0},
    {"no_index_odd", no_index_odd, 1, -0x123u, 0},
};

/* Indices that with a base (or without) lead to `to`. */
static void visit(const struct form *f, uint32_t to)
{
    static const uint32_t indices[] = {0, 1, 7, -1u, -9u, 0x100, -0x100u, 0x12345678, 0x7fffffff, 0x80000000,
                                       0x80000001, 0xc0000000, 0x40000000, 0x3fffffff, 0xf0000010};
    for (unsigned i = 0; i < sizeof indices / sizeof *indices; i++) {
        uint32_t base = 0, index = indices[i];
        if (f->has_base)
            base = to - f->disp - index * f->scale;
        else
            index = (to - f->disp) / f->scale + (f->scale > 1 ? index << 30 : 0);
        if (!f->has_base && f->disp + index * f->scale != to)
            continue;
        add(f->f(base, index));
    }
}

int main(void)
{
    size_t size = 0x10000;
    low = mmap((void *)0x10000, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    high = mmap((void *)0xf7e00000, size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (low == MAP_FAILED || high == MAP_FAILED)
        return 1;
    for (unsigned i = 0; i < size; i++) {
        low[i] = (uint8_t)(i * 7 + (i >> 8));
        high[i] = (uint8_t)(i * 11 + (i >> 7));
    }
    for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
        sum = 0;
        for (unsigned round = 0; round < 60; round++) {
            uint32_t at = 0x100 + 4 * (round % 50);
            visit(&forms[i], (uint32_t)low + at);
            if (round > 30) /* first only with some, so that translated code has seen these */
                visit(&forms[i], (uint32_t)high + at);
            for (unsigned k = 0; k < 0x400; k += 13)
                add(low[k] + high[k]);
        }
        printf("%s %08x\n", forms[i].name, sum);
    }
    return 0;
}
