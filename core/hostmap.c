/* See hostmap.h. */
#include "core/hostmap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/log.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum { LEAST = 16384, MOST = 65536 }; /* pages larger than the guest's */

/* What is behind a host page. PARTS: anonymous memory of ours, in which any guest pages may lie; DIRECT: a
 * private mapping, which becomes PARTS when another one comes into it. */
enum backing { NONE, PARTS, DIRECT, SHARED };

uint32_t host_page = GUEST_PAGE_SIZE;
static uint8_t backing[(UINT64_C(1) << 32) / LEAST];
bool host_reserved;

static void *at(uint64_t a) { return (void *)(uintptr_t)a; }

int host_prot(int prot)
{
    int p = prot & (PROT_READ | PROT_WRITE);
    return prot & PROT_EXEC ? p | PROT_READ : p;
}

bool host_page_init(uint32_t size)
{
    uint32_t real = (uint32_t)sysconf(_SC_PAGESIZE);
    host_page = size ? size : real;
    return host_page == GUEST_PAGE_SIZE ? real == host_page
         : host_page >= LEAST && host_page <= MOST && !(host_page & (host_page - 1)) && host_page >= real;
}

static void set_backing(gaddr start, uint64_t end, enum backing b)
{
    for (uint64_t a = start; a < end; a += host_page)
        backing[a / host_page] = (uint8_t)b;
}

/* mprotect and the like of whole host pages: the one place where the host is asked, if its pages are large. */
static void check(uint64_t start, uint64_t end)
{
    if (unlikely((start | end) & (host_page - 1)))
        log_die(126, "internal error: %llx-%llx are no whole pages of the host", (unsigned long long)start,
                (unsigned long long)end);
}

static int map(uint64_t start, uint64_t end, int host, int flags, int fd, uint64_t off, enum backing b)
{
    check(start, end);
    check(off, off);
    if (mmap(at(start), end - start, host, flags | MAP_FIXED, fd, (off_t)off) == MAP_FAILED)
        return -errno;
    set_backing((gaddr)start, end, b);
    return 0;
}

static int protect(uint64_t start, uint64_t end, int host)
{
    check(start, end);
    return mprotect(at(start), end - start, host) ? -errno : 0;
}

enum { ANONYMOUS = MAP_PRIVATE | MAP_ANONYMOUS, HOST_RW = PROT_READ | PROT_WRITE };

/* ---- the guest's pages in one of the host's ---- */

/* Is anything mapped in the host page outside of [start, end)? */
static bool others(gaddr page, gaddr start, gaddr end)
{
    for (uint64_t a = page; a < (uint64_t)page + host_page; a += GUEST_PAGE_SIZE)
        if ((a < start || a >= end) && (mem_page[a >> GUEST_PAGE_SHIFT] & PAGE_MAPPED))
            return true;
    return false;
}

/* How the host maps the page if [start, end) of it becomes `prot`; < 0: nothing. */
static int joint_prot(gaddr page, gaddr start, gaddr end, int prot)
{
    int all = 0;
    bool guarded = false;
    for (uint64_t a = page; a < (uint64_t)page + host_page; a += GUEST_PAGE_SIZE) {
        uint8_t f = mem_page[a >> GUEST_PAGE_SHIFT];
        if (a >= start && a < end) {
            all |= prot < 0 ? 0 : prot;
        } else {
            all |= (f & PAGE_R ? PROT_READ : 0) | (f & PAGE_W ? PROT_WRITE : 0) | (f & PAGE_X ? PROT_EXEC : 0);
            guarded |= host_guards(f);
        }
    }
    all = host_prot(all);
    return guarded ? (all & ~PROT_WRITE) | PROT_READ : all;
}

void host_refresh(gaddr a)
{
    if (host_fine()) {
        uint8_t f = mem_page[a >> GUEST_PAGE_SHIFT];
        if (f & PAGE_W)
            mprotect(at(PAGE_DOWN(a)), GUEST_PAGE_SIZE, f & PAGE_CODE ? PROT_READ : HOST_RW);
        return;
    }
    gaddr page = host_down(a);
    protect(page, (uint64_t)page + host_page, joint_prot(page, 0, 0, 0));
}

/* The host pages of [start, end): [whole, whole_end) are its own, whether it fills them or not; the others
 * (at most two) it shares with other guest pages. */
