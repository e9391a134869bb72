#!/bin/sh
# A Debian package of xrun for HOST, in BUILD/.   usage: deb.sh BUILD HOST VERSION
set -eu
build=$1 host=$2 version=$3
arch=amd64
[ "$host" = aarch64 ] && arch=arm64
root=$build/deb-$arch
rm -rf "$root"
make --no-print-directory BUILD="$build" HOST="$host" PREFIX=/usr DESTDIR="$root" install >/dev/null
strip=strip
[ "$host" = "$(uname -m)" ] || strip=$host-linux-gnu-strip
$strip "$root/usr/bin/xrun"
gzip -9n "$root"/usr/share/man/man1/*.1
doc=$root/usr/share/doc/xrun
who=$(git log -1 --format="%an <%ae>" 2>/dev/null || echo "xrun maintainers <xrun@localhost>")
printf 'xrun (%s) unstable; urgency=medium\n\n  * Package made by `make deb`.\n\n -- %s  %s\n' \
    "$version" "$who" "$(date -R -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")" | gzip -9n >"$doc/changelog.gz"
if [ -e LICENSE ]; then cp LICENSE "$doc/copyright"; else printf 'The sources that this package was made from came without a LICENSE file.\n' >"$doc/copyright"; fi
# It has to run in any chroot, so it is static: no shared library, zlib (of libelf) inside.
mkdir -p "$root/DEBIAN" "$root/usr/share/lintian/overrides"
printf 'xrun: %s\n' 'embedded-library zlib *' 'shared-library-lacks-prerequisites *' \
    >"$root/usr/share/lintian/overrides/xrun"
libs=
ldd "$root/usr/bin/xrun" 2>/dev/null | grep -q 'libc\.so' && libs="Depends: libc6, libelf1, libzydis4.0
"
cat >"$root/DEBIAN/control" <<END
Package: xrun
Version: $version
Architecture: $arch
Maintainer: $who
Installed-Size: $(du -sk --exclude=DEBIAN "$root" | cut -f 1)
Section: otherosfs
Priority: optional
${libs}Suggests: apt
Description: run 32-bit x86 Linux programs
 A process virtual machine that runs unmodified i386 Linux programs on
 64-bit x86 and Arm hosts, with exact system calls, signals, threads and
 floating point. It is one static program; a command to make an i386 root
 from packages comes with it.
END
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort | xargs md5sum >DEBIAN/md5sums)
chmod -R u+rwX,go=rX "$root"
dpkg-deb --root-owner-group --build "$root" "$build/xrun_${version}_$arch.deb"
