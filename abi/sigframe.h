/* Signal frames of the i386 kernel (arch/x86/include/asm/sigframe.h, uapi asm/sigcontext.h). */
#ifndef XRUN_ABI_SIGFRAME_H
#define XRUN_ABI_SIGFRAME_H

#include "core/thread.h"
#include "core/xstate.h"

/* Builds the frame for `sig` on the guest's stack (or alternate stack) and sets the registers for
 * the handler. `oldmask` is what sigreturn restores. 0 or -EFAULT with registers unchanged. */
int sigframe_build(struct thread *t, int sig, const siginfo_t *info,
                   const struct guest_sigaction *sa, uint64_t oldmask);
/* Restores mask, registers, FPU (and the alternate stack if rt) from the frame at esp. 0, or -EFAULT
 * with what came before the unreadable or invalid part restored, as the kernel leaves it. A code or
 * stack segment that cannot be used is the fault of an IRET: 0, with cpu->trap and *iret_fault set. */
int sigframe_restore(struct thread *t, bool rt, bool *iret_fault);

/* The signal mask that such a frame at esp holds. 0 or -EFAULT. */
int sigframe_mask(const struct thread *t, bool rt, uint64_t *mask);

/* Is `sp` on the alternate stack, as the kernel sees it (on_sig_stack)? */
bool sigframe_on_altstack(const struct thread *t, gaddr sp);
/* Sets the alternate stack with the checks of sigaltstack(2) at stack pointer `sp`. 0 or -errno. */
int sigframe_set_altstack(struct thread *t, const struct guest_altstack *s, gaddr sp);

/* The x87 and SSE state as the kernel shows it in frames and core files. */
void sigframe_fpu_images(const struct thread *t, uint8_t fsave[108], uint8_t fxsave[512]);
/* The XSAVE area as core files and ptrace show it, its size; 0 if the model has no XSAVE. */
unsigned sigframe_xstate_image(const struct thread *t, uint8_t area[XSTATE_MAX]);
/* Sets the state from such an area; 0, or -EINVAL with nothing changed. */
int sigframe_set_xstate(struct thread *t, const uint8_t area[XSTATE_MAX]);

#endif
