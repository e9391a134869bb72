/* The loader: checks as Linux fs/binfmt_elf.c makes them, segments, interpreter, process record. */
#include "elfload/elfload.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "core/path.h"
#include "core/stress.h"
#include "elfload/stack.h"
#include "elfload/vdso.h"

enum { PHDRS_MAX = 65536 / sizeof(Elf32_Phdr), EM_OLD_486 = 6 };

/* ELF_ET_DYN_BASE of a compat task */
static gaddr dyn_place(void)
{
    return mem_unmapped_base() + (16 << 20);
}

/* An opened and checked file. Addresses that are sums are 64 bits wide, as in a 64-bit kernel: what
 * wraps around in a hostile header must fail and not turn up at a low address. */
struct elf {
    int fd;
    uint16_t type;
    uint32_t entry, phoff, phnum;
    Elf32_Phdr *ph;
    char interp[PATH_MAX];
    bool has_interp, has_stack, exec_stack;
    uint64_t bias;
    uint64_t phdr;     /* AT_PHDR */
    uint64_t end_brk;  /* end of the last segment, biased */
};

static int fail(struct elfload_error *e, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static int fail(struct elfload_error *e, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->reason, sizeof e->reason, fmt, ap);
    va_end(ap);
    log_printable(e->reason); /* names come from the file */
    e->err = err;
    e->late = false;
    return -1;
}

/* A failure behind execve's point of no return. */
#define fail_late(e, ...) (fail(e, __VA_ARGS__), (e)->late = true, -1)

int elfload_blame(struct elfload_error *e, const char *interp)
{
    struct elfload_error of = *e;
    if (*interp)
        fail(e, of.err, "its interpreter %s: %s", interp, of.reason);
    else
        fail(e, of.err, "its first line (#!) names no interpreter");
    e->late = of.late;
    return -1;
}

/* Whose program it is; bytes of e_machine in either order. */
static const char *machine_name(const Elf32_Ehdr *h)
{
    unsigned m = h->e_machine;
    switch (h->e_ident[EI_DATA] == ELFDATA2MSB ? m >> 8 | (m & 255) << 8 : m) {
    case EM_386: return "a big-endian";
    case EM_X86_64: return "an x86-64";
    case EM_AARCH64: return "an AArch64";
    case EM_ARM: return "an Arm";
    case EM_RISCV: return "a RISC-V";
    case EM_PPC: case EM_PPC64: return "a PowerPC";
    case EM_MIPS: return "a MIPS";
    case EM_S390: return "an S/390";
    case EM_SPARC: case EM_SPARCV9: return "a SPARC";
    default: return "another machine's";
    }
}

static const char *foreign_name(const unsigned char *b, size_t n)
{
    if (n >= 2 && b[0] == 'M' && b[1] == 'Z')
        return "is a DOS or Windows program, not a Linux one";
    return "not an ELF program, nor a script that begins with #!";
}

static bool is_i386(const Elf32_Ehdr *h)
{
    return h->e_machine == EM_386 || h->e_machine == EM_OLD_486;
}

/* The kernel's buffer is zero behind the end of a short file; `n` only chooses the message. It does
 * not look at the class and byte order either. */
static int check_ident(const Elf32_Ehdr *h, size_t n, struct elfload_error *e)
{
    const char *cut = n < sizeof *h ? "truncated ELF header" : NULL;
    if (memcmp(h->e_ident, ELFMAG, SELFMAG))
        return fail(e, ENOEXEC, "%s", foreign_name(h->e_ident, n));
    if (!is_i386(h))
        return cut ? fail(e, ENOEXEC, "%s", cut)
                   : fail(e, ENOEXEC, "is %s program, not i386", machine_name(h));
    if (h->e_type == ET_REL)
        return fail(e, ENOEXEC, "is a relocatable object file, not a program");
    if (h->e_type == ET_CORE)
        return fail(e, ENOEXEC, "is a core dump, not a program");
    if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
        return fail(e, ENOEXEC, "unknown ELF file type %u", h->e_type);
    if (h->e_phentsize != sizeof(Elf32_Phdr) || h->e_phnum < 1 || h->e_phnum > PHDRS_MAX)
        return fail(e, ENOEXEC, "%s", cut ? cut : "bad program header table");
    return 0;
}

