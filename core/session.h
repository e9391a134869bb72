/* What all processes of one run share when they trace or report: a page of memory that fork and
 * execve hand on (a memfd, named by --session-fd). NULL if neither --strace nor --abi-report asks
 * for it. Any process may die at any moment, so the lock can be taken over. */
#ifndef XRUN_CORE_SESSION_H
#define XRUN_CORE_SESSION_H

#include "core/types.h"

enum { SESSION_CALLS = 512, SESSION_TEXT = 192 << 10, SESSION_IOCTLS = 256 };

struct session_count {
    uint32_t calls, errors;
    uint64_t nanoseconds;
};

struct session_ioctl { uint32_t request, calls, errors; };

struct session {
    uint32_t lock;                 /* tid of the holder, 0: free */
    int root;                      /* pid of the process that began it; it prints the sums */
    int tasks;                     /* threads and processes alive */
    int open_tid, open_column;     /* whose line is not ended yet, and how long it is */
    struct session_count count[SESSION_CALLS];
    uint32_t processes;            /* and threads, made in all */
    /* --abi-report */
    uint32_t nioctls;
    struct session_ioctl ioctl[SESSION_IOCTLS];
    uint32_t text_used;
    bool text_full;
    char text[SESSION_TEXT];
};
extern struct session *session;

/* Called in the process that began the session when it ends. */
extern void (*session_at_end)(void);

/* Notes a string of a kind (a letter) that has not been noted yet: see runtime/report.c. */
void session_note(char kind, const char *text);
/* The strings of a kind: the next one behind `last`, NULL for the first; NULL: no more. */
const char *session_next(char kind, const char *last);
void session_note_ioctl(uint32_t request, bool error);

/* Makes the session, or joins the one of --session-fd. */
void session_init(void);
/* The descriptor goes to the program that execve starts, or (false) does not. */
void session_pass(bool on);
/* Threads and processes come (1) and go (-1). */
void session_task(int change);
void session_lock(void);
void session_unlock(void);

#endif
