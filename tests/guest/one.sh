#!/bin/bash
# One guest program for run.sh: natively, then under every xrun; prints what failed and was skipped.
# usage: one.sh FILE.c WORK NAME=COMMAND...     with RECORD and PROGRAMS as run.sh has them
set -u
. "$(dirname "$0")/../lib.sh"
f=$1 work=$2 expected=${1%.c}.expected
shift 2
t=$(basename "$f" .c) here=$(dirname "$f")
program=${PROGRAMS:-$work}/$t

has() { # what a program may need: something of the machine, or a flag of its processor
    case $1 in
    loopback) (: >/dev/udp/127.0.0.1/9) ;;
    large-stack) [ "$(ulimit -Hs)" = unlimited ] || [ "$(ulimit -Hs)" -ge 65536 ] ;;
    new-privileges) grep -q '^NoNewPrivs:.*0' /proc/self/status ;;
    *) cpu=1 && grep -qwm1 "flags.* $1" /proc/cpuinfo ;;
    esac 2>/dev/null
}

skip() { # reason
    echo "skipped: $t $1"
    skip=$((skip + 1))
}

if [ -z "${PROGRAMS:-}" ] || [ ! -x "$program" ]; then
    work=$(dirname "$program") build "$f" || { bad "$t: does not compile"; finish "$t"; exit; }
fi
cpu='' lacks=''
for need in $(sed -n 's/^ \* needs: \(.*[a-z0-9]\).*$/\1/p' "$f"); do
    has "$need" || lacks="$lacks $need"
done
if [ -z "$lacks" ] && "$program" >"$work/$t.native" 2>&1 </dev/null; then
    echo "exit 0" >>"$work/$t.native"
    # xrun does as AMD's processors where they differ; what Intel's do then is recorded beside it
    record=$expected
    [ -f "$expected" ] && grep -qm1 GenuineIntel /proc/cpuinfo && record=${f%.c}.intel
    if [ -n "${RECORD:-}" ]; then
        cp "$work/$t.native" "$record"
        [ "$record" != "$expected" ] && cmp -s "$record" "$expected" && rm "$record"
    fi
    [ -f "$record" ] || record=$expected
    diff "$record" "$work/$t.native" >"$work/$t.diff"
    result $? "$t: hardware differs from $(basename "$record")" "$work/$t.diff"
fi
options=$(sed -n 's/^ \* xrun options: \(.*\) \*\/$/\1/p' "$f")
for r in "$@"; do
    name=${r%%=*}
    if [ -n "$lacks" ]; then
        skip "$name: this machine has no$lacks"
        continue
    elif [ -n "$cpu" ] && [ "$name" != x86_64 ]; then
        skip "$name: it needs x86's processor"
        continue
    fi
    known=$(sed -n "s/^$t $name //p" "$here/known-failures")
    # what fails often hangs; what is slow may be so because the machine is
    timeout -k 5 "$([ -n "$known" ] && echo 5 || echo 1500)" ${r#*=} $options "$program" \
        >"$work/$t.$name" 2>&1 </dev/null
    echo "exit $?" >>"$work/$t.$name"
    grep -av '^qemu: uncaught target signal' "$work/$t.$name" | diff "$expected" - >"$work/$t.diff"
    ok=$?
    if [ -z "$known" ]; then
        result $ok "$t $name" "$work/$t.diff"
    elif [ $ok = 0 ]; then
        bad "$t $name: listed in known-failures but passes"
    else
        echo "known failure: $t $name: $known"
        skip=$((skip + 1))
    fi
done
finish "$t"
