#!/bin/sh
# Installs the Debian packages that building and testing xrun needs, and builds a static libZydis
# (for both hosts) from Debian's source package into the cache (make deps).
# usage: deps.sh CACHE_DIR [build|test]     build: only what `make` needs
set -eu
cache=$1 what=${2:-test}
build_pkgs="gcc make libc6-dev libzydis-dev libzycore-dev libelf-dev uthash-dev zlib1g-dev dpkg-dev"
test_pkgs="gcc-i686-linux-gnu gcc-aarch64-linux-gnu libc6-dev-i386-cross libc6-dev-arm64-cross
 qemu-user debootstrap python3 gdb xz-utils"
. "$(dirname "$0")/source.sh"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

die() { # message; the errors that are in the log come first
    grep -E '^(E|Err|sudo)\b' "$log" | tail -n 8 >&2
    echo "deps.sh: $*" >&2
    exit 1
}

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
need=
command -v dpkg-query >/dev/null ||
    die "this is not Debian; install gcc, Zydis 4, libelf, zlib and uthash, then call make"
for p in $build_pkgs $([ "$what" = build ] || echo $test_pkgs); do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || need="$need $p"
done
if [ -n "$need" ]; then
    [ -z "$sudo" ] || command -v sudo >/dev/null ||
        die "there is no sudo; as root: apt-get install$need"
    echo "installing:$need"
    $sudo apt-get update -q >"$log" 2>&1 || true # some other source may be down
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qy --no-install-recommends $need \
        </dev/null >>"$log" 2>&1 || die "cannot install$need (is there a network?)"
fi
mkdir -p "$cache/src"

build_zydis() { # compiler, archiver, directory
    [ -f "$3/libZydis.a" ] && return
    src=$cache/src
    # an archive that lacks the packaging (.dsc) does: apt has compared the sources with its signed index
    (download_sources "$src" "$(. /etc/os-release && echo "${VERSION_CODENAME:-bookworm}")" zydis) >"$log" 2>&1 ||
        ls "$src"/apt/zydis_*.orig.tar.* >/dev/null 2>&1 || die "cannot get the sources of Zydis"
    rm -rf "$src/zydis" && mkdir -p "$src/zydis" "$3"
    tar xf "$src"/apt/zydis_*.orig.tar.* -C "$src/zydis" --strip-components=1
    tmp=$(mktemp -d)
    for f in "$src"/zydis/src/*.c; do
        "$1" -O2 -fPIE -DNDEBUG -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD \
            -I"$src/zydis/include" -I"$src/zydis/src" -idirafter /usr/include \
            -c "$f" -o "$tmp/$(basename "$f" .c).o"
    done
    "$2" rcs "$3/libZydis.a" "$tmp"/*.o
    rm -rf "$tmp"
    echo "built $3/libZydis.a"
}
build_zydis gcc ar "$cache/$(uname -m)"
[ "$what" = build ] && exit 0
[ "$(uname -m)" = x86_64 ] || die "the tests want an x86-64 machine"

# arm64: static libelf, and what it needs, out of the arm64 packages
build_zydis aarch64-linux-gnu-gcc aarch64-linux-gnu-ar "$cache/aarch64"
if [ ! -f "$cache/aarch64/libelf.a" ]; then
    if ! dpkg --print-foreign-architectures | grep -qx arm64; then
        echo "adding Debian's architecture arm64, to download libelf from"
        $sudo dpkg --add-architecture arm64
        $sudo apt-get update -q >"$log" 2>&1 || true
    fi
    tmp=$(mktemp -d)
    (cd "$tmp" && apt-get -o APT::Sandbox::User=root download -q libelf-dev:arm64 zlib1g-dev:arm64 \
        libzstd-dev:arm64) >>"$log" 2>&1 || die "cannot get Debian's arm64 packages"
    for d in "$tmp"/*.deb; do dpkg -x "$d" "$tmp/root"; done
    for l in elf z zstd; do cp "$tmp/root/usr/lib/aarch64-linux-gnu/lib$l.a" "$cache/aarch64/"; done
    rm -rf "$tmp"
    echo "unpacked $cache/aarch64/libelf.a"
fi
