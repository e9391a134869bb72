/* Many children that execute the same code, which the parent never does itself and changes between
 * forks; some have children of their own. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char *code;

/* mov eax, value; jecxz +2; add eax, edx (two bytes); ret: of other lengths by `kind`. */
static void put_code(unsigned value, int kind)
{
    static const unsigned char tail[][6] = {
        {0xe3, 0x02, 0x01, 0xd0, 0xc3}, {0x90, 0xe3, 0x02, 0x29, 0xd0, 0xc3}, {0x40, 0xc3}, {0xc3},
    };
    code[0] = 0xb8;
    memcpy(code + 1, &value, 4);
    memcpy(code + 5, tail[kind], sizeof tail[0]);
}

static unsigned call(unsigned ecx, unsigned edx)
{
    unsigned eax;
    __asm__ volatile("call *%1" : "=a"(eax), "+S"(code), "+c"(ecx), "+d"(edx) : : "memory", "cc");
    return eax;
}

static unsigned want(unsigned value, int kind, unsigned ecx, unsigned edx)
{
    switch (kind) {
    case 0: return ecx ? value + edx : value;
    case 1: return ecx ? value - edx : value;
    case 2: return value + 1;
    default: return value;
    }
}

static int twice(int x) { return 2 * x; }
static int plus(int x) { return x + 3; }
static int (*volatile fn[])(int) = {twice, plus};

static int child(int i, unsigned value, int kind)
{
    int bad = 0, x = 1;
    for (unsigned k = 0; k < 20; k++)
        bad += call(k & 1, k) != want(value, kind, k & 1, k);
    for (int k = 0; k < 6; k++)
        x = fn[(i >> k) & 1](x);
    if (i % 8 == 0) {
        int status;
        put_code(value + 1, 2);
        pid_t p = fork();
        if (!p)
            _exit(call(0, 0) != value + 2);
        waitpid(p, &status, 0);
        bad += status != 0;
    }
    return bad ? 255 : x & 127;
}

int main(void)
{
    unsigned sum = 0;
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 64; i++) {
        int kind = i / 5 % 4, status; /* the same for some children, then another */
        unsigned value = 1000u * (unsigned)(i / 3);
        put_code(value, kind);
        pid_t p = fork();
        if (!p)
            _exit(child(i, value, kind));
        waitpid(p, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) == 255)
            printf("child %d: status %#x\n", i, status);
        sum = sum * 31 + (unsigned)WEXITSTATUS(status);
    }
    printf("%u\n", sum);
    return 0;
}
