/* System calls described by the types of their arguments. Each type has a list of values whose first is
 * a good one; a call is made with every value of every argument, the others being good, and with values
 * picked at random. So each error has its turn alone, and each boundary and flag is met on what is
 * otherwise right: what the other argument sets, which fit no call, seldom get to. */
#include "typed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { PAGE = 4096, END = 0x50002000 };
#define ARENA 0x50000000u /* as probe.c has it: two pages of 0xa5, then a hole */
#define ZERO 0x50010000u
#define RONLY 0x50020000u
#define HOLE 0x50040000u
#define NAMES 0x50050000u /* path names, SLOT bytes each */
#define DATA 0x50060000u  /* structures, SLOT bytes each */
#define TAIL 0x50080000u  /* a page before a hole */
#define M 0xffffffffu
enum { SLOT = 128 };

/* clang-format off: tables */
/* ---- descriptors ---- */

enum {
    RW = 10, RO, WO, APPEND, DIR_FD, PATH_FILE, PATH_DIR, PIPE_R, PIPE_W, EMPTY_R, FULL_W, STREAM,
    STREAM2, DGRAM, DGRAM2, LISTENING, TCP, UDP, EVENT, TIMER, SIGNAL, EPOLL, INOTIFY, MEMFD,
    SEALED, PIDFD, NUL, ZEROS, PTY, BROKEN_W, SMALL, NETLINK, UNIX_LISTENING, HUNG_UP, FDS_END,
    CLOSED = 60
};
#define ALL_FDS \
    RW, RO, WO, APPEND, DIR_FD, PATH_FILE, PATH_DIR, PIPE_R, PIPE_W, EMPTY_R, FULL_W, STREAM, \
    DGRAM, LISTENING, TCP, UDP, EVENT, TIMER, SIGNAL, EPOLL, INOTIFY, MEMFD, SEALED, PIDFD, NUL, \
    ZEROS, PTY, BROKEN_W, SMALL, NETLINK, UNIX_LISTENING, HUNG_UP, CLOSED, M, 0xffffff9c, \
    0x7fffffff, 0x80000000

/* ---- path names ---- */

static const char *const names[] = {
    "file", "dir", "new", "link", "missing/x", "file/x", "dir/", "file/", "", ".", "..", "dangling",
    "loop", "dirlink", "dir/inside", "dir/..", "/", "/proc/self/fd/10", "/dev/null", "fifo",
    "closed/x", "socket", "link/", "new/", "./././file", "locked", "user.test", "user.",
    "system.posix_acl_access", "trusted.x", "security.capability", "tmpfs", "proc",
    "dirlink/inside", "dir/../file", "//", "user.none", "xyzzy.a"
};
enum { NAME_COUNT = sizeof names / sizeof *names };
#define NAME(i) (NAMES + (i)*SLOT)
#define LONG_NAME (NAMES + 0x2000) /* 256 characters */
#define LONG_PATH (NAMES + 0x3000) /* 4096 characters */
#define MAX_NAME (NAMES + 0x5000)  /* 255 characters */
#define UNENDED (TAIL + PAGE - 3)
#define PATHS(first) \
    NAME(first), NAME(0), NAME(1), NAME(2), NAME(3), NAME(4), NAME(5), NAME(6), NAME(7), NAME(8), \
    NAME(9), NAME(10), NAME(11), NAME(12), NAME(13), NAME(14), NAME(15), NAME(16), NAME(17), \
    NAME(18), NAME(19), NAME(20), NAME(21), NAME(22), NAME(23), NAME(24), NAME(25), NAME(33), \
    NAME(34), NAME(35), LONG_NAME, LONG_PATH, MAX_NAME, UNENDED, 0, HOLE, 0xfffff000, M

/* ---- structures: words at DATA, in the order of `structures`; the domain they belong to is
 * written before ---- */

#define SIZES \
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 20, 23, 24, 28, 31, 32, 33, 40, 48, 56, \
    63, 64, 65, 72, 80, 84, 88, 96, 100, 104, 112, 128, 129, 255, 256, 257, 512, 1000, 1024, 1025, \
    4095, 4096, 4097, 8192, 8193, 0x10000, 0x7ffff000, 0x7fffffff, 0x80000000, 0xfffff000, M
#define BITS \
    0, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, \
    0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000, 0x800000, 0x1000000, \
    0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000, 0x80000000, M, 3, 5, 6, 7
#define INTS \
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, \
    26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, \
    49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, \
    72, 73, 74, 75, 76, 77, 78, 79, 80, 100, 255, 256, 1024, 0x7fffffff, 0x80000000, M, 0xfffffffe
#define BAD_POINTERS \
    0, HOLE, END - 1, END - 4, END - 8, END - 12, END - 16, END - 24, END - 64, 0xfffff000, M, \
    0xc0000000

enum domain {
    NONE, FD, SOCK, PIPE, PIPE2, EPFD, INFD, DIRFD, DIRECTORY, TFD, PFD, TTY, STRM,
    LISTENER, DG, OFD, FILE_, FOLDER, FRESH, LINK, XNAME, FSTYPE, OUT, BUF, OUTSZ, CNT, SIZE, FLAGS,
    INT, SMALLINT, SIG, ID, ID16, PID, WHENCE, MODE, OPEN, ATFLAGS, HIGH, LOW, CLOCK, EPOP, FCMD,
    ADVICE, ADDR, LEN, PROT, MAPS, RES, POLICY, PRIO, OPTLEVEL, OPTNAME, MSGFLAGS, AF, STYPE,
    SPROTO, SHUT, FALLOC, SEEK, WAITOPT, IDTYPE, PRNR, WORD, TTYREQ, DEV, FLCK, SPLICE, TIMER_FLAGS,
    WHICH, SHARE, STATX_MASK, ACC, FUTEX_OP, KEYCMD, S_FIRST, TS32 = S_FIRST, TS64, TV, ITV,
    ITS32, ITS64, IOV, SIGSET, SIGACT, STACK, MSG, MMSG, ADDRESS, ADDRLEN, EVENT_, POLLS, FLOCK,
    FLOCK64, RLIM, RLIM64, SCHED, SCHEDATTR, SIGEV, MQATTR, FDSET, SIGARG, OFF64, OFF32, HOW, TV2,
    OPTVAL, CAPHDR, CAPDATA, TIMEX, MASK, SIGINFO, OLDSIGSET, OLDACT, IDS, UTIMBUF, CLONEARGS,
    SELARG, WAITV, FHANDLE, FWORD, RANGE, MOUNTATTR, LLRULES, LLPATH, DOMAINS
};

