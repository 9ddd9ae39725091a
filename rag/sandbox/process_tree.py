"""Ending a process with what it started in other sessions: Chromium makes one of its own."""

from __future__ import annotations

import os
import select
import signal
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

_SECONDS = 5


def end_tree(pid: int) -> None:
    """Kill the process, its group, and on Linux its descendants, and wait until those are gone.

    A descendant whose parent has ended, outside the group, is not found.
    """
    with ExitStack() as stack:
        waiting = select.poll() if hasattr(select, "poll") else None
        handles = 0
        for descendant in _descendants(pid):
            with suppress(ProcessLookupError, PermissionError):
                handle = os.pidfd_open(descendant)  # holds the number: it cannot be given to another process meanwhile
                stack.callback(os.close, handle)
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                if waiting is not None:
                    waiting.register(handle, select.POLLIN)
                    handles += 1
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        while handles and waiting is not None and (ended := waiting.poll(_SECONDS * 1000)):
            for handle, _ in ended:
                waiting.unregister(handle)
            handles -= len(ended)


def _descendants(pid: int) -> list[int]:
    """Every process below this one, those that were started first before those they started; none but on Linux."""
    if sys.platform != "linux":
        return []
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
    found = list(children.get(pid, ()))
    for each in found:  # grows while it is walked through
        found += children.get(each, ())
    return found
