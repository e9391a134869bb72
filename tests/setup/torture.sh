#!/bin/sh
# Unpacks gcc's execution tests (gcc.c-torture/execute) from Debian's gcc-12 source package into
# CACHE/torture.   usage: torture.sh CACHE
set -eu
cache=$1
[ -d "$cache/torture/execute" ] && exit 0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
. "$(dirname "$0")/source.sh"
download_sources "$tmp" bookworm gcc-12
tar xf "$tmp"/apt/gcc-12_*.orig.tar.* -C "$tmp" --wildcards '*/gcc-*-dfsg.tar.*'
inner=$(find "$tmp" -name 'gcc-*-dfsg.tar.*' | head -n 1)
mkdir -p "$tmp/x" "$cache/torture"
tar xf "$inner" -C "$tmp/x" --wildcards '*/gcc/testsuite/gcc.c-torture/execute'
mv "$tmp"/x/*/gcc/testsuite/gcc.c-torture/execute "$cache/torture/execute"
echo "unpacked $(ls "$cache/torture/execute"/*.c | wc -l) execution tests"
