/* Writing AArch64 machine code: one function per form, each appends one instruction. Encodings: Arm
 * Architecture Reference Manual (DDI 0487) C4, C6, C7; tests/unit/a64.sh compares all with the
 * assembler. Lists have a row per instruction: names, encodings and tests are made of them.
 *
 * Operands come in the assembler's order. `sf` is A64_W or A64_X, `arr` an arrangement of vector
 * registers (A64_16B, ... or a scalar A64_D1), `ft` a floating-point size. An operand that cannot
 * be encoded is the translator's bug (xassert), but for functions that return A64_TRY: they write
 * nothing then and return false. Distances of branches are in bytes from the branch. */
#ifndef XRUN_TRANSLATE_AARCH64_EMIT_H
#define XRUN_TRANSLATE_AARCH64_EMIT_H

#include <string.h>

#include "core/log.h"
#include "regalloc/aarch64.h"
#include "translate/translate.h"

enum { MEMO_CONSTANTS = 2 };

/* One pass over a region. */
struct emit {
    struct translation *tr;
    uint8_t *p, *end;
    bool failed;          /* no room; what did not fit is dropped */
    const uint32_t *prev; /* offsets of the previous pass, NULL in the first */
    unsigned index;
    int esp;              /* the guest's esp is A64_ESP plus this */
    uint8_t form;         /* enum a64_form: what C means */
    struct a64_fused {    /* the condition that the next instruction (JCC) is about, if not NZCV: */
        uint8_t kind;     /* enum a64_fuse */
        uint8_t reg, bit;
        bool sense;       /* JB, JS, JL hold if the bit is this; JE, if FUSE_BIT, if it is not set */
    } fused;
    struct a64_x87_state { /* of the x87 unit, see x87.c; all 0 between runs */
        bool on, cached, dirty, c1_zero, cw_changed;
        int8_t pushed;   /* ST(0) is so many slots below x9 */
        uint8_t way;     /* enum a64_x87_way: how a slow path begins, */
        uint16_t last, last_mem; /* instruction of the run; with a memory operand */
        const struct insn *noted[2]; /* what FIP and FDP are to tell of */
        uint32_t resume; /* and where it goes on if it finds that it is not needed */
        /* --x87=double; bit and index (i - pushed) & 7 are of ST(i): */
        uint8_t reg[8];  /* the host's register, less X87_D0, */
        uint8_t have, changed; /* holds it; and it is not in memory */
        uint8_t ints;    /* FILD made it */
        uint8_t copied;  /* 0, or the host's register that ST(0) is to become a copy of: the next instruction's */
        bool mmx, begun; /* MMX registers are live; an instruction has been executed with them, */
        uint8_t written; /* and has written these, which x12 does not say yet */
    } x87;
    struct a64_memo {     /* what temporaries hold, see memo.c: */
        const uint8_t *seen;  /* up to there code has been looked at */
        uint32_t value[MEMO_CONSTANTS]; /* constants, those whose bits are set in `known` */
        uint16_t since[MEMO_CONSTANTS], addr_since; /* instructions that made them */
        uint16_t reached; /* from this one of the entries on nothing has been forgotten */
        uint8_t known, last;
        bool addr;        /* A64_ADDR is base + (index << scale) + disp */
        uint8_t base, index, scale;
        uint32_t disp;
        bool branched;    /* the instruction has branches */
        bool cold;        /* behind the code */
    } memo;
    bool ymm;             /* the region's AVX instructions become code */
    bool afp, exact;      /* FPCR has AH and NEP (simd.h); and no thread wants exceptions to trap */
    bool paired;          /* the instruction's access to the stack was that of the one before */
    uint32_t slow_at;     /* where the current instruction's way to the interpreter begins */
};

static inline uint32_t emit_off(const struct emit *e) { return (uint32_t)(e->p - e->tr->code); }

static inline void e32(struct emit *e, uint32_t v)
{
    if (unlikely(e->end - e->p < 4)) {
        e->failed = true;
        return;
    }
    memcpy(e->p, &v, 4);
    e->p += 4;
}
static inline void e64(struct emit *e, uint64_t v)
{
    e32(e, (uint32_t)v);
    e32(e, (uint32_t)(v >> 32));
}

enum a64_sf { A64_W, A64_X };
enum a64_size { A64_SIZE_B, A64_SIZE_H, A64_SIZE_W, A64_SIZE_X };
enum a64_cond {
    A64_EQ, A64_NE, A64_CS, A64_CC, A64_MI, A64_PL, A64_VS, A64_VC,
    A64_HI, A64_LS, A64_GE, A64_LT, A64_GT, A64_LE, A64_AL,
};
enum a64_shift { A64_LSL, A64_LSR, A64_ASR, A64_ROR };
enum a64_extend {
    A64_UXTB, A64_UXTH, A64_UXTW, A64_UXTX, A64_SXTB, A64_SXTH, A64_SXTW, A64_SXTX,
};

/* What a function returns that may be unable to encode an operand. For operands that always can be:
 * a64_must(a64_add_imm(e, ...)). Branches within a region reach (but for TBZ): not checked. */
