/* Prints sizes and offsets of fields.def: ours when compiled for a 64-bit host with -DOURS, theirs
 * when compiled for i386. run.sh compares. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>

#ifdef OURS
#include "abi/layout.h"
#define S(ours, theirs) printf("%s %zu\n", #ours, sizeof(struct ours));
#define F(ours, of, theirs, tf) printf("%s.%s %zu\n", #ours, #of, offsetof(struct ours, of));
#else
#define stat kstat
#define stat64 kstat64
#include <asm/stat.h>
#undef stat
#undef stat64
#define statfs kstatfs
#define statfs64 kstatfs64
#include <asm/statfs.h>
#undef statfs
#undef statfs64
#include <linux/loop.h>
#include <linux/time_types.h>
#include <asm/ipcbuf.h>
#include <asm/sembuf.h>
#include <asm/shmbuf.h>
#include <asm/msgbuf.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/uio.h>
#define S(ours, theirs) printf("%s %zu\n", #ours, sizeof(theirs));
#define F(ours, of, theirs, tf) printf("%s.%s %zu\n", #ours, #of, offsetof(theirs, tf));
#endif

int main(void)
{
#include "tests/abi/fields.def"
    return 0;
}
