/* AVX-512: the same instruction, encoded anew. Within translated code, or alone in a little memory of the
 * thread's, to be called by the interpreter. */
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "core/cpuid.h"
#include "core/thread.h"
#include "core/xstate.h"
#include "decode/decode.h"
#include "translate/x86_64/insn.h"
#include "translate/x86_64/ops.h"
#include "translate/x86_64/stubs.h"

bool x64_uses_zmm(const struct insn *in)
{
    return x64_how(in->op) == HOW_EVEX;
}

/* W would make an operand 64 bits wide: of a general register, or what can be one. */
static bool w_widens(const struct insn *in)
{
    unsigned map = in->evex[0] & 7, pp = in->evex[1] & 3, op = in->opcode;
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_GPR)
            return true;
    if (!(in->evex[0] & INSN_EVEX))
        return false;
    return (map == 1 && ((pp >= 2 && (op == 0x2a || op == 0x7b)) || (pp == 1 && (op & 0xef) == 0x6e))) ||
           (map == 3 && pp == 1 && (op == 0x16 || op == 0x22));
}

/* The instruction with ModRM.reg `reg` and either *m or register `rm`. */
static void encode(struct emit *e, const struct insn *in, unsigned reg, unsigned rm,
                   const struct x64_mem *m)
{
    uint8_t map = in->evex[0] & 0x1f, pp = in->evex[1] & 3, vvvv = in->evex[1] >> 3 & 7,
            w = w_widens(in) ? 0 : in->evex[1] >> 7;
    if (in->evex[0] & INSN_EVEX) {
        struct x64_evex v = {pp, map, w, vvvv, in->evex[2], in->opcode};
        if (m)
            x64_evex_rm(e, v, reg, *m);
        else
            x64_evex_rr(e, v, reg, rm);
    } else {
        struct x64_vex v = {pp, map, w, in->evex[2] >> 5 & 1, vvvv, in->opcode};
        if (m)
            x64_vex_rm(e, v, reg, *m);
        else
            x64_vex_rr(e, v, reg, rm);
    }
    if (in->o[in->nopnd - 1].kind == OPND_IMM)
        e8(e, in->imm & 0xff);
}

static unsigned reg_field(const struct insn *in)
{
    unsigned reg = in->modrm >> 3 & 7;
    return in->flags & INSN_REG_GPR ? x64_gpr(reg) : reg;
}

static unsigned rm_field(const struct insn *in)
{
    unsigned rm = in->modrm & 7;
    return in->flags & INSN_RM_GPR ? x64_gpr(rm) : rm;
}

bool x64_evex_insn(struct emit *e, const struct insn *in)
{
    struct x64_mem m;
    bool mem = in->modrm >> 6 != 3;
    if (mem && !(in->flags & INSN_VSIB ? x64_gather_mem(e, in, &m) : x64_guest_mem(e, in, &m)))
        return false;
    encode(e, in, reg_field(in), rm_field(in), mem ? &m : NULL);
    return true;
}

/* ---- one instruction alone ---- */

/* A thread's own copies of instructions, by a hash of what makes them; written when there is another
 * in the place, and only by the thread itself. */
enum { SLOTS = 256 };
struct slot {
    uint64_t key;
    uint8_t code[24];
};

static uint64_t key_of(const struct insn *in)
{
    uint8_t k[8] = {in->evex[0], in->evex[1], in->evex[2], in->opcode, in->modrm,
                    in->o[in->nopnd - 1].kind == OPND_IMM ? (uint8_t)in->imm : 0, 1,
                    (uint8_t)w_widens(in)};
    uint64_t v;
    if (in->modrm >> 6 != 3)
        k[4] &= 0x38;
    memcpy(&v, k, sizeof v);
    return v;
}

static void fill(struct slot *s, const struct insn *in, uint64_t key)
{
    struct emit e = {.p = s->code};
    const struct x64_mem m = x64_at(X64_TMP0, 0);
    s->key = 0;
    __asm__ volatile("" ::: "memory"); /* a child that shares the memory may be killed here */
    encode(&e, in, reg_field(in), rm_field(in), in->modrm >> 6 != 3 ? &m : NULL);
    e8(&e, 0xc3);
    __asm__ volatile("" ::: "memory");
    s->key = key;
}

uint32_t translate_run_alone(struct cpu *cpu, const struct insn *in, gaddr a)
{
    struct thread *t = cpu->thread;
    uint64_t key = key_of(in);
    if (unlikely(!t->alone)) {
        void *p = mmap(NULL, SLOTS * sizeof(struct slot), PROT_READ | PROT_WRITE | PROT_EXEC,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            cpu_fault_ud(cpu);
        t->alone = p;
    }
    struct slot *s = (struct slot *)t->alone + (key * UINT64_C(0x9e3779b97f4a7c15) >> 56) % SLOTS;
    if (s->key != key)
        fill(s, in, key);
    return x64_call_alone(cpu, s->code, a);
}

bool translate_is_alone(const struct thread *t, uintptr_t pc)
{
    return t->alone && pc - (uintptr_t)t->alone < SLOTS * sizeof(struct slot);
}

void translate_alone_fault(struct cpu *cpu, const void *context)
{
    const ucontext_t *uc = context;
    cpu->mxcsr = uc->uc_mcontext.fpregs->mxcsr;
}

void translate_alone_free(struct thread *t)
{
    void *p = __atomic_exchange_n(&t->alone, NULL, __ATOMIC_RELAXED); /* as in code_thread_remove */
    if (p)
        munmap(p, SLOTS * sizeof(struct slot));
}

/* ---- what the host has ---- */

/* Can memory be writable and executable? */
static bool executable_memory(void)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return false;
    munmap(p, 4096);
    return true;
}

/* Where the parts of an XSAVE area are, without CPUID, which costs some 50 microseconds on virtual machines. */
static bool find_parts(uint16_t at[3])
{
    static uint64_t area[XSTATE_MAX / 8] __attribute__((aligned(64)));
    unsigned found = 0;
    x64_save_marks(area);
    for (uint16_t i = XSTATE_AVX_AT / 8; i < XSTATE_MAX / 8; i++)
        if (found < 3 && area[i] == found + 1) /* its first 8 bytes */
            at[found++] = (uint16_t)(i * 8);
    return found == 3 && at[2] + 1024u <= XSTATE_MAX;
}

bool translate_avx512(struct cpuid_avx512 *bits, uint16_t at[3])
{
    uint32_t b[3];
    if (!x64_host_avx512())
        return false;
    x64_avx512_bits(b);
    *bits = (struct cpuid_avx512){b[0], b[1], b[2]};
    return find_parts(at) && executable_memory();
}
