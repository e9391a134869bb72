/* The code cache: predecoded blocks found by (address, mode), shared by all threads.
 * Lookups that miss a thread's jump cache take one lock. A block that must be forgotten is
 * unlinked at once (no thread can newly enter it) and freed when every thread has been in
 * cache_lookup or in a system call since: rt_thread.epoch says so. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/breaks.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "decode/decode.h"
#include "interp/interp.h"
#include "interp/priv.h"
#include "runtime/block.h"
#include "runtime/code.h"
#include "runtime/codemem.h"
#include "runtime/hints.h"
#include "runtime/dump.h"
#include "runtime/perfmap.h"
#include "runtime/runtime.h"
#include "runtime/store.h"
#include "runtime/unit.h"
#include "translate/translate.h"

#ifdef XRUN_SMALL_LIMITS
enum { BLOCK_MAX = 2, RETIRED_BYTES_MAX = 8 << 10 };
#else
enum { BLOCK_MAX = 64, RETIRED_BYTES_MAX = 8 << 20 };
#endif

static struct lock lock_;
static struct rt_thread *threads;
static struct block *retired, **retired_end = &retired; /* oldest first */
static uint64_t retired_bytes;
uint64_t cache_epoch = 1;
static uint64_t new_blocks;        /* since the last flush, for --flush-every */
static uint64_t blocks_made;       /* ever */
static volatile uint64_t inval_seq;
static uint64_t abandoned;         /* the epoch in which everything was given up; 0: all of that is free */

/* ---- edges ---- */

static void edge_set(struct block *from, int slot, struct block *to)
{
    struct insn_links *l = block_links(from);
    if (l->to[slot])
        return;
    from->next_in[slot] = to->in;
    to->in = (edge_t)from | (unsigned)slot;
    __atomic_store_n(&l->to[slot], to->insn, __ATOMIC_RELEASE);
}

static edge_t *edge_next(edge_t e)
{
    return &((struct block *)(e & ~(edge_t)1))->next_in[e & 1];
}

static void edge_clear(struct block *from, unsigned slot)
{
    struct insn_links *l = block_links(from);
    edge_t *q = &block_of(l->to[slot])->in, e = (edge_t)from | slot;
    while (*q != e)
        q = edge_next(*q);
    *q = *edge_next(e);
    __atomic_store_n(&l->to[slot], NULL, __ATOMIC_RELAXED);
}

/* ---- retiring ---- */

void cache_retire(struct block *b)
{
    b->valid = false;
    profile.retired++;
    code_retire(b);
    blocks_remove(b);
    while (b->in)
        edge_clear((struct block *)(b->in & ~(edge_t)1), b->in & 1);
    for (unsigned s = 0; s < 2 && !b->light; s++)
        if (block_links(b)->to[s])
            edge_clear(b, s);
    for (struct rt_thread *r = threads; r; r = r->next) {
        struct jump_cache_entry *e = &r->jump_cache[jump_cache_index(b->key.eip)];
        if (e->first == b->insn)
            __atomic_store_n(&e->first, NULL, __ATOMIC_RELAXED);
    }
    b->retired.epoch = ++cache_epoch;
    b->retired.next = NULL;
    *retired_end = b;
    retired_end = &b->retired.next;
    retired_bytes += blocks_size(b);
}

/* What the oldest is that a thread may still execute. Threads of processes that were killed are taken off
 * the list. */
static uint64_t oldest_epoch(void)
{
    uint64_t oldest = UINT64_MAX;
    for (struct rt_thread **q = &threads, *r; (r = *q);) {
        uint64_t e = __atomic_load_n(&r->epoch, __ATOMIC_ACQUIRE);
        if (unlikely(lock_orphaned(&r->alive))) {
            *q = r->next;
            continue;
        }
        if (e < oldest)
            oldest = e;
        q = &r->next;
    }
    return oldest;
}

