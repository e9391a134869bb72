/* Building and undoing signal frames; rules of arch/x86/kernel/signal_32.c and signal.c. */
#include "abi/sigframe.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "abi/siginfo.h"
#include "core/cpuid.h"
#include "core/flags.h"
#include "core/mem.h"
#include "core/x87state.h"
#include "core/xstate.h"

#define I386 __attribute__((packed))

enum { SA_SIGINFO_ = 4, SA_ONSTACK_ = 0x08000000, SA_RESTORER_ = 0x04000000 };
#define SS_AUTODISARM_ 0x80000000u
enum { SS_ONSTACK_ = 1, SS_DISABLE_ = 2, MINSIGSTKSZ_ = 2048, USER_DS = 0x2b, USER_CS = 0x23,
       SW_ES = 0x80 };

struct i386_sigcontext {
    uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, trapno, err, eip, cs, eflags,
        esp_at_signal, ss, fpstate, oldmask, cr2;
} I386;

/* FSAVE image, then FXSAVE image or, if the model has XSAVE, a whole XSAVE area and a magic number. */
struct fpstate {
    uint8_t fsave[108];
    uint16_t status, magic; /* magic 0: FXSAVE image valid (X86_FXSR_MAGIC) */
    uint8_t fxsave[XSTATE_MAX + 4];
} I386;
enum { FPSTATE_FSAVE = 112, FXSAVE_SIZE = 512, SW_RESERVED_AT = 464, UC_FP_XSTATE_ = 1 };
#define XSTATE_MAGIC1 0x46505853u
#define XSTATE_MAGIC2 0x46505845u

/* In bytes 464-511 of the FXSAVE image, which software may use: what the area behind it is. */
struct sw_reserved {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t xstate_size, padding[7];
} I386;

/* Bytes from the FXSAVE image on. */
static uint32_t fxsave_size(void) { return cpuid_xcr0() ? xstate_size() + 4 : FXSAVE_SIZE; }

struct sigframe {
    uint32_t pretcode, sig;
    struct i386_sigcontext sc;
    uint8_t fpstate_unused[624];
    uint32_t extramask;
    uint8_t retcode[8];
} I386;

struct i386_ucontext {
    uint32_t flags, link;
    uint32_t stack_sp, stack_flags, stack_size;
    struct i386_sigcontext sc;
    uint64_t sigmask;
} I386;

struct rt_sigframe {
    uint32_t pretcode, sig, pinfo, puc;
    uint8_t info[I386_SIGINFO_SIZE];
    struct i386_ucontext uc;
    uint8_t retcode[8];
} I386;

static const uint8_t retcode[8] = {0x58, 0xb8, 0x77, 0, 0, 0, 0xcd, 0x80};
static const uint8_t rt_retcode[8] = {0xb8, 0xad, 0, 0, 0, 0xcd, 0x80, 0};

static bool in_altstack(const struct thread *t, gaddr sp)
{
    const struct guest_altstack *s = &t->altstack;
    return s->size && sp > s->sp && sp - s->sp <= s->size;
}

bool sigframe_on_altstack(const struct thread *t, gaddr sp)
{
    return !(t->altstack.flags & SS_AUTODISARM_) && in_altstack(t, sp);
}

int sigframe_set_altstack(struct thread *t, const struct guest_altstack *s, gaddr sp)
{
    uint32_t mode = s->flags & ~SS_AUTODISARM_;
    if (sigframe_on_altstack(t, sp))
        return -EPERM;
    if (mode != 0 && mode != SS_ONSTACK_ && mode != SS_DISABLE_)
        return -EINVAL;
    if (s->sp == t->altstack.sp && s->size == t->altstack.size && s->flags == t->altstack.flags)
        return 0; /* no change, however small it is */
    if (mode == SS_DISABLE_)
        t->altstack = (struct guest_altstack){.flags = s->flags};
    else if (s->size < MINSIGSTKSZ_)
        return -ENOMEM;
    else
        t->altstack = *s;
    return 0;
}

/* Where the stack pointer starts for the frame. *alt: on the alternate stack, already or newly. */
static gaddr frame_top(const struct thread *t, const struct guest_sigaction *sa, bool *alt)
{
    gaddr sp = t->cpu.gpr[REG_ESP];
    const struct guest_altstack *s = &t->altstack;
    *alt = sigframe_on_altstack(t, sp);
    if (sa->flags & SA_ONSTACK_) {
        if (s->size && !*alt) {
            sp = s->sp + s->size;
            *alt = true;
        }
    } else if (!*alt && t->cpu.sel[SEG_SS] != USER_DS && !(sa->flags & SA_RESTORER_) &&
               sa->restorer) {
        sp = sa->restorer; /* the old way to switch stacks */
        *alt = true;
    }
    return sp;
}

