/* --abi-report: what all processes of a run used, as text or JSON. Collected in the session, under
 * letters: p programs, i instruction families, f files of /proc and /sys, l libraries opened,
 * e values that did not fit and calls that are not there, u unknown system call numbers. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/mem.h"
#include "core/options.h"
#include "core/session.h"
#include "decode/decode.h"
#include "elfload/check.h"
#include "runtime/runtime.h"
#include "syscalls/syscalls.h"

static void hint(void *arg, const char *kind, bool missing, const char *text)
{
    (void)arg;
    if (missing && strcmp(kind, "symbol"))
        log_user("%s: %s", kind, text);
}

void report_missing(const char *path)
{
    if (path && elfcheck_program(path, hint, NULL))
        log_user("xrun-root DIR PACKAGE... makes an i386 root that has it, for xrun -L DIR");
}

void report_program(const char *path)
{
    session_note('p', path);
}

void report_code(const struct insn *in, unsigned n, unsigned mode)
{
    /* by operation and operand: families are few, decoding again is slow */
    static uint8_t seen[1 << 14];
    uint8_t code[15];
    for (unsigned i = 0; i < n; i++) {
        unsigned at = ((unsigned)in[i].op * 16 + in[i].o[0].kind * 4 + in[i].o[1].kind) % sizeof seen;
        if (!in[i].len || seen[at] >= 4 || mem_read(code, in[i].eip, in[i].len))
            continue;
        seen[at]++;
        const char *isa = decode_isa(code, in[i].len, mode);
        if (isa)
            session_note('i', isa);
    }
}

/* ---- output: one description for both forms ---- */

static bool json, first;

static void out(const char *fmt, ...) PRINTF(1, 2);
static void out(const char *fmt, ...)
{
    char text[8192];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        log_write(log_fd(), text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

static const char *quoted(const char *s, char buf[], size_t size)
{
    size_t n = 0;
    for (; *s && n < size - 8; s++) {
        if (*s == '"' || *s == '\\')
            buf[n++] = '\\';
        if ((unsigned char)*s < ' ')
            n += (size_t)snprintf(buf + n, size - n, "\\u%04x", *s);
        else
            buf[n++] = *s;
    }
    buf[n] = 0;
    return buf;
}

static void list_begin(const char *title, const char *key)
{
    if (json)
        out(",\n \"%s\": [", key);
    else
        out("%s\n", title);
    first = true;
}
static void list_item(const char *text)
{
    char buf[8192];
    if (json)
        out("%s\"%s\"", first ? "" : ", ", quoted(text, buf, sizeof buf));
    else
        out("  %s\n", text);
    first = false;
}
static void list_end(void)
{
    if (json)
        out("]");
    else if (first)
        out("  none\n");
}

static void strings(char kind, const char *title, const char *key)
{
    list_begin(title, key);
    for (const char *p = NULL; (p = session_next(kind, p));)
        list_item(p);
    list_end();
}

static void calls(void)
{
    static const char *const level[] = {"exact", "approximated", "refused"};
    char buf[1024];
    if (json)
        out(",\n \"system_calls\": [");
    else
        out("system calls\n     calls    errors level        name\n");
    first = true;
    for (unsigned i = 0; i < SESSION_CALLS && i < syscalls_count; i++) {
        const struct session_count *c = &session->count[i];
        const struct sys_row *r = &syscalls_table[i];
        if (!c->calls || !r->name)
            continue;
        const char *note = r->note ? r->note : "", *narrow = report_narrow(i);
        if (json)
            out("%s\n  {\"number\": %u, \"name\": \"%s\", \"calls\": %u, \"errors\": %u, \"level\": \"%s\", "
                "\"note\": \"%s\", \"narrow\": \"%s\"}", first ? "" : ",", i, r->name, c->calls, c->errors,
                level[r->level], quoted(note, buf, sizeof buf), narrow ? narrow : "");
        else
            out("%10u %9u %-12s %s%s%s\n", c->calls, c->errors, level[r->level], r->name,
                *note ? ": " : "", note);
        first = false;
    }
    if (json)
        out("]");
}

static void narrow_calls(void)
{
    list_begin("values narrower than those of newer calls", "narrow");
    for (unsigned i = 0; i < SESSION_CALLS && i < syscalls_count; i++) {
        char text[128];
        const char *kind = session->count[i].calls ? report_narrow(i) : NULL;
        if (!kind)
            continue;
        snprintf(text, sizeof text, "%s: %s", kind, syscalls_table[i].name);
        list_item(text);
    }
    list_end();
}

static void ioctls(void)
{
    static const char *const dirs[] = {"none", "write", "read", "read, write"};
    list_begin("ioctls", "ioctls");
    for (unsigned i = 0; i < session->nioctls; i++) {
        const struct session_ioctl *o = &session->ioctl[i];
        const char *name = ioctl_name(o->request);
        const char *dir = dirs[o->request >> 30], *how = ioctl_how(o->request);
        unsigned type = o->request >> 8 & 0xff, number = o->request & 0xff, size = o->request >> 16 & 0x3fff;
        if (json)
            out("%s\n  {\"request\": %u, \"name\": \"%s\", \"direction\": \"%s\", \"type\": %u, \"number\": %u, "
                "\"size\": %u, \"calls\": %u, \"errors\": %u, \"argument\": \"%s\"}", first ? "" : ",",
                o->request, name ? name : "", dir, type, number, size, o->calls, o->errors, how);
        else
            out("  %#x %s (direction %s, type %#x, number %#x, size %u): %u calls, %u errors; argument %s\n",
                o->request, name ? name : "unknown", dir, type, number, size, o->calls, o->errors, how);
        first = false;
    }
    list_end();
}

static void say_missing(void *arg, const char *kind, bool missing, const char *text)
{
    char line[8192];
    (void)kind;
    if (!missing)
        return;
    snprintf(line, sizeof line, "%s: %s", (const char *)arg, text);
    list_item(line);
}

void report_print(void)
{
    json = !strcmp(opt.abi_report, "json");
    if (json)
        out("{\"xrun\": \"%s\", \"tasks\": %u", XRUN_VERSION, session->processes + 1);
    else
        out("ABI report of xrun %s: %u processes and threads\n", XRUN_VERSION, session->processes + 1);
    strings('p', "programs", "programs");
    list_begin("missing libraries, versions and symbols", "missing");
    for (const char *p = NULL; (p = session_next('p', p));)
        elfcheck_program(p, say_missing, (void *)p);
    list_end();
    strings('l', "libraries opened", "libraries");
    calls();
    strings('u', "unknown system call numbers", "unknown_calls");
    narrow_calls();
    strings('e', "values that did not fit (EOVERFLOW), calls that are not there (ENOSYS)", "losses");
    ioctls();
    strings('i', "instruction families", "instructions");
    strings('f', "files of /proc and /sys", "kernel_files");
    if (session->text_full)
        out(json ? ",\n \"cut\": true" : "there was more than this report has room for\n");
    if (json)
        out("}\n");
}
