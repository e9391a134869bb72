/* Files: opening, positions, vectors, locks, directories, links. */
#define _FILE_OFFSET_BITS 64
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/options.h"
#include "syscalls/priv.h"

enum { IOV_LIMIT = 1024 };

/* ---- open flags: AArch64 has other values for these four ---- */

static const struct { uint32_t guest; int host; } flag_map[] = {
    {I386_O_DIRECT, O_DIRECT}, {I386_O_DIRECTORY, O_DIRECTORY}, {I386_O_NOFOLLOW, O_NOFOLLOW},
};
enum { SAME_FLAGS = ~(I386_O_DIRECT | I386_O_LARGEFILE | I386_O_DIRECTORY | I386_O_NOFOLLOW) };

int open_flags_to_host(uint32_t f)
{
    int h = (int)(f & (uint32_t)SAME_FLAGS);
    for (size_t i = 0; i < ARRAY_SIZE(flag_map); i++)
        if (f & flag_map[i].guest)
            h |= flag_map[i].host;
    return h;
}

uint32_t open_flags_to_guest(int f)
{
    uint32_t g = (uint32_t)f;
    for (size_t i = 0; i < ARRAY_SIZE(flag_map); i++)
        g &= ~(uint32_t)flag_map[i].host;
    g &= (uint32_t)SAME_FLAGS;
    for (size_t i = 0; i < ARRAY_SIZE(flag_map); i++)
        if (f & flag_map[i].host)
            g |= flag_map[i].guest;
    return g;
}

