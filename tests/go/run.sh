#!/bin/bash
# A Go program cross-compiled for i386, run under every xrun given; its output, recorded from hardware,
# must be the same (RECORD=1 rewrites it).   usage: run.sh WORK NAME=COMMAND...
set -u
. "$(dirname "$0")/../lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd)
shift
command -v go >/dev/null ||
    DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends golang-go >/dev/null
check() { # name, command...
    local name=$1
    shift
    timeout "${LIMIT:-300}" "$@" >"$work/$name" 2>&1 </dev/null
    echo "exit $?" >>"$work/$name"
    diff "$here/expected" "$work/$name"
    result $? "go $name"
}
if GOARCH=386 CGO_ENABLED=0 GO111MODULE=off GOCACHE=$work/cache go build -o "$work/prog" "$here/main.go"; then
    if [ -n "${RECORD:-}" ]; then "$work/prog" >"$here/expected" 2>&1; echo "exit $?" >>"$here/expected"; fi
    if "$work/prog" child >/dev/null 2>&1 || [ $? = 3 ]; then check native "$work/prog"; fi
    for r in "$@"; do check "${r%%=*}" ${r#*=} "$work/prog"; done
else
    fail=1
fi
finish go
