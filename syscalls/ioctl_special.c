/* ioctls whose argument has a form that depends on its contents, or on what was asked before. */
#include <linux/ethtool.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <linux/usbdevice_fs.h>
#include <net/if.h>
#include <sound/asound.h>
#include <stdlib.h>
#include <string.h>

#include "core/options.h"
#include "syscalls/ioctl.h"

/* ---- interfaces ---- */

enum { GUEST_IFREQ = 32 };

/* SIOCGIFCONF: a buffer that the kernel fills with struct ifreq, or asks for how much there would be. */
int64_t ioctl_interfaces(struct sysctx *c, enum ioctl_way way)
{
    struct { int32_t len; uint32_t buf; } g;
    (void)way;
    if (mem_read(&g, c->a[2], sizeof g))
        return ioctl_host(c, c->a[1], BAD_PTR);
    size_t n = g.buf && g.len > 0 ? (size_t)g.len / GUEST_IFREQ : 0;
    n = n < 4096 ? n : 4096;
    struct ifreq *r = xcalloc(n + 1, sizeof *r);
    struct ifconf h = {.ifc_len = g.buf ? (int)(n * sizeof *r) : 0, .ifc_req = g.buf ? r : NULL};
    int64_t ret = ioctl_host(c, c->a[1], &h);
    n = (size_t)h.ifc_len / sizeof *r;
    for (size_t i = 0; !ret && g.buf && i < n; i++)
        if (mem_write(g.buf + (uint32_t)i * GUEST_IFREQ, &r[i], GUEST_IFREQ))
            ret = -EFAULT;
    free(r);
    g.len = (int32_t)n * GUEST_IFREQ;
    return ret < 0 ? ret : mem_write(c->a[2], &g, sizeof g);
}

/* Of 32-bit programs the kernel takes routes through IPv4's and IPv6's sockets only. */
int64_t ioctl_route(struct sysctx *c, enum ioctl_way way)
{
    int domain = 0;
    socklen_t len = sizeof domain;
    int64_t r = HC(SYS_getsockopt, s32(c->a[0]), SOL_SOCKET, SO_DOMAIN, &domain, &len, 0);
    if (r == -EBADF || (!r && domain != AF_INET && domain != AF_INET6))
        return r ? r : -ENOTTY;
    return ioctl_convert(c, domain == AF_INET6 ? LAYOUT_rtmsg6 : LAYOUT_rtentry, way);
}

/* SIOCETHTOOL's commands have one form each, alike but for the rules of receive queues. */
static bool is_rule(uint32_t command)
{
    return command >= ETHTOOL_GRXRINGS && command <= ETHTOOL_SRXCLSRLINS;
}

int64_t ioctl_ethtool(struct sysctx *c, enum ioctl_way way)
{
    struct abi_size size = abi_size(LAYOUT_rxnfc);
    char g[256];
    const char *lost = NULL;
    uint32_t data, command;
    struct ifreq r;
    if (mem_read(g, c->a[2], GUEST_IFREQ))
        return ioctl_host(c, c->a[1], BAD_PTR);
    memcpy(&data, g + IFNAMSIZ, 4);
    if (mem_read32(data, &command) || !is_rule(command) || mem_read(g, data, size.guest))
        return ioctl_convert(c, LAYOUT_ifreq_data, way);
    uint32_t rules;
    memcpy(&rules, g + size.guest - 4, 4);
    rules = command == ETHTOOL_GRXCLSRLALL && rules < 1 << 16 ? rules : 0;
    char *h = xcalloc(1, size.host + rules * 4);
    abi_to_host(LAYOUT_rxnfc, g, h, NULL);
    mem_read(&r, c->a[2], IFNAMSIZ);
    r.ifr_data = h;
    int64_t ret = ioctl_host(c, c->a[1], &r);
    /* the list begins where the structure's padding does */
    size_t list = offsetof(struct ethtool_rxnfc, rule_locs);
    if (ret >= 0 && (abi_to_guest(LAYOUT_rxnfc, h, g, &lost) || mem_write(data, g, size.guest) ||
                     mem_write(data + (uint32_t)size.guest, h + list, rules * 4)))
        ret = -EFAULT;
    free(h);
    return ret;
}

