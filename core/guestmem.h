/* Direct access to guest memory for the interpreter: a fault reaches the guest as #PF of cpu->cur.
 * Callers set cpu->cur first and change no register before their last access.
 * The barriers keep the compiler from moving stores to cpu state across an access; the fences give
 * x86-TSO on weakly ordered hosts and cost nothing on x86-64.
 * With MODE=asan these functions are not instrumented: the guest's memory is not ours to check. */
#ifndef XRUN_CORE_GUESTMEM_H
#define XRUN_CORE_GUESTMEM_H

#include "core/types.h"

#define GUESTMEM static inline __attribute__((always_inline))

struct guest_u16 { uint16_t v; } __attribute__((packed, may_alias));
struct guest_u32 { uint32_t v; } __attribute__((packed, may_alias));
struct guest_u64 { uint64_t v; } __attribute__((packed, may_alias));

#define GUESTMEM_LD(name, ctype, stype)                                                            \
    GUESTMEM ctype name(gaddr a)                                                                   \
    {                                                                                              \
        ctype v = ((const volatile stype *)(uintptr_t)a)->v;                                       \
        __atomic_thread_fence(__ATOMIC_ACQUIRE);                                                   \
        __asm__ volatile("" : "+r"(v) : : "memory");                                               \
        return v;                                                                                  \
    }
#define GUESTMEM_ST(name, ctype, stype)                                                            \
    GUESTMEM void name(gaddr a, ctype v)                                                           \
    {                                                                                              \
        __asm__ volatile("" : : : "memory");                                                       \
        __atomic_thread_fence(__ATOMIC_RELEASE);                                                   \
        ((volatile stype *)(uintptr_t)a)->v = v;                                                   \
        __asm__ volatile("" : : : "memory");                                                       \
    }

struct guest_u8 { uint8_t v; } __attribute__((packed, may_alias));
GUESTMEM_LD(ld8, uint8_t, struct guest_u8)
GUESTMEM_LD(ld16, uint16_t, struct guest_u16)
GUESTMEM_LD(ld32, uint32_t, struct guest_u32)
GUESTMEM_LD(ld64, uint64_t, struct guest_u64)
GUESTMEM_ST(st8, uint8_t, struct guest_u8)
GUESTMEM_ST(st16, uint16_t, struct guest_u16)
GUESTMEM_ST(st32, uint32_t, struct guest_u32)
GUESTMEM_ST(st64, uint64_t, struct guest_u64)

#endif
