/* Units of translated code: made, put in place, led into each other, retired. All changes are made
 * under the lock of cache.c. Retired units keep their memory until every thread has passed through
 * the dispatcher, like retired blocks. */
#include "runtime/code.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "decode/decode.h"
#include "interp/interp.h"
#include "interp/priv.h"
#include "runtime/block.h"
#include "runtime/codemem.h"
#include "runtime/dump.h"
#include "runtime/perfmap.h"
#include "runtime/region.h"
#include "runtime/store.h"
#include "runtime/unit.h"
#include "translate/translate.h"

enum { RET_STACK = 256 << 10, ALT_STACK = 64 << 10, GUARD = 64 << 10 }; /* whole pages of any host */

static bool enabled;
/* Targets of indirect jumps, without and with plain gs: see translate.h. */
static uint8_t *tables; /* one mapping: */
static void *table[2];
static uint8_t *target_lines[2];
#define LINES_SIZE ((UINT64_C(1) << 32) / TRANSLATE_LINE)
static struct unit *retired_units, **retired_end = &retired_units; /* oldest first */
static struct range translated; /* --translate-range */
/* What is being made a unit of: `tr`, the members of `region`, and this. */
static LARGE_BSS struct translation tr;
static LARGE_BSS uint8_t scratch[TRANSLATE_BYTES_MAX];
static const uint8_t *side;
static size_t side_bytes;
static const struct stored *stored; /* the record with that; NULL: there is none, `side` is not to stay */
static uint32_t entry[REGION_BLOCKS];

