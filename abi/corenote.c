/* Core file notes; see corenote.h. */
#include "abi/corenote.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "abi/siginfo.h"
#include "abi/sigframe.h"
#include "core/flags.h"
#include "core/log.h"
#include "core/mem.h"

#define I386 __attribute__((packed))

struct i386_time {
    int32_t sec, usec;
} I386;

struct i386_prstatus {
    int32_t si_signo, si_code, si_errno;
    int16_t cursig, pad;
    uint32_t sigpend, sighold;
    int32_t pid, ppid, pgrp, sid;
    struct i386_time utime, stime, cutime, cstime;
    uint32_t ebx, ecx, edx, esi, edi, ebp, eax, ds, es, fs, gs, orig_eax, eip, cs, eflags, esp, ss;
    int32_t fpvalid;
} I386;
_Static_assert(sizeof(struct i386_prstatus) == 144, "elf_prstatus");

struct i386_prpsinfo {
    char state, sname, zomb, nice;
    uint32_t flag;
    uint16_t uid, gid;
    int32_t pid, ppid, pgrp, sid;
    char fname[16], psargs[80];
} I386;
_Static_assert(sizeof(struct i386_prpsinfo) == 124, "elf_prpsinfo");

/* Room for `size` bytes at the end, zeroed, padded to 4. */
static uint8_t *grow(struct corenotes *n, size_t size)
{
    size = (size + 3) & ~(size_t)3;
    if (n->size + size > n->room) {
        n->room = (n->size + size) * 2;
        n->data = xrealloc(n->data, n->room);
    }
    uint8_t *p = n->data + n->size;
    memset(p, 0, size);
    n->size += size;
    return p;
}

static uint8_t *note(struct corenotes *n, const char *name, uint32_t type, size_t size)
{
    size_t len = strlen(name) + 1;
    uint32_t head[3] = {(uint32_t)len, (uint32_t)size, type};
    memcpy(grow(n, sizeof head), head, sizeof head);
    memcpy(grow(n, len), name, len);
    return grow(n, size);
}

static void add(struct corenotes *n, const char *name, uint32_t type, const void *p, size_t size)
{
    memcpy(note(n, name, type, size), p, size);
}

/* ---- threads ---- */

static struct i386_time time_of(const struct timeval *v)
{
    return (struct i386_time){(int32_t)v->tv_sec, (int32_t)v->tv_usec};
}

/* Processor time: of the process for its first thread, else of the thread, all as user time. */
static void put_times(struct i386_prstatus *s, const struct thread *t)
{
    struct rusage u;
    if (t->tid == t->proc->pid) {
        getrusage(RUSAGE_SELF, &u);
        s->utime = time_of(&u.ru_utime);
        s->stime = time_of(&u.ru_stime);
    } else {
        struct timespec ts = {0, 0};
        clock_gettime((clockid_t)(~(unsigned)t->tid << 3 | 6), &ts);
        s->utime = (struct i386_time){(int32_t)ts.tv_sec, (int32_t)(ts.tv_nsec / 1000)};
    }
    getrusage(RUSAGE_CHILDREN, &u);
    s->cutime = time_of(&u.ru_utime);
    s->cstime = time_of(&u.ru_stime);
}

void corenote_prstatus(struct corenotes *n, const struct thread *t, int sig, uint32_t eax)
{
    const struct cpu *c = &t->cpu;
    struct i386_prstatus s = {
        .si_signo = sig, .cursig = (int16_t)sig, .sighold = (uint32_t)t->sigmask, .pid = t->tid,
        .ppid = getppid(), .pgrp = getpgrp(), .sid = getsid(0), .ebx = c->gpr[REG_EBX],
        .ecx = c->gpr[REG_ECX], .edx = c->gpr[REG_EDX], .esi = c->gpr[REG_ESI],
        .edi = c->gpr[REG_EDI], .ebp = c->gpr[REG_EBP], .eax = eax, .ds = c->sel[SEG_DS],
        .es = c->sel[SEG_ES], .fs = c->sel[SEG_FS], .gs = c->sel[SEG_GS], .orig_eax = t->orig_eax,
        .eip = c->eip - c->seg_base[SEG_CS], .cs = c->sel[SEG_CS], .eflags = cpu_get_eflags(c),
        .esp = c->gpr[REG_ESP], .ss = c->sel[SEG_SS], .fpvalid = 1,
    };
    put_times(&s, t);
    add(n, "CORE", NT_PRSTATUS, &s, sizeof s);
}

