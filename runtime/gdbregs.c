/* The registers as gdb numbers them, which is the order of the target description that it gets. */
#include <string.h>

#include "core/cpuid.h"
#include "core/xstate.h"
#include "runtime/gdb.h"

enum { R_EIP = 8, R_ST = 16, R_FCTRL = 24, R_XMM = 32, R_MXCSR = 40, R_ORIG_EAX = 41, R_YMMH = 42,
       R_K = 50, R_ZMMH = 58, R_MAX = 66, REG_BYTES = 32 };

struct regs { /* of one thread */
    uint32_t core[REGI_COUNT];
    uint8_t fx[512];
    uint8_t xstate[XSTATE_MAX];
};

static const uint8_t core_index[16] = {
    REGI_EAX, REGI_ECX, REGI_EDX, REGI_EBX, REGI_ESP, REGI_EBP, REGI_ESI, REGI_EDI,
    REGI_EIP, REGI_EFLAGS, REGI_CS, REGI_SS, REGI_DS, REGI_ES, REGI_FS, REGI_GS,
};

static unsigned reg_count(void)
{
    return cpuid_xcr0() & XSTATE_AVX512 ? R_MAX : cpuid_xcr0() & XSTATE_AVX ? R_K : R_YMMH;
}

/* ---- the description ---- */

static void reg(struct gdb_text *t, const char *name, int number, unsigned bits, const char *type,
                const char *group)
{
    gdb_put(t, "<reg name=\"%s", name);
    if (number >= 0)
        gdb_put(t, "%d", number);
    gdb_put(t, "\" bitsize=\"%u\" type=\"%s\"", bits, type);
    if (group)
        gdb_put(t, " group=\"%s\"", group);
    gdb_put(t, "/>");
}

struct flag { const char *name; unsigned bit; };

