/* System instructions as a user program sees them: flags register, interrupts, descriptor queries,
 * segment loads with pointers, CPUID and counters; privileged ones fault.
 * SGDT SIDT SMSW SLDT STR: CPUs with UMIP fault and Linux emulates them with fixed values
 * (arch/x86/kernel/umip.c); the same values are given here. */
#include <sched.h>
#include <sys/random.h>
#include <time.h>

#include "core/cpuid.h"
#include "core/thread.h"
#include "interp/int.h"
#include "interp/operand.h"

enum { UMIP_TR = 0x40 };
#define UMIP_CR0 0x80050033u
#define UMIP_GDT 0xfffe0000u
#define UMIP_IDT 0xffff0000u

HANDLER(op_pushf)
{
    unsigned size = in->opsize;
    uint32_t v = cpu_get_eflags(cpu) & ~(uint32_t)(EFL_VM | EFL_RF);
    mem_store(ea_stack(cpu, in, -(int32_t)size, size, true), size, v);
    stack_add(cpu, -(int32_t)size);
    NEXT;
}

HANDLER(op_popf) /* IF and IOPL keep their values at CPL 3 */
{
    unsigned size = in->opsize;
    uint32_t v = mem_load(ea_stack(cpu, in, 0, size, false), size);
    uint32_t change = EFL_TF | EFL_DF | EFL_NT | (size == 4 ? EFL_AC | EFL_ID : 0);
    stack_add(cpu, (int32_t)size);
    bool ac = (cpu->eflags ^ v) & change & EFL_AC;
    cpu->eflags = (cpu->eflags & ~change) | (v & change);
    flags_set_status(cpu, v);
    if (unlikely(ac))
        cpu_update_mode(cpu);
    cpu->eip = in->next;
    return interp_exit(cpu, in, EXIT_BRANCH); /* TF may have changed */
}

/* A software interrupt that reaches the guest as an exception behind the instruction. */
static const struct insn *soft_trap(struct cpu *c, const struct insn *in, enum trap vec)
{
    c->trap = (struct cpu_trap){.vec = (uint8_t)vec, .is_int = 1, .code_kind = vec == TRAP_DB,
                                .addr = c->trap.addr};
    c->eip = in->next;
    return interp_exit(c, in, EXIT_TRAP);
}

HANDLER(op_int)
{
    cpu->cur = in;
    uint8_t n = (uint8_t)in->imm;
    if (n == 0x80) {
        cpu->eip = in->next;
        return interp_exit(cpu, in, EXIT_SYSCALL);
    }
    if (n == TRAP_BP || n == TRAP_OF) /* the gates a user may call */
        return soft_trap(cpu, in, n);
    cpu_fault_gp(cpu, n * 8u + 2);
}

HANDLER(op_int3) { return soft_trap(cpu, in, TRAP_BP); }
HANDLER(op_int1) { return soft_trap(cpu, in, TRAP_DB); }

HANDLER(op_into)
{
    if (flag_of(cpu))
        return soft_trap(cpu, in, TRAP_OF);
    cpu->eip = in->next;
    return interp_jump(cpu, in, 0, in->next);
}

HANDLER(op_bound)
{
    unsigned size = in->opsize;
    int32_t lo = (int32_t)mem_load(ea(cpu, in, size, false), size);
    int32_t hi = (int32_t)mem_load(ea_plus(cpu, in, size, size, false), size);
    int32_t v = (int32_t)reg_read(cpu, in->o[0].reg, size);
    if (size == 2) {
        lo = (int16_t)lo;
        hi = (int16_t)hi;
        v = (int16_t)v;
    }
    if (v < lo || v > hi)
        cpu_fault(cpu, TRAP_BR, 0, 0);
    NEXT;
}

HANDLER(op_privileged)
{
    cpu->cur = in;
    cpu_fault_gp(cpu, 0);
}

HANDLER(op_sysenter)
{
    cpu->eip = in->eip;
    return interp_exit(cpu, in, EXIT_SYSENTER);
}

/* AMD CPUs have SYSCALL in 32-bit mode and Linux takes it like SYSENTER, but that the second
 * argument comes in ebp since the instruction has overwritten ecx. CPUID does not show it. */
HANDLER(op_syscall)
{
    cpu->gpr[REG_ECX] = cpu->gpr[REG_EBP];
    return op_sysenter(cpu, in);
}

/* ---- descriptors ---- */

static void set_zf(struct cpu *c, bool zf)
{
    flags_set_status(c, (flags_get_status(c) & ~(uint32_t)EFL_ZF) | (zf ? EFL_ZF : 0));
}

/* Visible at CPL 3 with this selector? */
static bool visible(const struct seg_cache *d, uint16_t sel)
{
    bool conforming = (d->attr & 0x1c) == 0x1c;
    (void)sel;
    return conforming || (d->attr >> 5 & 3) == 3;
}

