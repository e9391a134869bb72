/* MAP_DROPPABLE. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define P 4096ul
#define AT ((char *)0x52000000)
enum { DROPPABLE = 8 };
static const int anon = MAP_PRIVATE | MAP_ANONYMOUS;

static void say(const char *what, long r)
{
    if (r == -1)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %s%lx\n", what, (unsigned long)r > 0x10000 ? "at " : "", r);
}
#define T(call) say(#call, (long)(call))

int main(void)
{
    setvbuf(stdout, 0, _IOFBF, 1 << 16);
    T(mmap(AT, P, PROT_READ | PROT_WRITE, DROPPABLE | MAP_ANONYMOUS | MAP_FIXED | MAP_LOCKED, -1, 0));
    T(mmap(AT, P, PROT_READ | PROT_WRITE, DROPPABLE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0));
    T(mmap(AT, P, PROT_READ | PROT_WRITE, DROPPABLE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB, -1, 0));
    T(mmap(AT, P, PROT_READ | PROT_WRITE, DROPPABLE | MAP_FIXED, 0, 0));
    T(mmap(AT, 4 * P, PROT_READ | PROT_WRITE, DROPPABLE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    mmap(AT + 4 * P, P, PROT_READ | PROT_WRITE, anon | MAP_FIXED, -1, 0);
    memset(AT, 7, 5 * P);
    T(mremap(AT, 0, P, MREMAP_MAYMOVE)); /* not shared */
    T(mlock(AT, P));
    T(munlock(AT, P));
    fflush(stdout);
    pid_t p = fork();
    if (!p) {
        printf("in a child %d %d\n", AT[0], AT[4 * P]);
        fflush(stdout);
        _exit(0);
    }
    waitpid(p, 0, 0);
    FILE *f = fopen("/proc/self/maps", "r");
    char line[300];
    while (fgets(line, sizeof line, f))
        if (!strncmp(line, "5200", 4))
            printf("%s", line);
    T(madvise(AT, 4 * P, 21 /* MADV_PAGEOUT */));
    return 0;
}
