/* Addresses of 64 bits in structures that are alike in both. What they name must be the guest's: of a host address
 * there the kernel would read and write xrun's memory. So the kernel gets a copy of the structure in which such an
 * address is one that nobody has. (Lengths need no look: no more than the guest's memory can be read or written
 * from an address in it on.) */
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "syscalls/ioctl.h"

enum { WORDS = 512, ADDRESSES = 4, REPEATED = 255 };
enum { VHOST_SET_MEM_TABLE = 0x4008af03, SPI_MESSAGE = 0x40006b00 };

struct wide {
    uint32_t key;             /* the request, or level and option; */
    uint8_t length;           /* the word that says how long the range at the first address is, 0: none; REPEATED: the */
                              /* words below are those of an array's elements, which are 4 words long; */
    uint8_t word[ADDRESSES];  /* the words of 8 bytes that are addresses, from 1, ended by 0 */
};

static const struct wide requests[] = {
    {0xc020aa00, 2, {1}},         /* UFFDIO_REGISTER */
    {0x8010aa01, 2, {1}},         /* UFFDIO_UNREGISTER */
    {0x8010aa02, 2, {1}},         /* UFFDIO_WAKE */
    {0xc028aa03, 3, {1, 2}},      /* UFFDIO_COPY */
    {0xc020aa04, 2, {1}},         /* UFFDIO_ZEROPAGE */
    {0xc028aa05, 3, {1, 2}},      /* UFFDIO_MOVE */
    {0xc018aa06, 2, {1}},         /* UFFDIO_WRITEPROTECT */
    {0xc020aa07, 2, {1}},         /* UFFDIO_CONTINUE */
    {0xc020aa08, 2, {1}},         /* UFFDIO_POISON */
    {0xc0606610, 0, {6}},         /* PAGEMAP_SCAN */
    {0xc0686611, 0, {12, 13}},    /* PROCMAP_QUERY */
    {0x40806685, 0, {3, 5}},      /* FS_IOC_ENABLE_VERITY */
    {0xc0286687, 0, {4}},         /* FS_IOC_READ_VERITY_METADATA */
    {0xc0389423, 0, {7}},         /* BTRFS_IOC_INO_PATHS */
    {0xc0389424, 0, {7}},         /* BTRFS_IOC_LOGICAL_INO */
    {0xc038943b, 0, {7}},         /* BTRFS_IOC_LOGICAL_INO_V2 */
    {0xc0484e41, 0, {3, 4}},      /* NVME_IOCTL_ADMIN_CMD */
    {0xc0484e43, 0, {3, 4}},      /* NVME_IOCTL_IO_CMD */
    {0xc0504e47, 0, {3, 4}},      /* NVME_IOCTL_ADMIN64_CMD */
    {0xc0504e48, 0, {3, 4}},      /* NVME_IOCTL_IO64_CMD */
    {0x80104592, 0, {2}},         /* EVIOCGMASK */
    {0x40104593, 0, {2}},         /* EVIOCSMASK */
    {0xc0383e04, 0, {7}},         /* SYNC_IOC_FILE_INFO */
    {0xc0487c04, 0, {3, 5, 7, 9}}, /* MEDIA_IOC_G_TOPOLOGY */
    {0x4008af04, 0, {1}},         /* VHOST_SET_LOG_BASE */
    {0x4028af11, 0, {2, 3, 4}},   /* VHOST_SET_VRING_ADDR */
    {0x4020ae46, 0, {4}},         /* KVM_SET_USER_MEMORY_REGION */
    {0xc04064a0, 0, {1, 2, 3, 4}}, /* DRM_IOCTL_MODE_GETRESOURCES */
    {0xc06864a1, 0, {1}},         /* DRM_IOCTL_MODE_GETCRTC */
    {0xc06864a2, 0, {1}},         /* DRM_IOCTL_MODE_SETCRTC */
    {0xc02064a4, 0, {2, 3, 4}},   /* DRM_IOCTL_MODE_GETGAMMA */
    {0xc02064a5, 0, {2, 3, 4}},   /* DRM_IOCTL_MODE_SETGAMMA */
    {0xc05064a7, 0, {1, 2, 3, 4}}, /* DRM_IOCTL_MODE_GETCONNECTOR */
    {0xc04064aa, 0, {1, 2}},      /* DRM_IOCTL_MODE_GETPROPERTY */
    {0xc01064ac, 0, {2}},         /* DRM_IOCTL_MODE_GETPROPBLOB */
    {0xc01864b1, 0, {3}},         /* DRM_IOCTL_MODE_DIRTYFB */
    {0xc02064b6, 0, {4}},         /* DRM_IOCTL_MODE_GETPLANE */
    {0xc03864bc, 0, {2, 3, 4, 5}}, /* DRM_IOCTL_MODE_ATOMIC */
    {0xc01064bd, 0, {1}},         /* DRM_IOCTL_MODE_CREATEPROPBLOB */
    {0xc02064c3, 0, {1}},         /* DRM_IOCTL_SYNCOBJ_WAIT */
    {0xc01064c4, 0, {1}},         /* DRM_IOCTL_SYNCOBJ_RESET */
    {0xc01064c5, 0, {1}},         /* DRM_IOCTL_SYNCOBJ_SIGNAL */
    {0xc01864c6, 0, {1}},         /* DRM_IOCTL_MODE_CREATE_LEASE */
    {0xc01064c7, 0, {2}},         /* DRM_IOCTL_MODE_LIST_LESSEES */
    {0xc01064c8, 0, {2}},         /* DRM_IOCTL_MODE_GET_LEASE */
    {0xc02864ca, 0, {1, 2}},      /* DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT */
    {0xc01864cb, 0, {1, 2}},      /* DRM_IOCTL_SYNCOBJ_QUERY */
    {0xc01864cd, 0, {1, 2}},      /* DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL */
    {0x50009417, 0, {5}},         /* BTRFS_IOC_SNAP_CREATE_V2 */
    {0x50009418, 0, {5}},         /* BTRFS_IOC_SUBVOL_CREATE_V2 */
    {0xc0184d15, 0, {3}},         /* MEMWRITEOOB64 */
    {0xc0184d16, 0, {3}},         /* MEMREADOOB64 */
    {0xc0304d18, 0, {4, 5}},      /* MEMWRITE */
    {0x8010a402, 0, {1}},         /* TEE_IOC_OPEN_SESSION */
    {0x8010a403, 0, {1}},         /* TEE_IOC_INVOKE */
    {0x8010a406, 0, {1}},         /* TEE_IOC_SUPPL_RECV */
    {0x8010a407, 0, {1}},         /* TEE_IOC_SUPPL_SEND */
    {0xc018a409, 2, {1}},         /* TEE_IOC_SHM_REGISTER */
};

