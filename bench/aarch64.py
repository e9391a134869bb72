#!/usr/bin/env python3
"""AArch64 instructions that are executed for each of the guest's: by xrun, and by qemu-i386.

usage: aarch64.py XRUN QEMU_I386 XRUN_HERE WORK [ROOT]     ONLY=REGEX: only programs with such names

XRUN and QEMU_I386 are programs for AArch64, which qemu-aarch64 runs with the plugin insncount.c; XRUN_HERE counts
the guest's instructions (it runs on this machine). Each program is run twice, doing a little and doing more:
the difference is what the work takes, without start and translation. ROOT: an i386 root, for real programs.
"""
import math
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 600  # seconds for one run
# class, name, the two sizes. -sse: compiled for SSE2.
OWN = """
int fib 20 26
int integer 10000 20000
int lists 2 6
int machine 20000 50000
int bignum 200 700
int sha256 100 1000
int sort 5000 10000
int records 1000 8000
int virtual 100 600
string memory 1 2
sse mandel-sse 10 20
sse matrix-sse 2 10
sse nbody-sse 200 2000
sse spectral-sse 1 2
x87 mandel 10 13
x87 nbody 100 500
x87 matrix 1 4
x87 whetstone 10 30
"""
# class, name, what makes an input of a size, the two sizes, the command in ROOT
REAL = [
    ("int", "sqlite", "sql", 200, 600, ["usr/bin/sqlite3", ":memory:", ".read @"]),
    ("int", "bzip2", "bytes", 40000, 80000, ["bin/bzip2", "-c", "@"]),
    ("int", "cc1", "c", 4, 12, ["usr/lib/gcc/i686-linux-gnu/12/cc1", "-quiet", "-O2", "@", "-o", "/dev/null"]),
]
START = ["usr/bin/python3", "-c", "pass"]
BARS = {"int": 1.8, "sse": 1.7}
TRANSLATING = r"(translate|regalloc)/.*\.c$|runtime/(code|codemem|region|side)\.c$"


def make_input(kind, size, path):
    with open(path, "w") as f:
        if kind == "sql":
            f.write("create table t(a integer, b text); begin;\n")
            for i in range(size):
                f.write(f'insert into t values({i}, "row{i * 7919 % 10007}");\n')
            f.write("commit; create index i on t(b); select b, count(*) from t group by substr(b, 1, 5);\n")
        elif kind == "bytes":
            seed = 1
            for _ in range(size // 8):
                seed = (seed * 1103515245 + 12345) % (1 << 31)
                f.write(f"{seed >> 20:06d}, ")
        else:
            for i in range(size):
                f.write(f"static int f{i}(int a, int *b) {{ int s = 0; for (int i = 0; i < a; i++)\n"
                        f"if (b[i] > {i}) s += b[i] * a; else switch (s & 7) {{ case 0: s++; break;\n"
                        f"case 5: s /= 7; break; default: s ^= b[i] ^ {i}; }} return s; }}\n"
                        f"int g{i}(int a, int *b) {{ return f{i}(a, b) + f{i}(a + 1, b); }}\n")


def run(command):
    """What it writes; None if it fails."""
    p = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=LIMIT)
    return p if p.returncode == 0 else None


class Engines:
    def __init__(self, xrun, qemu, here, work, root):
        self.xrun, self.qemu, self.here, self.work, self.root = xrun, qemu, here, work, root
        self.plugin = f"{work}/insncount.so"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-o", self.plugin,
                        f"{HERE}/insncount.c"], check=True)
        self.parts = f"{work}/parts"
        write_parts(xrun, self.parts)

    def options(self):
        return ["-L", self.root] if self.root else []

    def guest(self, command):
        p = run([self.here, "--count", "--interpret", *self.options(), *command])
        m = p and re.search(rb"(\d+) guest instructions", p.stderr)
        return (int(m[1]), p.stdout) if m else None

    def counted(self, command):
        """{part: instructions}, output"""
        counts = f"{self.work}/counts"
        p = run(["qemu-aarch64", "-plugin", f"{self.plugin},out={counts},parts={self.parts}", *command])
        if not p:
            return None
        pairs = (line.split() for line in open(counts))
        return {name: int(n) for name, n in pairs}, p

    def by_xrun(self, command, *more):
        return self.counted([self.xrun, "--store=off", *more, *self.options(), *command])

    def by_qemu(self, command): # below 4 GiB is no room for its guest under an emulator
        return self.counted([self.qemu, "-B", "0x200000000", *self.options(), *command])


