/* execve and execveat: what fails and how, what dies on the way, names the new program sees. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/exec-XXXXXX", self[PATH_MAX];
static char *show[] = {"shown", "1", NULL}, *none[] = {NULL};

static void outcome(const char *what, pid_t pid)
{
    int st;
    waitpid(pid, &st, 0);
    if (WIFSIGNALED(st))
        printf("%s: signal %d\n", what, WTERMSIG(st));
    else
        printf("%s: exit %d\n", what, WEXITSTATUS(st));
    fflush(stdout);
}

/* In a child; the exit status is 100 and the error is printed if the call returns. */
static void attempt(const char *what, int dirfd, const char *path, char **argv, int flags)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        freopen("/dev/null", "w", stderr);
        syscall(SYS_execveat, dirfd, path, argv, none, flags);
        printf("%s: %s\n", what, strerror(errno));
        fflush(stdout);
        _exit(100);
    }
    outcome(what, pid);
}

static void run(const char *what, const char *path) { attempt(what, AT_FDCWD, path, show, 0); }

static void write_file(const char *name, const void *b, size_t n, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);
    write(fd, b, n);
    close(fd);
}

static void script(const char *name, const char *text) { write_file(name, text, strlen(text), 0755); }

/* A copy of this program with a change in its headers. */
static void variant(const char *name, size_t at, uint32_t value, size_t bytes)
{
    static char b[8 << 20];
    int fd = open(self, O_RDONLY);
    ssize_t n = read(fd, b, sizeof b);
    close(fd);
    memcpy(b + at, &value, bytes);
    write_file(name, b, (size_t)n, 0755);
}

static size_t segment(unsigned type) /* offset of its header */
{
    static char b[4096];
    int fd = open(self, O_RDONLY);
    read(fd, b, sizeof b);
    close(fd);
    Elf32_Ehdr *h = (Elf32_Ehdr *)b;
    Elf32_Phdr *p = (Elf32_Phdr *)(b + h->e_phoff);
    for (int i = 0; i < h->e_phnum; i++)
        if (p[i].p_type == type)
            return (size_t)((char *)&p[i] - b);
    return 0;
}

static const char *tail(const char *s)
{
    return strrchr(s, '/') ? strrchr(s, '/') + 1 : s;
}

/* Where the test runs is not the same everywhere. */
static const char *place(const char *s)
{
    return s[0] == '/' && strncmp(s, "/dev/", 5) ? "(tmp)" : s;
}

static int shown(int argc, char **argv)
{
    const char *fn = (const char *)getauxval(AT_EXECFN);
    char link[PATH_MAX] = "";
    readlink("/proc/self/exe", link, sizeof link - 1);
    printf("  argc %d, argv[0] \"%s\", execfn %s", argc, place(argv[0]), place(fn));
    printf(", exe %s", tail(link));
    int open_fds = 0;
    for (int i = 3; i < 2000; i++)
        open_fds += fcntl(i, F_GETFD) >= 0;
    printf(", descriptors %d\n", open_fds);
    for (int i = 1; i < argc; i++)
        printf("  argv[%d] %s\n", i, place(argv[i]));
    fflush(stdout);
    return 7;
}

static void errors(void)
{
    mkdir("dir", 0755);
    script("text", "no program\n");
    script("empty", "");
    write_file("noexec", "#!/bin/sh\n", 10, 0644);
    symlink("loop", "loop");
    run("missing", "missing");
    run("empty path", "");
    run("directory", "dir");
    run("file as directory", "text/x");
    run("text", "text");
    run("empty", "empty");
    run("not executable", "noexec");
    run("loop", "loop");
    script("s1", "#!/no/such/interpreter\n"), run("script without interpreter", "s1");
    script("s2", "#!dir\n"), run("script for a directory", "s2");
    script("s3", "#!noexec\n"), run("script for a script not executable", "s3");
    script("s4", "#!\n"), run("script without name", "s4");
    script("s5", "#!text\n"), run("script for a text", "s5");
    script("s6", "#!s6\n"), run("script for itself", "s6");
}

static void programs(void)
{
    size_t load = segment(PT_LOAD);
    variant("ok", 0, 0x464c457f, 4), run("copy", "./ok");
    variant("machine", 18, 40, 2), run("another machine", "./machine");
    variant("type", 16, ET_REL, 2), run("object file", "./type");
    variant("phnum", 44, 0, 2), run("no program headers", "./phnum");
    variant("phoff", 28, 0x7fffffff, 4), run("program headers missing", "./phoff");
    variant("class", 4, 2, 1), run("class not looked at", "./class");
    variant("filesz", load + 16, 0x7fffffff, 4), run("file size above memory size", "./filesz");
    variant("memsz", load + 20, 0xfffffff0, 4), run("beyond the address space", "./memsz");
    variant("vaddr", load + 8, 0xfffff000, 4), run("address beyond the space", "./vaddr");
    variant("entry", 24, 0x10, 4), run("entry nowhere", "./entry");
    script("s7", "#!./phnum\n"), run("script for a bad program", "./s7");
    script("s8", "#!./ok  -a b \n"), run("script for a good one", "./s8");
    script("s9", "#!./s8"), run("script for a script", "./s9");
    attempt("no arguments", AT_FDCWD, "./ok", none, 0);
}

static void descriptors(void)
{
    int d = open(".", O_RDONLY), p = open("ok", O_RDONLY), pc = open("ok", O_RDONLY | O_CLOEXEC);
    int sc = open("s8", O_RDONLY | O_CLOEXEC), s = open("s8", O_RDONLY);
    int m = memfd_create("program", MFD_CLOEXEC), in = open("ok", O_RDONLY);
    char b[65536];
    for (ssize_t n; (n = read(in, b, sizeof b)) > 0;)
        write(m, b, (size_t)n);
    close(in);
    symlink("ok", "link");
    attempt("directory descriptor", d, "ok", show, 0);
    attempt("bad descriptor", 999, "ok", show, 0);
    attempt("descriptor of a file", p, "ok", show, 0);
    attempt("absolute path, bad descriptor", 999, self, show, 0);
    attempt("empty path", d, "", show, 0);
    attempt("directory itself", d, "", show, AT_EMPTY_PATH);
    attempt("file", p, "", show, AT_EMPTY_PATH);
    attempt("file closed by exec", pc, "", show, AT_EMPTY_PATH);
    attempt("memfd", m, "", show, AT_EMPTY_PATH);
    attempt("script", s, "", show, AT_EMPTY_PATH);
    attempt("script closed by exec", sc, "", show, AT_EMPTY_PATH);
    attempt("link", d, "link", show, 0);
    attempt("name without slash", AT_FDCWD, "link", show, 0);
    attempt("link not followed", d, "link", show, AT_SYMLINK_NOFOLLOW);
    attempt("flags", d, "ok", show, 0x20000);
}

int main(int argc, char **argv)
{
    if (argc > 1 || !*argv[0])
        return shown(argc, argv);
    setbuf(stdout, NULL);
    close_range(3, ~0u, 0); /* what whoever started the tests left open */
    readlink("/proc/self/exe", self, sizeof self - 1);
    mkdtemp(dir);
    chdir(dir);
    errors();
    programs();
    descriptors();
    char cmd[64];
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    return system(cmd);
}
