#!/bin/bash
# Programs that do little but start and fork: times by the clock, xrun against native, interleaved.
# usage: start.sh XRUN WORK [ROOT]       ROUNDS=N: of each
set -eu
xrun=$1 work=$2 root=${3:-} rounds=${ROUNDS:-20}
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$work"
gcc -O2 -D_GNU_SOURCE -o "$work/laps" "$here/laps.c"
echo 'int main(void) { return 0; }' >"$work/true.c"
${GUEST_CC:-i686-linux-gnu-gcc} -O2 -static -o "$work/true" "$work/true.c"
"$work/laps" $((rounds * 10)) "$work/true" "$xrun $work/true" "$xrun --version"
if [ -n "$root" ] && [ -x "$root/usr/bin/python3" ] && [ "$(id -u)" = 0 ]; then
    b=/tmp/bench
    mkdir -p "$root$b"
    cp "$xrun" "$root$b/xrun"
    echo 'for i in {1..300}; do (true); done' >"$root$b/forks"
    echo 'for i in {1..100}; do /bin/true; done' >"$root$b/execs"
    for c in /bin/true "/usr/bin/python3 -c pass" "/bin/bash $b/forks" "/bin/bash $b/execs"; do
        "$work/laps" "$rounds" "chroot $root $c" "chroot $root $b/xrun $c"
    done
fi
