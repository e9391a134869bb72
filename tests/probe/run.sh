#!/bin/bash
# System calls with odd arguments, and with those of typed.c: what native i386 and xrun give must be equal, call by
# call, but for the numbers in the file differences. Only where this machine runs i386 programs natively.
# What differs is tried again by itself, so that a slow machine or what an earlier call left behind
# does not count.
# usage: run.sh WORK XRUN      PROBE_RANDOM=N random argument sets besides the fixed ones (6); PROBE_STEP=N each
# Nth of the typed ones (16; 1: all)
set -u
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
work=$1 xrun=$2 random=${PROBE_RANDOM:-6}
mkdir -p "$work"
${GUEST_CC:-i686-linux-gnu-gcc} -static -O1 -w -fno-stack-protector -D_GNU_SOURCE -o "$work/probe" \
    "$here/probe.c" "$here/typed.c" || exit 1
last=470
if ! "$work/probe" 20 20 0 100 0 >/dev/null 2>&1; then
    echo "probe: 0 passed, 0 failed, 1 skipped"
    exit 0
fi

# columns: number.pattern, result; only numbers that are to be equal
results() { sed -E 's/^([0-9]+)\.([0-9]+) \([^)]*\) (.*)/\1.\2 \3/; s/ /_/2g' "$1" | sort -u -k1,1; }

compare() { # name, the program's first words...
    local name=$1 nr pattern ms a b
    shift
    "$work/probe" "$@" 0 $last "$random" 60 >"$work/$name.native" 2>/dev/null &
    $xrun "$work/probe" "$@" 0 $last "$random" 250 >"$work/$name.xrun" 2>>"$work/errors"
    wait
    join -a1 -a2 -e missing -o 0,1.2,2.2 <(results "$work/$name.native") <(results "$work/$name.xrun") |
        awk -v list="$here/differences" '
            BEGIN { while ((getline line < list) > 0) if (line !~ /^#/) { split(line, f, " "); known[f[1]] = 1 } }
            { split($1, n, "."); if (n[1] in known) next; total++
              if ($2 != $3) print n[1], n[2] }
            END { print "total", total }' >"$work/$name.compared"
    while read -r nr pattern; do
        [ "$nr" = total ] && { pass=$((pass + pattern)); continue; }
        for ms in 300 1500 10000; do
            a=$("$work/probe" "$@" "$nr" "$nr" 2000 $ms "$pattern" 2>/dev/null)
            b=$($xrun "$work/probe" "$@" "$nr" "$nr" 2000 $ms "$pattern" 2>>"$work/errors")
            [ "$a" = "$b" ] && break
        done
        [ "$a" = "$b" ] && continue
        fail=$((fail + 1)) pass=$((pass - 1))
        echo "FAIL native: $a"
        echo "     xrun:   $b"
    done <"$work/$name.compared"
}

: >"$work/errors"
compare odd
compare typed "typed:${PROBE_STEP:-16}"
if grep -q 'internal error\|fault of xrun' "$work/errors"; then
    bad "xrun's own error" "$work/errors"
fi
finish probe
