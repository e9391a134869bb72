/* Lockstep with the processor: the program is started natively under ptrace, its memory and
 * registers are copied into xrun's guest, and from then on each instruction is executed by both: in
 * single steps (lockstep_step.c), or in stretches (lockstep_window.c) that are gone through again
 * singly if they differ. System calls are made by the native process only (here); what they did is
 * copied. The two share nothing else, so a difference cannot hide. */
#include "runtime/lockstep_priv.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "decode/decode.h"
#include "runtime/runtime.h"
#include "syscalls/syscalls.h"

enum {
    CHECK_EVERY = 1 << 18, /* instructions between comparisons of all memory */
    STORE_SHOWN = 16,
};

/* i386 system calls that lockstep itself must know. */
enum { NR_MMAP = 90, NR_CLONE = 120, NR_MODIFY_LDT = 123,
       NR_MREMAP = 163, NR_MMAP2 = 192, NR_MADVISE = 219, NR_SET_THREAD_AREA = 243,
       NR_RSEQ = 386, NR_CLONE3 = 435 };
enum { CLONE_VM_ = 0x100, CLONE_VFORK_ = 0x4000 };

/* ---- ends ---- */

static _Noreturn void finish(struct lockstep *ls, const struct native_event *e, const char *why)
{
    log_user("lockstep: %llu instructions and %llu system calls compared, no difference "
             "(%llu results taken over)%s%s",
             (unsigned long long)ls->steps, (unsigned long long)ls->syscalls,
             (unsigned long long)ls->taken, why ? "; not compared further: " : "", why ? why : "");
    if (e->kind == NATIVE_KILLED)
        signal_die(ls->t, e->sig);
    exit(e->status);
}

void lockstep_stop(struct lockstep *ls, const char *why)
{
    struct native_event e;
    native_detach(&ls->native, &e);
    finish(ls, &e, why);
}

static void show_code(struct lockstep *ls, gaddr eip)
{
    char text[128], bytes[64] = "";
    struct insn in;
    uint8_t b;
    int n = 0;
    const struct mirror_area *a = mirror_find(&ls->mirror, eip);
    decode_insn(eip, ls->before.mode, &in);
    for (unsigned i = 0; i < in.len && !mem_read(&b, eip + i, 1); i++)
        n += snprintf(bytes + n, sizeof bytes - (size_t)n, "%s%02x", i ? " " : "", b);
    decode_format(eip, ls->before.mode, text, sizeof text);
    log_user("  %08x  %-24s  %s%s%s", eip, bytes, text, a && a->path ? "    in " : "",
             a && a->path ? a->path : "");
}

static void show_memory(const struct store_diff *m)
{
    char a[3 * STORE_SHOWN + 1] = "", b[3 * STORE_SHOWN + 1] = "";
    for (uint32_t i = 0; i < STORE_SHOWN && i < m->len; i++) {
        snprintf(a + 3 * i, 4, "%02x ", m->theirs[i]);
        snprintf(b + 3 * i, 4, "%02x ", *(uint8_t *)mem_host(m->at + i));
    }
    log_user("  [%08x] native %s", m->at, a);
    log_user("  [%08x] xrun   %s", m->at, b);
}

void lockstep_different(struct lockstep *ls, const struct lockstep_diff *d, const char *what,
                        const struct store_diff *m)
{
    log_user("lockstep: difference at instruction %llu, after %llu system calls: %s",
             (unsigned long long)ls->steps, (unsigned long long)ls->syscalls, what);
    for (unsigned i = LOCKSTEP_HISTORY; i-- > 0;)
        if (ls->steps > i)
            show_code(ls, ls->history[(ls->steps - 1 - i) % LOCKSTEP_HISTORY]);
    if (m)
        show_memory(m);
    lockstep_print(&ls->before, "native", &ls->other, "xrun", &ls->t->cpu, d);
    native_kill(&ls->native);
    exit(LOCKSTEP_DIFFERENT);
}

void lockstep_gone(struct lockstep *ls, const struct native_event *e)
{
    if (e->kind == NATIVE_EXITED || e->kind == NATIVE_KILLED)
        finish(ls, e, NULL);
}

void lockstep_get_native(struct lockstep *ls, bool fp)
{
    if (!host_native_get(ls->native.pid, &ls->other) ||
        (fp && !host_native_get_fp(ls->native.pid, &ls->other)))
        lockstep_stop(ls, "its registers cannot be read");
}

/* ---- taking the native state over ---- */

/* A selector whose descriptor never changes? Others are loaded again whenever the process is
 * scheduled. */
static bool is_flat(uint16_t sel)
{
    return sel <= 3 || sel == 0x23 || sel == 0x2b;
}

/* False if one cannot be loaded: the process is about to fault. */
static bool take_segments(struct cpu *cpu, const struct cpu *o)
{
    bool ok = true;
    for (int s = 0; s < SEG_COUNT; s++) {
        if (cpu->sel[s] == o->sel[s] && is_flat(o->sel[s]))
            continue;
        if (s == SEG_CS)
            ok &= !cpu_load_cs(cpu, o->sel[s]);
        else
            ok &= !cpu_load_seg(cpu, (enum segreg)s, o->sel[s]);
        ok &= cpu->sel[s] == o->sel[s];
        if (s >= SEG_FS && o->sel[s] > 3)
            cpu->seg[s].base = o->seg_base[s]; /* kept even if the table has changed */
    }
    cpu_update_mode(cpu);
    return ok;
}

