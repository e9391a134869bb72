#!/bin/sh
# What the stress tests need, all in CACHE and without running i386 code: `stress-ng`: a small i386
# root with stress-ng and its libraries out of Debian's packages (CACHE/root/stress); `glibc`: the
# C library's own tests out of the glibc source package (CACHE/glibc).
# usage: stress.sh CACHE stress-ng|glibc
set -eu
cache=$1 what=$2
suite=bookworm
mirror=$(apt-cache policy libc6 | sed -n 's/^ *[0-9]* \(http[^ ]*\) [a-z]*\/main .*/\1/p' | head -n 1)
mirror=${mirror:-http://deb.debian.org/debian}

make_root() {
    root=$cache/root/stress
    [ -f "$root/.complete" ] && return
    apt=$cache/root/stress.apt
    rm -rf "$root" "$apt"
    mkdir -p "$apt/lists/partial" "$root"
    echo "deb [arch=i386 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$apt/sources.list"
    opts="-o Dir::Etc::sourcelist=$apt/sources.list -o Dir::Etc::sourceparts=-
 -o Dir::State::Lists=$apt/lists -o APT::Architecture=i386 -o APT::Architectures=i386
 -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -o Dir::Cache=$apt"
    apt-get $opts update -q >/dev/null
    pkgs=$(apt-get $opts install -s --no-install-recommends stress-ng dash coreutils |
        sed -n 's/^Inst \([^ ]*\) .*/\1/p')
    (cd "$apt" && apt-get $opts download -q $pkgs >/dev/null)
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
    mkdir -p "$cache/src/lists/partial"
    [ -f "$cache/src/sources.list" ] || echo "deb-src $mirror $suite main" >"$cache/src/sources.list"
    opts="-o Dir::Etc::sourcelist=$cache/src/sources.list -o Dir::Etc::sourceparts=-
 -o Dir::State::Lists=$cache/src/lists -o APT::Sandbox::User=root"
    apt-get $opts update -q >/dev/null
    (cd "$tmp" && apt-get $opts source -q --download-only glibc >/dev/null)
    rm -rf "$cache/glibc"
    mkdir -p "$cache/glibc"
    tar xf "$tmp"/glibc_*.orig.tar.* -C "$cache/glibc" --strip-components=1
    touch "$cache/glibc/.complete"
    echo "unpacked $cache/glibc"
}

case $what in
stress-ng) make_root ;;
glibc) unpack_glibc ;;
*) echo "stress.sh: stress-ng or glibc" >&2; exit 2 ;;
esac
