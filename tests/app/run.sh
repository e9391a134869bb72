#!/bin/bash
# Application tests: each script of this folder runs in a chroot of the i386 Debian root, natively
# (the reference, where this machine runs i386) and under every xrun given; output and exit status
# must be equal. Without native i386 the recorded tests/app/NAME.expected is the reference.
# usage: run.sh ROOT NAME=XRUN...   (NAME x86_64 or aarch64; aarch64 runs under qemu-aarch64)
# RECORD=1 rewrites NAME.expected from the native run. TESTS="a b" selects. Needs root (chroot).
set -u
root=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
pass=0 fail=0 skip=0
env_=(/usr/bin/env -i PATH=/usr/bin:/bin HOME=/root LC_ALL=C.UTF-8 LANG=C.UTF-8)

cleanup() { umount "$root/proc" 2>/dev/null; rm -rf "$work"; }
trap cleanup EXIT
if [ "$(id -u)" != 0 ]; then
    echo "app tests need root for chroot"
    echo "app: 0 passed, 1 failed, 0 skipped"
    exit 1
fi
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
for n in null zero urandom random tty; do
    [ -e "$root/dev/$n" ] || cp -a "/dev/$n" "$root/dev/" 2>/dev/null
done
mkdir -p "$root/tests" "$root/xrun"
cp "$here"/*.sh "$root/tests/"
for r in "$@"; do
    name=${r%%=*}
    cp -f "${r#*=}" "$root/xrun/$name" || exit 1
done

# shellcheck source=tests/app/qemu.sh
. "$here/qemu.sh"

native_ok=0
chroot "$root" /bin/true 2>/dev/null && native_ok=1

one() { # test, label, command prefix...
    local t=$1 label=$2
    shift 2
    timeout "${LIMIT:-900}" chroot "$root" "$@" "${env_[@]}" "/tests/$t.sh" >"$work/$t.$label" 2>&1 </dev/null
    echo "exit $?" >>"$work/$t.$label"
}

for f in "$here"/*.sh; do
    t=$(basename "$f" .sh)
    [ "$t" = run ] || [ "$t" = qemu ] && continue
    [ -n "${TESTS:-}" ] && [[ " $TESTS " != *" $t "* ]] && continue
    [ -z "${TESTS:-}" ] && [ "$t" = python ] && continue # long: make check-long
    if [ $native_ok = 1 ]; then
        one "$t" native
        [ -n "${RECORD:-}" ] && cp "$work/$t.native" "$here/$t.expected"
    elif [ -f "$here/$t.expected" ]; then
        cp "$here/$t.expected" "$work/$t.native"
    else
        echo "skip $t: no i386 here and nothing recorded"
        skip=$((skip + 1))
        continue
    fi
    for r in "$@"; do
        name=${r%%=*}
        pre=("/xrun/$name")
        if [ "$name" = aarch64 ]; then
            prepare_qemu
            pre=(/xrun/qemu-aarch64 "/xrun/$name" --exec-via=/xrun/qemu-aarch64)
        fi
        one "$t" "$name" "${pre[@]}"
        if diff "$work/$t.native" "$work/$t.$name" >"$work/diff"; then
            echo "ok   $t $name"
            pass=$((pass + 1))
        else
            echo "FAIL $t $name"
            head -n 10 "$work/diff"
            fail=$((fail + 1))
        fi
    done
done
echo "app: $pass passed, $fail failed, $skip skipped"
[ $fail = 0 ]
