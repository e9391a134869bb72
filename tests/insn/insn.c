/* Instruction tests: every form of forms.c with the states of state.c, natively (native.c) and in
 * the interpreter; compares registers, flags (but the undefined ones), segments, memory, x87 and
 * SSE state, faults, and where execution goes on.
 *
 * usage: insn NATIVE|- [-n CASES_PER_FORM] [-s SEED] [-o OP] [-v DIFFS_SHOWN] [-r FILE | -p FILE]
 *             [-m 1] [-l 1] [-x XRUN | -y XRUN]
 *   NATIVE: the helper's path; "-": no hardware, only with -p or -l
 *   -r FILE: record a hash of the hardware's results per form; -p FILE: compare with the hashes
 *   -x XRUN: the helper does not run natively but under this xrun, which translates what it enters
 *   -y XRUN: likewise, one for another processor than this
 *   -e 1: no SSE exception traps, nothing loads MXCSR: a translator may rely on that while it lasts
 *   -m 1: mutation test: spoils the interpreter's results in every way of mutate.c and expects
 *         that each is noticed;  -l 1: list what is left out, and why */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/flags.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/x87state.h"
#include "core/xstate.h"
#include "decode/decode.h"
#include "interp/interp.h"
#include "runtime/runtime.h"
#include "syscalls/syscalls.h"
#include "tests/insn/intel.h"
#include "tests/insn/mutate.h"
#include "tests/insn/state.h"

/* ---- the interpreter's side ---- */

static struct thread *T;
static bool avx512; /* is tested */
static int code_fd;
static uint8_t *code; /* writable alias of the code page */

static void make_segments(void)
{
    static const struct {
        uint32_t base, limit, bits;
    } rows[] = {
#define X(name, base, limit, bits) {base, limit, bits},
        CASE_SEGMENTS(X)
#undef X
    };
    for (uint32_t i = 0; i < SEGM_COUNT; i++) {
        struct case_user_desc d = CASE_USER_DESC(i, rows[i].base, rows[i].limit, rows[i].bits);
        struct sysctx c = {.t = T, .nr = 123 /* modify_ldt */, .a = {0x11, CASE_DATA, sizeof d}};
        if (i == SEGM_TLS)
            c.nr = 243 /* set_thread_area */, c.a[0] = CASE_DATA;
        xassert(!mem_write(CASE_DATA, &d, sizeof d));
        int64_t r = syscalls_dispatch(&c);
        if (r)
            log_die(1, "segment %u: %ld", i, (long)r);
    }
    mem_zero(CASE_DATA, 64);
}

static void setup(void)
{
    struct process *p = process_new();
    p->pid = getpid();
    p->rlim_stack[0] = 8 << 20;
    p->rlim_as[0] = p->rlim_data[0] = UINT64_MAX;
    process_self = p;
    T = thread_self = thread_first(p);
    runtime_init();
    int r = mem_init();
    if (r)
        log_die(1, "mem_init: %s", strerror(-r));
    signal_init();
    cache_thread_add(T);
    int rw = PROT_READ | PROT_WRITE, fl = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    xassert(mem_map(CASE_DATA, CASE_RW_BYTES, rw, fl, -1, 0) == CASE_DATA);
    xassert(mem_map(CASE_DATA + CASE_RW2, 0x1000, rw, fl, -1, 0) == CASE_DATA + CASE_RW2);
    xassert(mem_map(CASE_RO, 0x1000, rw, fl, -1, 0) == CASE_RO);
    for (uint32_t i = 0; i < 0x1000; i++)
        ((uint8_t *)mem_host(CASE_RO))[i] = case_ro_byte(i);
    xassert(!mem_protect(CASE_RO, 0x1000, PROT_READ));
    code_fd = memfd_create("code", 0);
    xassert(code_fd >= 0 && !ftruncate(code_fd, 0x1000));
    code = mmap(NULL, 0x1000, rw, MAP_SHARED, code_fd, 0);
    xassert(mem_map(CASE_CODE, 0x1000, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, code_fd, 0) ==
            CASE_CODE);
    memset(code, 0xcc, 0x1000);
    make_segments();
}

static void put_windows(const uint8_t *m)
{
    memcpy(mem_host(CASE_DATA + CASE_W0), m, CASE_W0_SIZE);
    memcpy(mem_host(CASE_DATA + CASE_W1), m + CASE_W0_SIZE, CASE_W1_SIZE);
    memcpy(mem_host(CASE_DATA + CASE_W2), m + CASE_W0_SIZE + CASE_W1_SIZE, CASE_W2_SIZE);
}

