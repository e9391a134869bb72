/* --kernel=VERSION: the guest sees an older kernel: its name (uname, /proc) and no system calls that came
 * later. What newer kernels added to calls that were there, flags and the like, stays. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "core/options.h"
#include "syscalls/priv.h"

/* The first i386 number of each version from 2.6.27 on (syscalls(2), arch/x86/entry/syscalls/
 * syscall_32.tbl); some came later than those behind them. */
#define K(a, b, c) ((a) << 16 | (b) << 8 | (c))
static const struct { uint16_t first, last; uint32_t since; } since[] = {
    {327, 332, K(2, 6, 27)}, {333, 334, K(2, 6, 30)}, {335, 336, K(2, 6, 31)},
    {337, 337, K(2, 6, 33)}, {338, 339, K(2, 6, 37)}, {340, 340, K(2, 6, 36)},
    {341, 344, K(2, 6, 39)}, {345, 346, K(3, 0, 0)}, {347, 348, K(3, 2, 0)}, {349, 349, K(3, 5, 0)},
    {350, 350, K(3, 8, 0)}, {351, 352, K(3, 14, 0)}, {353, 353, K(3, 15, 0)}, {354, 356, K(3, 17, 0)},
    {357, 357, K(3, 18, 0)}, {358, 358, K(3, 19, 0)}, {359, 375, K(4, 3, 0)}, {376, 376, K(4, 4, 0)},
    {377, 377, K(4, 5, 0)}, {378, 379, K(4, 6, 0)}, {380, 382, K(4, 9, 0)}, {383, 383, K(4, 11, 0)},
    {384, 384, K(4, 12, 0)}, {385, 386, K(4, 18, 0)}, {393, 427, K(5, 1, 0)}, {428, 433, K(5, 2, 0)},
    {434, 435, K(5, 3, 0)}, {436, 436, K(5, 9, 0)}, {437, 438, K(5, 6, 0)}, {439, 439, K(5, 8, 0)},
    {440, 440, K(5, 10, 0)}, {441, 441, K(5, 11, 0)}, {442, 442, K(5, 12, 0)}, {443, 443, K(5, 14, 0)},
    {444, 446, K(5, 13, 0)}, {447, 447, K(5, 14, 0)}, {448, 448, K(5, 15, 0)}, {449, 449, K(5, 16, 0)},
    {450, 450, K(5, 17, 0)}, {451, 451, K(6, 5, 0)}, {452, 456, K(6, 7, 0)}, {457, 461, K(6, 8, 0)},
    {462, 462, K(6, 10, 0)}, {463, 999, K(6, 13, 0)},
};

static uint32_t version_of(const char *s)
{
    uint32_t v = 0;
    for (int i = 0; i < 3; i++) {
        char *end;
        unsigned long n = strtoul(s, &end, 10);
        v = v << 8 | (n > 255 ? 255 : (uint32_t)n);
        s = *end == '.' ? end + 1 : "";
    }
    return v;
}

bool kernel_lacks(uint32_t nr)
{
    uint32_t version = version_of(opt.kernel);
    for (size_t i = 0; i < ARRAY_SIZE(since); i++)
        if (nr >= since[i].first && nr <= since[i].last)
            return version < since[i].since;
    return false;
}

void kernel_name(struct utsname *u)
{
    if (opt.kernel)
        snprintf(u->release, sizeof u->release, "%s", opt.kernel);
    strcpy(u->machine, "i686");
}

int kernel_file(const char *path, char *text, size_t size)
{
    struct utsname u;
    if (!opt.kernel || uname(&u))
        return -1;
    if (!strcmp(path, "/proc/sys/kernel/osrelease"))
        return snprintf(text, size, "%s\n", opt.kernel);
    if (!strcmp(path, "/proc/version"))
        return snprintf(text, size, "Linux version %s (%s) %s\n", opt.kernel, u.nodename, u.version);
    return -1;
}
