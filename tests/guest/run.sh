#!/bin/bash
# Guest programs: each NAME.c is built for i386 and run under every xrun given; output and exit
# status must equal NAME.expected, which is recorded from hardware (RECORD=1) and compared with it
# again wherever i386 runs natively. A program's first comment may name options for xrun,
# and what its host's processor needs: xruns for other hosts skip it.
# usage: run.sh WORK NAME=COMMAND...     e.g. x86_64=build/x86_64-release/xrun; ONLY=REGEX: such programs only
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$1
shift
mkdir -p "$work"
. "$here/../lib.sh"

for f in "$here"/*.c; do
    t=$(basename "$f" .c)
    [[ $t =~ ${ONLY:-.} ]] || continue
    needs=$(sed -n 's/^ \* needs: \(.*[a-z0-9]\).*$/\1/p' "$f")
    lacks=$(for n in $needs; do grep -qwm1 "flags.* $n" /proc/cpuinfo || echo -n " $n"; done)
    build "$f" || { bad "$t: does not compile"; continue; }
    if [ -z "$lacks" ] && "$work/$t" >"$work/$t.native" 2>&1 </dev/null; then
        echo "exit 0" >>"$work/$t.native"
        [ -n "${RECORD:-}" ] && cp "$work/$t.native" "$here/$t.expected"
        diff "$here/$t.expected" "$work/$t.native" >"$work/diff"
        result $? "$t: hardware differs from $t.expected" "$work/diff"
    fi
    options=$(sed -n 's/^ \* xrun options: \(.*\) \*\/$/\1/p' "$f")
    for r in "$@"; do
        name=${r%%=*}
        if [ -n "$needs" ] && { [ "$name" != x86_64 ] || [ -n "$lacks" ]; }; then
            echo "skipped: $t $name: the host has no${lacks:- $needs}"
            skip=$((skip + 1))
            continue
        fi
        known=$(sed -n "s/^$t $name //p" "$here/known-failures")
        # what fails often hangs; what is slow may be so because the machine is
        timeout -k 5 "$([ -n "$known" ] && echo 30 || echo 1500)" ${r#*=} $options "$work/$t" >"$work/$t.$name" 2>&1 </dev/null
        echo "exit $?" >>"$work/$t.$name"
        grep -av '^qemu: uncaught target signal' "$work/$t.$name" | diff "$here/$t.expected" - >"$work/diff"
        ok=$?
        if [ -n "$known" ]; then
            if [ $ok = 0 ]; then
                bad "$t $name: listed in known-failures but passes"
            else
                echo "known failure: $t $name: $known"
                skip=$((skip + 1))
            fi
            continue
        fi
        result $ok "$t $name" "$work/diff"
    done
done
finish guest
