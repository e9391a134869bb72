#!/bin/bash
# Translated code kept on disk: the second run takes it from there, and says the same; damaged, foreign and
# outdated files do no harm.   usage: run.sh WORK XRUN
set -u
here=$(cd "$(dirname "$0")/../guest" && pwd)
work=$1 xrun=$2
cc=${GUEST_CC:-i686-linux-gnu-gcc}
pass=0 fail=0
rm -rf "$work/store" "$work/home"
mkdir -p "$work"
unset XRUN_STORE XRUN_HOT

check() { # what, status
    if [ "$2" = 0 ]; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "FAIL $1"; fi
}

same() { # test: its output with the store is as recorded
    timeout 120 "$xrun" --store="$work/store" "$work/$1" >"$work/out" 2>&1 </dev/null
    echo "exit $?" >>"$work/out"
    diff "$here/$1.expected" "$work/out" >"$work/diff" || { head -5 "$work/diff"; return 1; }
}

took() { # program: instructions taken from the store
    "$xrun" --store="$work/store" --profile "$1" 2>&1 >/dev/null </dev/null | sed -n 's/.*took \([0-9]*\) .*/\1/p' | tail -n 1
}

file() { find "$work/store" -type f | head -n 1; }

tests="exc_fault exec sig_queue sig_restart smc_alias sse_runs x87_runs thr_life seg_use vfork"
for t in $tests; do
    $cc -static -O1 -w -pthread -D_GNU_SOURCE -o "$work/$t" "$here/$t.c" -lm || exit 1
    for round in 1 2 3; do
        same $t
        check "$t, round $round" $?
    done
    [ "$(took "$work/$t")" -gt 1000 ]
    check "$t: nothing is taken from the store" $?
done
[ -z "$(find "$work/store" -perm /077)" ]
check "others may read the store" $?
[ -z "$(find "$work/store" -name '*.*')" ]
check "temporary files are left" $?

t=sse_runs
rm -rf "$work/store" "$work/home"
same $t
cp "$(file)" "$work/good"
size=$(stat -c %s "$work/good")
RANDOM=1
for i in {1..30}; do # damaged
    cp "$work/good" "$(file)"
    for k in {1..20}; do
        printf '\x5a' | dd of="$(file)" bs=1 seek=$(((RANDOM * 32768 + RANDOM) % size)) conv=notrunc status=none
    done
    same $t
    check "damaged file $i" $?
done
for i in 0 1 100 4000 5000 $((size / 2)) $((size - 8)) $((size - 1)); do
    head -c "$i" "$work/good" >"$(file)"
    same $t
    check "file of $i bytes" $?
done
cp "$work/good" "$(file)"
chmod 666 "$(file)"
[ -z "$(took "$work/$t")" ]
check "a file that others can write is used" $?
chmod 600 "$(file)"
chmod 777 "$work/store"
[ -z "$(took "$work/$t")" ]
check "a directory that others can write is used" $?
chmod 700 "$work/store"
name=$(file)
mv "$name" "$work/elsewhere"
ln -s "$work/elsewhere" "$name"
[ -z "$(took "$work/$t")" ]
check "a link is followed" $?
rm "$name"

cp "$work/good" "$name" # the program changes, its name does not
cp "$work/x87_runs" "$work/$t"
"$xrun" --store="$work/store" "$work/$t" >"$work/out" 2>&1 </dev/null
echo "exit $?" >>"$work/out"
diff "$here/x87_runs.expected" "$work/out" >"$work/diff"
check "another program of the same name" $?

rm -rf "$work/store" # many at once
pids=()
for i in {1..8}; do
    "$xrun" --store="$work/store" "$work/x87_runs" >"$work/out$i" 2>&1 </dev/null &
    pids+=($!)
done
for i in {1..8}; do
    wait "${pids[i - 1]}"
    echo "exit $?" >>"$work/out$i"
    diff "$here/x87_runs.expected" "$work/out$i" >"$work/diff"
    check "eight at once, $i" $?
done
[ "$(took "$work/x87_runs")" -gt 1000 ]
check "after eight at once" $?

rm -rf "$work/store" "$work/home"
"$xrun" --store=off "$work/x87_runs" >/dev/null 2>&1
HOME=$work/home XRUN_STORE=off "$xrun" "$work/x87_runs" >/dev/null 2>&1
[ ! -e "$work/store" ] && [ ! -e "$work/home" ]
check "--store=off writes" $?
rm -rf "$work/home"
mkdir "$work/home"
env -u XDG_CACHE_HOME HOME="$work/home" "$xrun" "$work/x87_runs" >/dev/null 2>&1
[ -n "$(find "$work/home/.cache/xrun/code" -type f)" ]
check "no file in ~/.cache/xrun/code" $?
echo "store: $pass passed, $fail failed, 0 skipped"
[ $fail = 0 ]
