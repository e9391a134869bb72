/* The AArch64 encoder. `a64` checks what is computed: immediates against every valid one, lengths
 * of constants, branch distances. `a64 --list` prints each form with several operands as "word<TAB>
 * assembly", which a64.sh compares with the assembler's opinion. The rows of the encoder's lists
 * are all tried without being named here. */
#define A64_TRY bool /* what is emitted is looked at */
#include "translate/aarch64/emit.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/random.h"
#include "tests/unit/test.h"

static struct translation tr;
static uint8_t code[4096];
static struct emit em, *const e = &em;
static bool listing;

static void reset(void)
{
    em = (struct emit){.tr = &tr, .p = code, .end = code + sizeof code};
    tr.code = code;
}

static uint32_t word(unsigned i)
{
    uint32_t w;
    memcpy(&w, code + 4 * i, 4);
    return w;
}

/* Exactly one instruction has been emitted; this is its text. */
__attribute__((format(printf, 1, 2))) static void is(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (listing) {
        printf("%08x\t", word(0));
        vprintf(fmt, ap);
        putchar('\n');
    }
    va_end(ap);
    CHECK(e->p == code + 4 && !e->failed);
    reset();
}

/* ---- texts of operands: in rotating buffers ---- */

__attribute__((format(printf, 1, 2))) static const char *text(const char *fmt, ...)
{
    static char buf[16][40];
    static unsigned next;
    char *b = buf[next++ % 16];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(b, sizeof buf[0], fmt, ap);
    va_end(ap);
    return b;
}
static const char *r(unsigned sf, unsigned n)
{
    return n == 31 ? text("%czr", "wx"[sf]) : text("%c%u", "wx"[sf], n);
}
static const char *rs(unsigned sf, unsigned n) { return n == 31 ? sf ? "sp" : "wsp" : r(sf, n); }
static const char *x(unsigned n) { return r(A64_X, n); }
static const char *w(unsigned n) { return r(A64_W, n); }
static const char *xs(unsigned n) { return rs(A64_X, n); }
static const char *f(enum a64_ft ft, unsigned n) { return text("%c%u", "sd h"[ft], n); }
static const char *v(enum a64_arr arr, unsigned n)
{
    static const char *const names[] = {"8b", "16b", "4h", "8h", "2s", "4s", "1d", "2d"};
    return arr & 8 ? text("%c%u", "bhsd"[a64_elem(arr)], n) : text("v%u.%s", n, names[arr]);
}
/* Any register by the letter of its kind. */
static const char *k(char kind, unsigned n)
{
    return kind == 'w' ? w(n) : kind == 'x' ? x(n) : text("%c%u", kind, n);
}
static const char *elem(enum a64_arr arr, unsigned n, unsigned i)
{
    return text("v%u.%c[%u]", n, "bhsd"[a64_elem(arr)], i);
}
static const char *lower(const char *s)
{
    char b[32];
    unsigned i = 0;
    for (; s[i] && i < 31; i++)
        b[i] = (char)tolower((unsigned char)s[i]);
    b[i] = 0;
    return text("%s", b);
}
static const char *const conds[] = {"eq", "ne", "cs", "cc", "mi", "pl", "vs", "vc",
                                    "hi", "ls", "ge", "lt", "gt", "le", "al"};
static const char *const shifts[] = {"lsl", "lsr", "asr", "ror"};
static const char *const extends[] = {"uxtb", "uxth", "uxtw", "uxtx",
                                      "sxtb", "sxth", "sxtw", "sxtx"};

/* ---- registers: each field sees 0, 15, 30, 31, and a case where all differ by little ---- */
static const struct {
    unsigned d, n, m, a;
} regs[] = {{0, 15, 30, 31}, {15, 30, 31, 0}, {30, 31, 0, 15}, {31, 0, 15, 30}, {19, 20, 21, 22}};
#define EACH_REGS(q) for (size_t q = 0; q < ARRAY_SIZE(regs); q++)
#define EACH_SF(sf) for (unsigned sf = 0; sf < 2; sf++)
#define D regs[q].d
#define N regs[q].n
#define M regs[q].m
#define A regs[q].a

/* ---- integer ---- */