/* ---- block devices ---- */

int64_t ioctl_sectors(struct sysctx *c, enum ioctl_way way)
{
    uint64_t n = 0;
    (void)way;
    int64_t r = ioctl_host(c, BLKGETSIZE, &n);
    if (!r && n > UINT32_MAX) {
        report_loss("BLKGETSIZE: device of 2 TiB or more: EFBIG");
        return -EFBIG;
    }
    return r ? r : mem_write32(c->a[2], (uint32_t)n);
}

/* 32-bit programs get the logical size from BLKBSZGET, others the one for caching. */
int64_t ioctl_block_size(struct sysctx *c, enum ioctl_way way)
{
    (void)way;
    mem_prepare_write(c->a[2], 4);
    return ioctl_host(c, BLKSSZGET, mem_host(c->a[2]));
}

/* ---- loop devices: the old structure has 16-bit devices, 32-bit inodes and offsets ---- */

static int put_loop(uint32_t a, const struct loop_info64 *h)
{
    struct i386_loop_info g;
    memset(&g, 0, sizeof g);
    g.number = (int32_t)h->lo_number;
    g.device = (uint16_t)h->lo_device;
    g.inode = (uint32_t)h->lo_inode;
    g.rdevice = (uint16_t)h->lo_rdevice;
    g.offset = (int32_t)h->lo_offset;
    g.encrypt_type = (int32_t)h->lo_encrypt_type;
    g.encrypt_key_size = (int32_t)h->lo_encrypt_key_size;
    g.flags = (int32_t)h->lo_flags;
    for (int i = 0; i < 2; i++)
        g.init[i] = (uint32_t)h->lo_init[i];
    memcpy(g.name, h->lo_encrypt_type == LO_CRYPT_CRYPTOAPI ? h->lo_crypt_name : h->lo_file_name, LO_NAME_SIZE);
    memcpy(g.key, h->lo_encrypt_key, LO_KEY_SIZE);
    if (g.device != h->lo_device || g.rdevice != h->lo_rdevice || g.inode != h->lo_inode ||
        (uint64_t)g.offset != h->lo_offset || g.init[0] != h->lo_init[0] || g.init[1] != h->lo_init[1])
        return -EOVERFLOW;
    return mem_write(a, &g, sizeof g);
}

int64_t ioctl_loop_status(struct sysctx *c, enum ioctl_way way)
{
    struct i386_loop_info g;
    struct loop_info64 h;
    memset(&h, 0, sizeof h);
    if (way == OUT) {
        int64_t r = ioctl_host(c, LOOP_GET_STATUS64, &h);
        return r ? r : put_loop(c->a[2], &h);
    }
    if (mem_read(&g, c->a[2], sizeof g))
        return ioctl_host(c, LOOP_SET_STATUS64, BAD_PTR);
    h.lo_number = (uint32_t)g.number;
    h.lo_device = g.device;
    h.lo_inode = g.inode;
    h.lo_rdevice = g.rdevice;
    h.lo_offset = (uint64_t)g.offset;
    h.lo_encrypt_type = (uint32_t)g.encrypt_type;
    h.lo_encrypt_key_size = (uint32_t)g.encrypt_key_size;
    h.lo_flags = (uint32_t)g.flags;
    for (int i = 0; i < 2; i++)
        h.lo_init[i] = g.init[i];
    memcpy(h.lo_encrypt_type == LO_CRYPT_CRYPTOAPI ? h.lo_crypt_name : h.lo_file_name, g.name, LO_NAME_SIZE);
    memcpy(h.lo_encrypt_key, g.key, LO_KEY_SIZE);
    return ioctl_host(c, LOOP_SET_STATUS64, &h);
}

/* ---- SCSI: version 3 with one buffer or a vector; version 4 is alike in both ---- */

