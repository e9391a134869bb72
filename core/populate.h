#ifndef XRUN_CORE_POPULATE_H
#define XRUN_CORE_POPULATE_H

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

/* Pages of xrun's own memory that are about to be written, all at once: a fault for each costs more. Keeps errno. */
static inline void populate_pages(void *p, size_t n)
{
    enum { POPULATE_WRITE = 23 }; /* MADV_POPULATE_WRITE; unknown to old kernels: no harm */
    int saved = errno;
    madvise(p, n, POPULATE_WRITE);
    errno = saved;
}

#endif
