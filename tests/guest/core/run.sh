#!/bin/bash
# Core files: a crashing guest under every xrun given; what gdb and readelf find in its core must equal
# what they find in the core of the same program run natively (core.expected, RECORD=1).
# usage: run.sh WORK NAME=COMMAND...
set -u
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
shift
cc=${GUEST_CC:-i686-linux-gnu-gcc}
pass=0 fail=0

if ! command -v gdb >/dev/null || grep -q '^|\|/' /proc/sys/kernel/core_pattern; then
    echo "core: no gdb, or the kernel gives cores to a program or another directory"
    echo "core: 0 passed, 0 failed, 1 skipped"
    exit 0
fi
if ! (ulimit -c unlimited) 2>/dev/null; then
    echo "core: the limit of core files cannot be raised"
    echo "core: 0 passed, 0 failed, 1 skipped"
    exit 0
fi
$cc -static -O1 -g -fno-omit-frame-pointer -w -pthread -D_GNU_SOURCE -o "$work/crash" "$here/crash.c" || exit 1

status() { # the wait status of a command
    python3 -c 'import os, sys
p = os.fork()
if p == 0: os.execvp(sys.argv[1], sys.argv[1:])
s = os.waitpid(p, 0)[1]
print("signal", os.WTERMSIG(s), "core flag" if os.WCOREDUMP(s) else "no core flag")' "$@" 2>/dev/null
}

look() { # core file -> what is in it, without addresses that vary
    gdb -batch -nx -ex 'bt' -ex 'p data' -ex 'p (char *)constant' -ex 'p tls' -ex 'p (char *)(anon + 0x2000)' \
        -ex 'p none' -ex 'x/s none' -ex 'p/x $eax' \
        -ex "p \$_siginfo.si_signo != 11 || \$ecx == 0x22 && \$esi == 0x44 && \$edi == 0x55" -ex 'p/x $edx' \
        -ex 'p/x $eflags & 0x10401' -ex 'p $cs' -ex 'p $ss' -ex 'p $ds' -ex 'p $orig_eax' -ex 'x/i $eip' \
        -ex 'p $_siginfo.si_signo' -ex 'p $_siginfo.si_code' -ex 'p $_siginfo._sifields._kill.si_pid == (int)$_siginfo._sifields._sigfault.si_addr' \
        -ex 'p $_siginfo.si_signo != 11 || $_siginfo._sifields._sigfault.si_addr == 0x1234' \
        "$work/crash" "$1" 2>&1 |
        grep -E '^(#|\$|=>|Program term|0x)' | sed -E 's/0x[f][0-9a-f]{7}/ADDR/g; s/argv=[^)]*/argv=/; s/^ADDR *:/none:/; s/ at .*crash\.c/ at crash.c/; s/(__kernel_vsyscall)\+[0-9]+>:.*/\1>/'
    gdb -batch -nx -ex 'thread apply all -q -s bt 20' -ex 'thread apply all -q -s p tls' "$work/crash" "$1" 2>&1 |
        grep -E '^(#.* (spinner|sleeper|main|fault|start_thread)|\$)' | sed -E 's/^#[0-9]+ +(0x[0-9a-f]+ in )?//; s/\$[0-9]+/tls/; s/ADDR//; s/argv=[^)]*//; s/ at .*crash\.c/ at crash.c/' | sort | uniq -c
    readelf -hW "$1" 2>/dev/null | grep -E 'Class|Type|Machine'
    readelf -nW "$1" 2>/dev/null | awk '{ print $1, $2, $3 }' |
        grep -E '^(CORE|LINUX) .*NT_(PRSTATUS|PRPSINFO|SIGINFO|FILE|PRFPREG|PRXFPREG|386_TLS)' |
        sed -E 's/(NT_FILE).*/\1/; s/0x[0-9a-f]+ NT_FILE/NT_FILE/' | sort | uniq -c
}

each() { # name, command: every way to die
    local name=$1 how
    shift
    for how in fault abort quit term "fault threads"; do
        rm -rf "$work/dir" && mkdir "$work/dir" && cd "$work/dir" || exit 1
        echo "== $how"
        (ulimit -c unlimited; status "$@" "$work/crash" $how)
        if [ -f core ]; then mv core c; elif ls core.* >/dev/null 2>&1; then mv core.* c; fi
        if [ -f c ]; then look c; else echo "no core"; fi
    done
    echo "== limits"
    rm -f c core*
    (ulimit -c 0; status "$@" "$work/crash" fault; ls)
    (ulimit -c 16; status "$@" "$work/crash" fault >/dev/null; test "$(stat -c %s core* 2>/dev/null || echo 0)" -le 32768 && echo "cut off") 2>/dev/null
    cd "$work" && rm -rf "$work/dir"
}

