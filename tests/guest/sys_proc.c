/* /proc of the program itself, by every way to it: its own maps, sizes, masks, arguments. */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char a[1 << 16], b[1 << 16];

static int slurp(int fd, char *out)
{
    int n = 0, r;
    if (fd < 0)
        return -1;
    while ((r = read(fd, out + n, (1 << 16) - 1 - n)) > 0)
        n += r;
    out[n] = 0;
    close(fd);
    return n;
}

static unsigned long long field(const char *text, const char *name)
{
    const char *p = strstr(text, name);
    return p ? strtoull(p + strlen(name), NULL, strstr(name, "Sig") ? 16 : 10) : 0;
}

static void handler(int sig) { }

/* Memory that is written, only read, and shared: what is there of each. */
static void resident(void)
{
    enum { SIZE = 16 << 20, UNIT = 2048 /* pages: the kernel does not count exactly */ };
    int old[3], now[3], sum = 0;
    char *p[3];
    for (int i = 0; i < 3; i++) {
        p[i] = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | (i == 2 ? MAP_SHARED : MAP_PRIVATE), -1, 0);
        slurp(open("/proc/self/statm", O_RDONLY), a);
        sscanf(a, "%d %d %d", &old[0], &old[1], &old[2]);
        for (int k = 0; k < SIZE; k += 4096)
            if (i == 1)
                sum += p[i][k];
            else
                p[i][k] = 1;
        slurp(open("/proc/self/statm", O_RDONLY), a);
        sscanf(a, "%d %d %d", &now[0], &now[1], &now[2]);
        printf("resident %d shared %d\n", (now[1] - old[1] + UNIT / 2) / UNIT, (now[2] - old[2] + UNIT / 2) / UNIT);
        munmap(p[i], SIZE);
    }
}

int main(int argc, char **argv)
{
    char name[64], link[256], link2[256];
    setvbuf(stdout, NULL, _IONBF, 0);
    int d = open("/proc/self", O_DIRECTORY);
    slurp(open("/proc/self/maps", O_RDONLY), a);
    slurp(openat(d, "maps", O_RDONLY), b);
    printf("by directory %d\n", !strcmp(a, b));
    snprintf(name, sizeof name, "/proc/%d/task/%d/maps", (int)getpid(), (int)getpid());
    slurp(open(name, O_RDONLY), b);
    printf("by task %d\n", !strcmp(a, b));
    slurp(open("/proc/thread-self/maps", O_RDONLY), b);
    printf("by thread %d\n", !strcmp(a, b));
    chdir("/proc/self");
    slurp(open("maps", O_RDONLY), b);
    printf("relative %d\n", !strcmp(a, b));
    printf("high addresses %d\n", strstr(a, "7f") && strchr(a, '-') - a > 8);
    printf("heap or not, stack %d vdso %d\n", !!strstr(a, "[stack]"), !!strstr(a, "[vdso]"));

    int n = readlink("/proc/self/exe", link, 255), m = readlinkat(d, "exe", link2, 255);
    printf("exe %d %d\n", n == m && n > 0 && !memcmp(link, link2, n), !memcmp(link + n - 8, "sys_proc", 8));

    mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGHUP);
    sigprocmask(SIG_BLOCK, &s, NULL);
    slurp(open("status", O_RDONLY), a);
    slurp(openat(d, "statm", O_RDONLY), b);
    unsigned long long size = field(a, "VmSize:");
    printf("VmSize %d statm %d\n", size > 64 << 10 && size < 80 << 10,
           strtoull(b, NULL, 10) * 4 == size);
    printf("VmData %d\n", field(a, "VmData:") > 64 << 10 && field(a, "VmData:") < 80 << 10);
    printf("blocked %llx caught %llx ignored %d\n", field(a, "SigBlk:"), field(a, "SigCgt:"),
           !!(field(a, "SigIgn:") & 1 << (SIGUSR2 - 1)));
    slurp(open("stat", O_RDONLY), b);
    char *p = strrchr(b, ')');
    for (int i = 2; i < 23; i++)
        p = strchr(p + 1, ' ');
    printf("stat size %d\n", strtoull(p, NULL, 10) == size << 10);

    n = slurp(open("smaps", O_RDONLY), a);
    printf("smaps %d stack %d\n", n > 0, !!strstr(a, "[stack]"));
    unsigned long long total = 0;
    for (char *q = a; (q = strstr(q, "\nSize:")); q++)
        total += strtoull(q + 6, NULL, 10);
    printf("smaps total %d\n", total <= size + 200 && total + 200 >= size);
    n = slurp(open("cmdline", O_RDONLY), a);
    printf("cmdline %d\n", n == strlen(argv[0]) + 1 && !strcmp(a, argv[0]));
    n = slurp(open("auxv", O_RDONLY), a);
    printf("auxv %d\n", n > 0 && n % 8 == 0);
    slurp(open("comm", O_RDONLY), a);
    printf("comm %s", a);
    resident();
    int f = open("/proc/self/mem", O_RDWR);
    char text[8] = "", *fixed = strdup("in memory");
    printf("mem %d", (int)pread(f, text, 7, (unsigned)(uintptr_t)fixed));
    printf(" %s", text);
    printf(" %d", (int)pwrite(f, "IN", 2, (unsigned)(uintptr_t)fixed));
    printf(" %s\n", fixed);
    return 0;
}
