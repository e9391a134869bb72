/* Translated code's contact with the rest: the host's features, interrupted contexts, the stack of return
 * addresses. */
#include <assert.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "core/options.h"
#include "translate/aarch64/live.h"
#include "translate/aarch64/offsets.h"
#include "translate/aarch64/stubs.h"
#include "translate/aarch64/x87.h"
#include "translate/translate.h"

#define AT(field, offset) static_assert(offsetof(struct cpu, field) == (offset), #field)
AT(fpu, CPU_FPU);
AT(fpu.top, CPU_FPU + FPU_TOP);
AT(fpu.empty, CPU_FPU + FPU_EMPTY);
AT(fpu.cw, CPU_FPU + FPU_CW);
AT(fpu.sw, CPU_FPU + FPU_SW);
AT(fpu.fop, CPU_FPU + FPU_FOP);
AT(fpu.fip, CPU_FPU + FPU_FIP);
AT(fpu.fcs, CPU_FPU + FPU_FCS);
AT(fpu.fds, CPU_FPU + FPU_FDS);
AT(sel, CPU_SEL);
AT(host.x87_image, CPU_X87);
AT(mxcsr, CPU_MXCSR);
AT(host.ymm_live, CPU_YMM_LIVE);
AT(host.fp_bits, CPU_FP_BITS);
AT(ymmh, CPU_YMMH);

/* ---- the host ---- */

bool a64_x87_double(void)
{
    return opt.x87 && !strcmp(opt.x87, "double");
}

struct a64_features a64_has;
bool a64_tso;

/* arch/arm64/include/uapi/asm/hwcap.h */
#define FEATURE(name, word, bit) {#name, offsetof(struct a64_features, name), word, bit}
static const struct {
    const char *name;
    uint8_t at;     /* in struct a64_features */
    uint8_t word;   /* AT_HWCAP or AT_HWCAP2 */
    uint8_t bit;
} features[] = {
    FEATURE(aes, AT_HWCAP, 3), FEATURE(pmull, AT_HWCAP, 4), FEATURE(sha1, AT_HWCAP, 5),
    FEATURE(sha2, AT_HWCAP, 6), FEATURE(crc32, AT_HWCAP, 7), FEATURE(lse, AT_HWCAP, 8),
    FEATURE(lrcpc, AT_HWCAP, 15), FEATURE(lrcpc2, AT_HWCAP, 26), FEATURE(flagm, AT_HWCAP, 27),
    FEATURE(flagm2, AT_HWCAP2, 7), FEATURE(afp, AT_HWCAP2, 8 /* FRINTTS, and: */),
};

/* ID_AA64MMFR1_EL1.AFP, which the kernel shows: AT_HWCAP2 has it, too, but not under every emulator. */
static bool has_afp(void)
{
    uint64_t id = 0;
    if (getauxval(AT_HWCAP) & HWCAP_CPUID)
        __asm__("mrs %0, s3_0_c0_c7_1" : "=r"(id));
    return id >> 44 & 15;
}

/* FPCR.AH: the sign of a NaN stays. */
static bool has_ah_fneg(void)
{
    uint64_t ah = 2, nan = UINT64_C(0x7ff8) << 48;
    __asm__ volatile("msr fpcr, %1; fmov d0, %0; fneg v0.2d, v0.2d; fmov %0, d0; msr fpcr, xzr"
                     : "+r"(nan) : "r"(ah) : "v0");
    return !(nan >> 63);
}

static __attribute__((constructor)) void find_features(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(features); i++)
        ((bool *)&a64_has)[features[i].at] = getauxval(features[i].word) >> features[i].bit & 1;
    a64_has.afp &= has_afp();
    a64_has.ah_fneg = a64_has.afp && has_ah_fneg();
}

bool translate_without(const char *list)
{
    while (*list) {
        size_t n = strcspn(list, ","), i = 0;
        while (i < ARRAY_SIZE(features) && (strlen(features[i].name) != n || strncmp(features[i].name, list, n)))
            i++;
        if (i == ARRAY_SIZE(features))
            return false;
        ((bool *)&a64_has)[features[i].at] = false;
        list += n + (list[n] == ',');
    }
    return true;
}

/* --x87=double leaves traces in FPSR. */
bool a64_afp(void)
{
    return a64_has.afp && !a64_x87_double();
}

bool translate_unmasked;

void translate_assume(bool newest)
{
    memset(&a64_has, newest, sizeof a64_has); /* each is a bool */
}

uint64_t translate_features(void)
{
    uint64_t f = a64_x87_double();
    for (size_t i = 0; i < sizeof a64_has; i++)
        f = f << 1 | ((const bool *)&a64_has)[i];
    return f;
}

