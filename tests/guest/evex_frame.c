/* AVX-512's parts of the XSAVE area: where CPUID says they are, in signal frames, for sigreturn, XSAVE and
 * ptrace. Offsets differ between processors and are not printed.
 * needs: avx512f avx512bw avx512dq avx512vl
 * xrun options: --cpu=max */
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

enum { K = 5, ZMM = 6, ZMM16 = 7, HEADER = 512, FSAVE = 112 };
static uint32_t at[8], size[8];
static uint32_t whole; /* without what may lie behind: a frame has AMX's tiles only for a process that asked */
static int step;
static uint8_t area[16384] __attribute__((aligned(64)));

static void layout(void)
{
    uint32_t a, b, most, c, d, flags7;
    __cpuid_count(7, 0, a, flags7, c, d);
    __cpuid_count(13, 0, a, b, most, d);
    printf("xcr0 %x, avx512f %d, whole %d\n", a & 0xe7, flags7 >> 16 & 1, b == most);
    for (int i = K; i <= ZMM16; i++) {
        __cpuid_count(13, i, size[i], at[i], c, d);
        printf("component %d: %u bytes, kind %x %x, inside %d\n", i, size[i], c, d, at[i] + size[i] <= most);
        whole = at[i] + size[i];
    }
    __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
    printf("xgetbv %x %x, frames at least that %d\n", a & 0xe7, d, getauxval(51) >= whole);
}

static void fill(void)
{
    static uint8_t v[8][64];
    static const uint64_t k = UINT64_C(0x8877665544332211);
    for (int i = 0; i < 512; i++)
        v[0][i] = i * 7 + 1;
    __asm__ volatile("vmovdqu64 (%0), %%zmm0\n\tvmovdqu64 192(%0), %%zmm3\n\tvmovdqu64 448(%0), %%zmm7\n\t"
                     "kmovq %1, %%k2\n\tkmovd %%k2, %%k7\n\tkxorq %%k3, %%k3, %%k3" :: "r"(v), "m"(k));
}

static void show(const char *name)
{
    uint8_t v[3][64];
    uint64_t k[3];
    uint32_t used, d;
    __asm__ volatile("vmovdqu64 %%zmm0, (%0)\n\tvmovdqu64 %%zmm3, 64(%0)\n\tvmovdqu64 %%zmm7, 128(%0)\n\t"
                     "kmovq %%k2, (%1)\n\tkmovq %%k3, 8(%1)\n\tkmovq %%k7, 16(%1)"
                     :: "r"(v), "r"(k) : "memory");
    __asm__ volatile("xgetbv" : "=a"(used), "=d"(d) : "c"(1));
    printf("%-20s zmm0 %02x %02x %02x zmm3 %02x %02x %02x zmm7 %02x k %llx %llx %llx, in use %x\n", name,
           v[0][0], v[0][16], v[0][63], v[1][0], v[1][31], v[1][32], v[2][60], (unsigned long long)k[0],
           (unsigned long long)k[1], (unsigned long long)k[2], used & 0xe0);
}

static const char *const names[] = {"untouched", "k3, zmm3 changed", "no K", "no ZMM", "no AVX", "nothing",
                                    "features without", "ZMM16 named"};
enum { UNTOUCHED, CHANGED, NO_K, NO_ZMM, NO_AVX, NOTHING, FEATURES, NAMED16, COUNT };