static void reclaim(void)
{
    uint64_t oldest = oldest_epoch();
    if (unlikely(abandoned && oldest >= abandoned)) {
        blocks_free_abandoned();
        code_free_abandoned();
        abandoned = 0;
    }
    code_reclaim(oldest); /* units know their blocks */
    while (retired && retired->retired.epoch <= oldest) {
        struct block *b = retired;
        retired = b->retired.next;
        retired_bytes -= blocks_size(b);
        blocks_free(b);
    }
    if (!retired)
        retired_end = &retired;
    if (retired_bytes > RETIRED_BYTES_MAX)
        cache_nudge();
}

/* Who had the lock was killed: nothing under it can be trusted, so all begins anew. Other threads leave
 * what they execute as soon as they can. */
static void abandon(void)
{
    blocks_abandon();
    code_abandon();
    retired = NULL;
    retired_end = &retired;
    retired_bytes = new_blocks = 0;
    inval_seq++;
    abandoned = ++cache_epoch;
    for (struct rt_thread *r = threads; r; r = r->next) {
        memset(r->jump_cache, 0, sizeof r->jump_cache);
        r->ret_epoch = 0;
        r->t->cpu.pending = 1;
        if (r->t != thread_self)
            core_nudge(r->t);
    }
}

/* Does the thread hold pointers to what was given up? */
static bool is_stale(struct thread *t)
{
    return unlikely(rt(t)->epoch < abandoned);
}

static void take(void)
{
    if (unlikely(lock_take(&lock_)))
        abandon();
}

static uint32_t draw;

/* Half of all, others each time; a unit's blocks together. */
static bool drawn(const struct block *b)
{
    uintptr_t what = b->unit ? (uintptr_t)b->unit : (uintptr_t)b;
    return ((uint32_t)(what >> 4) ^ draw * 0x85ebca6bu) * 0x9e3779b1u >> 31;
}

static void flush_all(void)
{
    blocks_retire_all(cache_retire);
    cache_hurry();
    new_blocks = 0;
}

static void retire_unused(struct block *b)
{
    if (!b->unit || b->unit->asleep)
        cache_retire(b);
}

static void retire_drawn(struct block *b)
{
    if (drawn(b))
        cache_retire(b);
}

/* Keeps what has been translated and is in use, which is what would cost most to make again; if that is too much,
 * any half of it, for in a loop that does not fit the oldest would always be what is needed next. */
static void make_room(void)
{
    draw++;
    blocks_each(retire_unused);
    if (blocks_crowded(retired_bytes))
        blocks_each(retire_drawn);
    codemem_each(unit_sleep);
    cache_hurry();
}

/* What has been translated does without barriers. */
static void now_shared(void)
{
    translate_ask_order();
    take();
    flush_all();
    lock_release(&lock_);
}

/* What has been translated looks for no exceptions. */
void translate_now_unmasked(void)
{
    take();
    translate_unmasked = true;
    flush_all();
    lock_release(&lock_);
}

/* What has been translated leaves flags out. */
void cache_show_flags(void)
{
    if (translate_all_flags || !code_lacks_flags())
        return;
    take();
    translate_all_flags = true;
    flush_all();
    cache_nudge(); /* others may be in it */
    lock_release(&lock_);
}

void cache_misaligned(uintptr_t pc)
{
    take();
    if (!is_stale(thread_self))
        code_misaligned(pc);
    lock_release(&lock_);
}

/* A fault is slow, so where that happens often the code is to compare. */
void cache_astray(uintptr_t pc)
{
    enum { OFTEN = 32 };
    static uint8_t count[256];
    if (__atomic_add_fetch(&count[pc / 4 % ARRAY_SIZE(count)], 1, __ATOMIC_RELAXED) % OFTEN == 0)
        cache_misaligned(pc);
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
    take();
    inval_seq++;
    for (uint64_t p = start >> GUEST_PAGE_SHIFT; p << GUEST_PAGE_SHIFT < end; p++) {
        blocks_retire_page((uint32_t)p, cache_retire);
        looks_retire_page((uint32_t)p);
    }
    if (code_retired()) /* others may be in it, and in a loop there they would stay */
        cache_nudge();
    lock_release(&lock_);
}

