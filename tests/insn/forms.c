/* Enumerates every instruction form the interpreter executes, in 32-bit and 16-bit code, and every
 * encoding that is undefined; keeps the table of what is left out. */
#include "tests/insn/forms.h"

#include <string.h>

#include "core/log.h"
#include "decode/decode.h"
#include "interp/interp.h"
#include "tests/insn/case.h"

struct form *forms;
unsigned nforms;
static bool enumerating; /* counting what is left out */

/* ---- what is left out, and why ---- */

/* By operation. `match` narrows it; NULL: all forms. */
static bool int_80(const struct insn *in) { return (in->imm & 0xff) == 0x80; }
static bool repeated(const struct insn *in) { return in->flags & (INSN_REP | INSN_REPNE); }
static bool nop_0d(const struct insn *in) { return in->opcode == 0x0d; }
static bool arpl_cs(const struct insn *in) { return in->seg == SEG_CS; }

static struct excluded {
    uint16_t op;
    bool (*match)(const struct insn *in);
    const char *why;
    unsigned long count;
} excluded[] = {
    {OP_RDTSC, NULL, "time", 0},
    {OP_RDTSCP, NULL, "time", 0},
    {OP_RDPID, NULL, "scheduling", 0},
    {OP_RDRAND, NULL, "random", 0},
    {OP_RDSEED, NULL, "random", 0},
    {OP_CPUID, NULL, "the model is xrun's choice", 0},
    {OP_SYSENTER, NULL, "a system call", 0},
    {OP_SYSCALL, NULL, "a system call", 0},
    {OP_INT, int_80, "a system call", 0},
    {OP_XGETBV, NULL, "the state components are the model's", 0},
    {OP_XSAVEOPT, NULL, "what it leaves out is the processor's choice", 0},
    {OP_INT1, NULL, "reported differently by hypervisors", 0},
    {OP_RDSSPD, NULL, "depends on the host's CET", 0},
    {OP_FSTPNCE, NULL, "undocumented; an empty source differs between vendors", 0},
    {OP_CLWB, NULL, "needs the host's CLWB", 0},
    {OP_UD0, NULL, "length differs between vendors", 0},
    {OP_LOOPE, repeated, "F2/F3 prefixes change it on some processors", 0},
    {OP_LOOPNE, repeated, "F2/F3 prefixes change it on some processors", 0},
    {OP_ARPL, arpl_cs, "whether #GP or #PF comes first differs between vendors", 0},
    {OP_NOP, nop_0d, "0F 0D with a register: #UD on AMD, NOP on Intel", 0},
};

bool forms_left_out(const struct insn *in)
{
    for (size_t i = 0; i < ARRAY_SIZE(excluded); i++)
        if (excluded[i].op == in->op && (!excluded[i].match || excluded[i].match(in))) {
            excluded[i].count += enumerating;
            return true;
        }
    return false;
}

/* Encodings that xrun refuses and processors may execute, by the set that defines them: CPUID does
 * not show these sets, so no program that asks uses them. */
static struct excluded_isa {
    const char *isa; /* prefix of the set's name */
    const char *why;
    unsigned long count;
} excluded_isas[] = {
    {"AVX512", "shown by CPUID only where the host has it: tested there, with undefined forms", 0},
    {"AVX_VNNI", "not shown by CPUID", 0},
    {"AVX_IFMA", "not shown by CPUID", 0},
    {"AVX_NE", "not shown by CPUID", 0},
    {"SHA512", "not shown by CPUID", 0},
    {"SM", "not shown by CPUID", 0},
    {"FMA4", "not shown by CPUID", 0},
    {"XOP", "not shown by CPUID", 0},
    {"XSAVES", "not shown by CPUID; #GP for users where it exists", 0},
    {"INVPCID", "not shown by CPUID; #GP for users where it exists", 0},
    {"SNP", "not shown by CPUID; #GP for users where it exists", 0},
    {"SVM", "virtual machines: #GP, #UD or a call of the hypervisor", 0},
    {"VTX", "virtual machines: #GP, #UD or a call of the hypervisor", 0},
    {"MONITORX", "not shown by CPUID", 0},
    {"CLZERO", "not shown by CPUID", 0},
    {"RDPRU", "not shown by CPUID", 0},
    {"PKU", "not shown by CPUID", 0},
    {"VERW", "LOCK VERW: not refused by processors that clear buffers with it", 0},
    {"W0", "VPERMQ, VPERMPD with VEX.W 0: #UD on Intel, executed on AMD", 0},
    {"CR8", "LOCK MOV CR0: AMD's way to name CR8", 0},
};