BODY(op_lar)
{
    uint16_t sel = (uint16_t)opnd_read(cpu, in, 1);
    struct seg_cache d;
    bool ok = (sel & ~3) && cpu_find_desc(cpu, sel, &d) && visible(&d, sel) && (d.attr & 0x10);
    if (ok)
        reg_write(cpu, in->o[0].reg, in->o[0].size, ((uint32_t)d.attr << 8) & 0x00ffff00);
    set_zf(cpu, ok);
    DONE;
}

BODY(op_lsl)
{
    uint16_t sel = (uint16_t)opnd_read(cpu, in, 1);
    struct seg_cache d;
    bool ok = (sel & ~3) && cpu_find_desc(cpu, sel, &d) && visible(&d, sel) && (d.attr & 0x10);
    if (ok)
        reg_write(cpu, in->o[0].reg, in->o[0].size, d.limit);
    set_zf(cpu, ok);
    DONE;
}

BODY(op_verr_verw)
{
    uint16_t sel = (uint16_t)opnd_read(cpu, in, 0);
    struct seg_cache d;
    bool ok = (sel & ~3) && cpu_find_desc(cpu, sel, &d) && visible(&d, sel) && (d.attr & 0x10);
    if (ok) {
        bool code = d.attr & 8, rw = d.attr & 2;
        ok = in->op == OP_VERR ? !code || rw : !code && rw;
    }
    set_zf(cpu, ok);
    DONE;
}

HANDLER(op_arpl) /* writes only if it changes something */
{
    uint32_t src = *r16(cpu, in->o[1].reg), old = opnd_read(cpu, in, 0);
    bool adjust = (old & 3) < (src & 3);
    if (adjust) {
        if (in->o[0].kind == OPND_MEM && in->seg == SEG_CS)
            cpu_fault_gp(cpu, 0); /* code segments are not writable */
        opnd_write(cpu, in, 0, (old & ~3u) | (src & 3));
    }
    set_zf(cpu, adjust);
    NEXT;
}

/* The kernel's store: it looks at the segment's base and limit only, the latter as if no segment
 * expanded down, and reports the address of the first byte whichever it is that faults. */
static void umip_store(struct cpu *c, const struct insn *in, const void *bytes, unsigned n)
{
    const struct seg_cache *s = &c->seg[in->seg];
    uint32_t off = ea_offset(c, in);
    c->cur = in;
    if (!s->valid || off > s->limit)
        cpu_fault_gp(c, 0);
    gaddr a = off + s->base;
    if (a < off) /* nor does it wrap */
        cpu_fault(c, TRAP_PF, PF_ERR_USER | PF_ERR_WRITE, a);
    for (unsigned i = 0; i < n; i++)
        if (mem_write(a + i, (const uint8_t *)bytes + i, 1))
            cpu_fault(c, TRAP_PF, PF_ERR_USER | PF_ERR_WRITE, a);
}

BODY(op_sgdt_sidt)
{
    uint32_t base = in->op == OP_SGDT ? UMIP_GDT : UMIP_IDT;
    uint8_t image[6] = {0};
    memcpy(image + 2, &base, 4);
    umip_store(cpu, in, image, sizeof image);
    DONE;
}

BODY(op_store_system) /* SLDT STR SMSW: memory and 16-bit registers get 16 bits */
{
    uint32_t v = in->op == OP_STR ? UMIP_TR : in->op == OP_SMSW ? UMIP_CR0 : 0;
    if (in->op == OP_SLDT && process_ldt.desc)
        v = 0x50; /* GDT_ENTRY_LDT * 8 */
    if (in->o[0].kind == OPND_MEM)
        umip_store(cpu, in, &v, 2);
    else
        reg_write(cpu, in->o[0].reg, in->opsize, v);
    DONE;
}

HANDLER(op_load_far) /* LDS LES LFS LGS LSS */
{
    static const uint8_t seg_of[] = {SEG_DS, SEG_ES, SEG_FS, SEG_GS, SEG_SS};
    unsigned size = in->opsize;
    uint32_t off = mem_load(ea(cpu, in, size, false), size);
    uint16_t sel = ld16(ea_plus(cpu, in, size, 2, false));
    enum segreg s = seg_of[in->op == OP_LDS ? 0 : in->op == OP_LES ? 1 : in->op == OP_LFS ? 2
                           : in->op == OP_LGS ? 3 : 4];
    int vec = cpu_load_seg(cpu, s, sel);
    if (vec)
        cpu_fault(cpu, (enum trap)vec, sel & 0xfffcu, 0);
    reg_write(cpu, in->o[0].reg, size, off);
    return interp_next_mode(cpu, in);
}

/* ---- identification, counters, caches ---- */

