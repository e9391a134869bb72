/* For gdb (LD_PRELOAD, ld.so --preload): where the kernel's XSAVE area is larger than gdb's buffer (AMX) it takes back
 * no less than the whole (xstateregs_set of arch/x86/kernel/fpu/regset.c), and gdb 13 can neither set a register nor
 * call a function: "Couldn't write extended state status". What gdb leaves out stays as it is. */
#define _GNU_SOURCE
#include <elf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { GETREGSET = 0x4204, SETREGSET = 0x4205, PEEK_FIRST = 1, PEEK_LAST = 3, XSTATE_BV = 512 };

static long whole(long pid, const struct iovec *part)
{
    static uint8_t area[65536];
    struct iovec v = {area, sizeof area};
    long r = syscall(SYS_ptrace, GETREGSET, pid, (void *)NT_X86_XSTATE, &v);
    if (r < 0 || part->iov_len < XSTATE_BV + 8 || part->iov_len > v.iov_len)
        return syscall(SYS_ptrace, SETREGSET, pid, (void *)NT_X86_XSTATE, part);
    uint8_t beyond = area[XSTATE_BV + 2]; /* AMX: bits 17, 18 */
    memcpy(area, part->iov_base, part->iov_len);
    area[XSTATE_BV + 2] |= beyond;
    return syscall(SYS_ptrace, SETREGSET, pid, (void *)NT_X86_XSTATE, &v);
}

long ptrace(int request, ...)
{
    va_list ap;
    va_start(ap, request);
    long pid = va_arg(ap, int);
    void *addr = va_arg(ap, void *), *data = va_arg(ap, void *);
    va_end(ap);
    if (request == SETREGSET && addr == (void *)NT_X86_XSTATE)
        return whole(pid, data);
    long peeked = 0;
    bool peek = request >= PEEK_FIRST && request <= PEEK_LAST; /* the system call itself stores what it peeks at */
    long r = syscall(SYS_ptrace, request, pid, addr, peek ? &peeked : data);
    return peek && r >= 0 ? peeked : r;
}
