/* A byte-code interpreter with a switch, and calls through pointers. */
#include <stdio.h>

#include "size.h"

enum { PUSH, ADD, SUB, DUP, JNZ, SWAP, MUL, CALL, HALT };
static int twice(int x) { return x * 2 + 1; }
static int half(int x) { return x / 2 - 3; }
static int (*const fn[2])(int) = {twice, half};
static int code[] = {PUSH, 1, PUSH, 0, SWAP, DUP, PUSH, 3, MUL, ADD, CALL, 0, CALL, 1,
                           SWAP, PUSH, 1, SUB, DUP, JNZ, 4, HALT};

static int run(void)
{
    int st[16], sp = 0, pc = 0, t;
    for (;;)
        switch (code[pc++]) {
        case PUSH: st[sp++] = code[pc++]; break;
        case ADD: sp--; st[sp - 1] += st[sp]; break;
        case SUB: sp--; st[sp - 1] -= st[sp]; break;
        case MUL: sp--; st[sp - 1] *= st[sp]; break;
        case DUP: st[sp] = st[sp - 1]; sp++; break;
        case SWAP: t = st[sp - 1]; st[sp - 1] = st[sp - 2]; st[sp - 2] = t; break;
        case CALL: st[sp - 1] = fn[code[pc++]](st[sp - 1]); break;
        case JNZ: pc = st[--sp] ? code[pc] : pc + 1; break;
        default: return st[0];
        }
}

int main(int argc, char **argv)
{
    code[3] = size(argc, argv, 24000000);
    printf("%d\n", run());
    return 0;
}
