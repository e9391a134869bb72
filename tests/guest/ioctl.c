/* ioctls whose structures differ between word sizes, and those of terminals, on what every machine has.
 * needs: loopback */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *result(int r) { return r < 0 ? strerrorname_np(errno) : "ok"; }

/* Makes the call before the values are looked at. */
#define DO(what, call, ...)                         \
    do {                                            \
        const char *said = result(call);            \
        printf("%s: %s", what, said);               \
        printf(__VA_ARGS__);                        \
        printf("\n");                               \
    } while (0)

static void terminals(void)
{
    int m = open("/dev/ptmx", O_RDWR | O_NOCTTY), n = -1, zero = 0, one = 1, v;
    char buf[64];
    struct termios t;
    struct winsize w = {.ws_row = 33, .ws_col = 77, .ws_xpixel = 5, .ws_ypixel = 6};
    DO("unlock", ioctl(m, TIOCSPTLCK, &zero), "");
    ioctl(m, TIOCGPTN, &n);
    snprintf(buf, sizeof buf, "/dev/pts/%d", n);
    int s = open(buf, O_RDWR | O_NOCTTY);
    DO("set size", ioctl(m, TIOCSWINSZ, &w), "");
    memset(&w, 0, sizeof w);
    DO("size", ioctl(s, TIOCGWINSZ, &w), " %d %d %d %d", w.ws_row, w.ws_col, w.ws_xpixel, w.ws_ypixel);
    memset(&t, 0xaa, sizeof t);
    DO("get", ioctl(s, TCGETS, &t), " %o %o %o %o %d", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, t.c_line);
    for (int i = 0; i < NCCS; i++)
        printf(" %02x", t.c_cc[i]);
    printf("\n");
    t.c_lflag &= ~(ECHO | ICANON);
    t.c_cc[VMIN] = 3;
    DO("set", ioctl(s, TCSETS, &t), "");
    memset(&t, 0xaa, sizeof t);
    DO("get", ioctl(s, TCGETS, &t), " %o %d", t.c_lflag, t.c_cc[VMIN]);
    v = write(m, "hello", 5);
    poll(&(struct pollfd){.fd = s, .events = POLLIN}, 1, 5000); /* it comes by a work queue */
    DO("to read", ioctl(s, FIONREAD, &v), " %d", v);
    DO("packets", ioctl(m, TIOCPKT, &one), "");
    ioctl(s, TCFLSH, TCOFLUSH);
    v = read(m, buf, sizeof buf);
    printf("flushed: %d %02x\n", v, buf[0]);
    DO("discipline", ioctl(s, TIOCGETD, &v), " %d", v);
    int p[2];
    v = pipe(p);
    DO("on a pipe", ioctl(p[0], TCGETS, &t), "");
    v = write(p[1], "abc", 3);
    DO("on a pipe", ioctl(p[0], FIONREAD, &v), " %d", v);
    DO("closed", ioctl(999, TCGETS, &t), "");
    DO("bad address", ioctl(s, TCGETS, (void *)4), "");
}

static void interfaces(void)
{
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    struct ifreq r[64];
    struct ifconf c = {.ifc_len = sizeof r, .ifc_req = r};
    struct sockaddr_in *a = (void *)&r->ifr_addr;
    memset(r, 0x55, sizeof r);
    DO("list", ioctl(s, SIOCGIFCONF, &c), " %zu %zu", sizeof *r, sizeof c);
    for (unsigned i = 0; i < c.ifc_len / sizeof *r; i++)
        if (!strcmp(r[i].ifr_name, "lo"))
            printf("lo %d %08x\n", r[i].ifr_addr.sa_family, ntohl(((struct sockaddr_in *)&r[i].ifr_addr)->sin_addr.s_addr));
    int room = c.ifc_len;
    c.ifc_req = NULL;
    c.ifc_len = 1;
    DO("without a buffer", ioctl(s, SIOCGIFCONF, &c), " %d", c.ifc_len == room);
    c.ifc_req = r;
    c.ifc_len = 31;
    DO("too small", ioctl(s, SIOCGIFCONF, &c), " %d", c.ifc_len);
    strcpy(r->ifr_name, "lo");
    DO("index", ioctl(s, SIOCGIFINDEX, r), " %d", r->ifr_ifindex);
    strcpy(r->ifr_name, "?");
    DO("name", ioctl(s, SIOCGIFNAME, r), " %s", r->ifr_name);
    DO("flags", ioctl(s, SIOCGIFFLAGS, r), " %x", r->ifr_flags & (IFF_LOOPBACK | IFF_BROADCAST));
    DO("address", ioctl(s, SIOCGIFADDR, r), " %08x", ntohl(a->sin_addr.s_addr));
    DO("netmask", ioctl(s, SIOCGIFNETMASK, r), " %08x", ntohl(a->sin_addr.s_addr));
    DO("MTU", ioctl(s, SIOCGIFMTU, r), " %d", r->ifr_mtu);
    DO("hardware", ioctl(s, SIOCGIFHWADDR, r), " %d", r->ifr_hwaddr.sa_family);
    strcpy(r->ifr_name, "none0");
    DO("no such", ioctl(s, SIOCGIFFLAGS, r), "");
    DO("bad address", ioctl(s, SIOCGIFFLAGS, (void *)4), "");
}

static void files(void)
{
    int fd = memfd_create("m", 0), v = 0;
    long long size = 0;
    printf("numbers %x %x %x %x\n", (int)FS_IOC_GETFLAGS, (int)FS_IOC_SETFLAGS, (int)FS_IOC_GETVERSION, (int)BLKGETSIZE64);
    v = ftruncate(fd, 5000);
    DO("block", ioctl(fd, FIGETBSZ, &v), " %d", v);
    DO("size of a device", ioctl(fd, BLKGETSIZE64, &size), "");
    DO("in sectors", ioctl(fd, BLKGETSIZE, &v), "");
    DO("clone", ioctl(fd, FICLONE, 999), "");
    DO("on exec", ioctl(fd, FIOCLEX), " %x", fcntl(fd, F_GETFD));
    DO("not", ioctl(fd, FIONCLEX), " %x", fcntl(fd, F_GETFD));
    v = 1;
    DO("nonblocking", ioctl(fd, FIONBIO, &v), " %x", fcntl(fd, F_GETFL) & O_NONBLOCK);
    DO("unknown", ioctl(fd, 0xc0deadbe, &v), "");
}

int main(void)
{
    terminals();
    interfaces();
    files();
    return 0;
}
