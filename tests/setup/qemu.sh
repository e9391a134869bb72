#!/bin/sh
# Fetches a qemu-i386 newer than Debian bookworm's for `make bench`: CACHE/qemu/qemu-i386, of Debian trixie's
# package, which is linked statically. Nothing is installed.   usage: qemu.sh CACHE
set -eu
dir=$1/qemu
[ -x "$dir/qemu-i386" ] && exit 0
. "$(dirname "$0")/source.sh"
rm -rf "$dir"
foreign_apt "$dir/apt" trixie amd64
(cd "$dir/apt" && apt-get download -q qemu-user >/dev/null)
dpkg -x "$dir"/apt/qemu-user_*.deb "$dir/root"
mv "$dir/root/usr/bin/qemu-i386" "$dir/qemu-i386"
rm -rf "$dir/apt" "$dir/root"
