"""Restrictions of a sandboxed process, and applying them to the calling process."""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rag.sandbox.landlock import landlock_abi, restrict_files
from rag.sandbox.seccomp import has_seccomp, restrict_calls, restrict_network

_PR_SET_NO_NEW_PRIVS = 38

_SYSTEM_FILES = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store"),
    *("/etc/fonts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload"),
    *("/etc/localtime", "/etc/timezone", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/alternatives"),
    *("/etc/papersize", "/etc/paperspecs", "/etc/libreoffice", "/etc/mime.types", "/etc/locale.alias"),
    *("/var/cache/fontconfig", "/var/lib/libreoffice", "/var/spool/libreoffice"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems", "/proc/sys/vm"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node"),
    *("/dev/zero", "/dev/random", "/dev/urandom"),
)
"""Programs, libraries, fonts, and the machine information they read. /etc only as far as it holds no secrets."""

_DEVICES = ("/dev/null",)


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What a process can use after `restrict`. A directory includes everything below it.

    sockets: allow TCP sockets, and system calls that the filter refuses otherwise (`restrict_network`).
    ports: TCP ports that the process can connect to (needs `sockets`; enforced from Linux 6.7 on).
    write_checks: see `restrict_calls`. symlinks: see `restrict_files`.
    """

    readable: tuple[str, ...]
    writable: tuple[str, ...]
    sockets: bool = False
    ports: tuple[int, ...] = ()
    write_checks: bool = True
    symlinks: bool = False


def confinement_gap() -> str | None:
    """Return why `restrict` does not work on this system, as a clause; None if it works."""
    if sys.platform != "linux":
        return "only Linux has Landlock"
    if landlock_abi() == 0:
        return "the kernel has no Landlock, or it is disabled"
    if not has_seccomp():
        return "the system call filter supports only 64-bit x86 and ARM"
    return None


def restrict(restrictions: Restrictions) -> None:
    """Restrict the calling process and its future children permanently. Call this before starting threads.

    Raise OSError if the kernel refuses; check `confinement_gap` first.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    readable = (*restrictions.readable, f"/proc/{os.getpid()}")
    writable = (*restrictions.writable, *_DEVICES)
    # /proc can be listed so that a process finds its children; other processes' entries cannot be read.
    restrict_files(
        map(Path, readable),
        map(Path, writable),
        (Path("/proc"),),
        ports=restrictions.ports,
        symlinks=restrictions.symlinks,
    )
    if restrictions.sockets:
        restrict_network()
    else:
        restrict_calls(write_checks=restrictions.write_checks)


def runtime_files(packages: Iterable[Path] = ()) -> tuple[str, ...]:
    """Return the paths that this Python needs to run and to import installed packages, plus `packages`.

    Folders on sys.path that are not installations (a checkout, the current folder) are left out: they can contain data.
    """
    installed = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    packaged = (entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages", "lib-dynload"))
    return tuple(dict.fromkeys([*_SYSTEM_FILES, *sorted(installed), *packaged, *map(str, packages)]))
