/* The initial stack; see stack.h. From the top: 8 bytes of zero, the file name, environment and
 * argument strings, (16-aligned) platform string, random bytes, auxv, envp, argv, argc. */
#include "elfload/stack.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "core/cpuid.h"
#include "core/hostmap.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/xstate.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum { STACK_EXTRA = 128 << 10, GUEST_MINSIGSTKSZ = 1024,
       MINSIGSTKSZ_XSAVE = 944 /* and the XSAVE area */ };

static int fail(struct elfload_error *e, int err, bool late, const char *reason)
{
    e->err = err;
    e->late = late;
    snprintf(e->reason, sizeof e->reason, "%s", reason);
    return -1;
}

static size_t count(char **v)
{
    size_t n = 0;
    while (v[n])
        n++;
    return n;
}

static uint64_t strings_size(char **v)
{
    uint64_t n = 0;
    for (; *v; v++)
        n += strlen(*v) + 1;
    return n;
}

static uint64_t total_size(const struct stack_image *s)
{
    return strings_size(s->argv) + strings_size(s->envp) + strlen(s->execfn) + 64 +
           4 * (count(s->argv) + count(s->envp) + 80);
}

/* Copies strings so that the last ends below s->at; addresses go to out[]. */
static int push_strings(struct stack_image *s, char **v, size_t n, gaddr *out)
{
    for (size_t i = n; i-- > 0;) {
        uint32_t len = (uint32_t)strlen(v[i]) + 1;
        s->at -= len;
        if (mem_write(s->at, v[i], len))
            return -EFAULT;
        out[i] = s->at;
    }
    return 0;
}

/* The strings are there before the program's segments are mapped, as in the kernel. */
static int push_all(struct stack_image *s)
{
    size_t argc = count(s->argv), envc = count(s->envp);
    char *name[1] = {(char *)(uintptr_t)s->execfn};
    s->vec = xcalloc(argc + envc + 2, sizeof *s->vec);
    s->at = s->top - 8;
    int r = push_strings(s, name, 1, &s->execfn_at);
    s->env_end = s->at;
    r = r ? r : push_strings(s, s->envp, envc, s->vec + argc + 1);
    s->arg_end = s->at;
    r = r ? r : push_strings(s, s->argv, argc, s->vec);
    s->arg_start = s->at;
    return r;
}

int stack_map(struct stack_image *s, struct elfload_error *e)
{
    uint64_t need = total_size(s), limit = process_self->rlim_stack[0];
    uint64_t max = limit / 4 > (6u << 20) ? 6u << 20 : limit / 4;
    if (max < (STACK_EXTRA))
        max = STACK_EXTRA;
    if (need > max)
        return fail(e, E2BIG, false, "argument list too long");
    uint32_t size = PAGE_UP((uint32_t)need + STACK_EXTRA);
    s->top = host_down(mem_task_size);
    int prot = PROT_READ | PROT_WRITE | (s->exec ? PROT_EXEC : 0);
    int64_t r = mem_map_kind(s->top - size, size, prot,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0,
                             MEM_STACK, NULL);
    if (r < 0 || push_all(s))
        return fail(e, ENOMEM, true, "no room for the stack");
    return 0;
}

static void aux(struct process *p, uint32_t type, uint32_t value)
{
    p->auxv[p->auxv_len / 4] = type;
    p->auxv[p->auxv_len / 4 + 1] = value;
    p->auxv_len += 8;
}

static void fill_auxv(struct process *p, const struct stack_image *s, gaddr random, gaddr execfn,
                      gaddr platform)
{
    p->auxv_len = 0;
    aux(p, AT_SYSINFO, p->vdso_vsyscall);
    aux(p, AT_SYSINFO_EHDR, p->vdso);
    aux(p, AT_MINSIGSTKSZ, cpuid_xcr0() ? MINSIGSTKSZ_XSAVE + xstate_size() : GUEST_MINSIGSTKSZ);
    aux(p, AT_HWCAP, cpuid_hwcap());
    aux(p, AT_PAGESZ, GUEST_PAGE_SIZE);
    aux(p, AT_CLKTCK, 100);
    aux(p, AT_PHDR, s->phdr);
    aux(p, AT_PHENT, sizeof(Elf32_Phdr));
    aux(p, AT_PHNUM, s->phnum);
    aux(p, AT_BASE, s->base);
    aux(p, AT_FLAGS, 0);
    aux(p, AT_ENTRY, s->entry);
    aux(p, AT_UID, getuid());
    aux(p, AT_EUID, geteuid());
    aux(p, AT_GID, getgid());
    aux(p, AT_EGID, getegid());
    aux(p, AT_SECURE, (uint32_t)getauxval(AT_SECURE));
    aux(p, AT_RANDOM, random);
    aux(p, AT_HWCAP2, 0);
    aux(p, AT_EXECFN, execfn);
    aux(p, AT_PLATFORM, platform);
    aux(p, AT_NULL, 0);
}

/* Takes `n` bytes of stack for *src. */
static int push(gaddr *at, const void *src, uint32_t n)
{
    *at -= n;
    return mem_write(*at, src, n);
}

int stack_build(struct process *p, struct stack_image *s, struct elfload_error *e)
{
    size_t argc = count(s->argv), envc = count(s->envp);
    uint8_t random[16];
    gaddr at = s->at & ~15u;
    int r = push(&at, "i686", sizeof "i686");
    gaddr platform = at;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        memset(random, 0x5a, sizeof random);
    r = r ? r : push(&at, random, sizeof random);
    fill_auxv(p, s, at, s->execfn_at, platform);
    uint32_t vec_size = (uint32_t)(argc + 1 + envc + 1) * 4;
    gaddr sp = (at - 4 - vec_size - p->auxv_len) & ~15u;
    r = r ? r : mem_write32(sp, (uint32_t)argc);
    r = r ? r : mem_write(sp + 4, s->vec, vec_size);
    r = r ? r : mem_write(sp + 4 + vec_size, p->auxv, p->auxv_len);
    free(s->vec);
    if (r) /* a segment lies over it */
        return fail(e, EFAULT, true, "no room for the argument vectors");
    p->arg_start = s->arg_start;
    p->arg_end = p->env_start = s->arg_end;
    p->env_end = s->env_end;
    p->start_stack = s->esp = sp;
    p->argc = (int)argc;
    p->argv = xcalloc(argc + 1, sizeof *p->argv);
    for (size_t i = 0; i < argc; i++)
        p->argv[i] = xstrdup(s->argv[i]);
    return 0;
}
