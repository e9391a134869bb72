#!/bin/sh
# Unpacks GNU hello and the C library for i386 from Debian's packages into CACHE/hello, without being root.
# usage: hello.sh CACHE
set -eu
root=$1/hello
[ -x "$root/usr/bin/hello" ] && exit 0
mirror=$(apt-cache policy libc6 | sed -n 's/^ *[0-9]* \(http[^ ]*\) [a-z]*\/main .*/\1/p' | head -n 1)
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
"$(dirname "$0")/../../tools/xrun-root" -s "$suite" ${mirror:+-m "$mirror"} "$root" hello
