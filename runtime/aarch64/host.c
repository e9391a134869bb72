/* AArch64 host: signal contexts and raw system calls. */
#include "runtime/host.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cpu.h"
#include "core/mem.h"
#include "core/thread.h"

uintptr_t host_pc(const ucontext_t *uc)
{
    return (uintptr_t)uc->uc_mcontext.pc;
}

void host_set_pc(ucontext_t *uc, uintptr_t pc)
{
    uc->uc_mcontext.pc = pc;
}

uintptr_t host_fault_address(const ucontext_t *uc)
{
    return uc->uc_mcontext.fault_address;
}

/* Nothing tells a call about to be made from one to be made again; the former is one instruction. */
bool host_call_restarting(const ucontext_t *uc)
{
    return host_pc(uc) == (uintptr_t)host_safe_syscall_insn;
}

/* The syndrome register out of the signal frame's records; 0 if the kernel gave none. */
static uint64_t frame_esr(const ucontext_t *uc)
{
    const uint8_t *p = (const uint8_t *)uc->uc_mcontext.__reserved;
    const uint8_t *end = p + sizeof uc->uc_mcontext.__reserved;
    while (p + 16 <= end) {
        const struct _aarch64_ctx *h = (const struct _aarch64_ctx *)p;
        if (!h->magic || h->size < 8)
            break;
        if (h->magic == 0x45535201) /* ESR_MAGIC */
            return *(const uint64_t *)(p + 8);
        p += h->size;
    }
    return 0;
}

/* True if the A64 instruction stores (Arm ARM C4.1, loads and stores). */
static bool insn_is_store(uint32_t i)
{
    if ((i & 0xfe000000) == 0xe4000000) /* SVE stores: the C library's copies use them */
        return true;
    if ((i & 0x0a000000) != 0x08000000)
        return false;
    if ((i & 0x3b000000) == 0x18000000) /* literal loads, prefetch */
        return false;
    if ((i & 0x3fa00000) == 0x08a00000 || (i & 0xbfa00000) == 0x08200000) /* CAS, CASP */
        return true;
    if ((i & 0x3f000000) == 0x08000000 || (i & 0x3a000000) == 0x28000000 ||
        (i & 0xbe000000) == 0x0c000000) /* exclusive/ordered, pairs, SIMD structures: L = bit 22 */
        return !(i >> 22 & 1);
    if ((i & 0x3b200c00) == 0x38200000) /* LSE atomics write; LDAPR looks like one */
        return (i & 0x3ffffc00) != 0x38bfc000;
    if ((i & 0x04800000) == 0x04800000) /* 128-bit SIMD register: opc 10 is a store */
        return !(i >> 22 & 1);
    return (i >> 22 & 3) == 0; /* opc 00: store */
}

uint32_t host_fault_error(const ucontext_t *uc)
{
    uint64_t esr = frame_esr(uc);
    if (esr) {
        unsigned dfsc = esr & 0x3f;
        return PF_ERR_USER | (esr & 1u << 6 ? PF_ERR_WRITE : 0) |
               (dfsc >= 0x0d && dfsc <= 0x0f ? PF_ERR_PRESENT : 0);
    }
    /* an emulated kernel gives no syndrome: a readable page is taken as present */
    uint64_t a = uc->uc_mcontext.fault_address;
    bool present = a < UINT32_MAX && (mem_page_flags((gaddr)a) & PAGE_R);
    return PF_ERR_USER | (present ? PF_ERR_PRESENT : 0) |
           (insn_is_store(*(const uint32_t *)uc->uc_mcontext.pc) ? PF_ERR_WRITE : 0);
}

struct kernel_sigaction {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

int host_sigaction(int sig, void *handler, unsigned long flags, uint64_t mask)
{
    struct kernel_sigaction sa = {handler, flags, NULL, mask};
    return (int)host_syscall(SYS_rt_sigaction, sig, (long)&sa, 0, 8, 0, 0);
}

void *host_sigaction_get(int sig)
{
    struct kernel_sigaction sa = {0};
    host_syscall(SYS_rt_sigaction, sig, 0, (long)&sa, 8, 0, 0);
    return sa.handler;
}

long host_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
