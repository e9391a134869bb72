/* Translated code on disk: see store.h. A file is written beside the old one and renamed over it, so that
 * nobody ever sees half of one; a record is checked before it is used. */
#include "runtime/store.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/cpuid.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "core/xfsz.h"
#include "runtime/codemem.h"
#include "runtime/unit.h"

enum {
    NEW_MAX = 64 << 20,  /* bytes that one run adds, */
    FILE_MAX = 96 << 20, /* that one file has */
    STORE_MAX = 512,     /* MiB of all together, --store-max */
    WORTH_MIN = 256,     /* instructions */
    NAME_SIZE = 17,
    SMALL = 512 << 10,   /* a file that is read as a whole */
    DAY = 24 * 60 * 60,  /* s: how exactly it is known when a file was used last, */
    LEFT = 60 * 60,      /* and how old one is that nobody is writing any more */
};

struct header {
    char magic[8];
    uint64_t build;      /* which xrun, which processor, which options */
    uint64_t instructions;
    uint32_t records, index_bits;
    uint32_t size, check; /* of the file; of the index */
    char exe[4096];
};
static const char magic[8] = "xrunC02";

/* Hash table by address, with linear probing: an entry for each member of each record. */
struct slot { gaddr eip; uint32_t at; }; /* at: offset in the file / 8; 0: empty */

static char *path; /* in opt.store; NULL: nothing is kept */
static const char *exe_path;
static uint64_t build; /* of struct header: this xrun's */
static pid_t owner; /* a process that was forked keeps what it finds to itself */
static struct stat root; /* the same paths mean other files behind a chroot */
static const struct header *file;
static size_t file_size; /* what its header says may not be there any more */
static uint8_t *added, *added_top, *added_end;
static uint64_t added_instructions;
static struct lock stale_lock;
static struct stale {
    uint32_t at;
    bool refused;
} *stale; /* records of the file that do not match any more, or are not to be used */
static uint32_t nstale;
static bool any_refused;

/* ---- hashes ---- */

static uint64_t mix(uint64_t h, const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

/* Four at a time, since a multiplication takes some cycles. */
static uint64_t hash(const void *data, size_t n, uint64_t h)
{
    const uint8_t *p = data;
    uint64_t a = 1, b = 2, c = 3;
    for (; n >= 32; n -= 32, p += 32) {
        h = mix(h, p);
        a = mix(a, p + 8);
        b = mix(b, p + 16);
        c = mix(c, p + 24);
    }
    h ^= a * 3 ^ b * 5 ^ c * 7;
    for (; n >= 8; n -= 8, p += 8)
        h = mix(h, p);
    for (; n; n--)
        h = (h ^ *p++) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

static uint32_t check_of(const struct stored *s)
{
    size_t from = offsetof(struct stored, members);
    return (uint32_t)hash((const uint8_t *)s + from, s->size - from, 1);
}

static int find_build_id(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
        const uint8_t *p = (const uint8_t *)(info->dlpi_addr + ph->p_vaddr), *end = p + ph->p_memsz;
        while (ph->p_type == PT_NOTE && p + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)(const void *)p;
            size_t name = (note->n_namesz + 3u) & ~3u, desc = (note->n_descsz + 3u) & ~3u;
            if (note->n_type == NT_GNU_BUILD_ID)
                *(uint64_t *)arg = hash(p + sizeof *note + name, note->n_descsz, 1);
            p += sizeof *note + name + desc;
        }
    }
    return 1; /* the first object is the program */
}

/* Everything but the region that translated code depends on. 0: unknown. */
static uint64_t find_build(void)
{
    uint64_t h = 0;
    dl_iterate_phdr(find_build_id, &h);
    if (!h)
        return 0;
    uint64_t host[] = {getauxval(AT_HWCAP), getauxval(AT_HWCAP2), translate_features(), translate_narrow};
    for (unsigned leaf = 1; leaf <= 7; leaf += 6) {
        struct cpuid_regs r = cpuid_query(leaf, 0);
        r.ebx = leaf == 1 ? 0 : r.ebx; /* on which processor this is */
        h = hash(&r, sizeof r, h);
    }
    return hash(host, sizeof host, h) | 1;
}

/* ---- the file ---- */

