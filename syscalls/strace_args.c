/* Arguments as strace prints them, for the calls that people read most. Everything not listed here is
 * printed by the letters of table.def. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "syscalls/strace.h"

struct flag { uint32_t value; const char *name; };

static const struct flag open_flags[] = {
    {1, "O_WRONLY"}, {2, "O_RDWR"}, {0100, "O_CREAT"}, {0200, "O_EXCL"}, {0400, "O_NOCTTY"},
    {01000, "O_TRUNC"}, {02000, "O_APPEND"}, {04000, "O_NONBLOCK"}, {04010000, "O_SYNC"},
    {010000, "O_DSYNC"}, {020000, "O_ASYNC"}, {I386_O_DIRECT, "O_DIRECT"},
    {I386_O_LARGEFILE, "O_LARGEFILE"}, {020200000, "O_TMPFILE"}, {I386_O_DIRECTORY, "O_DIRECTORY"},
    {I386_O_NOFOLLOW, "O_NOFOLLOW"}, {01000000, "O_NOATIME"}, {02000000, "O_CLOEXEC"},
    {010000000, "O_PATH"}, {0, "O_RDONLY"}};
static const struct flag prots[] = {
    {1, "PROT_READ"}, {2, "PROT_WRITE"}, {4, "PROT_EXEC"}, {8, "PROT_SEM"},
    {0x01000000, "PROT_GROWSDOWN"}, {0x02000000, "PROT_GROWSUP"}, {0, "PROT_NONE"}};
static const struct flag map_flags[] = {
    {3, "MAP_SHARED_VALIDATE"}, {1, "MAP_SHARED"}, {2, "MAP_PRIVATE"}, {0x10, "MAP_FIXED"},
    {0x20, "MAP_ANONYMOUS"}, {0x40, "MAP_32BIT"}, {0x100, "MAP_GROWSDOWN"},
    {0x800, "MAP_DENYWRITE"}, {0x1000, "MAP_EXECUTABLE"}, {0x2000, "MAP_LOCKED"},
    {0x4000, "MAP_NORESERVE"}, {0x8000, "MAP_POPULATE"}, {0x10000, "MAP_NONBLOCK"},
    {0x20000, "MAP_STACK"}, {0x40000, "MAP_HUGETLB"}, {0x80000, "MAP_SYNC"},
    {0x100000, "MAP_FIXED_NOREPLACE"}, {0, "MAP_FILE"}};
static const struct flag remap_flags[] = {
    {1, "MREMAP_MAYMOVE"}, {2, "MREMAP_FIXED"}, {4, "MREMAP_DONTUNMAP"}, {0, "0"}};
static const struct flag access_modes[] = {{4, "R_OK"}, {2, "W_OK"}, {1, "X_OK"}, {0, "F_OK"}};
static const struct flag at_flags[] = {
    {0x100, "AT_SYMLINK_NOFOLLOW"}, {0x200, "AT_REMOVEDIR"}, {0x400, "AT_SYMLINK_FOLLOW"},
    {0x800, "AT_NO_AUTOMOUNT"}, {0x1000, "AT_EMPTY_PATH"}, {0x2000, "AT_STATX_FORCE_SYNC"},
    {0x4000, "AT_STATX_DONT_SYNC"}, {0, "0"}};
static const struct flag wait_flags[] = {
    {1, "WNOHANG"}, {2, "WUNTRACED"}, {4, "WEXITED"}, {8, "WCONTINUED"}, {0x1000000, "WNOWAIT"},
    {0x20000000, "__WNOTHREAD"}, {0x40000000, "__WALL"}, {0x80000000, "__WCLONE"}, {0, "0"}};
static const struct flag clone_flags[] = {
    {0x100, "CLONE_VM"}, {0x200, "CLONE_FS"}, {0x400, "CLONE_FILES"}, {0x800, "CLONE_SIGHAND"},
    {0x1000, "CLONE_PIDFD"}, {0x2000, "CLONE_PTRACE"}, {0x4000, "CLONE_VFORK"},
    {0x8000, "CLONE_PARENT"}, {0x10000, "CLONE_THREAD"}, {0x20000, "CLONE_NEWNS"},
    {0x40000, "CLONE_SYSVSEM"}, {0x80000, "CLONE_SETTLS"}, {0x100000, "CLONE_PARENT_SETTID"},
    {0x200000, "CLONE_CHILD_CLEARTID"}, {0x800000, "CLONE_UNTRACED"},
    {0x1000000, "CLONE_CHILD_SETTID"}, {0x4000000, "CLONE_NEWUTS"}, {0x8000000, "CLONE_NEWIPC"},
    {0x10000000, "CLONE_NEWUSER"}, {0x20000000, "CLONE_NEWPID"}, {0x40000000, "CLONE_NEWNET"},
    {0x80000000, "CLONE_IO"}, {0, "0"}};
static const struct flag msg_flags[] = {
    {1, "MSG_OOB"}, {2, "MSG_PEEK"}, {4, "MSG_DONTROUTE"}, {0x20, "MSG_TRUNC"},
    {0x40, "MSG_DONTWAIT"}, {0x80, "MSG_EOR"}, {0x100, "MSG_WAITALL"}, {0x4000, "MSG_NOSIGNAL"},
    {0x8000, "MSG_MORE"}, {0x10000, "MSG_WAITFORONE"}, {0x40000000, "MSG_CMSG_CLOEXEC"}, {0, "0"}};

/* One of a list rather than a set. */
static const struct flag families[] = {
    {0, "AF_UNSPEC"}, {1, "AF_UNIX"}, {2, "AF_INET"}, {10, "AF_INET6"}, {16, "AF_NETLINK"},
    {17, "AF_PACKET"}, {38, "AF_ALG"}, {40, "AF_VSOCK"}};
