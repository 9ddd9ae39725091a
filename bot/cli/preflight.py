"""Check the requirements of Magpie and install it: `python3 bot/cli/preflight.py .venv [full|light|cuda12]`.

It runs before anything is installed, so it uses the standard library only. Its syntax is that of old Pythons, so that
an unsupported Python prints what is wrong instead of a syntax error.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

OLDEST, TOO_NEW = (3, 11), (3, 14)
OLDEST_MACOS = 14
"""The oldest for which ONNX Runtime has a wheel."""
CACHE_FACTOR = 1.4
"""How often the required disk must be free for pip to keep its downloads, so that an interrupted installation continues
where it stopped."""
PROGRESS_SECONDS = 4.0
"""Seconds between two lines of progress if stdout is not a terminal."""


class PreflightError(Exception):
    """Something that the user has to fix first. The message says how."""


@dataclass(frozen=True)
class Kind:
    """A set of packages. Sizes in GB were measured on Linux with Python 3.11."""

    name: str
    command: str
    download_gb: float
    installed_gb: float
    required_gb: float
    """Free disk for an installation, which needs downloads and unpacked packages at the same time."""
    minutes: int
    """At 50 Mbit/s, with unpacking."""

    @property
    def constraints(self) -> str:
        return "constraints.txt" if self.name == "full" else f"constraints-{self.name}.txt"


KINDS = {
    "full": Kind("full", "demo", 3, 6.3, 9.5, 11),  # mostly torch and its GPU libraries, without a GPU too
    "light": Kind("light", "install-light", 0.3, 0.9, 1.5, 2),  # without torch
    "cuda12": Kind("cuda12", "install-cuda12", 3, 6.3, 9.5, 11),  # torch for drivers and cards that CUDA 13 dropped
}


def check_system(system: str, machine: str, runtime: str) -> None:
    """Raise PreflightError on a system for which some package has no build.

    `runtime` is the C library on Linux, empty if it is not glibc, and the version on macOS.
    """
    if system == "Linux" and machine in ("x86_64", "aarch64") and runtime == "glibc":
        return
    if (system, machine) == ("Darwin", "arm64") and int(runtime.partition(".")[0] or 0) >= OLDEST_MACOS:
        return
    name = " ".join(part for part in (system, runtime if system == "Darwin" else "", machine) if part)
    if system == "Linux" and runtime != "glibc":
        name += " without glibc"
    raise PreflightError(
        f"Magpie runs on Linux with glibc (x86_64 and aarch64) and on macOS {OLDEST_MACOS} or later (Apple silicon); "
        f"this is {name}: use the container image, WSL 2 or another machine."
    )


def check_python(version: tuple[int, ...], has_venv: bool) -> None:
    """Raise PreflightError if Python is too old or too new, or cannot create virtual environments."""
    name = ".".join(str(part) for part in version[:2])
    if not OLDEST <= version[:2] < TOO_NEW:
        raise PreflightError(
            f"Magpie needs Python 3.11, 3.12 or 3.13, but this is Python {name}.\n"
            "Install one of them (Debian, Ubuntu: sudo apt install python3 python3-venv), "
            "then name it: make PYTHON=python3.12 demo"
        )
    if not has_venv:
        raise PreflightError(
            f"Python {name} cannot create a virtual environment because its venv package is missing.\n"
            f"On Debian and Ubuntu: sudo apt install python3-venv (or python{name}-venv)"
        )


def check_disk(free_gb: float, installed_gb: float, folder: Path, kind: Kind) -> None:
    """Raise PreflightError if the disk is too full; `installed_gb` of the installation are already there."""
    required = max(0.5, kind.required_gb - installed_gb)
    if free_gb < required:
        raise PreflightError(
            f"Magpie needs {required:.1f} GB of free disk to install, but {folder} has {free_gb:.1f} GB.\n"
            f"Free some space, or install on another disk: make VENV=/elsewhere/venv {kind.command}"
        )


def supported_python() -> str | None:
    """Return the path of a supported Python, or None."""
    return next((found for name in ("3.13", "3.12", "3.11") if (found := shutil.which(f"python{name}"))), None)


def fingerprint(root: Path, kind: Kind) -> str:
    """Return the kind, and a hash of the packages and the folder. If it changes, Magpie must be installed again."""
    parts = [(root / name).read_bytes() for name in (kind.constraints, "pyproject.toml")]
    return f"{kind.name} {hashlib.sha256(b'|'.join([*parts, str(root).encode()])).hexdigest()}"


def size_gb(folder: Path) -> float:
    """Return the size of a folder, in GB."""
    files = (Path(top) / name for top, _, names in os.walk(folder) for name in names)
    return sum(path.lstat().st_size for path in files) / 1e9


class PipProgress:
    """Shows the progress of pip in one line, made from the lines that pip prints."""

    def __init__(self, total: int, packages: Path, terminal: bool) -> None:
        self.total = total
        self.packages = packages
        self.terminal = terminal
        self.collected = 0
        self.step = "starting pip"
        self.lines: list[str] = []
        self._started = self._shown = time.monotonic()
        self._stopped = threading.Event()

    def read(self, line: str) -> None:
        """Read one line of pip's output."""
        self.lines.append(line)
        download = re.match(r"\s+Downloading (\S+?)-\d\S*? \((\S+ \S+)\)", line)
        if re.match(r"\s*(Collecting|Requirement already satisfied:) ", line):
            self.collected += 1
            name = re.split(r"[=<>~! \[]", line.split(maxsplit=1)[1].replace("already satisfied: ", ""))[0]
            self.step = f"fetching {name}"
        elif download:
            self.step = f"downloading {download[1].rsplit('/', 1)[-1]} ({download[2]})"
        elif line.startswith("Installing collected packages"):
            self.step = "unpacking"

    def message(self) -> str:
        """Return what pip is doing now."""
        if self.step == "unpacking":
            unpacked = sum(1 for _ in self.packages.glob("*.dist-info"))
            count = f"{min(unpacked, self.total)}/{self.total} packages unpacked"
        else:
            count = f"{self.collected}/{self.total} {self.step}"
        return f"  {count}, {time.monotonic() - self._started:.0f} s"

    def show(self) -> None:
        """Show the progress until `stop` is called, from another thread."""
        while not self._stopped.wait(0.5):
            if self.terminal:
                sys.stdout.write("\r\033[K" + self.message()[:79])
            elif time.monotonic() - self._shown >= PROGRESS_SECONDS:
                self._shown = time.monotonic()
                sys.stdout.write(self.message() + "\n")
            sys.stdout.flush()

    def stop(self) -> None:
        self._stopped.set()
        if self.terminal:
            sys.stdout.write("\r\033[K")