struct stored_parts store_parts(const struct stored *s)
{
    struct stored_parts p;
    p.reloc = (const struct stored_reloc *)(const void *)(s + 1);
    p.member = (const struct stored_member *)(const void *)(p.reloc + s->relocs);
    p.looked = (const struct tr_range *)(const void *)(p.member + s->members);
    p.exit = (const struct stored_exit *)(const void *)(p.looked + s->looks);
    p.copy = (const gaddr *)(const void *)(p.exit + s->exits);
    p.fallback = p.copy + s->copies;
    p.raw = (const uint8_t *)(p.fallback + s->fallbacks);
    p.code = p.raw + s->raw_bytes;
    p.side = p.code + s->code_bytes;
    return p;
}
static_assert(sizeof(struct stored) % 8 == 0, "relocations are aligned");

static size_t size_of(const struct stored *s)
{
    struct stored_parts p = store_parts(s);
    return (size_t)(p.side + s->side_bytes - (const uint8_t *)s + 7) & ~(size_t)7;
}

static const struct slot *slots(const struct header *h)
{
    return (const struct slot *)(const void *)(h + 1);
}

static size_t index_bytes(const struct header *h)
{
    return sizeof(struct slot) << h->index_bits;
}

static uint32_t first_slot(gaddr eip, unsigned bits)
{
    return eip * 0x9e3779b1u >> (32 - bits);
}

static bool usable(const struct header *h, size_t size)
{
    return size >= sizeof *h && !memcmp(h->magic, magic, sizeof magic) && h->build == build &&
           h->size == size && h->index_bits >= 3 && h->index_bits < 26 &&
           sizeof *h + index_bytes(h) <= size && h->exe[sizeof h->exe - 1] == 0 &&
           !strcmp(h->exe, exe_path) && h->check == (uint32_t)hash(slots(h), index_bytes(h), 1);
}

/* Directory and file must be ours alone: what is in there is executed. */
static bool ours_alone(int fd, struct stat *st)
{
    return !fstat(fd, st) && st->st_uid == geteuid() && !(st->st_mode & 022);
}

static int open_directory(const char *dir)
{
    struct stat st;
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && !ours_alone(fd, &st)) {
        close(fd);
        errno = EPERM;
        return -1;
    }
    return fd;
}

static void open_file(void)
{
    struct stat st;
    int dir = open_directory(opt.store), fd, populate;
    if (dir < 0)
        return;
    fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    close(dir);
    if (fd < 0)
        return;
    if (ours_alone(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
        populate = st.st_size <= SMALL ? MAP_POPULATE : 0;
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | populate, fd, 0);
        if (p != MAP_FAILED && usable(p, (size_t)st.st_size)) {
            file = p;
            file_size = (size_t)st.st_size;
            if (time(NULL) - st.st_mtime > DAY) /* it is not the oldest */
                futimens(fd, NULL);
        } else if (p != MAP_FAILED) {
            munmap(p, (size_t)st.st_size);
        }
    }
    close(fd);
}

/* Options that look at translation, or change it, do not mix with what others translated. */
static bool unusual(void)
{
    return opt.interpret || opt.count || opt.lockstep || opt.lockstep_fast || opt.lockstep_code ||
           opt.dump || opt.abi_report || opt.perf_map || opt.jitdump || opt.gdb || opt.units_max ||
           opt.hot != CODE_HOT ||
           opt.translate_range || opt.block_max < 64 || opt.flush_every || opt.stress_flush;
}

/* Root may run with another user's HOME. */
static bool own(const char *dir)
{
    struct stat st;
    return dir && dir[0] == '/' && !stat(dir, &st) && st.st_uid == geteuid();
}

/* opt.store, absolute: programs that this one starts get it, too. */
static bool choose_directory(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *below;
    char here[PATH_MAX], *dir;
    if (opt.store && opt.store[0] == '/')
        return true;
    const char *base = opt.store ? getcwd(here, sizeof here) : own(cache) ? cache : own(home) ? home : NULL;
    below = opt.store ? opt.store : base == cache ? "xrun/code" : ".cache/xrun/code";
    if (!base || asprintf(&dir, "%s/%s", base, below) < 0)
        return false;
    opt.store = dir;
    return true;
}

void store_init(const char *exe)
{
    if (opt.store && !strcmp(opt.store, "off"))
        return;
    if (unusual() || !code_enabled() || getauxval(AT_SECURE) || !choose_directory() ||
        stat("/", &root))
        return;
    build = find_build();
    if (!build || strlen(exe) >= sizeof file->exe)
        return;
    path = xmalloc(NAME_SIZE);
    snprintf(path, NAME_SIZE, "%016llx", (unsigned long long)hash(exe, strlen(exe), build));
    exe_path = exe;
    owner = getpid();
    open_file();
}

