/* AVX-512 and the k registers: about a thousand instructions, which only hosts that have them offer. So the
 * host's own unit executes them (interp_run_alone), and only what belongs to the guest is here:
 * segments, and the elements of gathers and scatters, each of which can fault. */
#include "core/cpuid.h"
#include "core/xstate.h"
#include "interp/avx.h"

uint32_t (*interp_run_alone)(struct cpu *cpu, const struct insn *in, gaddr a);

static unsigned mask_register(const struct insn *in)
{
    return in->evex[2] & 7;
}

static unsigned vector_bytes(const struct insn *in)
{
    return 16u << (in->evex[2] >> 5 & 3);
}

static const struct opnd *memory(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM)
            return &in->o[i];
    return NULL;
}

/* Map, mandatory prefix and opcode. */
static unsigned identity(const struct insn *in)
{
    return (in->evex[0] & 7u) << 12 | (in->evex[1] & 3u) << 8 | in->opcode;
}

/* Its operand must be aligned as a whole. */
static bool must_align(const struct insn *in)
{
    switch (identity(in)) {
    case 0x1028: case 0x1128: case 0x1029: case 0x1129: case 0x116f: case 0x117f: /* VMOVAPx VMOVDQA */
    case 0x102b: case 0x112b: case 0x11e7: case 0x212a: return true;              /* VMOVNT */
    default: return false;
    }
}

/* The mask does not keep it from accessing all of its operand: elements of the result are made of several, or
 * of others. */
static bool reads_all(const struct insn *in)
{
    switch (identity(in)) {
    case 0x1014: case 0x1114: case 0x1015: case 0x1115: case 0x10c6: case 0x11c6: /* VUNPCKx VSHUFx */
    case 0x1160: case 0x1161: case 0x1162: case 0x1163: case 0x1167: case 0x1168: case 0x1169:
    case 0x116a: case 0x116b: case 0x116c: case 0x116d: case 0x212b:              /* VPUNPCKx VPACKx */
    case 0x1170: case 0x1270: case 0x1370: case 0x2100:                           /* VPSHUFx */
    case 0x11d1: case 0x11d2: case 0x11d3: case 0x11e1: case 0x11e2: case 0x11f1: case 0x11f2:
    case 0x11f3:                                                                  /* shifts by one count */
    case 0x1212: case 0x1216: case 0x1312:                                        /* VMOVxDUP */
    case 0x3103: case 0x310f: case 0x3142: case 0x2183:                           /* VALIGNx VDBPSADBW ... */
    case 0x3100: case 0x3101: case 0x2116: case 0x2136: case 0x218d: case 0x2175: case 0x2176:
    case 0x2177: case 0x217d: case 0x217e: case 0x217f:                           /* VPERMx */
    case 0x3123: case 0x3143: case 0x3118: case 0x3138: case 0x311a: case 0x313a: /* lanes */
    case 0x3104: case 0x3105: case 0x210c: case 0x210d:                           /* VPERMILPx */
    case 0x3119: case 0x3139: case 0x311b: case 0x313b:                           /* VEXTRACTx */
    case 0x11f5: case 0x2104: case 0x31ce: case 0x31cf: case 0x2372: case 0x21c4: /* VPMADDx ... */
        return true;
    default: return false;
    }
}

/* VBROADCASTx and VPBROADCASTx. */
static bool repeats(const struct insn *in)
{
    unsigned id = identity(in);
    return (id >= 0x2118 && id <= 0x211b) || (id >= 0x2158 && id <= 0x215b) || id == 0x2178 || id == 0x2179;
}

