"""Which files a confined process may use, and applying that to the calling process."""

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

_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store"),
    *("/etc/fonts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload"),
    *("/etc/localtime", "/etc/timezone", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/alternatives"),
    *("/etc/papersize", "/etc/paperspecs", "/etc/libreoffice", "/etc/mime.types", "/etc/locale.alias"),
    *("/var/cache/fontconfig", "/var/lib/libreoffice", "/var/spool/libreoffice"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version", "/proc/filesystems", "/proc/sys/vm"),
    *("/sys/devices/system/cpu", "/sys/devices/system/node"),
    *("/dev/zero", "/dev/random", "/dev/urandom"),
)
"""Programs, libraries, fonts, and what they ask about the machine. Of /etc only what holds no secrets."""

_DEVICES = ("/dev/null",)


@dataclass(frozen=True, slots=True)
class Walls:
    """What a process may use once `restrict` was called; directories count with everything below them.

    ports: TCP ports that it may connect to, on kernels that can tell (Linux 6.7); only with `sockets`.
    sockets: whether it may open TCP sockets, and use the system calls that the filter refuses otherwise.
    write_checks: see `restrict_calls`. symlinks: see `restrict_files`.
    """

    readable: tuple[str, ...]
    writable: tuple[str, ...]
    sockets: bool = False
    ports: tuple[int, ...] = ()
    write_checks: bool = True
    symlinks: bool = False


def confinement_gap() -> str | None:
    """Return what this system lacks for `restrict`, as a clause, or None if nothing is missing."""
    if sys.platform != "linux":
        return "only Linux has Landlock"
    if landlock_abi() == 0:
        return "the kernel has no Landlock, or it is disabled"
    if not has_seccomp():
        return "the system call filter is written for 64-bit x86 and ARM only"
    return None


def restrict(walls: Walls) -> None:
    """Confine the calling process and whatever it starts, for good. Call it before starting threads.

    Raise OSError if the kernel refuses; ask `confinement_gap` first.
    """
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "no_new_privs was refused")
    readable = (*walls.readable, f"/proc/{os.getpid()}")
    writable = (*walls.writable, *_DEVICES)
    # Of other processes the numbers only, by which a process finds those it started.
    restrict_files(
        map(Path, readable), map(Path, writable), (Path("/proc"),), ports=walls.ports, symlinks=walls.symlinks
    )
    if walls.sockets:
        restrict_network()
    else:
        restrict_calls(write_checks=walls.write_checks)


def runtime_files(packages: Iterable[Path] = ()) -> tuple[str, ...]:
    """Return what this Python needs to run and to import installed packages, and `packages`, directories of others.

    A folder on sys.path that is not an installation (a checkout, the current folder) is left out: data may lie in it.
    """
    installed = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    packaged = (entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages", "lib-dynload"))
    return tuple(dict.fromkeys([*_SYSTEM, *sorted(installed), *packaged, *map(str, packages)]))
