#!/bin/bash
# stress-ng as a judge: each stressor runs for some seconds with --verify, natively and under every
# xrun given; one that passes natively must pass under xrun. Each run is in a box (box.sh).
# usage: stress-ng.sh ROOT WORK NAME=XRUN...   (NAME x86_64 or aarch64; aarch64 under qemu-aarch64)
# ONLY="a b" selects stressors (default: all but skip.list), SECONDS_EACH the time (2), LIMIT the
# limit of one run (60 s). WORK keeps each run's output. Needs root.
set -u
root=$1 work=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
secs=${SECONDS_EACH:-2} limit=${LIMIT:-60}
pass=0 fail=0 skip=0
mkdir -p "$work"
if [ "$(id -u)" != 0 ]; then
    echo "stress-ng needs root for its namespaces"
    echo "stress-ng: 0 passed, 1 failed, 0 skipped"
    exit 1
fi
for r in "$@"; do cp -f "${r#*=}" "$root/xrun/${r%%=*}" || exit 1; done
# shellcheck source=tests/app/qemu.sh
. "$here/../app/qemu.sh"

one() { # stressor, output file, command prefix...
    local s=$1 out=$2
    shift 2
    "$here/box.sh" "$root" "$limit" "$@" /usr/bin/stress-ng "--$s" 1 -t "$secs" --verify --temp-path /tmp >"$out" 2>&1 </dev/null
    echo "exit $?" >>"$out"
}

# Passed: it ran, verified, and was not skipped for want of something.
passed() { grep -q '^exit 0' "$1" && ! grep -q ' skipped' "$1" && ! grep -q ' error: ' "$1"; }

selected=${ONLY:-$(chroot "$root" /usr/bin/stress-ng --stressors 2>/dev/null)}
[ -n "$selected" ] || selected=$(grep -v '^#' "$here/passes-natively")
for s in $selected; do
    why=$(sed -n "s/^$s //p" "$here/skip.list")
    if [ -n "$why" ]; then
        skip=$((skip + 1))
        continue
    fi
    [ -n "${REUSE:-}" ] && [ -f "$work/$s.native" ] || one "$s" "$work/$s.native"
    if ! passed "$work/$s.native"; then
        skip=$((skip + 1))
        continue
    fi
    for r in "$@"; do
        name=${r%%=*}
        pre=("/xrun/$name")
        [ "$name" = aarch64 ] && prepare_qemu && pre=(/xrun/qemu-aarch64 "/xrun/$name" --exec-via=/xrun/qemu-aarch64)
        one "$s" "$work/$s.$name" "${pre[@]}"
        if passed "$work/$s.$name"; then
            pass=$((pass + 1))
        else
            fail=$((fail + 1))
            echo "FAIL $s $name"
            grep -v ' info: ' "$work/$s.$name" | head -n 5
        fi
    done
done
echo "stress-ng: $pass passed, $fail failed, $skip skipped"
[ $fail = 0 ]
