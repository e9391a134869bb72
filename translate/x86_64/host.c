/* Translated code's contact with the rest: interrupted contexts, the stack of host return addresses,
 * the x87 unit. */
#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "core/x87state.h"
#include "decode/decode.h"
#include "translate/translate.h"
#include "translate/x86_64/offsets.h"
#include "translate/x86_64/ops.h"
#include "translate/x86_64/stubs.h"

#define AT(field, offset) static_assert(offsetof(struct cpu, field) == (offset), #field)
AT(host.x87_live, CPU_X87_LIVE);
AT(host.x87_image, CPU_X87_IMAGE);
AT(host.ymm_live, CPU_YMM_LIVE);
AT(ymmh, CPU_YMMH);
AT(zmmh, CPU_ZMMH);
AT(k, CPU_K);
AT(zmm_used, CPU_ZMM_USED);
AT(zmm_live, CPU_ZMM_LIVE);
static_assert(EFL_DF == EFL_DF_BIT, "values");

enum { HOST_TF = 0x100 };

static greg_t *regs(void *uc)
{
    return ((ucontext_t *)uc)->uc_mcontext.gregs;
}

/* Called by stubs.S. */
void x64_x87_load(struct cpu *cpu);
void x64_x87_store(struct cpu *cpu);

void x64_x87_load(struct cpu *cpu)
{
    x87_save_fsave(cpu, cpu->host.x87_image, 4);
}

/* The unit remembers its last instruction and operand in terms of translated code. */
static void guest_pointers(struct cpu *cpu)
{
    struct x87 *f = &cpu->fpu;
    const struct insn *in = translate_guest_insn(f->fip);
    uint16_t cs;
    __asm__("mov %%cs, %0" : "=r"(cs));
    if (in) {
        f->fip = in->eip;
        f->fop = (uint16_t)((in->opcode & 7) << 8 | in->modrm);
    }
    if (!in && f->fcs != cs)
        return;
    bool mem = in && in->o[0].kind == OPND_MEM;
    if (mem && in->seg == SEG_GS)
        f->fdp -= cpu->seg_base[SEG_GS];
    if (f->fcs != cs) /* newer processors keep no selectors */
        return;
    f->fcs = cpu->sel[SEG_CS];
    if (mem || (!f->fds && f->fdp)) /* 64-bit code leaves 0 behind an access */
        f->fds = cpu->sel[mem ? in->seg : SEG_DS];
}

void x64_x87_store(struct cpu *cpu)
{
    x87_load_fsave(cpu, cpu->host.x87_image, 4);
    guest_pointers(cpu);
}

uint64_t translate_features(void)
{
    return x64_guarded;
}

/* ---- returns that lead elsewhere ---- */

bool x64_guarded = true;

enum { PAGE = 4096 };
#define GUARD_SIZE (UINT64_C(1) << 32)

/* Twice the address is in the guest's half of the host's addresses, too, with no other table near it. */
uintptr_t translate_table_place(uint64_t random)
{
    return UINT64_C(1) << 44 | (random << 21 & ((UINT64_C(1) << 44) - 1));
}

bool translate_guard_table(const void *table)
{
    uint8_t *at = (uint8_t *)(2 * (uintptr_t)table - PAGE); /* may be no address at all */
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    uint8_t *p = mmap(at, PAGE + GUARD_SIZE, PROT_NONE, flags, -1, 0);
    if (p == at && !mprotect(p, PAGE, PROT_READ))
        return true;
    if (p != MAP_FAILED)
        munmap(p, PAGE + GUARD_SIZE);
    return x64_guarded = false;
}

bool translate_return_fault(const struct cpu *cpu, void *uc, uintptr_t addr)
{
    if (!x64_guarded || addr - 2 * (uintptr_t)cpu->host.table >= GUARD_SIZE)
        return false;
    regs(uc)[REG_RIP] = (greg_t)(uintptr_t)x64_return_miss;
    return true;
}

bool translate_unmasked;

bool translate_without(const char *list)
{
    return !*list;
}

bool translate_orders_memory(void)
{
    return false;
}

