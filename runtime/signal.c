/* The exception emulator: host signals -> guest faults and guest signals.
 * Synchronous: a host SIGSEGV/SIGBUS raised while guest code runs is mended (mem_fault) or becomes
 * the guest's #PF; one raised in mem_read/mem_write becomes -EFAULT; any other is xrun's own.
 * Asynchronous: the handler keeps one siginfo in t->pend and leaves everything blocked; at the
 * next block boundary the guest's frame is built and the host's mask set to the guest's, which
 * lets the next one in. So the host kernel keeps queues, order and payloads. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/sigframe.h"
#include "core/flags.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "core/session.h"
#include "decode/decode.h"
#include "interp/interp.h"
#include "runtime/code.h"
#include "runtime/debugreg.h"
#include "runtime/host.h"
#include "runtime/ptrace.h"
#include "runtime/runtime.h"
#include "runtime/store.h"
#include "syscalls/syscalls.h"
#include "translate/translate.h"

#ifndef SEGV_PKUERR
#define SEGV_PKUERR 4
#endif

enum { GUEST_SA_NODEFER = 0x40000000 };
#define GUEST_SA_RESETHAND 0x80000000u
#define GUEST_SA_RESTART 0x10000000u
enum { GUEST_RESTART_SYSCALL = 0 };

static uint64_t bit(int sig) { return UINT64_C(1) << (sig - 1); }

static const uint8_t sync_sigs[SYNC_SIGNALS] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};

static int sync_index(int sig)
{
    for (int i = 0; i < SYNC_SIGNALS; i++)
        if (sync_sigs[i] == sig)
            return i;
    return -1;
}

static uint64_t sync_mask(void)
{
    return bit(SIGSEGV) | bit(SIGBUS) | bit(SIGILL) | bit(SIGFPE) | bit(SIGTRAP);
}

/* ---- host masks ---- */

static void host_mask(uint64_t m, uint64_t *old)
{
    host_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&m, (long)old, 8, 0, 0);
}

void signal_block_all(uint64_t *old)
{
    host_mask(~sync_mask(), old);
}

void signal_block_everything(uint64_t *old)
{
    host_mask(UINT64_MAX, old);
}

void signal_restore(uint64_t old)
{
    host_mask(old, NULL);
}

/* Signals whose default is to be ignored: to be traced all the same they are blocked on the host, which
 * keeps them then, and taken out around system calls. A handler would interrupt calls. */
static uint64_t kept_for_trace(const struct thread *t)
{
    static const uint8_t sigs[] = {SIGCHLD, SIGURG, SIGWINCH};
    uint64_t m = 0;
    for (size_t i = 0; i < sizeof sigs && opt.strace; i++)
        if (!t->proc->sigaction[sigs[i]].handler)
            m |= bit(sigs[i]);
    return m;
}

void signal_trace_kept(struct thread *t)
{
    struct timespec none = {0, 0};
    siginfo_t info;
    uint64_t m = kept_for_trace(t) & ~t->sigmask;
    while (m && host_syscall(SYS_rt_sigtimedwait, (long)&m, (long)&info, (long)&none, 8, 0, 0) > 0)
        strace_signal(t, info.si_signo, &info);
}

void signal_set_host_mask(struct thread *t)
{
    if (!t->pend.valid) /* else everything stays blocked until it is delivered */
        host_mask((t->sigmask | kept_for_trace(t)) & ~sync_mask(), NULL);
}

/* ---- host handler ---- */

static _Noreturn void own_fault(int sig, const siginfo_t *info, const ucontext_t *uc)
{
    const struct thread *t = thread_self;
    if (sig == SIGBUS && store_holds(info->si_addr))
        log_die(126, "%s: a file of translated code was cut off, or cannot be read any more", opt.store);
    log_user("internal error: signal %d at host address %#lx, fault address %p; this is a fault "
             "of xrun, not of the program (guest eip %08x)",
             sig, (unsigned long)host_pc(uc), info->si_addr, t ? t->cpu.eip : 0);
    host_sigaction(SIGABRT, SIG_DFL, 0, 0);
    abort();
}

/* An access of `size` bytes at `addr` runs past 4 GiB. */
static bool past_top(gaddr addr, unsigned size)
{
    return size && addr > UINT32_MAX - size + 1u;
}