/* Options of sockets, of level and number. */
#define OPTION(level, name) ((uint32_t)(level) << 16 | (name))
static const struct wide options[] = {
    {OPTION(6, 35), 0, {1, 4, 6}},    /* TCP_ZEROCOPY_RECEIVE */
    {OPTION(283, 4), 0, {1}},         /* SOL_XDP, XDP_UMEM_REG */
    {OPTION(284, 4), 0, {4, 5}},      /* SOL_MPTCP, MPTCP_FULL_INFO */
    {OPTION(276, 2), 0, {1, 3}},      /* SOL_RDS, RDS_GET_MR */
    {OPTION(276, 7), 0, {17, 19}},    /* SOL_RDS, RDS_GET_MR_FOR_DEST */
};

static const struct wide *find(const struct wide *list, size_t n, uint32_t key)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].key == key)
            return &list[i];
    return NULL;
}

static void check(uint64_t *s, size_t words, const struct wide *w)
{
    uint64_t length = w->length && w->length <= words && w->length != REPEATED ? s[w->length - 1] : 0;
    if (w->length == REPEATED && words > 4)
        check(s + 4, words - 4, w);
    for (int i = 0; i < ADDRESSES && w->word[i] && w->word[i] <= words; i++) {
        uint64_t *p = &s[w->word[i] - 1];
        if (*p > UINT32_MAX || (i == 0 && length > (UINT64_C(1) << 32) - *p))
            *p = (uintptr_t)BAD_PTR;
        else if (*p)
            mem_prepare_write((gaddr)*p, i == 0 && length ? (uint32_t)length : MEM_UNKNOWN_LENGTH);
    }
}

/* Reads the structure, of `size` bytes and for the host with zeros behind, checks it, keeps it in `sent`. */
static bool get(uint64_t s[WORDS], uint64_t sent[WORDS], uint32_t a, uint32_t size, const struct wide *w)
{
    memset(s, 0, WORDS * sizeof *s);
    if (size > WORDS * sizeof *s || mem_read(s, a, size))
        return false;
    check(s, size / sizeof *s, w);
    memcpy(sent, s, WORDS * sizeof *s);
    return true;
}

