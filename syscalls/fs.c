/* File systems as such: quotas, types, old statistics, handles, notification. */
#include <fcntl.h>
#include <linux/fanotify.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/quota.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "syscalls/priv.h"

#ifndef SYS_quotactl_fd
#define SYS_quotactl_fd 443
#endif

/* ---- quotactl: two structures are padded differently ---- */

enum { Q_GETQUOTA_ = 0x800007, Q_XGETQSTAT_ = 0x5805, IF_DQBLK_SIZE = 68 };

/* struct fs_quota_stat: two fs_qfilestat of 24 bytes for the host, of 20 for the guest, at 8 and 4. */
static int put_xgetqstat(uint32_t a, const uint8_t *h)
{
    uint8_t g[4 + 2 * 20 + 5 * 4];
    memcpy(g, h, 4);
    memcpy(g + 4, h + 8, 20);
    memcpy(g + 24, h + 32, 20);
    memcpy(g + 44, h + 56, 20);
    return mem_write(a, g, 64 /* without the last counters' tail */);
}

/* The call as `nr`, with first argument `first` behind cmd or before it. */
static int64_t quota_call(struct sysctx *c, long nr, long first, uint32_t cmd)
{
    uint8_t h[128] = {0};
    uint32_t sub = cmd >> 8;
    bool own = c->a[3] && (sub == Q_GETQUOTA_ || sub == Q_XGETQSTAT_);
    const void *addr = own ? (void *)h : mem_host(c->a[3]);
    if (!own)
        mem_prepare_write(c->a[3], 256);
    int64_t r = nr == SYS_quotactl ? HC(nr, cmd, first, s32(c->a[2]), addr, 0, 0)
                                   : HC(nr, first, cmd, s32(c->a[2]), addr, 0, 0);
    if (r || !own)
        return r;
    return sub == Q_GETQUOTA_ ? mem_write(c->a[3], h, IF_DQBLK_SIZE) : put_xgetqstat(c->a[3], h);
}

SYSCALL(quotactl)
{
    char p[PATH_MAX];
    return quota_call(c, SYS_quotactl, c->a[1] ? (long)host_path(c->a[1], p, PATH_FOLLOW) : 0,
                      c->a[0]);
}
SYSCALL(quotactl_fd) { return quota_call(c, SYS_quotactl_fd, s32(c->a[0]), c->a[1]); }

/* ---- extended attributes with flags: the value's address has 64 bits ---- */

static int64_t xattrat(struct sysctx *c, long nr)
{
    struct { uint64_t value; uint32_t size, flags; } x;
    char p[PATH_MAX];
    if (c->a[5] < sizeof x)
        return -EINVAL;
    int r = read_sized(&x, sizeof x, c->a[4], c->a[5]);
    if (r)
        return r;
    if (x.value > UINT32_MAX)
        x.value = (uintptr_t)BAD_PTR;
    else if (nr == SYS_getxattrat)
        mem_prepare_write((gaddr)x.value, x.size);
    return HC(nr, s32(c->a[0]), host_path(c->a[1], p, c->a[2] & AT_SYMLINK_NOFOLLOW ? 0 : PATH_FOLLOW), c->a[2],
              c->a[3], &x, sizeof x);
}
SYSCALL(setxattrat) { return xattrat(c, SYS_setxattrat); }
SYSCALL(getxattrat) { return xattrat(c, SYS_getxattrat); }

/* ---- sysfs: the kernel's list of file systems, in its order ---- */

/* The name of type `index`, or the number of types if name is NULL... see sysfs. -1: no /proc. */
static int each_type(int index, const char *wanted, char name[64])
{
    struct lines l;
    char *line;
    int n = 0, found = -1;
    if (!lines_open(&l, "/proc/filesystems"))
        return -1;
    while ((line = lines_next(&l))) {
        const char *t = strchr(line, '\t');
        if (!t)
            continue;
        if (n == index)
            snprintf(name, 64, "%s", t + 1);
        if ((wanted && !strcmp(t + 1, wanted)) || n == index)
            found = n;
        n++;
    }
    return wanted || index >= 0 ? found : n;
}

