/* PTRACE_SINGLEBLOCK stops behind taken branches and system calls. Where the processor lacks that
 * (many virtual machines) it is a single step, and the stops between are seen, too: all of them. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

extern char body[], body_end[], targets[];
void run_body(void);
__asm__("run_body: jmp body\n"
        "body: nop\n mov $3, %ecx\n"
        "1: nop\n dec %ecx\n jnz 1b\n"
        "call 9f\n"
        "2: nop\n jmp 3f\n nop\n"
        "3: xor %eax, %eax\n je 4f\n nop\n"
        "4: jne 5f\n nop\n"
        "5: push %ebx\n mov $20, %eax\n int $0x80\n"
        "6: pop %ebx\n mov $5, %ecx\n mov $buffer, %edi\n cld\n rep stosb\n"
        "mov $7f, %eax\n jmp *%eax\n nop\n"
        "7: mov $2, %ecx\n loop 8f\n nop\n"
        "8: ret\n"
        "9: nop\n ret\n"
        "body_end: nop\n"
        ".data\ntargets: .long body, 1b, 1b, 9b, 2b, 3b, 4b, 6b, 7b, 8b, 0\n"
        ".bss\nbuffer: .skip 8\n.text\n");

static _Noreturn void child(void)
{
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    run_body();
    _exit(3);
}

int main(void)
{
    const unsigned long *next = (const unsigned long *)targets;
    struct user_regs_struct r;
    int status, between = 0, inside = 0;
    pid_t pid = fork();
    if (!pid)
        child();
    waitpid(pid, &status, 0);
    for (;;) {
        if (ptrace(PTRACE_SINGLEBLOCK, pid, 0, 0)) {
            perror("PTRACE_SINGLEBLOCK");
            break;
        }
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
            break;
        ptrace(PTRACE_GETREGS, pid, 0, &r);
        unsigned long at = (unsigned long)r.eip;
        if (at >= (unsigned long)body && at < (unsigned long)body_end) {
            inside = 1;
            if (at == *next)
                next++;
            else
                between++;
        } else if (inside) {
            break;
        }
    }
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);
    printf("targets seen: %s\n", *next ? "not all" : "all");
    printf("stops between: %s\n", between == 0 || between > 20 ? "none or all" : "some");
    printf("end %#x\n", (unsigned)status);
    return 0;
}
