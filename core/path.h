/* Guest paths -> host paths under --sysroot. An absolute guest path is looked for below the
 * sysroot first (symbolic links inside resolve against the sysroot, ".." never leaves it); if it
 * does not exist there the host's own is meant. Without a sysroot every path is itself.
 * Pure functions but for lstat/readlink; thread-safe. */
#ifndef XRUN_CORE_PATH_H
#define XRUN_CORE_PATH_H

#include <limits.h>

#include "core/types.h"

/* Writes the host path of guest path `path` to `out` (PATH_MAX bytes); `follow`: resolve a final
 * symbolic link too. `create`: the last component need not exist (its directory decides). Relative
 * paths are copied. 0 or -ENAMETOOLONG. Returns `path` resolved even if nothing exists there. */
int path_to_host(const char *path, char out[PATH_MAX], bool follow, bool create);
/* The name the guest knows a host path by: the sysroot prefix removed. */
const char *path_to_guest(const char *host);

#endif
