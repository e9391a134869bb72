#!/bin/bash
# --lockstep-code: translated code of whole programs must agree with the interpreter; errors made on
# purpose must be found. usage: code.sh WORK XRUN...
set -u
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
work=$1
shift
mkdir -p "$work"
compare() { timeout -k 5 300 "${xrun[@]}" --lockstep-code --hot=2 "$@" >"$work/out" 2>"$work/err" </dev/null; }
xrun=("$@")

for t in selfmod files signals exc_fp exc_fault; do
    build "$here/../guest/$t.c" || exit 1
    compare "$work/$t"
    echo "exit $?" >>"$work/out"
    diff "$here/../guest/$t.expected" "$work/out" >/dev/null &&
        grep -q '[0-9][0-9] entries of units compared, no difference' "$work/err" && ok || bad $t "$work/err"
done

build "$here/ticks.c" || exit 1
compare "$work/ticks"
same "ticks: status" 0 $?
same ticks 1 "$(cat "$work/out")"
build "$here/mix.c" || exit 1
for what in reg:500 xmm:500; do
    compare --lockstep-break=$what "$work/mix"
    st=$?
    [ $st = 125 ] && grep -q 'difference in the unit entered at' "$work/err" &&
        grep -q 'differs' "$work/err" && ok || bad "break $what: status $st" "$work/err"
done
compare --lockstep-break=flag:500 "$work/mix"
st=$?
[ $st = 125 ] && grep -q 'eflags .*differs' "$work/err" && ok || bad "break flag: status $st" "$work/err"
compare --lockstep-break=store:500 "$work/mix"
st=$?
[ $st = 125 ] && grep -qE ' interpreted( [0-9a-f]{2})+' "$work/err" && ok || bad "break store: status $st" "$work/err"

# translated code counts the same instructions as the interpreter, whatever faults between them
counted() { timeout 300 "${xrun[@]}" --count "$@" 2>&1 >/dev/null </dev/null | sed -n 's/.*\] \([0-9]*\) guest.*/\1/p'; }
for t in mix exc_fp; do
    n=$(counted --interpret "$work/$t")
    same "count of $t" "${n:-none}" "$(counted --hot=1 "$work/$t")"
done

finish lockstep-code
