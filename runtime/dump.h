/* --dump: what xrun has made of the guest's code, as text in the log. */
#ifndef XRUN_RUNTIME_DUMP_H
#define XRUN_RUNTIME_DUMP_H

#include "runtime/unit.h"

enum dump { DUMP_BLOCKS = 1, DUMP_CODE = 2, DUMP_EXEC = 4 };

/* Understands the options, or ends xrun with a message. */
void dump_init(void);
/* Is this asked for, about code at that address (--dump-range)? */
bool dump_wanted(enum dump what, gaddr eip);
/* Is it asked for at all? */
bool dump_any(enum dump what);
/* "LOW-HIGH", hexadecimal, both inclusive; everything if text is NULL. Else ends xrun: `option` is
 * what it was given as. */
struct range { gaddr low, high; };
struct range dump_parse_range(const char *option, const char *text);

void dump_block(const struct block *b);
void dump_unit(const struct unit *u, const struct translation *tr);
/* The same later, when the translation is gone. */
void dump_unit_code(const struct unit *u, unsigned mode);
void dump_state(const struct cpu *cpu);

#endif
