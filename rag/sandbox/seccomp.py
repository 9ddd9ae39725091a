"""A seccomp filter: no sockets but local stream ones, no connections, and no calls that Landlock does not guard.

Local sockets are needed by LibreOffice, which talks to its own helper process through one that it inherits or binds
in its own folder; `connect` is refused, so the sockets of other programs (a container engine's, for example) stay out
of reach. Numbers are those of linux/filter.h, linux/seccomp.h and the kernel's system call tables.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
import sys
from collections.abc import Iterable

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000

_LOAD, _EQUAL, _ANY_BIT, _MASK, _RETURN = 0x20, 0x15, 0x45, 0x54, 0x06
"""BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JSET|BPF_K, BPF_ALU|BPF_AND|BPF_K, BPF_RET|BPF_K."""

_NR, _ARCH, _ARGUMENTS = 0, 4, 16
"""Offsets in struct seccomp_data; each argument has eight bytes, the low four first (both machines store it so)."""

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""AUDIT_ARCH_*, and the column of `_CALLS`."""

_X32 = 0x40000000
_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_SOCKET_TYPE = 0xF

_CALLS: dict[str, tuple[int | None, int | None]] = {
    # Reach other processes, or reach the network without a socket call.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setscheduler": (144, 119),
    "sched_setattr": (314, 274),
    # Leave the process group, by which everything that was started is ended.
    "setsid": (112, 157),
    "setpgid": (109, 154),
    # Change a file that may only be read, or watch one that may not: Landlock guards neither modes, owners, attributes
    # and times, nor (before Linux 6.2) lengths, nor names that are created.
    "truncate": (76, 45),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "inotify_add_watch": (254, 27),
    "fanotify_init": (300, 262),
    # Leave the file system, or find files by number instead of by path.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "unshare": (272, 97),
    "setns": (308, 268),
    # Parts of the kernel that no document needs.
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "syslog": (103, 116),
    "acct": (163, 89),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "iopl": (172, None),
    "ioperm": (173, None),
}
"""Refused outright with EPERM. Numbers on x86_64 and aarch64."""

_SOCKET, _SOCKETPAIR, _CONNECT, _SENDTO, _CLONE, _CLONE3 = (41, 198), (53, 199), (42, 203), (44, 206), (56, 220), 435
_SENDMSG, _SENDMMSG = (46, 211), (307, 269)
_OPEN, _OPENAT, _OPENAT2, _IOCTL, _PRLIMIT = (2, None), (257, 56), 437, (16, 29), (302, 261)

_ACCESS_MODE = 0o3
_SET_FLAGS = (0x40086602, 0x401C5820)
"""FS_IOC_SETFLAGS and FS_IOC_FSSETXATTR, which change a file that is open for reading only."""

_ACCESS: tuple[tuple[tuple[int, int | None], int], ...] = (((21, None), 1), ((269, 48), 2), ((439, 439), 2))
"""access, faccessat and faccessat2, and which argument is the mode."""


def has_seccomp() -> bool:
    """Return whether the filter is written for this system and architecture."""
    return sys.platform == "linux" and platform.machine() in _ARCHITECTURES and struct.calcsize("P") == 8


def restrict_network() -> None:
    """Allow network sockets for TCP only, which Landlock limits to ports, and keep everything else as it is.

    For a browser, which has a sandbox of its own and needs what `restrict_calls` refuses. The same conditions hold.
    """
    _install(_network_program(*_ARCHITECTURES[platform.machine()]))


def restrict_calls(*, write_checks: bool = True) -> None:
    """Apply the filter to the calling thread and whatever it starts, for good.

    write_checks: whether access(2) may say that something is writable. It does not know of Landlock: LibreOffice
    would bind its socket in /tmp, which it cannot, instead of in the folder that it is told.

    Call it before starting threads, and after PR_SET_NO_NEW_PRIVS. Raise OSError if the kernel refuses.
    """
    _install(_program(*_ARCHITECTURES[platform.machine()], write_checks))


