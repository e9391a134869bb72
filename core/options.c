/* Option parsing from the table in options.def. */
#include "core/options.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

enum kind { BOOL, STR, U32, WORD, COUNT };
struct row {
    enum kind kind;
    size_t field;
    const char *name;
    char short_name;
    const char *env;
    bool inherit;
    const char *help; /* "ARG|text" or "text" */
};

struct options opt = {.block_max = 64, .strace_strings = 32};

static const struct row rows[] = {
#define OPT(kind, field, name, sh, env, inherit, help)                                             \
    {kind, offsetof(struct options, field), name, sh, env, inherit, help},
#include "core/options.def"
#undef OPT
};

static void *field(const struct row *r)
{
    return (char *)&opt + r->field;
}

/* The word that stands for the option without a value. */
static const char *word_default(const struct row *r)
{
    return strndup(r->help + 1, strcspn(r->help, "|") - 1);
}

static bool set(const struct row *r, const char *value)
{
    char *end;
    unsigned long n;
    switch (r->kind) {
    case WORD:
        *(const char **)field(r) = !value ? word_default(r) : strcmp(value, "0") ? value : NULL;
        return true;
    case BOOL:
        *(bool *)field(r) = !value || strcmp(value, "0") != 0;
        return true;
    case STR:
        *(const char **)field(r) = value;
        return true;
    case COUNT:
        if (!value || *value == r->short_name) {
            *(uint32_t *)field(r) += 1 + (value ? (uint32_t)strlen(value) : 0);
            return true;
        } /* fall through */
    case U32:
        n = strtoul(value, &end, 0);
        if (*end || end == value || n > UINT32_MAX)
            return false;
        *(uint32_t *)field(r) = (uint32_t)n;
        return true;
    }
    return false;
}

static const struct row *find_long(const char *name, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strlen(rows[i].name) == len && !memcmp(rows[i].name, name, len))
            return &rows[i];
    return NULL;
}

static const struct row *find_short(char c)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (c && rows[i].short_name == c)
            return &rows[i];
    return NULL;
}

static bool given[ARRAY_SIZE(rows)]; /* on the command line or in the environment */

/* One line `name = value` of a configuration file; a name alone turns a switch on. */
static bool config_line(char *line, const char *file, int number)
{
    char *eq = strchr(line, '='), *value = NULL;
    if (eq) {
        *eq = 0;
        value = eq + 1 + strspn(eq + 1, " \t");
    }
    line[strcspn(line, " \t")] = 0;
    const struct row *r = find_long(line, strlen(line));
    if (!r || r->help[0] == '-') {
        log_user("%s:%d: no option %s", file, number, line);
        return false;
    }
    if (given[r - rows])
        return true;
    if ((!value && r->kind != BOOL && r->kind != WORD) || !set(r, value ? xstrdup(value) : NULL)) {
        log_user("%s:%d: %s: %s", file, number, line, value ? "not a number" : "needs a value");
        return false;
    }
    return true;
}

/* A section is for programs whose name or path its pattern matches. */
static bool section_for(char *line, const char *program)
{
    const char *base = strrchr(program, '/');
    base = base ? base + 1 : program;
    line[strcspn(line, "]")] = 0;
    return !fnmatch(line + 1, base, 0) || !fnmatch(line + 1, program, 0);
}

static bool config_file(const char *file, const char *program, bool must)
{
    char buf[4096];
    FILE *f = fopen(file, "re");
    bool ours = true, ok = true;
    if (!f && must)
        log_user("--config=%s: %s", file, strerror(errno));
    for (int n = 1; f && ok && fgets(buf, sizeof buf, f); n++) {
        char *line = buf + strspn(buf, " \t");
        size_t len = strcspn(line, "\n");
        while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
            len--;
        line[len] = 0;
        if (*line == '[')
            ours = section_for(line, program);
        else if (ours && *line && *line != '#')
            ok = config_line(line, file, n);
    }
    if (f)
        fclose(f);
    return ok && (f || !must);
}

bool options_config(const char *program)
{
    char path[4096];
    const char *home = secure_getenv("HOME"), *xdg = secure_getenv("XDG_CONFIG_HOME");
    if (opt.config)
        return config_file(opt.config, program, true);
    if (!config_file("/etc/xrun.conf", program, false))
        return false;
    if (!home && !xdg)
        return true;
    snprintf(path, sizeof path, "%s%s/xrun.conf", xdg ? xdg : home, xdg ? "" : "/.config");
    return config_file(path, program, false);
}

