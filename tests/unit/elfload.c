/* Hostile ELF files. Small i386 programs are made here, their headers mutated, and each mutant is
 * loaded and run by xrun in a child of its own. What comes out (an errno, killed by the failing
 * execve, or the address space, entry state and end of the program) must be what the kernel makes
 * of it: recorded in elfload_cases.h, from a Linux 6.18 host with --record.
 *   elfload                  the recorded cases, as many as take a few seconds
 *   elfload --all            the recorded cases
 *   elfload --native N SEED  N other cases, compared with this machine's kernel
 *   elfload --fuzz N SEED    N other cases where i386 does not run: no crash, hang or waste
 *   elfload --case N SEED    describes one case */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "elfload/elfload.h"
#include "elfload/symbols.h"
#include "runtime/runtime.h"
#include "tests/unit/random.h"
#include "tests/unit/test.h"

enum { LOW = 0x10000, HUGE = 0x10000000 };
enum { FILE_MAX_SIZE = 0x6000, CASES = 3000, SEED = 1, TEXT_SIZE = 4096, LIMIT_SECONDS = 20,
       CPU_SECONDS = 6, STRIDE = 1009 };

/* ---- well-formed programs ---- */

struct file {
    uint8_t b[FILE_MAX_SIZE];
    size_t size;
};

enum base { STATIC, STATIC_PIE, DYNAMIC, PIE, EXEC_STACK, INTERP, BASES };
enum { AT_CODE = 0x180, AT_INTERP = 0x1c0, AT_SYMTAB = 0x200, AT_STRTAB = 0x240, AT_SHDR = 0x280,
       AT_TEXT_END = 0x400, AT_RODATA = 0x1000, AT_DATA = 0x2000, AT_END = 0x2345, PHDRS = 6 };

static Elf32_Ehdr *ehdr(struct file *f) { return (Elf32_Ehdr *)f->b; }
static Elf32_Phdr *phdr(struct file *f, unsigned i) { return (Elf32_Phdr *)(f->b + 52) + i; }

static void add_phdr(struct file *f, uint32_t type, uint32_t off, uint32_t addr, uint32_t filesz,
                     uint32_t memsz, uint32_t flags)
{
    *phdr(f, ehdr(f)->e_phnum++) =
        (Elf32_Phdr){.p_type = type, .p_offset = off, .p_vaddr = addr, .p_paddr = addr,
                     .p_filesz = filesz, .p_memsz = memsz, .p_flags = flags, .p_align = 0x1000};
}

static void add_sections(struct file *f, uint32_t at)
{
    Elf32_Shdr *s = (Elf32_Shdr *)(f->b + AT_SHDR);
    Elf32_Sym *y = (Elf32_Sym *)(f->b + AT_SYMTAB);
    memcpy(f->b + AT_STRTAB, "\0start\0end", 11);
    y[1] = (Elf32_Sym){1, at + AT_CODE, 8, ELF32_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1};
    y[2] = (Elf32_Sym){7, at + AT_CODE + 8, 8, ELF32_ST_INFO(STB_LOCAL, STT_FUNC), 0, 1};
    s[1] = (Elf32_Shdr){.sh_type = SHT_SYMTAB, .sh_offset = AT_SYMTAB, .sh_size = 48, .sh_link = 2,
                        .sh_info = 1, .sh_addralign = 4, .sh_entsize = 16};
    s[2] = (Elf32_Shdr){.sh_type = SHT_STRTAB, .sh_offset = AT_STRTAB, .sh_size = 16,
                        .sh_addralign = 1};
    ehdr(f)->e_shoff = AT_SHDR;
    ehdr(f)->e_shnum = 3;
    ehdr(f)->e_shentsize = sizeof *s;
    ehdr(f)->e_shstrndx = 2;
}

