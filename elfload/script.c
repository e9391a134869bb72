/* #! scripts as fs/binfmt_script.c runs them: the first 256 bytes count, one optional argument, five
 * levels. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/log.h"
#include "core/path.h"
#include "elfload/elfload.h"

enum { HEAD = 256, LEVELS = 5 };

static int fail(struct elfload_error *e, int err, const char *reason)
{
    e->err = err;
    e->late = false;
    snprintf(e->reason, sizeof e->reason, "%s", reason);
    return -1;
}

static bool blank(char c) { return c == ' ' || c == '\t'; }

/* First character of [p, last] that is not blank; NULL if there is none. */
static char *skip_blanks(char *p, char *last)
{
    for (; p <= last; p++)
        if (!blank(*p))
            return p;
    return NULL;
}

/* First blank or NUL of [p, last]. */
static char *find_end(char *p, char *last)
{
    for (; p <= last; p++)
        if (blank(*p) || !*p)
            return p;
    return NULL;
}

/* Splits the first line into interpreter and argument (NULL if none). A line that does not end
 * within the buffer will do if the interpreter's name does. False if malformed. */
static bool parse(char head[HEAD], char **interp, char **arg)
{
    char *last = head + HEAD - 1, *end = memchr(head, '\n', HEAD);
    if (!end) {
        char *name = skip_blanks(head + 2, last);
        if (!name || !find_end(name, last))
            return false;
        end = last;
    }
    while (blank(end[-1]))
        end--;
    char *name = skip_blanks(head + 2, end);
    if (!name || name == end)
        return false;
    char *stop = find_end(name, end);
    *arg = stop && *stop ? skip_blanks(stop, end) : NULL;
    *end = 0;
    if (*arg)
        *stop = 0;
    *interp = name;
    return true;
}

static char **insert(char **argv, const char *interp, const char *arg, const char *script)
{
    size_t n = 0;
    while (argv[n])
        n++;
    char **v = xcalloc(n + 4, sizeof *v);
    size_t k = 0;
    v[k++] = xstrdup(interp);
    if (arg)
        v[k++] = xstrdup(arg);
    v[k++] = xstrdup(script);
    for (size_t i = 1; i < n; i++)
        v[k++] = argv[i];
    free(argv);
    return v;
}

enum { UNREADABLE = -2 }; /* may be executed, but by the host's kernel only */

/* Opens what is to be executed under the guest's name `path`. */
static int open_exec(const char *path, struct elfload_error *e)
{
    char host[PATH_MAX];
    struct stat st;
    int r = path_to_host(*path ? path : ".", host, true, false);
    if (r)
        return fail(e, -r, strerror(-r));
    int fd = open(host, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == EACCES && !path_executable(host))
        return UNREADABLE;
    if (fd < 0)
        return fail(e, errno, errno == ENOENT ? "no such file" : strerror(errno));
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        fail(e, EACCES, S_ISDIR(st.st_mode) ? "is a directory" : "not a regular file");
    else if (!elfload_executable(fd, host, e))
        return fd;
    close(fd);
    return -1;
}

int elfload_script(char **path, char ***argv, const char *name, struct elfload_error *e)
{
    for (int level = 0;; level++) {
        char head[HEAD] = "", *interp, *arg;
        int fd = open_exec(*path, e);
        if (fd == -1)
            return level ? elfload_blame(e, *path) : -1;
        ssize_t n = fd == UNREADABLE ? 0 : read(fd, head, sizeof head);
        if (fd >= 0)
            close(fd);
        if (level > LEVELS)
            return fail(e, ELOOP, "too many levels of #! interpreters");
        if (n < 2 || head[0] != '#' || head[1] != '!')
            return 0;
        if (!parse(head, &interp, &arg))
            return fail(e, ENOEXEC, "malformed #! line");
        *argv = insert(*argv, interp, arg, level ? *path : name);
        free(*path);
        *path = xstrdup(interp);
    }
}
