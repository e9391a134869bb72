/* Run by the kernel through xrun: says how it was started. With "child": runs itself again. */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct utsname u;
    char exe[256] = "";
    uname(&u);
    readlink("/proc/self/exe", exe, sizeof exe - 1);
    printf("%zu bits on %s, exe %s, file %s:", 8 * sizeof(void *), u.machine, exe, (char *)getauxval(AT_EXECFN));
    for (int i = 0; i < argc; i++)
        printf(" [%s]", argv[i]);
    puts("");
    fflush(stdout);
    if (argc < 2 || strcmp(argv[1], "child"))
        return argc;
    int status;
    if (fork() == 0) {
        execl("/prog", "another name", "started", NULL);
        _exit(99);
    }
    wait(&status);
    printf("child's status %d\n", WEXITSTATUS(status));
    return 0;
}
