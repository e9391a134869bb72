/* Decoder: operands, prefixes, block ends, failures. */
#include "decode/decode.h"

#include <string.h>

#include "core/mem.h"
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
    {"c5fc77", 0, DECODE_OK, OP_UNSUPPORTED, 3, INSN_END},
    {"0fff", 0, DECODE_FETCH_FAULT, OP_FETCH_FAULT, 0, INSN_END},
    {"6666666666666666666666666666666690", 0, DECODE_TOO_LONG, OP_TOO_LONG, 0, INSN_END},
    {"d8c1", 0, DECODE_OK, OP_FADD, 2, 0},
    {"660fefc0", 0, DECODE_OK, OP_PXOR, 4, 0},
    {"0fefc0", 0, DECODE_OK, OP_PXOR, 3, 0},
};

static size_t parse(const char *hex, uint8_t *out)
{
    size_t n = 0;
    unsigned v;
    for (; *hex; hex += 2)
        if (sscanf(hex, "%2x", &v) == 1)
            out[n++] = (uint8_t)v;
    return n;
}

int main(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t b[32];
        struct insn in;
        size_t n = parse(cases[i].bytes, b);
        enum decode_status s = decode_bytes(b, n, 0x1000, cases[i].mode, &in);
        bool ok = s == cases[i].status && in.op == cases[i].op &&
                  in.flags == cases[i].flags && (s != DECODE_OK || in.len == cases[i].len);
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
    FINISH();
}
