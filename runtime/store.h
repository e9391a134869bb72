/* Translated code kept on disk, so that the next run of the same program need neither decode nor
 * translate: a file per program, whose records are units with all that is needed to put them in place
 * again. A record is used only where the guest's bytes are those it was made from. */
#ifndef XRUN_RUNTIME_STORE_H
#define XRUN_RUNTIME_STORE_H

#include "runtime/region.h"
#include "translate/translate.h"

/* One unit on disk; read-only. The arrays follow each other in this order. */
struct stored {
    uint32_t size;        /* of the record, a multiple of 8 */
    uint32_t check;       /* of what follows */
    uint16_t members, looks, exits, relocs, copies, fallbacks, n; /* n: instructions */
    uint8_t mode, order;  /* translate_order() */
    uint16_t side_bytes, refused; /* not to be written */
    uint32_t raw_bytes;
    uint32_t code_bytes, cold; /* see struct translation */
};
struct stored_member { gaddr eip, end; uint32_t entry; };
struct stored_exit { uint32_t target, patch, stub, stub_id; };
struct stored_reloc { uint32_t at; uint8_t kind, ref; uint16_t unused; uint64_t value; };
struct stored_parts {
    const struct stored_member *member;
    const struct tr_range *looked; /* see struct translation; tidy */
    const struct stored_exit *exit;
    const struct stored_reloc *reloc; /* value: TR_IMAGE relative to translate_table_base(), TR_INSN eip */
    const gaddr *copy, *fallback;
    const uint8_t *raw;   /* the bytes of the members, then of looked[], one behind the other */
    const uint8_t *code, *side;
};
struct unit;
struct stored_parts store_parts(const struct stored *s);

/* Opens the program's file, if there is one that this xrun can use. `exe` is its host path, which must stay. */
void store_init(const char *exe);
bool store_enabled(void);
bool store_has_file(void); /* the program has run before */
/* Is that in the mapped file, which is read while the program runs? */
bool store_holds(const void *p);
/* The i-th record (0...) of which the block is a member, of those that order memory as is asked now; NULL:
 * there are no more. */
const struct stored *store_find(gaddr eip, unsigned mode, unsigned *i);
/* The unit that a record became; NULL: it is no more. Only records of the file are noted. */
void store_set_unit(const struct stored *s, struct unit *u);
/* One of those of which this is a member; NULL: there is none. */
struct unit *store_unit(gaddr eip, unsigned mode);
void store_abandon(void); /* there are no units any more */
/* The guest's code is what the record was made from, and will not change without the code hook being
 * called. Without the lock of cache.c. */
bool store_matches(const struct stored *s);
/* The record is not to be used again, by this process or by later ones. */
void store_refuse(const struct stored *s);
/* Keeps what has just been translated: `tr`, of the blocks of `region`. The record, which stays in memory;
 * NULL: it is not kept. Under the lock of cache.c. */
const struct stored *store_add(const struct translation *tr, const uint8_t *side, size_t side_bytes);
/* Code there comes from a file, or from xrun: the next run may have it again. At the end only: looks at
 * the guest's mappings. */
bool store_lasts(gaddr at);
/* So many instructions could be added: worth it? */
bool store_wants(uint64_t instructions);
/* At the process's end: a file can be written; then store_write() must follow. Both without the lock of cache.c. */
bool store_begin(void);
void store_write(void);

/* --store-clean: removes all files; xrun's exit status. */
int store_clean(void);

#endif
