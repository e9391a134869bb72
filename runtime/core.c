/* Core dumps of the guest: an ELF32 i386 core file when a signal with that action ends it and its
 * RLIMIT_CORE allows (fs/coredump.c, fs/binfmt_elf.c). All other threads are stopped at instruction
 * boundaries first. The parent sees the core flag in the wait status if the host's kernel can be made
 * to dump as well, where it does no harm (let_host_dump). */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abi/corenote.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "runtime/corename.h"
#include "runtime/runtime.h"
#include "syscalls/syscalls.h"

enum { PAGE = GUEST_PAGE_SIZE, STOP_MS = 3000, SEGMENTS_MAX = 60000 };
enum { PAGEMAP_PRESENT = 63, PAGEMAP_SWAPPED = 62, PAGEMAP_FILE = 61 };

/* ---- stopping the other threads ---- */

static char stop_token; /* its address marks the signal that stops a thread */

bool core_is_stop(const siginfo_t *info)
{
    return info->si_code == SI_QUEUE && info->si_value.sival_ptr == &stop_token &&
           info->si_pid == getpid(); /* as core_nudge says, whoever sent it */
}

void core_stand_still(struct thread *t)
{
    uint64_t all;
    if (!t->proc->stopping)
        return;
    signal_block_all(&all);
    __atomic_store_n(&rt(t)->standing, 1, __ATOMIC_RELEASE);
    for (;;)
        host_syscall(SYS_ppoll, 0, 0, 0, 0, 0, 0);
}

void core_nudge(const struct thread *t)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = SIGTRAP;
    info.si_code = SI_QUEUE;
    info.si_pid = t->proc->pid;
    info.si_value.sival_ptr = &stop_token;
    host_syscall(SYS_rt_tgsigqueueinfo, t->proc->pid, t->tid, SIGTRAP, (long)&info, 0, 0);
}

/* Returns when all stand still; one that does not in time is dumped as it is. */
static void stop_others(struct thread *self)
{
    const struct timespec ms = {0, 1000000};
    self->proc->stopping = 1;
    for (int i = 0; i < STOP_MS; i++) {
        int moving = 0;
        lock_take(&self->proc->lock);
        for (struct thread *t = self->proc->threads; t; t = t->next) {
            if (t == self || __atomic_load_n(&rt(t)->standing, __ATOMIC_ACQUIRE))
                continue;
            if (i % 100 == 0)
                core_nudge(t);
            moving++;
        }
        lock_release(&self->proc->lock);
        if (!moving)
            return;
        nanosleep(&ms, NULL);
    }
}

/* ---- what is dumped ---- */

struct segment {
    Elf32_Phdr h;
    bool holes; /* pages that were never touched are left out: they read as zero */
};

struct dump {
    int fd, mem_fd, pagemap_fd;
    uint64_t written, limit;
    bool pipe;   /* no seeking: all is written in order, */
    uint64_t at; /* up to here */
    bool full; /* the limit is reached, or the disk is full */
    struct segment *seg;
    unsigned nseg;
};

/* The pagemap entry of a guest page; 0 if it is not there. */
static uint64_t pagemap(const struct dump *d, gaddr a)
{
    uint64_t e;
    return pread(d->pagemap_fd, &e, 8, (off_t)(a >> GUEST_PAGE_SHIFT) * 8) == 8 ? e : 0;
}

static bool page_there(uint64_t e) { return e >> PAGEMAP_PRESENT & 1 || e >> PAGEMAP_SWAPPED & 1; }

/* Has the process written to this private mapping (or is it anonymous and touched)? */
static bool has_own_pages(const struct dump *d, const struct mem_area *m)
{
    if (d->pagemap_fd < 0)
        return m->prot & PROT_READ;
    for (uint64_t a = m->start; a < m->end; a += PAGE) {
        uint64_t e = pagemap(d, (gaddr)a);
        if (page_there(e) && !(e >> PAGEMAP_FILE & 1))
            return true;
    }
    return false;
}

/* How many bytes of a mapping are dumped: mm vma_dump_size with the default filter. */
static uint32_t dump_size(const struct dump *d, const struct mem_area *m)
{
    uint32_t magic = 0;
    if (m->kind == MEM_VDSO)
        return m->end - m->start;
    if (m->shared)
        return m->kind == MEM_FILE ? 0 : m->end - m->start;
    if (has_own_pages(d, m))
        return m->end - m->start;
    if (m->kind == MEM_FILE && m->offset == 0 && (m->prot & PROT_READ) &&
        !mem_read32(m->start, &magic) && magic == 0x464c457f)
        return PAGE;
    return 0;
}

