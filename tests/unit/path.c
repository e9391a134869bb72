/* Guest paths below a sysroot: what they lead to, and that what the kernel would refuse is refused
 * with the same error. The expectations are those of a process whose root is the sysroot. */
#include "core/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/options.h"
#include "tests/unit/test.h"

static char top[64], root[80];

static void file(const char *name, const char *text)
{
    char p[PATH_MAX];
    snprintf(p, sizeof p, "%s/%s", root, name);
    int fd = open(p, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void dir(const char *name)
{
    char p[PATH_MAX];
    snprintf(p, sizeof p, "%s/%s", root, name);
    CHECK(mkdir(p, 0755) == 0);
}

static void link_to(const char *name, const char *target)
{
    char p[PATH_MAX];
    snprintf(p, sizeof p, "%s/%s", root, name);
    CHECK(symlink(target, p) == 0);
}

static void make_root(void)
{
    dir("etc"), dir("usr"), dir("usr/lib"), dir("usr/lib/x"), dir("proc"), dir("dev"), dir("only");
    file("etc/motd", "root motd"), file("usr/lib/libc", "libc"), file("usr/lib/x/deep", "deep");
    link_to("lib", "usr/lib");
    link_to("abs", "/usr/lib");
    link_to("abs-file", "/usr/lib/libc");
    link_to("rel-file", "usr/lib/libc");
    link_to("escape", "../../../../../../../../etc/motd");
    link_to("usr/lib/x/up", "../../../etc/motd");
    link_to("usr/lib/chain", "/abs/x/../libc");
    link_to("loop", "loop");
    link_to("loop-a", "/loop-b");
    link_to("loop-b", "/loop-a");
    link_to("dangling", "/usr/nothing");
    link_to("only/new-link", "/only/made");
    link_to("mtab", "proc/self/mounts");
    link_to("slashes", "//usr///lib/");
    link_to("to-root", "/");
}

enum { FOLLOW = 1, CREATE = 2 };

static int read_text(const char *host, const char *text)
{
    char buf[64] = "";
    int fd = open(host, O_RDONLY);
    if (fd < 0)
        return errno;
    ssize_t n = read(fd, buf, sizeof buf - 1);
    int e = n < 0 ? errno : strcmp(buf, text) ? EPERM : 0;
    close(fd);
    return e;
}

/* The same of a process whose root the sysroot is; -1 if we may not make one. */
static int read_in_root(const char *path, const char *text)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(chroot(root) || chdir("/") ? 255 : read_text(path, text));
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

/* What comes of opening guest path `path` and reading `text`: 0 or an errno. */
static int reads(const char *path, const char *text)
{
    char host[PATH_MAX];
    int r = path_to_host(path, host, true, false);
    r = r ? -r : read_text(host, text);
    int native = read_in_root(path, text);
    CHECK(native < 0 || native == r);
    return r;
}

/* Does `path` lead to sysroot file `want` ("!...": exactly that host path)? */
static int leads(const char *path, int how, const char *want)
{
    char host[PATH_MAX], expected[PATH_MAX];
    int r = path_to_host(path, host, how & FOLLOW, how & CREATE);
    if (r)
        return r;
    snprintf(expected, sizeof expected, "%s%s", *want == '!' ? "" : root, want + (*want == '!'));
    if (!strcmp(host, expected))
        return 1;
    printf("%s -> %s, not %s\n", path, host, expected);
    return 0;
}

static void test_walk(void)
{
    CHECK(leads("/etc/motd", FOLLOW, "/etc/motd") == 1);
    CHECK(leads("//etc//./motd", FOLLOW, "/etc/motd") == 1);
    CHECK(leads("/../../etc/../etc/motd", FOLLOW, "/etc/motd") == 1);
    CHECK(leads("/lib/libc", FOLLOW, "/usr/lib/libc") == 1);
    CHECK(leads("/abs/libc", FOLLOW, "/usr/lib/libc") == 1);
    CHECK(leads("/abs-file", FOLLOW, "/usr/lib/libc") == 1);
    CHECK(leads("/abs-file", 0, "/abs-file") == 1);
    CHECK(leads("/rel-file", FOLLOW, "/usr/lib/libc") == 1);
    CHECK(leads("/lib", 0, "/lib") == 1);
    CHECK(leads("/lib/", 0, "/usr/lib/") == 1);
    CHECK(leads("/lib/..", 0, "/usr") == 1); /* physical, not textual */
    CHECK(leads("/abs/../..", 0, "") == 1);
    CHECK(leads("/", FOLLOW, "") == 1);
    CHECK(leads("/..", FOLLOW, "") == 1);
    CHECK(leads("/to-root/to-root/etc/motd", FOLLOW, "/etc/motd") == 1);
    CHECK(leads("/slashes/libc", FOLLOW, "/usr/lib/libc") == 1);
    CHECK(leads("/usr/lib/chain", FOLLOW, "/usr/lib/libc") == 1);
    CHECK(leads("/lib/x/up", FOLLOW, "/etc/motd") == 1);
    CHECK(leads("/escape", FOLLOW, "/etc/motd") == 1);
    CHECK(reads("/escape", "root motd") == 0);
    CHECK(reads("/lib/x/../x/deep", "deep") == 0);
}

static void test_errors(void)
{
    char name[PATH_MAX + 16];
    CHECK(reads("", "") == ENOENT);
    CHECK(reads("/etc/motd/", "") == ENOTDIR);
    CHECK(reads("/etc/motd/.", "") == ENOTDIR);
    CHECK(reads("/etc/motd/..", "") == ENOTDIR);
    CHECK(reads("/etc/motd/../motd", "") == ENOTDIR);
    CHECK(reads("/rel-file/", "") == ENOTDIR);
    CHECK(reads("/etc/motd/x", "") == ENOTDIR);
    CHECK(reads("/no-such-dir-here/../etc/motd", "") == ENOENT);
    CHECK(reads("/loop", "") == ELOOP);
    CHECK(reads("/loop/x", "") == ELOOP);
    CHECK(reads("/loop-a", "") == ELOOP);
    CHECK(leads("/loop-a", 0, "/loop-a") == 1);
    CHECK(reads("/dangling", "") == ENOENT);
    CHECK(reads("/usr/lib", "") == EISDIR);
    memset(name, 'a', sizeof name);
    name[0] = '/';
    name[PATH_MAX] = 0;
    CHECK(reads(name, "") == ENAMETOOLONG);
    name[300] = 0;
    CHECK(reads(name, "") == ENAMETOOLONG); /* one component of more than 255 bytes */
    for (int i = 1; i < PATH_MAX; i += 2)
        name[i] = '.', name[i + 1] = '/';
    name[PATH_MAX - 1] = 0;
    CHECK(reads(name, "") == EISDIR); /* 2047 times "./" is short enough */
    name[PATH_MAX - 1] = '/', name[PATH_MAX] = 0;
    CHECK(reads(name, "") == ENAMETOOLONG);
}

static void test_host(void)
{
    CHECK(leads("/proc", FOLLOW, "!/proc") == 1);
    CHECK(leads("/proc/self/maps", FOLLOW, "!/proc/self/maps") == 1);
    CHECK(leads("/usr/../proc/self/status", FOLLOW, "!/proc/self/status") == 1);
    CHECK(leads("/mtab", FOLLOW, "!/proc/self/mounts") == 1);
    CHECK(leads("/dev/null", FOLLOW, "!/dev/null") == 1);
    CHECK(leads("/procedure", FOLLOW, "!/procedure") == 1);
    CHECK(leads("relative/../x", FOLLOW, "!relative/../x") == 1);
    CHECK(leads("/etc/ld.so.cache", FOLLOW, "!/etc/ld.so.cache") == 1);
    file("lib/ld-linux.so.2", ""); /* the root has its own libraries: not by the host's list */
    CHECK(leads("/etc/ld.so.cache", FOLLOW, "/etc/ld.so.cache") == 1);
    CHECK(leads("/etc/ld.so.conf", FOLLOW, "/etc/ld.so.conf") == 1);
    CHECK(!strcmp(path_to_guest("/elsewhere/x"), "/elsewhere/x"));
    CHECK(!strcmp(path_to_guest(root), "/"));
    char p[PATH_MAX];
    snprintf(p, sizeof p, "%s/etc/motd", root);
    CHECK(!strcmp(path_to_guest(p), "/etc/motd"));
    snprintf(p, sizeof p, "%s-not/etc", root);
    CHECK(!strcmp(path_to_guest(p), p));
}

static void test_create(void)
{
    CHECK(leads("/only/new", FOLLOW | CREATE, "/only/new") == 1);
    CHECK(leads("/only/new/", CREATE, "/only/new/") == 1);
    CHECK(leads("/only/../only/new", FOLLOW | CREATE, "/only/new") == 1);
    CHECK(leads("/only/new-link", FOLLOW | CREATE, "/only/made") == 1);
    CHECK(leads("/only/new-link", CREATE, "/only/new-link") == 1);
    CHECK(leads("/only/missing/new", FOLLOW | CREATE, "!/only/missing/new") == 1);
    CHECK(leads("/only/new", FOLLOW, "!/only/new") == 1);
    CHECK(leads("/etc/new-file", FOLLOW | CREATE, "!/etc/new-file") == 1); /* the host has /etc */
}

static void test_roots(void)
{
    char p[PATH_MAX + 8];
    snprintf(p, sizeof p, "%s/./link-to-root///", top);
    opt.sysroot = p;
    CHECK(path_init() == 0 && !strcmp(opt.sysroot, root));
    CHECK(chdir(top) == 0);
    opt.sysroot = "root"; /* stays when the guest changes directory */
    CHECK(path_init() == 0 && !strcmp(opt.sysroot, root));
    opt.sysroot = "/";
    CHECK(path_init() == 0 && leads("/etc/../etc", FOLLOW, "!/etc") == 1);
    CHECK(leads("/", FOLLOW, "!/") == 1 && leads("/..", FOLLOW, "!/") == 1);
    CHECK(!strcmp(path_to_guest("/etc"), "/etc"));
    opt.sysroot = "/no such root";
    CHECK(path_init() == -ENOENT);
    opt.sysroot = NULL;
    CHECK(path_init() == 0);
    CHECK(leads("/../etc//x/", FOLLOW, "!/../etc//x/") == 1);
    CHECK(!strcmp(path_to_guest("/etc/x"), "/etc/x"));
}

int main(void)
{
    char p[128];
    strcpy(top, "/tmp/path-XXXXXX");
    CHECK(mkdtemp(top) != NULL);
    snprintf(root, sizeof root, "%s/root", top);
    snprintf(p, sizeof p, "%s/link-to-root", top);
    CHECK(mkdir(root, 0755) == 0 && symlink("root", p) == 0);
    make_root();
    opt.sysroot = root;
    CHECK(path_init() == 0);
    test_walk();
    test_errors();
    test_host();
    test_create();
    test_roots();
    snprintf(p, sizeof p, "rm -rf '%s'", top);
    CHECK(system(p) == 0);
    FINISH();
}
