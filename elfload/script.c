/* #! scripts as fs/binfmt_script.c runs them: one optional argument, 255 bytes, five levels. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/path.h"
#include "elfload/elfload.h"

enum { LINE_MAX_BYTES = 256, LEVELS = 5 };

static int fail(struct elfload_error *e, int err, const char *reason)
{
    e->err = err;
    snprintf(e->reason, sizeof e->reason, "%s", reason);
    return -1;
}

/* Splits the first line into interpreter and argument (NULL if none). False if malformed. */
static bool parse(char *line, char **interp, char **arg)
{
    char *p = line + 2;
    p[strcspn(p, "\n")] = 0;
    for (size_t n = strlen(p); n && (p[n - 1] == ' ' || p[n - 1] == '\t'); n--)
        p[n - 1] = 0;
    p += strspn(p, " \t");
    if (!*p)
        return false;
    *interp = p;
    p += strcspn(p, " \t");
    *arg = NULL;
    if (*p) {
        *p++ = 0;
        *arg = p + strspn(p, " \t");
    }
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
    if (arg && *arg)
        v[k++] = xstrdup(arg);
    v[k++] = xstrdup(script);
    for (size_t i = 1; i < n; i++)
        v[k++] = argv[i];
    return v;
}

int elfload_script(char **path, char ***argv, struct elfload_error *e)
{
    for (int level = 0;; level++) {
        char host[PATH_MAX], line[LINE_MAX_BYTES] = "", *interp, *arg;
        if (path_to_host(*path, host, true, false))
            return fail(e, ENAMETOOLONG, "name too long");
        int fd = open(host, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
            return 0; /* whoever loads it reports */
        ssize_t n = read(fd, line, sizeof line - 1);
        close(fd);
        if (n < 2 || line[0] != '#' || line[1] != '!')
            return 0;
        if (level == LEVELS)
            return fail(e, ELOOP, "too many levels of #! interpreters");
        if (access(host, X_OK))
            return fail(e, EACCES, "permission denied (not executable)");
        line[n] = 0;
        if (!parse(line, &interp, &arg))
            return fail(e, ENOEXEC, "empty #! line");
        char **v = insert(*argv, interp, arg, *path);
        *path = xstrdup(interp);
        *argv = v;
    }
}