/* ---- making blocks ---- */

/* What a block is made of, before there is one. */
struct draft {
    struct block_key key;
    gaddr end;
    uint64_t seq;                       /* inval_seq when it was decoded */
    unsigned n;
    struct insn insn[BLOCK_MAX + 1];
    uint8_t raw[DECODE_RAW(BLOCK_MAX)];
};

/* Translated code may rely on what is where the block leads: changes there must be told. */
static void mark_targets(const struct draft *d)
{
    const struct insn *last = &d->insn[d->n - 1];
    gaddr to[] = {last->next, last->o[0].kind == OPND_REL ? last->imm : last->next};
    for (unsigned i = 0; i < ARRAY_SIZE(to); i++)
        if ((mem_page_flags(to[i]) & (PAGE_MAPPED | PAGE_X | PAGE_W | PAGE_CODE)) == (PAGE_MAPPED | PAGE_X))
            mem_code_protect(to[i], 1);
}

/* Decodes at eip; the bytes are stable from then on: a later store would invalidate. False: the code
 * cannot be fetched. Without the lock. */
static bool draft_make(struct draft *d, gaddr eip, unsigned mode)
{
    unsigned max = opt.block_max && opt.block_max < BLOCK_MAX ? opt.block_max : BLOCK_MAX;
    uint64_t start = profile_clock();
    d->key = (struct block_key){eip, mode};
    do {
        d->seq = __atomic_load_n(&inval_seq, __ATOMIC_ACQUIRE);
        d->n = decode_block(eip, mode, max, d->insn, &d->end, d->raw);
    } while (d->insn[0].op != OP_FETCH_FAULT && mem_code_protect(eip, d->end - eip));
    bool ok = d->insn[0].op != OP_FETCH_FAULT;
    if (ok && translate_looks_ahead())
        mark_targets(d);
    if (unlikely(opt.abi_report) && ok)
        report_code(d->insn, d->n, mode);
    profile.decode_ns += profile_clock() - start;
    return ok;
}

static uint16_t count_insns(const struct draft *d)
{
    bool check = d->insn[0].op == OP_CHECK_CODE || d->insn[0].op == OP_BREAKPOINT;
    return (uint16_t)(d->n - check - (d->insn[d->n - 1].op == OP_END_BLOCK));
}

/* With the lock held: the block of this draft. NULL if code changed meanwhile or there is no room. */
static struct block *block_new(const struct draft *d)
{
    struct block *b = d->seq == inval_seq ? blocks_alloc(d->n * sizeof d->insn[0] + sizeof(struct insn_links) +
                                                          (d->end - d->key.eip)) : NULL;
    if (!b)
        return NULL;
    uint16_t granules = b->granules;
    memset(b, 0, sizeof *b);
    b->key = d->key;
    b->end = d->end;
    b->n = (uint16_t)d->n;
    b->granules = granules;
    b->valid = true;
    memcpy(b->insn, d->insn, d->n * sizeof d->insn[0]);
    for (unsigned i = 0; i < d->n; i++)
        interp_bind(&b->insn[i]);
    b->first_fn = b->insn[0].fn;
    if (code_enabled() && translate_mode_ok(b->key.mode) && b->insn[0].op != OP_CHECK_CODE)
        b->insn[0].fn = cache_count_entry;
    struct insn_links *l = block_links(b);
    *l = (struct insn_links){.owner = b, .n = count_insns(d)};
    memcpy(l + 1, d->raw, d->end - d->key.eip);
    if (!blocks_add(b)) {
        blocks_free(b);
        return NULL;
    }
    hints_tell(HINT_BLOCK, b->key.eip, 0, b->key.mode);
    new_blocks++;
    blocks_made++;
    profile.blocks++;
    profile.decoded += b->n;
    if (dump_wanted(DUMP_BLOCKS, b->key.eip))
        dump_block(b);
    return b;
}

