/* Lockstep, one instruction: a single step of the native process, one interpreted instruction, and
 * everything that may have changed compared. CPUID is answered for both by xrun's model, or the
 * program would choose code for the processor it runs on. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "core/cpuid.h"
#include "core/mem.h"
#include "decode/decode.h"
#include "runtime/lockstep_priv.h"

enum {
    REP_STEPS = 8, /* longer repetitions run to a breakpoint */
    LATE_MAX = 3,
};

/* ---- signals ---- */

/* The signal that Linux makes of an exception. */
static int signal_of(unsigned vec)
{
    switch (vec) {
    case TRAP_DE: case TRAP_MF: case TRAP_XM: return SIGFPE;
    case TRAP_DB: case TRAP_BP: return SIGTRAP;
    case TRAP_UD: return SIGILL;
    case TRAP_NP: case TRAP_SS: case TRAP_AC: case TRAP_SIGBUS: return SIGBUS;
    default: return SIGSEGV;
    }
}

static void compare_fault(struct lockstep *ls, const struct native_event *e, bool trapped)
{
    const struct cpu *cpu = &ls->t->cpu;
    struct lockstep_diff d = {0};
    char text[128];
    lockstep_get_native(ls, true);
    int mine = trapped ? signal_of(cpu->trap.vec) : 0;
    bool equal = lockstep_compare(&ls->other, cpu, LOCKSTEP_FLAGS, true, &d);
    bool place = e->sig != SIGSEGV || cpu->trap.vec != TRAP_PF || e->addr == cpu->trap.addr;
    if (mine == e->sig && equal && place)
        return;
    snprintf(text, sizeof text, "native: signal %d (code %d, address %08x); xrun: signal %d "
             "(exception %u, address %08x)", e->sig, e->code, e->addr, mine, cpu->trap.vec,
             cpu->trap.addr);
    lockstep_different(ls, &d, text, NULL);
}

static void on_signal(struct lockstep *ls, const struct insn *in, struct native_event *e,
                      bool trapped)
{
    if (lockstep_is_fault(e) && lockstep_native_decides(in))
        ls->taken++; /* xrun has not tried */
    else if (lockstep_is_fault(e))
        compare_fault(ls, e, trapped);
    else
        ls->steps--; /* came before the instruction: what xrun has executed is undone */
    lockstep_deliver(ls, e);
}

/* ---- memory ---- */

void lockstep_refresh_rseq(struct lockstep *ls)
{
    if (ls->rseq.len && mem_check(ls->rseq.addr, ls->rseq.len, PROT_WRITE))
        native_read(&ls->native, ls->rseq.addr, mem_host(ls->rseq.addr), ls->rseq.len);
}

/* Memory that others write to (shared mappings, the rseq area) is read again before it is used. */
static void refresh_shared(struct lockstep *ls, const struct insn *in)
{
    struct store s = effects_operand(&ls->before, in);
    if (!s.len)
        return;
    if (s.addr - ls->rseq.addr < ls->rseq.len)
        lockstep_refresh_rseq(ls);
    const struct mirror_area *a = ls->mirror.any_shared ? mirror_find(&ls->mirror, s.addr) : NULL;
    if (a && a->shared && (a->prot & PROT_WRITE) && s.addr + s.len <= a->end)
        native_read(&ls->native, s.addr, mem_host(s.addr), s.len);
}

/* Compares a store of the last instruction; bytes that processors fill differently are copied. */
static void compare_store(struct lockstep *ls, const struct insn *in, const struct store *s)
{
    uint8_t buf[4096];
    for (uint32_t done = 0; done < s->len;) {
        uint32_t n = s->len - done < sizeof buf ? s->len - done : (uint32_t)sizeof buf;
        if (!mem_check(s->addr + done, n, PROT_WRITE) ||
            native_read(&ls->native, s->addr + done, buf, n) != n)
            return; /* an operand that was not written (masked) may lie anywhere */
        uint8_t *mine = mem_host(s->addr + done);
        for (uint32_t i = 0; i < n; i++) {
            if (buf[i] == mine[i])
                continue;
            struct store_diff part = {s->addr + done + i, n - i, buf + i};
            struct lockstep_diff d = {0};
            if (effects_unspecified(in, done + i)) {
                mine[i] = buf[i];
                continue;
            }
            lockstep_different(ls, &d, "memory written by this instruction", &part);
        }
        done += n;
    }
}

