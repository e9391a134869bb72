/* Lists, a small matrix, a state machine over text and a CRC of what comes out, as embedded
 * processors' benchmarks have them. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "size.h"

enum { NODES = 200, DIM = 24, ROUNDS = 12000 };

struct node {
    struct node *next;
    int16_t value, id;
};

static uint16_t crc16(uint16_t crc, uint16_t v)
{
    for (int i = 0; i < 16; i++, v >>= 1)
        crc = (crc ^ v) & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
    return crc;
}

static struct node pool[NODES];

static struct node *reverse(struct node *l)
{
    struct node *r = NULL;
    while (l) {
        struct node *n = l->next;
        l->next = r;
        r = l;
        l = n;
    }
    return r;
}

static int by_value(const struct node *a, const struct node *b) { return a->value - b->value; }
static int by_id(const struct node *a, const struct node *b) { return a->id - b->id; }

static struct node *merge(struct node *a, struct node *b,
                          int (*cmp)(const struct node *, const struct node *))
{
    struct node head, *t = &head;
    while (a && b) {
        struct node **from = cmp(a, b) <= 0 ? &a : &b;
        t = t->next = *from;
        *from = (*from)->next;
    }
    t->next = a ? a : b;
    return head.next;
}

static struct node *sort(struct node *l, int (*cmp)(const struct node *, const struct node *))
{
    if (!l || !l->next)
        return l;
    struct node *slow = l, *fast = l->next;
    while (fast && fast->next) {
        slow = slow->next;
        fast = fast->next->next;
    }
    struct node *half = slow->next;
    slow->next = NULL;
    return merge(sort(l, cmp), sort(half, cmp), cmp);
}

static uint16_t lists(uint16_t crc, int round)
{
    struct node *l = NULL;
    for (int i = 0; i < NODES; i++) {
        pool[i] = (struct node){l, (int16_t)(i * 7919 + round * 31), (int16_t)i};
        l = &pool[i];
    }
    l = reverse(sort(l, by_value));
    for (int want = 0; want < 20; want++) {
        struct node *n = l;
        while (n && n->id != want * 9)
            n = n->next;
        if (n)
            crc = crc16(crc, (uint16_t)n->value);
    }
    l = sort(l, by_id);
    return crc16(crc, (uint16_t)l->value);
}

static int16_t ma[DIM][DIM], mb[DIM][DIM];
static int32_t mc[DIM][DIM];

static uint16_t matrix(uint16_t crc, int round)
{
    for (int i = 0; i < DIM; i++)
        for (int j = 0; j < DIM; j++) {
            ma[i][j] = (int16_t)(ma[i][j] + round + i);
            mb[i][j] = (int16_t)(mb[i][j] ^ (round * j));
        }
    int32_t sum = 0;
    for (int i = 0; i < DIM; i++)
        for (int j = 0; j < DIM; j++) {
            int32_t s = 0;
            for (int k = 0; k < DIM; k++) {
                int32_t p = ma[i][k] * mb[k][j];
                s += (p >> 2 & 15) * (p >> 5 & 127);
            }
            mc[i][j] = s;
            sum += s > mc[j][i] ? 10 : s & 7;
        }
    return crc16(crc, (uint16_t)sum);
}

enum state { START, SIGN, INT, POINT, FRACTION, EXPONENT, EXP_SIGN, EXP_INT, BAD, STATES };

static enum state step(enum state s, char c)
{
    int digit = c >= '0' && c <= '9', sign = c == '+' || c == '-';
    switch (s) {
    case START: return digit ? INT : sign ? SIGN : c == '.' ? POINT : BAD;
    case SIGN: return digit ? INT : c == '.' ? POINT : BAD;
    case INT: return digit ? INT : c == '.' ? POINT : c == 'e' ? EXPONENT : BAD;
    case POINT:
    case FRACTION: return digit ? FRACTION : c == 'e' ? EXPONENT : BAD;
    case EXPONENT: return digit ? EXP_INT : sign ? EXP_SIGN : BAD;
    case EXP_SIGN:
    case EXP_INT: return digit ? EXP_INT : BAD;
    default: return BAD;
    }
}

static uint16_t states(uint16_t crc)
{
    static const char text[] = "5012,+3.14,-.5e+11,0x12,1e-7,7.75e9,--4,T0.3e,12.,-110.700,99";
    unsigned count[STATES] = {0};
    enum state s = START;
    for (int rep = 0; rep < 8; rep++)
        for (const char *p = text; *p; p++)
            if (*p == ',') {
                count[s]++;
                s = START;
            } else {
                s = step(s, *p);
            }
    for (int i = 0; i < STATES; i++)
        crc = crc16(crc, (uint16_t)count[i]);
    return crc;
}

int main(int argc, char **argv)
{
    uint16_t crc = 0;
    int rounds = size(argc, argv, ROUNDS);
    for (int i = 0; i < rounds; i++)
        crc = states(matrix(lists(crc, i), i));
    printf("%04x\n", crc);
    return 0;
}
