/* Futexes and what hangs on them: robust lists, thread-local storage descriptors, LDT. */
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>

#include "core/stress.h"
#include "syscalls/priv.h"

/* FUTEX_WAIT with a time limit, FUTEX_WAIT_BITSET with an absolute one. */
static int64_t wait_for(struct sysctx *c, struct timespec *ts)
{
    struct timespec start = {0, 0}, now, left;
    bool absolute = (c->a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
    if (!absolute)
        clock_gettime(CLOCK_MONOTONIC, &start);
    int64_t r = HCB(SYS_futex, c->a[0], s32(c->a[1]), c->a[2], ts, 0, c->a[5]);
    if (absolute || r != SYSRET_RESTART_NOHAND)
        return r == SYSRET_RESTART_NOHAND ? restart_until(c, r, wait_for, ts) : r;
    clock_gettime(CLOCK_MONOTONIC, &now);
    left = time_left(time_after(start, ts), &now);
    return restart_with(c, r, wait_for, CLOCK_MONOTONIC, &left);
}

static int64_t do_futex(struct sysctx *c, bool t64)
{
    struct timespec ts, *tp = NULL;
    uint32_t op = c->a[1] & FUTEX_CMD_MASK;
    long fourth = c->a[3];
    bool timed = op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET || op == FUTEX_LOCK_PI ||
                 op == FUTEX_WAIT_REQUEUE_PI || op == 13 /* FUTEX_LOCK_PI2 */;
    if (timed) {
        if (c->a[3]) {
            if (get_timespec(c->a[3], t64, &ts))
                return -EFAULT;
            if (op != FUTEX_WAIT)
                stress_deadline(&ts);
            tp = &ts;
        }
        if (tp && (op == FUTEX_WAIT || op == FUTEX_WAIT_BITSET))
            return wait_for(c, tp);
        fourth = (long)tp;
    }
    if (op != FUTEX_WAIT && op != FUTEX_WAIT_BITSET && op != FUTEX_WAKE)
        mem_prepare_write(c->a[0], 4);
    if (!timed) /* nothing that blocks: a signal must not be seen */
        return HC(SYS_futex, c->a[0], s32(c->a[1]), c->a[2], fourth, c->a[4], c->a[5]);
    long r = host_syscall_blocking(SYS_futex, (long)c->a[0], s32(c->a[1]), (long)c->a[2], fourth,
                                   (long)c->a[4], (long)c->a[5]);
    if (r == -SAFE_AGAIN && (op == FUTEX_LOCK_PI || op == 13 /* FUTEX_LOCK_PI2 */ ||
                             op == FUTEX_WAIT_REQUEUE_PI))
        return SYSRET_RESTART_NOINTR;
    return restartable(r);
}
SYSCALL(futex) { return do_futex(c, false); }
SYSCALL(futex_time64) { return do_futex(c, true); }

/* ---- the newer calls: the same structures for all, 64-bit times ---- */

enum { NR_FUTEX_WAITV = 449, NR_FUTEX_WAKE = 454, NR_FUTEX_WAIT, NR_FUTEX_REQUEUE, WAITV_MAX = 128 };

struct waitv { uint64_t val, uaddr; uint32_t flags, reserved; };

/* The waiters at `a`, whose futexes the host must not look for outside of the guest's space. If not all can be read
 * the host gets the guest's own, to refuse the first that is bad or missing. */
static const void *host_waiters(struct waitv *v, uint32_t a, uint32_t n)
{
    if (mem_read(v, a, n * sizeof *v))
        return mem_host(a);
    for (uint32_t i = 0; i < n; i++)
        if (v[i].uaddr > UINT32_MAX)
            v[i].uaddr = UINT32_MAX & ~(uint64_t)GUEST_PAGE_MASK; /* never mapped */
    return v;
}

static int read_timeout(uint32_t a, struct timespec *ts, struct timespec **tp)
{
    *tp = a ? ts : NULL;
    if (a && get_timespec(a, true, ts))
        return -EFAULT;
    if (a)
        stress_deadline(ts);
    return 0;
}

SYSCALL(futex_waitv) /* waiters, count, flags, absolute time, clock */
{
    struct waitv v[WAITV_MAX];
    struct timespec ts, *tp;
    uint32_t n = c->a[1];
    if (c->a[2] || !n || n > WAITV_MAX || !c->a[0])
        return -EINVAL;
    if (c->a[3] && (int)c->a[4] != CLOCK_MONOTONIC && (int)c->a[4] != CLOCK_REALTIME)
        return -EINVAL;
    if (read_timeout(c->a[3], &ts, &tp))
        return -EFAULT;
    return HCB(NR_FUTEX_WAITV, host_waiters(v, c->a[0], n), n, 0, tp, s32(c->a[4]), 0);
}

SYSCALL(futex_wake) /* futex, mask, count, flags */
{
    return HC(NR_FUTEX_WAKE, c->a[0], c->a[1], s32(c->a[2]), c->a[3], 0, 0);
}

SYSCALL(futex_wait) /* futex, value, mask, flags, absolute time, clock */
{
    struct timespec ts, *tp = host_timespec(c->a[4], true, &ts);
    if (tp == &ts)
        stress_deadline(tp);
    return HCB(NR_FUTEX_WAIT, c->a[0], c->a[1], c->a[2], c->a[3], tp, s32(c->a[5]));
}

SYSCALL(futex_requeue) /* two waiters, flags, how many to wake, to requeue */
{
    struct waitv v[2];
    if (c->a[1] || !c->a[0])
        return -EINVAL;
    return HC(NR_FUTEX_REQUEUE, host_waiters(v, c->a[0], 2), 0, s32(c->a[2]), s32(c->a[3]), 0, 0);
}

/* ---- robust lists: 32-bit links, kept by xrun and walked at thread exit ---- */

SYSCALL(set_robust_list)
{
    if (c->a[1] != 12)
        return -EINVAL;
    c->t->robust_list = c->a[0];
    c->t->robust_list_len = c->a[1];
    if (c->t->proc->shares_memory)
        c->t->cpu.pending = 1; /* the host may be told of it */
    return 0;
}

SYSCALL(get_robust_list)
{
    const struct thread *t = c->t;
    if (c->a[0] && (int)c->a[0] != t->tid) {
        lock_take(&t->proc->lock);
        for (t = t->proc->threads; t && t->tid != (int)c->a[0];)
            t = t->next;
        lock_release(&c->t->proc->lock);
    }
    gaddr list = t ? t->robust_list : 0; /* another process's is not known here: none */
    if (!t) {
        void *head;
        size_t len;
        int64_t r = HC(SYS_get_robust_list, s32(c->a[0]), &head, &len, 0, 0, 0);
        if (r == -ENOSYS) /* an emulated host */
            r = HC(SYS_tkill, s32(c->a[0]), 0, 0, 0, 0, 0);
        if (r)
            return r;
    }
    return mem_write32(c->a[2], 12) || mem_write32(c->a[1], list) ? -EFAULT : 0;
}

static void owner_died(struct thread *t, gaddr a, bool pi)
{
    uint32_t v;
    if ((a & 3) || mem_read32(a, &v))
        return;
    while ((v & FUTEX_TID_MASK) == (uint32_t)t->tid) {
        uint32_t next = (v & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
        int r = mem_exchange32(a, &v, next);
        if (r > 0 && !pi && (v & FUTEX_WAITERS))
            HC(SYS_futex, a, FUTEX_WAKE, 1, 0, 0, 0);
        if (r)
            return;
    }
}

void futex_exit_robust(struct thread *t)
{
    enum { LIMIT = 2048 };
    uint32_t head = __atomic_exchange_n(&t->robust_list, 0, __ATOMIC_ACQ_REL); /* walked once */
    uint32_t next, offset, pending;
    if (!head || mem_read32(head, &next) || mem_read32(head + 4, &offset) ||
        mem_read32(head + 8, &pending))
        return;
    for (int n = 0; n < LIMIT && (next & ~1u) != head; n++) {
        uint32_t entry = next & ~1u;
        bool pi = next & 1;
        if (mem_read32(entry, &next))
            break;
        if (entry != (pending & ~1u))
            owner_died(t, entry + offset, pi);
    }
    if (pending & ~1u)
        owner_died(t, (pending & ~1u) + offset, pending & 1);
}

/* ---- TLS descriptors (arch/x86/kernel/tls.c) ---- */

enum { F_32BIT = 1, F_CONTENTS = 6, F_CODE = 4, F_READ_ONLY = 8, F_PAGES = 16, F_NOT_PRESENT = 32,
       F_USEABLE = 64 };

/* LDT_empty and LDT_zero of asm/desc.h: "no descriptor". */
static bool desc_empty(const struct guest_user_desc *d)
{
    return !d->base_addr && !d->limit && (d->flags & 0x7f) == (F_READ_ONLY | F_NOT_PRESENT);
}

static bool desc_zero(const struct guest_user_desc *d)
{
    return !d->base_addr && !d->limit && !(d->flags & 0x7f);
}

static uint64_t desc_pack(const struct guest_user_desc *d)
{
    uint64_t type = (d->flags & F_READ_ONLY ? 0 : 2) | (d->flags & F_CONTENTS) << 1 | 1;
    uint64_t attr = type | 0x10 | 0x60 | (d->flags & F_NOT_PRESENT ? 0 : 0x80);
    uint64_t hi = (d->flags & F_USEABLE ? 1u : 0) | (d->flags & F_32BIT ? 4u : 0) |
                  (d->flags & F_PAGES ? 8u : 0);
    return (d->limit & 0xffff) | (uint64_t)(d->base_addr & 0xffffff) << 16 | attr << 40 |
           (uint64_t)(d->limit >> 16 & 15) << 48 | hi << 52 | (uint64_t)(d->base_addr >> 24) << 56;
}

static void reload_segments(struct cpu *cpu, uint16_t first_sel, uint16_t last_sel)
{
    for (int s = 0; s < SEG_COUNT; s++)
        if (s != SEG_CS && (cpu->sel[s] | 3) >= first_sel && cpu->sel[s] <= (last_sel | 3) &&
            (cpu->sel[s] & 4) == (first_sel & 4) && cpu_load_seg(cpu, (enum segreg)s, cpu->sel[s]))
            cpu_load_seg(cpu, (enum segreg)s, 0);
}

/* Of the TLS entries: only present 32-bit data segments, or nothing (tls_desc_okay). */
static bool desc_okay(const struct guest_user_desc *d)
{
    if (desc_empty(d) || desc_zero(d))
        return true;
    return (d->flags & F_32BIT) && !(d->flags & (F_CODE | F_NOT_PRESENT));
}

/* The number of an unused entry, or -ESRCH. */
static int tls_free_entry(const struct thread *t)
{
    for (int n = 0; n < TLS_ENTRIES; n++)
        if (!t->tls_desc[n])
            return n + TLS_FIRST_ENTRY;
    return -ESRCH;
}

int tls_set_entry(struct thread *t, const struct guest_user_desc *d)
{
    int n = (int)d->entry_number;
    if (n < TLS_FIRST_ENTRY || n >= TLS_FIRST_ENTRY + TLS_ENTRIES)
        return -EINVAL;
    if (!desc_okay(d))
        return -EINVAL;
    bool none = desc_empty(d) || desc_zero(d);
    t->tls_desc[n - TLS_FIRST_ENTRY] = none ? 0 : desc_pack(d);
    reload_segments(&t->cpu, (uint16_t)(n << 3), (uint16_t)(n << 3 | 3));
    return 0;
}

SYSCALL(set_thread_area)
{
    struct guest_user_desc d;
    if (mem_read(&d, c->a[0], sizeof d))
        return -EFAULT;
    if (!desc_okay(&d))
        return -EINVAL;
    if (d.entry_number == UINT32_MAX) { /* the number is told before anything is installed */
        int n = tls_free_entry(c->t);
        if (n < 0 || mem_write32(c->a[0], (uint32_t)n))
            return n < 0 ? n : -EFAULT;
        d.entry_number = (uint32_t)n;
    }
    return tls_set_entry(c->t, &d);
}

SYSCALL(get_thread_area)
{
    struct guest_user_desc d;
    if (mem_read32(c->a[0], &d.entry_number))
        return -EFAULT;
    int n = (int)d.entry_number;
    if (n < TLS_FIRST_ENTRY || n >= TLS_FIRST_ENTRY + TLS_ENTRIES)
        return -EINVAL;
    uint64_t v = c->t->tls_desc[n - TLS_FIRST_ENTRY];
    if (v)
        cpu_unpack_desc(v, &d);
    else
        d.base_addr = d.limit = 0, d.flags = F_READ_ONLY | F_NOT_PRESENT;
    return mem_write(c->a[0], &d, sizeof d);
}

/* ---- LDT (arch/x86/kernel/ldt.c) ---- */

/* Back to the program goes an IRET of the kernel's, which loads SS: a descriptor that is no more faults there, in
 * its code for 16-bit stacks. */
static bool return_faults(struct cpu *cpu, uint16_t ss)
{
    if (!(ss & 4) || !cpu_load_seg(cpu, SEG_SS, ss))
        return false;
    cpu->sel[SEG_SS] = ss; /* what the frame of the fault shows */
    cpu->trap = (struct cpu_trap){.vec = TRAP_GP, .is_int = 1, .addr = cpu->trap.addr};
    return true;
}

bool ldt_refresh(struct thread *t)
{
    uint16_t ss = t->cpu.sel[SEG_SS];
    reload_segments(&t->cpu, 4, 0xfffc);
    bool faults = return_faults(&t->cpu, ss);
    __atomic_store_n(&t->ldt_seen, process_ldt.version, __ATOMIC_RELEASE);
    return !faults;
}

static int64_t ldt_write(struct sysctx *c, bool old)
{
    struct guest_user_desc d;
    if (c->a[2] != sizeof d)
        return -EINVAL;
    if (mem_read(&d, c->a[1], sizeof d))
        return -EFAULT;
    if (d.entry_number >= LDT_ENTRIES_MAX)
        return -EINVAL;
    if ((d.flags & F_CONTENTS) == F_CONTENTS && (old || !(d.flags & F_NOT_PRESENT)))
        return -EINVAL;
    uint64_t v = 0;
    if (!((old && !d.base_addr && !d.limit) || desc_empty(&d))) {
        if (old)
            d.flags &= ~(uint32_t)F_USEABLE;
        v = desc_pack(&d);
    }
    lock_take(&process_ldt.lock);
    if (!process_ldt.desc)
        process_ldt.desc = xcalloc(LDT_ENTRIES_MAX, sizeof *process_ldt.desc);
    process_ldt.desc[d.entry_number] = v;
    if (d.entry_number >= process_ldt.count)
        process_ldt.count = d.entry_number + 1;
    process_ldt.version++;
    lock_release(&process_ldt.lock);
    runtime_hooks.ldt_changed(c->t, (uint16_t)(d.entry_number << 3 | 4));
    return 0;
}

/* As many bytes as were wanted: what the table does not have is zero. */
static int64_t ldt_read(const struct sysctx *c)
{
    const uint32_t most = LDT_ENTRIES_MAX * 8, have = process_ldt.count * 8;
    const uint32_t want = c->a[2] < most ? c->a[2] : most, n = have < want ? have : want;
    if (!process_ldt.desc)
        return 0;
    if (mem_write(c->a[1], process_ldt.desc, n) || mem_zero(c->a[1] + n, want - n))
        return -EFAULT;
    return want;
}

SYSCALL(modify_ldt)
{
    uint32_t n;
    switch (c->a[0]) {
    case 0: return ldt_read(c);
    case 2:
        n = c->a[2] < 128 ? c->a[2] : 128;
        return mem_zero(c->a[1], n) ? -EFAULT : (int64_t)n;
    case 1: return ldt_write(c, true);
    case 0x11: return ldt_write(c, false);
    default: return -ENOSYS;
    }
}
