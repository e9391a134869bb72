/* One case of the instruction tests, shared between the driver (64-bit) and the native helper
 * (i386): state before, code, state after; and the address space, segments included, that both
 * give it. Everything a case can reach is at the same place in both processes, and nothing else is
 * mapped but the helper's own memory (CASE_HELPER), which cases keep off. */
#ifndef XRUN_TESTS_INSN_CASE_H
#define XRUN_TESTS_INSN_CASE_H

#include <stdint.h>

/* Data pages: 0-2 read/write, 3 missing, 4 read-only, 5 read/write, then nothing. */
#define CASE_DATA 0x10000000u
#define CASE_RO (CASE_DATA + 0x4000)
enum { CASE_PAGES = 6, CASE_RW_BYTES = 0x3000, CASE_RW2 = 0x5000 };
/* Windows: what the state carries. In the middle of page 1, at the end of page 2 (before the
 * missing page), at the start of page 5 (behind the read-only page). Elsewhere the pages are 0. */
#define CASE_WINDOW (CASE_DATA + 0x1800)
enum { CASE_W0 = 0x1800, CASE_W0_SIZE = 896, CASE_W1 = 0x2f40, CASE_W1_SIZE = 192, CASE_W2 = 0x5000,
       CASE_W2_SIZE = 192, CASE_MEM_SIZE = CASE_W0_SIZE + CASE_W1_SIZE + CASE_W2_SIZE };

#define CASE_CODE 0x20000000u /* a page of int3, not writable, with the instruction in it */
enum { CASE_EIP = 0x800 };    /* offset of the instruction in that page */
/* What the code behind an instruction may store for inspection. */
#define CASE_NOTE (CASE_DATA + CASE_W0 + 16)

#define CASE_HELPER 0x60000000u
#define CASE_HELPER_END 0x62000000u
#define CASE_SHARED 0x61000000u
enum { CASE_CODE_MAX = 32, CASE_BATCH = 500 };

struct case_state {
    uint32_t gpr[8]; /* eax ecx edx ebx esp ebp esi edi */
    uint32_t eflags, eip; /* eip: offset in the code segment */
    uint16_t sel[6];      /* es cs ss ds fs gs */
    uint32_t trap, err, cr2; /* trap 3: ran to an int3 */
    uint32_t stray;       /* not 0: something outside the windows was written */
    uint32_t pad[2];
    uint8_t fx[512] __attribute__((aligned(16)));
    uint8_t ymmh[8][16];  /* bits 128-255 of ymm0-7 */
    uint8_t mem[CASE_MEM_SIZE]; /* the three windows */
    /* Recorded results end here. Zero unless AVX-512 is tested: */
    uint8_t zmmh[8][32];  /* bits 256-511 of zmm0-7 */
    uint64_t k[8];
};

/* What the helper says about its processor, in the first case's `out`, when asked for no cases. */
struct case_processor {
    uint32_t ecx1, ebx7, ecx7, xcr0; /* of CPUID leaves 1 and 7; 0: no XGETBV */
};

struct test_case {
    struct case_state in, out;
    uint8_t code[CASE_CODE_MAX];
    uint32_t form, seed, len, pad;
};

static inline uint8_t case_ro_byte(uint32_t i) { return (uint8_t)(i * 37 + (i >> 8) * 11 + 5); }

/* Segments: X(name, base, limit, bits), bits as modify_ldt's user_desc: 1 32-bit, 2 expand-down,
 * 4 code (2 then: conforming), 8 read/execute-only, 16 limit in pages, 32 not present, 64 useable.
 * The last row is entry 12 of the GDT (set_thread_area), the others are LDT entries in order. */
#define CASE_SEGMENTS(X)                                                                           \
    X(FLAT_CODE, 0, 0xfffff, 1 | 4 | 16)                                                           \
    X(CODE16, CASE_CODE, 0xffff, 4)                                                                \
    X(CODE32, CASE_CODE, 0xfff, 1 | 4)                                                             \
    X(CODE_XO, CASE_CODE, 0xfff, 1 | 4 | 8)                                                        \
    X(DATA32, CASE_DATA, 0x5fff, 1)                                                                \
    X(DATA16, CASE_DATA, 0xffff, 0)                                                                \
    X(DATA_RO, CASE_DATA, 0x5fff, 1 | 8)                                                           \
    X(DOWN32, CASE_DATA, 0x17ff, 1 | 2)                                                            \
    X(DOWN16, CASE_DATA, 0x18ff, 2)                                                                \
    X(DATA_NP, CASE_DATA, 0x5fff, 1 | 32)                                                          \
    X(SHORT, CASE_DATA + 0x1003, 0x9ff, 1)                                                         \
    X(CODE_SHORT, CASE_CODE, 0x880, 1 | 4)                                                         \
    X(CODE_NP, CASE_CODE, 0xfff, 1 | 4 | 32)                                                       \
    X(HIGH, CASE_DATA + 0x80000000u, 0xfffff, 1 | 16)                                              \
    X(UNUSED, 0, 0, 8 | 32)                                                                        \
    X(CODE_CONF, CASE_CODE, 0xfff, 1 | 2 | 4 | 32)                                                 \
    X(TLS, CASE_DATA + 0x100, 0xfffff, 1 | 16 | 64)

enum {
#define X(name, base, limit, bits) SEGM_##name,
    CASE_SEGMENTS(X)
#undef X
    SEGM_COUNT
};
enum { SEL_LDT_RPL = 7, SEL_TLS = 12 << 3 | 3, SEL_CODE = 0x23, SEL_DATA = 0x2b };
#define SEL(name) (SEGM_##name << 3 | SEL_LDT_RPL)

struct case_user_desc {
    uint32_t entry, base, limit, flags;
};
#define CASE_USER_DESC(i, base, limit, bits)                                                       \
    {(i) == SEGM_TLS ? 12u : (uint32_t)(i), base, limit, bits}

#endif
