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
#include "core/stress.h"
#include "syscalls/priv.h"

SYSCALL(pipe)
{
    mem_prepare_write(c->a[0], 8);
    return HC(SYS_pipe2, c->a[0], 0, 0, 0, 0, 0);
}

/* ---- positions ---- */

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
    if (dir && whence == SEEK_SET && off > 0 && !fstatfs((int)fd, &fs) &&
        fs.f_type == EXT4_SUPER_MAGIC) {
        if (off > INT32_MAX)
            return -EINVAL;
        off = off == INT32_MAX ? INT64_MAX : off << 32;
    }
    int64_t r = HC(SYS_lseek, s32(fd), off, s32(whence), 0, 0, 0);
    return dir && r > 0 ? cookie32(r) : r;
}

/* A 64-bit kernel does not refuse what does not fit: it is cut. */
SYSCALL(lseek)
{
    int64_t r = seek(c->a[0], s32(c->a[1]), c->a[2]);
    if (r > UINT32_MAX)
        report_loss("position of 4 GiB or more cut to 32 bits");
    return r < 0 ? r : (uint32_t)r;
}

SYSCALL(_llseek)
{
    int64_t r = seek(c->a[0], (int64_t)pair(c->a[2], c->a[1]), c->a[4]);
    if (r < 0)
        return r;
    return mem_write(c->a[3], &r, 8);
}

static int64_t do_truncate(uint32_t path, int64_t len)
{
    char p[PATH_MAX];
    return HC(SYS_truncate, host_path(path, p, PATH_FOLLOW), len, 0, 0, 0, 0);
}
/* x86's 64-bit form minds O_LARGEFILE too (arch/x86/kernel/sys_ia32.c). */
static int64_t do_ftruncate(uint32_t fd, int64_t len)
{
    if (len > INT32_MAX && fd_small(fd) && HC(SYS_fcntl, s32(fd), F_GETFD, 0, 0, 0, 0) >= 0)
        return -EINVAL;
    return HC(SYS_ftruncate, s32(fd), len, 0, 0, 0, 0);
}
SYSCALL(truncate) { return do_truncate(c->a[0], s32(c->a[1])); }
SYSCALL(truncate64) { return do_truncate(c->a[0], (int64_t)pair(c->a[1], c->a[2])); }
SYSCALL(ftruncate) { return do_ftruncate(c->a[0], s32(c->a[1])); }
SYSCALL(ftruncate64) { return do_ftruncate(c->a[0], (int64_t)pair(c->a[1], c->a[2])); }
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

/* ---- reading and writing ----
 * Files opened without O_LARGEFILE end at 2 GiB - 1 for writes (fs/read_write.c
 * generic_write_check_limits). */

enum { G_RWF_APPEND = 0x10, G_RWF_NOAPPEND = 0x20 };

/* Cuts *len for a write to `fd` at `pos` (-1: its own position), with RWF_ flags. 0, -EFBIG or -EIO. */
static int write_limit(uint32_t fd, int64_t pos, uint32_t flags, uint64_t *len)
{
    struct stat st;
    int r = memory_file_limit(fd, pos, len, true);
    if (r || !*len || !fd_small(fd) || fstat((int)fd, &st) || !S_ISREG(st.st_mode))
        return r;
    int64_t fl = HC(SYS_fcntl, s32(fd), F_GETFL, 0, 0, 0, 0);
    if (fl < 0 || (fl & O_ACCMODE) == O_RDONLY)
        return 0;
    if (fl & O_APPEND ? !(flags & G_RWF_NOAPPEND) : flags & G_RWF_APPEND)
        pos = st.st_size;
    else if (pos < 0)
        pos = HC(SYS_lseek, s32(fd), 0, SEEK_CUR, 0, 0, 0);
    if (pos >= INT32_MAX)
        return -EFBIG;
    if (*len > (uint64_t)(INT32_MAX - pos))
        *len = (uint64_t)(INT32_MAX - pos);
    return 0;
}

/* What comes behind a transfer of n bytes at `pos`; `moves`: of a call that has no position of its own. */
static int64_t transferred(uint32_t fd, int64_t pos, bool moves, int64_t n)
{
    if (moves && n > 0)
        HC(SYS_lseek, s32(fd), pos + n, SEEK_SET, 0, 0, 0);
    return n;
}

static int64_t written(uint32_t fd, int64_t pos, bool moves, int64_t n)
{
    memory_file_written(fd, pos, n);
    return transferred(fd, pos, moves, n);
}

