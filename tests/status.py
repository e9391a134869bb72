#!/usr/bin/env python3
"""docs/STATUS.md: what is supported, taken from the tables that say so.

usage: status.py XRUN            writes it
       status.py --check XRUN    fails if it is not what would be written
"""
import collections
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUTPUT = os.path.join(TOP, "docs/STATUS.md")
SUITES = {
    "guest": "xrun's own guest programs (`make check`)",
    "stress": "tests of the C library (threads, signals, timers) and stress-ng",
    "ltp": "the POSIX test suite and the kernel's own tests",
    "strace": "strace's tests, under a strace that xrun runs",
}
CLASSES = {
    "INT": "general registers, BMI",
    "STRING": "strings",
    "SYSTEM": "segments, far transfers, ports and system instructions",
    "X87": "x87",
    "MMX": "MMX",
    "SSE": "SSE to SSE4.2, AES, PCLMULQDQ, SHA, GFNI",
    "AVX": "AVX, AVX2, FMA, F16C, and these forms of AVX-512",
    "AVX512": "AVX-512 only",
}


def read(path):
    with open(os.path.join(TOP, path)) as f:
        return f.read()


def table(head, rows):
    return ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head)] + rows]


def system_calls(xrun):
    listed = subprocess.run([xrun, "--syscalls"], capture_output=True, text=True, check=True).stdout
    calls = [line.split(None, 3) + [""] for line in listed.splitlines()]
    count = collections.Counter(call[2] for call in calls)
    yield "## System calls"
    yield f"Of {len(calls)} numbers " + ", ".join(f"{n} are {level}" for level, n in count.most_common()) + "."
    yield ""
    notes = collections.defaultdict(list)
    for _, name, level, note, *_ in calls:
        if level != "exact":
            notes[level, note].append(name)
    yield from table(["level", "calls", "note"],
                     [[level, ", ".join(names), note] for (level, note), names in sorted(notes.items())])


def ioctls():
    yield "## ioctls"
    alike, converted = collections.Counter(), collections.Counter()
    for section in re.split(r"^/\* ", read("syscalls/ioctl.def"), flags=re.M)[2:]:
        what = re.match(r"(?:alike in both: )?([^.]*?)\W*(\.|\*/)", section)[1]
        kinds = re.findall(r"\b(?:(SAME|OLD|LONG|RANGE)|CONV|TIME64|FUNC|FUNC64|EVDEV)\(", section)
        alike[what] += sum(kind != "" for kind in kinds)
        converted[what] += sum(kind == "" for kind in kinds)
    yield from table(["requests", "alike in 32 and 64 bits", "converted"],
                     [[what, str(n), str(converted[what])] for what, n in alike.items() if n + converted[what]])


def instructions():
    yield "## Instructions"
    yield "Operations (mnemonics, for conditional ones one for all conditions) that are executed:"
    yield ""
    count = collections.Counter(re.findall(r"^OPX?\(\w+, (\w+)\)", read("decode/ops.def"), flags=re.M))
    yield from table(["class", "operations"], [[what, str(count[key])] for key, what in CLASSES.items()])


def failures():
    yield "## Tests that are known to fail"
    for suite, what in SUITES.items():
        rows = []
        for line in read(f"tests/{suite}/known-failures").splitlines():
            if line and not line.startswith("#"):
                name, host, why = line.split(None, 2)
                rows.append([name, "both" if host == "*" else host, why])
        yield f"\n{what}:\n"
        yield from table(["test", "host", "why"], rows)


def main():
    check = sys.argv[1] == "--check"
    parts = [["# What is supported", "Written by `make status` from xrun's own tables."], system_calls(sys.argv[-1]),
             ioctls(), instructions(), failures()]
    text = "\n\n".join("\n".join(part) for part in parts) + "\n"
    if check and text != read("docs/STATUS.md"):
        sys.exit("FAIL docs/STATUS.md is not what the tables say: make status writes it")
    if not check:
        with open(OUTPUT, "w") as f:
            f.write(text)


main()
