/* Runs a command behind a seccomp filter such as containers have, on x86-64.
 * usage: sandbox container|old|code COMMAND...
 * container: what containers refuse fails with EPERM; old: so does what a filter older than the
 * kernel does not know; code: so does mapping more than a page to be both written and executed, and
 * nothing else. In all, a system call by the 32-bit entry ends the process. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const int container[] = {
    SYS_personality, SYS_userfaultfd, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev,
    SYS_keyctl, SYS_add_key, SYS_request_key, SYS_perf_event_open, SYS_bpf, SYS_kcmp, SYS_mbind,
    SYS_set_mempolicy, SYS_move_pages, SYS_unshare, SYS_setns, SYS_mount, SYS_modify_ldt,
    425 /* io_uring_setup */, -1};
static const int old[] = {
    SYS_statx, SYS_membarrier, SYS_preadv2, SYS_copy_file_range, SYS_memfd_create, SYS_getrandom,
    SYS_renameat2, SYS_execveat, 334 /* rseq */, 434 /* pidfd_open */, 435 /* clone3 */,
    436 /* close_range */, 437 /* openat2 */, 439 /* faccessat2 */, 449 /* futex_waitv */,
    452 /* fchmodat2 */, -1};
static const int none[] = {-1};

int main(int argc, char **argv)
{
    struct sock_filter f[256];
    struct sock_fprog p = {.filter = f};
    const char *mode = argc > 1 ? argv[1] : "";
    const int *nr = !strcmp(mode, "old") ? old : container;
#define PUT(...) f[p.len++] = (struct sock_filter)__VA_ARGS__
    PUT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)));
    PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
    PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
    PUT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    if (!strcmp(mode, "code")) {
        PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 6));
        PUT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])));
        PUT(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 4096, 0, 4));
        PUT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])));
        PUT(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, PROT_WRITE | PROT_EXEC));
        PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_WRITE | PROT_EXEC, 0, 1));
        PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
        nr = none;
    }
    for (; *nr >= 0; nr++) {
        PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)*nr, 0, 1));
        PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    }
    PUT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    if (argc < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)) {
        perror("sandbox");
        return 125;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 125;
}
