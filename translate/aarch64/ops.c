/* What this host has instructions for. */
#include "decode/decode.h"
#include "translate/aarch64/insn.h"

bool translate_direct(unsigned op)
{
    switch (op) {
    case OP_AESDEC: case OP_AESDECLAST: case OP_AESENC: case OP_AESENCLAST: case OP_AESIMC:
    case OP_AESKEYGENASSIST: return a64_has.aes;
    case OP_VAESDEC: case OP_VAESDECLAST: case OP_VAESENC: case OP_VAESENCLAST: return a64_has.aes;
    case OP_PCLMULQDQ: case OP_VPCLMULQDQ: return a64_has.pmull;
    case OP_SHA1MSG1: case OP_SHA1MSG2: case OP_SHA1NEXTE: case OP_SHA1RNDS4: case OP_SHA256MSG1:
    case OP_SHA256MSG2: case OP_SHA256RNDS2: return a64_has.sha1 && a64_has.sha2;
    case OP_GF2P8AFFINEINVQB: case OP_GF2P8AFFINEQB:
    case OP_GF2P8MULB: return false;
    case OP_VGF2P8AFFINEINVQB: case OP_VGF2P8AFFINEQB: case OP_VGF2P8MULB: return false;
    default:
        return decode_op_class(op) != CLASS_AVX512 &&
               (decode_op_class(op) != CLASS_AVX || !a64_x87_double());
    }
}