/* Which elements of the memory operand are accessed. One that is broadcast is for several of the result. */
static uint64_t chosen(const struct cpu *c, const struct insn *in, const struct opnd *o)
{
    enum { BROADCAST = 0x10 };
    unsigned n = in->element ? o->size / in->element : 1;
    bool spread = in->evex[2] & BROADCAST || repeats(in);
    uint64_t all = n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX, m = all;
    if (mask_register(in) && !reads_all(in))
        m = c->k[mask_register(in)];
    for (unsigned i = n; spread && i < vector_bytes(in) / in->element; i += n)
        m |= m >> i & all;
    if (in->op == OP_EVEX_PACKED) {
        unsigned set = (unsigned)__builtin_popcountll(m & all);
        m = set < 64 ? (UINT64_C(1) << set) - 1 : UINT64_MAX;
    }
    return m & all;
}

struct interp_range interp_masked_range(const struct cpu *c, const struct insn *in)
{
    const struct opnd *o = memory(in);
    struct interp_range r = {0, o->size, o->size};
    bool one_by_one = in->op == OP_EVEX_PACKED && (o->access & ACCESS_W);
    if (in->element && (one_by_one || (mask_register(in) && !reads_all(in)))) {
        uint64_t m = chosen(c, in, o);
        r = (struct interp_range){0, 0, in->element};
        if (m) {
            r.from = (uint32_t)__builtin_ctzll(m) * in->element;
            r.to = (uint32_t)(64 - __builtin_clzll(m)) * in->element;
        }
    }
    return r;
}

/* EFLAGS.AC is set: 16 bytes is the most that it asks for. */
static void check_alignment(struct cpu *c, const struct insn *in, gaddr a, unsigned part)
{
    if ((c->mode & MODE_AC) && !must_align(in) && (a & ((part < 16 ? part : 16) - 1)))
        cpu_fault(c, TRAP_AC, 0, 0);
}

/* A code segment is never writable. */
static bool is_checked(const struct insn *in, bool write)
{
    return in->flags & INSN_SEG_CHECK || (write && in->seg == SEG_CS);
}

/* Faults if n bytes at `a` cannot be read, on the second of two pages at its first byte. */
static void touch(gaddr a, unsigned n)
{
    gaddr last = (a + n - 1) & ~(gaddr)GUEST_PAGE_MASK;
    (void)ld8(a);
    if (last > a)
        (void)ld8(last);
}

/* Part i of the operand against the segment's limit, which ends every segment at 4 GiB. */
static void check_limit(struct cpu *c, const struct insn *in, uint32_t i, uint32_t size, bool write)
{
    uint32_t off = ea_offset(c, in);
    if (off + i < off)
        cpu_fault(c, in->seg == SEG_SS ? TRAP_SS : TRAP_GP, 0, 0);
    ea_checked(c, in->seg, off + i, size, write);
}

/* What the mask excludes faults nowhere, not at a segment's limit either. If the rest reaches beyond it one
 * element comes after the other: a missing page can come before the limit. */
static gaddr masked_address(struct cpu *c, const struct insn *in, const struct opnd *o)
{
    struct interp_range r = interp_masked_range(c, in);
    uint32_t off = ea_offset(c, in);
    gaddr a = off + c->seg_base[in->seg];
    uint64_t m = chosen(c, in, o);
    bool write = o->access & ACCESS_W;
    if (r.from < r.to && must_align(in))
        avx_check_alignment(c, in, o->size);
    if (r.from < r.to)
        check_limit(c, in, r.from, r.part, write);
    if (r.from < r.to || write)
        check_alignment(c, in, a, r.part);
    if (r.to <= r.from + r.part || ea_allowed(c, in->seg, off + r.from, r.to - r.from, write))
        return a;
    for (uint32_t i = r.from; i < r.to; i += r.part) {
        if (!(m >> i / r.part & 1))
            continue;
        check_limit(c, in, i, r.part, write);
        if (write)
            probe_write(a + i, r.part);
        else
            touch(a + i, r.part);
    }
    return a;
}

static gaddr operand_address(struct cpu *c, const struct insn *in)
{
    const struct opnd *o = memory(in);
    if (!o)
        return 0;
    if (likely(!is_checked(in, o->access & ACCESS_W)))
        return ea(c, in, o->size, o->access & ACCESS_W);
    return masked_address(c, in, o);
}