/* A program that exits with status 42. */
static void make_base(struct file *f, enum base kind)
{
    static const uint8_t code[] = {0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80};
    bool fixed = kind == STATIC || kind == DYNAMIC || kind == EXEC_STACK;
    uint32_t at = fixed ? 0x08048000 : 0;
    memset(f, 0, sizeof *f);
    f->size = AT_END;
    for (size_t i = AT_RODATA; i < AT_END; i++)
        f->b[i] = (uint8_t)(i * 7 + i / 256);
    memcpy(f->b + AT_CODE, code, sizeof code);
    *ehdr(f) = (Elf32_Ehdr){.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
                            .e_type = fixed ? ET_EXEC : ET_DYN, .e_machine = EM_386,
                            .e_version = EV_CURRENT, .e_entry = at + AT_CODE, .e_phoff = 52,
                            .e_ehsize = 52, .e_phentsize = sizeof(Elf32_Phdr)};
    add_sections(f, at);
    if (kind == DYNAMIC || kind == PIE) {
        add_phdr(f, PT_PHDR, 52, at + 52, PHDRS * 32, PHDRS * 32, PF_R);
        add_phdr(f, PT_INTERP, AT_INTERP, at + AT_INTERP, 3, 3, PF_R);
        memcpy(f->b + AT_INTERP, "ld", 3);
    }
    add_phdr(f, PT_LOAD, 0, at, AT_TEXT_END, AT_TEXT_END, PF_R | PF_X);
    add_phdr(f, PT_LOAD, AT_RODATA, at + 0x1000, 0x800, 0x800, PF_R);
    add_phdr(f, PT_LOAD, AT_DATA, at + 0x3000, AT_END - AT_DATA, 0x3210, PF_R | PF_W);
    if (kind != EXEC_STACK)
        add_phdr(f, PT_GNU_STACK, 0, 0, 0, 0, PF_R | PF_W);
}

/* ---- mutations ---- */

static uint32_t odd_value(uint32_t old)
{
    static const uint32_t odd[] = {
        0, 1, 2, 3, 0x20, 0x34, 0xff, 0xfff, 0x1000, 0x1001, 0x2000, 0x10000, 0x200000, 0x7fffffff,
        0x80000000, 0x40000000, 0xbffff000, 0x56555000, 0x08048000, 0x08049000, 0x0804a000,
        0xf0000000, 0xf7ff0000, 0xfffdc000, 0xfffdd000, 0xffffc000, 0xffffd000, 0xffffdfff,
        0xffffe000, 0xffffefff, 0xfffff000, 0xffffffff};
    static const uint32_t step[] = {1, 4, 0xfff, 0x1000, 0x1001, 0x3000, 0x10000, 0x1000000};
    uint32_t d = step[below(ARRAY_SIZE(step))];
    switch (below(8)) {
    case 0: return old + d;
    case 1: return old - d;
    case 2: return old ^ (1u << below(32));
    case 3: return rng();
    case 4: return rng() & 0xffff;
    case 5: return PAGE_DOWN(rng());
    default: return odd[below(ARRAY_SIZE(odd))];
    }
}

static void mutate_word(struct file *f, size_t at, unsigned bytes)
{
    uint32_t v = 0;
    if (at + bytes > sizeof f->b)
        return;
    memcpy(&v, f->b + at, bytes);
    v = odd_value(v);
    memcpy(f->b + at, &v, bytes);
}

static void mutate_ehdr(struct file *f)
{
    static const uint8_t field[][2] = {{4, 1}, {5, 1}, {6, 1}, {7, 1}, {16, 2}, {18, 2}, {20, 4},
                                       {24, 4}, {24, 4}, {28, 4}, {32, 4}, {36, 4}, {40, 2},
                                       {42, 2}, {44, 2}, {44, 2}, {46, 2}, {48, 2}, {50, 2}};
    unsigned i = below(ARRAY_SIZE(field));
    mutate_word(f, field[i][0], field[i][1]);
}

