/* /proc as the guest must see it: its own program, memory map, arguments, auxiliary vector.
 * Opening such a file gives a memfd with the contents at that moment. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/cpuid.h"
#include "syscalls/priv.h"

/* "/proc/self/NAME", "/proc/thread-self/NAME", "/proc/<own pid>/NAME",
 * ".../task/<tid>/NAME" -> NAME; NULL if it is none of these. */
static const char *own_proc_name(const char *path)
{
    if (strncmp(path, "/proc/", 6))
        return NULL;
    const char *p = path + 6;
    char *end;
    if (!strncmp(p, "self/", 5))
        p += 5;
    else if (!strncmp(p, "thread-self/", 12))
        p += 12;
    else if (strtol(p, &end, 10) == getpid() && *end == '/')
        p = end + 1;
    else
        return NULL;
    if (!strncmp(p, "task/", 5)) {
        strtol(p + 5, &end, 10);
        if (*end == '/')
            p = end + 1;
    }
    return p;
}

static void put(int fd, const void *p, size_t n)
{
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w <= 0)
            return;
        p = (const char *)p + w;
        n -= (size_t)w;
    }
}

static void put_guest(int fd, gaddr from, gaddr to)
{
    char buf[4096];
    while (from < to) {
        size_t n = to - from < sizeof buf ? to - from : sizeof buf;
        if (mem_read(buf, from, n))
            return;
        put(fd, buf, n);
        from += (gaddr)n;
    }
}

/* The host's stat line with the guest's addresses (fields of proc(5), 26-28, 45-51). */
static void put_stat(int fd, const struct process *p)
{
    char buf[2048];
    int in = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = in < 0 ? -1 : read(in, buf, sizeof buf - 1);
    if (in >= 0)
        close(in);
    if (n <= 0)
        return;
    buf[n] = 0;
    char *tail = strrchr(buf, ')');
    if (!tail)
        return;
    put(fd, buf, (size_t)(tail + 1 - buf));
    int field = 3;
    for (char *w = strtok(tail + 1, " \n"); w; w = strtok(NULL, " \n"), field++) {
        char v[32];
        gaddr x = field == 26 ? p->start_code : field == 27 ? p->end_code
                : field == 28 ? p->start_stack : field == 48 ? p->arg_start
                : field == 49 ? p->arg_end : field == 50 ? p->env_start
                : field == 51 ? p->env_end : 0;
        snprintf(v, sizeof v, " %u", x);
        if (x) {
            put(fd, v, strlen(v));
        } else {
            put(fd, " ", 1);
            put(fd, w, strlen(w));
        }
    }
    put(fd, "\n", 1);
}

static int fill(struct thread *t, const char *name, int fd)
{
    const struct process *p = t->proc;
    if (!strcmp(name, "maps"))
        return mem_write_maps(fd);
    if (!strcmp(name, "auxv"))
        put(fd, p->auxv, p->auxv_len);
    else if (!strcmp(name, "cmdline"))
        put_guest(fd, p->arg_start, p->arg_end);
    else if (!strcmp(name, "environ"))
        put_guest(fd, p->env_start, p->env_end);
    else
        put_stat(fd, p);
    return 0;
}

int64_t proc_open(struct thread *t, const char *path, int host_flags)
{
    static const char *const names[] = {"maps", "auxv", "cmdline", "environ", "stat"};
    const char *name = own_proc_name(path);
    if (!name)
        return -1;
    if (!strcmp(name, "exe"))
        return HC(SYS_openat, AT_FDCWD, t->proc->exe, host_flags, 0, 0, 0);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(name, names[i]))
            continue;
        if ((host_flags & O_ACCMODE) != O_RDONLY)
            return -EACCES;
        int fd = memfd_create(name, host_flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
        if (fd < 0)
            return -errno;
        fill(t, name, fd);
        lseek(fd, 0, SEEK_SET);
        return fd;
    }
    return -1;
}

int proc_readlink(struct thread *t, const char *path, char *buf, size_t size)
{
    const char *name = own_proc_name(path);
    if (!name || strcmp(name, "exe"))
        return -1;
    size_t n = strlen(t->proc->exe_guest);
    if (n > size)
        n = size;
    memcpy(buf, t->proc->exe_guest, n);
    return (int)n;
}
