/* Runs cases on the processor itself: an i386 program, started by the driver with the shared cases
 * on descriptor 3 and the code page on 4; reads a count from stdin, executes that many cases,
 * answers one byte. Every case ends in a signal (the int3 behind the instruction, or its fault),
 * whose frame holds the complete state.
 * Without a C library: it unmaps all but itself, so that a case finds the same (empty) address
 * space as in the driver, and nothing depends on fs or gs, which belong to the case. */
#include <asm/sigcontext.h>
#include <asm/unistd.h>
#include <stddef.h>

#include "tests/insn/case.h"

enum { PROT_RW = 3, PROT_R = 1, PROT_RX = 5, MAP_SHARED_ = 1, MAP_PRIVATE_ = 2, MAP_FIXED_ = 16,
       MAP_ANON_ = 32, SA_SIGINFO_ = 4, SA_RESTORER_ = 0x04000000, SA_ONSTACK_ = 0x08000000,
       SA_NODEFER_ = 0x40000000 };

struct frame_context {
    unsigned long flags;
    struct frame_context *link;
    struct { void *sp; int flags; unsigned size; } stack;
    struct sigcontext_32 mc;
};

struct { uint32_t gpr[8], eflags, eip; uint16_t sel[6]; } load_state __attribute__((used));
uint32_t saved_esp __attribute__((used));
static uint8_t alt_stack[32768] __attribute__((aligned(64)));
static struct test_case *const cases = (struct test_case *)CASE_SHARED;
static struct case_state *out;
static struct case_processor processor;
enum { XCR0_AVX = 6, XCR0_AVX512 = 0xe0, CPUID_OSXSAVE = 1 << 27 };
/* Of the frame: which state components the area behind the FXSAVE image has, and where AVX's is. */
enum { FRAME_FX = 112, XSTATE_BV = 512, XSTATE_AVX = 576 };
/* The code page is written through an alias; with CASE_PRIVATE it has none and is made writable for
 * each case (for an emulator that translates only code which nobody else can change). */
#ifdef CASE_PRIVATE
static uint8_t *const code = (uint8_t *)CASE_CODE;
#else
static uint8_t *const code = (uint8_t *)(CASE_SHARED - 0x1000);
#endif

void *memcpy(void *d, const void *s, size_t n);
void *memset(void *d, int c, size_t n);
void on_signal(int sig, void *info, struct frame_context *uc);
void helper_main(void);

void *memcpy(void *d, const void *s, size_t n)
{
    void *r = d;
    __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    return r;
}

void *memset(void *d, int c, size_t n)
{
    void *r = d;
    __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    return r;
}

