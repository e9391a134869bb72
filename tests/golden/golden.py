#!/usr/bin/env python3
"""Golden expansions: what the translator makes of each snippet, as text.

usage: golden.py HOST SNIPPETS EXPECTED WORK COMMAND...      BLESS=1: writes EXPECTED instead

COMMAND runs the program made of golden.c. Each snippet is assembled and translated as a region of its
own. EXPECTED has, for each, the guest's instructions, each followed by the host's. Not shown is the jump
to what comes behind the snippet, and the stubs (ways out, slow paths), but for their size.

Where a host without features is slower (MODES), code for the newest one is listed too if it differs.

SNIPPETS: lines `name: instruction; instruction` in Intel syntax, more of them on indented lines; `name
[option option]:` with
    dead     behind the snippet all status flags are written before they are read; else they may be read
    both     two snippets, the second with `dead` (its name ends in -dead)
    ordered  other threads see memory; gs: segment gs is plain; inexact: MXCSR.PE is set
    unmasked a thread wants SSE exceptions to trap; shown: faults show flags that nobody reads
    led      indirect jumps and calls have led to one place
"""
import difflib
import os
import re
import subprocess
import sys

MODES = {"x86_64": ["newest"], "aarch64": ["oldest", "newest"]}
PLACE = 1 << 14  # golden.c's
BASE = 0x8049000
SHOWN = 12  # differing snippets
A64_TARGET = r"^((?:b|bl|b\.\w+|cbn?z|tbn?z|adr|ldr(?:sw)?) .*?)0x([0-9a-f]+)$"


def read_snippets(path):
    """[(name, options, [line of assembly])]"""
    found = []
    for line in open(path):
        line = line.split("#")[0].rstrip()
        if not line:
            continue
        head = re.match(r"([\w.+-]+)(?: \[([\w ]+)\])?:(.*)", line)
        if head and not line[0].isspace():
            found.append((head[1], (head[2] or "").split(), [head[3].strip()]))
        else:
            found[-1][2].append(line.strip())
    both = []
    for name, options, text in found:
        rest = [o for o in options if o != "both"]
        both.append((name, rest, text))
        if "both" in options:
            both.append((name + "-dead", rest + ["dead"], text))
    names = [s[0] for s in both]
    again = {n for n in names if names.count(n) > 1}
    if again:
        sys.exit(f"{path}: more than one of {' '.join(sorted(again))}")
    return both


def assemble(snippets, work):
    """The snippets' bytes go into a file; the lines for golden.c."""
    with open(f"{work}/snippets.s", "w") as f:
        f.write(".intel_syntax noprefix\n")
        for i, (_, options, text) in enumerate(snippets):
            behind = "cmp eax, eax" if "dead" in options else ""
            f.write(f"s{i}:\n" + "\n".join(text) + f"\ne{i}:\n{behind}\nint3\n")
        f.write(f"s{len(snippets)}:\n")
    tool = "i686-linux-gnu-"
    run = lambda *a: subprocess.run(a, check=True, stdout=subprocess.PIPE, text=True).stdout
    run(tool + "as", "-o", f"{work}/snippets.o", f"{work}/snippets.s")
    run(tool + "objcopy", "-O", "binary", "-j", ".text", f"{work}/snippets.o", f"{work}/snippets.bin")
    at = {}
    for line in run(tool + "nm", f"{work}/snippets.o").splitlines():
        value, _, name = line.split()
        at[name] = int(value, 16)
    lines = []
    for i, (name, options, _) in enumerate(snippets):
        start = at[f"s{i}"]
        lines.append(f"{name} {start} {at[f's{i + 1}'] - start} {at[f'e{i}'] - start} "
                     f"{','.join(options) or '-'}\n")
    return "".join(lines)


def xrun_symbols(program):
    names = {}
    for line in subprocess.run(["nm", program], stdout=subprocess.PIPE, text=True).stdout.splitlines():
        part = line.split()
        if len(part) == 3 and part[1] in "TtRrDd" and not part[2].startswith("."):
            names.setdefault(int(part[0], 16), part[2])
    return names


def disassemble_aarch64(snippets, path):
    """Puts text where the program itself knows only words."""
    with open(path, "wb") as f:
        for s in snippets:
            f.write(s.image[: s.cold])
    out = subprocess.run(["aarch64-linux-gnu-objdump", "-D", "-z", "-b", "binary", "-m", "aarch64",
                          "--no-show-raw-insn", path], check=True, stdout=subprocess.PIPE, text=True)
    texts = {}
    for line in out.stdout.splitlines():
        m = re.match(r" *([0-9a-f]+):\t(.*)", line)
        if m:
            texts[int(m[1], 16)] = m[2].split("//")[0].rstrip().replace("\t", " ")
    start = 0
    for s in snippets:
        place = lambda m: "%s@%x" % (m[1], int(m[2], 16) - start)
        s.host = [(at, re.sub(A64_TARGET, place, texts[start + at])) for at, _ in s.host]
        start += s.cold