unsigned translate_order(bool ordered)
{
    (void)ordered;
    return 0;
}

bool translate_looks_ahead(void)
{
    return false;
}

void translate_ask_order(void)
{
}

uintptr_t translate_near(void)
{
    return (uintptr_t)x64_stubs_start;
}

size_t translate_reach(void)
{
    return 1 << 30; /* of the 2 GiB of a rel32: the stubs call farther into xrun */
}

unsigned translate_code_align(void)
{
    return 1;
}

unsigned translate_narrow_slots(void)
{
    return 1 << 16;
}

const uint8_t *translate_table_base(void)
{
    return (const uint8_t *)x64_look_up;
}

void translate_init_stack(struct cpu *cpu, uint8_t *top)
{
    const void *bottom = x64_return_miss;
    top -= 64;
    memcpy(top, &bottom, sizeof bottom);
    cpu->host.ret_top = top;
    cpu->host.ret_sp = top;
}

void translate_reset_stack(struct cpu *cpu)
{
    cpu->host.ret_sp = cpu->host.ret_top;
}

unsigned translate_format(const uint8_t *code, size_t n, uint64_t pc, char *buf, size_t size)
{
    return decode_format_x86_64(code, n, pc, buf, size);
}

/* ---- interrupted contexts ---- */

bool translate_in_stubs(uintptr_t pc)
{
    return pc >= (uintptr_t)x64_stubs_start && pc < (uintptr_t)x64_stubs_end;
}

void translate_leave(void *uc)
{
    regs(uc)[REG_RIP] = (greg_t)(uintptr_t)x64_leave;
    regs(uc)[REG_EFL] &= ~(greg_t)HOST_TF;
}

static int esp_offset(int adjust)
{
    return translate_lacks_flags(adjust) ? adjust - TRANSLATE_STALE : adjust;
}

void translate_save_gpr(struct cpu *cpu, const void *context, int adjust)
{
    static const uint8_t where[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX,
                                     REG_R15, REG_RBP, REG_RSI, REG_RDI};
    const ucontext_t *uc = context;
    for (int i = 0; i < 8; i++)
        cpu->gpr[i] = (uint32_t)uc->uc_mcontext.gregs[where[i]];
    cpu->gpr[REG_ESP] += (uint32_t)esp_offset(adjust);
}

void translate_settle(void *uc, int adjust)
{
    regs(uc)[REG_R15] = (greg_t)(uint32_t)(regs(uc)[REG_R15] + esp_offset(adjust));
}

bool translate_lacks_flags(int adjust)
{
    return adjust < TRANSLATE_STALE / 2;
}

void translate_set_flags(void *uc, uint32_t eflags)
{
    greg_t *f = &regs(uc)[REG_EFL];
    *f = (*f & ~(greg_t)EFL_STATUS) | (greg_t)(eflags & EFL_STATUS);
}

bool translate_exact_faults(void)
{
    return true;
}

unsigned translate_trapno(const void *uc)
{
    return (unsigned)((const ucontext_t *)uc)->uc_mcontext.gregs[REG_TRAPNO];
}

bool translate_can_step(void)
{
    return true;
}

void translate_put_trap(uint8_t *at)
{
    *at = 0xcc;
}

bool translate_is_trap(const uint8_t *at)
{
    return *at == 0xcc;
}

bool translate_is_indirect(const uint8_t *at)
{
    (void)at;
    return false;
}

gaddr translate_going_to(const void *uc)
{
    (void)uc;
    return 0;
}

uintptr_t translate_entering(const void *uc)
{
    (void)uc;
    return 0;
}

void translate_single_step(void *uc, bool on)
{
    if (on)
        regs(uc)[REG_EFL] |= HOST_TF;
    else
        regs(uc)[REG_EFL] &= ~(greg_t)HOST_TF;
}

void translate_stack_overflow(void *uc)
{
    struct cpu *cpu = (struct cpu *)(uintptr_t)regs(uc)[REG_R14];
    regs(uc)[REG_RSP] = (greg_t)(uintptr_t)cpu->host.ret_top;
}