static void fill_sigcontext(const struct thread *t, struct i386_sigcontext *s, gaddr fp, uint64_t mask)
{
    const struct cpu *c = &t->cpu;
    memset(s, 0, sizeof *s);
    s->gs = c->sel[SEG_GS];
    s->fs = c->sel[SEG_FS];
    s->es = c->sel[SEG_ES];
    s->ds = c->sel[SEG_DS];
    s->edi = c->gpr[REG_EDI], s->esi = c->gpr[REG_ESI], s->ebp = c->gpr[REG_EBP];
    s->esp = s->esp_at_signal = c->gpr[REG_ESP];
    s->ebx = c->gpr[REG_EBX], s->edx = c->gpr[REG_EDX], s->ecx = c->gpr[REG_ECX];
    s->eax = c->gpr[REG_EAX];
    s->trapno = c->trap.vec;
    s->err = c->trap.err;
    s->eip = c->eip - c->seg_base[SEG_CS];
    s->cs = c->sel[SEG_CS];
    s->eflags = cpu_get_eflags(c);
    s->ss = c->sel[SEG_SS];
    s->fpstate = fp;
    s->oldmask = (uint32_t)mask;
    s->cr2 = c->trap.addr;
}

/* The FSAVE image as the kernel makes it of an FXSAVE one: no opcode; the selectors of now, those of
 * the last x87 instruction are not known to a 64-bit kernel. */
static void put_pointers(const struct thread *t, uint8_t *fsave, const uint8_t *fxsave)
{
    uint32_t cs = t->cpu.sel[SEG_CS], ds = t->cpu.sel[SEG_DS] | 0xffff0000u;
    memcpy(fsave + 12, fxsave + 8, 4);
    memcpy(fsave + 16, &cs, 4);
    memcpy(fsave + 20, fxsave + 16, 4);
    memcpy(fsave + 24, &ds, 4);
}

/* What is behind the FXSAVE image of an XSAVE area. */
static void put_header(const struct thread *t, uint8_t *area, uint64_t components)
{
    memset(area + XSTATE_HEADER_AT, 0, XSTATE_MAX - XSTATE_HEADER_AT);
    memcpy(area + XSTATE_HEADER_AT, &components, sizeof components);
    xstate_save(&t->cpu, area, XSTATE_AVX | XSTATE_AVX512);
}

static void put_xstate(const struct thread *t, struct fpstate *f)
{
    const uint32_t magic2 = XSTATE_MAGIC2;
    const uint32_t size = xstate_size();
    struct sw_reserved sw = {XSTATE_MAGIC1, FPSTATE_FSAVE + size + 4, cpuid_xcr0(), size, {0}};
    put_header(t, f->fxsave, xstate_in_use(&t->cpu) | XSTATE_X87 | XSTATE_SSE);
    memcpy(f->fxsave + SW_RESERVED_AT, &sw, sizeof sw);
    memcpy(f->fxsave + size, &magic2, sizeof magic2);
}

void sigframe_fpu_images(const struct thread *t, uint8_t fsave[108], uint8_t fxsave[512])
{
    memset(fxsave, 0, 512);
    x87_save_fxsave(&t->cpu, fxsave);
    if (!(t->cpu.fpu.sw & SW_ES)) /* as AMD's FXSAVE: pointers only with an exception pending */
        memset(fxsave + 6, 0, 18);
    x87_save_fsave(&t->cpu, fsave, 4);
    put_pointers(t, fsave, fxsave);
}

unsigned sigframe_xstate_image(const struct thread *t, uint8_t area[XSTATE_MAX])
{
    uint8_t fsave[108];
    uint64_t xcr0 = cpuid_xcr0();
    sigframe_fpu_images(t, fsave, area);
    put_header(t, area, xstate_in_use(&t->cpu));
    memcpy(area + SW_RESERVED_AT, &xcr0, sizeof xcr0);
    return xcr0 ? xstate_size() : 0;
}

static int write_fpstate(struct thread *t, gaddr a)
{
    struct fpstate f;
    memset(&f, 0, sizeof f);
    sigframe_fpu_images(t, f.fsave, f.fxsave);
    memcpy(&f.status, f.fsave + 4, 2);
    if (cpuid_xcr0())
        put_xstate(t, &f);
    return mem_write(a, &f, FPSTATE_FSAVE + fxsave_size());
}

