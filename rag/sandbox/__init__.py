"""Confine a process that opens files from strangers: no network, and no files but the ones it needs.

`walls` are the rules, `restrict` applies them to the calling process for good, `launch` starts another program under
them. Landlock guards files, seccomp guards sockets and the kernel; neither needs privileges or user namespaces, so
both work in containers. Where bubblewrap runs, it comes around them (`bubblewrap_prefix`).
"""

from rag.sandbox.bubblewrap import bubblewrap_prefix
from rag.sandbox.environment import child_environment, hide_memory
from rag.sandbox.landlock import landlock_abi
from rag.sandbox.process_tree import end_tree
from rag.sandbox.restrictions import Walls, confinement_gap, restrict, runtime_files

__all__ = [
    "Walls",
    "bubblewrap_prefix",
    "child_environment",
    "confinement_gap",
    "end_tree",
    "hide_memory",
    "landlock_abi",
    "restrict",
    "runtime_files",
]