static int64_t do_open(struct sysctx *c, int dirfd, uint32_t path, uint32_t flags, uint32_t mode)
{
    char host[PATH_MAX], guest[PATH_MAX];
    int n = mem_read_str(guest, path, sizeof guest);
    if (n < 0)
        return n;
    int64_t v = proc_open(c->t, guest, open_flags_to_host(flags));
    if (v != -1)
        return v;
    int how = (flags & I386_O_NOFOLLOW ? 0 : PATH_FOLLOW) | (flags & I386_O_CREAT ? PATH_CREATE : 0);
    int r = n ? path_to_host(guest, host, how & PATH_FOLLOW, how & PATH_CREATE) : (host[0] = 0);
    if (r)
        return r;
    int64_t fd = HCB(SYS_openat, dirfd, host, open_flags_to_host(flags), mode, 0, 0);
    struct stat st;
    if (fd >= 0 && !(flags & (I386_O_LARGEFILE | 010000000 /* O_PATH */)) &&
        fstat((int)fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > INT32_MAX) {
        close((int)fd);
        return -EOVERFLOW;
    }
    return fd;
}

SYSCALL(open) { return do_open(c, AT_FDCWD, c->a[0], c->a[1], c->a[2]); }
SYSCALL(openat) { return do_open(c, (int)c->a[0], c->a[1], c->a[2], c->a[3]); }
SYSCALL(creat)
{
    return do_open(c, AT_FDCWD, c->a[0], O_CREAT | O_WRONLY | O_TRUNC, c->a[1]);
}

SYSCALL(openat2)
{
    struct { uint64_t flags, mode, resolve; } how;
    char host[PATH_MAX];
    if (c->a[3] < sizeof how)
        return -EINVAL;
    if (mem_read(&how, c->a[2], sizeof how))
        return -EFAULT;
    int r = get_path(c->a[1], host, PATH_FOLLOW | (how.flags & O_CREAT ? PATH_CREATE : 0));
    if (r)
        return r;
    how.flags = (uint64_t)open_flags_to_host((uint32_t)how.flags) | (how.flags >> 32 << 32);
    return HCB(SYS_openat2, s32(c->a[0]), host, &how, sizeof how, 0, 0);
}

/* Descriptors that are xrun's own look closed to the guest. */
static bool own_fd(uint32_t fd)
{
    return fd > 2 && ((opt.log_file && (int)fd == log_fd()) || fd == opt.self_fd);
}

SYSCALL(close)
{
    return own_fd(c->a[0]) ? -EBADF : HC(SYS_close, s32(c->a[0]), 0, 0, 0, 0, 0);
}

SYSCALL(close_range)
{
    uint32_t from = c->a[0], to = c->a[1];
    if (from > to)
        return -EINVAL;
    uint32_t own[2] = {opt.self_fd, opt.log_file ? (uint32_t)log_fd() : 0};
    if (own[0] > own[1]) {
        uint32_t x = own[0];
        own[0] = own[1];
        own[1] = x;
    }
    int64_t r = 0;
    for (int i = 0; i < 2 && r >= 0; i++) {
        if (own[i] < from || own[i] > to || own[i] < 3)
            continue;
        if (own[i] > from)
            r = HC(SYS_close_range, from, own[i] - 1, c->a[2], 0, 0, 0);
        from = own[i] + 1;
    }
    return r < 0 || from > to ? r : HC(SYS_close_range, from, to, c->a[2], 0, 0, 0);
}

SYSCALL(chroot) /* keeps hold of xrun itself: the new root may not have /proc */
{
    char p[PATH_MAX];
    int r = get_path(c->a[0], p, PATH_FOLLOW);
    if (r)
        return r;
    if (!opt.self_fd) {
        int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
        int high = fcntl(fd, F_DUPFD_CLOEXEC, OPTIONS_SELF_FD_MIN);
        close(fd);
        opt.self_fd = high > 0 ? (uint32_t)high : 0;
    }
    return HC(SYS_chroot, p, 0, 0, 0, 0, 0);
}

SYSCALL(dup2)
{
    if (c->a[0] == c->a[1])
        return HC(SYS_fcntl, s32(c->a[0]), F_GETFL, 0, 0, 0, 0) < 0 ? -EBADF : s32(c->a[0]);
    return HC(SYS_dup3, s32(c->a[0]), s32(c->a[1]), 0, 0, 0, 0);
}

SYSCALL(pipe)
{
    mem_prepare_write(c->a[0], 8);
    return HC(SYS_pipe2, c->a[0], 0, 0, 0, 0, 0);
}

/* ---- positions ---- */

static uint64_t pair(uint32_t lo, uint32_t hi) { return (uint64_t)hi << 32 | lo; }

/* Directory positions. ext4 gives a 64-bit caller (major hash << 32 | minor hash) where a 32-bit one
 * gets the major hash alone (fs/ext4/dir.c hash2pos): the guest must see the latter, or readdir
 * fails with EOVERFLOW. Positions of other file systems fit in 31 bits as they are. */
static uint32_t cookie32(int64_t off)
{
    return (uint64_t)off > INT32_MAX ? (uint32_t)(off >> 32) & INT32_MAX : (uint32_t)off;
}

static int64_t seek(uint32_t fd, int64_t off, uint32_t whence)
{
    struct stat st;
    struct statfs fs;
    bool dir = fstat((int)fd, &st) == 0 && S_ISDIR(st.st_mode);
    if (dir && whence == SEEK_SET && off > 0 && off <= INT32_MAX && !fstatfs((int)fd, &fs) &&
        fs.f_type == EXT4_SUPER_MAGIC)
        off = off == INT32_MAX ? INT64_MAX : off << 32;
    int64_t r = HC(SYS_lseek, s32(fd), off, s32(whence), 0, 0, 0);
    return dir && r > 0 ? cookie32(r) : r;
}

SYSCALL(lseek)
{
    int64_t r = seek(c->a[0], s32(c->a[1]), c->a[2]);
    return r > INT32_MAX ? -EOVERFLOW : r;
}

SYSCALL(_llseek)
{
    int64_t r = seek(c->a[0], (int64_t)pair(c->a[2], c->a[1]), c->a[4]);
    if (r < 0)
        return r;
    return mem_write(c->a[3], &r, 8);
}

SYSCALL(pread64)
{
    mem_prepare_write(c->a[1], c->a[2]);
    return HCB(SYS_pread64, s32(c->a[0]), c->a[1], c->a[2], pair(c->a[3], c->a[4]), 0, 0);
}
SYSCALL(pwrite64)
{
    return HCB(SYS_pwrite64, s32(c->a[0]), c->a[1], c->a[2], pair(c->a[3], c->a[4]), 0, 0);
}
SYSCALL(truncate)
{
    char p[PATH_MAX];
    int r = get_path(c->a[0], p, PATH_FOLLOW);
    return r ? r : HC(SYS_truncate, p, s32(c->a[1]), 0, 0, 0, 0);
}
SYSCALL(ftruncate) { return HC(SYS_ftruncate, s32(c->a[0]), s32(c->a[1]), 0, 0, 0, 0); }
SYSCALL(truncate64)
{
    char p[PATH_MAX];
    int r = get_path(c->a[0], p, PATH_FOLLOW);
    return r ? r : HC(SYS_truncate, p, pair(c->a[1], c->a[2]), 0, 0, 0, 0);
}
SYSCALL(ftruncate64) { return HC(SYS_ftruncate, s32(c->a[0]), pair(c->a[1], c->a[2]), 0, 0, 0, 0); }
SYSCALL(readahead)
{
    return HC(SYS_readahead, s32(c->a[0]), pair(c->a[1], c->a[2]), c->a[3], 0, 0, 0);
}
SYSCALL(fadvise64)
{
    return HC(SYS_fadvise64, s32(c->a[0]), pair(c->a[1], c->a[2]), c->a[3], s32(c->a[4]), 0, 0);
}
SYSCALL(fadvise64_64)
{
    return HC(SYS_fadvise64, s32(c->a[0]), pair(c->a[1], c->a[2]), pair(c->a[3], c->a[4]),
              s32(c->a[5]), 0, 0);
}
SYSCALL(sync_file_range)
{
    return HC(SYS_sync_file_range, s32(c->a[0]), pair(c->a[1], c->a[2]), pair(c->a[3], c->a[4]),
              c->a[5], 0, 0);
}
SYSCALL(fallocate)
{
    return HCB(SYS_fallocate, s32(c->a[0]), s32(c->a[1]), pair(c->a[2], c->a[3]),
               pair(c->a[4], c->a[5]), 0, 0);
}

/* ---- vectors ---- */

int get_iovec(uint32_t a, uint32_t n, struct iovec *out, bool for_write)
{
    if (n > IOV_LIMIT)
        return -EINVAL;
    uint64_t total = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct i386_iovec v;
        if (mem_read(&v, a + i * 8, sizeof v))
            return -EFAULT;
        if ((int32_t)v.len < 0)
            return -EINVAL;
        if (total + v.len > 0x7ffff000)
            v.len = (uint32_t)(0x7ffff000 - total);
        total += v.len;
        out[i].iov_base = mem_host(v.base);
        out[i].iov_len = v.len;
        if (for_write)
            mem_prepare_write(v.base, v.len);
    }
    return (int)n;
}