#ifndef A64_TRY
#define A64_TRY bool __attribute__((warn_unused_result))
#endif
static inline void a64_must(bool encoded) { xassert(encoded); }

/* Define a64_NAME(struct emit *e, parameters): it appends `word`, after a check, or is another form
 * with some operands fixed. */
#define A64_FORM(name, word, ...)                                                                  \
    static inline void a64_##name(struct emit *e, __VA_ARGS__) { e32(e, word); }
#define A64_CHECKED(name, condition, word, ...)                                                    \
    static inline void a64_##name(struct emit *e, __VA_ARGS__)                                     \
    {                                                                                              \
        xassert(condition);                                                                        \
        e32(e, word);                                                                              \
    }
#define A64_ALIAS(type, name, call, ...)                                                           \
    static inline type a64_##name(struct emit *e, __VA_ARGS__) { return call; }
#define A64_DN unsigned d, unsigned n
#define A64_DNM A64_DN, unsigned m

static inline uint32_t a64_sfbit(unsigned sf) { return (uint32_t)sf << 31; }
/* Register fields. */
static inline uint32_t a64_rd_n(unsigned d, unsigned n) { return n << 5 | d; }
static inline uint32_t a64_rd_nm(unsigned d, unsigned n, unsigned m)
{
    return m << 16 | n << 5 | d;
}

/* ---- Add, subtract: a64_add(), _sh (shifted), _ext (extended; Rd, Rn may be SP), _imm ---- */
#define A64_LIST_ARITH(X) \
    X(ADD, add, 0x0b000000) X(ADDS, adds, 0x2b000000) X(SUB, sub, 0x4b000000) \
    X(SUBS, subs, 0x6b000000)

#define X(NAME, name, bits) A64_##NAME = bits,
enum a64_arith { A64_LIST_ARITH(X) };
#undef X

A64_CHECKED(arith_sh, by < 32u << sf && shift != A64_ROR,
            op | a64_sfbit(sf) | shift << 22 | by << 10 | a64_rd_nm(d, n, m), enum a64_arith op,
            unsigned sf, A64_DNM, enum a64_shift shift, unsigned by)
A64_CHECKED(arith_ext, by <= 4,
            op | 1u << 21 | a64_sfbit(sf) | ext << 13 | by << 10 | a64_rd_nm(d, n, m),
            enum a64_arith op, unsigned sf, A64_DNM, enum a64_extend ext, unsigned by)
/* 12 bits, or 12 bits shifted by 12. Rd (without S) and Rn may be SP. */
static inline bool a64_arith_imm_ok(uint64_t imm)
{
    return imm < 4096 || (imm & ~UINT64_C(0xfff000)) == 0;
}
static inline A64_TRY a64_arith_imm(struct emit *e, enum a64_arith op, unsigned sf, A64_DN,
                                 uint64_t imm)
{
    if (!a64_arith_imm_ok(imm))
        return false;
    uint32_t field = imm < 4096 ? (uint32_t)imm : 1u << 12 | (uint32_t)(imm >> 12);
    e32(e, (op + 0x06000000) | a64_sfbit(sf) | field << 10 | a64_rd_n(d, n));
    return true;
}