struct structure {
    uint8_t domain;
    uint32_t w[30];
};
static const struct structure structures[] = {
    {TS32, {0, 0}}, {TS32, {0, 1}}, {TS32, {0, 999999999}}, {TS32, {0, 1000000000}}, {TS32, {0, M}},
    {TS32, {M, 0}}, {TS32, {0x7fffffff, 0}}, {TS32, {0x80000000, 0}}, {TS32, {1, 0x3fffffff}},
    {TS32, {0, 0x3ffffffe}}, {TS32, {1, 1, 1, 0x3fffffff}}, {TS32, {1, 0x3ffffffe, 1, 0x3ffffffe}},
    {TS32, {0, 1000000000, 1, 1}}, {TS64, {0, 0, 0, 0}}, {TS64, {0, 0, 1, 0}},
    {TS64, {0, 0, 999999999, 0}}, {TS64, {0, 0, 1000000000, 0}}, {TS64, {0, 0, 1, 1}},
    {TS64, {0, 0, M, M}}, {TS64, {M, M, 0, 0}}, {TS64, {M, 0x7fffffff, 0, 0}}, {TS64, {0, 1, 0, 0}},
    {TS64, {0, 0x80000000, 0, 0}}, {TS64, {1, 0, 0x3fffffff, 5, 1, 0, 0x3ffffffe, 7}}, {TV, {0, 0}},
    {TV, {0, 1}}, {TV, {0, 999999}}, {TV, {0, 1000000}}, {TV, {0, M}}, {TV, {M, 0}},
    {TV, {0x7fffffff, 0}}, {TV, {0x80000000, 0}}, {TV2, {1, 2, 3, 4}}, {TV2, {1, 1000000, 3, 4}},
    {TV2, {1, 2, 3, M}}, {TV2, {M, 2, 0x7fffffff, 4}}, {TV2, {0x80000000, 0, 0, 0}},
    {ITV, {0, 0, 0, 0}}, {ITV, {0, 0, 1000, 5}}, {ITV, {0, 1000000, 1000, 5}},
    {ITV, {0, 0, 1000, 1000000}}, {ITV, {0, M, 1000, 0}}, {ITV, {M, 0, 1000, 0}},
    {ITV, {0, 0, M, 0}}, {ITV, {0x7fffffff, 999999, 0x7fffffff, 999999}}, {ITS32, {0, 0, 0, 0}},
    {ITS32, {0, 0, 1000, 0}}, {ITS32, {1, 1, 1000, 0}}, {ITS32, {0, 1000000000, 1000, 0}},
    {ITS32, {0, 0, 0, 1000000000}}, {ITS32, {0, 0, M, 0}}, {ITS32, {M, 0, 1, 0}},
    {ITS32, {0, M, 0, 0}}, {ITS32, {0, 0, 0x7fffffff, 0}}, {ITS64, {0, 0, 0, 0, 0, 0, 0, 0}},
    {ITS64, {0, 0, 0, 0, 1000, 0, 0, 0}}, {ITS64, {0, 0, 0, 0, 1000, 0, 0, 1}},
    {ITS64, {0, 0, 1000000000, 0, 1000, 0, 0, 0}}, {ITS64, {0, 0, 0, 0, 0, 1, 0, 0}},
    {ITS64, {M, M, 0, 0, 1, 0, 0, 0}}, {ITS64, {0, 0, 0, 0, M, 0x7fffffff, 0, 0}},
    {ITS64, {1, 0, 5, 9, 1000, 0, 5, 9}}, {IOV, {ARENA, 8, ARENA + 64, 16}},
    {IOV, {ARENA, 0, ARENA + 64, 0}}, {IOV, {0, 0, ARENA, 5}}, {IOV, {HOLE, 4, ARENA, 5}},
    {IOV, {ARENA, 4, HOLE, 5}}, {IOV, {END - 4, 8, ARENA, 5}}, {IOV, {ARENA, M, ARENA, 5}},
    {IOV, {ARENA, 5, ARENA, 0x80000000}}, {IOV, {ARENA, 0x7fffffff, ARENA, 0x7fffffff}},
    {IOV, {RONLY, 8, ARENA, 8}}, {IOV, {0xfffff000, 8, 0xfffff000, 8}},
    {IOV, {ARENA, 8, END - 3, 3}}, {IOV, {END - 2, 2, END, 0}}, {IOV, {ARENA, 8, 0xffffffff, 0}},
    {SIGSET, {0, 0}}, {SIGSET, {0x200, 0}}, {SIGSET, {0x40100, 0}}, {SIGSET, {0, 0x80000000}},
    {SIGSET, {0x80000000, 1}}, {OLDSIGSET, {0}}, {OLDSIGSET, {0x200}}, {OLDSIGSET, {0x40100}},
    {OLDSIGSET, {0x80000000}}, {SIGACT, {1, 0, 0, 0, 0}}, {SIGACT, {0, 0, 0, 0, 0}},
    {SIGACT, {0x8049000, 0x4000004, 0x8049010, 0x40100, 1}}, {SIGACT, {0x8049000, M, 0, M, M}},
    {SIGACT, {0x8049000, 0x800, 0, 0, 0}}, {SIGACT, {0x8049000, 0x400, 0, 0, 0}},
    {OLDACT, {1, 0, 0, 0}}, {OLDACT, {0x8049000, 0x40100, 0x10000000, 0}},
    {OLDACT, {0x8049000, M, M, 0x8049010}}, {STACK, {ARENA, 0, 8192}}, {STACK, {0, 2, 0}},
    {STACK, {ARENA, 0, 2047}}, {STACK, {ARENA, 0, 2048}}, {STACK, {ARENA, 1, 8192}},
    {STACK, {ARENA, 3, 8192}}, {STACK, {ARENA, 0x80000000, 8192}}, {STACK, {ARENA, 4, 8192}},
    {STACK, {HOLE, 0, M}}, {STACK, {ARENA, 0x80000002, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, 0, 0, 0}}, {MSG, {0, 0, DATA + SLOT * 507, 0, 0, 0, 0}},
    {MSG, {0, 0, HOLE, 1, 0, 0, 0}}, {MSG, {0, 0, DATA + SLOT * 507, 1025, 0, 0, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, M, 0, 0, 0}},
    {MSG, {ARENA + 2048, 16, DATA + SLOT * 507, 1, 0, 0, 0}},
    {MSG, {ARENA + 2048, M, DATA + SLOT * 507, 1, 0, 0, 0}},
    {MSG, {ARENA + 2048, 200, DATA + SLOT * 507, 1, 0, 0, 0}},
    {MSG, {HOLE, 16, DATA + SLOT * 507, 1, 0, 0, 0}}, {MSG, {0, 16, DATA + SLOT * 507, 1, 0, 0, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, ARENA + 3072, 64, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, ARENA + 3072, 12, M}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, HOLE, 64, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, ARENA + 3072, M, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, ARENA + 3072, 4, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, DATA + SLOT * 500, 16, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, DATA + SLOT * 501, 16, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, DATA + SLOT * 502, 24, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, DATA + SLOT * 503, 20, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, DATA + SLOT * 504, 12, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, DATA + SLOT * 500, 15, 0}},
    {MSG, {0, 0, DATA + SLOT * 507, 1, DATA + SLOT * 505, 40, 0}},
    {MSG, {ARENA + 2048, 0, DATA + SLOT * 507, 1, 0, 64, 0}},
    {MSG, {DATA + SLOT * 506, 16, DATA + SLOT * 507, 1, 0, 0, 0}},
    {MSG, {DATA + SLOT * 506, 15, DATA + SLOT * 507, 1, 0, 0, 0}},
    {MMSG, {0, 0, DATA + SLOT * 507, 1, 0, 0, 0, 0, 0, 0, DATA + SLOT * 507, 1, 0, 0, 0, 0}},
    {MMSG, {0, 0, HOLE, 1, 0, 0, 0, 0, 0, 0, DATA + SLOT * 507, 1, 0, 0, 0, 0}},
    {MMSG, {0, 0, DATA + SLOT * 507, 1, 0, 0, 0, 0, 0, 0, HOLE, 1, 0, 0, 0, 0}}, {MMSG, {0, 0,
       DATA + SLOT * 507, 1, ARENA + 3072, 8, 0, 9, 0, 0, DATA + SLOT * 507, 5000, 0, 0, 0, 0}},
    {ADDRESS, {0x00000002, 0x0100007f, 0, 0}}, {ADDRESS, {0x00000001, 0}},
    {ADDRESS, {0x6f730001, 0x74656b63, 0}}, {ADDRESS, {0x656e0001, 0x77, 0}},
    {ADDRESS, {0x78000001, 0x797a}}, {ADDRESS, {0x0000000a, 0, 0, 0, 0, 0x01000000, 0}},
    {ADDRESS, {0}}, {ADDRESS, {0xffff}}, {ADDRESS, {0x00000010, 0, 0, 0}},
    {ADDRESS, {0x01000002, 0x0100007f, 0, 0}}, {ADDRESS, {0x50000002, 0x08080808, 0, 0}},
    {ADDRESS, {0x69660001, 0x656c, 0}}, {ADDRLEN, {128}}, {ADDRLEN, {0}}, {ADDRLEN, {2}},
    {ADDRLEN, {15}}, {ADDRLEN, {16}}, {ADDRLEN, {M}}, {ADDRLEN, {0x7fffffff}}, {ADDRLEN, {4}},
    {ADDRLEN, {1}}, {ADDRLEN, {8}}, {ADDRLEN, {3}}, {ADDRLEN, {12}},
    {EVENT_, {1, 0x12345678, 0x9abcdef0}}, {EVENT_, {M, 1, 2}}, {EVENT_, {0x80000001, 1, 2}},
    {EVENT_, {0x40000001, 1, 2}}, {EVENT_, {0x10000001, 1, 2}}, {EVENT_, {0x20000001, 1, 2}},
    {EVENT_, {0x10002000, 1, 2}}, {EVENT_, {0, 1, 2}}, {EVENT_, {0x5000001d, 1, 2}},
    {POLLS, {RW, 0xa5a50005, EVENT, 0xa5a50001, PIPE_R, 0x0000ffff}},
    {POLLS, {M, 0xffff0001, CLOSED, 1, HUNG_UP, 0x2001}},
    {POLLS, {BROKEN_W, 4, STREAM, 0x3ff, LISTENING, 5}},
    {POLLS, {TCP, 0x5, UDP, 0xffff, PATH_FILE, 1}}, {POLLS, {EPOLL, 1, PIDFD, 1, TIMER, 1}},
    {POLLS, {INOTIFY, 1, SIGNAL, 1, PTY, 0xffff}},
    {POLLS, {0x80000000, 1, 0x7fffffff, 1, 0xffffff9c, 1}}, {FLOCK, {0, 0, 0, 0}},
    {FLOCK, {1, 0, 0, 0}}, {FLOCK, {2, 0, 0, 0}}, {FLOCK, {3, 0, 0, 0}},
    {FLOCK, {0x00010000, 5, 10, 0}}, {FLOCK, {0x00020001, M, 10, 0}}, {FLOCK, {1, M, 0, 0}},
    {FLOCK, {1, 10, 0xfffffff0, 0}}, {FLOCK, {1, 10, 0xfffffffb, 0}},
    {FLOCK, {1, 0x7fffffff, 1, 0}}, {FLOCK, {1, 0x7fffffff, 2, 0}}, {FLOCK, {0x00030001, 0, 0, 0}},
    {FLOCK, {M, M, M, M}}, {FLOCK, {1, 0, 0, 1}}, {FLOCK64, {0, 0, 0, 0, 0, 0}},
    {FLOCK64, {1, 0, 0, 0, 0, 0}}, {FLOCK64, {2, 0, 0, 0, 0, 0}}, {FLOCK64, {1, 0, 1, 0, 0, 0}},
    {FLOCK64, {1, M, 0x7fffffff, 1, 0, 0}}, {FLOCK64, {1, M, 0x7fffffff, 2, 0, 0}},
    {FLOCK64, {1, M, M, 0, 0, 0}}, {FLOCK64, {0x00020001, M, M, 5, 0, 0}},
    {FLOCK64, {1, 10, 0, 0xfffffffb, M, 0}}, {FLOCK64, {1, 0, 0, 0, 0x80000000, 0}},
    {FLOCK64, {1, 0, 0, 0, 0, 1}}, {FLOCK64, {0x00010001, 0, 0, 1, 0, M}}, {RLIM, {100, 100}},
    {RLIM, {M, M}}, {RLIM, {0x7fffffff, 0x7fffffff}}, {RLIM, {200, 100}}, {RLIM, {0, M}},
    {RLIM, {0, 0}}, {RLIM, {0x80000000, 0x80000000}}, {RLIM64, {100, 0, 100, 0}},
    {RLIM64, {M, M, M, M}}, {RLIM64, {0, 1, 0, 1}}, {RLIM64, {200, 0, 100, 0}},
    {RLIM64, {M, 0, M, 0}}, {RLIM64, {0, 0, M, M}}, {RLIM64, {0, 0, 0, 1}}, {SCHED, {0}},
    {SCHED, {1}}, {SCHED, {99}}, {SCHED, {100}}, {SCHED, {M}}, {SCHED, {50}},
    {SCHEDATTR, {48, 0, 0, 0, 0, 0}}, {SCHEDATTR, {0, 0, 0, 0, 0, 0}}, {SCHEDATTR, {47}},
    {SCHEDATTR, {56, 0, 0, 0, 0, 0}},
    {SCHEDATTR, {56, 3, 0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 1024}},
    {SCHEDATTR, {48, 3, 0, 0, 19, 0}},
    {SCHEDATTR, {48, 6, 0, 0, 0, 0, 1000000, 0, 2000000, 0, 3000000, 0}}, {SCHEDATTR, {48, 7}},
    {SCHEDATTR, {48, 1, 0, 0, 0, 5}}, {SCHEDATTR, {64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
    {SCHEDATTR, {4097}}, {SCHEDATTR, {48, 0, M, M}}, {SCHEDATTR, {48, 5, 1, 0, 0, 0}},
    {SIGEV, {7, 12, 0}}, {SIGEV, {7, 12, 1}}, {SIGEV, {7, 0, 0}}, {SIGEV, {7, 65, 0}},
    {SIGEV, {7, 64, 0}}, {SIGEV, {7, 12, 2}}, {SIGEV, {7, 12, 3}}, {SIGEV, {7, 12, 4, 0}},
    {SIGEV, {7, 12, 4, M}}, {SIGEV, {7, 12, M}}, {SIGEV, {7, M, 0}}, {SIGEV, {7, 12, 5}},
    {MQATTR, {0, 2, 16, 0}}, {MQATTR, {0x800, 2, 16, 0}}, {MQATTR, {0, 0, 16, 0}},
    {MQATTR, {0, 2, 0, 0}}, {MQATTR, {0, M, 16, 0}}, {MQATTR, {M, 2, 16, 0}},
    {MQATTR, {0, 11, 16, 0}}, {MQATTR, {0, 2, 8193, 0}}, {MQATTR, {0, 0x10000, 0x10000, 0}},
    {FDSET, {1u << RW | 1u << EVENT | 1u << PIPE_R, 0, 0}}, {FDSET, {0, 0, 0}},
    {FDSET, {1u << STREAM | 1u << FULL_W, 1u << (INOTIFY - 32), 0}},
    {FDSET, {1u << RW, 1u << (BROKEN_W - 32) | 1u << (HUNG_UP - 32), 0}},
    {FDSET, {0, 1u << (CLOSED - 32), 0}}, {FDSET, {0, 0, M}}, {SIGARG, {DATA, 8}}, {SIGARG, {0, 0}},
    {SIGARG, {0, 8}}, {SIGARG, {DATA, 4}}, {SIGARG, {HOLE, 8}}, {SIGARG, {DATA, 0}},
    {SIGARG, {HOLE, 9}}, {OFF64, {0, 0}}, {OFF64, {5, 0}}, {OFF64, {M, M}}, {OFF64, {0, 1}},
    {OFF64, {M, 0x7fffffff}}, {OFF64, {0x7fffffff, 0}}, {OFF64, {0xfffffff0, 0x7fffffff}},
    {OFF64, {100, 0}}, {OFF64, {1000, 0}}, {OFF32, {0}}, {OFF32, {5}}, {OFF32, {M}},
    {OFF32, {0x7fffffff}}, {OFF32, {0x80000000}}, {OFF32, {0x7ffffffe}}, {OFF32, {100}},
    {HOW, {0, 0, 0, 0, 0, 0}}, {HOW, {0x42, 0, 0600, 0, 0, 0}}, {HOW, {2, 0, 0600, 0, 0, 0}},
    {HOW, {0, 1, 0, 0, 0, 0}}, {HOW, {0, 0, 0, 0, 4, 0}}, {HOW, {0, 0, 0, 0, 0x20, 0}},
    {HOW, {0, 0, 0, 0, 1, 0}}, {HOW, {0, 0, 0, 0, 8, 0}}, {HOW, {0, 0, 0, 0, 16, 0}},
    {HOW, {0, 0, 0, 0, 0x18, 0}}, {HOW, {0, 0, 0, 0, 0x40, 0}}, {HOW, {0, 0, 0, 0, 0, 1}},
    {HOW, {0x42, 0, 0x10000, 0, 0, 0}}, {HOW, {0x42, 0, 0600, 1, 0, 0}},
    {HOW, {0x200000, 0, 0, 0, 0, 0}}, {HOW, {0x10000, 0, 0, 0, 0, 0}},
    {HOW, {0x20000, 0, 0, 0, 0, 0}}, {HOW, {0x4000, 0, 0, 0, 0, 0}}, {HOW, {0x8000, 0, 0, 0, 0, 0}},
    {HOW, {0x410000, 0, 0600, 0, 0, 0}}, {HOW, {0x410002, 0, 0600, 0, 0, 0}},
    {HOW, {0x20000000, 0, 0, 0, 0, 0}}, {HOW, {0x210002, 0, 0, 0, 0, 0}}, {HOW, {3, 0, 0, 0, 0, 0}},
    {HOW, {0, 0, 0, 0, 2, 0}}, {OPTVAL, {1, 0, 0, 0}}, {OPTVAL, {0, 0, 0, 0}},
    {OPTVAL, {M, M, M, M}}, {OPTVAL, {5, 1000, 0, 0}}, {OPTVAL, {5, 1000000, 0, 0}},
    {OPTVAL, {0x00006f6c, 0, 0, 0}}, {OPTVAL, {0x7fffffff, 0x7fffffff, 1, 2}},
    {OPTVAL, {1, ARENA, 3, 4}}, {OPTVAL, {0x010000e0, 0x0100007f, 1, 0}},
    {OPTVAL, {1, 2, 0x010000e0, 0, 0, 0}}, {CAPHDR, {0x20080522, 0}}, {CAPHDR, {0x19980330, 0}},
    {CAPHDR, {0x20071026, 0}}, {CAPHDR, {0, 0}}, {CAPHDR, {0x20080522, M}},
    {CAPHDR, {0x20080522, 0x7fffffff}}, {CAPHDR, {0x20080522, 1}}, {CAPDATA, {0, 0, 0, 0, 0, 0}},
    {CAPDATA, {1, 0, 0, 0, 0, 0}}, {CAPDATA, {0, 1, 0, 0, 0, 0}}, {CAPDATA, {0, 0, 1, 0, 0, 0}},
    {TIMEX, {0}}, {TIMEX, {1}}, {TIMEX, {0x8000}}, {TIMEX, {0xa001}}, {TIMEX, {M}},
    {MASK, {1, 0, 0, 0}}, {MASK, {0, 0, 0, 0}}, {MASK, {M, M, M, M}}, {MASK, {0, 1, 0, 0}},
    {MASK, {2, 0, 0, 0}}, {SIGINFO, {0, 0, M, 5, 6, 7}}, {SIGINFO, {10, 0, 0xfffffffa, 5, 6, 7}},
    {SIGINFO, {10, 0, 0, 5, 6, 7}}, {SIGINFO, {10, 0, 1, 5, 6, 7}}, {IDS, {0, 65534, M, 5}},
    {IDS, {65534, 65534}}, {UTIMBUF, {1, 2}}, {UTIMBUF, {M, 0x7fffffff}},
    {UTIMBUF, {0x80000000, 0}}, {CLONEARGS, {0, 0, 0, 0, 0, 0, 0, 0, 65}}, {CLONEARGS, {0, 1}},
    {CLONEARGS, {0x800}}, {CLONEARGS, {0x10000}},
    {CLONEARGS, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8192}},
    {CLONEARGS, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ARENA, 0, 0, 0}}, {CLONEARGS, {0x20000000 | 0x200}},
    {CLONEARGS, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4096, 0}}, {CLONEARGS, {0x01000000}},
    {CLONEARGS, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ARENA, 0, 33, 0}},
    {CLONEARGS, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ARENA, 0, 0, 0}},
    {CLONEARGS, {0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, M, M}},
    {CLONEARGS, {0x1800, 0, ARENA, 1}}, {CLONEARGS, {0x80000000}}, {CLONEARGS, {0x40000200}},
    {CLONEARGS, {0x9000, 0, HOLE, 0}}, 
    {SELARG, {64, DATA, DATA, DATA, DATA}}, {SELARG, {0, 0, 0, 0, DATA}},
    {SELARG, {M, 0, 0, 0, DATA}}, {SELARG, {1, HOLE, 0, 0, DATA}}, {WAITV, {1, 0, ZERO, 0, 2, 0}},
    {WAITV, {0, 0, ZERO, 0, 3, 0}}, {WAITV, {0, 0, HOLE, 0, 2, 0}}, {WAITV, {0, 0, ZERO, 1, 2, 0}},
    {WAITV, {0, 0, ZERO, 0, 2, 1}}, {WAITV, {0, 1, ZERO, 0, 2, 0}},
    {WAITV, {0, 0, ZERO + 1, 0, 2, 0}}, {WAITV, {1, 0, ZERO, 0, 0x82, 0}}, {FHANDLE, {128, 0}},
    {FHANDLE, {0, 0}}, {FHANDLE, {129, 0}}, {FHANDLE, {4, 0}}, {FHANDLE, {M, 0}}, {FHANDLE, {8, 1}},
    {FHANDLE, {8, 0x81}}, {FWORD, {0}}, {FWORD, {1}}, {FWORD, {M}}, {FWORD, {0x40000000}},
    {RANGE, {0, 0, 0, 0}}, {RANGE, {1, 0, M, M}}, {RANGE, {M, M, 2, 0}},
    {MOUNTATTR, {0, 0, 0, 0, 0, 0, 0, 0}}, {MOUNTATTR, {1}}, {MOUNTATTR, {0, 0, 1}},
    {MOUNTATTR, {0, 0, 0, 0, 0x100000}}, {MOUNTATTR, {0, 0, 0, 0, 3}}, {MOUNTATTR, {0, 0x80000000}},
    {MOUNTATTR, {0x10}}, {MOUNTATTR, {0x10, 0, 0x70}}, {MOUNTATTR, {0x100000, 0, 0, 0, 0, 0, M, 0}},
    {LLRULES, {1, 0, 0, 0}}, {LLRULES, {0, 0, 0, 0}}, {LLRULES, {M, M, 0, 0}},
    {LLRULES, {0xffff, 0, 3, 0}}, {LLRULES, {0xffff, 0, 0, 0, 3, 0}}, {LLRULES, {1, 0, 4, 0}},
    {LLPATH, {1, 0, DIR_FD}}, {LLPATH, {0, 0, DIR_FD}}, {LLPATH, {1, 0, M}},
    {LLPATH, {2, 0, DIR_FD}}, {LLPATH, {1, 0, RW}}, {LLPATH, {1, 0, CLOSED}},
    {LLPATH, {M, M, DIR_FD}}
};
enum { STRUCTURES = sizeof structures / sizeof *structures };
static const struct {
    uint16_t slot;
    uint32_t w[16];
} placed[] = {
    {500, {16, 1, 1, RW}}, {501, {16, 1, 1, CLOSED}}, {502, {12, 1, 1, 16, 1, 1}},
    {503, {20, 1, 1, RW, RO}}, {504, {12, 1, 2}}, {505, {16, 1, 1, RW, 24, 1, 2, 0, 0, 0}},
    {506, {0x00000002, 0x0100007f, 0, 0}}, {507, {ARENA + 1024, 20}}
};

