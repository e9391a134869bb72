/* execve: limits that the program inherits, and how much it takes of arguments and environment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STRING_MAX = 131072 /* with its NUL */ };

static void say_limits(void)
{
    static const int kinds[] = {RLIMIT_STACK, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE};
    for (int i = 0; i < 4; i++) {
        struct rlimit l;
        getrlimit(kinds[i], &l);
        printf(" %lx/%lx", (long)l.rlim_cur, (long)l.rlim_max);
    }
    void *p = mmap(NULL, 300 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf(" 300 MiB: %d\n", p == MAP_FAILED ? errno : 0);
}

static int child(int argc, char **argv, char **envp)
{
    size_t args = 0, vars = 0;
    for (int i = 0; i < argc; i++)
        args += strlen(argv[i]) + 1;
    for (; *envp; envp++)
        vars += strlen(*envp) + 1;
    printf(" %d arguments, first %d, %zu bytes, environment %zu;", argc,
           argc ? (int)strlen(argv[0]) : -1, args, vars);
    if (argc == 2 && !strcmp(argv[1], "limits"))
        say_limits();
    return 0;
}

static void run(const char *what, char **argv, char **envp)
{
    int status = -1;
    printf("%s:", what);
    if (fork() == 0) {
        syscall(SYS_execve, "/proc/self/exe", argv, envp);
        printf(" errno %d", errno);
        _exit(1);
    }
    wait(&status);
    printf(" status %#x\n", status);
}

static char *text(int n)
{
    char *s = malloc((size_t)n + 1);
    memset(s, 'a', (size_t)n);
    s[n] = 0;
    return s;
}

int main(int argc, char **argv, char **envp)
{
    const struct rlimit stack = {1 << 20, 4 << 20}, as = {200 << 20, 1 << 30};
    const struct rlimit data = {100 << 20, 1 << 30}, files = {30, 50};
    char *mark[] = {(char *)"CHILD=1", NULL};
    setvbuf(stdout, NULL, _IONBF, 0);
    if (getenv("CHILD"))
        return child(argc, argv, envp);
    run("longest first argument", (char *[]){text(STRING_MAX - 1), NULL}, mark);
    run("too long", (char *[]){text(STRING_MAX), NULL}, mark);
    run("longest argument", (char *[]){(char *)"x", text(STRING_MAX - 1), NULL}, mark);
    run("longest variable", (char *[]){(char *)"x", NULL},
        (char *[]){mark[0], memcpy(text(STRING_MAX - 1), "V=", 2), NULL});
    run("no argument", (char *[]){NULL}, mark);
    run("no vector", NULL, mark);
    setrlimit(RLIMIT_STACK, &stack);
    setrlimit(RLIMIT_AS, &as);
    setrlimit(RLIMIT_DATA, &data);
    setrlimit(RLIMIT_NOFILE, &files);
    run("limits", (char *[]){(char *)"x", (char *)"limits", NULL}, mark);
    return 0;
}
