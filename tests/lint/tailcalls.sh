#!/bin/sh
# In a release build every interpreter function must end in a sibling call of the next one: an
# ordinary call would make the host stack grow with every guest instruction. Lists offenders.
# usage: tailcalls.sh BUILD/HOST-release/interp
bad=0
for o in "$1"/*.o; do
    found=$(objdump -d --no-show-raw-insn "$o" | awk '
        /^[0-9a-f]+ <.*>:$/ { f = $2 }
        /call +\*(0x40)?\(?%|call +\*0x[0-9a-f]+\(%r/ { if (prev ~ /0x40\(%r|lea +0x40/ || $0 ~ /\*0x40\(/) if (f !~ /_body>/) print f }
        { prev = $0 }' | sort -u)
    [ -n "$found" ] && { echo "$o: $found"; bad=1; }
done
exit $bad
