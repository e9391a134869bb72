/* Zydis -> struct insn. Zydis is asked for everything it knows (operands, flags, prefixes); what
 * is added here is the shape the interpreter and the translators want, and the fetch rules. */
#include "decode/decode.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <Zydis/Zydis.h>

#include "core/breaks.h"
#include "core/mem.h"
#include "decode/quick.h"

enum { INSN_MAX = 15 };

static ZydisDecoder decoders[4]; /* by MODE_CODE16 | MODE_STACK16 */
static ZydisFormatter formatter;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct { uint16_t op; uint8_t cc; } op_of[ZYDIS_MNEMONIC_MAX_VALUE + 1];

static void init(void)
{
    for (unsigned i = 0; i < 4; i++) {
        ZydisDecoderInit(&decoders[i],
                         i & MODE_CODE16 ? ZYDIS_MACHINE_MODE_LEGACY_16 : ZYDIS_MACHINE_MODE_LEGACY_32,
                         i & MODE_STACK16 ? ZYDIS_STACK_WIDTH_16 : ZYDIS_STACK_WIDTH_32);
        /* Without MPX all forms of 0F 1A and 0F 1B are NOPs, as on processors that lack it. */
        ZydisDecoderEnableMode(&decoders[i], ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
    }
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
    for (size_t i = 0; i < ARRAY_SIZE(op_of); i++)
        op_of[i].op = OP_UNSUPPORTED;
#define OP(name, class) op_of[ZYDIS_MNEMONIC_##name].op = OP_##name;
#define OPX(name, class)
#include "decode/ops.def"
#undef OP
#define FOLD(mnemonic, o, c)                                                                       \
    op_of[ZYDIS_MNEMONIC_##mnemonic].op = OP_##o;                                                  \
    op_of[ZYDIS_MNEMONIC_##mnemonic].cc = c;
#include "decode/mnemonics.def"
#undef FOLD
    op_of[ZYDIS_MNEMONIC_MOVSD].op = OP_MOVS; /* or OP_MOVSD, see find_op */
    op_of[ZYDIS_MNEMONIC_CMPSD].op = OP_CMPS;
}

static const char *const op_names[] = {
#define OP(name, class) #name,
#include "decode/ops.def"
#undef OP
};
static const uint8_t op_classes[] = {
#define OP(name, class) CLASS_##class,
#include "decode/ops.def"
#undef OP
};

const char *decode_op_name(enum op op)
{
    return op < OP_COUNT ? op_names[op] : "?";
}

enum op_class decode_op_class(enum op op)
{
    return op < OP_COUNT ? (enum op_class)op_classes[op] : CLASS_PSEUDO;
}

/* ---- registers and operands ---- */

static unsigned gpr_number(ZydisRegister r)
{
    int n = ZydisRegisterGetId(r);
    return n < 0 ? REG_ZERO : (unsigned)n;
}

static unsigned seg_number(ZydisRegister r)
{
    return (unsigned)(r - ZYDIS_REGISTER_ES);
}

static void put_register(struct opnd *o, ZydisRegister r)
{
    switch (ZydisRegisterGetClass(r)) {
    case ZYDIS_REGCLASS_GPR8:
    case ZYDIS_REGCLASS_GPR16:
    case ZYDIS_REGCLASS_GPR32: o->kind = OPND_GPR; break;
    case ZYDIS_REGCLASS_SEGMENT: o->kind = OPND_SEG; break;
    case ZYDIS_REGCLASS_XMM: o->kind = OPND_XMM; break;
    case ZYDIS_REGCLASS_YMM: o->kind = OPND_YMM; break;
    case ZYDIS_REGCLASS_ZMM: o->kind = OPND_ZMM; break;
    case ZYDIS_REGCLASS_MASK: o->kind = OPND_K; break;
    case ZYDIS_REGCLASS_MMX: o->kind = OPND_MM; break;
    case ZYDIS_REGCLASS_X87: o->kind = OPND_ST; break;
    case ZYDIS_REGCLASS_CONTROL: o->kind = OPND_CR; break;
    case ZYDIS_REGCLASS_DEBUG: o->kind = OPND_DR; break;
    default: o->kind = OPND_NONE; break;
    }
    if (o->kind == OPND_SEG)
        o->reg = (uint8_t)seg_number(r);
    else if (r >= ZYDIS_REGISTER_AL && r <= ZYDIS_REGISTER_BH) /* as encoded: AL CL DL BL AH ... */
        o->reg = (uint8_t)(r - ZYDIS_REGISTER_AL);
    else
        o->reg = (uint8_t)ZydisRegisterGetId(r);
}

static void put_memory(struct insn *in, const ZydisDecodedInstruction *zi,
                       const ZydisDecodedOperand *zo, unsigned mode)
{
    in->base = (uint8_t)(zo->mem.base ? gpr_number(zo->mem.base) : REG_ZERO);
    in->index = (uint8_t)(zo->mem.index ? gpr_number(zo->mem.index) : REG_ZERO);
    in->scale = (uint8_t)(zo->mem.scale > 1 ? __builtin_ctz(zo->mem.scale) : 0);
    in->disp = zo->mem.disp.has_displacement ? (uint32_t)zo->mem.disp.value : 0;
    in->seg = (uint8_t)(zo->mem.segment ? seg_number(zo->mem.segment) : SEG_DS);
    /* 3E before a branch is NOTRACK where CET exists, and a segment prefix all the same */
    if ((zi->attributes & ZYDIS_ATTRIB_HAS_NOTRACK) && !(zi->attributes & ZYDIS_ATTRIB_HAS_SEGMENT))
        in->seg = SEG_DS;
    if (zo->mem.type == ZYDIS_MEMOP_TYPE_VSIB) {
        in->flags |= INSN_VSIB;
        ZydisRegisterClass c = ZydisRegisterGetClass(zo->mem.index);
        in->imm2 = c == ZYDIS_REGCLASS_ZMM ? 64 : c == ZYDIS_REGCLASS_YMM ? 32 : 16;
    }
    if (zi->address_width == 16)
        in->flags |= INSN_ADDR16;
    if (in->seg >= SEG_FS || (mode & MODE_SEGS))
        in->flags |= INSN_SEG_CHECK;
}

static void put_immediate(struct insn *in, struct opnd *o, const ZydisDecodedInstruction *zi,
                          const ZydisDecodedOperand *zo, bool second)
{
    uint32_t v = (uint32_t)zo->imm.value.u;
    if (zo->imm.is_relative) {
        o->kind = OPND_REL;
        v = in->next + (uint32_t)zo->imm.value.s;
        if (zi->operand_width == 16)
            v &= 0xffff; /* corrected for a code base by the interpreter */
        in->imm = v;
        return;
    }
    o->kind = OPND_IMM;
    if (second)
        in->imm2 = (uint16_t)v;
    else
        in->imm = v;
}

/* Where a general register is encoded, for those who encode it anew. */
static void put_encoding(struct insn *in, const ZydisDecodedOperand *zo)
{
    if (ZydisRegisterGetClass(zo->reg.value) != ZYDIS_REGCLASS_GPR16 &&
        ZydisRegisterGetClass(zo->reg.value) != ZYDIS_REGCLASS_GPR32)
        return;
    switch (zo->encoding) {
    case ZYDIS_OPERAND_ENCODING_MODRM_REG: in->flags |= INSN_REG_GPR; break;
    case ZYDIS_OPERAND_ENCODING_MODRM_RM: in->flags |= INSN_RM_GPR; break;
    case ZYDIS_OPERAND_ENCODING_OPCODE: in->flags |= INSN_OPC_GPR; break;
    default: break;
    }
}

static void put_operand(struct insn *in, unsigned n, const ZydisDecodedInstruction *zi,
                        const ZydisDecodedOperand *zo, unsigned mode, unsigned *imms)
{
    struct opnd *o = &in->o[n];
    unsigned bytes = zo->size / 8;
    o->size = (uint8_t)(bytes > 254 ? 255 : bytes);
    o->access = (uint8_t)((zo->actions & ZYDIS_OPERAND_ACTION_MASK_READ ? ACCESS_R : 0) |
                          (zo->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE ? ACCESS_W : 0));
    switch (zo->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        put_register(o, zo->reg.value);
        put_encoding(in, zo);
        break;
    case ZYDIS_OPERAND_TYPE_MEMORY:
        o->kind = OPND_MEM;
        if (decode_op_class(in->op) == CLASS_AVX512)
            in->element = (uint8_t)(zo->element_size / 8);
        put_memory(in, zi, zo, mode);
        break;
    case ZYDIS_OPERAND_TYPE_POINTER:
        o->kind = OPND_FAR;
        in->imm = zo->ptr.offset;
        in->imm2 = zo->ptr.segment;
        break;
    case ZYDIS_OPERAND_TYPE_IMMEDIATE: put_immediate(in, o, zi, zo, (*imms)++ > 0); break;
    default: break;
    }
}

/* ---- classification ---- */

/* An EVEX prefix, which shares mnemonics with VEX. */
static enum op find_evex_op(const ZydisDecodedInstruction *zi)
{
    switch (zi->meta.isa_set) { /* never tried */
    case ZYDIS_ISA_SET_AVX512ER_512: case ZYDIS_ISA_SET_AVX512ER_SCALAR:
    case ZYDIS_ISA_SET_AVX512PF_512: case ZYDIS_ISA_SET_AVX512_4FMAPS_512:
    case ZYDIS_ISA_SET_AVX512_4FMAPS_SCALAR: case ZYDIS_ISA_SET_AVX512_4VNNIW_512:
    case ZYDIS_ISA_SET_AVX512_FP16_128: case ZYDIS_ISA_SET_AVX512_FP16_128N:
    case ZYDIS_ISA_SET_AVX512_FP16_256: case ZYDIS_ISA_SET_AVX512_FP16_512:
    case ZYDIS_ISA_SET_AVX512_FP16_SCALAR: case ZYDIS_ISA_SET_AVX512_VP2INTERSECT_128:
    case ZYDIS_ISA_SET_AVX512_VP2INTERSECT_256: case ZYDIS_ISA_SET_AVX512_VP2INTERSECT_512:
        return OP_UNSUPPORTED;
    default: break;
    }
    switch (zi->meta.category) {
    case ZYDIS_CATEGORY_COMPRESS: case ZYDIS_CATEGORY_EXPAND: return OP_EVEX_PACKED;
    case ZYDIS_CATEGORY_GATHER: return OP_EVEX_GATHER;
    case ZYDIS_CATEGORY_SCATTER: return OP_EVEX_SCATTER;
    default: return OP_EVEX;
    }
}

static enum op find_op(const ZydisDecodedInstruction *zi)
{
    if (zi->encoding == ZYDIS_INSTRUCTION_ENCODING_EVEX)
        return find_evex_op(zi);
    if (zi->meta.category == ZYDIS_CATEGORY_KMASK)
        return OP_OPMASK;
    if ((zi->mnemonic == ZYDIS_MNEMONIC_VPEXTRD || zi->mnemonic == ZYDIS_MNEMONIC_VPINSRD) &&
        zi->raw.vex.W) /* of a quadword: 64-bit code only */
        return OP_INVALID;
    if (zi->meta.category != ZYDIS_CATEGORY_STRINGOP) {
        if (zi->mnemonic == ZYDIS_MNEMONIC_MOVSD)
            return OP_MOVSD;
        if (zi->mnemonic == ZYDIS_MNEMONIC_CMPSD)
            return OP_CMPSD;
    }
    return op_of[zi->mnemonic].op;
}

static void put_evex(struct insn *in, const ZydisDecodedInstruction *zi)
{
    const ZydisDecodedInstructionRawEvex *e = &zi->raw.evex;
    if (zi->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX) {
        const ZydisDecodedInstructionRawVex *v = &zi->raw.vex;
        in->evex[0] = v->m_mmmm;
        in->evex[1] = (uint8_t)(v->W << 7 | (~v->vvvv & 7) << 3 | v->pp);
        in->evex[2] = (uint8_t)(v->L << 5);
        return;
    }
    in->evex[0] = INSN_EVEX | e->mmm;
    in->evex[1] = (uint8_t)(e->W << 7 | (~e->vvvv & 7) << 3 | e->pp);
    in->evex[2] = (uint8_t)(e->z << 7 | e->L2 << 6 | e->L << 5 | e->b << 4 | e->aaa);
}

static bool loads_segment(const struct insn *in)
{
    switch (in->op) {
    case OP_LDS: case OP_LES: case OP_LFS: case OP_LGS: case OP_LSS: return true;
    case OP_MOV: case OP_POP: return in->o[0].kind == OPND_SEG;
    default: return false;
    }
}

/* Transfers control, or changes how what follows is decoded, or always leaves the interpreter. */
static bool ends_block(const struct insn *in)
{
    switch (in->op) {
    case OP_JCC: case OP_JCXZ: case OP_LOOP: case OP_LOOPE: case OP_LOOPNE: case OP_JMP:
    case OP_CALL: case OP_RET: case OP_IRET: case OP_INT: case OP_INT1: case OP_INT3:
    case OP_INTO: case OP_SYSCALL: case OP_SYSENTER: case OP_SYSEXIT: case OP_SYSRET:
    case OP_HLT: case OP_POPF: case OP_UD0: case OP_UD1: case OP_UD2: case OP_INVALID:
    case OP_TOO_LONG: case OP_FETCH_FAULT: case OP_END_BLOCK: case OP_UNSUPPORTED: case OP_RSM:
    case OP_BREAKPOINT:
        return true;
    default: return loads_segment(in);
    }
}

static uint8_t flb(uint32_t zydis_flags)
{
    return (uint8_t)((zydis_flags & 0xd5) | (zydis_flags & ZYDIS_CPUFLAG_OF ? FLB_OF : 0));
}

static void put_flags(struct insn *in, const ZydisDecodedInstruction *zi)
{
    const ZydisAccessedFlags *f = zi->cpu_flags;
    if (!f)
        return;
    in->fl_read = flb(f->tested);
    in->fl_undef = flb(f->undefined);
    in->fl_write = flb(f->modified | f->set_0 | f->set_1 | f->undefined);
    switch (in->op) { /* a count of zero leaves all flags as they are */
    case OP_SHL: case OP_SHR: case OP_SAR: case OP_ROL: case OP_ROR: case OP_RCL: case OP_RCR:
    case OP_SHLD: case OP_SHRD:
        if (in->o[in->nopnd - 1].kind != OPND_IMM || !(in->imm & 31))
            in->fl_read |= in->fl_write;
        break;
    case OP_CMPS: case OP_SCAS:
        if (in->flags & (INSN_REP | INSN_REPNE))
            in->fl_read |= in->fl_write;
        break;
    default: break;
    }
}

static void put_prefixes(struct insn *in, const ZydisDecodedInstruction *zi)
{
    if (zi->attributes & ZYDIS_ATTRIB_HAS_LOCK)
        in->flags |= INSN_LOCK;
    if (zi->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE))
        in->flags |= INSN_REP;
    if (zi->attributes & ZYDIS_ATTRIB_HAS_REPNE)
        in->flags |= INSN_REPNE;
    if (zi->attributes & ZYDIS_ATTRIB_HAS_SEGMENT)
        in->flags |= INSN_SEG_OVERRIDE;
    if (zi->address_width == 16)
        in->flags |= INSN_ADDR16;
}

/* String operations: one explicit shape, o[0] with the element size; in->seg is the source's. */
static void put_string(struct insn *in, const ZydisDecodedInstruction *zi,
                       const ZydisDecodedOperand *zo, unsigned mode)
{
    in->nopnd = 1;
    memset(in->o, 0, sizeof in->o);
    in->seg = SEG_DS;
    for (unsigned i = 0; i < zi->operand_count; i++) {
        if (zo[i].type != ZYDIS_OPERAND_TYPE_MEMORY)
            continue;
        in->o[0] = (struct opnd){.kind = OPND_MEM, .size = (uint8_t)(zo[i].size / 8),
                                 .access = ACCESS_R | ACCESS_W};
        if (gpr_number(zo[i].mem.base) == REG_ESI)
            in->seg = (uint8_t)seg_number(zo[i].mem.segment);
    }
    in->base = in->index = REG_ZERO;
    if (in->seg >= SEG_FS || (mode & MODE_SEGS))
        in->flags |= INSN_SEG_CHECK;
}

/* Operations whose only memory operand is implicit still honour a segment prefix. */
static void put_implicit_segment(struct insn *in, const ZydisDecodedInstruction *zi,
                                 const ZydisDecodedOperand *zo, unsigned mode)
{
    for (unsigned i = 0; i < zi->operand_count; i++)
        if (zo[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
            in->seg = (uint8_t)seg_number(zo[i].mem.segment);
    if (in->seg >= SEG_FS || (mode & MODE_SEGS))
        in->flags |= INSN_SEG_CHECK;
}

static void convert(struct insn *in, const ZydisDecodedInstruction *zi,
                    const ZydisDecodedOperand *zo, gaddr eip, unsigned mode)
{
    in->len = zi->length;
    in->next = eip + zi->length;
    in->op = (uint16_t)find_op(zi);
    in->cc = op_of[zi->mnemonic].cc;
    in->opsize = zi->operand_width == 16 ? 2 : 4;
    in->opcode = zi->opcode;
    in->modrm = (uint8_t)(zi->raw.modrm.mod << 6 | zi->raw.modrm.reg << 3 | zi->raw.modrm.rm);
    if (zi->attributes & ZYDIS_ATTRIB_HAS_MODRM)
        in->modrm_off = zi->raw.modrm.offset;
    in->base = in->index = REG_ZERO;
    in->seg = SEG_DS;
    put_prefixes(in, zi);
    unsigned imms = 0;
    for (unsigned i = 0; i < zi->operand_count && in->nopnd < 4; i++) {
        if (zo[i].visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN ||
            zo[i].encoding == ZYDIS_OPERAND_ENCODING_MASK)
            continue;
        put_operand(in, in->nopnd++, zi, &zo[i], mode, &imms);
    }
    if (decode_op_class(in->op) == CLASS_AVX512)
        put_evex(in, zi);
    if (decode_op_class(in->op) == CLASS_STRING)
        put_string(in, zi, zo, mode);
    if (in->op == OP_XLAT || in->op == OP_MASKMOVQ || in->op == OP_MASKMOVDQU ||
        in->op == OP_VMASKMOVDQU)
        put_implicit_segment(in, zi, zo, mode);
    if (ends_block(in))
        in->flags |= INSN_END;
    put_flags(in, zi);
}

/* ---- entry points ---- */

static enum decode_status fail(struct insn *out, gaddr eip, enum op op, enum decode_status s)
{
    memset(out, 0, sizeof *out);
    out->eip = out->next = eip;
    out->op = (uint16_t)op;
    out->flags = INSN_END;
    out->base = out->index = REG_ZERO;
    out->seg = SEG_DS;
    return s;
}

static bool is_flat(unsigned mode)
{
    return !(mode & ~(unsigned)MODE_GS_PLAIN);
}

/* Does z mean something? */
static bool has_mask(const ZydisDecodedInstruction *zi, const ZydisDecodedOperand *zo)
{
    if (zo[0].type == ZYDIS_OPERAND_TYPE_MEMORY)
        return true;
    for (unsigned i = 0; i < zi->operand_count; i++)
        if (zo[i].encoding == ZYDIS_OPERAND_ENCODING_MASK)
            return true;
    return false;
}

/* Decodes an EVEX instruction that Zydis refuses for the sake of bits that 32-bit code ignores: those that
 * would name a register above the eighth. And z of one that has no mask, b of one that neither rounds nor accesses
 * memory: what these do is left to the host, as processors differ. False: it is not of this kind. */
static bool decode_evex_again(const uint8_t *code, size_t n, unsigned mode, ZydisDecodedInstruction *zi,
                              ZydisDecodedOperand *zo)
{
    enum { B = 0x10, Z = 0x80, AAA = 7 };
    static const uint8_t allowed[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67}, spare[] = {0, B, Z, B | Z};
    uint8_t copy[INSN_MAX];
    size_t i = 0;
    memcpy(copy, code, n);
    while (i < n && memchr(allowed, code[i], sizeof allowed))
        i++;
    if (n < i + 6 || code[i] != 0x62)
        return false;
    copy[i + 1] |= 0x30; /* B, R' */
    copy[i + 2] |= 0x40; /* the top bit of vvvv */
    for (unsigned k = 0; k < ARRAY_SIZE(spare); k++) {
        const uint8_t last = code[i + 3];
        if ((last & spare[k]) != spare[k] || (spare[k] & B && code[i + 5] < 0xc0) ||
            (spare[k] & Z && last & AAA))
            continue;
        copy[i + 3] = (uint8_t)((last | 8 /* V' */) & ~spare[k]);
        if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoders[mode & 3], copy, n, zi, zo)) &&
            !(spare[k] & Z && has_mask(zi, zo))) {
            zi->raw.evex.b = last >> 4 & 1;
            zi->raw.evex.z = last >> 7;
            return true;
        }
    }
    return false;
}

/* A valid LOCK needs a memory destination of a lockable instruction; Zydis checks that. An
 * instruction is too long if 15 bytes do not complete it. */
static enum decode_status decode_window(const uint8_t *code, size_t n, gaddr eip, unsigned mode,
                                        struct insn *out, bool *more)
{
    ZydisDecodedInstruction zi;
    ZydisDecodedOperand zo[ZYDIS_MAX_OPERAND_COUNT];
    *more = false;
    if (likely(is_flat(mode) && quick_decode(code, n, eip, out)))
        return DECODE_OK;
    pthread_once(&once, init);
    ZyanStatus s = ZydisDecoderDecodeFull(&decoders[mode & 3], code, n, &zi, zo);
    if (ZYAN_SUCCESS(s) || (s != ZYDIS_STATUS_NO_MORE_DATA && decode_evex_again(code, n, mode, &zi, zo))) {
        memset(out, 0, sizeof *out);
        out->eip = eip;
        convert(out, &zi, zo, eip, mode);
        if (out->op == OP_INVALID)
            return fail(out, eip, OP_INVALID, DECODE_INVALID);
        return DECODE_OK;
    }
    if (s == ZYDIS_STATUS_NO_MORE_DATA) {
        if (n >= INSN_MAX)
            return fail(out, eip, OP_TOO_LONG, DECODE_TOO_LONG);
        *more = true;
        return fail(out, eip, OP_FETCH_FAULT, DECODE_FETCH_FAULT);
    }
    if (s == ZYDIS_STATUS_INSTRUCTION_TOO_LONG)
        return fail(out, eip, OP_TOO_LONG, DECODE_TOO_LONG);
    return fail(out, eip, OP_INVALID, DECODE_INVALID);
}

enum decode_status decode_bytes(const uint8_t *code, size_t n, gaddr eip, unsigned mode,
                                struct insn *out)
{
    bool more;
    enum decode_status s = decode_window(code, n < INSN_MAX ? n : INSN_MAX, eip, mode, out, &more);
    if (s == DECODE_FETCH_FAULT) {
        out->imm = eip + (uint32_t)n;
        out->imm2 = PF_ERR_USER | PF_ERR_INSN;
    }
    return s;
}

bool decode_layout(const uint8_t *code, size_t n, struct insn *out, struct decode_layout *l)
{
    ZydisDecodedInstruction zi;
    ZydisDecodedOperand zo[ZYDIS_MAX_OPERAND_COUNT];
    pthread_once(&once, init);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoders[0], code, n, &zi, zo)))
        return false;
    memset(out, 0, sizeof *out);
    convert(out, &zi, zo, 0, 0);
    *l = (struct decode_layout){
        .modrm = zi.attributes & ZYDIS_ATTRIB_HAS_MODRM, .reg_opnd = 4, .rm_opnd = 4,
        .disp_size = zi.raw.disp.size / 8, .imm_size = zi.raw.imm[0].size / 8,
        .imm_signed = zi.raw.imm[0].is_signed, .imm_relative = zi.raw.imm[0].is_relative,
        .imms = (uint8_t)((zi.raw.imm[0].size != 0) + (zi.raw.imm[1].size != 0)),
    };
    l->opcode_end = l->modrm ? zi.raw.modrm.offset
                             : (uint8_t)(zi.length - l->disp_size - l->imm_size);
    for (uint8_t i = 0; i < out->nopnd; i++) { /* put_operand takes them in this order */
        if (zo[i].type == ZYDIS_OPERAND_TYPE_REGISTER && zo[i].encoding == ZYDIS_OPERAND_ENCODING_MODRM_REG)
            l->reg_opnd = i;
        if (zo[i].type == ZYDIS_OPERAND_TYPE_REGISTER && zo[i].encoding == ZYDIS_OPERAND_ENCODING_MODRM_RM)
            l->rm_opnd = i;
    }
    return true;
}