static int64_t vector(struct sysctx *c, long nr, bool in, long pos, long flags)
{
    struct iovec v[IOV_LIMIT];
    int n = get_iovec(c->a[1], c->a[2], v, in);
    if (n < 0)
        return n;
    /* preadv and friends take the position as two longs of which a 64-bit kernel uses the first */
    return HCB(nr, s32(c->a[0]), v, n, pos, 0, flags);
}

SYSCALL(readv) { return vector(c, SYS_readv, true, 0, 0); }
SYSCALL(writev) { return vector(c, SYS_writev, false, 0, 0); }
SYSCALL(preadv) { return vector(c, SYS_preadv, true, (long)pair(c->a[3], c->a[4]), 0); }
SYSCALL(pwritev) { return vector(c, SYS_pwritev, false, (long)pair(c->a[3], c->a[4]), 0); }
SYSCALL(preadv2) { return vector(c, SYS_preadv2, true, (long)pair(c->a[3], c->a[4]), c->a[5]); }
SYSCALL(pwritev2) { return vector(c, SYS_pwritev2, false, (long)pair(c->a[3], c->a[4]), c->a[5]); }

SYSCALL(vmsplice)
{
    struct iovec v[IOV_LIMIT];
    int n = get_iovec(c->a[1], c->a[2], v, true);
    return n < 0 ? n : HCB(SYS_vmsplice, s32(c->a[0]), v, n, c->a[3], 0, 0);
}

SYSCALL(splice)
{
    mem_prepare_write(c->a[1], 8);
    mem_prepare_write(c->a[3], 8);
    return HCB(SYS_splice, s32(c->a[0]), c->a[1], s32(c->a[2]), c->a[3], c->a[4], c->a[5]);
}

