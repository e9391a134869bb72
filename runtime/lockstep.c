/* Lockstep with the processor: the program is started natively under ptrace, its memory and registers
 * are copied into xrun's guest, and from then on each instruction is executed by both: in single
 * steps, or in stretches (lockstep_window.c) that are gone through again singly if they differ. System calls are made by the native process only; what
 * they did is copied. CPUID is answered for both by xrun's model, or the program would choose code
 * for the processor it runs on.
 * The two processes share nothing else, so a difference cannot hide. */
#include "runtime/lockstep_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/cpuid.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "decode/decode.h"
#include "interp/interp.h"
#include "runtime/runtime.h"
#include "syscalls/syscalls.h"

enum {
    CODE_BITS = 12,
    CHECK_EVERY = 1 << 18, /* instructions between comparisons of all memory */
    REP_STEPS = 8,         /* longer repetitions run to a breakpoint */
    STORE_SHOWN = 16,
};

/* i386 system calls that lockstep itself must know. */
enum { NR_MMAP = 90, NR_CLONE = 120, NR_MODIFY_LDT = 123,
       NR_MREMAP = 163, NR_MMAP2 = 192, NR_MADVISE = 219, NR_SET_THREAD_AREA = 243,
       NR_RSEQ = 386, NR_CLONE3 = 435 };
enum { CLONE_VM_ = 0x100, CLONE_VFORK_ = 0x4000 };

/* A decoded instruction that is executed alone, and the bytes it was decoded from. */
struct code {
    gaddr eip;
    uint8_t mode, len; /* len 0: unused */
    uint8_t bytes[15];
    struct insn insn[2];
    struct insn_links links; /* directly behind the block's last instruction */
};

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

static void get_native(struct lockstep *ls, bool fp)
{
    if (!host_native_get(ls->native.pid, &ls->other) ||
        (fp && !host_native_get_fp(ls->native.pid, &ls->other)))
        lockstep_stop(ls, "its registers cannot be read");
}

/* ---- taking the native state over ---- */

static void take_segments(struct cpu *cpu, const struct cpu *o)
{
    for (int s = 0; s < SEG_COUNT; s++)
        if (cpu->sel[s] != o->sel[s]) {
            if (s == SEG_CS)
                cpu_load_cs(cpu, o->sel[s]);
            else
                cpu_load_seg(cpu, (enum segreg)s, o->sel[s]);
        }
}

static void take_over(struct lockstep *ls)
{
    struct cpu *cpu = &ls->t->cpu;
    get_native(ls, true);
    const struct cpu *o = &ls->other;
    memcpy(cpu->gpr, o->gpr, 8 * sizeof o->gpr[0]);
    cpu->eip = o->eip;
    cpu->eflags = o->eflags;
    flags_set_status(cpu, cpu_get_eflags(o));
    cpu->fpu = o->fpu;
    cpu->mxcsr = o->mxcsr;
    memcpy(cpu->xmm, o->xmm, sizeof cpu->xmm);
    take_segments(cpu, o);
    if (cpu->eflags & EFL_TF)
        lockstep_stop(ls, "it single-steps itself");
}

static void take_memory_over(struct lockstep *ls)
{
    mirror_sync(&ls->mirror, 0, 0, true);
}

/* ---- signals ---- */

bool lockstep_is_fault(const struct native_event *e)
{
    return e->code > 0 && (e->sig == SIGSEGV || e->sig == SIGBUS || e->sig == SIGILL ||
                           e->sig == SIGFPE || e->sig == SIGTRAP);
}

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

/* Gives the native process its signal. Behind that it is at a handler's first instruction, or one
 * instruction further if there is none. */
void lockstep_deliver(struct lockstep *ls, struct native_event *e)
{
    do {
        native_step(&ls->native, e->sig);
        native_wait(&ls->native, e);
        lockstep_gone(ls, e);
    } while (e->kind == NATIVE_SIGNAL);
    take_over(ls);
    take_memory_over(ls);
}