static void arith(void)
{
    static const unsigned imms[] = {0, 1, 2048, 4095, 4096, 0x7ff000, 0xfff000};
#define X(NAME, name, bits)                                                                        \
    EACH_SF(sf) EACH_REGS(q)                                                                       \
    {                                                                                              \
        bool s = A64_##NAME == A64_ADDS || A64_##NAME == A64_SUBS;                                 \
        char d[8];                                                                                 \
        strcpy(d, s ? r(sf, D) : rs(sf, D));                                                       \
        a64_##name(e, sf, D, N, M);                                                                \
        is(#name " %s, %s, %s, lsl #0", r(sf, D), r(sf, N), r(sf, M));                             \
        for (unsigned sh = 0; sh < 3; sh++) {                                                      \
            unsigned by = sh == 0 ? 1 : sh == 1 ? 15 : (32u << sf) - 1;                            \
            a64_##name##_sh(e, sf, D, N, M, (enum a64_shift)sh, by);                               \
            is(#name " %s, %s, %s, %s #%u", r(sf, D), r(sf, N), r(sf, M), shifts[sh], by);         \
        }                                                                                          \
        for (unsigned x3 = 0; x3 < 8; x3++) {                                                      \
            a64_##name##_ext(e, sf, D, N, M, (enum a64_extend)x3, x3 % 5);                         \
            is(#name " %s, %s, %s, %s #%u", d, rs(sf, N), r(sf && (x3 & 3) == 3, M), extends[x3],  \
               x3 % 5);                                                                            \
        }                                                                                          \
        for (size_t i = 0; i < ARRAY_SIZE(imms); i++) {                                            \
            a64_##name##_imm(e, sf, D, N, imms[i]);                                                \
            is(#name " %s, %s, #%u", d, rs(sf, N), imms[i]);                                       \
        }                                                                                          \
        CHECK(!a64_##name##_imm(e, sf, D, N, 4097) && !a64_##name##_imm(e, sf, D, N, 0x1000000) && \
              !a64_##name##_imm(e, sf, D, N, UINT64_MAX) && e->p == code);                         \
    }
    A64_LIST_ARITH(X)
#undef X
    EACH_SF(sf) EACH_REGS(q)
    {
        a64_cmp(e, sf, N, M), is("cmp %s, %s", r(sf, N), r(sf, M));
        a64_cmn(e, sf, N, M), is("cmn %s, %s", r(sf, N), r(sf, M));
        a64_cmp_imm(e, sf, N, 4095), is("cmp %s, #4095", rs(sf, N));
        a64_cmn_imm(e, sf, N, 4096), is("cmn %s, #4096", rs(sf, N));
        a64_neg(e, sf, D, M), is("neg %s, %s", r(sf, D), r(sf, M));
        a64_negs(e, sf, D, M), is("negs %s, %s", r(sf, D), r(sf, M));
        a64_mov_sp(e, D, 31), is("mov %s, sp", xs(D));
        a64_mov_sp(e, 31, N), is("mov sp, %s", xs(N));
    }
}

static void logic(void)
{
    static const char *const plain[] = {"and", "orr", "eor", "ands"};
#define X(NAME, name, bits)                                                                        \
    EACH_SF(sf) EACH_REGS(q)                                                                       \
    {                                                                                              \
        a64_##name(e, sf, D, N, M);                                                                \
        is(#name " %s, %s, %s", r(sf, D), r(sf, N), r(sf, M));                                     \
        for (unsigned sh = 0; sh < 4; sh++) {                                                      \
            unsigned by = sh == 0 ? 1 : sh == 1 ? 15 : (32u << sf) - 1;                            \
            a64_##name##_sh(e, sf, D, N, M, (enum a64_shift)sh, by);                               \
            is(#name " %s, %s, %s, %s #%u", r(sf, D), r(sf, N), r(sf, M), shifts[sh], by);         \
        }                                                                                          \
        const char *d = (A64_##NAME & 0x60000000) == 0x60000000 ? r(sf, D) : rs(sf, D);            \
        a64_##name##_imm(e, sf, D, N, 0x00ff00ff00ff00ff);                                         \
        bool inverted = A64_##NAME & 1u << 21; /* the assembler knows only the others */           \
        uint64_t imm = (inverted ? 0xff00ff00ff00ff00 : 0x00ff00ff00ff00ff) >> (sf ? 0 : 32);      \
        is("%s %s, %s, #0x%" PRIx64, plain[A64_##NAME >> 29 & 3], d, r(sf, N), imm);               \
    }
    A64_LIST_LOGIC(X)
#undef X
    EACH_SF(sf) EACH_REGS(q)
    {
        a64_mov(e, sf, D, M), is("mov %s, %s", r(sf, D), r(sf, M));
        a64_mvn(e, sf, D, M), is("mvn %s, %s", r(sf, D), r(sf, M));
        a64_tst(e, sf, N, M), is("tst %s, %s", r(sf, N), r(sf, M));
        a64_tst_imm(e, sf, N, 0x80000000), is("tst %s, #0x80000000", r(sf, N));
        for (unsigned lsl = 0; lsl < 32u << sf; lsl += 16) {
            a64_movw(e, A64_MOVZ, sf, D, 0xffff, lsl),
                is("movz %s, #0xffff, lsl #%u", r(sf, D), lsl);
            a64_movw(e, A64_MOVN, sf, D, 1, lsl), is("movn %s, #1, lsl #%u", r(sf, D), lsl);
            a64_movw(e, A64_MOVK, sf, D, 0x8000, lsl),
                is("movk %s, #0x8000, lsl #%u", r(sf, D), lsl);
        }
    }
}

static void three_and_two(void)
{
#define X(NAME, name, bits)                                                                        \
    EACH_SF(sf)                                                                                    \
    EACH_REGS(q)                                                                                   \
    a64_##name(e, sf, D, N, M), is("%s %s, %s, %s", #name, r(sf, D), r(sf, N), r(sf, M));
    A64_LIST_RRR(X)
#undef X
#define X(name, bits, s)                                                                           \
    EACH_REGS(q)                                                                                   \
    a64_##name(e, D, N, M), is("%s %s, %s, %s", #name, k((s)[0], D), k((s)[1], N), k((s)[2], M));
    A64_LIST_RRR_FIXED(X)
#undef X
#define X(name, bits)                                                                              \
    EACH_SF(sf)                                                                                    \
    EACH_REGS(q)                                                                                   \
    a64_##name(e, sf, D, N, M, A),                                                                 \
        is("%s %s, %s, %s, %s", #name, r(sf, D), r(sf, N), r(sf, M), r(sf, A));
    A64_LIST_RRRR(X)
#undef X
#define X(name, bits)                                                                              \
    EACH_REGS(q) a64_##name(e, D, N, M, A), is("%s %s, %s, %s, %s", #name, x(D), w(N), w(M), x(A));
    A64_LIST_RRRR_LONG(X)
#undef X
#define X(name, bits)                                                                              \
    EACH_SF(sf) EACH_REGS(q) a64_##name(e, sf, D, N), is("%s %s, %s", #name, r(sf, D), r(sf, N));
    A64_LIST_RR(X)
    X(rev, 0)
#undef X
    EACH_REGS(q) a64_rev32(e, D, N), is("rev32 %s, %s", x(D), x(N));
}

static void bitfields(void)
{
    EACH_SF(sf) EACH_REGS(q)
    {
        const unsigned top = (32u << sf) - 1;
        const unsigned fields[][2] = {{0, 1}, {0, top + 1}, {top, 1}, {1, top},
                                      {8, 8}, {15, 17},     {3, 1}};
        for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
#define X(name, way, op)                                                                           \
    a64_##name(e, sf, D, N, fields[i][0], fields[i][1]),                                           \
        is("%s %s, %s, #%u, #%u", #name, r(sf, D), r(sf, N), fields[i][0], fields[i][1]);
            A64_LIST_BITFIELD(X)
#undef X
        }
        a64_bf(e, A64_SBFM, sf, D, N, 7, 3), is("sbfm %s, %s, #7, #3", r(sf, D), r(sf, N));
        a64_bf(e, A64_BFM, sf, D, N, 0, top), is("bfm %s, %s, #0, #%u", r(sf, D), r(sf, N), top);
        a64_bf(e, A64_UBFM, sf, D, N, top, 0), is("ubfm %s, %s, #%u, #0", r(sf, D), r(sf, N), top);
        a64_sxtb(e, sf, D, N), is("sxtb %s, %s", r(sf, D), w(N));
        a64_sxth(e, sf, D, N), is("sxth %s, %s", r(sf, D), w(N));
        const unsigned by[] = {0, 1, 15, top};
        for (size_t i = 0; i < ARRAY_SIZE(by); i++) {
            a64_lsl_imm(e, sf, D, N, by[i]), is("lsl %s, %s, #%u", r(sf, D), r(sf, N), by[i]);
            a64_lsr_imm(e, sf, D, N, by[i]), is("lsr %s, %s, #%u", r(sf, D), r(sf, N), by[i]);
            a64_asr_imm(e, sf, D, N, by[i]), is("asr %s, %s, #%u", r(sf, D), r(sf, N), by[i]);
            a64_ror_imm(e, sf, D, N, by[i]), is("ror %s, %s, #%u", r(sf, D), r(sf, N), by[i]);
            a64_extr(e, sf, D, N, M, by[i]);
            is("extr %s, %s, %s, #%u", r(sf, D), r(sf, N), r(sf, M), by[i]);
        }
    }
    EACH_REGS(q)
    {
        a64_uxtb(e, A64_W, D, N), is("uxtb %s, %s", w(D), w(N));
        a64_uxth(e, A64_W, D, N), is("uxth %s, %s", w(D), w(N));
        a64_uxtb(e, A64_X, D, N), is("ubfx %s, %s, #0, #8", x(D), x(N));
        a64_uxth(e, A64_X, D, N), is("ubfx %s, %s, #0, #16", x(D), x(N));
        a64_sxtw(e, D, N), is("sxtw %s, %s", x(D), w(N));
    }
}

static void conditional(void)
{
    EACH_SF(sf) EACH_REGS(q) for (unsigned i = 0; i < 15; i++)
    {
        enum a64_cond c = (enum a64_cond)i;
        unsigned nzcv = i * 5 & 15, imm = (i * 7 + (i == 14)) & 31;
#define X(name, bits)                                                                              \
    a64_##name(e, sf, D, N, M, c),                                                                 \
        is("%s %s, %s, %s, %s", #name, r(sf, D), r(sf, N), r(sf, M), conds[i]);
        A64_LIST_CSEL(X)
#undef X
#define X(name, bits)                                                                              \
    a64_##name(e, sf, N, M, nzcv, c);                                                              \
    is("%s %s, %s, #%u, %s", #name, r(sf, N), r(sf, M), nzcv, conds[i]);                           \
    a64_##name##_imm(e, sf, N, imm, nzcv, c);                                                      \
    is("%s %s, #%u, #%u, %s", #name, r(sf, N), imm, nzcv, conds[i]);
        A64_LIST_CCMP(X)
#undef X
        if (c == A64_AL)
            continue;
        a64_cset(e, sf, D, c), is("cset %s, %s", r(sf, D), conds[i]);
        a64_csetm(e, sf, D, c), is("csetm %s, %s", r(sf, D), conds[i]);
        a64_cinc(e, sf, D, N, c), is("cinc %s, %s, %s", r(sf, D), r(sf, N), conds[i]);
    }
}

static void system_forms(void)
{
    EACH_REGS(q)
    {
#define X(name, bits) a64_mrs(e, D, A64_##name), is("mrs %s, %s", x(D), #name);
        A64_LIST_SYSREG(X)
#undef X
        a64_msr(e, A64_NZCV, D), is("msr nzcv, %s", x(D));
        a64_msr(e, A64_FPCR, D), is("msr fpcr, %s", x(D));
        a64_msr(e, A64_FPSR, D), is("msr fpsr, %s", x(D));
        a64_msr(e, A64_TPIDR_EL0, D), is("msr tpidr_el0, %s", x(D));
        for (unsigned i = 0; i < 64; i += 9)
            a64_rmif(e, N, i, i & 15), is("rmif %s, #%u, #%u", x(N), i, i & 15);
#define X(name, words, bits) a64_##name(e, D), is(words ", %s", x(D));
        A64_LIST_CACHE(X)
#undef X
        a64_setf8(e, N), is("setf8 %s", w(N));
        a64_setf16(e, N), is("setf16 %s", w(N));
        a64_br(e, N), is("br %s", x(N));
        a64_blr(e, N), is("blr %s", x(N));
        a64_ret_to(e, N), is("ret %s", x(N));
    }
#define X(name, t, bits) a64_##name(e), is(t);
    A64_LIST_NONE(X)
#undef X
    for (unsigned i = 0; i < 128; i += 7)
        a64_hint(e, i), is("hint #%u", i);
    a64_brk(e, 0), is("brk #0");
    a64_brk(e, 0xffff), is("brk #0xffff");
    a64_udf(e, 0xffff), is("udf #0xffff");
    e32(e, 0x01234567), is(".inst 0x01234567");
    e64(e, UINT64_C(0xd503201f14000001));
    CHECK(emit_off(e) == 8 && word(0) == 0x14000001 && word(1) == 0xd503201f);
    reset();
}

/* ---- loads and stores ---- */

static void loads_imm(const char *name, enum a64_ldst op, char kind, size_t q)
{
    const int size = 1 << a64_ldst_scale(op);
    const int disps[] = {0, 255, 256, -256, -1, 1, size, 4095 * size, 2048 * size};
    for (size_t i = 0; i < ARRAY_SIZE(disps); i++) {
        if (!a64_disp_ok(op, disps[i])) {
            CHECK(!a64_ldst(e, op, D, N, disps[i]) && e->p == code);
            continue;
        }
        a64_ldst(e, op, D, N, disps[i]);
        is("%s %s, [%s, #%d]", name, k(kind, D), xs(N), disps[i]);
    }
    CHECK(!a64_ldst(e, op, D, N, 4096 * size) && !a64_ldst(e, op, D, N, -257) && e->p == code);
    CHECK(!a64_disp_ok(op, 4096 * size) && !a64_disp_ok(op, -257) && a64_disp_ok(op, 4095 * size));
    static const int small[] = {-256, -1, 0, 1, 8, 255};
    for (size_t i = 0; i < ARRAY_SIZE(small); i++) {
        char u[16];
        bool load = name[0] == 'l';
        snprintf(u, sizeof u, "%su%s", load ? "ld" : "st", name + 2);
        a64_ldst_index(e, op, D, N, small[i], A64_UNSCALED);
        is("%s %s, [%s, #%d]", u, k(kind, D), xs(N), small[i]);
        a64_ldst_index(e, op, D, N, small[i], A64_PRE);
        is("%s %s, [%s, #%d]!", name, k(kind, D), xs(N), small[i]);
        a64_ldst_index(e, op, D, N, small[i], A64_POST);
        is("%s %s, [%s], #%d", name, k(kind, D), xs(N), small[i]);
    }
    CHECK(!a64_ldst_index(e, op, D, N, 256, A64_PRE) &&
          !a64_ldst_index(e, op, D, N, -257, A64_POST));
}

static void loads_reg(const char *name, enum a64_ldst op, char kind, size_t q)
{
    unsigned s = a64_ldst_scale(op);
    static const enum a64_extend exts[] = {A64_UXTW, A64_UXTX, A64_SXTW, A64_SXTX};
    for (size_t i = 0; i < ARRAY_SIZE(exts); i++) {
        const char *m = r(exts[i] & 1, M), *ext = exts[i] == A64_UXTX ? "lsl" : extends[exts[i]];
        a64_ldst_reg(e, op, D, N, M, exts[i], true);
        is("%s %s, [%s, %s, %s #%u]", name, k(kind, D), xs(N), m, ext, s);
        a64_ldst_reg(e, op, D, N, M, exts[i], false);
        if (exts[i] == A64_UXTX)
            is("%s %s, [%s, %s]", name, k(kind, D), xs(N), m);
        else
            is("%s %s, [%s, %s, %s]", name, k(kind, D), xs(N), m, ext);
    }
}

static void loads(void)
{
    EACH_REGS(q)
    {
#define X(NAME, name, bits, kind)                                                                  \
    loads_imm(#name, A64_##NAME, kind, q), loads_reg(#name, A64_##NAME, kind, q);
        A64_LIST_LDST(X)
#undef X
#define X(NAME, name, bits, kind)                                                                  \
    a64_ldr_lit(e, A64_LIT_##NAME, D, 8), is("%s %s, .+8", #name, k(kind, D));                     \
    a64_ldr_lit(e, A64_LIT_##NAME, D, -4), is("%s %s, .-4", #name, k(kind, D));                    \
    a64_ldr_lit(e, A64_LIT_##NAME, D, 1048572), is("%s %s, .+1048572", #name, k(kind, D));         \
    CHECK(!a64_ldr_lit(e, A64_LIT_##NAME, D, 1048576) && !a64_ldr_lit(e, A64_LIT_##NAME, D, 2));
        A64_LIST_LITERAL(X)
#undef X
        a64_prfm(e, 0, N, 32760), is("prfm pldl1keep, [%s, #32760]", xs(N));
        a64_prfm(e, 17, N, 0), is("prfm pstl1strm, [%s]", xs(N));
#define X(NAME, name, bits, kind)                                                                  \
    for (int i = -64; i < 64; i += i == 0 ? 63 : 32) {                                             \
        int disp = i * (1 << a64_pair_scale(A64_##NAME));                                          \
        a64_ldst_pair(e, A64_##NAME, D, M, N, disp, A64_PAIR);                                     \
        is("%s %s, %s, [%s, #%d]", #name, k(kind, D), k(kind, M), xs(N), disp);                    \
        a64_ldst_pair(e, A64_##NAME, D, M, N, disp, A64_PAIR_PRE);                                 \
        is("%s %s, %s, [%s, #%d]!", #name, k(kind, D), k(kind, M), xs(N), disp);                   \
        a64_ldst_pair(e, A64_##NAME, D, M, N, disp, A64_PAIR_POST);                                \
        is("%s %s, %s, [%s], #%d", #name, k(kind, D), k(kind, M), xs(N), disp);                    \
        CHECK(!a64_ldst_pair(e, A64_##NAME, D, M, N, disp + 1, A64_PAIR));                         \
    }                                                                                              \
    CHECK(!a64_ldst_pair(e, A64_##NAME, D, M, N, 64 << a64_pair_scale(A64_##NAME), A64_PAIR) &&    \
          e->p == code);
        A64_LIST_PAIR(X)
#undef X
    }
}

static const char *const size_suffix[] = {"b", "h", "", ""};

static void ordered(void)
{
    EACH_REGS(q)
    {
        for (unsigned s = 0; s < 4; s++) {
            enum a64_size size = (enum a64_size)s;
#define X(name, bits)                                                                              \
    a64_##name(e, size, D, N), is("%s%s %s, [%s]", #name, size_suffix[s], r(s == 3, D), xs(N));
            A64_LIST_ORDERED(X)
#undef X
#define X(name, bits)                                                                              \
    a64_##name(e, size, D, M, N);                                                                  \
    is("%s%s %s, %s, [%s]", #name, size_suffix[s], w(D), r(s == 3, M), xs(N));
            A64_LIST_STXR(X)
#undef X
        }
        EACH_SF(sf)
        {
#define X(name, bits)                                                                              \
    a64_##name(e, sf, D, M, N), is("%s %s, %s, [%s]", #name, r(sf, D), r(sf, M), xs(N));
            A64_LIST_LDXP(X)
#undef X
#define X(name, bits)                                                                              \
    a64_##name(e, sf, D, M, A, N);                                                                 \
    is("%s %s, %s, %s, [%s]", #name, w(D), r(sf, M), r(sf, A), xs(N));
            A64_LIST_STXP(X)
#undef X
        }
#define X(NAME, name, bits, kind)                                                                  \
    a64_ldst_rcpc2(e, A64_##NAME, D, N, 255), is("%s %s, [%s, #255]", #name, k(kind, D), xs(N));   \
    a64_ldst_rcpc2(e, A64_##NAME, D, N, -256), is("%s %s, [%s, #-256]", #name, k(kind, D), xs(N)); \
    CHECK(!a64_ldst_rcpc2(e, A64_##NAME, D, N, 256));
        A64_LIST_RCPC2(X)
#undef X
    }
}

static void atomics(void)
{
    static const char *const order_suffix[] = {"", "l", "a", "al"};
    static const unsigned even[][3] = {{0, 14, 31}, {14, 28, 0}, {28, 0, 30}, {20, 22, 15}};
    for (unsigned o = 0; o < 4; o++) {
        enum a64_order order = (enum a64_order)o;
        for (unsigned s = 0; s < 4; s++) {
            enum a64_size size = (enum a64_size)s;
            EACH_REGS(q)
            {
#define X(NAME, name, bits)                                                                        \
    a64_atomic(e, A64_##NAME, size, order, D, M, N);                                               \
    is("%s%s%s %s, %s, [%s]", #name, order_suffix[o], size_suffix[s], r(s == 3, D), r(s == 3, M),  \
       xs(N));
                A64_LIST_ATOMIC(X)
#undef X
                a64_cas(e, size, order, D, M, N);
                is("cas%s%s %s, %s, [%s]", order_suffix[o], size_suffix[s], r(s == 3, D),
                   r(s == 3, M), xs(N));
            }
        }
        EACH_SF(sf) for (size_t i = 0; i < ARRAY_SIZE(even); i++)
        {
            unsigned s = even[i][0], t = even[i][1], n = even[i][2];
            a64_casp(e, sf, order, s, t, n);
            is("casp%s %s, %s, %s, %s, [%s]", order_suffix[o], r(sf, s), r(sf, s + 1), r(sf, t),
               r(sf, t + 1), xs(n));
        }
    }
}

/* ---- branches ---- */

static void branches(void)
{
    static const int64_t dists[] = {0,       4,        -4,        32764,     -32768,
                                    1048572, -1048576, 134217724, -134217728};
    for (size_t i = 0; i < ARRAY_SIZE(dists); i++) {
        int64_t d = dists[i];
        int limit19 = d >= -1048576 && d < 1048576, limit14 = d >= -32768 && d < 32768;
        CHECK(a64_b(e, d));
        is("b .%+" PRId64, d);
        CHECK(a64_bl(e, d));
        is("bl .%+" PRId64, d);
        for (unsigned c = 0; c < 15; c++) {
            CHECK(a64_bcond(e, (enum a64_cond)c, d) == limit19);
            if (limit19)
                is("b.%s .%+" PRId64, conds[c], d);
        }
        EACH_SF(sf) EACH_REGS(q)
        {
            CHECK(a64_cbz(e, sf, D, d) == limit19);
            if (limit19)
                is("cbz %s, .%+" PRId64, r(sf, D), d);
            CHECK(a64_cbnz(e, sf, D, d) == limit19);
            if (limit19)
                is("cbnz %s, .%+" PRId64, r(sf, D), d);
            for (unsigned bit = 32 * sf; bit < 32 + 32 * sf; bit += 31) {
                CHECK(a64_tbz(e, D, bit, d) == limit14);
                if (limit14)
                    is("tbz %s, #%u, .%+" PRId64, r(sf, D), bit, d);
                CHECK(a64_tbnz(e, D, bit, d) == limit14);
                if (limit14)
                    is("tbnz %s, #%u, .%+" PRId64, r(sf, D), bit, d);
            }
            CHECK(a64_adr(e, D, d + (d < 0)) == limit19);
            if (limit19)
                is("adr %s, .%+" PRId64, x(D), d + (d < 0));
            CHECK(a64_adrp(e, D, d) ==
                  limit19); /* the same fields; the assembler leaves it to the linker */
            a64_adr(e, D, d);
            CHECK(!limit19 || (word(0) == (word(1) | 1u << 31) && e->p == code + 8));
            reset();
        }
    }
    CHECK(!a64_b(e, 134217728) && !a64_bl(e, -134217732) && !a64_b(e, 2) &&
          !a64_bcond(e, A64_EQ, 1048576) && !a64_tbz(e, 0, 0, 32768) && !a64_adr(e, 0, 1048576) &&
          !a64_cbz(e, 0, 0, -1048580) && e->p == code);
}

static void patching(void)
{
    static const int64_t dists[] = {0, 4, -4, 32764, -32768};
    for (size_t i = 0; i < ARRAY_SIZE(dists); i++) {
        int64_t from = dists[i], to = dists[ARRAY_SIZE(dists) - 1 - i];
#define BOTH(call)                                                                                 \
    do {                                                                                           \
        int64_t dist = from;                                                                       \
        CHECK(call);                                                                               \
        dist = to;                                                                                 \
        CHECK(call);                                                                               \
        CHECK(a64_retarget(code, to) && word(0) == word(1));                                       \
        CHECK(!a64_retarget(code, INT64_C(1) << 32) && word(0) == word(1));                        \
        reset();                                                                                   \
    } while (0)
        BOTH(a64_b(e, dist));
        BOTH(a64_bl(e, dist));
        BOTH(a64_bcond(e, A64_LE, dist));
        BOTH(a64_cbz(e, A64_X, 31, dist));
        BOTH(a64_cbnz(e, A64_W, 30, dist));
        BOTH(a64_tbz(e, 31, 63, dist));
        BOTH(a64_tbnz(e, 0, 31, dist));
        BOTH(a64_adr(e, 31, dist));
        BOTH(a64_adrp(e, 31, dist));
        BOTH(a64_ldr_lit(e, A64_LIT_LDR_Q, 31, dist));
        BOTH(a64_ldr_lit(e, A64_LIT_LDRSW, 0, dist));
    }
    uint8_t *at = e->p;
    a64_b(e, 0), a64_nop(e), a64_nop(e);
    CHECK(a64_here(e, at) && word(0) == 0x14000003);
    reset();
    e->end = code + 4;
    a64_nop(e);
    CHECK(!e->failed && e->p == code + 4);
    a64_nop(e);
    CHECK(e->failed && e->p == code + 4);
    reset();
}

/* ---- floating point and vectors ---- */

static void fp_scalar(void)
{
    static const enum a64_ft fts[] = {A64_S, A64_D, A64_H};
    for (size_t i = 0; i < 3; i++) {
        enum a64_ft ft = fts[i];
        EACH_REGS(q)
        {
#define X(NAME, name, bits) a64_##name(e, ft, D, N), is("%s %s, %s", #name, f(ft, D), f(ft, N));
            A64_LIST_FP1(X)
            if (ft != A64_H) {
                A64_LIST_FP1_TS(X)
            }
#undef X
#define X(NAME, name, bits)                                                                        \
    a64_##name(e, ft, D, N, M), is("%s %s, %s, %s", #name, f(ft, D), f(ft, N), f(ft, M));
            A64_LIST_FP2(X)
#undef X
#define X(NAME, name, bits)                                                                        \
    a64_fp3(e, A64_##NAME, ft, D, N, M, A);                                                        \
    is("%s %s, %s, %s, %s", #name, f(ft, D), f(ft, N), f(ft, M), f(ft, A));
            A64_LIST_FP3(X)
#undef X
            EACH_SF(sf)
            {
#define X(NAME, name, bits) a64_##name(e, sf, ft, D, N), is("%s %s, %s", #name, r(sf, D), f(ft, N));
                A64_LIST_FP_TO_INT(X)
#undef X
#define X(NAME, name, bits) a64_##name(e, sf, ft, D, N), is("%s %s, %s", #name, f(ft, D), r(sf, N));
                A64_LIST_INT_TO_FP(X)
#undef X
            }
            for (size_t j = 0; j < 3; j++)
                if (i != j)
                    a64_fcvt(e, ft, fts[j], D, N), is("fcvt %s, %s", f(ft, D), f(fts[j], N));
            a64_fcmp(e, ft, N, M), is("fcmp %s, %s", f(ft, N), f(ft, M));
            a64_fcmpe(e, ft, N, M), is("fcmpe %s, %s", f(ft, N), f(ft, M));
            a64_fcmp_zero(e, ft, N), is("fcmp %s, #0.0", f(ft, N));
            a64_fcmpe_zero(e, ft, N), is("fcmpe %s, #0.0", f(ft, N));
            for (unsigned c = 0; c < 15; c += 2) {
                a64_fccmp(e, ft, N, M, c ^ 5, (enum a64_cond)c);
                is("fccmp %s, %s, #%u, %s", f(ft, N), f(ft, M), c ^ 5, conds[c]);
                a64_fcsel(e, ft, D, N, M, (enum a64_cond)c);
                is("fcsel %s, %s, %s, %s", f(ft, D), f(ft, N), f(ft, M), conds[c]);
            }
        }
    }
    EACH_REGS(q)
    {
        a64_fjcvtzs(e, D, N), is("fjcvtzs %s, %s", w(D), f(A64_D, N));
        a64_fmov_to_gpr(e, A64_W, D, N), is("fmov %s, %s", w(D), f(A64_S, N));
        a64_fmov_to_gpr(e, A64_X, D, N), is("fmov %s, %s", x(D), f(A64_D, N));
        a64_fmov_from_gpr(e, A64_W, D, N), is("fmov %s, %s", f(A64_S, D), w(N));
        a64_fmov_from_gpr(e, A64_X, D, N), is("fmov %s, %s", f(A64_D, D), x(N));
        a64_fmov_top_to_gpr(e, D, N), is("fmov %s, v%u.d[1]", x(D), N);
        a64_fmov_top_from_gpr(e, D, N), is("fmov v%u.d[1], %s", D, x(N));
        a64_addp_scalar(e, D, N), is("addp d%u, v%u.2d", D, N);
        a64_faddp_scalar(e, A64_S, D, N), is("faddp s%u, v%u.2s", D, N);
        a64_faddp_scalar(e, A64_D, D, N), is("faddp d%u, v%u.2d", D, N);
    }
}

/* The next arrangement of those the masks allow (bit n: elements of 2^n bytes), from arr on. */
static bool arrangement(unsigned *arr, unsigned vectors, unsigned scalars)
{
    for (; *arr <= A64_D1; ++*arr) {
        unsigned size = *arr >> 1 & 3;
        if (*arr < 8 ? vectors >> size & 1 && *arr != A64_1D : !(*arr & 1) && scalars >> size & 1)
            return true;
    }
    return false;
}
#define EACH_ARR(a, vectors, scalars)                                                              \
    for (unsigned a##_n = 0; arrangement(&a##_n, vectors, scalars); a##_n++)                       \
        for (enum a64_arr a = (enum a64_arr)a##_n, a##_once = A64_16B; a##_once; a##_once = A64_8B)
/* Elements of twice the size: in a whole register, or scalar; in the same register size. */
static enum a64_arr wide(enum a64_arr a) { return (enum a64_arr)((a | 1) + 2 - (a >> 3)); }
static enum a64_arr paired(enum a64_arr a) { return (enum a64_arr)(a + 2); }
static enum a64_arr scalar(unsigned log2) { return (enum a64_arr)(8 | log2 << 1); }
static const char *second(enum a64_arr a) { return a < 8 && a & 1 ? "2" : ""; }

static void vector_three(void)
{
    EACH_REGS(q)
    {
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, vec, sc)                                                                           \
    a64_v3(e, A64_V_##NAME, a, D, N, M),                                                           \
        is("%s %s, %s, %s", lower(#NAME), v(a, D), v(a, N), v(a, M));
        A64_LIST_V3(X)
#undef X
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, vec, sc)                                                                           \
    a64_v3f(e, A64_V_##NAME, a, D, N, M),                                                          \
        is("%s %s, %s, %s", lower(#NAME), v(a, D), v(a, N), v(a, M));
        A64_LIST_V3F(X)
#undef X
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, (vec)&7, 0)                                                                        \
    {                                                                                              \
        a64_v3(e, A64_V_##NAME, a, D, N, M);                                                       \
        is("%s%s %s, %s, %s", lower(#NAME), second(a), v(wide(a), D), v(a, N), v(a, M));           \
    }
        A64_LIST_V3_LONG(X)
#undef X
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, vec, 0)                                                                            \
    {                                                                                              \
        a64_v3(e, A64_V_##NAME, a, D, N, M);                                                       \
        is("%s%s %s, %s, %s", lower(#NAME), second(a), v(wide(a), D), v(wide(a), N), v(a, M));     \
    }
        A64_LIST_V3_WIDE(X)
#undef X
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, vec, 0)                                                                            \
    {                                                                                              \
        a64_v3(e, A64_V_##NAME, a, D, N, M);                                                       \
        is("%s%s %s, %s, %s", lower(#NAME), second(a), v(a, D), v(wide(a), N), v(wide(a), M));     \
    }
        A64_LIST_V3_NARROW(X)
#undef X
        a64_v3(e, A64_V_PMULL, A64_1D, D, N, M), is("pmull v%u.1q, v%u.1d, v%u.1d", D, N, M);
        a64_v3(e, A64_V_PMULL, A64_2D, D, N, M), is("pmull2 v%u.1q, v%u.2d, v%u.2d", D, N, M);
        CHECK(!a64_arr_ok(A64_V_MUL, A64_2D) && !a64_arr_ok(A64_V_ADD, A64_1D) &&
              !a64_arr_ok(A64_V_ADD, A64_S1) && !a64_arr_ok(A64_V_FADD, A64_8H) &&
              !a64_arr_ok(A64_V_AND, A64_4S) && !a64_arr_ok(A64_VI_SHRN, A64_2D) &&
              a64_arr_ok(A64_V_ADD, A64_D1));
        a64_v_mov(e, D, N), is("mov v%u.16b, v%u.16b", D, N);
    }
}

static void vector_two(void)
{
    EACH_REGS(q)
    {
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, vec, sc)                                                                           \
    a64_v2(e, A64_V_##NAME, a, D, N), is("%s %s, %s", lower(#NAME), v(a, D), v(a, N));
        A64_LIST_V2(X)
#undef X
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, vec, 0)                                                                            \
    a64_v2(e, A64_V_##NAME, a, D, N), is("%s %s, %s", lower(#NAME), v(paired(a), D), v(a, N));
        A64_LIST_V2_PAIR(X)
#undef X
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, vec, sc)                                                                           \
    {                                                                                              \
        a64_v2(e, A64_V_##NAME, a, D, N);                                                          \
        is("%s%s %s, %s", lower(#NAME), second(a), v(a, D), v(wide(a), N));                        \
    }
        A64_LIST_V2_NARROW(X)
#undef X
#define ACROSS(NAME, more)                                                                         \
    EACH_ARR(a, 7, 0)                                                                              \
    {                                                                                              \
        if (a == A64_2S)                                                                           \
            continue;                                                                              \
        a64_v2(e, A64_V_##NAME, a, D, N);                                                          \
        is("%s %s, %s", lower(#NAME), v(scalar(a64_elem(a) + more), D), v(a, N));                  \
    }
#define X(NAME, bits, vec, sc) ACROSS(NAME, 0)
        A64_LIST_V2_ACROSS(X)
#undef X
#define X(NAME, bits, vec, sc) ACROSS(NAME, 1)
        A64_LIST_V2_ACROSS_LONG(X)
#undef X
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, vec, sc)                                                                           \
    a64_v2(e, A64_VZ_##NAME, a, D, N), is("%s %s, %s, #0", lower(#NAME), v(a, D), v(a, N));
        A64_LIST_V2_ZERO(X)
#undef X
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, vec, sc)                                                                           \
    a64_v2f(e, A64_VZ_##NAME, a, D, N), is("%s %s, %s, #0.0", lower(#NAME), v(a, D), v(a, N));
        A64_LIST_V2F_ZERO(X)
#undef X
#define X(NAME, bits, vec, sc)                                                                     \
    EACH_ARR(a, vec, sc)                                                                           \
    a64_v2f(e, A64_V_##NAME, a, D, N), is("%s %s, %s", lower(#NAME), v(a, D), v(a, N));
        A64_LIST_V2F(X)
#undef X
#define X(name, bits, vec)                                                                         \
    EACH_ARR(a, vec, 0)                                                                            \
    {                                                                                              \
        bool up = strcmp(#name, "fcvtl") == 0;                                                     \
        a64_##name(e, a, D, N);                                                                    \
        is("%s%s %s, %s", #name, second(a), v(up ? wide(a) : a, D), v(up ? a : wide(a), N));       \
    }
        A64_LIST_V2F_SIZE(X)
#undef X
    }
}

static void vector_shifts(void)
{
    EACH_REGS(q)
    {
#define X(NAME, bits_, vec, sc)                                                                    \
    EACH_ARR(a, vec, sc)                                                                           \
    {                                                                                              \
        unsigned bits = 8u << a64_elem(a);                                                         \
        for (unsigned by = FIRST; by < bits + FIRST; by += by == FIRST ? 2 : bits - 3) {           \
            FUNCTION(e, A64_VI_##NAME, a, D, N, by);                                               \
            is("%s%s %s, %s, #%u", lower(#NAME), SUFFIX(a), v(TO(a), D), v(FROM(a), N), by);       \
        }                                                                                          \
    }
#define SAME(a) (a)
#define NONE(a) ""
#define FIRST 1
#define FUNCTION a64_vshr
#define SUFFIX NONE
#define TO SAME
#define FROM SAME
        A64_LIST_VSHR(X)
#undef SUFFIX
#undef FROM
#define SUFFIX second
#define FROM wide
        A64_LIST_VSHR_NARROW(X)
#undef FIRST
#undef FUNCTION
#undef SUFFIX
#undef FROM
#define FIRST 0
#define FUNCTION a64_vshl
#define SUFFIX NONE
#define FROM SAME
        A64_LIST_VSHL(X)
#undef SUFFIX
#undef TO
#define SUFFIX second
#define TO wide
        A64_LIST_VSHL_LONG(X)
#undef X
        EACH_ARR(a, 7, 0)
        {
            a64_sxtl(e, a, D, N), is("sxtl%s %s, %s", second(a), v(wide(a), D), v(a, N));
            a64_uxtl(e, a, D, N), is("uxtl%s %s, %s", second(a), v(wide(a), D), v(a, N));
        }
    }
}

static void vector_elements(void)
{
    EACH_REGS(q)
    {
        EACH_ARR(a, 15, 15) for (unsigned i = 0; i < 16u >> a64_elem(a); i++)
        {
            a64_dup(e, a, D, N, i), is("dup %s, %s", v(a, D), elem(a, N, i));
            if (a & 8)
                continue;
            unsigned last = (16u >> a64_elem(a)) - 1;
            a64_ins(e, a, D, i, N, last - i), is("ins %s, %s", elem(a, D, i), elem(a, N, last - i));
            a64_ins_gpr(e, a, D, i, N), is("ins %s, %s", elem(a, D, i), r(a64_elem(a) == 3, N));
            a64_umov(e, a, D, N, i), is("umov %s, %s", r(a64_elem(a) == 3, D), elem(a, N, i));
            EACH_SF(sf)
            if (a64_elem(a) < 2 + sf)
                a64_smov(e, sf, a, D, N, i), is("smov %s, %s", r(sf, D), elem(a, N, i));
            const char *list = text("{v%u.%c}[%u]", D, "bhsd"[a64_elem(a)], i);
            a64_ld1_elem(e, a, D, i, N), is("ld1 %s, [%s]", list, xs(N));
            a64_st1_elem(e, a, D, i, N), is("st1 %s, [%s]", list, xs(N));
        }
        EACH_ARR(a, 15, 0)
        a64_dup_gpr(e, a, D, N), is("dup %s, %s", v(a, D), r(a64_elem(a) == 3, N));
        EACH_ARR(a, 15, 0) a64_ld1r(e, a, D, N), is("ld1r {%s}, [%s]", v(a, D), xs(N));
        a64_ld1r(e, A64_1D, D, N), is("ld1r {%s}, [%s]", v(A64_1D, D), xs(N));
        for (unsigned full = 0; full < 2; full++) {
            enum a64_arr a = full ? A64_16B : A64_8B;
            for (unsigned i = 0; i < 8u << full; i++)
                a64_ext(e, full, D, N, M, i),
                    is("ext %s, %s, %s, #%u", v(a, D), v(a, N), v(a, M), i);
            for (unsigned n = 1; n <= 4; n++) {
                char list[64] = "";
                for (unsigned i = 0; i < n; i++)
                    snprintf(list + strlen(list), sizeof list - strlen(list), "%sv%u.16b",
                             i ? ", " : "", (N + i) % 32);
                a64_tbl(e, full, D, N, n, M), is("tbl %s, {%s}, %s", v(a, D), list, v(a, M));
                a64_tbx(e, full, D, N, n, M), is("tbx %s, {%s}, %s", v(a, D), list, v(a, M));
            }
        }
    }
}

static void crypto(void)
{
#define V16B(n) v(A64_16B, n)
#define V4S(n) v(A64_4S, n)
#define Q(n) k('q', n)
#define S(n) k('s', n)
    EACH_REGS(q)
    {
#define X(name, bits, d, n) a64_##name(e, D, N), is("%s %s, %s", #name, d(D), n(N));
        A64_LIST_CRYPTO2(X)
#undef X
#define X(name, bits, d, n, m) a64_##name(e, D, N, M), is("%s %s, %s, %s", #name, d(D), n(N), m(M));
        A64_LIST_CRYPTO3(X)
#undef X
    }
}

/* ---- vector immediates ---- */

/* The manual's AdvSIMDExpandImm; false for what is not MOVI, MVNI or FMOV. */
static bool expand(bool q, unsigned op, unsigned cmode, unsigned imm8, uint64_t *out)
{
    uint64_t x8 = imm8, y;
    if (cmode < 12 && cmode & 1)
        return false; /* ORR, BIC */
    if (cmode < 8)
        y = x8 << 4 * cmode, y |= y << 32;
    else if (cmode < 12)
        y = (x8 << 4 * (cmode - 8)) * 0x0001000100010001;
    else if (cmode < 14)
        y = cmode == 12 ? x8 << 8 | 0xff : x8 << 16 | 0xffff, y |= y << 32;
    else if (cmode == 14 && !op)
        y = x8 * 0x0101010101010101;
    else if (cmode == 14) {
        y = 0;
        for (unsigned i = 0; i < 8; i++)
            y |= (x8 >> i & 1 ? UINT64_C(0xff) : 0) << 8 * i;
        *out = y;
        return true;
    } else if (!op) {
        uint32_t s = (uint32_t)((x8 & 128) << 24 | (x8 & 64 ? 0x1f : 0x20) << 25 | (x8 & 63) << 19);
        y = s | (uint64_t)s << 32;
    } else {
        *out = (x8 & 128) << 56 | (x8 & 64 ? UINT64_C(0xff) : 0x100) << 54 | (x8 & 63) << 48;
        return q;
    }
    *out = op && cmode < 14 ? ~y : y;
    return true;
}

static bool expand_word(uint32_t wd, uint64_t *out)
{
    return (wd & 0x9ff80c00) == 0x0f000400 && expand(wd >> 30 & 1, wd >> 29 & 1, wd >> 12 & 15,
                                                     (wd >> 11 & 0xe0) | (wd >> 5 & 31), out);
}

static void vector_imm_texts(unsigned imm8, size_t q)
{
    for (unsigned full = 0; full < 2; full++) {
        enum a64_arr s = full ? A64_4S : A64_2S, h = full ? A64_8H : A64_4H;
        for (unsigned lsl = 0; lsl < 32; lsl += 8) {
            a64_vimm_s(e, A64_MOVI, full, D, imm8, lsl),
                is("movi %s, #%u, lsl #%u", v(s, D), imm8, lsl);
            a64_vimm_s(e, A64_MVNI, full, D, imm8, lsl),
                is("mvni %s, #%u, lsl #%u", v(s, D), imm8, lsl);
            a64_vimm_s(e, A64_ORRI, full, D, imm8, lsl),
                is("orr %s, #%u, lsl #%u", v(s, D), imm8, lsl);
            a64_vimm_s(e, A64_BICI, full, D, imm8, lsl),
                is("bic %s, #%u, lsl #%u", v(s, D), imm8, lsl);
        }
        for (unsigned lsl = 0; lsl < 16; lsl += 8) {
            a64_vimm_h(e, A64_MOVI, full, D, imm8, lsl),
                is("movi %s, #%u, lsl #%u", v(h, D), imm8, lsl);
            a64_vimm_h(e, A64_MVNI, full, D, imm8, lsl),
                is("mvni %s, #%u, lsl #%u", v(h, D), imm8, lsl);
            a64_vimm_h(e, A64_ORRI, full, D, imm8, lsl),
                is("orr %s, #%u, lsl #%u", v(h, D), imm8, lsl);
            a64_vimm_h(e, A64_BICI, full, D, imm8, lsl),
                is("bic %s, #%u, lsl #%u", v(h, D), imm8, lsl);
        }
        for (unsigned msl = 8; msl <= 16; msl += 8) {
            a64_vimm(e, full, 0, 11 + msl / 8, D, imm8),
                is("movi %s, #%u, msl #%u", v(s, D), imm8, msl);
            a64_vimm(e, full, 1, 11 + msl / 8, D, imm8),
                is("mvni %s, #%u, msl #%u", v(s, D), imm8, msl);
        }
        a64_vimm(e, full, 0, 14, D, imm8), is("movi %s, #%u", v(full ? A64_16B : A64_8B, D), imm8);
        uint64_t bits;
        expand(full, 1, 14, imm8, &bits);
        a64_vimm(e, full, 1, 14, D, imm8);
        is("movi %s, #0x%" PRIx64, full ? v(A64_2D, D) : v(A64_D1, D), bits);
        double value;
        expand(true, 1, 15, imm8, &bits);
        memcpy(&value, &bits, 8);
        a64_vimm(e, full, 0, 15, D, imm8), is("fmov %s, #%.10f", v(s, D), value);
        if (full)
            a64_vimm(e, full, 1, 15, D, imm8), is("fmov %s, #%.10f", v(A64_2D, D), value);
        CHECK(a64_fmov_imm(e, A64_D, D, value));
        is("fmov %s, #%.10f", f(A64_D, D), value);
        CHECK(a64_fmov_imm(e, A64_S, D, value));
        is("fmov %s, #%.10f", f(A64_S, D), value);
    }
}

static void vector_immediates(void)
{
    static const unsigned imms[] = {0, 1, 15, 31, 32, 112, 128, 255};
    for (size_t i = 0; i < ARRAY_SIZE(imms); i++)
        vector_imm_texts(imms[i], i % ARRAY_SIZE(regs));
    uint64_t want, got;
    for (unsigned i = 0; i < 2 * 2 * 16 * 256; i++) { /* what can be encoded is */
        bool full = i & 1;
        if (!expand(full, i >> 1 & 1, i >> 2 & 15, i >> 6, &want))
            continue;
        bool ok = a64_vmov_imm(e, full, 31, want) && e->p == code + 4 &&
                  expand_word(word(0), &got) && got == want;
        if (!ok)
            printf("vmov_imm %d 0x%016" PRIx64 "\n", full, want);
        CHECK(ok && (word(0) >> 30 & 1) == full && (word(0) & 31) == 31);
        reset();
        want ^= UINT64_C(1) << (rng64() & 63); /* and nothing else */
        if (a64_vmov_imm(e, full, 0, want))
            CHECK(expand_word(word(0), &got) && got == want);
        else
            CHECK(e->p == code);
        reset();
    }
    static const double none[] = {
        0.0, -0.0, 0.1, 32.0, 0.0625, 1.03125, 1e300, __builtin_inf(), __builtin_nan("")};
    for (size_t i = 0; i < ARRAY_SIZE(none); i++)
        CHECK(!a64_fmov_imm(e, A64_D, 0, none[i]) && e->p == code);
}

/* ---- bitmask immediates and constants ---- */

enum { MASKS_MAX = 6000 };
static uint64_t masks[2][MASKS_MAX];
static unsigned mask_count[2];

static int compare(const void *a, const void *b)
{
    uint64_t l = *(const uint64_t *)a, g = *(const uint64_t *)b;
    return l < g ? -1 : l > g;
}

static uint64_t ones(unsigned n) { return n == 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1; }

/* Every valid one, from the definition: elements of 2 to 64 bits, runs of 1 to all but one bit. */
static void make_masks(unsigned sf)
{
    for (unsigned size = 2; size <= 32u << sf; size *= 2)
        for (unsigned run = 1; run < size; run++)
            for (unsigned rot = 0; rot < size; rot++) {
                uint64_t elem_bits = ones(run), v64 = 0;
                for (unsigned i = 0; i < rot; i++)
                    elem_bits = elem_bits >> 1 | (elem_bits & 1) << (size - 1);
                for (unsigned at = 0; at < 32u << sf; at += size)
                    v64 |= elem_bits << at;
                masks[sf][mask_count[sf]++] = v64;
            }
    qsort(masks[sf], mask_count[sf], 8, compare);
    for (unsigned i = 1; i < mask_count[sf]; i++)
        CHECK(masks[sf][i] != masks[sf][i - 1]);
}

static bool is_mask(unsigned sf, uint64_t value)
{
    return bsearch(&value, masks[sf], mask_count[sf], 8, compare) != NULL;
}

/* The manual's DecodeBitMasks. */
static uint64_t decode_bitmask(unsigned sf, uint32_t field)
{
    unsigned n = field >> 12, immr = field >> 6 & 63, imms = field & 63;
    unsigned len = 31 - (unsigned)__builtin_clz(n << 6 | (~imms & 63)), size = 1u << len;
    unsigned run = (imms & (size - 1)) + 1, rot = immr & (size - 1);
    uint64_t v64 = 0;
    for (unsigned i = 0; i < 32u << sf; i++)
        if ((i + rot) % size < run)
            v64 |= UINT64_C(1) << i;
    return v64;
}

static void bitmask_near(unsigned sf, uint64_t value)
{
    uint32_t field;
    unsigned bad = 0, bits = 32u << sf;
    for (unsigned i = 0; i < bits; i++) {
        uint64_t flipped = value ^ UINT64_C(1) << i;
        bad += a64_bitmask(sf, flipped, &field) != is_mask(sf, flipped);
        flipped ^= UINT64_C(1) << (rng64() % bits);
        bad += a64_bitmask(sf, flipped, &field) != is_mask(sf, flipped);
    }
    CHECK(bad == 0);
}

static void bitmasks(void)
{
    EACH_SF(sf)
    {
        make_masks(sf);
        CHECK(mask_count[sf] == (sf ? 5334 : 1302));
        for (unsigned i = 0; i < mask_count[sf]; i++) {
            uint32_t field;
            CHECK(a64_bitmask(sf, masks[sf][i], &field) &&
                  decode_bitmask(sf, field) == masks[sf][i]);
            CHECK(a64_eor_imm(e, sf, 0, 1, masks[sf][i]));
            is("eor %s, %s, #0x%" PRIx64, r(sf, 0), r(sf, 1), masks[sf][i]);
            bitmask_near(sf, masks[sf][i]);
        }
        uint32_t field;
        unsigned bad = a64_bitmask(sf, 0, &field) + a64_bitmask(sf, ~UINT64_C(0), &field);
        for (unsigned i = 0; i < 200000; i++) {
            uint64_t value = rng64() & rng64() & ones(32u << sf);
            bad += a64_bitmask(sf, value, &field) != is_mask(sf, value);
        }
        for (uint64_t value = 0; value < 1 << 16; value++)
            bad += a64_bitmask(sf, value, &field) != is_mask(sf, value);
        CHECK(bad == 0);
    }
    CHECK(a64_bic_imm(e, A64_W, 0, 1, 0xfffffff0) && word(0) == 0x12000c20); /* and w0, w1, #15 */
    reset();
    CHECK(!a64_and_imm(e, A64_W, 0, 1, 0) && !a64_orn_imm(e, A64_X, 0, 1, 0) && e->p == code);
    CHECK(a64_and_imm(e, A64_W, 0, 1, UINT64_C(0xffffffff00000001))); /* cut to 32 bits */
    reset();
}

/* What the emitted MOVZ, MOVN, MOVK, ORR make of register 3. */
static uint64_t run_moves(void)
{
    uint64_t value = 0xdead;
    for (const uint8_t *p = code; p < e->p; p += 4) {
        uint32_t wd = word((unsigned)(p - code) / 4);
        unsigned sf = wd >> 31, sh = (wd >> 21 & 3) * 16;
        uint64_t imm = (uint64_t)(wd >> 5 & 0xffff) << sh;
        CHECK((wd & 31) == 3 && (sf || sh < 32));
        if ((wd & 0x7f800000) == 0x52800000)
            value = imm;
        else if ((wd & 0x7f800000) == 0x12800000)
            value = ~imm;
        else if ((wd & 0x7f800000) == 0x72800000)
            value = (value & ~(UINT64_C(0xffff) << sh)) | imm;
        else if ((wd & 0x7f8003e0) == 0x320003e0)
            value = decode_bitmask(sf, wd >> 10 & 0x1fff);
        else
            CHECK(!"an instruction that is none of these");
        value &= sf ? UINT64_MAX : UINT32_MAX;
    }
    return value;
}

static unsigned half(uint64_t value, unsigned i) { return value >> 16 * i & 0xffff; }
static unsigned differing(uint64_t a, uint64_t b)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 4; i++)
        n += half(a, i) != half(b, i);
    return n;
}
static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

/* The length of the shortest such sequence: over everything that one instruction can make. */
static unsigned shortest(uint64_t value)
{
    unsigned zeros = differing(value, 0), all_ones = differing(value, ~UINT64_C(0));
    unsigned best = 1 + least(zeros ? zeros - 1 : 0, all_ones ? all_ones - 1 : 0);
    unsigned low = differing(value | ~(uint64_t)UINT32_MAX, ~UINT64_C(0)); /* MOVN of 32 bits */
    best = least(best, 1 + (low ? low - 1 : 0) + differing(value >> 32, 0));
    EACH_SF(sf)
    for (unsigned i = 0; i < mask_count[sf]; i++)
        best = least(best, 1 + differing(value, masks[sf][i]));
    return best;
}

static uint64_t random_constant(void)
{
    uint64_t value = 0, x16 = rng64() & 0xffff, mask = masks[1][rng64() % mask_count[1]];
    for (unsigned i = 0; i < 4; i++) {
        unsigned kind = rng64() % 8;
        uint64_t h = kind < 2   ? 0
                     : kind < 3 ? 0xffff
                     : kind < 4 ? x16
                     : kind < 7 ? half(mask, i)
                                : rng64() & 0xffff;
        value |= h << 16 * i;
    }
    return value;
}

static void constants(void)
{
    static const uint64_t some[] = {0,
                                    1,
                                    0xffff,
                                    0x10000,
                                    0xffff0000,
                                    UINT32_MAX,
                                    UINT32_MAX - 1,
                                    0x80000000,
                                    UINT64_C(1) << 32,
                                    UINT64_MAX,
                                    UINT64_MAX - 1,
                                    INT64_MAX,
                                    0x5555555555555555,
                                    0x00005555aaaa1234,
                                    0x12345678,
                                    0x0005ffff00ff1234};
    for (unsigned i = 0; i < 4000; i++) {
        uint64_t value = i < ARRAY_SIZE(some) ? some[i] : random_constant();
        if (i % 4 == 3)
            value &= UINT32_MAX;
        unsigned n = a64_mov_imm64(e, 3, value), want = shortest(value);
        bool ok = run_moves() == value && e->p == code + 4 * n && n == want;
        if (!ok)
            printf("0x%016" PRIx64 ": %u instructions, %u would do\n", value, n, want);
        CHECK(ok);
        reset();
        n = a64_mov_imm32(e, 3, (uint32_t)value);
        CHECK(run_moves() == (uint32_t)value && e->p == code + 4 * n &&
              n == shortest((uint32_t)value));
        reset();
    }
}

/* ---- operands that must not be ---- */

/* The call ends in xassert, which aborts. */
#define ABORTS(call)                                                                               \
    do {                                                                                           \
        pid_t pid = fork();                                                                        \
        if (pid == 0) {                                                                            \
            dup3(open("/dev/null", O_WRONLY | O_CLOEXEC), 2, 0);                                   \
            setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});                                        \
            call;                                                                                  \
            _exit(0);                                                                              \
        }                                                                                          \
        int status;                                                                                \
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&                            \
              WTERMSIG(status) == SIGABRT);                                                        \
    } while (0)

static void must_not(void)
{
    uint32_t out;
    ABORTS(a64_add_sh(e, A64_W, 0, 0, 0, A64_LSL, 32));
    ABORTS(a64_sub_sh(e, A64_X, 0, 0, 0, A64_ROR, 1));
    ABORTS(a64_add_ext(e, A64_X, 0, 0, 0, A64_UXTW, 5));
    ABORTS(a64_eor_sh(e, A64_X, 0, 0, 0, A64_LSR, 64));
    ABORTS(a64_movw(e, A64_MOVZ, A64_W, 0, 0, 32));
    ABORTS(a64_movw(e, A64_MOVZ, A64_W, 0, 0x10000, 0));
    ABORTS(a64_bf(e, A64_UBFM, A64_W, 0, 0, 32, 0));
    ABORTS(a64_ubfx(e, A64_W, 0, 0, 31, 2));
    ABORTS(a64_bfi(e, A64_W, 0, 0, 0, 0));
    ABORTS(a64_lsl_imm(e, A64_W, 0, 0, 32));
    ABORTS(a64_extr(e, A64_W, 0, 0, 0, 32));
    ABORTS(a64_ccmp_imm(e, A64_W, 0, 32, 0, A64_EQ));
    ABORTS(a64_tbz(e, 0, 64, 0));
    ABORTS(a64_reach(0xd503201f, 0, &out));
    ABORTS(a64_ldst_reg(e, A64_LDR_W, 0, 0, 0, A64_UXTH, false));
    ABORTS(a64_prfm(e, 0, 0, 4));
    ABORTS(a64_casp(e, A64_W, A64_RELAXED, 1, 2, 0));
    ABORTS(a64_v3(e, A64_V_MUL, A64_2D, 0, 0, 0));
    ABORTS(a64_v2f(e, A64_V_FSQRT, A64_8H, 0, 0));
    ABORTS(a64_vshr(e, A64_VI_SSHR, A64_4S, 0, 0, 0));
    ABORTS(a64_vshr(e, A64_VI_SSHR, A64_4S, 0, 0, 33));
    ABORTS(a64_vshl(e, A64_VI_SHL, A64_4S, 0, 0, 32));
    ABORTS(a64_dup(e, A64_4S, 0, 0, 4));
    ABORTS(a64_ins(e, A64_2D, 0, 0, 0, 2));
    ABORTS(a64_smov(e, A64_W, A64_4S, 0, 0, 0));
    ABORTS(a64_ext(e, false, 0, 0, 0, 8));
    ABORTS(a64_tbl(e, true, 0, 0, 5, 0));
    ABORTS(a64_ld1_elem(e, A64_8H, 0, 8, 0));
    ABORTS(a64_must(a64_add_imm(e, A64_W, 0, 0, 4097)));
}

int main(int argc, char **argv)
{
    listing = argc > 1 && strcmp(argv[1], "--list") == 0;
    reset();
    arith();
    logic();
    three_and_two();
    bitfields();
    conditional();
    system_forms();
    loads();
    ordered();
    atomics();
    branches();
    fp_scalar();
    vector_three();
    vector_two();
    vector_shifts();
    vector_elements();
    crypto();
    vector_immediates();
    bitmasks();
    if (listing)
        return failed != 0;
    patching();
    constants();
    must_not();
    FINISH();
}
