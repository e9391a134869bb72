/* Building and undoing signal frames; rules of arch/x86/kernel/signal_32.c and signal.c. */
#include "abi/sigframe.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "abi/siginfo.h"
#include "core/flags.h"
#include "core/mem.h"
#include "core/x87state.h"

#define I386 __attribute__((packed))

enum { SA_SIGINFO_ = 4, SA_ONSTACK_ = 0x08000000, SA_RESTORER_ = 0x04000000 };
#define SS_AUTODISARM_ 0x80000000u
enum { SS_ONSTACK_ = 1, SS_DISABLE_ = 2 };

struct i386_sigcontext {
    uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, trapno, err, eip, cs, eflags,
        esp_at_signal, ss, fpstate, oldmask, cr2;
} I386;

struct fpstate { /* FSAVE image, then FXSAVE image; 16-aligned FXSAVE part */
    uint8_t fsave[108];
    uint16_t status, magic; /* magic 0: FXSAVE image valid (X86_FXSR_MAGIC) */
    uint8_t fxsave[512];
} I386;

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

static bool on_altstack(const struct thread *t, gaddr sp)
{
    const struct guest_altstack *s = &t->altstack;
    return !(s->flags & SS_AUTODISARM_) && s->size && sp > s->sp && sp - s->sp <= s->size;
}

