/* See convert.h. A layout is walked field by field; alignment follows from the kinds. */
#include "abi/convert.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/mem.h"

enum kind { KIND_STRUCT, KIND_END, KIND_PACKED, B, H, I, Q, D, L, U, P, NEST, ARRAY, POINTER64, GUEST_ONLY, HOST_ONLY };

struct field {
    uint8_t kind, layout;
    uint16_t n; /* how many; ARRAY: number of the field that tells the count */
};

static const struct field fields[] = {
#define STRUCT(name, type) {KIND_STRUCT, 0, 0},
#define F(kind, member) {kind, 0, 1},
#define A(kind, n, member) {kind, 0, n},
#define R(kind, n, member) {kind, 0, n},
#define X(kind, n) {kind, 0, n},
#define N(layout, n, member) {NEST, LAYOUT_##layout, n},
#define V(layout, count, member) {ARRAY, LAYOUT_##layout, count},
#define W(member) {POINTER64, 0, 1},
#define G(n) {GUEST_ONLY, 0, n},
#define Z(n) {HOST_ONLY, 0, n},
#define END(name) {KIND_END, 0, 0},
#define PACKED(name) {KIND_PACKED, 0, 0},
#include "abi/layouts.def"
};

_Static_assert(LAYOUT_COUNT < 256, "struct field's layout is a byte");

/* ---- walking a layout ---- */

/* Where each layout's description begins, and its sizes; filled in at first use (twice does no harm). */
static struct entry {
    const struct field *first;
    struct abi_size size;
    uint8_t guest_align, host_align;
} entries[LAYOUT_COUNT];

static const uint8_t guest_size[] = {[B] = 1, [H] = 2, [I] = 4, [Q] = 8, [D] = 8, [L] = 4, [U] = 4, [P] = 4,
                                     [ARRAY] = 4, [POINTER64] = 8, [GUEST_ONLY] = 1, [HOST_ONLY] = 0};
static const uint8_t host_size[] = {[B] = 1, [H] = 2, [I] = 4, [Q] = 8, [D] = 8, [L] = 8, [U] = 8, [P] = 8,
                                    [ARRAY] = 8, [POINTER64] = 8, [HOST_ONLY] = 1};

/* A field: its description, where it is, how long one element is, and how many there are. */
struct place {
    const struct field *f;
    struct abi_size at, one;
    unsigned n;
};

static size_t align_up(size_t v, size_t a)
{
    return a ? (v + a - 1) / a * a : v;
}

static bool is_packed(const struct field *f)
{
    while (f->kind != KIND_END && f->kind != KIND_PACKED)
        f++;
    return f->kind == KIND_PACKED;
}

/* Moves to the next field; false behind the last. Starts with p->f at KIND_STRUCT and zeros. */
static bool next_field(struct place *p, bool packed)
{
    size_t guest_align, host_align;
    p->at.guest += p->one.guest * p->n;
    p->at.host += p->one.host * p->n;
    const struct field *f = ++p->f;
    if (f->kind == KIND_END || f->kind == KIND_PACKED)
        return false;
    if (f->kind == NEST) {
        const struct entry *e = &entries[f->layout];
        p->one = e->size;
        guest_align = e->guest_align, host_align = e->host_align;
    } else {
        p->one = (struct abi_size){guest_size[f->kind], host_size[f->kind]};
        guest_align = p->one.guest > 4 ? 4 : p->one.guest;
        host_align = p->one.host;
    }
    p->n = f->kind == ARRAY ? 1 : f->n;
    if (!packed) {
        p->at.guest = align_up(p->at.guest, guest_align);
        p->at.host = align_up(p->at.host, host_align);
    }
    return true;
}

