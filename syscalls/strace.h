/* What strace.c and strace_args.c share. */
#ifndef XRUN_SYSCALLS_STRACE_H
#define XRUN_SYSCALLS_STRACE_H

#include "syscalls/priv.h"

/* A line in the making; what does not fit is cut. */
struct line {
    char b[1024];
    size_t n;
};
void strace_add(struct line *l, const char *fmt, ...) PRINTF(2, 3);
/* `n` bytes of guest memory as a string in quotes, 32 of them at most. */
void strace_add_bytes(struct line *l, uint32_t a, uint32_t n);

/* The letters for the arguments of call `name`, NULL if those of table.def serve. */
const char *strace_format(const char *name);
/* Prints the argument *a as `letter` says; `next` is the one behind it, `ret` the call's result.
 * False: not one of its letters. */
bool strace_decode(struct line *l, char letter, const uint32_t *a, uint32_t next, int64_t ret);

#endif
