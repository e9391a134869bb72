/* The code cache: predecoded blocks found by (address, mode), shared by all threads.
 * Lookups that miss a thread's jump cache take one lock. A block that must be forgotten is
 * unlinked at once (no thread can newly enter it) and freed when every thread has been in
 * cache_lookup or in a system call since: rt_thread.epoch says so. */
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "decode/decode.h"
#include "interp/interp.h"
#include "interp/priv.h"
#include "runtime/block.h"
#include "runtime/code.h"
#include "runtime/dump.h"
#include "runtime/perfmap.h"
#include "runtime/runtime.h"
#include "translate/translate.h"

#ifdef XRUN_SMALL_LIMITS
enum { BLOCK_MAX = 2, CACHE_BYTES_MAX = 64 << 10, RETIRED_BYTES_MAX = 8 << 10 };
#else
enum { BLOCK_MAX = 64, CACHE_BYTES_MAX = 128 << 20, RETIRED_BYTES_MAX = 8 << 20 };
#endif

struct page_blocks {
    UT_hash_handle hh;
    uint32_t page;
    struct block *first;
};

static pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
static struct page_blocks *pages;  /* uthash by page number */
static struct rt_thread *threads;
static struct block *retired, **retired_end = &retired; /* oldest first */
static uint64_t retired_bytes;
uint64_t cache_epoch = 1;
static uint64_t total_bytes;
static uint64_t new_blocks;        /* since the last flush, for --flush-every */
static volatile uint64_t inval_seq;

static struct insn_links *block_links(struct block *b)
{
    return (struct insn_links *)&b->insn[b->n];
}

static unsigned page_slot(const struct block *b, uint32_t page)
{
    return b->key.eip >> GUEST_PAGE_SHIFT == page ? 0 : 1;
}

/* ---- pages ---- */

static void page_add(struct block *b, uint32_t page)
{
    struct page_blocks *p;
    HASH_FIND(hh, pages, &page, sizeof page, p);
    if (!p) {
        p = xcalloc(1, sizeof *p);
        p->page = page;
        HASH_ADD(hh, pages, page, sizeof page, p);
    }
    b->page_next[page_slot(b, page)] = p->first;
    p->first = b;
}

static void page_remove(struct block *b, uint32_t page)
{
    struct page_blocks *p;
    HASH_FIND(hh, pages, &page, sizeof page, p);
    if (!p)
        return;
    for (struct block **q = &p->first; *q; q = &(*q)->page_next[page_slot(*q, page)])
        if (*q == b) {
            *q = b->page_next[page_slot(b, page)];
            break;
        }
    /* an empty entry stays: nothing may be freed here, this may run in a signal handler */
}

static uint32_t last_page(const struct block *b)
{
    return (b->end - 1) >> GUEST_PAGE_SHIFT;
}

/* ---- edges ---- */

static void edge_set(struct block *from, int slot, struct block *to)
{
    struct edge *e = &from->out[slot];
    if (e->to)
        return;
    e->to = to;
    e->next_in = to->in;
    to->in = e;
    __atomic_store_n(&block_links(from)->to[slot], to->insn, __ATOMIC_RELEASE);
}

static void edge_clear(struct edge *e)
{
    struct edge **q = &e->to->in;
    while (*q != e)
        q = &(*q)->next_in;
    *q = e->next_in;
    __atomic_store_n(&block_links(e->from)->to[e->slot], NULL, __ATOMIC_RELAXED);
    e->to = NULL;
}

/* ---- the index: open addressing, one cache line per probe ---- */

struct slot {
    struct block_key key;
    struct block *b; /* NULL: never used; GONE: deleted */
};
static struct slot *slots;
static uint32_t slot_bits, slots_used; /* used: with those deleted */
static struct block *const GONE = (struct block *)1;

static struct slot *slot_of(struct block_key k)
{
    uint32_t mask = (1u << slot_bits) - 1;
    uint32_t h = ((k.eip ^ k.mode << 24) * 0x9e3779b1u) >> (32 - slot_bits);
    struct slot *gone = NULL;
    for (;; h = (h + 1) & mask) {
        struct slot *s = &slots[h];
        if (!s->b)
            return gone ? gone : s;
        if (s->b == GONE) {
            if (!gone)
                gone = s;
        } else if (s->key.eip == k.eip && s->key.mode == k.mode) {
            return s;
        }
    }
}