struct span {
    uint64_t whole, whole_end;
    gaddr part[2];
    int parts;
};

static struct span span(gaddr start, gaddr end)
{
    gaddr first = host_down(start), last = host_down(end - 1);
    struct span s = {.whole = first, .whole_end = (uint64_t)last + host_page};
    if (others(first, start, end)) {
        s.part[s.parts++] = first;
        s.whole += host_page;
    }
    if (last != first && others(last, start, end)) {
        s.part[s.parts++] = last;
        s.whole_end -= host_page;
    }
    return s;
}

bool host_alone(gaddr start, gaddr end)
{
    return host_fine() || !span(start, end).parts;
}

/* From guest memory, of which some may not be there (the end of a file), to our own. */
static void copy_safely(char *to, gaddr from, size_t n)
{
    for (size_t done = 0; done < n;) {
        struct iovec l = {to + done, n - done}, r = {at(from + done), n - done};
        ssize_t m = process_vm_readv(getpid(), &l, 1, &r, 1, 0);
        if (m < 0 && errno != EFAULT) { /* ENOSYS, or a sandbox's answer */
            memcpy(to + done, at(from + done), n - done);
            return;
        }
        done = m > 0 ? done + (size_t)m : host_up(from + done + 1) - from;
    }
}

/* What a new private mapping shows: the file, or zeros. `to` is zero already. */
static void fill(char *to, size_t size, int fd, uint64_t off)
{
    for (size_t done = 0; fd >= 0 && done < size;) {
        ssize_t n = pread(fd, to + done, size - done, (off_t)(off + done));
        if (!n || (n < 0 && errno != EINTR))
            return;
        done += n > 0 ? (size_t)n : 0;
    }
}

/* New contents of [start, end) for a host page in which other things are, and which becomes PARTS,
 * mapped with `host`. It is made aside: neither does another thread see it half done, nor can it
 * write without notice to code that is in there. Then it is put there, or dropped. */
static int make_part(gaddr page, gaddr start, gaddr end, int host, int fd, uint64_t off,
                     char **made)
{
    if (backing[page / host_page] == SHARED) {
        log_event("%08x: something else is to be mapped beside shared memory in a page of the host's", page);
        return -EINVAL;
    }
    char *new = mmap(NULL, host_page, HOST_RW, ANONYMOUS, -1, 0);
    if (new == MAP_FAILED)
        return -errno;
    *made = new;
    gaddr from = start > page ? start : page, to = end - page < host_page ? end : page + host_page;
    int r = protect(page, (uint64_t)page + host_page, PROT_READ); /* whoever writes meanwhile waits for our lock */
    copy_safely(new, page, host_page);
    memset(new + (from - page), 0, to - from);
    fill(new + (from - page), to - from, fd, off + (from - start));
    return r || !mprotect(new, host_page, host) ? r : -errno;
}

static void drop_part(gaddr page, char *made)
{
    munmap(made, host_page);
    host_refresh(page);
}

static int put_made(gaddr page, char *made)
{
    if (mremap(made, host_page, host_page, MREMAP_MAYMOVE | MREMAP_FIXED, at(page)) != MAP_FAILED) {
        backing[page / host_page] = PARTS;
        return 0;
    }
    int r = -errno;
    drop_part(page, made);
    return r;
}

static int put_part(gaddr page, gaddr start, gaddr end, int host)
{
    char *made = NULL;
    int r = make_part(page, start, end, host, -1, 0, &made);
    if (!r)
        return put_made(page, made);
    if (made)
        drop_part(page, made);
    return r;
}

/* ---- mapping ---- */

static int map_shared(gaddr start, gaddr end, int prot, int flags, int fd, uint64_t off)
{
    struct span s = span(start, end);
    if (s.parts || (fd >= 0 && (start - (uint32_t)off) % host_page)) {
        log_event("%08x: shared memory cannot be mapped there with pages of %u bytes", start, host_page);
        return -EINVAL;
    }
    return map(s.whole, s.whole_end, host_prot(prot), flags, fd, fd < 0 ? 0 : off - (start - s.whole), SHARED);
}

