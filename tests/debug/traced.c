/* What strace is to show: files, a child, a thread, a signal, a program executed, errors. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void handler(int sig) { write(1, "signal\n", 7); }

static void *thread(void *arg)
{
    syscall(SYS_access, "/nowhere/thread", R_OK);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct iovec v[2] = {{"abc", 3}, {"defgh\n", 6}};
    struct stat st;
    pthread_t t;
    int fds[2], status;
    if (argc > 1) { /* as a program executed */
        write(1, "executed\n", 9);
        raise(SIGTERM);
    }
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    stat("/nowhere", &st);
    writev(1, v, 2);
    socketpair(AF_UNIX, SOCK_DGRAM, 0, fds);
    send(fds[0], "text", 4, MSG_DONTWAIT);
    sigaction(SIGUSR1, &sa, NULL);
    syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), SIGUSR1);
    printf("uid is 4711: %d\n", syscall(SYS_getuid32) == 4711);
    fflush(stdout);
    pid_t p = fork();
    if (!p) {
        syscall(SYS_access, "/nowhere/child", R_OK);
        execl(argv[0], argv[0], "again", NULL);
        _exit(1);
    }
    waitpid(p, &status, 0);
    pthread_create(&t, NULL, thread, NULL);
    pthread_join(t, NULL);
    close(fd);
    return 3;
}