class Snippet:
    def __init__(self, words, number, image):
        self.name = words[1]
        self.insns, self.bytes, self.size, self.cold = map(int, words[2:])
        self.image = image[number * PLACE : number * PLACE + self.size]
        self.guest, self.host, self.refs = [], [], {}

    def add(self, line):
        kind, at, text = line.split(" ", 2)
        at = int(at, 16)
        if kind == "g":
            host, text = text.split(" ", 1)
            self.guest.append((at, int(host, 16), text))
        elif kind == "h":
            text = re.sub(r"0x0000([0-9A-F]{12})", lambda m: "@%x" % int(m[1], 16), text)
            self.host.append((at, text))
        else:
            self.refs[at] = text

    def reference(self, at, end, symbols):
        for r in range(at, end):
            if r in self.refs:
                v = self.refs[r]
                return v if v == "instruction" else symbols.get(int(v, 16), "?")
        return None

    def target(self, text, at, end, symbols):
        """What an address in the code is: a place in it, or a constant behind it."""
        m = re.search(r"@([0-9a-f]+)", text)
        ref = self.reference(at, end, symbols)
        if ref and not m:
            return re.sub(r", 0x0+$", f", {ref}", text)
        if not m:
            return text
        to = int(m[1], 16)
        starts = {h: g for g, h, _ in reversed(self.guest)}
        word = re.match(r"ldr(?:sw)? ([wxsdq])", text)
        if ref:
            name = ref
        elif word:
            n = {"w": 4, "s": 4, "x": 8, "d": 8, "q": 16}[word[1]]
            name = self.refs.get(to) or "=%#x" % int.from_bytes(self.image[to : to + n], "little")
        elif to in starts and to < self.cold:
            name = "L%02x" % starts[to]
        elif to >= self.cold:
            name = "stub"
        else:
            name = ".%+d" % (to - at)
        return text[: m.start()] + name + text[m.end() :]

    def text(self, symbols):
        if not self.size:
            return f"{self.name}: not translated\n"
        ends = [at for at, _ in self.host[1:]] + [self.cold]
        host = [(at, self.target(t, at, end, symbols)) for (at, t), end in zip(self.host, ends)]
        if host and re.match(r"(jmp|b) stub$", host[-1][1]) and not self.guest[-1][2].startswith("j"):
            host.pop()
        n = "1 instruction" if self.insns == 1 else f"{self.insns} instructions"
        lines = [f"{self.name}: {n}, {self.bytes} bytes -> {len(host)}, "
                 f"{sum(e - a for (a, _), e in zip(self.host[: len(host)], ends))} bytes; "
                 f"stubs {self.size - self.cold}"]
        for i, (at, start, text) in enumerate(self.guest):
            end = self.guest[i + 1][1] if i + 1 < len(self.guest) else self.cold
            text = re.sub(r"0x0*80490([0-9A-Fa-f]{2})\b", lambda m: "L" + m[1].lower(), text)
            lines.append(f"{at:02x}  {text}")
            lines += ["        " + t for a, t in host if start <= a < end]
        return "\n".join(lines) + "\n"


def translate(host, mode, lines, work, command):
    """{name: text}"""
    image = f"{work}/{mode}.bin"
    out = subprocess.run(command + [mode, f"{work}/snippets.bin", image], input=lines, check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    data = open(image, "rb").read()
    symbols = xrun_symbols(command[-1])
    found = []
    for line in out.splitlines():
        if line[0] == "=":
            found.append(Snippet(line.split(), len(found), data))
        else:
            found[-1].add(line)
    if host == "aarch64":
        disassemble_aarch64(found, f"{work}/{mode}.hot")
    return {s.name: s.text(symbols) for s in found}


def expansions(host, snippets, work, command):
    lines = assemble(snippets, work)
    all_modes = [translate(host, m, lines, work, command) for m in MODES[host]]
    found = {}
    for name, text in all_modes[0].items():
        found[name] = text
        for mode, texts in zip(MODES[host][1:], all_modes[1:]):
            if texts[name] != text:
                found[f"{name}, {mode}"] = texts[name].replace(":", f", {mode}:", 1)
    return found


def read_expected(path):
    found = {}
    if os.path.exists(path):
        for text in open(path).read().split("\n\n"):
            if text.strip():
                text = text.strip("\n") + "\n"
                found[text.split(":", 1)[0]] = text
    return found


def compare(host, expected, got):
    bad = [n for n in {**expected, **got} if expected.get(n) != got.get(n)]
    for name in bad[:SHOWN]:
        sys.stdout.writelines(difflib.unified_diff(expected.get(name, "").splitlines(True),
                                                   got.get(name, "").splitlines(True),
                                                   f"expected {name}", f"now {name}", n=99))
    if len(bad) > SHOWN:
        print(f"... and {len(bad) - SHOWN} more")
    if bad:
        print("If that is as it should be: make bless, and look at the difference.")
    print(f"golden {host}: {len(got.keys() | expected.keys()) - len(bad)} passed, {len(bad)} failed, 0 skipped")
    return bool(bad)


def main():
    host, source, path, work, *command = sys.argv[1:]
    os.makedirs(work, exist_ok=True)
    got = expansions(host, read_snippets(source), work, command)
    if os.environ.get("BLESS"):
        with open(path, "w") as f:
            f.write("\n".join(got.values()))
        print(f"{path}: {len(got)} expansions")
        return 0
    return compare(host, read_expected(path), got)


sys.exit(main())
