"""Run a command under a container's restrictions: `python -m tests.rag.sandbox.container NAME COMMAND...`.

engine: no namespaces and no mounts, as in Docker's default profile and on Ubuntu 24.04.
old-kernel: no Landlock, as in an old kernel, in gVisor or in a container engine from before 2022.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

_NAMESPACES = 0x7E020000
_ENGINE = {"unshare": 272, "setns": 308, "mount": 165, "pivot_root": 155, "clone3": 435}
_LANDLOCK = (444, 445, 446)
CLONE = 56


def _step(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, when_true, when_false, value)


def _refuse(number: int, code: int) -> list[bytes]:
    return [_step(0x15, number, 0, 1), _step(0x06, 0x00050000 | code)]


def _filter_steps(name: str) -> list[bytes]:
    steps = [_step(0x20, 0)]
    if name == "old-kernel":
        for number in _LANDLOCK:
            steps += _refuse(number, errno.ENOSYS)
    else:
        for call, number in _ENGINE.items():
            steps += _refuse(number, errno.ENOSYS if call == "clone3" else errno.EPERM)
        steps += [_step(0x15, CLONE, 0, 4), _step(0x20, 16), _step(0x45, _NAMESPACES, 0, 1)]
        steps += [_step(0x06, 0x00050000 | errno.EPERM), _step(0x06, 0x7FFF0000)]
    return [*steps, _step(0x06, 0x7FFF0000)]


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def main() -> None:
    steps = _filter_steps(sys.argv[1])
    code = ctypes.create_string_buffer(b"".join(steps))
    program = _FilterProgram(len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(program), 0, 0):
        sys.exit(f"the filter was refused: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
