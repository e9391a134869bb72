/* x86-64 host: the state of a traced 32-bit process (arch/x86/kernel/ptrace.c: a 64-bit tracer sees
 * the 64-bit layout whatever the tracee is). */
#include "runtime/native.h"

#include <elf.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "core/flags.h"
#include "core/x87state.h"
#include "core/cpuid.h"
#include "core/xstate.h"

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

/* An XSAVE area, or only the FXSAVE image at its beginning if the processor knows no other. */
struct fp_state {
    uint8_t area[16384] __attribute__((aligned(64))); /* AMX: 11008; only the whole of it can be set */
    size_t size;
};

static bool get_fp(int pid, struct fp_state *f)
{
    struct iovec v = {f->area, sizeof f->area};
    memset(f->area, 0, XSTATE_MAX);
    if (!ptrace(PTRACE_GETREGSET, pid, (void *)NT_X86_XSTATE, &v) && v.iov_len >= XSTATE_SIZE) {
        f->size = v.iov_len;
        return true;
    }
    f->size = sizeof(struct user_fpregs_struct);
    return !ptrace(PTRACE_GETFPREGS, pid, NULL, f->area);
}

static bool set_fp(int pid, struct fp_state *f)
{
    struct iovec v = {f->area, f->size};
    return f->size >= XSTATE_SIZE ? !ptrace(PTRACE_SETREGSET, pid, (void *)NT_X86_XSTATE, &v)
                                  : !ptrace(PTRACE_SETFPREGS, pid, NULL, f->area);
}

/* The components that are behind the header. */
static uint32_t behind_header(const struct fp_state *f)
{
    return f->size < XSTATE_SIZE ? 0
           : (uint32_t)cpuid_xcr0() & XSTATE_AVX512 && f->size >= xstate_size()
               ? XSTATE_AVX | XSTATE_K | XSTATE_ZMM : XSTATE_AVX;
}

bool host_native_get_fp(int pid, struct cpu *cpu)
{
    struct fp_state f;
    if (!get_fp(pid, &f))
        return false;
    x87_load_fxsave(cpu, f.area);
    xstate_load(cpu, f.area, behind_header(&f), 0);
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
    struct fp_state f;
    if (!get_fp(pid, &f))
        return false;
    x87_save_fxsave(cpu, f.area);
    if (f.size >= XSTATE_SIZE) {
        xstate_save(cpu, f.area, behind_header(&f));
        f.area[XSTATE_HEADER_AT] |= (uint8_t)(XSTATE_X87 | XSTATE_SSE | behind_header(&f));
    }
    return set_integer(pid, cpu, EFL_STATUS | EFL_DF) && set_fp(pid, &f);
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