check() { # name, expected, file
    if diff "$2" "$3" >"$work/diff"; then
        pass=$((pass + 1))
    else
        fail=$((fail + 1))
        echo "FAIL core $1"
        head -n 20 "$work/diff"
    fi
}

# A program that core_pattern names gets the words and the core, whatever the limit. The pattern is another one
# only in a mount namespace, so it needs root.
piped() { # name, command
    local name=$1 dir
    shift
    dir=$(mktemp -d)
    cat >"$dir/helper" <<EOF
#!/bin/sh
exec >"$dir/words"
for w; do echo "<\$w>"; done | sed '1s/[0-9]/N/g'
echo "\$(pwd) \$(ulimit -c)"
cat >"$dir/core"
EOF
    chmod +x "$dir/helper"
    echo "|$dir/helper %p  %s %e%% %u:%g=%c %F [%E] %q" >"$dir/pattern"
    if unshare -m sh -c 'mount --bind "$1/pattern" /proc/sys/kernel/core_pattern && cd "$1" && ulimit -c 0 && shift && "$@"' \
        sh "$dir" "$@" "$work/crash" fault 2>/dev/null; [ $? = 139 ]; then
        {
            printf '<%s>\n' N 11 'crash%' "$(id -u):$(id -g)=0" 3 "[$(realpath "$work/crash" | tr / !)]" ''
            echo "/ 0"
            sed -n '/^== fault$/,/^== abort$/p' "$here/core.expected" | sed '1,2d; $d'
        } >"$work/words.expected"
        { cat "$dir/words"; look "$dir/core"; } 2>/dev/null | sed '1s/<N*>/<N>/' >"$work/words"
        check "$name: to a program" "$work/words.expected" "$work/words"
    else
        echo "core $name: core_pattern cannot be another one here"
    fi
    rm -rf "$dir"
}

if "$work/crash" term 2>/dev/null; [ $? = 143 ]; then
    each native >"$work/native" 2>&1
    [ -n "${RECORD:-}" ] && cp "$work/native" "$here/core.expected"
    check "hardware differs from core.expected" "$here/core.expected" "$work/native"
fi
for r in "$@"; do
    name=${r%%=*}
    each "$name" ${r#*=} >"$work/$name" 2>&1
    # an emulated kernel clears the limit before it lets the host's end the process
    case $r in *--exec-via=*) sed -i '1,/^== limits/s/^\(signal \(3\|6\|11\)\) no core flag$/\1 core flag/' "$work/$name" ;; esac
    check "$name" "$here/core.expected" "$work/$name"
    piped "$name" ${r#*=}
    # gdb cannot show these of a core, the processor's own or xrun's, that holds an XSAVE area it does not know,
    # as with AVX-512
    mkdir -p "$work/dir" && cd "$work/dir" && (ulimit -c unlimited; ${r#*=} --cpu=haswell "$work/crash" fault >/dev/null 2>&1)
    gdb -batch -nx -ex 'p $st0' -ex 'p (char[21])$xmm3' -ex 'p $mxcsr' "$work/crash" core* 2>&1 | grep '^\$' >"$work/fpu"
    if [ "$(head -n 1 "$work/fpu")" = '$1 = 1.5' ]; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "FAIL core $name: x87"; cat "$work/fpu"; fi
    cd "$work" && rm -rf "$work/dir"
    ${r#*=} --crash-report "$work/crash" fault 2>"$work/report" >/dev/null
    lines=0
    for text in 'died by signal 11 .*code 1, address 00001234' 'eip .*: fault+0x44 in .*/crash' \
        'instruction: mov .*1234.*eax' 'code: a3 34 12 00 00' 'eax 00000011  ecx 00000022  edx 00000033' \
        'trap 14  error code 6' 'cs 23  ss 2b' 'called from .*: fault+' 'called from .*: main+' '/crash$' '\[stack\]'; do
        grep -q -- "$text" "$work/report" && lines=$((lines + 1)) || echo "crash report: no $text"
    done
    if [ $lines = 11 ]; then pass=$((pass + 1)); else fail=$((fail + 1)); echo "FAIL crash report $name"; fi
done
echo "core: $pass passed, $fail failed, 0 skipped"
[ $fail = 0 ]
