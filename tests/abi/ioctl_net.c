/* Interfaces, addresses, routes and tunnels in a network namespace of its own, natively and under xrun alike. Not
 * filters of tunnels (TUNATTACHFILTER): x86-64 kernels do not know their i386 number, i386 kernels do. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/in6.h>
#include <linux/ipv6_route.h>
#include <linux/route.h>
#include <linux/sockios.h>
#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "say.h"

static int s;
static void set_address(struct ifreq *r, unsigned long request, const char *what, const char *address)
{
    struct sockaddr_in *a = (void *)&r->ifr_addr;
    memset(a, 0, sizeof r->ifr_addr);
    a->sin_family = AF_INET;
    a->sin_addr.s_addr = inet_addr(address);
    say(what, ioctl(s, request, r), "", 0);
}

static void show(const char *path)
{
    char line[512];
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        printf("%s", line);
    if (f)
        fclose(f);
}

static void route(const char *where, const char *device, unsigned long request)
{
    struct rtentry t;
    struct sockaddr_in *a = (void *)&t.rt_dst;
    memset(&t, 0, sizeof t);
    a->sin_family = AF_INET;
    a->sin_addr.s_addr = inet_addr(where);
    t.rt_genmask.sa_family = AF_INET;
    ((struct sockaddr_in *)&t.rt_genmask)->sin_addr.s_addr = inet_addr("255.255.255.0");
    t.rt_flags = RTF_UP;
    t.rt_metric = 5;
    t.rt_mtu = 1400;
    t.rt_dev = (char *)device;
    say("route", ioctl(s, request, &t), "", 0);
}

static void route6(int index)
{
    int s6 = socket(AF_INET6, SOCK_DGRAM, 0);
    struct in6_rtmsg m;
    memset(&m, 0, sizeof m);
    inet_pton(AF_INET6, "fd00:1::", &m.rtmsg_dst);
    m.rtmsg_dst_len = 64;
    m.rtmsg_metric = 77;
    m.rtmsg_flags = RTF_UP;
    m.rtmsg_ifindex = index;
    say("route 6", ioctl(s6, SIOCADDRT, &m), "", 0);
    close(s6);
}

static void ethtool(struct ifreq *r, const char *what, void *command, size_t n)
{
    r->ifr_data = command;
    say(what, ioctl(s, SIOCETHTOOL, r), command, n);
}

int main(void)
{
    struct ifreq r;
    struct ifreq list[8];
    struct ifconf c = {.ifc_len = sizeof list, .ifc_req = list};
    unsigned v = 0;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
        return 77;
    s = socket(AF_INET, SOCK_DGRAM, 0);
    memset(&r, 0, sizeof r);
    strcpy(r.ifr_name, "lo");
    r.ifr_flags = IFF_UP;
    say("up", ioctl(s, SIOCSIFFLAGS, &r), "", 0);
    int t = open("/dev/net/tun", O_RDWR);
    memset(&r, 0, sizeof r);
    strcpy(r.ifr_name, "tap%d");
    r.ifr_flags = IFF_TAP | IFF_NO_PI;
    say("TUNSETIFF", ioctl(t, TUNSETIFF, &r), &r, sizeof r);
    memset(&r, 0x55, sizeof r);
    say("TUNGETIFF", ioctl(t, TUNGETIFF, &r), &r, sizeof r);
    say("TUNGETFEATURES", ioctl(t, TUNGETFEATURES, &v), &v, sizeof v);
    strcpy(r.ifr_name, "tap0");
    set_address(&r, SIOCSIFADDR, "address", "10.9.8.7");
    set_address(&r, SIOCSIFNETMASK, "netmask", "255.255.255.0");
    r.ifr_flags = IFF_UP | IFF_RUNNING;
    say("up", ioctl(s, SIOCSIFFLAGS, &r), "", 0);
    r.ifr_mtu = 1300;
    say("MTU", ioctl(s, SIOCSIFMTU, &r), "", 0);
    r.ifr_qlen = 33;
    say("queue", ioctl(s, SIOCSIFTXQLEN, &r), "", 0);
    static const struct { unsigned long request; const char *name; } get[] = {
        {SIOCGIFADDR, "address"}, {SIOCGIFNETMASK, "netmask"}, {SIOCGIFBRDADDR, "broadcast"}, {SIOCGIFMTU, "MTU"},
        {SIOCGIFTXQLEN, "queue"}, {SIOCGIFMETRIC, "metric"}, {SIOCGIFINDEX, "index"}, {SIOCGIFMAP, "map"},
        {SIOCGIFFLAGS, "flags"}, {SIOCGIFDSTADDR, "peer"}};
    for (size_t i = 0; i < sizeof get / sizeof *get; i++) {
        memset(&r.ifr_ifru, 0x55, sizeof r.ifr_ifru);
        say(get[i].name, ioctl(s, get[i].request, &r), &r, sizeof r);
    }
    say("list", ioctl(s, SIOCGIFCONF, &c), &c.ifc_len, 4);
    for (unsigned i = 0; i < c.ifc_len / sizeof *list; i++)
        say("", 0, &list[i], sizeof *list);
    route("10.1.2.0", "tap0", SIOCADDRT);
    route("10.1.3.0", "none0", SIOCADDRT);
    show("/proc/net/route");
    route("10.1.2.0", "tap0", SIOCDELRT);
    route6(2);
    struct ethtool_value link = {.cmd = ETHTOOL_GLINK, .data = 9};
    ethtool(&r, "link", &link, sizeof link);
    struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
    ethtool(&r, "driver", driver.driver - 4, 4 + 8);
    struct ethtool_rxnfc rules = {.cmd = ETHTOOL_GRXCLSRLCNT};
    ethtool(&r, "rules", &rules, sizeof rules);
    struct ethtool_sset_info sets = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 0xff};
    ethtool(&r, "sets", &sets, sizeof sets);
    strcpy(r.ifr_newname, "other");
    strcpy(r.ifr_name, "tap0");
    say("name", ioctl(s, SIOCSIFNAME, &r), "", 0);
    say("nothing", ioctl(s, SIOCGIFMTU, &r), "", 0);
    return 0;
}
