/* The initial stack of a program (fs/exec.c, fs/binfmt_elf.c create_elf_tables). */
#ifndef XRUN_ELFLOAD_STACK_H
#define XRUN_ELFLOAD_STACK_H

#include "elfload/elfload.h"

struct stack_image {
    char **argv, **envp;
    const char *execfn;
    bool exec;                       /* executable stack */
    gaddr phdr, base, entry;
    uint32_t phnum;
    gaddr top;                       /* stack_map sets these: end of the region, */
    gaddr at;                        /* lowest string, */
    gaddr arg_start, arg_end, env_end, execfn_at;
    gaddr *vec;                      /* argv, NULL, envp, NULL; stack_build frees it */
    gaddr esp;                       /* set by stack_build */
};

/* Maps the stack region below the end of the address space and copies the strings. 0 or -1. */
int stack_map(struct stack_image *s, struct elfload_error *e);
/* Writes vectors and auxv; fills the argument fields of the process. 0 or -1. */
int stack_build(struct process *p, struct stack_image *s, struct elfload_error *e);

#endif
