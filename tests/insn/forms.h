/* Instruction forms: what the tests enumerate, and what they leave out. */
#ifndef XRUN_TESTS_INSN_FORMS_H
#define XRUN_TESTS_INSN_FORMS_H

#include <stdio.h>

#include "decode/insn.h"

enum form_kind {
    FORM_INSN, /* an instruction that the interpreter executes */
    FORM_UD,   /* an opcode with prefixes; its cases are the ModRM bytes that xrun refuses */
    FORM_EVEX, /* map[0], W and pp of map[1]: all else is the case's, and may be undefined */
};

struct form {
    uint8_t kind, mode; /* mode: 0 or MODE_CODE16 */
    uint8_t prefix[3], nprefix;
    uint8_t map[3], nmap; /* opcode map bytes, or VEX prefix (vvvv is chosen by the case) */
    uint8_t op, reg, mem, rm; /* rm 0: chosen by the case */
    bool vsib;                /* a gather */
    uint8_t regs;             /* values of ModRM.reg that make this form: the case chooses */
    struct insn in;
};
extern struct form *forms;
extern unsigned nforms;

enum { FORMS_MAX = 60000 };

void forms_enumerate(bool avx512);
bool forms_avx512(void); /* they were enumerated */
/* Names a form whatever else is enumerated: seeds and recorded results hang on it. */
uint64_t form_key(const struct form *f);
/* Does the instruction with the undecodable or unexecuted encoding `code` belong to the comparison
 * of undefined opcodes? False: left out, counted. */
bool forms_refused(const uint8_t *code, size_t n, unsigned mode);
/* Left out although of a tested form (operands decide). */
bool forms_left_out(const struct insn *in);
/* Same operation and kinds of operands. */
bool forms_same(const struct insn *a, const struct insn *b);
bool form_is_vex(const struct form *f);
/* The instruction set that it belongs to, as the decoder names it. */
const char *form_isa(const struct form *f);
/* Everything left out, with reasons and how many encodings that is. */
void forms_list(FILE *out);

#endif
