/* Templates of decoded instructions. The key is the head of an instruction: at most one prefix, the
 * opcode (one byte, or 0F and one), ModRM and SIB. Whether an opcode has a ModRM byte is learned
 * with the first instruction that is decoded in full. */
#include "decode/template.h"

#include <stdlib.h>
#include <string.h>

enum { TABLE_BITS = 12, PROBES = 4 };
enum modrm { MODRM_UNKNOWN, MODRM_NO, MODRM_YES, MODRM_VARIES };

struct template {
    uint64_t key;
    struct template_tail tail;
    struct insn insn; /* at address 0 */
};

static struct template *table[(1 << TABLE_BITS) + PROBES];
static uint8_t modrm_of[2][256]; /* enum modrm, by map and opcode */

static bool is_prefix(uint8_t b)
{
    return b == 0x66 || b == 0x65 || b == 0xf3 || b == 0xf2 || b == 0xf0 || b == 0x2e || b == 0x3e;
}

/* Where the opcode is, and its map; false if this head is not handled. */
static bool find_opcode(const uint8_t *code, size_t n, unsigned *at, unsigned *map)
{
    *at = n && is_prefix(code[0]);
    *map = 0;
    if (*at + 1u < n && code[*at] == 0x0f) {
        *map = 1;
        ++*at;
    }
    if (*at >= n || is_prefix(code[*at]))
        return false;
    switch (code[*at]) {
    case 0x38: case 0x3a: case 0x0f: return !*map; /* further maps */
    case 0xc4: case 0xc5: case 0x62: case 0x8f: return *map; /* may be VEX, EVEX, XOP */
    case 0x26: case 0x36: case 0x64: case 0x67: return *map; /* more prefixes */
    default: return true;
    }
}

/* Length of the head; 0 if it is not known or does not end within the buffer. */
static unsigned head_length(const uint8_t *code, size_t n)
{
    unsigned at, map;
    if (!find_opcode(code, n, &at, &map))
        return 0;
    switch (__atomic_load_n(&modrm_of[map][code[at]], __ATOMIC_RELAXED)) {
    case MODRM_NO: return at + 1;
    case MODRM_YES: break;
    default: return 0;
    }
    if (at + 1u >= n)
        return 0;
    uint8_t m = code[at + 1];
    unsigned len = at + 2 + (m >> 6 != 3 && (m & 7) == 4);
    return len <= n ? len : 0;
}

static uint64_t key_of(const uint8_t *code, unsigned len)
{
    uint64_t k = 0;
    memcpy(&k, code, len); /* at most 5 bytes */
    return k | (uint64_t)len << 56;
}

static struct template **slot_of(uint64_t key)
{
    return &table[(key * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - TABLE_BITS)];
}

static uint32_t field(const uint8_t *p, unsigned size, bool sign)
{
    uint32_t v = 0;
    memcpy(&v, p, size);
    unsigned shift = 32 - size * 8;
    return sign ? (uint32_t)((int32_t)(v << shift) >> shift) : v;
}

static void fill(struct insn *out, const struct template *t, const uint8_t *code, gaddr eip)
{
    const struct template_tail *tail = &t->tail;
    *out = t->insn;
    out->eip = eip;
    out->next = eip + out->len;
    if (tail->disp_size)
        out->disp = field(code + tail->disp_at, tail->disp_size, true);
    if (tail->imm_size)
        out->imm = field(code + tail->imm_at, tail->imm_size, tail->imm_signed) +
                   (tail->imm_relative ? out->next : 0);
}

bool template_decode(const uint8_t *code, size_t n, gaddr eip, struct insn *out)
{
    unsigned len = head_length(code, n);
    if (!len)
        return false;
    uint64_t key = key_of(code, len);
    struct template **s = slot_of(key);
    for (unsigned i = 0; i < PROBES; i++) {
        const struct template *t = __atomic_load_n(&s[i], __ATOMIC_ACQUIRE);
        if (!t)
            return false;
        if (t->key == key) {
            if (t->insn.len > n)
                return false;
            fill(out, t, code, eip);
            return true;
        }
    }
    return false;
}

/* An immediate that does more than fill in in->imm. */
static bool depends_on_imm(const struct insn *in)
{
    switch (in->op) {
    case OP_SHL: case OP_SHR: case OP_SAR: case OP_ROL: case OP_ROR: case OP_RCL: case OP_RCR:
    case OP_SHLD: case OP_SHRD: case OP_ENTER: return true;
    default: return in->imm2 != 0;
    }
}

static bool same(const struct insn *a, const struct insn *b)
{
    return !memcmp(a, b, sizeof *a);
}

void template_learn(const uint8_t *code, const struct insn *in, bool has_modrm,
                    const struct template_tail *tail)
{
    unsigned at, map;
    if (!find_opcode(code, in->len, &at, &map))
        return;
    uint8_t *known = &modrm_of[map][code[at]], is = has_modrm ? MODRM_YES : MODRM_NO;
    if (!*known)
        __atomic_store_n(known, is, __ATOMIC_RELAXED);
    else if (*known != is)
        __atomic_store_n(known, MODRM_VARIES, __ATOMIC_RELAXED);
    unsigned len = head_length(code, in->len);
    if (!len || depends_on_imm(in))
        return;
    struct template *t = calloc(1, sizeof *t);
    if (!t)
        return;
    struct insn again;
    t->key = key_of(code, len);
    t->tail = *tail;
    t->insn = *in;
    t->insn.fn = NULL;
    fill(&again, t, code, in->eip);
    struct template **s = slot_of(t->key);
    for (unsigned i = 0; i < PROBES && same(&again, in); i++) {
        struct template *none = NULL;
        if (__atomic_compare_exchange_n(&s[i], &none, t, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            return;
        if (none->key == t->key)
            break;
    }
    free(t);
}
