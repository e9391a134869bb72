/* The translator: a region of decoded instructions -> host code. Pure in the sense that it knows
 * nothing of caches, edges or threads: it fills a struct translation, which runtime/code.c puts
 * in place. One translation at a time (the caller holds the code cache's lock). Each host has a
 * folder with the same file names that implements this header; a host without a translator says
 * so by translate_available(). */
#ifndef XRUN_TRANSLATE_TRANSLATE_H
#define XRUN_TRANSLATE_TRANSLATE_H

#include "decode/insn.h"

/* Only flat 32-bit code is translated: with no bit of cpu->mode but MODE_GS_PLAIN. */
static inline bool translate_mode_ok(unsigned mode)
{
    return !(mode & ~(unsigned)MODE_GS_PLAIN);
}
enum { TRANSLATE_INSN_MAX = 384, TRANSLATE_BYTES_MAX = 64 << 10, TRANSLATE_STALE = -1024,
       TRANSLATE_LOOKS_MAX = 256 };

/* One instruction of the region. Regions are sorted by eip, each eip once. */
struct tr_insn {
    const struct insn *in; /* as the interpreter executes it: its fn and links are usable */
    const uint8_t *raw;    /* its in->len bytes */
    bool entry;            /* code outside the region may enter here */
    const struct insn *thunk; /* a call of code that only loads this register with its return address */
};

/* Where the code leaves the region towards a known guest address. The runtime redirects the host
 * jump (or call) that translate_patch() finds at `patch` and which first leads to the stub at `stub`. */
struct tr_exit {
    gaddr target;
    uint32_t patch, stub;  /* offsets in the code */
    uint32_t stub_id;      /* offset of the 8 bytes that must hold the exit's address; 0: there are
                            * none, the stub calls code that ends in translate_exit_stub() */
};

/* Absolute host addresses that the code refers to: translate_reloc() puts them in. There are no others
 * in it, so that it can be used again by another process. */
enum tr_ref {
    TR_IMAGE,    /* value: an address in xrun itself */
    TR_FALLBACK, /* index of fallback[]: the copied instruction's address */
    TR_INSN,     /* index of insn[]: where the interpreter finds the instruction */
    TR_CODE,     /* offset in the code itself */
};
struct tr_reloc {
    uint32_t at;           /* offset of the field */
    uint8_t kind;          /* what the field is: the host's own numbers */
    uint8_t ref;           /* enum tr_ref */
    uint64_t value;
};

struct tr_range { gaddr from, end; };

/* Code of an instruction once more, within that of another. */
struct tr_again {
    uint16_t index, within;
    uint32_t off;
    int32_t adjust;        /* likewise */
};

struct translation {
    const struct tr_insn *insn;
    unsigned n;
    uint8_t mode;          /* cpu->mode of the code */
    bool quick;            /* translating should cost little; the code may be longer */
    bool count;            /* keep cpu->insn_count: each instruction adds 1 before it begins */
    bool ordered;          /* other threads or processes may see the guest's memory */
    bool unmasked;         /* translate_unmasked */
    bool inexact;          /* MXCSR.PE is set, and will probably stay so (a hint) */
    bool all_flags;        /* translate_all_flags, or the code may change itself, which makes it a fault */
    uint8_t *code;         /* TRANSLATE_BYTES_MAX, by the caller; goes where 64 divides the address */
    uint32_t size, cold;   /* bytes in all; where the stubs begin */
    uint32_t off[TRANSLATE_INSN_MAX + 1]; /* host offset of each instruction; [n] = cold */
    /* What is not as it should be at the start of instruction i: the host's own numbers (how far esp is
     * from the register that holds it, the form of the flags), 0 for nothing; or that the status flags are
     * stale (nothing reads them; who looks at them finds them by unit_flags). */
    int32_t adjust[TRANSLATE_INSN_MAX];
    struct tr_again again[TRANSLATE_INSN_MAX]; /* in the order of their code; n + agains <= TRANSLATE_INSN_MAX */
    unsigned agains;
    uint32_t entry[TRANSLATE_INSN_MAX];   /* where to enter from outside, if insn[i].entry */
    struct tr_exit exit[TRANSLATE_INSN_MAX * 2];
    unsigned exits;
    struct tr_reloc reloc[TRANSLATE_INSN_MAX * 12];
    unsigned relocs;
    const struct insn *fallback[TRANSLATE_INSN_MAX]; /* interpreted one by one within the code */
    unsigned fallbacks;
    gaddr copied[TRANSLATE_INSN_MAX]; /* blocks outside the region of which it contains a translation: */
    unsigned copies;                  /* if they change, it must go, too */
    /* Code that may be outside the region, and that control may reach from it: the code relies on what that
     * does (which flags it reads) and must go if it changes. All of it in pages with PAGE_CODE; none is longer
     * than a page. */
    struct tr_range looked[TRANSLATE_LOOKS_MAX];
    unsigned looks;
};

/* Where an indirect jump or call will lead as far as is known, 0 if it often changes. */
gaddr translate_guess(const struct insn *in);

