/* Translates each snippet of guest code as a region of its own and tells golden.py what came out.
 * usage: golden newest|oldest CODE HOST-CODE <LIST
 * The host is one whose processor has all of what the translator can use, or nothing of it. CODE holds the
 * snippets; a line of LIST is one: name, where it begins, how long it is, how much of it is translated (the
 * rest is what comes behind, which a translator may look at), options. HOST-CODE gets the code, PLACE
 * bytes for each. Lines of output, by their first letter:
 *   = NAME, instructions, bytes, of the translated guest code, host bytes in all, where the stubs begin
 *   g OFFSET HOST-OFFSET TEXT   a guest instruction
 *   h OFFSET TEXT               a host instruction before the stubs
 *   r OFFSET VALUE              a reference: offset from xrun's first byte, or what it is, in words */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "core/log.h"
#include "core/mem.h"
#include "decode/decode.h"
#include "translate/translate.h"

enum { AT = 0x8049000, ELSEWHERE = 0x8049800, PLACE = 1 << 14, INSNS_MAX = 64 };

extern const char __ehdr_start[]; /* by the linker */

static struct slot {
    struct insn in;
    struct insn_links links; /* of an indirect jump or call */
} slots[INSNS_MAX];
static struct tr_insn region[INSNS_MAX];
static struct translation tr;
static uint8_t code[TRANSLATE_BYTES_MAX] __attribute__((aligned(64)));

static bool option(const char *options, const char *name)
{
    return strstr(options, name);
}

/* Code can be entered at the start, behind what ends a block, and at targets. */
static void find_entries(void)
{
    region[0].entry = true;
    for (unsigned i = 0; i < tr.n; i++) {
        const struct insn *in = region[i].in;
        if (!(in->flags & INSN_END))
            continue;
        if (i + 1 < tr.n)
            region[i + 1].entry = true;
        int to = in->o[0].kind == OPND_REL ? translate_find(&tr, in->imm) : -1;
        if (to >= 0)
            region[to].entry = true;
    }
}

static bool decode(const char *name, unsigned bytes, const char *options)
{
    tr = (struct translation){.insn = region, .code = code,
                              .mode = option(options, "gs") ? MODE_GS_PLAIN : 0,
                              .ordered = option(options, "ordered"),
                              .unmasked = option(options, "unmasked"),
                              .inexact = option(options, "inexact"),
                              .all_flags = option(options, "shown")};
    memset(slots, 0, sizeof slots);
    memset(code, 0, sizeof code);
    for (gaddr eip = AT; eip < AT + bytes; eip = slots[tr.n++].in.next) {
        struct slot *s = &slots[tr.n];
        if (tr.n == INSNS_MAX || decode_insn(eip, tr.mode, &s->in) != DECODE_OK) {
            fprintf(stderr, "%s: not understood at byte %u\n", name, eip - AT);
            return false;
        }
        s->links.led_to = option(options, "led") ? ELSEWHERE : 0;
        region[tr.n] = (struct tr_insn){.in = &s->in, .raw = mem_host(eip)};
    }
    find_entries();
    return true;
}

static void print_host(uint32_t from, uint32_t to)
{
    char text[128];
    while (from < to) {
        unsigned len = translate_format(code + from, to - from, from, text, sizeof text);
        printf("h %x %s\n", from, len ? text : "?");
        from += len ? len : to;
    }
}

static void print(const char *name, unsigned bytes)
{
    char text[128];
    printf("= %s %u %u %u %u\n", name, tr.n, bytes, tr.size, tr.cold);
    for (unsigned i = 0; i < tr.n; i++) {
        decode_format(slots[i].in.eip, tr.mode, text, sizeof text);
        printf("g %x %x %s\n", slots[i].in.eip - AT, tr.off[i], text);
    }
    print_host(tr.off[0], tr.cold);
    for (unsigned i = 0; i < tr.relocs; i++)
        if (tr.reloc[i].ref != TR_IMAGE)
            printf("r %x instruction\n", tr.reloc[i].at);
        else
            printf("r %x %lx\n", tr.reloc[i].at,
                   (unsigned long)(tr.reloc[i].value - (uintptr_t)__ehdr_start));
}

static uint8_t *read_file(const char *path, size_t max)
{
    FILE *f = fopen(path, "re");
    uint8_t *p = xcalloc(1, max);
    if (!f || !fread(p, 1, max, f))
        log_die(1, "%s: cannot be read", path);
    fclose(f);
    return p;
}

/* As in a program: the page cannot be written by the guest, and is known to hold code. */
static void place(const uint8_t *snippet, unsigned size)
{
    mem_protect(AT, GUEST_PAGE_SIZE, PROT_READ | PROT_WRITE);
    memset(mem_host(AT), 0xcc, GUEST_PAGE_SIZE);
    memcpy(mem_host(AT), snippet, size);
    mem_protect(AT, GUEST_PAGE_SIZE, PROT_READ | PROT_EXEC);
    mem_code_protect(AT, GUEST_PAGE_SIZE);
}

int main(int argc, char **argv)
{
    char name[80], options[80];
    unsigned start, size, translated, n = 0;
    if (argc != 4)
        return 2;
    translate_assume(!strcmp(argv[1], "newest"));
    if (mem_init() || mem_map(AT, GUEST_PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                              -1, 0) != AT)
        return 1;
    const uint8_t *all = read_file(argv[2], 1 << 20);
    FILE *out = fopen(argv[3], "we");
    while (out && scanf("%79s %u %u %u %79s", name, &start, &size, &translated, options) == 5) {
        place(all + start, size);
        if (!decode(name, translated, options))
            return 1;
        bool ok = translate_region(&tr) && tr.size <= PLACE;
        if (!ok)
            tr.n = tr.size = tr.cold = 0;
        print(name, translated);
        fseek(out, (long)n++ * PLACE, SEEK_SET);
        fwrite(code, 1, PLACE, out);
    }
    return !out || fclose(out) != 0;
}
