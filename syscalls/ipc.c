/* System V IPC: the ipc multiplexer and the direct calls. Only the IPC_64 structures are offered;
 * the 16-bit ones of Linux 2.2 give EINVAL. */
#include <string.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "syscalls/priv.h"

enum { IPC_64_ = 0x100, MSG_MAX = 1 << 20 };

static void perm_out(struct i386_ipc_perm64 *g, const struct ipc_perm *h)
{
    memset(g, 0, sizeof *g);
    g->key = h->__key;
    g->uid = h->uid, g->gid = h->gid, g->cuid = h->cuid, g->cgid = h->cgid;
    g->mode = h->mode;
    g->seq = h->__seq;
}

static void perm_in(struct ipc_perm *h, const struct i386_ipc_perm64 *g)
{
    h->uid = g->uid, h->gid = g->gid;
    h->mode = (unsigned short)g->mode;
}

/* ---- semaphores ---- */

SYSCALL(semget) { return HC(SYS_semget, s32(c->a[0]), s32(c->a[1]), s32(c->a[2]), 0, 0, 0); }

static int64_t sem_timedop(uint32_t id, uint32_t ops, uint32_t n, const struct timespec *ts)
{
    return HCB(SYS_semtimedop, s32(id), ops, n, ts, 0, 0);
}

SYSCALL(semtimedop_time64)
{
    struct timespec ts;
    if (c->a[3] && get_timespec(c->a[3], true, &ts))
        return -EFAULT;
    return sem_timedop(c->a[0], c->a[1], c->a[2], c->a[3] ? &ts : NULL);
}

static int64_t do_semctl(uint32_t id, uint32_t num, uint32_t cmd, uint32_t arg)
{
    struct semid_ds ds;
    struct i386_semid64 g;
    int64_t r;
    bool new = cmd & IPC_64_;
    cmd &= ~(uint32_t)IPC_64_;
    switch (cmd) {
    case IPC_STAT: case SEM_STAT: case 20 /* SEM_STAT_ANY */:
        r = HC(SYS_semctl, s32(id), num, cmd, &ds, 0, 0);
        if (r < 0)
            return r;
        memset(&g, 0, sizeof g);
        perm_out(&g.perm, &ds.sem_perm);
        g.otime = (uint32_t)ds.sem_otime, g.ctime = (uint32_t)ds.sem_ctime;
        g.nsems = (uint32_t)ds.sem_nsems;
        return !new ? -EINVAL : mem_write(arg, &g, sizeof g) ? -EFAULT : r;
    case IPC_SET:
        if (!new || mem_read(&g, arg, sizeof g))
            return new ? -EFAULT : -EINVAL;
        perm_in(&ds.sem_perm, &g.perm);
        return HC(SYS_semctl, s32(id), num, cmd, &ds, 0, 0);
    case SETVAL: return HC(SYS_semctl, s32(id), num, cmd, s32(arg), 0, 0);
    case GETALL: mem_prepare_write(arg, 65536 * 2); /* fall through */
    default: return HC(SYS_semctl, s32(id), num, cmd, arg, 0, 0);
    }
}
SYSCALL(semctl) { return do_semctl(c->a[0], c->a[1], c->a[2] | IPC_64_, c->a[3]); }

/* ---- messages ---- */

SYSCALL(msgget) { return HC(SYS_msgget, s32(c->a[0]), s32(c->a[1]), 0, 0, 0, 0); }

static int64_t do_msgsnd(uint32_t id, uint32_t buf, uint32_t size, uint32_t flags)
{
    int32_t type;
    if (mem_read(&type, buf, 4))
        return -EFAULT;
    if (size > MSG_MAX || s32(id) < 0 || type < 1)
        return -EINVAL;
    struct { long type; char text[]; } *m = xmalloc(sizeof *m + size);
    m->type = type;
    int64_t r = mem_read(m->text, buf + 4, size);
    if (!r)
        r = HCB(SYS_msgsnd, s32(id), m, size, s32(flags), 0, 0);
    free(m);
    return r;
}

