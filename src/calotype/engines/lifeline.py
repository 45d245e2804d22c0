"""How an engine's process ends with its worker, also while native code holds Python's lock.

The worker keeps the writing end of a pipe open and never writes to it. When the worker ends, however it ends, the system
closes that end. On Linux the kernel then sends SIGKILL to the process itself, so no line of Python has to run for it; elsewhere
a thread waits for the end of the pipe, which native code that holds Python's lock can delay.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import threading

if sys.platform == "linux":
    import fcntl

_PR_SET_PDEATHSIG = 1


def hold(descriptor: int) -> None:
    """Tie this process's life to the other end of the pipe."""
    if sys.platform == "linux":
        fcntl.fcntl(descriptor, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(descriptor, fcntl.F_SETFL, fcntl.fcntl(descriptor, fcntl.F_GETFL) | os.O_ASYNC)
        # a second way, should another process have inherited the writing end
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if select.select([descriptor], [], [], 0)[0]:  # the worker ended before the kernel was told
            os._exit(1)
    else:
        threading.Thread(target=_watch, args=(descriptor,), name="lifeline", daemon=True).start()


def _watch(descriptor: int) -> None:
    os.read(descriptor, 1)
    os._exit(1)
