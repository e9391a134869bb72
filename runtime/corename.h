/* Where the host wants cores to go: core_pattern and core_uses_pid, as core(5) and fs/coredump.c have them.
 * For core.c, in the thread that dies, with all signals blocked. */
#ifndef XRUN_RUNTIME_CORENAME_H
#define XRUN_RUNTIME_CORENAME_H

#include <limits.h>
#include <sys/resource.h>

#include "core/thread.h"

struct core_name {
    char text[PATH_MAX]; /* a file's name; or a command, its words ended by a 0 each */
    size_t n;
    bool pipe;           /* a command, which reads the core */
    bool pid, pidfd;     /* contains %p, %F */
    bool stable;         /* gives the same text a moment later */
};

/* False: nobody wants a core. */
bool core_name_make(struct core_name *o, const struct thread *t, int sig, rlim_t limit);
/* Starts the command; a descriptor to write the core to. -1: it cannot be. */
int core_helper_start(const struct core_name *o, int *pid);
/* That descriptor is closed: true if the command took the core. */
bool core_helper_end(int pid);

#endif