static bool slot_live(const struct slot *s)
{
    return s->b && s->b != GONE;
}

struct block *cache_find(gaddr eip, unsigned mode)
{
    if (!slots)
        return NULL;
    struct slot *s = slot_of((struct block_key){eip, mode});
    return slot_live(s) ? s->b : NULL;
}

static void index_add(struct block *b);

static void index_grow(void)
{
    struct slot *old = slots;
    uint32_t n = old ? 1u << slot_bits : 0, live = 0;
    for (uint32_t i = 0; i < n; i++)
        live += slot_live(&old[i]);
    slot_bits = 12;
    while (live * 4 > 1u << slot_bits)
        slot_bits++;
    slots = xcalloc(1u << slot_bits, sizeof *slots);
    slots_used = 0;
    for (uint32_t i = 0; i < n; i++)
        if (slot_live(&old[i]))
            index_add(old[i].b);
    free(old);
}

static void index_add(struct block *b)
{
    if (!slots || slots_used * 2 > 1u << slot_bits)
        index_grow();
    struct slot *s = slot_of(b->key);
    slots_used += !s->b;
    *s = (struct slot){b->key, b};
}

static void index_remove(const struct block *b)
{
    struct slot *s = slot_of(b->key);
    if (s->b == b)
        s->b = GONE;
}

/* ---- retiring ---- */

static void retire(struct block *b)
{
    b->valid = false;
    profile.retired++;
    code_retire(b);
    index_remove(b);
    page_remove(b, b->key.eip >> GUEST_PAGE_SHIFT);
    if (last_page(b) != b->key.eip >> GUEST_PAGE_SHIFT)
        page_remove(b, last_page(b));
    while (b->in)
        edge_clear(b->in);
    for (int s = 0; s < 2; s++)
        if (b->out[s].to)
            edge_clear(&b->out[s]);
    for (struct rt_thread *r = threads; r; r = r->next) {
        struct jump_cache_entry *e = &r->jump_cache[jump_cache_index(b->key.eip)];
        if (e->first == b->insn)
            __atomic_store_n(&e->first, NULL, __ATOMIC_RELAXED);
    }
    b->retired_epoch = ++cache_epoch;
    b->retired_next = NULL;
    *retired_end = b;
    retired_end = &b->retired_next;
    retired_bytes += b->bytes;
}

static void reclaim(void)
{
    uint64_t oldest = UINT64_MAX;
    for (struct rt_thread *r = threads; r; r = r->next) {
        uint64_t e = __atomic_load_n(&r->epoch, __ATOMIC_ACQUIRE);
        if (e < oldest)
            oldest = e;
    }
    code_reclaim(oldest); /* units know their blocks */
    while (retired && retired->retired_epoch <= oldest) {
        struct block *b = retired;
        retired = b->retired_next;
        total_bytes -= b->bytes;
        retired_bytes -= b->bytes;
        free(b);
    }
    if (!retired)
        retired_end = &retired;
    if (retired_bytes > RETIRED_BYTES_MAX)
        cache_nudge();
}

static void flush_all(void)
{
    for (struct page_blocks *p = pages; p; p = p->hh.next) /* each from the head of its page's list */
        while (p->first)
            retire(p->first);
    cache_hurry();
    new_blocks = 0;
}

void cache_hurry(void)
{
    for (struct rt_thread *r = threads; r; r = r->next)
        r->t->cpu.pending = 1;
}

void cache_nudge(void)
{
    for (struct rt_thread *r = threads; r; r = r->next) {
        uint64_t e = __atomic_load_n(&r->epoch, __ATOMIC_RELAXED);
        if (e >= cache_epoch || e == r->nudged || r->t == thread_self)
            continue;
        r->nudged = e;
        core_nudge(r->t);
    }
}