static void take_window(uint8_t *m, uint32_t off, size_t size)
{
    memcpy(m, mem_host(CASE_DATA + off), size);
    memset(mem_host(CASE_DATA + off), 0, size);
}

/* A hash of what is not zero where all should be; cleans up. As the helper computes it. */
static uint32_t nonzero(gaddr from, uint32_t bytes)
{
    uint32_t *p = mem_host(from), any = 0;
    for (uint32_t i = 0; i < bytes / 4; i++)
        any |= p[i];
    if (!any)
        return 0;
    any = 0;
    for (uint32_t i = 0; i < bytes / 4; i++)
        any = any * 31 + p[i];
    memset(p, 0, bytes);
    return any | 1;
}

static void load_state(struct cpu *cpu, const struct test_case *c)
{
    cpu_reset(cpu);
    memcpy(cpu->gpr, c->in.gpr, 32);
    cpu->eflags = EFL_FIXED1 | EFL_IF | (c->in.eflags & (EFL_DF | EFL_NT | EFL_AC | EFL_ID));
    flags_set_status(cpu, c->in.eflags);
    x87_load_fxsave(cpu, c->in.fx);
    memcpy(cpu->ymmh, c->in.ymmh, sizeof cpu->ymmh);
    memcpy(cpu->zmmh, c->in.zmmh, sizeof cpu->zmmh);
    memcpy(cpu->k, c->in.k, sizeof cpu->k);
    cpu->zmm_used = avx512;
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        int r = i == SEG_CS ? cpu_load_cs(cpu, c->in.sel[i]) : cpu_load_seg(cpu, i, c->in.sel[i]);
        xassert(!r);
    }
    cpu->eip = c->in.eip + cpu->seg_base[SEG_CS];
    cpu->pending = 0;
    memset(&cpu->trap, 0, sizeof cpu->trap);
}

/* The instruction, and what is appended to it to store more of the state. */
static void step(struct cpu *cpu, uint32_t len)
{
    gaddr start = CASE_CODE + CASE_EIP, next;
    do {
        const struct insn *in = cache_step(T);
        next = in->next;
        T->running = 1;
        interp_run(cpu, in);
        T->running = 0;
    } while (cpu->exit == EXIT_BRANCH && cpu->eip > start && cpu->eip < start + len &&
             cpu->eip == next);
}

enum skip { SKIP_NO, SKIP_HELPER, SKIP_SELF, SKIP_LONG, SKIP_CALL, SKIP_MM, SKIP_COUNT };
static const char *const skip_reasons[] = {"",
                                           "branches into the helper's memory",
                                           "branches into its own bytes",
                                           "enters a 64-bit code segment",
                                           "makes a system call",
                                           "loads MXCSR.MM, which the model lacks"};

/* What a case's memory holds at a linear address before it. */
static uint8_t byte_before(const struct test_case *c, uint32_t linear)
{
    struct case_state s = c->in;
    const uint8_t *p = state_window(&s, linear, 1);
    return p ? *p : linear - CASE_RO < 0x1000 ? case_ro_byte(linear - CASE_RO) : 0;
}

/* A bit of AMD processors that MXCSR_MASK, the model's, does not show: loading it is #GP here. */
static bool loads_mm(const struct test_case *c, const struct insn *in)
{
    enum { MM = 1 << 17, OTHERS = ~0x2ffff };
    bool area = in->op == OP_FXRSTOR || in->op == OP_XRSTOR;
    uint32_t v = 0, at = state_operand_address(c, in) + (area ? 24 : 0);
    if (in->op != OP_LDMXCSR && in->op != OP_VLDMXCSR && !area)
        return false;
    for (unsigned i = 0; i < 4; i++)
        v |= (uint32_t)byte_before(c, at + i) << 8 * i;
    return v & MM && !(v & (uint32_t)OTHERS);
}

/* Not comparable, by what the interpreter found. */
static enum skip find_skip(const struct cpu *cpu, const struct test_case *c, const struct insn *in,
                           const struct case_state *o, bool trapped)
{
    gaddr at = cpu->eip;
    bool far = in->op == OP_JMP || in->op == OP_CALL || in->op == OP_RET || in->op == OP_IRET;
    if (o->trap == TRAP_GP && loads_mm(c, in))
        return SKIP_MM;
    if (trapped)
        return far && o->trap == TRAP_UD ? SKIP_LONG : SKIP_NO;
    if (cpu->exit == EXIT_SYSCALL || cpu->exit == EXIT_SYSENTER)
        return SKIP_CALL;
    if (at >= CASE_HELPER - 0x1000 && at < CASE_HELPER_END)
        return SKIP_HELPER;
    if (at >= CASE_CODE + CASE_EIP && at < CASE_CODE + CASE_EIP + c->len)
        return SKIP_SELF;
    return SKIP_NO;
}

