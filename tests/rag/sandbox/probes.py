"""A script to run inside a restricted process: it tries what an exploit would try and reports what worked."""

from __future__ import annotations

from pathlib import Path

PROBES = (
    "read_page",
    "read_page_by_root",
    "read_by_program",
    "list_folder",
    "write_page",
    "truncate_page",
    "make_public",
    "parent_environment",
    "parent_memory",
    "tcp",
    "udp",
    "local_socket",
    "local_datagram",
    "new_namespace",
    "leave_symlink",
    "watch_parent",
    "limit_parent",
    "leave_group",
    "empty_by_reading",
    "change_mode_by_reading",
    "change_times",
    "watch_names",
    "shared_memory",
)

_CODE = """
import ctypes, os, resource, socket, subprocess

PAGE, PORT, LOCAL, PARENT = {page!r}, {port!r}, {local!r}, {parent!r}
libc = ctypes.CDLL(None, use_errno=True)
OWN = os.path.join(os.environ["TMPDIR"], "mine")

def own_folder():
    with open(OWN, "w+") as file:
        file.write("x")

def read_page():
    open(PAGE, "rb").read()

def read_page_by_root():
    open("/proc/self/root" + PAGE, "rb").read()

def read_by_program():
    subprocess.run(["/bin/cat", PAGE], check=True, capture_output=True)

def list_folder():
    os.listdir(os.path.dirname(PAGE))

def write_page():
    open(PAGE, "ab").close()

def truncate_page():
    check(libc.truncate(PAGE.encode(), ctypes.c_long(0)))

def make_public():
    os.chmod(PAGE, 0o777)

def parent_environment():
    open(f"/proc/{{PARENT}}/environ", "rb").read()

def parent_memory():
    open(f"/proc/{{PARENT}}/mem", "rb").close()

def tcp():
    socket.create_connection(("127.0.0.1", PORT), 5).close()

def udp():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()

def local_socket():
    socket.socket(socket.AF_UNIX).connect(LOCAL)

def local_datagram():
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).close()

def new_namespace():
    check(libc.unshare(0x10000000))

def leave_symlink():
    os.symlink(PAGE, os.path.join(os.environ["TMPDIR"], "link"))

def watch_parent():
    check(libc.ptrace(0x4206, PARENT, None, None))

def limit_parent():
    resource.prlimit(PARENT, resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))

def leave_group():
    if os.fork() == 0:  # a group leader cannot call setsid itself
        try:
            os.setsid()
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.wait()[1]:
        raise OSError("refused")

def empty_by_reading():
    os.close(os.open(OWN, os.O_RDONLY | os.O_TRUNC))

def change_mode_by_reading():
    fd = os.open(OWN, os.O_RDONLY)
    try:
        os.fchmod(fd, 0o777)
    finally:
        os.close(fd)

def change_times():
    os.utime(PAGE, (0, 0))

def watch_names():
    fd = libc.inotify_init()
    try:
        if libc.inotify_add_watch(fd, os.path.dirname(PAGE).encode(), 0x100) < 0:
            raise OSError("refused")
    finally:
        os.close(fd)

def shared_memory():
    segment = libc.shmget(0, 4096, 0o1600)
    if segment < 0:
        raise OSError("refused")
    libc.shmctl(segment, 0, None)

def check(result):
    if result:
        raise OSError(ctypes.get_errno(), "refused")

def report():
    reached, refused = [], []
    for probe in (own_folder, {probes}):
        try:
            probe()
        except (OSError, subprocess.CalledProcessError):
            refused.append(probe.__name__)
        else:
            reached.append(probe.__name__)
    return "reached: " + " ".join(reached) + "; refused: " + " ".join(refused)

def open_probe(threads):
    raise RuntimeError(report())

if __name__ == "__main__":
    print(report())
"""


def write_probe(path: Path, page: Path, port: int, local: Path, parent: int) -> None:
    """Write a module that runs PROBES and `own_folder`, the one access that must work.

    As a program, the module prints the result; its function `open_probe` raises RuntimeError with it.
    """
    path.parent.mkdir(exist_ok=True)
    path.write_text(_CODE.format(page=str(page), port=port, local=str(local), parent=parent, probes=", ".join(PROBES)))
