#!/bin/sh
# Installs the Debian packages that building and testing xrun needs, and builds a static libZydis
# for both hosts from Debian's source package into the cache (make deps).
# usage: deps.sh CACHE_DIR [build|test]     build: only what `make` needs
set -eu
cache=$1 what=${2:-test}
build_pkgs="gcc make libc6-dev pkg-config libzydis-dev libzycore-dev libelf-dev uthash-dev zlib1g-dev dpkg-dev"
test_pkgs="gcc-i686-linux-gnu gcc-aarch64-linux-gnu libc6-dev-i386-cross libc6-dev-arm64-cross
 qemu-user debootstrap python3 gdb xz-utils"
need=
for p in $build_pkgs $([ "$what" = build ] || echo $test_pkgs); do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || need="$need $p"
done
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
if [ -n "$need" ]; then
    echo "installing:$need"
    $sudo apt-get update -q >/dev/null 2>&1 || true
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qy --no-install-recommends $need >/dev/null
fi
mkdir -p "$cache/src"

# apt with source indexes of its own, so that the system's sources.list need not have them
apt_src() {
    mirror=$(apt-cache policy libzydis-dev | sed -n 's/^ *[0-9]* \(http[^ ]*\) .*/\1/p' | head -n 1)
    suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")
    mkdir -p "$cache/src/lists/partial"
    echo "deb-src ${mirror:-http://deb.debian.org/debian} $suite main" >"$cache/src/sources.list"
    opts="-o Dir::Etc::sourcelist=$cache/src/sources.list -o Dir::Etc::sourceparts=-
 -o Dir::State::Lists=$cache/src/lists -o APT::Sandbox::User=root"
    apt-get $opts update -q >/dev/null
    (cd "$cache/src" && apt-get $opts source -q --download-only "$@" >/dev/null)
}

build_zydis() { # compiler, archiver, directory
    [ -f "$3/libZydis.a" ] && return
    if ! ls "$cache"/src/zydis_*.orig.tar.* >/dev/null 2>&1; then apt_src zydis; fi
    rm -rf "$cache/src/zydis" && mkdir -p "$cache/src/zydis" "$3"
    tar xf "$cache"/src/zydis_*.orig.tar.* -C "$cache/src/zydis" --strip-components=1
    tmp=$(mktemp -d)
    for f in "$cache"/src/zydis/src/*.c; do
        "$1" -O2 -fPIE -DNDEBUG -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD \
            -I"$cache/src/zydis/include" -I"$cache/src/zydis/src" -idirafter /usr/include \
            -c "$f" -o "$tmp/$(basename "$f" .c).o"
    done
    "$2" rcs "$3/libZydis.a" "$tmp"/*.o
    rm -rf "$tmp"
    echo "built $3/libZydis.a"
}
build_zydis gcc ar "$cache/x86_64"
[ "$what" = build ] && exit 0

# arm64: static libelf and zlib out of the arm64 packages
build_zydis aarch64-linux-gnu-gcc aarch64-linux-gnu-ar "$cache/aarch64"
if [ ! -f "$cache/aarch64/libelf.a" ]; then
    if ! dpkg --print-foreign-architectures | grep -qx arm64; then
        $sudo dpkg --add-architecture arm64
        $sudo apt-get update -q >/dev/null 2>&1 || true
    fi
    tmp=$(mktemp -d)
    (cd "$tmp" && apt-get -o APT::Sandbox::User=root download -q libelf-dev:arm64 zlib1g-dev:arm64 >/dev/null
     for d in *.deb; do dpkg -x "$d" root; done)
    cp "$tmp"/root/usr/lib/aarch64-linux-gnu/libelf.a "$tmp"/root/usr/lib/aarch64-linux-gnu/libz.a \
        "$cache/aarch64/"
    rm -rf "$tmp"
    echo "unpacked $cache/aarch64/libelf.a"
fi
