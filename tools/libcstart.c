/* Changes libc-start.o of a static glibc for x86-64, as `make` does: before main() it asks CPUID for the sizes of the
 * caches, in some hundred instructions each of which a virtual machine's host has to answer, which takes as long as
 * the rest of a small program's start. The functions that ask say 1 MiB instead; only memcpy's thresholds depend on it.
 * usage: libcstart IN OUT      A library that has no such functions stays as it is. */
#include <err.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What the function does instead; the last answers by pointers to what has its value already. */
static const uint8_t say_1m[] = {0xb8, 0, 0, 0x10, 0, 0xc3}, /* mov eax, 1 << 20; ret */
    only_return[] = {0xc3};
static const struct {
    const char *name; /* of the function, or what it begins with */
    const uint8_t *code;
    unsigned n;
} change[] = {
    {"handle_intel", say_1m, sizeof say_1m},
    {"handle_amd", say_1m, sizeof say_1m},
    {"handle_hygon", say_1m, sizeof say_1m},
    {"handle_zhaoxin", say_1m, sizeof say_1m},
    {"get_common_cache_info", only_return, sizeof only_return},
};

static Elf *elf;

static bool relocated(size_t section, uint64_t from, uint64_t to)
{
    for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
        GElf_Shdr h;
        GElf_Rela r;
        if (!gelf_getshdr(s, &h) || h.sh_type != SHT_RELA || h.sh_info != section)
            continue;
        for (int i = 0; gelf_getrela(elf_getdata(s, NULL), i, &r); i++) {
            unsigned n = GELF_R_TYPE(r.r_info) == R_X86_64_64 ? 8 : 4;
            if (r.r_offset + n > from && r.r_offset < to)
                return true;
        }
    }
    return false;
}

/* Puts the code at the function's start, or a jump to where nothing will be relocated. */
static void put(uint8_t *file, const GElf_Sym *f, const uint8_t *code, unsigned n)
{
    enum { JUMP = 2, FAR = 100 };
    GElf_Shdr text;
    if (!gelf_getshdr(elf_getscn(elf, f->st_shndx), &text))
        return;
    uint8_t *at = file + text.sh_offset + f->st_value;
    for (unsigned k = 0; k < FAR && k + n <= f->st_size; k = k ? k + 1 : JUMP) {
        if (relocated(f->st_shndx, f->st_value + k, f->st_value + k + n))
            continue;
        if (k && relocated(f->st_shndx, f->st_value, f->st_value + JUMP))
            return;
        memcpy(at + k, code, n);
        if (k)
            at[0] = 0xeb, at[1] = (uint8_t)(k - JUMP);
        return;
    }
}

static void look_at(uint8_t *file, const GElf_Sym *s, const char *name)
{
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        size_t n = strlen(change[i].name);
        if (GELF_ST_TYPE(s->st_info) == STT_FUNC && !strncmp(name, change[i].name, n) && (!name[n] || name[n] == '.'))
            put(file, s, change[i].code, change[i].n);
    }
}

int main(int argc, char **argv)
{
    static uint8_t file[1 << 20];
    FILE *in = argc == 3 ? fopen(argv[1], "rb") : NULL;
    size_t size = in ? fread(file, 1, sizeof file, in) : 0;
    if (!size || size == sizeof file)
        errx(1, "usage: libcstart IN OUT");
    elf_version(EV_CURRENT);
    elf = elf_memory((char *)file, size);
    for (Elf_Scn *s = NULL; (s = elf_nextscn(elf, s));) {
        GElf_Shdr h;
        GElf_Sym sym;
        if (!gelf_getshdr(s, &h) || h.sh_type != SHT_SYMTAB)
            continue;
        for (int i = 0; gelf_getsym(elf_getdata(s, NULL), i, &sym); i++)
            look_at(file, &sym, elf_strptr(elf, h.sh_link, sym.st_name));
    }
    FILE *out = fopen(argv[2], "wb");
    if (!out || fwrite(file, 1, size, out) != size || fclose(out))
        err(1, "%s", argv[2]);
    return 0;
}