/* Reserves the fpstate and a frame of `size` bytes as get_sigframe does. 0 if it would overflow the
 * alternate stack. */
static gaddr place(const struct thread *t, const struct guest_sigaction *sa, uint32_t size, gaddr *fp)
{
    bool alt;
    gaddr sp = frame_top(t, sa, &alt);
    *fp = ((sp - fxsave_size()) & ~63u) - FPSTATE_FSAVE; /* the FXSAVE part is 64-aligned */
    gaddr frame = ((*fp - size + 4) & ~15u) - 4;
    return alt && !in_altstack(t, frame) ? 0 : frame;
}

/* Handlers start with the x87 and SSE state of a new program. */
static void reset_fpu(struct cpu *c)
{
    memset(&c->fpu, 0, sizeof c->fpu);
    c->fpu.cw = 0x37f;
    c->fpu.empty = 0xff;
    c->mxcsr = 0x1f80;
    memset(c->xmm, 0, sizeof c->xmm);
    memset(c->ymmh, 0, sizeof c->ymmh);
    cpu_clear_avx512(c);
}

static void enter_handler(struct thread *t, const struct guest_sigaction *sa, gaddr frame, int sig,
                          gaddr edx, gaddr ecx)
{
    struct cpu *c = &t->cpu;
    c->gpr[REG_ESP] = frame;
    c->gpr[REG_EAX] = (uint32_t)sig;
    c->gpr[REG_EDX] = edx;
    c->gpr[REG_ECX] = ecx;
    c->eflags &= ~(uint32_t)(EFL_DF | EFL_TF | EFL_RF);
    cpu_load_seg(c, SEG_DS, USER_DS);
    cpu_load_seg(c, SEG_ES, USER_DS);
    cpu_load_seg(c, SEG_SS, USER_DS);
    cpu_load_cs(c, USER_CS);
    c->eip = sa->handler;
    reset_fpu(c);
}

static int build_old(struct thread *t, int sig, const struct guest_sigaction *sa, uint64_t mask)
{
    gaddr fp, a = place(t, sa, sizeof(struct sigframe), &fp);
    struct sigframe f;
    memset(&f, 0, sizeof f);
    f.pretcode = sa->flags & SA_RESTORER_ ? sa->restorer : t->proc->vdso_sigreturn;
    f.sig = (uint32_t)sig;
    fill_sigcontext(t, &f.sc, fp, mask);
    f.extramask = (uint32_t)(mask >> 32);
    memcpy(f.retcode, retcode, sizeof retcode);
    if (!a || write_fpstate(t, fp) || mem_write(a, &f, sizeof f))
        return -EFAULT;
    enter_handler(t, sa, a, sig, 0, 0);
    return 0;
}

static int build_rt(struct thread *t, int sig, const siginfo_t *info,
                    const struct guest_sigaction *sa, uint64_t mask)
{
    gaddr fp, a = place(t, sa, sizeof(struct rt_sigframe), &fp);
    struct rt_sigframe f;
    memset(&f, 0, sizeof f);
    f.pretcode = sa->flags & SA_RESTORER_ ? sa->restorer : t->proc->vdso_rt_sigreturn;
    f.sig = (uint32_t)sig;
    f.pinfo = a + (uint32_t)offsetof(struct rt_sigframe, info);
    f.puc = a + (uint32_t)offsetof(struct rt_sigframe, uc);
    abi_siginfo_to_guest(f.info, info);
    f.uc.flags = cpuid_xcr0() ? UC_FP_XSTATE_ : 0;
    f.uc.stack_sp = t->altstack.sp;
    f.uc.stack_flags = t->altstack.flags;
    f.uc.stack_size = t->altstack.size;
    fill_sigcontext(t, &f.uc.sc, fp, mask);
    f.uc.sigmask = mask;
    memcpy(f.retcode, rt_retcode, sizeof rt_retcode);
    if (!a || write_fpstate(t, fp) || mem_write(a, &f, sizeof f))
        return -EFAULT;
    if (t->altstack.flags & SS_AUTODISARM_)
        t->altstack = (struct guest_altstack){.flags = SS_DISABLE_};
    enter_handler(t, sa, a, sig, f.pinfo, f.puc);
    return 0;
}

int sigframe_build(struct thread *t, int sig, const siginfo_t *info,
                   const struct guest_sigaction *sa, uint64_t oldmask)
{
    return sa->flags & SA_SIGINFO_ ? build_rt(t, sig, info, sa, oldmask)
                                   : build_old(t, sig, sa, oldmask);
}

/* ---- sigreturn ---- */

