/* Objects that gdb reads as a whole (qXfer) and files that it opens as the program would (vFile). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/siginfo.h"
#include "core/path.h"
#include "runtime/gdb.h"
#include "runtime/host.h"
#include "syscalls/syscalls.h"

enum { FILES_MAX = 32, CHUNK = GDB_PACKET / 2 - 16 };

/* ---- objects ---- */

/* Offset and length; false: they are none. */
static bool parse_window(const char *s, uint64_t *off, uint64_t *len)
{
    return gdb_number(&s, off) && gdb_skip(&s, ',') && gdb_number(&s, len);
}

/* Bytes [off, off + len) of an object of n bytes: 'm' if there are more, 'l' if not. */
static void put_part(struct gdb_text *t, const void *object, size_t n, uint64_t off, uint64_t len)
{
    if (off > n) {
        gdb_put(t, "E16");
        return;
    }
    size_t rest = n - (size_t)off, part = len < rest ? (size_t)len : rest;
    if (part > CHUNK)
        part = CHUNK;
    gdb_put(t, "%c", part < rest ? 'm' : 'l');
    gdb_put_binary(t, (const uint8_t *)object + off, part);
}

/* The comm of the thread, as an XML attribute can have it. */
static void put_name(struct gdb_text *t, const struct gdb_thread *g)
{
    char path[64], name[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", g->proc->pid, g->tid);
    ssize_t n = proc_read(path, name, sizeof name);
    for (ssize_t i = 0; i < n && name[i] && name[i] != '\n'; i++)
        if (name[i] >= ' ' && name[i] < 127 && !strchr("<>&\"'", name[i]))
            gdb_put(t, "%c", name[i]);
}

static void threads_xml(struct gdb_text *t)
{
    gdb_put(t, "<?xml version=\"1.0\"?><threads>");
    for (const struct gdb_thread *g = gdb.threads; g; g = g->next) {
        if (g->proc->parent)
            continue;
        gdb_put(t, "<thread id=\"");
        gdb_put_thread(t, g);
        gdb_put(t, "\" name=\"");
        put_name(t, g);
        gdb_put(t, "\"/>");
    }
    gdb_put(t, "</threads>");
}

static void xfer_file(struct gdb_text *t, const char *name, uint64_t off, uint64_t len)
{
    char path[64];
    uint8_t buf[CHUNK];
    snprintf(path, sizeof path, "/proc/%d/%s", gdb.current ? gdb.current->proc->pid : 0, name);
    int fd = (int)proc_open(gdb.self, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : pread(fd, buf, len < sizeof buf ? (size_t)len : sizeof buf, (off_t)off);
    if (fd >= 0)
        close(fd);
    if (n < 0) {
        gdb_put(t, "E01");
        return;
    }
    gdb_put(t, "%c", n ? 'm' : 'l');
    gdb_put_binary(t, buf, (size_t)n);
}

static void xfer_exec_file(struct gdb_text *t, const char *annex, uint64_t off, uint64_t len)
{
    uint64_t pid;
    char path[64], exe[4096];
    if (!gdb_number(&annex, &pid))
        pid = (uint64_t)(gdb.current ? gdb.current->proc->pid : 0);
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    int n = tracer_read_exe(path, exe, sizeof exe);
    if (n < 0)
        gdb_put(t, "E01");
    else
        put_part(t, exe, (size_t)n, off, len);
}

static void read_siginfo(struct gdb_text *t, uint64_t off, uint64_t len)
{
    uint8_t image[I386_SIGINFO_SIZE];
    const struct gdb_thread *g = gdb.current;
    if (!g || !g->stopped || !g->b->has_info) {
        gdb_put(t, "E01");
        return;
    }
    abi_siginfo_to_guest(image, &g->b->info);
    put_part(t, image, sizeof image, off, len);
}

static void write_siginfo(struct gdb_text *t, const char *s, size_t n)
{
    uint8_t image[I386_SIGINFO_SIZE];
    uint64_t off;
    const char *data = s;
    struct gdb_thread *g = gdb.current;
    bool good = gdb_number(&data, &off) && gdb_skip(&data, ':');
    size_t len = good ? n - (size_t)(data - s) : 0;
    if (!good || !g || !g->stopped || !g->b->has_info || off > sizeof image ||
        len > sizeof image - off) {
        gdb_put(t, "E01");
        return;
    }
    abi_siginfo_to_guest(image, &g->b->info);
    memcpy(image + off, data, len);
    abi_siginfo_from_guest(&g->b->info, image);
    gdb_put(t, "%zx", len);
}

/* OBJECT:read:ANNEX:OFFSET,LENGTH */
void gdb_xfer(const char *s, size_t n, struct gdb_text *t)
{
    static LARGE_BSS struct gdb_text object;
    uint64_t off, len;
    if (!strncmp(s, "siginfo:write::", 15)) {
        write_siginfo(t, s + 15, n - 15);
        return;
    }
    const char *annex = strstr(s, ":read:"), *window = annex ? strchr(annex + 6, ':') : NULL;
    if (!window)
        return; /* no such object: an empty reply */
    size_t name = (size_t)(annex - s);
    annex += 6;
    if (!parse_window(window + 1, &off, &len)) {
        gdb_put(t, "E00");
        return;
    }
    object.n = 0;
    object.cut = false;
    if (name == 8 && !strncmp(s, "features", name)) {
        if (strncmp(annex, "target.xml:", 11)) {
            gdb_put(t, "E00");
            return;
        }
        gdb_target_xml(&object);
        put_part(t, object.p, object.n, off, len);
    } else if (name == 7 && !strncmp(s, "threads", name)) {
        threads_xml(&object);
        put_part(t, object.p, object.n, off, len);
    } else if (name == 4 && !strncmp(s, "auxv", name)) {
        xfer_file(t, "auxv", off, len);
    } else if (name == 9 && !strncmp(s, "exec-file", name)) {
        xfer_exec_file(t, annex, off, len);
    } else if (name == 7 && !strncmp(s, "siginfo", name)) {
        read_siginfo(t, off, len);
    }
}

/* ---- files ---- */

static int files[FILES_MAX]; /* descriptor + 1; 0: free */

static int remote_errno(int e)
{
    return e == ENAMETOOLONG ? 91 : e > 0 && e <= EROFS ? e : 9999;
}

static void put_failure(struct gdb_text *t, int e)
{
    gdb_put(t, "F-1,%x", (unsigned)remote_errno(e));
}

static int host_flags(uint64_t f)
{
    return (int)(f & 3) | (f & 8 ? O_APPEND : 0) | (f & 0x200 ? O_CREAT : 0) |
           (f & 0x400 ? O_TRUNC : 0) | (f & 0x800 ? O_EXCL : 0) | O_CLOEXEC | O_NONBLOCK;
}

static void file_open(struct gdb_text *t, const char *path, uint64_t flags, uint64_t mode)
{
    char host[PATH_MAX];
    unsigned i = 0;
    while (i < FILES_MAX && files[i])
        i++;
    if (i == FILES_MAX) {
        put_failure(t, EMFILE);
        return;
    }
    int fd = (int)proc_open(gdb.self, AT_FDCWD, path, host_flags(flags));
    if (fd == -1) {
        int r = path_to_host(path, host, true, flags & 0x200);
        fd = r ? r : open(host, host_flags(flags), (mode_t)mode & 07777);
        if (fd == -1)
            fd = -errno;
    }
    if (fd < 0) {
        put_failure(t, -fd);
        return;
    }
    files[i] = fd + 1;
    gdb_put(t, "F%x", i);
}

static void file_readlink(struct gdb_text *t, const char *path)
{
    char host[PATH_MAX], link[PATH_MAX];
    ssize_t n = tracer_read_exe(path, link, sizeof link);
    if (n < 0) {
        int r = path_to_host(path, host, false, false);
        n = r ? -1 : readlink(host, link, sizeof link);
        if (n < 0) {
            put_failure(t, r ? -r : errno);
            return;
        }
    }
    gdb_put(t, "F%zx;", (size_t)n);
    gdb_put_binary(t, (const uint8_t *)link, (size_t)n);
}

static void file_unlink(struct gdb_text *t, const char *path)
{
    char host[PATH_MAX];
    int r = path_to_host(path, host, false, false);
    if (r || unlink(host))
        put_failure(t, r ? -r : errno);
    else
        gdb_put(t, "F0");
}

static void file_pread(struct gdb_text *t, int fd, uint64_t len, uint64_t off)
{
    uint8_t buf[CHUNK];
    ssize_t n = pread(fd, buf, len < sizeof buf ? (size_t)len : sizeof buf, (off_t)off);
    if (n < 0 && errno == ESPIPE)
        n = read(fd, buf, len < sizeof buf ? (size_t)len : sizeof buf);
    if (n < 0) {
        put_failure(t, errno);
        return;
    }
    gdb_put(t, "F%zx;", (size_t)n);
    gdb_put_binary(t, buf, (size_t)n);
}

static void big_endian(uint8_t **p, uint64_t v, unsigned bytes)
{
    for (unsigned i = bytes; i--;)
        *(*p)++ = (uint8_t)(v >> 8 * i);
}

static void file_fstat(struct gdb_text *t, int fd)
{
    struct stat s;
    uint8_t image[64], *p = image;
    if (fstat(fd, &s)) {
        put_failure(t, errno);
        return;
    }
    const uint64_t words[] = {s.st_dev, s.st_ino, s.st_mode, s.st_nlink, s.st_uid, s.st_gid, s.st_rdev};
    const uint64_t longs[] = {(uint64_t)s.st_size, (uint64_t)s.st_blksize, (uint64_t)s.st_blocks};
    const uint64_t times[] = {(uint64_t)s.st_atime, (uint64_t)s.st_mtime, (uint64_t)s.st_ctime};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        big_endian(&p, words[i], 4);
    for (size_t i = 0; i < ARRAY_SIZE(longs); i++)
        big_endian(&p, longs[i], 8);
    for (size_t i = 0; i < ARRAY_SIZE(times); i++)
        big_endian(&p, times[i], 4);
    gdb_put(t, "F%zx;", sizeof image);
    gdb_put_binary(t, image, sizeof image);
}

/* The descriptor that `*s` begins with, -1 if it is none of gdb's; its place to *i. */
static int file_number(const char **s, uint64_t *i)
{
    return gdb_number(s, i) && *i < FILES_MAX ? files[*i] - 1 : -1;
}

static void on_descriptor(struct gdb_text *t, const char *op, size_t name, const char *s, size_t n)
{
    const char *start = s;
    uint64_t i, a = 0, b = 0;
    int fd = file_number(&s, &i);
    if (fd < 0) {
        put_failure(t, EBADF);
    } else if (!strncmp(op, "close", name)) {
        close(fd);
        files[i] = 0;
        gdb_put(t, "F0");
    } else if (!strncmp(op, "fstat", name)) {
        file_fstat(t, fd);
    } else if (!gdb_skip(&s, ',') || !gdb_number(&s, &a) || !gdb_skip(&s, ',')) {
        put_failure(t, EINVAL);
    } else if (!strncmp(op, "pread", name) && gdb_number(&s, &b)) {
        file_pread(t, fd, a, b);
    } else if (!strncmp(op, "pwrite", name)) {
        ssize_t k = pwrite(fd, s, n - (size_t)(s - start), (off_t)a);
        if (k < 0)
            put_failure(t, errno);
        else
            gdb_put(t, "F%zx", (size_t)k);
    } else {
        put_failure(t, EINVAL);
    }
}

static bool is(const char *op, size_t n, const char *name)
{
    return n == strlen(name) && !memcmp(op, name, n);
}

void gdb_file(const char *op, size_t n, struct gdb_text *t)
{
    const char *colon = strchr(op, ':');
    uint8_t path[PATH_MAX];
    uint64_t flags, mode;
    if (!colon)
        return;
    size_t name = (size_t)(colon - op);
    const char *s = colon + 1;
    size_t len = gdb_unhex(s, path, sizeof path - 1);
    path[len] = 0;
    if (is(op, name, "setfs")) {
        gdb_put(t, "F0");
    } else if (is(op, name, "open")) {
        s += 2 * len;
        if (gdb_skip(&s, ',') && gdb_number(&s, &flags) && gdb_skip(&s, ',') && gdb_number(&s, &mode))
            file_open(t, (char *)path, flags, mode);
        else
            put_failure(t, EINVAL);
    } else if (is(op, name, "readlink")) {
        file_readlink(t, (char *)path);
    } else if (is(op, name, "unlink")) {
        file_unlink(t, (char *)path);
    } else if (is(op, name, "close") || is(op, name, "fstat") || is(op, name, "pread") ||
               is(op, name, "pwrite")) {
        on_descriptor(t, op, name, s, n - (size_t)(s - op));
    }
}

void gdb_files_close(void)
{
    for (unsigned i = 0; i < FILES_MAX; i++) {
        if (files[i])
            close(files[i] - 1);
        files[i] = 0;
    }
}