void cache_invalidate(gaddr start, gaddr end)
{
    pthread_mutex_lock(&lock_);
    inval_seq++;
    for (uint64_t p = start >> GUEST_PAGE_SHIFT; p << GUEST_PAGE_SHIFT < end; p++) {
        uint32_t page = (uint32_t)p;
        struct page_blocks *pb;
        if (!pages)
            break;
        HASH_FIND(hh, pages, &page, sizeof page, pb);
        while (pb && pb->first)
            retire(pb->first);
    }
    pthread_mutex_unlock(&lock_);
}

/* ---- making blocks ---- */

/* Decodes at eip into buf; the bytes are stable from then on: a later store would invalidate.
 * Returns the count, 0 if the invalidation sequence moved. */
static unsigned decode_stable(gaddr eip, unsigned mode, struct insn *buf, gaddr *end, uint64_t *seq)
{
    unsigned max = opt.block_max && opt.block_max < BLOCK_MAX ? opt.block_max : BLOCK_MAX;
    for (;;) {
        *seq = __atomic_load_n(&inval_seq, __ATOMIC_ACQUIRE);
        unsigned n = decode_block(eip, mode, max, buf, end);
        if (buf[0].op == OP_FETCH_FAULT)
            return n;
        if (!mem_code_protect(eip, *end - eip))
            return n;
    }
}

/* Blocks fill the heap from below. Its pages are asked for some at a time before they are touched:
 * a page fault for each would cost more than the decoding. */
enum { HEAP_STEP = 256 << 10 };
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
static void populate_heap(const struct block *b)
{
    static uintptr_t done;
    uintptr_t at = (uintptr_t)b + b->bytes, top = (uintptr_t)sbrk(0);
    uintptr_t old = __atomic_load_n(&done, __ATOMIC_RELAXED);
    if (likely(at <= old) || at >= top)
        return;
    uintptr_t from = at & ~(uintptr_t)GUEST_PAGE_MASK, to = from + HEAP_STEP;
    if (to > top)
        to = top & ~(uintptr_t)GUEST_PAGE_MASK;
    __atomic_store_n(&done, to > at ? to : at, __ATOMIC_RELAXED);
    if (to > from)
        madvise((void *)from, to - from, MADV_POPULATE_WRITE); /* fails on old kernels: no harm */
}

static struct block *block_new(gaddr eip, unsigned mode, const struct insn *buf, unsigned n,
                               gaddr end)
{
    size_t raw = sizeof(struct block) + n * sizeof(struct insn) + sizeof(struct insn_links);
    size_t bytes = raw + (end - eip);
    struct block *b = xcalloc(1, bytes);
    b->key.eip = eip;
    b->key.mode = mode;
    b->end = end;
    b->valid = true;
    b->n = n;
    b->bytes = (uint32_t)bytes;
    populate_heap(b);
    memcpy(b->insn, buf, n * sizeof *buf);
    for (unsigned i = 0; i < n; i++)
        interp_bind(&b->insn[i]);
    b->raw = (uint8_t *)b + raw;
    mem_read((uint8_t *)b + raw, eip, end - eip);
    b->first_fn = b->insn[0].fn;
    if (code_enabled() && translate_mode_ok(mode) && buf[0].op != OP_CHECK_CODE)
        b->insn[0].fn = cache_count_entry;
    struct insn_links *l = block_links(b);
    l->owner = b;
    l->n = n - (buf[n - 1].op == OP_END_BLOCK);
    for (uint8_t s = 0; s < 2; s++) {
        b->out[s].slot = s;
        b->out[s].from = b;
    }
    return b;
}

/* Makes the block at eip, not yet inserted; *seq as in decode_stable. NULL: it cannot be fetched. */
static struct block *block_make(gaddr eip, unsigned mode, uint64_t *seq)
{
    struct insn buf[BLOCK_MAX + 1];
    gaddr end;
    uint64_t start = profile_clock();
    unsigned n = decode_stable(eip, mode, buf, &end, seq);
    struct block *b = buf[0].op == OP_FETCH_FAULT ? NULL : block_new(eip, mode, buf, n, end);
    profile.decode_ns += profile_clock() - start;
    return b;
}

