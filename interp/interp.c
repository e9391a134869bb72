/* Binding, the run loop, and the pseudo operations. */
#include "interp/interp.h"

#include <stdio.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/populate.h"
#include "core/thread.h"
#include "decode/decode.h"
#include "interp/priv.h"

static void log_bytes(const struct insn *in, const char *what)
{
    char buf[64] = "";
    uint8_t b;
    int n = 0;
    for (unsigned i = 0; i < 15 && !mem_read(&b, in->eip + i, 1); i++)
        n += snprintf(buf + n, sizeof buf - (size_t)n, " %02x", b);
    log_user("%s instruction at %08x:%s (%s)", what, in->eip, buf, decode_op_name(in->op));
}

HANDLER(op_invalid)
{
    cpu->cur = in;
    cpu_fault_ud(cpu);
}

/* Valid, but nobody executes it: the one place where xrun, not the program, may be at fault. */
HANDLER(op_unsupported)
{
    cpu->cur = in;
    log_bytes(in, "unsupported");
    cpu_fault_ud(cpu);
}

HANDLER(op_protection)
{
    cpu->cur = in;
    if (in->op == OP_FXSAVE && (cpu->mode & MODE_AC) && (ea(cpu, in, 4, false) & 3))
        cpu_fault(cpu, TRAP_AC, 0, 0);
    cpu_fault_gp(cpu, 0);
}

/* The same for an x87 operation: a pending exception of the unit comes first. */
HANDLER(op_protection_x87)
{
    cpu->cur = in;
    if (cpu->fpu.sw & 0x80)
        cpu_fault(cpu, TRAP_MF, 0, 0);
    cpu_fault_gp(cpu, 0);
}

static bool waits(const struct insn *in) /* for a pending x87 exception */
{
    unsigned op = in->op;
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MM)
            return true;
    return decode_op_class(op) == CLASS_X87 && op != OP_FNSTCW && op != OP_FNSTSW &&
           op != OP_FNSTENV && op != OP_FNSAVE && op != OP_FXSAVE;
}

/* Hardware faults first because the page is absent, whatever its protection: behind the end of a
 * file that is SIGBUS. */
HANDLER(op_fetch_fault)
{
    cpu->cur = in;
    if (mem_page_flags(in->imm) & (PAGE_R | PAGE_W | PAGE_X))
        (void)ld8(in->imm);
    cpu_fault(cpu, TRAP_PF, in->imm2, in->imm);
}

HANDLER(op_end_block)
{
    return interp_jump(cpu, in, 0, in->next);
}

/* Code that others can change: if it is no longer what was decoded, it is decoded again. */
HANDLER(op_check_code)
{
    cpu->cur = in;
    if (likely(decode_hash(in->eip, in->imm2) == decode_check_value(in)))
        NEXT;
    runtime_hooks.invalidate(in->eip, in->eip + in->imm2);
    cpu->eip = in->eip;
    cpu->exit_links = NULL;
    cpu->exit = EXIT_BRANCH;
    return NULL;
}

HANDLER(op_breakpoint)
{
    cpu->cur = in;
    cpu->eip = in->eip;
    cpu->exit_links = NULL;
    cpu->exit = EXIT_BREAK;
    return NULL;
}

static insn_fn bind_pseudo(const struct insn *in)
{
    switch (in->op) {
    case OP_INVALID: return op_invalid;
    case OP_TOO_LONG: return op_protection;
    case OP_FETCH_FAULT: return op_fetch_fault;
    case OP_END_BLOCK: return op_end_block;
    case OP_CHECK_CODE: return op_check_code;
    case OP_BREAKPOINT: return op_breakpoint;
    default: return NULL;
    }
}

/* Emulated by the kernel on CPUs with UMIP: it stores at the linear address, whatever the segment
 * allows, and does not look at why a store fails. */
