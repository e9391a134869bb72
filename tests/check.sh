#!/bin/bash
# Everything `make check` runs. A line for each part, then what failed; the last line adds up. All that
# the parts print goes to BUILD/tests/check.log (V=1: and here).   usage: check.sh BUILD CACHE
# CHECK_PARTS=REGEX: only the parts of such names; then ONLY and the like reach them, too.
set -u
[ -n "${PLAIN:-}" ] || PLAIN=1 exec python3 tests/setup/plain.py ${CHECK_PARTS:+--own} "$0" "$@"
if [ "$(id -u)" != 0 ]; then # for chroots, and because what hardware did was recorded as root
    command -v sudo >/dev/null || { echo "The tests want to run as root, and there is no sudo." >&2; exit 1; }
    echo "The tests run as root, by sudo."
    mapfile -d '' -t kept < <(env -0 -u PLAIN) # sudo keeps none, and sets limits of its own
    sudo env -i "${kept[@]}" PATH="$PATH:/usr/sbin:/sbin" "$0" "$@"
    st=$?
    sudo chown -R "$(id -u):$(id -g)" "$1"
    exit $st
fi
. tests/lib.sh
links=$(mktemp -d)
trap 'rm -rf "$links"' EXIT
absolute() { # name of a link, directory: tests change theirs, and commands are words, without blanks
    local dir
    dir=$(mkdir -p "$2" && cd "$2" && pwd)
    [[ $dir != *[[:space:]]* ]] || { ln -s "$dir" "$links/$1" && dir=$links/$1; }
    echo "$dir"
}
build=$(absolute build "$1") cache=$(absolute cache "$2")
w=$build/tests
log=$w/check.log failures=$w/check.failures sums=$w/check.sums
export HOME=$w/home # where no settings are
mkdir -p "$HOME"
: >"$log"
: >"$failures"
: >"$sums"
x86=$build/x86_64-release/xrun
arm=$build/aarch64-release/xrun
qemu=$(command -v qemu-aarch64)
armrun="$qemu $arm --exec-via=$qemu"
counts='\([0-9]*\) passed, \([0-9]*\) failed\(, \([0-9]*\) skipped\)\{0,1\}$'
lanes=${JOBS:-$(nproc)}
[ "$lanes" -le 4 ] || lanes=4

running= begun=0
trap 'kill -TERM $running $(jobs -p) 2>/dev/null; exit 130' INT TERM HUP
export PROGRAMS=$w/programs # the guest programs are built once
rm -rf "$PROGRAMS"
export XRUN_STORE=off # but where it is tested: what one part leaves behind must not change another

# The lines "NAME: N passed, N failed, N skipped" of what the command prints count; a failure it has not counted
# is one more, and so is a part without such a line.
part() { # name, command...
    local name=$1 out=$w/part.$BASHPID.out began=$SECONDS limit=${PART_LIMIT:-3600} p f s
    shift
    [[ $name =~ ${CHECK_PARTS:-.} ]] || return
    # a session of its own: no terminal; `&`, so that this script can be interrupted, makes SIGINT be ignored
    setsid env --default-signal timeout -k 10 "$limit" "$@" >"$out" 2>&1 </dev/null &
    running=$!
    wait $running
    local st=$?
    [ $st != 124 ] || echo "FAIL $name: not done after $limit s" >>"$out"
    read -r p f s <<<"$(sed -n "s/.*: $counts/\1 \2 \4/p; s/^$counts/\1 \2 \4/p" "$out" |
        awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')"
    [[ $name = *set-up ]] || [ $((p + f + s)) != 0 ] || st=nothing
    if [ $st != 0 ] && [ "$f" = 0 ]; then f=1; fi
    exec 9>>"$sums" # one at a time, of several lanes
    flock 9
    echo "$p $f $s" >&9
    printf '%-28s %8d passed %s%s %ds\n' "$name" "$p" "$([ "$f" = 0 ] || echo "$f FAILED ")" \
        "$([ "$s" = 0 ] || echo "$s skipped ")" $((SECONDS - began))
    { echo "== $name"; cat "$out"; } >>"$log"
    [ -z "${V:-}" ] || cat "$out"
    if [ "$f" != 0 ]; then
        echo "== $name: exit $st"
        grep -A 12 '^FAIL' "$out" | head -n 40 | grep . || tail -n 20 "$out"
    fi | cut -c 1-200 >>"$failures"
    exec 9>&-
    rm -f "$out"
}

# Parts that use one processor each run side by side, what is one function in its order.
lane() { # command...
    while [ "$(jobs -pr | wc -l)" -ge "$lanes" ]; do wait -n; done
    begun=$((begun + 1))
    (trap 'kill -TERM $running 2>/dev/null; exit 130' TERM; "$@"; echo 0 0 0 ended >>"$sums") &
}

abi() {
    part abi tests/abi/run.sh "$w/abi" "$x86"
    part ioctl tests/abi/ioctl.sh "$w/abi" "$x86"
    part abi-stress tests/abi/stress.sh "$w/abi" "x86_64=$x86" "aarch64=$armrun"
}

gdb_x86() {
    part "gdb server x86_64" tests/debug/gdb.sh "$w/gdb-x86_64" "$x86"
    part "gdb server, bad clients" python3 tests/debug/gdbfuzz.py 20 "$w/gdb-x86_64/basic" "$x86"
}

