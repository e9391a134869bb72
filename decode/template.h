/* Decoded instructions by their prefix, opcode, ModRM and SIB bytes: what follows, displacement and
 * immediate, only fills in two fields. Most instructions of a program have been seen in another
 * place, so most need no full decoding. Lock-free; entries are never changed or freed. */
#ifndef XRUN_DECODE_TEMPLATE_H
#define XRUN_DECODE_TEMPLATE_H

#include "decode/insn.h"

/* How the tail of an instruction is laid out. Offsets and sizes in bytes; size 0: there is none. */
struct template_tail {
    uint8_t disp_at, disp_size;
    uint8_t imm_at, imm_size;
    bool imm_signed, imm_relative;
};

/* Decodes from the `n` bytes at `code` if a template is known. `out` as decode_bytes() gives it. */
bool template_decode(const uint8_t *code, size_t n, gaddr eip, struct insn *out);
/* Remembers a fully decoded instruction, if its kind is fit for it. */
void template_learn(const uint8_t *code, const struct insn *in, bool has_modrm,
                    const struct template_tail *tail);

#endif
