#!/usr/bin/env python3
"""A gdb that is broken or means harm must not bring the server down: packets that are mutated, cut off, too
long, in the wrong order, with bad checksums, between bytes of no meaning.
usage: gdbfuzz.py ROUNDS PROGRAM XRUN...   Prints what failed; exit status 1 if something did."""
import random
import select
import subprocess
import sys

PACKETS = [
    b'?', b'!', b'g', b'p8', b'p29', b'p31', b'P8=00000000', b'P10=ffffffffffffffff0340', b'G' + b'00' * 312,
    b'm8048000,40', b'm0,1', b'mffffffff,2', b'mfffffff0,ffffffff', b'M8048000,4:00000000',
    b'X8048000,4:abcd', b'Z0,8048100,1', b'z0,8048100,1', b'Z1,8048200,1', b'Z2,80e0000,4',
    b'z2,80e0000,4', b'Z3,0,ffffffff', b'z3,0,ffffffff', b'Z4,ffffffff,8', b'z4,ffffffff,8',
    b'Z0,ffffffffffffffffff,1', b'Z9,0,0', b'Hg0', b'Hg-1', b'Hgp1.1', b'Hc-1', b'Hgp-1.-1', b'T1', b'Tp1.1',
    b'qC', b'qAttached:1', b'qfThreadInfo', b'qsThreadInfo', b'qSymbol::', b'qThreadExtraInfo,1', b'qGetTLSAddr:p1.1,0,0', b'qGetTLSAddr:1,ffffffff,80e0000', b'qSymbol:8048000:5f',
    b'qXfer:features:read:target.xml:0,fff', b'qXfer:features:read:target.xml:ffffffffffffffff,1',
    b'qXfer:auxv:read::0,1000', b'qXfer:threads:read::0,1000', b'qXfer:exec-file:read::0,100',
    b'qXfer:exec-file:read:ffffffffffffffff:0,100', b'qXfer:siginfo:read::0,100',
    b'qXfer:siginfo:write::0:abcd', b'qXfer:siginfo:write::7fffffffffffffff:abcd', b'qXfer:x:read::0,0',
    b'qXfer', b'qXfer:', b'qXfer::', b'QPassSignals:1;2;8f;ff;ffffffffffff', b'QPassSignals:',
    b'QCatchSyscalls:1;6;ffff', b'QCatchSyscalls:0', b'QCatchSyscalls:', b'vCont?', b'vCont;s',
    b'vCont;r8048000,8048004', b'vCont', b'vCont;', b'vCont;x', b'vCont;C', b'vCont;t:p1.1', b'vFile:setfs:0',
    b'vFile:open:2f646576,0,0', b'vFile:pread:0,100,0', b'vFile:fstat:0', b'vFile:close:0',
    b'vFile:pread:ffffffff,ffffffffffff,ffffffffffffffff', b'vFile:readlink:2f70726f632f73656c66', b'vFile:',
    b'vFile:open:', b'vFile:close:', b'vMustReplyEmpty', b'vKill;ffffff', b'vKill;', b'D;ffffff', b'D;0',
    b'qSupported:multiprocess+;swbreak+;fork-events+', b'qSupported', b's', b'S05', b'R1'[:0], b'z', b'Z',
    b'QNonStop:1', b'QNonStop:1', b'QNonStop:0', b'QNonStop:2', b'vStopped', b'vStopped', b'vCtrlC', b'vCont;t', b'vCont;s:p1.-1;t',
    b'qRcmd,68656c70', b'qRcmd,78', b'qRcmd,', b'QEnvironmentHexEncoded:413d42', b'QEnvironmentHexEncoded:3d',
    b'QEnvironmentUnset:41', b'QEnvironmentUnset:', b'QEnvironmentReset', b'QSetWorkingDir:2f', b'QSetWorkingDir:',
    b'QDisableRandomization:1', b'QDisableRandomization:0',
    b'H', b'v', b'q', b'Q', b'P', b'p', b'm', b'X', b'M', b'G', b'T',
]
NEVER = (b'vRun', b'vKill', b'vCont;c', b'vCont;C', b'c', b'C', b'k', b'D', b'R', b'vFile:unlink', b'vFile:pwrite', b'vAttach')