SYSCALL(read)
{
    if (unlikely(records_fd(c->a[0])))
        return records_read(c);
    uint64_t n = c->a[2];
    int64_t pos = -1;
    bool moves = memory_file_position(c->a[0], &pos);
    int r = memory_file_limit(c->a[0], pos, &n, false);
    proc_read_from(c->t, c->a[0], -1);
    mem_prepare_write(c->a[1], c->a[2]);
    if (r)
        return r;
    return transferred(c->a[0], pos, moves,
                       HCB(moves ? SYS_pread64 : SYS_read, s32(c->a[0]), c->a[1], n, pos, 0, 0));
}
SYSCALL(write)
{
    if (unlikely(records_fd(c->a[0])))
        return records_write(c);
    uint64_t n = c->a[2];
    int64_t pos = -1;
    bool moves = memory_file_position(c->a[0], &pos);
    int r = write_limit(c->a[0], pos, 0, &n);
    return r ? r : written(c->a[0], pos, moves,
                           HCB(moves ? SYS_pwrite64 : SYS_write, s32(c->a[0]), c->a[1], n, pos, 0, 0));
}
SYSCALL(pread64)
{
    uint64_t n = c->a[2];
    int64_t pos = (int64_t)pair(c->a[3], c->a[4]);
    int r = pos < 0 ? 0 : memory_file_limit(c->a[0], pos, &n, false);
    proc_read_from(c->t, c->a[0], pos);
    mem_prepare_write(c->a[1], c->a[2]);
    return r ? r : HCB(SYS_pread64, s32(c->a[0]), c->a[1], n, pos, 0, 0);
}
SYSCALL(pwrite64)
{
    uint64_t n = c->a[2];
    int64_t pos = (int64_t)pair(c->a[3], c->a[4]);
    int r = pos < 0 ? 0 : write_limit(c->a[0], pos, 0, &n);
    return r ? r : written(c->a[0], pos, false, HCB(SYS_pwrite64, s32(c->a[0]), c->a[1], n, pos, 0, 0));
}

/* ---- vectors ---- */

struct iovec *host_iovec(uint32_t a, uint32_t n, struct iovec *out, bool for_write)
{
    for (uint32_t i = 0; i < n && i < IOV_LIMIT; i++) {
        struct i386_iovec v;
        if (mem_read(&v, a + i * 8, sizeof v))
            return BAD_PTR;
        out[i].iov_base = mem_host(v.base);
        out[i].iov_len = (size_t)s32(v.len);
        if (s32(v.len) < 0)
            break; /* EINVAL, whatever follows */
        if (for_write)
            mem_prepare_write(v.base, v.len);
    }
    return out;
}

/* Cuts the vector as write_limit or memory_file_limit do. 0 or -errno. */
static int vector_limit(uint32_t fd, int64_t pos, uint32_t flags, struct iovec *v, uint32_t *n, bool in)
{
    uint64_t total = 0, left;
    if (v == BAD_PTR || *n > IOV_LIMIT)
        return 0;
    for (uint32_t i = 0; i < *n; i++) {
        if ((int64_t)v[i].iov_len < 0)
            return 0;
        total += v[i].iov_len;
    }
    left = total;
    int r = in ? memory_file_limit(fd, pos, &left, false) : write_limit(fd, pos, flags, &left);
    for (uint32_t i = 0; i < *n && !r; i++) {
        if (v[i].iov_len > left)
            v[i].iov_len = left;
        left -= v[i].iov_len;
    }
    return r;
}

/* `pos` is -1 for readv and writev, which have none. */
static int64_t vector(struct sysctx *c, long nr, bool in, int64_t pos, uint32_t flags)
{
    struct iovec buf[IOV_LIMIT];
    uint32_t n = c->a[2];
    struct iovec *v = host_iovec(c->a[1], n, buf, in);
    bool own = pos == -1 && nr != SYS_preadv && nr != SYS_pwritev;
    bool moves = own && memory_file_position(c->a[0], &pos);
    if (moves)
        nr = in ? SYS_preadv2 : SYS_pwritev2;
    int r = pos < 0 && !own ? 0 : vector_limit(c->a[0], pos, flags, v, &n, in);
    if (r)
        return r;
    if (in)
        proc_read_from(c->t, c->a[0], pos);
    /* preadv and friends take the position as two longs of which a 64-bit kernel uses the first */
    int64_t done = HCB(nr, s32(c->a[0]), v, n, pos, 0, flags);
    return in ? transferred(c->a[0], pos, moves, done) : written(c->a[0], pos, moves, done);
}

