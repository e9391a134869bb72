/* See session.h. */
#include "core/session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/options.h"

struct session *session;

enum { FD_MIN = 950, PATIENCE = 2 /* seconds until a lock counts as left behind */ };

static int make(void)
{
    int fd = memfd_create("xrun-session", MFD_CLOEXEC);
    int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
    if (high >= 0) {
        close(fd);
        fd = high;
    }
    if (fd < 0 || ftruncate(fd, sizeof *session))
        log_die(126, "cannot make shared memory for the trace: %s", strerror(errno));
    return fd;
}

void session_init(void)
{
    bool first = !opt.session_fd;
    if (first)
        opt.session_fd = (uint32_t)make();
    else
        fcntl((int)opt.session_fd, F_SETFD, FD_CLOEXEC);
    void *p = mmap(NULL, sizeof *session, PROT_READ | PROT_WRITE, MAP_SHARED, (int)opt.session_fd, 0);
    if (p == MAP_FAILED) {
        opt.session_fd = 0; /* not ours: the descriptor came from elsewhere */
        return;
    }
    session = p;
    if (first) {
        session->root = getpid();
        session->tasks = 1;
    }
}

void session_pass(bool on)
{
    if (session)
        fcntl((int)opt.session_fd, F_SETFD, on ? 0 : FD_CLOEXEC);
}

void session_task(int change)
{
    if (session)
        __atomic_add_fetch(&session->tasks, change, __ATOMIC_RELAXED);
}

static uint32_t own_tid(void)
{
    return (uint32_t)gettid();
}

void session_lock(void)
{
    uint32_t me = own_tid(), holder = 0;
    while (!__atomic_compare_exchange_n(&session->lock, &holder, me, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
        struct timespec ts = {.tv_sec = PATIENCE};
        long r = syscall(SYS_futex, &session->lock, FUTEX_WAIT, holder, &ts, NULL, 0);
        if (r < 0 && errno == ETIMEDOUT &&
            __atomic_compare_exchange_n(&session->lock, &holder, me, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
            return; /* whoever held it was killed */
        holder = 0;
    }
}

void session_unlock(void)
{
    __atomic_store_n(&session->lock, 0, __ATOMIC_RELEASE);
    syscall(SYS_futex, &session->lock, FUTEX_WAKE, 1, NULL, NULL, 0);
}