int64_t ioctl_scsi_io(struct sysctx *c, enum ioctl_way way)
{
    struct { uint32_t version, direction; uint8_t lengths[2]; uint16_t vectors; } g = {0};
    if (!mem_read(&g, c->a[2], sizeof g) && g.version == 'Q')
        return wide_scsi_io(c);
    return ioctl_convert(c, g.vectors ? LAYOUT_sg_io_vec : LAYOUT_sg_io, way);
}

/* ---- sound ---- */

/* The value of a control element: longs or something alike, as its type says. */
int64_t ioctl_sound_element(struct sysctx *c, enum ioctl_way way)
{
    struct snd_ctl_elem_info info;
    memset(&info, 0, sizeof info);
    if (mem_read(&info.id, c->a[2], sizeof info.id))
        return ioctl_host(c, ioctl_request(c->a[1], abi_size(LAYOUT_ctl_longs)), BAD_PTR);
    int64_t r = ioctl_host(c, SNDRV_CTL_IOCTL_ELEM_INFO, &info);
    if (r < 0)
        return r;
    bool longs = info.type == SNDRV_CTL_ELEM_TYPE_INTEGER || info.type == SNDRV_CTL_ELEM_TYPE_BOOLEAN;
    return ioctl_convert(c, longs ? LAYOUT_ctl_longs : LAYOUT_ctl_bytes, way);
}

/* Positions in a buffer wrap at the boundary, a multiple of the buffer's size that a long has room for. */
int64_t ioctl_sound_sw(struct sysctx *c, enum ioctl_way way)
{
    struct abi_size size = abi_size(LAYOUT_pcm_sw);
    char g[128];
    const char *lost = NULL;
    struct snd_pcm_sw_params h;
    (void)way;
    unsigned long request = ioctl_request(c->a[1], size);
    if (mem_read(g, c->a[2], size.guest))
        return ioctl_host(c, request, BAD_PTR);
    abi_to_host(LAYOUT_pcm_sw, g, &h, NULL);
    int64_t r = ioctl_host(c, request, &h);
    while (h.boundary > INT32_MAX)
        h.boundary /= 2;
    if (r >= 0 && (abi_to_guest(LAYOUT_pcm_sw, &h, g, &lost) || mem_write(c->a[2], g, size.guest)))
        return -EFAULT;
    return r;
}

/* One buffer per channel. How many there are only the driver knows: as many pointers as can be read. */
int64_t ioctl_sound_frames(struct sysctx *c, enum ioctl_way way)
{
    enum { CHANNELS = 256 };
    struct abi_size size = abi_size(LAYOUT_pcm_xfern);
    struct snd_xfern h;
    void *bufs[CHANNELS];
    uint32_t g[3], p;
    (void)way;
    unsigned long request = ioctl_request(c->a[1], size);
    if (mem_read(g, c->a[2], sizeof g))
        return ioctl_host(c, request, BAD_PTR);
    abi_to_host(LAYOUT_pcm_xfern, g, &h, NULL);
    for (uint32_t i = 0; i < CHANNELS; i++)
        bufs[i] = mem_read32(g[1] + i * 4, &p) ? BAD_PTR : mem_host(p);
    h.bufs = bufs;
    int64_t r = ioctl_host(c, request, &h);
    return mem_write32(c->a[2], (uint32_t)h.result) ? -EFAULT : r;
}

/* ---- video ---- */

int64_t ioctl_video_buffer(struct sysctx *c, enum ioctl_way way)
{
    enum { CAPTURE_PLANES = 9, OUTPUT_PLANES = 10 };
    static const enum abi_layout layouts[2][2] = {{LAYOUT_v4l2_buffer, LAYOUT_v4l2_planes},
                                                  {LAYOUT_v4l2_buffer64, LAYOUT_v4l2_planes64}};
    uint32_t type = 0;
    mem_read32(c->a[2] + 4, &type);
    bool time64 = (c->a[1] >> 16 & 0x3fff) == abi_size(LAYOUT_v4l2_buffer64).guest;
    return ioctl_convert(c, layouts[time64][type == CAPTURE_PLANES || type == OUTPUT_PLANES], way);
}

