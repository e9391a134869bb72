# What the test scripts share: counting, saying what failed, building guest programs into $work. Sourced before
# all else, since it begins the script again.
# shellcheck shell=bash disable=SC2034
[ -n "${PLAIN:-}" ] ||
    PLAIN=1 exec python3 "$(dirname "${BASH_SOURCE[0]}")/setup/plain.py" --own "$0" "$@"
pass=0 fail=0 skip=0
cc=${GUEST_CC:-i686-linux-gnu-gcc}

ok() { pass=$((pass + 1)); }

bad() { # name, a file that tells more (may be left out)
    fail=$((fail + 1))
    echo "FAIL $1"
    [ $# = 1 ] || head -n "${BAD_LINES:-12}" "$2"
}

result() { # status, name, the same
    if [ "$1" = 0 ]; then ok; else bad "${@:2}"; fi
}

same() { # name, expected, got
    if [ "$2" = "$3" ]; then ok; else bad "$1: expected '$2', got '$3'"; fi
}

build() { # source, compiler's options...: $work/NAME
    $cc -static -O1 -w -pthread -D_GNU_SOURCE "${@:2}" -o "$work/$(basename "$1" .c)" "$1" -lm
}

finish() { # name: the last line, and the script's status
    echo "$1: $pass passed, $fail failed, $skip skipped"
    [ $fail = 0 ]
}
