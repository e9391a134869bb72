/* System information. */
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "syscalls/priv.h"

SYSCALL(uname)
{
    struct utsname u;
    int64_t r = HC(SYS_uname, &u, 0, 0, 0, 0, 0);
    kernel_name(&u);
    return r ? r : mem_write(c->a[0], &u, sizeof u);
}
SYSCALL(olduname) /* without the domain name */
{
    struct utsname u;
    int64_t r = HC(SYS_uname, &u, 0, 0, 0, 0, 0);
    kernel_name(&u);
    return r ? r : mem_write(c->a[0], &u, 65 * 5);
}
SYSCALL(oldolduname) /* five names of 9 bytes */
{
    struct utsname u;
    char o[5][9];
    int64_t r = HC(SYS_uname, &u, 0, 0, 0, 0, 0);
    kernel_name(&u);
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