static enum skip interpret(const struct test_case *c, const struct insn *in, struct case_state *o)
{
    struct cpu *cpu = &T->cpu;
    put_windows(c->in.mem);
    memset(code + CASE_EIP, 0xcc, CASE_CODE_MAX + 16);
    memcpy(code + CASE_EIP, c->code, c->len);
    load_state(cpu, c);
    memset(o, 0, sizeof *o);
    volatile bool trapped = true;
    if (!sigsetjmp(T->trap_jb, 0)) {
        step(cpu, c->len);
        trapped = cpu->exit == EXIT_TRAP;
    }
    T->running = 0;
    o->trap = trapped ? cpu->trap.vec : TRAP_BP;
    memcpy(o->gpr, cpu->gpr, 32);
    memcpy(o->sel, cpu->sel, sizeof o->sel);
    o->eip = cpu->eip - cpu->seg_base[SEG_CS];
    if (trapped && o->trap == TRAP_BP) /* INT3 itself: see settle */
        o->eip--;
    o->eflags = cpu_get_eflags(cpu);
    o->err = cpu->trap.err;
    o->cr2 = cpu->trap.addr;
    x87_save_fxsave(cpu, o->fx);
    memcpy(o->ymmh, cpu->ymmh, sizeof o->ymmh);
    memcpy(o->zmmh, cpu->zmmh, sizeof o->zmmh);
    memcpy(o->k, cpu->k, sizeof o->k);
    take_window(o->mem, CASE_W0, CASE_W0_SIZE);
    take_window(o->mem + CASE_W0_SIZE, CASE_W1, CASE_W1_SIZE);
    take_window(o->mem + CASE_W0_SIZE + CASE_W1_SIZE, CASE_W2, CASE_W2_SIZE);
    o->stray = nonzero(CASE_DATA, CASE_RW_BYTES) ^ nonzero(CASE_DATA + CASE_RW2, 0x1000);
    return find_skip(cpu, c, in, o, trapped);
}

/* ---- comparison ---- */

/* What hardware shows of a completed instruction: the int3 that stands where it went on, or, if
 * there is no code, the fault of fetching it. */
static void settle(struct case_state *nat, const struct test_case *c)
{
    if (nat->trap == TRAP_BP) {
        nat->eip--;
    } else if (nat->trap == TRAP_PF && nat->err & PF_ERR_INSN &&
               (nat->eip != c->in.eip || nat->sel[SEG_CS] != c->in.sel[SEG_CS])) {
        nat->trap = TRAP_BP;
        nat->err = 0;
    }
}

/* Results that processors may round differently in the first 12 bits (those of state_transcendental in the last
 * place). */
static bool is_approximation(unsigned op)
{
    switch (op) {
    case OP_RCPPS: case OP_RCPSS: case OP_RSQRTPS: case OP_RSQRTSS:
    case OP_VRCPPS: case OP_VRCPSS: case OP_VRSQRTPS: case OP_VRSQRTSS: return true;
    default: return false;
    }
}

/* Removes what is not compared from a result (listed by -l). */
static void normalize(struct case_state *s, const struct test_case *c, const struct insn *in)
{
    enum { COMPARED = EFL_STATUS | EFL_TF | EFL_IF | EFL_DF | EFL_IOPL | EFL_NT | EFL_AC | EFL_ID };
    s->eflags &= COMPARED & ~flb_to_eflags(in->fl_undef);
    memset(s->fx + 12, 0, 4); /* FCS, FDS: a 64-bit kernel's frame has none */
    memset(s->fx + 20, 0, 4);
    memset(s->fx + 28, 0, 4); /* MXCSR_MASK */
    memset(s->fx + 288, 0, 224);
    for (unsigned i = 0; i < 6; i++) /* IRET of the kernel clears the RPL of null selectors */
        if (!(s->sel[i] & ~3))
            s->sel[i] = 0;
    if (state_transcendental(in->op) && c->len > in->len)
        s->mem[CASE_NOTE - CASE_WINDOW + 5] &= (uint8_t)~2; /* C1 in the image of FNSTENV */
    if (in->op == OP_FXSAVE || in->op == OP_XSAVE || in->op == OP_XSAVEC) { /* MXCSR_MASK: the model's */
        uint8_t *mask = state_window(s, state_operand_address(c, in) + 28, 4);
        if (mask)
            memset(mask, 0, 4);
        else
            s->stray = s->stray != 0;
    }
    if (s->trap != TRAP_PF)
        s->cr2 = 0;
    if (s->trap == TRAP_BP)
        s->err = 0;
    memset(s->pad, 0, sizeof s->pad);
}