static void flags(struct gdb_text *t, const char *id, const struct flag *f, unsigned n)
{
    gdb_put(t, "<flags id=\"%s\" size=\"4\">", id);
    for (unsigned i = 0; i < n; i++)
        gdb_put(t, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", f[i].name, f[i].bit, f[i].bit);
    gdb_put(t, "</flags>");
}

static void core_feature(struct gdb_text *t)
{
    static const struct flag eflags[] = {
        {"CF", 0}, {"", 1}, {"PF", 2}, {"AF", 4}, {"ZF", 6}, {"SF", 7}, {"TF", 8}, {"IF", 9},
        {"DF", 10}, {"OF", 11}, {"NT", 14}, {"RF", 16}, {"VM", 17}, {"AC", 18}, {"VIF", 19},
        {"VIP", 20}, {"ID", 21},
    };
    static const char *const names[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi",
                                        "eip", "eflags", "cs", "ss", "ds", "es", "fs", "gs"};
    static const char *const control[] = {"fctrl", "fstat", "ftag", "fiseg",
                                          "fioff", "foseg", "fooff", "fop"};
    gdb_put(t, "<feature name=\"org.gnu.gdb.i386.core\">");
    flags(t, "i386_eflags", eflags, ARRAY_SIZE(eflags));
    for (unsigned i = 0; i < 16; i++)
        reg(t, names[i], -1, 32, i == 4 || i == 5 ? "data_ptr" : i == R_EIP ? "code_ptr"
                               : i == 9           ? "i386_eflags" : "int32", NULL);
    for (int i = 0; i < 8; i++)
        reg(t, "st", i, 80, "i387_ext", NULL);
    for (unsigned i = 0; i < 8; i++)
        reg(t, control[i], -1, 32, "int", "float");
    gdb_put(t, "</feature>");
}

static void sse_feature(struct gdb_text *t)
{
    static const struct { const char *id, *type; unsigned count; } vectors[] = {
        {"v8bf16", "bfloat16", 8}, {"v4f", "ieee_single", 4}, {"v2d", "ieee_double", 2},
        {"v16i8", "int8", 16}, {"v8i16", "int16", 8}, {"v4i32", "int32", 4}, {"v2i64", "int64", 2},
    };
    static const char *const fields[][2] = {
        {"v8_bfloat16", "v8bf16"}, {"v4_float", "v4f"}, {"v2_double", "v2d"}, {"v16_int8", "v16i8"},
        {"v8_int16", "v8i16"}, {"v4_int32", "v4i32"}, {"v2_int64", "v2i64"}, {"uint128", "uint128"},
    };
    static const struct flag mxcsr[] = {
        {"IE", 0}, {"DE", 1}, {"ZE", 2}, {"OE", 3}, {"UE", 4}, {"PE", 5}, {"DAZ", 6},
        {"IM", 7}, {"DM", 8}, {"ZM", 9}, {"OM", 10}, {"UM", 11}, {"PM", 12}, {"FZ", 15},
    };
    gdb_put(t, "<feature name=\"org.gnu.gdb.i386.sse\">");
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
        gdb_put(t, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>", vectors[i].id, vectors[i].type,
                vectors[i].count);
    gdb_put(t, "<union id=\"vec128\">");
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        gdb_put(t, "<field name=\"%s\" type=\"%s\"/>", fields[i][0], fields[i][1]);
    gdb_put(t, "</union>");
    flags(t, "i386_mxcsr", mxcsr, ARRAY_SIZE(mxcsr));
    for (int i = 0; i < 8; i++)
        reg(t, "xmm", i, 128, "vec128", NULL);
    reg(t, "mxcsr", -1, 32, "i386_mxcsr", "vector");
    gdb_put(t, "</feature>");
}

void gdb_target_xml(struct gdb_text *t)
{
    gdb_put(t, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\">"
               "<architecture>i386</architecture><osabi>GNU/Linux</osabi>");
    core_feature(t);
    sse_feature(t);
    gdb_put(t, "<feature name=\"org.gnu.gdb.i386.linux\">");
    reg(t, "orig_eax", -1, 32, "int", "system");
    gdb_put(t, "</feature>");
    if (reg_count() > R_YMMH) {
        gdb_put(t, "<feature name=\"org.gnu.gdb.i386.avx\">");
        for (int i = 0; i < 8; i++) {
            gdb_put(t, "<reg name=\"ymm%dh\" bitsize=\"128\" type=\"uint128\"/>", i);
        }
        gdb_put(t, "</feature>");
    }
    if (reg_count() > R_K) {
        gdb_put(t, "<feature name=\"org.gnu.gdb.i386.avx512\"><vector id=\"v2ui128\" "
                   "type=\"uint128\" count=\"2\"/>");
        for (int i = 0; i < 8; i++)
            reg(t, "k", i, 64, "uint64", NULL);
        for (int i = 0; i < 8; i++)
            gdb_put(t, "<reg name=\"zmm%dh\" bitsize=\"256\" type=\"v2ui128\"/>", i);
        gdb_put(t, "</feature>");
    }
    gdb_put(t, "</target>");
}

/* ---- values ---- */

static bool ask(struct gdb_thread *g, enum trace_request what, void *to, size_t n)
{
    if (!g || !g->stopped || tracer_ask(g->b, what, 0, 0) < 0)
        return false;
    memcpy(to, g->b->buf, n);
    return true;
}

static bool load(struct gdb_thread *g, struct regs *r)
{
    return ask(g, TRACE_GET_REGS, r->core, sizeof r->core) &&
           ask(g, TRACE_GET_FXREGS, r->fx, sizeof r->fx) &&
           (reg_count() <= R_YMMH || ask(g, TRACE_GET_XSTATE, r->xstate, xstate_size()));
}

static uint32_t get16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }

/* FXSAVE tells only which registers are empty. */
static uint32_t full_tag(const uint8_t *fx)
{
    uint32_t tag = 0;
    unsigned top = get16(fx + 2) >> 11 & 7;
    for (unsigned i = 0; i < 8; i++) {
        const uint8_t *st = fx + 32 + 16 * ((i - top) & 7);
        uint64_t sig;
        unsigned exp = get16(st + 8) & 0x7fff, kind;
        memcpy(&sig, st, 8);
        if (!(fx[4] >> i & 1))
            kind = 3;
        else if (!exp && !sig)
            kind = 1;
        else
            kind = exp == 0x7fff || !(sig >> 63) ? 2 : 0;
        tag |= kind << 2 * i;
    }
    return tag;
}

static uint8_t short_tag(uint32_t full)
{
    uint8_t tag = 0;
    for (unsigned i = 0; i < 8; i++)
        tag |= (uint8_t)(((full >> 2 * i & 3) != 3) << i);
    return tag;
}

/* Where fctrl, fstat, ftag, fiseg, fioff, foseg, fooff, fop are in the FXSAVE image. */
static const struct { uint8_t at, size; } control_at[8] = {{0, 2}, {2, 2}, {4, 1}, {12, 2},
                                                          {8, 4}, {20, 2}, {16, 4}, {6, 2}};

static unsigned get_control(const uint8_t *fx, unsigned i, uint8_t *out)
{
    uint32_t v = 0;
    memcpy(&v, fx + control_at[i].at, control_at[i].size);
    if (i == 2)
        v = full_tag(fx);
    if (i == 7)
        v &= 0x7ff;
    memcpy(out, &v, 4);
    return 4;
}

