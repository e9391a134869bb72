/* What ioctl.c and ioctl_special.c share. */
#ifndef XRUN_SYSCALLS_IOCTL_H
#define XRUN_SYSCALLS_IOCTL_H

#include <sys/ioctl.h>

#include "abi/convert.h"
#include "syscalls/priv.h"

enum ioctl_way { IN = 1, OUT = 2, BOTH = 3 };

/* The host's ioctl, interruptible, with request and argument. */
int64_t ioctl_host(const struct sysctx *c, unsigned long request, const void *arg);
/* The request as the host numbers it: with its argument's size there, if it has that at all. */
unsigned long ioctl_request(uint32_t request, struct abi_size size);
/* The call with the argument converted by `layout`. */
int64_t ioctl_convert(const struct sysctx *c, enum abi_layout layout, enum ioctl_way way);

/* wide.c: the calls whose structures hold addresses of 64 bits; false: none of them. SG_IO in its fourth version. */
bool wide_ioctl(const struct sysctx *c, int64_t *r);
int64_t wide_scsi_io(const struct sysctx *c);

/* The functions that ioctl.def names. */
#define IOCTL_FUNCTIONS(FN)                                                                           \
    FN(interfaces) FN(route) FN(ethtool) FN(sectors) FN(block_size) FN(loop_status) FN(scsi_io)       \
    FN(sound_element) FN(sound_sw) FN(sound_frames) FN(timer_records) FN(video_buffer)                \
    FN(video_format) FN(usb_submit) FN(usb_discard) FN(usb_reap)
#define FN(name) int64_t ioctl_##name(struct sysctx *c, enum ioctl_way way);
IOCTL_FUNCTIONS(FN)
#undef FN

#endif
