"""What must be true before Magpie can run, and its installation: `python3 bot/cli/preflight.py .venv`.

Standard library only, and readable by old Pythons: it runs before anything is installed, and an unfit
Python should hear what is wrong, not a syntax error.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

OLDEST, TOO_NEW = (3, 11), (3, 14)
DOWNLOAD_GB, INSTALLED_GB = 3.0, 6.3
"""Measured on Linux with Python 3.11; most of it is torch with its GPU libraries, which run without a GPU too."""
NEEDED_GB = 9.5
"""While it installs, the downloads lie beside what they become."""
ROOMY_GB = 13.0
"""From here on the downloads are kept as well, so that an interrupted installation goes on where it stopped."""
PAUSE = 4.0
"""Seconds between two signs of life where a line cannot be rewritten."""


class Trouble(Exception):
    """Something that a person has to put right first; says how."""


def check_python(version: tuple[int, ...], has_venv: bool) -> None:
    """Raise Trouble for a Python that is too old, too new, or lacks what makes a virtual environment."""
    name = ".".join(str(part) for part in version[:2])
    if not OLDEST <= version[:2] < TOO_NEW:
        raise Trouble(
            f"Magpie needs Python 3.11, 3.12 or 3.13, and this is {name}.\n"
            "Install one of them (Debian, Ubuntu: sudo apt install python3 python3-venv), "
            "then say which: make PYTHON=python3.12 demo"
        )
    if not has_venv:
        raise Trouble(
            f"This Python {name} cannot make a virtual environment: a part of it is packaged apart.\n"
            f"On Debian and Ubuntu: sudo apt install python3-venv (or python{name}-venv)"
        )


def check_disk(free_gb: float, there_gb: float, folder: Path) -> None:
    """Raise Trouble when the installation will not fit; `there_gb` of it lie in the folder already."""
    needed = max(0.5, NEEDED_GB - there_gb)
    if free_gb < needed:
        raise Trouble(
            f"Magpie needs {needed:.1f} GB of free disk to install, and {folder} has {free_gb:.1f} GB.\n"
            "Make room, or install on another disk: make VENV=/elsewhere/venv demo"
        )


def other_python() -> str | None:
    """A Python that fits, when the one that runs does not."""
    return next((found for name in ("3.13", "3.12", "3.11") if (found := shutil.which(f"python{name}"))), None)


def fingerprint(root: Path) -> str:
    """Changes when the installation has to be repeated: other packages, or a folder that was moved."""
    parts = [(root / name).read_bytes() for name in ("constraints.txt", "pyproject.toml")]
    return hashlib.sha256(b"\0".join([*parts, str(root).encode()])).hexdigest()


def size_gb(folder: Path) -> float:
    """What a folder takes on disk."""
    files = (Path(top) / name for top, _, names in os.walk(folder) for name in names)
    return sum(path.lstat().st_size for path in files) / 1e9


class Watch:
    """Turns pip's lines into one that a person can follow, and shows that time passes between them."""

    def __init__(self, total: int, packages: Path, terminal: bool) -> None:
        self.total = total
        self.packages = packages
        self.terminal = terminal
        self.collected = 0
        self.doing = "starting pip"
        self.lines: list[str] = []
        self._started = self._shown = time.monotonic()
        self._ended = threading.Event()

    def line(self, line: str) -> None:
        """Take one line of pip's output."""
        self.lines.append(line)
        download = re.match(r"\s+Downloading (\S+?)-\d\S*? \((\S+ \S+)\)", line)
        if re.match(r"\s*(Collecting|Requirement already satisfied:) ", line):
            self.collected += 1
            name = re.split(r"[=<>~! \[]", line.split(maxsplit=1)[1].replace("already satisfied: ", ""))[0]
            self.doing = f"fetching {name}"
        elif download:
            self.doing = f"downloading {download[1].rsplit('/', 1)[-1]} ({download[2]})"
        elif line.startswith("Installing collected packages"):
            self.doing = "unpacking"

    def sentence(self) -> str:
        """What is being done now."""
        if self.doing == "unpacking":
            done = sum(1 for _ in self.packages.glob("*.dist-info"))
            count = f"{min(done, self.total)}/{self.total} packages unpacked"
        else:
            count = f"{self.collected}/{self.total} {self.doing}"
        return f"  {count}, {time.monotonic() - self._started:.0f} s"

    def show(self) -> None:
        """Keep showing until `end`; runs in a thread of its own."""
        while not self._ended.wait(0.5):
            if self.terminal:
                sys.stdout.write("\r\033[K" + self.sentence()[:79])
            elif time.monotonic() - self._shown >= PAUSE:
                self._shown = time.monotonic()
                sys.stdout.write(self.sentence() + "\n")
            sys.stdout.flush()

    def end(self) -> None:
        self._ended.set()
        if self.terminal:
            sys.stdout.write("\r\033[K")