/* Fills in an entry; structures inside come before those that they are in. */
static void measure(const struct field *first, struct entry *e)
{
    struct place p = {.f = first};
    bool packed = is_packed(first);
    size_t g = 1, h = 1;
    while (next_field(&p, packed)) {
        size_t guest = p.f->kind == NEST ? entries[p.f->layout].guest_align : p.one.guest > 4 ? 4 : p.one.guest;
        size_t host = p.f->kind == NEST ? entries[p.f->layout].host_align : p.one.host;
        g = guest > g ? guest : g;
        h = host > h ? host : h;
    }
    e->guest_align = packed ? 1 : (uint8_t)g;
    e->host_align = packed ? 1 : (uint8_t)h;
    e->size.guest = align_up(p.at.guest, e->guest_align);
    e->size.host = align_up(p.at.host, e->host_align);
    __atomic_store_n(&e->first, first, __ATOMIC_RELEASE);
}

static const struct entry *entry(enum abi_layout l)
{
    if (!__atomic_load_n(&entries[LAYOUT_COUNT - 1].first, __ATOMIC_ACQUIRE)) {
        unsigned i = LAYOUT_none;
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
            if (fields[k].kind == KIND_STRUCT)
                measure(&fields[k], &entries[++i]);
    }
    return &entries[l];
}

struct abi_size abi_size(enum abi_layout l)
{
    return entry(l)->size;
}

void abi_each_field(enum abi_layout l, void (*f)(void *arg, struct abi_size at, struct abi_size size), void *arg)
{
    struct place p = {.f = entry(l)->first};
    bool packed = is_packed(p.f);
    while (next_field(&p, packed))
        f(arg, p.at, (struct abi_size){p.one.guest * p.n, p.one.host * p.n});
}

/* ---- arrays that structures point to ---- */

#define BAD ((uint64_t)-4096) /* no address */

/* The address of the array at `p` of the structure `g`, and how many elements it has. */
static gaddr find_array(enum abi_layout l, const struct place *p, const char *g, unsigned *n)
{
    struct place q = {.f = entry(l)->first};
    uint32_t addr, count = 0;
    memcpy(&addr, g + p->at.guest, 4);
    for (unsigned i = 0; next_field(&q, false); i++)
        if (i == p->f->n)
            memcpy(&count, g + q.at.guest, q.one.guest);
    *n = addr ? count : 0;
    return addr;
}

/* Copies the array into the arena, its length before it: its address there, or one that the kernel cannot read. */
static uint64_t copy_array(enum abi_layout l, gaddr addr, unsigned n, struct abi_arena *arena)
{
    struct abi_size one = abi_size(l);
    char in[512], *to = (char *)align_up((size_t)arena->next + sizeof n, 8);
    if (to > arena->end || n > (size_t)(arena->end - to) / one.host)
        return BAD;
    memcpy(to - sizeof n, &n, sizeof n);
    arena->next = to + n * one.host;
    for (unsigned i = 0; i < n; i++) {
        if (mem_read(in, addr + i * (uint32_t)one.guest, one.guest))
            return BAD;
        abi_to_host(l, in, to + i * one.host, arena);
    }
    return (uintptr_t)to;
}

static void array_to_host(enum abi_layout l, const struct place *p, const char *g, char *h, struct abi_arena *arena)
{
    unsigned n;
    gaddr addr = find_array(l, p, g, &n);
    uint64_t host = n ? copy_array(p->f->layout, addr, n, arena) : addr;
    memcpy(h + p->at.host, &host, 8);
}

/* How many elements the kernel was given at `from`: what the structure says now may be more. */
static unsigned copied(const char *from)
{
    unsigned n = 0;
    if ((uintptr_t)from > UINT32_MAX)
        memcpy(&n, from - sizeof n, sizeof n);
    return n;
}

