#!/usr/bin/env python3
"""Puts what `make bench` and `make bench-aarch64` printed last into docs/BENCHMARKS.md.

usage: record.py DOCUMENT NAME=OUTPUT...      NAME: what stands in the document between
                                              <!-- NAME --> and <!-- end -->
"""
import os
import re
import sys


def main():
    path = sys.argv[1]
    text = open(path).read()
    for argument in sys.argv[2:]:
        name, output = argument.split("=", 1)
        if not os.path.exists(output):
            continue
        part = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- end -->)", re.S)
        if not part.search(text):
            sys.exit(f"{path}: nothing between <!-- {name} --> and <!-- end -->")
        shown = open(output).read().rstrip()
        text = part.sub(lambda _: f"```\n{shown}\n```\n", text)
    open(path, "w").write(text)


main()