/* The size of the XSAVE area of a frame; 0 if there is none, or one that the kernel does not trust:
 * then the FXSAVE image alone counts. */
static int find_xstate(gaddr fx, struct sw_reserved *sw)
{
    uint32_t magic2;
    if (!cpuid_xcr0())
        return 0;
    if (mem_read(sw, fx + SW_RESERVED_AT, sizeof *sw))
        return -EFAULT;
    if (sw->magic1 != XSTATE_MAGIC1 || sw->xstate_size < XSTATE_AVX_AT ||
        sw->xstate_size > xstate_size() || sw->xstate_size > sw->extended_size)
        return 0;
    if (mem_read32(fx + sw->xstate_size, &magic2))
        return -EFAULT;
    return magic2 == XSTATE_MAGIC2 ? (int)sw->xstate_size : 0;
}

/* Which components the header names. The kernel refuses what it does not know. */
static bool header_ok(const uint64_t h[8])
{
    uint64_t rest = 0;
    for (unsigned i = 1; i < 8; i++)
        rest |= h[i];
    return !(h[0] & ~(cpuid_xcr0() | XSTATE_X87 | XSTATE_SSE)) && !rest;
}

/* Loads the components that the header names, if they are among `features`, and gives the others their
 * initial state. Returns which were loaded, or -EINVAL with nothing changed. */
static int load_area(struct cpu *c, const uint8_t *area, const uint64_t header[8], uint64_t features)
{
    uint32_t mxcsr, load = (uint32_t)(header[0] & features);
    memcpy(&mxcsr, area + 24, 4);
    if (!header_ok(header) || (header[0] && mxcsr & 0xffff0000u))
        return -EINVAL;
    reset_fpu(c);
    xstate_load(c, area, load, 0);
    if (load & XSTATE_SSE)
        c->mxcsr = mxcsr;
    return (int)load;
}

int sigframe_set_xstate(struct thread *t, const uint8_t area[XSTATE_MAX])
{
    uint64_t header[8];
    memcpy(header, area + XSTATE_HEADER_AT, sizeof header);
    int loaded = load_area(&t->cpu, area, header, XSTATE_ALL | XSTATE_AVX512);
    return loaded < 0 ? loaded : 0;
}

/* The FXSAVE image, then the x87 registers of the FSAVE image over it (convert_to_fxsr: the
 * selectors are lost, the opcode is what lies above the code selector). */
static int restore_fpstate(struct thread *t, gaddr a)
{
    struct fpstate f;
    struct sw_reserved sw;
    uint64_t header[8] = {XSTATE_X87 | XSTATE_SSE};
    reset_fpu(&t->cpu);
    if (!a)
        return 0;
    int size = find_xstate(a + FPSTATE_FSAVE, &sw);
    if (size < 0 || mem_read(&f, a, FPSTATE_FSAVE + (size ? xstate_size() : FXSAVE_SIZE)))
        return -EFAULT;
    if (size)
        memcpy(header, f.fxsave + XSTATE_HEADER_AT, sizeof header);
    int loaded = load_area(&t->cpu, f.fxsave, header, size ? sw.features : XSTATE_ALL);
    if (loaded < 0)
        return -EFAULT;
    if (loaded & XSTATE_X87) {
        x87_load_fsave(&t->cpu, f.fsave, 4);
        t->cpu.fpu.fcs = t->cpu.fpu.fds = 0;
    }
    return 0;
}

/* Loads what the kernel's IRET loads; a fault of it is the program's, with the new registers. With a stack
 * segment of the LDT it is the kernel's espfix code, where every fault becomes #GP(0). */
static bool load_cs_ss(struct cpu *c, const struct i386_sigcontext *s)
{
    uint16_t cs = (uint16_t)(s->cs | 3), ss = (uint16_t)(s->ss | 3);
    uint32_t err = cs & 0xfffcu;
    int vec = cpu_load_cs(c, cs);
    if (!vec) {
        vec = cpu_load_seg(c, SEG_SS, ss);
        err = ss & 0xfffcu;
    }
    if (!vec && s->eip > c->seg[SEG_CS].limit) {
        vec = TRAP_GP;
        err = 0;
    }
    if (!vec)
        return true;
    c->sel[SEG_CS] = cs; /* what the frame of the fault shows */
    c->sel[SEG_SS] = ss;
    bool espfix = ss & 4;
    c->trap = (struct cpu_trap){.vec = (uint8_t)(espfix ? TRAP_GP : vec), .is_int = 1,
                                .err = espfix ? 0 : err, .addr = c->trap.addr};
    return false;
}