bool store_enabled(void)
{
    return path;
}

bool store_has_file(void)
{
    return file;
}

bool store_holds(const void *p)
{
    return file && (uintptr_t)p - (uintptr_t)file < file_size;
}

static uint32_t offset_of(const struct stored *s)
{
    return (uint32_t)((const uint8_t *)s - (const uint8_t *)file);
}

static void add_stale(const struct stored *s, bool refused)
{
    lock_take(&stale_lock);
    stale = xrealloc(stale, (nstale + 1) * sizeof *stale);
    stale[nstale++] = (struct stale){offset_of(s), refused};
    any_refused |= refused;
    lock_release(&stale_lock);
}

void store_refuse(const struct stored *s)
{
    if ((const uint8_t *)s >= added && (const uint8_t *)s < added_end)
        ((struct stored *)(uintptr_t)s)->refused = true;
    else
        add_stale(s, true);
}

static bool is_refused(const struct stored *s)
{
    bool found = false;
    if (likely(!any_refused))
        return false;
    lock_take(&stale_lock);
    for (uint32_t i = 0; i < nstale; i++)
        found |= stale[i].refused && stale[i].at == offset_of(s);
    lock_release(&stale_lock);
    return found;
}

const struct stored *store_find(gaddr eip, unsigned mode, unsigned *i)
{
    if (!file)
        return NULL;
    uint32_t mask = (1u << file->index_bits) - 1, limit = file->size;
    for (unsigned seen = 0, k = first_slot(eip, file->index_bits);; k++) {
        const struct slot *s = &slots(file)[k & mask];
        if (!s->at || seen > mask)
            return NULL;
        uint64_t at = (uint64_t)s->at * 8;
        if (s->eip != eip || seen++ < *i || at + sizeof(struct stored) > limit)
            continue;
        const struct stored *r = (const struct stored *)(const void *)((const uint8_t *)file + at);
        *i = seen;
        if (r->mode == mode && r->order == translate_order(mem_is_shared) && r->size >= sizeof *r &&
            r->size <= limit - at && check_of(r) == r->check && !is_refused(r))
            return r;
    }
}

/* ---- records that are units now ---- */

/* Hash table by place in the file, with linear probing. What was retired stays, with 0 as `code`. */
static struct {
    struct place { uint32_t at, code; } *place; /* code: for codemem_address(), or 1 */
    uint32_t n, bits;
} units;

static struct place *find_place(uint32_t at)
{
    uint32_t mask = (1u << units.bits) - 1, k = first_slot(at, units.bits);
    while (units.place[k & mask].at && units.place[k & mask].at != at)
        k++;
    return &units.place[k & mask];
}

static void make_places(void)
{
    enum { BITS_MIN = 9 };
    struct place *old = units.place;
    uint32_t n = old ? 1u << units.bits : 0;
    units.bits = old ? units.bits + 2 : BITS_MIN;
    units.place = xcalloc((size_t)1 << units.bits, sizeof *old);
    for (uint32_t i = 0; i < n; i++)
        if (old[i].at)
            *find_place(old[i].at) = old[i];
    free(old);
}

void store_set_unit(const struct stored *s, struct unit *u)
{
    if (!store_holds(s))
        return;
    if (u && (!units.place || units.n >= 3u << units.bits >> 2))
        make_places();
    if (!units.place)
        return;
    uint32_t at = offset_of(s) / 8;
    struct place *p = find_place(at);
    if (!p->at && !u)
        return;
    units.n += !p->at;
    *p = (struct place){at, u ? (uint32_t)(uintptr_t)u->code | 1 : 0};
}

struct unit *store_unit(gaddr eip, unsigned mode)
{
    uint32_t mask = file ? (1u << file->index_bits) - 1 : 0;
    if (!units.n)
        return NULL;
    for (uint32_t k = first_slot(eip, file->index_bits), n = 0; n <= mask; k++, n++) {
        const struct slot *s = &slots(file)[k & mask];
        if (!s->at)
            break;
        uint32_t code = s->eip == eip ? find_place(s->at)->code : 0;
        struct unit *u = code ? codemem_find(codemem_address(code)) : NULL;
        if (u && u->stored->mode == mode)
            return u;
    }
    return NULL;
}

