#!/bin/bash
# Bad input: one clear line and the right exit status for each.   usage: badinput.sh WORK COMMAND
set -u
. "$(dirname "$0")/../lib.sh"
work=$1/bad
shift
xrun=("$@")
mkdir -p "$work"

expect() { # status, pattern of the message, argument...
    local want=$1 pattern=$2 out st
    shift 2
    out=$("${xrun[@]}" "$@" 2>&1 </dev/null)
    st=$?
    out=$(printf '%s\n' "$out" | grep -av '^qemu: uncaught')
    if [ $st = "$want" ] && { [ -z "$pattern" ] || [[ $out =~ $pattern ]]; } && [ "$(printf '%s\n' "$out" | wc -l)" -le 1 ]; then
        pass=$((pass + 1))
    else
        echo "FAIL ${*: -1}: status $st (want $want), said: $out (want: $pattern)"
        fail=$((fail + 1))
    fi
}

printf 'int main(void){return 0;}' >"$work/ok.c"
$cc -static -s -o "$work/ok" "$work/ok.c"
$cc -o "$work/dyn" "$work/ok.c"
gcc -o "$work/host" "$work/ok.c"
$cc -c -o "$work/object" "$work/ok.c" && chmod +x "$work/object"
head -c 40 "$work/ok" >"$work/short"; head -c 3000 "$work/ok" >"$work/cut"
head -c 60000 "$work/ok" >"$work/half"
: >"$work/empty"; echo text >"$work/text"; cp "$work/ok" "$work/noexec"
chmod +x "$work"/{short,cut,half,empty,text}; chmod -x "$work/noexec"
# an interpreter that does not exist
python3 - "$work/dyn" "$work/nointerp" <<'EOF'
import sys
b = open(sys.argv[1], "rb").read().replace(b"/lib/ld-linux.so.2", b"/lib/ld-missing.so")
open(sys.argv[2], "wb").write(b)
EOF
chmod +x "$work/nointerp"
python3 - "$work/ok" "$work" <<'EOF'
import struct, sys, os
b = bytearray(open(sys.argv[1], "rb").read())
phoff = struct.unpack_from("<I", b, 28)[0]
def variant(name, off, fmt, value):
    c = bytearray(b); struct.pack_into(fmt, c, off, value)
    p = os.path.join(sys.argv[2], name); open(p, "wb").write(c); os.chmod(p, 0o755)
variant("phnum", 44, "<H", 65535)
variant("phentsize", 42, "<H", 7)
variant("arm", 18, "<H", 40)
variant("memsz", phoff + 20, "<I", 0xfffffff0)
variant("filesz", phoff + 16, "<I", 0x7fffffff)
variant("vaddr", phoff + 8, "<I", 0xfffff000)
b[5] = 2
variant("mips", 18, ">H", 8)
EOF
cat >"$work/crash.c" <<'EOF'
int main(int c, char **v)
{
    switch (v[1][0]) {
    case 's': *(volatile int *)0 = 1; break;
    case 'j': ((void (*)(void))0x12345678)(); break;
    case 'u': __asm__ volatile(".byte 0x0f, 0x0b"); break;
    case 'x': __asm__ volatile(".byte 0x62, 0xf5, 0x7c, 0x48, 0x58, 0xc0"); break; /* vaddph zmm: not shown by CPUID */
    case 'd': __asm__ volatile("xorl %ecx, %ecx; divl %ecx"); break;
    }
    return 0;
}
EOF
$cc -static -O0 -w -o "$work/crash" "$work/crash.c"
printf '#!/no/such/interpreter\n' >"$work/script"
printf '#!%s/host\n' "$work" >"$work/script-host"
printf '#!' >"$work/script-none"
printf 'MZ%098d' 0 >"$work/windows"
chmod +x "$work"/{script,script-host,script-none,windows}

