/* bpf(2). Attributes are the same for 32-bit programs: pointers in them are 64 bits wide. What is to be known is
 * where those are, so that none leads out of the guest's memory, and which the kernel writes to. Programs are
 * the kernel's own, on any host. */
#include <linux/bpf.h>
#include <stddef.h>

#include "syscalls/priv.h"

enum {
    ATTR_MAX = 4096,
    UNKNOWN = 0xffff,        /* instead of the place of a size: not told; */
    OUT_MAX = 0x10000,       /* no more than this is written then */
    POINTERS = 9,
};

#define IN(field) {offsetof(union bpf_attr, field), 0}
#define OUT(field, size) {offsetof(union bpf_attr, field), offsetof(union bpf_attr, size)}
#define OUT_SOME(field) {offsetof(union bpf_attr, field), UNKNOWN}

/* Pointers of the commands. `size` is where a 32-bit length of what is written there lies, 0: it is only read. */
static const struct command {
    bool known;
    struct { uint16_t at, size; } pointer[POINTERS];
} commands[] = {
    [BPF_MAP_CREATE] = {true, {{0, 0}}},
    [BPF_MAP_LOOKUP_ELEM] = {true, {IN(key), OUT_SOME(value)}},
    [BPF_MAP_UPDATE_ELEM] = {true, {IN(key), IN(value)}},
    [BPF_MAP_DELETE_ELEM] = {true, {IN(key)}},
    [BPF_MAP_GET_NEXT_KEY] = {true, {IN(key), OUT_SOME(next_key)}},
    [BPF_MAP_LOOKUP_AND_DELETE_ELEM] = {true, {IN(key), OUT_SOME(value)}},
    [BPF_MAP_FREEZE] = {true, {{0, 0}}},
    [BPF_PROG_LOAD] = {true, {IN(insns), IN(license), OUT(log_buf, log_size), IN(func_info),
                              IN(line_info), IN(fd_array), IN(core_relos)}},
    [BPF_PROG_ATTACH] = {true, {{0, 0}}},
    [BPF_PROG_DETACH] = {true, {{0, 0}}},
    [BPF_PROG_TEST_RUN] = {true, {IN(test.data_in), OUT(test.data_out, test.data_size_out),
                                  IN(test.ctx_in), OUT(test.ctx_out, test.ctx_size_out)}},
    [BPF_PROG_GET_NEXT_ID] = {true, {{0, 0}}},
    [BPF_MAP_GET_NEXT_ID] = {true, {{0, 0}}},
    [BPF_BTF_GET_NEXT_ID] = {true, {{0, 0}}},
    [BPF_LINK_GET_NEXT_ID] = {true, {{0, 0}}},
    [BPF_PROG_GET_FD_BY_ID] = {true, {{0, 0}}},
    [BPF_MAP_GET_FD_BY_ID] = {true, {{0, 0}}},
    [BPF_BTF_GET_FD_BY_ID] = {true, {{0, 0}}},
    [BPF_LINK_GET_FD_BY_ID] = {true, {{0, 0}}},
    [BPF_PROG_BIND_MAP] = {true, {{0, 0}}},
    [BPF_LINK_DETACH] = {true, {{0, 0}}},
    [BPF_PROG_QUERY] = {true, {OUT_SOME(query.prog_ids), OUT_SOME(query.prog_attach_flags)}},
};

/* Pointers that the kernel cannot follow are left to it, in its own order of checks. */
static void prepare(const struct command *k, union bpf_attr *attr)
{
    char *a = (char *)attr;
    for (int i = 0; i < POINTERS; i++) {
        uint64_t p;
        uint32_t n = OUT_MAX;
        unsigned at = k->pointer[i].at, size = k->pointer[i].size;
        if (!at)
            break;
        __builtin_memcpy(&p, a + at, sizeof p);
        if (size && size != UNKNOWN)
            __builtin_memcpy(&n, a + size, sizeof n);
        if (p > UINT32_MAX) {
            p = (uintptr_t)BAD_PTR;
            __builtin_memcpy(a + at, &p, sizeof p);
        } else if (size) {
            mem_prepare_write((gaddr)p, n);
        }
    }
}

SYSCALL(bpf) /* command, attributes, their size */
{
    uint32_t nr = c->a[0], size = c->a[2];
    union { union bpf_attr attr; char bytes[ATTR_MAX]; } u = {.bytes = {0}}, sent;
    const struct command *k = nr < ARRAY_SIZE(commands) ? &commands[nr] : NULL;
    if (!k || !k->known) {
        log_event("bpf command %u refused: unknown or not built", nr);
        return -EINVAL;
    }
    if (size > sizeof u || mem_read(&u, c->a[1], size)) /* the kernel says which error it is */
        return HC(SYS_bpf, nr, size > sizeof u ? mem_host(c->a[1]) : BAD_PTR, size, 0, 0, 0);
    prepare(k, &u.attr);
    sent = u;
    int64_t r = HC(SYS_bpf, nr, &u, size, 0, 0, 0);
    for (uint32_t i = 0; i < size; i++) /* results are in there, too */
        if (u.bytes[i] != sent.bytes[i] && mem_write(c->a[1] + i, &u.bytes[i], 1))
            return -EFAULT;
    return r;
}