void store_abandon(void)
{
    units.place = NULL; /* it may have been on the move */
    units.n = 0;
}

/* ---- using ---- */

/* Of the code that the record was made from: the members, then what was looked at. */
static struct tr_range piece(const struct stored *s, const struct stored_parts *p, unsigned i)
{
    return i < s->members ? (struct tr_range){p->member[i].eip, p->member[i].end} : p->looked[i - s->members];
}

static unsigned pieces(const struct stored *s)
{
    return s->members + s->looks;
}

enum { NEAR = 8192 };

/* All that lies in the guest's memory from the lowest of these pieces on; false: they are too far from each
 * other, or there is something between that cannot be read. */
static bool read_together(const struct stored *s, const struct stored_parts *p, unsigned from, unsigned to,
                          uint8_t *now, gaddr *low)
{
    gaddr high = 0;
    *low = UINT32_MAX;
    for (unsigned i = from; i < to; i++) {
        struct tr_range r = piece(s, p, i);
        *low = r.from < *low ? r.from : *low;
        high = r.end > high ? r.end : high;
    }
    return to > from && high - *low <= NEAR && !mem_read(now, *low, high - *low);
}

/* Of these pieces the guest's memory holds the bytes at *raw. */
static bool same_bytes(const struct stored *s, const struct stored_parts *p, unsigned from, unsigned to,
                       const uint8_t **raw)
{
    uint8_t now[NEAR];
    gaddr low;
    bool together = read_together(s, p, from, to, now, &low);
    for (unsigned i = from; i < to; i++) {
        struct tr_range r = piece(s, p, i);
        uint32_t n = r.end - r.from;
        if (!together && (n > NEAR || mem_read(now, r.from, n)))
            return false;
        if (memcmp(together ? now + (r.from - low) : now, *raw, n))
            return false;
        *raw += n;
    }
    return true;
}

/* It is executable there, and does not change unnoticed. */
static bool fits(gaddr a)
{
    return (mem_page_flags(a) & (PAGE_MAPPED | PAGE_X | PAGE_FOREIGN)) == (PAGE_MAPPED | PAGE_X);
}

bool store_matches(const struct stored *s)
{
    struct stored_parts p = store_parts(s);
    const uint8_t *raw = p.raw;
    bool fresh;
    do {
        uint32_t known = UINT32_MAX; /* page */
        fresh = false;
        for (unsigned i = 0; i < pieces(s); i++) {
            struct tr_range r = piece(s, &p, i);
            if (r.from >> GUEST_PAGE_SHIFT == known && (r.end - 1) >> GUEST_PAGE_SHIFT == known)
                continue;
            if (!fits(r.from) || !fits(r.end - 1))
                return false;
            known = (r.end - 1) >> GUEST_PAGE_SHIFT;
            if (!(mem_page_flags(r.from) & mem_page_flags(r.end - 1) & PAGE_CODE))
                fresh |= mem_code_protect(r.from, r.end - r.from);
        }
    } while (fresh);
    if (same_bytes(s, &p, 0, s->members, &raw) && same_bytes(s, &p, s->members, pieces(s), &raw))
        return true;
    add_stale(s, false);
    return false;
}

/* ---- adding ---- */