bool translate_orders_memory(void)
{
    return true;
}

unsigned translate_order(bool ordered)
{
    return (ordered ? 1u + a64_tso : 0) | (unsigned)(a64_afp() && translate_unmasked) << 2 |
           (unsigned)translate_all_flags << 3;
}

bool translate_looks_ahead(void)
{
    return true;
}

/* Offered by kernels for processors that have a mode for it; not by the kernel's main line. */
#ifndef PR_SET_MEM_MODEL
#define PR_SET_MEM_MODEL 0x4d4d444c
#define PR_SET_MEM_MODEL_TSO 1
#endif

void translate_ask_order(void)
{
    a64_tso = !prctl(PR_SET_MEM_MODEL, PR_SET_MEM_MODEL_TSO, 0, 0, 0);
    /* for translate_sync_cores; with more than one thread the kernel would take milliseconds */
    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0);
}

uintptr_t translate_near(void)
{
    return (uintptr_t)a64_stubs_start;
}

size_t translate_reach(void)
{
    return 127 << 20; /* of a BL, less the stubs */
}

unsigned translate_narrow_slots(void)
{
    return 0;
}

uintptr_t translate_table_place(uint64_t random)
{
    (void)random;
    return 0;
}

bool translate_guard_table(const void *table)
{
    (void)table;
    return false;
}

bool translate_return_fault(const struct cpu *cpu, void *uc, uintptr_t addr)
{
    (void)cpu, (void)uc, (void)addr;
    return false;
}

const uint8_t *translate_table_base(void)
{
    return (const uint8_t *)a64_look_up;
}

/* At the bottom lies a pair that matches no return address. */
void translate_init_stack(struct cpu *cpu, uint8_t *top)
{
    /* should code return to 0xffffffff, it finds this pair */
    const uint64_t bottom[2] = {UINT64_MAX, (uintptr_t)a64_return_miss};
    top -= 512 - A64_X87_ALIGN; /* the slots of the x87 unit; `top` is a page's */
    memset(cpu->host.x87_image, 0, sizeof cpu->host.x87_image);
    memcpy(cpu->host.x87_image, &top, sizeof top);
    cpu->host.x87_image[CPU_X87_DOUBLE - CPU_X87] = a64_x87_double();
    cpu->host.x87_image[CPU_AFP - CPU_X87] = a64_afp();
    top -= 64;
    memcpy(top, bottom, sizeof bottom);
    cpu->host.ret_top = top;
    cpu->host.ret_sp = top;
}

void translate_reset_stack(struct cpu *cpu)
{
    cpu->host.ret_sp = cpu->host.ret_top;
}

/* The assembler's own way to say it: `as` and `objdump -d` make it readable. */
unsigned translate_format(const uint8_t *code, size_t n, uint64_t pc, char *buf, size_t size)
{
    uint32_t word;
    (void)pc;
    if (n < sizeof word)
        return 0;
    memcpy(&word, code, sizeof word);
    snprintf(buf, size, ".inst 0x%08x", word);
    return sizeof word;
}

/* ---- interrupted contexts ---- */

static mcontext_t *regs(void *uc)
{
    return &((ucontext_t *)uc)->uc_mcontext;
}

static bool in_leaf(uintptr_t pc)
{
    return pc >= (uintptr_t)__start_a64_leaf && pc < (uintptr_t)__stop_a64_leaf;
}

bool translate_in_stubs(uintptr_t pc)
{
    return (pc >= (uintptr_t)a64_stubs_start && pc < (uintptr_t)a64_stubs_end) || in_leaf(pc);
}

void translate_leave(void *uc)
{
    regs(uc)->pc = (uintptr_t)a64_leave;
}

void translate_save_gpr(struct cpu *cpu, const void *uc, int adjust)
{
    (void)adjust; /* only the flags */
    for (int i = 0; i < 8; i++)
        cpu->gpr[i] = (uint32_t)((const ucontext_t *)uc)->uc_mcontext.regs[a64_gpr((unsigned)i)];
}

/* The vector registers; what the kernel saved first (arch/arm64/include/uapi/asm/sigcontext.h). */
static const void *vectors(const mcontext_t *r)
{
    const struct fpsimd_context *c = (const void *)r->__reserved;
    xassert(c->head.magic == FPSIMD_MAGIC);
    return c->vregs;
}

enum { NZCV_N = 1u << 31, NZCV_Z = 1 << 30, NZCV_C = 1 << 29, NZCV_V = 1 << 28 }; /* in PSTATE */