expect 127 '^xrun: .*missing: no such file' "$work/missing"
expect 126 '^xrun: .*directory' "$work"
expect 126 '^xrun: .*x86-64 program, not i386' "$work/host"
expect 126 '^xrun: .*is an Arm program, not i386' "$work/arm"
expect 126 '^xrun: .*is a MIPS program, not i386' "$work/mips"
expect 126 '^xrun: .*Windows program' "$work/windows"
expect 126 '^xrun: .*object file' "$work/object"
expect 126 '^xrun: .*truncated' "$work/short"
expect 126 '^xrun: .*truncated' "$work/cut"
expect 126 '^xrun: .*truncated' "$work/half"
expect 126 '^xrun: .*not an ELF program' "$work/empty"
expect 126 '^xrun: .*not an ELF program' "$work/text"
expect 126 '^xrun: .*not executable' "$work/noexec"
expect 127 '^xrun: .*/lib/ld-missing.so.*libc6:i386.*--sysroot' "$work/nointerp"
expect 126 '^xrun: .*program header' "$work/phentsize"
expect 126 '^xrun: ' "$work/phnum"
expect 126 '^xrun: .*address space' "$work/memsz"
expect 126 '^xrun: ' "$work/filesz"
expect 126 '^xrun: ' "$work/vaddr"
expect 127 '^xrun: .*/script: its interpreter /no/such/interpreter: no such file$' "$work/script"
expect 126 '^xrun: .*/script-host: its interpreter .*/host: is an .* program, not i386$' "$work/script-host"
expect 126 '^xrun: .*/script-none: its first line .* names no interpreter$' "$work/script-none"
expect 127 '^xrun: .*name is empty' ''
expect 126 '^xrun: --sysroot=.*/ok: Not a directory$' -L "$work/ok" "$work/ok"
expect 126 '^xrun: --gdbserver=.*/ok: is a file' -g "$work/ok"
expect 126 '^xrun: --kernel=new' --kernel=new "$work/ok"
expect 0 '^xrun: /dev/full: No space' --strace -o /dev/full "$work/ok"
expect 126 'unknown option' --nonsense "$work/ok"
expect 126 'unknown model.*nehalem' --cpu=z80 "$work/ok"
expect 0 '^$' "$work/ok"
expect 139 '^$' "$work/crash" s
expect 139 '^$' "$work/crash" j
expect 132 '^$' "$work/crash" u
expect 132 'unsupported instruction at .*: 62 f5 7c 48 58 c0' "$work/crash" x
expect 136 '^$' "$work/crash" d
"${xrun[@]}" --version 2>"$work/said" >/dev/full
same "status of a failed --version" 126 $?
same "what it says" "xrun: standard output: No space left on device" "$(cat "$work/said")"
# the limit of files ends the log, not the program
head -c 307100 /dev/zero >"$work/log"
(ulimit -f 300 && "${xrun[@]}" --abi-report -o "$work/log" "$work/ok") 2>"$work/said"
same "status with a log that is too large" 0 $?
same "what it says" "xrun: $work/log: File too large" "$(cat "$work/said")"
printf '#include <sys/resource.h>
int main(void) { return setrlimit(RLIMIT_FSIZE, &(struct rlimit){100, 100}); }\n' >"$work/fsize.c"
$cc -static -s -o "$work/fsize" "$work/fsize.c"
"${xrun[@]}" --abi-report -o "$work/log" "$work/fsize" 2>"$work/said"
same "status with a limit that the program sets" 0 $?
same "what it says then" "xrun: $work/log: File too large" "$(cat "$work/said")"
printf '#include <unistd.h>\nint main(void) { return write(2, "x", 1) == 1 ? 0 : 7; }\n' >"$work/say.c"
$cc -static -s -o "$work/say" "$work/say.c"
# descriptors that are closed stay so, whatever xrun opens
"${xrun[@]}" "$work/say" <&- >&- 2>&-
same "no standard descriptors" 7 $?
same "no standard input" x0 "$("${xrun[@]}" "$work/say" 2>&1 <&-; echo $?)"
finish badinput