HANDLER(op_cpuid)
{
    struct cpuid_regs r = cpuid_query(cpu->gpr[REG_EAX], cpu->gpr[REG_ECX]);
    cpu->gpr[REG_EAX] = r.eax;
    cpu->gpr[REG_EBX] = r.ebx;
    cpu->gpr[REG_ECX] = r.ecx;
    cpu->gpr[REG_EDX] = r.edx;
    NEXT;
}

/* The counter of RDTSC: nanoseconds, that is a constant, synchronised 1 GHz clock. */
static void read_tsc(struct cpu *c)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    uint64_t v = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
    c->gpr[REG_EAX] = (uint32_t)v;
    c->gpr[REG_EDX] = (uint32_t)(v >> 32);
}

/* What Linux keeps in IA32_TSC_AUX: the CPU's number and its node. */
static uint32_t tsc_aux(void)
{
    unsigned cpu = 0, node = 0;
    getcpu(&cpu, &node);
    return node << 12 | (cpu & 0xfff);
}

HANDLER(op_rdtsc)
{
    read_tsc(cpu);
    NEXT;
}

HANDLER(op_rdtscp)
{
    read_tsc(cpu);
    cpu->gpr[REG_ECX] = tsc_aux();
    NEXT;
}

HANDLER(op_rdpid)
{
    cpu->gpr[in->o[0].reg] = tsc_aux();
    NEXT;
}

BODY(op_rdrand)
{
    uint32_t v = 0;
    bool ok = getrandom(&v, sizeof v, GRND_NONBLOCK) == sizeof v;
    reg_write(cpu, in->o[0].reg, in->o[0].size, v);
    flags_set_status(cpu, ok ? EFL_CF : 0);
    DONE;
}

HANDLER(op_clflush) /* faults like a load, but may use an execute-only code segment */
{
    cpu->cur = in;
    uint32_t off = ea_offset(cpu, in);
    bool code = in->seg == SEG_CS;
    if (code && off > cpu->seg[SEG_CS].limit)
        cpu_fault_gp(cpu, 0);
    ld8(code ? off + cpu->seg_base[SEG_CS] : ea(cpu, in, 1, false));
    NEXT;
}

HANDLER(op_nop) { NEXT; }

enum { MXCSR_RESERVED = ~0xffff };

HANDLER(op_ldmxcsr)
{
    uint32_t v = ld32(ea(cpu, in, 4, false));
    if (v & (uint32_t)MXCSR_RESERVED)
        cpu_fault_gp(cpu, 0);
    cpu->mxcsr = v;
    NEXT;
}

HANDLER(op_stmxcsr)
{
    st32(ea(cpu, in, 4, true), cpu->mxcsr);
    NEXT;
}

insn_fn interp_bind_system(const struct insn *in)
{
    switch (in->op) {
    case OP_PUSHF: return op_pushf;
    case OP_POPF: return op_popf;
    case OP_IRET: return bind_branch(in);
    case OP_INT: return op_int;
    case OP_INT3: return op_int3;
    case OP_INT1: return op_int1;
    case OP_INTO: return op_into;
    case OP_BOUND: return op_bound;
    case OP_SYSENTER: return op_sysenter;
    case OP_SYSCALL: return op_syscall;
    case OP_LAR: return op_lar;
    case OP_LSL: return op_lsl;
    case OP_VERR: case OP_VERW: return op_verr_verw;
    case OP_ARPL: return op_arpl;
    case OP_SGDT: case OP_SIDT: return op_sgdt_sidt;
    case OP_SLDT: case OP_STR: case OP_SMSW: return op_store_system;
    case OP_LDS: case OP_LES: case OP_LFS: case OP_LGS: case OP_LSS: return op_load_far;
    case OP_CPUID: return op_cpuid;
    case OP_RDTSC: return op_rdtsc;
    case OP_RDRAND: case OP_RDSEED: return op_rdrand;
    case OP_CLFLUSH: case OP_CLFLUSHOPT: case OP_CLWB: return op_clflush;
    case OP_RDSSPD: return op_nop;
    case OP_LDMXCSR: case OP_VLDMXCSR: return op_ldmxcsr;
    case OP_STMXCSR: case OP_VSTMXCSR: return op_stmxcsr;
    case OP_HLT: case OP_CLI: case OP_STI: case OP_IN: case OP_OUT: case OP_LGDT: case OP_LIDT:
    case OP_LLDT: case OP_LTR: case OP_LMSW: case OP_CLTS: case OP_INVD: case OP_WBINVD:
    case OP_INVLPG: case OP_RDMSR: case OP_WRMSR: case OP_RDPMC: case OP_SYSEXIT: case OP_SYSRET:
        return op_privileged;
    case OP_RDTSCP: return op_rdtscp;
    case OP_RDPID: return op_rdpid;
    default: return interp_bind_xsave(in);
    }
}
