/* The interpreter: reference semantics of every instruction in portable C, direct-threaded over
 * predecoded blocks. Each struct insn holds the address of its function; a function executes its
 * instruction and tail-calls the next one's (NEXT), a block's last goes through its links.
 * Runs on the guest thread's host thread, below a sigsetjmp of the dispatcher (thread->trap_jb). */
#ifndef XRUN_INTERP_INTERP_H
#define XRUN_INTERP_INTERP_H

#include "decode/insn.h"

/* Chooses in->fn from op and operand forms. An operation nobody executes gets a function that logs
 * its bytes and raises #UD. */
void interp_bind(struct insn *in);
/* Once, before the first. */
void interp_init(void);
/* True if the operation is implemented (tests and CPUID consistency). */
bool interp_supports(const struct insn *in);

/* Error code of the #PF that instruction cpu->cur gives the guest, from the host's (PF_ERR_*) for a
 * fault at `addr`. Async-signal-safe. */
uint32_t interp_fault_error(const struct cpu *cpu, uint32_t err, gaddr addr);

/* Set at start on hosts that can: executes an instruction of class AVX512 on the host's unit with the guest's
 * registers, its memory operand at `a`; the status flags behind it. A fault of it is cpu->cur's. */
extern uint32_t (*interp_run_alone)(struct cpu *cpu, const struct insn *in, gaddr a);
/* Of an instruction with a mask: the bytes of its memory operand between the first and the last that it
 * accesses (none: to is 0), and in parts of which size. Of a gather or scatter: how many elements it has, and
 * their offsets. */
struct interp_range { uint32_t from, to, part; };
struct interp_range interp_masked_range(const struct cpu *c, const struct insn *in);
unsigned interp_elements(const struct insn *in);
uint32_t interp_element_offset(const struct cpu *c, const struct insn *in, unsigned i);

/* Runs from `first` (cpu->eip == first->eip) until something leaves the chain; cpu->exit says why. */
void interp_run(struct cpu *cpu, const struct insn *first);

/* Where indirect jumps led of late, by their addresses: from << 32 | to. A hint for the translator, by all
 * threads, in no particular order. */
enum { INTERP_WAYS = 64 };
extern uint64_t interp_ways[INTERP_WAYS];

#endif
