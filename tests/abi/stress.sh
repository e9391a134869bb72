#!/bin/bash
# --abi-stress: what stress.c prints in each mode, and what --abi-report says was lost.
# usage: stress.sh WORK NAME=COMMAND...     e.g. x86_64=build/x86_64-release/xrun
set -u
cd "$(dirname "$0")" || exit 1
work=$1/stress
shift
mkdir -p "$work"
pass=0 fail=0
check() { # what, expected, got
    if diff "$2" "$3" >"$work/diff"; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "FAIL $1"; head -n 10 "$work/diff"; fi
}
cc=${GUEST_CC:-i686-linux-gnu-gcc}
$cc -static -O1 -w -o "$work/prog" stress.c && $cc -static-pie -O1 -w -o "$work/pie" stress.c || exit 1

"$work/prog" >"$work/native" 2>/dev/null && check "stress: native" <(sed -n '/^== none/,/^== /{/^==/!p}' stress.expected) "$work/native"
for r in "$@"; do
    name=${r%%=*} x=${r#*=}
    {
        for mode in none y2038 ino64 off64 highaddr; do
            echo "== $mode"
            option=--abi-stress=$mode
            [ $mode = none ] && option=
            timeout -k 5 300 $x $option "$work/prog" 2>&1
        done
        echo "== highaddr, position-independent"
        timeout -k 5 300 $x --abi-stress=highaddr "$work/pie" 2>&1 | tail -n 3
        echo "== report"
        timeout -k 5 300 $x --abi-stress=y2038,ino64,off64 --abi-report "$work/prog" 2>&1 |
            sed -n '/^values that did not fit/,/^[a-z]/p' | grep -E '^  .*(cut|2 GiB|inode)'
    } >"$work/$name"
    check "stress: $name" stress.expected "$work/$name"
done
echo "stress: $pass passed, $fail failed, 0 skipped"
[ $fail = 0 ]
