"""Tests of Landlock and seccomp on launched programs, and of `hide_memory`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rag.sandbox import Restrictions, confinement_gap, runtime_files
from rag.sandbox.launch import ResourceLimits, launch_command, package_folder
from tests.rag.sandbox.probes import PROBES, write_probe

confined = pytest.mark.skipif(confinement_gap() is not None, reason=f"cannot confine here: {confinement_gap()}")
LIMITS = ResourceLimits(cpu_seconds=60, file_bytes=1 << 20)


def launch(
    restrictions: Restrictions, *command: str, cwd: Path, limits: ResourceLimits = LIMITS
) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(cwd)}
    return subprocess.run(
        launch_command(restrictions, limits, command),
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def runtime() -> tuple[str, ...]:
    return runtime_files([package_folder()])


@confined
def test_launched_program_can_only_reach_its_own_folder(tmp_path: Path) -> None:
    page = tmp_path / "data" / "page.jpg"
    page.parent.mkdir()
    page.write_bytes(b"a page of a private channel")
    own = tmp_path / "own"
    write_probe(own / "probe.py", page, 9, tmp_path / "engine.sock", parent=os.getpid())
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(tmp_path / "engine.sock"))
        engine.listen()
        result = launch(Restrictions(runtime(), (str(own),)), sys.executable, "-I", str(own / "probe.py"), cwd=own)
    assert result.stdout.startswith("reached: own_folder; refused: "), result.stderr
    assert result.stdout.split("refused: ")[1].split() == list(PROBES)
    assert page.read_bytes() == b"a page of a private channel"


@confined
def test_probes_succeed_without_restrictions(tmp_path: Path) -> None:
    """Show that the probes of the test above can detect access."""
    page = tmp_path / "page.jpg"
    page.write_bytes(b"x")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(tmp_path / "engine.sock"))
        engine.listen()
        port = server.getsockname()[1]
        write_probe(tmp_path / "probe.py", page, port, tmp_path / "engine.sock", parent=os.getpid())
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)}
        result = subprocess.run(
            [sys.executable, "-I", str(tmp_path / "probe.py")],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    reached = set(result.stdout.split(";")[0].split()[2:])
    # These need privileges or kernel settings, so they can fail without restrictions, too.
    may_fail = {"parent_environment", "parent_memory", "new_namespace", "watch_parent", "leave_group"}
    assert reached >= set(PROBES) - may_fail


@confined
def test_launched_program_is_limited_in_time_and_file_size(tmp_path: Path) -> None:
    shell = 'echo "$(ulimit -t) $(ulimit -f)"'
    result = launch(
        Restrictions(runtime(), (str(tmp_path),)),
        "/bin/sh",
        "-c",
        shell,
        cwd=tmp_path,
        limits=ResourceLimits(121, 200 << 20),
    )
    seconds, blocks = result.stdout.split()
    assert seconds == "121"
    assert int(blocks) in (200 << 11, 200 << 10)  # of 512 bytes, or of 1,024 in some shells


@confined
def test_program_with_sockets_can_only_reach_the_given_ports(tmp_path: Path) -> None:
    code = (
        "import socket, sys\n"
        "for port in map(int, sys.argv[1:]):\n"
        "    try:\n"
        "        socket.create_connection(('127.0.0.1', port), 5).close()\n"
        "        print('reached')\n"
        "    except PermissionError:\n"
        "        print('refused')\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as allowed, socket.create_server(("127.0.0.1", 0)) as other:
        ports = [server.getsockname()[1] for server in (allowed, other)]
        restrictions = Restrictions(runtime(), (str(tmp_path),), sockets=True, ports=(ports[0],))
        result = launch(restrictions, sys.executable, "-I", "-c", code, *map(str, ports), cwd=tmp_path)
    assert result.stdout.split() == ["reached", "refused"], result.stderr


@confined
def test_program_with_sockets_can_only_use_tcp(tmp_path: Path) -> None:
    code = (
        "import socket as s\n"
        "for kind in ((s.AF_INET, s.SOCK_DGRAM), (s.AF_INET, s.SOCK_STREAM, 262), (s.AF_PACKET, s.SOCK_RAW)):\n"
        "    try:\n"
        "        s.socket(*kind).close()\n"
        "        print('made')\n"
        "    except OSError:\n"
        "        print('refused')\n"
        "try:\n"
        "    s.socket().sendto(b'x', s.MSG_FASTOPEN, ('127.0.0.1', 9))\n"
        "except PermissionError:\n"
        "    print('refused')\n"
    )
    restrictions = Restrictions(runtime(), (str(tmp_path),), sockets=True, ports=(9,))
    result = launch(restrictions, sys.executable, "-I", "-c", code, cwd=tmp_path)
    assert result.stdout.split() == ["refused"] * 4, result.stderr


def test_runtime_files_include_the_installation_but_not_a_checkout() -> None:
    readable = runtime_files()
    assert sys.prefix in readable
    assert "/etc" not in readable
    assert str(package_folder().parent) not in readable


_READ_OWN_ENVIRONMENT = """
import ctypes, os, subprocess, sys
from rag.sandbox import hide_memory
libc = ctypes.CDLL(None)
if os.getuid() == 0:  # root can read every process: change to another user
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
libc.prctl(4, 1, 0, 0, 0)  # the default of a program started by an ordinary user
if sys.argv[1] == "hidden":
    hide_memory()
seen = subprocess.run(["/bin/cat", f"/proc/{os.getpid()}/environ"], capture_output=True, env={}).stdout
print(b"xoxb-secret" in seen)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other processes are read in /proc")
@pytest.mark.parametrize(("mode", "readable"), [("open", "True"), ("hidden", "False")])
def test_other_processes_of_the_user_cannot_read_hidden_memory(mode: str, readable: str) -> None:
    environment = {**os.environ, "SLACK_BOT_TOKEN": "xoxb-secret", "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _READ_OWN_ENVIRONMENT, mode]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == readable


@pytest.mark.skipif(sys.platform != "linux", reason="dumpable is a flag of Linux processes")
def test_magpie_command_hides_its_memory(tmp_path: Path) -> None:
    code = (
        "import ctypes, sys\n"
        "from bot.cli.main import main\n"
        "sys.argv = ['magpie', '--help']\n"
        "main()\n"
        "print('dumpable', ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "dumpable 0"