static void block_insert(struct block *b)
{
    index_add(b);
    page_add(b, b->key.eip >> GUEST_PAGE_SHIFT);
    if (last_page(b) != b->key.eip >> GUEST_PAGE_SHIFT)
        page_add(b, last_page(b));
    total_bytes += b->bytes;
    new_blocks++;
    profile.blocks++;
    profile.decoded += b->n;
    if (dump_wanted(DUMP_BLOCKS, b->key.eip))
        dump_block(b);
}

/* Inserts a block made while the lock was not held; NULL if code changed meanwhile. */
static struct block *insert_or_free(struct block *b, uint64_t seq)
{
    struct block *other = cache_find(b->key.eip, b->key.mode);
    if (other || seq != inval_seq) {
        free(b);
        return other;
    }
    block_insert(b);
    return b;
}

/* With the lock held and the block valid: links the edge taken, fills the jump cache. */
static void enter(struct thread *t, struct block *b)
{
    struct cpu *cpu = &t->cpu;
    struct insn_links *l = (struct insn_links *)(uintptr_t)cpu->exit_links;
    struct code_exit *x = cpu->host.exit_code;
    bool alone = dump_any(DUMP_EXEC); /* every block passes here */
    if (l && l->owner && l->owner->valid && !alone) /* a stepped instruction's links have no owner */
        edge_set(l->owner, cpu->exit_slot, b);
    if (x)
        code_link(x, b);
    if (!l && !x)
        code_indirect(b);
    cpu->exit_links = NULL;
    cpu->host.exit_code = NULL;
    struct jump_cache_entry *e = &cpu->jump_cache[jump_cache_index(cpu->eip)];
    e->eip = cpu->eip;
    __atomic_store_n(&e->first, alone ? NULL : b->insn, __ATOMIC_RELAXED);
    if (rt(t)->ret_epoch != cache_epoch) { /* it may lead into code that is gone */
        translate_reset_stack(cpu);
        rt(t)->ret_epoch = cache_epoch;
    }
    rt(t)->epoch = cache_epoch;
    if (retired || code_retired())
        reclaim();
}

void cache_bind_step(struct step_block *s)
{
    s->links[0] = (struct insn_links){.n = 1};
    s->insn[1] = (struct insn){.op = OP_END_BLOCK, .flags = INSN_END, .eip = s->insn[0].next,
                               .next = s->insn[0].next, .base = REG_ZERO, .index = REG_ZERO};
    if (s->insn[0].flags & INSN_END) /* its links follow it directly */
        memset(&s->insn[1], 0, sizeof s->insn[1]);
    else
        interp_bind(&s->insn[1]);
    interp_bind(&s->insn[0]);
}

const struct insn *cache_step(struct thread *t)
{
    struct step_block *s = &rt(t)->step;
    t->cpu.exit_links = NULL;
    decode_insn(t->cpu.eip, t->cpu.mode, &s->insn[0]);
    cache_bind_step(s);
    return s->insn;
}

enum { MISSING_MAX = 16 };

/* Without the lock. */
static void make_blocks(const gaddr *eip, unsigned n, unsigned mode)
{
    struct block *made[MISSING_MAX];
    uint64_t seq[MISSING_MAX];
    for (unsigned i = 0; i < n; i++)
        made[i] = block_make(eip[i], mode, &seq[i]);
    pthread_mutex_lock(&lock_);
    for (unsigned i = 0; i < n; i++)
        if (made[i])
            insert_or_free(made[i], seq[i]);
    pthread_mutex_unlock(&lock_);
}

const struct insn *cache_count_entry(struct cpu *cpu, const struct insn *in)
{
    struct block *b = block_of(in);
    if (__atomic_add_fetch(&b->heat, 1, __ATOMIC_RELAXED) != opt.hot)
        return b->first_fn(cpu, in);
    cpu->thread->running = 0;
    pthread_mutex_lock(&lock_);
    for (int round = 0; b->valid && !b->unit; round++) {
        gaddr missing[MISSING_MAX];
        uint64_t start = profile_clock();
        unsigned n = code_translate(b, missing, round < 3 ? MISSING_MAX : 0);
        profile.translate_ns += profile_clock() - start;
        if (!n) {
            if (!b->unit && b->heat) /* never again */
                b->insn[0].fn = b->first_fn;
            break;
        }
        pthread_mutex_unlock(&lock_);
        make_blocks(missing, n, b->key.mode);
        pthread_mutex_lock(&lock_);
    }
    pthread_mutex_unlock(&lock_);
    perfmap_flush();
    cpu->thread->running = 1;
    return in->fn(cpu, in);
}

