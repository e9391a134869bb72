#!/bin/bash
# What helps to find errors in xrun and slow places in guests: --dump, --perf-map, --jitdump, --gdb, limits of what
# is translated. usage: run.sh WORK XRUN...
set -u
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
work=$1
shift
mkdir -p "$work"
rm -f "$work/dump" "$work/none" "$work/exec"

check() { # name, command...: must succeed
    local name=$1
    shift
    "$@"
    result $? "$name"
}

build "$here/loop.c" || exit 1
inner=$(nm "$work/loop" | sed -n 's/^\([0-9a-f]*\) . inner$/\1/p')

timeout 300 "$@" --dump=blocks,code -o "$work/dump" "$work/loop" 1 </dev/null >/dev/null
check "blocks are listed" grep -q "^block $inner-" "$work/dump"
check "code is listed, with what it is made of" grep -q "^$inner:" "$work/dump"
timeout 300 "$@" --dump=code --dump-range=1000-1fff -o "$work/none" "$work/loop" 1 </dev/null >/dev/null
check "only the range is listed" test ! -s "$work/none"
timeout 300 "$@" --dump=exec -o "$work/exec" "$work/loop" 1 </dev/null >/dev/null
check "every block that is executed is listed" test "$(grep -c "^$inner " "$work/exec")" -eq 50
timeout 300 "$@" --profile --translate-range=1000-1fff "$work/loop" 1 2>"$work/profile" </dev/null >/dev/null
check "nothing outside the range is translated" grep -q "translated 0 instructions" "$work/profile"
timeout 300 "$@" --profile --count "$work/loop" 1 close 2>"$work/closed" </dev/null >/dev/null
check "a program that closes its standard error is counted, too" \
    test "$(grep -c -e '^xrun: translated ' -e ' guest instructions$' "$work/closed")" = 2
build "$here/mdwe.c" || exit 1
echo "this is no program" >"$work/text"
chmod +x "$work/text"
timeout 300 "$@" --profile --store=off "$work/mdwe" "$(type -P true)" "$work/text" 2>"$work/mdwe.profile" </dev/null >/dev/null
check "with PR_SET_MDWE a program runs" test $? = 0
check "it is translated behind a vfork and a failed execve" \
    grep -q "translated [1-9]" <(tail -n 1 "$work/mdwe.profile")
timeout 300 "$@" --dump=foo "$work/loop" 1 2>/dev/null
check "an unknown word is refused" test $? = 126

timeout 300 "$@" --perf-map "$work/loop" 1 >"$work/pid" </dev/null
map=/tmp/perf-$(cat "$work/pid").map
check "functions are in the map" grep -q '^[0-9a-f]* [0-9a-f]* inner \[loop\]$' "$map"
rm -f "$map"

# bytes 18 and 19 of xrun's own header say which machine
for a in "$@"; do
    [ "${a##*/}" != xrun ] || machine=$(od -A n -t u2 -j 18 -N 2 "$a")
done
timeout 300 "$@" --jitdump "$work/loop" 1 >"$work/pid" </dev/null
pid=$(cat "$work/pid")
"$here/jitdump.py" "/tmp/jit-$pid.dump" $machine "$pid" >"$work/jitdump"
check "code is in the jitdump" grep -qx 'inner \[loop\]' "$work/jitdump"
rm -f "/tmp/jit-$pid.dump"
if [ $# = 1 ] && command -v perf >/dev/null &&
    timeout 300 perf --buildid-dir "$work/debug" record -q -k mono -e cpu-clock -o "$work/perf" "$@" --jitdump "$work/loop" 3000000 >"$work/pid" 2>/dev/null </dev/null
then
    timeout 300 perf --buildid-dir "$work/debug" inject --jit -i "$work/perf" -o "$work/perf.jit" 2>/dev/null
    timeout 300 perf --buildid-dir "$work/debug" report -i "$work/perf.jit" --stdio >"$work/report" 2>/dev/null </dev/null
    check "perf knows the code" grep -q "jitted-.* inner \[loop\]" "$work/report"
    pid=$(cat "$work/pid")
    rm -f "/tmp/jit-$pid.dump" "/tmp/jitted-$pid"-*.so
else
    skip=$((skip + 1))
fi

if [ $# = 1 ] && command -v gdb >/dev/null; then
    "$@" --gdb "$work/loop" 1000000000 >"$work/pid" </dev/null &
    for ((i = 0; i < 60; i++)); do # until it is at work, and its code translated
        sleep 0.5
        timeout 300 gdb -q -batch -p $! -ex bt >"$work/gdb" 2>&1 </dev/null
        ! grep -q 'in main \[loop\]\|ptrace: Operation not permitted' "$work/gdb" || break
    done
    kill $!
    wait $! 2>/dev/null
    if grep -q "ptrace: Operation not permitted" "$work/gdb"; then skip=$((skip + 1))
    else
        grep -q 'in main \[loop\]' "$work/gdb"
        result $? "gdb knows the functions" "$work/gdb"
    fi
else
    skip=$((skip + 1))
fi
finish debug