static void mutate_phdr(struct file *f)
{
    Elf32_Phdr *p = phdr(f, below(PHDRS));
    static const uint32_t type[] = {PT_NULL, PT_LOAD, PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE,
                                    PT_PHDR, PT_TLS, PT_GNU_STACK, PT_GNU_RELRO, 0x6474e553};
    unsigned f_at = below(8);
    if (f_at == 0)
        p->p_type = type[below(ARRAY_SIZE(type))];
    else if (f_at == 6)
        p->p_flags = below(8);
    else if (f_at == 7)
        p->p_align = 1u << below(32);
    else
        mutate_word(f, (size_t)((uint8_t *)p - f->b) + f_at * 4, 4);
}

/* Moves a segment whole pages about: still well-formed, but over others, out of order, far away. */
static void move_segment(struct file *f)
{
    Elf32_Phdr *p = phdr(f, below(PHDRS));
    uint32_t v = PAGE_DOWN(odd_value(p->p_vaddr));
    if (below(3)) {
        v = PAGE_DOWN(phdr(f, below(PHDRS))->p_vaddr);
        v += PAGE_DOWN(rng() & 0x3fff);
    }
    p->p_vaddr = v | (p->p_offset & GUEST_PAGE_MASK);
    if (below(2))
        p->p_memsz = p->p_filesz + (below(2) ? 0 : odd_value(p->p_memsz));
}

static void mutate_interp(struct file *f)
{
    static const char *const name[] = {"", "/", ".", "..", "ld", "missing", "/dev/null", "p",
                                       "text", "dir", "ld/x", "loop", "noexec", "./ld", "empty",
                                       "short", "two\nlines", "missing/", "ld/", "link", "script"};
    char *at = (char *)f->b + AT_INTERP;
    Elf32_Phdr *p = phdr(f, 1);
    if (p->p_type != PT_INTERP)
        return;
    const char *n = name[below(ARRAY_SIZE(name))];
    strcpy(at, n);
    p->p_filesz = (uint32_t)strlen(n) + 1 + (below(4) ? 0 : below(3));
    if (below(8) == 0)
        at[strlen(n)] = 'x';
    if (below(16) == 0) { /* a long name, the code may go with it */
        p->p_filesz = 4090 + below(10);
        memset(at, 'a', 0x200);
    }
}

static void mutate(struct file *f)
{
    switch (below(16)) {
    case 0: mutate_ehdr(f); break;
    case 1: f->size = below(4) ? below(AT_END) : below(AT_TEXT_END); break;
    case 2: f->size = AT_END + below(FILE_MAX_SIZE - AT_END); break;
    case 3: {
        Elf32_Phdr *a = phdr(f, below(PHDRS)), *b = phdr(f, below(PHDRS)), t = *a;
        *a = *b;
        *b = t;
        break;
    }
    case 4: {
        const Elf32_Phdr *from = phdr(f, below(PHDRS));
        *phdr(f, below(PHDRS)) = *from;
        break;
    }
    case 5: ehdr(f)->e_phnum = (uint16_t)(below(2) ? below(12) : below(140)); break;
    case 6: mutate_interp(f); break;
    case 7: f->b[below(below(2) ? 52 : AT_TEXT_END)] ^= (uint8_t)(1u << below(8)); break;
    case 8: mutate_word(f, AT_SHDR + below(30) * 4, 4); break;
    case 9: mutate_word(f, AT_SYMTAB + below(12) * 4, 4); break;
    case 10: case 11: move_segment(f); break;
    default: mutate_phdr(f);
    }
}

static void write_file(const char *name, const void *b, size_t n, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (fd < 0 || write(fd, b, n) != (ssize_t)n || fchmod(fd, mode) || close(fd)) {
        perror(name);
        exit(2);
    }
}

