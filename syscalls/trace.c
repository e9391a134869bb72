/* Blocks and tokens of traced programs; see trace.h. */
#include "syscalls/trace.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/options.h"
#include "syscalls/priv.h"

enum { MAGIC = 0x5852544d, ASKS = 32, PATIENCE_MS = 3000, RETRY_MS = 30 };
#define TOKEN_MAGIC UINT64_C(0x5854)
enum { TOKEN_CONTINUE = 0x7f };

/* ---- blocks ---- */

/* A fork of either side has nothing to do with it. */
struct trace_block *trace_block_map(int fd)
{
    struct trace_block *b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (b == MAP_FAILED)
        return NULL;
    madvise(b, sizeof *b, MADV_DONTFORK);
    return b;
}

struct trace_block *trace_block_new(int *fd)
{
    *fd = options_fd_above(memfd_create("trace", MFD_CLOEXEC), OPTIONS_SELF_FD_MIN);
    if (*fd < 0)
        return NULL;
    struct trace_block *b = ftruncate(*fd, sizeof *b) ? NULL : trace_block_map(*fd);
    if (b)
        b->magic = MAGIC;
    else
        close(*fd);
    return b;
}

struct trace_block *trace_block_open(int pid, int fd)
{
    char path[64];
    struct stat st;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
    int own = open(path, O_RDWR | O_CLOEXEC);
    if (own < 0)
        return NULL;
    struct trace_block *b = NULL;
    if (!fstat(own, &st) && st.st_size == (off_t)sizeof *b)
        b = trace_block_map(own);
    close(own);
    if (b && b->magic == MAGIC)
        return b;
    trace_block_unmap(b);
    return NULL;
}

void trace_block_unmap(struct trace_block *b)
{
    if (b)
        munmap(b, sizeof *b);
}

/* ---- tokens ---- */

/* Those that came with a descriptor. `state`: 0 free, 1 being filled, 2 full. */
static struct ask {
    uint32_t state, what;
    int from, fd, pid, tid;
} asks[ASKS];

int trace_send(int pid, int tid, enum trace_token what, int fd)
{
    siginfo_t i;
    memset(&i, 0, sizeof i);
    i.si_signo = SIGTRAP;
    i.si_code = SI_QUEUE;
    i.si_pid = getpid();
    i.si_uid = getuid();
    uint64_t v = TOKEN_MAGIC << 48 | (uint64_t)what << 32 | (uint32_t)fd;
    i.si_value.sival_ptr = (void *)(uintptr_t)v;
    return (int)HC(SYS_rt_tgsigqueueinfo, pid, tid, SIGTRAP, &i, 0, 0);
}

int trace_send_continue(int pid)
{
    siginfo_t i;
    memset(&i, 0, sizeof i);
    i.si_signo = SIGCONT;
    i.si_code = SI_QUEUE;
    i.si_pid = getpid();
    i.si_value.sival_ptr = (void *)(uintptr_t)(TOKEN_MAGIC << 48 | (uint64_t)TOKEN_CONTINUE << 32);
    return (int)HC(SYS_rt_sigqueueinfo, pid, SIGCONT, &i, 0, 0, 0);
}

/* The part of the value that says what it is; 0: no token. */
static unsigned token_of(const siginfo_t *i)
{
    uint64_t v = (uintptr_t)i->si_value.sival_ptr;
    return i->si_code == SI_QUEUE && v >> 48 == TOKEN_MAGIC ? (unsigned)(v >> 32) & 0xff : 0;
}

bool trace_is_continue(const siginfo_t *i) { return token_of(i) == TOKEN_CONTINUE; }

bool trace_is_token(const siginfo_t *i)
{
    unsigned what = token_of(i);
    if (what != TRACE_LOOK && what != TRACE_ADOPT && what != TRACE_ATTACH)
        return false;
    thread_self->trace_look = 1;
    for (int k = 0; k < ASKS && what != TRACE_LOOK; k++) {
        struct ask *a = &asks[k];
        uint32_t free = 0;
        if (!__atomic_compare_exchange_n(&a->state, &free, 1, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED))
            continue;
        a->what = what;
        a->from = i->si_pid;
        a->fd = (int)(uint32_t)(uintptr_t)i->si_value.sival_ptr;
        a->pid = getpid();
        a->tid = thread_self->tid;
        __atomic_store_n(&a->state, 2, __ATOMIC_RELEASE);
        break; /* with no room it is sent again */
    }
    return true;
}

bool trace_take(enum trace_token what, int pid, int tid, int *from, int *fd)
{
    for (int k = 0; k < ASKS; k++) {
        struct ask *a = &asks[k];
        if (__atomic_load_n(&a->state, __ATOMIC_ACQUIRE) != 2 || a->what != what || a->pid != pid ||
            (tid && a->tid != tid))
            continue;
        *from = a->from;
        *fd = a->fd;
        __atomic_store_n(&a->state, 0, __ATOMIC_RELEASE);
        return true;
    }
    return false;
}

/* A SIGTRAP that is pending already swallows another one. */
int trace_introduce(struct trace_block *b, int fd, enum trace_token what, int pid, int tid)
{
    for (int ms = 0; ms < PATIENCE_MS && !__atomic_load_n(&b->accepted, __ATOMIC_ACQUIRE);
         ms += RETRY_MS) {
        int r = trace_send(pid, tid, what, fd);
        if (r)
            return r;
        trace_futex_wait(&b->accepted, 0, RETRY_MS);
    }
    int32_t r = (int32_t)__atomic_load_n(&b->accepted, __ATOMIC_ACQUIRE);
    if (!r)
        log_event("ptrace: process %d does not answer", pid);
    return r == 1 ? 0 : r ? r : -EPERM;
}

void trace_accept(struct trace_block *b, int result)
{
    __atomic_store_n(&b->accepted, result ? (uint32_t)result : 1, __ATOMIC_RELEASE);
    trace_futex_wake(&b->accepted);
}

/* ---- waiting, looking ---- */

void trace_futex_wait(uint32_t *word, uint32_t old, int ms)
{
    struct timespec ts = {ms / 1000, ms % 1000 * 1000000L};
    HC(SYS_futex, word, FUTEX_WAIT, old, &ts, 0, 0);
}

void trace_futex_wake(uint32_t *word) { HC(SYS_futex, word, FUTEX_WAKE, INT32_MAX, 0, 0, 0); }

void trace_pause(void)
{
    const struct timespec pause = {0, 300000};
    HC(SYS_nanosleep, &pause, NULL, 0, 0, 0, 0);
}

bool trace_alive(int pid, int tid)
{
    char c = trace_state(pid, tid);
    return c && c != 'Z' && c != 'X';
}

char trace_state(int pid, int tid)
{
    char path[64], stat[512];
    if (HC(SYS_tgkill, pid, tid, 0, 0, 0, 0) == -ESRCH)
        return 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
    const char *p = proc_read(path, stat, sizeof stat) > 0 ? strrchr(stat, ')') : NULL;
    return p ? p[2] : '?';
}

bool trace_same_program(int pid)
{
    char path[64];
    struct stat a, b;
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    return !stat(path, &a) && !stat("/proc/thread-self/exe", &b) && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}
