/* What depends on the host architecture in runtime/: one file per host implements it. */
#ifndef XRUN_RUNTIME_HOST_H
#define XRUN_RUNTIME_HOST_H

#include <ucontext.h>

#include "core/types.h"

/* The host program counter of an interrupted context. */
uintptr_t host_pc(const ucontext_t *uc);
void host_set_pc(ucontext_t *uc, uintptr_t pc);
/* The address of the thread's last page fault. */
uintptr_t host_fault_address(const ucontext_t *uc);
/* The page-fault error code of a SIGSEGV/SIGBUS context, as x86 hardware gives it (PF_ERR_*). */
uint32_t host_fault_error(const ucontext_t *uc);

/* rt_sigaction(2) at kernel level (glibc refuses signals 32 and 33). `handler` as in
 * sa_sigaction, or SIG_DFL/SIG_IGN; `mask` bit n-1 is signal n. 0 or -errno. */
int host_sigaction(int sig, void *handler, unsigned long flags, uint64_t mask);
/* The present handler of `sig`. */
void *host_sigaction_get(int sig);

/* Call number `nr` of i386's as such a program makes it, converted by the host's kernel; -ENOSYS where it cannot. */
long host_call32(uint32_t nr, const uint32_t a[5]);

/* Has the host's kernel walk the thread's list of robust futexes, whose links have 32 bits, when the thread
 * ends in whatever way; nothing where it cannot. 0: no list. */
void host_robust_list32(gaddr head);

/* The system-call stub behind host_syscall_blocking and its critical section, see syscall.S. */
long host_safe_syscall(volatile uint32_t *pending, long nr, long a, long b, long c, long d, long e,
                       long f);
/* clone3(2) for a child that shares memory: it runs fn(arg) on the stack that `args` names and ends
 * with what that returns. The child's pid or -errno. */
struct clone_args;
long host_clone3(const struct clone_args *args, size_t size, int (*fn)(void *), void *arg);

extern char host_safe_syscall_start[], host_safe_syscall_end[], host_safe_syscall_abort[];
extern char host_safe_syscall_insn[];
/* True if the kernel has gone back to the stub's call to make it again after the handler (ERESTARTSYS
 * and SA_RESTART), and not only before it. */
bool host_call_restarting(const ucontext_t *uc);

#endif
