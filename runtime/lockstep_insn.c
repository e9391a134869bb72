/* Single instructions for lockstep: decoded and bound alone, executed, what is known of them. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/mem.h"
#include "decode/decode.h"
#include "interp/interp.h"
#include "runtime/lockstep_priv.h"
#include "runtime/runtime.h"

enum { CODE_BITS = 12 };

/* A decoded instruction that is executed alone, and the bytes it was decoded from. */
struct code {
    gaddr eip;
    uint8_t mode, len; /* len 0: unused */
    uint8_t bytes[15];
    struct step_block step;
};

struct code *lockstep_code_new(void)
{
    return xcalloc(1 << CODE_BITS, sizeof(struct code));
}

static bool fetchable(gaddr eip, unsigned len)
{
    return (mem_page_flags(eip) & PAGE_X) && (mem_page_flags(eip + len - 1) & PAGE_X);
}

/* The instruction at eip, decoded once for as long as its bytes stay the same. */
const struct insn *lockstep_fetch(struct lockstep *ls)
{
    const struct cpu *cpu = &ls->t->cpu;
    struct code *c = &ls->code[(cpu->eip ^ cpu->eip >> CODE_BITS) & ((1 << CODE_BITS) - 1)];
    if (c->len && c->eip == cpu->eip && c->mode == cpu->mode && fetchable(c->eip, c->len) &&
        !memcmp(mem_host(c->eip), c->bytes, c->len))
        return c->step.insn;
    c->eip = cpu->eip;
    c->mode = cpu->mode;
    c->len = 0;
    if (decode_insn(c->eip, c->mode, &c->step.insn[0]) == DECODE_OK &&
        !mem_read(c->bytes, c->eip, c->step.insn[0].len))
        c->len = c->step.insn[0].len;
    cache_bind_step(&c->step);
    return c->step.insn;
}

/* Interprets one instruction; true if it raised an exception (cpu->trap). */
bool lockstep_execute(struct lockstep *ls, const struct insn *in)
{
    struct thread *t = ls->t;
    t->cpu.pending = 0;
    if (sigsetjmp(t->trap_jb, 0)) {
        t->running = 0;
        t->cpu.exit_links = NULL;
        return true;
    }
    t->running = 1;
    __asm__ volatile("" ::: "memory");
    interp_run(&t->cpu, in);
    __asm__ volatile("" ::: "memory");
    t->running = 0;
    t->cpu.exit_links = NULL;
    return t->cpu.exit == EXIT_TRAP;
}

/* Results that are the processor's choice or change from moment to moment. */
bool lockstep_native_decides(const struct insn *in)
{
    switch (in->op) {
    case OP_RDTSC: case OP_RDTSCP: case OP_RDPID: case OP_RDRAND: case OP_RDSEED:
    case OP_SGDT: case OP_SIDT: case OP_SLDT: case OP_STR: case OP_SMSW: case OP_LSL: case OP_LAR:
    case OP_RCPPS: case OP_RCPSS: case OP_RSQRTPS: case OP_RSQRTSS: /* tables of 12 bits */
    case OP_VRCPPS: case OP_VRCPSS: case OP_VRSQRTPS: case OP_VRSQRTSS:
    case OP_FSIN: case OP_FCOS: case OP_FSINCOS: case OP_FPTAN: case OP_FPATAN: case OP_F2XM1:
    case OP_FYL2X: case OP_FYL2XP1: /* the last bit */
        return true;
    default:
        return false;
    }
}

bool lockstep_raises_sigtrap(const struct insn *in)
{
    return in->op == OP_INT3 || in->op == OP_INT1 || in->op == OP_INT;
}

bool lockstep_is_syscall(const struct insn *in)
{
    return (in->op == OP_INT && (uint8_t)in->imm == 0x80) || in->op == OP_SYSENTER ||
           in->op == OP_SYSCALL;
}

bool lockstep_special(const struct insn *in)
{
    switch (in->op) {
    case OP_CPUID: case OP_XGETBV: case OP_POPF: case OP_IRET: case OP_INTO: case OP_ENTER:
    case OP_FNSTENV: case OP_FNSAVE: case OP_FXSAVE: /* they show unspecified bytes */
    case OP_LDS: case OP_LES: case OP_LFS: case OP_LGS: case OP_LSS:
        return true;
    default: break;
    }
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_SEG || in->o[i].kind == OPND_FAR)
            return true;
    return lockstep_is_syscall(in) || lockstep_raises_sigtrap(in) || lockstep_native_decides(in) ||
           decode_op_class((enum op)in->op) == CLASS_PSEUDO;
}

void lockstep_spoil(struct lockstep *ls, const gaddr *stored)
{
    struct cpu *cpu = &ls->t->cpu;
    bool now = ls->spoilt ? ls->steps == ls->spoil_at : ls->steps >= ls->spoil_at;
    if (!now)
        return;
    switch (ls->spoil) {
    case SPOIL_REG: cpu->gpr[REG_ESI] ^= 0x10; break;
    case SPOIL_FLAG: flags_set_status(cpu, flags_get_status(cpu) ^ EFL_CF); break;
    case SPOIL_ST: cpu->fpu.st[3].sig ^= 1; break;
    case SPOIL_XMM: cpu->xmm[5].d[2] ^= 0x100; break;
    case SPOIL_STORE: /* waits for something that stores */
        if (!stored)
            return;
        *(uint8_t *)mem_host(*stored) ^= 1;
        break;
    case SPOIL_STRAY: /* where no instruction writes: the program's name at the end of its stack */
        *(uint8_t *)mem_host(mirror_find(&ls->mirror, cpu->gpr[REG_ESP])->end - 6) ^= 0x80;
        break;
    case SPOIL_NONE: break;
    }
    ls->spoilt = true; /* and again when this instruction is repeated */
    ls->spoil_at = ls->steps;
    if (ls->spoil == SPOIL_STRAY)
        ls->spoil = SPOIL_NONE;
}

void lockstep_spoil_insn(struct lockstep *ls, const struct insn *in)
{
    struct store s[EFFECTS_STORES_MAX];
    bool stores = ls->spoil == SPOIL_STORE && effects_stores(&ls->before, in, s) && s[0].len;
    lockstep_spoil(ls, stores ? &s[0].addr : NULL);
}

void lockstep_parse_spoil(struct lockstep *ls, const char *s)
{
    static const char *const names[] = {"", "reg", "flag", "st", "xmm", "store", "stray"};
    const char *colon = s ? strchr(s, ':') : NULL;
    for (unsigned i = 1; colon && i < ARRAY_SIZE(names); i++)
        if (strlen(names[i]) == (size_t)(colon - s) && !memcmp(names[i], s, (size_t)(colon - s)))
            ls->spoil = (enum spoil)i;
    if (s && ls->spoil == SPOIL_NONE)
        log_die(126, "--lockstep-break=%s: want reg, flag, st, xmm, store or stray:N", s);
    if (colon)
        ls->spoil_at = strtoull(colon + 1, NULL, 0);
}
