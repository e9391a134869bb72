#!/bin/sh
# strace and its own tests out of Debian's source package, built for i386, for tests/strace: CACHE/strace.
# usage: strace.sh CACHE
set -eu
cache=$1
here=$(cd "$(dirname "$0")" && pwd)
dir=$cache/strace
[ -f "$dir/.complete" ] && exit 0
rm -rf "$dir"
mkdir -p "$dir/src" "$dir/build"
. "$here/source.sh"
download_sources "$dir" bookworm strace
tar xf "$dir"/apt/strace_*.orig.tar.xz -C "$dir/src" --strip-components=1
cd "$dir/build"
../src/configure --host=i686-linux-gnu --enable-mpers=no --disable-gcc-Werror --enable-bundled=yes \
    CFLAGS="-O1 -g0 -w" LDFLAGS=-static >configure.log 2>&1
make -j2 -C bundled >build.log 2>&1
make -j2 -C src >>build.log 2>&1
make -j2 -C tests libtests.a >>build.log 2>&1
helpers="set_ptracer_any sleep attach-f-p-cmd attach-p-cmd-cmd attach-p-cmd-p block_reset_raise_run
 net-accept-connect umovestr"
for t in $(sed 's/#.*//' "$here/../strace/tests") $helpers; do # some are scripts only
    [ ! -f "../src/tests/$t.c" ] || make -C tests "$t" >>build.log 2>&1
done
rm -rf "$dir/apt"
touch "$dir/.complete"
echo "made $dir ($(du -sh "$dir" | cut -f 1))"