def mutate(r, p):
    p = bytearray(p)
    for _ in range(r.choice([0, 0, 1, 1, 2, 5])):
        what = r.randrange(5)
        at = r.randrange(len(p) + 1)
        if what == 0 and p:
            p[at % len(p)] = r.randrange(256)
        elif what == 1:
            p[at:at] = r.choice([b'-', b':', b';', b',', b'.', b'p', b'0', b'ffffffff', b'}', b'*', b'\0'])
        elif what == 2:
            del p[at:]
        elif what == 3 and p:
            del p[at % len(p)]
        else:
            p += p[at:] * r.randrange(4)
    if p.startswith(b'vFile:open'):
        p = bytearray(b'vFile:open:2f646576,%x,0' % (r.randrange(4) & ~3))
    return bytes(p)


def escaped(p):
    return b''.join(b'}' + bytes([c ^ 0x20]) if c in b'#$}*' else bytes([c]) for c in p)


def framed(r, p):
    p = escaped(p)
    total = sum(p) & 0xff
    if r.random() < 0.03:
        total ^= r.randrange(1, 256)
    return b'$' + p + b'#%02x' % total


def noise(r):
    kind = r.randrange(6)
    if kind == 0:
        return bytes(b for b in (r.randrange(256) for _ in range(r.randrange(200))) if b not in b'$#')
    if kind == 1:
        return b'$' + b'm' * r.randrange(50000) + b'#00'
    return r.choice([b'', b'+', b'-', b'$#00', b'$}#7d', b'\x03', b'$m0,1$m0,1#00'])


class Server:
    def __init__(self, command):
        self.p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.got = b''

    def send(self, data):
        try:
            self.p.stdin.write(data)
            self.p.stdin.flush()
        except BrokenPipeError:
            pass

    def drain(self, seconds):
        while select.select([self.p.stdout], [], [], seconds)[0]:
            data = self.p.stdout.read1(65536)
            if not data:
                return False
            self.got = (self.got + data)[-65536:]
            seconds = 0
        return True

    def answers(self):
        self.got = b''
        question = framed(random.Random(1), b'qSupported:')
        self.send(b'\x03' + question)
        for _ in range(600):
            if not self.drain(0.2):
                return False
            if b'$PacketSize' in self.got:
                return True
            self.send(b'+' + question)
        return False


def session(seed, count, command):
    r = random.Random(seed)
    s = Server(command)
    if not s.answers():
        return 'no answer at the start'
    for i in range(count):
        p = mutate(r, r.choice(PACKETS))
        if p.startswith(NEVER):
            continue
        s.send(noise(r) + framed(r, p))
        s.drain(0 if i % 8 else 0.002)
        if s.p.poll() is not None:
            break
    good = s.p.poll() is not None or s.answers()
    s.p.stdin.close()
    try:
        s.drain(0.1)
        err = s.p.stderr.read()
        status = s.p.wait(timeout=120)
    except subprocess.TimeoutExpired:
        s.p.kill()
        return 'does not end'
    if b'internal error' in err or b'Sanitizer' in err or b'runtime error' in err or status in (-6, -11, 134, 139) and b'xrun:' in err:
        return 'crash: %s' % err.decode(errors='replace')
    return None if good else 'no answer any more'


def main():
    rounds, command = int(sys.argv[1]), sys.argv[3:] + ['--gdbserver=-', sys.argv[2]]
    failed = 0
    for seed in range(rounds):
        what = session(seed, 400, command)
        if what:
            failed += 1
            print('FAIL gdbfuzz, seed %d: %s' % (seed, what))
    print('debug/gdbfuzz: %d passed, %d failed, 0 skipped' % (rounds - failed, failed))
    sys.exit(failed > 0)


main()
