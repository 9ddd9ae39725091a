"""Keep secrets of this process from the child processes that open untrusted files."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

_KEPT_VARIABLES = frozenset(
    (
        "PATH LANG LANGUAGE TZ TMPDIR SYSTEMROOT LD_LIBRARY_PATH DYLD_LIBRARY_PATH SSL_CERT_FILE SSL_CERT_DIR"
        " OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS OPENBLAS_CORETYPE OPENBLAS_L2_SIZE"
        " TESSDATA_PREFIX PYTHONWARNINGS PYTHONDEVMODE PYTHONFAULTHANDLER PYTHONMALLOC MALLOC_ARENA_MAX"
    ).split()
)
"""Variables for paths of programs and their data, locale and computation.

Every other variable may be a secret and is not passed on.
"""

_PR_SET_DUMPABLE = 4


def child_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process that opens untrusted files: _KEPT_VARIABLES, the locale (LC_*) and `more`."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT_VARIABLES or name.startswith("LC_")}
    return {**kept, **(more or {})}


def hide_memory() -> None:
    """Stop other processes of this user from reading this process's memory and environment; disable core dumps.

    Linux only. Root can still read them. Programs that this process starts are not affected.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
