#!/bin/bash
# Runs a command in a chroot with its own pid, mount, net, ipc and uts namespaces, as an
# unprivileged user, in /tmp, with a time limit: nothing outlives it. Needs root.
# usage: box.sh ROOT SECONDS COMMAND...      (BIND=dir: visible as /tests; BOX_USER: its id)
set -u
if [ "${1:-}" != --inside ]; then
    exec timeout -k 5 "$2" unshare --pid --mount --net --ipc --uts --fork --kill-child=KILL \
        "$0" --inside "$1" "${@:3}"
fi
root=$2
shift 2
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
for n in null zero full urandom random tty; do
    : >"$root/dev/$n" && mount --bind "/dev/$n" "$root/dev/$n"
done
mkdir -m 1777 "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777,size=1g tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=1777,size=2g tmpfs "$root/tmp"
head -c 4096 /dev/zero >"$root/tmp/Makefile" # some tests open their folder's
[ -n "${BIND:-}" ] && mount --bind "$BIND" "$root/tests"
ip link set lo up 2>/dev/null
ulimit -c 0 -u 500 -n 4096
user=${BOX_USER:-$((60000 + $(date +%N | sed 's/^0*//') % 5000))} # of its own: the process limit is the user's
# a child, not exec: process 1 has signal rules of its own
chroot --userspec=$user:$user "$root" /usr/bin/env -C /tmp -i PATH=/usr/bin:/bin HOME=/tmp LC_ALL=C \
    TIMEOUTFACTOR="${TIMEOUTFACTOR:-2}" "$@"