static long sys(long nr, long a, long b, long c, long d, long e, long f)
{
    long r;
    struct { long nr, f; } x = {nr, f};
    __asm__ volatile("pushl %%ebp\n\tmovl 4(%%eax), %%ebp\n\tmovl (%%eax), %%eax\n\t"
                     "int $0x80\n\tpopl %%ebp"
                     : "=a"(r) : "a"(&x), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
    return r;
}

/* Loads the state and jumps; comes back through on_signal. The handler's first act is to clear
 * AC, which the frame's flags may have set; then it leaves to where run_case was called. */
__asm__(".text\n"
        ".globl run_case\nrun_case:\n\t"
        "pushl %ebp\n\tpushl %ebx\n\tpushl %esi\n\tpushl %edi\n\t"
        "movl %esp, saved_esp\n\t"
        "fxrstor (%eax)\n\t"
        "testl %edx, %edx\n\tjz 1f\n\t"
        "vinsertf128 $1, 512(%eax), %ymm0, %ymm0\n\tvinsertf128 $1, 528(%eax), %ymm1, %ymm1\n\t"
        "vinsertf128 $1, 544(%eax), %ymm2, %ymm2\n\tvinsertf128 $1, 560(%eax), %ymm3, %ymm3\n\t"
        "vinsertf128 $1, 576(%eax), %ymm4, %ymm4\n\tvinsertf128 $1, 592(%eax), %ymm5, %ymm5\n\t"
        "vinsertf128 $1, 608(%eax), %ymm6, %ymm6\n\tvinsertf128 $1, 624(%eax), %ymm7, %ymm7\n\t"
        "testl %ecx, %ecx\n\tjz 1f\n\t"
        ".irp i, 0, 1, 2, 3, 4, 5, 6, 7\n\tvinserti64x4 $1, 32*\\i(%ecx), %zmm\\i, %zmm\\i\n\t"
        "kmovq 256+8*\\i(%ecx), %k\\i\n\t.endr\n1:\t"
        "pushl load_state+32\n\tpopfl\n\t"
        "movl load_state+0, %eax\n\tmovl load_state+4, %ecx\n\tmovl load_state+8, %edx\n\t"
        "movl load_state+12, %ebx\n\tmovl load_state+20, %ebp\n\t"
        "movl load_state+24, %esi\n\tmovl load_state+28, %edi\n\t"
        "movw load_state+48, %fs\n\tmovw load_state+50, %gs\n\tmovw load_state+40, %es\n\t"
        "movw load_state+46, %ds\n\t"
        "lss %cs:lss_pointer, %esp\n\t"
        "ljmp *%cs:ljmp_pointer\n"
        ".globl signal_entry\nsignal_entry:\n\t"
        "pushl $0x202\n\tpopfl\n\t"
        "pushl 12(%esp)\n\tpushl 12(%esp)\n\tpushl 12(%esp)\n\tcall on_signal\n\t"
        "movl saved_esp, %esp\n\t"
        "popl %edi\n\tpopl %esi\n\tpopl %ebx\n\tpopl %ebp\n\tret\n"
        ".globl _start\n_start:\n\tmovl $start_stack_end, %esp\n\tcall helper_main\n\thlt\n"
        ".bss\n.balign 64\n.skip 65536\nstart_stack_end:\n.skip 64\n"
        ".balign 4\n.globl lss_pointer, ljmp_pointer\n"
        "lss_pointer: .skip 8\nljmp_pointer: .skip 8\n.text\n");
void run_case(const uint8_t *fx, uint32_t avx, const void *avx512) __attribute__((regparm(3)));
extern char signal_entry[];
extern struct { uint32_t off; uint16_t sel; } lss_pointer, ljmp_pointer;

static uint32_t has_avx(void) { return (processor.xcr0 & XCR0_AVX) == XCR0_AVX; }
static uint32_t k_at, zmm_at; /* in the frame's area; 0: no AVX-512 */

void on_signal(int sig, void *info, struct frame_context *uc)
{
    const struct sigcontext_32 *g = &uc->mc;
    struct case_state *o = out;
    (void)sig, (void)info;
    const uint32_t gpr[8] = {g->ax, g->cx, g->dx, g->bx, g->sp, g->bp, g->si, g->di};
    const uint16_t sel[6] = {g->es, g->cs, g->ss, g->ds, g->fs, g->gs};
    memcpy(o->gpr, gpr, sizeof gpr);
    memcpy(o->sel, sel, sizeof sel);
    o->eflags = g->flags;
    o->eip = g->ip;
    o->trap = g->trapno;
    o->err = g->err;
    o->cr2 = g->cr2;
    const uint8_t *fx = (const uint8_t *)g->fpstate + FRAME_FX;
    memcpy(o->fx, fx, sizeof o->fx);
    if (has_avx() && (fx[XSTATE_BV] & 4))
        memcpy(o->ymmh, fx + XSTATE_AVX, sizeof o->ymmh);
    else
        memset(o->ymmh, 0, sizeof o->ymmh);
    memset(o->k, 0, sizeof o->k);
    memset(o->zmmh, 0, sizeof o->zmmh);
    if (k_at && (fx[XSTATE_BV] & 32))
        memcpy(o->k, fx + k_at, sizeof o->k);
    if (zmm_at && (fx[XSTATE_BV] & 64))
        memcpy(o->zmmh, fx + zmm_at, sizeof o->zmmh);
}

static void put_windows(const uint8_t *m)
{
    memcpy((void *)(CASE_DATA + CASE_W0), m, CASE_W0_SIZE);
    memcpy((void *)(CASE_DATA + CASE_W1), m + CASE_W0_SIZE, CASE_W1_SIZE);
    memcpy((void *)(CASE_DATA + CASE_W2), m + CASE_W0_SIZE + CASE_W1_SIZE, CASE_W2_SIZE);
}

static void take_windows(uint8_t *m)
{
    memcpy(m, (void *)(CASE_DATA + CASE_W0), CASE_W0_SIZE);
    memcpy(m + CASE_W0_SIZE, (void *)(CASE_DATA + CASE_W1), CASE_W1_SIZE);
    memcpy(m + CASE_W0_SIZE + CASE_W1_SIZE, (void *)(CASE_DATA + CASE_W2), CASE_W2_SIZE);
    memset((void *)(CASE_DATA + CASE_W0), 0, CASE_W0_SIZE);
    memset((void *)(CASE_DATA + CASE_W1), 0, CASE_W1_SIZE);
    memset((void *)(CASE_DATA + CASE_W2), 0, CASE_W2_SIZE);
}

static uint32_t nonzero(uint32_t from, uint32_t bytes)
{
    uint32_t *p = (uint32_t *)from, any = 0;
    for (uint32_t i = 0; i < bytes / 4; i++)
        any |= p[i];
    if (any) {
        any = 0;
        for (uint32_t i = 0; i < bytes / 4; i++)
            any = any * 31 + p[i];
        memset(p, 0, bytes);
        return any | 1;
    }
    return 0;
}

static void protect_code(int prot)
{
#ifdef CASE_PRIVATE
    sys(__NR_mprotect, (long)CASE_CODE, 0x1000, prot, 0, 0, 0);
#endif
    (void)prot;
}

static void run(struct test_case *c)
{
    put_windows(c->in.mem);
    protect_code(PROT_RW);
    memset(code + CASE_EIP, 0xcc, CASE_CODE_MAX + 16);
    memcpy(code + CASE_EIP, c->code, c->len);
    protect_code(PROT_RX);
    memcpy(load_state.gpr, c->in.gpr, sizeof load_state.gpr);
    memcpy(load_state.sel, c->in.sel, sizeof load_state.sel);
    load_state.eflags = c->in.eflags;
    lss_pointer.off = c->in.gpr[4], lss_pointer.sel = c->in.sel[2];
    ljmp_pointer.off = c->in.eip, ljmp_pointer.sel = c->in.sel[1];
    out = &c->out;
    run_case(c->in.fx, has_avx(), k_at ? c->in.zmmh : (void *)0);
    take_windows(c->out.mem);
    c->out.stray = nonzero(CASE_DATA, CASE_RW_BYTES) ^ nonzero(CASE_DATA + CASE_RW2, 0x1000);
}

static void map(uint32_t at, uint32_t size, int prot, int flags, int fd)
{
    if (sys(__NR_mmap2, (long)at, (long)size, prot, flags | MAP_FIXED_, fd, 0) != (long)at)
        sys(__NR_exit_group, 1, 0, 0, 0, 0, 0);
}

static void make_segments(void)
{
    static const struct { uint32_t base, limit, bits; } rows[] = {
#define X(name, base, limit, bits) {base, limit, bits},
        CASE_SEGMENTS(X)
#undef X
    };
    for (uint32_t i = 0; i < SEGM_COUNT; i++) {
        struct case_user_desc d = CASE_USER_DESC(i, rows[i].base, rows[i].limit, rows[i].bits);
        long r = i == SEGM_TLS ? sys(__NR_set_thread_area, (long)&d, 0, 0, 0, 0, 0)
                               : sys(__NR_modify_ldt, 0x11, (long)&d, sizeof d, 0, 0, 0);
        if (r)
            sys(__NR_exit_group, 2, 0, 0, 0, 0, 0);
    }
}

static void look_at_processor(void)
{
    uint32_t a = 1, b, c, d, x = 0;
    __asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
    processor.ecx1 = c;
    a = 7, c = 0;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    processor.ebx7 = b, processor.ecx7 = c;
    if (processor.ecx1 & CPUID_OSXSAVE)
        __asm__("xgetbv" : "=a"(x), "=d"(d) : "c"(0));
    processor.xcr0 = x;
    if ((x & XCR0_AVX512) != XCR0_AVX512)
        return;
    a = 13, c = 5;
    __asm__("cpuid" : "+a"(a), "=b"(k_at), "+c"(c), "=d"(d));
    a = 13, c = 6;
    __asm__("cpuid" : "+a"(a), "=b"(zmm_at), "+c"(c), "=d"(d));
}

void helper_main(void)
{
    static const int sigs[] = {4, 5, 7, 8, 11}; /* ILL TRAP BUS FPE SEGV */
    struct { void *sp; int flags; unsigned size; } ss = {alt_stack, 0, sizeof alt_stack};
    struct { void *handler; uint32_t flags; void *restorer; uint32_t mask[2]; } sa = {
        signal_entry, SA_SIGINFO_ | SA_ONSTACK_ | SA_NODEFER_ | SA_RESTORER_, signal_entry, {0}};
    sys(__NR_munmap, 0x1000, CASE_HELPER - 0x1000, 0, 0, 0, 0);
    sys(__NR_munmap, (long)CASE_HELPER_END, (long)(0xffffe000u - CASE_HELPER_END), 0, 0, 0, 0);
    sys(__NR_sigaltstack, (long)&ss, 0, 0, 0, 0, 0);
    for (unsigned i = 0; i < 5; i++)
        sys(__NR_rt_sigaction, sigs[i], (long)&sa, 0, 8, 0, 0);
    uint32_t size = (CASE_BATCH * sizeof(struct test_case) + 4095) & ~4095u;
    map(CASE_SHARED, size, PROT_RW, MAP_SHARED_, 3);
#ifdef CASE_PRIVATE
    map(CASE_CODE, 0x1000, PROT_RW, MAP_PRIVATE_ | MAP_ANON_, -1);
#else
    map((uint32_t)code, 0x1000, PROT_RW, MAP_SHARED_, 4);
    map(CASE_CODE, 0x1000, PROT_RX, MAP_SHARED_, 4);
#endif
    map(CASE_DATA, CASE_RW_BYTES, PROT_RW, MAP_PRIVATE_ | MAP_ANON_, -1);
    map(CASE_DATA + CASE_RW2, 0x1000, PROT_RW, MAP_PRIVATE_ | MAP_ANON_, -1);
    map(CASE_RO, 0x1000, PROT_RW, MAP_PRIVATE_ | MAP_ANON_, -1);
    for (uint32_t i = 0; i < 4096; i++)
        ((uint8_t *)CASE_RO)[i] = case_ro_byte(i);
    sys(__NR_mprotect, (long)CASE_RO, 0x1000, PROT_R, 0, 0, 0);
    memset(code, 0xcc, 0x1000);
    make_segments();
    look_at_processor();
    uint32_t n;
    while (sys(__NR_read, 0, (long)&n, 4, 0, 0, 0) == 4) {
        for (uint32_t i = 0; i < n; i++)
            run(&cases[i]);
        if (!n)
            memcpy(&cases[0].out, &processor, sizeof processor);
        sys(__NR_write, 1, (long)"k", 1, 0, 0, 0);
    }
    sys(__NR_exit_group, 0, 0, 0, 0, 0, 0);
}