/* Writes the files "p" and "ld" of a case. */
static void make_case(uint32_t seed, uint32_t number)
{
    static struct file p, ld;
    rng_state = ((uint64_t)seed << 32) + number;
    enum base kind = below(INTERP);
    make_base(&p, kind);
    make_base(&ld, INTERP);
    struct file *victim = (kind == DYNAMIC || kind == PIE) && below(3) == 0 ? &ld : &p;
    for (unsigned n = 1 + below(3); n--;)
        mutate(victim);
    write_file("p", p.b, p.size, 0755);
    write_file("ld", ld.b, ld.size, 0755);
}

/* The files that interpreter names lead to. */
static void make_surroundings(void)
{
    write_file("text", "text\n", 5, 0755);
    write_file("noexec", "text\n", 5, 0644);
    write_file("empty", "", 0, 0755);
    write_file("short", "\177ELF\1\1\1", 7, 0755);
    write_file("script", "#!/bin/sh\n", 10, 0755);
    mkdir("dir", 0755);
    if (symlink("loop", "loop") || symlink("ld", "link"))
        perror("symlink");
}

/* ---- what came out, as text ---- */

struct outcome {
    char text[TEXT_SIZE];
    size_t len;
};

static void say(struct outcome *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct outcome *o, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (o->len < sizeof o->text - 1)
        o->len += (size_t)vsnprintf(o->text + o->len, sizeof o->text - o->len, fmt, ap);
    va_end(ap);
    if (o->len >= sizeof o->text)
        o->len = sizeof o->text - 1;
}

static uint32_t hash(const void *data, size_t n, uint32_t h)
{
    const uint8_t *b = data;
    while (n--)
        h = (h ^ *b++) * 16777619u;
    return h;
}

/* One range of the address space; adjacent ones that continue each other are joined, so that
 * it does not matter who merges mappings when. */
struct range {
    uint32_t start, end;
    char prot[4];
    char what; /* p, i: of these files; s: stack; -: anonymous */
    uint64_t off;
};

typedef bool (*reader)(void *ctx, uint32_t addr, void *page);

/* Contents, but not the stack's (another test's) and not all of huge ranges. */
static uint32_t range_hash(const struct range *r, uint32_t esp, reader read, void *ctx)
{
    uint8_t page[GUEST_PAGE_SIZE];
    uint32_t h = 2166136261u;
    if (r->prot[0] != 'r' || (r->start <= esp && esp < r->end))
        return 0;
    for (uint32_t i = 0; i < 8 && r->start + i * GUEST_PAGE_SIZE < r->end; i++)
        h = read(ctx, r->start + i * GUEST_PAGE_SIZE, page) ? hash(page, sizeof page, h) : h * 31;
    return h;
}

/* Marks programs that start outside of their files: how they end depends on the vDSO's place. */
static void say_ranges(struct outcome *o, const struct range *r, size_t n, uint32_t eip,
                       uint32_t esp, reader read, void *ctx)
{
    bool inside = false;
    for (size_t i = 0; i < n; i++)
        inside = inside || (eip >= r[i].start && eip < r[i].end);
    if (!inside)
        say(o, "starts nowhere\n");
    for (size_t i = 0; i < n; i++) {
        if (r[i].start < LOW)
            say(o, "low\n");
        if (r[i].end - r[i].start > HUGE)
            say(o, "huge\n");
        say(o, "%08x-%08x %.3s %c %06" PRIx64 " %08x\n", r[i].start, r[i].end, r[i].prot, r[i].what,
            r[i].off, range_hash(&r[i], esp, read, ctx));
    }
}

static size_t add_range(struct range *v, size_t n, size_t max, struct range r)
{
    if (r.what == '-' || r.what == 's')
        r.off = 0;
    struct range *l = n ? &v[n - 1] : NULL;
    if (l && l->end == r.start && !memcmp(l->prot, r.prot, 3) && l->what == r.what &&
        (r.what == '-' || r.what == 's' || l->off + (l->end - l->start) == r.off)) {
        l->end = r.end;
        return n;
    }
    if (n < max)
        v[n++] = r;
    return n;
}

