"""Write the light sets, constraints-cuda12.txt and the markers of constraints.txt, from what is installed.

`python -m tests.packaging.constraints` does it after a change of pyproject.toml or constraints.txt. It asks no package
index: names and markers come from the metadata of the installed packages, versions and hashes from constraints.txt.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FULL, LIGHT = ROOT / "constraints.txt", ROOT / "constraints-light.txt"
CUDA12 = ROOT / "constraints-cuda12.txt"
"""The full set with the last torch on the package index for CUDA 12.6, for drivers from 525 and cards from
capability 5.0. Its pins of torch and its libraries are kept; the others are those of the full set."""

TORCH = frozenset({"torch", "torchvision", "open-clip-torch"})
"""The dependencies that only CLIP and models of sentence-transformers need."""
UNUSED = frozenset(
    {
        "bcrypt",  # Chroma: passwords of its server
        "build",  # Chroma: unused at run time
        "hf-xet",  # huggingface-hub: faster downloads of weights
        "kubernetes",  # Chroma: its distributed server
        "networkx",  # PyMuPDF: unused by text and layout
        "tokenizers",  # Chroma: its default embedder; Magpie brings its own vectors
        "uvloop",  # uvicorn: an optional event loop
    }
)
"""What a light installation leaves out because Magpie never imports it, with the package that lists it."""
OVERRIDES = ROOT / "deploy" / "overrides-light.txt"
"""For uv, which has no --no-deps for commands: requirements that apply nowhere."""
_GPU = re.compile(r"torch|torchvision|triton|nvidia-.+|cuda-.+")
BUILD = "setuptools"
"""The build backend, which an installation from the repository needs."""

_PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = (("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64"))
_MARKERS = {
    PLATFORMS: "",
    PLATFORMS[:2]: ' ; sys_platform == "linux"',
    PLATFORMS[::2]: " ; sys_platform != 'linux' or platform_machine == 'x86_64'",
}
"""The markers of packages that only some of the platforms need."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One package of a constraints file: its first line up to the backslash, and the lines with its hashes."""

    requirement: Requirement
    hashes: tuple[str, ...]

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)

    def text(self, marker: str) -> str:
        first = f"{self.requirement.name}{self.requirement.specifier}{marker}"
        return " \\\n".join((first, *(f"    {line}" for line in self.hashes))) + "\n"


def read_pins(path: Path) -> list[Pin]:
    """Return the packages of a constraints file, in its order. Comments are left out."""
    entries = re.sub(r"^#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    found = []
    for entry in entries.splitlines():
        requirement, *hashes = re.split(r"\s+(?=--hash=)", entry.strip())
        found.append(Pin(Requirement(requirement), tuple(part.strip() for part in hashes)))
    return found


def environments() -> Iterator[dict[str, str]]:
    """Yield the environment of markers of every system and Python that Magpie supports."""
    for sys_platform, system, machine in PLATFORMS:
        for python in _PYTHONS:
            yield {
                "sys_platform": sys_platform,
                "platform_system": system,
                "platform_machine": machine,
                "python_version": python,
                "python_full_version": f"{python}.0",
                "os_name": "posix",
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
            }


def closure(names: Collection[str], environment: Mapping[str, str], without: Collection[str] = ()) -> frozenset[str]:
    """Return these requirements and all that they require on a system. Raise PackageNotFoundError if one is absent."""
    required = [one for one in map(Requirement, names) if applies(one.marker, environment)]
    waiting = [(canonicalize_name(requirement.name), requirement.extras) for requirement in required]
    found: set[tuple[str, str]] = set()
    while waiting:
        name, extras = waiting.pop()
        for extra in {"", *extras}:
            if name in without or (name, extra) in found:
                continue
            found.add((name, extra))
            for needed in _requirements(name):
                if applies(needed.marker, {**environment, "extra": extra}):
                    waiting.append((canonicalize_name(needed.name), needed.extras))
    return frozenset(name for name, _ in found)


@cache
def _requirements(name: str) -> tuple[Requirement, ...]:
    return tuple(map(Requirement, metadata.requires(name) or ()))


def applies(marker: Marker | None, environment: Mapping[str, str]) -> bool:
    return marker is None or marker.evaluate(dict(environment))


def project() -> Mapping[str, list[str]]:
    """Return the requirements of the project: those of everyone, and those of its developers."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"": table["dependencies"], "dev": table["optional-dependencies"]["dev"]}


def full_names(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the packages of an installation for development."""
    required = project()
    return closure([*required[""], *required["dev"]], environment)


def light_names(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the packages of an installation without torch."""
    return closure(project()[""], environment, TORCH | UNUSED) | {BUILD}


def files() -> dict[Path, str]:
    """Return the text of both constraints files as they should be."""
    light = light_names(next(environments()))
    pins = read_pins(FULL)
    full = (pin.text(marker) for pin, marker in zip(pins, _markers(pins), strict=True))
    gpu = [pin for pin in read_pins(CUDA12) if _GPU.fullmatch(pin.name)]
    cuda12 = sorted([*gpu, *(pin for pin in pins if not _GPU.fullmatch(pin.name))], key=lambda pin: pin.name)
    return {
        FULL: "".join(full),
        LIGHT: "".join(pin.text("") for pin in pins if pin.name in light),
        CUDA12: "".join(pin.text("") for pin in cuda12),
        OVERRIDES: "".join(f"{name} ; python_version < '3'\n" for name in sorted(TORCH | UNUSED)),
    }


def _markers(pins: Collection[Pin]) -> Iterator[str]:
    """Yield the marker of each package of the full set."""
    needed = [(environment, full_names(environment)) for environment in environments()]
    for pin in pins:
        systems = {(each["sys_platform"], each["platform_machine"]) for each, names in needed if pin.name in names}
        yield _MARKERS[tuple(one for one in PLATFORMS if (one[0], one[2]) in systems)]


def main() -> int:
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
