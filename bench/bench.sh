#!/bin/bash
# Ratios of processor time (user and system; of the clock where a program is only started): xrun / native
# and qemu-i386 / native, interleaved, medians of RUNS runs (qemu: of QEMU_RUNS, 1). QEMU=PROGRAM: that
# qemu-i386; QEMU= without. `first` is xrun's first run, with no translations on disk yet. First our own small
# programs, then real ones in an i386 Debian root, if there is one and we are root. Last what is aimed at, and
# whether it is met.
# usage: bench.sh XRUN WORK [ROOT]        ONLY=REGEX: only programs with such names
# Status 1 if the output of a program differs.
set -u
xrun=$1 work=$2 root=${3:-} runs=${RUNS:-5} qemu_runs=${QEMU_RUNS:-1} only=${ONLY:-.}
here=$(cd "$(dirname "$0")" && pwd)
cc=${GUEST_CC:-i686-linux-gnu-gcc}
qemu=${QEMU-$(command -v qemu-i386)}
mkdir -p "$work"
log=$work/ratios # class program native-ms xrun/native first/native qemu/native note
goals=$work/goals
rm -rf "$work/store"
exec > >(tee "$work/output")
: >"$log"
: >"$goals"

# Class and name of each program of bench/; -sse: compiled for SSE2.
own="int:bignum int:fib int:integer int:lists int:machine int:memory int:records int:sha256 int:sort int:virtual
 x87:mandel x87:matrix x87:nbody x87:spectral x87:whetstone
 sse:mandel-sse sse:matrix-sse sse:nbody-sse sse:spectral-sse threads:threads"

wanted() { [[ $1 =~ $only ]]; }

compile() { # name
    local flags=
    [ "$1" = "${1%-sse}" ] || flags="-msse2 -mfpmath=sse"
    # shellcheck disable=SC2086
    $cc -O2 $flags -static -pthread -o "$work/$1" "$here/${1%-sse}.c" -lm
}

# microseconds that a command takes: processor time, or (of `clock` times one after the other) that of the clock
once() {
    local TIMEFORMAT='%U %S' from
    if [ "$clock" = 0 ]; then
        { time timeout -k 5 900 "$@" >"$work/out" 2>"$work/err" </dev/null; } 2>&1 |
            awk '{ printf "%d\n", ($1 + $2) * 1000000 }'
        return
    fi
    from=${EPOCHREALTIME/[^0-9]/}
    for _ in $(seq "$clock"); do "$@" >"$work/out" 2>"$work/err" </dev/null; done
    echo $(((${EPOCHREALTIME/[^0-9]/} - from) / clock))
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] + 0 }'; }

