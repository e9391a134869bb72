/* i386 kernel structures (asm/stat.h, asm/posix_types.h, asm-generic, linux headers as a 32-bit program
 * sees them). Every one is packed with explicit sizes; tests/abi checks them against an i386
 * compiler. Numbers are little-endian host integers. */
#ifndef XRUN_ABI_LAYOUT_H
#define XRUN_ABI_LAYOUT_H

#include <stdint.h>

#define I386 __attribute__((packed))

struct i386_timespec { int32_t sec, nsec; } I386;
struct i386_timeval { int32_t sec, usec; } I386;
struct i386_itimerval { struct i386_timeval interval, value; } I386;
struct i386_itimerspec { struct i386_timespec interval, value; } I386;
struct i386_tms { int32_t utime, stime, cutime, cstime; } I386;

struct i386_oldstat {
    uint16_t dev, ino, mode, nlink, uid, gid, rdev, pad;
    uint32_t size, atime, mtime, ctime;
} I386;

struct i386_stat {
    uint32_t dev, ino;
    uint16_t mode, nlink, uid, gid;
    uint32_t rdev, size, blksize, blocks;
    uint32_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
    uint32_t unused[2];
} I386;

struct i386_stat64 {
    uint64_t dev;
    uint8_t pad0[4];
    uint32_t ino32, mode, nlink, uid, gid;
    uint64_t rdev;
    uint8_t pad3[4];
    int64_t size;
    uint32_t blksize;
    uint64_t blocks;
    uint32_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
    uint64_t ino;
} I386;

struct i386_statfs {
    uint32_t type, bsize, blocks, bfree, bavail, files, ffree;
    int32_t fsid[2];
    uint32_t namelen, frsize, flags, spare[4];
} I386;

struct i386_statfs64 {
    uint32_t type, bsize;
    uint64_t blocks, bfree, bavail, files, ffree;
    int32_t fsid[2];
    uint32_t namelen, frsize, flags, spare[4];
} I386;

struct i386_flock { int16_t type, whence; int32_t start, len, pid; } I386;
struct i386_flock64 { int16_t type, whence; int64_t start, len; int32_t pid; } I386;
struct i386_iovec { uint32_t base, len; } I386;
struct i386_dirent { uint32_t ino, off; uint16_t reclen; char name[]; } I386;
struct i386_rlimit { uint32_t cur, max; } I386;
struct i386_rusage { struct i386_timeval utime, stime; int32_t v[14]; } I386;
struct i386_sysinfo {
    int32_t uptime;
    uint32_t loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
    uint16_t procs, pad;
    uint32_t totalhigh, freehigh, mem_unit;
    char f[8];
} I386;

struct i386_msghdr {
    uint32_t name, namelen, iov, iovlen, control, controllen, flags;
} I386;
struct i386_cmsghdr { uint32_t len; int32_t level, type; } I386;
struct i386_mmsghdr { struct i386_msghdr hdr; uint32_t len; } I386;
struct i386_epoll_event { uint32_t events; uint64_t data; } I386;
struct i386_pollfd { int32_t fd; int16_t events, revents; } I386;

struct i386_old_sigaction { uint32_t handler, mask, flags, restorer; } I386;
struct i386_sigaction { uint32_t handler, flags, restorer; uint64_t mask; } I386;
struct i386_stack { uint32_t sp, flags, size; } I386;

struct i386_ipc_perm64 {
    int32_t key;
    uint32_t uid, gid, cuid, cgid;
    uint32_t mode;
    uint16_t seq, pad2;
    uint32_t unused1, unused2;
} I386;
struct i386_semid64 {
    struct i386_ipc_perm64 perm;
    uint32_t otime, otime_high, ctime, ctime_high, nsems, unused3, unused4;
} I386;
struct i386_shmid64 {
    struct i386_ipc_perm64 perm;
    uint32_t segsz, atime, atime_high, dtime, dtime_high, ctime, ctime_high;
    int32_t cpid, lpid;
    uint32_t nattch, unused4, unused5;
} I386;
struct i386_msqid64 {
    struct i386_ipc_perm64 perm;
    uint32_t stime, stime_high, rtime, rtime_high, ctime, ctime_high;
    uint32_t cbytes, qnum, qbytes;
    int32_t lspid, lrpid;
    uint32_t unused4, unused5;
} I386;

/* The forms of Linux 2.2, for callers that do not say IPC_64. */
struct i386_ipc_perm { int32_t key; uint16_t uid, gid, cuid, cgid, mode, seq; } I386;
struct i386_semid {
    struct i386_ipc_perm perm;
    uint32_t otime, ctime, base, pending, pending_last, undo;
    uint16_t nsems, pad;
} I386;
struct i386_shmid {
    struct i386_ipc_perm perm;
    uint32_t segsz, atime, dtime, ctime;
    uint16_t cpid, lpid, nattch, unused;
    uint32_t unused2, unused3;
} I386;
struct i386_msqid {
    struct i386_ipc_perm perm;
    uint32_t first, last, stime, rtime, ctime, lcbytes, lqbytes;
    uint16_t cbytes, qnum, qbytes, lspid, lrpid, pad;
} I386;

struct i386_loop_info {
    int32_t number;
    uint16_t device, pad;
    uint32_t inode;
    uint16_t rdevice, pad2;
    int32_t offset, encrypt_type, encrypt_key_size, flags;
    char name[64];
    uint8_t key[32];
    uint32_t init[2];
    char reserved[4];
} I386;

/* i386 open(2) flags that differ between hosts. */
enum {
    I386_O_ACCMODE = 3, I386_O_CREAT = 0100, I386_O_DIRECT = 040000, I386_O_LARGEFILE = 0100000,
    I386_O_DIRECTORY = 0200000, I386_O_NOFOLLOW = 0400000, I386_O_TMPFILE = 020200000,
};

#endif
