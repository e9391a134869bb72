/* The registers of a stopped tracee as its tracer sees them; rules of arch/x86/kernel/ptrace.c. */
#include "runtime/ptrace.h"

#include <errno.h>
#include <string.h>

#include "abi/sigframe.h"
#include "core/flags.h"
#include "core/x87state.h"
#include "syscalls/syscalls.h"

enum { USER_FLAGS = EFL_STATUS | EFL_TF | EFL_DF | EFL_NT | EFL_RF | EFL_AC };

static const uint8_t gpr_of[REGI_COUNT] = {
    [REGI_EBX] = REG_EBX, [REGI_ECX] = REG_ECX, [REGI_EDX] = REG_EDX, [REGI_ESI] = REG_ESI,
    [REGI_EDI] = REG_EDI, [REGI_EBP] = REG_EBP, [REGI_EAX] = REG_EAX, [REGI_ESP] = REG_ESP,
};
static const uint8_t seg_of[REGI_COUNT] = {
    [REGI_DS] = SEG_DS, [REGI_ES] = SEG_ES, [REGI_FS] = SEG_FS,
    [REGI_GS] = SEG_GS, [REGI_CS] = SEG_CS, [REGI_SS] = SEG_SS,
};

static uint32_t get_reg(const struct thread *t, unsigned i)
{
    const struct cpu *c = &t->cpu;
    switch (i) {
    case REGI_DS:
    case REGI_ES:
    case REGI_FS:
    case REGI_GS:
    case REGI_CS:
    case REGI_SS: return c->sel[seg_of[i]];
    case REGI_ORIG_EAX: return t->orig_eax;
    case REGI_EIP: return c->eip - c->seg_base[SEG_CS];
    case REGI_EFLAGS: return cpu_get_eflags(c);
    default: return c->gpr[gpr_of[i]];
    }
}

void ptrace_get_regs(const struct thread *t, uint32_t r[REGI_COUNT])
{
    for (unsigned i = 0; i < REGI_COUNT; i++)
        r[i] = get_reg(t, i);
}

/* A selector that cannot be loaded becomes null as on the way back to the program; for cs and ss,
 * where that would be a fault, it is refused. */
static int set_segment(struct cpu *c, unsigned i, uint16_t sel)
{
    bool code = i == REGI_CS, stack = i == REGI_SS;
    uint32_t eip = c->eip - c->seg_base[SEG_CS];
    if ((sel && (sel & 3) != 3) || (!sel && (code || stack)))
        return -EIO;
    if (code) {
        int r = cpu_load_cs(c, sel) ? -EIO : 0;
        c->eip = eip + c->seg_base[SEG_CS];
        return r;
    }
    if (!cpu_load_seg(c, seg_of[i], sel))
        return 0;
    if (stack)
        return -EIO;
    cpu_load_seg(c, seg_of[i], 0);
    return 0;
}

int ptrace_set_reg(struct thread *t, unsigned i, uint32_t v)
{
    struct cpu *c = &t->cpu;
    switch (i) {
    case REGI_DS:
    case REGI_ES:
    case REGI_FS:
    case REGI_GS:
    case REGI_CS:
    case REGI_SS: return set_segment(c, i, (uint16_t)v);
    case REGI_ORIG_EAX: t->orig_eax = v; break;
    case REGI_EIP: c->eip = v + c->seg_base[SEG_CS]; break;
    case REGI_EFLAGS:
        flags_set_status(c, v);
        c->eflags = (c->eflags & ~(uint32_t)USER_FLAGS) | (v & USER_FLAGS & ~(uint32_t)EFL_STATUS);
        cpu_update_mode(c);
        break;
    default: c->gpr[gpr_of[i]] = v; break;
    }
    return 0;
}

int ptrace_set_regs(struct thread *t, const uint32_t *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int e = ptrace_set_reg(t, i, r[i]);
        if (e)
            return e;
    }
    return 0;
}

/* `fx`: the FXSAVE form, else the FSAVE one. */
void ptrace_get_fp(const struct thread *t, uint8_t *out, bool fx)
{
    uint8_t fsave[108], fxsave[512];
    sigframe_fpu_images(t, fsave, fxsave);
    memcpy(out, fx ? fxsave : fsave, fx ? sizeof fxsave : sizeof fsave);
}

int ptrace_set_fp(struct thread *t, const uint8_t *in, unsigned n, bool fx)
{
    uint8_t image[512];
    uint32_t mxcsr;
    ptrace_get_fp(t, image, fx);
    memcpy(image, in, n);
    memcpy(&mxcsr, image + 24, 4);
    if (fx && (mxcsr & 0xffff0000u))
        return -EINVAL;
    if (fx) {
        x87_load_fxsave(&t->cpu, image);
    } else {
        x87_load_fsave(&t->cpu, image, 4);
        t->cpu.fpu.fcs = t->cpu.fpu.fds = 0;
    }
    return 0;
}

void ptrace_get_tls(const struct thread *t, struct guest_user_desc d[TLS_ENTRIES])
{
    for (unsigned i = 0; i < TLS_ENTRIES; i++) {
        d[i] = (struct guest_user_desc){.entry_number = TLS_FIRST_ENTRY + i};
        if (t->tls_desc[i])
            cpu_unpack_desc(t->tls_desc[i], &d[i]);
        else
            d[i].flags = USER_DESC_READ_ONLY | USER_DESC_NOT_PRESENT;
    }
}

int ptrace_set_tls(struct thread *t, const struct guest_user_desc *d, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        int e = tls_set_entry(t, &d[i]);
        if (e)
            return e;
    }
    return 0;
}
