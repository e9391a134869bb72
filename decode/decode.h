/* Guest bytes -> struct insn, through Zydis (used nowhere else). Thread-safe.
 * Code is read with mem_read, so a missing or non-executable page is a result, not a crash. */
#ifndef XRUN_DECODE_DECODE_H
#define XRUN_DECODE_DECODE_H

#include "decode/insn.h"

enum decode_status {
    DECODE_OK,
    DECODE_INVALID,     /* #UD */
    DECODE_TOO_LONG,    /* more than 15 bytes: #GP(0) */
    DECODE_FETCH_FAULT, /* #PF on fetch: out->imm is the faulting address, out->imm2 the error code */
};

/* Decodes one instruction at `eip` (linear; cs base must be added by the caller, out->eip is the
 * linear address). `mode` is cpu->mode. Always fills `out`: on failure with the
 * pseudo operation (OP_INVALID, OP_TOO_LONG, OP_FETCH_FAULT) that raises the fault when executed,
 * with INSN_END. `fn` is left NULL. */
enum decode_status decode_insn(gaddr eip, unsigned mode, struct insn *out);
/* The same from a buffer of `n` bytes (tests, tools); fetch never faults but for a short buffer. */
enum decode_status decode_bytes(const uint8_t *code, size_t n, gaddr eip, unsigned mode,
                                struct insn *out);

/* How the bytes of an instruction of flat 32-bit code are laid out, for decode/gen/quick.c. */
struct decode_layout {
    bool modrm;
    uint8_t opcode_end;          /* length of prefixes and opcode */
    uint8_t reg_opnd, rm_opnd;   /* operands that are ModRM.reg and ModRM.rm; 4: none */
    uint8_t disp_size, imm_size; /* bytes */
    uint8_t imms;
    bool imm_signed, imm_relative;
};
/* Decodes at address 0 and tells the layout; false: no instruction. */
bool decode_layout(const uint8_t *code, size_t n, struct insn *out, struct decode_layout *l);

/* What the bytes of that many instructions have room in, those of a failed one and some to spare. */
#define DECODE_RAW(max) (((max) + 1) * 15 + 1)
/* Decodes a block from `eip`: up to `max` instructions, ended by the first INSN_END or before the
 * first that cannot be decoded (unless it is the first). If it ends for lack of room or before
 * such an instruction, an OP_END_BLOCK pseudo insn (INSN_END, len 0, next = where to go on) is
 * appended; `out` must have room for max + 1. Returns the number of struct insn written; *end
 * gets the address behind the last code byte looked at, raw[DECODE_RAW(max)] the bytes.
 * Code in a PAGE_FOREIGN page changes without notice: its block begins with an OP_CHECK_CODE, with
 * the number of bytes to compare in imm2 and their decode_hash in imm and disp. For it max + 1 must
 * be at least 3. A block at a breakpoint (core/breaks.h) is an OP_BREAKPOINT; decode_insn sees none. */
unsigned decode_block(gaddr eip, unsigned mode, unsigned max, struct insn *out, gaddr *end,
                      uint8_t *raw);

/* Of `len` bytes of code in guest memory, which must be readable. */
uint64_t decode_hash(gaddr a, uint32_t len);
static inline uint64_t decode_check_value(const struct insn *in)
{
    return (uint64_t)in->imm << 32 | in->disp;
}

const char *decode_op_name(enum op op);
enum op_class decode_op_class(enum op op);
/* Disassembles into Intel syntax for dumps and messages; falls back to a byte list. */
void decode_format(gaddr eip, unsigned mode, char *buf, size_t size);
/* The same for x86-64 host code of `n` bytes that will lie at `pc`; its length, 0 if it is no code. */
unsigned decode_format_x86_64(const uint8_t *code, size_t n, uint64_t pc, char *buf, size_t size);
/* The instruction-set family Zydis names for the op last decoded at these bytes ("SSE2", "X87"):
 * for the ABI report and CPUID gating. */
const char *decode_isa(const uint8_t *code, size_t n, unsigned mode);

#endif