/* What mmap says of the file. */
static int try_file(int prot, int flags, int fd, uint64_t off)
{
    void *p = mmap(NULL, host_page, host_prot(prot), flags & ~(MAP_FIXED | MAP_POPULATE), fd,
                   (off_t)(off - off % host_page));
    return p == MAP_FAILED ? -errno : munmap(p, host_page);
}

/* Host pages of its own, for a file that does not lie as they do: what it shows of [start, end) is read. */
static int map_copy(const struct span *s, gaddr start, gaddr end, int prot, int flags, int fd, uint64_t off)
{
    int r = map(s->whole, s->whole_end, HOST_RW, ANONYMOUS | (flags & MAP_NORESERVE), -1, 0, PARTS);
    if (r)
        return r;
    gaddr from = s->whole > start ? (gaddr)s->whole : start, to = s->whole_end < end ? (gaddr)s->whole_end : end;
    fill(at(from), to - from, fd, off + (from - start));
    return protect(s->whole, s->whole_end, host_prot(prot));
}

static int map_whole(const struct span *s, gaddr start, gaddr end, int prot, int flags, int fd,
                     uint64_t off)
{
    bool plain = (flags & MAP_TYPE) == MAP_PRIVATE && !(flags & MAP_HUGETLB);
    if (s->whole >= s->whole_end)
        return 0;
    if (fd >= 0 && (start - (uint32_t)off) % host_page)
        return map_copy(s, start, end, prot, flags, fd, off);
    return map(s->whole, s->whole_end, host_prot(prot), flags, fd,
               fd < 0 ? 0 : off + (s->whole - start), fd < 0 && plain ? PARTS : DIRECT);
}

/* What may fail comes first: then all is as it was. */
static int map_private(gaddr start, gaddr end, int prot, int flags, int fd, uint64_t off)
{
    struct span s = span(start, end);
    char *made[ARRAY_SIZE(s.part)] = {NULL};
    int r = fd >= 0 ? try_file(prot, flags, fd, off) : 0;
    for (int i = 0; i < s.parts && !r; i++)
        r = make_part(s.part[i], start, end, joint_prot(s.part[i], start, end, prot), fd, off,
                      &made[i]);
    if (!r)
        r = map_whole(&s, start, end, prot, flags, fd, off);
    for (int i = 0; i < s.parts; i++)
        if (made[i] && r)
            drop_part(s.part[i], made[i]);
        else if (made[i])
            r = put_made(s.part[i], made[i]);
    return r;
}

int host_map(gaddr start, gaddr end, int prot, int flags, int fd, uint64_t off)
{
    int type = flags & MAP_TYPE;
    if (host_fine())
        return mmap(at(start), end - start, host_prot(prot), flags | MAP_FIXED, fd, (off_t)off) == MAP_FAILED
             ? -errno : 0;
    if (flags & MAP_ANONYMOUS)
        fd = -1;
    return (type == MAP_SHARED || type == MAP_SHARED_VALIDATE ? map_shared : map_private)
               (start, end, prot, flags, fd, off);
}

