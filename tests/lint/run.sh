#!/bin/bash
# usage: run.sh OBJECTS XRUN     OBJECTS: the folder of interp/'s
cd "$(dirname "$0")" || exit 1
pass=0 fail=0
./layers.sh && pass=$((pass + 1)) || fail=$((fail + 1))
./tailcalls.sh "$1" && pass=$((pass + 1)) || fail=$((fail + 1))
../status.py --check "$2" && pass=$((pass + 1)) || fail=$((fail + 1))
echo "lint: $pass passed, $fail failed, 0 skipped"
[ $fail = 0 ]
