/* Guest address space: placement, splitting and merging, protections, brk, growth, copies. */
#include "core/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/unit/test.h"

enum { RW = PROT_READ | PROT_WRITE, ANON = MAP_PRIVATE | MAP_ANONYMOUS };
static int hooks;
static void hook(gaddr start, gaddr end)
{
    (void)start, (void)end;
    hooks++;
}

int main(void)
{
    struct mem_area a;
    CHECK(mem_init() == 0);
    CHECK(mem_map(0, 0, RW, ANON, -1, 0) == -EINVAL);
    CHECK(mem_map(1, 4096, RW, ANON | MAP_FIXED, -1, 0) == -EINVAL);
    CHECK(mem_map(0xfffff000, 8192, RW, ANON | MAP_FIXED, -1, 0) == -ENOMEM);
    int64_t p = mem_map(0, 3 * 4096, RW, ANON, -1, 0);
    CHECK(p > 0 && !(p & 4095));
    memset(mem_host((gaddr)p), 1, 3 * 4096);
    CHECK(mem_map((gaddr)p, 4096, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == -EEXIST);
    CHECK(mem_protect((gaddr)p + 4096, 4096, PROT_READ) == 0);
    CHECK(mem_find((gaddr)p, &a) && a.start == p && a.end == p + 4096 && a.prot == RW);
    CHECK(!mem_check((gaddr)p, 8192, PROT_WRITE) && mem_check((gaddr)p, 3 * 4096, PROT_READ));
    CHECK(mem_protect((gaddr)p + 4096, 4096, RW) == 0);
    CHECK(mem_find((gaddr)p, &a) && a.end == p + 3 * 4096); /* merged again */
    CHECK(mem_unmap((gaddr)p + 4096, 4096) == 0);
    CHECK(mem_find((gaddr)p + 4096, &a) && a.start == p + 2 * 4096);
    CHECK(mem_protect((gaddr)p, 3 * 4096, PROT_READ) == -ENOMEM);
    int64_t q = mem_map(0, 4096, RW, ANON, -1, 0);
    CHECK(q != p && q != p + 2 * 4096);
    strcpy(mem_host((gaddr)q), "moved");
    int64_t r = mem_remap((gaddr)q, 4096, 1 << 20, MREMAP_MAYMOVE, 0);
    CHECK(r > 0 && !strcmp(mem_host((gaddr)r), "moved"));
    CHECK(mem_remap((gaddr)r, 1 << 20, 4096, 0, 0) == r);
    CHECK(mem_remap((gaddr)r, 4096, 8192, 0x100, 0) == -EINVAL);
    mem_brk_init(0x20000000);
    CHECK(mem_brk(0) == 0x20000000);
    CHECK(mem_brk(0x20003010) == 0x20003010);
    CHECK(mem_check(0x20003000, 16, RW));
    CHECK(mem_brk(0x10000000) == 0x20003010);
    CHECK(mem_brk(0x20000001) == 0x20000001 && !mem_check(0x20001000, 1, PROT_READ));
    mem_set_code_hook(hook);
    p += 2 * 4096;
    CHECK(mem_protect((gaddr)p, 4096, RW) == 0);
    CHECK(mem_code_protect((gaddr)p, 10) && !mem_code_protect((gaddr)p, 10));
    CHECK(mem_fault((gaddr)p, true, 0) == MEM_FAULT_CODE && hooks == 1);
    CHECK(mem_fault((gaddr)p, true, 0) == MEM_FAULT_RETRY);
    CHECK(mem_fault(0x30000000, false, 0) == MEM_FAULT_MAPERR);
    p = mem_map_kind(0x40000000, 8192, RW, ANON | MAP_FIXED | MAP_GROWSDOWN, -1, 0, MEM_STACK, NULL);
    CHECK(mem_fault(0x3fffe000, true, 0) == MEM_FAULT_RETRY && mem_check(0x3fffe000, 4096, RW));
    CHECK(mem_read(&a, 0xfffffff0, 64) == -EFAULT);
    FINISH();
}
