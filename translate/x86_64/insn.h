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

/* Makes r15 the guest's esp. */
void x64_settle_esp(struct emit *e);
/* The instruction accesses memory and names esp as an operand: it must be settled before. */
bool x64_needs_esp(const struct insn *in);

/* All status flags are overwritten behind the instruction at eip before anything reads them, and where something may
 * fault they follow from registers: so they may be stale until then. Marks the instructions that begin with
 * stale flags. */
bool x64_flags_dead(struct emit *e, gaddr eip);
/* The same, by few instructions that work on registers only. */
bool x64_flags_soon_dead(struct emit *e, gaddr eip);

/* Needs the guest's x87 state in the host's unit. */
bool x64_uses_x87(const struct insn *in);
/* Needs the upper halves of the guest's ymm registers in the host's. */
bool x64_uses_ymm(const struct insn *in);
/* Needs the guest's zmm and k registers in the host's. */
bool x64_uses_zmm(const struct insn *in);
/* Bytes of SIB and displacement behind the ModRM byte at p. */
unsigned x64_modrm_tail(const uint8_t *p);
/* vex.c: x64_insn for an instruction with a VEX prefix. */
bool x64_vex_insn(struct emit *e, const struct tr_insn *t);
/* The operand of a gather or scatter. */
bool x64_gather_mem(struct emit *e, const struct insn *in, struct x64_mem *m);
/* evex.c: the same for AVX-512. */
bool x64_evex_insn(struct emit *e, const struct insn *in);

#endif