/* Long operands are accessed in parts; a missing page under the first comes before the limit. */
static unsigned part_size(const struct insn *in, unsigned size)
{
    switch (in->op) {
    case OP_CLFLUSH: case OP_CLFLUSHOPT: case OP_CLWB: case OP_FXSAVE: case OP_FXRSTOR:
    case OP_XSAVE: case OP_XSAVEC: case OP_XSAVEOPT: case OP_XRSTOR: return 1;
    case OP_BOUND: case OP_FNSTENV: case OP_FLDENV: case OP_FNSAVE: case OP_FRSTOR:
    case OP_JMP: case OP_CALL: case OP_LDS: case OP_LES: case OP_LFS: case OP_LGS: case OP_LSS:
        return in->opsize;
    case OP_VMASKMOVPS: case OP_VPMASKMOVD: return 4;
    case OP_VMASKMOVPD: case OP_VPMASKMOVQ: return 8;
    default: return size == 10 ? 8 : size;
    }
}

/* An access that runs past 4 GiB violates the segment limit: #GP, or #SS through ss. Gives the
 * vector, 0 if the access does not. */
static enum trap limit_fault(const struct cpu *cpu, gaddr addr)
{
    const struct insn *in = cpu->cur;
    /* what has been checked against the limit already only wraps as a linear address */
    bool checked = in->flags & INSN_SEG_CHECK;
    bool dest = decode_op_class(in->op) == CLASS_STRING && addr == cpu->gpr[REG_EDI];
    enum trap vec = in->seg == SEG_SS && !dest ? TRAP_SS : TRAP_GP;
    if (dest)
        checked = cpu->mode & MODE_SEGS;
    bool stack = (in->op == OP_POP && addr == cpu->gpr[REG_ESP]) ||
                 ((in->op == OP_PUSH || in->op == OP_CALL) && addr == cpu->gpr[REG_ESP] - in->opsize);
    for (unsigned i = 0; i < in->nopnd && !checked && !stack; i++)
        if (in->o[i].kind == OPND_MEM && past_top(addr, part_size(in, in->o[i].size)))
            return vec;
    if ((in->op == OP_MASKMOVQ || in->op == OP_MASKMOVDQU || in->op == OP_VMASKMOVDQU) &&
        !checked)
        return past_top(addr, 8) ? vec : 0;
    if (cpu->mode & (MODE_SEGS | MODE_STACK16) || (checked && addr - cpu->gpr[REG_ESP] + 64 > 128))
        return 0;
    switch (in->op) { /* the stack operand, which is implicit */
    case OP_PUSH: case OP_POP: case OP_PUSHA: case OP_POPA: case OP_PUSHF: case OP_POPF:
    case OP_CALL: case OP_RET: case OP_ENTER: case OP_LEAVE: case OP_IRET:
        return past_top(addr, in->opsize) ? TRAP_SS : 0;
    default: return 0;
    }
}

/* The same for an operand with a mask. */
static enum trap masked_limit_fault(const struct cpu *cpu)
{
    const struct insn *in = cpu->cur;
    bool mem = false;
    for (unsigned i = 0; i < in->nopnd; i++)
        mem |= in->o[i].kind == OPND_MEM;
    if (!mem || in->flags & (INSN_SEG_CHECK | INSN_ADDR16))
        return 0;
    enum trap vec = in->seg == SEG_SS ? TRAP_SS : TRAP_GP;
    uint64_t off = cpu->gpr[in->base] + (cpu->gpr[in->index] << in->scale) + in->disp;
    struct interp_range r = interp_masked_range(cpu, in);
    return (off + r.from + r.part - 1) >> 32 ? vec : 0;
}

/* Makes cpu->trap of a fault of the instruction cpu->cur. */
static void set_page_fault(struct cpu *cpu, gaddr addr, uint32_t err)
{
    bool masked = decode_op_class(cpu->cur->op) == CLASS_AVX512 && !(cpu->cur->flags & INSN_VSIB);
    enum trap vec = masked ? masked_limit_fault(cpu) : addr > 0xffffff00u ? limit_fault(cpu, addr) : 0;
    if (unlikely(vec))
        cpu->trap = (struct cpu_trap){.vec = (uint8_t)vec, .addr = cpu->trap.addr};
    else
        cpu->trap = (struct cpu_trap){.vec = TRAP_PF, .err = interp_fault_error(cpu, err, addr),
                                      .addr = addr};
    cpu->eip = cpu->cur->eip;
}

/* Behind the end of a file there is no page, though an emulated kernel may not say so. */
static void set_bus_fault(struct cpu *cpu, gaddr addr, uint32_t err)
{
    err &= ~(uint32_t)PF_ERR_PRESENT;
    cpu->trap = (struct cpu_trap){.vec = TRAP_SIGBUS, .err = interp_fault_error(cpu, err, addr),
                                  .addr = addr};
    cpu->eip = cpu->cur->eip;
}

/* ---- translated code ---- */