/* While it is stepped the processor's EFLAGS has TF set, and PUSHF shows it. */
static void hide_trap_flag(struct lockstep *ls, const struct insn *in)
{
    uint32_t sp = ls->other.gpr[REG_ESP];
    uint8_t high;
    if (in->op == OP_PUSHF && native_read(&ls->native, sp + 1, &high, 1) == 1) {
        high &= (uint8_t)~(EFL_TF >> 8);
        native_write(&ls->native, sp + 1, &high, 1);
    }
}

/* ---- instructions ---- */

static bool loads_ss(const struct insn *in)
{
    return (in->op == OP_MOV || in->op == OP_POP) && in->o[0].kind == OPND_SEG &&
           in->o[0].reg == SEG_SS;
}

static bool uses_fp(const struct insn *in)
{
    switch (decode_op_class((enum op)in->op)) {
    case CLASS_X87: case CLASS_MMX: case CLASS_SSE: case CLASS_AVX: case CLASS_AVX512:
        return true;
    default: return in->op == OP_LDMXCSR || in->op == OP_XRSTOR;
    }
}

static bool repeats(const struct insn *in)
{
    return decode_op_class((enum op)in->op) == CLASS_STRING &&
           (in->flags & (INSN_REP | INSN_REPNE));
}

/* Did xrun's own execution touch floating-point state? */
static bool fp_changed(const struct cpu *a, const struct cpu *b)
{
    return memcmp(&a->fpu, &b->fpu, sizeof a->fpu) || a->mxcsr != b->mxcsr ||
           memcmp(a->xmm, b->xmm, sizeof a->xmm) || memcmp(a->ymmh, b->ymmh, sizeof a->ymmh) ||
           memcmp(a->zmmh, b->zmmh, sizeof a->zmmh) || memcmp(a->k, b->k, sizeof a->k);
}

/* Has it stopped for a step that was not one of an instruction? */
static bool no_progress(struct lockstep *ls, const struct insn *in)
{
    return ls->other.eip == in->eip && ls->t->cpu.eip != in->eip && !lockstep_native_decides(in);
}

/* Waits for the step natively made; a repeated instruction is stepped to its end. */
static void wait_step(struct lockstep *ls, const struct insn *in, struct native_event *e)
{
    int code = 0;
    for (int again = 0;; native_step(&ls->native, 0)) {
        native_wait(&ls->native, e);
        lockstep_gone(ls, e);
        if (e->kind != NATIVE_STEPPED)
            return;
        lockstep_get_native(ls, false);
        if (repeats(in) && ls->other.eip == in->eip)
            continue;
        bool stuck = no_progress(ls, in);
        if (!stuck && !lockstep_raises_sigtrap(in))
            return;
        code = native_siginfo(&ls->native);
        if (lockstep_raises_sigtrap(in) || code <= 0)
            break;
        if (code == TRAP_TRACE || again++) /* of the kernel's own steps there is one */
            return;
    }
    e->kind = NATIVE_SIGNAL; /* a SIGTRAP that is not the step's */
    e->code = code;
}

static void take_stores_over(struct lockstep *ls, const struct insn *in)
{
    struct store s[EFFECTS_STORES_MAX];
    unsigned n = effects_stores(&ls->before, in, s);
    for (unsigned i = 0; i < n; i++)
        if (mem_check(s[i].addr, s[i].len, PROT_WRITE))
            native_read(&ls->native, s[i].addr, mem_host(s[i].addr), s[i].len);
}

