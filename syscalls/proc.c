/* /proc as the guest must see it: its own program, memory map, arguments, auxiliary vector.
 * Such a file is a memfd, which is filled anew whenever it is read from its start. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "core/cpuid.h"
#include "syscalls/priv.h"
#include "syscalls/trace.h"

/* "/proc/self/NAME", "/proc/thread-self/NAME", "/proc/<own pid>/NAME",
 * ".../task/<tid>/NAME" -> NAME; NULL if it is none of these. *tid: the thread, 0: the process as a whole. */
static const char *own_proc_name(const char *path, int *tid)
{
    *tid = 0;
    if (strncmp(path, "/proc/", 6))
        return NULL;
    const char *p = path + 6;
    char *end;
    if (!strncmp(p, "self/", 5))
        p += 5;
    else if (!strncmp(p, "thread-self/", 12))
        p += 12, *tid = thread_self->tid;
    else if (strtol(p, &end, 10) == getpid() && *end == '/')
        p = end + 1;
    else
        return NULL;
    if (!strncmp(p, "task/", 5)) {
        long id = strtol(p + 5, &end, 10);
        if (*end == '/')
            *tid = (int)id;
        if (*end == '/')
            p = end + 1;
    }
    return p;
}

bool proc_is_own(const char *path)
{
    int tid;
    return own_proc_name(path, &tid) != NULL;
}

bool proc_name_of(int fd, const struct stat *st, char name[PROC_NAME])
{
    char link[64];
    struct statfs fs;
    if (!S_ISREG(st->st_mode) || st->st_size || fstatfs(fd, &fs) || fs.f_type != PROC_SUPER_MAGIC)
        return false;
    snprintf(link, sizeof link, "/proc/thread-self/fd/%d", fd);
    ssize_t n = readlink(link, name, PROC_NAME - 1);
    if (n <= 0)
        return false;
    name[n] = 0;
    return true;
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

/* ---- sizes ---- */

struct sizes { uint64_t total, data, stack; }; /* bytes */

static struct sizes guest_sizes(void)
{
    struct mem_area m;
    struct sizes z = {0, 0, 0};
    for (gaddr a = 0; mem_find(a, &m); a = m.end) {
        z.total += m.end - m.start;
        if (m.kind == MEM_STACK)
            z.stack += m.end - m.start;
        else if ((m.prot & PROT_WRITE) && !m.shared)
            z.data += m.end - m.start;
    }
    return z;
}

static uint64_t text_size(const struct process *p)
{
    return PAGE_UP((uint64_t)p->end_code) - PAGE_DOWN((uint64_t)p->start_code);
}

ssize_t proc_read(const char *path, char *buf, size_t size)
{
    int in = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = in < 0 ? -1 : read(in, buf, size - 1);
    if (in >= 0)
        close(in);
    buf[n > 0 ? n : 0] = 0;
    return n;
}

bool lines_open(struct lines *l, const char *path)
{
    l->fd = open(path, O_RDONLY | O_CLOEXEC);
    l->at = l->end = 0;
    return l->fd >= 0;
}

char *lines_next(struct lines *l)
{
    for (;;) {
        char *line = l->text + l->at, *nl = memchr(line, '\n', l->end - l->at);
        if (nl) {
            *nl = 0;
            l->at = (size_t)(nl + 1 - l->text);
            return line;
        }
        memmove(l->text, line, l->end -= l->at);
        l->at = 0;
        ssize_t n = l->fd < 0 || l->end == LINE_LIMIT ? 0 : read(l->fd, l->text + l->end, LINE_LIMIT - l->end);
        if (n > 0) {
            l->end += (size_t)n;
        } else if (l->end) {
            l->text[l->end] = 0;
            l->end = 0;
            return l->text;
        } else {
            if (l->fd >= 0)
                close(l->fd);
            l->fd = -1;
            return NULL;
        }
    }
}

/* A line from there, with its end again. */
static void put_line(int fd, char *line)
{
    size_t n = strlen(line);
    line[n] = '\n';
    put(fd, line, n + 1);
}

/* What the host has for thread `tid`, or the process as a whole. */
static ssize_t read_own(const char *name, int tid, char *buf, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, tid ? "/proc/self/task/%2$d/%1$s" : "/proc/self/%s", name, tid);
    return proc_read(path, buf, size);
}

