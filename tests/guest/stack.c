/* The initial stack: what is where between the stack pointer and the end of the strings, and the
 * auxiliary vector. Started again by itself with chosen arguments and environments. */
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static uint32_t *start; /* where the kernel put argc */

/* Types that newer kernels or other machines add; their values are the machine's business. */
static const struct { unsigned type; const char *name; char show; } known[] = {
    {AT_PHENT, "PHENT", 'v'}, {AT_PHNUM, "PHNUM", 'v'}, {AT_PAGESZ, "PAGESZ", 'v'},
    {AT_BASE, "BASE", 'v'}, {AT_FLAGS, "FLAGS", 'v'}, {AT_CLKTCK, "CLKTCK", 'v'},
    {AT_UID, "UID", 'v'}, {AT_EUID, "EUID", 'v'}, {AT_GID, "GID", 'v'}, {AT_EGID, "EGID", 'v'},
    {AT_SECURE, "SECURE", 'v'}, {AT_PLATFORM, "PLATFORM", 's'}, {AT_EXECFN, "EXECFN", 's'},
    {AT_RANDOM, "RANDOM", 'p'}, {AT_PHDR, "PHDR", 'p'}, {AT_ENTRY, "ENTRY", 'p'},
    {AT_HWCAP, "HWCAP", 'x'}, {AT_HWCAP2, "HWCAP2", 'x'}, {AT_SYSINFO, "SYSINFO", 'x'},
    {AT_SYSINFO_EHDR, "SYSINFO_EHDR", 'x'}, {51, "MINSIGSTKSZ", 'x'},
};

static void show_aux(Elf32_auxv_t *a, uint32_t top)
{
    if (a->a_type == 27 || a->a_type == 28) /* rseq: newer kernels have it */
        return;
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++) {
        if (known[i].type != a->a_type)
            continue;
        printf("aux %s", known[i].name);
        if (known[i].show == 'v')
            printf(" %u", a->a_un.a_val);
        if (known[i].show == 's')
            printf(" %.40s at top-%u", strrchr((char *)a->a_un.a_val, '/') ? "(path)" : (char *)a->a_un.a_val,
                   known[i].type == AT_PLATFORM ? 0 : top - a->a_un.a_val);
        if (known[i].type == AT_RANDOM)
            printf(" 16 bytes below the platform");
        puts("");
        return;
    }
    printf("aux %u\n", a->a_type);
}

/* Everything relative to the end of the stack. */
static int show(void)
{
    uint32_t argc = start[0], *p = start + 1, n = 0, top;
    for (uint32_t i = 0; i < argc && i < 20; i++)
        printf("argv[%u] %.20s (%zu)\n", i, strrchr((char *)p[i], '/') ? "(path)" : (char *)p[i],
               strlen((char *)p[i]));
    p += argc;
    printf("argc %u, then %s\n", argc, *p++ ? "not NULL" : "NULL");
    while (p[n])
        n++;
    const char *last = n ? (char *)p[n - 1] : argc ? (char *)start[argc] : "";
    uint32_t first_env = n ? p[0] : 0;
    printf("envc %u\n", n);
    p += n + 1;
    Elf32_auxv_t *aux = (void *)p, *a = aux, *execfn = NULL, *platform = NULL, *random = NULL;
    for (; a->a_type != AT_NULL; a++) {
        if (a->a_type == AT_EXECFN)
            execfn = a;
        if (a->a_type == AT_PLATFORM)
            platform = a;
        if (a->a_type == AT_RANDOM)
            random = a;
    }
    uint32_t end = execfn->a_un.a_val + strlen((char *)execfn->a_un.a_val) + 1;
    top = (end + 4 + 4095) & ~4095u;
    for (Elf32_auxv_t *b = aux; b < a; b++)
        show_aux(b, end);
    printf("esp %% 16 = %u\n", (uint32_t)start % 16);
    printf("end of file name to end of stack %u, zero: %d\n", top - end,
           !*(uint32_t *)end && !*(uint32_t *)(top - 4));
    printf("last string to file name %u\n", (unsigned)(execfn->a_un.a_val - ((uint32_t)last + strlen(last) + 1)));
    if (argc && n)
        printf("arguments to environment %u\n",
               (unsigned)(first_env - (start[argc] + strlen((char *)start[argc]) + 1)));
    uint32_t lowest = argc ? start[1] : n ? first_env : execfn->a_un.a_val;
    printf("platform below the strings: %u\n", (lowest & ~15u) - platform->a_un.a_val);
    printf("random below platform: %u\n", platform->a_un.a_val - random->a_un.a_val);
    uint32_t vec_end = (uint32_t)(a + 1);
    printf("vectors end below random: %d, padding < 16: %d\n", vec_end <= random->a_un.a_val,
           random->a_un.a_val - vec_end < 16);
    printf("phdr in the program: %d, entry: %d\n", getauxval(AT_PHDR) % 4 == 0, getauxval(AT_ENTRY) != 0);
    return 0;
}

/* The first word on the stack is found from the environment, which lies behind argv's NULL. */
static void find_start(int argc, char **argv)
{
    start = (uint32_t *)argv - 1;
    if (*start != (uint32_t)argc)
        printf("argc is not below argv\n");
}

static void again(const char *what, char **argv, char **envp)
{
    int st;
    printf("== %s\n", what);
    fflush(stdout);
    if (fork() == 0) {
        personality(ADDR_NO_RANDOMIZE);
        execve("/proc/self/exe", argv, envp);
        perror("execve");
        _exit(1);
    }
    wait(&st);
    printf("status %x\n", st);
}

int main(int argc, char **argv)
{
    find_start(argc, argv);
    if (argc != 1 || (*argv[0] && !strchr(argv[0], '/')))
        return show();
    if (!*argv[0]) {
        printf("started without arguments: argc %u, argv[0] \"%s\"\n", start[0], argv[0]);
        return show();
    }
    char *none[] = {NULL};
    again("one argument", (char *[]){"x", NULL}, none);
    again("two of each", (char *[]){"prog", "arg", NULL}, (char *[]){"A=1", "B=22", NULL});
    again("unaligned", (char *[]){"prog", "a", "bb", "ccc", "", NULL}, (char *[]){"E=", NULL});
    again("no arguments", none, (char *[]){"V=1", NULL});
    static char *many[1001], text[1000][12];
    for (int i = 0; i < 1000; i++) {
        sprintf(text[i], "V%d=x", i);
        many[i] = text[i];
    }
    again("many", many + 990, many + 1);
    static char big[100000];
    memset(big, 'b', sizeof big - 1);
    big[1] = '=';
    again("big", (char *[]){"prog", big, NULL}, (char *[]){big, "Z=1", NULL});
    /* how much is too much */
    static char huge[131072 + 1];
    memset(huge, 'h', sizeof huge);
    huge[131071] = 0;
    again("longest string", (char *[]){"prog", huge, NULL}, none);
    huge[131071] = 'h';
    huge[131072] = 0;
    again("string too long", (char *[]){"prog", huge, NULL}, none);
    return 0;
}
