/* /proc/PID/mem and the other files of the program itself, by whichever name they are opened: the memory ends
 * where 32-bit addresses do, code written through it is what runs next, the map is the program's. */
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static int bad;
static char buf[100000];

static void is(const char *what, long v, long want)
{
    printf("%s: %ld%s\n", what, v, v == want ? "" : " (unexpected)");
    bad += v != want;
}

/* The descriptor's own position has no sign there. */
static void far_up(int fd)
{
    const unsigned long long at[] = {(1ull << 63) - 4, 1ull << 63, -4096ull, -8ull, -4ull, -1ull};
    char b[8];
    struct iovec v = {b, 4};
    for (int i = 0; i < 6; i++) {
        long want = at[i] < -4ull ? EIO : EOVERFLOW;
        lseek(fd, at[i], SEEK_SET);
        is("read far up", read(fd, b, 4) < 0 ? errno : 0, want);
        is("write", write(fd, b, 4) < 0 ? errno : 0, want);
        is("readv", readv(fd, &v, 1) < 0 ? errno : 0, want);
        is("nothing", read(fd, b, 0), 0);
    }
    is("pread", pread(fd, b, 4, 1ull << 63) < 0 ? errno : 0, EINVAL);
    is("preadv", preadv(fd, &v, 1, 1ull << 63) < 0 ? errno : 0, EINVAL);
    lseek(fd, 0, SEEK_SET);
}

static void beyond(const char *name)
{
    const unsigned long long at[] = {1ull << 32, 0x555555554000ull, 0x7ffff7000000ull, 0x7ffffffff000ull, -4096ull};
    char b[8];
    struct iovec v = {b, 4};
    int fd = open(name, O_RDWR), n = 0;
    for (int i = 0; i < 5; i++) {
        n += pread(fd, b, 4, at[i]) >= 0;
        n += pwrite(fd, b, 4, at[i]) >= 0;
        n += preadv(fd, &v, 1, at[i]) >= 0;
        n += pwritev(fd, &v, 1, at[i]) >= 0;
        lseek(fd, at[i], SEEK_SET);
        int other = dup(fd);
        n += read(other, b, 4) >= 0;
        n += writev(other, &v, 1) >= 0;
        close(other);
    }
    close(fd);
    is(name, n, 0);
}

/* What is not mapped, and memory that ends; by a descriptor that was tried before it was open. */
static void holes(void)
{
    char b[8192];
    unsigned char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + 4096, 8192);
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    is("not open", read(fd, b, 1), -1);
    is("the same number", open("/proc/self/mem", O_RDWR) == fd, 1);
    is("page 1", pread(fd, b, 8, 0x1000), -1);
    is("the last page", pwrite(fd, b, 1, 0xfffff000), -1);
    is("beyond", pread(fd, b, 8, 1ull << 32), -1);
    is("up to a hole", pread(fd, b, 8192, (unsigned long)p), 4096);
    is("written up to a hole", pwrite(fd, b, 8192, (unsigned long)p + 4000), 96);
    is("in a hole", pread(fd, b, 1, (unsigned long)p + 4096), -1);
    mprotect(p, 4096, PROT_NONE);
    is("no access", pread(fd, b, 8192, (unsigned long)p), 4096);
    close(fd);
}

static int three(void) { return 3; }
static int (*volatile fn)(void) = three;

static void code(int fd, unsigned char *p, int prot)
{
    unsigned char c[6] = {0xb8, 0, 0, 0, 0, 0xc3};
    int sum = 0;
    for (int i = 1; i <= 20; i++) {
        c[1] = i;
        if (i & 1) {
            pwrite(fd, c, 6, (unsigned long)p);
        } else {
            lseek(fd, (unsigned long)p, SEEK_SET);
            write(fd, c, 6);
        }
        for (int k = 0; k < 40; k++)
            sum += ((int (*)(void))p)() == i;
    }
    printf("prot %d: ", prot);
    is("new code runs", sum, 800);
}

/* Has it the map of this program? */
static int own_map(int fd)
{
    int n = 0, k;
    while ((k = read(fd, buf + n, sizeof buf - 1 - n)) > 0)
        n += k;
    buf[n] = 0;
    close(fd);
    for (char *l = buf; *l; l = strchr(l, '\n') + 1)
        if (strcspn(l, "-") > 8)
            return 0;
    return strstr(buf, "[stack]") != NULL;
}

int main(void)
{
    char dir[] = "/tmp/xrun-mem-XXXXXX", link[64], b[4] = "";
    static const char text[] = "text";
    int fd = open("/proc/self/mem", O_RDWR);
    is("own bytes", pread(fd, b, 4, (unsigned long)text), 4);
    is("the same", memcmp(b, text, 4), 0);
    far_up(fd);
    beyond("/proc/self/mem");
    beyond("/proc/thread-self/mem");
    holes();
    for (int prot = 0; prot < 2; prot++) {
        int p = PROT_READ | PROT_EXEC | (prot ? PROT_WRITE : 0);
        unsigned char *m = mmap(NULL, 4096, p, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        code(fd, m, p);
    }
    is("before", fn(), 3);
    code(fd, (unsigned char *)fn, 99);
    is("after", fn(), 20);

    is("map", own_map(open("/proc/self/maps", O_RDONLY)), 1);
    chdir("/proc/self");
    is("relative", own_map(open("maps", O_RDONLY)), 1);
    is("with ..", own_map(open("task/../maps", O_RDONLY)), 1);
    is("openat", own_map(openat(open("/proc", O_DIRECTORY), "self/maps", O_RDONLY)), 1);
    beyond("mem");
    mkdtemp(dir);
    sprintf(link, "%s/link", dir);
    symlink("/proc/self/maps", link);
    is("by a link", own_map(open(link, O_RDONLY)), 1);
    unlink(link);
    symlink("/proc/self", link);
    strcat(link, "/smaps");
    is("through a link", open(link, O_RDONLY) >= 0, 1);
    *strrchr(link, '/') = 0;
    unlink(link);
    rmdir(dir);
    return bad != 0;
}