static bool is_umip(unsigned op)
{
    return op == OP_SGDT || op == OP_SIDT || op == OP_SLDT || op == OP_STR || op == OP_SMSW;
}

static gaddr enter_top(const struct cpu *cpu, const struct insn *in)
{
    uint32_t top = cpu->gpr[REG_ESP] - in->opsize * (1u + (in->imm2 & 31)) - in->imm;
    return (cpu->mode & MODE_STACK16 ? top & 0xffff : top) + cpu->seg_base[SEG_SS];
}

/* A code segment is never writable in protected mode. */
static bool writes_code_segment(const struct insn *in)
{
    if (is_umip(in->op) || in->op == OP_ARPL /* may not write */ || in->op == OP_POP /* reads first */ ||
        in->op == OP_VMASKMOVPS || in->op == OP_VMASKMOVPD || in->op == OP_VPMASKMOVD ||
        in->op == OP_VPMASKMOVQ || decode_op_class(in->op) == CLASS_AVX512 /* may not write */)
        return false;
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM && (in->o[i].access & ACCESS_W))
            return in->seg == SEG_CS && in->op != OP_LEA && decode_op_class(in->op) != CLASS_STRING;
    return false;
}

static insn_fn bind(const struct insn *in)
{
    if (unlikely(in->seg == SEG_CS) && writes_code_segment(in))
        return waits(in) ? op_protection_x87 : op_protection;
    switch (decode_op_class(in->op)) {
    case CLASS_INT: return interp_bind_int(in);
    case CLASS_STRING: return interp_bind_string(in);
    case CLASS_SYSTEM: return interp_bind_system(in);
    case CLASS_X87: return interp_bind_x87(in);
    case CLASS_MMX: return interp_bind_mmx(in);
    case CLASS_SSE: return interp_bind_sse(in);
    case CLASS_AVX: return interp_bind_avx(in);
    case CLASS_AVX512: return interp_bind_avx512(in);
    case CLASS_PSEUDO: return bind_pseudo(in);
    }
    return NULL;
}

/* By kind: the function, as its distance from this one. */
static LARGE_BSS int32_t bound[INSN_KINDS];

void interp_init(void)
{
    populate_pages(bound, sizeof bound); /* else two faults for each that is used: it is read first */
}

void interp_bind(struct insn *in)
{
    uintptr_t kind = in->kind;
    int32_t known = __atomic_load_n(&bound[kind], __ATOMIC_RELAXED);
    if (unlikely(!known)) {
        insn_fn fn = bind(in);
        in->fn = fn ? fn : op_unsupported;
        known = (int32_t)((intptr_t)in->fn - (intptr_t)op_invalid);
        if (kind)
            __atomic_store_n(&bound[kind], known, __ATOMIC_RELAXED);
        return;
    }
    in->fn = (insn_fn)((intptr_t)op_invalid + known);
}

/* Hardware reads the destination of a read-modify-write with the intent to write, so that a missing
 * page is reported as a write; the interpreter's own load says "read". */
uint32_t interp_fault_error(const struct cpu *cpu, uint32_t err, gaddr addr)
{
    const struct insn *in = cpu->cur;
    err |= PF_ERR_USER;
    if (in->op == OP_FETCH_FAULT)
        return err | PF_ERR_INSN;
    if (in->op == OP_ENTER) /* its probe of the new stack top */
        return addr == enter_top(cpu, in) ? err | PF_ERR_WRITE : err;
    if (is_umip(in->op))
        return PF_ERR_USER | PF_ERR_WRITE;
    if (in->op == OP_ARPL || decode_op_class(in->op) == CLASS_STRING)
        return err;
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_MEM && in->o[i].access == (ACCESS_R | ACCESS_W))
            return err | PF_ERR_WRITE;
    return err;
}

bool interp_supports(const struct insn *in)
{
    return bind(in) != NULL;
}

void interp_run(struct cpu *cpu, const struct insn *first)
{
    while (first)
        first = first->fn(cpu, first);
}