static int64_t position(struct sysctx *c) { return (int64_t)pair(c->a[3], c->a[4]); }

SYSCALL(readv) { return vector(c, SYS_readv, true, -1, 0); }
SYSCALL(writev) { return vector(c, SYS_writev, false, -1, 0); }
SYSCALL(preadv) { return vector(c, SYS_preadv, true, position(c), 0); }
SYSCALL(pwritev) { return vector(c, SYS_pwritev, false, position(c), 0); }
SYSCALL(preadv2) { return vector(c, SYS_preadv2, true, position(c), c->a[5]); }
SYSCALL(pwritev2) { return vector(c, SYS_pwritev2, false, position(c), c->a[5]); }

SYSCALL(vmsplice)
{
    struct iovec buf[IOV_LIMIT], *v = host_iovec(c->a[1], c->a[2], buf, true);
    return HCB(SYS_vmsplice, s32(c->a[0]), v, c->a[2], c->a[3], 0, 0);
}

SYSCALL(copy_file_range)
{
    uint64_t n = c->a[4], room = n ? n : 1; /* unlike writes, those of nothing end there, too */
    int64_t pos = -1;
    mem_prepare_write(c->a[1], 8);
    mem_prepare_write(c->a[3], 8);
    bool known = !c->a[3] || !mem_read(&pos, c->a[3], sizeof pos);
    int r = known ? write_limit(c->a[2], pos, 0, &room) : 0;
    n = n < room ? n : room;
    int64_t done = HCB(SYS_copy_file_range, s32(c->a[0]), c->a[1], s32(c->a[2]), c->a[3], r ? 0 : n, c->a[5]);
    return done < 0 || !r ? done : r; /* with no length the host has looked for all other errors */
}

SYSCALL(splice)
{
    mem_prepare_write(c->a[1], 8);
    mem_prepare_write(c->a[3], 8);
    return HCB(SYS_splice, s32(c->a[0]), c->a[1], s32(c->a[2]), c->a[3], c->a[4], c->a[5]);
}

SYSCALL(sendfile) /* 32-bit offset, which ends at 2 GiB - 1 */
{
    int32_t off32;
    uint32_t n = c->a[3];
    if (!c->a[2])
        return HCB(SYS_sendfile, s32(c->a[0]), s32(c->a[1]), 0, n, 0, 0);
    if (mem_read(&off32, c->a[2], 4))
        return -EFAULT;
    int64_t off = off32, r;
    if (off >= 0 && n > (uint32_t)(INT32_MAX - off)) {
        n = (uint32_t)(INT32_MAX - off);
        r = n ? 0 : HC(SYS_sendfile, s32(c->a[0]), s32(c->a[1]), &off, 0, 0, 0);
        if (!n)
            return r < 0 ? r : -EOVERFLOW;
    }
    r = HCB(SYS_sendfile, s32(c->a[0]), s32(c->a[1]), &off, n, 0, 0);
    off32 = (int32_t)off;
    return mem_write(c->a[2], &off32, 4) ? -EFAULT : r;
}

SYSCALL(sendfile64)
{
    if (c->a[2])
        mem_prepare_write(c->a[2], 8);
    return HCB(SYS_sendfile, s32(c->a[0]), s32(c->a[1]), c->a[2], c->a[3], 0, 0);
}

/* ---- directories ---- */

struct host_dirent { uint64_t ino; int64_t off; uint16_t reclen; uint8_t type; char name[]; };

SYSCALL(getdents64)
{
    mem_prepare_write(c->a[1], c->a[2]);
    int64_t n = HC(SYS_getdents64, s32(c->a[0]), c->a[1], c->a[2], 0, 0, 0);
    for (int64_t at = 0; at < n;) { /* other threads may do anything to it meanwhile */
        gaddr a = c->a[1] + (gaddr)at;
        struct host_dirent h;
        if (mem_read(&h, a, sizeof h) || !h.reclen)
            break;
        h.off = cookie32(h.off);
        h.ino = stress_ino(h.ino);
        mem_write(a, &h, offsetof(struct host_dirent, reclen));
        at += h.reclen;
    }
    return n;
}

/* Positions back to where the entry behind `off` is the next. */
static void rewind_to(uint32_t fd, int64_t off)
{
    HC(SYS_lseek, s32(fd), off, SEEK_SET, 0, 0, 0);
}

static bool large_ino(const struct host_dirent *h)
{
    uint64_t ino = stress_ino(h->ino);
    if ((uint32_t)ino != ino)
        report_loss("inode number above 0xffffffff: EOVERFLOW");
    return (uint32_t)ino != ino;
}

