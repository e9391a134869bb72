#!/bin/bash
# Where the host allows little memory: what cannot be had is done without, the output is the same.
# usage: run.sh WORK NAME=COMMAND...     as tests/guest/run.sh
set -u
here=$(cd "$(dirname "$0")/../guest" && pwd)
work=$1
shift
cc=${GUEST_CC:-i686-linux-gnu-gcc}
tests="smc_flags x87_runs"
pass=0 fail=0
mkdir -p "$work"

try() { # limit (of bash's ulimit), KiB, test
    (ulimit "$1" "$2" && timeout -k 5 300 $xrun "$work/$3") >"$work/out" 2>&1 </dev/null
    echo "exit $?" >>"$work/out"
    if diff "$here/$3.expected" "$work/out" >"$work/diff"; then
        pass=$((pass + 1))
    else
        fail=$((fail + 1))
        echo "FAIL $host: $3, ulimit $1 $2"
        head -n 5 "$work/diff"
    fi
}

for t in $tests; do
    $cc -static -O1 -w -pthread -D_GNU_SOURCE -o "$work/$t" "$here/$t.c" -lm || exit 1
done
for r in "$@"; do
    host=${r%%=*} xrun=${r#*=} space="40000000 8000000 40000" data="40000000 100000 20000"
    [[ $xrun = *qemu* ]] && space="8000000 2000000" data= # it needs that for itself
    for t in $tests; do
        for n in $space; do try -v $n $t; done
        for n in $data; do try -d $n $t; done
    done
done
echo "limits: $pass passed, $fail failed, 0 skipped"
[ $fail = 0 ]