/* Can the guest fetch from this page? Sets the #PF error code if not. */
static bool fetchable(gaddr a, uint16_t *err)
{
    uint8_t f = mem_page_flags(a);
    if ((f & (PAGE_MAPPED | PAGE_X)) == (PAGE_MAPPED | PAGE_X))
        return true;
    *err = PF_ERR_USER | PF_ERR_INSN;
    if (f & PAGE_MAPPED && f & (PAGE_R | PAGE_W))
        *err |= PF_ERR_PRESENT;
    return false;
}

static enum decode_status fetch_fault(struct insn *out, gaddr eip, gaddr at, uint16_t err)
{
    fail(out, eip, OP_FETCH_FAULT, DECODE_FETCH_FAULT);
    out->imm = at;
    out->imm2 = err;
    return DECODE_FETCH_FAULT;
}

enum decode_status decode_insn(gaddr eip, unsigned mode, struct insn *out)
{
    uint8_t code[INSN_MAX];
    uint16_t err = 0;
    bool more;
    if (!fetchable(eip, &err))
        return fetch_fault(out, eip, eip, err);
    size_t n = GUEST_PAGE_SIZE - (eip & GUEST_PAGE_MASK);
    if (n > INSN_MAX)
        n = INSN_MAX;
    if (mem_read(code, eip, n))
        return fetch_fault(out, eip, eip, PF_ERR_USER | PF_ERR_INSN);
    enum decode_status s = decode_window(code, n, eip, mode, out, &more);
    if (s != DECODE_FETCH_FAULT || !more)
        return s;
    gaddr page2 = eip + (gaddr)n; /* the instruction reaches into the next page */
    if (!fetchable(page2, &err))
        return fetch_fault(out, eip, page2, err);
    if (mem_read(code + n, page2, INSN_MAX - n))
        return fetch_fault(out, eip, page2, PF_ERR_USER | PF_ERR_INSN);
    return decode_window(code, INSN_MAX, eip, mode, out, &more);
}

