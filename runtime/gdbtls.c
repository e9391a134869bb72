/* Where a thread-local variable is (qGetTLSAddr), from the structures of glibc that debuggers are meant to
 * read: the thread pointer's dtv (i386 psABI supplement on TLS), and where in a struct link_map the module's
 * number and its place in the static block are, which glibc tells in symbols of its own. */
#include <string.h>

#include "runtime/gdb.h"

enum { DTV_AT = 4, DTV_ENTRY = 8, UNALLOCATED = -1, FIELD_OFFSET = 8 };

static const char *const symbols[GDB_TLS_SYMBOLS] = {"_thread_db_link_map_l_tls_modid",
                                                     "_thread_db_link_map_l_tls_offset"};
enum { MODID, OFFSET };

/* The first symbol that gdb has not been asked for from `from` on. */
static void ask_for(struct gdb_text *t, unsigned from)
{
    if (from == GDB_TLS_SYMBOLS) {
        gdb_put(t, "OK");
        return;
    }
    gdb_put(t, "qSymbol:");
    gdb_put_hex(t, symbols[from], strlen(symbols[from]));
}

void gdb_symbol(const char *s, struct gdb_text *t)
{
    uint64_t value;
    uint8_t name[64];
    bool known = gdb_number(&s, &value);
    if (!gdb_skip(&s, ':') || !*s || !gdb.current) {
        ask_for(t, gdb.current ? 0 : GDB_TLS_SYMBOLS);
        return;
    }
    size_t n = gdb_unhex(s, name, sizeof name - 1);
    name[n] = 0;
    unsigned i = 0;
    while (i < GDB_TLS_SYMBOLS && strcmp(symbols[i], (char *)name))
        i++;
    if (i == GDB_TLS_SYMBOLS) {
        gdb_put(t, "OK");
        return;
    }
    gdb.current->proc->tls_symbols[i] = known ? (gaddr)value : 0;
    ask_for(t, i + 1);
}

static bool word(struct gdb_thread *g, gaddr a, uint32_t *v)
{
    if (tracer_ask(g->b, TRACE_PEEK, a, 4) < 0)
        return false;
    memcpy(v, g->b->buf, 4);
    return true;
}

static bool thread_pointer(struct gdb_thread *g, gaddr *tp)
{
    uint32_t core[REGI_COUNT];
    struct guest_user_desc d[TLS_ENTRIES];
    if (tracer_ask(g->b, TRACE_GET_REGS, 0, 0) < 0)
        return false;
    memcpy(core, g->b->buf, sizeof core);
    uint32_t entry = (core[REGI_GS] >> 3) - TLS_FIRST_ENTRY;
    if (entry >= TLS_ENTRIES || tracer_ask(g->b, TRACE_GET_TLS, 0, 0) < 0)
        return false;
    memcpy(d, g->b->buf, sizeof d);
    *tp = d[entry].base_addr;
    return true;
}

/* A field of the link map at `lm`. */
static bool map_field(struct gdb_thread *g, gaddr lm, unsigned which, uint32_t *v)
{
    uint32_t offset;
    gaddr desc = g->proc->tls_symbols[which];
    return desc && word(g, desc + FIELD_OFFSET, &offset) && word(g, lm + offset, v);
}

/* Without a link map it is the program's own module, the first. */
bool gdb_tls_base(struct gdb_thread *g, gaddr lm, gaddr *base)
{
    uint32_t module = 1, dtv, offset;
    gaddr tp;
    if (!g || !g->stopped || !thread_pointer(g, &tp) || (lm && !map_field(g, lm, MODID, &module)))
        return false;
    if (!module || !word(g, tp + DTV_AT, &dtv) || !word(g, dtv + module * DTV_ENTRY, base))
        return false;
    if ((int32_t)*base != UNALLOCATED)
        return true;
    /* nobody has used it yet: one of the static block has its place all the same */
    if (!lm || !map_field(g, lm, OFFSET, &offset) || !offset || (int32_t)offset < 0)
        return false;
    *base = tp - offset;
    return true;
}
