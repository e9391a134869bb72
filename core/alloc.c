/* The allocator of the process: malloc and its family, for xrun and the libraries in it. It has no locks,
 * since processes that share memory can be killed in it one by one (see lock.h), and since a fork may come
 * while another thread is in it: at any instruction the lists are right, and who is killed loses at most
 * the block in its hands.
 *
 * A block of up to MOST bytes belongs to a size class; free ones are kept on a stack for each class (its
 * head: address and a count of changes, so that a block that has gone and come back is noticed). New ones
 * are cut from chunks that never go back to the system, so a block that is read although another thread
 * has just taken it is mapped all the same. Larger blocks are mappings. The eight bytes before a block say
 * what it is. Sanitizers bring their own allocator. */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/populate.h"
#include "core/types.h"

enum {
    GRAIN = 16,           /* alignment of blocks; sizes are multiples of it */
    HEADER = 8,
    LEAST = 32,           /* with its header, as all sizes here */
    MOST = 128 << 10,
    CLASSES = 3 + 4 * 11, /* 32, 48, 64; then four for each doubling */
    CHUNK = 512 << 10,
    FIRST_CHUNK = 64 << 10,
    READY_STEP = 64 << 10,
    PAGE = 4096,
    MAPPED = 0xfffe, /* a mapping of its own of `n` pages */
    INSIDE = 0xffff, /* `n` bytes into the block that was allocated */
};

struct header {
    uint32_t kind; /* a class, or MAPPED, or INSIDE */
    uint32_t n;
};

struct chunk {
    size_t used, size;
    size_t ready; /* so much of it was asked of the system in advance, or more */
};

static struct header *header_of(const void *p) { return (struct header *)((uintptr_t)p - HEADER); }

static unsigned class_of(size_t size) /* at most MOST */
{
    if (size <= 64)
        return size <= LEAST ? 0 : (unsigned)(size - 17) / 16;
    unsigned top = 63 - (unsigned)__builtin_clzl(size - 1); /* size is in (2^top, 2^(top+1)] */
    return 3 + (top - 6) * 4 + (unsigned)((size - 1) >> (top - 2) & 3);
}

static size_t size_of_class(unsigned c)
{
    if (c <= 2)
        return LEAST + 16 * c;
    unsigned top = 6 + (c - 3) / 4;
    return ((size_t)4 + (c - 3) % 4 + 1) << (top - 2);
}

/* ---- the stacks of free blocks ---- */

/* Bits 63..20: address / GRAIN; 19..0: how often it changed. User addresses have 48 bits at most. */
static uint64_t heads[CLASSES];

enum { COUNT_BITS = 20 };

static void *head_block(uint64_t h) { return (void *)(uintptr_t)(h >> COUNT_BITS << 4); }

static uint64_t next_head(uint64_t h, uintptr_t block)
{
    return (uint64_t)block >> 4 << COUNT_BITS | ((h + 1) & ((1 << COUNT_BITS) - 1));
}

