/* The register map of the x86-64 host. Guest registers keep their numbers, so most instructions
 * keep their encoding; esp lives in r15, since rsp is the stack of host return addresses, which
 * mirrors the guest's calls. The rest of the host's registers serve translated code itself. */
#ifndef XRUN_REGALLOC_X86_64_H
#define XRUN_REGALLOC_X86_64_H

#include "core/cpu.h"

enum x64_reg {
    X64_RAX, X64_RCX, X64_RDX, X64_RBX, X64_RSP, X64_RBP, X64_RSI, X64_RDI,
    X64_TMP0 /* r8: target of indirect jumps, argument of stubs */, X64_TMP1, X64_TMP2, X64_TMP3,
    X64_TABLE_BASE /* r12: what entries of the tables of targets are relative to */,
    X64_TABLE /* r13 */, X64_CPU /* r14 */, X64_ESP /* r15 */,
};

static inline unsigned x64_gpr(unsigned guest)
{
    return guest == REG_ESP ? X64_ESP : guest;
}

#endif
