/* prctl and arch_prctl. Words are passed as a 32-bit process's kernel gets them, zero-extended. */
#include <linux/prctl.h>

#include "syscalls/priv.h"

/* Options newer than the C library's headers. */
enum {
    G_PR_GET_AUXV = 0x41555856, G_PR_SET_VMA = 0x53564d41, G_PR_SET_PTRACER = 0x59616d61,
    G_PR_SET_IO_FLUSHER = 57, G_PR_GET_IO_FLUSHER, G_PR_SET_MDWE = 65, G_PR_GET_MDWE,
    G_PR_SET_MEMORY_MERGE, G_PR_GET_MEMORY_MERGE, G_PR_TIMER_CREATE_RESTORE_IDS = 77,
    G_PR_FUTEX_HASH
};
/* mm->saved_auxv of an x86-64 kernel: the size told, whatever is in it. */
enum { SAVED_AUXV_SIZE = 448 };

static int64_t pass(const struct sysctx *c)
{
    return HC(SYS_prctl, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], 0);
}

static int64_t get_auxv(const struct sysctx *c)
{
    const struct process *p = c->t->proc;
    uint8_t v[SAVED_AUXV_SIZE] = {0};
    uint32_t n = c->a[2] < sizeof v ? c->a[2] : (uint32_t)sizeof v;
    if (c->a[3] || c->a[4])
        return -EINVAL;
    __builtin_memcpy(v, p->auxv, p->auxv_len < sizeof v ? p->auxv_len : sizeof v);
    return mem_write(c->a[1], v, n) ? -EFAULT : SAVED_AUXV_SIZE;
}

/* Where the memory map's ends are kept; only with CAP_SYS_RESOURCE, and then not built. */
static int64_t set_mm(const struct sysctx *c)
{
    enum { MAP = 14, MAP_SIZE = 15, AUXV = 12 };
    uint32_t what = c->a[1];
    if (c->a[4] || (c->a[3] && what != AUXV && what != MAP && what != MAP_SIZE))
        return -EINVAL;
    if (what != MAP && what != MAP_SIZE && !has_capability(24 /* CAP_SYS_RESOURCE */))
        return -EPERM;
    log_event("prctl(PR_SET_MM, %u) refused: not built yet", what);
    return -EINVAL;
}

/* core/mem obeys; the host would bind xrun, which must write what it executes. */
static int64_t set_mdwe(const struct sysctx *c)
{
    uint32_t bits = c->a[1], known = MEM_MDWE_REFUSE | MEM_MDWE_NO_INHERIT;
    if (c->a[2] || c->a[3] || c->a[4] || (bits & ~known) || bits == MEM_MDWE_NO_INHERIT)
        return -EINVAL;
    if (mem_mdwe && mem_mdwe != bits)
        return -EPERM;
    mem_mdwe = bits;
    return 0;
}

SYSCALL(prctl)
{
    const uint32_t *a = c->a;
    uint64_t tid_address;
    switch (a[0]) {
    case PR_GET_NAME: mem_prepare_write(a[1], 16); return pass(c);
    case PR_GET_PDEATHSIG: case PR_GET_CHILD_SUBREAPER: mem_prepare_write(a[1], 4); return pass(c);
    case PR_GET_TSC: return mem_write32(a[1], PR_TSC_ENABLE);
    case PR_SET_TSC: /* a program that must not read the time stamp counter: not built */
        return a[1] == PR_TSC_ENABLE ? 0 : -EINVAL;
    case PR_GET_ENDIAN: case PR_SET_ENDIAN: case PR_GET_UNALIGN: case PR_SET_UNALIGN:
    case PR_GET_FPEMU: case PR_SET_FPEMU: case PR_GET_FPEXC: case PR_SET_FPEXC:
        return -EINVAL; /* other architectures */
    case PR_GET_TID_ADDRESS: /* a 64-bit kernel writes a long of its own */
        tid_address = c->t->clear_child_tid;
        return mem_write(a[1], &tid_address, sizeof tid_address);
    case PR_SET_SYSCALL_USER_DISPATCH: return user_dispatch_set(c->t, a[1], a[2], a[3], a[4]);
    case PR_SET_MM: return set_mm(c);
    case G_PR_GET_AUXV: return get_auxv(c);
    case PR_GET_SECCOMP: return seccomp_mode(c->t);
    case PR_SET_SECCOMP: return seccomp_prctl(c);
    case G_PR_SET_MDWE: return set_mdwe(c);
    case G_PR_GET_MDWE: return a[1] || a[2] || a[3] || a[4] ? -EINVAL : (int64_t)mem_mdwe;
    case PR_SET_NAME: case PR_SET_PDEATHSIG: case PR_GET_DUMPABLE: case PR_SET_DUMPABLE:
    case PR_GET_KEEPCAPS: case PR_SET_KEEPCAPS: case PR_GET_TIMING: case PR_SET_TIMING:
    case PR_CAPBSET_READ: case PR_CAPBSET_DROP: case PR_GET_SECUREBITS: case PR_SET_SECUREBITS:
    case PR_GET_TIMERSLACK: case PR_SET_TIMERSLACK: case PR_SET_CHILD_SUBREAPER:
    case PR_SET_NO_NEW_PRIVS: case PR_GET_NO_NEW_PRIVS: case PR_CAP_AMBIENT:
    case PR_GET_THP_DISABLE: case PR_SET_THP_DISABLE: case G_PR_SET_PTRACER: case PR_MCE_KILL:
    case PR_MCE_KILL_GET: case PR_TASK_PERF_EVENTS_DISABLE: case PR_TASK_PERF_EVENTS_ENABLE:
    case PR_GET_SPECULATION_CTRL: case PR_SET_SPECULATION_CTRL: case G_PR_SET_IO_FLUSHER:
    case G_PR_GET_IO_FLUSHER: case G_PR_SET_MEMORY_MERGE: case G_PR_GET_MEMORY_MERGE:
    case PR_SCHED_CORE: case G_PR_SET_VMA: case G_PR_TIMER_CREATE_RESTORE_IDS:
    case G_PR_FUTEX_HASH:
        return pass(c);
    default:
        log_event("prctl(%u) refused: unknown or not built", a[0]);
        return -EINVAL;
    }
}

/* For 32-bit tasks: CPUID faulting, which xrun's processors do not have, and state components. */
SYSCALL(arch_prctl)
{
    static const uint64_t x87_and_sse = 3;
    switch (c->a[0]) {
    case 0x1011 /* ARCH_GET_CPUID */: return 1;
    case 0x1012 /* ARCH_SET_CPUID */: return -ENODEV;
    case 0x1021 /* ARCH_GET_XCOMP_SUPP */: case 0x1022 /* ARCH_GET_XCOMP_PERM */:
    case 0x1024 /* ARCH_GET_XCOMP_GUEST_PERM */:
        return mem_write(c->a[1], &x87_and_sse, sizeof x87_and_sse);
    default: return -EINVAL;
    }
}