static void end_block(struct insn *in, gaddr eip)
{
    memset(in, 0, sizeof *in);
    in->eip = in->next = eip;
    in->op = OP_END_BLOCK;
    in->flags = INSN_END;
    in->base = in->index = REG_ZERO;
}

/* Code of one page, read ahead. */
struct window {
    gaddr start;
    unsigned n;
    uint8_t bytes[64 + 4];
};

static bool window_holds(const struct window *w, gaddr pc)
{
    return pc - w->start < w->n && w->n - (pc - w->start) >= INSN_MAX;
}

static void window_fill(struct window *w, gaddr pc)
{
    uint16_t err;
    unsigned rest = GUEST_PAGE_SIZE - (pc & GUEST_PAGE_MASK), n = sizeof w->bytes - 4;
    w->start = pc;
    w->n = rest < n ? rest : n;
    if (!fetchable(pc, &err) || mem_read(w->bytes, pc, w->n))
        w->n = 0;
}

static enum decode_status decode_next(struct window *w, gaddr pc, unsigned mode, struct insn *out)
{
    if (unlikely(!window_holds(w, pc)))
        window_fill(w, pc);
    if (likely(window_holds(w, pc) && quick_decode_long(&w->bytes[pc - w->start], pc, out)))
        return DECODE_OK;
    return decode_insn(pc, mode, out);
}

