/* ioctl: by tables of what is known to be alike or how it differs. What is in none goes through the
 * host's own 32-bit entry where it has one, and is refused elsewhere: passed on as it is, an unknown
 * request could overwrite memory. */
#include <linux/fs.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "syscalls/priv.h"

/* Requests whose argument is the same for i386 and 64-bit hosts: a value (size 0), or a structure
 * without pointers or longs of `size` bytes that the host reads or writes itself. */
static const struct { uint32_t req; uint16_t size; } same[] = {
    /* terminals */
    {0x5401 /* TCGETS */, 36}, {0x5402, 36}, {0x5403, 36}, {0x5404, 36}, {0x5405, 18}, {0x5406, 18},
    {0x5407, 18}, {0x5408, 18}, {0x5409, 0}, {0x540a, 0}, {0x540b, 0}, {0x540c, 0}, {0x540d, 0},
    {0x540e, 0}, {0x540f /* TIOCGPGRP */, 4}, {0x5410, 4}, {0x5411, 4}, {0x5412, 1},
    {0x5413 /* TIOCGWINSZ */, 8}, {0x5414, 8}, {0x5415, 4}, {0x5416, 4}, {0x5417, 4}, {0x5418, 4},
    {0x5419, 4}, {0x541a, 4}, {0x541b /* FIONREAD */, 4}, {0x541c /* TIOCLINUX */, 64},
    {0x541d /* TIOCCONS */, 0}, {0x5420, 4}, {0x5421 /* FIONBIO */, 4},
    {0x5422 /* TIOCNOTTY */, 0}, {0x5423, 4}, {0x5424, 4}, {0x5425, 0}, {0x5427, 0}, {0x5428, 0},
    {0x5429 /* TIOCGSID */, 4}, {0x802c542a /* TCGETS2 */, 44}, {0x402c542b, 44}, {0x402c542c, 44},
    {0x402c542d, 44}, {0x80045430 /* TIOCGPTN */, 4}, {0x40045431, 4}, {0x80045432 /* TIOCGDEV */, 4},
    {0x5437 /* TIOCVHANGUP */, 0}, {0x80045438, 4}, {0x80045439, 4}, {0x80045440, 4},
    {0x5441 /* TIOCGPTPEER */, 0}, {0x40045436, 0},
    {0x5450 /* FIONCLEX */, 0}, {0x5451, 0}, {0x5452 /* FIOASYNC */, 4},
    {0x5456 /* TIOCGLCKTRMIOS */, 36}, {0x5457, 36}, {0x545d /* TIOCGICOUNT */, 80},
    {0x5460 /* FIOQSIZE */, 8},
    /* consoles */
    {0x4b33 /* KDGKBTYPE */, 1}, {0x4b3a /* KDSETMODE */, 0}, {0x4b3b, 4}, {0x4b31 /* KDGETLED */, 1},
    {0x4b32, 0}, {0x4b44 /* KDGKBMODE */, 4}, {0x4b45, 0}, {0x4b2f /* KIOCSOUND */, 0},
    {0x4b30 /* KDMKTONE */, 0}, {0x4b62 /* KDGKBMETA */, 4}, {0x4b63, 0}, {0x4b64 /* KDGKBLED */, 1},
    {0x4b65, 0}, {0x5600 /* VT_OPENQRY */, 4}, {0x5601, 8}, {0x5602, 8}, {0x5603 /* VT_GETSTATE */, 6},
    {0x5605 /* VT_RELDISP */, 0}, {0x5606 /* VT_ACTIVATE */, 0}, {0x5607, 0}, {0x5608, 0},
    /* files */
    {1 /* FIBMAP */, 4}, {2 /* FIGETBSZ */, 4}, {0x40049409 /* FICLONE */, 0},
    {0x4020940d /* FICLONERANGE */, 32}, {0xc0189436 /* FIDEDUPERANGE */, 4096},
    {0xc020660b /* FS_IOC_FIEMAP */, 4096}, {0xc0045877 /* FIFREEZE */, 0}, {0xc0045878, 0},
    {0xc0185879 /* FITRIM */, 24}, {0x801c581f /* FS_IOC_FSGETXATTR */, 28}, {0x401c5820, 28},
    {0x81009431 /* FS_IOC_GETFSLABEL */, 256}, {0x41009432, 256}, {0xc0406610 /* encryption */, 64},
    {0x80111500 /* FS_IOC_GETFSUUID */, 17},
    {0xb701 /* NS_GET_USERNS */, 0}, {0xb702, 0}, {0xb703, 0}, {0xb704, 4},
    /* block devices */
    {0x125d /* BLKROSET */, 4}, {0x125e, 4}, {0x125f /* BLKRRPART */, 0}, {0x1261 /* BLKFLSBUF */, 0},
    {0x1262 /* BLKRASET */, 0}, {0x1264, 0}, {0x1267 /* BLKSECTGET */, 2}, {0x1268 /* BLKSSZGET */, 4},
    {0x1277 /* BLKDISCARD */, 16}, {0x1278, 4}, {0x1279, 4}, {0x127a, 4}, {0x127b /* BLKPBSZGET */, 4},
    {0x127c, 4}, {0x127d, 16}, {0x127e /* BLKROTATIONAL */, 2}, {0x127f /* BLKZEROOUT */, 16},
    {0x80081280 /* BLKGETDISKSEQ */, 8},
    {0x4c00 /* LOOP_SET_FD */, 0}, {0x4c01, 0}, {0x4c04 /* LOOP_SET_STATUS64 */, 232}, {0x4c05, 232},
    {0x4c06, 0}, {0x4c07, 0}, {0x4c08, 0}, {0x4c09, 0}, {0x4c0a /* LOOP_CONFIGURE */, 304},
    {0x4c80 /* LOOP_CTL_ADD */, 0}, {0x4c81, 0}, {0x4c82, 0},
    /* random numbers, clock, watchdog, tunnels, input */
    {0x80045200 /* RNDGETENTCNT */, 4}, {0x40045201, 4}, {0x40085203 /* RNDADDENTROPY */, 8},
    {0x5204, 0}, {0x5206, 0}, {0x5207 /* RNDRESEEDCRNG */, 0},
    {0x7001 /* RTC_AIE_ON */, 0}, {0x7002, 0}, {0x7003, 0}, {0x7004, 0}, {0x7005, 0}, {0x7006, 0},
    {0x80247008 /* RTC_ALM_READ */, 36}, {0x40247007, 36}, {0x80247009 /* RTC_RD_TIME */, 36},
    {0x4024700a, 36}, {0x80287010 /* RTC_WKALM_RD */, 40}, {0x4028700f, 40},
    {0x80285700 /* WDIOC_GETSUPPORT */, 40}, {0x80045701, 4}, {0x80045702, 4}, {0x80045704, 4},
    {0x80045705, 4}, {0xc0045706, 4}, {0x80045707, 4}, {0x8004570a, 4},
    {0x400454c9 /* TUNSETDEBUG... */, 0}, {0x400454cb /* TUNSETPERSIST */, 0}, {0x400454cc, 0},
    {0x400454cd, 0}, {0x400454ce, 0}, {0x800454cf /* TUNGETFEATURES */, 4}, {0x400454d0, 0},
    {0x800454d3, 4}, {0x400454d4, 4}, {0x800454d7, 4}, {0x400454d8, 4},
    {0x80044501 /* EVIOCGVERSION */, 4}, {0x80084502 /* EVIOCGID */, 8}, {0x40044590, 0},
    /* userfaultfd */
    {0xaa00, 0}, {0xc018aa3f /* UFFDIO_API */, 24}, {0xc020aa00 /* UFFDIO_REGISTER */, 32},
    {0x8010aa01, 0}, {0x8010aa02, 0}, {0xc028aa03 /* UFFDIO_COPY */, 40}, {0xc020aa04, 32},
    {0xc028aa05, 40}, {0xc018aa06, 24}, {0xc020aa07, 32}, {0xc020aa08, 32},
    /* sockets */
    {0x8901, 4}, {0x8902, 4}, {0x8903, 4}, {0x8904, 4}, {0x8905 /* SIOCATMARK */, 4},
    {0x80108906 /* SIOCGSTAMP_NEW */, 16}, {0x80108907, 16},
};

