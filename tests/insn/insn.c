/* Instruction tests: enumerates every instruction form that the interpreter executes, makes random
 * and edge-case states for each, runs them natively (tests/insn/native.c) and in the interpreter,
 * and compares all registers, flags (but the undefined ones), memory, x87 and SSE state, faults.
 *
 * usage: insn NATIVE|- [-n CASES_PER_FORM] [-s SEED] [-o OP] [-v DIFFS_SHOWN] [-r FILE | -p FILE]
 *   NATIVE: the helper's path; "-": no hardware, only with -p
 *   -r FILE: record a hash of the hardware's results per form; -p FILE: compare with the hashes */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/flags.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/x87state.h"
#include "decode/decode.h"
#include "interp/interp.h"
#include "runtime/runtime.h"
#include "tests/insn/case.h"

enum { FORMS_MAX = 60000 };

struct form {
    uint8_t prefix[2], nprefix, map[2], nmap, op, reg, mem, rm;
    struct insn in;
};
static struct form *forms;
static unsigned nforms;

/* ---- what is left out, and why ---- */

static const struct { uint16_t op; const char *why; } excluded[] = {
    {OP_RDTSC, "time"}, {OP_RDTSCP, "time"}, {OP_RDPID, "scheduling"}, {OP_RDRAND, "random"},
    {OP_RDSEED, "random"}, {OP_CPUID, "the model is xrun's choice"},
    {OP_SYSENTER, "a system call"}, {OP_SYSCALL, "a system call"}, {OP_INT, "system calls; INT3 and INTO are guest tests"},
    {OP_INT3, "the helper's own sentinel"}, {OP_INT1, "reported differently by hypervisors"},
    {OP_XGETBV, "depends on the host's OSXSAVE"}, {OP_RDSSPD, "depends on the host's CET"},
    {OP_IRET, "selectors of the host"}, {OP_LDS, "segments are tested elsewhere"}, {OP_LES, "segments"},
    {OP_LFS, "segments"}, {OP_LGS, "segments"}, {OP_LSS, "segments"}, {OP_LAR, "descriptors of the host"},
    {OP_LSL, "descriptors of the host"}, {OP_VERR, "descriptors of the host"},
    {OP_VERW, "descriptors of the host"}, {OP_SLDT, "kernel emulation"}, {OP_STR, "kernel emulation"},
    {OP_SMSW, "kernel emulation"}, {OP_SGDT, "kernel emulation"}, {OP_SIDT, "kernel emulation"},
    {OP_RCPPS, "table differs between vendors"}, {OP_RCPSS, "table differs between vendors"},
    {OP_RSQRTPS, "table differs between vendors"}, {OP_RSQRTSS, "table differs between vendors"},
    {OP_FSIN, "last bit differs between vendors"}, {OP_FCOS, "last bit"}, {OP_FSINCOS, "last bit"},
    {OP_FPTAN, "last bit"}, {OP_FPATAN, "last bit"}, {OP_F2XM1, "last bit"}, {OP_FYL2X, "last bit"},
    {OP_FYL2XP1, "last bit"}, {OP_LEAVE, "esp leaves the window; covered by programs"},
    {OP_AAA, "AMD and Intel differ in undefined flags used by it"}, {OP_AAS, "as AAA"},
    {OP_FSTPNCE, "undocumented; an empty source differs"}, {OP_CLWB, "needs the host's CLWB"}, {OP_UD0, "length differs between vendors"},
    {OP_LOOPE, "F2/F3 prefixes change it on some processors"}, {OP_LOOPNE, "as LOOPE"},
};

static bool left_out(const struct insn *in)
{
    for (size_t i = 0; i < ARRAY_SIZE(excluded); i++)
        if (excluded[i].op == in->op)
            return true;
    for (unsigned i = 0; i < in->nopnd; i++)
        if (in->o[i].kind == OPND_SEG || in->o[i].kind == OPND_FAR || in->o[i].kind == OPND_CR ||
            in->o[i].kind == OPND_DR)
            return true;
    if ((in->op == OP_CALL || in->op == OP_JMP) && in->o[0].size == in->opsize + 2)
        return true; /* far, through memory */
    if (in->op == OP_ARPL && in->seg == SEG_CS)
        return true; /* whether #GP or #PF comes first */
    if (in->op == OP_NOP && in->opcode == 0x0d)
        return true; /* 0F 0D with a register: #UD on AMD, NOP on Intel */
    if (in->op == OP_MASKMOVQ || in->op == OP_MASKMOVDQU)
        return in->flags & INSN_ADDR16; /* faults of masked-out bytes are the processor's choice */
    if (in->op == OP_RET && (in->opcode & 0xf8) == 0xc8)
        return true;
    return false;
}

