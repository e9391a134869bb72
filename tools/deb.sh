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
$strip --remove-section=.comment --remove-section=.note "$root/usr/bin/xrun"
gzip -9n "$root"/usr/share/man/man1/*.1
doc=$root/usr/share/doc/xrun
who=$(git log -1 --format="%an <%ae>" 2>/dev/null || echo "xrun maintainers <xrun@localhost>")
printf 'xrun (%s) unstable; urgency=medium\n\n  * Package made by `make deb`.\n\n -- %s  %s\n' \
    "$version" "$who" "$(date -R -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")" | gzip -9n >"$doc/changelog.gz"
# The program is static: what it is linked with is in the package, and its licences have to be, too.
{
    if [ -e LICENSE ]; then
        cat LICENSE
    else
        echo "xrun: Copyright 2026, those whom the history of its sources names."
        echo "The sources that this package was made from came without a LICENSE file."
    fi
    printf '\nusr/bin/xrun is linked statically with the libraries whose copyright follows, and with libgcc\n'
    printf '(GPL-3 with the GCC Runtime Library Exception, /usr/share/common-licenses/GPL-3).\n'
    for p in libzydis-dev libelf-dev uthash-dev zlib1g-dev libzstd-dev libc6-dev; do
        [ -e /usr/share/doc/$p/copyright ] || continue
        printf '\n======== Debian package %s ========\n\n' $p
        cat /usr/share/doc/$p/copyright
    done
} >"$doc/copyright"
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
# No kernel of Arm runs i386 programs itself: there the package registers xrun. Elsewhere that is for
# the user to say (see xrun(1)). The kernel keeps the file it has opened: an upgrade registers anew.
if [ $arch = arm64 ]; then
    mkdir -p "$root/usr/lib/binfmt.d"
    mv "$root/usr/share/xrun/xrun-i386.conf" "$root/usr/lib/binfmt.d/"
    rmdir "$root/usr/share/xrun"
    cat >"$root/DEBIAN/postinst" <<'END'
#!/bin/sh
set -e
if [ "$1" = configure ] && [ -w /proc/sys/fs/binfmt_misc/register ]; then
    force=
    ! xrun --binfmt unregister 2>/dev/null || force=--force # it was, so it will be
    xrun --binfmt register $force || true # something else may run i386 programs already
fi
END
    cat >"$root/DEBIAN/prerm" <<'END'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -w /proc/sys/fs/binfmt_misc/xrun-i386 ]; then
    xrun --binfmt unregister || true
fi
END
    chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm"
fi
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort | xargs md5sum >DEBIAN/md5sums)
chmod -R u+rwX,go=rX "$root"
dpkg-deb --root-owner-group --build "$root" "$build/xrun_${version}_$arch.deb"
