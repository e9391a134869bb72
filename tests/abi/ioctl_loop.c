/* A loop device of its own (root only): block devices' ioctls, natively and under xrun alike.
 * usage: ioctl_loop FILE, which is made and removed */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/fs.h>
#include <linux/hdreg.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "say.h"
#define DO(request, p) say(#request, ioctl(l, request, p), p, sizeof *(p))

int main(int argc, char **argv)
{
    char name[64];
    struct stat st;
    struct loop_info i = {.lo_offset = 4096, .lo_flags = LO_FLAGS_PARTSCAN, .lo_name = "a name", .lo_init = {7}};
    struct loop_info64 wide;
    struct hd_geometry geometry;
    struct blkpg_partition part = {.start = 512 * 100, .length = 512 * 200, .pno = 3};
    struct blkpg_ioctl_arg blkpg = {.op = BLKPG_ADD_PARTITION, .datalen = sizeof part, .data = &part};
    unsigned long size[2];
    unsigned long long size64[2];
    int v[2];
    int f = open(argv[1], O_RDWR | O_CREAT, 0600), control = open("/dev/loop-control", O_RDWR);
    snprintf(name, sizeof name, "/dev/loop%d", ioctl(control, LOOP_CTL_GET_FREE));
    int l = open(name, O_RDWR);
    if (argc < 2 || ftruncate(f, 3 << 20) || ioctl(l, LOOP_SET_FD, f))
        return 77;
    say("LOOP_SET_STATUS", ioctl(l, LOOP_SET_STATUS, &i), "", 0);
    memset(&i, 0x55, sizeof i);
    fstat(f, &st);
    ioctl(l, LOOP_GET_STATUS, &i);
    printf("inode %d\n", i.lo_inode == st.st_ino);
    i.lo_inode = i.lo_device = i.lo_rdevice = i.lo_number = 0;
    say("LOOP_GET_STATUS", 0, &i, sizeof i);
    memset(size, 0x55, sizeof size), memset(size64, 0x55, sizeof size64), memset(v, 0x55, sizeof v);
    memset(&geometry, 0x55, sizeof geometry);
    DO(BLKGETSIZE, &size);
    DO(BLKGETSIZE64, &size64);
    DO(BLKBSZGET, &v);
    DO(BLKSSZGET, &v);
    DO(BLKRAGET, &size);
    DO(BLKSECTGET, &v);
    DO(BLKROTATIONAL, &v);
    DO(HDIO_GETGEO, &geometry);
    v[0] = 4096;
    DO(BLKBSZSET, &v);
    DO(BLKBSZGET, &v);
    say("partition", ioctl(l, BLKPG, &blkpg), "", 0);
    blkpg.op = BLKPG_DEL_PARTITION;
    say("no partition", ioctl(l, BLKPG, &blkpg), "", 0);
    ioctl(l, LOOP_GET_STATUS64, &wide);
    wide.lo_offset = 1ull << 33;
    say("LOOP_SET_STATUS64", ioctl(l, LOOP_SET_STATUS64, &wide), "", 0);
    say("LOOP_GET_STATUS", ioctl(l, LOOP_GET_STATUS, &i), "", 0);
    say("LOOP_CLR_FD", ioctl(l, LOOP_CLR_FD), "", 0);
    unlink(argv[1]);
    return 0;
}
