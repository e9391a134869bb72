#!/bin/sh
# Fetches a qemu-i386 newer than Debian bookworm's for `make bench`: CACHE/qemu/qemu-i386, of Debian trixie's
# package, which is linked statically. Nothing is installed.   usage: qemu.sh CACHE
set -eu
dir=$1/qemu
[ -x "$dir/qemu-i386" ] && exit 0
mirror=$(apt-cache policy libc6 | sed -n 's/^ *[0-9]* \(http[^ ]*\) [a-z]*\/main .*/\1/p' | head -n 1)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
rm -rf "$dir"
mkdir -p "$dir/apt/lists/partial"
echo "deb [arch=amd64 signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} trixie main" >"$dir/apt/sources.list"
opts="-o Dir::Etc::sourcelist=$dir/apt/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::Lists=$dir/apt/lists
 -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o Dir::State::status=/dev/null
 -o APT::Sandbox::User=root -o Dir::Cache=$dir/apt"
apt-get $opts update -q >/dev/null
(cd "$dir/apt" && apt-get $opts download -q qemu-user >/dev/null)
dpkg -x "$dir"/apt/qemu-user_*.deb "$dir/root"
mv "$dir/root/usr/bin/qemu-i386" "$dir/qemu-i386"
rm -rf "$dir/apt" "$dir/root"
