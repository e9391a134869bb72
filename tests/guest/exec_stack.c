/* How much execve takes of arguments depends on the limit of the stack that the program has set itself.
 * needs: large-stack */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 131000 };

static void total(unsigned mib, int n)
{
    char *argv[64] = {(char *)"x"}, *envp[] = {(char *)"CHILD=1", NULL};
    struct rlimit l;
    int status = -1;
    getrlimit(RLIMIT_STACK, &l);
    l.rlim_cur = mib << 20;
    setrlimit(RLIMIT_STACK, &l);
    for (int i = 1; i <= n; i++)
        argv[i] = memset(calloc(1, SIZE), 'a', SIZE - 1);
    printf("stack %u MiB, %d strings:", mib, n);
    if (fork() == 0) {
        execve("/proc/self/exe", argv, envp);
        printf(" errno %d", errno);
        _exit(1);
    }
    wait(&status);
    printf(" status %#x\n", status);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    if (getenv("CHILD")) {
        printf(" %d arguments, the last has %zu", argc, strlen(argv[argc - 1]));
        return 0;
    }
    total(8, 15);
    total(8, 17);
    total(1, 1);
    total(1, 3);
    total(64, 40);
    total(64, 49);
    return 0;
}