/* Requests whose number encodes sizeof(long) though the argument is alike, of 8 bytes at most. */
static const struct { uint32_t guest; unsigned long host; } renumbered[] = {
    {0x80046601, FS_IOC_GETFLAGS}, {0x40046602, FS_IOC_SETFLAGS}, {0x80047601, FS_IOC_GETVERSION},
    {0x40047602, FS_IOC_SETVERSION}, {0x80041270, BLKBSZGET}, {0x40041271, BLKBSZSET},
    {0x80041272, BLKGETSIZE64},
};

/* Requests that write a long. */
static const uint32_t long_out[] = {0x1260 /* BLKGETSIZE */, 0x1263 /* BLKRAGET */,
                                    0x1265 /* BLKFRAGET */};

/* struct ifreq, 32 bytes instead of 40: as it is, and where its union is a pointer. */
static const uint32_t ifreqs[] = {
    0x8910, 0x8913, 0x8914, 0x8915, 0x8916, 0x8917, 0x8918, 0x8919, 0x891a, 0x891b, 0x891c, 0x891d,
    0x891e, 0x8921, 0x8922, 0x8923, 0x8924, 0x8927, 0x8929, 0x8930, 0x8931, 0x8932, 0x8933, 0x8934,
    0x8935, 0x8936, 0x8937, 0x8942, 0x8943, 0x8947, 0x8948, 0x8949, 0x89a2, 0x89a3,
    0x400454ca /* TUNSETIFF */, 0x800454d2 /* TUNGETIFF */,
};
static const uint32_t ifreq_pointers[] = {0x8946 /* SIOCETHTOOL */, 0x89b0 /* SIOCSHWTSTAMP */, 0x89b1};

