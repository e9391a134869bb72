/* Basic types shared by every part of xrun.
 * `gaddr` is an address in the guest's 4 GiB space; guest address = host address, so mem_host()
 * is a widening cast. Integers of guest registers are always uint32_t. */
#ifndef XRUN_CORE_TYPES_H
#define XRUN_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t gaddr;

#define GUEST_PAGE_SHIFT 12
#define GUEST_PAGE_SIZE 4096u
#define GUEST_PAGE_MASK 0xfffu

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* A large variable that is not initialized: these come first, so that the small ones share few pages. */
#define LARGE_BSS _Alignas(GUEST_PAGE_SIZE)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define PAGE_DOWN(a) ((a) & ~(typeof(a))GUEST_PAGE_MASK)
#define PAGE_UP(a) (((a) + GUEST_PAGE_MASK) & ~(typeof(a))GUEST_PAGE_MASK)

#endif
