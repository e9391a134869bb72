#!/bin/bash
# Where the host allows little memory or few system calls: what cannot be had is done without, the output
# is the same.   usage: run.sh WORK NAME=COMMAND...     as tests/guest/run.sh
set -u
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")/../guest" && pwd)
work=$1
shift
tests="smc_flags x87_runs selfmod" container="smc_flags threads process vfork" old="signals process vfork fork_many"
mkdir -p "$work"

try() { # test, what runs a command in the limits...
    local t=$1
    ("${@:2}" timeout -k 5 300 $xrun "$work/$t") >"$work/out" 2>&1 </dev/null
    echo "exit $?" >>"$work/out"
    diff "$here/$t.expected" "$work/out" >"$work/diff"
    result $? "$host: $*" "$work/diff"
}

translates() { # limit of address space, KiB
    (ulimit -v "$1" && timeout -k 5 300 $xrun --hot=1 --store=off --profile "$work/selfmod") >"$work/out" 2>&1 </dev/null
    grep -q 'translated [1-9]' "$work/out"
    result $? "$host: translates nothing, ulimit -v $1" "$work/out"
}

# What is stored is of no use where no memory can be had for it; a program that executes another passes --hot on.
stored() {
    export XRUN_STORE=$work/store XRUN_HOT=16
    rm -rf "$XRUN_STORE"
    try smc_flags env
    [ -n "$(ls "$XRUN_STORE")" ]
    result $? "$host: nothing is stored" /dev/null
    try smc_flags "$work/sandbox" code
    unset XRUN_STORE XRUN_HOT
}

limit() { # of bash's ulimit, KiB, command...
    ulimit "$1" "$2" && "${@:3}"
}

for t in $tests $container $old; do
    build "$here/$t.c" || exit 1
done
for r in "$@"; do
    host=${r%%=*} xrun=${r#*=} space="40000000 8000000 40000" data="40000000 100000 20000"
    [[ $xrun = *qemu* ]] && space="8000000 2000000" data= # it needs that for itself
    for t in $tests; do
        for n in $space; do try $t limit -v $n; done
        for n in $data; do try $t limit -d $n; done
    done
    translates 8000000
    [ "$host" = x86_64 ] || continue
    gcc -O1 -Wall -D_GNU_SOURCE -o "$work/sandbox" "$here/../limits/sandbox.c" || exit 1
    for t in $container; do try $t "$work/sandbox" container; done
    for t in $old; do try $t "$work/sandbox" old; done
    stored
done
finish limits