/* Where in translated code the context is, or where it is about to go on there; 0: nowhere. */
static uintptr_t code_pc(const ucontext_t *uc)
{
    uintptr_t pc = host_pc(uc);
    return code_contains(pc) ? pc : translate_entering(uc);
}

/* The context, whose general registers are in cpu, gets the flags before the instruction at eip that
 * code has left out. */
static void find_flags(struct cpu *cpu, ucontext_t *uc, uintptr_t pc, gaddr eip, int adjust)
{
    if (translate_lacks_flags(adjust) && code_flags(pc, eip, cpu))
        translate_set_flags(uc, flags_get_status(cpu));
}

static void stop_code(struct thread *t, ucontext_t *uc);

/* A fault of translated code: leaves it with the exact state and the reason, or returns to retry.
 * False if it is not the guest's. */
static bool on_code_fault(struct thread *t, int sig, const siginfo_t *info, ucontext_t *uc)
{
    struct cpu *cpu = &t->cpu;
    uintptr_t a = (uintptr_t)info->si_addr;
    if (sig == SIGSEGV && info->si_code != SI_KERNEL && code_stack_guard(t, a)) {
        translate_stack_overflow(uc);
        return true;
    }
    uintptr_t pc = code_pc(uc);
    if (sig == SIGSEGV && pc && translate_return_fault(cpu, uc, a)) {
        cache_astray(pc);
        if (cpu->pending)
            stop_code(t, uc); /* it is not where the end of this handler would look */
        return true;
    }
    struct code_place place = code_insn(pc == host_pc(uc) ? pc : pc - 1); /* else behind a call */
    if (!place.in)
        return false;
    uint32_t err = host_fault_error(uc);
    cpu->cur = place.in;
    cpu->eip = place.in->eip;
    cpu->exit = EXIT_TRAP;
    translate_save_gpr(cpu, uc, place.adjust);
    if (sig == SIGFPE || sig == SIGILL) {
        cpu->trap = (struct cpu_trap){.vec = (uint8_t)translate_trapno(uc), .addr = cpu->trap.addr};
    } else if (sig == SIGSEGV && info->si_code == SI_KERNEL) {
        cpu->trap = (struct cpu_trap){.vec = TRAP_GP, .addr = cpu->trap.addr};
    } else if (a >> 32 || (place.in->flags & INSN_SEG_CHECK)) {
        /* an address that should have wrapped, or a segment whose limit is still to be looked at */
        if (a >> 32 && !translate_exact_faults() && !(place.in->flags & INSN_MISALIGNED))
            cache_misaligned(pc);
        cpu->exit = EXIT_REDO;
    } else if (sig == SIGSEGV) {
        enum mem_fault r = mem_fault((gaddr)a, err & PF_ERR_WRITE, cpu->gpr[REG_ESP]);
        if (r == MEM_FAULT_RETRY)
            return true;
        if (r == MEM_FAULT_CODE || !translate_exact_faults())
            cpu->exit = EXIT_REDO;
        else
            set_page_fault(cpu, (gaddr)a, err);
    } else if (sig == SIGBUS && !translate_exact_faults()) {
        if (info->si_code == BUS_ADRALN)
            cache_misaligned(pc);
        cpu->exit = EXIT_REDO;
    } else if (sig == SIGBUS) {
        set_bus_fault(cpu, (gaddr)a, err);
    } else {
        return false;
    }
    translate_settle(uc, place.adjust);
    find_flags(cpu, uc, pc, place.in->eip, place.adjust);
    translate_leave(uc);
    cpu->insn_count -= code_counts();
    return true;
}

static bool in_translated(uintptr_t pc)
{
    return code_contains(pc) || translate_in_stubs(pc);
}

static void leave_code(struct thread *t, ucontext_t *uc, gaddr eip)
{
    translate_save_gpr(&t->cpu, uc, 0);
    find_flags(&t->cpu, uc, host_pc(uc), eip, 0);
    t->cpu.eip = eip;
    t->cpu.exit = EXIT_BRANCH;
    translate_leave(uc);
}

/* Translated code ran into a trap, this thread's or another's. */
static void on_trap(struct thread *t, ucontext_t *uc)
{
    uintptr_t pc = host_pc(uc);
    struct code_place place = code_insn(pc);
    code_untrap(t);
    if (!t->cpu.pending && code_trap_is_gone(pc))
        return; /* it executes what is there now */
    leave_code(t, uc, place.boundary ? place.eip : translate_going_to(uc));
}

/* A signal came while translated code runs: leaves it at once if between two instructions, else
 * steps on until it is. */
