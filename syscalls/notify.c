/* seccomp user notification. The host's own does the work: descriptor, queue, poll, identities, ADDFD,
 * what signals and ends of processes do. With a listener goes a host filter that notices one call
 * only: brk with a first argument that no break can have. xrun makes that when a guest's filter says
 * so, with the guest's call packed into the other arguments, and the listener's side unpacks it. An
 * answer has bit ANSWER set; else the result is xrun's own break: the listener let the call go on. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "core/options.h"
#include "syscalls/priv.h"

enum { MARK = 0x6e6f7469 };
#define ANSWER (INT64_C(1) << 62)

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV 32
#endif

int notify_install(uint32_t flags)
{
    enum { ARG0 = offsetof(struct seccomp_data, args) };
    const uint32_t passed = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
                            SECCOMP_FILTER_FLAG_NEW_LISTENER |
                            SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_brk, 0, 5),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MARK, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG0 + 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog p = {ARRAY_SIZE(f), f};
    return (int)HC(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                   (flags & passed) | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &p, 0, 0, 0);
}

static uint64_t packed(uint32_t lo, uint32_t hi) { return lo | (uint64_t)hi << 32; }

/* Only signals that the host knows to be deadly end a killable wait. One thread that the host's kernel can
 * clean up after may leave them to it. */
static bool dies_by_host(const struct thread *t)
{
    return t->proc->nthreads == 1 && !t->proc->traced && t->robust_told == t->robust_list &&
           !opt.strace;
}

bool notify_ask(const struct sysctx *c, bool killable, int64_t *r)
{
    bool by_host = killable && dies_by_host(c->t);
    if (by_host)
        runtime_hooks.default_by_host(c->t->proc, true);
    struct cpu *cpu = &c->t->cpu;
    uint32_t ip = cpu->eip - cpu->seg_base[SEG_CS];
    int64_t v = host_syscall_blocking(SYS_brk, MARK, (long)packed(c->nr, ip),
                                      (long)packed(c->a[0], c->a[1]),
                                      (long)packed(c->a[2], c->a[3]),
                                      (long)packed(c->a[4], c->a[5]), 0);
    if (by_host)
        runtime_hooks.default_by_host(c->t->proc, false);
    *r = SYSRET_DONE;
    if (v > 0 && ((v & ANSWER) || v <= INT32_MAX)) /* or a descriptor, by SECCOMP_ADDFD_FLAG_SEND */
        cpu->gpr[REG_EAX] = (uint32_t)v; /* whatever it is: nothing is restarted */
    else if (v < 0)
        *r = restartable(v);
    return v > INT32_MAX && !(v & ANSWER);
}

static void unpack(struct seccomp_data *d)
{
    uint64_t in[5];
    if (d->nr != SYS_brk || d->args[0] != MARK)
        return; /* of a program of the host */
    memcpy(in, d->args, sizeof in);
    d->nr = (int)in[1];
    d->arch = AUDIT_ARCH_I386;
    d->instruction_pointer = in[1] >> 32;
    for (int i = 0; i < 6; i++)
        d->args[i] = (uint32_t)(in[2 + i / 2] >> (i & 1) * 32);
}

static int64_t receive(const struct sysctx *c)
{
    struct seccomp_notif n;
    if (mem_read(&n, c->a[2], sizeof n) || !mem_check(c->a[2], sizeof n, PROT_WRITE))
        return -EFAULT;
    int64_t r = HCB(SYS_ioctl, s32(c->a[0]), SECCOMP_IOCTL_NOTIF_RECV, &n, 0, 0, 0);
    if (r)
        return r;
    unpack(&n.data);
    return mem_write(c->a[2], &n, sizeof n);
}

static int64_t answer(const struct sysctx *c)
{
    struct seccomp_notif_resp a;
    if (mem_read(&a, c->a[2], sizeof a))
        return -EFAULT;
    if (!a.flags) {
        a.val = ANSWER | (uint32_t)(a.error ? a.error : a.val);
        a.error = 0;
    }
    return HC(SYS_ioctl, s32(c->a[0]), SECCOMP_IOCTL_NOTIF_SEND, &a, 0, 0, 0);
}

bool notify_ioctl(struct sysctx *c, int64_t *r)
{
    enum { G_SET_FLAGS = 0x40082104, G_ID_VALID_OLD = (int)0x80082102 };
    switch (c->a[1]) {
    case SECCOMP_IOCTL_NOTIF_RECV: *r = receive(c); return true;
    case SECCOMP_IOCTL_NOTIF_SEND: *r = answer(c); return true;
    case SECCOMP_IOCTL_NOTIF_ID_VALID: case (uint32_t)G_ID_VALID_OLD:
    case SECCOMP_IOCTL_NOTIF_ADDFD: case G_SET_FLAGS:
        *r = HCB(SYS_ioctl, s32(c->a[0]), c->a[1], c->a[2], 0, 0, 0);
        return true;
    default: return false;
    }
}
