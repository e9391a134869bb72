/* Binders of the integer files; each returns NULL for what is not its own. */
#ifndef XRUN_INTERP_INT_H
#define XRUN_INTERP_INT_H

#include "decode/insn.h"

insn_fn bind_alu(const struct insn *in);
insn_fn bind_mov(const struct insn *in);
insn_fn bind_stack(const struct insn *in);
insn_fn bind_shift(const struct insn *in);
insn_fn bind_muldiv(const struct insn *in);
insn_fn bind_bit(const struct insn *in);
insn_fn bind_branch(const struct insn *in);
insn_fn bind_bcd(const struct insn *in);
insn_fn bind_misc(const struct insn *in);

#endif
