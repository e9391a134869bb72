/* What the files of --strace share: strace.c makes lines, strace_filter.c chooses and counts,
 * strace_types.c prints values as strace_calls.def says, strace_special.c what needs more. */
#ifndef XRUN_SYSCALLS_STRACE_H
#define XRUN_SYSCALLS_STRACE_H

#include "syscalls/priv.h"

/* A line in the making; what does not fit is cut. */
struct line {
    char b[8192];
    size_t n;
};
void strace_add(struct line *l, const char *fmt, ...) PRINTF(2, 3);
/* Bytes in quotes; `more` adds three dots. */
void strace_add_quoted(struct line *l, const uint8_t *s, size_t n, bool more);

/* A call being printed. */
struct call {
    struct line *l;
    const struct sysctx *c;
    int64_t ret;             /* when `done` */
    bool done;
    unsigned g;              /* the argument being printed */
    char note[512];          /* behind the result, in parentheses */
};

struct flag { uint32_t value; const char *name; };
struct list { const char *name, *unknown; const struct flag *f; size_t n; bool set; };
const struct list *strace_list(const char *name, size_t len);
void strace_add_set(struct line *l, const char *list, uint64_t v);
void strace_add_one(struct line *l, const char *list, uint32_t v);
/* NULL: it has no name. */
const char *strace_one_name(const char *list, uint32_t v);

/* A row of strace_calls.def. */
struct call_format { const char *name, *args; char result; };
const struct call_format *strace_format(const char *name);
/* The arguments as `args` says: those up to the first that is known only after the call
 * (before), or those from there on. */
void strace_add_args(struct call *k, const char *args, bool before);
/* One value of a type; `v` is the value, or an address for types behind * and >. */
void strace_add_value(struct call *k, const char *type, uint64_t v);
/* The function behind !NAME; it prints the arguments from k->g on. False: none of that name. */
bool strace_special(struct call *k, const char *name, size_t len);

void strace_add_address(struct line *l, uint32_t a);
void strace_add_signal(struct line *l, uint32_t sig);
void strace_add_sigset(struct line *l, uint64_t mask);
void strace_add_siginfo(struct line *l, const uint8_t si[128]);
void strace_add_bytes(struct call *k, uint32_t a, uint32_t n);
void strace_add_msghdr(struct call *k, uint32_t a);
void strace_add_sockaddr(struct call *k, uint32_t a, uint32_t len);
void strace_add_clone(struct line *l, uint64_t flags, uint32_t sig);
void strace_add_date(char *buf, size_t size, int64_t t, long usec);

/* Is it the return of fork in the child? */
bool strace_born(const char *name, int64_t ret);
/* For -c and --abi-report. */
void strace_count_call(const struct sysctx *c, int64_t ret, uint64_t spent);

/* strace_filter.c */
bool strace_wanted(const char *name);

#endif
