"""Kill a process and its descendants, including those in other sessions (Chromium starts its own session)."""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

_WAIT_SECONDS = 5


def end_tree(pid: int) -> None:
    """Kill the process, its group and, on Linux, its descendants; wait until the descendants have ended.

    A descendant is missed if it left the group and its parent has already ended.
    """
    with ExitStack() as stack:
        poller = select.poll() if hasattr(select, "poll") else None
        pending = 0
        for descendant in _descendants(pid):
            with suppress(ProcessLookupError, PermissionError):
                pidfd = os.pidfd_open(descendant)  # keeps the PID from being reused
                stack.callback(os.close, pidfd)
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                if poller is not None:
                    poller.register(pidfd, select.POLLIN)
                    pending += 1
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        while pending and poller is not None and (ended := poller.poll(_WAIT_SECONDS * 1000)):
            for pidfd, _ in ended:
                poller.unregister(pidfd)
            pending -= len(ended)


def _descendants(pid: int) -> list[int]:
    """Return the PIDs of all descendants, parents before their children; [] on systems other than Linux."""
    if sys.platform != "linux":
        return []
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
    found = list(children.get(pid, ()))
    for descendant in found:  # the list grows during the loop
        found += children.get(descendant, ())
    return found
