#!/bin/bash
# strace's own tests, made by tests/setup/strace.sh, as judges of ptrace: an i386 strace that xrun runs
# traces i386 programs. A test of the list `tests` that passes natively must pass under xrun; failures
# must be in known-failures with a reason ("NAME HOST reason"). Only where i386 programs run natively.
# usage: run.sh STRACE WORK NAME=XRUN...     ONLY="a b": these tests
set -u
here=$(cd "$(dirname "$0")" && pwd)
tests=$1/build/tests src=$1/src/tests work=$2
shift 2
mkdir -p "$work"
pass=0 fail=0 skip=0
if ! "$tests/../src/strace" -V >/dev/null 2>&1; then
    echo "strace-tests: 0 passed, 0 failed, 1 skipped"
    exit 0
fi

# The result's status is automake's: 0, 77 skipped; the output is in $work/NAME.LABEL.
run_one() { # test, label, command prefix...
    local t=$1 label=$2 f=$src/$1.test
    shift 2
    [ -f "$f" ] || f=$src/$t.gen.test
    (cd "$tests" && srcdir=$src STRACE="$* ../../src/strace" TIMEOUT_DURATION=60 \
        timeout -k 5 300 env PATH="$tests/..:$PATH" sh "$f") >"$work/$t.$label" 2>&1 </dev/null
}

for t in ${ONLY:-$(sed 's/#.*//' "$here/tests")}; do
    if ! run_one "$t" native; then
        skip=$((skip + 1))
        continue
    fi
    for r in "$@"; do
        host=${r%%=*}
        why=$(sed -n "s/^$t \($host\|\*\) //p" "$here/known-failures")
        run_one "$t" "$host" ${r#*=}
        ok=$?
        if [ $ok = 0 ] && [ -z "$why" ]; then
            pass=$((pass + 1))
        elif [ $ok = 0 ]; then
            echo "FAIL $t $host: listed in known-failures but passes"
            fail=$((fail + 1))
        elif [ -n "$why" ]; then
            skip=$((skip + 1))
        else
            echo "FAIL $t $host"
            tail -n 4 "$work/$t.$host" | cut -c 1-300
            fail=$((fail + 1))
        fi
    done
done
echo "strace-tests: $pass passed, $fail failed, $skip skipped"
[ $fail = 0 ]