/* ---- forms ---- */

static unsigned emit(const struct form *f, uint8_t *b, uint32_t rnd)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->nprefix; i++)
        b[n++] = f->prefix[i];
    for (unsigned i = 0; i < f->nmap; i++)
        b[n++] = f->map[i];
    b[n++] = f->op;
    static const uint8_t mem_rm[3] = {0x43 /* [ebx+d8] */, 0x46 /* [esi+d8] */, 0x47 /* [edi+d8] */};
    if (f->mem)
        b[n++] = (uint8_t)(f->reg << 3 | mem_rm[rnd % 3]);
    else
        b[n++] = (uint8_t)(0xc0 | f->reg << 3 | (f->rm ? f->rm : rnd & 7));
    b[n++] = f->mem ? (uint8_t)(rnd >> 8 & 0x30) : (uint8_t)(rnd >> 8);
    for (int i = 0; i < 4; i++)
        b[n++] = (uint8_t)(rnd >> (10 + i * 5));
    while (n < CASE_CODE_MAX)
        b[n++] = 0xcc;
    return n;
}

static bool same_form(const struct insn *a, const struct insn *b)
{
    if (a->op != b->op || a->flags != b->flags || a->nopnd != b->nopnd || a->opsize != b->opsize ||
        a->cc != b->cc || a->opcode != b->opcode)
        return false;
    for (unsigned i = 0; i < a->nopnd; i++)
        if (a->o[i].kind != b->o[i].kind || a->o[i].size != b->o[i].size)
            return false;
    return true;
}

/* Names a form whatever else is enumerated: seeds and recorded results hang on it. */
static uint64_t form_key(const struct form *f)
{
    return (uint64_t)f->prefix[0] << 40 | (uint64_t)f->prefix[1] << 32 | (uint64_t)f->map[0] << 24 |
           (uint64_t)f->map[1] << 16 | (uint64_t)f->op << 8 | (uint64_t)(f->rm << 4 | f->mem << 3 | f->reg);
}

static void add_form(struct form *f)
{
    uint8_t b[CASE_CODE_MAX];
    emit(f, b, 0);
    if (decode_bytes(b, sizeof b, CASE_EIP, 0, &f->in) != DECODE_OK || !interp_supports(&f->in) ||
        left_out(&f->in))
        return;
    bool has_mem = false;
    for (unsigned i = 0; i < f->in.nopnd; i++)
        has_mem |= f->in.o[i].kind == OPND_MEM;
    if (f->mem && !has_mem)
        return;
    for (unsigned i = nforms; i-- > 0 && i + 40 > nforms;)
        if (same_form(&forms[i].in, &f->in))
            return;
    xassert(nforms < FORMS_MAX);
    forms[nforms++] = *f;
}

static void enumerate(void)
{
    static const struct { uint8_t b[2], n; } prefixes[] = {
        {{0}, 0}, {{0x66}, 1}, {{0xf2}, 1}, {{0xf3}, 1}, {{0xf0}, 1}, {{0x67}, 1}, {{0x66, 0xf0}, 2},
        {{0x66, 0xf3}, 2}, {{0x66, 0xf2}, 2}};
    static const struct { uint8_t b[2], n; } maps[] = {{{0}, 0}, {{0x0f}, 1}, {{0x0f, 0x38}, 2}, {{0x0f, 0x3a}, 2}};
    forms = xcalloc(FORMS_MAX, sizeof *forms);
    for (unsigned m = 0; m < 4; m++)
        for (unsigned op = 0; op < 256; op++)
            for (unsigned p = 0; p < ARRAY_SIZE(prefixes); p++)
                for (unsigned mem = 0; mem < 2; mem++)
                    for (unsigned reg = 0; reg < 8; reg++) {
                        struct form f = {.nprefix = prefixes[p].n, .nmap = maps[m].n,
                                         .op = (uint8_t)op, .reg = (uint8_t)reg, .mem = (uint8_t)mem};
                        memcpy(f.prefix, prefixes[p].b, 2);
                        memcpy(f.map, maps[m].b, 2);
                        add_form(&f);
                    }
    /* x87 operations without operands share opcode and ModRM.reg: chosen by ModRM.rm. */
    for (unsigned op = 0xd8; op < 0xe0; op++)
        for (unsigned reg = 0; reg < 8; reg++)
            for (unsigned rm = 1; rm < 8; rm++) {
                struct form f = {.op = (uint8_t)op, .reg = (uint8_t)reg, .rm = (uint8_t)rm};
                add_form(&f);
            }
}

