#!/bin/sh
# Makes an i386 Debian root for the application tests in CACHE/root/i386: packages downloaded with
# debootstrap and unpacked without running any i386 code, so that it also works where i386 does
# not run.   usage: root.sh CACHE
set -eu
root=$1/root/i386
[ -f "$root/.complete" ] && exit 0
suite=bookworm
pkgs=perl,python3-minimal,libpython3.11-testsuite,python3,git,sqlite3,openssl,xz-utils,make,gcc,libc6-dev,findutils,vim-tiny,busybox,gdb
mirror=$(sed -n 's/^URIs: *\(http[^ ]*\).*/\1/p; s/^deb  *\(\[[^]]*\] *\)\{0,1\}\(http[^ ]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*debian* 2>/dev/null | head -n 1)
rm -rf "$root"
mkdir -p "$root"
debootstrap --arch=i386 --foreign --variant=minbase --include="$pkgs" "$suite" "$root" \
    "${mirror:-http://deb.debian.org/debian}" >"$1/root/debootstrap.log" 2>&1 || {
    tail -n 5 "$1/root/debootstrap.log" >&2
    exit 1
}
for d in "$root"/var/cache/apt/archives/*.deb; do dpkg -x "$d" "$root"; done
rm -f "$root"/var/cache/apt/archives/*.deb
# what maintainer scripts would have done
[ -e "$root/bin/sh" ] || ln -s dash "$root/bin/sh"
[ -e "$root/usr/bin/awk" ] || ln -s mawk "$root/usr/bin/awk"
printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
mkdir -p "$root/xrun" "$root/tests" "$root/dev" "$root/proc" "$root/tmp"
touch "$root/.complete"
echo "made $root ($(du -sh "$root" | cut -f 1))"
