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
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "core/path.h"
#include "elfload/stack.h"
#include "elfload/vdso.h"

enum { PHDRS_MAX = 65536 / sizeof(Elf32_Phdr) };
#define DYN_BASE 0x56555000u /* ELF_ET_DYN_BASE of a compat task */

/* An opened and checked file. */
struct elf {
    int fd;
    uint16_t type;
    uint32_t entry, phoff, phnum;
    Elf32_Phdr *ph;
    uint64_t size;
    char interp[PATH_MAX];
    bool has_interp, has_stack, exec_stack;
    gaddr lo, hi;   /* page-rounded span of PT_LOADs, unbiased */
    gaddr bias;
    gaddr end_brk;  /* end of the last bss, biased */
};

static int fail(struct elfload_error *e, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->reason, sizeof e->reason, fmt, ap);
    va_end(ap);
    e->err = err;
    return -1;
}

static const char *machine_name(unsigned m)
{
    switch (m) {
    case EM_X86_64: return "x86-64";
    case EM_AARCH64: return "AArch64";
    case EM_ARM: return "Arm";
    case EM_RISCV: return "RISC-V";
    case EM_PPC: case EM_PPC64: return "PowerPC";
    case EM_MIPS: return "MIPS";
    case EM_S390: return "S/390";
    case EM_SPARC: case EM_SPARCV9: return "SPARC";
    default: return "another machine's";
    }
}

static int check_ident(const Elf32_Ehdr *h, size_t n, struct elfload_error *e)
{
    if (n < EI_NIDENT || memcmp(h->e_ident, ELFMAG, SELFMAG))
        return fail(e, ENOEXEC, "not an ELF program");
    if (n < sizeof *h)
        return fail(e, ENOEXEC, "truncated ELF header");
    if (h->e_machine != EM_386 && h->e_machine != 6 /* EM_486 */)
        return fail(e, ENOEXEC, "is an %s program, not i386", machine_name(h->e_machine));
    if (h->e_ident[EI_CLASS] != ELFCLASS32 || h->e_ident[EI_DATA] != ELFDATA2LSB)
        return fail(e, ENOEXEC, "not a 32-bit little-endian ELF file");
    if (h->e_type == ET_REL)
        return fail(e, ENOEXEC, "is a relocatable object file, not a program");
    if (h->e_type == ET_CORE)
        return fail(e, ENOEXEC, "is a core dump, not a program");
    if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
        return fail(e, ENOEXEC, "unknown ELF file type %u", h->e_type);
    if (h->e_phentsize != sizeof(Elf32_Phdr) || h->e_phnum < 1 || h->e_phnum > PHDRS_MAX)
        return fail(e, ENOEXEC, "bad program header table");
    return 0;
}

static int check_segment(const struct elf *f, const Elf32_Phdr *p, struct elfload_error *e)
{
    if (p->p_filesz > p->p_memsz)
        return fail(e, EINVAL, "segment larger in the file than in memory");
    if ((uint64_t)p->p_vaddr + p->p_memsz > MEM_TASK_SIZE)
        return fail(e, ENOMEM, "segment beyond the address space");
    if (((p->p_vaddr ^ p->p_offset) & GUEST_PAGE_MASK) && p->p_filesz)
        return fail(e, EINVAL, "segment address and file offset do not agree");
    if (p->p_filesz && (uint64_t)p->p_offset + p->p_filesz > f->size)
        return fail(e, ENOEXEC, "truncated: a segment reaches beyond the end of the file");
    return 0;
}

static int read_interp(struct elf *f, const Elf32_Phdr *p, struct elfload_error *e)
{
    if (p->p_filesz < 2 || p->p_filesz > PATH_MAX)
        return fail(e, ENOEXEC, "bad interpreter name");
    if (pread(f->fd, f->interp, p->p_filesz, p->p_offset) != (ssize_t)p->p_filesz ||
        f->interp[p->p_filesz - 1])
        return fail(e, ENOEXEC, "bad interpreter name");
    f->has_interp = true;
    return 0;
}

static int scan_headers(struct elf *f, struct elfload_error *e)
{
    bool any = false;
    gaddr last = 0;
    f->lo = UINT32_MAX;
    for (uint32_t i = 0; i < f->phnum; i++) {
        const Elf32_Phdr *p = &f->ph[i];
        if (p->p_type == PT_INTERP && !f->has_interp && read_interp(f, p, e))
            return -1;
        if (p->p_type == PT_GNU_STACK) {
            f->has_stack = true;
            f->exec_stack = p->p_flags & PF_X;
        }
        if (p->p_type != PT_LOAD || !p->p_memsz)
            continue;
        if (check_segment(f, p, e))
            return -1;
        if (any && p->p_vaddr < last)
            return fail(e, ENOEXEC, "overlapping or unordered segments");
        last = p->p_vaddr + p->p_memsz;
        if (PAGE_DOWN(p->p_vaddr) < f->lo)
            f->lo = PAGE_DOWN(p->p_vaddr);
        if (PAGE_UP(last) > f->hi)
            f->hi = PAGE_UP(last);
        any = true;
    }
    return any ? 0 : fail(e, ENOEXEC, "no loadable segment");
}

