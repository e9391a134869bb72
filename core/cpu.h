/* The emulated i386 machine: the registers of one guest thread.
 * Every struct cpu is used by exactly one host thread; only `pending` is written by others
 * (signal handlers, threads that invalidate code). Layout is plain data: fork and vfork copy it.
 * Source for register formats: Intel SDM vol. 1 ch. 3 (integer), 8 (x87), 10 (SSE). */
#ifndef XRUN_CORE_CPU_H
#define XRUN_CORE_CPU_H

#include "core/types.h"

enum gpr { REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI, REG_ZERO };
enum segreg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_COUNT };

/* EFLAGS bits. */
enum {
    EFL_CF = 1u << 0, EFL_FIXED1 = 1u << 1, EFL_PF = 1u << 2, EFL_AF = 1u << 4, EFL_ZF = 1u << 6,
    EFL_SF = 1u << 7, EFL_TF = 1u << 8, EFL_IF = 1u << 9, EFL_DF = 1u << 10, EFL_OF = 1u << 11,
    EFL_IOPL = 3u << 12, EFL_NT = 1u << 14, EFL_RF = 1u << 16, EFL_VM = 1u << 17,
    EFL_AC = 1u << 18, EFL_ID = 1u << 21,
    EFL_STATUS = EFL_CF | EFL_PF | EFL_AF | EFL_ZF | EFL_SF | EFL_OF,
};

/* Exception vectors (SDM vol. 3 ch. 6), also the `trapno` of a signal frame. */
enum trap {
    TRAP_DE = 0, TRAP_DB = 1, TRAP_BP = 3, TRAP_OF = 4, TRAP_BR = 5, TRAP_UD = 6, TRAP_NM = 7,
    TRAP_TS = 10, TRAP_NP = 11, TRAP_SS = 12, TRAP_GP = 13, TRAP_PF = 14, TRAP_MF = 16,
    TRAP_AC = 17, TRAP_XM = 19,
    TRAP_SIGBUS = 64, /* not a vector: #PF on a page past the end of a mapped file */
};
enum { PF_ERR_PRESENT = 1, PF_ERR_WRITE = 2, PF_ERR_USER = 4, PF_ERR_INSN = 16 };

/* Why interp_run()/translated code returned to the dispatcher. */
enum cpu_exit {
    EXIT_BRANCH,   /* nothing special: look up cpu->eip and go on; exit_links/exit_slot say which
                    * direct edge missed (NULL if none) */
    EXIT_SYSCALL,  /* int 0x80 executed; eip is behind it */
    EXIT_SYSENTER, /* sysenter executed; eip is AT the instruction */
    EXIT_TRAP,     /* cpu->trap filled in; eip is where the guest's frame must point */
    EXIT_REDO,     /* the instruction at eip stored into code: execute it alone */
    EXIT_BREAK,    /* there is a debugger's breakpoint at eip */
};

struct cpu_trap {
    uint8_t vec;      /* enum trap */
    uint8_t is_int;   /* raised by a software INT n / INT3 / INTO (trap class, not a fault) */
    uint8_t code_kind;/* for #DB: 0 single step, 1 INT1 */
    uint32_t err;     /* error code pushed by hardware, 0 if none */
    gaddr addr;       /* cr2 for #PF */
};

/* 80-bit extended real: significand with explicit integer bit, sign+exponent. */
struct f80 {
    uint64_t sig;
    uint16_t se;
};

union xmm {
    uint8_t b[16];
    uint16_t w[8];
    uint32_t d[4];
    uint64_t q[2];
} __attribute__((aligned(16)));

/* x87 state. Physical register i of the stack is st[i]; ST(k) is st[(top + k) & 7].
 * MMX register n is st[n].sig (physical, independent of top). */
struct x87 {
    struct f80 st[8];
    uint8_t top;     /* 0..7 */
    uint8_t empty;   /* bit i: physical register i is empty (inverted abridged tag) */
    uint16_t cw;     /* control word */
    uint16_t sw;     /* status word without TOP (bits 11-13 zero), with ES/B kept current */
    uint16_t fop;    /* last opcode, 11 bits */
    uint32_t fip, fdp;
    uint16_t fcs, fds;
};

struct seg_cache {
    uint32_t base;
    uint32_t limit;  /* in bytes, inclusive */
    uint16_t attr;   /* descriptor bits 40-55: type/S/DPL/P (low byte), limit/AVL/L/DB/G (high) */
    uint16_t valid;  /* 0 after loading a null selector: any use faults */
};
enum { SEGATTR_DB = 1u << 14, SEGATTR_G = 1u << 15, SEGATTR_L = 1u << 13, SEGATTR_P = 1u << 7 };

/* Bits of cpu->mode: part of a block's identity, since decoding depends on them. */
enum {
    MODE_CODE16 = 1,  /* cs.D = 0 */
    MODE_STACK16 = 2, /* ss.B = 0 */
    MODE_SEGS = 4,    /* some of cs/ds/es/ss is not flat 0..4G read/write: check every access */
    MODE_GS_PLAIN = 8, /* gs is a writable data segment of 4 GiB: an access needs no check */
    MODE_AC = 16,     /* EFLAGS.AC is set: every access is checked for alignment; MODE_SEGS as well */
};

