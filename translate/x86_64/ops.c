/* The table of operations, and what of it the host's processor lacks. */
#include "translate/x86_64/ops.h"

#include <pthread.h>
#include <string.h>
#include <sys/platform/x86.h>

#include "decode/decode.h"
#include "translate/translate.h"
#include "translate/x86_64/offsets.h"

/* Present on every x86-64 processor. */
static const uint16_t base[] = {
    OP_ADC, OP_ADD, OP_AND, OP_BSF, OP_BSR, OP_BSWAP, OP_BT, OP_BTC, OP_BTR, OP_BTS, OP_CBW,
    OP_CDQ, OP_CLC, OP_CLD, OP_CMC, OP_CMOVCC, OP_CMP, OP_CMPXCHG, OP_CMPXCHG8B, OP_CWD, OP_CWDE, OP_DEC,
    OP_DIV, OP_IDIV, OP_IMUL, OP_INC, OP_LAHF, OP_LFENCE, OP_MFENCE, OP_MOVNTI, OP_MOVSX, OP_MOVZX,
    OP_MUL, OP_NEG, OP_NOT, OP_OR, OP_PAUSE, OP_RCL, OP_RCR, OP_ROL, OP_ROR, OP_SAHF, OP_SAR,
    OP_SBB, OP_SETCC, OP_SFENCE, OP_SHL, OP_SHLD, OP_SHR, OP_SHRD, OP_STC, OP_STD, OP_SUB, OP_TEST,
    OP_XADD, OP_XCHG, OP_XOR, OP_LDMXCSR, OP_STMXCSR,
    /* x87 */
    OP_F2XM1, OP_FABS, OP_FADD, OP_FADDP, OP_FBLD, OP_FBSTP, OP_FCHS, OP_FCMOVCC, OP_FCOM,
    OP_FCOMI, OP_FCOMIP, OP_FCOMP, OP_FCOMPP, OP_FCOS, OP_FDECSTP, OP_FDIV, OP_FDIVP, OP_FDIVR,
    OP_FDIVRP, OP_FFREE, OP_FFREEP, OP_FIADD, OP_FICOM, OP_FICOMP, OP_FIDIV, OP_FIDIVR, OP_FILD,
    OP_FIMUL, OP_FINCSTP, OP_FISTTP, OP_FIST, OP_FISTP, OP_FISUB, OP_FISUBR, OP_FLD, OP_FLD1,
    OP_FLDCW, OP_FLDL2E, OP_FLDL2T, OP_FLDLG2, OP_FLDLN2, OP_FLDPI, OP_FLDZ, OP_FMUL, OP_FMULP,
    OP_FNCLEX, OP_FNINIT, OP_FNOP, OP_FNSTCW, OP_FNSTSW, OP_FPATAN, OP_FPREM, OP_FPREM1, OP_FPTAN,
    OP_FRNDINT, OP_FSCALE, OP_FSIN, OP_FSINCOS, OP_FSQRT, OP_FST, OP_FSTP, OP_FSTPNCE, OP_FSUB,
    OP_FSUBP, OP_FSUBR, OP_FSUBRP, OP_FTST, OP_FUCOM, OP_FUCOMI, OP_FUCOMIP, OP_FUCOMP, OP_FUCOMPP,
    OP_FWAIT, OP_FXAM, OP_FXCH, OP_FXTRACT, OP_FYL2X, OP_FYL2XP1,
    /* MMX, SSE, SSE2, SSE3 */
    OP_EMMS, OP_MASKMOVQ, OP_MOVD, OP_MOVNTQ, OP_MOVQ, OP_PACKSSDW, OP_PACKSSWB, OP_PACKUSWB,
    OP_PADDB, OP_PADDD, OP_PADDSB, OP_PADDSW, OP_PADDUSB, OP_PADDUSW, OP_PADDW, OP_PAND, OP_PANDN,
    OP_PAVGB, OP_PAVGW, OP_PCMPEQB, OP_PCMPEQD, OP_PCMPEQW, OP_PCMPGTB, OP_PCMPGTD, OP_PCMPGTW,
    OP_PEXTRW, OP_PINSRW, OP_PMADDWD, OP_PMAXSW, OP_PMAXUB, OP_PMINSW, OP_PMINUB, OP_PMOVMSKB,
    OP_PMULHUW, OP_PMULHW, OP_PMULLW, OP_POR, OP_PSADBW, OP_PSHUFW, OP_PSLLD, OP_PSLLQ, OP_PSLLW,
    OP_PSRAD, OP_PSRAW, OP_PSRLD, OP_PSRLQ, OP_PSRLW, OP_PSUBB, OP_PSUBD, OP_PSUBSB, OP_PSUBSW,
    OP_PSUBUSB, OP_PSUBUSW, OP_PSUBW, OP_PUNPCKHBW, OP_PUNPCKHDQ, OP_PUNPCKHWD, OP_PUNPCKLBW,
    OP_PUNPCKLDQ, OP_PUNPCKLWD, OP_PXOR, OP_ADDPD, OP_ADDPS, OP_ADDSD, OP_ADDSS, OP_ADDSUBPD,
    OP_ADDSUBPS, OP_ANDNPD, OP_ANDNPS, OP_ANDPD, OP_ANDPS, OP_CMPPD, OP_CMPPS, OP_CMPSD, OP_CMPSS,
    OP_COMISD, OP_COMISS, OP_CVTDQ2PD, OP_CVTDQ2PS, OP_CVTPD2DQ, OP_CVTPD2PI, OP_CVTPD2PS,
    OP_CVTPI2PD, OP_CVTPI2PS, OP_CVTPS2DQ, OP_CVTPS2PD, OP_CVTPS2PI, OP_CVTSD2SI, OP_CVTSD2SS,
    OP_CVTSI2SD, OP_CVTSI2SS, OP_CVTSS2SD, OP_CVTSS2SI, OP_CVTTPD2DQ, OP_CVTTPD2PI, OP_CVTTPS2DQ,
    OP_CVTTPS2PI, OP_CVTTSD2SI, OP_CVTTSS2SI, OP_DIVPD, OP_DIVPS, OP_DIVSD, OP_DIVSS, OP_HADDPD,
    OP_HADDPS, OP_HSUBPD, OP_HSUBPS, OP_LDDQU, OP_MASKMOVDQU, OP_MAXPD, OP_MAXPS, OP_MAXSD,
    OP_MAXSS, OP_MINPD, OP_MINPS, OP_MINSD, OP_MINSS, OP_MOVAPD, OP_MOVAPS, OP_MOVDDUP,
    OP_MOVDQ2Q, OP_MOVDQA, OP_MOVDQU, OP_MOVHLPS, OP_MOVHPD, OP_MOVHPS, OP_MOVLHPS, OP_MOVLPD,
    OP_MOVLPS, OP_MOVMSKPD, OP_MOVMSKPS, OP_MOVNTDQ, OP_MOVNTPD, OP_MOVNTPS, OP_MOVQ2DQ,
    OP_MOVSHDUP, OP_MOVSLDUP, OP_MOVSD, OP_MOVSS, OP_MOVUPD, OP_MOVUPS, OP_MULPD, OP_MULPS,
    OP_MULSD, OP_MULSS, OP_ORPD, OP_ORPS, OP_PADDQ, OP_PMULUDQ, OP_PSHUFD, OP_PSHUFHW, OP_PSHUFLW,
    OP_PSLLDQ, OP_PSRLDQ, OP_PSUBQ, OP_PUNPCKHQDQ, OP_PUNPCKLQDQ, OP_RCPPS, OP_RCPSS, OP_RSQRTPS,
    OP_RSQRTSS, OP_SHUFPD, OP_SHUFPS, OP_SQRTPD, OP_SQRTPS, OP_SQRTSD, OP_SQRTSS, OP_SUBPD,
    OP_SUBPS, OP_SUBSD, OP_SUBSS, OP_UCOMISD, OP_UCOMISS, OP_UNPCKHPD, OP_UNPCKHPS, OP_UNPCKLPD,
    OP_UNPCKLPS, OP_XORPD, OP_XORPS,
};
static const uint16_t ssse3[] = {
    OP_PABSB, OP_PABSD, OP_PABSW, OP_PALIGNR, OP_PHADDD, OP_PHADDSW, OP_PHADDW, OP_PHSUBD,
    OP_PHSUBSW, OP_PHSUBW, OP_PMADDUBSW, OP_PMULHRSW, OP_PSHUFB, OP_PSIGNB, OP_PSIGND, OP_PSIGNW,
};
static const uint16_t sse41[] = {
    OP_BLENDPD, OP_BLENDPS, OP_BLENDVPD, OP_BLENDVPS, OP_DPPD, OP_DPPS, OP_EXTRACTPS, OP_INSERTPS,
    OP_MOVNTDQA, OP_MPSADBW, OP_PACKUSDW, OP_PBLENDVB, OP_PBLENDW, OP_PCMPEQQ, OP_PEXTRB,
    OP_PEXTRD, OP_PHMINPOSUW, OP_PINSRB, OP_PINSRD, OP_PMAXSB, OP_PMAXSD, OP_PMAXUD, OP_PMAXUW,
    OP_PMINSB, OP_PMINSD, OP_PMINUD, OP_PMINUW, OP_PMOVSXBD, OP_PMOVSXBQ, OP_PMOVSXBW,
    OP_PMOVSXDQ, OP_PMOVSXWD, OP_PMOVSXWQ, OP_PMOVZXBD, OP_PMOVZXBQ, OP_PMOVZXBW, OP_PMOVZXDQ,
    OP_PMOVZXWD, OP_PMOVZXWQ, OP_PMULDQ, OP_PMULLD, OP_PTEST, OP_ROUNDPD, OP_ROUNDPS, OP_ROUNDSD,
    OP_ROUNDSS,
};
static const uint16_t sse42[] = {
    OP_CRC32, OP_PCMPESTRI, OP_PCMPESTRM, OP_PCMPGTQ, OP_PCMPISTRI, OP_PCMPISTRM,
};
static const uint16_t aes[] = {
    OP_AESDEC, OP_AESDECLAST, OP_AESENC, OP_AESENCLAST, OP_AESIMC, OP_AESKEYGENASSIST,
};
static const uint16_t sha[] = {
    OP_SHA1MSG1, OP_SHA1MSG2, OP_SHA1NEXTE, OP_SHA1RNDS4, OP_SHA256MSG1, OP_SHA256MSG2,
    OP_SHA256RNDS2,
};
static const uint16_t sse4a[] = {OP_EXTRQ, OP_INSERTQ, OP_MOVNTSD, OP_MOVNTSS};
static const uint16_t popcnt[] = {OP_POPCNT};
static const uint16_t lzcnt[] = {OP_LZCNT};
static const uint16_t bmi[] = {OP_TZCNT};
static const uint16_t pclmul[] = {OP_PCLMULQDQ};
static const uint16_t movbe[] = {OP_MOVBE};
static const uint16_t adx[] = {OP_ADCX, OP_ADOX};

