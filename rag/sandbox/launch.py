"""Start a program behind walls: `python launch.py ORDER PROGRAM ARGUMENT...`, by the path of this file.

A program of its own, because walls and limits have to be set between fork and exec, where a process with threads may
not run Python code.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import types
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.sandbox.restrictions import Walls

_PR_SET_PDEATHSIG = 1
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Limits:
    """Processor time in seconds and the size of a file in bytes, for each process that is started."""

    cpu_seconds: int
    file_bytes: int


def launch_command(walls: Walls, limits: Limits, command: Sequence[str]) -> list[str]:
    """Return the command that runs `command`, an absolute path and arguments, confined and limited.

    `walls` must let this Python and this package be read: see `runtime_files`.
    """
    order = json.dumps({"walls": asdict(walls), "limits": asdict(limits), "parent": os.getpid()})
    # -I and -S: nothing that the program left in its home folder is imported before the walls stand.
    return [sys.executable, "-I", "-S", __file__, order, *command]


def package_folder() -> Path:
    """Return the folder of the package rag, which is not below a folder of installed packages in a checkout."""
    return _PACKAGE


def main() -> None:
    # A confined parent may not list the folder that holds the package, so an ordinary import would not find it.
    package = types.ModuleType("rag")
    package.__path__ = [str(_PACKAGE)]
    sys.modules["rag"] = package
    from rag.sandbox.restrictions import Walls, restrict

    order = json.loads(sys.argv[1])
    limits, walls = Limits(**order["limits"]), order["walls"]
    if sys.platform == "linux":  # the program ends with the process that started it, even when that is killed
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != order["parent"]:
            os._exit(1)
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    restrict(
        Walls(
            tuple(walls["readable"]),
            tuple(walls["writable"]),
            sockets=walls["sockets"],
            ports=tuple(walls["ports"]),
            write_checks=walls["write_checks"],
            symlinks=walls["symlinks"],
        )
    )
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
