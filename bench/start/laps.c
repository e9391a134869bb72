/* How long commands take from start to end by the clock, interleaved: `laps ROUNDS COMMAND...`, each
 * command one argument, split at blanks. Prints the least and the median time, and both as
 * multiples of the first command's. Standard output of the commands is thrown away. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { COMMANDS_MAX = 16, WORDS_MAX = 64 };

extern char **environ;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double run(char **words, const posix_spawn_file_actions_t *quiet)
{
    pid_t p;
    int status;
    double start = now();
    if (posix_spawnp(&p, words[0], quiet, NULL, words, environ) || waitpid(p, &status, 0) < 0 || status) {
        fprintf(stderr, "%s: failed\n", words[0]);
        exit(1);
    }
    return now() - start;
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[1]) : 0, n = argc - 2;
    static char *words[COMMANDS_MAX][WORDS_MAX];
    posix_spawn_file_actions_t quiet;
    if (rounds < 1 || n > COMMANDS_MAX)
        return 2;
    double *t = calloc((size_t)rounds * (size_t)n, sizeof *t), least = 0, median = 0;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    for (int i = 0; i < n; i++) {
        int k = 0;
        for (char *w = strtok(strdup(argv[i + 2]), " "); w && k < WORDS_MAX - 1; w = strtok(NULL, " "))
            words[i][k++] = w;
    }
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < n; i++)
            t[i * rounds + r] = run(words[i], &quiet);
    for (int i = 0; i < n; i++) {
        double *x = &t[i * rounds];
        qsort(x, (size_t)rounds, sizeof *x, compare);
        if (!i) {
            least = x[0];
            median = x[rounds / 2];
        }
        printf("%8.2f ms least, %8.2f ms median   %6.2f %6.2f   %s\n", x[0], x[rounds / 2],
               x[0] / least, x[rounds / 2] / median, argv[i + 2]);
    }
    return 0;
}
