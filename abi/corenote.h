/* The notes of an i386 core file, as a 64-bit kernel writes them for a 32-bit process
 * (fs/binfmt_elf.c fill_note_info; structures of asm/elf.h and linux/elfcore-compat.h). Used by the
 * one thread that dumps; the others stand still. */
#ifndef XRUN_ABI_CORENOTE_H
#define XRUN_ABI_CORENOTE_H

#include "core/thread.h"

struct corenotes {
    uint8_t *data; /* malloc'ed */
    size_t size, room;
};

/* A thread's registers: NT_PRSTATUS; what an interrupted system call would return is in eax. */
void corenote_prstatus(struct corenotes *n, const struct thread *t, int sig, uint32_t eax);
/* What belongs to the process: NT_PRPSINFO, NT_SIGINFO, NT_AUXV, NT_FILE. */
void corenote_process(struct corenotes *n, const struct thread *t, const siginfo_t *info);
/* The rest of a thread: NT_PRFPREG, NT_PRXFPREG, NT_386_TLS. */
void corenote_fpu_tls(struct corenotes *n, const struct thread *t);

#endif
