/* One guest instruction that does not transfer control -> host code. Most are the same instruction
 * with another encoding: esp is r15, addresses wrap at 4 GiB (prefix 67h), forms that 64-bit
 * mode lacks are replaced. An instruction changes the guest's state only behind its last access
 * that can fault. */
#include "translate/x86_64/insn.h"

#include "decode/decode.h"
#include "translate/x86_64/ops.h"

bool x64_uses_x87(const struct insn *in)
{
    if (x64_how(in->op) == HOW_INTERP) /* it finds the state in the cpu */
        return false;
    if (decode_op_class(in->op) == CLASS_X87 || in->op == OP_EMMS)
        return true;
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MM || in->o[i].kind == OPND_ST)
            return true;
    return false;
}

static bool has_mem(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM)
            return true;
    return false;
}

static bool has_high8(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_GPR && in->o[i].size == 1 && in->o[i].reg >= 4)
            return true;
    return false;
}

/* ---- flags ---- */

enum { FLB_ALL = FLB_CF | FLB_PF | FLB_OF | FLB_AF | FLB_ZF | FLB_SF };

/* The flags that get a value which does not depend on what they were. Logic operations clear AF on
 * every processor, whatever the manual leaves open. */
static uint8_t defines(const struct insn *in)
{
    uint8_t w = in->fl_write & (uint8_t)~in->fl_undef;
    if (in->op == OP_AND || in->op == OP_OR || in->op == OP_XOR || in->op == OP_TEST)
        w |= FLB_AF;
    return w & (uint8_t)~in->fl_read;
}

/* A bit string in memory reaches beyond its operand. */
static bool bit_string(const struct insn *in)
{
    return (in->op == OP_BT || in->op == OP_BTC || in->op == OP_BTR || in->op == OP_BTS) &&
           in->o[0].kind == OPND_MEM && in->o[1].kind != OPND_IMM;
}

/* AH to DH cannot be encoded with registers that the guest does not have. */
static bool is_high8_with_rex(const struct insn *in)
{
    return has_high8(in) && has_mem(in) && (in->base == REG_ESP || in->index == REG_ESP || in->seg == SEG_GS);
}

/* Is translated, and raises nothing but faults of its memory operand. */
static bool is_plain(const struct insn *in, unsigned mode)
{
    switch (x64_how(in->op)) {
    case HOW_NOP: break;
    case HOW_MOV:
        if (is_high8_with_rex(in))
            return false;
        break;
    case HOW_LEA: case HOW_PUSH: case HOW_POP: case HOW_LEAVE:
        if (in->opsize != 4)
            return false;
        break;
    case HOW_CALL: case HOW_JMP: return in->o[0].kind == OPND_REL && translate_handles(in, mode);
    case HOW_DIRECT:
        if (in->op == OP_DIV || in->op == OP_IDIV || decode_op_class(in->op) != CLASS_INT || bit_string(in) ||
            is_high8_with_rex(in))
            return false;
        break;
    default: return false;
    }
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind != OPND_GPR && in->o[i].kind != OPND_IMM && in->o[i].kind != OPND_MEM)
            return false;
    return !(in->flags & INSN_ADDR16) && translate_segment_ok(in, mode);
}

/* Where control goes behind a plain instruction; -1: out of the region, or back: a loop must have a place
 * where a signal can be taken, and what begins with stale flags is none. */
static int next_of(const struct translation *tr, unsigned i)
{
    const struct insn *in = tr->insn[i].in;
    gaddr to = in->flags & INSN_END ? in->imm : in->next;
    int next = i + 1 < tr->n && tr->insn[i + 1].in->eip == to ? (int)i + 1 : translate_find(tr, to);
    return next > (int)i ? next : -1;
}

static bool touches_only_registers(const struct insn *in, unsigned mode)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM && x64_how(in->op) != HOW_LEA && x64_how(in->op) != HOW_NOP)
            return false;
    return is_plain(in, mode) && x64_how(in->op) != HOW_PUSH && x64_how(in->op) != HOW_POP &&
           x64_how(in->op) != HOW_LEAVE && !(in->flags & INSN_END);
}

enum { SOON_MAX = 11, LOOK_MAX = 16 };

/* The next `max` instructions at most, all `plain`, overwrite all status flags. Where one may fault they must be
 * found again: see translate/recover.c. */
static bool overwritten(struct emit *e, gaddr eip, unsigned max, bool (*plain)(const struct insn *in, unsigned mode))
{
    const struct translation *tr = e->tr;
    uint8_t live = FLB_ALL;
    int path[LOOK_MAX];
    unsigned n = 0;
    for (int i = translate_find(tr, eip); live && i >= 0 && n < max; i = next_of(tr, (unsigned)i)) {
        const struct insn *in = tr->insn[i].in;
        if ((in->fl_read & live) || !plain(in, tr->mode) ||
            (translate_may_fault(in) && !translate_flags_follow(tr, (unsigned)i, e->leader)))
            return false;
        live &= (uint8_t)~defines(in);
        path[n++] = i;
    }
    while (!live && n)
        e->stale[path[--n]] = true;
    return !live;
}