int64_t ioctl_video_format(struct sysctx *c, enum ioctl_way way)
{
    enum { OVERLAY = 3, OUTPUT_OVERLAY = 8 };
    uint32_t type = 0;
    mem_read32(c->a[2], &type);
    return ioctl_convert(c, type == OVERLAY || type == OUTPUT_OVERLAY ? LAYOUT_v4l2_window : LAYOUT_v4l2_format, way);
}

/* ---- USB: the kernel keeps the address of a request until it is reaped, and writes it then ---- */

struct urb {
    struct urb *next;
    uint32_t guest; /* the program's */
    int fd;
    struct usbdevfs_urb host;
};
static struct urb *urbs;
static struct lock urbs_lock;

/* Takes the request out of the list: by the guest's or (not NULL) by the host's address. */
static struct urb *take_urb(uint32_t guest, const void *host)
{
    struct urb **p = &urbs;
    lock_take(&urbs_lock);
    while (*p && (host ? (void *)&(*p)->host != host : (*p)->guest != guest))
        p = &(*p)->next;
    struct urb *u = *p;
    if (u)
        *p = u->next;
    lock_release(&urbs_lock);
    return u;
}

static void keep_urb(struct urb *u)
{
    lock_take(&urbs_lock);
    u->next = urbs;
    urbs = u;
    lock_release(&urbs_lock);
}

static size_t packets(const struct usbdevfs_urb *u)
{
    return u->type == USBDEVFS_URB_TYPE_ISO && u->number_of_packets > 0 && u->number_of_packets <= 128
               ? (size_t)u->number_of_packets * sizeof(struct usbdevfs_iso_packet_desc) : 0;
}

int64_t ioctl_usb_submit(struct sysctx *c, enum ioctl_way way)
{
    uint32_t size = (uint32_t)abi_size(LAYOUT_usb_urb).guest;
    char g[64];
    struct usbdevfs_urb h;
    (void)way;
    if (mem_read(g, c->a[2], size))
        return ioctl_host(c, USBDEVFS_SUBMITURB, BAD_PTR);
    abi_to_host(LAYOUT_usb_urb, g, &h, NULL);
    size_t more = packets(&h);
    struct urb *u = xcalloc(1, sizeof *u + more);
    u->guest = c->a[2];
    u->fd = (int)c->a[0];
    u->host = h;
    mem_prepare_write((uint32_t)(uintptr_t)h.buffer, (uint32_t)h.buffer_length);
    bool bad = more && mem_read(u->host.iso_frame_desc, c->a[2] + size, more);
    if (!bad)
        keep_urb(u); /* it may be reaped before this returns */
    int64_t r = ioctl_host(c, USBDEVFS_SUBMITURB, bad ? BAD_PTR : &u->host);
    if (bad || (r < 0 && take_urb(0, &u->host)))
        free(u);
    return r;
}

int64_t ioctl_usb_discard(struct sysctx *c, enum ioctl_way way)
{
    const void *host = BAD_PTR;
    (void)way;
    lock_take(&urbs_lock);
    for (const struct urb *u = urbs; u; u = u->next)
        if (u->guest == c->a[2] && u->fd == (int)c->a[0])
            host = &u->host;
    lock_release(&urbs_lock);
    return ioctl_host(c, USBDEVFS_DISCARDURB, host);
}

int64_t ioctl_usb_reap(struct sysctx *c, enum ioctl_way way)
{
    uint32_t size = (uint32_t)abi_size(LAYOUT_usb_urb).guest;
    void *host = NULL;
    char g[64];
    const char *lost = NULL;
    (void)way;
    int64_t r = ioctl_host(c, ioctl_request(c->a[1], (struct abi_size){4, 8}), &host);
    struct urb *u = r < 0 ? NULL : take_urb(0, host);
    if (!u)
        return r;
    if (mem_read(g, u->guest, size) || abi_to_guest(LAYOUT_usb_urb, &u->host, g, &lost) ||
        mem_write(u->guest, g, size) || mem_write(u->guest + size, u->host.iso_frame_desc, packets(&u->host)) ||
        mem_write32(c->a[2], u->guest))
        r = -EFAULT;
    free(u);
    return r;
}