/* What the kernel has changed goes back to the guest. */
static int put(uint32_t a, const uint64_t *s, const uint64_t *sent, uint32_t size)
{
    const uint8_t *new = (const uint8_t *)s, *old = (const uint8_t *)sent;
    for (uint32_t i = 0; i < size; i++) {
        uint32_t n = 0;
        while (i + n < size && new[i + n] != old[i + n])
            n++;
        if (n && mem_write(a + i, new + i, n))
            return -EFAULT;
        i += n;
    }
    return 0;
}

static int64_t ioctl_with(const struct sysctx *c, const struct wide *w, uint32_t size)
{
    uint64_t s[WORDS], sent[WORDS];
    if (!get(s, sent, c->a[2], size, w))
        return ioctl_host(c, c->a[1], BAD_PTR);
    int64_t r = ioctl_host(c, c->a[1], s);
    return put(c->a[2], s, sent, size) ? -EFAULT : r;
}

/* Requests of VFIO's containers that map memory for devices have numbers of its devices' own. They are refused. */
static bool vfio_container(const struct sysctx *c)
{
    enum { MAP_DMA = 0x3b71, UNMAP_DMA, DIRTY_PAGES = 0x3b75, MISC = 10, VFIO = 196 };
    struct stat st;
    return (c->a[1] == MAP_DMA || c->a[1] == UNMAP_DMA || c->a[1] == DIRTY_PAGES) && !fstat((int)c->a[0], &st) &&
           S_ISCHR(st.st_mode) && st.st_rdev == makedev(MISC, VFIO);
}

/* How long the structure is of those requests that do not say so. */
static uint32_t size_of(const struct sysctx *c, uint32_t request)
{
    uint32_t regions;
    if (request == VHOST_SET_MEM_TABLE)
        return mem_read32(c->a[2], &regions) || regions > WORDS / 4 ? UINT32_MAX : 8 + regions * 32;
    return _IOC_SIZE(request);
}

bool wide_ioctl(const struct sysctx *c, int64_t *r)
{
    static const struct wide memory_table = {VHOST_SET_MEM_TABLE, REPEATED, {4}};
    static const struct wide transfers = {SPI_MESSAGE, REPEATED, {1, 2}};
    const struct wide *w = find(requests, ARRAY_SIZE(requests), c->a[1]);
    if (c->a[1] == VHOST_SET_MEM_TABLE)
        w = &memory_table;
    else if ((c->a[1] & 0xc000ffff) == SPI_MESSAGE)
        w = &transfers;
    if (w)
        *r = ioctl_with(c, w, size_of(c, c->a[1]));
    else if (vfio_container(c))
        *r = -ENOTTY;
    else
        return false;
    return true;
}

int64_t wide_scsi_io(const struct sysctx *c)
{
    static const struct wide v4 = {0, 0, {3, 7, 10, 11}};
    return ioctl_with(c, &v4, 160 /* struct sg_io_v4 */);
}

bool wide_setsockopt(const struct sysctx *c, uint32_t len, int64_t *r)
{
    uint64_t s[WORDS], sent[WORDS];
    const struct wide *w = find(options, ARRAY_SIZE(options), OPTION(c->a[1], c->a[2]));
    if (!w)
        return false;
    const void *p = get(s, sent, c->a[3], len < sizeof s ? len : sizeof s, w) ? s : BAD_PTR;
    *r = HC(SYS_setsockopt, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), p, len < sizeof s ? len : sizeof s, 0);
    return true;
}

bool wide_getsockopt(const struct sysctx *c, uint32_t len, int64_t *r)
{
    uint64_t s[WORDS], sent[WORDS];
    const struct wide *w = find(options, ARRAY_SIZE(options), OPTION(c->a[1], c->a[2]));
    if (!w)
        return false;
    len = len < sizeof s ? len : sizeof s;
    const void *p = get(s, sent, c->a[3], len, w) ? s : BAD_PTR;
    *r = HC(SYS_getsockopt, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), p, &len, 0);
    if (p == s && *r >= 0 &&
        (put(c->a[3], s, sent, len < sizeof s ? len : sizeof s) || mem_write32(c->a[4], len)))
        *r = -EFAULT;
    return true;
}