SYSCALL(sendfile) /* 32-bit offset */
{
    int32_t off32;
    int64_t off;
    if (!c->a[2])
        return HCB(SYS_sendfile, s32(c->a[0]), s32(c->a[1]), 0, c->a[3], 0, 0);
    if (mem_read(&off32, c->a[2], 4))
        return -EFAULT;
    off = off32;
    int64_t r = HCB(SYS_sendfile, s32(c->a[0]), s32(c->a[1]), &off, c->a[3], 0, 0);
    off32 = (int32_t)off;
    return mem_write(c->a[2], &off32, 4) ? -EFAULT : r;
}

SYSCALL(sendfile64)
{
    if (c->a[2])
        mem_prepare_write(c->a[2], 8);
    return HCB(SYS_sendfile, s32(c->a[0]), s32(c->a[1]), c->a[2], c->a[3], 0, 0);
}

/* ---- fcntl ---- */

enum { G_GETLK64 = 12, G_SETLK64, G_SETLKW64, G_OFD_GETLK = 36, G_OFD_SETLK, G_OFD_SETLKW };

static int read_lock(uint32_t a, bool wide, struct flock *fl)
{
    memset(fl, 0, sizeof *fl);
    if (wide) {
        struct i386_flock64 g;
        if (mem_read(&g, a, sizeof g))
            return -EFAULT;
        fl->l_type = g.type, fl->l_whence = g.whence, fl->l_start = g.start, fl->l_len = g.len;
        fl->l_pid = g.pid;
    } else {
        struct i386_flock g;
        if (mem_read(&g, a, sizeof g))
            return -EFAULT;
        fl->l_type = g.type, fl->l_whence = g.whence, fl->l_start = g.start, fl->l_len = g.len;
        fl->l_pid = g.pid;
    }
    return 0;
}

static int write_lock(uint32_t a, bool wide, const struct flock *fl)
{
    if (wide) {
        struct i386_flock64 g = {fl->l_type, fl->l_whence, fl->l_start, fl->l_len, fl->l_pid};
        return mem_write(a, &g, sizeof g);
    }
    if (fl->l_start > INT32_MAX)
        return -EOVERFLOW;
    struct i386_flock g = {fl->l_type, fl->l_whence, (int32_t)fl->l_start,
                           (int32_t)(fl->l_len > INT32_MAX ? INT32_MAX : fl->l_len), fl->l_pid};
    return mem_write(a, &g, sizeof g);
}

static int64_t lock_call(struct sysctx *c, int host_cmd, bool wide, bool get)
{
    struct flock fl;
    int r = read_lock(c->a[2], wide, &fl);
    if (r)
        return r;
    int64_t ret = HCB(SYS_fcntl, s32(c->a[0]), host_cmd, &fl, 0, 0, 0);
    return ret == 0 && get ? write_lock(c->a[2], wide, &fl) : ret;
}

static int64_t do_fcntl(struct sysctx *c, bool with64)
{
    uint32_t cmd = c->a[1], arg = c->a[2];
    int64_t r;
    switch (cmd) {
    case F_GETFL:
        r = HC(SYS_fcntl, s32(c->a[0]), F_GETFL, 0, 0, 0, 0);
        return r < 0 ? r : open_flags_to_guest((int)r);
    case F_SETFL: return HC(SYS_fcntl, s32(c->a[0]), F_SETFL, open_flags_to_host(arg), 0, 0, 0);
    case 5: return lock_call(c, F_GETLK, false, true);
    case 6: return lock_call(c, F_SETLK, false, false);
    case 7: return lock_call(c, F_SETLKW, false, false);
    case G_GETLK64: return with64 ? lock_call(c, F_GETLK, true, true) : -EINVAL;
    case G_SETLK64: return with64 ? lock_call(c, F_SETLK, true, false) : -EINVAL;
    case G_SETLKW64: return with64 ? lock_call(c, F_SETLKW, true, false) : -EINVAL;
    case G_OFD_GETLK: return with64 ? lock_call(c, F_OFD_GETLK, true, true) : -EINVAL;
    case G_OFD_SETLK: return with64 ? lock_call(c, F_OFD_SETLK, true, false) : -EINVAL;
    case G_OFD_SETLKW: return with64 ? lock_call(c, F_OFD_SETLKW, true, false) : -EINVAL;
    case 15: case 16: case 17: /* F_SETOWN_EX, F_GETOWN_EX, F_GETOWNER_UIDS: two ints */
    case 1037: case 1038: case 1039: case 1040: /* write life hints: 64-bit values */
        mem_prepare_write(arg, 8);
        return HC(SYS_fcntl, s32(c->a[0]), cmd, arg, 0, 0, 0);
    default: return HC(SYS_fcntl, s32(c->a[0]), cmd, s32(arg), 0, 0, 0);
    }
}

