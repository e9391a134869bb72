/* Locked instructions, XCHG, XADD and CMPXCHG: results and flags for all sizes, aligned or not, across 8, 16
 * and 64 bytes and pages; while the program is alone with its memory and when it no longer is. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, OF = 2048, ALL = CF | PF | AF | ZF | SF | OF, LOGIC = ALL & ~AF };

struct regs { uint32_t a, b, c, d, flags; };
static uint32_t sum;

static void mix(uint32_t v)
{
    sum = (sum << 5 | sum >> 27) ^ v;
    sum *= 0x9e3779b1u;
}

#define CASE(name, text)                                                                           \
    static void name(void *p, struct regs *r)                                                      \
    {                                                                                              \
        __asm__ volatile("pushl %4\n\tpopfl\n\t" text "\n\tpushfl\n\tpopl %4"                     \
                         : "+a"(r->a), "+b"(r->b), "+c"(r->c), "+d"(r->d), "+r"(r->flags)          \
                         : "D"(p) : "memory", "cc");                                               \
    }
#define SIZES(op)                                                                                  \
    CASE(op##_b, "lock " #op "b %%cl, (%%edi)") CASE(op##_bh, "lock " #op "b %%dh, (%%edi)")       \
    CASE(op##_w, "lock " #op "w %%cx, (%%edi)") CASE(op##_l, "lock " #op "l %%ecx, (%%edi)")       \
    CASE(op##_bi, "lock " #op "b $0x7f, (%%edi)") CASE(op##_wi, "lock " #op "w $-2, (%%edi)")      \
    CASE(op##_li, "lock " #op "l $0x12345, (%%edi)") CASE(op##_l0, "lock " #op "l $0, (%%edi)")
#define UNARY(op)                                                                                  \
    CASE(op##_b, "lock " #op "b (%%edi)") CASE(op##_w, "lock " #op "w (%%edi)")                    \
    CASE(op##_l, "lock " #op "l (%%edi)")
#define BITS(op)                                                                                   \
    CASE(op##_wi, "lock " #op "w $21, (%%edi)") CASE(op##_li, "lock " #op "l $37, (%%edi)")        \
    CASE(op##_wr, "movswl %%cx, %%ecx; andl $127, %%ecx; lock " #op "w %%cx, (%%edi)")             \
    CASE(op##_lr, "andl $127, %%ecx; lock " #op "l %%ecx, (%%edi)")                                \
    CASE(op##_ln, "orl $-64, %%ecx; lock " #op "l %%ecx, (%%edi)")
SIZES(add) SIZES(sub) SIZES(adc) SIZES(sbb) SIZES(and) SIZES(or) SIZES(xor)
UNARY(inc) UNARY(dec) UNARY(neg) UNARY(not)
BITS(bts) BITS(btr) BITS(btc)
CASE(xchg_b, "xchgb %%cl, (%%edi)") CASE(xchg_bh, "xchgb %%dh, (%%edi)")
CASE(xchg_w, "xchgw %%cx, (%%edi)") CASE(xchg_l, "xchgl %%ecx, (%%edi)")
CASE(xadd_b, "lock xaddb %%cl, (%%edi)") CASE(xadd_bh, "lock xaddb %%dh, (%%edi)")
CASE(xadd_w, "lock xaddw %%cx, (%%edi)") CASE(xadd_l, "lock xaddl %%ecx, (%%edi)")
CASE(xadd_plain, "xaddl %%ecx, (%%edi)")
CASE(cmpxchg_b, "lock cmpxchgb %%cl, (%%edi)") CASE(cmpxchg_bh, "lock cmpxchgb %%dh, (%%edi)")
CASE(cmpxchg_w, "lock cmpxchgw %%cx, (%%edi)") CASE(cmpxchg_l, "lock cmpxchgl %%ecx, (%%edi)")
CASE(cmpxchg_same, "movl (%%edi), %%eax; lock cmpxchgl %%ecx, (%%edi)")
CASE(cmpxchg_sameb, "movb (%%edi), %%al; lock cmpxchgb %%ch, (%%edi)")
CASE(cmpxchg_plain, "cmpxchgl %%ecx, (%%edi)")
CASE(cmpxchg_plainw, "movw (%%edi), %%ax; cmpxchgw %%cx, (%%edi)")
CASE(cmpxchg8, "lock cmpxchg8b (%%edi)") CASE(cmpxchg8_plain, "cmpxchg8b (%%edi)")
CASE(cmpxchg8_same, "movl (%%edi), %%eax; movl 4(%%edi), %%edx; lock cmpxchg8b (%%edi)")
/* flags used at once */
CASE(dec_jz, "lock decl (%%edi); jz 1f; incl %%ebx; 1: js 2f; addl $2, %%ebx; 2:")
CASE(inc_jc, "lock incl (%%edi); jc 1f; incl %%ebx; 1: jle 2f; addl $2, %%ebx; 2:")
CASE(sub_jl, "lock subl %%ecx, (%%edi); jl 1f; incl %%ebx; 1: jp 2f; addl $2, %%ebx; 2:")
CASE(or_js, "lock orl %%ecx, (%%edi); js 1f; incl %%ebx; 1:")
CASE(xadd_ja, "lock xaddl %%ecx, (%%edi); ja 1f; incl %%ebx; 1:")
CASE(cas_jne, "lock cmpxchgl %%ecx, (%%edi); jne 1f; incl %%ebx; 1:")
CASE(cas_setb, "lock cmpxchgw %%cx, (%%edi); setb %%bl")
CASE(cas8_je, "stc; lock cmpxchg8b (%%edi); jne 1f; incl %%ebx; 1: adcl $0, %%ebx")
CASE(bts_jc, "lock btsl $3, (%%edi); jc 1f; incl %%ebx; 1:")
CASE(btr_adc, "lock btrl $9, (%%edi); adcl $0, %%ebx")
CASE(dead, "lock addl $0, (%%edi); xorl %%ebx, %%ebx")
CASE(indexed, "movl $3, %%ebx; lock addl %%ecx, -6(%%edi,%%ebx,2); mfence; lfence; sfence")