static bool read_at(int fd, void *buf, size_t n, uint32_t off)
{
    return pread(fd, buf, n, off) == (ssize_t)n;
}

static int read_interp(struct elf *f, const Elf32_Phdr *p, struct elfload_error *e)
{
    if (p->p_filesz < 2 || p->p_filesz > PATH_MAX)
        return fail(e, ENOEXEC, "bad interpreter name");
    if (!read_at(f->fd, f->interp, p->p_filesz, p->p_offset))
        return fail(e, EIO, "truncated: no interpreter name");
    if (f->interp[p->p_filesz - 1])
        return fail(e, ENOEXEC, "bad interpreter name");
    f->has_interp = true;
    return 0;
}

/* Takes over what the file header says and reads the program headers. 0 or -1. */
static int read_headers(struct elf *f, const Elf32_Ehdr *h)
{
    f->type = h->e_type;
    f->entry = h->e_entry;
    f->phoff = h->e_phoff;
    f->phnum = h->e_phnum;
    f->ph = xmalloc(f->phnum * sizeof *f->ph);
    return read_at(f->fd, f->ph, f->phnum * sizeof *f->ph, f->phoff) ? 0 : -1;
}

static void elf_close(struct elf *f)
{
    free(f->ph);
    f->ph = NULL;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

int elfload_executable(int fd, const char *host, struct elfload_error *e)
{
    struct statvfs fs;
    if (!path_executable(host))
        return 0;
    return fail(e, EACCES, "permission denied (%s)",
                !fstatvfs(fd, &fs) && fs.f_flag & ST_NOEXEC ? "its file system is mounted noexec"
                                                            : "not executable");
}

/* Opens `path` as open_exec does: a regular file that may be executed. */
static int open_file(struct elf *f, const char *path, struct elfload_error *e)
{
    struct stat st;
    memset(f, 0, sizeof *f);
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0)
        return fail(e, errno, "%s", errno == ENOENT ? "no such file" : strerror(errno));
    if (fstat(f->fd, &st) || !S_ISREG(st.st_mode))
        return fail(e, EACCES, S_ISDIR(st.st_mode) ? "is a directory" : "not a regular file");
    return elfload_executable(f->fd, path, e);
}

/* What no working program has and what would only end it by a signal later: the user who names
 * such a file is told so. A guest's execve gets what the kernel does. */
static int check_sane(const struct elf *f, struct elfload_error *e)
{
    struct stat st;
    bool any = false;
    if (fstat(f->fd, &st))
        return fail(e, errno, "%s", strerror(errno));
    for (const Elf32_Phdr *p = f->ph; p < f->ph + f->phnum; p++) {
        if (p->p_type != PT_LOAD)
            continue;
        any = true;
        if (p->p_filesz &&
            (uint64_t)p->p_offset + p->p_filesz > PAGE_UP((uint64_t)st.st_size))
            return fail(e, ENOEXEC, "truncated: a segment reaches beyond the end of the file");
    }
    return any ? 0 : fail(e, ENOEXEC, "no loadable segment");
}

static int open_program(struct elf *f, const char *path, struct elfload_error *e)
{
    Elf32_Ehdr h = {0};
    if (open_file(f, path, e))
        return -1;
    ssize_t n = pread(f->fd, &h, sizeof h, 0);
    if (check_ident(&h, n < 0 ? 0 : (size_t)n, e))
        return -1;
    if (read_headers(f, &h))
        return fail(e, ENOEXEC, "truncated: no program headers");
    for (const Elf32_Phdr *p = f->ph; p < f->ph + f->phnum; p++) {
        if (p->p_type == PT_INTERP && !f->has_interp && read_interp(f, p, e))
            return -1;
        if (p->p_type == PT_GNU_STACK) {
            f->has_stack = true;
            f->exec_stack = p->p_flags & PF_X;
        }
    }
    return 0;
}

