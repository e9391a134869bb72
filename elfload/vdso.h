/* The vDSO: a small ELF shared object that xrun composes in memory and maps for the guest. */
#ifndef XRUN_ELFLOAD_VDSO_H
#define XRUN_ELFLOAD_VDSO_H

#include "core/thread.h"

/* Maps the image and fills p->vdso*. 0 or -errno. */
int vdso_map(struct process *p);

#endif
