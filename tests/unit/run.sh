#!/bin/bash
# The unit tests of a host.   usage: run.sh PROGRAMS [RUNNER...]     PROGRAMS: their folder
dir=$1
shift
st=0
for t in "$dir"/*; do
    [[ ${t##*/} = *.* ]] && continue
    "$@" "$t" || { st=$?; echo "FAIL $t: exit $st"; }
done
exit $st