/* For threads that are about to enter one that has just gone. */
static const struct insn *light_entry(struct cpu *cpu, const struct insn *in)
{
    cpu->eip = in->eip;
    cpu->exit = EXIT_BRANCH;
    cpu->exit_links = NULL;
    cpu->host.exit_code = NULL;
    return NULL;
}

struct block *cache_light_block(gaddr eip, gaddr end, unsigned mode, const uint8_t *raw)
{
    struct block *b = blocks_alloc(LIGHT_INSN + (end - eip));
    if (!b)
        return NULL;
    uint16_t granules = b->granules;
    memset(b, 0, sizeof *b);
    b->key = (struct block_key){eip, mode};
    b->end = end;
    b->n = 1;
    b->granules = granules;
    b->light = true;
    b->valid = true;
    b->first_fn = light_entry;
    b->insn[0].fn = light_entry;
    b->insn[0].eip = b->insn[0].next = eip;
    memcpy((uint8_t *)block_raw(b), raw, end - eip);
    if (!blocks_add(b)) {
        blocks_free(b);
        return NULL;
    }
    blocks_made++;
    return b;
}

/* The block there, made of the draft if there is none. */
static struct block *find_or_new(const struct draft *d)
{
    struct block *b = cache_find(d->key.eip, d->key.mode);
    return b ? b : block_new(d);
}

/* Links the edge taken, if it still leaves from somewhere: a direct one of a block or of translated
 * code, or an indirect jump. */
static void keep_way(const struct cpu *cpu, struct insn_links *l, struct code_exit *x, struct block *b)
{
    gaddr eip = b->key.eip;
    unsigned mode = b->key.mode;
    if (l && l->owner && l->owner->valid) { /* a stepped instruction's links have no owner */
        hints_tell(HINT_EDGE0 + cpu->exit_slot, l->owner->key.eip, eip, mode);
        edge_set(l->owner, cpu->exit_slot, b);
    }
    if (x && x->unit->valid) {
        hints_tell(HINT_EXIT, unit_block(x->unit)->key.eip, eip, mode);
        code_link(x, b);
    }
    if (!l && !x) {
        if (b->indirect < INDIRECT_OFTEN)
            hints_tell(HINT_INDIRECT, eip, 0, mode);
        code_indirect(b);
    }
}

/* With the lock held and the block valid: links the edge taken, fills the jump cache. */
static void enter(struct thread *t, struct block *b)
{
    struct cpu *cpu = &t->cpu;
    struct insn_links *l = (struct insn_links *)(uintptr_t)cpu->exit_links;
    struct code_exit *x = cpu->host.exit_code;
    bool alone = dump_any(DUMP_EXEC) || opt.lockstep_code; /* every block passes here */
    if (!alone && !is_stale(t))
        keep_way(cpu, l, x, b);
    if (b->light) /* the interpreter seldom goes there */
        return;
    struct jump_cache_entry *e = &cpu->jump_cache[jump_cache_index(cpu->eip)];
    rt(t)->jumps = true;
    e->eip = cpu->eip;
    e->mode = cpu->mode;
    __atomic_store_n(&e->first, alone ? NULL : b->insn, __ATOMIC_RELAXED);
}

/* With the lock held: the thread holds no pointer to anything that was retired until now. */
static void pass(struct thread *t)
{
    struct cpu *cpu = &t->cpu;
    cpu->exit_links = NULL;
    cpu->host.exit_code = NULL;
    if (rt(t)->ret_epoch != cache_epoch) { /* it may lead into code that is gone */
        translate_reset_stack(cpu);
        rt(t)->ret_epoch = cache_epoch;
    }
    rt(t)->epoch = cache_epoch;
    if (retired || code_retired() || unlikely(abandoned))
        reclaim();
}

