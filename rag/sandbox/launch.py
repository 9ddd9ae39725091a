"""Start a program under restrictions: `python launch.py CONFIG PROGRAM ARGUMENT...`, by the path of this file.

This is a separate program because restrictions and limits must be set between fork and exec, where a process with
threads must not run Python code.
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
    from rag.sandbox.restrictions import Restrictions

_PR_SET_PDEATHSIG = 1
_PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Limits of each process: processor time in seconds and size of a written file in bytes."""

    cpu_seconds: int
    file_bytes: int


def launch_command(restrictions: Restrictions, limits: ResourceLimits, command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` (an absolute path and arguments) under restrictions and limits.

    `restrictions` must make this Python installation and this package readable (`runtime_files`).
    """
    config = json.dumps({"restrictions": asdict(restrictions), "limits": asdict(limits), "parent": os.getpid()})
    # -I and -S: without them, files that an earlier run left in the home folder could be imported unrestricted.
    return [sys.executable, "-I", "-S", __file__, config, *command]


def package_folder() -> Path:
    """Return the folder of the package rag. In a checkout it is not inside site-packages."""
    return _PACKAGE


def main() -> None:
    # A restricted parent cannot list the folder that contains the package, so a normal import would not find it.
    package = types.ModuleType("rag")
    package.__path__ = [str(_PACKAGE)]
    sys.modules["rag"] = package
    from rag.sandbox.restrictions import Restrictions, restrict

    config = json.loads(sys.argv[1])
    limits, restrictions = ResourceLimits(**config["limits"]), config["restrictions"]
    if sys.platform == "linux":  # end the program when the process that started it ends or is killed
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != config["parent"]:
            os._exit(1)
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds, limits.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    restrict(
        Restrictions(
            tuple(restrictions["readable"]),
            tuple(restrictions["writable"]),
            sockets=restrictions["sockets"],
            ports=tuple(restrictions["ports"]),
            write_checks=restrictions["write_checks"],
            symlinks=restrictions["symlinks"],
        )
    )
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
