/* Generated and self-modifying code: stores into code are seen by the next instruction. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int (*at(unsigned char *p))(void) { return (int (*)(void))p; }

int main(void)
{
    unsigned char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static const unsigned char ret_imm[] = {0xb8, 1, 0, 0, 0, 0xc3};
    int sum = 0;
    memcpy(p, ret_imm, sizeof ret_imm);
    for (int i = 0; i < 1000; i++) {
        p[1] = (unsigned char)i;
        sum += at(p)();
    }
    printf("rewritten %d\n", sum);
    /* mov byte [next+1], 9; mov eax, 1; ret -- patches the instruction behind itself */
    unsigned char *q = p + 100;
    unsigned a = (unsigned)(q + 8);
    unsigned char self[] = {0xc6, 0x05, 0, 0, 0, 0, 9, 0xb8, 1, 0, 0, 0, 0xc3};
    memcpy(self + 2, &a, 4);
    memcpy(q, self, sizeof self);
    printf("patches ahead %d\n", at(q)());
    /* across a page border */
    unsigned char *r = p + 4096 - 3;
    memcpy(r, ret_imm, sizeof ret_imm);
    printf("crossing %d", at(r)());
    r[4] = 2;
    printf(" %d\n", at(r)());
    /* a system call writes into code */
    int fd[2];
    pipe(fd);
    write(fd[1], "\x2a", 1);
    printf("read into code %d", (int)read(fd[0], p + 1, 1));
    printf(" %d\n", at(p)());
    mprotect(p, 4096, PROT_READ | PROT_EXEC);
    printf("protected %d\n", at(p)());
    return 0;
}