static void collect(struct dump *d)
{
    struct mem_area m;
    unsigned room = 0;
    for (uint64_t a = 0; a < MEM_TASK_SIZE && d->nseg < SEGMENTS_MAX && mem_find((gaddr)a, &m);
         a = m.end) {
        if (d->nseg == room) {
            room = room ? 2 * room : 64;
            d->seg = xrealloc(d->seg, room * sizeof *d->seg);
        }
        struct segment *s = &d->seg[d->nseg++];
        memset(s, 0, sizeof *s);
        s->h = (Elf32_Phdr){.p_type = PT_LOAD, .p_vaddr = m.start, .p_memsz = m.end - m.start,
                            .p_filesz = dump_size(d, &m), .p_align = PAGE};
        s->h.p_flags = (m.prot & PROT_READ ? PF_R : 0u) | (m.prot & PROT_WRITE ? PF_W : 0u) |
                       (m.prot & PROT_EXEC ? PF_X : 0u);
        s->holes = m.kind != MEM_FILE;
    }
}

/* ---- writing ---- */

static void write_all(struct dump *d, uint64_t at, const void *p, size_t n)
{
    while (n) {
        ssize_t k = d->pipe ? write(d->fd, p, n) : pwrite(d->fd, p, n, (off_t)at);
        if (k <= 0) {
            d->full = true;
            return;
        }
        p = (const char *)p + k;
        at += (uint64_t)k;
        n -= (size_t)k;
    }
    d->at = at;
}

/* What a file leaves out as a hole goes through a pipe as zeros. */
static void fill(struct dump *d, uint64_t to)
{
    static const uint8_t zeros[16 * PAGE];
    while (d->pipe && d->at < to && !d->full)
        write_all(d, d->at, zeros, to - d->at < sizeof zeros ? (size_t)(to - d->at) : sizeof zeros);
}

static void write_at(struct dump *d, uint64_t at, const void *p, size_t n)
{
    fill(d, at);
    if (d->full)
        return;
    if (d->written + n > d->limit) {
        n = (size_t)(d->limit - d->written);
        d->full = true;
    }
    d->written += n;
    write_all(d, at, p, n);
}

/* /proc/self/mem reads what the program itself may not; without it what it may. */
static bool read_page(const struct dump *d, gaddr a, uint8_t *buf)
{
    if (d->mem_fd >= 0 && pread(d->mem_fd, buf, PAGE, (off_t)a) == PAGE)
        return true;
    return mem_check(a, PAGE, PROT_READ) && !mem_read(buf, a, PAGE);
}

static void write_segment(struct dump *d, const struct segment *s)
{
    uint8_t buf[PAGE];
    for (uint32_t i = 0; i < s->h.p_filesz && !d->full; i += PAGE) {
        gaddr a = s->h.p_vaddr + i;
        if (s->holes && d->pagemap_fd >= 0 && !page_there(pagemap(d, a)))
            continue;
        if (read_page(d, a, buf))
            write_at(d, s->h.p_offset + (uint64_t)i, buf, PAGE);
    }
}

static void all_notes(struct corenotes *n, struct thread *self, const siginfo_t *info)
{
    int sig = info->si_signo;
    corenote_prstatus(n, self, sig, self->cpu.gpr[REG_EAX]);
    corenote_process(n, self, info);
    corenote_fpu_tls(n, self);
    for (struct thread *t = self->proc->threads; t; t = t->next) {
        if (t == self)
            continue;
        int64_t interrupted = rt(t)->restart;
        corenote_prstatus(n, t, sig, interrupted ? (uint32_t)interrupted : t->cpu.gpr[REG_EAX]);
        corenote_fpu_tls(n, t);
    }
}

static Elf32_Ehdr elf_header(unsigned phnum)
{
    Elf32_Ehdr h = {.e_type = ET_CORE, .e_machine = EM_386, .e_version = EV_CURRENT,
                    .e_phoff = sizeof h, .e_ehsize = sizeof h, .e_phentsize = sizeof(Elf32_Phdr),
                    .e_phnum = (Elf32_Half)phnum};
    memcpy(h.e_ident, ELFMAG, SELFMAG);
    h.e_ident[EI_CLASS] = ELFCLASS32;
    h.e_ident[EI_DATA] = ELFDATA2LSB;
    h.e_ident[EI_VERSION] = EV_CURRENT;
    return h;
}