/* Signals whose action is `ignored` or, if not, a handler. */
static uint64_t actions(const struct process *p, bool ignored)
{
    uint64_t m = 0;
    for (int sig = 1; sig <= NSIG_GUEST; sig++)
        if (ignored ? p->sigaction[sig].handler == 1 : p->sigaction[sig].handler > 1)
            m |= UINT64_C(1) << (sig - 1);
    return m;
}

/* Blocked signals, state of the system call. */
struct thread_state { uint64_t blocked; bool running; uint32_t nr, regs[REG_ZERO], eip; };

static bool thread_state(const struct thread *self, int tid, struct thread_state *s)
{
    lock_take(&self->proc->lock);
    const struct thread *t = self->proc->threads;
    while (t && t->tid != (tid ? tid : self->proc->pid))
        t = t->next;
    if (t) {
        *s = (struct thread_state){t->sigmask, t->running && t != self, t->orig_eax, {0},
                                   t->cpu.eip - t->cpu.seg_base[SEG_CS]};
        memcpy(s->regs, t->cpu.gpr, sizeof s->regs);
    }
    lock_release(&self->proc->lock);
    return t;
}

/* Has the guest mapped what the host's line is about? */
static bool is_guests(unsigned long long from, struct mem_area *m)
{
    return from < MEM_TASK_SIZE && mem_find((gaddr)from, m) && m->start <= from;
}

/* Sums of what smaps has, by the names in it. */
enum { SUMS_MAX = 40 };
struct sums { int n; struct { char name[24]; uint64_t kb; } sum[SUMS_MAX]; };

static uint64_t *sum_of(struct sums *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (!strcmp(s->sum[i].name, name))
            return &s->sum[i].kb;
    if (s->n == SUMS_MAX)
        return &s->sum[0].kb; /* never: there are some twenty */
    snprintf(s->sum[s->n].name, sizeof s->sum[0].name, "%s", name);
    return &s->sum[s->n++].kb;
}

static void add_up(struct sums *s)
{
    struct lines l;
    char *line, name[24];
    const char *kind = "Pss_Anon";
    unsigned long long from, to, kb, pss = 0;
    struct mem_area m;
    bool show = false;
    lines_open(&l, "/proc/thread-self/smaps");
    while ((line = lines_next(&l))) {
        if (sscanf(line, "%llx-%llx ", &from, &to) == 2) {
            show = is_guests(from, &m);
            kind = show && m.kind == MEM_FILE ? "Pss_File" : show && m.shared ? "Pss_Shmem" : "Pss_Anon";
        } else if (show && sscanf(line, "%23[^:]: %llu kB", name, &kb) == 2) {
            *sum_of(s, name) += kb;
            if (!strcmp(name, "Pss"))
                pss = kb;
            if (!strcmp(name, "Anonymous")) { /* in a private file: what was written */
                kb = kb < pss ? kb : pss;
                *sum_of(s, "Pss_Anon") += kb;
                *sum_of(s, kind) += pss - kb;
            }
        }
    }
}

/* ioctl(PAGEMAP_SCAN) of Linux 6.7 (linux/fs.h). */
struct pm_region { uint64_t start, end, is; };
struct pm_scan {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages, inverted, mask, anyof, returned;
};
enum { PAGE_FILE = 1 << 2, PAGE_PRESENT = 1 << 3, PAGE_ZERO = 1 << 5 };

