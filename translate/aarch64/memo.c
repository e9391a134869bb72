/* What temporaries still hold from earlier instructions of straight code: constants, and the address
 * that A64_ADDR was made for. What has been emitted since is looked at, word by word, for what it
 * writes, so whoever emits code need not know of this. */
#include "translate/aarch64/live.h"

/* ---- what an instruction writes ---- */

static bool is_branch(uint32_t w)
{
    return (w >> 26 & 7) == 5 && w >> 24 != 0xd5; /* those are system instructions */
}

/* B.cond, CBZ, TBZ and the like. */
static bool is_conditional(uint32_t w)
{
    return w >> 24 == 0x54 || (w >> 26 & 31) == 13;
}

/* Of loads and stores: general registers that may be written. */
static uint32_t writes_of_access(uint32_t w)
{
    uint32_t t = 1u << (w & 31), n = 1u << (w >> 5 & 31), t2 = 1u << (w >> 10 & 31);
    bool vector = w >> 26 & 1;
    switch (w >> 27 & 7) {
    case 3: /* literals; FEAT_LRCPC2 */
        return vector || (w >> 24 & 1 && !(w >> 22 & 3)) ? 0 : t;
    case 5: /* pairs */
        return (w >> 23 & 1 ? n : 0) | (vector || !(w >> 22 & 1) ? 0 : t | t2);
    case 7: {
        bool offset = w >> 24 & 1, store = !(w >> 22 & 3), other = !offset && w >> 21 & 1;
        bool atomic = other && (w >> 10 & 3) != 2, moves_base = !offset && !other && w >> 10 & 1;
        return (moves_base ? n : 0) | (vector || (store && !atomic) ? 0 : t);
    }
    default: return UINT32_MAX;
    }
}

static uint32_t writes(uint32_t w)
{
    return (w >> 25 & 5) == 4 ? writes_of_access(w) : 1u << (w & 31);
}

/* ---- what is held ---- */

static const uint8_t holders[MEMO_CONSTANTS] = {A64_TMP7, A64_LR};

/* Places in the middle where code outside may enter: what is held there, and which of it is used
 * behind. */
static struct entry {
    struct a64_memo memo;
    uint16_t index;
    uint8_t used; /* as `known`; */
    bool addr;
} entries[TRANSLATE_INSN_MAX];
static unsigned nentries;

/* Held since instruction `since`: must be there for who enters behind it. */
static void use(const struct a64_memo *m, unsigned since, unsigned constants, bool addr)
{
    for (unsigned i = nentries; i > m->reached && entries[i - 1].index > since; i--) {
        entries[i - 1].used |= (uint8_t)constants;
        entries[i - 1].addr |= addr;
    }
}

void a64_memo_forget(struct emit *e)
{
    e->memo.reached = (uint16_t)nentries;
    e->memo.known = 0;
    e->memo.addr = e->memo.branched = false;
    e->memo.seen = e->p;
}

static void drop(struct a64_memo *m, uint32_t written)
{
    for (unsigned i = 0; i < MEMO_CONSTANTS; i++)
        if (written >> holders[i] & 1)
            m->known &= (uint8_t)~(1u << i);
    uint64_t from = UINT64_C(1) << A64_ADDR | UINT64_C(1) << m->base | UINT64_C(1) << m->index;
    if (written & ~(1u << A64_ZR) & from)
        m->addr = false;
}

static void catch_up(struct emit *e)
{
    struct a64_memo *m = &e->memo;
    for (; m->seen < e->p; m->seen += 4) {
        uint32_t w;
        memcpy(&w, m->seen, sizeof w);
        if (is_branch(w))
            m->branched = true;
        if (!is_conditional(w))
            drop(m, is_branch(w) ? UINT32_MAX : writes(w));
    }
}

void a64_memo_end(struct emit *e, bool rejoined)
{
    catch_up(e);
    if ((e->memo.branched && e->tr->insn[e->index].in->op != OP_JCC) || rejoined)
        a64_memo_forget(e);
    e->memo.branched = false;
}

unsigned a64_hold(struct emit *e, uint32_t imm)
{
    struct a64_memo *m = &e->memo;
    unsigned n = a64_fences(e) || m->cold ? 1 : MEMO_CONSTANTS, i = 0; /* else A64_LR is wanted */
    catch_up(e);
    while (i < n && (m->cold || !(m->known >> i & 1 && m->value[i] == imm)))
        i++;
    if (i < n) {
        use(m, m->since[i], 1u << i, false);
    } else {
        i = (m->last + 1) % n;
        a64_const(e, holders[i], imm);
        m->seen = e->p;
        m->known |= (uint8_t)(1u << i);
        m->value[i] = imm;
        m->since[i] = (uint16_t)e->index;
    }
    m->last = (uint8_t)i;
    return holders[i];
}

bool a64_addr_held(struct emit *e, unsigned base, unsigned index, unsigned scale, uint32_t *disp)
{
    struct a64_memo *m = &e->memo;
    catch_up(e);
    if (!m->addr || m->cold || m->base != base || m->index != index ||
        (index != A64_NONE && m->scale != scale))
        return false;
    use(m, m->addr_since, 0, true);
    *disp -= m->disp;
    return true;
}

void a64_addr_hold(struct emit *e, unsigned base, unsigned index, unsigned scale, uint32_t disp)
{
    struct a64_memo *m = &e->memo;
    catch_up(e);
    m->addr = base != A64_ADDR && base != A64_STUB;
    m->base = (uint8_t)base;
    m->index = (uint8_t)index;
    m->scale = (uint8_t)scale;
    m->disp = disp;
    m->addr_since = (uint16_t)e->index;
}

void a64_memo_begin(struct emit *e)
{
    nentries = 0;
    e->memo.last = MEMO_CONSTANTS - 1;
    a64_memo_forget(e);
}

void a64_memo_enter(struct emit *e)
{
    if (a64_joined[e->index])
        a64_memo_forget(e);
    else if (e->tr->insn[e->index].entry && (e->memo.known || e->memo.addr))
        entries[nentries++] = (struct entry){e->memo, (uint16_t)e->index, 0, false};
}

bool a64_memo_restore(struct emit *e, unsigned index)
{
    const struct entry *n = entries;
    while (n < entries + nentries && n->index < index)
        n++;
    if (n == entries + nentries || n->index != index || !(n->used || n->addr))
        return false;
    for (unsigned i = 0; i < MEMO_CONSTANTS; i++)
        if (n->used >> i & 1)
            a64_const(e, holders[i], n->memo.value[i]);
    if (n->addr)
        a64_addr_make(e, n->memo.base, n->memo.index, n->memo.scale, n->memo.disp);
    return true;
}
