/* See session.h. */
#include "core/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/log.h"
#include "core/options.h"

struct session *session;
void (*session_at_end)(void);

enum { FD_MIN = 950, PATIENCE = 2 /* seconds until a lock counts as left behind */ };

static int make(void)
{
    int fd = options_fd_above(memfd_create("xrun-session", MFD_CLOEXEC | MFD_ALLOW_SEALING), FD_MIN);
    struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
    sigaction(SIGXFSZ, &ignore, &old); /* a limit for files binds this memory, too */
    if (fd < 0 || ftruncate(fd, sizeof *session))
        log_die(126, "cannot make shared memory for the trace: %s", strerror(errno));
    sigaction(SIGXFSZ, &old, NULL);
    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW); /* a program that finds it shall not cut it */
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
    if (!opt.log_fd) /* programs close or redirect their standard error */
        opt.log_fd = (uint32_t)(log_fd() > 2 ? log_fd() : options_fd_above(dup(log_fd()), FD_MIN));
    if ((int)opt.log_fd > 0)
        log_set_fd((int)opt.log_fd);
    fcntl(log_fd(), F_SETFD, FD_CLOEXEC);
    if (first) {
        session->root = getpid();
        session->tasks = 1;
    }
}

void session_pass(bool on)
{
    if (!session)
        return;
    fcntl((int)opt.session_fd, F_SETFD, on ? 0 : FD_CLOEXEC);
    fcntl(log_fd(), F_SETFD, on ? 0 : FD_CLOEXEC);
}

void session_task(int change)
{
    if (session && change > 0)
        __atomic_add_fetch(&session->processes, 1, __ATOMIC_RELAXED);
    if (session)
        __atomic_add_fetch(&session->tasks, change, __ATOMIC_RELAXED);
}

static const char *find(char kind, const char *text)
{
    const char *p = NULL;
    while ((p = session_next(kind, p)))
        if (!strcmp(p, text))
            break;
    return p;
}

void session_note(char kind, const char *text)
{
    size_t n = strlen(text) + 2;
    session_lock();
    if (!find(kind, text)) {
        if (session->text_used + n <= SESSION_TEXT) {
            char *p = session->text + session->text_used;
            *p = kind;
            memcpy(p + 1, text, n - 1);
            session->text_used += (uint32_t)n;
        } else {
            session->text_full = true;
        }
    }
    session_unlock();
}

const char *session_next(char kind, const char *last)
{
    const char *p = last ? last + strlen(last) + 1 : session->text;
    while (p < session->text + session->text_used && *p != kind)
        p += strlen(p) + 1;
    return p < session->text + session->text_used ? p + 1 : NULL;
}

void session_note_ioctl(uint32_t request, bool error)
{
    uint32_t i = 0;
    session_lock();
    while (i < session->nioctls && session->ioctl[i].request != request)
        i++;
    if (i < SESSION_IOCTLS) {
        session->nioctls += i == session->nioctls;
        session->ioctl[i].request = request;
        session->ioctl[i].calls++;
        session->ioctl[i].errors += error;
    }
    session_unlock();
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
