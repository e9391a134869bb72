/* What the files of syscalls/ share. */
#ifndef XRUN_SYSCALLS_PRIV_H
#define XRUN_SYSCALLS_PRIV_H

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

#include "abi/layout.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/path.h"
#include "syscalls/syscalls.h"

struct stat;

/* Calls newer than the C library's headers; numbers from 424 on are the same everywhere. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_lsm_get_self_attr 459
#define SYS_lsm_set_self_attr 460
#define SYS_lsm_list_modules 461
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#define SYS_file_setattr 469
#endif

#define SYSCALL(name) int64_t sys_##name(__attribute__((unused)) struct sysctx *c)

/* Every handler named in the table. */
#define SYS(nr, name, args, level, note) int64_t sys_##name(struct sysctx *c);
#define HOST(nr, name, args, hostname)
#define HOSTB(nr, name, args, hostname)
#define NYI(nr, name, args, reason)
#include "syscalls/table.def"
#undef SYS
#undef HOST
#undef HOSTB
#undef NYI

/* host_syscall with up to six arguments of any integer or pointer type. */
#define HC(nr, a, b, c_, d, e, f)                                                                  \
    host_syscall(nr, (long)(a), (long)(b), (long)(c_), (long)(d), (long)(e), (long)(f))
/* The same, interruptible: see restartable(). */
#define HCB(nr, a, b, c_, d, e, f)                                                                 \
    restartable(host_syscall_blocking(nr, (long)(a), (long)(b), (long)(c_), (long)(d), (long)(e),  \
                                      (long)(f)))
/* The result of host_syscall_blocking for the guest: not made, interrupted and to be restarted if
 * SA_RESTART says so, or EINTR if a handler runs. EINTR without a signal of the guest's (stopped and
 * continued) is what the call gives. */
int64_t restartable(long r);

/* Did a signal come before the host made the call, but behind the place where the tracer saw it begin? Then it was
 * interrupted at its start. */
bool restart_has_begun(const struct thread *t, long r);
/* A call interrupted with SYSRET_RESTART_NOHAND, `ret`, goes on later by fn, with what is left of its
 * time (NULL: it has no limit) or until `end`, as ever; other results are handed through. */
int64_t restart_with(struct sysctx *c, int64_t ret, restart_fn fn, int clock,
                     const struct timespec *left);
int64_t restart_until(struct sysctx *c, int64_t ret, restart_fn fn, const struct timespec *end);

/* The time `length` after t, with an end to it; how long it is from now until `end`, 0 if that is past. */
struct timespec time_after(struct timespec t, const struct timespec *length);
struct timespec time_left(struct timespec end, const struct timespec *now);

static inline int64_t s32(uint32_t v) { return (int32_t)v; }

/* A user's or group's number for calls and structures that have 16 bits. */
static inline uint16_t low16(uint32_t id)
{
    if (unlikely(id > 0xffff))
        report_loss("user or group above 65535 shown as 65534");
    return id > 0xffff ? 65534 : (uint16_t)id;
}

/* A host pointer that no system call can use. The host gets it in place of a converted structure
 * whose original the guest cannot read: it then checks the other arguments first and fails with
 * EFAULT where the guest's kernel would. */
#define BAD_PTR ((void *)-4096L)

/* A host pointer that the kernel finds to be bad only when it copies: the guard above the guest's space. */
#define HOLE_PTR ((void *)(UINT64_C(1) << 32))

/* Path argument `a` as a host pointer: translated in `buf`, or the guest's own if it cannot be read
 * or is too long, so that the host finds that out in its own order. */
enum { PATH_FOLLOW = 1, PATH_CREATE = 2 };
const char *host_path(uint32_t a, char buf[PATH_MAX], int how);

/* timespec in either width; t64: struct __kernel_timespec, whose tv_nsec has 32 padding bits.
 * host_timespec: as a pointer for the host, NULL for 0, BAD_PTR if it cannot be read. */
struct timespec *host_timespec(uint32_t a, bool t64, struct timespec *ts);
int get_timespec(uint32_t a, bool t64, struct timespec *ts);
int put_timespec(uint32_t a, bool t64, const struct timespec *ts);

/* struct sigevent as a pointer for the host, NULL for 0, BAD_PTR if it cannot be read. */
struct sigevent;
struct sigevent *host_sigevent(uint32_t a, struct sigevent *ev);

/* Installs the signal mask at `addr` for the duration of a call: t->sigmask is the new one until the
 * dispatcher has looked at signals. The host's view in *host. 0 or -errno. */
int use_sigmask(struct thread *t, uint32_t addr, uint32_t size, uint64_t *host);

/* A structure of `size` bytes that may grow (copy_struct_from_user): `n` bytes are known here.
 * Shorter ones are padded with zeros, longer ones must have zeros behind. 0 or -errno. */
int read_sized(void *dst, size_t n, uint32_t a, uint32_t size);

/* Was `fd` opened without O_LARGEFILE? Such files cannot be written past 2 GiB. */
bool fd_small(uint32_t fd);
/* Does the descriptor stand for this process? */
bool pidfd_is_own(uint32_t fd);
void fd_set_small(uint32_t fd, bool small);

/* records.c: is the descriptor a device whose records differ? If so read(2) and write(2) of it. Descriptors
 * that are closed or become something else are forgotten. */
