/* The guest's 4 GiB address space. Guest address = host address; the whole low 4 GiB and a guard
 * above it are reserved PROT_NONE at start, so the guest can never name a byte of xrun.
 * mem owns an interval map of every guest mapping: placement, protections, names, growth.
 * All functions lock internally and may be called from any thread. Addresses and lengths are
 * bytes; errors are negative errno as the i386 kernel's mm/mmap.c gives them. */
#ifndef XRUN_CORE_MEM_H
#define XRUN_CORE_MEM_H

#include <sys/types.h>

#include "core/types.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#endif

/* First address a 32-bit task of an x86-64 kernel may not use (TASK_SIZE of compat tasks). */
#ifdef XRUN_ASAN /* AddressSanitizer's shadow memory begins at 0x7fff8000 */
#define MEM_TASK_SIZE 0x7fff7000u
#else
#define MEM_TASK_SIZE 0xffffe000u
#endif
/* The same for this task: less with the personality ADDR_LIMIT_3GB. It binds what is mapped from
 * then on. */
extern gaddr mem_task_size;
/* Where mappings begin that go from below up; programs that can be moved lie above it. */
static inline gaddr mem_unmapped_base(void)
{
    return PAGE_UP(mem_task_size / 3);
}

/* Per-page state, readable without the lock (relaxed). */
enum {
    PAGE_R = 1, PAGE_W = 2, PAGE_X = 4, /* what the guest asked for */
    PAGE_MAPPED = 8,
    PAGE_CODE = 16,   /* holds predecoded or translated code; if PAGE_W, host-protected read-only */
    PAGE_FOREIGN = 32, /* changes by other ways than a store to it: shared, or of a file open for
                        * writing; its code is compared before it is executed */
    PAGE_MIXED = 64, /* FOREIGN because it shares a page of the host's with what is written to */
};
extern uint8_t mem_page[1u << 20];

static inline uint8_t mem_page_flags(gaddr a)
{
    return __atomic_load_n(&mem_page[a >> GUEST_PAGE_SHIFT], __ATOMIC_RELAXED);
}

static inline void *mem_host(gaddr a)
{
    return (void *)(uintptr_t)a;
}

/* Reserves the space. 0, or a negative errno if xrun cannot own the low 4 GiB. */
int mem_init(void);

/* What the personality says of memory, whenever it changes; and what only execve looks at, of a
 * program that has `stack_limit`. */
void mem_personality(uint32_t persona);
void mem_layout(uint32_t persona, uint64_t stack_limit);

/* What kind of mapping an interval is, for /proc/self/maps. */
enum mem_kind { MEM_ANON, MEM_FILE, MEM_HEAP, MEM_STACK, MEM_VDSO, MEM_SHM };

/* mmap2 with a byte offset. `flags` and `prot` are the guest's (identical to the host's for x86;
 * MAP_* values are the same on AArch64). Returns the address or a negative errno. READ implies
 * EXEC when mem_read_implies_exec is set. */
int64_t mem_map(gaddr addr, uint32_t len, int prot, int flags, int fd, uint64_t off);
/* Like mem_map, with the name shown in /proc/self/maps (NULL: none, or the file's path). */
int64_t mem_map_kind(gaddr addr, uint32_t len, int prot, int flags, int fd, uint64_t off,
                     enum mem_kind kind, const char *name);
/* The file is called so (an absolute path without links): mappings of it need not ask /proc. */
void mem_name_file(int fd, const char *name);
int mem_unmap(gaddr addr, uint32_t len);
int mem_protect(gaddr addr, uint32_t len, int prot);
/* Another thread or process may see this process's stores, or the other way round: a thread was made that
 * shares memory, or shared memory is mapped. Never false again. mem_now_shared(), if there is one, is
 * called before that. */
extern bool mem_is_shared;
extern void (*mem_now_shared)(void);
void mem_set_shared(void);
int64_t mem_remap(gaddr old, uint32_t old_len, uint32_t new_len, int flags, gaddr new_addr);
/* brk(2): returns the new break, or the current one on failure. mem_brk_init sets its start. */
gaddr mem_brk(gaddr brk);
void mem_brk_init(gaddr start);
/* madvise with the effects xrun must know of (MADV_DONTNEED on code pages, DONTFORK, ...). */
int mem_advise(gaddr addr, uint32_t len, int advice);
/* Attaches a SysV segment: shmat at a place xrun chooses (addr 0) or the guest's. `shmflg` as in
 * shmat(2); `size` is the segment's. shmdt: mem_shm_detach. */
int64_t mem_shm_attach(int shmid, gaddr addr, int shmflg, uint32_t size);
int mem_shm_detach(gaddr addr);

