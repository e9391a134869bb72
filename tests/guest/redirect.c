/* Code that is translated with what it was seen to do: indirect calls and jumps that led to one place
 * for long, and functions that only load a register with their return address. Then both change. */
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static uint8_t *page;
static sigjmp_buf jb;
static volatile uintptr_t fault_eip;

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
    (void)sig, (void)ctx;
    fault_eip = (uintptr_t)info->si_addr;
    siglongjmp(jb, 1);
}

/* f(int): returns its argument plus n */
static void put_add(uint8_t *at, uint32_t n)
{
    static const uint8_t head[] = {0x8b, 0x44, 0x24, 0x04, 0x05}; /* mov eax, [esp + 4]; add eax, n */
    memcpy(at, head, sizeof head);
    memcpy(at + 5, &n, 4);
    at[9] = 0xc3;
}

static int sum(int (*volatile *f)(int), int n)
{
    int s = 0;
    for (int i = 0; i < n; i++)
        s += (*f)(i);
    return s;
}

static void calls(void)
{
    put_add(page, 1);
    put_add(page + 64, 1000);
    int (*volatile f)(int) = (int (*)(int))(uintptr_t)page;
    printf("one target: %d\n", sum(&f, 100));
    f = (int (*)(int))(uintptr_t)(page + 64);
    printf("another: %d\n", sum(&f, 100));
    f = (int (*)(int))(uintptr_t)page;
    printf("the first again: %d\n", sum(&f, 10));
    put_add(page, 7);
    printf("the first rewritten: %d\n", sum(&f, 10));
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    printf("not executable: ");
    if (!sigsetjmp(jb, 1))
        printf("%d\n", sum(&f, 10));
    else
        printf("fault at the target: %d\n", fault_eip == (uintptr_t)page);
    mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    printf("executable: %d\n", sum(&f, 10));
    f = NULL;
    if (!sigsetjmp(jb, 1))
        printf("%d\n", sum(&f, 1));
    else
        printf("no function: fault at %#lx\n", (unsigned long)fault_eip);
}

/* One jmp [mem] that keeps the flags: returns them as its target sees them. */
static void jumps(void)
{
    static const uint8_t code[] = {
        0x8b, 0x54, 0x24, 0x08,       /* mov edx, [esp + 8] */
        0x8b, 0x44, 0x24, 0x04,       /* mov eax, [esp + 4] */
        0x83, 0xe8, 0x05,             /* sub eax, 5 */
        0x8d, 0x40, 0x00,             /* lea eax, [eax] */
        0xff, 0x22,                   /* jmp [edx] */
    };
    static const uint8_t target[2][8] = {
        {0x0f, 0x92, 0xc0, 0x0f, 0xb6, 0xc0, 0xc3}, /* setc al; movzx eax, al; ret */
        {0x0f, 0x94, 0xc0, 0x0f, 0xb6, 0xc0, 0xc3}, /* setz al */
    };
    memcpy(page + 256, code, sizeof code);
    memcpy(page + 320, target[0], 8);
    memcpy(page + 384, target[1], 8);
    void *volatile to = page + 320;
    int (*f)(int, void *volatile *) = (int (*)(int, void *volatile *))(uintptr_t)(page + 256);
    int s = 0;
    for (int i = 0; i < 100; i++)
        s += f(i % 10, &to);
    printf("carries: %d\n", s);
    to = page + 384;
    for (int i = 0; i < 100; i++)
        s += 1000 * f(i % 10, &to);
    printf("and zeros: %d\n", s);
    for (int i = 0; i < 100; i++) {
        to = page + 320 + 64 * (i & 1);
        s += f(i % 10, &to);
    }
    printf("in turns: %d\n", s);
}

/* Calls a thunk and tells which register it loaded: 1 if ebx, the return address three times and 1 if ecx. */
static void thunks(void)
{
    static const uint8_t code[] = {
        0x53,                         /* push ebx */
        0x31, 0xdb, 0x31, 0xc9,       /* xor ebx, ebx; xor ecx, ecx */
        0xe8, 0x36, 0x00, 0x00, 0x00, /* call + 64 from the start */
        0x8b, 0x44, 0x24, 0xfc,       /* mov eax, [esp - 4] */
        0x29, 0xd8,                   /* sub eax, ebx */
        0x8d, 0x44, 0x48, 0x01,       /* lea eax, [eax + ecx * 2 + 1] */
        0x5b, 0xc3,                   /* pop ebx; ret */
    };
    static const uint8_t thunk[2][4] = {{0x8b, 0x1c, 0x24, 0xc3}, {0x8b, 0x0c, 0x24, 0xc3}};
    uint8_t *p = page + 512;
    memcpy(p, code, sizeof code);
    memcpy(p + 64, thunk[0], 4);
    int (*f)(void) = (int (*)(void))(uintptr_t)p;
    int s = 0;
    for (int i = 0; i < 50; i++)
        s += f();
    printf("into ebx: %d\n", s);
    memcpy(p + 64, thunk[1], 4);
    s = 0;
    for (int i = 0; i < 50; i++)
        s += f() - 3 * (int)(uintptr_t)(p + 10);
    printf("into ecx: %d\n", s);
    memcpy(p + 64, "\x31\xdb\xc3", 3); /* xor ebx, ebx */
    s = f() - (int)(uintptr_t)(p + 10);
    printf("into none: %d\n", s);
    memcpy(p + 64, thunk[0], 4);
    printf("into ebx again: %d\n", f());
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    calls();
    jumps();
    thunks();
    return 0;
}