static int64_t do_msgrcv(uint32_t id, uint32_t buf, uint32_t size, int32_t type, uint32_t flags)
{
    if (s32(size) < 0 || s32(id) < 0)
        return -EINVAL;
    if (size > MSG_MAX) /* no message is larger */
        size = MSG_MAX;
    struct { long type; char text[]; } *m = xmalloc(sizeof *m + size);
    int64_t r = HCB(SYS_msgrcv, s32(id), m, size, type, s32(flags), 0);
    if (r >= 0 && (mem_write32(buf, (uint32_t)m->type) || mem_write(buf + 4, m->text, (size_t)r)))
        r = -EFAULT;
    free(m);
    return r;
}
SYSCALL(msgsnd) { return do_msgsnd(c->a[0], c->a[1], c->a[2], c->a[3]); }
SYSCALL(msgrcv) { return do_msgrcv(c->a[0], c->a[1], c->a[2], s32(c->a[3]), c->a[4]); }

static int64_t do_msgctl(uint32_t id, uint32_t cmd, uint32_t arg)
{
    struct msqid_ds ds;
    struct i386_msqid64 g;
    bool new = cmd & IPC_64_;
    cmd &= ~(uint32_t)IPC_64_;
    int64_t r;
    switch (cmd) {
    case IPC_STAT: case MSG_STAT: case 13 /* MSG_STAT_ANY */:
        r = HC(SYS_msgctl, s32(id), cmd, &ds, 0, 0, 0);
        if (r < 0)
            return r;
        memset(&g, 0, sizeof g);
        perm_out(&g.perm, &ds.msg_perm);
        g.stime = (uint32_t)ds.msg_stime, g.rtime = (uint32_t)ds.msg_rtime;
        g.ctime = (uint32_t)ds.msg_ctime, g.cbytes = (uint32_t)ds.__msg_cbytes;
        g.qnum = (uint32_t)ds.msg_qnum, g.qbytes = (uint32_t)ds.msg_qbytes;
        g.lspid = ds.msg_lspid, g.lrpid = ds.msg_lrpid;
        return !new ? -EINVAL : mem_write(arg, &g, sizeof g) ? -EFAULT : r;
    case IPC_SET:
        if (!new || mem_read(&g, arg, sizeof g))
            return new ? -EFAULT : -EINVAL;
        perm_in(&ds.msg_perm, &g.perm);
        ds.msg_qbytes = g.qbytes;
        return HC(SYS_msgctl, s32(id), cmd, &ds, 0, 0, 0);
    default: mem_prepare_write(arg, 64); return HC(SYS_msgctl, s32(id), cmd, arg, 0, 0, 0);
    }
}
SYSCALL(msgctl) { return do_msgctl(c->a[0], c->a[1] | IPC_64_, c->a[2]); }

/* ---- shared memory ---- */

SYSCALL(shmget) { return HC(SYS_shmget, s32(c->a[0]), c->a[1], s32(c->a[2]), 0, 0, 0); }

static int64_t do_shmat(uint32_t id, uint32_t addr, uint32_t flags)
{
    struct shmid_ds ds;
    int64_t r = HC(SYS_shmctl, s32(id), IPC_STAT, &ds, 0, 0, 0);
    if (r < 0)
        return r;
    runtime_hooks.shares_memory(thread_self->proc);
    return mem_shm_attach((int)id, addr, (int)flags, (uint32_t)ds.shm_segsz);
}
SYSCALL(shmat) { return do_shmat(c->a[0], c->a[1], c->a[2]); }
SYSCALL(shmdt) { return mem_shm_detach(c->a[0]); }

static int64_t shm_info(uint32_t id, uint32_t cmd, uint32_t arg)
{
    if (cmd == IPC_INFO) {
        struct shminfo h;
        int64_t r = HC(SYS_shmctl, s32(id), cmd, &h, 0, 0, 0);
        uint32_t g[9] = {(uint32_t)(h.shmmax > INT32_MAX ? INT32_MAX : h.shmmax), (uint32_t)h.shmmin,
                         (uint32_t)h.shmmni, (uint32_t)h.shmseg, (uint32_t)h.shmall};
        return r < 0 ? r : mem_write(arg, g, sizeof g) ? -EFAULT : r;
    }
    struct shm_info h;
    int64_t r = HC(SYS_shmctl, s32(id), cmd, &h, 0, 0, 0);
    uint32_t g[6] = {(uint32_t)h.used_ids, (uint32_t)h.shm_tot, (uint32_t)h.shm_rss,
                     (uint32_t)h.shm_swp, (uint32_t)h.swap_attempts, (uint32_t)h.swap_successes};
    return r < 0 ? r : mem_write(arg, g, sizeof g) ? -EFAULT : r;
}

