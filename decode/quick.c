/* Quick decoding: the table made at build time, looked up. */
#include "decode/quick.h"

static const struct quick_kind *kind_at(unsigned i);

#include "quick_table.h"

static const struct quick_kind *kind_at(unsigned i)
{
    return (const struct quick_kind *)&quick_words[i * (sizeof(struct quick_kind) / 8)];
}

/* The opcode at *p, behind which p is set. */
static const struct quick_opcode *find_opcode(const uint8_t **p)
{
    unsigned prefix = quick_prefix(**p), map = 0;
    *p += prefix != 0;
    if (**p == 0x0f) {
        (*p)++;
        map = 1;
        if (**p == 0x38 || **p == 0x3a)
            map = *(*p)++ == 0x38 ? 2 : 3;
    }
    return &quick_opcodes[prefix][map][*(*p)++];
}

bool quick_decode_long(const uint8_t *code, gaddr eip, struct insn *out)
{
    const uint8_t *p = code + 1;
    const struct quick_opcode *o = &quick_opcodes[0][0][*code]; /* no prefix, no escape */
    if (!o->shape) {
        p = code;
        o = find_opcode(&p);
        if (!o->shape)
            return false;
    }
    const struct quick_kind *k = kind_at(o->first + quick_select(o->shape, *p));
    return k->ok && quick_fill(out, k, o->shape != QUICK_PLAIN, code, p, eip);
}

bool quick_decode(const uint8_t *code, size_t n, gaddr eip, struct insn *out)
{
    if (likely(n >= QUICK_BYTES + 4))
        return quick_decode_long(code, eip, out);
    uint8_t padded[QUICK_BYTES + 4] = {0};
    memcpy(padded, code, n);
    return quick_decode_long(padded, eip, out) && out->len <= n;
}
