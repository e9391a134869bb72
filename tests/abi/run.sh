#!/bin/bash
# Layouts of abi/ against an i386 compiler; the i386 program runs natively or under the given xrun.
# usage: run.sh WORK XRUN
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$1
mkdir -p "$work"
gcc -DOURS -I. -o "$work/ours" tests/abi/layout.c && "$work/ours" >"$work/ours.txt" || exit 1
${GUEST_CC:-i686-linux-gnu-gcc} -static -I. -o "$work/theirs" tests/abi/layout.c || exit 1
"$work/theirs" >"$work/theirs.txt" 2>/dev/null || "$2" "$work/theirs" >"$work/theirs.txt" || exit 1
bad=$(diff "$work/ours.txt" "$work/theirs.txt" | grep -c '^<')
diff "$work/ours.txt" "$work/theirs.txt"
echo "abi: $(($(wc -l <"$work/ours.txt") - bad)) passed, $bad failed, 0 skipped"
[ "$bad" = 0 ]
