/* Comparing two states of the machine and showing what differs. */
#include <stdio.h>
#include <string.h>

#include "core/flags.h"
#include "core/log.h"
#include "runtime/lockstep.h"

static bool fp_equal(const struct cpu *a, const struct cpu *b, struct lockstep_diff *d)
{
    const struct x87 *x = &a->fpu, *y = &b->fpu;
    for (int i = 0; i < 8; i++) {
        if (x->st[i].sig != y->st[i].sig || x->st[i].se != y->st[i].se)
            d->st |= (uint8_t)(1 << i);
        if (memcmp(&a->xmm[i], &b->xmm[i], sizeof a->xmm[i]))
            d->xmm |= (uint8_t)(1 << i);
        if (memcmp(&a->ymmh[i], &b->ymmh[i], sizeof a->ymmh[i]))
            d->ymmh |= (uint8_t)(1 << i);
        if (memcmp(&a->zmmh[i], &b->zmmh[i], sizeof a->zmmh[i]))
            d->zmmh |= (uint8_t)(1 << i);
        if (a->k[i] != b->k[i])
            d->k |= (uint8_t)(1 << i);
    }
    d->fpu_control = x->cw != y->cw || x->sw != y->sw || x->top != y->top || x->empty != y->empty;
    d->mxcsr = a->mxcsr != b->mxcsr;
    return !d->st && !d->xmm && !d->ymmh && !d->zmmh && !d->k && !d->fpu_control && !d->mxcsr;
}

bool lockstep_compare(const struct cpu *a, const struct cpu *b, uint32_t flags, bool fp,
                      struct lockstep_diff *d)
{
    memset(d, 0, sizeof *d);
    for (int i = 0; i < 8; i++)
        if (a->gpr[i] != b->gpr[i])
            d->gpr |= (uint16_t)(1 << i);
    if (a->eip != b->eip)
        d->gpr |= 1 << 8;
    d->eflags = (cpu_get_eflags(a) ^ cpu_get_eflags(b)) & flags;
    for (int i = 0; i < SEG_COUNT; i++)
        if (a->sel[i] != b->sel[i])
            d->sel |= (uint8_t)(1 << i);
    for (int i = SEG_FS; i <= SEG_GS; i++)
        if (a->seg_base[i] != b->seg_base[i] && a->sel[i] > 3) /* a null selector may keep one */
            d->base |= (uint8_t)(1 << i);
    bool fp_ok = !fp || fp_equal(a, b, d);
    return fp_ok && !d->gpr && !d->eflags && !d->sel && !d->base;
}

/* ---- printing ---- */

static const char *mark(bool differs)
{
    return differs ? "   <-- differs" : "";
}

static void row32(const char *name, uint32_t v, uint32_t a, uint32_t b, bool differs)
{
    log_user("  %-7s %08x             %08x             %08x%s", name, v, a, b, mark(differs));
}

static void flag_letters(uint32_t f, char *out)
{
    static const struct { uint32_t bit; char c; } letters[] = {
        {EFL_OF, 'O'}, {EFL_DF, 'D'}, {EFL_SF, 'S'}, {EFL_ZF, 'Z'}, {EFL_AF, 'A'}, {EFL_PF, 'P'},
        {EFL_CF, 'C'}};
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
        *out++ = f & letters[i].bit ? letters[i].c : '-';
    *out = 0;
}

static void print_flags(const struct cpu *before, const struct cpu *a, const struct cpu *b,
                        uint32_t differs)
{
    const struct cpu *c[3] = {before, a, b};
    char s[3][8], d[8];
    for (int i = 0; i < 3; i++)
        flag_letters(cpu_get_eflags(c[i]), s[i]);
    flag_letters(differs, d);
    for (char *q = d; *q; q++) /* only the differing ones */
        if (*q == '-')
            memmove(q, q + 1, strlen(q)), q--;
    log_user("  eflags  %08x %s     %08x %s     %08x %s%s %s", cpu_get_eflags(before), s[0],
             cpu_get_eflags(a), s[1], cpu_get_eflags(b), s[2], mark(differs), d);
}

