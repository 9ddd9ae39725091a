"""What a child process that opens strangers' files learns about the process that started it: next to nothing."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

_KEPT = frozenset(
    (
        "PATH LANG LANGUAGE TZ TMPDIR SYSTEMROOT LD_LIBRARY_PATH DYLD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR"
        " OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS OPENBLAS_CORETYPE OPENBLAS_L2_SIZE"
        " PYTHONWARNINGS PYTHONDEVMODE PYTHONFAULTHANDLER PYTHONMALLOC MALLOC_ARENA_MAX"
    ).split()
)
"""Where programs are, how they speak, and how they compute. Whatever else is set stays here: it may be a secret."""

_PR_SET_DUMPABLE = 4


def child_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables for a process that opens strangers' files, and `more`; locale variables (LC_*) included."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("LC_")}
    return {**kept, **(more or {})}


def hide_memory() -> None:
    """Keep other processes of this user from reading this one's memory and environment in /proc, and core dumps off.

    Linux only. Root can read them all the same. A program that is started from here is not affected.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