/* The interpreter: in the sysroot or the host's own. */
static int open_interp(struct elf *f, const struct elf *prog, struct elfload_error *e)
{
    char host[PATH_MAX];
    const char *name = prog->interp[0] ? prog->interp : "."; /* an empty name is the directory */
    struct elfload_error inner = {0};
    Elf32_Ehdr h;
    int r = path_to_host(name, host, true, false);
    if (r)
        return fail(e, -r, "interpreter %s: %s", name, strerror(-r));
    if (open_file(f, host, &inner)) {
        if (inner.err == ENOENT)
            return fail(e, ENOENT,
                        "needs the interpreter %s, which is not here; install the i386 C library "
                        "(libc6:i386) or name the root of an i386 system with --sysroot DIR "
                        "(xrun-root DIR makes one)",
                        name);
        return fail(e, inner.err, "interpreter %s: %s", host, inner.reason);
    }
    if (!read_at(f->fd, &h, sizeof h, 0))
        return fail(e, EIO, "interpreter %s: truncated ELF header", host);
    if (memcmp(h.e_ident, ELFMAG, SELFMAG) || !is_i386(&h))
        return fail(e, ELIBBAD, "interpreter %s: not an i386 ELF file", host);
    if (h.e_phentsize != sizeof(Elf32_Phdr) || h.e_phnum < 1 || h.e_phnum > PHDRS_MAX ||
        read_headers(f, &h))
        return fail(e, ELIBBAD, "interpreter %s: bad program header table", host);
    return 0;
}

/* Program and interpreter: all that execve looks at before its point of no return. On failure
 * nothing is left open. */
static int open_both(struct elf *f, struct elf *in, const char *path, struct elfload_error *e)
{
    memset(in, 0, sizeof *in);
    in->fd = -1;
    if (open_program(f, path, e) == 0 && (!f->has_interp || open_interp(in, f, e) == 0))
        return 0;
    elf_close(f);
    elf_close(in);
    return -1;
}

/* ---- mapping ---- */

