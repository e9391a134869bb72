/* Files without O_LARGEFILE, positions, directories entry by entry, locks, sendfile, bad vectors. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LARGE = 0100000 };
static char dir[] = "/tmp/xrunfilesXXXXXX";

static void show(const char *what, long r)
{
    int e = errno;
    if (r < 0 && r >= -4095)
        printf("%s %s\n", what, strerrorname_np(e));
    else
        printf("%s %lu\n", what, r);
}

static void large(void)
{
    unsigned char st[128];
    int fd = syscall(SYS_open, "big", O_RDWR | O_CREAT | LARGE, 0600), s;
    show("flags", syscall(SYS_fcntl64, fd, F_GETFL));
    show("truncate", syscall(SYS_ftruncate64, fd, 0, 1));
    show("end", syscall(SYS_lseek, fd, 0, 2));
    show("to 2G-1", syscall(SYS_lseek, fd, 0x7fffffff, 0));
    show("one more", (uint32_t)syscall(SYS_lseek, fd, 1, 1));
    show("open small", syscall(SYS_open, "big", O_RDWR));
    show("open small and cut", syscall(SYS_open, "big", O_RDWR | O_TRUNC | O_CREAT, 0600));
    show("path", syscall(SYS_open, "big", O_PATH) > 0 ? 0 : -1);
    show("stat", syscall(SYS_stat, "big", st));
    memset(st, 0xa5, sizeof st);
    show("stat64", syscall(SYS_stat64, "big", st));
    printf("padding %x %x size %llx\n", *(uint32_t *)(st + 8), *(uint32_t *)(st + 40),
           *(uint64_t *)(st + 44));
    s = syscall(SYS_open, "small", O_RDWR | O_CREAT, 0600);
    show("flags", syscall(SYS_fcntl64, s, F_GETFL));
    int d = dup(s);
    show("flags of dup", syscall(SYS_fcntl64, d, F_GETFL));
    show("ftruncate64", syscall(SYS_ftruncate64, s, 0, 1));
    show("ftruncate", syscall(SYS_ftruncate, s, 0x7fffffff));
    show("seek", syscall(SYS_lseek, d, 0x7ffffffd, 0));
    show("write", write(s, "abcd", 4));
    show("write", write(s, "abcd", 4));
    show("pwrite", syscall(SYS_pwrite64, s, "abcd", 4, 0x7ffffffe, 0));
    show("pwrite beyond", syscall(SYS_pwrite64, s, "abcd", 4, 0, 1));
    struct iovec v[2] = {{"ab", 2}, {"cd", 2}};
    show("pwritev", syscall(SYS_pwritev, s, v, 2, 0x7ffffffc, 0));
    show("pwritev beyond", syscall(SYS_pwritev, s, v, 2, 0, 1));
    show("large write", syscall(SYS_pwrite64, fd, "abcd", 4, 0, 1));
    close(fd), close(s), close(d);
    unlink("big"), unlink("small");
}

struct entry { uint32_t ino, off; uint16_t len; char name[]; };

static void directory(void)
{
    char name[300], buf[4096];
    int seen[40] = {0}, n, total = 0, calls = 0, types = 0;
    mkdir("d", 0700);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "d/%0*d", i * 6 + 2, i);
        close(open(name, O_CREAT | O_WRONLY, 0600));
    }
    int fd = open("d", O_RDONLY);
    show("tiny buffer", syscall(SYS_getdents, fd, buf, 10));
    while ((n = syscall(SYS_getdents, fd, buf, 280)) > 0) {
        calls++;
        for (int at = 0; at < n;) {
            struct entry *e = (void *)(buf + at);
            if (e->name[0] != '.')
                seen[atoi(e->name)]++, total++;
            types += buf[at + e->len - 1] == 8;
            at += e->len;
        }
    }
    int once = 1;
    for (int i = 0; i < 40; i++)
        once &= seen[i] == 1;
    printf("end %d total %d once %d files %d calls>20 %d\n", n, total, once, types, calls > 20);
    /* back to the middle */
    syscall(SYS_lseek, fd, 0, 0);
    n = syscall(SYS_getdents, fd, buf, 1200);
    struct entry *e = (void *)buf;
    uint32_t off = e->off;
    char second[256];
    strcpy(second, ((struct entry *)(buf + e->len))->name);
    show("seek", syscall(SYS_lseek, fd, off, 0) == off ? 0 : -1);
    n = syscall(SYS_getdents, fd, buf, 1200);
    printf("same %d\n", !strcmp(e->name, second));
    show("odd place", syscall(SYS_getdents, fd, 16, 100));
    show("not a directory", syscall(SYS_getdents, 0, buf, 100));
    syscall(SYS_lseek, fd, 0, 0);
    for (total = 0; syscall(SYS_readdir, fd, buf, 1) == 1; total++)
        ;
    printf("readdir %d\n", total);
    uint32_t hi = 0, lo = 0x80000000;
    uint64_t res = 7;
    show("llseek", syscall(SYS__llseek, fd, hi, 0, &res, 0));
    printf("%llu\n", res);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "d/%0*d", i * 6 + 2, i);
        unlink(name);
    }
    rmdir("d");
}

