/* Code that reads the flags of code in other pages, where other code was before that wrote them first: it came
 * there by new mappings, protections, moves, changes of the file. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, PAGES = 16, TO = 8 * PAGE, VIA = 12 * PAGE,
       RW = PROT_READ | PROT_WRITE, RX = PROT_READ | PROT_EXEC, PRIVATE = MAP_PRIVATE | MAP_ANONYMOUS };

static const uint8_t writes[] = {0x39, 0xc0, 0xb8, 1, 0, 0, 0, 0xc3}; /* cmp eax, eax; mov eax, 1; ret */
static const uint8_t reads[] = {0x9c, 0x58, 0xc3};                    /* pushf; pop eax; ret */

static uint8_t *area; /* code in its first page goes on at TO */
static int file;

static void put(uint8_t *page, const void *code, size_t n)
{
    memset(page, 0xcc, PAGE);
    memcpy(page, code, n);
}

static void *scratch(const void *code, size_t n)
{
    uint8_t *p = mmap(NULL, PAGE, RW, PRIVATE, -1, 0);
    put(p, code, n);
    return p;
}

/* ---- ways there ---- */

static int rel(const uint8_t *end, int to)
{
    return to - (int)(end - area);
}

static uint8_t *begin(uint8_t *p)
{
    static const uint8_t add[] = {0x8b, 0x4c, 0x24, 12, 0x8b, 0x44, 0x24, 4, 0x03, 0x44, 0x24, 8};
    memcpy(p, add, sizeof add); /* mov ecx, [esp + 12]; mov eax, [esp + 4]; add eax, [esp + 8] */
    return p + sizeof add;
}

static uint8_t *near(uint8_t *p, const char *opcode, size_t n, int to)
{
    memcpy(p, opcode, n);
    int d = rel(p + n + 4, to);
    memcpy(p + n, &d, 4);
    return p + n + 4;
}

static int by_jmp(void)
{
    near(begin(area), "\xe9", 1, TO);
    return 0;
}

static int by_call(void)
{
    *near(begin(area), "\xe8", 1, TO) = 0xc3;
    return 0;
}

/* Not once while the other code was there. */
static int by_jc(void)
{
    memcpy(near(begin(area), "\x0f\x82", 2, TO), "\x31\xc0\xc3", 3);
    return 0;
}

static int by_not_jc(void)
{
    uint8_t *p = begin(area);
    memcpy(p, "\x73\x05", 2); /* jnc over */
    memcpy(near(p + 2, "\xe9", 1, TO), "\x31\xc0\xc3", 3);
    return 0;
}

static int by_two_jumps(void)
{
    near(begin(area), "\xe9", 1, VIA);
    near(area + VIA, "\xe9", 1, TO);
    return 0;
}

static int by_falling(void)
{
    int at = TO - 12;
    begin(area + at);
    return at;
}

static int by_jecxz(void)
{
    uint8_t *p = begin(area + TO - 100);
    p[0] = 0xe3;
    p[1] = (uint8_t)rel(p + 2, TO);
    memcpy(p + 2, "\x31\xc0\xc3", 3);
    return TO - 100;
}

static const struct { const char *name; int (*make)(void); } way[] = {
    {"jmp", by_jmp}, {"call", by_call}, {"jc", by_jc}, {"not jc", by_not_jc},
    {"two jumps", by_two_jumps}, {"falling", by_falling}, {"jecxz", by_jecxz},
};

/* ---- what changes there ---- */

static void first_anonymous(uint8_t *p)
{
    mprotect(p, PAGE, RW);
    put(p, writes, sizeof writes);
    mprotect(p, PAGE, RX);
}

static void first_file(uint8_t *p)
{
    uint8_t page[PAGE];
    put(page, writes, sizeof writes);
    pwrite(file, page, PAGE, 0);
    mmap(p, PAGE, RX, MAP_PRIVATE | MAP_FIXED, file, 0);
}

static void first_shared(uint8_t *p)
{
    first_file(p);
    mmap(p, PAGE, RX, MAP_SHARED | MAP_FIXED, file, 0);
}