/* ---- lists ---- */

#define LIST(d, ...)                                                                               \
    [d] = {(const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4}
static const struct {
    const uint32_t *v;
    unsigned n;
} lists[DOMAINS] = {
    LIST(FD, RW, ALL_FDS), LIST(SOCK, STREAM, ALL_FDS), LIST(PIPE, PIPE_R, ALL_FDS),
    LIST(PIPE2, FULL_W, ALL_FDS), LIST(EPFD, EPOLL, ALL_FDS), LIST(INFD, INOTIFY, ALL_FDS),
    LIST(DIRFD, 0xffffff9c, ALL_FDS), LIST(DIRECTORY, DIR_FD, ALL_FDS),
    LIST(TFD, TIMER, ALL_FDS), 
    LIST(PFD, PIDFD, ALL_FDS), LIST(TTY, PTY, ALL_FDS), LIST(STRM, STREAM2, ALL_FDS),
    LIST(LISTENER, UNIX_LISTENING, ALL_FDS), LIST(DG, UDP, ALL_FDS), LIST(OFD, WO, ALL_FDS),
    LIST(FILE_, PATHS(0)), LIST(FOLDER, PATHS(1)), LIST(FRESH, PATHS(2)), LIST(LINK, PATHS(3)),
        LIST(XNAME, NAME(26), NAME(27), NAME(28), NAME(29), NAME(30), NAME(36), NAME(37), NAME(8),
       LONG_NAME, MAX_NAME, LONG_PATH, UNENDED, 0, HOLE, M),
    LIST(FSTYPE, NAME(31), NAME(32), NAME(0), NAME(8), LONG_PATH, 0, HOLE),
    LIST(OUT, ARENA, RONLY, ARENA + 1, BAD_POINTERS),
    LIST(BUF, ARENA, RONLY, ARENA + 1, ZERO, BAD_POINTERS), LIST(OUTSZ, 100, SIZES),
    LIST(CNT, 2, 0, 1, 2, 3, 4, 5, 8, 16, 1023, 1024, 1025, 0x7fffffff, 0x80000000, M),
    LIST(SIZE, 16, SIZES), LIST(FLAGS, BITS), LIST(INT, INTS),
    LIST(SMALLINT, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 64, 0x7fffffff, 0x80000000, M), LIST(SIG,
       0, 1, 2, 8, 9, 10, 13, 14, 15, 17, 18, 19, 31, 32, 33, 34, 63, 64, 65, 66, 128, 0x7fffffff,
       0x80000000, M), LIST(ID, M, 0, 1, 65533, 65534, 65535, 65536, 0x7fffffff, 0x80000000),
    LIST(ID16, 0xffff, M, 0, 65533, 65534, 0x1fffe, 0x10000),
    LIST(PID, 0, 1, M, 0x7fffffff, 0x80000000, 0x3fffff), LIST(WHENCE, 0, 1, 2, 3, 4, 5, 6, M),
        LIST(MODE, 0644, 0, 0777, 07777, 0170000, 0100644, 010600, 020600, 040700, 060600,
       0140600, 0120600, 0x7fffffff, M), LIST(OPEN, BITS, 0x41, 0x42, 0xc2, 0x242, 0x402, 0x10002,
       0x410002, 0x4010002, 0x200001, 0x210000, 0x20001, 0x8002, 0x101002),
    LIST(ATFLAGS, BITS, 0x300, 0x500, 0x1100, 0x6000), LIST(HIGH, 0, 1, 0x7fffffff, 0x80000000, M),
    LIST(LOW, 0, 1, 5, 50, 99, 100, 101, 4096, 0x7fffffff, 0x80000000, M), LIST(CLOCK, 0, 1, 2, 3,
       4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17, 32, M, 0xfffffffe, 0xfffffffd, 0xfffffffc,
       0xfffffffb, 0xfffffffa, 0xfffffff9, 0x80000000, 0x7fffffff, 0xfffffe83, 0xfffffedb),
    LIST(EPOP, 1, 2, 3, 0, 4, M), LIST(FCMD, 1, INTS, 1024, 1025, 1026, 1027, 1028, 1029, 1030,
       1031, 1032, 1033, 1034, 1035, 1036, 1037, 1038, 1039, 1040, 1041),
    LIST(ADVICE, INTS, 101, 102, 103), LIST(ADDR, ARENA, ZERO, RONLY, HOLE, 0, ARENA + 1,
       ARENA + PAGE, END, 0x1000, 0x8000, 0x10000, 0xbffff000, 0xc0000000, 0xffffe000, 0xfffff000,
       0x70000000), LIST(LEN, PAGE, 0, 1, 4095, 4097, 2 * PAGE, 3 * PAGE, 0x100000, 0x40000000,
       0x7fffffff, 0xffffe000, 0xfffff000, 0xfffff001, M), LIST(PROT, 3, 0, 1, 2, 4, 5, 6, 7, 8,
       0x10, 0x20, 0x100, 0x01000000, 0x01000001, 0x02000003, 0x03000003, 0x80000000, M),
        LIST(MAPS, 0x22, 0x21, 2, 1, 3, 0x12, 0x32, 0x100022, 0x122, 0x2022, 0x4022, 0x8022,
       0x10022, 0x20022, 0x40022, 0x80003, 0x80023, 0x800022, 0x820, 0, 0x20, 0x23, 4, 0x42,
       0x1000022, 0x80000022, M),
    LIST(RES, 7, 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, M, 0x80000000),
    LIST(POLICY, 0, 1, 2, 3, 4, 5, 6, 7, 8, M, 0x40000000, 0x40000001, 0x40000003, 0x80000000),
    LIST(PRIO, 5, 0, 19, 20, 21, 40, M, 0x7fffffff, 0x80000000),
    LIST(OPTLEVEL, 1, 0, 2, 6, 17, 41, 58, 136, 255, 263, 269, 270, 271, 276, 281, 283, 284, M),
    LIST(OPTNAME, INTS), LIST(MSGFLAGS, 0x40, BITS), LIST(AF, 1, 0, 2, 3, 4, 5, 7, 9, 10, 15, 16,
       17, 20, 21, 28, 29, 30, 31, 33, 35, 38, 39, 40, 41, 42, 44, 45, 46, 47, 0x7fffffff, M),
    LIST(STYPE, 1, BITS, 0x801, 0x80001, 0x80802, 10, 9, 11),
    LIST(SPROTO, 0, 1, 2, 6, 12, 15, 16, 17, 41, 58, 132, 136, 255, 256, 262, M),
    LIST(SHUT, 0, 1, 2, 3, M),
    LIST(FALLOC, 0, 1, 2, 3, 4, 8, 0x10, 0x11, 0x20, 0x40, 0x80, 9, 0x21, 0x41, M),
    LIST(SEEK, 0, 1, 5, 99, 100, 101, 4096, 0x7ffffffe, 0x7fffffff, 0x80000000, 0xffffff9c, M),
        LIST(WAITOPT, 1, 5, 3, 0x1000001, 0x20000001, 0x40000001, 0x80000001, 0xe0000001, 0x11,
       0x10001, 9, 0x0d, M), LIST(IDTYPE, 0, 1, 2, 3, 4, M), LIST(PRNR, INTS),
    LIST(WORD, 0, 1, 2, 3, 4, 8, 64, ARENA, HOLE, M, 0x80000000, 0x7fffffff), LIST(TTYREQ, 0x5401,
       0x5413, 0x541b, 0x540f, 0x5421, 0x5450, 0x5451, 0x5452, 0x541a, 0x80045430, 0x5441, 0x8905,
       0x8906, 0x8907, 0x890b, 0x8912, 0x8913, 0x8933, 0x80086601, 0x80046601, 0x40046602,
       0xc020660b, 0x40049409, 0x1, 0x2, 0x1268, 0x80041272, 0x5411, 0x5428, 0x40045431,
       0x80045438, 0x80045439, 0x5460, 0x40089409, 0x12345678, 0, M, 0xc0189436, 0x801c581f,
       0x8902, 0x8904, 0x8901, 0x8903), LIST(DEV, 0, 0x103, 0x800, 0x501, M, 0x7fffffff),
    LIST(FLCK, 5, 6, 8, 9, 1, 2, 4, 7, 0, 3, 0x20, 0x21, 0xa0, 0xc0, 0xe0, M),
    LIST(SPLICE, 2, BITS), LIST(TIMER_FLAGS, BITS), LIST(WHICH, 0, 1, 2, 3, M), LIST(SHARE, 0,
       0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000, 0x4000, 0x8000, 0x10000, 0x40000,
       0x80000, 0x100000, 0x200000, 0x400000, 0x800000, 0x80000000, M),
    LIST(STATX_MASK, 0x7ff, BITS, 0xfff, 0x17fff), LIST(ACC, 4, 0, 1, 2, 3, 5, 6, 7, 8, 0x10, M),
    LIST(FUTEX_OP, 1, 0x80, INTS, 0x81, 0x83, 0x84, 0x85, 0x89, 0x8a,
       0x100, 0x101, 0x189, 0x18b, 0x8d), LIST(KEYCMD, INTS)
};

static unsigned list_count(enum domain d)
{
    unsigned n = 0;
    if (d < S_FIRST)
        return lists[d].n;
    for (unsigned i = 0; i < STRUCTURES; i++)
        n += structures[i].domain == d;
    return n + 15;
}

static uint32_t list_value(enum domain d, unsigned i)
{
    static const uint32_t bad[] = {ARENA, TAIL + PAGE - 4, RONLY, BAD_POINTERS};
    if (d < S_FIRST)
        return lists[d].v[i];
    for (unsigned k = 0; k < STRUCTURES; k++)
        if (structures[k].domain == d && i-- == 0)
            return DATA + k * SLOT;
    return bad[i];
}

/* ---- calls ---- */

enum { VARIES = 1, ALONE = 2 };
#define ROW(name, flags, ...)                                                                      \
    {                                                                                              \
        SYS_##name, flags, { __VA_ARGS__ }                                                         \
    }
static const struct {
    uint16_t nr;
    uint8_t flags;
    uint8_t d[6];
} calls[] = {
    ROW(read, 0, FD, OUT, OUTSZ), ROW(write, 0, FD, BUF, SIZE), ROW(open, 0, FILE_, OPEN, MODE),
    ROW(close, 0, FD), ROW(creat, 0, FRESH, MODE), ROW(link, 0, FILE_, FRESH),
    ROW(unlink, 0, FILE_), ROW(chdir, 0, FOLDER), ROW(mknod, 0, FRESH, MODE, DEV),
    ROW(chmod, 0, FILE_, MODE), ROW(lchown, 0, FILE_, ID16, ID16), ROW(oldstat, VARIES, FILE_, OUT),
    ROW(lseek, 0, FD, SEEK, WHENCE), ROW(access, 0, FILE_, ACC), ROW(rename, 0, FILE_, FRESH),
    ROW(mkdir, 0, FRESH, MODE), ROW(rmdir, 0, FOLDER), ROW(dup, 0, FD), ROW(pipe, 0, OUT),
    ROW(times, VARIES, OUT), ROW(umount2, 0, FOLDER, FLAGS), ROW(acct, 0, FILE_),
    ROW(ioctl, VARIES, TTY, TTYREQ, OUT), ROW(fcntl, VARIES, FD, FCMD, WORD), ROW(umask, ALONE, MODE),
    ROW(chroot, ALONE, FOLDER), ROW(ustat, VARIES, DEV, OUT), ROW(dup2, 0, FD, FD),
    ROW(sigaction, ALONE, SIG, OLDACT, OUT), ROW(ssetmask, ALONE, FLAGS),
    ROW(setrlimit, ALONE, RES, RLIM), ROW(getrlimit, 0, RES, OUT),
    ROW(getrusage, VARIES, WHENCE, OUT), ROW(gettimeofday, VARIES, OUT, OUT),
    ROW(settimeofday, 0, TV, OUT), ROW(getgroups, 0, SMALLINT, OUT),
    ROW(setgroups, 0, SMALLINT, IDS), ROW(symlink, 0, FILE_, FRESH),
    ROW(oldlstat, VARIES, LINK, OUT), ROW(readlink, VARIES, LINK, OUT, OUTSZ),
    ROW(swapon, 0, FILE_, FLAGS), ROW(readdir, VARIES, DIRECTORY, OUT, INT),
    ROW(mmap, VARIES | ALONE, OUT), ROW(munmap, ALONE, ADDR, LEN), ROW(truncate, 0, FILE_, SEEK),
    ROW(ftruncate, 0, FD, SEEK), ROW(fchmod, 0, FD, MODE), ROW(fchown, 0, FD, ID16, ID16),
    ROW(getpriority, 0, WHICH, PID), ROW(setpriority, ALONE, WHICH, PID, PRIO),
    ROW(statfs, VARIES, FILE_, OUT), ROW(fstatfs, VARIES, FD, OUT),
    ROW(syslog, VARIES, INT, OUT, OUTSZ), ROW(setitimer, ALONE | VARIES, WHICH, ITV, OUT),
    ROW(getitimer, VARIES, WHICH, OUT), ROW(stat, VARIES, FILE_, OUT),
    ROW(lstat, VARIES, LINK, OUT), ROW(fstat, VARIES, FD, OUT),
    ROW(wait4, 0, PID, OUT, WAITOPT, OUT), ROW(waitpid, 0, PID, OUT, WAITOPT),
    ROW(swapoff, 0, FILE_), ROW(sysinfo, VARIES, OUT), ROW(fsync, 0, FD),
    ROW(setdomainname, 0, BUF, SIZE), ROW(sethostname, 0, BUF, SIZE), ROW(uname, VARIES, OUT),
    ROW(adjtimex, VARIES, TIMEX), ROW(mprotect, ALONE, ADDR, LEN, PROT),
    ROW(sigprocmask, ALONE, WHENCE, OLDSIGSET, OUT), ROW(init_module, 0, BUF, SIZE, FILE_),
    ROW(delete_module, 0, FILE_, FLAGS), ROW(quotactl, 0, FLAGS, FILE_, ID, OUT),
    ROW(getpgid, VARIES, PID), ROW(fchdir, 0, DIRECTORY), ROW(sysfs, 0, SMALLINT, FSTYPE, OUT),
    ROW(personality, ALONE, SHARE), ROW(setfsuid, ALONE, ID16),
    ROW(_llseek, 0, FD, HIGH, LOW, OUT, WHENCE), ROW(getdents, VARIES, DIRECTORY, OUT, OUTSZ),
    ROW(_newselect, VARIES, SMALLINT, FDSET, FDSET, FDSET, TV), ROW(select, VARIES, SELARG),
    ROW(flock, 0, FD, FLCK), ROW(msync, 0, ADDR, LEN, FLAGS), ROW(readv, 0, FD, IOV, CNT),
    ROW(writev, 0, FD, IOV, CNT), ROW(getsid, VARIES, PID), ROW(fdatasync, 0, FD),
    ROW(mlock, ALONE, ADDR, LEN), ROW(munlock, ALONE, ADDR, LEN), ROW(mlockall, ALONE, FLAGS),
    ROW(sched_setparam, ALONE, PID, SCHED), ROW(sched_getparam, 0, PID, OUT),
    ROW(sched_setscheduler, ALONE, PID, POLICY, SCHED), ROW(sched_getscheduler, 0, PID),
    ROW(sched_get_priority_max, 0, POLICY), ROW(sched_get_priority_min, 0, POLICY),
    ROW(sched_rr_get_interval, VARIES, PID, OUT), ROW(nanosleep, 0, TS32, OUT),
    ROW(mremap, VARIES | ALONE, ADDR, LEN, LEN, SMALLINT, ADDR),
    ROW(setresuid, ALONE, ID16, ID16, ID16), ROW(getresuid, 0, OUT, OUT, OUT),
    ROW(poll, 0, POLLS, CNT, SMALLINT), ROW(setresgid, ALONE, ID16, ID16, ID16),
    ROW(prctl, ALONE | VARIES, PRNR, WORD, WORD, WORD, WORD),
    ROW(rt_sigaction, ALONE, SIG, SIGACT, OUT, SMALLINT),
    ROW(rt_sigprocmask, ALONE, WHENCE, SIGSET, OUT, SMALLINT), ROW(rt_sigpending, 0, OUT, SMALLINT),
    ROW(rt_sigtimedwait, VARIES, SIGSET, OUT, TS32, SMALLINT),
    ROW(pread64, 0, FD, OUT, OUTSZ, LOW, HIGH), ROW(pwrite64, 0, FD, BUF, SIZE, LOW, HIGH),
    ROW(chown, 0, FILE_, ID16, ID16), ROW(getcwd, VARIES, OUT, OUTSZ), ROW(capget, 0, CAPHDR, OUT),
    ROW(capset, ALONE, CAPHDR, CAPDATA), ROW(sigaltstack, ALONE, STACK, OUT),
    ROW(sendfile, 0, STRM, FD, OFF32, OUTSZ), ROW(ugetrlimit, 0, RES, OUT),
    ROW(mmap2, VARIES | ALONE, ADDR, LEN, PROT, MAPS, FD, SMALLINT),
    ROW(truncate64, 0, FILE_, LOW, HIGH), ROW(ftruncate64, 0, FD, LOW, HIGH),
    ROW(stat64, VARIES, FILE_, OUT), ROW(lstat64, VARIES, LINK, OUT), ROW(fstat64, VARIES, FD, OUT),
    ROW(lchown32, 0, LINK, ID, ID), ROW(setreuid32, ALONE, ID, ID),
    ROW(getgroups32, 0, SMALLINT, OUT), ROW(fchown32, 0, FD, ID, ID),
    ROW(setresuid32, ALONE, ID, ID, ID), ROW(chown32, 0, FILE_, ID, ID), ROW(setuid32, ALONE, ID),
    ROW(setgid32, ALONE, ID), ROW(setfsuid32, ALONE, ID), ROW(pivot_root, 0, FOLDER, FOLDER),
    ROW(mincore, VARIES, ADDR, LEN, OUT), ROW(madvise, ALONE, ADDR, LEN, ADVICE),
    ROW(getdents64, VARIES, DIRECTORY, OUT, OUTSZ), ROW(fcntl64, VARIES, FD, FCMD, FLOCK64),
    ROW(readahead, 0, FD, LOW, HIGH, SIZE), ROW(setxattr, 0, FILE_, XNAME, BUF, SIZE, SMALLINT),
    ROW(lsetxattr, 0, FILE_, XNAME, BUF, SIZE, SMALLINT),
    ROW(fsetxattr, 0, FD, XNAME, BUF, SIZE, SMALLINT), ROW(getxattr, 0, FILE_, XNAME, OUT, OUTSZ),
    ROW(lgetxattr, 0, FILE_, XNAME, OUT, OUTSZ), ROW(fgetxattr, 0, FD, XNAME, OUT, OUTSZ),
    ROW(listxattr, 0, FILE_, OUT, OUTSZ), ROW(llistxattr, 0, FILE_, OUT, OUTSZ),
    ROW(flistxattr, 0, FD, OUT, OUTSZ), ROW(removexattr, 0, FILE_, XNAME),
    ROW(lremovexattr, 0, FILE_, XNAME), ROW(fremovexattr, 0, FD, XNAME),
    ROW(sendfile64, 0, STRM, FD, OFF64, OUTSZ),
    ROW(futex, ALONE | VARIES, FWORD, FUTEX_OP, SMALLINT, TS32, FWORD, SMALLINT),
    ROW(sched_setaffinity, ALONE, PID, SIZE, MASK), ROW(sched_getaffinity, VARIES, PID, OUTSZ, OUT),
    ROW(set_thread_area, ALONE | VARIES, OUT), ROW(get_thread_area, 0, OUT),
    ROW(io_setup, ALONE | VARIES, SMALLINT, FWORD), ROW(io_destroy, ALONE, WORD),
    ROW(io_getevents, ALONE, WORD, SMALLINT, SMALLINT, OUT, TS32),
    ROW(io_submit, ALONE, WORD, SMALLINT, OUT), ROW(io_cancel, ALONE, WORD, OUT, OUT),
    ROW(fadvise64, 0, FD, LOW, HIGH, SIZE, SMALLINT), ROW(epoll_create, 0, SMALLINT),
    ROW(epoll_ctl, 0, EPFD, EPOP, FD, EVENT_), ROW(epoll_wait, 0, EPFD, OUT, CNT, SMALLINT),
    ROW(remap_file_pages, ALONE, ADDR, LEN, PROT, SMALLINT, FLAGS),
    ROW(set_tid_address, ALONE | VARIES, OUT), ROW(timer_create, ALONE, CLOCK, SIGEV, OUT),
    ROW(timer_settime, ALONE, SMALLINT, TIMER_FLAGS, ITS32, OUT),
    ROW(timer_gettime, 0, SMALLINT, OUT), ROW(timer_getoverrun, 0, SMALLINT),
    ROW(timer_delete, 0, SMALLINT), ROW(clock_settime, 0, CLOCK, TS32),
    ROW(clock_gettime, VARIES, CLOCK, OUT), ROW(clock_getres, 0, CLOCK, OUT),
    ROW(clock_nanosleep, 0, CLOCK, TIMER_FLAGS, TS32, OUT),
    ROW(statfs64, VARIES, FILE_, OUTSZ, OUT), ROW(fstatfs64, VARIES, FD, OUTSZ, OUT),
    ROW(utimes, 0, FILE_, TV2), ROW(utime, 0, FILE_, UTIMBUF),
    ROW(fadvise64_64, 0, FD, LOW, HIGH, LOW, HIGH, SMALLINT),
    ROW(mbind, ALONE, ADDR, LEN, POLICY, MASK, SIZE, SMALLINT),
    ROW(get_mempolicy, VARIES, OUT, OUT, SIZE, ADDR, SMALLINT),
    ROW(set_mempolicy, ALONE, POLICY, MASK, SIZE), ROW(mq_open, 0, FILE_, OPEN, MODE, MQATTR),
    ROW(mq_unlink, 0, FILE_), ROW(mq_timedsend, 0, FD, BUF, SIZE, SMALLINT, TS32),
    ROW(mq_timedreceive, 0, FD, BUF, SIZE, OUT, TS32), ROW(mq_notify, 0, FD, SIGEV),
    ROW(mq_getsetattr, 0, FD, MQATTR, OUT), ROW(waitid, 0, IDTYPE, PID, OUT, WAITOPT, OUT),
    ROW(add_key, VARIES, FSTYPE, FILE_, BUF, SIZE, SMALLINT),
    ROW(request_key, VARIES, FSTYPE, FILE_, FILE_, SMALLINT),
    ROW(keyctl, VARIES | ALONE, KEYCMD, WORD, WORD, WORD, WORD),
    ROW(ioprio_set, ALONE, WHICH, PID, FLAGS), ROW(ioprio_get, 0, WHICH, PID),
    ROW(inotify_add_watch, 0, INFD, FILE_, FLAGS), ROW(inotify_rm_watch, 0, INFD, SMALLINT),
    ROW(migrate_pages, 0, PID, SIZE, MASK, MASK), ROW(openat, 0, DIRFD, FILE_, OPEN, MODE),
    ROW(mkdirat, 0, DIRFD, FRESH, MODE), ROW(mknodat, 0, DIRFD, FRESH, MODE, DEV),
    ROW(fchownat, 0, DIRFD, FILE_, ID, ID, ATFLAGS), ROW(futimesat, 0, DIRFD, FILE_, TV2),
    ROW(fstatat64, VARIES, DIRFD, FILE_, OUT, ATFLAGS), ROW(unlinkat, 0, DIRFD, FILE_, ATFLAGS),
    ROW(renameat, 0, DIRFD, FILE_, DIRFD, FRESH),
    ROW(linkat, 0, DIRFD, FILE_, DIRFD, FRESH, ATFLAGS), ROW(symlinkat, 0, FILE_, DIRFD, FRESH),
    ROW(readlinkat, VARIES, DIRFD, LINK, OUT, OUTSZ), ROW(fchmodat, 0, DIRFD, FILE_, MODE),
    ROW(faccessat, 0, DIRFD, FILE_, ACC),
    ROW(pselect6, VARIES, SMALLINT, FDSET, FDSET, FDSET, TS32, SIGARG),
    ROW(ppoll, VARIES, POLLS, CNT, TS32, SIGSET, SMALLINT), ROW(unshare, ALONE, FLAGS),
    ROW(set_robust_list, ALONE, ADDR, SIZE), ROW(get_robust_list, VARIES, PID, OUT, OUT),
    ROW(splice, 0, PIPE, OFF64, OFD, OFF64, SIZE, SPLICE),
    ROW(sync_file_range, 0, FD, LOW, HIGH, LOW, HIGH, SMALLINT),
    ROW(tee, 0, PIPE, PIPE2, SIZE, SPLICE), ROW(vmsplice, 0, PIPE2, IOV, CNT, SPLICE),
    ROW(move_pages, ALONE, PID, SMALLINT, OUT, OUT, OUT, SMALLINT),
    ROW(getcpu, VARIES, OUT, OUT, OUT),
    ROW(epoll_pwait, 0, EPFD, OUT, CNT, SMALLINT, SIGSET, SMALLINT),
    ROW(utimensat, 0, DIRFD, FILE_, TS32, ATFLAGS), ROW(signalfd4, 0, FD, SIGSET, SMALLINT, FLAGS),
    ROW(signalfd, 0, FD, SIGSET, SMALLINT), ROW(timerfd_create, 0, CLOCK, FLAGS),
    ROW(eventfd2, 0, SMALLINT, FLAGS), ROW(fallocate, 0, FD, FALLOC, LOW, HIGH, LOW, HIGH),
    ROW(timerfd_settime, 0, TFD, SMALLINT, ITS32, OUT), ROW(timerfd_gettime, 0, TFD, OUT),
    ROW(epoll_create1, 0, FLAGS), ROW(dup3, 0, FD, FD, OPEN), ROW(pipe2, 0, OUT, OPEN),
    ROW(inotify_init1, 0, FLAGS), ROW(preadv, 0, FD, IOV, CNT, LOW, HIGH),
    ROW(pwritev, 0, FD, IOV, CNT, LOW, HIGH),
    ROW(recvmmsg, VARIES, SOCK, MMSG, CNT, MSGFLAGS, TS32), ROW(fanotify_init, 0, FLAGS, OPEN),
    ROW(fanotify_mark, 0, FD, FLAGS, LOW, HIGH, DIRFD, FILE_),
    ROW(prlimit64, ALONE, PID, RES, RLIM64, OUT),
    ROW(name_to_handle_at, VARIES, DIRFD, FILE_, FHANDLE, OUT, ATFLAGS),
    ROW(open_by_handle_at, 0, DIRFD, FHANDLE, OPEN), ROW(clock_adjtime, VARIES, CLOCK, TIMEX),
    ROW(syncfs, 0, FD), ROW(sendmmsg, 0, STRM, MMSG, CNT, MSGFLAGS), ROW(setns, ALONE, FD, FLAGS),
    ROW(process_vm_readv, 0, PID, IOV, CNT, IOV, CNT, SMALLINT),
    ROW(process_vm_writev, 0, PID, IOV, CNT, IOV, CNT, SMALLINT),
    ROW(kcmp, VARIES, PID, PID, SMALLINT, FD, FD),
    ROW(sched_setattr, ALONE, PID, SCHEDATTR, SMALLINT),
    ROW(sched_getattr, 0, PID, OUT, OUTSZ, SMALLINT),
    ROW(renameat2, 0, DIRFD, FILE_, DIRFD, FRESH, FLAGS), ROW(seccomp, ALONE, SMALLINT, FLAGS, OUT),
    ROW(getrandom, VARIES, OUT, OUTSZ, FLAGS), ROW(memfd_create, 0, FILE_, FLAGS),
    ROW(socket, 0, AF, STYPE, SPROTO), ROW(socketpair, 0, AF, STYPE, SPROTO, OUT),
    ROW(bind, 0, DG, ADDRESS, SIZE), ROW(connect, 0, SOCK, ADDRESS, SIZE),
    ROW(listen, 0, LISTENER, SMALLINT), ROW(accept4, 0, LISTENER, OUT, ADDRLEN, FLAGS),
    ROW(getsockopt, VARIES, SOCK, OPTLEVEL, OPTNAME, OUT, ADDRLEN),
    ROW(setsockopt, 0, SOCK, OPTLEVEL, OPTNAME, OPTVAL, SIZE),
    ROW(getsockname, VARIES, SOCK, OUT, ADDRLEN), ROW(getpeername, VARIES, SOCK, OUT, ADDRLEN),
    ROW(sendto, 0, STRM, BUF, SIZE, MSGFLAGS, ADDRESS, SIZE), ROW(sendmsg, 0, STRM, MSG, MSGFLAGS),
    ROW(recvfrom, 0, SOCK, OUT, OUTSZ, MSGFLAGS, OUT, ADDRLEN),
    ROW(recvmsg, 0, SOCK, MSG, MSGFLAGS), ROW(shutdown, 0, SOCK, SHUT), ROW(userfaultfd, 0, FLAGS),
    ROW(membarrier, VARIES, FLAGS, SMALLINT, SMALLINT), ROW(mlock2, ALONE, ADDR, LEN, SMALLINT),
    ROW(copy_file_range, 0, FD, OFF64, FD, OFF64, SIZE, SMALLINT),
    ROW(preadv2, 0, FD, IOV, CNT, LOW, HIGH, FLAGS),
    ROW(pwritev2, 0, FD, IOV, CNT, LOW, HIGH, FLAGS),
    ROW(pkey_mprotect, ALONE, ADDR, LEN, PROT, SMALLINT),
    ROW(pkey_alloc, ALONE, SMALLINT, SMALLINT), ROW(pkey_free, 0, SMALLINT),
    ROW(statx, VARIES, DIRFD, FILE_, ATFLAGS, STATX_MASK, OUT),
    ROW(clock_gettime64, VARIES, CLOCK, OUT), ROW(clock_settime64, 0, CLOCK, TS64),
    ROW(clock_getres_time64, 0, CLOCK, OUT),
    ROW(clock_nanosleep_time64, 0, CLOCK, TIMER_FLAGS, TS64, OUT),
    ROW(timer_settime64, ALONE, SMALLINT, TIMER_FLAGS, ITS64, OUT),
    ROW(timerfd_settime64, 0, TFD, SMALLINT, ITS64, OUT), ROW(timerfd_gettime64, 0, TFD, OUT),
    ROW(utimensat_time64, 0, DIRFD, FILE_, TS64, ATFLAGS),
    ROW(pselect6_time64, VARIES, SMALLINT, FDSET, FDSET, FDSET, TS64, SIGARG),
    ROW(ppoll_time64, VARIES, POLLS, CNT, TS64, SIGSET, SMALLINT),
    ROW(recvmmsg_time64, VARIES, SOCK, MMSG, CNT, MSGFLAGS, TS64),
    ROW(rt_sigtimedwait_time64, VARIES, SIGSET, OUT, TS64, SMALLINT),
    ROW(futex_time64, ALONE | VARIES, FWORD, FUTEX_OP, SMALLINT, TS64, FWORD, SMALLINT),
    ROW(sched_rr_get_interval_time64, VARIES, PID, OUT),
    ROW(pidfd_send_signal, ALONE, PFD, SIG, SIGINFO, SMALLINT),
    ROW(open_tree, 0, DIRFD, FILE_, ATFLAGS),
    ROW(move_mount, 0, DIRFD, FILE_, DIRFD, FOLDER, FLAGS), ROW(fsopen, 0, FSTYPE, SMALLINT),
    ROW(fsconfig, 0, FD, SMALLINT, FILE_, FILE_, SMALLINT), ROW(fsmount, 0, FD, SMALLINT, FLAGS),
    ROW(fspick, 0, DIRFD, FOLDER, ATFLAGS), ROW(pidfd_open, 0, PID, FLAGS),
    ROW(clone3, ALONE | VARIES, CLONEARGS, SIZE), ROW(close_range, 0, FD, FD, SMALLINT),
    ROW(openat2, 0, DIRFD, FILE_, HOW, SIZE), ROW(pidfd_getfd, 0, PFD, FD, SMALLINT),
    ROW(faccessat2, 0, DIRFD, FILE_, ACC, ATFLAGS),
    ROW(process_madvise, 0, PFD, IOV, CNT, ADVICE, SMALLINT),
    ROW(epoll_pwait2, 0, EPFD, OUT, CNT, TS64, SIGSET, SMALLINT),
    ROW(mount_setattr, 0, DIRFD, FOLDER, ATFLAGS, MOUNTATTR, SIZE),
    ROW(landlock_create_ruleset, 0, LLRULES, SIZE, SMALLINT),
    ROW(landlock_add_rule, 0, FD, SMALLINT, LLPATH, SMALLINT),
    ROW(landlock_restrict_self, 0, FD, SMALLINT),
    ROW(futex_waitv, 0, WAITV, CNT, SMALLINT, TS64, CLOCK),
    {SYS_mount, 0, {FILE_, FOLDER, FSTYPE, FLAGS, OUT}}, {451, 0, {FD, RANGE, OUT, SMALLINT}},
    {452, 0, {DIRFD, FILE_, MODE, ATFLAGS}}, {454, ALONE, {FWORD, SMALLINT, SMALLINT, FLAGS}},
    {455, ALONE, {FWORD, SMALLINT, SMALLINT, FLAGS, TS64, CLOCK}},
    {456, ALONE, {WAITV, SMALLINT, SMALLINT, SMALLINT}},
    {463, 0, {DIRFD, FILE_, ATFLAGS, XNAME, OUT, SIZE}},
    {464, 0, {DIRFD, FILE_, ATFLAGS, XNAME, OUT, SIZE}},
    {465, 0, {DIRFD, FILE_, ATFLAGS, OUT, OUTSZ}}, {466, 0, {DIRFD, FILE_, ATFLAGS, XNAME}},
    {468, VARIES, {DIRFD, FILE_, OUT, OUTSZ, ATFLAGS}},
    {469, 0, {DIRFD, FILE_, OUT, OUTSZ, ATFLAGS}},
    {SYS_semget, VARIES, {SMALLINT, SMALLINT, FLAGS}},
    {SYS_semctl, 0, {SMALLINT, SMALLINT, INT, OUT}}, {SYS_shmget, VARIES, {SMALLINT, LEN, FLAGS}},
    {SYS_shmctl, 0, {SMALLINT, INT, OUT}}, {SYS_shmat, ALONE | VARIES, {SMALLINT, ADDR, FLAGS}},
    {SYS_msgget, VARIES, {SMALLINT, FLAGS}}, {SYS_msgctl, 0, {SMALLINT, INT, OUT}},
    {SYS_msgsnd, 0, {SMALLINT, BUF, SIZE, FLAGS}},
    {SYS_msgrcv, 0, {SMALLINT, BUF, SIZE, SMALLINT, FLAGS}}
};

/* clang-format on */
static int row_of(uint32_t nr)
{
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        if (calls[i].nr == nr)
            return (int)i;
    return -1;
}

static uint32_t state;
static uint32_t pick(uint32_t n)
{
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % n;
}

unsigned typed_count(uint32_t nr, unsigned random)
{
    int r = row_of(nr);
    unsigned n = random;
    for (int i = 0; r >= 0 && i < 6 && calls[r].d[i]; i++)
        n += list_count(calls[r].d[i]);
    return r < 0 ? 0 : n;
}

int typed_exact(uint32_t nr) { return !(calls[row_of(nr)].flags & VARIES); }
int typed_alone(uint32_t nr) { return calls[row_of(nr)].flags & ALONE; }

void typed_arguments(uint32_t nr, unsigned n, uint32_t a[6])
{
    const uint8_t *d = calls[row_of(nr)].d;
    state = nr * 7919u + n * 104729u;
    pick(1);
    for (int i = 0; i < 6; i++)
        a[i] = d[i] ? list_value(d[i], 0) : 0;
    for (int i = 0; i < 6 && d[i]; i++) {
        if (n < list_count(d[i])) {
            a[i] = list_value(d[i], n);
            return;
        }
        n -= list_count(d[i]);
    }
    for (int i = 0; i < 6 && d[i]; i++) /* behind the last: half of them at random */
        if (pick(2))
            a[i] = list_value(d[i], pick(list_count(d[i])));
}

/* ---- the world ---- */

static void area(uint32_t at, uint32_t len)
{
    if (mmap((void *)at, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == MAP_FAILED)
        _exit(97);
}

static void structures_write(void)
{
    static char *const name = (char *)NAMES;
    area(NAMES, 0x6000);
    area(DATA, 0x10000);
    area(TAIL, PAGE);
    munmap((void *)(TAIL + PAGE), PAGE);
    for (unsigned i = 0; i < NAME_COUNT; i++)
        strcpy(name + i * SLOT, names[i]);
    memset((void *)LONG_NAME, 'n', 256);
    memset((void *)MAX_NAME, 'm', 255);
    memset((void *)LONG_PATH, '/', 4096);
    memset((void *)UNENDED, 'u', 3);
    for (unsigned i = 0; i < STRUCTURES; i++)
        memcpy((void *)(DATA + i * SLOT), structures[i].w, sizeof structures[i].w);
    for (unsigned i = 0; i < sizeof placed / sizeof *placed; i++)
        memcpy((void *)(DATA + placed[i].slot * SLOT), placed[i].w, sizeof placed[i].w);
}

void typed_empty(const char *path)
{
    struct dirent *e;
    chmod(path, 0700);
    DIR *d = opendir(path);
    while (d && (e = readdir(d))) {
        char name[600];
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (!unlink(name) || (errno != EISDIR && errno != EPERM))
            continue;
        typed_empty(name);
        rmdir(name);
    }
    if (d)
        closedir(d);
}

static void put(int fd, int at)
{
    if (fd < 0 || dup2(fd, at) != at)
        _exit(96);
    if (fd != at)
        close(fd);
}

static void put_pair(const int v[2], int a, int b)
{
    put(v[0], a);
    put(v[1], b);
}

static void files(void)
{
    struct sockaddr_un un = {AF_UNIX, "socket"};
    int fd = open("file", O_RDWR | O_CREAT, 0600);
    for (int i = 0; i < 10; i++)
        (void)!write(fd, "0123456789", 10);
    close(fd);
    mkdir("dir", 0755), mkdir("closed", 0);
    close(open("dir/inside", O_RDWR | O_CREAT, 0644));
    close(open("locked", O_RDWR | O_CREAT, 0));
    (void)!(symlink("file", "link") | symlink("nowhere", "dangling") | symlink("loop", "loop") |
            symlink("dir", "dirlink"));
    mkfifo("fifo", 0600);
    setxattr("file", "user.test", "value", 5, 0);
    put(open("file", O_RDWR), RW), put(open("file", O_RDONLY), RO), put(open("file", O_WRONLY), WO);
    put(open("file", O_RDWR | O_APPEND), APPEND), put(open(".", O_RDONLY | O_DIRECTORY), DIR_FD);
    put(open("file", O_PATH), PATH_FILE), put(open(".", O_PATH), PATH_DIR);
    put((int)syscall(SYS_open, "file", O_RDWR), SMALL);
    put(fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), UNIX_LISTENING);
    bind(UNIX_LISTENING, (void *)&un, sizeof un);
    listen(UNIX_LISTENING, 5);
}

static void sockets(void)
{
    int v[2];
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, v), put_pair(v, STREAM, STREAM2);
    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, v), put_pair(v, DGRAM, DGRAM2);
    (void)!(write(STREAM2, "streamed", 8) + write(DGRAM2, "datagram", 8));
    put(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), LISTENING),
        put(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), TCP);
    put(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), UDP),
        put(socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, 0), NETLINK);
    bind(LISTENING, (void *)&in, sizeof in);
    listen(LISTENING, 5);
    bind(UDP, (void *)&in, sizeof in);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, v);
    close(v[1]);
    put(v[0], HUNG_UP);
}

