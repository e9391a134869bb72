#!/usr/bin/env python3
"""Runs a command so that the tests do not depend on who began them: without inherited descriptors, ignored or
blocked signals, variables, limits, a personality; with a loopback interface that is up.
usage: plain.py [--own] COMMAND...     --own: with the variables that tell single tests what to do"""
import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys

KEPT = ('PATH', 'HOME', 'CI', 'V', 'PLAIN', 'CHECK_PARTS', 'GUEST_CC', 'PART_LIMIT', 'TORTURE_STEP', 'http_proxy',
        'https_proxy', 'ftp_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY')
OWN = ('ONLY', 'RECORD', 'JOBS', 'LIMIT', 'CPUS', 'BAD_LINES', 'PROBE_RANDOM', 'PROBE_STEP', 'PROGRAMS', 'QEMU_CPU')
SOFT = {resource.RLIMIT_STACK: 8 << 20, resource.RLIMIT_NOFILE: 4096, resource.RLIMIT_CORE: 0}
WITHOUT = (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU)
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def limit(which, soft):
    hard = resource.getrlimit(which)[1]
    if which == resource.RLIMIT_STACK:
        try:  # programs raise theirs; some systems let nobody but root have more
            resource.setrlimit(which, (soft, resource.RLIM_INFINITY))
            return
        except ValueError:
            pass
    if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
        soft = hard
    resource.setrlimit(which, (soft, hard))


def raise_loopback():
    """A network namespace that somebody made for us has it down."""
    request = struct.pack('16sh14x', b'lo', 0)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            flags = struct.unpack('16sh14x', fcntl.ioctl(s, SIOCGIFFLAGS, request))[1]
            if not flags & IFF_UP:
                fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack('16sh14x', b'lo', flags | IFF_UP))
    except OSError:
        pass  # the tests that need it say so


command = sys.argv[1:]
own = command[0] == '--own'
if own:
    del command[0]
for fd in [int(name) for name in os.listdir('/proc/self/fd') if int(name) > 2]:
    try:
        os.close(fd)
    except OSError:
        pass  # the directory itself
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
for which, soft in SOFT.items():
    limit(which, soft)
for which in WITHOUT:
    limit(which, resource.RLIM_INFINITY)
ctypes.CDLL(None).personality(0)
raise_loopback()
os.umask(0o22)
env = {name: value for name, value in os.environ.items()
       if name in KEPT or own and (name in OWN or name.startswith('XRUN_'))}
os.execvpe(command[0], command, dict(env, LC_ALL='C.UTF-8', TERM='dumb'))