static int64_t do_shmctl(uint32_t id, uint32_t cmd, uint32_t arg)
{
    struct shmid_ds ds;
    struct i386_shmid64 g;
    bool new = cmd & IPC_64_;
    cmd &= ~(uint32_t)IPC_64_;
    int64_t r;
    switch (cmd) {
    case IPC_STAT: case SHM_STAT: case 15 /* SHM_STAT_ANY */:
        r = HC(SYS_shmctl, s32(id), cmd, &ds, 0, 0, 0);
        if (r < 0)
            return r;
        memset(&g, 0, sizeof g);
        perm_out(&g.perm, &ds.shm_perm);
        g.segsz = (uint32_t)ds.shm_segsz, g.atime = (uint32_t)ds.shm_atime;
        g.dtime = (uint32_t)ds.shm_dtime, g.ctime = (uint32_t)ds.shm_ctime;
        g.cpid = ds.shm_cpid, g.lpid = ds.shm_lpid, g.nattch = (uint32_t)ds.shm_nattch;
        return !new ? -EINVAL : mem_write(arg, &g, sizeof g) ? -EFAULT : r;
    case IPC_SET:
        if (!new || mem_read(&g, arg, sizeof g))
            return new ? -EFAULT : -EINVAL;
        perm_in(&ds.shm_perm, &g.perm);
        return HC(SYS_shmctl, s32(id), cmd, &ds, 0, 0, 0);
    case IPC_INFO: case SHM_INFO: return shm_info(id, cmd, arg);
    default: return HC(SYS_shmctl, s32(id), cmd, arg, 0, 0, 0);
    }
}
SYSCALL(shmctl) { return do_shmctl(c->a[0], c->a[1] | IPC_64_, c->a[2]); }

/* ---- ipc(call, first, second, third, ptr, fifth); the high half of call is a version ---- */

static int64_t ipc_msgrcv(struct sysctx *c, uint32_t version)
{
    uint32_t v[2];
    if (version)
        return do_msgrcv(c->a[1], c->a[4], c->a[2], s32(c->a[5]), c->a[3]);
    if (!c->a[4]) /* the old form passes buffer and type through a pair */
        return -EINVAL;
    if (mem_read(v, c->a[4], 8))
        return -EFAULT;
    return do_msgrcv(c->a[1], v[0], c->a[2], s32(v[1]), c->a[3]);
}

static int64_t ipc_shmat(struct sysctx *c, uint32_t version)
{
    if (version == 1)
        return -EINVAL;
    int64_t r = do_shmat(c->a[1], c->a[4], c->a[2]);
    return r < 0 ? r : mem_write32(c->a[3], (uint32_t)r);
}

SYSCALL(ipc)
{
    uint32_t call = c->a[0] & 0xffff, version = c->a[0] >> 16, arg;
    struct timespec ts;
    switch (call) {
    case 1: return sem_timedop(c->a[1], c->a[4], c->a[2], NULL);
    case 2: return HC(SYS_semget, s32(c->a[1]), s32(c->a[2]), s32(c->a[3]), 0, 0, 0);
    case 3:
        if (!c->a[4])
            return -EINVAL;
        return mem_read32(c->a[4], &arg) ? -EFAULT : do_semctl(c->a[1], c->a[2], c->a[3], arg);
    case 4:
        if (c->a[5] && get_timespec(c->a[5], false, &ts))
            return -EFAULT;
        return sem_timedop(c->a[1], c->a[4], c->a[2], c->a[5] ? &ts : NULL);
    case 11: return do_msgsnd(c->a[1], c->a[4], c->a[2], c->a[3]);
    case 12: return ipc_msgrcv(c, version);
    case 13: return HC(SYS_msgget, s32(c->a[1]), s32(c->a[2]), 0, 0, 0, 0);
    case 14: return do_msgctl(c->a[1], c->a[2], c->a[4]);
    case 21: return ipc_shmat(c, version);
    case 22: return mem_shm_detach(c->a[4]);
    case 23: return HC(SYS_shmget, s32(c->a[1]), c->a[2], s32(c->a[3]), 0, 0, 0);
    case 24: return do_shmctl(c->a[1], c->a[2], c->a[4]);
    default: return -ENOSYS;
    }
}
