/* Listings of blocks, units and what is executed. */
#include "runtime/dump.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/flags.h"
#include "core/log.h"
#include "core/options.h"
#include "decode/decode.h"
#include "runtime/code.h"

static unsigned asked; /* enum dump */
static struct range where;

static unsigned parse(const char *text)
{
    static const struct { const char *name; enum dump what; } names[] = {
        {"blocks", DUMP_BLOCKS}, {"code", DUMP_CODE}, {"exec", DUMP_EXEC},
    };
    unsigned all = 0, i;
    while (text && *text) {
        size_t n = strcspn(text, ",");
        for (i = 0; i < ARRAY_SIZE(names); i++)
            if (strlen(names[i].name) == n && !memcmp(names[i].name, text, n))
                break;
        if (i == ARRAY_SIZE(names))
            log_die(126, "--dump=%s: want some of blocks, code, exec, separated by commas", text);
        all |= names[i].what;
        text += n + (text[n] == ',');
    }
    return all;
}

struct range dump_parse_range(const char *option, const char *text)
{
    char *end = NULL;
    struct range r = {0, UINT32_MAX};
    if (!text)
        return r;
    r.low = (gaddr)strtoul(text, &end, 16);
    if (end != text && *end == '-') {
        const char *high = end + 1;
        r.high = (gaddr)strtoul(high, &end, 16);
        if (end != high && !*end)
            return r;
    }
    log_die(126, "--%s=%s: want two addresses, such as 8049000-8049fff", option, text);
}

void dump_init(void)
{
    asked = parse(opt.dump);
    where = dump_parse_range("dump-range", opt.dump_range);
}

bool dump_any(enum dump what)
{
    return asked & what;
}

bool dump_wanted(enum dump what, gaddr eip)
{
    return unlikely(asked & what) && eip >= where.low && eip <= where.high;
}

static void line(const char *fmt, ...) PRINTF(1, 2);
static void line(const char *fmt, ...)
{
    char buf[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf, sizeof buf - 1, fmt, ap);
    va_end(ap);
    if (n > (int)sizeof buf - 2)
        n = sizeof buf - 2;
    buf[n++] = '\n';
    log_write(log_fd(), buf, (size_t)n);
}

void dump_block(const struct block *b)
{
    char text[128], hex[3 * 15 + 1];
    const uint8_t *raw = block_raw(b);
    line("block %08x-%08x, mode %u", b->key.eip, b->end, b->key.mode);
    for (unsigned i = 0; i < b->n; i++) {
        const struct insn *in = &b->insn[i];
        if (in->op == OP_END_BLOCK)
            break;
        hex[0] = 0;
        for (unsigned k = 0; k < in->len; k++)
            snprintf(hex + 3 * k, 4, " %02x", raw[k]);
        raw += in->len;
        decode_format(in->eip, b->key.mode, text, sizeof text);
        line("%08x %-31s %s", in->eip, hex, text);
    }
}

static void dump_host(const struct unit *u, uint32_t from, uint32_t to)
{
    char text[128];
    while (from < to) {
        unsigned len = translate_format(u->code + from, to - from, (uintptr_t)u->code + from, text,
                                        sizeof text);
        if (!len)
            break;
        line("        %p  %s", (void *)(u->code + from), text);
        from += len;
    }
}

/* Guest instructions, each followed by its host code; a colon where code can be entered. */
void dump_unit(const struct unit *u, const struct translation *tr)
{
    char text[128];
    line("unit of %u instructions, %u bytes", tr->n, u->size);
    for (unsigned i = 0; i < tr->n; i++) {
        decode_format(tr->insn[i].in->eip, tr->mode, text, sizeof text);
        line("%08x%c %s", tr->insn[i].in->eip, tr->insn[i].entry ? ':' : ' ', text);
        dump_host(u, tr->off[i], tr->off[i + 1]);
    }
    line("  stubs");
    dump_host(u, u->cold, u->size);
}

void dump_unit_code(const struct unit *u, unsigned mode)
{
    char text[128];
    const struct insn *last = NULL;
    for (uint32_t at = 0, len; at < u->cold; at += len) {
        uintptr_t pc = (uintptr_t)u->code + at;
        const struct insn *in = code_insn(pc).in;
        if (in && in != last) {
            decode_format(in->eip, mode, text, sizeof text);
            line("%08x  %s", in->eip, text);
        }
        last = in;
        len = translate_format(u->code + at, u->cold - at, pc, text, sizeof text);
        if (!len)
            break;
        line("        %p  %s", (void *)pc, text);
    }
    line("  stubs");
    dump_host(u, u->cold, u->size);
}

void dump_state(const struct cpu *c)
{
    line("%08x eax=%08x ecx=%08x edx=%08x ebx=%08x esp=%08x ebp=%08x esi=%08x edi=%08x efl=%08x",
         c->eip, c->gpr[0], c->gpr[1], c->gpr[2], c->gpr[3], c->gpr[4], c->gpr[5], c->gpr[6],
         c->gpr[7], cpu_get_eflags(c));
}