static int array_to_guest(enum abi_layout l, const struct place *p, const char *h, const char *g, const char **lost)
{
    unsigned n;
    gaddr addr = find_array(l, p, g, &n);
    struct abi_size one = abi_size(p->f->layout);
    const char *from;
    char out[512], before[512];
    memcpy(&from, h + p->at.host, 8);
    if (n && (uintptr_t)from == BAD)
        return -EFAULT;
    for (unsigned i = 0; i < n && i < copied(from); i++, addr += (uint32_t)one.guest) {
        if (mem_read(out, addr, one.guest))
            return -EFAULT;
        memcpy(before, out, one.guest);
        if (abi_to_guest(p->f->layout, from + i * one.host, out, lost) ||
            (memcmp(before, out, one.guest) && mem_write(addr, out, one.guest)))
            return -EFAULT;
    }
    return 0;
}

/* ---- fields ---- */

static void value_to_host(uint8_t kind, const char *g, char *h)
{
    uint32_t v;
    uint64_t wide;
    switch (kind) {
    case L:
    case U:
    case P:
        memcpy(&v, g, 4);
        if (kind == P)
            mem_prepare_write(v, MEM_UNKNOWN_LENGTH);
        wide = kind == L ? (uint64_t)(int32_t)v : v;
        memcpy(h, &wide, 8);
        return;
    case D: /* one beyond the guest's space is nobody's: there is xrun */
        memcpy(&wide, g, 8);
        if (wide > UINT32_MAX)
            wide = BAD;
        else
            mem_prepare_write((gaddr)wide, MEM_UNKNOWN_LENGTH);
        memcpy(h, &wide, 8);
        return;
    case POINTER64:
        memcpy(&v, g - 8, 4);
        memcpy(&wide, g, 8);
        wide = v ? (uint32_t)wide : wide;
        memcpy(h, &wide, 8);
        return;
    case GUEST_ONLY:
    case HOST_ONLY: return;
    default: memcpy(h, g, guest_size[kind]);
    }
}

static void value_to_guest(uint8_t kind, const char *h, char *g, const char **lost)
{
    uint64_t wide;
    uint32_t size;
    switch (kind) {
    case L:
    case U:
        memcpy(&wide, h, 8);
        if (kind == L ? (int64_t)wide != (int32_t)wide : wide >> 32 && wide != UINT64_MAX)
            *lost = kind == L ? "long" : "unsigned long";
        memcpy(g, h, 4);
        return;
    case P: memcpy(g, h, 4); return;
    case POINTER64:
        memcpy(&size, h - 8, 4);
        memcpy(g, h, size ? 4 : 8);
        return;
    case D:
    case GUEST_ONLY:
    case HOST_ONLY: return;
    default: memcpy(g, h, guest_size[kind]);
    }
}

void abi_to_host(enum abi_layout l, const void *guest, void *host, struct abi_arena *arena)
{
    const char *g = guest;
    char *h = host;
    struct place p = {.f = entry(l)->first};
    bool packed = is_packed(p.f);
    memset(h, 0, entry(l)->size.host);
    while (next_field(&p, packed)) {
        const char *from = g + p.at.guest;
        char *to = h + p.at.host;
        for (unsigned i = 0; i < p.n; i++, from += p.one.guest, to += p.one.host)
            if (p.f->kind == ARRAY)
                array_to_host(l, &p, g, h, arena);
            else if (p.f->kind == NEST)
                abi_to_host(p.f->layout, from, to, arena);
            else
                value_to_host(p.f->kind, from, to);
    }
}

int abi_to_guest(enum abi_layout l, const void *host, void *guest, const char **lost)
{
    const char *h = host;
    char *g = guest;
    struct place p = {.f = entry(l)->first};
    bool packed = is_packed(p.f);
    int r = 0;
    while (!r && next_field(&p, packed)) {
        const char *from = h + p.at.host;
        char *to = g + p.at.guest;
        for (unsigned i = 0; !r && i < p.n; i++, from += p.one.host, to += p.one.guest)
            if (p.f->kind == ARRAY)
                r = array_to_guest(l, &p, h, g, lost);
            else if (p.f->kind == NEST)
                r = abi_to_guest(p.f->layout, from, to, lost);
            else
                value_to_guest(p.f->kind, from, to, lost);
    }
    return r;
}
