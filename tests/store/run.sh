#!/bin/bash
# Translated code kept on disk: the second run takes it from there, and says the same; damaged, foreign and
# outdated files do no harm.   usage: run.sh WORK NAME=COMMAND...     as tests/guest/run.sh
set -u
own=$(cd "$(dirname "$0")" && pwd)
here=$own/../guest
base=$1
shift
cc=${GUEST_CC:-i686-linux-gnu-gcc}
few="exc_fault sig_queue smc_flags sse_runs x87_runs thr_life misaligned" # of a host that is emulated, which takes long
tests="$few exec smc_alias seg_use vfork litmus"
pass=0 fail=0
mkdir -p "$base"
unset XRUN_STORE XRUN_HOT

check() { # what, status
    if [ "$2" = 0 ]; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "FAIL $host: $1"; fi
}

run() { # arguments: its output and status
    timeout -k 5 300 $xrun --store="$work/store" "$@" 2>&1 </dev/null
    echo "exit $?"
}

same() { # test, program that is to print what the test does
    run "$work/${2:-$1}" | grep -av '^qemu: uncaught target signal' >"$work/out"
    diff "$here/$1.expected" "$work/out" >"$work/diff" || { head -n 5 "$work/diff"; return 1; }
}

took() { # program: instructions taken from the store
    run --profile "$work/$1" | sed -n 's/.*took \([0-9]*\) .*/\1/p' | tail -n 1
}

file() { find "$work/store" -type f | head -n 1; }

rounds() { # times, tests
    local times=$1
    for t in $2; do
        for ((round = 1; round <= times; round++)); do
            same $t
            check "$t, round $round" $?
        done
        [ "$(took $t)" -gt 1000 ]
        check "$t: nothing is taken from the store" $?
    done
    [ -z "$(find "$work/store" -perm /077)" ]
    check "others may read the store" $?
    [ -z "$(find "$work/store" -name '*.*')" ]
    check "temporary files are left" $?
}

damaged() {
    local t=sse_runs size times=$1
    rm -rf "$work/store"
    same $t
    cp "$(file)" "$work/good"
    size=$(stat -c %s "$work/good")
    RANDOM=1
    for ((i = 1; i <= times; i++)); do
        cp "$work/good" "$(file)"
        for k in {1..20}; do
            printf '\x5a' | dd of="$(file)" bs=1 seek=$(((RANDOM * 32768 + RANDOM) % size)) conv=notrunc status=none
        done
        same $t
        check "damaged file $i" $?
    done
    for i in 0 100 5000 $((size / 2)) $((size - 1)); do
        head -c "$i" "$work/good" >"$(file)"
        same $t
        check "file of $i bytes" $?
    done
    cp "$work/good" "$(file)"
}

foreign() { # the file that damaged() left
    local t=sse_runs name
    chmod 666 "$(file)"
    [ -z "$(took $t)" ]
    check "a file that others can write is used" $?
    chmod 600 "$(file)"
    chmod 777 "$work/store"
    [ -z "$(took $t)" ]
    check "a directory that others can write is used" $?
    chmod 700 "$work/store"
    name=$(file)
    mv "$name" "$work/elsewhere"
    ln -s "$work/elsewhere" "$name"
    [ -z "$(took $t)" ]
    check "a link is followed" $?
    rm "$name"
    cp "$work/good" "$name"
}

outdated() { # programs change, their names do not
    cp "$work/x87_runs" "$work/sse_runs" # the file of foreign()
    same x87_runs sse_runs
    check "another program of the same name" $?
    for how in "" READS "" READS; do
        $cc -static -O1 -w ${how:+-D$how} -o "$work/looked" "$own/looked.c" || exit 1
        run --interpret "$work/looked" >"$work/looked.expected"
        run "$work/looked" | diff "$work/looked.expected" - >"$work/diff"
        check "a function that code looked at changes" $?
    done
    $cc -static -O1 -w -o "$work/rewritten" "$own/rewritten.c" || exit 1
    for how in "" writable; do
        run --interpret "$work/rewritten" $how >"$work/rewritten.expected"
        run "$work/rewritten" $how | diff "$work/rewritten.expected" - >"$work/diff"
        check "a function that code looked at can be written to $how" $?
    done
    [ "$(took looked)" -gt 1000 ]
    check "little is taken of a program that changed" $?
    [ -z "$(run --cpu=pentium3 --profile "$work/looked" | grep 'took')" ]
    check "units for another processor are used" $?
    [ $host != aarch64 ] || [ -z "$(run --x87=double --profile "$work/looked" | grep 'took')" ]
    check "units with exact x87 instructions are used with --x87=double" $?
}

members() {
    $cc -static -O1 -w -o "$work/members" "$own/members.c" || exit 1
    run --interpret "$work/members" >"$work/members.expected"
    for ((round = 1; round <= 3; round++)); do
        run "$work/members" | diff "$work/members.expected" - >"$work/diff"
        check "a unit's members that nobody entered, round $round" $?
    done
}