static int prot_of(const Elf32_Phdr *p)
{
    return (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
           (p->p_flags & PF_X ? PROT_EXEC : 0);
}

static bool fits(uint64_t addr, uint64_t len)
{
    return addr <= mem_task_size && len <= mem_task_size - addr;
}

/* The file's part of a segment. `total` is the room the whole image needs, if this is the segment
 * that finds the place: it is mapped that long first and the rest given back. */
static int64_t map_file(const struct elf *f, const Elf32_Phdr *p, uint64_t start, int flags,
                        uint64_t total)
{
    uint32_t in_page = p->p_vaddr & GUEST_PAGE_MASK;
    uint64_t size = PAGE_UP((uint64_t)p->p_filesz + in_page);
    uint64_t len = total ? PAGE_UP(total) : size;
    if ((p->p_offset & GUEST_PAGE_MASK) != in_page)
        return -EINVAL;
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
    if (len > mem_task_size || (fixed && !fits(start, len)))
        return -ENOMEM;
    int64_t at = mem_map((gaddr)start, (uint32_t)len, prot_of(p), MAP_PRIVATE | flags, f->fd,
                         p->p_offset - in_page);
    if (at >= 0 && len > size)
        mem_unmap((gaddr)((uint64_t)at + size), (uint32_t)(len - size));
    return at;
}

/* Fresh pages behind the file's part: always writable, and executable if the segment is. */
static int map_bss(uint64_t start, uint64_t end, const Elf32_Phdr *p)
{
    if (end <= start)
        return 0;
    if (!fits(start, end - start))
        return -ENOMEM;
    int prot = PROT_READ | PROT_WRITE | (p->p_flags & PF_X ? PROT_EXEC : 0);
    int64_t r = mem_map((gaddr)start, (uint32_t)(end - start), prot,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return r < 0 ? (int)r : 0;
}

/* Maps one segment at `addr`; returns the address of its first page (the caller checks that it is
 * a guest's) or -errno. */
static int64_t map_segment(const struct elf *f, const Elf32_Phdr *p, uint64_t addr, int flags,
                           uint64_t total)
{
    uint32_t in_page = p->p_vaddr & GUEST_PAGE_MASK;
    int64_t at = (int64_t)PAGE_DOWN(addr);
    uint64_t zero = (uint64_t)at;
    if (p->p_filesz) {
        at = map_file(f, p, (uint64_t)at, flags, total);
        if (at < 0)
            return at;
        zero = (uint64_t)at + in_page + p->p_filesz;
        /* the rest of the last page; a read-only one keeps what the file has there */
        if (p->p_memsz > p->p_filesz && (p->p_flags & PF_W) &&
            mem_zero((gaddr)zero, PAGE_UP(zero) - zero))
            return -EFAULT;
    }
    int r = p->p_memsz > p->p_filesz
                ? map_bss(PAGE_UP(zero), PAGE_UP((uint64_t)at + in_page + p->p_memsz), p)
                : 0;
    return r ? r : at;
}

/* From the first page of the lowest segment to the end of the highest; 32-bit sums as in the
 * kernel. 0 if there is nothing to load. */
static uint32_t image_size(const struct elf *f)
{
    uint32_t lo = UINT32_MAX, hi = 0;
    for (const Elf32_Phdr *p = f->ph; p < f->ph + f->phnum; p++) {
        if (p->p_type != PT_LOAD)
            continue;
        if (PAGE_DOWN(p->p_vaddr) < lo)
            lo = PAGE_DOWN(p->p_vaddr);
        if (p->p_vaddr + p->p_memsz > hi)
            hi = p->p_vaddr + p->p_memsz;
    }
    return lo == UINT32_MAX ? 0 : hi - lo;
}

/* The strictest valid alignment of the segments, at least a page. */
static uint64_t image_align(const struct elf *f)
{
    uint64_t align = 0;
    for (const Elf32_Phdr *p = f->ph; p < f->ph + f->phnum; p++) {
        uint32_t a = p->p_align;
        if (p->p_type == PT_LOAD && a && !(a & (a - 1)) && a > align)
            align = a;
    }
    return PAGE_UP(align);
}

static int bad_place(struct elfload_error *e, uint64_t addr, int64_t r)
{
    int err = r < 0 ? (int)-r : EINVAL;
    if (err == EEXIST)
        return fail_late(e, err, "no room for the program at %08x", (gaddr)addr);
    if (err == ENOMEM)
        return fail_late(e, err, "segment beyond the address space");
    if (err == EINVAL)
        return fail_late(e, err, "segment address and file offset do not agree");
    return fail_late(e, err, "cannot map a segment at %08x: %s", (gaddr)addr, strerror(err));
}

/* Where the first segment of an ET_DYN program goes, as a bias not yet moved by its address:
 * *flags says whether that is a wish (0: anywhere) or the place. */
static int64_t dyn_base(const struct elf *f, const Elf32_Phdr *p, uint32_t total, int *flags)
{
    uint64_t align = image_align(f);
    *flags = MAP_FIXED_NOREPLACE;
    if (f->has_interp)
        return (int64_t)((stress & STRESS_HIGHADDR ? STRESS_PROGRAM : dyn_place()) & ~(align - 1));
    if (align <= GUEST_PAGE_SIZE) {
        *flags = 0;
        return 0;
    }
    /* try where it would go, then take the aligned address below */
    int64_t at = map_segment(f, p, 0, 0, total);
    if (at >= 0)
        mem_unmap((gaddr)at, total);
    return at < 0 ? at : (int64_t)((uint64_t)at & ~(align - 1));
}

/* Sizes that the address space cannot hold; `at` is where the kernel looks at them. */
static bool bad_size(const Elf32_Phdr *p, uint64_t at)
{
    return p->p_filesz > p->p_memsz || !fits(at, p->p_memsz) || at == mem_task_size;
}

static int size_error(const Elf32_Phdr *p, struct elfload_error *e)
{
    return p->p_filesz > p->p_memsz
               ? fail_late(e, EINVAL, "segment larger in the file than in memory")
               : fail_late(e, EINVAL, "segment beyond the address space");
}

static void note_segment(struct elf *f, const Elf32_Phdr *p)
{
    if (p->p_offset <= f->phoff && f->phoff < p->p_offset + p->p_filesz)
        f->phdr = f->phoff - p->p_offset + p->p_vaddr;
    if ((uint64_t)p->p_vaddr + p->p_memsz > f->end_brk)
        f->end_brk = (uint64_t)p->p_vaddr + p->p_memsz;
}

/* Maps the program. */
static int map_program(struct elf *f, struct elfload_error *e)
{
    bool first = true;
    for (const Elf32_Phdr *p = f->ph; p < f->ph + f->phnum; p++) {
        if (p->p_type != PT_LOAD)
            continue;
        int flags = first ? MAP_FIXED_NOREPLACE : MAP_FIXED;
        uint32_t total = 0;
        if (first && f->type == ET_DYN) {
            total = image_size(f);
            int64_t base = total ? dyn_base(f, p, total, &flags) : -EINVAL;
            if (base < 0)
                return bad_place(e, p->p_vaddr, base);
            f->bias = PAGE_DOWN((uint64_t)base - p->p_vaddr);
        }
        uint64_t want = f->bias + p->p_vaddr;
        int64_t at = map_segment(f, p, want, flags, total);
        if (at < 0 || at >= mem_task_size)
            return bad_place(e, want, at);
        if (first && f->type == ET_DYN)
            f->bias += (uint64_t)at - PAGE_DOWN(want);
        first = false;
        note_segment(f, p);
        if (bad_size(p, p->p_vaddr))
            return size_error(p, e);
    }
    f->phdr += f->bias;
    f->end_brk += f->bias;
    return 0;
}

/* Maps the interpreter where there is room; `fixed`: the program does not move, then the
 * interpreter's own address is a wish. */
static int map_interp(struct elf *f, bool fixed, struct elfload_error *e)
{
    if (f->type != ET_EXEC && f->type != ET_DYN)
        return fail_late(e, ENOEXEC, "interpreter: unknown ELF file type %u", f->type);
    uint32_t total = image_size(f);
    bool first = true;
    if (!total)
        return fail_late(e, EINVAL, "interpreter: no loadable segment");
    for (const Elf32_Phdr *p = f->ph; p < f->ph + f->phnum; p++) {
        if (p->p_type != PT_LOAD)
            continue;
        bool moves = first && f->type == ET_DYN;
        uint64_t want = (moves && !fixed ? 0 : f->bias + p->p_vaddr);
        int64_t at = map_segment(f, p, want, moves ? 0 : MAP_FIXED, total);
        if (at < 0 || at >= mem_task_size)
            return bad_place(e, want, at);
        if (moves)
            f->bias = (uint64_t)at - PAGE_DOWN(p->p_vaddr);
        if (bad_size(p, f->bias + p->p_vaddr))
            return size_error(p, e);
        first = false;
        total = 0;
    }
    return 0;
}

/* Without an executable segment the kernel shows -1 and 0, moved by the bias. */
static void set_code_range(struct process *p, const struct elf *f)
{
    uint32_t start = UINT32_MAX, end = 0;
    for (const Elf32_Phdr *h = f->ph; h < f->ph + f->phnum; h++) {
        if (h->p_type != PT_LOAD || !(h->p_flags & PF_X))
            continue;
        if (h->p_vaddr < start)
            start = h->p_vaddr;
        if (h->p_vaddr + h->p_filesz > end)
            end = h->p_vaddr + h->p_filesz;
    }
    p->start_code = start + (gaddr)f->bias;
    p->end_code = end + (gaddr)f->bias;
}

/* The file's name; one that has none (a memfd) is called as /proc calls it. */
static char *absolute(const char *path)
{
    char link[PATH_MAX], *r = realpath(path, NULL);
    if (r)
        return r;
    ssize_t n = readlink(path, link, sizeof link - 1);
    link[n < 0 ? 0 : n] = 0;
    return xstrdup(n > 0 ? link : path);
}

/* Everything behind the point of no return: the new address space. */
static int build_image(struct process *p, struct elf *f, struct elf *in, struct stack_image *s,
                       uint64_t *entry, struct elfload_error *e)
{
    if (stack_map(s, e) || map_program(f, e))
        return -1;
    if (f->has_interp && map_interp(in, !f->bias, e))
        return -1;
    *entry = f->has_interp ? in->bias + in->entry : f->bias + f->entry;
    if (*entry >= mem_task_size)
        return fail_late(e, EINVAL, "entry point beyond the address space");
    if (vdso_map(p))
        return fail_late(e, ENOMEM, "no room for the vDSO");
    s->phdr = (gaddr)f->phdr;
    s->phnum = f->phnum;
    s->base = (gaddr)in->bias;
    s->entry = (gaddr)(f->bias + f->entry);
    return stack_build(p, s, e);
}

int elfload_load(struct thread *t, const char *host_path, const char *execfn, char **argv,
                 char **envp, struct elfload_error *e)
{
    struct elf f, in;
    struct process *p = t->proc;
    uint64_t entry;
    if (open_both(&f, &in, host_path, e))
        return -1;
    if (!opt.child && check_sane(&f, e)) {
        elf_close(&f);
        elf_close(&in);
        return -1;
    }
    if (!f.has_stack) /* arch/x86/include/asm/elf.h: i386 without PT_GNU_STACK */
        p->personality |= READ_IMPLIES_EXEC;
    mem_personality(p->personality);
    mem_layout(p->personality, p->rlim_stack[0]);
    cpu_reset(&t->cpu);
    struct stack_image s = {.argv = argv, .envp = envp, .execfn = execfn,
                            .exec = !f.has_stack || f.exec_stack};
    char *exe = absolute(host_path);
    mem_name_file(f.fd, exe);
    int r = build_image(p, &f, &in, &s, &entry, e);
    if (!r && p->personality & MMAP_PAGE_ZERO) /* if it is forbidden nobody is told, as natively */
        mem_map(0, GUEST_PAGE_SIZE, PROT_READ | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (!r) {
        bool moved = f.type == ET_DYN && !f.has_interp;
        gaddr heap = moved ? dyn_place() : PAGE_UP((gaddr)f.end_brk);
        mem_brk_init(stress & STRESS_HIGHADDR && heap < STRESS_HEAP ? STRESS_HEAP : heap);
        set_code_range(p, &f);
        p->exe = exe;
        p->exe_guest = xstrdup(path_to_guest(p->exe));
        t->cpu.gpr[REG_ESP] = s.esp;
        t->cpu.eip = (gaddr)entry;
    }
    elf_close(&f);
    elf_close(&in);
    return r;
}

int elfload_check(const char *host_path, struct elfload_error *e)
{
    struct elf f, in;
    if (open_both(&f, &in, host_path, e))
        return -1;
    elf_close(&f);
    elf_close(&in);
    return 0;
}

enum elfload_kind elfload_identify(const char *host_path)
{
    uint8_t b[20] = {0};
    int fd = open(host_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return ELFLOAD_UNREADABLE;
    ssize_t n = read(fd, b, sizeof b);
    close(fd);
    if (n >= 2 && b[0] == '#' && b[1] == '!')
        return ELFLOAD_SCRIPT;
    if (n < (ssize_t)sizeof b || memcmp(b, ELFMAG, SELFMAG))
        return ELFLOAD_OTHER;
    unsigned machine = b[18] | b[19] << 8;
    return b[EI_CLASS] == ELFCLASS32 && (machine == EM_386 || machine == 6) ? ELFLOAD_I386
                                                                            : ELFLOAD_HOST;
}