def pip(python: Path, arguments: list[str], progress: PipProgress, environment: dict[str, str]) -> None:
    """Run `pip install` and show its progress. Raise PreflightError with the end of its output if it fails."""
    command = [str(python), "-m", "pip", "install", "--no-input", "--progress-bar", "off", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=environment) as process:
        thread = threading.Thread(target=progress.show)
        thread.start()
        try:
            for line in process.stdout or ():
                progress.read(line.rstrip())
            code = process.wait()
        except BaseException:
            process.terminate()
            raise
        finally:
            progress.stop()
            thread.join()
    if code:
        tail = "\n".join(progress.lines[-12:])
        raise PreflightError(
            f"pip could not install Magpie's packages:\n{tail}\nRun the same command again to continue."
        )


def is_ready(root: Path, ready: str, kind: Kind) -> bool:
    """Return whether an installation is up to date. A full one is also a light one."""
    enough = (kind, KINDS["full"]) if kind.name == "light" else (kind,)
    return any((root / one.constraints).is_file() and ready == fingerprint(root, one) for one in enough)


def install(root: Path, venv: Path, kind: Kind) -> None:
    """Create the virtual environment and install Magpie into it. Return at once if it is up to date."""
    ready, unfinished = venv / "magpie-ready", venv / "magpie-unfinished"
    before = ready.read_text() if ready.is_file() else ""
    if before and is_ready(root, before, kind):
        return
    update = "Updating the installation of Magpie. This is usually quick.\n"
    first = (
        f"Installing Magpie into {venv}: {kind.download_gb:g} GB to download, {kind.installed_gb:g} GB on disk. "
        f"This takes about {kind.minutes} minutes at 50 Mbit/s.\n"
    )
    sys.stdout.write(update if before.startswith(f"{kind.name} ") else first)
    sys.stdout.flush()
    runtime = platform.mac_ver()[0] if platform.system() == "Darwin" else platform.libc_ver()[0]
    check_system(platform.system(), platform.machine(), runtime)
    check_python(sys.version_info[:3], importlib.util.find_spec("ensurepip") is not None)
    existing = next(folder for folder in (venv, *venv.resolve().parents) if folder.exists())
    free_gb = shutil.disk_usage(existing).free / 1e9
    check_disk(free_gb, size_gb(venv), existing, kind)
    started = time.monotonic()
    create_environment(venv, unfinished)
    install_packages(root, venv, kind, cache=free_gb > CACHE_FACTOR * kind.required_gb)
    if kind.name == "light":
        uninstall_installers(venv)
    unfinished.unlink()
    ready.write_text(fingerprint(root, kind))
    sys.stdout.write(f"  installed in {time.monotonic() - started:.0f} s\n")


