/* The XSAVE area through PTRACE_GETREGSET and PTRACE_SETREGSET.
 * xrun options: --cpu=max */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { XCR0 = 464, XMM = 160, HEADER = 512, AVX = 576 };
static uint8_t area[16384] __attribute__((aligned(64)));

static int child(void)
{
    uint8_t v[32], w[32];
    for (int i = 0; i < 32; i++)
        v[i] = i + 1;
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    int nr = SYS_kill, pid = getpid();
    __asm__ volatile("vzeroall\n\tvmovdqu %2, %%ymm2\n\tint $0x80\n\tvmovdqu %%ymm2, %1"
                     : "+a"(nr), "=m"(w) : "m"(v), "b"(pid), "c"(SIGSTOP) : "memory");
    return w[0] == 1 && w[15] == 16 && w[16] == 0x99 && w[31] == 0x99;
}

static void say(const char *what, long r)
{
    printf("%s: %ld %s\n", what, r, r < 0 ? strerrorname_np(errno) : "");
}

int main(void)
{
    int status, pid = fork();
    if (!pid)
        _exit(child());
    waitpid(pid, &status, 0);
    struct iovec v = {area, sizeof area};
    say("get", ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &v));
    size_t size = v.iov_len;
    uint64_t *h = (uint64_t *)(area + HEADER);
    printf("size %d, xcr0 %d, header %d, rest %d, xmm2 %d %d, upper %d %d\n", size >= 832, area[XCR0] & 7,
           (int)h[0] & 6, !(h[1] | h[2] | h[3] | h[4] | h[5] | h[6] | h[7]), area[XMM + 32],
           area[XMM + 47], area[AVX + 32], area[AVX + 47]);
    memset(area + AVX + 32, 0x99, 16);
    v.iov_len = size - 8;
    say("set, too short", ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v));
    v.iov_len = 12;
    say("set, no multiple of 8", ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v));
    v.iov_len = size;
    h[1] = 1;
    say("set, xcomp_bv", ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v));
    h[1] = 0;
    area[27] = 1;
    say("set, mxcsr", ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v));
    area[27] = 0;
    h[0] |= 1ull << 62;
    say("set, unknown component", ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v));
    h[0] &= ~(1ull << 62);
    say("set", ptrace(PTRACE_SETREGSET, pid, NT_X86_XSTATE, &v));
    v.iov_len = 600;
    memset(area, 0, sizeof area);
    say("get a part", ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &v));
    printf("%d bytes, %02x %02x\n", (int)v.iov_len, area[XMM + 32], area[AVX + 23]);
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);
    printf("child: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    return 0;
}
