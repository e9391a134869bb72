#!/bin/bash
# A configure-like script of 300 and more forks: pipes, subshells, here-documents, tests.
set -u
dir=$(mktemp -d) && cd "$dir" || exit 1
checked=0
for h in stdio stdlib string unistd sys/types sys/stat fcntl errno; do
    cat >conftest.c <<EOF
#include <$h.h>
EOF
    n=$(grep -c include conftest.c)
    sum=$(cat conftest.c | tr a-z A-Z | cksum | cut -d ' ' -f 1)
    echo "checking for $h.h... $n $sum"
    checked=$((checked + 1))
done
for i in $(seq 1 40); do
    x=$(echo "$i" | sed 's/$/0/' | (read v; echo $((v * 3))))
    [ "$x" -eq $((i * 30)) ] || echo "wrong $i $x"
    if expr "$i" : '.*5$' >/dev/null; then echo "five $i $(basename /a/b/$i) $(dirname /c/d/$i)"; fi
done
printf '%s\n' b a c | sort | tr '\n' ' '; echo
find . -name 'conf*' -exec cat {} + | wc -l
(trap 'echo trapped' TERM; kill -TERM $BASHPID; echo after)
sleep 0.05 & wait $!; echo "waited $?"
bash -c 'exit 7'; echo "status $?"
(exec 2>/dev/null; bash -c 'kill -9 $$'; exit $?); echo "status $?"
echo "done $checked"
cd / && rm -rf "$dir"
