/* Decoder: operands, prefixes, block ends, failures. */
#include "decode/decode.h"

#include <string.h>
#include <sys/mman.h>

#include "core/mem.h"
#include "interp/interp.h"
#include "tests/unit/test.h"

static const struct {
    const char *bytes; /* hexadecimal */
    unsigned mode;
    enum decode_status status;
    enum op op;
    unsigned len, flags;
} cases[] = {
    {"90", 0, DECODE_OK, OP_NOP, 1, 0},
    {"f390", 0, DECODE_OK, OP_PAUSE, 2, 0},
    {"f30f1efb", 0, DECODE_OK, OP_NOP, 4, 0},
    {"01c8", 0, DECODE_OK, OP_ADD, 2, 0},
    {"6601c8", 0, DECODE_OK, OP_ADD, 3, 0},
    {"01c8", MODE_CODE16, DECODE_OK, OP_ADD, 2, INSN_ADDR16},
    {"f00108", 0, DECODE_OK, OP_ADD, 3, INSN_LOCK},
    {"f001c8", 0, DECODE_INVALID, OP_INVALID, 0, INSN_END},
    {"650108", 0, DECODE_OK, OP_ADD, 3, INSN_SEG_CHECK | INSN_SEG_OVERRIDE},
    {"670100", 0, DECODE_OK, OP_ADD, 3, INSN_ADDR16},
    {"f3a5", 0, DECODE_OK, OP_MOVS, 2, INSN_REP},
    {"f2ae", 0, DECODE_OK, OP_SCAS, 2, INSN_REPNE},
    {"f20f10c1", 0, DECODE_OK, OP_MOVSD, 4, 0},
    {"a5", 0, DECODE_OK, OP_MOVS, 1, 0},
    {"f20fc2c100", 0, DECODE_OK, OP_CMPSD, 5, 0},
    {"a7", 0, DECODE_OK, OP_CMPS, 1, 0},
    {"75fe", 0, DECODE_OK, OP_JCC, 2, INSN_END},
    {"c3", 0, DECODE_OK, OP_RET, 1, INSN_END},
    {"f3c3", 0, DECODE_OK, OP_RET, 2, INSN_END},
    {"cd80", 0, DECODE_OK, OP_INT, 2, INSN_END},
    {"8ed8", 0, DECODE_OK, OP_MOV, 2, INSN_END},
    {"0f0b", 0, DECODE_OK, OP_UD2, 2, INSN_END},
    {"c5fc77", 0, DECODE_OK, OP_VZEROALL, 3, 0},
    {"0fff", 0, DECODE_FETCH_FAULT, OP_FETCH_FAULT, 0, INSN_END},
    {"6666666666666666666666666666666690", 0, DECODE_TOO_LONG, OP_TOO_LONG, 0, INSN_END},
    {"d8c1", 0, DECODE_OK, OP_FADD, 2, 0},
    {"660fefc0", 0, DECODE_OK, OP_PXOR, 4, 0},
    {"0fefc0", 0, DECODE_OK, OP_PXOR, 3, 0},
    /* Lengths and validity below are a processor's answers (AMD EPYC with AVX-512). */
    {"f2a4", 0, DECODE_OK, OP_MOVS, 2, INSN_REPNE},
    {"f3f2a6", 0, DECODE_OK, OP_CMPS, 3, INSN_REPNE},
    {"f20108", 0, DECODE_OK, OP_ADD, 3, 0},
    {"f0f20108", 0, DECODE_OK, OP_ADD, 4, INSN_LOCK},
    {"f03908", 0, DECODE_INVALID, OP_INVALID, 0, INSN_END},
    {"f00fa300", 0, DECODE_INVALID, OP_INVALID, 0, INSN_END},
    {"f00fb300", 0, DECODE_OK, OP_BTR, 4, INSN_LOCK},
    {"66e80000", 0, DECODE_OK, OP_CALL, 4, INSN_END},
    {"e80000", MODE_CODE16, DECODE_OK, OP_CALL, 3, INSN_END | INSN_ADDR16},
    {"67a10000", 0, DECODE_OK, OP_MOV, 4, INSN_ADDR16},
    {"0f1ac0", 0, DECODE_OK, OP_NOP, 3, 0},
    {"f30f1b20", 0, DECODE_OK, OP_NOP, 4, 0},
    {"660f1ae0", 0, DECODE_OK, OP_NOP, 4, 0},
    {"f30fb8c0", 0, DECODE_OK, OP_POPCNT, 4, 0},
    {"0fb8c0", 0, DECODE_INVALID, OP_INVALID, 0, INSN_END},
    {"c4e2f8f2c1", 0, DECODE_OK, OP_ANDN, 5, 0},
    {"c4e2fcf2c1", 0, DECODE_INVALID, OP_INVALID, 0, INSN_END},
    {"66c4e278f2c1", 0, DECODE_INVALID, OP_INVALID, 0, INSN_END},
    {"8ec8", 0, DECODE_INVALID, OP_INVALID, 0, INSN_END},
    {"8dc0", 0, DECODE_INVALID, OP_INVALID, 0, INSN_END},
    {"666666666666666666666666666690", 0, DECODE_OK, OP_NOP, 15, 0},
};