SYSCALL(sysfs)
{
    char name[GUEST_PAGE_SIZE], type[64];
    int n;
    switch (c->a[0]) {
    case 1: /* name -> index */
        n = mem_read_str(name, c->a[1], sizeof name);
        if (n < 0)
            return n;
        n = each_type(-1, name, type);
        return n < 0 ? -EINVAL : n;
    case 2: /* index -> name */
        if (each_type((int)c->a[1], NULL, type) < 0 || s32(c->a[1]) < 0)
            return -EINVAL;
        return mem_write(c->a[2], type, strlen(type) + 1);
    case 3: /* how many */
        n = each_type(-1, NULL, type);
        return n < 0 ? -ENOSYS : n;
    default: return -EINVAL;
    }
}

/* ---- ustat: statistics of the file system on a device ---- */

#ifndef SYS_ustat /* newer hosts: the place where the device is mounted, if it is */
static int64_t ustat_host(uint64_t dev, int32_t v[2])
{
    struct lines l;
    char *line, at[2048];
    unsigned maj, min;
    int64_t r = -EINVAL;
    struct statfs s;
    lines_open(&l, "/proc/thread-self/mountinfo");
    while ((line = lines_next(&l)))
        if (r && sscanf(line, "%*d %*d %u:%u %*s %2047s", &maj, &min, at) == 3 &&
            makedev(maj, min) == dev && statfs(at, &s) == 0) {
            v[0] = (int32_t)s.f_bfree;
            v[1] = (int32_t)s.f_ffree;
            r = 0;
        }
    return r;
}
#else
static int64_t ustat_host(uint64_t dev, int32_t v[2])
{
    struct { int32_t tfree; uint64_t tinode; char name[12]; } u;
    uint64_t d = (minor(dev) & 0xff) | major(dev) << 8 | (minor(dev) & ~0xffull) << 12;
    int64_t r = HC(SYS_ustat, d, &u, 0, 0, 0, 0);
    if (!r)
        v[0] = u.tfree, v[1] = (int32_t)u.tinode;
    return r;
}
#endif

SYSCALL(ustat)
{
    uint32_t d = c->a[0];
    int32_t g[5] = {0};
    int64_t r = ustat_host(makedev(d >> 8 & 0xfff, (d & 0xff) | (d >> 12 & 0xfff00)), g);
    return r ? r : mem_write(c->a[1], g, sizeof g);
}

/* ---- handles ---- */

SYSCALL(open_by_handle_at)
{
    bool small = !(c->a[2] & (I386_O_LARGEFILE | O_PATH));
    int64_t fd = HCB(SYS_open_by_handle_at, s32(c->a[0]), c->a[1], open_flags_to_host(c->a[2]), 0,
                     0, 0);
    if (fd >= 0)
        fd_set_small((uint32_t)fd, small);
    return fd;
}

/* ---- fanotify ---- */

SYSCALL(fanotify_init)
{
    return HC(SYS_fanotify_init, c->a[0], open_flags_to_host(c->a[1]), 0, 0, 0, 0);
}
SYSCALL(fanotify_mark)
{
    char p[PATH_MAX];
    const char *path = host_path(c->a[5], p, c->a[1] & FAN_MARK_DONT_FOLLOW ? 0 : PATH_FOLLOW);
    return HC(SYS_fanotify_mark, s32(c->a[0]), c->a[1], pair(c->a[2], c->a[3]), s32(c->a[4]), path,
              0);
}

/* ---- mounts ---- */

SYSCALL(listmount)
{
    if (c->a[2] < 1u << 20)
        mem_prepare_write(c->a[1], c->a[2] * 8);
    return HC(458 /* listmount */, c->a[0], c->a[1], c->a[2], c->a[3], 0, 0);
}