void lockstep_take_over(struct lockstep *ls)
{
    struct cpu *cpu = &ls->t->cpu;
    lockstep_get_native(ls, true);
    const struct cpu *o = &ls->other;
    memcpy(cpu->gpr, o->gpr, 8 * sizeof o->gpr[0]);
    cpu->eip = o->eip;
    cpu->eflags = o->eflags;
    flags_set_status(cpu, cpu_get_eflags(o));
    cpu->fpu = o->fpu;
    cpu->mxcsr = o->mxcsr;
    memcpy(cpu->xmm, o->xmm, sizeof cpu->xmm);
    memcpy(cpu->ymmh, o->ymmh, sizeof cpu->ymmh);
    memcpy(cpu->zmmh, o->zmmh, sizeof cpu->zmmh);
    memcpy(cpu->k, o->k, sizeof cpu->k);
    cpu->zmm_used = o->zmm_used;
    ls->resync = !take_segments(cpu, o);
    if (cpu->eflags & EFL_TF)
        lockstep_stop(ls, "it single-steps itself");
    native_unblock_trap(&ls->native);
}

/* After something that the kernel did. A system call that a signal interrupts shows an internal
 * result until the signal has been dealt with: then it fails, or is made again. */
static void take_all_over(struct lockstep *ls)
{
    lockstep_take_over(ls);
    mirror_sync(&ls->mirror, 0, 0, true);
    uint32_t eax = ls->t->cpu.gpr[REG_EAX];
    ls->resync |= eax >= (uint32_t)-516 && eax <= (uint32_t)-512;
}

/* ---- signals ---- */

bool lockstep_is_fault(const struct native_event *e)
{
    return e->code > 0 && (e->sig == SIGSEGV || e->sig == SIGBUS || e->sig == SIGILL ||
                           e->sig == SIGFPE || e->sig == SIGTRAP);
}

/* Gives the native process its signal. Behind that it is at a handler's first instruction, or one
 * instruction further if there is none. */
void lockstep_deliver(struct lockstep *ls, struct native_event *e)
{
    do {
        native_step(&ls->native, e->sig);
        native_wait(&ls->native, e);
        lockstep_gone(ls, e);
    } while (e->kind == NATIVE_SIGNAL);
    take_all_over(ls);
}

/* ---- memory ---- */

static void compare_all_memory(struct lockstep *ls)
{
    gaddr where;
    uint8_t theirs[STORE_SHOWN];
    lockstep_refresh_rseq(ls);
    if (mirror_equal(&ls->mirror, &where))
        return;
    struct store_diff m = {where, (uint32_t)native_read(&ls->native, where, theirs, sizeof theirs),
                           theirs};
    struct lockstep_diff d = {0};
    lockstep_different(ls, &d, "memory, written by an earlier instruction", &m);
}

/* Everything, including what no recent instruction has touched. */
static void compare_all(struct lockstep *ls)
{
    struct lockstep_diff d;
    ls->before = ls->t->cpu;
    lockstep_get_native(ls, true);
    if (!lockstep_compare(&ls->other, &ls->t->cpu, LOCKSTEP_FLAGS, true, &d))
        lockstep_different(ls, &d, "registers, changed by an earlier instruction", NULL);
    compare_all_memory(ls);
}

/* ---- system calls ---- */

/* Would memory be shared with another thread from here on? */
static bool starts_thread(const struct cpu *cpu)
{
    uint32_t flags;
    if (cpu->gpr[REG_EAX] == NR_CLONE)
        flags = cpu->gpr[REG_EBX];
    else if (cpu->gpr[REG_EAX] != NR_CLONE3 || mem_read32(cpu->gpr[REG_EBX], &flags))
        return false;
    return (flags & (CLONE_VM_ | CLONE_VFORK_)) == CLONE_VM_;
}

/* Descriptor tables are the one thing that cannot be read back: xrun makes the same call. */
static bool mirror_descriptors(struct lockstep *ls, uint32_t nr, const uint32_t *arg)
{
    struct sysctx c = {ls->t, nr, {arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]}};
    if (nr != NR_SET_THREAD_AREA && (nr != NR_MODIFY_LDT || arg[0] == 0 || arg[0] == 2))
        return false;
    syscalls_dispatch(&c);
    return true;
}

