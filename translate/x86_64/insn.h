/* Translation of single instructions, used by translate.c. */
#ifndef XRUN_TRANSLATE_X86_64_INSN_H
#define XRUN_TRANSLATE_X86_64_INSN_H

#include "translate/x86_64/emit.h"

/* The host operand for the guest's memory operand; may emit code that computes a part of it in a
 * temporary. False if it cannot be expressed without a check. */
bool x64_guest_mem(struct emit *e, const struct insn *in, struct x64_mem *m);

/* Emits an instruction that does not transfer control. False: nothing was emitted, it must be
 * interpreted. */
bool x64_insn(struct emit *e, const struct tr_insn *t);

/* Needs the guest's x87 state in the host's unit. */
bool x64_uses_x87(const struct insn *in);

#endif
