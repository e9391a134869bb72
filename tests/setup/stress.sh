#!/bin/sh
# What the stress tests need, all in CACHE and without running i386 code: `stress-ng`: a small i386
# root with stress-ng and its libraries out of Debian's packages (CACHE/root/stress); `glibc`: the
# C library's own tests out of the glibc source package (CACHE/glibc).
# usage: stress.sh CACHE stress-ng|glibc
set -eu
cache=$1 what=$2
suite=bookworm
. "$(dirname "$0")/source.sh"

make_root() {
    root=$cache/root/stress
    [ -f "$root/.complete" ] && return
    apt=$cache/root/stress.apt
    rm -rf "$root" "$apt"
    mkdir -p "$root"
    foreign_apt "$apt" $suite i386
    pkgs=$(apt-get install -s --no-install-recommends stress-ng dash coreutils |
        sed -n 's/^Inst \([^ ]*\) .*/\1/p')
    (cd "$apt" && apt-get download -q $pkgs >/dev/null)
    for d in "$apt"/*.deb; do dpkg -x "$d" "$root"; done
    rm -rf "$apt"
    [ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
    printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' >"$root/etc/passwd"
    printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
    printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
    mkdir -p "$root/xrun" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/tests"
    chmod 1777 "$root/tmp" "$root/tests"
    touch "$root/.complete"
    echo "made $root ($(du -sh "$root" | cut -f 1))"
}

unpack_glibc() {
    [ -f "$cache/glibc/.complete" ] && return
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    download_sources "$tmp" $suite glibc
    rm -rf "$cache/glibc"
    mkdir -p "$cache/glibc"
    tar xf "$tmp"/apt/glibc_*.orig.tar.* -C "$cache/glibc" --strip-components=1
    touch "$cache/glibc/.complete"
    echo "unpacked $cache/glibc"
}

case $what in
stress-ng) make_root ;;
glibc) unpack_glibc ;;
*) echo "stress.sh: stress-ng or glibc" >&2; exit 2 ;;
esac