/* Encodings that the decoder has no set for. */
static const char *special_isa(const uint8_t *code)
{
    bool lock = code[0] == 0xf0;
    if (lock || code[0] == 0x66 || code[0] == 0xf2 || code[0] == 0xf3)
        code++;
    if (code[0] == 0xc4 && code[1] == 0xe3 && (code[2] & 0x87) == 5 && code[3] < 2)
        return "W0";
    if (code[0] != 0x0f)
        return NULL;
    if (code[1] == 0x01 && code[2] == 0xc1)
        return "VTX"; /* VMCALL with a prefix */
    if (lock && (code[1] & 0xfd) == 0x20)
        return "CR8";
    return lock && code[1] == 0x00 && (code[2] >> 3 & 7) == 5 ? "VERW" : NULL;
}

bool forms_refused(const uint8_t *code, size_t n, unsigned mode)
{
    const char *isa = special_isa(code);
    if (!isa)
        isa = decode_isa(code, n, mode);
    for (size_t i = 0; i < ARRAY_SIZE(excluded_isas); i++)
        if (!strncmp(isa, excluded_isas[i].isa, strlen(excluded_isas[i].isa))) {
            excluded_isas[i].count += enumerating;
            return false;
        }
    return true;
}

void forms_list(FILE *out)
{
    unsigned long n[2][2] = {{0, 0}, {0, 0}};
    for (unsigned i = 0; i < nforms; i++)
        n[forms[i].kind == FORM_UD][forms[i].mode != 0]++;
    fprintf(out,
            "Forms: %lu in 32-bit code, %lu in 16-bit code; opcodes with undefined encodings: "
            "%lu and %lu\n",
            n[0][0], n[0][1], n[1][0], n[1][1]);
    fprintf(out, "Left out, with the number of forms (or ModRM bytes of undefined ones):\n");
    for (size_t i = 0; i < ARRAY_SIZE(excluded); i++)
        fprintf(out, "  %-10s %6lu  %s%s\n", decode_op_name((enum op)excluded[i].op),
                excluded[i].count, excluded[i].why,
                excluded[i].match ? " (depends on operands: other forms are tested)" : "");
    for (size_t i = 0; i < ARRAY_SIZE(excluded_isas); i++)
        fprintf(out, "  %-10s %6lu  %s\n", excluded_isas[i].isa, excluded_isas[i].count,
                excluded_isas[i].why);
}

/* ---- forms ---- */

uint64_t form_key(const struct form *f)
{
    uint64_t k = (uint64_t)f->kind << 1 | (f->mode != 0);
    for (unsigned i = 0; i < 3; i++)
        k = k << 8 | f->prefix[i];
    for (unsigned i = 0; i < 2; i++)
        k = k << 8 | (f->nmap > i ? f->map[i] : 0);
    k ^= f->nmap > 2 ? (uint64_t)f->map[2] << 16 : 0;
    return k << 16 | (uint64_t)f->op << 8 | (uint64_t)(f->rm << 4 | f->mem << 3 | f->reg);
}

