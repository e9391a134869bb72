#!/usr/bin/env python3
"""Runs a command so that the tests do not depend on who began them: without inherited descriptors, ignored or
blocked signals, variables, limits, a personality.   usage: plain.py COMMAND..."""
import ctypes
import os
import resource
import signal
import sys

KEPT = ('PATH', 'HOME', 'CI', 'V', 'PLAIN', 'GUEST_CC', 'PART_LIMIT', 'TORTURE_STEP', 'http_proxy', 'https_proxy',
        'ftp_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY')
SOFT = {resource.RLIMIT_STACK: 8 << 20, resource.RLIMIT_NOFILE: 4096, resource.RLIMIT_CORE: 0}
WITHOUT = (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU)


def limit(which, soft):
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
        soft = hard
    resource.setrlimit(which, (soft, hard))


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
env = {name: os.environ[name] for name in KEPT if name in os.environ}
os.execvpe(sys.argv[1], sys.argv[1:], dict(env, LC_ALL='C.UTF-8', TERM='dumb'))