debuggers() {
    part "debuggers' set-up" tests/setup/retry.sh tests/setup/debug.sh "$cache"
    part "debuggers as guests x86_64" tests/debug/guests.sh "$cache/root/debug" "$w/guests-x86_64" "$x86"
    ONLY=strace part "debuggers as guests aarch64" tests/debug/guests.sh "$cache/root/debug" "$w/guests-aarch64" $armrun
    part musl tests/guest/musl/run.sh "$cache/root/debug" "$w/musl" "x86_64=$x86" "aarch64=$armrun"
}

lockstep() {
    part lockstep tests/lockstep/run.sh "$w/lockstep" "$x86"
    part "lockstep-code x86_64" tests/lockstep/code.sh "$w/lockstep" "$x86"
    part "lockstep-code aarch64" tests/lockstep/code.sh "$w/lockstep" $armrun
}

app() {
    part "root set-up" tests/setup/retry.sh tests/setup/root.sh "$cache"
    part app tests/app/run.sh "$cache/root/i386" "x86_64=$x86" "aarch64=$arm"
    part "stress-ng set-up" tests/setup/retry.sh tests/setup/stress.sh "$cache" stress-ng
    part "torture set-up" tests/setup/retry.sh tests/setup/torture.sh "$cache"
}

echo "Linux $(uname -r), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors"
part golden make -s -k BUILD="$1" CACHE="$cache" golden # sudo keeps no variables
lane app
lane part store tests/store/run.sh "$w/store" "x86_64=$x86" "aarch64=$armrun"
lane debuggers
lane part "unit aarch64" tests/unit/run.sh "$build/aarch64-release/tests/unit" "$qemu"
lane part "gdb server aarch64" tests/debug/gdb.sh "$w/gdb-aarch64" $armrun
lane gdb_x86
lane lockstep
lane part "badinput aarch64" tests/guest/badinput.sh "$w/badinput-aarch64" $armrun
lane abi
lane part "unit x86_64" tests/unit/run.sh "$build/x86_64-release/tests/unit"
lane part "a64 encodings x86_64" tests/unit/a64.sh "$w/a64-x86_64" "$build/x86_64-release/tests/unit/a64"
lane part "a64 encodings aarch64" tests/unit/a64.sh "$w/a64-aarch64" "$qemu" "$build/aarch64-release/tests/unit/a64"
lane part limits tests/limits/run.sh "$w/limits" "x86_64=$x86" "aarch64=$armrun"
lane part core tests/guest/core/run.sh "$w/core" "x86_64=$x86" "aarch64=$armrun"
lane part "debug x86_64" tests/debug/run.sh "$w/debug-x86_64" "$x86"
lane part "debug aarch64" tests/debug/run.sh "$w/debug-aarch64" $armrun
lane part strace tests/trace/run.sh "$w/strace" "x86_64=$x86" "aarch64=$armrun"
lane part lint tests/lint/run.sh "$build/x86_64-release/interp" "$x86"
lane part abi-check tests/abicheck/run.sh "$w/abicheck" "$x86"
lane part options tests/options/run.sh "$w/options" "$x86"
lane part binfmt tests/guest/binfmt.sh "$w/binfmt" "$x86"
lane part "badinput x86_64" tests/guest/badinput.sh "$w/badinput-x86_64" "$x86"
wait
if [ "$(grep -c ended "$sums")" != $begun ]; then # what of it ran cannot be told
    echo "FAIL not all that runs side by side has ended" >>"$failures"
    echo 0 1 0 >>"$sums"
fi
# these use all processors, or look at the whole machine
part guest tests/guest/run.sh "$w/guest" "x86_64=$x86" "aarch64=$armrun"
CPUS=cortex-a57 part "guest, ARMv8.0" tests/guest/cpus.sh "$w/cpus" - - 0 $armrun
part "guest, small blocks" tests/guest/run.sh "$w/small" "x86_64=$x86 --block-max=2 --flush-every=200 --interpret"
part "guest, all translated" tests/guest/run.sh "$w/hot" "x86_64=$x86 --hot=1" \
    "little=$x86 --hot=1 --code-cache=256K" "disturbed=$x86 --hot=2 --stress-flush=50"
ONLY='^(mmap|smc|sys_m|sys_v|sys_ipc|pagecalls|stack|thr_[cfs]|brk|exec|sig_frame)' \
    part "guest, pages of 16 KiB" tests/guest/run.sh "$w/coarse" "coarse=$x86 --host-page=16384"
part probe tests/probe/run.sh "$w/probe" "$x86"
if [ -f tests/insn/insn.mk ]; then part insn make -s BUILD="$1" CACHE="$cache" insn-check; fi
STEP=${TORTURE_STEP:-8} part torture tests/torture/run.sh "$cache/torture" "$w/torture" "$x86" "$armrun"
SECONDS_EACH=1 JOBS=4 ONLY=$(cat tests/stress/quick) part stress-ng tests/stress/stress-ng.sh "$cache/root/stress" "$w/stress" "x86_64=$x86" "aarch64=$arm"

head -n 120 "$failures"
read -r all_passed all_failed all_skipped <<<"$(awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }' "$sums")"
echo "$all_passed passed, $all_failed failed, $all_skipped skipped" | tee "$w/check.total"
[ "$all_failed" = 0 ] && [ "$all_passed" != 0 ]