static bool from_environment(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *v = rows[i].env ? secure_getenv(rows[i].env) : NULL; /* none with AT_SECURE */
        given[i] |= v && *v;
        if (v && *v && !set(&rows[i], v)) {
            log_user("%s=%s: not a number", rows[i].env, v);
            return false;
        }
    }
    return true;
}

/* One argument that begins with '-'. Returns how many words it used, 0 on error. */
static int parse_one(char **argv)
{
    const char *a = argv[0], *value = NULL;
    const struct row *r;
    int used = 1;
    if (a[1] == '-') {
        const char *eq = strchr(a, '=');
        r = find_long(a + 2, eq ? (size_t)(eq - a - 2) : strlen(a + 2));
        value = eq ? eq + 1 : NULL;
    } else {
        r = find_short(a[1]);
        value = r && a[2] ? a + 2 : NULL;
    }
    if (!r) {
        log_user("unknown option %s (see xrun --help)", a);
        return 0;
    }
    if (r->kind != BOOL && r->kind != WORD && r->kind != COUNT && !value) {
        value = argv[used++];
        if (!value) {
            log_user("option %s needs a value", a);
            return 0;
        }
    }
    given[r - rows] = true;
    if (!set(r, value)) {
        log_user("option %s: %s is not a number", a, value);
        return 0;
    }
    return used;
}

int options_parse(int argc, char **argv)
{
    if (!from_environment())
        return -1;
    int i = 1;
    while (i < argc && argv[i][0] == '-' && argv[i][1]) {
        if (!strcmp(argv[i], "--"))
            return i + 1;
        int used = parse_one(argv + i);
        if (!used)
            return -1;
        i += used;
    }
    return i;
}

int options_fd_above(int fd, int min)
{
    if (fd < 0)
        return fd;
    int high = fcntl(fd, F_DUPFD_CLOEXEC, min);
    if (high < 0) {
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        return fd;
    }
    close(fd);
    return high;
}

void options_help(void)
{
    printf("usage: xrun [OPTION...] PROGRAM [ARGUMENT...]\n"
           "Runs a 32-bit x86 Linux program.\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        bool word = r->kind == WORD;
        const char *arg = word ? strchr(r->help, '|') + 1 : r->help, *bar = strchr(arg, '|');
        char left[64], sh[5] = "    ";
        if (r->help[0] == '-')
            continue;
        if (r->short_name)
            snprintf(sh, sizeof sh, "-%c, ", r->short_name);
        snprintf(left, sizeof left, "%s--%s%s%.*s%s", sh, r->name, word ? "[=" : bar ? "=" : "",
                 bar ? (int)(bar - arg) : 0, arg, word ? "]" : "");
        printf("  %-24s %s%s%s%s\n", left, bar ? bar + 1 : r->help, r->env ? " [" : "",
               r->env ? r->env : "", r->env ? "]" : "");
    }
    printf("\nExit status: the program's; 128+N if signal N ended it; 126 cannot be run, "
           "127 not found.\n");
}

int options_for_child(const char **argv, int max)
{
    static char text[ARRAY_SIZE(rows)][24];
    static char *joined[ARRAY_SIZE(rows)];
    int n = 0;
    for (size_t i = 0; i < ARRAY_SIZE(rows) && n < max; i++) {
        const struct row *r = &rows[i];
        if (!r->inherit)
            continue;
        const char *v = NULL;
        if (r->kind == BOOL && *(bool *)field(r))
            v = "1";
        else if (r->kind == STR || r->kind == WORD)
            v = *(const char **)field(r);
        else if ((r->kind == U32 || r->kind == COUNT) && *(uint32_t *)field(r))
            v = (snprintf(text[i], sizeof text[i], "%u", *(uint32_t *)field(r)), text[i]);
        if (!v)
            continue;
        free(joined[i]);
        size_t size = strlen(r->name) + strlen(v) + 4;
        joined[i] = xmalloc(size);
        snprintf(joined[i], size, "--%s=%s", r->name, v);
        argv[n++] = joined[i];
    }
    return n;
}
