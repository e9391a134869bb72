/* VPCOMPRESSB and VPEXPANDB at the end of a segment: how much they access is told by how many bits of the mask
 * are set, all 64 too.
 * needs: avx512f avx512bw avx512_vbmi2
 * xrun options: --cpu=max */
#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { LIMIT = 64 };
static uint8_t area[256] __attribute__((aligned(64))), in[64], out[64];
static sigjmp_buf back;
static volatile int trap;

static void on_fault(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig, (void)info;
    trap = uc->uc_mcontext.gregs[REG_TRAPNO];
    siglongjmp(back, 1);
}

static void show(const char *name, uint64_t k, unsigned at, const uint8_t *p, unsigned n)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum = sum * 31 + p[i];
    printf("%s %016llx at %u: trap %d, %08x\n", name, (unsigned long long)k, at, trap, sum);
}

static void both(uint64_t k, unsigned at)
{
    memset(area, 0xee, sizeof area);
    trap = 0;
    if (!sigsetjmp(back, 1))
        __asm__ volatile("kmovq %0, %%k1\n\tvmovdqu64 %1, %%zmm1\n\tvpcompressb %%zmm1, %%fs:(%2)%{%%k1%}"
                         :: "m"(k), "m"(in), "r"(at) : "memory");
    show("compress", k, at, area, sizeof area);
    trap = 0;
    memcpy(area, in, sizeof in);
    memset(out, 0, sizeof out);
    if (!sigsetjmp(back, 1))
        __asm__ volatile("kmovq %1, %%k1\n\tvpexpandb %%fs:(%2), %%zmm1%{%%k1%}%{z%}\n\tvmovdqu64 %%zmm1, %0"
                         : "=m"(out) : "m"(k), "r"(at) : "memory");
    show("expand", k, at, out, sizeof out);
}

int main(void)
{
    static const uint64_t masks[] = {0, 1, 0xf0f0, INT64_MAX, UINT64_MAX - 1, UINT64_MAX};
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    struct user_desc d = {.entry_number = 1, .base_addr = (uint32_t)area, .limit = LIMIT - 1, .seg_32bit = 1, .useable = 1};
    if (syscall(SYS_modify_ldt, 1, &d, sizeof d))
        perror("modify_ldt");
    for (unsigned i = 0; i < sizeof in; i++)
        in[i] = (uint8_t)(i * 7 + 1);
    sigaction(SIGSEGV, &sa, NULL);
    __asm__ volatile("mov %0, %%fs" :: "r"(1 << 3 | 7));
    for (unsigned i = 0; i < sizeof masks / sizeof masks[0]; i++)
        for (unsigned at = 0; at <= LIMIT; at += at < 2 ? 1 : LIMIT - 2)
            both(masks[i], at);
    return 0;
}
