#!/bin/sh
# python3: interpreter features that touch many parts of the machine, with printed results.
python3.11 -c '
import json, math, struct, decimal, re, hashlib, threading, subprocess, socket, os, sys, time, zlib
print(json.dumps({"a": [1, 2.5, None, "\u00e9"]}), json.loads("[1e3, -0.0, 1e400]"))
print([math.sin(x / 7) for x in range(5)], math.gamma(5.5), math.erf(0.3), math.fsum([0.1] * 10))
print(struct.pack("<hIqfd", -2, 3, -4, 1.5, 2.5).hex(), 2 ** 300 % 10 ** 9 + 7, hash("") == 0)
print(decimal.Decimal(2).sqrt(), decimal.Decimal("1.1") ** 50)
print(re.findall(r"(\w)(\d+)", "a1 b22 c333"), re.sub(r"(?<=a)b+", "X", "abbb ab b"))
for h in ("md5", "sha1", "sha256", "sha512", "blake2b", "sha3_256"): print(h, hashlib.new(h, b"xrun" * 1000).hexdigest())
r = []
def work(n): r.append(sum(i * i for i in range(n)))
ts = [threading.Thread(target=work, args=(1000 * k,)) for k in range(6)]
[t.start() for t in ts]; [t.join() for t in ts]; print(sorted(r))
print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 5"], capture_output=True))
try: subprocess.run(["/nonexistent"])
except FileNotFoundError as e: print("missing:", e.errno)
a, b = socket.socketpair(); a.send(b"ping"); print(b.recv(10))
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); c = socket.create_connection(s.getsockname()); d, _ = s.accept(); d.sendall(b"x" * 100000); d.close(); n = 0
while True:
    k = len(c.recv(65536))
    if not k: break
    n += k
print("received", n)
print(os.sysconf("SC_PAGESIZE"), sys.maxsize, zlib.crc32(b"xrun"), len(zlib.compress(bytes(range(256)) * 100)))
pid = os.fork()
if pid == 0: os._exit(9)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), float.fromhex("0x1.8p-3"), (0.1).hex(), round(2.675, 2), 1e22, 5e-324, 1.7976931348623157e308)
print(sum(x ** 0.5 for x in range(1000)), complex(1, 2) ** 2.5, divmod(-7, 2), -7 // 2.0)
'
