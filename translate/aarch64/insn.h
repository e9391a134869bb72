/* What the files that write AArch64 code for guest instructions share: operands in memory, the
 * guest's flags, the way to the interpreter.
 *
 * A function that emits an instruction (a64_int, a64_simd, a64_x87) returns false, having emitted
 * nothing, if it has no code for it: the interpreter's function is called for that one instruction.
 * While it emits, no guest register and no flag changes before the last access to memory and the last
 * branch to a slow path: a fault, like a slow path, executes the whole instruction again in the
 * interpreter. Temporaries: A64_TMP0-8, A64_ADDR, A64_TARGET, A64_STUB, v0-v7. */
#ifndef XRUN_TRANSLATE_AARCH64_INSN_H
#define XRUN_TRANSLATE_AARCH64_INSN_H

#include "translate/aarch64/emit.h"

/* ---- Host features (HWCAP); everything else is ARMv8.0 ---- */
struct a64_features {
    bool flagm, flagm2, aes, pmull, sha1, sha2, crc32, lse, lrcpc, lrcpc2, afp /* with FRINTTS */;
    bool ah_fneg; /* FPCR.AH holds for FNEG of vectors, too: not under every emulator */
};
extern struct a64_features a64_has;
bool a64_afp(void); /* FEAT_AFP is used */
extern bool a64_tso; /* the host orders memory as x86 does: it was asked, and can */

/* ---- Flags ----
 * N, Z and V are SF, ZF and OF. What C is, and where CF, ZF and PF come from after a floating-point
 * compare, is known while translating: */
enum a64_form {
    FORM_SUB,  /* C = !CF, as subtractions leave it: at every boundary where code can be entered */
    FORM_ADD,  /* C = CF */
    FORM_FCMP, /* as FCMP leaves it: ZF = Z or V, CF = N != V, PF = V; SF = OF = AF = 0 */
    FORM_OWED, /* only in struct translation's `adjust`: see live.h */
};
/* PF is the even parity of the low byte of A64_PF; AF is whether its bits 0-3 are less than its bits 32-35. Those
 * are, of a sum, the result and an operand: there was a carry if it became less than that; of a difference both with
 * each bit inverted (which keeps the parity): there was a borrow if it became more than operand 0. The result
 * alone, in 32 bits, leaves AF clear. (With FORM_FCMP A64_PF is written by a64_settle_flags.) */

/* Which flags may be read behind an instruction before they are written again: */
enum a64_need {
    NEED_C = FLB_CF, NEED_P = FLB_PF, NEED_V = FLB_OF, NEED_A = FLB_AF, NEED_Z = FLB_ZF, NEED_N = FLB_SF,
    NEED_LT = 2, /* whether N != V, not each of them */
    NEED_NZCV = NEED_Z | NEED_N | NEED_C | NEED_V | NEED_LT,
    NEED_ALL = NEED_NZCV | NEED_P | NEED_A,
};
/* Flags that the instruction reads, as the code for it does; that have a new (or undefined) value
 * behind it whatever happens. */
unsigned a64_reads(const struct insn *in);
unsigned a64_kills(const struct insn *in);
/* Brings those flags that `live` names to FORM_SUB, with A64_PF. */
void a64_settle_flags(struct emit *e, unsigned live);
/* C becomes CF (FORM_ADD) or !CF (FORM_SUB), e->form says so. */
void a64_want_form(struct emit *e, enum a64_form form);
/* C = !C. Clobbers A64_STUB. */
void a64_flip_c(struct emit *e);
/* The host condition that holds when the guest's condition cc (0..15) does, by e->form; A64_AL if there
 * is none: P and NP (but for FORM_FCMP), and some others of FORM_ADD and FORM_FCMP. */
enum a64_cond a64_cond_of(const struct emit *e, unsigned cc);
/* w`d` = 1 if the condition holds, else 0. The form must have the condition (a64_prepare). Changes no
 * flag. */
void a64_condition(struct emit *e, unsigned d, unsigned cc);
/* w`d` bit 0 = !PF, from A64_PF. */
void a64_get_odd_parity(struct emit *e, unsigned d);

/* If the next instruction is a JCC that alone reads the flags of the current one: keeps them out of
 * NZCV, JCC looks at the register itself. The flags are those of a logic operation's result w`r`
 * (a64_fuse_result), of a sum or difference (a64_fuse_sum: ZF and SF), of r & mask, CF = a bit. True if so;
 * the register must be as it is then behind the current instruction, which must have no slow path unless
 * it is a guest's. */
