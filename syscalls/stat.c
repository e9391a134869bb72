/* stat in its four layouts, statfs in two. Values that do not fit give EOVERFLOW, as natively. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "core/stress.h"
#include "syscalls/priv.h"

/* new_encode_dev / huge: 32-bit device numbers as i386 user space sees them. */
static uint32_t dev32(uint64_t d)
{
    return (uint32_t)(minor(d) & 0xff) | (uint32_t)major(d) << 8 | (uint32_t)(minor(d) & ~0xffu) << 12;
}

/* What the old structures have no room for. */
static bool too_large(const struct stat *s, uint64_t max_ino)
{
    bool size = s->st_size > (stress & STRESS_OFF64 && S_ISREG(s->st_mode) ? 0 : INT32_MAX);
    if (s->st_ino > max_ino)
        report_loss("inode number above %#llx: EOVERFLOW", (unsigned long long)max_ino);
    if (s->st_nlink > 0xffff)
        report_loss("more than 65535 links: EOVERFLOW");
    if (size)
        report_loss("file of 2 GiB or more: EOVERFLOW");
    return s->st_ino > max_ino || s->st_nlink > 0xffff || size;
}

/* Times are cut, by the kernel too. */
static void look_at_times(const struct stat *s)
{
    if (s->st_atime != (int32_t)s->st_atime || s->st_mtime != (int32_t)s->st_mtime ||
        s->st_ctime != (int32_t)s->st_ctime)
        report_loss("time of a file beyond 2038 cut to 32 bits");
}

/* What the host says as the guest is to see it. */
static void stressed(struct stat *s)
{
    s->st_ino = stress_ino(s->st_ino);
    s->st_atime = stress_time(s->st_atime);
    s->st_mtime = stress_time(s->st_mtime);
    s->st_ctime = stress_time(s->st_ctime);
}

static int put_old(uint32_t a, const struct stat *s)
{
    struct i386_oldstat o;
    memset(&o, 0, sizeof o);
    o.dev = (uint16_t)(major(s->st_dev) << 8 | (minor(s->st_dev) & 0xff));
    o.ino = (uint16_t)s->st_ino;
    o.mode = (uint16_t)s->st_mode;
    o.nlink = (uint16_t)s->st_nlink;
    o.uid = low16(s->st_uid);
    o.gid = low16(s->st_gid);
    o.rdev = (uint16_t)(major(s->st_rdev) << 8 | (minor(s->st_rdev) & 0xff));
    if (too_large(s, 0xffff))
        return -EOVERFLOW;
    o.size = (uint32_t)s->st_size;
    o.atime = (uint32_t)s->st_atime;
    o.mtime = (uint32_t)s->st_mtime;
    o.ctime = (uint32_t)s->st_ctime;
    return mem_write(a, &o, sizeof o);
}

static int put_stat(uint32_t a, const struct stat *s)
{
    struct i386_stat o;
    memset(&o, 0, sizeof o);
    if (too_large(s, UINT32_MAX))
        return -EOVERFLOW;
    look_at_times(s);
    o.dev = dev32(s->st_dev);
    o.ino = (uint32_t)s->st_ino;
    o.mode = (uint16_t)s->st_mode;
    o.nlink = (uint16_t)s->st_nlink;
    o.uid = low16(s->st_uid);
    o.gid = low16(s->st_gid);
    o.rdev = dev32(s->st_rdev);
    o.size = (uint32_t)s->st_size;
    o.blksize = (uint32_t)s->st_blksize;
    o.blocks = (uint32_t)s->st_blocks;
    o.atime = (uint32_t)s->st_atim.tv_sec, o.atime_nsec = (uint32_t)s->st_atim.tv_nsec;
    o.mtime = (uint32_t)s->st_mtim.tv_sec, o.mtime_nsec = (uint32_t)s->st_mtim.tv_nsec;
    o.ctime = (uint32_t)s->st_ctim.tv_sec, o.ctime_nsec = (uint32_t)s->st_ctim.tv_nsec;
    return mem_write(a, &o, sizeof o);
}

