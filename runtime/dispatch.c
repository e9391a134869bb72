/* The dispatcher: finds code for eip, runs it, acts on why it stopped. One per guest thread. */
#include <stdio.h>
#include <string.h>

#include "core/breaks.h"
#include "core/flags.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "decode/decode.h"
#include "interp/interp.h"
#include "runtime/code.h"
#include "runtime/debugreg.h"
#include "runtime/dump.h"
#include "runtime/effects.h"
#include "runtime/lockstep.h"
#include "runtime/ptrace.h"
#include "runtime/runtime.h"
#include "syscalls/syscalls.h"
#include "translate/translate.h"

static void run(struct thread *t, const struct insn *first)
{
    t->orig_eax = UINT32_MAX; /* until the next system call */
    t->running = 1;
    __asm__ volatile("" ::: "memory");
    interp_run(&t->cpu, first);
    __asm__ volatile("" ::: "memory");
    t->running = 0;
}

/* What a system call gave; `resume` is where its instruction starts, for a restart. */
static void put_result(struct thread *t, int64_t ret, uint32_t nr, gaddr resume)
{
    struct cpu *cpu = &t->cpu;
    if (sysret_restarts(ret)) {
        rt(t)->restart = ret;
        rt(t)->restart_eip = resume;
        rt(t)->restart_eax = nr;
        cpu->pending = 1; /* signal_deliver decides */
        return;
    }
    cpu->gpr[REG_EAX] = (uint32_t)ret;
    if (t->sigmask_restore)
        cpu->pending = 1;
}

/* Makes a system call with number eax; `resume` is where the call instruction starts, for a
 * restart. */
static void do_syscall(struct thread *t, gaddr resume)
{
    struct sysctx c = {.t = t};
    t->orig_eax = t->cpu.gpr[REG_EAX];
    sysctx_load(&c);
    cache_offline(t);
    uint64_t since = 0;
    if (unlikely(opt.strace)) {
        signal_trace_kept(t);
        strace_enter(&c);
        since = strace_clock();
    }
    int64_t ret = syscalls_dispatch(&c);
    if (unlikely(opt.abi_report))
        report_call(&c, ret);
    if (unlikely(opt.strace)) {
        strace_exit(&c, ret, since);
        signal_trace_kept(t);
    }
    if (ret != SYSRET_DONE)
        put_result(t, ret, c.nr, resume);
    if (unlikely(t->trace != NULL))
        ptrace_call_exit(t);
}

/* SYSENTER as Linux's 32-bit entry takes it: the sixth argument is on the stack, execution goes on
 * at the vDSO's landing address. */
static void do_sysenter(struct thread *t)
{
    struct cpu *cpu = &t->cpu;
    gaddr sp = cpu->gpr[REG_EBP];
    uint32_t arg6;
    cpu->eip = t->proc->vdso_sysenter_return;
    cpu->gpr[REG_ESP] = sp;
    if (mem_read32(sp, &arg6)) {
        cpu->gpr[REG_EAX] = (uint32_t)-14; /* EFAULT */
        return;
    }
    cpu->gpr[REG_EBP] = arg6;
    do_syscall(t, cpu->eip - 2);
    cpu->gpr[REG_EBP] = sp;
}

/* Loading ss holds #DB back until the next instruction has been executed. */
static bool loads_ss(const struct insn *in)
{
    return (in->op == OP_MOV || in->op == OP_POP) && in->o[0].kind == OPND_SEG &&
           in->o[0].reg == SEG_SS;
}

/* The flag that is set for the tracer's sake, not the program's. */
static void clear_forced_tf(struct thread *t)
{
    if (t->trace_tf)
        t->cpu.eflags &= ~(uint32_t)EFL_TF;
    t->trace_tf = false;
}