/* A block ends before a breakpoint, which has one of its own. */
static unsigned stop_at_breakpoint(struct insn *out, unsigned n, gaddr pc, gaddr *end)
{
    end_block(&out[n], pc);
    if (!n)
        out[n].op = OP_BREAKPOINT;
    *end = n ? pc : pc + 1;
    return n + 1;
}

/* The bytes of an instruction at pc; sixteen are as quickly copied as one. */
static void keep_raw(const struct window *w, gaddr pc, unsigned len, uint8_t *to)
{
    if (likely(window_holds(w, pc)))
        memcpy(to, &w->bytes[pc - w->start], 16);
    else
        mem_read(to, pc, len);
}

static unsigned decode_run(gaddr eip, unsigned mode, unsigned max, struct insn *out, gaddr *end,
                           uint8_t *raw)
{
    gaddr pc = eip;
    struct window w = {.n = 0};
    bool flat = is_flat(mode);
    for (unsigned n = 0; n < max; n++) {
        if (breaks_at(pc) && (mem_page_flags(pc) & PAGE_X))
            return stop_at_breakpoint(out, n, pc, end);
        enum decode_status s = likely(flat) ? decode_next(&w, pc, mode, &out[n])
                                            : decode_insn(pc, mode, &out[n]);
        if (s != DECODE_OK) {
            *end = pc + (s == DECODE_FETCH_FAULT ? 0 : INSN_MAX);
            if (!n) {
                if (s == DECODE_FETCH_FAULT)
                    *end = pc + 1;
                else
                    mem_read(raw, pc, INSN_MAX);
                return 1;
            }
            end_block(&out[n], pc);
            *end = pc; /* the bad instruction is looked at again when it is reached */
            return n + 1;
        }
        keep_raw(&w, pc, out[n].len, raw + (pc - eip));
        pc = out[n].next;
        *end = pc;
        if (out[n].flags & INSN_END)
            return n + 1;
    }
    end_block(&out[max], pc);
    return max + 1;
}