bool a64_fuse_result(struct emit *e, unsigned r);
bool a64_fuse_sum(struct emit *e, unsigned r);
bool a64_fuse_bit(struct emit *e, unsigned r, uint32_t mask);
bool a64_fuse_carry(struct emit *e, unsigned r, unsigned bit);
enum a64_fuse { FUSE_NONE, FUSE_ZERO, FUSE_BIT };

/* Code may come to instruction i from elsewhere than the one before. */
bool a64_is_leader(const struct emit *e, unsigned i);

enum { A64_NONE = 32 };
/* ---- What temporaries hold (memo.c) ----
 * A register with the constant, until the next instruction; at most two are wanted at once. */
unsigned a64_hold(struct emit *e, uint32_t imm);
/* A64_ADDR has just become base + (index << scale) + disp, each A64_NONE if there is none. */
void a64_addr_hold(struct emit *e, unsigned base, unsigned index, unsigned scale, uint32_t disp);
/* It is that but for what *disp becomes; false: it holds something else. */
bool a64_addr_held(struct emit *e, unsigned base, unsigned index, unsigned scale, uint32_t *disp);
/* Of a region; before an instruction; behind it (`rejoined`: a slow path comes back there). */
void a64_memo_begin(struct emit *e);
void a64_memo_enter(struct emit *e);
void a64_memo_end(struct emit *e, bool rejoined);
/* Code has been taken back. */
void a64_memo_forget(struct emit *e);
/* For code outside that enters at an instruction: makes what it relies on; false: nothing. */
bool a64_memo_restore(struct emit *e, unsigned index);
/* Makes it that. */
void a64_addr_make(struct emit *e, unsigned base, unsigned index, unsigned scale, uint32_t disp);

/* ---- Memory operands ---- */
struct a64_mem {
    unsigned base, index; /* x registers; A64_NONE: no index */
    enum a64_extend ext;  /* of the index, */
    bool scaled;          /* and whether it is shifted by the access's size */
    int32_t disp;         /* encodable for that size; 0 with an index */
};
/* The memory operand for one access of 1 << log2 bytes at `plus` within it, in a form that the load
 * and store forms encode. May write A64_ADDR (as base). False, nothing emitted: it needs checks that
 * translated code does not make. */
bool a64_mem(struct emit *e, const struct insn *in, unsigned log2, struct a64_mem *m);
/* The same for who leaves it all to a64_load() and a64_store(): perhaps with an index. */
bool a64_mem_indexed(struct emit *e, const struct insn *in, unsigned log2, struct a64_mem *m);
/* Its whole address, for several accesses: the number of an x register that holds it, A64_ADDR unless it
 * is a guest register (*disp = what is to be added yet, for accesses of 1 << log2 bytes with up to `room`
 * added); -1 like false above. */
int a64_addr(struct emit *e, const struct insn *in, unsigned log2, unsigned room, int32_t *disp);
enum { LOG2_PAIR = 5 }; /* for an LDP or STP of 16 bytes each, with room 16 */
/* The whole of it, displacement and all; -1 likewise. */
int a64_whole_addr(struct emit *e, const struct insn *in);
/* w`d` = w`n` + disp. */
void a64_add_disp(struct emit *e, unsigned d, unsigned n, uint32_t disp);
/* A64_ADDR = where the operand of 1 << log2 bits lies that has bit w`number`, any distance from w`base`. Uses
 * A64_TMP3. */
void a64_bit_string(struct emit *e, unsigned number, unsigned base, unsigned log2);
/* One access; x86's memory order where the translation asks for it. Clobbers A64_LR. */
void a64_load(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m);
void a64_store(struct emit *e, enum a64_ldst op, unsigned t, const struct a64_mem *m);
/* Whether accesses need something that orders them; that must not be instructions which fault if the
 * operand of the current one is misaligned, nor an address that is not cut to 32 bits. */
