#!/bin/bash
# The AArch64 translator on processors that lack some of what qemu's usual one has: programs that use vectors,
# x87, locked operations and threads, and the translator against the interpreter, form by form.
# usage: cpus.sh WORK INSN PRIVATE CASES XRUN...     INSN, PRIVATE: the programs of tests/insn; CASES: for each
#        form, 0 for none; XRUN...: by qemu-aarch64          CPUS: processors
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$1 insn=$2 private=$3 cases=$4
shift 4
mkdir -p "$work"
work=$(cd "$work" && pwd)
bad=0
printf '#!/bin/sh\nexec %s "$@"\n' "$*" >"$work/xrun"
chmod +x "$work/xrun"
for cpu in ${CPUS:-cortex-a57 neoverse-n1 max}; do
    export QEMU_CPU=$cpu
    echo "-- $cpu"
    ONLY='^(sse|avx|x87|exc_fp|thr_(atomic|futex|clone)|litmus|smc|sig_rep|sigasync|seg_use)' \
        "$here/run.sh" "$work" "aarch64=$*" || bad=1
    [ "$cases" = 0 ] || "$insn" "$private" -n "$cases" -x "$work/xrun" || bad=1
done
exit $bad