static void push(unsigned c, void *p)
{
    uint64_t h = __atomic_load_n(&heads[c], __ATOMIC_RELAXED);
    do
        __atomic_store_n((void **)p, head_block(h), __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&heads[c], &h, next_head(h, (uintptr_t)p), true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
}

static void *pop(unsigned c)
{
    uint64_t h = __atomic_load_n(&heads[c], __ATOMIC_ACQUIRE);
    uintptr_t next;
    do {
        if (!head_block(h))
            return NULL;
        next = __atomic_load_n((uintptr_t *)head_block(h), __ATOMIC_RELAXED); /* not its next: h has changed */
    } while (!__atomic_compare_exchange_n(&heads[c], &h, next_head(h, next), true, __ATOMIC_ACQUIRE,
                                          __ATOMIC_ACQUIRE));
    return head_block(h);
}

/* ---- chunks ---- */

/* Blocks lie at 8 from a multiple of GRAIN, so that what follows the header is aligned. */
enum { CHUNK_BEGIN = (sizeof(struct chunk) + HEADER + GRAIN - 1) / GRAIN * GRAIN - HEADER };

static union {
    struct chunk c;
    char bytes[FIRST_CHUNK];
} first __attribute__((aligned(GRAIN))) = {.c = {.size = FIRST_CHUNK, .ready = FIRST_CHUNK}};

static struct chunk *current = &first.c;

static void *map(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static void *make_block(void *at, unsigned c)
{
    *(struct header *)at = (struct header){.kind = c};
    return (char *)at + HEADER;
}

/* The end of a chunk, too small for what was asked. */
static void give_away(char *at, size_t size)
{
    while (size >= LEAST) {
        unsigned c = class_of(size);
        if (size_of_class(c) > size)
            c--;
        push(c, make_block(at, c));
        at += size_of_class(c);
        size -= size_of_class(c);
    }
}

/* Pages that are about to be used, some at a time: a fault for each would cost more. */
static void make_ready(struct chunk *k, size_t to)
{
    size_t from = __atomic_load_n(&k->ready, __ATOMIC_RELAXED);
    to = (to + READY_STEP - 1) / READY_STEP * READY_STEP;
    if (from < to) { /* else another thread was quicker */
        __atomic_store_n(&k->ready, to, __ATOMIC_RELAXED);
        populate_pages((char *)k + from, to - from);
    }
}

static void *cut(unsigned c)
{
    size_t size = size_of_class(c);
    for (;;) {
        struct chunk *k = __atomic_load_n(&current, __ATOMIC_ACQUIRE);
        size_t at = CHUNK_BEGIN + __atomic_fetch_add(&k->used, size, __ATOMIC_RELAXED);
        if (at + size <= k->size) {
            if (at + size > __atomic_load_n(&k->ready, __ATOMIC_RELAXED))
                make_ready(k, at + size);
            return make_block((char *)k + at, c);
        }
        if (at < k->size)
            give_away((char *)k + at, k->size - at);
        struct chunk *new = map(CHUNK);
        if (!new)
            return NULL;
        new->size = CHUNK;
        if (!__atomic_compare_exchange_n(&current, &k, new, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            munmap(new, CHUNK);
    }
}

/* ---- mappings ---- */

static void *map_block(size_t size)
{
    size_t pages = (size + GRAIN + PAGE - 1) / PAGE;
    char *p = pages > UINT32_MAX ? NULL : map(pages * PAGE);
    if (!p)
        return NULL;
    *header_of(p + GRAIN) = (struct header){.kind = MAPPED, .n = (uint32_t)pages};
    return p + GRAIN;
}

static void *remap_block(void *p, size_t size)
{
    size_t old = header_of(p)->n, pages = (size + GRAIN + PAGE - 1) / PAGE;
    char *q = pages > UINT32_MAX ? MAP_FAILED : mremap((char *)p - GRAIN, old * PAGE, pages * PAGE, MREMAP_MAYMOVE);
    if (q == MAP_FAILED)
        return NULL;
    header_of(q + GRAIN)->n = (uint32_t)pages;
    return q + GRAIN;
}

/* ---- the functions of the C library ---- */

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static void *allocate(size_t n)
{
    if (n > PTRDIFF_MAX - PAGE)
        return NULL;
    if (n > MOST - HEADER)
        return map_block(n);
    unsigned c = class_of(n + HEADER);
    void *p = pop(c);
    return p ? p : cut(c);
}

void *malloc(size_t n)
{
    void *p = allocate(n);
    return p ? p : no_memory();
}

void free(void *p)
{
    if (!p)
        return;
    struct header *h = header_of(p);
    if (h->kind == INSIDE) {
        p = (char *)p - h->n;
        h = header_of(p);
    }
    if (h->kind != MAPPED) {
        push(h->kind, p);
        return;
    }
    int e = errno;
    munmap((char *)p - GRAIN, (size_t)h->n * PAGE);
    errno = e;
}

void *calloc(size_t n, size_t size)
{
    if (__builtin_mul_overflow(n, size, &n))
        return no_memory();
    void *p = allocate(n); /* of malloc the compiler would make calloc */
    if (!p)
        return no_memory();
    if (header_of(p)->kind != MAPPED)
        memset(p, 0, n);
    return p;
}

size_t malloc_usable_size(void *p)
{
    if (!p)
        return 0;
    const struct header *h = header_of(p);
    if (h->kind == INSIDE)
        return malloc_usable_size((char *)p - h->n) - h->n;
    return h->kind == MAPPED ? (size_t)h->n * PAGE - GRAIN : size_of_class(h->kind) - HEADER;
}

void *realloc(void *p, size_t n)
{
    if (!p)
        return malloc(n);
    if (!n) {
        free(p);
        return NULL;
    }
    size_t old = malloc_usable_size(p);
    if (header_of(p)->kind == MAPPED && n > MOST && n <= PTRDIFF_MAX - PAGE) {
        void *q = remap_block(p, n);
        return q ? q : no_memory();
    }
    if (n <= old && n > old / 2)
        return p;
    void *q = malloc(n);
    if (!q)
        return NULL;
    memcpy(q, p, n < old ? n : old);
    free(p);
    return q;
}

void *memalign(size_t alignment, size_t n)
{
    if (alignment <= GRAIN)
        return malloc(n);
    if (alignment > UINT32_MAX / 2 || n > PTRDIFF_MAX - alignment - PAGE)
        return no_memory();
    char *p = malloc(n + alignment);
    if (!p)
        return NULL;
    char *q = (char *)(((uintptr_t)p + alignment - 1) & -alignment);
    if (q != p)
        *header_of(q) = (struct header){.kind = INSIDE, .n = (uint32_t)(q - p)};
    return q;
}

void *aligned_alloc(size_t alignment, size_t n)
{
    return memalign(alignment, n);
}

int posix_memalign(void **p, size_t alignment, size_t n)
{
    int e = errno;
    if (!alignment || alignment % sizeof(void *) || (alignment & (alignment - 1)))
        return EINVAL;
    void *q = memalign(alignment, n);
    errno = e;
    if (!q)
        return ENOMEM;
    *p = q;
    return 0;
}

#endif