/* Direct-mapped cache eip -> first predecoded instruction, one per thread. */
struct jump_cache_entry {
    gaddr eip;
    uint32_t mode; /* cpu->mode */
    const struct insn *first; /* NULL: entry unused */
};
enum { JUMP_CACHE_BITS = 10, JUMP_CACHE_SIZE = 1 << JUMP_CACHE_BITS };

/* What translated code keeps per thread. Offsets are known to translate/HOST/. */
struct cpu_host {
    void *sp;          /* xrun's own stack pointer while translated code runs */
    void *ret_sp;      /* stack of host return addresses: its pointer while xrun runs, */
    void *ret_top;     /* and its empty state */
    void *table;       /* guest address -> code, for indirect jumps, by cpu->mode: translate/translate.h */
    uint32_t x87_live; /* the host's x87 unit holds the guest's state, not cpu->fpu */
    const uint8_t *lines; /* where it has entries: a byte for each 256 addresses */
    uint64_t going_to; /* an address on its way */
    void *exit_code;   /* the direct edge by which translated code left, NULL if none */
    uint8_t x87_image[112]; /* FSAVE image on its way to or from the unit */
    uint32_t ymm_live; /* the host's registers hold the upper halves of ymm0-7, not cpu->ymmh */
    uint32_t fp_bits;  /* of the host's exception bits those that matter, by mxcsr */
};

struct cpu {
    uint32_t gpr[9]; /* [REG_ZERO] is always 0, so that a missing base or index costs nothing */
    uint32_t eip;
    uint32_t cc_res; /* lazy arithmetic flags, see core/flags.h */
    uint32_t cc_aux;
    uint32_t eflags;           /* all EFLAGS bits other than EFL_STATUS; bit 1 and IF always set */
    uint32_t seg_base[8];      /* copy of seg[].base for address computation; [6], [7] are 0 */
    volatile uint32_t pending; /* non-zero: leave the interpreter at the next block boundary */
    const struct insn *cur;    /* the instruction in execution, set before anything that may fault */
    const struct insn_links *exit_links;
    uint8_t exit_slot;
    uint8_t mode;              /* MODE_* */
    uint8_t exit;              /* enum cpu_exit */
    struct cpu_trap trap;
    struct jump_cache_entry *jump_cache;
    uint64_t insn_count;       /* guest instructions of the blocks left so far */
    struct thread *thread;

    uint16_t sel[SEG_COUNT];
    struct seg_cache seg[SEG_COUNT];

    struct x87 fpu;
    uint32_t mxcsr;
    union xmm xmm[8];
    struct cpu_host host;
    union xmm ymmh[8]; /* bits 128-255 of ymm0-7 */

    /* AVX-512, on hosts that have it; all zero unless zmm_used is set. */
    union xmm zmmh[8][2]; /* bits 256-511 of zmm0-7 */
    uint64_t k[8];
    uint32_t zmm_used;
    uint32_t zmm_live;    /* the host's registers hold these, not the fields; never without ymm_live */

    uint64_t fs_reach; /* how many bytes from its base fs may read and write; 0: ask fs itself */
};

/* Raises a fault of instruction cpu->cur: registers must be as before the instruction. Sets
 * eip = cpu->cur->eip and longjmps to the dispatcher. Callable from any handler. */
_Noreturn void cpu_fault(struct cpu *cpu, enum trap vec, uint32_t err, gaddr addr);

/* cpu_fault(TRAP_GP, 0) and cpu_fault(TRAP_UD): the two most common. */
_Noreturn void cpu_fault_gp(struct cpu *cpu, uint32_t err);
_Noreturn void cpu_fault_ud(struct cpu *cpu);

/* Puts the cpu in the state in which Linux starts a program (flat segments 0x23/0x2b as an x86-64
 * kernel gives, fcw 0x37f, mxcsr 0x1f80, eflags 0x202, registers 0). */
void cpu_reset(struct cpu *cpu);

/* zmm0-7 above bit 255 and k0-7. */
void cpu_clear_avx512(struct cpu *cpu);

/* Segment registers. Loads selector `sel` with the checks of MOV Sreg / POP Sreg (SDM vol. 2,
 * MOV); 0 or a trap vector whose error code is sel & ~3 (#GP, #NP, #SS). Updates mode. */
int cpu_load_seg(struct cpu *cpu, enum segreg s, uint16_t sel);
/* The same for a far transfer's new CS; no privilege change is possible. */
int cpu_load_cs(struct cpu *cpu, uint16_t sel);
/* Recomputes cpu->mode and seg_base[] from seg[] and EFLAGS.AC. */
void cpu_update_mode(struct cpu *cpu);
/* Called after cpu->mode was set; runtime/ chooses cpu->host.table by it. */
extern void (*cpu_mode_changed)(struct cpu *cpu);
/* Finds the descriptor of a selector in the thread's GDT entries or the process's LDT.
 * False if there is none. Used by LAR, LSL, VERR, VERW as well. */
bool cpu_find_desc(const struct cpu *cpu, uint16_t sel, struct seg_cache *out);

#endif
