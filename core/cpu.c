/* The machine's registers at start, segment loading, raising of faults. */
#include "core/cpu.h"

#include <sched.h>
#include <string.h>

#include "core/thread.h"

/* Flat segments of an x86-64 kernel's GDT (arch/x86/include/asm/segment.h), raw descriptors. */
static const uint64_t gdt_fixed[] = {
    [4] = UINT64_C(0x00cffb000000ffff), /* 0x23: 32-bit code */
    [5] = UINT64_C(0x00cff3000000ffff), /* 0x2b: data */
    [6] = UINT64_C(0x00affb000000ffff), /* 0x33: 64-bit code */
};
enum { GDT_CPUNODE = 15, TYPE_CODE = 8, TYPE_EXPAND_DOWN = 4, TYPE_WRITE = 2 /* data */,
       TYPE_READ = 2 /* code */, TYPE_CONFORMING = 4, ATTR_S = 0x10 };

struct ldt process_ldt;

static struct seg_cache unpack(uint64_t d)
{
    struct seg_cache s;
    s.base = (uint32_t)(d >> 16 & 0xffffff) | (uint32_t)(d >> 56 << 24);
    s.attr = (uint16_t)(d >> 40);
    s.limit = (uint32_t)(d & 0xffff) | (uint32_t)(d >> 48 & 15) << 16;
    if (s.attr & SEGATTR_G)
        s.limit = s.limit << 12 | 0xfff;
    s.valid = 1;
    return s;
}

bool cpu_find_desc(const struct cpu *cpu, uint16_t sel, struct seg_cache *out)
{
    unsigned n = sel >> 3;
    uint64_t d = 0;
    if (sel & 4) {
        if (n >= process_ldt.count)
            return false;
        d = process_ldt.desc[n];
    } else if (n < ARRAY_SIZE(gdt_fixed)) {
        d = gdt_fixed[n];
    } else if (n >= TLS_FIRST_ENTRY && n < TLS_FIRST_ENTRY + TLS_ENTRIES) {
        d = cpu->thread->tls_desc[n - TLS_FIRST_ENTRY];
    } else if (n == GDT_CPUNODE) {
        int c = sched_getcpu();
        d = UINT64_C(0x0040f50000000000) | (c < 0 ? 0u : (uint32_t)c & 0xfff);
    }
    if (!d)
        return false;
    *out = unpack(d);
    return true;
}

void cpu_unpack_desc(uint64_t v, struct guest_user_desc *d)
{
    d->base_addr = (uint32_t)(v >> 16 & 0xffffff) | (uint32_t)(v >> 56) << 24;
    d->limit = (uint32_t)(v & 0xffff) | (uint32_t)(v >> 48 & 15) << 16;
    d->flags = (v >> 54 & 1 ? USER_DESC_32BIT : 0) | ((uint32_t)(v >> 41) & USER_DESC_CONTENTS) |
               (v >> 41 & 1 ? 0 : USER_DESC_READ_ONLY) | (v >> 55 & 1 ? USER_DESC_PAGES : 0) |
               (v >> 47 & 1 ? 0 : USER_DESC_NOT_PRESENT) | (v >> 52 & 1 ? USER_DESC_USEABLE : 0);
}

static bool flat(const struct seg_cache *s, bool code)
{
    return s->valid && s->base == 0 && s->limit == 0xffffffff && (s->attr & SEGATTR_P) &&
           (code || (s->attr & (TYPE_CODE | TYPE_EXPAND_DOWN | TYPE_WRITE)) == TYPE_WRITE);
}

static bool writable(const struct seg_cache *s)
{
    return s->valid && (s->attr & SEGATTR_P) &&
           (s->attr & (TYPE_CODE | TYPE_EXPAND_DOWN | TYPE_WRITE)) == TYPE_WRITE;
}

static bool plain_data(const struct seg_cache *s)
{
    return writable(s) && s->limit == 0xffffffff;
}

static void no_hook(struct cpu *cpu)
{
    (void)cpu;
}
void (*cpu_mode_changed)(struct cpu *cpu) = no_hook;

void cpu_update_mode(struct cpu *cpu)
{
    uint8_t m = 0;
    for (int i = 0; i < SEG_COUNT; i++)
        cpu->seg_base[i] = cpu->seg[i].valid ? cpu->seg[i].base : 0;
    if (!(cpu->seg[SEG_CS].attr & SEGATTR_DB))
        m |= MODE_CODE16;
    if (!(cpu->seg[SEG_SS].attr & SEGATTR_DB))
        m |= MODE_STACK16;
    if (!flat(&cpu->seg[SEG_CS], true) || !flat(&cpu->seg[SEG_SS], false) ||
        !flat(&cpu->seg[SEG_DS], false) || !flat(&cpu->seg[SEG_ES], false))
        m |= MODE_SEGS;
    if (cpu->eflags & EFL_AC)
        m |= MODE_AC | MODE_SEGS;
    else if (plain_data(&cpu->seg[SEG_GS]))
        m |= MODE_GS_PLAIN;
    cpu->mode = m;
    cpu->fs_reach = writable(&cpu->seg[SEG_FS]) ? UINT64_C(1) + cpu->seg[SEG_FS].limit : 0;
    cpu_mode_changed(cpu);
}

