/* Units wait in a list until their instructions can be looked up: that takes the lock of
 * core/mem.c, which comes before that of cache.c. Then each run of instructions of one function is a
 * line of /tmp/perf-PID.map (perf's tools/perf/Documentation/jit-interface.txt), and a symbol of the
 * ELF file in memory that the debugger is shown (gdb's manual, "JIT Compilation Interface"), or a record
 * of jitdump.c's file. */
#include "runtime/perfmap.h"

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "elfload/symbols.h"
#include "runtime/jitdump.h"

struct added {
    struct added *next;
    bool gone;             /* removed while it was being looked up */
    const uint8_t *code;
    uint32_t size, cold, n;
    uint64_t time;         /* with --jitdump */
    struct { gaddr eip; uint32_t off; } at[];
};
static struct added *waiting, **waiting_end = &waiting;
static pthread_mutex_t lock_ = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t flushing = PTHREAD_MUTEX_INITIALIZER; /* comes before all others */

/* ---- names ---- */

static struct file {
    UT_hash_handle hh;
    const struct elf_symbols *symbols;
    char path[];
} *files;

static const struct elf_symbols *symbols_of(const char *path)
{
    struct file *f;
    HASH_FIND_STR(files, path, f);
    if (!f) {
        f = xmalloc(sizeof *f + strlen(path) + 1);
        strcpy(f->path, path);
        f->symbols = elfload_symbols(path);
        HASH_ADD_STR(files, path, f);
    }
    return f->symbols;
}

/* The function's name, or where the address is in which file, or the address's page. */
static void name_of(gaddr eip, char *buf, size_t size)
{
    static struct mem_area m; /* of the last one: mostly the same */
    if ((eip < m.start || eip >= m.end) && (!mem_find(eip, &m) || eip < m.start)) {
        memset(&m, 0, sizeof m);
        snprintf(buf, size, "[unmapped]");
        return;
    }
    const struct elf_symbol *y = NULL;
    gaddr bias = m.start - (gaddr)m.offset;
    if (m.kind == MEM_FILE) {
        const struct elf_symbols *s = symbols_of(m.name);
        y = elfload_symbols_find(s, s->fixed ? eip : eip - bias);
    }
    const char *base = strrchr(m.name, '/');
    base = base ? base + 1 : m.name[0] ? m.name : "anonymous";
    if (y)
        snprintf(buf, size, "%.180s [%.60s]", y->name, base);
    else
        snprintf(buf, size, "[%.60s+%#x]", base, (eip & ~(gaddr)GUEST_PAGE_MASK) - bias);
}

/* ---- perf ---- */

static int map_fd = -1;
static int map_pid;

static void copy_file(const char *path)
{
    char buf[4096];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && (n = read(fd, buf, sizeof buf)) > 0)
        log_write(map_fd, buf, (size_t)n);
    if (fd >= 0)
        close(fd);
}

/* A child of fork has its parent's code. */
static void open_map(void)
{
    char path[64], old[64];
    snprintf(path, sizeof path, "/tmp/perf-%d.map", getpid());
    snprintf(old, sizeof old, "/tmp/perf-%d.map", map_pid);
    bool inherit = map_pid && map_pid != getpid();
    map_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW |
                  (map_pid == getpid() ? O_APPEND : O_TRUNC), 0600);
    map_pid = getpid();
    if (map_fd >= 0 && inherit)
        copy_file(old);
}

static void tell_perf(const uint8_t *code, uint32_t size, const char *name)
{
    char text[320];
    int n = snprintf(text, sizeof text, "%lx %x %s\n", (unsigned long)code, size, name);
    log_write(map_fd, text, (size_t)n);
}

/* ---- gdb ---- */

struct jit_code_entry {
    struct jit_code_entry *next, *prev;
    const char *symfile_addr;
    uint64_t symfile_size;
    const uint8_t *code; /* what follows is xrun's own */
};
enum { JIT_NOACTION, JIT_REGISTER, JIT_UNREGISTER };
struct jit_descriptor {
    uint32_t version, action;
    struct jit_code_entry *relevant, *first;
};
/* The names are gdb's. */
extern struct jit_descriptor __jit_debug_descriptor;
void __jit_debug_register_code(void);

