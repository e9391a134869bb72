/* Files that are read and written in their own way: devices with records which differ, that is events of input
 * devices (evdev, uinput) and of ALSA timers, signals, and the memory of processes in /proc. What a
 * descriptor is is looked up when it is opened, else at its first read or write. */
#include <linux/input.h>
#include <sound/asound.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "abi/convert.h"
#include "syscalls/ioctl.h"

enum { FDS = 65536, MISC_MAJOR = 10, INPUT_MAJOR = 13, UINPUT_MINOR = 223, RECORDS = 64 };
enum { UNKNOWN, PLAIN, EVENTS, TIMER, SIGNALS, MEMORY };

static LARGE_BSS uint8_t kinds[FDS];
/* Has there been a MEMORY? Then what is known of others may be outdated: threads race, and none may read or write
 * such a file without its limits. */
static bool memory_seen;

static bool is_input(int fd, const struct stat *st)
{
    int version;
    return (major(st->st_rdev) == MISC_MAJOR && minor(st->st_rdev) == UINPUT_MINOR) ||
           (major(st->st_rdev) == INPUT_MAJOR && ioctl(fd, EVIOCGVERSION, &version) == 0);
}

static bool is_signalfd(int fd)
{
    static const char target[] = "anon_inode:[signalfd]";
    char link[64], name[sizeof target];
    snprintf(link, sizeof link, "/proc/thread-self/fd/%d", fd);
    return readlink(link, name, sizeof name) == sizeof target - 1 &&
           !memcmp(name, target, sizeof target - 1);
}

static uint8_t look_up(int fd, const struct stat *st)
{
    char name[PROC_NAME];
    if (S_ISCHR(st->st_mode))
        return is_input(fd, st) ? EVENTS : PLAIN;
    if (!(st->st_mode & S_IFMT))
        return is_signalfd(fd) ? SIGNALS : PLAIN;
    const char *last = proc_name_of(fd, st, name) ? strrchr(name, '/') : NULL;
    if (!last || strcmp(last, "/mem"))
        return PLAIN;
    __atomic_store_n(&memory_seen, true, __ATOMIC_SEQ_CST);
    return MEMORY;
}

static uint8_t note_kind(uint32_t fd, const struct stat *st)
{
    uint8_t kind = look_up((int)fd, st);
    if (fd < FDS)
        __atomic_store_n(&kinds[fd], kind, __ATOMIC_RELAXED);
    return kind;
}

void records_opened(uint32_t fd, const struct stat *st)
{
    note_kind(fd, st);
}

static uint8_t kind_of(uint32_t fd) /* those beyond the table are looked up each time */
{
    struct stat st;
    uint8_t kind = fd < FDS ? __atomic_load_n(&kinds[fd], __ATOMIC_RELAXED) : UNKNOWN;
    bool known = kind != UNKNOWN && (kind != PLAIN || likely(!__atomic_load_n(&memory_seen, __ATOMIC_RELAXED)));
    if (likely(known) || (int)fd < 0 || fstat((int)fd, &st)) /* not open, but may be so next time */
        return kind;
    return note_kind(fd, &st);
}

bool records_fd(uint32_t fd)
{
    uint8_t kind = kind_of(fd);
    return unlikely(kind == EVENTS || kind == TIMER || kind == SIGNALS);
}

void records_forget(uint32_t fd)
{
    if (fd < FDS)
        __atomic_store_n(&kinds[fd], UNKNOWN, __ATOMIC_RELAXED);
}

void records_look(uint32_t fd)
{
    records_forget(fd);
    kind_of(fd);
}

void records_copy(uint32_t from, uint32_t to)
{
    uint8_t kind = kind_of(from);
    if (to < FDS)
        __atomic_store_n(&kinds[to], kind, __ATOMIC_RELAXED);
}

static enum abi_layout layout_of(uint32_t fd)
{
    return kind_of(fd) == TIMER ? LAYOUT_timer_tread : LAYOUT_input_event;
}

/* The kernel has taken for a signal of sigqueue's what was disguised as one. */
static void undisguise(struct signalfd_siginfo *s)
{
    siginfo_t i = {.si_code = s->ssi_code, .si_errno = s->ssi_errno};
    i.si_pid = (int)s->ssi_pid;
    i.si_uid = s->ssi_uid;
    i.si_value.sival_ptr = (void *)(uintptr_t)s->ssi_ptr;
    signal_undisguise(&i);
    bool fault = s->ssi_code == SI_QUEUE;
    s->ssi_code = i.si_code;
    s->ssi_errno = i.si_errno;
    s->ssi_ptr = 0;
    s->ssi_int = 0;
    if (fault) {
        s->ssi_pid = s->ssi_uid = 0;
        s->ssi_addr = (uintptr_t)i.si_addr;
    } else if (s->ssi_signo == SIGCHLD && i.si_code > 0) {
        s->ssi_status = i.si_status;
    } else if (i.si_code > 0 && i.si_code <= POLL_HUP) {
        s->ssi_pid = s->ssi_uid = 0;
        s->ssi_band = (uint32_t)i.si_band;
        s->ssi_fd = i.si_fd;
    }
}

