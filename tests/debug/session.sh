# What gdb.sh and guests.sh share: a session of gdb, and what it prints but for the names of processes, threads
# and places. Sourced.
# shellcheck shell=bash
gdb=(gdb)

# Where the x87 unit was last, Intel's FXSAVE tells always, AMD's and xrun's only of a pending exception.
normalise() {
    sed -E -e 's/Thread 0x[0-9a-f]+ \(LWP [0-9]+\)/THREAD/g' -e 's/(Thread|process|LWP) [0-9.]+/THREAD/g' \
        -e 's/\(process [0-9]+\)/(THREAD)/g' -e 's/0x(f|ff)[0-9a-f]{6,7}\b/ADDRESS/g' \
        -e 's/^(native|Remote|target).*//' -e '/^Remote debugging|^Reading .* from remote|^warning: File transfers|^\[Thread debugging|^Using host lib/d' \
        -e '/^warning: Unable to find libthread|^qemu: uncaught|^0x.* in _start|^Program stopped/d' \
        -e 's/^(Instruction Pointer: ).*/\1/' \
        -e 's/(Attaching|Detaching) .*//; s/ \(remote\)//; s/"[a-z0-9]+" (THREAD)/\1/; s/THREAD ("[a-z]*") +/THREAD \1 /; s/Target Id +/Target Id /; /^$/d'
}

session() { # output, script, commands that lead to the program's first instruction...
    local out=$1 script=$2
    shift 2
    (cd "$work" && HOME=$work LC_ALL=C timeout -k 5 "${LIMIT:-300}" "${gdb[@]}" -q -nx -nh -batch -ex 'set confirm off' \
        -ex 'set pagination off' -ex 'set width 0' -ex 'set remotetimeout 200' -ex 'set debuginfod enabled off' \
        -ex 'set startup-with-shell off' "$@" -x "$script" >"$out.raw" 2>&1 </dev/null)
    normalise <"$out.raw" >"$out"
}

# What a gdb that traces natively needs to set registers (xstate.c). compiler, to where
xstate() {
    "$1" -O1 -shared -fPIC -o "$2" "$here/xstate.c"
}

compile() { # program
    [ "$work/$1" -nt "$here/gdb/$1.c" ] || $cc -static -g -O0 -w -pthread -o "$work/$1" "$here/gdb/$1.c"
}