static char file_of(uint64_t ino)
{
    struct stat st;
    if (!stat("p", &st) && st.st_ino == ino)
        return 'p';
    if (!stat("ld", &st) && st.st_ino == ino)
        return 'i';
    return '?';
}

static void say_auxv(struct outcome *o, const uint32_t *v, size_t n)
{
    static const uint8_t shown[] = {AT_PHDR, AT_PHNUM, AT_BASE, AT_ENTRY};
    for (size_t k = 0; k < sizeof shown; k++)
        for (size_t i = 0; i + 1 < n; i += 2)
            if (v[i] == shown[k])
                say(o, "auxv %u %08x\n", v[i], v[i + 1]);
}

static void say_end(struct outcome *o, int status)
{
    if (strstr(o->text, "starts nowhere"))
        return;
    if (WIFSIGNALED(status))
        say(o, "signal %d\n", WTERMSIG(status));
    else
        say(o, "exit %d\n", WEXITSTATUS(status));
}

/* ---- xrun's side ---- */

static bool read_guest(void *ctx, uint32_t addr, void *page)
{
    (void)ctx;
    return !mem_read(page, addr, GUEST_PAGE_SIZE);
}

/* Nothing may lie outside the guest's space, and mappings must be disjoint. */
static size_t guest_ranges(struct range *v, size_t max, bool *sound)
{
    struct mem_area a;
    size_t n = 0;
    uint32_t last = 0;
    for (gaddr at = 0; at < MEM_TASK_SIZE && mem_find(at, &a); at = last = a.end) {
        *sound = *sound && a.start >= last && a.end > a.start && a.end <= MEM_TASK_SIZE;
        struct range r = {.start = a.start, .end = a.end, .off = a.offset};
        memcpy(r.prot, (char[3]){a.prot & 1 ? 'r' : '-', a.prot & 2 ? 'w' : '-',
                                 a.prot & 4 ? 'x' : '-'}, 3);
        bool stack = a.start <= process_self->start_stack && process_self->start_stack < a.end;
        r.what = a.kind == MEM_FILE ? file_of(a.ino) : a.kind == MEM_STACK && stack ? 's' : '-';
        if (a.kind != MEM_VDSO)
            n = add_range(v, n, max, r);
    }
    return n;
}

static struct thread *new_guest(void)
{
    struct process *p = process_new();
    p->pid = getpid();
    p->rlim_as[0] = p->rlim_data[0] = UINT64_MAX;
    p->rlim_stack[0] = 8 << 20;
    process_self = p;
    struct thread *t = thread_self = thread_first(p);
    runtime_init();
    signal_init();
    cache_thread_add(t);
    return t;
}

static void say_loaded(struct outcome *o, struct thread *t)
{
    struct range v[64];
    struct process *p = t->proc;
    bool sound = true;
    size_t n = guest_ranges(v, ARRAY_SIZE(v), &sound);
    say(o, "eip %08x brk %08x code %08x-%08x\n", t->cpu.eip, mem_brk(0), p->start_code, p->end_code);
    say_auxv(o, p->auxv, p->auxv_len / 4);
    say_ranges(o, v, n, t->cpu.eip, p->start_stack, read_guest, NULL);
    if (!sound)
        say(o, "unsound mappings\n");
}

static bool one_line(const char *s)
{
    return *s && !strchr(s, '\n');
}

/* In the child. */
static _Noreturn void run_guest(struct outcome *o)
{
    char *argv[] = {(char *)(uintptr_t)"p", NULL}, *envp[] = {NULL};
    struct elfload_error check = {0}, e = {0};
    dup2(open("err", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), 2);
    alarm(LIMIT_SECONDS);
    opt.child = true;
    elfload_identify("p");
    elfload_symbols_find(elfload_symbols("p"), 0x08049180);
    int checked = elfload_check("p", &check);
    struct thread *t = new_guest();
    int r = elfload_load(t, "p", "p", argv, envp, &e);
    if (!r)
        say_loaded(o, t);
    else if (e.late)
        say(o, "killed\n");
    else
        say(o, "errno %d\n", e.err);
    if ((r && !one_line(e.reason)) || !!checked != (r && !e.late) || check.err != (checked ? e.err : 0))
        say(o, "check %d %s, load %d %s\n", check.err, check.reason, e.err, e.reason);
    if (r)
        _exit(0);
    t->cpu.thread = t;
    dispatch_run(t);
}