BODY(run_alone)
{
    cpu->cur = in;
    gaddr a = operand_address(cpu, in);
    cpu->zmm_used = 1;
    uint32_t eflags = interp_run_alone(cpu, in, a);
    if (in->fl_write)
        flags_set_status(cpu, eflags);
    DONE;
}

/* ---- gathers and scatters ---- */

union zmm {
    uint32_t d[16];
    uint64_t q[8];
    union xmm x[4];
};

static union zmm get(const struct cpu *c, unsigned r)
{
    return (union zmm){.x = {c->xmm[r], c->ymmh[r], c->zmmh[r][0], c->zmmh[r][1]}};
}

static void put(struct cpu *c, unsigned r, const union zmm *v)
{
    c->xmm[r] = v->x[0];
    c->ymmh[r] = v->x[1];
    c->zmmh[r][0] = v->x[2];
    c->zmmh[r][1] = v->x[3];
}

/* The opcodes with bit 0 have indices of 64 bits. */
static unsigned index_bytes(const struct insn *in)
{
    return in->opcode & 1 ? 8 : 4;
}

unsigned interp_elements(const struct insn *in)
{
    unsigned each = index_bytes(in) > in->element ? index_bytes(in) : in->element;
    return vector_bytes(in) / each;
}

uint32_t interp_element_offset(const struct cpu *c, const struct insn *in, unsigned i)
{
    union zmm index = get(c, in->index);
    uint32_t v = index_bytes(in) == 8 ? (uint32_t)index.q[i] : index.d[i];
    return c->gpr[in->base] + (v << in->scale) + in->disp;
}

static gaddr element(struct cpu *c, const struct insn *in, unsigned i, bool write)
{
    uint32_t off = interp_element_offset(c, in, i);
    if (is_checked(in, write))
        return ea_checked(c, in->seg, off, in->element, write);
    return off + c->seg_base[in->seg];
}

/* An element that was loaded clears its mask, so a fault leaves what is still to be done; the first one
 * clears what is above the vector. */
BODY(gather)
{
    cpu->cur = in;
    unsigned n = interp_elements(in), dst = in->o[0].reg, length = vector_bytes(in);
    uint64_t *k = &cpu->k[mask_register(in)];
    union zmm d = get(cpu, dst);
    cpu->zmm_used = 1;
    for (unsigned i = 0; i < n; i++) {
        if (*k >> i & 1) {
            gaddr a = element(cpu, in, i, false);
            if (in->element == 4)
                d.d[i] = ld32(a);
            else
                d.q[i] = ld64(a);
            memset((uint8_t *)&d + length, 0, sizeof d - length);
        }
        *k &= ~(UINT64_C(1) << i);
        put(cpu, dst, &d);
    }
    memset((uint8_t *)&d + n * in->element, 0, sizeof d - n * in->element);
    put(cpu, dst, &d);
    *k = 0;
    DONE;
}

BODY(scatter)
{
    cpu->cur = in;
    unsigned n = interp_elements(in);
    uint64_t *k = &cpu->k[mask_register(in)];
    union zmm v = get(cpu, in->o[1].reg);
    cpu->zmm_used = 1;
    for (unsigned i = 0; i < n; i++) {
        if (*k >> i & 1) {
            gaddr a = element(cpu, in, i, true);
            if (in->element == 4)
                st32(a, v.d[i]);
            else
                st64(a, v.q[i]);
        }
        *k &= ~(UINT64_C(1) << i);
    }
    *k = 0;
    DONE;
}

/* Without CPUID's bits their state has no place in frames and XSAVE areas. */
insn_fn interp_bind_avx512(const struct insn *in)
{
    if (!interp_run_alone || !(cpuid_xcr0() & XSTATE_AVX512))
        return NULL;
    switch (in->op) {
    case OP_EVEX_GATHER: return gather;
    case OP_EVEX_SCATTER: return scatter;
    default: return run_alone;
    }
}