static void write_core(struct dump *d, struct thread *t, const siginfo_t *info)
{
    struct corenotes notes = {0};
    all_notes(&notes, t, info);
    collect(d);
    Elf32_Ehdr h = elf_header(d->nseg + 1);
    uint64_t at = sizeof h + (d->nseg + 1) * sizeof(Elf32_Phdr);
    Elf32_Phdr note = {.p_type = PT_NOTE, .p_offset = (Elf32_Off)at,
                       .p_filesz = (Elf32_Word)notes.size, .p_align = 4};
    write_at(d, 0, &h, sizeof h);
    write_at(d, sizeof h, &note, sizeof note);
    uint64_t data = (at + notes.size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    for (unsigned i = 0; i < d->nseg; i++) {
        d->seg[i].h.p_offset = (Elf32_Off)data;
        data += d->seg[i].h.p_filesz;
        write_at(d, sizeof h + (i + 1) * sizeof note, &d->seg[i].h, sizeof note);
    }
    write_at(d, at, notes.data, notes.size);
    for (unsigned i = 0; i < d->nseg; i++)
        write_segment(d, &d->seg[i]);
    fill(d, data);
    if (!d->full && !d->pipe && ftruncate(d->fd, (off_t)data))
        d->full = true;
    free(notes.data);
    free(d->seg);
}

/* A file of one's own, as the kernel insists. */
static int open_core(const char *name)
{
    struct stat st;
    int fd = open(name, O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
        st.st_uid != geteuid() || ftruncate(fd, 0)) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* ---- the wait status ---- */

/* Waits in a process of its own until `name` in `dir` may go: when its parent is gone. */
static void clean_up_later(const char *dir, const char *name)
{
    int p[2];
    char c;
    if (pipe2(p, O_CLOEXEC))
        return;
    long pid = host_syscall(SYS_clone, 0, 0, 0, 0, 0, 0); /* no signal when it ends */
    if (pid == 0) {
        dup2(p[0], 0);
        syscall(SYS_close_range, 1, ~0U, 0);
        if (read(0, &c, 1) == 0) {
            unlinkat(AT_FDCWD, name, 0);
            chdir("/");
            rmdir(dir);
        }
        host_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
    }
    close(p[0]); /* the other end lives as long as this process */
}

static bool dump_nothing(const char *filter)
{
    int fd = open(filter, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, "0", 1) == 1;
    if (fd >= 0)
        close(fd);
    return ok;
}

/* Lets the host's kernel dump this process, a page of headers only, into a directory that is removed
 * at once: only so does the wait status say that a core was dumped. */
static void let_host_dump(const struct thread *t, const struct core_name *name)
{
    char dir[] = "/tmp/xrun-core-XXXXXX";
    struct rlimit one = {PAGE, PAGE}; /* the least with which it dumps */
    if (strchr(name->text, '/') || !name->stable || opt.exec_via || t->proc->shares_memory)
        return;
    char own[32]; /* when the first thread has ended /proc/self has no memory, and a task's folder no such file */
    snprintf(own, sizeof own, "/proc/%d/coredump_filter", gettid());
    if (!(dump_nothing("/proc/self/coredump_filter") || dump_nothing(own)) || !mkdtemp(dir) || chdir(dir))
        return;
    clean_up_later(dir, name->text);
    setrlimit(RLIMIT_CORE, &one);
}

static void dump_to(struct thread *t, const siginfo_t *info, struct dump *d)
{
    d->mem_fd = open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC);
    d->pagemap_fd = open("/proc/thread-self/pagemap", O_RDONLY | O_CLOEXEC);
    stop_others(t);
    write_core(d, t, info);
    close(d->fd);
}

static void dump_to_file(struct thread *t, const siginfo_t *info, const struct core_name *name,
                         rlim_t limit)
{
    struct dump d = {.limit = limit, .fd = open_core(name->text)};
    if (d.fd < 0) {
        log_event("core dump: cannot create %s: %s", name->text, strerror(errno));
        return;
    }
    dump_to(t, info, &d);
    log_event("core dump: %s%s", name->text, d.full ? " (cut off)" : "");
    let_host_dump(t, name);
}

/* To a program that the host's kernel would start; that knows only xrun. If it does not take the core, for
 * instance since only the kernel may start it so, the kernel gives it xrun's. */
static void dump_to_helper(struct thread *t, const siginfo_t *info, const struct core_name *name)
{
    struct rlimit one = {1, 1}; /* to the kernel: no core, not even for a program */
    struct dump d = {.limit = UINT64_MAX, .pipe = true};
    int pid;
    d.fd = core_helper_start(name, &pid);
    if (d.fd >= 0)
        dump_to(t, info, &d);
    if (d.fd < 0 || !core_helper_end(pid)) {
        log_event("core dump: %s does not take it", name->text);
        return;
    }
    log_event("core dump: given to %s", name->text);
    if (setrlimit(RLIMIT_CORE, &one) && !t->proc->shares_memory)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void core_dump(struct thread *t, const siginfo_t *info)
{
    struct rlimit limit, none;
    struct core_name name;
    if (getrlimit(RLIMIT_CORE, &limit))
        limit = (struct rlimit){0, 0};
    bool named = core_name_make(&name, t, info->si_signo, limit.rlim_cur);
    if (name.pipe && limit.rlim_cur == 1) /* the kernel's way to see that the program itself crashes */
        return;
    none = (struct rlimit){0, limit.rlim_max};
    setrlimit(RLIMIT_CORE, &none); /* what the host's kernel would dump is xrun, not the guest */
    if (!named || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1)
        return;
    if (name.pipe)
        dump_to_helper(t, info, &name); /* whatever the limit */
    else if (limit.rlim_cur >= PAGE)
        dump_to_file(t, info, &name, limit.rlim_cur);
}
