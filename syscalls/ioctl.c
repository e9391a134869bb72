/* ioctl: ioctl.def lists all requests that are known, abi/layouts.def the structures that differ, and
 * ioctl_special.c has what tables cannot say. An unknown request is refused: passed on as it is it could overwrite
 * memory, and its structure may name addresses of 64 bits, where xrun is. */
#include "syscalls/ioctl.h"

#include <linux/input.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "core/options.h"

/* ---- the table ---- */

enum what { ALIKE, RENUMBERED, CONVERTED, FUNCTION, BITS };

struct row {
    uint32_t mask, request;
    uint16_t size; /* of what the argument points to; 0: a value */
    uint8_t what, way;
    uint8_t with; /* enum abi_layout or enum function */
};

enum function {
#define FN(name) DO_##name,
    IOCTL_FUNCTIONS(FN)
#undef FN
};

static int64_t (*const functions[])(struct sysctx *, enum ioctl_way) = {
#define FN(name) ioctl_##name,
    IOCTL_FUNCTIONS(FN)
#undef FN
};

#define EXACT UINT32_MAX
#define SIZE(request) ((request) >> 16 & 0x3fff)
static const struct row rows[] = {
#define SAME(request, name) {EXACT, request, SIZE(request), ALIKE, 0, 0},
#define OLD(request, name, size, type) {EXACT, request, size, ALIKE, 0, 0},
#define LONG(request, name) {EXACT, request, 8, RENUMBERED, 0, 0},
#define CONV(request, name, way, layout) {EXACT, request, 0, CONVERTED, way, LAYOUT_##layout},
#define TIME64(request, name, way, layout) {EXACT, request, 0, CONVERTED, way, LAYOUT_##layout},
#define FUNC(request, name, way, function) {EXACT, request, 0, FUNCTION, way, DO_##function},
#define FUNC64(request, name, way, function) {EXACT, request, 0, FUNCTION, way, DO_##function},
#define RANGE(mask, request, name) {mask, request, 0, ALIKE, 0, 0},
#define EVDEV(mask, request, name) {mask, request, 0, BITS, 0, 0},
#include "syscalls/ioctl.def"
};

/* Their names, one behind the other: pointers would have to be relocated at each start. */
static const char names[] =
#define SAME(request, name) #name "\0"
#define OLD(request, name, size, type) #name "\0"
#define LONG(request, name) #name "\0"
#define CONV(request, name, way, layout) #name "\0"
#define TIME64(request, name, way, layout) #name "\0"
#define FUNC(request, name, way, function) #name "\0"
#define FUNC64(request, name, way, function) #name "\0"
#define RANGE(mask, request, name) #name "\0"
#define EVDEV(mask, request, name) #name "\0"
#include "syscalls/ioctl.def"
    ;

static bool fits(const struct row *r, uint32_t request)
{
    return (request & r->mask) == r->request;
}

/* NULL: unknown. What was found last is looked at first. */
static const struct row *find(uint32_t request)
{
    static uint16_t recent[256];
    uint16_t *seen = &recent[(request ^ request >> 8) % ARRAY_SIZE(recent)];
    uint16_t last = __atomic_load_n(seen, __ATOMIC_RELAXED);
    if (fits(&rows[last], request))
        return &rows[last];
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (fits(&rows[i], request)) {
            __atomic_store_n(seen, (uint16_t)i, __ATOMIC_RELAXED);
            return &rows[i];
        }
    return NULL;
}

const char *ioctl_name(uint32_t request)
{
    const struct row *r = find(request);
    const char *name = names;
    if (!r)
        return NULL;
    for (ptrdiff_t n = r - rows; n > 0; n--)
        name += strlen(name) + 1;
    return name;
}

const char *ioctl_how(uint32_t request)
{
    static const char *const how[] = {[ALIKE] = "alike", [RENUMBERED] = "alike", [CONVERTED] = "converted",
                                      [FUNCTION] = "converted", [BITS] = "alike"};
    const struct row *r = find(request);
    return r ? how[r->what] : "unknown";
}

/* ---- calls ---- */

int64_t ioctl_host(const struct sysctx *c, unsigned long request, const void *arg)
{
    return HCB(SYS_ioctl, s32(c->a[0]), request, arg, 0, 0, 0);
}

unsigned long ioctl_request(uint32_t request, struct abi_size size)
{
    return SIZE(request) == size.guest ? (request & ~(0x3fffu << 16)) | (uint32_t)size.host << 16 : request;
}

/* Structures that are read and written come back from failed calls too, as drivers leave them, unless the
 * driver has not seen the request. */
static bool comes_back(int64_t r, enum ioctl_way way)
{
    return way & OUT && (r >= 0 || (way == BOTH && r > SYSRET_RESTART && r != -EFAULT && r != -ENOTTY && r != -EBADF));
}

