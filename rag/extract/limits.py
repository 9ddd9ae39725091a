"""Limits of an extraction process: memory, time, and ending together with its parent."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_SPARE_SECONDS = 10

_OUT_OF_MEMORY_MESSAGES = (
    "bad_alloc",
    "bad allocation",
    "out of memory",
    "malloc",
    "calloc",
    "realloc",
    "insufficient memory",
    "failed to allocate",
)
"""Lower-case messages of C++, MuPDF, OpenCV and onnxruntime when memory runs out."""


def limit_memory(megabytes: int) -> None:
    """Limit the address space of this process and disable core dumps."""
    limit = megabytes << 20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with_parent(parent: int) -> None:
    """Kill this process when the thread that started it ends; immediately if `parent` has already ended.

    `parent` is a PID, or 0 if the parent is in another process namespace: then the process in between (bubblewrap)
    kills this one. Linux only. On other systems an idle process ends when its standard input is closed, and a busy one
    by `set_alarm`.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        os._exit(1)


def set_alarm(seconds: float) -> None:
    """Kill this process by SIGALRM well after `seconds`, even inside C code; 0 cancels the alarm."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds + _SPARE_SECONDS if seconds else 0)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception of any library means that memory ran out."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in _OUT_OF_MEMORY_MESSAGES)


def release_memory() -> None:
    """Return freed memory to the system. Otherwise glibc keeps 600 MB after 400 pages."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
