/* Makes the table of quick decoding (decode/quick.h): asks Zydis, through decode_bytes, for one
 * instruction of each kind, and takes a kind only if filling in its fields gives what Zydis gives for
 * every ModRM byte, with many SIB bytes, displacements and immediates. Runs when xrun is built. */
#include <stdio.h>
#include <stdlib.h>

#include "core/breaks.h"
#include "core/mem.h"
#include "decode/decode.h"
#include "decode/quick.h"

enum { TAILS = 6, KINDS_MAX = INSN_KINDS / 2 - 1 };

/* What decode.c wants from others; the tool decodes from buffers only. */
uint8_t mem_page[1u << 20];
bool breaks_any, watches_any;
bool breaks_find(gaddr eip)
{
    (void)eip;
    return false;
}
int mem_read(void *dst, gaddr src, size_t len)
{
    (void)dst, (void)src, (void)len;
    return -1;
}
bool quick_decode(const uint8_t *code, size_t n, gaddr eip, struct insn *out)
{
    (void)code, (void)n, (void)eip, (void)out;
    return false;
}
bool quick_decode_long(const uint8_t *code, gaddr eip, struct insn *out)
{
    (void)code, (void)eip, (void)out;
    return false;
}

static const uint8_t prefixes[QUICK_PREFIXES] = {0, 0x66, 0xf3, 0xf2, 0x65, 0xf0, 0x2e, 0x3e, 0x64};
static struct quick_kind kinds[KINDS_MAX];
static unsigned nkinds;
static struct quick_opcode opcodes[QUICK_PREFIXES][QUICK_MAPS][256];

static uint32_t random32(void)
{
    static uint64_t s = 88172645463325252u;
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (uint32_t)(s >> 16);
}

/* An instruction head with random bytes behind it; returns the length of the head. */
static unsigned put_head(uint8_t *code, unsigned prefix, unsigned map, unsigned opcode)
{
    unsigned n = 0;
    if (prefix)
        code[n++] = prefixes[prefix];
    if (map)
        code[n++] = 0x0f;
    if (map > 1)
        code[n++] = map == 2 ? 0x38 : 0x3a;
    code[n++] = (uint8_t)opcode;
    for (unsigned i = n; i < QUICK_BYTES + 4; i++)
        code[i] = random32() % 8 ? (uint8_t)random32() : 0;
    return n;
}

static bool by_zydis(const uint8_t *code, gaddr eip, struct insn *out)
{
    return decode_bytes(code, QUICK_BYTES, eip, 0, out) == DECODE_OK;
}

static bool is_shift(const struct insn *in)
{
    switch (in->op) {
    case OP_SHL: case OP_SHR: case OP_SAR: case OP_ROL: case OP_ROR: case OP_RCL: case OP_RCR:
    case OP_SHLD: case OP_SHRD: return true;
    default: return false;
    }
}

static uint8_t place_of(unsigned opnd)
{
    return (uint8_t)(opnd < 4 ? offsetof(struct insn, o[opnd].reg) : QUICK_NOWHERE);
}

/* Makes the kind of this instruction. */
static bool make_kind(struct quick_kind *k, const uint8_t *code, unsigned head, bool has_modrm)
{
    struct decode_layout l;
    memset(k, 0, sizeof *k);
    if (!decode_layout(code, QUICK_BYTES, &k->insn, &l) || l.modrm != has_modrm || l.opcode_end != head ||
        l.imms > 1)
        return false;
    struct insn *in = &k->insn;
    k->ok = 1;
    k->reg_at = place_of(l.reg_opnd);
    k->rm_at = code[head] < 0xc0 ? QUICK_NOWHERE : place_of(l.rm_opnd);
    k->disp_size = has_modrm ? 0 : l.disp_size;
    k->imm_size = l.imm_size;
    k->imm_flags = (uint8_t)((l.imm_signed ? QUICK_IMM_SIGNED : 0) |
                             (l.imm_relative ? QUICK_IMM_RELATIVE : 0) |
                             (is_shift(in) && l.imm_size ? QUICK_COUNT : 0));
    if (has_modrm && code[head] < 0xc0) { /* filled in; DS unless there is a prefix */
        in->base = in->index = REG_ZERO;
        in->scale = 0;
        in->disp = 0;
        if (!(in->flags & INSN_SEG_OVERRIDE))
            in->seg = SEG_DS;
    }
    return true;
}

/* Is this instruction as its kind says? What Zydis refuses must not be of a kind. */
static bool agrees(const struct quick_kind *k, const uint8_t *code, unsigned head, bool has_modrm)
{
    struct insn want, got;
    gaddr eip = random32();
    memset(&got, 0, sizeof got);
    if (!by_zydis(code, eip, &want))
        return false;
    bool filled = quick_fill(&got, k, has_modrm, code, code + head, eip);
    got.kind = 0; /* Zydis knows none */
    return !filled || !memcmp(&got, &want, sizeof got);
}