static void compare_step(struct lockstep *ls, const struct insn *in)
{
    struct cpu *cpu = &ls->t->cpu;
    uint32_t undefined = flb_to_eflags(in->fl_undef);
    bool fp = uses_fp(in) || fp_changed(&ls->before, cpu);
    struct store s[EFFECTS_STORES_MAX];
    struct lockstep_diff d;
    struct native_event e;
    if (fp && !host_native_get_fp(ls->native.pid, &ls->other))
        lockstep_stop(ls, "its registers cannot be read");
    hide_trap_flag(ls, in);
    if (!lockstep_compare(&ls->other, cpu, LOCKSTEP_FLAGS & ~undefined, fp, &d))
        lockstep_different(ls, &d, "registers", NULL);
    unsigned n = effects_stores(&ls->before, in, s);
    for (unsigned i = 0; i < n; i++)
        compare_store(ls, in, &s[i]);
    if (undefined)
        flags_set_status(cpu, cpu_get_eflags(&ls->other));
    if (cpu->eflags & EFL_TF)
        lockstep_stop(ls, "it single-steps itself");
    if (in->op != OP_POPF && in->op != OP_IRET)
        return;
    native_settle_flags(&ls->native, &e);
    lockstep_gone(ls, &e);
    if (e.kind == NATIVE_SIGNAL)
        lockstep_deliver(ls, &e);
}

/* Memory of the kernel's that only the native process can read (the vDSO's clock). */
static bool reads_opaque(struct lockstep *ls)
{
    const struct cpu_trap *p = &ls->t->cpu.trap;
    const struct mirror_area *a = p->vec == TRAP_PF ? mirror_find(&ls->mirror, p->addr) : NULL;
    return a && a->opaque;
}

void lockstep_step_both(struct lockstep *ls, const struct insn *in)
{
    struct native_event e;
    const struct insn *first = in;
    bool far_rep = repeats(in) && ls->t->cpu.gpr[REG_ECX] > REP_STEPS;
    bool trapped = false, native_only = lockstep_native_decides(in);
    if (ls->mirror.any_shared || ls->rseq.len)
        refresh_shared(ls, in);
    if (!far_rep)
        native_step(&ls->native, 0); /* and while it runs: */
    if (!native_only)
        trapped = lockstep_execute(ls, in);
    lockstep_spoil_insn(ls, in);
    if (far_rep) {
        native_run_to(&ls->native, in->next, &e);
        lockstep_gone(ls, &e);
        if (e.kind == NATIVE_STEPPED)
            lockstep_get_native(ls, false);
    } else {
        wait_step(ls, in, &e);
    }
    if (e.kind == NATIVE_SIGNAL && loads_ss(in) && !trapped) {
        lockstep_get_native(ls, false); /* the instruction behind it has faulted */
        if (ls->other.eip == ls->t->cpu.eip && lockstep_is_fault(&e)) {
            in = lockstep_fetch(ls);
            ls->steps++;
            trapped = lockstep_execute(ls, in);
        }
    }
    if (e.kind == NATIVE_SIGNAL) {
        on_signal(ls, in, &e, trapped);
        return;
    }
    if (native_only || (trapped && reads_opaque(ls))) {
        lockstep_take_over(ls);
        take_stores_over(ls, in);
        ls->taken++;
        return;
    }
    if (trapped) {
        struct lockstep_diff d = {0};
        char text[96];
        snprintf(text, sizeof text, "xrun raises exception %u (error %x, address %08x), the "
                 "processor does not", ls->t->cpu.trap.vec, ls->t->cpu.trap.err,
                 ls->t->cpu.trap.addr);
        lockstep_different(ls, &d, text, NULL);
    }
    for (int i = 0; i < LATE_MAX && loads_ss(first) && ls->other.eip != ls->t->cpu.eip; i++) {
        in = lockstep_fetch(ls); /* the trap comes an instruction later, or two */
        ls->steps++;
        lockstep_execute(ls, in);
    }
    compare_step(ls, in);
}

/* CPUID and XGETBV. */
void lockstep_step_cpuid(struct lockstep *ls, const struct insn *in)
{
    struct cpu *cpu = &ls->t->cpu;
    struct cpuid_regs r = cpuid_query(cpu->gpr[REG_EAX], cpu->gpr[REG_ECX]);
    if (in->op == OP_XGETBV)
        r = (struct cpuid_regs){(uint32_t)cpuid_xcr0(), cpu->gpr[REG_EBX], cpu->gpr[REG_ECX], 0};
    cpu->gpr[REG_EAX] = r.eax;
    cpu->gpr[REG_EBX] = r.ebx;
    cpu->gpr[REG_ECX] = r.ecx;
    cpu->gpr[REG_EDX] = r.edx;
    cpu->eip = in->next;
    host_native_set(ls->native.pid, cpu);
    ls->taken++;
}
