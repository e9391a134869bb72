#!/bin/bash
# gdb on the server (--gdbserver): the same session, gdb on the program itself, must print the same but for
# what names processes, threads and places. usage: gdb.sh WORK XRUN...
# Skipped where there is no gdb, or gdb may not trace, or the machine cannot run i386 programs itself.
set -u
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
work=$1
shift
mkdir -p "$work"
. "$here/session.sh"
: "${ONLY:=}"

if ! command -v gdb >/dev/null; then
    echo "there is no gdb"
    skip=1
    finish debug/gdb
    exit
fi

compile basic || exit 1
"$work/basic" x >/dev/null 2>&1
if [ $? -ge 126 ]; then
    echo "this machine does not run i386 programs"
    skip=1
    finish debug/gdb
    exit
fi
xstate "${CC:-gcc}" "$work/xstate.so" || exit 1
session_native() { # as session
    local gdb=(env "LD_PRELOAD=$work/xstate.so" gdb -iex 'unset environment LD_PRELOAD')
    session "$@"
}
session_native "$work/probe.out" /dev/null -ex "file basic" -ex starti
if grep -q "Operation not permitted" "$work/probe.out.raw"; then
    echo "gdb may not trace here"
    skip=1
    finish debug/gdb
    exit
fi

# A program to which gdb is to attach, once it is ready: its pid to $pid.
background() { # command...
    : >"$work/ready"
    "$@" >"$work/ready" 2>&1 </dev/null &
    pid=$!
    disown # nobody is to say that it was killed
    for ((i = 0; i < 1200; i++)); do
        grep -q ready "$work/ready" && sleep 0.2 && return
        sleep 0.1
    done
    echo "the program for gdb to attach to does not start"
}

for script in "$here"/gdb/*.gdb; do
    name=$(basename "$script" .gdb)
    program=${name%%-*}
    [ -n "$ONLY" ] && [[ " $ONLY " != *" $name "* ]] && continue
    compile "$program" || exit 1
    first=()
    while read -r line; do first+=(-ex "$line"); done < <(sed -n 's/^# first: //p' "$script")
    if grep -q '^# attaches' "$script"; then
        background "$work/$program"
        session_native "$work/$name.native" "$script" "${first[@]}" -ex "file $work/$program" -ex "attach $pid"
        background "$@" "$work/$program"
        session "$work/$name.xrun" "$script" "${first[@]}" -ex "file $work/$program" \
            -ex "target remote | $* --gdbserver=- --attach=$pid"
        sed -i '/^\[New THREAD\]/d' "$work/$name.native" "$work/$name.xrun" # which it finds where it attaches
    else
        session_native "$work/$name.native" "$script" "${first[@]}" -ex "file $work/$program" -ex 'set args arg' -ex starti
        session "$work/$name.xrun" "$script" "${first[@]}" -ex "file $work/$program" \
            -ex "target remote | $* --gdbserver=- $work/$program arg"
    fi
    [ -s "$work/$name.xrun" ] && diff "$work/$name.native" "$work/$name.xrun" >"$work/$name.diff"
    result $? "gdb/$name" "$work/$name.diff"
done

# unlike those of gdb on the program itself, breakpoints cannot be seen
if [ -z "$ONLY" ]; then
    compile hidden || exit 1
    session "$work/hidden.xrun" /dev/null -ex "file $work/hidden" \
        -ex "target remote | $* --hot=1 --gdbserver=- $work/hidden" -ex 'break f if x == 70' \
        -ex 'break sum_code' -ex continue -ex 'disable 2' -ex continue -ex 'print x' -ex continue
    { "$work/hidden"; echo '$1 = 70'; } | sort >"$work/hidden.expected"
    grep -E '^[0-9]+( 1)?$|^.1 =' "$work/hidden.xrun" | sort | diff "$work/hidden.expected" - >"$work/hidden.diff"
    result $? gdb/hidden "$work/hidden.diff"
fi

# gdb 13 on the program itself reads AVX-512's registers from the wrong place on AMD's processors: not compared
if [ -z "$ONLY" ] || [[ " $ONLY " == *" evex "* ]]; then
    compile evex
    if "$@" "$work/evex" | grep -q "not here"; then
        echo "skipped: evex: no AVX-512 on this host"
        skip=1
    else
        session "$work/evex.xrun" "$here/gdb/evex.commands" -ex "file $work/evex" \
            -ex "target remote | $* --gdbserver=- $work/evex"
        grep -E '^.[0-9] =|^k2|^[0-9a-f]+ ' "$work/evex.xrun" | diff "$here/gdb/evex.expected" - >"$work/evex.diff"
        result $? gdb/evex "$work/evex.diff"
    fi
fi
finish debug/gdb