SYSCALL(fcntl) { return do_fcntl(c, false); }
SYSCALL(fcntl64) { return do_fcntl(c, true); }

/* ---- directories ---- */

struct host_dirent { uint64_t ino; int64_t off; uint16_t reclen; uint8_t type; char name[]; };

SYSCALL(getdents64)
{
    mem_prepare_write(c->a[1], c->a[2]);
    int64_t n = HC(SYS_getdents64, s32(c->a[0]), c->a[1], c->a[2], 0, 0, 0);
    for (int64_t at = 0; at < n;) {
        struct host_dirent *h = (void *)((char *)mem_host(c->a[1]) + at);
        h->off = cookie32(h->off);
        at += h->reclen;
    }
    return n;
}

SYSCALL(getdents)
{
    uint32_t size = c->a[2], done = 0;
    /* a converted record (10 + name + 2, 4-aligned) is never longer than the host's */
    uint8_t buf[32768];
    uint32_t want = size < sizeof buf ? size : (uint32_t)sizeof buf;
    int64_t n = HC(SYS_getdents64, s32(c->a[0]), buf, want, 0, 0, 0);
    for (int64_t at = 0; at < n;) {
        const struct host_dirent *h = (const void *)(buf + at);
        uint32_t len = (uint32_t)strlen(h->name), rec = (10 + len + 2 + 3) & ~3u;
        uint8_t out[512] = {0};
        struct i386_dirent *g = (void *)out;
        if ((uint32_t)h->ino != h->ino)
            return -EOVERFLOW;
        g->ino = (uint32_t)h->ino;
        g->off = cookie32(h->off);
        g->reclen = (uint16_t)rec;
        memcpy(g->name, h->name, len + 1);
        out[rec - 1] = h->type;
        if (mem_write(c->a[1] + done, out, rec))
            return -EFAULT;
        done += rec;
        at += h->reclen;
    }
    return n < 0 ? n : (int64_t)done;
}

SYSCALL(readdir) /* old: one entry, returns 1 */
{
    uint8_t buf[512];
    int64_t pos = HC(SYS_lseek, s32(c->a[0]), 0, SEEK_CUR, 0, 0, 0);
    int64_t n = HC(SYS_getdents64, s32(c->a[0]), buf, sizeof buf, 0, 0, 0);
    if (n <= 0)
        return n;
    const struct host_dirent *h = (const void *)buf;
    HC(SYS_lseek, s32(c->a[0]), h->off, SEEK_SET, 0, 0, 0);
    uint8_t out[512] = {0};
    struct i386_dirent *g = (void *)out;
    size_t len = strlen(h->name);
    g->ino = (uint32_t)h->ino;
    g->off = cookie32(pos);
    g->reclen = (uint16_t)len;
    memcpy(g->name, h->name, len + 1);
    return mem_write(c->a[1], out, 10 + len + 1) ? -EFAULT : 1;
}

SYSCALL(getcwd)
{
    char buf[PATH_MAX];
    int64_t n = HC(SYS_getcwd, buf, sizeof buf, 0, 0, 0, 0);
    if (n < 0)
        return n;
    const char *g = path_to_guest(buf);
    size_t len = strlen(g) + 1;
    if (len > c->a[1])
        return -ERANGE;
    return mem_write(c->a[0], g, len) ? -EFAULT : (int64_t)len;
}

