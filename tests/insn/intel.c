#include "tests/insn/intel.h"

#include <string.h>

#include "tests/insn/state.h"

const char intel_reasons[] =
    "Intel's processors do otherwise: faults of vector accesses and of those around 4 GiB, of SHA, EVEX, gathers,\n"
    "far returns, x87 and MMX stores; PUSH of segments, SHLD and SHRD of 16 bits by more, NaNs of DPPS,\n"
    "transcendentals near 0 (and where the x87 unit was last is not compared)";

bool intel_here(void)
{
#ifdef __x86_64__
    return __builtin_cpu_is("intel");
#else
    return false;
#endif
}

void intel_take_pointers(const struct test_case *c, const struct insn *in, struct case_state *hardware,
                         struct case_state *model)
{
    enum { FOP = 6, FDP = 16, NOTE = CASE_NOTE - CASE_WINDOW };
    memcpy(model->fx + FOP, hardware->fx + FOP, 6);
    memcpy(model->fx + FDP, hardware->fx + FDP, 4);
    if (c->len > in->len)
        memcpy(model->mem + NOTE + 12, hardware->mem + NOTE + 12, 16);
    unsigned at, n;
    switch (in->op) {
    case OP_FXSAVE: case OP_XSAVE: case OP_XSAVEC: at = FOP, n = FDP + 8 - FOP; break;
    case OP_FNSTENV: case OP_FNSAVE: at = in->opsize == 2 ? 6 : 12, n = in->opsize == 2 ? 8 : 16; break;
    default: return;
    }
    uint32_t image = state_operand_address(c, in) + at;
    uint8_t *p = state_window(model, image, n);
    if (p)
        memcpy(p, state_window(hardware, image, n), n);
    else if (model->stray)
        model->stray = hardware->stray;
}

bool intel_own_faults(enum op op)
{
    switch (op) {
    case OP_SHA1MSG1: case OP_SHA1MSG2: case OP_SHA1NEXTE: case OP_SHA1RNDS4: case OP_SHA256MSG1: /* alignment */
    case OP_SHA256MSG2: case OP_SHA256RNDS2:
    case OP_CALL: case OP_MOVD: case OP_MOVQ: case OP_MOVNTQ: /* store, or reset the top of stack, before they fault */
    case OP_VGATHERDPD: case OP_VGATHERDPS: case OP_VGATHERQPD: case OP_VGATHERQPS:
    case OP_VPGATHERDD: case OP_VPGATHERDQ: case OP_VPGATHERQD: case OP_VPGATHERQQ: /* keep what was gathered */
    case OP_CMPS: case OP_SCAS: /* flags of the element before */
    case OP_VCVTPS2PH: case OP_FST: case OP_FSTP: case OP_FIST: case OP_FISTP: case OP_FISTTP: case OP_FBSTP:
        /* the exception of the value before that of the access */
    case OP_VMASKMOVPD: case OP_VMASKMOVPS: case OP_VPMASKMOVD: case OP_VPMASKMOVQ: case OP_MASKMOVDQU:
    case OP_VMASKMOVDQU: case OP_XSAVE: case OP_XSAVEC: case OP_XRSTOR: case OP_FNSAVE: /* which page is missed first */
    case OP_RET: case OP_IRET: case OP_POP: case OP_BOUND: case OP_SYSRET: /* which fault comes first */
    case OP_EVEX: case OP_EVEX_PACKED: case OP_EVEX_GATHER: case OP_EVEX_SCATTER:
    case OP_INVALID: case OP_UNSUPPORTED: return true;
    default: return false;
    }
}

static bool tiny80(const uint8_t *p)
{
    return p[8] <= 1 && !(p[9] & 0x7f);
}

/* Some registers differ, and all of those are tiny. */
static bool tiny_differ(const struct case_state *a, const struct case_state *b)
{
    enum { ST0 = 32 };
    bool some = false;
    for (const uint8_t *x = a->fx + ST0, *y = b->fx + ST0; x < a->fx + ST0 + 8 * 16; x += 16, y += 16)
        if (memcmp(x, y, 10)) {
            some = true;
            if (!tiny80(x) && !tiny80(y))
                return false;
        }
    return some;
}

bool intel_leaves(const struct insn *in, const struct case_state *hardware, const struct case_state *model)
{
    unsigned h = hardware->trap, m = model->trap;
    if (h != TRAP_BP || m != TRAP_BP) {
        bool unaligned = m == TRAP_AC && (h == TRAP_BP || h == TRAP_PF || h == TRAP_XM); /* checks no vectors */
        bool wraps = (m == TRAP_GP || m == TRAP_SS) && (h == TRAP_PF || h == TRAP_AC);
        return unaligned || wraps || intel_own_faults(in->op);
    }
    switch (in->op) {
    case OP_PUSH: return in->o[0].kind == OPND_SEG; /* writes two bytes */
    case OP_SHLD: case OP_SHRD: return in->opsize == 2; /* undefined by more than 16 */
    case OP_DPPS: case OP_DPPD: case OP_VDPPS: case OP_VDPPD: return true; /* which of two NaNs */
    default: return state_transcendental(in->op) && tiny_differ(hardware, model);
    }
}
