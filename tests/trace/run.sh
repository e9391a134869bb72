#!/bin/bash
# xrun --strace against strace: the lines of the same static program must be the same but for
# addresses, process ids and times. NAME.expected is recorded with strace (RECORD=1).
# usage: run.sh WORK NAME=COMMAND...
set -u
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /tmp/xrun.XXXXXX) # not $1: strings are cut behind 32 characters, so the path is short
trap 'rm -rf "$work"' EXIT
shift
normal() { "$here/normal.pl" "$1"; }
in_dir() { rm -rf "$work/dir" && mkdir "$work/dir" && (cd "$work/dir" && env -i PATH=/usr/bin:/bin TZ=UTC timeout 300 "$@" >/dev/null 2>"$work/stderr" </dev/null); }

for f in "$here"/*.c; do
    t=$(basename "$f" .c)
    build "$f" || { bad "$t: does not compile"; continue; }
    if [ -n "${RECORD:-}" ]; then
        in_dir strace -f -o "$work/$t.strace" "$work/$t"
        normal "$work/$t.strace" | sed "s#$work#WORK#g" >"$here/$t.expected"
    fi
    for r in "$@"; do
        in_dir ${r#*=} --strace -o "$work/$t.${r%%=*}" "$work/$t"
        normal "$work/$t.${r%%=*}" | sed "s#$work#WORK#g" | diff "$here/$t.expected" - >"$work/diff"
        result $? "$t ${r%%=*}" "$work/diff"
    done
done

# Filters, counts, times: on the program of many calls.
x=${1#*=}
shown() { # what is shown of a set, as names
    in_dir $x --strace="$1" -o "$work/filter" "$work/calls"
    sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' "$work/filter" | sort -u | tr '\n' ' '
}
same "one name" "creat " "$(shown creat)"
same "a list" "creat flock " "$(shown flock,creat)"
same "a class" "_exit" "$(shown %statfs | tr -d ' ')_exit"
same "%stat" "stat stat64 " "$(shown %stat)"
same "regular expression" "epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_wait " "$(shown '/^epoll')"
same "all but" "" "$(shown '!file,desc,process,memory,signal,network,ipc,/.*' )"
same "network" "accept bind connect getsockopt listen recv recvfrom send setsockopt shutdown socket socketpair " "$(shown network)"
in_dir $x --strace=nonsense "$work/calls"
same "unknown name" "126 xrun: --strace: nonsense: no such system call or class of them" "$? $(cat "$work/stderr")"
in_dir $x -c -o "$work/count" "$work/calls"
same "columns" "1" "$(grep -cE '^[0-9]+ +chdir\("d"\) {24}= 0$' "$work/calls.${1%%=*}")"
same "count" "100.00 total" "$(awk 'END { print $1, $NF }' "$work/count")"
same "count of creat" "1" "$(awk '$NF == "creat" { print $4 }' "$work/count")"
in_dir $x -tt -T --strace=creat -o "$work/time" "$work/calls"
same "-tt -T" "1" "$(grep -cE '^[0-9]+ +[0-9:]{8}\.[0-9]{6} creat\("f", 0600\) += [0-9]+ <[0-9]+\.[0-9]{6}>$' "$work/time")"
in_dir $x -s 5 --strace=write -o "$work/short" "$work/calls"
same "-s" "1" "$(grep -c '"hello"\.\.\., 12' "$work/short")"

# --abi-report: one report of all processes, though the program closes its standard error.
cat >"$work/report.c" <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xmmintrin.h>
int main(int argc, char **argv)
{
    volatile __m128 v = _mm_set1_ps((float)argc);
    v = _mm_rsqrt_ps(v);
    if (argc == 1 && !fork())
        execl(argv[0], argv[0], "again", NULL);
    open("/proc/1/stat", O_RDONLY);
    ioctl(0, 0x12345678, 0);
    wait(NULL);
    close(2);
}
END
$cc -static -msse -O1 -w -o "$work/report" "$work/report.c"
in_dir $x --abi-report "$work/report"
for line in "ABI report of xrun .*: 2 processes and threads" " *2 +2 exact +ioctl" " *1 +0 exact +clone" "  SSE" \
    "  0x12345678 unknown .direction none, type 0x56, number 0x78, size 4660.: 2 calls, 2 errors; argument unknown" \
    "  /proc/N/stat" "  $work/report"; do
    same "report: $line" 1 "$(grep -cE "^$line$" "$work/stderr")"
done
in_dir $x --abi-report=json "$work/report"
same "report as JSON" "2 2 4660" "$(perl -MJSON::PP -0ne '$r = decode_json($_); ($c) = grep { $_->{name} eq "ioctl" } @{$r->{system_calls}}; print "$c->{calls} $r->{tasks} $r->{ioctls}[0]{size}"' "$work/stderr")"
finish strace
