# Sourced by the tests that run AArch64 programs in a chroot: prepare_qemu puts qemu-aarch64 into
# $root as /xrun/qemu-aarch64.

# An emulator of the other host must be inside the root: static, or with its libraries.
prepare_qemu() {
    [ -x "$root/xrun/qemu-aarch64" ] && return
    mkdir -p "$root/xrun/lib"
    cp "$(command -v qemu-aarch64)" "$root/xrun/qemu.bin"
    ldd "$(command -v qemu-aarch64)" | sed -n 's/.* => \(\/[^ ]*\).*/\1/p' |
        while read -r l; do cp -fL "$l" "$root/xrun/lib/"; done
    mkdir -p "$root/lib64"
    cp -fL /lib64/ld-linux-x86-64.so.2 "$root/xrun/lib/ld.so"
    cat >"$root/xrun/q.c" <<'EOF'
#include <string.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv)
{
    char *v[argc + 6];
    int n = 0;
    v[n++] = "/xrun/lib/ld.so", v[n++] = "--library-path", v[n++] = "/xrun/lib";
    v[n++] = "/xrun/qemu.bin";
    for (int i = 1; i <= argc; i++)
        v[n++] = argv[i];
    execve(v[0], v, environ);
    return 127;
}
EOF
    gcc -O1 -static -o "$root/xrun/qemu-aarch64" "$root/xrun/q.c"
}