static int put_stat64(uint32_t a, const struct stat *s)
{
    struct i386_stat64 o;
    look_at_times(s);
    o.dev = s->st_dev;
    o.ino32 = (uint32_t)s->st_ino;
    o.mode = s->st_mode;
    o.nlink = (uint32_t)s->st_nlink;
    o.uid = s->st_uid;
    o.gid = s->st_gid;
    o.rdev = s->st_rdev;
    o.size = s->st_size;
    o.blksize = (uint32_t)s->st_blksize;
    o.blocks = (uint64_t)s->st_blocks;
    o.atime = (uint32_t)s->st_atim.tv_sec, o.atime_nsec = (uint32_t)s->st_atim.tv_nsec;
    o.mtime = (uint32_t)s->st_mtim.tv_sec, o.mtime_nsec = (uint32_t)s->st_mtim.tv_nsec;
    o.ctime = (uint32_t)s->st_ctim.tv_sec, o.ctime_nsec = (uint32_t)s->st_ctim.tv_nsec;
    o.ino = s->st_ino;
    /* the padding keeps what it has */
    enum { PAD0 = offsetof(struct i386_stat64, pad0), PAD3 = offsetof(struct i386_stat64, pad3) };
    const char *p = (const char *)&o;
    if (mem_write(a + 4, p + 4, 4) || mem_write(a, p, 4) || /* the kernel writes these 8 at once */
        mem_write(a + PAD0 + 4, p + PAD0 + 4, PAD3 - PAD0 - 4))
        return -EFAULT;
    return mem_write(a + PAD3 + 4, p + PAD3 + 4, sizeof o - PAD3 - 4);
}

typedef int (*put_fn)(uint32_t a, const struct stat *s);

static int64_t by_path(int dirfd, uint32_t path, uint32_t out, int flags, put_fn put)
{
    char host[PATH_MAX];
    struct stat s;
    const char *p = host_path(path, host, flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW);
    int64_t ret = HC(SYS_newfstatat, dirfd, p, &s, flags, 0, 0);
    stressed(&s);
    return ret ? ret : put(out, &s);
}

static int64_t by_fd(uint32_t fd, uint32_t out, put_fn put)
{
    struct stat s;
    int64_t r = HC(SYS_fstat, s32(fd), &s, 0, 0, 0, 0);
    stressed(&s);
    return r ? r : put(out, &s);
}

SYSCALL(oldstat) { return by_path(AT_FDCWD, c->a[0], c->a[1], 0, put_old); }
SYSCALL(oldlstat) { return by_path(AT_FDCWD, c->a[0], c->a[1], AT_SYMLINK_NOFOLLOW, put_old); }
SYSCALL(oldfstat) { return by_fd(c->a[0], c->a[1], put_old); }
SYSCALL(stat) { return by_path(AT_FDCWD, c->a[0], c->a[1], 0, put_stat); }
SYSCALL(lstat) { return by_path(AT_FDCWD, c->a[0], c->a[1], AT_SYMLINK_NOFOLLOW, put_stat); }
SYSCALL(fstat) { return by_fd(c->a[0], c->a[1], put_stat); }
SYSCALL(stat64) { return by_path(AT_FDCWD, c->a[0], c->a[1], 0, put_stat64); }
SYSCALL(lstat64) { return by_path(AT_FDCWD, c->a[0], c->a[1], AT_SYMLINK_NOFOLLOW, put_stat64); }
SYSCALL(fstat64) { return by_fd(c->a[0], c->a[1], put_stat64); }
SYSCALL(fstatat64) { return by_path((int)c->a[0], c->a[1], c->a[2], (int)c->a[3], put_stat64); }