/* Bytes of [start, end) that are the guest's. */
static uint64_t guest_part(uint64_t start, uint64_t end)
{
    struct mem_area m;
    uint64_t sum = 0;
    for (uint64_t a = start; a < end && mem_find((gaddr)a, &m) && m.start < end; a = m.end)
        sum += (m.end < end ? m.end : end) - (m.start > start ? m.start : start);
    return sum;
}

/* What is in memory, of all and of files, without the text of smaps, which takes ten times as long and
 * more. False: the host has no such call. */
static bool scan_pages(uint64_t *resident, uint64_t *of_files)
{
    struct pm_region r[256];
    struct pm_scan s = {.size = sizeof s, .end = MEM_TASK_SIZE,
                        .vec = (uintptr_t)r, .vec_len = ARRAY_SIZE(r), .inverted = PAGE_ZERO,
                        .mask = PAGE_PRESENT | PAGE_ZERO, .returned = PAGE_FILE};
    int n = 0, fd = open("/proc/thread-self/pagemap", O_RDONLY | O_CLOEXEC);
    *resident = *of_files = 0;
    if (fd < 0)
        return false;
    for (; s.start < s.end && (n = ioctl(fd, _IOWR('f', 16, struct pm_scan), &s)) >= 0; s.start = s.walk_end)
        for (int i = 0; i < n; i++) {
            uint64_t part = guest_part(r[i].start, r[i].end);
            *resident += part;
            *of_files += r[i].is & PAGE_FILE ? part : 0;
        }
    close(fd);
    return n >= 0;
}

/* Bytes in memory: all, and those of files or shared. */
struct resident { uint64_t all, of_files; };

static struct resident guest_resident(void)
{
    struct resident r;
    if (!scan_pages(&r.all, &r.of_files)) {
        struct sums s = {.n = 0};
        add_up(&s);
        r.all = *sum_of(&s, "Rss") << 10;
        r.of_files = r.all - (*sum_of(&s, "Anonymous") << 10);
    }
    return r;
}

/* The host's stat line with the guest's addresses, size and signals (fields of proc(5)). */
static void put_stat(int fd, const struct thread *t, int tid)
{
    const struct process *p = t->proc;
    struct thread_state state = {0};
    char buf[2048];
    ssize_t n = read_own("stat", tid, buf, sizeof buf);
    thread_state(t, tid, &state);
    const uint32_t signals[] = {(uint32_t)state.blocked & INT32_MAX, actions(p, true) & INT32_MAX,
                                actions(p, false) & INT32_MAX};
    char *tail = n > 0 ? strrchr(buf, ')') : NULL;
    if (!tail)
        return;
    put(fd, buf, (size_t)(tail + 1 - buf));
    char *rest;
    int field = 3;
    for (char *w = strtok_r(tail + 1, " \n", &rest); w; w = strtok_r(NULL, " \n", &rest), field++) {
        char v[32];
        uint64_t x = field == 23 ? guest_sizes().total
                   : field == 24 ? guest_resident().all >> GUEST_PAGE_SHIFT
                   : field == 26 ? p->start_code
                   : field == 27 ? p->end_code : field == 28 ? p->start_stack
                   : field == 48 ? p->arg_start : field == 49 ? p->arg_end
                   : field == 50 ? p->env_start : field == 51 ? p->env_end : 0;
        snprintf(v, sizeof v, " %llu", (unsigned long long)x);
        if (field >= 32 && field <= 34)
            snprintf(v, sizeof v, " %u", signals[field - 32]);
        if (x || (field >= 32 && field <= 34)) {
            put(fd, v, strlen(v));
        } else {
            put(fd, " ", 1);
            put(fd, w, strlen(w));
        }
    }
    put(fd, "\n", 1);
}

static uint64_t kb_of(const char *status, const char *name)
{
    const char *line = strstr(status, name);
    return line ? strtoull(line + strlen(name), NULL, 10) : 0;
}

