/* The LDT belongs to all threads: a descriptor that one changes is changed for another that has its
 * selector loaded. */
#include <asm/ldt.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int stage;
static char a[16] = "A", b[16] = "B";

static void set(const void *base, unsigned limit, unsigned flags)
{
    struct user_desc d = {.entry_number = 1, .base_addr = (unsigned)base, .limit = limit};
    memcpy((char *)&d + 12, &flags, 4);
    syscall(SYS_modify_ldt, 0x11, &d, sizeof d);
}

static void *user(void *arg)
{
    unsigned v1 = 0, v2 = 0, now;
    __asm__ volatile("mov %w0, %%es" : : "r"(1 << 3 | 7));
    __asm__ volatile("movb %%es:0, %b0" : "=q"(v1));
    stage = 1;
    while (stage == 1)
        __asm__ volatile("pause");
    __asm__ volatile("movb %%es:0, %b0" : "=q"(v2));
    stage = 3;
    while (stage == 3)
        __asm__ volatile("pause");
    __asm__ volatile("mov %%es, %0; push $0x2b; pop %%es" : "=r"(now));
    printf("first %c, changed %c, es after clearing %x\n", (char)v1, (char)v2, now);
    return arg;
}

int main(void)
{
    pthread_t t;
    set(a, 15, 0x51);
    pthread_create(&t, NULL, user, NULL);
    while (stage != 1)
        usleep(100);
    set(b, 15, 0x51);
    stage = 2;
    while (stage != 3)
        usleep(100);
    set(NULL, 0, 0x28);
    stage = 4;
    pthread_join(t, NULL);
    return 0;
}
