"""Landlock: file access rules that a process sets for itself and its children (Linux 5.13 and later).

Constants and structures are those of linux/landlock.h; see landlock(7).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""System call numbers, the same on every architecture."""

_VERSION = 1 << 0
_PATH_BENEATH, _NET_PORT = 1, 2

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG, _MAKE_SOCK = 1 << 7, 1 << 8, 1 << 9
_MAKE_SYM = 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _REFER | _TRUNCATE
"""Without symbolic links, pipes and devices: a process that reads the folder finds only regular files."""
_FILE = _EXECUTE | _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
"""The rights that apply to files; all others apply to directories only."""

_ALL_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}

_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_UNIX_SOCKET, _SCOPE_SIGNAL = 1 << 0, 1 << 1

_NET_ABI, _SCOPE_ABI = 4, 6


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


class _NetPort(ctypes.Structure):
    _fields_ = (("allowed_access", ctypes.c_uint64), ("port", ctypes.c_uint64))


def landlock_abi() -> int:
    """Return the kernel's Landlock ABI version; 0 if Landlock is missing or disabled."""
    if sys.platform != "linux":
        return 0
    version = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    return max(int(version), 0)


def restrict_files(
    readable: Iterable[Path],
    writable: Iterable[Path],
    listed: Iterable[Path] = (),
    *,
    ports: Iterable[int] = (),
    symlinks: bool = False,
) -> None:
    """Limit the calling thread and its future children to these files and to TCP connections to `ports` on any host.

    A directory includes everything below it; paths that do not exist are skipped. Directories in `listed` can only be
    listed. With `symlinks`, symbolic links can be created in writable directories.

    Call this before starting threads and after PR_SET_NO_NEW_PRIVS. Raise OSError if the kernel refuses.
    """
    abi = landlock_abi()
    rights = _ALL_BY_ABI.get(abi, _ALL_BY_ABI[5])
    ruleset = _Ruleset(
        rights,
        _BIND_TCP | _CONNECT_TCP if abi >= _NET_ABI else 0,
        _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL if abi >= _SCOPE_ABI else 0,
    )
    size = (
        8 if abi < _NET_ABI else 16 if abi < _SCOPE_ABI else 24
    )  # the kernel rejects a structure that is longer than its own
    fd = _call(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for access, paths in (
            (_READ, readable),
            (_WRITE | (_MAKE_SYM if symlinks else 0), writable),
            (_READ_DIR, listed),
        ):
            for path in paths:
                _allow_path(fd, path, access & rights)
        if abi >= _NET_ABI:
            for port in ports:
                rule = _NetPort(_CONNECT_TCP, port)
                _call(_ADD_RULE, ctypes.c_int(fd), ctypes.c_int(_NET_PORT), ctypes.byref(rule), ctypes.c_uint32(0))
        _call(_RESTRICT_SELF, ctypes.c_int(fd), ctypes.c_uint32(0))
    finally:
        os.close(fd)


def _allow_path(ruleset: int, path: Path, access: int) -> None:
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # an unreachable path needs no rule
        return
    try:
        rule = _PathBeneath(access if path.is_dir() else access & _FILE, fd)
        _call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(fd)


def _call(number: int, *arguments: object) -> int:
    result = _libc().syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return int(result)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
