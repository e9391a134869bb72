/* SIGIO details on a signal of the program's choice (F_SETSIG), and fcntl's owner calls. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int got, code, fd_of, band;

static void handler(int sig, siginfo_t *i, void *ctx)
{
    (void)ctx;
    got = sig, code = i->si_code, fd_of = i->si_fd, band = (int)i->si_band;
}

int main(void)
{
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    char dir[] = "/tmp/sigioXXXXXX", file[64];
    int p[2];
    struct f_owner_ex own = {F_OWNER_PID, getpid()};

    sigaction(SIGRTMIN + 1, &sa, NULL);
    sigaction(SIGUSR1, &sa, NULL);
    sigaction(SIGIO, &sa, NULL);

    if (!mkdtemp(dir))
        return 1;
    int d = open(dir, O_RDONLY);
    printf("setsig %d ", fcntl(d, F_SETSIG, SIGRTMIN + 1));
    printf("notify %d\n", fcntl(d, F_NOTIFY, DN_CREATE));
    snprintf(file, sizeof file, "%s/x", dir);
    close(open(file, O_CREAT | O_RDWR, 0600));
    printf("dnotify: rt %d code %d fd %d band %x\n", got == SIGRTMIN + 1, code, fd_of == d, band);
    unlink(file), rmdir(dir), close(d);

    static const int sigs[] = {0, 10 /* SIGUSR1 */, 29 /* SIGIO */};
    for (unsigned i = 0; i < 3; i++) {
        if (pipe(p))
            return 1;
        got = code = fd_of = band = 0;
        fcntl(p[0], F_SETSIG, sigs[i]);
        printf("setown_ex %d", fcntl(p[0], F_SETOWN_EX, &own));
        memset(&own, 0, sizeof own);
        int r = fcntl(p[0], F_GETOWN_EX, &own);
        printf(" getown_ex %d %d %d", r, own.type, own.pid == getpid());
        printf(" getown %d getsig %d\n", fcntl(p[0], F_GETOWN) == getpid(), fcntl(p[0], F_GETSIG));
        fcntl(p[0], F_SETFL, O_ASYNC);
        if (write(p[1], "x", 1) != 1)
            return 1;
        printf("sig %d: got %d code %d fd %d band %x\n", sigs[i], got, code, fd_of == p[0], band);
        close(p[0]), close(p[1]);
    }
    return 0;
}