/* ---- states ---- */

static uint64_t rng;
static uint64_t rnd64(void) /* xorshift64*, deterministic by form and seed */
{
    rng ^= rng >> 12, rng ^= rng << 25, rng ^= rng >> 27;
    return rng * UINT64_C(2685821657736338717);
}
static uint32_t rnd(uint32_t n) { return (uint32_t)(rnd64() >> 33) % n; }

static uint32_t edge32(void)
{
    static const uint32_t v[] = {0, 1, 2, 0xffffffff, 0xfffffffe, 0x7fffffff, 0x80000000, 0x80000001,
                                 0x7fff, 0x8000, 0xffff, 0x10000, 0x7f, 0x80, 0xff, 0x100, 31, 32, 33,
                                 0x3f800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x00800000,
                                 0x007fffff, 0x00000001, 0x4f000000, 0xcf000000, 0x3f000000, 0x40490fdb};
    return rnd(2) ? v[rnd(ARRAY_SIZE(v))] : (uint32_t)rnd64();
}

static uint64_t edge64(void)
{
    static const uint64_t v[] = {0, UINT64_C(0x8000000000000000), UINT64_C(0x3ff0000000000000),
        UINT64_C(0x7ff0000000000000), UINT64_C(0xfff0000000000000), UINT64_C(0x7ff8000000000000),
        UINT64_C(0x7ff0000000000001), UINT64_C(0x0010000000000000), UINT64_C(0x000fffffffffffff), 1,
        UINT64_C(0x7fefffffffffffff), UINT64_C(0x41e0000000000000), UINT64_C(0xc1e0000000000000),
        UINT64_C(0x43e0000000000000), UINT64_C(0x3fe0000000000000), UINT64_C(0x4000000000000000), ~UINT64_C(0),
        UINT64_C(0x3810000000000000), UINT64_C(0x36a0000000000000), UINT64_C(0x47efffffe0000000)};
    switch (rnd(4)) {
    case 0: return v[rnd(ARRAY_SIZE(v))];
    case 1: return (uint64_t)edge32() << 32 | edge32();
    case 2: return (UINT64_C(1023 - 32) + rnd(64)) << 52 | (rnd64() >> 12) | (uint64_t)rnd(2) << 63;
    default: return rnd64();
    }
}

static void put_f80(uint8_t *p)
{
    static const struct { uint16_t se; uint64_t sig; } v[] = {
        {0, 0}, {0x8000, 0}, {0x3fff, UINT64_C(1) << 63}, {0x7fff, UINT64_C(1) << 63},
        {0xffff, UINT64_C(1) << 63}, {0x7fff, UINT64_C(3) << 62}, {0xffff, UINT64_C(3) << 62},
        {0x7fff, UINT64_C(0x8000000000000001)}, {0x7fff, UINT64_C(0xa000000000000000)}, {0, 1},
        {0, UINT64_C(1) << 63}, {0, UINT64_C(0x7fffffffffffffff)}, {1, UINT64_C(1) << 63},
        {0x7ffe, ~UINT64_C(0)}, {0x3fff, 1}, {0x7fff, 0}, {0x403e, UINT64_C(1) << 63},
        {0x403d, ~UINT64_C(0)}, {0x3ffe, UINT64_C(1) << 63}, {0x4000, UINT64_C(0xc90fdaa22168c235)},
        {0x3f81, UINT64_C(1) << 63}, {0x3c01, ~UINT64_C(0)}, {0xbfff, UINT64_C(1) << 63}};
    uint16_t se;
    uint64_t sig;
    if (rnd(2)) {
        unsigned i = rnd(ARRAY_SIZE(v));
        se = v[i].se, sig = v[i].sig;
    } else {
        se = (uint16_t)((rnd(3) ? 0x3fff - 70 + rnd(140) : rnd(0x8000)) | rnd(2) << 15);
        sig = rnd64() | UINT64_C(1) << 63;
        if (!rnd(4))
            sig &= ~UINT64_C(0) << rnd(60);
    }
    memcpy(p, &sig, 8);
    memcpy(p + 8, &se, 2);
}

