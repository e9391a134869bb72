/* What the files of lockstep with the processor share. */
#ifndef XRUN_RUNTIME_LOCKSTEP_PRIV_H
#define XRUN_RUNTIME_LOCKSTEP_PRIV_H

#include "core/flags.h"
#include "decode/insn.h"
#include "runtime/effects.h"
#include "runtime/lockstep.h"
#include "runtime/mirror.h"
#include "runtime/native.h"

enum {
    LOCKSTEP_HISTORY = 8,
    LOCKSTEP_FLAGS = EFL_STATUS | EFL_DF | EFL_NT | EFL_AC | EFL_ID,
};

/* --lockstep-break: what is spoilt in xrun's state, to prove that it is found. */
enum spoil { SPOIL_NONE, SPOIL_REG, SPOIL_FLAG, SPOIL_ST, SPOIL_XMM, SPOIL_STORE, SPOIL_STRAY };

struct lockstep {
    struct thread *t;
    struct native native;
    struct mirror mirror;
    struct cpu before, other; /* other: the native state */
    struct code *code;        /* decoded instructions by address */
    struct window *window;
    uint64_t steps, syscalls, taken;
    uint64_t single_until;    /* go singly up to this instruction: a window differed */
    struct store rseq;        /* the kernel writes there whenever it has scheduled */
    bool resync;              /* the kernel is about to change it: take the next state over */
    enum spoil spoil;
    uint64_t spoil_at;
    bool spoilt;
    gaddr history[LOCKSTEP_HISTORY];
};

/* Bytes from `at` on that differ. */
struct store_diff {
    gaddr at;
    uint32_t len;
    const uint8_t *theirs;
};

/* Prints what led here and the two states; the program ends. `m` may be NULL. */
_Noreturn void lockstep_different(struct lockstep *ls, const struct lockstep_diff *d,
                                  const char *what, const struct store_diff *m);
/* Ends if the native process has ended. */
void lockstep_gone(struct lockstep *ls, const struct native_event *e);
/* Lets the program go on alone. */
_Noreturn void lockstep_stop(struct lockstep *ls, const char *why);
/* Has an instruction raised this signal? */
bool lockstep_is_fault(const struct native_event *e);
/* Reads the native registers into ls->other. */
void lockstep_get_native(struct lockstep *ls, bool fp);
/* Copies all native registers into xrun's. */
void lockstep_take_over(struct lockstep *ls);
/* Gives the native process its signal and takes over the state it then has. */
void lockstep_deliver(struct lockstep *ls, struct native_event *e);

/* lockstep_insn.c */
struct code *lockstep_code_new(void);
/* The instruction at eip, bound, as a block of its own. */
const struct insn *lockstep_fetch(struct lockstep *ls);
/* Interprets it; true if it raised an exception (cpu->trap). */
bool lockstep_execute(struct lockstep *ls, const struct insn *in);
bool lockstep_is_syscall(const struct insn *in);
/* Does it raise SIGTRAP by itself? */
bool lockstep_raises_sigtrap(const struct insn *in);
/* Results that are the processor's choice or change from moment to moment. */
bool lockstep_native_decides(const struct insn *in);
/* All these and what else takes a step of its own, with its own checks. */
bool lockstep_special(const struct insn *in);
/* --lockstep-break. `stored`: a byte that was stored; NULL: none. */
void lockstep_spoil(struct lockstep *ls, const gaddr *stored);
/* Behind an executed instruction; ls->before is the state before it. */
void lockstep_spoil_insn(struct lockstep *ls, const struct insn *in);
void lockstep_parse_spoil(struct lockstep *ls, const char *s);

/* lockstep_step.c: executes the instruction at eip by both and compares. */
void lockstep_step_both(struct lockstep *ls, const struct insn *in);
void lockstep_step_cpuid(struct lockstep *ls, const struct insn *in);
/* Copies the bytes that the kernel writes on its own. */
void lockstep_refresh_rseq(struct lockstep *ls);

/* lockstep_window.c: executes a stretch of instructions by both and compares what came out; true
 * if it got on. If something differs, all is put back and ls->single_until set: the single steps
 * that follow find the instruction. */
struct window *lockstep_window_new(void);
bool lockstep_window(struct lockstep *ls);

#endif
