/* Dies in a known state, for the core file test: registers, x87, SSE, threads, thread-local storage. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

char data[64] = "data in the core file";
const char constant[] = "constant in the program";
__thread int tls = 1;
char *anon, *none;
static double one_and_a_half = 1.5;
static volatile int ready;

static void *sleeper(void *arg)
{
    tls = 2;
    ready++;
    for (;;)
        pause();
    return arg;
}

static void *spinner(void *arg)
{
    tls = 3;
    ready++;
    for (volatile unsigned i = 0;; i++)
        ;
    return arg;
}

__attribute__((noinline)) void fault(int depth)
{
    if (depth) {
        fault(depth - 1);
        __asm__ volatile("");
        return;
    }
    __asm__ volatile("fninit; fldl %0; movups %1,%%xmm3\n"
                     "movl $0x11,%%eax; movl $0x22,%%ecx; movl $0x33,%%edx; movl $0x44,%%esi; movl $0x55,%%edi\n"
                     "stc; movl %%eax,0x1234"
                     :
                     : "m"(one_and_a_half), "m"(*data)
                     : "eax", "ecx", "edx", "esi", "edi");
}

int main(int argc, char **argv)
{
    pthread_t t;
    anon = mmap(NULL, 0x3000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(anon + 0x2000, "anonymous");
    none = mmap(NULL, 0x1000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(none, "no access");
    mprotect(none, 0x1000, PROT_NONE);
    if (argc > 2) {
        pthread_create(&t, NULL, sleeper, NULL);
        pthread_create(&t, NULL, spinner, NULL);
        while (ready < 2)
            usleep(1000);
        usleep(20000);
    }
    if (argc > 1 && !strcmp(argv[1], "abort"))
        abort();
    if (argc > 1 && !strcmp(argv[1], "quit"))
        raise(SIGQUIT);
    if (argc > 1 && !strcmp(argv[1], "term"))
        raise(SIGTERM);
    fault(3);
    return 0;
}
