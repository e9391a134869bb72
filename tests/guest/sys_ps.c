/* What other processes see of a program in /proc: its arguments and environment, after fork, execve and
 * when it changes them in place; its file, which can be looked at, opened and executed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static int same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static void look_at_file(const char *program)
{
    char name[64], own[4096] = "", link[4096] = "";
    struct stat a, b, c, d;
    int gate[2];
    pipe(gate);
    pid_t pid = fork();
    if (!pid) {
        close(gate[1]);
        read(gate[0], name, 1);
        _exit(0);
    }
    sprintf(name, "/proc/%d/exe", pid);
    readlink("/proc/self/exe", own, sizeof own - 1);
    readlink(name, link, sizeof link - 1);
    stat(program, &a);
    stat("/proc/self/exe", &b);
    stat(name, &c);
    fstat(open(name, O_RDONLY), &d);
    printf("file: link %d stat %d %d open %d\n", !strcmp(own, link), same(&a, &b), same(&a, &c),
           same(&a, &d));
    fflush(stdout);
    if (!fork())
        _exit(execl(name, "file", "is", "executed", NULL));
    wait(NULL);
    close(gate[1]);
    wait(NULL);
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
    if (argc == 3) {
        printf("%s %s %s\n", argv[0], argv[1], argv[2]);
        return 0;
    }
    if (argc == 1) {
        look_at_file(argv[0]);
        execve("/proc/self/exe", (char *[]){"again", "22222", NULL}, env);
        return 1;
    }
    look(NULL, NULL, 0);
    look(args, env, 0);
    look(NULL, NULL, 1);
    return 0;
}
