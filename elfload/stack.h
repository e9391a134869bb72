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
    gaddr top;                       /* set by stack_map */
    gaddr esp;                       /* set by stack_build */
};

/* Maps the stack region below the end of the address space. 0 or -1. */
int stack_map(struct stack_image *s, struct elfload_error *e);
/* Writes strings, vectors and auxv; fills the argument fields of the process. 0 or -1. */
int stack_build(struct process *p, struct stack_image *s, struct elfload_error *e);

#endif
