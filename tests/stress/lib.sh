# Sourced by the stress tests. Each has a list of names, runs every one natively and under each
# xrun, and judges those that pass natively (where this machine does not run i386: those of
# NAME.native, the list recorded on hardware).
# Needs: $here, $root, $out (folder of the runs' outputs), run_one NAME LABEL [COMMAND...] which
# writes $out/NAME.LABEL, and passed FILE.
# shellcheck shell=bash

. "$here/../app/qemu.sh"

need_root() { # name of the test
    [ "$(id -u)" = 0 ] && return
    echo "$1 needs root for its namespaces"
    echo "$1: 0 passed, 1 failed, 0 skipped"
    exit 1
}

# The command that runs a program in the chroot under xrun NAME.
prefix() {
    if [ "$1" = aarch64 ]; then
        prepare_qemu
        echo "/xrun/qemu-aarch64 /xrun/$1 --exec-via=/xrun/qemu-aarch64"
    else
        echo "/xrun/$1"
    fi
}

run_all() { # label, names, command...
    local label=$1 names=$2
    shift 2
    printf '%s\n' $names | xargs -P "${JOBS:-2}" -I{} bash -c 'run_one "$@"' run_one {} "$label" "$@"
}

# A failure must be in known-failures ("NAME HOST reason", HOST may be *), and what is there must
# fail; with "skip:" before the reason it is not run, because it fails only sometimes.
judge() { # test, name, host; sets pass fail known
    local why
    why=$(sed -n "s/^$2 \($3\|\*\) //p" "$here/known-failures")
    if passed "$out/$2.$3"; then
        pass=$((pass + 1))
        if [ -n "$why" ]; then
            echo "FAIL $2 $3: listed in known-failures but passes"
            pass=$((pass - 1)) fail=$((fail + 1))
        fi
    elif [ -n "$why" ]; then
        known=$((known + 1))
    else
        fail=$((fail + 1))
        echo "FAIL $2 $3"
        grep -v ' info: ' "$out/$2.$3" | tail -n 5 | cut -c 1-300
    fi
}

judge_all() { # test, names, NAME=XRUN...
    local test=$1 names=$2 native=0 good="" n r host
    shift 2
    pass=0 fail=0 known=0
    chroot "$root" /bin/true 2>/dev/null && native=1
    if [ $native = 1 ]; then
        run_all native "$(for n in $names; do [ -n "${REUSE:-}" ] && [ -f "$out/$n.native" ] || echo "$n"; done)"
        for n in $names; do passed "$out/$n.native" && good="$good $n"; done
        [ -n "${RECORD:-}" ] && printf '%s\n' $good >"$here/$test.native"
    else
        for n in $names; do grep -qx "$n" "$here/$test.native" && good="$good $n"; done
    fi
    for r in "$@"; do
        host=${r%%=*}
        cp -f "${r#*=}" "$root/xrun/$host" || exit 1
        local todo=""
        for n in $good; do
            if grep -q "^$n \($host\|\*\) skip:" "$here/known-failures"; then
                known=$((known + 1))
            else
                todo="$todo $n"
            fi
        done
        run_all "$host" "$todo" $(prefix "$host")
        for n in $todo; do judge "$test" "$n" "$host"; done
    done
    echo "$test: $pass passed, $fail failed, $((known + $(wc -w <<<"$names") - $(wc -w <<<"$good"))) skipped"
    [ $fail = 0 ]
}
