/* Quick decoding of the instructions of flat 32-bit code that programs consist of: at most one
 * prefix, an opcode of the maps 0F, 0F38, 0F3A or none, ModRM and SIB with 32-bit addresses. What
 * Zydis says about each kind is put into a table when xrun is built (decode/gen/quick.c), which also
 * makes sure that nothing but the fields filled in here differs within a kind. All else, and what is
 * no instruction, is left to Zydis. */
#ifndef XRUN_DECODE_QUICK_H
#define XRUN_DECODE_QUICK_H

#include <string.h>

#include "decode/insn.h"

enum { QUICK_BYTES = 15, QUICK_PREFIXES = 9, QUICK_MAPS = 4 };

/* How many kinds an opcode has, and by what they are told apart. */
enum quick_shape {
    QUICK_NONE,  /* not in the table */
    QUICK_PLAIN, /* no ModRM: 1 */
    QUICK_MODRM, /* memory, register: 2 */
    QUICK_GROUP, /* memory by ModRM.reg, register by ModRM.reg: 16 */
    QUICK_WIDE,  /* memory by ModRM.reg, each register form: 72 */
};

enum { QUICK_IMM_SIGNED = 1, QUICK_IMM_RELATIVE = 2, QUICK_COUNT = 4 /* a shift: not by 0 */ };

struct quick_kind {
    uint8_t ok;              /* else left to Zydis */
    uint8_t reg_at, rm_at;   /* where in struct insn the register that ModRM.reg, ModRM.rm names is put;
                              * QUICK_NOWHERE: it names none */
    uint8_t disp_size;       /* of an address without ModRM */
    uint8_t imm_size, imm_flags;
    uint8_t pad[2];
    struct insn insn;        /* eip 0, ModRM of its representative; insn.kind is even: with an index it is
                              * one more */
};

enum { QUICK_NOWHERE = offsetof(struct insn, modrm) }; /* is written last */

struct quick_opcode { uint16_t first; uint8_t shape, pad; };

static inline unsigned quick_prefix(uint8_t b)
{
    static const uint8_t number[256] = {[0x66] = 1, [0xf3] = 2, [0xf2] = 3, [0x65] = 4, [0xf0] = 5,
                                        [0x2e] = 6, [0x3e] = 7, [0x64] = 8};
    return number[b];
}

static inline uint32_t quick_field(const uint8_t *p, unsigned size, bool sign)
{
    uint32_t v;
    memcpy(&v, p, 4); /* there are always 4 bytes to read, see quick_decode */
    unsigned shift = 32 - size * 8;
    return sign ? (uint32_t)((int32_t)(v << shift) >> shift) : v << shift >> shift;
}

/* Which of an opcode's kinds this ModRM byte selects. */
static inline unsigned quick_select(unsigned shape, uint8_t modrm)
{
    bool reg = modrm >= 0xc0;
    switch (shape) {
    case QUICK_MODRM: return reg;
    case QUICK_GROUP: return (modrm >> 3 & 7) + reg * 8u;
    case QUICK_WIDE: return reg ? 8 + (modrm & 63) : modrm >> 3 & 7;
    default: return 0;
    }
}

/* The address in ModRM, SIB and displacement at p; where it ends. */
static inline const uint8_t *quick_address(struct insn *out, const uint8_t *p)
{
    unsigned mod = p[0] >> 6, base = p[0] & 7;
    p++;
    if (base == 4) {
        unsigned index = *p >> 3 & 7;
        base = *p & 7;
        if (index != 4) {
            out->index = (uint8_t)index;
            out->scale = *p >> 6;
            out->kind |= 1;
        }
        p++;
    }
    if (mod == 0 && base == 5) {
        out->disp = quick_field(p, 4, false);
        return p + 4;
    }
    out->base = (uint8_t)base;
    if ((base == REG_ESP || base == REG_EBP) && !(out->flags & INSN_SEG_OVERRIDE))
        out->seg = SEG_SS;
    if (mod == 0)
        return p;
    unsigned size = mod == 1 ? 1 : 4;
    out->disp = quick_field(p, size, true);
    return p + size;
}

/* Makes `out` of kind k from the instruction at `code`; p: behind the opcode. False: not of it. */
static inline bool quick_fill(struct insn *out, const struct quick_kind *k, bool has_modrm,
                              const uint8_t *code, const uint8_t *p, gaddr eip)
{
    *out = k->insn;
    if (has_modrm) {
        uint8_t m = *p;
        ((uint8_t *)out)[k->reg_at] = m >> 3 & 7;
        ((uint8_t *)out)[k->rm_at] = m & 7;
        out->modrm = m;
        p = m < 0xc0 ? quick_address(out, p) : p + 1;
    } else if (k->disp_size) {
        out->disp = quick_field(p, k->disp_size, false);
        p += k->disp_size;
    }
    uint32_t imm = 0;
    if (k->imm_size) {
        imm = quick_field(p, k->imm_size, k->imm_flags & QUICK_IMM_SIGNED);
        p += k->imm_size;
        if ((k->imm_flags & QUICK_COUNT) && !(imm & 31))
            return false;
    }
    out->len = (uint8_t)(p - code);
    out->eip = eip;
    out->next = eip + out->len;
    if (k->imm_size)
        out->imm = k->imm_flags & QUICK_IMM_RELATIVE ? imm + out->next : imm;
    return true;
}

/* Decodes from the `n` bytes at `code`. `out` as decode_bytes() gives it; false: ask Zydis. */
bool quick_decode(const uint8_t *code, size_t n, gaddr eip, struct insn *out);
/* The same where 4 more bytes than an instruction can have are readable, and none is cut off. */
bool quick_decode_long(const uint8_t *code, gaddr eip, struct insn *out);

#endif
