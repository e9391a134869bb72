/* keyctl: words are the same on every host but for three structures (security/keys/compat.c). */
#include <linux/keyctl.h>
#include <string.h>
#include <sys/uio.h>

#include "syscalls/priv.h"

struct i386_kdf_params { uint32_t hashname, otherinfo, otherinfolen, spare[8]; };
struct host_kdf_params { uint64_t hashname, otherinfo; uint32_t otherinfolen, spare[8]; };

static int64_t keyctl(struct sysctx *c, const void *third, const void *fifth)
{
    return HC(SYS_keyctl, s32(c->a[0]), c->a[1], third, c->a[3], fifth, 0);
}

static int64_t instantiate_iov(struct sysctx *c)
{
    struct iovec v[IOV_LIMIT];
    return keyctl(c, c->a[2] && c->a[3] ? host_iovec(c->a[2], c->a[3], v, false) : NULL,
                  mem_host(c->a[4]));
}

static int64_t dh_compute(struct sysctx *c)
{
    struct i386_kdf_params g;
    struct host_kdf_params h;
    mem_prepare_write(c->a[2], c->a[3]);
    if (!c->a[4])
        return keyctl(c, mem_host(c->a[2]), NULL);
    if (mem_read(&g, c->a[4], sizeof g))
        return keyctl(c, mem_host(c->a[2]), BAD_PTR);
    h.hashname = g.hashname, h.otherinfo = g.otherinfo, h.otherinfolen = g.otherinfolen;
    memcpy(h.spare, g.spare, sizeof h.spare);
    return keyctl(c, mem_host(c->a[2]), &h);
}

SYSCALL(keyctl)
{
    switch (c->a[0]) {
    case KEYCTL_INSTANTIATE_IOV: return instantiate_iov(c);
    case KEYCTL_DH_COMPUTE: return dh_compute(c);
    case KEYCTL_CAPABILITIES: mem_prepare_write(c->a[1], c->a[2]); break;
    case KEYCTL_DESCRIBE: case KEYCTL_READ: case KEYCTL_GET_SECURITY:
        mem_prepare_write(c->a[2], c->a[3]);
        break;
    case KEYCTL_PKEY_QUERY: case KEYCTL_PKEY_ENCRYPT: case KEYCTL_PKEY_DECRYPT:
    case KEYCTL_PKEY_SIGN: mem_prepare_write(c->a[4], GUEST_PAGE_SIZE); break;
    }
    return keyctl(c, mem_host(c->a[2]), mem_host(c->a[4]));
}
