/* Makes cases: code with chosen operands, and the state before it. */
#ifndef XRUN_TESTS_INSN_STATE_H
#define XRUN_TESTS_INSN_STATE_H

#include "tests/insn/case.h"
#include "tests/insn/forms.h"

/* Case `seed` of a form. `in` gets the decoded instruction. False: there is no such case (a ModRM
 * byte of an undefined opcode that is defined or left out). */
bool state_make_case(struct test_case *c, unsigned form, uint32_t seed, struct insn *in);
/* Linear address of the explicit memory operand. */
uint32_t state_operand_address(const struct test_case *c, const struct insn *in);
/* Whether processors may round its results differently in the last place. */
bool state_transcendental(unsigned op);
/* The n bytes at a linear address in the image of the windows, or NULL. */
uint8_t *state_window(struct case_state *s, uint32_t linear, uint32_t n);
/* Base of a segment that cases use, by selector. */
uint32_t state_segment_base(uint16_t sel);

#endif