/* The index of the instruction at eip in tr->insn, -1 if there is none. */
int translate_find(const struct translation *tr, gaddr eip);
/* Which instructions control may come to from elsewhere than the one before: leader[tr->n]; and one
 * more, if the region holds the address. */
void translate_find_leaders(const struct translation *tr, bool *leader);
void translate_lead(const struct translation *tr, gaddr eip, bool *leader);
/* Whether the segment of the memory operand needs no check (gs adds its base). */
bool translate_segment_ok(const struct insn *in, unsigned mode);

/* ---- Flags that code leaves out because they are overwritten (recover.c) ---- */

/* Somebody looks at the flags of a fault: the program has a handler, or a tracer. Then code keeps those that do
 * not follow from registers. Hosts that always do ignore it. */
extern bool translate_all_flags;
/* The flags (FLB_*) that the instruction itself reads: not those that it perhaps leaves as they are; */
unsigned translate_reads(const struct insn *in);
/* that have a new or an undefined value behind it whatever happens. */
unsigned translate_overwrites(const struct insn *in);
/* The instruction may raise an exception that does not end its block. */
bool translate_may_fault(const struct insn *in);
/* Whether and how the flags before an instruction follow from registers: looks back, one by one, at the
 * instructions from which alone control comes there. */
struct translate_trace {
    const struct insn *writer; /* the flags are its */
    unsigned lost;             /* registers that have changed since, */
    int popped;                /* and how far esp has moved */
    unsigned steps;
};
enum trace_found { TRACE_ON, TRACE_FOUND, TRACE_LOST };
bool translate_trace_from(struct translate_trace *t, const struct insn *at);
enum trace_found translate_trace_back(struct translate_trace *t, const struct insn *in);
/* TRACE_FOUND: makes cpu's flags from its registers. */
void translate_trace_flags(struct cpu *cpu, const struct translate_trace *t);
/* All of that for instruction i of a region: they do. */
bool translate_flags_follow(const struct translation *tr, unsigned i, const bool *leader);

/* Return i leads to an address that the instructions before it have put on the stack (lazy binding does that): it
 * is no return of a call. A hint. */
bool translate_return_jumps(const struct translation *tr, unsigned i, const bool *leader);

bool translate_available(void);
/* What of the host (beyond its hardware capabilities as in the auxiliary vector) and of the options
 * translated code depends on. */
uint64_t translate_features(void);
/* struct translation's `ordered` makes a difference: the host's memory is not ordered as x86's. */
bool translate_orders_memory(void);
/* How code orders its accesses to memory that is now made with `ordered`, as a number: code that does it
 * in another way cannot stand for it. */
unsigned translate_order(bool ordered);
/* Translations look at code outside their region (struct translation's `looked`) where PAGE_CODE is set. */
bool translate_looks_ahead(void);
/* Asks the host to order the memory of this thread, and of those it makes from now on, as x86 does; from
 * then on translations need no instructions for that. Again by each thread that was there before. Prepares
 * translate_sync_cores, too. */
void translate_ask_order(void);
/* A thread wants floating-point exceptions to trap: where that makes a difference code of before must not be
 * entered by it. Set by translate_now_unmasked, which translated code calls and runtime/cache.c implements. */
extern bool translate_unmasked;
void translate_now_unmasked(void);
/* The host's features of this list, separated by commas, are not used; false: one is unknown. */
bool translate_without(const char *list);
/* The host has instructions for this operation: else each costs a call of the interpreter. */
bool translate_direct(unsigned op);
/* From now on code is for a processor that has all of what the translator can use, or only what every host
 * has, whatever this one has. Before anything is translated; the code must not be executed (tests). */
void translate_assume(bool newest);
/* False for what translated code leaves to the interpreter together with all that follows. */
bool translate_handles(const struct insn *in, unsigned mode);
/* How many instructions the interpreter counts when it executes this, the last of its block. */
unsigned translate_counts(const struct insn *in);
/* False if the region does not fit or begins with something that is not worth translating. */
bool translate_region(struct translation *tr);

/* Code of an instruction is a multiple of this many bytes. */
unsigned translate_code_align(void);
/* Writes `value` into the field at `at`, which is in its final place. */
void translate_reloc(uint8_t *at, unsigned kind, uint64_t value);
/* Called when code has been put into [from, to), before anything may lead there. */
void translate_flush_icache(const uint8_t *from, const uint8_t *to);
/* Behind that, if other threads are in this memory: none of them still executes, or reads its constants from, what
 * was there before once something leads there. */
void translate_sync_cores(void);
/* Points the jump at `field` to `target`, flushes it; safe while other threads execute it. */
void translate_patch(uint8_t *field, const uint8_t *target);

/* The handler of a translated block's first instruction: enters the code whose address is kept in
 * the 8 bytes before the struct insn. */
const struct insn *translate_enter(struct cpu *cpu, const struct insn *in);

/* Prepares cpu->host for a new thread's (empty) stack of host return addresses, `size` bytes that end
 * at `top`. */
void translate_init_stack(struct cpu *cpu, uint8_t *top);
void translate_reset_stack(struct cpu *cpu);