uint64_t decode_hash(gaddr a, uint32_t len)
{
    const uint64_t k1 = UINT64_C(0x9e3779b97f4a7c15), k2 = UINT64_C(0xd6e8feb86659fd93);
    const uint8_t *p = mem_host(a);
    uint64_t h = len * k1, v;
    for (; len >= sizeof v; len -= sizeof v, p += sizeof v) {
        memcpy(&v, p, sizeof v);
        h = (h ^ v) * k1;
        h = (h ^ h >> 32) * k2;
    }
    for (; len; len--, p++)
        h = (h ^ *p) * k1;
    return h ^ h >> 29;
}

/* Does code that can change without notice begin in this page or the next? */
static bool foreign(gaddr eip)
{
    return (mem_page_flags(eip) | mem_page_flags(eip + GUEST_PAGE_SIZE)) & PAGE_FOREIGN;
}

/* How many bytes of [eip, end) there are to compare: an instruction that cannot be decoded may have
 * been cut off by the end of its page. */
static uint32_t check_length(gaddr eip, gaddr end)
{
    uint32_t len = end - eip, first = GUEST_PAGE_SIZE - (eip & GUEST_PAGE_MASK);
    return len > first && !(mem_page_flags(end - 1) & PAGE_MAPPED) ? first : len;
}