/* The form's bytes with the simplest operands. */
static void plain_bytes(const struct form *f, uint8_t *b)
{
    unsigned n = 0;
    memset(b, 0, CASE_CODE_MAX);
    for (unsigned i = 0; i < f->nprefix; i++)
        b[n++] = f->prefix[i];
    for (unsigned i = 0; i < f->nmap; i++)
        b[n++] = f->map[i];
    b[n++] = f->op;
    b[n] = (uint8_t)(f->mem ? f->reg << 3 | 3 /* [ebx] or [bp+di] */ : 0xc0 | f->reg << 3 | f->rm);
    if (f->vsib) {
        b[n]++; /* with SIB: the index is register 1 */
        b[n + 1] = 0x0b;
    }
}

bool form_is_vex(const struct form *f) { return f->nmap == 3; }

const char *form_isa(const struct form *f)
{
    uint8_t b[CASE_CODE_MAX];
    plain_bytes(f, b);
    return f->kind == FORM_INSN ? decode_isa(b, sizeof b, f->mode) : "";
}

bool forms_same(const struct insn *a, const struct insn *b)
{
    enum { IGNORED = INSN_SEG_CHECK | INSN_SEG_OVERRIDE };
    if (a->op != b->op || (a->flags | IGNORED) != (b->flags | IGNORED) || a->nopnd != b->nopnd ||
        a->opsize != b->opsize || a->cc != b->cc || a->opcode != b->opcode)
        return false;
    for (unsigned i = 0; i < a->nopnd; i++)
        if (a->o[i].kind != b->o[i].kind || a->o[i].size != b->o[i].size)
            return false;
    return true;
}

/* Differ in ModRM.reg at most. */
static bool same_bytes(const struct form *a, const struct form *b)
{
    return a->nprefix == b->nprefix && a->nmap == b->nmap && a->op == b->op && a->mem == b->mem &&
           a->rm == b->rm && !memcmp(a->prefix, b->prefix, 3) && !memcmp(a->map, b->map, 3);
}

static void append(const struct form *f)
{
    xassert(nforms < FORMS_MAX);
    forms[nforms++] = *f;
}

static void add_insn(struct form *f)
{
    uint8_t b[CASE_CODE_MAX];
    plain_bytes(f, b);
    if (decode_bytes(b, sizeof b, CASE_CODE + CASE_EIP, f->mode, &f->in) != DECODE_OK ||
        !interp_supports(&f->in) || forms_left_out(&f->in))
        return;
    if (f->vsib != !!(f->in.flags & INSN_VSIB))
        return;
    bool has_mem = false;
    for (unsigned i = 0; i < f->in.nopnd; i++)
        has_mem |= f->in.o[i].kind == OPND_MEM;
    if (f->mem && !has_mem)
        return;
    for (unsigned i = nforms; i-- > 0 && i + 80 > nforms;)
        if (forms[i].mode == f->mode && forms_same(&forms[i].in, &f->in)) {
            if (same_bytes(&forms[i], f))
                forms[i].regs |= (uint8_t)(1u << f->reg);
            return;
        }
    f->regs = (uint8_t)(1u << f->reg);
    append(f);
}

/* Is any ModRM byte of this opcode refused? */
static void add_undefined(struct form *f)
{
    uint8_t b[CASE_CODE_MAX];
    struct insn in;
    bool any = false;
    f->kind = FORM_UD;
    plain_bytes(f, b);
    for (unsigned m = 0; m < 256; m++) {
        b[f->nprefix + f->nmap + 1] = (uint8_t)m;
        if (decode_bytes(b, sizeof b, CASE_CODE + CASE_EIP, f->mode, &in) == DECODE_OK &&
            interp_supports(&in))
            continue;
        any |= forms_refused(b, sizeof b, f->mode);
    }
    if (any)
        append(f);
}

