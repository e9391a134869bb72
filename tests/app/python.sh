#!/bin/sh
# A slice of Python's own test suite; only the verdicts are compared.
for t in test_json test_struct test_math test_float test_re test_hashlib test_threading \
         test_subprocess test_socket test_os test_decimal; do
    python3.11 -m test -q -u none --timeout 300 $t >/tmp/out.$$ 2>&1
    echo "$t: $?"
    grep -E '^(ERROR|FAIL):' /tmp/out.$$ | sort
done
rm -f /tmp/out.$$
