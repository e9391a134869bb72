/* Keeps xrun's guest space a copy of a native process's memory, for lockstep: the same mappings at
 * the same addresses, the same bytes after everything that the kernel may have written. */
#ifndef XRUN_RUNTIME_MIRROR_H
#define XRUN_RUNTIME_MIRROR_H

#include "runtime/native.h"

struct mirror_area {
    gaddr start, end;
    uint8_t prot;   /* PROT_* */
    bool shared;    /* others may write to it too */
    bool opaque;    /* the kernel's own pages, not readable from outside ([vvar]) */
    bool special;   /* made by the kernel ([vdso]): neither anonymous nor of a file */
    bool stack, file;
    uint64_t off, ino;
    unsigned major, minor;
    char *path;     /* of a file */
};

struct mirror {
    struct native *native;
    char *text;     /* of /proc/PID/maps, as last seen */
    struct mirror_area *area;
    unsigned count;
    bool any_shared;
    struct shared_file *files; /* xrun's stand-ins for files that are mapped shared */
};

/* Brings everything up to date after the kernel ran in the native process. Bytes of
 * [renewed, renewed + len) are new even if the mapping looks as before; `dropped`: pages may have
 * been given back (madvise). */
void mirror_sync(struct mirror *m, gaddr renewed, uint32_t len, bool dropped);
/* Forgets everything (before the mirroring of another program). */
void mirror_clear(struct mirror *m);
const struct mirror_area *mirror_find(const struct mirror *m, gaddr a);
/* Compares all of the writable memory; true if equal, else *where is the first difference. */
bool mirror_equal(struct mirror *m, gaddr *where);
/* Makes the native process's writable memory equal to xrun's. */
void mirror_put_back(struct mirror *m);

#endif