static void locks(void)
{
    int fd = syscall(SYS_open, "lock", O_RDWR | O_CREAT | LARGE, 0600);
    struct { int16_t type, whence; int32_t start, len, pid; } l = {F_WRLCK, 0, 10, 20, 0};
    struct __attribute__((packed)) { int16_t type, whence; int64_t start, len; int32_t pid; } w =
        {F_WRLCK, 0, 0x100000000ll, 5, 0};
    show("set", syscall(SYS_fcntl, fd, 6, &l));
    show("set 64 by fcntl", syscall(SYS_fcntl, fd, 13, &w));
    show("bad fd", syscall(SYS_fcntl, -1, 13, &w));
    show("set 64", syscall(SYS_fcntl64, fd, 13, &w));
    show("at 16", syscall(SYS_fcntl64, fd, 13, 16));
    show("at 16, bad fd", syscall(SYS_fcntl64, -1, 13, 16));
    fflush(stdout);
    if (!fork()) {
        l.type = F_RDLCK, l.start = 0, l.len = 0;
        show("get", syscall(SYS_fcntl, fd, 5, &l));
        printf("%d %d %d %d\n", l.type, l.start, l.len, l.pid == getppid());
        l.start = 1000, l.type = F_RDLCK;
        show("get beyond", syscall(SYS_fcntl, fd, 5, &l));
        w.type = F_RDLCK, w.start = 1000, w.len = 0;
        show("get 64", syscall(SYS_fcntl64, fd, 12, &w));
        printf("%d %llx %llx\n", w.type, w.start, w.len);
        w.type = F_RDLCK, w.pid = 0;
        show("ofd", syscall(SYS_fcntl64, fd, 36, &w));
        show("refused", syscall(SYS_fcntl64, fd, 13, &w));
        _exit((fflush(stdout), 0));
    }
    wait(NULL);
    close(fd);
    unlink("lock");
}

static void copies(void)
{
    int a = open("a", O_RDWR | O_CREAT, 0600), b = open("b", O_RDWR | O_CREAT, 0600);
    write(a, "0123456789", 10);
    int32_t off[2] = {3, 0x5a5a5a5a};
    int64_t off64 = 5;
    show("sendfile", syscall(SYS_sendfile, b, a, off, 4));
    printf("%d %x\n", off[0], off[1]);
    show("sendfile64", syscall(SYS_sendfile64, b, a, &off64, 100));
    printf("%lld\n", off64);
    off[0] = 0x7fffffff;
    show("sendfile end", syscall(SYS_sendfile, b, a, off, 4));
    off[0] = -1;
    show("sendfile negative", syscall(SYS_sendfile, b, a, off, 4));
    show("sendfile at 16", syscall(SYS_sendfile, b, a, 16, 4));
    struct iovec v[3] = {{"ab", 2}, {(void *)16, 2}, {"cd", 2}};
    show("writev part", writev(b, v, 3));
    show("writev bad", writev(b, v + 1, 1));
    v[2].iov_len = 0x80000000;
    show("writev negative", writev(b, v, 3));
    show("writev 1025", writev(b, v, 1025));
    show("writev at 16", writev(b, (void *)16, 1));
    show("writev bad fd", writev(-1, (void *)16, 1025));
    int p[2];
    pipe(p);
    off64 = 1;
    show("splice", syscall(SYS_splice, a, &off64, p[1], 0, 4, 0));
    printf("%lld\n", off64);
    v[0].iov_len = 1;
    show("vmsplice", syscall(SYS_vmsplice, p[1], v, 1, 0));
    show("tee nothing", syscall(SYS_tee, p[0], p[0], 4, 0));
    int64_t from = 2, to = 20;
    show("copy_file_range", syscall(SYS_copy_file_range, a, &from, b, &to, 4, 0));
    printf("%lld %lld\n", from, to);
    show("fallocate", syscall(SYS_fallocate, a, 0, 0, 0, 100, 0));
    show("readahead", syscall(SYS_readahead, a, 0, 0, 4096));
    show("fadvise", syscall(SYS_fadvise64, a, 0, 0, 4096, 3));
    show("fadvise64_64", syscall(SYS_fadvise64_64, a, 0, 0, 4096, 0, 99));
    show("sync_file_range", syscall(SYS_sync_file_range, a, 0, 0, 10, 0, 2));
    unlink("a"), unlink("b");
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    mkdtemp(dir);
    chdir(dir);
    large();
    directory();
    locks();
    copies();
    chdir("/");
    rmdir(dir);
    return 0;
}
