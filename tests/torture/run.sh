#!/bin/sh
# gcc's execution tests at -O0 and -O2 under the given xruns; every N-th file only if STEP=N.
# usage: run.sh TORTURE_DIR WORK RUNNER...    last line: "torture: N passed, N failed, N skipped"
dir=$1 WORK=$2
shift 2
mkdir -p "$WORK"
RUNNERS=$(printf '%s\n' "$@")
GUEST_CC=${GUEST_CC:-i686-linux-gnu-gcc}
export WORK RUNNERS GUEST_CC
here=$(dirname "$0")
ls "$dir"/execute/*.c "$dir"/execute/ieee/*.c | awk "NR % ${STEP:-1} == 0" |
    while read -r f; do echo "$f -O0"; echo "$f -O2"; done |
    xargs -P "${JOBS:-$(nproc)}" -L 1 "$here/one.sh" >"$WORK/log"
grep ^FAIL "$WORK/log" | sort
p=$(grep -c ^PASS "$WORK/log") f=$(grep -c ^FAIL "$WORK/log") s=$(grep -c ^SKIP "$WORK/log")
echo "torture: $p passed, $f failed, $s skipped"
[ "$f" = 0 ]