static const char *const reg_names[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
static const char *const seg_names[] = {"es", "cs", "ss", "ds", "fs", "gs"};

static void show_bytes(const char *name, const uint8_t *p, unsigned n)
{
    printf("%s", name);
    while (n)
        printf("%02x", p[--n]);
}

static uint32_t window_address(unsigned i)
{
    if (i < CASE_W0_SIZE)
        return CASE_DATA + CASE_W0 + i;
    i -= CASE_W0_SIZE;
    return i < CASE_W1_SIZE ? CASE_DATA + CASE_W1 + i : CASE_DATA + CASE_W2 + i - CASE_W1_SIZE;
}

static void show_before(const struct test_case *c)
{
    char text[128];
    uint16_t cw, sw;
    uint32_t mx;
    const struct case_state *s = &c->in;
    memset(code + CASE_EIP, 0xcc, CASE_CODE_MAX);
    memcpy(code + CASE_EIP, c->code, c->len);
    decode_format(CASE_CODE + CASE_EIP, forms[c->form].mode, text, sizeof text);
    printf("-- %s  form %u%s seed %u  bytes", text, c->form, forms[c->form].mode ? " (16-bit)" : "",
           c->seed);
    for (unsigned i = 0; i < c->len; i++)
        printf(" %02x", c->code[i]);
    memcpy(&cw, s->fx, 2), memcpy(&sw, s->fx + 2, 2), memcpy(&mx, s->fx + 24, 4);
    printf("\n   before: efl %x cw %x sw %x ftw %02x mxcsr %x\n  ", s->eflags, cw, sw, s->fx[4],
           mx);
    for (int i = 0; i < 8; i++)
        printf(" %s %08x", reg_names[i], s->gpr[i]);
    printf("\n  ");
    for (int i = 0; i < 6; i++)
        printf(" %s %x (%08x)", seg_names[i], s->sel[i], state_segment_base(s->sel[i]));
    printf("\n");
}

static void show(const struct test_case *c, const struct case_state *nat,
                 const struct case_state *mine)
{
    show_before(c);
    for (int i = 0; i < 8; i++)
        if (nat->gpr[i] != mine->gpr[i])
            printf("   %s: hardware %08x, xrun %08x\n", reg_names[i], nat->gpr[i], mine->gpr[i]);
    for (int i = 0; i < 6; i++)
        if (nat->sel[i] != mine->sel[i])
            printf("   %s: hardware %x, xrun %x\n", seg_names[i], nat->sel[i], mine->sel[i]);
    if (nat->eflags != mine->eflags)
        printf("   eflags: hardware %x, xrun %x\n", nat->eflags, mine->eflags);
    if (nat->trap != mine->trap || nat->err != mine->err || nat->cr2 != mine->cr2 ||
        nat->eip != mine->eip)
        printf("   trap %u err %x cr2 %x eip %x: xrun %u %x %x %x\n", nat->trap, nat->err, nat->cr2,
               nat->eip, mine->trap, mine->err, mine->cr2, mine->eip);
    if (nat->stray != mine->stray)
        printf("   outside the windows: hardware %x, xrun %x\n", nat->stray, mine->stray);
    for (unsigned i = 0; i < 288; i += i < 32 ? 4 : 16) {
        unsigned n = i < 32 ? 4 : 16;
        if (!memcmp(nat->fx + i, mine->fx + i, n))
            continue;
        printf("   fx+%u", i);
        show_bytes(" was ", c->in.fx + i, n);
        show_bytes(": hardware ", nat->fx + i, n);
        show_bytes(", xrun ", mine->fx + i, n);
        printf("\n");
    }
    for (unsigned i = 0; i < 8; i++)
        if (memcmp(nat->ymmh[i], mine->ymmh[i], 16)) {
            printf("   ymm%u, upper half", i);
            show_bytes(" was ", c->in.ymmh[i], 16);
            show_bytes(": hardware ", nat->ymmh[i], 16);
            show_bytes(", xrun ", mine->ymmh[i], 16);
            printf("\n");
        }
    for (unsigned i = 0; i < 8; i++) {
        if (memcmp(nat->zmmh[i], mine->zmmh[i], 32)) {
            printf("   zmm%u, upper half", i);
            show_bytes(" was ", c->in.zmmh[i], 32);
            show_bytes(": hardware ", nat->zmmh[i], 32);
            show_bytes(", xrun ", mine->zmmh[i], 32);
            printf("\n");
        }
        if (nat->k[i] != mine->k[i])
            printf("   k%u was %llx: hardware %llx, xrun %llx\n", i, (unsigned long long)c->in.k[i],
                   (unsigned long long)nat->k[i], (unsigned long long)mine->k[i]);
    }
    for (unsigned i = 0; i < CASE_MEM_SIZE; i += 8)
        if (memcmp(nat->mem + i, mine->mem + i, 8)) {
            printf("   [%08x]", window_address(i));
            show_bytes(" was ", c->in.mem + i, 8);
            show_bytes(": hardware ", nat->mem + i, 8);
            show_bytes(", xrun ", mine->mem + i, 8);
            printf("\n");
        }
}

/* ---- results within a tolerance ---- */

/* Two 80-bit values, finite and not tiny, at most two units in the last place apart. */
static bool near80(const uint8_t *a, const uint8_t *b)
{
    uint64_t x, y;
    uint16_t e, f;
    memcpy(&x, a, 8), memcpy(&y, b, 8), memcpy(&e, a + 8, 2), memcpy(&f, b + 8, 2);
    if (e == f)
        return x - y + 2 <= 4 && (e & 0x7fff) != 0x7fff;
    const uint64_t one = UINT64_C(1) << 63; /* around a power of two */
    if ((uint16_t)(e - f) == 1)
        return x - one <= 1 && y >= ~UINT64_C(1);
    return (uint16_t)(f - e) == 1 && y - one <= 1 && x >= ~UINT64_C(1);
}

static bool near32(const uint8_t *a, const uint8_t *b)
{
    float x, y;
    memcpy(&x, a, 4), memcpy(&y, b, 4);
    float d = x - y, most = x * 0x1p-11f;
    return (d < 0 ? -d : d) <= (most < 0 ? -most : most);
}

/* Takes the hardware's value where it is near enough. */
static void forgive(const struct insn *in, const struct case_state *nat, struct case_state *mine)
{
    if (state_transcendental(in->op) && mine->trap == nat->trap) {
        for (unsigned i = 0; i < 8; i++)
            if (near80(nat->fx + 32 + 16 * i, mine->fx + 32 + 16 * i))
                memcpy(mine->fx + 32 + 16 * i, nat->fx + 32 + 16 * i, 10);
        mine->fx[3] = (uint8_t)((mine->fx[3] & ~2) | (nat->fx[3] & 2)); /* C1: rounded up */
    }
    if (is_approximation(in->op))
        for (unsigned i = 160; i < 288; i += 4)
            if (near32(nat->fx + i, mine->fx + i))
                memcpy(mine->fx + i, nat->fx + i, 4);
    if (is_approximation(in->op) && in->o[0].kind == OPND_YMM)
        for (unsigned i = 0; i < 16; i += 4)
            if (near32(nat->ymmh[in->o[0].reg] + i, mine->ymmh[in->o[0].reg] + i))
                memcpy(mine->ymmh[in->o[0].reg] + i, nat->ymmh[in->o[0].reg] + i, 4);
}

/* ---- running ---- */

static int to_native = -1, from_native = -1;
static struct test_case *shared;

static void start_native(const char *path, const char *xrun)
{
    int mem = memfd_create("cases", 0), in[2], out[2];
    size_t size = (CASE_BATCH * sizeof *shared + 4095) & ~(size_t)4095;
    if (mem < 0 || ftruncate(mem, (off_t)size) || pipe(in) || pipe(out))
        log_die(1, "pipes: %s", strerror(errno));
    shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, mem, 0);
    int fds[4] = {in[0], out[1], mem, memfd_create("code", 0)};
    if (shared == MAP_FAILED || fds[3] < 0 || ftruncate(fds[3], 0x1000))
        log_die(1, "shared memory: %s", strerror(errno));
    if (!fork()) {
        for (int i = 0; i < 4; i++)
            fds[i] = fcntl(fds[i], F_DUPFD, 100);
        dup2(fds[0], 0), dup2(fds[1], 1), dup2(fds[2], 3), dup2(fds[3], 4);
        for (int i = 5; i < 200; i++)
            close(i);
        if (xrun) /* which names every unsupported instruction, and many are meant to be */
            dup2(open("/dev/null", O_WRONLY), 2);
        if (xrun)
            execl(xrun, xrun, "--hot=1", path, (char *)NULL);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(fds[3]);
    to_native = in[1];
    from_native = out[0];
}

static void run_native(uint32_t n)
{
    char k;
    struct pollfd p = {.fd = from_native, .events = POLLIN};
    if (write(to_native, &n, 4) != 4)
        log_die(1, "the native helper is gone");
    int r = poll(&p, 1, 60000);
    if (r != 1 || read(from_native, &k, 1) != 1)
        log_die(1, "the native helper %s (cases of form %u seed %u to form %u seed %u)",
                r ? "died" : "hangs", shared[0].form, shared[0].seed, shared[n - 1].form,
                shared[n - 1].seed);
}

static struct test_case *cases; /* the batch: in `shared` if there is hardware */
static struct case_state *mine;
static struct insn *insns;
static unsigned long bad_by_op[OP_COUNT], total, bad, skipped[SKIP_COUNT], unstable;
static unsigned long left; /* of those that Intel's processors do otherwise */
static unsigned show_max = 2;
static bool intel;
static int mutation = -1;

static bool same(const struct test_case *c, struct case_state *nat, const struct insn *in,
                 struct case_state *m)
{
    settle(nat, c);
    normalize(nat, c, in);
    forgive(in, nat, m);
    if (intel)
        intel_take_pointers(c, in, nat, m);
    return !memcmp(nat, m, sizeof *m);
}

/* The pointers of the x87 are lost when the kernel switches tasks: ask again. */
static bool again(const struct test_case *old, const struct insn *in, struct case_state *nat,
                  struct case_state *m)
{
    struct test_case keep = shared[0], c = *old;
    bool ok = false;
    for (int i = 0; i < 8 && !ok; i++) {
        shared[0] = c;
        run_native(1);
        *nat = shared[0].out;
        ok = same(&c, nat, in, m);
    }
    shared[0] = keep;
    return ok;
}

static void compare(const struct test_case *c, const struct insn *in, struct case_state *nat,
                    struct case_state *m)
{
    total++;
    if (same(c, nat, in, m))
        return;
    if (intel && intel_leaves(in, nat, m)) {
        left++;
        return;
    }
    if (mutation < 0 && again(c, in, nat, m)) {
        unstable++;
        return;
    }
    bad++;
    if (mutation < 0 && bad_by_op[in->op]++ < show_max)
        show(c, nat, m);
}

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* What is recorded of a result: not what may differ in the last place. */
static uint64_t hash_state(uint64_t h, const struct insn *in, struct case_state s)
{
    if (state_transcendental(in->op)) {
        for (unsigned i = 0; i < 8; i++)
            memset(s.fx + 32 + 16 * i, 0, 10);
        s.fx[3] &= (uint8_t)~2;
        memset(s.mem, 0, sizeof s.mem);
    }
    if (is_approximation(in->op)) {
        memset(s.fx + 160, 0, 128);
        memset(s.ymmh, 0, sizeof s.ymmh);
    }
    return hash_bytes(h, &s, offsetof(struct case_state, zmmh));
}

/* What the interpreter says about instructions that it does not know goes nowhere: they are meant.
 */
static void mute(bool on)
{
    static int saved = -1, nowhere = -1;
    if (saved < 0)
        saved = fcntl(2, F_DUPFD_CLOEXEC, 100), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(on ? nowhere : saved, 2);
}

/* ---- what the processor lacks ---- */

static struct case_processor processor = {~0u, ~0u, ~0u, ~0u};
static unsigned long lacking;

static bool processor_has(const struct form *f)
{
    static const struct {
        const char *isa;
        uint32_t ecx1, ebx7, ecx7;
    } needs[] = {
        {"AVX2", 1 << 28, 1 << 5, 0}, {"AVX2GATHER", 1 << 28, 1 << 5, 0}, {"F16C", 1 << 29, 0, 0},
        {"FMA", 1 << 12, 0, 0}, {"AVXAES", 1 << 28 | 1 << 25, 0, 0}, {"VAES", 0, 0, 1 << 9},
        {"VPCLMULQDQ", 0, 0, 1 << 10}, {"GFNI", 0, 0, 1 << 8}, {"AVX_GFNI", 1 << 28, 0, 1 << 8},
        {"AVX", 1 << 28, 0, 0}, {"XSAVE", 1 << 27, 0, 0}, {"XSAVEC", 1 << 27, 0, 0},
    };
    const char *isa = form_isa(f);
    for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
        if (!strcmp(isa, needs[i].isa))
            return !(needs[i].ecx1 & ~processor.ecx1) && !(needs[i].ebx7 & ~processor.ebx7) &&
                   !(needs[i].ecx7 & ~processor.ecx7) && (*isa != 'A' || (processor.xcr0 & 6) == 6);
    return true;
}

static bool all_masked;

static bool loads_mxcsr(unsigned op)
{
    return op == OP_LDMXCSR || op == OP_VLDMXCSR || op == OP_FXRSTOR || op == OP_XRSTOR;
}

/* One batch of a form, `n` cases from `seed`. Returns the hash of the results. */
static uint64_t run_batch(unsigned form, uint32_t seed, uint32_t n, bool hardware, uint64_t h)
{
    uint32_t made = 0;
    if (forms[form].kind != FORM_INSN)
        mute(true);
    for (uint32_t i = 0; i < n; i++) {
        struct test_case *c = &cases[made];
        if (!state_make_case(c, form, seed + i, &insns[made]))
            continue;
        if (all_masked)
            c->in.fx[24] |= 0x80, c->in.fx[25] |= 0x1f;
        if (!(processor.xcr0 & 4)) /* no upper halves to compare */
            memset(c->in.ymmh, 0, sizeof c->in.ymmh);
        enum skip s = interpret(c, &insns[made], &mine[made]);
        if (s) {
            skipped[s]++;
            h = hash_bytes(h, &s, sizeof s);
            continue;
        }
        if (mutation >= 0)
            mutate_apply((unsigned)mutation, c, &insns[made], &mine[made]);
        normalize(&mine[made], c, &insns[made]);
        made++;
    }
    if (forms[form].kind != FORM_INSN)
        mute(false);
    if (hardware && made)
        run_native(made);
    for (uint32_t i = 0; i < made; i++) {
        struct case_state s = mine[i];
        if (hardware) {
            s = cases[i].out;
            compare(&cases[i], &insns[i], &s, &mine[i]);
        }
        h = hash_state(h, &insns[i], s);
    }
    return h;
}

/* Undefined opcodes: not more cases than there are ModRM bytes, fewer in short runs. */
static uint32_t case_count(const struct form *f, uint32_t per_form)
{
    if (f->kind == FORM_EVEX) /* there are many */
        return f->mode ? per_form / 8 : per_form / 2;
    if (f->kind != FORM_UD)
        return per_form;
    return per_form / 8 < 256 ? per_form / 8 : 256;
}

static uint64_t run_form(unsigned form, uint32_t seed, uint32_t per_form, bool hardware)
{
    uint64_t h = 1;
    uint32_t want = case_count(&forms[form], per_form);
    if (hardware && !processor_has(&forms[form])) {
        lacking++;
        return 0;
    }
    for (uint32_t done = 0, n; done < want; done += n) {
        n = want - done < CASE_BATCH ? want - done : CASE_BATCH;
        h = run_batch(form, seed + done, n, hardware, h);
    }
    return h;
}

/* ---- mutations ---- */

static int run_mutations(uint32_t seed, uint32_t per_form)
{
    unsigned noticed = 0, left_out = 0;
    for (unsigned i = 0; i < mutate_count(); i++) {
        if ((mutate_needs_avx512(i) && !avx512) || (intel && mutate_hidden_on_intel(i))) {
            left_out++;
            continue;
        }
        mutation = (int)i;
        bad = total = 0;
        for (unsigned form = 0; form < nforms && !bad; form++)
            if (forms[form].kind != FORM_UD && forms[form].in.op == mutate_op(i))
                run_form(form, seed, per_form, true);
        noticed += bad > 0;
        if (!bad)
            printf("not noticed in %lu cases: %s\n", total, mutate_name(i));
    }
    unsigned missed = mutate_count() - noticed - left_out;
    printf("insn mutations: %u passed, %u failed, %u skipped%s\n", noticed, missed, left_out,
           !left_out ? "" : intel ? " (an Intel processor)" : " (this processor has no AVX-512)");
    return missed != 0;
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
    static size_t at; /* in the order of the forms, mostly */
    for (size_t i = 0; i < nrecorded; i++, at++)
        if (recorded[at % nrecorded].key == key)
            return &recorded[at++ % nrecorded];
    return NULL;
}

static void list(void)
{
    forms_list(stdout);
    printf("Cases of tested forms are skipped, counted by the run, if the instruction\n");
    for (unsigned i = 1; i < SKIP_COUNT; i++)
        printf("  %s\n", skip_reasons[i]);
    printf("Not compared: undefined status flags (by Zydis' tables), RF, FCS and FDS of the frame "
           "(FNSTENV behind\nx87 operations shows them), MXCSR_MASK; the last place of x87 "
           "transcendentals (2 units) and C1 after them,\nRCP and RSQRT beyond 11 bits.\n");
}

struct args {
    const char *native, *record, *replay, *only, *xrun;
    uint32_t per_form, seed;
    bool mutate, list, masked, other;
};

static struct args parse(int argc, char **argv)
{
    struct args a = {.per_form = 40, .seed = 1};
    if (argc < 2)
        log_die(2, "usage: insn NATIVE|- [-n N] [-s SEED] [-o OP] [-v N] [-r FILE | -p FILE] [-m "
                   "1] [-l 1]");
    a.native = strcmp(argv[1], "-") ? argv[1] : NULL;
    for (int i = 2; i + 1 < argc; i += 2)
        switch (argv[i][1]) {
        case 'n': a.per_form = (uint32_t)atoi(argv[i + 1]); break;
        case 's': a.seed = (uint32_t)atoi(argv[i + 1]); break;
        case 'o': a.only = argv[i + 1]; break;
        case 'v': show_max = (unsigned)atoi(argv[i + 1]); break;
        case 'r': a.record = argv[i + 1]; break;
        case 'p': a.replay = argv[i + 1]; break;
        case 'x': a.xrun = argv[i + 1]; break;
        case 'y': a.xrun = argv[i + 1], a.other = true; break;
        case 'e': a.masked = true; break;
        case 'm': a.mutate = true; break;
        case 'l': a.list = true; break;
        default: log_die(2, "unknown option %s", argv[i]);
        }
    return a;
}

static unsigned long hash_bad, hash_total, unrecorded;

static void check_hash(unsigned form, uint64_t h)
{
    const struct recorded *want = find_recorded(form_key(&forms[form]));
    if (!want) {
        unrecorded++;
        return;
    }
    hash_total++;
    if (want->hash != h && ++hash_bad < 20)
        printf("form %u (%s, opcode %02x%s) differs from the recorded hardware results\n", form,
               decode_op_name(forms[form].in.op), forms[form].op,
               forms[form].mode ? ", 16-bit" : "");
}

static int summary(void)
{
    unsigned long all = 0;
    for (unsigned op = 0; op < OP_COUNT; op++)
        if (bad_by_op[op])
            printf("%-12s %lu differences\n", decode_op_name((enum op)op), bad_by_op[op]);
    for (unsigned i = 1; i < SKIP_COUNT; i++)
        if (skipped[i])
            printf("skipped: %lu cases, since the instruction %s\n", skipped[i], skip_reasons[i]),
                all += skipped[i];
    if (left)
        printf("skipped: %lu cases that %s\n", left, intel_reasons), all += left;
    if (lacking)
        printf("skipped: %lu forms that this processor lacks\n", lacking);
    if (unstable)
        printf("%lu cases agreed only when repeated (x87 pointers lost to a task switch)\n",
               unstable);
    printf("%u forms; insn: %lu passed, %lu failed, %lu skipped\n", nforms, total - bad - left, bad, all);
    return bad != 0;
}

int main(int argc, char **argv)
{
    struct args a = parse(argc, argv);
    setup();
    all_masked = a.masked;
    if (a.native) {
        start_native(a.native, a.xrun);
        run_native(0);
        memcpy(&processor, &shared[0].out, sizeof processor);
        intel = !a.other && intel_here();
        /* not recorded, since not every host can replay it */
        avx512 = !a.record && (processor.xcr0 & XSTATE_AVX512) == XSTATE_AVX512;
    }
    if (avx512)
        model_show_avx512();
    forms_enumerate(avx512);
    if (a.list)
        return list(), 0;
    cases = a.native ? shared : xcalloc(CASE_BATCH, sizeof *cases);
    mine = xcalloc(CASE_BATCH, sizeof *mine);
    insns = xcalloc(CASE_BATCH, sizeof *insns);
    if (a.mutate)
        return run_mutations(a.seed, a.per_form);
    FILE *f = a.record ? fopen(a.record, "w") : a.replay ? fopen(a.replay, "r") : NULL;
    if ((a.record || a.replay) && !f)
        log_die(1, "%s: %s", a.record ? a.record : a.replay, strerror(errno));
    if (a.replay)
        read_recorded(f);
    for (unsigned form = 0; form < nforms; form++) {
        if (a.only && strcmp(a.only, decode_op_name(forms[form].in.op)))
            continue;
        if (all_masked && loads_mxcsr(forms[form].in.op))
            continue;
        uint64_t h = run_form(form, a.seed, a.per_form, a.native);
        if (a.record)
            fprintf(f, "%016llx %016llx\n", (unsigned long long)form_key(&forms[form]),
                    (unsigned long long)h);
        else if (a.replay)
            check_hash(form, h);
    }
    if (f)
        fclose(f);
    if (a.native)
        return summary();
    printf("insn replay: %lu passed, %lu failed, %lu skipped\n", hash_total - hash_bad, hash_bad,
           unrecorded);
    return hash_bad != 0 || !hash_total;
}