/* `adjust` is the form of the flags, and what their forms and the x87 unit add. */
void translate_settle(void *uc, int adjust)
{
    enum { FORM_MASK = 3, N = NZCV_N, Z = NZCV_Z, C = NZCV_C, V = NZCV_V };
    mcontext_t *r = regs(uc);
    uint64_t f = r->pstate;
    if (adjust == TRANSLATE_STALE)
        return;
    if ((adjust & FORM_MASK) == FORM_OWED) {
        r->pstate = (f & ~(uint64_t)(N | Z | C | V)) | a64_pay_context(r->regs, adjust);
        return;
    }
    a64_x87_settle_context(r->regs, vectors(r), adjust);
    adjust &= FORM_MASK;
    if (adjust == FORM_ADD) {
        r->pstate = f ^ C;
    } else if (adjust == FORM_FCMP) {
        r->regs[A64_PF] = !(f & V);
        r->pstate = (f & ~(uint64_t)(N | Z | C | V)) | (f & Z || f & V ? Z : 0) |
                    ((f & C) && !(f & V) ? C : 0);
    }
}

bool translate_lacks_flags(int adjust)
{
    (void)adjust; /* it may be anywhere */
    return true;
}

/* FORM_SUB. */
void translate_set_flags(void *uc, uint32_t eflags)
{
    mcontext_t *r = regs(uc);
    uint64_t f = (eflags & EFL_SF ? NZCV_N : 0) | (eflags & EFL_ZF ? NZCV_Z : 0) |
                 (eflags & EFL_CF ? 0 : NZCV_C) | (eflags & EFL_OF ? NZCV_V : 0);
    r->pstate = (r->pstate & ~(uint64_t)(NZCV_N | NZCV_Z | NZCV_C | NZCV_V)) | f;
    r->regs[A64_PF] = (eflags & EFL_PF ? 0 : 0x10) | (eflags & EFL_AF ? UINT64_C(1) << 32 : 0);
}

bool translate_exact_faults(void)
{
    return false;
}

unsigned translate_trapno(const void *uc)
{
    (void)uc;
    return TRAP_PF;
}

bool translate_can_step(void)
{
    return false;
}

#define BRK 0xd4200000u

void translate_put_trap(uint8_t *at)
{
    __atomic_store_n((uint32_t *)(void *)at, BRK, __ATOMIC_RELAXED);
}

bool translate_is_trap(const uint8_t *at)
{
    return *(const uint32_t *)(const void *)at == BRK;
}

bool translate_is_indirect(const uint8_t *at)
{
    uint32_t word; /* BR, BLR, RET */
    memcpy(&word, at, sizeof word);
    return (word & 0xff9ffc1f) == 0xd61f0000 && (word >> 21 & 3) != 3;
}

gaddr translate_going_to(const void *uc)
{
    return (gaddr)((const ucontext_t *)uc)->uc_mcontext.regs[A64_TARGET];
}

static uintptr_t returning_to(const mcontext_t *r)
{
    const int32_t *table = (const int32_t *)(uintptr_t)r->regs[A64_TABLE];
    if (!table) /* translate_narrow */
        return 0;
    return r->regs[A64_TABLE_BASE] + (uintptr_t)(intptr_t)table[(uint32_t)r->regs[A64_TARGET]];
}

uintptr_t translate_entering(const void *uc)
{
    const mcontext_t *r = &((const ucontext_t *)uc)->uc_mcontext;
    if (r->pc >= (uintptr_t)a64_load_start && r->pc < (uintptr_t)a64_load_end)
        return r->regs[A64_TARGET];
    if (r->pc >= (uintptr_t)a64_return_miss && r->pc < (uintptr_t)a64_return_miss_end)
        return returning_to(r);
    return in_leaf(r->pc) ? r->regs[A64_LR] : 0;
}

void translate_single_step(void *uc, bool on)
{
    (void)uc, (void)on;
}

void translate_stack_overflow(void *uc)
{
    struct cpu *cpu = (struct cpu *)(uintptr_t)regs(uc)->regs[A64_CPU];
    regs(uc)->sp = (uintptr_t)cpu->host.ret_top;
}

/* ---- AVX-512: never shown ---- */

bool translate_avx512(struct cpuid_avx512 *bits, uint16_t at[3])
{
    (void)bits, (void)at;
    return false;
}

uint32_t translate_run_alone(struct cpu *cpu, const struct insn *in, gaddr a)
{
    (void)in, (void)a;
    cpu_fault_ud(cpu);
}

bool translate_is_alone(const struct thread *t, uintptr_t pc)
{
    (void)t, (void)pc;
    return false;
}

void translate_alone_fault(struct cpu *cpu, const void *ucontext)
{
    (void)cpu, (void)ucontext;
}

void translate_alone_free(struct thread *t)
{
    (void)t;
}
