/* For tests that need another task to have come to rest, however slow the machine is. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The task's state as /proc tells it, 0 if there is no such task. */
static char state_of(int pid, int tid)
{
    char path[64], text[512] = "", *end;
    sprintf(path, "/proc/%d/task/%d/stat", pid, tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    read(fd, text, sizeof text - 1);
    close(fd);
    end = strrchr(text, ')');
    return end ? end[2] : 0;
}

/* Until it sleeps (S), is stopped (T), traced (t), has ended (Z): one of these, and not for a moment only. */
static void wait_state(int pid, int tid, const char *states)
{
    for (int n = 0; n < 3; usleep(1000)) {
        char c = state_of(pid, tid);
        n = c && strchr(states, c) ? n + 1 : 0;
    }
}
