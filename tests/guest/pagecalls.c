/* mlock, munlock, msync, mincore, madvise over mapped, partly mapped and unmapped ranges,
 * with every kind of bad argument. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define N 8
static char *base;
static unsigned char vec[64];

/* addresses relative to the mapping, so that the output does not depend on where it is */
static void show(const char *what, int nr, unsigned long off, unsigned long len, unsigned long third)
{
    memset(vec, 0xee, sizeof vec);
    long r = syscall(nr, off == ~0ul ? 0ul : (unsigned long)base + off, len, third);
    printf("%s %lx %lx %lx: %ld %s", what, off, len, third == (unsigned long)vec ? 1 : third, r, r ? strerrorname_np(errno) : "-");
    if (third == (unsigned long)vec)
        for (int i = 0; i < N; i++)
            printf(" %02x", vec[i] & 0xfe);
    printf("\n");
}

int main(void)
{
    static const unsigned long off[] = {0, 0x800, 0x1000, 0x2000, 0x3000, 0x5000, 0x7000, 0x8000, 0x10000, ~0ul};
    static const unsigned long len[] = {0, 1, 0x1000, 0x1001, 0x2000, 0x3000, 0x5000, 0x8000, 0x8001, 0x80000000, 0xfffff000, 0xffffffff};
    base = mmap((void *)0x50000000, 0x20000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memset(base, 1, 0x8000);
    munmap(base + 0x8000, 0x18000);
    munmap(base + 0x3000, 0x2000); /* pages 0 to 2 and 5 to 7 are left */
    for (unsigned i = 0; i < sizeof off / sizeof *off; i++)
        for (unsigned j = 0; j < sizeof len / sizeof *len; j++) {
            show("mincore", SYS_mincore, off[i], len[j], (unsigned long)vec);
            show("msync", SYS_msync, off[i], len[j], MS_ASYNC);
            show("mlock", SYS_mlock, off[i], len[j], 0);
            show("munlock", SYS_munlock, off[i], len[j], 0);
            show("madvise", SYS_madvise, off[i], len[j], MADV_RANDOM);
        }
    show("msync", SYS_msync, 0, 0x1000, MS_ASYNC | MS_SYNC);
    show("msync", SYS_msync, 0, 0x1000, 0x80);
    show("msync", SYS_msync, 0x3000, 0x1000, 0x80);
    show("mincore", SYS_mincore, 0, 0x1000, 0x10);
    show("mincore", SYS_mincore, 0, 0, 0x10);
    show("mincore", SYS_mincore, 0x3000, 0x1000, 0x10);
    return 0;
}