/* Private, other than in the file. */
static void first_changed_file(uint8_t *p)
{
    uint8_t page[PAGE];
    put(page, reads, sizeof reads);
    pwrite(file, page, PAGE, 0);
    mmap(p, PAGE, RW, MAP_PRIVATE | MAP_FIXED, file, 0);
    first_anonymous(p);
}

static void unmap_map(uint8_t *p)
{
    munmap(p, PAGE);
    if (mmap(p, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0) != p)
        abort();
    put(p, reads, sizeof reads);
    mprotect(p, PAGE, RX);
}

static void map_over(uint8_t *p)
{
    mmap(p, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0);
    put(p, reads, sizeof reads);
    mprotect(p, PAGE, RX);
}

static void protect(uint8_t *p)
{
    mprotect(p, PAGE, RW);
    put(p, reads, sizeof reads);
    mprotect(p, PAGE, RX);
}

static void protect_all(uint8_t *p)
{
    mprotect(p, PAGE, RW | PROT_EXEC);
    put(p, reads, sizeof reads);
}

static void move_over(uint8_t *p)
{
    uint8_t *q = scratch(reads, sizeof reads);
    mprotect(q, PAGE, RX);
    mremap(q, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p);
}

static void move_away(uint8_t *p)
{
    uint8_t *q = mmap(NULL, PAGE, PROT_NONE, PRIVATE, -1, 0);
    mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q);
    if (mmap(p, PAGE, RW, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) != p)
        abort();
    put(p, reads, sizeof reads);
    mprotect(p, PAGE, RX);
    munmap(q, PAGE);
}

static void write_file(uint8_t *p)
{
    (void)p;
    pwrite(file, reads, sizeof reads, 0);
}

static void give_up(uint8_t *p)
{
    madvise(p, PAGE, MADV_DONTNEED);
}

static void attach(uint8_t *p)
{
    int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700);
    uint8_t *q = shmat(id, NULL, 0);
    put(q, reads, sizeof reads);
    shmat(id, p, SHM_EXEC | SHM_REMAP);
    shmctl(id, IPC_RMID, NULL);
    shmdt(q);
}

static const struct { const char *name; void (*first)(uint8_t *), (*then)(uint8_t *); } change[] = {
    {"munmap, mmap", first_anonymous, unmap_map}, {"mmap", first_anonymous, map_over},
    {"mmap of a file's page", first_file, map_over}, {"mprotect", first_anonymous, protect},
    {"mprotect rwx", first_anonymous, protect_all}, {"mremap there", first_anonymous, move_over},
    {"mremap away", first_anonymous, move_away}, {"private file", first_file, write_file},
    {"shared file", first_shared, write_file}, {"madvise", first_changed_file, give_up},
    {"shmat", first_anonymous, attach},
};

/* ---- */

static unsigned run(int at, unsigned a, unsigned b, unsigned c)
{
    return ((unsigned (*)(unsigned, unsigned, unsigned))(area + at))(a, b, c) & 0x8d5;
}

static void try(int (*make)(void), void (*first)(uint8_t *), void (*then)(uint8_t *))
{
    unsigned sum = 0;
    area = mmap(NULL, PAGES * PAGE, RW, PRIVATE, -1, 0);
    int at = make();
    mprotect(area, PAGES * PAGE, RX);
    for (int round = 0; round < 2; round++) {
        first(area + TO);
        for (int i = 0; i < 40; i++)
            sum += run(at, 5, 1, 1);
        then(area + TO);
        for (int i = 0; i < 20; i++) /* as often as it takes to be hot */
            sum += run(at, 0xffffffff, 1, 0) + run(at, 0x7fffffff, 1, 0);
    }
    printf(" %x/%x/%x/%x", run(at, 0xffffffff, 1, 0), run(at, 0x7fffffff, 1, 0),
           run(at, 0x8000000f, 0x80000001, 0), sum);
    munmap(area, PAGES * PAGE);
}

int main(void)
{
    file = syscall(356, "code", 0); /* memfd_create */
    ftruncate(file, PAGE);
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        printf("%s:", change[i].name);
        for (size_t k = 0; k < sizeof way / sizeof *way; k++) {
            printf("%s%s", k ? ", " : " ", way[k].name);
            try(way[k].make, change[i].first, change[i].then);
        }
        printf("\n");
    }
    return 0;
}