struct bytes {
    uint8_t b[3], n;
};
static const struct bytes prefixes[] = {{{0}, 0},
                                        {{0x66}, 1},
                                        {{0xf2}, 1},
                                        {{0xf3}, 1},
                                        {{0xf0}, 1},
                                        {{0x67}, 1},
                                        {{0x66, 0xf0}, 2},
                                        {{0x66, 0xf3}, 2},
                                        {{0x66, 0xf2}, 2},
                                        {{0x67, 0xf3}, 2},
                                        {{0x67, 0x66}, 2},
                                        {{0x67, 0xf2}, 2},
                                        {{0x67, 0x66, 0xf3}, 3}};
enum { ADDRESS_SIZE = 5 /* of the prefixes */ };
static const struct bytes ud_prefixes[] = {
    {{0}, 0}, {{0x66}, 1}, {{0xf2}, 1}, {{0xf3}, 1}, {{0xf0}, 1}};
static const struct bytes maps[] = {{{0}, 0}, {{0x0f}, 1}, {{0x0f, 0x38}, 2}, {{0x0f, 0x3a}, 2}};

static struct form make(unsigned mode, const struct bytes *p, const struct bytes *m, unsigned op)
{
    struct form f = {.mode = (uint8_t)mode, .nprefix = p->n, .nmap = m->n, .op = (uint8_t)op};
    memcpy(f.prefix, p->b, 3);
    memcpy(f.map, m->b, 3);
    return f;
}

/* Register and memory forms, ModRM.reg as part of the opcode. */
static void add_regs(struct form f)
{
    for (unsigned mem = 0; mem < 2; mem++)
        for (unsigned reg = 0; reg < 8; reg++) {
            f.mem = (uint8_t)mem, f.reg = (uint8_t)reg;
            add_insn(&f);
        }
}

/* Operations without operands that share opcode and ModRM.reg are chosen by ModRM.rm. */
static void add_by_rm(struct form f)
{
    for (unsigned reg = 0; reg < 8; reg++)
        for (unsigned rm = 1; rm < 8; rm++) {
            f.reg = (uint8_t)reg, f.rm = (uint8_t)rm;
            add_insn(&f);
        }
}

/* Not an opcode of map m but a prefix, or the way to another map. */
static bool is_escape(unsigned m, unsigned op)
{
    static const uint8_t escapes[] = {0x0f, 0x26, 0x2e, 0x36, 0x3e, 0x64,
                                      0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3};
    if (m == 1)
        return op == 0x38 || op == 0x3a;
    return m == 0 && memchr(escapes, (int)op, sizeof escapes);
}

static bool addr32(const struct form *f)
{
    return (f->mode & MODE_CODE16) == (f->nprefix ? MODE_CODE16 : 0);
}

/* The case chooses VEX.vvvv, and W and L where they do not matter; if the opcode is undefined, all. */
static void enumerate_vex(unsigned mode)
{
    for (unsigned m = 0xe1; m <= 0xe3; m++)
        for (unsigned op = 0; op < 256; op++)
            for (unsigned low = 0; low < 16; low++) { /* W, L, pp */
                const uint8_t last = (uint8_t)(0x78 | (low & 8) << 4 | (low & 7));
                const struct bytes vex = {{0xc4, (uint8_t)m, last}, 3};
                struct form f = make(mode, &prefixes[0], &vex, op);
                add_regs(f);
                for (unsigned a = 0; a < 2; a++) { /* memory with either address size; gathers */
                    f = make(mode, &prefixes[a ? ADDRESS_SIZE : 0], &vex, op);
                    f.mem = true;
                    for (f.reg = 2; f.reg < 8; f.reg++) {
                        f.vsib = false;
                        if (a)
                            add_insn(&f);
                        f.vsib = true;
                        if (addr32(&f))
                            add_insn(&f);
                    }
                }
                f = make(mode, &prefixes[0], &vex, op);
                f.kind = FORM_UD;
                if (low < 4)
                    append(&f);
                for (unsigned p = 1; p < ARRAY_SIZE(ud_prefixes) && !low && op % 8 == 0; p++) {
                    f = make(mode, &ud_prefixes[p], &vex, op);
                    f.kind = FORM_UD;
                    append(&f);
                }
            }
}

