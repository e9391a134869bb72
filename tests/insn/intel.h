/* What Intel's processors do otherwise than AMD's, which the expectations were recorded on and the model follows:
 * what the manuals leave undefined, and the order of what they do before a fault. */
#ifndef XRUN_TESTS_INSN_INTEL_H
#define XRUN_TESTS_INSN_INTEL_H

#include "tests/insn/case.h"
#include "tests/insn/forms.h"

extern const char intel_reasons[]; /* what is left out, for a message */

/* Is this one? */
bool intel_here(void);

/* Takes over where the x87 unit was last: they show it always, AMD's with an exception pending. */
void intel_take_pointers(const struct test_case *c, const struct insn *in, struct case_state *hardware,
                         struct case_state *model);

/* Whether results that differ may. */
bool intel_leaves(const struct insn *in, const struct case_state *hardware, const struct case_state *model);

/* Whether instructions have faults of their own there, which are not compared. */
bool intel_own_faults(enum op op);

#endif