bool x64_flags_soon_dead(struct emit *e, gaddr eip)
{
    return overwritten(e, eip, SOON_MAX, touches_only_registers);
}

bool x64_flags_dead(struct emit *e, gaddr eip)
{
    return overwritten(e, eip, LOOK_MAX, is_plain);
}

/* ---- operands ---- */

static void add_gs(struct emit *e, struct x64_mem *m)
{
    x64_load(e, X64_TMP2, x64_cpu(offsetof(struct cpu, seg_base) + 4 * SEG_GS));
    if (m->base == X64_NONE) {
        m->base = X64_TMP2;
    } else if (m->index == X64_NONE) {
        m->index = m->base;
        m->scale = 0;
        m->base = X64_TMP2;
    } else {
        x64_lea(e, X64_TMP2, (struct x64_mem){.base = X64_TMP2, .index = m->base});
        m->base = X64_TMP2;
    }
}

enum { TABLE_MIN = 1 << 24 }; /* larger displacements are addresses, not offsets in a structure */

/* base + displacement needs no wrap: what leaves the 4 GiB faults, and is redone exactly (but on
 * some processors the x87 unit's pointers do not survive a signal). That is slow, and a displacement
 * that is a table's address may be added to negative indices, or lie above 2 GiB, all the time. */
static bool may_wrap(const struct insn *in, int32_t disp)
{
    return disp && (x64_uses_x87(in) || disp >= TABLE_MIN || disp < -TABLE_MIN);
}

bool x64_guest_mem(struct emit *e, const struct insn *in, struct x64_mem *m)
{
    if ((in->flags & INSN_ADDR16) || !translate_segment_ok(in, e->tr->mode))
        return false;
    *m = (struct x64_mem){.base = X64_NONE, .index = X64_NONE, .disp = (int32_t)in->disp};
    if (in->base != REG_ZERO)
        m->base = (uint8_t)x64_gpr(in->base);
    if (in->base == REG_ESP)
        m->disp += e->esp;
    if (in->index != REG_ZERO) {
        m->index = (uint8_t)x64_gpr(in->index);
        m->scale = in->scale;
    }
    if (m->base == X64_NONE && m->index != X64_NONE && !m->scale) {
        m->base = m->index;
        m->index = X64_NONE;
    }
    if (in->seg == SEG_GS)
        add_gs(e, m);
    m->addr32 = m->index != X64_NONE || (m->base == X64_NONE ? m->disp < 0 : may_wrap(in, m->disp));
    return true;
}

/* ---- the same instruction, encoded anew ---- */

struct raw {
    struct x64_op op;
    const uint8_t *imm;
    unsigned imm_len;
};

static bool is_prefix(uint8_t b)
{
    switch (b) {
    case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x66: case 0x67:
    case 0xf0: case 0xf2: case 0xf3: return true;
    default: return false;
    }
}

unsigned x64_modrm_tail(const uint8_t *p)
{
    unsigned mod = p[0] >> 6, rm = p[0] & 7, sib = mod != 3 && rm == 4;
    if (mod == 1)
        return sib + 1;
    if (mod == 2 || (mod == 0 && (rm == 5 || (sib && (p[1] & 7) == 5))))
        return sib + 4;
    return sib;
}

static struct raw parse(const struct tr_insn *t)
{
    struct raw r = {.op.high8 = has_high8(t->in)};
    const uint8_t *p = t->raw;
    for (; is_prefix(*p); p++) {
        if (*p == 0x66)
            r.op.p66 = 0x66;
        else if (*p == 0xf0)
            r.op.lock = 0xf0;
        else if (*p >= 0xf2)
            r.op.rep = *p;
    }
    if (*p == 0x0f) {
        p++;
        r.op.map = MAP_0F;
        if (*p == 0x38 || *p == 0x3a)
            r.op.map = *p++ == 0x38 ? MAP_0F38 : MAP_0F3A;
    }
    r.op.opcode = *p++;
    if (r.op.map == MAP_1 && r.op.opcode == 0x82) /* the same as 80, which 64-bit mode keeps */
        r.op.opcode = 0x80;
    if (t->in->modrm_off)
        p += 1 + x64_modrm_tail(p);
    r.imm = p;
    r.imm_len = (unsigned)(t->raw + t->in->len - p);
    return r;
}

