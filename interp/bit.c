/* BT BTS BTR BTC, BSF BSR, POPCNT LZCNT TZCNT, CRC32, ADCX ADOX and the BMI register operations. */
#include "interp/alu.h"
#include "interp/int.h"
#include "interp/operand.h"

static uint32_t bt_apply(unsigned op, uint32_t v, unsigned bit)
{
    switch (op) {
    case OP_BTS: return v | 1u << bit;
    case OP_BTR: return v & ~(1u << bit);
    case OP_BTC: return v ^ 1u << bit;
    default: return v;
    }
}

HANDLER(op_bt) /* register destination, or immediate bit number */
{
    struct rmw m;
    unsigned bits = in->o[0].size * 8u;
    uint32_t n = (in->o[1].kind == OPND_IMM ? in->imm : cpu->gpr[in->o[1].reg]) & (bits - 1);
    if (in->op == OP_BT) {
        flags_set_cf(cpu, opnd_read(cpu, in, 0) >> n & 1);
        NEXT;
    }
    do
        rmw_begin(cpu, in, &m);
    while (!rmw_end(cpu, in, &m, bt_apply(in->op, m.old, n)));
    flags_set_cf(cpu, m.old >> n & 1);
    NEXT;
}

HANDLER(op_bt_string) /* memory with a register bit number: any distance from the operand */
{
    unsigned size = in->o[0].size;
    int32_t n = size == 4 ? (int32_t)cpu->gpr[in->o[1].reg] : (int16_t)cpu->gpr[in->o[1].reg];
    bool write = in->op != OP_BT;
    cpu->cur = in;
    uint32_t off = ea_offset(cpu, in) + (uint32_t)(n >> (size == 4 ? 5 : 4)) * size;
    if (in->flags & INSN_ADDR16)
        off &= 0xffff;
    gaddr a = in->flags & INSN_SEG_CHECK ? ea_checked(cpu, in->seg, off, size, write) : off;
    unsigned bit = (uint32_t)n & (size * 8 - 1);
    uint32_t old = mem_load(a, size);
    if (write && (in->flags & INSN_LOCK)) {
        uint32_t seen;
        while ((seen = (uint32_t)atomic_cas(a, old, bt_apply(in->op, old, bit), size)) != old)
            old = seen;
    } else if (write) {
        mem_store(a, size, bt_apply(in->op, old, bit));
    }
    flags_set_cf(cpu, old >> bit & 1);
    NEXT;
}

/* Hardware (AMD): CF AF SF OF clear, PF the parity of the bit number, even for none. */
static void scan_flags(struct cpu *c, uint32_t v, uint32_t r)
{
    c->cc_res = v ? 0x100 | r : 0;
    c->cc_aux = 0;
}

HANDLER(op_bsf) /* a zero source leaves the destination: documented by AMD, true of Intel */
{
    uint32_t v = opnd_read(cpu, in, 1), r = v ? (uint32_t)__builtin_ctz(v) : 0;
    scan_flags(cpu, v, r);
    if (v)
        reg_write(cpu, in->o[0].reg, in->o[0].size, r);
    NEXT;
}

HANDLER(op_bsr)
{
    uint32_t v = opnd_read(cpu, in, 1), r = v ? 31u - (uint32_t)__builtin_clz(v) : 0;
    scan_flags(cpu, v, r);
    if (v)
        reg_write(cpu, in->o[0].reg, in->o[0].size, r);
    NEXT;
}

HANDLER(op_popcnt)
{
    uint32_t v = opnd_read(cpu, in, 1);
    reg_write(cpu, in->o[0].reg, in->o[0].size, (uint32_t)__builtin_popcount(v));
    flags_set_status(cpu, v ? 0 : EFL_ZF);
    NEXT;
}

