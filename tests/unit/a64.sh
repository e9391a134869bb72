#!/bin/sh
# Compares every form that the AArch64 encoder's test lists with what the assembler makes of its
# text.   usage: a64.sh DIR COMMAND...     COMMAND: the unit test a64, perhaps under qemu
set -eu
dir=$1
shift
tools=aarch64-linux-gnu
mkdir -p "$dir"
"$@" --list >"$dir/list"
{
    echo '.arch armv8.6-a+crypto+fp16+rng'
    cut -f 2 "$dir/list"
} >"$dir/list.s"
fail() {
    echo "$1"
    echo "a64 encodings: 0 passed, 1 failed, 0 skipped"
    exit 1
}
$tools-as -o "$dir/list.o" "$dir/list.s" 2>"$dir/log" || fail "$(sed -n 1,20p "$dir/log")"
# A word that the linker would complete is none to compare with.
if $tools-objdump -r "$dir/list.o" | grep -q R_AARCH64; then fail "relocations"; fi
$tools-objcopy -O binary -j .text "$dir/list.o" "$dir/list.bin"
od -A n -v -t x4 -w4 "$dir/list.bin" | tr -d ' ' >"$dir/words"
paste "$dir/words" "$dir/list" | awk -F '\t' '
    $1 == $2 { passed++; next }
    { failed++; if (failed <= 20) printf "%s: emitted %s, the assembler makes %s\n", $3, $2, $1 }
    END {
        printf "a64 encodings: %d passed, %d failed, 0 skipped\n", passed, failed
        exit failed > 0 || passed < 20000
    }'
