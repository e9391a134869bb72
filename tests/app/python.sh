#!/bin/sh
# A part of Python's own test suite: the verdict of every single test is compared.
d=$(mktemp -d)
cd "$d" || exit 1
cat >verdicts.py <<'PY'
import os, sys
from test.libregrtest import main
from test.support.testresult import RegressionTestResult as Result

verdicts = {}

def watch(method, verdict):
    plain = getattr(Result, method)
    def note(self, test, *rest):
        verdicts.setdefault(test.id(), verdict)
        plain(self, test, *rest)
    setattr(Result, method, note)

watch("addSuccess", "ok")
watch("addSkip", "skipped")
watch("addFailure", "FAIL")
watch("addError", "ERROR")
watch("addExpectedFailure", "expected failure")
watch("addUnexpectedSuccess", "unexpected success")

name = sys.argv[1]
out = os.path.abspath(name + ".verdicts")
sys.argv[1:] = ["-q", "-u", "none", "--timeout", "300", name]
try:
    main()
finally:
    with open(out, "w") as f:
        for test, verdict in sorted(verdicts.items()):
            print(test, verdict, file=f)
PY
for t in test_json test_struct test_math test_float test_re test_hashlib test_os test_threading \
         test_socket test_subprocess test_decimal; do
    python3.11 verdicts.py $t >$t.out 2>&1 </dev/null
    echo "$t: exit $?, $(wc -l <$t.verdicts) tests"
    cat $t.verdicts
done
cd /
rm -rf "$d"
