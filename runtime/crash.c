/* --crash-report: what a user wants to know of a guest that dies by a signal. */
#include <stdio.h>
#include <string.h>

#include "core/flags.h"
#include "core/log.h"
#include "core/mem.h"
#include "decode/decode.h"
#include "elfload/symbols.h"
#include "runtime/runtime.h"

/* "name+0x12 in /path" for an address, or the mapping alone. */
static void describe(gaddr a, char *buf, size_t size)
{
    struct mem_area m;
    const struct elf_symbol *y = NULL;
    gaddr off = a;
    if (!mem_find(a, &m) || a < m.start) {
        snprintf(buf, size, "not mapped");
        return;
    }
    if (m.kind == MEM_FILE) {
        const struct elf_symbols *s = elfload_symbols(m.name);
        off -= s->fixed ? 0 : m.start - (gaddr)m.offset;
        y = elfload_symbols_find(s, off);
    }
    if (y)
        snprintf(buf, size, "%.200s+%#x in %.250s", y->name, off - y->value, m.name);
    else
        snprintf(buf, size, "%s at offset %#llx", m.name[0] ? m.name : "anonymous memory",
                 (unsigned long long)(a - m.start + m.offset));
}

enum { FRAMES_MAX = 32, CODE_BYTES = 16 };

static void print_code(gaddr eip)
{
    char buf[CODE_BYTES * 3 + 1] = "";
    uint8_t b;
    for (int i = 0; i < CODE_BYTES && !mem_read(&b, eip + (gaddr)i, 1); i++)
        snprintf(buf + 3 * i, 4, " %02x", b);
    log_user("code:%s", buf[0] ? buf : " cannot be read");
}

/* The callers, as far as every frame pointer leads upwards to another. */
static void print_callers(const struct cpu *c)
{
    gaddr ebp = c->gpr[REG_EBP], low = c->gpr[REG_ESP];
    char where[1024];
    uint32_t frame[2]; /* the caller's ebp, the return address */
    for (int i = 1; i <= FRAMES_MAX && ebp >= low && !(ebp & 3); i++) {
        if (mem_read(frame, ebp, sizeof frame) || !(mem_page_flags(frame[1]) & PAGE_X))
            break;
        describe(frame[1], where, sizeof where);
        log_user("called from %08x: %s", frame[1], where);
        low = ebp + 1;
        ebp = frame[0];
    }
}

void crash_report(struct thread *t, int sig, int code, gaddr addr)
{
    static const char *const names[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    const struct cpu *c = &t->cpu;
    char where[1024], text[128];
    describe(c->eip, where, sizeof where);
    decode_format(c->eip, c->mode, text, sizeof text);
    log_user("the program died by signal %d (%s), code %d, address %08x", sig, strsignal(sig), code,
             addr);
    log_user("eip %08x: %s", c->eip, where);
    log_user("instruction: %s", text);
    print_code(c->eip);
    int n = 0;
    for (int i = 0; i < 8; i++)
        n += snprintf(where + n, sizeof where - (size_t)n, "%s%s %08x", i ? "  " : "", names[i],
                      c->gpr[i]);
    log_user("%s", where);
    log_user("eflags %08x  trap %u  error code %x", cpu_get_eflags(c), c->trap.vec, c->trap.err);
    log_user("cs %x  ss %x  ds %x  es %x  fs %x  gs %x", c->sel[SEG_CS], c->sel[SEG_SS],
             c->sel[SEG_DS], c->sel[SEG_ES], c->sel[SEG_FS], c->sel[SEG_GS]);
    print_callers(c);
    log_user("mappings:");
    mem_write_maps(2);
}
