#include "core/xfsz.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static sigset_t only_xfsz(void)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGXFSZ);
    return s;
}

void xfsz_hide(struct xfsz *x)
{
    sigset_t s = only_xfsz(), pending;
    pthread_sigmask(SIG_BLOCK, &s, &x->mask);
    sigpending(&pending);
    x->pending = sigismember(&pending, SIGXFSZ);
}

void xfsz_show(const struct xfsz *x, int error)
{
    static const struct timespec none = {0, 0};
    sigset_t s = only_xfsz();
    int e = errno;
    if (error == EFBIG && !x->pending)
        sigtimedwait(&s, NULL, &none);
    pthread_sigmask(SIG_SETMASK, &x->mask, NULL);
    errno = e;
}
