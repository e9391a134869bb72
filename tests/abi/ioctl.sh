#!/bin/bash
# syscalls/ioctl.def and abi/layouts.def against the kernel's headers, for i386, for i386 programs with 64-bit
# time_t, and for a 64-bit host. Equal sizes of a structure mean equal layouts: nothing in a host's
# structure is smaller or less aligned than in i386's. Requests that the headers do not have are skipped.
# usage: ioctl.sh WORK XRUN
set -u
cd "$(dirname "$0")/../.." || exit 1
work=$1/ioctl xrun=$2
mkdir -p "$work"
guest=${GUEST_CC:-i686-linux-gnu-gcc}
host="gcc -idirafter /usr/i686-linux-gnu/include" # for headers that only come with compilers for other machines
pass=0 fail=0 skip=0

# A statement per request, so that each can depend on its name being defined.
tr '\n' ' ' <syscalls/ioctl.def | sed 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g; s/) \+/)\n/g' | sed -nE '
    s/^ *(SAME|LONG|CONV|FUNC)\(0x[0-9a-f]+, (\w+).*/#ifdef \2\nprintf("\2 %#x\\n", (unsigned)(\2));\n#endif/p
    s/^ *(TIME64|FUNC64)\(0x[0-9a-f]+, (\w+).*/printf("\2\/time64 %#x\\n", (unsigned)(\2));/p
    s/^ *OLD\(0x[0-9a-f]+, (\w+), [0-9]+, (.*)\)$/#ifdef \1\nprintf("\1 %#x %zu\\n", (unsigned)(\1), sizeof(\2));\n#endif/p' >"$work/requests.h"

gcc -std=gnu11 -DOURS -I. -o "$work/ours" tests/abi/ioctl.c abi/convert.c || exit 1
$guest -w -static -I. -I"$work" -o "$work/guest" tests/abi/ioctl.c || exit 1
$guest -w -static -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64 -I. -I"$work" -o "$work/time64" tests/abi/ioctl.c || exit 1
$host -w -I. -I"$work" -o "$work/host" tests/abi/ioctl.c || exit 1
"$work/ours" >"$work/ours.guest"
"$work/ours" host >"$work/ours.host"
for p in guest time64; do "$work/$p" >"$work/$p.txt" 2>/dev/null || "$xrun" "$work/$p" >"$work/$p.txt" || exit 1; done
"$work/host" | grep -v /time64 >"$work/host.txt"
# those for 64-bit time from the one program, the rest from the other
{ grep -vE '^\S*64 ' "$work/guest.txt"; grep -E '^(v4l2_\S*|\S*/time)64 ' "$work/time64.txt"
  grep -E '^\S*64 ' "$work/guest.txt" | grep -vE '^(v4l2_\S*|\S*/time)64 '; } >"$work/theirs.guest"
cp "$work/host.txt" "$work/theirs.host"

for side in guest host; do
    read -r p f s < <(awk -v bad="$work/bad.$side" '
        NR == FNR { key = $1; theirs[key] = $0; next }
        !($1 in theirs) { s++; next }
        $0 == theirs[$1] { p++; next }
        { f++; print "ours:   " $0 "\ntheirs: " theirs[$1] >bad }
        END { print p + 0, f + 0, s + 0 }' "$work/theirs.$side" "$work/ours.$side")
    [ "$f" = 0 ] || { echo "FAIL ioctl, $side"; head -n 40 "$work/bad.$side"; }
    pass=$((pass + p)) fail=$((fail + f)) skip=$((skip + s))
done
# each request has one meaning: rows that come later would be ignored
for r in $(cut -d' ' -f2 <(grep -E '^\S+ 0x' "$work/ours.guest") | sort | uniq -d); do
    echo "FAIL ioctl.def has $r twice"
    fail=$((fail + 1))
done

# Every structure there and back.
"$work/ours" trips >"$work/trips"
grep FAIL "$work/trips"
pass=$((pass + $(sed -n 's/^trips //p' "$work/trips"))) fail=$((fail + $(grep -c FAIL "$work/trips")))

# The same program natively and under xrun.
both() { # program, argument...
    if ! timeout -k 5 300 "$work/$1" "${@:2}" >"$work/$1.native" 2>&1; then
        skip=$((skip + 1))
        return
    fi
    timeout -k 5 300 "$xrun" "$work/$1" "${@:2}" >"$work/$1.xrun" 2>&1
    local bad=$(diff "$work/$1.native" "$work/$1.xrun" | grep -c '^[<>]')
    [ "$bad" = 0 ] || { echo "FAIL $1"; diff "$work/$1.native" "$work/$1.xrun" | cut -c1-200 | head -n 20; }
    pass=$((pass + $(grep -c . "$work/$1.native"))) fail=$((fail + bad))
}
sed -nE 's/^([A-Za-z]\w*(\/time64)?) (0x[0-9a-f]+).*/{\3, "\1"},/p' "$work/ours.guest" >"$work/requests_list.h"
$guest -w -static -O1 -I"$work" -o "$work/probe" tests/abi/ioctl_probe.c || exit 1
$guest -w -static -O1 -o "$work/loop" tests/abi/ioctl_loop.c || exit 1
$guest -w -static -O1 -o "$work/net" tests/abi/ioctl_net.c || exit 1
both probe
both net
both loop "$work/disk"
echo "ioctl: $pass passed, $fail failed, $skip skipped"
[ $fail = 0 ] && [ $pass -gt 2500 ]
