#!/bin/sh
# Unpacks GNU hello and the C library for i386 from Debian's packages into CACHE/hello, without being root.
# usage: hello.sh CACHE
set -eu
root=$1/hello
[ -x "$root/usr/bin/hello" ] && exit 0
. "$(dirname "$0")/source.sh"
url=$(mirror)
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
"$(dirname "$0")/../../tools/xrun-root" -s "$suite" ${url:+-m "$url"} "$root" hello