static const struct flag hows[] = {{0, "SIG_BLOCK"}, {1, "SIG_UNBLOCK"}, {2, "SIG_SETMASK"}};
static const struct flag whences[] = {
    {0, "SEEK_SET"}, {1, "SEEK_CUR"}, {2, "SEEK_END"}, {3, "SEEK_DATA"}, {4, "SEEK_HOLE"}};
static const struct flag clocks[] = {
    {0, "CLOCK_REALTIME"}, {1, "CLOCK_MONOTONIC"}, {2, "CLOCK_PROCESS_CPUTIME_ID"},
    {3, "CLOCK_THREAD_CPUTIME_ID"}, {4, "CLOCK_MONOTONIC_RAW"}, {5, "CLOCK_REALTIME_COARSE"},
    {6, "CLOCK_MONOTONIC_COARSE"}, {7, "CLOCK_BOOTTIME"}};
static const struct flag fcntls[] = {
    {0, "F_DUPFD"}, {1, "F_GETFD"}, {2, "F_SETFD"}, {3, "F_GETFL"}, {4, "F_SETFL"}, {5, "F_GETLK"},
    {6, "F_SETLK"}, {7, "F_SETLKW"}, {8, "F_SETOWN"}, {9, "F_GETOWN"}, {10, "F_SETSIG"},
    {11, "F_GETSIG"}, {12, "F_GETLK64"}, {13, "F_SETLK64"}, {14, "F_SETLKW64"},
    {15, "F_SETOWN_EX"}, {16, "F_GETOWN_EX"}, {36, "F_OFD_GETLK"}, {37, "F_OFD_SETLK"},
    {38, "F_OFD_SETLKW"}, {1024, "F_SETLEASE"}, {1025, "F_GETLEASE"}, {1026, "F_NOTIFY"},
    {1030, "F_DUPFD_CLOEXEC"}, {1031, "F_SETPIPE_SZ"}, {1032, "F_GETPIPE_SZ"},
    {1033, "F_ADD_SEALS"}, {1034, "F_GET_SEALS"}};