static void stop_code(struct thread *t, ucontext_t *uc)
{
    uintptr_t pc = host_pc(uc);
    rt(t)->stepping = false;
    if (!in_translated(pc)) {
        translate_single_step(uc, false);
        return;
    }
    struct code_place place = code_insn(pc);
    if (place.boundary) {
        leave_code(t, uc, place.eip);
        return;
    }
    if (!translate_can_step()) {
        code_trap(t, code_pc(uc));
        return;
    }
    rt(t)->stepping = true;
    translate_single_step(uc, true);
}

/* ---- faults of the interpreter ---- */

/* The instruction that the host's unit executes for the interpreter raised something other than a page
 * fault. */
static _Noreturn void alone_fault(struct thread *t, const ucontext_t *uc)
{
    struct cpu *cpu = &t->cpu;
    translate_alone_fault(cpu, uc);
    cpu->trap = (struct cpu_trap){.vec = (uint8_t)translate_trapno(uc), .addr = cpu->trap.addr};
    cpu->eip = cpu->cur->eip;
    siglongjmp(t->trap_jb, JB_TRAP);
}

static void page_fault(struct thread *t, gaddr addr, uint32_t err)
{
    set_page_fault(&t->cpu, addr, err);
    siglongjmp(t->trap_jb, JB_TRAP);
}

/* A SIGSEGV or SIGBUS of the kernel's own making. Returns to retry the access. */
static void on_fault(int sig, const siginfo_t *info, ucontext_t *uc)
{
    struct thread *t = thread_self;
    uintptr_t a = (uintptr_t)info->si_addr;
    if (t && t->running && code_pc(uc) && on_code_fault(t, sig, info, uc))
        return;
    bool guest_addr = a < (UINT64_C(1) << 32) + 0x80000000u;
    if (!t || !guest_addr || !(t->running || t->copying) || info->si_code == SI_KERNEL)
        own_fault(sig, info, uc);
    uint32_t err = host_fault_error(uc);
    bool copying = t->copying;
    if (sig == SIGSEGV) {
        enum mem_fault r = a >> 32 ? MEM_FAULT_MAPERR
                                   : mem_fault((gaddr)a, err & PF_ERR_WRITE, t->cpu.gpr[REG_ESP]);
        if (r == MEM_FAULT_RETRY || (r == MEM_FAULT_CODE && copying))
            return;
        if (copying)
            siglongjmp(t->copy_jb, 1);
        if (r == MEM_FAULT_CODE)
            siglongjmp(t->trap_jb, JB_REDO);
        page_fault(t, (gaddr)a, err);
    }
    if (copying)
        siglongjmp(t->copy_jb, 1);
    set_bus_fault(&t->cpu, (gaddr)a, err);
    siglongjmp(t->trap_jb, JB_TRAP);
}

/* While a siginfo is held nothing else may come, whatever this handler interrupted. */
static void block_while_held(const struct thread *t, ucontext_t *uc)
{
    uint64_t all = ~sync_mask();
    if (t->pend.valid)
        memcpy(&uc->uc_sigmask, &all, sizeof all);
}

/* Has the kernel raised it for something that this thread has executed? */
static bool is_own(int sig, const siginfo_t *info, const ucontext_t *uc)
{
    return sync_index(sig) >= 0 && info->si_code > 0 && info->si_code <= SI_FAULT_MAX &&
           !fork_child_ended(sig, info, uc);
}

/* To the host's kernel, which keeps it until it is let in. False if that has no room. What was sent
 * to the process may be for another thread now. Async-signal-safe. */
