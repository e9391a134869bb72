#!/bin/bash
# Guest programs: each NAME.c is built for i386 and run under every xrun given; output and exit
# status must equal NAME.expected, which is recorded from hardware (RECORD=1) and compared with it
# again wherever i386 runs natively. A program's first comment may name options for xrun,
# and what the machine must have ("needs:", see one.sh).
# usage: run.sh WORK NAME=COMMAND...     e.g. x86_64=build/x86_64-release/xrun; ONLY=REGEX: such programs only;
# JOBS at a time (as many as there are processors); PROGRAMS: a folder of programs that are built already, or will be
set -u
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" ${PROGRAMS:+"$PROGRAMS"}
work=$(cd "$1" && pwd)
shift

rm -f "$work"/*.said
for f in "$here"/*.c; do
    [[ $(basename "$f" .c) =~ ${ONLY:-.} ]] && printf '%s\0' "$f"
done | xargs -0 -P "${JOBS:-$(nproc)}" -I{} \
    sh -c 'f=$1 work=$2; shift; exec "${f%/*}/one.sh" "$f" "$@" >"$work/$(basename "$f" .c).said" 2>&1' sh {} "$work" "$@"
counts='s/^[a-z0-9_]*: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p'
for said in "$work"/*.said; do
    [ -f "$said" ] || continue
    grep -vE '^[a-z0-9_]+: [0-9]+ passed, ' "$said"
    read -r p f s <<<"$(sed -n "$counts" "$said")"
    [ -n "${s:-}" ] || { bad "$said: it did not end" "$said"; continue; }
    pass=$((pass + p)) fail=$((fail + f)) skip=$((skip + s))
done
finish guest
