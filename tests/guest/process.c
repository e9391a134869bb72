/* fork, wait, exec, posix_spawn, pipes, exit statuses. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void show(const char *what, int st)
{
    if (WIFEXITED(st))
        printf("%s: exit %d\n", what, WEXITSTATUS(st));
    else
        printf("%s: signal %d\n", what, WTERMSIG(st));
}

int main(int argc, char **argv)
{
    int st, fd[2];
    char buf[64];
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1) {
        printf("child argv: %s %s\n", argv[1], getenv("MARK") ? getenv("MARK") : "-");
        return 42;
    }
    pid_t p = fork();
    if (!p)
        _exit(3);
    waitpid(p, &st, 0);
    show("fork", st);

    p = fork();
    if (!p)
        raise(SIGKILL);
    waitpid(p, &st, 0);
    show("kill", st);

    p = fork();
    if (!p)
        *(volatile int *)8 = 1;
    waitpid(p, &st, 0);
    show("null store", st & 0xff7f);

    if (pipe(fd))
        return 1;
    p = fork();
    if (!p) {
        write(fd[1], "through the pipe", 17);
        _exit(0);
    }
    read(fd[0], buf, sizeof buf);
    waitpid(p, &st, 0);
    printf("%s\n", buf);

    p = fork();
    if (!p) {
        setenv("MARK", "env passed", 1);
        execl("/proc/self/exe", argv[0], "one", NULL);
        _exit(9);
    }
    waitpid(p, &st, 0);
    show("exec", st);

    char *const none[] = {(char *)"x", NULL};
    char *const again[] = {argv[0], (char *)"spawned", NULL};
    posix_spawn(&p, "/proc/self/exe", NULL, NULL, again, environ);
    waitpid(p, &st, 0);
    show("spawn", st);

    printf("system: %d\n", WEXITSTATUS(system("exit 6")));
    errno = 0;
    printf("execve: %d %s\n", execve("/etc/passwd", none, environ), strerror(errno));
    return 0;
}