static void after_syscall(struct lockstep *ls, uint32_t nr, const uint32_t *arg)
{
    gaddr renewed = 0;
    uint32_t len = 0, result;
    lockstep_take_over(ls);
    result = ls->t->cpu.gpr[REG_EAX];
    if (result <= (uint32_t)-4096) {
        if (nr == NR_MMAP2 || nr == NR_MREMAP) {
            renewed = result;
            len = PAGE_UP(nr == NR_MMAP2 ? arg[1] : arg[2]);
        } else if (nr == NR_MMAP && !mem_read32(arg[0] + 4, &len)) {
            renewed = result;
            len = PAGE_UP(len);
        }
    }
    mirror_sync(&ls->mirror, renewed, len, nr == NR_MADVISE);
    if (!result && mirror_descriptors(ls, nr, arg))
        lockstep_take_over(ls); /* segments in use may have changed */
    if (!result && nr == NR_RSEQ)
        ls->rseq = (struct store){arg[0], arg[2] & 1 /* unregister */ ? 0 : arg[1]};
    ls->resync |= result >= (uint32_t)-516 && result <= (uint32_t)-512;
}

/* Another program is in place of the old one. */
static void after_exec(struct lockstep *ls)
{
    struct thread *t = ls->t;
    struct native_event e = {.kind = NATIVE_EXEC};
    native_step(&ls->native, 0);
    native_wait(&ls->native, &e);
    lockstep_gone(ls, &e);
    mirror_clear(&ls->mirror);
    native_reopen(&ls->native);
    memset(t->tls_desc, 0, sizeof t->tls_desc);
    process_ldt.count = 0;
    ls->rseq.len = 0;
    if (!host_native_get(ls->native.pid, &ls->other))
        lockstep_stop(ls, "it executes a program that is not for i386");
    cpu_reset(&t->cpu);
    lockstep_take_over(ls);
    mirror_sync(&ls->mirror, 0, 0, false);
    if (e.kind == NATIVE_SIGNAL)
        lockstep_deliver(ls, &e);
}

static void step_syscall(struct lockstep *ls, const struct insn *in)
{
    const uint32_t *g = ls->t->cpu.gpr;
    uint32_t nr = g[REG_EAX];
    uint32_t arg[6] = {g[REG_EBX], g[REG_ECX], g[REG_EDX], g[REG_ESI], g[REG_EDI], g[REG_EBP]};
    struct native_event e;
    if (starts_thread(&ls->t->cpu))
        lockstep_stop(ls, "it starts a thread");
    if (in->op == OP_SYSCALL)
        arg[1] = g[REG_EBP];
    compare_all(ls);
    native_step(&ls->native, 0);
    native_wait(&ls->native, &e);
    if (e.kind == NATIVE_SIGNAL) {
        ls->steps--;
        lockstep_deliver(ls, &e);
        return;
    }
    ls->syscalls++;
    lockstep_gone(ls, &e);
    if (e.kind == NATIVE_EXEC) {
        after_exec(ls);
        return;
    }
    after_syscall(ls, nr, arg);
    if (native_siginfo(&ls->native) <= 0) { /* a SIGTRAP that the program has sent itself */
        e = (struct native_event){.kind = NATIVE_SIGNAL, .sig = SIGTRAP};
        lockstep_deliver(ls, &e);
    }
}

/* ---- the loop ---- */

/* The instruction behind an interrupted system call: the kernel may have gone back to repeat it. */
static void step_native_only(struct lockstep *ls)
{
    struct native_event e;
    native_step(&ls->native, 0);
    native_wait(&ls->native, &e);
    lockstep_gone(ls, &e);
    if (e.kind == NATIVE_SIGNAL) {
        lockstep_deliver(ls, &e);
    } else {
        take_all_over(ls);
    }
}

static void step(struct lockstep *ls)
{
    if (unlikely(ls->resync)) {
        step_native_only(ls);
        return;
    }
    if (opt.lockstep_fast && ls->steps >= ls->single_until && lockstep_window(ls))
        return;
    const struct insn *in = lockstep_fetch(ls);
    ls->history[ls->steps % LOCKSTEP_HISTORY] = in->eip;
    ls->steps++;
    ls->before = ls->t->cpu;
    if (lockstep_is_syscall(in))
        step_syscall(ls, in);
    else if (in->op == OP_CPUID || (in->op == OP_XGETBV && !ls->t->cpu.gpr[REG_ECX]))
        lockstep_step_cpuid(ls, in);
    else
        lockstep_step_both(ls, in);
}

void lockstep_run(struct thread *t, const char *path, char **argv, char **envp)
{
    struct lockstep *ls = xcalloc(1, sizeof *ls);
    int code;
    ls->t = t;
    ls->code = lockstep_code_new();
    ls->window = lockstep_window_new();
    lockstep_parse_spoil(ls, opt.lockstep_break);
    const char *why = native_start(&ls->native, path, argv, envp, &code);
    if (why)
        log_die(code, "%s: %s", path, why);
    signal(SIGINT, SIG_IGN); /* what is typed at the terminal is for the program */
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    t->proc->rlim_as[0] = t->proc->rlim_data[0] = UINT64_MAX; /* the kernel minds the program's */
    ls->mirror.native = &ls->native;
    cpu_reset(&t->cpu);
    lockstep_take_over(ls);
    mirror_sync(&ls->mirror, 0, 0, false);
    for (uint64_t check = CHECK_EVERY;;) {
        step(ls);
        if (ls->steps >= check) {
            compare_all(ls);
            check = ls->steps + CHECK_EVERY;
        }
    }
}