def write_parts(program, path):
    """Where each source file's code lies in xrun: from what the compiler says for debuggers."""
    tool = ["aarch64-linux-gnu-readelf", "--wide"]
    read = lambda *a: subprocess.run([*tool, *a, program], stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL, text=True).stdout
    names, unit = {}, None
    for line in read("--debug-dump=info", "--dwarf-depth=1").splitlines():
        if m := re.search(r"Compilation Unit @ offset (?:0x)?([0-9a-f]+)", line):
            unit = int(m[1], 16)
        elif m := re.search(r"DW_AT_name .*: (\S+)$", line):
            names.setdefault(unit, m[1])
    ranges = []
    for line in read("--debug-dump=aranges").splitlines():
        if m := re.search(r"Offset into .debug_info: *(?:0x)?([0-9a-f]+)", line):
            unit = int(m[1], 16)
        elif m := re.match(r" +([0-9a-f]{16}) ([0-9a-f]{16}) *$", line):
            start, length = int(m[1], 16), int(m[2], 16)
            if length:
                ranges.append((start, start + length, names.get(unit, "?")))
    with open(path, "w") as f:
        for start, end, name in sorted(ranges):
            f.write(f"{start:x} {end:x} {name}\n")


def measure(engines, small, large):
    """Host instructions for each of the guest's: xrun's, qemu's; and what is wrong."""
    counts = []
    for command in small, large:
        guest, xrun, qemu = engines.guest(command), engines.by_xrun(command), engines.by_qemu(command)
        if not guest or not xrun:
            return None, None, None, "FAILED"
        counts.append((guest[0], xrun[0]["all"], qemu[0]["all"] if qemu else None))
    note = "" if xrun[1].stdout == guest[1] else "OUTPUT DIFFERS"
    n, x = (counts[1][i] - counts[0][i] for i in range(2))
    q = counts[1][2] - counts[0][2] if counts[0][2] and counts[1][2] else None
    return n, x / n, q / n if q else None, note


def commands(engines):
    """class, name, command for the small size, for the large one"""
    cc = os.environ.get("GUEST_CC", "i686-linux-gnu-gcc")
    only = os.environ.get("ONLY", ".")
    for line in OWN.split("\n"):
        if not line or not re.search(only, line.split()[1]):
            continue
        kind, name, small, large = line.split()
        program = f"{engines.work}/{name}"
        flags = ["-msse2", "-mfpmath=sse"] if name.endswith("-sse") else []
        subprocess.run([cc, "-O2", *flags, "-static", "-o", program,
                        f"{HERE}/{name.removesuffix('-sse')}.c", "-lm"], check=True)
        yield kind, name, [program, small], [program, large]
    for kind, name, data, small, large, command in REAL:
        if not engines.root or not os.path.exists(f"{engines.root}/{command[0]}") or not re.search(only, name):
            continue
        pair = []
        for size in small, large:
            path = f"{engines.work}/{name}.{size}"
            make_input(data, size, path)
            pair.append([f"{engines.root}/{command[0]}"] + [a.replace("@", path) for a in command[1:]])
        yield kind, name, *pair


def geomean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def summary(rows):
    for kind in dict.fromkeys(r[0] for r in rows):
        own = [r[2] for r in rows if r[0] == kind]
        both = [r[3] / r[2] for r in rows if r[0] == kind and r[3]]
        bar = f" (at most {BARS[kind]})" if kind in BARS else ""
        print(f"{kind:8} {geomean(own):6.2f} of {len(own)}{bar}, largest {max(own):.2f}"
              + (f"; qemu-i386 {geomean(both):.1f} times as many" if both else ""))


def start(engines):
    """What decoding and translating takes, of a program that does nothing else."""
    found = engines.by_xrun([f"{engines.root}/{START[0]}", *START[1:]], "--profile")
    text = found and found[1].stderr.decode()
    m = found and re.search(r"translated (\d+) instructions", text)
    d = found and re.search(r"decoded (\d+) instructions", text)
    if not m or not d:
        print("start: --profile says nothing")
        return
    counts = found[0]
    share = lambda regex: sum(n for name, n in counts.items() if re.search(regex, name))
    print(f"{' '.join(START)}: {counts['all'] / 1e6:.0f} million instructions; "
          f"{share(TRANSLATING) / int(m[1]):.0f} for each of {m[1]} translated, "
          f"{share(r'^decode/') / int(d[1]):.0f} for each of {d[1]} decoded (Zydis not counted), "
          f"{share(r'^interp/') / 1e6:.0f} million in the interpreter")


def main():
    xrun, qemu, here, work, root = [*sys.argv[1:], ""][:5]
    os.makedirs(work, exist_ok=True)
    tee = subprocess.Popen(["tee", f"{work}/output"], stdin=subprocess.PIPE)
    os.dup2(tee.stdin.fileno(), sys.stdout.fileno())
    engines = Engines(xrun, qemu, here, work, root if os.path.isdir(f"{root}/usr/bin") else "")
    rows = []
    print(f"{'class':8} {'program':14} {'guest million':>13} {'xrun':>7} {'qemu-i386':>10} {'qemu/xrun':>10}")
    for kind, name, small, large in commands(engines):
        n, x, q, note = measure(engines, small, large)
        if x is None:
            print(f"{kind:8} {name:14} {note}")
            continue
        rows.append((kind, name, x, q))
        print(f"{kind:8} {name:14} {n / 1e6:13.2f} {x:7.2f} {f'{q:10.2f} {q / x:10.2f}' if q else '         -          -'} "
              f"{note}".rstrip(), flush=True)
    if rows:
        summary(rows)
    if engines.root and re.search(os.environ.get("ONLY", "."), "start"):
        start(engines)


main()