void cache_bind_step(struct step_block *s)
{
    s->links[0] = (struct insn_links){.n = 1};
    s->insn[1] = (struct insn){.op = OP_END_BLOCK, .flags = INSN_END, .eip = s->insn[0].next,
                               .next = s->insn[0].next, .base = REG_ZERO, .index = REG_ZERO};
    if (s->insn[0].flags & INSN_END) /* its links follow it directly */
        memcpy(&s->insn[1], s->links, sizeof s->links);
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

/* Decodes what has no block. Without the lock. */
static void decode_blocks(const gaddr *eip, unsigned n, unsigned mode)
{
    struct draft d;
    for (unsigned i = 0; i < n; i++) {
        if (!draft_make(&d, eip[i], mode))
            continue;
        take();
        find_or_new(&d);
        lock_release(&lock_);
    }
}

/* Blocks that the unit needs beside its members. Without the lock. */
static void decode_needed(const struct stored *s)
{
    struct stored_parts p = store_parts(s);
    for (unsigned i = 0; i < s->relocs; i++)
        if (p.reloc[i].ref == TR_INSN)
            decode_blocks(&(gaddr){(gaddr)p.reloc[i].value}, 1, s->mode);
    for (unsigned i = 0; i < s->copies; i++) {
        take();
        bool there = cache_find(p.copy[i], s->mode) || code_load_member(p.copy[i], s->mode);
        lock_release(&lock_);
        for (unsigned k = 0; k < s->members; k++)
            there |= p.member[k].eip == p.copy[i];
        if (!there)
            decode_blocks(&p.copy[i], 1, s->mode);
    }
}

/* With the lock held, which is given up meanwhile: the block, if the store has its code. */
static struct block *find_stored(gaddr eip, unsigned mode)
{
    const struct stored *s;
    struct block *b = store_enabled() ? code_load_member(eip, mode) : NULL;
    if (b)
        hints_tell(HINT_BLOCK, eip, 0, mode);
    if (b || breaks_any) /* which what is stored knows nothing of */
        return b;
    for (unsigned i = 0; store_enabled() && (s = store_find(eip, mode, &i));) {
        uint64_t seq = inval_seq;
        lock_release(&lock_);
        bool ok = store_matches(s);
        if (ok)
            decode_needed(s);
        take();
        b = cache_find(eip, mode);
        if (b || (ok && seq == inval_seq && code_load(s, eip) && (b = cache_find(eip, mode)))) {
            hints_tell(HINT_BLOCK, eip, 0, mode);
            return b;
        }
    }
    return NULL;
}

/* Without the lock. */
static void make_blocks(const gaddr *eip, unsigned n, unsigned mode)
{
    for (unsigned i = 0; i < n; i++) {
        take();
        bool there = cache_find(eip[i], mode) || find_stored(eip[i], mode);
        lock_release(&lock_);
        if (!there)
            decode_blocks(&eip[i], 1, mode);
    }
}

/* With the lock held, which is given up meanwhile; the thread is not offline. */
static void translate_hot(struct block *b)
{
    for (int round = 0; b->valid && !b->unit && !is_stale(thread_self); round++) {
        gaddr missing[MISSING_MAX];
        uint64_t start = profile_clock();
        unsigned n = code_translate(b, missing, round < 3 ? MISSING_MAX : 0);
        profile.translate_ns += profile_clock() - start;
        if (!n) {
            if (!b->unit && b->heat) /* never again */
                b->insn[0].fn = b->first_fn;
            break;
        }
        lock_release(&lock_);
        make_blocks(missing, n, b->key.mode);
        take();
    }
}

static __attribute__((noinline)) const struct insn *tell_entry(struct cpu *cpu, const struct insn *in,
                                                               uint32_t heat)
{
    struct block *b = block_of(in);
    hints_tell(HINT_ENTERED, b->key.eip, 0, b->key.mode);
    if (heat != opt.hot)
        return b->first_fn(cpu, in);
    cpu->thread->running = 0;
    take();
    translate_hot(b);
    lock_release(&lock_);
    perfmap_flush();
    cpu->thread->running = 1;
    return opt.lockstep_code ? b->first_fn(cpu, in) : in->fn(cpu, in);
}

const struct insn *cache_count_entry(struct cpu *cpu, const struct insn *in)
{
    struct block *b = block_of(in);
    uint32_t heat = __atomic_load_n(&b->heat, __ATOMIC_RELAXED) + 1; /* threads may lose counts */
    __atomic_store_n(&b->heat, heat, __ATOMIC_RELAXED);
    if (likely(heat != opt.hot && !hints_wanted))
        return b->first_fn(cpu, in);
    return tell_entry(cpu, in, heat);
}

const struct insn *cache_wake_entry(struct cpu *cpu, const struct insn *in)
{
    cpu->thread->running = 0;
    take();
    bool stale = is_stale(cpu->thread);
    if (!stale)
        code_wake(block_of(in));
    lock_release(&lock_);
    cpu->thread->running = 1;
    return unlikely(stale) ? block_of(in)->first_fn(cpu, in) : in->fn(cpu, in);
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

/* Decodes what is not there. NULL: it cannot be fetched, or there is no room for it now. */
static struct block *decode_missing(const struct cpu *cpu)
{
    struct draft d;
    struct block *b = find_stored(cpu->eip, cpu->mode);
    while (!b) {
        uint64_t made = blocks_made;
        lock_release(&lock_);
        bool ok = draft_make(&d, cpu->eip, cpu->mode);
        take();
        if (!ok)
            return NULL;
        if (blocks_exhausted() || (opt.flush_every && new_blocks >= opt.flush_every))
            flush_all();
        else if (blocks_full(retired_bytes))
            make_room();
        b = made == blocks_made ? block_new(&d) : find_or_new(&d);
        if (d.seq == inval_seq)
            break;
    }
    return b;
}

const struct insn *cache_lookup(struct thread *t)
{
    take();
    if (unlikely(opt.stress_flush))
        disturb();
    struct block *b = cache_find(t->cpu.eip, t->cpu.mode);
    if (unlikely(!b))
        b = decode_missing(&t->cpu);
    if (likely(b))
        enter(t, b);
    pass(t);
    lock_release(&lock_);
    return b ? b->insn : cache_step(t);
}

/* ---- --profile ---- */

struct code_profile profile;

uint64_t profile_clock(void)
{
    return unlikely(opt.profile) ? clock_ns(CLOCK_MONOTONIC) : 0;
}

void cache_print_profile(void)
{
    const struct code_profile *p = &profile;
    log_report("decoded %" PRIu64 " instructions in %" PRIu64 " blocks, %.1f ms; retired %" PRIu64
             " blocks", p->decoded, p->blocks, (double)p->decode_ns / 1e6, p->retired);
    if (p->loaded)
        log_report("took %" PRIu64 " instructions in %" PRIu64 " units from the store", p->loaded_insns,
                 p->loaded);
    log_report("translated %" PRIu64 " instructions in %" PRIu64 " units, %.1f ms; %" PRIu64
             " guest bytes -> %" PRIu64 " host bytes + %" PRIu64 " in stubs + %" PRIu64
             " of tables; %" PRIu64 " interpreted one by one", p->translated, p->units,
             (double)p->translate_ns / 1e6, p->guest_bytes, p->host_bytes, p->stub_bytes,
             p->side_bytes, p->fallbacks);
}

/* ---- the store ---- */

void cache_store(const struct process *p)
{
    if (!store_enabled() || !code_enabled() || !store_wants(profile.decoded) || !store_begin())
        return;
    if (store_has_file() && __atomic_load_n(&p->nthreads, __ATOMIC_ACQUIRE) == 1) {
        take();
        code_translate_rest();
        lock_release(&lock_);
    }
    store_write();
}

/* ---- threads ---- */

void cache_thread_add(struct thread *t)
{
    struct rt_thread *r = rt(t);
    t->cpu.jump_cache = r->jump_cache;
    code_thread_add(t);
    r->epoch = UINT64_MAX;
    take();
    r->next = threads;
    threads = r;
    lock_release(&lock_);
}

void cache_thread_remove(struct thread *t)
{
    take();
    struct rt_thread **q = &threads;
    while (*q && *q != rt(t))
        q = &(*q)->next;
    if (*q)
        *q = rt(t)->next;
    lock_release(&lock_);
    if (t == thread_self)
        lock_release(&rt(t)->alive);
    code_thread_remove(t);
}

void cache_offline(struct thread *t)
{
    __atomic_store_n(&rt(t)->epoch, UINT64_MAX, __ATOMIC_RELEASE); /* behind all reads of blocks */
}

/* Is this where the edge leads? A hint may be of other code. */
static bool leads_to(const struct block *b, unsigned slot, gaddr eip)
{
    const struct insn *in = &b->insn[b->n - 1];
    if (slot == 1)
        return (in->op == OP_JCC || in->op == OP_JCXZ || in->op == OP_LOOP || in->op == OP_LOOPE ||
                in->op == OP_LOOPNE) && in->imm == eip;
    switch (in->op) {
    case OP_JMP: case OP_CALL: return in->o[0].kind == OPND_REL && in->imm == eip;
    case OP_JCC: case OP_JCXZ: case OP_LOOP: case OP_LOOPE: case OP_LOOPNE: case OP_END_BLOCK:
        return in->next == eip;
    default: return false;
    }
}

/* The exits of from's code that lead to `to`. */
static void link_exits(const struct block *from, struct block *to)
{
    const struct unit *u = from->unit;
    for (unsigned i = 0; u && i < u->exits; i++)
        if (u->exit[i].target == to->key.eip && !u->exit[i].to)
            code_link(&u->exit[i], to);
}

static void follow_hint(const struct hint *h)
{
    struct block *b = cache_find(h->from, h->mode), *to = cache_find(h->to, h->mode);
    if (!b)
        return;
    switch ((enum hint_kind)h->kind) {
    case HINT_INDIRECT: code_indirect(b); break;
    case HINT_ENTERED:
        if (b->insn[0].fn == cache_count_entry) {
            b->heat = opt.hot;
            translate_hot(b);
        }
        break;
    case HINT_EDGE0: case HINT_EDGE1:
        if (to && !b->light && leads_to(b, h->kind - HINT_EDGE0, h->to))
            edge_set(b, h->kind - HINT_EDGE0, to);
        break;
    case HINT_EXIT:
        if (to)
            link_exits(b, to);
        break;
    case HINT_NONE: case HINT_BLOCK: break;
    }
}

enum { HINTS_AT_ONCE = 256 };

/* False: there are no more. */
static bool follow_hints(struct thread *t)
{
    struct hint h[HINTS_AT_ONCE];
    unsigned n;
    take();
    bool more = hints_take(h, HINTS_AT_ONCE, &n);
    lock_release(&lock_);
    for (unsigned i = 0; i < n; i++)
        if (h[i].kind == HINT_BLOCK)
            make_blocks(&h[i].from, 1, h[i].mode);
    take();
    rt(t)->epoch = cache_epoch; /* blocks stay while the lock is given up */
    for (unsigned i = 0; i < n; i++)
        follow_hint(&h[i]);
    lock_release(&lock_);
    cache_offline(t);
    return more;
}

void cache_fork_learn(struct thread *t)
{
    enum { TIMES = 8 };
    take();
    hints_init();
    lock_release(&lock_);
    for (unsigned i = 0; i < TIMES && follow_hints(t); i++)
        ;
}

void cache_fork_prepare(void)
{
    take();
    trap_fork_prepare();
}

void cache_fork_done(bool child)
{
    trap_fork_done();
    if (child) { /* only the forking thread lives on */
        for (struct rt_thread *r = threads; r; r = r->next)
            if (r->t != thread_self)
                code_untrap(r->t);
        threads = rt(thread_self);
        threads->next = NULL;
    }
    hints_fork_done(child);
    lock_release(&lock_);
    if (child)
        perfmap_forked();
}

void cache_init(void)
{
    if (translate_orders_memory())
        mem_now_shared = now_shared;
    code_reserve();
    blocks_init();
    code_init();
    mem_set_code_hook(cache_invalidate);
}
