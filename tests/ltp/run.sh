#!/bin/bash
# System call tests of others as judges, made by tests/setup/ltp.sh: the Open POSIX Test Suite's
# conformance tests and the kernel's selftests, built for i386, run in a box natively and under every
# xrun given. A program that passes natively must pass under xrun; of one that passes in part, each case
# that does.
# usage: run.sh LTP ROOT WORK NAME=XRUN...
# ONLY="a b" selects programs, SUITES="posix selftests", JOBS at a time, LIMIT the seconds of one run (90).
# RECORD=1 rewrites posix.native and selftests.native. Needs root.
set -u
ltp=$1 root=$2 work=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
limit=${LIMIT:-90}
bin=$work/bin
. "$here/../stress/lib.sh"
need_root ltp
self=$ltp/linux/tools/testing/selftests
cc=${GUEST_CC:-i686-linux-gnu-gcc}

# What needs neither devices nor a change of the machine's clock or settings.
folders="acct breakpoints cachestat clone3 core exec fchmodat2 filelock filesystems filesystems/epoll
 filesystems/eventfd filesystems/statmount futex ipc kcmp landlock membarrier memfd mincore mount
 mount_setattr move_mount_set_group mqueue nsfs openat2 pid_namespace pidfd proc ptrace rlimits seccomp
 sigaltstack size splice sync syscall_user_dispatch timens timers tmpfs vDSO x86 net net/af_unix"
mm="cow droppable gup_longterm madv_populate map_fixed_noreplace map_populate mdwe_test memfd_secret mkdirty
 mlock-random-test mlock2-tests mrelease_test mremap_dontunmap mremap_test mseal_test on-fault-limit
 pagemap_ioctl seal_elf soft-dirty thuge-gen uffd-stress uffd-unit-tests"
skip='^(timers/(adjtick|alarmtimer-suspend|change_skew|clocksource-switch|freq-step|leap|set-|skew_|valid-adj|rtcpie|raw_skew|nsleep|inconsist)|breakpoints/step_after|exec/load_address|futex/run|net/(nettest|cmsg_sender|gro|ipsec|stress_reuse|udpgso_bench|hwtstamp|tools|txtimestamp|fin_ack|ioam6|msg_zerocopy|netlink-dumps|tcp_inq|tap|io_uring)|timens/gettime_perf|mqueue/mq_perf|seccomp/seccomp_bench|mm/.*\.sh)'

build_posix() {
    export ltp bin cc
    mkdir -p "$bin/posix"
    one() {
        local n=${1#*/interfaces/}
        n=${n%.c} n=$bin/posix/${n//\//.}
        [ -f "$n" ] || ! grep -qE '\bmain *\(' "$1" || "$cc" -std=gnu99 -O1 -w -D_XOPEN_SOURCE=600 \
            "-I$ltp/posix/include" "-I$(dirname "$1")" -o "$n" "$1" -pthread -lrt -lm 2>/dev/null
    }
    export -f one
    find "$ltp/posix/conformance/interfaces" -name '*.c' | xargs -P 2 -I{} bash -c 'one {}'
}

build_selftests() {
    local f t flags=(-idirafter "$ltp/include" "-L$ltp/lib")
    [ -d "$bin/selftests" ] && return
    for f in $folders; do
        make -k -C "$self" ARCH=i386 CROSS_COMPILE="${cc%gcc}" CC="$cc ${flags[*]}" TARGETS="$f" KDIR=/none \
            top_srcdir="$ltp/linux" >/dev/null 2>&1
    done
    for t in $mm; do # their Makefile builds nothing for i386
        (cd "$self/mm" && "$cc" -O1 -w -static -o "$t" "$t.c" vm_util.c thp_settings.c \
            $([[ $t = uffd* ]] && echo uffd-common.c) -I. -I.. -I../../../.. -isystem ../../../../usr/include \
            "${flags[@]}" -lnuma -lcap -pthread -lrt -lm 2>/dev/null)
    done
    mkdir -p "$bin/selftests"
    (cd "$self" && find . -type f -perm /111 ! -name '*.o' -print0 |
        cpio -0pdum --quiet "$bin/selftests" 2>/dev/null)
}

# A name is the path below the suite's folder, with . for /.
run_one() { # test, label, command prefix...
    local t=$1 f=$out/$1.$2 path
    shift 2
    path=$(cd "$bin/$suite" && find . -type f -path "./${t//./?}" -printf '%P\n' | head -n 1)
    # what leaves files behind runs in a copy of its folder
    local go='cd "/tests/$0" && exec "$@"'
    [[ $t = exec.* || $t = landlock.* ]] && go='cp -a "/tests/$0" /tmp/run && cd /tmp/run && exec "$@"'
    BIND=$bin/$suite "$here/../stress/box.sh" "$root" "$limit" /bin/sh -c "$go" \
        "$(dirname "$path")" "$@" "./$(basename "$path")" >"$f" 2>&1 </dev/null
    printf '\nexit %d\n' $? >>"$f"
}
export -f run_one

cases() { grep -E '^\s*(ok [0-9]+|\[OK\])' "$1" | grep -v SKIP | sed -E 's/ok [0-9]+//; s/0x[0-9a-f]+|[0-9]+ ms//g' | sort -u; }
passed() {
    grep -q '^exit 0$' "$1" && return
    local native=${1%.*}.native
    [ -f "$native" ] && ! grep -q '^exit 0$' "$native" && [ -n "$(cases "$native")" ] &&
        [ -z "$(comm -23 <(cases "$native") <(cases "$1"))" ]
}

mkdir -p "$bin"
status=0
for suite in ${SUITES:-posix selftests}; do
    out=$work/$suite
    mkdir -p "$out"
    build_$suite
    chmod -R a+rX "$work"
    case $suite in
    posix) names=$(ls "$bin/posix") JOBS=${JOBS:-4} ;;
    selftests)
        names=$(cd "$bin/selftests" && find . -type f ! -name '*.sh' ! -name '*.py' ! -name '*.so' ! -name '*.pl' \
            -printf '%P\n' | grep -vE "$skip" | tr / . | sort)
        export BOX_USER=0
        ;;
    esac
    export suite out bin root limit here
    judge_all "$suite" "${ONLY:-$names}" "$@" || status=1
done
exit $status