/* Waits with a limit of its own: an xrun that does not even hear SIGALRM is a failure too. */
static int wait_child(pid_t pid, struct rusage *u, bool *hung)
{
    int status = 0;
    for (int i = 0; i < 3000; i++) {
        if (wait4(pid, &status, WNOHANG, u) == pid)
            return status;
        usleep(i < 200 ? 100 : 10000);
    }
    *hung = true;
    kill(pid, SIGKILL);
    wait4(pid, &status, 0, u);
    return status;
}

/* What xrun or a sanitizer said about xrun itself. */
static void say_own_faults(struct outcome *o)
{
    static const char *const bad[] = {"internal error", "runtime error", "Sanitizer", "assert"};
    char buf[1024];
    int fd = open("err", O_RDONLY);
    ssize_t n = read(fd, buf, sizeof buf - 1);
    close(fd);
    buf[n < 0 ? 0 : n] = 0;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (strstr(buf, bad[i])) {
            say(o, "fault of xrun: %s\n", buf);
            return;
        }
}

static void by_xrun(struct outcome *o)
{
    struct rusage u = {0};
    bool hung = false;
    o->len = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        run_guest(o);
    int status = wait_child(pid, &u, &hung);
    if (!o->len)
        say(o, "the loader ended by itself\n");
    if (!strncmp(o->text, "eip", 3) || o->text[0] == 't')
        say_end(o, status);
    if (hung)
        say(o, "hung\n");
    if (u.ru_maxrss > 512 << 10)
        say(o, "used %ld KiB\n", u.ru_maxrss);
    say_own_faults(o);
}

/* ---- the kernel's side ---- */

static bool read_native(void *ctx, uint32_t addr, void *page)
{
    return pread(*(int *)ctx, page, GUEST_PAGE_SIZE, addr) == GUEST_PAGE_SIZE;
}

static size_t native_ranges(pid_t pid, struct range *v, size_t max)
{
    char path[64], line[512];
    size_t n = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        struct range r = {0};
        char prot[8], name[256] = "";
        uint64_t ino;
        sscanf(line, "%x-%x %7s %" SCNx64 " %*s %" SCNu64 " %255s", &r.start, &r.end, prot, &r.off,
               &ino, name);
        memcpy(r.prot, prot, 3);
        r.what = ino ? file_of(ino) : !strcmp(name, "[stack]") ? 's' : '-';
        if (strncmp(name, "[v", 2))
            n = add_range(v, n, max, r);
    }
    if (f)
        fclose(f);
    return n;
}

static size_t read_proc(pid_t pid, const char *what, void *buf, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, buf, size);
    close(fd);
    return n < 0 ? 0 : (size_t)n;
}

/* start_brk, startcode and endcode of /proc/PID/stat. */
static void native_stat(pid_t pid, uint64_t *brk, uint64_t code[2])
{
    char buf[2048];
    buf[read_proc(pid, "stat", buf, sizeof buf - 1)] = 0;
    char *p = strrchr(buf, ')');
    for (int field = 2; p && field < 47; field++) {
        p = strchr(p + 1, ' ');
        if (p && (field + 1 == 26 || field + 1 == 27))
            code[field - 25] = strtoull(p + 1, NULL, 10);
        if (p && field + 1 == 47)
            *brk = strtoull(p + 1, NULL, 10);
    }
}

