/* Descriptors: opening, closing, duplicating, fcntl and locks. */
#define _FILE_OFFSET_BITS 64
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/options.h"
#include "core/stress.h"
#include "syscalls/priv.h"

/* ---- open flags: AArch64 has other values for these four ---- */

enum { SAME_FLAGS = ~(I386_O_DIRECT | I386_O_LARGEFILE | I386_O_DIRECTORY | I386_O_NOFOLLOW) };

/* O_LARGEFILE as the host's kernel knows it; 64-bit C libraries define it as 0. */
enum { HOST_O_LARGEFILE = ~SAME_FLAGS & ~(O_DIRECT | O_DIRECTORY | O_NOFOLLOW) };

static const struct { uint32_t guest; int host; } flag_map[] = {
    {I386_O_DIRECT, O_DIRECT}, {I386_O_DIRECTORY, O_DIRECTORY}, {I386_O_NOFOLLOW, O_NOFOLLOW},
    {I386_O_LARGEFILE, HOST_O_LARGEFILE},
};

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

/* ---- descriptors opened without O_LARGEFILE ----
 * A 64-bit process's files all have it. The mark goes with the descriptor, through dup and fork;
 * exec and SCM_RIGHTS lose it. */

enum { SMALL_FDS = 65536 };
static LARGE_BSS uint8_t small_fds[SMALL_FDS / 8];

bool fd_small(uint32_t fd)
{
    return fd < SMALL_FDS &&
           __atomic_load_n(&small_fds[fd / 8], __ATOMIC_RELAXED) >> (fd % 8) & 1;
}

void fd_set_small(uint32_t fd, bool small)
{
    if (fd >= SMALL_FDS || fd_small(fd) == small)
        return;
    uint8_t b = (uint8_t)(1u << (fd % 8));
    if (small)
        __atomic_fetch_or(&small_fds[fd / 8], b, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&small_fds[fd / 8], (uint8_t)~b, __ATOMIC_RELAXED);
}

/* ---- open ---- */

static bool too_big(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_size > (stress & STRESS_OFF64 ? 0 : INT32_MAX);
}

/* openat for the guest. Without O_LARGEFILE a file of 2 GiB or more is refused, before O_TRUNC has
 * its effect (fs/open.c generic_file_open). */
static int64_t open_host(int dirfd, const char *path, uint32_t flags, uint32_t mode)
{
    int h = open_flags_to_host(flags);
    bool small = !(flags & (I386_O_LARGEFILE | O_PATH));
    struct stat st;
    if (small && (h & O_TRUNC) && HC(SYS_newfstatat, dirfd, path, &st, 0, 0, 0) == 0 &&
        too_big(&st))
        h &= ~(O_TRUNC | O_CREAT);
    int64_t fd = HCB(SYS_openat, dirfd, path, h, mode, 0, 0);
    if (fd < 0)
        return fd;
    bool known = !(h & O_PATH) && fstat((int)fd, &st) == 0;
    int64_t shown = known ? proc_reopen(thread_self, (int)fd, &st, h) : -1;
    if (shown != -1)
        return shown;
    if (known)
        records_opened((uint32_t)fd, &st);
    if (small && known && too_big(&st)) {
        close((int)fd);
        report_loss("file of 2 GiB or more opened without O_LARGEFILE");
        return -EOVERFLOW;
    }
    fd_set_small((uint32_t)fd, small);
    return fd;
}

static int64_t do_open(struct sysctx *c, int dirfd, uint32_t path, uint32_t flags, uint32_t mode)
{
    char host[PATH_MAX], guest[PATH_MAX];
    if (mem_read_str(guest, path, sizeof guest) >= 0) {
        int64_t v = proc_open(c->t, dirfd, guest, open_flags_to_host(flags));
        if (v != -1)
            return v;
    }
    int how = (flags & I386_O_NOFOLLOW ? 0 : PATH_FOLLOW) | (flags & O_CREAT ? PATH_CREATE : 0);
    return open_host(dirfd, host_path(path, host, how), flags, mode);
}

SYSCALL(open) { return do_open(c, AT_FDCWD, c->a[0], c->a[1], c->a[2]); }
SYSCALL(openat) { return do_open(c, (int)c->a[0], c->a[1], c->a[2], c->a[3]); }
SYSCALL(creat) /* has no form for 32-bit programs, and a 64-bit kernel's files are large */
{
    return do_open(c, AT_FDCWD, c->a[0], O_CREAT | O_WRONLY | O_TRUNC | I386_O_LARGEFILE, c->a[1]);
}

