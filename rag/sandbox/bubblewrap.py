"""bubblewrap: namespaces in which nothing else exists, around what Landlock and seccomp confine, where it runs.

It needs user namespaces, or to be installed setuid; containers and Ubuntu 24.04 refuse it, which is why it is not the
wall that the others lean on.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence

_ISOLATED = ("--unshare-all", "--die-with-parent")
_PROVIDED = ("/proc", "/dev")
_SECONDS = 10


def bubblewrap_prefix(readable: Iterable[str], writable: Iterable[str]) -> list[str]:
    """Return what to put before a command to run it with these paths alone; empty where bubblewrap does not run.

    The command sees itself in a process namespace of its own, the process that starts it does not see its number.
    """
    program = shutil.which("bwrap")
    if program is None or not _runs([program, *_ISOLATED, "--ro-bind", "/", "/", "--", "/bin/true"]):
        return []
    places = sorted(path for path in set(readable) if not path.startswith(_PROVIDED))
    read = [part for path in places for part in ("--ro-bind-try", path, path)]
    write = [part for path in sorted(set(writable)) for part in ("--bind", path, path)]
    return [program, *_ISOLATED, "--proc", "/proc", "--dev", "/dev", *read, *write, "--"]


def _runs(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