/* struct statx is the host's. */
SYSCALL(statx)
{
    enum { INO = 32, TIMES = 64, TIMES_END = 128 };
    char host[PATH_MAX];
    uint64_t v;
    const char *p = host_path(c->a[1], host, c->a[2] & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW);
    mem_prepare_write(c->a[4], 256);
    int64_t r = HC(SYS_statx, s32(c->a[0]), p, c->a[2], c->a[3], c->a[4], 0);
    if (r || !stress)
        return r;
    mem_read(&v, c->a[4] + INO, 8);
    v = stress_ino(v);
    mem_write(c->a[4] + INO, &v, 8);
    for (uint32_t at = c->a[4] + TIMES; at < c->a[4] + TIMES_END; at += 16) {
        mem_read(&v, at, 8);
        v = (uint64_t)stress_time((int64_t)v);
        mem_write(at, &v, 8);
    }
    return 0;
}

/* ---- statfs ---- */

static int put_statfs(uint32_t a, const struct statfs *s)
{
    struct i386_statfs o;
    memset(&o, 0, sizeof o);
    if ((s->f_blocks | s->f_bfree | s->f_bavail) >> 32 ||
        (s->f_files != (fsfilcnt_t)-1 && s->f_files >> 32) ||
        (s->f_ffree != (fsfilcnt_t)-1 && s->f_ffree >> 32))
        return -EOVERFLOW;
    o.type = (uint32_t)s->f_type;
    o.bsize = (uint32_t)s->f_bsize;
    o.blocks = (uint32_t)s->f_blocks;
    o.bfree = (uint32_t)s->f_bfree;
    o.bavail = (uint32_t)s->f_bavail;
    o.files = (uint32_t)s->f_files;
    o.ffree = (uint32_t)s->f_ffree;
    memcpy(o.fsid, &s->f_fsid, 8);
    o.namelen = (uint32_t)s->f_namelen;
    o.frsize = (uint32_t)s->f_frsize;
    o.flags = (uint32_t)s->f_flags;
    return mem_write(a, &o, sizeof o);
}

static int put_statfs64(uint32_t a, const struct statfs *s)
{
    struct i386_statfs64 o;
    memset(&o, 0, sizeof o);
    o.type = (uint32_t)s->f_type;
    o.bsize = (uint32_t)s->f_bsize;
    o.blocks = s->f_blocks;
    o.bfree = s->f_bfree;
    o.bavail = s->f_bavail;
    o.files = s->f_files;
    o.ffree = s->f_ffree;
    memcpy(o.fsid, &s->f_fsid, 8);
    o.namelen = (uint32_t)s->f_namelen;
    o.frsize = (uint32_t)s->f_frsize;
    o.flags = (uint32_t)s->f_flags;
    return mem_write(a, &o, sizeof o);
}

static int64_t statfs_path(uint32_t path, struct statfs *s)
{
    char host[PATH_MAX];
    return HC(SYS_statfs, host_path(path, host, PATH_FOLLOW), s, 0, 0, 0, 0);
}

SYSCALL(statfs)
{
    struct statfs s;
    int64_t r = statfs_path(c->a[0], &s);
    return r ? r : put_statfs(c->a[1], &s);
}
SYSCALL(fstatfs)
{
    struct statfs s;
    int64_t r = HC(SYS_fstatfs, s32(c->a[0]), &s, 0, 0, 0, 0);
    return r ? r : put_statfs(c->a[1], &s);
}
static bool bad_size64(uint32_t n) { return n != sizeof(struct i386_statfs64); }
SYSCALL(statfs64)
{
    struct statfs s;
    if (bad_size64(c->a[1]))
        return -EINVAL;
    int64_t r = statfs_path(c->a[0], &s);
    return r ? r : put_statfs64(c->a[2], &s);
}
SYSCALL(fstatfs64)
{
    struct statfs s;
    if (bad_size64(c->a[1]))
        return -EINVAL;
    int64_t r = HC(SYS_fstatfs, s32(c->a[0]), &s, 0, 0, 0, 0);
    return r ? r : put_statfs64(c->a[2], &s);
}
