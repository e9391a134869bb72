/* Option parsing from the table in options.def. */
#include "core/options.h"

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

static bool from_environment(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *v = rows[i].env ? getenv(rows[i].env) : NULL;
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

void options_help(void)
{
    printf("usage: xrun [OPTION...] PROGRAM [ARGUMENT...]\n"
           "Runs a 32-bit x86 Linux program.\n\n");
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        const char *bar = strchr(r->help, '|');
        char left[64], sh[5] = "    ";
        if (r->help[0] == '-')
            continue;
        if (r->short_name)
            snprintf(sh, sizeof sh, "-%c, ", r->short_name);
        snprintf(left, sizeof left, "%s--%s%s%.*s", sh, r->name, bar ? "=" : "",
                 bar ? (int)(bar - r->help) : 0, r->help);
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