# class, name; a command per engine in the arrays N, X, Q
row() {
    local i n x first q same=
    : >"$work/n"; : >"$work/x"; : >"$work/q"
    first=$(once "${X[@]}")
    for i in $(seq "$runs"); do
        once "${N[@]}" >>"$work/n"
        cp "$work/out" "$work/native.out"
        once "${X[@]}" >>"$work/x"
        cmp -s "$work/out" "$work/native.out" || same="OUTPUT-DIFFERS"
        [ -n "$qemu" ] && [ ${#Q[@]} -gt 0 ] && [ "$i" -le "$qemu_runs" ] && once "${Q[@]}" >>"$work/q"
    done
    n=$(median <"$work/n") x=$(median <"$work/x") q=$(median <"$work/q")
    awk -v c="$1" -v p="$2" -v n="$n" -v x="$x" -v f="$first" -v q="$q" -v same="$same" 'BEGIN {
        if (n < 100) n = 100
        printf "%-8s %-12s %10.1f %12.3f %12.3f %12s %s\n", c, p, n / 1000, x / n, f / n,
            q ? sprintf("%.1f", q / n) : "-", same
    }' | tee -a "$log"
}

clock=0
echo "$(date -u +%F) $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors, load $(cut -d' ' -f1-3 /proc/loadavg)"
[ -n "$qemu" ] && echo "qemu: $("$qemu" --version | head -n 1)"
printf '%-8s %-12s %10s %12s %12s %12s\n' class program native-ms xrun/native first/native qemu/native
for p in $own; do
    name=${p#*:}
    wanted "$name" || continue
    compile "$name" || exit 1
    N=("$work/$name") X=("$xrun" --store="$work/store" "$work/$name") Q=("$qemu" "$work/$name")
    row "${p%:*}" "$name"
done

b=
real() { # class, name, command in the root
    local class=$1 name=$2
    shift 2
    wanted "$name" || return 0
    if [ ! -x "$root$1" ]; then
        echo "$name: no $1 in $root (tests/setup/bench.sh)"
        return
    fi
    N=(chroot "$root" "$@") X=(chroot "$root" /tmp/bench/xrun --store=/tmp/bench/store "$@")
    Q=("$qemu" -L "$root" "$root$1" "${@:2}")
    Q=("${Q[@]//\/tmp\/bench/$b}")
    [ "$class" = start ] && Q=() # it does not start children
    row "$class" "$name"
}

real_programs() {
    real bin gzip /bin/gzip -c /tmp/bench/data
    real bin bzip2 /bin/bzip2 -c /tmp/bench/data
    real bin xz /usr/bin/xz -1 -kc /tmp/bench/data
    real bin zstd /usr/bin/zstd -9 -qc --single-thread /tmp/bench/data
    real bin sqlite /usr/bin/sqlite3 :memory: ".read /tmp/bench/sql"
    real bin openssl-sha /usr/bin/openssl dgst -sha256 /tmp/bench/big
    real bin openssl-aes /usr/bin/openssl enc -aes-128-cbc -K 00 -iv 00 -in /tmp/bench/big -out /dev/null
    OPENSSL_ia32cap=0:0 real bin openssl-c /usr/bin/openssl dgst -sha256 /tmp/bench/half
    real interp cc1 /usr/lib/gcc/i686-linux-gnu/12/cc1 -quiet -O2 /tmp/bench/c.c -o /dev/null
    real interp python /usr/bin/python3 -c 'd = {}
for i in range(2500000): d[i % 100] = d.get(i % 100, 0) + len(str(i))
print(sum(d.values()))'
    real interp perl /usr/bin/perl -e 'my %h; for my $i (1..2500000) { $h{$i % 1000} .= chr(65 + $i % 26); $h{$i % 1000} = substr($h{$i % 1000}, -20) } print join ",", map { $h{$_} } sort keys %h'
    real interp lua /usr/bin/lua5.4 /tmp/bench/t.lua 30
    real jit luajit /usr/bin/luajit /tmp/bench/t.lua 60
    clock=20
    real start true /bin/true
    clock=5
    real start python-pass /usr/bin/python3 -c pass
    clock=1
    real start bash-forks /bin/bash -c 'i=0; while [ $i -lt 100 ]; do x=$(echo a | /bin/cat); i=`expr $i + 1`; done'
    clock=0
}

if [ -n "$root" ] && [ -x "$root/usr/bin/python3" ] && [ "$(id -u)" = 0 ]; then
    b=$root/tmp/bench
    rm -rf "$b"
    mkdir -p "$b"
    cp "$xrun" "$b/xrun"
    cp "$here/t.lua" "$b/t.lua"
    head -c 8000000 "$root"/usr/lib/gcc/i686-linux-gnu/12/cc1 >"$b/data"
    for _ in $(seq 16); do cat "$b/data"; done >"$b/half"
    for _ in $(seq 4); do cat "$b/half"; done >"$b/big"
    { echo "create table t(a integer, b text); begin;"
      seq 1 60000 | awk '{ print "insert into t values(" $1 ", \"row" ($1 * 7919 % 10007) "\");" }'
      echo "commit; create index i on t(b);"
      for _ in 1 2 3 4 5 6; do echo "select b, count(*) from t group by substr(b, 1, 5);"; done; } >"$b/sql"
    for i in $(seq 300); do
        echo "static int f$i(int a, int *b) { int s = 0; for (int i = 0; i < a; i++) if (b[i] > $i) s += b[i] * a; else switch (s & 7) { case 0: s++; break; case 5: s /= 7; break; default: s ^= b[i] ^ $i; } return s; } int g$i(int a, int *b) { return f$i(a, b) + f$i(a + 1, b); }"
    done >"$b/c.c"
    real_programs
fi

# ---- what is aimed at ----

goal() { # what, value, at most or (with a minus) at least
    awk -v t="$1" -v v="$2" -v g="$3" 'BEGIN {
        met = g < 0 ? v >= -g : v <= g
        printf "%-46s %9.3f  %s %-5g %s\n", t, v, g < 0 ? ">=" : "<=", g < 0 ? -g : g, met ? "met" : "MISSED"
    }' >>"$goals"
}

# The ratio's geometric mean, or the largest; nothing if there is none. `xq`: qemu / xrun.
figure() { # mean or max, regex of classes, of names, column
    awk -v how="$1" -v c="$2" -v p="$3" -v k="$4" '$1 ~ c && $2 ~ p {
        if (k == "xq" && $6 == "-") next
        v = k == "xq" ? $6 / $4 : $k
        s += log(v); n++; if (v > max) max = v
    } END { if (n) print how == "max" ? max : exp(s / n) }' "$log"
}

