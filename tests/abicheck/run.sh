#!/bin/bash
# xrun --abi-check: programs that lack something, each in its own way; where ld.so of the i386 root can
# be asked it must agree on which libraries are found.   usage: run.sh WORK XRUN [ROOT]
set -u
mkdir -p "$1" && work=$(cd "$1" && pwd)
xrun=$2 root=${3:-}
cc=${GUEST_CC:-i686-linux-gnu-gcc}
pass=0 fail=0
has() { # name, exit status, line that the output must have
    timeout 60 $xrun --abi-check "$work/bin/$1" >"$work/out" 2>&1
    local st=$?
    if [[ $2 = any || $st = "$2" ]] && grep -qE "$3" "$work/out"; then pass=$((pass + 1)); return; fi
    fail=$((fail + 1))
    echo "FAIL $1: exit $st, expected $2 and: $3"
    cat "$work/out"
}
rm -rf "$work/bin" "$work/lib" "$work/root"
mkdir -p "$work/bin" "$work/lib"
cd "$work" || exit 1
plain="-nostdlib -fno-builtin -fPIC -O1"
echo 'void _start(void) { __asm__("int $0x80" : : "a"(1), "b"(0)); }' >static.c
echo 'int one(void) { return 1; } int two(void) { return 2; }' >lib.c
echo 'int one(void); int two(void); void _start(void) { __asm__("int $0x80" : : "a"(1), "b"(one() + two())); }' >prog.c
printf 'V_1 { global: one; };\nV_2 { global: two; } V_1;\n' >new.map
printf 'V_1 { global: one; two; };\n' >old.map
printf 'V_1 { global: one; local: *; };\n' >less.map
$cc $plain -static -o bin/static static.c
$cc $plain -shared -Wl,-soname,libt.so.1 -Wl,--version-script=new.map -o lib/libt.so.1 lib.c
$cc $plain -o bin/good prog.c lib/libt.so.1 -Wl,-rpath,'$ORIGIN/../lib' -Wl,--dynamic-linker=/lib/none
$cc $plain -o bin/good2 prog.c lib/libt.so.1 -Wl,-rpath,'$ORIGIN/../lib' -Wl,--disable-new-dtags -Wl,--dynamic-linker=/lib/ld-linux.so.2
$cc $plain -o bin/good3 prog.c lib/libt.so.1 -Wl,-rpath,'$ORIGIN/../lib' -Wl,--dynamic-linker="$work/lib/libt.so.1"
$cc $plain -o bin/nolib prog.c lib/libt.so.1
has static 0 'interpreter +none: a static program'
has static 0 'result +nothing is missing'
has good 1 'interpreter +MISSING: /lib/none is missing'
has good 1 "library +libt.so.1: $work/bin/../lib/libt.so.1"
has good2 any "library +libt.so.1: $work/bin/../lib/libt.so.1"
has nolib 1 'library +MISSING: libt.so.1 is missing, wanted by nolib'
mkdir -p root/etc/ld.so.conf.d root/opt/l # a root has lists of its own
echo 'include /etc/ld.so.conf.d/*.conf' >root/etc/ld.so.conf
echo /opt/l >root/etc/ld.so.conf.d/l.conf
cp lib/libt.so.1 root/opt/l/
xrun="$xrun -L $work/root" has nolib any 'library +libt.so.1: /opt/l/libt.so.1'
$cc $plain -shared -Wl,-soname,libt.so.1 -Wl,--version-script=old.map -o lib/libt.so.1 lib.c
has good 1 'version +MISSING: V_2 of libt.so.1 is missing, wanted by good: .* is too old'
printf 'V_1 { global: one; };\nV_2 { global: other; } V_1;\n' >new.map
$cc $plain -shared -Wl,-soname,libt.so.1 -Wl,--version-script=new.map -Dtwo=other -o lib/libt.so.1 lib.c
has good3 1 'symbol +MISSING: two is defined nowhere, wanted by good3'
printf 'V\177ELF' >bin/junk
chmod +x bin/junk
has junk 1 'program +MISSING: not an ELF program'
head -c 100 bin/good >bin/cut
has cut 1 'program +MISSING: truncated'
has nowhere 1 'program +MISSING: no such file'
mkfifo bin/pipe # nobody writes into it
chmod +x bin/pipe
has pipe 1 'program +MISSING: not a regular file'
mv lib/libt.so.1 lib/kept
mkfifo lib/libt.so.1
has good 1 'library +MISSING: libt.so.1 is missing'
mv lib/kept lib/libt.so.1
for i in 40 52 60 200 400 900; do # a damaged file must not hurt
    cp bin/good bin/bad
    printf '\377\377\377\177' | dd of=bin/bad bs=1 seek="$i" conv=notrunc 2>/dev/null
    timeout 300 $xrun --abi-check bin/bad >/dev/null 2>&1
    [ $? -le 1 ] && pass=$((pass + 1)) || { fail=$((fail + 1)); echo "FAIL damaged at $i: exit $?"; }
done
if [ -n "$root" ]; then
    for p in /bin/bash /usr/bin/git /usr/bin/openssl /usr/bin/gdb; do
        $xrun -L "$root" --abi-check "$p" 2>/dev/null | sed -n 's/^library *\([^: ]*\): /\1 /p' | grep -v '^ld-linux' | sort >ours
        $xrun -L "$root" /lib/ld-linux.so.2 --list "$p" 2>/dev/null | sed -n 's/^\t\([^ ]*\) => \(.*\) (0x.*/\1 \2/p' | sort >theirs
        [ -s theirs ] || $xrun -L "$root" --abi-check "$p" | grep -q 'library *MISSING' && { pass=$((pass + 1)); continue; }
        if diff ours theirs >diff; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "FAIL $p: not what ld.so finds"; cat diff; fi
    done
fi
echo "abi-check: $pass passed, $fail failed, 0 skipped"
[ $fail = 0 ]
