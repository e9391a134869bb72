#!/bin/bash
# binfmt_misc for real: Debian's arm64 kernel in qemu-system-aarch64 with an initramfs of a static xrun,
# busybox and a small i386 root. A 32-bit ./prog, its child, scripts, and programs in a chroot just run.
# usage: system.sh CACHE ROOT XRUN_ARM WORK [16k]     (ROOT: an i386 root to take programs from; 16k: Debian
# trixie's kernel with pages of 16 KiB)
set -u
cache=$1 root=$2 xrun=$3 work=$4 pages=${5:-}
mkdir -p "$work"
here=$(cd "$(dirname "$0")" && pwd)
kernel=$cache/arm64-system$pages
image=linux-image-arm64 suite=bookworm
[ -z "$pages" ] || image+=-$pages suite=trixie
fetch() ( # the kernel, its module and busybox out of Debian's arm64 packages
    set -e
    [ ! -f "$kernel/.complete" ] || exit 0
    . "$here/../setup/source.sh"
    rm -rf "$kernel"
    mkdir -p "$kernel"
    foreign_apt "$kernel/apt" "$suite" arm64
    cd "$kernel/apt"
    image=$(apt-cache depends "$image" | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
    apt-get download -q "$image" busybox-static >/dev/null
    for d in *.deb; do dpkg-deb -x "$d" root; done
    cp root/boot/vmlinuz-* ../vmlinuz
    find root -path '*bin/busybox' -exec cp {} .. \;
    find root -name 'binfmt_misc.ko*' -exec cp {} .. \;
    [ ! -f ../binfmt_misc.ko.xz ] || xz -d ../binfmt_misc.ko.xz
    cd ..
    rm -rf apt
    touch .complete
)

fail() {
    echo "$1"
    echo "binfmt-system: 0 passed, 1 failed, 0 skipped"
    exit 1
}

for t in qemu-system-aarch64 cpio; do
    command -v $t >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
        qemu-system-arm cpio >/dev/null || fail "cannot install $t"
done
fetch # not `fetch ||`: then set -e means nothing
[ -f "$kernel/.complete" ] || fail "cannot get Debian's arm64 kernel"
dir=$work/initramfs
rm -rf "$dir"
mkdir -p "$dir"/{bin,proc,sys,dev,tmp,usr/bin} "$dir"/i386/{bin,etc,lib,usr/lib,proc}
cp "$kernel/busybox" "$dir/bin/" && cp "$xrun" "$dir/usr/bin/xrun" && cp "$kernel/binfmt_misc.ko" "$dir/"
install -m 755 "$here/init" "$dir/init"
"${GUEST_CC:-i686-linux-gnu-gcc}" -static -O1 -o "$dir/prog" "$here/prog.c" || fail "no i386 compiler"
printf '#!/prog from the script\n' >"$dir/script"
cp -L "$root"/bin/{dash,cat,ls,uname} "$dir/i386/bin/"
ln -s dash "$dir/i386/bin/sh"
ldd_i386() { # the libraries that these want, wherever the root has them
    local l
    for l in libc.so.6 libselinux.so.1 libpcre2-8.so.0; do
        find "$root/lib" "$root/usr/lib" -name "$l" | head -n 1 | xargs -r -I{} cp -L {} "$dir/i386/lib/"
    done
    find "$root/lib" "$root/usr/lib" -name 'ld-linux.so.2' | head -n 1 | xargs -I{} cp -L {} "$dir/i386/lib/ld-linux.so.2"
}
ldd_i386
echo i386-root >"$dir/i386/etc/hostname"
printf '#!/bin/sh\nuname -m\nexit 3\n' >"$dir/i386/script2"
chmod 755 "$dir/script" "$dir/i386/script2"
(cd "$dir" && find . -print0 | cpio -0 -o -H newc --quiet --owner 0:0 | gzip -1) >"$work/initramfs.gz"
timeout -k 5 "${LIMIT:-600}" qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -m 1024 -smp 1 -display none -net none \
    -monitor none -serial stdio -no-reboot -kernel "$kernel/vmlinuz" -initrd "$work/initramfs.gz" \
    -append "console=ttyAMA0 quiet loglevel=1 panic=-1 rdinit=/init" </dev/null 2>&1 | tr -d '\r' >"$work/console"
sed -n '/^begin$/,/^end$/p' "$work/console" >"$work/output"
[ -n "${RECORD:-}" ] && cp "$work/output" "$here/expected"
if diff "$here/expected" "$work/output" >"$work/diff"; then
    echo "binfmt-system: 1 passed, 0 failed, 0 skipped"
else
    cat "$work/diff"
    tail -n 5 "$work/console"
    fail "differs"
fi