static const struct flag epoll_ops[] = {
    {1, "EPOLL_CTL_ADD"}, {2, "EPOLL_CTL_DEL"}, {3, "EPOLL_CTL_MOD"}};
static const struct flag levels[] = {
    {0, "SOL_IP"}, {1, "SOL_SOCKET"}, {6, "SOL_TCP"}, {17, "SOL_UDP"}, {41, "SOL_IPV6"}};
static const struct flag futex_ops[] = {
    {0, "FUTEX_WAIT"}, {1, "FUTEX_WAKE"}, {3, "FUTEX_REQUEUE"}, {4, "FUTEX_CMP_REQUEUE"},
    {5, "FUTEX_WAKE_OP"}, {6, "FUTEX_LOCK_PI"}, {7, "FUTEX_UNLOCK_PI"}, {8, "FUTEX_TRYLOCK_PI"},
    {9, "FUTEX_WAIT_BITSET"}, {10, "FUTEX_WAKE_BITSET"}, {11, "FUTEX_WAIT_REQUEUE_PI"},
    {12, "FUTEX_CMP_REQUEUE_PI"}, {13, "FUTEX_LOCK_PI2"}};
static const struct flag advices[] = {
    {0, "MADV_NORMAL"}, {1, "MADV_RANDOM"}, {2, "MADV_SEQUENTIAL"}, {3, "MADV_WILLNEED"},
    {4, "MADV_DONTNEED"}, {8, "MADV_FREE"}, {9, "MADV_REMOVE"}, {10, "MADV_DONTFORK"},
    {11, "MADV_DOFORK"}, {14, "MADV_HUGEPAGE"}, {15, "MADV_NOHUGEPAGE"}, {16, "MADV_DONTDUMP"}};

/* Letters: those of table.def, and what `decode` knows. */
static const struct { const char *name, *args; } formats[] = {
    {"open", "fO"}, {"openat", "dfO"}, {"creat", "fo"}, {"mkdir", "fo"}, {"mkdirat", "dfo"},
    {"chmod", "fo"}, {"fchmod", "do"}, {"fchmodat", "dfo"}, {"umask", "o"},
    {"access", "fa"}, {"faccessat", "dfa"}, {"faccessat2", "dfaA"},
    {"fstatat64", "dfpA"}, {"unlinkat", "dfA"}, {"linkat", "dfdfA"}, {"statx", "dfAxp"},
    {"utimensat", "dfpA"}, {"utimensat_time64", "dfpA"}, {"fchownat", "dfddA"},
    {"mmap2", "puPMdx"}, {"mprotect", "puP"}, {"mremap", "puuRp"}, {"madvise", "puv"},
    {"read", "dBu"}, {"write", "dbu"}, {"pread64", "dBuuu"}, {"pwrite64", "dbuuu"},
    {"readlink", "fBu"}, {"readlinkat", "dfBu"}, {"getcwd", "Bu"}, {"getrandom", "pux"},
    {"lseek", "ddq"}, {"_llseek", "duupq"}, {"pipe", "i"}, {"pipe2", "iO"}, {"dup3", "ddO"},
    {"fcntl", "dcx"}, {"fcntl64", "dcx"}, {"kill", "dS"}, {"tkill", "dS"}, {"tgkill", "ddS"},
    {"rt_sigqueueinfo", "dSp"}, {"signal", "Sp"}, {"sigaction", "Spp"}, {"rt_sigaction", "Sppu"},
    {"rt_sigprocmask", "hggu"}, {"rt_sigsuspend", "gu"}, {"rt_sigpending", "gu"},
    {"wait4", "dwWp"}, {"waitpid", "dwW"}, {"waitid", "ddpWp"}, {"clone", "Cpppp"},
    {"socket", "FTd"}, {"socketpair", "FTdi"}, {"bind", "dku"}, {"connect", "dku"},
    {"accept4", "dppx"}, {"sendto", "dbumku"}, {"recvfrom", "dBumpp"}, {"sendmsg", "dpm"},
    {"recvmsg", "dpm"}, {"setsockopt", "dldpu"}, {"getsockopt", "dldpp"},
    {"clock_gettime", "nt"}, {"clock_gettime64", "np"}, {"nanosleep", "tp"},
    {"epoll_ctl", "dEdp"}, {"futex", "pXupup"}, {"futex_time64", "pXupup"},
};

