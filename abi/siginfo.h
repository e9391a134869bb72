/* siginfo in the i386 layout: 128 bytes, the union at offset 12 (asm-generic/siginfo.h; which
 * fields are valid follows si_code as in kernel/signal.c copy_siginfo_to_user32). */
#ifndef XRUN_ABI_SIGINFO_H
#define XRUN_ABI_SIGINFO_H

#include <signal.h>

#include "core/types.h"

enum { I386_SIGINFO_SIZE = 128 };

void abi_siginfo_to_guest(uint8_t out[I386_SIGINFO_SIZE], const siginfo_t *info);
void abi_siginfo_from_guest(siginfo_t *info, const uint8_t in[I386_SIGINFO_SIZE]);
/* Converts and writes to guest memory. 0 or -EFAULT. */
int abi_write_siginfo(gaddr a, const siginfo_t *info);
int abi_read_siginfo(siginfo_t *info, gaddr a);

#endif