struct jit_descriptor __jit_debug_descriptor = {.version = 1};
void __attribute__((noinline)) __jit_debug_register_code(void) /* gdb has a breakpoint here */
{
    __asm__ volatile("");
}

static void jit_action(uint32_t action, struct jit_code_entry *e)
{
    __jit_debug_descriptor.action = action;
    __jit_debug_descriptor.relevant = e;
    __jit_debug_register_code();
}

/* The symbols of one unit, on their way into its ELF file. */
struct symbols {
    Elf64_Sym *sym;
    char *names;
    size_t n, names_size;
};

static void add_symbol(struct symbols *s, uint32_t off, uint32_t size, const char *name)
{
    size_t len = strlen(name) + 1;
    s->sym = xrealloc(s->sym, (s->n + 1) * sizeof *s->sym);
    s->names = xrealloc(s->names, s->names_size + len);
    s->sym[s->n++] = (Elf64_Sym){.st_name = (Elf64_Word)s->names_size, .st_value = off,
                                 .st_size = size, .st_shndx = 1,
                                 .st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC)};
    memcpy(s->names + s->names_size, name, len);
    s->names_size += len;
}

enum { SECTIONS = 5 };
extern const Elf64_Ehdr __ehdr_start; /* xrun's own header, by the linker: says which machine */

/* A relocatable file whose .text is the code where it is, with symbols. */
static char *make_elf(const struct added *a, const struct symbols *s, size_t *size)
{
    static const char names[] = "\0.text\0.symtab\0.strtab\0.shstrtab";
    size_t syms = sizeof(Elf64_Ehdr) + SECTIONS * sizeof(Elf64_Shdr);
    size_t strs = syms + s->n * sizeof(Elf64_Sym), shstrs = strs + s->names_size;
    *size = shstrs + sizeof names;
    char *p = xcalloc(1, *size);
    Elf64_Ehdr *e = (Elf64_Ehdr *)(void *)p;
    Elf64_Shdr *h = (Elf64_Shdr *)(void *)(e + 1);
    memcpy(e->e_ident, __ehdr_start.e_ident, EI_NIDENT);
    e->e_type = ET_REL;
    e->e_machine = __ehdr_start.e_machine;
    e->e_version = EV_CURRENT;
    e->e_ehsize = sizeof *e;
    e->e_shoff = sizeof *e;
    e->e_shentsize = sizeof *h;
    e->e_shnum = SECTIONS;
    e->e_shstrndx = 4;
    h[1] = (Elf64_Shdr){.sh_name = 1, .sh_type = SHT_NOBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                        .sh_addr = (uintptr_t)a->code, .sh_size = a->size, .sh_addralign = 1};
    h[2] = (Elf64_Shdr){.sh_name = 7, .sh_type = SHT_SYMTAB, .sh_offset = syms, .sh_link = 3,
                        .sh_size = s->n * sizeof(Elf64_Sym), .sh_info = (Elf64_Word)s->n,
                        .sh_entsize = sizeof(Elf64_Sym), .sh_addralign = 8};
    h[3] = (Elf64_Shdr){.sh_name = 15, .sh_type = SHT_STRTAB, .sh_offset = strs,
                        .sh_size = s->names_size, .sh_addralign = 1};
    h[4] = (Elf64_Shdr){.sh_name = 23, .sh_type = SHT_STRTAB, .sh_offset = shstrs,
                        .sh_size = sizeof names, .sh_addralign = 1};
    memcpy(p + syms, s->sym, s->n * sizeof(Elf64_Sym));
    memcpy(p + strs, s->names, s->names_size);
    memcpy(p + shstrs, names, sizeof names);
    return p;
}

static void tell_gdb(const struct added *a, const struct symbols *s)
{
    struct jit_code_entry *e = xcalloc(1, sizeof *e);
    size_t size;
    e->code = a->code;
    e->symfile_addr = make_elf(a, s, &size);
    e->symfile_size = size;
    e->next = __jit_debug_descriptor.first;
    if (e->next)
        e->next->prev = e;
    __jit_debug_descriptor.first = e;
    jit_action(JIT_REGISTER, e);
}