/* Moves a mapping that the host's kernel has made in xrun's own space into the guest's: its address
 * there, or -ENOMEM with the mapping unchanged. */
int64_t mem_adopt(void *host, uint32_t len, int prot, const char *name);
/* remap_file_pages(2): the pages of a shared mapping at `addr` show the file from page `pgoff`. */
int mem_remap_pages(gaddr addr, uint32_t len, uint32_t prot, uint32_t pgoff, uint32_t flags);

/* mseal(2) of a range. */
int mem_seal(gaddr addr, uint32_t len);
/* PR_SET_MDWE's bits. They belong to the memory and go over fork and execve unless NO_INHERIT says so. */
enum { MEM_MDWE_REFUSE = 1, MEM_MDWE_NO_INHERIT = 2 };
extern uint32_t mem_mdwe;
static inline uint32_t mem_inherited_mdwe(void)
{
    return mem_mdwe & MEM_MDWE_NO_INHERIT ? 0 : mem_mdwe;
}

extern bool mem_read_implies_exec; /* personality READ_IMPLIES_EXEC */
extern int mem_lock_future; /* mlockall(MCL_FUTURE) is in force in the process with this id; 0: none */

/* True if [addr, addr+len) is mapped with all of `prot` (PROT_*) as the guest sees it. */
bool mem_check(gaddr addr, uint32_t len, int prot);

/* The mapping that holds `addr`, or the first one above it. False if none. */
struct mem_area {
    gaddr start, end;    /* end exclusive; 0xffffe000 at most */
    uint8_t prot;        /* PROT_* */
    uint8_t kind;        /* enum mem_kind */
    bool shared, growsdown;
    uint64_t offset, dev, ino; /* of the file */
    char name[256];
};
bool mem_find(gaddr addr, struct mem_area *out);
/* Writes the guest's /proc/self/maps text to fd. 0 or -errno. */
int mem_write_maps(int fd);

/* The host's fault handler asks this first. If the fault at `addr` is one xrun caused or resolves
 * (a store to a write-protected code page: unprotected, code invalidated; growth of a stack) it is
 * mended and MEM_FAULT_RETRY returned; MEM_FAULT_CODE: the same, but code of the page was thrown
 * away, so predecoded code that is in execution may be stale. Else the guest gets the signal:
 * MEM_FAULT_MAPERR, MEM_FAULT_ACCERR. Async-signal-safe. */
enum mem_fault { MEM_FAULT_RETRY, MEM_FAULT_CODE, MEM_FAULT_MAPERR, MEM_FAULT_ACCERR };
enum mem_fault mem_fault(gaddr addr, bool write, gaddr esp);

/* Code pages. mem_code_protect marks the pages of [addr, addr+len) as holding code and removes
 * host write permission where the guest has it; true if a page was not marked before (what was
 * read from it earlier may be stale). mem_set_code_hook: called with a page range whose
 * code must be forgotten (store, unmap, remap, mprotect, file change); may run in a signal
 * handler. mem_prepare_write makes [addr,addr+len) writable for a host system call that writes
 * there directly: code in it is forgotten; no error if it is not mapped. */
bool mem_code_protect(gaddr addr, uint32_t len);
void mem_set_code_hook(void (*hook)(gaddr start, gaddr end));
void mem_prepare_write(gaddr addr, uint32_t len);
enum { MEM_UNKNOWN_LENGTH = 1 << 20 }; /* for what only the kernel knows the length of */
/* What lies in [first,last] was changed behind all this. */
void mem_forget_code(gaddr first, gaddr last);

/* Other processes share all of this memory, and may be killed in the midst of a change. */
extern int mem_company; /* how many */
/* fork support: mem_fork_prepare takes the lock, mem_fork_done releases it in parent and child. */
void mem_fork_prepare(void);
void mem_fork_done(void);

/* Copies that return -EFAULT instead of faulting (0 on success). No length limit; a partial copy
 * may have happened on failure, as in the kernel. */
int mem_read(void *dst, gaddr src, size_t len);
int mem_write(gaddr dst, const void *src, size_t len);
int mem_zero(gaddr dst, size_t len);
/* Copies a NUL-terminated string; its length without the NUL, -EFAULT, or -ENAMETOOLONG if it does
 * not end within `size` bytes. */
int mem_read_str(char *dst, gaddr src, size_t size);

/* Atomically, a multiple of 4: stores `next` if *old is there, and gives 1; else 0 and what is there in *old. */
int mem_exchange32(gaddr a, uint32_t *old, uint32_t next);

static inline int mem_read32(gaddr a, uint32_t *v) { return mem_read(v, a, 4); }
static inline int mem_write32(gaddr a, uint32_t v) { return mem_write(a, &v, 4); }

#endif
