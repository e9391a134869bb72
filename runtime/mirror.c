/* The copy of a native process's memory; see mirror.h. Mappings are read from /proc/PID/maps and
 * made again with mem_map; of their contents only pages that the process has of its own are copied
 * (/proc/PID/pagemap says which), the rest is zero or comes from the same file. */
#include "runtime/mirror.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"

/* Bits of a pagemap entry (Documentation/admin-guide/mm/pagemap.rst). */
#define PM_PRESENT (UINT64_C(1) << 63)
#define PM_SWAP (UINT64_C(1) << 62)
#define PM_FILE (UINT64_C(1) << 61) /* or shared memory */

enum { RUN_PAGES = 512 };

/* ---- mappings ---- */

static char *read_text(struct native *n)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", n->pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t size = 1 << 14, len = 0;
    char *buf = xmalloc(size);
    ssize_t r = 0;
    while (fd >= 0 && (r = read(fd, buf + len, size - len - 1)) > 0) {
        len += (size_t)r;
        if (size - len < 8192)
            buf = xrealloc(buf, size *= 2);
    }
    if (fd >= 0)
        close(fd);
    buf[len] = 0;
    return buf;
}

static bool parse_line(const char *line, struct mirror_area *a)
{
    unsigned long long start, end, off, ino;
    char perm[5];
    int at = 0;
    memset(a, 0, sizeof *a);
    if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, perm, &off, &a->major,
               &a->minor, &ino, &at) < 7 || end > UINT32_MAX)
        return false;
    a->start = (gaddr)start;
    a->end = (gaddr)end;
    a->off = off;
    a->ino = ino;
    a->prot = (uint8_t)((perm[0] == 'r' ? PROT_READ : 0) | (perm[1] == 'w' ? PROT_WRITE : 0) |
                        (perm[2] == 'x' ? PROT_EXEC : 0));
    a->shared = perm[3] == 's';
    const char *name = line + at;
    size_t len = strcspn(name, "\n");
    a->opaque = !strncmp(name, "[vvar", 5);
    a->stack = !strncmp(name, "[stack]", 7);
    a->special = name[0] == '[' && !a->stack && strncmp(name, "[heap]", 6) &&
                 strncmp(name, "[anon", 5);
    a->file = ino != 0;
    if (a->file) {
        a->path = xmalloc(len + 1);
        memcpy(a->path, name, len);
        a->path[len] = 0;
    }
    return true;
}

static struct mirror_area *parse(const char *text, unsigned *count)
{
    unsigned n = 0, cap = 64;
    struct mirror_area *v = xcalloc(cap, sizeof *v);
    for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        if (n == cap)
            v = xrealloc(v, (cap *= 2) * sizeof *v);
        if (parse_line(p, &v[n]))
            n++;
    }
    *count = n;
    return v;
}

static void free_areas(struct mirror_area *v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        free(v[i].path);
    free(v);
}

/* The area of v that holds `a` or the first above it. */
static const struct mirror_area *lookup(const struct mirror_area *v, unsigned n, gaddr a)
{
    unsigned lo = 0, hi = n;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (v[mid].end > a)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo < n ? &v[lo] : NULL;
}

const struct mirror_area *mirror_find(const struct mirror *m, gaddr a)
{
    const struct mirror_area *r = lookup(m->area, m->count, a);
    return r && r->start <= a ? r : NULL;
}

/* ---- making them ---- */