static void say_stopped(struct outcome *o, pid_t pid)
{
    uint32_t regs[17] = {0}, auxv[64];
    struct iovec io = {regs, sizeof regs};
    struct range v[64];
    uint64_t brk = 0, code[2] = {0};
    char path[64];
    ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &io);
    native_stat(pid, &brk, code);
    say(o, "eip %08x brk %08x code %08x-%08x\n", regs[12], (uint32_t)brk, (uint32_t)code[0],
        (uint32_t)code[1]);
    say_auxv(o, auxv, read_proc(pid, "auxv", auxv, sizeof auxv) / 4);
    snprintf(path, sizeof path, "/proc/%d/mem", (int)pid);
    int fd = open(path, O_RDONLY);
    say_ranges(o, v, native_ranges(pid, v, ARRAY_SIZE(v)), regs[12], regs[15], read_native, &fd);
    close(fd);
}

static _Noreturn void exec_natively(struct outcome *o)
{
    static char *argv[] = {(char *)(uintptr_t)"p", NULL}, *envp[] = {NULL};
    struct rlimit core = {0, 0}, stack = {8 << 20, RLIM_INFINITY};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(null, 2);
    setrlimit(RLIMIT_CORE, &core);
    setrlimit(RLIMIT_STACK, &stack);
    personality(ADDR_NO_RANDOMIZE);
    alarm(LIMIT_SECONDS);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execve("p", argv, envp);
    say(o, "errno %d\n", errno);
    _exit(0);
}

static void by_kernel(struct outcome *o)
{
    int status;
    bool started = false;
    o->len = 0;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        exec_natively(o);
    while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
        int sig = WSTOPSIG(status);
        if (!started && sig == SIGTRAP) {
            started = true;
            say_stopped(o, pid);
            sig = 0;
        }
        ptrace(PTRACE_CONT, pid, 0, sig);
    }
    if (started)
        say_end(o, status);
    else if (!o->len)
        say(o, "killed\n");
}

/* ---- cases ---- */

static const char *const recorded[] = {
#include "tests/unit/elfload_cases.h"
};

/* An outcome in one word: k, an errno, or a hash of all that is known; L and H behind it mark what
 * not every user and not every machine may have. */
static void code_of(const struct outcome *o, char code[16])
{
    if (!strcmp(o->text, "killed\n"))
        strcpy(code, "k");
    else if (!strncmp(o->text, "errno ", 6) && strchr(o->text, '\n') == o->text + o->len - 1)
        snprintf(code, 16, "%d", atoi(o->text + 6));
    else
        snprintf(code, 16, "%06x%s%s", hash(o->text, o->len, 2166136261u) & 0xffffff,
                 strstr(o->text, "low\n") ? "L" : "", strstr(o->text, "huge\n") ? "H" : "");
}

static_assert(ARRAY_SIZE(recorded) == CASES, "record again");

static bool native_works(struct outcome *o)
{
    static struct file f;
    make_base(&f, STATIC);
    write_file("p", f.b, f.size, 0755);
    by_kernel(o);
    return strstr(o->text, "exit 42\n");
}

static void compare(uint32_t seed, uint32_t i, struct outcome *mine, struct outcome *theirs)
{
    make_case(seed, i);
    by_kernel(theirs);
    by_xrun(mine);
    bool same = !strcmp(mine->text, theirs->text);
    CHECK(same);
    if (!same)
        printf("case %u of seed %u\nkernel:\n%sxrun:\n%s", i, seed, theirs->text, mine->text);
}

static void record(struct outcome *o)
{
    char code[16];
    for (uint32_t i = 0; i < CASES; i++) {
        make_case(SEED, i);
        by_kernel(o);
        code_of(o, code);
        printf("\"%s\",%s", code, i % 12 == 11 ? "\n" : " ");
    }
}

static bool low_allowed, huge_allowed;

