#!/bin/bash
# The C library's own tests of threads, signals, timers and Linux calls (nptl, sysdeps/pthread,
# signal, rt, setjmp, sysdeps/unix/sysv/linux) as judges: built one by one against the i386 C
# library of ROOT (those that need the library's internals do not build and are counted), run in a
# box natively and under every xrun given; one that passes natively must pass under xrun.
# usage: glibc.sh GLIBC ROOT WORK NAME=XRUN...
# ONLY="a b" selects, JOBS at a time (2), LIMIT the seconds of one run (300). RECORD=1 rewrites
# glibc.native. FOLDERS: of the library's source. Needs root.
set -u
glibc=$1 root=$2 work=$3
shift 3
here=$(cd "$(dirname "$0")" && pwd)
limit=${LIMIT:-300}
bin=$work/bin out=$work/out
linux=$glibc/sysdeps/unix/sysv/linux
folders=${FOLDERS:-nptl sysdeps/pthread signal rt setjmp sysdeps/unix/sysv/linux sysdeps/unix/sysv/linux/i386}
. "$here/lib.sh"
need_root glibc
export here root limit bin out
mkdir -p "$bin" "$work/obj" "$work/inc" "$out"

# Only the public headers, then, after the system's, the library's own for what tests take from it.
cc=("${GUEST_CC:-i686-linux-gnu-gcc}" -std=gnu11 -O2 -w -D_GNU_SOURCE -D_ISOMAC -include limits.h -include stdbool.h
    -DTIMEOUTFACTOR=2 '-Dlibc_hidden_proto(x)=' -Dattribute_hidden= "-I$work/inc" "-I$glibc/support"
    '-DSRCDIR_PATH="/tests"' '-DOBJDIR_PATH="/tests"' '-DINSTDIR_PATH="/"' '-DBINDIR_PATH="/usr/bin"'
    '-DSBINDIR_PATH="/sbin"' '-DROOTSBINDIR_PATH="/sbin"' '-DCOMPLOCALEDIR_PATH="/usr/lib/locale"'
    '-DSYSCONFDIR_PATH="/etc"' '-DLIBDIR_PATH="/usr/lib"' '-DSLIBDIR_PATH="/lib"'
    '-DOBJDIR_ELF_LDSO_PATH="/lib/ld-linux.so.2"' '-DARTIFICIAL_LIMIT=(0x80000000-sysconf(_SC_PAGESIZE))')
for d in "$linux/i386/i686" "$linux/i386" "$linux/x86" "$linux" "$glibc"/sysdeps/{i386/i686,i386,x86,nptl,pthread,generic} "$glibc/include"; do
    cc+=(-idirafter "$d")
done

build_support() {
    [ -f "$work/libsupport.a" ] && return
    : >"$work/inc/config.h"
    for d in support malloc sysdeps test-skeleton.c; do ln -sfn "$glibc/$d" "$work/inc/$d"; done
    local f extra
    for f in "$glibc"/support/*.c; do
        extra=()
        [[ $f = *time64.c ]] && extra=(-include struct___timespec64.h)
        "${cc[@]}" "${extra[@]}" -c "$f" -o "$work/obj/$(basename "$f" .c).o" 2>/dev/null
    done
    rm -f "$work"/obj/{README-testing,tst-*,test-*,*-container,links-dso-*}.o
    ar rcs "$work/libsupport.a" "$work"/obj/*.o
}

build_one() { # source file
    local t dir flags=()
    t=$(basename "$1" .c) dir=$(dirname "$1")
    [ -f "$bin/$t" ] || [ -f "$out/$t.unbuilt" ] && return
    [[ $t = *-time64 ]] && flags+=(-D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64)
    [[ $t =~ (cancel|cleanup|once)x|sigcontext-get_pc|unwind ]] && flags+=(-fexceptions -fasynchronous-unwind-tables)
    [[ $t = tst-cleanup*2 ]] && flags+=(-fno-builtin)
    [ -f "$dir/${t}aux.c" ] && flags+=("$dir/${t}aux.c")
    "${cc[@]}" "${flags[@]}" "-I$dir" -rdynamic -pthread -o "$bin/$t" "$1" "$work/libsupport.a" \
        -lm -lresolv -Wl,--no-as-needed "-Wl,-rpath,\$ORIGIN" 2>"$out/$t.log" ||
        mv "$out/$t.log" "$out/$t.unbuilt"
}

build() {
    build_support
    local d f
    for d in $folders; do
        for f in "$glibc/$d"/*mod*.c; do
            local so=$bin/$(basename "$f" .c).so
            [ -f "$so" ] || "${cc[@]}" -fPIC -shared -o "$so" "$f" 2>/dev/null
        done
        for f in "$glibc/$d"/{tst,test,sem,clone}*.c; do
            [[ $f = *mod*.c || $f = *aux.c || ! -f $f ]] && continue
            grep -qE 'do_test|int *main|TEST_FUNCTION|#include "(tst|test)-' "$f" && build_one "$f"
        done
    done
    chmod -R a+rX "$work"
}

# One run: 0 passed, 77 unsupported here, else failed, as glibc's own harness has it.
run_one() { # test, label, command prefix...
    local t=$1 f=$out/$1.$2
    shift 2
    local args=()
    case $t in
    tst-cancel7 | tst-cancelx7) args=(--command "exec /tests/$t") ;;
    tst-exec4) args=("/tests/$t") ;;
    tst-mqueue7) args=(-- "/tests/$t") ;;
    tst-stackguard1) args=(--command "/tests/$t --child") ;;
    tst-umask1) args=(/tmp/umask1) ;;
    esac
    [[ $f = *.aarch64 ]] && local -x TIMEOUTFACTOR=10 # an emulator of an emulator
    BIND=$bin "$here/box.sh" "$root" "$limit" "$@" "/tests/$t" "${args[@]}" >"$f" 2>&1 </dev/null
    printf '\nexit %d\n' $? >>"$f"
}
export -f run_one

passed() { grep -q '^exit 0$' "$1"; }

build
names=${ONLY:-$(cd "$bin" && ls | grep -v '\.so$')}
echo "glibc: $(ls "$out" | grep -c unbuilt) tests not built"
judge_all glibc "$names" "$@"