def _install(steps: Iterable[bytes]) -> None:
    code = b"".join(steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _network_program(architecture: int, column: int) -> Iterable[bytes]:
    yield from _prologue(architecture)
    yield from _when(
        _SOCKET[column],
        [
            _argument(0),
            _step(_EQUAL, socket.AF_UNIX, 3, 0),
            _step(_EQUAL, socket.AF_INET, 3, 0),
            _step(_EQUAL, socket.AF_INET6, 2, 0),
            _refuse(errno.EAFNOSUPPORT),
            _allow(),
            _argument(1),
            _step(_MASK, _SOCKET_TYPE),
            _step(_EQUAL, socket.SOCK_STREAM, 1, 0),
            _refuse(errno.EACCES),
            _argument(2),  # not MPTCP, which Landlock does not know
            _step(_EQUAL, 0, 2, 0),
            _step(_EQUAL, socket.IPPROTO_TCP, 1, 0),
            _refuse(errno.EACCES),
            _allow(),
        ],
    )
    for call, flags in ((_SENDTO, 3), (_SENDMSG, 2), (_SENDMMSG, 3)):  # a connection without `connect`
        steps = [_argument(flags), _step(_ANY_BIT, socket.MSG_FASTOPEN, 0, 1), _refuse(errno.EACCES), _allow()]
        yield from _when(call[column], steps)
    for name in ("io_uring_setup", "io_uring_enter", "io_uring_register"):
        number = _CALLS[name][column]
        assert number is not None
        yield from _when(number, [_refuse(errno.EPERM)])
    yield _allow()


def _prologue(architecture: int) -> Iterable[bytes]:
    """Refuse calls by another architecture's numbers, and leave the number of the call loaded."""
    yield _step(_LOAD, _ARCH)
    yield _step(_EQUAL, architecture, 1, 0)
    yield _refuse(errno.EPERM)
    yield _step(_LOAD, _NR)
    yield _step(_ANY_BIT, _X32, 0, 1)  # x86_64 processes may call by other numbers, too
    yield _refuse(errno.EPERM)


def _program(architecture: int, column: int, write_checks: bool) -> Iterable[bytes]:
    yield from _prologue(architecture)
    for numbers in _CALLS.values():
        number = numbers[column]
        if number is not None:
            yield from _when(number, [_refuse(errno.EPERM)])
    yield from _argument_rules(column)
    # The C library goes back to clone, whose flags can be looked at here.
    yield from _when(_CLONE3, [_refuse(errno.ENOSYS)])
    yield from _when(_CLONE[column], [_argument(0), _step(_ANY_BIT, _NAMESPACES, 0, 1), _refuse(errno.EPERM), _allow()])
    yield from _when(_CONNECT[column], [_refuse(errno.EACCES)])
    # A local datagram socket reaches other programs' sockets by the address given with a message.
    address = [_argument(4), _step(_EQUAL, 0, 1, 0), _refuse(errno.EACCES)]
    address += [_argument(4, high=True), _step(_EQUAL, 0, 1, 0), _refuse(errno.EACCES), _allow()]
    yield from _when(_SENDTO[column], address)
    for call in (_SOCKET, _SOCKETPAIR):
        yield from _when(call[column], _local_stream())
    if not write_checks:
        for numbers, argument in _ACCESS:
            if (number := numbers[column]) is not None:
                yield from _when(
                    number, [_argument(argument), _step(_EQUAL, os.W_OK, 0, 1), _refuse(errno.EACCES), _allow()]
                )
    yield _allow()


def _argument_rules(column: int) -> Iterable[bytes]:
    """Calls that are harmless or not by what they are given."""
    # Emptying a file needs the right to write only since Linux 6.2.
    for numbers, flags in ((_OPEN, 1), (_OPENAT, 2)):
        if (number := numbers[column]) is not None:
            yield from _when(
                number,
                [
                    _argument(flags),
                    _step(_ANY_BIT, os.O_TRUNC, 1, 0),
                    _allow(),
                    _step(_MASK, _ACCESS_MODE),
                    _step(_EQUAL, os.O_RDONLY, 0, 1),
                    _refuse(errno.EACCES),
                    _allow(),
                ],
            )
    yield from _when(_OPENAT2, [_refuse(errno.ENOSYS)])  # its flags lie behind a pointer; programs do without it
    set_flags = [step for command in _SET_FLAGS for step in (_step(_EQUAL, command, 0, 1), _refuse(errno.EPERM))]
    yield from _when(_IOCTL[column], [_argument(1), *set_flags, _allow()])
    # Limits of another process can end it; 0 is the calling one.
    yield from _when(_PRLIMIT[column], [_argument(0), _step(_EQUAL, 0, 1, 0), _refuse(errno.EPERM), _allow()])


def _local_stream() -> list[bytes]:
    return [
        _argument(0),
        _step(_EQUAL, socket.AF_UNIX, 1, 0),
        _refuse(errno.EAFNOSUPPORT),
        _argument(1),
        _step(_MASK, _SOCKET_TYPE),
        _step(_EQUAL, socket.SOCK_STREAM, 2, 0),
        _step(_EQUAL, socket.SOCK_SEQPACKET, 1, 0),
        _refuse(errno.EACCES),
        _allow(),
    ]


def _when(number: int, steps: list[bytes]) -> Iterable[bytes]:
    """Run the steps, which must end in a verdict, for one system call; the number stays loaded for the others."""
    yield _step(_EQUAL, number, 0, len(steps))
    yield from steps


def _argument(index: int, *, high: bool = False) -> bytes:
    return _step(_LOAD, _ARGUMENTS + 8 * index + (4 if high else 0))


def _refuse(code: int) -> bytes:
    return _step(_RETURN, _ERRNO | code)


def _allow() -> bytes:
    return _step(_RETURN, _ALLOW)


def _step(code: int, value: int, when_true: int = 0, when_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, when_true, when_false, value)
