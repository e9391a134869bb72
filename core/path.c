/* Guest paths below a sysroot; see path.h. */
#include "core/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/options.h"

enum { LINKS_MAX = 40 };

/* A walk below the sysroot. `p` is what is left of the path, in one of the two buffers. */
struct walk {
    char *out;               /* host path so far, no '/' at its end */
    size_t root;             /* length of the sysroot in it */
    char rest[2][2 * PATH_MAX];
    char *p;
    int links;
};

static size_t root_len(void)
{
    size_t n = strlen(opt.sysroot);
    while (n && opt.sysroot[n - 1] == '/')
        n--;
    return n;
}

int path_init(void)
{
    if (!opt.sysroot)
        return 0;
    char *real = realpath(opt.sysroot, NULL);
    struct stat st;
    if (!real && !opt.child)
        return -errno;
    if (real && !opt.child && !stat(real, &st) && !S_ISDIR(st.st_mode))
        return -ENOTDIR;
    opt.sysroot = real; /* a child in another root (chroot) has none */
    return 0;
}

/* Appends '/' and n bytes. */
static int append(struct walk *w, const char *s, size_t n)
{
    size_t len = strlen(w->out);
    if (len + n + 2 > PATH_MAX)
        return -ENAMETOOLONG;
    w->out[len] = '/';
    memcpy(w->out + len + 1, s, n);
    w->out[len + 1 + n] = 0;
    return 0;
}

/* Removes the last component, never below the root. */
static void up(struct walk *w)
{
    char *slash = strrchr(w->out + w->root, '/');
    if (slash)
        *slash = 0;
}

/* These are always the host's, whatever an unpacked root has there. */
static bool is_host_dir(const struct walk *w, const char *s, size_t n)
{
    static const char *const dirs[] = {"dev", "proc", "sys"};
    if (w->out[w->root])
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
        if (strlen(dirs[i]) == n && !memcmp(s, dirs[i], n))
            return true;
    return false;
}

/* Goes on with the text of the symbolic link that w->out names; `dir` is the length of its
 * directory and `after` what follows it in the path. */
static int enter_link(struct walk *w, size_t dir, const char *after)
{
    char *to = w->rest[w->p < w->rest[1]];
    if (++w->links > LINKS_MAX)
        return -ELOOP;
    ssize_t k = readlink(w->out, to, PATH_MAX - 1);
    if (k <= 0)
        return -ENOENT;
    size_t n = strlen(after);
    if ((size_t)k + n >= sizeof w->rest[0])
        return -ENAMETOOLONG;
    memcpy(to + k, after, n + 1);
    w->p = to;
    w->out[*to == '/' ? w->root : dir] = 0;
    return 0;
}

/* Does one component. 1: the end is reached and in the sysroot; 0: go on; -ENOENT: not in the sysroot
 * (the host's file is meant); another error: there is no such path. */
static int step(struct walk *w, bool follow, bool create)
{
    size_t slashes = strspn(w->p, "/");
    char *p = w->p += slashes;
    if (!*p) /* "dir/": the slash matters to the host too */
        return slashes && w->out[w->root] && append(w, "", 0) ? -ENAMETOOLONG : 1;
    size_t n = strcspn(p, "/"), len = strlen(w->out);
    bool last = !p[n], end = !p[n + strspn(p + n, "/")];
    w->p = p + n;
    if (n == 1 && *p == '.' && !last)
        return 0;
    if (n == 2 && p[0] == '.' && p[1] == '.') {
        up(w);
        return 0;
    }
    if (is_host_dir(w, p, n)) {
        w->out[0] = 0;
        return append(w, p, strlen(p)) ? -ENAMETOOLONG : 1;
    }
    if (append(w, p, n))
        return -ENAMETOOLONG;
    struct stat st;
    if (lstat(w->out, &st)) {
        if (errno == ENOENT)
            return end && create ? 0 : -ENOENT;
    } else if (S_ISLNK(st.st_mode) && (!last || follow)) {
        return enter_link(w, len, p + n);
    } else if (S_ISDIR(st.st_mode) || last) {
        return 0;
    }
    /* not a directory, or not to be searched: the host's call will say so */
    return append(w, p + n, strlen(p + n)) ? -ENAMETOOLONG : 1;
}

static int walk(const char *path, char out[PATH_MAX], bool follow, bool create)
{
    struct walk w = {.out = out, .root = root_len()};
    int r;
    if (w.root >= PATH_MAX)
        return -ENAMETOOLONG;
    memcpy(out, opt.sysroot, w.root);
    out[w.root] = 0;
    strcpy(w.rest[0], path);
    w.p = w.rest[0];
    while (!(r = step(&w, follow, create)))
        ;
    if (r == 1 && !*out)
        strcpy(out, "/");
    return r;
}

/* True if the host has neither `path` nor a directory for it. */
static bool host_lacks(const char *path)
{
    char dir[PATH_MAX];
    struct stat st;
    if (!lstat(path, &st))
        return false;
    strcpy(dir, path);
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        dir[--n] = 0;
    char *slash = strrchr(dir, '/');
    *(slash == dir ? slash + 1 : slash) = 0;
    return stat(dir, &st) != 0;
}

/* The lists of the host's libraries, where the root has libraries of its own and no such list: by
 * these the dynamic linker would take the host's i386 C library and not the root's. */
static bool lists_libraries(const char *path)
{
    char out[PATH_MAX];
    return (!strcmp(path, "/etc/ld.so.cache") || !strcmp(path, "/etc/ld.so.conf")) &&
           walk("/lib/ld-linux.so.2", out, true, false) == 1;
}

int path_to_host(const char *path, char out[PATH_MAX], bool follow, bool create)
{
    size_t n = strlen(path);
    if (n >= PATH_MAX)
        return -ENAMETOOLONG;
    if (opt.sysroot && path[0] == '/') {
        int r = walk(path, out, follow, false);
        if (r == -ENOENT && ((create && host_lacks(path)) || lists_libraries(path)))
            r = walk(path, out, follow, true);
        if (r == 1)
            return 0;
        if (r != -ENOENT)
            return r;
    }
    memcpy(out, path, n + 1);
    return 0;
}

int path_executable(const char *host)
{
    if (!faccessat(AT_FDCWD, host, X_OK, AT_EACCESS))
        return 0;
    /* older sandboxes refuse faccessat2, which that is */
    return errno == EPERM && !access(host, X_OK) ? 0 : -errno;
}

const char *path_to_guest(const char *host)
{
    size_t n;
    if (!opt.sysroot || !(n = root_len()) || strncmp(host, opt.sysroot, n))
        return host;
    if (!host[n])
        return "/";
    return host[n] == '/' ? host + n : host;
}
