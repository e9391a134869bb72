/* --jitdump: /tmp/jit-PID.dump has every piece of translated code with its name, so that `perf inject --jit`
 * can show the code itself (record with `perf record -k mono`). For perfmap.c, under its locks. */
#ifndef XRUN_RUNTIME_JITDUMP_H
#define XRUN_RUNTIME_JITDUMP_H

#include "core/types.h"

uint64_t jitdump_now(void); /* the time that perf compares with, in ns */
/* The file of this process is open for jitdump_code() until jitdump_end(): in between the guest can see
 * the descriptor. */
void jitdump_begin(void);
void jitdump_code(const uint8_t *code, uint32_t size, const char *name, uint64_t time);
void jitdump_end(void);

#endif