static bool queue_back(siginfo_t *info)
{
    long sig = info->si_signo;
    return (info->si_code != SI_TKILL && signal_to_process(*info)) ||
           !host_syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), sig, (long)info, 0, 0);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    struct thread *t = thread_self;
    int saved_errno = errno;
    int sync = sync_index(sig);
    if (is_own(sig, info, uc)) {
        bool fault = sig == SIGSEGV || sig == SIGBUS;
        if (t && t->running && (!fault || info->si_code == SI_KERNEL) &&
            translate_is_alone(t, host_pc(uc)))
            alone_fault(t, uc);
        else if (fault)
            on_fault(sig, info, uc);
        else if (sig == SIGTRAP && t && rt(t)->stepping)
            stop_code(t, uc);
        else if (sig == SIGTRAP && t && !translate_can_step() && code_contains(host_pc(uc)))
            on_trap(t, uc);
        else if ((sig != SIGFPE && sig != SIGILL) || !t || !code_contains(host_pc(uc)) ||
                 !on_code_fault(t, sig, info, uc))
            own_fault(sig, info, uc);
        if (t && t->running && t->cpu.pending && code_contains(host_pc(uc)))
            stop_code(t, uc); /* for what came during this handler and could not act on it */
        if (t)
            block_while_held(t, uc);
        errno = saved_errno;
        return;
    }
    if (!t || (sig == SIGCONT && trace_is_continue(info)))
        return;
    struct pending_signal *p = sync >= 0 ? &rt(t)->sync_pend[sync] : &t->pend;
    if (sync < 0 && p->valid) { /* that one came while signal_set_host_mask was letting others in */
        queue_back(info);
    } else if (!p->valid && !(sync >= 0 && (core_is_stop(info) || trace_is_token(info)))) {
        p->info = *info;
        signal_undisguise(&p->info);
        p->valid = 1;
    }
    t->cpu.pending = 1;
    block_while_held(t, uc);
    uintptr_t pc = host_pc(uc);
    if (pc >= (uintptr_t)host_safe_syscall_start && pc < (uintptr_t)host_safe_syscall_end) {
        rt(t)->call_made = host_call_restarting(uc);
        host_set_pc(uc, (uintptr_t)host_safe_syscall_abort);
    } else if (t->running && in_translated(pc)) { /* not: this handler, which may have done so */
        stop_code(t, uc);
    }
    errno = saved_errno;
}

static void install(int sig, void *handler)
{
    bool sync = sync_index(sig) >= 0;
    unsigned long flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | (sync ? SA_NODEFER : 0);
    host_sigaction(sig, handler, flags, sync ? 0 : ~sync_mask());
}

static bool default_ignored(int sig)
{
    return sig == SIGCHLD || sig == SIGURG || sig == SIGWINCH || sig == SIGCONT;
}

static bool default_stops(int sig)
{
    return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static bool default_dumps(int sig)
{
    return sync_index(sig) >= 0 || sig == SIGQUIT || sig == SIGABRT || sig == SIGXCPU ||
           sig == SIGXFSZ || sig == SIGSYS;
}

static bool default_deadly(int sig)
{
    return !default_ignored(sig) && !default_stops(sig);
}

/* The user does without: see translate/recover.c. */
static bool wants_stale_flags(void)
{
    return opt.fault_flags && !strcmp(opt.fault_flags, "stale");
}

/* Where the guest has the default action so has the host; but not for a signal that dumps core, nor for
 * a deadly one in a process whose memory is not its own alone: it could die holding a lock. */
void signal_action_changed(int sig)
{
    bool handled = thread_self->proc->sigaction[sig].handler > 1;
    if (sync_index(sig) >= 0 && sig != SIGTRAP && handled && !wants_stale_flags())
        cache_show_flags(); /* in frames of faults */
    if (sync_index(sig) >= 0 || sig == SIGKILL || sig == SIGSTOP)
        return; /* always xrun's; deliver() looks at the guest's action */
    const struct process *p = thread_self->proc;
    const struct guest_sigaction *sa = &p->sigaction[sig];
    unsigned long nocld = sa->flags & (SA_NOCLDSTOP | SA_NOCLDWAIT);
    bool seen = opt.strace && default_deadly(sig); /* by xrun, to be traced */
    bool host_default = !sa->handler && !default_dumps(sig) && !seen &&
                        (!p->shares_memory || !default_deadly(sig));
    if (p->traced && (sa->handler != 1 || sig != SIGCHLD)) /* the tracer sees them all */
        host_default = false;
    if ((sa->handler == 1 && (!p->traced || sig == SIGCHLD)) || host_default)
        host_sigaction(sig, sa->handler ? SIG_IGN : SIG_DFL, nocld, 0);
    else
        host_sigaction(sig, (void *)on_signal, SA_SIGINFO | SA_ONSTACK | SA_RESTART | nocld, ~sync_mask());
    if (opt.strace)
        signal_set_host_mask(thread_self);
}

void signal_default_by_host(const struct process *p, bool host)
{
    for (int sig = 1; sig <= NSIG_GUEST && p->shares_memory; sig++) {
        if (p->sigaction[sig].handler || sync_index(sig) >= 0)
            continue;
        if (host)
            host_sigaction(sig, SIG_DFL, 0, 0);
        else
            signal_action_changed(sig);
    }
}

void signal_init(void)
{
    struct process *p = thread_self->proc;
    uint64_t m = 0;
    host_syscall(SYS_rt_sigprocmask, SIG_SETMASK, 0, (long)&m, 8, 0, 0);
    thread_self->sigmask = m;
    for (int sig = 1; sig <= NSIG_GUEST; sig++)
        if (host_sigaction_get(sig) == (void *)SIG_IGN)
            p->sigaction[sig].handler = 1;
    for (int i = 0; i < SYNC_SIGNALS; i++)
        install(sync_sigs[i], (void *)on_signal);
    for (int sig = 1; sig <= NSIG_GUEST; sig++)
        if (default_dumps(sig) || opt.strace)
            signal_action_changed(sig);
    thread_self->altstack.flags = 0; /* SS_DISABLE only in threads that clone made */
    signal_set_host_mask(thread_self);
}

/* ---- ending by a signal ---- */

static _Noreturn void end_by(struct thread *t, int sig)
{
    struct rlimit core;
    if (session)
        strace_killed(t, sig, !getrlimit(RLIMIT_CORE, &core) && core.rlim_cur);
    ptrace_exiting(t, sig, true);
    __atomic_store_n(&t->proc->ending, true, __ATOMIC_SEQ_CST);
    process_release(t);
    host_sigaction(sig, SIG_DFL, 0, 0);
    host_syscall(SYS_tgkill, getpid(), gettid(), sig, 0, 0, 0);
    host_mask(~bit(sig), NULL);
    for (;;) /* only a signal whose default is not death gets here */
        _exit(128 + sig);
}

void signal_die(struct thread *t, int sig)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none); /* a core would show xrun, not the guest */
    end_by(t, sig);
}

