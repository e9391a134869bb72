#!/bin/sh
# Adds what only the benchmarks run to the i386 root that root.sh made, out of Debian's packages.
# usage: bench.sh CACHE
set -eu
root=$1/root/i386
[ -f "$root/.bench" ] && exit 0
apt=$1/root/bench.apt
. "$(dirname "$0")/source.sh"
rm -rf "$apt"
foreign_apt "$apt" bookworm i386
(cd "$apt" && apt-get download -q bzip2 libbz2-1.0 zstd libzstd1 liblz4-1 lua5.4 libreadline8 \
    luajit libluajit-5.1-2 libluajit-5.1-common >/dev/null
 for d in *.deb; do dpkg -x "$d" "$root"; done)
rm -rf "$apt"
touch "$root/.bench"
