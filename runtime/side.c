/* The side table of a unit: a byte per instruction, whose halves are the distance to the next
 * instruction's address and how much longer the host's code is than that, or what else follows. A
 * unit has at most some hundred, so the table is read from its start. */
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "runtime/unit.h"

/* The high half. Up to LONGER_MAX: how much longer, the state stays. Else the length follows in a
 * byte (in two behind ANY_FAR), behind the new state if it is not one of the usual. */
enum {
    LONGER_MAX = 8, SAME, PUSHED, POPPED, STALE, SETTLED, ANY, ANY_FAR,
    ANY_DISTANCE = 0, /* in the low half: four bytes follow */
    RECORD_MAX = 1 + 4 + 5 + 2, HEADER = 4 + 1 + 5,
};
_Static_assert((int)ANY_FAR == 15, "half a byte");

static uint8_t *put(uint8_t *p, uint32_t v, unsigned n)
{
    memcpy(p, &v, n); /* the hosts are little-endian */
    return p + n;
}

static uint32_t get(const uint8_t **p, unsigned n)
{
    uint32_t v = 0;
    memcpy(&v, *p, n);
    *p += n;
    return v;
}

/* Small numbers of either sign are a byte. */
static uint8_t *put_state(uint8_t *p, int state)
{
    uint32_t v = (uint32_t)state << 1 ^ (uint32_t)(state >> 31);
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static int get_state(const uint8_t **p)
{
    uint32_t v = 0;
    unsigned shift = 0;
    do
        v |= (uint32_t)(**p & 0x7f) << shift;
    while (shift += 7, *(*p)++ & 0x80);
    return (int)(v >> 1 ^ -(v & 1));
}

/* What a length is compared with: host code is seldom shorter. In units of the host's. */
static unsigned expected(unsigned distance)
{
    return distance ? (distance - 1) / translate_code_align() : 0;
}

static unsigned how(int adjust, int next, unsigned length, unsigned distance)
{
    unsigned longer = length - expected(distance);
    if (length > UINT8_MAX)
        return ANY_FAR;
    if (next == adjust)
        return longer <= LONGER_MAX ? longer : SAME;
    return next == adjust + TRANSLATE_STALE ? STALE : !next ? SETTLED : next == adjust - 4 ? PUSHED
           : next == adjust + 4 ? POPPED : ANY;
}

/* The start of an instruction's code. */
struct start {
    gaddr eip;
    uint32_t off;
    int adjust;
};

static uint8_t *encode(const struct start *s, bool last, uint8_t *p)
{
    gaddr distance = last ? 1 : s[1].eip - s->eip;
    unsigned low = distance < 16 ? distance : ANY_DISTANCE;
    unsigned length = (s[1].off - s->off) / translate_code_align();
    int next = last ? s->adjust : s[1].adjust;
    unsigned high = how(s->adjust, next, length, low);
    p = put(p, high << 4 | low, 1);
    if (low == ANY_DISTANCE)
        p = put(p, distance, 4);
    if (high >= ANY)
        p = put_state(p, next);
    return high < SAME ? p : put(p, length, high == ANY_FAR ? 2 : 1);
}

/* In the order of the code. */
static unsigned find_starts(const struct translation *tr, struct start *s)
{
    unsigned n = 0;
    for (unsigned i = 0, k = 0; i < tr->n; i++) {
        s[n++] = (struct start){tr->insn[i].in->eip, tr->off[i], tr->adjust[i]};
        for (; k < tr->agains && tr->again[k].within == i; k++)
            s[n++] = (struct start){tr->insn[tr->again[k].index].in->eip, tr->again[k].off, tr->again[k].adjust};
    }
    s[n] = (struct start){0, tr->off[tr->n], 0};
    return n;
}

const uint8_t *side_encode(const struct translation *tr, size_t *bytes)
{
    static uint8_t buf[HEADER + TRANSLATE_INSN_MAX * RECORD_MAX];
    static struct start start[TRANSLATE_INSN_MAX + 1];
    unsigned n = find_starts(tr, start);
    uint8_t *p = put(put(buf, start[0].eip, 4), start[0].off / translate_code_align(), 1);
    p = put_state(p, start[0].adjust);
    xassert(start[0].off / translate_code_align() <= UINT8_MAX);
    for (unsigned i = 0; i < n; i++)
        p = encode(&start[i], i + 1 == n, p);
    *bytes = (size_t)(p - buf);
    return buf;
}

/* Reads the record at s->next. */
static void decode(struct side *s)
{
    unsigned byte = get(&s->next, 1), low = byte & 15, high = byte >> 4;
    s->eip = s->next_eip;
    s->from = s->to;
    s->adjust = s->next_adjust;
    s->next_eip += low == ANY_DISTANCE ? get(&s->next, 4) : low;
    switch (high) {
    case PUSHED: s->next_adjust -= 4; break;
    case POPPED: s->next_adjust += 4; break;
    case STALE: s->next_adjust += TRANSLATE_STALE; break;
    case SETTLED: s->next_adjust = 0; break;
    case ANY: case ANY_FAR: s->next_adjust = get_state(&s->next); break;
    default: break;
    }
    unsigned length = high < SAME ? expected(low) + high : get(&s->next, high == ANY_FAR ? 2 : 1);
    s->to += length * translate_code_align();
}

void side_begin(const struct unit *u, struct side *s)
{
    *s = (struct side){.next = u->side};
    s->next_eip = get(&s->next, 4);
    s->to = get(&s->next, 1) * translate_code_align();
    s->next_adjust = get_state(&s->next);
}

bool side_next(const struct unit *u, struct side *s)
{
    if (s->to >= u->cold)
        return false;
    decode(s);
    return true;
}

bool side_find(const struct unit *u, uint32_t at, struct side *s, gaddr *complete)
{
    bool found = false;
    side_begin(u, s);
    while (at >= s->to && side_next(u, s))
        if (s->from == at && !s->adjust) {
            found = true;
            *complete = s->eip;
        }
    return found;
}
