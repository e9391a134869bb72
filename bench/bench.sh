#!/bin/bash
# Ratios of processor time (user and system): xrun / native and qemu-i386 / native, interleaved,
# medians of RUNS runs; first our own small programs, then real ones in an i386 Debian root.
# usage: bench.sh XRUN WORK [ROOT]
set -u
xrun=$1 work=$2 root=${3:-} runs=${RUNS:-5}
here=$(cd "$(dirname "$0")" && pwd)
cc=${GUEST_CC:-i686-linux-gnu-gcc}
qemu=$(command -v qemu-i386)
mkdir -p "$work"
printf 'int main(void){return 0;}' >"$work/true.c"
$cc -O2 -static -o "$work/true" "$work/true.c"
for f in "$here"/*.c; do
    case $f in */matrix.c) o="-msse2 -mfpmath=sse" ;; *) o= ;; esac
    # shellcheck disable=SC2086
    $cc -O2 $o -static -o "$work/$(basename "$f" .c)" "$f" -lm || exit 1
done

TIMEFORMAT='%U %S'
once() { # microseconds of processor time of a command
    { time "$@" >/dev/null 2>&1; } 2>&1 | awk '{ printf "%d\n", ($1 + $2) * 1000000 }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

log=$work/ratios
: >"$log"
# name, then one command per engine in the arrays N, X, Q
row() {
    : >"$work/n"; : >"$work/x"; : >"$work/q"
    for _ in $(seq "$runs"); do
        once "${N[@]}" >>"$work/n"
        once "${X[@]}" >>"$work/x"
        [ -n "$qemu" ] && [ ${#Q[@]} -gt 0 ] && once "${Q[@]}" >>"$work/q"
    done
    local n x q
    n=$(median <"$work/n") x=$(median <"$work/x") q=$(median <"$work/q")
    awk -v p="$1" -v n="$n" -v x="$x" -v q="${q:-0}" 'BEGIN {
        if (n < 1000) n = 1000
        printf "%-12s %12.1f %12.2f %12.2f\n", p, n / 1000, x / n, q / n }' | tee -a "$log"
}

printf '%-12s %12s %12s %12s\n' program "native ms" xrun/native qemu/native
for p in "$work/true" $(for f in "$here"/*.c; do echo "$work/$(basename "$f" .c)"; done); do
    N=("$p") X=("$xrun" "$p") Q=("$qemu" "$p")
    row "$(basename "$p")"
done

if [ -n "$root" ] && [ -x "$root/usr/bin/python3" ] && [ "$(id -u)" = 0 ]; then
    b=$root/tmp/bench
    mkdir -p "$b"
    cp "$xrun" "$b/xrun"
    head -c 6000000 "$root"/usr/lib/gcc/i686-linux-gnu/12/cc1 >"$b/data"
    seq 1 40000 | awk '{ print "insert into t values(" $1 ", \"row" ($1 * 7919 % 10007) "\");" }' >"$b/fill"
    { echo "create table t(a integer, b text); begin;"; cat "$b/fill"
      echo "commit; create index i on t(b); select b, count(*) from t group by substr(b, 1, 5);"; } >"$b/sql"
    for i in $(seq 120); do
        echo "static int f$i(int a, int *b) { int s = 0; for (int i = 0; i < a; i++) if (b[i] > $i) s += b[i] * a; else switch (s & 7) { case 0: s++; break; case 5: s /= 7; break; default: s ^= b[i] ^ $i; } return s; } int g$i(int a, int *b) { return f$i(a, b) + f$i(a + 1, b); }"
    done >"$b/c.c"
    real() { # name, command in the root
        local name=$1
        shift
        N=(chroot "$root" "$@") X=(chroot "$root" /tmp/bench/xrun "$@")
        Q=("$qemu" -L "$root" "$root$1" "${@:2}")
        Q=("${Q[@]//\/tmp\/bench/$b}")
        row "$name"
    }
    real gzip /bin/gzip -c /tmp/bench/data
    real xz /usr/bin/xz -1 -kc /tmp/bench/data
    real sqlite /usr/bin/sqlite3 :memory: ".read /tmp/bench/sql"
    real cc1 /usr/lib/gcc/i686-linux-gnu/12/cc1 -quiet -O2 /tmp/bench/c.c -o /dev/null
    real python /usr/bin/python3 -c 'd = {}
for i in range(700000): d[i % 100] = d.get(i % 100, 0) + len(str(i))'
    real perl /usr/bin/perl -e 'my %h; for my $i (1..900000) { $h{$i % 1000} .= chr(65 + $i % 26); $h{$i % 1000} = substr($h{$i % 1000}, -20) }'
    real "python pass" /usr/bin/python3 -c pass
    qemu= # it does not start the children
    real "bash forks" /bin/bash -c 'i=0; while [ $i -lt 60 ]; do x=$(echo a | /bin/cat); i=`expr $i + 1`; done'
    rm -rf "$b"
fi
awk 'NR > 1 { x += log($(NF - 1)); n++ } NR > 1 && $NF > 0 { q += log($NF); m++ }
     END { printf "%-12s %12s %12.2f %12.2f\n", "geomean", "", exp(x / n), m ? exp(q / m) : 0 }' "$log"

# guest instructions per second of integer code by the interpreter, from xrun's own count
t=$(once "$xrun" --interpret "$work/integer")
c=$("$xrun" --interpret --count "$work/integer" 2>&1 >/dev/null | sed -n 's/.* \([0-9]*\) guest instructions/\1/p')
awk -v t="$t" -v c="$c" 'BEGIN { printf "interpreter, integer: %.0f million guest instructions per second\n", c / t }'
rss=$( { command time -f %M "$xrun" "$work/true"; } 2>&1 | tail -n 1)
echo "resident memory of a static true: $rss KiB"