def has_pip(python: Path) -> bool:
    """Return whether this is the Python of an environment with pip. A light installation has none: see below."""
    quiet = subprocess.DEVNULL
    return python.exists() and subprocess.call([python, "-m", "pip", "--version"], stdout=quiet, stderr=quiet) == 0


def create_environment(venv: Path, unfinished: Path) -> None:
    """Create the virtual environment, or keep a sound one, and mark it as unfinished."""
    python = venv / "bin" / "python"
    # pip cannot repair half-unpacked packages, so the environment is cleared. The downloads are kept.
    clear = ["--clear"] if unfinished.exists() else []
    if clear or not has_pip(python):
        sys.stdout.write("  creating a virtual environment\n")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "venv", *clear, str(venv)], check=True)
    unfinished.touch()


def install_packages(root: Path, venv: Path, kind: Kind, *, cache: bool) -> None:
    """Install the packages of a kind, each checked against its hash, and then Magpie itself."""
    downloads = venv / "tmp"
    downloads.mkdir(exist_ok=True)
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}
    environment["TMPDIR"] = str(downloads.resolve())
    total = len(re.findall(r"^\w", (root / kind.constraints).read_text(), re.MULTILINE))
    packages = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    # The file names every package that is needed, and not all that others list. Compiled modules take a tenth of a
    # light installation, so Python makes those that it uses.
    options = ["--no-deps", *(["--no-compile"] if kind.name == "light" else []), *([] if cache else ["--no-cache-dir"])]
    steps = [
        ["--require-hashes", *options, "-r", str(root / kind.constraints)],
        ["--no-deps", "--no-build-isolation", "-e", str(root)],
    ]
    for step in steps:
        pip(venv / "bin" / "python", step, PipProgress(total, packages, sys.stdout.isatty()), environment)
    shutil.rmtree(downloads)


def uninstall_installers(venv: Path) -> None:
    """Uninstall what only an installation needs. With bytecode it takes 20 MB; the next one creates pip again."""
    command = [str(venv / "bin" / "python"), "-m", "pip", "uninstall", "--yes", "--quiet", "setuptools", "pip"]
    subprocess.run(command, check=True)


def main() -> int:
    if len(sys.argv) not in (2, 3) or (sys.argv[2:] and sys.argv[2] not in KINDS):
        sys.stderr.write(f"usage: python3 bot/cli/preflight.py VENV [{'|'.join(KINDS)}]\n")
        return 2
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        python = supported_python()
        if python:
            os.execv(python, [python, *sys.argv])
    try:
        install(Path(__file__).resolve().parents[2], Path(sys.argv[1]), KINDS[(sys.argv[2:] or ["full"])[0]])
    except PreflightError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run the same command again to continue.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
