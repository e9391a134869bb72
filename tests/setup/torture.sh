#!/bin/sh
# Unpacks gcc's execution tests (gcc.c-torture/execute) from Debian's gcc-12 source package into
# CACHE/torture.   usage: torture.sh CACHE
set -eu
cache=$1
[ -d "$cache/torture/execute" ] && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$cache/src/lists/partial"
[ -f "$cache/src/sources.list" ] ||
    echo "deb-src http://deb.debian.org/debian bookworm main" >"$cache/src/sources.list"
opts="-o Dir::Etc::sourcelist=$cache/src/sources.list -o Dir::Etc::sourceparts=-
 -o Dir::State::Lists=$cache/src/lists -o APT::Sandbox::User=root"
apt-get $opts update -q >/dev/null
(cd "$tmp" && apt-get $opts source -q --download-only gcc-12 >/dev/null)
tar xf "$tmp"/gcc-12_*.orig.tar.* -C "$tmp" --wildcards '*/gcc-*-dfsg.tar.*'
inner=$(find "$tmp" -name 'gcc-*-dfsg.tar.*' | head -n 1)
mkdir -p "$tmp/x" "$cache/torture"
tar xf "$inner" -C "$tmp/x" --wildcards '*/gcc/testsuite/gcc.c-torture/execute'
mv "$tmp"/x/*/gcc/testsuite/gcc.c-torture/execute "$cache/torture/execute"
echo "unpacked $(ls "$cache/torture/execute"/*.c | wc -l) execution tests"