/* Writes one entry in the old layout: the type is its last byte. Its length, or -errno. Names may be longer than
 * NAME_MAX: of FAT, in UTF-8, and of FUSE. */
static int64_t put_dirent(uint32_t a, uint32_t room, const struct host_dirent *h)
{
    uint8_t out[PATH_MAX + 16];
    struct i386_dirent *g = (void *)out;
    uint32_t len = (uint32_t)strlen(h->name), rec = (10 + len + 2 + 3) & ~3u;
    if (rec > room)
        return -EINVAL;
    if (rec > sizeof out)
        return -EOVERFLOW;
    memset(out + rec - 8, 0, 8);
    if (large_ino(h))
        return -EOVERFLOW;
    g->ino = (uint32_t)h->ino;
    g->off = cookie32(h->off);
    g->reclen = (uint16_t)rec;
    memcpy(g->name, h->name, len + 1);
    out[rec - 1] = h->type;
    return mem_write(a, out, rec) ? -EFAULT : (int64_t)rec;
}

/* The entries that fit are fewer or more than the host's call would give for the same size: what
 * was read too much is given back by seeking. */
SYSCALL(getdents)
{
    uint32_t size = c->a[2] > INT32_MAX ? 0 : c->a[2], done = 0; /* a kernel takes it for negative */
    uint8_t buf[32768];
    int64_t n = 0, last = HC(SYS_lseek, s32(c->a[0]), 0, SEEK_CUR, 0, 0, 0);
    do {
        n = HC(SYS_getdents64, s32(c->a[0]), buf, sizeof buf, 0, 0, 0);
        for (int64_t at = 0; at < n;) {
            const struct host_dirent *h = (const void *)(buf + at);
            int64_t r = put_dirent(c->a[1] + done, size - done, h);
            if (r < 0) {
                rewind_to(c->a[0], last);
                return done ? (int64_t)done : r;
            }
            done += (uint32_t)r;
            last = h->off;
            at += h->reclen;
        }
    } while (n > 0);
    return done ? (int64_t)done : n;
}

SYSCALL(readdir) /* old: one entry, returns 1 */
{
    uint8_t buf[512], out[512] = {0};
    int64_t pos = HC(SYS_lseek, s32(c->a[0]), 0, SEEK_CUR, 0, 0, 0);
    int64_t n = HC(SYS_getdents64, s32(c->a[0]), buf, sizeof buf, 0, 0, 0);
    if (n <= 0)
        return n;
    const struct host_dirent *h = (const void *)buf;
    rewind_to(c->a[0], h->off);
    if (large_ino(h))
        return -EOVERFLOW;
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
    char guest[PATH_MAX] = "", host[PATH_MAX], text[PATH_MAX];
    int64_t len = -1;
    if (s32(size) <= 0)
        return -EINVAL;
    if (mem_read_str(guest, path, sizeof guest) > 0)
        len = proc_readlink(c->t, dirfd, guest, text, sizeof text);
    if (len < 0) {
        len = HC(SYS_readlinkat, dirfd, host_path(path, host, 0), text, sizeof text, 0, 0);
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
    const char *p = host_path(path, host, flags & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW);
    struct timespec t[2];
    if (unlikely(stress & STRESS_Y2038) && ts) {
        memcpy(t, ts, sizeof t);
        for (int i = 0; i < 2; i++)
            if (t[i].tv_nsec != UTIME_NOW && t[i].tv_nsec != UTIME_OMIT)
                t[i].tv_sec = stress_untime(t[i].tv_sec);
        ts = t;
    }
    return HC(SYS_utimensat, dirfd, p, ts, flags, 0, 0);
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
    return HC(SYS_fchownat, AT_FDCWD, host_path(c->a[0], p, PATH_FOLLOW), id16(c->a[1]),
              id16(c->a[2]), 0, 0);
}
SYSCALL(lchown)
{
    char p[PATH_MAX];
    return HC(SYS_fchownat, AT_FDCWD, host_path(c->a[0], p, 0), id16(c->a[1]), id16(c->a[2]),
              AT_SYMLINK_NOFOLLOW, 0);
}
SYSCALL(fchown) { return HC(SYS_fchown, s32(c->a[0]), id16(c->a[1]), id16(c->a[2]), 0, 0, 0); }
SYSCALL(inotify_init) { (void)c; return HC(SYS_inotify_init1, 0, 0, 0, 0, 0, 0); }
