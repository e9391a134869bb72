/* System calls that are caught. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    int fd = syscall(SYS_open, "/dev/null", O_RDONLY);
    syscall(SYS_close, fd);
    syscall(SYS_getppid);
    int e = syscall(SYS_close, -1);
    return e == -1 ? 4 : 5;
}
