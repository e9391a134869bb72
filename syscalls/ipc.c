/* System V IPC: the ipc multiplexer and the direct calls. Through the multiplexer a command without
 * IPC_64 means the 16-bit structures of Linux 2.2; the direct calls know the new ones only. */
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
    g->mode = (uint16_t)h->mode; /* i386 has 16 bits; qemu-user leaves the others undefined */
    g->seq = h->__seq;
}

static void perm_in(struct ipc_perm *h, const struct i386_ipc_perm64 *g)
{
    h->uid = g->uid, h->gid = g->gid;
    h->mode = (unsigned short)g->mode;
}

static void old_perm_out(struct i386_ipc_perm *g, const struct ipc_perm *h)
{
    *g = (struct i386_ipc_perm){h->__key, low16(h->uid), low16(h->gid), low16(h->cuid),
                                low16(h->cgid), (uint16_t)h->mode, (uint16_t)h->__seq};
}

static void old_perm_in(struct ipc_perm *h, const struct i386_ipc_perm *g)
{
    h->uid = g->uid, h->gid = g->gid;
    h->mode = g->mode;
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

static int put_semid(uint32_t a, const struct semid_ds *h, bool new)
{
    struct i386_semid64 g;
    struct i386_semid old;
    memset(&g, 0, sizeof g);
    memset(&old, 0, sizeof old);
    if (!new) {
        old_perm_out(&old.perm, &h->sem_perm);
        old.otime = (uint32_t)h->sem_otime, old.ctime = (uint32_t)h->sem_ctime;
        old.nsems = (uint16_t)h->sem_nsems;
        return mem_write(a, &old, sizeof old);
    }
    perm_out(&g.perm, &h->sem_perm);
    g.otime = (uint32_t)h->sem_otime, g.otime_high = (uint32_t)((uint64_t)h->sem_otime >> 32);
    g.ctime = (uint32_t)h->sem_ctime, g.ctime_high = (uint32_t)((uint64_t)h->sem_ctime >> 32);
    g.nsems = (uint32_t)h->sem_nsems;
    return mem_write(a, &g, sizeof g);
}

/* The permissions at the start of the structure at `a`, as an IPC_SET takes them. 0 or -EFAULT. */
static int get_perm(uint32_t a, struct ipc_perm *h, bool new, size_t size, size_t old_size)
{
    uint8_t b[128];
    if (mem_read(b, a, new ? size : old_size))
        return -EFAULT;
    if (new)
        perm_in(h, (const void *)b);
    else
        old_perm_in(h, (const void *)b);
    return 0;
}

static int64_t do_semctl(uint32_t id, uint32_t num, uint32_t cmd, uint32_t arg, bool new)
{
    struct semid_ds ds;
    int64_t r;
    switch (cmd) {
    case IPC_STAT: case SEM_STAT: case 20 /* SEM_STAT_ANY */:
        r = HC(SYS_semctl, s32(id), num, cmd, &ds, 0, 0);
        return r < 0 ? r : put_semid(arg, &ds, new) ? -EFAULT : r;
    case IPC_SET:
        memset(&ds, 0, sizeof ds);
        if (get_perm(arg, &ds.sem_perm, new, sizeof(struct i386_semid64), sizeof(struct i386_semid)))
            return -EFAULT;
        return HC(SYS_semctl, s32(id), num, cmd, &ds, 0, 0);
    case SETVAL: return HC(SYS_semctl, s32(id), num, cmd, s32(arg), 0, 0);
    case GETALL: mem_prepare_write(arg, 65536 * 2); break;
    case IPC_INFO: case SEM_INFO: mem_prepare_write(arg, 64); break;
    }
    return HC(SYS_semctl, s32(id), num, cmd, arg, 0, 0);
}

/* The direct calls take IPC_64 for granted. Said nevertheless, it makes a successful IPC_STAT return the
 * id (ipc/sem.c and ipc/msg.c compare the command with it); shmctl does not know it. */
static int64_t direct_result(uint32_t id, uint32_t cmd, int64_t r)
{
    return r == 0 && cmd == (IPC_STAT | IPC_64_) ? (int64_t)id : r;
}

SYSCALL(semctl)
{
    uint32_t cmd = c->a[2];
    int64_t r = do_semctl(c->a[0], c->a[1], cmd & ~(uint32_t)IPC_64_, c->a[3], true);
    return direct_result(c->a[0], cmd, r);
}

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

static int put_msqid(uint32_t a, const struct msqid_ds *h, bool new)
{
    struct i386_msqid64 g;
    struct i386_msqid old;
    memset(&g, 0, sizeof g);
    memset(&old, 0, sizeof old);
    if (!new) {
        old_perm_out(&old.perm, &h->msg_perm);
        old.stime = (uint32_t)h->msg_stime, old.rtime = (uint32_t)h->msg_rtime;
        old.ctime = (uint32_t)h->msg_ctime, old.cbytes = (uint16_t)h->__msg_cbytes;
        old.qnum = (uint16_t)h->msg_qnum, old.qbytes = (uint16_t)h->msg_qbytes;
        old.lspid = (uint16_t)h->msg_lspid, old.lrpid = (uint16_t)h->msg_lrpid;
        return mem_write(a, &old, sizeof old);
    }
    perm_out(&g.perm, &h->msg_perm);
    g.stime = (uint32_t)h->msg_stime, g.stime_high = (uint32_t)((uint64_t)h->msg_stime >> 32);
    g.rtime = (uint32_t)h->msg_rtime, g.rtime_high = (uint32_t)((uint64_t)h->msg_rtime >> 32);
    g.ctime = (uint32_t)h->msg_ctime, g.ctime_high = (uint32_t)((uint64_t)h->msg_ctime >> 32);
    g.cbytes = (uint32_t)h->__msg_cbytes, g.qnum = (uint32_t)h->msg_qnum;
    g.qbytes = (uint32_t)h->msg_qbytes, g.lspid = h->msg_lspid, g.lrpid = h->msg_lrpid;
    return mem_write(a, &g, sizeof g);
}

static int64_t set_msqid(uint32_t id, uint32_t arg, bool new)
{
    struct msqid_ds ds;
    struct i386_msqid64 g;
    struct i386_msqid old;
    memset(&ds, 0, sizeof ds);
    if (get_perm(arg, &ds.msg_perm, new, sizeof g, sizeof old) ||
        (new ? mem_read(&g, arg, sizeof g) : mem_read(&old, arg, sizeof old)))
        return -EFAULT;
    ds.msg_qbytes = new ? g.qbytes : old.qbytes;
    return HC(SYS_msgctl, s32(id), IPC_SET, &ds, 0, 0, 0);
}

static int64_t do_msgctl(uint32_t id, uint32_t cmd, uint32_t arg, bool new)
{
    struct msqid_ds ds;
    int64_t r;
    switch (cmd) {
    case IPC_STAT: case MSG_STAT: case 13 /* MSG_STAT_ANY */:
        r = HC(SYS_msgctl, s32(id), cmd, &ds, 0, 0, 0);
        return r < 0 ? r : put_msqid(arg, &ds, new) ? -EFAULT : r;
    case IPC_SET: return set_msqid(id, arg, new);
    default: mem_prepare_write(arg, 64); return HC(SYS_msgctl, s32(id), cmd, arg, 0, 0, 0);
    }
}
SYSCALL(msgctl)
{
    uint32_t cmd = c->a[1];
    return direct_result(c->a[0], cmd,
                         do_msgctl(c->a[0], cmd & ~(uint32_t)IPC_64_, c->a[2], true));
}

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

static int64_t shm_info(uint32_t id, uint32_t cmd, uint32_t arg, bool new)
{
    if (cmd == IPC_INFO) {
        struct shminfo h;
        int64_t r = HC(SYS_shmctl, s32(id), cmd, &h, 0, 0, 0);
        uint32_t g[9] = {(uint32_t)(h.shmmax > INT32_MAX ? INT32_MAX : h.shmmax), (uint32_t)h.shmmin,
                         (uint32_t)h.shmmni, (uint32_t)h.shmseg, (uint32_t)h.shmall};
        return r < 0 ? r : mem_write(arg, g, new ? sizeof g : 5 * sizeof *g) ? -EFAULT : r;
    }
    struct shm_info h;
    int64_t r = HC(SYS_shmctl, s32(id), cmd, &h, 0, 0, 0);
    uint32_t g[6] = {(uint32_t)h.used_ids, (uint32_t)h.shm_tot, (uint32_t)h.shm_rss,
                     (uint32_t)h.shm_swp, (uint32_t)h.swap_attempts, (uint32_t)h.swap_successes};
    return r < 0 ? r : mem_write(arg, g, sizeof g) ? -EFAULT : r;
}

static int put_shmid(uint32_t a, const struct shmid_ds *h, bool new)
{
    struct i386_shmid64 g;
    struct i386_shmid old;
    memset(&g, 0, sizeof g);
    memset(&old, 0, sizeof old);
    if (!new) {
        old_perm_out(&old.perm, &h->shm_perm);
        old.segsz = (uint32_t)h->shm_segsz, old.atime = (uint32_t)h->shm_atime;
        old.dtime = (uint32_t)h->shm_dtime, old.ctime = (uint32_t)h->shm_ctime;
        old.cpid = (uint16_t)h->shm_cpid, old.lpid = (uint16_t)h->shm_lpid;
        old.nattch = (uint16_t)h->shm_nattch;
        return mem_write(a, &old, sizeof old);
    }
    perm_out(&g.perm, &h->shm_perm);
    g.segsz = (uint32_t)h->shm_segsz;
    g.atime = (uint32_t)h->shm_atime, g.atime_high = (uint32_t)((uint64_t)h->shm_atime >> 32);
    g.dtime = (uint32_t)h->shm_dtime, g.dtime_high = (uint32_t)((uint64_t)h->shm_dtime >> 32);
    g.ctime = (uint32_t)h->shm_ctime, g.ctime_high = (uint32_t)((uint64_t)h->shm_ctime >> 32);
    g.cpid = h->shm_cpid, g.lpid = h->shm_lpid, g.nattch = (uint32_t)h->shm_nattch;
    return mem_write(a, &g, sizeof g);
}

static int64_t do_shmctl(uint32_t id, uint32_t cmd, uint32_t arg, bool new)
{
    struct shmid_ds ds;
    int64_t r;
    switch (cmd) {
    case IPC_STAT: case SHM_STAT: case 15 /* SHM_STAT_ANY */:
        r = HC(SYS_shmctl, s32(id), cmd, &ds, 0, 0, 0);
        return r < 0 ? r : put_shmid(arg, &ds, new) ? -EFAULT : r;
    case IPC_SET:
        memset(&ds, 0, sizeof ds);
        if (get_perm(arg, &ds.shm_perm, new, sizeof(struct i386_shmid64), sizeof(struct i386_shmid)))
            return -EFAULT;
        return HC(SYS_shmctl, s32(id), cmd, &ds, 0, 0, 0);
    case IPC_INFO: case SHM_INFO: return shm_info(id, cmd, arg, new);
    default: return HC(SYS_shmctl, s32(id), cmd, arg, 0, 0, 0);
    }
}
SYSCALL(shmctl)
{
    return c->a[1] & IPC_64_ ? -EINVAL : do_shmctl(c->a[0], c->a[1], c->a[2], true);
}

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
        if (mem_read32(c->a[4], &arg))
            return -EFAULT;
        return do_semctl(c->a[1], c->a[2], c->a[3] & ~(uint32_t)IPC_64_, arg, c->a[3] & IPC_64_);
    case 4:
        if (c->a[5] && get_timespec(c->a[5], false, &ts))
            return -EFAULT;
        return sem_timedop(c->a[1], c->a[4], c->a[2], c->a[5] ? &ts : NULL);
    case 11: return do_msgsnd(c->a[1], c->a[4], c->a[2], c->a[3]);
    case 12: return ipc_msgrcv(c, version);
    case 13: return HC(SYS_msgget, s32(c->a[1]), s32(c->a[2]), 0, 0, 0, 0);
    case 14: return do_msgctl(c->a[1], c->a[2] & ~(uint32_t)IPC_64_, c->a[4], c->a[2] & IPC_64_);
    case 21: return ipc_shmat(c, version);
    case 22: return mem_shm_detach(c->a[4]);
    case 23: return HC(SYS_shmget, s32(c->a[1]), c->a[2], s32(c->a[3]), 0, 0, 0);
    case 24: return do_shmctl(c->a[1], c->a[2] & ~(uint32_t)IPC_64_, c->a[4], c->a[2] & IPC_64_);
    default: return -ENOSYS;
    }
}