const char *strace_format(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (!strcmp(formats[i].name, name))
            return formats[i].args;
    return NULL;
}

static void add_set(struct line *l, const struct flag *f, size_t n, uint32_t v)
{
    const char *sep = "";
    uint32_t left = v;
    if (f == open_flags && !(v & I386_O_ACCMODE)) {
        strace_add(l, "O_RDONLY");
        sep = "|";
        n--;
    }
    for (size_t i = 0; i < n; i++)
        if (f[i].value ? (left & f[i].value) == f[i].value : !v) {
            strace_add(l, "%s%s", sep, f[i].name);
            left &= ~f[i].value;
            sep = "|";
        }
    if (left)
        strace_add(l, "%s%#x", sep, left);
}

static void add_one(struct line *l, const struct flag *f, size_t n, uint32_t v)
{
    for (size_t i = 0; i < n; i++)
        if (f[i].value == v) {
            strace_add(l, "%s", f[i].name);
            return;
        }
    strace_add(l, "%#x", v);
}
#define SET(list, v) add_set(l, list, ARRAY_SIZE(list), v)
#define ONE(list, v) add_one(l, list, ARRAY_SIZE(list), v)

static void add_signal(struct line *l, uint32_t sig)
{
    const char *name = sigabbrev_np((int)sig);
    if (name)
        strace_add(l, "SIG%s", name);
    else if (sig >= 32 && sig <= 64)
        strace_add(l, "SIGRT_%u", sig - 32);
    else
        strace_add(l, "%d", (int)sig);
}

static void add_mask(struct line *l, uint32_t a)
{
    uint64_t m;
    const char *sep = "";
    if (mem_read(&m, a, sizeof m)) {
        strace_add(l, a ? "%#x" : "NULL", a);
        return;
    }
    bool invert = __builtin_popcountll(m) > 32;
    strace_add(l, invert ? "~[" : "[");
    for (int sig = 1; sig <= NSIG_GUEST; sig++)
        if ((m >> (sig - 1) & 1) != invert) {
            const char *name = sigabbrev_np(sig);
            if (name)
                strace_add(l, "%s%s", sep, name);
            else
                strace_add(l, "%sRT_%d", sep, sig - 32);
            sep = " ";
        }
    strace_add(l, "]");
}

static void add_address(struct line *l, uint32_t a, uint32_t len)
{
    union { struct sockaddr_un un; struct sockaddr_in in; struct sockaddr_in6 in6; } s;
    char text[INET6_ADDRSTRLEN];
    memset(&s, 0, sizeof s);
    if (!a || len < 2 || mem_read(&s, a, len < sizeof s - 1 ? len : sizeof s - 1)) {
        strace_add(l, a ? "%#x" : "NULL", a);
        return;
    }
    strace_add(l, "{sa_family=");
    ONE(families, s.un.sun_family);
    if (s.un.sun_family == AF_UNIX)
        strace_add(l, ", sun_path=%s\"%s\"", s.un.sun_path[0] || len <= 2 ? "" : "@",
                   s.un.sun_path + (!s.un.sun_path[0] && len > 2));
    else if (s.un.sun_family == AF_INET)
        strace_add(l, ", sin_port=htons(%u), sin_addr=inet_addr(\"%s\")", ntohs(s.in.sin_port),
                   inet_ntop(AF_INET, &s.in.sin_addr, text, sizeof text));
    else if (s.un.sun_family == AF_INET6)
        strace_add(l, ", sin6_port=htons(%u), inet_pton(AF_INET6, \"%s\")", ntohs(s.in6.sin6_port),
                   inet_ntop(AF_INET6, &s.in6.sin6_addr, text, sizeof text));
    strace_add(l, "}");
}

