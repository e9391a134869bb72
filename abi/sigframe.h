/* Signal frames of the i386 kernel (arch/x86/include/asm/sigframe.h, uapi asm/sigcontext.h). */
#ifndef XRUN_ABI_SIGFRAME_H
#define XRUN_ABI_SIGFRAME_H

#include "core/thread.h"

/* Builds the frame for `sig` on the guest's stack (or alternate stack) and sets the registers for
 * the handler. `oldmask` is what sigreturn restores. 0 or -EFAULT with registers unchanged. */
int sigframe_build(struct thread *t, int sig, const siginfo_t *info,
                   const struct guest_sigaction *sa, uint64_t oldmask);
/* Restores registers, FPU, mask (and the alternate stack if rt) from the frame at esp. 0 or
 * -EFAULT. */
int sigframe_restore(struct thread *t, bool rt);

#endif
