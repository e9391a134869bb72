/* siginfo conversion; see siginfo.h. */
#include "abi/siginfo.h"

#include <string.h>

#include "core/mem.h"

enum kind { KILL, TIMER, POLL, FAULT, CHILD, RT, SYSCALL_ };

/* As the kernel chooses (siginfo_layout): a positive code means what its signal defines, if it
 * defines that many; on any other signal the codes of SIGPOLL are those F_SETSIG redirected. */
static enum kind kind_of(int sig, int code)
{
    static const struct { uint8_t last, kind; } defined[] = {
        [SIGILL] = {11, FAULT}, [SIGFPE] = {15, FAULT}, [SIGSEGV] = {10, FAULT},
        [SIGBUS] = {5, FAULT}, [SIGTRAP] = {6, FAULT}, [SIGCHLD] = {6, CHILD},
        [SIGPOLL] = {6, POLL}, [SIGSYS] = {2, SYSCALL_},
    };
    if (code == SI_TIMER)
        return TIMER;
    if (code == SI_SIGIO)
        return POLL;
    if (code == SI_USER || code >= SI_KERNEL)
        return KILL;
    if (code < 0)
        return RT;
    if (sig > 0 && sig < (int)ARRAY_SIZE(defined) && code <= defined[sig].last)
        return defined[sig].kind;
    return code <= defined[SIGPOLL].last ? POLL : KILL;
}

static void put(uint8_t *out, unsigned off, uint32_t v) { memcpy(out + off, &v, 4); }
static uint32_t get(const uint8_t *in, unsigned off)
{
    uint32_t v;
    memcpy(&v, in + off, 4);
    return v;
}

void abi_siginfo_to_guest(uint8_t out[I386_SIGINFO_SIZE], const siginfo_t *i)
{
    memset(out, 0, I386_SIGINFO_SIZE);
    put(out, 0, (uint32_t)i->si_signo);
    put(out, 4, (uint32_t)i->si_errno);
    put(out, 8, (uint32_t)i->si_code);
    switch (kind_of(i->si_signo, i->si_code)) {
    case KILL:
        put(out, 12, (uint32_t)i->si_pid);
        put(out, 16, i->si_uid);
        break;
    case RT:
        put(out, 12, (uint32_t)i->si_pid);
        put(out, 16, i->si_uid);
        put(out, 20, (uint32_t)(uintptr_t)i->si_value.sival_ptr);
        break;
    case TIMER:
        put(out, 12, (uint32_t)i->si_timerid);
        put(out, 16, (uint32_t)i->si_overrun);
        put(out, 20, (uint32_t)(uintptr_t)i->si_value.sival_ptr);
        break;
    case POLL:
        put(out, 12, (uint32_t)i->si_band);
        put(out, 16, (uint32_t)i->si_fd);
        break;
    case FAULT: put(out, 12, (uint32_t)(uintptr_t)i->si_addr); break;
    case CHILD:
        put(out, 12, (uint32_t)i->si_pid);
        put(out, 16, i->si_uid);
        put(out, 20, (uint32_t)i->si_status);
        put(out, 24, (uint32_t)i->si_utime);
        put(out, 28, (uint32_t)i->si_stime);
        break;
    case SYSCALL_:
        put(out, 12, (uint32_t)(uintptr_t)i->si_call_addr);
        put(out, 16, (uint32_t)i->si_syscall);
        put(out, 20, i->si_arch);
        break;
    }
}

void abi_siginfo_from_guest(siginfo_t *i, const uint8_t in[I386_SIGINFO_SIZE])
{
    memset(i, 0, sizeof *i);
    i->si_signo = (int)get(in, 0);
    i->si_errno = (int)get(in, 4);
    i->si_code = (int)get(in, 8);
    switch (kind_of(i->si_signo, i->si_code)) {
    case FAULT: i->si_addr = (void *)(uintptr_t)get(in, 12); break;
    case POLL:
        i->si_band = (int32_t)get(in, 12);
        i->si_fd = (int)get(in, 16);
        break;
    case TIMER:
        i->si_timerid = (int)get(in, 12);
        i->si_overrun = (int)get(in, 16);
        i->si_value.sival_ptr = (void *)(uintptr_t)get(in, 20);
        break;
    case CHILD:
        i->si_pid = (int)get(in, 12);
        i->si_uid = get(in, 16);
        i->si_status = (int)get(in, 20);
        break;
    default:
        i->si_pid = (int)get(in, 12);
        i->si_uid = get(in, 16);
        i->si_value.sival_ptr = (void *)(uintptr_t)get(in, 20);
        break;
    }
}

int abi_write_siginfo(gaddr a, const siginfo_t *info)
{
    uint8_t b[I386_SIGINFO_SIZE];
    abi_siginfo_to_guest(b, info);
    return mem_write(a, b, sizeof b);
}

int abi_read_siginfo(siginfo_t *info, gaddr a)
{
    uint8_t b[I386_SIGINFO_SIZE];
    int r = mem_read(b, a, sizeof b);
    if (!r)
        abi_siginfo_from_guest(info, b);
    return r;
}
