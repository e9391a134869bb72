/* Files: stat forms, directories, locks, seeks, vectors, time stamps, readlink, getcwd, mmap. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

int main(void)
{
    char dir[] = "/tmp/xrun-files-XXXXXX", buf[256];
    struct stat st;
    if (!mkdtemp(dir) || chdir(dir))
        return 1;
    printf("cwd same %d\n", !strcmp(getcwd(buf, sizeof buf), dir));
    int fd = open("a", O_RDWR | O_CREAT, 0640);
    struct iovec v[2] = {{(void *)"hello ", 6}, {(void *)"world\n", 6}};
    printf("writev %d\n", (int)writev(fd, v, 2));
    fstat(fd, &st);
    printf("size %ld mode %o nlink %d\n", (long)st.st_size, st.st_mode, (int)st.st_nlink);
    printf("lseek %ld\n", (long)lseek(fd, -3, SEEK_END));
    printf("pread %d\n", (int)pread(fd, buf, 5, 6));
    printf("%.5s\n", buf);
    struct timespec ts[2] = {{1000000000, 5}, {1100000000, 6}};
    futimens(fd, ts);
    stat("a", &st);
    printf("times %ld %ld %ld\n", (long)st.st_atime, (long)st.st_mtime, st.st_mtim.tv_nsec);
    symlink("a", "link");
    int n = (int)readlink("link", buf, sizeof buf);
    printf("readlink %.*s\n", n, buf);
    lstat("link", &st);
    printf("is link %d\n", S_ISLNK(st.st_mode));
    mkdir("d", 0755);
    for (int i = 0; i < 100; i++) {
        snprintf(buf, sizeof buf, "d/f%03d", i);
        close(open(buf, O_CREAT | O_WRONLY, 0600));
    }
    DIR *dp = opendir("d");
    char *names[200];
    int k = 0;
    for (struct dirent *e; (e = readdir(dp));)
        names[k++] = strdup(e->d_name);
    qsort(names, k, sizeof *names, by_name);
    printf("entries %d first %s last %s\n", k, names[0], names[k - 1]);
    rewinddir(dp);
    int again = 0;
    long pos = 0;
    while (readdir(dp))
        if (++again == 50)
            pos = telldir(dp);
    seekdir(dp, pos);
    int rest = 0;
    while (readdir(dp))
        rest++;
    printf("again %d rest %d\n", again, rest);
    closedir(dp);
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 2, .l_len = 5};
    printf("lock %d\n", fcntl(fd, F_SETLK, &fl));
    fflush(stdout);
    if (!fork()) {
        fl.l_type = F_WRLCK;
        fcntl(fd, F_GETLK, &fl);
        printf("getlk type %d start %ld len %ld by parent %d\n", fl.l_type, (long)fl.l_start,
               (long)fl.l_len, fl.l_pid == getppid());
        fflush(stdout);
        _exit(0);
    }
    fflush(stdout);
    wait(NULL);
    printf("flags %x\n", fcntl(fd, F_GETFL) & ~O_LARGEFILE);
    printf("directory open: %d\n", open("a", O_RDONLY | O_DIRECTORY) < 0 ? errno : 0);
    printf("nofollow: %d\n", open("link", O_RDONLY | O_NOFOLLOW) < 0 ? errno : 0);
    char *m = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    printf("mapped %.5s\n", m);
    printf("ftruncate %d\n", ftruncate(fd, 3));
    fstat(fd, &st);
    printf("size %ld\n", (long)st.st_size);
    struct utsname u;
    uname(&u);
    printf("machine ok %d\n", !strcmp(u.machine, "i686") || !strcmp(u.machine, "x86_64"));
    snprintf(buf, sizeof buf, "rm -rf %s", dir);
    return system(buf);
}