/* Where the stack pointer starts for the frame. */
static gaddr frame_top(const struct thread *t, const struct guest_sigaction *sa)
{
    gaddr sp = t->cpu.gpr[REG_ESP];
    const struct guest_altstack *s = &t->altstack;
    if (sa->flags & SA_ONSTACK_) {
        if (s->size && !(s->flags & SS_DISABLE_) && !on_altstack(t, sp))
            sp = s->sp + s->size;
    } else if (t->cpu.sel[SEG_SS] != 0x2b && !(sa->flags & SA_RESTORER_) && sa->restorer) {
        sp = sa->restorer; /* the old way to switch stacks */
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

static int write_fpstate(struct thread *t, gaddr a)
{
    struct fpstate f;
    memset(&f, 0, sizeof f);
    x87_save_fsave(&t->cpu, f.fsave, 4);
    memcpy(&f.status, f.fsave + 4, 2);
    x87_save_fxsave(&t->cpu, f.fxsave);
    return mem_write(a, &f, sizeof f);
}

/* Reserves the fpstate and a frame of `size` bytes below sp as get_sigframe does. */
static gaddr place(gaddr sp, uint32_t size, gaddr *fp)
{
    *fp = ((sp - 512) & ~63u) - 112; /* the FXSAVE part is 64-aligned */
    gaddr frame = *fp - size;
    return ((frame + 4) & ~15u) - 4;
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
    cpu_load_seg(c, SEG_DS, 0x2b);
    cpu_load_seg(c, SEG_ES, 0x2b);
    cpu_load_seg(c, SEG_SS, 0x2b);
    cpu_load_cs(c, 0x23);
    c->eip = sa->handler;
}

static int build_old(struct thread *t, int sig, const struct guest_sigaction *sa, uint64_t mask)
{
    gaddr fp, a = place(frame_top(t, sa), sizeof(struct sigframe), &fp);
    struct sigframe f;
    memset(&f, 0, sizeof f);
    f.pretcode = sa->flags & SA_RESTORER_ ? sa->restorer : t->proc->vdso_sigreturn;
    f.sig = (uint32_t)sig;
    fill_sigcontext(t, &f.sc, fp, mask);
    f.extramask = (uint32_t)(mask >> 32);
    memcpy(f.retcode, retcode, sizeof retcode);
    if (write_fpstate(t, fp) || mem_write(a, &f, sizeof f))
        return -EFAULT;
    enter_handler(t, sa, a, sig, 0, 0);
    return 0;
}

static int build_rt(struct thread *t, int sig, const siginfo_t *info,
                    const struct guest_sigaction *sa, uint64_t mask)
{
    gaddr fp, a = place(frame_top(t, sa), sizeof(struct rt_sigframe), &fp);
    struct rt_sigframe f;
    memset(&f, 0, sizeof f);
    f.pretcode = sa->flags & SA_RESTORER_ ? sa->restorer : t->proc->vdso_rt_sigreturn;
    f.sig = (uint32_t)sig;
    f.pinfo = a + (uint32_t)offsetof(struct rt_sigframe, info);
    f.puc = a + (uint32_t)offsetof(struct rt_sigframe, uc);
    abi_siginfo_to_guest(f.info, info);
    f.uc.stack_sp = t->altstack.sp;
    f.uc.stack_flags = t->altstack.flags;
    f.uc.stack_size = t->altstack.size;
    fill_sigcontext(t, &f.uc.sc, fp, mask);
    f.uc.sigmask = mask;
    memcpy(f.retcode, rt_retcode, sizeof rt_retcode);
    if (write_fpstate(t, fp) || mem_write(a, &f, sizeof f))
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

static int restore_fpstate(struct thread *t, gaddr a)
{
    struct fpstate f;
    if (!a) {
        uint32_t mxcsr = 0x1f80;
        memset(&t->cpu.fpu, 0, sizeof t->cpu.fpu);
        t->cpu.fpu.cw = 0x37f;
        t->cpu.fpu.empty = 0xff;
        t->cpu.mxcsr = mxcsr;
        return 0;
    }
    if (mem_read(&f, a, sizeof f))
        return -EFAULT;
    if (f.magic == 0)
        x87_load_fxsave(&t->cpu, f.fxsave);
    x87_load_fsave(&t->cpu, f.fsave, 4);
    return 0;
}

static int restore(struct thread *t, const struct i386_sigcontext *s)
{
    struct cpu *c = &t->cpu;
    const uint32_t user = EFL_TF | EFL_DF | EFL_AC | EFL_RF;
    if (restore_fpstate(t, s->fpstate))
        return -EFAULT;
    c->gpr[REG_EDI] = s->edi, c->gpr[REG_ESI] = s->esi, c->gpr[REG_EBP] = s->ebp;
    c->gpr[REG_ESP] = s->esp, c->gpr[REG_EBX] = s->ebx, c->gpr[REG_EDX] = s->edx;
    c->gpr[REG_ECX] = s->ecx, c->gpr[REG_EAX] = s->eax;
    c->eflags = (c->eflags & ~user) | (s->eflags & user & ~(uint32_t)EFL_RF);
    flags_set_status(c, s->eflags);
    if (cpu_load_cs(c, (uint16_t)(s->cs | 3)) || cpu_load_seg(c, SEG_SS, (uint16_t)(s->ss | 3)))
        return -EFAULT;
    static const uint8_t order[] = {SEG_GS, SEG_FS, SEG_DS, SEG_ES};
    const uint32_t sel[] = {s->gs, s->fs, s->ds, s->es};
    for (int i = 0; i < 4; i++) /* the kernel loads a null selector for a bad one */
        if (cpu_load_seg(c, order[i], (uint16_t)sel[i]))
            cpu_load_seg(c, order[i], 0);
    c->eip = s->eip + c->seg_base[SEG_CS];
    return 0;
}

int sigframe_restore(struct thread *t, bool rt)
{
    gaddr sp = t->cpu.gpr[REG_ESP];
    uint64_t mask;
    if (rt) {
        struct rt_sigframe f;
        if (mem_read(&f, sp - 4, sizeof f) || restore(t, &f.uc.sc))
            return -EFAULT;
        mask = f.uc.sigmask;
        t->altstack = (struct guest_altstack){f.uc.stack_sp, f.uc.stack_flags & ~(uint32_t)SS_ONSTACK_,
                                              f.uc.stack_size};
    } else { /* the return popped pretcode and __kernel_sigreturn's pop took sig */
        struct sigframe f;
        if (mem_read(&f, sp - 8, sizeof f) || restore(t, &f.sc))
            return -EFAULT;
        mask = f.sc.oldmask | (uint64_t)f.extramask << 32;
    }
    t->sigmask = mask & ~(UINT64_C(1) << 8 | UINT64_C(1) << 18); /* SIGKILL, SIGSTOP */
    return 0;
}