static void *map_lazy(uintptr_t hint, size_t size)
{
    void *p = mmap((void *)hint, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    madvise(p, size, MADV_NOHUGEPAGE); /* sparse: a huge page would be cleared for every entry */
    return p;
}

bool code_enabled(void)
{
    return enabled;
}

/* ---- units ---- */

static int which_table(unsigned mode)
{
    return mode & MODE_GS_PLAIN ? 1 : 0;
}

static size_t table_size(void)
{
    return translate_narrow ? sizeof(uint64_t) * translate_narrow_slots() : sizeof(int32_t) << 32;
}

static size_t tables_size(void)
{
    return 2 * (table_size() + LINES_SIZE);
}

/* A store that changes nothing would copy the page in a process that was forked. */
#define STORE_NEW(at, v) ((void)(*(at) == (v) || (__atomic_store_n(at, v, __ATOMIC_RELEASE), 0)))

static uint64_t *narrow_slot(gaddr eip, int w)
{
    return table[w] ? (uint64_t *)table[w] + eip % translate_narrow_slots() : NULL;
}

static uint32_t *wide_entry(gaddr eip, int w)
{
    return (uint32_t *)table[w] + eip;
}

static void table_set(const struct block *b)
{
    int w = which_table(b->key.mode);
    gaddr eip = b->key.eip;
    uint32_t off = (uint32_t)(b->code - translate_table_base());
    uint8_t *line = &target_lines[w][eip / TRANSLATE_LINE];
    if (translate_narrow) {
        uint64_t *slot = narrow_slot(eip, w);
        if (slot)
            STORE_NEW(slot, (uint64_t)-eip << 32 | off);
    } else if (!*line) { /* reading first would be another fault where no page is */
        *line = 1;
        __atomic_store_n(wide_entry(eip, w), off, __ATOMIC_RELEASE);
    } else {
        STORE_NEW(wide_entry(eip, w), off);
    }
}

static void table_forget(gaddr eip, int w)
{
    if (translate_narrow) {
        uint64_t *slot = narrow_slot(eip, w);
        if (slot && *slot >> 32 == (uint32_t)-eip)
            __atomic_store_n(slot, 0, __ATOMIC_RELEASE);
    } else if (target_lines[w][eip / TRANSLATE_LINE]) {
        STORE_NEW(wide_entry(eip, w), 0);
    }
}

/* The end of the one-instruction block around a fallback: back to translated code. */
static const struct insn *fallback_end(struct cpu *cpu, const struct insn *in)
{
    (void)cpu;
    return in;
}

bool code_counts(void)
{
    return opt.count || opt.lockstep_code;
}

/* The unit to which the instruction belongs. */
static_assert(offsetof(struct insn, imm) == offsetof(struct insn, disp) + 4, "room for a pointer");
static void set_owner(struct insn *end, const struct unit *u) { memcpy(&end->disp, &u, sizeof u); }

static const struct unit *owner(const struct insn *end)
{
    const struct unit *u;
    memcpy(&u, &end->disp, sizeof u);
    return u;
}

bool code_lacks_flags(void)
{
    return enabled && translate_lacks_flags(0);
}

void code_interrupted(struct cpu *cpu)
{
    const struct insn *in = cpu->cur, *last = in;
    if (!code_counts() && !code_lacks_flags())
        return;
    while (!(last->flags & INSN_END))
        last++;
    bool in_code = last->fn == fallback_end;
    if (in_code && code_lacks_flags())
        unit_flags(owner(last), in->eip, cpu);
    if (in_code) /* had been counted before it began */
        cpu->insn_count -= code_counts();
    else if (code_counts())
        cpu->insn_count += translate_counts(last) - (unsigned)(last - in) - (last->op != OP_END_BLOCK);
}

static struct insn *make_fallbacks(const struct unit *u)
{
    if (!tr.fallbacks)
        return NULL;
    struct insn *f = aligned_alloc(64, 2 * tr.fallbacks * sizeof *f);
    if (!f)
        return NULL;
    for (unsigned i = 0; i < tr.fallbacks; i++) {
        f[2 * i] = *tr.fallback[i];
        for (unsigned m = 0; m < region.members; m++) /* an entry's function may be replaced */
            if (region.member[m] && tr.fallback[i] == region.member[m]->insn)
                f[2 * i].fn = region.member[m]->first_fn;
        memset(&f[2 * i + 1], 0, sizeof *f);
        f[2 * i + 1].fn = fallback_end;
        f[2 * i + 1].op = OP_END_BLOCK;
        f[2 * i + 1].flags = INSN_END;
        f[2 * i + 1].eip = f[2 * i + 1].next = f[2 * i].next;
        set_owner(&f[2 * i + 1], u);
    }
    return f;
}

static uint64_t host_address(const struct unit *u, const struct tr_reloc *r)
{
    switch ((enum tr_ref)r->ref) {
    case TR_FALLBACK: return (uintptr_t)&u->fallback[2 * r->value];
    case TR_INSN: return (uintptr_t)tr.insn[r->value].in;
    case TR_CODE: return (uintptr_t)u->code + r->value;
    case TR_IMAGE: break;
    }
    return r->value;
}

static void put_code(struct unit *u)
{
    memcpy(u->code, tr.code, tr.size);
    for (unsigned i = 0; i < tr.relocs; i++)
        translate_reloc(u->code + tr.reloc[i].at, tr.reloc[i].kind, host_address(u, &tr.reloc[i]));
    for (unsigned i = 0; i < tr.exits; i++) {
        const struct tr_exit *x = &tr.exit[i];
        struct code_exit *y = &u->exit[i];
        *y = (struct code_exit){.target = x->target, .field = (uint16_t)x->patch,
                                .stub = (uint16_t)x->stub, .unit = u};
        if (x->stub_id)
            memcpy(u->code + x->stub_id, &y, 8);
    }
    for (unsigned i = 0; i < tr.copies; i++) {
        struct code_exit *y = &u->exit[tr.exits + i];
        struct block *b = cache_find(tr.copied[i], tr.mode);
        *y = (struct code_exit){.target = tr.copied[i], .unit = u, .to = b, .next_in = b->code_in};
        b->code_in = y;
    }
    translate_flush_icache(u->code, u->code + u->size);
    if (unlikely(lock_company))
        translate_sync_cores();
}

static struct unit *unit_new(void)
{
    struct unit *u = xcalloc(1, sizeof *u + region.members * sizeof u->member[0]);
    u->size = tr.size;
    u->cold = tr.cold;
    u->exits = tr.exits + tr.copies;
    u->members = (uint16_t)region.members;
    memcpy(u->member, region.member, region.members * sizeof u->member[0]);
    u->side = stored ? side : memcpy(xmalloc(side_bytes), side, side_bytes);
    u->stored = stored;
    u->exit = xcalloc(u->exits + 1, sizeof u->exit[0]);
    u->fallback = make_fallbacks(u);
    if ((tr.fallbacks && !u->fallback) || !codemem_alloc(u))
        u->code = NULL;
    return u;
}

static void unit_free(struct unit *u)
{
    if (u->code) {
        perfmap_remove(u);
        codemem_free(u);
    }
    free(u->fallback);
    free(u->exit);
    free(u->look);
    if (!u->stored)
        free((void *)u->side);
    free(u);
}

static void attach(struct unit *u, struct block *b, uint32_t at)
{
    b->unit = u;
    b->code = u->code + at;
}

/* Where the exit leads: to code, or to its stub. */
static void lead(const struct code_exit *x, const uint8_t *code)
{
    if (x->stub != COPY)
        trap_patch(x->unit, x->unit->code + x->field, code);
}

static void unlead(const struct code_exit *x)
{
    lead(x, x->unit->code + x->stub);
}

/* Nothing leads to the block's code directly any more. */
static void close_ways(struct block *b)
{
    for (struct code_exit *x = b->code_in; x; x = x->next_in)
        unlead(x);
    table_forget(b->key.eip, which_table(b->key.mode));
}

static void open_ways(struct block *b)
{
    __atomic_store_n(&b->insn[0].fn, translate_enter, __ATOMIC_RELEASE);
    for (struct code_exit *x = b->code_in; x; x = x->next_in)
        lead(x, b->code);
    if (b->indirect == INDIRECT_OFTEN)
        table_set(b);
}

static void detach(struct block *b, uint32_t heat)
{
    close_ways(b);
    b->unit = NULL;
    b->heat = heat;
    b->insn[0].fn = b->light ? b->first_fn : cache_count_entry;
}

void unit_sleep(struct unit *u)
{
    u->asleep = true;
    for (unsigned i = 0; i < u->members; i++) {
        if (!u->member[i])
            continue;
        close_ways(u->member[i]);
        u->member[i]->insn[0].fn = cache_wake_entry;
    }
}

bool code_wake(struct block *b)
{
    struct unit *u = b->unit;
    if (!u || !u->asleep)
        return u;
    for (unsigned i = 0; i < u->members; i++)
        if (u->member[i])
            open_ways(u->member[i]);
    u->asleep = false;
    return true;
}

void code_indirect(struct block *b)
{
    if (b->indirect < INDIRECT_OFTEN)
        b->indirect++;
    if (code_wake(b) && b->indirect == INDIRECT_OFTEN)
        table_set(b);
}

void code_link(struct code_exit *x, struct block *b)
{
    if (!x->unit->valid || (x->to && x->to != b) || x->target != b->key.eip)
        return;
    if (!x->to) {
        x->next_in = b->code_in;
        b->code_in = x;
        __atomic_store_n(&x->to, b, __ATOMIC_RELEASE);
    }
    if (code_wake(b))
        lead(x, b->code);
}

static void unlink_exit(struct code_exit *x)
{
    if (!x->to)
        return;
    struct code_exit **q = &x->to->code_in;
    while (*q != x)
        q = &(*q)->next_in;
    *q = x->next_in;
    __atomic_store_n(&x->to, NULL, __ATOMIC_RELAXED);
    unlead(x);
}

void unit_retire(struct unit *u, bool in_use)
{
    codemem_retired(u);
    if (u->stored)
        store_set_unit(u->stored, NULL);
    for (unsigned i = 0; i < u->members; i++)
        if (u->member[i])
            detach(u->member[i], in_use ? opt.hot - 1 : 0);
    for (unsigned i = 0; i < u->exits; i++)
        unlink_exit(&u->exit[i]);
    looks_detach(u);
    u->valid = false;
    u->retired_epoch = ++cache_epoch;
    *retired_end = u;
    retired_end = &u->retired_next;
    for (unsigned i = 0; i < u->members; i++)
        if (u->member[i] && u->member[i]->light && u->member[i]->valid)
            cache_retire(u->member[i]);
}

void code_retire(struct block *b)
{
    if (b->unit)
        unit_retire(b->unit, false);
    while (b->code_in) {
        struct code_exit *x = b->code_in;
        if (x->stub != COPY)
            unlink_exit(x);
        else
            unit_retire(x->unit, false);
    }
}

bool code_retired(void)
{
    return retired_units;
}

void code_reclaim(uint64_t oldest)
{
    while (retired_units && retired_units->retired_epoch <= oldest) {
        struct unit *u = retired_units;
        retired_units = u->retired_next;
        unit_free(u);
    }
    if (!retired_units)
        retired_end = &retired_units;
}

/* What the units themselves hold is lost. */
void code_abandon(void)
{
    retired_units = NULL;
    retired_end = &retired_units;
    if (!enabled)
        return;
    madvise(tables, tables_size(), MADV_DONTNEED);
    codemem_abandon();
    looks_abandon();
    store_abandon();
}

void code_free_abandoned(void)
{
    if (enabled)
        codemem_free_abandoned();
}

/* Puts what has been made in place; NULL: there is no room now. */
static struct unit *place(void)
{
    struct unit *u = unit_new();
    if (!u->code) {
        unit_free(u);
        return NULL;
    }
    put_code(u);
    looks_attach(u, &tr);
    u->valid = true;
    for (unsigned i = 0; i < u->members; i++)
        if (u->member[i])
            attach(u, u->member[i], entry[i]);
    for (unsigned i = 0; i < u->members; i++)
        if (u->member[i])
            open_ways(u->member[i]);
    return u;
}

/* The guest can write to the pages of [from, end): then what follows a store there may come to read flags. */
static bool may_change(gaddr from, gaddr end)
{
    for (gaddr p = from; p - from < end - from; p = (p | GUEST_PAGE_MASK) + 1)
        if (mem_page_flags(p) & (PAGE_W | PAGE_FOREIGN))
            return true;
    return false;
}

static bool may_change_itself(void)
{
    bool may = false;
    for (unsigned i = 0; i < region.members; i++)
        may |= may_change(region.member[i]->key.eip, region.member[i]->end);
    return may;
}

/* Of the region around b. */
static bool make(const struct block *b, bool quick)
{
    tr.quick = quick;
    tr.insn = region.insn;
    tr.n = region.n;
    tr.mode = (uint8_t)b->key.mode;
    tr.unmasked = translate_unmasked;
    tr.inexact = thread_self->cpu.mxcsr >> 5 & 1;
    tr.all_flags = translate_all_flags || may_change_itself();
    tr.count = code_counts();
    tr.ordered = mem_is_shared;
    tr.code = scratch;
    if (!region.n || !translate_region(&tr))
        return false;
    looks_tidy(&tr);
    side = side_encode(&tr, &side_bytes);
    for (unsigned i = 0; i < region.members; i++)
        entry[i] = tr.entry[translate_find(&tr, region.member[i]->key.eip)];
    stored = store_enabled() ? store_add(&tr, side, side_bytes) : NULL;
    if (stored)
        side = store_parts(stored).side;
    return true;
}

static void translate(struct block *b)
{
    if (!make(b, false))
        return;
    struct unit *u = place();
    if (!u) {
        b->heat = 0; /* once more, later */
        return;
    }
    profile.units++;
    profile.translated += tr.n;
    profile.host_bytes += tr.cold;
    profile.stub_bytes += tr.size - tr.cold;
    profile.fallbacks += tr.fallbacks;
    profile.side_bytes += side_bytes;
    for (unsigned i = 0; i < tr.n; i++)
        profile.guest_bytes += tr.insn[i].in->len;
    if (dump_wanted(DUMP_CODE, b->key.eip))
        dump_unit(u, &tr);
    perfmap_add(u, &tr);
}

unsigned code_translate(struct block *b, gaddr *missing, unsigned max)
{
    static uint32_t made;
    if (b->key.eip < translated.low || b->key.eip > translated.high)
        return 0;
    unsigned n = region_choose(b, missing, max);
    if (n)
        return n;
    if (!opt.units_max || ++made <= opt.units_max)
        translate(b);
    return 0;
}

/* ---- the store ---- */

/* The instruction of a member's bytes, at `eip`. */
static void decode_stored(const struct stored *s, gaddr eip, struct insn *to)
{
    struct stored_parts p = store_parts(s);
    const uint8_t *raw = p.raw;
    for (unsigned i = 0; i < s->members; i++) {
        uint32_t n = p.member[i].end - p.member[i].eip;
        if (eip - p.member[i].eip < n) {
            decode_bytes(raw + (eip - p.member[i].eip), n - (eip - p.member[i].eip), eip, s->mode, to);
            interp_bind(to);
            return;
        }
        raw += n;
    }
}

static bool is_copied(const struct stored *s, const struct stored_parts *p, gaddr eip)
{
    for (unsigned i = 0; i < s->copies; i++)
        if (p->copy[i] == eip)
            return true;
    return false;
}

/* The record's members become region.member[]. Those without a block get none (most are never entered
 * from elsewhere), but `wanted` and what a copy is made of a light one. */
static bool load_members(const struct stored *s, const struct stored_parts *p, gaddr wanted)
{
    const uint8_t *raw = p->raw;
    bool found = false;
    region.members = 0;
    for (unsigned i = 0; i < s->members; i++) {
        gaddr eip = p->member[i].eip, end = p->member[i].end;
        bool needed = eip == wanted || is_copied(s, p, eip);
        struct block *b = needed || blocks_decoded(eip) ? cache_find(eip, s->mode) : NULL;
        found |= eip == wanted;
        if (b && b->end != end)
            return false;
        if (!b && needed)
            b = cache_light_block(eip, end, s->mode, raw);
        if (!b && eip == wanted)
            return false;
        raw += end - eip;
        entry[region.members] = p->member[i].entry;
        region.member[region.members++] = b && !b->unit ? b : NULL;
    }
    return found;
}

struct block *code_load_member(gaddr eip, unsigned mode)
{
    struct unit *u = store_unit(eip, mode);
    if (!u)
        return NULL;
    struct stored_parts p = store_parts(u->stored);
    const uint8_t *raw = p.raw;
    unsigned i = 0;
    for (; i < u->members && p.member[i].eip != eip; i++)
        raw += p.member[i].end - p.member[i].eip;
    bool absent = i < u->members && !u->member[i];
    struct block *b = absent ? cache_light_block(eip, p.member[i].end, mode, raw) : NULL;
    if (!b)
        return NULL;
    attach(u, b, p.member[i].entry);
    __atomic_store_n(&u->member[i], b, __ATOMIC_RELEASE);
    if (u->asleep)
        b->insn[0].fn = cache_wake_entry;
    else
        open_ways(b);
    return b;
}

static bool load_relocs(const struct stored *s, const struct stored_parts *p)
{
    static LARGE_BSS struct tr_insn kept[TRANSLATE_INSN_MAX];
    unsigned n = 0;
    tr.insn = kept;
    tr.relocs = s->relocs;
    for (unsigned i = 0; i < s->relocs; i++) {
        const struct stored_reloc *r = &p->reloc[i];
        tr.reloc[i] = (struct tr_reloc){r->at, r->kind, r->ref, r->value};
        if (r->ref == TR_IMAGE) {
            tr.reloc[i].value += (uintptr_t)translate_table_base();
        } else if (r->ref == TR_INSN) {
            const struct block *b = cache_find((gaddr)r->value, s->mode);
            if (!b || b->light)
                return false;
            tr.copied[tr.copies++] = (gaddr)r->value; /* the unit goes with it */
            tr.reloc[i].value = n;
            kept[n++].in = b->insn;
        }
    }
    return true;
}

static struct unit *load(const struct stored *s, gaddr wanted)
{
    static LARGE_BSS struct insn fallback[TRANSLATE_INSN_MAX];
    struct stored_parts p = store_parts(s);
    tr.copies = s->copies;
    memcpy(tr.copied, p.copy, s->copies * sizeof(gaddr));
    if (!load_relocs(s, &p) || !load_members(s, &p, wanted))
        return NULL;
    for (unsigned i = 0; i < s->copies; i++)
        if (!cache_find(p.copy[i], s->mode))
            return NULL;
    tr.n = 0;
    tr.mode = s->mode;
    tr.code = (uint8_t *)p.code;
    tr.size = s->code_bytes;
    tr.cold = s->cold;
    tr.exits = s->exits;
    for (unsigned i = 0; i < s->exits; i++)
        tr.exit[i] = (struct tr_exit){p.exit[i].target, p.exit[i].patch, p.exit[i].stub, p.exit[i].stub_id};
    tr.fallbacks = s->fallbacks;
    for (unsigned i = 0; i < s->fallbacks; i++) {
        decode_stored(s, p.fallback[i], &fallback[i]);
        tr.fallback[i] = &fallback[i];
    }
    tr.looks = s->looks;
    memcpy(tr.looked, p.looked, s->looks * sizeof tr.looked[0]);
    side = p.side;
    stored = s;
    side_bytes = s->side_bytes;
    return place();
}

/* It was made where the guest could not write, which it can here: to its own code, or to other that
 * it relies on. */
static bool lacks_flags(const struct stored *s)
{
    struct stored_parts p = store_parts(s);
    bool may = false;
    for (unsigned i = 0; i < s->members && code_lacks_flags() && !translate_all_flags; i++)
        may |= may_change(p.member[i].eip, p.member[i].end);
    for (unsigned i = 0; i < s->looks; i++)
        may |= may_change(p.looked[i].from, p.looked[i].end);
    return may;
}

bool code_load(const struct stored *s, gaddr eip)
{
    if (s->order != translate_order(mem_is_shared) || lacks_flags(s))
        return false;
    region.members = 0;
    struct unit *u = load(s, eip);
    if (u) {
        profile.loaded++;
        profile.loaded_insns += s->n;
        store_set_unit(s, u);
        for (unsigned i = 0; i < u->exits; i++) {
            struct block *b = u->exit[i].stub != COPY ? cache_find(u->exit[i].target, s->mode) : NULL;
            if (b && b->unit)
                code_link(&u->exit[i], b);
        }
        return true;
    }
    for (unsigned i = 0; i < region.members; i++)
        if (region.member[i] && region.member[i]->light)
            cache_retire(region.member[i]);
    return false;
}

static struct unit nobody; /* marks what has been made for the store only */

/* Blocks without code, and how many instructions they have. */
static struct {
    struct block **block;
    size_t n;
    uint64_t instructions;
    uint64_t until; /* of this thread's processor time, ns; 0: it has passed */
    unsigned made;  /* instructions, since the clock was looked at */
} rest;

static bool rest_takes_long(void)
{
    enum { BETWEEN = 64 }; /* the clock is a system call */
    if (rest.made > BETWEEN) {
        rest.made = 0;
        if (clock_ns(CLOCK_THREAD_CPUTIME_ID) > rest.until)
            rest.until = 0;
    }
    return !rest.until;
}

static void add_rest(struct block *b)
{
    enum { STEP = 4096 };
    if (b->unit || b->light || !translate_mode_ok(b->key.mode))
        return;
    if (rest.n % STEP == 0)
        rest.block = xrealloc(rest.block, (rest.n + STEP) * sizeof rest.block[0]);
    rest.block[rest.n++] = b;
    rest.instructions += b->n;
}

static void make_rest(struct block *b)
{
    if (b->unit || !store_lasts(b->key.eip))
        return;
    region_choose_cold(b);
    rest.made += region.n;
    if (!make(b, true))
        return;
    for (unsigned i = 0; i < region.members; i++)
        region.member[i]->unit = &nobody;
}

/* What was entered most comes first, else in the order in which it was decoded. */
void code_translate_rest(void)
{
    enum { SHARE = 2 };
    static const uint32_t heat[] = {4, 2, 1, 0};
    uint64_t share = clock_ns(CLOCK_PROCESS_CPUTIME_ID) / SHARE;
    rest.n = rest.instructions = rest.made = 0; /* an execve may have failed before */
    blocks_each(add_rest);
    rest.until = clock_ns(CLOCK_THREAD_CPUTIME_ID) + share;
    for (unsigned k = 0; store_wants(rest.instructions) && k < ARRAY_SIZE(heat); k++)
        for (size_t i = 0; i < rest.n && !rest_takes_long(); i++)
            if (rest.block[i]->heat >= heat[k])
                make_rest(rest.block[i]);
    for (size_t i = 0; i < rest.n; i++)
        if (rest.block[i]->unit == &nobody)
            rest.block[i]->unit = NULL;
}

static void disturb(struct unit *u)
{
    static uint32_t random = 1;
    random = random * 1664525 + 1013904223;
    if (random >> 30 == 0)
        unit_retire(u, random >> 29 & 1);
    else if (random >> 30 == 1)
        unit_sleep(u);
}

void code_disturb(void)
{
    if (enabled)
        codemem_each(disturb);
}

/* ---- called by translated code ---- */

const struct insn *translate_exit_direct(struct cpu *cpu, void *exit)
{
    struct code_exit *x = exit;
    const struct block *to = __atomic_load_n(&x->to, __ATOMIC_ACQUIRE);
    cpu->eip = x->target;
    if (likely(to && !cpu->pending && !x->unit->relink))
        return to->insn;
    cpu->exit = EXIT_BRANCH;
    cpu->exit_links = NULL;
    cpu->host.exit_code = x;
    return NULL;
}

/* Exits are in the order of their stubs; the blocks that were copied, which have none, come last. */
const struct insn *translate_exit_stub(struct cpu *cpu, const uint8_t *in_stub)
{
    const struct unit *u = codemem_find((uintptr_t)in_stub - 1);
    unsigned lo = 0, hi = u->exits;
    while (hi - lo > 1) {
        unsigned mid = (lo + hi) / 2;
        if (u->exit[mid].stub != COPY && u->code + u->exit[mid].stub < in_stub)
            lo = mid;
        else
            hi = mid;
    }
    return translate_exit_direct(cpu, &u->exit[lo]);
}

const struct insn *translate_exit_indirect(struct cpu *cpu, gaddr eip)
{
    const struct jump_cache_entry *e = &cpu->jump_cache[jump_cache_index(eip)];
    cpu->eip = eip;
    if (rt(cpu->thread)->jumps) { /* else not even a page for the cache */
        const struct insn *n = __atomic_load_n(&e->first, __ATOMIC_RELAXED);
        if (e->eip == eip && e->mode == cpu->mode && n && !cpu->pending && n->fn != translate_enter)
            return n;
    }
    cpu->exit = EXIT_BRANCH; /* one with code: the dispatcher puts it into the table */
    cpu->exit_links = NULL;
    cpu->host.exit_code = NULL;
    return NULL;
}

/* ---- for signal handlers ---- */

bool code_contains(uintptr_t pc)
{
    return codemem_contains(pc);
}

/* In bytes of which nobody has decoded more. */
static const struct insn *decode_within(const uint8_t *raw, struct tr_range r, gaddr eip,
                                        unsigned mode)
{
    static __thread struct insn found[2] = {[1] = {.flags = INSN_END}}; /* whoever goes on stops there */
    bool ok = decode_bytes(raw + (eip - r.from), r.end - eip, eip, mode, found) == DECODE_OK;
    return ok ? found : NULL;
}

/* Where no block is, the record tells. */
static const struct insn *absent_insn(const struct unit *u, gaddr eip)
{
    struct stored_parts p = store_parts(u->stored);
    const uint8_t *raw = p.raw;
    const struct insn *in = NULL;
    for (unsigned i = 0; i < u->members && !in; i++) {
        struct tr_range r = {p.member[i].eip, p.member[i].end};
        if (eip - r.from < r.end - r.from)
            in = decode_within(raw, r, eip, u->stored->mode);
        raw += r.end - r.from;
    }
    return in;
}

const struct insn *unit_insn(const struct unit *u, gaddr eip)
{
    bool absent = false;
    for (unsigned i = 0; i < u->members; i++) {
        const struct block *b = __atomic_load_n(&u->member[i], __ATOMIC_ACQUIRE);
        absent |= !b;
        if (!b || eip - b->key.eip >= b->end - b->key.eip)
            continue;
        const struct insn *in = NULL;
        if (b->light)
            in = decode_within(block_raw(b), (struct tr_range){b->key.eip, b->end}, eip, b->key.mode);
        for (unsigned k = 0; !b->light && !in && k < b->n; k++)
            in = b->insn[k].eip == eip ? &b->insn[k] : NULL;
        if (in)
            return in;
    }
    return absent ? absent_insn(u, eip) : NULL;
}

struct code_place code_insn(uintptr_t pc)
{
    struct code_place none = {0};
    struct side s;
    gaddr eip = 0;
    const struct unit *u = codemem_find(pc);
    uint32_t at = u ? (uint32_t)(pc - (uintptr_t)u->code) : 0;
    if (!u || at >= u->cold)
        return none;
    bool boundary = side_find(u, at, &s, &eip);
    if (at < s.from)
        return none;
    return (struct code_place){unit_insn(u, s.eip), boundary, eip, s.adjust};
}

bool code_flags(uintptr_t pc, gaddr eip, struct cpu *cpu)
{
    const struct unit *u = codemem_find(pc);
    return u && unit_flags(u, eip, cpu);
}

/* What lies between this instruction's code and the next code belongs to it (a run of instructions). */
void code_misaligned(uintptr_t pc)
{
    struct unit *u = codemem_find(pc);
    struct side s;
    gaddr complete;
    if (!u || !u->valid)
        return; /* it has been translated anew, or will be */
    side_find(u, (uint32_t)(pc - (uintptr_t)u->code), &s, &complete);
    do {
        struct insn *in = (struct insn *)(uintptr_t)unit_insn(u, s.eip);
        if (in)
            __atomic_fetch_or(&in->flags, INSN_MISALIGNED, __ATOMIC_RELAXED);
    } while (side_next(u, &s) && s.from == s.to);
    if (u->stored)
        store_refuse(u->stored);
    unit_retire(u, true);
}

void code_trap(struct thread *t, uintptr_t pc)
{
    struct unit *u = codemem_find(pc);
    if (u)
        trap_set(t, u);
}

void code_untrap(struct thread *t)
{
    if (unlikely(rt(t)->trapped))
        trap_clear(t);
}

bool code_trap_is_gone(uintptr_t pc)
{
    return !translate_is_trap((const uint8_t *)pc);
}

const struct insn *translate_guest_insn(uint32_t low)
{
    return code_insn(codemem_address(low)).in;
}

/* ---- threads ---- */

static void set_tables(struct cpu *cpu)
{
    int w = which_table(cpu->mode);
    cpu->host.table = table[w];
    cpu->host.lines = target_lines[w];
}

/* Guard, stack of return addresses, guard, alternate signal stack. */
void code_thread_add(struct thread *t)
{
    t->alone = NULL;
    if (!enabled)
        return;
    set_tables(&t->cpu);
    size_t size = 2 * GUARD + RET_STACK + ALT_STACK;
    uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (p == MAP_FAILED)
        log_die(126, "no memory for another thread");
    mprotect(p, GUARD, PROT_NONE);
    mprotect(p + GUARD + RET_STACK, GUARD, PROT_NONE);
    rt(t)->ret_stack = p;
    translate_init_stack(&t->cpu, p + GUARD + RET_STACK);
    t->cpu.host.x87_live = 0;
    t->cpu.host.exit_code = NULL;
}

void code_thread_remove(struct thread *t)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    uint8_t *p = __atomic_exchange_n(&rt(t)->ret_stack, NULL, __ATOMIC_RELAXED);
    if (t == thread_self)
        sigaltstack(&none, NULL);
    if (p) /* not known any more: killed from here on, another process must not unmap it again */
        munmap(p, 2 * GUARD + RET_STACK + ALT_STACK);
    translate_alone_free(t);
}

