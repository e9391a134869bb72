#!/bin/sh
# Unpacks GNU hello and the C library for i386 from Debian's packages into CACHE/hello (no root
# needed but for dpkg --add-architecture the first time).   usage: hello.sh CACHE
set -eu
root=$1/hello
[ -x "$root/usr/bin/hello" ] && exit 0
mkdir -p "$root/.apt/lists/partial"
mirror=$(apt-cache policy libc6 | sed -n 's/^ *[0-9]* \(http[^ ]*\) .*/\1/p' | head -n 1)
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [arch=i386 signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} $suite main" >"$root/.apt/sources.list"
opts="-o Dir::Etc::sourcelist=$root/.apt/sources.list -o Dir::Etc::sourceparts=-
 -o Dir::State::Lists=$root/.apt/lists -o APT::Architecture=i386 -o APT::Architectures=i386
 -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -o Dir::Cache=$root/.apt"
apt-get $opts update -q >/dev/null
(cd "$root/.apt" && apt-get $opts download -q hello libc6 >/dev/null && for d in *.deb; do dpkg -x "$d" "$root"; done)
rm -rf "$root/.apt"
