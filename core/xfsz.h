/* Writes that may go over the process's limit for files, whose SIGXFSZ the guest must not get. */
#ifndef XRUN_CORE_XFSZ_H
#define XRUN_CORE_XFSZ_H

#include <signal.h>

/* Keeps SIGXFSZ from this thread until xfsz_show. */
struct xfsz {
    sigset_t mask;
    int pending;
};
void xfsz_hide(struct xfsz *x);

/* error: errno of a write since, 0: none failed. The signal that EFBIG raised is taken away, unless one was waiting
 * before. Leaves errno alone. */
void xfsz_show(const struct xfsz *x, int error);

#endif
