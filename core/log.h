/* Messages. Three voices, never mixed: the user's errors (`xrun: FILE: reason`), the log (one line
 * per event that a user may want to know of, --log), and xrun's own bugs (xassert). All write
 * to the fd saved at start, never through stdio buffers shared with the guest; any thread. */
#ifndef XRUN_CORE_LOG_H
#define XRUN_CORE_LOG_H

#include "core/types.h"

#define PRINTF(a, b) __attribute__((format(printf, a, b)))

/* "xrun: " + text + newline on stderr. */
void log_user(const char *fmt, ...) PRINTF(1, 2);
/* The same where the log goes: what is asked for at the end (--profile). */
void log_report(const char *fmt, ...) PRINTF(1, 2);
/* log_user, then exit(code) (126 cannot execute, 127 not found). */
_Noreturn void log_die(int code, const char *fmt, ...) PRINTF(2, 3);
/* One line "xrun: [pid] ..." if opt.log is on; used for refused system calls and the like. */
void log_event(const char *fmt, ...) PRINTF(1, 2);

/* Names come from anyone's files: control characters, which a terminal would obey, become '?'. */
void log_printable(char *s);

/* Where the log goes: stderr, or the file of --log-file. The second sets it at start. */
int log_fd(void);
void log_set_fd(int fd);
/* The process has set itself a limit for files, perhaps. */
void log_limit_changed(void);
/* Writes all of buf with as few write(2) calls as possible; an error is told once if it is the log, else ignored. */
void log_write(int fd, const char *buf, size_t n);

/* Prints guest eip, the last exit and that this is xrun's fault, then aborts. Never for anything
 * that a guest can cause. */
_Noreturn void xassert_fail(const char *expr, const char *file, int line);
#define xassert(e) (likely(e) ? (void)0 : xassert_fail(#e, __FILE__, __LINE__))

/* Allocation that cannot fail from the caller's view: out of memory ends xrun with a message. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);

#endif