bool a64_fences(const struct emit *e);
bool a64_was_misaligned(const struct emit *e);
/* [base, #disp], disp encodable. */
struct a64_mem a64_at(unsigned base, int32_t disp);
/* A field of struct cpu: offset. Needs no order. */
void a64_cpu_load(struct emit *e, enum a64_ldst op, unsigned t, size_t offset);
void a64_cpu_store(struct emit *e, enum a64_ldst op, unsigned t, size_t offset);
/* The guest's stack: one access with esp at or below it. */
void a64_push(struct emit *e, unsigned r);
void a64_pop(struct emit *e, unsigned r);
/* w`d` or x`d` = constant: one instruction. */
void a64_const(struct emit *e, unsigned d, uint32_t imm);
void a64_const64(struct emit *e, unsigned d, uint64_t imm);

/* A BL to one of xrun's own routines. */
void a64_call(struct emit *e, const void *routine);
/* The flags of a CMP of the low `size` bytes of two registers, FORM_SUB. */
void a64_compare(struct emit *e, unsigned size, unsigned a, unsigned b);

/* ---- The way to the interpreter ----
 * The branch (CBZ, CBNZ, B.cond, TBZ, TBNZ or B) at `at`, just emitted with distance 0, leads to
 * code that has the interpreter execute the current instruction, and goes on behind it. */
void a64_slow(struct emit *e, uint8_t *at);
/* The same for a run of instructions, from `first` to the current one. */
void a64_slow_run(struct emit *e, uint8_t *at, unsigned first);
/* The same; if A64_TMP0, the address behind a store of 16 or 32 bytes, is a multiple of that goes on behind the
 * branch: it did not cross the end of a page. `how`: 0 or: */
void a64_slow_page(struct emit *e, uint8_t *at, unsigned first, unsigned how);
enum { PAGE_END_16 = 16, PAGE_END_32 = 32 };
/* The same if a bit of FPSR, which is in A64_TMP0, matters with the current MXCSR; else goes on behind the
 * branch. Clobbers A64_TMP1 and A64_TMP2. */
enum { BY_FPSR = 1, BY_FPSR_IDC = 2 /* which always matters */, NZCV_IN_TMP3 = 4, /* the guest's */
       LOW_BITS = 8 /* of addresses, in bits 8-19 of A64_TMP0: must be 0 */ };
void a64_slow_fpsr(struct emit *e, uint8_t *at, unsigned first, unsigned how);

/* ---- Instructions ---- */
bool a64_int(struct emit *e, const struct tr_insn *t);
bool a64_string(struct emit *e, const struct tr_insn *t);
/* What reads and writes memory at once: with LOCK, where others may see it; XCHG, XADD, CMPXCHG, CMPXCHG8B;
 * and fences. */
bool a64_lock(struct emit *e, const struct insn *in);
bool a64_simd(struct emit *e, const struct tr_insn *t);
bool a64_x87(struct emit *e, const struct tr_insn *t);
/* Of a region. */
void a64_simd_begin(void);
/* The current instruction belongs to a run of a64_simd that began with another; it comes later. */
bool a64_simd_joins(const struct emit *e);
bool a64_simd_delays(const struct emit *e);
/* cpu->insn_count += n if it is kept. */
void a64_count(struct emit *e, int n);

/* ---- The x87 unit (x87.c) ---- */
enum a64_x87_way { X87_PLAIN, X87_LEAF, X87_LEAF_NEG, X87_LOAD_T, X87_LOAD_B };
void a64_x87_begin(struct emit *e);  /* of a region */
/* A run of x87 or MMX instructions ends behind the instruction `last`. */
void a64_x87_settle(struct emit *e, unsigned last);
/* For translation.adjust, at an instruction's start; and what that means for a context's registers. */
int a64_x87_adjust(const struct emit *e);
/* v: the vector registers, 16 bytes each. */
void a64_x87_settle_context(unsigned long long *x, const void *v, int adjust);
/* --x87=double */
bool a64_x87_double(void);
void a64_x87_slow_begin(struct emit *e, const struct a64_x87_state *s);
void a64_x87_slow_end(struct emit *e, const struct a64_x87_state *s);
void a64_x87_cold(struct emit *e);   /* behind a region's code */
/* The interpreter executes instructions `first` to `last`, then code goes on at offset `back` where C's form
 * is `form_back`, and instructions up to `counted` (`last` or later) have been counted (now: up to the first). */
void a64_interpret_run(struct emit *e, unsigned first, unsigned last, unsigned counted, uint8_t form_back,
                       uint32_t back);

/* The flags that may be read behind the current instruction. */
unsigned a64_live(const struct emit *e);

#endif