/* Forms without ModRM: INC and DEC with the register in the opcode are other instructions here. */
static bool direct_short(struct emit *e, const struct insn *in, struct raw *r)
{
    if (r->op.map == MAP_1 && (r->op.opcode & 0xf0) == 0x40) {
        unsigned reg = r->op.opcode & 7, digit = r->op.opcode >> 3 & 1;
        r->op.opcode = 0xff;
        return x64_rr(e, r->op, digit, x64_gpr(reg));
    }
    unsigned rex = 0;
    if ((in->flags & INSN_OPC_GPR) && (r->op.opcode & 7) == REG_ESP) {
        r->op.opcode = (uint8_t)((r->op.opcode & 0xf8) | (X64_ESP & 7));
        rex = 0x41;
    }
    if (r->op.lock)
        e8(e, r->op.lock);
    if (r->op.p66)
        e8(e, 0x66);
    if (r->op.rep)
        e8(e, r->op.rep);
    if (rex)
        e8(e, rex);
    if (r->op.map != MAP_1)
        e8(e, 0x0f);
    e8(e, r->op.opcode);
    ebytes(e, r->imm, r->imm_len);
    return true;
}

static bool direct(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    struct raw r = parse(t);
    if (!in->modrm_off)
        return direct_short(e, in, &r);
    unsigned reg = in->modrm >> 3 & 7, rm = in->modrm & 7;
    if (in->flags & INSN_REG_GPR)
        reg = x64_gpr(reg);
    if (in->modrm >> 6 == 3) {
        if (in->op == OP_MASKMOVQ || in->op == OP_MASKMOVDQU) {
            if (in->seg >= SEG_FS || in->seg == SEG_CS || (in->flags & INSN_ADDR16))
                return false;
            e8(e, 0x67); /* stores at edi */
        }
        if (!x64_rr(e, r.op, reg, in->flags & INSN_RM_GPR ? x64_gpr(rm) : rm))
            return false;
    } else {
        struct x64_mem m;
        if (!x64_guest_mem(e, in, &m) || !x64_rm(e, r.op, reg, m))
            return false;
    }
    ebytes(e, r.imm, r.imm_len);
    return true;
}

/* ---- instructions with a form of their own ---- */

static bool string_op(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    if ((in->flags & INSN_ADDR16) || in->seg >= SEG_FS)
        return false;
    struct raw r = parse(t);
    e8(e, 0x67);
    return direct_short(e, in, &r);
}

static bool mov(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    for (unsigned i = 0; i < 2; i++)
        if (in->o[i].kind != OPND_GPR && in->o[i].kind != OPND_MEM && in->o[i].kind != OPND_IMM)
            return false;
    if (in->modrm_off || !has_mem(in))
        return direct(e, t);
    /* A0..A3, absolute address and accumulator: as the form with ModRM */
    struct raw r = parse(t);
    struct x64_mem m;
    static const uint8_t as[4] = {0x8a, 0x8b, 0x88, 0x89};
    r.op.opcode = as[r.op.opcode & 3];
    return x64_guest_mem(e, in, &m) && x64_rm(e, r.op, REG_EAX, m);
}

enum { ESP_MAX = 100 }; /* how far esp may be from where it is kept */

static bool lea(struct emit *e, const struct insn *in)
{
    struct x64_mem m;
    struct insn flat = *in;
    flat.seg = SEG_DS; /* no access */
    if (in->opsize != 4 || !x64_guest_mem(e, &flat, &m))
        return false;
    if (in->o[0].reg == REG_ESP && in->base == REG_ESP && in->index == REG_ZERO &&
        m.disp <= ESP_MAX && m.disp >= -ESP_MAX) {
        e->esp = m.disp;
        return true;
    }
    m.addr32 = false;
    x64_lea(e, x64_gpr(in->o[0].reg), m);
    if (in->o[0].reg == REG_ESP)
        e->esp = 0;
    return true;
}

/* ---- the stack: esp moves by an offset that is settled later ---- */

void x64_settle_esp(struct emit *e)
{
    if (e->esp)
        x64_lea(e, X64_ESP, x64_at(X64_ESP, e->esp));
    e->esp = 0;
}

static void esp_add(struct emit *e, int n)
{
    e->esp += n;
    if (e->esp > ESP_MAX || e->esp < -ESP_MAX)
        x64_settle_esp(e);
}

static struct x64_mem below_top(const struct emit *e) { return x64_at(X64_ESP, e->esp - 4); }

static bool push(struct emit *e, const struct insn *in)
{
    const struct opnd *o = &in->o[0];
    if (in->opsize != 4)
        return false;
    if (o->kind == OPND_GPR) {
        x64_store(e, below_top(e), x64_gpr(o->reg));
    } else if (o->kind == OPND_IMM) {
        x64_store_imm(e, below_top(e), in->imm);
    } else if (o->kind == OPND_MEM) {
        struct x64_mem m;
        if (!x64_guest_mem(e, in, &m))
            return false;
        x64_load(e, X64_TMP0, m);
        x64_store(e, below_top(e), X64_TMP0);
    } else {
        return false;
    }
    esp_add(e, -4);
    return true;
}

