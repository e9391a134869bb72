#!/bin/bash
# --lockstep: programs whose every instruction must agree with the processor, with their ordinary
# output; and errors made on purpose, each of which must be found at its instruction.
# usage: run.sh WORK XRUN
set -u
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
work=$1 xrun=$2
mkdir -p "$work"
mode=--lockstep
lockstep() { timeout -k 5 300 "$xrun" $mode "$@" >"$work/out" 2>"$work/err" </dev/null; }

printf 'int main(void){return 0;}' >"$work/none.c"
build "$work/none.c" && build "$here/mix.c" || exit 1
if ! "$work/none"; then
    echo "lockstep: this machine does not run i386 programs"
    skip=1
    finish lockstep
    exit
fi

lockstep "$work/none"
if grep -q 'Operation not permitted' "$work/err"; then
    echo "lockstep: this machine does not allow ptrace"
    echo "lockstep: 0 passed, 0 failed, 1 skipped"
    exit 0
fi

# name, expected output and status
agrees() {
    lockstep "$work/$1"
    echo "exit $?" >>"$work/out"
    diff "$2" "$work/out" && grep -q ' compared, no difference' "$work/err" && ok || bad "$1 $mode" "$work/err"
}
"$work/mix" >"$work/mix.native" 2>&1 </dev/null
echo "exit $?" >>"$work/mix.native"
for t in selfmod files process signals vfork; do build "$here/../guest/$t.c"; done
agrees mix "$work/mix.native"
agrees selfmod "$here/../guest/selfmod.expected"
agrees vfork "$here/../guest/vfork.expected"
mode=--lockstep-fast
agrees mix "$work/mix.native"
for t in selfmod files process signals vfork; do agrees $t "$here/../guest/$t.expected"; done

# threads end the comparison, not the program
build "$here/../guest/threads.c"
lockstep "$work/threads"
echo "exit $?" >>"$work/out"
diff "$here/../guest/threads.expected" "$work/out" >/dev/null &&
    grep -q 'no difference.*not compared further: it starts a thread' "$work/err" && ok || bad threads "$work/err"

# errors made on purpose: what, at which instruction, what the report must say
finds() { # (in stretches, only what is not overwritten soon)
    lockstep --lockstep-break="$1:$2" "$work/mix"
    st=$?
    [ $st = 125 ] && grep -qE "$3" "$work/err" && ok || bad "break $1 at $2: status $st" "$work/err"
}
for n in 1 777 20000; do
    finds st $n "difference at instruction $n,.*registers"
    finds xmm $n "difference at instruction $n,.*registers"
done
# Which of these registers is not overwritten soon depends on how long the program's name and environment are.
for n in 300 1000 2000 9000; do
    lockstep --lockstep-break="reg:$n" "$work/mix"
    st=$?
    [ $st != 125 ] || break
done
[ $st = 125 ] && grep -qE "difference at instruction $n,.*registers" "$work/err" && ok || bad "break reg: status $st" "$work/err"
finds store 500 'memory written by this instruction'
finds stray 500 'memory, written by an earlier instruction'
mode=--lockstep
for n in 1 777 20000; do
    finds reg $n "difference at instruction $n,.*registers"
    finds flag $n "difference at instruction $n,.*registers"
    finds st $n "difference at instruction $n,.*registers"
    finds xmm $n "difference at instruction $n,.*registers"
done
finds reg 500 'esi .*<-- differs'
finds flag 500 'eflags .*<-- differs C'
finds st 500 'fpr3 .*<-- differs'
finds xmm 500 'xmm5 .*xrun   <-- differs'
finds store 500 'memory written by this instruction'
finds stray 500 'memory, written by an earlier instruction'
finds stray 500 ' native '

# what cannot be run: one line
gcc -o "$work/host" "$work/none.c"
lockstep "$work/host"
[ $? = 126 ] && [ "$(wc -l <"$work/err")" = 1 ] && ok || bad "program of the host" "$work/err"
lockstep "$work/missing"
[ $? = 127 ] && [ "$(wc -l <"$work/err")" = 1 ] && ok || bad "missing program" "$work/err"

finish lockstep