static void forget_gdb(const uint8_t *code)
{
    struct jit_code_entry *e = __jit_debug_descriptor.first;
    while (e && e->code != code)
        e = e->next;
    if (!e)
        return;
    if (e->prev)
        e->prev->next = e->next;
    else
        __jit_debug_descriptor.first = e->next;
    if (e->next)
        e->next->prev = e->prev;
    jit_action(JIT_UNREGISTER, e);
    free((char *)(uintptr_t)e->symfile_addr);
    free(e);
}

/* ---- units ---- */

static bool on(void)
{
    return opt.perf_map || opt.gdb || opt.jitdump;
}

void perfmap_add(const struct unit *u, const struct translation *tr)
{
    if (likely(!on()))
        return;
    struct added *a = xmalloc(sizeof *a + tr->n * sizeof a->at[0]);
    *a = (struct added){.code = u->code, .size = u->size, .cold = u->cold, .n = tr->n,
                        .time = opt.jitdump ? jitdump_now() : 0};
    for (unsigned i = 0; i < tr->n; i++) {
        a->at[i].eip = tr->insn[i].in->eip;
        a->at[i].off = tr->off[i];
    }
    pthread_mutex_lock(&lock_);
    *waiting_end = a;
    waiting_end = &a->next;
    pthread_mutex_unlock(&lock_);
}

void perfmap_remove(const struct unit *u)
{
    if (likely(!on()))
        return;
    pthread_mutex_lock(&lock_);
    for (struct added *a = waiting; a; a = a->next)
        a->gone |= a->code == u->code;
    forget_gdb(u->code);
    pthread_mutex_unlock(&lock_);
}

/* Calls add_symbol for each run of instructions of one function, and for the stubs. */
static void look_up(const struct added *a, struct symbols *s)
{
    char name[256], next[256];
    uint32_t from = a->at[0].off;
    name_of(a->at[0].eip, name, sizeof name);
    for (unsigned i = 1; i < a->n; i++) {
        name_of(a->at[i].eip, next, sizeof next);
        if (!strcmp(name, next))
            continue;
        add_symbol(s, from, a->at[i].off - from, name);
        from = a->at[i].off;
        strcpy(name, next);
    }
    add_symbol(s, from, a->cold - from, name);
    add_symbol(s, a->cold, a->size - a->cold, "[xrun's stubs]");
}

static void tell(const struct added *a, const struct symbols *s)
{
    for (size_t i = 1; i < s->n; i++) {
        const uint8_t *code = a->code + s->sym[i].st_value;
        const char *name = s->names + s->sym[i].st_name;
        uint32_t size = (uint32_t)s->sym[i].st_size;
        if (size && map_fd >= 0)
            tell_perf(code, size, name);
        if (size && opt.jitdump)
            jitdump_code(code, size, name, a->time);
    }
    if (opt.gdb)
        tell_gdb(a, s);
}

static struct added *first_waiting(void)
{
    pthread_mutex_lock(&lock_);
    struct added *a = waiting;
    pthread_mutex_unlock(&lock_);
    return a;
}

static void tell_first(struct added *a)
{
    struct symbols s = {0};
    add_symbol(&s, 0, 0, ""); /* the first must be empty */
    memset(s.sym, 0, sizeof *s.sym);
    look_up(a, &s);
    pthread_mutex_lock(&lock_);
    if (!a->gone)
        tell(a, &s);
    waiting = a->next;
    if (!waiting)
        waiting_end = &waiting;
    pthread_mutex_unlock(&lock_);
    free(s.sym);
    free(s.names);
    free(a);
}

void perfmap_flush(void)
{
    struct added *a;
    if (likely(!on()))
        return;
    pthread_mutex_lock(&flushing);
    if (opt.perf_map)
        open_map();
    if (opt.jitdump)
        jitdump_begin();
    while ((a = first_waiting()))
        tell_first(a);
    if (map_fd >= 0)
        close(map_fd);
    map_fd = -1;
    jitdump_end();
    pthread_mutex_unlock(&flushing);
}

void perfmap_forked(void)
{
    if (likely(!on()))
        return;
    pthread_mutex_init(&lock_, NULL);
    pthread_mutex_init(&flushing, NULL);
    perfmap_flush();
}