static void make_state(struct case_state *s, const struct form *f)
{
    const struct insn *in = &f->in;
    memset(s, 0, sizeof *s);
    for (int i = 0; i < 8; i++)
        s->gpr[i] = edge32();
    bool rep = in->flags & (INSN_REP | INSN_REPNE);
    if (rep && decode_op_class(in->op) == CLASS_STRING)
        s->gpr[1] = rnd(12);
    else if (rnd(2))
        s->gpr[1] = rnd(70);
    uint32_t w = CASE_WINDOW + 128;
    s->gpr[3] = w + rnd(4) * 16 + (rnd(4) ? 0 : rnd(16));
    s->gpr[6] = w + 64 + (rnd(4) ? rnd(4) * 16 : rnd(64));
    s->gpr[7] = w + 96 + (rnd(4) ? rnd(4) * 16 : rnd(64));
    s->gpr[4] = w + 160 + rnd(16) * 4;
    if (f->mem && (in->op == OP_BT || in->op == OP_BTS || in->op == OP_BTR || in->op == OP_BTC) &&
        in->o[1].kind == OPND_GPR)
        s->gpr[in->o[1].reg] &= in->o[1].reg == 3 || in->o[1].reg == 6 || in->o[1].reg == 7 ? ~0u : 0x3ff;
    if (f->nprefix && f->prefix[0] == 0x67) /* 16-bit addresses reach nothing: a fault */
        s->gpr[3] &= 0xffff;
    s->eflags = 0x202 | (uint32_t)(rnd64() & 0x8d5) | (rnd(4) ? 0 : EFL_DF);
    for (unsigned i = 0; i < CASE_WINDOW_SIZE; i += 8) {
        uint64_t v = rnd(3) ? edge64() : (uint64_t)edge32() << 32 | edge32();
        memcpy(s->mem + i, &v, 8);
    }
    put_f80(s->mem + rnd(20) * 16);
    uint16_t cw = (uint16_t)(0x40 | (rnd(4) ? 0x3f : rnd(64)) | rnd(4) << 10 | (rnd(2) ? 3 : rnd(4)) << 8);
    if ((cw >> 8 & 3) == 1)
        cw |= 0x300;
    uint16_t sw = (uint16_t)(rnd(8) << 11 | (rnd(4) ? 0 : (rnd(16) << 8 & 0x4700)));
    memcpy(s->fx, &cw, 2);
    memcpy(s->fx + 2, &sw, 2);
    s->fx[4] = decode_op_class(in->op) == CLASS_X87 && !rnd(6) ? (uint8_t)rnd64() : rnd(3) ? 0xff : 0x7f;
    if (in->op == OP_FXTRACT || in->op == OP_FLD || in->op == OP_FILD || in->op == OP_FBLD ||
        (in->op >= OP_FLD1 && in->op <= OP_FLDZ))
        s->fx[4] = rnd(4) ? (uint8_t)~(1u << (((sw >> 11) - 1u) & 7)) : 0xff;
    uint32_t mx = (rnd(4) ? 0x1f80 : rnd(64) << 7) | rnd(4) << 13 | (rnd(4) ? 0 : 0x40) |
                  (rnd(4) ? 0 : 0x8000) | (rnd(2) ? 0 : 0x20);
    memcpy(s->fx + 24, &mx, 4);
    for (unsigned i = 0; i < 8; i++)
        put_f80(s->fx + 32 + 16 * i);
    for (unsigned i = 0; i < 128; i += 8) {
        uint64_t v = edge64();
        memcpy(s->fx + 160 + i, &v, 8);
    }
}

/* A branch must not land in the helper's own code. */
static bool harmless_target(const struct insn *in)
{
    if (!in->nopnd || in->o[0].kind != OPND_REL || in->imm < 0x10000)
        return true;
    return in->imm >= CASE_CODE && in->imm < 0x70000000u &&
           (in->imm < CASE_EIP || in->imm >= CASE_EIP + CASE_CODE_MAX);
}