/* The alignment that an access of `size` bytes must have when EFLAGS.AC is set; SSE operands that
 * must be aligned anyway raise #GP instead. From hardware (tests/guest/exc_align.c). */
static uint32_t alignment(const struct insn *in, uint32_t size)
{
    switch (in->op) {
    case OP_SGDT: case OP_SIDT: case OP_SLDT: case OP_STR: case OP_SMSW: return 1;
    case OP_FXSAVE: case OP_FXRSTOR: return 4;
    case OP_XSAVE: case OP_XSAVEC: case OP_XSAVEOPT: case OP_XRSTOR: return 1;
    case OP_MASKMOVQ: case OP_MASKMOVDQU: return 8;
    case OP_BOUND: case OP_LDS: case OP_LES: case OP_LFS: case OP_LGS: case OP_LSS:
    case OP_JMP: case OP_CALL: case OP_FNSTENV: case OP_FLDENV: case OP_FNSAVE: case OP_FRSTOR:
        return in->opsize;
    case OP_MOVUPS: case OP_MOVUPD: case OP_MOVDQU: case OP_LDDQU: case OP_PCMPESTRI:
    case OP_PCMPESTRM: case OP_PCMPISTRI: case OP_PCMPISTRM: case OP_SHA1MSG1: case OP_SHA1MSG2:
    case OP_SHA1NEXTE: case OP_SHA1RNDS4: case OP_SHA256MSG1: case OP_SHA256MSG2:
    case OP_SHA256RNDS2: return size;
    case OP_VMASKMOVPS: case OP_VMASKMOVPD: case OP_VPMASKMOVD: case OP_VPMASKMOVQ:
    case OP_VGATHERDPS: case OP_VGATHERDPD: case OP_VGATHERQPS: case OP_VGATHERQPD:
    case OP_EVEX_GATHER: case OP_EVEX_SCATTER: case OP_VPGATHERDD: case OP_VPGATHERDQ: case OP_VPGATHERQD: case OP_VPGATHERQQ: return 1;
    default:
        if (decode_op_class(in->op) == CLASS_AVX512) /* looks itself, at the whole operand */
            return 1;
        if (decode_op_class(in->op) == CLASS_AVX)
            return size < 16 ? size : 16;
        return size == 10 ? 8 : size == 16 ? 1 : size;
    }
}

static bool has_rights(const struct seg_cache *s, bool write)
{
    bool code = s->attr & 8;
    return s->valid && (write ? !code && (s->attr & 2) : !code || (s->attr & 2));
}

static bool in_limit(const struct seg_cache *s, uint32_t off, uint32_t size)
{
    uint32_t last = off + size - 1;
    if (!(s->attr & 8) && (s->attr & 4)) { /* expand-down: valid above the limit */
        uint32_t top = s->attr & SEGATTR_DB ? 0xffffffff : 0xffff;
        return off > s->limit && last >= off && last <= top;
    }
    return last <= s->limit && last >= off;
}

bool ea_allowed(const struct cpu *cpu, enum segreg seg, uint32_t off, uint32_t size, bool write)
{
    return has_rights(&cpu->seg[seg], write) && in_limit(&cpu->seg[seg], off, size);
}

gaddr ea_checked(struct cpu *cpu, enum segreg seg, uint32_t off, uint32_t size, bool write)
{
    const struct seg_cache *s = &cpu->seg[seg];
    enum trap vec = seg == SEG_SS ? TRAP_SS : TRAP_GP;
    if (!has_rights(s, write))
        cpu_fault(cpu, s->valid ? TRAP_GP : vec, 0, 0);
    if (!in_limit(s, off, size))
        cpu_fault(cpu, vec, 0, 0);
    if ((cpu->mode & MODE_AC) && ((off + s->base) & (alignment(cpu->cur, size) - 1)))
        cpu_fault(cpu, TRAP_AC, 0, 0);
    return off + s->base;
}
