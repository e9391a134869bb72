/* Guest paths below a sysroot; see path.h. */
#include "core/path.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/options.h"

enum { LINKS_MAX = 40 };

static size_t root_len(void)
{
    size_t n = strlen(opt.sysroot);
    while (n > 1 && opt.sysroot[n - 1] == '/')
        n--;
    return n;
}

/* Removes the last component of `out`, never below the root. */
static void up(char *out, size_t root)
{
    char *slash = strrchr(out + root, '/');
    if (slash)
        *slash = 0;
}

/* Walks `path` below the sysroot into out. False if something on the way does not exist there. */
static bool walk(const char *path, char out[PATH_MAX], bool follow, bool create)
{
    char rest[PATH_MAX * 2], link[PATH_MAX];
    size_t root = root_len();
    int links = 0;
    if (root >= PATH_MAX || strlen(path) >= PATH_MAX)
        return false;
    memcpy(out, opt.sysroot, root);
    out[root] = 0;
    strcpy(rest, path);
    char *p = rest;
    for (;;) {
        while (*p == '/')
            p++;
        if (!*p)
            return true;
        size_t n = strcspn(p, "/");
        bool last = !p[n + strspn(p + n, "/")];
        if (n == 1 && p[0] == '.') {
            p += n;
            continue;
        }
        if (n == 2 && p[0] == '.' && p[1] == '.') {
            up(out, root);
            p += n;
            continue;
        }
        size_t len = strlen(out);
        if (len + n + 2 > PATH_MAX)
            return false;
        out[len] = '/';
        memcpy(out + len + 1, p, n);
        out[len + 1 + n] = 0;
        struct stat st;
        if (lstat(out, &st))
            return last && create;
        if (S_ISLNK(st.st_mode) && (!last || follow)) {
            ssize_t k = readlink(out, link, sizeof link - 1);
            if (k <= 0 || ++links > LINKS_MAX)
                return false;
            link[k] = 0;
            char tmp[PATH_MAX * 2];
            if ((size_t)snprintf(tmp, sizeof tmp, "%s%s", link, p + n) >= sizeof tmp)
                return false;
            strcpy(rest, tmp);
            p = rest;
            if (link[0] == '/')
                out[root] = 0;
            else
                out[len] = 0;
            continue;
        }
        p += n;
    }
}

int path_to_host(const char *path, char out[PATH_MAX], bool follow, bool create)
{
    size_t n = strlen(path);
    if (n >= PATH_MAX)
        return -ENAMETOOLONG;
    if (opt.sysroot && path[0] == '/') {
        if (walk(path, out, follow, false))
            return 0;
        if (create) {
            char dir[PATH_MAX];
            struct stat st;
            strcpy(dir, path);
            char *slash = strrchr(dir, '/');
            *(slash == dir ? slash + 1 : slash) = 0;
            /* a new file goes where its directory exists in the sysroot only */
            if (lstat(path, &st) && stat(dir, &st) && walk(path, out, follow, true))
                return 0;
        }
    }
    memcpy(out, path, n + 1);
    return 0;
}

const char *path_to_guest(const char *host)
{
    if (!opt.sysroot)
        return host;
    size_t n = root_len();
    if (!strncmp(host, opt.sysroot, n) && host[n] == '/')
        return host + n;
    return host;
}