/* Could the operand lie in what the helper itself has mapped (program, heap, shared cases, stack)?
 * A stray store there would spoil later cases. */
static bool harmless_address(const struct insn *in, const struct case_state *s)
{
    for (unsigned i = 0; i < in->nopnd; i++) {
        if (in->o[i].kind != OPND_MEM || decode_op_class(in->op) == CLASS_STRING)
            continue;
        uint32_t base = in->base == REG_ZERO ? 0 : s->gpr[in->base];
        uint32_t index = in->index == REG_ZERO ? 0 : s->gpr[in->index];
        uint32_t a = base + (index << in->scale) + in->disp;
        if (in->flags & INSN_ADDR16)
            a &= 0xffff;
        if ((a >= 0x08000000u && a < CASE_DATA) || (a >= 0xe0000000u && a < 0xffffe000u))
            return false;
    }
    return true;
}

static void make_case(struct test_case *c, unsigned form, uint32_t seed)
{
    const struct form *f = &forms[form];
    struct insn in;
    memset(c, 0, sizeof *c);
    rng = UINT64_C(0x9e3779b97f4a7c15) * (form_key(f) + 1) ^ UINT64_C(0xbf58476d1ce4e5b9) * (seed + 1);
    rnd64();
    do { /* another register or displacement may be another form */
        emit(f, c->code, (uint32_t)rnd64());
        struct form g = *f;
        if (decode_bytes(c->code, sizeof c->code, CASE_EIP, 0, &in) != DECODE_OK)
            continue;
        g.in = in;
        make_state(&c->in, &g);
    } while (in.op != f->in.op || in.nopnd != f->in.nopnd || !harmless_target(&in) ||
             !harmless_address(&in, &c->in));
    c->form = form;
    c->seed = seed;
    c->len = in.len;
    memset(c->code + in.len, 0xcc, sizeof c->code - in.len);
}

/* ---- the interpreter's side ---- */

static struct thread *T;

