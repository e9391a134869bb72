/* vfork: the child shares memory until it execs, so posix_spawn can report a missing file. */
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(void)
{
    volatile int shared = 0;
    int st;
    pid_t p = vfork();
    if (!p) {
        shared = 77;
        _exit(5);
    }
    waitpid(p, &st, 0);
    printf("exit %d shared %d\n", WEXITSTATUS(st), shared);
    char *const argv[] = {(char *)"x", NULL};
    int r = posix_spawn(&p, "/nonexistent/program", NULL, NULL, argv, environ);
    printf("spawn of a missing file: %s\n", strerror(r));
    return 0;
}