/* Tables of targets of indirect jumps, by guest address. cpu->host.table has an entry (int32_t) for each address:
 * code - base, 0 if there is none; cpu->host.lines has a byte for TRANSLATE_LINE addresses, 0 if the table has
 * none for them. With translate_narrow it is a cache of so many entries (uint64_t; 0: NULL), by low bits of the
 * address: minus the address in the high half, code - base in the low one. */
enum { TRANSLATE_LINE = 256 };
extern bool translate_narrow; /* set before anything is translated */
unsigned translate_narrow_slots(void);
/* Where the tables should lie, with a random number in it; 0: anywhere. Then: they have been mapped with `table` at
 * this address. False: there is no room for what belongs to it, and never asked again translated code does without. */
uintptr_t translate_table_place(uint64_t random);
bool translate_guard_table(const void *table);
const uint8_t *translate_table_base(void);

/* Where code may be placed so that it reaches what it calls: near a host address, nothing farther from
 * it than `reach`. */
uintptr_t translate_near(void);
size_t translate_reach(void);

/* The host instruction at `code` (of `n` bytes that will lie at `pc`) as text; its length, 0 if it is
 * none. */
unsigned translate_format(const uint8_t *code, size_t n, uint64_t pc, char *buf, size_t size);

/* Called by translated code when it leaves; return the instruction to interpret next, or NULL with
 * cpu->exit set. Implemented by runtime/code.c. */
const struct insn *translate_exit_direct(struct cpu *cpu, void *exit);
/* The same, by an address in the exit's stub but its first. */
const struct insn *translate_exit_stub(struct cpu *cpu, const uint8_t *in_stub);
const struct insn *translate_exit_indirect(struct cpu *cpu, gaddr eip);
/* The guest instruction whose code holds a host address of which the low 32 bits are known (as the
 * x87 unit keeps its last instruction); NULL if it is none of translated code. */
const struct insn *translate_guest_insn(uint32_t low);

/* What of AVX-512 the host has as CPUID tells it, and where it keeps its parts in an XSAVE area (components 5
 * to 7); false: nothing. Then: */
struct cpuid_avx512;
bool translate_avx512(struct cpuid_avx512 *bits, uint16_t at[3]);
/* Executes one instruction of class AVX512 on the host's unit, see interp_run_alone. */
uint32_t translate_run_alone(struct cpu *cpu, const struct insn *in, gaddr a);
struct thread;
/* A context at `pc` is in that instruction: async-signal-safe. */
bool translate_is_alone(const struct thread *t, uintptr_t pc);
/* It raised an exception: takes what that changes. */
void translate_alone_fault(struct cpu *cpu, const void *ucontext);
/* The thread ends. */
void translate_alone_free(struct thread *t);

/* Signal support. All async-signal-safe. `pc` is in the stubs that translated code shares: */
bool translate_in_stubs(uintptr_t pc);
/* Makes an interrupted context that is at an instruction boundary of translated code, or at an
 * instruction that faults, save the guest's state in its cpu and return to the dispatcher with
 * cpu->exit as it is. cpu->eip must be set. */
void translate_leave(void *ucontext);
/* The guest's general registers in an interrupted context of translated code -> cpu->gpr. */
void translate_save_gpr(struct cpu *cpu, const void *ucontext, int adjust);
/* Makes an interrupted context at the start of an instruction complete: what struct translation's
 * `adjust` of that instruction says is done. */
void translate_settle(void *ucontext, int adjust);
/* Where code has that `adjust` flags may be missing; the context's become the status flags of `eflags` (behind
 * translate_settle). */
bool translate_lacks_flags(int adjust);
void translate_set_flags(void *ucontext, uint32_t eflags);
/* A fault of translated code tells what faulted as the guest's instruction would. Else the interpreter
 * must execute it again. */
bool translate_exact_faults(void);
/* The vector of the exception that interrupted the context (enum trap). */
unsigned translate_trapno(const void *ucontext);
/* Hosts that cannot step: translated code is stopped by traps (SIGTRAP, TRAP_BRKPT). */
bool translate_can_step(void);
void translate_put_trap(uint8_t *at);
bool translate_is_trap(const uint8_t *at);
/* Jumps to an address that only the run knows. Such an instruction finds the state complete, with eip
 * translate_going_to(). */
bool translate_is_indirect(const uint8_t *at);
gaddr translate_going_to(const void *ucontext);
/* The interrupted context is in the stubs or routines of translated code, which will go on at this host
 * address of translated code (without looking at cpu->pending again); 0 if it is not. */
uintptr_t translate_entering(const void *ucontext);
/* Makes the context stop after one more host instruction (or not). */
void translate_single_step(void *ucontext, bool on);
/* Translated code that interrupted the context faulted at this address because a return did not lead where the last
 * call came from: makes it go on. A call with INSN_MISALIGNED finds that out without a fault. */
bool translate_return_fault(const struct cpu *cpu, void *ucontext, uintptr_t addr);
/* The stack of host return addresses overflowed (the context faulted on its guard): empties it. */
void translate_stack_overflow(void *ucontext);

#endif