static int64_t do_readlink(struct sysctx *c, int dirfd, uint32_t path, uint32_t buf, uint32_t size)
{
    char guest[PATH_MAX], host[PATH_MAX], text[PATH_MAX];
    if ((int32_t)size <= 0)
        return -EINVAL;
    int n = mem_read_str(guest, path, sizeof guest);
    if (n < 0)
        return n;
    int64_t len = proc_readlink(c->t, guest, text, sizeof text);
    if (len < 0) {
        int r = path_to_host(guest, host, false, false);
        if (r)
            return r;
        len = HC(SYS_readlinkat, dirfd, n ? host : "", text, sizeof text, 0, 0);
        if (len < 0)
            return len;
        if (len < (int64_t)sizeof text && !strncmp(guest, "/proc/", 6)) {
            text[len] = 0;
            const char *g = path_to_guest(text);
            len = (int64_t)strlen(g);
            memmove(text, g, (size_t)len);
        }
    }
    if (len > (int64_t)size)
        len = size;
    return mem_write(buf, text, (size_t)len) ? -EFAULT : len;
}

SYSCALL(readlink) { return do_readlink(c, AT_FDCWD, c->a[0], c->a[1], c->a[2]); }
SYSCALL(readlinkat) { return do_readlink(c, (int)c->a[0], c->a[1], c->a[2], c->a[3]); }

/* ---- times of files ---- */

static int64_t set_times(int dirfd, uint32_t path, const struct timespec *ts, int flags)
{
    char host[PATH_MAX];
    if (!path)
        return HC(SYS_utimensat, dirfd, 0, ts, flags, 0, 0);
    int r = get_path(path, host, flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW);
    return r ? r : HC(SYS_utimensat, dirfd, host, ts, flags, 0, 0);
}

SYSCALL(utime)
{
    int32_t v[2];
    if (!c->a[1])
        return set_times(AT_FDCWD, c->a[0], NULL, 0);
    if (mem_read(v, c->a[1], 8))
        return -EFAULT;
    struct timespec ts[2] = {{v[0], 0}, {v[1], 0}};
    return set_times(AT_FDCWD, c->a[0], ts, 0);
}

static int64_t timeval_times(int dirfd, uint32_t path, uint32_t a)
{
    struct i386_timeval v[2];
    if (!a)
        return set_times(dirfd, path, NULL, 0);
    if (mem_read(v, a, sizeof v))
        return -EFAULT;
    struct timespec ts[2];
    for (int i = 0; i < 2; i++) {
        if (v[i].usec < 0 || v[i].usec >= 1000000)
            return -EINVAL;
        ts[i] = (struct timespec){v[i].sec, v[i].usec * 1000L};
    }
    return set_times(dirfd, path, ts, 0);
}

SYSCALL(utimes) { return timeval_times(AT_FDCWD, c->a[0], c->a[1]); }
SYSCALL(futimesat) { return timeval_times((int)c->a[0], c->a[1], c->a[2]); }

static int64_t do_utimensat(struct sysctx *c, bool t64)
{
    struct timespec ts[2];
    if (!c->a[2])
        return set_times((int)c->a[0], c->a[1], NULL, (int)c->a[3]);
    if (get_timespec(c->a[2], t64, &ts[0]) || get_timespec(c->a[2] + (t64 ? 16 : 8), t64, &ts[1]))
        return -EFAULT;
    return set_times((int)c->a[0], c->a[1], ts, (int)c->a[3]);
}

SYSCALL(utimensat) { return do_utimensat(c, false); }
SYSCALL(utimensat_time64) { return do_utimensat(c, true); }

/* ---- 16-bit owners ---- */

static long id16(uint32_t v) { return (v & 0xffff) == 0xffff ? -1 : (long)(v & 0xffff); }

SYSCALL(chown)
{
    char p[PATH_MAX];
    int r = get_path(c->a[0], p, PATH_FOLLOW);
    return r ? r : HC(SYS_fchownat, AT_FDCWD, p, id16(c->a[1]), id16(c->a[2]), 0, 0);
}
SYSCALL(lchown)
{
    char p[PATH_MAX];
    int r = get_path(c->a[0], p, 0);
    return r ? r : HC(SYS_fchownat, AT_FDCWD, p, id16(c->a[1]), id16(c->a[2]),
                      AT_SYMLINK_NOFOLLOW, 0);
}
SYSCALL(fchown) { return HC(SYS_fchown, s32(c->a[0]), id16(c->a[1]), id16(c->a[2]), 0, 0, 0); }
SYSCALL(inotify_init) { (void)c; return HC(SYS_inotify_init1, 0, 0, 0, 0, 0, 0); }
