/* personality(2): what the next program gets of it, and what it means for addresses and
 * protections. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

/* Protection of the mapping that holds p. */
static const char *prot_of(const void *p)
{
    static char prot[8];
    char line[512];
    FILE *f = fopen("/proc/self/maps", "r");
    strcpy(prot, "none");
    while (f && fgets(line, sizeof line, f)) {
        unsigned long from, to;
        char s[8];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, s) == 3 && from <= (unsigned long)p &&
            (unsigned long)p < to)
            strcpy(prot, s);
    }
    if (f)
        fclose(f);
    return prot;
}

static void *map(uintptr_t at, size_t len, int prot, int flags)
{
    return mmap((void *)at, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

static const char *result(const void *p)
{
    return p == MAP_FAILED ? strerror(errno) : "mapped";
}

/* Where mappings go. The stack and what is placed freely are some way off their ends: the vDSO, randomness. */
static void show_layout(void)
{
    int local;
    char *a = map(0, PAGE, PROT_READ, 0), *b = map(0, PAGE, PROT_READ, 0);
    printf("  stack in %x, mappings in the %s half, %s\n", (unsigned)((uintptr_t)&local >> 28),
           (uintptr_t)a >> 31 ? "upper" : "lower", b > a ? "upwards" : "downwards");
    printf("  at a0000000: %s", result(map(0xa0000000, PAGE, PROT_READ, MAP_FIXED)));
    printf("; at bffff000 2 pages: %s", result(map(0xbffff000, 2 * PAGE, PROT_READ, MAP_FIXED_NOREPLACE)));
    printf("; at d0000000: %s\n", result(map(0xd0000000, PAGE, PROT_READ, MAP_FIXED)));
    char *wish = map(0xd0000000, PAGE, PROT_READ, 0);
    printf("  wish: %s; 1.5 GiB: %s\n", wish > (char *)0xc0000000 ? "above 3 GiB" : "below",
           result(map(0, 0x60000000, PROT_NONE, MAP_NORESERVE)));
    printf("  unmap at d0000000: %s\n", munmap((void *)0xd0000000, PAGE) ? strerror(errno) : "ok");
}

static void show_protections(void)
{
    static int data;
    static const int constant;
    int local, id = shmget(IPC_PRIVATE, PAGE, 0600);
    char *p = map(0, PAGE, PROT_READ | PROT_WRITE, 0), *none = map(0, PAGE, PROT_NONE, 0);
    printf("  data %s", prot_of(&data));
    printf(" constants %s", prot_of(&constant));
    printf(" stack %s", prot_of(&local));
    printf(" heap %s", prot_of((char *)sbrk(PAGE)));
    printf(" mapping %s", prot_of(p));
    printf(" none %s", prot_of(none));
    mprotect(none, PAGE, PROT_READ);
    printf(" mprotect %s", prot_of(none));
    void *shm = shmat(id, NULL, 0);
    printf(" shm %s\n", prot_of(shm));
    shmctl(id, IPC_RMID, NULL);
}

static void show(void)
{
    unsigned persona = (unsigned)personality(0xffffffff), in_proc = 0;
    FILE *f = fopen("/proc/self/personality", "r");
    if (!f || fscanf(f, "%x", &in_proc) != 1)
        printf("  no file\n");
    printf("  persona %x, in /proc %x\n", persona, in_proc);
    /* as far as such a page is allowed at all */
    const char *zero = strcmp(prot_of(NULL), "none") ? prot_of(NULL) : "";
    bool mine = *zero;
    bool may = mine || map(0, PAGE, PROT_READ, MAP_FIXED) != MAP_FAILED;
    printf("  page 0: %s\n", mine == (may && (persona & MMAP_PAGE_ZERO)) ? "as it should be" : "wrong");
    if (mine && strcmp(zero, "r-xp"))
        printf("  page 0 is %s\n", zero);
    show_layout();
    show_protections();
}

static void child(const char *name, unsigned persona)
{
    struct rlimit stack;
    int status = -1;
    printf("%s\n", name);
    getrlimit(RLIMIT_STACK, &stack);
    stack.rlim_cur = 8 << 20;
    setrlimit(RLIMIT_STACK, &stack);
    if (!fork()) {
        personality(persona);
        execl("/proc/self/exe", "persona", "show", NULL);
        _exit(1);
    }
    wait(&status);
    if (status)
        printf("  status %#x\n", status);
}

/* What takes effect at once. */
static void at_once(void)
{
    char *high = map(0xd0000000, 2 * PAGE, PROT_READ, MAP_FIXED);
    personality(READ_IMPLIES_EXEC);
    printf("at once: readable %s", prot_of(map(0, PAGE, PROT_READ, 0)));
    personality(ADDR_LIMIT_3GB);
    printf("; 3 GiB: anywhere: %s", result(map(0, PAGE, PROT_READ, 0)));
    printf(", at e0000000: %s", result(map(0xe0000000, PAGE, PROT_READ, MAP_FIXED)));
    printf(", wish for 50000000: %s", result(map(0x50000000, PAGE, PROT_READ, 0)));
    printf(", protect: %s", mprotect(high, PAGE, PROT_NONE) ? strerror(errno) : "ok");
    printf(", unmap: %s", munmap(high, PAGE) ? strerror(errno) : "ok");
    personality(PER_LINUX);
    printf("; as before: %s", result(map(0, PAGE, PROT_READ, 0)));
    printf(", unmap: %s\n", munmap(high, PAGE) ? strerror(errno) : "ok");
}

int main(int argc, char **argv)
{
    static const struct { const char *name; unsigned persona; } tries[] = {
        {"plain", ADDR_NO_RANDOMIZE}, {"upwards", ADDR_COMPAT_LAYOUT}, {"page 0", MMAP_PAGE_ZERO},
        {"readable is executable", READ_IMPLIES_EXEC}, {"3 GiB", ADDR_LIMIT_3GB},
        {"3 GiB upwards", ADDR_LIMIT_3GB | ADDR_COMPAT_LAYOUT}, {"named 2.6", 0x20000 /* UNAME26 */},
        {"System V", PER_SVR4}, {"sticky", STICKY_TIMEOUTS}};
    (void)argv;
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1) {
        show();
        return 0;
    }
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        child(tries[i].name, tries[i].persona);
    at_once();
    return 0;
}