static bool pop(struct emit *e, const struct insn *in)
{
    const struct opnd *o = &in->o[0];
    if (in->opsize != 4 || (o->kind != OPND_GPR && o->kind != OPND_MEM))
        return false;
    if (o->kind == OPND_GPR) {
        x64_load(e, x64_gpr(o->reg), x64_at(X64_ESP, e->esp));
        if (o->reg == REG_ESP) {
            e->esp = 0;
            return true;
        }
    } else { /* the address is computed with the incremented esp */
        struct insn after = *in;
        struct x64_mem m;
        if (in->base == REG_ESP)
            after.disp += 4;
        if (!x64_guest_mem(e, &after, &m))
            return false;
        x64_load(e, X64_TMP0, x64_at(X64_ESP, e->esp));
        x64_store(e, m, X64_TMP0);
    }
    esp_add(e, 4);
    return true;
}

static bool leave(struct emit *e, const struct insn *in)
{
    if (in->opsize != 4)
        return false;
    x64_load(e, X64_TMP0, x64_at(X64_RBP, 0));
    x64_lea(e, X64_ESP, x64_at(X64_RBP, 4));
    x64_mov_rr(e, X64_RBP, X64_TMP0);
    e->esp = 0;
    return true;
}

/* ADD or SUB of a small constant to esp whose flags nobody sees. */
static bool move_esp(struct emit *e, const struct insn *in)
{
    if ((in->op != OP_ADD && in->op != OP_SUB) || in->o[0].kind != OPND_GPR ||
        in->o[0].reg != REG_ESP || in->o[0].size != 4 || in->o[1].kind != OPND_IMM)
        return false;
    int32_t n = in->op == OP_ADD ? (int32_t)in->imm : -(int32_t)in->imm;
    if (n > ESP_MAX || n < -ESP_MAX || !x64_flags_dead(e, in->next))
        return false;
    esp_add(e, n);
    return true;
}

/* MOV from or to esp need not settle it. */
static bool mov_esp(struct emit *e, const struct insn *in)
{
    const struct opnd *o = in->o;
    if (in->op != OP_MOV || o[0].kind != OPND_GPR || o[1].kind != OPND_GPR || o[0].size != 4)
        return false;
    if (o[1].reg == REG_ESP && o[0].reg != REG_ESP && e->esp) {
        x64_lea(e, x64_gpr(o[0].reg), x64_at(X64_ESP, e->esp));
        return true;
    }
    if (o[0].reg == REG_ESP && o[1].reg != REG_ESP) {
        x64_mov_rr(e, X64_ESP, x64_gpr(o[1].reg));
        e->esp = 0;
        return true;
    }
    return false;
}

static bool names_esp(const struct insn *in)
{
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_GPR && in->o[i].reg == REG_ESP && in->o[i].size > 1)
            return true;
    return false;
}

static bool xlat(struct emit *e, const struct insn *in)
{
    if ((in->flags & INSN_ADDR16) || in->seg >= SEG_FS)
        return false;
    e8(e, 0x67);
    e8(e, 0xd7);
    return true;
}

bool x64_needs_esp(const struct insn *in)
{
    return names_esp(in) && (has_mem(in) || in->op == OP_PUSH);
}

static bool choose(struct emit *e, const struct tr_insn *t)
{
    const struct insn *in = t->in;
    enum x64_how how = x64_how(in->op);
    if (move_esp(e, in) || mov_esp(e, in))
        return true;
    if (names_esp(in) && how != HOW_PUSH && how != HOW_POP && how != HOW_LEA)
        x64_settle_esp(e);
    switch (how) {
    case HOW_DIRECT: return !bit_string(in) && direct(e, t);
    case HOW_STRING: return string_op(e, t);
    case HOW_MOV: return mov(e, t);
    case HOW_LEA: return lea(e, in);
    case HOW_PUSH: return push(e, in);
    case HOW_POP: return pop(e, in);
    case HOW_LEAVE: return leave(e, in);
    case HOW_NOP: return true;
    case HOW_XLAT: return xlat(e, in);
    case HOW_VEX: return x64_vex_insn(e, t);
    case HOW_EVEX: return x64_evex_insn(e, in);
    default: return false;
    }
}

bool x64_insn(struct emit *e, const struct tr_insn *t)
{
    uint8_t *start = e->p;
    int esp = e->esp;
    if (choose(e, t))
        return true;
    e->p = start;
    e->esp = esp;
    return false;
}