/* May the host refuse what the recording machine's root was given? */
static void find_limits(void)
{
    void *p = mmap(NULL, GUEST_PAGE_SIZE, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    low_allowed = p != MAP_FAILED;
    if (low_allowed)
        munmap(p, GUEST_PAGE_SIZE);
    huge_allowed = sysconf(_SC_PHYS_PAGES) > (6L << 30) / GUEST_PAGE_SIZE;
}

static bool refused(const char *want, const char *code)
{
    return !strcmp(code, "k") && ((strchr(want, 'L') && !low_allowed) ||
                                  (strchr(want, 'H') && !huge_allowed));
}

static void replay(struct outcome *o, uint32_t i)
{
    char code[16];
    make_case(SEED, i);
    by_xrun(o);
    code_of(o, code);
    bool same = !strcmp(code, recorded[i]) || refused(recorded[i], code);
    CHECK(same);
    if (!same)
        printf("case %u: recorded %s, not %s:\n%s", i, recorded[i], code, o->text);
}

/* All recorded cases; under an emulator of the host, where each takes 20 times as long, those of the
 * first seconds in an order that visits all kinds alike. */
static void replay_all(struct outcome *o, bool limited)
{
    struct rusage u = {0};
    uint32_t done = 0;
    while (done < CASES && !(limited && u.ru_utime.tv_sec + u.ru_stime.tv_sec >= CPU_SECONDS)) {
        replay(o, done++ * STRIDE % CASES);
        getrusage(RUSAGE_CHILDREN, &u);
    }
    printf("%u of %u recorded cases\n", done, CASES);
}

/* Nothing but soundness: the sanitizer's address space is another one, or there is no kernel to ask. */
static void fuzz(uint32_t seed, uint32_t i, struct outcome *o)
{
    static const char *const bad[] = {"ended by itself", "unsound", "hung", "used", "check",
                                      "fault of xrun"};
    make_case(seed, i);
    by_xrun(o);
    for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
        CHECK(!strstr(o->text, bad[k]));
        if (strstr(o->text, bad[k]))
            printf("case %u of seed %u: %s", i, seed, o->text);
    }
}

static int remove_dir(const char *dir)
{
    static const char *const name[] = {"p", "ld", "err", "text", "noexec", "empty", "short", "script",
                                       "loop", "link"};
    for (size_t i = 0; i < ARRAY_SIZE(name); i++)
        unlink(name[i]);
    rmdir("dir");
    return chdir("/") || rmdir(dir);
}

/* Runs the cases of a mode; false if it needs a kernel that runs i386 programs and has none. */
static bool run_mode(const char *mode, uint32_t n, uint32_t seed, struct outcome *o)
{
    bool one = !strcmp(mode, "--case"), native = one || !strcmp(mode, "--native");
    if (native && !native_works(o)) {
        printf("i386 programs do not run here\n%s", o->text);
        return false;
    }
    printf("seed %u\n", seed);
    if (!*mode || !strcmp(mode, "--all"))
        replay_all(o, !*mode);
    else if (one)
        compare(seed, n, o, o + 1);
    else
        for (uint32_t i = 0; i < n; i++)
            native ? compare(seed, i, o, o + 1) : fuzz(seed, i, o);
    return true;
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/elfload-XXXXXX";
    struct outcome *o = mmap(NULL, 2 * sizeof *o, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const char *mode = argc > 1 ? argv[1] : "";
    uint32_t n = argc > 2 ? (uint32_t)atol(argv[2]) : CASES;
    uint32_t seed = argc > 3 ? (uint32_t)atol(argv[3]) : SEED;
    if (o == MAP_FAILED || !mkdtemp(dir) || chdir(dir)) {
        perror(dir);
        return 2;
    }
    make_surroundings();
    find_limits();
    if (mem_init()) /* once: the children inherit the reservation */
        return 2;
#ifdef XRUN_ASAN
    mode = *mode ? mode : "--fuzz";
#endif
    if (!strcmp(mode, "--record")) {
        record(o);
        return remove_dir(dir);
    }
    if (!run_mode(mode, n, seed, o))
        return 2;
    if (strcmp(mode, "--case")) /* whose files stay */
        CHECK(!remove_dir(dir));
    FINISH();
}