void corenote_fpu_tls(struct corenotes *n, const struct thread *t)
{
    uint8_t fsave[108], fxsave[512], xstate[XSTATE_MAX];
    struct guest_user_desc d[TLS_ENTRIES];
    bool tls = false;
    sigframe_fpu_images(t, fsave, fxsave);
    add(n, "CORE", NT_PRFPREG, fsave, sizeof fsave);
    add(n, "LINUX", NT_PRXFPREG, fxsave, sizeof fxsave);
    unsigned size = sigframe_xstate_image(t, xstate);
    if (size)
        add(n, "LINUX", NT_X86_XSTATE, xstate, size);
    for (unsigned i = 0; i < TLS_ENTRIES; i++) {
        d[i] = (struct guest_user_desc){.entry_number = TLS_FIRST_ENTRY + i};
        if (t->tls_desc[i])
            cpu_unpack_desc(t->tls_desc[i], &d[i]);
        else
            d[i].flags = USER_DESC_READ_ONLY | USER_DESC_NOT_PRESENT;
        tls |= t->tls_desc[i] != 0;
    }
    if (tls)
        add(n, "LINUX", NT_386_TLS, d, sizeof d);
}

/* ---- the process ---- */

static void put_psinfo(struct corenotes *n, const struct thread *t)
{
    const struct process *p = t->proc;
    uint32_t len = p->arg_end - p->arg_start;
    struct i386_prpsinfo s = {.sname = 'R', .nice = (char)getpriority(PRIO_PROCESS, 0),
                              .uid = (uint16_t)getuid(), .gid = (uint16_t)getgid(), .pid = p->pid,
                              .ppid = getppid(), .pgrp = getpgrp(), .sid = getsid(0)};
    if (len > sizeof s.psargs - 1)
        len = sizeof s.psargs - 1;
    if (mem_read(s.psargs, p->arg_start, len))
        len = 0;
    for (uint32_t i = 0; i < len; i++)
        if (!s.psargs[i])
            s.psargs[i] = ' ';
    prctl(PR_GET_NAME, s.fname, 0, 0, 0);
    add(n, "CORE", NT_PRPSINFO, &s, sizeof s);
}

/* The mapped files: count, page size, then start, end, offset in pages of each, then the names. */
static void put_files(struct corenotes *n)
{
    struct mem_area m;
    struct corenotes table = {0}, names = {0};
    uint32_t head[2] = {0, GUEST_PAGE_SIZE};
    for (uint64_t a = 0; a < MEM_TASK_SIZE && mem_find((gaddr)a, &m); a = m.end) {
        if (m.kind != MEM_FILE && m.kind != MEM_SHM)
            continue;
        uint32_t row[3] = {m.start, m.end, (uint32_t)(m.offset / GUEST_PAGE_SIZE)};
        memcpy(grow(&table, sizeof row), row, sizeof row);
        size_t len = strlen(m.name) + 1, before = names.size;
        memcpy(grow(&names, len), m.name, len);
        names.size = before + len;
        head[0]++;
    }
    uint8_t *p = note(n, "CORE", NT_FILE, sizeof head + table.size + names.size);
    memcpy(p, head, sizeof head);
    if (head[0]) {
        memcpy(p + sizeof head, table.data, table.size);
        memcpy(p + sizeof head + table.size, names.data, names.size);
    }
    free(table.data);
    free(names.data);
}

void corenote_process(struct corenotes *n, const struct thread *t, const siginfo_t *info)
{
    uint8_t si[I386_SIGINFO_SIZE];
    put_psinfo(n, t);
    abi_siginfo_to_guest(si, info);
    add(n, "CORE", NT_SIGINFO, si, sizeof si);
    add(n, "CORE", NT_AUXV, t->proc->auxv, t->proc->auxv_len);
    put_files(n);
}
