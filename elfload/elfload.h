/* Loads i386 ELF programs (System V ABI i386 supplement; Linux fs/binfmt_elf.c, binfmt_script.c).
 * libelf is used here and nowhere else. Runs once per exec, single-threaded. */
#ifndef XRUN_ELFLOAD_ELFLOAD_H
#define XRUN_ELFLOAD_ELFLOAD_H

#include "core/thread.h"

/* What a file is, looking at its first bytes: decides who runs it on execve. */
enum elfload_kind {
    ELFLOAD_I386,    /* ours */
    ELFLOAD_HOST,    /* an ELF of another machine: the host kernel's business */
    ELFLOAD_SCRIPT,  /* #! */
    ELFLOAD_OTHER,   /* the host kernel decides (ENOEXEC most likely) */
    ELFLOAD_UNREADABLE,
};
enum elfload_kind elfload_identify(const char *host_path);

struct elfload_error {
    int err;            /* positive errno for a failing execve (ENOEXEC, ELIBBAD, EACCES, ...) */
    bool late;          /* execve would not fail any more: the kernel ends the process by SIGSEGV */
    char reason[512];   /* for "xrun: FILE: reason", one line */
};

/* Follows #! lines (at most 5, one optional argument, kernel rules) until a program that is not a
 * script: rewrites *path (a guest's name) and *argv (both malloc'ed; so are the strings it adds).
 * `name` is what the first script is called for its interpreter. 0, or -1 with *e filled, also if
 * something on the way does not exist or is not executable. */
int elfload_script(char **path, char ***argv, const char *name, struct elfload_error *e);

/* 0, or -1 with *e filled if the open file, which is called `host`, may not be executed. */
int elfload_executable(int fd, const char *host, struct elfload_error *e);

/* *e is the error of a script's interpreter: its reason says so from now on. -1. */
int elfload_blame(struct elfload_error *e, const char *interp);

/* Maps program `host_path` and its interpreter, builds the initial stack and vDSO, fills process
 * fields (exe, argv, auxv, brk, ...) and the entry registers of t->cpu. `execfn` is what AT_EXECFN
 * names. On failure nothing has been mapped that matters: the caller exits with 126/127.
 * 0, or -1 with *e filled. */
int elfload_load(struct thread *t, const char *host_path, const char *execfn, char **argv,
                 char **envp, struct elfload_error *e);

/* All that execve looks at before its point of no return, without mapping anything: lets it fail
 * with the right errno while the old program is still there. 0 or -1 with *e filled. */
int elfload_check(const char *host_path, struct elfload_error *e);

#endif