static int read_headers(struct elf *f, struct elfload_error *e)
{
    Elf32_Ehdr raw;
    ssize_t n = pread(f->fd, &raw, sizeof raw, 0);
    if (check_ident(&raw, n < 0 ? 0 : (size_t)n, e))
        return -1;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(f->fd, ELF_C_READ, NULL);
    Elf32_Ehdr *h = elf ? elf32_getehdr(elf) : NULL;
    if (!h) {
        if (elf)
            elf_end(elf);
        return fail(e, ENOEXEC, "bad ELF header: %s", elf_errmsg(-1));
    }
    f->type = h->e_type;
    f->entry = h->e_entry;
    f->phoff = h->e_phoff;
    f->phnum = h->e_phnum;
    size_t bytes = f->phnum * sizeof *f->ph;
    int r = 0;
    f->ph = xmalloc(bytes);
    if ((uint64_t)f->phoff + bytes > f->size || pread(f->fd, f->ph, bytes, f->phoff) != (ssize_t)bytes)
        r = fail(e, ENOEXEC, "truncated: no program headers");
    elf_end(elf);
    return r ? r : scan_headers(f, e);
}

static void elf_close(struct elf *f)
{
    free(f->ph);
    f->ph = NULL;
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

static int elf_open(struct elf *f, const char *path, struct elfload_error *e)
{
    struct stat st;
    memset(f, 0, sizeof *f);
    f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0)
        return fail(e, errno, "%s", errno == ENOENT ? "no such file" : strerror(errno));
    if (fstat(f->fd, &st) || !S_ISREG(st.st_mode)) {
        elf_close(f);
        return fail(e, EACCES, S_ISDIR(st.st_mode) ? "is a directory" : "not a regular file");
    }
    f->size = (uint64_t)st.st_size;
    if (read_headers(f, e)) {
        elf_close(f);
        return -1;
    }
    return 0;
}

/* ---- mapping ---- */