/* The kernel gives every selector but a null one privilege 3. */
static uint16_t with_rpl(uint32_t sel)
{
    return (uint16_t)((sel & 0xffff) <= 3 ? sel : sel | 3);
}

/* An IRET to a lower privilege leaves 0 of every null selector. */
static void clear_null_selectors(struct cpu *c)
{
    for (int i = 0; i < SEG_COUNT; i++)
        if (c->sel[i] <= 3)
            c->sel[i] = 0;
}

static int restore(struct thread *t, gaddr at, bool *iret_fault)
{
    struct cpu *c = &t->cpu;
    struct i386_sigcontext sc, *s = &sc;
    const uint32_t user = EFL_TF | EFL_DF | EFL_AC | EFL_RF;
    if (mem_read(s, at, sizeof sc))
        return -EFAULT;
    c->gpr[REG_EDI] = s->edi, c->gpr[REG_ESI] = s->esi, c->gpr[REG_EBP] = s->ebp;
    c->gpr[REG_ESP] = s->esp, c->gpr[REG_EBX] = s->ebx, c->gpr[REG_EDX] = s->edx;
    c->gpr[REG_ECX] = s->ecx, c->gpr[REG_EAX] = s->eax;
    c->eflags = (c->eflags & ~user) | (s->eflags & user);
    flags_set_status(c, s->eflags);
    static const uint8_t order[] = {SEG_GS, SEG_FS, SEG_DS, SEG_ES};
    const uint32_t sel[] = {s->gs, s->fs, s->ds, s->es};
    for (int i = 0; i < 4; i++) /* the kernel loads a null selector for a bad one */
        if (cpu_load_seg(c, order[i], with_rpl(sel[i])))
            cpu_load_seg(c, order[i], 0);
    const struct cpu_trap before = c->trap;
    *iret_fault = !load_cs_ss(c, s);
    c->eip = s->eip + c->seg_base[SEG_CS];
    int r = restore_fpstate(t, s->fpstate);
    if (r) /* before the IRET */
        c->trap = before;
    else if (!*iret_fault)
        clear_null_selectors(c);
    return r;
}

static void set_mask(struct thread *t, uint64_t mask)
{
    t->sigmask = mask & ~(UINT64_C(1) << 8 | UINT64_C(1) << 18); /* SIGKILL, SIGSTOP */
}

int sigframe_mask(const struct thread *t, bool rt, uint64_t *mask)
{
    const gaddr frame = t->cpu.gpr[REG_ESP] - (rt ? 4 : 8);
    const gaddr old = frame + (gaddr)(offsetof(struct sigframe, sc) + offsetof(struct i386_sigcontext, oldmask));
    uint32_t low, high;
    if (rt)
        return mem_read(mask, frame + (gaddr)(offsetof(struct rt_sigframe, uc) +
                                              offsetof(struct i386_ucontext, sigmask)), sizeof *mask);
    if (mem_read32(old, &low) || mem_read32(frame + (gaddr)offsetof(struct sigframe, extramask), &high))
        return -EFAULT;
    *mask = low | (uint64_t)high << 32;
    return 0;
}

static int restore_rt(struct thread *t, gaddr frame, bool *iret_fault)
{
    struct guest_altstack stack; /* laid out as stack_t */
    const gaddr uc = frame + (gaddr)offsetof(struct rt_sigframe, uc);
    uint64_t mask;
    if (sigframe_mask(t, true, &mask))
        return -EFAULT;
    set_mask(t, mask);
    if (restore(t, uc + (gaddr)offsetof(struct i386_ucontext, sc), iret_fault) ||
        mem_read(&stack, uc + (gaddr)offsetof(struct i386_ucontext, stack_sp), sizeof stack))
        return -EFAULT;
    sigframe_set_altstack(t, &stack, t->cpu.gpr[REG_ESP]); /* a refusal is ignored */
    return 0;
}

static int restore_old(struct thread *t, gaddr frame, bool *iret_fault)
{
    const gaddr sc = frame + (gaddr)offsetof(struct sigframe, sc);
    uint64_t mask;
    if (sigframe_mask(t, false, &mask))
        return -EFAULT;
    set_mask(t, mask);
    return restore(t, sc, iret_fault);
}

int sigframe_restore(struct thread *t, bool rt, bool *iret_fault)
{
    gaddr sp = t->cpu.gpr[REG_ESP];
    *iret_fault = false;
    /* the return popped pretcode; __kernel_sigreturn popped sig as well */
    return rt ? restore_rt(t, sp - 4, iret_fault) : restore_old(t, sp - 8, iret_fault);
}