static const struct watch *find_hit(const struct cpu *cpu, const struct insn *in)
{
    struct store s[EFFECTS_STORES_MAX];
    const struct watch *w = NULL;
    unsigned n = effects_stores(cpu, in, s);
    for (unsigned i = 0; i < n && !w; i++)
        w = s[i].len ? watches_hit(s[i].addr, s[i].len, true) : NULL;
    n = w ? 0 : effects_loads(cpu, in, s);
    for (unsigned i = 0; i < n && !w; i++)
        w = s[i].len ? watches_hit(s[i].addr, s[i].len, false) : NULL;
    return w;
}

/* The watchpoint that the instruction is about to trigger. A repeated one that would do so sooner or later
 * must do one step at a time. */
static const struct watch *find_watch(const struct cpu *cpu, const struct insn *in, bool *one)
{
    const struct watch *w = find_hit(cpu, in);
    struct insn once = *in;
    *one = w && (in->flags & (INSN_REP | INSN_REPNE));
    once.flags &= (uint16_t)~(INSN_REP | INSN_REPNE);
    return *one ? find_hit(cpu, &once) : w;
}

/* Does each instruction have to be looked at? With RF set only the next. */
static bool single(const struct thread *t)
{
    return (t->cpu.eflags & (EFL_TF | EFL_RF)) || t->trace_step || t->debug.data ||
           (__atomic_load_n(&watches_any, __ATOMIC_RELAXED) && t->trace);
}

static bool debugger_stops(const struct thread *t)
{
    return t->trace && breaks_has(BREAKS_DEBUGGER, t->cpu.eip);
}

/* Breakpoints of debug registers and watchpoints are told by #DB behind the instruction, which a load of ss
 * holds back. */
static unsigned hits_now(struct thread *t, const struct insn *in, unsigned hits)
{
    hits |= t->debug.held;
    t->debug.held = (uint8_t)(loads_ss(in) ? hits : 0);
    return hits & ~(unsigned)t->debug.held;
}

/* One instruction; with the trap flag set #DB behind it. A program sees the flag that its tracer's step
 * sets if it pushes the flags, and keeps what it then pops. */
static void step(struct thread *t)
{
    struct cpu *cpu = &t->cpu;
    bool one = false, traps = (cpu->eflags & EFL_TF) || t->trace_step;
    if (breaks_at(cpu->eip) && !t->trace_over && (debugger_stops(t) || debugreg_at_eip(t))) {
        cpu->exit_links = NULL;
        cpu->exit = EXIT_BREAK;
        return;
    }
    t->trace_over = false;
    const struct insn *in = cache_step(t);
    const struct watch *w = watches_any ? find_watch(cpu, in, &one) : NULL;
    unsigned hits = debugreg_accessed(t, in, &one);
    t->trace_tf = (t->trace_step || one) && !(cpu->eflags & EFL_TF);
    if (t->trace_tf)
        cpu->eflags |= EFL_TF;
    if (in->op == OP_POPF || in->op == OP_IRET)
        t->trace_tf = false;
    cpu->eflags &= ~(uint32_t)EFL_RF; /* it may set it again */
    run(t, in);
    clear_forced_tf(t);
    hits = cpu->exit == EXIT_BRANCH ? hits_now(t, in, hits) : 0;
    if (w && t->trace && cpu->exit == EXIT_BRANCH) {
        ptrace_watch_hit(t, w);
        return;
    }
    if (!hits && (!traps || cpu->exit != EXIT_BRANCH || loads_ss(in) || ptrace_steps_on(t, in)))
        return;
    t->debug.hits = (uint8_t)hits;
    t->debug.stepped = traps;
    cpu->trap = (struct cpu_trap){.vec = TRAP_DB, .err = 0, .addr = cpu->trap.addr};
    cpu->exit = EXIT_TRAP;
}

static void act(struct thread *t);

