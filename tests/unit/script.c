/* #! lines: random and edge cases compared with what the kernel made of them, as recorded in
 * script_cases.h (Linux 6.18).   script [--native N SEED | --record]
 * The interpreter "i" is this very program, which then prints its arguments. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"
#include "elfload/elfload.h"
#include "tests/unit/random.h"
#include "tests/unit/test.h"

enum { CASES = 2000, SEED = 1, HEAD_MAX = 700, TEXT_SIZE = 4096, CHAIN = 8 };

/* ---- making scripts ---- */

struct line {
    char b[HEAD_MAX];
    size_t n;
};

static void add(struct line *l, const char *s, size_t n)
{
    if (l->n + n <= sizeof l->b) {
        memcpy(l->b + l->n, s, n);
        l->n += n;
    }
}

static void add_blanks(struct line *l)
{
    static const char *const blanks[] = {"", "", " ", "\t", "  ", " \t ", "\r", "\v", "\f"};
    const char *s = blanks[below(below(4) ? 6 : ARRAY_SIZE(blanks))];
    add(l, s, strlen(s));
}

static void fill(struct line *l, char c, size_t to)
{
    while (l->n < to && l->n < sizeof l->b)
        l->b[l->n++] = c;
}

static void add_name(struct line *l)
{
    static const char *const names[] = {"./i", "./i", "i", "././i", "missing", "dir", "dir/", "noexec",
                                        "text", "empty", "loop", "i/", "short", "link", "0", "1", "3",
                                        "5", "7"};
    const char *s = names[below(below(2) ? 2 : ARRAY_SIZE(names))];
    if (below(12) == 0) /* a long name that is right only if it is complete */
        while (l->n < 240 + below(16))
            add(l, "./", 2);
    add(l, s, strlen(s));
}

static void add_arguments(struct line *l)
{
    static const char *const args[] = {"-x", "a b", "a\tb", "\"q r\"", "\\", "-a -b -c", "\xff", "#", "$X",
                                       "a\0b", "\n", "\r"};
    for (unsigned k = below(3); k--;) {
        unsigned i = below(ARRAY_SIZE(args));
        add_blanks(l);
        add(l, args[i], i == 9 ? 3 : strlen(args[i]));
    }
    add_blanks(l);
    static const char fillers[] = {'x', ' ', '\t', 0, 'y'};
    if (below(5) == 0) {
        char c = fillers[below(sizeof fillers)];
        fill(l, c, 250 + below(12));
    }
}

static void make_line(struct line *l)
{
    static const char *const ends[] = {"\n", "\n", "\n", "", " \n", "\nrest of it\n", "\r\n"};
    static const char *const odd[] = {"#!", "#! ", "#!\n", "#!\t \n", "#", "#\n", "# !./i\n", "!#./i\n",
                                      " #!./i\n", "#!\0./i\n", "#!#!./i\n", "#!./i\0-x\n"};
    l->n = 0;
    if (below(10) == 0) {
        unsigned i = below(ARRAY_SIZE(odd));
        add(l, odd[i], i == 9 ? 7 : i == 11 ? 9 : strlen(odd[i]));
        return;
    }
    add(l, "#!", 2);
    add_blanks(l);
    if (below(16) == 0)
        fill(l, ' ', 240 + below(20));
    add_name(l);
    add_arguments(l);
    const char *e = ends[below(ARRAY_SIZE(ends))];
    add(l, e, strlen(e));
    if (below(30) == 0) /* cut in the middle */
        l->n = below((uint32_t)l->n + 1);
}

static void write_file(const char *name, const void *b, size_t n, mode_t mode)
{
    unlink(name);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);
    if (fd < 0 || write(fd, b, n) != (ssize_t)n || close(fd)) {
        perror(name);
        exit(2);
    }
}

static void make_case(uint32_t seed, uint32_t number)
{
    struct line l;
    rng_state = ((uint64_t)seed << 32) + number;
    make_line(&l);
    write_file("s", l.b, l.n, below(40) ? 0755 : 0644);
}

/* "0" is interpreted by "1" and so on to CHAIN - 1, which "i" runs: how deep may it be? */
static void make_surroundings(void)
{
    for (int i = 0; i < CHAIN; i++) {
        char name[8], text[16];
        snprintf(name, sizeof name, "%d", i);
        int n = snprintf(text, sizeof text, i < CHAIN - 1 ? "#!%d -%d\n" : "#!i -%d\n",
                         i < CHAIN - 1 ? i + 1 : i, i);
        write_file(name, text, (size_t)n, 0755);
    }
    write_file("text", "text\n", 5, 0755);
    write_file("noexec", "#!./i\n", 6, 0644);
    write_file("empty", "", 0, 0755);
    write_file("short", "\177ELF\1\1\1", 7, 0755);
    mkdir("dir", 0755);
    if (symlink("loop", "loop") || symlink("text", "link"))
        perror("symlink");
}

