/* The functions that an ELF file names: for reports and profiles. */
#ifndef XRUN_ELFLOAD_SYMBOLS_H
#define XRUN_ELFLOAD_SYMBOLS_H

#include "core/types.h"

struct elf_symbol {
    uint32_t value, size; /* as in the file; size at least 1 */
    uint32_t reach;       /* the highest end of this and all before it */
    const char *name;
};
/* Sorted by value. `fixed`: values are addresses, else offsets from where the file is mapped. */
struct elf_symbols {
    bool fixed;
    size_t n;
    struct elf_symbol *symbol;
};

/* Never NULL: a file that cannot be read has no symbols. Never freed. */
const struct elf_symbols *elfload_symbols(const char *host_path);
/* The function that contains `value`; NULL: none. */
const struct elf_symbol *elfload_symbols_find(const struct elf_symbols *s, uint32_t value);

#endif
