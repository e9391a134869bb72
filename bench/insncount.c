/* A plugin of qemu-aarch64: how many instructions a program executes, and how many of them in parts of it.
 *     qemu-aarch64 -plugin insncount.so,out=FILE[,parts=LIST] PROGRAM...
 * Each line of LIST is a part: the offset in the program's file where it begins, the one behind it, a name
 * (hexadecimal; sorted). FILE gets a line `NAME COUNT` for all instructions ("all") and per name.
 *
 * Whole translation blocks are counted when they are entered, by additions that qemu puts into its own
 * code; so counts are exact but for blocks that a fault ends, and for threads that run at the same time.
 * The interface is version 1 of qemu's plugins, declared here as far as it is used (qemu 4.2 to 8.2; its
 * documentation is docs/devel/tcg-plugins.rst). */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { ADD_U64 };
void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);
void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_start_code(void);

EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

struct part {
    uint64_t from, to;
    unsigned name; /* in names[] */
};

enum { NAMES_MAX = 256, NAME_SIZE = 64 };
static struct part *parts;
static size_t nparts;
static char names[NAMES_MAX][NAME_SIZE] = {"all"};
static uint64_t counts[NAMES_MAX];
static unsigned nnames = 1;
static const char *out;

static unsigned find_name(const char *name)
{
    unsigned i = 0;
    while (i < nnames && strcmp(names[i], name))
        i++;
    if (i == nnames && nnames < NAMES_MAX)
        strcpy(names[nnames++], name);
    return i < NAMES_MAX ? i : 0;
}

static bool read_parts(const char *path)
{
    char name[NAME_SIZE];
    uint64_t from, to;
    FILE *f = fopen(path, "re");
    while (f && fscanf(f, "%" SCNx64 " %" SCNx64 " %63s", &from, &to, name) == 3) {
        parts = realloc(parts, (nparts + 1) * sizeof *parts);
        parts[nparts++] = (struct part){from, to, find_name(name)};
    }
    return f && fclose(f) == 0;
}

/* The part that holds the offset; NULL: none. */
static const struct part *find_part(uint64_t at)
{
    size_t lo = 0, hi = nparts;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (at < parts[mid].from)
            hi = mid;
        else if (at >= parts[mid].to)
            lo = mid + 1;
        else
            return &parts[mid];
    }
    return NULL;
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    (void)id;
    size_t n = qemu_plugin_tb_n_insns(tb);
    const struct part *p = find_part(qemu_plugin_tb_vaddr(tb) - qemu_plugin_start_code());
    qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &counts[0], n);
    if (p && p->name)
        qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64, &counts[p->name], n);
}

static void finish(plugin_id id, void *data)
{
    (void)id, (void)data;
    FILE *f = fopen(out, "we");
    for (unsigned i = 0; f && i < nnames; i++)
        fprintf(f, "%s %" PRIu64 "\n", names[i], counts[i]);
    if (f)
        fclose(f);
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "out=", 4))
            out = strdup(argv[i] + 4);
        else if (strncmp(argv[i], "parts=", 6) || !read_parts(argv[i] + 6))
            return -1;
    }
    if (!out)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