static void setup(void)
{
    struct process *p = xcalloc(1, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    p->rlim_stack[0] = 8 << 20;
    p->rlim_as[0] = p->rlim_data[0] = UINT64_MAX;
    process_self = p;
    T = thread_self = thread_new(p);
    T->cpu.thread = T;
    runtime_init();
    int r = mem_init();
    if (r)
        log_die(1, "mem_init: %s", strerror(-r));
    signal_init();
    cache_thread_add(T);
    int rw = PROT_READ | PROT_WRITE, fl = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    xassert(mem_map(CASE_DATA, 0x3000, rw, fl, -1, 0) == CASE_DATA);
    xassert(mem_map(CASE_CODE, 0x1000, rw | PROT_EXEC, fl, -1, 0) == CASE_CODE);
    memset(mem_host(CASE_CODE), 0xcc, 0x1000);
}

static void interpret(const struct test_case *c, struct case_state *o)
{
    struct cpu *cpu = &T->cpu;
    memcpy(mem_host(CASE_WINDOW), c->in.mem, CASE_WINDOW_SIZE);
    memset(mem_host(CASE_EIP), 0xcc, 32);
    memcpy(mem_host(CASE_EIP), c->code, c->len);
    cpu_reset(cpu);
    memcpy(cpu->gpr, c->in.gpr, 32);
    cpu->eflags = EFL_FIXED1 | EFL_IF | (c->in.eflags & EFL_DF);
    flags_set_status(cpu, c->in.eflags);
    x87_load_fxsave(cpu, c->in.fx);
    cpu->eip = CASE_EIP;
    cpu->pending = 0;
    memset(&cpu->trap, 0, sizeof cpu->trap);
    memset(o, 0, sizeof *o);
    int why = sigsetjmp(T->trap_jb, 0);
    T->running = 0;
    if (!why) {
        const struct insn *in = cache_step(T);
        T->running = 1;
        interp_run(cpu, in);
        T->running = 0;
        o->trap = cpu->exit == EXIT_TRAP ? cpu->trap.vec : TRAP_BP;
    } else {
        o->trap = cpu->trap.vec;
    }
    memcpy(o->gpr, cpu->gpr, 32);
    o->eip = cpu->eip;
    o->eflags = cpu_get_eflags(cpu);
    o->err = cpu->trap.err;
    o->cr2 = cpu->trap.addr;
    x87_save_fxsave(cpu, o->fx);
    memcpy(o->mem, mem_host(CASE_WINDOW), CASE_WINDOW_SIZE);
}

/* ---- comparison ---- */

/* Removes what is not compared from a result: undefined flags, x87 pointers, and, after a fault,
 * the flags of the frame that hardware adds. */
static void normalize(struct case_state *s, const struct test_case *c)
{
    const struct insn *in = &forms[c->form].in;
    struct insn real;
    decode_bytes(c->code, sizeof c->code, CASE_EIP, 0, &real);
    s->eflags &= (EFL_STATUS | EFL_DF) & ~flb_to_eflags(real.fl_undef);
    memset(s->fx + 6, 0, 18);   /* FOP FIP FCS FDP FDS */
    memset(s->fx + 28, 0, 4);
    memset(s->fx + 288, 0, 224);
    for (unsigned i = 0; i < 8; i++)
        memset(s->fx + 42 + 16 * i, 0, 6);
    s->fx[5] = 0;
    /* which byte of a large area faults first differs between processors */
    bool large = in->op == OP_FXSAVE || in->op == OP_FXRSTOR || in->op == OP_FNSAVE ||
                 in->op == OP_FRSTOR || in->op == OP_FNSTENV || in->op == OP_FLDENV;
    if (s->trap != TRAP_PF || large)
        s->cr2 = 0;
    if (s->trap == TRAP_BP) {
        s->err = 0;
        s->eip = s->eip > CASE_CODE && s->eip < CASE_CODE + 0x1000 ? s->eip : 0;
    }
    if (in->op == OP_ENTER && s->trap != TRAP_BP) { /* what a faulting ENTER has written by then */
        memset(s->mem, 0, sizeof s->mem);
        s->trap = TRAP_PF;
        s->cr2 = s->err = 0;
    }
    if ((in->op == OP_FNSTENV || in->op == OP_FNSAVE) && in->o[0].kind == OPND_MEM) {
        /* the image holds the pointers too */
        uint32_t off = c->in.gpr[real.base] + real.disp - CASE_WINDOW;
        unsigned from = in->opsize == 2 ? 6 : 12, to = in->opsize == 2 ? 14 : 28;
        for (unsigned i = from; i < to && off + i < CASE_WINDOW_SIZE; i++)
            s->mem[off + i] = 0;
    }
    if (in->op == OP_FXSAVE) {
        uint32_t off = c->in.gpr[real.base] + real.disp - CASE_WINDOW;
        for (unsigned i = 6; i < 512 && off + i < CASE_WINDOW_SIZE; i++)
            if (i < 24 || (i >= 28 && i < 32) || i >= 288 || (i >= 32 && i < 160 && (i & 15) > 9))
                s->mem[off + i] = 0;
    }
    memset(s->pad, 0, sizeof s->pad);
}

/* Ran on natively: a branch to unmapped or non-code memory is the branch's success here. */
static void settle_branch(struct case_state *nat, const struct case_state *mine)
{
    if (nat->trap == TRAP_BP)
        nat->eip--;
    if (mine->trap == TRAP_BP && nat->trap == TRAP_PF && nat->cr2 == nat->eip && nat->eip != CASE_EIP) {
        nat->trap = TRAP_BP;
        nat->cr2 = nat->err = 0;
    }
}

static const char *const reg_names[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};

static void show(const struct test_case *c, const struct case_state *nat, const struct case_state *mine)
{
    char text[128];
    memcpy(mem_host(CASE_EIP), c->code, CASE_CODE_MAX);
    decode_format(CASE_EIP, 0, text, sizeof text);
    printf("-- %s  form %u seed %u  bytes", text, c->form, c->seed);
    for (unsigned i = 0; i < c->len; i++)
        printf(" %02x", c->code[i]);
    uint16_t cw, sw;
    uint32_t mx;
    memcpy(&cw, c->in.fx, 2), memcpy(&sw, c->in.fx + 2, 2), memcpy(&mx, c->in.fx + 24, 4);
    printf("\n   before: efl %x cw %x sw %x ftw %02x mxcsr %x\n", c->in.eflags, cw, sw, c->in.fx[4], mx);
    for (int i = 0; i < 8; i++)
        if (nat->gpr[i] != mine->gpr[i])
            printf("   %s was %08x: hardware %08x, xrun %08x\n", reg_names[i], c->in.gpr[i], nat->gpr[i], mine->gpr[i]);
    if (nat->eflags != mine->eflags)
        printf("   eflags: hardware %x, xrun %x\n", nat->eflags, mine->eflags);
    if (nat->trap != mine->trap || nat->err != mine->err || nat->cr2 != mine->cr2 || nat->eip != mine->eip)
        printf("   trap %u err %x cr2 %x eip %x: xrun %u %x %x %x\n", nat->trap, nat->err, nat->cr2,
               nat->eip, mine->trap, mine->err, mine->cr2, mine->eip);
    for (unsigned i = 0; i < 288; i += i < 32 ? 4 : 16)
        if (memcmp(nat->fx + i, mine->fx + i, i < 32 ? 4 : 16)) {
            printf("   fx+%u was ", i);
            for (int k = (i < 32 ? 3 : 15); k >= 0; k--) printf("%02x", c->in.fx[i + (unsigned)k]);
            printf(": hardware ");
            for (int k = (i < 32 ? 3 : 15); k >= 0; k--) printf("%02x", nat->fx[i + (unsigned)k]);
            printf(", xrun ");
            for (int k = (i < 32 ? 3 : 15); k >= 0; k--) printf("%02x", mine->fx[i + (unsigned)k]);
            printf("\n");
        }
    for (unsigned i = 0; i < CASE_WINDOW_SIZE; i += 8)
        if (memcmp(nat->mem + i, mine->mem + i, 8)) {
            uint64_t a, b, w;
            memcpy(&a, nat->mem + i, 8), memcpy(&b, mine->mem + i, 8), memcpy(&w, c->in.mem + i, 8);
            printf("   [%08x] was %016llx: hardware %016llx, xrun %016llx\n", CASE_WINDOW + i,
                   (unsigned long long)w, (unsigned long long)a, (unsigned long long)b);
        }
}

/* ---- running ---- */

static int to_native = -1, from_native = -1;
static struct test_case *shared;

static void start_native(const char *path)
{
    int mem = memfd_create("cases", 0), in[2], out[2];
    size_t size = CASE_BATCH * sizeof *shared;
    if (ftruncate(mem, (off_t)size) || pipe(in) || pipe(out))
        log_die(1, "pipes: %s", strerror(errno));
    shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);
    if (!fork()) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(mem, 3);
        for (int i = 4; i < 64; i++)
            close(i);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    to_native = in[1];
    from_native = out[0];
}

