/* Threads that read different files of /proc/self at once: each gets its text whole. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { READS = 400 };

static int slurp(const char *name, char *out, int size)
{
    int n = 0, r, fd = open(name, O_RDONLY);
    while (fd >= 0 && (r = read(fd, out + n, size - 1 - n)) > 0)
        n += r;
    out[n] = 0;
    close(fd);
    return n;
}

/* Every line has a name, and the lines of the first and the last part are there. */
static void *status(void *bad)
{
    char text[8192];
    for (int i = 0; i < READS; i++) {
        slurp("/proc/self/status", text, sizeof text);
        int ok = !strncmp(text, "Name:\t", 6) && strstr(text, "\nPid:\t") && strstr(text, "\nVmSize:\t") &&
                 strstr(text, "\nSigCgt:\t") && strstr(text, "\nnonvoluntary_ctxt_switches:\t");
        for (char *p = text; *p; p = strchr(p, '\n') + 1)
            if (!strchr(p, '\n') || strcspn(p, ":") > strcspn(p, "\n")) {
                ok = 0;
                break;
            }
        *(int *)bad += !ok;
    }
    return NULL;
}

static int count_fields(void)
{
    char text[4096];
    int n = slurp("/proc/self/stat", text, sizeof text), fields = 0;
    const char *p = strrchr(text, ')');
    while (p && (p = strchr(p + 1, ' ')))
        fields++;
    return n > 0 && text[n - 1] == '\n' ? fields : -1;
}

static int fields; /* depends on the kernel */

static void *stat(void *bad)
{
    for (int i = 0; i < READS; i++)
        *(int *)bad += count_fields() != fields;
    return NULL;
}

int main(void)
{
    int bad[4] = {0};
    pthread_t t[4];
    fields = count_fields();
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, i % 2 ? stat : status, &bad[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    printf("fields %d\n", fields > 40);
    printf("status %d %d stat %d %d\n", bad[0], bad[2], bad[1], bad[3]);
    return 0;
}
