/* x86-64 host: the state of a traced 32-bit process (arch/x86/kernel/ptrace.c: a 64-bit tracer sees
 * the 64-bit layout whatever the tracee is). */
#include "runtime/native.h"

#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

#include "core/flags.h"
#include "core/x87state.h"

enum { CS_64 = 0x33, DR7_EXEC_0 = 1 /* breakpoint 0 on execution */ };

bool host_native_possible(void)
{
    return true;
}

bool host_native_get(int pid, struct cpu *cpu)
{
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &r) || r.cs == CS_64)
        return false;
    const unsigned long long gpr[8] = {r.rax, r.rcx, r.rdx, r.rbx, r.rsp, r.rbp, r.rsi, r.rdi};
    for (int i = 0; i < 8; i++)
        cpu->gpr[i] = (uint32_t)gpr[i];
    cpu->eip = (uint32_t)r.rip;
    cpu->eflags = ((uint32_t)r.eflags & ~(uint32_t)(EFL_STATUS | EFL_RF)) | EFL_FIXED1 | EFL_IF;
    flags_set_status(cpu, (uint32_t)r.eflags);
    const unsigned long long sel[SEG_COUNT] = {r.es, r.cs, r.ss, r.ds, r.fs, r.gs};
    for (int i = 0; i < SEG_COUNT; i++)
        cpu->sel[i] = (uint16_t)sel[i];
    cpu->seg_base[SEG_FS] = (uint32_t)r.fs_base;
    cpu->seg_base[SEG_GS] = (uint32_t)r.gs_base;
    return true;
}

bool host_native_get_fp(int pid, struct cpu *cpu)
{
    struct user_fpregs_struct f; /* an FXSAVE image */
    if (ptrace(PTRACE_GETFPREGS, pid, NULL, &f))
        return false;
    x87_load_fxsave(cpu, (const uint8_t *)&f);
    return true;
}

static bool set_integer(int pid, const struct cpu *cpu, uint32_t flags)
{
    struct user_regs_struct r;
    if (ptrace(PTRACE_GETREGS, pid, NULL, &r))
        return false;
    r.eflags = (r.eflags & ~(unsigned long long)flags) | (cpu_get_eflags(cpu) & flags);
    const uint32_t *g = cpu->gpr;
    r.rax = g[REG_EAX], r.rcx = g[REG_ECX], r.rdx = g[REG_EDX], r.rbx = g[REG_EBX];
    r.rsp = g[REG_ESP], r.rbp = g[REG_EBP], r.rsi = g[REG_ESI], r.rdi = g[REG_EDI];
    r.rip = cpu->eip;
    r.eflags &= ~(unsigned long long)EFL_TF; /* stays set if it is the stepping's */
    r.orig_rax = ~0ull; /* not in a system call: nothing to restart */
    return !ptrace(PTRACE_SETREGS, pid, NULL, &r);
}

bool host_native_set(int pid, const struct cpu *cpu)
{
    return set_integer(pid, cpu, 0);
}

bool host_native_restore(int pid, const struct cpu *cpu)
{
    struct user_fpregs_struct f;
    if (ptrace(PTRACE_GETFPREGS, pid, NULL, &f))
        return false;
    x87_save_fxsave(cpu, (uint8_t *)&f);
    return set_integer(pid, cpu, EFL_STATUS | EFL_DF) && !ptrace(PTRACE_SETFPREGS, pid, NULL, &f);
}

static bool set_debug(int pid, int i, unsigned long v)
{
    size_t at = offsetof(struct user, u_debugreg) + (size_t)i * sizeof(long);
    return !ptrace(PTRACE_POKEUSER, pid, (void *)at, (void *)v);
}

bool host_native_break(int pid, gaddr at)
{
    return set_debug(pid, 0, at) && set_debug(pid, 7, DR7_EXEC_0);
}

void host_native_no_break(int pid)
{
    set_debug(pid, 7, 0);
}