HANDLER(op_zcnt) /* LZCNT TZCNT */
{
    unsigned bits = in->o[0].size * 8u;
    uint32_t v = opnd_read(cpu, in, 1), r;
    if (!v)
        r = bits;
    else if (in->op == OP_TZCNT)
        r = (uint32_t)__builtin_ctz(v);
    else
        r = (uint32_t)__builtin_clz(v) - (32 - bits);
    reg_write(cpu, in->o[0].reg, in->o[0].size, r);
    uint32_t st = flags_get_status(cpu) & EFL_OF; /* of the undefined flags, OF stays */
    flags_set_status(cpu, st | (r ? 0 : EFL_ZF) | (v ? 0 : EFL_CF));
    NEXT;
}

HANDLER(op_crc32) /* CRC-32C, reflected polynomial */
{
    unsigned size = in->o[1].size;
    uint32_t crc = cpu->gpr[in->o[0].reg], v = opnd_read(cpu, in, 1);
    crc ^= v;
    for (unsigned i = 0; i < size * 8; i++)
        crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    cpu->gpr[in->o[0].reg] = crc;
    NEXT;
}

HANDLER(op_adx)
{
    uint32_t st = flags_get_status(cpu), fl = in->op == OP_ADCX ? EFL_CF : EFL_OF;
    uint64_t r = (uint64_t)cpu->gpr[in->o[0].reg] + opnd_read(cpu, in, 1) + !!(st & fl);
    cpu->gpr[in->o[0].reg] = (uint32_t)r;
    flags_set_status(cpu, (st & ~fl) | (r >> 32 ? fl : 0));
    NEXT;
}

static uint32_t pdep(uint32_t v, uint32_t mask)
{
    uint32_t r = 0;
    for (unsigned i = 0; mask; mask &= mask - 1, i++)
        if (v >> i & 1)
            r |= mask & -mask;
    return r;
}

static uint32_t pext(uint32_t v, uint32_t mask)
{
    uint32_t r = 0;
    for (unsigned i = 0; mask; mask &= mask - 1, i++)
        if (v & mask & -mask)
            r |= 1u << i;
    return r;
}

HANDLER(op_bmi)
{
    uint32_t a = opnd_read(cpu, in, 1), b = in->nopnd > 2 ? opnd_read(cpu, in, 2) : 0, r, cf = 0;
    bool flags = true;
    switch (in->op) {
    case OP_ANDN: r = ~a & b; break;
    case OP_BLSI: r = a & -a; cf = a != 0; break;
    case OP_BLSMSK: r = a ^ (a - 1); cf = a == 0; break;
    case OP_BLSR: r = a & (a - 1); cf = a == 0; break;
    case OP_BEXTR: {
        unsigned start = b & 0xff, len = b >> 8 & 0xff;
        r = start < 32 ? a >> start : 0;
        r = len < 32 ? r & ((1u << len) - 1) : r;
        break;
    }
    case OP_BZHI:
        b &= 0xff;
        r = b < 32 ? a & ((1u << b) - 1) : a;
        cf = b > 31;
        break;
    case OP_PDEP: r = pdep(a, b); flags = false; break;
    default: r = pext(a, b); flags = false; break;
    }
    cpu->gpr[in->o[0].reg] = r;
    if (flags) {
        flags_logic(cpu, r, 32);
        flags_set_cf_of(cpu, cf, false);
        if (in->op == OP_BEXTR)
            cpu->cc_aux |= CCA_AF | r >> 31; /* AMD: AF set, SF clear */
    }
    NEXT;
}

insn_fn bind_bit(const struct insn *in)
{
    switch (in->op) {
    case OP_BT: case OP_BTS: case OP_BTR: case OP_BTC:
        return in->o[0].kind == OPND_MEM && in->o[1].kind == OPND_GPR ? op_bt_string : op_bt;
    case OP_BSF: return op_bsf;
    case OP_BSR: return op_bsr;
    case OP_POPCNT: return op_popcnt;
    case OP_LZCNT: case OP_TZCNT: return op_zcnt;
    case OP_CRC32: return op_crc32;
    case OP_ADCX: case OP_ADOX: return op_adx;
    case OP_ANDN: case OP_BEXTR: case OP_BLSI: case OP_BLSMSK: case OP_BLSR: case OP_BZHI:
    case OP_PDEP: case OP_PEXT: return op_bmi;
    default: return NULL;
    }
}