static const uint16_t bmi1[] = {OP_ANDN, OP_BEXTR, OP_BLSI, OP_BLSMSK, OP_BLSR};
static const uint16_t bmi2[] = {
    OP_BZHI, OP_MULX, OP_PDEP, OP_PEXT, OP_RORX, OP_SARX, OP_SHLX, OP_SHRX,
};
/* What not all processors with AVX2, FMA and F16C have, which came together. */
static const uint16_t gfni[] = {OP_GF2P8AFFINEINVQB, OP_GF2P8AFFINEQB, OP_GF2P8MULB};
static const uint16_t avx_gfni[] = {OP_VGF2P8AFFINEINVQB, OP_VGF2P8AFFINEQB, OP_VGF2P8MULB};
static const uint16_t vaes[] = {
    OP_VAESDEC, OP_VAESDECLAST, OP_VAESENC, OP_VAESENCLAST, OP_VAESIMC, OP_VAESKEYGENASSIST,
};
static const uint16_t vpclmul[] = {OP_VPCLMULQDQ};

static const uint16_t avx512[] = {OP_EVEX, OP_EVEX_PACKED, OP_EVEX_GATHER, OP_EVEX_SCATTER, OP_OPMASK};

static const struct {
    uint16_t op;
    uint8_t how;
} special[] = {
    {OP_MOV, HOW_MOV}, {OP_LEA, HOW_LEA}, {OP_PUSH, HOW_PUSH}, {OP_POP, HOW_POP},
    {OP_LEAVE, HOW_LEAVE}, {OP_NOP, HOW_NOP}, {OP_XLAT, HOW_XLAT}, {OP_CALL, HOW_CALL},
    {OP_RET, HOW_RET}, {OP_JMP, HOW_JMP}, {OP_JCC, HOW_JCC}, {OP_JCXZ, HOW_LOOP},
    {OP_LOOP, HOW_LOOP}, {OP_LOOPE, HOW_LOOP}, {OP_LOOPNE, HOW_LOOP},
    {OP_MOVS, HOW_STRING}, {OP_STOS, HOW_STRING}, {OP_LODS, HOW_STRING}, {OP_SCAS, HOW_STRING},
    {OP_CMPS, HOW_STRING},
};

