/* Conversion of structures between i386's layout and the host's, driven by layouts.def. Pointers in them
 * are guest addresses, which are host addresses too; only arrays that differ themselves are copied.
 * Called by syscalls/ioctl.c; any thread. */
#ifndef XRUN_ABI_CONVERT_H
#define XRUN_ABI_CONVERT_H

#include <stddef.h>
#include <stdint.h>

#define STRUCT(name, type) LAYOUT_##name,
#define F(kind, member)
#define A(kind, n, member)
#define R(kind, n, member)
#define X(kind, n)
#define N(layout, n, member)
#define V(layout, count, member)
#define W(member)
#define G(n)
#define Z(n)
#define END(name)
#define PACKED(name)
enum abi_layout {
    LAYOUT_none,
#include "abi/layouts.def"
    LAYOUT_COUNT
};
#undef STRUCT
#undef F
#undef A
#undef R
#undef X
#undef N
#undef V
#undef W
#undef G
#undef Z
#undef END
#undef PACKED

/* Room for the host's copies of arrays that structures point to. */
struct abi_arena {
    char *next, *end;
};

struct abi_size {
    size_t guest, host;
};
struct abi_size abi_size(enum abi_layout l);

/* Host structure `h` from the guest's `g`. An array that cannot be read, or is longer than the arena has room for,
 * gets an address that the kernel cannot read either: it looks at counts first and refuses them if they are
 * above its limits. */
void abi_to_host(enum abi_layout l, const void *g, void *h, struct abi_arena *arena);
/* The guest's structure from the host's. `g` must hold what the guest passed: pointers to arrays stay as
 * they are, their contents are written back. 0 or -EFAULT. `lost`: names what did not fit, or stays. */
int abi_to_guest(enum abi_layout l, const void *h, void *g, const char **lost);

/* The fields of a layout for tests: calls f with each one's place in both; nested ones as one. */
void abi_each_field(enum abi_layout l, void (*f)(void *arg, struct abi_size at, struct abi_size size), void *arg);

#endif
