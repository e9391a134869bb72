/* System information and ioctl. */
#include <linux/fs.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "syscalls/priv.h"

static void machine(struct utsname *u)
{
    strcpy(u->machine, "i686");
}

SYSCALL(uname)
{
    struct utsname u;
    int64_t r = HC(SYS_uname, &u, 0, 0, 0, 0, 0);
    machine(&u);
    return r ? r : mem_write(c->a[0], &u, sizeof u);
}
SYSCALL(olduname) /* without the domain name */
{
    struct utsname u;
    int64_t r = HC(SYS_uname, &u, 0, 0, 0, 0, 0);
    machine(&u);
    return r ? r : mem_write(c->a[0], &u, 65 * 5);
}
SYSCALL(oldolduname) /* five names of 9 bytes */
{
    struct utsname u;
    char o[5][9];
    int64_t r = HC(SYS_uname, &u, 0, 0, 0, 0, 0);
    machine(&u);
    const char *from[5] = {u.sysname, u.nodename, u.release, u.version, u.machine};
    for (int i = 0; i < 5; i++) {
        memset(o[i], 0, 9);
        memcpy(o[i], from[i], strnlen(from[i], 8));
    }
    return r ? r : mem_write(c->a[0], o, sizeof o);
}

SYSCALL(sysinfo) /* sizes are scaled until they fit in 32 bits (kernel/sys.c) */
{
    struct sysinfo s;
    int64_t r = HC(SYS_sysinfo, &s, 0, 0, 0, 0, 0);
    if (r)
        return r;
    unsigned shift = 0;
    unsigned long unit = s.mem_unit;
    if ((s.totalram >> 32) || (s.totalswap >> 32))
        while (unit < GUEST_PAGE_SIZE) {
            unit <<= 1;
            shift++;
        }
    struct i386_sysinfo g;
    memset(&g, 0, sizeof g);
    g.uptime = (int32_t)s.uptime;
    for (int i = 0; i < 3; i++)
        g.loads[i] = (uint32_t)s.loads[i];
    g.totalram = (uint32_t)(s.totalram >> shift);
    g.freeram = (uint32_t)(s.freeram >> shift);
    g.sharedram = (uint32_t)(s.sharedram >> shift);
    g.bufferram = (uint32_t)(s.bufferram >> shift);
    g.totalswap = (uint32_t)(s.totalswap >> shift);
    g.freeswap = (uint32_t)(s.freeswap >> shift);
    g.procs = s.procs;
    g.totalhigh = (uint32_t)(s.totalhigh >> shift);
    g.freehigh = (uint32_t)(s.freehigh >> shift);
    g.mem_unit = (uint32_t)unit;
    return mem_write(c->a[0], &g, sizeof g);
}

/* ---- ioctl ---- */

/* Requests whose argument has the same layout on i386 and 64-bit hosts: by value, or a plain
 * structure of `size` bytes read or written by the host directly. */