static int prot_of(const Elf32_Phdr *p)
{
    return (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
           (p->p_flags & PF_X ? PROT_EXEC : 0);
}

static int map_segment(struct elf *f, const Elf32_Phdr *p, struct elfload_error *e)
{
    gaddr va = p->p_vaddr + f->bias, start = PAGE_DOWN(va);
    gaddr file_end = va + p->p_filesz, mem_end = va + p->p_memsz;
    int prot = prot_of(p);
    int64_t r = 0;
    if (p->p_filesz)
        r = mem_map(start, file_end - start, prot, MAP_PRIVATE | MAP_FIXED, f->fd,
                    PAGE_DOWN(p->p_offset));
    gaddr anon = p->p_filesz ? PAGE_UP(file_end) : start;
    if (r >= 0 && PAGE_UP(mem_end) > anon)
        r = mem_map(anon, PAGE_UP(mem_end) - anon, prot, MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS,
                    -1, 0);
    if (r < 0)
        return fail(e, (int)-r, "cannot map a segment at %08x: %s", va, strerror((int)-r));
    if (p->p_filesz && mem_end > file_end && (prot & PROT_WRITE))
        mem_zero(file_end, (anon < mem_end ? anon : mem_end) - file_end +
                               (anon >= mem_end ? PAGE_UP(mem_end) - mem_end : 0));
    if (mem_end > f->end_brk)
        f->end_brk = mem_end;
    return 0;
}

/* Maps all segments; `want` is the base for ET_DYN (0: anywhere). */
static int map_all(struct elf *f, gaddr want, struct elfload_error *e)
{
    uint32_t span = f->hi - f->lo;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    gaddr at = f->type == ET_EXEC ? f->lo : want;
    if (f->type == ET_EXEC)
        flags |= MAP_FIXED_NOREPLACE;
    int64_t r = mem_map(at, span, PROT_NONE, flags, -1, 0);
    if (r < 0)
        return fail(e, ENOMEM, "no room for the program at %08x-%08x", at, at + span);
    f->bias = (gaddr)r - f->lo;
    mem_unmap((gaddr)r, span);
    for (uint32_t i = 0; i < f->phnum; i++)
        if (f->ph[i].p_type == PT_LOAD && f->ph[i].p_memsz && map_segment(f, &f->ph[i], e))
            return -1;
    return 0;
}

/* Address of the program headers in memory, as AT_PHDR shows it. */
static gaddr phdr_address(const struct elf *f)
{
    for (uint32_t i = 0; i < f->phnum; i++)
        if (f->ph[i].p_type == PT_PHDR)
            return f->ph[i].p_vaddr + f->bias;
    for (uint32_t i = 0; i < f->phnum; i++) {
        const Elf32_Phdr *p = &f->ph[i];
        if (p->p_type == PT_LOAD && p->p_offset <= f->phoff &&
            f->phoff < p->p_offset + p->p_filesz)
            return f->phoff - p->p_offset + p->p_vaddr + f->bias;
    }
    return 0;
}

/* The interpreter: in the sysroot or the host's own. */
static int open_interp(struct elf *f, const struct elf *prog, struct elfload_error *e)
{
    char host[PATH_MAX];
    struct elfload_error inner = {0};
    if (path_to_host(prog->interp, host, true, false))
        return fail(e, ENAMETOOLONG, "interpreter name too long");
    if (access(host, F_OK))
        return fail(e, ENOENT,
                    "needs the interpreter %s, which is not here; install the i386 C library "
                    "(libc6:i386) or name the root of an i386 system with --sysroot DIR",
                    prog->interp);
    if (elf_open(f, host, &inner))
        return fail(e, ELIBBAD, "interpreter %s: %s", host, inner.reason);
    return 0;
}

static void set_code_range(struct process *p, const struct elf *f)
{
    p->start_code = UINT32_MAX;
    for (uint32_t i = 0; i < f->phnum; i++) {
        const Elf32_Phdr *h = &f->ph[i];
        if (h->p_type != PT_LOAD || !(h->p_flags & PF_X))
            continue;
        if (h->p_vaddr + f->bias < p->start_code)
            p->start_code = h->p_vaddr + f->bias;
        if (h->p_vaddr + h->p_filesz + f->bias > p->end_code)
            p->end_code = h->p_vaddr + h->p_filesz + f->bias;
    }
}

static char *absolute(const char *path)
{
    char *r = realpath(path, NULL);
    return r ? r : xstrdup(path);
}

int elfload_load(struct thread *t, const char *host_path, const char *execfn, char **argv,
                 char **envp, struct elfload_error *e)
{
    struct elf f, in = {.fd = -1};
    struct process *p = t->proc;
    if (elf_open(&f, host_path, e))
        return -1;
    if (access(host_path, X_OK)) {
        elf_close(&f);
        return fail(e, EACCES, "permission denied (not executable)");
    }
    if (f.has_interp && open_interp(&in, &f, e)) {
        elf_close(&f);
        return -1;
    }
    if (!f.has_stack) /* arch/x86/include/asm/elf.h: i386 without PT_GNU_STACK */
        p->personality |= READ_IMPLIES_EXEC;
    mem_read_implies_exec = p->personality & READ_IMPLIES_EXEC;
    cpu_reset(&t->cpu);
    struct stack_image s = {.argv = argv, .envp = envp, .execfn = execfn,
                            .exec = !f.has_stack || f.exec_stack};
    int r = stack_map(&s, e);
    if (!r)
        r = map_all(&f, f.has_interp ? DYN_BASE : 0, e);
    if (!r && f.has_interp)
        r = map_all(&in, 0, e);
    if (!r && vdso_map(p))
        r = fail(e, ENOMEM, "no room for the vDSO");
    if (!r) {
        s.phdr = phdr_address(&f);
        s.phnum = f.phnum;
        s.base = f.has_interp ? in.bias : 0;
        s.entry = f.entry + f.bias;
        r = stack_build(p, &s, e);
    }
    if (!r) {
        bool moved = f.type == ET_DYN && !f.has_interp;
        mem_brk_init(moved ? DYN_BASE : PAGE_UP(f.end_brk));
        set_code_range(p, &f);
        p->exe = absolute(host_path);
        p->exe_guest = xstrdup(path_to_guest(p->exe));
        t->cpu.gpr[REG_ESP] = s.esp;
        t->cpu.eip = f.has_interp ? in.entry + in.bias : s.entry;
    }
    elf_close(&f);
    elf_close(&in);
    return r;
}

int elfload_check(const char *host_path, struct elfload_error *e)
{
    struct elf f, in = {.fd = -1};
    if (elf_open(&f, host_path, e))
        return -1;
    int r = f.has_interp ? open_interp(&in, &f, e) : 0;
    elf_close(&f);
    elf_close(&in);
    return r;
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

bool elfload_symbol(const char *host_path, gaddr bias, gaddr addr, char *name, size_t size,
                    uint32_t *offset)
{
    bool found = false;
    int fd = open(host_path, O_RDONLY | O_CLOEXEC);
    elf_version(EV_CURRENT);
    Elf *elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
    for (Elf_Scn *s = NULL; elf && (s = elf_nextscn(elf, s));) {
        Elf32_Shdr *h = elf32_getshdr(s);
        if (!h || (h->sh_type != SHT_SYMTAB && h->sh_type != SHT_DYNSYM))
            continue;
        Elf_Data *d = elf_getdata(s, NULL);
        for (size_t i = 0; d && i < d->d_size / sizeof(Elf32_Sym); i++) {
            const Elf32_Sym *y = (const Elf32_Sym *)d->d_buf + i;
            gaddr v = y->st_value + bias;
            const char *n = elf_strptr(elf, h->sh_link, y->st_name);
            if (ELF32_ST_TYPE(y->st_info) != STT_FUNC || !n || addr < v ||
                addr - v >= (y->st_size ? y->st_size : 1))
                continue;
            snprintf(name, size, "%s", n);
            *offset = addr - v;
            found = true;
        }
    }
    if (elf)
        elf_end(elf);
    if (fd >= 0)
        close(fd);
    return found;
}
