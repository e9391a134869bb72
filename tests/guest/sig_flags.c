/* Status flags in the frames of signals that come at any time into a loop where most flags are overwritten
 * before they are read: they follow from where it was interrupted and the registers. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, OF = 2048, ALL = CF | PF | AF | ZF | SF | OF, TICKS = 100 };

uint32_t data[8], stop;
void loop(void);
extern const char after_add[], after_sub[], after_xor[], after_cmp[], after_test[], behind[];
__asm__(".text\nloop: pusha; mov $data, %ebx; mov $0x1234567, %ecx; mov $0, %eax; mov $0, %edx\n"
        "1: add %ecx, %eax\n"
        "after_add: mov (%ebx), %esi; mov %eax, 4(%ebx); jmp 2f; 2: lea 3(%eax), %edi; mov %edi, 8(%ebx)\n"
        "sub $0x7654321, %edx\n"
        "after_sub: mov %edx, 12(%ebx); mov %edx, %esi; mov %eax, 4(%ebx); jecxz 3f; mov (%ebx), %edi; 3: nop\n"
        "xor %eax, %esi\n"
        "after_xor: push %esi; pop %edi; mov %edi, 16(%ebx)\n"
        "cmp %ecx, %edx\n"
        "after_cmp: mov 8(%ebx), %edi; mov %edi, %ebp; mov %ebp, 20(%ebx)\n"
        "cmpl $0, stop\n"
        "after_test: je 1b\n"
        "behind: popa; ret\n");

static volatile uint32_t ticks, wrong;

static uint32_t flags_of(uint32_t a, uint32_t b, uint32_t r, int sub)
{
    uint32_t carry = sub ? (~a & b) | (~(a ^ b) & r) : (a & b) | ((a | b) & ~r);
    uint32_t over = sub ? (a ^ b) & (a ^ r) : (a ^ r) & (b ^ r);
    return (carry >> 31 ? CF : 0) | (carry & 8 ? AF : 0) | (over >> 31 ? OF : 0) | (r >> 31 ? SF : 0) |
           (r ? 0 : ZF) | (__builtin_parity(r & 255) ? 0 : PF);
}

static void on_tick(int sig, siginfo_t *info, void *context)
{
    const greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    const char *eip = (const char *)(uintptr_t)r[REG_EIP];
    uint32_t eax = (uint32_t)r[REG_EAX], ecx = (uint32_t)r[REG_ECX], edx = (uint32_t)r[REG_EDX];
    uint32_t esi = (uint32_t)r[REG_ESI], undefined = 0, want = ZF | PF;
    (void)sig, (void)info;
    if (eip < (const char *)loop || eip >= behind || !ecx || ecx != 0x1234567)
        return;
    if (eip >= after_test)
        ;
    else if (eip >= after_cmp)
        want = flags_of(edx, ecx, edx - ecx, 1);
    else if (eip >= after_xor)
        want = flags_of(esi, 0, esi, 1), undefined = AF;
    else if (eip >= after_sub)
        want = flags_of(edx + 0x7654321, 0x7654321, edx, 1);
    else if (eip >= after_add)
        want = flags_of(eax - ecx, ecx, eax, 0);
    else if (!data[1])
        return; /* in the first round */
    wrong += (((uint32_t)r[REG_EFL] ^ want) & ALL & ~undefined) != 0;
    if (++ticks == TICKS)
        stop = 1;
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO};
    struct itimerval it = {{0, 1000}, {0, 1000}}, off;
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    loop();
    memset(&off, 0, sizeof off);
    setitimer(ITIMER_REAL, &off, NULL);
    printf("wrong: %u of %u\n", wrong, ticks >= TICKS ? TICKS : 0);
}
