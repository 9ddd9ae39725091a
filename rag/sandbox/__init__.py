"""Sandbox for processes that open untrusted files: no network, and only the files they need.

`Restrictions` are the rules, `restrict` applies them to the calling process permanently, and `launch` starts another
program under them. Landlock restricts files, seccomp restricts sockets and other system calls. Neither needs
privileges or user namespaces, so both work in containers. Where bubblewrap works, it is added as an outer layer
(`bubblewrap_prefix`).
"""

from rag.sandbox.bubblewrap import bubblewrap_prefix
from rag.sandbox.environment import child_environment, hide_memory
from rag.sandbox.landlock import landlock_abi
from rag.sandbox.process_tree import end_tree
from rag.sandbox.restrictions import Restrictions, confinement_gap, restrict, runtime_files

__all__ = [
    "Restrictions",
    "bubblewrap_prefix",
    "child_environment",
    "confinement_gap",
    "end_tree",
    "hide_memory",
    "landlock_abi",
    "restrict",
    "runtime_files",
]