static void handler(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    uint8_t *fx = (uint8_t *)uc->uc_mcontext.fpregs + FSAVE;
    uint64_t *h = (uint64_t *)(fx + HEADER), *features = (uint64_t *)(fx + 464 + 8);
    uint32_t *sizes = (uint32_t *)(fx + 464);
    if (step == UNTOUCHED) {
        printf("frame: features %llx, size %d, header %llx, k2 %llx, zmm3 %02x %02x\n",
               (unsigned long long)*features & 0xe7, sizes[4] >= whole, (unsigned long long)h[0],
               *(unsigned long long *)(fx + at[K] + 16), fx[at[ZMM] + 96], fx[at[ZMM] + 127]);
        show("in the handler");
    }
    switch (step) {
    case CHANGED: fx[at[K] + 24] = 0x5a, fx[at[ZMM] + 96] = 0x77; break;
    case NO_K: h[0] &= ~(1 << K); break;
    case NO_ZMM: h[0] &= ~(1 << ZMM); break;
    case NO_AVX: h[0] &= ~4; break;
    case NOTHING: h[0] = 0; break;
    case FEATURES: *features &= ~0xe0; break;
    case NAMED16: h[0] |= 0x80; break;
    }
}

static int child(void)
{
    int nr = SYS_kill, pid = getpid();
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    fill();
    __asm__ volatile("int $0x80" : "+a"(nr) : "b"(pid), "c"(SIGSTOP) : "memory");
    show("traced");
    return 0;
}

static void traced(void)
{
    int status, pid = fork();
    if (!pid) {
        child();
        fflush(stdout);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    struct iovec v = {area, sizeof area};
    long r = ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &v);
    printf("ptrace %ld, size %d, header %x, k2 %02x, zmm3 %02x\n", r, v.iov_len >= whole,
           area[HEADER] & 0xe0, area[at[K] + 16], area[at[ZMM] + 96]);
    area[at[K] + 24] = 0x11;
    memset(area + at[ZMM] + 96, 0x22, 32);
    r = ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v);
    printf("set %ld\n", r);
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);
}

static void saved(void)
{
    memset(area, 0xee, sizeof area);
    memset(area + HEADER, 0, 64);
    fill();
    __asm__ volatile("xsave %0" : "=m"(area) : "a"(0xe7), "d"(0));
    printf("xsave: header %llx, k2 %02x, zmm3 %02x %02x, zmm8 %02x, zmm16 %02x\n",
           *(unsigned long long *)(area + HEADER) & 0xe0, area[at[K] + 16], area[at[ZMM] + 96],
           area[at[ZMM] + 127], area[at[ZMM] + 256], area[at[ZMM16]]);
    __asm__ volatile("vzeroall\n\tkxorq %k2, %k2, %k2\n\tkxorq %k7, %k7, %k7");
    show("cleared");
    __asm__ volatile("xrstor %0" :: "m"(area), "a"(0x20), "d"(0));
    show("xrstor, K");
    __asm__ volatile("xrstor %0" :: "m"(area), "a"(0xe7), "d"(0));
    show("xrstor, all");
    memset(area + HEADER, 0, 64);
    __asm__ volatile("xsavec %0" : "=m"(area) : "a"(0x60), "d"(0));
    printf("xsavec: %llx %llx, k2 %02x, zmm3 %02x\n", *(unsigned long long *)(area + HEADER),
           *(unsigned long long *)(area + HEADER + 8), area[576 + 16], area[576 + 64 + 96]);
    fill();
    __asm__ volatile("vpxorq %zmm3, %zmm3, %zmm3\n\tkxorq %k2, %k2, %k2");
    __asm__ volatile("xrstor %0" :: "m"(area), "a"(0x60), "d"(0));
    show("xrstor, compact");
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &sa, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    __asm__ volatile("vzeroupper"); /* what the C library did with xmm registers is its business */
    __asm__ volatile("vpxor %xmm0, %xmm0, %xmm0\n\tvpxor %xmm3, %xmm3, %xmm3\n\tvpxor %xmm7, %xmm7, %xmm7");
    show("at the start");
    layout();
    for (step = 0; step < COUNT; step++) {
        int nr = SYS_kill, pid = getpid();
        fill();
        __asm__ volatile("int $0x80" : "+a"(nr) : "b"(pid), "c"(SIGUSR1) : "memory");
        show(names[step]);
    }
    traced();
    saved();
    return 0;
}