static void *room(size_t n)
{
    if (!added) {
        void *p = mmap(NULL, NEW_MAX, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            return NULL;
        madvise((uint8_t *)p + SMALL, NEW_MAX - SMALL, MADV_HUGEPAGE); /* filled at the end, at a stretch */
        added = added_top = p;
        added_end = added + NEW_MAX;
    }
    return (size_t)(added_end - added_top) >= n ? added_top : NULL;
}

static size_t record_bound(const struct translation *tr)
{
    return sizeof(struct stored) + tr->relocs * sizeof(struct stored_reloc) +
           tr->exits * sizeof(struct stored_exit) + REGION_BLOCKS * sizeof(struct stored_member) +
           tr->looks * sizeof(struct tr_range) + (tr->copies + tr->fallbacks) * sizeof(gaddr) +
           tr->size + tr->n * 32 + 64;
}

static void fill_relocs(const struct translation *tr, struct stored_reloc *to)
{
    for (unsigned i = 0; i < tr->relocs; i++) {
        const struct tr_reloc *r = &tr->reloc[i];
        uint64_t v = r->value;
        if (r->ref == TR_IMAGE)
            v -= (uintptr_t)translate_table_base();
        else if (r->ref == TR_INSN)
            v = tr->insn[v].in->eip;
        to[i] = (struct stored_reloc){.at = r->at, .kind = r->kind, .ref = r->ref, .value = v};
    }
}

/* Blocks of the region, and what was looked at; false: they are not what can be had again. */
static bool fill_pieces(const struct translation *tr, struct stored_member *to, struct tr_range *looked,
                        uint8_t *raw)
{
    for (unsigned i = 0; i < region.members; i++) {
        const struct block *b = region.member[i];
        if (!fits(b->key.eip) || !fits(b->end - 1))
            return false;
        to[i] = (struct stored_member){b->key.eip, b->end,
                                       tr->entry[translate_find(tr, b->key.eip)]};
        memcpy(raw, block_raw(b), b->end - b->key.eip);
        raw += b->end - b->key.eip;
    }
    for (unsigned i = 0; i < tr->looks; i++) {
        struct tr_range r = tr->looked[i];
        if (!fits(r.from) || !fits(r.end - 1) || mem_read(raw, r.from, r.end - r.from))
            return false;
        looked[i] = r;
        raw += r.end - r.from;
    }
    return true;
}

const struct stored *store_add(const struct translation *tr, const uint8_t *side, size_t side_bytes)
{
    uint32_t raw = 0;
    for (unsigned i = 0; i < region.members; i++)
        raw += region.member[i]->end - region.member[i]->key.eip;
    for (unsigned i = 0; i < tr->looks; i++)
        raw += tr->looked[i].end - tr->looked[i].from;
    struct stored *s = path && getpid() == owner ? room(record_bound(tr) + raw + side_bytes) : NULL;
    if (!s || side_bytes > UINT16_MAX)
        return NULL;
    *s = (struct stored){.members = (uint16_t)region.members, .looks = (uint16_t)tr->looks,
                         .exits = (uint16_t)tr->exits, .relocs = (uint16_t)tr->relocs,
                         .copies = (uint16_t)tr->copies,
                         .fallbacks = (uint16_t)tr->fallbacks, .n = (uint16_t)tr->n,
                         .mode = tr->mode, .order = (uint8_t)translate_order(tr->ordered), .raw_bytes = raw,
                         .side_bytes = (uint16_t)side_bytes, .code_bytes = tr->size, .cold = tr->cold};
    struct stored_parts p = store_parts(s);
    s->size = (uint32_t)size_of(s);
    fill_relocs(tr, (struct stored_reloc *)p.reloc);
    if (!fill_pieces(tr, (struct stored_member *)p.member, (struct tr_range *)p.looked, (uint8_t *)p.raw))
        return NULL;
    for (unsigned i = 0; i < tr->exits; i++) {
        const struct tr_exit *x = &tr->exit[i];
        ((struct stored_exit *)p.exit)[i] = (struct stored_exit){x->target, x->patch, x->stub, x->stub_id};
    }
    memcpy((gaddr *)p.copy, tr->copied, tr->copies * sizeof(gaddr));
    for (unsigned i = 0; i < tr->fallbacks; i++)
        ((gaddr *)p.fallback)[i] = tr->fallback[i]->eip;
    memcpy((uint8_t *)p.code, tr->code, tr->size);
    memcpy((uint8_t *)p.side, side, side_bytes);
    memset((uint8_t *)p.side + side_bytes, 0, s->size - (size_t)(p.side + side_bytes - (uint8_t *)s));
    s->check = check_of(s);
    added_top += s->size;
    added_instructions += tr->n;
    return s;
}

/* ---- the directory ---- */

/* A file's name, or that of one that is being written. Nothing else is touched, wherever --store points to. */
static bool is_ours(const char *name, bool *temporary)
{
    size_t n = strspn(name, "0123456789abcdef");
    *temporary = name[n] == '.';
    return n == NAME_SIZE - 1 && (!name[n] || (*temporary && name[n + 1] &&
                                               !name[n + 1 + strspn(name + n + 1, "0123456789")]));
}

struct kept {
    char name[64];
    time_t time;
    int64_t size;
    bool temporary;
};

static int by_time(const void *a, const void *b)
{
    time_t x = ((const struct kept *)a)->time, y = ((const struct kept *)b)->time;
    return x < y ? -1 : x > y;
}

/* The files in the directory, oldest first; malloc'ed. */
static size_t list_directory(int dir, struct kept **list)
{
    size_t n = 0;
    struct kept k;
    struct stat st;
    DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    *list = NULL;
    for (struct dirent *e; d && (e = readdir(d));) {
        if (strlen(e->d_name) >= sizeof k.name || !is_ours(e->d_name, &k.temporary) ||
            fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
            continue;
        strcpy(k.name, e->d_name);
        k.time = st.st_mtime;
        k.size = st.st_size;
        if (n % 64 == 0)
            *list = xrealloc(*list, (n + 64) * sizeof k);
        (*list)[n++] = k;
    }
    if (d)
        closedir(d);
    if (n)
        qsort(*list, n, sizeof k, by_time);
    return n;
}

/* Makes room: the oldest go, and what was left half written. */
static void tidy_directory(int dir)
{
    struct kept *list;
    size_t n = list_directory(dir, &list);
    int64_t total = 0, most = (int64_t)(opt.store_max ? opt.store_max : STORE_MAX) << 20;
    time_t now = time(NULL);
    for (size_t i = 0; i < n; i++)
        if (list[i].temporary && now - list[i].time > LEFT)
            unlinkat(dir, list[i].name, 0);
        else
            total += list[i].size;
    for (size_t i = 0; i < n && total > most; i++)
        if (!list[i].temporary && !unlinkat(dir, list[i].name, 0))
            total -= list[i].size;
    free(list);
}

int store_clean(void)
{
    struct kept *list;
    int64_t total = 0;
    unsigned removed = 0;
    if (!choose_directory() || !strcmp(opt.store, "off"))
        log_die(126, "--store-clean: there is no such directory");
    int dir = open_directory(opt.store);
    size_t n = dir < 0 ? 0 : list_directory(dir, &list);
    if (dir < 0 && errno != ENOENT)
        log_die(126, "%s: %s", opt.store, strerror(errno));
    for (size_t i = 0; i < n; i++)
        if (!unlinkat(dir, list[i].name, 0)) {
            total += list[i].size;
            removed++;
        }
    printf("%s: %u files of %zu removed, %.1f MiB\n", opt.store, removed, n, (double)total / (1 << 20));
    return removed < n;
}

/* ---- writing ---- */

bool store_wants(uint64_t instructions)
{
    uint64_t have = file ? file->instructions : 0, more = instructions + added_instructions;
    return path && getpid() == owner && more >= WORTH_MIN && more >= have / 16;
}

bool store_lasts(gaddr at)
{
    static struct mem_area a;
    if (at - a.start >= a.end - a.start && !mem_find(at, &a))
        return false;
    return a.ino || a.kind == MEM_VDSO;
}

static bool lasting(const struct stored *s)
{
    struct stored_parts p = store_parts(s);
    if (s->refused)
        return false;
    for (unsigned i = 0; i < pieces(s); i++)
        if (!store_lasts(piece(s, &p, i).from))
            return false;
    return true;
}

static bool is_stale(const struct stored *s)
{
    for (uint32_t i = 0; i < nstale; i++)
        if (stale[i].at == offset_of(s))
            return true;
    return false;
}

/* What the new file will have. */
struct list {
    const struct stored **record;
    uint32_t n, members;
    uint64_t bytes, instructions;
};

static void list_add(struct list *l, const struct stored *s)
{
    if (l->bytes + s->size > FILE_MAX / 2)
        return;
    if (l->n % 1024 == 0)
        l->record = xrealloc(l->record, (l->n + 1024) * sizeof l->record[0]);
    l->record[l->n++] = s;
    l->members += s->members;
    l->bytes += s->size;
    l->instructions += s->n;
}

static void list_file(struct list *l)
{
    const uint8_t *p = (const uint8_t *)(slots(file) + (1u << file->index_bits));
    const uint8_t *end = (const uint8_t *)file + file->size;
    for (uint32_t i = 0; i < file->records && (size_t)(end - p) >= sizeof(struct stored); i++) {
        const struct stored *s = (const struct stored *)(const void *)p;
        if (s->size < sizeof *s || s->size > (size_t)(end - p))
            return;
        if (check_of(s) == s->check && !is_stale(s))
            list_add(l, s);
        p += s->size;
    }
}

static bool write_all(int fd, const void *p, size_t n)
{
    while (n) {
        ssize_t k = write(fd, p, n);
        if (!k || (k < 0 && errno != EINTR))
            return false;
        p = (const uint8_t *)p + (k > 0 ? k : 0);
        n -= k > 0 ? (size_t)k : 0;
    }
    return true;
}

static void fill_index(const struct list *l, const struct header *h, struct slot *index)
{
    uint32_t mask = (1u << h->index_bits) - 1;
    uint64_t at = sizeof *h + index_bytes(h);
    for (uint32_t i = 0; i < l->n; at += l->record[i++]->size) {
        struct stored_parts p = store_parts(l->record[i]);
        for (unsigned m = 0; m < l->record[i]->members; m++) {
            uint32_t k = first_slot(p.member[m].eip, h->index_bits);
            while (index[k & mask].at)
                k++;
            index[k & mask] = (struct slot){p.member[m].eip, (uint32_t)(at / 8)};
        }
    }
}

/* Most follow each other in memory, too. */
static bool write_records(int fd, const struct list *l)
{
    for (uint32_t i = 0, next; i < l->n; i = next) {
        const uint8_t *end = (const uint8_t *)l->record[i];
        for (next = i; next < l->n && (const uint8_t *)l->record[next] == end; next++)
            end += l->record[next]->size;
        if (!write_all(fd, l->record[i], (size_t)(end - (const uint8_t *)l->record[i])))
            return false;
    }
    return true;
}

static bool write_file(int fd, const struct list *l)
{
    static struct header h;
    memcpy(h.magic, magic, sizeof magic);
    h.build = build;
    h.instructions = l->instructions;
    h.records = l->n;
    for (h.index_bits = 3; 1u << h.index_bits < 2 * l->members;)
        h.index_bits++;
    h.size = (uint32_t)(sizeof h + index_bytes(&h) + l->bytes);
    strcpy(h.exe, exe_path);
    struct slot *index = xcalloc(1, index_bytes(&h));
    fill_index(l, &h, index);
    h.check = (uint32_t)hash(index, index_bytes(&h), 1);
    bool ok = write_all(fd, &h, sizeof h) && write_all(fd, index, index_bytes(&h));
    free(index);
    return ok && write_records(fd, l);
}
static_assert(sizeof(struct header) % 8 == 0, "records are aligned");

static void make_directories(char *dir)
{
    for (char *p = dir + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            mkdir(dir, 0700);
            *p = '/';
        }
    mkdir(dir, 0700);
}

/* Of the file that is being written. */
static struct {
    int dir, fd;
    char name[64];
} new = {-1, -1, ""};

bool store_begin(void)
{
    struct rlimit limit;
    struct timespec now;
    struct stat st;
    if (stat("/", &st) || st.st_ino != root.st_ino || st.st_dev != root.st_dev)
        return false;
    if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < FILE_MAX)
        return false; /* the guest would be killed */
    char *dir = xstrdup(opt.store);
    make_directories(dir);
    new.dir = open_directory(dir);
    free(dir);
    clock_gettime(CLOCK_REALTIME, &now); /* another with this pid may have left its file */
    snprintf(new.name, sizeof new.name, "%s.%d%09ld", path, (int)getpid(), now.tv_nsec);
    if (new.dir >= 0)
        new.fd = openat(new.dir, new.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (new.fd < 0 && new.dir >= 0)
        close(new.dir);
    return new.fd >= 0;
}

/* Without the signal of one that is too large, for the limit is the guest's. */
static bool write_quietly(const struct list *l)
{
    struct xfsz x;
    xfsz_hide(&x);
    bool ok = write_file(new.fd, l);
    xfsz_show(&x, ok ? 0 : errno);
    return ok;
}

void store_write(void)
{
    struct list l = {0};
    if (file)
        list_file(&l);
    uint32_t before = l.n;
    for (uint8_t *p = added; p < added_top; p += ((struct stored *)(void *)p)->size)
        if (lasting((struct stored *)(void *)p))
            list_add(&l, (struct stored *)(void *)p);
    bool ok = l.n > before && !fchmod(new.fd, 0600) /* whatever the guest's umask is */ && write_quietly(&l);
    close(new.fd);
    if (!ok || renameat(new.dir, new.name, new.dir, path))
        unlinkat(new.dir, new.name, 0);
    else
        tidy_directory(new.dir);
    close(new.dir);
    free(l.record);
}
