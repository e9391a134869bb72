/* Calls through tables of functions, as C++ compilers make virtual calls: trees of expressions. */
#include <stdio.h>
#include <stdlib.h>

#include "size.h"

struct expr;
struct methods {
    int (*eval)(const struct expr *, int);
    int (*depth)(const struct expr *);
};
struct expr {
    const struct methods *vt;
    const struct expr *a, *b;
    int k;
};

static int eval(const struct expr *e, int x) { return e->vt->eval(e, x); }
static int depth(const struct expr *e) { return e->vt->depth(e); }
static int const_eval(const struct expr *e, int x) { (void)x; return e->k; }
static int var_eval(const struct expr *e, int x) { return x + e->k; }
static int add_eval(const struct expr *e, int x) { return eval(e->a, x) + eval(e->b, x); }
static int mul_eval(const struct expr *e, int x) { return eval(e->a, x) * eval(e->b, x); }
static int sub_eval(const struct expr *e, int x) { return eval(e->a, x) - eval(e->b, x); }
static int neg_eval(const struct expr *e, int x) { return -eval(e->a, x); }
static int leaf_depth(const struct expr *e) { (void)e; return 1; }
static int unary_depth(const struct expr *e) { return 1 + depth(e->a); }
static int binary_depth(const struct expr *e)
{
    int a = depth(e->a), b = depth(e->b);
    return 1 + (a > b ? a : b);
}

static const struct methods kinds[] = {
    {const_eval, leaf_depth}, {var_eval, leaf_depth}, {add_eval, binary_depth},
    {mul_eval, binary_depth}, {sub_eval, binary_depth}, {neg_eval, unary_depth},
};

static unsigned seed = 7;
static unsigned rnd(void) { return (seed = seed * 1103515245 + 12345) >> 16 & 0x7fff; }

static const struct expr *make(int level)
{
    struct expr *e = malloc(sizeof *e);
    unsigned kind = level ? 2 + rnd() % 4 : rnd() % 2;
    *e = (struct expr){&kinds[kind], NULL, NULL, (int)(rnd() & 15)};
    if (level)
        e->a = make(level - 1);
    if (level && kind != 5)
        e->b = make(level - 1);
    return e;
}

int main(int argc, char **argv)
{
    const struct expr *e = make(9);
    unsigned sum = 0;
    int rounds = size(argc, argv, 400000);
    for (int x = 0; x < rounds; x++)
        sum += (unsigned)eval(e, x) + (unsigned)depth(e);
    printf("%u\n", sum);
    return 0;
}
