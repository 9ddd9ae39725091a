"""What a reading process may use, and how it ends by itself when nobody waits for it any more."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_SPARE_SECONDS = 10

_MEMORY_WORDS = ("bad_alloc", "bad allocation", "out of memory", "malloc", "insufficient memory", "failed to allocate")
"""How C++, MuPDF, OpenCV and onnxruntime say it, in lower case."""


def bound_memory(megabytes: int) -> None:
    """Limit the address space; allocations beyond it fail inside this process."""
    wanted = megabytes << 20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process with the thread that started it; at once if `parent` is gone already.

    0 stands for a parent in another process namespace: what is in between ends this one.

    Linux only. Elsewhere an idle reader ends with its standard input and a busy one by `alarm`.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if parent and os.getppid() != parent:
        os._exit(1)


def alarm(seconds: float) -> None:
    """End this process by SIGALRM well after `seconds`, even in the middle of C code; 0 calls it off."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, 2 * seconds + _SPARE_SECONDS if seconds else 0)


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception of any library means that memory ran out."""
    return isinstance(error, MemoryError) or any(word in str(error).lower() for word in _MEMORY_WORDS)


def give_back_memory() -> None:
    """Return freed memory to the system, where the C library can (glibc): it keeps 600 MB after 400 pages otherwise."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
