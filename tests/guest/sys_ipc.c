/* SysV IPC through the multiplexer, in the old and the new structures, and by the direct calls. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/syscall.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SEMOP = 1, SEMGET, SEMCTL, SEMTIMEDOP, MSGSND = 11, MSGRCV, MSGGET, MSGCTL, SHMAT = 21, SHMDT,
       SHMGET, SHMCTL, NEW = 0x100 };
static unsigned char buf[256];
static int pid;

static long ipc(unsigned call, long a, long b, long c, const void *p, long e)
{
    return syscall(SYS_ipc, call, a, b, c, p, e);
}

/* The half-words of a structure; times and pids, which vary, as letters. `perm`: 0, or the form of the
 * permissions at its start, whose owners and sequence number vary as well. */
enum { NONE, OLD_PERM, NEW_PERM };
static void dump(const char *what, long r, int perm)
{
    const int owners = perm == OLD_PERM ? 12 : perm ? 20 : 0, seq = perm == OLD_PERM ? 14 : perm ? 24 : -1;
    int e = errno, end = sizeof buf;
    printf("%s %s:", what, r < 0 ? strerrorname_np(e) : r ? "+" : "0");
    while (end && buf[end - 1] == 0xa5)
        end--;
    uint32_t now = time(NULL);
    for (int i = 0; i < end; i += 2) {
        uint16_t h;
        uint32_t w;
        memcpy(&h, buf + i, 2);
        memcpy(&w, buf + i, 4);
        if (i == seq || (i >= 4 && i < owners))
            continue;
        if (i + 4 <= end && w > now - 100 && w < now + 100)
            printf(" T"), i += 2;
        else if (h == (uint16_t)pid)
            printf(" P");
        else
            printf(" %x", h);
    }
    printf(" (%d)\n", end);
    memset(buf, 0xa5, sizeof buf);
}

static void show(const char *what, long r)
{
    printf("%s ", what);
    if (r < 0)
        printf("%s\n", strerrorname_np(errno));
    else
        printf("%ld\n", r);
}

static void semaphores(void)
{
    long id = ipc(SEMGET, IPC_PRIVATE, 3, IPC_CREAT | 0600, 0, 0);
    void *p = buf;
    unsigned short all[3] = {1, 2, 3};
    void *a = all;
    show("setall", ipc(SEMCTL, id, 0, 17, &a, 0));
    buf[0] = 0;
    memset(buf, 0xa5, sizeof buf);
    dump("old stat", ipc(SEMCTL, id, 0, IPC_STAT, &p, 0), OLD_PERM);
    dump("new stat", ipc(SEMCTL, id, 0, IPC_STAT | NEW, &p, 0), NEW_PERM);
    dump("direct stat", syscall(SYS_semctl, id, 0, IPC_STAT, buf), NEW_PERM);
    dump("direct with IPC_64", syscall(SYS_semctl, id, 0, IPC_STAT | NEW, buf), NEW_PERM);
    dump("getall", ipc(SEMCTL, id, 0, 13, &p, 0), NONE);
    show("getval", ipc(SEMCTL, id, 2, 12, &p, 0));
    show("no argument", ipc(SEMCTL, id, 0, IPC_STAT, 0, 0));
    show("argument at 16", ipc(SEMCTL, id, 0, IPC_STAT, (void *)16, 0));
    p = (void *)16;
    show("stat to 16", ipc(SEMCTL, id, 0, IPC_STAT, &p, 0));
    struct { unsigned short num; short op, flags; } ops[2] = {{0, -1, IPC_NOWAIT}, {1, -5, IPC_NOWAIT}};
    show("semop", ipc(SEMOP, id, 1, 0, ops, 0));
    show("semop wait", ipc(SEMOP, id, 2, 0, ops, 0));
    ops[1].flags = 0;
    int32_t t[2] = {0, 10000000};
    int64_t t64[2] = {0, 10000000 | (int64_t)0x77 << 32};
    show("semtimedop", ipc(SEMTIMEDOP, id, 1, 0, ops + 1, (long)t));
    show("semtimedop 64", syscall(SYS_semtimedop_time64, id, ops + 1, 1, t64));
    t[1] = -1;
    show("bad time", ipc(SEMTIMEDOP, id, 1, 0, ops + 1, (long)t));
    show("too many", ipc(SEMOP, id, 501, 0, ops, 0));
    show("none", ipc(SEMOP, id, 0, 0, ops, 0));
    p = buf;
    ipc(SEMCTL, id, 0, IPC_STAT, &p, 0);
    buf[12] = 0x80, buf[13] = 1; /* mode 0600 of the old structure */
    show("old set", ipc(SEMCTL, id, 0, IPC_SET, &p, 0));
    memset(buf, 0xa5, sizeof buf);
    show("remove", ipc(SEMCTL, id, 0, IPC_RMID, &p, 0));
    show("gone", ipc(SEMCTL, id, 0, IPC_STAT, &p, 0));
}

