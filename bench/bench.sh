#!/bin/bash
# Ratios of wall time: xrun / native and qemu-i386 / native, interleaved, medians of RUNS runs.
# usage: bench.sh XRUN WORK
set -u
xrun=$1 work=$2 runs=${RUNS:-5}
here=$(cd "$(dirname "$0")" && pwd)
cc=${GUEST_CC:-i686-linux-gnu-gcc}
qemu=$(command -v qemu-i386)
mkdir -p "$work"
printf 'int main(void){return 0;}' >"$work/true.c"
$cc -O2 -static -o "$work/true" "$work/true.c"
for f in "$here"/*.c; do $cc -O2 -static -o "$work/$(basename "$f" .c)" "$f" -lm || exit 1; done

once() { # milliseconds of a command
    local a b
    a=$(date +%s%N)
    "$@" >/dev/null 2>&1
    b=$(date +%s%N)
    echo $(((b - a) / 1000))
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

printf '%-12s %12s %12s %12s\n' program "native ms" xrun/native qemu/native
for p in "$work/true" $(for f in "$here"/*.c; do echo "$work/$(basename "$f" .c)"; done); do
    : >"$work/n"; : >"$work/x"; : >"$work/q"
    for _ in $(seq "$runs"); do
        once "$p" >>"$work/n"
        once "$xrun" "$p" >>"$work/x"
        [ -n "$qemu" ] && once "$qemu" "$p" >>"$work/q"
    done
    n=$(median <"$work/n") x=$(median <"$work/x") q=$(median <"$work/q")
    awk -v p="$(basename "$p")" -v n="$n" -v x="$x" -v q="${q:-0}" \
        'BEGIN { printf "%-12s %12.2f %12.2f %12.2f\n", p, n / 1000, x / n, q / n }'
done
# guest instructions per second of integer code, from xrun's own count
t=$(once "$xrun" "$work/integer")
c=$("$xrun" --count "$work/integer" 2>&1 >/dev/null | sed -n 's/.* \([0-9]*\) guest instructions/\1/p')
awk -v t="$t" -v c="$c" 'BEGIN { printf "integer: %.0f million guest instructions per second\n", c / t }'
rss=$( { command time -f %M "$xrun" "$work/true"; } 2>&1 | tail -n 1)
echo "resident memory of a static hello: $rss KiB"
