/* x86-64 host: signal contexts and raw system calls. */
#include "runtime/host.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cpu.h"
#include "core/thread.h"

uintptr_t host_pc(const ucontext_t *uc)
{
    return (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
}

void host_set_pc(ucontext_t *uc, uintptr_t pc)
{
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}

bool host_call_restarting(const ucontext_t *uc)
{
    return host_pc(uc) == (uintptr_t)host_safe_syscall_insn &&
           (uintptr_t)uc->uc_mcontext.gregs[REG_RCX] == (uintptr_t)host_safe_syscall_end;
}

uintptr_t host_fault_address(const ucontext_t *uc)
{
    return (uintptr_t)uc->uc_mcontext.gregs[REG_CR2];
}

uint32_t host_fault_error(const ucontext_t *uc)
{
    return (uint32_t)uc->uc_mcontext.gregs[REG_ERR] & (PF_ERR_PRESENT | PF_ERR_WRITE | PF_ERR_USER);
}

struct kernel_sigaction {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};
void host_sigreturn_stub(void);

int host_sigaction(int sig, void *handler, unsigned long flags, uint64_t mask)
{
    struct kernel_sigaction sa = {handler, flags | 0x04000000 /* SA_RESTORER */,
                                  (void *)host_sigreturn_stub, mask};
    return (int)host_syscall(SYS_rt_sigaction, sig, (long)&sa, 0, 8, 0, 0);
}

void *host_sigaction_get(int sig)
{
    struct kernel_sigaction sa = {0};
    host_syscall(SYS_rt_sigaction, sig, 0, (long)&sa, 8, 0, 0);
    return sa.handler;
}

long host_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long ret;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}