static uint8_t table[OP_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void add(const uint16_t *ops, size_t n, enum x64_how how)
{
    for (size_t i = 0; i < n; i++)
        table[ops[i]] = (uint8_t)how;
}
#define ADD(list, present) add(list, (present) ? ARRAY_SIZE(list) : 0, HOW_DIRECT)
#define ADD_VEX(list, present) add(list, ARRAY_SIZE(list), (present) ? HOW_VEX : HOW_INTERP)

static enum { AS_IT_IS, OLDEST, NEWEST } processor; /* translate_assume() */

void translate_assume(bool newest)
{
    processor = newest ? NEWEST : OLDEST;
}

static bool has(unsigned feature)
{
    return processor == AS_IT_IS ? x86_cpu_active(feature) : processor == NEWEST;
}

static bool host_avx(void)
{
    return has(x86_cpu_AVX2) && has(x86_cpu_FMA) && has(x86_cpu_F16C);
}

/* With byte and word elements and all vector lengths; AVX-512 without them is left alone. */
bool x64_host_avx512(void)
{
    return has(x86_cpu_AVX512F) && has(x86_cpu_AVX512BW) && has(x86_cpu_AVX512DQ) &&
           has(x86_cpu_AVX512VL) && has(x86_cpu_AVX512CD);
}

void x64_avx512_bits(uint32_t bits[3])
{
    static const struct {
        unsigned feature;
        uint8_t word, bit;
    } rows[] = {
        {x86_cpu_AVX512F, 0, 16}, {x86_cpu_AVX512DQ, 0, 17}, {x86_cpu_AVX512_IFMA, 0, 21},
        {x86_cpu_AVX512CD, 0, 28}, {x86_cpu_AVX512BW, 0, 30}, {x86_cpu_AVX512VL, 0, 31},
        {x86_cpu_AVX512_VBMI, 1, 1}, {x86_cpu_AVX512_VBMI2, 1, 6}, {x86_cpu_AVX512_VNNI, 1, 11},
        {x86_cpu_AVX512_BITALG, 1, 12}, {x86_cpu_AVX512_VPOPCNTDQ, 1, 14}, {x86_cpu_AVX512_BF16, 2, 5},
    };
    memset(bits, 0, 3 * sizeof *bits);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (has(rows[i].feature))
            bits[rows[i].word] |= UINT32_C(1) << rows[i].bit;
}

static void init_vex(void)
{
    bool avx = host_avx();
    for (unsigned op = 0; op < OP_COUNT && avx; op++)
        if (decode_op_class(op) == CLASS_AVX)
            table[op] = HOW_VEX;
    add(avx512, ARRAY_SIZE(avx512), avx && x64_host_avx512() ? HOW_EVEX : HOW_INTERP);
    ADD_VEX(vaes, avx && has(x86_cpu_VAES));
    ADD_VEX(vpclmul, avx && has(x86_cpu_VPCLMULQDQ));
    ADD_VEX(avx_gfni, avx && has(x86_cpu_GFNI));
    ADD_VEX(bmi1, has(x86_cpu_BMI1));
    ADD_VEX(bmi2, has(x86_cpu_BMI2));
}

static void init(void)
{
    ADD(base, has(x86_cpu_SSE3));
    ADD(ssse3, has(x86_cpu_SSSE3));
    ADD(sse41, has(x86_cpu_SSE4_1));
    ADD(sse42, has(x86_cpu_SSE4_2));
    ADD(popcnt, has(x86_cpu_POPCNT));
    ADD(lzcnt, has(x86_cpu_LZCNT));
    ADD(bmi, has(x86_cpu_BMI1));
    ADD(aes, has(x86_cpu_AES));
    ADD(pclmul, has(x86_cpu_PCLMULQDQ));
    ADD(movbe, has(x86_cpu_MOVBE));
    ADD(adx, has(x86_cpu_ADX));
    ADD(sha, has(x86_cpu_SHA));
    ADD(sse4a, has(x86_cpu_SSE4A));
    ADD(gfni, has(x86_cpu_GFNI));
    init_vex();
    for (size_t i = 0; i < ARRAY_SIZE(special); i++)
        table[special[i].op] = special[i].how;
}

bool translate_direct(unsigned op)
{
    return x64_how(op) != HOW_INTERP;
}

enum x64_how x64_how(unsigned op)
{
    pthread_once(&once, init);
    return table[op];
}