void signal_die_of(struct thread *t, const siginfo_t *info)
{
    int sig = info->si_signo;
    uint64_t mask;
    signal_block_all(&mask);
    while (__atomic_exchange_n(&t->proc->dying, 1, __ATOMIC_ACQ_REL)) { /* another thread is at it */
        core_stand_still(t);
        sched_yield();
    }
    if (!default_dumps(sig))
        signal_die(t, sig);
    if (opt.crash_report)
        crash_report(t, sig, info->si_code, (gaddr)(uintptr_t)info->si_addr);
    core_dump(t, info);
    end_by(t, sig);
}

/* ---- delivery ---- */

/* Decides about the interrupted system call; `sa` is the handler about to run, NULL if none. */
static void settle_restart(struct thread *t, const struct guest_sigaction *sa)
{
    struct rt_thread *r = rt(t);
    if (!r->restart)
        return;
    bool again = !sa || r->restart == SYSRET_RESTART_NOINTR ||
                 (r->restart == SYSRET_RESTART && (sa->flags & GUEST_SA_RESTART));
    if (again) {
        t->cpu.eip = r->restart_eip;
        bool block = r->restart == SYSRET_RESTART_BLOCK;
        t->cpu.gpr[REG_EAX] = block ? GUEST_RESTART_SYSCALL : r->restart_eax;
    } else {
        t->cpu.gpr[REG_EAX] = (uint32_t)-EINTR;
    }
    r->restart = 0;
}

/* Runs the guest's handler: frame, registers, mask. `forced`: a fault, which may not be blocked. */
static void run_handler(struct thread *t, int sig, const siginfo_t *info,
                        const struct guest_sigaction *sa)
{
    uint64_t old = t->sigmask_restore ? t->sigmask_saved : t->sigmask;
    t->sigmask_restore = false;
    t->cpu.exit_links = NULL; /* the edge that execution was about to take does not lead here */
    settle_restart(t, sa);
    if (opt.strace)
        strace_signal(t, sig, info);
    if (sa->flags & GUEST_SA_RESETHAND) {
        lock_take(&t->proc->sighand->lock);
        t->proc->sigaction[sig].handler = 0;
        lock_release(&t->proc->sighand->lock);
        signal_action_changed(sig);
    }
    if (sigframe_build(t, sig, info, sa, old)) {
        siginfo_t bad = {.si_signo = SIGSEGV, .si_code = SI_KERNEL};
        signal_force_info(t, &bad, sig == SIGSEGV);
        return;
    }
    t->sigmask |= sa->mask;
    if (!(sa->flags & GUEST_SA_NODEFER))
        t->sigmask |= bit(sig);
    t->sigmask &= ~(bit(SIGKILL) | bit(SIGSTOP));
    if (unlikely(t->trace != NULL))
        ptrace_handler_set_up(t);
}

static struct guest_sigaction action_of(struct thread *t, int sig)
{
    lock_take(&t->proc->sighand->lock);
    struct guest_sigaction sa = t->proc->sigaction[sig];
    lock_release(&t->proc->sighand->lock);
    return sa;
}

