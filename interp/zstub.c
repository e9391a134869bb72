#include "interp/priv.h"
insn_fn interp_bind_mmx(const struct insn *in){(void)in;return NULL;}
insn_fn interp_bind_sse(const struct insn *in){(void)in;return NULL;}
