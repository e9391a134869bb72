/* See check.h. Everything is found through the program headers, as ld.so does; only the search for
 * instructions looks at sections. The files are anyone's: every offset is checked. */
#include "elfload/check.h"

#include <elf.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/path.h"
#include "decode/decode.h"
#include "elfload/elfload.h"

enum { OBJECTS_MAX = 512, FAMILIES_MAX = 48, MISSING_SYMBOLS_MAX = 20 };

/* A mapped ELF file. */
struct object {
    char *name, *path;     /* soname or as wanted; guest path */
    const uint8_t *base;
    size_t size;
    uint32_t dynamic, dynamic_size; /* file offsets */
    uint32_t strtab, symtab, hash_symbols, verneed, verneed_count, verdef, verdef_count, versym;
    const char *soname, *rpath, *runpath;
    int wanted_by;         /* index of the object that asked first */
};

struct check {
    struct object o[OBJECTS_MAX];
    unsigned n, missing;
    check_say say;
    void *arg;
    const char *musl; /* that C library, if the program's interpreter is it */
};

static void say(struct check *c, const char *kind, bool missing, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
static void say(struct check *c, const char *kind, bool missing, const char *fmt, ...)
{
    char text[PATH_MAX * 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_printable(text);
    c->missing += missing;
    c->say(c->arg, kind, missing, text);
}

/* ---- reading a file ---- */

static const void *at(const struct object *o, uint64_t off, uint64_t size)
{
    return off <= o->size && size <= o->size - off ? o->base + off : NULL;
}

static const char *text_at(const struct object *o, uint64_t off)
{
    return off < o->size && memchr(o->base + off, 0, o->size - off) ? (const char *)o->base + off : "";
}

static const Elf32_Ehdr *header(const struct object *o)
{
    return at(o, 0, sizeof(Elf32_Ehdr));
}

static const Elf32_Phdr *segment(const struct object *o, unsigned i)
{
    const Elf32_Ehdr *h = header(o);
    return i < h->e_phnum ? at(o, h->e_phoff + (uint64_t)i * sizeof(Elf32_Phdr), sizeof(Elf32_Phdr)) : NULL;
}

/* The file offset of an address of the object; its size if there is none. */
static uint32_t offset_of(const struct object *o, uint32_t addr)
{
    const Elf32_Phdr *p;
    for (unsigned i = 0; (p = segment(o, i)); i++)
        if (p->p_type == PT_LOAD && addr - p->p_vaddr < p->p_filesz)
            return p->p_offset + (addr - p->p_vaddr);
    return (uint32_t)o->size;
}

static bool map_file(struct object *o, const char *guest)
{
    char host[PATH_MAX];
    struct stat st;
    int fd = -1;
    if (!path_to_host(guest, host, true, false))
        fd = open(host, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    void *p = fstat(fd, &st) || !S_ISREG(st.st_mode) || (size_t)st.st_size < sizeof(Elf32_Ehdr)
                  ? MAP_FAILED
                  : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        return false;
    const Elf32_Ehdr *h = p;
    if (memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_ident[EI_CLASS] != ELFCLASS32 ||
        h->e_machine != EM_386 || h->e_phentsize != sizeof(Elf32_Phdr)) {
        munmap(p, (size_t)st.st_size);
        return false;
    }
    o->base = p;
    o->size = (size_t)st.st_size;
    o->path = xstrdup(guest);
    return true;
}

/* How many symbols: only a section says it for sure. The GNU hash table of a program that defines
 * none does not count those that it wants. */
static uint32_t count_symbols(const struct object *o, uint32_t hash, uint32_t gnu)
{
    const uint32_t *w;
    const Elf32_Ehdr *h = header(o);
    for (unsigned i = 0; i < h->e_shnum && h->e_shentsize == sizeof(Elf32_Shdr); i++) {
        const Elf32_Shdr *s = at(o, h->e_shoff + (uint64_t)i * sizeof *s, sizeof *s);
        if (s && s->sh_type == SHT_DYNSYM)
            return s->sh_size / (uint32_t)sizeof(Elf32_Sym);
    }
    if (hash && (w = at(o, hash, 8)))
        return w[1];
    if (!gnu || !(w = at(o, gnu, 16)))
        return 0;
    uint32_t nbuckets = w[0], first = w[1], bloom = w[2], last = 0;
    uint64_t buckets = gnu + UINT64_C(16) + (uint64_t)bloom * 4, chains = buckets + (uint64_t)nbuckets * 4;
    for (uint32_t i = 0; i < nbuckets && (w = at(o, buckets + (uint64_t)i * 4, 4)); i++)
        last = *w > last ? *w : last;
    if (last < first)
        return first;
    while ((w = at(o, chains + (uint64_t)(last - first) * 4, 4)) && !(*w & 1))
        last++;
    return last + 1;
}

static void read_dynamic(struct object *o)
{
    const Elf32_Phdr *p;
    const Elf32_Dyn *d;
    uint32_t soname = 0, rpath = 0, runpath = 0, hash = 0, gnu = 0;
    for (unsigned i = 0; (p = segment(o, i)); i++)
        if (p->p_type == PT_DYNAMIC) {
            o->dynamic = p->p_offset;
            o->dynamic_size = p->p_filesz;
        }
    for (uint32_t i = 0; o->dynamic_size && i < o->dynamic_size / sizeof *d &&
                         (d = at(o, o->dynamic + (uint64_t)i * sizeof *d, sizeof *d)); i++)
        switch (d->d_tag) {
        case DT_NULL: o->dynamic_size = i * (uint32_t)sizeof *d; break;
        case DT_STRTAB: o->strtab = offset_of(o, d->d_un.d_ptr); break;
        case DT_SYMTAB: o->symtab = offset_of(o, d->d_un.d_ptr); break;
        case DT_HASH: hash = offset_of(o, d->d_un.d_ptr); break;
        case DT_GNU_HASH: gnu = offset_of(o, d->d_un.d_ptr); break;
        case DT_VERNEED: o->verneed = offset_of(o, d->d_un.d_ptr); break;
        case DT_VERNEEDNUM: o->verneed_count = d->d_un.d_val; break;
        case DT_VERDEF: o->verdef = offset_of(o, d->d_un.d_ptr); break;
        case DT_VERDEFNUM: o->verdef_count = d->d_un.d_val; break;
        case DT_VERSYM: o->versym = offset_of(o, d->d_un.d_ptr); break;
        case DT_SONAME: soname = d->d_un.d_val; break;
        case DT_RPATH: rpath = d->d_un.d_val; break;
        case DT_RUNPATH: runpath = d->d_un.d_val; break;
        default: break;
        }
    o->soname = soname ? text_at(o, o->strtab + (uint64_t)soname) : NULL;
    o->rpath = rpath ? text_at(o, o->strtab + (uint64_t)rpath) : NULL;
    o->runpath = runpath ? text_at(o, o->strtab + (uint64_t)runpath) : NULL;
    o->hash_symbols = count_symbols(o, hash, gnu);
}

/* ---- searching as ld.so ---- */

/* dir/name, with $ORIGIN and the like of `o` replaced, if there is such an i386 file. */
static bool try_in(struct object *found, const struct object *o, const char *dir, size_t n, const char *name)
{
    char path[PATH_MAX] = "", origin[PATH_MAX];
    size_t k = 0;
    snprintf(origin, sizeof origin, "%s", o ? o->path : "/");
    for (size_t i = 0; i < n && k < sizeof path - 1;) {
        static const struct { const char *token; bool origin; const char *text; } tokens[] = {
            {"$ORIGIN", true, ""}, {"${ORIGIN}", true, ""}, {"$LIB", false, "lib/i386-linux-gnu"},
            {"${LIB}", false, "lib/i386-linux-gnu"}, {"$PLATFORM", false, "i686"},
            {"${PLATFORM}", false, "i686"}};
        size_t t = 0;
        while (t < ARRAY_SIZE(tokens) && strncmp(dir + i, tokens[t].token, strlen(tokens[t].token)))
            t++;
        if (t == ARRAY_SIZE(tokens)) {
            path[k++] = dir[i++];
            continue;
        }
        const char *text = tokens[t].origin ? dirname(origin) : tokens[t].text;
        k += (size_t)snprintf(path + k, sizeof path - k, "%s", text);
        k = k < sizeof path ? k : sizeof path - 1;
        i += strlen(tokens[t].token);
    }
    k += (size_t)snprintf(path + k, sizeof path - k, "/%s", name);
    return k < sizeof path && map_file(found, path);
}

static bool try_list(struct object *found, const struct object *o, const char *list, const char *name)
{
    while (list && *list) {
        size_t n = strcspn(list, ":;");
        if (n && try_in(found, o, list, n, name))
            return true;
        list += n + (list[n] != 0);
    }
    return false;
}

/* The root has the folder of a pattern, not a file of the pattern's name. */
static bool host_pattern(const char *guest, char out[PATH_MAX])
{
    char folder[PATH_MAX];
    const char *name = strrchr(guest, '/');
    if (!name || name == guest || snprintf(folder, sizeof folder, "%.*s", (int)(name - guest), guest) >= PATH_MAX ||
        path_to_host(folder, out, true, false))
        return false;
    size_t n = strlen(out);
    return (size_t)snprintf(out + n, PATH_MAX - n, "%s", name) < PATH_MAX - n;
}

/* The directories of /etc/ld.so.conf: what ldconfig would have put into the cache. */
static bool try_conf(struct object *found, const char *conf, const char *name, int depth)
{
    char host[PATH_MAX], line[PATH_MAX];
    FILE *f = depth > 3 || path_to_host(conf, host, true, false) ? NULL : fopen(host, "re");
    bool ok = false;
    while (f && !ok && fgets(line, sizeof line, f)) {
        line[strcspn(line, "#\n")] = 0;
        char *word = line + strspn(line, " \t");
        if (!strncmp(word, "include ", 8)) {
            char pattern[PATH_MAX];
            glob_t g;
            word += 8 + strspn(word + 8, " \t");
            if (!host_pattern(word, pattern) || glob(pattern, 0, NULL, &g))
                continue;
            for (size_t i = 0; i < g.gl_pathc && !ok; i++)
                ok = try_conf(found, path_to_guest(g.gl_pathv[i]), name, depth + 1);
            globfree(&g);
        } else if (*word == '/') {
            ok = try_in(found, NULL, word, strcspn(word, " \t="), name);
        }
    }
    if (f)
        fclose(f);
    return ok;
}

/* What musl's interpreter is itself, whatever is asked for. */
static bool is_musl(const char *name)
{
    static const char *const parts[] = {"c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."};
    for (size_t i = 0; i < ARRAY_SIZE(parts) && !strncmp(name, "lib", 3); i++)
        if (!strncmp(name + 3, parts[i], strlen(parts[i])))
            return true;
    return false;
}

static bool find_library(struct check *c, struct object *found, int by, const char *name)
{
    static const char standard[] = "/lib/i386-linux-gnu:/usr/lib/i386-linux-gnu:/lib:/usr/lib:"
                                   "/lib/i386-linux-gnu/i686/sse2:/lib32:/usr/lib32";
    if (strchr(name, '/'))
        return map_file(found, name);
    if (c->musl && is_musl(name))
        return map_file(found, c->musl);
    if (!c->o[by].runpath)
        for (int i = by;; i = c->o[i].wanted_by) { /* of the one that asks and of those that asked for it */
            if (try_list(found, &c->o[i], c->o[i].rpath, name))
                return true;
            if (i == 0)
                break;
        }
    return try_list(found, &c->o[by], getenv("LD_LIBRARY_PATH"), name) ||
           try_list(found, &c->o[by], c->o[by].runpath, name) ||
           try_conf(found, c->musl ? "/etc/ld-musl-i386.path" : "/etc/ld.so.conf", name, 0) ||
           try_list(found, NULL, c->musl ? "/lib:/usr/local/lib:/usr/lib" : standard, name);
}

static struct object *loaded(struct check *c, const char *name)
{
    for (unsigned i = 0; i < c->n; i++)
        if (!strcmp(c->o[i].name, name) || (c->o[i].soname && !strcmp(c->o[i].soname, name)))
            return &c->o[i];
    return NULL;
}

const char *elfcheck_package(const char *soname)
{
    static const struct { const char *name, *package; } known[] = {
        {"ld-linux.so", "libc6"}, {"libc.so.6", "libc6"}, {"libm.so.6", "libc6"},
        {"libpthread.so.0", "libc6"}, {"libdl.so.2", "libc6"}, {"librt.so.1", "libc6"},
        {"libutil.so.1", "libc6"}, {"libresolv.so.2", "libc6"}, {"libnsl.so.1", "libnsl1"},
        {"libcrypt.so.1", "libcrypt1"}, {"libstdc++.so.6", "libstdc++6"}, {"libgcc_s.so.1", "libgcc-s1"},
        {"libstdc++.so.5", "libstdc++5"}, {"libz.so.1", "zlib1g"}, {"libbz2.so.1", "libbz2-1.0"},
        {"liblzma.so.5", "liblzma5"}, {"libncurses.so.5", "libncurses5"}, {"libncurses.so.6", "libncurses6"},
        {"libtinfo.so.5", "libtinfo5"}, {"libtinfo.so.6", "libtinfo6"}, {"libreadline.so.8", "libreadline8"},
        {"libX11.so.6", "libx11-6"}, {"libXext.so.6", "libxext6"}, {"libXrender.so.1", "libxrender1"},
        {"libXi.so.6", "libxi6"}, {"libXtst.so.6", "libxtst6"}, {"libXt.so.6", "libxt6"},
        {"libXft.so.2", "libxft2"}, {"libXrandr.so.2", "libxrandr2"}, {"libXcursor.so.1", "libxcursor1"},
        {"libGL.so.1", "libgl1"}, {"libGLU.so.1", "libglu1-mesa"}, {"libEGL.so.1", "libegl1"},
        {"libSDL-1.2.so.0", "libsdl1.2debian"}, {"libSDL2-2.0.so.0", "libsdl2-2.0-0"},
        {"libasound.so.2", "libasound2"}, {"libpulse.so.0", "libpulse0"}, {"libopenal.so.1", "libopenal1"},
        {"libfontconfig.so.1", "libfontconfig1"}, {"libfreetype.so.6", "libfreetype6"},
        {"libglib-2.0.so.0", "libglib2.0-0"}, {"libgtk-x11-2.0.so.0", "libgtk2.0-0"},
        {"libssl.so.3", "libssl3"}, {"libcrypto.so.3", "libssl3"}, {"libcurl.so.4", "libcurl4"},
        {"libusb-1.0.so.0", "libusb-1.0-0"}, {"libudev.so.1", "libudev1"}, {"libuuid.so.1", "libuuid1"},
        {"libexpat.so.1", "libexpat1"}, {"libxml2.so.2", "libxml2"}, {"libpng16.so.16", "libpng16-16"},
        {"libjpeg.so.62", "libjpeg62-turbo"}, {"libselinux.so.1", "libselinux1"}, {"libpcre2-8.so.0", "libpcre2-8-0"}};
    const char *base = strrchr(soname, '/');
    base = base ? base + 1 : soname;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (!strncmp(base, known[i].name, strlen(known[i].name)))
            return known[i].package;
    return NULL;
}

static void say_missing_library(struct check *c, int by, const char *name)
{
    const char *package = elfcheck_package(name);
    say(c, "library", true, "%s is missing, wanted by %s%s%s%s", name, c->o[by].name,
        package ? "; Debian package " : "", package ? package : "", package ? ":i386" : "");
}

/* Everything the objects want, breadth first as ld.so loads it. */
static void load_libraries(struct check *c)
{
    for (unsigned i = 0; i < c->n; i++) {
        const Elf32_Dyn *d;
        for (uint32_t at_ = 0; (at_ + 1) * sizeof *d <= c->o[i].dynamic_size &&
                               (d = at(&c->o[i], c->o[i].dynamic + at_ * sizeof *d, sizeof *d)); at_++) {
            if (d->d_tag != DT_NEEDED)
                continue;
            const char *name = text_at(&c->o[i], c->o[i].strtab + (uint64_t)d->d_un.d_val);
            if (loaded(c, name) || c->n == OBJECTS_MAX)
                continue;
            struct object *o = &c->o[c->n];
            *o = (struct object){.name = xstrdup(name), .wanted_by = (int)i};
            if (!find_library(c, o, (int)i, name)) {
                say_missing_library(c, (int)i, name);
                free(o->name);
                continue; /* may be said again for another one that wants it */
            }
            read_dynamic(o);
            say(c, "library", false, "%s: %s", name, o->path);
            c->n++;
        }
    }
}

/* ---- versions and symbols ---- */

static bool defines_version(const struct object *o, const char *version)
{
    uint64_t off = o->verdef;
    for (uint32_t i = 0; i < o->verdef_count; i++) {
        const Elf32_Verdef *v = at(o, off, sizeof *v);
        const Elf32_Verdaux *a = v ? at(o, off + v->vd_aux, sizeof *a) : NULL;
        if (!a)
            return false;
        if (!strcmp(text_at(o, o->strtab + (uint64_t)a->vda_name), version))
            return true;
        if (!v->vd_next)
            return false;
        off += v->vd_next;
    }
    return false;
}

static void check_versions(struct check *c, const struct object *o)
{
    uint64_t off = o->verneed;
    for (uint32_t i = 0; i < o->verneed_count; i++) {
        const Elf32_Verneed *v = at(o, off, sizeof *v);
        if (!v)
            return;
        const char *file = text_at(o, o->strtab + (uint64_t)v->vn_file);
        const struct object *lib = loaded(c, file);
        uint64_t aux = off + v->vn_aux;
        for (uint32_t j = 0; lib && j < v->vn_cnt; j++) {
            const Elf32_Vernaux *a = at(o, aux, sizeof *a);
            if (!a)
                return;
            const char *version = text_at(o, o->strtab + (uint64_t)a->vna_name);
            if (!(a->vna_flags & VER_FLG_WEAK) && !defines_version(lib, version))
                say(c, "version", true, "%s of %s is missing, wanted by %s: %s is too old", version,
                    file, o->name, lib->path);
            if (!a->vna_next)
                break;
            aux += a->vna_next;
        }
        if (!v->vn_next)
            return;
        off += v->vn_next;
    }
}

static const Elf32_Sym *symbol(const struct object *o, uint32_t i)
{
    return o->symtab && i < o->hash_symbols ? at(o, o->symtab + (uint64_t)i * sizeof(Elf32_Sym), sizeof(Elf32_Sym)) : NULL;
}

/* All defined names, sorted. */
struct names { const char **v; size_t n, room; };

static void collect(struct names *all, const struct object *o)
{
    const Elf32_Sym *s;
    for (uint32_t i = 1; (s = symbol(o, i)); i++) {
        if (s->st_shndx == SHN_UNDEF)
            continue;
        if (all->n == all->room) {
            all->room = all->room ? all->room * 2 : 4096;
            all->v = xrealloc(all->v, all->room * sizeof *all->v);
        }
        all->v[all->n++] = text_at(o, o->strtab + (uint64_t)s->st_name);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Symbols that no library defines. Only if all libraries are there. */
static void check_symbols(struct check *c)
{
    struct names all = {0};
    unsigned said = 0;
    for (unsigned i = 0; i < c->n; i++)
        collect(&all, &c->o[i]);
    if (all.n)
        qsort(all.v, all.n, sizeof *all.v, by_text);
    for (unsigned i = 0; i < c->n && all.n; i++) {
        const Elf32_Sym *s;
        for (uint32_t k = 1; (s = symbol(&c->o[i], k)); k++) {
            const char *name = text_at(&c->o[i], c->o[i].strtab + (uint64_t)s->st_name);
            if (s->st_shndx != SHN_UNDEF || ELF32_ST_BIND(s->st_info) != STB_GLOBAL || !*name ||
                bsearch(&name, all.v, all.n, sizeof *all.v, by_text))
                continue;
            if (said++ < MISSING_SYMBOLS_MAX)
                say(c, "symbol", true, "%s is defined nowhere, wanted by %s", name, c->o[i].name);
        }
    }
    if (said > MISSING_SYMBOLS_MAX)
        say(c, "symbol", true, "and %u more", said - MISSING_SYMBOLS_MAX);
    free(all.v);
}

/* ---- notes and instructions ---- */

static void note(struct check *c, uint32_t type, const uint8_t *d, uint32_t n)
{
    uint32_t w[4];
    if (type == NT_GNU_ABI_TAG && n >= 16) {
        memcpy(w, d, sizeof w);
        if (w[0] == ELF_NOTE_OS_LINUX)
            say(c, "kernel", false, "made for Linux %u.%u.%u or later", w[1], w[2], w[3]);
        else
            say(c, "kernel", true, "made for another system than Linux (%u)", w[0]);
    }
    for (uint32_t off = 0; type == NT_GNU_PROPERTY_TYPE_0 && off + 12 <= n;) {
        memcpy(w, d + off, 12);
        if (w[0] == 0xc0008002 /* GNU_PROPERTY_X86_ISA_1_NEEDED */ && w[1] == 4)
            say(c, "level", false, "needs the instructions of %s",
                w[2] & 8 ? "x86-64-v4" : w[2] & 4 ? "x86-64-v3" : w[2] & 2 ? "x86-64-v2" : "the baseline");
        if (w[1] > n - off)
            return;
        off += 8 + ((w[1] + 3) & ~3u);
    }
}

static void check_notes(struct check *c, const struct object *o)
{
    const Elf32_Phdr *p;
    for (unsigned i = 0; (p = segment(o, i)); i++) {
        if (p->p_type != PT_NOTE)
            continue;
        uint64_t off = p->p_offset, end = off + p->p_filesz;
        const Elf32_Nhdr *h;
        while (off + sizeof *h <= end && (h = at(o, off, sizeof *h))) {
            uint64_t data = off + sizeof *h + ((h->n_namesz + UINT64_C(3)) & ~UINT64_C(3));
            const uint8_t *d = at(o, data, h->n_descsz);
            const char *name = at(o, off + sizeof *h, h->n_namesz);
            if (!d || !name)
                break;
            if (h->n_namesz == 4 && !memcmp(name, "GNU", 4))
                note(c, h->n_type, d, h->n_descsz);
            off = data + ((h->n_descsz + UINT64_C(3)) & ~UINT64_C(3));
        }
    }
}

struct families { const char *name[FAMILIES_MAX], *unknown[FAMILIES_MAX]; unsigned n, unknowns; };

static void add_family(const char **v, unsigned *n, const char *name)
{
    for (unsigned i = 0; i < *n; i++)
        if (!strcmp(v[i], name))
            return;
    if (*n < FAMILIES_MAX)
        v[(*n)++] = name;
}

static void sweep(struct families *f, const uint8_t *code, size_t n)
{
    for (size_t i = 0; i < n;) {
        struct insn in;
        size_t left = n - i < 15 ? n - i : 15;
        enum decode_status st = decode_bytes(code + i, left, 0, 0, &in);
        const char *isa = decode_isa(code + i, left, 0);
        if (isa && strcmp(isa, "I86"))
            add_family(st == DECODE_OK ? f->name : f->unknown, st == DECODE_OK ? &f->n : &f->unknowns, isa);
        i += st == DECODE_OK ? in.len : 1;
    }
}

/* Which families of instructions the program's own code has. Data between it can look like any. */
static void check_code(struct check *c, const struct object *o)
{
    const Elf32_Ehdr *h = header(o);
    struct families f = {.n = 0};
    char text[1024] = "";
    size_t k = 0, left = o->size; /* sections may lie over each other, thousands of times */
    for (unsigned i = 0; i < h->e_shnum && h->e_shentsize == sizeof(Elf32_Shdr); i++) {
        const Elf32_Shdr *s = at(o, h->e_shoff + (uint64_t)i * sizeof *s, sizeof *s);
        if (!s || !(s->sh_flags & SHF_EXECINSTR) || s->sh_type != SHT_PROGBITS || s->sh_size > left ||
            !at(o, s->sh_offset, s->sh_size))
            continue;
        sweep(&f, o->base + s->sh_offset, s->sh_size);
        left -= s->sh_size;
    }
    for (unsigned i = 0; i < f.n && k < sizeof text; i++)
        k += (size_t)snprintf(text + k, sizeof text - k, "%s%s", i ? " " : "", f.name[i]);
    if (f.n)
        say(c, "instructions", false, "families in the code: %s", text);
    for (unsigned i = 0; i < f.unknowns; i++)
        say(c, "instructions", false, "%s: xrun does not execute these; the program may ask CPUID before it does",
            f.unknown[i]);
}

/* ---- the whole ---- */

/* A segment that the file does not have? */
static bool truncated(const struct object *o)
{
    const Elf32_Ehdr *h = header(o);
    for (unsigned i = 0; i < h->e_phnum; i++) {
        const Elf32_Phdr *p = segment(o, i);
        if (!p || (p->p_type == PT_LOAD && !at(o, p->p_offset, p->p_filesz)))
            return true;
    }
    return false;
}

static void check_interpreter(struct check *c, const struct object *o)
{
    const Elf32_Phdr *p;
    struct object in = {0};
    const char *name = NULL;
    for (unsigned i = 0; (p = segment(o, i)); i++)
        if (p->p_type == PT_INTERP)
            name = text_at(o, p->p_offset);
    if (!name) {
        say(c, "interpreter", false, "none: a static program");
        return;
    }
    if (!map_file(&in, name)) {
        const char *package = elfcheck_package(name);
        say(c, "interpreter", true, "%s is missing%s%s%s", name, package ? "; Debian package " : "",
            package ? package : "", package ? ":i386" : "");
        return;
    }
    say(c, "interpreter", false, "%s", name);
    if (strstr(name, "/ld-musl-"))
        c->musl = name;
    munmap((void *)in.base, in.size);
    free(in.path);
}

unsigned elfcheck_program(const char *path, check_say fn, void *arg)
{
    struct check *c = xcalloc(1, sizeof *c);
    struct elfload_error e = {0};
    char host[PATH_MAX];
    c->say = fn;
    c->arg = arg;
    const char *base = strrchr(path, '/');
    c->o[0].name = xstrdup(base ? base + 1 : path);
    if (path_to_host(path, host, true, false) || !map_file(&c->o[0], path)) {
        elfload_check(host, &e);
        say(c, "program", true, "%s", e.err ? e.reason : "not an i386 ELF file");
    } else if (truncated(&c->o[0])) {
        c->n = 1;
        say(c, "program", true, "truncated or damaged");
    } else {
        c->n = 1;
        read_dynamic(&c->o[0]);
        check_interpreter(c, &c->o[0]);
        load_libraries(c);
        unsigned before = c->missing;
        for (unsigned i = 0; i < c->n; i++)
            check_versions(c, &c->o[i]);
        if (!before && c->n > 1)
            check_symbols(c);
        check_notes(c, &c->o[0]);
        check_code(c, &c->o[0]);
    }
    unsigned missing = c->missing;
    if (!c->n)
        free(c->o[0].name);
    for (unsigned i = 0; i < c->n; i++) {
        munmap((void *)c->o[i].base, c->o[i].size);
        free(c->o[i].name);
        free(c->o[i].path);
    }
    free(c);
    return missing;
}
