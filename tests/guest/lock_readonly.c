/* CMPXCHG and CMPXCHG8B write what they found if it differs: on a page that cannot be written they fault. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static sigjmp_buf back;
static void on_fault(int sig) { siglongjmp(back, 1); }

#define TRY(insn, at, equal, ...)                                                                                     \
    if (!sigsetjmp(back, 1)) {                                                                                        \
        unsigned a = equal ? 0x07070707 : 1, d = equal ? 0x07070707 : 2;                                              \
        __asm__ volatile(insn : "+a"(a), "+d"(d) : "r"(at), "b"(0x07070707), "c"(0x07070707) : "memory", "cc");       \
        printf("%s %d %d: %x %x\n", insn, (int)(at - page), equal, a, d);                                             \
    } else {                                                                                                          \
        printf("%s %d %d: fault\n", insn, (int)(at - page), equal);                                                   \
    }

int main(void)
{
    unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(page, 7, 4096);
    signal(SIGSEGV, on_fault);
    for (int writable = 0; writable < 2; writable++) {
        mprotect(page, 4096, writable ? PROT_READ | PROT_WRITE : PROT_READ);
        for (int at = 0; at < 12; at++)
            for (int equal = 0; equal < 2; equal++) {
                TRY("cmpxchg8b (%2)", page + at, equal)
                TRY("lock cmpxchg8b (%2)", page + at, equal)
                TRY("cmpxchgl %%ecx, (%2)", page + at, equal)
                TRY("lock cmpxchgl %%ecx, (%2)", page + at, equal)
                TRY("lock cmpxchgw %%cx, (%2)", page + at, equal)
                TRY("lock cmpxchgb %%cl, (%2)", page + at, equal)
            }
    }
    return 0;
}
