/* fork, vfork, execve: who is followed and who goes on alone. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int value = 1;

__attribute__((noinline)) void in_child(void)
{
    value += 10;
}

__attribute__((noinline)) void in_parent(int status)
{
    value += status & 1;
}

__attribute__((noinline)) void executed(void)
{
    value = 100;
}

int main(int argc, char **argv)
{
    int status;
    if (argc > 1 && !strcmp(argv[1], "again")) {
        executed();
        return 9;
    }
    pid_t pid = fork();
    if (!pid) {
        in_child();
        _exit(value);
    }
    waitpid(pid, &status, 0);
    in_parent(status);
    pid = vfork();
    if (!pid) {
        execl("/proc/self/exe", "fork", "again", NULL);
        _exit(77);
    }
    waitpid(pid, &status, 0);
    in_parent(status);
    execl("/proc/self/exe", "fork", "again", NULL);
    return 1;
}