/* At a breakpoint, which may be another thread's or that of a debugger who has gone. */
static void act_on_break(struct thread *t)
{
    unsigned hits = debugreg_at_eip(t);
    if (hits) {
        t->debug.hits = (uint8_t)hits;
        t->cpu.eflags |= EFL_RF;
        t->cpu.trap = (struct cpu_trap){.vec = TRAP_DB, .addr = t->cpu.trap.addr};
        signal_trap(t);
    } else if (debugger_stops(t)) {
        ptrace_breakpoint(t);
    } else {
        run(t, cache_step(t));
        act(t);
    }
}

static void act(struct thread *t)
{
    switch ((enum cpu_exit)t->cpu.exit) {
    case EXIT_BRANCH: break;
    case EXIT_SYSCALL: do_syscall(t, t->cpu.eip - 2); break;
    case EXIT_SYSENTER: do_sysenter(t); break;
    case EXIT_TRAP: signal_trap(t); break;
    case EXIT_REDO:
        run(t, cache_step(t));
        act(t);
        break;
    case EXIT_BREAK: act_on_break(t); break;
    }
}

/* Runs what is at eip. */
static void run_found(struct thread *t, const struct insn *first)
{
    if (unlikely(opt.lockstep_code) && first && first->fn == translate_enter &&
        t->proc->nthreads == 1 && !t->proc->shares_memory)
        lockstep_code_run(t, first);
    else
        run(t, first);
}

static const struct insn *find_code(struct thread *t)
{
    const struct cpu *cpu = &t->cpu;
    if (unlikely(cpu->mode & MODE_SEGS) && cpu->seg[SEG_CS].limit != UINT32_MAX)
        return limit_lookup(t);
    return cache_lookup(t);
}

/* Translated code leaves out flags that are overwritten before they are read. Somebody wants to look at the state
 * between two instructions: he may as well do so behind those that overwrite them. Who needs all flags (a system
 * call, an indirect jump) finds them. */
static void complete_flags(struct thread *t)
{
    enum { STEPS_MAX = 64, ALL = FLB_CF | FLB_PF | FLB_OF | FLB_AF | FLB_ZF | FLB_SF };
    struct cpu *cpu = &t->cpu;
    unsigned missing = ALL;
    for (unsigned i = 0; missing && i < STEPS_MAX && cpu->exit == EXIT_BRANCH; i++) {
        if (single(t) || breaks_at(cpu->eip))
            return;
        const struct insn *in = cache_step(t);
        if ((in->flags & INSN_END) && in->o[0].kind != OPND_REL)
            return;
        missing &= ~translate_overwrites(in);
        cpu->exit_links = NULL; /* the edge that was to be taken is not the one that will be */
        cpu->host.exit_code = NULL;
        run(t, in);
    }
    act(t);
}

void dispatch_run(struct thread *t)
{
    struct cpu *cpu = &t->cpu;
    code_thread_start(t);
    thread_is_alive(t);
    int why = sigsetjmp(t->trap_jb, 0);
    t->running = 0;
    clear_forced_tf(t);
    if (why) {
        cpu->exit_links = NULL;
        code_interrupted(cpu);
        if (why == JB_REDO) {
            cpu->eip = cpu->cur->eip;
            t->trace_over = true; /* it has begun */
            if (single(t))
                step(t);
            else
                run(t, cache_step(t));
            t->trace_over = false;
        } else {
            cpu->exit = EXIT_TRAP;
        }
        act(t);
    }
    bool ran = false; /* code, up to a boundary */
    for (;;) {
        code_untrap(t);
        if (unlikely(ran && cpu->pending && code_lacks_flags()))
            complete_flags(t);
        while (unlikely(cpu->pending)) { /* frames of all deliverable signals before any handler runs */
            if (t->ldt_seen != process_ldt.version && !ldt_refresh(t))
                signal_trap(t);
            signal_deliver(t);
        }
        if (dump_wanted(DUMP_EXEC, cpu->eip))
            dump_state(cpu);
        if (unlikely(single(t)))
            step(t);
        else
            run_found(t, find_code(t));
        ran = cpu->exit == EXIT_BRANCH;
        act(t);
    }
}
