/* Other processes' memory, memory policies, remap_file_pages, mlockall, pkeys. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(const char *what, long r)
{
    if (r < 0)
        printf("%s %s\n", what, strerrorname_np(errno));
    else
        printf("%s %ld\n", what, r);
}

static char text[32] = "parent's text";

static void other_process(void)
{
    int p[2], q[2];
    char ch, buf[32] = "";
    pipe(p), pipe(q);
    pid_t pid = fork();
    if (!pid) {
        strcpy(text, "child's own text");
        write(p[1], "x", 1);
        read(q[0], &ch, 1);
        write(1, text, strlen(text));
        write(1, "\n", 1);
        _exit(0);
    }
    read(p[0], &ch, 1);
    struct iovec l[2] = {{buf, 5}, {buf + 5, 27}}, r = {text, 32};
    show("readv", syscall(SYS_process_vm_readv, pid, l, 2, &r, 1, 0));
    printf("%s\n", buf);
    l[0].iov_base = "written";
    l[0].iov_len = 8;
    show("writev", syscall(SYS_process_vm_writev, pid, l, 1, &r, 1, 0));
    struct iovec part[2] = {{text, 4}, {(void *)16, 4}};
    l[0].iov_base = buf;
    show("readv part", syscall(SYS_process_vm_readv, pid, l, 1, part, 2, 0));
    show("readv hole", syscall(SYS_process_vm_readv, pid, l, 1, part + 1, 1, 0));
    show("flags", syscall(SYS_process_vm_readv, pid, l, 1, &r, 1, 1));
    show("vector at 16", syscall(SYS_process_vm_readv, pid, 16, 1, &r, 1, 0));
    show("remote at 16", syscall(SYS_process_vm_readv, pid, l, 1, 16, 1, 0));
    show("1025", syscall(SYS_process_vm_readv, pid, l, 1, &r, 1025, 0));
    l[0].iov_len = 0x80000000;
    show("negative", syscall(SYS_process_vm_readv, pid, l, 1, &r, 1, 0));
    l[0].iov_len = 8;
    show("no process", syscall(SYS_process_vm_readv, 0x7fff0000, l, 1, &r, 1, 0));
    write(q[1], "x", 1);
    waitpid(pid, NULL, 0);
}

static void policies(void)
{
    uint32_t mask[4] = {1, 0, 0xa5a5a5a5, 0xa5a5a5a5}, got[4] = {0xa5a5a5a5, 0xa5a5a5a5, 0xa5a5a5a5, 0xa5a5a5a5};
    int mode = -1;
    char *p = mmap(NULL, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(p + 4096, 4096);
    show("set_mempolicy", syscall(SYS_set_mempolicy, 3, mask, 2));
    show("get_mempolicy", syscall(SYS_get_mempolicy, &mode, got, 65, 0, 0));
    printf("%d %x %x %x\n", mode, got[0], got[1], got[2]);
    show("set_mempolicy 0", syscall(SYS_set_mempolicy, 0, 0, 0));
    show("set_mempolicy bad", syscall(SYS_set_mempolicy, 99, mask, 2));
    show("set_mempolicy at 16", syscall(SYS_set_mempolicy, 3, 16, 2));
    show("mbind", syscall(SYS_mbind, p, 4096, 2, mask, 2, 0));
    show("get_mempolicy addr", syscall(SYS_get_mempolicy, &mode, got, 65, p, 2));
    printf("%d %x\n", mode, got[0]);
    show("get_mempolicy hole", syscall(SYS_get_mempolicy, &mode, got, 65, p + 4096, 2));
    show("mbind hole", syscall(SYS_mbind, p, 8192, 2, mask, 2, 0));
    show("mbind default", syscall(SYS_mbind, p, 4096, 0, 0, 0, 0));
    show("mbind unaligned", syscall(SYS_mbind, p + 1, 4096, 0, 0, 0, 0));
    show("migrate", syscall(SYS_migrate_pages, 0, 2, mask, mask));
    p[0] = 1;
    uint32_t pages[2] = {(uintptr_t)p, (uintptr_t)p + 4096};
    int nodes[2] = {0, 0}, status[3] = {77, 77, 77};
    show("move_pages", syscall(SYS_move_pages, 0, 2, pages, 0, status, 0));
    printf("%d %d %d\n", status[0], status[1], status[2]);
    show("move_pages to 0", syscall(SYS_move_pages, 0, 1, pages, nodes, status, 2));
    printf("%d\n", status[0]);
    show("move_pages at 16", syscall(SYS_move_pages, 0, 1, 16, 0, status, 0));
}

static void remap(void)
{
    char path[] = "/tmp/xrunremapXXXXXX", buf[4096];
    int fd = mkstemp(path);
    unlink(path);
    for (int i = 0; i < 4; i++) {
        memset(buf, 'a' + i, sizeof buf);
        write(fd, buf, sizeof buf);
    }
    char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    show("remap", syscall(SYS_remap_file_pages, p, 4096, 0, 3, 0));
    show("remap", syscall(SYS_remap_file_pages, p + 4096, 8192, 0, 0, 0));
    printf("%c%c%c%c\n", p[0], p[4096], p[8192], p[12288]);
    p[0] = 'D';
    pread(fd, buf, 1, 3 * 4096);
    printf("%c\n", buf[0]);
    show("remap prot", syscall(SYS_remap_file_pages, p, 4096, 1, 3, 0));
    show("remap nothing", syscall(SYS_remap_file_pages, p, 0, 0, 3, 0));
    char *q = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    show("remap private", syscall(SYS_remap_file_pages, q, 4096, 0, 3, 0));
    show("unmap", munmap(p, 4 * 4096));
}

static void locks(void)
{
    show("mlockall 0", mlockall(0));
    show("mlockall 8", mlockall(8));
    show("mlockall onfault", mlockall(4));
    show("mlockall current", mlockall(MCL_CURRENT));
    show("mlockall future", mlockall(MCL_CURRENT | MCL_FUTURE));
    char *p = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char in = 0;
    show("mincore", mincore(p, 4096, &in));
    printf("resident %d\n", in & 1);
    show("munlockall", munlockall());
    p = mmap(NULL, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    show("mincore", mincore(p, 4096, &in));
    printf("resident %d\n", in & 1);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    other_process();
    remap();
    locks();
    policies();
    return 0;
}