/* The host's text, with the lines that tell of xrun replaced. */
static void put_status(int fd, const struct thread *t, int tid)
{
    struct thread_state state = {0};
    char buf[8192], out[96], *rest;
    const struct process *p = t->proc;
    struct sizes z = guest_sizes();
    thread_state(t, tid, &state);
    read_own("status", tid, buf, sizeof buf);
    struct resident r = guest_resident();
    uint64_t rss = r.all >> 10, of_files = r.of_files >> 10, shared = kb_of(buf, "\nRssShmem:");
    uint64_t most = kb_of(buf, "\nVmHWM:"), now = kb_of(buf, "\nVmRSS:");
    const struct { const char *name; uint64_t kb; } sizes[] = {
        {"VmPeak:", z.total >> 10}, {"VmSize:", z.total >> 10}, {"VmData:", z.data >> 10},
        {"VmStk:", z.stack >> 10}, {"VmExe:", text_size(p) >> 10}, {"VmRSS:", rss},
        {"VmHWM:", most > now ? rss + (most - now) : rss},
        {"RssAnon:", rss - of_files}, {"RssFile:", of_files > shared ? of_files - shared : 0}};
    const struct { const char *name; uint64_t mask; } masks[] = {
        {"SigBlk:", state.blocked}, {"SigIgn:", actions(p, true)}, {"SigCgt:", actions(p, false)}};
    for (char *line = strtok_r(buf, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        int n = 0;
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
            if (!strncmp(line, sizes[i].name, strlen(sizes[i].name)))
                n = snprintf(out, sizeof out, "%s\t%8llu kB", sizes[i].name,
                             (unsigned long long)sizes[i].kb);
        if (!strncmp(line, "Seccomp:", 8))
            n = snprintf(out, sizeof out, "Seccomp:\t%d", seccomp_mode(t));
        else if (!strncmp(line, "TracerPid:", 10))
            n = snprintf(out, sizeof out, "TracerPid:\t%d", t->trace ? t->trace->tracer_pid : 0);
        else if (!strncmp(line, "Seccomp_filters:", 16))
            n = snprintf(out, sizeof out, "Seccomp_filters:\t%u", seccomp_count(t));
        for (size_t i = 0; i < ARRAY_SIZE(masks); i++)
            if (!strncmp(line, masks[i].name, strlen(masks[i].name)))
                n = snprintf(out, sizeof out, "%s\t%016llx", masks[i].name,
                             (unsigned long long)masks[i].mask);
        put(fd, n ? out : line, n ? (size_t)n : strlen(line));
        put(fd, "\n", 1);
    }
}

/* The host's entries for what the guest has mapped. */
static void put_smaps(int fd)
{
    struct lines l;
    char *line, rest[LINE_LIMIT], out[LINE_LIMIT];
    bool show = false;
    lines_open(&l, "/proc/thread-self/smaps");
    while ((line = lines_next(&l))) {
        unsigned long long from, to;
        struct mem_area m;
        if (sscanf(line, "%llx-%llx %*4s %8191[^\n]", &from, &to, rest) == 3) {
            show = is_guests(from, &m);
            if (!show)
                continue;
            const char *name = m.kind == MEM_STACK ? "[stack]" : m.kind == MEM_HEAP ? "[heap]"
                             : m.kind == MEM_VDSO ? "[vdso]" : NULL;
            int n = snprintf(out, sizeof out, "%08llx-%08llx %c%c%c%c %.4000s", from,
                             to > m.end ? (unsigned long long)m.end : to,
                             m.prot & PROT_READ ? 'r' : '-', m.prot & PROT_WRITE ? 'w' : '-',
                             m.prot & PROT_EXEC ? 'x' : '-', m.shared ? 's' : 'p', rest);
            put(fd, out, (size_t)n);
            n = snprintf(out, sizeof out, "%*s%s\n", name && n < 73 ? 73 - n : 0, "", name ? name : "");
            put(fd, out, (size_t)n);
        } else if (show) {
            put_line(fd, line);
        }
    }
}

static void put_statm(int fd, const struct process *p)
{
    char buf[256];
    struct sizes z = guest_sizes();
    struct resident r = guest_resident();
    int n = snprintf(buf, sizeof buf, "%llu %llu %llu %llu 0 %llu 0\n",
                     (unsigned long long)z.total >> GUEST_PAGE_SHIFT,
                     (unsigned long long)r.all >> GUEST_PAGE_SHIFT,
                     (unsigned long long)r.of_files >> GUEST_PAGE_SHIFT,
                     (unsigned long long)text_size(p) >> GUEST_PAGE_SHIFT,
                     (unsigned long long)(z.data + z.stack) >> GUEST_PAGE_SHIFT);
    put(fd, buf, (size_t)n);
}

/* The host's text with the guest's numbers. */
static void put_smaps_rollup(int fd)
{
    struct sums s = {.n = 0};
    struct mem_area m;
    struct lines l;
    char *line, out[256], name[24];
    gaddr first = 0, last = 0;
    for (gaddr a = 0; mem_find(a, &m); a = last = m.end)
        first = last ? first : m.start;
    add_up(&s);
    lines_open(&l, "/proc/thread-self/smaps_rollup");
    for (bool head = true; (line = lines_next(&l)); head = false) {
        int n = head ? snprintf(out, sizeof out, "%08x-%08x ---p 00000000 00:00 0 ", first, last) : 0;
        if (head)
            snprintf(out + n, sizeof out - (size_t)n, "%*s[rollup]\n", n < 73 ? 73 - n : 0, "");
        else if (sscanf(line, "%23[^:]:", name) == 1)
            snprintf(out, sizeof out, "%s:%*s%8llu kB\n", name, 15 - (int)strlen(name), "",
                     (unsigned long long)*sum_of(&s, name));
        put(fd, out, strlen(out));
    }
}

static void put_numa_maps(int fd)
{
    struct lines l;
    char *line;
    lines_open(&l, "/proc/thread-self/numa_maps");
    while ((line = lines_next(&l))) {
        unsigned long long from = strtoull(line, NULL, 16);
        struct mem_area m;
        if (is_guests(from, &m))
            put_line(fd, line);
    }
}

/* The system call that the thread is in. */
static void put_syscall(int fd, const struct thread *t, int tid)
{
    struct thread_state s;
    char v[160] = "running\n";
    if (!thread_state(t, tid, &s))
        return;
    const uint32_t *r = s.regs;
    if (!s.running && s.nr == UINT32_MAX)
        snprintf(v, sizeof v, "-1 0x%x 0x%x\n", r[REG_ESP], s.eip);
    else if (!s.running)
        snprintf(v, sizeof v, "%d 0x%x 0x%x 0x%x 0x%x 0x%x 0x%x 0x%x 0x%x\n", (int)s.nr, r[REG_EBX],
                 r[REG_ECX], r[REG_EDX], r[REG_ESI], r[REG_EDI], r[REG_EBP], r[REG_ESP], s.eip);
    put(fd, v, strlen(v));
}

/* ---- opening ---- */

typedef void fill_fn(int fd, const struct thread *t, int tid);
#define FILL(name) static void fill_##name(int fd, __attribute__((unused)) const struct thread *t, \
                                           __attribute__((unused)) int tid)