static void release(uint64_t start, uint64_t end)
{
    if (host_reserved)
        mmap(at(start), end - start, PROT_NONE, ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    else
        munmap(at(start), end - start);
}

void host_release(gaddr start, gaddr end)
{
    if (host_fine()) {
        release(start, end);
        return;
    }
    struct span s = span(start, end);
    for (int i = 0; i < s.parts; i++)
        protect(s.part[i], (uint64_t)s.part[i] + host_page, joint_prot(s.part[i], start, end, -1));
    if (s.whole < s.whole_end) {
        check(s.whole, s.whole_end);
        release(s.whole, s.whole_end);
        set_backing((gaddr)s.whole, s.whole_end, NONE);
    }
}

int host_protect(gaddr start, gaddr end, int prot)
{
    if (host_fine())
        return mprotect(at(start), end - start, host_prot(prot)) ? -errno : 0;
    struct span s = span(start, end);
    int r = s.whole < s.whole_end ? protect(s.whole, s.whole_end, host_prot(prot)) : 0;
    for (int i = 0; i < s.parts && !r; i++)
        r = protect(s.part[i], (uint64_t)s.part[i] + host_page, joint_prot(s.part[i], start, end, prot));
    return r;
}

void host_note_shared(gaddr start, gaddr end)
{
    if (!host_fine())
        set_backing(host_down(start), host_up(end), SHARED);
}

/* ---- mremap ---- */

/* Host pages that hold nothing else; what lies in them besides (at their ends) comes along. Any, if
 * they are the guest's. */
static int move_pages(gaddr old, uint32_t old_len, gaddr to, uint32_t new_len, int flags)
{
    gaddr from = host_down(old), first = host_down(to);
    uint64_t n = old_len ? host_up((uint64_t)old + old_len) - from : 0, m = host_up((uint64_t)to + new_len) - first;
    int hflags = MREMAP_MAYMOVE | MREMAP_FIXED | (flags & MREMAP_DONTUNMAP);
    if (mremap(at(from), n, m, hflags, at(first)) == MAP_FAILED)
        return -errno;
    if (host_fine())
        return 0;
    for (uint64_t a = 0; a < m; a += host_page) /* what is new is as the last page */
        backing[(first + a) / host_page] = backing[(from + (!n ? 0 : a < n ? a : n - host_page)) / host_page];
    return 0;
}

static int move_copy(gaddr old, uint32_t old_len, gaddr to, uint32_t new_len, int prot)
{
    int r = host_map(to, to + new_len, HOST_RW, ANONYMOUS, -1, 0);
    if (r)
        return r;
    host_protect(old, old + old_len, PROT_READ); /* whoever writes meanwhile waits for our lock */
    copy_safely(at(to), old, old_len < new_len ? old_len : new_len);
    return host_protect(to, to + new_len, prot);
}

int host_move(gaddr old, uint32_t old_len, gaddr to, uint32_t new_len, int flags, int prot, bool shared, bool file)
{
    if (host_fine())
        return move_pages(old, old_len, to, new_len, flags);
    bool whole = !((old ^ to) & (host_page - 1)) && host_alone(to, to + new_len) &&
                 (!old_len || host_alone(old, old + old_len));
    int r = whole ? move_pages(old, old_len, to, new_len, flags) : -EFAULT;
    if (r != -EFAULT || shared) /* EFAULT: several mappings of the host's */
        return r == -EFAULT ? -EINVAL : r;
    if ((flags & MREMAP_DONTUNMAP) || (file && new_len > old_len))
        return -ENOMEM;
    return move_copy(old, old_len, to, new_len, prot);
}

int host_grow(gaddr old, gaddr end, gaddr new_end, int prot, bool shared, bool file)
{
    uint64_t hole = host_up(end), hole_end = host_up(new_end);
    if (!host_fine() && !shared && !file)
        return host_map(end, new_end, prot, ANONYMOUS, -1, 0);
    if (!host_alone(old, new_end))
        return -ENOMEM;
    if (hole == hole_end)
        return 0;
    munmap(at(hole), hole_end - hole);
    old = host_down(old);
    if (mremap(at(old), hole - old, hole_end - old, 0) == MAP_FAILED) {
        int e = errno;
        release(hole, hole_end);
        return host_fine() ? -e : -ENOMEM;
    }
    if (!host_fine())
        set_backing((gaddr)hole, hole_end, shared ? SHARED : DIRECT);
    return 0;
}

/* ---- madvise ---- */

/* Advice for the host pages that show what the guest mapped: a file's, or anonymous memory. */
static int advise_runs(uint64_t start, uint64_t end, int advice, bool copies)
{
    int r = 0;
    for (uint64_t a = start, next; a < end && !r; a = next) {
        bool copy = backing[a / host_page] == PARTS;
        for (next = a; next < end && (backing[next / host_page] == PARTS) == copy; next += host_page)
            ;
        if (!copy || !copies)
            r = madvise(at(a), next - a, advice) ? -errno : 0;
    }
    return r;
}

int host_advise(gaddr start, gaddr end, int advice, bool shared, bool file)
{
    enum { DONTNEED_LOCKED = 24 };
    if (host_fine())
        return madvise(at(start), end - start, advice) ? -errno : 0;
    struct span s = span(start, end);
    int r = advise_runs(s.whole, s.whole_end, advice, file && !shared);
    bool clears = advice == MADV_DONTNEED || advice == DONTNEED_LOCKED;
    for (int i = 0; i < s.parts && !r && clears && !file && !shared; i++)
        r = put_part(s.part[i], start, end, joint_prot(s.part[i], 0, 0, 0));
    return r;
}
