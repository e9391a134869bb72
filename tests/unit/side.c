/* Side tables: what is encoded of random translations is found again at every offset of the code. */
#include <stdlib.h>

#include "runtime/unit.h"
#include "tests/unit/random.h"
#include "tests/unit/test.h"

static struct translation tr;
static struct tr_insn region[TRANSLATE_INSN_MAX];
static struct insn insn[TRANSLATE_INSN_MAX];
static struct start { /* of the code of an instruction, in the order of the code */
    gaddr eip;
    uint32_t off;
    int adjust;
} start[TRANSLATE_INSN_MAX + 1];
static unsigned starts;

static const uint32_t limit[] = {1, 9, 16, 30, 300, 16000};
static const int states[] = {0, 4, -4, 8, TRANSLATE_STALE, 100, -128 + 4, 63, -64, 64, INT32_MAX, -0x12345678};

/* Code of any length follows. */
static uint32_t begin(gaddr eip, uint32_t off)
{
    int adjust = starts && below(2) ? start[starts - 1].adjust : states[below(ARRAY_SIZE(states))];
    start[starts++] = (struct start){eip, off, adjust};
    return off + below(limit[below(5 + !below(20))]) * translate_code_align();
}

static void make(void)
{
    gaddr eip = rng();
    uint32_t off = below(2) * 4;
    unsigned more = below(2) ? below(TRANSLATE_INSN_MAX) : 0;
    tr.n = 1 + below(TRANSLATE_INSN_MAX - more);
    tr.agains = starts = 0;
    for (unsigned i = 0; i < tr.n; i++) {
        insn[i].eip = eip;
        region[i].in = &insn[i];
        tr.off[i] = off;
        off = begin(eip, off);
        tr.adjust[i] = start[starts - 1].adjust;
        for (unsigned k = below(20) ? 0 : below(8); k && more; k--, more--) {
            unsigned other = below(i + 1);
            uint32_t at = off;
            off = begin(insn[other].eip, off);
            tr.again[tr.agains++] =
                (struct tr_again){(uint16_t)other, (uint16_t)i, at, start[starts - 1].adjust};
        }
        eip += 1 + (below(30) ? below(15) : rng() % 100000);
    }
    tr.off[tr.n] = tr.cold = start[starts].off = off;
}

/* Of several that begin there, the last: the others have no code. */
static unsigned owner(uint32_t at)
{
    unsigned i = 0;
    while (start[i + 1].off <= at)
        i++;
    return i;
}

/* The last that begins there with a complete state; false: none. */
static bool complete_at(uint32_t at, gaddr *eip)
{
    bool any = false;
    for (unsigned i = 0; i < starts; i++)
        if (start[i].off == at && !start[i].adjust) {
            any = true;
            *eip = start[i].eip;
        }
    return any;
}

static bool found(const struct unit *u, uint32_t at)
{
    struct side s;
    unsigned i = owner(at);
    gaddr eip = 0, want = 0;
    bool complete = side_find(u, at, &s, &eip);
    return complete == complete_at(at, &want) && eip == want && s.eip == start[i].eip &&
           s.from == start[i].off && s.to == start[i + 1].off && s.adjust == start[i].adjust;
}

static bool round_trip(void)
{
    size_t bytes = 0;
    struct unit u = {.cold = tr.cold, .side = side_encode(&tr, &bytes)};
    bool ok = bytes > 0;
    for (uint32_t at = tr.off[0]; at < tr.cold && ok; at += 1 + tr.cold / 300)
        ok = found(&u, at);
    for (unsigned i = 0; i < starts && ok; i++)
        ok = start[i].off == start[i + 1].off || found(&u, start[i].off);
    return ok;
}

int main(void)
{
    tr.insn = region;
    for (int i = 0; i < 500; i++) {
        rng_state = (uint64_t)i;
        make();
        CHECK(round_trip());
    }
    FINISH();
}