static unsigned decode_checked(gaddr eip, unsigned mode, unsigned max, struct insn *out, gaddr *end,
                           uint8_t *raw)
{
    uint64_t before;
    unsigned n;
    uint32_t len;
    end_block(out, eip);
    out->op = OP_CHECK_CODE;
    out->flags = 0;
    max = max > 1 ? max - 1 : 1;
    n = decode_run(eip, mode, max, out + 1, end, raw);
    do { /* until the bytes were the same before and after decoding */
        if (out[1].op == OP_FETCH_FAULT) {
            out[0] = out[1];
            return 1;
        }
        len = check_length(eip, *end);
        before = decode_hash(eip, len);
        n = decode_run(eip, mode, max, out + 1, end, raw);
    } while (check_length(eip, *end) != len || decode_hash(eip, len) != before);
    out->imm2 = (uint16_t)len;
    out->disp = (uint32_t)before;
    out->imm = (uint32_t)(before >> 32);
    return n + 1;
}

unsigned decode_block(gaddr eip, unsigned mode, unsigned max, struct insn *out, gaddr *end,
                           uint8_t *raw)
{
    return unlikely(foreign(eip)) ? decode_checked(eip, mode, max, out, end, raw)
                                  : decode_run(eip, mode, max, out, end, raw);
}

