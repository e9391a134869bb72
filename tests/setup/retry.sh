#!/bin/sh
# A step that downloads, up to three times.   usage: retry.sh COMMAND...
for pause in 5 30 ''; do
    "$@" && exit 0
    st=$?
    [ -z "$pause" ] || sleep $pause
done
exit $st
