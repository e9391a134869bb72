#!/bin/bash
# Layering: includes go one way; Zydis, libelf and uthash only where they belong; no host #ifdefs
# in shared code. Prints violations.
set -u
cd "$(dirname "$0")/../.." || exit 1
bad=0
say() { echo "$1"; bad=1; }

# folder -> folders it may include
declare -A may=(
    [core]="core" [decode]="core decode" [abi]="core abi" [elfload]="core elfload decode abi"
    [interp]="core decode abi interp" [regalloc]="core decode abi regalloc"
    [translate]="core decode abi interp regalloc translate" [syscalls]="core decode abi syscalls"
    [runtime]="core decode abi elfload interp regalloc translate syscalls runtime"
)
for dir in "${!may[@]}"; do
    while IFS=: read -r file inc; do
        [ -n "$file" ] || continue
        to=${inc%%/*}
        [ -d "$to" ] || continue
        [[ " ${may[$dir]} " == *" $to "* ]] || say "$file includes $inc"
    done < <(grep -rHoE '^#include "[^"]+"' "$dir" --include='*.[chS]' | sed 's/#include "\(.*\)"/\1/')
done
only() { # pattern, folder
    while read -r f; do [ -n "$f" ] && say "$f uses $1"; done < <(grep -rlE "#include <$1" core decode abi elfload interp regalloc translate syscalls runtime main.c --include='*.[ch]' | grep -v "^$2/")
}
only Zydis decode
only 'libelf|#include <gelf' elfload
only uthash runtime
while read -r f; do [ -n "$f" ] && say "$f tests for a host architecture"; done < <(
    grep -rlE '__(x86_64|aarch64|amd64)__' core decode abi elfload interp regalloc syscalls runtime translate main.c |
        grep -vE '^(runtime|translate)/(x86_64|aarch64)/')
exit $bad
