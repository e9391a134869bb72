/* What other processes see of a program in /proc: its arguments and environment, after fork, execve and
 * when it changes them in place. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void show(pid_t pid, const char *file)
{
    char name[64], text[4096];
    snprintf(name, sizeof name, "/proc/%d/%s", pid, file);
    int fd = open(name, O_RDONLY), n = read(fd, text, sizeof text);
    close(fd);
    printf("%s:", file);
    for (int i = 0; i < n; i++)
        putchar(text[i] ? text[i] : '|');
    printf("\n");
}

static void look(char *const *argv, char *const *envp, int change)
{
    int up[2], down[2];
    char c;
    pipe(up);
    pipe(down);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        if (argv) {
            dup2(up[1], 1);
            dup2(down[0], 0);
            execve("/proc/self/exe", argv, envp);
        }
        if (change)
            strcpy(environ[0] - 6, "other");
        write(up[1], "", 1);
        read(down[0], &c, 1);
        _exit(0);
    }
    read(up[0], &c, 1);
    show(pid, "cmdline");
    show(pid, "environ");
    write(down[1], "", 1);
    waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
    static char *args[] = {"first", "second one", "", "last5", NULL}, *env[] = {"A=b", "LONG=value", NULL};
    char c;
    if (argc == 4 && !strcmp(argv[0], "first")) {
        write(1, "", 1);
        read(0, &c, 1);
        return 0;
    }
    if (argc == 1) {
        execve("/proc/self/exe", (char *[]){"again", "22222", NULL}, env);
        return 1;
    }
    look(NULL, NULL, 0);
    look(args, env, 0);
    look(NULL, NULL, 1);
    return 0;
}
