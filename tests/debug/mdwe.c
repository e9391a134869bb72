/* prctl(PR_SET_MDWE), a program of the host executed by a vfork child and a file that is no program: what is executed
 * next must still be translated. usage: mdwe HOSTPROGRAM FILE */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    if (argc < 3) {
        for (volatile unsigned i = 0; i < 100000; i++)
            ;
        return prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0) != 1;
    }
    if (prctl(65 /* PR_SET_MDWE */, 1, 0, 0, 0))
        return 2;
    if (!vfork()) {
        execl(argv[1], argv[1], (char *)0);
        _exit(1);
    }
    wait(NULL);
    execl(argv[2], argv[2], (char *)0);
    execl("/proc/self/exe", argv[0], (char *)0);
    return 3;
}