FILL(maps) { mem_write_maps(fd); }
FILL(smaps) { put_smaps(fd); }
FILL(smaps_rollup) { put_smaps_rollup(fd); }
FILL(numa_maps) { put_numa_maps(fd); }
FILL(auxv) { put(fd, t->proc->auxv, t->proc->auxv_len); }
FILL(stat) { put_stat(fd, t, tid); }
FILL(statm) { put_statm(fd, t->proc); }
FILL(status) { put_status(fd, t, tid); }
FILL(personality)
{
    char text[16];
    snprintf(text, sizeof text, "%08x\n", t->proc->personality);
    put(fd, text, strlen(text));
}
FILL(syscall) { put_syscall(fd, t, tid); }
FILL(cmdline) { put_guest(fd, t->proc->arg_start, t->proc->arg_end); }
FILL(environ) { put_guest(fd, t->proc->env_start, t->proc->env_end); }

static const struct { const char *name; fill_fn *fill; } files[] = {
    {"maps", fill_maps}, {"smaps", fill_smaps}, {"auxv", fill_auxv}, {"cmdline", fill_cmdline},
    {"environ", fill_environ}, {"stat", fill_stat}, {"statm", fill_statm}, {"status", fill_status},
    {"smaps_rollup", fill_smaps_rollup}, {"numa_maps", fill_numa_maps}, {"syscall", fill_syscall},
    {"personality", fill_personality},
};