static void set_control(uint8_t *fx, unsigned i, const uint8_t *in)
{
    uint32_t v;
    memcpy(&v, in, 4);
    if (i == 2)
        v = short_tag(v);
    memcpy(fx + control_at[i].at, &v, control_at[i].size);
}

/* The place of a register that is somewhere as it is; NULL: one of fctrl and those behind. */
static uint8_t *place(struct regs *r, unsigned n, unsigned *size)
{
    *size = 4;
    if (n < R_ST)
        return (uint8_t *)&r->core[core_index[n]];
    if (n == R_ORIG_EAX)
        return (uint8_t *)&r->core[REGI_ORIG_EAX];
    if (n == R_MXCSR)
        return r->fx + 24;
    if (n >= R_FCTRL && n < R_XMM)
        return NULL;
    *size = n < R_FCTRL ? 10 : n < R_K ? 16 : n < R_ZMMH ? 8 : 32;
    if (n < R_FCTRL)
        return r->fx + 32 + 16 * (n - R_ST);
    if (n < R_MXCSR)
        return r->fx + 160 + 16 * (n - R_XMM);
    static const uint8_t first[] = {R_YMMH, R_K, R_ZMMH};
    unsigned part = n < R_K ? 0 : n < R_ZMMH ? 1 : 2;
    return r->xstate + xstate_at(part) + *size * (n - first[part]);
}

static void put(struct regs *r, unsigned n, struct gdb_text *t)
{
    unsigned size;
    uint8_t v[4], *p = place(r, n, &size);
    if (!p)
        get_control(r->fx, n - R_FCTRL, p = v);
    gdb_put_hex(t, p, size);
}

bool gdb_get_regs(struct gdb_thread *g, struct gdb_text *t)
{
    struct regs r = {0};
    if (!load(g, &r))
        return false;
    for (unsigned n = 0; n < reg_count(); n++)
        put(&r, n, t);
    return true;
}

bool gdb_get_reg(struct gdb_thread *g, unsigned n, struct gdb_text *t)
{
    struct regs r = {0};
    if (n >= reg_count() || !load(g, &r))
        return false;
    put(&r, n, t);
    return true;
}

static size_t take(struct regs *r, unsigned n, const char *hex)
{
    unsigned size;
    uint8_t v[REG_BYTES], *p = place(r, n, &size);
    size_t k = gdb_unhex(hex, v, size);
    if (k != size)
        return 0;
    if (p)
        memcpy(p, v, size);
    else
        set_control(r->fx, n - R_FCTRL, v);
    return 2 * k;
}

/* Values that did not change are not written: a segment register may hold what cannot be loaded now. */
static bool store(struct gdb_thread *g, const struct regs *old, const struct regs *new)
{
    struct trace_block *b = g->b;
    bool ok = true;
    for (unsigned i = 0; i < REGI_COUNT; i++)
        if (new->core[i] != old->core[i])
            ok &= tracer_ask(b, TRACE_SET_REG, i, new->core[i]) >= 0;
    const uint32_t size = xstate_size();
    if (reg_count() > R_YMMH && memcmp(new->xstate, old->xstate, size)) {
        memcpy(b->buf, new->xstate, size);
        b->buf[XSTATE_HEADER_AT] |= (uint8_t)(cpuid_xcr0() & (XSTATE_AVX | XSTATE_K | XSTATE_ZMM));
        ok &= tracer_ask(b, TRACE_SET_XSTATE, 0, size) >= 0;
    }
    if (memcmp(new->fx, old->fx, sizeof new->fx)) {
        memcpy(b->buf, new->fx, sizeof new->fx);
        ok &= tracer_ask(b, TRACE_SET_FXREGS, 0, sizeof new->fx) >= 0;
    }
    return ok;
}

bool gdb_set_regs(struct gdb_thread *g, const char *hex)
{
    struct regs old = {0}, r;
    if (!load(g, &old))
        return false;
    r = old;
    for (unsigned n = 0; n < reg_count(); n++) {
        size_t k = take(&r, n, hex);
        if (!k)
            return false;
        hex += k;
    }
    return store(g, &old, &r);
}

bool gdb_set_reg(struct gdb_thread *g, unsigned n, const char *hex)
{
    struct regs old = {0}, r;
    if (n >= reg_count() || !load(g, &old))
        return false;
    r = old;
    return take(&r, n, hex) && store(g, &old, &r);
}

uint32_t gdb_pc(struct gdb_thread *g)
{
    uint32_t core[REGI_COUNT] = {0};
    ask(g, TRACE_GET_REGS, core, sizeof core);
    return core[REGI_EIP];
}
