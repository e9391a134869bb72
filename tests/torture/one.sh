#!/bin/sh
# One torture test at one optimization level: compile for i386, run natively, then under every
# xrun given in RUNNERS (one command per line). Prints PASS, FAIL or SKIP lines.
# usage: one.sh FILE.c -Olevel     (GUEST_CC, RUNNERS, WORK from the environment)
f=$1 o=$2
name=$(basename "$f" .c)
exe=$WORK/$name$o
$GUEST_CC -w -static -s $o -std=gnu89 -fno-strict-aliasing -o "$exe" "$f" -lm >/dev/null 2>&1 || {
    $GUEST_CC -w -static -s $o -o "$exe" "$f" -lm >/dev/null 2>&1 || { echo "SKIP $name $o does not compile"; exit; }
}
if [ -n "${NATIVE-1}" ]; then
    timeout 20 "$exe" >/dev/null 2>&1 </dev/null || { echo "SKIP $name $o fails natively"; rm -f "$exe"; exit; }
fi
echo "$RUNNERS" | while read -r run; do
    [ -n "$run" ] || continue
    said=$(timeout 300 $run "$exe" 2>&1 </dev/null) && echo "PASS $name $o" ||
        echo "FAIL $name $o: exit $?: $run: $(echo "$said" | head -n 1)"
done
rm -f "$exe"