static void add_socket_type(struct line *l, uint32_t v)
{
    static const struct flag types[] = {{1, "SOCK_STREAM"}, {2, "SOCK_DGRAM"}, {3, "SOCK_RAW"},
                                        {4, "SOCK_RDM"}, {5, "SOCK_SEQPACKET"}};
    ONE(types, v & 0xf);
    if (v & 02000000)
        strace_add(l, "|SOCK_CLOEXEC");
    if (v & 04000)
        strace_add(l, "|SOCK_NONBLOCK");
}

static void add_wait_status(struct line *l, uint32_t a, int64_t ret)
{
    uint32_t st;
    if (ret <= 0 || mem_read32(a, &st))
        strace_add(l, a ? "%#x" : "NULL", a);
    else if (WIFEXITED(st))
        strace_add(l, "[{WIFEXITED(s) && WEXITSTATUS(s) == %d}]", WEXITSTATUS(st));
    else if (WIFSIGNALED(st))
        strace_add(l, "[{WIFSIGNALED(s) && WTERMSIG(s) == SIG%s}]",
                   sigabbrev_np(WTERMSIG(st)) ? sigabbrev_np(WTERMSIG(st)) : "RT");
    else
        strace_add(l, "[%#x]", st);
}

static void add_pair(struct line *l, uint32_t a, const char *fmt, int64_t ret)
{
    int32_t v[2];
    if (ret < 0 || mem_read(v, a, sizeof v))
        strace_add(l, a ? "%#x" : "NULL", a);
    else
        strace_add(l, fmt, v[0], v[1]);
}

static void add_clone(struct line *l, uint32_t v)
{
    strace_add(l, "flags=");
    SET(clone_flags, v & ~0xffu);
    if (v & 0xff) {
        strace_add(l, "|");
        add_signal(l, v & 0xff);
    }
}

bool strace_decode(struct line *l, char letter, const uint32_t *a, uint32_t next, int64_t ret)
{
    switch (letter) {
    case 'O':
        SET(open_flags, *a);
        if (next && (*a & 0100))
            strace_add(l, ", %#o", next);
        break;
    case 'o': strace_add(l, "%#o", *a); break;
    case 'P': SET(prots, *a); break;
    case 'M': SET(map_flags, *a); break;
    case 'R': SET(remap_flags, *a); break;
    case 'a': SET(access_modes, *a); break;
    case 'A': SET(at_flags, *a); break;
    case 'W': SET(wait_flags, *a); break;
    case 'm': SET(msg_flags, *a); break;
    case 'C': add_clone(l, *a); break;
    case 'F': ONE(families, *a); break;
    case 'T': add_socket_type(l, *a); break;
    case 'h': ONE(hows, *a); break;
    case 'q': ONE(whences, *a); break;
    case 'n': ONE(clocks, *a); break;
    case 'c': ONE(fcntls, *a); break;
    case 'E': ONE(epoll_ops, *a); break;
    case 'l': ONE(levels, *a); break;
    case 'v': ONE(advices, *a); break;
    case 'X':
        ONE(futex_ops, *a & 0x7f);
        strace_add(l, "%s%s", *a & 128 ? "_PRIVATE" : "", *a & 256 ? "|FUTEX_CLOCK_REALTIME" : "");
        break;
    case 'S': add_signal(l, *a); break;
    case 'g': add_mask(l, *a); break;
    case 'k': add_address(l, *a, next); break;
    case 'w': add_wait_status(l, *a, ret); break;
    case 'i': add_pair(l, *a, "[%d, %d]", ret); break;
    case 't': add_pair(l, *a, "{tv_sec=%d, tv_nsec=%d}", ret); break;
    case 'b': strace_add_bytes(l, *a, next); break;
    case 'B':
        if (ret >= 0)
            strace_add_bytes(l, *a, (uint32_t)ret);
        else
            strace_add(l, *a ? "%#x" : "NULL", *a);
        break;
    default: return false;
    }
    return true;
}
