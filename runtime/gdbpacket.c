/* Packets of gdb's remote serial protocol: $contents#checksum, acknowledged by + or - until both sides
 * agree to do without. Nothing that a client sends is trusted. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/gdb.h"

void gdb_put(struct gdb_text *t, const char *format, ...)
{
    va_list ap;
    size_t room = sizeof t->p - t->n;
    va_start(ap, format);
    int n = vsnprintf(t->p + t->n, room, format, ap);
    va_end(ap);
    t->cut |= n < 0 || (size_t)n >= room;
    t->n += t->cut ? room - 1 : (size_t)n;
    if (t->cut)
        t->n = sizeof t->p - 1;
}

void gdb_put_hex(struct gdb_text *t, const void *bytes, size_t n)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < n; i++)
        gdb_put(t, "%02x", b[i]);
}

static bool is_special(uint8_t c) { return c == '$' || c == '#' || c == '}' || c == '*'; }

size_t gdb_put_binary(struct gdb_text *t, const uint8_t *bytes, size_t n)
{
    size_t i;
    for (i = 0; i < n && t->n + 2 < sizeof t->p; i++) {
        bool escape = is_special(bytes[i]);
        if (escape)
            t->p[t->n++] = '}';
        t->p[t->n++] = (char)(escape ? bytes[i] ^ 0x20 : bytes[i]);
    }
    return i;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool gdb_number(const char **s, uint64_t *v)
{
    const char *p = *s;
    for (*v = 0; digit(*p) >= 0 && p - *s < 16; p++)
        *v = *v << 4 | (unsigned)digit(*p);
    bool any = p > *s;
    *s = p;
    return any;
}

bool gdb_skip(const char **s, char c)
{
    if (**s != c)
        return false;
    ++*s;
    return true;
}

size_t gdb_unhex(const char *s, uint8_t *out, size_t max)
{
    size_t n;
    for (n = 0; n < max && digit(s[2 * n]) >= 0 && digit(s[2 * n + 1]) >= 0; n++)
        out[n] = (uint8_t)(digit(s[2 * n]) << 4 | digit(s[2 * n + 1]));
    return n;
}

/* ---- sending ---- */

static void write_all(struct gdb_conn *c, const char *p, size_t n)
{
    while (n && c->out >= 0) {
        ssize_t k = write(c->out, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return; /* the next read tells */
        p += k;
        n -= (size_t)k;
    }
}

/* The packet's bytes to `out`; how many. */
static size_t frame(char *out, char first, const struct gdb_text *t)
{
    unsigned sum = 0;
    out[0] = first;
    memcpy(out + 1, t->p, t->n);
    for (size_t i = 0; i < t->n; i++)
        sum += (uint8_t)t->p[i];
    snprintf(out + 1 + t->n, 4, "#%02x", sum & 0xff);
    return t->n + 4;
}

void gdb_send(struct gdb_conn *c, const struct gdb_text *t)
{
    c->last_n = frame(c->last, '$', t);
    write_all(c, c->last, c->last_n);
}

/* Nobody acknowledges it. */
void gdb_notify(struct gdb_conn *c, const struct gdb_text *t)
{
    char out[GDB_PACKET + 8];
    write_all(c, out, frame(out, '%', t));
}

/* ---- receiving ---- */

bool gdb_receive(struct gdb_conn *c)
{
    if (c->raw_n == sizeof c->raw)
        c->raw_n = 0; /* no packet is that long */
    ssize_t n = read(c->in, c->raw + c->raw_n, sizeof c->raw - c->raw_n);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (n <= 0)
        return false;
    c->raw_n += (size_t)n;
    return c->last_n || c->raw[0] < 'A' || c->raw[0] > 'Z'; /* a web browser that was made to talk to this port */
}

static void consume(struct gdb_conn *c, size_t n)
{
    c->raw_n -= n;
    memmove(c->raw, c->raw + n, c->raw_n);
}

/* The contents of c->raw[1..end). False if they are not what the sender sent. */
static bool take_contents(const struct gdb_conn *c, size_t end, char *packet, size_t *n)
{
    uint8_t sum = 0;
    *n = 0;
    for (size_t i = 1; i < end; i++)
        sum = (uint8_t)(sum + (uint8_t)c->raw[i]);
    for (size_t i = 1; i < end; i++) {
        char ch = c->raw[i];
        if (ch == '}' && i + 1 < end)
            ch = (char)(c->raw[++i] ^ 0x20);
        if (*n == GDB_PACKET)
            return false;
        packet[(*n)++] = ch;
    }
    packet[*n] = 0;
    int hi = digit(c->raw[end + 1]), lo = digit(c->raw[end + 2]);
    return c->no_ack || (hi >= 0 && lo >= 0 && (hi << 4 | lo) == sum);
}

/* The first `n` bytes are a packet. The same behind it is what a client sends when it has waited for too long,
 * as at the start: it wants one answer. */
static void consume_packet(struct gdb_conn *c, size_t n)
{
    while (!c->no_ack && c->raw_n >= 2 * n && !memcmp(c->raw, c->raw + n, n))
        consume(c, n);
    consume(c, n);
}

enum gdb_input gdb_next(struct gdb_conn *c, char *packet, size_t *n)
{
    while (c->raw_n) {
        char first = c->raw[0];
        if (first == 3) {
            consume(c, 1);
            return GDB_INTERRUPT;
        }
        if (first != '$') {
            consume(c, 1);
            if (first == '-' && !c->no_ack)
                write_all(c, c->last, c->last_n);
            continue;
        }
        const char *hash = memchr(c->raw, '#', c->raw_n);
        size_t end = hash ? (size_t)(hash - c->raw) : 0;
        if (!hash || end + 3 > c->raw_n)
            return GDB_NOTHING;
        bool good = take_contents(c, end, packet, n);
        consume_packet(c, end + 3);
        if (!c->no_ack)
            write_all(c, good ? "+" : "-", 1);
        if (good)
            return GDB_A_PACKET;
    }
    return GDB_NOTHING;
}