const struct insn *cache_wake_entry(struct cpu *cpu, const struct insn *in)
{
    cpu->thread->running = 0;
    pthread_mutex_lock(&lock_);
    code_wake(block_of(in));
    pthread_mutex_unlock(&lock_);
    cpu->thread->running = 1;
    return in->fn(cpu, in);
}

/* --stress-flush: forgets something at random. */
static void disturb(void)
{
    static uint32_t random = 1;
    random = random * 1664525 + 1013904223;
    if ((random >> 8) % opt.stress_flush)
        return;
    if (random >> 27)
        code_disturb();
    else
        flush_all();
}

const struct insn *cache_lookup(struct thread *t)
{
    struct cpu *cpu = &t->cpu;
    pthread_mutex_lock(&lock_);
    if (unlikely(opt.stress_flush))
        disturb();
    struct block *b = cache_find(cpu->eip, cpu->mode);
    while (!b) {
        uint64_t seq;
        pthread_mutex_unlock(&lock_);
        b = block_make(cpu->eip, cpu->mode, &seq);
        if (!b)
            return cache_step(t);
        pthread_mutex_lock(&lock_);
        if (total_bytes > CACHE_BYTES_MAX ||
            (opt.flush_every && new_blocks >= opt.flush_every))
            flush_all();
        b = insert_or_free(b, seq);
    }
    enter(t, b);
    pthread_mutex_unlock(&lock_);
    return b->insn;
}

/* ---- --profile ---- */

struct code_profile profile;

uint64_t profile_clock(void)
{
    struct timespec t;
    if (likely(!opt.profile))
        return 0;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void cache_print_profile(void)
{
    const struct code_profile *p = &profile;
    log_user("decoded %" PRIu64 " instructions in %" PRIu64 " blocks, %.1f ms; retired %" PRIu64
             " blocks", p->decoded, p->blocks, (double)p->decode_ns / 1e6, p->retired);
    log_user("translated %" PRIu64 " instructions in %" PRIu64 " units, %.1f ms; %" PRIu64
             " guest bytes -> %" PRIu64 " host bytes + %" PRIu64 " in stubs + %" PRIu64
             " of tables; %" PRIu64 " interpreted one by one", p->translated, p->units,
             (double)p->translate_ns / 1e6, p->guest_bytes, p->host_bytes, p->stub_bytes,
             p->side_bytes, p->fallbacks);
}

/* ---- threads ---- */

void cache_thread_add(struct thread *t)
{
    struct rt_thread *r = rt(t);
    t->cpu.jump_cache = r->jump_cache;
    memset(r->jump_cache, 0, sizeof r->jump_cache);
    code_thread_add(t);
    r->epoch = UINT64_MAX;
    pthread_mutex_lock(&lock_);
    r->next = threads;
    threads = r;
    pthread_mutex_unlock(&lock_);
}

void cache_thread_remove(struct thread *t)
{
    pthread_mutex_lock(&lock_);
    struct rt_thread **q = &threads;
    while (*q && *q != rt(t))
        q = &(*q)->next;
    if (*q)
        *q = rt(t)->next;
    pthread_mutex_unlock(&lock_);
    code_thread_remove(t);
}

void cache_offline(struct thread *t)
{
    __atomic_store_n(&rt(t)->epoch, UINT64_MAX, __ATOMIC_RELEASE); /* behind all reads of blocks */
}

void cache_fork_prepare(void)
{
    pthread_mutex_lock(&lock_);
}

void cache_fork_done(bool child)
{
    if (child) { /* only the forking thread lives on */
        threads = rt(thread_self);
        threads->next = NULL;
    }
    pthread_mutex_unlock(&lock_);
    if (child)
        perfmap_forked();
}

void cache_init(void)
{
    mallopt(M_TOP_PAD, 4 * HEAP_STEP);
    code_init();
    mem_set_code_hook(cache_invalidate);
}
