/* Records, strings, enumerations and many small procedures: the statement mix of system programs. */
#include <stdio.h>
#include <string.h>

#include "size.h"

#define NOINLINE __attribute__((noinline))
enum kind { FIRST, SECOND, THIRD, FOURTH };
struct record {
    struct record *link;
    enum kind kind, other;
    int number;
    char text[31];
};

static struct record one, two;
static int global_int, array[50], square[50][50];
static char char1, char2;

NOINLINE static int add_two(int a, int b) { return a + b + 2; }

NOINLINE static enum kind next_kind(enum kind k)
{
    switch (k) {
    case FIRST: return SECOND;
    case SECOND: return global_int > 100 ? FIRST : FOURTH;
    case THIRD: return SECOND;
    default: return THIRD;
    }
}

NOINLINE static void fill(int *a, int (*s)[50], int i, int v)
{
    int at = i + 5;
    a[at] = v;
    a[at + 1] = a[at];
    a[at + 30 < 50 ? at + 30 : 49] = at;
    for (int k = at; k <= at + 1; k++)
        s[at][k] = at;
    s[at][at - 1]++;
    s[at + 20][at] = a[at];
    global_int = 5;
}

NOINLINE static int same_char(char a, char b)
{
    char c = a;
    if (c != b)
        return 0;
    char1 = c;
    return 1;
}

NOINLINE static int texts_differ(const char *a, const char *b)
{
    int i = 2;
    while (i <= 2)
        if (!same_char(a[i], b[i + 1]))
            i++;
    return strcmp(a, b) > 0 ? (global_int = i + 7, 1) : 0;
}

NOINLINE static void follow(struct record *r)
{
    struct record *n = r->link;
    *n = *r;
    r->number = 5;
    n->number = r->number;
    n->link = r->link;
    if (n->kind == FIRST) {
        n->number = add_two(6, n->number);
        n->other = next_kind(r->other);
    } else {
        *r = *n;
    }
}

int main(int argc, char **argv)
{
    char a[31], b[31];
    int sum = 0, runs = size(argc, argv, 20000000);
    strcpy(one.text, "A RECORD'S TEXT, SOME STRING");
    strcpy(a, "A RECORD'S TEXT, 1'ST STRING");
    one.link = &two;
    one.other = THIRD;
    for (int run = 1; run <= runs; run++) {
        int x = 2, y = 3, z;
        char2 = 'B';
        strcpy(b, "A RECORD'S TEXT, 2'ND STRING");
        enum kind k = SECOND;
        int flag = !texts_differ(a, b);
        while (x < y) {
            z = 5 * x - y;
            z = add_two(x, y) + z;
            x++;
        }
        fill(array, square, x & 15, z);
        one.kind = FIRST;
        follow(&one);
        for (char c = 'A'; c <= char2; c++)
            if (k == (enum kind)same_char(c, 'C'))
                k = next_kind(FIRST);
        y = z * x;
        x = y / (z | 1);
        sum += 7 * (y - z) - x + flag + two.number + (run & 3);
    }
    printf("%d %d\n", sum, global_int);
    return 0;
}
