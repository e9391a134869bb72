/* What a program sees of each mode of --abi-stress. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <utime.h>

static const char *said(long r) { return r < 0 ? strerrorname_np(errno) : "ok"; }
static int global = 1;

int main(void)
{
    struct timespec ts;
    struct stat st;
    long long t64[2] = {0};
    alarm(20);
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts);
    syscall(403, CLOCK_REALTIME, t64);
    printf("time: %s, 64 bits: %s, same: %d\n", (int)ts.tv_sec < 0 ? "wrapped" : "positive",
           t64[0] > 0x7fffffff ? "beyond" : "before", (unsigned)ts.tv_sec - (unsigned)t64[0] <= 1);
    syscall(403, CLOCK_MONOTONIC, t64);
    printf("monotonic: %s\n", t64[0] > 0x1fffffff ? "shifted" : "as it is");

    char name[64];
    int fd = memfd_create("file", 0);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    printf("write %s\n", said(write(fd, "hello", 5)));
    long r = syscall(SYS_fstat, fd, &st);
    printf("old fstat %s\n", said(r));
    struct statx sx;
    r = syscall(383, fd, "", AT_EMPTY_PATH, STATX_ALL, &sx);
    syscall(403, CLOCK_REALTIME, t64);
    printf("statx %s: inode %s, time %s\n", said(r), sx.stx_ino >> 32 ? "wide" : "narrow",
           llabs(sx.stx_mtime.tv_sec - t64[0]) < 5 ? "now" : "other");
    struct utimbuf u = {1000000000, 1000000001};
    syscall(SYS_utime, name, &u);
    syscall(383, fd, "", AT_EMPTY_PATH, STATX_ALL, &sx);
    printf("utime comes back: %d\n", sx.stx_mtime.tv_sec == 1000000001);
    int o = syscall(SYS_open, name, O_RDONLY);
    printf("old open %s\n", said(o));
    o = syscall(SYS_open, name, O_RDONLY | 0100000);
    printf("large open %s\n", said(o));
    char buf[4096];
    int d = syscall(SYS_open, "/proc/sys", O_RDONLY | O_DIRECTORY);
    r = syscall(SYS_getdents, d, buf, sizeof buf);
    printf("old getdents %s\n", said(r));

    /* waiting for a time that is in this world's near future */
    syscall(403, CLOCK_REALTIME, t64);
    t64[1] += 20000000;
    long long until[2] = {t64[0] + (t64[1] >= 1000000000), t64[1] % 1000000000};
    long long before[2], after[2];
    syscall(403, CLOCK_MONOTONIC, before);
    r = syscall(407, CLOCK_REALTIME, TIMER_ABSTIME, until, NULL);
    syscall(403, CLOCK_MONOTONIC, after);
    long ms = (after[0] - before[0]) * 1000 + (after[1] - before[1]) / 1000000;
    printf("sleep until %s %s\n", said(r), ms >= 10 ? "in time" : "not in time");
    int word = 0;
    until[0]++;
    syscall(403, CLOCK_MONOTONIC, before);
    r = syscall(422, &word, 9 | 256, 0, until, NULL, -1);
    printf("futex %s", said(r));
    syscall(403, CLOCK_MONOTONIC, after);
    ms = (after[0] - before[0]) * 1000 + (after[1] - before[1]) / 1000000;
    printf(" %s\n", ms >= 500 ? "in time" : "not in time");

    const void *at[] = {sbrk(4096), mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), &global};
    static const char *const what[] = {"heap", "map", "program"};
    for (int i = 0; i < 3; i++)
        printf("%s %s\n", what[i], (unsigned)at[i] >= 0x80000000u ? "high" : "low");
}
