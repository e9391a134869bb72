#!/bin/bash
# Options, environment, configuration files, and that manual and completion know every option.
# usage: run.sh WORK XRUN
set -u
. "$(dirname "$0")/../lib.sh"
cd "$(dirname "$0")/../.." || exit 1
xrun=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
mkdir -p "$1" && work=$(cd "$1" && pwd)
${GUEST_CC:-i686-linux-gnu-gcc} -static -O1 -o "$work/prog" -x c - <<'END'
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    unsigned a, b, c, d;
    __asm__("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(0));
    printf("%u", a > 2 ? 3 : a);
    fflush(stdout);
    if (argc == 2 && !fork())
        execl(argv[1], argv[1], NULL);
    wait(NULL);
}
END
cp "$work/prog" "$work/other"
run() { env -i HOME="$work" "$@" 2>&1; } # prints 1, 2 or 3 by --cpu=pentium, pentium3, max
cat >"$work/conf" <<END
# a comment
cpu = pentium3

[pro*]
  cpu=pentium
[*/nothing]
cpu = nonsense
END
same "no configuration" 3 "$(run "$xrun" "$work/prog")"
same "section" 1 "$(run "$xrun" --config="$work/conf" "$work/prog")"
same "no section" 2 "$(run "$xrun" --config="$work/conf" "$work/other")"
same "named by the environment" 1 "$(run XRUN_CONFIG="$work/conf" "$xrun" "$work/prog")"
same "the environment comes first" 2 "$(run XRUN_CPU=pentium3 "$xrun" --config="$work/conf" "$work/prog")"
same "the command line comes first" 2 "$(run XRUN_CPU=max "$xrun" --cpu=pentium3 --config="$work/conf" "$work/prog")"
same "children have the same" 11 "$(run "$xrun" --config="$work/conf" "$work/prog" "$work/other")"
mkdir -p "$work/.config" && cp "$work/conf" "$work/.config/xrun.conf"
same "the user's file" 1 "$(run "$xrun" "$work/prog")"
rm "$work/.config/xrun.conf"
echo "nonsense = 1" >"$work/bad"
same "unknown option" "xrun: $work/bad:1: no option nonsense 126" "$(run "$xrun" --config="$work/bad" "$work/prog" | tr "\n" " "; echo "${PIPESTATUS[0]}")"
same "exit status of a bad option" 126 "$(run "$xrun" --nonsense "$work/prog" >/dev/null; echo $?)"
same "exit status of no program" 127 "$(run "$xrun" "$work/nowhere" >/dev/null; echo $?)"
same "words with and without a value" 2 "$(run "$xrun" --strace --strace=uname -c -o /dev/null --cpu=pentium3 "$work/prog")"
${GUEST_CC:-i686-linux-gnu-gcc} -static -O1 -w -D_GNU_SOURCE -o "$work/kernel" -x c - <<'END'
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
int main(void)
{
    struct utsname u;
    char release[99] = "", version[99] = "";
    uname(&u);
    read(open("/proc/sys/kernel/osrelease", O_RDONLY), release, 98);
    read(open("/proc/version", O_RDONLY), version, 98);
    *strchrnul(release, '\n') = *strchrnul(version, '(') = 0;
    printf("%s %s %s", u.release, release, version);
    syscall(355, version, 1, 0); /* getrandom, 3.17 */
    printf("%d ", errno == ENOSYS);
    errno = 0;
    syscall(348, 0, 0, 0, 0, 0, 0); /* process_vm_writev, 3.2 */
    printf("%d\n", errno == ENOSYS);
}
END
same "--kernel" "3.10.0 3.10.0 Linux version 3.10.0 1 0" "$(run "$xrun" --kernel=3.10.0 "$work/kernel")"
same "--kernel, older" "2.6.32-5 2.6.32-5 Linux version 2.6.32-5 1 1" "$(run "$xrun" --kernel=2.6.32-5 "$work/kernel")"
same "--kernel, newer" "99.0 99.0 Linux version 99.0 0 0" "$(run "$xrun" --kernel=99.0 "$work/kernel")"
printf 'void _start(void) { __asm__("int $0x80" : : "a"(1), "b"(127)); }' >"$work/end.c"
echo 'int nothing;' >"$work/lib.c"
cc=${GUEST_CC:-i686-linux-gnu-gcc}
$cc -nostdlib -shared -fPIC -Wl,-soname,libstdc++.so.5 -o "$work/libstdc++.so.5" "$work/lib.c"
$cc -nostdlib -no-pie -Wl,--no-as-needed -Wl,--dynamic-linker="$work/ld" -o "$work/end" "$work/end.c" "$work/libstdc++.so.5"
$cc -nostdlib -static-pie -o "$work/ld" "$work/end.c" 2>/dev/null
same "hint" "xrun: library: libstdc++.so.5 is missing, wanted by end; Debian package libstdc++5:i386" "$(run "$xrun" -L "$work" "$work/end" | grep "libstdc" | head -n 1)"
names=$("$xrun" --help | sed -n 's/^ *\(-., \)\{0,1\}--\([a-z0-9-]*\).*/\2/p')
manual=$(sed 's/\\-/-/g' docs/xrun.1)
same "options that the manual lacks" "" "$(for o in $names; do grep -q -e "--$o\b" <<<"$manual" || echo "$o"; done)"
same "completion" "--strace --strace-count --strace-spent --strace-strings --strace-time" "$(PATH=$(dirname "$xrun"):$PATH bash -c '
    . tools/xrun.bash-completion; COMP_WORDS=(xrun --strace) COMP_CWORD=1; _xrun; printf "%s\n" "${COMPREPLY[@]}"' | sort | tr '\n' ' ' | sed 's/ $//')"
same "completion of values" "pentium pentium3 pentium4 json" "$(PATH=$(dirname "$xrun"):$PATH bash -c '
    . tools/xrun.bash-completion; try() { COMP_WORDS=(xrun "$@"); COMP_CWORD=$#; _xrun; echo "${COMPREPLY[@]}"; }
    try --cpu pen; try --strace = file --abi-report = js' | tr '\n' ' ' | sed 's/ $//')"
finish options