/* ---- text ---- */

static size_t read_code(gaddr eip, uint8_t *code)
{
    size_t n = 0;
    while (n < INSN_MAX && !mem_read(code + n, eip + (gaddr)n, 1))
        n++;
    return n;
}

void decode_format(gaddr eip, unsigned mode, char *buf, size_t size)
{
    uint8_t code[INSN_MAX];
    ZydisDecodedInstruction zi;
    ZydisDecodedOperand zo[ZYDIS_MAX_OPERAND_COUNT];
    pthread_once(&once, init);
    size_t n = read_code(eip, code);
    if (ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoders[mode & 3], code, n, &zi, zo)) &&
        ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &zi, zo,
                                                     zi.operand_count_visible, buf, size, eip,
                                                     NULL)))
        return;
    size_t len = 0;
    buf[0] = 0;
    for (size_t i = 0; i < n && len + 4 < size; i++)
        len += (size_t)snprintf(buf + len, size - len, "%s%02x", i ? " " : "", code[i]);
}

unsigned decode_format_x86_64(const uint8_t *code, size_t n, uint64_t pc, char *buf, size_t size)
{
    ZydisDecoder d;
    ZydisDecodedInstruction zi;
    ZydisDecodedOperand zo[ZYDIS_MAX_OPERAND_COUNT];
    pthread_once(&once, init);
    ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, code, n, &zi, zo)) ||
        !ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &zi, zo, zi.operand_count_visible,
                                                      buf, size, pc, NULL)))
        return 0;
    return zi.length;
}

const char *decode_isa(const uint8_t *code, size_t n, unsigned mode)
{
    ZydisDecodedInstruction zi;
    pthread_once(&once, init);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoders[mode & 3], NULL, code, n, &zi)))
        return "?";
    return ZydisISASetGetString(zi.meta.isa_set);
}