static const struct { uint32_t req; uint16_t size; } same[] = {
    {0x5401 /* TCGETS */, 36}, {0x5402, 36}, {0x5403, 36}, {0x5404, 36}, {0x5405, 18}, {0x5406, 18},
    {0x5407, 18}, {0x5408, 18}, {0x5409, 0}, {0x540a, 0}, {0x540b, 0}, {0x540c, 0}, {0x540d, 0},
    {0x540e, 0}, {0x540f /* TIOCGPGRP */, 4}, {0x5410, 4}, {0x5411, 4}, {0x5412, 1},
    {0x5413 /* TIOCGWINSZ */, 8}, {0x5414, 8}, {0x5415, 4}, {0x5416, 4}, {0x5417, 4}, {0x5418, 4},
    {0x5419, 4}, {0x541a, 4}, {0x541b /* FIONREAD */, 4}, {0x5420, 4}, {0x5421 /* FIONBIO */, 4},
    {0x5422 /* TIOCNOTTY */, 0}, {0x5423, 4}, {0x5424, 4}, {0x5425, 0}, {0x5427, 0}, {0x5428, 0},
    {0x5429 /* TIOCGSID */, 4}, {0x802c542a /* TCGETS2 */, 44}, {0x402c542b, 44}, {0x402c542c, 44},
    {0x402c542d, 44}, {0x80045430 /* TIOCGPTN */, 4}, {0x40045431, 4}, {0x80045432, 4},
    {0x5441, 0}, {0x80045438, 4}, {0x80045439, 4}, {0x80045440, 4}, {0x40045436, 0},
    {0x5450 /* FIONCLEX */, 0}, {0x5451, 0}, {0x5452 /* FIOASYNC */, 4}, {0x5456 /* TIOCGLCKTRMIOS */, 36}, {0x5457, 36},
    {0x5460 /* FIOQSIZE */, 8},
    {0x40049409 /* FICLONE */, 0}, {0x4020940d, 32},
    {0x1268 /* BLKSSZGET */, 4}, {0x80045200 /* RNDGETENTCNT */, 4},
    {0x8903, 4}, {0x8904, 4}, {0x8901, 4}, {0x8902, 4}, {0x8905 /* SIOCATMARK */, 4},
};
/* Requests whose number encodes sizeof(long). */
static const struct { uint32_t guest; unsigned long host; } renumbered[] = {
    {0x80046601, FS_IOC_GETFLAGS}, {0x40046602, FS_IOC_SETFLAGS}, {0x80047601, FS_IOC_GETVERSION},
    {0x80041272, BLKGETSIZE64},
};
/* struct ifreq without pointers: 32 bytes instead of 40. */
static const uint32_t ifreqs[] = {0x8910, 0x8913, 0x8914, 0x8915, 0x8916, 0x8917, 0x8918, 0x8919,
                                  0x891a, 0x891b, 0x891c, 0x891d, 0x891e, 0x8921, 0x8922, 0x8927,
                                  0x8933, 0x8942, 0x8943};

static int64_t ioctl_ifreq(struct sysctx *c)
{
    struct ifreq r;
    memset(&r, 0, sizeof r);
    if (mem_read(&r, c->a[2], 32))
        return -EFAULT;
    int64_t ret = HC(SYS_ioctl, s32(c->a[0]), c->a[1], &r, 0, 0, 0);
    return ret < 0 ? ret : mem_write(c->a[2], &r, 32) ? -EFAULT : ret;
}

static int64_t ioctl_ifconf(struct sysctx *c)
{
    struct { int32_t len; uint32_t buf; } g;
    struct ifreq r[64];
    struct ifconf h = {.ifc_len = sizeof r, .ifc_req = r};
    if (mem_read(&g, c->a[2], sizeof g))
        return -EFAULT;
    int64_t ret = HC(SYS_ioctl, s32(c->a[0]), SIOCGIFCONF, &h, 0, 0, 0);
    if (ret < 0)
        return ret;
    int n = h.ifc_len / (int)sizeof *r, max = g.len / 32;
    if (g.buf && n > max)
        n = max;
    for (int i = 0; g.buf && i < n; i++)
        if (mem_write(g.buf + (uint32_t)i * 32, &r[i], 32))
            return -EFAULT;
    g.len = n * 32;
    return mem_write(c->a[2], &g, sizeof g);
}

SYSCALL(ioctl)
{
    uint32_t req = c->a[1];
    for (size_t i = 0; i < ARRAY_SIZE(same); i++)
        if (same[i].req == req) {
            if (same[i].size)
                mem_prepare_write(c->a[2], same[i].size);
            return HCB(SYS_ioctl, s32(c->a[0]), req, c->a[2], 0, 0, 0);
        }
    for (size_t i = 0; i < ARRAY_SIZE(renumbered); i++)
        if (renumbered[i].guest == req) {
            mem_prepare_write(c->a[2], 8);
            return HC(SYS_ioctl, s32(c->a[0]), renumbered[i].host, c->a[2], 0, 0, 0);
        }
    for (size_t i = 0; i < ARRAY_SIZE(ifreqs); i++)
        if (ifreqs[i] == req)
            return ioctl_ifreq(c);
    if (req == SIOCGIFCONF)
        return ioctl_ifconf(c);
    if (HC(SYS_fcntl, s32(c->a[0]), 1 /* F_GETFD */, 0, 0, 0, 0) < 0)
        return -EBADF;
    log_event("ioctl %#x (dir %u, type %#x, nr %u, size %u) refused: unknown", req, req >> 30,
              req >> 8 & 0xff, req & 0xff, req >> 16 & 0x3fff);
    return -ENOTTY;
}
