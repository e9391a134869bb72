/* What is resident is the program's own: /proc/self/status, stat and statm say the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MB = 1 << 20, SIZE = 24 * MB };

static long line_of(const char *name)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, name, strlen(name)))
            kb = strtol(line + strlen(name) + 1, NULL, 10);
    fclose(f);
    return kb / 1024;
}

static long field(const char *file, int n)
{
    char text[1024], *p = text;
    FILE *f = fopen(file, "r");
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    if (strchr(p, ')'))
        p = strchr(p, ')');
    while (--n)
        p = strchr(p, ' ') + 1;
    return strtol(p, NULL, 10) / (MB / 4096);
}

/* Kernels before 6.16 count for each thread or processor, and add that up now and then only. */
static void check(const char *what, long mb, long low)
{
    printf("%s %s\n", what, mb < low - 2 ? "too small" : mb > low + 2 ? "too large" : "right");
}

static void check_all(long mb)
{
    check("VmRSS", line_of("VmRSS"), mb);
    check("VmHWM", line_of("VmHWM"), SIZE / MB);
    check("RssAnon", line_of("RssAnon"), mb);
    check("RssFile", line_of("RssFile"), 0);
    check("stat", field("/proc/self/stat", 23), mb);
    check("statm", field("/proc/self/statm", 2), mb);
}

int main(void)
{
    char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 1, SIZE);
    check_all(SIZE / MB);
    madvise(p, SIZE / 2, MADV_DONTNEED);
    check_all(SIZE / MB / 2);
    return 0;
}