static void print_st(const struct cpu *before, const struct cpu *a, const struct cpu *b, int i)
{
    const struct f80 *v = &before->fpu.st[i], *x = &a->fpu.st[i], *y = &b->fpu.st[i];
    log_user("  fpr%d    %04x:%016llx %04x:%016llx %04x:%016llx%s", i, v->se,
             (unsigned long long)v->sig, x->se, (unsigned long long)x->sig, y->se,
             (unsigned long long)y->sig, mark(true));
}

static void print_xmm(const char *reg, const char *name, const union xmm *v, int i, bool last)
{
    log_user("  %s%d    %016llx%016llx %s%s", reg, i, (unsigned long long)v->q[1],
             (unsigned long long)v->q[0], name, last ? "   <-- differs" : "");
}

static void print_fp(const struct cpu *before, const char *name_a, const struct cpu *a,
                     const char *name_b, const struct cpu *b, const struct lockstep_diff *d)
{
    if (d->fpu_control) {
        row32("fcw", before->fpu.cw, a->fpu.cw, b->fpu.cw, a->fpu.cw != b->fpu.cw);
        row32("fsw", before->fpu.sw, a->fpu.sw, b->fpu.sw, a->fpu.sw != b->fpu.sw);
        row32("top", before->fpu.top, a->fpu.top, b->fpu.top, a->fpu.top != b->fpu.top);
        row32("empty", before->fpu.empty, a->fpu.empty, b->fpu.empty, a->fpu.empty != b->fpu.empty);
    }
    if (d->mxcsr)
        row32("mxcsr", before->mxcsr, a->mxcsr, b->mxcsr, true);
    for (int i = 0; i < 8; i++)
        if (d->st >> i & 1)
            print_st(before, a, b, i);
    for (int i = 0; i < 8; i++) {
        const struct cpu *all[3] = {before, a, b};
        const char *const names[3] = {"before", name_a, name_b};
        for (int j = 0; j < 3 && d->xmm >> i & 1; j++)
            print_xmm("xmm", names[j], &all[j]->xmm[i], i, j == 2);
        for (int j = 0; j < 3 && d->ymmh >> i & 1; j++) /* bits 128-255 */
            print_xmm("ymmh", names[j], &all[j]->ymmh[i], i, j == 2);
        for (int j = 0; j < 6 && d->zmmh >> i & 1; j++) /* bits 384-511, 256-383 */
            print_xmm(j & 1 ? "zmm256h" : "zmm384h", names[j / 2], &all[j / 2]->zmmh[i][~j & 1], i, j == 5);
        if (d->k >> i & 1)
            log_user("  k%d      %016llx %016llx %016llx   <-- differs", i,
                     (unsigned long long)before->k[i], (unsigned long long)a->k[i],
                     (unsigned long long)b->k[i]);
    }
}

void lockstep_print(const struct cpu *before, const char *name_a, const struct cpu *a,
                    const char *name_b, const struct cpu *b, const struct lockstep_diff *d)
{
    static const char *const names[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    static const char *const segs[] = {"es", "cs", "ss", "ds", "fs", "gs"};
    log_user("          %-20s %-20s %s", "before", name_a, name_b);
    for (int i = 0; i < 8; i++)
        row32(names[i], before->gpr[i], a->gpr[i], b->gpr[i], d->gpr >> i & 1);
    row32("eip", before->eip, a->eip, b->eip, d->gpr >> 8 & 1);
    print_flags(before, a, b, d->eflags);
    for (int i = 0; i < SEG_COUNT; i++) {
        if (d->sel >> i & 1)
            row32(segs[i], before->sel[i], a->sel[i], b->sel[i], true);
        if (d->base >> i & 1)
            row32(i == SEG_FS ? "fs.base" : "gs.base", before->seg_base[i], a->seg_base[i],
                  b->seg_base[i], true);
    }
    print_fp(before, name_a, a, name_b, b, d);
}
