/* The XSAVE area of a signal frame: what it shows, and what sigreturn takes from a changed one.
 * xrun options: --cpu=max */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { FSAVE = 112, MXCSR = 24, XMM = 160, SW = 464, HEADER = 512, AVX = 576 };

struct sw {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t xstate_size, padding[7];
};

static uint8_t image[1024] __attribute__((aligned(64))), high[8][16] __attribute__((aligned(16)));
static int what;
static sigjmp_buf jb;

static void show(const char *name, uint8_t *fx)
{
    struct sw *sw = (void *)(fx + SW);
    uint64_t *h = (void *)(fx + HEADER);
    uint32_t magic2;
    memcpy(&magic2, fx + sw->xstate_size, 4);
    printf("%s: fx aligned %d magic %x %x features %x header %x, rest %d, sizes %d %d avx %02x%02x..%02x\n",
           name, !((uintptr_t)fx & 63), sw->magic1, magic2, (unsigned)sw->features & 7,
           (unsigned)h[0] & 7, !(h[1] | h[2] | h[3] | h[4] | h[5] | h[6] | h[7]),
           sw->extended_size - sw->xstate_size, sw->xstate_size >= 832, fx[AVX], fx[AVX + 17],
           fx[AVX + 127]);
}

/* Changes to the frame. */
enum { NOTHING, CHANGE_AVX, CHANGE_XMM, NO_AVX, NO_SSE, NO_X87, NO_ALL, NO_SSE_AVX, MAGIC1, MAGIC2,
       FEATURES_NO_AVX, FEATURES_NONE, SIZE_SMALL, SIZE_LARGE, SIZE_BEYOND, XCOMP, RESERVED, UNKNOWN,
       BAD_MXCSR, BAD_MXCSR_UNUSED, NO_FPSTATE, COUNT };
static const char *const names[] = {"nothing", "other upper halves", "other xmm", "no AVX", "no SSE", "no x87",
    "no component", "x87 only", "magic1", "magic2", "features without AVX", "features none",
    "size small", "size large", "size beyond", "xcomp_bv", "reserved", "unknown component", "bad mxcsr",
    "bad mxcsr, no component", "no fpstate"};

static void handler(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uint8_t *fx = (uint8_t *)uc->uc_mcontext.fpregs + FSAVE;
    struct sw *sw = (void *)(fx + SW);
    uint64_t *h = (void *)(fx + HEADER);
    __asm__ volatile("fxsave %0" : "=m"(image));
    uint8_t mine[16];
    __asm__ volatile("vextractf128 $1, %%ymm3, %0" : "=m"(mine));
    if (what == NOTHING) {
        printf("flags %lx, upper half of ymm3 in the handler %02x\n", uc->uc_flags, mine[3]);
        show("frame", fx);
    }
    switch (what) {
    case CHANGE_AVX: memset(fx + AVX, 0x77, 128); break;
    case CHANGE_XMM: memset(fx + XMM, 0x55, 128); break;
    case NO_AVX: h[0] &= ~4; break;
    case NO_SSE: h[0] &= ~2; break;
    case NO_X87: h[0] &= ~1; break;
    case NO_ALL: h[0] = 0; break;
    case NO_SSE_AVX: h[0] = 1; break;
    case MAGIC1: sw->magic1 ^= 1; break;
    case MAGIC2: fx[sw->xstate_size] ^= 1; break;
    case FEATURES_NO_AVX: sw->features &= ~4; break;
    case FEATURES_NONE: sw->features = 0; break;
    case SIZE_SMALL: sw->xstate_size = 575; break;
    case SIZE_LARGE: sw->xstate_size += 8; break;
    case SIZE_BEYOND: sw->extended_size = 600; break;
    case XCOMP: h[1] = 1ull << 63; break;
    case RESERVED: h[7] = 1; break;
    case UNKNOWN: h[0] |= 1ull << 62; break;
    case BAD_MXCSR: fx[MXCSR + 3] = 1; break;
    case BAD_MXCSR_UNUSED: fx[MXCSR + 3] = 1; h[0] = 0; break;
    case NO_FPSTATE: uc->uc_mcontext.fpregs = NULL; break;
    }
    __asm__ volatile("vpcmpeqd %%ymm3, %%ymm3, %%ymm3\n\tvmovdqa %%ymm3, %%ymm5" ::: "memory");
}

static void on_segv(int sig)
{
    siglongjmp(jb, 1);
}

static void fill(void)
{
    static const uint32_t mxcsr = 0x3f80;
    for (int i = 0; i < 128; i++)
        high[0][i] = i + 1;
    __asm__ volatile("fninit\n\tfld1\n\tldmxcsr %0\n\tvzeroall\n\t"
                     "vpcmpeqd %%xmm3, %%xmm3, %%xmm3\n\tvpcmpeqd %%xmm1, %%xmm1, %%xmm1\n\t"
                     "vinsertf128 $1, (%1), %%ymm0, %%ymm0\n\tvinsertf128 $1, 16(%1), %%ymm1, %%ymm1\n\t"
                     "vinsertf128 $1, 48(%1), %%ymm3, %%ymm3\n\tvinsertf128 $1, 112(%1), %%ymm7, %%ymm7"
                     :: "m"(mxcsr), "r"(high) : "memory");
}

static void after(const char *name)
{
    uint16_t cw, tag;
    uint32_t mxcsr;
    uint8_t h[4][16];
    __asm__ volatile("vextractf128 $1, %%ymm0, (%0)\n\tvextractf128 $1, %%ymm1, 16(%0)\n\t"
                     "vextractf128 $1, %%ymm3, 32(%0)\n\tvextractf128 $1, %%ymm7, 48(%0)\n\t"
                     "fxsave %1" :: "r"(h), "m"(image) : "memory");
    __asm__ volatile("fninit\n\tvzeroall");
    memcpy(&cw, image, 2), memcpy(&tag, image + 4, 2), memcpy(&mxcsr, image + MXCSR, 4);
    static const uint32_t plain = 0x1f80;
    __asm__ volatile("ldmxcsr %0" :: "m"(plain));
    printf("%-24s cw %x tag %x st0 %02x mxcsr %x xmm0 %02x xmm3 %02x upper %02x %02x %02x %02x\n", name, cw,
           tag, image[41], mxcsr, image[XMM], image[XMM + 48], h[0][0], h[1][3], h[2][15], h[3][15]);
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(SIGUSR1, &sa, NULL);
    sa.sa_handler = on_segv, sa.sa_flags = SA_NODEFER;
    sigaction(SIGSEGV, &sa, NULL);
    for (what = 0; what < COUNT; what++) {
        if (sigsetjmp(jb, 1)) {
            printf("%-24s SIGSEGV\n", names[what]);
            continue;
        }
        int nr = 37, pid = getpid(); /* kill */
        fill();
        __asm__ volatile("int $0x80" : "+a"(nr) : "b"(pid), "c"(SIGUSR1) : "memory");
        after(names[what]);
    }
    return 0;
}
