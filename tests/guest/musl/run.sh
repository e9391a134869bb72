#!/bin/bash
# A program of another C library (musl), static and dynamic: the same as natively.
# usage: run.sh ROOT WORK NAME=COMMAND...   ROOT: that of tests/setup/debug.sh
set -u
. "$(dirname "$0")/../../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
root=$1 work=$2
shift 2
mkdir -p "$work"
lib=$root/usr/lib/i386-linux-musl
compile() { # output, linker options...
    local out=$1
    shift
    $cc -O1 -w -D_GNU_SOURCE -nostdinc -isystem "$root/usr/include/i386-linux-musl" -isystem "$($cc -print-file-name=include)" \
        -fno-stack-protector -fno-pie -no-pie -nostdlib -L "$lib" -o "$out" "$@" "$lib/crt1.o" "$lib/crti.o" "$here/prog.c" -lc -lgcc -lc "$lib/crtn.o"
}
compile "$work/static" -static && compile "$work/dynamic" -Wl,--dynamic-linker=/lib/ld-musl-i386.so.1 || exit 1
expected=$here/expected
if "$work/static" child >/dev/null 2>&1; [ $? = 9 ]; then
    (cd "$work" && timeout 300 ./static; echo "exit $?") >"$work/native" 2>&1 </dev/null
    [ -n "${RECORD:-}" ] && cp "$work/native" "$expected"
    diff "$expected" "$work/native" >"$work/diff"
    result $? "musl: hardware differs from what is expected" "$work/diff"
fi

for kind in static dynamic; do
    for r in "$@"; do
        name=${r%%=*}
        (cd "$work" && timeout -k 5 300 ${r#*=} -L "$root" "./$kind"; echo "exit $?") 2>&1 </dev/null |
            grep -av '^qemu: uncaught target signal' | diff "$expected" - >"$work/diff"
        result $? "musl $kind $name" "$work/diff"
    done
done
finish musl