/* A file to map for `a`, if its path still leads to it; -1: its pages are copied instead. */
static int open_file(const struct mirror_area *a)
{
    struct stat st;
    int fd = a->file && !a->shared ? open(a->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd >= 0 && (fstat(fd, &st) || st.st_ino != a->ino || major(st.st_dev) != a->major ||
                    minor(st.st_dev) != a->minor)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Mappings of one file share their bytes, here through a file of xrun's own. */
struct shared_file {
    struct shared_file *next;
    uint64_t ino, size;
    unsigned major, minor;
    int fd;
};

static int shared_fd(struct mirror *m, const struct mirror_area *a)
{
    struct shared_file *f = m->files;
    while (f && (f->ino != a->ino || f->major != a->major || f->minor != a->minor))
        f = f->next;
    if (!f) {
        f = xcalloc(1, sizeof *f);
        *f = (struct shared_file){m->files, a->ino, 0, a->major, a->minor,
                                  memfd_create("xrun-lockstep", MFD_CLOEXEC)};
        m->files = f;
    }
    uint64_t need = a->off + (a->end - a->start);
    if (f->fd >= 0 && f->size < need && !ftruncate(f->fd, (off_t)need))
        f->size = need;
    return f->fd;
}

static void free_files(struct mirror *m)
{
    while (m->files) {
        struct shared_file *f = m->files;
        m->files = f->next;
        close(f->fd);
        free(f);
    }
}

/* Maps [start, end) of area `a` anew, readable and writable; *from_file: the file itself, so that
 * only pages the process has changed need copying. */
static void map_piece(struct mirror *m, const struct mirror_area *a, gaddr start, gaddr end,
                      bool *from_file)
{
    int rw = PROT_READ | PROT_WRITE, fl = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
    int fd = open_file(a);
    *from_file = fd >= 0;
    int64_t r = -1;
    if (a->shared && shared_fd(m, a) >= 0) {
        r = mem_map(start, end - start, rw, MAP_SHARED | MAP_FIXED, shared_fd(m, a),
                    a->off + (start - a->start));
    } else if (fd >= 0) {
        r = mem_map(start, end - start, rw, fl, fd, a->off + (start - a->start));
        close(fd);
    }
    if (r < 0) {
        *from_file = false;
        fl |= MAP_ANONYMOUS | (a->stack ? MAP_GROWSDOWN : 0);
        r = mem_map(start, end - start, rw, fl, -1, 0);
    }
    if (r < 0)
        log_die(126, "--lockstep: cannot map %08x-%08x: %s", start, end, strerror((int)-r));
}

/* ---- contents ---- */

typedef bool run_fn(struct mirror *m, gaddr start, gaddr end, gaddr *where);

static bool copy_run(struct mirror *m, gaddr start, gaddr end, gaddr *where)
{
    (void)where;
    native_read(m->native, start, mem_host(start), end - start);
    return true;
}

static bool compare_run(struct mirror *m, gaddr start, gaddr end, gaddr *where)
{
    uint8_t buf[GUEST_PAGE_SIZE];
    for (gaddr a = start; a < end; a += GUEST_PAGE_SIZE) {
        if (native_read(m->native, a, buf, sizeof buf) != sizeof buf)
            continue;
        const uint8_t *mine = mem_host(a);
        if (!memcmp(buf, mine, sizeof buf))
            continue;
        for (unsigned i = 0; i < sizeof buf; i++)
            if (buf[i] != mine[i]) {
                *where = a + i;
                return false;
            }
    }
    return true;
}

static bool put_back_run(struct mirror *m, gaddr start, gaddr end, gaddr *where)
{
    for (gaddr a = start; a < end; a += GUEST_PAGE_SIZE)
        if (!compare_run(m, a, a + GUEST_PAGE_SIZE, where))
            native_write(m->native, a, mem_host(a), GUEST_PAGE_SIZE);
    return true;
}

/* Does page entry `e` of area `a` hold bytes that are neither zero nor the file's? */
static bool own_page(const struct mirror_area *a, bool from_file, uint64_t e)
{
    if (a->special || (a->file && !from_file))
        return true; /* nothing is known of the rest */
    return (e & PM_SWAP) || ((e & PM_PRESENT) && (!a->file || a->shared || !(e & PM_FILE)));
}

/* Calls fn for every run of the process's own pages in [start, end) of area `a`; other pages of
 * anonymous memory are made zero if `dropped`. */
static bool for_runs(struct mirror *m, const struct mirror_area *a, gaddr start, gaddr end,
                     bool from_file, bool dropped, run_fn *fn, gaddr *where)
{
    uint64_t pm[RUN_PAGES];
    while (start < end) {
        unsigned n = (end - start) >> GUEST_PAGE_SHIFT;
        n = n < RUN_PAGES ? n : RUN_PAGES;
        off_t at = (off_t)(start >> GUEST_PAGE_SHIFT) * 8;
        ssize_t got = pread(m->native->pagemap_fd, pm, n * 8, at);
        if (got != (ssize_t)n * 8)
            memset(pm, 0xff, sizeof pm);
        for (unsigned i = 0; i < n;) {
            unsigned j = i;
            bool own = own_page(a, from_file, pm[i]);
            while (j < n && own_page(a, from_file, pm[j]) == own)
                j++;
            gaddr lo = start + (i << GUEST_PAGE_SHIFT), hi = start + (j << GUEST_PAGE_SHIFT);
            if (own && !fn(m, lo, hi, where))
                return false;
            if (!own && dropped)
                mem_advise(lo, hi - lo, MADV_DONTNEED);
            i = j;
        }
        start += n << GUEST_PAGE_SHIFT;
    }
    return true;
}

static bool same_area(const struct mirror_area *a, const struct mirror_area *b)
{
    return a->off - a->start == b->off - b->start && a->ino == b->ino && a->major == b->major &&
           a->minor == b->minor && a->shared == b->shared;
}

/* Makes [start, end) of area `a` as it is natively; `old` is what was there (NULL: nothing). */
static void sync_piece(struct mirror *m, const struct mirror_area *a, gaddr start, gaddr end,
                       const struct mirror_area *old, bool renew, bool dropped)
{
    bool from_file = a->file && !a->shared;
    if (!old || renew || !same_area(a, old)) {
        map_piece(m, a, start, end, &from_file);
        renew = true;
    }
    bool reprotect = renew || old->prot != a->prot;
    if (reprotect || a->shared || (a->prot & PROT_WRITE)) {
        reprotect |= !(a->prot & PROT_WRITE);
        if (reprotect)
            mem_protect(start, end - start, PROT_READ | PROT_WRITE);
        if (a->prot)
            for_runs(m, a, start, end, from_file, dropped && !a->file, copy_run, NULL);
        if (reprotect)
            mem_protect(start, end - start, a->prot);
    }
}

/* The same for a whole area, in pieces that were uniform before. */
static void sync_area(struct mirror *m, const struct mirror_area *a, const struct mirror_area *olds,
                      unsigned nold, gaddr renewed, gaddr renewed_end, bool dropped)
{
    for (gaddr p = a->start; p < a->end;) {
        const struct mirror_area *old = lookup(olds, nold, p);
        gaddr to = a->end;
        bool renew = p >= renewed && p < renewed_end;
        if (old && old->start > p) {
            to = old->start < to ? old->start : to;
            old = NULL;
        } else if (old && old->end < to) {
            to = old->end;
        }
        if (renewed > p && renewed < to)
            to = renewed;
        if (renewed_end > p && renewed_end < to)
            to = renewed_end;
        if (old && old->opaque)
            old = NULL;
        sync_piece(m, a, p, to, old, renew, dropped);
        p = to;
    }
}

static void unmap_gone(const struct mirror_area *olds, unsigned nold, const struct mirror_area *v,
                       unsigned n)
{
    for (unsigned i = 0; i < nold; i++)
        for (gaddr p = olds[i].start; p < olds[i].end;) {
            const struct mirror_area *a = lookup(v, n, p);
            gaddr to = olds[i].end;
            bool gone = !a || a->start > p || a->opaque;
            if (gone && a && a->start > p && a->start < to)
                to = a->start;
            else if (!(a && a->start > p) && a && a->end < to)
                to = a->end;
            if (gone && !olds[i].opaque)
                mem_unmap(p, to - p);
            p = to;
        }
}

void mirror_sync(struct mirror *m, gaddr renewed, uint32_t len, bool dropped)
{
    char *text = read_text(m->native);
    struct mirror_area *olds = m->area;
    unsigned nold = m->count;
    bool changed = !m->text || strcmp(text, m->text) != 0;
    if (changed) {
        m->area = parse(text, &m->count);
        unmap_gone(olds, nold, m->area, m->count);
    }
    m->any_shared = false;
    for (unsigned i = 0; i < m->count; i++) {
        const struct mirror_area *a = &m->area[i];
        m->any_shared |= a->shared;
        if (!a->opaque)
            sync_area(m, a, olds, nold, renewed, renewed + len, dropped);
    }
    if (changed) {
        free_areas(olds, nold);
        free(m->text);
        m->text = text;
    } else {
        free(text);
    }
}

void mirror_clear(struct mirror *m)
{
    for (unsigned i = 0; i < m->count; i++)
        if (!m->area[i].opaque)
            mem_unmap(m->area[i].start, m->area[i].end - m->area[i].start);
    free_areas(m->area, m->count);
    free_files(m);
    free(m->text);
    *m = (struct mirror){.native = m->native};
}

static bool for_writable(struct mirror *m, run_fn *fn, gaddr *where)
{
    for (unsigned i = 0; i < m->count; i++) {
        const struct mirror_area *a = &m->area[i];
        const int rw = PROT_READ | PROT_WRITE;
        if (a->opaque || a->shared || (a->prot & rw) != rw)
            continue;
        if (!for_runs(m, a, a->start, a->end, a->file, false, fn, where))
            return false;
    }
    return true;
}

bool mirror_equal(struct mirror *m, gaddr *where)
{
    return for_writable(m, compare_run, where);
}

void mirror_put_back(struct mirror *m)
{
    gaddr where;
    for_writable(m, put_back_run, &where);
}