int64_t ioctl_convert(const struct sysctx *c, enum abi_layout layout, enum ioctl_way way)
{
    struct abi_size size = abi_size(layout);
    uint64_t h[256], room[2176]; /* an array of IOV_LIMIT elements of 16 bytes */
    char g[1024];
    struct abi_arena arena = {(char *)room, (char *)(room + ARRAY_SIZE(room))};
    const char *lost = NULL;
    unsigned long request = ioctl_request(c->a[1], size);
    xassert(size.guest <= sizeof g && size.host <= sizeof h);
    memset(g, 0, sizeof g);
    if (way & IN ? mem_read(g, c->a[2], size.guest) : !mem_check(c->a[2], (uint32_t)size.guest, PROT_WRITE))
        return ioctl_host(c, request, BAD_PTR);
    abi_to_host(layout, g, h, &arena);
    int64_t r = ioctl_host(c, request, h);
    if (!comes_back(r, way))
        return r;
    if (abi_to_guest(layout, h, g, &lost) || mem_write(c->a[2], g, size.guest))
        return r < 0 ? r : -EFAULT;
    if (lost)
        report_loss("%s: %s of 64 bits cut to 32", ioctl_name(c->a[1]), lost);
    return r;
}

/* evdev's bits are whole longs, so the last of i386's may be half a long of the host's. */
static int64_t input_bits(struct sysctx *c)
{
    static const uint16_t events[] = {[0] = EV_CNT, [EV_KEY] = KEY_CNT, [EV_REL] = REL_CNT, [EV_ABS] = ABS_CNT,
                                      [EV_MSC] = MSC_CNT, [EV_SW] = SW_CNT, [EV_LED] = LED_CNT, [EV_SND] = SND_CNT,
                                      [EV_FF] = FF_CNT};
    static const struct { uint8_t nr; uint16_t count; } states[] = {
        {0x09, INPUT_PROP_CNT}, {0x18, KEY_CNT}, {0x19, LED_CNT}, {0x1a, SND_CNT}, {0x1b, SW_CNT}};
    uint32_t nr = c->a[1] & 0xff, size = SIZE(c->a[1]), count = 0;
    if (nr >= 0x20 && nr - 0x20 < ARRAY_SIZE(events))
        count = events[nr - 0x20];
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (states[i].nr == nr)
            count = states[i].count;
    uint32_t bytes = (count + 31) / 32 * 4;
    if (bytes && size > bytes)
        size = bytes;
    mem_prepare_write(c->a[2], size);
    return ioctl_host(c, (c->a[1] & ~(0x3fffu << 16)) | size << 16, mem_host(c->a[2]));
}

/* True the first time. */
static bool news(uint32_t request)
{
    static uint32_t seen[64];
    for (size_t i = 0; i < ARRAY_SIZE(seen); i++) {
        uint32_t none = 0;
        if (__atomic_load_n(&seen[i], __ATOMIC_RELAXED) == request)
            return false;
        if (__atomic_compare_exchange_n(&seen[i], &none, request, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return true;
    }
    return true;
}

/* Those of DRM drivers are alike for 32-bit programs by the kernel's rules (Documentation/gpu/drm-uapi). */
static bool of_drm_driver(uint32_t request)
{
    return (request >> 8 & 0xff) == 'd' && (request & 0xff) >= 0x40 && (request & 0xff) < 0xa0;
}

/* In none of the tables: it goes through the host's own 32-bit entry, which converts it; where there is none it is
 * refused, but for DRM. Such a request may name addresses of 64 bits, and so have the kernel write to xrun's memory.
 * That gives a program nothing that it may not do anyway, but would free it of its seccomp filters. --all-ioctls
 * passes everything on. */
static int64_t unknown(struct sysctx *c)
{
    static const char *const direction[] = {"none", "write", "read", "read and write"};
    uint32_t request = c->a[1], size = SIZE(request);
    int64_t flags = HC(SYS_fcntl, s32(c->a[0]), F_GETFL, 0, 0, 0, 0);
    bool refused = c->t->seccomp && !opt.all_ioctls;
    if (flags < 0 || flags & O_PATH)
        return -EBADF;
    int64_t r = NO_CALL32;
    if (!refused) {
        mem_prepare_write(c->a[2], size > 256 ? size : 256);
        r = runtime_hooks.call32(c->nr, c->a);
        refused = r == NO_CALL32 && !opt.all_ioctls && !of_drm_driver(request);
    }
    if (news(request))
        log_event("ioctl %#x %s: unknown (direction %s, type %#x, number %#x, size %u)%s", request,
                  refused ? "refused" : "passed on", direction[request >> 30], request >> 8 & 0xff, request & 0xff,
                  size, refused ? "; see --all-ioctls" : "");
    if (refused)
        return -ENOTTY;
    return r == NO_CALL32 ? ioctl_host(c, request, mem_host(c->a[2])) : restartable((long)r);
}

SYSCALL(ioctl)
{
    uint32_t request = c->a[1];
    const struct row *r = find(request);
    int64_t answer;
    if ((!r || r->what == ALIKE) && wide_ioctl(c, &answer))
        return answer;
    if (!r)
        return notify_ioctl(c, &answer) ? answer : unknown(c);
    switch ((enum what)r->what) {
    case CONVERTED: return ioctl_convert(c, r->with, r->way);
    case FUNCTION: return functions[r->with](c, r->way);
    case BITS: return input_bits(c);
    case RENUMBERED:
        mem_prepare_write(c->a[2], 8);
        return ioctl_host(c, ioctl_request(request, (struct abi_size){4, 8}), mem_host(c->a[2]));
    case ALIKE: break;
    }
    mem_prepare_write(c->a[2], r->size ? r->size : SIZE(request));
    return ioctl_host(c, request, mem_host(c->a[2]));
}
