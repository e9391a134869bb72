/* String instructions: repeated ones by a routine, both ways; single ones backwards are the
 * interpreter's. */
#include "translate/aarch64/insn.h"
#include "translate/aarch64/stubs.h"

struct string_op {
    unsigned size, log2;
    enum a64_ldst load, store;
};

static struct string_op kind_of(const struct insn *in)
{
    static const struct string_op kinds[3] = {
        {1, 0, A64_LDRB, A64_STRB}, {2, 1, A64_LDRH, A64_STRH}, {4, 2, A64_LDR_W, A64_STR_W}};
    return kinds[in->o[0].size >> 1];
}

static void slow_if_backwards(struct emit *e)
{
    a64_cpu_load(e, A64_LDR_W, A64_TMP0, offsetof(struct cpu, eflags));
    uint8_t *at = e->p;
    a64_must(a64_tbnz(e, A64_TMP0, __builtin_ctz(EFL_DF), 0));
    a64_slow(e, at);
}

static void advance(struct emit *e, unsigned r, const struct string_op *k)
{
    a64_must(a64_add_imm(e, A64_W, r, r, k->size));
}

static void load(struct emit *e, const struct string_op *k, unsigned t, unsigned base)
{
    struct a64_mem m = a64_at(base, 0);
    a64_load(e, k->load, t, &m);
}

static void store(struct emit *e, const struct string_op *k, unsigned t)
{
    struct a64_mem m = a64_at(A64_EDI, 0);
    a64_store(e, k->store, t, &m);
}

static void once(struct emit *e, const struct insn *in)
{
    struct string_op k = kind_of(in);
    slow_if_backwards(e);
    switch (in->op) {
    case OP_MOVS:
        load(e, &k, A64_TMP1, A64_ESI);
        store(e, &k, A64_TMP1);
        advance(e, A64_ESI, &k);
        advance(e, A64_EDI, &k);
        break;
    case OP_STOS:
        store(e, &k, A64_EAX);
        advance(e, A64_EDI, &k);
        break;
    case OP_LODS:
        load(e, &k, k.size == 4 ? (unsigned)A64_EAX : (unsigned)A64_TMP1, A64_ESI);
        if (k.size < 4)
            a64_bfi(e, A64_W, A64_EAX, A64_TMP1, 0, 8 * k.size);
        advance(e, A64_ESI, &k);
        break;
    case OP_CMPS:
        load(e, &k, A64_TMP1, A64_ESI);
        load(e, &k, A64_TMP2, A64_EDI);
        advance(e, A64_ESI, &k);
        advance(e, A64_EDI, &k);
        a64_compare(e, k.size, A64_TMP1, A64_TMP2);
        break;
    default: /* SCAS */
        load(e, &k, A64_TMP2, A64_EDI);
        advance(e, A64_EDI, &k);
        a64_compare(e, k.size, A64_EAX, A64_TMP2);
        break;
    }
}

#define SIZES(name) {name##1, name##2, name##4}

static const void *routine(const struct insn *in, unsigned log2)
{
    static const void *const movs[3] = SIZES(a64_rep_movs), *const stos[3] = SIZES(a64_rep_stos),
                      *const cmps[2][3] = {SIZES(a64_repne_cmps), SIZES(a64_repe_cmps)},
                      *const scas[2][3] = {SIZES(a64_repne_scas), SIZES(a64_repe_scas)};
    unsigned e = in->flags & INSN_REP ? 1 : 0;
    switch (in->op) {
    case OP_MOVS: return movs[log2];
    case OP_STOS: return stos[log2];
    case OP_CMPS: return cmps[e][log2];
    default: return scas[e][log2];
    }
}

static void repeated(struct emit *e, const struct insn *in)
{
    struct string_op k = kind_of(in);
    bool compares = in->op == OP_CMPS || in->op == OP_SCAS;
    uint8_t *start = e->p, *none;
    none = e->p;
    a64_must(a64_cbz(e, A64_W, A64_ECX, 0));
    /* the elements among themselves have no order */
    bool stores = !compares, loads = in->op != OP_STOS;
    if (stores && a64_fences(e))
        a64_dmb_ishst(e);
    if (in->op == OP_SCAS)
        a64_ubfx(e, A64_W, A64_TMP1, A64_EAX, 0, 8 * k.size);
    a64_call(e, routine(in, k.log2));
    if (loads && a64_fences(e))
        a64_dmb_ishld(e);
    if (compares)
        a64_compare(e, k.size, A64_TMP1, A64_TMP2);
    a64_must(a64_cbnz(e, A64_W, compares ? (unsigned)A64_TMP0 : (unsigned)A64_ECX, start - e->p));
    a64_must(a64_here(e, none));
}

bool a64_string(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    switch (in->op) {
    case OP_MOVS: case OP_STOS: case OP_LODS: case OP_CMPS: case OP_SCAS: break;
    default: return false;
    }
    if ((in->flags & INSN_ADDR16) || in->seg >= SEG_FS)
        return false;
    if (!(in->flags & (INSN_REP | INSN_REPNE)))
        once(e, in);
    else if (in->op == OP_LODS || e->form != FORM_SUB)
        return false;
    else
        repeated(e, in);
    return true;
}