bool records_fd(uint32_t fd);
void records_opened(uint32_t fd, const struct stat *st); /* it was, and is this */
int64_t records_read(struct sysctx *c);
int64_t records_write(struct sysctx *c);
void records_forget(uint32_t fd);
/* A new descriptor that came in another way than by open: is it the memory of a process? */
void records_look(uint32_t fd);
void records_copy(uint32_t from, uint32_t to);

/* records.c: the memory of a process in /proc ends for the guest where its addresses do. Cuts *len at `pos`; 0 or
 * -EIO; 0 and nothing done if the descriptor is something else. Before, if the call has none (-1),
 * memory_file_position makes *pos the descriptor's own, which other threads may move: the call is to be made with
 * that, and the descriptor moved behind it. */
bool memory_file_position(uint32_t fd, int64_t *pos);
int memory_file_limit(uint32_t fd, int64_t pos, uint64_t *len, bool write);
/* n bytes were written there, also where the guest could not store: code in them is forgotten. */
void memory_file_written(uint32_t fd, int64_t pos, int64_t n);

/* Has the calling thread this capability (linux/capability.h) in its effective set? */
bool has_capability(int cap);

/* Host open flags <-> i386. */
int open_flags_to_host(uint32_t f);
uint32_t open_flags_to_guest(int f);

/* Before descriptor `fd` is read at `pos` (-1: its own position): if it is a file of /proc that xrun
 * shows, its start is made new. proc_read_from asks for less. */
void proc_refill(struct thread *t, int fd, int64_t pos);
enum { PROC_FDS = 1024 };
extern uint32_t proc_fds[PROC_FDS / 32];
static inline void proc_read_from(struct thread *t, uint32_t fd, int64_t pos)
{
    if (fd < PROC_FDS && unlikely(proc_fds[fd / 32] >> fd % 32 & 1))
        proc_refill(t, (int)fd, pos);
}
/* A file of the host's read by lines, without stdio: that has a lock of the whole process, which a process killed in
 * it would leave locked to those that share its memory. */
enum { LINE_LIMIT = 8192 };
struct lines { int fd; size_t at, end; char text[LINE_LIMIT + 1]; };
bool lines_open(struct lines *l, const char *path);
/* The next line without its end, until the next call; a longer one comes in parts. NULL behind the last: then the
 * file is closed, so that all are to be read. */
char *lines_next(struct lines *l);
/* cpuinfo.c: the descriptor of what /proc/cpuinfo is to the program. */
int64_t cpuinfo_open(int host_flags);
/* The name of a file of /proc that is open as `fd`, whichever way it was named; false if it is none. */
enum { PROC_NAME = 64 };
bool proc_name_of(int fd, const struct stat *st, char name[PROC_NAME]);
/* What the guest is to see instead of the file of /proc that is open as `fd`, which is closed then; -1: that
 * file, -errno. */
int64_t proc_reopen(struct thread *t, int fd, const struct stat *st, int host_flags);
/* Is /proc/... of this process? */
bool proc_is_own(const char *path);

/* For each call made with user dispatch on: true if the call is not made because the program gets
 * SIGSYS. */
bool user_dispatch(struct sysctx *c);
/* Is the call made by one of the vDSO's sigreturn stubs? */
bool vdso_sigreturn_call(const struct sysctx *c);
/* --kernel=VERSION (kernel.c): is call `nr` younger? The names of uname(2). A file of /proc that tells
 * the version: its text, its length or -1. */
struct utsname;
bool kernel_lacks(uint32_t nr);
void kernel_name(struct utsname *u);
int kernel_file(const char *path, char *text, size_t size);

/* Is it a call that the kernel's own vDSO would not make? */
bool made_in_vdso(const struct sysctx *c);

/* notify.c, seccomp user notification: a host filter with a listener, its descriptor or -errno; asks the
 * listener about a call: true if that is to be made, else its result is *r; the listener's ioctls. */
int notify_install(uint32_t flags);
bool notify_ask(const struct sysctx *c, bool killable, int64_t *r);
bool notify_ioctl(struct sysctx *c, int64_t *r);

/* seccomp.c: prctl(PR_SET_SECCOMP) and PR_GET_SECCOMP; the filters' verdict about a call: false if it is
 * not to be made, its result is *r. */
int64_t seccomp_prctl(struct sysctx *c);
int seccomp_mode(const struct thread *t);
bool seccomp_allows(struct sysctx *c, int64_t *r);

/* wide.c: options of sockets whose structures hold addresses of 64 bits; false: none of them. */
bool wide_setsockopt(const struct sysctx *c, uint32_t len, int64_t *r);
bool wide_getsockopt(const struct sysctx *c, uint32_t len, int64_t *r);

/* An array of i386 iovecs converted for the host. What the kernel will refuse stays so: BAD_PTR if
 * the array cannot be read, lengths that are negative, counts above IOV_LIMIT (`out` has that many). */
enum { IOV_LIMIT = 1024 };
struct iovec;
struct iovec *host_iovec(uint32_t a, uint32_t n, struct iovec *out, bool for_write);

/* A 64-bit argument from two registers. */
static inline uint64_t pair(uint32_t lo, uint32_t hi) { return (uint64_t)hi << 32 | lo; }

#endif