int read_sized(void *dst, size_t n, uint32_t a, uint32_t size)
{
    uint8_t more[256];
    if (size > GUEST_PAGE_SIZE)
        return -E2BIG;
    memset(dst, 0, n);
    for (uint32_t at = (uint32_t)n; at < size;) {
        uint32_t k = size - at < sizeof more ? size - at : (uint32_t)sizeof more;
        uint32_t page = GUEST_PAGE_SIZE - ((a + at) & GUEST_PAGE_MASK); /* what follows may be a hole */
        k = k < page ? k : page;
        if (mem_read(more, a + at, k))
            return -EFAULT;
        for (uint32_t i = 0; i < k; i++)
            if (more[i])
                return -E2BIG;
        at += k;
    }
    return mem_read(dst, a, size < n ? size : n);
}

SYSCALL(openat2) /* as creat: the file is a large one */
{
    struct open_how how;
    char host[PATH_MAX];
    if (c->a[3] < sizeof how)
        return -EINVAL;
    int r = read_sized(&how, sizeof how, c->a[2], c->a[3]);
    if (r)
        return r;
    const char *p = host_path(c->a[1], host, PATH_FOLLOW | (how.flags & O_CREAT ? PATH_CREATE : 0));
    how.flags = (uint64_t)(uint32_t)open_flags_to_host((uint32_t)how.flags) | (how.flags >> 32 << 32);
    struct stat st;
    int64_t fd = HCB(SYS_openat2, s32(c->a[0]), p, &how, sizeof how, 0, 0);
    if (fd < 0)
        return fd;
    bool known = !(how.flags & O_PATH) && fstat((int)fd, &st) == 0;
    int64_t shown = known ? proc_reopen(c->t, (int)fd, &st, (int)how.flags) : -1;
    if (shown != -1)
        return shown;
    if (known)
        records_opened((uint32_t)fd, &st);
    fd_set_small((uint32_t)fd, false);
    return fd;
}

/* ---- close, dup ---- */

/* Descriptors that are xrun's own look closed to the guest. */
enum { OWN_FDS = 3 };
static int own_fds(uint32_t own[OWN_FDS])
{
    int n = 0;
    if (log_fd() > 2)
        own[n++] = (uint32_t)log_fd();
    if (opt.session_fd > 2)
        own[n++] = opt.session_fd;
    if (opt.self_fd > 2)
        own[n++] = opt.self_fd;
    return n;
}

static bool own_fd(uint32_t fd)
{
    uint32_t own[OWN_FDS];
    for (int n = own_fds(own); n--;)
        if (own[n] == fd)
            return true;
    return false;
}

SYSCALL(close)
{
    if (own_fd(c->a[0]))
        return -EBADF;
    fd_set_small(c->a[0], false);
    records_forget(c->a[0]);
    return HC(SYS_close, s32(c->a[0]), 0, 0, 0, 0, 0);
}

SYSCALL(close_range)
{
    uint32_t from = c->a[0], to = c->a[1];
    if (from > to || (c->a[2] & ~6u /* CLOSE_RANGE_UNSHARE, CLOSE_RANGE_CLOEXEC */))
        return -EINVAL;
    if (!(c->a[2] & 4))
        for (uint32_t fd = from; fd <= to && fd < SMALL_FDS; fd++)
            fd_set_small(fd, false), records_forget(fd);
    uint32_t own[OWN_FDS];
    int n = own_fds(own);
    int64_t r = 0;
    while (r >= 0 && from <= to) { /* up to the next of them */
        uint32_t next = to;
        bool found = false;
        for (int i = 0; i < n; i++)
            if (own[i] >= from && own[i] <= next) {
                next = own[i];
                found = true;
            }
        if (!found)
            break;
        if (next > from)
            r = HC(SYS_close_range, from, next - 1, c->a[2], 0, 0, 0);
        from = next + 1;
    }
    return r < 0 || from > to ? r : HC(SYS_close_range, from, to, c->a[2], 0, 0, 0);
}

static int64_t dup_to(uint32_t from, int64_t fd)
{
    if (fd >= 0)
        fd_set_small((uint32_t)fd, fd_small(from)), records_copy(from, (uint32_t)fd);
    return fd;
}