def pip(python: Path, arguments: list[str], watch: Watch, environment: dict[str, str]) -> None:
    """Run pip, quietly but visibly. Raise Trouble with the end of its output when it fails."""
    command = [str(python), "-m", "pip", "install", "--no-input", "--progress-bar", "off", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=environment) as process:
        shower = threading.Thread(target=watch.show)
        shower.start()
        try:
            for line in process.stdout or ():
                watch.line(line.rstrip())
            code = process.wait()
        except BaseException:
            process.terminate()
            raise
        finally:
            watch.end()
            shower.join()
    if code:
        tail = "\n".join(watch.lines[-12:])
        raise Trouble(f"pip could not install Magpie's packages:\n{tail}\nRun the same command again to go on.")


def install(root: Path, venv: Path) -> None:
    """Make the virtual environment and put Magpie into it; at once when that was done before."""
    stamp, unfinished, python = venv / "magpie-ready", venv / "magpie-unfinished", venv / "bin" / "python"
    wanted = fingerprint(root)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    update = "Magpie brings its installation up to date: that is usually quick.\n"
    first = (
        f"Magpie installs itself into {venv}: {DOWNLOAD_GB:.0f} GB to download, {INSTALLED_GB} GB on disk. "
        "About 8 minutes at 50 Mbit/s, and 3 for unpacking.\n"
    )
    sys.stdout.write(update if stamp.is_file() else first)
    sys.stdout.flush()
    check_python(sys.version_info[:3], importlib.util.find_spec("ensurepip") is not None)
    place = next(folder for folder in (venv, *venv.resolve().parents) if folder.exists())
    free = shutil.disk_usage(place).free / 1e9
    check_disk(free, size_gb(venv), place)
    started = time.monotonic()
    # pip cannot repair packages that were half unpacked, so these start over; the downloads are kept.
    fresh = ["--clear"] if unfinished.exists() else []
    if fresh or not python.exists() or subprocess.call([python, "-m", "pip", "--version"], stdout=subprocess.DEVNULL):
        sys.stdout.write("  making a virtual environment\n")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "venv", *fresh, str(venv)], check=True)
    unfinished.touch()
    downloads = venv / "tmp"
    downloads.mkdir(exist_ok=True)
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}
    environment["TMPDIR"] = str(downloads.resolve())
    total = sum("==" in line for line in (root / "constraints.txt").read_text().splitlines())
    packages = venv / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    cache = [] if free > ROOMY_GB else ["--no-cache-dir"]
    steps = [
        ["--require-hashes", *cache, "-r", str(root / "constraints.txt")],
        ["--no-deps", "--no-build-isolation", "-e", str(root)],
    ]
    for step in steps:
        pip(python, step, Watch(total, packages, sys.stdout.isatty()), environment)
    shutil.rmtree(downloads)
    unfinished.unlink()
    stamp.write_text(wanted)
    sys.stdout.write(f"  installed in {time.monotonic() - started:.0f} s\n")


def main() -> int:
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python3 bot/cli/preflight.py VENV\n")
        return 2
    if not OLDEST <= sys.version_info[:2] < TOO_NEW:
        other = other_python()
        if other:
            os.execv(other, [other, *sys.argv])
    try:
        install(Path(__file__).resolve().parents[2], Path(sys.argv[1]))
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped. Run the same command again to go on.\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
