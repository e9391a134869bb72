#!/bin/sh
# Adds what only the benchmarks run to the i386 root that root.sh made, out of Debian's packages.
# usage: bench.sh CACHE
set -eu
root=$1/root/i386
[ -f "$root/.bench" ] && exit 0
apt=$1/root/bench.apt
suite=bookworm
mirror=$(apt-cache policy libc6 | sed -n 's/^ *[0-9]* \(http[^ ]*\) [a-z]*\/main .*/\1/p' | head -n 1)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
rm -rf "$apt"
mkdir -p "$apt/lists/partial"
echo "deb [arch=i386 signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} $suite main" >"$apt/sources.list"
opts="-o Dir::Etc::sourcelist=$apt/sources.list -o Dir::Etc::sourceparts=-
 -o Dir::State::Lists=$apt/lists -o APT::Architecture=i386 -o APT::Architectures=i386
 -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -o Dir::Cache=$apt"
apt-get $opts update -q >/dev/null
(cd "$apt" && apt-get $opts download -q bzip2 libbz2-1.0 zstd libzstd1 liblz4-1 lua5.4 libreadline8 \
    luajit libluajit-5.1-2 libluajit-5.1-common >/dev/null
 for d in *.deb; do dpkg -x "$d" "$root"; done)
rm -rf "$apt"
touch "$root/.bench"