static void messages(void)
{
    long id = ipc(MSGGET, IPC_PRIVATE, IPC_CREAT | 0600, 0, 0, 0);
    struct { long type; char text[64]; } m = {7, "a message"}, r;
    show("send", ipc(MSGSND, id, 10, 0, &m, 0));
    m.type = 9;
    show("send", syscall(SYS_msgsnd, id, &m, 5, 0));
    m.type = 0;
    show("send type 0", ipc(MSGSND, id, 10, 0, &m, 0));
    show("send from 16", ipc(MSGSND, id, 10, 0, (void *)16, 0));
    dump("old stat", ipc(MSGCTL, id, IPC_STAT, 0, buf, 0), OLD_PERM);
    dump("new stat", ipc(MSGCTL, id, IPC_STAT | NEW, 0, buf, 0), NEW_PERM);
    dump("direct stat", syscall(SYS_msgctl, id, IPC_STAT, buf), NEW_PERM);
    dump("direct with IPC_64", syscall(SYS_msgctl, id, IPC_STAT | NEW, buf), NEW_PERM);
    struct { void *p; long type; } kludge = {&r, 9};
    memset(&r, 0, sizeof r);
    show("receive old", ipc(MSGRCV, id, 64, IPC_NOWAIT, &kludge, 0));
    printf("%ld %.5s\n", r.type, r.text);
    show("receive short", ipc(MSGRCV | 1 << 16, id, 4, IPC_NOWAIT, &r, 7));
    show("receive cut", ipc(MSGRCV | 1 << 16, id, 4, IPC_NOWAIT | 010000, &r, -8));
    printf("%ld %.4s\n", r.type, r.text);
    show("receive none", ipc(MSGRCV | 1 << 16, id, 64, IPC_NOWAIT, &r, 0));
    show("receive huge", ipc(MSGRCV | 1 << 16, id, 0x7fffffff, IPC_NOWAIT, &r, 0));
    show("receive negative", ipc(MSGRCV | 1 << 16, id, -1, IPC_NOWAIT, &r, 0));
    show("remove", ipc(MSGCTL, id, IPC_RMID | NEW, 0, 0, 0));
    dump("gone", ipc(MSGCTL, id, IPC_STAT, 0, buf, 0), NONE);
}

static void memory(void)
{
    long id = ipc(SHMGET, IPC_PRIVATE, 5000, IPC_CREAT | 0600, 0, 0);
    uint32_t at = 0;
    show("attach", ipc(SHMAT, id, 0, (long)&at, 0, 0));
    show("attach kind", ipc(SHMAT | 1 << 16, id, 0, (long)&at, 0, 0));
    dump("old stat", ipc(SHMCTL, id, IPC_STAT, 0, buf, 0), OLD_PERM);
    dump("new stat", ipc(SHMCTL, id, IPC_STAT | NEW, 0, buf, 0), NEW_PERM);
    dump("direct stat", syscall(SYS_shmctl, id, IPC_STAT, buf), NEW_PERM);
    dump("direct with IPC_64", syscall(SYS_shmctl, id, IPC_STAT | NEW, buf), NEW_PERM);
    show("old limits", ipc(SHMCTL, 0, IPC_INFO, 0, buf, 0) >= 0 ? 0 : -1);
    int end = sizeof buf;
    while (end && buf[end - 1] == 0xa5)
        end--;
    printf("%d bytes\n", end);
    memset(buf, 0xa5, sizeof buf);
    ((char *)(uintptr_t)at)[4999] = 1;
    show("detach", ipc(SHMDT, 0, 0, 0, (void *)(uintptr_t)at, 0));
    show("detach again", ipc(SHMDT, 0, 0, 0, (void *)(uintptr_t)at, 0));
    show("attach odd", syscall(SYS_shmat, id, 0x50000001, 0));
    show("attach rounded", syscall(SYS_shmat, id, 0x50000001, 020000) == 0x50000000 ? 0 : -1);
    show("attach over", syscall(SYS_shmat, id, 0x50001000, 0));
    show("attach remap", syscall(SYS_shmat, id, 0x50001000, 040000) == 0x50001000 ? 0 : -1);
    show("remove", ipc(SHMCTL, id, IPC_RMID, 0, 0, 0));
    show("attach gone", syscall(SYS_shmat, 0x7fffffff, 0, 0));
    show("call 99", ipc(99, 0, 0, 0, 0, 0));
}

/* The process gets an id of which no half looks like another number that is shown. */
static void own_id(void)
{
    static const uint16_t others[] = {0x16, 0x64, 0x99, 0x180, 0x1388, 0x4000};
    int bad = 1, st;
    while (bad) {
        pid = getpid();
        bad = (uint16_t)pid <= 0x10;
        for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
            bad |= (uint16_t)pid == others[i];
        if (bad && fork()) {
            wait(&st);
            _exit(WEXITSTATUS(st));
        }
    }
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    own_id();
    memset(buf, 0xa5, sizeof buf);
    semaphores();
    messages();
    memory();
    return 0;
}