void code_thread_start(struct thread *t)
{
    if (!rt(t)->ret_stack)
        return;
    stack_t s = {.ss_sp = rt(t)->ret_stack + 2 * GUARD + RET_STACK, .ss_size = ALT_STACK};
    sigaltstack(&s, NULL);
}

bool code_stack_guard(const struct thread *t, uintptr_t addr)
{
    uintptr_t p = (uintptr_t)((struct rt_thread *)t->runtime)->ret_stack;
    return p && addr >= p && addr < p + GUARD;
}

/* Room for the tables of both modes. */
static bool map_tables(void)
{
    uint64_t random;
    memcpy(&random, (const void *)getauxval(AT_RANDOM), sizeof random);
    tables = map_lazy(translate_narrow ? 0 : translate_table_place(random), tables_size());
    if (!tables)
        return false;
    for (int i = 0; i < 2; i++) {
        uint8_t *p = tables + i * (tables_size() / 2);
        table[i] = table_size() ? p : NULL;
        target_lines[i] = p + table_size();
    }
    if (translate_guard_table(table[0]))
        translate_guard_table(table[1]);
    return true;
}

static bool wanted;

void code_reserve(void)
{
    dump_init();
    translated = dump_parse_range("translate-range", opt.translate_range);
    wanted = !opt.interpret && !dump_any(DUMP_EXEC) && translate_available();
    if (wanted)
        codemem_reserve();
}

void code_init(void)
{
    if (!wanted)
        return;
    if (!map_tables()) {
        translate_narrow = true;
        map_tables();
    }
    if (!tables || !codemem_init()) {
        if (tables)
            munmap(tables, tables_size());
        log_event("the host gives no memory for translated code: interpreting");
        return;
    }
    if (!opt.hot)
        opt.hot = CODE_HOT;
    cpu_mode_changed = set_tables;
    enabled = true;
}
