/* Single stepping with EFLAGS.TF: where #DB comes, one iteration of REP at a time, over instructions
 * that change flags, over system calls, faults, handlers and signal returns. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

uintptr_t code;
static uintptr_t vsys;
static char log_[8192];
static int n, limit, skip, clear_at = -1, raise_at = -1;
static greg_t last_eip;

static void put(const char *fmt, ...)
{
    __builtin_va_list ap;
    __builtin_va_start(ap, fmt);
    n += vsnprintf(log_ + n, sizeof log_ - n, fmt, ap);
    __builtin_va_end(ap);
}

static void where(uintptr_t a)
{
    if (a - code < 256)
        put(" %u", (unsigned)(a - code));
    else if (a - vsys < 64)
        put(" vdso+");
    else
        put(" ?%x", (unsigned)a);
}

static int steps;
static void trap(int sig, siginfo_t *i, void *u)
{
    greg_t *g = ((ucontext_t *)u)->uc_mcontext.gregs;
    where(g[REG_EIP]);
    if (i->si_code != TRAP_TRACE || (uintptr_t)i->si_addr != (uintptr_t)g[REG_EIP])
        put("(code %d addr %s)", i->si_code, i->si_addr ? "set" : "0");
    if (g[REG_TRAPNO] != 1 || g[REG_ERR] || (g[REG_EFL] & 0x10100) != 0x100)
        put("[trapno %d err %x efl %x]", (int)g[REG_TRAPNO], (unsigned)g[REG_ERR],
            (unsigned)g[REG_EFL] & 0x10100);
    if (g[REG_ECX] > 0 && g[REG_ECX] < 16)
        put("(ecx %d)", (int)g[REG_ECX]);
    if (++steps == clear_at || steps > limit)
        g[REG_EFL] &= ~0x100;
    if (steps == raise_at)
        raise(SIGUSR1);
}

static void fault(int sig, siginfo_t *i, void *u)
{
    greg_t *g = ((ucontext_t *)u)->uc_mcontext.gregs;
    unsigned now;
    __asm__ volatile("pushf; pop %0" : "=r"(now));
    put(" {sig %d at %d efl %x now %x}", sig, g[REG_EIP] - code < 256 ? (int)(g[REG_EIP] - code) : -1, (unsigned)g[REG_EFL] & 0x10100,
        now & 0x100);
    if (sig != SIGUSR1)
        g[REG_EIP] += skip;
}

#define STEP(name, max, text)                                                                       \
    do {                                                                                           \
        n = steps = 0;                                                                             \
        limit = max;                                                                               \
        unsigned si = (unsigned)buf, di = (unsigned)buf + 64;                                      \
        __asm__ volatile("push %%ebx; xor %%ebx,%%ebx; movl $1f,code; pushf; orl $0x100,(%%esp)\n" \
                         "popf\n1:\n" text                                                         \
                         "\n pushf; andl $~0x100,(%%esp); popf; pop %%ebx\n"                       \
                         : "+S"(si), "+D"(di)                                                      \
                         :                                                                         \
                         : "eax", "ecx", "edx", "memory", "cc");                                   \
        printf("%s:%s\n", name, log_);                                                             \
    } while (0)

int main(void)
{
    static char buf[128];
    struct sigaction sa = {.sa_sigaction = trap, .sa_flags = SA_SIGINFO};
    setvbuf(stdout, NULL, _IONBF, 0);
    __asm__("mov %%gs:0x10,%0" : "=r"(vsys));
    sigaction(SIGTRAP, &sa, NULL);
    sa.sa_sigaction = fault;
    sigaction(SIGILL, &sa, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGFPE, &sa, NULL);
    sigaction(SIGUSR1, &sa, NULL);

    uintptr_t text = (uintptr_t)&main & ~0xfffu;
    mprotect((void *)text, 0x3000, PROT_READ | PROT_WRITE | PROT_EXEC);
    skip = 2;
    STEP("nops", 100, "nop; nop; nop");
    STEP("branches", 100, "jmp 2f; nop; 2: xor %%eax,%%eax; jnz 2b; jz 3f; nop; 3: call 4f; jmp 5f; 4: ret; 5: nop");
    STEP("loop", 100, "mov $3,%%ecx; 2: dec %%ecx; jnz 2b");
    STEP("rep movsb", 100, "mov $4,%%ecx; rep movsb; nop");
    STEP("rep stosl", 100, "mov $3,%%ecx; rep stosl; nop");
    STEP("rep stos 0", 100, "xor %%ecx,%%ecx; rep stosl; nop");
    STEP("repe cmpsb", 100, "mov $4,%%ecx; repe cmpsb; nop");
    STEP("repne scasb", 100, "mov $5,%%ecx; mov $0,%%al; repne scasb; nop");
    STEP("rep lodsb", 100, "mov $2,%%ecx; rep lodsb; nop");
    STEP("pushf", 100, "pushf; pop %%eax; test $0x100,%%eax; jz 2f; nop; nop; 2: nop");
    STEP("popf clears", 100, "pushf; andl $~0x100,(%%esp); popf; nop; pushf; orl $0x100,(%%esp); popf; nop");
    STEP("popfw", 100, "pushfw; andw $~0x100,(%%esp); popfw; nop; nop; pushf; orl $0x100,(%%esp); popf; nop");
    STEP("iret sets", 100,
         "pushf; andl $~0x100,(%%esp); popf; pushf; orl $0x100,(%%esp); push %%cs; push $2f; iret; nop; 2: nop; nop");
    STEP("iret clears", 100, "pushf; andl $~0x100,(%%esp); push %%cs; push $2f; iret; nop; 2: nop; nop");
    STEP("mov ss", 100, "mov %%ss,%%eax; mov %%eax,%%ss; nop; nop");
    STEP("mov ss twice", 100, "mov %%ss,%%eax; mov %%eax,%%ss; mov %%eax,%%ss; nop; nop");
    STEP("lss", 100, "sub $8,%%esp; lea 8(%%esp),%%eax; mov %%eax,(%%esp); mov %%ss,4(%%esp); lss (%%esp),%%esp; nop; nop");
    STEP("mov ss, ud2", 100, "mov %%ss,%%eax; mov %%eax,%%ss; ud2; nop");
    STEP("mov ss, int80", 100, "mov %%ss,%%edx; mov $20,%%eax; mov %%edx,%%ss; int $0x80; nop; nop");
    STEP("self-modifying", 100, "mov $2f,%%edx; movb $0x41,(%%edx); 2: .byte 0x40; nop");
    STEP("pop ss", 100, "push %%ss; pop %%ss; nop; nop");
    STEP("pop ds", 100, "push %%ds; pop %%ds; nop; nop");
    STEP("mov gs", 100, "mov %%gs,%%eax; mov %%eax,%%gs; nop");
    STEP("lret", 100, "push %%cs; push $2f; lret; nop; 2: nop");
    STEP("int 0x80", 100, "mov $20,%%eax; int $0x80; nop; nop");
    STEP("int 0x80, unknown", 100, "mov $9999,%%eax; int $0x80; nop; nop");
    STEP("vsyscall call", 6, "mov $20,%%eax; nop; nop");
    skip = 2;
    STEP("ud2", 100, "nop; ud2; nop; nop");
    STEP("div", 100, "xor %%ecx,%%ecx; div %%ecx; nop; nop");
    STEP("hlt", 100, "nop; int $0x20; nop; nop");
    skip = 6;
    STEP("load fault", 100, "nop; movl 0(%%ebx,%%ebx),%%ecx; nop; nop; nop; nop");
    skip = 2;
    STEP("int3", 100, "nop; int3; nop; nop");
    STEP("int 3", 100, "nop; .byte 0xcd,3; nop; nop");
    skip = 0;
    STEP("into", 100, "mov $0x7fffffff,%%eax; inc %%eax; into; nop; xor %%eax,%%eax; into; nop");
    clear_at = 3;
    STEP("cleared in the handler", 100, "nop; nop; nop; nop; nop; nop");
    clear_at = -1;
    raise_at = 2;
    STEP("signal in the handler", 100, "nop; nop; nop; nop");
    raise_at = -1;
    STEP("kill", 100, "mov $20,%%eax; int $0x80; mov %%eax,%%ebx; mov $10,%%ecx; mov $37,%%eax; int $0x80; nop; xor %%ebx,%%ebx");
    STEP("lock cmpxchg8b", 100, "lock cmpxchg8b (%%esi); nop");
    STEP("x87", 100, "fld1; fstp %%st(0); fwait; nop");
    STEP("enter, leave", 100, "enter $8,$1; leave; pusha; popa; nop");
    STEP("xlat, bound", 100, "push %%ebx; mov %%esi,%%ebx; xlat; pop %%ebx; nop");
    return 0;
}
