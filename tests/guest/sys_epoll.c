/* epoll_wait with room for thousands of events gives them all, and what fits if the buffer ends early.
 * More descriptors are watched than a process may have: several processes register theirs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 12, EACH = 500, ALL = CHILDREN * EACH, PAGE = 4096 };

static int ep;

static _Noreturn void child(int number, int ready, int over)
{
    char c = 0;
    for (int i = 0; i < EACH; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)number << 40 | (unsigned)i};
        int fd = eventfd(1, 0);
        if (fd < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)) {
            perror("child");
            c = 1;
            break;
        }
    }
    if (write(ready, &c, 1) != 1 || read(over, &c, 1) != 0)
        _exit(1);
    _exit(0);
}

static void count(int max)
{
    static unsigned char seen[ALL];
    struct epoll_event *e = calloc((size_t)max, sizeof *e);
    int n = epoll_wait(ep, e, max, 1000), twice = 0;
    for (int i = 0; i < ALL; i++)
        seen[i] = 0;
    for (int i = 0; i < n; i++)
        twice += seen[(e[i].data.u64 >> 40) * EACH + (e[i].data.u64 & 0xffff)]++;
    printf("room for %d: %d, twice %d\n", max, n, twice);
    free(e);
}

static void short_buffer(void)
{
    char *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(p + PAGE, PAGE, PROT_NONE);
    for (int fit = 3; fit >= 0; fit--) {
        errno = 0;
        int n = epoll_wait(ep, (void *)(p + PAGE - fit * sizeof(struct epoll_event)), 10, 1000);
        printf("%d fit: %d, errno %d\n", fit, n, errno);
    }
}

int main(void)
{
    int ready[2], over[2], status, bad = 0;
    char c;
    setvbuf(stdout, NULL, _IONBF, 0);
    ep = epoll_create1(0);
    if (ep < 0 || pipe(ready) || pipe(over))
        return 1;
    for (int i = 0; i < CHILDREN; i++)
        if (!fork()) {
            close(over[1]);
            child(i, ready[1], over[0]);
        }
    for (int i = 0; i < CHILDREN; i++)
        bad += read(ready[0], &c, 1) != 1 || c;
    count(10);
    count(4096);
    count(ALL);
    count(100000);
    short_buffer();
    close(over[1]);
    while (wait(&status) > 0)
        bad += status != 0;
    printf("bad %d\n", bad);
    return 0;
}
