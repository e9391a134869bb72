/* Symbol tables of ELF files, read once. */
#include "elfload/symbols.h"

#include <fcntl.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

/* Debian 13's libelf.a (elfutils 0.192) calls these two and does not contain them. They begin and
 * end the tree of what elf_getdata_rawchunk handed out; that is not used here (it would not link). */
void eu_search_tree_init(void *tree);
void eu_search_tree_fini(void *tree, void (*free_node)(void *));

__attribute__((weak)) void eu_search_tree_init(void *tree)
{
    (void)tree;
}

__attribute__((weak)) void eu_search_tree_fini(void *tree, void (*free_node)(void *))
{
    (void)tree;
    (void)free_node;
}

static int by_value(const void *a, const void *b)
{
    const struct elf_symbol *x = a, *y = b;
    return x->value != y->value ? (x->value < y->value ? -1 : 1) : strcmp(x->name, y->name);
}

static void add_section(struct elf_symbols *out, Elf *elf, Elf_Scn *scn, const Elf32_Shdr *h)
{
    Elf_Data *d = elf_getdata(scn, NULL);
    size_t n = d ? d->d_size / sizeof(Elf32_Sym) : 0;
    out->symbol = xrealloc(out->symbol, (out->n + n + 1) * sizeof out->symbol[0]);
    for (size_t i = 0; i < n; i++) {
        const Elf32_Sym *y = (const Elf32_Sym *)d->d_buf + i;
        unsigned type = ELF32_ST_TYPE(y->st_info);
        const char *name = elf_strptr(elf, h->sh_link, y->st_name);
        if ((type == STT_FUNC || type == STT_GNU_IFUNC) && y->st_shndx != SHN_UNDEF && name)
            out->symbol[out->n++] = (struct elf_symbol){
                .value = y->st_value, .size = y->st_size ? y->st_size : 1, .name = xstrdup(name)};
    }
}

static void sort(struct elf_symbols *s)
{
    uint32_t reach = 0;
    if (s->n)
        qsort(s->symbol, s->n, sizeof s->symbol[0], by_value);
    for (size_t i = 0; i < s->n; i++) {
        struct elf_symbol *y = &s->symbol[i];
        uint32_t end = y->value + y->size < y->value ? UINT32_MAX : y->value + y->size;
        y->reach = reach = end > reach ? end : reach;
    }
}

const struct elf_symbols *elfload_symbols(const char *host_path)
{
    struct elf_symbols *out = xcalloc(1, sizeof *out);
    int fd = open(host_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* who knows what is there now */
    elf_version(EV_CURRENT);
    Elf *elf = fd >= 0 ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
    const Elf32_Ehdr *e = elf ? elf32_getehdr(elf) : NULL;
    out->fixed = e && e->e_type == ET_EXEC;
    for (Elf_Scn *s = NULL; e && (s = elf_nextscn(elf, s));) {
        const Elf32_Shdr *h = elf32_getshdr(s);
        if (h && (h->sh_type == SHT_SYMTAB || h->sh_type == SHT_DYNSYM))
            add_section(out, elf, s, h);
    }
    if (elf)
        elf_end(elf);
    if (fd >= 0)
        close(fd);
    sort(out);
    return out;
}

const struct elf_symbol *elfload_symbols_find(const struct elf_symbols *s, uint32_t value)
{
    size_t lo = 0, hi = s->n; /* the first above */
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (s->symbol[mid].value <= value)
            lo = mid + 1;
        else
            hi = mid;
    }
    while (lo > 0 && s->symbol[lo - 1].value <= value) {
        const struct elf_symbol *y = &s->symbol[--lo];
        if (value - y->value < y->size)
            return y;
        if (y->reach <= value)
            break;
    }
    return NULL;
}