static void special(bool watched)
{
    int v[2];
    sigset_t s;
    (void)!pipe2(v, O_NONBLOCK), put_pair(v, PIPE_R, PIPE_W);
    (void)!write(PIPE_W, "in a pipe", 9);
    (void)!pipe2(v, O_NONBLOCK), put_pair(v, EMPTY_R, FULL_W);
    (void)!pipe2(v, O_NONBLOCK);
    close(v[0]);
    put(v[1], BROKEN_W);
    put(eventfd(5, EFD_NONBLOCK), EVENT), put(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), TIMER);
    sigemptyset(&s);
    sigaddset(&s, SIGUSR2);
    put(signalfd(-1, &s, SFD_NONBLOCK), SIGNAL), put(epoll_create1(0), EPOLL),
        put(inotify_init1(IN_NONBLOCK), INOTIFY);
    struct epoll_event e = {EPOLLIN, {.u64 = 0x1122334455667788}};
    epoll_ctl(EPOLL, EPOLL_CTL_ADD, EVENT, &e);
    if (watched) /* takes milliseconds to be given up */
        inotify_add_watch(INOTIFY, ".", IN_ATTRIB);
    put(memfd_create("memory", 0), MEMFD), put(memfd_create("sealed", MFD_ALLOW_SEALING), SEALED);
    (void)!(write(MEMFD, "memory", 6) + ftruncate(SEALED, 100));
    put((int)syscall(SYS_pidfd_open, getpid(), 0), PIDFD);
    put(open("/dev/null", O_RDWR), NUL), put(open("/dev/zero", O_RDWR), ZEROS),
        put(open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK), PTY);
}