static bool listed(const uint32_t *list, size_t n, uint32_t req)
{
    while (n--)
        if (list[n] == req)
            return true;
    return false;
}

static int64_t host_ioctl(const struct sysctx *c, const void *arg)
{
    return HCB(SYS_ioctl, s32(c->a[0]), c->a[1], arg, 0, 0, 0);
}

static int64_t ioctl_ifreq(struct sysctx *c, bool pointer)
{
    struct ifreq r;
    uint32_t data;
    memset(&r, 0, sizeof r);
    if (mem_read(&r, c->a[2], 32))
        return host_ioctl(c, BAD_PTR);
    memcpy(&data, &r.ifr_data, sizeof data);
    if (pointer)
        r.ifr_data = mem_host(data);
    int64_t ret = host_ioctl(c, &r);
    return ret < 0 || pointer ? ret : mem_write(c->a[2], &r, 32) ? -EFAULT : ret;
}

static int64_t ioctl_ifconf(struct sysctx *c)
{
    struct { int32_t len; uint32_t buf; } g;
    struct ifreq r[64];
    struct ifconf h = {.ifc_len = sizeof r, .ifc_req = r};
    if (mem_read(&g, c->a[2], sizeof g))
        return host_ioctl(c, BAD_PTR);
    int64_t ret = host_ioctl(c, &h);
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

/* SIOCGSTAMP and SIOCGSTAMPNS in longs. */
static int64_t ioctl_stamp(struct sysctx *c)
{
    int64_t v[2];
    int64_t r = host_ioctl(c, v);
    int32_t g[2] = {(int32_t)v[0], (int32_t)v[1]};
    return r ? r : mem_write(c->a[2], g, sizeof g);
}

static int64_t ioctl_long(struct sysctx *c)
{
    long v = 0;
    int64_t r = host_ioctl(c, &v);
    return r ? r : mem_write32(c->a[2], (uint32_t)v);
}

/* In none of the tables. */
static int64_t ioctl_unknown(struct sysctx *c)
{
    uint32_t req = c->a[1], size = req >> 16 & 0x3fff;
    if (HC(SYS_fcntl, s32(c->a[0]), 3 /* F_GETFL */, 0, 0, 0, 0) < 0)
        return -EBADF;
    mem_prepare_write(c->a[2], size > 256 ? size : 256);
    int64_t r = runtime_hooks.ioctl32((int)c->a[0], req, c->a[2]);
    if (r != -ENOSYS)
        return restartable((long)r);
    log_event("ioctl %#x (dir %u, type %#x, nr %u, size %u) refused: unknown", req, req >> 30,
              req >> 8 & 0xff, req & 0xff, size);
    return -ENOTTY;
}

SYSCALL(ioctl)
{
    uint32_t req = c->a[1];
    for (size_t i = 0; i < ARRAY_SIZE(same); i++)
        if (same[i].req == req) {
            mem_prepare_write(c->a[2], same[i].size);
            return host_ioctl(c, mem_host(c->a[2]));
        }
    for (size_t i = 0; i < ARRAY_SIZE(renumbered); i++)
        if (renumbered[i].guest == req) {
            mem_prepare_write(c->a[2], 8);
            return HC(SYS_ioctl, s32(c->a[0]), renumbered[i].host, c->a[2], 0, 0, 0);
        }
    if (listed(ifreqs, ARRAY_SIZE(ifreqs), req))
        return ioctl_ifreq(c, false);
    if (listed(ifreq_pointers, ARRAY_SIZE(ifreq_pointers), req))
        return ioctl_ifreq(c, true);
    if (listed(long_out, ARRAY_SIZE(long_out), req))
        return ioctl_long(c);
    if (req == SIOCGIFCONF)
        return ioctl_ifconf(c);
    if (req == 0x8906 || req == 0x8907)
        return ioctl_stamp(c);
    return ioctl_unknown(c);
}
