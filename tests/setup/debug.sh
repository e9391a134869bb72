#!/bin/sh
# i386 debuggers that run as guests, and the other C library: CACHE/root/debug, made as users make roots, with
# gdb, strace, musl.   usage: debug.sh CACHE
set -eu
cd "$(dirname "$0")/../.."
root=$1/root/debug
[ -f "$root/.complete" ] && exit 0
rm -rf "$root"
mkdir -p "$1/root"
mirror=$(sed -n 's/^URIs: *\(http[^ ]*\).*/\1/p; s/^deb  *\(\[[^]]*\] *\)\{0,1\}\(http[^ ]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*debian* 2>/dev/null | head -n 1)
tools/xrun-root ${mirror:+-m "$mirror"} "$root" gdb strace musl
tools/xrun-root -n ${mirror:+-m "$mirror"} "$root" musl-dev # which wants a compiler, too
touch "$root/.complete"
