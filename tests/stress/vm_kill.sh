#!/bin/bash
# SIGKILL of processes that share memory. Not part of every check: a process that is killed within the C
# library's allocator leaves its lock held, and the other hangs (README). usage: vm_kill.sh WORK XRUN
set -u
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
${GUEST_CC:-i686-linux-gnu-gcc} -static -O1 -w -pthread -D_GNU_SOURCE -o "$1/vm_kill" "$here/vm_kill.c" || exit 1
timeout -k 5 300 "$2" "$1/vm_kill" 300 >"$1/vm_kill.out" 2>&1 </dev/null
echo "exit $?" >>"$1/vm_kill.out"
if diff "$here/vm_kill.expected" "$1/vm_kill.out"; then
    echo "vm_kill: 1 passed, 0 failed, 0 skipped"
else
    echo "vm_kill: 0 passed, 1 failed, 0 skipped"
    exit 1
fi
