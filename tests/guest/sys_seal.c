/* What a mapping may refuse: mseal, prctl(PR_SET_MDWE) over fork and execve. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define P 4096ul
#define AT ((char *)0x50000000)
#define BT ((char *)0x52000000) /* where nothing is sealed */
enum { MSEAL = 462, SET_MDWE = 65, GET_MDWE = 66 };
static const int anon = MAP_PRIVATE | MAP_ANONYMOUS;

static void say(const char *what, long r)
{
    if (r == -1)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %s%lx\n", what, (unsigned long)r > 0x10000 ? "at " : "", r);
}
#define T(call) say(#call, (long)(call))

static long seal(char *a, unsigned long n, unsigned long flags) { return syscall(MSEAL, a, n, flags); }

/* eight pages, a hole in the fifth place, the last read-only */
static void fresh(void)
{
    munmap(AT, 16 * P);
    mmap(AT, 8 * P, PROT_READ | PROT_WRITE, anon | MAP_FIXED, -1, 0);
    memset(AT, 1, 8 * P);
    munmap(AT + 4 * P, P);
    mprotect(AT + 7 * P, P, PROT_READ);
}

static void arguments(void)
{
    fresh();
    T(seal(AT + 1, P, 0));
    T(seal(AT, P, 1));
    T(seal(AT, 0, 0));
    T(seal(0, 0, 0));
    T(seal(AT + 4 * P, P, 0));
    T(seal(AT + 3 * P, 2 * P, 0));
    T(seal(AT + 4 * P, 2 * P, 0));
    T(seal(AT, 8 * P, 0));
    T(seal(AT, 0xffffffff, 0));
    T(seal(AT, 0xfffff000, 0));
    T(mprotect(AT, 8 * P, PROT_READ)); /* nothing was sealed yet */
    T(munmap(AT, 8 * P));
}

static void changes(void)
{
    fresh();
    T(seal(AT + P, 1, 0));
    T(seal(AT + P, P, 0));
    T(seal(AT + 7 * P, P, 0));
    T(munmap(AT + P, P));
    T(munmap(AT, 4 * P));
    T(munmap(AT + 4 * P, P));
    T(mprotect(AT + P, P, PROT_READ | PROT_WRITE));
    T(mprotect(AT, 4 * P, PROT_READ));
    T((AT[P] = 2));
    T(mprotect(AT, P, PROT_READ | PROT_WRITE));
    T(mremap(AT + P, P, 2 * P, MREMAP_MAYMOVE));
    T(mremap(AT + P, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, AT + 10 * P));
    T(mremap(AT + 2 * P, P, P, MREMAP_MAYMOVE | MREMAP_FIXED, AT + P));
    T(mremap(AT, 2 * P, P, 0));
    T(mremap(AT + P, 0, P, MREMAP_MAYMOVE));
    T(mmap(AT + P, P, PROT_READ, anon | MAP_FIXED, -1, 0));
    T(mmap(AT, 3 * P, PROT_READ, anon | MAP_FIXED, -1, 0));
    T(mmap(AT + P, P, PROT_READ, anon | MAP_FIXED_NOREPLACE, -1, 0));
    T(madvise(AT + P, P, MADV_DONTNEED)); /* writable */
    T(AT[P]);
    T(madvise(AT + 7 * P, P, MADV_DONTNEED));
    T(madvise(AT + 7 * P, P, MADV_FREE));
    T(madvise(AT + 7 * P, P, MADV_DONTFORK));
    T(madvise(AT + 7 * P, P, MADV_WIPEONFORK));
    T(madvise(AT + 7 * P, P, MADV_RANDOM));
    T(madvise(AT + 5 * P, 3 * P, MADV_DONTNEED));
    T(AT[5 * P]);
    T(AT[7 * P]);
    int id = shmget(IPC_PRIVATE, P, 0600);
    T(shmat(id, AT + P, SHM_REMAP));
    char *a = shmat(id, AT + 12 * P, 0);
    T(seal(a, P, 0));
    T(shmdt(a));
    T((a[0] = 3));
    fflush(stdout);
    shmctl(id, IPC_RMID, 0);
    pid_t p = fork();
    if (!p) {
        T(munmap(AT + P, P));
        fflush(stdout);
        _exit(0);
    }
    waitpid(p, 0, 0);
    char *b = sbrk(P * 4);
    b = (char *)(((unsigned long)b + P - 1) & -P);
    T(seal(b, P, 0) == 0);
    T(brk(b));
    fflush(stdout);
    T((b[0] = 4));
}

static void mdwe(const char *when)
{
    printf("%s: %d\n", when, prctl(GET_MDWE, 0, 0, 0, 0));
    munmap(BT, 16 * P);
    T(mmap(BT, P, PROT_WRITE | PROT_EXEC, anon | MAP_FIXED, -1, 0));
    T(mmap(BT, P, PROT_READ | PROT_EXEC, anon | MAP_FIXED, -1, 0));
    T(mprotect(BT, P, PROT_READ | PROT_EXEC));
    T(mprotect(BT, P, PROT_READ));
    T(mprotect(BT, P, PROT_READ | PROT_EXEC));
    T(mprotect(BT, P, PROT_READ | PROT_WRITE));
    T(mprotect(BT, P, PROT_EXEC));
    int id = shmget(IPC_PRIVATE, P, 0700);
    T(shmat(id, BT + 2 * P, SHM_EXEC));
    T(shmat(id, BT + 3 * P, SHM_EXEC | SHM_RDONLY));
    shmctl(id, IPC_RMID, 0);
    fflush(stdout);
}

static void in_child(char **argv, int bits)
{
    pid_t p = fork();
    if (!p) {
        printf("set %d: %ld\n", bits, (long)prctl(SET_MDWE, bits, 0, 0, 0));
        T(prctl(SET_MDWE, bits, 0, 0, 0));
        T(prctl(SET_MDWE, bits ^ 2, 0, 0, 0));
        T(prctl(SET_MDWE, 0, 0, 0, 0));
        mdwe("itself");
        if (!(p = fork())) {
            mdwe("forked");
            _exit(0);
        }
        waitpid(p, 0, 0);
        if (!(p = vfork())) {
            printf("vforked: %d\n", prctl(GET_MDWE, 0, 0, 0, 0));
            fflush(stdout);
            _exit(0);
        }
        waitpid(p, 0, 0);
        execl("/proc/self/exe", argv[0], "mdwe", NULL);
        _exit(1);
    }
    waitpid(p, 0, 0);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, 0, _IOFBF, 1 << 16);
    if (argc > 1) {
        mdwe("executed");
        return 0;
    }
    arguments();
    changes();
    T(prctl(SET_MDWE, 2, 0, 0, 0));
    T(prctl(SET_MDWE, 4, 0, 0, 0));
    T(prctl(SET_MDWE, 1, 1, 0, 0));
    T(prctl(GET_MDWE, 0, 0, 0, 1));
    fflush(stdout);
    in_child(argv, 0);
    in_child(argv, 1);
    in_child(argv, 3);
    return 0;
}
