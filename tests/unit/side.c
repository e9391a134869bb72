/* Side tables: what is encoded of random translations is found again at every offset of the code. */
#include <stdlib.h>

#include "runtime/unit.h"
#include "tests/unit/random.h"
#include "tests/unit/test.h"

static struct translation tr;
static struct tr_insn region[TRANSLATE_INSN_MAX];
static struct insn insn[TRANSLATE_INSN_MAX];

static void make(void)
{
    static const uint32_t limit[] = {1, 9, 16, 30, 300, 16000};
    static const int states[] = {0, 4, -4, 8, TRANSLATE_STALE, 100, -128 + 4, 63, -64, 64,
                                 INT32_MAX, -0x12345678};
    gaddr eip = rng();
    uint32_t off = below(2) * 4;
    tr.n = 1 + below(TRANSLATE_INSN_MAX);
    for (unsigned i = 0; i < tr.n; i++) {
        insn[i].eip = eip;
        region[i].in = &insn[i];
        tr.off[i] = off;
        tr.adjust[i] = i && below(2) ? tr.adjust[i - 1] : states[below(ARRAY_SIZE(states))];
        uint32_t length = below(limit[below(5 + !below(20))]);
        off += length * translate_code_align();
        eip += 1 + (below(30) ? below(15) : rng() % 100000);
    }
    tr.off[tr.n] = tr.cold = off;
}

/* Of several that begin there, the last: the others have no code. */
static unsigned owner(uint32_t at)
{
    unsigned i = 0;
    while (tr.off[i + 1] <= at)
        i++;
    return i;
}

/* The last that begins there with a complete state; false: none. */
static bool complete_at(uint32_t at, gaddr *eip)
{
    bool any = false;
    for (unsigned i = 0; i < tr.n; i++)
        if (tr.off[i] == at && !tr.adjust[i]) {
            any = true;
            *eip = insn[i].eip;
        }
    return any;
}

static bool found(const struct unit *u, uint32_t at)
{
    struct side s;
    unsigned i = owner(at);
    gaddr eip = 0, want = 0;
    bool complete = side_find(u, at, &s, &eip);
    return complete == complete_at(at, &want) && eip == want && s.eip == insn[i].eip &&
           s.from == tr.off[i] && s.to == tr.off[i + 1] && s.adjust == tr.adjust[i];
}

static bool round_trip(void)
{
    size_t bytes = 0;
    struct unit u = {.cold = tr.cold, .side = side_encode(&tr, &bytes)};
    bool ok = bytes > 0;
    for (uint32_t at = tr.off[0]; at < tr.cold && ok; at += 1 + tr.cold / 300)
        ok = found(&u, at);
    for (unsigned i = 0; i < tr.n && ok; i++)
        ok = tr.off[i] == tr.off[i + 1] || found(&u, tr.off[i]);
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
