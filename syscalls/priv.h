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

/* Calls newer than the C library's headers; numbers from 424 on are the same everywhere. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
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
/* The same, interruptible: EINTR and "not made" become SYSRET_RESTART. */
#define HCB(nr, a, b, c_, d, e, f)                                                                 \
    restartable(host_syscall_blocking(nr, (long)(a), (long)(b), (long)(c_), (long)(d), (long)(e),  \
                                      (long)(f)))
int64_t restartable(long r);

static inline int64_t s32(uint32_t v) { return (int32_t)v; }

/* Reads path argument `a` and translates it. 0 or -errno. */
enum { PATH_FOLLOW = 1, PATH_CREATE = 2 };
int get_path(uint32_t a, char out[PATH_MAX], int how);

/* timespec in either width; t64: struct __kernel_timespec, whose tv_nsec has 32 padding bits. */
int get_timespec(uint32_t a, bool t64, struct timespec *ts);
int put_timespec(uint32_t a, bool t64, const struct timespec *ts);

/* Host open flags <-> i386. */
int open_flags_to_host(uint32_t f);
uint32_t open_flags_to_guest(int f);

/* Virtual files of /proc: a descriptor, or -1 if `path` is not one. */
int64_t proc_open(struct thread *t, const char *path, int host_flags);
/* The text of a /proc link that must show the guest; length or -1. */
int proc_readlink(struct thread *t, const char *path, char *buf, size_t size);

/* An array of i386 iovecs converted for the host; at most 1024. Count or -errno. */
struct iovec;
int get_iovec(uint32_t a, uint32_t n, struct iovec *out, bool for_write);

#endif