static void set_seg(struct cpu *cpu, enum segreg s, uint16_t sel, const struct seg_cache *c)
{
    cpu->sel[s] = sel;
    cpu->seg[s] = *c;
    cpu_update_mode(cpu);
}

int cpu_load_seg(struct cpu *cpu, enum segreg s, uint16_t sel)
{
    struct seg_cache c;
    if (!(sel & ~3)) {
        if (s == SEG_SS)
            return TRAP_GP;
        memset(&c, 0, sizeof c);
        set_seg(cpu, s, sel, &c);
        return 0;
    }
    if (!cpu_find_desc(cpu, sel, &c) || !(c.attr & ATTR_S))
        return TRAP_GP;
    unsigned dpl = c.attr >> 5 & 3, rpl = sel & 3;
    if (s == SEG_SS) {
        if (rpl != 3 || dpl != 3 || (c.attr & TYPE_CODE) || !(c.attr & TYPE_WRITE))
            return TRAP_GP;
    } else if (c.attr & TYPE_CODE) {
        if (!(c.attr & TYPE_READ) || (!(c.attr & TYPE_CONFORMING) && dpl < 3))
            return TRAP_GP;
    } else if (dpl < 3) {
        return TRAP_GP;
    }
    if (!(c.attr & SEGATTR_P))
        return s == SEG_SS ? TRAP_SS : TRAP_NP;
    set_seg(cpu, s, sel, &c);
    return 0;
}

int cpu_load_cs(struct cpu *cpu, uint16_t sel)
{
    struct seg_cache c;
    if (!(sel & ~3) || !cpu_find_desc(cpu, sel, &c) || !(c.attr & ATTR_S) ||
        !(c.attr & TYPE_CODE) || (c.attr & SEGATTR_L))
        return TRAP_GP;
    unsigned dpl = c.attr >> 5 & 3;
    if (c.attr & TYPE_CONFORMING ? dpl > 3 : ((sel & 3) > 3 || dpl != 3))
        return TRAP_GP;
    if (!(c.attr & SEGATTR_P))
        return TRAP_NP;
    set_seg(cpu, SEG_CS, sel | 3, &c);
    return 0;
}

void cpu_clear_avx512(struct cpu *cpu)
{
    memset(cpu->zmmh, 0, sizeof cpu->zmmh);
    memset(cpu->k, 0, sizeof cpu->k);
    cpu->zmm_used = 0;
}

void cpu_reset(struct cpu *cpu)
{
    memset(cpu->gpr, 0, sizeof cpu->gpr);
    cpu->eip = 0;
    cpu->cc_res = 1; /* all status flags clear */
    cpu->cc_aux = 0;
    cpu->eflags = EFL_FIXED1 | EFL_IF;
    memset(&cpu->fpu, 0, sizeof cpu->fpu);
    cpu->fpu.cw = 0x37f;
    cpu->fpu.empty = 0xff;
    memset(cpu->xmm, 0, sizeof cpu->xmm);
    memset(cpu->ymmh, 0, sizeof cpu->ymmh);
    cpu_clear_avx512(cpu);
    cpu->mxcsr = 0x1f80;
    memset(cpu->seg, 0, sizeof cpu->seg);
    memset(cpu->sel, 0, sizeof cpu->sel);
    cpu_load_cs(cpu, 0x23);
    cpu_load_seg(cpu, SEG_SS, 0x2b);
    cpu_load_seg(cpu, SEG_DS, 0x2b);
    cpu_load_seg(cpu, SEG_ES, 0x2b);
}

void cpu_fault(struct cpu *cpu, enum trap vec, uint32_t err, gaddr addr)
{
    cpu->eip = ((const struct { void *fn; gaddr eip; } *)(const void *)cpu->cur)->eip;
    if (vec != TRAP_PF)
        addr = cpu->trap.addr; /* cr2 stays what it was */
    cpu->trap = (struct cpu_trap){.vec = (uint8_t)vec, .err = err, .addr = addr};
    siglongjmp(cpu->thread->trap_jb, 1);
}

void cpu_fault_gp(struct cpu *cpu, uint32_t err)
{
    cpu_fault(cpu, TRAP_GP, err, 0);
}

void cpu_fault_ud(struct cpu *cpu)
{
    cpu_fault(cpu, TRAP_UD, 0, 0);
}
