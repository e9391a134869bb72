#!/bin/sh
# Fetches the qemu-i386 of Debian's arm64, which `make bench-aarch64` compares with: CACHE/qemu-arm64/qemu-i386.
# usage: qemu-arm64.sh CACHE
set -eu
dir=$1/qemu-arm64
[ -x "$dir/qemu-i386" ] && exit 0
rm -rf "$dir"
mkdir -p "$dir"
(cd "$dir" && apt-get -o APT::Sandbox::User=root download -q qemu-user-static:arm64 >/dev/null)
dpkg -x "$dir"/qemu-user-static_*.deb "$dir/root"
mv "$dir/root/usr/bin/qemu-i386-static" "$dir/qemu-i386"
rm -rf "$dir"/*.deb "$dir/root"
