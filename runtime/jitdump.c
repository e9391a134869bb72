/* The format is described in perf's tools/perf/Documentation/jitdump-specification.txt. perf learns of
 * the file because a page of it is mapped executable, as if it were code. */
#include "runtime/jitdump.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/options.h"

enum { MAGIC = 0x4a695444, VERSION = 1, CODE_LOAD = 0 };

struct file_header {
    uint32_t magic, version, size, machine, pad, pid;
    uint64_t time, flags;
};
struct code_load {
    uint32_t id, size; /* of the record with all that follows: the name, the code */
    uint64_t time;
    uint32_t pid, tid;
    uint64_t vma, addr, code_size, index;
};

extern const Elf64_Ehdr __ehdr_start; /* xrun's own header, by the linker: says which machine */

static int fd = -1;
static int dump_pid;        /* whose file was begun */
static uint64_t code_index; /* perf names a file of its own by it */

uint64_t jitdump_now(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static bool executed(void)
{
    return opt.child && !dump_pid;
}

/* A program that the process executes goes on in the file of the one before, with numbers of its own.
 * A child of fork begins another: perf knows what it has from its parent. */
static void begin_file(void)
{
    struct file_header h = {MAGIC, VERSION, sizeof h, __ehdr_start.e_machine, 0, (uint32_t)getpid(),
                            jitdump_now(), 0};
    if (!lseek(fd, 0, SEEK_END))
        log_write(fd, (const char *)&h, sizeof h);
    code_index = executed() ? h.time : 0;
    dump_pid = getpid();
    /* never unmapped */
    if (mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
        log_event("--jitdump: /tmp is mounted noexec: perf will not find the file");
}

void jitdump_begin(void)
{
    char path[64];
    bool append = dump_pid == getpid() || executed();
    snprintf(path, sizeof path, "/tmp/jit-%d.dump", getpid());
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (append ? O_APPEND : O_TRUNC), 0600);
    if (fd >= 0 && dump_pid != getpid())
        begin_file();
}

void jitdump_code(const uint8_t *code, uint32_t size, const char *name, uint64_t time)
{
    struct code_load r = {.id = CODE_LOAD, .time = time, .pid = (uint32_t)getpid(),
                          .tid = (uint32_t)syscall(SYS_gettid), .vma = (uintptr_t)code,
                          .addr = (uintptr_t)code, .code_size = size, .index = code_index++};
    size_t length = strlen(name) + 1;
    r.size = (uint32_t)(sizeof r + length + size);
    if (fd < 0)
        return;
    char *p = xmalloc(r.size);
    memcpy(p, &r, sizeof r);
    memcpy(p + sizeof r, name, length);
    memcpy(p + sizeof r + length, code, size);
    log_write(fd, p, r.size);
    free(p);
}

void jitdump_end(void)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
}
