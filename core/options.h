/* Command-line options: one row per option in options.def drives parsing, --help and passing them
 * on to child processes. `opt` is written once at start, then read only. */
#ifndef XRUN_CORE_OPTIONS_H
#define XRUN_CORE_OPTIONS_H

#include "core/types.h"

struct options {
    const char *sysroot;   /* -L / --sysroot / XRUN_SYSROOT; NULL: none */
    const char *cpu;       /* --cpu=MODEL */
    const char *argv0;     /* --argv0=NAME for the guest's argv[0] */
    const char *log_file;  /* --log-file=FILE: where log and strace lines go */
    const char *strace;    /* --strace[=SET]: calls to show; NULL: none */
    uint32_t strace_strings, strace_time; /* -s N; -t, -tt, -ttt */
    bool strace_spent, strace_count;      /* -T; -c */
    const char *binfmt;     /* --binfmt=WORD */
    bool force;             /* --force */
    const char *config;     /* --config=FILE */
    const char *kernel;     /* --kernel=VERSION */
    bool abi_check;         /* --abi-check */
    const char *abi_report; /* --abi-report[=text|json]; NULL: none */
    const char *abi_stress; /* --abi-stress=LIST, see core/stress.h */
    bool log;              /* --log */
    bool lockstep;         /* --lockstep */
    bool lockstep_fast;    /* --lockstep-fast */
    bool lockstep_code;    /* --lockstep-code */
    const char *lockstep_break; /* --lockstep-break=WHAT:N, spoils xrun's state at step N (testing) */
    bool count;            /* --count: print executed guest instructions at exit */
    bool crash_report;     /* --crash-report */
    bool help, version, syscalls;
    bool profile;          /* --profile: counts of code made, at exit */
    bool all_ioctls;       /* --all-ioctls */
    const char *x87;       /* --x87=exact or double */
    const char *fault_flags; /* --fault-flags=exact or stale */
    const char *host_without; /* --host-without=LIST */
    bool interpret;        /* --interpret: no translated code */
    uint32_t hot;          /* --hot=N: entries into a block before it is translated */
    uint32_t units_max;    /* --units-max=N: translate at most N regions; 0: no limit */
    uint32_t block_max;    /* --block-max=N: instructions per block */
    uint32_t flush_every;  /* --flush-every=N: forget all code after N new blocks (testing) */
    uint32_t stress_flush; /* --stress-flush=N: forget code at random, every N look-ups (testing) */
    uint32_t host_page;    /* --host-page=N: as if the host had such pages (testing) */
    const char *code_cache; /* --code-cache=SIZE: memory for translated code */
    const char *store;     /* --store=DIR: where translated code is kept for the next run; "off": nowhere */
    uint32_t store_max;    /* --store-max=MiB: that all files there have together; 0: STORE_MAX */
    bool store_clean;      /* --store-clean: remove them */
    const char *execfn;    /* internal: AT_EXECFN if it is not the program's path */
    uint32_t exec_fd;      /* internal: closed when the program has been loaded */
    uint32_t seccomp_fd;   /* internal: seccomp filters over execve */
    uint32_t mdwe;         /* internal: PR_SET_MDWE over execve */
    uint32_t personality;  /* internal: the guest's over execve, if not the host's */
    uint32_t session_fd;   /* internal: memory shared by all processes, see core/session.h */
    uint32_t trace_fd;     /* internal: a traced program over execve */
    uint32_t log_fd;       /* internal: where the trace goes, handed on with it */
    uint32_t self_fd;      /* internal: this executable, passed on by exec */
    const char *limits;    /* internal: struct process's rlim_as, rlim_stack, rlim_data, if not the host's */
    const char *exec_via;  /* internal: emulator of this host that must start child xruns */
    bool child;            /* internal */
    const char *dump;      /* --dump=blocks,code,exec */
    const char *dump_range;      /* --dump-range=LOW-HIGH, */
    const char *translate_range; /* --translate-range=LOW-HIGH: hexadecimal addresses */
    bool perf_map, jitdump, gdb; /* --perf-map, --jitdump, --gdb */
    const char *gdbserver; /* --gdbserver=WHERE; NULL: none */
    uint32_t attach; /* --attach=PID; 0: none */
};
extern struct options opt;

enum { OPTIONS_SELF_FD_MIN = 1000 }; /* where self_fd goes: out of the guest's way */

/* Gives a descriptor of xrun's own a number of at least `min`, if RLIMIT_NOFILE allows, and closes it on execve.
 * Its number from now on; negative if `fd` is. */
int options_fd_above(int fd, int min);

/* Parses options up to the first non-option or "--". Returns the index of the program in argv,
 * or a negative number after printing what is wrong. Environment XRUN_* first, then argv. */
int options_parse(int argc, char **argv);
/* Settings of /etc/xrun.conf and the user's xrun.conf, or of --config=FILE, for `program`: all that the
 * command line and the environment leave open. False after printing what is wrong. */
bool options_config(const char *program);
/* Prints the option table. */
void options_help(void);
/* The options that a child xrun must get again to behave the same: appended to argv[] (at most
 * `max` entries), returns how many. Strings are static or owned by `opt`. */
int options_for_child(const char **argv, int max);

#endif