static void compare_fault(struct lockstep *ls, const struct native_event *e, bool trapped)
{
    const struct cpu *cpu = &ls->t->cpu;
    struct lockstep_diff d = {0};
    char text[128];
    get_native(ls, true);
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

static void on_signal(struct lockstep *ls, struct native_event *e, bool trapped)
{
    if (lockstep_is_fault(e))
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
    get_native(ls, true);
    if (!lockstep_compare(&ls->other, &ls->t->cpu, LOCKSTEP_FLAGS, true, &d))
        lockstep_different(ls, &d, "registers, changed by an earlier instruction", NULL);
    compare_all_memory(ls);
}

/* ---- instructions ---- */

static bool fetchable(gaddr eip, unsigned len)
{
    return (mem_page_flags(eip) & PAGE_X) && (mem_page_flags(eip + len - 1) & PAGE_X);
}

static void bind_alone(struct code *c)
{
    c->links = (struct insn_links){.n = 1};
    c->insn[1] = (struct insn){.op = OP_END_BLOCK, .flags = INSN_END, .eip = c->insn[0].next,
                               .next = c->insn[0].next, .base = REG_ZERO, .index = REG_ZERO};
    if (c->insn[0].flags & INSN_END) /* its links follow it directly */
        memset(&c->insn[1], 0, sizeof c->insn[1]);
    else
        interp_bind(&c->insn[1]);
    interp_bind(&c->insn[0]);
}

/* The instruction at eip, decoded once for as long as its bytes stay the same. */
const struct insn *lockstep_fetch(struct lockstep *ls)
{
    const struct cpu *cpu = &ls->t->cpu;
    struct code *c = &ls->code[(cpu->eip ^ cpu->eip >> CODE_BITS) & ((1 << CODE_BITS) - 1)];
    if (c->len && c->eip == cpu->eip && c->mode == cpu->mode && fetchable(c->eip, c->len) &&
        !memcmp(mem_host(c->eip), c->bytes, c->len))
        return c->insn;
    c->eip = cpu->eip;
    c->mode = cpu->mode;
    c->len = 0;
    if (decode_insn(c->eip, c->mode, &c->insn[0]) == DECODE_OK &&
        !mem_read(c->bytes, c->eip, c->insn[0].len))
        c->len = c->insn[0].len;
    bind_alone(c);
    return c->insn;
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
static bool native_decides(const struct insn *in)
{
    switch (in->op) {
    case OP_RDTSC: case OP_RDTSCP: case OP_RDPID: case OP_RDRAND: case OP_RDSEED:
    case OP_SGDT: case OP_SIDT: case OP_SLDT: case OP_STR: case OP_SMSW: case OP_LSL: case OP_LAR:
    case OP_RCPPS: case OP_RCPSS: case OP_RSQRTPS: case OP_RSQRTSS: /* tables of 12 bits */
    case OP_FSIN: case OP_FCOS: case OP_FSINCOS: case OP_FPTAN: case OP_FPATAN: case OP_F2XM1:
    case OP_FYL2X: case OP_FYL2XP1: /* the last bit */
        return true;
    default:
        return false;
    }
}

static bool raises_sigtrap(const struct insn *in)
{
    return in->op == OP_INT3 || in->op == OP_INT1 || in->op == OP_INT;
}

static bool loads_ss(const struct insn *in)
{
    return (in->op == OP_MOV || in->op == OP_POP) && in->o[0].kind == OPND_SEG &&
           in->o[0].reg == SEG_SS;
}

static bool uses_fp(const struct insn *in)
{
    switch (decode_op_class((enum op)in->op)) {
    case CLASS_X87: case CLASS_MMX: case CLASS_SSE: return true;
    default: return in->op == OP_LDMXCSR;
    }
}

static bool repeats(const struct insn *in)
{
    return decode_op_class((enum op)in->op) == CLASS_STRING && (in->flags & (INSN_REP | INSN_REPNE));
}

static bool is_syscall(const struct insn *in)
{
    return (in->op == OP_INT && (uint8_t)in->imm == 0x80) || in->op == OP_SYSENTER ||
           in->op == OP_SYSCALL;
}

bool lockstep_special(const struct insn *in)
{
    switch (in->op) {
    case OP_CPUID: case OP_POPF: case OP_IRET: case OP_INTO: case OP_ENTER:
    case OP_FNSTENV: case OP_FNSAVE: case OP_FXSAVE: /* they show unspecified bytes */
    case OP_LDS: case OP_LES: case OP_LFS: case OP_LGS: case OP_LSS:
        return true;
    default: break;
    }
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_SEG || in->o[i].kind == OPND_FAR)
            return true;
    return is_syscall(in) || raises_sigtrap(in) || native_decides(in) ||
           decode_op_class((enum op)in->op) == CLASS_PSEUDO;
}

/* Did xrun's own execution touch floating-point state? */
static bool fp_changed(const struct cpu *a, const struct cpu *b)
{
    return memcmp(&a->fpu, &b->fpu, sizeof a->fpu) || a->mxcsr != b->mxcsr ||
           memcmp(a->xmm, b->xmm, sizeof a->xmm);
}

void lockstep_spoil(struct lockstep *ls, const struct insn *in)
{
    struct cpu *cpu = &ls->t->cpu;
    struct store s[EFFECTS_STORES_MAX];
    if (ls->spoil == SPOIL_NONE || (ls->spoilt ? ls->steps != ls->spoil_at : ls->steps < ls->spoil_at))
        return;
    switch (ls->spoil) {
    case SPOIL_REG: cpu->gpr[REG_ESI] ^= 0x10; break;
    case SPOIL_FLAG: flags_set_status(cpu, flags_get_status(cpu) ^ EFL_CF); break;
    case SPOIL_ST: cpu->fpu.st[3].sig ^= 1; break;
    case SPOIL_XMM: cpu->xmm[5].d[2] ^= 0x100; break;
    case SPOIL_STORE: /* waits for an instruction that stores */
        if (!effects_stores(&ls->before, in, s) || !s[0].len)
            return;
        *(uint8_t *)mem_host(s[0].addr) ^= 1;
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

static void parse_spoil(struct lockstep *ls, const char *s)
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

/* Waits for the step natively made; a repeated instruction is stepped to its end. */
static void wait_step(struct lockstep *ls, const struct insn *in, struct native_event *e)
{
    native_wait(&ls->native, e);
    for (;;) {
        lockstep_gone(ls, e);
        if (e->kind != NATIVE_STEPPED)
            return;
        get_native(ls, false);
        if (!repeats(in) || ls->other.eip != in->eip)
            break;
        native_step(&ls->native, 0);
        native_wait(&ls->native, e);
    }
    /* a SIGTRAP that is not the step's */
    if (raises_sigtrap(in) || (ls->other.eip == in->eip && ls->t->cpu.eip != in->eip &&
                               native_siginfo(&ls->native) <= 0)) {
        e->kind = NATIVE_SIGNAL;
        e->code = native_siginfo(&ls->native);
    }
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

static void step_both(struct lockstep *ls, const struct insn *in)
{
    struct native_event e;
    bool far_rep = repeats(in) && ls->t->cpu.gpr[REG_ECX] > REP_STEPS;
    bool trapped = false, native_only = native_decides(in);
    if (ls->mirror.any_shared || ls->rseq.len)
        refresh_shared(ls, in);
    if (!far_rep)
        native_step(&ls->native, 0); /* and while it runs: */
    if (!native_only)
        trapped = lockstep_execute(ls, in);
    lockstep_spoil(ls, in);
    if (far_rep) {
        native_run_to(&ls->native, in->next, &e);
        lockstep_gone(ls, &e);
        if (e.kind == NATIVE_STEPPED)
            get_native(ls, false);
    } else {
        wait_step(ls, in, &e);
    }
    if (e.kind == NATIVE_SIGNAL) {
        on_signal(ls, &e, trapped);
        return;
    }
    if (native_only || (trapped && reads_opaque(ls))) {
        take_over(ls);
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
    if (loads_ss(in) && ls->other.eip != ls->t->cpu.eip) { /* the trap comes one instruction later */
        in = lockstep_fetch(ls);
        ls->steps++;
        lockstep_execute(ls, in);
    }
    compare_step(ls, in);
}

static void step_cpuid(struct lockstep *ls, const struct insn *in)
{
    struct cpu *cpu = &ls->t->cpu;
    struct cpuid_regs r = cpuid_query(cpu->gpr[REG_EAX], cpu->gpr[REG_ECX]);
    cpu->gpr[REG_EAX] = r.eax;
    cpu->gpr[REG_EBX] = r.ebx;
    cpu->gpr[REG_ECX] = r.ecx;
    cpu->gpr[REG_EDX] = r.edx;
    cpu->eip = in->next;
    host_native_set(ls->native.pid, cpu);
    ls->taken++;
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
static void mirror_descriptors(struct lockstep *ls, uint32_t nr, const uint32_t *arg)
{
    struct sysctx c = {ls->t, nr, {arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]}};
    if (nr == NR_SET_THREAD_AREA || (nr == NR_MODIFY_LDT && arg[0] != 0 && arg[0] != 2))
        syscalls_dispatch(&c);
}

static void after_syscall(struct lockstep *ls, uint32_t nr, const uint32_t *arg)
{
    gaddr renewed = 0;
    uint32_t len = 0, result;
    take_over(ls);
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
    if (!result)
        mirror_descriptors(ls, nr, arg);
    if (!result && nr == NR_RSEQ)
        ls->rseq = (struct store){arg[0], arg[2] & 1 /* unregister */ ? 0 : arg[1]};
    ls->resync = result >= (uint32_t)-516 && result <= (uint32_t)-512;
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
    take_over(ls);
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
    ls->resync = false;
    native_step(&ls->native, 0);
    native_wait(&ls->native, &e);
    lockstep_gone(ls, &e);
    if (e.kind == NATIVE_SIGNAL) {
        lockstep_deliver(ls, &e);
    } else {
        take_over(ls);
        take_memory_over(ls);
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
    if (is_syscall(in))
        step_syscall(ls, in);
    else if (in->op == OP_CPUID)
        step_cpuid(ls, in);
    else
        step_both(ls, in);
}

void lockstep_run(struct thread *t, const char *path, char **argv, char **envp)
{
    struct lockstep *ls = xcalloc(1, sizeof *ls);
    int code;
    ls->t = t;
    ls->code = xcalloc(1 << CODE_BITS, sizeof *ls->code);
    ls->window = lockstep_window_new();
    parse_spoil(ls, opt.lockstep_break);
    const char *why = native_start(&ls->native, path, argv, envp, &code);
    if (why)
        log_die(code, "%s: %s", path, why);
    signal(SIGINT, SIG_IGN); /* what is typed at the terminal is for the program */
    signal(SIGQUIT, SIG_IGN);
    signal(SIGTSTP, SIG_IGN);
    t->proc->rlim_as[0] = t->proc->rlim_data[0] = UINT64_MAX; /* the kernel minds the program's */
    ls->mirror.native = &ls->native;
    cpu_reset(&t->cpu);
    take_over(ls);
    mirror_sync(&ls->mirror, 0, 0, false);
    for (uint64_t check = CHECK_EVERY;;) {
        step(ls);
        if (ls->steps >= check) {
            compare_all(ls);
            check = ls->steps + CHECK_EVERY;
        }
    }
}
