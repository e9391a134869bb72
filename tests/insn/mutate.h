/* Deliberate errors in the interpreter's results, to see whether the harness notices. */
#ifndef XRUN_TESTS_INSN_MUTATE_H
#define XRUN_TESTS_INSN_MUTATE_H

#include "tests/insn/case.h"
#include "tests/insn/forms.h"

/* Number of mutations; name of one; its operation. */
unsigned mutate_count(void);
const char *mutate_name(unsigned i);
enum op mutate_op(unsigned i);
bool mutate_needs_avx512(unsigned i); /* to be noticed */
bool mutate_hidden_on_intel(unsigned i); /* where that is not compared */
/* Spoils the result as mutation i does. Nothing happens to cases that it does not apply to. */
void mutate_apply(unsigned i, const struct test_case *c, const struct insn *in,
                  struct case_state *mine);

#endif
