#!/bin/bash
# i386 debuggers as guests that debug other guests: gdb and strace must print the same as natively but for the names
# of processes and addresses. usage: guests.sh ROOT WORK XRUN...   ROOT: that of tests/setup/debug.sh
# ONLY=strace: no gdb. Skipped where the machine cannot run i386 programs itself.
set -u
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
root=$1 work=$2
shift 2
mkdir -p "$work"
. "$here/session.sh"
lib=$root/lib/i386-linux-gnu:$root/usr/lib/i386-linux-gnu
loader=("$root/lib/ld-linux.so.2" --library-path "$lib")
export PYTHONHOME=$root/usr GCONV_PATH=$root/usr/lib/i386-linux-gnu/gconv
LIMIT=600

if ! "${loader[@]}" "$root/usr/bin/strace" -V >/dev/null 2>&1; then
    echo "this machine does not run i386 programs"
    skip=1
    finish debug/guests
    exit
fi

build "$here/traced.c" || exit 1
"${loader[@]}" "$root/usr/bin/strace" -o "$work/probe" "$work/traced" >"$work/out" 2>&1 </dev/null
if grep -q 'Operation not permitted' "$work/out"; then
    echo "this machine lets no debugger trace"
    skip=1
    finish debug/guests
    exit
fi

# The same, and not for want of anything: what the native run must have printed.
compare() { # text, native, xrun, what
    diff "$2" "$3" >"$work/diff" && grep -q "$1" "$2" || { st=1; head -n 3 "$2" >>"$work/diff"; }
    result ${st:-0} "$4" "$work/diff"
    st=0
}

# ---- gdb ----

guest_gdb=("$root/usr/bin/gdb" --data-directory "$root/usr/share/gdb")
xstate "$cc" "$work/xstate.so" || exit 1
[ "${ONLY:-}" = strace ] || for name in basic basic-kill calls hardware signals threads fork-both; do
    program=${name%%-*}
    compile "$program" || exit 1
    for who in native xrun; do
        gdb=("${loader[@]}" --preload "$work/xstate.so" "${guest_gdb[@]}")
        [ $who = xrun ] && gdb=("$@" "${loader[@]}" "${guest_gdb[@]}")
        session "$work/$name.$who" "$here/gdb/$name.gdb" -ex "file $work/$program" -ex 'set args arg' -ex starti
    done
    compare '^Breakpoint 1, \|^Program received\|^Catchpoint\|^\[Inferior' "$work/$name.native" "$work/$name.xrun" "guest gdb, $name"
done

# ---- strace ----

# Processes by the order in which they are met, without who came first of two that run at the same time.
names() {
    perl -pe 's/0x[0-9a-f]{6,8}/ADDRESS/g; s/[0-9]+ vars/VARS/; s/ +=/ =/; $_ = "" if /--- SIGCHLD/; # before or behind the wait that is over
        $id{$1} ||= "P" . ++$n while /(?:^|gettid\(\) += |clone3?\(.*\) += )([0-9]+)/g; s/\b([0-9]+)\b/$id{$1} || $1/ge' |
        sort -s -k 1,1 | perl -0pe 's/ <unfinished \.\.\.>\nP[0-9]+ +<\.\.\. \w+ resumed>//g; s/ +/ /g'
}

calls=-e\ 'trace=!brk,rseq,getrandom,mmap2,mprotect,munmap,set_tid_address,set_robust_list,ugetrlimit,readlink,set_thread_area,statx,futex,rt_sigprocmask,prlimit64,madvise,clone3'
traced() { # name, options of strace
    for who in native xrun; do
        local pre=()
        [ $who = xrun ] && pre=("${xrun[@]}")
        # shellcheck disable=SC2086
        (cd "$work" && timeout 300 "${pre[@]}" "${loader[@]}" "$root/usr/bin/strace" -f $2 $calls -o "$work/trace" ./traced >"$work/out" 2>&1
            echo "exit $?" >>"$work/out") </dev/null
        { names <"$work/trace"; grep -av '^qemu: uncaught' "$work/out"; } >"$work/strace.$who"
    done
    compare 'execve(' "$work/strace.native" "$work/strace.xrun" "guest strace, $1"
}
xrun=("$@")
traced plain ""
traced seccomp --seccomp-bpf
traced "another result" "-e inject=getuid32:retval=4711"
traced "another error, a signal" "-e inject=writev:error=EPERM:when=1 -e inject=access:signal=SIGUSR1"
finish debug/guests
