#!/bin/sh
# Sources of system call tests for tests/ltp, out of Debian's source packages into CACHE/ltp: the Open
# POSIX Test Suite (posixtestsuite, which is also a part of the Linux Test Project) and the kernel's own
# selftests (linux), with the i386 libraries that those need.   usage: ltp.sh CACHE
set -eu
cache=$1
here=$(cd "$(dirname "$0")" && pwd)
dir=$cache/ltp
[ -f "$dir/.complete" ] && exit 0
rm -rf "$dir"
mkdir -p "$dir/posix" "$dir/linux" "$dir/lib" "$dir/include/sys"
. "$here/source.sh"
download_sources "$dir" trixie posixtestsuite linux
tar xf "$dir"/apt/posixtestsuite_*.orig.tar.* -C "$dir/posix" --strip-components=1
tar xf "$dir"/apt/linux_*.orig.tar.xz -C "$dir/linux" --strip-components=1 --wildcards \
    '*/tools/testing/selftests' '*/tools/include' '*/tools/arch/x86' '*/tools/build' '*/tools/scripts' \
    '*/include' '*/scripts' '*/arch/x86' '*/lib/vdso' '*/mm/gup_test.h' '*/Makefile' '*/Kbuild'
"$here/../../tools/xrun-root" "$dir/dev" libcap-dev libcap-ng-dev libpopt-dev libnuma-dev >/dev/null
for l in cap cap-ng popt numa; do cp "$dir/dev/usr/lib/i386-linux-gnu/lib$l.a" "$dir/lib/"; done
(cd "$dir/dev/usr/include" && cp cap-ng.h popt.h numa.h numaif.h "$dir/include/" &&
    cp sys/capability.h "$dir/include/sys/")
make -C "$dir/linux" headers ARCH=i386 >"$dir/headers.log" 2>&1
rm -rf "$dir/apt" "$dir/dev"
touch "$dir/.complete"
echo "made $dir ($(du -sh "$dir" | cut -f 1))"