/* Which descriptors may be such files; proc_refill finds out. */
uint32_t proc_fds[PROC_FDS / 32];
#define MEMFD_PREFIX "proc:"

static int make_file(const char *name, int tid, int host_flags)
{
    char full[48];
    snprintf(full, sizeof full, MEMFD_PREFIX "%s:%d", name, tid);
    int fd = memfd_create(full, host_flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
    if (fd >= 0 && fd < PROC_FDS)
        __atomic_or_fetch(&proc_fds[fd / 32], 1u << fd % 32, __ATOMIC_RELAXED);
    return fd < 0 ? -errno : fd;
}

/* The number of the file in `files` and its thread, -1 if the descriptor was closed and is something else. */
static int file_of(int fd, int *tid)
{
    static const char start[] = "/memfd:" MEMFD_PREFIX;
    char link[64], name[64] = "", *end;
    snprintf(link, sizeof link, "/proc/thread-self/fd/%d", fd);
    if (readlink(link, name, sizeof name - 1) < 0 || strncmp(name, start, sizeof start - 1))
        return -1;
    if (!(end = strchr(name + sizeof start - 1, ':')))
        return -1;
    *end = 0;
    *tid = atoi(end + 1);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (!strcmp(name + sizeof start - 1, files[i].name))
            return (int)i;
    return -1;
}

void proc_refill(struct thread *t, int fd, int64_t pos)
{
    int tid, i = file_of(fd, &tid);
    if (i < 0)
        __atomic_and_fetch(&proc_fds[fd / 32], ~(1u << fd % 32), __ATOMIC_RELAXED);
    if (i < 0 || (pos < 0 ? lseek(fd, 0, SEEK_CUR) : pos))
        return;
    off_t old = lseek(fd, 0, SEEK_CUR);
    if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
        return;
    files[i].fill(fd, t, tid);
    lseek(fd, old, SEEK_SET);
}

/* `path` relative to a directory of /proc, made absolute; the path itself if it is neither that nor
 * the name of a file that xrun shows. */
static const char *absolute(int dirfd, const char *path, char buf[PATH_MAX])
{
    const char *last = strrchr(path, '/');
    bool known = !strcmp(last ? last + 1 : path, "exe");
    char link[64];
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        known |= !strcmp(last ? last + 1 : path, files[i].name);
    if (path[0] == '/' || !known)
        return path;
    snprintf(link, sizeof link,
             dirfd == AT_FDCWD ? "/proc/thread-self/cwd" : "/proc/thread-self/fd/%d", dirfd);
    ssize_t n = readlink(link, buf, PATH_MAX / 2);
    if (n < 5 || strncmp(buf, "/proc", 5) || strlen(path) > PATH_MAX / 2 - 2)
        return path;
    sprintf(buf + n, "/%s", path);
    return buf;
}

int64_t proc_open(struct thread *t, int dirfd, const char *path, int host_flags)
{
    char buf[PATH_MAX];
    int tid;
    const char *full = absolute(dirfd, path, buf), *name = own_proc_name(full, &tid);
    char text[512];
    int n = kernel_file(path, text, sizeof text);
    if (n >= 0) {
        int fd = memfd_create("kernel", host_flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
        if (fd >= 0 && write(fd, text, (size_t)n) == n)
            lseek(fd, 0, SEEK_SET);
        return fd < 0 ? -errno : fd;
    }
    if (!strcmp(path, "/proc/cpuinfo") && (host_flags & O_ACCMODE) == O_RDONLY)
        return cpuinfo_open(host_flags);
    if (!name)
        return tracer_open_proc(full, host_flags);
    if (!strcmp(name, "exe"))
        return HC(SYS_openat, AT_FDCWD, t->proc->exe, host_flags, 0, 0, 0);
    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        if (strcmp(name, files[i].name))
            continue;
        if ((host_flags & O_ACCMODE) != O_RDONLY) { /* only who may do everything */
            int64_t r = HC(SYS_openat, AT_FDCWD, full, host_flags, 0, 0, 0);
            if (r < 0)
                return r;
            close((int)r);
        }
        if (tid) { /* there is such a thread */
            int64_t r = HC(SYS_faccessat, AT_FDCWD, full, F_OK, 0, 0, 0);
            if (r < 0)
                return r;
        }
        int fd = make_file(name, tid, host_flags);
        if (fd >= 0)
            proc_refill(t, fd, 0);
        return fd;
    }
    return -1;
}

int64_t proc_reopen(struct thread *t, int fd, const struct stat *st, int host_flags)
{
    char name[PROC_NAME];
    if (!proc_name_of(fd, st, name))
        return -1;
    int64_t own = proc_open(t, AT_FDCWD, name, host_flags);
    if (own != -1)
        close(fd);
    return own;
}

/* Where the code of a process begins, which an xrun says of its program (main.c show_as_guest); 0:
 * unknown. */
static uint64_t start_code(int pid)
{
    enum { STATE = 3, START_CODE = 26 };
    char name[64], text[1024];
    snprintf(name, sizeof name, "/proc/%d/stat", pid);
    const char *p = proc_read(name, text, sizeof text) > 0 ? strrchr(text, ')') : NULL;
    for (int i = STATE; p && i <= START_CODE; i++)
        p = strchr(p + 1, ' ');
    return p ? strtoull(p, NULL, 10) : 0;
}

/* The program of another process that is an xrun: what is mapped where its code begins. */
static int others_exe(const char *path, char *buf, size_t size)
{
    char name[64];
    struct lines l;
    int pid, end = 0, len = -1;
    unsigned long long low, high;
    if (sscanf(path, "/proc/%d/exe%n", &pid, &end) != 1 || !end || path[end] ||
        !trace_same_program(pid))
        return -1;
    uint64_t code = start_code(pid);
    snprintf(name, sizeof name, "/proc/%d/maps", pid);
    if (!code || !lines_open(&l, name))
        return -1;
    for (char *line; (line = lines_next(&l));) {
        const char *file = strchr(line, '/');
        if (file && sscanf(line, "%llx-%llx", &low, &high) == 2 && code - low < high - low)
            len = snprintf(buf, size, "%s", path_to_guest(file));
    }
    return len < 0 || (size_t)len < size ? len : (int)size;
}

int proc_readlink(struct thread *t, int dirfd, const char *path, char *buf, size_t size)
{
    char full[PATH_MAX];
    int tid;
    const char *link = absolute(dirfd, path, full), *name = own_proc_name(link, &tid);
    if (!name) {
        int n = tracer_read_exe(link, buf, size);
        return n < 0 ? others_exe(link, buf, size) : n;
    }
    if (strcmp(name, "exe"))
        return -1;
    size_t n = strlen(t->proc->exe_guest);
    if (n > size)
        n = size;
    memcpy(buf, t->proc->exe_guest, n);
    return (int)n;
}