cut_off() { # while it is in use
    rm -rf "$work/store"
    $cc -static -O1 -w -o "$work/cut" "$own/cut.c" || exit 1
    run "$work/cut" /nowhere/file >"$work/whole"
    run "$work/cut" /nowhere/file | diff "$work/whole" - >"$work/diff"
    check "cut: the second run" $?
    run "$work/cut" "$(file)" >"$work/out"
    grep -q "cut off" "$work/out" && grep -q "^exit 126" "$work/out"
    check "a file that is cut off while it is in use" $?
    run "$work/cut" /nowhere/file | diff "$work/whole" - >"$work/diff"
    check "after it was cut off" $?
}

at_once() {
    local pids=()
    rm -rf "$work/store"
    for i in {1..8}; do
        run "$work/x87_runs" >"$work/out$i" &
        pids+=($!)
    done
    for i in {1..8}; do
        wait "${pids[i - 1]}"
        diff "$here/x87_runs.expected" "$work/out$i" >"$work/diff"
        check "eight at once, $i" $?
    done
    [ "$(took x87_runs)" -gt 1000 ]
    check "after eight at once" $?
}

places() {
    rm -rf "$work/store" "$work/home"
    $xrun --store=off "$work/x87_runs" >/dev/null 2>&1
    HOME=$work/home XRUN_STORE=off $xrun "$work/x87_runs" >/dev/null 2>&1
    [ ! -e "$work/store" ] && [ ! -e "$work/home" ]
    check "--store=off writes" $?
    mkdir "$work/home"
    env -u XDG_CACHE_HOME HOME="$work/home" $xrun "$work/x87_runs" >/dev/null 2>&1
    [ -n "$(find "$work/home/.cache/xrun/code" -type f)" ]
    check "no file in ~/.cache/xrun/code" $?
}

translated() { # program: instructions that a run translated
    run --profile "$work/$1" | sed -n 's/.*translated \([0-9]*\) .*/\1/p' | tail -n 1
}

again() { # what one run translated the next finds
    local first second
    rm -rf "$work/store"
    first=$(translated x87_runs) second=$(translated x87_runs)
    [ "$second" -lt $((first / 8)) ]
    check "translated $first instructions, and in the second run $second" $?
}

put_file() { # name, MiB, time
    head -c $(($2 << 20)) /dev/zero >"$work/store/$1"
    touch -d "$3" "$work/store/$1"
}

size_limit() {
    local old=0123456789abcdef older=fedcba9876543210
    rm -rf "$work/store"
    mkdir -m 700 "$work/store"
    put_file $older 1 "3 days ago"
    put_file $old 1 "2 days ago"
    put_file $old.17 1 "1 day ago" # left by one that was killed
    put_file $old.18 0 now         # being written
    put_file notes.txt 2 "1 year ago"
    put_file $old.bak 2 "1 year ago"
    (umask 777 && run --store-max=2 "$work/x87_runs") | diff "$here/x87_runs.expected" - >"$work/diff"
    check "a full directory" $?
    [ "$(cd "$work/store" && LC_ALL=C ls -d 0123* fedc* notes* 2>/dev/null | tr '\n' ' ')" = "$old $old.18 $old.bak notes.txt " ]
    check "what is left of a full directory" $?
    [ "$(took x87_runs)" -gt 1000 ]
    check "a file written with a strange umask" $?
    $xrun --store="$work/store" --store-clean | grep -q ": 3 files of 3 removed, 1\.[0-9] MiB"
    check "--store-clean" $?
    [ "$(LC_ALL=C ls "$work/store" | tr '\n' ' ')" = "$old.bak notes.txt " ]
    check "what is left by --store-clean" $?
    $xrun --store="$work/nowhere" --store-clean | grep -q ": 0 files of 0 removed"
    check "--store-clean of nothing" $?
}

unwritable() {
    rm -rf "$work/store"
    $xrun --store=/dev/null/store "$work/x87_runs" 2>&1 | diff <(sed '/^exit /d' "$here/x87_runs.expected") - >"$work/diff"
    check "a directory that cannot be made" $?
    (ulimit -f 64; same x87_runs)
    check "little may be written" $?
    [ ! -e "$work/store" ]
    check "a file is begun that may not be written" $?
}

for t in $tests; do
    $cc -static -O1 -w -pthread -D_GNU_SOURCE -o "$base/$t" "$here/$t.c" -lm || exit 1
done
for r in "$@"; do
    host=${r%%=*} xrun=${r#*=} work=$base/${r%%=*}
    rm -rf "$work"
    mkdir -p "$work"
    for t in $tests; do cp "$base/$t" "$work/"; done
    if [[ $xrun = *qemu* ]]; then
        rounds 2 "$few"
        damaged 5
    else
        rounds 3 "$tests"
        damaged 30
    fi
    foreign
    outdated
    members
    cut_off
    at_once
    places
    again
    size_limit
    unwritable
done
echo "store: $pass passed, $fail failed, 0 skipped"
[ $fail = 0 ]