static void act_on(struct thread *t, const siginfo_t *info)
{
    int sig = info->si_signo;
    struct guest_sigaction sa = action_of(t, sig);
    if (sa.handler > 1) {
        run_handler(t, sig, info, &sa);
    } else if (sa.handler == 1 || default_ignored(sig)) {
        if (opt.strace)
            strace_signal(t, sig, info);
    } else if (default_stops(sig) && t->trace) {
        ptrace_group_stop(t, sig);
    } else if (default_stops(sig)) {
        host_syscall(SYS_kill, getpid(), SIGSTOP, 0, 0, 0, 0);
    } else {
        if (opt.strace)
            strace_signal(t, sig, info);
        signal_die_of(t, info);
    }
}

void signal_take(struct thread *t, const siginfo_t *info)
{
    siginfo_t copy = *info;
    if (likely(!t->trace) || ptrace_signal(t, &copy))
        act_on(t, &copy);
}

/* What was accepted before it was blocked. */
static bool give_back(struct thread *t)
{
    if (!queue_back(&t->pend.info))
        return false;
    t->pend.valid = 0;
    return true;
}

void signal_deliver(struct thread *t)
{
    t->cpu.pending = 0;
    __asm__ volatile("" ::: "memory");
    core_stand_still(t);
    thread_tell_robust(t);
    if (unlikely(t->trace_look || t->trace))
        ptrace_attend(t);
    bool blocked = t->pend.valid && (t->sigmask & bit(t->pend.info.si_signo));
    if (t->pend.valid && !(blocked && give_back(t))) {
        siginfo_t info = t->pend.info;
        signal_take(t, &info);
        t->pend.valid = 0; /* from here on the host may give the next one */
    }
    for (int i = 0; i < SYNC_SIGNALS; i++) {
        struct pending_signal *p = &rt(t)->sync_pend[i];
        if (p->valid && !(t->sigmask & bit(sync_sigs[i]))) {
            siginfo_t info = p->info;
            p->valid = 0;
            signal_take(t, &info);
        }
    }
    settle_restart(t, NULL);
    if (t->sigmask_restore) {
        t->sigmask = t->sigmask_saved;
        t->sigmask_restore = false;
    }
    if (!t->debug.exec) /* else the dispatcher does, behind the next instruction */
        t->cpu.eflags &= ~(uint32_t)EFL_RF; /* seen only by a frame built right behind a sigreturn */
    signal_set_host_mask(t);
}

/* A signal that cannot be blocked or ignored loses what does that; the tracer may still discard it. */
static void force_traced(struct thread *t, const siginfo_t *info, const struct guest_sigaction *sa)
{
    int sig = info->si_signo;
    if (sa->handler == 1 || (t->sigmask & bit(sig))) {
        lock_take(&t->proc->sighand->lock);
        t->proc->sigaction[sig].handler = 0;
        lock_release(&t->proc->sighand->lock);
        t->sigmask &= ~bit(sig);
        signal_action_changed(sig);
    }
    signal_take(t, info);
    signal_set_host_mask(t);
}

void signal_force_info(struct thread *t, const siginfo_t *info, bool fatal)
{
    int sig = info->si_signo;
    gaddr addr = (gaddr)(uintptr_t)info->si_addr;
    struct guest_sigaction sa = action_of(t, sig);
    if (t->trace && !fatal) {
        force_traced(t, info, &sa);
        return;
    }
    if (fatal || sa.handler <= 1 || (t->sigmask & bit(sig))) {
        if (opt.strace)
            strace_signal(t, sig, info);
        log_event("killed by signal %d: code %d, address %08x, eip %08x", sig, info->si_code, addr,
                  t->cpu.eip);
        signal_die_of(t, info);
    }
    run_handler(t, sig, info, &sa);
    signal_set_host_mask(t);
}

void signal_force(struct thread *t, int sig, int code, gaddr addr)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = sig;
    info.si_code = code;
    info.si_addr = (void *)(uintptr_t)addr;
    signal_force_info(t, &info, false);
}

/* ---- faults of guest code ---- */

/* si_code of a floating-point exception (arch/x86/kernel/fpu/core.c). */
static int fpe_code(unsigned unmasked)
{
    if (unmasked & 1)
        return FPE_FLTINV;
    if (unmasked & 4)
        return FPE_FLTDIV;
    if (unmasked & 8)
        return FPE_FLTOVF;
    if (unmasked & 0x12)
        return FPE_FLTUND;
    return unmasked & 0x20 ? FPE_FLTRES : 0;
}

/* A fault pushes EFLAGS with RF set; not a trap, which points behind the instruction. */
static bool is_fault(const struct cpu_trap *p)
{
    return p->vec != TRAP_DB && !p->is_int;
}

/* A page that is there but cannot be read lies behind the end of its file. */
static bool fetch_past_eof(const struct cpu_trap *p)
{
    return (p->err & PF_ERR_INSN) && (mem_page_flags(p->addr) & PAGE_X);
}