void typed_world(const uint32_t a[6])
{
    bool watched = false;
    for (int i = 0; i < 6; i++)
        watched |= a[i] == INOTIFY;
    syscall(SYS_close_range, 3, M, 0);
    typed_empty(".");
    structures_write();
    files();
    special(watched);
    sockets();
}

static uint32_t sum(uint32_t h, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        h = (h ^ (v >> i * 8 & 0xff)) * 16777619u;
    return h;
}

static uint32_t sum_name(uint32_t h, const char *name)
{
    struct stat st;
    if (lstat(name, &st))
        return sum(h, (uint64_t)errno);
    h = sum(sum(sum(h, st.st_mode), st.st_uid), st.st_gid);
    return S_ISDIR(st.st_mode) ? h : sum(sum(h, (uint64_t)st.st_size), st.st_nlink);
}

uint32_t typed_effects(void)
{
    uint32_t h = 2166136261u;
    int queued;
    for (const uint32_t *w = (void *)DATA; w < (uint32_t *)(DATA + STRUCTURES * SLOT); w++)
        h = (h ^ *w) * 16777619u;
    for (unsigned i = 0; i < 26; i++)
        if (names[i][0] != '/' && !strstr(names[i], "..")) /* what is above changes by itself */
            h = sum_name(h, names[i]);
    for (int fd = 3; fd < 70; fd++) {
        int flags = fcntl(fd, F_GETFL), own = fcntl(fd, F_GETFD);
        h = sum(sum(h, (uint32_t)flags), (uint32_t)own);
        if (flags >= 0)
            h = sum(h, (uint64_t)lseek(fd, 0, SEEK_CUR));
        if (flags >= 0 && fd >= RW && fd < FDS_END && fd != NETLINK && fd != PTY &&
            !ioctl(fd, FIONREAD, &queued))
            h = sum(h, (uint32_t)queued);
    }
    return h;
}