static void enumerate_mode(unsigned mode)
{
    for (unsigned m = 0; m < ARRAY_SIZE(maps); m++)
        for (unsigned op = 0; op < 256; op++) {
            if (is_escape(m, op))
                continue;
            for (unsigned p = 0; p < ARRAY_SIZE(prefixes); p++)
                add_regs(make(mode, &prefixes[p], &maps[m], op));
            if (m == 1 || (m == 0 && op >= 0xd8 && op < 0xe0))
                for (unsigned p = 0; p < 4; p++)
                    add_by_rm(make(mode, &prefixes[p], &maps[m], op));
        }
    enumerate_vex(mode);
    for (unsigned m = 0; m < ARRAY_SIZE(maps); m++)
        for (unsigned op = 0; op < 256; op++)
            for (unsigned p = 0; p < ARRAY_SIZE(ud_prefixes) && !is_escape(m, op); p++) {
                struct form f = make(mode, &ud_prefixes[p], &maps[m], op);
                add_undefined(&f);
            }
}

/* ---- AVX-512 ---- */

static bool with_avx512;
bool forms_avx512(void) { return with_avx512; }

/* The bytes of a form with one choice of what is left open. */
static void evex_bytes(const struct form *f, unsigned masking, unsigned vvvv, unsigned reg, uint8_t b[CASE_CODE_MAX])
{
    const uint8_t bytes[] = {0x62, 0xf0 | f->map[0], f->map[1] | (uint8_t)(vvvv << 3 | 4),
                             (uint8_t)(masking | 8), f->op,
                             (uint8_t)(f->mem ? reg << 3 | (f->vsib ? 4 : 3) : 0xc0 | reg << 3 | 3), 0x08};
    memset(b, 0, CASE_CODE_MAX);
    memcpy(b, bytes, sizeof bytes);
}

/* Is anything of it an instruction? */
static bool evex_exists(struct form *f)
{
    static const uint8_t masking[] = {0x00, 0x20, 0x40, 0x01, 0x21, 0x41, 0x10, 0x50};
    uint8_t b[CASE_CODE_MAX];
    for (unsigned i = 0; i < ARRAY_SIZE(masking) * 16; i++) {
        f->vsib = i & 1;
        evex_bytes(f, masking[i / 2 % 8], i & 16 ? 14 : 15, i / 32, b);
        if (decode_bytes(b, sizeof b, CASE_CODE + CASE_EIP, 0, &f->in) == DECODE_OK &&
            interp_supports(&f->in) && f->vsib == !!(f->in.flags & INSN_VSIB))
            return true;
    }
    return false;
}

/* Of the undefined opcodes one form for all prefixes and registers. */
static void enumerate_evex(unsigned mode)
{
    for (unsigned n = 0; n < 3 * 256 * 16; n++) { /* map, opcode, W, pp, memory */
        struct form f = {.kind = FORM_EVEX, .mode = (uint8_t)mode, .op = (uint8_t)(n / 16),
                         .mem = n & 1, .regs = 0xff};
        f.map[0] = (uint8_t)(1 + n / 4096);
        f.map[1] = (uint8_t)((n & 2) << 6 | (n >> 2 & 3));
        bool exists = evex_exists(&f);
        if (exists || n % 16 == 0)
            append(&f);
    }
}

void forms_enumerate(bool avx512)
{
    with_avx512 = avx512;
    forms = xcalloc(FORMS_MAX, sizeof *forms);
    enumerating = true;
    enumerate_mode(0);
    enumerate_mode(MODE_CODE16);
    if (avx512) {
        enumerate_evex(0);
        enumerate_evex(MODE_CODE16);
    }
    enumerating = false;
}