/* A page whose mapping would allow the access is a guard page. */
static int page_fault_code(const struct cpu_trap *p)
{
    uint8_t flags = mem_page_flags(p->addr);
    int any = PAGE_R | PAGE_W | PAGE_X;
    int needs = p->err & PF_ERR_INSN ? PAGE_X : p->err & PF_ERR_WRITE ? PAGE_W : any;
    return (flags & PAGE_MAPPED) && !(flags & needs) ? SEGV_ACCERR : SEGV_MAPERR;
}

void signal_trap(struct thread *t)
{
    struct cpu *cpu = &t->cpu;
    const struct cpu_trap *p = &cpu->trap;
    gaddr eip = cpu->eip;
    t->orig_eax = UINT32_MAX;
    if (is_fault(p))
        cpu->eflags |= EFL_RF;
    if (p->vec == TRAP_PF && fetch_past_eof(p))
        cpu->trap.vec = TRAP_SIGBUS;
    switch (p->vec) {
    case TRAP_DE: signal_force(t, SIGFPE, FPE_INTDIV, eip); break;
    case TRAP_DB:
        signal_force(t, SIGTRAP, debugreg_raise(t, p->code_kind), eip);
        break;
    case TRAP_BP: signal_force(t, SIGTRAP, SI_KERNEL, 0); break;
    case TRAP_OF:
    case TRAP_BR: signal_force(t, SIGSEGV, SI_KERNEL, 0); break;
    case TRAP_UD: signal_force(t, SIGILL, ILL_ILLOPN, eip); break;
    case TRAP_NP:
    case TRAP_SS: signal_force(t, SIGBUS, SI_KERNEL, 0); break;
    case TRAP_PF: signal_force(t, SIGSEGV, page_fault_code(p), p->addr); break;
    case TRAP_SIGBUS:
        cpu->trap.vec = TRAP_PF;
        signal_force(t, SIGBUS, BUS_ADRERR, p->addr);
        break;
    case TRAP_AC: signal_force(t, SIGBUS, BUS_ADRALN, 0); break;
    case TRAP_MF: signal_force(t, SIGFPE, fpe_code(cpu->fpu.sw & ~cpu->fpu.cw & 0x3f), eip); break;
    case TRAP_XM: signal_force(t, SIGFPE, fpe_code(cpu->mxcsr & ~(cpu->mxcsr >> 7) & 0x3f), eip); break;
    default: signal_force(t, SIGSEGV, SI_KERNEL, 0); break;
    }
}

void signal_sigreturn(struct thread *t, bool rt_frame)
{
    bool iret_fault;
    int r = sigframe_restore(t, rt_frame, &iret_fault);
    if (r) {
        t->cpu.gpr[REG_EAX] = 0;
        signal_force(t, SIGSEGV, SI_KERNEL, 0);
        return;
    }
    t->orig_eax = UINT32_MAX;
    t->restart_block.fn = NULL;
    t->cpu.pending = 1; /* the mask changed: a held one may go */
    signal_set_host_mask(t);
    if (iret_fault)
        signal_trap(t);
}

uint64_t signal_sync_pending(struct thread *t)
{
    uint64_t m = 0;
    for (int i = 0; i < SYNC_SIGNALS; i++)
        if (rt(t)->sync_pend[i].valid)
            m |= bit(sync_sigs[i]);
    return m;
}

bool signal_captured(struct thread *t)
{
    return (t->pend.valid && !(t->sigmask & bit(t->pend.info.si_signo))) || (signal_sync_pending(t) & ~t->sigmask);
}

bool signal_sync_take(struct thread *t, uint64_t mask, siginfo_t *info)
{
    for (int i = 0; i < SYNC_SIGNALS; i++) {
        struct pending_signal *p = &rt(t)->sync_pend[i];
        if (p->valid && (mask & bit(sync_sigs[i]))) {
            *info = p->info;
            p->valid = 0;
            return true;
        }
    }
    return false;
}

void signal_requeue(struct thread *t)
{
    if (t->pend.valid && !give_back(t))
        t->pend.valid = 0;
}

static void hand_over(struct pending_signal *p)
{
    if (!p->valid || p->info.si_code == SI_TKILL)
        return;
    p->valid = 0;
    if (!signal_to_process(p->info)) /* without what came along */
        host_syscall(SYS_kill, getpid(), p->info.si_signo, 0, 0, 0, 0);
}

void signal_hand_over(struct thread *t)
{
    hand_over(&t->pend);
    for (int i = 0; i < SYNC_SIGNALS; i++)
        hand_over(&rt(t)->sync_pend[i]);
}