static int64_t signals_read(struct sysctx *c)
{
    struct signalfd_siginfo s;
    mem_prepare_write(c->a[1], c->a[2]);
    int64_t r = HCB(SYS_read, s32(c->a[0]), c->a[1], c->a[2], 0, 0, 0);
    for (uint32_t at = 0; at < r; at += (uint32_t)sizeof s)
        if (!mem_read(&s, c->a[1] + at, sizeof s) && signal_disguised(s.ssi_code, s.ssi_errno)) {
            undisguise(&s);
            mem_write(c->a[1] + at, &s, sizeof s);
        }
    return r;
}

/* Whole records; fewer bytes than one are for the driver to refuse. */
int64_t records_read(struct sysctx *c)
{
    if (kind_of(c->a[0]) == SIGNALS)
        return signals_read(c);
    enum abi_layout layout = layout_of(c->a[0]);
    struct abi_size size = abi_size(layout);
    uint64_t h[RECORDS * 4];
    char g[64];
    const char *lost = NULL;
    uint32_t n = c->a[2] / (uint32_t)size.guest;
    size_t len = n ? (n < RECORDS ? n : RECORDS) * size.host : c->a[2];
    int64_t r = HCB(SYS_read, s32(c->a[0]), h, len, 0, 0, 0);
    if (r <= 0 || !n)
        return r;
    n = (uint32_t)((size_t)r / size.host);
    for (uint32_t i = 0; i < n; i++)
        if (abi_to_guest(layout, (char *)h + i * size.host, g, &lost) ||
            mem_write(c->a[1] + i * (uint32_t)size.guest, g, size.guest))
            return -EFAULT;
    if (lost)
        report_loss("time of an event beyond its 32 bits");
    return n * (int64_t)size.guest;
}

/* uinput's old way to describe a device is a structure alike in both, of no whole number of events. */
int64_t records_write(struct sysctx *c)
{
    struct abi_size size = abi_size(LAYOUT_input_event);
    uint64_t h[RECORDS * 4];
    char g[64];
    uint32_t n = c->a[2] / (uint32_t)size.guest;
    if (!n || c->a[2] % size.guest || kind_of(c->a[0]) != EVENTS)
        return HCB(SYS_write, s32(c->a[0]), c->a[1], c->a[2], 0, 0, 0);
    n = n < RECORDS ? n : RECORDS;
    for (uint32_t i = 0; i < n; i++) {
        if (mem_read(g, c->a[1] + i * (uint32_t)size.guest, size.guest))
            return -EFAULT;
        abi_to_host(LAYOUT_input_event, g, (char *)h + i * size.host, NULL);
    }
    int64_t r = HCB(SYS_write, s32(c->a[0]), h, n * size.host, 0, 0, 0);
    return r > 0 ? r / (int64_t)size.host * (int64_t)size.guest : r;
}

/* SNDRV_TIMER_IOCTL_TREAD: from now on the descriptor is read in records with a time. */
int64_t ioctl_timer_records(struct sysctx *c, enum ioctl_way way)
{
    uint32_t on = 0;
    (void)way;
    int64_t r = ioctl_host(c, c->a[1], mem_host(c->a[2]));
    if (r >= 0 && c->a[0] < FDS && !mem_read32(c->a[2], &on))
        __atomic_store_n(&kinds[c->a[0]], on ? TIMER : UNKNOWN, __ATOMIC_RELAXED);
    return r;
}

/* ---- /proc/PID/mem ---- */

/* Is it that of this process? */
static bool own_memory(int fd)
{
    struct stat st;
    char name[PROC_NAME];
    return !fstat(fd, &st) && proc_name_of(fd, &st, name) && proc_is_own(name);
}

/* Where what is mapped from `a` on ends. What is not is reserved on the host, where the kernel would read and
 * write it all the same. */
static uint64_t mapped_end(uint64_t a, uint64_t end)
{
    while (a < end && (mem_page_flags((gaddr)a) & PAGE_MAPPED))
        a = (a | GUEST_PAGE_MASK) + 1;
    return a < end ? a : end;
}

bool memory_file_position(uint32_t fd, int64_t *pos)
{
    if (likely(kind_of(fd) != MEMORY) || *pos != -1)
        return false;
    *pos = HC(SYS_lseek, s32(fd), 0, SEEK_CUR, 0, 0, 0);
    return *pos >= 0;
}

int memory_file_limit(uint32_t fd, int64_t pos, uint64_t *len, bool write)
{
    const int64_t end = INT64_C(1) << 32;
    if (likely(kind_of(fd) != MEMORY) || !*len)
        return 0;
    if (pos < 0) /* the descriptor's own, without a sign */
        return *len >= -(uint64_t)pos ? -EOVERFLOW : -EIO;
    if (pos >= end)
        return -EIO;
    if (*len > (uint64_t)(end - pos))
        *len = (uint64_t)(end - pos);
    if (!own_memory((int)fd))
        return 0;
    *len = mapped_end((uint64_t)pos, (uint64_t)pos + *len) - (uint64_t)pos;
    if (write)
        mem_prepare_write((gaddr)pos, (uint32_t)*len);
    return *len ? 0 : -EIO;
}

void memory_file_written(uint32_t fd, int64_t pos, int64_t n)
{
    if (likely(kind_of(fd) != MEMORY) || n <= 0 || !own_memory((int)fd))
        return;
    mem_forget_code((gaddr)pos, (gaddr)(pos + n - 1));
}