SYSCALL(pidfd_getfd)
{
    int64_t fd = HC(438 /* pidfd_getfd */, s32(c->a[0]), s32(c->a[1]), c->a[2], 0, 0, 0);
    if (fd >= 0)
        records_look((uint32_t)fd), fd_set_small((uint32_t)fd, fd_small(c->a[1]) && pidfd_is_own(c->a[0]));
    return fd;
}

SYSCALL(dup) { return dup_to(c->a[0], HC(SYS_dup, s32(c->a[0]), 0, 0, 0, 0, 0)); }
SYSCALL(dup2)
{
    if (c->a[0] == c->a[1])
        return HC(SYS_fcntl, s32(c->a[0]), F_GETFL, 0, 0, 0, 0) < 0 ? -EBADF : s32(c->a[0]);
    return dup_to(c->a[0], HC(SYS_dup3, s32(c->a[0]), s32(c->a[1]), 0, 0, 0, 0));
}
SYSCALL(dup3)
{
    return dup_to(c->a[0], HC(SYS_dup3, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), 0, 0, 0));
}

SYSCALL(chroot) /* keeps hold of xrun itself: the new root may not have /proc */
{
    char p[PATH_MAX];
    const char *root = host_path(c->a[0], p, PATH_FOLLOW);
    if (!opt.self_fd) {
        int fd = options_fd_above(open("/proc/thread-self/exe", O_PATH | O_CLOEXEC), OPTIONS_SELF_FD_MIN);
        opt.self_fd = fd > 0 ? (uint32_t)fd : 0;
    }
    return HC(SYS_chroot, root, 0, 0, 0, 0, 0);
}

/* ---- fcntl ---- */

enum {
    G_GETLK = 5, G_SETLK, G_SETLKW, G_GETLK64 = 12, G_SETLK64, G_SETLKW64, G_SETOWN_EX, G_GETOWN_EX,
    G_GETOWNER_UIDS, G_OFD_GETLK = 36, G_OFD_SETLK, G_OFD_SETLKW, G_DUPFD_CLOEXEC = 1030,
    G_GET_RW_HINT = 1035, G_SET_FILE_RW_HINT = 1038
};

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
    void *p = read_lock(c->a[2], wide, &fl) ? BAD_PTR : &fl;
    int64_t ret = HCB(SYS_fcntl, s32(c->a[0]), host_cmd, p, 0, 0, 0);
    return ret == 0 && get ? write_lock(c->a[2], wide, &fl) : ret;
}

static int64_t get_flags(uint32_t fd)
{
    int64_t r = HC(SYS_fcntl, s32(fd), F_GETFL, 0, 0, 0, 0);
    if (r < 0)
        return r;
    return open_flags_to_guest((int)r & (fd_small(fd) ? ~HOST_O_LARGEFILE : ~0));
}

SYSCALL(fcntl64)
{
    uint32_t cmd = c->a[1], arg = c->a[2];
    if (own_fd(c->a[0]))
        return -EBADF;
    switch (cmd) {
    case F_GETFL: return get_flags(c->a[0]);
    case F_SETFL: arg = (uint32_t)open_flags_to_host(arg); break;
    case F_DUPFD: case G_DUPFD_CLOEXEC:
        return dup_to(c->a[0], HC(SYS_fcntl, s32(c->a[0]), cmd, arg, 0, 0, 0));
    case G_GETLK: return lock_call(c, F_GETLK, false, true);
    case G_SETLK: return lock_call(c, F_SETLK, false, false);
    case G_SETLKW: return lock_call(c, F_SETLKW, false, false);
    case G_GETLK64: return lock_call(c, F_GETLK, true, true);
    case G_SETLK64: return lock_call(c, F_SETLK, true, false);
    case G_SETLKW64: return lock_call(c, F_SETLKW, true, false);
    case G_OFD_GETLK: return lock_call(c, F_OFD_GETLK, true, true);
    case G_OFD_SETLK: return lock_call(c, F_OFD_SETLK, true, false);
    case G_OFD_SETLKW: return lock_call(c, F_OFD_SETLKW, true, false);
    case G_GETOWN_EX: case G_GETOWNER_UIDS: mem_prepare_write(arg, 8); break;
    default:
        if (cmd >= G_GET_RW_HINT && cmd <= G_SET_FILE_RW_HINT + 2)
            mem_prepare_write(arg, 8);
    }
    return HC(SYS_fcntl, s32(c->a[0]), cmd, arg, 0, 0, 0);
}

SYSCALL(fcntl) { return sys_fcntl64(c); } /* a 64-bit kernel takes the 64-bit locks here too */
