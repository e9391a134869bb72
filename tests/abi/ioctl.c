/* Prints requests and layouts, a line each: ours with -DOURS (linked with abi/convert.c), and else what the
 * compiler makes of the kernel's headers, for i386 and for a 64-bit host. ioctl.sh compares. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef OURS
#include "abi/convert.h"
#include "core/mem.h"

/* The guest's memory, for arrays that structures point to. */
static unsigned char memory[1 << 14];
int mem_read(void *dst, gaddr src, size_t len)
{
    return src > sizeof memory || len > sizeof memory - src ? -1 : (memcpy(dst, memory + src, len), 0);
}
int mem_write(gaddr dst, const void *src, size_t len)
{
    return dst > sizeof memory || len > sizeof memory - dst ? -1 : (memcpy(memory + dst, src, len), 0);
}

void mem_prepare_write(gaddr addr, uint32_t len) { (void)addr, (void)len; }

static bool host; /* the host's side of the layouts */

/* Names in the order in which abi_each_field goes: NULL: not compared. R: only the place is. */
struct name { const char *layout, *member; bool place_only; char kind; int count; };
static const struct name list[] = {
#define STRUCT(name, type) {#name, NULL, 0},
#define F(kind, member) {NULL, #member, 0},
#define A(kind, n, member) {NULL, #member, 0},
#define R(kind, n, member) {NULL, #member, 1},
#define X(kind, n) {NULL, NULL, 0},
#define N(layout, n, member) {NULL, #member, 0},
#define V(layout, count, member) {NULL, #member, 0, 'V', count},
#define W(member) {NULL, #member, 0, 'W'},
#define G(n) {NULL, NULL, 0, 'G'},
#define Z(n) {NULL, NULL, 0},
#define END(name)
#define PACKED(name)
#include "abi/layouts.def"
};

static void one(void *arg, struct abi_size at, struct abi_size size)
{
    const struct name *n = ++*(const struct name **)arg;
    if (!n->member)
        return;
    printf(" %s %zu", n->member, host ? at.host : at.guest);
    if (!n->place_only)
        printf("+%zu", host ? size.host : size.guest);
}

static void layouts(void)
{
    const struct name *n = list;
    for (int l = LAYOUT_none + 1; l < LAYOUT_COUNT; l++) {
        printf("%s %zu", n->layout, host ? abi_size(l).host : abi_size(l).guest);
        abi_each_field(l, one, &n);
        printf("\n");
        n++;
    }
}

/* ---- there and back: random bytes in every field, arrays of up to 5 elements ---- */

struct trip {
    const struct name *n;
    struct abi_size at[64], size[64];
    int fields;
};

static void collect(void *arg, struct abi_size at, struct abi_size size)
{
    struct trip *t = arg;
    t->at[t->fields] = at;
    t->size[t->fields++] = size;
}

static void scramble(unsigned char *p, size_t n)
{
    while (n--)
        *p++ = (unsigned char)(rand() >> 8);
}

/* False: something is not what it was. */
static bool trip_once(int l, const struct trip *t)
{
    static unsigned char g[1024], back[1024], before[sizeof memory];
    static uint64_t h[256], again[256], room[1 << 12];
    struct abi_arena arena = {(char *)room, (char *)(room + 4096)};
    const char *lost = NULL;
    scramble(g, sizeof g);
    scramble(memory, sizeof memory);
    memset(back, 0xee, sizeof back);
    for (int i = 0; i < t->fields; i++) {
        if (t->n[i].kind == 'V') {
            const struct abi_size *count = &t->at[t->n[i].count];
            memset(g + count->guest, 0, t->size[t->n[i].count].guest);
            g[count->guest] = (unsigned char)(rand() % 6);
            uint32_t where = 64;
            memcpy(g + t->at[i].guest, &where, 4);
            memcpy(back + count->guest, g + count->guest, t->size[t->n[i].count].guest);
        }
        if (t->n[i].kind)
            memcpy(back + t->at[i].guest, g + t->at[i].guest, t->size[i].guest);
    }
    memcpy(before, memory, sizeof memory);
    abi_to_host(l, g, h, &arena);
    if (abi_to_guest(l, h, back, &lost) || lost || memcmp(before, memory, sizeof memory))
        return false;
    arena.next = (char *)room;
    abi_to_host(l, back, again, &arena);
    return !memcmp(h, again, sizeof h); /* each byte of a field is somewhere there */
}

static void trips(void)
{
    const struct name *n = list;
    for (int l = LAYOUT_none + 1; l < LAYOUT_COUNT; l++) {
        struct trip t = {.n = n + 1};
        abi_each_field(l, collect, &t);
        for (int i = 0; i < 100; i++)
            if (!trip_once(l, &t)) {
                printf("FAIL %s: changes there and back\n", n->layout);
                break;
            }
        n += t.fields + 1;
    }
    printf("trips %d\n", LAYOUT_COUNT - 1);
}

/* The host's request, as ioctl_request() makes it. */
static unsigned sized(unsigned request, struct abi_size size)
{
    return (request >> 16 & 0x3fff) == size.guest ? (request & ~(0x3fffu << 16)) | (unsigned)size.host << 16 : request;
}
#define SAME(request, name) printf("%s %#x\n", #name, request);
#define OLD(request, name, size, type) printf("%s %#x %d\n", #name, request, size);
#define LONG(request, name) printf("%s %#x\n", #name, host ? sized(request, (struct abi_size){4, 8}) : (unsigned)request);
#define CONV(request, name, way, layout) \
    printf("%s %#x\n", #name, host ? sized(request, abi_size(LAYOUT_##layout)) : (unsigned)request);
#define FUNC(request, name, way, function) if (!host) printf("%s %#x\n", #name, request);
#define TIME64(request, name, way, layout) if (!host) printf("%s/time64 %#x\n", #name, request);
#define FUNC64(request, name, way, function) TIME64(request, name, way, function)
#define RANGE(mask, request, name)
#define EVDEV(mask, request, name)
int main(int argc, char **argv)
{
    host = argc > 1 && !strcmp(argv[1], "host");
    if (argc > 1 && !strcmp(argv[1], "trips"))
        return trips(), 0;
    layouts();
#include "syscalls/ioctl.def"
    return 0;
}
#else
#include "tests/abi/ioctl_headers.h"
#define STRUCT(name, type) { typedef type T; printf("%s %zu", #name, sizeof(T));
#define F(kind, member) printf(" %s %zu+%zu", #member, offsetof(T, member), sizeof(((T *)0)->member));
#define A(kind, n, member) F(kind, member)
#define R(kind, n, member) printf(" %s %zu", #member, offsetof(T, member));
#define X(kind, n)
#define N(layout, n, member) F(layout, member)
#define V(layout, count, member) F(layout, member)
#define W(member) F(Q, member)
#define G(n)
#define Z(n)
#define END(name) printf("\n"); }
#define PACKED(name) END(name)
int main(void)
{
#include "abi/layouts.def"
#include "requests.h" /* made of ioctl.def by ioctl.sh: what the headers know */
    return 0;
}
#endif