ratio_goal() { # what, at most, then as for figure
    local v
    v=$(figure "${@:3}")
    [ -n "$v" ] && goal "$1" "$v" "$2"
}

ratio_goal "compiled, geometric mean" 1.1 mean '^(int|x87|sse|bin)$' . 4
ratio_goal "compiled, largest" 1.5 max '^(int|x87|sse|bin)$' . 4
ratio_goal "interpreters and cc1, largest" 1.3 max '^interp$' . 4
ratio_goal "translated by the guest (luajit)" 2 max '^jit$' . 4
ratio_goal "python3 -c pass, by the clock" 4 max '^start$' '^python-pass$' 4
ratio_goal "bash, 300 forks, by the clock" 2.5 max '^start$' '^bash-forks$' 4
ratio_goal "integer, times faster than qemu-i386" -5 mean '^int$' . xq
ratio_goal "floating point, times faster than qemu-i386" -15 mean '^(x87|sse)$' . xq

# What translating cc1 costs: the least of three runs, since the clock is the wall's.
cc1_profile() {
    chroot "$root" /tmp/bench/xrun --store=off --profile /usr/lib/gcc/i686-linux-gnu/12/cc1 -quiet -O2 /tmp/bench/c.c \
        -o /dev/null 2>&1 | tr '\n' ' ' |
        sed -n 's/.*decoded .* blocks, \([0-9.]*\) ms.*translated \([0-9]*\) instructions.* units, \([0-9.]*\) ms; \([0-9]*\) guest bytes -> \([0-9]*\) host bytes + \([0-9]*\) in stubs.*/\1 \2 \3 \4 \5 \6/p' |
        awk '{ print ($1 + $3) * 1e6 / $2, ($5 + $6) / $4 }'
}
if [ -n "$b" ] && wanted cc1; then
    read -r ns expansion < <(for _ in 1 2 3; do cc1_profile; done | sort -n | head -n 1)
    goal "cc1: ns per translated instruction, decoding too" "$ns" 350
    goal "cc1: bytes of code per byte, stubs too" "$expansion" 2
fi
[ -n "$b" ] && rm -rf "$b"
printf '\n%-46s %9s\n' goal measured
cat "$goals"

# guest instructions per second of integer code by the interpreter, from xrun's own count
if wanted interpreter; then
    compile lists
    t=$(once "$xrun" --interpret "$work/lists")
    c=$("$xrun" --interpret --count "$work/lists" 2>&1 >/dev/null | sed -n 's/.* \([0-9]*\) guest instructions/\1/p')
    awk -v t="$t" -v c="$c" 'BEGIN { printf "interpreter: %.0f million guest instructions per second\n", c / t }'
    rss=$( { command time -f %M "$xrun" "$work/lists"; } 2>&1 | tail -n 1)
    echo "resident memory of a small static program: $rss KiB"
fi
echo "load now $(cut -d' ' -f1-3 /proc/loadavg)"
! grep -q OUTPUT-DIFFERS "$log"
