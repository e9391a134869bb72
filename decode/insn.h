/* The decoded instruction: the one form that the interpreter and both translators consume.
 * 64 bytes, one cache line. A block is an array of these, ended by one with INSN_END, followed by
 * a struct insn_links. Written by decode/, `fn` by interp_bind(), read-only afterwards (links
 * excepted, which runtime/ patches with single pointer stores). */
#ifndef XRUN_DECODE_INSN_H
#define XRUN_DECODE_INSN_H

#include <assert.h>

#include "core/cpu.h"

/* Every operation, made from ops.def: OP_ADD, OP_JCC, ... plus the pseudo operations. */
enum op {
#define OP(name, class) OP_##name,
#include "decode/ops.def"
#undef OP
    OP_COUNT
};

/* Which module executes an operation (second column of ops.def). */
enum op_class { CLASS_INT, CLASS_STRING, CLASS_SYSTEM, CLASS_X87, CLASS_MMX, CLASS_SSE, CLASS_AVX,
                CLASS_AVX512, CLASS_PSEUDO };

enum opnd_kind {
    OPND_NONE,
    OPND_GPR, /* reg = number as encoded; size 1: 4..7 are AH CH DH BH */
    OPND_MEM, /* base, index, scale, seg, disp of the insn; size = access size in bytes */
    OPND_IMM, /* the insn's imm, already extended to the operand size */
    OPND_SEG, OPND_XMM, OPND_YMM, OPND_MM, OPND_ST, /* reg = number (ST: relative to top) */
    OPND_REL, /* branch target: imm is the absolute guest address */
    OPND_FAR, /* ptr16:16/32: imm = offset, imm2 = selector */
    OPND_CR, OPND_DR,
    OPND_ZMM, OPND_K, /* k1-7 that mask the instruction are no operand: see evex */
};
enum { ACCESS_R = 1, ACCESS_W = 2 };

struct opnd {
    uint8_t kind;   /* enum opnd_kind */
    uint8_t reg;
    uint8_t size;   /* bytes; 255 for larger areas (FXSAVE, FSAVE) */
    uint8_t access; /* ACCESS_* */
};

enum {
    INSN_LOCK = 1, INSN_REP = 2 /* F3 */, INSN_REPNE = 4 /* F2 */,
    INSN_ADDR16 = 8,      /* 16-bit address size: offset wraps at 64 KiB */
    INSN_SEG_CHECK = 16,  /* address needs ea_checked(): fs/gs, or MODE_SEGS */
    INSN_END = 32,        /* last of its block: transfers control or changes decoding */
    INSN_SEG_OVERRIDE = 64,
    INSN_UNALIGNED_OK = 128, /* SSE operand without the 16-byte alignment rule */
    INSN_REG_GPR = 256,   /* ModRM.reg names a general register of 16 or 32 bits */
    INSN_RM_GPR = 512,    /* ModRM.rm does */
    INSN_OPC_GPR = 1024,  /* the low three bits of the opcode do */
    INSN_VSIB = 2048,     /* `index` is a vector register (gathers) */
    INSN_MISALIGNED = 4096, /* its operand was, or its address wraps, and the host's code for it faulted; a call
                             * that returned elsewhere; by runtime/ */
};

enum { INSN_EVEX = 0x80 }; /* of evex[0] */

enum { INSN_KINDS = 1 << 15 };
typedef const struct insn *(*insn_fn)(struct cpu *cpu, const struct insn *in);

struct insn {
    union {
        insn_fn fn;       /* executes this and the following instructions, see interp/interp.h */
        uintptr_t kind;   /* until interp_bind: a number below INSN_KINDS, of instructions that have the same
                           * function; 0: not known */
    };
    gaddr eip;
    gaddr next;           /* address behind the instruction (wraps; IP-masked in 16-bit code) */
    uint16_t op;          /* enum op */
    uint16_t flags;       /* INSN_* */
    uint8_t len;          /* 1..15 */
    uint8_t nopnd;
    uint8_t cc;           /* condition 0..15 of JCC, SETCC, CMOVCC; FCMOVCC */
    uint8_t opsize;       /* effective operand size: 2 or 4 */
    struct opnd o[4];     /* explicit operands, destination first, Intel order */
    uint8_t base, index;  /* enum gpr, REG_ZERO when absent */
    uint8_t scale;        /* shift count 0..3 */
    uint8_t seg;          /* enum segreg of the memory operand */
    uint32_t disp;
    uint32_t imm;
    uint16_t imm2;        /* selector; ENTER's level; second immediate of EXTRQ/INSERTQ; bytes of a
                           * gather's index register */
    /* Status flags in EFLAGS low-byte positions, OF as bit 3 (see FLB_*): from Zydis. */
    uint8_t fl_read, fl_write; /* fl_write: every flag that changes or becomes undefined */
    uint8_t fl_undef;     /* of those, the undefined ones */
    uint8_t modrm;        /* the ModRM byte if any (x87 last-opcode register) */
    uint8_t opcode;       /* last opcode byte */
    uint8_t modrm_off;    /* where in the instruction's bytes ModRM is; 0: it has none */
    /* AVX-512: INSN_EVEX (else a VEX prefix) and the map; W, vvvv (as a number), pp; z, L'L, b, aaa, each
     * at its place in the prefix. And the bytes of an element of the memory operand. */
    uint8_t evex[3];
    uint8_t element;
};
static_assert(sizeof(struct insn) == 64, "one cache line");

enum { FLB_CF = 1, FLB_PF = 4, FLB_OF = 8, FLB_AF = 16, FLB_ZF = 64, FLB_SF = 128 };
/* FLB_* mask -> EFLAGS mask. */
static inline uint32_t flb_to_eflags(uint8_t m)
{
    return (m & 0xd5u) | (uint32_t)(m & FLB_OF) << 8;
}

/* Behind the last instruction of a block: where its direct edges lead. Slot 0: fall-through or the
 * only target; slot 1: the taken side of a conditional. NULL until linked. */
struct insn_links {
    const struct insn *to[2];
    struct block *owner;
    uint16_t n;     /* instructions in the block, for counting */
    uint16_t moved; /* of an indirect jump: how often it led elsewhere than the time before, */
    gaddr led_to;   /* and where last; 0: nowhere yet */
};

#endif
