#!/usr/bin/env python3
"""Reads a file of --jitdump back and prints the names of its functions.   usage: jitdump.py FILE MACHINE PID"""
import struct
import sys

HEADER, LOAD = "<IIIIIIQQ", "<IIQIIQQQQ"
data = open(sys.argv[1], "rb").read()
magic, version, at, machine, _, pid, start, flags = struct.unpack_from(HEADER, data)
assert (magic, version, at, flags) == (0x4A695444, 1, struct.calcsize(HEADER), 0), "header"
assert (machine, pid) == (int(sys.argv[2]), int(sys.argv[3])), "machine, pid"
indexes = set()
while at < len(data):
    kind, size, time, owner, _, vma, addr, length, index = struct.unpack_from(LOAD, data, at)
    name, code = data[at + struct.calcsize(LOAD) : at + size].split(b"\0", 1)
    assert kind == 0 and owner == pid and vma == addr, "record"
    assert length == len(code) > 0, "code of " + name.decode()
    assert index not in indexes and start - 10**9 < time, "index, time"
    indexes.add(index)
    print(name.decode())
    at += size
assert at == len(data), "the last record is cut off"
