#!/bin/bash
# stress-ng as a judge: each stressor runs for some seconds with --verify, natively and under every
# xrun given; one that passes natively must pass under xrun. Each run is in a box (box.sh).
# usage: stress-ng.sh ROOT WORK NAME=XRUN...   (NAME x86_64 or aarch64; aarch64 under qemu-aarch64)
# ONLY="a b" selects stressors, SECONDS_EACH the time (2), LIMIT the limit of one run (400 s), JOBS
# how many at a time (2). WORK keeps each run's output. RECORD=1 rewrites stress-ng.native.
set -u
root=$1 out=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
secs=${SECONDS_EACH:-2} limit=${LIMIT:-400}
. "$here/lib.sh"
need_root stress-ng
mkdir -p "$out"

run_one() { # stressor, label, command prefix...
    local s=$1 f=$out/$1.$2
    shift 2
    grep -q "^$s " "$here/known-failures" && local limit=15 # may be a hang
    grep -qw -- "$s" "$here/as-root" && local -x BOX_USER=0 # these need more than a user has
    "$here/box.sh" "$root" "$limit" "$@" /usr/bin/stress-ng "--$s" 1 -t "$secs" --verify \
        --temp-path /tmp >"$f" 2>&1 </dev/null
    printf '\nexit %d\n' $? >>"$f"
}
# It ran, verified, and was not skipped for want of something.
passed() { grep -q '^exit 0' "$1" && ! grep -q ' skipped\| error: \| fail: ' "$1"; }
export -f run_one
export here root out secs limit

names=${ONLY:-$(chroot "$root" /usr/bin/stress-ng --stressors 2>/dev/null || cat "$here/stress-ng.native")}
judge_all stress-ng "$names" "$@"