static const struct { const char *name; void (*fn)(void *, struct regs *); uint32_t flags; } cases[] = {
#define C(name, flags) {#name, name, flags},
#define CS(op, flags) C(op##_b, flags) C(op##_bh, flags) C(op##_w, flags) C(op##_l, flags) C(op##_bi, flags) \
    C(op##_wi, flags) C(op##_li, flags) C(op##_l0, flags)
#define CU(op) C(op##_b, ALL) C(op##_w, ALL) C(op##_l, ALL)
#define CB(op) C(op##_wi, CF | ZF) C(op##_li, CF | ZF) C(op##_wr, CF) C(op##_lr, CF) C(op##_ln, CF)
    CS(add, ALL) CS(sub, ALL) CS(adc, ALL) CS(sbb, ALL) CS(and, LOGIC) CS(or, LOGIC) CS(xor, LOGIC)
    CU(inc) CU(dec) CU(neg) CU(not) CB(bts) CB(btr) CB(btc)
    C(xchg_b, ALL) C(xchg_bh, ALL) C(xchg_w, ALL) C(xchg_l, ALL)
    C(xadd_b, ALL) C(xadd_bh, ALL) C(xadd_w, ALL) C(xadd_l, ALL) C(xadd_plain, ALL)
    C(cmpxchg_b, ALL) C(cmpxchg_bh, ALL) C(cmpxchg_w, ALL) C(cmpxchg_l, ALL) C(cmpxchg_same, ALL)
    C(cmpxchg_sameb, ALL) C(cmpxchg_plain, ALL) C(cmpxchg_plainw, ALL)
    C(cmpxchg8, ALL) C(cmpxchg8_plain, ALL) C(cmpxchg8_same, ALL)
    C(dec_jz, ALL) C(inc_jc, ALL) C(sub_jl, ALL) C(or_js, LOGIC) C(xadd_ja, ALL) C(cas_jne, ALL) C(cas_setb, ALL)
    C(cas8_je, ALL) C(bts_jc, CF) C(btr_adc, 0) C(dead, LOGIC) C(indexed, ALL)
};

static const uint32_t values[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
                                  0xffffffff, 0x12345678, 0xfffe0100};
enum { VALUES = sizeof values / sizeof *values };

/* Aligned operands come first: translated code may be another once it met others. Around the operand lie
 * bytes that only bit instructions may change. */
static void run(const char *what, unsigned char *area)
{
    static const int at[] = {64, 65, 70, 77, 125, 4093};
    printf("%s", what);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        sum = 1;
        for (unsigned k = 0; k < 6 * VALUES * 4; k++) {
            unsigned char *p = area + at[k / (VALUES * 4)];
            uint32_t v = values[k % VALUES], w = values[(k * 5 + k / VALUES) % VALUES];
            memset(p - 24, 0x5a, 72);
            memcpy(p, &v, 4);
            memcpy(p + 4, &w, 4);
            struct regs r = {k & 1 ? v : w, w ^ k, k & 2 ? w : values[k * 3 % VALUES], w,
                             (k & 3 ? ALL & (k << 2 | k << 9 | k) : 0) | 2};
            cases[i].fn(p, &r);
            mix(r.a), mix(r.b), mix(r.c), mix(r.d), mix(r.flags & cases[i].flags);
            for (int n = -24; n < 48; n++)
                mix(p[n]);
        }
        printf("%s%s %08x", i % 6 ? "  " : "\n", cases[i].name, sum);
    }
    printf("\n");
}

int main(void)
{
    unsigned char *area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    run("alone:", area);
    area = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    run("shared:", area);
    return 0;
}