/* ---- what comes of it ---- */

static void describe(char *text, char **argv)
{
    size_t n = 0;
    for (; *argv && n < TEXT_SIZE; argv++)
        n += (size_t)snprintf(text + n, TEXT_SIZE - n, "[%s]", *argv);
}

static void by_xrun(char *text)
{
    static char *const given[] = {(char *)(uintptr_t)"./s", (char *)(uintptr_t)"A",
                                  (char *)(uintptr_t)"B"};
    struct elfload_error e = {0};
    char *path = xstrdup("./s"), **argv = xcalloc(4, sizeof *argv);
    memcpy(argv, given, sizeof given);
    if (elfload_script(&path, &argv, "./s", &e))
        snprintf(text, TEXT_SIZE, "errno %d", e.err);
    else if (elfload_identify(path) == ELFLOAD_OTHER)
        snprintf(text, TEXT_SIZE, "errno %d", ENOEXEC);
    else
        describe(text, argv);
    if (e.err && (!*e.reason || strchr(e.reason, '\n')))
        snprintf(text, TEXT_SIZE, "bad message: %s", e.reason);
}

static void by_kernel(char *text)
{
    static char *argv[] = {(char *)(uintptr_t)"./s", (char *)(uintptr_t)"A", (char *)(uintptr_t)"B",
                           NULL};
    static char *envp[] = {(char *)(uintptr_t)"XRUN_TEST_SHOW_ARGUMENTS=1", NULL};
    int fd[2], status;
    if (pipe(fd))
        exit(2);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fd[1], 1);
        execve("./s", argv, envp);
        dprintf(1, "errno %d", errno);
        _exit(1);
    }
    close(fd[1]);
    size_t n = 0;
    for (ssize_t k; n < TEXT_SIZE - 1 && (k = read(fd[0], text + n, TEXT_SIZE - 1 - n)) > 0;)
        n += (size_t)k;
    text[n] = 0;
    close(fd[0]);
    waitpid(pid, &status, 0);
}

static int show_arguments(char **argv)
{
    char text[TEXT_SIZE];
    describe(text, argv);
    return write(1, text, strlen(text)) < 0;
}

static const char *const recorded[] = {
#include "tests/unit/script_cases.h"
};
_Static_assert(ARRAY_SIZE(recorded) == CASES, "record again");

/* A short form of an outcome. */
static void code_of(const char *text, char code[16])
{
    uint32_t h = 2166136261u;
    for (const char *p = text; *p; p++)
        h = (h ^ (uint8_t)*p) * 16777619u;
    if (!strncmp(text, "errno ", 6))
        snprintf(code, 16, "%d", atoi(text + 6));
    else
        snprintf(code, 16, "%06x", h & 0xffffff);
}

static void compare(uint32_t i, const char *mine, const char *theirs, const char *text)
{
    CHECK(!strcmp(mine, theirs));
    if (strcmp(mine, theirs))
        printf("case %u: %s instead of %s %s\n", i, mine, theirs, text);
}

static void copy_self(void)
{
    char cmd[64];
    snprintf(cmd, sizeof cmd, "cp /proc/%d/exe i", (int)getpid());
    if (system(cmd))
        exit(2);
}

int main(int argc, char **argv)
{
    char dir[] = "/tmp/script-XXXXXX", mine[TEXT_SIZE], theirs[TEXT_SIZE], code[16], cmd[64];
    if (getenv("XRUN_TEST_SHOW_ARGUMENTS"))
        return show_arguments(argv);
    bool record = argc > 1 && !strcmp(argv[1], "--record");
    bool native = argc > 1 && !strcmp(argv[1], "--native");
    uint32_t n = native && argc > 2 ? (uint32_t)atol(argv[2]) : CASES;
    uint32_t seed = native && argc > 3 ? (uint32_t)atol(argv[3]) : SEED;
    if (!mkdtemp(dir) || chdir(dir))
        return 2;
    copy_self();
    make_surroundings();
    for (uint32_t i = 0; i < n; i++) {
        make_case(seed, i);
        by_xrun(mine);
        if (record || native)
            by_kernel(theirs);
        if (record) {
            code_of(theirs, code);
            printf("\"%s\",%s", code, i % 12 == 11 ? "\n" : " ");
        } else if (native) {
            compare(i, mine, theirs, "");
        } else {
            code_of(mine, code);
            compare(i, code, recorded[i], mine);
        }
    }
    snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
    if (chdir("/") || system(cmd) || record)
        return 0;
    FINISH();
}