/* Instructions at the end of a page: only what they need is fetched. */
static void check_fetch(void)
{
    struct insn in;
    CHECK(mem_init() == 0);
    gaddr p = (gaddr)mem_map(0, 2 * GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    gaddr page2 = p + GUEST_PAGE_SIZE;
    memset(mem_host(p), 0x90, 2 * GUEST_PAGE_SIZE);
    memcpy(mem_host(page2 - 3), "\x90\x05\x00", 3); /* nop; add eax, imm32 */
    CHECK(decode_insn(page2 - 2, 0, &in) == DECODE_OK && in.len == 5 && in.imm == 0x90909000);
    CHECK(mem_protect(page2, GUEST_PAGE_SIZE, PROT_READ) == 0);
    CHECK(decode_insn(page2 - 3, 0, &in) == DECODE_OK && in.op == OP_NOP);
    CHECK(decode_insn(page2 - 2, 0, &in) == DECODE_FETCH_FAULT && in.imm == page2);
    CHECK(in.imm2 == (PF_ERR_USER | PF_ERR_INSN | PF_ERR_PRESENT) && in.eip == page2 - 2);
    CHECK(mem_unmap(page2, GUEST_PAGE_SIZE) == 0);
    CHECK(decode_insn(page2 - 2, 0, &in) == DECODE_FETCH_FAULT && in.imm == page2);
    CHECK(in.imm2 == (PF_ERR_USER | PF_ERR_INSN));
    CHECK(decode_insn(page2, 0, &in) == DECODE_FETCH_FAULT && in.imm == page2);

    struct insn block[5];
    uint8_t raw[DECODE_RAW(4)];
    gaddr end;
    CHECK(decode_block(page2 - 3, 0, 4, block, &end, raw) == 2);
    CHECK(raw[0] == 0x90);
    CHECK(block[1].op == OP_END_BLOCK && block[1].eip == page2 - 2 && end == page2 - 2);
    memcpy(mem_host(p), "\x40\x66\x90\x41", 4);
    CHECK(decode_block(p, 0, 4, block, &end, raw) == 5 && !memcmp(raw, "\x40\x66\x90\x41\x90", 5));
    CHECK(block[4].op == OP_END_BLOCK && block[4].next == p + 5 && end == p + 5);
}

/* Operands and flags that the table does not show. */
static void check_operands(void)
{
    struct insn in;
#define DECODE(bytes) decode_bytes((const uint8_t *)bytes, sizeof bytes - 1, 0x12340000, 0, &in)
    DECODE("\x66\xe9\x10\x00"); /* 16-bit operand size: eip is cut to 16 bits */
    CHECK(in.imm == 0x14 && in.next == 0x12340004 && in.opsize == 2);
    DECODE("\x66\x6a\x80");
    CHECK(in.imm == 0xffffff80 && in.opsize == 2);
    DECODE("\xc8\x34\x12\x02");
    CHECK(in.imm == 0x1234 && in.imm2 == 2);
    DECODE("\x9a\x78\x56\x34\x12\x23\x01");
    CHECK(in.o[0].kind == OPND_FAR && in.imm == 0x12345678 && in.imm2 == 0x123);
    DECODE("\xa1\x78\x56\x34\x12");
    CHECK(in.o[1].kind == OPND_MEM && in.base == REG_ZERO && in.index == REG_ZERO);
    CHECK(in.disp == 0x12345678 && in.seg == SEG_DS);
    DECODE("\x8b\x45\x04");
    CHECK(in.base == REG_EBP && in.seg == SEG_SS && in.disp == 4);
    DECODE("\x65\x3e\x8b\x00"); /* the last segment prefix counts */
    CHECK(in.seg == SEG_DS && !(in.flags & INSN_SEG_CHECK));
    DECODE("\x64\xac");
    CHECK(in.op == OP_LODS && in.seg == SEG_FS && in.o[0].size == 1);
    DECODE("\x66\xab");
    CHECK(in.op == OP_STOS && in.o[0].size == 2);
    DECODE("\x0f\x4c\xc1");
    CHECK(in.op == OP_CMOVCC && in.cc == 12 && in.fl_read == (FLB_SF | FLB_OF));
    DECODE("\xdb\xda");
    CHECK(in.op == OP_FCMOVCC && in.cc == 11 && in.o[1].reg == 2);
    DECODE("\xd3\xe0"); /* shl eax, cl: a count of zero keeps the flags */
    CHECK(in.fl_write == 0xdd && in.fl_read == 0xdd);
    DECODE("\xc1\xe0\x20");
    CHECK(in.fl_read == 0xdd);
    DECODE("\xc1\xe0\x03");
    CHECK(in.fl_read == 0 && in.fl_undef == (FLB_AF | FLB_OF));
    DECODE("\x40");
    CHECK(in.op == OP_INC && in.fl_write == (0xdd & ~FLB_CF));
#undef DECODE
}

static size_t parse(const char *hex, uint8_t *out)
{
    size_t n = 0;
    unsigned v;
    for (; *hex; hex += 2)
        if (sscanf(hex, "%2x", &v) == 1)
            out[n++] = (uint8_t)v;
    return n;
}

/* Where registers are encoded is not in the table. */
enum { ENCODING = INSN_REG_GPR | INSN_RM_GPR | INSN_OPC_GPR };

static void check_encoding(void)
{
    struct insn in;
    uint8_t adc[] = {0x11, 0xc0}, load[] = {0x8b, 0x03}, push[] = {0x50}, al[] = {0x88, 0xe1};
    decode_bytes(adc, sizeof adc, 0, 0, &in);
    CHECK((in.flags & ENCODING) == (INSN_REG_GPR | INSN_RM_GPR));
    decode_bytes(load, sizeof load, 0, 0, &in);
    CHECK((in.flags & ENCODING) == INSN_REG_GPR);
    decode_bytes(push, sizeof push, 0, 0, &in);
    CHECK((in.flags & ENCODING) == INSN_OPC_GPR);
    decode_bytes(al, sizeof al, 0, 0, &in);
    CHECK((in.flags & ENCODING) == 0);
    uint8_t notrack[] = {0x3e, 0xff, 0x65, 0x00}, plain[] = {0xff, 0x65, 0x00};
    decode_bytes(notrack, sizeof notrack, 0, 0, &in); /* jmp ds:[ebp] */
    CHECK(in.op == OP_JMP && in.seg == SEG_DS);
    decode_bytes(plain, sizeof plain, 0, 0, &in);
    CHECK(in.op == OP_JMP && in.seg == SEG_SS);
}

/* Instructions decoded quickly equal those that Zydis decodes, and so do the functions that are bound to them by
 * their kinds. A mode with MODE_AC alone is decoded
 * like flat code, but never quickly. */
static void check_quick(void)
{
    static const uint8_t prefix[] = {0x66, 0x65, 0xf3, 0xf2, 0xf0, 0x2e, 0x3e, 0x64};
    uint32_t seed = 12345;
    unsigned differ = 0;
    for (unsigned n = 0; n < 400000; n++) {
        uint8_t b[15];
        for (unsigned i = 0; i < sizeof b; i++) {
            seed = seed * 1664525 + 1013904223;
            b[i] = (uint8_t)(seed >> 24);
        }
        unsigned k = 0;
        if (n % 4 == 0)
            b[k++] = prefix[n / 4 % sizeof prefix];
        if (n % 3 == 0)
            b[k++] = 0x0f;
        if (n % 15 == 0)
            b[k] = n % 2 ? 0x38 : 0x3a;
        struct insn full, quick;
        gaddr eip = n % 2 ? seed : seed & 0xffff;
        enum decode_status s = decode_bytes(b, sizeof b, eip, MODE_AC, &full);
        differ += s != decode_bytes(b, sizeof b, eip, 0, &quick);
        interp_bind(&full);
        interp_bind(&quick);
        differ += memcmp(&full, &quick, sizeof full) != 0;
    }
    CHECK(differ == 0);
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t b[32];
        struct insn in;
        size_t n = parse(cases[i].bytes, b);
        enum decode_status s = decode_bytes(b, n, 0x1000, cases[i].mode, &in);
        bool ok = s == cases[i].status && in.op == cases[i].op &&
                  (in.flags & ~ENCODING) == cases[i].flags && (s != DECODE_OK || in.len == cases[i].len);
        if (!ok)
            printf("%s: status %d op %s len %u flags %#x\n", cases[i].bytes, s,
                   decode_op_name(in.op), in.len, in.flags);
        CHECK(ok);
    }
    struct insn in;
    uint8_t jump[] = {0xe9, 0xfb, 0xff, 0xff, 0xff};
    decode_bytes(jump, sizeof jump, 0x8000, 0, &in);
    CHECK(in.o[0].kind == OPND_REL && in.imm == 0x8000 && in.next == 0x8005);
    uint8_t lea[] = {0x8d, 0x44, 0x8b, 0xfc};
    decode_bytes(lea, sizeof lea, 0, 0, &in);
    CHECK(in.base == REG_EBX && in.index == REG_ECX && in.scale == 2 && in.disp == (uint32_t)-4);
    uint8_t high[] = {0x88, 0xe1};
    decode_bytes(high, sizeof high, 0, 0, &in);
    CHECK(in.o[0].reg == 1 && in.o[1].reg == 4 && in.o[0].size == 1);
    uint8_t adc[] = {0x11, 0xc0};
    decode_bytes(adc, sizeof adc, 0, 0, &in);
    CHECK(in.fl_read == FLB_CF && in.fl_write == 0xdd);
    check_quick();
    check_operands();
    check_encoding();
    check_fetch();
    FINISH();
}