static void run_native(uint32_t n)
{
    char k;
    if (write(to_native, &n, 4) != 4 || read(from_native, &k, 1) != 1)
        log_die(1, "the native helper died (case of form %u..%u)", shared[0].form, shared[n - 1].form);
}

static uint64_t hash_state(uint64_t h, const struct case_state *s)
{
    const uint8_t *p = (const uint8_t *)s;
    for (size_t i = 0; i < sizeof *s; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

static unsigned long bad_by_op[OP_COUNT], total, bad, elsewhere;
static unsigned show_max = 2;

static void compare(const struct test_case *c, struct case_state *nat)
{
    struct case_state mine;
    interpret(c, &mine);
    settle_branch(nat, &mine);
    normalize(nat, c);
    normalize(&mine, c);
    bool left = mine.trap == TRAP_BP && (mine.eip < CASE_CODE || mine.eip >= CASE_CODE + 0x1000);
    bool skip = left && nat->trap != TRAP_BP; /* branched into the helper itself and ran on there */
    if (mine.trap == TRAP_PF && nat->trap != TRAP_GP && nat->trap != TRAP_SS &&
        (nat->trap != TRAP_PF || nat->err & PF_ERR_PRESENT) &&
        (mine.cr2 < CASE_DATA || mine.cr2 >= CASE_DATA + 0x3000))
        skip = true; /* something of the helper is mapped there natively */
    if (skip) { /* not comparable; the record holds what the replay will find */
        elsewhere++;
        normalize(&mine, c);
        *nat = mine;
        return;
    }
    total++;
    if (!memcmp(nat, &mine, sizeof mine))
        return;
    bad++;
    if (bad_by_op[forms[c->form].in.op]++ < show_max)
        show(c, nat, &mine);
}

/* ---- recorded results ---- */

struct recorded {
    unsigned long long key, hash;
};
static struct recorded *recorded;
static size_t nrecorded;

static void read_recorded(FILE *f)
{
    recorded = xcalloc(FORMS_MAX, sizeof *recorded);
    while (nrecorded < FORMS_MAX &&
           fscanf(f, "%llx %llx", &recorded[nrecorded].key, &recorded[nrecorded].hash) == 2)
        nrecorded++;
}

static const struct recorded *find_recorded(unsigned long long key)
{
    for (size_t i = 0; i < nrecorded; i++)
        if (recorded[i].key == key)
            return &recorded[i];
    return NULL;
}

int main(int argc, char **argv)
{
    uint32_t per_form = 40, seed = 1;
    const char *record = NULL, *replay = NULL, *only = NULL;
    if (argc < 2)
        log_die(2, "usage: insn NATIVE|- [-n N] [-s SEED] [-o OP] [-v N] [-r FILE | -p FILE]");
    const char *native = argv[1];
    for (int i = 2; i + 1 < argc; i += 2)
        switch (argv[i][1]) {
        case 'n': per_form = (uint32_t)atoi(argv[i + 1]); break;
        case 's': seed = (uint32_t)atoi(argv[i + 1]); break;
        case 'o': only = argv[i + 1]; break;
        case 'v': show_max = (unsigned)atoi(argv[i + 1]); break;
        case 'r': record = argv[i + 1]; break;
        case 'p': replay = argv[i + 1]; break;
        default: log_die(2, "unknown option %s", argv[i]);
        }
    bool hardware = strcmp(native, "-") != 0;
    setup();
    enumerate();
    if (hardware)
        start_native(native);
    else
        shared = xcalloc(CASE_BATCH, sizeof *shared);
    FILE *f = record ? fopen(record, "w") : replay ? fopen(replay, "r") : NULL;
    if ((record || replay) && !f)
        log_die(1, "%s: %s", record ? record : replay, strerror(errno));
    unsigned long hash_bad = 0, hash_total = 0, unrecorded = 0;
    if (replay)
        read_recorded(f);
    for (unsigned form = 0; form < nforms; form++) {
        if (only && strcmp(only, decode_op_name(forms[form].in.op)))
            continue;
        uint64_t h = 1;
        for (uint32_t done = 0; done < per_form;) {
            uint32_t n = per_form - done < CASE_BATCH ? per_form - done : CASE_BATCH;
            for (uint32_t i = 0; i < n; i++)
                make_case(&shared[i], form, seed + done + i);
            if (hardware)
                run_native(n);
            for (uint32_t i = 0; i < n; i++) {
                struct case_state s;
                if (hardware) {
                    s = shared[i].out;
                    compare(&shared[i], &s);
                } else {
                    interpret(&shared[i], &s);
                    normalize(&s, &shared[i]);
                }
                h = hash_state(h, &s);
            }
            done += n;
        }
        unsigned long long key = form_key(&forms[form]);
        const struct recorded *want;
        if (record) {
            fprintf(f, "%012llx %016llx\n", key, (unsigned long long)h);
        } else if (replay && !(want = find_recorded(key))) {
            unrecorded++;
        } else if (replay && ++hash_total && want->hash != h) {
            hash_bad++;
            if (hash_bad < 20)
                printf("form %u (%s, opcode %02x) differs from the recorded hardware results\n", form,
                       decode_op_name(forms[form].in.op), forms[form].op);
        }
    }
    if (f)
        fclose(f);
    if (!hardware) {
        printf("insn replay: %lu passed, %lu failed, %lu skipped\n", (hash_total - hash_bad) * per_form,
               hash_bad * per_form, unrecorded * per_form);
        return hash_bad != 0 || !hash_total;
    }
    for (unsigned op = 0; op < OP_COUNT; op++)
        if (bad_by_op[op])
            printf("%-12s %lu differences\n", decode_op_name((enum op)op), bad_by_op[op]);
    printf("%u forms; insn: %lu passed, %lu failed, %lu skipped\n", nforms, total - bad, bad, elsewhere);
    return bad != 0;
}
