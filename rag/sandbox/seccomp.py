"""seccomp filter: only local stream sockets, no connections, and none of the calls that Landlock does not cover.

LibreOffice needs local sockets: it talks to its own helper process through one that it inherits or binds in its own
folder. `connect` is refused, so sockets of other programs (for example of a container engine) cannot be reached.
Numbers are from linux/filter.h, linux/seccomp.h and the kernel's system call tables.
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
"""Offsets in struct seccomp_data. Each argument has eight bytes, the low four first (both machines: little-endian)."""

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""AUDIT_ARCH_* and the column in `_CALLS`."""

_X32 = 0x40000000
_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_SOCKET_TYPE = 0xF

_CALLS: dict[str, tuple[int | None, int | None]] = {
    # Access to other processes, or to the network without a socket call.
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
    # Leaving the process group, which is how child processes are killed.
    "setsid": (112, 157),
    "setpgid": (109, 154),
    # Changes to read-only files, and watching files. Landlock does not cover modes, owners, attributes, times, watches
    # and (before Linux 6.2) truncation.
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
    # Leaving the file system, or opening files by handle instead of by path.
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
    # Parts of the kernel that document processing does not need.
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
"""Calls that always fail with EPERM: numbers on x86_64 and on aarch64 (None: does not exist there)."""

_SOCKET, _SOCKETPAIR, _CONNECT, _SENDTO, _CLONE, _CLONE3 = (41, 198), (53, 199), (42, 203), (44, 206), (56, 220), 435
_SENDMSG, _SENDMMSG = (46, 211), (307, 269)
_OPEN, _OPENAT, _OPENAT2, _IOCTL, _PRLIMIT = (2, None), (257, 56), 437, (16, 29), (302, 261)

_ACCESS_MODE = 0o3
_SET_FLAGS = (0x40086602, 0x401C5820)
"""FS_IOC_SETFLAGS and FS_IOC_FSSETXATTR, which can change a file that is open for reading only."""

_ACCESS: tuple[tuple[tuple[int, int | None], int], ...] = (((21, None), 1), ((269, 48), 2), ((439, 439), 2))
"""access, faccessat and faccessat2, each with the index of its mode argument."""


def has_seccomp() -> bool:
    """Return whether the filter supports this system and architecture."""
    return sys.platform == "linux" and platform.machine() in _ARCHITECTURES and struct.calcsize("P") == 8


def restrict_network() -> None:
    """Limit network sockets to TCP, which Landlock limits to ports; do not filter other system calls.

    For a browser, which has its own sandbox and needs calls that `restrict_calls` refuses. Call it under the same
    conditions as `restrict_calls`.
    """
    _install(_network_filter(*_ARCHITECTURES[platform.machine()]))


def restrict_calls(*, write_checks: bool = True) -> None:
    """Apply the filter to the calling thread and its future children permanently.

    write_checks: whether access(2) can report a path as writable. access(2) ignores Landlock: LibreOffice would try to
    bind its socket in /tmp, and fail, instead of in the folder it was given.

    Call this before starting threads and after PR_SET_NO_NEW_PRIVS. Raise OSError if the kernel refuses.
    """
    _install(_call_filter(*_ARCHITECTURES[platform.machine()], write_checks))


def _install(steps: Iterable[bytes]) -> None:
    code = b"".join(steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _FilterProgram(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0):
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _network_filter(architecture: int, column: int) -> Iterable[bytes]:
    yield from _architecture_check(architecture)
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
            _argument(2),  # not MPTCP, which Landlock does not cover
            _step(_EQUAL, 0, 2, 0),
            _step(_EQUAL, socket.IPPROTO_TCP, 1, 0),
            _refuse(errno.EACCES),
            _allow(),
        ],
    )
    for call, flags in ((_SENDTO, 3), (_SENDMSG, 2), (_SENDMMSG, 3)):  # TCP Fast Open connects without `connect`
        steps = [_argument(flags), _step(_ANY_BIT, socket.MSG_FASTOPEN, 0, 1), _refuse(errno.EACCES), _allow()]
        yield from _when(call[column], steps)
    for name in ("io_uring_setup", "io_uring_enter", "io_uring_register"):
        number = _CALLS[name][column]
        assert number is not None
        yield from _when(number, [_refuse(errno.EPERM)])
    yield _allow()


def _architecture_check(architecture: int) -> Iterable[bytes]:
    """Refuse calls with another architecture's numbers; leave the number of the call loaded."""
    yield _step(_LOAD, _ARCH)
    yield _step(_EQUAL, architecture, 1, 0)
    yield _refuse(errno.EPERM)
    yield _step(_LOAD, _NR)
    yield _step(_ANY_BIT, _X32, 0, 1)  # x86_64 processes can also use the x32 numbers
    yield _refuse(errno.EPERM)


def _call_filter(architecture: int, column: int, write_checks: bool) -> Iterable[bytes]:
    yield from _architecture_check(architecture)
    for numbers in _CALLS.values():
        number = numbers[column]
        if number is not None:
            yield from _when(number, [_refuse(errno.EPERM)])
    yield from _argument_rules(column)
    # The C library falls back to clone, whose flags the filter can check.
    yield from _when(_CLONE3, [_refuse(errno.ENOSYS)])
    yield from _when(_CLONE[column], [_argument(0), _step(_ANY_BIT, _NAMESPACES, 0, 1), _refuse(errno.EPERM), _allow()])
    yield from _when(_CONNECT[column], [_refuse(errno.EACCES)])
    # A local datagram socket can reach other programs' sockets by an address in the message.
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
    """Refuse calls depending on their arguments."""
    # Before Linux 6.2, Landlock lets read-only files be truncated on open.
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
    yield from _when(_OPENAT2, [_refuse(errno.ENOSYS)])  # its flags are behind a pointer; programs fall back to openat
    set_flags = [step for command in _SET_FLAGS for step in (_step(_EQUAL, command, 0, 1), _refuse(errno.EPERM))]
    yield from _when(_IOCTL[column], [_argument(1), *set_flags, _allow()])
    # Changing the limits of another process can kill it; PID 0 is the calling process.
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
    """Run the steps for one system call only. They must end in a verdict; other calls skip them."""
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
