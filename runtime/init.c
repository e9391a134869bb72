/* Connects the runtime with the parts below it. */
#include "interp/atomic.h"
#include "interp/interp.h"
#include "runtime/host.h"
#include "runtime/ptrace.h"

void runtime_init(void)
{
    runtime_hooks = (struct runtime_hooks){
        .clone = clone_thread,
        .exit_thread = thread_exit,
        .exit_group = thread_exit_group,
        .exit_killed = thread_exit_killed,
        .exec = exec_program,
        .sigreturn = signal_sigreturn,
        .sync_pending = signal_sync_pending,
        .sync_take = signal_sync_take,
        .sigaction_changed = signal_action_changed,
        .sigmask_changed = signal_set_host_mask,
        .default_by_host = signal_default_by_host,
        .force_signal = signal_force_info,
        .shares_memory = process_shares_memory,
        .trace_begun = ptrace_begun,
        .trace_entry = ptrace_call_entry,
        .trace_seccomp = ptrace_seccomp,
        .ldt_changed = thread_ldt_changed,
        .invalidate = cache_invalidate,
        .call32 = host_call32,
    };
    atomic_init();
    interp_init();
    cache_init();
}
