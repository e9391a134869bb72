#!/bin/bash
# Everything `make check` runs, in order; each part ends with a line "NAME: N passed, N failed, N
# skipped", which are added up in the last line.   usage: check.sh BUILD CACHE
set -u
build=$(cd "$1" && pwd) cache=$2 # absolute: tests change their directory
w=$build/tests
log=$w/check.log
mkdir -p "$w"
: >"$log"
x86=$build/x86_64-release/xrun
arm=$build/aarch64-release/xrun
qemu=$(command -v qemu-aarch64)
armrun="$qemu $arm --exec-via=$qemu"

export XRUN_STORE=off # but where it is tested: what one part leaves behind must not change another

failed=() # names of parts

part() { # name, command...
    local name=$1
    shift
    echo "== $name"
    "$@" 2>&1 | tee -a "$log"
    local st=${PIPESTATUS[0]}
    if [ "$st" != 0 ]; then
        echo "$name: exit $st"
        failed+=("$name")
        tail -n 1 "$log" | grep -qE '[1-9][0-9]* failed' || echo "$name: 0 passed, 1 failed, 0 skipped" | tee -a "$log"
    fi
}

lint() {
    local f=0 p=0
    tests/lint/layers.sh && p=$((p + 1)) || f=$((f + 1))
    tests/lint/tailcalls.sh "$build/x86_64-release/interp" && p=$((p + 1)) || f=$((f + 1))
    echo "lint: $p passed, $f failed, 0 skipped"
    [ $f = 0 ]
}

part lint lint
for t in "$build"/x86_64-release/tests/unit/*; do [[ $t = *.* ]] || part "unit $t" "$t"; done
for t in "$build"/aarch64-release/tests/unit/*; do [[ $t = *.* ]] || part "unit $t" "$qemu" "$t"; done
part "a64 encodings" tests/unit/a64.sh "$w/a64" "$build/x86_64-release/tests/unit/a64"
part "a64 encodings" tests/unit/a64.sh "$w/a64" "$qemu" "$build/aarch64-release/tests/unit/a64"
part golden make --no-print-directory -k golden
part abi tests/abi/run.sh "$w/abi" "$x86"
part ioctl tests/abi/ioctl.sh "$w/abi" "$x86"
part abi-stress tests/abi/stress.sh "$w/abi" "x86_64=$x86" "aarch64=$armrun"
part guest tests/guest/run.sh "$w/guest" "x86_64=$x86" "aarch64=$armrun"
CPUS=cortex-a57 part "guest, ARMv8.0" tests/guest/cpus.sh "$w/cpus" - - 0 $armrun
part "guest, small blocks" tests/guest/run.sh "$w/small" "x86_64=$x86 --block-max=2 --flush-every=200 --interpret"
part "guest, all translated" tests/guest/run.sh "$w/hot" "x86_64=$x86 --hot=1" \
    "little=$x86 --hot=1 --code-cache=256K" "disturbed=$x86 --hot=2 --stress-flush=50"
part strace tests/trace/run.sh "$w/strace" "x86_64=$x86" "aarch64=$armrun"
part probe tests/probe/run.sh "$w/probe" "$x86"
part abi-check tests/abicheck/run.sh "$w/abicheck" "$x86"
part options tests/options/run.sh "$w/options" "$x86"
part binfmt tests/guest/binfmt.sh "$w/binfmt" "$x86"
part store tests/store/run.sh "$w/store" "x86_64=$x86" "aarch64=$armrun"
part limits tests/limits/run.sh "$w/limits" "x86_64=$x86" "aarch64=$armrun"
part core tests/guest/core/run.sh "$w/core" "x86_64=$x86" "aarch64=$armrun"
part "badinput x86_64" tests/guest/badinput.sh "$w/guest" "$x86"
part "badinput aarch64" tests/guest/badinput.sh "$w/guest" $armrun
part debug tests/debug/run.sh "$w/debug" "$x86"
part debug tests/debug/run.sh "$w/debug" $armrun
part "gdb server x86_64" tests/debug/gdb.sh "$w/gdb-x86_64" "$x86"
part "gdb server, bad clients" python3 tests/debug/gdbfuzz.py 20 "$w/gdb-x86_64/basic" "$x86"
part "gdb server aarch64" tests/debug/gdb.sh "$w/gdb-aarch64" $armrun
part "debuggers' set-up" tests/setup/debug.sh "$cache"
part "debuggers as guests x86_64" tests/debug/guests.sh "$cache/root/debug" "$w/guests-x86_64" "$x86"
ONLY=strace part "debuggers as guests aarch64" tests/debug/guests.sh "$cache/root/debug" "$w/guests-aarch64" $armrun
part musl tests/guest/musl/run.sh "$cache/root/debug" "$w/musl" "x86_64=$x86" "aarch64=$armrun"
part lockstep tests/lockstep/run.sh "$w/lockstep" "$x86"
part "lockstep-code x86_64" tests/lockstep/code.sh "$w/lockstep" "$x86"
part "lockstep-code aarch64" tests/lockstep/code.sh "$w/lockstep" $armrun
if [ -f tests/insn/insn.mk ]; then part insn make --no-print-directory insn-check; fi
part "torture set-up" tests/setup/torture.sh "$cache"
STEP=${TORTURE_STEP:-8} part torture tests/torture/run.sh "$cache/torture" "$w/torture" "$x86" "$armrun"
part "root set-up" tests/setup/root.sh "$cache"
part app tests/app/run.sh "$cache/root/i386" "x86_64=$x86" "aarch64=$arm"
part "stress-ng set-up" tests/setup/stress.sh "$cache" stress-ng
SECONDS_EACH=1 JOBS=4 ONLY=$(cat tests/stress/quick) part stress-ng tests/stress/stress-ng.sh "$cache/root/stress" "$w/stress" "x86_64=$x86" "aarch64=$arm"

if [ ${#failed[@]} != 0 ]; then # again, where it is seen
    printf '== failed: %s\n' "${failed[@]}"
    grep -h -A 12 '^FAIL' "$log" | tail -n 60
fi
sed -n 's/.*: \([0-9]*\) passed, \([0-9]*\) failed\(, \([0-9]*\) skipped\)\{0,1\}$/\1 \2 \4/p; s/^\([0-9]*\) passed, \([0-9]*\) failed.*/\1 \2 0/p' "$log" |
    awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 }'