#define X(NAME, name, bits) \
    A64_ALIAS(void, name, a64_arith_sh(e, A64_##NAME, sf, d, n, m, A64_LSL, 0), unsigned sf, \
              A64_DNM) \
    A64_ALIAS(void, name##_sh, a64_arith_sh(e, A64_##NAME, sf, d, n, m, shift, by), unsigned sf, \
              A64_DNM, enum a64_shift shift, unsigned by) \
    A64_ALIAS(void, name##_ext, a64_arith_ext(e, A64_##NAME, sf, d, n, m, ext, by), unsigned sf, \
              A64_DNM, enum a64_extend ext, unsigned by) \
    A64_ALIAS(A64_TRY, name##_imm, a64_arith_imm(e, A64_##NAME, sf, d, n, imm), unsigned sf, \
              A64_DN, uint64_t imm)
A64_LIST_ARITH(X)
#undef X

A64_ALIAS(void, cmp, a64_subs(e, sf, A64_ZR, n, m), unsigned sf, unsigned n, unsigned m)
A64_ALIAS(A64_TRY, cmp_imm, a64_subs_imm(e, sf, A64_ZR, n, imm), unsigned sf, unsigned n,
          uint64_t imm)
A64_ALIAS(void, cmn, a64_adds(e, sf, A64_ZR, n, m), unsigned sf, unsigned n, unsigned m)
A64_ALIAS(A64_TRY, cmn_imm, a64_adds_imm(e, sf, A64_ZR, n, imm), unsigned sf, unsigned n,
          uint64_t imm)
A64_ALIAS(void, neg, a64_sub(e, sf, d, A64_ZR, m), unsigned sf, unsigned d, unsigned m)
A64_ALIAS(void, negs, a64_subs(e, sf, d, A64_ZR, m), unsigned sf, unsigned d, unsigned m)

/* ---- Logical: a64_and(), _sh, _imm; the immediate of BIC, ORN, EON, BICS is inverted ---- */
#define A64_LIST_LOGIC(X) \
    X(AND, and, 0x0a000000) X(BIC, bic, 0x0a200000) X(ORR, orr, 0x2a000000) \
    X(ORN, orn, 0x2a200000) X(EOR, eor, 0x4a000000) X(EON, eon, 0x4a200000) \
    X(ANDS, ands, 0x6a000000) X(BICS, bics, 0x6a200000)

#define X(NAME, name, bits) A64_##NAME = bits,
enum a64_logic { A64_LIST_LOGIC(X) };
#undef X

/* N:immr:imms of a bitmask immediate: a rotated run of ones, repeated. The value is cut to 32 bits
 * if sf is A64_W. False if there is none. */
A64_TRY a64_bitmask(unsigned sf, uint64_t imm, uint32_t *field);
A64_TRY a64_logic_imm(struct emit *e, enum a64_logic op, unsigned sf, A64_DN, uint64_t imm);

A64_CHECKED(logic_sh, by < 32u << sf,
            op | a64_sfbit(sf) | shift << 22 | by << 10 | a64_rd_nm(d, n, m), enum a64_logic op,
            unsigned sf, A64_DNM, enum a64_shift shift, unsigned by)

#define X(NAME, name, bits) \
    A64_ALIAS(void, name, a64_logic_sh(e, A64_##NAME, sf, d, n, m, A64_LSL, 0), unsigned sf, \
              A64_DNM) \
    A64_ALIAS(void, name##_sh, a64_logic_sh(e, A64_##NAME, sf, d, n, m, shift, by), unsigned sf, \
              A64_DNM, enum a64_shift shift, unsigned by) \
    A64_ALIAS(A64_TRY, name##_imm, a64_logic_imm(e, A64_##NAME, sf, d, n, imm), unsigned sf, \
              A64_DN, uint64_t imm)
A64_LIST_LOGIC(X)
#undef X

A64_ALIAS(void, mov, a64_orr(e, sf, d, A64_ZR, m), unsigned sf, unsigned d, unsigned m)
A64_ALIAS(void, mvn, a64_orn(e, sf, d, A64_ZR, m), unsigned sf, unsigned d, unsigned m)
A64_ALIAS(void, mov_sp, a64_must(a64_add_imm(e, A64_X, d, n, 0)), A64_DN) /* either may be SP */
A64_ALIAS(void, tst, a64_ands(e, sf, A64_ZR, n, m), unsigned sf, unsigned n, unsigned m)
A64_ALIAS(A64_TRY, tst_imm, a64_ands_imm(e, sf, A64_ZR, n, imm), unsigned sf, unsigned n,
          uint64_t imm)

/* ---- Constants ---- */
enum a64_movw { A64_MOVN = 0x12800000, A64_MOVZ = 0x52800000, A64_MOVK = 0x72800000 };
A64_CHECKED(movw, imm16 < 1u << 16 && lsl % 16 == 0 && lsl < 32u << sf,
            op | a64_sfbit(sf) | (lsl / 16) << 21 | imm16 << 5 | d, enum a64_movw op, unsigned sf,
            unsigned d, unsigned imm16, unsigned lsl)
/* The shortest sequence of MOVZ, MOVN, MOVK and ORR; returns how many instructions. */
unsigned a64_mov_imm32(struct emit *e, unsigned d, uint32_t imm);
unsigned a64_mov_imm64(struct emit *e, unsigned d, uint64_t imm);

/* ---- Two or three register operands: name(e, sf, d, n, m) ---- */
#define A64_LIST_RRR(X) \
    X(ADC, adc, 0x1a000000) X(ADCS, adcs, 0x3a000000) X(SBC, sbc, 0x5a000000) \
    X(SBCS, sbcs, 0x7a000000) X(UDIV, udiv, 0x1ac00800) X(SDIV, sdiv, 0x1ac00c00) \
    X(LSLV, lslv, 0x1ac02000) X(LSRV, lsrv, 0x1ac02400) X(ASRV, asrv, 0x1ac02800) \
    X(RORV, rorv, 0x1ac02c00) X(MUL, mul, 0x1b007c00) X(MNEG, mneg, 0x1b00fc00)
/* The same with fixed sizes: 'w' or 'x' for d, n, m */
#define A64_LIST_RRR_FIXED(X) \
    X(crc32cb, 0x1ac05000, "www") X(crc32ch, 0x1ac05400, "www") X(crc32cw, 0x1ac05800, "www") \
    X(crc32cx, 0x9ac05c00, "wwx") X(crc32b, 0x1ac04000, "www") X(crc32h, 0x1ac04400, "www") \
    X(crc32w, 0x1ac04800, "www") X(crc32x, 0x9ac04c00, "wwx") X(smull, 0x9b207c00, "xww") \
    X(umull, 0x9ba07c00, "xww") X(smulh, 0x9b407c00, "xxx") X(umulh, 0x9bc07c00, "xxx")
/* d = a +- n * m: name(e, sf, d, n, m, a); long: 64-bit d and a, 32-bit n and m, no sf */
#define A64_LIST_RRRR(X) X(madd, 0x1b000000) X(msub, 0x1b008000)
#define A64_LIST_RRRR_LONG(X) \
    X(smaddl, 0x9b200000) X(smsubl, 0x9b208000) X(umaddl, 0x9ba00000) X(umsubl, 0x9ba08000)
/* name(e, sf, d, n) */
#define A64_LIST_RR(X) \
    X(rbit, 0x5ac00000) X(rev16, 0x5ac00400) X(clz, 0x5ac01000) X(cls, 0x5ac01400)

#define X(NAME, name, bits) A64_##NAME = bits,
enum a64_rrr { A64_LIST_RRR(X) };
#undef X
A64_FORM(rrr, op | a64_sfbit(sf) | a64_rd_nm(d, n, m), enum a64_rrr op, unsigned sf, A64_DNM)
#define X(NAME, name, bits) \
    A64_ALIAS(void, name, a64_rrr(e, A64_##NAME, sf, d, n, m), unsigned sf, A64_DNM)
A64_LIST_RRR(X)
#undef X
#define X(name, bits, sizes) A64_FORM(name, bits | a64_rd_nm(d, n, m), A64_DNM)
A64_LIST_RRR_FIXED(X)
#undef X
#define X(name, bits) \
    A64_FORM(name, bits | a64_sfbit(sf) | a << 10 | a64_rd_nm(d, n, m), unsigned sf, A64_DNM, \
             unsigned a)
A64_LIST_RRRR(X)
#undef X
#define X(name, bits) A64_FORM(name, bits | a << 10 | a64_rd_nm(d, n, m), A64_DNM, unsigned a)
A64_LIST_RRRR_LONG(X)
#undef X
#define X(name, bits) \
    A64_FORM(name, bits | a64_sfbit(sf) | a64_rd_n(d, n), unsigned sf, A64_DN)
A64_LIST_RR(X)
#undef X
A64_FORM(rev, 0x5ac00800 | a64_sfbit(sf) | sf << 10 | a64_rd_n(d, n), unsigned sf, A64_DN)
A64_FORM(rev32, 0xdac00800 | a64_rd_n(d, n), A64_DN)

/* ---- Bit fields and immediate shifts ---- */
enum a64_bf { A64_SBFM = 0x13000000, A64_BFM = 0x33000000, A64_UBFM = 0x53000000 };
A64_CHECKED(bf, immr < 32u << sf && imms < 32u << sf,
            op | a64_sfbit(sf) | sf << 22 | immr << 16 | imms << 10 | a64_rd_n(d, n),
            enum a64_bf op, unsigned sf, A64_DN, unsigned immr, unsigned imms)
/* bits lsb.. of n -> bits 0.. of d; and bits 0.. of n -> bits lsb.. of d */
static inline void a64_bf_get(struct emit *e, enum a64_bf op, unsigned sf, unsigned d, unsigned n,
                              unsigned lsb, unsigned width)
{
    xassert(width - 1 < (32u << sf) - lsb);
    a64_bf(e, op, sf, d, n, lsb, lsb + width - 1);
}
static inline void a64_bf_put(struct emit *e, enum a64_bf op, unsigned sf, unsigned d, unsigned n,
                              unsigned lsb, unsigned width)
{
    xassert(width - 1 < (32u << sf) - lsb);
    a64_bf(e, op, sf, d, n, -lsb & ((32u << sf) - 1), width - 1);
}
#define A64_LIST_BITFIELD(X) \
    X(ubfx, get, UBFM) X(sbfx, get, SBFM) X(bfxil, get, BFM) X(ubfiz, put, UBFM) \
    X(sbfiz, put, SBFM) X(bfi, put, BFM)
#define X(name, way, op) \
    A64_ALIAS(void, name, a64_bf_##way(e, A64_##op, sf, d, n, lsb, width), unsigned sf, A64_DN, \
              unsigned lsb, unsigned width)
A64_LIST_BITFIELD(X)
#undef X
#define A64_LIST_EXTEND(X) X(uxtb, UBFM, 8) X(uxth, UBFM, 16) X(sxtb, SBFM, 8) X(sxth, SBFM, 16)
#define X(name, op, width) \
    A64_ALIAS(void, name, a64_bf(e, A64_##op, sf, d, n, 0, width - 1), unsigned sf, A64_DN)
A64_LIST_EXTEND(X)
#undef X
A64_ALIAS(void, sxtw, a64_bf(e, A64_SBFM, A64_X, d, n, 0, 31), A64_DN)
A64_ALIAS(void, lsl_imm, a64_bf_put(e, A64_UBFM, sf, d, n, by, (32u << sf) - by), unsigned sf,
          A64_DN, unsigned by)
A64_ALIAS(void, lsr_imm, a64_bf_get(e, A64_UBFM, sf, d, n, by, (32u << sf) - by), unsigned sf,
          A64_DN, unsigned by)
A64_ALIAS(void, asr_imm, a64_bf_get(e, A64_SBFM, sf, d, n, by, (32u << sf) - by), unsigned sf,
          A64_DN, unsigned by)
A64_CHECKED(extr, lsb < 32u << sf,
            0x13800000 | a64_sfbit(sf) | sf << 22 | lsb << 10 | a64_rd_nm(d, n, m), unsigned sf,
            A64_DNM, unsigned lsb)
A64_ALIAS(void, ror_imm, a64_extr(e, sf, d, n, n, by), unsigned sf, A64_DN, unsigned by)

/* ---- Conditional ---- */
#define A64_LIST_CSEL(X) \
    X(csel, 0x1a800000) X(csinc, 0x1a800400) X(csinv, 0x5a800000) X(csneg, 0x5a800400)
#define X(name, bits) \
    A64_FORM(name, bits | a64_sfbit(sf) | c << 12 | a64_rd_nm(d, n, m), unsigned sf, A64_DNM, \
             enum a64_cond c)
A64_LIST_CSEL(X)
#undef X
static inline enum a64_cond a64_not(enum a64_cond c) { return (enum a64_cond)(c ^ 1); } /* not AL */
A64_ALIAS(void, cset, a64_csinc(e, sf, d, A64_ZR, A64_ZR, a64_not(c)), unsigned sf, unsigned d,
          enum a64_cond c)
A64_ALIAS(void, csetm, a64_csinv(e, sf, d, A64_ZR, A64_ZR, a64_not(c)), unsigned sf, unsigned d,
          enum a64_cond c)
A64_ALIAS(void, cinc, a64_csinc(e, sf, d, n, n, a64_not(c)), unsigned sf, A64_DN, enum a64_cond c)
/* If the condition holds compare, else NZCV = nzcv (N is bit 3). */
#define A64_LIST_CCMP(X) X(ccmp, 0x7a400000) X(ccmn, 0x3a400000)
#define X(name, bits) \
    A64_CHECKED(name, nzcv < 16, bits | a64_sfbit(sf) | m << 16 | c << 12 | n << 5 | nzcv, \
                unsigned sf, unsigned n, unsigned m, unsigned nzcv, enum a64_cond c) \
    A64_CHECKED(name##_imm, imm5 < 32 && nzcv < 16, \
                bits | 0x800 | a64_sfbit(sf) | imm5 << 16 | c << 12 | n << 5 | nzcv, unsigned sf, \
                unsigned n, unsigned imm5, unsigned nzcv, enum a64_cond c)
A64_LIST_CCMP(X)
#undef X

/* ---- Flags and system registers ---- */
#define A64_LIST_SYSREG(X) \
    X(NZCV, 0x4200) X(FPCR, 0x4400) X(FPSR, 0x4420) X(TPIDR_EL0, 0xd040) X(DCZID_EL0, 0x00e0) \
    X(CTR_EL0, 0x0020) X(CNTVCT_EL0, 0xe040) X(CNTFRQ_EL0, 0xe000) X(RNDR, 0x2400)
#define X(name, bits) A64_##name = 0xd53b0000 | bits,
enum a64_sysreg { A64_LIST_SYSREG(X) };
#undef X
A64_FORM(mrs, r | t, unsigned t, enum a64_sysreg r)
A64_FORM(msr, (r ^ 0x200000) | t, enum a64_sysreg r, unsigned t)
/* FEAT_FlagM: NZCV's bits in mask = bits of n rotated right; N, Z, V of 8- and 16-bit values */
A64_CHECKED(rmif, by < 64 && mask < 16, 0xba000400 | by << 15 | n << 5 | mask, unsigned n,
            unsigned by, unsigned mask)
A64_FORM(setf8, 0x3a00080d | n << 5, unsigned n)
A64_FORM(setf16, 0x3a00480d | n << 5, unsigned n)

/* Cache maintenance by address: name(e, t) */
#define A64_LIST_CACHE(X) \
    X(dc_zva, "dc zva", 0xd50b7420) X(dc_cvau, "dc cvau", 0xd50b7b20) \
    X(ic_ivau, "ic ivau", 0xd50b7520)
#define X(name, text, bits) A64_FORM(name, bits | t, unsigned t)
A64_LIST_CACHE(X)
#undef X

/* ---- No operands: name(e) ---- */
#define A64_LIST_NONE(X) \
    X(cfinv, "cfinv", 0xd500401f) X(xaflag, "xaflag", 0xd500403f) X(axflag, "axflag", 0xd500405f) \
    X(nop, "nop", 0xd503201f) X(yield, "yield", 0xd503203f) X(bti_c, "bti c", 0xd503245f) \
    X(bti_j, "bti j", 0xd503249f) X(bti_jc, "bti jc", 0xd50324df) X(isb, "isb", 0xd5033fdf) \
    X(dmb_ish, "dmb ish", 0xd5033bbf) X(dmb_ishld, "dmb ishld", 0xd50339bf) \
    X(dmb_ishst, "dmb ishst", 0xd5033abf) X(dsb_ish, "dsb ish", 0xd5033b9f) \
    X(clrex, "clrex", 0xd5033f5f) X(ret, "ret", 0xd65f03c0)
#define X(name, text, bits) static inline void a64_##name(struct emit *e) { e32(e, bits); }
A64_LIST_NONE(X)
#undef X
A64_FORM(hint, 0xd503201f | (n & 127) << 5, unsigned n)
A64_FORM(brk, 0xd4200000 | (imm16 & 0xffff) << 5, unsigned imm16)
A64_FORM(udf, imm16 & 0xffff, unsigned imm16)

/* ---- Branches. Retargeting is possible afterwards. ---- */
/* Whether the branch (or ADR, LDR literal) `word` can reach that far; the changed word. */
A64_TRY a64_reach(uint32_t word, int64_t dist, uint32_t *out);
/* Points the instruction at `at` to what is `dist` bytes from where it will execute; one aligned
 * store, so other threads may execute a B or BL meanwhile. False, unchanged: out of reach. */
A64_TRY a64_retarget(uint8_t *at, int64_t dist);
/* The branch emitted at `at` leads to the next instruction to be emitted. */
static inline A64_TRY a64_here(struct emit *e, uint8_t *at)
{
    return e->failed || a64_retarget(at, e->p - at);
}
/* Emits `word` with its distance; distance 0 is the usual place-holder. False: out of reach. */
static inline bool a64_emit_reach(struct emit *e, uint32_t word, int64_t dist)
{
    if (dist && !a64_reach(word, dist, &word))
        return false;
    e32(e, word);
    return true;
}
A64_ALIAS(bool, b, a64_emit_reach(e, 0x14000000, dist), int64_t dist)
A64_ALIAS(bool, bl, a64_emit_reach(e, 0x94000000, dist), int64_t dist)
A64_ALIAS(bool, bcond, a64_emit_reach(e, 0x54000000 | c, dist), enum a64_cond c, int64_t dist)
A64_ALIAS(bool, cbz, a64_emit_reach(e, 0x34000000 | a64_sfbit(sf) | t, dist), unsigned sf,
          unsigned t, int64_t dist)
A64_ALIAS(bool, cbnz, a64_emit_reach(e, 0x35000000 | a64_sfbit(sf) | t, dist), unsigned sf,
          unsigned t, int64_t dist)
static inline A64_TRY a64_tbz(struct emit *e, unsigned t, unsigned bit, int64_t dist)
{
    xassert(bit < 64);
    return a64_emit_reach(e, 0x36000000 | bit >> 5 << 31 | (bit & 31) << 19 | t, dist);
}
static inline A64_TRY a64_tbnz(struct emit *e, unsigned t, unsigned bit, int64_t dist)
{
    xassert(bit < 64);
    return a64_emit_reach(e, 0x37000000 | bit >> 5 << 31 | (bit & 31) << 19 | t, dist);
}
A64_ALIAS(A64_TRY, adr, a64_emit_reach(e, 0x10000000 | d, dist), unsigned d, int64_t dist)
/* The 4 KiB page `pages` from this instruction's. */
A64_ALIAS(A64_TRY, adrp, a64_emit_reach(e, 0x90000000 | d, pages), unsigned d, int64_t pages)
A64_FORM(br, 0xd61f0000 | n << 5, unsigned n)
A64_FORM(blr, 0xd63f0000 | n << 5, unsigned n)
A64_FORM(ret_to, 0xd65f0000 | n << 5, unsigned n)

/* ---- Loads and stores of one register; kind: 'w', 'x', or the vector register's letter ---- */
#define A64_LIST_LDST(X) \
    X(STRB, strb, 0x00000000, 'w') X(LDRB, ldrb, 0x00400000, 'w') \
    X(LDRSB_X, ldrsb, 0x00800000, 'x') X(LDRSB_W, ldrsb, 0x00c00000, 'w') \
    X(STRH, strh, 0x40000000, 'w') X(LDRH, ldrh, 0x40400000, 'w') \
    X(LDRSH_X, ldrsh, 0x40800000, 'x') X(LDRSH_W, ldrsh, 0x40c00000, 'w') \
    X(STR_W, str, 0x80000000, 'w') X(LDR_W, ldr, 0x80400000, 'w') \
    X(LDRSW, ldrsw, 0x80800000, 'x') X(STR_X, str, 0xc0000000, 'x') \
    X(LDR_X, ldr, 0xc0400000, 'x') X(STR_B, str, 0x04000000, 'b') X(LDR_B, ldr, 0x04400000, 'b') \
    X(STR_H, str, 0x44000000, 'h') X(LDR_H, ldr, 0x44400000, 'h') X(STR_S, str, 0x84000000, 's') \
    X(LDR_S, ldr, 0x84400000, 's') X(STR_D, str, 0xc4000000, 'd') X(LDR_D, ldr, 0xc4400000, 'd') \
    X(STR_Q, str, 0x04800000, 'q') X(LDR_Q, ldr, 0x04c00000, 'q')
#define X(NAME, name, bits, kind) A64_##NAME = bits,
enum a64_ldst { A64_LIST_LDST(X) };
#undef X

enum { A64_LDST_VECTOR = 0x04000000 };

/* log2 of the bytes accessed */
static inline unsigned a64_ldst_scale(enum a64_ldst op)
{
    return (op & 0x04800000) == 0x04800000 ? 4 : op >> 30;
}
static inline bool a64_disp_ok_unscaled(int64_t disp) { return disp >= -256 && disp < 256; }
/* Whether a64_ldst can encode the displacement. */
static inline bool a64_disp_ok(enum a64_ldst op, int64_t disp)
{
    unsigned s = a64_ldst_scale(op);
    return a64_disp_ok_unscaled(disp) ||
           (disp >= 0 && disp >> s < 4096 && !(disp & ((1 << s) - 1)));
}
/* [n, #disp]: the scaled unsigned form if possible, else the unscaled one (LDUR, STUR). */
A64_TRY a64_ldst(struct emit *e, enum a64_ldst op, unsigned t, unsigned n, int64_t disp);

enum a64_index { A64_UNSCALED = 0x000, A64_POST = 0x400, A64_PRE = 0xc00 };
static inline A64_TRY a64_ldst_index(struct emit *e, enum a64_ldst op, unsigned t, unsigned n,
                                  int64_t disp, enum a64_index how)
{
    if (!a64_disp_ok_unscaled(disp))
        return false;
    e32(e, op | 0x38000000 | ((uint32_t)disp & 511) << 12 | how | a64_rd_n(t, n));
    return true;
}
/* [n, m, ext]: ext UXTW, SXTW, SXTX or UXTX (= LSL); scaled: shifted by the access's size. */
A64_CHECKED(ldst_reg, ext & 2,
            op | 0x38200800 | ext << 13 | (uint32_t)scaled << 12 | a64_rd_nm(t, n, m),
            enum a64_ldst op, unsigned t, unsigned n, unsigned m, enum a64_extend ext, bool scaled)
A64_CHECKED(prfm, prfop < 32 && disp % 8 == 0 && disp < 8 * 4096,
            0xf9800000 | disp / 8 << 10 | a64_rd_n(prfop, n), unsigned prfop, unsigned n,
            unsigned disp)
/* From `dist` bytes away. */
#define A64_LIST_LITERAL(X) \
    X(LDR_W, ldr, 0x18000000, 'w') X(LDR_X, ldr, 0x58000000, 'x') \
    X(LDRSW, ldrsw, 0x98000000, 'x') X(LDR_S, ldr, 0x1c000000, 's') \
    X(LDR_D, ldr, 0x5c000000, 'd') X(LDR_Q, ldr, 0x9c000000, 'q')
#define X(NAME, name, bits, kind) A64_LIT_##NAME = bits,
enum a64_literal { A64_LIST_LITERAL(X) };
#undef X
A64_ALIAS(A64_TRY, ldr_lit, a64_emit_reach(e, op | t, dist), enum a64_literal op, unsigned t,
          int64_t dist)

/* ---- Pairs; how: A64_PAIR, A64_PAIR_PRE, A64_PAIR_POST ---- */
#define A64_LIST_PAIR(X) \
    X(STP_W, stp, 0x28000000, 'w') X(LDP_W, ldp, 0x28400000, 'w') \
    X(LDPSW, ldpsw, 0x68400000, 'x') X(STP_X, stp, 0xa8000000, 'x') \
    X(LDP_X, ldp, 0xa8400000, 'x') X(STP_S, stp, 0x2c000000, 's') X(LDP_S, ldp, 0x2c400000, 's') \
    X(STP_D, stp, 0x6c000000, 'd') X(LDP_D, ldp, 0x6c400000, 'd') X(STP_Q, stp, 0xac000000, 'q') \
    X(LDP_Q, ldp, 0xac400000, 'q')
#define X(NAME, name, bits, kind) A64_##NAME = bits,
enum a64_pair { A64_LIST_PAIR(X) };
#undef X
enum a64_pair_index {
    A64_PAIR_POST = 0x00800000, A64_PAIR = 0x01000000, A64_PAIR_PRE = 0x01800000,
};

static inline unsigned a64_pair_scale(enum a64_pair op)
{
    return op & 0x04000000 ? 2 + (op >> 30) : 2 + (op >> 31);
}
/* Displacement: a multiple of the register's size, -64..63 times it. */
A64_TRY a64_ldst_pair(struct emit *e, enum a64_pair op, unsigned t, unsigned t2, unsigned n,
                   int64_t disp, enum a64_pair_index how);

/* ---- Ordered and exclusive: by size. name(e, size, t, n) ---- */
#define A64_LIST_ORDERED(X) \
    X(ldar, 0x08dffc00) X(stlr, 0x089ffc00) X(ldapr, 0x38bfc000) X(ldxr, 0x085f7c00) \
    X(ldaxr, 0x085ffc00)
#define X(name, bits) \
    A64_FORM(name, bits | (uint32_t)size << 30 | a64_rd_n(t, n), enum a64_size size, unsigned t, \
             unsigned n)
A64_LIST_ORDERED(X)
#undef X
/* s: 0 if stored, else 1 */
#define A64_LIST_STXR(X) X(stxr, 0x08007c00) X(stlxr, 0x0800fc00)
#define X(name, bits) \
    A64_FORM(name, bits | (uint32_t)size << 30 | a64_rd_nm(t, n, s), enum a64_size size, \
             unsigned s, unsigned t, unsigned n)
A64_LIST_STXR(X)
#undef X
#define A64_LIST_LDXP(X) X(ldxp, 0x887f0000) X(ldaxp, 0x887f8000)
#define X(name, bits) \
    A64_FORM(name, bits | sf << 30 | t2 << 10 | a64_rd_n(t, n), unsigned sf, unsigned t, \
             unsigned t2, unsigned n)
A64_LIST_LDXP(X)
#undef X
#define A64_LIST_STXP(X) X(stxp, 0x88200000) X(stlxp, 0x88208000)
#define X(name, bits) \
    A64_FORM(name, bits | sf << 30 | t2 << 10 | a64_rd_nm(t, n, s), unsigned sf, unsigned s, \
             unsigned t, unsigned t2, unsigned n)
A64_LIST_STXP(X)
#undef X

/* FEAT_LRCPC2: displacement -256..255. */
#define A64_LIST_RCPC2(X) \
    X(STLURB, stlurb, 0x19000000, 'w') X(LDAPURB, ldapurb, 0x19400000, 'w') \
    X(LDAPURSB_X, ldapursb, 0x19800000, 'x') X(LDAPURSB_W, ldapursb, 0x19c00000, 'w') \
    X(STLURH, stlurh, 0x59000000, 'w') X(LDAPURH, ldapurh, 0x59400000, 'w') \
    X(LDAPURSH_X, ldapursh, 0x59800000, 'x') X(LDAPURSH_W, ldapursh, 0x59c00000, 'w') \
    X(STLUR_W, stlur, 0x99000000, 'w') X(LDAPUR_W, ldapur, 0x99400000, 'w') \
    X(LDAPURSW, ldapursw, 0x99800000, 'x') X(STLUR_X, stlur, 0xd9000000, 'x') \
    X(LDAPUR_X, ldapur, 0xd9400000, 'x')
#define X(NAME, name, bits, kind) A64_##NAME = bits,
enum a64_rcpc2 { A64_LIST_RCPC2(X) };
#undef X
/* That of a load or store of a general register. */
#define A64_RCPC2_OF(ldst) ((enum a64_rcpc2)((ldst) | 0x19000000))
static inline A64_TRY a64_ldst_rcpc2(struct emit *e, enum a64_rcpc2 op, unsigned t, unsigned n,
                                  int64_t disp)
{
    if (!a64_disp_ok_unscaled(disp))
        return false;
    e32(e, op | ((uint32_t)disp & 511) << 12 | a64_rd_n(t, n));
    return true;
}

/* FEAT_LSE: t = [n]; [n] = t op s. */
#define A64_LIST_ATOMIC(X) \
    X(LDADD, ldadd, 0x0000) X(LDCLR, ldclr, 0x1000) X(LDEOR, ldeor, 0x2000) \
    X(LDSET, ldset, 0x3000) X(LDSMAX, ldsmax, 0x4000) X(LDSMIN, ldsmin, 0x5000) \
    X(LDUMAX, ldumax, 0x6000) X(LDUMIN, ldumin, 0x7000) X(SWP, swp, 0x8000)
#define X(NAME, name, bits) A64_##NAME = bits,
enum a64_atomic { A64_LIST_ATOMIC(X) };
#undef X
enum a64_order { A64_RELAXED, A64_REL, A64_ACQ, A64_ACQ_REL };
static inline uint32_t a64_cas_order(enum a64_order o) { return (o & 2) << 21 | (o & 1) << 15; }
A64_FORM(atomic, 0x38200000 | (uint32_t)size << 30 | order << 22 | op | a64_rd_nm(t, n, s),
         enum a64_atomic op, enum a64_size size, enum a64_order order, unsigned s, unsigned t,
         unsigned n)
/* If [n] == s then [n] = t; s = old [n]. */
A64_FORM(cas, 0x08a07c00 | (uint32_t)size << 30 | a64_cas_order(order) | a64_rd_nm(t, n, s),
         enum a64_size size, enum a64_order order, unsigned s, unsigned t, unsigned n)
/* s, s+1 and t, t+1: s and t even. */
A64_CHECKED(casp, !(s & 1) && !(t & 1),
            0x08207c00 | sf << 30 | a64_cas_order(order) | a64_rd_nm(t, n, s),
            unsigned sf, enum a64_order order, unsigned s, unsigned t, unsigned n)

#include "translate/aarch64/emit_fp.h"

#endif
