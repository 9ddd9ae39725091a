"""bubblewrap: separate namespaces as an optional outer layer around Landlock and seccomp.

bubblewrap needs user namespaces or a setuid installation. Containers and Ubuntu 24.04 refuse both, so the other
restrictions must not depend on it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Sequence

_ISOLATION_FLAGS = ("--unshare-all", "--die-with-parent")
_MOUNTS = ("--proc", "/proc", "--dev", "/dev")
_MOUNTED_BY_BWRAP = ("/proc", "/dev")
_TIMEOUT_SECONDS = 10


def bubblewrap_prefix(readable: Iterable[str], writable: Iterable[str]) -> list[str]:
    """Return the prefix of a command that lets it see only these paths; [] if bubblewrap does not work here.

    The command runs in its own process namespace: the process that starts it does not see the command's PID.
    """
    program = shutil.which("bwrap")
    # A container that allows user namespaces can still refuse a new /proc, so the attempt makes the same mounts.
    if program is None or not _runs([program, *_ISOLATION_FLAGS, "--ro-bind", "/", "/", *_MOUNTS, "--", "/bin/true"]):
        return []
    paths = sorted(path for path in set(readable) if not path.startswith(_MOUNTED_BY_BWRAP))
    read_only = [part for path in paths for part in ("--ro-bind-try", path, path)]
    read_write = [part for path in sorted(set(writable)) for part in ("--bind", path, path)]
    return [program, *_ISOLATION_FLAGS, *_MOUNTS, *read_only, *read_write, "--"]


def _runs(command: Sequence[str]) -> bool:
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0