static bool is_count_zero(const struct quick_kind *k, const uint8_t *code)
{
    struct insn in;
    return k->imm_size && is_shift(&k->insn) && by_zydis(code, 0, &in) && !(in.imm & 31);
}

/* The kind for all ModRM bytes of [from, to] that `shape` sends to number `want`. */
static bool kind_for(struct quick_kind *k, unsigned prefix, unsigned map, unsigned opcode,
                     unsigned shape, unsigned want, bool *any)
{
    bool made = false, valid = false, invalid = false;
    for (unsigned m = 0; m < (shape == QUICK_PLAIN ? 1 : 256); m++) {
        if (quick_select(shape, (uint8_t)m) != want)
            continue;
        for (unsigned t = 0; t < TAILS; t++) {
            uint8_t code[QUICK_BYTES + 4];
            struct insn in;
            unsigned head = put_head(code, prefix, map, opcode);
            if (shape != QUICK_PLAIN)
                code[head] = (uint8_t)m;
            if (!by_zydis(code, 0, &in)) {
                invalid = true;
                continue;
            }
            valid = true;
            if (!made) {
                if (!make_kind(k, code, head, shape != QUICK_PLAIN))
                    return false;
                made = !is_count_zero(k, code);
            }
            if (made && !agrees(k, code, head, shape != QUICK_PLAIN))
                return false;
        }
    }
    if (!valid)
        memset(k, 0, sizeof *k);
    *any |= valid;
    return made ? !invalid : !valid;
}

static bool try_shape(unsigned prefix, unsigned map, unsigned opcode, unsigned shape, unsigned n)
{
    bool any = false;
    if (nkinds + n > KINDS_MAX) {
        fprintf(stderr, "more kinds of instructions than KINDS_MAX\n");
        exit(1);
    }
    for (unsigned i = 0; i < n; i++)
        if (!kind_for(&kinds[nkinds + i], prefix, map, opcode, shape, i, &any)) {
            if (shape != QUICK_WIDE)
                return false;
            kinds[nkinds + i].ok = 0; /* left to Zydis */
        }
    if (!any)
        return true; /* nothing there */
    opcodes[prefix][map][opcode] =
        (struct quick_opcode){.first = (uint16_t)nkinds, .shape = (uint8_t)shape};
    nkinds += n;
    return true;
}

static void make_opcode(unsigned prefix, unsigned map, unsigned opcode)
{
    (void)(try_shape(prefix, map, opcode, QUICK_PLAIN, 1) ||
           try_shape(prefix, map, opcode, QUICK_MODRM, 2) ||
           try_shape(prefix, map, opcode, QUICK_GROUP, 16) ||
           prefix || /* the table would be twice as large */
           try_shape(prefix, map, opcode, QUICK_WIDE, 72));
}

static bool is_escape(unsigned map, unsigned opcode)
{
    return map == 0 ? opcode == 0x0f || opcode == 0x67 || quick_prefix((uint8_t)opcode)
                    : map == 1 && (opcode == 0x38 || opcode == 0x3a || opcode == 0x0f);
}

int main(void)
{
    for (unsigned p = 0; p < QUICK_PREFIXES; p++)
        for (unsigned m = 0; m < QUICK_MAPS; m++)
            for (unsigned o = 0; o < 256; o++)
                if (!is_escape(m, o))
                    make_opcode(p, m, o);
    enum { WORDS = sizeof(struct quick_kind) / 8 };
    printf("/* Made by decode/gen/quick.c. */\nstatic const uint64_t quick_words[] = {\n");
    for (unsigned i = 0; i < nkinds; i++) {
        uint64_t w[WORDS];
        if (!kinds[i].ok)
            memset(&kinds[i], 0, sizeof kinds[i]);
        kinds[i].insn.kind = 2 * (i + 1);
        memcpy(w, &kinds[i], sizeof w);
        for (unsigned j = 0; j < WORDS; j++)
            printf("%#llx,%s", (unsigned long long)w[j], j == WORDS - 1 ? "\n" : "");
    }
    printf("};\nstatic const struct quick_opcode quick_opcodes[%d][%d][256] = {\n", QUICK_PREFIXES,
           QUICK_MAPS);
    for (unsigned p = 0; p < QUICK_PREFIXES; p++)
        for (unsigned m = 0; m < QUICK_MAPS; m++)
            for (unsigned o = 0; o < 256; o++)
                if (opcodes[p][m][o].shape)
                    printf("[%u][%u][%u] = {%u, %u, 0},\n", p, m, o, opcodes[p][m][o].first,
                           opcodes[p][m][o].shape);
    printf("};\n");
    return 0;
}
