/* Guest paths -> host paths under --sysroot. An absolute guest path is looked for below the
 * sysroot first (symbolic links inside resolve against the sysroot, ".." never leaves it); if it
 * does not exist there the host's own is meant. /dev, /proc and /sys are always the host's, and where the
 * sysroot has a dynamic linker the host's ld.so.cache and ld.so.conf are not seen. Without a sysroot every
 * path is itself. No state but opt.sysroot; thread-safe. */
#ifndef XRUN_CORE_PATH_H
#define XRUN_CORE_PATH_H

#include <limits.h>

#include "core/types.h"

/* Makes opt.sysroot an absolute path without links. 0, or -errno (no such directory). */
int path_init(void);
/* Writes the host path of guest path `path` to `out` (PATH_MAX bytes); `follow`: resolve a final
 * symbolic link too. `create`: the last component need not exist (its directory decides). Relative
 * paths are copied. What the kernel would refuse comes out as a path that the host refuses in the same
 * way; where that cannot be, -ENAMETOOLONG or -ELOOP is returned. */
int path_to_host(const char *path, char out[PATH_MAX], bool follow, bool create);
/* May the process (its effective user) execute the host's file? 0 or -errno. */
int path_executable(const char *host);
/* The name the guest knows a host path by: the sysroot prefix removed. */
const char *path_to_guest(const char *host);

#endif
