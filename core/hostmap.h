/* What the host has mapped below 4 GiB. Where the host's pages are the guest's (4 KiB) each function is
 * one system call. Where they are larger (16 or 64 KiB: kernels of some Arm machines) several of the guest's
 * may lie in one of the host's:
 *   - memory that is private and fills no host page is held in anonymous memory; a file's part is read into
 *     it. So it is if file offset and address differ modulo the host's page.
 *   - shared memory has host pages of its own; else -EINVAL.
 *   - a host page can be accessed in any way that one of the guest's in it can be; what is not mapped or
 *     protected is exact as far as the host's pages go.
 * The caller holds the lock of core/mem.c, and changes mem_page only after the call: what it says of pages
 * outside of [start, end) counts. `prot` is the guest's (PROT_*). Results: 0 or a negative errno. */
#ifndef XRUN_CORE_HOSTMAP_H
#define XRUN_CORE_HOSTMAP_H

#include "core/mem.h"

extern uint32_t host_page; /* bytes */

static inline bool host_fine(void) /* the host's pages are the guest's */
{
    return likely(host_page == GUEST_PAGE_SIZE);
}

static inline gaddr host_down(gaddr a)
{
    return a & ~(host_page - 1);
}

static inline uint64_t host_up(uint64_t a)
{
    return (a + host_page - 1) & ~(uint64_t)(host_page - 1);
}

/* How a guest page of these protections is mapped: it is never executable on the host, for the guest's code
 * runs only through xrun. */
int host_prot(int prot);

/* Pages of `size` bytes (--host-page): how the host maps is tried as if it had them. 0: as it has. False if it
 * cannot be. */
bool host_page_init(uint32_t size);
extern bool host_reserved; /* the low 4 GiB are ours, PROT_NONE where nothing is mapped; else what is released is a hole */

/* mmap(MAP_FIXED | flags) of whole guest pages. */
int host_map(gaddr start, gaddr end, int prot, int flags, int fd, uint64_t off);
/* Gives [start, end) back to the reservation. */
void host_release(gaddr start, gaddr end);
int host_protect(gaddr start, gaddr end, int prot);
/* mremap of [old, old + old_len) to [to, to + new_len), which it replaces; what it leaves is for host_release.
 * `prot`, `shared`, `file`: of the mapping. */
int host_move(gaddr old, uint32_t old_len, gaddr to, uint32_t new_len, int flags, int prot, bool shared, bool file);
/* [old, end) grows to new_end, and nothing of the guest's is there. -ENOMEM: it has to move. */
int host_grow(gaddr old, gaddr end, gaddr new_end, int prot, bool shared, bool file);
int host_advise(gaddr start, gaddr end, int advice, bool shared, bool file);
/* The host page of `a` is mapped as mem_page now has it. */
void host_refresh(gaddr a);
/* Memory that others have mapped at [start, end) (shmat, mremap): it is shared. */
void host_note_shared(gaddr start, gaddr end);
/* May shared memory be mapped at [start, end)? */
bool host_alone(gaddr start, gaddr end);

/* Is a store to this page held back since it holds code? */
static inline bool host_guards(uint8_t page)
{
    return (page & (PAGE_CODE | PAGE_W | PAGE_MIXED)) == (PAGE_CODE | PAGE_W);
}

#endif
